//! Daemons one after the other, on a file of the load generator's own: each is filled, ended, and looked at.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tempfile::TempDir;

use super::cast::Cast;
use super::load::KeptLoad;
use super::report::KeptReport;
use super::visit::Visit;
use crate::args::{Kept, StoreChoice};
use crate::process::Pinning;
use crate::progress::Watcher;
use crate::recorder::as_f64;
use crate::report::{Connecting, Messages, Report};
use crate::run::{Plan, ServerUnderTest, Setup};
use crate::server::{Failure, Recipe, Server};
use crate::traffic::Pace;

/// The file's name in its folder.
const FILE: &str = "chat.db";

/// Accounts that are away, if something is said to such.
const ABSENT: usize = 10;

/// Messages that may wait for one of them: more than any test says.
pub const WAITING_MAX: u64 = 1_000_000;

/// The daemon looks once a second at what has arrived, and lets go of it only then: whoever leaves sooner
/// is sent it again.
const READING_TIME: Duration = Duration::from_millis(1500);

/// How long a daemon may take to end in order: it writes what it has.
const STOP_TIME: Duration = Duration::from_secs(15);

/// A kill comes at most so long after the measured phase, at random: not always at the same step of
/// what the daemon does.
const KILL_DELAY_MAX: Duration = Duration::from_millis(50);

/// How long it may take to see that a daemon is gone.
const GONE_TIME: Duration = Duration::from_secs(10);

/// What a test of a kept room needs, beside its own flags.
#[derive(Clone, Copy)]
pub struct Bed<'a> {
    pub recipe: &'a Recipe,
    pub plan: &'a Plan,
    pub pinning: Option<Pinning>,
    pub watcher: &'a Watcher,
}

/// Lets clients speak in a kept room, or in one that is not, or kills the daemon again and again.
pub fn run(bed: Bed<'_>, kept: &Kept, runs: usize) -> Result<Vec<KeptReport>, Failure> {
    let test = Test { bed, kept };
    if kept.kill {
        return test.kill_rounds();
    }
    let choices = match kept.store {
        StoreChoice::File => &[true][..],
        StoreChoice::None => &[false],
        StoreChoice::Both => &[true, false],
    };
    let mut reports = Vec::new();
    for number in 1..=runs {
        for is_kept in choices {
            if bed.watcher.has_stopped() && !reports.is_empty() {
                return Ok(reports);
            }
            let what = if *is_kept { "kept" } else { "not kept" };
            bed.watcher
                .set_title(&format!("run {number} of {runs}, {what}"));
            reports.push(test.once(*is_kept)?);
        }
    }
    Ok(reports)
}

struct Test<'a> {
    bed: Bed<'a>,
    kept: &'a Kept,
}

/// A folder for one file, which goes with this.
struct Store {
    _folder: TempDir,
    file: PathBuf,
}

impl Store {
    fn new(parent: Option<&Path>) -> Result<Self, Failure> {
        let folder = match parent {
            Some(parent) => TempDir::new_in(parent),
            None => TempDir::new(),
        };
        let folder = folder.map_err(|error| format!("cannot make a folder to keep: {error}"))?;
        Ok(Self {
            file: folder.path().join(FILE),
            _folder: folder,
        })
    }

    /// Bytes of the file and of its log.
    fn bytes(&self) -> u64 {
        let log = self.file.with_file_name(format!("{FILE}-wal"));
        let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        size(&self.file) + size(&log)
    }
}

