//! All clients of a soak.
//!
//! They are numbered: first the members of a busy room with long lines, of whom the first speak and
//! the last read slowly; then those that write to each other privately and share the lobby; then the
//! visitors' places.

use fastrand::Rng;

use super::samples::Sampler;
use super::slow::SlowReaders;
use super::visitors::{Tally, Visitors};
use super::{LONG_BYTES, Plan, Population};
use crate::client::ClientNo;
use crate::clients::Clients;
use crate::dialect::Dialect;
use crate::run::Load;
use crate::stamp::{Kind, Stamp};
use crate::swarm::Workload;
use crate::timestamp::Timestamp;
use crate::traffic::{Chat, Pace, Schedule, Spec, Traffic};

/// Steady clients that enter another room and leave it again, each second.
const ROOM_HOPS_PER_SECOND: f64 = 2.0;

pub struct SoakWorkload {
    population: Population,
    chat: Chat,
    slow: SlowReaders,
    pub visitors: Visitors,
    /// Set while it is measured: only then visitors come.
    room_hops: Option<Schedule>,
    room_hop_count: u64,
    rng: Rng,
    pid: Option<u32>,
    /// Since the visitors began to come.
    pub sampler: Option<Sampler>,
}

impl SoakWorkload {
    pub fn new(population: Population, plan: &Plan, pid: Option<u32>) -> Self {
        let (mut rng, interval) = (Rng::with_seed(plan.run.seed), plan.sample_time());
        let Population {
            members,
            chatters,
            speakers,
            ..
        } = population;
        let private = Spec::private(chatters, Pace::Rate(plan.rate));
        let busy_room = Spec::room(members, speakers, Pace::Rate(plan.room_rate));
        let lobby = Spec::room(chatters, speakers, Pace::Rate(plan.lobby_rate));
        let (seed, size) = (rng.u64(..), plan.run.size);
        let traffic = |name, first, size, spec| {
            let spec = Spec {
                first,
                size,
                has_last_lines: name != "private",
                ..spec
            };
            Traffic::new(name, spec, Dialect::Chinwag, seed, interval)
        };
        let traffics = vec![
            traffic("private", members, size, private),
            traffic("room", 0, LONG_BYTES, busy_room),
            traffic("lobby", members, size, lobby),
        ];
        Self {
            population,
            chat: Chat {
                traffics,
                strayed: 0,
            },
            slow: SlowReaders::new(population, plan.run.time, rng.fork()),
            visitors: Visitors::new(population, plan, rng.fork()),
            room_hops: None,
            room_hop_count: 0,
            rng,
            pid,
            sampler: None,
        }
    }

    pub fn done(&self) -> Tally {
        let mut tally = self.visitors.tally.clone();
        tally.extend(&self.slow.tally);
        tally.extend((self.room_hop_count > 0).then_some(("room_hops", self.room_hop_count)));
        tally
    }

    pub fn sample(&mut self, now: Timestamp, connected: usize) {
        if let Some(sampler) = &mut self.sampler {
            sampler.take(now, connected, self.visitors.connects);
        }
    }

    fn is_visitor(&self, who: ClientNo) -> bool {
        who.index() >= self.population.steady()
    }

    /// A client that speaks in no room enters one, and leaves it.
    fn hop_rooms(&mut self, out: &mut Clients) {
        let first = self.population.members + self.population.speakers;
        if first < self.population.steady() {
            let who = ClientNo::at(self.rng.usize(first..self.population.steady()));
            let room = self.rng.u8(0..20);
            out.raw(
                who,
                format!("/join side{room}\n/part side{room}\n").as_bytes(),
            );
            self.room_hop_count += 1;
        }
    }
}

impl Workload for SoakWorkload {
    fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: Stamp, out: &mut Clients) {
        match stamp.kind {
            Kind::Private if self.is_visitor(by) => self.chat.strayed += 1,
            // When a visitor was in the room is not known here.
            Kind::Room if self.is_visitor(by) => {}
            Kind::Private | Kind::Room => self.chat.arrived(at, by, &stamp, out),
        }
    }

    fn missed(&mut self, by: ClientNo, lines: u64) {
        if !self.is_visitor(by) {
            self.chat.missed(by, lines);
        }
    }

    fn ready(&mut self, at: Timestamp, who: ClientNo, _out: &mut Clients) {
        self.visitors.ready(at, who);
    }

    fn closed(&mut self, who: ClientNo, _out: &mut Clients) {
        self.visitors.closed(who);
    }

    fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        let next = self.chat.due(now, out);
        let Some(mut room_hops) = self.room_hops else {
            return next;
        };
        while room_hops.take(now).is_some() {
            self.hop_rooms(out);
        }
        self.room_hops = Some(room_hops);
        let others = [
            self.slow.due(now, out),
            self.visitors.due(now, out),
            room_hops.next(),
        ];
        others.into_iter().fold(next, Timestamp::min)
    }

    fn outstanding(&self) -> u64 {
        self.chat.outstanding()
    }
}

impl Load for SoakWorkload {
    fn chat(&self) -> &Chat {
        &self.chat
    }

    fn start(&mut self, now: Timestamp, out: &mut Clients) {
        self.chat.start(now, out);
    }

    fn begin(&mut self, now: Timestamp, out: &mut Clients) {
        self.sampler = Some(Sampler::new(self.pid, now));
        self.chat.begin(now);
        self.room_hops = Some(Schedule::new(now, ROOM_HOPS_PER_SECOND));
        self.slow.start(now, out);
        self.visitors.start(now);
    }

    fn end(&mut self, now: Timestamp, out: &mut Clients) {
        self.room_hops = None;
        self.chat.end(now);
        self.slow.stop(out);
        self.visitors.stop(out);
    }
}
