//! The way in: what a client sent, up to its share of a turn.
//!
//! Whatever cannot be carried out now waits, and each kind of waiting has something that ends it:
//! the next turn, a deadline, or the client reading its output. What is not read stays in the
//! kernel, and slows its sender down by itself.

use std::mem;

use crate::chat::close_reason::CloseReason;
use crate::chat::ids::ClientId;
use crate::chat::refusal::{LineRefusal, Refusal};
use crate::chat::time::Timestamp;
use crate::wire::codec::Codec;
use crate::wire::detect::ForeignProtocol;
use crate::wire::lines::{Frame, FrameKind};
use crate::wire::{command, sanitize};

use super::connection::{Fill, Inbox, Transport};
use super::switchboard::Switchboard;

/// How much is read at once.
pub(super) const READ_BYTES: usize = 16 << 10;

/// How much is read at once from a client whose lines are paced: what it sends too fast is to wait
/// in the kernel, not here.
const PACED_READ_BYTES: usize = 4 << 10;

/// Why the input of a client is left where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    /// It is used up.
    UsedUp,
    /// The client had its share of this turn.
    Turn,
    /// It sends lines too fast.
    Pace(Timestamp),
    /// It does not read what it asked for.
    Output,
    /// It ends.
    Ended,
}

/// What is left of a client's share of a turn.
#[derive(Clone, Copy, Debug)]
struct Share {
    lines: usize,
    bytes: usize,
}

impl<S: Transport> Switchboard<S> {
    /// Carries out what a client sent, up to its share.
    pub(super) fn serve(&mut self, now: Timestamp, id: ClientId) {
        if self.egress.closing {
            return; // whatever comes now would come too late for those who have left
        }
        let limits = &self.egress.limits;
        let mut share = Share {
            lines: limits.turn_lines_max,
            bytes: limits.turn_bytes_max,
        };
        let mut buffer = mem::take(&mut self.read_buffer);
        while let Some(connection) = self.egress.connections.get_mut(id) {
            if connection.ending.is_some() {
                // At once, so that nobody served after it finds it there.
                self.retire(now, id);
                break;
            }
            let pause = if connection.inbox.is_some() {
                self.carry_out_inbox(now, id, &mut share)
            } else if connection.end_of_input {
                self.finish(now, id, &mut share)
            } else if !connection.readable {
                break;
            } else if share.bytes == 0 {
                Pause::Turn
            } else {
                self.read(now, id, &mut buffer, &mut share)
            };
            match pause {
                Pause::UsedUp | Pause::Ended => continue,
                Pause::Turn => self.egress.enqueue(id),
                Pause::Pace(until) => {
                    if let Some(connection) = self.egress.connections.get_mut(id) {
                        connection.resume_at = until;
                        self.egress.rearm(id.slot);
                    }
                }
                Pause::Output => {
                    if let Some(connection) = self.egress.connections.get_mut(id) {
                        connection.waits_for_output = true;
                    }
                }
            }
            break;
        }
        self.read_buffer = buffer;
    }

    /// Reads once and carries out what came. What cannot be carried out now goes to the inbox.
    fn read(
        &mut self,
        now: Timestamp,
        id: ClientId,
        buffer: &mut [u8],
        share: &mut Share,
    ) -> Pause {
        let Some(connection) = self.egress.connections.get_mut(id) else {
            return Pause::Ended;
        };
        let at_once = if connection.unpaced {
            READ_BYTES
        } else {
            PACED_READ_BYTES
        };
        let wanted = at_once.min(share.bytes).min(buffer.len());
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        match connection.fill(buffer) {
            // The loop sees what the read has noted.
            Fill::Nothing | Fill::End => Pause::UsedUp,
            Fill::Failed(error) => {
                log::debug!("{id}: reading failed: {error}");
                self.egress.doom(id.slot, CloseReason::Broken);
                Pause::Ended
            }
            Fill::Bytes(count) => {
                share.bytes -= count;
                self.egress.stats.bytes_in += count as u64;
                let bytes = buffer.get(..count).unwrap_or_default();
                let (used, pause) = self.carry_out(now, id, bytes, share);
                let rest = bytes.get(used..).unwrap_or_default();
                if !rest.is_empty()
                    && let Some(connection) = self.egress.connections.get_mut(id)
                {
                    let mut bytes = self.egress.pool.take();
                    bytes.extend_from_slice(rest);
                    connection.inbox = Some(Box::new(Inbox { bytes, used: 0 }));
                }
                pause
            }
        }
    }

    /// Goes on with what was read in an earlier turn.
    fn carry_out_inbox(&mut self, now: Timestamp, id: ClientId, share: &mut Share) -> Pause {
        let connection = self.egress.connections.get_mut(id);
        let Some(mut inbox) = connection.and_then(|connection| connection.inbox.take()) else {
            return Pause::UsedUp;
        };
        let bytes = inbox.bytes.get(inbox.used..).unwrap_or_default();
        let (used, pause) = self.carry_out(now, id, bytes, share);
        inbox.used += used;
        if inbox.used == inbox.bytes.len() {
            self.egress.pool.put(inbox.bytes);
        } else if let Some(connection) = self.egress.connections.get_mut(id) {
            connection.inbox = Some(inbox);
        }
        pause
    }

