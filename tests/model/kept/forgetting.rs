//! `/forget`: own lines are erased, and shown no more.

use chinwag::chat::command::{ForgetCommand, WantedRange};
use chinwag::chat::ids::{ClientId, LineId};

use super::stage::{Handled, Stage, forget, history, place};

/// Alice owns dev, bob is there, each has said three lines, and bob has written to alice.
fn dev() -> (Stage, ClientId, ClientId) {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    for number in 1..=6 {
        stage.say(
            if number % 2 == 0 { bob } else { alice },
            &format!("l{number}"),
        );
    }
    stage.write(bob, "alice", "psst");
    stage.settle();
    stage.hear(alice);
    stage.hear(bob);
    (stage, alice, bob)
}

fn line(id: u64) -> ForgetCommand {
    ForgetCommand::Line(LineId(id))
}

#[test]
fn line_is_forgotten_once_that_is_kept_and_who_is_there_is_told() {
    let (mut stage, alice, bob) = dev();
    assert_eq!(stage.handle(bob, forget(line(2))), Handled::Later);
    assert!(stage.hear(alice).is_empty());
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["forgotten dev bob [2]"]);
    assert_eq!(stage.hear(bob), ["forgotten dev bob [2]", "forgot 1"]);
    assert_eq!(stage.ask(bob, forget(line(2))), ["error no_such_line"]);
    assert_eq!(
        stage.ask(bob, forget(line(1))),
        ["error no_such_line"],
        "alice's"
    );
    stage.handle(bob, forget(line(4)));
    stage.keep_none();
    assert_eq!(stage.hear(bob), ["error not_kept"]);
    let guest = stage.guest("zoe");
    assert_eq!(
        stage.ask(guest, forget(line(1))).pop().unwrap(),
        "error login_required"
    );
}

/// The refusal has no ticket of its own, and stands behind that of the forgetting.
#[test]
fn lines_are_forgotten_though_another_is_refused_something_meanwhile() {
    let (mut stage, alice, bob) = dev();
    for _ in 0..3 {
        stage.write(alice, "carol", "hi");
    }
    stage.settle();
    stage.hear(alice);
    stage.say(alice, "x");
    assert_eq!(stage.handle(bob, forget(line(2))), Handled::Later);
    stage.write(alice, "carol", "one too many");
    stage.keep_all();
    let heard = stage.hear(alice);
    assert_eq!(heard.last().unwrap(), "error mailbox_full", "{heard:?}");
    assert_eq!(stage.hear(bob).last().unwrap(), "forgot 1");
}

#[test]
fn last_lines_and_all_and_those_of_a_place_are_forgotten() {
    let (mut stage, alice, bob) = dev();
    assert_eq!(
        stage.ask(bob, forget(ForgetCommand::Last(2))),
        [
            "forgotten dev bob [6]",
            "forgotten @alice bob [7]",
            "forgot 2"
        ]
    );
    assert_eq!(
        stage.hear(alice),
        ["forgotten dev bob [6]", "forgotten @bob bob [7]"]
    );
    // All in a place that one is not in any more.
    stage.part(bob, "dev");
    stage.hear(alice);
    assert_eq!(
        stage.ask(bob, forget(ForgetCommand::AllIn(place("dev")))),
        ["forgotten dev bob []", "forgot 2"]
    );
    assert_eq!(stage.hear(alice), ["forgotten dev bob []"]);
    for of in ["nowhere", "@nobody", "@alice"] {
        let all = ForgetCommand::AllIn(place(of));
        assert_eq!(stage.ask(bob, forget(all)), ["forgot 0"]);
    }
    assert_eq!(
        stage.ask(alice, forget(ForgetCommand::All)),
        ["forgotten dev alice []", "forgot 3"]
    );
    assert!(stage.archive.kept.lines.is_empty());
}

#[test]
fn forgotten_line_is_on_no_page_that_was_under_way() {
    for what in [
        line(6),
        ForgetCommand::Last(2),
        ForgetCommand::All,
        ForgetCommand::AllIn(place("dev")),
    ] {
        let (mut stage, alice, bob) = dev();
        stage.handle(alice, history("dev", WantedRange::Newest));
        let settled = stage.read();
        stage.handle(bob, forget(what));
        // It is decided, and not kept: so it may be shown yet. Once it is, it may not.
        stage.keep_all();
        assert!(stage.hear(bob).last().unwrap().starts_with("forgot "));
        stage.give(settled);
        let heard = stage.hear(alice);
        assert!(heard.iter().all(|line| !line.contains("l6")), "{heard:?}");
        assert!(heard.iter().any(|line| line.contains("l5")));
    }
}

#[test]
fn line_that_waits_is_forgotten_and_its_place_is_free() {
    let (mut stage, _, bob) = dev();
    for _ in 0..3 {
        stage.write(bob, "carol", "hi");
    }
    stage.settle();
    stage.hear(bob);
    stage.write(bob, "carol", "hi");
    assert_eq!(stage.hear(bob), ["error mailbox_full"]);
    stage.ask(bob, forget(ForgetCommand::Last(1)));
    assert!(stage.archive.kept.waiting.len() == 2);
    stage.write(bob, "carol", "again");
    stage.settle();
    assert_eq!(stage.hear(bob), ["ok #11 waiting carol"]);
    let carol = stage.begin_login("carol");
    stage.answer(); // the password
    let settled = stage.read();
    stage.handle(bob, forget(ForgetCommand::Last(1)));
    stage.keep_all();
    stage.give(settled);
    stage.settle();
    let heard = stage.hear(carol);
    let late: Vec<_> = heard
        .iter()
        .filter(|line| line.starts_with("late"))
        .collect();
    assert_eq!(late, ["late bob: hi #8", "late bob: hi #9"]);
    assert!(heard.last().unwrap().ends_with("waiting 2"), "{heard:?}");
}

#[test]
fn author_who_is_gone_is_not_answered_and_the_line_is_forgotten() {
    let (mut stage, alice, bob) = dev();
    stage.handle(bob, forget(line(2)));
    stage.disconnect(bob);
    stage.hear(alice);
    stage.settle();
    assert_eq!(stage.hear(alice), ["forgotten dev bob [2]"]);
}

#[test]
fn what_was_forgotten_is_told_though_other_answers_wait_behind_it() {
    let (mut stage, alice, bob) = dev();
    for _ in 0..3 {
        stage.write(bob, "carol", "hi");
    }
    stage.settle();
    stage.hear(bob);
    stage.say(bob, "l7");
    stage.handle(alice, forget(line(1)));
    // Carol's mailbox is full: each answer is known, and keeps its order.
    for _ in 0..4 {
        assert_eq!(stage.write(bob, "carol", "hi"), Handled::Queued);
    }
    stage.keep_all();
    let heard = stage.hear(alice);
    assert_eq!(heard[1..], ["forgotten dev alice [1]", "forgot 1"]);
    assert!(
        stage
            .hear(bob)
            .ends_with(&["error mailbox_full".to_owned()])
    );
}
