//! What each command does: starts its server, runs it, and shows what was found.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use mio::net::TcpListener;

use crate::args::{Args, Command, Common};
use crate::client::CLIENTS_MAX;
use crate::compare::{Benchmark, Comparison, Rounds};
use crate::drawing;
use crate::outcome::{Outcome, dialect, json};
use crate::plot;
use crate::process::{Pinning, Usage};
use crate::progress::Watcher;
use crate::relay;
use crate::report::Report;
use crate::run::{Plan, ServerUnderTest, Setup, run};
use crate::scenario::Scenario;
use crate::search;
use crate::server::{self, Failure, OPENING_MAX, Recipe, Server};
use crate::soak;
use crate::suite;
use crate::table::short;

/// The exit code for a command line that makes no sense.
const USAGE: u8 = 2;

/// How long a run is measured, and a soak, if nothing is said.
const TIME: Duration = Duration::from_secs(5);
const SOAK_TIME: Duration = Duration::from_secs(60);

struct Test<'a> {
    common: &'a Common,
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
    let test = Test { common, watcher };
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
            Command::Compare {
                servers,
                workloads,
                turns,
            } => self.compare(servers, workloads, *turns),
            Command::Ramp {
                clients,
                rate,
                p99_max,
            } => self.ramp(*clients, *rate, *p99_max),
            Command::Soak {
                minutes,
                clients,
                rate,
                room_rate,
                lobby_rate,
                visits,
            } => self.soak(&soak::Plan {
                run: Plan {
                    time: minutes.or(self.common.time).unwrap_or(SOAK_TIME),
                    ..self.plan()
                },
                clients: *clients,
                rate: *rate,
                room_rate: *room_rate,
                lobby_rate: *lobby_rate,
                visits: *visits,
            }),
            Command::FindLimit { clients } => {
                let (_server, server) = self.start(clients.unwrap_or(CLIENTS_MAX))?;
                let plan = self.plan();
                let capacity = search::find_limit(self.setup(&server, &plan), *clients)?;
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
        let (_server, server) = self.start(roles.places())?;
        let (plan, mut reports) = (self.plan(), Vec::new());
        for number in 1..=self.common.runs {
            if self.common.runs > 1 {
                let runs = self.common.runs;
                self.watcher.set_title(&format!("run {number} of {runs}"));
            }
            reports.push(run(self.setup(&server, &plan), scenario)?);
            if self.watcher.has_stopped() {
                break;
            }
        }
        Ok(Outcome::of_runs(self.common, &reports))
    }

    fn suite(&self, clients_max: usize) -> Result<Outcome, Failure> {
        let (_server, server) = self.start(clients_max)?;
        let plan = self.plan();
        let found = suite::run_suite(self.setup(&server, &plan), clients_max)?;
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
        let (_server, server) = self.start(clients)?;
        let plan = self.plan();
        let reports = search::ramp(self.setup(&server, &plan), clients, rate, p99_max)?;
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

    fn soak(&self, plan: &soak::Plan) -> Result<Outcome, Failure> {
        search::check_descriptors(plan.places())?;
        let deadlines = [
            ("--register-time", soak::REGISTER_TIME),
            ("--stall-time", soak::STALL_TIME),
        ];
        let (_server, server) = self.start_with(plan.places(), &deadlines)?;
        let report = soak::run(self.setup(&server, &plan.run), plan)?;
        Ok(Outcome {
            json: vec![report.json()],
            text: report.text(),
            drawing: self.common.svg.as_ref().map(|_| plot::draw_soak(&report)),
            has_losses: report.errors.lost > 0,
            is_good: report.problems.is_empty(),
        })
    }

    fn compare(
        &self,
        servers: &[Recipe],
        benchmarks: &[&'static Benchmark],
        turns: usize,
    ) -> Result<Outcome, Failure> {
        for benchmark in benchmarks {
            search::check_descriptors(benchmark.scenario.roles().clients())?;
        }
        let (recipes, missing): (Vec<Recipe>, Vec<Recipe>) =
            servers.iter().cloned().partition(Recipe::is_installed);
        for recipe in missing {
            complain(&format!("{} is not installed, and left out", recipe.name));
        }
        if recipes.is_empty() {
            return Err("none of these servers is installed".into());
        }
        let rounds = Rounds {
            recipes,
            benchmarks: benchmarks.to_vec(),
            turns,
            pinning: self.pinning(),
        };
        let mut comparison = Comparison::default();
        let plan = self.plan();
        let ended = comparison.run(&rounds, &plan, &self.watcher);
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

    /// The server to test, started unless `--addr` names one that runs.
    fn start(&self, clients: usize) -> Result<(Option<Server>, ServerUnderTest), Failure> {
        self.start_with(clients, &[])
    }

    /// Likewise; if it is the daemon beside this program, with these deadlines.
    fn start_with(
        &self,
        clients: usize,
        deadlines: &[(&str, Duration)],
    ) -> Result<(Option<Server>, ServerUnderTest), Failure> {
        if let Some(target) = &self.common.addr {
            let server = ServerUnderTest {
                name: target.to_string(),
                target: target.clone(),
                dialect: dialect(self.common),
                pid: self.common.pid,
                opening_max: OPENING_MAX,
            };
            return Ok((None, server));
        }
        let daemon = Recipe::parse("chinwag")?;
        let mut recipe = self.common.server.as_ref().unwrap_or(&daemon).clone();
        if recipe == daemon {
            let places = (clients > suite::CLIENTS_WANTED).then_some(clients);
            let places = places.map(|places| ("--max-clients", places as u64));
            let deadlines = deadlines.iter().map(|(flag, time)| (*flag, time.as_secs()));
            for (flag, value) in places.into_iter().chain(deadlines) {
                recipe.command.extend([flag.to_owned(), value.to_string()]);
            }
        }
        search::descriptors_max();
        let server = Server::start(&recipe, self.pinning())?;
        let under_test = server.under_test.clone();
        Ok((Some(server), under_test))
    }

    fn setup<'a>(&'a self, server: &'a ServerUnderTest, plan: &'a Plan) -> Setup<'a> {
        Setup {
            server,
            plan,
            watcher: &self.watcher,
        }
    }

    fn pinning(&self) -> Option<Pinning> {
        Pinning::find().filter(|_| !self.common.no_pin)
    }

    fn plan(&self) -> Plan {
        Plan {
            warm_up: self.common.warm_up,
            time: self.common.time.unwrap_or(TIME),
            drain: self.common.drain,
            size: self.common.size,
            seed: self.common.seed,
        }
    }
}
