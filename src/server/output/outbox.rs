//! The core's [`Outbox`] over the connections: events become bytes in their recipients' queues.

use std::time::Duration;

use crate::chat::close_reason::CloseReason;
use crate::chat::command::{Bell, Mode};
use crate::chat::event::{Event, Notice};
use crate::chat::ids::{AddressKey, ClientId, Peer, UserId};
use crate::chat::name::{Name, RoomName};
use crate::chat::outbox::{Addressee, Call, Delivery, Outbox, ServerRequest};
use crate::chat::stats::ServerStats;
use crate::server::connection::Connection;
use crate::server::connection_table::ConnectionTable;
use crate::server::copies::MessageId;
use crate::server::position::Position;
use crate::server::transport::Transport;
use crate::wire::wall_time::WallTime;
use crate::wire::{self, Style, plain};

use super::Output;

/// Where the core's events go, for as long as it handles one request.
#[derive(Debug)]
pub struct Sink<'a, S> {
    /// Connections.
    pub table: &'a mut ConnectionTable<S>,
    /// Output to be written.
    pub output: &'a mut Output,
}

/// The sender of a private message, of which it leaves a receipt.
#[derive(Clone, Copy, Debug)]
struct Traced {
    from: UserId,
    /// Set if it is one of several copies.
    message: Option<MessageId>,
    /// How it concerns its recipient.
    call: Call,
}

/// A room's line, in each style that a recipient wants it in.
#[derive(Debug, Default)]
pub(super) struct Encodings {
    lines: [(Vec<u8>, u64); Style::COUNT],
    /// The styles that it was encoded in, a bit each: most lines go out in one or two.
    used: u32,
}

const _: () = assert!(Style::COUNT <= u32::BITS as usize);

impl Encodings {
    fn clear(&mut self) {
        while self.used != 0 {
            if let Some((bytes, _)) = self.lines.get_mut(self.used.trailing_zeros() as usize) {
                bytes.clear();
            }
            self.used &= self.used - 1;
        }
    }

    /// The line's bytes in `style` and how many lines those are; encoded when first asked for.
    fn get(&mut self, style: Style, event: &Event<'_>, wall_time: WallTime) -> (&[u8], u64) {
        let index = style.index();
        let Some((bytes, lines)) = self.lines.get_mut(index) else {
            return (&[], 0);
        };
        if bytes.is_empty() {
            self.used |= 1 << index;
            *lines = wire::encode(bytes, event, style, wall_time);
        }
        (bytes, *lines)
    }
}

/// A line that goes to many.
#[derive(Debug)]
struct Announcement<'a> {
    room: &'a RoomName,
    event: &'a Event<'a>,
    encodings: Box<Encodings>,
}

impl Output {
    /// Appends to a client's queue what `encode` writes, which returns how many lines it wrote. With a
    /// `receipt`, it is a private message. Returns its end, if it fits below the hard limit.
    fn append<S>(
        &mut self,
        connection: &mut Connection<S>,
        id: ClientId,
        receipt: Option<Traced>,
        encode: impl Fn(&mut Vec<u8>, Style, WallTime) -> u64,
    ) -> Option<Position> {
        let (hard_max, wall_time) = (self.limits.hard_bytes, self.wall_time);
        let output = connection.output_mut();
        let call = receipt.map_or(Call::None, |receipt| receipt.call);
        let (style, mut lines) = (output.style(false, call), 0);
        let bytes = output.append(&mut self.pool, hard_max, |buffer| {
            lines = encode(buffer, style, wall_time);
        })?;
        self.totals.add(output, bytes);
        let end = output.end();
        if let Some(Traced { from, message, .. }) = receipt {
            match message {
                None => self.receipts.push(self.now, id, from, end),
                Some(message) => self.receipts.push_copy(self.now, id, from, end, message),
            }
        }
        self.mark_flush(connection, id.slot);
        self.stats.lines_out += lines;
        Some(end)
    }
}

