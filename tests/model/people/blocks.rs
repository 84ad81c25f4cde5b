//! Blocks: what is settled beside the table.

use super::stage::{Stage, WAITING_PER_SENDER_MAX};

fn has(heard: &[String], word: &str) -> bool {
    heard.iter().any(|line| line.contains(word))
}

#[test]
fn block_is_of_who_is_not_here_too_and_outlasts_a_restart() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    assert_eq!(
        stage.answer(alice, "/block bob"),
        r#"{"type":"ok","name":"bob"}"#
    );
    assert_eq!(
        stage.answer(alice, "/block"),
        r#"{"type":"ok","users":["bob"]}"#
    );
    let mut stage = stage.again();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.hear(alice);
    stage.ask(bob, "hello");
    assert_eq!(stage.hear(alice), [""; 0]);
    assert_eq!(
        stage.answer(alice, "/unblock bob"),
        r#"{"type":"ok","name":"bob"}"#
    );
    stage.ask(bob, "hello");
    assert!(has(&stage.hear(alice), "hello"));
    assert!(stage.answer(alice, "/unblock bob").contains("bad_usage"));
    assert!(stage.again().archive.kept.relations.is_empty());
}

#[test]
fn block_is_not_done_if_it_is_not_kept() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    for command in ["/block bob", "/friend bob"] {
        stage.line(alice, command);
        assert_eq!(
            stage.hear(alice).len(),
            usize::from(command == "/block bob")
        );
        stage.keep_none();
        assert!(has(&stage.hear(alice), "not_kept"));
    }
    stage.ask(bob, "hello");
    assert!(has(&stage.hear(alice), "hello"));
    assert!(stage.answer(alice, "/friend").contains(r#""friends":[]"#));
    assert!(stage.answer(alice, "/block").contains(r#""users":[]"#));
}

/// "for a guest it is `/ignore`": of that connection, and gone with it.
#[test]
fn block_of_a_guest_is_an_ignore() {
    let mut stage = Stage::new();
    let (alice, eve) = (stage.login("alice"), stage.guest("eve"));
    stage.hear(alice);
    assert!(stage.answer(alice, "/block eve").contains("ok"));
    stage.ask(eve, "hello");
    assert_eq!(stage.hear(alice), [""; 0]);
    assert_eq!(
        stage.answer(alice, "/ignore"),
        r#"{"type":"ok","users":["eve"]}"#
    );
    assert!(stage.answer(alice, "/unblock eve").contains("ok"));
    stage.ask(eve, "hello");
    assert!(has(&stage.hear(alice), "hello"));
    assert!(
        stage
            .answer(alice, "/block nobody")
            .contains("no_such_user")
    );
    assert!(stage.answer(alice, "/block alice").contains("bad_usage"));
    assert!(stage.answer(eve, "/block alice").contains("login_required"));
}

/// "counts against 20/100 exactly as if it waited, until the person is seen by that sender" (§14.2).
#[test]
fn lines_to_a_blocker_count_as_if_they_waited() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.ask(alice, "/block bob");
    stage.ask(alice, "/join dev");
    stage.ask(alice, "/part lobby");
    for _ in 0..WAITING_PER_SENDER_MAX {
        assert!(stage.answer(bob, "@alice:hi").contains("waiting"));
    }
    assert!(stage.answer(bob, "@alice:hi").contains("mailbox_full"));
    // Her coming and going is nothing that he sees.
    stage.disconnect(alice);
    let alice = stage.login("alice");
    stage.ask(alice, "/part lobby");
    stage.hear(bob);
    // In the lobby he saw her.
    assert!(stage.answer(bob, "@alice:hi").contains("waiting"));
    // A line that is not kept does not count.
    let kept = stage.archive.kept.lines.len();
    stage.line(bob, "@alice:hi");
    stage.keep_none();
    assert!(has(&stage.hear(bob), "not_kept"));
    assert!(stage.answer(bob, "@alice:hi").contains("waiting"));
    assert_eq!(stage.archive.kept.lines.len(), kept + 1);
    assert!(stage.archive.kept.waiting.is_empty());
}

/// What waited before the block goes on waiting, unseen and uncounted.
#[test]
fn what_waited_before_a_block_waits_until_it_ends() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.disconnect(alice);
    stage.ask(bob, "@alice:before");
    let mut kept = stage.archive.kept.clone();
    let relation = chinwag::chat::archive::Relation::Block;
    let pair = (super::stage::account("alice"), super::stage::account("bob"));
    kept.relations.insert((pair.0, relation, pair.1), 1);
    let mut stage = Stage::with(&kept);
    let (alice, heard) = stage.login_heard("alice");
    assert!(
        !has(&heard, "before") && has(&heard, r#""waiting":0"#),
        "{heard:?}"
    );
    stage.wait_for_arrivals();
    assert_eq!(stage.hear(alice), [""; 0]);
    stage.ask(alice, "/unblock bob");
    stage.disconnect(alice);
    let (_, heard) = stage.login_heard("alice");
    assert!(
        has(&heard, "before") && has(&heard, r#""waiting":1"#),
        "{heard:?}"
    );
}

#[test]
fn last_words_and_forgetting_of_the_blocked_do_not_reach_the_blocker() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.ask(bob, "/join dev");
    stage.ask(bob, "/keep");
    stage.ask(alice, "/join dev");
    stage.ask(alice, "/block bob");
    stage.hear(alice);
    stage.ask(bob, "hello");
    stage.ask(bob, "@alice:hello");
    stage.ask(bob, "/topic tea");
    stage.ask(bob, "/forget last 2");
    assert_eq!(stage.hear(alice), [""; 0]);
    stage.ask(bob, "/quit goodbye");
    stage.disconnect(bob);
    let heard = stage.hear(alice);
    assert!(
        has(&heard, r#""type":"leave""#) && !has(&heard, "goodbye"),
        "{heard:?}"
    );
}

/// "they see you as hidden" also after they know you: what was ignored by hand is no list of who is here.
#[test]
fn account_that_is_gone_is_blocked_no_longer() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.ask(alice, "/block bob");
    stage.ask(bob, "/account drop");
    stage.ask(bob, "secretsecret");
    assert!(stage.answer(bob, "bob").contains("ok"));
    assert!(stage.answer(alice, "/block").contains(r#""users":[]"#));
}
