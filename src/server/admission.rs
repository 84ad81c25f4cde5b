//! Who may connect: a number for all, and a number for each address.

use std::collections::HashMap;
use std::net::IpAddr;

use ahash::RandomState;

use crate::chat::close_reason::CloseReason;
use crate::chat::ids::Peer;
use crate::config::Limits;

/// An IPv4 address, or the /64 that an IPv6 address is in: what one subscriber is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subscriber {
    V4([u8; 4]),
    V6([u16; 4]),
}

impl Subscriber {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// Counts who is there.
#[derive(Debug)]
pub struct Admission {
    clients_max: usize,
    per_address_max: usize,
    limit_loopback: bool,
    clients: usize,
    by_address: HashMap<Subscriber, usize, RandomState>,
}

impl Admission {
    /// Nobody is there yet. The seed keeps anyone from choosing addresses that collide.
    #[must_use]
    pub fn new(limits: &Limits, hash_seed: [u64; 4]) -> Self {
        let [a, b, c, d] = hash_seed;
        Self {
            clients_max: limits.clients_max,
            per_address_max: limits.clients_per_address_max,
            limit_loopback: limits.limit_loopback,
            clients: 0,
            by_address: HashMap::with_hasher(RandomState::with_seeds(a, b, c, d)),
        }
    }

    /// Lets one in, who must be [released](Self::release) later.
    ///
    /// # Errors
    /// Says which limit is reached. Then nothing is counted.
    pub fn admit(&mut self, peer: &Peer) -> Result<(), CloseReason> {
        if self.clients >= self.clients_max {
            return Err(CloseReason::ServerFull);
        }
        if let Some(subscriber) = self.limited(peer) {
            let count = self.by_address.entry(subscriber).or_default();
            if *count >= self.per_address_max {
                return Err(CloseReason::AddressFull);
            }
            *count += 1;
        }
        self.clients += 1;
        Ok(())
    }

    /// One who was let in is gone.
    pub fn release(&mut self, peer: &Peer) {
        debug_assert!(self.clients > 0, "whoever leaves was let in");
        self.clients = self.clients.saturating_sub(1);
        let Some(subscriber) = self.limited(peer) else {
            return;
        };
        if let Some(count) = self.by_address.get_mut(&subscriber) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&subscriber);
            }
        }
    }

    fn limited(&self, peer: &Peer) -> Option<Subscriber> {
        match peer {
            Peer::Tcp(address) if self.limit_loopback || !peer.is_local() => {
                Some(Subscriber::of(address.ip()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::Tcp((address.parse::<IpAddr>().unwrap(), 1).into())
    }

    fn admission(limit_loopback: bool) -> Admission {
        let limits = Limits {
            clients_max: 6,
            clients_per_address_max: 2,
            limit_loopback,
            ..Limits::default()
        };
        Admission::new(&limits, [0; 4])
    }

    #[test]
    fn an_address_has_so_many_and_gets_its_places_back() {
        let mut admission = admission(false);
        let one = peer("192.0.2.1");
        assert_eq!(admission.admit(&one), Ok(()));
        assert_eq!(admission.admit(&one), Ok(()));
        assert_eq!(admission.admit(&one), Err(CloseReason::AddressFull));
        // The same address, as a socket for both families shows it.
        assert_eq!(
            admission.admit(&peer("::ffff:192.0.2.1")),
            Err(CloseReason::AddressFull)
        );
        assert_eq!(admission.admit(&peer("192.0.2.2")), Ok(()));
        admission.release(&one);
        assert_eq!(admission.admit(&one), Ok(()));
    }

    #[test]
    fn an_ipv6_address_counts_with_its_64() {
        let mut admission = admission(false);
        assert_eq!(admission.admit(&peer("2001:db8::1")), Ok(()));
        assert_eq!(admission.admit(&peer("2001:db8::ffff:1")), Ok(()));
        assert_eq!(
            admission.admit(&peer("2001:db8::2")),
            Err(CloseReason::AddressFull)
        );
        assert_eq!(admission.admit(&peer("2001:db8:0:1::2")), Ok(()));
    }

    #[test]
    fn this_machine_is_only_limited_when_asked_for_and_all_are_limited_together() {
        let mut free = admission(false);
        for local in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "127.0.0.1",
        ] {
            assert_eq!(free.admit(&peer(local)), Ok(()));
        }
        assert_eq!(free.admit(&Peer::Unix), Ok(()));
        assert_eq!(free.admit(&Peer::Unix), Err(CloseReason::ServerFull));
        free.release(&Peer::Unix);
        assert_eq!(free.admit(&Peer::Unix), Ok(()));

        let mut limited = admission(true);
        assert_eq!(limited.admit(&peer("127.0.0.1")), Ok(()));
        assert_eq!(limited.admit(&peer("127.0.0.1")), Ok(()));
        assert_eq!(
            limited.admit(&peer("127.0.0.1")),
            Err(CloseReason::AddressFull)
        );
    }
}
