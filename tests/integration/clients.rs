//! The README's table of clients: each row is a person who joins, speaks and leaves in each way that it says.

use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::SIGINT;
use tempfile::TempDir;

use crate::harness::{Client, DEADLINE, Daemon};
use crate::pages::{Row, clients, folder_with, shell, with_address};
use crate::tools::{Tool, find};

/// The interval at which a person presses Enter again.
const ENTER_INTERVAL: Duration = Duration::from_millis(200);

/// Lines that a client must get to have stayed: one that leaves may get the first.
const STAY_ROUNDS: usize = 20;

/// A client in a terminal, registered as bob, and alice, who is there already.
struct Visit {
    daemon: Daemon,
    alice: Client,
    bob: Tool,
}

impl Visit {
    fn start(row: &Row, programs: &TempDir) -> Option<Self> {
        let script = find("script", &["script"])?;
        heed_interrupts();
        let daemon = Daemon::start(&[]);
        let mut alice = daemon.join("alice");
        let join = with_address(&row.join, daemon.address());
        // A terminal without a size is too small for a screen in two parts.
        let line = format!("stty rows 24 cols 80; exec {join}");
        let mut terminal = Command::new(script);
        let shell = shell(programs, "");
        terminal.args(["-qec", &line, "/dev/null"]);
        terminal.current_dir(programs.path());
        terminal.env("SHELL", "/bin/sh");
        for (variable, value) in shell.get_envs() {
            terminal.env(variable, value.unwrap());
        }
        let mut bob = Tool::start(&mut terminal);
        bob.expect("/help lists the rest.");
        let register = if row.label == "TinTin++" {
            "/nick bob\r" // a number sign begins its own commands
        } else {
            "#bob\r"
        };
        bob.type_in(register);
        bob.expect("* You are in lobby with 1 other: alice.");
        alice.expect_line("* bob has joined lobby.");
        Some(Self { daemon, alice, bob })
    }

    fn check_conversation(&mut self) {
        self.bob.type_in("hello, alice\r");
        self.alice.expect_line("bob: hello, alice");
        self.bob.type_in("half a ");
        self.alice.send("are you there?");
        self.bob.expect("alice: are you there?");
        self.bob.type_in("line\r@alice:psst\r");
        self.alice.expect_lines(&["bob: half a line", "@bob: psst"]);
        self.bob.type_in("one\rtwo\rthree\r"); // as a paste comes
        self.alice
            .expect_lines(&["bob: one", "bob: two", "bob: three"]);
    }

    fn check_quit(&mut self, row: &Row) {
        self.bob.type_in("/quit\r");
        self.bob.expect("* Bye.");
        self.alice.expect_line("* bob has left lobby.");
        match row.after_bye.as_str() {
            "ends" => {}
            "Enter" => {
                self.daemon.wait_for_log("closed after");
                // Not a wait for an event: one that ends by itself has the time to.
                thread::sleep(ENTER_INTERVAL);
                assert!(self.bob.is_running(), "it needs no Enter");
                let give_up_at = Instant::now() + DEADLINE;
                while self.bob.is_running() && Instant::now() < give_up_at {
                    self.bob.try_type_in("\r");
                    thread::sleep(ENTER_INTERVAL);
                }
            }
            word => self.bob.type_in(&format!("{}\r", word.trim_matches('`'))),
        }
        self.bob.expect_end();
    }

    /// Leaves by keys such as "Ctrl-C", or "Ctrl-] `quit`".
    fn check_leave(&mut self, way: &str) {
        for key in way.split(' ') {
            if let Some(letter) = key.strip_prefix("Ctrl-") {
                self.bob.type_in(&control(letter));
                continue;
            }
            // A client that was called by a key shows its own prompt before it takes a word.
            if way.starts_with("Ctrl-]") {
                self.bob.expect("> ");
            } else if way.starts_with("Ctrl-") {
                self.bob.expect("exit telnet");
            }
            self.bob.type_in(&format!("{}\r", key.trim_matches('`')));
        }
        self.alice.expect_line("* bob has left lobby.");
    }

    /// Keys that the row does not name do not end the client.
    fn check_stay(&mut self, key: &str) {
        self.bob.type_in(&control(key.trim_start_matches("Ctrl-")));
        if key == "Ctrl-C" {
            // telnet throws output away up to the answer to its timing mark, and shows this answer.
            self.bob.type_in("/ping\r");
            self.bob.expect("* pong");
        }
        for round in 0..STAY_ROUNDS {
            self.alice.send(&format!("still there {round}?"));
            self.bob.expect(&format!("alice: still there {round}?"));
            self.alice.expect_nothing();
        }
    }
}

