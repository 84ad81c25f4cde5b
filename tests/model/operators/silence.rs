//! Who may not speak.

use std::time::Duration;

use chinwag::chat::close_reason::CloseReason;

use super::stage::{PASSWORD, Stage};

const MUTED: &str = "! You may not speak for 10 min: spam. You can write to operators.";

#[test]
fn muted_guest_speaks_nowhere_but_to_operators_until_the_time_is_over() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let alice = stage.guest("alice");
    let mallory = stage.guest("mallory");
    stage.say(boss, "@mallory:hello");
    stage.hear(mallory);
    let done = "* mallory may not speak until 00:10. /unmute * mallory undoes it.";
    assert_eq!(stage.ask(boss, "/mute * mallory 10m spam"), done);
    assert_eq!(
        stage.hear(mallory),
        ["! You may not speak until 00:10: spam. Ask boss."]
    );
    stage.hear(alice);
    for line in [
        "hello",
        "/me waves",
        "@alice:hello",
        "@alice,boss:hello",
        "/topic hello",
        "/away hello",
        "#new",
    ] {
        assert_eq!(stage.ask(mallory, line), MUTED, "{line}");
    }
    assert_eq!(stage.hear(alice), [""; 0]);
    assert_eq!(stage.say(mallory, "@boss:why?"), [""; 0]);
    assert_eq!(stage.say(mallory, "/reply why?"), [""; 0]);
    assert_eq!(stage.hear(boss), ["@mallory: why?", "@mallory: why?"]);
    stage.wait(Duration::from_secs(10 * 60));
    assert_eq!(stage.say(mallory, "hello"), [""; 0]);
    assert_eq!(stage.hear(alice), ["mallory: hello"]);
}

#[test]
fn last_words_of_one_who_is_muted_everywhere_are_not_told() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let alice = stage.guest("alice");
    let (mallory, bob) = (stage.guest("mallory"), stage.guest("bob"));
    stage.ask(boss, "/mute * mallory 10m spam");
    stage.hear(alice);
    for (id, text) in [(bob, "lunch"), (mallory, "spam")] {
        assert_eq!(stage.ask(id, &format!("/quit {text}")), "* Bye.");
        stage.disconnect(id);
    }
    let told = ["* bob has left lobby: lunch", "* mallory has left lobby."];
    assert_eq!(stage.hear(alice), told);
}

#[test]
fn muted_account_stays_so_on_every_connection_and_after_a_restart() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let mallory = stage.account("mallory");
    stage.ask(boss, "/mute * mallory 10m spam");
    assert_eq!(stage.ask(mallory, "hello"), MUTED);
    assert_eq!(stage.ask(mallory, "/profile set hello"), MUTED);
    let (again, _) = stage.login("203.0.113.7", "mallory", PASSWORD);
    assert_eq!(stage.ask(again, "hello"), MUTED);
    let listed = [
        "* 1 ban:",
        "*   1 mallory may not speak until 00:10, by boss: spam",
    ];
    assert_eq!(stage.say(boss, "/bans"), listed);
    stage.restart();
    let (mallory, _) = stage.login("203.0.113.7", "mallory", PASSWORD);
    assert_eq!(stage.ask(mallory, "hello"), MUTED);
    let (boss, _) = stage.login("127.0.0.1", "boss", PASSWORD);
    assert_eq!(
        stage.ask(boss, "/unmute * mallory"),
        "* mallory may speak again."
    );
    assert_eq!(
        stage.hear(mallory).last().unwrap(),
        "* You may speak again."
    );
    assert_eq!(stage.say(mallory, "hello"), [""; 0]);
    let refused = "! mallory is not muted on the server. Nothing was done.";
    assert_eq!(stage.ask(boss, "/unmute * mallory"), refused);
}

#[test]
fn range_that_may_not_speak_is_silent_and_let_in() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    stage.ask(boss, "/ban 203.0.113.0/24 muted 10m spam");
    let mallory = stage.guest_from("203.0.113.7", "mallory");
    assert_eq!(stage.ask(mallory, "hello"), MUTED);
    let bob = stage.guest_from("203.0.114.7", "bob");
    assert_eq!(stage.say(bob, "hello"), [""; 0]);
    let (far_boss, _) = stage.login("203.0.113.7", "boss", PASSWORD);
    assert_eq!(stage.say(far_boss, "hello"), [""; 0]);
}

#[test]
fn kicked_user_is_told_why_and_all_connections_end() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let mallory = stage.account("mallory");
    let (second, _) = stage.login("203.0.113.7", "mallory", PASSWORD);
    let alice = stage.guest("alice");
    let done = "* mallory was removed from the server.";
    assert_eq!(stage.ask(boss, "/kick * mallory spam"), done);
    for id in [mallory, second] {
        assert_eq!(stage.closed(id), Some(CloseReason::Removed));
        let told = "! You were removed from the server: spam. Ask boss.";
        assert_eq!(stage.hear(id).last().unwrap(), told);
        assert_eq!(stage.name_of(id), None);
    }
    let left = "* mallory has left lobby: removed by boss: spam";
    assert_eq!(stage.hear(alice).last().unwrap(), left);
    // It may come back: what keeps out is a ban.
    assert_eq!(
        stage.login("203.0.113.7", "mallory", PASSWORD).1,
        "* You are mallory."
    );
}
