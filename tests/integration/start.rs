//! Starts of the daemon, and the errors of starts that fail.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::{
    Client, Daemon, program, program_with_open_files, wait_until, without_settings,
};

#[test]
fn invalid_flag_is_named_in_one_line() {
    for (flags, named) in [
        (&["--max-line", "0"][..], "--max-line"),
        (&["--max-line", "many"], "--max-line"),
        (&["--line-rate", "0"], "--line-rate"),
        (&["--hard-limit", "1"], "--hard-limit"),
        (&["--listen", "nonsense"], "--listen"),
        (&["--listen", ":1"], "--listen"),
        (
            &["--listen", ":1"],
            "it names no host; 0.0.0.0 and [::] mean",
        ),
        (
            &["--listen", "*:1"],
            "it names no host; 0.0.0.0 and [::] mean",
        ),
        (&["--listen", "127.0.0.1:65536"], "--listen"),
        (&["--listen", "unix:"], "--listen"),
        (&["--lobby", "a b"], "--lobby"),
        (&["--name", " "], "--name"),
        (&["--register-time", "0"], "--register-time"),
        (&["--stall-time", "-1"], "--stall-time"),
        (&["--log-level", "loud"], "--log-level"),
        (&["--max-clients"], "--max-clients"),
        (&["--frobnicate"], "--frobnicate"),
        (&["--soft-limit", "8K"], "--soft-limit"),
        (&["--hard-limit", "64K"], "--hard-limit"),
        (&["--total-limit", "512K"], "--total-limit"),
        (&["--turn-bytes", "1K"], "--turn-bytes"),
        (&["stray"], "stray"),
        (&["--log-level", "DEBUGGING"], "--log-level"),
    ] {
        let mut command = program();
        // Should the flags pass after all, the program ends, as this address cannot be bound.
        command.args(["--listen", "192.0.2.1:0"]).args(flags);
        expect_failure(command, 2, named);
    }
}

#[test]
fn invalid_flag_value_is_answered_with_the_accepted_range() {
    for (flag, wrong, range) in [
        (
            "--keepalive-time",
            &["100000", "0.001", "5.9", "soon"][..],
            "not a number of seconds from 6 to 32767, such as 90 or 2m (",
        ),
        (
            "--stall-time",
            &["100000", "0.0001", "nan", "soon"],
            "not a number of seconds from 0.001 to 86400, such as 90 or 2m (",
        ),
        (
            "--max-clients",
            &["0", "1073741825", "99999999999999999999", "1.5", "many"],
            "not a number from 1 to 1073741824 (",
        ),
        (
            "--max-line",
            &["255", "2M", "99999999999999999999", "99999999999999M", "M"],
            "not a size from 256 to 1048576 bytes, such as 4096 or 64K (",
        ),
    ] {
        for value in wrong {
            let mut command = program();
            command.args(["--listen", "192.0.2.1:0", flag, value]);
            expect_failure(command, 2, range);
        }
    }
}

#[test]
fn conflicting_flags_are_both_named_with_their_values() {
    for (flag, value, why) in [
        (
            "--max-line",
            "17K",
            "--soft-limit is 65536 bytes and must be at least 69632, 4 times --max-line",
        ),
        (
            "--soft-limit",
            "2M",
            "--hard-limit is 1048576 bytes and must be at least 4194304, twice --soft-limit",
        ),
        (
            "--total-limit",
            "512K",
            "--total-limit is 524288 bytes and must be at least 1048576, as --hard-limit is",
        ),
        (
            "--turn-bytes",
            "1K",
            "--turn-bytes is 1024 bytes and must be at least 4096, as --max-line is",
        ),
    ] {
        let mut command = program();
        command.args(["--listen", "192.0.2.1:0", flag, value]);
        expect_failure(command, 2, why);
    }
}

