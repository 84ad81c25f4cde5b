//! A user with several connections: who is told what, and whose each setting is.

use std::slice::from_ref;
use std::time::Duration;

use chinwag::chat::command::Reading;
use chinwag::chat::ids::ClientId;

use crate::harness::{Harness, LOBBY, peer_of, private};
use crate::line::{Line, Of};
use crate::recorder::{Got, OwnedEvent, OwnedRefusal, OwnedReply, Seen, Way};

const ROOMS_MAX: usize = 3;

const DONE: OwnedEvent = OwnedEvent::Ok(OwnedReply::Done);

/// Ann with two connections, and bob.
fn ann_twice_and_bob() -> (Harness, [ClientId; 2], ClientId) {
    let mut harness = Harness::new(ROOMS_MAX);
    let ann = harness.user("ann");
    let second = harness.further(ann);
    let bob = harness.user("bob");
    (harness, [ann, second], bob)
}

fn said(from: &str, text: &str) -> OwnedEvent {
    OwnedEvent::Message {
        room: LOBBY.into(),
        from: from.into(),
        text: text.into(),
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| String::from(*name)).collect()
}

fn private_from(from: &str, to: &[&str], text: &str) -> OwnedEvent {
    OwnedEvent::Private {
        from: from.into(),
        to: owned(to),
        text: text.into(),
    }
}

fn sent(from: &str, to: &[&str], text: &str) -> OwnedEvent {
    OwnedEvent::Sent {
        from: from.into(),
        to: owned(to),
        text: text.into(),
    }
}

fn own_leave(name: &str, room: &str, current: Option<&str>, moved: bool) -> OwnedEvent {
    OwnedEvent::OwnLeave {
        room: room.into(),
        name: name.into(),
        current: current.map(String::from),
        moved,
    }
}

fn leave(name: &str, text: Option<&str>) -> OwnedEvent {
    OwnedEvent::Leave {
        room: LOBBY.into(),
        name: name.into(),
        gone: true,
        text: text.map(String::from),
    }
}

fn nick(name: &str) -> Line {
    Line::Nick(name.into())
}

/// The room that a connection's lines are said in.
fn current_of(harness: &mut Harness, id: ClientId) -> Option<String> {
    match harness.ask(id, &Line::Topic(None)) {
        Ok(OwnedReply::Topic { room, .. }) => Some(room),
        _ => None,
    }
}

fn names_in(harness: &mut Harness, asking: ClientId, of: Of) -> (usize, Vec<String>) {
    match harness.ask(asking, &Line::Names(of, 1)) {
        Ok(OwnedReply::Names { total, names, .. }) => (total, names),
        other => panic!("no names: {other:?}"),
    }
}

#[test]
fn further_connection_comes_and_goes_unseen() {
    let mut harness = Harness::new(ROOMS_MAX);
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    let second = harness.unregistered();
    let seen = harness.attach(second, ann);
    assert!(seen.got.is_empty(), "{seen:?}");
    assert_eq!(seen.named, [(second, "ann".into())]);
    assert_eq!(harness.chat.counts().registered, 2);
    assert_eq!(harness.chat.counts().clients, 3);
    assert_eq!(harness.attach(second, ann), Seen::default(), "it is hers");
    // The first ends, with words that nobody is told, as she is still here.
    harness.line(ann, &Line::Quit(Some("so long".into())));
    assert_eq!(harness.disconnect(ann), Seen::default());
    let seen = harness.say(bob, "still there?");
    assert_eq!(seen.heard_by(second), [said("bob", "still there?")]);
    let seen = harness.write(bob, "ann", "psst");
    assert_eq!(
        seen.heard_by(second),
        [private_from("bob", &["ann"], "psst")]
    );
    // The last ends as ever.
    harness.line(second, &Line::Quit(Some("bye".into())));
    let seen = harness.disconnect(second);
    assert_eq!(seen.heard_by(bob), [leave("ann", Some("bye"))]);
    assert_eq!(harness.refusal(bob, &private("ann", "hi")), "no_such_user");
}

