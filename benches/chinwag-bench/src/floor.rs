//! The floor: the least that any relay on one thread and one poll must do for the same bytes.
//!
//! It speaks as much of the protocol as a load test needs, and has nothing else of a server: no
//! limits, no names, no check of what is sent. A line's target is a number, read in the line; the
//! line is appended to the target's buffer; each socket is written once a turn. What a server
//! costs more than this is what it does for its users.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::client::{CLIENTS_MAX, NAME_BYTES};
use crate::dialect::ROOM;

/// As much as is read from one client at once.
const READ_BYTES: usize = 64 << 10;

/// As many events as the server takes from one poll.
const EVENTS_MAX: usize = 1024;

const LISTENER: Token = Token(usize::MAX);

/// One client: its socket, what it is sent, and half a line.
#[derive(Debug)]
struct Client {
    stream: TcpStream,
    out: Vec<u8>,
    partial: Vec<u8>,
    name: [u8; NAME_BYTES],
    in_room: bool,
    dirty: bool,
    blocked: bool,
}

/// The relay.
#[derive(Debug)]
pub struct Floor {
    poll: Poll,
    listener: TcpListener,
    relay: Relay,
    scratch: Vec<u8>,
}

#[derive(Debug, Default)]
struct Relay {
    clients: Slab<Client>,
    /// The slot of each number.
    slots: Vec<Option<usize>>,
    /// Slots of those in the room.
    room: Vec<usize>,
    dirty: Vec<usize>,
    closed: Vec<usize>,
    /// Empty buffers: an idle client holds none.
    spare: Vec<Vec<u8>>,
}

impl Floor {
    /// Listens at an address.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(address)?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            relay: Relay::default(),
            scratch: vec![0; READ_BYTES],
        })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Relays until the process ends.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept()?;
                    continue;
                }
                let slot = event.token().0;
                if event.is_writable() {
                    self.relay.writable(slot);
                }
                if event.is_readable() {
                    let ends = event.is_read_closed();
                    self.relay.readable(slot, ends, &mut self.scratch);
                }
            }
            self.relay.flush();
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Ok((mut stream, _)) = self.listener.accept() {
            // Whoever is gone already is noticed by the first read.
            let _ = stream.set_nodelay(true);
            let entry = self.relay.clients.vacant_entry();
            self.poll.registry().register(
                &mut stream,
                Token(entry.key()),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            entry.insert(Client {
                stream,
                out: Vec::new(),
                partial: Vec::new(),
                name: [0; NAME_BYTES],
                in_room: false,
                dirty: false,
                blocked: false,
            });
        }
        Ok(())
    }
}

impl Relay {
    fn writable(&mut self, slot: usize) {
        if let Some(client) = self.clients.get_mut(slot)
            && std::mem::take(&mut client.blocked)
            && !client.out.is_empty()
        {
            self.mark(slot);
        }
    }

    fn readable(&mut self, slot: usize, ends: bool, scratch: &mut [u8]) {
        while let Some(client) = self.clients.get_mut(slot) {
            let kept = client.partial.len();
            let Some((before, room)) = scratch.split_at_mut_checked(kept) else {
                return self.close(slot);
            };
            before.copy_from_slice(&client.partial);
            let count = match client.stream.read(room) {
                Ok(0) => return self.close(slot),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.close(slot),
            };
            client.partial.clear();
            let is_more = count == room.len();
            let bytes = scratch.get(..kept + count).unwrap_or_default();
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', bytes) {
                self.line(slot, bytes.get(start..end).unwrap_or_default());
                start = end + 1;
            }
            if let (Some(client), Some(rest)) = (self.clients.get_mut(slot), bytes.get(start..)) {
                client.partial.extend_from_slice(rest);
            }
            if !is_more && !ends {
                return;
            }
        }
    }

    fn line(&mut self, from: usize, line: &[u8]) {
        match line {
            [b'@', rest @ ..] => self.private(from, rest),
            [b'#', name @ ..] => self.register(from, name),
            [b'/', b'j', ..] => self.join(from),
            [b'/', ..] => self.close(from),
            text => self.say(from, text),
        }
    }

    fn private(&mut self, from: usize, line: &[u8]) {
        let Some((name, rest)) = line.split_at_checked(NAME_BYTES) else {
            return;
        };
        let Some(sender) = self.clients.get(from).map(|client| client.name) else {
            return;
        };
        let slot = self.slots.get(number_of(name)).copied().flatten();
        if let (Some(slot), [b':', text @ ..]) = (slot, rest) {
            self.append(slot, &[b"@", &sender, b": ", text, b"\n"]);
        }
    }

    fn say(&mut self, from: usize, text: &[u8]) {
        let Some(sender) = self.clients.get(from).map(|client| client.name) else {
            return;
        };
        let room = std::mem::take(&mut self.room);
        for slot in room.iter().filter(|slot| **slot != from) {
            self.append(*slot, &[&sender, b": ", text, b"\n"]);
        }
        self.room = room;
    }

    fn register(&mut self, from: usize, name: &[u8]) {
        let number = number_of(name);
        if self.slots.len() <= number {
            self.slots.resize(number + 1, None);
        }
        if let Some(place) = self.slots.get_mut(number) {
            *place = Some(from);
        }
        if let (Some(client), Some(name)) = (self.clients.get_mut(from), name.first_chunk()) {
            client.name = *name;
        }
        self.append(from, &[b"* You are registered as ", name, b".\n"]);
    }

    fn join(&mut self, from: usize) {
        if let Some(client) = self.clients.get_mut(from)
            && !std::mem::replace(&mut client.in_room, true)
        {
            self.room.push(from);
        }
        let room = ROOM.as_bytes();
        self.append(from, &[b"* You are in ", room, b".\n"]);
    }

    fn append(&mut self, slot: usize, parts: &[&[u8]]) {
        if let Some(client) = self.clients.get_mut(slot) {
            if client.out.capacity() == 0 {
                client.out = self.spare.pop().unwrap_or_default();
            }
            for part in parts {
                client.out.extend_from_slice(part);
            }
            if !client.blocked {
                self.mark(slot);
            }
        }
    }

    fn mark(&mut self, slot: usize) {
        if let Some(client) = self.clients.get_mut(slot)
            && !std::mem::replace(&mut client.dirty, true)
        {
            self.dirty.push(slot);
        }
    }

    fn close(&mut self, slot: usize) {
        self.closed.push(slot);
    }

    /// One write for each who is sent something; then whoever ended is forgotten.
    fn flush(&mut self) {
        for slot in self.dirty.drain(..) {
            let Some(client) = self.clients.get_mut(slot) else {
                continue;
            };
            client.dirty = false;
            match client.stream.write(&client.out) {
                Ok(count) if count == client.out.len() => client.out.clear(),
                Ok(count) => {
                    client.out.drain(..count);
                    client.blocked = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => client.blocked = true,
                Err(_) => client.out.clear(),
            }
            if client.out.is_empty() {
                self.spare.push(std::mem::take(&mut client.out));
            }
        }
        for slot in std::mem::take(&mut self.closed) {
            if let Some(client) = self.clients.try_remove(slot) {
                if client.in_room {
                    self.room.retain(|member| *member != slot);
                }
                // Whoever never said a name has that of nobody.
                if let Some(place) = self.slots.get_mut(number_of(&client.name)) {
                    place.take_if(|known| *known == slot);
                }
            }
        }
    }
}

/// The number in a name; that of nobody, if there is none.
fn number_of(name: &[u8]) -> usize {
    name.iter()
        .filter(|byte| byte.is_ascii_digit())
        .fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
        .min(CLIENTS_MAX)
}
