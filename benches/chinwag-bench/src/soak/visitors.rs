//! Clients that come and go during a soak, and what each does when.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use super::visit::{FAULTS, Fault, Step, Visit};
use super::{Plan, Population};
use crate::client::{CLIENTS_MAX, ClientNo, clients};
use crate::clients::{Arrival, Clients, Opening};
use crate::connect::SLOW_RECEIVE_BYTES;
use crate::recorder::share_of;
use crate::timestamp::Timestamp;

pub type Tally = BTreeMap<&'static str, u64>;

/// A crowd that comes at once, at least and at most.
const CROWD: (usize, usize) = (200, 400);

/// A flooder's bytes that wait for the kernel are kept above this.
const FLOOD_UNSENT_MIN: usize = 128 << 10;

/// A soak shorter than this has floods that are as much shorter.
const FLOOD_TIME: Duration = Duration::from_secs(20);

/// A short soak has each kind of fault at least as often as this, on average.
const EACH_AT_LEAST: u32 = 4;

/// A visitor has a place among the swarm's clients, and on each visit a name that is new: the server
/// may not have noticed yet that the last one is gone.
pub struct Visitors {
    first: usize,
    free: Vec<ClientNo>,
    /// By place.
    present: Vec<Option<Present>>,
    names: usize,
    serial: u64,
    agenda: BTreeMap<(Timestamp, u64), Due>,
    floods: Vec<Flood>,
    arrivals: Vec<Arrivals>,
    /// How much of a flood there is time for.
    flood_share: f64,
    rng: Rng,
    pub tally: Tally,
    /// Visitors that the server closed although nothing was wrong with them.
    pub unexpected_closes: u64,
    pub connects: u64,
}

struct Arrivals {
    fault: Fault,
    /// Between two, on average.
    period: Duration,
    next: Timestamp,
}

struct Present {
    serial: u64,
    name: ClientNo,
    /// What it does once it is let in.
    steps: Vec<(Duration, Step)>,
    end: Option<&'static str>,
    /// Is registered and reads, so that it can take leave in words.
    can_quit: bool,
    is_leaving: bool,
}

struct Due {
    who: ClientNo,
    visit: u64,
    step: Step,
}

struct Flood {
    who: ClientNo,
    visit: u64,
    chunk: Vec<u8>,
    bytes_left: usize,
}

impl Visitors {
    pub fn new(population: Population, plan: &Plan, mut rng: Rng) -> Self {
        let (first, places) = (population.steady(), population.places);
        let time = plan.run.time;
        let mut arrivals = |(fault, seconds): (Fault, f64)| {
            let period = Duration::from_secs_f64(seconds).min(time / EACH_AT_LEAST);
            Arrivals {
                fault,
                period,
                next: Timestamp::default().after(period.mul_f64(rng.f64())),
            }
        };
        let visits = (Fault::Visit, 1.0 / plan.visits);
        let mut present = Vec::new();
        present.resize_with(places, || None);
        let mut free: Vec<ClientNo> = clients(first + places).skip(first).collect();
        free.reverse();
        Self {
            first,
            free,
            present,
            names: first + places,
            serial: 0,
            agenda: BTreeMap::new(),
            floods: Vec::new(),
            arrivals: FAULTS
                .into_iter()
                .chain([visits])
                .map(&mut arrivals)
                .collect(),
            flood_share: time.div_duration_f64(FLOOD_TIME).min(1.0),
            rng,
            tally: Tally::new(),
            unexpected_closes: 0,
            connects: 0,
        }
    }

    pub fn start(&mut self, now: Timestamp) {
        for arrivals in &mut self.arrivals {
            arrivals.next = now.after(arrivals.next.since(Timestamp::default()));
        }
    }

    /// No more come, and those that are there leave.
    pub fn stop(&mut self, out: &mut Clients) {
        self.arrivals.clear();
        self.agenda.clear();
        self.floods.clear();
        for (who, visitor) in clients(usize::MAX).skip(self.first).zip(&mut self.present) {
            let Some(visitor) = visitor else {
                continue;
            };
            visitor.is_leaving = true;
            if visitor.can_quit {
                // It may be in the middle of a line.
                out.raw(who, b"\n");
                out.quit(who);
            } else {
                out.reset(who);
            }
        }
    }

    pub fn are_gone(&self) -> bool {
        self.present.iter().all(Option::is_none)
    }

