//! The meaning of a connection's bytes: protocol detection up to the first line, then lines.

use std::mem;

use super::detect::{ForeignProtocol, TlsDetector, is_http_request};
use super::framing::Framing;
use super::lines::{Frame, FrameKind, LineSplitter, Step};

/// The state of one connection's input between two reads.
#[derive(Debug)]
pub enum Codec {
    /// Only empty lines, telnet or a part of the first line has come.
    Detect(Detector),
    /// Chat, for good.
    Lines(LineSplitter),
}

// A connection is two cache lines, and has no room for more.
const _: () = assert!(size_of::<Codec>() <= 40);

/// Splits lines and watches for other protocols, up to the first line that is not empty. Takes memory
/// of its own only from the first byte to the end of that line.
#[derive(Debug, Default)]
pub struct Detector(Option<Box<Detection>>);

#[derive(Debug, Default)]
struct Detection {
    lines: LineSplitter,
    tls: TlsDetector,
}

impl Default for Codec {
    fn default() -> Self {
        Self::Detect(Detector::default())
    }
}

impl Codec {
    /// How the client wants lines to end: as its own do, and with CR LF if it speaks telnet.
    #[must_use]
    pub fn framing(&self) -> Framing {
        self.lines().map_or(Framing::Lf, LineSplitter::framing)
    }

    /// Whether what the client types can be kept off its screen: it speaks telnet, or ends its lines alike.
    #[must_use]
    pub fn can_conceal(&self) -> bool {
        self.lines().is_some_and(LineSplitter::can_conceal)
    }

    /// Offers to echo what the client types, or takes that back. Returns what it is to be sent, as it is. While
    /// it is offered, nothing typed shows.
    pub fn offer_echo(&mut self, on: bool) -> [u8; 3] {
        self.lines_mut().offer_echo(on)
    }

    /// Overwrites the last line, and what is left of those before it: one of them held a secret. An unfinished
    /// line stays.
    pub fn wipe(&mut self) {
        self.lines_mut().wipe();
    }

    /// Whether there is no unfinished line, so that its buffer can be lent to another connection.
    #[must_use]
    pub fn is_at_line_start(&self) -> bool {
        self.lines().is_none_or(LineSplitter::is_at_line_start)
    }

    /// Whether the end of input would end a line.
    #[must_use]
    pub fn has_unfinished_line(&self) -> bool {
        self.lines().is_some_and(LineSplitter::has_unfinished_line)
    }

    /// Lends a buffer for unfinished lines.
    pub fn lend(&mut self, buffer: Vec<u8>) {
        self.lines_mut().lend(buffer);
    }

    /// Takes the buffer back, empty, once [`Codec::is_at_line_start`].
    pub fn take_back(&mut self) -> Vec<u8> {
        self.lines_mut().take_back()
    }

    /// The next frame in `input`, which is moved past it. `None`: the input is used up.
    pub fn next<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
        line_bytes_max: usize,
    ) -> Option<Frame<'s>> {
        let step = match self {
            Self::Lines(lines) => return lines.next(input, line_bytes_max),
            Self::Detect(detector) => detector.detection().advance(input, line_bytes_max),
        };
        match step {
            Ok(step) => self.move_on(step).frame_at(step),
            Err(protocol) => Some(self.foreign(protocol)),
        }
    }

    /// The next frame of those that the end of input completes: an unfinished last line counts as a line.
    pub fn finish(&mut self) -> Option<Frame<'_>> {
        if let Self::Detect(detector) = self {
            let detection = detector.0.as_mut()?;
            detection.lines.seal_last_character();
            if detection.lines.has_unfinished_line()
                && let Err(protocol) = detection.judge(Step::Line)
            {
                return Some(self.foreign(protocol));
            }
        }
        self.lines_mut().finish()
    }

    /// Whether a silence from here on ends the line.
    #[must_use]
    pub fn is_after_bare_cr(&self) -> bool {
        self.lines().is_some_and(LineSplitter::is_after_bare_cr)
    }

    /// The client was silent, once [`Codec::is_after_bare_cr`]: the line ends.
    pub fn end_silent_line(&mut self) -> Option<Frame<'_>> {
        let step = self.lines_mut().end_silent_line();
        let judged = match self {
            Self::Detect(detector) => detector.detection().judge(step),
            Self::Lines(_) => Ok(step),
        };
        match judged {
            Ok(step) => self.move_on(step).frame_at(step),
            Err(protocol) => Some(self.foreign(protocol)),
        }
    }

    /// Ends the detection once `step` shows that the client chats.
    fn move_on(&mut self, step: Step) -> &mut LineSplitter {
        let lines = self.lines_mut();
        let is_chat = match step {
            Step::Line => !lines.partial().is_empty(),
            Step::TooLong => true,
            Step::More
            | Step::UnendedSubnegotiation
            | Step::AreYouThere
            | Step::Answer(_)
            | Step::EndOfFile => false,
        };
        if is_chat {
            *self = Self::Lines(mem::take(lines));
        }
        self.lines_mut()
    }

    fn foreign(&self, protocol: ForeignProtocol) -> Frame<'static> {
        Frame {
            kind: FrameKind::Foreign(protocol),
            framing: self.framing(),
            tells_not_utf8: false,
        }
    }

    fn lines(&self) -> Option<&LineSplitter> {
        match self {
            Self::Detect(Detector(detection)) => Some(&detection.as_ref()?.lines),
            Self::Lines(lines) => Some(lines),
        }
    }

    fn lines_mut(&mut self) -> &mut LineSplitter {
        match self {
            Self::Detect(detector) => &mut detector.detection().lines,
            Self::Lines(lines) => lines,
        }
    }
}

