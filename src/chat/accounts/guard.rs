//! What stands against guessing passwords, and against making accounts without end.
//!
//! A try is charged before its password is hashed, and given back if that was right. Tokens cost nothing: nobody
//! guesses 128 bits.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use ahash::RandomState;

use crate::chat::ids::{AccountId, AddressKey, Peer};
use crate::chat::limits::AccountLimits;
use crate::chat::time::Timestamp;

/// Passwords tried for one account at once: more than its owner mistypes.
const ACCOUNT_TRIES_MAX: u32 = 10;

/// And then one in this time, from however many addresses.
const ACCOUNT_TRY_TIME: Duration = Duration::from_secs(60);

/// The time in which the tries of an address come back, all of them.
const ADDRESS_TRIES_TIME: Duration = Duration::from_secs(60);

/// The time in which an address may make its few accounts.
const MAKING_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Accounts that all addresses together may make in [`ALL_MAKING_TIME`]: a school class, not a botnet.
const ALL_MADE_MAX: usize = 30;

const ALL_MAKING_TIME: Duration = Duration::from_secs(10 * 60);

/// Addresses remembered. Past that all are forgiven rather than remembered without end: each account still has
/// its own limit.
const ADDRESSES_MAX: usize = 50_000;

/// Where a client's tries are counted; `None` if the limits for each address do not concern it.
fn origin_of(peer: &Peer, limits: &AccountLimits) -> Option<AddressKey> {
    let is_exempt = peer.is_local() && !limits.limit_loopback;
    (!is_exempt).then(|| AddressKey::of(peer))
}

/// A try that was charged, so that it can be given back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Charge {
    origin: Option<AddressKey>,
    account: Option<AccountId>,
}

/// Passwords tried and accounts made of late.
#[derive(Debug)]
pub struct Guard {
    by_origin: Remembered<AddressKey, Bucket>,
    by_account: Remembered<AccountId, Bucket>,
    made_by_origin: Remembered<AddressKey, Recent>,
    made: Recent,
}

impl Guard {
    pub fn new(hasher: RandomState) -> Self {
        Self {
            by_origin: Remembered::new(hasher.clone()),
            by_account: Remembered::new(hasher.clone()),
            made_by_origin: Remembered::new(hasher),
            made: Recent::default(),
        }
    }

    /// Charges a try at a password, of `account` if there is one of that name. If it may not be made: the time
    /// until it may.
    pub fn charge(
        &mut self,
        now: Timestamp,
        limits: &AccountLimits,
        peer: &Peer,
        account: Option<AccountId>,
    ) -> Result<Charge, Duration> {
        let origin = origin_of(peer, limits);
        let tries_max = limits.logins_max.max(1);
        let each = ADDRESS_TRIES_TIME / tries_max;
        let forget = |bucket: &mut Bucket| bucket.is_empty(now, each);
        let mut of_origin = origin.map(|origin| self.by_origin.entry(origin, forget));
        let forget = |bucket: &mut Bucket| bucket.is_empty(now, ACCOUNT_TRY_TIME);
        let mut of_account = account.map(|account| self.by_account.entry(account, forget));
        let waits = [
            of_origin
                .as_mut()
                .and_then(|bucket| bucket.wait(now, tries_max, each)),
            of_account
                .as_mut()
                .and_then(|bucket| bucket.wait(now, ACCOUNT_TRIES_MAX, ACCOUNT_TRY_TIME)),
        ];
        if let Some(wait) = waits.into_iter().flatten().max() {
            return Err(wait);
        }
        for bucket in of_origin.into_iter().chain(of_account) {
            bucket.count += 1;
        }
        Ok(Charge { origin, account })
    }

    /// Gives back a try: the password was right, or nothing was tried.
    pub fn give_back(&mut self, charge: Charge) {
        let of_origin = charge
            .origin
            .and_then(|origin| self.by_origin.get_mut(&origin));
        let of_account = charge
            .account
            .and_then(|account| self.by_account.get_mut(&account));
        for bucket in of_origin.into_iter().chain(of_account) {
            bucket.count = bucket.count.saturating_sub(1);
        }
    }

    /// Whether an account may be made now.
    pub fn may_make(&mut self, now: Timestamp, limits: &AccountLimits, peer: &Peer) -> bool {
        let Some(origin) = origin_of(peer, limits) else {
            return true;
        };
        let made_max = usize::try_from(limits.made_per_day_max).unwrap_or(usize::MAX);
        let of_origin = self.made_by_origin.get_mut(&origin);
        self.made.count(now, ALL_MAKING_TIME) < ALL_MADE_MAX
            && of_origin.is_none_or(|made| made.count(now, MAKING_TIME) < made_max)
    }

    /// Charges the making of an account; `None` if it may not be made now.
    pub fn charge_making(
        &mut self,
        now: Timestamp,
        limits: &AccountLimits,
        peer: &Peer,
    ) -> Option<Charge> {
        if !self.may_make(now, limits, peer) {
            return None;
        }
        let origin = origin_of(peer, limits);
        if let Some(origin) = origin {
            let forget = |made: &mut Recent| made.count(now, MAKING_TIME) == 0;
            self.made_by_origin.entry(origin, forget).0.push_back(now);
            self.made.0.push_back(now);
        }
        let account = None;
        Some(Charge { origin, account })
    }

