//! Several servers under the same workloads, turn by turn, as ratios to the first.
//!
//! A machine's speed drifts from one minute to the next. So the servers take turns, each turn's
//! figures are compared with the first server's in that turn, and the median of these ratios is
//! what is said.

use serde::Serialize;
use thiserror::Error;

use crate::process::Pinning;
use crate::report::{Report, Spread, align, plain_table};
use crate::run::{Plan, Progress, Scenario, ServerUnderTest, Watcher, run};
use crate::server::{Recipe, Server, ServerError};
use crate::swarm::SwarmError;
use crate::workload::Roles;

/// Why a comparison ended early.
#[derive(Debug, Error)]
pub enum CompareError {
    /// A server cannot be started.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A server cannot be tested.
    #[error("{server}: {source}")]
    Swarm {
        /// Which.
        server: String,
        /// Why.
        source: SwarmError,
    },
}

/// A workload by name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Benchmark {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// What it does.
    pub scenario: Scenario,
}

/// All that can be compared.
pub const BENCHMARKS: [Benchmark; 9] = [
    Benchmark {
        name: "dm-100",
        about: "private messages among 100 clients, 8 under way each",
        scenario: Scenario::Dm {
            clients: 100,
            window: 8,
        },
    },
    Benchmark {
        name: "dm-1000",
        about: "private messages among 1,000 clients, 4 under way each",
        scenario: Scenario::Dm {
            clients: 1000,
            window: 4,
        },
    },
    Benchmark {
        name: "dm-10000",
        about: "private messages among 10,000 clients, 1 under way each",
        scenario: Scenario::Dm {
            clients: 10_000,
            window: 1,
        },
    },
    Benchmark {
        name: "room-1000",
        about: "a room of 1,000 in which 10 speak, 4 lines under way each",
        scenario: Scenario::Room {
            members: 1000,
            speakers: 10,
            window: 4,
        },
    },
    Benchmark {
        name: "rate-10000",
        about: "20,000 private messages a second among 10,000 clients",
        scenario: Scenario::Chats(
            "rate",
            Roles {
                private_clients: 10_000,
                private_rate: 20_000.0,
                members: 0,
                speakers: 0,
                room_rate: 0.0,
                slow: 0,
            },
        ),
    },
    Benchmark {
        name: "mixed",
        about: "a room of 9,900 spoken to 10 times a second, and 100 others who write 1,000 \
                private messages a second",
        scenario: Scenario::Chats(
            "mixed",
            Roles {
                private_clients: 100,
                private_rate: 1000.0,
                members: 9_900,
                speakers: 10,
                room_rate: 10.0,
                slow: 0,
            },
        ),
    },
    Benchmark {
        name: "storm",
        about: "1,000 clients that come and go while two chat",
        scenario: Scenario::Storm {
            at_once: 1000,
            rate: 200.0,
        },
    },
    Benchmark {
        name: "idle-1000",
        about: "1,000 clients that do nothing",
        scenario: Scenario::Idle { clients: 1000 },
    },
    Benchmark {
        name: "idle-5000",
        about: "5,000 clients that do nothing",
        scenario: Scenario::Idle { clients: 5000 },
    },
];

impl Benchmark {
    /// The one of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        BENCHMARKS.iter().find(|benchmark| benchmark.name == name)
    }
}

/// A figure that is compared, and how it is read from a report.
type Figure = (&'static str, fn(&Report) -> Option<f64>);

/// Less is better for all of them.
const FIGURES: [Figure; 9] = [
    ("CPU µs per message", |report| {
        let used = report.server_use.filter(|_| !report.is_storm())?;
        used.cpu_us_per_message
    }),
    ("of these, user", |report| {
        let used = report.server_use.filter(|_| !report.is_storm())?;
        used.user_us_per_message
    }),
    ("µs between messages", |report| {
        (report.delivered() > 0 && !report.is_storm()).then(|| 1e6 / report.per_second())
    }),
    ("CPU µs per coming and going", Report::cpu_us_per_stay),
    ("private p50 ms", |report| {
        Some(report.latency("private")?.p50_ms)
    }),
    ("private p99 ms", |report| {
        Some(report.latency("private")?.p99_ms)
    }),
    ("room p99 ms", |report| Some(report.latency("room")?.p99_ms)),
    ("CPU µs per connect", |report| {
        report.connecting.cpu_us_each
    }),
    ("KiB per client", |report| report.connecting.memory_kib_each),
];

/// One figure of one server under one workload.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The workload.
    pub workload: &'static str,
    /// What was measured.
    pub figure: &'static str,
    /// Whose.
    pub server: String,
    /// Over the turns.
    pub value: Spread,
    /// To the first server in the same turn, over the turns. None if that server has no figure,
    /// or 0, in one of them.
    pub ratio: Option<Spread>,
}

/// Who is compared, under what, and how often.
#[derive(Debug)]
pub struct Rounds {
    /// The servers; the others are measured against the first.
    pub recipes: Vec<Recipe>,
    /// The workloads.
    pub benchmarks: Vec<&'static Benchmark>,
    /// How often each server has its turn at each workload.
    pub turns: usize,
    /// Which processor runs what.
    pub pinning: Option<Pinning>,
}

