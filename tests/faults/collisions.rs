//! Names and rooms chosen so that a hasher with a known key puts them all in one bucket.
//!
//! The hasher multiplies two halves of its input, each mixed with a word of its key. With a known
//! key an attacker makes one half zero, and then the other does not matter: all such names have the
//! same hash, and a table of them is a list. The key of a running daemon is secret.

use std::collections::HashSet;
use std::time::Duration;

use ahash::RandomState;
use chinwag::chat::name::{Name, RoomName};

use crate::crowds;
use crate::harness::{Client, Daemon, numbered, raise_open_files};

/// A key whose third word, as the hasher mixes it, spells `collides`.
const KNOWN_SEED: [u64; 4] = [1, 2, 0xb3c9_4dde_a510_3fbe, 4];

/// Eight bytes that meet that word, behind eight that fill a name up to there.
const PREFIX: &str = "attackercollides";

/// The number of names or rooms, where the limit of open files allows it.
const COUNT: usize = 10_000;

/// Processor time, too, depends on the machine's other work, so a slow result is measured again. Names
/// in one bucket take too much each time.
const TRIES: usize = 3;

/// In one bucket, they would take many times as long as otherwise.
const TIMES_MAX: u32 = 3;

/// Differences below this are noise.
const CPU_TIME_FLOOR: Duration = Duration::from_millis(200);

fn colliding_name(number: usize) -> String {
    format!("{PREFIX}{number:08}")
}

fn colliding_room(number: usize) -> String {
    format!("roomroom{PREFIX}{number:08}")
}

/// A name of the same length, in which no part meets the key.
fn ordinary_name(number: usize) -> String {
    format!("u{number:07}otherattackers99")
}

fn ordinary_room(number: usize) -> String {
    format!("roomroom{}", ordinary_name(number))
}

/// The number of different hashes that names and rooms have under a key.
fn hashes(seed: [u64; 4]) -> [usize; 2] {
    let [a, b, c, d] = seed;
    let hasher = RandomState::with_seeds(a, b, c, d);
    let names: HashSet<u64> = (0..COUNT)
        .map(|number| hasher.hash_one(Name::parse(&colliding_name(number)).unwrap()))
        .collect();
    let rooms: HashSet<u64> = (0..COUNT)
        .map(|number| hasher.hash_one(RoomName::parse(&colliding_room(number)).unwrap()))
        .collect();
    [names.len(), rooms.len()]
}

/// Whether the attack works on the known key: if not, these tests show nothing.
fn collides() -> bool {
    // Built for a processor with AES, the hasher is another one.
    let works = hashes(KNOWN_SEED) == [1, 1] || cfg!(target_feature = "aes");
    assert!(
        works,
        "the hasher has changed; find names that collide under a known key anew"
    );
    if cfg!(target_feature = "aes") {
        eprintln!("skipped: no names are known that collide in a hasher with AES");
    }
    !cfg!(target_feature = "aes")
}

#[test]
fn names_that_collide_under_one_key_differ_under_another() {
    if collides() {
        assert_eq!(hashes([5, 6, 7, 8]), [COUNT, COUNT]);
        assert_eq!(hashes([1, 2, KNOWN_SEED[2] ^ 1, 4]), [COUNT, COUNT]);
    }
}

/// `colliding` must take little more time than `ordinary`.
fn expect_alike(what: &str, ordinary: impl Fn() -> Duration, colliding: impl Fn() -> Duration) {
    let alike = |_| {
        let (ordinary, colliding) = (ordinary(), colliding());
        eprintln!("{what}: ordinary {ordinary:?}, colliding {colliding:?}");
        colliding < ordinary.max(CPU_TIME_FLOOR) * TIMES_MAX
    };
    assert!((0..TRIES).any(alike), "{what} that collide are slow");
}

/// The processor time that a daemon takes to register `count` names, and to find some of them.
fn cpu_time_for_names(count: usize, name: impl Fn(usize) -> String) -> Duration {
    let daemon = Daemon::start(&["--register-time", "600"]);
    let mut alice = daemon.join("alice");
    alice.send("/part");
    alice.barrier();
    let mut crowd: Vec<Client> = (0..count).map(|_| daemon.connect_raw()).collect();
    let before = daemon.cpu_time();
    for (number, client) in crowd.iter_mut().enumerate() {
        client.send(&format!("#{}", name(number)));
    }
    for client in &mut crowd {
        client.read_until_starting("* You are registered as ");
    }
    for number in 0..count {
        alice.send(&format!("@{}:hello", name(number)));
    }
    alice.expect_nothing(); // each name was found
    daemon.cpu_time().saturating_sub(before)
}

#[test]
fn names_that_collide_under_a_known_key_cost_no_more_time() {
    if !collides() {
        return;
    }
    let _turn = crowds::turn();
    let count = usize::try_from(raise_open_files().saturating_sub(crowds::DESCRIPTORS_KEPT));
    let count = count.unwrap().clamp(100, COUNT - 100);
    expect_alike(
        &format!("{count} names"),
        || cpu_time_for_names(count, ordinary_name),
        || cpu_time_for_names(count, colliding_name),
    );
}

/// The processor time that a daemon takes to make rooms, twenty for each client, and to find each.
fn cpu_time_for_rooms(room: impl Fn(usize) -> String) -> Duration {
    const ROOMS_EACH: usize = 20;
    let daemon = Daemon::start(&[]);
    let mut crowd: Vec<Client> = (0..COUNT / ROOMS_EACH)
        .map(|number| {
            let mut client = daemon.connect_raw();
            client.send(&format!("#user{number}\n/quiet on\n/part"));
            client.read_until_starting("* You have left lobby.");
            client
        })
        .collect();
    let before = daemon.cpu_time();
    for (number, client) in crowd.iter_mut().enumerate() {
        let own = number * ROOMS_EACH..(number + 1) * ROOMS_EACH;
        let joins = numbered(own.clone(), |number| format!("/join {}\n", room(number)));
        let looks = numbered(own, |number| format!("/names {}\n", room(number)));
        client.send_bytes((joins + &looks).as_bytes());
    }
    for client in &mut crowd {
        let lines = client.barrier();
        assert!(lines.iter().all(|line| line.starts_with("* ")), "{lines:?}");
    }
    crowd[0].send("/rooms 100");
    crowd[0].expect_line_starting(&format!("* {} rooms, page 100 of ", COUNT + 1));
    daemon.cpu_time().saturating_sub(before)
}

#[test]
fn rooms_that_collide_under_a_known_key_cost_no_more_time() {
    if !collides() {
        return;
    }
    expect_alike(
        &format!("{COUNT} rooms"),
        || cpu_time_for_rooms(ordinary_room),
        || cpu_time_for_rooms(colliding_room),
    );
}