/// A process that a shell has started in the background ignores Ctrl-C, and so would the clients, which
/// inherit that. A handler is not inherited.
fn heed_interrupts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ends = Arc::new(AtomicBool::new(true));
        signal_hook::flag::register_conditional_shutdown(SIGINT, 130, ends).unwrap();
    });
}

fn control(letter: &str) -> String {
    char::from(letter.as_bytes()[0] & 0x1f).to_string()
}

/// A script of so many messages piped into a client, from an end of input to an end of the client.
fn check_pipe(line: &str, programs: &TempDir, messages: usize, rest: &str, last: &str) {
    // What is past the burst takes two seconds, for which a client must wait.
    let flags = [
        "--limit-loopback",
        "--line-burst",
        "40",
        "--line-rate",
        "30",
    ];
    let daemon = Daemon::start(&flags);
    let mut alice = daemon.join("alice");
    let mut client = Tool::start(&mut shell(programs, &with_address(line, daemon.address())));
    client.type_in(&format!(
        "#ci{}{rest}",
        "\n@alice:build ok".repeat(messages)
    ));
    client.end_input();
    alice.expect_line("* ci has joined lobby.");
    for _ in 0..messages {
        alice.expect_line("@ci: build ok");
    }
    alice.expect_line("* ci has left lobby.");
    client.expect(last);
    client.expect_success();
}

/// Does everything that the row of this label says.
#[track_caller]
fn check_row(label: &str, programs: Option<TempDir>) {
    let row = clients().into_iter().find(|row| row.label == label);
    let row = row.expect("a row of this label");
    let Some(programs) = programs else {
        return;
    };
    let Some(mut visit) = Visit::start(&row, &programs) else {
        return;
    };
    visit.check_conversation();
    visit.check_quit(&row);
    let ways: Vec<&str> = row.leave.split(", ").collect();
    for way in &ways {
        Visit::start(&row, &programs).unwrap().check_leave(way);
    }
    for key in ["Ctrl-C", "Ctrl-D"] {
        if !row.leave.contains(key) && row.label != "TinTin++" {
            Visit::start(&row, &programs).unwrap().check_stay(key);
        }
    }
    if row.piped == "not for scripts" {
        return;
    }
    let (word, rest) = row.join.split_once(' ').unwrap();
    let ended = match row.piped.trim_matches('`') {
        "nothing" => row.join.clone(),
        flags => format!("{word} {flags} {rest}"),
    };
    check_pipe(&ended, &programs, 100, "\n/ping end", "* pong end");
    check_pipe(&row.join, &programs, 1, "\n/quit\n", "* Bye.");
}

/// A folder for a client that one program is.
fn with(word: &str) -> Option<TempDir> {
    folder_with(word, word, &[word])
}

#[test]
fn table_has_a_test_for_each_client() {
    let tests = include_str!("clients.rs");
    for row in clients() {
        let is_tested = tests.contains(&format!("\"{}\",", row.label));
        let is_left_out = NOT_PACKAGED.contains(&row.label.as_str());
        assert!(is_tested || is_left_out, "{} is not tested", row.label);
    }
}

/// Clients that were tried by hand: no package has them.
const NOT_PACKAGED: [&str; 1] = ["`netcat`, GNU's"];

#[test]
fn openbsd_netcat_does_as_the_table_says() {
    check_row(
        "`nc`, OpenBSD's",
        folder_with("nc", "OpenBSD netcat", &["nc.openbsd", "nc"]),
    );
}

#[test]
fn traditional_netcat_does_as_the_table_says() {
    let candidates = ["nc.traditional", "nc"];
    check_row(
        "`nc`, traditional",
        folder_with("nc", "traditional netcat", &candidates),
    );
}

#[test]
fn ncat_does_as_the_table_says() {
    check_row("`ncat`", with("ncat"));
}

#[test]
fn busybox_netcat_does_as_the_table_says() {
    check_row("`nc`, busybox's", with("busybox"));
}

#[test]
fn netcat_in_rlwrap_does_as_the_table_says() {
    let programs = find("rlwrap", &["rlwrap"]).and_then(|_| crate::pages::programs());
    check_row("`nc` in `rlwrap`", programs);
}

#[test]
fn socat_does_as_the_table_says() {
    check_row("`socat`", with("socat"));
}

#[test]
fn telnet_does_as_the_table_says() {
    check_row("`telnet`", with("telnet"));
}

#[test]
fn busybox_telnet_does_as_the_table_says() {
    check_row("`telnet`, busybox's", with("busybox"));
}

#[test]
fn plink_does_as_the_table_says() {
    check_row("PuTTY's `plink`", with("plink"));
}

#[test]
fn plink_as_telnet_does_as_the_table_says() {
    check_row("PuTTY's, as telnet", with("plink"));
}

#[test]
fn tintin_does_as_the_table_says() {
    check_row("TinTin++", with("tt++"));
}
