//! Half a minute that tells an operator what a machine carries.

use std::fmt::Write as _;
use std::time::Duration;

use crate::args::Scenario;
use crate::report::{RATE_SHARE_MIN, Report};
use crate::run::{Setup, run};
use crate::scenario::CHATTING;
use crate::search::{Capacity, descriptors_max, find_limit, keeps_up};
use crate::swarm::SwarmError;
use crate::table::{hundredths, short, shown, whole};

/// As many as the daemon lets in by default: a capacity that was not asked for is not looked for.
pub const CLIENTS_WANTED: usize = 10_000;

/// Clients in the parts that measure speed, and members of the room.
const CLIENTS: usize = 1000;

/// The rate at which latency is shown is halved at most as often as this.
const HALVINGS_MAX: usize = 4;

/// A rate at which latency is worse than this is too much.
const P99_MAX: Duration = Duration::from_millis(50);

#[derive(Default)]
pub struct SuiteReport {
    pub capacity: Option<Capacity>,
    pub reports: Vec<Report>,
    pub failure: Option<SwarmError>,
}

/// Tries a server with at most `clients_max` clients. A stop leaves what was found until then, and
/// so does a part that fails.
pub fn run_suite(setup: Setup<'_>, clients_max: usize) -> Result<SuiteReport, SwarmError> {
    setup.watcher.set_title("1 of 5, how many fit");
    let most = clients_max.min(descriptors_max().saturating_sub(64));
    let capacity = find_limit(setup, Some(most))?;
    // Not more than fit: a server may have few places, or few for one address.
    let most = capacity.clients;
    let mut found = SuiteReport {
        capacity: Some(capacity),
        ..SuiteReport::default()
    };
    if most > CHATTING + 1 {
        found.failure = found.try_parts(setup, most).err();
    }
    Ok(found)
}

impl SuiteReport {
    /// Everything but how many clients fit, with at most `most` of them.
    fn try_parts(&mut self, setup: Setup<'_>, most: usize) -> Result<(), SwarmError> {
        let clients = CLIENTS.min(most);
        let dm = Scenario::Dm { clients, window: 4 };
        let room = Scenario::Room {
            members: clients,
            speakers: 10,
            window: 4,
        };
        let storm = Scenario::Storm {
            // Half of the places: the server still counts clients that just left.
            at_once: clients.min((most - CHATTING) / 2),
            rate: 200.0,
        };
        let mut rate = self.step(setup, "2 of 5, as fast as it goes", dm)?;
        // Half of the highest rate; if that is not kept up, half of it, and so on. The highest comes
        // from a closed loop, whose messages come in batches; in an open loop each costs more.
        for _ in 0..HALVINGS_MAX {
            rate = (rate / 2.0).max(1.0);
            let scenario = Scenario::Rate { clients, rate };
            self.step(setup, "3 of 5, at half of that rate", scenario)?;
            let is_kept_up = |report: &Report| keeps_up(report, rate, P99_MAX);
            if setup.watcher.has_stopped() || self.reports.last().is_some_and(is_kept_up) {
                break;
            }
        }
        self.step(setup, "4 of 5, a big room", room)?;
        self.step(setup, "5 of 5, coming and going", storm)?;
        Ok(())
    }

    /// Runs a part, unless it is stopped. Returns messages a second.
    fn step(
        &mut self,
        setup: Setup<'_>,
        title: &str,
        scenario: Scenario,
    ) -> Result<f64, SwarmError> {
        if setup.watcher.has_stopped() {
            return Ok(0.0);
        }
        setup.watcher.set_title(title);
        let report = run(setup, &scenario)?;
        let per_second = report.per_second();
        self.reports.push(report);
        Ok(per_second)
    }

    /// Whether nothing was lost, doubled or swapped, and no client closed.
    pub fn is_clean(&self) -> bool {
        self.failure.is_none() && self.reports.iter().all(Report::is_clean)
    }

    pub fn text(&self) -> String {
        let mut lines: Vec<String> = self.capacity.iter().map(Capacity::text).collect();
        let mut before = "";
        for report in &self.reports {
            lines.push(part_text(report, before));
            before = report.workload;
        }
        lines.push(self.verdict());
        lines.join("\n")
    }

    fn verdict(&self) -> String {
        let errors: crate::ledger::DeliveryErrors =
            self.reports.iter().map(|report| report.errors).sum();
        let closed: u64 = self.reports.iter().map(|report| report.closed).sum();
        let delivered: u64 = self.reports.iter().map(Report::delivered).sum();
        let mut text = format!(
            "\nOf {delivered} messages, {} were lost, {} came twice and {} out of order.",
            errors.lost, errors.duplicated, errors.out_of_order
        );
        if closed > 0 {
            let _ = write!(text, " The server closed {closed} connections.");
        }
        if let Some(failure) = &self.failure {
            let _ = write!(text, "\nIt ended early: {failure}.");
        }
        if self.reports.iter().any(|report| report.interrupted) {
            text.push_str("\nInterrupted: these are the figures until then.");
        }
        text
    }
}

