//! Messages: which client sends how many when, and how many arrived.

mod chat;
mod schedule;

use std::time::Duration;

use fastrand::Rng;

pub use chat::Chat;
pub use schedule::Schedule;

use crate::client::{ClientNo, clients};
use crate::clients::Clients;
use crate::dialect::{Dialect, Template};
use crate::ledger::{Ledger, PrivateLedger, RoomLedger};
use crate::recorder::Recorder;
use crate::stamp::{Kind, Stamp};
use crate::timestamp::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// A closed loop: each sender keeps this many under way.
    Window(usize),
    /// An open loop: this many a second, whatever became of those before. Latency counts from when a
    /// message was to go, so that a server that stalls cannot hide it.
    Rate(f64),
}

/// Who sends messages, and how: each to a random other client, or to a room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spec {
    /// What its messages are called in reports.
    pub name: &'static str,
    pub kind: Kind,
    /// The first of the clients; their numbers are consecutive.
    pub first: usize,
    pub clients: usize,
    /// How many of them, the first ones, send.
    pub senders: usize,
    /// Of each sender in a closed loop, of all together in an open one.
    pub pace: Pace,
    pub size: usize,
    /// Whether each speaker ends with a line that all others must have heard.
    ///
    /// A server that tells a member of more missed lines than there were hides as many in flight; a
    /// member that has heard the last line has none.
    pub has_last_lines: bool,
}

impl Spec {
    pub const fn private(clients: usize, pace: Pace) -> Self {
        Self {
            name: "private",
            kind: Kind::Private,
            ..Self::room(clients, clients, pace)
        }
    }

    pub const fn room(members: usize, speakers: usize, pace: Pace) -> Self {
        Self {
            name: "room",
            kind: Kind::Room,
            first: 0,
            clients: members,
            senders: speakers,
            pace,
            size: 0,
            has_last_lines: false,
        }
    }
}

pub struct Traffic {
    spec: Spec,
    template: Template,
    rng: Rng,
    next_speaker: usize,
    /// Knows clients by their place behind the first.
    ledger: Ledger,
    recorder: Recorder,
    /// How late messages of an open loop leave.
    lag: Recorder,
    schedule: Option<Schedule>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Silent,
    Sending,
    /// The last lines are due once nothing seems to be under way.
    LastLinesDue,
    LastLinesSaid,
}

impl Traffic {
    /// Its latencies are kept for each `interval`, too.
    fn new(mut spec: Spec, dialect: &Dialect, seed: u64, interval: Duration) -> Self {
        spec.senders = spec.senders.min(spec.clients);
        let (template, ledger) = match spec.kind {
            Kind::Private => {
                let ledger = PrivateLedger::new(spec.clients);
                (dialect.private(spec.size), Ledger::Private(ledger))
            }
            Kind::Room => {
                let ledger = RoomLedger::new(spec.clients, spec.senders, dialect);
                (dialect.say(spec.size), Ledger::Room(ledger))
            }
        };
        Self {
            spec,
            template,
            rng: Rng::with_seed(seed),
            next_speaker: 0,
            ledger,
            recorder: Recorder::new(interval),
            lag: Recorder::new(interval),
            schedule: None,
            phase: Phase::Silent,
        }
    }

    fn start(&mut self, now: Timestamp, out: &mut Clients) {
        self.phase = Phase::Sending;
        match self.spec.pace {
            Pace::Rate(rate) => self.schedule = Some(Schedule::new(now, rate)),
            Pace::Window(window) => {
                for sender in clients(self.spec.senders) {
                    for _ in 0..window {
                        self.send(now, sender, out);
                    }
                }
            }
        }
    }

    fn begin(&mut self, now: Timestamp) {
        self.recorder.begin(now);
        self.lag.begin(now);
    }

    fn end(&mut self, now: Timestamp) {
        self.recorder.end(now);
        self.lag.end(now);
        self.schedule = None;
        self.phase = match self.phase {
            Phase::Sending if self.spec.has_last_lines => Phase::LastLinesDue,
            _ => Phase::Silent,
        };
    }

    /// Messages in flight, or still to be sent.
    fn outstanding(&self) -> u64 {
        let messages = self.ledger.outstanding();
        match (self.phase, &self.ledger) {
            (Phase::LastLinesDue, _) => messages.max(1),
            (Phase::LastLinesSaid, Ledger::Room(room)) => messages.max(room.unheard_ends()),
            _ => messages,
        }
    }

    fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        if self.phase == Phase::LastLinesDue && self.ledger.outstanding() == 0 {
            self.phase = Phase::LastLinesSaid;
            for speaker in clients(self.spec.senders) {
                self.send(now, speaker, out);
            }
        }
        let Some(mut schedule) = self.schedule else {
            return Timestamp::NEVER;
        };
        for intended in schedule.take_all(now) {
            self.lag.record(now, intended);
            let sender = self.next_sender();
            self.send(intended, sender, out);
        }
        self.schedule = Some(schedule);
        schedule.next()
    }

    /// Speakers take turns.
    fn next_sender(&mut self) -> ClientNo {
        let sender = match self.spec.kind {
            Kind::Private => self.rng.usize(0..self.spec.senders),
            Kind::Room => self.next_speaker,
        };
        self.next_speaker = (sender + 1) % self.spec.senders;
        ClientNo::at(sender)
    }

    /// Sends a message of a client by its place.
    fn send(&mut self, intended: Timestamp, sender: ClientNo, out: &mut Clients) {
        let (spec, place) = (&self.spec, sender.index());
        let (to, number) = match &mut self.ledger {
            Ledger::Private(ledger) => {
                let step = self.rng.usize(1..spec.clients.max(2));
                let to = (place + step) % spec.clients.max(2);
                let number = ledger.sent(sender, ClientNo::at(to));
                (Some(ClientNo::at(spec.first + to)), number)
            }
            Ledger::Room(ledger) => (None, ledger.spoken(place)),
        };
        let stamp = Stamp {
            kind: spec.kind,
            sender: ClientNo::at(spec.first + place),
            number,
            intended,
        };
        let template = &self.template;
        out.append(stamp.sender, |bytes| template.write(bytes, to, &stamp));
    }

    fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: &Stamp, out: &mut Clients) {
        let sender = self.place_of(stamp.sender);
        let by = self.place_of(by);
        let Some(is_complete) = self.ledger.arrived(by, sender, stamp.number) else {
            return;
        };
        self.recorder.record(at, stamp.intended);
        let is_closed_loop = matches!(self.spec.pace, Pace::Window(_));
        if is_complete && is_closed_loop && self.phase == Phase::Sending {
            self.send(at, sender, out);
        }
    }

    fn missed(&mut self, by: ClientNo, lines: u64) {
        let place = self.place_of(by);
        if let Ledger::Room(room) = &mut self.ledger {
            room.missed(place, lines);
        }
    }

    fn has(&self, kind: Kind, sender: ClientNo) -> bool {
        self.spec.kind == kind && self.place_of(sender).index() < self.spec.clients
    }

    /// A client's place; one that no client has for all others.
    fn place_of(&self, who: ClientNo) -> ClientNo {
        let place = who.index().checked_sub(self.spec.first);
        ClientNo::at(place.unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::CHINWAG;
    use Phase::{LastLinesDue, LastLinesSaid};

    #[test]
    fn nothing_is_under_way_once_all_members_have_heard_the_last_line() {
        let spec = Spec {
            first: 5,
            size: 64,
            has_last_lines: true,
            ..Spec::room(3, 1, Pace::Rate(1.0))
        };
        let [speaker, reader, late] = [5, 6, 7].map(ClientNo::new);
        let line = |number| Stamp {
            kind: Kind::Room,
            sender: speaker,
            number,
            intended: Timestamp::default(),
        };
        let mut out = Clients::new(&CHINWAG, spec.size, 8);
        let second = Duration::from_secs(1);
        let mut room = Traffic::new(spec, &CHINWAG, 1, second);
        let start = Timestamp::default();
        room.start(start, &mut out);
        let _ = room.due(start.after(second), &mut out);
        let last = 1;
        room.end(start);
        assert_eq!(room.due(start, &mut out), Timestamp::NEVER);
        assert_eq!(room.phase, LastLinesDue, "something is under way");
        for number in 0..=last {
            room.arrived(start, reader, &line(number), &mut out);
        }
        // It was told too much, and everything is still under way to it.
        room.missed(late, u64::from(last) + 3);
        assert_eq!(room.ledger.outstanding(), 0);
        assert_eq!(room.outstanding(), 1, "the last line is still to be said");
        let _ = room.due(start, &mut out);
        assert_eq!(room.phase, LastLinesSaid);
        room.arrived(start, reader, &line(last + 1), &mut out);
        for number in 0..=last + 1 {
            assert_eq!(room.outstanding(), 1, "{number}");
            room.arrived(start, late, &line(number), &mut out);
        }
        assert_eq!(room.outstanding(), 0);
        assert_eq!(
            room.ledger.room().unwrap().told_too_many(),
            u64::from(last) + 3
        );
        room.arrived(start, speaker, &line(last), &mut out);
        assert_eq!(room.ledger.errors().duplicated, 1);
    }
}
