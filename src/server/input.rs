//! The way in: what clients sent, up to each one's budget of a turn.
//!
//! Input that cannot be run now waits, and each kind of waiting has something that ends it: the next turn,
//! a deadline, the client reading its output, or the chat giving an answer.

use std::mem;

use zeroize::{Zeroize, Zeroizing};

use crate::chat::close_reason::CloseReason;
use crate::chat::command::{Reading, Request};
use crate::chat::event::Notice;
use crate::chat::ids::ClientId;
use crate::chat::refusal::{LineRefusal, Refusal};
use crate::chat::time::Timestamp;
use crate::chat::{Chat, Handled};
use crate::config::Limits;
use crate::wire::codec::Codec;
use crate::wire::command;
use crate::wire::detect::ForeignProtocol;
use crate::wire::lines::{Frame, FrameKind};

use super::BARE_CR_TIME;
use super::connection::{Connection, Phase};
use super::connection_table::ConnectionTable;
use super::output::Output;
use super::rate_limit::RateLimit;
use super::read_half::{Hold, Pending, ReadOutcome, Stash};
use super::transport::Transport;
use super::turn::Turn;

/// Bytes that one read takes.
const READ_BYTES: usize = 16 << 10;

/// Bytes that one read takes from a client whose lines are limited in rate: what it sends too fast is to
/// wait in the kernel, not here.
const RATE_LIMITED_READ_BYTES: usize = 4 << 10;

/// The clients with input, and what may be done for each in a turn.
#[derive(Debug)]
pub struct Input {
    /// The list of those being served, kept for its memory.
    run_batch: Vec<ClientId>,
    /// Clients that were served in this turn already, because a deadline of theirs came up.
    served_this_turn: Vec<ClientId>,
    /// The line that was not taken by the chat just now.
    stash: Option<Stash>,
    /// A line with a secret was just run: what held it is to be wiped.
    saw_secret: bool,
    read_buffer: Vec<u8>,
    line_bytes_max: usize,
    budget: Budget,
    rate: RateLimit,
    /// Of `rate`, for a notice.
    lines_per_second: u32,
}

/// The rest of a client's share of a turn.
#[derive(Clone, Copy, Debug)]
struct Budget {
    lines: usize,
    bytes: usize,
}

/// Why running a client's input stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// Everything that was read is used up.
    UsedUp,
    /// The budget of the turn is spent.
    BudgetSpent,
    /// It is held for longer than a turn.
    Held(Hold),
    /// The client ends.
    Closing,
}

/// Whether a line may be run now.
enum Check {
    Run,
    /// Only if there is room after its output was written: its reader may be quick, and only had no turn yet.
    Flush,
    Stop(Stop),
}

impl Input {
    /// No client has input yet.
    pub fn new(limits: &Limits, rate: RateLimit) -> Self {
        Self {
            run_batch: Vec::new(),
            served_this_turn: Vec::new(),
            stash: None,
            saw_secret: false,
            read_buffer: vec![0; READ_BYTES],
            line_bytes_max: limits.line_bytes_max,
            budget: Budget {
                lines: limits.turn_lines_max,
                bytes: limits.turn_bytes_max,
            },
            rate,
            lines_per_second: limits.lines_per_second,
        }
    }

    /// Serves each client of the run queue. A client that is put there meanwhile has its turn next time.
    pub fn run<S: Transport>(&mut self, turn: &mut Turn<'_, S>) {
        let mut batch = turn.table.swap_run_queue(mem::take(&mut self.run_batch));
        let mut served = mem::take(&mut self.served_this_turn);
        served.sort_unstable();
        for id in batch.drain(..) {
            let Some(connection) = turn.table.get_mut(id) else {
                continue;
            };
            connection.input_mut().leave_queue();
            match connection.phase() {
                Phase::Open if served.binary_search(&id).is_ok() => turn.table.enqueue(id),
                Phase::Open => self.serve(turn, id),
                Phase::Draining => self.drain(turn, id),
                Phase::Closed => {}
            }
        }
        self.run_batch = batch;
        served.clear();
        self.served_this_turn = served;
    }

