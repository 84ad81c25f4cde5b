//! Lines in a room, each to all of its members.

use std::time::Duration;

use super::{Pace, SENT_AT_ONCE_MAX, Schedule};
use crate::client::{ClientNo, clients};
use crate::clients::Clients;
use crate::dialect::{Dialect, Template};
use crate::ledger::RoomLedger;
use crate::recorder::Recorder;
use crate::stamp::{Kind, Stamp};
use crate::timestamp::Timestamp;

/// A room's members, and how it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoomSpec {
    /// The first of its members; their numbers are consecutive.
    pub first: usize,
    pub members: usize,
    /// How many of the members, the first ones, speak.
    pub speakers: usize,
    /// Of each speaker in a closed loop, of all together in an open one.
    pub pace: Pace,
    pub size: usize,
    /// Whether each speaker ends with a line that all others must have heard.
    ///
    /// A server that tells a member of more missed lines than there were hides as many in flight; a
    /// member that has heard the last line has none.
    pub has_last_lines: bool,
}

impl RoomSpec {
    /// The first clients, of whom some speak.
    pub const fn of(members: usize, speakers: usize, pace: Pace) -> Self {
        Self {
            first: 0,
            members,
            speakers,
            pace,
            size: 0,
            has_last_lines: false,
        }
    }
}

pub struct RoomTraffic {
    spec: RoomSpec,
    template: Template,
    /// Knows members by their place in the room.
    pub ledger: RoomLedger,
    pub recorder: Recorder,
    schedule: Option<Schedule>,
    next_speaker: usize,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Silent,
    Spoken,
    /// The last lines are due once nothing seems to be under way.
    LastLinesDue,
    LastLinesSaid,
}

impl RoomTraffic {
    pub fn new(spec: RoomSpec, dialect: Dialect, interval: Duration) -> Self {
        let speakers = clients(spec.speakers.min(spec.members)).collect();
        Self {
            spec,
            template: dialect.say(spec.size),
            ledger: RoomLedger::new(spec.members, speakers, dialect),
            recorder: Recorder::new(interval),
            schedule: None,
            next_speaker: 0,
            phase: Phase::Silent,
        }
    }

    pub fn start(&mut self, now: Timestamp, out: &mut Clients) {
        if self.spec.speakers == 0 {
            return;
        }
        self.phase = Phase::Spoken;
        match self.spec.pace {
            Pace::Rate(rate) => self.schedule = Some(Schedule::new(now, rate)),
            Pace::Window(window) => {
                for speaker in 0..self.spec.speakers.min(self.spec.members) {
                    for _ in 0..window {
                        self.say(now, speaker, out);
                    }
                }
            }
        }
    }

    pub fn end(&mut self, now: Timestamp) {
        self.recorder.end(now);
        self.schedule = None;
        self.phase = match self.phase {
            Phase::Spoken if self.spec.has_last_lines => Phase::LastLinesDue,
            _ => Phase::Silent,
        };
    }

    /// Lines in flight, or still to be said.
    pub fn outstanding(&self) -> u64 {
        let lines = self.ledger.outstanding();
        match self.phase {
            Phase::Silent | Phase::Spoken => lines,
            Phase::LastLinesDue => lines.max(1),
            Phase::LastLinesSaid => lines.max(self.ledger.unheard_ends()),
        }
    }

    pub fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        if self.phase == Phase::LastLinesDue && self.ledger.outstanding() == 0 {
            self.phase = Phase::LastLinesSaid;
            for speaker in 0..self.spec.speakers {
                self.say(now, speaker, out);
            }
        }
        let Some(mut schedule) = self.schedule else {
            return Timestamp::NEVER;
        };
        for _ in 0..SENT_AT_ONCE_MAX {
            let Some(intended) = schedule.take(now) else {
                break;
            };
            self.say(intended, self.next_speaker, out);
            self.next_speaker = (self.next_speaker + 1) % self.spec.speakers;
        }
        self.schedule = Some(schedule);
        schedule.next()
    }

    fn say(&mut self, intended: Timestamp, speaker: usize, out: &mut Clients) {
        let stamp = Stamp {
            kind: Kind::Room,
            sender: ClientNo::at(self.spec.first + speaker),
            number: self.ledger.spoken(speaker),
            intended,
        };
        let template = &self.template;
        out.append(stamp.sender, |bytes| template.write(bytes, None, &stamp));
    }

    pub fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: &Stamp, out: &mut Clients) {
        let stamp = Stamp {
            sender: self.place_of(stamp.sender),
            ..*stamp
        };
        let Some((speaker, is_complete)) = self.ledger.arrived(self.place_of(by), &stamp) else {
            return;
        };
        self.recorder.record(at, stamp.intended);
        let is_closed_loop = matches!(self.spec.pace, Pace::Window(_));
        if is_complete && is_closed_loop && self.phase == Phase::Spoken {
            self.say(at, speaker, out);
        }
    }

    pub fn missed(&mut self, by: ClientNo, lines: u64) {
        self.ledger.missed(self.place_of(by), lines);
    }

    pub fn has_speaker(&self, who: ClientNo) -> bool {
        self.place_of(who).index() < self.spec.members
    }

    /// A client's place in the room; one that no member has for all others.
    fn place_of(&self, who: ClientNo) -> ClientNo {
        let place = who.index().checked_sub(self.spec.first);
        ClientNo::at(place.unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Phase::{LastLinesDue, LastLinesSaid};

    const SPEC: RoomSpec = RoomSpec {
        first: 5,
        members: 3,
        speakers: 1,
        pace: Pace::Rate(1.0),
        size: 64,
        has_last_lines: true,
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
    fn nothing_is_under_way_once_all_members_have_heard_the_last_line() {
        let [speaker, reader, late] = [5, 6, 7].map(ClientNo::new);
        let mut out = Clients::new(Dialect::Chinwag, SPEC.size, 8);
        let mut room = RoomTraffic::new(SPEC, Dialect::Chinwag, Duration::from_secs(1));
        let start = Timestamp::default();
        room.start(start, &mut out);
        let _ = room.due(start.after(Duration::from_millis(1500)), &mut out);
        let first = 0;
        let last = room.ledger.spoken(0);
        assert!(last > first, "at least one was spoken");
        room.end(start);
        assert_eq!(room.due(start, &mut out), Timestamp::NEVER);
        assert_eq!(room.phase, LastLinesDue, "something is under way");
        for number in first..=last {
            room.arrived(start, reader, &line(number), &mut out);
        }
        // It was told too much, and everything is still under way to it.
        room.missed(late, u64::from(last) + 3);
        assert_eq!(room.ledger.outstanding(), 0);
        assert_eq!(room.outstanding(), 1, "the last line is still to be said");
        let _ = room.due(start, &mut out);
        assert_eq!(room.phase, LastLinesSaid);
        room.arrived(start, reader, &line(last + 1), &mut out);
        for number in first..=last + 1 {
            assert_eq!(room.outstanding(), 1, "{number}");
            room.arrived(start, late, &line(number), &mut out);
        }
        assert_eq!(room.outstanding(), 0);
        assert_eq!(room.ledger.told_too_many(), u64::from(last) + 3);
        room.arrived(start, speaker, &line(last), &mut out);
        assert_eq!(room.ledger.errors().duplicated, 1);
    }
}
