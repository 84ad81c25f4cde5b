//! Who may do what to whom in a room.

use crate::chat::ids::{AccountId, ClientId};
use crate::chat::name::RoomName;
use crate::chat::refusal::ModerationRefusal;
use crate::chat::{Chat, Sender};

use super::Here;
use super::targets::Target;

/// What somebody is in a room. The later ones may do more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::chat) enum Rank {
    /// Nobody that others are not.
    Member,
    /// An operator of the room.
    Operator,
    /// Who had it kept.
    Owner,
    /// An operator of the server.
    Server,
}

impl Chat {
    /// What the sender of a line is in a room.
    pub(in crate::chat) fn rank_of(&self, sender: &Sender, room: &RoomName) -> Rank {
        self.rank_of_connection(sender.client, room)
    }

    /// What a connection's user is in a room.
    pub(in crate::chat) fn rank_of_connection(&self, client: ClientId, room: &RoomName) -> Rank {
        if self.operates_server(client) {
            return Rank::Server;
        }
        let user = self.directory.user_of(client);
        let account = user.and_then(|user| self.account_of(user));
        account.map_or(Rank::Member, |account| self.rank_of_account(account, room))
    }

    /// Whether a connection's user is an operator of its current room.
    pub(in crate::chat) fn operates_current_room(&self, id: ClientId) -> bool {
        let room = self.current_room(id);
        let room = room.and_then(|room| self.rooms.get(room));
        room.is_some_and(|room| self.rank_of_connection(id, &room.name) >= Rank::Operator)
    }

    /// What an account is in a room, here or not.
    pub(super) fn rank_of_account(&self, account: AccountId, room: &RoomName) -> Rank {
        let name = self.accounts.name_of(account);
        if name.is_some_and(|name| self.settings.operators.contains(&name)) {
            return Rank::Server;
        }
        let place = self.history.kept.find(room);
        let kept = place.and_then(|place| self.history.kept.get(place));
        if kept.is_some_and(|kept| kept.owner == Some(account)) {
            Rank::Owner
        } else if self.rules.is_operator(room, account) {
            Rank::Operator
        } else {
            Rank::Member
        }
    }

    /// Refuses what an operator of the room does to its owner, or to an operator of the server.
    pub(super) fn check_rank(
        &self,
        here: &Here,
        target: &Target,
    ) -> Result<(), ModerationRefusal<'static>> {
        let by_account = target.account.map_or(Rank::Member, |account| {
            self.rank_of_account(account, &here.name)
        });
        // Of one who is not in the room, what their connections may would tell that they are here.
        let connections = target.member.into_iter();
        let connections = connections.flat_map(|user| self.directory.connections_of(user));
        let by_connections = connections.map(|client| self.rank_of_connection(client, &here.name));
        let rank = by_connections.fold(by_account, Rank::max);
        if here.rank == Rank::Server || rank < Rank::Owner || rank < here.rank {
            return Ok(());
        }
        let owns = (rank == Rank::Owner).then_some(here.name);
        let name = target.name;
        Err(ModerationRefusal::Protected { name, owns })
    }
}
