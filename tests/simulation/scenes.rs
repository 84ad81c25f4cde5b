//! What chance alone would seldom bring about: several things that must come together.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client_input::draw_habits;
use crate::clients::{Habits, Line, Person};
use crate::history::History;
use crate::lines::MARK;

/// What surrounds a text in a queue takes no more than this.
const ENVELOPE_BYTES: usize = 250;

/// What is summed up is told after this time.
const SUMMARY_TIME: Duration = Duration::from_secs(1);

/// A room with so many is told each join and leave at once.
const AT_ONCE_MAX: usize = 50;

/// Who hoards is written to so many times at most.
const HOARD_LINES_MAX: usize = 400;

impl History {
    /// Somebody whom a fan-out has not reached is gone, and another has their slot.
    pub fn a_place_changes_hands(&mut self) {
        self.everybody_reads();
        let Some(speaker) = self.find(|one| one.habits.resident && one.may_speak()) else {
            return;
        };
        self.say(speaker, "", 0);
        self.hear(speaker);
        self.turn();
        self.look();
        let waits = |person: &Person| {
            person.client.wire.borrow().to_client.is_empty() && !person.client.is_closed()
        };
        let Some(gone) = self.people.iter().rposition(waits) else {
            return;
        };
        if gone == 0 {
            return;
        }
        self.people[gone].reset();
        self.people[gone].tell(&mut self.server);
        self.turn();
        self.newcomer();
        self.turn();
        self.say(speaker, "", 0);
        self.hear(speaker);
        self.turn();
    }

    /// In a room of a few more than are told each join and leave at once somebody comes, enough
    /// others go, and then whoever came, all before that is told.
    pub fn a_crowd_thins_out(&mut self) {
        let is_here = |one: &&Person| !one.client.is_closed() && !one.is_unwelcome();
        let count = self.people.iter().filter(is_here).count();
        let too_many = count.saturating_sub(AT_ONCE_MAX);
        if count < AT_ONCE_MAX || too_many > 25 || !self.may_pass(SUMMARY_TIME) {
            return;
        }
        self.plodders_read();
        self.pass(SUMMARY_TIME); // what came and went before is told
        let habits = Habits {
            resident: true,
            newcomer: true,
            ..draw_habits(&mut self.chance)
        };
        let guest = self.arrive(habits);
        self.introduce(guest);
        self.run();
        let may_go = |one: &Person| !one.habits.resident && !one.client.is_closed();
        let others = (1..guest).filter(|who| may_go(&self.people[*who]));
        let leavers: Vec<usize> = others.take(too_many + 1).chain([guest]).collect();
        for who in leavers {
            self.people[who].reset();
            self.people[who].tell(&mut self.server);
            self.turn();
        }
    }

    /// In the middle of everything: once all is sent and read, every line has its answer.
    pub fn all_is_answered(&mut self) {
        for person in &mut self.people {
            person.deliver_all();
        }
        self.everybody_reads();
        self.everybody_reads(); // who had to wait for their output to be read is served
        for person in &self.people {
            let has_many_modes = person.sent.iter().any(|l| matches!(l, Line::ToPlain));
            if !person.habits.json || person.is_paced || !person.may_speak() || has_many_modes {
                continue;
            }
            // Whose name was still on its way is not let in, and nobody listens to the rest.
            if !person.habits.steady && was_too_late(&person.output) {
                continue;
            }
            let answers = answers_after_start(&person.output);
            assert_eq!(
                answers,
                Some(person.sent.len()),
                "answers that {} has by now",
                person.name
            );
            self.liveness_checks += 1;
        }
    }

