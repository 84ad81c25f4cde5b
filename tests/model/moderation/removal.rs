//! Out of a room, and what is heard of it.

use std::time::Duration;

use chinwag::chat::command::WantedRange;

use crate::kept::stage::{Handled, OPERATOR, PASSWORD, Stage, history, typed};

#[test]
fn kicked_user_is_out_on_all_connections_and_hears_no_more() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let (bob, other, zoe) = (stage.login("bob"), stage.login("bob"), stage.guest("zoe"));
    for id in [bob, zoe] {
        stage.join(id, "dev");
    }
    for id in [alice, bob, other, zoe] {
        stage.hear(id);
    }
    assert_eq!(stage.type_in(alice, "/kick bob spam"), ["ok kick bob dev"]);
    assert_eq!(stage.hear(zoe), ["bob kick dev by alice: spam"]);
    assert_eq!(
        stage.hear(bob),
        ["you kick dev by alice: spam now in lobby"]
    );
    assert_eq!(stage.hear(other), ["you kick dev by alice: spam"]);
    stage.say(zoe, "gone");
    stage.settle();
    assert!(stage.hear(bob).is_empty() && stage.hear(other).is_empty());
    assert_eq!(
        stage.page(bob, "dev", WantedRange::Newest),
        ["error not_in_room"]
    );
    // They are told of it once, and may come back at once.
    assert_eq!(
        stage.type_in(alice, "/kick bob").pop().unwrap(),
        "error no_such_user"
    );
    assert!(stage.join(bob, "dev").starts_with("joined dev"));
    let deeds = &stage.archive.kept.deeds;
    let deed = &deeds[0];
    assert_eq!((deed.what, deeds.len()), ("kick", 1));
    assert_eq!(deed.whom.as_deref(), Some("bob"));
    assert_eq!(deed.room.unwrap().as_str(), "dev");
    assert_eq!(
        (deed.who.as_str(), deed.text.as_deref()),
        ("alice", Some("spam"))
    );
}

#[test]
fn user_without_another_room_is_in_none() {
    let mut stage = Stage::new();
    let root = stage.login(OPERATOR);
    let zoe = stage.guest("zoe");
    assert_eq!(
        stage.type_in(root, "/kick zoe").pop().unwrap(),
        "ok kick zoe lobby"
    );
    assert_eq!(stage.hear(zoe), ["you kick lobby by dave now nowhere"]);
    assert_eq!(stage.type_in(zoe, "hi"), ["error not_in_room"]);
}

#[test]
fn kick_crosses_a_join_whose_answer_waits() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    assert_eq!(stage.join_now(bob, "dev"), Handled::Later);
    let kick = typed("/kick bob");
    stage.handle(alice, kick);
    stage.settle();
    let heard = stage.hear(bob);
    assert_eq!(
        heard,
        ["you kick dev by alice now in lobby", "error not_in_room"]
    );
}

#[test]
fn page_that_was_asked_for_before_a_kick_is_not_shown() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    stage.say(alice, "secret");
    stage.settle();
    stage.hear(bob);
    let page = history("dev", WantedRange::Newest);
    assert_eq!(stage.handle(bob, page), Handled::Later);
    let kick = typed("/bar bob");
    stage.handle(alice, kick);
    stage.settle();
    let heard = stage.hear(bob);
    assert_eq!(heard.last().unwrap(), "error not_in_room");
    assert!(
        !heard.iter().any(|line| line.contains("secret")),
        "{heard:?}"
    );
}

#[test]
fn line_is_removed_by_its_own_place() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.owner("bob", "ops");
    stage.join(bob, "dev");
    let carol = stage.login("carol");
    stage.join(carol, "ops");
    stage.join(carol, "dev");
    stage.say(alice, "in dev");
    stage.settle();
    let id = *stage.archive.kept.lines.last_key_value().unwrap().0;
    // An operator of another room names it from there.
    stage.join(bob, "ops");
    for line in [format!("/remove {id}"), "/remove 999".to_owned()] {
        assert_eq!(
            stage.type_in(bob, &line).pop().unwrap(),
            "error no_such_line"
        );
    }
    assert!(stage.archive.kept.lines.contains_key(&id));
    assert!(stage.archive.kept.deeds.is_empty());
    stage.hear(carol);
    let removed = stage.type_in(alice, &format!("/remove {id}"));
    assert_eq!(removed.last().unwrap(), &format!("ok removed #{id}"));
    assert_eq!(stage.hear(carol), [format!("alice removed #{id} of dev")]);
    assert!(stage.archive.kept.lines.is_empty());
    assert_eq!(stage.archive.kept.deeds[0].what, "remove");
    let again = stage.type_in(alice, &format!("/remove {id}"));
    assert_eq!(again, ["error no_such_line"]);
}

#[test]
fn line_that_is_removed_is_on_no_page_that_comes_later() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    stage.say(alice, "wrong");
    stage.settle();
    stage.hear(bob);
    let id = *stage.archive.kept.lines.last_key_value().unwrap().0;
    let page = history("dev", WantedRange::Newest);
    stage.handle(bob, page);
    // The question was answered before, and its answer comes behind the removal.
    let answer = stage.read();
    let line = format!("/remove {id}");
    let remove = typed(&line);
    stage.handle(alice, remove);
    stage.keep_all();
    stage.give(answer);
    let heard = stage.hear(bob);
    assert!(
        !heard.iter().any(|line| line.contains("wrong")),
        "{heard:?}"
    );
    assert_eq!(heard.last().unwrap(), "page of dev: 0 end");
}

#[test]
fn guest_who_logs_in_as_a_barred_account_loses_the_room_and_no_other() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.type_in(alice, "/bar bob 1h spam");
    let guest = stage.guest("zoe");
    stage.join(guest, "tea");
    stage.join(guest, "dev");
    stage.hear(alice);
    let login = format!("/login bob {PASSWORD}");
    let heard = stage.type_in(guest, &login);
    let barred = "limited Barred dev 3600s: spam ask alice";
    assert!(heard.contains(&barred.to_owned()), "{heard:?}");
    assert!(
        heard.last().unwrap().starts_with("logged in bob lobby"),
        "{heard:?}"
    );
    assert_eq!(stage.hear(alice), ["renamed bob", "bob left dev"]);
    stage.say(alice, "gone");
    stage.settle();
    assert!(stage.hear(guest).is_empty());
    stage.wait(Duration::from_secs(3600));
    assert!(stage.join(guest, "dev").starts_with("joined dev"));
}
