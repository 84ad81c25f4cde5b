//! Promises about few clients and a certain order of events, one scenario each.

use std::time::Duration;

use chinwag::chat::command::{Mode, Reading, Verb};
use chinwag::chat::ids::ClientId;
use chinwag::chat::outbox::Outbox;

use crate::harness::{Harness, LOBBY, peer_of, private};
use crate::line::{Line, Of, Wrong};
use crate::recorder::{Got, OwnedEvent, OwnedRefusal, OwnedReply, Seen, Way};

const ROOMS_MAX: usize = 20;

fn harness() -> Harness {
    Harness::new(ROOMS_MAX)
}

fn private_from(from: &str, to: &[&str], text: &str) -> OwnedEvent {
    OwnedEvent::Private {
        from: from.into(),
        to: to.iter().map(|name| String::from(*name)).collect(),
        text: text.into(),
    }
}

fn said(from: &str, text: &str) -> OwnedEvent {
    OwnedEvent::Message {
        room: LOBBY.into(),
        from: from.into(),
        text: text.into(),
    }
}

fn ignore(name: &str) -> Line {
    Line::Ignore(Some(name.into()))
}

fn nick(name: &str) -> Line {
    Line::Nick(name.into())
}

const DONE: OwnedEvent = OwnedEvent::Ok(OwnedReply::Done);

#[test]
fn connection_is_greeted_in_order_and_unnoticed_by_others() {
    let mut harness = harness();
    harness.user("ann");
    let id = harness.next_id(1);
    let seen = harness.connect(id);
    let greeting = [
        OwnedEvent::Connected(peer_of(id).to_string()),
        OwnedEvent::HowToRegister,
        OwnedEvent::Motd("Be kind.".into()),
        OwnedEvent::Motd("Be brief.".into()),
    ];
    assert_eq!(seen.heard_by(id), greeting);
    assert_eq!(seen.got.len(), 1);
    assert!(harness.disconnect(id).got.is_empty(), "nor of its end");
}

#[test]
fn unregistered_client_is_refused_commands_that_need_a_name() {
    let mut harness = harness();
    harness.user("ann");
    let id = harness.unregistered();
    let refused = [
        Line::Say("hi".into()),
        Line::Act("waves".into()),
        private("ann", "hi"),
        private("ann,bob", "hi"),
        Line::Reply("hi".into()),
        Line::Join("den".into()),
        Line::Part(None),
        Line::Rooms(1),
        Line::Names(Of::Everyone, 1),
        Line::Topic(None),
        Line::Whois("ann".into()),
        Line::Away(None),
        Line::Back,
        ignore("ann"),
        Line::Unignore(None),
        Line::Quiet(Some(true)),
        Line::Echo(Some(true)),
        Line::Raw(Some(true)),
        Line::Times(Some(true)),
        Line::ClearTopic,
        Line::Wrong(Wrong::MissingColon),
        Line::Wrong(Wrong::NoText),
        Line::Wrong(Wrong::Usage(Verb::Join)),
    ];
    for line in refused {
        let seen = harness.line(id, &line);
        let fault = OwnedEvent::Error(OwnedRefusal::new("not_registered", []));
        assert_eq!(seen.heard_by(id), [fault], "{line:?}");
        assert_eq!(seen.got.len(), 1, "{line:?}");
    }
    let allowed = [
        Line::Help(None),
        Line::Version,
        Line::Ping("x".into()),
        Line::Stats,
        Line::Mode(Some(Mode::Json)),
        Line::Quit(None),
    ];
    for line in allowed {
        assert!(harness.ask(id, &line).is_ok(), "{line:?}");
    }
}

#[test]
fn name_is_free_once_its_owner_is_renamed_or_gone() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    assert_eq!(harness.refusal(bob, &nick("ANN")), "name_taken");
    harness.ask(ann, &nick("eve")).unwrap();
    harness.ask(bob, &nick("Ann")).unwrap();
    assert_eq!(harness.refusal(ann, &nick("ann")), "name_taken");
    harness.disconnect(bob);
    harness.ask(ann, &nick("ann")).unwrap();
}

