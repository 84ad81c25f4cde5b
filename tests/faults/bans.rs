//! Who is kept out, by the real program: at the door, by a file, by an operator at a Unix socket.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use rustix::process::Signal;

use crate::harness::{Client, Daemon, program};
use crate::network::{self, connect_from};

/// A network whose addresses 192.0.2.1, .7 and .8 are this machine's, and no loopback.
const SETUP: &str = "ip link set lo up
    for a in 192.0.2.1 192.0.2.7 192.0.2.8; do ip address add $a/32 dev lo; done";

fn from(daemon: &Daemon, host: &str) -> Client {
    let to: IpAddr = "192.0.2.1".parse().unwrap();
    let to = SocketAddr::new(to, daemon.address().port());
    connect_from(host.parse().unwrap(), to)
}

#[test]
fn banned_address_is_told_why_and_closed_by_an_operator_or_a_file() {
    let test = "bans::banned_address_is_told_why_and_closed_by_an_operator_or_a_file";
    if !network::is_inside(test, SETUP) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("chat.sock");
    let file = folder.path().join("bans.txt");
    fs::write(&file, "# none yet\n").unwrap();
    let unix = format!("unix:{}", socket.display());
    let file_flag = file.to_str().unwrap();
    let flags = [
        "--listen",
        "0.0.0.0:0",
        "--listen",
        &unix,
        "--bans",
        file_flag,
    ];
    let daemon = Daemon::start(&flags);
    let mut rita = Client::over_unix(&socket).join("rita");
    let mut mallory = from(&daemon, "192.0.2.7").join("mallory");
    rita.expect_line("* mallory has joined lobby.");

    rita.send("/ban mallory spam");
    rita.expect_line_starting("* 192.0.2.7/32, where the guest mallory is, is banned: 1 who is");
    rita.barrier();
    rita.send("/ban mallory spam");
    let told = "! You are banned: spam. Ask rita.";
    mallory.read_until(told);
    mallory.expect_closed();
    rita.barrier();
    // At the door: one line, and no greeting.
    let mut again = from(&daemon, "192.0.2.7");
    again.expect_line(told);
    again.expect_closed();
    daemon.wait_for_log("192.0.2.7");
    daemon.wait_for_log(": banned;");
    let mut bob = from(&daemon, "192.0.2.8").join("bob");

    // The file is read at SIGHUP; a bad line of it is logged, and the others hold.
    fs::write(&file, "192.0.2.8 listed\nnonsense\n").unwrap();
    daemon.signal(Signal::HUP);
    let listed = "! You are banned: listed. Ask who runs this server.";
    bob.read_until(listed);
    bob.expect_closed();
    daemon.wait_for_log("line 2: neither an address nor a range");
    let mut again = from(&daemon, "192.0.2.8");
    again.expect_line(listed);
    again.expect_closed();

    // And at /reload; one that cannot be read changes nothing.
    fs::remove_file(&file).unwrap();
    rita.send("/reload");
    daemon.wait_for_log("the last ones hold");
    from(&daemon, "192.0.2.8").expect_line(listed);
    fs::write(&file, "").unwrap();
    rita.send("/reload");
    daemon.wait_for_log("bans.txt: 0 bans");
    from(&daemon, "192.0.2.8").join("bob");
    rita.send("/unban 1");
    rita.read_until("* Ban 1 is undone.");
    from(&daemon, "192.0.2.7").join("mallory");
}

#[test]
fn unix_peer_of_the_daemons_own_user_is_an_operator_and_a_client_of_tcp_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("chat.sock");
    let unix = format!("unix:{}", socket.display());
    let daemon = Daemon::start(&["--listen", "127.0.0.1:0", "--listen", &unix]);
    daemon.wait_for_log("Who connects there as the daemon's user, or root, is an operator.");
    let mut rita = Client::over_unix(&socket).join("rita");
    let mut alice = daemon.join("alice");
    alice.send("/announce hello");
    let refused = "! Only operators of the server may do that. /help op says how one becomes one.";
    alice.read_until(refused);
    rita.send("/announce restart at 18:00");
    alice.read_until("* From the operator: restart at 18:00");
    rita.read_until("* Everybody was told.");
    rita.send("/kick * alice");
    alice.read_until("! You were removed from the server. Ask rita.");
    alice.expect_closed();
}

#[test]
fn suspended_account_loses_its_sockets_and_a_backup_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("chat.db");
    let mut command = program();
    command.env("CHINWAG_STORE", &store);
    let daemon = Daemon::start_as(command, &["--op", "boss"]);
    daemon.wait_for_log("--op boss: there is no such account");
    let mut boss = daemon.join("boss");
    let mut alice = daemon.join("alice");
    for client in [&mut boss, &mut alice] {
        client.send("/account new");
        client.read_until_starting("* Choose a password");
        client.send("correct horse");
        client.read_until_starting("* ");
        client.barrier();
    }
    boss.send("/suspend alice spam");
    alice.read_until("! Your account is suspended: spam. Ask boss.");
    alice.expect_closed();
    boss.read_until("* alice is suspended. /unsuspend alice undoes it.");
    let mut again = daemon.connect();
    again.send("/login alice correct horse");
    again.read_until("! That account is suspended: spam. Ask an operator.");

    boss.send("/backup");
    let copied = boss.read_until_starting("* All that is kept is copied to chat.db.backup-");
    let name = copied.rsplit(' ').next().unwrap().trim_end_matches('.');
    let copy = folder.path().join(name);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&copy).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let checked = program()
        .args(["store", "check", "--store", copy.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn file_of_bans_with_a_bad_line_fails_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bans.txt");
    for (text, why) in [
        (
            Some("203.0.113.0/24 spam\n203.0.113.0/33\n"),
            "line 2 is not an address",
        ),
        (None, "No such file"),
    ] {
        if let Some(text) = text {
            fs::write(&file, text).unwrap();
        } else {
            fs::remove_file(&file).unwrap();
        }
        let started = program()
            .args(["--listen", "127.0.0.1:0", "--bans", file.to_str().unwrap()])
            .output()
            .unwrap();
        assert_eq!(started.status.code(), Some(1));
        let told = String::from_utf8_lossy(&started.stderr);
        assert!(
            told.contains("cannot read the bans") && told.contains(why),
            "{told}"
        );
    }
}