impl<S: Transport> Sink<'_, S> {
    /// Queues bytes that are no event.
    pub fn send_raw(&mut self, id: ClientId, bytes: &[u8]) {
        // As with an answer: refused only if the client is about to end.
        let _ = self.queue(id, None, |buffer, _, _| {
            buffer.extend_from_slice(bytes);
            0
        });
    }

    /// Tells something to a client that the chat does not know.
    pub fn send_notice(&mut self, id: ClientId, notice: Notice<'_>) {
        self.send(id, &Event::Notice(notice));
    }

    /// Queues a private message.
    fn deliver_traced(&mut self, to: ClientId, receipt: Traced, event: &Event<'_>) -> Delivery {
        if self.table.get(to).is_none_or(|to| !to.is_open()) {
            return Delivery::Refused;
        }
        self.queue(to, Some(receipt), |buffer, style, wall_time| {
            wire::encode(buffer, event, style, wall_time)
        })
    }

    /// Queues something for one client: see [`Output::append`].
    fn queue(
        &mut self,
        id: ClientId,
        receipt: Option<Traced>,
        encode: impl Fn(&mut Vec<u8>, Style, WallTime) -> u64,
    ) -> Delivery {
        let Some(connection) = self.table.get_mut(id).filter(|c| !c.is_dead()) else {
            return Delivery::Refused;
        };
        let appended = self.output.append(connection, id, receipt, &encode);
        let appended = appended.or_else(|| self.append_after_flush(id, receipt, &encode));
        let Some(end) = appended else {
            self.output
                .schedule_close(self.table, id.slot, CloseReason::UnreadOutput);
            return Delivery::Refused;
        };
        if self.output.is_within_total_limit() {
            return Delivery::Queued;
        }
        self.output.enforce_total_limit(self.table);
        match self.table.get_mut(id).filter(|c| c.is_dead()) {
            None => Delivery::Queued,
            // It was the largest queue of all. The sender is told right now, unless the message was
            // written while room was made: then its receipt says what becomes of it.
            Some(connection) => {
                let is_written = !end.is_past(connection.output().written());
                if receipt.is_some() && is_written {
                    return Delivery::Queued;
                }
                if receipt.is_some() {
                    self.output.receipts.take_back(id, end);
                }
                Delivery::Refused
            }
        }
    }

    /// Writes the queue first: its reader may be quick, and only had no turn yet. A queue that is not
    /// blocked is empty after that, and takes any line.
    fn append_after_flush(
        &mut self,
        id: ClientId,
        receipt: Option<Traced>,
        encode: impl Fn(&mut Vec<u8>, Style, WallTime) -> u64,
    ) -> Option<Position> {
        self.output.flush(self.table, id.slot);
        let connection = self.table.get_mut(id).filter(|c| !c.is_dead())?;
        self.output.append(connection, id, receipt, encode)
    }

    /// Copies a room's line to one member, or skips it if the member reads too slowly.
    fn copy_line(&mut self, line: &mut Announcement<'_>, to: Addressee) {
        let (id, slot) = (to.client, to.client.slot);
        let soft_max = self.output.limits.soft_bytes;
        let Some(mut connection) = self.table.get_mut(id).filter(|c| c.is_open()) else {
            return;
        };
        let style = connection.output().style(to.in_other_room, to.call);
        let (bytes, lines) = line.encodings.get(style, line.event, self.output.wall_time);
        let accepts = connection.output().accepts_line(bytes.len(), soft_max);
        if !accepts && !connection.output().is_blocked() {
            self.output.flush(self.table, slot);
            // That write may have failed.
            match self.table.get_mut(id).filter(|c| c.is_open()) {
                Some(same) => connection = same,
                None => return,
            }
        }
        let output = connection.output_mut();
        if !output.accepts_line(bytes.len(), soft_max) {
            output.count_skipped(self.output.now, line.room, lines);
            self.output.stats.skipped += lines;
            return;
        }
        let (pool, hard_max) = (&mut self.output.pool, self.output.limits.hard_bytes);
        let appended = output.append(pool, hard_max, |buffer| buffer.extend_from_slice(bytes));
        self.output.totals.add(output, appended.unwrap_or_default());
        self.output.stats.lines_out += lines;
        // Otherwise it is written at the end of the turn, or once the kernel has room.
        if !output.is_flush_queued() && !output.is_blocked() && output.enter_fan_out() {
            self.output.totals.fan_out_bytes += output.queue().len();
            self.output.fan_out.push(id);
        }
        if !self.output.is_within_total_limit() {
            self.output.enforce_total_limit(self.table);
        }
    }
}