#[test]
fn only_a_quiet_holder_of_a_name_is_probed() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    let new = harness.unregistered();
    let is_probed = |harness: &mut Harness, asking, name| {
        assert_eq!(harness.refusal(asking, &nick(name)), "name_taken");
        std::mem::take(&mut harness.recorder.probed)
    };
    assert_eq!(is_probed(&mut harness, bob, "ann"), []);
    harness.wait(Duration::from_millis(2999));
    assert_eq!(is_probed(&mut harness, new, "Ann"), []);
    harness.wait(Duration::from_millis(1));
    // Bob asked for something just now, and Ann nothing: her own name is no reason to ask either.
    assert_eq!(is_probed(&mut harness, bob, "ann"), [ann]);
    assert_eq!(is_probed(&mut harness, new, "ANN"), [ann]);
    assert_eq!(is_probed(&mut harness, new, "bob"), []);
    assert_eq!(is_probed(&mut harness, new, "admin"), []);
    harness.ask(ann, &nick("ANN")).unwrap();
    assert_eq!(harness.recorder.probed, []);
    assert_eq!(is_probed(&mut harness, new, "ann"), []);
}

#[test]
fn change_of_case_is_a_rename_and_the_same_name_is_none() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    let seen = harness.line(ann, &nick("ANN"));
    let rename = OwnedEvent::Rename {
        name: "ann".into(),
        new_name: "ANN".into(),
    };
    assert_eq!(seen.heard_by(bob), [rename]);
    let seen = harness.line(ann, &nick("ANN"));
    assert_eq!(
        seen.heard_by(ann),
        [OwnedEvent::Ok(OwnedReply::Renamed("ANN".into()))]
    );
    assert_eq!(seen.got.len(), 1, "nothing changed");
}

#[test]
fn rename_is_told_once_to_a_user_in_several_shared_rooms() {
    let mut harness = harness();
    let (ann, bob, cat, dan) = (
        harness.user("ann"),
        harness.user("bob"),
        harness.user("cat"),
        harness.user("dan"),
    );
    for room in ["den", "pit"] {
        for id in [ann, bob, cat] {
            harness.join(id, room);
        }
    }
    harness.part(cat, "lobby"); // she still shares two
    harness.part(dan, "lobby"); // he shares none
    let seen = harness.line(ann, &nick("eve"));
    let renames = |id: ClientId| seen.heard_by(id).len();
    assert_eq!((renames(bob), renames(cat), renames(dan)), (1, 1, 0));
}

#[test]
fn ignore_follows_a_user_and_ends_with_the_connection() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    harness.ask(ann, &ignore("BOB")).unwrap();
    harness.ask(bob, &nick("rob")).unwrap();
    assert!(!harness.say(bob, "hello").got.contains_key(&ann));
    assert!(!harness.write(bob, "ann", "hello").got.contains_key(&ann));
    // Another user with the old name is heard.
    let other = harness.user("bob");
    assert_eq!(harness.say(other, "hi").heard_by(ann), [said("bob", "hi")]);
    // The next owner of the ignored user's slot is heard.
    harness.disconnect(bob);
    let next = harness.next_id(bob.index());
    harness.connect(next);
    harness.register(next, "rob");
    assert_eq!(harness.say(next, "hi").heard_by(ann), [said("rob", "hi")]);
}

#[test]
fn answers_do_not_tell_a_sender_that_it_is_ignored() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    harness.user("cat");
    harness.ask(bob, &Line::Echo(Some(true))).unwrap();
    let lines = [
        private("ann", "hi"),
        private("cat,ann", "hi"),
        private("ann,nobody", "hi"),
        Line::Say("hi".into()),
        Line::Topic(Some("hi".into())),
        Line::Whois("ann".into()),
    ];
    let answers = |harness: &mut Harness| -> Vec<_> {
        let heard = lines
            .iter()
            .map(|line| harness.line(bob, line).heard_by(bob));
        heard.collect()
    };
    let before = answers(&mut harness);
    harness.ask(ann, &ignore("bob")).unwrap();
    assert_eq!(answers(&mut harness), before);
}

#[test]
fn reply_does_not_go_to_an_ignored_writer() {
    let mut harness = harness();
    let (ann, bob, cat) = (
        harness.user("ann"),
        harness.user("bob"),
        harness.user("cat"),
    );
    harness.write(cat, "ann", "hello");
    harness.ask(ann, &ignore("bob")).unwrap();
    harness.write(bob, "ann", "psst");
    let seen = harness.line(ann, &Line::Reply("yes?".into()));
    assert_eq!(seen.heard_by(cat), [private_from("ann", &["cat"], "yes?")]);
    assert!(!seen.got.contains_key(&bob));
}

