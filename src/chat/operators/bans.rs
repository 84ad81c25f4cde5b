//! Bans: by range of addresses, or by account; those that operators made, and those that a file lists.
//!
//! Whether a ban holds is asked when it is used: one that is past its time catches nobody, whatever is still
//! written down.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ahash::RandomState;
use ipnet::IpNet;
use smallvec::SmallVec;

use crate::chat::archive::{Ban, BanKind, BanTarget, UnixMs};
use crate::chat::cut_note;
use crate::chat::ids::{AccountId, Peer};
use crate::chat::name::Name;

use super::nets::Nets;

/// Bans that operators have made and that hold: some megabytes, and more than anybody reads.
pub const BANS_MAX: usize = 10_000;

/// The longest prefix of a range that is so wide that it is asked about: whole providers share less.
const WIDE_V4: u8 = 16;
const WIDE_V6: u8 = 32;

/// An IPv6 subscriber has all of such a range.
const SUBSCRIBER_V6: u8 = 64;

/// A ban that the operator's file lists. It has no number: only the file undoes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBan {
    /// Whom it catches.
    pub net: IpNet,
    /// Why; perhaps an empty text.
    pub why: Box<str>,
}

impl ListedBan {
    /// A ban of an address, or of a range of them in CIDR.
    #[must_use]
    pub fn parse(net: &str, why: &str) -> Option<Self> {
        let net = parse_range(net)?;
        let why = cut_note(why).into();
        Some(Self { net, why })
    }
}

/// What one who is caught is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// Perhaps an empty text.
    pub why: &'a str,
    /// `None` until it is undone.
    pub until: Option<UnixMs>,
    /// The operator; `None` if the file lists it.
    pub by: Option<&'a Name>,
}

/// All bans. Invariants: each that has a number is found by its target, and no other is.
#[derive(Debug)]
pub struct Bans {
    by_number: BTreeMap<u32, Ban>,
    nets: Nets,
    accounts: HashMap<AccountId, SmallVec<[u32; 1]>, RandomState>,
    listed: Vec<ListedBan>,
    listed_nets: Nets,
    hasher: RandomState,
    /// The number given last. None is given twice.
    last: u32,
}

