//! What a process uses, of the processors and of memory, and which processors run what. Seen on Linux
//! only; elsewhere reports leave these figures out.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::recorder::as_f64;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Processor time in its own code.
    pub user: Duration,
    /// Processor time in the kernel on its behalf.
    pub system: Duration,
    pub resident_kib: f64,
    /// The most resident memory it ever had.
    pub peak_kib: f64,
    pub threads: u64,
}

impl Usage {
    pub fn of(pid: u32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        let status = fs::read_to_string(folder.join("status")).ok()?;
        // The kernel counts what runs in nanoseconds, and tells user from system by samples: utime and
        // stime. A program's name, in parentheses before them, may contain anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
        let run = Duration::from_nanos(run_nanos(&folder)?);
        let user = match user + system {
            0 => run,
            ticks => run.mul_f64(as_f64(user) / as_f64(ticks)),
        };
        Some(Self {
            user,
            system: run.saturating_sub(user),
            resident_kib: as_f64(number_in(&status, "VmRSS:")),
            peak_kib: as_f64(number_in(&status, "VmHWM:")),
            threads: number_in(&status, "Threads:"),
        })
    }

    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    pub fn cpu(&self) -> Duration {
        self.user + self.system
    }

    pub fn cpu_since(&self, before: &Self) -> Duration {
        self.cpu().saturating_sub(before.cpu())
    }
}

/// How long all threads of a process have run.
fn run_nanos(folder: &std::path::Path) -> Option<u64> {
    let tasks = fs::read_dir(folder.join("task")).ok()?.flatten();
    let times = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Some(times.sum())
}

/// How many files, sockets among them, a process has open, if that can be seen.
pub fn descriptors(pid: u32) -> Option<u64> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    Some(open.count() as u64)
}

fn number_in(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    let word = value.and_then(|value| value.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// The processor that the server runs on, and the driver's, so that neither is in the other's way.
#[derive(Clone, Copy, Debug)]
pub struct Pinning {
    server: usize,
    driver: usize,
}

impl Pinning {
    /// The first two processors that this process may use; `None` if there is only one.
    pub fn find() -> Option<Self> {
        let mut usable = usable().into_iter();
        Some(Self {
            server: usable.next()?,
            driver: usable.next()?,
        })
    }

    /// From now on this process runs where the server is to: children inherit that.
    pub fn as_server(self) {
        run_on(self.server);
    }

    pub fn as_driver(self) {
        run_on(self.driver);
    }
}

#[cfg(target_os = "linux")]
fn usable() -> Vec<usize> {
    use rustix::thread::{CpuSet, sched_getaffinity};
    let usable = sched_getaffinity(None).ok();
    let is_usable = |cpu: &usize| usable.is_some_and(|usable| usable.is_set(*cpu));
    (0..CpuSet::MAX_CPU).filter(is_usable).collect()
}

#[cfg(target_os = "linux")]
fn run_on(cpu: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    // Where it is not allowed, the test runs all the same.
    let _ = rustix::thread::sched_setaffinity(None, &set);
}

#[cfg(not(target_os = "linux"))]
fn usable() -> Vec<usize> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn run_on(_cpu: usize) {}
