//! The lines printed at start: each that is there to be pasted is pasted.

use std::fs;
use std::net::{Ipv6Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::{Daemon, program};
use crate::tools::{Tool, find};

/// All lines of a banner.
fn banner(daemon: &Daemon) -> Vec<String> {
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("signal 1: "); // logged after the banner is written
    daemon.log_lines()
}

/// The number of lines of a banner that contain `part`.
fn lines_of_banner(daemon: &Daemon, part: &str) -> usize {
    banner(daemon)
        .iter()
        .filter(|line| line.contains(part))
        .count()
}

/// The lines of a banner that are there to be pasted.
fn lines_to_paste(daemon: &Daemon) -> Vec<String> {
    let lines = banner(daemon);
    let lines = lines.iter().map(|line| line.trim_start_matches(' '));
    let is_command = |line: &&str| line.starts_with("nc ") || line.starts_with("telnet ");
    lines.filter(is_command).map(ToOwned::to_owned).collect()
}

/// A folder in which `nc` and `telnet` are those that know all that the lines ask for.
pub fn programs() -> Option<TempDir> {
    let nc = find("OpenBSD netcat", &["nc.openbsd", "nc"])?;
    let telnet = find("telnet", &["telnet"])?;
    let folder = tempfile::tempdir().unwrap();
    symlink(nc, folder.path().join("nc")).unwrap();
    symlink(telnet, folder.path().join("telnet")).unwrap();
    Some(folder)
}

/// Pastes every line of a banner into a shell in another folder; each must show the greeting.
#[track_caller]
pub fn check_lines_to_paste(daemon: &Daemon, programs: &TempDir, count: usize) {
    let lines = lines_to_paste(daemon);
    assert_eq!(lines.len(), count, "{lines:?}");
    let elsewhere = tempfile::tempdir().unwrap();
    for line in lines {
        let mut tool = Tool::start(
            Command::new("/bin/sh")
                .args(["-c", &format!("exec {line}")])
                .env("PATH", programs.path())
                .current_dir(elsewhere.path()),
        );
        tool.expect("* You are connected from ");
    }
}

/// An address of one link with its interface, from the kernel's table of addresses.
fn link_local() -> Option<String> {
    const TENTATIVE: u32 = 0x40;
    let table = fs::read_to_string("/proc/net/if_inet6").ok()?;
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let address = Ipv6Addr::from(u128::from_str_radix(fields[0], 16).unwrap());
        let flags = u32::from_str_radix(fields[4], 16).unwrap();
        let is_usable = address.is_unicast_link_local() && flags & TENTATIVE == 0;
        is_usable.then(|| format!("{address}%{}", fields[5]))
    })
}

#[test]
fn lines_to_paste_reach_each_kind_of_tcp_listener() {
    let Some(programs) = programs() else {
        return;
    };
    let mut hosts = vec![
        "127.0.0.1".to_owned(),
        "0.0.0.0".to_owned(),
        "localhost".to_owned(),
    ];
    if TcpListener::bind("[::1]:0").is_ok() {
        hosts.extend(["[::1]", "[::]", "[::ffff:127.0.0.1]"].map(ToOwned::to_owned));
    }
    match link_local() {
        Some(address) => hosts.push(format!("[{address}]")),
        None => eprintln!("left out: no link-local address"),
    }
    for host in hosts {
        let daemon = Daemon::start(&["--listen", &format!("{host}:0")]);
        let lines =
            2 * lines_of_banner(&daemon, "listens on") + lines_of_banner(&daemon, "From there:");
        check_lines_to_paste(&daemon, &programs, lines);
    }
}

#[test]
fn link_local_address_is_shown_with_its_interface_and_needs_it() {
    let Some(address) = link_local() else {
        eprintln!("skipped: no link-local address");
        return;
    };
    let daemon = Daemon::start(&["--listen", &format!("[{address}]:0")]);
    assert!(daemon.addresses[0].starts_with(&format!("[{address}]:")));
    let (bare, _) = address.split_once('%').unwrap();
    let output = program()
        .args(["--listen", &format!("[{bare}]:0")])
        .output()
        .unwrap();
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    assert!(
        line.contains("needs its interface, as in [fe80::1%eth0]:PORT"),
        "{line}"
    );
}

#[test]
fn lines_to_paste_reach_unix_sockets_of_any_name() {
    let Some(programs) = programs() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "socket",
        "a b",
        "it's",
        "a\"b",
        "$HOME",
        "a;b",
        "-U",
        "@x",
        "~",
        "a!b",
        "caf\u{e9}",
        "a\\b",
    ] {
        let path = folder.path().join(name);
        let daemon = Daemon::start(&["--listen", &format!("unix:{}", path.display())]);
        check_lines_to_paste(&daemon, &programs, 1);
    }
}

#[test]
fn relative_path_is_told_so_that_it_holds_in_any_folder() {
    let Some(programs) = programs() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for name in ["socket", "@x", "-U"] {
        let mut command = program();
        command.current_dir(folder.path());
        let daemon = Daemon::start_as(command, &["--listen", &format!("unix:{name}")]);
        check_lines_to_paste(&daemon, &programs, 1);
    }
}

#[test]
fn path_that_cannot_be_pasted_is_not_offered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a\x1bb");
    let daemon = Daemon::start(&["--listen", &format!("unix:{}", path.display())]);
    daemon.wait_for_log("cannot be pasted");
    assert_eq!(lines_to_paste(&daemon), [""; 0]);
}
