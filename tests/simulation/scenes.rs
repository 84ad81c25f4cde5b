//! What chance alone would seldom bring about: several things that must come together.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client_input::draw_habits;
use crate::clients::{Client, Habits, Line};
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
        self.all_clients_read();
        let Some(speaker) = self.find(|one| one.habits.resident && one.may_speak()) else {
            return;
        };
        self.say(speaker, "", 0);
        self.hear(speaker);
        self.turn();
        self.look();
        let waits = |client: &Client| {
            client.connection.socket.borrow().to_client.is_empty() && !client.connection.is_closed()
        };
        let Some(gone) = self.clients.iter().rposition(waits) else {
            return;
        };
        if gone == 0 {
            return;
        }
        self.clients[gone].reset();
        self.clients[gone].tell(&mut self.server);
        self.turn();
        self.new_client();
        self.turn();
        self.say(speaker, "", 0);
        self.hear(speaker);
        self.turn();
    }

    /// In a room of a few more than are told each join and leave at once somebody comes, enough
    /// others go, and then whoever came, all before that is told.
    pub fn a_crowd_thins_out(&mut self) {
        let is_here = |one: &&Client| !one.connection.is_closed() && !one.is_unwelcome();
        let count = self.clients.iter().filter(is_here).count();
        let too_many = count.saturating_sub(AT_ONCE_MAX);
        if count < AT_ONCE_MAX || too_many > 25 || !self.may_pass(SUMMARY_TIME) {
            return;
        }
        self.plodders_read();
        self.pass(SUMMARY_TIME); // what came and went before is told
        let habits = Habits {
            resident: true,
            newcomer: true,
            ..draw_habits(&mut self.rng)
        };
        let guest = self.arrive(habits);
        self.introduce(guest);
        self.run();
        let may_go = |one: &Client| !one.habits.resident && !one.connection.is_closed();
        let others = (1..guest).filter(|who| may_go(&self.clients[*who]));
        let leavers: Vec<usize> = others.take(too_many + 1).chain([guest]).collect();
        for who in leavers {
            self.clients[who].reset();
            self.clients[who].tell(&mut self.server);
            self.turn();
        }
    }

    /// In the middle of everything: once all is sent and read, every line has its answer.
    pub fn all_is_answered(&mut self) {
        for client in &mut self.clients {
            client.deliver_all();
        }
        self.all_clients_read();
        self.all_clients_read(); // who had to wait for their output to be read is served
        for client in &self.clients {
            let has_many_modes = client.sent.iter().any(|l| matches!(l, Line::ToPlain));
            if !client.habits.json || client.is_paced || !client.may_speak() || has_many_modes {
                continue;
            }
            // Whose name was still on its way is not let in, and nobody listens to the rest.
            if !client.habits.steady && was_too_late(&client.output) {
                continue;
            }
            let answers = answers_after_start(&client.output);
            assert_eq!(
                answers,
                Some(client.sent.len()),
                "answers that {} has by now",
                client.name
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
        self.all_clients_read();
        let may_hoard =
            |one: &Client| !one.reads_as_they_do() && one.may_speak() && !one.habits.resident;
        let mut slow: Vec<usize> = (1..self.clients.len())
            .filter(|who| may_hoard(&self.clients[*who]) && *who != speaker)
            .filter(|who| !self.clients[*who].ignored.contains(&speaker))
            .collect();
        slow.truncate(5);
        let limits = self.plan.limits.clone();
        let (hard, total) = (limits.output_hard_bytes_max, limits.output_total_bytes_max);
        let bytes_max = hard.min(total) + total / 2;
        if slow.len() < 2 || bytes_max > HOARD_LINES_MAX * limits.line_bytes_max / 2 {
            return;
        }
        for who in &slow {
            self.clients[*who].set_space(0, usize::MAX, false);
            self.clients[*who].tell(&mut self.server);
        }
        let mut queued: BTreeMap<usize, usize> = slow.iter().map(|who| (*who, 0)).collect();
        for round in 0..HOARD_LINES_MAX {
            let whom = match round % 3 {
                0 => self.rng.pick(&slow),
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
            let closed = closed.filter(|who| self.clients[*who].connection.is_closed());
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
            |one: &Client| !one.reads_as_they_do() && one.may_speak() && !one.habits.resident;
        let mut others = 1..self.clients.len();
        let Some(whom) = others.find(|who| *who != speaker && may_break(&self.clients[*who]))
        else {
            return;
        };
        self.clients[whom].set_space(0, usize::MAX, false);
        self.clients[whom].tell(&mut self.server);
        let bytes = (limits.output_hard_bytes_max / 2).min(80 << 10);
        let line_bytes = limits.line_bytes_max - 40;
        for _ in 0..(bytes / 2 / line_bytes).min(200) {
            self.type_private_to(speaker, &[whom], line_bytes);
        }
        self.hear(speaker);
        self.run();
        for space in [bytes / 2, 2 * limits.line_bytes_max] {
            let space = self.rng.between(space / 2..=space);
            self.clients[whom].set_space_for_lines(space);
            self.clients[whom].tell(&mut self.server);
            self.turn();
        }
        self.look();
        if self.rng.one_in(2) {
            self.clients[whom].reset();
            self.clients[whom].tell(&mut self.server);
            self.turn();
        }
    }

    /// One turn says more to all than may be put off.
    pub fn flood(&mut self) {
        self.all_clients_read();
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

    fn find(&self, is_right: impl Fn(&Client) -> bool) -> Option<usize> {
        // The witness says nothing.
        let place = self.clients[1..].iter().position(is_right)?;
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
