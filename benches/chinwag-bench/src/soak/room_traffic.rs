//! A room of the steady ones, spoken to at a fixed rate.

use std::time::Duration;

use crate::client::{ClientNo, clients};
use crate::dialect::Dialect;
use crate::ledger::RoomLedger;
use crate::outgoing::Outgoing;
use crate::recorder::Recorder;
use crate::schedule::Schedule;
use crate::stamp::{Kind, Stamp};
use crate::timestamp::Timestamp;

/// So many are sent at once at most; see there.
const SENT_AT_ONCE_MAX: usize = 1000;

/// Who is in a room, and how it is spoken to.
#[derive(Clone, Copy, Debug)]
pub struct RoomSpec {
    /// The first of its members, who follow one another.
    pub first: usize,
    /// How many they are.
    pub members: usize,
    /// How many of them, the first ones, speak.
    pub speakers: usize,
    /// Lines a second, all together.
    pub rate: f64,
    /// Bytes of a line.
    pub size: usize,
}

/// See the module's text.
#[derive(Debug)]
pub struct RoomTraffic {
    spec: RoomSpec,
    /// Knows members by their place in the room.
    pub ledger: RoomLedger,
    pub recorder: Recorder,
    /// `None` while nobody speaks.
    schedule: Option<Schedule>,
    next_speaker: usize,
    end: End,
}

/// What a server says too much about lines left out hides as many that are under way. So once all
/// is said, and heard or told of, each speaker says a last line: whoever has heard that has nothing
/// under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Somebody may speak yet, or nobody ever did.
    Open,
    /// The last lines are due once nothing seems to be under way.
    Due,
    Said,
}

impl RoomTraffic {
    pub fn new(spec: RoomSpec, dialect: Dialect, interval: Duration) -> Self {
        Self {
            spec,
            ledger: RoomLedger::new(spec.members, clients(spec.speakers).collect(), dialect),
            recorder: Recorder::new(interval),
            schedule: None,
            next_speaker: 0,
            end: End::Open,
        }
    }

    /// From now on it is spoken to.
    pub fn start(&mut self, now: Timestamp) {
        self.schedule = (self.spec.speakers > 0).then(|| Schedule::new(now, self.spec.rate));
    }

    pub fn stop(&mut self) {
        if self.schedule.take().is_some() {
            self.end = End::Due;
        }
    }

    /// How much is under way, or is still to be said.
    pub fn outstanding(&self) -> u64 {
        let lines = self.ledger.outstanding();
        match self.end {
            End::Open => lines,
            End::Due => lines.max(1),
            End::Said => lines.max(self.ledger.unheard_ends()),
        }
    }

    /// Says what is due, and when it wants to be asked again.
    pub fn due(&mut self, now: Timestamp, out: &mut Outgoing) -> Timestamp {
        let Some(mut schedule) = self.schedule else {
            if self.end == End::Due && self.ledger.outstanding() == 0 {
                self.end = End::Said;
                for _ in 0..self.spec.speakers {
                    self.speak(now, out);
                }
            }
            return Timestamp::NEVER;
        };
        for _ in 0..SENT_AT_ONCE_MAX {
            let Some(intended) = schedule.take(now) else {
                break;
            };
            self.speak(intended, out);
        }
        self.schedule = Some(schedule);
        schedule.next()
    }

    /// Whoever's turn it is says a line.
    fn speak(&mut self, intended: Timestamp, out: &mut Outgoing) {
        let place = self.next_speaker;
        self.next_speaker = (place + 1) % self.spec.speakers;
        let stamp = Stamp {
            kind: Kind::Room,
            sender: ClientNo::new(as_number(self.spec.first + place)),
            number: self.ledger.spoken(place),
            intended,
        };
        out.say_long(stamp, self.spec.size);
    }

    /// One of its speakers' lines arrived.
    pub fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: &Stamp) {
        let stamp = Stamp {
            sender: self.place_of(stamp.sender),
            ..*stamp
        };
        if self.ledger.arrived(self.place_of(by), &stamp).is_some() {
            self.recorder.record(at, stamp.intended);
        }
    }

    /// The server told a member that it left lines out.
    pub fn missed(&mut self, by: ClientNo, lines: u64) {
        self.ledger.missed(self.place_of(by), lines);
    }

    /// Whoever is not in the room has a place that nobody has.
    fn place_of(&self, who: ClientNo) -> ClientNo {
        let place = who.index().checked_sub(self.spec.first);
        ClientNo::new(place.map_or(u32::MAX, as_number))
    }
}

pub fn as_number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: RoomSpec = RoomSpec {
        first: 5,
        members: 3,
        speakers: 1,
        rate: 1.0,
        size: 64,
    };

    fn line(number: u32) -> Stamp {
        Stamp {
            kind: Kind::Room,
            sender: ClientNo::new(5),
            number,
            intended: Timestamp::default(),
        }
    }

    #[test]
    fn nothing_is_under_way_only_once_everyone_has_heard_the_last_line() {
        let dialect = Dialect::Chinwag;
        let [speaker, reader, late] = [5, 6, 7].map(ClientNo::new);
        let mut out = Outgoing::new(dialect, SPEC.size, 8);
        let mut room_traffic = RoomTraffic::new(SPEC, dialect, Duration::from_secs(1));
        let start = Timestamp::default();
        room_traffic.start(start);
        let _ = room_traffic.due(start.after(Duration::from_millis(1500)), &mut out);
        let first = 0;
        let last = room_traffic.ledger.spoken(0);
        assert!(last > first, "at least one was spoken");
        room_traffic.stop();
        assert_eq!(room_traffic.due(start, &mut out), Timestamp::NEVER);
        assert_eq!(room_traffic.end, End::Due, "something is under way");
        for number in first..=last {
            room_traffic.arrived(start, reader, &line(number));
        }
        // It was told too much, and everything is still under way to it.
        room_traffic.missed(late, u64::from(last) + 3);
        assert_eq!(room_traffic.ledger.outstanding(), 0);
        assert_eq!(
            room_traffic.outstanding(),
            1,
            "the last line is still to be said"
        );
        let _ = room_traffic.due(start, &mut out);
        assert_eq!(room_traffic.end, End::Said);
        room_traffic.arrived(start, reader, &line(last + 1));
        for number in first..=last + 1 {
            assert_eq!(room_traffic.outstanding(), 1, "{number}");
            room_traffic.arrived(start, late, &line(number));
        }
        assert_eq!(room_traffic.outstanding(), 0);
        assert_eq!(room_traffic.ledger.told_too_many(), u64::from(last) + 3);
        room_traffic.arrived(start, speaker, &line(last));
        assert_eq!(room_traffic.ledger.faults().duplicated, 1);
    }
}
