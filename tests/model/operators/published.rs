//! A test for each published mistake of others that operators could repeat here.

use std::time::Duration;

use super::stage::{PASSWORD, Stage};
use super::suspended::code_for;

const AT: &str = "203.0.113.7";
const NEW: &str = "better horse";
const SUSPENDED: &str = "! That account is suspended. Ask an operator.";

/// Anope: a reset password let a suspended account in again.
#[test]
fn cve_2024_30187_reset_does_not_lift_a_suspension() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    stage.account("alice");
    stage.ask(boss, "/suspend alice");
    let code = code_for(&mut stage, boss, "alice");
    assert_eq!(stage.login(AT, "alice", &code).1, SUSPENDED);
    // Nor does one that was used before, and whose new password comes after.
    stage.ask(boss, "/unsuspend alice");
    let (id, asked) = stage.login(AT, "alice", &code);
    assert!(asked.starts_with("* Choose a password"), "{asked}");
    stage.ask(boss, "/suspend alice");
    assert_eq!(stage.ask(id, NEW), SUSPENDED);
    assert_eq!(stage.login(AT, "alice", PASSWORD).1, SUSPENDED);
}

/// Zulip: an invitation had an end, which nobody looked at.
#[test]
fn cve_2021_43791_end_of_a_code_is_looked_at_where_it_is_used() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let alice = stage.account("alice");
    stage.disconnect(alice);
    let code = code_for(&mut stage, boss, "alice");
    stage.wait(Duration::from_secs(60 * 60 - 30));
    let (late, asked) = stage.login(AT, "alice", &code);
    assert!(asked.starts_with("* Choose a password"), "{asked}");
    stage.wait(Duration::from_secs(30));
    let refused = stage.login(AT, "alice", &code).1;
    assert!(refused.starts_with("! "), "{refused}");
    assert!(
        stage.ask(late, NEW).starts_with("! "),
        "its time is over, too"
    );
    assert_eq!(stage.login(AT, "alice", PASSWORD).1, "* You are alice.");
}

/// Zulip and Mattermost: accounts that had ended lived on in open sockets.
#[test]
fn cve_2022_24751_and_cve_2026_9162_suspended_account_says_nothing_more() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let alice = stage.account("alice");
    let bob = stage.guest("bob");
    stage.hear(bob);
    stage.type_line(boss, "/suspend alice");
    // Its connection is not closed yet; nothing of it is the account's.
    let nameless = "! You have no name yet. Type #yourname to register.";
    assert_eq!(stage.ask(alice, "hello"), nameless);
    assert_eq!(stage.hear(bob), ["* alice has left lobby."]);
}

/// ssh-chat: a time that could not be read was passed over, and the ban had no end.
#[test]
fn time_that_is_none_bans_nobody_for_ever() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    stage.account("mallory");
    let refused = "! That is no time. Type digits and s, m, h, d or w: 10m, 2h. Nothing was done.";
    for line in [
        "/ban 203.0.113.7 10x",
        "/ban mallory 1 spam",
        "/mute * mallory 0s",
    ] {
        assert_eq!(stage.ask(boss, line), refused, "{line}");
    }
    assert_eq!(stage.say(boss, "/bans"), ["* There are no bans."]);
}

/// solanum and `UnrealIRCd`: a ban of a whole gateway, by a slip.
#[test]
fn slip_bans_no_gateway() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    stage.ask(boss, "/ban 203.0.113.7/2");
    assert_eq!(stage.barred("198.51.100.7"), None);
    assert_eq!(stage.barred(AT), None);
}