impl<S: Transport> Outbox for Sink<'_, S> {
    fn send(&mut self, to: ClientId, event: &Event<'_>) {
        if plain::is_silent(event) && self.mode(to) == Mode::Plain {
            return;
        }
        // Refused only if the client is about to end, and then it needs no answer.
        let _ = self.queue(to, None, |buffer, style, wall_time| {
            wire::encode(buffer, event, style, wall_time)
        });
    }

    fn deliver(&mut self, to: ClientId, from: UserId, event: &Event<'_>) -> Delivery {
        let (message, call) = (None, call_of(event));
        let receipt = Traced {
            from,
            message,
            call,
        };
        self.deliver_traced(to, receipt, event)
    }

    fn deliver_copies<I>(&mut self, to: I, from: UserId, event: &Event<'_>) -> Delivery
    where
        I: Iterator<Item = ClientId>,
    {
        let message = Some(self.output.receipts.next_message());
        let call = call_of(event);
        let receipt = Traced {
            from,
            message,
            call,
        };
        let mut delivery = Delivery::Refused;
        for to in to {
            if self.deliver_traced(to, receipt, event) == Delivery::Queued {
                delivery = Delivery::Queued;
            }
        }
        delivery
    }

    fn announce<I>(&mut self, room: &RoomName, to: I, event: &Event<'_>)
    where
        I: Iterator<Item = Addressee>,
    {
        if self.output.is_shutting_down() {
            return;
        }
        let mut line = Announcement {
            room,
            event,
            encodings: self.output.encodings.take().unwrap_or_default(),
        };
        // A room has two lists of members, which are cheaper gone through from within.
        to.for_each(|addressee| self.copy_line(&mut line, addressee));
        line.encodings.clear();
        self.output.encodings = Some(line.encodings);
    }

    fn mode(&self, client: ClientId) -> Mode {
        let connection = self.table.get(client);
        connection.map_or(Mode::default(), |connection| connection.output().mode())
    }

    fn set_mode(&mut self, client: ClientId, mode: Mode) {
        if let Some(connection) = self.table.get_mut(client) {
            connection.output_mut().set_mode(mode);
        }
    }

    fn times(&self, client: ClientId) -> bool {
        let connection = self.table.get(client);
        connection.is_some_and(|connection| connection.output().times())
    }

    fn set_times(&mut self, client: ClientId, on: bool) {
        if let Some(connection) = self.table.get_mut(client) {
            connection.output_mut().set_times(on);
        }
    }

    fn bell(&self, client: ClientId) -> Bell {
        let connection = self.table.get(client);
        connection.map_or(Bell::Off, |connection| connection.output().bell())
    }

    fn set_bell(&mut self, client: ClientId, bell: Bell) {
        if let Some(connection) = self.table.get_mut(client) {
            connection.output_mut().set_bell(bell);
        }
    }

    fn close(&mut self, client: ClientId, reason: CloseReason) {
        if self.table.get(client).is_some() {
            self.output.schedule_close(self.table, client.slot, reason);
        }
    }

    fn probe(&mut self, client: ClientId) -> Option<Duration> {
        self.table.probe(self.output.now, client)
    }

    fn resume(&mut self, client: ClientId) {
        self.table.resume(self.output.now, client);
    }

    fn conceal_typing(&mut self, client: ClientId, on: bool) {
        self.output.typing_wishes.push((client, on));
    }

    fn unarrived(&self, to: ClientId, from: UserId) -> usize {
        // The chat was told of the end of one that is gone, and of what it did not get.
        self.table.get(to).map_or(0, |connection| {
            let receipts = &self.output.receipts;
            receipts.count_between(to, from, connection.acknowledged())
        })
    }

    fn note_wrong_secret(&mut self, peer: &Peer) {
        let now = self.output.now;
        self.output.wrong_secrets.note(now, AddressKey::of(peer));
    }

    fn request(&mut self, request: ServerRequest) {
        match request {
            ServerRequest::Reload => self.output.wants_reload = true,
        }
    }

    fn stats(&self) -> ServerStats {
        self.output.stats
    }

    fn named(&mut self, client: ClientId, name: Name) {
        log::debug!("{client} is {name}");
        if let Some(connection) = self.table.get_mut(client) {
            connection.set_registered();
            self.table.rearm(client.slot);
        }
    }
}

/// How a private message concerns its recipient: one to oneself is one's own.
fn call_of(event: &Event<'_>) -> Call {
    match event {
        Event::Private { from, to, .. } if *to == [**from] => Call::None,
        _ => Call::Private,
    }
}