#[test]
fn invalid_variable_is_named_in_one_line_with_its_flag() {
    for (variable, value, flag) in [
        ("CHINWAG_MAX_LINE", "0", "--max-line"),
        ("CHINWAG_LISTEN", "nonsense", "--listen"),
        ("CHINWAG_LOG_LEVEL", "loud", "--log-level"),
        ("CHINWAG_LIMIT_LOOPBACK", "maybe", "--limit-loopback"),
        ("CHINWAG_SOFT_LIMIT", "8K", "--soft-limit"),
    ] {
        let mut command = program();
        command.env(variable, value);
        let line = expect_failure(command, 2, flag);
        let from = format!("from the environment: {variable}");
        assert!(line.contains(&from), "{line}");
    }
    // A flag on the command line has no variable to name.
    for flags in [&["--max-line", "0"][..], &["--max-line=0"]] {
        let mut command = program();
        command.env("CHINWAG_MAX_LINE", "5000").args(flags);
        let line = expect_failure(command, 2, "--max-line");
        assert!(!line.contains("environment"), "{line}");
    }
    let mut command = program();
    command.env("CHINWAG_MAX_LINE", "64K");
    command.env("CHINWAG_SOFT_LIMIT", "128K");
    let both = "(from the environment: CHINWAG_MAX_LINE, CHINWAG_SOFT_LIMIT)";
    expect_failure(command, 2, both);
}

#[test]
fn value_that_is_no_text_is_an_error_that_names_its_source() {
    let bad = OsStr::from_bytes(b"\xff");
    let mut command = program();
    command.env("CHINWAG_MAX_LINE", bad);
    expect_failure(command, 2, "CHINWAG_MAX_LINE is no valid UTF-8");
    let mut command = program();
    command.arg("--max-line").arg(bad);
    expect_failure(command, 2, "--max-line is no valid UTF-8");
    let mut command = program();
    command.arg(OsStr::from_bytes(b"--name=\xff"));
    expect_failure(command, 2, "--name is no valid UTF-8");
}

#[test]
fn variables_are_read_and_flags_win() {
    let mut command = program();
    command
        .env("CHINWAG_LOBBY", "hall")
        .env("CHINWAG_NAME", "x");
    let daemon = Daemon::start_as(command, &["--name", "teashop"]);
    let mut alice = daemon.connect();
    alice.send("#alice");
    alice.expect_lines(&[
        "* You are registered as alice.",
        "* You are in hall, and nobody else is.",
    ]);
    alice.send("/version");
    alice.expect_line_starting("* teashop runs chinwag ");
}

#[test]
fn empty_variable_counts_as_not_set() {
    let mut command = program();
    for variable in ["LOG_LEVEL", "NAME", "MOTD", "MAX_LINE", "LIMIT_LOOPBACK"] {
        command.env(format!("CHINWAG_{variable}"), "");
    }
    let daemon = Daemon::start_as(command, &[]);
    let mut alice = daemon.join("alice");
    alice.send("/stats");
    alice.expect_line_starting("* chinwag has been up for ");
    // An empty flag is an error.
    let mut command = program();
    command.args(["--name", ""]);
    expect_failure(command, 2, "--name");
}

#[test]
fn addresses_are_split_at_commas() {
    let mut command = program();
    command.env("CHINWAG_LISTEN", "127.0.0.1:0,unix:b,c");
    expect_failure(command, 2, "'c'");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let both = format!("127.0.0.1:0,unix:{}", path.display());
    let daemon = Daemon::start(&["--listen", &both]);
    daemon.join("alice");
    wait_until("the other address", || UnixStream::connect(&path).is_ok());
}

#[test]
fn list_of_addresses_may_have_blanks_and_a_last_comma() {
    for list in [
        "127.0.0.1:0, 127.0.0.1:0",
        " 127.0.0.1:0 ,127.0.0.1:0 , ",
        "0,\t0",
    ] {
        for by_flag in [true, false] {
            let mut command = program();
            if by_flag {
                command.args(["--listen", list]);
            } else {
                command.env("CHINWAG_LISTEN", list);
            }
            let daemon = Daemon::start_at(command, &[], 2);
            daemon.join("alice");
        }
    }
    for nothing in [",", " ", " , ,"] {
        let mut command = program();
        command.args(["--listen", nothing]);
        expect_failure(command, 2, "--listen names no address");
        let mut command = program();
        command.env("CHINWAG_LISTEN", ",");
        expect_failure(command, 2, "(from the environment: CHINWAG_LISTEN)");
    }
}

#[test]
fn values_are_read_as_they_are_commonly_written() {
    for (flag, value) in [
        ("--total-limit", "1G"),
        ("--total-limit", "1GiB"),
        ("--hard-limit", "2mb"),
        ("--soft-limit", "65 536"),
        ("--max-line", "8 KiB"),
        ("--log-level", "DEBUG"),
        ("--log-level", "Warning"),
        ("--stall-time", "2m"),
        ("--stall-time", " 90 S "),
        ("--register-time", "1h"),
        ("--shutdown-time", "500ms"),
        ("--max-clients", " 100 "),
    ] {
        Daemon::start(&[flag, value]).join("alice");
    }
}

