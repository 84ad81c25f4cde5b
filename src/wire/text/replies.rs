//! The lines of an answer in plain mode. JSON mode carries them as `text` where no field is better.

use std::fmt::{self, Display, Formatter};

use crate::chat::close_reason::CloseReason;
use crate::chat::command::Mode;
use crate::chat::event::{
    MembershipReply, QueryReply, Reply, RoomSummary, SessionReply, SettingReply, Whois,
};
use crate::chat::stats::{Counts, ServerStats};

use super::super::wall_time::WallTime;
use super::answer::Out;
use super::durations::HumanDuration;
use super::{
    Listed, VERSION, accounts, calls, help, history, moderation, operators, people, plural, rooms,
};

/// Passes each line of an answer to `out`. Most answers have one; `Done` has none.
/// `time` is now.
pub fn answer(reply: &Reply<'_>, time: WallTime, out: Out<'_>) {
    match reply {
        Reply::Done => {}
        Reply::Session(reply) => session_lines(reply, time, out),
        Reply::Membership(reply) => membership_lines(reply, time, out),
        Reply::Query(reply) => query_lines(reply, out),
        Reply::Setting(reply) => setting_lines(reply, out),
        Reply::Said(reply) => history::said_lines(reply, out),
        Reply::Account(reply) => accounts::lines(reply, time, out),
        Reply::History(reply) => history::lines(reply, out),
        Reply::People(reply) => people::lines(reply, time, out),
        Reply::Call(reply) => calls::lines(reply, out),
        Reply::Moderation(reply) => moderation::lines(reply, time, out),
        Reply::Operator(reply) => operators::lines(reply, time, out),
    }
}

fn session_lines(reply: &SessionReply<'_>, time: WallTime, out: Out<'_>) {
    match *reply {
        SessionReply::Registered { name, entered } => {
            out.words(format_args!("You are registered as {name}."));
            rooms::entered_lines(&entered, time, out);
        }
        SessionReply::Outside { name } => out.words(format_args!(
            "You are registered as {name}, and in no room; /join ROOM enters one."
        )),
        SessionReply::Renamed { name } => out.words(format_args!("You are now {name}.")),
        SessionReply::Mode(Mode::Plain) => out.words(format_args!("The mode is plain.")),
        SessionReply::Mode(Mode::Json) => out.words(format_args!("The mode is json.")),
        SessionReply::Help { topic, rights } => help::lines(topic, rights, out),
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

fn membership_lines(reply: &MembershipReply<'_>, time: WallTime, out: Out<'_>) {
    match *reply {
        MembershipReply::Joined(entered) => {
            rooms::entered_lines(&entered, time, out);
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
        SettingReply::Bell(bell) => out.words(format_args!("Bell: {}.", bell.word())),
        SettingReply::Times(on) => out.words(format_args!(
            "Times are {}: lines from people come {} their time.",
            on_off(on),
            if on { "with" } else { "without" }
        )),
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
    for peer in whois.peers {
        out.words(format_args!("They are connected from {peer}."));
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
    if server.store_is_broken {
        out.words(format_args!(
            "Nothing is kept any more: the store is damaged, or its disk fails.",
        ));
    } else if server.not_kept > 0 {
        let noun = plural(
            usize::try_from(server.not_kept).unwrap_or(2),
            "line",
            "lines",
        );
        out.words(format_args!(
            "{} {noun} could not be kept.",
            server.not_kept
        ));
    }
    for reason in CloseReason::ALL {
        match server.closed.get(reason.index()) {
            Some(0) | None => {}
            Some(count) => out.words(format_args!("  {count} closed: {}", reason.as_str())),
        }
    }
}

fn room_line(room: &RoomSummary<'_>, out: Out<'_>) {
    let RoomSummary { room, users, topic } = *room;
    let noun = plural(users, "user", "users");
    match topic {
        Some(topic) => out.line(format_args!("  {room}, {users} {noun}: {topic}")),
        None => out.words(format_args!("  {room}, {users} {noun}")),
    }
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
