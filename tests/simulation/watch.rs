//! The checks after every turn and every event.

use std::collections::{BTreeMap, BTreeSet};

use chinwag::chat::ids::ClientId;

use crate::history::{History, WITNESS};
use crate::plan::Kind;

/// While no socket is full, a fan-out holds no more than this after a turn.
const PUT_OFF_BYTES_MAX: usize = 16 << 20;

/// Names are compared after each event where there are few clients, and now and then where there
/// are many.
const FEW_CLIENTS: usize = 100;

impl History {
    pub fn turn(&mut self) {
        self.server.turn(); // which checks the server's own invariants
        self.turns += 1;
        let switchboard = &self.server.switchboard;
        let is_known = |id: &ClientId| switchboard.chat().peer_of(*id).is_some();
        self.server.reported_gone.retain(is_known);
        // Lines that nothing holds may take some turns.
        assert!(
            self.server.reported_gone.is_empty() || switchboard.is_busy() || self.plan.shutdown,
            "{:?} are gone, and the chat still knows them",
            self.server.reported_gone
        );
        let waiting = self.server.switchboard.waiting_bytes();
        assert!(
            waiting <= self.plan.limits.output_total_bytes_max,
            "{waiting} bytes wait for all together"
        );
        let queued = self.server.switchboard.queued_bytes();
        if queued > PUT_OFF_BYTES_MAX {
            let is_full = |room: usize| room < usize::MAX / 2;
            let mut clients = self.clients.iter();
            let some_full = clients.any(|one| is_full(one.connection.socket.borrow().space));
            assert!(some_full, "{queued} bytes wait although no client is slow");
        }
        self.watch_the_witness();
    }

    /// No client speaks more in a turn than its budget, nor more over time than its rate. Each line
    /// that the witness hears is a line of a client.
    fn watch_the_witness(&mut self) {
        let new = self.clients[WITNESS].output.len();
        self.clients[WITNESS].look();
        let output = &self.clients[WITNESS].output[new..];
        let share = self.plan.limits.turn_lines_max as u64;
        let mut lines = 0;
        let mut speakers: BTreeMap<usize, u64> = BTreeMap::new();
        for line in output.split_inclusive(|byte| *byte == b'\n') {
            lines += 1;
            let Some(index) = speaker(line) else { continue };
            *speakers.entry(index).or_default() += 1;
        }
        self.clients[WITNESS].lines_heard += lines;
        for (index, in_turn) in speakers {
            self.spoken[index] += in_turn;
            let in_all = self.spoken[index];
            // In a crowd the lines of several turns can come in one.
            let is_told_at_once = !self.plan.is_crowd();
            assert!(
                !is_told_at_once || in_turn <= share,
                "c{index} said {in_turn} lines in a turn"
            );
            let client = &self.clients[index];
            let limits = &self.plan.limits;
            let time = self.server.now.since(client.arrived_at).as_secs_f64();
            let allowed = f64::from(limits.line_burst) + time * f64::from(limits.lines_per_second);
            assert!(
                !client.is_paced || in_all as f64 <= allowed + 1.0,
                "c{index} said {in_all} lines in {time} s"
            );
        }
    }

    /// After an event: every client's output is taken, and names are unique.
    pub fn watch(&mut self) {
        self.look();
        let is_due = self.clients.len() <= FEW_CLIENTS || self.events.is_multiple_of(16);
        if !is_due || self.plan.kind == Kind::Thousands {
            return;
        }
        let mut names = BTreeSet::new();
        for client in &self.clients {
            let chat = self.server.switchboard.chat();
            if let Some(name) = chat.name_of(client.connection.id) {
                let is_new = names.insert(name.as_str().to_lowercase());
                assert!(is_new, "two are called {name}");
            }
        }
    }
}

/// The speaker of a line that the witness hears.
fn speaker(line: &[u8]) -> Option<usize> {
    let is_said = [
        &b"{\"type\":\"mess"[..],
        b"{\"type\":\"act",
        b"{\"type\":\"priv",
    ];
    if !is_said.iter().any(|start| line.starts_with(start)) {
        return None;
    }
    let key = b"\"from\":\"";
    let start = line.windows(key.len()).position(|bytes| bytes == key)? + key.len();
    let digits = line[start + 1..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |number, digit| {
        Some(number.unwrap_or(0) * 10 + usize::from(digit - b'0'))
    })
}