impl Test<'_> {
    fn cast(&self, is_kept: bool) -> Cast {
        let Kept {
            clients,
            rate,
            pipeline,
            waiting,
            ..
        } = *self.kept;
        Cast {
            speakers: clients,
            absent: if waiting > 0.0 { ABSENT } else { 0 },
            pace: rate.map_or(Pace::Window(pipeline), Pace::Rate),
            waiting,
            is_kept,
            size: self.bed.plan.size,
        }
    }

    fn load(&self, is_kept: bool) -> KeptLoad {
        let plan = self.bed.plan;
        KeptLoad::new(self.cast(is_kept), plan.seed, plan.time)
    }

    fn start(&self, store: Option<&Store>) -> Result<Server, Failure> {
        let file = store.map(|store| store.file.to_string_lossy());
        let recipe = self.bed.recipe;
        let recipe = recipe.keeping(file.as_deref().unwrap_or("none"));
        let recipe = recipe.ok_or("the server's command has no place for a store: say @STORE@")?;
        Server::start(&recipe, self.bed.pinning)
    }

    /// One run, of a daemon that ends in order.
    fn once(&self, is_kept: bool) -> Result<KeptReport, Failure> {
        let store = Store::new(self.kept.folder.as_deref())?;
        let server = self.start(is_kept.then_some(&store))?;
        let under_test = server.under_test.clone();
        let mut load = self.load(is_kept);
        let mut visit = Visit::new(self.setup(&under_test), &load)?;
        let connecting = visit.enter_first(&mut load)?;
        visit.speak(&mut load)?;
        visit.session.drain(&mut load)?;
        let mut report = self.report(&visit, &load, connecting);
        report.add_faults(load.take_faults());
        if is_kept {
            let (checked, _) = visit.read_history(&mut load, 0)?;
            report.checked = checked + visit.collect(&mut load, READING_TIME)?;
            report.add_faults(load.take_faults());
        }
        visit.session.leave()?;
        end(server)?;
        if is_kept {
            report.set_store(store.bytes(), load.tally.kept);
        }
        Ok(report)
    }

    /// Fills and kills a daemon, and looks at what the next one finds in the file, again and again. The
    /// last one ends in order.
    fn kill_rounds(&self) -> Result<Vec<KeptReport>, Failure> {
        let rounds = self.kept.rounds;
        let store = Store::new(self.kept.folder.as_deref())?;
        let mut rng = Rng::with_seed(self.bed.plan.seed);
        let mut load = self.load(true);
        load.speaks_on = true;
        let mut reports: Vec<KeptReport> = Vec::new();
        let (mut seen, mut kept) = (0, 0);
        loop {
            let round = reports.len();
            let title = format!("round {} of {rounds}", (round + 1).min(rounds));
            self.bed.watcher.set_title(&title);
            let began = Instant::now();
            let server = self.start(Some(&store))?;
            let reopened = began.elapsed();
            let under_test = server.under_test.clone();
            let mut visit = Visit::new(self.setup(&under_test), &load)?;
            let mut connecting = Connecting::default();
            if let Some(report) = reports.last_mut() {
                visit.enter(&mut load, self.cast(true).members())?;
                let (checked, last_id) = visit.read_history(&mut load, seen)?;
                seen = last_id;
                report.checked = checked + visit.collect(&mut load, READING_TIME)?;
                report.reopened_ms = Some(reopened.as_secs_f64() * 1e3);
                report.add_faults(load.take_faults());
            } else {
                connecting = visit.enter_first(&mut load)?;
            }
            let is_over = round >= rounds || self.bed.watcher.has_stopped() && round > 0;
            if is_over {
                // What earlier rounds kept must still be there.
                visit.read_history(&mut load, 0)?;
                visit.session.leave()?;
                end(server)?;
                if let Some(report) = reports.last_mut() {
                    report.add_faults(load.take_faults());
                    report.set_store(store.bytes(), kept);
                }
                return Ok(reports);
            }
            visit.speak(&mut load)?;
            let delay = KILL_DELAY_MAX.mul_f64(rng.f64());
            visit.session.await_end(delay, &mut load, |_| false)?;
            visit.session.swarm.clients.expect_end();
            server.kill();
            visit.session.await_end(GONE_TIME, &mut load, |_| false)?;
            kept += load.tally.kept;
            reports.push(self.report(&visit, &load, connecting));
            load.abandon();
        }
    }

    fn setup<'b>(&'b self, server: &'b ServerUnderTest) -> Setup<'b> {
        Setup {
            server,
            plan: self.bed.plan,
            watcher: self.bed.watcher,
        }
    }

    fn report(&self, visit: &Visit<'_>, load: &KeptLoad, connecting: Connecting) -> KeptReport {
        let (session, tally, cast) = (&visit.session, &load.tally, &load.cast);
        let seconds = session.seconds;
        let answered = load.answers.count();
        let observed = session.observed(answered);
        let pace = match cast.pace {
            Pace::Rate(rate) => ("line_rate", rate),
            Pace::Window(window) => ("pipeline", as_f64(window as u64)),
        };
        KeptReport {
            run: Report {
                workload: match (self.kept.kill, cast.is_kept) {
                    (true, _) => "killed",
                    (false, true) => "kept",
                    (false, false) => "not kept",
                },
                clients: cast.speakers,
                parameters: vec![pace, ("waiting", cast.waiting)],
                messages: vec![
                    Messages::new("ok", &load.answers, seconds),
                    Messages::new("live", &load.live, seconds),
                ],
                lag: load.lag.latency(),
                told_missed: tally.told_missed,
                refused: observed.refused + tally.refused,
                refusal: observed.refusal.clone().or_else(|| tally.refusal.clone()),
                connecting,
                ..observed
            },
            waiting: tally.waiting,
            ..KeptReport::default()
        }
    }
}

fn end(server: Server) -> Result<(), Failure> {
    if server.stop(STOP_TIME) {
        return Ok(());
    }
    let time = STOP_TIME.as_secs();
    Err(format!("the daemon does not end within {time} s").into())
}
