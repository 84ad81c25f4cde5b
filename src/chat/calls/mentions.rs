//! Names in what is said, and which lines ring.

use arrayvec::ArrayVec;

use crate::chat::command::{Bell, Mode};
use crate::chat::event::SettingReply;
use crate::chat::ids::{ClientId, UserId};
use crate::chat::name::Name;
use crate::chat::outbox::Outbox;
use crate::chat::rooms::Room;
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome, Sender, answer};

/// Words of a line that are looked up: more than anybody says at once, and some microseconds' work.
pub const MENTION_WORDS_MAX: usize = 256;

/// Users that one line calls; who lists more of them calls nobody else.
pub const MENTIONED_MAX: usize = 16;

/// The users whose names a line has.
pub(in crate::chat) type Mentioned = ArrayVec<UserId, MENTIONED_MAX>;

impl Chat {
    /// The other members of a room whose names are words of `text`; none if nobody there wants to know.
    pub(in crate::chat) fn mentioned_in(
        &self,
        room: &Room,
        sender: &Sender,
        text: &str,
    ) -> Mentioned {
        let mut mentioned = Mentioned::new();
        if !room.members.want_mentions() {
            return mentioned;
        }
        for word in words(text).take(MENTION_WORDS_MAX) {
            let Some(user) = self.find_word(word) else {
                continue;
            };
            let record = self.directory.user(user);
            let is_here = record.is_some_and(|record| {
                let mut rooms = record.rooms.iter();
                rooms.any(|own| {
                    self.rooms
                        .get(own.room)
                        .is_some_and(|own| own.name == room.name)
                })
            });
            if is_here && user != sender.user && !mentioned.contains(&user) {
                // Past the last place nobody is called.
                let _ = mentioned.try_push(user);
            }
        }
        mentioned
    }

    /// The user of this name, with strokes around it or without.
    fn find_word(&self, word: &str) -> Option<UserId> {
        let find = |word| self.directory.find(&Name::parse(word).ok()?);
        find(word).or_else(|| {
            let bare = word.trim_matches(['-', '_']);
            if bare == word { None } else { find(bare) }
        })
    }

    /// Members who are away were called.
    pub(in crate::chat) fn note_mentions<O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        mentioned: &[UserId],
        outbox: &mut O,
    ) {
        for user in mentioned {
            if !self.is_deaf_to(*user, sender.user) {
                self.call_away(now.timestamp, *user, outbox);
            }
        }
    }

    /// `/bell`
    pub(in crate::chat) fn ring<'a, O: Outbox>(
        &mut self,
        sender: &Sender,
        bell: Option<Bell>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let bell = bell.unwrap_or_else(|| outbox.bell(sender.client));
        outbox.set_bell(sender.client, bell);
        self.note_calls(sender.client, outbox);
        answer(outbox, sender.client, SettingReply::Bell(bell))
    }

    /// A connection is its user's no more, and so is its bell.
    pub(in crate::chat) fn forget_bell<O: Outbox>(&mut self, id: ClientId, outbox: &mut O) {
        outbox.set_bell(id, Bell::Off);
        self.note_calls(id, outbox);
    }

    /// The mode or the bell of a connection may have changed, and with it whether it wants to know of mentions.
    pub(in crate::chat) fn note_calls<O: Outbox>(&mut self, id: ClientId, outbox: &O) {
        let wants = outbox.mode(id) == Mode::Json || outbox.bell(id) >= Bell::Mention;
        let Some(client) = self.directory.get_mut(id) else {
            return;
        };
        if std::mem::replace(&mut client.wants_mentions, wants) == wants {
            return;
        }
        if let Some(user) = client.user {
            self.refresh_member(user);
        }
    }
}

/// The words of a text: runs of what names are made of, and of letters that they have not.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let words = text.split(move |c: char| !is_part(c));
    words.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_ends_where_no_name_goes_on() {
        let text = "Bob, bob's: (bob) x.bob @bob éé-bob bob—bob bobé";
        let all: Vec<&str> = words(text).collect();
        let expected = [
            "Bob", "bob", "s", "bob", "x", "bob", "bob", "éé-bob", "bob", "bob", "bobé",
        ];
        assert_eq!(all, expected);
    }
}
