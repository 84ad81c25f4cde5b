//! The lines of an answer in plain mode. JSON mode carries them as `text` where no field is better.

use std::fmt::{self, Arguments, Display, Formatter};

use crate::chat::close_reason::CloseReason;
use crate::chat::command::{Mode, Verb};
use crate::chat::event::{
    MembershipReply, QueryReply, Reply, RoomSummary, RoomView, SessionReply, SettingReply, Whois,
};
use crate::chat::stats::{Counts, ServerStats};

use super::super::command_table::{self, COMMANDS};
use super::durations::HumanDuration;
use super::{Listed, VERSION, plural};

/// Takes the lines of an answer, each without its prefix and its end.
pub trait Answer {
    /// A line of the server's own words, which may be broken between them.
    fn words(&mut self, words: Arguments<'_>);

    /// A line that has a user's text in it, and stays whole.
    fn line(&mut self, text: Arguments<'_>);
}

type Out<'a> = &'a mut dyn Answer;

/// Passes each line of an answer to `out`. Most answers have one; `Done` has none.
pub fn answer(reply: &Reply<'_>, out: Out<'_>) {
    match reply {
        Reply::Done => {}
        Reply::Session(reply) => session_lines(reply, out),
        Reply::Membership(reply) => membership_lines(reply, out),
        Reply::Query(reply) => query_lines(reply, out),
        Reply::Setting(reply) => setting_lines(reply, out),
        Reply::Said(_) | Reply::Account(_) | Reply::History(_) => {}
    }
}

fn session_lines(reply: &SessionReply<'_>, out: Out<'_>) {
    match *reply {
        SessionReply::Registered { name, entered } => {
            out.words(format_args!("You are registered as {name}."));
            entered_lines(&entered, out);
        }
        SessionReply::Renamed { name } => out.words(format_args!("You are now {name}.")),
        SessionReply::Mode(Mode::Plain) => out.words(format_args!("The mode is plain.")),
        SessionReply::Mode(Mode::Json) => out.words(format_args!("The mode is json.")),
        SessionReply::Help(None) => help_lines(out),
        SessionReply::Help(Some(verb)) => help_on(verb, out),
        SessionReply::Version {
            server_name: "chinwag",
        } => out.words(format_args!("chinwag {VERSION}")),
        SessionReply::Version { server_name } => {
            out.words(format_args!("{server_name} runs chinwag {VERSION}"));
        }
        SessionReply::Pong { text: "" } => out.words(format_args!("pong")),
        SessionReply::Pong { text } => out.line(format_args!("pong {text}")),
        SessionReply::Stats {
            server_name,
            counts,
            server,
        } => stats_lines(server_name, counts, server, out),
        SessionReply::Bye => out.words(format_args!("Bye.")),
    }
}

fn membership_lines(reply: &MembershipReply<'_>, out: Out<'_>) {
    match *reply {
        MembershipReply::Joined(entered) => {
            entered_lines(&entered, out);
            out.words(format_args!(
                "What you type is said in {} now.",
                entered.room
            ));
        }
        MembershipReply::Parted {
            room,
            current: Some(current),
        } => out.words(format_args!(
            "You have left {room}. You are in {current} now."
        )),
        MembershipReply::Parted {
            room,
            current: None,
        } => out.words(format_args!(
            "You have left {room}. You are in no room now; /join ROOM enters one."
        )),
    }
}

fn query_lines(reply: &QueryReply<'_>, out: Out<'_>) {
    match *reply {
        QueryReply::Rooms {
            rooms,
            total,
            page,
            pages,
        } => {
            let paging = Paging { page, pages };
            let noun = plural(total, "room", "rooms");
            out.words(format_args!("{total} {noun}{paging}:"));
            for room in rooms {
                room_line(room, out);
            }
        }
        QueryReply::Names {
            room,
            total,
            names,
            page,
            pages,
        } => {
            let paging = Paging { page, pages };
            match room {
                Some(room) => out.words(format_args!("{total} in {room}{paging}:")),
                None => out.words(format_args!("{total} registered{paging}:")),
            }
            out.words(format_args!("  {}", Listed(names)));
        }
        QueryReply::Whois(whois) => whois_lines(&whois, out),
    }
}

fn setting_lines(reply: &SettingReply<'_>, out: Out<'_>) {
    match *reply {
        SettingReply::Topic {
            room,
            text: Some(text),
        } => out.line(format_args!("The topic of {room} is: {text}")),
        SettingReply::Topic { room, text: None } => {
            out.words(format_args!("{room} has no topic. /topic TEXT sets one."));
        }
        SettingReply::Away { text: "" } => {
            out.words(format_args!("You are away now. /back ends it."));
        }
        SettingReply::Away { text } => {
            out.line(format_args!("You are away now: {text} (/back ends it.)"));
        }
        SettingReply::Back => out.words(format_args!("You are back.")),
        SettingReply::Ignoring { name } => out.words(format_args!("You ignore {name} now.")),
        SettingReply::NotIgnoring { name } => {
            out.words(format_args!("You no longer ignore {name}."));
        }
        SettingReply::Ignored { names: [] } => out.words(format_args!("You ignore nobody.")),
        SettingReply::Ignored { names } => out.words(format_args!("You ignore {}.", Listed(names))),
        SettingReply::Quiet(on) => out.words(format_args!(
            "Quiet is {}: you get {} of who joins, leaves or is renamed.",
            on_off(on),
            if on { "no notices" } else { "notices" }
        )),
        SettingReply::Echo(on) => out.words(format_args!(
            "Echo is {}: your own lines {}.",
            on_off(on),
            if on {
                "come back as others see them"
            } else {
                "do not come back"
            }
        )),
        SettingReply::Raw(true) => out.words(format_args!(
            "Raw is on: every line is said as it is, until you type /raw off."
        )),
        SettingReply::Raw(false) => out.words(format_args!(
            "Raw is off: the first characters of a line decide what it is."
        )),
        SettingReply::Times(on) => out.words(format_args!(
            "Times are {}: lines from people come {} their time.",
            on_off(on),
            if on { "with" } else { "without" }
        )),
    }
}

fn entered_lines(view: &RoomView<'_>, out: Out<'_>) {
    let RoomView {
        room,
        topic,
        others,
        names,
        ..
    } = *view;
    let more = others.saturating_sub(names.len());
    let noun = plural(others, "other", "others");
    match (others, more) {
        (0, _) => out.words(format_args!("You are in {room}, and nobody else is.")),
        (_, 0) => out.words(format_args!(
            "You are in {room} with {others} {noun}: {}.",
            Listed(names)
        )),
        _ => out.words(format_args!(
            "You are in {room} with {others} {noun}: {}, and {more} more.",
            Listed(names)
        )),
    }
    if let Some(topic) = topic {
        out.line(format_args!("The topic of {room} is: {topic}"));
    }
}

fn whois_lines(whois: &Whois<'_>, out: Out<'_>) {
    let name = whois.name;
    out.words(format_args!(
        "{name} has been here for {}, idle for {}.",
        HumanDuration(whois.connected),
        HumanDuration(whois.idle)
    ));
    match whois.away {
        Some("") => out.words(format_args!("{name} is away.")),
        Some(text) => out.line(format_args!("{name} is away: {text}")),
        None => {}
    }
    match whois.rooms {
        [] => out.words(format_args!("You share no room.")),
        rooms => out.words(format_args!("Rooms you share: {}.", Listed(rooms))),
    }
    if let Some(peer) = whois.peer {
        out.words(format_args!("You are connected from {peer}."));
    }
}

fn stats_lines(server_name: &str, counts: Counts, server: &ServerStats, out: Out<'_>) {
    out.words(format_args!(
        "{server_name} has been up for {}; the loop was {} busy of late.",
        HumanDuration(server.uptime),
        Permille(server.busy_permille),
    ));
    out.words(format_args!(
        "{} connected, {} registered, {} {}.",
        counts.clients,
        counts.registered,
        counts.rooms,
        plural(counts.rooms, "room", "rooms"),
    ));
    out.words(format_args!(
        "Lines: {} in, {} out, {} skipped for slow readers. Bytes: {} in, {} out.",
        server.lines_in, server.lines_out, server.skipped, server.bytes_in, server.bytes_out,
    ));
    let closed: u64 = server.closed.iter().sum();
    out.words(format_args!(
        "Connections: {closed} closed, {} refused.",
        server.refused
    ));
    for reason in CloseReason::ALL {
        match server.closed.get(reason.index()) {
            Some(0) | None => {}
            Some(count) => out.words(format_args!("  {count} closed: {}", reason.as_str())),
        }
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
fn help_lines(out: Out<'_>) {
    const USAGE_WIDTH: usize = 23;
    for entry in &COMMANDS {
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
        "Anything else is said in the room. /help COMMAND shows an example."
    ));
}

fn room_line(room: &RoomSummary<'_>, out: Out<'_>) {
    let RoomSummary { room, users, topic } = *room;
    let noun = plural(users, "user", "users");
    match topic {
        Some(topic) => out.line(format_args!("  {room}, {users} {noun}: {topic}")),
        None => out.words(format_args!("  {room}, {users} {noun}")),
    }
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

/// The page and the number of pages, unless there is only one.
struct Paging {
    page: usize,
    pages: usize,
}

impl Display for Paging {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.pages > 1 {
            write!(f, ", page {} of {}", self.page, self.pages)
        } else {
            Ok(())
        }
    }
}

/// Thousandths as a percentage.
struct Permille(u32);

impl Display for Permille {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} %", self.0 / 10, self.0 % 10)
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Collected<'a>(&'a mut Vec<String>);

    impl Answer for Collected<'_> {
        fn words(&mut self, words: Arguments<'_>) {
            self.0.push(format!("* {words}"));
        }

        fn line(&mut self, text: Arguments<'_>) {
            self.words(text);
        }
    }

    #[test]
    fn help_fits_on_one_screen() {
        let mut lines = Vec::new();
        session_lines(&SessionReply::Help(None), &mut Collected(&mut lines));
        assert!(lines.len() <= 22, "{} lines", lines.len());
        for line in &lines {
            assert!(line.len() < 80, "{line}");
        }
    }
}