#[test]
fn guest_who_attaches_leaves_as_that_guest_and_nothing_else_is_seen() {
    let (mut harness, [ann, _], bob) = ann_twice_and_bob();
    let guest = harness.user("guest");
    harness.join(guest, "den");
    harness.ask(guest, &Line::Raw(Some(true))).unwrap();
    let seen = harness.attach(guest, ann);
    assert_eq!(seen.heard_by(bob), [leave("guest", None)]);
    assert_eq!(seen.heard_by(ann), [leave("guest", None)]);
    assert!(!seen.got.contains_key(&guest));
    assert_eq!(harness.chat.counts().rooms, 1, "the den is gone");
    assert_eq!(harness.chat.reading_of(guest), Reading::Raw, "its own");
    assert_eq!(
        harness.say(guest, "me too").heard_by(bob),
        [said("ann", "me too")]
    );
}

#[test]
fn first_current_room_is_the_lobby_or_the_first_by_name_or_none() {
    let mut harness = Harness::new(ROOMS_MAX);
    let ann = harness.user("ann");
    harness.join(ann, "pit");
    harness.join(ann, "Den");
    let second = harness.further(ann);
    assert_eq!(current_of(&mut harness, second), Some(LOBBY.into()));
    harness.part(ann, "lobby");
    let third = harness.further(ann);
    assert_eq!(current_of(&mut harness, third), Some("Den".into()));
    harness.part(ann, "den");
    harness.part(ann, "pit");
    let fourth = harness.further(ann);
    assert_eq!(current_of(&mut harness, fourth), None);
}

#[test]
fn line_of_one_connection_is_heard_by_the_others_in_their_own_rooms() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    harness.join(ann, "den");
    harness.join(bob, "den");
    let seen = harness.say(ann, "hi");
    let line = OwnedEvent::Message {
        room: "den".into(),
        from: "ann".into(),
        text: "hi".into(),
    };
    assert_eq!(seen.heard_by(ann), [DONE]);
    for (id, in_other_room) in [(bob, false), (second, true)] {
        let got = Got {
            way: Way::Announced { in_other_room },
            what: line.clone(),
        };
        assert_eq!(seen.got[&id], [got]);
    }
    harness.ask(second, &Line::Echo(Some(true))).unwrap();
    let seen = harness.say(ann, "no echo here");
    assert_eq!(seen.heard_by(ann), [DONE], "echo is the other's");
    let seen = harness.say(second, "in the lobby");
    let lobby = said("ann", "in the lobby");
    assert_eq!(seen.heard_by(second), [lobby.clone(), DONE]);
    assert_eq!(seen.heard_by(ann), [lobby]);
}

#[test]
fn private_message_goes_to_every_connection_and_one_is_enough() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    let message = private_from("bob", &["ann"], "psst");
    let seen = harness.write(bob, "ann", "psst");
    assert_eq!(seen.heard_by(ann), from_ref(&message));
    assert_eq!(seen.heard_by(second), from_ref(&message));
    for refusing in [ann, second] {
        harness.recorder.refuse(refusing, true);
        let seen = harness.write(bob, "ann", "psst");
        assert_eq!(seen.heard_by(bob), [DONE]);
        assert!(!seen.got.contains_key(&refusing));
        harness.recorder.refuse(refusing, false);
    }
    for id in [ann, second] {
        harness.recorder.refuse(id, true);
    }
    assert_eq!(
        harness.refusal(bob, &private("ann", "psst")),
        "not_delivered"
    );
}

