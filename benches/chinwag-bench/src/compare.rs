//! Several servers under the same workloads, turn by turn, as ratios to the first.
//!
//! A machine's speed drifts from one minute to the next. So the servers take turns, and the figure
//! shown is the median of the ratios within each turn.

use std::error::Error;

use crate::process::Pinning;
use crate::progress::Watcher;
use crate::report::Report;
use crate::run::{Plan, Setup, run};
use crate::scenario::Scenario;
use crate::server::{Recipe, Server};
use crate::table::{Figure, Spread, short, table};

/// A workload by name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Benchmark {
    /// Its name on the command line.
    pub name: &'static str,
    pub about: &'static str,
    pub scenario: Scenario,
}

impl Benchmark {
    const fn new(name: &'static str, scenario: Scenario, about: &'static str) -> Self {
        Self {
            name,
            about,
            scenario,
        }
    }

    pub fn find(name: &str) -> Option<&'static Self> {
        BENCHMARKS.iter().find(|benchmark| benchmark.name == name)
    }
}

/// All that can be compared.
pub const BENCHMARKS: [Benchmark; 9] = [
    Benchmark::new(
        "dm-100",
        Scenario::Dm {
            clients: 100,
            window: 8,
        },
        "private messages among 100 clients, 8 under way each",
    ),
    Benchmark::new(
        "dm-1000",
        Scenario::Dm {
            clients: 1000,
            window: 4,
        },
        "private messages among 1,000 clients, 4 under way each",
    ),
    Benchmark::new(
        "dm-10000",
        Scenario::Dm {
            clients: 10_000,
            window: 1,
        },
        "private messages among 10,000 clients, 1 under way each",
    ),
    Benchmark::new(
        "room-1000",
        Scenario::Room {
            members: 1000,
            speakers: 10,
            window: 4,
        },
        "a room of 1,000 in which 10 speak, 4 lines under way each",
    ),
    Benchmark::new(
        "rate-10000",
        Scenario::Rate {
            clients: 10_000,
            rate: 20_000.0,
        },
        "20,000 private messages a second among 10,000 clients",
    ),
    Benchmark::new(
        "mixed",
        Scenario::Mixed {
            members: 9_900,
            speakers: 10,
            room_rate: 10.0,
            clients: 100,
            rate: 1000.0,
        },
        "a room of 9,900 spoken to 10 times a second, and 100 others who write 1,000 private \
         messages a second",
    ),
    Benchmark::new(
        "storm",
        Scenario::Storm {
            at_once: 1000,
            rate: 200.0,
        },
        "1,000 clients that come and go while two chat",
    ),
    Benchmark::new(
        "idle-1000",
        Scenario::Idle { clients: 1000 },
        "1,000 clients that do nothing",
    ),
    Benchmark::new(
        "idle-5000",
        Scenario::Idle { clients: 5000 },
        "5,000 clients that do nothing",
    ),
];

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

/// What is compared, and how often.
pub struct Rounds {
    /// The servers; the others are measured against the first.
    pub recipes: Vec<Recipe>,
    pub benchmarks: Vec<&'static Benchmark>,
    /// How often each server has its turn at each workload.
    pub turns: usize,
    pub pinning: Option<Pinning>,
}

