//! What operators did.

use super::stage::{PASSWORD, Stage};

#[test]
fn deed_is_kept_shown_and_told_to_the_other_operators() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let (second, _) = stage.login("127.0.0.1", "boss", PASSWORD);
    let root = stage.connect_from(chinwag::chat::ids::Peer::Unix);
    stage.chat.trust(root);
    stage.ask(root, "#rita");
    let alice = stage.account("alice");
    for id in [second, root, alice] {
        stage.hear(id);
    }
    stage.ask(boss, "/mute * alice 2h spam");
    assert_eq!(
        stage.hear(root),
        ["* An operator's deed: boss mute alice: 2h spam"]
    );
    assert_eq!(stage.hear(second), [""; 0], "it is their own");
    assert!(!stage.hear(alice).concat().contains("deed"));
    stage.ask(root, "/ban 203.0.113.0/24");
    stage.ask(root, "/unban 2");
    let shown = [
        "* 3 deeds, the newest first:",
        "*   00:00 rita unban 203.0.113.0/24",
        "*   00:00 rita ban 203.0.113.0/24",
        "*   00:00 boss mute alice: 2h spam",
    ];
    assert_eq!(stage.say(boss, "/deeds"), shown);
    assert_eq!(
        stage.ask(boss, "/deeds 2"),
        "! There is no page 2: the last one is 1."
    );
}

#[test]
fn deed_tells_what_kind_of_ban_it_was() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    for (typed, noted) in [
        ("/ban 203.0.113.1 out 2h spam", ": 2h spam"),
        ("/ban 203.0.113.2 login 2h spam", ": login 2h spam"),
        ("/ban 203.0.113.3 muted spam", ": muted spam"),
        ("/ban 203.0.113.4 login", ": login"),
        ("/ban 203.0.113.5", ""),
    ] {
        stage.ask(boss, typed);
        let newest = stage.say(boss, "/deeds").swap_remove(1);
        let address = typed.split(' ').nth(1).unwrap();
        let expected = format!("*   00:00 boss ban {address}/32{noted}");
        assert_eq!(newest, expected);
    }
}

#[test]
fn deeds_are_shown_by_the_page_and_remembered_without_a_store() {
    let mut stage = Stage::new();
    let root = stage.connect_from(chinwag::chat::ids::Peer::Unix);
    stage.chat.trust(root);
    stage.archive.is_closed = true;
    stage.ask(root, "#rita");
    assert_eq!(
        stage.ask(root, "/deeds"),
        "* Operators have done nothing yet."
    );
    for number in 1..=21 {
        stage.ask(root, &format!("/ban 203.0.113.{number}"));
    }
    let first = stage.say(root, "/deeds");
    assert_eq!(first.len(), 21);
    assert_eq!(first[0], "* 21 deeds, the newest first, page 1 of 2:");
    assert_eq!(first[1], "*   00:00 rita ban 203.0.113.21/32");
    let last = [
        "* 21 deeds, the newest first, page 2 of 2:",
        "*   00:00 rita ban 203.0.113.1/32",
    ];
    assert_eq!(stage.say(root, "/deeds 2"), last);
    let refused = "! This server keeps nothing: no accounts and no history.";
    assert_eq!(stage.ask(root, "/backup"), refused);
    assert_eq!(stage.ask(root, "/reset alice"), refused);
}
