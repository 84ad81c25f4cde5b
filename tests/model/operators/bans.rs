//! Bans: whom they catch, and whom never.

use std::time::Duration;

use chinwag::chat::close_reason::CloseReason;

use super::stage::{PASSWORD, Stage};

const AT: &str = "203.0.113.7";

#[test]
fn narrow_ban_that_catches_nobody_is_made_at_once() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let made = "* 203.0.113.0/24 is banned until 02:00. /unban 1 undoes it.";
    assert_eq!(stage.ask(boss, "/ban 203.0.113.0/24 2h spam."), made);
    let told = "! You are banned until 02:00: spam. Ask boss.";
    assert_eq!(stage.barred(AT).as_deref(), Some(told));
    assert_eq!(stage.barred("203.0.114.7"), None);
    let listed = [
        "* 1 ban:",
        "*   1 203.0.113.0/24 is banned until 02:00, by boss: spam.",
    ];
    assert_eq!(stage.say(boss, "/bans"), listed);
    stage.wait(Duration::from_secs(2 * 60 * 60));
    assert_eq!(stage.barred(AT), None);
    assert_eq!(stage.say(boss, "/bans"), ["* There are no bans."]);
    assert!(stage.archive.kept.bans.is_empty());
}

#[test]
fn ban_that_matches_somebody_is_made_when_it_is_said_again_within_a_minute() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let mallory = stage.guest_from(AT, "mallory");
    let nameless = stage.connect_from(super::stage::peer("203.0.113.8"));
    let line = "/ban 203.0.113.0/24 spam";
    let asked = "* 203.0.113.0/24 is banned: 2 who are here match; say that again to do it.";
    assert_eq!(stage.ask(boss, line), asked);
    assert_eq!((stage.closed(mallory), stage.barred(AT)), (None, None));
    // Another line is not the same one, nor is it after a minute.
    assert_eq!(stage.ask(boss, "/ban 203.0.113.0/24 other"), asked);
    stage.wait(Duration::from_secs(60));
    assert_eq!(stage.ask(boss, line), asked);
    let made = "* 203.0.113.0/24 is banned: 2 who were here matched. /unban 1 undoes it.";
    assert_eq!(stage.ask(boss, line), made);
    for id in [mallory, nameless] {
        assert_eq!(stage.closed(id), Some(CloseReason::Banned));
        let told = stage.hear(id);
        assert_eq!(told.last().unwrap(), "! You are banned: spam. Ask boss.");
    }
    assert_eq!(stage.name_of(mallory), None, "gone in the same step");
    assert_eq!(stage.ask(boss, "/unban 1"), "* Ban 1 is undone.");
    assert_eq!(stage.barred(AT), None);
    assert_eq!(
        stage.ask(boss, "/unban 1"),
        "! There is no ban 1. /bans lists them."
    );
}

#[test]
fn wide_range_is_banned_when_that_is_said_twice() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    for (range, number) in [("203.0.0.0/15", 1), ("2001::/31", 2)] {
        let line = format!("/ban {range}");
        let refused = format!("! {range} is very wide. Say that again within a minute to do it.");
        assert_eq!(stage.ask(boss, &line), refused);
        assert!(stage.archive.kept.bans.len() < number);
        assert!(
            stage
                .ask(boss, &line)
                .ends_with(&format!("/unban {number} undoes it."))
        );
    }
    assert!(stage.ask(boss, "/ban 198.51.0.0/16").contains("is banned."));
    assert!(stage.ask(boss, "/ban 2001:db8::/32").contains("is banned."));
}

#[test]
fn this_machine_and_operators_are_never_caught() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let near = stage.guest("near");
    let (far_boss, _) = stage.login(AT, "boss", PASSWORD);
    let unix = stage.connect_from(chinwag::chat::ids::Peer::Unix);
    for range in ["0.0.0.0/0", "::/0"] {
        let line = format!("/ban {range}");
        stage.ask(boss, &line);
        let made = stage.ask(boss, &line);
        assert!(!made.contains("matched"), "{made}");
    }
    for id in [boss, near, far_boss, unix] {
        assert_eq!(stage.closed(id), None);
    }
    for local in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "unix"] {
        assert_eq!(stage.barred(local), None, "{local}");
    }
    assert!(stage.barred(AT).is_some());
    assert!(stage.barred("2001:db8::1").is_some());
    let refused = "! boss is an operator here, whom nothing catches.";
    assert_eq!(stage.ask(boss, "/ban boss"), refused);
    assert_eq!(stage.ask(boss, "/mute * boss"), refused);
    assert_eq!(stage.ask(boss, "/suspend boss"), refused);
    let local = "! near is on this machine, which is never banned. /kick * works.";
    assert_eq!(stage.ask(boss, "/ban near"), local);
}