    /// Some stop reading, and one is written to more than the others. Whoever is closed for it had
    /// too much, or most of all.
    pub fn hoarders(&mut self) {
        let Some(speaker) = self.find(|one| one.habits.steady && one.may_speak() && !one.is_paced)
        else {
            return;
        };
        // What they typed before is nobody's hoard.
        self.hear(speaker);
        self.everybody_reads();
        let may_hoard =
            |one: &Person| !one.reads_as_they_do() && one.may_speak() && !one.habits.resident;
        let mut slow: Vec<usize> = (1..self.people.len())
            .filter(|who| may_hoard(&self.people[*who]) && *who != speaker)
            .filter(|who| !self.people[*who].ignored.contains(&speaker))
            .collect();
        slow.truncate(5);
        let limits = self.plan.limits.clone();
        let (hard, total) = (limits.output_hard_bytes_max, limits.output_total_bytes_max);
        let bytes_max = hard.min(total) + total / 2;
        if slow.len() < 2 || bytes_max > HOARD_LINES_MAX * limits.line_bytes_max / 2 {
            return;
        }
        for who in &slow {
            self.people[*who].set_room(0, usize::MAX, false);
            self.people[*who].tell(&mut self.server);
        }
        let mut queued: BTreeMap<usize, usize> = slow.iter().map(|who| (*who, 0)).collect();
        for round in 0..HOARD_LINES_MAX {
            let whom = match round % 3 {
                0 => self.chance.pick(&slow),
                _ => slow[0],
            };
            let filling = limits.line_bytes_max - 40;
            if !self.type_private_to(speaker, &[whom], filling) {
                continue;
            }
            let before = self.server.switchboard.waiting_bytes();
            self.hear(speaker);
            self.run();
            // That one leaves is told to the others, which can be too much for the next.
            let closed = slow.iter().copied();
            let closed = closed.filter(|who| self.people[*who].client.is_closed());
            let Some(closed) = closed.max_by_key(|who| queued[who]) else {
                // Nobody else has anything waiting.
                let bytes = self.server.switchboard.waiting_bytes() - before;
                *queued.entry(whom).or_default() += bytes;
                // What is remembered of each message counts, too.
                assert!(
                    queued[&whom] <= 2 * hard,
                    "c{whom} has {} waiting",
                    queued[&whom]
                );
                continue;
            };
            self.hoards += 1;
            let most = queued.values().copied().max().unwrap_or_default();
            // The last line is not among what they had, and was twice as long if it was JSON.
            let one = queued[&closed] + 2 * limits.line_bytes_max + ENVELOPE_BYTES;
            assert!(
                one >= hard || one >= most,
                "c{closed} was closed for {one} bytes, and another had {most}"
            );
            break;
        }
        self.look();
    }

    /// Somebody takes the better part of a long queue, just to a line's end, and then breaks.
    pub fn a_deep_queue_is_cut(&mut self) {
        let limits = self.plan.limits.clone();
        let Some(speaker) = self.find(|one| one.habits.steady && one.may_speak() && !one.is_paced)
        else {
            return;
        };
        let may_break =
            |one: &Person| !one.reads_as_they_do() && one.may_speak() && !one.habits.resident;
        let mut others = 1..self.people.len();
        let Some(whom) = others.find(|who| *who != speaker && may_break(&self.people[*who])) else {
            return;
        };
        self.people[whom].set_room(0, usize::MAX, false);
        self.people[whom].tell(&mut self.server);
        let bytes = (limits.output_hard_bytes_max / 2).min(80 << 10);
        let line_bytes = limits.line_bytes_max - 40;
        for _ in 0..(bytes / 2 / line_bytes).min(200) {
            self.type_private_to(speaker, &[whom], line_bytes);
        }
        self.hear(speaker);
        self.run();
        for room in [bytes / 2, 2 * limits.line_bytes_max] {
            let room = self.chance.between(room / 2..=room);
            self.people[whom].set_room_for_lines(room);
            self.people[whom].tell(&mut self.server);
            self.turn();
        }
        self.look();
        if self.chance.one_in(2) {
            self.people[whom].reset();
            self.people[whom].tell(&mut self.server);
            self.turn();
        }
    }

    /// One turn says more to all than may be put off.
    pub fn flood(&mut self) {
        self.everybody_reads();
        let Some(speaker) =
            self.find(|one| one.habits.resident && one.may_speak() && !one.is_paced)
        else {
            return;
        };
        for _ in 0..self.plan.limits.turn_lines_max {
            self.say_in_full(speaker);
        }
        self.hear(speaker);
        self.run();
        self.look();
    }

    fn find(&self, is_right: impl Fn(&Person) -> bool) -> Option<usize> {
        // The witness says nothing.
        let place = self.people[1..].iter().position(is_right)?;
        Some(place + 1)
    }
}

/// Whether somebody was told that their time to register is over.
fn was_too_late(output: &[u8]) -> bool {
    let notice = b"! You did not register in time.";
    output.windows(notice.len()).any(|bytes| bytes == notice)
}

/// How many answers in JSON came behind the one from which on they count.
fn answers_after_start(output: &[u8]) -> Option<usize> {
    let start = b"pong START";
    let start = output
        .windows(start.len())
        .position(|bytes| bytes == start)?;
    let lines = output[start..].split(|byte| *byte == b'\n').skip(1);
    let is_answer = |line: &&[u8]| {
        line.starts_with(b"{\"type\":\"ok\"") || line.starts_with(b"{\"type\":\"error\"")
    };
    Some(
        lines
            .map(without_refusals)
            .filter(|line| is_answer(line))
            .count(),
    )
}

/// Telnet's answers stand before a line.
fn without_refusals(mut line: &[u8]) -> &[u8] {
    let _ = crate::client_input::take_refusals(&mut line);
    line
}

/// The number that whatever was uttered begins with.
pub fn number_in(text: &str) -> usize {
    let text = text.strip_prefix(MARK).unwrap_or(text);
    let number = text.split(' ').next().unwrap_or_default().parse();
    number.unwrap_or_else(|_| panic!("nobody said this: {text}"))
}
