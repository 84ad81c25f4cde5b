//! Clients whose connection is over: what they had sent, and their names.

use std::time::Duration;

use chinwag::config::Limits;

use crate::support::{GONE, VirtualClient, VirtualServer};

/// How long a probe lasts, and how long its holder is quiet first.
const SECONDS_3: Duration = Duration::from_secs(3);

/// Not on this machine, so that its lines are limited in rate.
const PACED: &str = "192.0.2.7:1";

/// Lines that one turn runs, by default; and those that are run at once, of a client limited in rate.
const TURN_LINES: usize = 64;
const BURST: usize = 40;

/// `count` lines, each with its number.
fn lines(count: usize) -> Vec<u8> {
    let lines = (0..count).map(|number| format!("{number}\n"));
    lines.collect::<String>().into_bytes()
}

/// The number of lines that `bob` said, and whether his leaving came after them.
#[track_caller]
fn said_by_bob(alice: &VirtualClient) -> usize {
    let text = alice.text();
    let said = text.matches("bob: ").count();
    assert!(text.ends_with("* bob has left lobby.\n"), "{text}");
    said
}

/// Alice, and bob whose lines are held after the first few of many.
fn bob_is_held() -> (VirtualServer, VirtualClient, VirtualClient, usize) {
    let mut server = VirtualServer::new(Limits::default());
    let [alice] = server.register_all(["alice"]);
    let bob = server.register(PACED, "bob");
    server.send(&bob, &lines(300));
    let said = alice.text().matches("bob: ").count();
    assert!((BURST - 2..=BURST).contains(&said), "{said}");
    (server, alice, bob, said)
}

#[test]
fn held_lines_of_a_gone_client_are_dropped_and_its_name_is_free() {
    for is_reset in [true, false] {
        let (mut server, alice, bob, _) = bob_is_held();
        if is_reset {
            server.reset(&bob);
        } else {
            server.close_both_ways(&bob);
        }
        assert_eq!(said_by_bob(&alice), 0);
        assert!(bob.is_closed());
        server.register("127.0.0.1:2", "bob");
        alice.take();
        server.advance(Duration::from_secs(60));
        assert_eq!(alice.text(), "");
    }
}

/// The line that asks for the name comes with the event that frees it.
#[test]
fn name_of_a_gone_client_is_free_for_the_next_line() {
    let (mut server, alice, bob, _) = bob_is_held();
    let other = server.connect("127.0.0.1:2");
    other.take();
    bob.socket.borrow_mut().reset = true;
    server.report(bob.id, GONE);
    server.send(&other, b"#bob\n");
    assert!(other.text().starts_with("* You are registered as bob."));
    assert!(alice.text().starts_with("* bob has left lobby.\n"));
}

#[test]
fn client_that_is_gone_before_it_is_held_says_what_needs_no_wait() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice] = server.register_all(["alice"]);
    let bob = server.register(PACED, "bob");
    server.deliver(&bob, &lines(300));
    server.close_both_ways(&bob);
    let said = said_by_bob(&alice);
    assert!((BURST - 2..=BURST).contains(&said), "{said}");
    server.register("127.0.0.1:2", "bob");
}

/// Lines that nothing but the others' turns hold up count, all of them: a script over a Unix socket that closes
/// it looks like this.
#[test]
fn gone_client_has_all_lines_heard_that_need_no_wait() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    alice.take();
    server.deliver(&bob, &lines(1000));
    server.close_both_ways(&bob);
    assert_eq!(said_by_bob(&alice), 1000);
}

#[test]
fn gone_client_that_read_nothing_leaves_at_once() {
    let limits = Limits {
        output_soft_bytes_max: 16 << 10,
        output_hard_bytes_max: 32 << 10,
        ..Limits::default()
    };
    let mut server = VirtualServer::new(limits);
    let [alice, bob] = server.register_all(["alice", "bob"]);
    alice.take();
    bob.limit_space(0);
    // Each is answered, until as much waits as its own lines may cause.
    let ping = format!("/ping {}\n", "x".repeat(1000));
    server.send(&bob, ping.repeat(30).as_bytes());
    server.send(&bob, b"never\n");
    assert_eq!(alice.text(), "");
    bob.socket.borrow_mut().closed_by_client = true;
    // Not even a write has to fail.
    let gone = chinwag::server::switchboard::Readiness {
        writable: false,
        ..GONE
    };
    server.report(bob.id, gone);
    server.run();
    assert_eq!(said_by_bob(&alice), 0);
}

#[test]
fn half_closed_client_has_its_held_lines_run_and_answered() {
    let (mut server, alice, bob, said) = bob_is_held();
    server.send(&bob, b"/ping last");
    bob.take();
    server.half_close(&bob);
    let told = "* You sent many lines at once: the rest is taken at 10 a second.\n";
    assert_eq!(bob.text(), told);
    server.advance(Duration::from_secs(20));
    assert_eq!(bob.text(), "", "it is told once");
    assert!(!bob.is_closed());
    server.advance(Duration::from_secs(20));
    assert_eq!(said + said_by_bob(&alice), 300);
    assert_eq!(bob.text(), "* pong last\n");
    assert!(bob.is_closed());
}

