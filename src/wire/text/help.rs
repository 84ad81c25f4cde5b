//! The lines of help.

use crate::chat::command::{HelpTopic, Verb};
use crate::chat::rights::Rights;

use super::super::command_table::{self, COMMANDS};
use super::answer::Out;

/// Of everything, of a topic, or of a command; only what the reader may use.
pub(super) fn lines(topic: Option<HelpTopic>, rights: Rights, out: Out<'_>) {
    match topic {
        None => first_screen(out),
        Some(HelpTopic::Command(verb)) => help_on(verb, out),
        Some(HelpTopic::People) => {
            commands_of(Topic::People, out);
            out.words(format_args!(
                "A password is never part of a line that others see: /login asks for it."
            ));
            out.words(format_args!(
                "Private messages to an account that is not here wait until it is."
            ));
            out.words(format_args!(
                "Who shares a room sees each other there, hidden and blocked or not."
            ));
            out.words(format_args!("An example of one of these: /help /login"));
        }
        Some(HelpTopic::History) => {
            commands_of(Topic::History, out);
            out.words(format_args!(
                "since takes a TIME (09:12, 2h, 3d, 2026-11-27, 2026-11-27T09:12) or an ID,"
            ));
            out.words(format_args!(
                "and before takes an ID: a line's number, as JSON mode shows it."
            ));
            out.words(format_args!(
                "A room whose name is a number is typed as #20."
            ));
            out.words(format_args!(
                "Kept is what is said in rooms with /keep, and by accounts to each other."
            ));
            out.words(format_args!("An example of one of these: /help /history"));
        }
        Some(HelpTopic::Operators) => operators_screen(rights, out),
    }
}

/// Commands of a room's operators: those that undo each other share a line.
const OF_A_ROOM: [(&str, &str); 6] = [
    ("/kick NAME [WHY]", "out of the room"),
    (
        "/mute, /unmute NAME [TIME] [WHY]",
        "may not speak; may again",
    ),
    (
        "/bar, /unbar NAME [TIME] [WHY]",
        "out, and not in again; may",
    ),
    ("/op, /deop NAME", "an operator of the room; no longer"),
    ("/lock [topic|talk|in] [on|off]", "what only operators may"),
    ("/remove ID", "erase a line of the room's"),
];

/// Commands of the server's.
const OF_THE_SERVER: [(&str, &str); 9] = [
    (
        "/kick, /mute, /unmute * NAME",
        "the same in the whole server",
    ),
    (
        "/ban CIDR|NAME [KIND] [TIME] [WHY]",
        "keep off; KIND: out, login, muted",
    ),
    ("/bans [PAGE], /unban N", "all bans; undo one"),
    (
        "/suspend NAME [WHY], /unsuspend NAME",
        "nobody can log in; can again",
    ),
    ("/reset NAME", "a code for a new password"),
    ("/announce TEXT", "tell everybody"),
    ("/deeds [PAGE]", "what operators did"),
    ("/reload, /backup", "read files anew; copy what is kept"),
    ("/feed [on|off]", "hear whom to notify, for a bridge"),
];

/// What an operator may do, of the room and of the server; to others, how one becomes one.
fn operators_screen(rights: Rights, out: Out<'_>) {
    const USAGE_WIDTH: usize = 36;
    let Rights {
        operates_room,
        operates_server,
        ..
    } = rights;
    if !operates_room && !operates_server {
        out.words(format_args!(
            "You operate neither this room nor the server. /keep makes a room one's own."
        ));
        out.words(format_args!(
            "The server's operators are named at its start, or come by its Unix socket."
        ));
        return;
    }
    let of_a_room = OF_A_ROOM.iter();
    let of_the_server = OF_THE_SERVER.iter().filter(|_| operates_server);
    for (usage, summary) in of_a_room.chain(of_the_server) {
        out.words(format_args!("{usage:USAGE_WIDTH$} {summary}"));
    }
    out.words(format_args!(
        "TIME is digits and s, m, h, d or w: 10m, 2h, 7d. Without it there is no end."
    ));
    out.words(format_args!("An example of one of these: /help /mute"));
}

/// What has a screen of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Topic {
    People,
    History,
    Operators,
}

/// The screen that a command is on, unless that is the first.
fn topic_of(verb: Verb) -> Option<Topic> {
    match verb {
        Verb::Account
        | Verb::Login
        | Verb::Logout
        | Verb::Token
        | Verb::Profile
        | Verb::Friend
        | Verb::Unfriend
        | Verb::Block
        | Verb::Unblock
        | Verb::Privacy
        | Verb::Bell
        | Verb::Notify => Some(Topic::People),
        Verb::Kick
        | Verb::Mute
        | Verb::Unmute
        | Verb::Bar
        | Verb::Unbar
        | Verb::Op
        | Verb::Deop
        | Verb::Lock
        | Verb::Remove
        | Verb::Ban
        | Verb::Unban
        | Verb::Bans
        | Verb::Suspend
        | Verb::Unsuspend
        | Verb::Reset
        | Verb::Announce
        | Verb::Reload
        | Verb::Deeds
        | Verb::Feed
        | Verb::Backup => Some(Topic::Operators),
        Verb::History
        | Verb::More
        | Verb::Unread
        | Verb::Read
        | Verb::Search
        | Verb::Forget
        | Verb::Export
        | Verb::Keep => Some(Topic::History),
        _ => None,
    }
}

