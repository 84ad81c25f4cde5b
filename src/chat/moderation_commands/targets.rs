//! Whom an operator means by a name, and what rules about them go by.

use crate::chat::ids::{AccountId, AddressKey, ClientId, UserId};
use crate::chat::moderation::room_rules::{Subject, Who};
use crate::chat::name::Name;
use crate::chat::refusal::{ModerationRefusal, Refusal};
use crate::chat::{Chat, Sender};

use super::Here;

/// Whom an operator means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub name: Name,
    /// They are in the room.
    pub member: Option<UserId>,
    /// A guest in the room, or one that the operator sees elsewhere.
    pub guest: Option<ClientId>,
    pub account: Option<AccountId>,
}

impl Chat {
    /// Whom a name means in a room: who is there, an account, or a guest elsewhere whom the operator sees. Nothing
    /// tells whether an account that is not in the room is here.
    pub(super) fn target<'a>(
        &self,
        sender: &Sender,
        here: &Here,
        given: &'a str,
    ) -> Result<Target, Refusal<'a>> {
        let none = ModerationRefusal::NotThere {
            given,
            room: here.name,
        };
        if let Some((user, name)) = self.directory.find_typed(given)
            && let Some(record) = self.directory.user(user)
            && record.membership(here.id).is_some()
        {
            let account = record.account;
            return Ok(Target {
                name,
                member: Some(user),
                guest: account.is_none().then(|| record.first()),
                account,
            });
        }
        let typed = Name::parse(given).map_err(|_| none)?;
        if let Some(account) = self.accounts.find(&typed) {
            return Ok(Target {
                name: self.accounts.name_of(account).unwrap_or(typed),
                member: None,
                guest: None,
                account: Some(account),
            });
        }
        let (user, name) = self.find_seen(sender, given).ok_or(none)?;
        let record = self.directory.user(user).ok_or(none)?;
        Ok(Target {
            name,
            member: None,
            guest: Some(record.first()),
            account: None,
        })
    }

    /// Whom a name means among those in the room.
    pub(super) fn target_in_room<'a>(
        &self,
        sender: &Sender,
        here: &Here,
        given: &'a str,
    ) -> Result<(UserId, Target), Refusal<'a>> {
        let none = ModerationRefusal::NotThere {
            given,
            room: here.name,
        };
        let target = self.target(sender, here, given)?;
        Ok((target.member.ok_or(none)?, target))
    }

    /// What a rule about somebody's speaking goes by: for a guest the connection, which other names do not hide.
    pub(super) fn subject_that_speaks(target: &Target) -> Option<Subject> {
        let guest = target.guest.map(Subject::Connection);
        target.account.map(Subject::Account).or(guest)
    }

    /// What a rule about somebody's coming in goes by: for a guest the address, which new connections do not hide.
    /// On this machine that would be everybody's, so there it is the connection.
    pub(super) fn subject_that_enters(&self, target: &Target) -> Option<Subject> {
        if let Some(account) = target.account {
            return Some(Subject::Account(account));
        }
        let client = target.guest?;
        let peer = self.peer_of(client)?;
        Some(if peer.is_local() {
            Subject::Connection(client)
        } else {
            Subject::Address(AddressKey::of(&peer))
        })
    }

    /// A connection, as rules go by it.
    pub(in crate::chat) fn who_is(&self, client: ClientId) -> Who {
        let user = self.directory.user_of(client);
        Who {
            client,
            account: user.and_then(|user| self.account_of(user)),
            address: self.peer_of(client).map(|peer| AddressKey::of(&peer)),
        }
    }
}
