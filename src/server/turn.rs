//! The chat, the connections and their output, borrowed together.

use crate::chat::Chat;
use crate::chat::archive::Archive;
use crate::chat::command::{Mode, Request};
use crate::chat::ids::{ClientId, Peer};
use crate::chat::time::{Now, Timestamp};

use crate::wire::codec::Codec;

use super::connection::{Connection, Disconnect, Phase, is_abrupt};
use super::connection_table::ConnectionTable;
use super::output::Output;
use super::output::outbox::Sink;
use super::pool::Pool;
use super::transport::Transport;

/// The chat, the connections and their output, at one moment.
#[derive(Debug)]
pub struct Turn<'a, S> {
    /// When it began.
    pub now: Timestamp,
    /// Users and rooms.
    pub chat: &'a mut Chat,
    /// Connections.
    pub table: &'a mut ConnectionTable<S>,
    /// Output to be written.
    pub output: &'a mut Output,
    /// Buffers for input.
    pub buffers: &'a mut Pool<Vec<u8>>,
    /// Where the chat has things kept.
    pub archive: &'a mut dyn Archive,
}

impl<S: Transport> Turn<'_, S> {
    /// The chat, and where its events go.
    pub fn chat_and_sink(&mut self) -> (&mut Chat, Sink<'_, S>) {
        let (chat, sink, _) = self.chat_and_ways();
        (chat, sink)
    }

    /// The chat, and its two ways out.
    pub fn chat_and_ways(&mut self) -> (&mut Chat, Sink<'_, S>, &mut dyn Archive) {
        let sink = Sink {
            table: self.table,
            output: self.output,
        };
        (self.chat, sink, self.archive)
    }

    /// When it began, on both clocks.
    pub fn clock(&self) -> Now {
        let wall_time = self.output.wall_time();
        Now {
            timestamp: self.now,
            unix_ms: wall_time.unix_ms,
            utc_offset_s: wall_time.utc_offset_s,
        }
    }

    /// Where events go.
    pub fn sink(&mut self) -> Sink<'_, S> {
        self.chat_and_sink().1
    }

    /// Greets a client, unless that was done or it is about to end. `first` is its first line, if it sent one.
    pub fn greet(&mut self, id: ClientId, first: Option<&Request<'_>>) {
        let connection = self.table.get_mut(id);
        if connection.is_some_and(Connection::take_greeting) {
            let (chat, mut sink) = self.chat_and_sink();
            chat.greet(id, first, &mut sink);
        }
    }

    /// Tells clients whether their typing is to show. The codec of a client whose line is being run is out of
    /// its connection: `running` has it.
    pub fn fulfil_typing_wishes(&mut self, mut running: Option<(ClientId, &mut Codec)>) {
        for (id, conceals) in self.output.take_typing_wishes() {
            let Some(connection) = self.table.get_mut(id) else {
                continue;
            };
            let is_plain = connection.output().mode() == Mode::Plain;
            let (input, output) = connection.halves_mut();
            let codec = match &mut running {
                Some((running, codec)) if *running == id => codec,
                _ => input.codec_mut(),
            };
            let may_change = !conceals || (is_plain && codec.can_conceal());
            if may_change && output.set_concealed(conceals) {
                let bytes = codec.offer_echo(conceals);
                self.sink().send_raw(id, &bytes);
            }
        }
    }

    /// Takes a client that is to end out of the chat. Its output may still be written.
    pub fn leave_chat(&mut self, id: ClientId) {
        let Some(connection) = self.table.get_mut(id) else {
            return;
        };
        let is_open = connection.phase() == Phase::Open;
        let Some(reason) = connection.close_reason().filter(|_| is_open) else {
            return;
        };
        connection.start_draining(Disconnect {
            name: self.chat.last_name_of(id),
            peer: self.chat.peer_of(id).unwrap_or(Peer::Unix),
            reason,
            admitted: true,
            input_dropped: connection.input().is_cut_short(),
            lingers: true,
        });
        let now = self.clock();
        let (chat, mut sink, archive) = self.chat_and_ways();
        chat.disconnect(now, id, &mut sink, archive);
        let Some(connection) = self.table.get_mut(id) else {
            return;
        };
        connection.input_mut().discard(self.buffers);
        if is_abrupt(reason) {
            self.table.close(id.slot);
        } else {
            // With an empty queue it moves on at the flush of this turn, with a blocked one at its deadline.
            self.output.mark_flush(connection, id.slot);
            self.table.arm(id.slot);
        }
    }
}
