//! Delays at random places, on request: a test that relies on a quick machine fails.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// Any value asks for delays.
const VARIABLE: &str = "CHINWAG_DELAYS";

/// The time for which a busy machine may hold up a thread.
const DELAY_MAX: Duration = Duration::from_secs(2);

/// The delays of a thread, at most, so that each test ends.
const DELAYS_MAX: u32 = 5;

/// One call in this number delays.
const RARITY: u64 = 10;

/// Delays this thread now and then.
pub fn delay() {
    static ARE_ASKED_FOR: OnceLock<bool> = OnceLock::new();
    thread_local!(static LEFT: Cell<u32> = const { Cell::new(DELAYS_MAX) });
    let left = LEFT.get();
    if left == 0 || !ARE_ASKED_FOR.get_or_init(|| std::env::var_os(VARIABLE).is_some()) {
        return;
    }
    // Each `RandomState` has keys of its own.
    let dice = RandomState::new().hash_one(left);
    if dice.is_multiple_of(RARITY) {
        LEFT.set(left - 1);
        let part = u32::try_from(dice >> 8 & 0xff).unwrap();
        thread::sleep(DELAY_MAX * part / 0xff);
    }
}