fn too_much(report: &Report, rate: f64) -> Option<String> {
    if report.interrupted || keeps_up(report, rate, P99_MAX) {
        return None;
    }
    let per_second = report.per_second();
    let private = report.latency("private").unwrap_or_default();
    Some(if per_second < rate * RATE_SHARE_MIN {
        format!("only {per_second:.0} a second arrived")
    } else if private.p99_ms > P99_MAX.as_secs_f64() * 1e3 {
        format!("p99 is to be {} ms at most", P99_MAX.as_millis())
    } else {
        "something went wrong, as is said below".to_owned()
    })
}

fn limit_text(report: &Report) -> &'static str {
    match report.limit() {
        Some(limit) => limit,
        None if report.server_use.is_none() => {
            "not known, as the server's process is not (--pid PID names it)"
        }
        None => "waiting, as neither the server nor this program ran all the time",
    }
}

/// A part in words; `before` is the workload of the one before it.
fn part_text(report: &Report, before: &str) -> String {
    let latency = report
        .latency("private")
        .map_or_else(String::new, |latency| {
            let [p50, p99, max] = [latency.p50_ms, latency.p99_ms, latency.max_ms].map(short);
            format!("p50 {p50} ms, p99 {p99} ms, max {max} ms")
        });
    let cpu = report.server_use.and_then(|used| used.cpu_us_per_message);
    let cpu = shown(cpu, hundredths);
    let limit = limit_text(report);
    let (per_second, clients) = (report.per_second(), report.clients);
    match report.workload {
        "dm" => format!(
            "messages   {per_second:.0} a second among {clients} clients, {cpu} µs of the server's \
             processor each; the limit: {limit}"
        ),
        "rate" => {
            let rate = report.rate().unwrap_or(per_second);
            let half = if before == "rate" {
                "half again"
            } else {
                "half of that"
            };
            let why = too_much(report, rate).map(|why| format!("; too much: {why}"));
            let why = why.unwrap_or_default();
            format!("latency    at {rate:.0} messages a second, {half}: {latency}{why}")
        }
        "room" => format!(
            "room       {per_second:.0} deliveries a second in a room of {clients}, {cpu} µs each; \
             the limit: {limit}"
        ),
        _ => format!(
            "storm      {} connects a second, while two who chat have {latency}",
            shown(report.connects_per_second, whole)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Latency;
    use crate::report::{Messages, Use};

    fn report(workload: &'static str, per_second: f64, p99_ms: f64) -> Report {
        let messages = Messages {
            kind: "private",
            delivered: 1000,
            per_second,
            latency: Some(Latency {
                p99_ms,
                ..Latency::default()
            }),
            ..Messages::default()
        };
        Report {
            messages: vec![messages],
            ..Report::blank("chinwag", workload)
        }
    }

    fn lines(reports: Vec<Report>) -> Vec<String> {
        let found = SuiteReport {
            reports,
            ..SuiteReport::default()
        };
        let text = found.text();
        text.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn expect_ends(lines: &[String], expected: &[&str]) {
        for (line, end) in lines.iter().zip(expected) {
            assert!(line.ends_with(end), "{line}");
        }
    }

    #[test]
    fn each_rate_says_where_it_comes_from_and_why_there_is_another() {
        let at = |rate, per_second, p99_ms| Report {
            parameters: vec![("rate", rate)],
            ..report("rate", per_second, p99_ms)
        };
        let lines = lines(vec![
            at(4000.0, 3000.0, 70.0),
            at(2000.0, 2000.0, 60.0),
            at(1000.0, 990.0, 9.0),
        ]);
        for (line, start) in lines.iter().zip([
            "latency    at 4000 messages a second, half of that: p50 ",
            "latency    at 2000 messages a second, half again: p50 ",
            "latency    at 1000 messages a second, half again: p50 ",
        ]) {
            assert!(line.starts_with(start), "{line}");
        }
        expect_ends(
            &lines,
            &[
                "; too much: only 3000 a second arrived",
                "; too much: p99 is to be 50 ms at most",
                "max 0.000 ms",
            ],
        );
    }

    #[test]
    fn what_was_cut_short_was_not_too_much() {
        let lines = lines(vec![Report {
            parameters: vec![("rate", 4000.0)],
            interrupted: true,
            ..report("rate", 0.0, 0.0)
        }]);
        expect_ends(&lines, &["max 0.000 ms"]);
    }

    #[test]
    fn a_limit_that_is_no_processor_is_told_in_words() {
        let using = |server: Option<f64>, driver: f64| {
            let used = |busy| Use {
                busy,
                ..Use::default()
            };
            Report {
                server_use: server.map(used),
                driver_use: Some(used(driver)),
                ..report("dm", 1000.0, 1.0)
            }
        };
        let lines = lines(vec![
            using(Some(0.99), 0.5),
            using(Some(0.5), 0.99),
            using(Some(0.5), 0.5),
            using(None, 0.5),
        ]);
        expect_ends(
            &lines,
            &[
                "; the limit: the server's processor",
                "; the limit: this program's processor",
                "; the limit: waiting, as neither the server nor this program ran all the time",
                "; the limit: not known, as the server's process is not (--pid PID names it)",
            ],
        );
    }
}