/// An end is no line: the rate does not hold it.
#[test]
fn client_that_has_used_its_burst_up_ends_at_once() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice] = server.register_all(["alice"]);
    let bob = server.register(PACED, "bob");
    server.send(&bob, &lines(BURST - 1));
    bob.take();
    server.half_close(&bob);
    assert_eq!(said_by_bob(&alice), BURST - 1);
    assert_eq!(bob.text(), "");
    // Half a line is one.
    let bob = server.register(PACED, "bob");
    server.send(&bob, &lines(BURST - 1));
    server.send(&bob, b"last");
    alice.take();
    server.half_close(&bob);
    assert_eq!(alice.text(), "");
    server.advance(Duration::from_secs(1));
    assert_eq!(said_by_bob(&alice), 1);
}

/// The kernel may learn of the end of the other direction later, as it is written to.
#[test]
fn half_closed_client_that_is_gone_is_heard_no_further() {
    let (mut server, alice, bob, _) = bob_is_held();
    server.half_close(&bob);
    server.advance(Duration::from_secs(10));
    let said = alice.text().matches("bob: ").count();
    assert!((99..=101).contains(&said), "{said}");
    server.close_both_ways(&bob);
    assert_eq!(said_by_bob(&alice), 0);
}

const SOON: Duration = Duration::from_secs(1);
const USUAL: Duration = Duration::from_secs(60);

fn keepalive_times(client: &VirtualClient) -> Vec<Duration> {
    client.socket.borrow().keepalive_times.clone()
}

#[test]
fn quiet_holder_of_a_name_is_probed_once_in_three_seconds() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice] = server.register_all(["alice"]);
    let guest = server.connect("127.0.0.1:2");
    guest.take();
    server.send(&guest, b"#alice\n");
    assert_eq!(
        guest.text(),
        "! The name alice is in use. Try another one.\n"
    );
    assert!(keepalive_times(&alice).is_empty());
    server.advance(SECONDS_3);
    for _ in 0..20 {
        server.send(&guest, b"#ALICE\n/nick alice\n");
    }
    let told = "ALICE is in use. A lost connection ends within 214 s.";
    assert!(guest.text().starts_with(&format!("! {told}\n")));
    assert_eq!(keepalive_times(&alice), [SOON]);
    server.advance(SECONDS_3);
    assert_eq!(keepalive_times(&alice), [SOON, USUAL]);
    server.send(&guest, b"/mode json\n#ALICE\n");
    let answer = guest.text();
    let answer: serde_json::Value = serde_json::from_str(answer.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&answer["code"], &answer["text"]),
        (&"name_taken".into(), &told.into())
    );
    server.advance(SECONDS_3);
    assert_eq!(keepalive_times(&alice), [SOON, USUAL, SOON, USUAL]);
    assert_eq!(alice.text(), "");
    assert!(keepalive_times(&guest).is_empty() && !alice.is_closed());
}

#[test]
fn probed_client_that_is_gone_leaves_nothing_to_its_successor() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    server.advance(SECONDS_3);
    server.send(&bob, b"/nick alice\n");
    bob.take();
    server.reset(&alice);
    assert_eq!(bob.text(), "* alice has left lobby.\n");
    let other = server.connect("127.0.0.1:2");
    assert_eq!(other.id.slot, alice.id.slot);
    server.send(&bob, b"/nick alice\n");
    assert!(bob.text().starts_with("* You are now alice.\n"));
    server.advance(SECONDS_3);
    assert_eq!(keepalive_times(&alice), [SOON]);
    assert!(keepalive_times(&other).is_empty());
}

/// A slow reader's connection is no longer given up by TCP, and no time can be told.
#[test]
fn holder_that_is_behind_is_probed_and_no_time_is_told() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    alice.limit_space(0);
    server.send(&bob, b"hello\n");
    server.advance(SECONDS_3);
    server.send(&bob, b"/nick alice\n");
    assert_eq!(bob.text(), "! The name alice is in use. Try another one.\n");
    assert_eq!(keepalive_times(&alice), [SOON]);
}

#[test]
fn refusal_of_the_longest_name_fits_a_terminal() {
    let name = "a".repeat(24);
    // A day, the longest that the flags take, twice and an eighth.
    let limits = Limits {
        keepalive_time: Duration::from_secs(32_767),
        user_timeout: Duration::from_secs(86_400),
        ..Limits::default()
    };
    for limits in [limits, Limits::default()] {
        let mut server = VirtualServer::new(limits);
        server.register("127.0.0.1:1", &name);
        server.advance(SECONDS_3);
        let guest = server.connect("127.0.0.1:2");
        guest.take();
        server.send(&guest, format!("#{name}\n").as_bytes());
        let answer = guest.text();
        assert!(
            answer.contains(" within ") && answer.trim_end().len() <= 79,
            "{answer}"
        );
    }
}
