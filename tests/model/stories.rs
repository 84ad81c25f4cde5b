//! What is promised about few people and a certain order of things, one story at a time.

use chinwag::chat::command::{Mode, Verb};
use chinwag::chat::ids::ClientId;
use chinwag::chat::outbox::Outbox;

use crate::line::{Line, Of, Wrong};
use crate::recorder::{Answer, Fault, Got, Heard, Seen, Way};
use crate::stage::{LOBBY, Stage, peer_of, private};

const ROOMS_MAX: usize = 20;

fn stage() -> Stage {
    Stage::new(ROOMS_MAX)
}

fn private_from(from: &str, to: &[&str], text: &str) -> Heard {
    Heard::Private {
        from: from.into(),
        to: to.iter().map(|name| String::from(*name)).collect(),
        text: text.into(),
    }
}

fn said(from: &str, text: &str) -> Heard {
    Heard::Message {
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

const DONE: Heard = Heard::Ok(Answer::Done);

#[test]
fn who_connects_is_greeted_in_order_and_nobody_else_hears_of_it() {
    let mut stage = stage();
    stage.user("ann");
    let id = stage.next_id(1);
    let seen = stage.connect(id);
    let greeting = [
        Heard::Connected(peer_of(id).to_string()),
        Heard::HowToRegister,
        Heard::Motd("Be kind.".into()),
        Heard::Motd("Be brief.".into()),
    ];
    assert_eq!(seen.heard_by(id), greeting);
    assert_eq!(seen.got.len(), 1);
    assert!(stage.disconnect(id).got.is_empty(), "nor of its end");
}

#[test]
fn a_stranger_can_do_nothing_but_what_needs_no_name() {
    let mut stage = stage();
    stage.user("ann");
    let id = stage.stranger();
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
        Line::Wrong(Wrong::MissingColon),
        Line::Wrong(Wrong::NoText),
        Line::Wrong(Wrong::Usage(Verb::Join)),
    ];
    for line in refused {
        let seen = stage.line(id, &line);
        let fault = Heard::Error(Fault::new("not_registered", []));
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
        assert!(stage.ask(id, &line).is_ok(), "{line:?}");
    }
}

#[test]
fn a_name_is_free_again_once_its_holder_has_another_or_is_gone() {
    let mut stage = stage();
    let (ann, bob) = (stage.user("ann"), stage.user("bob"));
    assert_eq!(stage.refusal(bob, &nick("ANN")), "name_taken");
    stage.ask(ann, &nick("eve")).unwrap();
    stage.ask(bob, &nick("Ann")).unwrap();
    assert_eq!(stage.refusal(ann, &nick("ann")), "name_taken");
    stage.disconnect(bob);
    stage.ask(ann, &nick("ann")).unwrap();
}

#[test]
fn changing_the_case_of_ones_own_name_is_a_rename_and_the_same_name_is_none() {
    let mut stage = stage();
    let (ann, bob) = (stage.user("ann"), stage.user("bob"));
    let seen = stage.line(ann, &nick("ANN"));
    let rename = Heard::Rename {
        name: "ann".into(),
        new_name: "ANN".into(),
    };
    assert_eq!(seen.heard_by(bob), [rename]);
    let seen = stage.line(ann, &nick("ANN"));
    assert_eq!(
        seen.heard_by(ann),
        [Heard::Ok(Answer::Renamed("ANN".into()))]
    );
    assert_eq!(seen.got.len(), 1, "nothing changed");
}

#[test]
fn a_rename_is_told_once_to_whoever_shares_several_rooms() {
    let mut stage = stage();
    let (ann, bob, cat, dan) = (
        stage.user("ann"),
        stage.user("bob"),
        stage.user("cat"),
        stage.user("dan"),
    );
    for room in ["den", "pit"] {
        for id in [ann, bob, cat] {
            stage.join(id, room);
        }
    }
    stage.part(cat, "lobby"); // she still shares two
    stage.part(dan, "lobby"); // he shares none
    let seen = stage.line(ann, &nick("eve"));
    let renames = |id: ClientId| seen.heard_by(id).len();
    assert_eq!((renames(bob), renames(cat), renames(dan)), (1, 1, 0));
}

#[test]
fn an_ignore_follows_a_user_and_ends_with_the_connection() {
    let mut stage = stage();
    let (ann, bob) = (stage.user("ann"), stage.user("bob"));
    stage.ask(ann, &ignore("BOB")).unwrap();
    stage.ask(bob, &nick("rob")).unwrap();
    assert!(!stage.say(bob, "hello").got.contains_key(&ann));
    assert!(!stage.write(bob, "ann", "hello").got.contains_key(&ann));
    // Another with the old name is heard.
    let other = stage.user("bob");
    assert_eq!(stage.say(other, "hi").heard_by(ann), [said("bob", "hi")]);
    // Whoever has the place of the one ignored is heard.
    stage.disconnect(bob);
    let next = stage.next_id(bob.index());
    stage.connect(next);
    stage.register(next, "rob");
    assert_eq!(stage.say(next, "hi").heard_by(ann), [said("rob", "hi")]);
}

#[test]
fn whom_one_is_ignored_by_cannot_be_told_from_the_answers() {
    let mut stage = stage();
    let (ann, bob) = (stage.user("ann"), stage.user("bob"));
    stage.user("cat");
    stage.ask(bob, &Line::Echo(Some(true))).unwrap();
    let lines = [
        private("ann", "hi"),
        private("cat,ann", "hi"),
        private("ann,nobody", "hi"),
        Line::Say("hi".into()),
        Line::Topic(Some("hi".into())),
        Line::Whois("ann".into()),
    ];
    let answers = |stage: &mut Stage| -> Vec<_> {
        let heard = lines.iter().map(|line| stage.line(bob, line).heard_by(bob));
        heard.collect()
    };
    let before = answers(&mut stage);
    stage.ask(ann, &ignore("bob")).unwrap();
    assert_eq!(answers(&mut stage), before);
}

#[test]
fn who_ignores_the_writer_does_not_reply_to_them() {
    let mut stage = stage();
    let (ann, bob, cat) = (stage.user("ann"), stage.user("bob"), stage.user("cat"));
    stage.write(cat, "ann", "hello");
    stage.ask(ann, &ignore("bob")).unwrap();
    stage.write(bob, "ann", "psst");
    let seen = stage.line(ann, &Line::Reply("yes?".into()));
    assert_eq!(seen.heard_by(cat), [private_from("ann", &["cat"], "yes?")]);
    assert!(!seen.got.contains_key(&bob));
}

#[test]
fn a_reply_follows_the_writer_and_never_reaches_a_successor() {
    let mut stage = stage();
    let (ann, bob) = (stage.user("ann"), stage.user("bob"));
    assert_eq!(
        stage.refusal(ann, &Line::Reply("?".into())),
        "no_such_user",
        "nobody wrote"
    );
    stage.write(bob, "ann", "hello");
    stage.ask(bob, &nick("rob")).unwrap();
    let seen = stage.line(ann, &Line::Reply("hi".into()));
    assert_eq!(seen.heard_by(bob), [private_from("ann", &["rob"], "hi")]);
    stage.disconnect(bob);
    let next = stage.next_id(bob.index());
    stage.connect(next);
    stage.register(next, "rob");
    let seen = stage.line(ann, &Line::Reply("hi".into()));
    let gone = Heard::Error(Fault::new("no_such_user", []));
    assert_eq!(seen.heard_by(ann), [gone]);
    assert!(!seen.got.contains_key(&next));
}

#[test]
fn a_message_that_was_not_taken_is_no_message_to_reply_to() {
    let mut stage = stage();
    let (ann, bob) = (stage.user("ann"), stage.user("bob"));
    stage.ask(ann, &Line::Away(None)).unwrap();
    stage.recorder.refuse(ann, true);
    let seen = stage.write(bob, "ann", "hello");
    let fault = Fault::new("not_delivered", ["ann".into()]);
    assert_eq!(seen.heard_by(bob), [Heard::Error(fault)]);
    stage.recorder.refuse(ann, false);
    assert_eq!(stage.refusal(ann, &Line::Reply("?".into())), "no_such_user");
    // Nor was anybody told about her being away.
    let seen = stage.write(bob, "ann", "hello");
    assert!(matches!(seen.heard_by(bob)[0], Heard::IsAway { .. }));
}

#[test]
fn each_recipient_gets_one_copy_and_the_rest_are_named_to_the_writer() {
    let mut stage = stage();
    let (ann, bob, cat) = (stage.user("ann"), stage.user("bob"), stage.user("cat"));
    stage.recorder.refuse(cat, true);
    let seen = stage.write(ann, "Bob,bob,nobody,cat,BOB,Nobody", "one copy");
    let Heard::Private { from, text, .. } = seen.heard_by(bob).remove(0) else {
        panic!("{seen:?}");
    };
    assert_eq!((from.as_str(), text.as_str()), ("ann", "one copy"));
    assert_eq!(seen.heard_by(bob).len(), 1);
    assert!(!seen.got.contains_key(&cat));
    let fault = Fault::new("no_such_user", ["nobody".into(), "cat".into()]);
    assert_eq!(seen.heard_by(ann), [Heard::Error(fault)]);
}

#[test]
fn each_sender_is_told_once_for_each_time_somebody_goes_away() {
    let mut stage = stage();
    let (ann, bob, cat) = (stage.user("ann"), stage.user("bob"), stage.user("cat"));
    let away = Line::Away(Some("tea".into()));
    let told = |stage: &mut Stage, id: ClientId| {
        let heard = stage.write(id, "ann", "hi").heard_by(id);
        assert_eq!(heard.last(), Some(&DONE));
        heard.len() - 1
    };
    assert_eq!(told(&mut stage, bob), 0);
    stage.ask(ann, &away).unwrap();
    assert_eq!([told(&mut stage, bob), told(&mut stage, bob)], [1, 0]);
    assert_eq!([told(&mut stage, cat), told(&mut stage, cat)], [1, 0]);
    stage.ask(bob, &nick("rob")).unwrap();
    assert_eq!(told(&mut stage, bob), 0, "he was told under another name");
    stage.ask(ann, &Line::Back).unwrap();
    assert_eq!(told(&mut stage, bob), 0);
    stage.ask(ann, &away).unwrap();
    assert_eq!([told(&mut stage, bob), told(&mut stage, bob)], [1, 0]);
}

/// Someone with every setting, in another room, written to, ignored and told of an absence.
fn settled(stage: &mut Stage) -> (ClientId, ClientId) {
    let (ann, bob) = (stage.user("ann"), stage.user("bob"));
    stage.ask(bob, &Line::Away(Some("tea".into()))).unwrap();
    stage.join(ann, "den");
    stage.write(ann, "bob", "hello"); // she is told that he is away
    stage.ask(bob, &ignore("ann")).unwrap();
    for line in [
        ignore("bob"),
        Line::Away(Some("out".into())),
        Line::Echo(Some(true)),
        Line::Quiet(Some(true)),
        Line::Mode(Some(Mode::Json)),
    ] {
        stage.ask(ann, &line).unwrap();
    }
    let dan = stage.user("dan");
    stage.write(dan, "ann", "hello");
    stage.recorder.refuse(ann, true);
    (ann, bob)
}

#[test]
fn a_successor_in_the_same_place_inherits_nothing() {
    let mut stage = stage();
    let (ann, bob) = settled(&mut stage);
    stage.disconnect(ann);
    let next = stage.next_id(ann.index());
    assert_eq!(next.slot, ann.slot);
    stage.connect(next);
    assert_eq!(stage.chat.name_of(next), None);
    assert_eq!(stage.chat.name_of(ann), None);
    stage.register(next, "ann");

    assert_eq!(stage.recorder.mode(next), Mode::Plain);
    let ask = |stage: &mut Stage, line: &Line| stage.ask(next, line);
    assert_eq!(ask(&mut stage, &Line::Echo(None)), Ok(Answer::Echo(false)));
    assert_eq!(
        ask(&mut stage, &Line::Quiet(None)),
        Ok(Answer::Quiet(false))
    );
    assert_eq!(
        ask(&mut stage, &Line::Ignore(None)),
        Ok(Answer::Ignored(Vec::new()))
    );
    let Ok(Answer::Topic { room, .. }) = ask(&mut stage, &Line::Topic(None)) else {
        panic!("in no room");
    };
    assert_eq!(room, LOBBY);
    assert_eq!(
        stage.refusal(next, &Line::Reply("hi".into())),
        "no_such_user"
    );
    // Bob neither ignores her nor thinks that she was told that he is away.
    let seen = stage.write(next, "bob", "hello");
    assert_eq!(seen.heard_by(bob), [private_from("ann", &["bob"], "hello")]);
    assert!(matches!(seen.heard_by(next)[0], Heard::IsAway { .. }));
    // Nor is she away herself.
    assert_eq!(stage.write(bob, "ann", "hi").heard_by(bob), [DONE]);
}

#[test]
fn who_is_gone_gets_nothing_more_and_can_do_nothing_more() {
    let mut stage = stage();
    let (ann, bob) = (stage.user("ann"), stage.user("bob"));
    stage.write(ann, "bob", "hello");
    stage.disconnect(ann);
    for gone in [false, true] {
        if gone {
            let next = stage.next_id(ann.index());
            stage.connect(next);
            stage.register(next, "eve");
        }
        for line in [Line::Say("boo".into()), nick("zoe"), Line::Quit(None)] {
            assert_eq!(stage.line(ann, &line), Seen::default());
        }
        assert_eq!(stage.disconnect(ann), Seen::default());
        assert_eq!(stage.undelivered(ann, "bob", 2), Seen::default());
        assert!(!stage.say(bob, "gone?").got.contains_key(&ann));
    }
}

#[test]
fn the_rooms_of_who_quits_are_told_what_they_said() {
    let mut stage = stage();
    let (ann, bob, cat) = (stage.user("ann"), stage.user("bob"), stage.user("cat"));
    stage.join(ann, "den");
    stage.join(bob, "den");
    stage.line(ann, &Line::Quit(Some("so long".into())));
    let leave = |room: &str| Heard::Leave {
        room: room.into(),
        name: "ann".into(),
        text: Some("so long".into()),
    };
    let seen = stage.disconnect(ann);
    assert_eq!(seen.heard_by(bob), [leave(LOBBY), leave("den")]);
    assert_eq!(seen.heard_by(cat), [leave(LOBBY)]);
    // A line that is elsewhere says so to the server, which writes the room.
    let ways: Vec<Way> = seen.got[&bob].iter().map(|got| got.way).collect();
    let there = Way::Announced { elsewhere: false };
    assert_eq!(ways, [Way::Announced { elsewhere: true }, there]);
}

#[test]
fn who_is_left_in_a_room_is_found_whatever_the_order_of_leaving() {
    // Members take each other's places in a room's list when one goes; every order is tried.
    for order in permutations(&[0, 1, 2, 3]) {
        let mut stage = stage();
        let ids = stage.crowd("user", 4);
        for id in &ids {
            stage.join(*id, "den");
        }
        for (gone, place) in order.iter().enumerate() {
            if place % 2 == 0 {
                stage.part(ids[*place], "den");
            } else {
                stage.disconnect(ids[*place]);
            }
            let rest: Vec<_> = order[gone + 1..].iter().map(|left| ids[*left]).collect();
            if let Some(speaker) = rest.first() {
                let seen = stage.say(*speaker, "who is here?");
                assert!(rest.iter().all(|id| seen.got.contains_key(id)), "{order:?}");
                assert_eq!(seen.got.len(), rest.len(), "{order:?}");
            }
        }
        assert_eq!(stage.chat.counts().rooms, 1, "the den is gone");
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
fn a_room_that_is_made_anew_has_no_topic_and_is_shown_as_its_maker_typed_it() {
    let mut stage = stage();
    let ann = stage.user("ann");
    stage.join(ann, "Den");
    stage.ask(ann, &Line::Topic(Some("tea".into()))).unwrap();
    stage.part(ann, "den");
    let Ok(Answer::Joined(entered)) = stage.ask(ann, &Line::Join("#DEN".into())) else {
        panic!("not joined");
    };
    assert_eq!((entered.room.as_str(), entered.topic), ("DEN", None));
}

#[test]
fn an_echo_is_the_line_as_others_see_it() {
    let mut stage = stage();
    let (ann, bob) = (stage.user("ann"), stage.user("bob"));
    stage.ask(ann, &Line::Echo(Some(true))).unwrap();
    let lines = [
        Line::Say("hi".into()),
        Line::Act("waves".into()),
        Line::Topic(Some("tea".into())),
        private("bob", "psst"),
    ];
    for line in lines {
        let seen = stage.line(ann, &line);
        let (own, others) = (seen.heard_by(ann), seen.heard_by(bob));
        assert_eq!(own[..1], others, "{line:?}");
        assert_eq!(own.len(), 2, "the echo, then the answer: {own:?}");
    }
    // Nothing of what reached nobody comes back.
    assert!(stage.ask(ann, &private("nobody", "hi")).is_err());
    let seen = stage.write(ann, "nobody,no-one", "hi");
    assert_eq!(seen.heard_by(ann).len(), 1);
}

#[test]
fn a_message_to_oneself_arrives() {
    let mut stage = stage();
    let ann = stage.user("ann");
    let note = private_from("ann", &["ann"], "buy milk");
    let seen = stage.write(ann, "ANN", "buy milk");
    assert_eq!(seen.heard_by(ann), [note.clone(), DONE]);
    let delivered = Got {
        way: Way::Delivered,
        what: note,
    };
    assert_eq!(seen.got[&ann][0], delivered);
}

#[test]
fn a_shutdown_is_told_to_all_and_a_question_is_answered_to_one() {
    let mut stage = stage();
    let (ann, bob, stranger) = (stage.user("ann"), stage.user("bob"), stage.stranger());
    let seen = stage.shut_down();
    for id in [ann, bob, stranger] {
        assert_eq!(seen.heard_by(id), [Heard::ShuttingDown]);
    }
    let seen = stage.are_you_there(stranger);
    let here = Heard::Here(crate::stage::SERVER_NAME.into());
    assert_eq!(seen.heard_by(stranger), [here]);
    assert_eq!(seen.got.len(), 1);
    let seen = stage.undelivered(ann, "bob", 2);
    let undelivered = Heard::Undelivered {
        to: "bob".into(),
        count: 2,
    };
    assert_eq!(seen.heard_by(ann), [undelivered]);
    assert_eq!(seen.got.len(), 1);
}
