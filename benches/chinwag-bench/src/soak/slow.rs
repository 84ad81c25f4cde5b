//! Members of the busy room that read slowly. None of them is closed, and each is told how much it
//! missed, to the line.

use std::time::Duration;

use fastrand::Rng;

use super::Population;
use super::visitors::Tally;
use crate::client::ClientNo;
use crate::clients::Clients;
use crate::timestamp::Timestamp;

/// Between two reads of a member that reads a little all the time: 64 KiB each make less than the room
/// says, so that what the kernel takes for it is always full.
const SLOW_READ_SECONDS: f64 = 0.25;

/// How long a member reads nothing: long enough to fill what the kernel takes (128 KiB, as the server
/// asks it to, in less than a second) and the soft limit (64 KiB), and well shorter than
/// [`STALL_TIME`](super::STALL_TIME), which runs for nearly all of a pause.
const PAUSE_SECONDS: (f64, f64) = (4.0, 12.0);

/// Between two pauses, on average.
const AWAKE_SECONDS: f64 = 20.0;

/// In a short soak, this share of it is the longest pause.
const PAUSE_SHARE: f64 = 0.25;

/// The first half of them reads a little all the time, the other half pauses for long.
pub struct SlowReaders {
    readers: Vec<Reader>,
    pause_seconds: (f64, f64),
    rng: Rng,
    pub tally: Tally,
}

struct Reader {
    who: ClientNo,
    reads_slowly: bool,
    is_paused: bool,
    next: Timestamp,
}

impl SlowReaders {
    pub fn new(population: Population, time: Duration, rng: Rng) -> Self {
        let first = population.members - population.slow;
        let reader = |place: usize| Reader {
            who: ClientNo::at(first + place),
            reads_slowly: place < population.slow / 2,
            is_paused: false,
            next: Timestamp::NEVER,
        };
        let longest = (time.as_secs_f64() * PAUSE_SHARE).min(PAUSE_SECONDS.1);
        Self {
            readers: (0..population.slow).map(reader).collect(),
            pause_seconds: (PAUSE_SECONDS.0.min(longest / 2.0), longest),
            rng,
            tally: Tally::new(),
        }
    }

    pub fn start(&mut self, now: Timestamp, out: &mut Clients) {
        for reader in &mut self.readers {
            reader.next = now;
            if reader.reads_slowly {
                out.pause_reads(reader.who);
            } else {
                let awake = AWAKE_SECONDS.min(self.pause_seconds.1) * self.rng.f64();
                reader.next = now.after(Duration::from_secs_f64(awake));
            }
        }
    }

    pub fn stop(&mut self, out: &mut Clients) {
        for reader in &self.readers {
            out.resume_reads(reader.who);
        }
    }

    pub fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        let (least, most) = self.pause_seconds;
        for reader in self.readers.iter_mut().filter(|reader| reader.next <= now) {
            let (seconds, what) = if reader.reads_slowly {
                out.read_once(reader.who);
                (SLOW_READ_SECONDS, "slow_reads")
            } else if reader.is_paused {
                out.resume_reads(reader.who);
                (
                    AWAKE_SECONDS.min(most) * 2.0 * self.rng.f64(),
                    "read_resumes",
                )
            } else {
                out.pause_reads(reader.who);
                (least + (most - least) * self.rng.f64(), "read_pauses")
            };
            reader.is_paused = what == "read_pauses";
            reader.next = now.after(Duration::from_secs_f64(seconds));
            *self.tally.entry(what).or_default() += 1;
        }
        let next = self.readers.iter().map(|reader| reader.next);
        next.min().unwrap_or(Timestamp::NEVER)
    }
}
