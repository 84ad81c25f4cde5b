//! What a connection's user may do beside what everybody may.
//!
//! An operator is somebody who can prove it: an account that the server was started with, or a connection of
//! which the listener knows that it is the daemon's own user's.

use super::Chat;
use super::ids::ClientId;

/// What a connection's user may do beside what everybody may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// They have an account.
    pub is_account: bool,
    /// They are an operator of their current room.
    pub operates_room: bool,
    /// They are an operator of the server.
    pub operates_server: bool,
}

impl Chat {
    /// The connection is that of an operator of the server: its listener knows its user. To be called right
    /// behind [`Chat::connect`].
    pub fn trust(&mut self, id: ClientId) {
        if let Some(client) = self.directory.get_mut(id) {
            client.set_trusted();
        }
    }

    /// Whether a connection is one of an operator of the server.
    pub(super) fn operates_server(&self, id: ClientId) -> bool {
        let Some(client) = self.directory.get(id) else {
            return false;
        };
        client.is_trusted()
            || client.user.is_some_and(|user| {
                let account = self.account_of(user);
                let name = account.and_then(|account| self.accounts.name_of(account));
                name.is_some_and(|name| self.settings.operators.contains(&name))
            })
    }

    /// What a connection's user may do.
    pub(super) fn rights_of(&self, id: ClientId) -> Rights {
        let user = self.directory.user_of(id);
        Rights {
            is_account: user.is_some_and(|user| self.account_of(user).is_some()),
            operates_room: self.operates_current_room(id),
            operates_server: self.operates_server(id),
        }
    }
}