#[test]
fn reply_follows_the_writer_and_never_reaches_a_successor() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    assert_eq!(
        harness.refusal(ann, &Line::Reply("?".into())),
        "no_such_user",
        "no message came before"
    );
    harness.write(bob, "ann", "hello");
    harness.ask(bob, &nick("rob")).unwrap();
    let seen = harness.line(ann, &Line::Reply("hi".into()));
    assert_eq!(seen.heard_by(bob), [private_from("ann", &["rob"], "hi")]);
    harness.disconnect(bob);
    let next = harness.next_id(bob.index());
    harness.connect(next);
    harness.register(next, "rob");
    let seen = harness.line(ann, &Line::Reply("hi".into()));
    let gone = OwnedEvent::Error(OwnedRefusal::new("no_such_user", []));
    assert_eq!(seen.heard_by(ann), [gone]);
    assert!(!seen.got.contains_key(&next));
}

#[test]
fn refused_message_cannot_be_replied_to() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    harness.ask(ann, &Line::Away(None)).unwrap();
    harness.recorder.refuse(ann, true);
    let seen = harness.write(bob, "ann", "hello");
    let fault = OwnedRefusal::new("not_delivered", ["ann".into()]);
    assert_eq!(seen.heard_by(bob), [OwnedEvent::Error(fault)]);
    harness.recorder.refuse(ann, false);
    assert_eq!(
        harness.refusal(ann, &Line::Reply("?".into())),
        "no_such_user"
    );
    // The sender got no away notice either.
    let seen = harness.write(bob, "ann", "hello");
    assert!(matches!(seen.heard_by(bob)[0], OwnedEvent::IsAway { .. }));
}

#[test]
fn recipient_gets_one_copy_and_missing_ones_are_named() {
    let mut harness = harness();
    let (ann, bob, cat) = (
        harness.user("ann"),
        harness.user("bob"),
        harness.user("cat"),
    );
    harness.recorder.refuse(cat, true);
    let seen = harness.write(ann, "Bob,bob,nobody,cat,BOB,Nobody", "one copy");
    let OwnedEvent::Private { from, text, .. } = seen.heard_by(bob).remove(0) else {
        panic!("{seen:?}");
    };
    assert_eq!((from.as_str(), text.as_str()), ("ann", "one copy"));
    assert_eq!(seen.heard_by(bob).len(), 1);
    assert!(!seen.got.contains_key(&cat));
    let fault = OwnedRefusal::new("no_such_user", ["nobody".into(), "cat".into()]);
    assert_eq!(seen.heard_by(ann), [OwnedEvent::Error(fault)]);
}

#[test]
fn sender_is_told_once_for_each_absence() {
    let mut harness = harness();
    let (ann, bob, cat) = (
        harness.user("ann"),
        harness.user("bob"),
        harness.user("cat"),
    );
    let away = Line::Away(Some("tea".into()));
    let told = |harness: &mut Harness, id: ClientId| {
        let heard = harness.write(id, "ann", "hi").heard_by(id);
        assert_eq!(heard.last(), Some(&DONE));
        heard.len() - 1
    };
    assert_eq!(told(&mut harness, bob), 0);
    harness.ask(ann, &away).unwrap();
    assert_eq!([told(&mut harness, bob), told(&mut harness, bob)], [1, 0]);
    assert_eq!([told(&mut harness, cat), told(&mut harness, cat)], [1, 0]);
    harness.ask(bob, &nick("rob")).unwrap();
    assert_eq!(told(&mut harness, bob), 0, "he was told under another name");
    harness.ask(ann, &Line::Back).unwrap();
    assert_eq!(told(&mut harness, bob), 0);
    harness.ask(ann, &away).unwrap();
    assert_eq!([told(&mut harness, bob), told(&mut harness, bob)], [1, 0]);
}

/// A client with every setting, in another room, written to, ignored and told of an absence.
fn client_with_every_setting(harness: &mut Harness) -> (ClientId, ClientId) {
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    harness.ask(bob, &Line::Away(Some("tea".into()))).unwrap();
    harness.join(ann, "den");
    harness.write(ann, "bob", "hello"); // she is told that he is away
    harness.ask(bob, &ignore("ann")).unwrap();
    for line in [
        ignore("bob"),
        Line::Away(Some("out".into())),
        Line::Echo(Some(true)),
        Line::Quiet(Some(true)),
        Line::Raw(Some(true)),
        Line::Times(Some(true)),
        Line::Mode(Some(Mode::Json)),
    ] {
        harness.ask(ann, &line).unwrap();
    }
    let dan = harness.user("dan");
    harness.write(dan, "ann", "hello");
    harness.recorder.refuse(ann, true);
    (ann, bob)
}

