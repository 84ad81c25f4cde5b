//! Joins and leaves as a room tells them: at once in a small one, summed up in a large one.

use std::time::Duration;

use arrayvec::ArrayVec;

use super::event::Event;
use super::ids::UserId;
use super::member::Member;
use super::name::{Name, RoomName};
use super::outbox::Outbox;
use super::time::Timestamp;

/// The largest room in which each join and leave is told at once: a screenful of people know each
/// other.
pub const PRESENCE_IMMEDIATE_MEMBERS_MAX: usize = 50;

/// The largest room in which joins and leaves are told at all: in a larger one no reader could follow,
/// and telling each would cost the square of the members.
pub const PRESENCE_MEMBERS_MAX: usize = 1000;

/// The time that joins and leaves are gathered for one summary.
pub const PRESENCE_INTERVAL: Duration = Duration::from_secs(1);

/// Names in a summary; the rest are a number.
pub const PRESENCE_NAMES_MAX: usize = 2;

/// Joins and leaves not told yet. Nothing is pending unless `due` is set.
#[derive(Debug, Default)]
pub(super) struct Presence {
    due: Option<Timestamp>,
    joined: u32,
    left: u32,
    /// With their users, so that one who is renamed meanwhile is told by the new name.
    joined_names: ArrayVec<(UserId, Name), PRESENCE_NAMES_MAX>,
    left_names: ArrayVec<Name, PRESENCE_NAMES_MAX>,
    /// The user of the first of these.
    first: Option<UserId>,
}

/// A user has entered or left a room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub who: UserId,
    pub name: &'a Name,
    pub kind: ChangeKind,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ChangeKind {
    Joined,
    Left,
}

impl Change<'_> {
    /// Tells it at once.
    pub fn announce<'m, O: Outbox>(
        &self,
        room: &RoomName,
        members: impl Iterator<Item = &'m Member>,
        outbox: &mut O,
    ) {
        let name = self.name;
        let told = |member: &&Member| !member.is_quiet() && member.user() != self.who;
        let others = members.filter(told).map(Member::addressee);
        let event = match self.kind {
            ChangeKind::Joined => Event::Join { room, name },
            ChangeKind::Left => Event::Leave {
                room,
                name,
                gone: false,
                text: None,
            },
        };
        outbox.announce(room, others, &event);
    }
}

impl Presence {
    /// The time at which the summary is due, if one is pending.
    pub fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// Notes a change. Returns whether it is the first, so that a summary must be scheduled.
    pub fn add(&mut self, now: Timestamp, change: Change<'_>) -> bool {
        // A name past the first few is only counted.
        match change.kind {
            ChangeKind::Joined => {
                self.joined += 1;
                let _ = self.joined_names.try_push((change.who, *change.name));
            }
            ChangeKind::Left => {
                self.left += 1;
                let _ = self.left_names.try_push(*change.name);
            }
        }
        let first = self.due.is_none();
        if first {
            self.due = Some(now.after(PRESENCE_INTERVAL));
            self.first = Some(change.who);
        }
        first
    }

    /// Tells the summary to the room's members.
    pub fn announce<'m, O: Outbox>(
        &self,
        room: &RoomName,
        members: impl Iterator<Item = &'m Member>,
        outbox: &mut O,
    ) {
        let joined = self.joined_names.iter().map(|(_, name)| *name);
        let mut names: ArrayVec<Name, PRESENCE_NAMES_MAX> = if self.joined > 0 {
            joined.collect()
        } else {
            self.left_names.clone()
        };
        names.sort_unstable();
        let event = Event::Presence {
            room,
            joined: self.joined,
            left: self.left,
            names: &names,
        };
        // A user who joined alone has got an answer that says so.
        let known_to = self.first.filter(|_| self.joined + self.left == 1);
        let others = members.filter(|member| !member.is_quiet());
        let others = others.filter(|member| Some(member.user()) != known_to);
        outbox.announce(room, others.map(Member::addressee), &event);
    }

    /// Tells a user's joining by their new name. Other users who had that name, and have left since,
    /// are only counted: they would be taken for this one.
    pub fn rename(&mut self, who: UserId, new_name: Name) {
        self.left_names.retain(|name| *name != new_name);
        self.joined_names.retain(|(joined, name)| {
            if *joined == who {
                *name = new_name;
            }
            *joined == who || *name != new_name
        });
    }
}
