//! The programs that people really use. A program that is not installed is skipped, unless
//! `CHINWAG_REQUIRE_TOOLS` is set.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Client, DEADLINE, Daemon, program, wait_for_exit, wait_until};

/// The first of these programs that is installed.
pub fn find(name: &str, candidates: &[&str]) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    folders.push("/usr/games".into()); // Debian's TinTin++ is there
    let found = candidates
        .iter()
        .flat_map(|candidate| folders.iter().map(|folder| folder.join(*candidate)))
        .find(|path| path.is_file() && is_program(name, path));
    assert!(
        found.is_some() || std::env::var_os("CHINWAG_REQUIRE_TOOLS").is_none(),
        "{name} is required, and not installed"
    );
    if found.is_none() {
        eprintln!("skipped: no {name}");
    }
    found
}

/// Several programs are called `nc`; their help tells them apart.
fn is_program(name: &str, path: &Path) -> bool {
    let mark = match name {
        "OpenBSD netcat" => "OpenBSD",
        "traditional netcat" => "[v1.",
        _ => return true,
    };
    let output = Command::new(path).arg("-h").stdin(Stdio::null()).output();
    output.is_ok_and(|output| {
        let help = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&help).contains(mark)
    })
}

/// A program that talks to the daemon, and its output so far.
pub struct Tool {
    child: Child,
    input: Option<ChildStdin>,
    screen: Arc<Screen>,
    looked_at: usize,
}

#[derive(Default)]
struct Screen {
    bytes: Mutex<Vec<u8>>,
    changed: Condvar,
}

