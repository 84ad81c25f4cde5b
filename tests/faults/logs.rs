//! The log, in a file and on standard error.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::{
    Client, Daemon, Killed, address_in, program, wait_for_exit, wait_until, without_settings,
};

/// Bytes that no terminal should get: C0, C1, ESC, DEL, and bidirectional controls.
const NASTY: &str = "a\x1b[2Jb\x07c\u{7f}\u{9b}31md\u{85}e\u{202e}f\u{2066}g\u{2069}h\x0bi!";

fn is_nasty(character: char) -> bool {
    (character.is_control() && character != '\n' && character != '\t')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn log_file_is_appended_to_without_terminal_controls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "an earlier run\n").unwrap();
    let flags = ["--log-level", "trace", "--log-file", path.to_str().unwrap()];
    let mut daemon = Daemon::start(&flags);
    let mut alice = daemon.connect();
    alice.send(&format!("#{NASTY}"));
    alice.expect_line_starting("! ");
    alice.register("alice");
    let mut bob = daemon.join("bob");
    for line in [
        "TEXT",
        "/me TEXT",
        "@bob:TEXT",
        "@TEXT:TEXT",
        "/msg bob TEXT",
        "/topic TEXT",
        "/away TEXT",
        "/join TEXT",
        "/nick TEXT",
        "/whois TEXT",
        "/TEXT TEXT",
        "/ignore TEXT",
        "/ping TEXT",
        "#TEXT",
        "/quit TEXT",
    ] {
        alice.send(&line.replace("TEXT", NASTY));
    }
    let mut seen = alice.read_to_end();
    seen.extend(bob.barrier());
    for line in seen {
        assert!(!line.contains(is_nasty), "{line:?}");
    }
    drop((alice, bob));
    // The exit waits only briefly for the log.
    wait_for_text(&path, "alice (127.0.0.1:");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));

    let log = fs::read_to_string(&path).unwrap();
    assert!(log.starts_with("an earlier run\n"), "{log}");
    assert!(log.contains(" sent: line 2, "), "{log}");
    assert!(log.contains("alice (127.0.0.1:"), "{log}");
    let bad: Vec<&str> = log.lines().filter(|line| line.contains(is_nasty)).collect();
    assert!(bad.is_empty(), "{bad:?}");
    let stamped = |line: &&str| line.contains("Z [");
    let odd: Vec<&str> = log.lines().skip(1).filter(|line| !stamped(line)).collect();
    assert!(odd.is_empty(), "not one line each: {odd:?}");
    // Hints for the operator are not for the log.
    assert!(!log.contains("paste"), "{log}");
    assert!(daemon.log_lines()[0].starts_with("chinwag listens on"));
}

#[test]
fn log_file_begins_with_the_version_and_the_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let unix = format!("unix:{}", folder.path().join("socket").display());
    let daemon = Daemon::start(&[
        "--listen",
        "127.0.0.1:0",
        "--listen",
        &unix,
        "--log-file",
        log.to_str().unwrap(),
    ]);
    let place = format!("{}, {unix}", daemon.address());
    let version = env!("CARGO_PKG_VERSION");
    let line = format!("Z [INFO] chinwag {version} listens on {place}\n");
    wait_for_text(&log, &line);
    // Standard error has shown them already, in other words.
    let daemon = Daemon::start(&[]);
    daemon.join("alice");
    assert_eq!(daemon.log_count(" [INFO] chinwag "), 0);
}

#[test]
fn log_shows_no_more_than_its_level() {
    for (level, traces) in [("trace", true), ("info", false), ("off", false)] {
        let mut daemon = Daemon::start(&["--log-level", level]);
        let mut alice = daemon.join("alice");
        alice.send("a private thought");
        alice.barrier();
        daemon.signal(Signal::TERM);
        if level != "off" {
            // While alice is connected: the exit waits only briefly for the log.
            daemon.wait_for_log("shutting down");
        }
        drop(alice);
        assert_eq!(daemon.wait().code(), Some(0));
        if level == "off" {
            assert_eq!(daemon.log_count("Z ["), 0);
        }
        assert_eq!(daemon.log_count(" sent: line 2, ") > 0, traces, "{level}");
        assert_eq!(daemon.log_count("a private thought"), 0, "{level}");
    }
}

