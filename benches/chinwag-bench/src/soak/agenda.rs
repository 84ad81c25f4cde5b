//! What happens beside the chat of a soak: who comes and what each then does, who reads slowly, and
//! when.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use fastrand::Rng;

use super::Population;
use super::visit::{FAULTS, Script, Step, Visit, look_in, pen_friend};
use crate::client::{CLIENTS_MAX, ClientNo, Reads, State, clients};
use crate::clients::{Clients, Opening};
use crate::connect::SLOW_RECEIVE_BYTES;
use crate::load::Beside;
use crate::recorder::share_of;
use crate::timestamp::Timestamp;

pub type Tally = BTreeMap<&'static str, u64>;

/// A crowd that comes at once, at least and at most, and the seconds between two.
const CROWD: (usize, usize) = (200, 400);
const CROWD_SECONDS: f64 = 10.0;

/// A flooder's bytes that wait for the kernel are kept above this, and looked at as often: less is
/// read in between.
const FLOOD_UNSENT_MIN: usize = 128 << 10;
const FLOOD_LOOK_TIME: Duration = Duration::from_millis(1);

/// A soak shorter than this has floods that are as much shorter.
const FLOOD_TIME: Duration = Duration::from_secs(20);

/// A short soak has each kind of fault at least as often as this, on average.
const EACH_AT_LEAST: u32 = 4;

/// Between two reads of a member that reads a little all the time: 64 KiB each make less than the room
/// says, so that what the kernel takes for it is always full.
const SLOW_READ_TIME: Duration = Duration::from_millis(250);

/// How long a member reads nothing: long enough to fill what the kernel takes (128 KiB, as the server
/// asks it to, in less than a second) and the soft limit (64 KiB), and well shorter than
/// [`STALL_TIME`](super::STALL_TIME), which runs for nearly all of a pause.
const PAUSE_SECONDS: (f64, f64) = (4.0, 12.0);

/// Between two pauses, on average.
const AWAKE_SECONDS: f64 = 20.0;

/// In a short soak, this share of it is the longest pause.
const PAUSE_SHARE: f64 = 0.25;

/// Between two steady clients that enter another room and leave it again.
const HOP_TIME: Duration = Duration::from_millis(500);

/// A visitor has a place among the swarm's clients, and on each visit a name that is new: the server
/// may not have noticed yet that the last one is gone.
pub struct Agenda {
    population: Population,
    time: Duration,
    visits: f64,
    dues: BTreeMap<(Timestamp, u64), Due>,
    /// Of dues and of visits.
    serial: u64,
    free: Vec<ClientNo>,
    present: Vec<Option<Present>>,
    names: usize,
    rng: Rng,
    pub tally: Tally,
    /// Visitors that the server closed although nothing was wrong with them.
    pub unexpected_closes: u64,
    pub connects: u64,
}

enum Due {
    /// Visitors come, alone or as a crowd, and others after about as long.
    Arrival {
        script: Script,
        is_crowd: bool,
        period: Duration,
    },
    /// A visitor goes on, if it is still the same visit.
    Step(ClientNo, u64, Step),
    /// A member of the busy room reads all from now on, or a little, or nothing.
    Read(ClientNo, Reads),
    /// A client that speaks in no room enters one, and leaves it.
    RoomHop,
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

impl Beside for Agenda {
    fn begin(&mut self, now: Timestamp, _out: &mut Clients) {
        let beside = [
            (look_in as Script, 1.0 / self.visits, false),
            (look_in, CROWD_SECONDS, true),
        ];
        let faults = FAULTS.map(|(script, seconds)| (script, seconds, false));
        for (script, seconds, is_crowd) in faults.into_iter().chain(beside) {
            let period = Duration::from_secs_f64(seconds).min(self.time / EACH_AT_LEAST);
            let arrival = Due::Arrival {
                script,
                is_crowd,
                period,
            };
            let first = now.after(period.mul_f64(self.rng.f64()));
            self.plan(first, arrival);
        }
        // The last members, of whom the first half reads a little all the time.
        let Population { members, slow, .. } = self.population;
        for (place, who) in clients(members).skip(members - slow).enumerate() {
            if place < slow / 2 {
                self.plan(now, Due::Read(who, Reads::Once));
            } else {
                let awake = self.awake_time() / 2;
                self.plan(now.after(awake), Due::Read(who, Reads::Nothing));
            }
        }
        if self.population.chatters > self.population.speakers {
            self.plan(now, Due::RoomHop);
        }
    }

