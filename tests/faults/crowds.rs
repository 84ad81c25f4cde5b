//! Many at once.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use crate::harness::{Client, Daemon, raise_open_files, wait_until};

/// Descriptors that the other tests may use at the same time.
const DESCRIPTORS_KEPT: u64 = 1500;

#[test]
fn thousands_who_come_and_go_at_once_do_not_keep_two_from_chatting() {
    let limit = raise_open_files();
    let count = usize::try_from(limit.saturating_sub(DESCRIPTORS_KEPT))
        .unwrap()
        .clamp(100, 2000);
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send("/quiet on");
    bob.send("/quiet on");
    alice.barrier();
    bob.barrier();

    let mut crowd: Vec<Client> = (0..count).map(|_| daemon.connect_raw()).collect();
    for (number, client) in crowd.iter_mut().enumerate() {
        client.send(&format!("#user{number}"));
        if number % 100 == 0 {
            expect_answer(&mut alice, &mut bob);
        }
    }
    let peers: HashSet<String> = crowd
        .iter()
        .map(|client| client.local_address().to_string())
        .collect();
    for client in &mut crowd {
        client.read_until_starting("* You are registered as ");
    }
    assert_eq!(alice.count_connected(), count + 2);

    let leaving: Vec<_> = split(crowd, 4)
        .into_iter()
        .map(|part| thread::spawn(move || leave(part)))
        .collect();
    for _ in 0..50 {
        expect_answer(&mut alice, &mut bob);
    }
    for thread in leaving {
        thread.join().unwrap();
    }
    wait_until("two to be left", || alice.count_connected() == 2);
    expect_answer(&mut alice, &mut bob);

    daemon.wait_for_log_count("closed after", count);
    let closed: Vec<String> = daemon
        .log_lines()
        .into_iter()
        .filter(|line| line.contains("closed after"))
        .collect();
    let logged: HashSet<String> = closed.iter().map(|line| peer_in(line)).collect();
    assert_eq!(closed.len(), count, "each is logged once");
    assert_eq!(logged, peers);
}

/// One asks the other, who answers.
fn expect_answer(alice: &mut Client, bob: &mut Client) {
    alice.send("@bob:ping");
    bob.expect_line("@alice: ping");
    bob.send("@alice:pong");
    alice.expect_line("@bob: pong");
}

/// Leaves in each of the ways there are.
fn leave(crowd: Vec<Client>) {
    for (number, mut client) in crowd.into_iter().enumerate() {
        match number % 4 {
            0 => client.send("/quit"),
            1 => client.reset(),
            2 => client.finish_sending(),
            _ => drop(client),
        }
    }
}

fn split(mut all: Vec<Client>, parts: usize) -> Vec<Vec<Client>> {
    let each = all.len().div_ceil(parts);
    let mut split = Vec::new();
    while !all.is_empty() {
        split.push(all.split_off(all.len().saturating_sub(each)));
    }
    split
}

/// The address in a line of the log on the end of a connection.
fn peer_in(line: &str) -> String {
    let start = line.find("127.0.0.1:").expect("an address");
    let end = line[start..].find([')', ' ']).expect("its end");
    line[start..start + end].to_owned()
}

#[test]
fn registered_clients_that_say_nothing_cost_next_to_nothing() {
    const CPU_TIME_MAX: Duration = Duration::from_millis(50);
    let daemon = Daemon::start(&[]);
    let mut clients: Vec<Client> = (0..200)
        .map(|number| daemon.join(&format!("user{number}")))
        .collect();
    for client in &mut clients {
        client.barrier();
    }
    // The last ones are still to be told of, in a summary a second after they came.
    clients[0].read_until_starting("* user");
    let used = daemon.cpu_time_of_a_second();
    assert!(used < CPU_TIME_MAX, "{used:?} in a second");
}

#[test]
fn a_large_room_is_told_of_a_crowd_in_a_summary() {
    const COUNT: usize = 60;
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let crowd: Vec<Client> = (0..COUNT)
        .map(|number| daemon.join(&format!("user{number}")))
        .collect();
    let (mut told, mut joined, mut left) = (0, 0, 0);
    while joined < COUNT {
        let line = alice.line();
        told += 1;
        joined += count_before(&line, " joined lobby");
    }
    assert!(told < COUNT, "one by one");
    assert_eq!(joined, COUNT);
    drop(crowd);
    while left < COUNT {
        left += count_before(&alice.line(), " left");
    }
    assert_eq!(left, COUNT);
    assert_eq!(alice.count_connected(), 1);
}

/// How many a notice says have come or gone: names before `what`, and "N others".
fn count_before(line: &str, what: &str) -> usize {
    let Some(end) = line.find(what) else { return 0 };
    let before = line[..end].trim_start_matches("* ");
    let before = before.rsplit("; ").next().unwrap_or(before);
    let words = before.replace(',', " ");
    let words = words
        .split_whitespace()
        .filter(|word| !["and", "others", "other", "has", "have"].contains(word));
    words.map(|word| word.parse::<usize>().unwrap_or(1)).sum()
}
