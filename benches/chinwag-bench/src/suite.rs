//! Half a minute that tells an operator what a machine carries.

use std::fmt::Write as _;
use std::time::Duration;

use crate::report::{RATE_SHARE_MIN, Report, figure, milliseconds};
use crate::run::{Plan, Progress, Scenario, ServerUnderTest, Watcher, run};
use crate::search::{Capacity, descriptors_max, find_limit, keeps_up};
use crate::swarm::SwarmError;
use crate::workload::{CHATTING, Roles};

/// As many as the daemon lets in by default: a capacity that was not asked for is not looked for.
pub const CLIENTS_WANTED: usize = 10_000;

/// So many chat in the part that measures speed.
const CLIENTS_CHATTING: usize = 1000;

/// Members of the room.
const MEMBERS: usize = 1000;

/// The rate at which latency is shown is halved so often at most.
const HALVINGS_MAX: usize = 4;

/// A rate at which latency is worse than this is too much.
const P99_MAX: Duration = Duration::from_millis(50);

/// What was found.
#[derive(Debug, Default)]
pub struct SuiteReport {
    /// How many clients fit.
    pub capacity: Option<Capacity>,
    /// Every run, in order.
    pub reports: Vec<Report>,
    /// What ended it early.
    pub failure: Option<SwarmError>,
}

/// Tries a server with at most `clients_max` clients. A stop leaves what was found until then, and
/// so does a part that fails.
pub fn run_suite(
    site: &ServerUnderTest,
    clients_max: usize,
    plan: &Plan,
    watcher: &mut Watcher<'_>,
) -> Result<SuiteReport, SwarmError> {
    let mut found = SuiteReport::default();
    (watcher.progress)(Progress::Step("1 of 5, how many fit"));
    let most = clients_max.min(descriptors_max().saturating_sub(64));
    let capacity = find_limit(site, Some(most), watcher)?;
    // Not more than fit: a server may have few places, or few for one address.
    let most = capacity.clients;
    found.capacity = Some(capacity);
    if most > CHATTING + 1 {
        found.failure = found.parts(site, most, plan, watcher).err();
    }
    Ok(found)
}

impl SuiteReport {
    /// Everything but how many clients fit, with at most `most` of them.
    fn parts(
        &mut self,
        site: &ServerUnderTest,
        most: usize,
        plan: &Plan,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), SwarmError> {
        let clients = CLIENTS_CHATTING.min(most);
        let dm = Scenario::Dm { clients, window: 4 };
        let fastest = self.step(site, "2 of 5, as fast as it goes", &dm, plan, watcher)?;
        self.halve(site, clients, fastest, plan, watcher)?;
        let room = Scenario::Room {
            members: MEMBERS.min(most),
            speakers: 10,
            window: 4,
        };
        self.step(site, "4 of 5, a big room", &room, plan, watcher)?;
        let storm = Scenario::Storm {
            // Half of the places: some come while the server still counts those who just left.
            at_once: clients.min((most - CHATTING) / 2),
            rate: 200.0,
        };
        self.step(site, "5 of 5, coming and going", &storm, plan, watcher)?;
        Ok(())
    }

    /// Runs a part, unless it is enough. Returns messages a second.
    fn step(
        &mut self,
        site: &ServerUnderTest,
        title: &'static str,
        scenario: &Scenario,
        plan: &Plan,
        watcher: &mut Watcher<'_>,
    ) -> Result<f64, SwarmError> {
        if watcher.has_enough() {
            return Ok(0.0);
        }
        (watcher.progress)(Progress::Step(title));
        let report = run(site, scenario, plan, watcher)?;
        let per_second = report.per_second();
        self.reports.push(report);
        Ok(per_second)
    }

    /// Half of the highest rate; if that is not kept up, half of it, and so on. The highest comes
    /// from a closed loop, whose messages come in batches; in an open loop each costs more.
    fn halve(
        &mut self,
        site: &ServerUnderTest,
        clients: usize,
        fastest: f64,
        plan: &Plan,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), SwarmError> {
        let mut rate = fastest;
        for _ in 0..HALVINGS_MAX {
            rate = (rate / 2.0).max(1.0);
            let roles = Roles {
                private_clients: clients,
                private_rate: rate,
                ..Roles::default()
            };
            let scenario = Scenario::Chats("rate", roles);
            self.step(
                site,
                "3 of 5, at half of that rate",
                &scenario,
                plan,
                watcher,
            )?;
            let report = self.reports.last();
            if watcher.has_enough() || report.is_some_and(|report| keeps_up(report, rate, P99_MAX))
            {
                break;
            }
        }
        Ok(())
    }

    /// Whether nothing was lost, doubled or swapped, and nobody thrown out.
    pub fn is_clean(&self) -> bool {
        self.failure.is_none() && self.reports.iter().all(Report::is_clean)
    }

    /// What an operator wants to know.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        lines.extend(self.capacity.as_ref().map(capacity_text));
        let mut before = "";
        for report in &self.reports {
            lines.push(report_text(report, before));
            before = report.workload;
        }
        lines.push(self.verdict());
        lines.join("\n")
    }

    fn verdict(&self) -> String {
        let mut faults = crate::ledger::DeliveryErrors::default();
        for report in &self.reports {
            faults += report.faults;
        }
        let closed: u64 = self.reports.iter().map(|report| report.closed).sum();
        let delivered: u64 = self.reports.iter().map(Report::delivered).sum();
        let mut text = format!(
            "\nOf {delivered} messages, {} were lost, {} came twice and {} out of order.",
            faults.lost, faults.duplicated, faults.out_of_order
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

/// How many clients fit, in words.
pub fn capacity_text(capacity: &Capacity) -> String {
    format!(
        "clients    {} at a time, connected in {:.1} s; the limit: {}\n\
         \x20          {} KiB of memory each, {} µs of the server's processor to connect one",
        capacity.clients,
        capacity.seconds,
        capacity.limit,
        figure(capacity.memory_kib_each, 2),
        figure(capacity.cpu_us_each, 1),
    )
}

/// Why a rate was too much for a server, if it was.
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

/// What kept a closed loop from going faster.
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
fn report_text(report: &Report, before: &str) -> String {
    let latency = |kind| {
        report.latency(kind).map_or_else(String::new, |latency| {
            format!(
                "p50 {} ms, p99 {} ms, max {} ms",
                milliseconds(latency.p50_ms),
                milliseconds(latency.p99_ms),
                milliseconds(latency.max_ms)
            )
        })
    };
    let cpu = figure(
        report.server_use.and_then(|used| used.cpu_us_per_message),
        2,
    );
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
            let latency = latency("private");
            let mut text = format!("latency    at {rate:.0} messages a second, {half}: {latency}");
            if let Some(why) = too_much(report, rate) {
                let _ = write!(text, "; too much: {why}");
            }
            text
        }
        "room" => format!(
            "room       {per_second:.0} deliveries a second in a room of {clients}, {cpu} µs each; \
             the limit: {limit}"
        ),
        _ => format!(
            "storm      {} connects a second, while two who chat have {}",
            figure(report.connects_per_second, 0),
            latency("private")
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
            intervals: Vec::new(),
            percentiles: Vec::new(),
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
                cpu_us_per_message: None,
                user_us_per_message: None,
                system_us_per_message: None,
                busy,
                peak_memory_kib: 0.0,
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
