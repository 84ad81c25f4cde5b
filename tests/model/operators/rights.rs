//! Who is an operator of the server.

use chinwag::chat::ids::Peer;

use super::stage::{PASSWORD, Stage, peer};

const NOT_OPERATOR: &str =
    "! Only operators of the server may do that. /help op says how one becomes one.";

#[test]
fn only_an_operator_may_use_their_commands() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    for line in [
        "/ban 203.0.113.7",
        "/unban 1",
        "/bans",
        "/suspend alice",
        "/unsuspend alice",
        "/reset alice",
        "/announce hello",
        "/reload",
        "/deeds",
        "/backup",
        "/kick * alice",
        "/mute * alice",
        "/unmute * alice",
    ] {
        assert_eq!(stage.ask(alice, line), NOT_OPERATOR, "{line}");
    }
    assert!(stage.told.requests.is_empty());
    assert_eq!(stage.archive.kept.deeds.len(), 0);
    let boss = stage.boss();
    assert_eq!(stage.ask(boss, "/announce hello"), "* Everybody was told.");
    assert_eq!(
        stage.hear(alice).last().unwrap(),
        "* From the operator: hello"
    );
}

#[test]
fn connection_that_its_listener_knows_is_an_operators_once_it_has_a_name() {
    let mut stage = Stage::new();
    let id = stage.connect_from(Peer::Unix);
    stage.chat.trust(id);
    let refused = "! You have no name yet. Type #yourname to register.";
    assert_eq!(stage.ask(id, "/announce hello"), refused);
    stage.ask(id, "#rita");
    assert_eq!(stage.ask(id, "/announce hello"), "* Everybody was told.");
    // Another Unix socket's client is nobody.
    let other = stage.connect_from(Peer::Unix);
    stage.ask(other, "#other");
    assert_eq!(stage.ask(other, "/announce hello"), NOT_OPERATOR);
}

#[test]
fn guest_called_boss_is_nobody() {
    let mut stage = Stage::new();
    let guest = stage.guest_from("203.0.113.7", "boss");
    assert_eq!(stage.ask(guest, "/announce hello"), NOT_OPERATOR);
}

#[test]
fn account_of_an_operator_is_made_on_this_machine_or_by_an_operator_only() {
    let mut stage = Stage::new();
    assert_eq!(stage.chat.missing_operators().count(), 1);
    for name in ["boss", "b0ss", "BOS-S"] {
        let far = stage.guest_from("203.0.113.7", name);
        let refused = format!("! The name {name} is reserved. Try another one.");
        assert_eq!(stage.ask(far, "/account new"), refused);
        stage.disconnect(far);
        // A door or a proxy at a Unix socket has other people's connections.
        let door = stage.connect_from(Peer::Unix);
        stage.ask(door, &format!("#{name}"));
        assert_eq!(stage.ask(door, "/account new"), refused);
        stage.disconnect(door);
    }
    let near = stage.connect_from(peer("::1"));
    stage.ask(near, "#boss");
    assert!(
        stage
            .ask(near, "/account new")
            .starts_with("* Choose a password")
    );
    assert!(
        stage
            .ask(near, "correct horse")
            .starts_with("* boss is yours now.")
    );
    assert_eq!(stage.chat.missing_operators().count(), 0);
    assert_eq!(stage.ask(near, "/announce hello"), "* Everybody was told.");
}

#[test]
fn reload_is_asked_for_outside_the_chat() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let answer = "* The files are read anew, and the log is opened anew: it says how that went.";
    assert_eq!(stage.ask(boss, "/reload"), answer);
    assert_eq!(stage.told.requests.len(), 1);
    assert!(
        stage
            .ask(boss, "/backup")
            .starts_with("* All that is kept is copied to copy-")
    );
}

#[test]
fn operator_alone_is_told_where_others_are_connected_from() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let alice = stage.account_from("203.0.113.7", "alice");
    let bob = stage.guest("bob");
    let told = |lines: Vec<String>| -> Vec<String> {
        let lines = lines.into_iter();
        lines.filter(|line| line.contains("connected")).collect()
    };
    let first = format!("* They are connected from {}.", peer("203.0.113.7"));
    assert_eq!(told(stage.say(boss, "/whois alice")), [first.as_str()]);
    stage.login("198.51.100.2", "alice", PASSWORD);
    let mut lines = told(stage.say(boss, "/whois alice"));
    lines.sort();
    let second = format!("* They are connected from {}.", peer("198.51.100.2"));
    assert_eq!(lines, [second, first]);
    assert_eq!(told(stage.say(bob, "/whois alice")), [""; 0]);
    let own = format!("* You are connected from {}.", peer("203.0.113.7"));
    assert_eq!(told(stage.say(alice, "/whois alice")), [own.as_str()]);
    assert_eq!(told(stage.say(boss, "/whois boss")).len(), 1);
}