#[test]
fn successor_in_the_same_slot_inherits_nothing() {
    let mut harness = harness();
    let (ann, bob) = client_with_every_setting(&mut harness);
    harness.disconnect(ann);
    let next = harness.next_id(ann.index());
    assert_eq!(next.slot, ann.slot);
    harness.connect(next);
    assert_eq!(harness.chat.name_of(next), None);
    assert_eq!(harness.chat.name_of(ann), None);
    harness.register(next, "ann");

    assert_eq!(harness.recorder.mode(next), Mode::Plain);
    assert!(!harness.recorder.times(next));
    assert_eq!(harness.chat.reading_of(next), Reading::Commands);
    let ask = |harness: &mut Harness, line: &Line| harness.ask(next, line);
    assert_eq!(
        ask(&mut harness, &Line::Echo(None)),
        Ok(OwnedReply::Echo(false))
    );
    assert_eq!(
        ask(&mut harness, &Line::Quiet(None)),
        Ok(OwnedReply::Quiet(false))
    );
    assert_eq!(
        ask(&mut harness, &Line::Ignore(None)),
        Ok(OwnedReply::Ignored(Vec::new()))
    );
    let Ok(OwnedReply::Topic { room, .. }) = ask(&mut harness, &Line::Topic(None)) else {
        panic!("in no room");
    };
    assert_eq!(room, LOBBY);
    assert_eq!(
        harness.refusal(next, &Line::Reply("hi".into())),
        "no_such_user"
    );
    // Bob neither ignores her nor thinks that she was told that he is away.
    let seen = harness.write(next, "bob", "hello");
    assert_eq!(seen.heard_by(bob), [private_from("ann", &["bob"], "hello")]);
    assert!(matches!(seen.heard_by(next)[0], OwnedEvent::IsAway { .. }));
    // Nor is she away herself.
    assert_eq!(harness.write(bob, "ann", "hi").heard_by(bob), [DONE]);
}

#[test]
fn gone_client_gets_nothing_more_and_can_do_nothing_more() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    harness.write(ann, "bob", "hello");
    harness.disconnect(ann);
    for gone in [false, true] {
        if gone {
            let next = harness.next_id(ann.index());
            harness.connect(next);
            harness.register(next, "eve");
        }
        for line in [Line::Say("boo".into()), nick("zoe"), Line::Quit(None)] {
            assert_eq!(harness.line(ann, &line), Seen::default());
        }
        assert_eq!(harness.disconnect(ann), Seen::default());
        assert_eq!(harness.undelivered(ann, "bob", 2), Seen::default());
        assert!(!harness.say(bob, "gone?").got.contains_key(&ann));
    }
}

#[test]
fn quit_is_told_once_to_a_user_in_several_shared_rooms() {
    let mut harness = harness();
    let (ann, bob, cat) = (
        harness.user("ann"),
        harness.user("bob"),
        harness.user("cat"),
    );
    let (dan, eve, fay) = (
        harness.user("dan"),
        harness.user("eve"),
        harness.user("fay"),
    );
    for room in ["den", "pit"] {
        for id in [ann, bob, dan] {
            harness.join(id, room);
        }
    }
    harness.join(bob, "den"); // shares all, and is in the second
    harness.join(dan, "attic"); // shares all, and is in none of them
    harness.part(eve, "lobby"); // shares none
    harness.ask(fay, &Line::Quiet(Some(true))).unwrap();
    harness.line(ann, &Line::Quit(Some("so long".into())));
    let seen = harness.disconnect(ann);
    let told = |id: ClientId| -> Vec<(Way, String)> {
        let got = seen.got.get(&id).into_iter().flatten();
        let told = got.map(|got| {
            let OwnedEvent::Leave {
                room,
                name,
                gone: true,
                text,
            } = &got.what
            else {
                panic!("{got:?}");
            };
            assert_eq!((name.as_str(), text.as_deref()), ("ann", Some("so long")));
            (got.way, room.clone())
        });
        told.collect()
    };
    let way = |in_other_room| Way::Announced { in_other_room };
    assert_eq!(told(bob), [(way(false), "den".into())], "where he is");
    assert_eq!(told(dan), [(way(true), LOBBY.into())], "the first shared");
    assert_eq!(told(cat), [(way(false), LOBBY.into())]);
    assert!(told(eve).is_empty() && told(fay).is_empty());
}