/// Everything that a comparison found.
#[derive(Debug, Default)]
pub struct Comparison {
    servers: Vec<String>,
    /// Of each turn, workload and server.
    reports: Vec<(usize, &'static Benchmark, Report)>,
}

impl Comparison {
    /// Lets the servers take turns under each workload.
    pub fn run(
        &mut self,
        rounds: &Rounds,
        plan: &Plan,
        watcher: &mut Watcher<'_>,
        told: &mut dyn FnMut(usize, &str, &str),
    ) -> Result<(), CompareError> {
        let recipes = rounds.recipes.iter();
        self.servers = recipes.map(|recipe| recipe.name.clone()).collect();
        for benchmark in &rounds.benchmarks {
            for turn in 0..rounds.turns {
                for recipe in &rounds.recipes {
                    if watcher.has_enough() {
                        return Ok(());
                    }
                    told(turn, benchmark.name, &recipe.name);
                    let report =
                        run_one(recipe, benchmark, plan, rounds.pinning.as_ref(), watcher)?;
                    if !watcher.has_enough() {
                        self.reports.push((turn, benchmark, report));
                    }
                }
            }
        }
        Ok(())
    }

    /// Every report.
    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.reports.iter().map(|(_, _, report)| report)
    }

    /// Whether no server lost, doubled or swapped anything.
    pub fn is_clean(&self) -> bool {
        self.reports().all(Report::is_clean)
    }

    /// Medians and ratios.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for benchmark in &BENCHMARKS {
            for (figure, read) in FIGURES {
                for server in &self.servers {
                    rows.extend(self.row(benchmark, figure, read, server));
                }
            }
        }
        rows
    }

    fn row(
        &self,
        benchmark: &Benchmark,
        figure: &'static str,
        read: fn(&Report) -> Option<f64>,
        server: &str,
    ) -> Option<Row> {
        let of = |server: &str| {
            let reports = self.reports.iter().filter(|(_, known, report)| {
                known.name == benchmark.name && report.server == server
            });
            let values = reports.filter_map(|(turn, _, report)| Some((*turn, read(report)?)));
            values.collect::<Vec<(usize, f64)>>()
        };
        let values = of(server);
        let base = of(self.servers.first()?);
        // All turns or none: over a part of them it would not be the ratio of what is shown.
        let ratios: Option<Vec<f64>> = values
            .iter()
            .map(|(turn, value)| {
                let (_, base) = base.iter().find(|(other, _)| other == turn)?;
                (*base > 0.0).then(|| value / base)
            })
            .collect();
        Some(Row {
            workload: Benchmark::find(benchmark.name)?.name,
            figure,
            server: server.to_owned(),
            ratio: ratios.and_then(Spread::of),
            value: Spread::of(values.into_iter().map(|(_, value)| value).collect())?,
        })
    }

    /// The rows as a table, a column for each server.
    pub fn table(&self) -> String {
        let rows = self.rows();
        let mut table = plain_table();
        let heads = ["workload", "figure"].into_iter().map(str::to_owned);
        table.set_header(heads.chain(self.servers.iter().cloned()));
        for benchmark in &BENCHMARKS {
            for (figure, _) in FIGURES {
                let of_line = |row: &&Row| row.workload == benchmark.name && row.figure == figure;
                if !rows.iter().any(|row| of_line(&row)) {
                    continue;
                }
                let cells = self.servers.iter().map(|server| {
                    let mut line = rows.iter().filter(of_line);
                    line.find(|row| row.server == *server)
                        .map_or_else(|| "–".to_owned(), cell)
                });
                let heads = [benchmark.name.to_owned(), figure.to_owned()];
                table.add_row(heads.into_iter().chain(cells));
            }
        }
        align(&mut table, 2);
        table.to_string()
    }
}

fn cell(row: &Row) -> String {
    let value = row.value.median;
    let digits = if value < 10.0 { 3 } else { 1 };
    match row.ratio {
        Some(ratio) => format!(
            "{value:.digits$}  ×{:.2} ({:.2}–{:.2})",
            ratio.median, ratio.lowest, ratio.highest
        ),
        None => format!("{value:.digits$}  ×–"),
    }
}

fn run_one(
    recipe: &Recipe,
    benchmark: &Benchmark,
    plan: &Plan,
    pinning: Option<&Pinning>,
    watcher: &mut Watcher<'_>,
) -> Result<Report, CompareError> {
    (watcher.progress)(Progress::Connecting(0, benchmark.scenario.clients()));
    let server = Server::start(recipe, pinning)?;
    let site = ServerUnderTest {
        name: recipe.name.clone(),
        target: server.target().clone(),
        dialect: recipe.dialect,
        pid: Some(server.pid()),
        opening_max: recipe.opening_max,
    };
    run(&site, &benchmark.scenario, plan, watcher).map_err(|source| CompareError::Swarm {
        server: recipe.name.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Connecting;

    /// What two servers took for each client in each turn, as a row of the table.
    fn kib_per_client(turns: &[[f64; 2]]) -> String {
        let benchmark = Benchmark::find("idle-1000").unwrap();
        let servers = ["floor", "chinwag"];
        let report = |server: &str, kib: f64| Report {
            connecting: Connecting {
                memory_kib_each: Some(kib),
                ..Connecting::default()
            },
            ..Report::blank(server, "idle")
        };
        let mut comparison = Comparison {
            servers: servers.map(str::to_owned).to_vec(),
            ..Comparison::default()
        };
        for (turn, values) in turns.iter().enumerate() {
            for (server, kib) in servers.iter().zip(values) {
                let report = report(server, *kib);
                comparison.reports.push((turn, benchmark, report));
            }
        }
        let table = comparison.table();
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
