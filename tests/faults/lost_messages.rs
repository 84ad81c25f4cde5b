//! Private messages that the daemon's kernel took, and whose reader's machine never acknowledged them.

use crate::harness::{Client, Daemon};
use crate::network;

/// The line to the reader is cut, and TCP gives up: the sender, by a Unix socket, is told.
#[test]
fn message_into_a_cut_line_is_told_to_its_sender() {
    let test = "lost_messages::message_into_a_cut_line_is_told_to_its_sender";
    if !network::is_inside(test, "ip link set lo up") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let at_path = format!("unix:{}", path.display());
    let flags = ["--listen", "127.0.0.1:0", "--listen", &at_path];
    let daemon = Daemon::start(&[&flags[..], &["--user-timeout", "2"]].concat());
    let mut alice = Client::over_unix(&path).join("alice");
    let mut lamp = daemon.join("lamp");
    alice.expect_line("* lamp has joined lobby.");
    alice.send("@lamp:first");
    lamp.read_until("@alice: first");
    lamp.acknowledge();
    network::set_lines(false);
    alice.send("@lamp:on");
    alice.send("@lamp:off");
    alice.read_until("* lamp has left lobby.");
    alice.expect_line("! Your last 2 messages to lamp were not delivered: lamp is gone.");
    daemon.wait_for_log(": connection broken; 23 bytes unwritten");
    drop(lamp);
}

/// The reader's process is gone before the message is written, and only the answer to it tells.
#[test]
fn message_to_a_socket_closed_in_the_same_turn_is_told_to_its_sender() {
    let daemon = Daemon::start(&[]);
    let [mut alice, lamp] = daemon.join_all(["alice", "lamp"]);
    // Both are seen in one turn, the message first.
    daemon.while_stopped(|| {
        alice.send("@lamp:on");
        drop(lamp);
    });
    alice.read_until("* lamp has left lobby.");
    alice.expect_line("! Your last message to lamp was not delivered: lamp is gone.");
    daemon.wait_for_log("11 bytes unwritten");
    alice.expect_nothing();
}

/// A half-closed reader, and one that quits, have everything: nobody is told otherwise.
#[test]
fn message_to_a_reader_that_leaves_in_order_is_delivered() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut lamp, mut bulb] = daemon.join_all(["alice", "lamp", "bulb"]);
    daemon.while_stopped(|| {
        alice.send("@lamp,bulb:on");
        lamp.finish_sending();
        bulb.send("/quit");
    });
    lamp.read_until("@alice: on");
    lamp.expect_closed();
    bulb.read_until("@alice: on");
    bulb.read_until("* Bye.");
    bulb.expect_closed();
    drop(bulb);
    daemon.wait_for_log("lamp (127.0.0.1");
    daemon.wait_for_log("bulb (127.0.0.1");
    daemon.expect_log_count("; 0 bytes unwritten", 2);
    alice.read_until("* bulb has left lobby.");
    alice.expect_nothing();
}

/// Of a reader that resets, what it had acknowledged counts as delivered.
#[test]
fn message_acknowledged_before_a_reset_is_delivered() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut lamp] = daemon.join_all(["alice", "lamp"]);
    alice.send("@lamp:on");
    lamp.read_until("@alice: on");
    lamp.acknowledge();
    lamp.reset();
    alice.read_until("* lamp has left lobby.");
    alice.expect_nothing();
    daemon.wait_for_log(": connection broken; 0 bytes unwritten");
}
