//! Several servers under the same workloads, turn by turn, as ratios to the first.
//!
//! A machine's speed drifts from one minute to the next. So the servers take turns, and the figure
//! shown is the median of the ratios within each turn.

use crate::args::{Rounds, Scenario};
use crate::process::Pinning;
use crate::progress::Watcher;
use crate::report::Report;
use crate::run::{Plan, Setup, run};
use crate::server::{Failure, Server};
use crate::table::{Figure, Spread, hundredths, short, table};

/// A workload by name.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// Its name on the command line.
    pub name: &'static str,
    pub scenario: Scenario,
}

/// All that can be compared: its name, the same as a command, and in words.
pub const BENCHMARKS: [[&str; 3]; 9] = [
    [
        "dm-100",
        "dm --clients 100 --window 8",
        "private messages among 100 clients, 8 under way each",
    ],
    [
        "dm-1000",
        "dm --clients 1000 --window 4",
        "private messages among 1,000 clients, 4 under way each",
    ],
    [
        "dm-10000",
        "dm --clients 10000 --window 1",
        "private messages among 10,000 clients, 1 under way each",
    ],
    [
        "room-1000",
        "room --members 1000 --speakers 10 --window 4",
        "a room of 1,000 in which 10 speak, 4 lines under way each",
    ],
    [
        "rate-10000",
        "rate --clients 10000 --rate 20000",
        "20,000 private messages a second among 10,000 clients",
    ],
    [
        "mixed",
        "mixed --members 9900 --speakers 10 --room-rate 10 --clients 100 --rate 1000",
        "a room of 9,900 spoken to 10 times a second, and 100 others who write 1,000 private \
         messages a second",
    ],
    [
        "storm",
        "storm --at-once 1000 --rate 200",
        "1,000 clients that come and go while two chat",
    ],
    [
        "idle-1000",
        "idle --clients 1000",
        "1,000 clients that do nothing",
    ],
    [
        "idle-5000",
        "idle --clients 5000",
        "5,000 clients that do nothing",
    ],
];

impl Benchmark {
    pub fn parse(wanted: &str) -> Result<Self, String> {
        let mut known = BENCHMARKS.into_iter();
        let found = known.find(|[name, ..]| *name == wanted);
        let [name, command, _] = found.ok_or_else(|| {
            let names = BENCHMARKS.map(|[name, ..]| name);
            format!("say one of {}", names.join(", "))
        })?;
        let scenario = Scenario::parse(command)?;
        Ok(Self { name, scenario })
    }
}

/// Less is better for all of them.
const FIGURES: [Figure<Report>; 9] = [
    Figure::new(
        "CPU µs per message",
        |of| of.server_us(|used| used.cpu_us_per_message),
        short,
    ),
    Figure::new(
        "of these, user",
        |of| of.server_us(|used| used.user_us_per_message),
        short,
    ),
    Figure::new(
        "µs between messages",
        |of| (of.delivered() > 0 && !of.is_storm()).then(|| 1e6 / of.per_second()),
        short,
    ),
    Figure::new(
        "CPU µs per coming and going",
        Report::cpu_us_per_stay,
        short,
    ),
    Figure::new(
        "private p50 ms",
        |of| Some(of.latency("private")?.p50_ms),
        short,
    ),
    Figure::new(
        "private p99 ms",
        |of| Some(of.latency("private")?.p99_ms),
        short,
    ),
    Figure::new("room p99 ms", |of| Some(of.latency("room")?.p99_ms), short),
    Figure::new("CPU µs per connect", |of| of.connecting.cpu_us_each, short),
    Figure::new("KiB per client", |of| of.connecting.memory_kib_each, short),
];

/// Everything that a comparison found.
#[derive(Default)]
pub struct Comparison {
    servers: Vec<String>,
    /// Of each turn: the workload's name, and a report for each server.
    turns: Vec<(&'static str, Vec<Report>)>,
}

impl Comparison {
    /// Lets the servers take turns under each workload. What was found before an error is in `self`.
    pub fn run(
        &mut self,
        rounds: &Rounds,
        plan: &Plan,
        pinning: Option<Pinning>,
        watcher: &Watcher,
    ) -> Result<(), Failure> {
        let recipes = rounds.servers.iter();
        self.servers = recipes.map(|recipe| recipe.name.clone()).collect();
        for benchmark in &rounds.workloads {
            let Benchmark { name, scenario } = benchmark;
            for turn in 1..=rounds.turns {
                self.turns.push((name, Vec::new()));
                for recipe in &rounds.servers {
                    if watcher.has_stopped() {
                        return Ok(());
                    }
                    let (turns, server) = (rounds.turns, &recipe.name);
                    watcher.set_title(&format!("{name}, turn {turn} of {turns}: {server}"));
                    watcher.show_connecting(0, scenario.roles().clients());
                    let server = Server::start(recipe, pinning)?;
                    let setup = Setup {
                        server: &server.under_test,
                        plan,
                        watcher,
                    };
                    let report = run(setup, scenario);
                    let report = report.map_err(|error| format!("{}: {error}", recipe.name))?;
                    if let Some((_, reports)) = self.turns.last_mut()
                        && !watcher.has_stopped()
                    {
                        reports.push(report);
                    }
                }
            }
        }
        Ok(())
    }