#[test]
fn message_that_one_connection_sent_is_shown_to_the_others() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    let seen = harness.write(ann, "BOB,bob,nobody", "psst");
    let copy = sent("ann", &["bob", "nobody"], "psst");
    assert_eq!(seen.heard_by(second), [copy]);
    harness.ask(second, &Line::Quiet(Some(true))).unwrap();
    let seen = harness.write(second, "bob", "psst");
    assert_eq!(seen.heard_by(ann), [sent("ann", &["bob"], "psst")]);
    let reply = Line::Reply("yes?".into());
    harness.write(bob, "ann", "hello");
    let seen = harness.line(second, &reply);
    assert_eq!(seen.heard_by(ann), [sent("ann", &["bob"], "yes?")]);
    // As the answer does, it does not tell that one is ignored.
    harness.ask(bob, &Line::Ignore(Some("ann".into()))).unwrap();
    let seen = harness.line(second, &reply);
    assert_eq!(seen.heard_by(ann), [sent("ann", &["bob"], "yes?")]);
    assert_eq!(seen.heard_by(second), [DONE]);
    assert!(!seen.got.contains_key(&bob));
    // What reached nobody is not shown.
    harness.recorder.refuse(bob, true);
    harness
        .ask(bob, &Line::Unignore(Some("ann".into())))
        .unwrap();
    for to in ["bob", "nobody", "bob,nobody"] {
        let seen = harness.write(ann, to, "psst");
        assert!(!seen.got.contains_key(&second), "{to}: {seen:?}");
    }
}

#[test]
fn message_to_oneself_reaches_each_connection_once() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    let note = private_from("ann", &["ann"], "buy milk");
    let seen = harness.write(ann, "ann", "buy milk");
    assert_eq!(seen.heard_by(ann), [note.clone(), DONE]);
    assert_eq!(seen.heard_by(second), from_ref(&note));
    let note = private_from("ann", &["bob", "ann"], "buy milk");
    let seen = harness.write(second, "bob,ann", "buy milk");
    assert_eq!(seen.heard_by(ann), from_ref(&note));
    assert_eq!(seen.heard_by(bob), from_ref(&note));
    assert_eq!(seen.heard_by(second), [note, DONE]);
}

#[test]
fn join_and_part_are_shown_to_the_others_with_their_new_current_room() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    let third = harness.further(ann);
    let seen = harness.join(ann, "DEN");
    let own_join = OwnedEvent::OwnJoin {
        room: "DEN".into(),
        name: "ann".into(),
    };
    assert_eq!(seen.heard_by(second), from_ref(&own_join));
    assert_eq!(seen.heard_by(third), [own_join]);
    assert!(!seen.got.contains_key(&bob));
    assert_eq!(current_of(&mut harness, second), Some(LOBBY.into()));
    let seen = harness.join(second, "den");
    assert_eq!(seen.got.len(), 1, "she is there: {seen:?}");
    harness.join(second, "pit");
    harness.join(second, "den");
    // The one that leaves goes to the last room that was entered, others to the lobby.
    let seen = harness.part(ann, "den");
    assert_eq!(current_of(&mut harness, ann), Some("pit".into()));
    assert_eq!(
        seen.heard_by(second),
        [own_leave("ann", "DEN", Some(LOBBY), true)]
    );
    assert_eq!(
        seen.heard_by(third),
        [own_leave("ann", "DEN", Some(LOBBY), false)]
    );
    // Without the lobby, to the last one; without any, to none.
    let seen = harness.part(ann, "lobby");
    assert_eq!(
        seen.heard_by(second),
        [own_leave("ann", LOBBY, Some("pit"), true)]
    );
    let seen = harness.part(second, "pit");
    assert_eq!(seen.heard_by(third), [own_leave("ann", "pit", None, true)]);
    assert_eq!(current_of(&mut harness, ann), None);
    // A room that another connection enters is not where one's lines go.
    harness.join(second, "lobby");
    assert_eq!(current_of(&mut harness, third), None);
}

