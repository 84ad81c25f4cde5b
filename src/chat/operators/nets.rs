//! Ranges of addresses, found by an address in them.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ahash::RandomState;
use ipnet::IpNet;
use smallvec::SmallVec;

/// Numbers of things, by ranges of addresses. A look-up costs one step for each length that some range has,
/// however many there are: it is done for every connection.
#[derive(Debug)]
pub struct Nets {
    by_net: HashMap<IpNet, SmallVec<[u32; 1]>, RandomState>,
    /// How many entries have ranges of a family and a length.
    lengths: BTreeMap<(bool, u8), usize>,
}

impl Nets {
    pub fn new(hasher: RandomState) -> Self {
        Self {
            by_net: HashMap::with_hasher(hasher),
            lengths: BTreeMap::new(),
        }
    }

    pub fn insert(&mut self, net: IpNet, number: u32) {
        let net = net.trunc();
        self.by_net.entry(net).or_default().push(number);
        *self.lengths.entry(length_of(net)).or_default() += 1;
    }

    pub fn remove(&mut self, net: IpNet, number: u32) {
        let net = net.trunc();
        let Some(numbers) = self.by_net.get_mut(&net) else {
            return;
        };
        numbers.retain(|other| *other != number);
        if numbers.is_empty() {
            self.by_net.remove(&net);
        }
        if let Some(count) = self.lengths.get_mut(&length_of(net)) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&length_of(net));
            }
        }
    }

    /// The numbers of all ranges that an address is in.
    pub fn of(&self, address: IpAddr) -> impl Iterator<Item = u32> {
        let address = address.to_canonical();
        let family = address.is_ipv6();
        let lengths = self.lengths.range((family, 0)..=(family, u8::MAX));
        let nets = lengths.filter_map(move |((_, length), _)| {
            let net = IpNet::new(address, *length).ok()?;
            self.by_net.get(&net.trunc())
        });
        nets.flatten().copied()
    }
}

fn length_of(net: IpNet) -> (bool, u8) {
    (matches!(net, IpNet::V6(_)), net.prefix_len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_found_in_every_range_that_it_is_in() {
        let mut nets = Nets::new(RandomState::with_seeds(1, 2, 3, 4));
        let all = [
            "203.0.113.0/24",
            "203.0.113.7/32",
            "203.0.0.0/16",
            "2001:db8::/64",
        ];
        for (number, net) in (0..).zip(all) {
            nets.insert(net.parse().unwrap(), number);
        }
        let of = |nets: &Nets, address: &str| {
            let mut found: Vec<u32> = nets.of(address.parse().unwrap()).collect();
            found.sort_unstable();
            found
        };
        assert_eq!(of(&nets, "203.0.113.7"), [0, 1, 2]);
        assert_eq!(of(&nets, "::ffff:203.0.113.7"), [0, 1, 2]);
        assert_eq!(of(&nets, "203.0.114.1"), [2]);
        assert_eq!(of(&nets, "203.1.0.0"), [0; 0]);
        assert_eq!(of(&nets, "2001:db8::ffff"), [3]);
        assert_eq!(of(&nets, "2001:db8:0:1::"), [0; 0]);
        nets.remove("203.0.113.0/24".parse().unwrap(), 0);
        assert_eq!(of(&nets, "203.0.113.7"), [1, 2]);
        assert_eq!(nets.lengths.len(), 3);
    }
}