    /// Serves a client before the run queue, as a deadline of its came up. It counts as its turn.
    pub fn serve_early<S: Transport>(&mut self, turn: &mut Turn<'_, S>, id: ClientId) {
        self.served_this_turn.push(id);
        self.serve(turn, id);
    }

    /// Runs what a client sent, up to its budget.
    fn serve<S: Transport>(&mut self, turn: &mut Turn<'_, S>, id: ClientId) {
        if turn.output.is_shutting_down() {
            return;
        }
        let mut budget = self.budget;
        let mut buffer = mem::take(&mut self.read_buffer);
        while let Some(connection) = turn.table.get_mut(id) {
            if connection.close_reason().is_some() {
                // Now, not at the turn's end: the client served next must not find it in the chat.
                turn.leave_chat(id);
                break;
            }
            // Its hold stays until the next is known: if it ends meanwhile, the log says that input was lost.
            let input = connection.input_mut();
            let stop = if input.hold() == Hold::Reply {
                Stop::Held(Hold::Reply)
            } else if let Some(stash) = input.take_stash() {
                self.run_stash(turn, id, stash)
            } else if let Some(pending) = input.take_pending() {
                self.run_pending(turn, id, pending, &mut budget)
            } else if input.is_over() {
                self.handle_eof(turn, id, &mut budget)
            } else if !input.is_readable() {
                if input.silent_until() <= turn.now {
                    self.end_silent_line(turn, id, &mut budget)
                } else {
                    input.set_hold(Hold::None);
                    if input.silent_until() != Timestamp::NEVER {
                        turn.table.arm(id.slot);
                    }
                    break;
                }
            } else if budget.bytes == 0 {
                Stop::BudgetSpent
            } else {
                self.read(turn, id, &mut buffer, &mut budget)
            };
            let hold = match stop {
                Stop::UsedUp | Stop::Closing => continue,
                Stop::BudgetSpent => Hold::None,
                Stop::Held(hold) => hold,
            };
            if let Some(connection) = turn.table.get_mut(id) {
                connection.set_hold(hold, turn.now);
                if let Some(stash) = self.stash.take() {
                    connection.input_mut().set_stash(stash);
                }
                if hold != Hold::None && connection.input().is_gone() {
                    turn.output
                        .schedule_close(turn.table, id.slot, CloseReason::Broken);
                    continue; // it leaves the chat, and what is left goes with it
                }
            }
            match hold {
                Hold::None => turn.table.enqueue(id),
                Hold::Rate => {
                    turn.table.arm(id.slot);
                    self.send_rate_notice(turn, id);
                }
                Hold::Output | Hold::Reply => {}
            }
            break;
        }
        self.read_buffer = buffer;
    }

    /// Tells a client that will send no more that its lines are held for its rate, once.
    fn send_rate_notice<S: Transport>(&self, turn: &mut Turn<'_, S>, id: ClientId) {
        let connection = turn.table.get_mut(id);
        if connection.is_some_and(|connection| connection.input_mut().take_rate_notice()) {
            let lines_per_second = self.lines_per_second;
            turn.sink()
                .send_notice(id, Notice::RateLimited { lines_per_second });
        }
    }

    /// Reads once and runs what came. What cannot be run now stays pending.
    fn read<S: Transport>(
        &mut self,
        turn: &mut Turn<'_, S>,
        id: ClientId,
        buffer: &mut [u8],
        budget: &mut Budget,
    ) -> Stop {
        let Some(connection) = turn.table.get_mut(id) else {
            return Stop::Closing;
        };
        let at_once = if connection.input().is_rate_exempt() {
            READ_BYTES
        } else {
            RATE_LIMITED_READ_BYTES
        };
        let wanted = at_once.min(budget.bytes).min(buffer.len());
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        match connection.read(buffer) {
            // `serve` sees what the read has noted.
            ReadOutcome::WouldBlock | ReadOutcome::EndOfInput => Stop::UsedUp,
            ReadOutcome::Failed(error) => {
                log::debug!("{id}: reading failed: {error}");
                turn.output
                    .schedule_close(turn.table, id.slot, CloseReason::Broken);
                Stop::Closing
            }
            ReadOutcome::Bytes(count) => {
                budget.bytes -= count;
                turn.output.stats.bytes_in += count as u64;
                let bytes = buffer.get_mut(..count).unwrap_or_default();
                let (used, stop) = self.run_lines(turn, id, bytes, budget);
                let rest = bytes.get(used..).unwrap_or_default();
                if !rest.is_empty()
                    && let Some(connection) = turn.table.get_mut(id)
                {
                    let mut bytes = turn.buffers.take();
                    bytes.extend_from_slice(rest);
                    let pending = Box::new(Pending::new(bytes));
                    connection.input_mut().set_pending(pending);
                }
                // Of what was not run yet a copy is kept, which is wiped when it was.
                let wiped = used.min(self.take_wiped_from(bytes));
                bytes.get_mut(wiped..).unwrap_or_default().fill(0);
                stop
            }
        }
    }

