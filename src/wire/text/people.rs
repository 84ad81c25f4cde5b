//! People: answers, news and refusals.

use std::fmt::{self, Display, Formatter};

use crate::chat::event::{
    FriendNews, FriendState, FriendView, PeopleEvent, PeopleReply, PrivacyView,
};
use crate::chat::refusal::PeopleRefusal;

use super::super::wall_time::WallTime;
use super::answer::Out;
use super::{Listed, plural};

pub(super) fn lines(reply: &PeopleReply<'_>, time: WallTime, out: Out<'_>) {
    match *reply {
        PeopleReply::Profile {
            name,
            text,
            since,
            seen,
        } => {
            if let Some(text) = text {
                out.line(format_args!("{name}: {text}"));
            }
            let since = time.at(since).date();
            match seen {
                Some(seen) => out.words(format_args!(
                    "{name} is an account since {since}, last seen on {}.",
                    time.at(seen).date()
                )),
                None => out.words(format_args!("{name} is an account since {since}.")),
            }
        }
        PeopleReply::ProfileSet {
            text: Some(text), ..
        } => out.line(format_args!("Your profile: {text}")),
        PeopleReply::ProfileSet { text: None, .. } => {
            out.words(format_args!("Your profile is empty."));
        }
        PeopleReply::Friend { name, mutual: true } => {
            out.words(format_args!("{name} and you are friends."));
        }
        PeopleReply::Friend { name, .. } => out.words(format_args!(
            "You asked {name}; once {name} asks you, each sees when the other comes."
        )),
        PeopleReply::Friends { friends } => friend_lines(friends, out),
        PeopleReply::Unfriended { name } => {
            out.words(format_args!("{name} and you are no friends."));
        }
        PeopleReply::Blocking { name } => {
            out.words(format_args!("You block {name}, now and later."));
        }
        PeopleReply::NotBlocking { name } => {
            out.words(format_args!("You block {name} no longer."));
        }
        PeopleReply::Blocked { names: [] } => out.words(format_args!("You block nobody.")),
        PeopleReply::Blocked { names } => {
            out.words(format_args!("You block {}.", Listed(names)));
        }
        PeopleReply::Privacy(view) => privacy_lines(view, out),
    }
}

fn friend_lines(friends: &[FriendView], out: Out<'_>) {
    if friends.is_empty() {
        out.words(format_args!("You have no friends; /friend NAME asks one."));
        return;
    }
    let noun = plural(friends.len(), "friend", "friends");
    out.words(format_args!("{} {noun}:", friends.len()));
    for FriendView { name, here, mutual } in friends {
        let here = if *here { "here" } else { "not here" };
        let asked = if *mutual { "" } else { ", asked" };
        out.words(format_args!("  {name}, {here}{asked}"));
    }
}

/// One line for each setting, on or off.
fn privacy_lines(view: PrivacyView, out: Out<'_>) {
    let lines = [
        (
            "hidden",
            view.hidden,
            "only friends, and who shares a room with you, see you",
            "everybody sees that you are here",
        ),
        (
            "receipts",
            view.receipts,
            "you and others who want that see what was read",
            "you neither give nor get receipts",
        ),
        (
            "seen",
            view.seen,
            "/profile shows when you were here last",
            "/profile does not show when you were here last",
        ),
        (
            "strangers",
            view.strangers,
            "guests may leave messages that wait for you",
            "only accounts may leave messages that wait for you",
        ),
        (
            "keep",
            view.keep,
            "your private conversations with accounts are kept",
            "your private conversations are not kept",
        ),
    ];
    for (setting, is_on, on, off) in lines {
        let (word, means) = if is_on { ("on", on) } else { ("off", off) };
        out.words(format_args!("{setting:9} {word:3} {means}"));
    }
}

/// News of a person.
#[derive(Debug)]
pub struct PeopleNews<'a>(pub &'a PeopleEvent<'a>);

impl Display for PeopleNews<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let PeopleEvent::Friend { name, news } = self.0;
        match news {
            FriendNews::State(FriendState::Asked) => {
                write!(f, "{name} asks to be friends: /friend {name}")
            }
            FriendNews::State(FriendState::Here) => write!(f, "Your friend {name} is here."),
            FriendNews::State(FriendState::Gone) => write!(f, "Your friend {name} is gone."),
            FriendNews::Mutual { here: true } => {
                write!(f, "{name}, who is here, and you are friends.")
            }
            FriendNews::Mutual { here: false } => write!(f, "{name} and you are friends."),
        }
    }
}

impl Display for PeopleRefusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oneself => f.write_str("That is you."),
            Self::Blocked { name } => {
                write!(f, "You block {name}. /unblock {name} first.")
            }
            Self::NotBlocked { name } => write!(f, "You do not block {name}."),
            Self::TooManyBlocked { blocks_max } => write!(
                f,
                "You block {blocks_max} accounts, the most there may be. /unblock one first."
            ),
            Self::TooManyFriends { friends_max } => {
                write!(
                    f,
                    "You have asked {friends_max}, the most there may be. /unfriend one first."
                )
            }
        }
    }
}
