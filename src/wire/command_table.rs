//! The table of commands: names, usage, help.

use crate::chat::command::Verb;

/// One command.
#[derive(Debug)]
pub struct Entry {
    /// The command itself.
    pub verb: Verb,
    /// Its name and aliases, in lower case, without the slash.
    pub names: &'static [&'static str],
    /// Its syntax.
    pub usage: &'static str,
    /// Its effect, in a few words.
    pub summary: &'static str,
    /// A line that works.
    pub example: &'static str,
}

/// Finds a command by its name or an alias, without case.
#[must_use]
pub fn find(name: &str) -> Option<Verb> {
    let is_it = |entry: &&Entry| entry.names.iter().any(|own| own.eq_ignore_ascii_case(name));
    COMMANDS.iter().find(is_it).map(|entry| entry.verb)
}

/// The command whose name is most like the misspelt `name`, if one is like it at all.
#[must_use]
pub fn nearest(name: &str) -> Option<Verb> {
    /// A longer word is past the distance of every name.
    const TYPED_BYTES_MAX: usize = 16;
    /// Two slips in a word of four letters make another word.
    const DISTANCE_MAX: [usize; 2] = [1, 2];
    const SHORT_BYTES_MAX: usize = 4;
    if name.is_empty() || name.len() > TYPED_BYTES_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let all = COMMANDS
        .iter()
        .flat_map(|entry| entry.names.iter().map(|own| (entry.verb, *own)));
    let scored = all.map(|(verb, own)| {
        let starts_alike = name.len() >= 2 && own.starts_with(&name);
        let distance = strsim::damerau_levenshtein(&name, own);
        (if starts_alike { 1 } else { distance }, verb, own)
    });
    let (distance, verb, own) = scored.min_by_key(|(distance, ..)| *distance)?;
    let [short_max, long_max] = DISTANCE_MAX;
    let distance_max = if name.len() <= SHORT_BYTES_MAX {
        short_max
    } else {
        long_max
    };
    // A distance as long as the word leaves no letter in common.
    (distance <= distance_max && distance < own.len().min(name.len())).then_some(verb)
}

/// The entry of a command.
#[must_use]
pub fn entry(verb: Verb) -> &'static Entry {
    COMMANDS.get(verb as usize).unwrap_or(&COMMANDS[0])
}

