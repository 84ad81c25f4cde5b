//! Takes telnet's commands out of the stream, in constant memory and linear time.
//!
//! The byte 255 ("interpret as command", RFC 854) never occurs in UTF-8, so a client that sends it
//! speaks telnet, or writes in another encoding: what no client of telnet sends first is text. The server offers only
//! to echo, while a password is typed, which it then does not do; it refuses each option once, so that no
//! negotiation can loop (RFC 1143 describes the loops). Subnegotiations are dropped; as none was agreed on, one
//! without an end is text in another encoding, and is given up.

use std::mem;

/// Interpret As Command.
pub const IAC: u8 = 255;

/// RFC 1184; the first of all commands.
const EOF: u8 = 236;
const SE: u8 = 240;
const INTERRUPT_PROCESS: u8 = 244;
const ARE_YOU_THERE: u8 = 246;
const ERASE_CHARACTER: u8 = 247;
const ERASE_LINE: u8 = 248;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;

/// RFC 857. A client that the server offers it to shows no longer what is typed, as the server will; which is
/// how a password stays off the screen.
const ECHO: u8 = 1;

/// RFC 860. Linux's telnet asks for it after Ctrl-C, and shows nothing until it is answered.
const TIMING_MARK: u8 = 6;

/// The effect of one byte of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TelnetEvent {
    /// A byte of text; 255 if it was sent twice.
    Text(u8),
    /// Part of a command that is not complete, or means nothing here.
    Nothing,
    /// A complete command that means nothing here.
    Ignored,
    /// Drop the unfinished line.
    EraseLine,
    /// Drop the character before.
    EraseCharacter,
    /// A question that wants an answer a person can see.
    AreYouThere,
    /// The input ends here.
    EndOfFile,
    /// This byte makes the 255 before it no command: both are text.
    NoCommand(u8),
    /// A subnegotiation has not ended before this byte, or cannot go on with it, and is given up.
    GivenUp(u8),
    /// The server's half of a negotiation, to be sent.
    Answer([u8; 3]),
}

/// The place in a command that the stream has reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Position {
    #[default]
    Text,
    Command,
    /// After `WILL`, `WONT`, `DO` or `DONT`.
    Option(u8),
    /// After `DONT` as the client's first command.
    FirstDont,
    /// After `DONT` and this option as the client's first command.
    FirstOption(u8),
    Subnegotiation,
    SubnegotiationCommand,
}

/// The state machine, which lives across reads. Most clients never send an [`IAC`]: no memory is
/// taken until the first one.
#[derive(Debug, Default)]
pub struct Telnet(Option<Box<TelnetState>>);

#[derive(Debug, Default)]
struct TelnetState {
    position: Position,
    /// Bytes of the subnegotiation so far.
    subnegotiation_bytes: usize,
    /// A command came.
    has_spoken: bool,
    /// The server has said that it echoes, and not yet that it does no longer.
    offers_echo: bool,
    /// The options already refused, a bit each: the server's own, and the client's.
    ours: [u64; 4],
    theirs: [u64; 4],
}

impl Telnet {
    /// Whether any next byte but [`IAC`] is text, so that a run of text can be taken at once.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|state| state.position == Position::Text)
    }

    /// Whether a command has begun and is not complete.
    #[must_use]
    pub fn is_within_command(&self) -> bool {
        self.0.as_ref().is_some_and(|state| {
            !matches!(state.position, Position::Text | Position::FirstOption(_))
        })
    }

    /// Whether a command came.
    #[must_use]
    pub fn has_spoken(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.has_spoken)
    }

    /// Offers to echo, or takes that back. Returns what the client is to be sent.
    pub fn offer_echo(&mut self, on: bool) -> [u8; 3] {
        self.0.get_or_insert_default().offers_echo = on;
        [IAC, if on { WILL } else { WONT }, ECHO]
    }

    /// Gives up a subnegotiation that will not end any more. Returns whether there is one.
    pub fn give_up(&mut self) -> bool {
        let Some(state) = &mut self.0 else {
            return false;
        };
        let position = mem::take(&mut state.position);
        matches!(
            position,
            Position::Subnegotiation | Position::SubnegotiationCommand
        )
    }

    /// Takes the next byte. A subnegotiation holds as many bytes as a line, at most.
    pub fn feed(&mut self, byte: u8, line_bytes_max: usize) -> TelnetEvent {
        match &mut self.0 {
            None if byte != IAC => TelnetEvent::Text(byte),
            state => state.get_or_insert_default().feed(byte, line_bytes_max),
        }
    }
}