#[test]
fn variable_may_have_blanks_and_quotes_around_it() {
    let mut command = program();
    command
        .env("CHINWAG_LISTEN", "\"127.0.0.1:0, 127.0.0.1:0\"")
        .env("CHINWAG_NAME", "'teashop'")
        .env("CHINWAG_MAX_LINE", " 8K\r")
        .env("CHINWAG_LOG_LEVEL", "\"DEBUG\"")
        .env("CHINWAG_LOBBY", "\"\"")
        .env("CHINWAG_LIMIT_LOOPBACK", "'no'");
    let daemon = Daemon::start_at(command, &[], 2);
    let mut alice = daemon.connect();
    alice.send("#alice");
    alice.expect_lines(&[
        "* You are registered as alice.",
        "* You are in lobby, and nobody else is.",
    ]);
    alice.send("/version");
    alice.expect_line_starting("* teashop runs chinwag ");
    let mut command = program();
    command.env("CHINWAG_MAX_LINE", "'0'");
    let line = expect_failure(command, 2, "--max-line");
    assert!(
        line.contains("from the environment: CHINWAG_MAX_LINE"),
        "{line}"
    );
    // A shell has taken a flag's quotes off, and those that are left are meant.
    let daemon = Daemon::start(&["--name", "'teashop'"]);
    let mut alice = daemon.join("alice");
    alice.send("/version");
    alice.expect_line_starting("* 'teashop' runs chinwag ");
}

#[test]
fn log_file_that_names_standard_error_is_standard_error() {
    for name in ["-", "/dev/stderr"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program();
        command.current_dir(folder.path());
        let daemon = Daemon::start_as(command, &["--log-file", name, "--log-level", "debug"]);
        daemon.join("alice");
        daemon.wait_for_log(" [DEBUG] ");
        // Opened by its name it would begin as a file does.
        assert_eq!(daemon.log_count(" [INFO] chinwag "), 0, "{name}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{name}");
    }
}

#[test]
fn example_of_the_help_starts_a_daemon() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: no IPv6 loopback");
        return;
    }
    let help = program().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, examples) = help.split_once("\nExamples:\n").expect("examples");
    assert!(examples.lines().count() >= 3, "{examples}");
    for example in examples.lines() {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("programs");
        fs::create_dir(&programs).unwrap();
        let daemon = programs.join("chinwag");
        let script = format!(
            "#!/bin/sh\nexec {} \"$@\"\n",
            program().get_program().display()
        );
        fs::write(&daemon, script).unwrap();
        fs::set_permissions(&daemon, Permissions::from_mode(0o755)).unwrap();
        let listens = example.matches("12345").count() + example.matches("unix:").count();
        let line = example.replace("12345", "0");
        let line = line.replace("/tmp/", &format!("{}/", folder.path().display()));
        let mut command = without_settings(Command::new("/bin/sh"));
        command
            .args(["-c", &format!("exec /usr/bin/env {line}")])
            .env("CHINWAG_LISTEN", "127.0.0.1:0")
            .env("PATH", programs);
        let daemon = Daemon::start_at(command, &[], listens.max(1));
        let port = daemon.address().port();
        Client::over_tcp(SocketAddr::from(([127, 0, 0, 1], port))).join("alice");
    }
}

#[test]
fn address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = program();
    command.args(["--listen", &address]);
    let line = expect_failure(command, 1, &address);
    assert!(line.to_lowercase().contains("in use"), "{line}");
}

#[test]
fn address_of_another_machine_is_named() {
    let mut command = program();
    command.args(["--listen", "192.0.2.1:0"]); // reserved for documentation
    expect_failure(command, 1, "192.0.2.1:0");
}

#[test]
fn unusable_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing").join("file");
    let missing = missing.to_str().unwrap();
    for flag in ["--motd", "--log-file"] {
        let mut command = program();
        command.args(["--listen", "127.0.0.1:0", flag, missing]);
        let line = expect_failure(command, 1, missing);
        assert!(line.ends_with(": No such file or directory\n"), "{line}");
    }
}