impl Tool {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tool starts");
        let mut output = child.stdout.take().unwrap();
        let screen = Arc::new(Screen::default());
        let shown = Arc::clone(&screen);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                shown
                    .bytes
                    .lock()
                    .unwrap()
                    .extend_from_slice(&buffer[..count]);
                shown.changed.notify_all();
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            screen,
            looked_at: 0,
        }
    }

    pub fn type_in(&mut self, text: &str) {
        let input = self.input.as_mut().expect("its input is open");
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Types to a tool that may have ended already.
    pub fn try_type_in(&mut self, text: &str) {
        let input = self.input.as_mut().expect("its input is open");
        let _ = input.write_all(text.as_bytes());
    }

    pub fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("it can be waited for")
            .is_none()
    }

    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits until it shows `text`, after the text of the last wait.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        let give_up_at = Instant::now() + DEADLINE;
        let mut bytes = self.screen.bytes.lock().unwrap();
        loop {
            let fresh = String::from_utf8_lossy(&bytes[self.looked_at..]).into_owned();
            if let Some(start) = fresh.find(text) {
                self.looked_at += start + text.len();
                return;
            }
            let left = give_up_at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(bytes);
                panic!("not shown: {text:?}\nshown since: {fresh:?}");
            }
            bytes = self.screen.changed.wait_timeout(bytes, left).unwrap().0;
        }
    }

    /// Waits for the next whole line, and takes it.
    #[track_caller]
    pub fn next_line(&mut self) -> String {
        let start = self.looked_at;
        self.expect("\n");
        let bytes = self.screen.bytes.lock().unwrap();
        let line = String::from_utf8_lossy(&bytes[start..self.looked_at]);
        line.trim_end().to_owned()
    }

    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.screen.bytes.lock().unwrap()).into_owned()
    }

    /// Waits for its end, well or not.
    pub fn expect_end(&mut self) -> ExitStatus {
        wait_for_exit(&mut self.child)
    }

    pub fn expect_success(&mut self) {
        let status = wait_for_exit(&mut self.child);
        assert!(status.success(), "{status}: {}", self.shown());
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Piped input must arrive whole and be answered.
fn check_one_shot(tool: &Path, flags: &[&str]) {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let address = daemon.address();
    let mut nc = Tool::start(
        Command::new(tool)
            .args(flags)
            .args([address.ip().to_string(), address.port().to_string()]),
    );
    nc.type_in("#ci\n@alice:build ok");
    nc.end_input();
    alice.expect_lines(&[
        "* ci has joined lobby.",
        "@ci: build ok",
        "* ci has left lobby.",
    ]);
    nc.expect("* You are connected from ");
    nc.expect("* You are registered as ci.\n* You are in lobby with 1 other: alice.\n");
    nc.expect_success();
}

/// A conversation typed line by line.
fn check_conversation(tool: &Path, flags: &[&str]) {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let address = daemon.address();
    let mut nc = Tool::start(
        Command::new(tool)
            .args(flags)
            .args([address.ip().to_string(), address.port().to_string()]),
    );
    nc.expect("/help lists the rest.");
    nc.type_in("#bob\n");
    nc.expect("* You are in lobby with 1 other: alice.");
    alice.expect_line("* bob has joined lobby.");
    alice.send("hello, bob");
    nc.expect("alice: hello, bob");
    nc.type_in("hello, alice\n");
    alice.expect_line("bob: hello, alice");
    nc.type_in("/quit\n");
    nc.expect("* Bye.");
    alice.expect_line("* bob has left lobby.");
    nc.end_input();
    wait_for_exit(&mut nc.child);
}

#[test]
fn openbsd_netcat_works() {
    let Some(nc) = find("OpenBSD netcat", &["nc.openbsd", "nc"]) else {
        return;
    };
    check_one_shot(&nc, &["-N"]);
    check_conversation(&nc, &[]);
}

#[test]
fn openbsd_netcat_works_over_a_unix_socket() {
    let Some(nc) = find("OpenBSD netcat", &["nc.openbsd", "nc"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.sock");
    let _daemon = Daemon::start(&["--listen", &format!("unix:{}", path.display())]);
    let mut alice = Client::over_unix(&path).join("alice");
    let mut script = Tool::start(Command::new(nc).args(["-N", "-U"]).arg(&path));
    script.type_in("#ci\n@alice:build ok");
    script.end_input();
    alice.expect_lines(&["* ci has joined lobby.", "@ci: build ok"]);
    script.expect("* You are registered as ci.\n");
    script.expect_success();
}

#[test]
fn traditional_netcat_works() {
    let Some(nc) = find("traditional netcat", &["nc.traditional", "nc"]) else {
        return;
    };
    // It ends this number of seconds after its input, or once the server closes.
    check_one_shot(&nc, &["-q", "30"]);
    check_conversation(&nc, &[]);
}

#[test]
fn ncat_works() {
    let Some(ncat) = find("ncat", &["ncat"]) else {
        return;
    };
    check_one_shot(&ncat, &[]);
    check_conversation(&ncat, &[]);
    check_conversation(&ncat, &["-C"]); // ends its lines with CR LF
}

/// telnet in a terminal of its own, which `script` makes.
pub fn telnet(daemon: &Daemon) -> Option<Tool> {
    let script = find("script", &["script"])?;
    let telnet = find("telnet", &["telnet"])?;
    let (host, port) = (daemon.address().ip(), daemon.address().port());
    let line = format!("{} {host} {port}", telnet.display());
    let mut tool = Tool::start(Command::new(script).args(["-qec", &line, "/dev/null"]));
    tool.expect("Escape character is '^]'.");
    tool.expect("/help lists the rest.\r\n");
    Some(tool)
}

#[test]
fn telnet_works_both_ways_and_sees_the_end() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let Some(mut telnet) = telnet(&daemon) else {
        return;
    };
    telnet.type_in("#bob\r");
    telnet.expect("* You are registered as bob.\r\n* You are in lobby with 1 other: alice.\r\n");
    alice.expect_line("* bob has joined lobby.");
    alice.send("hello, bob");
    telnet.expect("alice: hello, bob\r\n");
    telnet.type_in("hello, alice\r@alice:psst\r");
    alice.expect_lines(&["bob: hello, alice", "@bob: psst"]);
    telnet.type_in("/quit\r");
    telnet.expect("* Bye.\r\n");
    telnet.expect("Connection closed by foreign host.");
    wait_for_exit(&mut telnet.child);
    alice.expect_line("* bob has left lobby.");
    let shown = telnet.shown();
    assert!(!shown.contains("\r\r"), "{shown:?}");
    let steps = shown.matches('\n').count();
    assert_eq!(
        shown.matches("\r\n").count(),
        steps,
        "a staircase: {shown:?}"
    );
}

#[test]
fn telnet_ctrl_c_drops_the_unfinished_line_and_keeps_output() {
    let daemon = Daemon::start(&["--log-level", "trace"]);
    let mut alice = daemon.join("alice");
    let Some(mut telnet) = telnet(&daemon) else {
        return;
    };
    telnet.type_in("#bob\r");
    telnet.expect("* You are in lobby with 1 other: alice.");
    alice.expect_line("* bob has joined lobby.");
    for round in 0..3 {
        // Ctrl-D makes the terminal send the unfinished line, so that the daemon holds half a line.
        telnet.type_in("never mind\x04");
        telnet.type_in("\x03");
        // telnet discards output up to the answer to its timing mark, and shows this answer.
        telnet.type_in(&format!("/ping {round}\r"));
        telnet.expect(&format!("* pong {round}\r\n"));
        alice.send(&format!("are you there {round}?"));
        telnet.expect(&format!("alice: are you there {round}?\r\n"));
        telnet.type_in(&format!("yes {round}\r"));
        alice.expect_line(&format!("bob: yes {round}"));
    }
    assert_eq!(daemon.log_count("never mind"), 0);
    telnet.type_in("quit\r");
    telnet.expect("Connection closed by foreign host.");
}

#[test]
fn telnet_are_you_there_is_answered() {
    let daemon = Daemon::start(&[]);
    let Some(mut telnet) = telnet(&daemon) else {
        return;
    };
    telnet.type_in("\x1d");
    telnet.expect("telnet> ");
    telnet.type_in("send ayt\r");
    telnet.expect("* chinwag is here.\r\n");
    telnet.type_in("#bob\r");
    telnet.expect("* You are registered as bob.\r\n");
}

/// The daemon in a terminal's foreground: a closed window leaves no other way to find it, and its port
/// would stay taken. A hang-up signal sent by hand reopens the log as in any daemon.
#[test]
fn daemon_exits_with_its_controlling_terminal() {
    let Some(script) = find("script", &["script"]) else {
        return;
    };
    let daemon = Path::new(program().get_program()).display().to_string();
    let line = format!("echo pid=$$.; exec {daemon} --listen 127.0.0.1:0");
    let mut terminal = Tool::start(Command::new(script).args(["-qec", &line, "/dev/null"]));
    terminal.expect("telnet 127.0.0.1 ");
    terminal.expect("\r\n");
    let shown = terminal.shown();
    let number_after = |mark: &str| {
        let (_, rest) = shown.split_once(mark).unwrap();
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        digits.parse::<i32>().unwrap()
    };
    let port = number_after("telnet 127.0.0.1 ").try_into().unwrap();
    let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    let mut alice = Client::over_tcp(address).join("alice");
    let pid = Pid::from_raw(number_after("pid=")).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    terminal.expect("signal 1: ");
    alice.barrier();
    terminal.child.kill().unwrap();
    alice.expect_line("* The server is shutting down.");
    alice.expect_closed();
    wait_until("its port to be free", || TcpListener::bind(address).is_ok());
}
