//! The clients of a kept room: some speak, one hears all and reads the history, and some are away, so that
//! what is said to them waits.
//!
//! It lives longer than a server: after a crash, the same accounts come back, by their tokens.

use std::time::Duration;

use fastrand::Rng;

use super::account::{Account, Awaited};
use super::cast::{Cast, Tally};
use super::ledger::{Faults, Key, Ledger, Place};
use super::talk::{Part, ServerLine, Wanted, entry, page};
use crate::client::{ClientNo, State, clients};
use crate::clients::{Clients, Opening};
use crate::dialect::{CHINWAG, Template};
use crate::load::Measured;
use crate::recorder::Recorder;
use crate::stamp::{Kind, Stamp};
use crate::swarm::Workload;
use crate::timestamp::Timestamp;
use crate::traffic::{Pace, Schedule};

/// Messages of one sender that wait for one who is away: what the daemon holds.
const WAITING_OF_ONE_MAX: u32 = 20;

pub struct KeptLoad {
    pub cast: Cast,
    accounts: Vec<Account>,
    pub ledger: Ledger,
    say: Template,
    private: Template,
    rng: Rng,
    /// How many messages wait, a row for each speaker, with a place for each who is away.
    mailboxes: Vec<u32>,
    next_speaker: usize,
    schedule: Option<Schedule>,
    is_speaking: bool,
    /// Whether clients speak on when the measured phase ends.
    pub speaks_on: bool,
    pub answers: Recorder,
    pub live: Recorder,
    pub lag: Recorder,
    /// Clients that have yet to get in, or to leave as they were asked to.
    moving: usize,
    /// Lines without an answer.
    unanswered: u64,
    missed_by_witness: u64,
    pub tally: Tally,
    /// Whether the page that was asked for has come, and whether it is the last.
    page: Option<bool>,
    /// Something that it cannot go on after.
    failure: Option<String>,
}

impl KeptLoad {
    pub fn new(cast: Cast, seed: u64, interval: Duration) -> Self {
        let mut accounts = Vec::new();
        accounts.resize_with(cast.clients(), Account::default);
        Self {
            accounts,
            ledger: Ledger::default(),
            say: CHINWAG.say(cast.size),
            private: CHINWAG.private(cast.size),
            rng: Rng::with_seed(seed),
            mailboxes: vec![0; cast.speakers * cast.absent],
            next_speaker: 0,
            schedule: None,
            is_speaking: false,
            speaks_on: false,
            answers: Recorder::new(interval),
            live: Recorder::new(interval),
            lag: Recorder::new(interval),
            moving: 0,
            unanswered: 0,
            missed_by_witness: 0,
            tally: Tally::default(),
            page: None,
            failure: None,
            cast,
        }
    }

    /// Connects a client, and has it say what lets it in.
    pub fn enter(&mut self, who: ClientNo, out: &mut Clients) {
        let part = self.cast.part(who);
        let Some(account) = self.accounts.get_mut(who.index()) else {
            return;
        };
        let steps = entry(who, part, account.token.as_deref(), self.cast.is_kept);
        let says: String = steps.iter().flat_map(|step| [&step.line, "\n"]).collect();
        account.awaited = steps.into_iter().map(Awaited::Step).collect();
        self.moving += 1;
        out.opening.push_back(Opening {
            who,
            says: says.into_bytes(),
            state: State::Registering,
            is_visitor: false,
            receive_bytes: None,
        });
    }

    /// Those who are to be away leave.
    pub fn part_absent(&mut self, out: &mut Clients) {
        for who in self.cast.absent() {
            self.moving += 1;
            out.quit(who);
        }
        self.mailboxes.fill(0);
    }

    /// Whether all that were to come or to leave have.
    pub fn has_settled(&self) -> bool {
        self.moving == 0 || self.failure.is_some()
    }

    /// Asks for the next lines of the room's history.
    pub fn ask_page(&mut self, out: &mut Clients) {
        let witness = self.cast.witness();
        self.page = None;
        self.await_answer(witness, Awaited::Page);
        out.raw(witness, page(self.ledger.last_id()).as_bytes());
    }