/// Every command, in the order of [`Verb`].
pub static COMMANDS: [Entry; 65] = [
    Entry {
        verb: Verb::Help,
        names: &["help", "?"],
        usage: "/help [COMMAND]",
        summary: "all commands, or one",
        example: "/help msg",
    },
    Entry {
        verb: Verb::Nick,
        names: &["nick"],
        usage: "/nick NAME",
        summary: "register (#NAME does the same), or change your name",
        example: "/nick alice",
    },
    Entry {
        verb: Verb::Msg,
        names: &["msg"],
        usage: "/msg NAME[,NAME] TEXT",
        summary: "a private message; @NAME:TEXT does the same",
        example: "@bob:see you at noon",
    },
    Entry {
        verb: Verb::Reply,
        names: &["reply", "r"],
        usage: "/reply TEXT",
        summary: "a private message to whoever last wrote you one",
        example: "/r on my way",
    },
    Entry {
        verb: Verb::Me,
        names: &["me"],
        usage: "/me ACTION",
        summary: "an action in the current room",
        example: "/me waves",
    },
    Entry {
        verb: Verb::Say,
        names: &["say"],
        usage: "/say TEXT",
        summary: "say TEXT, whatever it starts with",
        example: "/say /etc is full",
    },
    Entry {
        verb: Verb::Join,
        names: &["join", "j"],
        usage: "/join ROOM",
        summary: "enter a room, or make it your current one",
        example: "/join dev",
    },
    Entry {
        verb: Verb::Part,
        names: &["part", "leave"],
        usage: "/part [ROOM]",
        summary: "leave a room",
        example: "/part dev",
    },
    Entry {
        verb: Verb::Rooms,
        names: &["rooms"],
        usage: "/rooms [PAGE]",
        summary: "every room, how many are in it, its topic",
        example: "/rooms",
    },
    Entry {
        verb: Verb::Names,
        names: &["names", "who", "users"],
        usage: "/names [ROOM|*] [PAGE]",
        summary: "who is in a room; * is everyone",
        example: "/names * 2",
    },
    Entry {
        verb: Verb::Topic,
        names: &["topic"],
        usage: "/topic [TEXT]",
        summary: "read or set the current room's topic; - clears it",
        example: "/topic release on Friday",
    },
    Entry {
        verb: Verb::Whois,
        names: &["whois"],
        usage: "/whois NAME",
        summary: "since when, idle for how long, shared rooms",
        example: "/whois bob",
    },
    Entry {
        verb: Verb::Away,
        names: &["away"],
        usage: "/away [TEXT]",
        summary: "tell who writes to you that you are away",
        example: "/away lunch",
    },
    Entry {
        verb: Verb::Back,
        names: &["back"],
        usage: "/back",
        summary: "you are no longer away",
        example: "/back",
    },
    Entry {
        verb: Verb::Ignore,
        names: &["ignore"],
        usage: "/ignore [NAME]",
        summary: "get nothing of theirs; without NAME, the list",
        example: "/ignore mallory",
    },
    Entry {
        verb: Verb::Unignore,
        names: &["unignore"],
        usage: "/unignore [NAME]",
        summary: "get their lines again; without NAME, the list",
        example: "/unignore mallory",
    },
    Entry {
        verb: Verb::Quiet,
        names: &["quiet"],
        usage: "/quiet [on|off]",
        summary: "no notices of who joins, leaves or is renamed",
        example: "/quiet on",
    },
    Entry {
        verb: Verb::Echo,
        names: &["echo"],
        usage: "/echo [on|off]",
        summary: "your own lines come back as others see them",
        example: "/echo on",
    },
    Entry {
        verb: Verb::Raw,
        names: &["raw"],
        usage: "/raw [on|off]",
        summary: "say every line as it is, whatever it starts with",
        example: "/raw on",
    },
    Entry {
        verb: Verb::Times,
        names: &["times"],
        usage: "/times [on|off]",
        summary: "the time before lines from people",
        example: "/times on",
    },
    Entry {
        verb: Verb::Mode,
        names: &["mode"],
        usage: "/mode [plain|json]",
        summary: "how the server writes to you",
        example: "/mode json",
    },
    Entry {
        verb: Verb::Ping,
        names: &["ping"],
        usage: "/ping [TEXT]",
        summary: "the server answers pong",
        example: "/ping 42",
    },
    Entry {
        verb: Verb::Stats,
        names: &["stats"],
        usage: "/stats",
        summary: "what the server has counted",
        example: "/stats",
    },
    Entry {
        verb: Verb::Version,
        names: &["version"],
        usage: "/version",
        summary: "what runs here",
        example: "/version",
    },
    Entry {
        verb: Verb::Quit,
        names: &["quit", "exit", "bye"],
        usage: "/quit [TEXT]",
        summary: "leave; quit alone on a line does the same",
        example: "/quit back tomorrow",
    },
    Entry {
        verb: Verb::Account,
        names: &["account"],
        usage: "/account [new|password|drop]",
        summary: "keep your name for good, with a password",
        example: "/account new",
    },
    Entry {
        verb: Verb::Login,
        names: &["login"],
        usage: "/login NAME [PASSWORD]",
        summary: "be your account, from anywhere",
        example: "/login alice",
    },
    Entry {
        verb: Verb::Logout,
        names: &["logout"],
        usage: "/logout",
        summary: "be a guest again",
        example: "/logout",
    },
    Entry {
        verb: Verb::Token,
        names: &["token"],
        usage: "/token [LABEL|drop LABEL]",
        summary: "log in without a password, as scripts do",
        example: "/token my-script",
    },
    Entry {
        verb: Verb::History,
        names: &["history"],
        usage: "/history [ROOM|@NAME] [N] [since TIME]",
        summary: "what was said there",
        example: "/history 20",
    },
    Entry {
        verb: Verb::More,
        names: &["more"],
        usage: "/more",
        summary: "the next page of what was shown last",
        example: "/more",
    },
    Entry {
        verb: Verb::Unread,
        names: &["unread"],
        usage: "/unread",
        summary: "how much you have not read, and where",
        example: "/unread",
    },
    Entry {
        verb: Verb::Read,
        names: &["read"],
        usage: "/read [ROOM|@NAME] [ID]",
        summary: "you have read it all, or up to a line",
        example: "/read @bob",
    },
    Entry {
        verb: Verb::Search,
        names: &["search"],
        usage: "/search [#ROOM|@NAME] WORDS",
        summary: "lines with all of these words",
        example: "/search #dev release notes",
    },
    Entry {
        verb: Verb::Forget,
        names: &["forget"],
        usage: "/forget ID|last [N]|all [ROOM|@NAME]",
        summary: "erase lines of your own",
        example: "/forget last 2",
    },
    Entry {
        verb: Verb::Export,
        names: &["export"],
        usage: "/export [before ID]",
        summary: "lines of your own, as JSON",
        example: "/export",
    },
    Entry {
        verb: Verb::Keep,
        names: &["keep"],
        usage: "/keep [DAYS|off]",
        summary: "keep what is said in the current room",
        example: "/keep 30",
    },
    Entry {
        verb: Verb::Profile,
        names: &["profile"],
        usage: "/profile [NAME|set TEXT]",
        summary: "what somebody says of themselves",
        example: "/profile set on call this week",
    },
    Entry {
        verb: Verb::Friend,
        names: &["friend"],
        usage: "/friend [NAME]",
        summary: "ask to see when the other comes; list",
        example: "/friend bob",
    },
    Entry {
        verb: Verb::Unfriend,
        names: &["unfriend"],
        usage: "/unfriend NAME",
        summary: "be friends no longer",
        example: "/unfriend bob",
    },
    Entry {
        verb: Verb::Block,
        names: &["block"],
        usage: "/block [NAME]",
        summary: "get nothing of theirs, now and later",
        example: "/block mallory",
    },
    Entry {
        verb: Verb::Unblock,
        names: &["unblock"],
        usage: "/unblock [NAME]",
        summary: "get their lines again",
        example: "/unblock mallory",
    },
    Entry {
        verb: Verb::Privacy,
        names: &["privacy"],
        usage: "/privacy [WHAT on|off]",
        summary: "who sees what of you",
        example: "/privacy hidden on",
    },
    Entry {
        verb: Verb::Bell,
        names: &["bell"],
        usage: "/bell [off|private|mention|all]",
        summary: "which lines ring",
        example: "/bell mention",
    },
    Entry {
        verb: Verb::Notify,
        names: &["notify"],
        usage: "/notify [off|TEXT]",
        summary: "have the bridge told while you are away",
        example: "/notify alice@example.org",
    },
    Entry {
        verb: Verb::Kick,
        names: &["kick"],
        usage: "/kick [*] NAME [WHY]",
        summary: "out of the room; * off the server",
        example: "/kick mallory spam",
    },
    Entry {
        verb: Verb::Mute,
        names: &["mute"],
        usage: "/mute [*] NAME [TIME] [WHY]",
        summary: "may not speak",
        example: "/mute mallory 10m spam",
    },
    Entry {
        verb: Verb::Unmute,
        names: &["unmute"],
        usage: "/unmute [*] NAME",
        summary: "may speak again",
        example: "/unmute mallory",
    },
    Entry {
        verb: Verb::Bar,
        names: &["bar"],
        usage: "/bar NAME [TIME] [WHY]",
        summary: "out of the room, and not in again",
        example: "/bar mallory 2d spam",
    },
    Entry {
        verb: Verb::Unbar,
        names: &["unbar"],
        usage: "/unbar NAME",
        summary: "may come in again",
        example: "/unbar mallory",
    },
    Entry {
        verb: Verb::Op,
        names: &["op"],
        usage: "/op NAME",
        summary: "make an account an operator of the room",
        example: "/op bob",
    },
    Entry {
        verb: Verb::Deop,
        names: &["deop"],
        usage: "/deop NAME",
        summary: "an operator no longer",
        example: "/deop bob",
    },
    Entry {
        verb: Verb::Lock,
        names: &["lock"],
        usage: "/lock [topic|talk|in] [on|off]",
        summary: "only operators may",
        example: "/lock topic on",
    },
    Entry {
        verb: Verb::Remove,
        names: &["remove"],
        usage: "/remove ID",
        summary: "erase a line of the room's",
        example: "/remove 1042",
    },
    Entry {
        verb: Verb::Ban,
        names: &["ban"],
        usage: "/ban CIDR|NAME [KIND] [TIME] [WHY]",
        summary: "keep them off the server",
        example: "/ban mallory 2d",
    },
    Entry {
        verb: Verb::Unban,
        names: &["unban"],
        usage: "/unban N",
        summary: "undo a ban",
        example: "/unban 3",
    },
    Entry {
        verb: Verb::Bans,
        names: &["bans"],
        usage: "/bans [PAGE]",
        summary: "all bans",
        example: "/bans",
    },
    Entry {
        verb: Verb::Suspend,
        names: &["suspend"],
        usage: "/suspend NAME [WHY]",
        summary: "an account cannot log in",
        example: "/suspend mallory spam",
    },
    Entry {
        verb: Verb::Unsuspend,
        names: &["unsuspend"],
        usage: "/unsuspend NAME",
        summary: "it can again",
        example: "/unsuspend mallory",
    },
    Entry {
        verb: Verb::Reset,
        names: &["reset"],
        usage: "/reset NAME",
        summary: "a code for a new password",
        example: "/reset alice",
    },
    Entry {
        verb: Verb::Announce,
        names: &["announce"],
        usage: "/announce TEXT",
        summary: "tell everybody",
        example: "/announce restart at 18:00",
    },
    Entry {
        verb: Verb::Reload,
        names: &["reload"],
        usage: "/reload",
        summary: "read files anew, as SIGHUP does",
        example: "/reload",
    },
    Entry {
        verb: Verb::Deeds,
        names: &["deeds"],
        usage: "/deeds [PAGE]",
        summary: "what operators did",
        example: "/deeds",
    },
    Entry {
        verb: Verb::Feed,
        names: &["feed"],
        usage: "/feed [on|off]",
        summary: "hear whom to notify, for a bridge",
        example: "/feed on",
    },
    Entry {
        verb: Verb::Backup,
        names: &["backup"],
        usage: "/backup",
        summary: "copy what is kept to a file",
        example: "/backup",
    },
];

