//! Members of the busy room who read slowly. None of them is closed, and each is told how much it
//! missed, to the line.

use std::time::Duration;

use fastrand::Rng;

use crate::client::ClientNo;
use crate::moment::Moment;
use crate::outgoing::Outgoing;

use super::Crew;
use super::guests::Tally;
use super::hall::as_number;

/// Between two reads of one who reads a little all the time: 64 KiB each make less than the room
/// says, so that what the kernel takes for it is always full. That it reads has to be noticed all
/// the same: the server asks the kernel to take so little that it soon tells.
const SIP_SECONDS: f64 = 0.25;

/// How long one naps who reads nothing for a while: long enough to fill what the kernel takes (128
/// KiB, as the server asks it to, in less than a second) and the soft limit (64 KiB), and well
/// shorter than [`STALL_TIME`](super::STALL_TIME), which runs for nearly all of a nap.
const NAP_SECONDS: (f64, f64) = (4.0, 12.0);

/// Between two naps, on average.
const AWAKE_SECONDS: f64 = 20.0;

/// In a short soak, this share of it is the longest nap.
const NAP_SHARE: f64 = 0.25;

/// See the module's text. The first half of them sips, the other half naps.
#[derive(Debug)]
pub struct SlowReaders {
    readers: Vec<Reader>,
    nap_seconds: (f64, f64),
    rng: Rng,
    pub tally: Tally,
}

#[derive(Debug)]
struct Reader {
    who: ClientNo,
    sips: bool,
    naps_now: bool,
    /// When it does something else.
    next: Moment,
}

impl SlowReaders {
    pub fn new(crew: Crew, time: Duration, rng: Rng) -> Self {
        let first = crew.members - crew.slow;
        let reader = |place: usize| Reader {
            who: ClientNo::new(as_number(first + place)),
            sips: place < crew.slow / 2,
            naps_now: false,
            next: Moment::NEVER,
        };
        let longest = (time.as_secs_f64() * NAP_SHARE).min(NAP_SECONDS.1);
        Self {
            readers: (0..crew.slow).map(reader).collect(),
            nap_seconds: (NAP_SECONDS.0.min(longest / 2.0), longest),
            rng,
            tally: Tally::new(),
        }
    }

    pub fn start(&mut self, now: Moment, out: &mut Outgoing) {
        for reader in &mut self.readers {
            if reader.sips {
                out.pause(reader.who);
                reader.next = now;
            } else {
                let awake = AWAKE_SECONDS.min(self.nap_seconds.1) * self.rng.f64();
                reader.next = now.after(Duration::from_secs_f64(awake));
            }
        }
    }

    pub fn stop(&mut self, out: &mut Outgoing) {
        for reader in &mut self.readers {
            out.resume(reader.who);
        }
    }

    pub fn due(&mut self, now: Moment, out: &mut Outgoing) -> Moment {
        let (least, most) = self.nap_seconds;
        let mut first = Moment::NEVER;
        for reader in &mut self.readers {
            if reader.next <= now {
                let (seconds, what) = if reader.sips {
                    out.sip(reader.who);
                    (SIP_SECONDS, "sips")
                } else if reader.naps_now {
                    out.resume(reader.who);
                    (AWAKE_SECONDS.min(most) * 2.0 * self.rng.f64(), "wakes")
                } else {
                    out.pause(reader.who);
                    (least + (most - least) * self.rng.f64(), "naps")
                };
                reader.naps_now = what == "naps";
                reader.next = now.after(Duration::from_secs_f64(seconds));
                *self.tally.entry(what).or_default() += 1;
            }
            first = first.min(reader.next);
        }
        first
    }
}
