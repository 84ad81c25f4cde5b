//! What waits for accounts that are not here.

use std::time::Duration;

use chinwag::chat::archive::{NotKept, Settled, Ticket};
use chinwag::chat::command::{AccountCommand, Command};
use chinwag::chat::ids::ClientId;
use chinwag::chat::limits::HistoryLimits;
use chinwag::chat::name::Name;

use super::stage::{Handled, Stage, account, limits};

const SECOND: Duration = Duration::from_secs(1);

/// How many lines wait for bob, as far as the archive knows.
fn waiting(stage: &Stage) -> usize {
    let bob = account("bob");
    let all = stage.archive.kept.waiting.iter();
    all.filter(|(waits, _)| *waits == bob).count()
}

fn write(stage: &mut Stage, from: ClientId, to: &str) -> String {
    stage.write(from, to, "hi");
    stage.settle();
    stage.hear(from).pop().unwrap()
}

#[test]
fn line_to_an_account_that_is_not_here_waits_once_that_is_kept() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    for is_plain in [false, true] {
        if is_plain {
            stage.be_plain(alice);
        }
        assert_eq!(stage.write(alice, "BOB", "hi"), Handled::Queued);
        assert!(stage.hear(alice).is_empty());
        stage.keep_all();
        let id = if is_plain { 2 } else { 1 };
        assert_eq!(stage.hear(alice), [format!("ok #{id} waiting bob")]);
    }
    assert_eq!(waiting(&stage), 2);
    let bob = stage.begin_login("bob");
    stage.settle();
    let heard = [
        "late alice: hi #1",
        "late alice: hi #2",
        "logged in bob lobby waiting 2",
    ];
    assert_eq!(stage.hear(bob), heard);
    // Dropped once they have arrived.
    let delivery = stage.ears.delivery(bob);
    stage.ears.unarrived.insert((bob, delivery), 1);
    stage.wait(SECOND);
    stage.settle();
    assert_eq!(waiting(&stage), 1);
    stage.ears.unarrived.clear();
    stage.wait(SECOND);
    stage.settle();
    assert_eq!(waiting(&stage), 0);
}

/// Else whoever fills a mailbox keeps its owner out: a login would bring more than may wait for a connection.
#[test]
fn long_lines_that_waited_come_in_portions_each_once_the_last_has_arrived() {
    let mut stage = Stage::with(HistoryLimits {
        page_bytes_max: 10,
        ..limits()
    });
    let (alice, carol) = (stage.login("alice"), stage.login("carol"));
    for (from, text) in [
        (alice, "12345"),
        (alice, "67890"),
        (carol, "x"),
        (carol, "far too long for a portion"),
    ] {
        stage.write(from, "bob", text);
    }
    stage.settle();
    let bob = stage.begin_login("bob");
    stage.settle();
    let first = [
        "late alice: 12345 #1",
        "late alice: 67890 #2",
        "logged in bob lobby waiting 4",
    ];
    assert_eq!(stage.hear(bob), first);
    // One of them is still on its way.
    let delivery = stage.ears.delivery(bob);
    stage.ears.unarrived.insert((bob, delivery), 1);
    for _ in 0..3 {
        stage.wait(SECOND);
        stage.settle();
    }
    assert!(stage.hear(bob).is_empty());
    stage.ears.unarrived.clear();
    let mut heard = Vec::new();
    for _ in 0..6 {
        stage.wait(SECOND);
        stage.settle();
        heard.extend(stage.hear(bob));
    }
    let rest = [
        "late carol: x #3",
        "late carol: far too long for a portion #4",
    ];
    assert_eq!(heard, rest);
    assert_eq!(waiting(&stage), 0);
}

#[test]
fn guest_learns_nothing_of_accounts_that_are_not_here() {
    let mut stage = Stage::new();
    let guest = stage.guest("zoe");
    assert_eq!(write(&mut stage, guest, "bob"), "error no_such_user");
    assert_eq!(write(&mut stage, guest, "nobody"), "error no_such_user");
    assert_eq!(
        write(&mut stage, guest, "bob,nobody"),
        "error no_such_user bob,nobody "
    );
    let alice = stage.login("alice");
    assert_eq!(write(&mut stage, alice, "nobody"), "error no_such_user");
}

