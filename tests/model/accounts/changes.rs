//! Making an account, its password, its end.

use std::time::Duration;

use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::limits::AccountLimits;

use super::stage::{PASSWORD, Stage};

const NEW: &str = "battery staple";

#[test]
fn account_is_made_once_it_is_kept_and_not_before() {
    let mut stage = Stage::new();
    let alice = stage.guest("alice");
    stage.ask(alice, "/account new");
    stage.type_line(alice, PASSWORD);
    stage.answer_one();
    assert_eq!(stage.account_of(alice), None);
    assert!(stage.hear(alice).is_empty() && stage.is_stopped(alice));
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["made alice"]);
    assert!(stage.account_of(alice).is_some() && !stage.is_stopped(alice));
    assert_eq!(stage.ask(alice, "/account new"), "error bad_usage");
}

#[test]
fn account_that_is_not_kept_is_not_made_and_its_name_is_free() {
    let mut stage = Stage::new();
    let alice = stage.guest("alice");
    stage.ask(alice, "/account new");
    stage.type_line(alice, PASSWORD);
    stage.answer_one();
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    assert_eq!(stage.account_of(alice), None);
    // The hash fails, or is refused, or so is the change.
    stage.ask(alice, "/account new");
    stage.type_line(alice, PASSWORD);
    stage.fail_one();
    assert_eq!(stage.hear(alice), ["error busy"]);
    stage.ask(alice, "/account new");
    stage.archive.is_full = true;
    assert_eq!(stage.ask(alice, PASSWORD), "error busy");
    stage.archive.is_full = false;
    stage.ask(alice, "/account new");
    stage.type_line(alice, PASSWORD);
    stage.archive.is_full = true;
    stage.answer_one();
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    stage.archive.is_full = false;
    assert_eq!(stage.ask(alice, "/account new"), "needs new password alice");
    assert_eq!(stage.ask(alice, PASSWORD), "made alice");
}

#[test]
fn account_that_is_kept_late_is_its_guests_if_it_is_there_yet() {
    for has_renamed in [false, true] {
        let mut stage = Stage::new();
        let alice = stage.guest("alice");
        stage.ask(alice, "/account new");
        stage.type_line(alice, PASSWORD);
        stage.answer_one();
        stage.wait(Duration::from_secs(5));
        assert_eq!(stage.hear(alice), ["error not_kept"]);
        if has_renamed {
            assert_eq!(
                stage.ask_without_settling(alice, "/nick bob"),
                "renamed bob"
            );
            let new = stage.connect();
            assert_eq!(
                stage.ask_without_settling(new, "#a1ice"),
                "error name_taken"
            );
        }
        stage.keep_all();
        assert!(stage.hear(alice).is_empty());
        assert_eq!(stage.account_of(alice).is_some(), !has_renamed);
        stage.login("alice");
    }
}

#[test]
fn weak_password_is_refused_and_not_asked_for_again() {
    let mut stage = Stage::new();
    let alice = stage.guest("alice");
    let longest = "x".repeat(128);
    let too_long = "x".repeat(129);
    for weak in ["1234567", &too_long, "cw_12345678", "žžž"] {
        stage.ask(alice, "/account new");
        assert_eq!(stage.ask(alice, weak), "error weak_password");
        assert_eq!(stage.ask(alice, "/ping x"), "pong x");
    }
    stage.ask(alice, "/account new");
    assert_eq!(stage.ask(alice, &longest), "made alice");
    for weak in ["1234567", &too_long, "cw_12345678"] {
        assert_eq!(
            stage.ask(alice, "/account password"),
            "needs password alice"
        );
        assert_eq!(stage.ask(alice, &longest), "needs new password alice");
        assert_eq!(stage.ask(alice, weak), "error weak_password");
    }
    assert_eq!(
        stage.archive.kept.find("alice").unwrap().password(),
        longest
    );
}

#[test]
fn nameless_connection_registers_before_it_makes_an_account() {
    let mut stage = Stage::new();
    let id = stage.connect();
    assert_eq!(stage.ask(id, "/account new"), "error not_registered");
}

#[test]
fn accounts_are_no_more_than_may_be() {
    let limits = AccountLimits {
        accounts_max: 2,
        ..AccountLimits::default()
    };
    let mut stage = Stage::with(limits);
    let alice = stage.account("alice");
    stage.account("bob");
    let carol = stage.guest("carol");
    assert_eq!(stage.ask(carol, "/account new"), "error too_many_accounts");
    // A name that is held takes the place of its account.
    stage.ask_for_name_to_drop(alice, "alice");
    stage.ask(alice, "alice");
    assert_eq!(stage.ask(carol, "/account new"), "error too_many_accounts");
    let closed = AccountLimits {
        may_be_made: false,
        ..AccountLimits::default()
    };
    let mut stage = Stage::with(closed);
    let alice = stage.guest("alice");
    assert_eq!(stage.ask(alice, "/account new"), "error too_many_accounts");
}

#[test]
fn address_makes_three_accounts_a_day() {
    let limits = AccountLimits {
        plain_passwords: true,
        ..AccountLimits::default()
    };
    let mut stage = Stage::with(limits);
    let far = |stage: &mut Stage, name: &str, host| {
        let id = stage.connect_far(host);
        stage.ask(id, &format!("#{name}"));
        let asked = stage.ask(id, "/account new");
        if asked.starts_with("error") {
            return asked;
        }
        stage.ask(id, PASSWORD)
    };
    for name in ["alice", "bob", "carol"] {
        assert_eq!(far(&mut stage, name, 1), format!("made {name}"));
    }
    assert_eq!(far(&mut stage, "dave", 1), "error too_many_accounts");
    assert_eq!(far(&mut stage, "erin", 2), "made erin");
    stage.wait(Duration::from_secs(24 * 60 * 60));
    stage.settle_all();
    assert_eq!(far(&mut stage, "frank", 1), "made frank");
}

