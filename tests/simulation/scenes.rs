//! Coincidences that chance alone would seldom bring about.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client_input::draw_habits;
use crate::clients::{Client, Habits, Line};
use crate::history::History;
use crate::lines::SIGILS;

/// The bytes around a text in a queue, at most.
const ENVELOPE_BYTES: usize = 250;

/// The delay of a presence summary.
const SUMMARY_TIME: Duration = Duration::from_secs(1);

/// A room of this size is told each join and leave at once.
const AT_ONCE_MAX: usize = 50;

/// Messages to the stalled readers, at most.
const STALLED_LINES_MAX: usize = 400;

impl History {
    /// A client that a fan-out has not reached is gone, and another gets its slot.
    pub fn slot_is_reused(&mut self) {
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
        self.clients[gone].reset(&mut self.rng);
        self.clients[gone].tell(&mut self.server);
        self.turn();
        self.new_client();
        self.turn();
        self.say(speaker, "", 0);
        self.hear(speaker);
        self.turn();
    }

    /// A client joins a room slightly too large for immediate notices; enough others leave, and then the
    /// client itself, all before the summary.
    pub fn crowd_shrinks(&mut self) {
        let is_here = |one: &&Client| !one.connection.is_closed() && !one.is_unwelcome();
        let count = self.clients.iter().filter(is_here).count();
        let too_many = count.saturating_sub(AT_ONCE_MAX);
        if count < AT_ONCE_MAX || too_many > 25 || !self.may_pass(SUMMARY_TIME) {
            return;
        }
        self.slow_readers_read();
        self.pass(SUMMARY_TIME); // earlier changes are told
        let habits = Habits {
            resident: true,
            newcomer: true,
            ..draw_habits(&mut self.rng)
        };
        let guest = self.arrive(habits);
        self.deliver_first_lines(guest);
        self.run();
        let may_go = |one: &Client| !one.habits.resident && !one.connection.is_closed();
        let others = (1..guest).filter(|index| may_go(&self.clients[*index]));
        let leavers: Vec<usize> = others.take(too_many + 1).chain([guest]).collect();
        for index in leavers {
            self.clients[index].reset(&mut self.rng);
            self.clients[index].tell(&mut self.server);
            self.turn();
        }
    }

