//! The fields of answers about accounts.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::chat::archive::Token;
use crate::chat::event::{AccountReply, LoggedIn, Missed, Need, Reply};

use super::views::room_fields;
use super::{optional, text_field};

pub(super) fn fields<M: SerializeMap>(
    map: &mut M,
    reply: &AccountReply<'_>,
) -> Result<(), M::Error> {
    match *reply {
        AccountReply::Guest { name } => {
            optional(map, "name", name.as_ref())?;
            text_field(map, Reply::Account(*reply))
        }
        AccountReply::Account {
            name,
            since,
            tokens,
            connections,
            settings,
        } => {
            map.serialize_entry("name", name)?;
            map.serialize_entry("since", &since)?;
            map.serialize_entry("tokens", &tokens)?;
            map.serialize_entry("connections", &connections)?;
            map.serialize_entry("settings", &settings)
        }
        AccountReply::Needs(need) => map.serialize_entry("needs", word_of(need)),
        AccountReply::Made { name }
        | AccountReply::PasswordChanged { name }
        | AccountReply::Dropped { name } => map.serialize_entry("name", name),
        AccountReply::LoggedIn(logged_in) => logged_in_fields(map, &logged_in),
        AccountReply::LoggedOut => text_field(map, Reply::Account(*reply)),
        AccountReply::Tokens { tokens } => map.serialize_entry("tokens", tokens),
        AccountReply::TokenMade { label, token } => {
            map.serialize_entry("label", label)?;
            map.serialize_entry("token", token)
        }
        AccountReply::TokenDropped { label } => map.serialize_entry("label", label),
    }
}

fn word_of(need: Need<'_>) -> &'static str {
    match need {
        Need::Password(_) => "password",
        Need::NewPassword(_) => "new_password",
        Need::NameToDrop(_) => "name",
    }
}

fn logged_in_fields<M: SerializeMap>(
    map: &mut M,
    logged_in: &LoggedIn<'_>,
) -> Result<(), M::Error> {
    map.serialize_entry("name", logged_in.name)?;
    map.serialize_entry("connections", &logged_in.connections)?;
    match &logged_in.entered {
        Some(view) => room_fields(map, view)?,
        None => map.serialize_entry("room", &())?,
    }
    map.serialize_entry("missed", &AllMissed(logged_in))?;
    map.serialize_entry("waiting", &logged_in.waiting)
}

/// What was missed, in the room that was entered and in others, each once.
struct AllMissed<'a>(&'a LoggedIn<'a>);

impl Serialize for AllMissed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first: Option<Missed> = self.0.entered.and_then(|view| view.missed);
        let others = self.0.missed.iter().copied();
        let others = others.filter(|missed| Some(*missed) != first);
        serializer.collect_seq(first.into_iter().chain(others))
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("label", &self.label)?;
        map.serialize_entry("made", &self.made)?;
        optional(&mut map, "used", self.used.as_ref())?;
        map.end()
    }
}