/// A daemon with the full log on a standard error of which only the address was read.
fn start_unread() -> (Killed, impl BufRead, SocketAddr) {
    let child = program()
        .args(["--listen", "127.0.0.1:0", "--log-level", "trace"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let mut stderr = BufReader::with_capacity(4096, child.0.stderr.take().unwrap());
    let address = stderr
        .by_ref()
        .lines()
        .find_map(|line| address_in(&line.unwrap()));
    let address = address.expect("an address").parse().unwrap();
    (child, stderr, address)
}

#[test]
fn closed_standard_error_harms_no_client() {
    let (mut child, stderr, address) = start_unread();
    drop(stderr);
    for round in 0..50 {
        let mut alice = Client::over_tcp(address).join(&format!("alice{round}"));
        alice.barrier();
    }
    kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
    assert_eq!(wait_for_exit(&mut child.0).code(), Some(0));
}

#[test]
fn unread_log_stops_no_client() {
    let (mut child, stderr, address) = start_unread();
    let mut alice = Client::over_tcp(address).join("alice");
    // More than the pipe and the daemon's own queue hold.
    let lines = format!("/away {}\n", "x".repeat(200)).repeat(1000);
    for _ in 0..20 {
        alice.send_bytes(lines.as_bytes());
        alice.barrier();
    }
    kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
    alice.read_to_end();
    drop(alice);
    assert_eq!(wait_for_exit(&mut child.0).code(), Some(0));
    drop(stderr);
}

/// A daemon at a Unix socket, started by a script that has the program and its flags in `$@`.
struct Scripted {
    child: Killed,
    _folder: TempDir,
    socket: PathBuf,
}

impl Scripted {
    fn start(script: &str, flags: &[&str]) -> Self {
        Self::start_with(
            Command::new("sh").args(["-c", script]),
            flags,
            Stdio::null(),
        )
    }

    fn start_with(command: &mut Command, flags: &[&str], stderr: impl Into<Stdio>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let child = without_settings(std::mem::replace(command, Command::new("sh")))
            .arg("chinwag")
            .arg(program().get_program())
            .arg("--listen")
            .arg(format!("unix:{}", socket.display()))
            .args(flags)
            .stderr(stderr)
            .spawn()
            .unwrap();
        let daemon = Self {
            child: Killed(child),
            _folder: folder,
            socket,
        };
        wait_until("the daemon to listen", || {
            UnixStream::connect(&daemon.socket).is_ok()
        });
        daemon
    }

    fn join(&self, name: &str) -> Client {
        Client::over_unix(&self.socket).join(name)
    }

    fn in_proc(&self, path: &str) -> PathBuf {
        Path::new("/proc")
            .join(self.child.0.id().to_string())
            .join(path)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child.0), signal).unwrap();
    }

    /// Ends the daemon in order.
    fn finish(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(wait_for_exit(&mut self.child.0).code(), Some(0));
    }
}

/// Sends lines, each of which is a line in the full log; all are answered.
fn say_many(client: &mut Client, count: usize) {
    const AT_ONCE: usize = 100;
    for _ in 0..count.div_ceil(AT_ONCE) {
        client.send_bytes("/ping\n".repeat(AT_ONCE).as_bytes());
        for _ in 0..AT_ONCE {
            client.expect_line_starting("* pong");
        }
    }
}

/// Checks that the log has all lines sent in order, and the number of those dropped at each gap; returns the
/// number of dropped lines. The first line sent was a name.
fn check_gaps(log: &str, count: usize) -> usize {
    let (mut next, mut missing) = (1, 0);
    for line in log.lines() {
        if let Some((_, sent)) = line.split_once("sent: line ") {
            let (number, rest) = sent.split_once(", ").unwrap();
            assert_eq!(number.parse(), Ok(next), "a line is missing or doubled");
            let bytes = if next == 1 { "#alice" } else { "/ping" }.len();
            assert_eq!(rest, format!("{bytes} bytes"), "torn: {line}");
            next += 1;
        } else if let Some(lost) = line.strip_prefix("[WARN] the log could not keep up: ") {
            let lost: usize = lost.split(' ').next().unwrap().parse().unwrap();
            next += lost;
            missing += lost;
        } else {
            assert!(line.contains("Z ["), "half a line: {line}");
        }
    }
    assert_eq!(next, count + 2, "the end of the log is missing");
    missing
}

