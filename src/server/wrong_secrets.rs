//! Wrong passwords and tokens, as the log has them: summed up, once a minute for each address. A guesser must not
//! fill the log, and an operator must see where guesses come from.

use std::collections::HashMap;
use std::time::Duration;

use ahash::RandomState;

use crate::chat::ids::AddressKey;
use crate::chat::time::Timestamp;

/// How long they are gathered.
const INTERVAL: Duration = Duration::from_secs(60);

/// Addresses that are told apart in that time: the lines of one minute. Others are one line together.
const ADDRESSES_MAX: usize = 100;

/// Those that are not logged yet.
#[derive(Debug)]
pub struct WrongSecrets {
    by_address: HashMap<AddressKey, u64, RandomState>,
    /// Of further addresses.
    others: u64,
    /// When they are logged; never, if there are none.
    due_at: Timestamp,
}

impl WrongSecrets {
    /// None yet. The seed keeps clients from choosing addresses that collide.
    pub fn new(hasher: RandomState) -> Self {
        Self {
            by_address: HashMap::with_hasher(hasher),
            others: 0,
            due_at: Timestamp::NEVER,
        }
    }

    /// Notes one.
    pub fn note(&mut self, now: Timestamp, from: AddressKey) {
        self.due_at = self.due_at.min(now.after(INTERVAL));
        if self.by_address.len() >= ADDRESSES_MAX && !self.by_address.contains_key(&from) {
            self.others += 1;
        } else {
            *self.by_address.entry(from).or_default() += 1;
        }
    }

    /// When they are to be logged.
    pub fn due_at(&self) -> Timestamp {
        self.due_at
    }

    /// Logs them, if it is time.
    pub fn expire(&mut self, now: Timestamp) {
        if self.due_at <= now {
            self.log();
        }
    }

    /// Logs them now.
    pub fn log(&mut self) {
        for line in self.take_lines() {
            log::warn!("{line}");
        }
    }

    fn take_lines(&mut self) -> Vec<String> {
        self.due_at = Timestamp::NEVER;
        let words = |count, from: &str| match count {
            1 => format!("a wrong password from {from}"),
            _ => format!("{count} wrong passwords from {from}"),
        };
        let by_address = self.by_address.drain();
        let mut lines: Vec<String> = by_address
            .map(|(from, count)| words(count, &from.to_string()))
            .collect();
        lines.sort_unstable();
        match std::mem::take(&mut self.others) {
            0 => {}
            others => lines.push(words(others, "further addresses")),
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn guesses_of_a_minute_are_one_line_for_each_address() {
        let mut wrong = WrongSecrets::new(RandomState::with_seeds(1, 2, 3, 4));
        let (start, address) = (Timestamp::default(), |last| {
            AddressKey::V4(Ipv4Addr::new(192, 0, 2, last))
        });
        assert_eq!(wrong.due_at(), Timestamp::NEVER);
        wrong.note(start, address(7));
        wrong.note(start.after(INTERVAL / 2), address(7));
        wrong.note(start.after(INTERVAL / 2), AddressKey::V6(0x2001_0db8 << 32));
        assert_eq!(wrong.due_at(), start.after(INTERVAL), "the first decides");
        let lines = [
            "2 wrong passwords from 192.0.2.7",
            "a wrong password from 2001:db8::/64",
        ];
        assert_eq!(wrong.take_lines(), lines);
        assert_eq!(wrong.due_at(), Timestamp::NEVER);
        for last in 0..=200 {
            wrong.note(start, address(last));
            wrong.note(start, address(0));
        }
        let lines = wrong.take_lines();
        assert_eq!(lines.len(), ADDRESSES_MAX + 1);
        assert_eq!(
            lines.last().unwrap(),
            "101 wrong passwords from further addresses"
        );
        assert!(lines.contains(&"202 wrong passwords from 192.0.2.0".to_owned()));
    }
}