#[test]
fn open_files_limit_below_one_client_is_an_error() {
    let mut command = program_with_open_files(32);
    command.args(["--listen", "127.0.0.1:0"]);
    expect_failure(command, 1, "open files");
}

#[test]
fn failed_start_says_why_when_no_thread_can_be_had() {
    for (flags, code, named) in [
        (["--listen", "nonsense"], 2, "--listen"),
        (["--listen", "127.0.0.1:0"], 1, "cannot log"),
    ] {
        let mut command = program();
        // Too large a stack for any thread.
        command
            .args(flags)
            .env("RUST_MIN_STACK", (1_u64 << 60).to_string());
        expect_failure(command, code, named);
    }
}

/// Runs a command that must fail with `code` and one line that contains `named`; returns the line.
fn expect_failure(mut command: Command, code: i32, named: &str) -> String {
    let output = command.output().unwrap();
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {line}");
    assert_eq!(line.matches('\n').count(), 1, "{command:?}: {line}");
    assert!(
        line.ends_with('\n') && line.contains(named),
        "{command:?}: {line}"
    );
    assert!(output.stdout.is_empty(), "{output:?}");
    line
}

#[test]
fn help_and_version_are_printed() {
    let run = |flag: &str| -> Output { program().arg(flag).output().unwrap() };
    for (flag, part) in [
        ("--help", "--max-line"),
        ("-h", "--listen"),
        ("-h", "split at commas"),
        ("-h", "in the answers to /version"),
        ("-h", "read at the start only"),
        ("--version", env!("CARGO_PKG_VERSION")),
        ("-V", "chinwag"),
    ] {
        let output = run(flag);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{flag}");
        assert!(text.contains(part), "{flag}: {text}");
        assert!(output.stderr.is_empty(), "{flag}: {output:?}");
    }
}

#[test]
fn motd_lobby_and_server_name_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let motd = folder.path().join("motd");
    fs::write(&motd, "Welcome to \x1b[1mthe teashop.\n\nBe kind.\n").unwrap();
    let motd = motd.to_str().unwrap();
    let daemon = Daemon::start(&["--motd", motd, "--lobby", "hall", "--name", "teashop"]);
    let mut alice = daemon.connect();
    alice.expect_lines(&["* Welcome to the teashop.", "* ", "* Be kind."]);
    alice.send("#alice");
    alice.expect_lines(&[
        "* You are registered as alice.",
        "* You are in hall, and nobody else is.",
    ]);
    alice.send_bytes(b"\xff\xf6"); // telnet's "are you there"
    alice.expect_line("* teashop is here.");
    alice.send("/stats");
    alice.expect_line_starting("* teashop has been up for ");
}

#[test]
fn empty_motd_shows_nothing() {
    let motd = tempfile::NamedTempFile::new().unwrap();
    let daemon = Daemon::start(&["--motd", motd.path().to_str().unwrap()]);
    let mut alice = daemon.connect();
    alice.send("#alice");
    alice.expect_line("* You are registered as alice.");
}

#[test]
fn start_says_how_to_join_and_warns_of_open_addresses() {
    let open = "not encrypted";
    let daemon = Daemon::start(&[]);
    let port = daemon.address().port();
    daemon.wait_for_log(&format!("nc 127.0.0.1 {port}"));
    daemon.wait_for_log(&format!("telnet 127.0.0.1 {port}"));
    daemon.join("alice");
    assert_eq!(daemon.log_count(open), 0);
    let daemon = Daemon::start(&["--listen", "0.0.0.0:0"]);
    daemon.wait_for_log(open);
}

#[test]
fn times_are_those_of_the_zone_of_the_server() {
    for (zone, minutes) in [("XYZ-5:30", 330), ("XYZ4", -240), ("", 0)] {
        let mut command = program();
        command.env("TZ", zone);
        let daemon = Daemon::start_as(command, &[]);
        let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
        bob.send("/times on");
        bob.barrier();
        let minute_there = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            i64::try_from(now.as_secs()).unwrap() / 60 + minutes
        };
        let before = minute_there();
        alice.send("what time is it?");
        let line = bob.line();
        let may_be = (before..=minute_there()).map(|minute| {
            let minute = minute.rem_euclid(24 * 60);
            let (hours, minutes) = (minute / 60, minute % 60);
            format!("{hours:02}:{minutes:02} alice: what time is it?")
        });
        assert!(
            may_be.into_iter().any(|time| time == line),
            "{zone}: {line}"
        );
    }
}
