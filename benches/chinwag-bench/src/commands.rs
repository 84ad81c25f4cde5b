//! What each command does: starts its server, runs it, and shows what was found.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use mio::net::TcpListener;

use crate::args::{Args, Command, Common, Kept, Rounds, Scenario, Soak};
use crate::client::CLIENTS_MAX;
use crate::compare::Comparison;
use crate::drawing;
use crate::kept;
use crate::kept::KeptReport;
use crate::outcome::{Outcome, dialect, json, notes};
use crate::plot;
use crate::process::{Pinning, Usage};
use crate::progress::Watcher;
use crate::relay;
use crate::report::Report;
use crate::run::{Plan, Setup, run};
use crate::search;
use crate::server::{self, Failure, Recipe, Server};
use crate::soak;
use crate::suite;
use crate::table::short;

const USAGE: u8 = 2;

/// How long a run is measured, and a soak, if nothing is said.
const TIME: Duration = Duration::from_secs(5);
const SOAK_TIME: Duration = Duration::from_secs(60);

struct Test<'a> {
    common: &'a Common,
    plan: Plan,
    watcher: Watcher,
}

/// Runs the load generator as its command line says.
pub fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(what) => {
            complain(&what);
            return ExitCode::from(USAGE);
        }
    };
    match execute(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "chinwag-bench: {what}");
}

/// Returns whether all was as it should be.
fn execute(args: &Args) -> Result<bool, Failure> {
    let common = &args.common;
    match &args.command {
        Some(Command::Supervise { words }) => return Err(server::replace_by(words)),
        Some(Command::Floor { listen }) => {
            search::descriptors_max();
            let listener = TcpListener::bind(*listen)
                .map_err(|error| format!("cannot listen at {listen}: {error}"))?;
            let address = listener.local_addr()?;
            let _ = writeln!(io::stderr(), "the floor listens on {address}");
            relay::serve(listener)?;
            return Ok(true);
        }
        _ => {}
    }
    if let Some(pid) = common.pid.filter(|pid| Usage::of(*pid).is_none()) {
        return Err(format!("what process {pid} uses cannot be seen; is it there?").into());
    }
    common
        .svg
        .iter()
        .try_for_each(|path| drawing::check(path))?;
    let watcher = Watcher::new()?;
    let time = match &args.command {
        Some(Command::Soak(soak)) => soak.minutes.or(common.time).unwrap_or(SOAK_TIME),
        _ => common.time.unwrap_or(TIME),
    };
    let plan = Plan {
        warm_up: common.warm_up,
        time,
        drain: common.drain,
        size: common.size,
        seed: common.seed,
    };
    let test = Test {
        common,
        plan,
        watcher,
    };
    let outcome = test.run(args);
    test.watcher.clear();
    outcome?.show(common)
}

