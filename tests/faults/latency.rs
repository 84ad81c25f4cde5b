//! The latency of messages: measured and shown, never asserted to the millisecond, as machines are
//! busy.

use std::time::{Duration, Instant};

use crate::harness::Client;

/// Times from a message's sending to its arrival.
#[derive(Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn note(&mut self, taken: Duration) {
        self.0.push(taken);
    }

    /// Shows them on standard error, and returns the longest.
    pub fn report(mut self, what: &str) -> Duration {
        self.0.sort_unstable();
        let at = |share: f64| {
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place in a list"
            )]
            let place = ((self.0.len() - 1) as f64 * share) as usize;
            self.0[place]
        };
        let worst = at(1.0);
        eprintln!(
            "{what}: {} messages; half arrived within {:?}, 99 of 100 within {:?}, the last within {worst:?}",
            self.0.len(),
            at(0.5),
            at(0.99),
        );
        worst
    }
}

/// Two clients that chat and must not notice the fault around them: each message arrives once, in order,
/// and each is answered before the next is sent.
pub struct Pair {
    pub alice: Client,
    pub bob: Client,
    said: u32,
    pub latencies: Latencies,
}

impl Pair {
    /// A pair of registered clients in a room of their own.
    pub fn new([mut alice, mut bob]: [Client; 2]) -> Self {
        for client in [&mut alice, &mut bob] {
            client.send("/quiet on");
            client.send("/join nook");
            client.send("/part lobby");
            client.barrier();
        }
        alice.barrier();
        Self {
            alice,
            bob,
            said: 0,
            latencies: Latencies::default(),
        }
    }

    /// One writes privately, the other answers in the room, and no other line comes.
    pub fn exchange(&mut self) {
        let Self { alice, bob, .. } = self;
        self.said += 1;
        let number = self.said;
        let start = Instant::now();
        alice.send(&format!("@bob:ping {number}"));
        bob.expect_line(&format!("@alice: ping {number}"));
        self.latencies.note(start.elapsed());
        let start = Instant::now();
        bob.send(&format!("pong {number}"));
        alice.expect_line(&format!("bob: pong {number}"));
        self.latencies.note(start.elapsed());
    }
}
