//! Connections, users, rooms by number; addresses of connections.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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

/// An account: a person who has a password, however often and from wherever they connect. Never given
/// twice, as what is kept refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(NonZeroU32);

impl AccountId {
    /// The account with this number; `None` for zero.
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

/// A line that is kept: its number among all that ever were, in the order of their saying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineId(pub u64);

impl LineId {
    /// Past it, JSON's numbers are no longer exact.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The line after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place whose lines are kept: a room, or the conversation of two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlaceId(u64);

/// What a [`PlaceId`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A kept room, by a number of its own.
    Room(u32),
    /// Two accounts, the lower number first. Both are the same in a conversation with oneself.
    Pair(AccountId, AccountId),
}

impl PlaceId {
    /// The kept room with this number.
    #[must_use]
    pub fn room(number: u32) -> Self {
        Self(u64::from(number))
    }

    /// The conversation of two accounts. Its number follows from theirs, so that nobody has to look it up.
    #[must_use]
    pub fn pair(one: AccountId, other: AccountId) -> Self {
        let (low, high) = (one.min(other), one.max(other));
        Self(u64::from(low.get()) << 32 | u64::from(high.get()))
    }

    /// The place with this number, as [`PlaceId::get`] gave it.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Its number. Fits in 63 bits as long as account numbers fit in 31.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// What it stands for.
    #[must_use]
    pub fn kind(self) -> Place {
        let low = u32::try_from(self.0 >> 32).ok().and_then(AccountId::new);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
        let number = self.0 as u32;
        match (low, AccountId::new(number)) {
            (Some(low), Some(high)) => Place::Pair(low, high),
            _ => Place::Room(number),
        }
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

/// Where limits for each address count a client: an IPv4 address, or the /64 of an IPv6 address, as providers
/// give one to each subscriber; or this machine's Unix sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKey {
    /// An address.
    V4(Ipv4Addr),
    /// The upper half of an address.
    V6(u64),
    /// All Unix sockets together.
    Unix,
}

impl AddressKey {
    /// That of a connection's other end.
    #[must_use]
    pub fn of(peer: &Peer) -> Self {
        match peer {
            Peer::Unix => Self::Unix,
            Peer::Tcp(address) => match address.ip().to_canonical() {
                IpAddr::V4(ip) => Self::V4(ip),
                IpAddr::V6(ip) => Self::V6((ip.to_bits() >> 64) as u64),
            },
        }
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(ip) => ip.fmt(f),
            Self::V6(network) => {
                let ip = Ipv6Addr::from_bits(u128::from(*network) << 64);
                write!(f, "{ip}/64")
            }
            Self::Unix => Peer::Unix.fmt(f),
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
