//! The choice of the histories to play, and of their time.

use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::play;
use crate::stats::Stats;

/// Seeds played by default, from 1 on,
const SEEDS: u64 = 256;
/// unless they take longer than this;
const TIME_MAX: Duration = Duration::from_secs(20);
/// but at least this many: each mutant that the simulation finds is found by one of these.
const SEEDS_MIN: u64 = 96;

/// Fresh seeds are past this: there, some histories have thousands of clients.
const FRESH_FROM: u64 = 1 << 20;

/// The interval between reports of progress.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Set once a history has failed, so that the others stop.
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// Prints how to play a failed history again.
pub struct Replay {
    pub seed: u64,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if thread::panicking() {
            HAS_FAILED.store(true, Ordering::Relaxed);
            let Self { seed } = self;
            report(&format!(
                "\nThe history of seed {seed} failed. To play it again:\n    \
                 CHINWAG_SEED={seed} cargo test --test simulation\n"
            ));
        }
    }
}

/// Bypasses the capture of the output of a passing test.
fn report(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// The history of a seed again.
pub fn replay(seed: u64) {
    report(&format!("seed {seed}: {}", play(seed)));
}

/// The same seeds each time.
pub fn play_first_seeds() {
    let start = Instant::now();
    let mut all = Stats::default();
    while all.histories < SEEDS && (all.histories < SEEDS_MIN || start.elapsed() < TIME_MAX) {
        all += play(1 + all.histories);
    }
    let seconds = start.elapsed().as_secs_f64();
    let (last, speed) = (all.histories, all.in_time(seconds));
    report(&format!(
        "seeds 1 to {last} in {seconds:.1} s: {all}; {speed}"
    ));
}

/// Fresh seeds, on every core, for `seconds` or `forever`.
pub fn play_fresh_seeds(seconds: &str) {
    let time = match seconds {
        "forever" => Duration::MAX,
        seconds => Duration::from_secs(seconds.parse().expect("CHINWAG_SECONDS is a number")),
    };
    let first = fastrand::u64(FRESH_FROM..u64::MAX / 2);
    let (start, next) = (Instant::now(), AtomicU64::new(first));
    let all = Mutex::new(Stats::default());
    let goes_on = || start.elapsed() < time && !HAS_FAILED.load(Ordering::Relaxed);
    let tell = || {
        let (all, seconds) = (*all.lock().unwrap(), start.elapsed().as_secs_f64());
        let speed = all.in_time(seconds);
        report(&format!(
            "seeds from {first} in {seconds:.0} s: {all}; {speed}"
        ));
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let players: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    while goes_on() {
                        let stats = play(next.fetch_add(1, Ordering::Relaxed));
                        *all.lock().unwrap() += stats;
                    }
                })
            })
            .collect();
        let mut told_at = start;
        while players.iter().any(|player| !player.is_finished()) {
            thread::park_timeout(Duration::from_millis(50)); // a look at the clock
            if told_at.elapsed() >= REPORT_INTERVAL {
                told_at = Instant::now();
                tell();
            }
        }
    });
    tell();
}
