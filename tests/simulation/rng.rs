//! The random numbers of a history: the same seed gives the same history.

use std::ops::RangeInclusive;

#[derive(Debug)]
pub struct Rng(fastrand::Rng);

impl Rng {
    pub fn from_seed(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// One of 0, 1, … up to the number before `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end.max(1))
    }

    pub fn between(&mut self, range: RangeInclusive<usize>) -> usize {
        self.0.usize(range)
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}
