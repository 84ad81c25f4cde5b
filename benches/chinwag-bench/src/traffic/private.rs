//! Private messages, each to a random other client.

use std::time::Duration;

use fastrand::Rng;

use super::{Pace, SENT_AT_ONCE_MAX, Schedule};
use crate::client::ClientNo;
use crate::clients::Clients;
use crate::dialect::Template;
use crate::ledger::PrivateLedger;
use crate::recorder::Recorder;
use crate::stamp::{Kind, Stamp};
use crate::timestamp::Timestamp;

pub struct PrivateTraffic {
    /// The clients that write to each other follow one another from here.
    first: u32,
    count: u32,
    pace: Pace,
    template: Template,
    rng: Rng,
    pub ledger: PrivateLedger,
    pub recorder: Recorder,
    /// How late messages of an open loop leave.
    pub lag: Recorder,
    schedule: Option<Schedule>,
    is_sending: bool,
}

impl PrivateTraffic {
    pub fn new(
        first: usize,
        count: usize,
        pace: Pace,
        template: Template,
        seed: u64,
        interval: Duration,
    ) -> Self {
        Self {
            first: ClientNo::at(first).get(),
            count: ClientNo::at(count).get(),
            pace,
            template,
            rng: Rng::with_seed(seed),
            ledger: PrivateLedger::new(first + count),
            recorder: Recorder::new(interval),
            lag: Recorder::new(interval),
            schedule: None,
            is_sending: false,
        }
    }

    pub fn start(&mut self, now: Timestamp, out: &mut Clients) {
        self.is_sending = true;
        match self.pace {
            Pace::Rate(rate) => self.schedule = Some(Schedule::new(now, rate)),
            Pace::Window(window) => {
                for sender in self.first..self.first + self.count {
                    for _ in 0..window {
                        self.send(now, ClientNo::new(sender), out);
                    }
                }
            }
        }
    }

    pub fn begin(&mut self, now: Timestamp) {
        self.recorder.begin(now);
        self.lag.begin(now);
    }

    pub fn end(&mut self, now: Timestamp) {
        self.recorder.end(now);
        self.lag.end(now);
        self.is_sending = false;
        self.schedule = None;
    }

    pub fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: &Stamp, out: &mut Clients) {
        if !self.ledger.arrived(by, stamp) {
            return;
        }
        self.recorder.record(at, stamp.intended);
        if self.is_sending && matches!(self.pace, Pace::Window(_)) {
            self.send(at, stamp.sender, out);
        }
    }

    pub fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        let Some(mut schedule) = self.schedule else {
            return Timestamp::NEVER;
        };
        for _ in 0..SENT_AT_ONCE_MAX {
            let Some(intended) = schedule.take(now) else {
                break;
            };
            self.lag.record(now, intended);
            let sender = self.first + self.rng.u32(0..self.count.max(2));
            self.send(intended, ClientNo::new(sender), out);
        }
        self.schedule = Some(schedule);
        schedule.next()
    }

    fn send(&mut self, intended: Timestamp, sender: ClientNo, out: &mut Clients) {
        let count = self.count.max(2);
        let step = self.rng.u32(1..count);
        let to = ClientNo::new(self.first + (sender.get() - self.first + step) % count);
        let stamp = Stamp {
            kind: Kind::Private,
            sender,
            number: self.ledger.sent(sender, to),
            intended,
        };
        let template = &self.template;
        out.append(sender, |bytes| template.write(bytes, Some(to), &stamp));
    }
}