#[test]
fn log_pipe_tells_where_and_how_many_lines_were_dropped() {
    const COUNT: usize = 120_000;
    let (mut reader, writer) = io::pipe().unwrap();
    let mut command = Command::new("sh");
    let daemon = Scripted::start_with(
        command.args(["-c", "exec \"$@\""]),
        &["--log-level", "trace"],
        writer,
    );
    let mut alice = daemon.join("alice");
    let status = || fs::read_to_string(daemon.in_proc("status")).unwrap();
    say_many(&mut alice, COUNT);
    // 7 MiB of lines, of which the daemon may keep 4.
    let peak = status();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    assert!(peak.parse::<usize>().unwrap() < 24 << 10, "{peak} KiB");
    // The log is complete, as no more lines are coming.
    let mut log = Vec::new();
    fcntl_setfl(&reader, OFlags::NONBLOCK).unwrap();
    wait_until("how many lines were dropped", || {
        let _ = reader.read_to_end(&mut log); // up to the last bytes there
        log.ends_with(b" lines were dropped\n")
    });
    fcntl_setfl(&reader, OFlags::empty()).unwrap();
    // After the lines of the start.
    let start = log.windows(3).position(|bytes| bytes == b"Z [").unwrap();
    let start = start - "2026-11-21T05:39:23.808".len();
    let log = String::from_utf8(log.split_off(start)).unwrap();
    let missing = check_gaps(&log, COUNT);
    assert!((1..COUNT).contains(&missing), "{missing}");
    // Later lines are logged again.
    say_many(&mut alice, 1);
    let mut lines = BufReader::new(reader).lines();
    let next = format!("sent: line {}, ", COUNT + 2);
    assert!(lines.next().unwrap().unwrap().contains(&next));
    drop(alice);
    daemon.finish();
}

#[test]
fn full_disk_stops_no_client_and_is_retried_rarely() {
    let flags = ["--log-level", "trace", "--log-file", "/dev/full"];
    let mut daemon = Daemon::start(&flags);
    let mut alice = daemon.join("alice");
    say_many(&mut alice, 5000);
    let before = daemon.write_calls();
    // Not a wait for an event: the time in which the daemon may retry a few times.
    thread::sleep(Duration::from_secs(2));
    let tries = daemon.write_calls() - before;
    assert!(tries < 50, "{tries}");
    wait_until("another try", || daemon.write_calls() > before);
    alice.barrier();
    daemon.signal(Signal::TERM);
    alice.read_to_end();
    drop(alice);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn log_counts_dropped_lines_when_the_disk_has_room_again() {
    const COUNT: usize = 120_000;
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().to_str().unwrap();
    if !Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "none", disk]) // root in the namespace may not mount, either
        .status()
        .is_ok_and(|status| status.success())
    {
        eprintln!("skipped: no file system of one's own can be had here");
        return;
    }
    let script = format!(
        "mount -t tmpfs -o size=16m none {disk} && \
         head -c 15M /dev/zero >{disk}/ballast && exec \"$@\""
    );
    let log = format!("{disk}/log");
    let daemon = Scripted::start_with(
        Command::new("unshare").args(["-rm", "sh", "-c", &script]),
        &["--log-level", "trace", "--log-file", &log],
        Stdio::null(),
    );
    let its = |path: &str| daemon.in_proc("root").join(path.trim_start_matches('/'));
    let mut alice = daemon.join("alice");
    say_many(&mut alice, COUNT);
    let ballast = its(&format!("{disk}/ballast"));
    assert_eq!(fs::metadata(&ballast).unwrap().len(), 15 << 20);
    let torn = fs::read(its(&log)).unwrap();
    assert!(torn.len() <= 1 << 20, "the disk is full");
    fs::remove_file(ballast).unwrap();
    wait_until("the log to be complete", || {
        fs::read_to_string(its(&log)).is_ok_and(|log| log.ends_with(" lines were dropped\n"))
    });
    let missing = check_gaps(&fs::read_to_string(its(&log)).unwrap(), COUNT);
    assert!((1..COUNT).contains(&missing), "{missing}");
    drop(alice);
    daemon.finish();
}