impl Detector {
    fn detection(&mut self) -> &mut Detection {
        self.0.get_or_insert_default()
    }
}

impl Detection {
    /// Moves input into the unfinished line, up to the end of a frame.
    fn advance(
        &mut self,
        input: &mut &[u8],
        line_bytes_max: usize,
    ) -> Result<Step, ForeignProtocol> {
        self.lines.clear_yielded();
        while self.tls.is_undecided()
            && let Some((mut byte, rest)) = input.split_at_checked(1)
        {
            *input = rest;
            if byte.iter().any(|byte| self.tls.is_client_hello(*byte)) {
                return Err(ForeignProtocol::Tls);
            }
            match self.lines.absorb(&mut byte, line_bytes_max) {
                Step::More => {}
                step => return self.judge(step),
            }
        }
        let step = self.lines.absorb(input, line_bytes_max);
        self.judge(step)
    }

    /// `step`, unless the line that it completes is an HTTP request.
    fn judge(&self, step: Step) -> Result<Step, ForeignProtocol> {
        let is_http = match step {
            Step::Line => is_http_request(self.lines.partial(), false),
            Step::TooLong => is_http_request(self.lines.partial(), true),
            Step::More
            | Step::UnendedSubnegotiation
            | Step::AreYouThere
            | Step::Answer(_)
            | Step::EndOfFile => false,
        };
        if is_http {
            Err(ForeignProtocol::Http)
        } else {
            Ok(step)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 8;

    fn shown(frame: &Frame<'_>) -> String {
        let kind = match &frame.kind {
            FrameKind::Line(line) => format!("line {line}"),
            other => format!("{other:?}"),
        };
        format!("{kind}, {:?}", frame.framing)
    }

    /// The frames of a client that sent `pieces` and closed.
    fn frames(pieces: &[&[u8]]) -> Vec<String> {
        let mut codec = Codec::default();
        let mut frames = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while let Some(frame) = codec.next(&mut rest, MAX) {
                let is_foreign = matches!(frame.kind, FrameKind::Foreign(_));
                frames.push(shown(&frame));
                if is_foreign {
                    return frames;
                }
            }
        }
        while let Some(frame) = codec.finish() {
            frames.push(shown(&frame));
            if matches!(frame.kind, FrameKind::Foreign(_)) {
                break;
            }
        }
        frames
    }

    /// The frames, which are the same at each split in two, byte by byte, and whole.
    #[track_caller]
    fn at_each_split(bytes: &[u8]) -> Vec<String> {
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        let expected = frames(&single);
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let split = frames(&[first, second]);
            assert_eq!(split, expected, "at {cut}: {}", bytes.escape_ascii());
        }
        expected
    }

