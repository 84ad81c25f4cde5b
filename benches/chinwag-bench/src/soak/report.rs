//! What a soak found, for people and for programs.

use std::fmt::Write as _;
use std::ops::Deref;

use serde::Serialize;

use super::agenda::Tally;
use super::samples::{Level, Sample, slope};
use crate::figures::MESSAGE_FIGURES;
use crate::report::{Report, Use};
use crate::table::{cells, names, shown, table, tenths, whole};

/// Resident memory at the end may be above what it was before the visitors came by this: the server
/// keeps some buffers and tables of a size that they needed once, and malloc some of what was freed.
const RESIDENT_KIB_MARGIN: f64 = 32.0 * 1024.0;

/// One soak. As JSON, this is one line; fields may be added, but none changes its meaning.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SoakReport {
    #[serde(flatten)]
    pub run: Report,
    /// Lines said to be left out that were not.
    pub told_too_many: u64,
    /// Visitors that the server closed although nothing was wrong with them.
    pub unexpected_closes: u64,
    /// Some visitors that took leave were not let go.
    pub visitors_left: bool,
    /// How many of each fault there were, and of what else was done.
    pub done: Tally,
    /// The server before the visitors came, if it can be seen.
    pub before: Option<Level>,
    /// And after they had left.
    pub after: Option<Level>,
    pub samples: Vec<Sample>,
    /// KiB of memory by which the server grew in a minute of the second half.
    pub resident_kib_per_minute: Option<f64>,
    /// What is wrong. Nothing of this may be.
    pub problems: Vec<String>,
}

impl Deref for SoakReport {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.run
    }
}

impl SoakReport {
    /// With what follows from the other fields.
    pub fn completed(mut self) -> Self {
        let second_half = self.samples.iter().skip(self.samples.len() / 2);
        let points: Vec<(f64, f64)> = second_half
            .filter_map(|sample| Some((sample.at_s / 60.0, sample.level?.resident_kib)))
            .collect();
        self.resident_kib_per_minute = slope(&points);
        self.problems = self.find_problems();
        self
    }

    fn find_problems(&self) -> Vec<String> {
        let counts = [
            (self.errors.lost, "messages were lost"),
            (self.errors.duplicated, "came twice, or to the wrong one"),
            (self.errors.out_of_order, "came out of order"),
            (
                self.told_too_many,
                "lines were said to be left out that were not",
            ),
            (self.closed, "steady clients were closed"),
            (self.unexpected_closes, "visitors were closed for nothing"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let mut problems: Vec<String> = counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if self.visitors_left {
            problems.push("visitors that took leave were not let go".to_owned());
        }
        let Some((before, after)) = self.before.zip(self.after) else {
            return problems;
        };
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
        problems
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// For people.
    pub fn text(&self) -> String {
        let head = ["kind".to_owned()]
            .into_iter()
            .chain(names(&MESSAGE_FIGURES));
        let rows = self.messages.iter().map(|messages| {
            let kind = [messages.kind.to_owned()].into_iter();
            kind.chain(cells(&MESSAGE_FIGURES, messages)).collect()
        });
        let mut text = format!(
            "{} steady clients of {}, {:.0} s\n\n{}\n\n{}\nDone: {}.\n\
             Left out for slow readers, who were told: {} lines. Refused, with reason: {}.",
            self.clients,
            self.server,
            self.seconds,
            table(1, head, rows),
            self.levels(),
            self.deeds().join(", "),
            self.told_missed,
            self.refused
        );
        if self.interrupted {
            text.push_str("\nIt was interrupted: these are the figures until then.");
        }
        text.push_str("\n\n");
        if self.problems.is_empty() {
            text.push_str(
                "Nothing was lost, doubled or swapped, nobody closed for nothing, and nothing left \
                 behind.",
            );
        } else {
            let _ = write!(text, "This is wrong: {}", self.problems.join("; "));
        }
        text
    }

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
        let busy = |used: Option<Use>| shown(used.map(|used| used.busy * 100.0), whole);
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
            shown(self.resident_kib_per_minute, tenths),
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
            run: Report::blank("chinwag", "soak"),
            done: Tally::from([("half_lines", 3)]),
            before: Some(level(8_000.0, 30, 2)),
            after: Some(level(20_000.0, 30, 2)),
            ..SoakReport::default()
        }
    }

    fn wrong(mistake: impl FnOnce(&mut SoakReport)) -> SoakReport {
        let mut report = sound();
        mistake(&mut report);
        report.completed()
    }

    #[test]
    fn what_is_left_behind_is_a_problem() {
        assert_eq!(sound().completed().problems, Vec::<String>::new());
        for (after, problem) in [
            (
                level(8_000.0, 31, 2),
                "31 descriptors after it, and 30 before",
            ),
            (level(8_000.0, 30, 3), "3 threads after it, and 2 before"),
            (
                level(50_000.0, 30, 2),
                "42000 KiB of memory more than before",
            ),
        ] {
            let report = wrong(|report| report.after = Some(after));
            assert_eq!(report.problems, [problem]);
        }
    }

    #[test]
    fn what_went_wrong_with_messages_or_clients_is_a_problem() {
        for (part, report) in [
            (
                "1 messages were lost",
                wrong(|report| report.run.errors.lost = 1),
            ),
            ("2 lines", wrong(|report| report.told_too_many = 2)),
            ("3 steady", wrong(|report| report.run.closed = 3)),
            ("4 visitors", wrong(|report| report.unexpected_closes = 4)),
            ("not let go", wrong(|report| report.visitors_left = true)),
        ] {
            let text = report.text();
            assert!(
                text.contains("This is wrong: ") && text.contains(part),
                "{text}"
            );
        }
        let text = sound().completed().text();
        assert!(text.ends_with("and nothing left behind."), "{text}");
        assert!(text.contains("Done: 3 half lines."), "{text}");
    }

    #[test]
    fn memory_over_time_is_that_of_the_second_half() {
        let sample = |minute: u32| Sample {
            at_s: f64::from(minute) * 60.0,
            // Fast at first, and then 5 KiB a minute.
            level: Some(level(
                f64::from((minute * 100).min(500) + minute * 5),
                30,
                2,
            )),
            ..Sample::default()
        };
        let report = wrong(|report| report.samples = (1..=10).map(sample).collect());
        let slope = report.resident_kib_per_minute.unwrap();
        assert!((slope - 5.0).abs() < 1e-6, "{slope}");
        let json = report.json();
        assert!(json.contains(r#""resident_kib_per_minute":"#), "{json}");
    }
}
