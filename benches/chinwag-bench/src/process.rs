//! What a process uses: of the processors, and of memory. Seen on Linux only; elsewhere reports
//! leave these figures out.

use std::time::Duration;

#[cfg(not(target_os = "linux"))]
pub use no_pinning::Pinning;
#[cfg(target_os = "linux")]
pub use pinning::Pinning;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time in its own code.
    pub user: Duration,
    /// Processor time in the kernel on its behalf.
    pub system: Duration,
    /// Resident memory, in bytes.
    pub resident_bytes: u64,
    /// The most resident memory it ever had, in bytes.
    pub peak_bytes: u64,
}

impl Usage {
    /// What the process `pid` has used, if that can be seen.
    pub fn of(pid: u32) -> Option<Self> {
        see(pid)
    }

    /// What this process has used.
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// Processor time altogether.
    pub fn cpu(&self) -> Duration {
        self.user + self.system
    }
}

/// What a process holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Open files, sockets among them.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

impl Holdings {
    /// What the process `pid` holds, if that can be seen.
    pub fn of(pid: u32) -> Option<Self> {
        count_holdings(pid)
    }
}

#[cfg(target_os = "linux")]
fn count_holdings(pid: u32) -> Option<Holdings> {
    let process = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?;
    Some(Holdings {
        descriptors: u64::try_from(process.fd_count().ok()?).ok()?,
        threads: process.status().ok()?.threads,
    })
}

#[cfg(not(target_os = "linux"))]
fn count_holdings(_pid: u32) -> Option<Holdings> {
    None
}

#[cfg(target_os = "linux")]
fn see(pid: u32) -> Option<Usage> {
    let process = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?;
    let (stat, status) = (process.stat().ok()?, process.status().ok()?);
    // The kernel counts what runs in nanoseconds, and tells user from system by samples.
    let tasks = process.tasks().ok()?.flatten();
    let run: u64 = tasks
        .filter_map(|task| Some(task.schedstat().ok()?.sum_exec_runtime))
        .sum();
    let run = Duration::from_nanos(run);
    let (user, system) = (stat.utime, stat.stime);
    let user = if user + system == 0 {
        run
    } else {
        run.mul_f64(as_share(user, user + system))
    };
    Some(Usage {
        user,
        system: run.saturating_sub(user),
        resident_bytes: status.vmrss.unwrap_or_default() * 1024,
        peak_bytes: status.vmhwm.unwrap_or_default() * 1024,
    })
}

#[cfg(not(target_os = "linux"))]
fn see(_pid: u32) -> Option<Usage> {
    None
}

#[cfg(target_os = "linux")]
fn as_share(part: u64, whole: u64) -> f64 {
    crate::recorder::as_f64(part) / crate::recorder::as_f64(whole)
}

#[cfg(target_os = "linux")]
mod pinning {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// Which processor the server runs on and which the driver, so that neither is in the other's way
    /// and the scheduler does not move them.
    #[derive(Clone, Debug)]
    pub struct Pinning {
        server: CpuSet,
        driver: CpuSet,
    }

    impl Pinning {
        /// The first two processors that this process may use; `None` if there is only one.
        pub fn find() -> Option<Self> {
            let usable = sched_getaffinity(None).ok()?;
            let mut usable = (0..CpuSet::MAX_CPU).filter(|cpu| usable.is_set(*cpu));
            let (server, driver) = (usable.next()?, usable.next()?);
            Some(Self {
                server: only(server),
                driver: only(driver),
            })
        }

        /// From now on this process runs where the server is to: children inherit that.
        pub fn as_server(&self) {
            // Where it is not allowed, the test runs all the same.
            let _ = sched_setaffinity(None, &self.server);
        }

        /// From now on this process runs where the driver is to.
        pub fn as_driver(&self) {
            let _ = sched_setaffinity(None, &self.driver);
        }
    }

    fn only(cpu: usize) -> CpuSet {
        let mut set = CpuSet::new();
        set.set(cpu);
        set
    }
}

#[cfg(not(target_os = "linux"))]
mod no_pinning {
    /// Which processor runs what is left to the system here.
    #[derive(Clone, Debug)]
    pub enum Pinning {}

    impl Pinning {
        /// `None`.
        pub fn find() -> Option<Self> {
            None
        }

        /// Never called.
        pub fn as_server(&self) {}

        /// Never called.
        pub fn as_driver(&self) {}
    }
}
