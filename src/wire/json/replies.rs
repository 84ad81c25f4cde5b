//! The fields of answers.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::chat::event::{
    MembershipReply, QueryReply, Reply, RoomSummary, SessionReply, SettingReply, Whois,
};
use crate::chat::stats::ServerStats;

use super::super::text;
use super::views::view_fields;
use super::{
    accounts, calls, history, millis, moderation, operators, optional, people, text_field,
};

/// What an answer tells beside that something was done.
pub(super) fn fields<M: SerializeMap>(map: &mut M, reply: &Reply<'_>) -> Result<(), M::Error> {
    match reply {
        Reply::Done => Ok(()),
        Reply::Session(reply) => session_fields(map, reply),
        Reply::Membership(reply) => membership_fields(map, reply),
        Reply::Query(reply) => query_fields(map, reply),
        Reply::Setting(reply) => setting_fields(map, reply),
        Reply::Said(reply) => history::said_fields(map, reply),
        Reply::Account(reply) => accounts::fields(map, reply),
        Reply::History(reply) => history::fields(map, reply),
        Reply::People(reply) => people::fields(map, reply),
        Reply::Call(reply) => calls::fields(map, reply),
        Reply::Moderation(reply) => moderation::fields(map, reply),
        Reply::Operator(reply) => operators::fields(map, reply),
    }
}

fn session_fields<M: SerializeMap>(map: &mut M, reply: &SessionReply<'_>) -> Result<(), M::Error> {
    match reply {
        SessionReply::Registered { name, entered } => {
            map.serialize_entry("name", name)?;
            view_fields(map, entered)
        }
        SessionReply::Outside { name } => {
            map.serialize_entry("name", name)?;
            map.serialize_entry("room", &None::<&str>)
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
        | SessionReply::Help { .. }
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
        SettingReply::Bell(bell) => map.serialize_entry("bell", bell.word()),
        SettingReply::Away { .. } | SettingReply::Back => text_field(map, Reply::Setting(*reply)),
    }
}

pub(super) fn paging_fields<M: SerializeMap>(
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
    match whois.peer.as_ref().or(whois.peers.first()) {
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
    map.serialize_entry("not_kept", &server.not_kept)?;
    map.serialize_entry("store_broken", &server.store_is_broken)?;
    map.serialize_entry("uptime_ms", &millis(server.uptime))?;
    map.serialize_entry("busy_permille", &server.busy_permille)?;
    map.serialize_entry("closed", &Closed(server))
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

impl Serialize for RoomSummary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("room", self.room)?;
        map.serialize_entry("users", &self.users)?;
        optional(&mut map, "topic", self.topic.as_ref())?;
        map.end()
    }
}
