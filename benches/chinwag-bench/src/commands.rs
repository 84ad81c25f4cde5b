//! What each command does: starts its server, runs it, and shows what was found.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mio::net::TcpListener;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::args::{Args, Command, Common};
use crate::client::CLIENTS_MAX;
use crate::compare::{Benchmark, Comparison, Rounds};
use crate::dialect::Dialect;
use crate::drawing::{draw, draw_as};
use crate::ledger::DeliveryErrors;
use crate::plot;
use crate::process::{Pinning, Usage};
use crate::relay;
use crate::report::{self, Report};
use crate::run::{Plan, Scenario, ServerUnderTest, Watcher, run};
use crate::search;
use crate::server::{self, OPENING_MAX, Recipe, Server};
use crate::show::Bar;
use crate::soak;
use crate::suite;
use crate::workload::Roles;

/// Whatever ends the program early, in one line.
pub type Failure = Box<dyn std::error::Error>;

/// The exit code for a command line that makes no sense.
const USAGE: u8 = 2;

/// How long a run is measured, and a soak, if nothing is said.
const TIME: Duration = Duration::from_secs(5);
const SOAK_TIME: Duration = Duration::from_secs(60);

/// What may be behind losses at a daemon that was not started for a load test. The flags, too,
/// are in docs/load-testing.md.
const HELD_BACK: &str = "unless both ends are on loopback, chinwag reads a client's lines no faster \
    than its --line-rate, and lets in --max-per-address connections from one address. What it has \
    not read when --drain is over counts as lost. Start it without these limits: --line-rate \
    1000000 --line-burst 1000000 --max-per-address 100000";

/// So many clients fit by default; a daemon that is started for more is told so.
const PLACES: usize = suite::CLIENTS_WANTED;

/// Runs the load generator as its command line says.
pub fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(what) => {
            complain(&what);
            return ExitCode::from(USAGE);
        }
    };
    match carry_out(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Says something on standard error.
fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "chinwag-bench: {what}");
}

