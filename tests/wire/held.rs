//! Input that stands still until something is kept, checked or looked up: what was sent behind it is neither
//! lost, nor run twice, nor answered out of its order.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use chinwag::chat::archive::{
    Archive, Change, HashWork, KeptLine, NotKept, Question, Settled, Ticket,
};
use chinwag::config::Limits;
use chinwag::server::{BARE_CR_TIME, LINGER_TIME};

use crate::archive::TestArchive;
use crate::support::{VirtualClient, VirtualServer};

const PASSWORD: &str = "correct horse";

/// An archive in the server's hands and in the test's.
#[derive(Clone, Debug, Default)]
struct Shared(Rc<RefCell<TestArchive>>);

impl Archive for Shared {
    fn is_open(&self) -> bool {
        self.0.borrow().is_open()
    }

    fn has_search(&self) -> bool {
        self.0.borrow().has_search()
    }

    fn keep(&mut self, line: &KeptLine<'_>) -> Option<Ticket> {
        self.0.borrow_mut().keep(line)
    }

    fn change(&mut self, change: Change) -> Option<Ticket> {
        self.0.borrow_mut().change(change)
    }

    fn ask(&mut self, question: Question) -> Option<Ticket> {
        self.0.borrow_mut().ask(question)
    }

    fn hash(&mut self, work: HashWork) -> Option<Ticket> {
        self.0.borrow_mut().hash(work)
    }
}

/// A server whose archive does nothing until the test says so.
struct Stage {
    server: VirtualServer,
    archive: Shared,
}

impl Stage {
    /// Alice and bob have accounts, and are not here.
    fn new(limits: Limits) -> Self {
        let archive = Shared::default();
        let mut stage = Self {
            server: VirtualServer::with_archive(limits, Box::new(archive.clone())),
            archive,
        };
        for name in ["alice", "bob"] {
            let client = stage.server.register("127.0.0.1:9", name);
            let lines = format!("/account new\n{PASSWORD}\n/quit\n");
            stage.server.send(&client, lines.as_bytes());
            stage.settle_all();
            assert!(client.text().contains(&format!("{name} is yours now")));
            stage.server.advance(LINGER_TIME);
            assert!(client.is_closed());
        }
        stage
    }

    /// The archive does all that it was given.
    fn settle_all(&mut self) {
        while self.settle_one() {}
    }

    fn settle_one(&mut self) -> bool {
        let settled = self.archive.0.borrow_mut().settle_one();
        let is_any = !settled.is_empty();
        for settled in settled {
            self.server.settle(settled);
        }
        is_any
    }

    /// How much the archive was given and has not done.
    fn waiting(&self) -> usize {
        let archive = self.archive.0.borrow();
        archive.writes() + archive.work()
    }

    fn send(&mut self, client: &VirtualClient, text: &str) {
        self.server.send(client, text.as_bytes());
    }

    /// A connection that is logged in, with its output taken.
    fn log_in(&mut self, name: &str) -> VirtualClient {
        self.log_in_and_hear(name).0
    }

    /// Likewise, with that output.
    fn log_in_and_hear(&mut self, name: &str) -> (VirtualClient, String) {
        let client = self.server.connect("127.0.0.1:1");
        self.send(&client, &format!("/login {name} {PASSWORD}\n"));
        self.settle_all();
        let text = client.text();
        assert!(text.contains(&format!("* You are {name}")), "{text}");
        (client, text)
    }
}

/// Where each of these is in `text`, one behind the other.
#[track_caller]
fn expect_in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else {
            panic!("no {part:?} in its place: {text}");
        };
        rest = behind;
    }
}