    /// Gives back the making of an account: there is none.
    pub fn give_back_making(&mut self, charge: Charge) {
        if let Some(origin) = charge.origin {
            self.made.0.pop_back();
            if let Some(made) = self.made_by_origin.get_mut(&origin) {
                made.0.pop_back();
            }
        }
    }

    /// Forgets an account that is gone.
    pub fn forget(&mut self, account: AccountId) {
        self.by_account.entries.remove(&account);
    }
}

/// Tries that come back one by one.
#[derive(Debug, Default)]
struct Bucket {
    count: u32,
    /// When the last of them came back, or the first was made.
    since: Timestamp,
}

impl Bucket {
    /// Takes out what has come back by now.
    fn refill(&mut self, now: Timestamp, each: Duration) {
        let back = now.since(self.since).as_micros() / each.as_micros().max(1);
        match u32::try_from(back) {
            Ok(back) if back < self.count => {
                self.count -= back;
                self.since = self.since.after(each * back);
            }
            _ => {
                self.count = 0;
                self.since = now;
            }
        }
    }

    fn is_empty(&mut self, now: Timestamp, each: Duration) -> bool {
        self.refill(now, each);
        self.count == 0
    }

    /// The time until there is one, if there is none now.
    fn wait(&mut self, now: Timestamp, max: u32, each: Duration) -> Option<Duration> {
        self.refill(now, each);
        (self.count >= max).then(|| each.saturating_sub(now.since(self.since)))
    }
}

/// When something was done of late, oldest first: as often as it may be, no more.
#[derive(Debug, Default)]
struct Recent(VecDeque<Timestamp>);

impl Recent {
    /// How often it was done in this time.
    fn count(&mut self, now: Timestamp, time: Duration) -> usize {
        while self
            .0
            .front()
            .is_some_and(|first| now.since(*first) >= time)
        {
            self.0.pop_front();
        }
        self.0.len()
    }
}

/// What is remembered of some, as long as that matters.
#[derive(Debug)]
struct Remembered<K, V> {
    entries: HashMap<K, V, RandomState>,
    /// At this many, those that no longer matter are forgotten.
    sweep_at: usize,
}

/// Entries that are not swept: fewer are not worth the look.
const UNSWEPT_MAX: usize = 256;

impl<K: Eq + Hash, V: Default> Remembered<K, V> {
    fn new(hasher: RandomState) -> Self {
        Self {
            entries: HashMap::with_hasher(hasher),
            sweep_at: UNSWEPT_MAX,
        }
    }

    fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// The entry of `key`, made if there was none.
    fn entry(&mut self, key: K, mut forget: impl FnMut(&mut V) -> bool) -> &mut V {
        if self.entries.len() >= self.sweep_at {
            self.entries.retain(|_, value| !forget(value));
            if self.entries.len() >= ADDRESSES_MAX {
                self.entries.clear();
            }
            self.entries.shrink_to(2 * self.entries.len());
            self.sweep_at = (2 * self.entries.len()).clamp(UNSWEPT_MAX, ADDRESSES_MAX);
        }
        self.entries.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(RandomState::with_seeds(1, 2, 3, 4))
    }

    fn peer(address: &str) -> Peer {
        Peer::Tcp(format!("{address}:1000").parse().unwrap())
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::at(Duration::from_secs(seconds))
    }

    fn account(number: u32) -> Option<AccountId> {
        AccountId::new(number)
    }

    const SECOND: Duration = Duration::from_secs(1);

    /// In seconds.
    const DAY: u64 = 24 * 60 * 60;

    #[test]
    fn address_has_five_tries_and_then_one_in_12_seconds() {
        let (mut guard, limits) = (guard(), AccountLimits::default());
        let one = peer("198.51.100.1");
        for _ in 0..5 {
            guard.charge(at(100), &limits, &one, None).unwrap();
        }
        let wait = |guard: &mut Guard, now, peer: &Peer| {
            guard
                .charge(at(now), &AccountLimits::default(), peer, None)
                .err()
        };
        assert_eq!(wait(&mut guard, 100, &one), Some(12 * SECOND));
        assert_eq!(wait(&mut guard, 111, &one), Some(SECOND));
        assert_eq!(wait(&mut guard, 100, &peer("198.51.100.2")), None);
        assert_eq!(wait(&mut guard, 112, &one), None);
        assert_eq!(wait(&mut guard, 112, &one), Some(12 * SECOND));
        // After a minute of rest all have come back.
        for _ in 0..5 {
            assert_eq!(wait(&mut guard, 172, &one), None);
        }
        assert_eq!(wait(&mut guard, 172, &one), Some(12 * SECOND));
    }