#[test]
fn rooms_and_users_are_counted_once_with_several_connections() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    assert_eq!(
        names_in(&mut harness, second, Of::Everyone),
        (2, owned(&["ann", "bob"]))
    );
    assert_eq!(
        names_in(&mut harness, bob, Of::CurrentRoom),
        (2, owned(&["ann", "bob"]))
    );
    let Ok(OwnedReply::Joined(entered)) = harness.ask(second, &Line::Join("lobby".into())) else {
        panic!("she is there");
    };
    assert_eq!((entered.others, entered.names), (1, owned(&["bob"])));
    let rooms = harness.ask(bob, &Line::Rooms(1)).unwrap();
    let lobby = (LOBBY.into(), 2, None);
    assert!(matches!(rooms, OwnedReply::Rooms { rooms, .. } if rooms == [lobby]));
    // The limit of rooms is the user's.
    harness.join(ann, "den");
    harness.join(second, "pit");
    assert_eq!(
        harness.refusal(ann, &Line::Join("attic".into())),
        "too_many_rooms"
    );
}

#[test]
fn presence_is_told_by_users_not_by_connections() {
    let mut harness = Harness::new(ROOMS_MAX);
    let crowd = harness.crowd("user", 50);
    harness.wait_ms(1000);
    for id in &crowd[..5] {
        harness.further(*id);
    }
    // With 50 users and 55 connections, a leave is told at once, to each connection.
    let seen = harness.part(crowd[49], "lobby");
    assert_eq!(seen.got.len(), 55);
    let seen = harness.join(crowd[0], "den");
    assert_eq!(seen.got.len(), 2, "the other connection: {seen:?}");
    // A summary of her own join comes to neither connection.
    harness.join(crowd[49], "lobby");
    harness.crowd("more", 1);
    harness.wait_ms(1000);
    harness.part(crowd[0], "lobby");
    harness.wait_ms(1000);
    harness.join(crowd[0], "lobby");
    let seen = harness.wait_ms(1000);
    let hers = seen
        .got
        .keys()
        .filter(|id| harness.chat.user_of(**id) == harness.chat.user_of(crowd[0]));
    assert_eq!(hers.count(), 0);
    assert_eq!(seen.got.len(), 54);
}

#[test]
fn rename_is_for_all_connections_and_told_to_the_others() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    harness.part(second, "lobby");
    let seen = harness.line(ann, &nick("eve"));
    let rename = OwnedEvent::Rename {
        name: "ann".into(),
        new_name: "eve".into(),
    };
    assert_eq!(seen.heard_by(second), [rename]);
    let answer = OwnedEvent::Ok(OwnedReply::Renamed("eve".into()));
    assert_eq!(seen.heard_by(ann), from_ref(&answer));
    assert_eq!(seen.named, [(ann, "eve".into()), (second, "eve".into())]);
    assert!(!seen.got.contains_key(&bob), "no shared room");
    let seen = harness.line(second, &nick("eve"));
    assert_eq!(seen.heard_by(second), [answer]);
    assert_eq!(seen.got.len(), 1, "nothing changed");
    assert_eq!(harness.refusal(bob, &nick("EVE")), "name_taken");
}

#[test]
fn settings_of_the_user_hold_for_all_connections_and_others_for_one() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    for line in [
        Line::Quiet(Some(true)),
        Line::Ignore(Some("bob".into())),
        Line::Away(Some("tea".into())),
        Line::Echo(Some(true)),
        Line::Raw(Some(true)),
    ] {
        harness.ask(ann, &line).unwrap();
    }
    assert_eq!(
        harness.ask(second, &Line::Quiet(None)),
        Ok(OwnedReply::Quiet(true))
    );
    assert_eq!(
        harness.ask(second, &Line::Ignore(None)),
        Ok(OwnedReply::Ignored(owned(&["bob"])))
    );
    assert_eq!(
        harness.ask(second, &Line::Echo(None)),
        Ok(OwnedReply::Echo(false))
    );
    assert_eq!(harness.chat.reading_of(second), Reading::Commands);
    assert_eq!(harness.say(bob, "hello?").got.len(), 1, "ignored by both");
    let cat = harness.unregistered();
    assert_eq!(harness.register(cat, "cat").got.len(), 2, "bob and cat");
    let heard = harness.write(cat, "ann", "hi").heard_by(cat);
    assert!(matches!(heard[0], OwnedEvent::IsAway { .. }));
    // A reply goes by any connection to who wrote last.
    let seen = harness.line(second, &Line::Reply("hi".into()));
    assert_eq!(seen.heard_by(cat), [private_from("ann", &["cat"], "hi")]);
    harness.ask(second, &Line::Back).unwrap();
    assert_eq!(harness.write(bob, "ann", "hi").heard_by(bob), [DONE]);
    for id in [ann, second] {
        let itself = Line::Ignore(Some("ann".into()));
        assert_eq!(harness.refusal(id, &itself), "bad_usage");
    }
}