#[test]
fn quit_text_is_not_told_to_those_who_ignore_its_user() {
    let mut harness = harness();
    let (ann, bob, cat) = (
        harness.user("ann"),
        harness.user("bob"),
        harness.user("cat"),
    );
    for id in [ann, bob, cat] {
        harness.join(id, "den");
    }
    harness.ask(bob, &ignore("ann")).unwrap();
    harness.line(ann, &Line::Quit(Some("so long".into())));
    let seen = harness.disconnect(ann);
    let leave = |text: Option<&str>| OwnedEvent::Leave {
        room: "den".into(),
        name: "ann".into(),
        gone: true,
        text: text.map(String::from),
    };
    assert_eq!(seen.heard_by(bob), [leave(None)]);
    assert_eq!(seen.heard_by(cat), [leave(Some("so long"))]);
}

#[test]
fn quit_text_that_is_too_long_is_cut_between_characters() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    let text = format!("x{}", "é".repeat(300));
    assert!(harness.ask(ann, &Line::Quit(Some(text))).is_ok());
    let seen = harness.disconnect(ann);
    let [OwnedEvent::Leave { text, .. }] = &seen.heard_by(bob)[..] else {
        panic!("{seen:?}");
    };
    let cut = format!("x{}", "é".repeat(149));
    assert_eq!((text.as_ref(), cut.len()), (Some(&cut), 299));
}

#[test]
fn hash_line_of_a_user_is_said_and_hinted_at_once() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    let hash = |text: &str| Line::Hash(text.into());
    for text in ["# heading", "#include <stdio.h>", "#!/bin/sh", "#", "#9"] {
        let seen = harness.line(ann, &hash(text));
        assert_eq!(seen.heard_by(bob), [said("ann", text)]);
        assert_eq!(seen.heard_by(ann), [DONE], "{text} is no name");
    }
    harness.part(ann, "lobby");
    assert_eq!(harness.refusal(ann, &hash("#endif")), "not_in_room");
    harness.join(ann, "lobby");
    let seen = harness.line(ann, &hash("#winning"));
    let hint = OwnedEvent::HowToRename("winning".into());
    assert_eq!(seen.heard_by(ann), [hint, DONE]);
    assert_eq!(seen.heard_by(bob), [said("ann", "#winning")]);
    for text in ["#winning", "#bob", "#root"] {
        let seen = harness.line(ann, &hash(text));
        assert_eq!(seen.heard_by(ann), [DONE], "told once");
        assert_eq!(seen.heard_by(bob), [said("ann", text)]);
    }
    assert_eq!(harness.chat.name_of(ann).unwrap().as_str(), "ann");
    harness.ask(ann, &nick("eve")).unwrap();
    let seen = harness.line(ann, &hash("#again"));
    assert_eq!(seen.heard_by(ann), [DONE], "once for each connection");
}

#[test]
fn topic_is_cleared_once_and_others_see_it() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    harness.ask(ann, &Line::Topic(Some("tea".into()))).unwrap();
    let seen = harness.line(bob, &Line::ClearTopic);
    let cleared = OwnedEvent::Topic {
        room: LOBBY.into(),
        from: "bob".into(),
        text: None,
    };
    assert_eq!(seen.heard_by(ann), [cleared]);
    let none = OwnedReply::Topic {
        room: LOBBY.into(),
        text: None,
    };
    assert_eq!(seen.heard_by(bob), [OwnedEvent::Ok(none.clone())]);
    assert_eq!(harness.ask(ann, &Line::Topic(None)), Ok(none));
    let seen = harness.line(bob, &Line::ClearTopic);
    assert!(!seen.got.contains_key(&ann), "there was none");
}

#[test]
fn lists_of_names_are_sorted_without_case() {
    let mut harness = harness();
    let ann = harness.user("mia");
    for name in ["zoe", "Bob", "alf", "carl", "B-o"] {
        harness.user(name);
        harness.ask(ann, &ignore(name)).unwrap();
    }
    let sorted = ["alf", "B-o", "Bob", "carl", "zoe"].map(String::from);
    let ignored = harness.ask(ann, &Line::Ignore(None)).unwrap();
    assert_eq!(ignored, OwnedReply::Ignored(sorted.to_vec()));
    let Ok(OwnedReply::Joined(entered)) = harness.ask(ann, &Line::Join("lobby".into())) else {
        panic!("she is there");
    };
    assert_eq!(entered.names, sorted);
    // 250 names, in three pages that follow each other.
    for number in (0..244).rev() {
        harness.user(&format!("user{number:03}"));
    }
    for of in [Of::Everyone, Of::CurrentRoom] {
        let mut all = Vec::new();
        for page in 1..=3 {
            let asked = harness.ask(ann, &Line::Names(of.clone(), page));
            let Ok(OwnedReply::Names { names, total, .. }) = asked else {
                panic!("there is page {page}");
            };
            assert_eq!((names.len(), total), ([100, 100, 50][page - 1], 250));
            all.extend(names);
        }
        assert!(all.is_sorted_by_key(|name| name.to_lowercase()), "{all:?}");
    }
}