#[test]
fn closed_standard_streams_are_not_reused_for_clients() {
    let script = "exec \"$@\" 0<&- 1>&- 2>&-";
    let daemon = Scripted::start(script, &["--log-level", "trace"]);
    let mut alice = daemon.join("alice");
    let mut bob = daemon.join("bob");
    for descriptor in ["fd/0", "fd/1", "fd/2"] {
        let opened = fs::read_link(daemon.in_proc(descriptor)).unwrap();
        assert_eq!(opened, Path::new("/dev/null"), "{descriptor}");
    }
    alice.expect_line("* bob has joined lobby.");
    say_many(&mut alice, 10);
    alice.expect_nothing();
    bob.expect_nothing();
    drop((alice, bob));
    daemon.finish();
}

#[test]
fn start_does_not_wait_for_an_unread_standard_error() {
    let (_reader, mut writer) = io::pipe().unwrap();
    // The pipe is full before the daemon prints its address.
    fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    while writer.write(&[b'\n'; 1024]).is_ok() {}
    while writer.write(b"\n").is_ok() {}
    fcntl_setfl(&writer, OFlags::empty()).unwrap();
    let mut command = Command::new("sh");
    let daemon = Scripted::start_with(command.args(["-c", "exec \"$@\""]), &[], writer);
    let mut alice = daemon.join("alice");
    alice.barrier();
    drop(alice);
    daemon.finish();
}

#[test]
fn non_blocking_standard_error_is_waited_for() {
    const COUNT: usize = 20_000; // less than the daemon keeps, and many times a pipe's size
    let (mut reader, mut writer) = io::pipe().unwrap();
    fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    // The pipe is full before the daemon prints its address.
    while writer.write(&[b'\n'; 1024]).is_ok() {}
    while writer.write(b"\n").is_ok() {}
    let mut command = Command::new("sh");
    let daemon = Scripted::start_with(
        command.args(["-c", "exec \"$@\""]),
        &["--log-level", "trace"],
        writer,
    );
    let mut alice = daemon.join("alice");
    say_many(&mut alice, COUNT);
    fcntl_setfl(&reader, OFlags::NONBLOCK).unwrap();
    let mut log = Vec::new();
    let last = format!("sent: line {}, ", COUNT + 1);
    let path = daemon.socket.display();
    let start = format!(
        "chinwag listens on unix:{path}. To join, paste this in a terminal:\n  nc -U {path}\n  \
         Who connects there as the daemon's user, or root, is an operator.\n"
    );
    wait_until("all that was logged, and where it listens", || {
        let _ = reader.read_to_end(&mut log); // up to the last bytes there
        let has = |text: &str| memchr::memmem::find(&log, text.as_bytes()).is_some();
        log.ends_with(b"\n") && has(&last) && has(&start) // two threads write these two
    });
    let log = String::from_utf8(log).unwrap();
    assert_eq!(check_gaps(log.replace(&start, "").trim_start(), COUNT), 0);
    drop(alice);
    daemon.finish();
}

/// A daemon with the full log in a file.
fn logging_to(folder: &TempDir) -> (Daemon, PathBuf) {
    let path = folder.path().join("log");
    let flags = ["--log-level", "trace", "--log-file", path.to_str().unwrap()];
    (Daemon::start(&flags), path)
}

fn wait_for_text(path: &Path, text: &str) {
    wait_until(&format!("{text:?} in the log"), || {
        fs::read_to_string(path).is_ok_and(|log| log.contains(text))
    });
}

