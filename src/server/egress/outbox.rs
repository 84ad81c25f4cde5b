//! The core's [`Outbox`] over the connections: events become bytes in their recipients' queues.

use crate::chat::message::{ClientId, CloseReason, Delivery, Event, Mode, ServerStats};
use crate::chat::name::{Name, RoomName};
use crate::chat::outbox::{Addressee, Outbox};
use crate::wire::{self, Style};

use super::Egress;
use crate::server::connection::Transport;

/// How appending to a queue went.
#[derive(Clone, Copy, Debug)]
enum Appended {
    Queued,
    /// It is too full, and its reader does not read.
    Full,
    /// It is too full, and nobody has tried to write it.
    NotWrittenYet,
    /// Its client has ended.
    Refused,
}

/// A room's line, in each style that somebody wants it in.
#[derive(Debug, Default)]
pub(super) struct Encodings {
    lines: [(Vec<u8>, u64); Style::COUNT],
}

impl Encodings {
    fn clear(&mut self) {
        for (bytes, _) in &mut self.lines {
            bytes.clear();
        }
    }

    /// The line's bytes in `style` and how many lines those are; encoded when first asked for.
    fn get(&mut self, style: Style, event: &Event<'_>, unix_ms: u64) -> (&[u8], u64) {
        let Some((bytes, lines)) = self.lines.get_mut(style.index()) else {
            return (&[], 0);
        };
        if bytes.is_empty() {
            *lines = wire::encode(bytes, event, style, unix_ms);
        }
        (bytes, *lines)
    }
}

impl<S: Transport> Egress<S> {
    /// Appends to a client's queue what `encode` writes, which returns how many lines it wrote.
    pub(super) fn queue(
        &mut self,
        id: ClientId,
        private_from: Option<ClientId>,
        encode: impl Fn(&mut Vec<u8>, Style, u64) -> u64,
    ) -> Delivery {
        let bytes_max = self.limits.output_hard_bytes_max;
        if self.connections.get(id).is_none() {
            return Delivery::Refused;
        }
        let (unix_ms, mut lines) = (self.unix_ms, 0);
        let appended = self.change_queue(id.slot, |connection, pool| {
            if connection.has_ended() {
                return Appended::Refused;
            }
            let style = connection.style(false);
            let appended = connection.outbound.append(pool, bytes_max, |buffer| {
                lines = encode(buffer, style, unix_ms);
            });
            match (appended, private_from) {
                (false, _) if connection.write_blocked => Appended::Full,
                (false, _) => Appended::NotWrittenYet,
                (true, None) => Appended::Queued,
                (true, Some(from)) => {
                    connection.outbound.note_private(from);
                    Appended::Queued
                }
            }
        });
        match appended {
            None | Some(Appended::Refused) => return Delivery::Refused,
            Some(Appended::Full) => {
                self.doom(id.slot, CloseReason::UnreadOutput);
                return Delivery::Refused;
            }
            Some(Appended::NotWrittenYet) => {
                // It may be quick, and only had no turn yet. After this it has room, or is blocked.
                self.flush(id.slot);
                return self.queue(id, private_from, encode);
            }
            Some(Appended::Queued) => {}
        }
        self.stats.lines_out += lines;
        self.mark_prompt(id.slot);
        self.keep_to_total();
        if self
            .connections
            .get(id)
            .is_some_and(|connection| !connection.has_ended())
        {
            return Delivery::Queued;
        }
        // It was the largest queue of all when all were too large. Its sender is told right now.
        if private_from.is_some()
            && let Some(connection) = self.connections.get_mut(id)
        {
            connection.outbound.forget_last_private();
        }
        Delivery::Refused
    }

    /// Copies a room's line to one member, unless that reads too slowly.
    fn copy_line(&mut self, room: &RoomName, id: ClientId, bytes: &[u8], lines: u64) {
        let soft_max = self.limits.output_soft_bytes_max;
        let fits = |missed: bool, waiting: usize| {
            !missed && (waiting == 0 || waiting + bytes.len() <= soft_max)
        };
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        if !connection.is_open() {
            return;
        }
        let (missed, waiting) = (connection.missed.is_some(), connection.outbound.len());
        if !fits(missed, waiting) && !connection.write_blocked {
            self.flush(id.slot);
        }
        let hard_max = self.limits.output_hard_bytes_max;
        let copied = self.change_queue(id.slot, |connection, pool| {
            let outbound = &mut connection.outbound;
            if connection.ending.is_some() {
                return None; // that write has just failed
            }
            let fits = fits(connection.missed.is_some(), outbound.len());
            if fits {
                outbound.append(pool, hard_max, |buffer| buffer.extend_from_slice(bytes));
            } else {
                connection.miss(room, lines);
            }
            Some(fits)
        });
        match copied.flatten() {
            Some(true) => {
                self.stats.lines_out += lines;
                self.mark_fan_out(id, bytes.len());
                self.keep_to_total();
            }
            Some(false) => self.stats.skipped += lines,
            None => {}
        }
    }
}

impl<S: Transport> Outbox for Egress<S> {
    fn send(&mut self, to: ClientId, event: &Event<'_>) {
        // Refused only if the client is about to end, and then it needs no answer.
        let _ = self.queue(to, None, |buffer, style, unix_ms| {
            wire::encode(buffer, event, style, unix_ms)
        });
    }

    fn deliver(&mut self, to: ClientId, from: ClientId, event: &Event<'_>) -> Delivery {
        if self
            .connections
            .get(to)
            .is_none_or(|connection| !connection.is_open())
        {
            return Delivery::Refused;
        }
        self.queue(to, Some(from), |buffer, style, unix_ms| {
            wire::encode(buffer, event, style, unix_ms)
        })
    }

    fn announce<I>(&mut self, room: &RoomName, to: I, event: &Event<'_>)
    where
        I: Iterator<Item = Addressee>,
    {
        let (mut encodings, unix_ms) = (self.encodings.take().unwrap_or_default(), self.unix_ms);
        for Addressee { client, elsewhere } in to {
            let Some(connection) = self.connections.get(client) else {
                continue;
            };
            let style = connection.style(elsewhere);
            let (bytes, lines) = encodings.get(style, event, unix_ms);
            self.copy_line(room, client, bytes, lines);
        }
        encodings.clear();
        self.encodings = Some(encodings);
    }

    fn mode(&self, client: ClientId) -> Mode {
        self.connections
            .get(client)
            .map(|connection| connection.mode)
            .unwrap_or_default()
    }

    fn set_mode(&mut self, client: ClientId, mode: Mode) {
        if let Some(connection) = self.connections.get_mut(client) {
            connection.mode = mode;
        }
    }

    fn close(&mut self, client: ClientId, reason: CloseReason) {
        if self.connections.get(client).is_some() {
            self.doom(client.slot, reason);
        }
    }

    fn stats(&self) -> ServerStats {
        self.stats
    }

    fn named(&mut self, client: ClientId, name: Name) {
        log::debug!("{client} is {name}");
        if let Some(connection) = self.connections.get_mut(client) {
            connection.registered = true;
            // Most are due no more, and need no entry.
            self.deadlines.disarm(client.slot, &mut connection.armed);
            self.rearm(client.slot);
        }
    }
}