    /// Whether a page has come, and is the last.
    pub fn page(&self) -> Option<bool> {
        self.page
    }

    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    pub fn take_failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// The server is gone, and with it whatever it had not answered, or not delivered.
    pub fn abandon(&mut self) {
        self.is_speaking = false;
        self.schedule = None;
        self.moving = 0;
        self.unanswered = 0;
        self.missed_by_witness = 0;
        self.failure = None;
        self.ledger.forget_unheard();
        for account in &mut self.accounts {
            account.awaited.clear();
        }
    }

    /// What went wrong since this was asked last; what is under way counts as lost.
    pub fn take_faults(&mut self) -> Faults {
        let mut faults = self.ledger.take_faults();
        let lost = self.outstanding();
        if lost > 0 {
            faults.errors.lost += lost;
            let what = format!("{lost} lines were not answered, or not heard");
            faults.first.get_or_insert(what);
        }
        faults
    }

    fn await_answer(&mut self, who: ClientNo, awaited: Awaited) {
        if let Some(account) = self.accounts.get_mut(who.index()) {
            account.awaited.push_back(awaited);
        }
    }

    fn fail(&mut self, what: String) {
        self.failure.get_or_insert(what);
    }

    /// Says a line, in the room or to one who is away.
    fn send(&mut self, intended: Timestamp, sender: ClientNo, out: &mut Clients) {
        let to = self.absent_for(sender);
        let is_private = to.is_some();
        let Some(account) = self.accounts.get_mut(sender.index()) else {
            return;
        };
        let key = Key {
            sender,
            number: account.said,
        };
        account.said += 1;
        account.awaited.push_back(Awaited::Said {
            key,
            intended,
            is_private,
        });
        self.unanswered += 1;
        self.ledger
            .sent(key, to.map_or(Place::Room, Place::Mailbox));
        let (kind, template) = match to {
            Some(_) => (Kind::Private, &self.private),
            None => (Kind::Room, &self.say),
        };
        let stamp = Stamp {
            kind,
            sender,
            number: key.number,
            intended,
        };
        out.append(sender, |bytes| template.write(bytes, to, &stamp));
    }

    /// One who is away and has room for a message from this client, if one is to go to such now.
    fn absent_for(&mut self, sender: ClientNo) -> Option<ClientNo> {
        let Cast {
            speakers, absent, ..
        } = self.cast;
        if absent == 0 || self.rng.f64() >= self.cast.waiting {
            return None;
        }
        let place = self.rng.usize(0..absent);
        let waiting = self.mailboxes.get_mut(sender.index() * absent + place)?;
        let has_room = *waiting < WAITING_OF_ONE_MAX;
        has_room.then(|| {
            *waiting += 1;
            ClientNo::at(speakers + 1 + place)
        })
    }

    fn answered(&mut self, at: Timestamp, who: ClientNo, line: &ServerLine<'_>, out: &mut Clients) {
        let is_ok = line.kind == "ok";
        let account = self.accounts.get_mut(who.index());
        match account.and_then(|account| account.awaited.pop_front()) {
            Some(Awaited::Said {
                key,
                intended,
                is_private,
            }) => {
                self.unanswered -= 1;
                if is_ok {
                    self.tally.waiting += u64::from(is_private);
                    self.was_kept(at, key, intended, line.id);
                } else {
                    self.tally.refused += 1;
                    let refusal = &mut self.tally.refusal;
                    refusal.get_or_insert_with(|| line.text.clone().into_owned());
                }
                if self.is_speaking && matches!(self.cast.pace, Pace::Window(_)) {
                    self.send(at, who, out);
                }
            }
            Some(Awaited::Step(step)) if !is_ok => {
                let (said, why) = (step.line, &line.text);
                self.fail(format!("the daemon refused \"{said}\" of {who}: {why}"));
            }
            Some(Awaited::Step(step)) => self.did_step(who, step.wanted, line, out),
            Some(Awaited::Page) if is_ok => self.page = Some(line.end),
            Some(Awaited::Page) => {
                let why = &line.text;
                self.fail(format!("the daemon shows no history: {why}"));
            }
            None => {}
        }
    }

