//! The end of a connection, and of a user with the last one: told once to each who shares a room with them.

use smallvec::SmallVec;

use super::Chat;
use super::archive::Archive;
use super::directory::Detached;
use super::event::{Event, FriendState};
use super::ids::{AccountId, ClientId, RoomId, UserId};
use super::member::Member;
use super::name::Name;
use super::outbox::Outbox;
use super::presence::{Change, ChangeKind};
use super::time::{Now, Timestamp};
use super::user::User;

/// A user who is gone from all their rooms.
#[derive(Debug)]
struct Departure<'a> {
    who: UserId,
    account: Option<AccountId>,
    name: &'a Name,
    /// What `/quit` said.
    text: Option<&'a str>,
    /// The rooms that are told of it at once.
    rooms: SmallVec<[RoomId; 4]>,
}

impl Chat {
    /// Takes a connection out, and its user if it was the last of theirs; a no-op if it is not known. Returns
    /// the user's name.
    pub fn disconnect<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Option<Name> {
        let client = self.directory.get_mut(id)?;
        let (name, text) = (client.name, client.take_quit_text());
        self.detach(now.timestamp, id, text.as_deref(), outbox);
        self.forget_account_steps(id);
        self.calls.forget_client(id);
        self.directory.disconnect(id);
        self.pending.forget(id);
        self.write_marks(now.timestamp, archive);
        name
    }

    /// Takes a connection from its user, if it has one. If it was the last, the user is gone, with these last
    /// words; else nobody is told.
    pub(super) fn detach<O: Outbox>(
        &mut self,
        now: Timestamp,
        id: ClientId,
        text: Option<&str>,
        outbox: &mut O,
    ) {
        match self.directory.detach(id) {
            Some(Detached::Others(user)) => self.remove_connection(user, id),
            Some(Detached::Nobody(who, user)) => self.depart(now, who, &user, text, outbox),
            None => {}
        }
    }

    /// Takes a user who is gone from the directory out of all their rooms.
    fn depart<O: Outbox>(
        &mut self,
        now: Timestamp,
        who: UserId,
        user: &User,
        text: Option<&str>,
        outbox: &mut O,
    ) {
        self.note_gone(user);
        self.people.guarded.remove(&who);
        let name = user.name();
        if let Some(account) = user.account {
            self.accounts.set_user(account, None);
            self.tell_friends(account, name, FriendState::Gone, outbox);
        }
        let change = Change {
            who,
            name,
            kind: ChangeKind::Left,
        };
        let mut departure = Departure {
            who,
            account: user.account,
            name,
            text,
            rooms: SmallVec::new(),
        };
        for membership in &user.rooms {
            self.remove_member(*membership, false);
            if self.rooms.note_presence(now, membership.room, change) {
                departure.rooms.push(membership.room);
            }
        }
        self.announce_departure(&departure, outbox);
        for membership in &user.rooms {
            self.rooms.drop_if_empty(membership.room);
        }
    }

    fn announce_departure<O: Outbox>(&self, departure: &Departure<'_>, outbox: &mut O) {
        for (place, id) in departure.rooms.iter().enumerate() {
            let Some(room) = self.rooms.get(*id) else {
                continue;
            };
            let told =
                |member: &&Member| !member.is_quiet() && self.is_told_in(place, departure, member);
            // Last words are text like any other: those who ignore or block the user do not get them.
            let is_deaf = |member: &&Member| {
                member.filters()
                    && (self.directory.ignores(member.user(), departure.who)
                        || self.blocks_account(member.user(), departure.account))
            };
            let leave = |text| Event::Leave {
                room: &room.name,
                name: departure.name,
                gone: true,
                text,
            };
            let others = room.members.connections().filter(told);
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
        if member.is_current() || rooms.len() == 1 {
            return true;
        }
        let client = self.directory.get(member.client);
        let user = self.directory.user(member.user());
        let (Some(client), Some(user)) = (client, user) else {
            return false;
        };
        let mut earlier = rooms.iter().take(place);
        client
            .current
            .is_none_or(|current| !rooms.contains(&current))
            && !earlier.any(|earlier| user.membership(*earlier).is_some())
    }
}
