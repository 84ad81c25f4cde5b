//! What all clients do at one daemon: they come in, speak, and look at what it has kept.

use std::time::Duration;

use super::ledger::Place;
use super::load::KeptLoad;
use crate::client::ClientNo;
use crate::connect::CONNECT_TIME;
use crate::report::Connecting;
use crate::run::{Session, Setup};
use crate::server::Failure;

/// Connections that wait to be let in at a time: the daemon has room for so many passwords to hash.
const OPENING_MAX: usize = 32;

/// How long a page of history may take.
const PAGE_TIME: Duration = Duration::from_secs(30);

/// The clients of a load at one daemon.
pub struct Visit<'a> {
    pub session: Session<'a>,
    setup: Setup<'a>,
}

impl<'a> Visit<'a> {
    pub fn new(setup: Setup<'a>, load: &KeptLoad) -> Result<Self, Failure> {
        let mut session = Session::new(setup, load.cast.clients())?;
        session.swarm.opening_max = OPENING_MAX;
        Ok(Self { session, setup })
    }

    /// All make accounts, first of all the owner of the room; some leave again.
    pub fn enter_first(&mut self, load: &mut KeptLoad) -> Result<Connecting, Failure> {
        let (cast, began) = (load.cast, self.session.swarm.now());
        let witness = cast.witness();
        self.enter(load, [witness].into_iter())?;
        let others = cast.members().filter(|who| *who != witness);
        self.enter(load, others.chain(cast.absent()))?;
        self.part_absent(load, Duration::ZERO)?;
        let seconds = self.session.swarm.now().since(began).as_secs_f64();
        Ok(Connecting::between(None, seconds, cast.clients()))
    }

    /// Lets clients in, and waits until they are.
    pub fn enter(
        &mut self,
        load: &mut KeptLoad,
        who: impl Iterator<Item = ClientNo>,
    ) -> Result<(), Failure> {
        for who in who {
            load.enter(who, &mut self.session.swarm.clients);
        }
        self.settle(load)
    }

    /// Lets those leave who are to be away, once the daemon knows what they have read.
    fn part_absent(&mut self, load: &mut KeptLoad, reading: Duration) -> Result<(), Failure> {
        if load.cast.absent == 0 {
            return Ok(());
        }
        self.session.await_end(reading, load, |_| false)?;
        load.part_absent(&mut self.session.swarm.clients);
        self.settle(load)
    }

    /// Waits until all that were to come or to leave have.
    fn settle(&mut self, load: &mut KeptLoad) -> Result<(), Failure> {
        let watcher = self.setup.watcher;
        self.session.await_end(CONNECT_TIME, load, |load| {
            load.has_settled() || watcher.has_stopped()
        })?;
        self.check(load)?;
        if load.has_settled() {
            return Ok(());
        }
        let time = CONNECT_TIME.as_secs();
        Err(format!("not all clients came or left, within {time} s or until it was ended").into())
    }

    pub fn speak(&mut self, load: &mut KeptLoad) -> Result<(), Failure> {
        let time = self.setup.plan.time;
        self.session.measure(load, time, |_, _| {})?;
        self.check(load)
    }

    /// Reads what the room keeps behind an id. Returns how many lines there were, and the id of the last.
    pub fn read_history(&mut self, load: &mut KeptLoad, since: u64) -> Result<(u64, u64), Failure> {
        load.ledger.begin_pass(since);
        loop {
            let before = load.ledger.last_id();
            load.ask_page(&mut self.session.swarm.clients);
            self.session.await_end(PAGE_TIME, load, |load| {
                load.page().is_some() || load.has_failed()
            })?;
            self.check(load)?;
            match load.page() {
                Some(true) => break,
                Some(false) if load.ledger.last_id() > before => {}
                Some(false) => {
                    return Err(format!("the history does not go on behind id {before}").into());
                }
                None => return Err("a page of history does not come".into()),
            }
        }
        let last_id = load.ledger.last_id();
        Ok((load.ledger.end_pass(Place::Room), last_id))
    }

    /// Those who were away come for what waits for them, stay for `reading`, and leave. Returns how much
    /// that was.
    pub fn collect(&mut self, load: &mut KeptLoad, reading: Duration) -> Result<u64, Failure> {
        let mut collected = 0;
        for who in load.cast.absent() {
            load.ledger.begin_pass(0);
            self.enter(load, [who].into_iter())?;
            collected += load.ledger.end_pass(Place::Mailbox(who));
        }
        self.part_absent(load, reading)?;
        Ok(collected)
    }

    /// What it cannot go on after.
    fn check(&self, load: &mut KeptLoad) -> Result<(), Failure> {
        let refusal = &self.session.swarm.trouble.refusal;
        let refusal = refusal.as_ref().map(|text| format!("; it says: {text}"));
        match load.take_failure() {
            Some(what) => Err(format!("{what}{}", refusal.unwrap_or_default()).into()),
            None => Ok(()),
        }
    }
}