#[test]
fn whois_tells_the_least_idle_connection_and_the_askers_own_address() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    harness.say(ann, "hi");
    harness.wait_ms(5000);
    harness.say(second, "hi");
    harness.wait_ms(2000);
    let whois = |harness: &mut Harness, asking| {
        let answer = harness.ask(asking, &Line::Whois("ann".into()));
        let Ok(OwnedReply::Whois {
            connected_ms,
            idle_ms,
            peer,
            ..
        }) = answer
        else {
            panic!("{answer:?}");
        };
        (connected_ms, idle_ms, peer)
    };
    assert_eq!(whois(&mut harness, bob), (7000, 2000, None));
    for own in [second, ann] {
        let peer = Some(peer_of(own).to_string());
        assert_eq!(whois(&mut harness, own), (7000, 0, peer));
    }
    harness.disconnect(ann);
    assert_eq!(whois(&mut harness, bob).0, 7000, "she stayed");
}

#[test]
fn each_quiet_connection_of_a_name_in_use_is_probed() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    let third = harness.further(ann);
    harness.wait(Duration::from_secs(3));
    let probed = |harness: &mut Harness| {
        assert_eq!(harness.refusal(bob, &nick("ann")), "name_taken");
        std::mem::take(&mut harness.recorder.probed)
    };
    assert_eq!(probed(&mut harness), [ann, second, third]);
    harness.say(second, "hi");
    assert_eq!(probed(&mut harness), [ann, third]);
}

#[test]
fn loss_of_a_message_is_told_to_each_connection_of_its_sender() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    let lost = OwnedEvent::Undelivered {
        to: "bob".into(),
        count: 2,
    };
    let seen = harness.undelivered(ann, "bob", 2);
    assert_eq!(seen.heard_by(ann), from_ref(&lost));
    assert_eq!(seen.heard_by(second), from_ref(&lost));
    assert!(!seen.got.contains_key(&bob));
    harness.disconnect(ann);
    let seen = harness.undelivered(ann, "bob", 2);
    assert_eq!(seen.heard_by(second), [lost], "she is here by another");
}

#[test]
fn end_of_a_user_is_told_once_to_each_connection_where_it_is() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    for id in [ann, bob] {
        harness.join(id, "den");
    }
    let seen = harness.disconnect(bob);
    let told = |id: ClientId| -> Vec<(Way, OwnedEvent)> {
        let got = seen.got.get(&id).into_iter().flatten();
        got.map(|got| (got.way, got.what.clone())).collect()
    };
    let way = Way::Announced {
        in_other_room: false,
    };
    let in_den = OwnedEvent::Leave {
        room: "den".into(),
        name: "bob".into(),
        gone: true,
        text: None,
    };
    assert_eq!(told(ann), [(way, in_den)]);
    assert_eq!(told(second), [(way, leave("bob", None))]);
}

#[test]
fn refusal_names_a_user_whose_connections_all_refuse() {
    let (mut harness, [ann, second], bob) = ann_twice_and_bob();
    harness.recorder.refuse(ann, true);
    harness.recorder.refuse(second, true);
    let seen = harness.write(bob, "ann", "psst");
    let fault = OwnedRefusal::new("not_delivered", ["ann".into()]);
    assert_eq!(seen.heard_by(bob), [OwnedEvent::Error(fault)]);
    // It cannot be replied to either.
    harness.recorder.refuse(second, false);
    let reply = Line::Reply("?".into());
    assert_eq!(harness.refusal(second, &reply), "no_such_user");
}
