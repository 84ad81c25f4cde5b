//! The harness that times a benchmark, checks that it did its work, and shows the result.

pub mod crowd;

use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use clap::{CommandFactory, FromArgMatches, Parser};
use serde::Serialize;

/// The minimum time of a sample, next to which the clock's own cost and resolution are negligible.
const SAMPLE_TIME: Duration = Duration::from_millis(5);

/// The time after which caches, branch predictors and growing buffers are warm.
const WARM_UP_TIME: Duration = Duration::from_millis(100);

/// The calls of a test run: one cold, one on the state after the first.
const TEST_CALLS: u32 = 2;

/// The largest crowd of a test run: the debug build's checks take quadratic time.
const TEST_CROWD_MAX: usize = 100;

/// Times the functions that a line passes on its way through the server.
#[derive(Debug, Parser)]
#[command(name = "micro")]
struct Options {
    /// Only benchmarks whose name contains this
    filter: Option<String>,
    /// How often each benchmark is timed
    #[arg(
        long,
        value_name = "N",
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    samples: u32,
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// Call everything twice and time nothing, as `cargo test` does
    #[arg(long)]
    test: bool,
    /// Cargo passes this for `cargo bench`, and nothing for `cargo test`.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Reads the command line. What `cargo test` passes on is meant for Rust's own test harness,
    /// and is not understood here.
    fn read() -> Self {
        let is_bench = env::args_os().any(|argument| argument == "--bench");
        let matches = Self::command().ignore_errors(!is_bench).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// A call to be timed, and its work.
pub struct Case<F> {
    /// The number of lines that it handles, and must return.
    pub lines: u32,
    /// The number of bytes that pass through it; 0 where they are not counted.
    pub bytes: usize,
    pub call: F,
}

/// The benchmarks of one run: times each as it comes, and prints it.
pub struct Bench {
    options: Options,
    is_test: bool,
    count: u32,
}

impl Bench {
    /// A run as the command line wants it.
    pub fn from_args() -> Self {
        let options = Options::read();
        let is_test = options.test || !options.bench;
        if !is_test && !options.json {
            println!(
                "{:<26} {:>11} {:>11} {:>11} {:>6} {:>6} {:>8} {:>7}",
                "benchmark", "ns/call", "min", "max", "± MAD", "lines", "ns/line", "MB/s"
            );
        }
        Self {
            options,
            is_test,
            count: 0,
        }
    }

    /// The wanted size, or the largest of a test run.
    pub fn crowd(&self, wanted: usize) -> usize {
        if self.is_test {
            wanted.min(TEST_CROWD_MAX)
        } else {
            wanted
        }
    }

    /// Prepares and times a case, unless the filter excludes it.
    pub fn run<F: FnMut() -> u32>(&mut self, name: &str, prepare: impl FnOnce() -> Case<F>) {
        let filter = self.options.filter.as_deref().unwrap_or_default();
        if !name.contains(filter) {
            return;
        }
        self.count += 1;
        let mut case = prepare();
        if self.is_test {
            time(name, &mut case, TEST_CALLS);
            return;
        }
        let calls = warm_up(name, &mut case);
        let samples = (0..self.options.samples)
            .map(|_| time(name, &mut case, calls).as_secs_f64() * 1e9 / f64::from(calls))
            .collect();
        Measured::new(name, &case, calls, samples).print(self.options.json);
    }

    /// The end of the run.
    pub fn finish(self) {
        // Not on standard output, which may be read as a list of tests.
        if self.is_test {
            eprintln!("micro: {} benchmarks did what they should", self.count);
        }
    }
}

/// Makes `calls` calls; checks that they did their work.
fn time<F: FnMut() -> u32>(name: &str, case: &mut Case<F>, calls: u32) -> Duration {
    let mut lines = 0;
    let start = Instant::now();
    for _ in 0..calls {
        lines += u64::from(black_box((case.call)()));
    }
    let took = start.elapsed();
    let expected = u64::from(calls) * u64::from(case.lines);
    assert_eq!(lines, expected, "{name}: lines handled by {calls} calls");
    took
}

/// Calls until everything is warm. Returns the number of calls in a sample.
fn warm_up<F: FnMut() -> u32>(name: &str, case: &mut Case<F>) -> u32 {
    let start = Instant::now();
    let mut calls = 1;
    loop {
        let took = time(name, case, calls);
        if took < SAMPLE_TIME {
            calls *= 2;
        } else if start.elapsed() >= WARM_UP_TIME {
            return calls;
        }
    }
}

/// One benchmark's result.
#[derive(Debug, Serialize)]
struct Measured<'a> {
    name: &'a str,
    ns_per_call: f64,
    ns_min: f64,
    ns_max: f64,
    /// The median distance of a sample from the median, which a few disturbed samples do not move.
    mad_percent: f64,
    lines_per_call: u32,
    ns_per_line: f64,
    bytes_per_call: usize,
    bytes_per_second: Option<f64>,
    calls_per_sample: u32,
    samples: usize,
}

impl<'a> Measured<'a> {
    fn new<F>(name: &'a str, case: &Case<F>, calls: u32, mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let median = median(&samples);
        let mut distances: Vec<f64> = samples.iter().map(|ns| (ns - median).abs()).collect();
        distances.sort_by(f64::total_cmp);
        let bytes = u32::try_from(case.bytes).unwrap();
        Self {
            name,
            ns_per_call: median,
            ns_min: samples[0],
            ns_max: samples[samples.len() - 1],
            mad_percent: 100.0 * self::median(&distances) / median,
            lines_per_call: case.lines,
            ns_per_line: median / f64::from(case.lines),
            bytes_per_call: case.bytes,
            bytes_per_second: (bytes > 0).then(|| f64::from(bytes) * 1e9 / median),
            calls_per_sample: calls,
            samples: samples.len(),
        }
    }

    fn print(&self, json: bool) {
        if json {
            println!("{}", serde_json::to_string(self).unwrap());
            return;
        }
        let megabytes = self
            .bytes_per_second
            .map_or_else(|| "-".to_owned(), |bytes| format!("{:.0}", bytes / 1e6));
        println!(
            "{:<26} {:>11.1} {:>11.1} {:>11.1} {:>5.1}% {:>6} {:>8.1} {:>7}",
            self.name,
            self.ns_per_call,
            self.ns_min,
            self.ns_max,
            self.mad_percent,
            self.lines_per_call,
            self.ns_per_line,
            megabytes
        );
    }
}

/// The middle of sorted values.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[half - 1], sorted[half])
    } else {
        sorted[half]
    }
}
