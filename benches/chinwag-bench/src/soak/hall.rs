//! A room of the steady ones, spoken to at a fixed rate.

use std::time::Duration;

use crate::client::{ClientNo, clients};
use crate::dialect::Dialect;
use crate::ledger::RoomLedger;
use crate::moment::Moment;
use crate::outgoing::Outgoing;
use crate::recorder::Recorder;
use crate::schedule::Schedule;
use crate::stamp::{Kind, Stamp};

/// So many are sent at once at most; see there.
const SENT_AT_ONCE_MAX: usize = 1000;

/// Who is in a room, and how it is spoken to.
#[derive(Clone, Copy, Debug)]
pub struct Seats {
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
pub struct Hall {
    seats: Seats,
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

impl Hall {
    pub fn new(seats: Seats, dialect: Dialect, interval: Duration) -> Self {
        Self {
            seats,
            ledger: RoomLedger::new(seats.members, clients(seats.speakers).collect(), dialect),
            recorder: Recorder::new(interval),
            schedule: None,
            next_speaker: 0,
            end: End::Open,
        }
    }

    /// From now on it is spoken to.
    pub fn start(&mut self, now: Moment) {
        self.schedule = (self.seats.speakers > 0).then(|| Schedule::new(now, self.seats.rate));
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
    pub fn due(&mut self, now: Moment, out: &mut Outgoing) -> Moment {
        let Some(mut schedule) = self.schedule else {
            if self.end == End::Due && self.ledger.outstanding() == 0 {
                self.end = End::Said;
                for _ in 0..self.seats.speakers {
                    self.speak(now, out);
                }
            }
            return Moment::NEVER;
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
    fn speak(&mut self, intended: Moment, out: &mut Outgoing) {
        let place = self.next_speaker;
        self.next_speaker = (place + 1) % self.seats.speakers;
        let stamp = Stamp {
            kind: Kind::Room,
            sender: ClientNo::new(as_number(self.seats.first + place)),
            number: self.ledger.spoken(place),
            intended,
        };
        out.say_long(stamp, self.seats.size);
    }

    /// One of its speakers' lines arrived.
    pub fn arrived(&mut self, at: Moment, by: ClientNo, stamp: &Stamp) {
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
        let place = who.index().checked_sub(self.seats.first);
        ClientNo::new(place.map_or(u32::MAX, as_number))
    }
}

pub fn as_number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEATS: Seats = Seats {
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
            intended: Moment::default(),
        }
    }

    #[test]
    fn nothing_is_under_way_only_once_everyone_has_heard_the_last_line() {
        let dialect = Dialect::Chinwag;
        let [speaker, reader, late] = [5, 6, 7].map(ClientNo::new);
        let mut out = Outgoing::new(dialect, SEATS.size, 8);
        let mut hall = Hall::new(SEATS, dialect, Duration::from_secs(1));
        let start = Moment::default();
        hall.start(start);
        let _ = hall.due(start.after(Duration::from_millis(1500)), &mut out);
        let first = 0;
        let last = hall.ledger.spoken(0);
        assert!(last > first, "at least one was spoken");
        hall.stop();
        assert_eq!(hall.due(start, &mut out), Moment::NEVER);
        assert_eq!(hall.end, End::Due, "something is under way");
        for number in first..=last {
            hall.arrived(start, reader, &line(number));
        }
        // It was told too much, and everything is still under way to it.
        hall.missed(late, u64::from(last) + 3);
        assert_eq!(hall.ledger.outstanding(), 0);
        assert_eq!(hall.outstanding(), 1, "the last line is still to be said");
        let _ = hall.due(start, &mut out);
        assert_eq!(hall.end, End::Said);
        hall.arrived(start, reader, &line(last + 1));
        for number in first..=last + 1 {
            assert_eq!(hall.outstanding(), 1, "{number}");
            hall.arrived(start, late, &line(number));
        }
        assert_eq!(hall.outstanding(), 0);
        assert_eq!(hall.ledger.told_too_many(), u64::from(last) + 3);
        hall.arrived(start, speaker, &line(last));
        assert_eq!(hall.ledger.faults().duplicated, 1);
    }
}
