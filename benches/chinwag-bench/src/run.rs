//! One run: connect, warm up, measure, and let messages in flight arrive.

use std::ops::Range;
use std::time::Duration;

use crate::args::Scenario;
use crate::client::clients;
use crate::connect::CONNECT_TIME;
use crate::dialect::Dialect;
use crate::load::{Load, Measured};
use crate::process::Usage;
use crate::progress::Watcher;
use crate::report::{Connecting, Look, Messages, Report, per_second};
use crate::swarm::{Swarm, SwarmError, Workload};
use crate::target::Target;
use crate::timestamp::Timestamp;

const PROGRESS_TIME: Duration = Duration::from_millis(100);

/// How long it takes, and what else is the same for all workloads.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub warm_up: Duration,
    pub time: Duration,
    /// Given to messages in flight after that, before they count as lost.
    pub drain: Duration,
    pub size: usize,
    pub seed: u64,
}

#[derive(Clone, Debug)]
pub struct ServerUnderTest {
    pub name: String,
    pub target: Target,
    pub dialect: &'static Dialect,
    /// Its process, if that can be seen.
    pub pid: Option<u32>,
    /// Connections that may wait to be registered at a time.
    pub opening_max: usize,
}

#[derive(Clone, Copy)]
pub struct Setup<'a> {
    pub server: &'a ServerUnderTest,
    pub plan: &'a Plan,
    pub watcher: &'a Watcher,
}

/// A swarm at work against a server.
pub struct Session<'a> {
    pub swarm: Swarm,
    setup: Setup<'a>,
    /// How long it was measured, and what both processes had used before and after that.
    pub seconds: f64,
    looks: Option<[Look; 2]>,
    interrupted: bool,
}

pub fn run(setup: Setup<'_>, scenario: &Scenario) -> Result<Report, SwarmError> {
    let roles = scenario.roles();
    let mut load = roles.load(setup.server.dialect, setup.plan);
    let mut session = Session::new(setup, roles.clients())?;
    let connecting = session.connect(
        roles.residents(),
        roles.slow_members(),
        roles.members(),
        b"",
    )?;
    session.measure(&mut load, setup.plan.time, |_, _| {})?;
    session.drain(&mut load)?;
    let connects = Some(load.beside.connects).filter(|connects| *connects > 0);
    let report = Report {
        workload: roles.name,
        clients: roles.clients(),
        parameters: roles.parameters(),
        connecting,
        connects_per_second: connects.map(|connects| per_second(connects, session.seconds)),
        ..session.report(&load)
    };
    session.leave()?;
    Ok(report)
}

impl<'a> Session<'a> {
    pub fn new(setup: Setup<'a>, clients: usize) -> Result<Self, SwarmError> {
        Ok(Self {
            swarm: Swarm::new(setup.server, clients, setup.plan.size)?,
            setup,
            seconds: 0.0,
            looks: None,
            interrupted: false,
        })
    }

    /// Connects the clients `0..count`, and lets the first ones say something and enter the room.
    pub fn connect(
        &mut self,
        count: usize,
        slow: Range<usize>,
        members: usize,
        say: &[u8],
    ) -> Result<Connecting, SwarmError> {
        let Self { swarm, setup, .. } = self;
        let (watcher, pid) = (setup.watcher, setup.server.pid);
        let before = pid.and_then(Usage::of);
        let began = swarm.now();
        swarm.connect(0..count, &slow, count, CONNECT_TIME, watcher)?;
        let seconds = swarm.now().since(began).as_secs_f64();
        let looks = before.zip(pid.and_then(Usage::of));
        let connecting = Connecting::between(looks, seconds, swarm.clients.ready);
        if members > 0 && !watcher.has_stopped() {
            for who in clients(members) {
                swarm.clients.raw(who, say);
            }
            swarm.join(members, watcher)?;
        }
        Ok(connecting)
    }

