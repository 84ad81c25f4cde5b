//! Running out of descriptors.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, prlimit};

use crate::harness::{Client, Daemon, REFUSED_FULL, program_with_open_files};

/// Connections that wait to be accepted.
const WAITING: usize = 300;

/// A waiting daemon uses next to no processor time; a spinning one uses all it can get.
const CPU_TIME_MAX: Duration = Duration::from_millis(300);

#[test]
fn open_files_limit_leaves_room_for_32_fewer_clients() {
    const ROOM: usize = 64 - 32;
    let daemon = Daemon::start_as(program_with_open_files(64), &[]);
    daemon.wait_for_log("room for 32 clients, not 10000");
    let mut clients: Vec<Client> = (0..ROOM)
        .map(|number| daemon.join(&format!("user{number}")))
        .collect();
    for _ in 0..50 {
        let mut refused = daemon.connect_raw();
        refused.expect_line(REFUSED_FULL);
        refused.expect_closed();
    }
    let mut leaving = clients.split_off(2);
    for client in &mut clients {
        client.barrier();
    }
    clients[0].send("still here");
    clients[1].expect_line("user0: still here");
    leaving.clear();
    daemon.expect_log_count("(127.0.0.1", ROOM - 2); // only a registered client is logged so
    let _newcomers: Vec<Client> = (0..ROOM - 2)
        .map(|number| daemon.join(&format!("new{number}")))
        .collect();
    assert_eq!(daemon.log_count("cannot accept"), 0);
}

#[test]
fn crowd_at_a_full_server_is_refused_with_a_line_each() {
    let daemon = Daemon::start_as(program_with_open_files(64), &[]);
    let mut users: Vec<Client> = (0..32)
        .map(|number| daemon.join(&format!("user{number}")))
        .collect();
    let mut crowd: Vec<Client> = (0..300).map(|_| daemon.connect_raw()).collect();
    for client in &mut crowd {
        client.expect_line(REFUSED_FULL);
        client.expect_closed();
    }
    users[0].barrier();
    users[1].barrier();
    users[0].send("@user1:still here");
    users[1].expect_line("@user0: still here");
    // The reserved descriptors suffice for refusals.
    assert_eq!(daemon.log_count("cannot accept"), 0);
    users[0].send("/stats");
    let ends = users[0].read_until_starting("* Connections: ");
    assert!(ends.ends_with(", 300 refused."), "{ends}");
}

/// Sets the soft limit of open files of a running daemon.
fn limit_open_files(daemon: &Daemon, limit: u64) -> u64 {
    let unchanged = rustix::process::getrlimit(Resource::Nofile);
    let limits = Rlimit {
        current: Some(limit),
        maximum: unchanged.maximum,
    };
    let before = prlimit(Some(daemon.pid()), Resource::Nofile, limits).unwrap();
    before.current.unwrap_or(1 << 20)
}

/// Lets a running daemon open no descriptor before it closes one.
fn limit_to_what_is_open(daemon: &Daemon) -> u64 {
    let open = daemon.descriptors();
    let lowest_free = (0..=u64::from(u32::MAX)).find(|number| !open.contains(number));
    limit_open_files(daemon, lowest_free.unwrap())
}

/// Two clients must get answers, and the daemon must not spin meanwhile.
fn expect_calm(daemon: &Daemon, alice: &mut Client, bob: &mut Client) {
    let used = daemon.cpu_time_of_a_second();
    alice.send("still here");
    bob.expect_line("alice: still here");
    assert!(used < CPU_TIME_MAX, "{used:?} in a second");
}

#[test]
fn daemon_without_descriptors_waits_and_resumes_by_itself() {
    let daemon = Daemon::start_for_operators(&[]);
    let [mut alice, mut bob] = [daemon.join_operator("alice"), daemon.join("bob")];
    alice.barrier();
    let before = limit_open_files(&daemon, 4);
    // More than are accepted in one turn; some have sent a line, and some are gone before accept.
    let mut waiting: Vec<Client> = (0..WAITING).map(|_| daemon.connect_raw()).collect();
    for (number, client) in waiting.iter_mut().enumerate() {
        client.send(&format!("#user{number}"));
    }
    let gone = waiting.split_off(WAITING - 20);
    gone.into_iter().for_each(drop);
    daemon.wait_for_log("cannot accept connections");
    expect_calm(&daemon, &mut alice, &mut bob);
    limit_open_files(&daemon, before);
    for (number, client) in waiting.iter_mut().enumerate() {
        client.expect_greeting();
        client.read_until(&format!("* You are registered as user{number}."));
    }
    daemon.expect_log_count("end of input", 20);
    alice.send("/quiet on");
    alice.barrier();
    assert_eq!(alice.count_connected(), WAITING - 20 + 2);
    bob.barrier();
    daemon.join("carol");
    daemon.wait_for_log("accepting connections again");
    daemon.expect_log_count("cannot accept connections", 1);
}

#[test]
fn connection_is_told_when_only_the_reserved_descriptor_is_left() {
    let (daemon, [mut alice, mut bob]) = Daemon::start_with(["alice", "bob"]);
    let before = limit_to_what_is_open(&daemon);
    let mut refused = daemon.connect_raw();
    refused.expect_line(REFUSED_FULL);
    refused.expect_closed();
    daemon.wait_for_log("cannot accept connections");
    expect_calm(&daemon, &mut alice, &mut bob);
    for _ in 0..100 {
        let mut refused = daemon.connect_raw();
        refused.expect_line(REFUSED_FULL);
        refused.expect_closed();
    }
    expect_calm(&daemon, &mut alice, &mut bob);
    // Each is counted like any refused connection.
    alice.send("/stats");
    alice.read_until("* Connections: 0 closed, 101 refused.");
    limit_open_files(&daemon, before);
    daemon.join("carol");
    daemon.wait_for_log("accepting connections again");
    daemon.expect_log_count("cannot accept connections", 1);
}

#[test]
fn freed_descriptor_goes_to_the_next_connection() {
    let (daemon, [mut alice, bob]) = Daemon::start_with(["alice", "bob"]);
    limit_to_what_is_open(&daemon);
    daemon.connect_raw().expect_line(REFUSED_FULL);
    drop(bob);
    alice.expect_line("* bob has left lobby.");
    daemon.wait_for_log("bob (127.0.0.1");
    let mut carol = daemon.connect();
    carol.register("carol");
    alice.expect_line("* carol has joined lobby.");
}
