//! Escape sequences, which vanish whole, however they were split: one byte of state.
//!
//! The table of a VT500 (ECMA-48) comes from `anstyle-parse`. Added here is what it leaves open: UTF-8, and
//! what terminals send as keys and clicks.

use anstyle_parse::state::{Action, State, state_change};

const DELETE: u8 = 0x7f;
const BACKSPACE: u8 = 0x08;
const END_OF_BLOCK: u8 = 0x17;
/// The first byte in UTF-8 of each control character of C1, whose second byte is its number.
pub const C1_LEAD: u8 = 0xc2;

/// Bytes of a mouse click behind `ESC [ M`: its button, its column and its row.
const CLICK_BYTES: u8 = 3;

/// The place in a sequence that the text has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Standard(State),
    /// In a string, behind a byte that begins its end in UTF-8, or another character.
    StringLead(State),
    /// Behind `ESC O`: a key of the keypad, with modifiers before its letter.
    SingleShift,
    /// Behind `ESC [ [`: a function key of Linux's console.
    LinuxKey,
    /// Within a mouse click; the number of bytes to come.
    Click(u8),
}

/// The state machine. A line's end ends any sequence: see [`EscapeParser::reset`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscapeParser(Position);

/// The effect of one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is part of a sequence.
    Swallowed,
    /// A control character that does what it does outside, while the sequence goes on.
    Executed,
    /// It is no part of a sequence. One that was unfinished has ended before it.
    Text,
}

impl Default for EscapeParser {
    fn default() -> Self {
        Self(Position::Standard(State::Ground))
    }
}

impl EscapeParser {
    /// Whether there is no unfinished sequence.
    #[must_use]
    pub fn is_idle(self) -> bool {
        self.0 == Position::Standard(State::Ground)
    }

    /// Ends any sequence.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// An ESC came outside of a sequence.
    pub fn begin(&mut self) {
        self.goto(State::Escape);
    }

    /// A control character of C1 came, by its number from 0x80 to 0x9f: it is an ESC and another character.
    pub fn take_c1(&mut self, number: u8) {
        self.begin();
        self.take(number.wrapping_sub(0x40), false);
    }

    /// Takes the next byte. At a line's start, a character that decides on what the line is never belongs to
    /// a key: the ESC before it was a key by itself.
    pub fn take(&mut self, byte: u8, at_line_start: bool) -> Effect {
        match self.0 {
            Position::Standard(state) => self.standard(state, byte, at_line_start),
            Position::StringLead(state) => {
                self.goto(state);
                if matches!(byte, 0x80..=0x9f) {
                    self.take_c1(byte);
                    return Effect::Swallowed;
                }
                self.standard(state, byte, at_line_start)
            }
            Position::SingleShift if matches!(byte, b'0'..=b'9' | b';') => Effect::Swallowed,
            Position::SingleShift if byte.is_ascii_alphabetic() => self.end(),
            Position::LinuxKey if matches!(byte, b'A'..=b'E') => self.end(),
            Position::Click(CLICK_BYTES) if at_line_start && matches!(byte, b'@' | b'/') => {
                self.abort()
            }
            Position::Click(1) if byte >= b' ' => self.end(),
            Position::Click(count) if byte >= b' ' => {
                self.0 = Position::Click(count - 1);
                Effect::Swallowed
            }
            Position::SingleShift | Position::LinuxKey | Position::Click(_) => self.abort(),
        }
    }

    fn standard(&mut self, state: State, byte: u8, at_line_start: bool) -> Effect {
        let is_string = matches!(
            state,
            State::OscString
                | State::SosPmApcString
                | State::DcsEntry
                | State::DcsIgnore
                | State::DcsIntermediate
                | State::DcsParam
                | State::DcsPassthrough
        );
        match (state, byte) {
            (State::Ground, _) => return Effect::Text,
            (_, C1_LEAD) if is_string => {
                self.0 = Position::StringLead(state);
                return Effect::Swallowed;
            }
            (_, 0x80..) if is_string => return Effect::Swallowed,
            // No sequence has such a character, and a key that erases is one by itself.
            (_, 0x80..) | (State::Escape, BACKSPACE | DELETE | END_OF_BLOCK) => {
                return self.abort();
            }
            // With a number before it, `@` ends a key of rxvt's.
            (State::CsiParam, b'@') => {}
            (_, b'@' | b'/' | b'#') if at_line_start && !is_string => return self.abort(),
            // No terminal sends or reads a sequence with these: Alt and a punctuation mark came before.
            (State::EscapeIntermediate, b' ' | b'a'..=b'z') => return self.abort(),
            (_, DELETE) if !is_string => return Effect::Executed,
            (State::Escape, b'O') => return self.swallow(Position::SingleShift),
            (State::CsiEntry, b'[') => return self.swallow(Position::LinuxKey),
            (State::CsiEntry, b'M') => return self.swallow(Position::Click(CLICK_BYTES)),
            _ => {}
        }
        let (next, action) = state_change(state, byte);
        if next != State::Anywhere {
            self.goto(next);
        }
        if action == Action::Execute {
            Effect::Executed
        } else {
            Effect::Swallowed
        }
    }

    fn goto(&mut self, state: State) {
        self.0 = Position::Standard(state);
    }

    fn swallow(&mut self, position: Position) -> Effect {
        self.0 = position;
        Effect::Swallowed
    }

    /// The byte was the last of its sequence.
    fn end(&mut self) -> Effect {
        self.reset();
        Effect::Swallowed
    }

    /// The byte is no part of the sequence before it.
    fn abort(&mut self) -> Effect {
        self.reset();
        Effect::Text
    }
}
