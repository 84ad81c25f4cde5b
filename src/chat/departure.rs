//! The end of a user: told once to each who shares a room with them.

use smallvec::SmallVec;

use super::Chat;
use super::archive::Archive;
use super::event::Event;
use super::ids::{ClientId, RoomId, UserId};
use super::member::Member;
use super::name::Name;
use super::outbox::Outbox;
use super::presence::{Change, ChangeKind};
use super::time::Now;

/// A user who is gone from all their rooms.
#[derive(Debug)]
struct Departure<'a> {
    who: UserId,
    name: &'a Name,
    /// What `/quit` said.
    text: Option<&'a str>,
    /// The rooms that are told of it at once.
    rooms: SmallVec<[RoomId; 4]>,
}

impl Chat {
    /// Takes a connection out, whose user leaves with it; a no-op if it is not known. Returns the
    /// user's name.
    pub fn disconnect<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Option<Name> {
        let now = now.timestamp;
        let user = self.directory.user_of(id);
        let client = self.directory.disconnect(id)?;
        self.pending.forget(id);
        let (who, name) = (user?, client.name?);
        let change = Change {
            who,
            name: &name,
            kind: ChangeKind::Left,
        };
        let mut departure = Departure {
            who,
            name: &name,
            text: client.quit_text(),
            rooms: SmallVec::new(),
        };
        for membership in &client.rooms {
            self.remove_member(membership.room, membership.index);
            if self.rooms.note_presence(now, membership.room, change) {
                departure.rooms.push(membership.room);
            }
        }
        self.announce_departure(&departure, outbox);
        for membership in &client.rooms {
            self.rooms.drop_if_empty(membership.room);
        }
        Some(name)
    }

    fn announce_departure<O: Outbox>(&self, departure: &Departure<'_>, outbox: &mut O) {
        for (place, id) in departure.rooms.iter().enumerate() {
            let Some(room) = self.rooms.get(*id) else {
                continue;
            };
            let told =
                |member: &&Member| !member.quiet && self.is_told_in(place, departure, member);
            // Last words are text like any other: those who ignore the user do not get them.
            let is_deaf = |member: &&Member| {
                member.filters && self.directory.ignores(member.user(), departure.who)
            };
            let leave = |text| Event::Leave {
                room: &room.name,
                name: departure.name,
                gone: true,
                text,
            };
            let others = room.members.iter().filter(told);
            if departure.text.is_none() {
                outbox.announce(&room.name, others.map(Member::addressee), &leave(None));
                continue;
            }
            let hearing = others.clone().filter(|member| !is_deaf(member));
            let hearing = hearing.map(Member::addressee);
            outbox.announce(&room.name, hearing, &leave(departure.text));
            let deaf = others.filter(is_deaf).map(Member::addressee);
            outbox.announce(&room.name, deaf, &leave(None));
        }
    }

    /// Whether a member is told in the room at `place`: it is their current one, or the first that they share
    /// and their current one is none of these.
    fn is_told_in(&self, place: usize, departure: &Departure<'_>, member: &Member) -> bool {
        let rooms = &departure.rooms;
        if member.current || rooms.len() == 1 {
            return true;
        }
        let Some(user) = self.directory.user(member.user()) else {
            return false;
        };
        let mut earlier = rooms.iter().take(place);
        user.current.is_none_or(|current| !rooms.contains(&current))
            && !earlier.any(|earlier| user.membership(*earlier).is_some())
    }
}
