//! Those who come and go during a soak, and what each does when.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use crate::client::{CLIENTS_MAX, ClientNo};
use crate::outgoing::{Arrival, Outgoing};
use crate::run::SLOW_RECEIVE_BYTES;
use crate::timestamp::Timestamp;

use super::faults::{FAULTS, Fault, Plan, Step};
use super::room_traffic::as_number;

/// How many of each thing were done.
pub type Tally = BTreeMap<&'static str, u64>;

/// A crowd that comes at once, at least and at most.
const CROWD: (usize, usize) = (200, 400);

/// A flooder's bytes that wait for the kernel are kept above this.
const FLOOD_UNSENT_MIN: usize = 128 << 10;

/// A soak shorter than this has floods that are as much shorter.
const FLOOD_TIME: Duration = Duration::from_secs(20);

/// Of a short soak, each kind of fault has so many at least, on average.
const EACH_AT_LEAST: u32 = 4;

/// See the module's text. A visitor has a place among the swarm's clients, and on each visit a name
/// that nobody had before: the server may not have noticed yet that the last one is gone.
#[derive(Debug)]
pub struct Visitors {
    first: usize,
    free: Vec<ClientNo>,
    visits: Vec<Option<Visit>>,
    names: usize,
    serial: u64,
    agenda: BTreeMap<(Timestamp, u64), Due>,
    floods: Vec<Flood>,
    /// When the next of each kind comes, and the average time between two.
    faults: Vec<(Fault, Duration, Timestamp)>,
    /// How much of a flood there is time for.
    flood_share: f64,
    rng: Rng,
    pub tally: Tally,
    /// Visitors that the server closed although nothing was wrong with them.
    pub unexpected_closes: u64,
    pub connects: u64,
}

/// A visit that goes on.
#[derive(Debug)]
struct Visit {
    serial: u64,
    name: ClientNo,
    /// What it does once it is let in.
    steps: Vec<(Duration, Step)>,
    end: Option<&'static str>,
    manner: Manner,
    is_leaving: bool,
}

/// How a visitor can be spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Waits to be registered.
    Knocks,
    /// Is registered, and reads.
    Chats,
    /// Is registered, and does not read.
    IsDeaf,
    /// Is not to be registered.
    IsStrange,
}

#[derive(Debug)]
struct Due {
    who: ClientNo,
    visit: u64,
    step: Step,
}

#[derive(Debug)]
struct Flood {
    who: ClientNo,
    visit: u64,
    chunk: Vec<u8>,
    bytes_left: usize,
}

impl Visitors {
    /// Has the places `first..first + places`; so many come for a short visit in a second.
    pub fn new(first: usize, places: usize, rate: f64, time: Duration, mut rng: Rng) -> Self {
        let period = |seconds: f64| Duration::from_secs_f64(seconds).min(time / EACH_AT_LEAST);
        let faults = FAULTS.map(|(fault, seconds)| (fault, period(seconds)));
        let mut faults: Vec<_> = faults.into_iter().collect();
        faults.push((Fault::Visit, period(1.0 / rate)));
        let mut visits = Vec::new();
        visits.resize_with(places, || None);
        let all = (first..first + places).rev();
        Self {
            first,
            free: all.map(|place| ClientNo::new(as_number(place))).collect(),
            visits,
            names: first + places,
            serial: 0,
            agenda: BTreeMap::new(),
            floods: Vec::new(),
            faults: faults
                .into_iter()
                .map(|(fault, period)| {
                    (
                        fault,
                        period,
                        Timestamp::default().after(period.mul_f64(rng.f64())),
                    )
                })
                .collect(),
            flood_share: time.div_duration_f64(FLOOD_TIME).min(1.0),
            rng,
            tally: Tally::new(),
            unexpected_closes: 0,
            connects: 0,
        }
    }

    /// The first of them come.
    pub fn start(&mut self, now: Timestamp) {
        for (_, _, next) in &mut self.faults {
            *next = now.after(next.since(Timestamp::default()));
        }
    }

    /// Nobody comes any more, and those who are there leave.
    pub fn stop(&mut self, out: &mut Outgoing) {
        self.faults.clear();
        self.agenda.clear();
        self.floods.clear();
        for (place, visit) in self.visits.iter_mut().enumerate() {
            let who = ClientNo::new(as_number(self.first + place));
            match visit {
                Some(visit) if visit.manner == Manner::Chats => {
                    visit.is_leaving = true;
                    // It may be in the middle of a line.
                    out.raw(who, b"\n");
                    out.quit(who);
                }
                Some(visit) => {
                    visit.is_leaving = true;
                    out.hang_up(who, true);
                }
                None => {}
            }
        }
    }

    /// Whether all have left.
    pub fn are_gone(&self) -> bool {
        self.visits.iter().all(Option::is_none)
    }

    /// Lets come who is due, and do what is due. Says when it wants to be asked again.
    pub fn due(&mut self, now: Timestamp, out: &mut Outgoing) -> Timestamp {
        for place in 0..self.faults.len() {
            while let Some((fault, period, next)) = self.faults.get_mut(place)
                && *next <= now
            {
                let fault = *fault;
                *next = next.after(period.mul_f64(0.5 + self.rng.f64()));
                self.send(now, fault, out);
            }
        }
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= now
        {
            let Due { who, visit, step } = entry.remove();
            if self.visit(who).is_some_and(|there| there.serial == visit) {
                self.do_step(now, who, step, out);
            }
        }
        self.go_on_flooding(out);
        let next = self.faults.iter().map(|(_, _, next)| *next).min();
        let step = self.agenda.keys().next().map(|(at, _)| *at);
        let next = [next, step].into_iter().flatten().min();
        next.unwrap_or(Timestamp::NEVER)
    }