#[cfg(test)]
mod tests {
    use crate::chat::command::Reading;

    use super::*;

    #[test]
    fn verb_has_its_entry_at_its_number() {
        for (place, entry) in COMMANDS.iter().enumerate() {
            assert_eq!(entry.verb as usize, place);
        }
    }

    #[test]
    fn name_belongs_to_one_command_and_is_found_in_any_case() {
        let mut all: Vec<&str> = COMMANDS
            .iter()
            .flat_map(|entry| entry.names)
            .copied()
            .collect();
        for name in &all {
            assert_eq!(find(&name.to_uppercase()), find(name));
            assert!(find(name).is_some());
        }
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn example_is_parsed_without_a_refusal() {
        for entry in &COMMANDS {
            let parsed = super::super::command::parse(entry.example, Reading::Commands);
            assert!(parsed.is_ok(), "{}: {parsed:?}", entry.example);
        }
    }

    #[test]
    fn example_means_its_command_with_and_without_a_name() {
        // A registered user's #NAME is text.
        for entry in &COMMANDS {
            assert!(entry.example.starts_with(['/', '@']), "{}", entry.example);
        }
    }

    #[test]
    fn misspelt_command_finds_its_nearest() {
        for (typed, meant) in [
            ("hlep", Verb::Help),
            ("JION", Verb::Join),
            ("nickname", Verb::Names),
            ("qiut", Verb::Quit),
            ("mgs", Verb::Msg),
            ("whos", Verb::Names),
            ("wh", Verb::Names),
            ("part2", Verb::Part),
        ] {
            let found = nearest(typed);
            if typed == "nickname" {
                assert_eq!(found, None);
            } else {
                assert_eq!(found, Some(meant), "{typed}");
            }
        }
        for typed in [
            "",
            "x",
            "etc",
            "foo",
            "usr",
            "zzzzzz",
            "averyveryverylongword",
        ] {
            assert_eq!(nearest(typed), None, "{typed}");
        }
    }
}
