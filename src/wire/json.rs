//! Events as JSON, one object a line.

use std::fmt::Arguments;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::chat::event::{
    Event, MembershipReply, Notice, QueryReply, Reply, RoomSummary, RoomView, SessionReply,
    SettingReply, Whois,
};
use crate::chat::name::{Name, RoomName};
use crate::chat::stats::ServerStats;

use super::framing::LineWriter;
use super::text;
use super::text::replies::{self, Answer};

/// Writes `event` as one line. `unix_ms` is the time that it happened.
pub fn encode(lines: &mut LineWriter<'_>, event: &Event<'_>, unix_ms: u64) {
    // All keys are strings, so this cannot fail.
    lines.line(|out| serde_json::to_writer(out, &Line { event, unix_ms }));
}

struct Line<'a> {
    event: &'a Event<'a>,
    unix_ms: u64,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", type_of(self.event))?;
        map.serialize_entry("time", &self.unix_ms)?;
        match self.event {
            Event::Private { from, to, text, id } | Event::Sent { from, to, text, id } => {
                map.serialize_entry("from", from)?;
                map.serialize_entry("to", to)?;
                map.serialize_entry("text", text)?;
                optional(&mut map, "id", id.map(|id| id.0).as_ref())?;
            }
            Event::Message {
                room,
                from,
                text,
                id,
            }
            | Event::Action {
                room,
                from,
                text,
                id,
            } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("from", from)?;
                map.serialize_entry("text", text)?;
                optional(&mut map, "id", id.map(|id| id.0).as_ref())?;
            }
            Event::Topic { room, from, text } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("from", from)?;
                map.serialize_entry("text", text.unwrap_or_default())?;
            }
            Event::Join { room, name } | Event::OwnJoin { room, name } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("name", name)?;
            }
            Event::OwnLeave {
                room,
                name,
                current,
                ..
            } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("name", name)?;
                optional(&mut map, "current", current.as_ref())?;
            }
            Event::Leave {
                room,
                name,
                gone,
                text,
            } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("name", name)?;
                optional(&mut map, "gone", gone.then_some(&true))?;
                optional(&mut map, "text", text.as_ref())?;
            }
            Event::Rename { name, new_name } => {
                map.serialize_entry("name", name)?;
                map.serialize_entry("new_name", new_name)?;
            }
            Event::Presence {
                room,
                joined,
                left,
                names,
            } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("joined", joined)?;
                map.serialize_entry("left", left)?;
                map.serialize_entry("names", names)?;
            }
            Event::Missed { room, count } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("count", count)?;
            }
            Event::History { .. }
            | Event::Late { .. }
            | Event::Forgotten { .. }
            | Event::Kept { .. } => {}
            Event::Notice(notice) => notice_fields(&mut map, notice)?,
            Event::Ok(reply) => reply_fields(&mut map, reply)?,
            Event::Error(refusal) => {
                map.serialize_entry("code", refusal.code())?;
                map.serialize_entry("text", &refusal.to_string())?;
            }
        }
        map.end()
    }
}

