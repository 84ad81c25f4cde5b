//! Steps of several connections, one between those of another.

use std::time::Duration;

use chinwag::chat::archive::Settled;
use chinwag::chat::close_reason::CloseReason;

use super::stage::{PASSWORD, Stage};

const NEW: &str = "battery staple";

#[test]
fn of_two_accounts_that_look_alike_only_the_first_is_made() {
    let mut stage = Stage::new();
    let (alice, twin) = (stage.guest("alice"), stage.guest("a1ice"));
    for id in [alice, twin] {
        assert!(stage.ask(id, "/account new").starts_with("needs"));
    }
    stage.type_line(alice, PASSWORD);
    assert_eq!(
        stage.ask_without_settling(twin, PASSWORD),
        "error name_taken"
    );
    assert_eq!(
        stage.ask_without_settling(twin, "/account new"),
        "error name_taken"
    );
    // If nothing comes of the first, the second can be made.
    stage.answer_one();
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    stage.ask(twin, "/account new");
    assert_eq!(stage.ask(twin, PASSWORD), "made a1ice");
    assert_eq!(stage.ask(alice, "/account new"), "error name_taken");
}

#[test]
fn name_of_an_account_on_its_way_is_taken_though_its_maker_is_gone() {
    let mut stage = Stage::new();
    let alice = stage.guest("alice");
    stage.ask(alice, "/account new");
    stage.type_line(alice, PASSWORD);
    stage.answer_one();
    stage.disconnect(alice);
    let new = stage.connect();
    assert_eq!(
        stage.ask_without_settling(new, "#alice"),
        "error name_taken"
    );
    stage.keep_all();
    assert_eq!(stage.ask(new, "#alice"), "error name_owned");
    stage.login("alice");
}

#[test]
fn name_is_free_if_its_maker_is_gone_before_it_was_handed_over() {
    let mut stage = Stage::new();
    let alice = stage.guest("alice");
    stage.ask(alice, "/account new");
    stage.type_line(alice, PASSWORD);
    stage.disconnect(alice);
    stage.settle_all();
    assert!(stage.archive.kept.accounts.is_empty());
    stage.account("alice");
}

#[test]
fn login_is_wrong_if_the_password_changes_while_it_is_checked() {
    // The new password is kept before the hash is answered, or before what waits is.
    for answered in [0, 1] {
        let mut stage = Stage::new();
        let alice = stage.account("alice");
        stage.ask_for_new_password(alice, "alice");
        stage.type_line(alice, NEW);
        stage.answer_one();
        stage.disconnect(alice);
        let id = stage.connect();
        stage.type_line(id, &format!("/login alice {PASSWORD}"));
        let early = if answered == 0 {
            stage.archive.answer_one()
        } else {
            stage.answer_one();
            assert!(stage.is_stopped(id), "it asks what waits");
            stage.archive.answer_one()
        };
        stage.keep_all();
        stage.settle(early);
        stage.settle_all();
        assert_eq!(stage.hear(id), ["error wrong_password"]);
        assert_eq!(stage.name_of(id), None);
    }
}

#[test]
fn login_that_comes_in_before_the_new_password_is_kept_ends_with_it() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.ask_for_new_password(alice, "alice");
    stage.type_line(alice, NEW);
    stage.answer_one();
    let id = stage.connect();
    stage.type_line(id, &format!("/login alice {PASSWORD}"));
    stage.answer_one();
    assert_eq!(
        stage.hear(id),
        ["logged in alice on 2 in lobby with 0; waited 0"]
    );
    stage.keep_all();
    assert_eq!(stage.hear(id), ["account ended"]);
    assert_eq!(stage.closed(id), Some(CloseReason::AccountEnded));
}

#[test]
fn token_login_is_wrong_if_the_token_is_dropped_while_it_is_looked_up() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let token = stage.token(alice, "laptop");
    stage.type_line(alice, "/token drop laptop");
    stage.answer_one();
    stage.disconnect(alice);
    let id = stage.connect();
    stage.type_line(id, &format!("/login alice {token}"));
    let early: Option<Settled> = stage.archive.answer_one();
    stage.keep_all();
    stage.settle(early);
    assert_eq!(stage.hear(id), ["error wrong_password"]);
}

#[test]
fn of_two_new_passwords_only_the_first_counts() {
    let mut stage = Stage::new();
    let (alice, second) = (stage.account("alice"), stage.login("alice"));
    stage.ask_for_new_password(alice, "alice");
    stage.ask_for_new_password(second, "alice");
    stage.type_line(alice, NEW);
    stage.type_line(second, "yet another one");
    stage.answer_one();
    stage.answer_one();
    assert_eq!(stage.hear(second), ["error busy"]);
    stage.keep_all();
    assert_eq!(stage.hear(second), ["account ended"]);
    assert_eq!(stage.archive.kept.find("alice").unwrap().password(), NEW);
}

#[test]
fn one_who_is_asked_for_a_new_password_is_no_more_once_another_was_kept() {
    let mut stage = Stage::new();
    let (alice, second) = (stage.account("alice"), stage.login("alice"));
    stage.ask_for_new_password(second, "alice");
    assert!(stage.is_concealed(second));
    stage.ask_for_new_password(alice, "alice");
    assert_eq!(stage.ask(alice, NEW), "password changed alice");
    assert!(!stage.is_concealed(second));
    // Its next line is no answer.
    assert_eq!(stage.ask(second, "/account"), "guest without a name");
}

