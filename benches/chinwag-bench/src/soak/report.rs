//! What a soak found, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use super::samples::{Level, Sample, slope};
use super::visitors::Tally;
use crate::ledger::DeliveryErrors;
use crate::recorder::Latency;
use crate::report::{Messages, Use, align, figure, milliseconds, plain_table};

/// Resident memory at the end may be so much above what it was before the visitors came: the server
/// keeps some buffers and tables of a size that they needed once, and malloc some of what was freed.
const RESIDENT_KIB_MARGIN: f64 = 32.0 * 1024.0;

/// One soak. As JSON, this is one line; fields may be added, but none changes its meaning.
#[derive(Clone, Debug, Serialize)]
pub struct SoakReport {
    /// The server's name, or where it is.
    pub server: String,
    /// What it was spoken to in.
    pub dialect: &'static str,
    /// `soak`.
    pub workload: &'static str,
    /// How many were there all the time.
    pub clients: usize,
    /// Bytes of a short message.
    pub size: usize,
    /// What else it was told.
    pub parameters: Vec<(&'static str, f64)>,
    /// How long it was measured.
    pub seconds: f64,
    /// Messages of each kind.
    pub messages: Vec<Messages>,
    /// What must be zero.
    #[serde(flatten)]
    pub faults: DeliveryErrors,
    /// Lines said to be left out that were not. Must be zero.
    pub told_too_many: u64,
    /// Connections of steady ones that the server ended. Must be zero.
    pub closed: u64,
    /// Visitors whom the server closed although nothing was wrong with them. Must be zero.
    pub unexpected_closes: u64,
    /// Some visitors who took leave were not let go.
    pub visitors_left: bool,
    /// Room lines that the server left out and said so.
    pub told_missed: u64,
    /// Lines in which the server refused something, with reason: visitors ask for that.
    pub refused: u64,
    /// How late this program sent what was to go.
    pub lag: Option<Latency>,
    /// How many of each fault there were, and of what else was done.
    pub done: Tally,
    /// The server before the visitors came, if it can be seen.
    pub before: Option<Level>,
    /// And after they had left.
    pub after: Option<Level>,
    /// The server meanwhile.
    pub samples: Vec<Sample>,
    /// What the server used while it was measured.
    pub server_use: Option<Use>,
    /// What this program used.
    pub driver_use: Option<Use>,
    /// It was ended before its time.
    pub interrupted: bool,
}

impl SoakReport {
    /// What is wrong. Nothing of this may be.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (count, what) in [
            (self.faults.lost, "messages were lost"),
            (self.faults.duplicated, "came twice, or to the wrong one"),
            (self.faults.out_of_order, "came out of order"),
            (
                self.told_too_many,
                "lines were said to be left out that were not",
            ),
            (self.closed, "steady clients were closed"),
            (self.unexpected_closes, "visitors were closed for nothing"),
        ] {
            if count > 0 {
                problems.push(format!("{count} {what}"));
            }
        }
        if self.visitors_left {
            problems.push("visitors who took leave were not let go".to_owned());
        }
        if let (Some(before), Some(after)) = (self.before, self.after) {
            for (before, after, what) in [
                (before.descriptors, after.descriptors, "descriptors"),
                (before.threads, after.threads, "threads"),
            ] {
                if before != after {
                    problems.push(format!("{after} {what} after it, and {before} before"));
                }
            }
            let grown = after.resident_kib - before.resident_kib;
            if grown > RESIDENT_KIB_MARGIN {
                problems.push(format!("{grown:.0} KiB of memory more than before"));
            }
        }
        problems
    }

    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems().is_empty()
    }

    /// KiB of memory by which the server grew in a minute of the second half.
    pub fn resident_slope(&self) -> Option<f64> {
        let second_half = self.samples.iter().skip(self.samples.len() / 2);
        let points: Vec<(f64, f64)> = second_half
            .filter_map(|sample| Some((sample.at_s / 60.0, sample.level?.resident_kib)))
            .collect();
        slope(&points)
    }

    /// As one line of JSON.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            report: &'a SoakReport,
            resident_kib_per_minute: Option<f64>,
            problems: Vec<String>,
        }
        let whole = Whole {
            report: self,
            resident_kib_per_minute: self.resident_slope(),
            problems: self.problems(),
        };
        serde_json::to_string(&whole).unwrap_or_default()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut table = plain_table();
        table.set_header([
            "kind",
            "delivered",
            "per second",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "max ms",
        ]);
        for messages in &self.messages {
            let latency = messages.latency.unwrap_or_default();
            table.add_row([
                messages.kind.to_owned(),
                messages.delivered.to_string(),
                format!("{:.0}", messages.per_second),
                milliseconds(latency.p50_ms),
                milliseconds(latency.p99_ms),
                milliseconds(latency.p999_ms),
                milliseconds(latency.max_ms),
            ]);
        }
        align(&mut table, 1);
        let mut text = format!(
            "{} steady clients of {}, {:.0} s\n\n{table}\n\n{}",
            self.clients,
            self.server,
            self.seconds,
            self.levels()
        );
        let _ = write!(text, "\nDone: {}.", self.deeds().join(", "));
        let _ = write!(
            text,
            "\nLeft out for slow readers, who were told: {} lines. Refused, with reason: {}.",
            self.told_missed, self.refused
        );
        if self.interrupted {
            text.push_str("\nIt was interrupted: these are the figures until then.");
        }
        let problems = self.problems();
        text.push_str(if problems.is_empty() {
            "\n\nNothing was lost, doubled or swapped, nobody thrown out, and nothing left behind."
        } else {
            "\n\nThis is wrong: "
        });
        text.push_str(&problems.join("; "));
        text
    }

    /// What was done, each with its number.
    pub fn deeds(&self) -> Vec<String> {
        let deeds = self.done.iter();
        deeds
            .map(|(name, count)| format!("{count} {}", name.replace('_', " ")))
            .collect()
    }

    fn levels(&self) -> String {
        let (Some(before), Some(after)) = (self.before, self.after) else {
            return "The server's process is not known, so what it holds is not shown.".to_owned();
        };
        let busy = |used: Option<Use>| figure(used.map(|used| used.busy * 100.0), 0);
        let most = self.samples.iter().filter_map(|sample| sample.level);
        let most = most.map(|level| level.resident_kib).fold(0.0, f64::max);
        format!(
            "memory       {:.1} MiB before, {:.1} at most, {:.1} after; in the second half {} KiB a minute\n\
             descriptors  {} before, {} after\n\
             threads      {} before, {} after\n\
             processor    {} % by the server, {} % by this program",
            before.resident_kib / 1024.0,
            most / 1024.0,
            after.resident_kib / 1024.0,
            figure(self.resident_slope(), 1),
            before.descriptors,
            after.descriptors,
            before.threads,
            after.threads,
            busy(self.server_use),
            busy(self.driver_use),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(resident_kib: f64, descriptors: u64, threads: u64) -> Level {
        Level {
            resident_kib,
            descriptors,
            threads,
        }
    }

    fn sound() -> SoakReport {
        SoakReport {
            server: "chinwag".to_owned(),
            dialect: "chinwag",
            workload: "soak",
            clients: 20,
            size: 64,
            parameters: Vec::new(),
            seconds: 600.0,
            messages: Vec::new(),
            faults: DeliveryErrors::default(),
            told_too_many: 0,
            closed: 0,
            unexpected_closes: 0,
            visitors_left: false,
            told_missed: 7,
            refused: 8,
            lag: None,
            done: Tally::from([("half_lines", 3)]),
            before: Some(level(8_000.0, 30, 2)),
            after: Some(level(20_000.0, 30, 2)),
            samples: Vec::new(),
            server_use: None,
            driver_use: None,
            interrupted: false,
        }
    }

    #[test]
    fn what_is_left_behind_is_a_problem() {
        assert_eq!(sound().problems(), Vec::<String>::new());
        let problem_of = |after| {
            let report = SoakReport {
                after: Some(after),
                ..sound()
            };
            assert!(!report.is_sound());
            report.problems().join("; ")
        };
        let descriptors = "31 descriptors after it, and 30 before";
        assert_eq!(problem_of(level(8_000.0, 31, 2)), descriptors);
        let threads = "3 threads after it, and 2 before";
        assert_eq!(problem_of(level(8_000.0, 30, 3)), threads);
        let memory = "42000 KiB of memory more than before";
        assert_eq!(problem_of(level(50_000.0, 30, 2)), memory);
    }

    #[test]
    fn what_went_wrong_with_messages_or_people_is_a_problem() {
        let lost = DeliveryErrors {
            lost: 1,
            ..DeliveryErrors::default()
        };
        let wrongs: [(&str, SoakReport); 5] = [
            (
                "1 messages were lost",
                SoakReport {
                    faults: lost,
                    ..sound()
                },
            ),
            (
                "2 lines",
                SoakReport {
                    told_too_many: 2,
                    ..sound()
                },
            ),
            (
                "3 steady",
                SoakReport {
                    closed: 3,
                    ..sound()
                },
            ),
            (
                "4 visitors",
                SoakReport {
                    unexpected_closes: 4,
                    ..sound()
                },
            ),
            (
                "not let go",
                SoakReport {
                    visitors_left: true,
                    ..sound()
                },
            ),
        ];
        for (part, report) in wrongs {
            let text = report.text();
            assert!(
                text.contains("This is wrong: ") && text.contains(part),
                "{text}"
            );
        }
        let text = sound().text();
        assert!(text.ends_with("and nothing left behind."), "{text}");
        assert!(text.contains("Done: 3 half lines."), "{text}");
    }

    #[test]
    fn memory_over_time_is_that_of_the_second_half() {
        let sample = |minute: u32| Sample {
            at_s: f64::from(minute) * 60.0,
            connected: 0,
            connects_per_second: 0.0,
            // Fast at first, and then 5 KiB a minute.
            level: Some(level(
                f64::from((minute * 100).min(500) + minute * 5),
                30,
                2,
            )),
            server_busy: None,
            driver_busy: None,
        };
        let report = SoakReport {
            samples: (1..=10).map(sample).collect(),
            ..sound()
        };
        let slope = report.resident_slope().unwrap();
        assert!((slope - 5.0).abs() < 1e-6, "{slope}");
        let json = report.json();
        assert!(json.contains(r#""resident_kib_per_minute":"#), "{json}");
    }
}