    /// In the middle of a history: once all is sent and read, every line has its answer.
    pub fn check_all_answered(&mut self) {
        for client in &mut self.clients {
            client.deliver_all();
        }
        self.all_clients_read();
        self.all_clients_read(); // clients held back by their unread output are served
        for client in &self.clients {
            let has_many_modes = client.sent.iter().any(|l| matches!(l, Line::ToPlain));
            if !client.habits.json || client.is_paced || !client.may_speak() || has_many_modes {
                continue;
            }
            // The server drops the lines of a client whose name came too late.
            if !client.habits.reads_at_once && was_too_late(&client.output) {
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

    /// Some clients stop reading, and one of them gets more messages than the others. A client closed for
    /// that has passed the hard limit or has the largest queue.
    pub fn stalled_readers(&mut self) {
        let Some(speaker) =
            self.find(|one| one.habits.reads_at_once && one.may_speak() && !one.is_paced)
        else {
            return;
        };
        // The speaker's earlier lines do not count.
        self.hear(speaker);
        self.all_clients_read();
        let may_stall =
            |one: &Client| !one.has_fixed_pace() && one.may_speak() && !one.habits.resident;
        let mut slow: Vec<usize> = (1..self.clients.len())
            .filter(|index| may_stall(&self.clients[*index]) && *index != speaker)
            .filter(|index| !self.clients[*index].ignored.contains(&speaker))
            .collect();
        slow.truncate(5);
        let limits = self.plan.limits.clone();
        let (hard, total) = (limits.output_hard_bytes_max, limits.output_total_bytes_max);
        let bytes_max = hard.min(total) + total / 2;
        if slow.len() < 2 || bytes_max > STALLED_LINES_MAX * limits.line_bytes_max / 2 {
            return;
        }
        for index in &slow {
            self.clients[*index].set_space(0, usize::MAX, false);
            self.clients[*index].tell(&mut self.server);
        }
        let mut queued: BTreeMap<usize, usize> = slow.iter().map(|index| (*index, 0)).collect();
        for round in 0..STALLED_LINES_MAX {
            let target = match round % 3 {
                0 => self.rng.pick(&slow),
                _ => slow[0],
            };
            let filling = limits.line_bytes_max - 40;
            if !self.type_private_to(speaker, &[target], filling) {
                continue;
            }
            let before = self.server.switchboard.queued_bytes();
            self.hear(speaker);
            self.run();
            // The leave notice of a closed client can be too much for the next.
            let closed = slow.iter().copied();
            let closed = closed.filter(|index| self.clients[*index].connection.is_closed());
            let Some(closed) = closed.max_by_key(|index| queued[index]) else {
                // No other client has output queued.
                let bytes = self.server.switchboard.queued_bytes() - before;
                *queued.entry(target).or_default() += bytes;
                assert!(
                    queued[&target] <= hard,
                    "c{target} has {} waiting",
                    queued[&target]
                );
                continue;
            };
            self.largest_closed += 1;
            let most = queued.values().copied().max().unwrap_or_default();
            // The last line is not in `queued`, and is up to twice as long in JSON.
            let one = queued[&closed] + 2 * limits.line_bytes_max + ENVELOPE_BYTES;
            assert!(
                one >= hard || one >= most,
                "c{closed} was closed for {one} bytes, and another had {most}"
            );
            break;
        }
        self.look();
    }

    /// A client reads the larger part of a long queue, just to a line's end, and then may break.
    pub fn long_queue_is_cut(&mut self) {
        let limits = self.plan.limits.clone();
        let Some(speaker) =
            self.find(|one| one.habits.reads_at_once && one.may_speak() && !one.is_paced)
        else {
            return;
        };
        let may_break =
            |one: &Client| !one.has_fixed_pace() && one.may_speak() && !one.habits.resident;
        let mut others = 1..self.clients.len();
        let Some(target) =
            others.find(|index| *index != speaker && may_break(&self.clients[*index]))
        else {
            return;
        };
        self.clients[target].set_space(0, usize::MAX, false);
        self.clients[target].tell(&mut self.server);
        let bytes = (limits.output_hard_bytes_max / 2).min(80 << 10);
        let line_bytes = limits.line_bytes_max - 40;
        for _ in 0..(bytes / 2 / line_bytes).min(200) {
            self.type_private_to(speaker, &[target], line_bytes);
        }
        self.hear(speaker);
        self.run();
        for space in [bytes / 2, 2 * limits.line_bytes_max] {
            let space = self.rng.between(space / 2..=space);
            self.clients[target].set_space_for_lines(space);
            self.clients[target].tell(&mut self.server);
            self.turn();
        }
        self.look();
        if self.rng.one_in(2) {
            self.clients[target].reset(&mut self.rng);
            self.clients[target].tell(&mut self.server);
            self.turn();
        }
    }

    /// One turn sends more to all than a fan-out may hold.
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
        // The witness never speaks.
        let place = self.clients[1..].iter().position(is_right)?;
        Some(place + 1)
    }
}

/// Whether the client was told that its time to register is over.
fn was_too_late(output: &[u8]) -> bool {
    let notice = b"! You did not register in time.";
    output.windows(notice.len()).any(|bytes| bytes == notice)
}

/// The number of answers in JSON after the start of counting.
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

/// A line without the telnet answers before it.
fn without_refusals(mut line: &[u8]) -> &[u8] {
    let _ = crate::client_input::take_refusals(&mut line);
    line
}

/// The number at the start of a text.
pub fn number_in(text: &str) -> usize {
    let sigil = SIGILS.into_iter().find(|sigil| text.starts_with(sigil));
    let text = text.strip_prefix(sigil.unwrap_or_default()).unwrap_or(text);
    let number = text.split(' ').next().unwrap_or_default().parse();
    number.unwrap_or_else(|_| panic!("no client sent this: {text}"))
}