    /// Goes on with bytes that were read in an earlier turn.
    fn run_pending<S: Transport>(
        &mut self,
        turn: &mut Turn<'_, S>,
        id: ClientId,
        mut pending: Box<Pending>,
        budget: &mut Budget,
    ) -> Stop {
        let bytes = pending.bytes.get(pending.used..).unwrap_or_default();
        let (used, stop) = self.run_lines(turn, id, bytes, budget);
        pending.used += used;
        if pending.used == pending.bytes.len() {
            let wiped = self.take_wiped_from(&pending.bytes);
            pending.bytes.get_mut(wiped..).unwrap_or_default().zeroize();
            turn.buffers.put(pending.bytes);
        } else {
            if mem::take(&mut self.saw_secret) {
                let run = pending.bytes.get_mut(..pending.used);
                run.unwrap_or_default().zeroize();
            }
            if let Some(connection) = turn.table.get_mut(id) {
                connection.input_mut().set_pending(pending);
            }
        }
        stop
    }

    /// From where on bytes that were run are to be wiped: all, if a secret was in them; or else those behind the
    /// last line, which may turn out to be one once it is whole.
    fn take_wiped_from(&mut self, bytes: &[u8]) -> usize {
        if mem::take(&mut self.saw_secret) {
            return 0;
        }
        memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1)
    }

    /// Gives the chat a line again that it has not taken. The line's rate and its share of a turn are paid.
    fn run_stash<S: Transport>(
        &mut self,
        turn: &mut Turn<'_, S>,
        id: ClientId,
        stash: Stash,
    ) -> Stop {
        loop {
            let Some(connection) = turn.table.get_mut(id) else {
                return Stop::Closing;
            };
            match check_output(turn.output, connection) {
                Check::Run => break,
                Check::Flush => turn.output.flush(turn.table, id.slot),
                Check::Stop(stop) => {
                    self.stash = Some(stash);
                    return stop;
                }
            }
        }
        let handled = match &stash {
            Stash::Line(line) => self.carry_out_line(turn, id, line, false),
            Stash::TooLong => self.refuse_long_line(turn, id, false),
        };
        self.saw_secret = false; // the stash wipes itself
        stop_after(handled).unwrap_or(Stop::UsedUp)
    }

    /// The end of input: an unfinished line counts, and then the client has said everything. It stays until
    /// it has its answers.
    fn handle_eof<S: Transport>(
        &mut self,
        turn: &mut Turn<'_, S>,
        id: ClientId,
        budget: &mut Budget,
    ) -> Stop {
        let Some(connection) = turn.table.get_mut(id) else {
            return Stop::Closing;
        };
        let has_last_line = connection.input().has_unfinished_line();
        let mut codec = match self.codec_for_a_line(turn, id, *budget) {
            Ok(codec) => codec,
            // Without a last line there is nothing that the rate could hold.
            Err(Stop::Held(Hold::Rate)) if !has_last_line => Codec::default(),
            Err(stop) => return stop,
        };
        while let Some(frame) = codec.finish()
            && let Some(connection) = turn.table.get_mut(id)
            && connection.close_reason().is_none()
        {
            let is_first = self.take_frame(connection, &frame, turn.now, budget);
            let handled = self.handle_frame(turn, id, &frame, is_first);
            self.follow_line(turn, id, &mut codec);
            self.saw_secret = false;
            if let Some(stop) = stop_after(handled) {
                return_codec(turn, id, codec);
                return stop;
            }
        }
        turn.greet(id, None);
        if turn.chat.awaits_answers(id) {
            return Stop::Held(Hold::Reply);
        }
        turn.output
            .schedule_close(turn.table, id.slot, CloseReason::EndOfInput);
        Stop::Closing
    }

    /// The client was silent behind a bare CR: it was the end of its line.
    fn end_silent_line<S: Transport>(
        &mut self,
        turn: &mut Turn<'_, S>,
        id: ClientId,
        budget: &mut Budget,
    ) -> Stop {
        let mut codec = match self.codec_for_a_line(turn, id, *budget) {
            Ok(codec) => codec,
            Err(stop) => return stop,
        };
        let mut handled = Handled::Done;
        if let Some(frame) = codec.end_silent_line()
            && let Some(connection) = turn.table.get_mut(id)
        {
            let is_first = self.take_frame(connection, &frame, turn.now, budget);
            handled = self.handle_frame(turn, id, &frame, is_first);
        }
        self.follow_line(turn, id, &mut codec);
        self.saw_secret = false;
        return_codec(turn, id, codec);
        stop_after(handled).unwrap_or(Stop::UsedUp)
    }

    /// Takes a client's codec out once its next line may be run, or says why it may not now.
    fn codec_for_a_line<S: Transport>(
        &self,
        turn: &mut Turn<'_, S>,
        id: ClientId,
        budget: Budget,
    ) -> Result<Codec, Stop> {
        loop {
            let connection = turn.table.get_mut(id).ok_or(Stop::Closing)?;
            match self.check(turn.output, connection, turn.now, budget) {
                Check::Run => return Ok(connection.input_mut().take_codec()),
                Check::Flush => turn.output.flush(turn.table, id.slot),
                Check::Stop(stop) => return Err(stop),
            }
        }
    }

    /// Splits `bytes` into lines and runs those. Returns how many bytes were used.
    fn run_lines<S: Transport>(
        &mut self,
        turn: &mut Turn<'_, S>,
        id: ClientId,
        bytes: &[u8],
        budget: &mut Budget,
    ) -> (usize, Stop) {
        let mut codec = borrow_codec(turn, id);
        let mut rest = bytes;
        let stop = loop {
            if rest.is_empty() {
                break Stop::UsedUp;
            }
            let Some(connection) = turn.table.get_mut(id) else {
                break Stop::Closing;
            };
            match self.check(turn.output, connection, turn.now, *budget) {
                Check::Run => {}
                Check::Flush => {
                    turn.output.flush(turn.table, id.slot);
                    continue;
                }
                Check::Stop(stop) => break stop,
            }
            let Some(frame) = codec.next(&mut rest, self.line_bytes_max) else {
                break Stop::UsedUp;
            };
            let is_first = self.take_frame(connection, &frame, turn.now, budget);
            let handled = self.handle_frame(turn, id, &frame, is_first);
            if frame.kind == FrameKind::EndOfFile {
                rest = &[];
            }
            self.follow_line(turn, id, &mut codec);
            if let Some(stop) = stop_after(handled) {
                break stop;
            }
        };
        return_codec(turn, id, codec);
        (bytes.len() - rest.len(), stop)
    }

    /// Whether a client's next line may be run now.
    fn check<S>(
        &self,
        output: &Output,
        connection: &Connection<S>,
        now: Timestamp,
        budget: Budget,
    ) -> Check {
        if connection.close_reason().is_some() {
            Check::Stop(Stop::Closing)
        } else if budget.lines == 0 {
            Check::Stop(Stop::BudgetSpent)
        } else if connection.input().next_allowed(self.rate) > now {
            Check::Stop(Stop::Held(Hold::Rate))
        } else {
            check_output(output, connection)
        }
    }

    /// Notes that a client sent a frame. Even one that is no line costs its time: of the turn, and of the
    /// client's rate. Returns whether the client was not greeted yet.
    fn take_frame<S: Transport>(
        &self,
        connection: &mut Connection<S>,
        frame: &Frame<'_>,
        now: Timestamp,
        budget: &mut Budget,
    ) -> bool {
        budget.lines = budget.lines.saturating_sub(1);
        connection.output_mut().set_framing(frame.framing);
        connection.input_mut().charge(now, self.rate);
        !connection.is_greeted()
    }

    fn handle_frame<S: Transport>(
        &mut self,
        turn: &mut Turn<'_, S>,
        id: ClientId,
        frame: &Frame<'_>,
        is_first: bool,
    ) -> Handled {
        if frame.tells_not_utf8 {
            turn.greet(id, None);
            turn.sink().send_notice(id, Notice::NotUtf8);
        }
        match frame.kind {
            FrameKind::Line(line) => return self.handle_line(turn, id, line, is_first),
            FrameKind::TooLong => {
                turn.output.stats.lines_in += 1;
                return self.refuse_long_line(turn, id, is_first);
            }
            FrameKind::AreYouThere => {
                turn.greet(id, None);
                turn.output.stats.lines_in += 1;
                let (chat, mut sink) = turn.chat_and_sink();
                chat.are_you_there(id, &mut sink);
            }
            FrameKind::UnendedSubnegotiation => {
                turn.greet(id, None);
                let notice = Notice::UnendedSubnegotiation;
                turn.sink().send_notice(id, notice);
            }
            FrameKind::EndOfFile => {
                if let Some(connection) = turn.table.get_mut(id) {
                    connection.input_mut().close();
                }
            }
            FrameKind::Answer(bytes) => turn.sink().send_raw(id, &bytes),
            FrameKind::Foreign(protocol) => {
                turn.sink().send_raw(id, protocol.answer());
                let reason = match protocol {
                    ForeignProtocol::Http => CloseReason::Http,
                    ForeignProtocol::Tls => CloseReason::Tls,
                };
                turn.output.schedule_close(turn.table, id.slot, reason);
            }
        }
        Handled::Done
    }

    /// Takes a client's line. A blank one is ignored, unless it answers a question.
    fn handle_line<S: Transport>(
        &mut self,
        turn: &mut Turn<'_, S>,
        id: ClientId,
        line: &str,
        is_first: bool,
    ) -> Handled {
        if command::is_blank(line) && turn.chat.reading_of(id) != Reading::Answer {
            return Handled::Done;
        }
        turn.output.stats.lines_in += 1;
        // Not its text: a password may be in any line, at the wrong prompt or behind a word that is misspelt.
        let number = turn.output.stats.lines_in;
        log::trace!("{id} sent: line {number}, {} bytes", line.len());
        self.carry_out_line(turn, id, line, is_first)
    }

    /// Has the chat carry out a line. One that is not taken now is kept.
    fn carry_out_line<S: Transport>(
        &mut self,
        turn: &mut Turn<'_, S>,
        id: ClientId,
        line: &str,
        is_first: bool,
    ) -> Handled {
        let request = command::parse(line, turn.chat.reading_of(id));
        self.saw_secret |= command::is_secret(&request);
        let handled = carry_out(turn, id, request, is_first);
        if handled == Handled::NotNow {
            self.stash = Some(Stash::Line(Zeroizing::new(line.into())));
        }
        handled
    }

    /// Has the chat refuse a line past the limit, in the order of its answers.
    fn refuse_long_line<S: Transport>(
        &mut self,
        turn: &mut Turn<'_, S>,
        id: ClientId,
        is_first: bool,
    ) -> Handled {
        let bytes_max = self.line_bytes_max;
        let refusal = Refusal::Line(LineRefusal::LineTooLong { bytes_max });
        let handled = carry_out(turn, id, Err(refusal), is_first);
        if handled == Handled::NotNow {
            self.stash = Some(Stash::TooLong);
        }
        handled
    }

    /// Does what follows from a line for the codec that it came by, once the line's borrow is over.
    fn follow_line<S: Transport>(&self, turn: &mut Turn<'_, S>, id: ClientId, codec: &mut Codec) {
        if self.saw_secret {
            codec.wipe();
        }
        if turn.output.has_typing_wishes() {
            turn.fulfil_typing_wishes(Some((id, codec)));
        }
    }

    /// Reads and drops what a draining client still sends.
    fn drain<S: Transport>(&mut self, turn: &mut Turn<'_, S>, id: ClientId) {
        let mut bytes_left = self.budget.bytes;
        let mut buffer = mem::take(&mut self.read_buffer);
        while let Some(connection) = turn.table.get_mut(id)
            && connection.input().is_readable()
        {
            match connection.read(&mut buffer) {
                ReadOutcome::Bytes(count) if count < bytes_left => bytes_left -= count,
                ReadOutcome::Bytes(_) => {
                    turn.table.enqueue(id);
                    break;
                }
                ReadOutcome::WouldBlock => break,
                ReadOutcome::EndOfInput => turn.output.advance_draining(turn.table, id.slot),
                ReadOutcome::Failed(_) => {
                    turn.output
                        .schedule_close(turn.table, id.slot, CloseReason::Broken);
                }
            }
        }
        self.read_buffer = buffer;
    }

    /// Panics if the connections disagree with the run queue, or the chat with their holds.
    pub fn check_invariants<S>(table: &ConnectionTable<S>, output: &Output, chat: &Chat) {
        let mut queued = table.run_queue().to_vec();
        queued.sort_unstable();
        for (slot, connection) in table.iter() {
            let input = connection.input();
            let is_queued = queued.binary_search(&table.id_of(slot)).is_ok();
            assert_eq!(input.is_queued(), is_queued);
            let pending = input.pending();
            assert!(pending.is_none_or(|pending| pending.used < pending.bytes.len()));
            // Only a write ends this hold.
            let may_wait = connection.output().is_blocked() && output.is_full(connection);
            assert!(may_wait || input.hold() != Hold::Output);
            // The last answer ends this one.
            let is_answered = !chat.awaits_answers(table.id_of(slot));
            assert!(!is_answered || input.hold() != Hold::Reply);
        }
    }
}