/// It was told that the new password is not certain, and went on as somebody else.
#[test]
fn new_password_that_is_late_leaves_its_maker_to_the_token_that_it_came_by_since() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.account("alice"), stage.account("bob"));
    let token = stage.token(bob, "laptop");
    stage.ask_for_new_password(alice, "alice");
    stage.type_line(alice, NEW);
    stage.answer_one();
    stage.wait(Duration::from_secs(5));
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    stage.type_line(alice, "/logout");
    stage.type_line(alice, &format!("/login bob {token}"));
    stage.answer_one();
    assert_eq!(stage.name_of(alice).as_deref(), Some("bob"));
    stage.keep_all();
    assert_eq!(stage.archive.kept.find("alice").unwrap().password(), NEW);
    stage.ask(bob, "/token drop laptop");
    assert_eq!(stage.closed(alice), Some(CloseReason::AccountEnded));
}

#[test]
fn account_dropped_while_others_are_at_it_ends_them_all() {
    let mut stage = Stage::new();
    let (alice, second) = (stage.account("alice"), stage.login("alice"));
    stage.ask_for_new_password(second, "alice");
    stage.ask_for_name_to_drop(alice, "alice");
    stage.type_line(alice, "alice");
    // A new password, a token, and a login, while it is not known to be kept.
    assert_eq!(stage.ask_without_settling(second, NEW), "error busy");
    stage.type_line(second, "/token laptop");
    stage.answer_one();
    stage.answer_one();
    assert_eq!(stage.hear(second), ["error busy"]);
    let id = stage.connect();
    stage.type_line(id, &format!("/login alice {PASSWORD}"));
    let checked = stage.archive.answer_one();
    stage.keep_all();
    stage.settle(checked);
    assert_eq!(stage.hear(id), ["error wrong_password"]);
    assert_eq!(stage.closed(second), Some(CloseReason::AccountEnded));
    assert_eq!(stage.hear(alice), ["dropped alice"]);
    assert!(stage.archive.kept.accounts.is_empty());
}

#[test]
fn of_two_logins_at_once_the_second_is_a_further_connection() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.disconnect(alice);
    let (one, other, bob) = (stage.connect(), stage.connect(), stage.guest("bob"));
    stage.hear(bob);
    for id in [one, other] {
        stage.type_line(id, &format!("/login alice {PASSWORD}"));
    }
    stage.settle_all();
    assert_eq!(
        stage.hear(one),
        ["logged in alice on 1 in lobby with 1; waited 0"]
    );
    assert_eq!(
        stage.hear(other),
        ["logged in alice on 2 in lobby with 1; waited 0"]
    );
    assert_eq!(stage.hear(bob), ["alice joined lobby"]);
}

#[test]
fn connection_that_is_gone_comes_to_nothing_at_each_step() {
    // A login has two steps, a new password two, a drop one, a token three.
    for steps in 0..2 {
        let mut stage = Stage::new();
        let alice = stage.account("alice");
        stage.disconnect(alice);
        let id = stage.connect();
        stage.type_line(id, &format!("/login alice {PASSWORD}"));
        (0..steps).for_each(|_| stage.answer_one());
        stage.disconnect(id);
        stage.settle_all();
        assert!(stage.hear(id).is_empty());
        stage.login("alice");
    }
    for steps in 0..2 {
        let mut stage = Stage::new();
        let alice = stage.account("alice");
        let second = stage.login("alice");
        stage.ask_for_new_password(alice, "alice");
        stage.type_line(alice, NEW);
        (0..steps).for_each(|_| stage.answer_one());
        stage.disconnect(alice);
        stage.settle_all();
        // Once handed over, it is done, and ends whoever is here.
        let is_changed = steps == 1;
        assert_eq!(stage.closed(second).is_some(), is_changed);
        let password = if is_changed { NEW } else { PASSWORD };
        assert_eq!(
            stage.archive.kept.find("alice").unwrap().password(),
            password
        );
        let id = stage.connect();
        assert!(
            stage
                .ask(id, &format!("/login alice {password}"))
                .starts_with("logged in")
        );
    }
    for steps in 0..3 {
        let mut stage = Stage::new();
        let (alice, second) = (stage.account("alice"), stage.login("alice"));
        stage.type_line(alice, "/token laptop");
        (0..steps).for_each(|_| stage.answer_one());
        stage.disconnect(alice);
        stage.settle_all();
        let labels = if steps == 2 {
            "tokens [laptop]"
        } else {
            "tokens []"
        };
        assert_eq!(stage.ask(second, "/token"), labels);
    }
    let mut stage = Stage::new();
    let (alice, second) = (stage.account("alice"), stage.login("alice"));
    stage.ask_for_name_to_drop(alice, "alice");
    stage.type_line(alice, "alice");
    stage.disconnect(alice);
    stage.settle_all();
    assert_eq!(stage.closed(second), Some(CloseReason::AccountEnded));
}

#[test]
fn connection_about_to_be_closed_logs_in_no_more() {
    let mut stage = Stage::new();
    let bob = stage.account("bob");
    stage.disconnect(bob);
    let (alice, second) = (stage.account("alice"), stage.login("alice"));
    stage.ask_for_new_password(alice, "alice");
    stage.type_line(second, &format!("/login bob {PASSWORD}"));
    stage.type_line(alice, NEW);
    stage.answer_one();
    stage.answer_one();
    stage.keep_all();
    assert_eq!(stage.closed(second), Some(CloseReason::AccountEnded));
    stage.settle_all();
    assert_eq!(stage.name_of(second), None);
}
