//! `/notify` and `/feed`: an operator's bridge is told for whom messages wait.

use chinwag::chat::WAITING_INTERVAL;
use chinwag::chat::command::{
    AccountCommand, Command, NotifyChange, OperatorCommand, PeopleCommand, SettingCommand,
};
use chinwag::chat::ids::ClientId;

use crate::kept::stage::{OPERATOR, Stage, account};

fn notify(stage: &mut Stage, id: ClientId, change: Option<NotifyChange<'_>>) -> String {
    let heard = stage.ask(id, Command::People(PeopleCommand::Notify(change)));
    heard.last().unwrap().clone()
}

fn feed(stage: &mut Stage, id: ClientId, on: Option<bool>) -> String {
    let heard = stage.ask(id, Command::Operator(OperatorCommand::Feed(on)));
    heard.last().unwrap().clone()
}

/// An operator's connection that is told.
fn bridge(stage: &mut Stage) -> ClientId {
    let id = stage.guest("bridge");
    stage.chat.trust(id);
    assert_eq!(feed(stage, id, Some(true)), "feed true");
    id
}

fn told(stage: &mut Stage, id: ClientId) -> Vec<String> {
    let mut heard = stage.hear(id);
    heard.retain(|line| line.starts_with("waiting"));
    heard
}

fn write(stage: &mut Stage, from: ClientId, to: &str) {
    stage.write(from, to, "hi");
    stage.settle();
}

fn away(stage: &mut Stage, id: ClientId) {
    stage.ask(id, Command::Setting(SettingCommand::Away(None)));
}

const SET: Option<NotifyChange<'_>> = Some(NotifyChange::Set("mail bob"));

#[test]
fn word_for_the_bridge_is_kept_and_an_accounts() {
    let mut stage = Stage::new();
    let (bob, guest) = (stage.login("bob"), stage.guest("zoe"));
    assert_eq!(notify(&mut stage, guest, SET), "error login_required");
    assert_eq!(notify(&mut stage, bob, None), "notify None");
    assert_eq!(notify(&mut stage, bob, SET), "notify Some(\"mail bob\")");
    let long = "x".repeat(301);
    let long = Some(NotifyChange::Set(&long));
    assert_eq!(notify(&mut stage, bob, long), "error bad_usage");
    let kept = stage.archive.kept.clone();
    assert_eq!(
        kept.accounts[&account("bob")].notify.as_deref(),
        Some("mail bob")
    );
    let mut again = Stage::with_kept(crate::kept::stage::limits(), &kept);
    let bob = again.login("bob");
    assert_eq!(notify(&mut again, bob, None), "notify Some(\"mail bob\")");
    assert_eq!(
        notify(&mut again, bob, Some(NotifyChange::Off)),
        "notify None"
    );
    assert_eq!(again.archive.kept.accounts[&account("bob")].notify, None);
    let change = Command::People(PeopleCommand::Notify(SET));
    again.handle(bob, change);
    again.keep_none();
    assert_eq!(again.hear(bob), ["error not_kept"]);
    assert_eq!(notify(&mut again, bob, None), "notify None");
}

#[test]
fn feed_is_for_operators_and_ends_with_the_connection() {
    let mut stage = Stage::new();
    let guest = stage.guest("zoe");
    assert_eq!(feed(&mut stage, guest, Some(true)), "error not_operator");
    let bridge = bridge(&mut stage);
    assert_eq!(feed(&mut stage, bridge, None), "feed true");
    assert_eq!(feed(&mut stage, bridge, Some(true)), "feed true");
    let bob = stage.login("bob");
    notify(&mut stage, bob, SET);
    stage.disconnect(bob);
    stage.disconnect(bridge);
    let alice = stage.login("alice");
    write(&mut stage, alice, "bob");
    assert!(told(&mut stage, bridge).is_empty());
    let bridge = bridge_named(&mut stage, "other");
    assert_eq!(feed(&mut stage, bridge, Some(false)), "feed false");
    write(&mut stage, alice, "bob");
    assert!(told(&mut stage, bridge).is_empty());
    // Who has logged out is an operator no more.
    let operator = stage.login(OPERATOR);
    assert_eq!(feed(&mut stage, operator, Some(true)), "feed true");
    stage.ask(operator, Command::Account(AccountCommand::Logout));
    write(&mut stage, alice, "bob");
    assert!(told(&mut stage, operator).is_empty());
}

fn bridge_named(stage: &mut Stage, name: &str) -> ClientId {
    let id = stage.guest(name);
    stage.chat.trust(id);
    assert_eq!(feed(stage, id, Some(true)), "feed true");
    id
}

#[test]
fn bridge_is_told_once_in_a_while_how_much_waits_for_who_is_not_here() {
    let mut stage = Stage::new();
    let bridge = bridge(&mut stage);
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    notify(&mut stage, bob, SET);
    write(&mut stage, alice, "bob");
    assert!(told(&mut stage, bridge).is_empty(), "bob looks");
    stage.disconnect(bob);
    stage.write(alice, "bob", "hi");
    assert!(told(&mut stage, bridge).is_empty(), "it is not kept yet");
    stage.settle();
    assert_eq!(told(&mut stage, bridge), ["waiting bob 1 mail bob"]);
    write(&mut stage, alice, "bob,carol");
    write(&mut stage, alice, "carol");
    assert!(told(&mut stage, bridge).is_empty(), "once in five minutes");
    stage.wait(WAITING_INTERVAL);
    assert_eq!(told(&mut stage, bridge), ["waiting bob 2 mail bob"]);
    stage.wait(WAITING_INTERVAL);
    assert!(told(&mut stage, bridge).is_empty(), "nothing new");
}

#[test]
fn bridge_is_told_of_private_messages_and_mentions_while_one_is_away() {
    let mut stage = Stage::new();
    let bridge = bridge(&mut stage);
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    notify(&mut stage, bob, SET);
    stage.be_plain(bob);
    away(&mut stage, bob);
    stage.say(alice, "hello");
    assert!(told(&mut stage, bridge).is_empty());
    stage.say(alice, "hello bob");
    assert_eq!(told(&mut stage, bridge), ["waiting bob 1 mail bob"]);
    write(&mut stage, alice, "bob");
    stage.say(alice, "bob?");
    stage.wait(WAITING_INTERVAL);
    assert_eq!(told(&mut stage, bridge), ["waiting bob 2 mail bob"]);
    // Whom one ignores does not call one, and who is back is not told of.
    stage.wait(WAITING_INTERVAL);
    stage.hear(bob);
    stage.ignore(bob, "alice");
    write(&mut stage, alice, "bob");
    stage.say(alice, "bob!");
    let carol = stage.login("carol");
    stage.ask(bob, Command::Setting(SettingCommand::Back));
    write(&mut stage, carol, "bob");
    assert!(told(&mut stage, bridge).is_empty());
}