    /// The end of input: an unfinished line counts, and then the client has said everything.
    fn finish(&mut self, now: Timestamp, id: ClientId, share: &mut Share) -> Pause {
        if let Some(pause) = self.must_pause(now, id, *share) {
            return pause;
        }
        let Some(connection) = self.egress.connections.get_mut(id) else {
            return Pause::Ended;
        };
        let mut splitter = mem::take(&mut connection.splitter);
        if let Some(frame) = splitter.finish() {
            self.take_input(now, id, &frame, share);
        }
        self.greet(id);
        self.egress.doom(id.slot, CloseReason::EndOfInput);
        Pause::Ended
    }

    /// Splits `bytes` into lines and carries those out. Returns how many bytes were used.
    fn carry_out(
        &mut self,
        now: Timestamp,
        id: ClientId,
        bytes: &[u8],
        share: &mut Share,
    ) -> (usize, Pause) {
        let line_bytes_max = self.egress.limits.line_bytes_max;
        let mut splitter = self.borrow_splitter(id);
        let mut rest = bytes;
        let pause = loop {
            if rest.is_empty() {
                break Pause::UsedUp;
            }
            if let Some(pause) = self.must_pause(now, id, *share) {
                break pause;
            }
            let Some(frame) = splitter.next(&mut rest, line_bytes_max) else {
                break Pause::UsedUp;
            };
            self.take_input(now, id, &frame, share);
        };
        self.return_splitter(id, splitter);
        (bytes.len() - rest.len(), pause)
    }

    /// Whether a client is not to be served any further now.
    fn must_pause(&mut self, now: Timestamp, id: ClientId, share: Share) -> Option<Pause> {
        let rate = self.rate;
        let Some(connection) = self.egress.connections.get_mut(id) else {
            return Some(Pause::Ended);
        };
        if connection.ending.is_some() {
            return Some(Pause::Ended);
        }
        if share.lines == 0 {
            return Some(Pause::Turn);
        }
        if !connection.unpaced {
            let allowed = connection.pace.next_allowed(rate);
            if allowed > now {
                return Some(Pause::Pace(allowed));
            }
        }
        self.egress.is_backed_up(id).then_some(Pause::Output)
    }

    fn take_input(&mut self, now: Timestamp, id: ClientId, frame: &Frame<'_>, share: &mut Share) {
        // Even what is no line takes its time: of this turn, and of what its sender may have.
        share.lines = share.lines.saturating_sub(1);
        let rate = self.rate;
        if let Some(connection) = self.egress.connections.get_mut(id) {
            connection.framing = frame.framing;
            if !connection.unpaced {
                connection.pace.take(now, rate);
            }
        }
        if !matches!(frame.kind, FrameKind::Foreign(_)) {
            self.greet(id);
        }
        match frame.kind {
            FrameKind::Line(line) => {
                if line.iter().all(|byte| matches!(byte, b'\r' | b'\0')) {
                    return; // an empty line, however a terminal ends it
                }
                self.egress.stats.lines_in += 1;
                let line = sanitize::clean(line);
                log::trace!("{id} sent: {line}");
                let request = if line.is_empty() {
                    Err(Refusal::Line(LineRefusal::NoText))
                } else {
                    command::parse(&line)
                };
                self.chat.handle(now, id, request, &mut self.egress);
            }
            FrameKind::TooLong => {
                self.egress.stats.lines_in += 1;
                let bytes_max = self.egress.limits.line_bytes_max;
                let refusal = Refusal::Line(LineRefusal::LineTooLong { bytes_max });
                self.chat.handle(now, id, Err(refusal), &mut self.egress);
            }
            FrameKind::AreYouThere => {
                self.egress.stats.lines_in += 1;
                self.chat.are_you_there(id, &mut self.egress);
            }
            FrameKind::Answer(bytes) => self.egress.send_raw(id, &bytes),
            FrameKind::Foreign(protocol) => {
                self.egress.send_raw(id, protocol.answer());
                let reason = match protocol {
                    ForeignProtocol::Http => CloseReason::Http,
                    ForeignProtocol::Tls => CloseReason::Tls,
                };
                self.egress.doom(id.slot, reason);
            }
        }
    }

    /// Takes a client's splitter out, as what it yields borrows from it while the client's other
    /// parts change, and lends it a buffer.
    fn borrow_splitter(&mut self, id: ClientId) -> Codec {
        let Some(connection) = self.egress.connections.get_mut(id) else {
            return Codec::default();
        };
        let mut splitter = mem::take(&mut connection.splitter);
        if splitter.is_at_line_start() {
            splitter.lend(self.egress.pool.take());
        }
        splitter
    }

    fn return_splitter(&mut self, id: ClientId, mut splitter: Codec) {
        if splitter.is_at_line_start() {
            self.egress.pool.put(splitter.take_back());
        }
        if let Some(connection) = self.egress.connections.get_mut(id) {
            // A telnet command alone says so too, though nothing else comes of it.
            connection.framing = splitter.framing();
            connection.splitter = splitter;
        }
    }

    /// Reads and drops what a client still sends that is on its way out.
    pub(super) fn discard(&mut self, id: ClientId) {
        let mut bytes_left = self.egress.limits.turn_bytes_max;
        let mut buffer = mem::take(&mut self.read_buffer);
        while let Some(connection) = self.egress.connections.get_mut(id).filter(|c| c.readable) {
            match connection.fill(&mut buffer) {
                Fill::Bytes(count) if count < bytes_left => bytes_left -= count,
                Fill::Bytes(_) => {
                    self.egress.enqueue(id);
                    break;
                }
                Fill::Nothing => break,
                Fill::End => self.egress.advance_draining(id.slot),
                Fill::Failed(_) => self.egress.doom(id.slot, CloseReason::Broken),
            }
        }
        self.read_buffer = buffer;
    }
}