#[test]
fn mailbox_has_limits_in_all_and_of_one_author() {
    let mut stage = Stage::new();
    let (alice, carol) = (stage.login("alice"), stage.login("carol"));
    // In flight, they count already.
    for _ in 0..3 {
        stage.write(alice, "bob", "hi");
    }
    assert_eq!(stage.write(alice, "bob", "hi"), Handled::Queued);
    stage.settle();
    assert_eq!(stage.hear(alice).pop().unwrap(), "error mailbox_full");
    for _ in 0..2 {
        assert!(write(&mut stage, carol, "bob").starts_with("ok"));
    }
    assert_eq!(write(&mut stage, carol, "bob"), "error mailbox_full");
    assert_eq!(write(&mut stage, carol, "dave"), "ok #6 waiting dave");
    let kept = stage.archive.crash();
    let mut stage = Stage::with_kept(limits(), &kept);
    let alice = stage.login("alice");
    assert_eq!(write(&mut stage, alice, "bob"), "error mailbox_full");
}

#[test]
fn line_that_is_not_kept_does_not_count() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    for _ in 0..3 {
        stage.write(alice, "bob", "hi");
    }
    stage.keep_one();
    stage.keep_none();
    assert_eq!(
        stage.hear(alice),
        ["ok #1 waiting bob", "error not_kept", "error not_kept"]
    );
    stage.archive.is_full = true;
    assert_eq!(write(&mut stage, alice, "bob"), "error not_kept");
    stage.archive.is_full = false;
    for _ in 0..2 {
        assert!(write(&mut stage, alice, "bob").starts_with("ok"));
    }
    assert_eq!(write(&mut stage, alice, "bob"), "error mailbox_full");
    // Nor does one whose author is gone before it is known.
    let carol = stage.login("carol");
    stage.write(carol, "bob", "hi");
    stage.disconnect(carol);
    stage.keep_none();
    let carol = stage.login("carol");
    for _ in 0..2 {
        assert!(write(&mut stage, carol, "bob").starts_with("ok"));
    }
    assert_eq!(write(&mut stage, carol, "bob"), "error mailbox_full");
}

#[test]
fn line_to_several_is_answered_once_for_all_its_copies() {
    let mut stage = Stage::new();
    let (alice, carol) = (stage.login("alice"), stage.login("carol"));
    let guest = stage.guest("zoe");
    stage.hear(carol);
    assert_eq!(
        write(&mut stage, alice, "carol,bob,zoe"),
        "ok #1 waiting bob"
    );
    assert_eq!(
        stage.hear(carol).last().unwrap(),
        "alice -> carol,bob,zoe: hi #1"
    );
    assert_eq!(
        stage.hear(guest).last().unwrap(),
        "alice -> carol,bob,zoe: hi"
    );
    assert_eq!(
        write(&mut stage, alice, "carol,nobody,bob"),
        "error no_such_user nobody "
    );
    assert_eq!(
        write(&mut stage, alice, "bob,dave"),
        "ok #5 waiting bob,dave"
    );
    // Bob's mailbox is full now.
    assert_eq!(write(&mut stage, alice, "bob,carol"), "error mailbox_full");
    assert_eq!(
        write(&mut stage, alice, "bob,carol,nobody"),
        "error no_such_user nobody bob"
    );
    assert_eq!(waiting(&stage), 3);
    // The first copy is kept, the second not.
    stage.write(alice, "dave,carol", "hi");
    stage.keep_one();
    assert!(stage.hear(alice).is_empty());
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_delivered  dave"]);
    stage.write(alice, "carol,dave", "hi");
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_delivered  dave"]);
    stage.write(alice, "carol,zoe", "hi");
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    stage.archive.is_full = true;
    assert_eq!(write(&mut stage, alice, "carol,zoe"), "error not_kept");
    assert_eq!(
        write(&mut stage, alice, "carol,dave"),
        "error not_delivered  dave"
    );
    stage.archive.is_full = false;
    stage.ears.refusing.insert(carol);
    assert_eq!(
        write(&mut stage, alice, "carol,dave"),
        "error not_delivered  carol"
    );
}

