//! Admission: connections are counted, in all and for each address. Foreign protocols: HTTP and TLS.

use std::net::{Ipv4Addr, Ipv6Addr};

use chinwag::chat::ids::Peer;

use crate::clients::{Client, ForeignProtocol};
use crate::history::{History, WITNESS};
use crate::plan::Kind;

const HTTP_REQUESTS: [&[u8]; 3] = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\nPOST /say HTTP/1.0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\n",
];
const TLS_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

impl History {
    /// A peer address, and the address that its connection counts for, if those are counted.
    pub fn draw_peer(&mut self, number: usize) -> (Peer, Option<String>) {
        let port = 1 + u16::try_from(number % 60_000).unwrap();
        let is_remote = number != WITNESS && self.rng.one_in(5);
        let is_remote = is_remote || (self.plan.kind == Kind::Crammed && self.rng.one_in(2));
        if number == WITNESS || !is_remote {
            return match self.rng.below(3) {
                0 => (Peer::Unix, None),
                1 => (Peer::Tcp((Ipv6Addr::LOCALHOST, port).into()), None),
                _ => (Peer::Tcp((Ipv4Addr::LOCALHOST, port).into()), None),
            };
        }
        let house = u16::try_from(self.rng.below(4)).unwrap();
        let host = u16::try_from(self.rng.below(9)).unwrap();
        if self.rng.one_in(2) {
            // All hosts of a /64 are one household.
            let address = Ipv6Addr::new(0x2001, 0xdb8, 7, house, 0, 0, 0, 1 + host);
            let address_key = format!("2001:db8:7:{house}/64");
            return (Peer::Tcp((address, port).into()), Some(address_key));
        }
        let address = Ipv4Addr::new(192, 0, 2, 1 + u8::try_from(house).unwrap());
        (Peer::Tcp((address, port).into()), Some(address.to_string()))
    }

    /// Whether a connection that counts for this address must be refused.
    pub fn must_be_refused(&self, address_key: Option<&str>) -> bool {
        if self.plan.kind != Kind::Crammed {
            return false;
        }
        let here = |client: &&Client| !client.connection.is_closed() && !client.was_refused;
        let here = self.clients.iter().filter(here);
        let of_address_key = |client: &&Client| client.address_key.as_deref() == address_key;
        let limits = &self.plan.limits;
        here.clone().count() >= limits.clients_max
            || (address_key.is_some()
                && here.filter(of_address_key).count() >= limits.clients_per_address_max)
    }

    /// Sends the first bytes of another protocol. The rest would be chat, were it executed.
    pub fn send_foreign_bytes(&mut self, index: usize) {
        let hello = match self.clients[index].habits.foreign {
            Some(ForeignProtocol::Http) => self.rng.pick(&HTTP_REQUESTS),
            _ => TLS_HELLO,
        };
        let client = &mut self.clients[index];
        client.outgoing = hello.to_vec();
        client
            .outgoing
            .extend_from_slice(b"\n#stranger\nnobody\n@c0: said this\n");
    }
}

/// A refused connection got one line with the reason.
pub fn check_refused(client: &Client) {
    let text = String::from_utf8_lossy(&client.output);
    let is_one_line = text.ends_with('\n') && text.lines().count() == 1;
    assert!(
        client.is_reset || (is_one_line && text.starts_with("! ")),
        "{} was to be turned away, and got {text:?}",
        client.name
    );
}

/// A foreign protocol got its own answer last, and before it at most a greeting.
pub fn check_foreign(client: &Client, foreign: ForeignProtocol) {
    if client.is_reset || client.has_half_closed {
        return;
    }
    let text = String::from_utf8_lossy(&client.output);
    let answer = match foreign {
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