/// Everything that a comparison found.
#[derive(Default)]
pub struct Comparison {
    servers: Vec<String>,
    /// Of each turn, workload and server.
    runs: Vec<(usize, &'static Benchmark, Report)>,
}

impl Comparison {
    /// Lets the servers take turns under each workload. What was found before an error is in `self`.
    pub fn run(
        &mut self,
        rounds: &Rounds,
        plan: &Plan,
        watcher: &Watcher,
    ) -> Result<(), Box<dyn Error>> {
        let recipes = rounds.recipes.iter();
        self.servers = recipes.map(|recipe| recipe.name.clone()).collect();
        for benchmark in &rounds.benchmarks {
            for turn in 0..rounds.turns {
                for recipe in &rounds.recipes {
                    if watcher.has_stopped() {
                        return Ok(());
                    }
                    let (name, scenario) = (benchmark.name, &benchmark.scenario);
                    let (number, turns, server) = (turn + 1, rounds.turns, &recipe.name);
                    watcher.set_title(&format!("{name}, turn {number} of {turns}: {server}"));
                    watcher.show_connecting(0, scenario.roles().clients());
                    let server = Server::start(recipe, rounds.pinning)?;
                    let setup = Setup {
                        server: &server.under_test,
                        plan,
                        watcher,
                    };
                    let report = run(setup, scenario);
                    let report = report.map_err(|error| format!("{}: {error}", recipe.name))?;
                    if !watcher.has_stopped() {
                        self.runs.push((turn, benchmark, report));
                    }
                }
            }
        }
        Ok(())
    }

    pub fn reports(&self) -> Vec<Report> {
        self.runs
            .iter()
            .map(|(.., report)| report.clone())
            .collect()
    }

    /// A line for each workload and figure, and a column for each server.
    pub fn text(&self) -> String {
        let heads = ["workload", "figure"].into_iter().map(str::to_owned);
        let rows = BENCHMARKS.iter().flat_map(|benchmark| {
            FIGURES
                .iter()
                .filter_map(move |figure| self.row(benchmark, figure))
        });
        table(2, heads.chain(self.servers.iter().cloned()), rows).to_string()
    }

    /// A line, if any server has this figure.
    fn row(&self, benchmark: &Benchmark, figure: &Figure<Report>) -> Option<Vec<String>> {
        let cells = self
            .servers
            .iter()
            .map(|server| self.cell(benchmark, figure, server));
        let cells: Vec<Option<String>> = cells.collect();
        let is_known = cells.iter().any(Option::is_some);
        let cells = cells
            .into_iter()
            .map(|cell| cell.unwrap_or_else(|| "–".to_owned()));
        let heads = [benchmark.name.to_owned(), figure.name.to_owned()];
        is_known.then(|| heads.into_iter().chain(cells).collect())
    }

    /// A median over the turns, and as a ratio to the first server in the same turn.
    fn cell(&self, benchmark: &Benchmark, figure: &Figure<Report>, server: &str) -> Option<String> {
        let of = |server: &str| -> Vec<(usize, f64)> {
            let runs = self.runs.iter().filter(|(_, known, report)| {
                known.name == benchmark.name && report.server == server
            });
            runs.filter_map(|(turn, _, report)| Some((*turn, (figure.get)(report)?)))
                .collect()
        };
        let (values, base) = (of(server), of(self.servers.first()?));
        // All turns or none: the ratio over a part of them would not be that of the medians shown.
        let ratios: Option<Vec<f64>> = values
            .iter()
            .map(|(turn, value)| {
                let (_, base) = base.iter().find(|(other, _)| other == turn)?;
                (*base > 0.0).then(|| value / base)
            })
            .collect();
        let ratio = ratios.and_then(Spread::of).map_or_else(
            || "–".to_owned(),
            |ratio| {
                format!(
                    "{:.2} ({:.2}–{:.2})",
                    ratio.median, ratio.lowest, ratio.highest
                )
            },
        );
        let value = Spread::of(values.into_iter().map(|(_, value)| value).collect())?;
        Some(format!("{}  ×{ratio}", (figure.show)(value.median)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What two servers took for each client in each turn, as a row of the table.
    fn kib_per_client(turns: &[[f64; 2]]) -> String {
        let benchmark = Benchmark::find("idle-1000").unwrap();
        let servers = ["floor", "chinwag"];
        let mut comparison = Comparison {
            servers: servers.map(str::to_owned).to_vec(),
            ..Comparison::default()
        };
        for (turn, values) in turns.iter().enumerate() {
            for (server, kib) in servers.iter().zip(values) {
                let mut report = Report::blank(server, "idle");
                report.connecting.memory_kib_each = Some(*kib);
                comparison.runs.push((turn, benchmark, report));
            }
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