    pub fn reports(&self) -> Vec<Report> {
        let turns = self.turns.iter();
        turns.flat_map(|(_, reports)| reports.clone()).collect()
    }

    /// A line for each workload and figure, and a column for each server.
    pub fn text(&self) -> String {
        let heads = ["workload", "figure"].into_iter();
        let rows = BENCHMARKS.iter().flat_map(|[benchmark, ..]| {
            let figures = FIGURES.iter();
            figures.filter_map(|figure| self.row(benchmark, figure))
        });
        table(
            2,
            heads.chain(self.servers.iter().map(String::as_str)),
            rows,
        )
        .to_string()
    }

    /// A line, if any server has this figure.
    fn row(&self, benchmark: &str, figure: &Figure<Report>) -> Option<Vec<String>> {
        let places = 0..self.servers.len();
        let cells: Vec<Option<String>> = places
            .map(|place| self.cell(benchmark, figure, place))
            .collect();
        let is_known = cells.iter().any(Option::is_some);
        let cells = cells
            .into_iter()
            .map(|cell| cell.unwrap_or_else(|| "–".to_owned()));
        let heads = [benchmark.to_owned(), figure.name.to_owned()];
        is_known.then(|| heads.into_iter().chain(cells).collect())
    }

    /// A median over the turns, and as a ratio to the first server in the same turn.
    fn cell(&self, benchmark: &str, figure: &Figure<Report>, server: usize) -> Option<String> {
        let turns = self.turns.iter().filter(|(name, _)| *name == benchmark);
        let (values, bases): (Vec<f64>, Vec<Option<f64>>) = turns
            .filter_map(|(_, reports)| {
                let value = (figure.get)(reports.get(server)?)?;
                let base = (figure.get)(reports.first()?);
                Some((value, base.filter(|base| *base > 0.0)))
            })
            .unzip();
        // All turns or none: the ratio over a part of them would not be that of the medians shown.
        let pairs = values.iter().zip(bases);
        let ratios: Option<Vec<f64>> = pairs.map(|(value, base)| Some(value / base?)).collect();
        let ratio = ratios.and_then(Spread::of);
        let ratio = ratio.map_or_else(|| "–".to_owned(), |ratio| ratio.text(hundredths));
        let value = Spread::of(values)?;
        Some(format!("{}  ×{ratio}", (figure.show)(value.median)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What two servers took for each client in each turn, as a row of the table.
    fn kib_per_client(turns: &[[f64; 2]]) -> String {
        let servers = ["floor", "chinwag"];
        let mut comparison = Comparison {
            servers: servers.map(str::to_owned).to_vec(),
            ..Comparison::default()
        };
        for values in turns {
            let reports = servers.iter().zip(values).map(|(server, kib)| {
                let mut report = Report::blank(server, "idle");
                report.connecting.memory_kib_each = Some(*kib);
                report
            });
            comparison.turns.push(("idle-1000", reports.collect()));
        }
        let table = comparison.text();
        let mut rows = table.lines();
        let row = rows.find(|line| line.contains("KiB per client")).unwrap();
        let words: Vec<&str> = row.split_whitespace().skip(4).collect();
        words.join(" ")
    }

    #[test]
    fn a_ratio_is_the_median_over_the_turns() {
        assert_eq!(
            kib_per_client(&[[0.5, 1.0], [0.25, 1.0], [1.0, 1.0]]),
            "0.500 ×1.00 (1.00–1.00) 1.000 ×2.00 (1.00–4.00)"
        );
    }

    #[test]
    fn there_is_no_ratio_over_other_turns_than_the_figure() {
        assert_eq!(
            kib_per_client(&[[0.0, 1.2], [0.64, 1.2]]),
            "0.320 ×– 1.200 ×–"
        );
    }
}
