//! What one shows: `/privacy`, and `/profile`.

use super::stage::{
    HIDDEN, KEEPS_NOTHING, STRANGERS, Stage, WAITING_PER_SENDER_MAX, account, kept,
};

fn has(heard: &[String], word: &str) -> bool {
    heard.iter().any(|line| line.contains(word))
}

#[test]
fn setting_is_kept_and_holds_until_the_restart_if_not() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    let all = |hidden, keep| {
        format!(
            r#"{{"type":"ok","hidden":{hidden},"receipts":false,"seen":false,"strangers":false,"keep":{keep}}}"#
        )
    };
    assert_eq!(stage.answer(alice, "/privacy"), all(false, true));
    assert_eq!(stage.answer(alice, "/privacy keep off"), all(false, false));
    stage.line(alice, "/privacy hidden on");
    assert_eq!(
        stage.hear(alice),
        [""; 0],
        "the answer comes once it is kept"
    );
    stage.keep_none();
    assert!(has(&stage.hear(alice), "not_kept"));
    // "done until the restart" (§3).
    assert_eq!(stage.answer(alice, "/privacy"), all(true, false));
    let mut stage = stage.again();
    let alice = stage.login("alice");
    assert_eq!(stage.answer(alice, "/privacy"), all(false, false));
}

/// "Off: private conversations with me are not kept (both must have it on, default on); what waits is kept until it
/// was delivered" (§14.37).
#[test]
fn conversation_is_kept_only_if_both_keep_it() {
    for (of, is_kept) in [("nobody", true), ("alice", false), ("bob", false)] {
        let mut stage = Stage::with(&kept(&[(of, KEEPS_NOTHING)]));
        let (alice, bob) = (stage.login("alice"), stage.login("bob"));
        let answer = stage.answer(bob, "@alice:hi");
        assert_eq!(answer.contains("id"), is_kept, "{of}: {answer}");
        assert!(has(&stage.hear(alice), r#""text":"hi""#), "{of}");
        assert_eq!(stage.archive.kept.lines.len(), usize::from(is_kept), "{of}");
        stage.disconnect(alice);
        assert!(
            stage.answer(bob, "@alice:later").contains("waiting"),
            "{of}"
        );
        assert!(has(&stage.ask(bob, "/history @alice"), "later"), "{of}");
        let (_, heard) = stage.login_heard("alice");
        assert!(has(&heard, "later"), "{of}: {heard:?}");
        stage.wait_for_arrivals();
        assert_eq!(
            stage.archive.kept.lines.len(),
            2 * usize::from(is_kept),
            "{of}"
        );
        assert_eq!(
            has(&stage.ask(bob, "/history @alice"), "later"),
            is_kept,
            "{of}"
        );
    }
}

#[test]
fn line_that_is_not_kept_is_answered_in_order() {
    let mut stage = Stage::with(&kept(&[("carol", KEEPS_NOTHING)]));
    let (_, bob, _) = (
        stage.login("alice"),
        stage.login("bob"),
        stage.login("carol"),
    );
    stage.hear(bob);
    stage.line(bob, "@alice:first");
    let second = stage.handle(bob, "@carol:second");
    assert_eq!(second, chinwag::chat::Handled::NotNow);
    stage.settle();
    assert_eq!(stage.hear(bob), [r#"{"type":"ok","id":1}"#]);
    assert_eq!(stage.answer(bob, "@carol:second"), r#"{"type":"ok"}"#);
}

#[test]
fn stranger_may_leave_a_line_and_it_is_erased_once_read() {
    let mut stage = Stage::with(&kept(&[("alice", STRANGERS)]));
    let (eve, mallory) = (stage.guest("eve"), stage.guest("mallory"));
    assert!(stage.answer(eve, "@bob:hi").contains("no_such_user"));
    for count in 0..WAITING_PER_SENDER_MAX {
        let who = if count % 2 == 0 { eve } else { mallory };
        let answer = stage.answer(who, "@alice:stranger");
        assert!(answer.contains(r#""waiting":["alice"]"#), "{answer}");
    }
    // All strangers are one sender: names cost nothing.
    assert!(stage.answer(mallory, "@alice:hi").contains("mailbox_full"));
    assert!(
        stage
            .archive
            .kept
            .lines
            .values()
            .all(|line| line.author.is_none())
    );
    let (alice, heard) = stage.login_heard("alice");
    assert!(
        has(&heard, r#""from":"mallory""#) && has(&heard, r#""waiting":3"#),
        "{heard:?}"
    );
    stage.wait_for_arrivals();
    assert!(
        stage.archive.kept.lines.is_empty(),
        "what a guest says is off the record"
    );
    assert!(stage.archive.kept.waiting.is_empty());
    // Here, she gets it as ever.
    stage.hear(alice);
    assert_eq!(stage.answer(eve, "@alice:now"), r#"{"type":"ok"}"#);
    assert!(has(&stage.hear(alice), "now"));
}

#[test]
fn profile_tells_what_its_owner_says_and_when_they_were_here_only_if_they_want() {
    let mut stage = Stage::new();
    let (alice, bob, eve) = (stage.login("alice"), stage.login("bob"), stage.guest("eve"));
    let plain = r#"{"type":"ok","name":"alice","since":0}"#;
    assert_eq!(stage.answer(bob, "/profile alice"), plain);
    let set = r#"{"type":"ok","name":"alice","text":"on call"}"#;
    assert_eq!(stage.answer(alice, "/profile set on call"), set);
    let told = r#"{"type":"ok","name":"alice","text":"on call","since":0}"#;
    assert_eq!(stage.answer(eve, "/profile ALICE"), told);
    stage.ask(alice, "/privacy seen on");
    let here = r#"{"type":"ok","name":"alice","text":"on call","since":0,"seen":1000000}"#;
    assert_eq!(stage.answer(alice, "/profile"), here);
    assert_eq!(stage.answer(bob, "/profile alice"), here);
    stage.disconnect(alice);
    assert!(stage.answer(bob, "/profile alice").contains("seen"));
    let alice = stage.login("alice");
    // "never for one who is hidden to you".
    stage.ask(alice, "/privacy hidden on");
    stage.disconnect(alice);
    assert_eq!(stage.answer(bob, "/profile alice"), told);
    let alice = stage.login("alice");
    assert_eq!(stage.answer(bob, "/profile alice"), told);
    assert!(
        stage
            .answer(bob, "/profile nobody")
            .contains("no_such_user")
    );
    assert!(stage.answer(eve, "/profile").contains("login_required"));
    let long = "x".repeat(301);
    assert!(
        stage
            .answer(alice, &format!("/profile set {long}"))
            .contains("bad_usage")
    );
    stage.line(alice, "/profile set other");
    stage.keep_none();
    assert!(has(&stage.hear(alice), "not_kept"));
    assert_eq!(
        stage.answer(alice, "/profile set -"),
        r#"{"type":"ok","name":"alice"}"#
    );
    let own = &stage.archive.kept.accounts[&account("alice")];
    assert_eq!(
        (own.profile.as_deref(), own.settings & HIDDEN),
        (None, HIDDEN)
    );
}
