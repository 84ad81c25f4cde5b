//! Who is let in, and who is not: places are counted, in all and for each address. And those who
//! came to the wrong port.

use std::net::{Ipv4Addr, Ipv6Addr};

use chinwag::chat::ids::Peer;

use crate::history::{History, WITNESS};
use crate::people::{ForeignProtocol, Person};
use crate::plan::Kind;

const HTTP_REQUESTS: [&[u8]; 3] = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\nPOST /say HTTP/1.0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\n",
];
const TLS_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

impl History {
    /// Where somebody comes from, and whose place they take, if those are counted.
    pub fn draw_peer(&mut self, number: usize) -> (Peer, Option<String>) {
        let port = 1 + u16::try_from(number % 60_000).unwrap();
        let is_remote = number != WITNESS && self.chance.one_in(5);
        let is_remote = is_remote || (self.plan.kind == Kind::Crammed && self.chance.one_in(2));
        if number == WITNESS || !is_remote {
            return match self.chance.below(3) {
                0 => (Peer::Unix, None),
                1 => (Peer::Tcp((Ipv6Addr::LOCALHOST, port).into()), None),
                _ => (Peer::Tcp((Ipv4Addr::LOCALHOST, port).into()), None),
            };
        }
        let house = u16::try_from(self.chance.below(4)).unwrap();
        let host = u16::try_from(self.chance.below(9)).unwrap();
        if self.chance.one_in(2) {
            // All of a /64 are one household, whichever host.
            let address = Ipv6Addr::new(0x2001, 0xdb8, 7, house, 0, 0, 0, 1 + host);
            let household = format!("2001:db8:7:{house}/64");
            return (Peer::Tcp((address, port).into()), Some(household));
        }
        let address = Ipv4Addr::new(192, 0, 2, 1 + u8::try_from(house).unwrap());
        (Peer::Tcp((address, port).into()), Some(address.to_string()))
    }

    /// Whether there is no place for somebody of this household.
    pub fn must_be_refused(&self, household: Option<&str>) -> bool {
        if self.plan.kind != Kind::Crammed {
            return false;
        }
        let here = |person: &&Person| !person.client.is_closed() && !person.was_refused;
        let here = self.people.iter().filter(here);
        let of_household = |person: &&Person| person.household.as_deref() == household;
        let limits = &self.plan.limits;
        here.clone().count() >= limits.clients_max
            || (household.is_some()
                && here.filter(of_household).count() >= limits.clients_per_address_max)
    }

    /// What comes to the wrong port. The rest would be chat, if it were read as that.
    pub fn knock(&mut self, who: usize) {
        let hello = match self.people[who].habits.stranger {
            Some(ForeignProtocol::Http) => self.chance.pick(&HTTP_REQUESTS),
            _ => TLS_HELLO,
        };
        let person = &mut self.people[who];
        person.outgoing = hello.to_vec();
        person
            .outgoing
            .extend_from_slice(b"\n#stranger\nnobody\n@c0: said this\n");
    }
}

/// Whoever was turned away got one line that says so.
pub fn check_refused(person: &Person) {
    let text = String::from_utf8_lossy(&person.output);
    let is_one_line = text.ends_with('\n') && text.lines().count() == 1;
    assert!(
        person.is_reset || (is_one_line && text.starts_with("! ")),
        "{} was to be turned away, and got {text:?}",
        person.name
    );
}

/// A stranger is answered in its own protocol, at last and with nothing else but a greeting.
pub fn check_stranger(person: &Person, stranger: ForeignProtocol) {
    if person.is_reset || person.has_half_closed {
        return;
    }
    let text = String::from_utf8_lossy(&person.output);
    let answer = match stranger {
        ForeignProtocol::Http => text.find("HTTP/1.1 400 "),
        ForeignProtocol::Tls => text.find("\u{15}\u{3}"),
    };
    let greeting = answer.and_then(|start| text.get(..start));
    let greeting = greeting.unwrap_or_else(|| panic!("a stranger was answered {text:?}"));
    assert!(
        greeting.lines().all(|line| line.starts_with("* ")),
        "a stranger got {text:?}"
    );
}
