//! Whose a name is.

use std::time::Duration;

use chinwag::chat::archive::{Restored, RestoredAccount};
use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::ids::AccountId;
use chinwag::chat::limits::AccountLimits;
use chinwag::chat::name::Name;

use super::stage::{DAY, PASSWORD, Stage};

#[test]
fn name_that_looks_like_an_account_is_refused_on_every_way_in() {
    let mut stage = Stage::new();
    stage.account("alice");
    let bob = stage.guest("bob");
    for name in ["alice", "ALICE", "a1ice", "al-ice", "Al_1ce"] {
        let new = stage.connect();
        assert_eq!(stage.ask(new, &format!("#{name}")), "error name_owned");
        assert_eq!(stage.ask(new, &format!("/nick {name}")), "error name_owned");
        assert_eq!(stage.ask(bob, &format!("/nick {name}")), "error name_owned");
    }
    assert_eq!(stage.ask(bob, "/nick alicia"), "renamed alicia");
}

#[test]
fn guest_who_was_there_first_keeps_its_name_until_it_leaves_or_renames() {
    let mut stage = Stage::new();
    let twin = stage.guest("a1ice");
    stage.account("alice");
    assert_eq!(stage.ask(twin, "hello"), "ok");
    // Not as an account, though.
    assert_eq!(stage.ask(twin, "/account new"), "error name_taken");
    assert_eq!(stage.ask(twin, "/nick bob"), "renamed bob");
    assert_eq!(stage.ask(twin, "/nick a1ice"), "error name_owned");
    stage.disconnect(twin);
    let again = stage.connect();
    assert_eq!(stage.ask(again, "#a1ice"), "error name_owned");
}

#[test]
fn name_of_an_account_that_is_gone_is_held_for_90_days() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.account("bob");
    stage.ask_for_name_to_drop(alice, "alice");
    assert_eq!(stage.ask(alice, "Alice"), "dropped alice");
    for name in ["alice", "A1ICE"] {
        assert_eq!(stage.ask(alice, &format!("#{name}")), "error name_taken");
    }
    stage.unix_ms += 90 * DAY - 3_600_001;
    stage.wait(Duration::from_secs(3600));
    assert_eq!(stage.ask(alice, "#alice"), "error name_taken");
    stage.wait(Duration::from_secs(3600));
    assert_eq!(stage.ask(alice, "#alice"), "registered alice in lobby");
    assert_eq!(stage.ask(alice, "/account new"), "needs new password alice");
    assert_eq!(stage.ask(alice, PASSWORD), "made alice");
}

#[test]
fn denied_name_is_nobodys() {
    let limits = AccountLimits {
        denied_names: vec!["nazgul".into()],
        ..AccountLimits::default()
    };
    let mut stage = Stage::with(limits);
    let new = stage.connect();
    assert_eq!(stage.ask(new, "#Nazgu1"), "error name_taken");
    let bob = stage.guest("bob");
    assert_eq!(stage.ask(bob, "/nick naz-gul"), "error name_taken");
}

#[test]
fn account_changes_only_the_case_of_its_name() {
    let mut stage = Stage::new();
    let (alice, second) = (stage.account("alice"), stage.login("alice"));
    let bob = stage.guest("bob");
    for other in ["bob", "alicia", "a1ice"] {
        assert_eq!(
            stage.ask(alice, &format!("/nick {other}")),
            "error bad_usage"
        );
    }
    stage.hear(bob);
    stage.hear(second);
    stage.type_line(alice, "/nick Alice");
    assert_eq!(
        stage.name_of(alice).as_deref(),
        Some("alice"),
        "it is not kept yet"
    );
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["renamed Alice"]);
    assert_eq!(stage.name_of(second).as_deref(), Some("Alice"));
    assert_eq!(stage.hear(bob), ["alice is now Alice"]);
    assert!(
        stage
            .archive
            .kept
            .find("alice")
            .unwrap()
            .name
            .is_spelt_like(&Name::parse("Alice").unwrap())
    );
    assert_eq!(stage.ask(alice, "/nick Alice"), "renamed Alice");
    stage.type_line(alice, "/nick alice");
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    assert_eq!(stage.name_of(alice).as_deref(), Some("Alice"));
}

#[test]
fn only_accounts_may_be_here_if_they_are_required() {
    let limits = AccountLimits {
        are_required: true,
        ..AccountLimits::default()
    };
    let mut stage = Stage::with(limits);
    let new = stage.connect();
    assert_eq!(stage.ask(new, "/account new"), "error not_registered");
    assert_eq!(stage.ask(new, "#alice"), "error login_required");
    assert_eq!(stage.ask(new, "/nick alice"), "error login_required");
    // The name that it asked for is that of its account.
    assert_eq!(stage.ask(new, "/account new"), "needs new password alice");
    assert_eq!(
        stage.ask(new, PASSWORD),
        "logged in alice on 1 in lobby with 0; waited 0"
    );
    let other = stage.connect();
    assert_eq!(stage.ask(other, "#alice"), "error name_owned");
    stage.login("alice");
}

