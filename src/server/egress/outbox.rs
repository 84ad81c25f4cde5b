//! The core's [`Outbox`] over the connections: events become bytes in their recipients' queues.

use std::mem;

use crate::chat::close_reason::CloseReason;
use crate::chat::command::Mode;
use crate::chat::event::Event;
use crate::chat::ids::{ClientId, UserId};
use crate::chat::name::{Name, RoomName};
use crate::chat::outbox::{Addressee, Delivery, Outbox};
use crate::chat::stats::ServerStats;
use crate::wire::{self, Style};

use super::{Egress, change_queue};
use crate::server::connection::Transport;

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

/// A line that goes to many.
#[derive(Debug)]
struct Announcement<'a> {
    room: &'a RoomName,
    event: &'a Event<'a>,
    unix_ms: u64,
    encodings: Box<Encodings>,
}

impl<S: Transport> Egress<S> {
    /// Appends to a client's queue what `encode` writes, which returns how many lines it wrote.
    pub(super) fn queue(
        &mut self,
        id: ClientId,
        private_from: Option<UserId>,
        encode: impl Fn(&mut Vec<u8>, Style, u64) -> u64,
    ) -> Delivery {
        let (bytes_max, unix_ms) = (self.limits.output_hard_bytes_max, self.unix_ms);
        let connection = self.connections.get_mut(id);
        let Some(connection) = connection.filter(|connection| !connection.has_ended()) else {
            return Delivery::Refused;
        };
        let (style, mut lines) = (connection.style(false), 0);
        let (pool, total) = (&mut self.pool, &mut self.waiting);
        let is_queued = change_queue(connection, total, |connection| {
            let fits = connection.outbound.append(pool, bytes_max, |buffer| {
                lines = encode(buffer, style, unix_ms);
            });
            if let (true, Some(from)) = (fits, private_from) {
                connection.outbound.note_private(from);
            }
            fits
        });
        if !is_queued && connection.write_blocked {
            self.doom(id.slot, CloseReason::UnreadOutput);
            return Delivery::Refused;
        }
        if !is_queued {
            // It may be quick, and only had no turn yet. After this it has room, or is blocked.
            self.flush(id.slot);
            return self.queue(id, private_from, encode);
        }
        if !mem::replace(&mut connection.prompt, true) {
            self.prompt.push(id.slot);
        }
        self.stats.lines_out += lines;
        if self.waiting.bytes <= self.limits.output_total_bytes_max {
            return Delivery::Queued;
        }
        self.relieve();
        let connection = self.connections.get_mut(id);
        match connection.filter(|connection| connection.has_ended()) {
            None => Delivery::Queued,
            // It was the largest queue of all. Its sender is told right now, unless the message was
            // written while room was made, and the queue grew by something else.
            Some(connection) => {
                let is_lost = private_from.is_none() || connection.outbound.forget_last_private();
                if is_lost {
                    Delivery::Refused
                } else {
                    Delivery::Queued
                }
            }
        }
    }

    /// Copies a room's line to one member, unless that reads too slowly.
    fn copy_line(&mut self, line: &mut Announcement<'_>, to: Addressee) {
        let (id, slot) = (to.client, to.client.slot);
        let soft_max = self.limits.output_soft_bytes_max;
        let Some(mut connection) = self.connections.get_mut(id).filter(|c| c.is_open()) else {
            return;
        };
        let style = connection.style(to.in_other_room);
        let (bytes, lines) = line.encodings.get(style, line.event, line.unix_ms);
        if !connection.takes_line(bytes.len(), soft_max) && !connection.write_blocked {
            self.flush(slot);
            // That write may have failed.
            match self.connections.get_mut(id).filter(|c| c.is_open()) {
                Some(same) => connection = same,
                None => return,
            }
        }
        if !connection.takes_line(bytes.len(), soft_max) {
            connection.miss(self.now, line.room, lines);
            self.stats.skipped += lines;
            return;
        }
        let (pool, total) = (&mut self.pool, &mut self.waiting);
        let hard_max = self.limits.output_hard_bytes_max;
        change_queue(connection, total, |connection| {
            let append = |buffer: &mut Vec<u8>| buffer.extend_from_slice(bytes);
            connection.outbound.append(pool, hard_max, append)
        });
        self.stats.lines_out += lines;
        // Else the end of the turn or the kernel sees to it.
        let is_seen_to = connection.prompt || connection.write_blocked;
        if !is_seen_to && !mem::replace(&mut connection.in_backlog, true) {
            self.waiting.put_off_bytes += connection.outbound.footprint_bytes();
            self.backlog.push(id);
        }
        if self.waiting.bytes > self.limits.output_total_bytes_max {
            self.relieve();
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

    fn deliver(&mut self, to: ClientId, from: UserId, event: &Event<'_>) -> Delivery {
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
        if self.closing {
            return;
        }
        let mut line = Announcement {
            room,
            event,
            unix_ms: self.unix_ms,
            encodings: self.encodings.take().unwrap_or_default(),
        };
        for addressee in to {
            self.copy_line(&mut line, addressee);
        }
        line.encodings.clear();
        self.encodings = Some(line.encodings);
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