/// Returns whether all was as it should be.
fn carry_out(args: &Args) -> Result<bool, Failure> {
    match &args.command {
        Some(Command::Supervise { words }) => return Err(server::replace_by(words).into()),
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
    if let Some(pid) = args.common.pid
        && Usage::of(pid).is_none()
    {
        return Err(format!("what process {pid} uses cannot be seen; is it there?").into());
    }
    crate::drawing::check(&args.common)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // A second one ends the program at once.
        signal_hook::flag::register_conditional_default(signal, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    let bar = Bar::new();
    let mut progress = |progress| bar.show(progress);
    let mut watcher = Watcher {
        progress: &mut progress,
        stop,
    };
    let ended = test(args, &bar, &mut watcher);
    bar.clear();
    ended
}

fn test(args: &Args, bar: &Bar, watcher: &mut Watcher<'_>) -> Result<bool, Failure> {
    let common = &args.common;
    match &args.command {
        Some(Command::Compare {
            servers,
            workloads,
            turns,
        }) => compare(common, servers, workloads, *turns, bar, watcher),
        Some(Command::Ramp {
            clients,
            rate,
            p99_max,
        }) => ramp(common, *clients, *rate, *p99_max, bar, watcher),
        Some(Command::Soak {
            minutes,
            clients,
            rate,
            room_rate,
            lobby_rate,
            visits,
        }) => {
            let plan = soak::Plan {
                clients: *clients,
                rate: *rate,
                room_rate: *room_rate,
                lobby_rate: *lobby_rate,
                visits: *visits,
                warm_up: common.warm_up,
                time: minutes.or(common.time).unwrap_or(SOAK_TIME),
                drain: common.drain,
                size: common.size,
                seed: common.seed,
            };
            run_soak(common, &plan, bar, watcher)
        }
        Some(Command::FindLimit { clients }) => {
            let (_server, site) = start(common, clients.unwrap_or(CLIENTS_MAX))?;
            let capacity = search::find_limit(&site, *clients, watcher)?;
            bar.clear();
            if common.json {
                say(&serde_json::to_string(&capacity)?)?;
            } else {
                say(&suite::capacity_text(&capacity))?;
            }
            Ok(true)
        }
        Some(command) => match scenario(command) {
            Some(scenario) => workload(common, &scenario, bar, watcher),
            None => Ok(false),
        },
        None => {
            let clients_max = args.clients.unwrap_or(PLACES);
            let (_server, site) = start(common, clients_max)?;
            let found = suite::run_suite(&site, clients_max, &plan(common), watcher)?;
            bar.clear();
            if common.json {
                say(&serde_json::to_string(&found.capacity)?)?;
                for report in &found.reports {
                    say(&report.json())?;
                }
            } else {
                say(&found.text())?;
                explain_losses(common, found.reports.iter().map(|report| report.faults))?;
            }
            draw(common, &found.reports)?;
            Ok(found.is_clean())
        }
    }
}

/// Ever higher rates. A rate that is too much may overtax a server; what counts is that it carries
/// others.
fn ramp(
    common: &Common,
    clients: usize,
    rate: f64,
    p99_max: Duration,
    bar: &Bar,
    watcher: &mut Watcher<'_>,
) -> Result<bool, Failure> {
    search::check_descriptors(clients)?;
    let (_server, site) = start(common, clients)?;
    let reports = search::ramp(&site, clients, rate, p99_max, &plan(common), watcher)?;
    bar.clear();
    let carried = reports.iter().rev().find(|report| {
        let rate = report.parameters.first().map_or(0.0, |(_, rate)| *rate);
        search::keeps_up(report, rate, p99_max)
    });
    show_reports(common, &reports)?;
    if !common.json {
        let bound = report::milliseconds(p99_max.as_secs_f64() * 1e3);
        say(&match carried {
            Some(report) => format!(
                "\nIt carries {:.0} messages a second with a p99 of at most {bound} ms.",
                report.per_second()
            ),
            None => format!(
                "\nIt was not seen to carry {rate} messages a second with a p99 of at most \
                 {bound} ms; say a lower --rate or a higher --p99-max."
            ),
        })?;
    }
    draw(common, &reports)?;
    Ok(carried.is_some() || watcher.has_enough())
}

/// One workload, as often as was asked for.
fn workload(
    common: &Common,
    scenario: &Scenario,
    bar: &Bar,
    watcher: &mut Watcher<'_>,
) -> Result<bool, Failure> {
    search::check_descriptors(scenario.clients())?;
    let (_server, site) = start(common, scenario.places())?;
    let mut reports = Vec::new();
    for number in 1..=common.runs {
        if common.runs > 1 {
            bar.title(&format!("run {number} of {}", common.runs));
        }
        reports.push(run(&site, scenario, &plan(common), watcher)?);
        if watcher.has_enough() {
            break;
        }
    }
    bar.clear();
    show_reports(common, &reports)?;
    draw(common, &reports)?;
    Ok(reports.iter().all(Report::is_clean))
}

fn show_reports(common: &Common, reports: &[Report]) -> Result<(), Failure> {
    if common.json {
        for report in reports {
            say(&report.json())?;
        }
        return Ok(());
    }
    say(&report::table(reports))?;
    let mut told = HashSet::new();
    for warning in reports.iter().flat_map(Report::warnings) {
        if told.insert(warning.clone()) {
            say(&format!("\nNote: {warning}."))?;
        }
    }
    explain_losses(common, reports.iter().map(|report| report.faults))
}

/// Says what losses may come from at a daemon that somebody else started.
fn explain_losses(
    common: &Common,
    faults: impl IntoIterator<Item = DeliveryErrors>,
) -> Result<(), Failure> {
    let dialect = common.dialect.map_or(Dialect::Chinwag, Dialect::from);
    let is_found = common.addr.is_some() && dialect == Dialect::Chinwag;
    if is_found && faults.into_iter().any(|faults| faults.lost > 0) {
        say(&format!("\nNote: {HELD_BACK}."))?;
    }
    Ok(())
}

/// Everything at once, for long.
fn run_soak(
    common: &Common,
    plan: &soak::Plan,
    bar: &Bar,
    watcher: &mut Watcher<'_>,
) -> Result<bool, Failure> {
    search::check_descriptors(plan.places())?;
    let deadlines = [
        ("--register-time", soak::REGISTER_TIME),
        ("--stall-time", soak::STALL_TIME),
    ];
    let (_server, site) = start_with(common, plan.places(), &deadlines)?;
    let report = soak::run(&site, plan, watcher)?;
    bar.clear();
    if common.json {
        say(&report.json())?;
    } else {
        say(&report.text())?;
        explain_losses(common, [report.faults])?;
    }
    draw_as(common, || plot::draw_soak(&report))?;
    Ok(report.is_sound())
}

fn compare(
    common: &Common,
    servers: &[Recipe],
    benchmarks: &[&'static Benchmark],
    turns: usize,
    bar: &Bar,
    watcher: &mut Watcher<'_>,
) -> Result<bool, Failure> {
    for benchmark in benchmarks {
        search::check_descriptors(benchmark.scenario.clients())?;
    }
    let mut recipes = Vec::new();
    for recipe in servers {
        if recipe.is_installed() {
            recipes.push(recipe.clone());
        } else {
            complain(&format!("{} is not installed, and left out", recipe.name));
        }
    }
    if recipes.is_empty() {
        return Err("none of these servers is installed".into());
    }
    let mut comparison = Comparison::default();
    let mut told = |turn: usize, benchmark: &str, server: &str| {
        bar.title(&format!(
            "{benchmark}, turn {} of {turns}: {server}",
            turn + 1
        ));
    };
    let rounds = Rounds {
        recipes,
        benchmarks: benchmarks.to_vec(),
        turns,
        pinning: pinning(common),
    };
    let ended = comparison.run(&rounds, &plan(common), watcher, &mut told);
    bar.clear();
    if common.json {
        for report in comparison.reports() {
            say(&report.json())?;
        }
    } else {
        say(&comparison.table())?;
        say(
            "\n× is the median ratio to the first server in the same turn, with the lowest and the \
             highest;\n×– if that server has 0, or nothing, in one of the turns.",
        )?;
    }
    for report in comparison.reports().filter(|report| !report.is_clean()) {
        let (server, faults) = (&report.server, report.faults);
        complain(&format!(
            "{server}, {}: {} lost, {} twice, {} out of order, {} connections closed",
            report.workload, faults.lost, faults.duplicated, faults.out_of_order, report.closed
        ));
    }
    let drawn = draw(
        common,
        &comparison.reports().cloned().collect::<Vec<Report>>(),
    );
    ended?;
    drawn?;
    Ok(comparison.is_clean())
}

/// The server to test, started if it is to be, for so many clients.
fn start(common: &Common, clients: usize) -> Result<(Option<Server>, ServerUnderTest), Failure> {
    start_with(common, clients, &[])
}

/// Likewise; if it is the daemon beside this program, with these deadlines.
fn start_with(
    common: &Common,
    clients: usize,
    deadlines: &[(&str, Duration)],
) -> Result<(Option<Server>, ServerUnderTest), Failure> {
    if let Some(target) = &common.addr {
        let site = ServerUnderTest {
            name: target.to_string(),
            target: target.clone(),
            dialect: common.dialect.map_or(Dialect::Chinwag, Dialect::from),
            pid: common.pid,
            opening_max: OPENING_MAX,
        };
        return Ok((None, site));
    }
    let places = (clients > PLACES).then_some(clients);
    let daemon = |places| Recipe::chinwag(&server::daemon(), places);
    let recipe = match &common.server {
        Some(recipe) if *recipe != daemon(None) => recipe.clone(),
        _ => {
            let mut recipe = daemon(places);
            for (flag, time) in deadlines {
                let time = time.as_secs().to_string();
                recipe.command.extend([(*flag).to_owned(), time]);
            }
            recipe
        }
    };
    search::descriptors_max();
    let server = Server::start(&recipe, pinning(common).as_ref())?;
    let site = ServerUnderTest {
        name: recipe.name,
        target: server.target().clone(),
        dialect: recipe.dialect,
        pid: Some(server.pid()),
        opening_max: recipe.opening_max,
    };
    Ok((Some(server), site))
}

fn pinning(common: &Common) -> Option<Pinning> {
    (!common.no_pin).then(Pinning::find).flatten()
}

fn plan(common: &Common) -> Plan {
    Plan {
        warm_up: common.warm_up,
        time: common.time.unwrap_or(TIME),
        drain: common.drain,
        size: common.size,
        seed: common.seed,
    }
}

/// What the clients do, if the command is a workload.
fn scenario(command: &Command) -> Option<Scenario> {
    Some(match *command {
        Command::Dm { clients, window } => Scenario::Dm { clients, window },
        Command::Room {
            members,
            speakers,
            window,
        } => Scenario::Room {
            members,
            speakers,
            window,
        },
        Command::Rate { clients, rate } => Scenario::Chats(
            "rate",
            Roles {
                private_clients: clients,
                private_rate: rate,
                ..Roles::default()
            },
        ),
        Command::Mixed {
            members,
            speakers,
            room_rate,
            clients,
            rate,
        } => Scenario::Chats(
            "mixed",
            Roles {
                private_clients: clients,
                private_rate: rate,
                members,
                speakers,
                room_rate,
                slow: 0,
            },
        ),
        Command::Slow {
            members,
            speakers,
            room_rate,
            share,
        } => Scenario::Chats(
            "slow",
            Roles {
                members,
                speakers,
                room_rate,
                slow: share_of(members, speakers, share),
                ..Roles::default()
            },
        ),
        Command::Storm { at_once, rate } => Scenario::Storm { at_once, rate },
        Command::Idle { clients } => Scenario::Idle { clients },
        Command::Ramp { .. }
        | Command::Soak { .. }
        | Command::FindLimit { .. }
        | Command::Compare { .. }
        | Command::Floor { .. }
        | Command::Supervise { .. } => return None,
    })
}

/// A share of the members, none of whom speaks.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number of clients is a number of clients"
)]
pub fn share_of(members: usize, speakers: usize, share: f64) -> usize {
    ((members as f64 * share).round() as usize).min(members.saturating_sub(speakers))
}

/// Says something on standard output.
fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}