    #[test]
    fn http_is_detected_by_the_first_line_that_is_not_empty() {
        for first in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"GET / HTTP/1.1",
            b"\r\nHEAD / HTTP/1.0\n",
            b"\n\nPOST /x\n",
            b"GET /\xff\xf1\n",
            b"\x1b[A\nGET /\n",
            b"\xef\xbb\xbfGET /\n",
        ] {
            let frames = at_each_split(first);
            let last = frames.last().map(String::as_str).unwrap_or_default();
            assert!(last.starts_with("Foreign(Http)"), "{frames:?}");
        }
        for chat in [&b"GET it\n"[..], b"a\nGET /\n"] {
            let frames = at_each_split(chat);
            assert!(
                !frames.iter().any(|frame| frame.starts_with("Foreign")),
                "{frames:?}"
            );
        }
    }

    #[test]
    fn tls_is_detected_by_the_first_three_bytes() {
        for minor in 0..=4 {
            let hello = [0x16, 0x03, minor, 0x02, 0x0a, 0x01];
            assert_eq!(at_each_split(&hello), ["Foreign(Tls), Lf"]);
        }
        assert_eq!(at_each_split(b"\x16\x03x\n"), ["line x, Lf"]);
        let later = at_each_split(b"\n\x16\x03\x01\n");
        assert_eq!(later, ["line , Lf", "line , Lf"]);
    }

    #[test]
    fn chat_is_split_as_if_nothing_was_detected() {
        for bytes in [
            &b"a\nb\n"[..],
            b"\r\n\r\nx",
            b"\xef\xbb\xbfab\ncd\n",
            b"\n\xef\xbb\xbfb\n",
            b"123456789\nx\n",
            b"12345678\r\n123456789\r\n",
            b"\xff\xfd\x01a\n",
            b"\xff\xf6\n\xff\xf6b\n",
            b"ab\x08c\x08\x08\x08\x08d\n",
            b"\x16\n\x16\x03\n",
            b"a\r\0\r\0b\r\0",
            b"\x1b]0;\nb\xff\xfax\n",
            b"\xe4\n\xff\xf1\n",
        ] {
            let mut lines = LineSplitter::default();
            let (mut expected, mut rest) = (Vec::new(), bytes);
            while let Some(frame) = lines.next(&mut rest, MAX) {
                expected.push(shown(&frame));
            }
            while let Some(frame) = lines.finish() {
                expected.push(shown(&frame));
            }
            assert_eq!(at_each_split(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn typing_can_be_concealed_from_clients_that_may_speak_telnet() {
        for (bytes, can) in [
            (&b""[..], false),
            (b"a\n", false),
            (b"a\r\n", true),
            (b"\r\n", true),
            (b"\xff\xfd\x01", true),
            (b"\xff\xfd\x01a\n", true),
            (b"a\xe4\r\nb\r\n", false), // what it answers would be text
            (b"\xff\xfd\x01a\xe4\r\nb\r\n", true),
        ] {
            let mut codec = Codec::default();
            let mut rest = bytes;
            while codec.next(&mut rest, MAX).is_some() {}
            assert_eq!(codec.can_conceal(), can, "{}", bytes.escape_ascii());
        }
    }

    /// The frames of a client that is asked for a password behind its first line, and whose further bytes come
    /// in `pieces`.
    fn frames_of_concealed(pieces: &[&[u8]]) -> Vec<String> {
        let mut codec = Codec::default();
        let mut first = &b"\xff\xfd\x03/login\r\n"[..];
        while codec.next(&mut first, MAX).is_some() {}
        assert_eq!(codec.offer_echo(true), [255, 251, 1]);
        let (mut frames, mut is_offered) = (Vec::new(), true);
        for piece in pieces {
            let mut rest = *piece;
            while let Some(frame) = codec.next(&mut rest, MAX) {
                let is_line = matches!(frame.kind, FrameKind::Line(_));
                frames.push(shown(&frame));
                if is_line && is_offered {
                    is_offered = false;
                    assert_eq!(codec.offer_echo(false), [255, 252, 1]);
                    codec.wipe();
                }
            }
        }
        frames
    }

    #[test]
    fn password_comes_whole_between_the_words_of_telnet() {
        for (bytes, expected) in [
            (
                &b"\xff\xfd\x01secret\r\n\xff\xfe\x01next\r\n"[..],
                &["line secret, CrLf", "line next, CrLf"][..],
            ),
            (
                b"sec\xff\xfd\x01ret\r\0ne\xff\xfe\x01xt\r\0",
                &["line secret, CrLf", "line next, CrLf"],
            ),
            (
                b"secret\r\n\xff\xfd\x01\xff\xfe\x01\xff\xfd\x01next\r\n",
                &[
                    "line secret, CrLf",
                    "Answer([255, 252, 1]), CrLf",
                    "line next, CrLf",
                ],
            ),
            (
                b"\xff\xfe\x01\r\n\xff\xfd\x01",
                &["line , CrLf", "Answer([255, 252, 1]), CrLf"],
            ),
        ] {
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(frames_of_concealed(&single), expected);
            for cut in 0..=bytes.len() {
                let (first, second) = bytes.split_at(cut);
                let frames = frames_of_concealed(&[first, second]);
                assert_eq!(frames, expected, "at {cut}: {}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn wipe_leaves_an_unfinished_line_and_what_follows() {
        let mut codec = Codec::default();
        let mut line_of = |bytes: &[u8]| {
            let mut rest = bytes;
            let line = codec.next(&mut rest, MAX).map(|frame| shown(&frame));
            codec.wipe();
            line
        };
        assert_eq!(line_of(b"sec"), None);
        assert_eq!(line_of(b"ret\n").as_deref(), Some("line secret, Lf"));
        assert_eq!(line_of(b"ne"), None);
        assert_eq!(line_of(b"xt\n").as_deref(), Some("line next, Lf"));
        assert!(codec.is_at_line_start());
    }

    #[test]
    fn detection_takes_memory_only_until_there_was_chat() {
        let mut codec = Codec::default();
        assert!(matches!(codec, Codec::Detect(Detector(None))));
        for (bytes, is_chat) in [
            (&b"\n"[..], false),
            (b"a", false),
            (b"\n", true),
            (b"\n", true),
        ] {
            let mut rest = bytes;
            while codec.next(&mut rest, MAX).is_some() {}
            assert_eq!(matches!(codec, Codec::Lines(_)), is_chat);
        }
    }
}
