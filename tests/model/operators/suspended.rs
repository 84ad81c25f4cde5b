//! Suspended accounts, and codes for a new password.

use chinwag::chat::close_reason::CloseReason;

use super::stage::{PASSWORD, Stage};

const AT: &str = "203.0.113.7";
const NEW: &str = "better horse";

/// Has the operator make a code.
pub fn code_for(stage: &mut Stage, boss: chinwag::chat::ids::ClientId, name: &str) -> String {
    let answer = stage.ask(boss, &format!("/reset {name}"));
    let code = answer.strip_prefix(&format!("* One-time code for {name}, an hour: "));
    code.expect("a code is shown").to_owned()
}

#[test]
fn suspended_account_ends_before_the_answer_and_is_used_by_nothing() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let alice = stage.account("alice");
    let (second, _) = stage.login(AT, "alice", PASSWORD);
    let token = stage.ask(alice, "/token bot");
    let token = token.rsplit(' ').next().unwrap().to_owned();
    let code = code_for(&mut stage, boss, "alice");
    stage.hear(boss);
    stage.type_line(boss, "/suspend alice spam");
    for id in [alice, second] {
        assert_eq!(stage.closed(id), Some(CloseReason::AccountEnded));
        let told = "! Your account is suspended: spam. Ask boss.";
        assert_eq!(stage.hear(id).last().unwrap(), told);
        assert_eq!(stage.name_of(id), None);
    }
    let left = "* alice has left lobby.";
    assert_eq!(
        stage.hear(boss),
        [left],
        "the answer waits until it is kept"
    );
    stage.settle_all();
    let done = "* alice is suspended. /unsuspend alice undoes it.";
    assert_eq!(stage.hear(boss), [done]);
    let refused = "! That account is suspended: spam. Ask an operator.";
    for secret in [PASSWORD, &token, &code] {
        assert_eq!(stage.login(AT, "alice", secret).1, refused);
    }
    let wrong = stage.login(AT, "alice", "wrong password").1;
    assert!(
        !wrong.contains("suspended"),
        "only to who knows the password: {wrong}"
    );
    stage.restart();
    assert_eq!(stage.login(AT, "alice", PASSWORD).1, refused);
    let (boss, _) = stage.login("127.0.0.1", "boss", PASSWORD);
    stage.ask(boss, "/unsuspend alice");
    assert_eq!(stage.login(AT, "alice", PASSWORD).1, "* You are alice.");
    let refused = "! alice is not suspended. Nothing was done.";
    assert_eq!(stage.ask(boss, "/unsuspend alice"), refused);
}

#[test]
fn login_under_way_fails_if_the_account_is_suspended_meanwhile() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let alice = stage.account("alice");
    stage.disconnect(alice);
    let id = stage.connect_from(super::stage::peer(AT));
    stage.type_line(id, &format!("/login alice {PASSWORD}"));
    stage.answer_one(); // The password is right, and what was missed is looked up.
    stage.ask(boss, "/suspend alice");
    stage.settle_all();
    assert_eq!(
        stage.hear(id),
        ["! That account is suspended. Ask an operator."]
    );
    assert_eq!(stage.name_of(id), None);
}

#[test]
fn code_sets_a_new_password_once_and_ends_the_sessions() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    let alice = stage.account("alice");
    let first = code_for(&mut stage, boss, "alice");
    let code = code_for(&mut stage, boss, "alice");
    let wrong = "! That is not the password or token of such an account.";
    let refused = stage.login(AT, "alice", &first).1;
    assert!(refused.starts_with("! "), "a newer code ends it: {refused}");
    assert_eq!(stage.login(AT, "boss", &code).1, refused, "not {wrong}");
    let (id, asked) = stage.login(AT, "alice", &code);
    assert_eq!(
        asked,
        "* Choose a password for alice and type it; an empty line cancels."
    );
    assert_eq!(stage.closed(alice), None, "nothing is done yet");
    assert!(
        stage.ask(id, &code).starts_with("! "),
        "a code is no password"
    );
    let (id, _) = stage.login(AT, "alice", &code);
    let changed = stage.ask(id, NEW);
    assert!(
        changed.starts_with("* alice has a new password."),
        "{changed}"
    );
    assert_eq!(stage.closed(alice), Some(CloseReason::AccountEnded));
    assert_eq!(stage.login(AT, "alice", &code).1, refused, "once");
    assert_eq!(stage.login(AT, "alice", PASSWORD).1, refused);
    assert_eq!(stage.login(AT, "alice", NEW).1, "* You are alice.");
    let deeds: Vec<_> = stage
        .archive
        .kept
        .deeds
        .iter()
        .map(|deed| deed.what)
        .collect();
    assert_eq!(deeds, ["reset", "reset"]);
}

#[test]
fn code_that_is_not_kept_is_not_shown() {
    let mut stage = Stage::new();
    let boss = stage.boss();
    stage.account("alice");
    stage.hear(boss);
    stage.type_line(boss, "/reset alice");
    stage.answer_one();
    stage.keep_none();
    let told = stage.hear(boss);
    assert!(told.last().unwrap().starts_with("! ") && !told.concat().contains("cw1_"));
}
