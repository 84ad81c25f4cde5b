//! How far private messages have got, as their senders are told.

use std::time::Duration;

use chinwag::chat::RECEIPT_INTERVAL;
use chinwag::chat::command::{Command, PeopleCommand, Privacy, WantedRange};
use chinwag::chat::ids::{ClientId, UserId};

use crate::kept::stage::{Stage, history, read};

fn give(stage: &mut Stage, id: ClientId, on: bool) {
    let privacy = PeopleCommand::Privacy(Some((Privacy::Receipts, on)));
    stage.ask(id, Command::People(privacy));
}

/// Receipts that a connection got since it was asked last.
fn receipts(stage: &mut Stage, id: ClientId) -> Vec<String> {
    let mut heard = stage.hear(id);
    heard.retain(|line| line.starts_with("Delivered") || line.starts_with("Read"));
    heard
}

fn write(stage: &mut Stage, from: ClientId, to: &str) {
    stage.write(from, to, "hi");
    stage.settle();
}

fn user(stage: &Stage, id: ClientId) -> UserId {
    stage.chat.user_of(id).unwrap()
}

/// alice and bob, who give receipts.
fn both() -> (Stage, ClientId, ClientId) {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    give(&mut stage, alice, true);
    give(&mut stage, bob, true);
    (stage, alice, bob)
}

#[test]
fn message_is_delivered_when_it_arrives_and_read_by_an_answer() {
    let (mut stage, alice, bob) = both();
    let key = (bob, user(&stage, alice));
    stage.ears.unarrived.insert(key, 2);
    write(&mut stage, alice, "bob");
    write(&mut stage, alice, "bob");
    stage.wait(RECEIPT_INTERVAL);
    assert!(receipts(&mut stage, alice).is_empty(), "nothing took them");
    stage.ears.unarrived.insert(key, 1);
    stage.wait(RECEIPT_INTERVAL);
    assert_eq!(receipts(&mut stage, alice), ["Delivered bob #1"]);
    // An answer says nothing of what has not arrived.
    write(&mut stage, bob, "alice");
    assert_eq!(receipts(&mut stage, alice), ["Read bob #1"]);
    stage.ears.unarrived.clear();
    write(&mut stage, bob, "alice");
    assert_eq!(receipts(&mut stage, alice), ["Read bob #2"]);
    stage.wait(RECEIPT_INTERVAL);
    assert!(receipts(&mut stage, alice).is_empty(), "read is delivered");
    assert_eq!(receipts(&mut stage, bob), ["Delivered alice #4"]);
}

#[test]
fn receipts_of_a_step_are_one_and_go_to_all_connections() {
    let (mut stage, alice, bob) = both();
    let (also_alice, _also_bob) = (stage.login("alice"), stage.login("bob"));
    for _ in 0..3 {
        write(&mut stage, alice, "bob");
    }
    stage.wait(RECEIPT_INTERVAL);
    for id in [alice, also_alice] {
        assert_eq!(receipts(&mut stage, id), ["Delivered bob #3"]);
    }
    stage.ask(bob, read("@alice", Some(2)));
    stage.ask(bob, read("@alice", Some(1)));
    assert_eq!(receipts(&mut stage, alice), ["Read bob #2"]);
    stage.ask(
        bob,
        history("@alice", WantedRange::Before(chinwag::chat::ids::LineId(9))),
    );
    assert!(
        receipts(&mut stage, alice).is_empty(),
        "not the newest page"
    );
    stage.ask(bob, history("@alice", WantedRange::Newest));
    assert_eq!(receipts(&mut stage, alice), ["Read bob #3"]);
    stage.ask(bob, read("@alice", None));
    assert!(receipts(&mut stage, alice).is_empty());
}

#[test]
fn first_connection_that_takes_it_is_enough() {
    let (mut stage, alice, bob) = both();
    let also_bob = stage.login("bob");
    let from = user(&stage, alice);
    stage.ears.unarrived.insert((bob, from), 1);
    stage.ears.unarrived.insert((also_bob, from), 1);
    write(&mut stage, alice, "bob");
    stage.wait(RECEIPT_INTERVAL);
    assert!(receipts(&mut stage, alice).is_empty());
    stage.ears.unarrived.remove(&(also_bob, from));
    stage.wait(RECEIPT_INTERVAL);
    assert_eq!(receipts(&mut stage, alice), ["Delivered bob #1"]);
    stage.ears.unarrived.clear();
    stage.wait(RECEIPT_INTERVAL);
    assert!(receipts(&mut stage, alice).is_empty());
}

#[test]
fn line_that_waited_has_a_receipt_once_it_has_arrived() {
    let (mut stage, alice, bob) = both();
    stage.disconnect(bob);
    write(&mut stage, alice, "bob");
    stage.wait(RECEIPT_INTERVAL);
    assert!(receipts(&mut stage, alice).is_empty());
    stage.login("bob");
    stage.wait(RECEIPT_INTERVAL);
    assert_eq!(receipts(&mut stage, alice), ["Delivered bob #1"]);
}

#[test]
fn only_two_who_both_give_receipts_get_them() {
    for (alice_gives, bob_gives) in [(true, false), (false, true)] {
        let (mut stage, alice, bob) = both();
        give(&mut stage, alice, alice_gives);
        give(&mut stage, bob, bob_gives);
        write(&mut stage, alice, "bob");
        stage.wait(RECEIPT_INTERVAL);
        stage.ask(bob, read("@alice", None));
        stage.ask(bob, history("@alice", WantedRange::Newest));
        write(&mut stage, bob, "alice");
        stage.wait(RECEIPT_INTERVAL);
        assert!(receipts(&mut stage, alice).is_empty());
        assert!(receipts(&mut stage, bob).is_empty());
    }
}

#[test]
fn who_is_blocked_or_ignored_gets_no_receipt() {
    for block in [false, true] {
        let (mut stage, alice, bob) = both();
        write(&mut stage, alice, "bob");
        if block {
            stage.ask(bob, Command::People(PeopleCommand::Block(Some("alice"))));
        } else {
            stage.hear(bob);
            stage.ignore(bob, "alice");
        }
        stage.wait(RECEIPT_INTERVAL);
        stage.ask(bob, read("@alice", None));
        assert!(receipts(&mut stage, alice).is_empty());
        // Nor does that tell of itself later.
        stage.wait(Duration::from_secs(1));
        assert!(receipts(&mut stage, alice).is_empty());
    }
}

#[test]
fn nothing_is_told_of_a_connection_that_ended_before() {
    let (mut stage, alice, bob) = both();
    let key = (bob, user(&stage, alice));
    stage.ears.unarrived.insert(key, 1);
    write(&mut stage, alice, "bob");
    stage.login("bob");
    stage.ears.unarrived.clear();
    stage.disconnect(bob);
    stage.wait(RECEIPT_INTERVAL);
    assert!(receipts(&mut stage, alice).is_empty());
}
