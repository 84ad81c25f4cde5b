//! All clients of a soak.
//!
//! They are numbered: first the members of a busy room with long lines, of whom the first speak and
//! the last read slowly; then those that write to each other privately and share the lobby; then the
//! visitors' places.

use fastrand::Rng;

use super::agenda::Agenda;
use super::samples::Sampler;
use super::{LONG_BYTES, Plan, Population};
use crate::client::ClientNo;
use crate::clients::Clients;
use crate::dialect::Dialect;
use crate::run::Load;
use crate::stamp::{Kind, Stamp};
use crate::swarm::Workload;
use crate::timestamp::Timestamp;
use crate::traffic::{Chat, Pace, Spec, Traffic};

pub struct SoakWorkload {
    population: Population,
    chat: Chat,
    /// Filled while it is measured.
    pub agenda: Agenda,
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
            agenda: Agenda::new(population, plan, rng),
            pid,
            sampler: None,
        }
    }

    pub fn sample(&mut self, now: Timestamp, connected: usize) {
        if let Some(sampler) = &mut self.sampler {
            sampler.take(now, connected, self.agenda.connects);
        }
    }

    fn is_visitor(&self, who: ClientNo) -> bool {
        who.index() >= self.population.steady()
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
        self.agenda.ready(at, who);
    }

    fn closed(&mut self, who: ClientNo, _out: &mut Clients) {
        self.agenda.closed(who);
    }

    fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        self.chat.due(now, out).min(self.agenda.due(now, out))
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

    fn begin(&mut self, now: Timestamp, _out: &mut Clients) {
        self.sampler = Some(Sampler::new(self.pid, now));
        self.chat.begin(now);
        self.agenda.start(now);
    }

    fn end(&mut self, now: Timestamp, out: &mut Clients) {
        self.chat.end(now);
        self.agenda.stop(out);
    }
}