    /// No more come, those that are there leave, and all read on.
    fn end(&mut self, out: &mut Clients) {
        self.dues.clear();
        for who in clients(self.population.members) {
            out.set_reads(who, Reads::All);
        }
        let places = clients(usize::MAX).skip(self.population.steady());
        for (who, visitor) in places.zip(&mut self.present) {
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

    fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        while let Some(entry) = self.dues.first_entry()
            && entry.key().0 <= now
        {
            let ((at, _), due) = entry.remove_entry();
            self.act(at, now, due, out);
        }
        let next = self.dues.first_key_value();
        next.map_or(Timestamp::NEVER, |((at, _), _)| *at)
    }

    fn ready(&mut self, now: Timestamp, who: ClientNo, _out: &mut Clients) {
        if let Some(visitor) = self.visitor(who) {
            visitor.can_quit = true;
            let (serial, steps) = (visitor.serial, mem::take(&mut visitor.steps));
            self.plan_steps(now, who, serial, steps);
        }
    }

    fn closed(&mut self, who: ClientNo, _out: &mut Clients) {
        let place = who.index().checked_sub(self.population.steady());
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
}

impl Agenda {
    pub fn new(population: Population, time: Duration, visits: f64, rng: Rng) -> Self {
        let (first, places) = (population.steady(), population.places);
        let mut free: Vec<ClientNo> = clients(first + places).skip(first).collect();
        free.reverse();
        Self {
            population,
            time,
            visits,
            dues: BTreeMap::new(),
            serial: 0,
            free,
            present: (0..places).map(|_| None).collect(),
            names: first + places,
            rng,
            tally: Tally::new(),
            unexpected_closes: 0,
            connects: 0,
        }
    }

    pub fn are_visitors_gone(&self) -> bool {
        self.present.iter().all(Option::is_none)
    }

    fn visitor(&mut self, who: ClientNo) -> Option<&mut Present> {
        let place = who.index().checked_sub(self.population.steady())?;
        self.present.get_mut(place)?.as_mut()
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn plan(&mut self, at: Timestamp, due: Due) {
        self.serial += 1;
        self.dues.insert((at, self.serial), due);
    }

    fn plan_steps(
        &mut self,
        now: Timestamp,
        who: ClientNo,
        visit: u64,
        steps: Vec<(Duration, Step)>,
    ) {
        for (after, step) in steps {
            self.plan(now.after(after), Due::Step(who, visit, step));
        }
    }

    fn act(&mut self, at: Timestamp, now: Timestamp, due: Due, out: &mut Clients) {
        match due {
            Due::Arrival {
                script,
                is_crowd,
                period,
            } => {
                let next = at.after(period.mul_f64(0.5 + self.rng.f64()));
                self.plan(next, due);
                let mut count = 1;
                if is_crowd {
                    self.count("crowds");
                    // Beside few steady clients, half as many are a crowd.
                    let most = CROWD.1.min(self.population.steady() / 2);
                    count = self.rng.usize(CROWD.0.min(most)..=most);
                }
                for _ in 0..count {
                    let name = self.new_name();
                    let visit = script(name, &mut self.rng);
                    self.receive(now, name, visit, out);
                }
            }
            Due::Step(who, visit, step) => self.take_step(now, who, visit, step, out),
            Due::Read(who, reads) => {
                out.set_reads(who, reads);
                let (what, after, then) = match reads {
                    Reads::Once => ("slow_reads", SLOW_READ_TIME, Reads::Once),
                    Reads::Nothing => ("read_pauses", self.pause_time(), Reads::All),
                    Reads::All => ("read_resumes", self.awake_time(), Reads::Nothing),
                };
                self.count(what);
                self.plan(now.after(after), Due::Read(who, then));
            }
            Due::RoomHop => {
                let Population {
                    members, speakers, ..
                } = self.population;
                let chatting = members + speakers..self.population.steady();
                let who = ClientNo::at(self.rng.usize(chatting));
                let room = format!("side{}", self.rng.u8(0..20));
                let lines = format!("/join {room}\n/part {room}\n");
                out.raw(who, lines.as_bytes());
                self.count("room_hops");
                self.plan(at.after(HOP_TIME), due);
            }
        }
    }

    fn longest_pause(&self) -> f64 {
        PAUSE_SECONDS.1.min(self.time.as_secs_f64() * PAUSE_SHARE)
    }

    fn pause_time(&mut self) -> Duration {
        let longest = self.longest_pause();
        let least = PAUSE_SECONDS.0.min(longest / 2.0);
        Duration::from_secs_f64(least + (longest - least) * self.rng.f64())
    }

    fn awake_time(&mut self) -> Duration {
        let average = AWAKE_SECONDS.min(self.longest_pause());
        Duration::from_secs_f64(average * 2.0 * self.rng.f64())
    }

    /// The names end with a soak of half a day, and then begin anew.
    fn new_name(&mut self) -> ClientNo {
        self.names += 1;
        if self.names >= CLIENTS_MAX {
            self.names = self.population.steady() + self.present.len();
        }
        ClientNo::at(self.names)
    }

    fn receive(&mut self, now: Timestamp, name: ClientNo, mut visit: Visit, out: &mut Clients) {
        let Some(who) = self.free.pop() else {
            return self.count("no_place");
        };
        self.count(visit.name);
        self.connects += 1;
        self.serial += 1;
        let serial = self.serial;
        for (_, step) in &mut visit.steps {
            if let Step::Flood(_, bytes) = step {
                let share = self.time.div_duration_f64(FLOOD_TIME).min(1.0);
                *bytes = share_of(*bytes, share);
            }
        }
        // A stranger need not wait for an answer.
        let (state, says, at_once, once_in) = if let Some(says) = visit.stranger {
            (State::Stranger, says, visit.steps, Vec::new())
        } else {
            let says = out.dialect.register(name).into_bytes();
            (State::Registering, says, Vec::new(), visit.steps)
        };
        out.opening.push_back(Opening {
            who,
            says,
            state,
            is_visitor: true,
            receive_bytes: visit.has_small_buffer.then_some(SLOW_RECEIVE_BYTES),
        });
        let place = who.index() - self.population.steady();
        if let Some(place) = self.present.get_mut(place) {
            *place = Some(Present {
                serial,
                name,
                steps: once_in,
                end: visit.end,
                can_quit: false,
                is_leaving: false,
            });
        }
        self.plan_steps(now, who, serial, at_once);
    }

    fn take_step(
        &mut self,
        now: Timestamp,
        who: ClientNo,
        visit: u64,
        step: Step,
        out: &mut Clients,
    ) {
        let is_it = |visitor: &&mut Present| visitor.serial == visit && !visitor.is_leaving;
        let Some(visitor) = self.visitor(who).filter(is_it) else {
            return;
        };
        match step {
            Step::Say(bytes) => out.raw(who, &bytes),
            Step::Flood(chunk, mut bytes_left) => {
                while bytes_left > 0 && out.unsent(who) < FLOOD_UNSENT_MIN {
                    out.raw(who, &chunk);
                    bytes_left = bytes_left.saturating_sub(chunk.len());
                }
                if bytes_left > 0 {
                    let step = Step::Flood(chunk, bytes_left);
                    self.plan(now.after(FLOOD_LOOK_TIME), Due::Step(who, visit, step));
                }
            }
            Step::Invite => {
                let visit = pen_friend(visitor.name);
                let friend = self.new_name();
                self.receive(now, friend, visit, out);
            }
            Step::Read(reads) => {
                visitor.can_quit = reads == Reads::All;
                out.set_reads(who, reads);
            }
            Step::Count(what) => self.count(what),
            Step::Leave(what, leave) => {
                visitor.is_leaving = true;
                leave(out, who);
                self.count(what);
            }
        }
    }
}