#[test]
fn guest_is_banned_by_their_address_and_their_subscribers_64() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let mallory = stage.guest_from("2001:db8:0:1::7", "mallory");
    let asked = stage.say(boss, "/ban @mallory 1d").join(" ");
    let whom = "* 2001:db8:0:1::/64, where the guest mallory is, is banned until";
    assert!(asked.starts_with(whom), "{asked}");
    stage.ask(boss, "/ban @mallory 1d");
    assert_eq!(stage.closed(mallory), Some(CloseReason::Banned));
    // An evader comes from another address of the same subscriber's.
    assert!(stage.barred("2001:db8:0:1:ffff::9").is_some());
    assert_eq!(stage.barred("2001:db8:0:2::7"), None);
    let refused = "! There is no user nobody. /names * lists everyone.";
    assert_eq!(stage.ask(boss, "/ban nobody"), refused);
    let bad = "! 10.0.0.0/33 is no address, no range of them and no name. Nothing was done.";
    assert_eq!(stage.ask(boss, "/ban 10.0.0.0/33"), bad);
}

#[test]
fn banned_account_is_closed_and_cannot_log_in_from_anywhere() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let mallory = stage.account("mallory");
    let token = stage.ask(mallory, "/token bot");
    let token = token.rsplit(' ').next().unwrap().to_owned();
    stage.ask(boss, "/ban mallory 2h spam");
    stage.ask(boss, "/ban mallory 2h spam");
    assert_eq!(stage.closed(mallory), Some(CloseReason::Banned));
    let refused = "! That account is banned for 2 h: spam. Ask an operator.";
    assert_eq!(stage.login(AT, "mallory", PASSWORD).1, refused);
    assert_eq!(stage.login(AT, "mallory", &token).1, refused);
    let wrong = stage.login(AT, "mallory", "wrong password").1;
    assert!(
        !wrong.contains("banned"),
        "only to who knows the password: {wrong}"
    );
    stage.wait(Duration::from_secs(2 * 60 * 60));
    assert_eq!(stage.login(AT, "mallory", PASSWORD).1, "* You are mallory.");
}

#[test]
fn from_where_one_must_log_in_no_name_is_taken_and_no_account_made() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let alice = stage.account_from(AT, "alice");
    let mallory = stage.guest_from(AT, "mallory");
    let asked = stage.ask(boss, "/ban 203.0.113.7 login");
    let expected = "* 203.0.113.7/32 must log in: 1 who is here matches; say that again to do it.";
    assert_eq!(asked, expected);
    stage.ask(boss, "/ban 203.0.113.7 login");
    assert_eq!(stage.name_of(alice).as_deref(), Some("alice"));
    assert_eq!(
        (stage.name_of(mallory), stage.closed(mallory)),
        (None, None)
    );
    let refused = "! You must log in here. Type /login NAME.";
    assert_eq!(stage.ask(mallory, "#eve"), refused);
    assert_eq!(stage.ask(mallory, "/nick eve"), refused);
    let nameless = "! You have no name yet. Type #yourname to register.";
    assert_eq!(stage.ask(mallory, "/account new"), nameless);
    assert_eq!(stage.barred(AT), None);
    assert_eq!(
        stage.login(AT, "alice", PASSWORD).1,
        "* You are alice, on 2 connections."
    );
    let useless = "! alice is an account, which logs in anyway. Use out or muted.";
    assert_eq!(stage.ask(boss, "/ban alice login"), useless);
}

#[test]
fn ban_outlasts_a_restart_and_its_number_is_never_given_again() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    stage.ask(boss, "/ban 203.0.113.0/24 spam");
    stage.ask(boss, "/ban 198.51.100.0/24 1h");
    stage.ask(boss, "/unban 2");
    stage.restart();
    assert!(stage.barred(AT).is_some());
    assert_eq!(stage.barred("198.51.100.7"), None);
    let (boss, _) = stage.login("127.0.0.1", "boss", PASSWORD);
    let made = stage.ask(boss, "/ban 198.51.100.0/24");
    assert!(made.ends_with("/unban 3 undoes it."), "{made}");
}

#[test]
fn ban_without_a_store_holds_until_the_restart_and_one_that_is_not_kept_says_so() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    stage.type_line(boss, "/ban 203.0.113.0/24");
    stage.keep_none();
    let undone = "! That is done, but it is not kept: a restart of the server undoes it.";
    assert_eq!(stage.hear(boss).last().unwrap(), undone);
    assert!(stage.barred(AT).is_some());
    stage.archive.is_full = true;
    assert_eq!(stage.ask(boss, "/ban 198.51.100.0/24"), undone);
    assert!(stage.barred("198.51.100.7").is_some());
    stage.archive.is_full = false;
    stage.archive.is_closed = true;
    let made = stage.ask(boss, "/ban 192.0.2.0/24");
    assert!(made.ends_with("is banned. /unban 3 undoes it."), "{made}");
}

#[test]
fn file_of_bans_catches_like_any_and_replaces_what_it_listed() {
    let mut stage = Stage::new();
    let mallory = stage.guest_from(AT, "mallory");
    let near = stage.guest("near");
    stage.list(&[("203.0.113.0/24", "listed"), ("127.0.0.0/8", "")]);
    assert_eq!(stage.closed(mallory), Some(CloseReason::Banned));
    let told = "! You are banned: listed. Ask who runs this server.";
    assert_eq!(stage.hear(mallory).last().unwrap(), told);
    assert_eq!(stage.closed(near), None);
    assert_eq!(stage.barred(AT).as_deref(), Some(told));
    let boss = stage.boss();
    assert_eq!(stage.ask(boss, "/bans"), "* 0 bans, and 2 in the file:");
    stage.list(&[]);
    assert_eq!(stage.barred(AT), None);
}
