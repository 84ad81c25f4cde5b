//! A client's lines as bytes, with telnet, keys and line ends that the splitter must see through.

use crate::clients::{Client, Habits};
use crate::rng::Rng;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;

/// Telnet's words (RFC 854), each behind a 255.
const IAC: u8 = 255;
const NOTHING: &[u8] = &[IAC, 241];
const INTERRUPT: u8 = 244;
const ARE_YOU_THERE: &[u8] = &[IAC, 246];
const ERASE_CHARACTER: &[u8] = &[IAC, 247];
const ERASE_LINE: u8 = 248;
/// A subnegotiation with every byte that could end it too early.
const SUBNEGOTIATION: &[u8] = &[IAC, 250, 24, 0, b'\n', IAC, IAC, b'x', IAC, 240];
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const TIMING_MARK: u8 = 6;

/// Keys and other things that a terminal sends, and what nobody sees: they vanish wherever they stand.
const VANISHING: [&[u8]; 14] = [
    b"\x1b[A",
    b"\x1bOP",
    b"\x1b[15~",
    b"\x1b[[A",
    b"\x1b[1;5C",
    b"\x1b[200~",
    b"\x1b[201~",
    b"\x1b[<0;10;20M",
    b"\x1b[M !!",
    b"\x1b]0;\xc3\xa9\x07",
    b"\x1bPq\x1b\\",
    b"\xc2\x9b31m",
    BYTE_ORDER_MARK,
    b"\0\x07",
];

/// ^U and ^C give a line up, ^W its last word.
const GIVE_UP: [u8; 2] = [0x15, 0x03];
const GIVE_UP_WORD: u8 = 0x17;

/// Characters to be erased again, of each length in UTF-8.
const SLIPS: [&str; 4] = ["q", "é", "€", "😀"];

impl Client {
    /// The first bytes of a connection.
    pub fn begin(&mut self) {
        if self.habits.starts_with_mark {
            self.outgoing.extend_from_slice(BYTE_ORDER_MARK);
        }
        if self.habits.telnet {
            self.outgoing.extend_from_slice(NOTHING);
        }
    }

    /// Types a line.
    pub fn type_line(&mut self, text: &str, line_bytes_max: usize, rng: &mut Rng) {
        let mut bytes = text.as_bytes().to_vec();
        let place = char_boundary(text, rng.below(text.len() + 1));
        let slip = rng.pick(&SLIPS);
        let has_room = bytes.len() + slip.len() <= line_bytes_max;
        match rng.below(16) {
            0 | 1 if has_room => {
                let eraser: &[u8] = if self.habits.telnet && rng.one_in(2) {
                    ERASE_CHARACTER
                } else {
                    &[rng.pick(&[BACKSPACE, DELETE])]
                };
                bytes.splice(place..place, [slip.as_bytes(), eraser].concat());
            }
            2..=4 if self.habits.telnet => {
                let words = self.telnet_words(rng);
                bytes.splice(place..place, words);
            }
            5 if self.habits.telnet => {
                let erase = [IAC, rng.pick(&[INTERRUPT, ERASE_LINE])];
                bytes.splice(..0, [slip.as_bytes(), b"@c0: no", &erase].concat());
            }
            12 => {
                // A line of blanks is none.
                bytes.splice(..0, *b" \t \n");
            }
            6..=8 => {
                let vanishing = rng.pick(&VANISHING);
                bytes.splice(place..place, vanishing.iter().copied());
            }
            9 => {
                let give_up = [rng.pick(&GIVE_UP)];
                bytes.splice(..0, [slip.as_bytes(), b"@c0: no\x1b]", &give_up].concat());
            }
            10 => {
                bytes.splice(..0, [slip.as_bytes(), b" ", &[GIVE_UP_WORD]].concat());
            }
            _ => {}
        }
        bytes.extend_from_slice(match rng.below(8) {
            _ if self.habits.crlf => b"\r\n",
            0 => b"\r\0",
            _ => b"\n",
        });
        self.outgoing.extend(bytes);
    }

    /// Telnet's commands that are no text, and the answers due for them.
    fn telnet_words(&mut self, rng: &mut Rng) -> Vec<u8> {
        let option = rng.pick(&[1, 3, 24, 31, 200]);
        match rng.below(6) {
            0 => NOTHING.to_vec(),
            1 => SUBNEGOTIATION.to_vec(),
            2 => {
                self.here_due += 1;
                ARE_YOU_THERE.to_vec()
            }
            3 => {
                self.refusals_due.push([IAC, WILL, TIMING_MARK]); // each time
                vec![IAC, DO, TIMING_MARK]
            }
            4 => self.ask(DO, WONT, option),
            _ => self.ask(WILL, DONT, option),
        }
    }

    /// Each option is refused once.
    fn ask(&mut self, verb: u8, refusal: u8, option: u8) -> Vec<u8> {
        let refusal = [IAC, refusal, option];
        if !self.refusals_due.contains(&refusal) {
            self.refusals_due.push(refusal);
        }
        vec![IAC, verb, option]
    }
}

/// Takes telnet's answers, which stand between lines, out of the server's output.
pub fn take_refusals(output: &mut &[u8]) -> Vec<[u8; 3]> {
    let mut all = Vec::new();
    while let [IAC, verb, option, rest @ ..] = *output {
        all.push([IAC, *verb, *option]);
        *output = rest;
    }
    all
}

/// A rhythm and a dialect.
pub fn draw_habits(rng: &mut Rng) -> Habits {
    let rhythm = rng.below(6);
    Habits {
        json: !rng.one_in(5),
        crlf: rng.one_in(4),
        telnet: rng.one_in(5),
        starts_with_mark: rng.one_in(8),
        quiet: rng.one_in(6),
        reads_at_once: rhythm == 0,
        reads_slowly: rhythm == 1,
        resident: rng.one_in(3),
        ..Habits::default()
    }
}

/// The last place up to `place` where no character is cut in two.
fn char_boundary(text: &str, place: usize) -> usize {
    let mut places = (0..=place).rev();
    places.find(|place| text.is_char_boundary(*place)).unwrap()
}