fn commands_of(topic: Topic, out: Out<'_>) {
    let on_it = || {
        let entries = COMMANDS.iter();
        entries.filter(move |entry| topic_of(entry.verb) == Some(topic))
    };
    let width = on_it().map(|entry| entry.usage.len()).max();
    let width = width.unwrap_or_default();
    for entry in on_it() {
        let (usage, summary) = (entry.usage, entry.summary);
        out.words(format_args!("{usage:width$} {summary}"));
    }
}

/// Commands that share a line of help, so that it fits on a screen: the second goes with the first.
const SHARED_HELP_LINES: [(Verb, Verb, &str, &str); 4] = [
    (
        Verb::Away,
        Verb::Back,
        "/away [TEXT], /back",
        "tell who writes to you that you are away",
    ),
    (
        Verb::Ignore,
        Verb::Unignore,
        "/ignore, /unignore NAME",
        "get nothing of theirs; get it again",
    ),
    (
        Verb::Raw,
        Verb::Times,
        "/raw, /times [on|off]",
        "say lines as they are; the time before people's lines",
    ),
    (
        Verb::Ping,
        Verb::Version,
        "/ping [TEXT], /version",
        "is anybody there; what runs here",
    ),
];

/// One screen of 24 lines and 80 columns, less a line for the cursor, with the prefix of each line.
fn first_screen(out: Out<'_>) {
    const USAGE_WIDTH: usize = 23;
    for entry in &COMMANDS {
        if topic_of(entry.verb).is_some() {
            continue;
        }
        if SHARED_HELP_LINES
            .iter()
            .any(|(_, second, ..)| *second == entry.verb)
        {
            continue;
        }
        let shared = SHARED_HELP_LINES
            .iter()
            .find(|(first, ..)| *first == entry.verb);
        let (usage, summary) = shared
            .map_or((entry.usage, entry.summary), |(_, _, usage, summary)| {
                (*usage, *summary)
            });
        out.words(format_args!("{usage:USAGE_WIDTH$} {summary}"));
    }
    out.words(format_args!(
        "Else it is said. /help people, /help history, /help op, /help COMMAND: more."
    ));
}

fn help_on(verb: Verb, out: Out<'_>) {
    let entry = command_table::entry(verb);
    out.words(format_args!("{}: {}.", entry.usage, entry.summary));
    if let [_, aliases @ ..] = entry.names
        && !aliases.is_empty()
    {
        out.words(format_args!("Also: /{}", aliases.join(", /")));
    }
    out.words(format_args!("For example: {}", entry.example));
}

#[cfg(test)]
mod tests {
    use std::fmt::Arguments;

    use super::super::answer::Answer;
    use super::*;

    struct Collected(Vec<String>);

    impl Answer for Collected {
        fn words(&mut self, words: Arguments<'_>) {
            self.0.push(format!("* {words}"));
        }

        fn line(&mut self, text: Arguments<'_>) {
            self.words(text);
        }
    }

    fn lines_of(topic: Option<HelpTopic>) -> Vec<String> {
        let mut collected = Collected(Vec::new());
        let rights = Rights {
            is_account: true,
            operates_room: true,
            operates_server: true,
        };
        lines(topic, rights, &mut collected);
        collected.0
    }

    #[test]
    fn screen_of_operators_has_what_its_reader_may_use() {
        let shown = |operates_room, operates_server| {
            let mut collected = Collected(Vec::new());
            let rights = Rights {
                is_account: true,
                operates_room,
                operates_server,
            };
            lines(Some(HelpTopic::Operators), rights, &mut collected);
            let text = collected.0.join("\n");
            assert!(collected.0.iter().all(|line| line.len() < 80), "{text}");
            let of = |usage: &str| text.contains(usage);
            (collected.0.len(), of("/bar"), of("/ban"))
        };
        assert_eq!(shown(false, false), (2, false, false));
        assert_eq!(shown(true, false), (8, true, false));
        assert_eq!(shown(true, true), (17, true, true));
        assert_eq!(shown(false, true), (17, true, true));
        assert!(lines_of(None).concat().contains("/help op"));
    }

    #[test]
    fn help_fits_on_one_screen() {
        for topic in [
            None,
            Some(HelpTopic::People),
            Some(HelpTopic::History),
            Some(HelpTopic::Operators),
        ] {
            let lines = lines_of(topic);
            assert!(lines.len() <= 22, "{} lines", lines.len());
            for line in &lines {
                assert!(line.len() < 80, "{line}");
            }
        }
    }

    #[test]
    fn command_is_on_one_screen_of_help() {
        let screens = [
            None,
            Some(HelpTopic::People),
            Some(HelpTopic::History),
            Some(HelpTopic::Operators),
        ]
        .map(lines_of);
        for entry in &COMMANDS {
            let name = format!("/{}", entry.names[0]);
            let is_name = |word: &str| word.trim_end_matches(',') == name;
            let shows = |lines: &&Vec<String>| {
                let mut usages = lines.iter().filter(|line| line.starts_with("* /"));
                usages.any(|line| line.split(' ').any(is_name))
            };
            // The first screen names the topics, too.
            let count = screens.iter().filter(shows).count();
            assert_eq!(count, 1, "{name}");
        }
    }
}