    /// A visitor is registered.
    pub fn ready(&mut self, now: Timestamp, who: ClientNo) {
        let Some(visit) = self.visit(who) else {
            return;
        };
        visit.manner = Manner::Chats;
        let (serial, steps) = (visit.serial, std::mem::take(&mut visit.steps));
        self.plan(now, who, serial, steps);
    }

    /// A visitor's connection ended.
    pub fn closed(&mut self, who: ClientNo) {
        let place = who.index().checked_sub(self.first);
        let Some(visit) = place.and_then(|place| self.visits.get_mut(place)?.take()) else {
            return;
        };
        self.free.push(who);
        if visit.is_leaving {
            return;
        }
        match visit.end {
            Some(end) => self.count(end),
            None => self.unexpected_closes += 1,
        }
    }

    fn visit(&mut self, who: ClientNo) -> Option<&mut Visit> {
        let place = who.index().checked_sub(self.first)?;
        self.visits.get_mut(place)?.as_mut()
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn send(&mut self, now: Timestamp, fault: Fault, out: &mut Outgoing) {
        let crowd = match fault {
            Fault::Crowd => {
                self.count("crowds");
                // Beside few steady ones, half as many are a crowd.
                let most = CROWD.1.min(self.first / 2);
                self.rng.usize(CROWD.0.min(most)..=most)
            }
            _ => 1,
        };
        for _ in 0..crowd {
            let name = self.new_name();
            let plan = Plan::of(fault, name, &mut self.rng);
            self.receive(now, name, plan, out);
        }
    }

    /// The names end with a soak of half a day, and then begin anew.
    fn new_name(&mut self) -> ClientNo {
        self.names += 1;
        if self.names >= CLIENTS_MAX {
            self.names = self.first + self.visits.len();
        }
        ClientNo::new(as_number(self.names))
    }

    fn receive(&mut self, now: Timestamp, name: ClientNo, plan: Plan, out: &mut Outgoing) {
        let Some(who) = self.free.pop() else {
            return self.count("no_place");
        };
        self.count(plan.name);
        self.connects += 1;
        self.serial += 1;
        let (serial, is_stranger) = (self.serial, plan.stranger.is_some());
        let arrival = plan
            .stranger
            .map_or(Arrival::Named(name), Arrival::Stranger);
        out.visit(who, arrival, plan.is_small.then_some(SLOW_RECEIVE_BYTES));
        // A stranger needs not wait for an answer.
        let (manner, at_once, once_in) = if is_stranger {
            (Manner::IsStrange, plan.steps, Vec::new())
        } else {
            (Manner::Knocks, Vec::new(), plan.steps)
        };
        let visit = Visit {
            serial,
            name,
            steps: once_in,
            end: plan.end,
            manner,
            is_leaving: false,
        };
        if let Some(place) = self.visits.get_mut(who.index() - self.first) {
            *place = Some(visit);
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

    fn do_step(&mut self, now: Timestamp, who: ClientNo, step: Step, out: &mut Outgoing) {
        let Some(visit) = self.visit(who) else {
            return;
        };
        let (serial, name) = (visit.serial, visit.name);
        match step {
            Step::Say(bytes) => out.raw(who, &bytes),
            Step::Flood(chunk, bytes) => self.floods.push(Flood {
                who,
                visit: serial,
                chunk,
                bytes_left: share_of(bytes, self.flood_share),
            }),
            Step::Invite => {
                let friend = self.new_name();
                self.receive(now, friend, Plan::pen_friend(name), out);
            }
            Step::Pause => {
                visit.manner = Manner::IsDeaf;
                out.pause(who);
            }
            Step::Resume => {
                visit.manner = Manner::Chats;
                out.resume(who);
            }
            Step::Count(what) => self.count(what),
            Step::Quit | Step::Finish | Step::Reset => {
                visit.is_leaving = true;
                self.floods.retain(|flood| flood.visit != serial);
                let how = match step {
                    Step::Quit => {
                        out.quit(who);
                        "quits"
                    }
                    Step::Finish => {
                        out.finish(who);
                        "fins"
                    }
                    _ => {
                        out.hang_up(who, true);
                        "resets"
                    }
                };
                self.count(how);
            }
        }
    }

    /// Keeps the sockets of those who flood from running empty.
    fn go_on_flooding(&mut self, out: &mut Outgoing) {
        let visits = &self.visits;
        let first = self.first;
        self.floods.retain_mut(|flood| {
            let visit = visits
                .get(flood.who.index() - first)
                .and_then(Option::as_ref);
            if visit.is_none_or(|visit| visit.serial != flood.visit) {
                return false;
            }
            while flood.bytes_left > 0 && out.unsent(flood.who) < FLOOD_UNSENT_MIN {
                out.raw(flood.who, &flood.chunk);
                flood.bytes_left = flood.bytes_left.saturating_sub(flood.chunk.len());
            }
            flood.bytes_left > 0
        });
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of some megabytes"
)]
fn share_of(bytes: usize, share: f64) -> usize {
    (bytes as f64 * share) as usize
}