impl Bans {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            by_number: BTreeMap::new(),
            nets: Nets::new(hasher.clone()),
            accounts: HashMap::with_hasher(hasher.clone()),
            listed: Vec::new(),
            listed_nets: Nets::new(hasher.clone()),
            hasher: hasher.clone(),
            last: 0,
        }
    }

    pub fn restore(&mut self, bans: Vec<Ban>, last: u32) {
        self.last = self.last.max(last);
        for ban in bans {
            self.insert(ban);
        }
    }

    /// Takes over what the file lists now, instead of what it did.
    pub fn set_listed(&mut self, listed: Vec<ListedBan>) {
        let mut nets = Nets::new(self.hasher.clone());
        for (place, ban) in (0..).zip(&listed) {
            nets.insert(ban.net, place);
        }
        self.listed = listed;
        self.listed_nets = nets;
    }

    /// A number for a new ban; `None` if there are too many.
    pub fn mint(&mut self) -> Option<u32> {
        if self.by_number.len() >= BANS_MAX || self.last == i32::MAX.unsigned_abs() {
            return None;
        }
        self.last += 1;
        Some(self.last)
    }

    pub fn insert(&mut self, ban: Ban) {
        let number = ban.number;
        self.last = self.last.max(number);
        match ban.target {
            BanTarget::Net(net) => self.nets.insert(net, number),
            BanTarget::Account(account) => self.accounts.entry(account).or_default().push(number),
        }
        self.by_number.insert(number, ban);
    }

    pub fn remove(&mut self, number: u32) -> Option<Ban> {
        let ban = self.by_number.remove(&number)?;
        match ban.target {
            BanTarget::Net(net) => self.nets.remove(net, number),
            BanTarget::Account(account) => {
                if let Some(numbers) = self.accounts.get_mut(&account) {
                    numbers.retain(|other| *other != number);
                    if numbers.is_empty() {
                        self.accounts.remove(&account);
                    }
                }
            }
        }
        Some(ban)
    }

    /// Takes out the bans that are past their time, or whose target is gone, and returns their numbers.
    pub fn drop_past(&mut self, unix_ms: UnixMs, is_gone: impl Fn(BanTarget) -> bool) -> Vec<u32> {
        let bans = self.by_number.values();
        let past = bans.filter(|ban| !holds(ban, unix_ms) || is_gone(ban.target));
        let past: Vec<u32> = past.map(|ban| ban.number).collect();
        for number in &past {
            self.remove(*number);
        }
        past
    }

    /// All that have a number, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Ban> {
        self.by_number.values()
    }

    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    /// How many the file lists.
    pub fn listed_count(&self) -> usize {
        self.listed.len()
    }

    /// Whether there is nothing that could catch anybody.
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty() && self.listed.is_empty()
    }

    /// The numbers of an account's bans of a kind.
    pub fn of_account(&self, account: AccountId, kind: BanKind) -> SmallVec<[u32; 4]> {
        let numbers = self.accounts.get(&account).into_iter().flatten();
        let numbers = numbers.copied().filter(|number| {
            let ban = self.by_number.get(number);
            ban.is_some_and(|ban| ban.kind == kind)
        });
        numbers.collect()
    }

    /// The ban of a kind that catches one at an address, by an account or none; of several the one that holds
    /// for longest.
    pub fn verdict(
        &self,
        kind: BanKind,
        address: Option<IpAddr>,
        account: Option<AccountId>,
        unix_ms: UnixMs,
    ) -> Option<Verdict<'_>> {
        if self.is_empty() {
            return None;
        }
        let listed = address.filter(|_| kind == BanKind::Out);
        let mut listed = listed.into_iter().flat_map(|ip| self.listed_nets.of(ip));
        if let Some(ban) = listed
            .next()
            .and_then(|place| self.listed.get(place as usize))
        {
            return Some(Verdict {
                why: &ban.why,
                until: None,
                by: None,
            });
        }
        let by_address = address.into_iter().flat_map(|ip| self.nets.of(ip));
        let by_account = account.and_then(|account| self.accounts.get(&account));
        let numbers = by_address.chain(by_account.into_iter().flatten().copied());
        let bans = numbers.filter_map(|number| self.by_number.get(&number));
        let bans = bans.filter(|ban| ban.kind == kind && holds(ban, unix_ms));
        let longest = bans.max_by_key(|ban| {
            let until = ban.until.unwrap_or(UnixMs::MAX);
            (until, Reverse(ban.number))
        });
        longest.map(verdict_of)
    }

    /// Panics if the tables disagree.
    pub fn check_invariants(&self) {
        for (number, ban) in &self.by_number {
            let numbers: Vec<u32> = match ban.target {
                BanTarget::Net(net) => self.nets.of(net.addr()).collect(),
                BanTarget::Account(account) => {
                    let numbers = self.accounts.get(&account).into_iter().flatten();
                    numbers.copied().collect()
                }
            };
            assert!(numbers.contains(number) && *number <= self.last);
        }
    }
}

/// What one who is caught by a ban is told.
pub fn verdict_of(ban: &Ban) -> Verdict<'_> {
    Verdict {
        why: ban.why.as_deref().unwrap_or_default(),
        until: ban.until,
        by: Some(&ban.by),
    }
}

fn holds(ban: &Ban, unix_ms: UnixMs) -> bool {
    ban.until.is_none_or(|until| unix_ms < until)
}

/// The address of a connection, as far as bans are concerned: this machine's own clients have none.
pub fn address_of(peer: &Peer) -> Option<IpAddr> {
    match peer {
        Peer::Tcp(address) if !peer.is_local() => Some(address.ip().to_canonical()),
        Peer::Tcp(_) | Peer::Unix => None,
    }
}

/// The range that one address stands for: itself, or all of its subscriber's.
pub fn range_of(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    match IpNet::new(address, SUBSCRIBER_V6) {
        Ok(net) if address.is_ipv6() => net.trunc(),
        _ => address.into(),
    }
}

/// Reads an address, or a range of them in CIDR.
pub fn parse_range(text: &str) -> Option<IpNet> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(range_of(address));
    }
    let net: IpNet = text.parse().ok()?;
    // An IPv4 address as IPv6 shows it is kept as IPv4, and so is a range of them.
    let mapped = match net {
        IpNet::V6(net) if net.prefix_len() >= 96 => net.addr().to_ipv4_mapped(),
        _ => None,
    };
    let net = match mapped {
        Some(ip) => IpNet::new(ip.into(), net.prefix_len() - 96).ok()?,
        None => net,
    };
    Some(net.trunc())
}