    fn was_kept(&mut self, at: Timestamp, key: Key, intended: Timestamp, id: Option<u64>) {
        if self.cast.is_kept && id.is_none() {
            self.fail(format!("{key} was answered without an id, and is not kept"));
        }
        self.answers.record(at, intended);
        self.tally.kept += 1;
        self.ledger.answered(key, id);
    }

    fn did_step(
        &mut self,
        who: ClientNo,
        wanted: Wanted,
        line: &ServerLine<'_>,
        out: &mut Clients,
    ) {
        match wanted {
            Wanted::Done => {}
            Wanted::Token => {
                if let Some(account) = self.accounts.get_mut(who.index()) {
                    account.token = Some(line.token.clone().into_owned());
                }
            }
            Wanted::Entered => {
                out.set_state(who, State::Ready);
                self.moving -= 1;
            }
        }
    }

    /// A line that somebody said, now or before.
    fn came(&mut self, at: Timestamp, by: ClientNo, line: &ServerLine<'_>) {
        let stamp = Stamp::read(line.text.as_bytes(), self.cast.size);
        let Some(stamp) = stamp else {
            return;
        };
        let key = Key {
            sender: stamp.sender,
            number: stamp.number,
        };
        let id = line.id.unwrap_or_default();
        match line.kind {
            "message" => {
                self.live.record(at, stamp.intended);
                if by == self.cast.witness() {
                    self.ledger.heard(key, line.id);
                }
            }
            "private" => self.ledger.shown(Place::Mailbox(by), key, id),
            _ => self.ledger.shown(Place::Room, key, id),
        }
    }
}

impl Workload for KeptLoad {
    fn took_line(&mut self, at: Timestamp, by: ClientNo, line: &[u8], out: &mut Clients) -> bool {
        let Some(line) = ServerLine::read(line) else {
            return false;
        };
        match line.kind {
            "ok" | "error" => self.answered(at, by, &line, out),
            "message" | "private" | "history" => self.came(at, by, &line),
            "missed" => {
                self.tally.told_missed += line.count;
                if by == self.cast.witness() {
                    self.missed_by_witness += line.count;
                }
            }
            _ => {}
        }
        true
    }

    fn closed(&mut self, who: ClientNo, _out: &mut Clients) {
        let Some(account) = self.accounts.get_mut(who.index()) else {
            return;
        };
        let was_in = account.is_in();
        self.unanswered -= account.unanswered();
        account.awaited.clear();
        if !was_in {
            self.fail(format!("the daemon closed the connection of {who}"));
        } else if self.cast.part(who) == Part::Absent {
            self.moving = self.moving.saturating_sub(1);
        }
    }

    fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        let Some(mut schedule) = self.schedule else {
            return Timestamp::NEVER;
        };
        for intended in schedule.take_all(now) {
            self.lag.record(now, intended);
            let sender = ClientNo::at(self.next_speaker);
            self.next_speaker = (self.next_speaker + 1) % self.cast.speakers.max(1);
            self.send(intended, sender, out);
        }
        self.schedule = Some(schedule);
        schedule.next()
    }

    /// Lines without an answer, and lines that the witness has yet to hear.
    fn outstanding(&self) -> u64 {
        let unheard = self.ledger.unheard();
        self.unanswered + unheard.saturating_sub(self.missed_by_witness)
    }
}

impl Measured for KeptLoad {
    fn start(&mut self, now: Timestamp, out: &mut Clients) {
        self.tally = Tally::default();
        self.is_speaking = true;
        match self.cast.pace {
            Pace::Rate(rate) => self.schedule = Some(Schedule::new(now, rate)),
            Pace::Window(window) => {
                for speaker in clients(self.cast.speakers) {
                    for _ in 0..window {
                        self.send(now, speaker, out);
                    }
                }
            }
        }
    }

    fn begin(&mut self, now: Timestamp, _out: &mut Clients) {
        for recorder in [&mut self.answers, &mut self.live, &mut self.lag] {
            recorder.begin(now);
        }
    }

    fn end(&mut self, now: Timestamp, _out: &mut Clients) {
        for recorder in [&mut self.answers, &mut self.live, &mut self.lag] {
            recorder.end(now);
        }
        if !self.speaks_on {
            self.is_speaking = false;
            self.schedule = None;
        }
    }
}
