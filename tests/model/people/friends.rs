//! Friends: asked once, told once, and news of those who are.

use super::stage::{HIDDEN, Stage, kept};

fn friend(name: &str, state: &str) -> String {
    format!(r#"{{"type":"friend","name":"{name}","state":"{state}"}}"#)
}

/// alice and bob, friends, who share no room.
fn friends(stage: &mut Stage) -> [chinwag::chat::ids::ClientId; 2] {
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.ask(alice, "/part");
    stage.ask(alice, "/friend bob");
    stage.ask(bob, "/friend alice");
    stage.hear(alice);
    [alice, bob]
}

#[test]
fn asked_once_is_told_once_and_mutual_tells_both() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.hear(alice);
    let asked = r#"{"type":"ok","name":"bob","mutual":false}"#;
    assert_eq!(stage.ask(alice, "/friend bob"), [asked]);
    assert_eq!(stage.hear(bob), [friend("alice", "asked")]);
    assert_eq!(stage.ask(alice, "/friend bob"), [asked]);
    assert_eq!(stage.hear(bob), [""; 0]);
    let list = r#"{"type":"ok","friends":[{"name":"bob","here":true,"mutual":false}]}"#;
    assert_eq!(stage.ask(alice, "/friend"), [list]);
    let mutual = r#"{"type":"ok","name":"alice","mutual":true}"#;
    assert_eq!(stage.ask(bob, "/friend alice"), [mutual]);
    assert_eq!(stage.hear(alice), [friend("bob", "here")]);
}

#[test]
fn who_is_not_here_is_told_once_at_login_before_the_answer() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    stage.ask(alice, "/friend bob");
    let (bob, heard) = stage.login_heard("bob");
    let place = heard
        .iter()
        .position(|line| *line == friend("alice", "asked"));
    assert_eq!(place, Some(heard.len() - 2), "{heard:?}");
    stage.disconnect(bob);
    let (_, heard) = stage.login_heard("bob");
    assert!(!heard.contains(&friend("alice", "asked")), "{heard:?}");
    // Whether he was told is not kept: after another start he is once more.
    let (_, heard) = stage.again().login_heard("bob");
    assert!(heard.contains(&friend("alice", "asked")), "{heard:?}");
}

#[test]
fn friends_hear_of_the_first_connection_and_the_last() {
    let mut stage = Stage::new();
    let [alice, bob] = friends(&mut stage);
    let other = stage.login("alice");
    assert_eq!(stage.hear(bob), [""; 0]);
    stage.disconnect(alice);
    assert_eq!(stage.hear(bob), [""; 0]);
    stage.disconnect(other);
    assert!(stage.hear(bob).contains(&friend("alice", "gone")));
    let alice = stage.login("alice");
    assert!(stage.hear(bob).contains(&friend("alice", "here")));
    stage.ask(alice, "/logout");
    assert!(stage.hear(bob).contains(&friend("alice", "gone")));
}

/// "A friend sees you though hidden" (§14.38).
#[test]
fn friend_sees_one_who_is_hidden_and_nobody_else_does() {
    let mut stage = Stage::with(&kept(&[("alice", HIDDEN)]));
    let [alice, bob] = friends(&mut stage);
    let carol = stage.login("carol");
    stage.ask(carol, "/friend alice");
    stage.disconnect(alice);
    stage.hear(bob);
    stage.hear(carol);
    stage.login("alice");
    assert_eq!(stage.hear(bob), [friend("alice", "here")]);
    assert_eq!(stage.hear(carol), [""; 0]);
    assert!(stage.answer(bob, "/friend").contains(r#""here":true"#));
    assert!(stage.answer(carol, "/friend").contains(r#""here":false"#));
}

/// "`/unfriend` and `/block` end both directions, silently" (§14.38).
#[test]
fn unfriend_and_block_end_both_directions_silently() {
    for end in ["/unfriend bob", "/block bob"] {
        let mut stage = Stage::new();
        let [alice, bob] = friends(&mut stage);
        assert!(
            stage.answer(alice, end).contains(r#""name":"bob""#),
            "{end}"
        );
        assert_eq!(stage.hear(bob), [""; 0], "{end}");
        for who in [alice, bob] {
            assert!(
                stage.answer(who, "/friend").contains(r#""friends":[]"#),
                "{end}"
            );
        }
        stage.disconnect(alice);
        stage.login("alice");
        let heard = stage.hear(bob);
        assert!(
            !heard.iter().any(|line| line.contains("friend")),
            "{heard:?}"
        );
        assert!(
            !stage
                .archive
                .kept
                .relations
                .keys()
                .any(|(_, relation, _)| *relation == chinwag::chat::archive::Relation::Friend)
        );
    }
}

/// "not if he blocks you" (§14.38), and you are not told that he does.
#[test]
fn asking_one_who_blocks_tells_nobody_anything() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.ask(bob, "/block alice");
    stage.hear(alice);
    let asked = r#"{"type":"ok","name":"bob","mutual":false}"#;
    assert_eq!(stage.ask(alice, "/friend bob"), [asked]);
    assert_eq!(stage.hear(bob), [""; 0]);
    stage.disconnect(bob);
    let (bob, heard) = stage.login_heard("bob");
    assert!(!heard.contains(&friend("alice", "asked")), "{heard:?}");
    assert!(stage.answer(bob, "/friend alice").contains("bad_usage"));
}

#[test]
fn friends_are_accounts_and_need_one() {
    let mut stage = Stage::new();
    let (alice, eve) = (stage.login("alice"), stage.guest("eve"));
    assert!(stage.answer(alice, "/friend eve").contains("no_such_user"));
    assert!(stage.answer(alice, "/friend alice").contains("bad_usage"));
    assert!(
        stage
            .answer(alice, "/unfriend nobody")
            .contains("no_such_user")
    );
    for line in [
        "/friend",
        "/friend alice",
        "/unfriend alice",
        "/block",
        "/privacy",
    ] {
        assert!(stage.answer(eve, line).contains("login_required"), "{line}");
    }
    stage.archive.is_closed = true;
    for line in [
        "/friend bob",
        "/unfriend bob",
        "/block bob",
        "/privacy",
        "/profile",
    ] {
        assert!(stage.answer(alice, line).contains("no_store"), "{line}");
    }
}

#[test]
fn friends_have_a_limit() {
    let mut kept = kept(&[]);
    let other = kept.accounts[&super::stage::account("dave")].clone();
    for number in 5..=105 {
        let mut account = other.clone();
        account.name = chinwag::chat::name::Name::parse(&format!("u{number}")).unwrap();
        let id = chinwag::chat::ids::AccountId::new(number).unwrap();
        kept.accounts.insert(id, account);
        kept.last_account = number;
    }
    let mut stage = Stage::with(&kept);
    let alice = stage.login("alice");
    for number in 5..=104 {
        assert!(
            stage
                .answer(alice, &format!("/friend u{number}"))
                .contains("ok")
        );
    }
    assert!(
        stage
            .answer(alice, "/friend u105")
            .contains("too_many_friends")
    );
    assert!(
        stage.answer(alice, "/friend u104").contains("ok"),
        "asked already"
    );
    stage.ask(alice, "/unfriend u7");
    assert!(stage.answer(alice, "/friend u105").contains("ok"));
}