#[test]
fn new_password_ends_all_other_connections_and_tokens_when_it_is_kept() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let token = stage.token(alice, "laptop");
    let (second, bot) = (stage.login("alice"), stage.login_by("alice", &token));
    let bob = stage.guest("bob");
    stage.ask_for_new_password(alice, "alice");
    stage.hear(bob);
    stage.type_line(alice, NEW);
    stage.answer_one();
    assert_eq!(stage.closed(second), None, "it is not kept yet");
    assert_eq!(stage.ask_without_settling(second, "/ping x"), "pong x");
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["password changed alice"]);
    for ended in [second, bot] {
        assert_eq!(stage.hear(ended).last().unwrap(), "account ended");
        assert_eq!(stage.closed(ended), Some(CloseReason::AccountEnded));
        assert_eq!(stage.account_of(ended), None);
    }
    assert_eq!((stage.closed(alice), stage.hear(bob)), (None, Vec::new()));
    assert_eq!(
        stage.ask(alice, "/account"),
        "account alice, tokens 0, connections 1"
    );
    let new = stage.connect();
    for old in [PASSWORD, &token] {
        assert_eq!(
            stage.ask(new, &format!("/login alice {old}")),
            "error wrong_password"
        );
    }
    let answer = stage.ask(new, &format!("/login alice {NEW}"));
    assert_eq!(answer, "logged in alice on 2 in lobby with 1; waited 0");
}

#[test]
fn password_that_is_not_kept_changes_nothing() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let second = stage.login("alice");
    for is_hashed in [false, true] {
        stage.ask_for_new_password(alice, "alice");
        stage.type_line(alice, NEW);
        if is_hashed {
            stage.answer_one();
            stage.keep_none();
            assert_eq!(stage.hear(alice), ["error not_kept"]);
        } else {
            stage.fail_one();
            assert_eq!(stage.hear(alice), ["error busy"]);
        }
        assert_eq!(stage.closed(second), None);
    }
    stage.login("alice");
    // It can be changed yet.
    stage.ask_for_new_password(alice, "alice");
    assert_eq!(stage.ask(alice, NEW), "password changed alice");
}

#[test]
fn token_does_not_do_where_the_password_is_asked_for() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let token = stage.token(alice, "laptop");
    for command in ["/account password", "/account drop"] {
        assert_eq!(stage.ask(alice, command), "needs password alice");
        assert_eq!(stage.ask(alice, &token), "error wrong_password");
    }
}

#[test]
fn account_is_dropped_with_all_that_was_here_by_it() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let (second, bob) = (stage.login("alice"), stage.guest("bob"));
    stage.ask_for_name_to_drop(alice, "alice");
    assert!(!stage.is_concealed(alice), "a name is no secret");
    stage.hear(bob);
    stage.hear(second);
    stage.type_line(alice, "alice");
    assert!(stage.closed(second).is_none() && stage.hear(bob).is_empty());
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["dropped alice"]);
    assert_eq!((stage.name_of(alice), stage.closed(alice)), (None, None));
    assert_eq!(stage.hear(second), ["account ended"]);
    assert_eq!(stage.closed(second), Some(CloseReason::AccountEnded));
    assert_eq!(stage.hear(bob), ["alice left all"]);
    assert_eq!(
        stage.ask(alice, &format!("/login alice {PASSWORD}")),
        "error wrong_password"
    );
    assert_eq!(stage.ask(alice, "#carol"), "registered carol in lobby");
}

#[test]
fn account_is_not_dropped_by_another_name_or_a_cancel_or_if_that_is_not_kept() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.ask_for_name_to_drop(alice, "alice");
    assert_eq!(stage.ask(alice, "a1ice"), "error bad_usage");
    stage.ask_for_name_to_drop(alice, "alice");
    assert_eq!(stage.ask(alice, ""), "cancelled");
    stage.ask_for_name_to_drop(alice, "alice");
    stage.archive.is_full = true;
    assert_eq!(stage.ask(alice, "alice"), "error not_kept");
    stage.archive.is_full = false;
    stage.ask_for_name_to_drop(alice, "alice");
    stage.type_line(alice, "alice");
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    assert!(stage.account_of(alice).is_some());
    stage.ask_for_name_to_drop(alice, "alice");
    assert_eq!(stage.ask(alice, " ALICE "), "dropped alice");
}

#[test]
fn account_that_is_dropped_late_is_dropped_all_the_same() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let (second, bob) = (stage.login("alice"), stage.guest("bob"));
    stage.ask_for_name_to_drop(alice, "alice");
    stage.type_line(alice, "alice");
    stage.wait(Duration::from_secs(5));
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    assert_eq!(stage.ask_without_settling(alice, "/ping x"), "pong x");
    stage.hear(bob);
    stage.keep_all();
    assert!(stage.hear(alice).is_empty());
    assert_eq!((stage.name_of(alice), stage.closed(alice)), (None, None));
    assert_eq!(stage.closed(second), Some(CloseReason::AccountEnded));
    assert_eq!(stage.hear(bob), ["alice left all"]);
}