fn type_of(event: &Event<'_>) -> &'static str {
    match event {
        Event::Private { .. } | Event::Sent { .. } => "private",
        Event::Message { .. } => "message",
        Event::Action { .. } => "action",
        Event::Join { .. } | Event::OwnJoin { .. } => "join",
        Event::Leave { .. } | Event::OwnLeave { .. } => "leave",
        Event::Rename { .. } => "rename",
        Event::Presence { .. } => "presence",
        Event::Topic { .. } => "topic",
        Event::Missed { .. } => "missed",
        Event::History { .. } => "history",
        Event::Late { .. } => "private",
        Event::Forgotten { .. } => "forgotten",
        Event::Kept { .. } => "rule",
        Event::Notice(_) => "notice",
        Event::Ok(_) => "ok",
        Event::Error(_) => "error",
    }
}

fn notice_fields<M: SerializeMap>(map: &mut M, notice: &Notice<'_>) -> Result<(), M::Error> {
    map.serialize_entry("text", &notice.to_string())?;
    match notice {
        // For scripts: fields beside the words.
        Notice::Undelivered { to, count } => {
            map.serialize_entry("code", "not_delivered")?;
            map.serialize_entry("name", to)?;
            map.serialize_entry("count", count)
        }
        Notice::IsAway { name, .. } => map.serialize_entry("name", name),
        Notice::PageEnd { .. }
        | Notice::Cancelled
        | Notice::NotKept { .. }
        | Notice::WhoReads
        | Notice::NotEncrypted
        | Notice::Replaced
        | Notice::AccountEnded
        | Notice::Connected(_)
        | Notice::HowToRegister
        | Notice::HowToRename { .. }
        | Notice::Motd(_)
        | Notice::Here { .. }
        | Notice::RateLimited { .. }
        | Notice::NotUtf8
        | Notice::UnendedSubnegotiation
        | Notice::ShuttingDown
        | Notice::Closing(_) => Ok(()),
    }
}

fn reply_fields<M: SerializeMap>(map: &mut M, reply: &Reply<'_>) -> Result<(), M::Error> {
    match reply {
        Reply::Done => Ok(()),
        Reply::Session(reply) => session_fields(map, reply),
        Reply::Membership(reply) => membership_fields(map, reply),
        Reply::Query(reply) => query_fields(map, reply),
        Reply::Setting(reply) => setting_fields(map, reply),
        Reply::Said(_) | Reply::Account(_) | Reply::History(_) => Ok(()),
    }
}

fn session_fields<M: SerializeMap>(map: &mut M, reply: &SessionReply<'_>) -> Result<(), M::Error> {
    match reply {
        SessionReply::Registered { name, entered } => {
            map.serialize_entry("name", name)?;
            view_fields(map, entered)
        }
        SessionReply::Renamed { name } => map.serialize_entry("name", name),
        SessionReply::Version { server_name } => {
            map.serialize_entry("server", server_name)?;
            map.serialize_entry("version", text::VERSION)?;
            text_field(map, Reply::Session(*reply))
        }
        SessionReply::Stats {
            server_name,
            counts,
            server,
        } => {
            map.serialize_entry("server", server_name)?;
            map.serialize_entry("clients", &counts.clients)?;
            map.serialize_entry("registered", &counts.registered)?;
            map.serialize_entry("rooms", &counts.rooms)?;
            stats_fields(map, server)
        }
        SessionReply::Mode(_)
        | SessionReply::Help(_)
        | SessionReply::Pong { .. }
        | SessionReply::Bye => text_field(map, Reply::Session(*reply)),
    }
}

fn membership_fields<M: SerializeMap>(
    map: &mut M,
    reply: &MembershipReply<'_>,
) -> Result<(), M::Error> {
    match reply {
        MembershipReply::Joined(view) => view_fields(map, view),
        MembershipReply::Parted { room, current } => {
            map.serialize_entry("room", room)?;
            optional(map, "current", current.as_ref())
        }
    }
}

fn query_fields<M: SerializeMap>(map: &mut M, reply: &QueryReply<'_>) -> Result<(), M::Error> {
    match reply {
        QueryReply::Rooms {
            rooms,
            total,
            page,
            pages,
        } => {
            map.serialize_entry("rooms", rooms)?;
            paging_fields(map, *total, *page, *pages)
        }
        QueryReply::Names {
            room,
            total,
            names,
            page,
            pages,
        } => {
            optional(map, "room", room.as_ref())?;
            map.serialize_entry("users", names)?;
            paging_fields(map, *total, *page, *pages)
        }
        QueryReply::Whois(whois) => whois_fields(map, whois),
    }
}

fn setting_fields<M: SerializeMap>(map: &mut M, reply: &SettingReply<'_>) -> Result<(), M::Error> {
    match reply {
        SettingReply::Topic { room, text } => {
            map.serialize_entry("room", room)?;
            optional(map, "text", text.as_ref())
        }
        SettingReply::Ignoring { name } | SettingReply::NotIgnoring { name } => {
            map.serialize_entry("name", name)
        }
        SettingReply::Ignored { names } => map.serialize_entry("users", names),
        SettingReply::Quiet(on) => map.serialize_entry("quiet", on),
        SettingReply::Echo(on) => map.serialize_entry("echo", on),
        SettingReply::Raw(on) => map.serialize_entry("raw", on),
        SettingReply::Times(on) => map.serialize_entry("times", on),
        SettingReply::Away { .. } | SettingReply::Back => text_field(map, Reply::Setting(*reply)),
    }
}

/// The text of plain mode, its lines not broken.
fn text_field<M: SerializeMap>(map: &mut M, reply: Reply<'_>) -> Result<(), M::Error> {
    let mut text = Text(String::new());
    replies::answer(&reply, &mut text);
    map.serialize_entry("text", &text.0)
}

/// Lines with LF between them.
struct Text(String);

impl Answer for Text {
    fn words(&mut self, words: Arguments<'_>) {
        self.line(words);
    }

    fn line(&mut self, text: Arguments<'_>) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(&text.to_string());
    }
}

fn view_fields<M: SerializeMap>(map: &mut M, view: &RoomView<'_>) -> Result<(), M::Error> {
    map.serialize_entry("room", view.room)?;
    optional(map, "topic", view.topic.as_ref())?;
    map.serialize_entry("others", &view.others)?;
    map.serialize_entry("users", view.names)
}

fn paging_fields<M: SerializeMap>(
    map: &mut M,
    total: usize,
    page: usize,
    pages: usize,
) -> Result<(), M::Error> {
    map.serialize_entry("total", &total)?;
    map.serialize_entry("page", &page)?;
    map.serialize_entry("pages", &pages)
}

fn whois_fields<M: SerializeMap>(map: &mut M, whois: &Whois<'_>) -> Result<(), M::Error> {
    map.serialize_entry("name", whois.name)?;
    map.serialize_entry("connected_ms", &millis(whois.connected))?;
    map.serialize_entry("idle_ms", &millis(whois.idle))?;
    optional(map, "away", whois.away.as_ref())?;
    map.serialize_entry("rooms", whois.rooms)?;
    match whois.peer {
        Some(peer) => map.serialize_entry("address", &peer.to_string()),
        None => Ok(()),
    }
}

fn stats_fields<M: SerializeMap>(map: &mut M, server: &ServerStats) -> Result<(), M::Error> {
    map.serialize_entry("lines_in", &server.lines_in)?;
    map.serialize_entry("lines_out", &server.lines_out)?;
    map.serialize_entry("bytes_in", &server.bytes_in)?;
    map.serialize_entry("bytes_out", &server.bytes_out)?;
    map.serialize_entry("skipped", &server.skipped)?;
    map.serialize_entry("refused", &server.refused)?;
    map.serialize_entry("uptime_ms", &millis(server.uptime))?;
    map.serialize_entry("busy_permille", &server.busy_permille)?;
    map.serialize_entry("closed", &Closed(server))
}

fn optional<M: SerializeMap, T: Serialize>(
    map: &mut M,
    key: &str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, value))
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The number of connections that ended, by reason.
struct Closed<'a>(&'a ServerStats);

impl Serialize for Closed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use crate::chat::close_reason::CloseReason;
        let counts = CloseReason::ALL.iter().zip(&self.0.closed);
        serializer.collect_map(counts.map(|(reason, count)| (reason.as_str(), count)))
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for RoomName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for RoomSummary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("room", self.room)?;
        map.serialize_entry("users", &self.users)?;
        optional(&mut map, "topic", self.topic.as_ref())?;
        map.end()
    }
}
