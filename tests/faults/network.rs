//! Tests in a network of their own, where any address is theirs and a line can be cut.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;

use socket2::{Domain, Socket, Type};

use crate::harness::Client;

/// Set for the copy of this program that runs in the network.
const INSIDE: &str = "CHINWAG_TEST_INSIDE_NAMESPACE";

/// Whether this is the copy of the program that runs `test` in a network namespace. If not, runs that: `setup`
/// first, as root of the namespace.
pub fn is_inside(test: &str, setup: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let unshare = |after: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net"]);
        command.args(["sh", "-c", &format!("set -e; {setup}; {after}"), "sh"]);
        command
    };
    let required = std::env::var_os("CHINWAG_REQUIRE_TOOLS").is_some();
    let probe = Command::new("sh")
        .args(["-c", "command -v ip && command -v unshare"])
        .output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        assert!(
            !required,
            "ip (iproute2) and unshare (util-linux) are required"
        );
        eprintln!("skipped: no ip or no unshare");
        return false;
    }
    let allowed = unshare("exit").output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        // No package could provide the missing permission.
        eprintln!("skipped: this machine permits no network namespace");
        return false;
    }
    let output = unshare("exec \"$@\"")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}{errors}");
    assert!(shown.contains("1 passed"), "{shown}");
    false
}

/// Cuts or mends every line of this network.
pub fn set_lines(up: bool) {
    let state = if up { "up" } else { "down" };
    ip(&format!("link set lo {state}"));
}

/// Runs `ip` with these arguments.
pub fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "ip {arguments}"
    );
}

/// A connection to `to` from an address that this machine has.
pub fn connect_from(from: IpAddr, to: SocketAddr) -> Client {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
    socket.connect(&to.into()).expect("it connects");
    Client::over_socket(socket)
}
