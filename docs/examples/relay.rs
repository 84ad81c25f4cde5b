//! A chat relay on one thread: the daemon's event loop, and nothing around it.
//!
//! Read this first, and the daemon after it. Both take the same turn, again and again:
//!
//! 1. **poll**: sleep until sockets are ready
//! 2. **read**: take what each ready socket has, into one buffer that all share
//! 3. **split**: cut the bytes into lines, and keep an unfinished line for the next read
//! 4. **route**: find the recipients, by the line's first byte
//! 5. **queue**: append the line to the output of each recipient
//! 6. **write**: call the kernel once for each socket that has output; closes come last
//!
//! ```sh
//! cargo run --example relay        # listens on 127.0.0.1:12346, or on the address it is given
//! nc localhost 12346               # #alice registers, @bob:hello is private, /join enters the room
//! ```
//!
//! `chinwag-bench floor` is this same file: a server's cost above it is what it does for its users.
//! Each `Shortcut:` names a thing left out, and what the daemon does instead.

use std::io::{self, Read as _, Write as _};
use std::mem;

use arrayvec::ArrayVec;
use memchr::memchr;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

/// The listener's token; a client's is its place in the slab.
/// Shortcut: no generation; the daemon's tokens have one, so that a late event of a closed connection
/// misses the client that has its place now.
const LISTENER: Token = Token(usize::MAX);

/// Bytes taken by one read, and the longest line.
const BUFFER_BYTES: usize = 64 << 10;
type Name = ArrayVec<u8, 24>;
const NAME_PLACES: usize = 1 << 17;

struct Client {
    stream: TcpStream,
    name: Name,
    /// The start of a line that has no end yet.
    partial: Vec<u8>,
    /// Lines for this client that are not written yet.
    /// Shortcut: they may grow for ever; the daemon skips room lines for a slow reader, tells it how
    /// many, and closes it at a limit.
    output: Vec<u8>,
    is_unwritten: bool,
    /// The kernel takes no more until the poll says that the socket is writable.
    is_blocked: bool,
}

/// The server: its connections, and the rest of this turn's work.
#[derive(Default)]
struct Relay {
    clients: Slab<Client>,
    /// The client at each name's place.
    names: Vec<Option<usize>>,
    /// Members of the room. Shortcut: there is one; the daemon has many.
    room: Vec<usize>,
    /// Clients with output to write at the end of this turn.
    unwritten: Vec<usize>,
    /// Clients to close after that.
    closing: Vec<usize>,
    /// Empty buffers: a client without output holds none.
    pool: Vec<Vec<u8>>,
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:12346");
    let listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
    let _ = writeln!(io::stderr(), "listening on {}", listener.local_addr()?);
    serve(listener)
}

/// Serves until the process ends, one turn after another.
/// Shortcut: only a signal's default action ends it, and queued lines are lost; the daemon says
/// goodbye, and writes them first.
pub(crate) fn serve(mut listener: TcpListener) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut relay = Relay {
        names: vec![None; NAME_PLACES],
        ..Relay::default()
    };
    (poll.registry()).register(&mut listener, LISTENER, Interest::READABLE)?;
    loop {
        if let Err(error) = poll.poll(&mut events, None)
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(error);
        }
        for event in &events {
            let Token(id) = event.token();
            if event.token() == LISTENER {
                relay.accept(&listener, &poll)?;
                continue;
            }
            if event.is_writable() {
                relay.unblock(id);
            }
            if event.is_readable() {
                relay.read(id, event.is_read_closed(), &mut buffer);
            }
        }
        relay.write_all();
        relay.close_all();
    }
}

