//! Connections, users, rooms by number; addresses of connections.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;

/// A connection: a slot in the slab, and how often that slot was handed out before, so that an id left
/// over from a closed connection never means its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId {
    /// The place in the slab.
    pub slot: u32,
    /// The number of clients that had that place before.
    pub generation: u32,
}

impl ClientId {
    /// The slot as an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.slot as usize
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

/// A person, from registering until the last of their connections ends, through changes of name. All that
/// people decide about each other is kept by [`UserId`]; all that is written goes to connections, by
/// [`ClientId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId {
    /// The place of the user's record.
    pub slot: u32,
    /// A number of its own, so that an id left over never means the next user at that place.
    pub generation: NonZeroU32,
}

/// An account, by a number that no other account ever gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(NonZeroU32);

impl AccountId {
    /// The account of this number; `None` of zero, which no account has.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Its number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A room's place in the table of rooms. Only valid while the room has members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RoomId(NonZeroU32);

impl RoomId {
    /// The id of the room at `index`: one more, so that `Option<RoomId>` takes no more memory.
    pub(super) fn at(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Self(number.unwrap_or(NonZeroU32::MAX))
    }

    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An address and a port; an IPv4-mapped IPv6 address is kept as IPv4.
    Tcp(SocketAddr),
    /// A Unix socket, whose clients have no address.
    Unix,
}

impl Peer {
    /// Whether the client is on this machine, and so shares its fate rather than attacks it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix => true,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("a Unix socket"),
        }
    }
}
