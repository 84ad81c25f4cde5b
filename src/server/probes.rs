//! Probes: silent peers that are asked whether they are there, because someone wants their names.
//!
//! A peer that has rebooted, or whose process went while its network was away, answers with a reset; its
//! connection then ends as any broken one. A peer that is there answers, and nothing changes for it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::chat::ids::ClientId;
use crate::chat::time::Timestamp;

/// The silence after which a peer is asked, during a probe: the least that the kernel has.
pub const PROBE_SILENCE: Duration = Duration::from_secs(1);

/// How long a probe lasts. The kernel asks within [`PROBE_SILENCE`], and repeats it so late that it is not
/// awaited. As no other begins meanwhile, a name asked for all the time costs its holder few packets.
pub const PROBE_TIME: Duration = Duration::from_secs(3);

/// A probe under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The transport gives a lost peer up within a known time.
    Bounded,
    /// It does not, or it cannot ask.
    Unbounded,
}

/// The probes under way, in the order of their ends: at most one for each connection.
#[derive(Debug, Default)]
pub struct Probes {
    ends: VecDeque<(Timestamp, ClientId)>,
}

impl Probes {
    /// Notes that a probe of `id` begins.
    pub fn push(&mut self, now: Timestamp, id: ClientId) {
        self.ends.push_back((now.after(PROBE_TIME), id));
    }

    /// When the next probe ends.
    pub fn next_end(&self) -> Timestamp {
        let next = self.ends.front();
        next.map_or(Timestamp::NEVER, |(end, _)| *end)
    }

    /// Takes out a connection whose probe is over. It may be gone.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<ClientId> {
        let (end, id) = *self.ends.front()?;
        if end > now {
            return None;
        }
        self.ends.pop_front();
        Some(id)
    }
}