#[test]
fn plain_line_to_several_who_are_here_waits_for_nothing() {
    let mut stage = Stage::new();
    let (alice, _carol) = (stage.login("alice"), stage.login("carol"));
    stage.guest("zoe");
    stage.be_plain(alice);
    assert_eq!(stage.write(alice, "carol,zoe", "hi"), Handled::Done);
    assert_eq!(stage.write(alice, "carol,zoe", "hi"), Handled::Done);
    stage.hear(alice);
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["not kept 2"]);
    assert_eq!(stage.write(alice, "carol,bob", "hi"), Handled::Queued);
    stage.keep_all();
    let heard = stage.hear(alice);
    assert!(heard[0].ends_with("waiting bob"), "{heard:?}");
}

#[test]
fn lines_that_did_not_arrive_wait_for_the_next_login() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    for _ in 0..3 {
        write(&mut stage, alice, "bob");
    }
    let bob = stage.login("bob");
    let delivery = stage.ears.delivery(bob);
    stage.ears.unarrived.insert((bob, delivery), 3);
    stage.disconnect(bob);
    stage.wait(SECOND);
    stage.settle();
    assert_eq!(waiting(&stage), 3, "it is not known yet");
    // Two of them were lost.
    stage.ears.unarrived.clear();
    let name = Name::parse("bob").unwrap();
    stage.chat.undelivered(delivery, &name, 2, &mut stage.ears);
    stage.wait(SECOND);
    stage.settle();
    assert_eq!(waiting(&stage), 2);
    let bob = stage.begin_login("bob");
    stage.settle();
    let heard = [
        "late alice: hi #2",
        "late alice: hi #3",
        "logged in bob lobby waiting 2",
    ];
    assert_eq!(stage.hear(bob), heard);
}

#[test]
fn what_has_arrived_comes_once_however_soon_its_reader_comes_back() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    for _ in 0..2 {
        write(&mut stage, alice, "bob");
    }
    let bob = stage.login("bob");
    let delivery = stage.ears.delivery(bob);
    // The last is on its way when the connection ends.
    stage.ears.unarrived.insert((bob, delivery), 1);
    stage.disconnect(bob);
    let bob = stage.begin_login("bob");
    stage.settle();
    assert_eq!(
        stage.hear(bob),
        ["late alice: hi #2", "logged in bob lobby waiting 1"]
    );
}

#[test]
fn connection_that_takes_no_more_leaves_the_rest_waiting() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    write(&mut stage, alice, "bob");
    let bob = stage.begin_login("bob");
    stage.ears.refusing.insert(bob);
    stage.settle();
    stage.wait(SECOND);
    stage.settle();
    assert_eq!(waiting(&stage), 1);
}

#[test]
fn line_that_comes_while_a_login_is_under_way_is_not_left_behind() {
    for is_kept in [false, true] {
        let mut stage = Stage::new();
        let alice = stage.login("alice");
        write(&mut stage, alice, "bob");
        let bob = stage.begin_login("bob");
        stage.answer(); // the password
        let settled = stage.read();
        stage.write(alice, "bob", "meanwhile");
        if is_kept {
            stage.keep_all();
        }
        stage.give(settled);
        stage.settle();
        stage.wait(Duration::ZERO);
        stage.settle();
        let heard = stage.hear(bob);
        let late: Vec<_> = heard
            .iter()
            .filter(|line| line.starts_with("late"))
            .collect();
        assert_eq!(late, ["late alice: hi #1", "late alice: meanwhile #2"]);
        stage.wait(SECOND);
        stage.settle();
        assert_eq!(waiting(&stage), 0);
    }
}

