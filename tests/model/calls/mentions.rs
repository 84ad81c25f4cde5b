//! Whose names a line has.

use chinwag::chat::command::{Bell, Command, Mode, SessionCommand, SettingCommand};
use chinwag::chat::ids::ClientId;
use chinwag::chat::{MENTION_WORDS_MAX, MENTIONED_MAX};

use crate::kept::stage::Stage;

fn set_mode(stage: &mut Stage, id: ClientId, mode: Mode) {
    stage.ask(id, Command::Session(SessionCommand::Mode(Some(mode))));
}

fn ring(stage: &mut Stage, id: ClientId, bell: Bell) {
    stage.ask(id, Command::Setting(SettingCommand::Bell(Some(bell))));
}

/// A plain guest, who asked for nothing.
fn plain(stage: &mut Stage, name: &str) -> ClientId {
    let id = stage.guest(name);
    set_mode(stage, id, Mode::Plain);
    id
}

/// Whether the last line that one got was a mention.
fn is_mentioned(stage: &mut Stage, id: ClientId) -> bool {
    stage.hear(id).last().unwrap().ends_with(" !")
}

#[test]
fn name_as_a_whole_word_is_a_mention_for_who_wants_to_know() {
    let mut stage = Stage::new();
    let (zoe, yan) = (plain(&mut stage, "zoe"), plain(&mut stage, "yan"));
    stage.say(yan, "hi zoe");
    assert!(!is_mentioned(&mut stage, zoe), "nobody wants to know");
    for (mode, bell, wants) in [
        (Mode::Plain, Bell::Private, false),
        (Mode::Plain, Bell::Mention, true),
        (Mode::Plain, Bell::All, true),
        (Mode::Json, Bell::Off, true),
    ] {
        set_mode(&mut stage, zoe, mode);
        ring(&mut stage, zoe, bell);
        stage.hear(zoe);
        stage.say(yan, "hi zoe");
        assert_eq!(is_mentioned(&mut stage, zoe), wants, "{mode:?} {bell:?}");
    }
    for (mode, wants) in [(Mode::Plain, false), (Mode::Json, true)] {
        set_mode(&mut stage, zoe, mode); // and no bell after it
        stage.hear(zoe);
        stage.say(yan, "hi zoe");
        assert_eq!(is_mentioned(&mut stage, zoe), wants, "{mode:?}");
    }
    for (text, mention) in [
        ("ZOE", true),
        ("(zoe's)", true),
        ("_zoe_", true),
        ("zoes", false),
        ("a-zoe", false),
        ("zoé zo", false),
        ("yan", false),
    ] {
        stage.say(yan, text);
        assert_eq!(is_mentioned(&mut stage, zoe), mention, "{text}");
    }
}

#[test]
fn mention_reaches_all_connections_but_not_other_rooms_or_oneself() {
    let mut stage = Stage::new();
    let (first, second) = (stage.login("alice"), stage.login("alice"));
    set_mode(&mut stage, second, Mode::Plain);
    set_mode(&mut stage, first, Mode::Json);
    let bob = stage.login("bob");
    for id in [first, second] {
        stage.hear(id);
    }
    stage.say(bob, "alice?");
    assert!(is_mentioned(&mut stage, first) && is_mentioned(&mut stage, second));
    stage.say(first, "I, alice");
    assert!(!is_mentioned(&mut stage, second), "own copy");
    // Who is elsewhere is nobody here.
    stage.join(bob, "dev");
    stage.join(first, "dev");
    stage.part(first, "dev");
    stage.hear(bob);
    stage.say(bob, "alice?");
    assert!(stage.hear(first).iter().all(|line| !line.ends_with(" !")));
}

#[test]
fn words_and_names_of_a_line_are_bounded() {
    let mut stage = Stage::new();
    let zoe = plain(&mut stage, "zoe");
    ring(&mut stage, zoe, Bell::Mention);
    let yan = plain(&mut stage, "yan");
    let filler = "x ".repeat(MENTION_WORDS_MAX - 1);
    stage.say(yan, &format!("{filler}zoe"));
    assert!(is_mentioned(&mut stage, zoe));
    stage.say(yan, &format!("{filler}x zoe"));
    assert!(!is_mentioned(&mut stage, zoe));
    let many: Vec<String> = (0..MENTIONED_MAX).map(|n| format!("u{n}")).collect();
    for name in &many {
        plain(&mut stage, name);
    }
    let all = many.join(" ");
    stage.hear(zoe);
    stage.say(yan, &format!("zoe {all}"));
    assert!(is_mentioned(&mut stage, zoe));
    stage.say(yan, &format!("{all} zoe"));
    assert!(!is_mentioned(&mut stage, zoe));
}