impl Relay {
    /// Admits the connections that wait.
    /// Shortcut: an error ends the batch, and the rest waits for the next event; the daemon tries again,
    /// has limits, and tells a client that it cannot admit why.
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.set_nodelay(true);
            let place = self.clients.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            (poll.registry()).register(&mut stream, Token(place.key()), interest)?;
            place.insert(Client {
                stream,
                name: Name::new(),
                partial: Vec::new(),
                output: Vec::new(),
                is_unwritten: false,
                is_blocked: false,
            });
        }
        Ok(())
    }

    /// Reads until the kernel has no more: an edge-triggered poll tells of these bytes only once.
    /// Shortcut: one client that sends without end keeps all others waiting; the daemon gives each a
    /// share of bytes and lines per turn, and limits its lines per second.
    fn read(&mut self, id: usize, is_closed: bool, buffer: &mut [u8]) {
        while let Some(client) = self.clients.get_mut(id) {
            // Behind the start of its line, so that the whole line lies in one piece.
            let kept = client.partial.len();
            let Some((start, free)) = buffer.split_at_mut_checked(kept) else {
                return self.closing.push(id);
            };
            start.copy_from_slice(&client.partial);
            let count = match client.stream.read(free) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => return self.closing.push(id),
                Ok(count) => count,
            };
            client.partial.clear();
            let is_full = count == free.len();
            self.split(id, buffer.get(..kept + count).unwrap_or_default());
            // A read with room left over has emptied the socket, unless its end is behind it.
            if !is_full && !is_closed {
                return;
            }
        }
    }

    /// Routes each whole line, and keeps the bytes behind the last.
    /// Shortcut: bytes are taken as they are; the daemon answers telnet, carries out erasing, knows
    /// CRLF, and lets no control character through to a terminal.
    fn split(&mut self, id: usize, mut bytes: &[u8]) {
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            self.route(id, line);
            bytes = rest.get(1..).unwrap_or_default();
        }
        if let Some(client) = self.clients.get_mut(id) {
            client.partial.extend_from_slice(bytes);
        }
    }

    /// Shortcut: what makes no sense is dropped; the daemon says what was wrong with it.
    fn route(&mut self, from: usize, line: &[u8]) {
        match line {
            [b'#', name @ ..] => self.register(from, name),
            [b'@', message @ ..] => self.send_private(from, message),
            [b'/', b'j', b'o', b'i', b'n', room @ ..] => self.join(from, room.trim_ascii()),
            [b'/', ..] => self.closing.push(from),
            text => self.send_to_room(from, text),
        }
    }

    /// Shortcut: the last to come has the name; the daemon refuses a name that is taken.
    fn register(&mut self, from: usize, name: &[u8]) {
        if let Some(client) = self.clients.get_mut(from) {
            client.name.clear();
            let _ = client.name.try_extend_from_slice(name);
        }
        if let Some(holder) = self.names.get_mut(place_of(name)) {
            *holder = Some(from);
        }
        self.queue(from, &[b"* You are registered as ", name, b".\n"]);
    }

    fn send_private(&mut self, from: usize, message: &[u8]) {
        let colon = memchr(b':', message).unwrap_or(message.len());
        let (to, text) = message.split_at(colon);
        let to = self.names.get(place_of(to)).copied().flatten();
        if let (Some(to), [b':', text @ ..]) = (to, text) {
            let name = self.name_of(from);
            self.queue(to, &[b"@", &name, b": ", text, b"\n"]);
        }
    }

    /// Shortcut: a line is put together for each member, and all of them in one turn; the daemon
    /// encodes it once for each style, and spreads a big room over several turns.
    fn send_to_room(&mut self, from: usize, text: &[u8]) {
        let name = self.name_of(from);
        let room = mem::take(&mut self.room);
        for member in room.iter().filter(|member| **member != from) {
            self.queue(*member, &[&name, b": ", text, b"\n"]);
        }
        self.room = room;
    }

    fn join(&mut self, from: usize, room: &[u8]) {
        if !self.room.contains(&from) {
            self.room.push(from);
        }
        self.queue(from, &[b"* You are in ", room, b".\n"]);
    }

    fn name_of(&self, id: usize) -> Name {
        let name = self.clients.get(id).map(|client| &client.name[..]);
        name.and_then(|name| name.try_into().ok())
            .unwrap_or_default()
    }

    /// Appends to a client's output. The kernel is not called for each line, only once a turn.
    fn queue(&mut self, to: usize, parts: &[&[u8]]) {
        let Some(client) = self.clients.get_mut(to) else {
            return;
        };
        if client.output.capacity() == 0 {
            client.output = self.pool.pop().unwrap_or_default();
        }
        for part in parts {
            client.output.extend_from_slice(part);
        }
        if !client.is_blocked && !mem::replace(&mut client.is_unwritten, true) {
            self.unwritten.push(to);
        }
    }

    /// The kernel takes bytes again, if there are any.
    fn unblock(&mut self, id: usize) {
        if let Some(client) = self.clients.get_mut(id)
            && mem::take(&mut client.is_blocked)
            && !client.output.is_empty()
        {
            client.is_unwritten = true;
            self.unwritten.push(id);
        }
    }

    /// One write for each client with output; what the kernel does not take waits for its "writable".
    fn write_all(&mut self) {
        for id in self.unwritten.drain(..) {
            let Some(client) = self.clients.get_mut(id) else {
                continue;
            };
            client.is_unwritten = false;
            let count = match client.stream.write(&client.output) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(_) => client.output.len(), // the next read says that it is broken
            };
            client.output.drain(..count);
            client.is_blocked = !client.output.is_empty();
            if client.output.is_empty() {
                self.pool.push(mem::take(&mut client.output));
            }
        }
    }

    /// Closes last: until here, nothing in this turn could take a closed client's place.
    fn close_all(&mut self) {
        for id in mem::take(&mut self.closing) {
            let Some(client) = self.clients.try_remove(id) else {
                continue;
            };
            self.room.retain(|member| *member != id);
            if let Some(holder) = self.names.get_mut(place_of(&client.name)) {
                holder.take_if(|holder| *holder == id);
            }
        }
    }
}

/// Where a name stands in the table: numbers, which load tests put into names, stand side by side.
/// Shortcut: two names may have one place; the daemon has a hash table with a secret of its own, so
/// that no client can choose names that collide.
fn place_of(name: &[u8]) -> usize {
    let digit = |byte: &u8| usize::from(byte.wrapping_sub(b'0'));
    name.iter()
        .fold(0, |place, byte| (place * 10 + digit(byte)) % NAME_PLACES)
}