#[test]
fn second_connection_gets_nothing_that_the_first_has_got() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    write(&mut stage, alice, "bob");
    let (first, second) = (stage.begin_login("bob"), stage.begin_login("bob"));
    stage.settle();
    let heard = stage.hear(first);
    assert_eq!(
        heard,
        ["late alice: hi #1", "logged in bob lobby waiting 1"]
    );
    let heard = stage.hear(second);
    assert_eq!(heard.last().unwrap(), "logged in bob lobby waiting 0");
    assert!(heard.iter().all(|line| !line.starts_with("late")));
}

#[test]
fn answer_to_what_waited_goes_to_its_author() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    write(&mut stage, alice, "bob");
    let bob = stage.login("bob");
    stage.hear(alice);
    let reply = chinwag::chat::command::MessageCommand::Reply("thanks");
    stage.ask(bob, Command::Message(reply));
    assert_eq!(stage.hear(alice), ["bob -> alice: thanks #2"]);
}

#[test]
fn dropping_that_is_not_kept_delivers_again_at_the_next_login() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    write(&mut stage, alice, "bob");
    let bob = stage.login("bob");
    stage.wait(SECOND);
    stage.keep_none();
    stage.wait(SECOND);
    assert_eq!((stage.archive.writes(), waiting(&stage)), (0, 1));
    stage.disconnect(bob);
    stage.settle();
    let bob = stage.begin_login("bob");
    stage.settle();
    assert_eq!(stage.hear(bob)[0], "late alice: hi #1");
}

/// Bob has logged in while alice wrote on and on: it is still to be asked what came last.
fn flooded() -> (Stage, ClientId) {
    let mut stage = Stage::with(HistoryLimits {
        waiting_max: 100,
        waiting_per_sender_max: 20,
        ..limits()
    });
    let alice = stage.login("alice");
    write(&mut stage, alice, "bob");
    let bob = stage.begin_login("bob");
    stage.answer(); // the password
    while stage.hear(bob).is_empty() {
        let settled = stage.read();
        stage.write(alice, "bob", "meanwhile");
        stage.give(settled);
    }
    stage.keep_all();
    (stage, bob)
}

#[test]
fn question_of_what_waits_ends_with_the_connection_it_is_for() {
    let (mut stage, bob) = flooded();
    let sent = waiting(&stage) - 1;
    stage.wait(Duration::ZERO);
    assert_eq!(stage.archive.work(), 1, "it is asked");
    stage.disconnect(bob);
    stage.settle();
    stage.wait(SECOND);
    stage.settle();
    assert_eq!(waiting(&stage), 1, "{sent} have arrived");
    stage.begin_login("bob");
    stage.settle();
    stage.wait(SECOND);
    stage.settle();
    assert_eq!(waiting(&stage), 0);
}

#[test]
fn answer_is_taken_whatever_is_asked_for_its_client_meanwhile() {
    let (mut stage, bob) = flooded();
    stage.handle(bob, Command::Account(AccountCommand::Password));
    stage.wait(Duration::ZERO);
    assert_eq!(stage.archive.work(), 1, "it is asked what waits");
    let answer = Command::Answer("secret");
    assert_eq!(stage.handle(bob, answer), Handled::Later);
    stage.settle();
    let heard = stage.hear(bob);
    assert_eq!(heard.last().unwrap(), "error wrong_password");
}

#[test]
fn copy_that_is_not_kept_is_told_once_to_a_plain_author() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    stage.login("carol");
    stage.login("dave");
    stage.be_plain(alice);
    for is_late in [false, true] {
        assert_eq!(stage.write(alice, "carol,dave", "hi"), Handled::Done);
        stage.hear(alice);
        let Some(Settled::KeptUpTo(last)) = stage.archive.keep_all().pop() else {
            panic!("both were kept");
        };
        if is_late {
            stage.wait(limits().keep_time);
            assert_eq!(stage.hear(alice), ["not kept 1 yet"]);
        }
        // The first copy is in a commit that failed, and the second in the next.
        let failed = Ticket(last.0 - 1);
        stage.give([Settled::NotKept {
            first: failed,
            last: failed,
            why: NotKept::Full,
        }]);
        stage.give([Settled::KeptUpTo(last)]);
        let told: &[&str] = if is_late { &[] } else { &["not kept 1"] };
        assert_eq!(stage.hear(alice), told);
    }
}