/// Whether there is room for what a client's line causes.
fn check_output<S>(output: &Output, connection: &Connection<S>) -> Check {
    if !output.is_full(connection) {
        Check::Run
    } else if connection.output().is_blocked() {
        Check::Stop(Stop::Held(Hold::Output))
    } else {
        Check::Flush
    }
}

/// Carries out one line. The client is greeted before its first.
fn carry_out<S: Transport>(
    turn: &mut Turn<'_, S>,
    id: ClientId,
    request: Request<'_>,
    is_first: bool,
) -> Handled {
    if is_first {
        turn.greet(id, Some(&request));
    }
    let now = turn.clock();
    let (chat, mut sink, archive) = turn.chat_and_ways();
    chat.handle(now, id, request, &mut sink, archive)
}

/// Why a client's input stops after a line, if it does.
fn stop_after(handled: Handled) -> Option<Stop> {
    match handled {
        Handled::Done | Handled::Queued => None,
        Handled::Later | Handled::NotNow => Some(Stop::Held(Hold::Reply)),
    }
}

/// Takes a client's codec out, as a line that it yields borrows from it while the connection changes,
/// and lends it a buffer.
fn borrow_codec<S>(turn: &mut Turn<'_, S>, id: ClientId) -> Codec {
    let Some(connection) = turn.table.get_mut(id) else {
        return Codec::default();
    };
    let mut codec = connection.input_mut().take_codec();
    if codec.is_at_line_start() {
        codec.lend(turn.buffers.take());
    }
    codec
}

/// Puts a client's codec back, and notes whether a silence from now on ends its line.
fn return_codec<S>(turn: &mut Turn<'_, S>, id: ClientId, mut codec: Codec) {
    let until = if codec.is_after_bare_cr() {
        turn.now.after(BARE_CR_TIME)
    } else {
        Timestamp::NEVER
    };
    if codec.is_at_line_start() {
        turn.buffers.put(codec.take_back());
    }
    if let Some(connection) = turn.table.get_mut(id) {
        // A telnet command that is no frame makes the client want CR LF, too.
        connection.output_mut().set_framing(codec.framing());
        let input = connection.input_mut();
        input.set_codec(codec);
        input.set_silence(until);
    }
}
