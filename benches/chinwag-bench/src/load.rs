//! What all clients of a run do: residents chat, and others come and go beside them.

use crate::client::ClientNo;
use crate::clients::Clients;
use crate::stamp::{Kind, Stamp};
use crate::swarm::Workload;
use crate::timestamp::Timestamp;
use crate::traffic::Chat;

/// What goes on beside the chat. Of clients, it is told of those that are no residents.
pub trait Beside {
    /// The warm-up begins.
    fn start(&mut self, _out: &mut Clients) {}

    /// What is measured begins.
    fn begin(&mut self, now: Timestamp, out: &mut Clients);

    /// The measured phase ends, and nothing more is to be sent.
    fn end(&mut self, out: &mut Clients);

    fn ready(&mut self, at: Timestamp, who: ClientNo, out: &mut Clients);

    fn closed(&mut self, who: ClientNo, out: &mut Clients);

    /// Does what is due, and returns when the next is.
    fn due(&mut self, _now: Timestamp, _out: &mut Clients) -> Timestamp {
        Timestamp::NEVER
    }
}

/// A workload that is measured. Its life: [`start`](Measured::start), a while to warm up,
/// [`begin`](Measured::begin), a while measured, [`end`](Measured::end); then messages in flight arrive.
pub trait Measured: Workload {
    fn start(&mut self, now: Timestamp, out: &mut Clients);

    fn begin(&mut self, now: Timestamp, out: &mut Clients);

    fn end(&mut self, now: Timestamp, out: &mut Clients);
}

/// Residents that chat, and others.
pub struct Load<B> {
    pub chat: Chat,
    /// The first clients are there from beginning to end.
    pub residents: usize,
    pub beside: B,
}

impl<B> Load<B> {
    fn is_resident(&self, who: ClientNo) -> bool {
        who.index() < self.residents
    }
}

impl<B: Beside> Measured for Load<B> {
    fn start(&mut self, now: Timestamp, out: &mut Clients) {
        self.beside.start(out);
        self.chat.start(now, out);
    }

    fn begin(&mut self, now: Timestamp, out: &mut Clients) {
        self.chat.begin(now);
        self.beside.begin(now, out);
    }

    fn end(&mut self, now: Timestamp, out: &mut Clients) {
        self.chat.end(now);
        self.beside.end(out);
    }
}

impl<B: Beside> Workload for Load<B> {
    fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: Stamp, out: &mut Clients) {
        match stamp.kind {
            _ if self.is_resident(by) => self.chat.arrived(at, by, &stamp, out),
            Kind::Private => self.chat.strayed += 1,
            // When others were in the room is not known here.
            Kind::Room => {}
        }
    }

    fn missed(&mut self, by: ClientNo, lines: u64) {
        if self.is_resident(by) {
            self.chat.missed(by, lines);
        }
    }

    fn ready(&mut self, at: Timestamp, who: ClientNo, out: &mut Clients) {
        if !self.is_resident(who) {
            self.beside.ready(at, who, out);
        }
    }

    fn closed(&mut self, who: ClientNo, out: &mut Clients) {
        if !self.is_resident(who) {
            self.beside.closed(who, out);
        }
    }

    fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        self.chat.due(now, out).min(self.beside.due(now, out))
    }

    fn outstanding(&self) -> u64 {
        self.chat.outstanding()
    }
}
