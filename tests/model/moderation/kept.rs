//! What is kept of rules, and what holds when it is not.

use chinwag::chat::archive::RuleKind;

use crate::kept::stage::{Handled, OPERATOR, PASSWORD, Stage, account, limits, typed};

fn rules(stage: &Stage) -> Vec<(RuleKind, u32)> {
    let rules = stage.archive.kept.rules.values();
    rules.map(|rule| (rule.kind, rule.account.get())).collect()
}

#[test]
fn rule_holds_at_once_and_is_answered_once_it_is_kept() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    stage.hear(alice);
    assert_eq!(stage.handle(alice, typed("/mute bob")), Handled::Later);
    assert!(stage.hear(alice).is_empty());
    assert_eq!(stage.say(bob, "hi"), Handled::Done);
    assert!(stage.hear(bob).pop().unwrap().starts_with("error muted"));
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["ok mute bob dev"]);
    assert_eq!(rules(&stage), [(RuleKind::Muted, 2)]);
    let rule = stage.archive.kept.rules.values().next().unwrap();
    assert_eq!((rule.by, rule.until), (Some(account("alice")), None));
}

#[test]
fn rule_that_is_not_kept_holds_until_the_restart() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    stage.hear(alice);
    stage.handle(alice, typed("/mute bob"));
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    assert!(
        stage
            .type_in(bob, "hi")
            .pop()
            .unwrap()
            .starts_with("error muted")
    );
    // A full queue is told at once.
    stage.archive.is_full = true;
    assert_eq!(stage.type_in(alice, "/lock topic on"), ["error not_kept"]);
    assert_eq!(stage.type_in(alice, "/lock"), ["ok locks 001"]);
    stage.archive.is_full = false;
    // One that takes too long is answered in time.
    stage.handle(alice, typed("/lock talk on"));
    stage.wait(limits().keep_time);
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    stage.settle();
    assert!(stage.hear(alice).is_empty());
}

#[test]
fn restart_restores_rules_and_locks_of_kept_rooms() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    for line in [
        "/op bob",
        "/mute carol 1h spam",
        "/bar dave2",
        "/lock topic on",
    ] {
        stage.type_in(alice, line);
    }
    let kept = stage.archive.kept.clone();
    let mut stage = Stage::with_kept(limits(), &kept);
    let (bob, carol) = (stage.login("bob"), stage.login("carol"));
    stage.join(bob, "dev");
    let told = stage.type_in(carol, "/join dev");
    assert_eq!(told[0], "limited Muted dev 3600s ask alice");
    assert!(stage.type_in(carol, "hi")[0].starts_with("error muted"));
    assert!(stage.type_in(carol, "/topic mine")[0].starts_with("error muted"));
    let topic = stage.type_in(bob, "/topic ours").pop().unwrap();
    assert!(topic.starts_with("topic"), "{topic}");
    // By the calendar, as nothing else outlasts a restart.
    stage.unix_ms += 3_600_000;
    assert!(stage.type_in(carol, "hi").pop().unwrap().starts_with("ok"));
    assert!(stage.type_in(carol, "/topic mine")[0].starts_with("error locked"));
    assert_eq!(
        stage.type_in(bob, "/unmute carol").pop().unwrap(),
        "error bad_usage"
    );
    assert_eq!(rules(&stage), [(RuleKind::Operator, 2)]);
}

#[test]
fn end_of_keeping_ends_all_rules() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let (bob, zoe) = (stage.login("bob"), stage.guest("zoe"));
    for id in [bob, zoe] {
        stage.join(id, "dev");
    }
    for line in ["/op bob", "/mute zoe", "/bar carol", "/lock topic on"] {
        stage.type_in(alice, line);
    }
    stage.handle(alice, typed("/keep off"));
    // Nothing is decided that would come behind the end.
    assert_eq!(stage.handle(bob, typed("/mute zoe")), Handled::Done);
    assert_eq!(stage.hear(bob).pop().unwrap(), "error busy");
    stage.settle();
    assert!(rules(&stage).is_empty());
    assert_eq!(stage.type_in(zoe, "hi").pop().unwrap(), "ok");
    assert!(
        stage
            .type_in(zoe, "/topic mine")
            .pop()
            .unwrap()
            .starts_with("topic")
    );
    assert_eq!(
        stage.type_in(bob, "/kick zoe").pop().unwrap(),
        "error not_operator"
    );
    let carol = stage.login("carol");
    assert!(stage.join(carol, "dev").starts_with("joined dev"));
    // Who keeps it next begins anew.
    assert_eq!(stage.keep(carol, None), "kept dev 30 carol");
    assert_eq!(
        stage.type_in(bob, "/kick zoe").pop().unwrap(),
        "error not_operator"
    );
}

#[test]
fn rules_of_a_room_are_kept_from_when_it_is() {
    let mut stage = Stage::new();
    let (bob, root) = (stage.login("bob"), stage.login(OPERATOR));
    for id in [bob, root] {
        stage.join(id, "tea");
    }
    stage.type_in(root, "/mute carol 1h");
    stage.type_in(root, "/lock topic on");
    assert!(rules(&stage).is_empty());
    assert_eq!(stage.keep(bob, None), "kept tea 30 bob");
    stage.settle();
    assert_eq!(rules(&stage), [(RuleKind::Muted, 3)]);
    let place = stage.archive.kept.place_of("tea");
    assert_eq!(stage.archive.kept.rooms[&place].locks, 1);
}

#[test]
fn rules_about_an_account_end_with_it() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.type_in(alice, "/op bob");
    stage.type_in(alice, "/mute bob");
    let bob = stage.login("bob");
    assert_eq!(rules(&stage).len(), 2);
    for line in ["/account drop", PASSWORD, "bob"] {
        stage.type_in(bob, line);
    }
    assert!(rules(&stage).is_empty());
    assert_eq!(
        stage.type_in(alice, "/unmute bob").pop().unwrap(),
        "error bad_usage"
    );
}

#[test]
fn room_has_so_many_rules_and_no_more() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    for number in 0..500 {
        let zoe = stage.guest(&format!("zoe{number}"));
        assert_eq!(
            stage
                .type_in(alice, &format!("/mute zoe{number}"))
                .pop()
                .unwrap(),
            format!("ok mute zoe{number} dev")
        );
        if number >= 400 {
            stage.disconnect(zoe);
        }
    }
    // Those of connections that are gone make room.
    assert_eq!(
        stage.type_in(alice, "/mute bob").pop().unwrap(),
        "ok mute bob dev"
    );
    for number in 500..599 {
        stage.guest(&format!("zoe{number}"));
        stage.type_in(alice, &format!("/mute zoe{number}"));
    }
    let refused = stage.type_in(alice, "/mute carol").pop().unwrap();
    assert_eq!(refused, "error too_many_rules");
    // Another of the same replaces it.
    assert!(
        stage
            .type_in(alice, "/mute bob 2d")
            .pop()
            .unwrap()
            .starts_with("ok")
    );
}
