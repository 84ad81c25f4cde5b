//! Socket activation: a daemon that is started with listening sockets, as systemd does.

use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::OFlags;
use rustix::process::Signal;

use crate::banner::{check_lines_to_paste, programs};
use crate::harness::{
    Client, Daemon, Killed, program, wait_for_exit, wait_until, without_settings,
};
use crate::tools::find;

/// The program, started with descriptors from 3 on. Both are passed as standard streams to a shell first,
/// which moves them.
fn started_with(sockets: [OwnedFd; 2], settings: &str) -> Command {
    let mut command = without_settings(Command::new("sh"));
    let script = format!("exec 3<&0 4>&1 </dev/null >/dev/null; {settings}; exec \"$0\" \"$@\"");
    let [first, second] = sockets.map(Stdio::from);
    command.args(["-c", &script]).arg(program().get_program());
    command.stdin(first).stdout(second);
    command
}

const BOTH: &str = "export LISTEN_PID=$$ LISTEN_FDS=2";

fn tcp() -> (OwnedFd, u16) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket.into(), port)
}

fn unix(path: &Path) -> OwnedFd {
    UnixListener::bind(path).unwrap().into()
}

#[test]
fn passed_sockets_are_listened_on_and_no_default_address() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let (socket, port) = tcp();
    let mut daemon = Daemon::start_at(started_with([socket, unix(&path)], BOTH), &[], 2);
    let listening = [
        format!("127.0.0.1:{port}"),
        format!("unix:{}", path.display()),
    ];
    assert_eq!(daemon.addresses, listening);
    let mut alice = daemon.join("alice");
    let mut bob = Client::over_unix(&path).join("bob");
    alice.expect_line("* bob has joined lobby.");
    bob.send("hello");
    alice.expect_line("bob: hello");
    // The sockets are set not to wait, and not to be inherited.
    for descriptor in [3, 4] {
        let info = format!(
            "/proc/{}/fdinfo/{descriptor}",
            daemon.pid().as_raw_nonzero()
        );
        let info = fs::read_to_string(info).unwrap();
        let flags = info
            .lines()
            .find_map(|line| line.strip_prefix("flags:"))
            .unwrap();
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        let wanted = (OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
        assert_eq!(flags & wanted, wanted, "{info}");
    }
    if let Some(programs) = programs() {
        check_lines_to_paste(&daemon, &programs, 3);
    }
    daemon.signal(Signal::TERM);
    drop((alice, bob));
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(path.exists(), "its file is the other process's");
}

#[test]
fn listen_flag_comes_on_top_of_passed_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let (socket, port) = tcp();
    let command = started_with([socket, unix(&path)], BOTH);
    let daemon = Daemon::start_at(command, &["--listen", "127.0.0.1:0"], 3);
    assert_eq!(daemon.addresses.len(), 3);
    let both = [format!("127.0.0.1:{port}"), daemon.addresses[2].clone()];
    let [mut alice, mut bob] = both.map(|address| Client::over_tcp(address.parse().unwrap()));
    alice.expect_greeting();
    bob.expect_greeting();
}

#[test]
fn variables_of_another_process_are_ignored() {
    for settings in [
        "export LISTEN_PID=1 LISTEN_FDS=2",
        "export LISTEN_FDS=2",
        "export LISTEN_PID= LISTEN_FDS=2",
        "export LISTEN_PID=$$",
        "export LISTEN_PID=$$ LISTEN_FDS=0",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (socket, port) = tcp();
        let command = started_with([socket, unix(&folder.path().join("socket"))], settings);
        let daemon = Daemon::start_as(command, &[]);
        assert_eq!(daemon.addresses.len(), 1, "{settings}");
        assert_ne!(daemon.address().port(), port, "{settings}");
        daemon.join("alice");
    }
}

#[test]
fn descriptor_that_is_no_listening_stream_socket_is_named() {
    let (listening, port) = tcp();
    let connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let file = File::open("/dev/null").unwrap();
    let (unix_stream, _other) = UnixStream::pair().unwrap();
    for second in [
        connection.into(),
        datagrams.into(),
        file.into(),
        unix_stream.into(),
    ] {
        let passed = [listening.try_clone().unwrap(), second];
        let line = expect_no_start(started_with(passed, BOTH));
        assert!(
            line.contains("descriptor 4, passed by LISTEN_FDS"),
            "{line}"
        );
    }
    for (count, named) in [
        ("3", "descriptor 5,"),
        ("x", "'x'"),
        ("-1", "'-1'"),
        ("4294967295", "'4294967295'"),
    ] {
        let passed = [(); 2].map(|()| listening.try_clone().unwrap());
        let settings = format!("export LISTEN_PID=$$ LISTEN_FDS={count}");
        let line = expect_no_start(started_with(passed, &settings));
        assert!(
            line.contains("LISTEN_FDS") && line.contains(named),
            "{line}"
        );
    }
}

fn expect_no_start(mut command: Command) -> String {
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut child = Killed(child);
    let status = wait_for_exit(&mut child.0);
    let text = io::read_to_string(child.0.stderr.take().unwrap()).unwrap();
    assert_eq!(status.code(), Some(1), "{text}");
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    text
}

/// By systemd's own tool, which starts the daemon at the first connection and hands it on.
#[test]
fn first_connection_starts_the_daemon_and_is_served() {
    let Some(tool) = find("systemd-socket-activate", &["systemd-socket-activate"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut command = without_settings(Command::new(tool));
    command
        .arg("-l")
        .arg(&path)
        .arg(program().get_program())
        .stderr(Stdio::null());
    let _daemon = Killed(command.spawn().unwrap());
    wait_until("the tool to listen", || path.exists());
    let mut alice = Client::over_unix(&path).join("alice");
    let mut bob = Client::over_unix(&path).join("bob");
    alice.expect_line("* bob has joined lobby.");
    bob.send("hello");
    alice.expect_line("bob: hello");
}