impl Test<'_> {
    fn run(&self, args: &Args) -> Result<Outcome, Failure> {
        let Some(command) = &args.command else {
            return self.suite(args.clients.unwrap_or(suite::CLIENTS_WANTED));
        };
        match command {
            Command::Scenario(scenario) => self.workload(scenario),
            Command::Compare(rounds) => self.compare(rounds),
            Command::Ramp {
                clients,
                rate,
                p99_max,
            } => self.ramp(*clients, *rate, *p99_max),
            Command::Soak(soak) => self.soak(soak),
            Command::Kept(kept) => self.kept(kept),
            Command::FindLimit { clients } => {
                let server = self.start(clients.unwrap_or(CLIENTS_MAX), &[])?;
                let capacity = search::find_limit(self.setup(&server), *clients)?;
                Ok(Outcome {
                    json: vec![json(&capacity)],
                    text: capacity.text(),
                    is_good: true,
                    ..Outcome::default()
                })
            }
            Command::Floor { .. } | Command::Supervise { .. } => Ok(Outcome::default()),
        }
    }

    fn workload(&self, scenario: &Scenario) -> Result<Outcome, Failure> {
        let roles = scenario.roles();
        search::check_descriptors(roles.clients())?;
        let server = self.start(roles.places(), &[])?;
        let mut reports = Vec::new();
        for number in 1..=self.common.runs {
            if self.common.runs > 1 {
                let runs = self.common.runs;
                self.watcher.set_title(&format!("run {number} of {runs}"));
            }
            reports.push(run(self.setup(&server), scenario)?);
            if self.watcher.has_stopped() {
                break;
            }
        }
        Ok(Outcome::of_runs(self.common, &reports))
    }

    fn suite(&self, clients_max: usize) -> Result<Outcome, Failure> {
        let server = self.start(clients_max, &[])?;
        let found = suite::run_suite(self.setup(&server), clients_max)?;
        let runs = Outcome::of_runs(self.common, &found.reports);
        Ok(Outcome {
            json: [json(&found.capacity)]
                .into_iter()
                .chain(runs.json)
                .collect(),
            text: found.text(),
            is_good: found.is_clean(),
            ..runs
        })
    }

    /// Ever higher rates. A rate that is too much may overtax a server; what counts is that it
    /// carries others.
    fn ramp(&self, clients: usize, rate: f64, p99_max: Duration) -> Result<Outcome, Failure> {
        search::check_descriptors(clients)?;
        let server = self.start(clients, &[])?;
        let reports = search::ramp(self.setup(&server), clients, rate, p99_max)?;
        let is_carried =
            |report: &&Report| search::keeps_up(report, report.rate().unwrap_or_default(), p99_max);
        let carried = reports.iter().rev().find(is_carried);
        let mut outcome = Outcome::of_runs(self.common, &reports);
        let bound = short(p99_max.as_secs_f64() * 1e3);
        let _ = match carried.map(Report::per_second) {
            Some(per_second) => write!(
                outcome.text,
                "\n\nIt carries {per_second:.0} messages a second with a p99 of at most {bound} ms."
            ),
            None => write!(
                outcome.text,
                "\n\nIt was not seen to carry {rate} messages a second with a p99 of at most \
                 {bound} ms; say a lower --rate or a higher --p99-max."
            ),
        };
        outcome.is_good = carried.is_some() || self.watcher.has_stopped();
        Ok(outcome)
    }

    fn soak(&self, soak: &Soak) -> Result<Outcome, Failure> {
        search::check_descriptors(soak.places())?;
        let deadlines = [
            ("--register-time", soak::REGISTER_TIME),
            ("--stall-time", soak::STALL_TIME),
        ];
        let server = self.start(soak.places(), &deadlines)?;
        let report = soak::run(self.setup(&server), soak)?;
        Ok(Outcome {
            json: vec![json(&report)],
            text: report.text(),
            drawing: self.common.svg.as_ref().map(|_| plot::draw_soak(&report)),
            has_losses: report.run.errors.lost > 0,
            is_good: report.problems.is_empty(),
        })
    }

    fn kept(&self, kept: &Kept) -> Result<Outcome, Failure> {
        search::check_descriptors(kept.clients)?;
        let recipe = self.recipe(&[("--waiting", kept::WAITING_MAX)])?;
        search::descriptors_max();
        let bed = kept::Bed {
            recipe: &recipe,
            plan: &self.plan,
            pinning: self.pinning(),
            watcher: &self.watcher,
        };
        let reports = kept::run(bed, kept, self.common.runs)?;
        let runs: Vec<Report> = reports.iter().map(|report| report.run.clone()).collect();
        Ok(Outcome {
            json: reports.iter().map(json).collect(),
            text: kept::text(&reports) + &notes(&runs),
            is_good: reports.iter().all(KeptReport::is_clean),
            ..Outcome::of_runs(self.common, &runs)
        })
    }

    fn compare(&self, rounds: &Rounds) -> Result<Outcome, Failure> {
        for benchmark in &rounds.workloads {
            search::check_descriptors(benchmark.scenario.roles().clients())?;
        }
        let mut rounds = rounds.clone();
        rounds.servers.retain(|recipe| {
            let is_installed = recipe.is_installed();
            if !is_installed {
                complain(&format!("{} is not installed, and left out", recipe.name));
            }
            is_installed
        });
        if rounds.servers.is_empty() {
            return Err("none of these servers is installed".into());
        }
        let mut comparison = Comparison::default();
        let ended = comparison.run(&rounds, &self.plan, self.pinning(), &self.watcher);
        self.watcher.clear();
        let reports = comparison.reports();
        for report in reports.iter().filter(|report| !report.is_clean()) {
            let (server, errors) = (&report.server, report.errors);
            complain(&format!(
                "{server}, {}: {} lost, {} twice, {} out of order, {} connections closed",
                report.workload, errors.lost, errors.duplicated, errors.out_of_order, report.closed
            ));
        }
        let outcome = Outcome {
            text: format!(
                "{}\n\n× is the median ratio to the first server in the same turn, with the lowest \
                 and the highest;\n×– if that server has 0, or nothing, in one of the turns.",
                comparison.text()
            ),
            ..Outcome::of_runs(self.common, &reports)
        };
        // What was found before a server failed is shown all the same.
        match ended {
            Ok(()) => Ok(outcome),
            Err(error) => outcome.show(self.common).and(Err(error)),
        }
    }

    /// The server to test, started unless `--addr` names one that runs; with these deadlines if it is
    /// the daemon beside this program.
    fn start(&self, clients: usize, deadlines: &[(&str, Duration)]) -> Result<Server, Failure> {
        if let Some(target) = &self.common.addr {
            return Ok(Server::at(target, dialect(self.common), self.common.pid));
        }
        let places = (clients > suite::CLIENTS_WANTED).then_some(clients);
        let places = places.map(|places| ("--max-clients", places as u64));
        let deadlines = deadlines.iter().map(|(flag, time)| (*flag, time.as_secs()));
        let flags: Vec<(&str, u64)> = places.into_iter().chain(deadlines).collect();
        let recipe = self.recipe(&flags)?;
        search::descriptors_max();
        Server::start(&recipe, self.pinning())
    }

    /// The server to start; with these flags if it is the daemon beside this program.
    fn recipe(&self, flags: &[(&str, u64)]) -> Result<Recipe, Failure> {
        let daemon = Recipe::parse("chinwag")?;
        let mut recipe = self.common.server.as_ref().unwrap_or(&daemon).clone();
        if recipe == daemon {
            for (flag, value) in flags {
                recipe
                    .command
                    .extend([(*flag).to_owned(), value.to_string()]);
            }
        }
        Ok(recipe)
    }

    fn setup<'a>(&'a self, server: &'a Server) -> Setup<'a> {
        Setup {
            server: &server.under_test,
            plan: &self.plan,
            watcher: &self.watcher,
        }
    }

    fn pinning(&self) -> Option<Pinning> {
        Pinning::find().filter(|_| !self.common.no_pin)
    }
}