    #[test]
    fn network_of_an_ipv6_subscriber_counts_as_one_address() {
        let (mut guard, limits) = (guard(), AccountLimits::default());
        for host in 1..=5 {
            let peer = peer(&format!("[2001:db8:1:2::{host}]"));
            guard.charge(at(0), &limits, &peer, None).unwrap();
        }
        let sixth = peer("[2001:db8:1:2:ffff::6]");
        assert!(guard.charge(at(0), &limits, &sixth, None).is_err());
        let next = peer("[2001:db8:1:3::1]");
        guard.charge(at(0), &limits, &next, None).unwrap();
        // An IPv4 address is the same one in an IPv6 socket.
        let mapped = peer("[::ffff:198.51.100.1]");
        let plain = peer("198.51.100.1");
        assert_eq!(origin_of(&mapped, &limits), origin_of(&plain, &limits));
    }

    #[test]
    fn account_has_ten_tries_from_all_addresses_and_then_one_a_minute() {
        let (mut guard, limits) = (guard(), AccountLimits::default());
        let from = |host: u32| peer(&format!("198.51.100.{host}"));
        for host in 1..=10 {
            guard
                .charge(at(0), &limits, &from(host), account(7))
                .unwrap();
        }
        let wait = guard.charge(at(0), &limits, &from(11), account(7)).err();
        assert_eq!(wait, Some(60 * SECOND));
        let local = Peer::Unix;
        assert!(guard.charge(at(0), &limits, &local, account(7)).is_err());
        guard.charge(at(0), &limits, &from(11), account(8)).unwrap();
        guard
            .charge(at(60), &limits, &from(11), account(7))
            .unwrap();
        assert!(
            guard
                .charge(at(60), &limits, &from(12), account(7))
                .is_err()
        );
        // What is refused is not charged.
        for _ in 0..5 {
            guard.charge(at(60), &limits, &from(12), None).unwrap();
        }
    }

    #[test]
    fn right_password_is_given_back() {
        let (mut guard, limits) = (guard(), AccountLimits::default());
        let one = peer("198.51.100.1");
        for _ in 0..100 {
            let charge = guard.charge(at(0), &limits, &one, account(7)).unwrap();
            guard.give_back(charge);
        }
    }

    #[test]
    fn loopback_is_exempt_unless_it_is_limited() {
        let mut limits = AccountLimits::default();
        let mut guard = guard();
        for peer in [peer("127.0.0.1"), peer("[::1]"), Peer::Unix] {
            limits.limit_loopback = false;
            for _ in 0..50 {
                guard.charge(at(0), &limits, &peer, None).unwrap();
                guard.charge_making(at(0), &limits, &peer).unwrap();
            }
            limits.limit_loopback = true;
            for _ in 0..5 {
                guard.charge(at(0), &limits, &peer, None).unwrap();
            }
            assert!(guard.charge(at(0), &limits, &peer, None).is_err());
        }
    }

    #[test]
    fn address_makes_three_accounts_in_any_day() {
        let (mut guard, limits) = (guard(), AccountLimits::default());
        let one = peer("198.51.100.1");
        for time in [0, 10, 20] {
            guard.charge_making(at(time), &limits, &one).unwrap();
        }
        assert!(!guard.may_make(at(DAY - 1), &limits, &one));
        assert!(guard.may_make(at(DAY - 1), &limits, &peer("198.51.100.2")));
        let charge = guard.charge_making(at(DAY), &limits, &one).unwrap();
        assert!(guard.charge_making(at(DAY), &limits, &one).is_none());
        guard.give_back_making(charge);
        guard.charge_making(at(DAY), &limits, &one).unwrap();
        assert!(!guard.may_make(at(DAY + 9), &limits, &one));
        assert!(guard.may_make(at(DAY + 10), &limits, &one));
    }

    #[test]
    fn all_together_make_30_accounts_in_ten_minutes() {
        let (mut guard, limits) = (guard(), AccountLimits::default());
        let from = |host: u64| peer(&format!("198.51.100.{host}"));
        for host in 0..30 {
            guard.charge_making(at(host), &limits, &from(host)).unwrap();
        }
        assert!(guard.charge_making(at(599), &limits, &from(99)).is_none());
        guard.charge_making(at(600), &limits, &from(99)).unwrap();
        assert!(guard.charge_making(at(600), &limits, &from(98)).is_none());
    }

    #[test]
    fn addresses_are_forgotten_when_it_no_longer_matters() {
        let (mut guard, limits) = (guard(), AccountLimits::default());
        let from = |number: u32| Peer::Tcp((std::net::Ipv4Addr::from_bits(number), 1).into());
        for number in 0..10_000 {
            let now = at(u64::from(number));
            guard
                .charge(now, &limits, &from(1 << 28 | number), None)
                .unwrap();
            guard.charge_making(
                now.after(SECOND * 600 * number),
                &limits,
                &from(1 << 28 | number),
            );
        }
        assert!(guard.by_origin.entries.len() <= UNSWEPT_MAX);
        assert!(guard.made_by_origin.entries.len() <= UNSWEPT_MAX);
        // However many come at once, memory is bounded.
        for number in 0..=u32::try_from(ADDRESSES_MAX).unwrap() {
            let _ = guard.charge(at(20_000), &limits, &from(1 << 28 | number), None);
        }
        assert!(guard.by_origin.entries.len() < ADDRESSES_MAX);
    }
}
