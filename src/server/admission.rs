//! Which connections are admitted: a limit for all, and one for each address.

use std::collections::HashMap;

use ahash::RandomState;

use crate::chat::close_reason::CloseReason;
use crate::chat::ids::{AddressKey, Peer};
use crate::config::Limits;

/// Counts the connections that were admitted.
#[derive(Debug)]
pub struct Admission {
    clients_max: usize,
    per_address_max: usize,
    limit_loopback: bool,
    clients: usize,
    by_address: HashMap<AddressKey, usize, RandomState>,
}

impl Admission {
    /// No connection yet. The seed keeps clients from choosing addresses that collide.
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

    /// Admits a connection, which must be [released](Self::release) later.
    ///
    /// # Errors
    /// The limit that is reached. Then nothing is counted.
    pub fn admit(&mut self, peer: &Peer) -> Result<(), CloseReason> {
        if self.clients >= self.clients_max {
            return Err(CloseReason::ServerFull);
        }
        if let Some(key) = self.key_of(peer) {
            let count = self.by_address.entry(key).or_default();
            if *count >= self.per_address_max {
                return Err(CloseReason::AddressFull);
            }
            *count += 1;
        }
        self.clients += 1;
        Ok(())
    }

    /// Gives back the place of a connection that was admitted.
    pub fn release(&mut self, peer: &Peer) {
        debug_assert!(self.clients > 0, "a released connection was admitted");
        self.clients = self.clients.saturating_sub(1);
        let Some(key) = self.key_of(peer) else {
            return;
        };
        if let Some(count) = self.by_address.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&key);
            }
        }
    }

    /// Connections that were admitted and are not released yet.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// Whether the limits per address and the line rate do not apply.
    pub fn is_exempt(&self, peer: &Peer) -> bool {
        peer.is_local() && !self.limit_loopback
    }

    fn key_of(&self, peer: &Peer) -> Option<AddressKey> {
        match peer {
            Peer::Tcp(_) if !self.is_exempt(peer) => Some(AddressKey::of(peer)),
            Peer::Tcp(_) | Peer::Unix => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

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
    fn address_has_its_limit_and_gets_places_back() {
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
    fn ipv6_address_counts_with_its_64() {
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
    fn loopback_is_limited_on_request_and_by_the_total() {
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