    /// Warms up and measures; `sample` is called as that begins, and at the end of each `interval`.
    pub fn measure<M: Measured>(
        &mut self,
        load: &mut M,
        interval: Duration,
        mut sample: impl FnMut(&Swarm, &M),
    ) -> Result<(), SwarmError> {
        if !self.setup.watcher.has_stopped() {
            let now = self.swarm.now();
            load.start(now, &mut self.swarm.clients);
            self.turn_until(load, now, now.after(self.setup.plan.warm_up))?;
        }
        // Ended before anything was measured, there is nothing to divide by.
        let is_measured = !self.setup.watcher.has_stopped();
        let began = self.swarm.now();
        load.begin(began, &mut self.swarm.clients);
        sample(&self.swarm, load);
        let before = Look::now(self.setup.server.pid);
        let until = began.after(self.setup.plan.time);
        while self.swarm.now() < until && self.goes_on() {
            let next = self.swarm.now().after(interval).min(until);
            self.turn_until(load, began, next)?;
            sample(&self.swarm, load);
        }
        let after = Look::now(self.setup.server.pid);
        let ended = self.swarm.now();
        load.end(ended, &mut self.swarm.clients);
        if is_measured {
            self.seconds = ended.since(began).as_secs_f64();
            self.looks = Some([before, after]);
        }
        self.interrupted = self.setup.watcher.has_stopped();
        Ok(())
    }

    pub fn drain<W: Workload>(&mut self, work: &mut W) -> Result<(), SwarmError> {
        self.setup.watcher.show_draining();
        self.await_end(self.setup.plan.drain, work, |work| work.outstanding() == 0)
    }

    /// Goes on until something is over, at most for `time`.
    pub fn await_end<W: Workload>(
        &mut self,
        time: Duration,
        work: &mut W,
        is_over: impl Fn(&W) -> bool,
    ) -> Result<(), SwarmError> {
        let give_up_at = self.swarm.now().after(time);
        while !is_over(work) && self.swarm.now() < give_up_at && !self.swarm.clients.is_deserted() {
            let next = self.swarm.now().after(PROGRESS_TIME).min(give_up_at);
            self.swarm.turn(work, next)?;
        }
        Ok(())
    }

    /// What was found, but for what only the caller knows.
    pub fn report<B>(&self, load: &Load<B>) -> Report {
        let chat = &load.chat;
        let messages = Messages::of(chat, self.seconds);
        let delivered = messages.iter().map(|messages| messages.delivered).sum();
        Report {
            messages,
            errors: chat.errors(),
            lag: chat.lag(),
            told_missed: chat.told_missed(),
            ..self.observed(delivered)
        }
    }

    /// What the session saw by itself, while `delivered` messages arrived.
    pub fn observed(&self, delivered: u64) -> Report {
        let used = self.looks.filter(|_| self.seconds > 0.0);
        let used = used.map(|[before, after]| before.until(&after, self.seconds, delivered));
        let [server_use, driver_use] = used.unwrap_or_default();
        Report {
            server: self.setup.server.name.clone(),
            dialect: self.setup.server.dialect.name,
            size: self.setup.plan.size,
            seconds: self.seconds,
            refused: self.swarm.trouble.refused,
            closed: self.swarm.trouble.closed,
            refusal: self.swarm.trouble.refusal.clone(),
            server_use,
            driver_use,
            interrupted: self.interrupted,
            ..Report::default()
        }
    }

    /// Ends all connections, unless it was stopped.
    pub fn leave(&mut self) -> Result<(), SwarmError> {
        if self.setup.watcher.has_stopped() {
            return Ok(());
        }
        self.swarm.leave()
    }

    fn goes_on(&self) -> bool {
        !self.setup.watcher.has_stopped() && !self.swarm.clients.is_deserted()
    }

    /// Goes on until then, or until it is stopped, or the server is gone.
    fn turn_until<W: Workload>(
        &mut self,
        work: &mut W,
        began: Timestamp,
        until: Timestamp,
    ) -> Result<(), SwarmError> {
        while self.swarm.now() < until && self.goes_on() {
            let next = self.swarm.now().after(PROGRESS_TIME).min(until);
            while self.swarm.now() < next {
                self.swarm.turn(work, next)?;
            }
            let elapsed = self.swarm.now().since(began);
            (self.setup.watcher).show_running(elapsed, self.setup.plan.time);
        }
        Ok(())
    }
}
