//! What a soak found, for people and for programs.

use std::iter;

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
    pub visitors_left: bool,
    /// How many of each fault there were, and of what else was done.
    pub done: Tally,
    /// The server before the visitors came, if it can be seen.
    pub before: Option<Level>,
    pub after: Option<Level>,
    pub samples: Vec<Sample>,
    /// KiB of memory by which the server grew in a minute of the second half.
    pub resident_kib_per_minute: Option<f64>,
    /// What is wrong. Nothing of this may be.
    pub problems: Vec<String>,
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
        let some = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let (before, after) = self.before.zip(self.after).unwrap_or_default();
        let changed = |before: u64, after: u64, what: &str| {
            (before != after).then(|| format!("{after} {what} after it, and {before} before"))
        };
        let grown = after.resident_kib - before.resident_kib;
        let errors = self.run.errors;
        let problems = [
            some(errors.lost, "messages were lost"),
            some(errors.duplicated, "came twice, or to the wrong one"),
            some(errors.out_of_order, "came out of order"),
            some(
                self.told_too_many,
                "lines were said to be left out that were not",
            ),
            some(self.run.closed, "steady clients were closed"),
            some(self.unexpected_closes, "visitors were closed for nothing"),
            (self.visitors_left).then(|| "visitors that took leave were not let go".to_owned()),
            changed(before.descriptors, after.descriptors, "descriptors"),
            changed(before.threads, after.threads, "threads"),
            (grown > RESIDENT_KIB_MARGIN)
                .then(|| format!("{grown:.0} KiB of memory more than before")),
        ];
        problems.into_iter().flatten().collect()
    }

    pub fn text(&self) -> String {
        let run = &self.run;
        let head = iter::once("kind").chain(names(&MESSAGE_FIGURES));
        let rows = run.messages.iter().map(|messages| {
            let kind = iter::once(messages.kind.to_owned());
            kind.chain(cells(&MESSAGE_FIGURES, messages)).collect()
        });
        let interrupted = if run.interrupted {
            "\nIt was interrupted: these are the figures until then."
        } else {
            ""
        };
        let verdict = if self.problems.is_empty() {
            "Nothing was lost, doubled or swapped, nobody closed for nothing, and nothing left behind."
                .to_owned()
        } else {
            format!("This is wrong: {}", self.problems.join("; "))
        };
        format!(
            "{} steady clients of {}, {:.0} s\n\n{}\n\n{}\nDone: {}.\n\
             Left out for slow readers, who were told: {} lines. Refused, with reason: {}.\
             {interrupted}\n\n{verdict}",
            run.clients,
            run.server,
            run.seconds,
            table(1, head, rows),
            self.levels(),
            self.deeds().join(", "),
            run.told_missed,
            run.refused,
        )
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
            busy(self.run.server_use),
            busy(self.run.driver_use),
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

    type Mistake = fn(&mut SoakReport);

    #[test]
    fn what_went_wrong_or_is_left_behind_is_a_problem() {
        let text = sound().completed().text();
        assert!(text.ends_with("and nothing left behind."), "{text}");
        assert!(text.contains("Done: 3 half lines."), "{text}");
        let mistakes: [(Mistake, &str); 8] = [
            (|of| of.run.errors.lost = 1, "1 messages were lost"),
            (
                |of| of.told_too_many = 2,
                "2 lines were said to be left out that were not",
            ),
            (|of| of.run.closed = 3, "3 steady clients were closed"),
            (
                |of| of.unexpected_closes = 4,
                "4 visitors were closed for nothing",
            ),
            (
                |of| of.visitors_left = true,
                "visitors that took leave were not let go",
            ),
            (
                |of| of.after = Some(level(8_000.0, 31, 2)),
                "31 descriptors after it, and 30 before",
            ),
            (
                |of| of.after = Some(level(8_000.0, 30, 3)),
                "3 threads after it, and 2 before",
            ),
            (
                |of| of.after = Some(level(50_000.0, 30, 2)),
                "42000 KiB of memory more than before",
            ),
        ];
        for (mistake, problem) in mistakes {
            let report = wrong(mistake);
            assert_eq!(report.problems, [problem]);
            let text = report.text();
            assert!(
                text.ends_with(&format!("This is wrong: {problem}")),
                "{text}"
            );
        }
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
    }
}
