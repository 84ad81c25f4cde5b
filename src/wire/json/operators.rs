//! The fields of order in the whole server.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::chat::archive::PastDeed;
use crate::chat::event::{
    BanView, Barred, BarredFrom, ListedBanView, OperatorEvent, OperatorReply, Reply,
};

use super::super::text::operators::{OperatorNews, Whom};
use super::super::wall_time::WallTime;
use super::replies::paging_fields;
use super::{optional, text_field};

pub(super) fn type_of(event: &OperatorEvent<'_>) -> &'static str {
    match event {
        OperatorEvent::Announcement { .. } => "announcement",
        OperatorEvent::Barred(_) | OperatorEvent::Unmuted | OperatorEvent::Deed { .. } => "notice",
    }
}

pub(super) fn event_fields<M: SerializeMap>(
    map: &mut M,
    event: &OperatorEvent<'_>,
    unix_ms: u64,
) -> Result<(), M::Error> {
    match event {
        OperatorEvent::Announcement { text } => return map.serialize_entry("text", text),
        OperatorEvent::Barred(barred) => barred_fields(map, barred)?,
        OperatorEvent::Unmuted => map.serialize_entry("code", "unmuted")?,
        OperatorEvent::Deed { deed } => {
            map.serialize_entry("code", "deed")?;
            map.serialize_entry("deed", &DeedFields(deed))?;
        }
    }
    let time = WallTime::default().at(unix_ms);
    map.serialize_entry("text", &OperatorNews(event, time).to_string())
}

fn barred_fields<M: SerializeMap>(map: &mut M, barred: &Barred<'_>) -> Result<(), M::Error> {
    let code = match barred.from {
        BarredFrom::Staying => "kicked",
        BarredFrom::Coming => "banned",
        BarredFrom::Account => "suspended",
        BarredFrom::BeingGuest => "login_required",
        BarredFrom::Speaking => "muted",
    };
    map.serialize_entry("code", code)?;
    optional(map, "until", barred.until.as_ref())?;
    optional(map, "by", barred.by)?;
    let why = Some(barred.why).filter(|why| !why.is_empty());
    optional(map, "why", why.as_ref())
}

pub(super) fn fields<M: SerializeMap>(
    map: &mut M,
    reply: &OperatorReply<'_>,
) -> Result<(), M::Error> {
    match *reply {
        OperatorReply::Kicked { name }
        | OperatorReply::Unmuted { name }
        | OperatorReply::Suspended { name }
        | OperatorReply::Unsuspended { name } => map.serialize_entry("name", name),
        OperatorReply::Muted { name, until } => {
            map.serialize_entry("name", name)?;
            optional(map, "until", until.as_ref())
        }
        OperatorReply::Ban(ban) => ban_fields(map, &ban),
        OperatorReply::Bans {
            bans,
            total,
            page,
            pages,
            in_file,
        } => {
            map.serialize_entry("bans", &Seq(bans, ListedBanFields))?;
            map.serialize_entry("in_file", &in_file)?;
            paging_fields(map, total, page, pages)
        }
        OperatorReply::Unbanned { number } => map.serialize_entry("ban", &number),
        OperatorReply::Code { name, code, until } => {
            map.serialize_entry("name", name)?;
            map.serialize_entry("code", code)?;
            map.serialize_entry("until", &until)
        }
        OperatorReply::Announced { text } => map.serialize_entry("text", text),
        OperatorReply::Reloading => text_field(map, Reply::Operator(*reply)),
        OperatorReply::Deeds {
            deeds,
            total,
            page,
            pages,
        } => {
            map.serialize_entry("deeds", &Seq(deeds, DeedFields))?;
            paging_fields(map, total, page, pages)
        }
        OperatorReply::BackedUp { file } => map.serialize_entry("file", file),
    }
}

fn ban_fields<M: SerializeMap>(map: &mut M, ban: &BanView<'_>) -> Result<(), M::Error> {
    map.serialize_entry("ban", &ban.number)?;
    map.serialize_entry("whom", &Whom(ban.whom).to_string())?;
    map.serialize_entry("kind", ban.kind.word())?;
    optional(map, "until", ban.until.as_ref())?;
    map.serialize_entry("matches", &ban.matches)?;
    map.serialize_entry("done", &ban.number.is_some())
}

/// A list, of which each item is wrapped.
struct Seq<'a, T, W>(&'a [T], fn(&'a T) -> W);

impl<T, W: Serialize> Serialize for Seq<'_, T, W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

struct ListedBanFields<'a>(&'a ListedBanView<'a>);

impl Serialize for ListedBanFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ban = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ban", &ban.number)?;
        map.serialize_entry("whom", &Whom(ban.whom).to_string())?;
        map.serialize_entry("kind", ban.kind.word())?;
        optional(&mut map, "until", ban.until.as_ref())?;
        map.serialize_entry("why", ban.why)?;
        map.serialize_entry("by", ban.by)?;
        map.serialize_entry("at", &ban.at)?;
        map.end()
    }
}

struct DeedFields<'a>(&'a PastDeed);

impl Serialize for DeedFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let deed = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("at", &deed.at)?;
        map.serialize_entry("who", &deed.who)?;
        map.serialize_entry("what", &deed.what)?;
        optional(&mut map, "whom", deed.whom.as_ref())?;
        optional(&mut map, "room", deed.room.as_ref())?;
        optional(&mut map, "text", deed.text.as_ref())?;
        map.end()
    }
}
