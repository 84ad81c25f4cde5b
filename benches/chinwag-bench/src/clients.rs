//! All clients of a load test, and what a workload can have them do.

use std::collections::VecDeque;
use std::mem;

use crate::client::{Client, ClientNo, Reads, State};
use crate::dialect::Dialect;

pub struct Clients {
    pub dialect: &'static Dialect,
    pub size: usize,
    /// Bytes of messages that are longer than the others, if there are any.
    pub long_size: Option<usize>,
    all: Vec<Client>,
    /// How many are registered, and in the room if they asked for that.
    pub ready: usize,
    pub registering: usize,
    pub joining: usize,
    pub opening: VecDeque<Opening>,
    /// Clients with output to write at the end of this turn.
    pub unwritten: Vec<ClientNo>,
    /// Clients to read from, although the poll has told nothing new of them.
    pub rereading: Vec<ClientNo>,
    /// Clients to close at the end of this turn.
    pub closing: Vec<ClientNo>,
}

pub struct Opening {
    pub who: ClientNo,
    /// The first words.
    pub says: Vec<u8>,
    /// What it is from then on: registering, or a stranger.
    pub state: State,
    /// The server may close the connection, and that is no trouble.
    pub is_visitor: bool,
    /// The receive buffer; the kernel's choice without.
    pub receive_bytes: Option<usize>,
}

impl Clients {
    pub fn new(dialect: &'static Dialect, size: usize, count: usize) -> Self {
        let mut all = Vec::new();
        all.resize_with(count, Client::default);
        Self {
            dialect,
            size,
            long_size: None,
            all,
            ready: 0,
            registering: 0,
            joining: 0,
            opening: VecDeque::new(),
            unwritten: Vec::new(),
            rereading: Vec::new(),
            closing: Vec::new(),
        }
    }

    pub fn get(&self, who: ClientNo) -> Option<&Client> {
        self.all.get(who.index())
    }

    pub fn get_mut(&mut self, who: ClientNo) -> Option<&mut Client> {
        self.all.get_mut(who.index())
    }

    /// How many connections there are, whatever they are for.
    pub fn connected(&self) -> usize {
        let is_connected = |client: &&Client| client.socket.is_some();
        self.all.iter().filter(is_connected).count()
    }

    /// Whether a client waits to be connected, registered or in the room.
    pub fn is_pending(&self) -> bool {
        self.registering + self.joining + self.opening.len() > 0
    }

    /// Whether no client is connected, nor will be: the server is gone.
    pub fn is_deserted(&self) -> bool {
        self.ready == 0 && !self.is_pending()
    }

    /// Changes a client's state, and returns what it was.
    pub fn set_state(&mut self, who: ClientNo, state: State) -> State {
        let Some(client) = self.get_mut(who) else {
            return State::Closed;
        };
        let before = mem::replace(&mut client.state, state);
        if let Some(count) = self.count(before) {
            *count -= 1;
        }
        if let Some(count) = self.count(state) {
            *count += 1;
        }
        before
    }

    fn count(&mut self, state: State) -> Option<&mut usize> {
        match state {
            State::Registering => Some(&mut self.registering),
            State::Joining => Some(&mut self.joining),
            State::Ready => Some(&mut self.ready),
            State::Closed | State::Stranger => None,
        }
    }

    pub fn raw(&mut self, who: ClientNo, bytes: &[u8]) {
        self.append(who, |output| output.extend_from_slice(bytes));
    }

    /// Enters the room; the workload is told when that is done.
    pub fn join(&mut self, who: ClientNo) {
        if self.get(who).map(|client| client.state) == Some(State::Ready) {
            self.set_state(who, State::Joining);
        }
        self.raw(who, self.dialect.join.as_bytes());
    }

    /// Takes leave, by the server's word for it or by closing.
    pub fn quit(&mut self, who: ClientNo) {
        if let Some(client) = self.get_mut(who) {
            client.may_be_closed = true;
        }
        match self.dialect.quit {
            Some(word) => self.raw(who, word.as_bytes()),
            None => self.closing.push(who),
        }
    }

    /// Sends nothing more, and reads on until the server closes.
    pub fn finish(&mut self, who: ClientNo) {
        if let Some(client) = self.get_mut(who) {
            client.finish_sending();
        }
    }

    pub fn finish_all(&mut self) {
        self.opening.clear();
        self.all.iter_mut().for_each(Client::finish_sending);
    }

    /// The server is about to end all connections, and that is no trouble.
    pub fn expect_end(&mut self) {
        self.all
            .iter_mut()
            .for_each(|client| client.may_be_closed = true);
    }

    /// Closes by a reset, without a word.
    pub fn reset(&mut self, who: ClientNo) {
        if let Some(client) = self.get(who) {
            client.set_reset();
        }
        self.closing.push(who);
    }

    /// Connects and registers, also anew; the workload is told when that is done.
    pub fn open(&mut self, who: ClientNo) {
        self.open_with(who, None);
    }

    pub fn open_with(&mut self, who: ClientNo, receive_bytes: Option<usize>) {
        self.opening.push_back(Opening {
            who,
            says: self.dialect.register(who).into_bytes(),
            state: State::Registering,
            is_visitor: false,
            receive_bytes,
        });
    }

    pub fn unsent(&self, who: ClientNo) -> usize {
        self.get(who).map_or(0, Client::unsent)
    }

    pub fn set_reads(&mut self, who: ClientNo, reads: Reads) {
        if let Some(client) = self.get_mut(who)
            && mem::replace(&mut client.reads, reads) != Reads::All
            && client.is_readable
            && reads != Reads::Nothing
        {
            self.rereading.push(who);
        }
    }

    pub fn append(&mut self, who: ClientNo, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(client) = self.all.get_mut(who.index()) else {
            return;
        };
        // What is said without a connection is lost, and need not be kept.
        if client.socket.is_some() {
            write(&mut client.output);
            if !mem::replace(&mut client.is_unwritten, true) {
                self.unwritten.push(who);
            }
        }
    }
}
