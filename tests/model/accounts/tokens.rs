//! Tokens.

use chinwag::chat::close_reason::CloseReason;

use crate::contents::token;

use super::stage::Stage;

#[test]
fn token_is_shown_once_it_is_kept_and_listed_without_it() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    assert_eq!(stage.ask(alice, "/token"), "tokens []");
    stage.type_line(alice, "/token laptop");
    stage.answer_one();
    stage.answer_one();
    assert!(stage.hear(alice).is_empty(), "it is not kept yet");
    stage.keep_all();
    assert_eq!(stage.hear(alice), [format!("token laptop {}", token(1))]);
    assert_eq!(stage.ask(alice, "/token"), "tokens [laptop]");
    assert_eq!(stage.ask(alice, "/token laptop"), "error name_taken");
    assert_eq!(
        stage.ask(alice, "/token phone"),
        format!("token phone {}", token(2))
    );
    assert_eq!(
        stage.ask(alice, "/account"),
        "account alice, tokens 2, connections 1"
    );
}

#[test]
fn tokens_are_an_accounts_alone_and_ten_at_most() {
    let mut stage = Stage::new();
    let guest = stage.guest("bob");
    let new = stage.connect();
    for line in ["/token", "/token x", "/token drop x"] {
        assert_eq!(stage.ask(guest, line), "error login_required");
        assert_eq!(stage.ask(new, line), "error not_registered");
    }
    let alice = stage.account("alice");
    for number in 0..10 {
        stage.token(alice, &format!("t{number}"));
    }
    assert_eq!(stage.ask(alice, "/token t10"), "error too_many_tokens");
    assert_eq!(stage.ask(alice, "/token drop t0"), "token dropped t0");
    stage.token(alice, "t10");
}

#[test]
fn token_logs_in_only_as_its_account() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let token = stage.token(alice, "laptop");
    stage.account("bob");
    let id = stage.connect();
    for line in ["/login bob ", "/login nobody "] {
        assert_eq!(
            stage.ask(id, &format!("{line}{token}")),
            "error wrong_password"
        );
    }
    assert_eq!(stage.ask(id, "/login alice cw_77"), "error wrong_password");
    stage.login_by("alice", &token);
    let used = &stage.archive.kept.find("alice").unwrap().tokens;
    assert!(used.values().all(|token| token.used.is_some()));
}

#[test]
fn token_that_is_dropped_ends_the_connections_that_came_by_it() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let (one, other) = (stage.token(alice, "one"), stage.token(alice, "other"));
    let by_one = stage.login_by("alice", &one);
    let by_other = stage.login_by("alice", &other);
    stage.hear(by_one);
    stage.type_line(alice, "/token drop one");
    stage.answer_one();
    assert_eq!(stage.closed(by_one), None, "it is not kept yet");
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["token dropped one"]);
    assert_eq!(stage.hear(by_one), ["account ended"]);
    assert_eq!(stage.closed(by_one), Some(CloseReason::AccountEnded));
    assert_eq!(stage.account_of(by_one), None);
    let id = stage.connect();
    assert_eq!(
        stage.ask(id, &format!("/login alice {one}")),
        "error wrong_password"
    );
    assert_eq!(stage.ask(alice, "/token drop one"), "error bad_usage");
    // One that drops its own is answered before it ends.
    stage.hear(by_other);
    assert_eq!(
        stage.say(by_other, "/token drop other"),
        ["token dropped other", "account ended"]
    );
    assert_eq!(stage.closed(alice), None);
}

#[test]
fn token_that_came_with_the_password_it_was_changed_by_ends_nothing() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let token = stage.token(alice, "laptop");
    let bot = stage.login_by("alice", &token);
    stage.ask_for_new_password(bot, "alice");
    assert_eq!(stage.ask(bot, "battery staple"), "password changed alice");
    // A new token of the same label is another one.
    stage.token(bot, "laptop");
    assert_eq!(stage.ask(bot, "/token drop laptop"), "token dropped laptop");
    assert_eq!(stage.closed(bot), None);
}

#[test]
fn token_that_is_not_kept_is_not_shown_and_its_label_is_free() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.type_line(alice, "/token laptop");
    stage.answer_one();
    stage.answer_one();
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    stage.type_line(alice, "/token laptop");
    stage.fail_one();
    assert_eq!(stage.hear(alice), ["error busy"]);
    stage.type_line(alice, "/token laptop");
    stage.answer_one();
    stage.fail_one();
    assert_eq!(stage.hear(alice), ["error busy"]);
    stage.archive.is_full = true;
    assert_eq!(stage.ask(alice, "/token laptop"), "error busy");
    assert_eq!(stage.ask(alice, "/token"), "error busy");
    assert_eq!(stage.ask(alice, "/token drop laptop"), "error busy");
    stage.archive.is_full = false;
    stage.token(alice, "laptop");
    // Nor is one dropped.
    stage.type_line(alice, "/token drop laptop");
    stage.answer_one();
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    assert_eq!(
        stage.ask(alice, "/account"),
        "account alice, tokens 1, connections 1"
    );
}

#[test]
fn two_connections_do_not_make_two_tokens_of_one_label() {
    let mut stage = Stage::new();
    let (alice, second) = (stage.account("alice"), stage.login("alice"));
    stage.type_line(alice, "/token laptop");
    assert_eq!(
        stage.ask_without_settling(second, "/token laptop"),
        "error name_taken"
    );
    stage.settle_all();
    assert_eq!(stage.hear(alice), [format!("token laptop {}", token(1))]);
    stage.type_line(alice, "/token drop laptop");
    assert_eq!(
        stage.ask_without_settling(second, "/token drop laptop"),
        "error busy"
    );
    stage.settle_all();
    assert_eq!(
        stage.ask(alice, "/account"),
        "account alice, tokens 0, connections 2"
    );
    // One that is gone claims nothing.
    stage.type_line(alice, "/token laptop");
    stage.disconnect(alice);
    stage.settle_all();
    stage.token(second, "laptop");
}
