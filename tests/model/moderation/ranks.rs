//! Who may do what to whom.

use crate::kept::stage::{OPERATOR, Stage};

#[test]
fn order_in_a_room_is_its_owners_its_operators_and_the_servers() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let (bob, zoe) = (stage.login("bob"), stage.guest("zoe"));
    let root = stage.login(OPERATOR);
    for id in [bob, zoe, root] {
        stage.join(id, "dev");
    }
    for line in [
        "/kick zoe",
        "/mute zoe",
        "/unmute zoe",
        "/bar zoe",
        "/unbar zoe",
        "/op bob",
        "/deop bob",
        "/lock topic on",
        "/remove 1",
    ] {
        for id in [bob, zoe] {
            assert_eq!(stage.type_in(id, line).pop().unwrap(), "error not_operator");
        }
    }
    assert_eq!(
        stage.type_in(alice, "/op bob").pop().unwrap(),
        "ok op bob dev"
    );
    assert_eq!(stage.hear(bob).pop().unwrap(), "you op dev by alice");
    for id in [alice, bob, root] {
        let muted = stage.type_in(id, "/mute zoe").pop().unwrap();
        assert_eq!(muted, "ok mute zoe dev");
    }
    assert_eq!(
        stage.type_in(alice, "/deop bob").pop().unwrap(),
        "ok deop bob dev"
    );
    let refused = stage.type_in(bob, "/unmute zoe").pop().unwrap();
    assert_eq!(refused, "error not_operator");
}

#[test]
fn room_that_is_not_kept_has_no_operators_but_the_servers() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    stage.join(alice, "tea");
    let (zoe, root) = (stage.guest("zoe"), stage.login(OPERATOR));
    for id in [zoe, root] {
        stage.join(id, "tea");
    }
    assert_eq!(
        stage.type_in(alice, "/kick zoe").pop().unwrap(),
        "error not_operator"
    );
    let refused = stage.type_in(root, "/op alice").pop().unwrap();
    assert_eq!(refused, "error not_kept_here");
    assert_eq!(
        stage.type_in(root, "/kick zoe").pop().unwrap(),
        "ok kick zoe tea"
    );
    // It is of one's own room only.
    stage.join(root, "lobby");
    let refused = stage.type_in(root, "/kick alice").pop().unwrap();
    assert_eq!(refused, "ok kick alice lobby");
    let none = stage.type_in(root, "/kick alice").pop().unwrap();
    assert_eq!(none, "error no_such_user");
}

#[test]
fn owner_stands_above_operators_and_the_servers_operators_above_all() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let (bob, carol) = (stage.login("bob"), stage.login("carol"));
    let root = stage.login(OPERATOR);
    for id in [bob, carol, root] {
        stage.join(id, "dev");
    }
    stage.type_in(alice, "/op bob");
    stage.type_in(alice, "/op carol");
    for line in ["/kick alice", "/mute alice", "/bar alice", "/deop alice"] {
        let refused = stage.type_in(bob, line).pop().unwrap();
        assert_eq!(refused, "error not_operator", "{line}");
    }
    for id in [alice, bob] {
        for line in ["/kick dave", "/mute dave", "/bar dave"] {
            let refused = stage.type_in(id, line).pop().unwrap();
            assert_eq!(refused, "error not_operator", "{line}");
        }
    }
    // What is the owner's by the keeping no operator of the server takes otherwise.
    let refused = stage.type_in(root, "/deop alice").pop().unwrap();
    assert_eq!(refused, "error not_operator");
    let muted = stage.type_in(root, "/mute alice").pop().unwrap();
    assert_eq!(muted, "ok mute alice dev");
    // An operator does not lift what holds for them.
    assert_eq!(
        stage.type_in(alice, "/unmute alice").pop().unwrap(),
        "error bad_usage"
    );
    assert_eq!(
        stage.type_in(bob, "/kick carol").pop().unwrap(),
        "ok kick carol dev"
    );
    assert_eq!(
        stage.type_in(bob, "/kick bob").pop().unwrap(),
        "error bad_usage"
    );
    assert_eq!(
        stage.type_in(bob, "/deop bob").pop().unwrap(),
        "ok deop bob dev"
    );
}

#[test]
fn name_that_is_nobodys_or_is_elsewhere_has_one_answer() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.guest("zoe");
    stage.login("bob");
    for name in ["zoe", "bob", "carol", "nobody", "no!name"] {
        let refused = stage.type_in(alice, &format!("/kick {name}"));
        assert_eq!(refused.last().unwrap(), "error no_such_user", "{name}");
    }
    // An account can be kept out before it comes, here or not.
    for name in ["bob", "carol"] {
        let barred = stage.type_in(alice, &format!("/bar {name}"));
        assert_eq!(barred, [format!("ok bar {name} dev")]);
    }
    assert_eq!(stage.type_in(alice, "/bar nobody"), ["error no_such_user"]);
    assert_eq!(stage.type_in(alice, "/op zoe"), ["error no_such_user"]);
    assert_eq!(stage.type_in(alice, "/deop carol"), ["error bad_usage"]);
    assert_eq!(stage.type_in(alice, "/unmute carol"), ["error bad_usage"]);
    assert_eq!(stage.type_in(alice, "/mute bob 10x"), ["error bad_time"]);
    let why = "x".repeat(301);
    let refused = stage.type_in(alice, &format!("/bar bob 2d {why}"));
    assert_eq!(refused, ["error bad_usage"]);
}

#[test]
fn keeping_of_an_owned_room_is_its_owners_and_that_of_the_lobby_the_servers() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let (bob, root) = (stage.login("bob"), stage.login(OPERATOR));
    assert_eq!(stage.keep(bob, None), "error not_operator");
    assert_eq!(stage.keep(root, Some(7)), "kept lobby 7 nobody");
    assert_eq!(
        stage.type_in(root, "/keep off").pop().unwrap(),
        "kept lobby no longer"
    );
    assert_eq!(stage.keep(root, Some(7)), "kept lobby 7 nobody");
    for id in [bob, root] {
        stage.join(id, "dev");
    }
    assert_eq!(stage.keep(bob, Some(2)), "error not_operator");
    stage.type_in(alice, "/op bob");
    assert_eq!(stage.keep(bob, Some(2)), "kept dev 2 alice");
    // By its end and a new beginning an operator would have it.
    assert_eq!(
        stage.type_in(bob, "/keep off").pop().unwrap(),
        "error not_operator"
    );
    assert_eq!(
        stage.type_in(root, "/keep off").pop().unwrap(),
        "kept dev no longer"
    );
}