    /// Admits visitors and takes steps that are due. Returns when the next is.
    pub fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        for place in 0..self.arrivals.len() {
            while let Some(arrivals) = self.arrivals.get_mut(place)
                && arrivals.next <= now
            {
                let fault = arrivals.fault;
                arrivals.next =
                    (arrivals.next).after(arrivals.period.mul_f64(0.5 + self.rng.f64()));
                self.send(now, fault, out);
            }
        }
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= now
        {
            let due = entry.remove();
            self.do_step(now, due, out);
        }
        self.go_on_flooding(out);
        let next = self.arrivals.iter().map(|arrivals| arrivals.next);
        let next = next.chain(self.agenda.keys().next().map(|(at, _)| *at));
        next.min().unwrap_or(Timestamp::NEVER)
    }

    pub fn ready(&mut self, now: Timestamp, who: ClientNo) {
        if let Some(visitor) = self.get_mut(who) {
            visitor.can_quit = true;
            let (serial, steps) = (visitor.serial, std::mem::take(&mut visitor.steps));
            self.plan(now, who, serial, steps);
        }
    }

    pub fn closed(&mut self, who: ClientNo) {
        let place = who.index().checked_sub(self.first);
        let Some(visitor) = place.and_then(|place| self.present.get_mut(place)?.take()) else {
            return;
        };
        self.free.push(who);
        match visitor.end {
            _ if visitor.is_leaving => {}
            Some(end) => self.count(end),
            None => self.unexpected_closes += 1,
        }
    }

    fn get_mut(&mut self, who: ClientNo) -> Option<&mut Present> {
        let place = who.index().checked_sub(self.first)?;
        self.present.get_mut(place)?.as_mut()
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn send(&mut self, now: Timestamp, fault: Fault, out: &mut Clients) {
        let mut count = 1;
        if fault == Fault::Crowd {
            self.count("crowds");
            // Beside few steady clients, half as many are a crowd.
            let most = CROWD.1.min(self.first / 2);
            count = self.rng.usize(CROWD.0.min(most)..=most);
        }
        for _ in 0..count {
            let name = self.new_name();
            let visit = Visit::of(fault, name, &mut self.rng);
            self.receive(now, name, visit, out);
        }
    }

    /// The names end with a soak of half a day, and then begin anew.
    fn new_name(&mut self) -> ClientNo {
        self.names += 1;
        if self.names >= CLIENTS_MAX {
            self.names = self.first + self.present.len();
        }
        ClientNo::at(self.names)
    }

    fn receive(&mut self, now: Timestamp, name: ClientNo, visit: Visit, out: &mut Clients) {
        let Some(who) = self.free.pop() else {
            return self.count("no_place");
        };
        self.count(visit.name);
        self.connects += 1;
        self.serial += 1;
        let serial = self.serial;
        // A stranger need not wait for an answer.
        let (arrival, at_once, once_in) = match visit.stranger {
            Some(says) => (Arrival::Stranger(says), visit.steps, Vec::new()),
            None => (Arrival::Named(name), Vec::new(), visit.steps),
        };
        out.opening.push_back(Opening {
            who,
            arrival,
            is_visitor: true,
            receive_bytes: visit.has_small_buffer.then_some(SLOW_RECEIVE_BYTES),
        });
        if let Some(place) = self.present.get_mut(who.index() - self.first) {
            *place = Some(Present {
                serial,
                name,
                steps: once_in,
                end: visit.end,
                can_quit: false,
                is_leaving: false,
            });
        }
        self.plan(now, who, serial, at_once);
    }

    fn plan(&mut self, now: Timestamp, who: ClientNo, visit: u64, steps: Vec<(Duration, Step)>) {
        for (after, step) in steps {
            self.serial += 1;
            let due = Due { who, visit, step };
            self.agenda.insert((now.after(after), self.serial), due);
        }
    }

    fn do_step(&mut self, now: Timestamp, due: Due, out: &mut Clients) {
        let Due { who, visit, step } = due;
        let Some(visitor) = self.get_mut(who).filter(|visitor| visitor.serial == visit) else {
            return;
        };
        let leaves = match step {
            Step::Say(bytes) => return out.raw(who, &bytes),
            Step::Flood(chunk, bytes) => {
                let bytes_left = share_of(bytes, self.flood_share);
                return self.floods.push(Flood {
                    who,
                    visit,
                    chunk,
                    bytes_left,
                });
            }
            Step::Invite => {
                let visit = Visit::pen_friend(visitor.name);
                let friend = self.new_name();
                return self.receive(now, friend, visit, out);
            }
            Step::PauseReads => {
                visitor.can_quit = false;
                return out.pause_reads(who);
            }
            Step::ResumeReads => {
                visitor.can_quit = true;
                return out.resume_reads(who);
            }
            Step::Count(what) => return self.count(what),
            Step::Quit => "quits",
            Step::Finish => "fins",
            Step::Reset => "resets",
        };
        visitor.is_leaving = true;
        self.floods.retain(|flood| flood.visit != visit);
        match leaves {
            "quits" => out.quit(who),
            "fins" => out.finish(who),
            _ => out.reset(who),
        }
        self.count(leaves);
    }

    /// Keeps the sockets of those that flood from running empty.
    fn go_on_flooding(&mut self, out: &mut Clients) {
        let mut floods = std::mem::take(&mut self.floods);
        floods.retain_mut(|flood| {
            let visitor = self.get_mut(flood.who);
            if visitor.is_none_or(|visitor| visitor.serial != flood.visit) {
                return false;
            }
            while flood.bytes_left > 0 && out.unsent(flood.who) < FLOOD_UNSENT_MIN {
                out.raw(flood.who, &flood.chunk);
                flood.bytes_left = flood.bytes_left.saturating_sub(flood.chunk.len());
            }
            flood.bytes_left > 0
        });
        self.floods = floods;
    }
}