impl TelnetState {
    fn feed(&mut self, byte: u8, line_bytes_max: usize) -> TelnetEvent {
        match self.position {
            Position::Text if byte == IAC => self.goto(Position::Command, TelnetEvent::Nothing),
            Position::Text => TelnetEvent::Text(byte),
            Position::Command => self.command(byte),
            Position::Option(verb) => {
                self.position = Position::Text;
                self.option(verb, byte)
            }
            Position::FirstDont => self.goto(Position::FirstOption(byte), TelnetEvent::Ignored),
            // 255 and 254 were the byte order mark of UTF-16, and the option its first character.
            Position::FirstOption(character) if byte == 0 => {
                self.has_spoken = false;
                self.goto(Position::Text, TelnetEvent::Text(character))
            }
            Position::FirstOption(_) => {
                self.position = Position::Text;
                self.feed(byte, line_bytes_max)
            }
            Position::Subnegotiation if byte == IAC => {
                self.goto(Position::SubnegotiationCommand, TelnetEvent::Nothing)
            }
            Position::Subnegotiation => self.subnegotiation_byte(byte, line_bytes_max),
            Position::SubnegotiationCommand => match byte {
                IAC => self.subnegotiation_byte(byte, line_bytes_max),
                SE => self.goto(Position::Text, TelnetEvent::Ignored),
                ..EOF => self.goto(Position::Text, TelnetEvent::GivenUp(byte)),
                // The end went missing: a command is never data.
                _ => self.command(byte),
            },
        }
    }

    fn subnegotiation_byte(&mut self, byte: u8, line_bytes_max: usize) -> TelnetEvent {
        if self.subnegotiation_bytes == line_bytes_max {
            return self.goto(Position::Text, TelnetEvent::GivenUp(byte));
        }
        self.subnegotiation_bytes += 1;
        self.goto(Position::Subnegotiation, TelnetEvent::Nothing)
    }

    fn goto(&mut self, position: Position, event: TelnetEvent) -> TelnetEvent {
        self.position = position;
        event
    }

    fn command(&mut self, byte: u8) -> TelnetEvent {
        // What comes behind an offer may be its answer.
        let is_first = !self.has_spoken && !self.offers_echo;
        match byte {
            ..EOF => return self.goto(Position::Text, TelnetEvent::NoCommand(byte)),
            // No client begins with the end of something; words in CP1251 do.
            EOF | SE if is_first => {
                return self.goto(Position::Text, TelnetEvent::NoCommand(byte));
            }
            IAC => {}
            _ => self.has_spoken = true,
        }
        match byte {
            IAC => self.goto(Position::Text, TelnetEvent::Text(IAC)),
            DONT if is_first => self.goto(Position::FirstDont, TelnetEvent::Nothing),
            WILL | WONT | DO | DONT => self.goto(Position::Option(byte), TelnetEvent::Nothing),
            SB => {
                self.subnegotiation_bytes = 0;
                self.goto(Position::Subnegotiation, TelnetEvent::Nothing)
            }
            EOF => self.goto(Position::Text, TelnetEvent::EndOfFile),
            INTERRUPT_PROCESS | ERASE_LINE => self.goto(Position::Text, TelnetEvent::EraseLine),
            ERASE_CHARACTER => self.goto(Position::Text, TelnetEvent::EraseCharacter),
            ARE_YOU_THERE => self.goto(Position::Text, TelnetEvent::AreYouThere),
            _ => self.goto(Position::Text, TelnetEvent::Ignored),
        }
    }