#[test]
fn remaining_members_are_found_in_every_order_of_leaving() {
    // A leave moves another member into its place in the room's list, so every order is tried.
    for order in permutations(&[0, 1, 2, 3]) {
        let mut harness = harness();
        let ids = harness.crowd("user", 4);
        for id in &ids {
            harness.join(*id, "den");
        }
        for (gone, place) in order.iter().enumerate() {
            if place % 2 == 0 {
                harness.part(ids[*place], "den");
            } else {
                harness.disconnect(ids[*place]);
            }
            let rest: Vec<_> = order[gone + 1..].iter().map(|left| ids[*left]).collect();
            if let Some(speaker) = rest.first() {
                let seen = harness.say(*speaker, "who is here?");
                assert!(rest.iter().all(|id| seen.got.contains_key(id)), "{order:?}");
                assert_eq!(seen.got.len(), rest.len(), "{order:?}");
            }
        }
        assert_eq!(harness.chat.counts().rooms, 1, "the den is gone");
    }
}

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in items {
        let rest: Vec<_> = items.iter().copied().filter(|item| item != first).collect();
        for tail in permutations(&rest) {
            all.push([vec![*first], tail].concat());
        }
    }
    all
}

#[test]
fn recreated_room_has_no_topic_and_its_new_spelling() {
    let mut harness = harness();
    let ann = harness.user("ann");
    harness.join(ann, "Den");
    harness.ask(ann, &Line::Topic(Some("tea".into()))).unwrap();
    harness.part(ann, "den");
    let Ok(OwnedReply::Joined(entered)) = harness.ask(ann, &Line::Join("#DEN".into())) else {
        panic!("not joined");
    };
    assert_eq!((entered.room.as_str(), entered.topic), ("DEN", None));
}

#[test]
fn echo_is_the_line_as_others_see_it() {
    let mut harness = harness();
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    harness.ask(ann, &Line::Echo(Some(true))).unwrap();
    let lines = [
        Line::Say("hi".into()),
        Line::Act("waves".into()),
        Line::Topic(Some("tea".into())),
        private("bob", "psst"),
    ];
    for line in lines {
        let seen = harness.line(ann, &line);
        let (own, others) = (seen.heard_by(ann), seen.heard_by(bob));
        assert_eq!(own[..1], others, "{line:?}");
        assert_eq!(own.len(), 2, "the echo, then the answer: {own:?}");
    }
    // A message that reached no recipient has no echo.
    assert!(harness.ask(ann, &private("nobody", "hi")).is_err());
    let seen = harness.write(ann, "nobody,no-one", "hi");
    assert_eq!(seen.heard_by(ann).len(), 1);
}

#[test]
fn message_to_oneself_arrives() {
    let mut harness = harness();
    let ann = harness.user("ann");
    let note = private_from("ann", &["ann"], "buy milk");
    let seen = harness.write(ann, "ANN", "buy milk");
    assert_eq!(seen.heard_by(ann), [note.clone(), DONE]);
    let delivered = Got {
        way: Way::Delivered,
        what: note,
    };
    assert_eq!(seen.got[&ann][0], delivered);
}

#[test]
fn shutdown_is_told_to_all_and_an_answer_goes_to_one() {
    let mut harness = harness();
    let (ann, bob, unregistered) = (
        harness.user("ann"),
        harness.user("bob"),
        harness.unregistered(),
    );
    let seen = harness.shut_down();
    for id in [ann, bob, unregistered] {
        assert_eq!(seen.heard_by(id), [OwnedEvent::ShuttingDown]);
    }
    let seen = harness.are_you_there(unregistered);
    let here = OwnedEvent::Here(crate::harness::SERVER_NAME.into());
    assert_eq!(seen.heard_by(unregistered), [here]);
    assert_eq!(seen.got.len(), 1);
    let seen = harness.undelivered(ann, "bob", 2);
    let undelivered = OwnedEvent::Undelivered {
        to: "bob".into(),
        count: 2,
    };
    assert_eq!(seen.heard_by(ann), [undelivered]);
    assert_eq!(seen.got.len(), 1);
}