#[test]
fn line_behind_a_login_waits_for_its_answer_however_they_were_sent() {
    let sent = format!("/login alice {PASSWORD}\n/ping one\n/ping two\n");
    let mut answers = Vec::new();
    for cut in 1..sent.len() {
        let mut stage = Stage::new(Limits::default());
        let client = stage.server.connect("127.0.0.1:1");
        let greeting = client.text();
        let (one, other) = sent.split_at(cut);
        stage.send(&client, one);
        stage.send(&client, other);
        assert_eq!(
            client.text(),
            "",
            "nothing is answered before the archive has"
        );
        assert_eq!(stage.waiting(), 1, "the password is checked");
        stage.settle_all();
        let text = client.text();
        expect_in_order(&text, &["* You are alice", "* pong one", "* pong two"]);
        assert_eq!(text.matches("pong").count(), 2, "{text}");
        answers.push(greeting + &text);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[test]
fn line_that_is_not_taken_is_given_again_once_and_charged_once() {
    const LINES: u32 = 5;
    let mut stage = Stage::new(Limits {
        line_burst: LINES + 1,
        lines_per_second: 1,
        limit_loopback: true,
        register_time: Duration::from_secs(6000),
        ..Limits::default()
    });
    stage.server.advance(Duration::from_secs(60));
    let client = stage.log_in("alice");
    stage.send(&client, "/mode json\n");
    stage.server.advance(Duration::from_secs(60));
    client.take();
    let before = lines_in(&mut stage);
    // The first is answered once it is kept, and the others must come behind it.
    let too_long = "x".repeat(Limits::default().line_bytes_max + 1);
    stage.send(
        &client,
        &format!("@bob:hi\n/ping a\n{too_long}\n/nonsense\n/ping b\n"),
    );
    assert_eq!(client.text(), "");
    assert_eq!(stage.waiting(), 1, "the message is kept");
    stage.settle_all();
    let text = client.text();
    let parts = [
        "\"waiting\"",
        "pong a",
        "line_too_long",
        "unknown_command",
        "pong b",
    ];
    expect_in_order(&text, &parts);
    assert_eq!(text.lines().count(), 5, "{text}");
    // The burst has one line left: no line was charged twice.
    stage.send(&client, "/ping c\n");
    assert!(client.text().contains("pong c"));
    stage.send(&client, "/ping d\n");
    assert_eq!(client.text(), "");
    let counted = lines_in(&mut stage) - before;
    assert_eq!(
        counted,
        u64::from(LINES) + 1 + 3,
        "those, c, and the question's"
    );
}

/// Lines that the server has taken, by its own count.
fn lines_in(stage: &mut Stage) -> u64 {
    let client = stage.server.connect_ungreeted("198.51.100.1:1");
    stage.send(&client, "/mode json\n/stats\n/quit\n");
    let text = client.text();
    let stats = text.lines().rev().nth(1).unwrap();
    let stats: serde_json::Value = serde_json::from_str(stats).unwrap();
    stage.server.advance(LINGER_TIME);
    // Without the two of this client so far.
    stats["lines_in"].as_u64().unwrap() - 2
}

#[test]
fn end_of_input_waits_until_all_is_answered() {
    for (lines, answers, at_once) in [
        (
            format!("/login alice {PASSWORD}\n@bob:x\n"),
            &["* You are alice", "it waits"][..],
        ),
        (
            format!("/login alice {PASSWORD}\n@bob:x"),
            &["* You are alice", "it waits"],
        ),
        (format!("/login alice {PASSWORD}"), &["* You are alice"]),
        (
            "/login alice wrong horse\n/ping x".to_owned(),
            &["! ", "* pong x"],
        ),
    ]
    .iter()
    .flat_map(|case| [(case, true), (case, false)])
    .map(|((lines, answers), at_once)| (lines, *answers, at_once))
    {
        let mut stage = Stage::new(Limits::default());
        let client = stage.server.connect("127.0.0.1:1");
        client.take();
        stage.server.deliver(&client, lines.as_bytes());
        if !at_once {
            stage.server.run();
        }
        stage.server.half_close(&client);
        assert!(!client.is_closed(), "{lines}");
        assert_eq!(client.text(), "", "{lines}");
        let mut rounds = 0;
        while stage.settle_one() {
            rounds += 1;
        }
        assert!(rounds > 0, "{lines}");
        expect_in_order(&client.text(), answers);
        assert!(client.is_closed(), "closed once all is answered: {lines}");
    }
}

#[test]
fn end_of_input_behind_a_kept_line_waits_for_its_answer() {
    let mut stage = Stage::new(Limits::default());
    let client = stage.log_in("alice");
    stage.server.deliver(&client, b"@bob:x");
    stage.server.half_close(&client);
    assert_eq!(stage.waiting(), 1);
    assert!(!client.is_closed());
    stage.settle_all();
    assert!(client.text().contains("* bob is not here; it waits."));
    assert!(client.is_closed());
}

#[test]
fn register_time_stands_still_while_a_password_is_checked() {
    let limits = Limits::default();
    let register_time = limits.register_time;
    let mut stage = Stage::new(limits);
    let client = stage.server.accept("127.0.0.1:1");
    let (early, wait) = (Duration::from_secs(1), Duration::from_secs(3));
    stage.server.advance(register_time.saturating_sub(early));
    stage.send(&client, "/login alice wrong horse\n");
    stage.server.advance(wait);
    assert!(!client.socket.borrow().shut, "its time stands still");
    stage.settle_all();
    stage.server.advance(early / 2);
    assert!(
        !client.socket.borrow().shut,
        "it has the time that it had before"
    );
    stage.server.advance(early);
    let text = client.text();
    assert!(text.contains("! You did not register in time."), "{text}");
    assert!(client.socket.borrow().shut);
}

#[test]
fn silent_archive_lets_input_go_on_after_its_time() {
    let mut stage = Stage::new(Limits::default());
    let client = stage.server.connect("127.0.0.1:1");
    client.take();
    stage.send(&client, "/login alice wrong horse\n/ping behind\n");
    stage.server.advance(Duration::from_secs(4));
    assert_eq!(client.text(), "");
    stage.server.advance(Duration::from_secs(2));
    let text = client.text();
    expect_in_order(&text, &["! ", "* pong behind"]);
    // What comes later is nobody's.
    stage.settle_all();
    assert_eq!(client.text(), "");
}

#[test]
fn client_that_is_gone_while_it_waits_leaves_at_once() {
    let mut stage = Stage::new(Limits::default());
    let alice = stage.log_in("alice");
    let [carol] = stage.server.register_all(["carol"]);
    alice.take();
    stage.send(&carol, &format!("/login bob {PASSWORD}\n/ping behind\n"));
    stage.server.reset(&carol);
    assert_eq!(alice.text(), "* carol has left lobby.\n");
    assert!(carol.is_closed());
    stage.settle_all();
    assert_eq!(alice.text(), "");
}

#[test]
fn exit_gives_answers_that_wait_and_takes_no_further_line() {
    let mut stage = Stage::new(Limits::default());
    let client = stage.log_in("alice");
    let [idle] = stage.server.register_all(["idle"]);
    client.take();
    // The last line waits for the answer to the first.
    stage.send(&client, "@bob:one\n@bob:two\n/ping behind\n");
    stage.server.switchboard.shut_down(stage.server.now);
    stage.server.run();
    assert!(idle.socket.borrow().shut, "who waits for nothing is closed");
    assert!(!client.socket.borrow().shut);
    stage.settle_one();
    assert!(!client.socket.borrow().shut);
    stage.settle_all();
    let text = client.text();
    assert_eq!(
        text.matches("* bob is not here; it waits.").count(),
        2,
        "{text}"
    );
    assert!(!text.contains("pong"), "{text}");
    assert!(client.socket.borrow().shut);
}

#[test]
fn exit_tells_what_was_not_kept() {
    let mut stage = Stage::new(Limits::default());
    let client = stage.log_in("alice");
    client.take();
    stage.send(&client, "@bob:one\n");
    stage.server.switchboard.shut_down(stage.server.now);
    stage.server.run();
    let failed = stage.archive.0.borrow_mut().keep_none();
    stage.server.settle(failed.unwrap());
    let text = client.text();
    assert!(text.lines().last().unwrap().starts_with("! "), "{text}");
    assert!(client.socket.borrow().shut);
}

#[test]
fn blank_line_cancels_a_question_and_means_nothing_otherwise() {
    for blank in ["\n", "  \n", "\r\n"] {
        let mut stage = Stage::new(Limits::default());
        let client = stage.server.connect("127.0.0.1:1");
        client.take();
        stage.send(&client, "/login alice\n");
        assert!(client.text().contains("Password for alice?"));
        stage.send(&client, blank);
        let text = client.text();
        assert!(text.contains("ancel"), "{text}");
        stage.send(&client, blank);
        assert_eq!(client.text(), "");
        assert_eq!(stage.waiting(), 0);
    }
}

#[test]
fn bare_cr_ends_a_line_that_is_answered_later() {
    let mut stage = Stage::new(Limits::default());
    let client = stage.server.connect("127.0.0.1:1");
    client.take();
    stage.send(&client, &format!("/login alice {PASSWORD}\r"));
    stage.server.advance(BARE_CR_TIME);
    assert_eq!(stage.waiting(), 1);
    stage.send(&client, "/ping behind\r");
    stage.server.advance(BARE_CR_TIME);
    stage.settle_all();
    stage.server.advance(BARE_CR_TIME);
    expect_in_order(&client.text(), &["* You are alice", "* pong behind"]);
}

#[test]
fn reader_that_is_slow_meanwhile_gets_the_line_that_waited_when_it_reads() {
    let limits = Limits {
        line_bytes_max: 1024,
        output_soft_bytes_max: 4096,
        output_hard_bytes_max: 8192,
        turn_bytes_max: 4096,
        ..Limits::default()
    };
    let mut stage = Stage::new(limits);
    let client = stage.log_in("alice");
    let [carol] = stage.server.register_all(["carol"]);
    client.take();
    stage.send(&client, "@bob:x\n/help\n/ping behind\n");
    assert_eq!(stage.waiting(), 1);
    // By the time of the answer so much is unread that the help would not fit.
    client.limit_space(0);
    while stage.server.switchboard.queued_bytes() < 7300 {
        stage.send(&carol, &format!("@alice:{}\n", "y".repeat(400)));
    }
    stage.settle_all();
    assert!(!client.is_closed());
    stage.server.set_space(&client, usize::MAX);
    let text = client.text();
    expect_in_order(&text, &["it waits", "/help", "* pong behind"]);
    assert_eq!(text.matches("pong behind").count(), 1, "{text}");
}

#[test]
fn line_past_the_limit_is_refused_behind_the_answers_before_it() {
    let mut stage = Stage::new(Limits::default());
    let client = stage.log_in("alice");
    client.take();
    let too_long = "x".repeat(Limits::default().line_bytes_max + 1);
    stage.send(&client, &format!("@bob:hi\n{too_long}\n/ping behind\n"));
    assert_eq!(client.text(), "");
    stage.settle_all();
    let parts = ["it waits", "! That line is too long", "* pong behind"];
    expect_in_order(&client.text(), &parts);
}

#[test]
fn message_to_a_user_who_has_logged_out_is_lost_with_the_connection() {
    let mut stage = Stage::new(Limits::default());
    let (alice, bob) = (stage.log_in("alice"), stage.log_in("bob"));
    alice.take();
    bob.lag();
    stage.send(&alice, "@bob:hello\n");
    stage.settle_all();
    stage.send(&bob, "/logout\n");
    assert_eq!(alice.text(), "* bob has left lobby.\n");
    stage.server.reset(&bob);
    assert_eq!(
        alice.text(),
        "! Your last message to bob was not delivered: bob is gone.\n"
    );
}

#[test]
fn what_waited_waits_on_if_the_connection_ends_that_it_was_sent_to() {
    let mut stage = Stage::new(Limits::default());
    let alice = stage.log_in("alice");
    stage.send(&alice, "@bob:hello\n");
    stage.settle_all();
    let bob = stage.server.connect("127.0.0.1:1");
    bob.lag();
    stage.send(&bob, &format!("/login bob {PASSWORD}\n/logout\n"));
    stage.settle_all();
    stage.server.reset(&bob);
    stage.server.advance(Duration::from_secs(2));
    stage.settle_all();
    let (_, heard) = stage.log_in_and_hear("bob");
    assert!(heard.contains("@alice: hello"), "{heard}");
}

#[test]
fn password_behind_its_minute_is_refused_whatever_it_begins_with() {
    let mut stage = Stage::new(Limits::default());
    for password in ["correct horse", "@bob:horse", "#horse", "//horse", " horse"] {
        let (alice, bob) = (stage.log_in("alice"), stage.log_in("bob"));
        stage.send(&alice, "/account password\n");
        stage.server.advance(Duration::from_secs(60));
        bob.take();
        alice.take();
        stage.send(&alice, &format!("{password}\n"));
        assert!(
            alice.text().starts_with("! That came too late"),
            "{password}"
        );
        assert_eq!(bob.text(), "", "{password}");
        stage.send(&alice, "hello\n");
        assert_eq!(bob.text(), "alice: hello\n");
        stage.send(&alice, "/quit\n");
        stage.send(&bob, "/quit\n");
        stage.server.advance(LINGER_TIME);
    }
}

#[test]
fn broken_store_shows_in_the_counters() {
    let mut stage = Stage::new(Limits::default());
    let alice = stage.log_in("alice");
    let stats = |stage: &mut Stage| {
        alice.take();
        stage.send(&alice, "/stats\n");
        alice.text()
    };
    assert!(!stats(&mut stage).contains("kept"));
    let not_kept = |first, last, why| Settled::NotKept {
        first: Ticket(first),
        last: Ticket(last),
        why,
    };
    stage.server.settle(not_kept(1001, 1003, NotKept::Full));
    assert!(stats(&mut stage).contains("* 3 lines could not be kept."));
    stage.server.settle(not_kept(1004, 1004, NotKept::Broken));
    assert!(stats(&mut stage).contains("* Nothing is kept any more"));
}
