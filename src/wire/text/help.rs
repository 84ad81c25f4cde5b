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

/// Of operators, of a room and of the server.
fn operators_screen(_rights: Rights, out: Out<'_>) {
    commands_of(Topic::Operators, out);
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
        "Anything else is said. More: /help people, /help history, /help COMMAND."
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
        lines(topic, Rights::default(), &mut collected);
        collected.0
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