    fn option(&mut self, verb: u8, option: u8) -> TelnetEvent {
        match verb {
            // Each request marks another place in the stream, so each is answered.
            // Its agreement: an answer would take the offer back.
            DO if option == ECHO && self.offers_echo => TelnetEvent::Ignored,
            DO if option == TIMING_MARK => TelnetEvent::Answer([IAC, WILL, option]),
            DO => self.refuse_once(|state| &mut state.ours, [IAC, WONT, option]),
            WILL => self.refuse_once(|state| &mut state.theirs, [IAC, DONT, option]),
            // The server asks for no option, and does none for long, so a refusal needs no answer.
            _ => TelnetEvent::Ignored,
        }
    }

    fn refuse_once(
        &mut self,
        side: impl Fn(&mut Self) -> &mut [u64; 4],
        answer: [u8; 3],
    ) -> TelnetEvent {
        let [_, _, option] = answer;
        let refused = side(self);
        let Some(word) = refused.get_mut(usize::from(option / 64)) else {
            return TelnetEvent::Ignored;
        };
        let bit = 1 << (option % 64);
        if *word & bit != 0 {
            return TelnetEvent::Ignored;
        }
        *word |= bit;
        TelnetEvent::Answer(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(telnet: &mut Telnet, bytes: &[u8]) -> Vec<TelnetEvent> {
        let events = bytes.iter().map(|byte| telnet.feed(*byte, 8));
        events
            .filter(|event| !matches!(event, TelnetEvent::Nothing))
            .collect()
    }

    #[test]
    fn options_are_refused_once_each_way() {
        for option in 0..=255 {
            if option == TIMING_MARK {
                continue;
            }
            let mut telnet = Telnet::default();
            let asked = [IAC, DO, option, IAC, WILL, option];
            let refused = [
                TelnetEvent::Answer([IAC, WONT, option]),
                TelnetEvent::Answer([IAC, DONT, option]),
            ];
            assert_eq!(feed(&mut telnet, &asked), refused);
            assert_eq!(feed(&mut telnet, &asked), [TelnetEvent::Ignored; 2]);
            assert_eq!(
                feed(&mut telnet, &[IAC, DONT, option, IAC, WONT, option]),
                [TelnetEvent::Ignored; 2]
            );
        }
    }

    #[test]
    fn agreement_to_an_offered_echo_is_not_answered() {
        for agreement in [[IAC, DO, ECHO], [IAC, DONT, ECHO]] {
            let mut telnet = Telnet::default();
            assert_eq!(telnet.offer_echo(true), [IAC, WILL, ECHO]);
            let answers = [agreement, agreement].concat();
            assert_eq!(feed(&mut telnet, &answers), [TelnetEvent::Ignored; 2]);
            assert_eq!(telnet.offer_echo(false), [IAC, WONT, ECHO]);
            let taken_back = feed(&mut telnet, &[IAC, DONT, ECHO]);
            assert_eq!(taken_back, [TelnetEvent::Ignored]);
            assert!(telnet.has_spoken());
        }
    }

    #[test]
    fn echo_is_refused_unless_it_is_offered() {
        let mut telnet = Telnet::default();
        let refused = [TelnetEvent::Answer([IAC, WONT, ECHO])];
        assert_eq!(feed(&mut telnet, &[IAC, DO, ECHO]), refused);
        telnet.offer_echo(true);
        let agreed = feed(&mut telnet, &[IAC, DO, ECHO, IAC, WILL, ECHO]);
        let theirs = TelnetEvent::Answer([IAC, DONT, ECHO]);
        assert_eq!(agreed, [TelnetEvent::Ignored, theirs]);
        telnet.offer_echo(false);
        let again = feed(&mut telnet, &[IAC, DO, ECHO, IAC, DO, ECHO]);
        assert_eq!(again, [TelnetEvent::Ignored; 2], "once is enough");

        let mut telnet = Telnet::default();
        telnet.offer_echo(true);
        telnet.offer_echo(false);
        let late = feed(&mut telnet, &[IAC, DO, ECHO, IAC, DO, ECHO]);
        assert_eq!(late, [refused[0], TelnetEvent::Ignored]);
    }

    #[test]
    fn first_words_of_a_client_behind_an_offer_are_its_answer() {
        let mut telnet = Telnet::default();
        telnet.offer_echo(true);
        let events = feed(&mut telnet, &[IAC, DONT, ECHO, 0]);
        assert_eq!(events, [TelnetEvent::Ignored, TelnetEvent::Text(0)]);
        assert!(telnet.has_spoken());
    }

    #[test]
    fn timing_mark_is_answered_each_time() {
        let mut telnet = Telnet::default();
        for _ in 0..3 {
            let answer = feed(&mut telnet, &[IAC, DO, TIMING_MARK]);
            assert_eq!(answer, [TelnetEvent::Answer([IAC, WILL, TIMING_MARK])]);
        }
    }

    #[test]
    fn subnegotiation_is_dropped_with_any_content() {
        let mut telnet = Telnet::default();
        let bytes = [IAC, SB, 24, 0, b'\n', IAC, IAC, 1, IAC, SE, b'x'];
        assert_eq!(
            feed(&mut telnet, &bytes),
            [TelnetEvent::Ignored, TelnetEvent::Text(b'x')]
        );
    }

    #[test]
    fn subnegotiation_without_end_ends_at_the_next_command() {
        let mut telnet = Telnet::default();
        let bytes = [IAC, SB, 24, 1, 2, IAC, ARE_YOU_THERE, b'x'];
        assert_eq!(
            feed(&mut telnet, &bytes),
            [TelnetEvent::AreYouThere, TelnetEvent::Text(b'x')]
        );
    }

    #[test]
    fn byte_below_the_commands_is_text_with_the_255_before_it() {
        for byte in (0..EOF).chain([EOF, SE]) {
            let mut telnet = Telnet::default();
            let events = feed(&mut telnet, &[IAC, byte, b'x']);
            assert_eq!(
                events,
                [TelnetEvent::NoCommand(byte), TelnetEvent::Text(b'x')]
            );
            assert!(!telnet.has_spoken());
        }
        for byte in (EOF..IAC).filter(|byte| ![EOF, SE].contains(byte)) {
            let mut telnet = Telnet::default();
            feed(&mut telnet, &[IAC, byte]);
            assert!(telnet.has_spoken());
        }
    }

    #[test]
    fn end_of_file_counts_behind_another_command() {
        let mut telnet = Telnet::default();
        let events = feed(&mut telnet, &[IAC, EOF, IAC, WONT, 1, IAC, EOF, IAC, SE]);
        assert_eq!(
            events,
            [
                TelnetEvent::NoCommand(EOF),
                TelnetEvent::Ignored,
                TelnetEvent::EndOfFile,
                TelnetEvent::Ignored,
            ]
        );
    }

    #[test]
    fn byte_order_mark_of_utf_16_is_no_command() {
        let mut telnet = Telnet::default();
        let utf_16 = feed(&mut telnet, &[IAC, DONT, b'@', 0, b'b', 0]);
        let text = [b'@', b'b', 0].map(TelnetEvent::Text);
        assert_eq!(utf_16, [&[TelnetEvent::Ignored], &text[..]].concat());
        assert!(!telnet.has_spoken());

        let mut telnet = Telnet::default();
        let refusal = feed(&mut telnet, &[IAC, DONT, 1, IAC, DONT, b'@', 0]);
        let none = TelnetEvent::Text(0);
        assert_eq!(refusal, [TelnetEvent::Ignored, TelnetEvent::Ignored, none]);
        assert!(telnet.has_spoken());
    }

    #[test]
    fn doubled_iac_is_one_byte_of_text() {
        assert_eq!(
            feed(&mut Telnet::default(), &[IAC, IAC]),
            [TelnetEvent::Text(IAC)]
        );
    }
}
