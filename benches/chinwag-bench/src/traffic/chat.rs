//! Private messages and rooms, side by side.

use super::{PrivateTraffic, RoomTraffic};
use crate::client::ClientNo;
use crate::clients::Clients;
use crate::ledger::DeliveryErrors;
use crate::recorder::{Latency, Recorder};
use crate::stamp::{Kind, Stamp};
use crate::timestamp::Timestamp;

#[derive(Default)]
pub struct Chat {
    pub private: Option<PrivateTraffic>,
    /// The room that load tests talk in, and another; with the names of their messages in reports.
    pub rooms: Vec<(&'static str, RoomTraffic)>,
    /// Messages that reached a client that is in no ledger.
    pub strayed: u64,
}

impl Chat {
    pub fn start(&mut self, now: Timestamp, out: &mut Clients) {
        self.private
            .iter_mut()
            .for_each(|private| private.start(now, out));
        self.rooms
            .iter_mut()
            .for_each(|(_, room)| room.start(now, out));
    }

    pub fn begin(&mut self, now: Timestamp) {
        self.private
            .iter_mut()
            .for_each(|private| private.begin(now));
        self.rooms
            .iter_mut()
            .for_each(|(_, room)| room.recorder.begin(now));
    }

    /// The measured phase ends, and nothing more is to be sent.
    pub fn end(&mut self, now: Timestamp) {
        self.private.iter_mut().for_each(|private| private.end(now));
        self.rooms.iter_mut().for_each(|(_, room)| room.end(now));
    }

    pub fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: &Stamp, out: &mut Clients) {
        match (stamp.kind, &mut self.private) {
            (Kind::Private, Some(private)) => private.arrived(at, by, stamp, out),
            (Kind::Private, None) => self.strayed += 1,
            (Kind::Room, _) => {
                let mut rooms = self.rooms.iter_mut();
                match rooms.find(|(_, room)| room.has_speaker(stamp.sender)) {
                    Some((_, room)) => room.arrived(at, by, stamp, out),
                    None => self.strayed += 1,
                }
            }
        }
    }

    /// The server told a client that it left out lines of the room that load tests talk in.
    pub fn missed(&mut self, by: ClientNo, lines: u64) {
        if let Some((_, room)) = self.rooms.first_mut() {
            room.missed(by, lines);
        }
    }

    /// Sends due messages, and returns when the next is due.
    pub fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        let private = self.private.as_mut();
        let private = private.map_or(Timestamp::NEVER, |private| private.due(now, out));
        let rooms = self.rooms.iter_mut().map(|(_, room)| room.due(now, out));
        rooms.fold(private, Timestamp::min)
    }

    pub fn outstanding(&self) -> u64 {
        let private = self
            .private
            .iter()
            .map(|private| private.ledger.outstanding());
        let rooms = self.rooms.iter().map(|(_, room)| room.outstanding());
        private.chain(rooms).sum()
    }

    /// Messages in flight count as lost.
    pub fn errors(&self) -> DeliveryErrors {
        let private = self.private.iter().map(|private| private.ledger.errors());
        let rooms = self.rooms.iter().map(|(_, room)| room.ledger.errors());
        let mut errors: DeliveryErrors = private.chain(rooms).sum();
        errors.duplicated += self.strayed;
        errors
    }

    /// Latencies of each kind of message, and what to call it.
    pub fn recorders(&self) -> impl Iterator<Item = (&'static str, &Recorder)> {
        let private = self
            .private
            .iter()
            .map(|private| ("private", &private.recorder));
        private.chain(
            self.rooms
                .iter()
                .map(|(name, room)| (*name, &room.recorder)),
        )
    }

    /// How late messages of an open loop left, if there is one.
    pub fn lag(&self) -> Option<Latency> {
        self.private.as_ref()?.lag.latency()
    }

    pub fn told_missed(&self) -> u64 {
        self.rooms
            .iter()
            .map(|(_, room)| room.ledger.told_missed())
            .sum()
    }

    /// Lines that the server said it left out although they arrived, or were never said.
    pub fn told_too_many(&self) -> u64 {
        self.rooms
            .iter()
            .map(|(_, room)| room.ledger.told_too_many())
            .sum()
    }
}