/// Whether a range is wider than anybody means at first.
pub fn is_wide(net: IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.prefix_len() < WIDE_V4,
        IpNet::V6(net) => net.prefix_len() < WIDE_V6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bans() -> Bans {
        Bans::new(&RandomState::with_seeds(1, 2, 3, 4))
    }

    fn add(bans: &mut Bans, net: &str, kind: BanKind, until: Option<UnixMs>) -> u32 {
        let number = bans.mint().unwrap();
        bans.insert(Ban {
            number,
            target: BanTarget::Net(parse_range(net).unwrap()),
            kind,
            until,
            why: Some(net.into()),
            by: Name::parse("boss").unwrap(),
            at: 0,
        });
        bans.check_invariants();
        number
    }

    fn out<'a>(bans: &'a Bans, address: &str, unix_ms: UnixMs) -> Option<&'a str> {
        let address = Some(address.parse().unwrap());
        let verdict = bans.verdict(BanKind::Out, address, None, unix_ms)?;
        Some(verdict.why)
    }

    #[test]
    fn address_typed_is_itself_or_its_subscribers_range() {
        for (typed, range) in [
            ("203.0.113.7", Some("203.0.113.7/32")),
            ("203.0.113.7/24", Some("203.0.113.0/24")),
            ("2001:db8::7", Some("2001:db8::/64")),
            ("2001:db8::7/128", Some("2001:db8::7/128")),
            ("::ffff:203.0.113.7", Some("203.0.113.7/32")),
            ("::ffff:203.0.113.7/120", Some("203.0.113.0/24")),
            ("203.0.113.7/33", None),
            ("mallory", None),
            ("203.0.113", None),
        ] {
            let parsed = parse_range(typed).map(|net| net.to_string());
            assert_eq!(parsed.as_deref(), range, "{typed}");
        }
        for (net, wide) in [
            ("10.0.0.0/16", false),
            ("10.0.0.0/15", true),
            ("::/0", true),
            ("2001:db8::/32", false),
            ("2001:db8::/31", true),
        ] {
            assert_eq!(is_wide(net.parse().unwrap()), wide, "{net}");
        }
    }

    #[test]
    fn ban_past_its_time_catches_nobody_before_it_is_taken_out() {
        let mut bans = bans();
        let short = add(&mut bans, "203.0.113.7", BanKind::Out, Some(1000));
        let wide = add(&mut bans, "203.0.113.0/24", BanKind::Out, Some(2000));
        assert_eq!(out(&bans, "203.0.113.7", 999), Some("203.0.113.0/24"));
        assert_eq!(out(&bans, "203.0.113.8", 999), Some("203.0.113.0/24"));
        assert_eq!(out(&bans, "203.0.113.7", 2000), None);
        assert_eq!(bans.len(), 2);
        assert_eq!(bans.drop_past(1000, |_| false), [short]);
        assert_eq!(bans.drop_past(u64::MAX, |_| false), [wide]);
        bans.check_invariants();
        assert!(bans.mint().unwrap() > wide, "no number is given twice");
    }

    #[test]
    fn evader_in_the_same_64_is_caught() {
        let mut bans = bans();
        add(&mut bans, "2001:db8:0:1::7", BanKind::Out, None);
        assert!(out(&bans, "2001:db8:0:1:ffff:ffff:ffff:ffff", 0).is_some());
        assert_eq!(out(&bans, "2001:db8:0:2::7", 0), None);
    }

    #[test]
    fn kinds_are_told_apart_and_this_machine_has_no_address() {
        let mut bans = bans();
        add(&mut bans, "0.0.0.0/0", BanKind::Muted, None);
        assert_eq!(out(&bans, "203.0.113.7", 0), None);
        add(&mut bans, "::/0", BanKind::Out, None);
        for local in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(
                address_of(&Peer::Tcp(local.parse().unwrap())),
                None,
                "{local}"
            );
        }
        assert_eq!(address_of(&Peer::Unix), None);
        assert!(address_of(&Peer::Tcp("[2001:db8::1]:1".parse().unwrap())).is_some());
    }

    #[test]
    fn list_of_the_file_replaces_the_last_one() {
        let mut bans = bans();
        let listed = |net: &str| ListedBan {
            net: net.parse().unwrap(),
            why: "listed".into(),
        };
        bans.set_listed(vec![listed("203.0.113.0/24"), listed("2001:db8::/32")]);
        assert_eq!(out(&bans, "203.0.113.7", 0), Some("listed"));
        bans.set_listed(vec![listed("2001:db8::/32")]);
        assert_eq!(out(&bans, "203.0.113.7", 0), None);
        assert_eq!(out(&bans, "2001:db8::7", 0), Some("listed"));
    }
}