#[test]
fn accounts_are_known_again_after_a_restart() {
    let mut stage = Stage::new();
    let number = |number| AccountId::new(number).unwrap();
    let name = |text| Name::parse(text).unwrap();
    let restored = Restored {
        accounts: vec![RestoredAccount {
            account: number(7),
            name: name("alice"),
            made_at: 0,
            seen_at: stage.unix_ms,
            settings: 0,
            tokens: 2,
            suspended: None,
            notify: None,
        }],
        held_names: vec![(name("eve"), stage.unix_ms + 1)],
        last_account: 9,
        ..Restored::default()
    };
    stage.chat.restore(restored);
    let made = stage.account("bob");
    assert_eq!(
        stage.account_of(made),
        AccountId::new(10),
        "no number is given twice"
    );
    let new = stage.connect();
    assert_eq!(stage.ask(new, "#a-lice"), "error name_owned");
    assert_eq!(stage.ask(new, "#eve"), "error name_taken");
    let kept = stage.archive.kept.accounts[&number(10)].clone();
    stage.archive.kept.accounts.insert(number(7), kept);
    assert_eq!(
        stage.ask(new, &format!("/login Alice {PASSWORD}")),
        "logged in alice on 1 in lobby with 1; waited 0"
    );
    assert_eq!(
        stage.ask(new, "/account"),
        "account alice, tokens 2, connections 1"
    );
}

#[test]
fn account_that_nobody_uses_ends_after_a_year_and_its_name_is_held() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.unix_ms += 2 * DAY;
    stage.wait(Duration::from_secs(3600));
    stage.settle_all();
    assert_eq!(
        stage.archive.kept.find("alice").unwrap().seen_at,
        stage.unix_ms
    );
    stage.disconnect(alice);
    stage.unix_ms += 365 * DAY - 3_600_000;
    stage.wait(Duration::from_secs(3600));
    assert_eq!(stage.archive.writes(), 0);
    stage.wait(Duration::from_secs(3600));
    let new = stage.connect();
    // Not before it is kept.
    stage.type_line(new, "#alice");
    assert_eq!(stage.hear(new), ["error name_owned"]);
    stage.settle_all();
    assert!(stage.archive.kept.find("alice").is_none());
    assert_eq!(stage.ask(new, "#alice"), "error name_taken");
    assert_eq!(
        *stage.archive.kept.held_names.values().next().unwrap(),
        stage.unix_ms + 90 * DAY
    );
}

#[test]
fn account_that_was_tried_on_one_day_ends_after_two_weeks() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.account("alice"), stage.account("bob"));
    stage.expire();
    stage.disconnect(alice);
    stage.unix_ms += 2 * DAY;
    stage.disconnect(bob);
    let bob = stage.login("bob");
    stage.disconnect(bob);
    stage.unix_ms += 12 * DAY;
    stage.wait(Duration::from_secs(3600));
    stage.settle_all();
    assert!(stage.archive.kept.find("alice").is_none());
    assert!(stage.archive.kept.find("bob").is_some());
}

#[test]
fn clock_that_leaps_ends_few_accounts_and_none_that_is_here() {
    let mut stage = Stage::new();
    let here = stage.account("stays");
    for number in 0..10 {
        let gone = stage.account(&format!("gone{}", char::from(b'a' + number)));
        stage.disconnect(gone);
    }
    stage.unix_ms += 10_000 * DAY;
    // The first look at a clock, which may be set only after the start, ends none.
    for left in [11, 7] {
        stage.wait(Duration::from_secs(3600));
        stage.settle_all();
        assert_eq!(stage.archive.kept.accounts.len(), left);
    }
    // It goes back, and even further: no account is old.
    stage.unix_ms -= 10_500 * DAY;
    stage.wait(Duration::from_secs(3600));
    stage.settle_all();
    assert_eq!(stage.archive.kept.accounts.len(), 7);
    assert!(stage.archive.kept.find("stays").is_some());
    assert_eq!(stage.closed(here), None);
}

#[test]
fn use_of_an_account_is_kept_once_a_day() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let made = stage.unix_ms;
    for _ in 0..23 {
        stage.wait(Duration::from_secs(3600));
        stage.login("alice");
    }
    assert_eq!(stage.archive.kept.find("alice").unwrap().seen_at, made);
    stage.wait(Duration::from_secs(3600));
    stage.settle_all();
    assert_eq!(
        stage.archive.kept.find("alice").unwrap().seen_at,
        made + DAY
    );
    assert_eq!(stage.closed(alice), Some(CloseReason::Replaced));
}

#[test]
fn login_without_its_slash_is_not_said_if_it_names_an_account() {
    let mut stage = Stage::new();
    stage.account("alice");
    let bob = stage.guest("bob");
    let other = stage.guest("carol");
    stage.hear(other);
    assert_eq!(stage.ask(bob, "login alice 12345678"), "error bad_usage");
    assert!(stage.hear(other).is_empty());
    assert_eq!(stage.ask(bob, "login shells are fun"), "ok");
    assert_eq!(stage.hear(other), ["[lobby] bob: login shells are fun"]);
}

#[test]
fn held_name_is_given_back_where_there_is_no_account() {
    let mut stage = Stage::new();
    let alice = Name::parse("alice").unwrap();
    let restored = Restored {
        held_names: vec![(alice, stage.unix_ms + DAY)],
        ..Restored::default()
    };
    stage.chat.restore(restored);
    stage.wait(Duration::ZERO);
    let new = stage.connect();
    assert_eq!(stage.ask(new, "#alice"), "error name_taken");
    stage.unix_ms += DAY;
    stage.wait(Duration::from_secs(3600));
    let answer = stage.ask(new, "#alice");
    assert!(answer.starts_with("registered alice"), "{answer}");
}
