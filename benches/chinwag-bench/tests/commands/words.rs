//! What the load generator says beside its figures.

use super::BRIEFLY;
use crate::bench::{Bench, Ended};
use crate::harness::Daemon;

/// Runs it briefly, until it ends, against a server at an address.
fn run_at(address: &str, args: &[&str]) -> Ended {
    Bench::start(&[&["--addr", address], &BRIEFLY[..], args].concat()).wait()
}

/// What switches off the limits of a daemon that is tested from another machine.
const WITHOUT_LIMITS: [&str; 6] = [
    "--line-rate",
    "1000000",
    "--line-burst",
    "1000000",
    "--max-per-address",
    "100000",
];

#[test]
fn losses_to_a_line_rate_are_explained() {
    let args = ["rate", "--clients", "20", "--rate", "400"];
    let limited = ["--limit-loopback", "--max-per-address", "20"];
    let daemon =
        Daemon::start(&[&limited[..], &["--line-rate", "1", "--line-burst", "1"]].concat());
    let address = daemon.address().to_string();
    let ended = run_at(&address, &[&args[..], &["--drain", "0.1"]].concat());
    ended.expect_code(1);
    let note = ended.out.lines().find(|line| line.contains("--line-rate"));
    let note = note.expect(&ended.out);
    assert!(note.starts_with("Note: "), "{note}");
    let flags = WITHOUT_LIMITS.join(" ");
    assert!(note.contains(&flags), "{note}");

    let daemon = Daemon::start(&[&["--limit-loopback"], &WITHOUT_LIMITS[..]].concat());
    let ended = run_at(&daemon.address().to_string(), &args);
    ended.expect_code(0);
    assert!(!ended.out.contains("--line-rate"), "{}", ended.out);
}
