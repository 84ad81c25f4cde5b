//! A copy of the source, where mutants are built and run.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::mutant::Mutant;

/// A test that takes longer has failed. To build it may take any time.
const TIME_MAX: Duration = Duration::from_secs(300);
/// The time between two looks at whether cargo has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// What became of a mutant.
pub enum Verdict {
    /// The test failed, and this is how it says so.
    Found(String),
    NotFound,
    NotApplied(String),
    /// The log says why.
    NotBuilt(PathBuf),
}

pub struct Workshop {
    /// The folder of everything here: the copy, what is built of it, and the logs.
    folder: PathBuf,
    copy: PathBuf,
    /// Set by a signal to end.
    stopped: Arc<AtomicBool>,
}

impl Workshop {
    /// Copies the source beside the build's own files, so that dependencies are built once for all mutants.
    pub fn open(root: &Path) -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let folder = target.join("mutants");
        let workshop = Self {
            copy: folder.join("source"),
            folder,
            stopped: Arc::default(),
        };
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&workshop.stopped)).unwrap();
        }
        copy_source(root, &workshop.copy);
        let build = workshop.folder.join("build");
        if !build.exists() && target.join("debug/.fingerprint").exists() {
            share_dependencies(&target.join("debug"), &build.join("debug"));
        }
        workshop
    }

    /// Whether a test passes while nothing is broken; if not, where it says why.
    pub fn passes_unchanged(&self, test: &str) -> Result<(), PathBuf> {
        let log = self.folder.join("baseline.log");
        if self.builds(test, &log) && self.passes(test, &log) {
            Ok(())
        } else {
            Err(log)
        }
    }

    /// Breaks the copy, runs the test that must find it, and mends the copy.
    pub fn try_out(&self, mutant: &Mutant) -> Verdict {
        let changed = match mutant.apply(&self.copy) {
            Ok(changed) => changed,
            Err(problem) => return Verdict::NotApplied(problem),
        };
        let mut originals = Vec::new();
        for (file, text) in changed {
            let path = self.copy.join(file);
            originals.push((path.clone(), fs::read(&path).unwrap()));
            fs::write(path, text).unwrap();
        }
        let log = self.folder.join(format!("{}.log", mutant.name));
        let verdict = if !self.builds(&mutant.found_by, &log) {
            Verdict::NotBuilt(log)
        } else if self.passes(&mutant.found_by, &log) {
            Verdict::NotFound
        } else {
            Verdict::Found(failure(&log))
        };
        for (path, text) in originals {
            fs::write(path, text).unwrap();
        }
        verdict
    }

    fn builds(&self, test: &str, log: &Path) -> bool {
        self.cargo_test(&["--no-run"], test, log, None)
    }

    fn passes(&self, test: &str, log: &Path) -> bool {
        self.cargo_test(&[], test, log, Some(TIME_MAX))
    }

    /// Whether `cargo test` succeeds in the copy, and in time.
    fn cargo_test(&self, more: &[&str], test: &str, log: &Path, time: Option<Duration>) -> bool {
        let log = File::create(log).unwrap();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut child = Command::new(cargo)
            .args(["test", "--locked"])
            .args(more)
            .args(test.split_whitespace())
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", self.folder.join("build"))
            .env("CARGO_INCREMENTAL", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0) // so that tests and daemons can be ended with it
            .spawn()
            .unwrap();
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.success();
            }
            let is_late = time.is_some_and(|time| start.elapsed() >= time);
            let is_stopped = self.stopped.load(Ordering::Relaxed);
            if is_late || is_stopped {
                let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
                child.wait().unwrap();
            }
            if is_stopped {
                process::exit(130);
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }
}

/// Copies all that git knows or would take. The copies have times of their own: by those of the originals, the
/// build of the last mutant would pass for up to date.
fn copy_source(root: &Path, copy: &Path) {
    match fs::remove_dir_all(copy) {
        Err(error) if error.kind() != ErrorKind::NotFound => panic!("{}: {error}", copy.display()),
        _ => {}
    }
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others"])
        .arg("--exclude-standard")
        .current_dir(root)
        .output()
        .expect("git lists the files to copy");
    assert!(listed.status.success(), "{listed:?}");
    let files = String::from_utf8(listed.stdout).unwrap();
    for file in files.split_terminator('\0') {
        let (from, to) = (root.join(file), copy.join(file));
        // A file that is removed but not committed is still listed.
        if from.is_file() {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, to).unwrap();
        }
    }
}

/// Links dependencies that were built for the tests, so that they need not be built again. Files built of this
/// package are left out, as cargo writes into these.
fn share_dependencies(from: &Path, to: &Path) {
    let fingerprints = fs::read_dir(from.join(".fingerprint")).unwrap();
    let own: Vec<String> = fingerprints
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().ok()?;
            Some(name.strip_prefix("chinwag-")?.to_owned())
        })
        .collect();
    let is_own = |name: &OsStr| {
        let name = name.to_string_lossy();
        own.iter().any(|hash| name.contains(&**hash))
    };
    for part in ["deps", "build", ".fingerprint"] {
        link_all(&from.join(part), &to.join(part), &is_own);
    }
}

fn link_all(from: &Path, to: &Path, is_left_out: &dyn Fn(&OsStr) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).into_iter().flatten().map(Result::unwrap) {
        let name = entry.file_name();
        if is_left_out(&name) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            link_all(&entry.path(), &to.join(name), is_left_out);
        } else {
            fs::hard_link(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// How a log says that a test failed: a seed, or a test's name.
fn failure(log: &Path) -> String {
    const SEED: &str = "CHINWAG_SEED=";
    let text = String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned();
    let seed = text.split(SEED).skip(1).find_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let seed = rest.get(..end.unwrap_or(rest.len()))?;
        (!seed.is_empty()).then(|| format!("{SEED}{seed}"))
    });
    let is_failure = |line: &&str| line.starts_with("test ") && line.ends_with(" FAILED");
    seed.or_else(|| text.lines().find(is_failure).map(str::to_owned))
        .unwrap_or_else(|| "no answer in time".to_owned())
}