fn wait_for_file(path: &Path) {
    wait_until(&format!("{} to be there", path.display()), || {
        path.is_file()
    });
}

#[test]
fn moved_log_is_reopened_on_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let (daemon, path) = logging_to(&folder);
    let old = folder.path().join("log.1");
    let mut alice = daemon.join("alice");
    alice.send("/ping before");
    wait_for_text(&path, "12 bytes");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o137, 0, "others cannot read it: {mode:o}");

    fs::rename(&path, &old).unwrap();
    alice.send("/ping between");
    wait_for_text(&old, "13 bytes");
    assert!(!path.exists());
    daemon.signal(Signal::HUP);
    wait_for_file(&path);
    // The line comes before the reopening, and the writer may not have reached it yet.
    let said = "Z [INFO] signal 1: opening the log file anew";
    wait_until("that to be said", || {
        let logs = [&old, &path].map(|path| fs::read_to_string(path).unwrap());
        logs.iter().any(|log| log.contains(said))
    });
    alice.send("/ping after");
    wait_for_text(&path, "11 bytes");
    assert!(!fs::read_to_string(&old).unwrap().contains("11 bytes"));

    fs::remove_file(&path).unwrap();
    daemon.signal(Signal::HUP);
    wait_for_file(&path);
    alice.send("/ping anew");
    wait_for_text(&path, "10 bytes");

    // A truncated log goes on at its new end.
    fs::write(&path, "").unwrap();
    alice.send("/ping cut");
    wait_for_text(&path, "9 bytes");
    assert!(!fs::read(&path).unwrap().contains(&0));
}

#[test]
fn log_that_cannot_be_reopened_goes_on_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (daemon, path) = logging_to(&folder);
    let old = folder.path().join("log.1");
    let mut alice = daemon.join("alice");
    fs::rename(&path, &old).unwrap();
    fs::create_dir(&path).unwrap();
    daemon.signal(Signal::HUP);
    wait_for_text(&old, "Z [ERROR] cannot log to ");
    daemon.wait_for_log("chinwag: cannot log to ");
    alice.send("/ping still here");
    wait_for_text(&old, "16 bytes");
    let log = fs::read_to_string(&old).unwrap();
    assert!(!log.contains("is opened anew"), "it was not: {log}");
    fs::remove_dir(&path).unwrap();
    daemon.signal(Signal::HUP);
    wait_for_file(&path);
}

#[test]
fn log_at_its_size_limit_stops_no_client() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let flags = ["--log-level", "trace", "--log-file", path.to_str().unwrap()];
    let daemon = Scripted::start("ulimit -f 64; exec \"$@\"", &flags);
    let mut alice = daemon.join("alice");
    say_many(&mut alice, 2000);
    wait_until("the limit to be reached", || {
        // Shells count in blocks of either size.
        let bytes = fs::metadata(&path).unwrap().len();
        bytes == 64 * 512 || bytes == 64 * 1024
    });
    alice.barrier();
    // The new file has the torn line whole.
    fs::rename(&path, folder.path().join("log.1")).unwrap();
    daemon.signal(Signal::HUP);
    wait_for_text(&path, "\n");
    let log = fs::read_to_string(&path).unwrap();
    let line = log.lines().next().unwrap();
    assert!(
        line.contains("Z [TRACE]") && line.ends_with(" bytes"),
        "{line}"
    );
    alice.barrier();
    drop(alice);
    daemon.finish();
}

#[test]
fn path_that_is_no_log_file_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for (path, why) in [
        (folder.path(), "Is a directory"),
        (&pipe, "nobody reads from that pipe"),
        (&folder.path().join("none/log"), "No such file"),
    ] {
        let child = program()
            .args(["--listen", "127.0.0.1:0", "--log-file"])
            .arg(path)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut child = Killed(child);
        let status = wait_for_exit(&mut child.0);
        let text = io::read_to_string(child.0.stderr.take().unwrap()).unwrap();
        assert_eq!(status.code(), Some(1), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains(&path.display().to_string()) && text.contains(why),
            "{text}"
        );
    }
}
