//! chinwag-bench: thousands of synthetic clients for a chat server.

mod args;
mod show;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser as _;
use signal_hook::consts::{SIGINT, SIGTERM};

use args::{Args, Command, Common};
use chinwag::load::compare::{Comparison, Course, Rounds};
use chinwag::load::floor::Floor;
use chinwag::load::process::Pinning;
use chinwag::load::report::{self, Report};
use chinwag::load::run::{Plan, Scenario, Site, Watcher, run};
use chinwag::load::search;
use chinwag::load::server::{Recipe, Server};
use chinwag::load::suite;
use chinwag::load::workload::Roles;
use show::Bar;

/// Whatever ends the program early, in one line.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let args = Args::parse();
    match carry_out(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "chinwag-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all was as it should be.
fn carry_out(args: &Args) -> Result<bool, Failure> {
    let common = &args.common;
    if let Some(Command::Floor { listen }) = &args.command {
        search::descriptors_max();
        Floor::bind(*listen)
            .map_err(|error| format!("cannot listen at {listen}: {error}"))?
            .run()?;
        return Ok(true);
    }
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
    match &args.command {
        Some(Command::Compare {
            servers,
            workloads,
            turns,
        }) => compare(common, servers, workloads, *turns, &bar, &mut watcher),
        Some(Command::Ramp {
            clients,
            rate,
            p99_max,
        }) => {
            search::check_descriptors(*clients)?;
            let server = start(common, None)?;
            let site = site(common, server.as_ref());
            let plan = plan(common);
            let reports = search::ramp(&site, *clients, *rate, *p99_max, &plan, &mut watcher)?;
            bar.clear();
            let last = reports.iter().rev().find(|report| {
                let rate = report.parameters.first().map_or(0.0, |(_, rate)| *rate);
                search::keeps_up(report, rate, *p99_max)
            });
            let carried = last.map_or(0.0, Report::per_second);
            // A rate that is too much may overtax it; what counts is that it carries the others.
            show_reports(common, &reports)?;
            if !common.json {
                say(&format!(
                    "\nIt carries {carried:.0} messages a second with a p99 of at most {} ms.",
                    p99_max.as_secs_f64() * 1e3
                ))?;
            }
            Ok(last.is_some())
        }
        Some(Command::FindLimit { clients }) => {
            let server = start(common, Some(clients.unwrap_or(1_000_000)))?;
            let site = site(common, server.as_ref());
            let capacity = search::find_limit(&site, *clients, &mut watcher)?;
            bar.clear();
            if common.json {
                say(&serde_json::to_string(&capacity)?)?;
            } else {
                say(&suite::capacity_text(&capacity))?;
            }
            Ok(true)
        }
        Some(command) => match scenario(command) {
            Some(scenario) => workload(common, &scenario, &bar, &mut watcher),
            None => Ok(false),
        },
        None => {
            let server = start(common, None)?;
            let site = site(common, server.as_ref());
            let found = suite::run_suite(&site, &plan(common), &mut watcher)?;
            bar.clear();
            if common.json {
                for report in &found.reports {
                    say(&report.json())?;
                }
            } else {
                say(&found.text())?;
            }
            Ok(found.is_clean())
        }
    }
}

/// One workload, as often as was asked for.
fn workload(
    common: &Common,
    scenario: &Scenario,
    bar: &Bar,
    watcher: &mut Watcher<'_>,
) -> Result<bool, Failure> {
    search::check_descriptors(scenario.clients())?;
    let server = start(common, None)?;
    let site = site(common, server.as_ref());
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
    let mut told: Vec<String> = reports.iter().flat_map(Report::warnings).collect();
    told.dedup();
    for warning in told {
        say(&format!("\nNote: {warning}."))?;
    }
    Ok(())
}

fn compare(
    common: &Common,
    servers: &[String],
    courses: &[&'static Course],
    turns: usize,
    bar: &Bar,
    watcher: &mut Watcher<'_>,
) -> Result<bool, Failure> {
    for course in courses {
        search::check_descriptors(course.scenario.clients())?;
    }
    let mut recipes = Vec::new();
    for name in servers {
        let recipe = Recipe::parse(name)?;
        if recipe.is_installed() {
            recipes.push(recipe);
        } else {
            let _ = writeln!(io::stderr(), "{name} is not installed, and left out");
        }
    }
    let mut comparison = Comparison::default();
    let mut told = |turn: usize, course: &str, server: &str| {
        bar.title(&format!("{course}, turn {} of {turns}: {server}", turn + 1));
    };
    let rounds = Rounds {
        recipes,
        courses: courses.to_vec(),
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
            "\n× is the median ratio to the first server in the same turn, with the lowest and the highest.",
        )?;
    }
    for report in comparison.reports().filter(|report| !report.is_clean()) {
        let (server, faults) = (&report.server, report.faults);
        say(&format!(
            "{server}, {}: {} lost, {} twice, {} out of order, {} connections closed",
            report.workload, faults.lost, faults.duplicated, faults.out_of_order, report.closed
        ))?;
    }
    ended?;
    Ok(comparison.is_clean())
}

/// The server to test, if it is to be started.
fn start(common: &Common, clients_max: Option<usize>) -> Result<Option<Server>, Failure> {
    if common.addr.is_some() {
        return Ok(None);
    }
    let mut recipe = Recipe::parse(&common.server)?;
    if let (Some(_), "chinwag") = (clients_max, common.server.as_str()) {
        recipe = Recipe::chinwag(&chinwag::load::server::daemon(), clients_max);
    }
    search::descriptors_max();
    Ok(Some(Server::start(&recipe, pinning(common).as_ref())?))
}

fn site(common: &Common, server: Option<&Server>) -> Site {
    match (&common.addr, server) {
        (Some(target), _) => Site {
            name: target.to_string(),
            target: target.clone(),
            dialect: common.dialect.into(),
            pid: common.pid,
        },
        (None, server) => Site {
            name: common
                .server
                .split('=')
                .next()
                .unwrap_or_default()
                .to_owned(),
            target: server.map_or_else(
                || chinwag::load::client::Target::Unix("".into()),
                |server| server.target().clone(),
            ),
            dialect: Recipe::parse(&common.server).map_or(common.dialect.into(), |r| r.dialect),
            pid: server.map(Server::pid),
        },
    }
}

fn pinning(common: &Common) -> Option<Pinning> {
    (!common.no_pin).then(Pinning::find).flatten()
}

fn plan(common: &Common) -> Plan {
    Plan {
        warm_up: common.warm_up,
        time: common.time,
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
        | Command::FindLimit { .. }
        | Command::Compare { .. }
        | Command::Floor { .. } => return None,
    })
}

/// A share of the members, none of whom speaks.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number of clients is a number of clients"
)]
fn share_of(members: usize, speakers: usize, share: f64) -> usize {
    ((members as f64 * share).round() as usize).min(members.saturating_sub(speakers))
}

/// Says something on standard output.
fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}
