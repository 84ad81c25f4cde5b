//! Bytes to lines: every case whole, in all splits in two and in three, and byte by byte.

use chinwag::wire::codec::Codec;
use chinwag::wire::framing::Framing;
use chinwag::wire::lines::{Frame, FrameKind};

const MAX: usize = 8;

/// Every frame in `pieces`, as text, and whether lines are to end with CR LF: of a client whose first line
/// is among them, or that has `chatted` before. Lines lie where they came only from the second on.
fn split(pieces: &[&[u8]], chatted: bool) -> (Vec<String>, bool) {
    let mut splitter = Codec::default();
    let mut frames = Vec::new();
    if chatted {
        let mut hello = &b"hello\n"[..];
        assert!(splitter.next(&mut hello, MAX).is_some());
    }
    let show = |frame: Frame<'_>| match frame.kind {
        FrameKind::Line(line) if frame.tells_not_utf8 => format!("first {line}"),
        FrameKind::Line(line) => format!("line {line}"),
        other if frame.tells_not_utf8 => format!("first {other:?}"),
        other => format!("{other:?}"),
    };
    for piece in pieces {
        let mut rest = *piece;
        while let Some(next) = splitter.next(&mut rest, MAX) {
            frames.push(show(next));
        }
    }
    while let Some(frame) = splitter.finish() {
        frames.push(show(frame));
    }
    (frames, splitter.framing() == Framing::CrLf)
}

/// Compares frames whole, at each split in two and in three, and byte by byte.
#[track_caller]
fn check(bytes: impl AsRef<[u8]>, lines: &[&str], crlf: bool) {
    let bytes = bytes.as_ref();
    let expected = (
        lines.iter().map(ToString::to_string).collect::<Vec<_>>(),
        crlf,
    );
    for chatted in [false, true] {
        let compare = |pieces: &[&[u8]]| {
            let found = split(pieces, chatted);
            assert_eq!(found, expected, "{}: {pieces:?}", bytes.escape_ascii());
        };
        compare(&[bytes]);
        for i in 0..=bytes.len() {
            for j in i..=bytes.len() {
                compare(&[&bytes[..i], &bytes[i..j], &bytes[j..]]);
            }
        }
        compare(&bytes.chunks(1).collect::<Vec<_>>());
    }
}

#[test]
fn line_ends_with_lf_cr_lf_or_cr_nul() {
    check(b"a\nb\n", &["line a", "line b"], false);
    check(b"a\r\nb\n", &["line a", "line b"], true);
    check(b"a\r\0b\r\0\r\0", &["line a", "line b", "line "], false);
    check(b"\n\nx", &["line ", "line ", "line x"], false);
    check(b"a\rb\n", &["line ab"], false);
    check(b"a\r\r\n", &["line a"], true);
    check(b"a\r\r\0b\0c\n", &["line a", "line bc"], false);
    check(b"a\0\r\n\0b", &["line a", "line b"], true);
}

#[test]
fn limit_counts_the_bytes_before_the_line_end() {
    check(b"1234567\nx\n", &["line 1234567", "line x"], false);
    check(b"12345678\nx\n", &["line 12345678", "line x"], false);
    check(b"12345678\r\nx\n", &["line 12345678", "line x"], true);
    check(b"12345678\r\0x\n", &["line 12345678", "line x"], false);
    check(b"123456789\nx\n", &["TooLong", "line x"], false);
    check(b"123456789\r\nx\n", &["TooLong", "line x"], true);
    check(b"123456789\r\0x\n", &["TooLong", "line x"], false);
    check(b"12345678\rx\nx\n", &["TooLong", "line x"], false);
    check(b"12345678\r", &["line 12345678"], false);
    check(b"123456789", &["TooLong"], false);
    check(b"12345678901234567890\n\n", &["TooLong", "line "], false);
    check(
        b"a\n12345678\n123456789\nx\n",
        &["line a", "line 12345678", "TooLong", "line x"],
        false,
    );
}

#[test]
fn limit_counts_what_is_left_of_the_line() {
    check(b"\x1b[31m12345678\x1b[0m\n", &["line 12345678"], false);
    check(b"\x1b[31m123456789\n", &["TooLong"], false);
    check("12345678\u{feff}\u{202e}\n", &["line 12345678"], false);
    check(b"1234567\0\x078\n", &["line 12345678"], false);
    check("1234567é\nx\n", &["TooLong", "line x"], false);
    check("123456é\nx\n", &["line 123456é", "line x"], false);
    check(
        b"1234567\xe9\nx\n",
        &["first 1234567\u{fffd}", "line x"],
        false,
    );
    check(b"12345678\xe9\nx\n", &["first TooLong", "line x"], false);
    check(b"12345678\xe9\r\nx\n", &["first TooLong", "line x"], true);
    check(b"12345\xe2\x8267\n", &["first 12345\u{fffd}67"], false);
}

#[test]
fn erasing_takes_whole_characters_of_its_own_line_only() {
    check(b"ab\x08c\n", &["line ac"], false);
    check(b"ab\x7f\x7f\x7fc\n", &["line c"], false);
    check("aé\u{8}b\n", &["line ab"], false);
    check("a€\u{7f}b\n", &["line ab"], false);
    check("a😀\u{8}b\n", &["line ab"], false);
    check(b"x\n\x08y\n", &["line x", "line y"], false);
    // Invalid bytes go as a terminal shows them: each by itself, or as one cut short.
    check(b"a\x80\x80\x08\n", &["first a\u{fffd}"], false);
    check(b"a\xe2\x82\x08\n", &["first a"], false);
    check(b"\xf0\x80\x08\x96\n", &["first \u{fffd}\u{fffd}"], false);
    // What is not seen is not erased.
    check(b"ty\x1b[D\x08x\n", &["line tx"], false);
    check(b"ty\0\x07\x08x\n", &["line tx"], false);
    check("ty\u{feff}\u{8}x\n", &["line tx"], false);
    // A line that was too long stays dropped.
    check(b"123456789\x08\x08\n", &["TooLong"], false);
    check(b"12345678\x089\n", &["line 12345679"], false);
}

#[test]
fn control_u_c_and_w_drop_the_line_or_its_last_word() {
    check(b"ab\x15c\n", &["line c"], false);
    check(b"ab\x03c\n\x15d\n", &["line c", "line d"], false);
    check(b"a bc\x17d\n", &["line a d"], false);
    check(b"a bc \x17\x17d\n", &["line d"], false);
    check(b"123456789\x15x\ny\n", &["TooLong", "line y"], false);
    check(b"123456789\x03\x17x\ny\n", &["TooLong", "line y"], false);
    // A dropped line takes an unfinished sequence and half a character with it.
    check(b"a\x1b]0;\x15b\n", &["line b"], false);
    check(b"a\xc3\x15b\n", &["line b"], false);
    check(b"a\r\x15\n", &["line "], false);
}

#[test]
fn escape_sequences_vanish_whole() {
    for sequence in [
        // Keys: arrows, Home, F1 in four dialects, F5, Delete, with modifiers, Alt and a letter.
        "\x1b[A",
        "\x1bOA",
        "\x1b\x1b[A",
        "\x1b[H",
        "\x1bOP",
        "\x1b[[A",
        "\x1b[11~",
        "\x1bO5P",
        "\x1b[15~",
        "\x1b[3~",
        "\x1b[1;5C",
        "\x1b[3;2~",
        "\x1bb",
        "\u{9b}A",
        "\u{8f}A",
        // Pastes, focus, clicks.
        "\x1b[200~",
        "\x1b[201~",
        "\x1b[I",
        "\x1b[O",
        "\x1b[<0;10;20M",
        "\x1b[<0;10;20m",
        "\x1b[M !!",
        // Colours, queries, characters sets, strings with each end.
        "\x1b[31;5m",
        "\x1b[?25l",
        "\x1b[6n",
        "\x1b[ q",
        "\x1b[!p",
        "\x1bc",
        "\x1b=",
        "\x1b(B",
        "\x1b%G",
        "\x1b]0;title\x07",
        "\x1b]8;;x\x1b\\",
        "\x1b]8;é;x\u{9c}",
        "\u{9d}0;t\x07",
        "\x1bP+q54\x1b\\",
        "\u{90}q\x07x\u{9c}",
        "\x1b_x\x1b\\",
        "\x1b^x\x1b\\",
        "\x1bXx\x1b\\",
        "\u{9f}x\u{9c}",
        // Cut off by another, cancelled, with a control character inside.
        "\x1b[3\x1b[A",
        "\x1b]x\x1b[A",
        "\x1b[3\x18",
        "\x1b]x\x1a",
        "\x1bPx\u{9b}A",
        "\x1b\0[\x07A",
    ] {
        check(format!("a{sequence}b\n"), &["line ab"], false);
        check(format!("{sequence}@b:\n"), &["line @b:"], false);
        check(format!("é{sequence}\x08b\n"), &["line b"], false);
    }
}

#[test]
fn unfinished_sequence_ends_with_its_line() {
    for sequence in [
        "\x1b", "\x1b[", "\x1b[3", "\x1bO", "\x1b[M!", "\x1b]0;t", "\x1bPq", "\u{9b}",
    ] {
        check(format!("a{sequence}\nb\n"), &["line a", "line b"], false);
        check(format!("a{sequence}\r\nb\n"), &["line a", "line b"], true);
        check(format!("a{sequence}\r\0b\n"), &["line a", "line b"], false);
        check(format!("a{sequence}"), &["line a"], false);
    }
}

#[test]
fn text_that_looks_like_a_sequence_stays() {
    for text in ["a[1]", "[A]", "0;31m", "]0;t", "é[31m", "OA", "\\"] {
        check(format!("{text}\n"), &[&format!("line {text}")], false);
    }
    // No sequence holds such a character.
    check("\x1b[éb\n", &["line éb"], false);
    check("\x1b[3é\n", &["line é"], false);
}

#[test]
fn key_before_a_line_takes_nothing_of_it() {
    for key in [
        "\x1b", "\x1b[", "\x1bO", "\x1b[[", "\x1b[M", "\x1bN", "\x1b\x7f", "\x1b\x08",
    ] {
        for line in ["@b:x", "/x"] {
            let expected = format!("line {line}");
            check(format!("{key}{line}\n"), &[&expected], false);
        }
    }
    check(b"\x1b#b\n", &["line #b"], false);
}

#[test]
fn invisible_characters_before_a_line_are_dropped() {
    for c in [
        '\u{200b}', '\u{200f}', '\u{2060}', '\u{ad}', '\u{feff}', '\u{202e}', '\u{7}', '\u{85}',
    ] {
        check(format!("{c}@b:x\n"), &["line @b:x"], false);
        check(format!("{c}{c}/x\n"), &["line /x"], false);
        check(format!("q\u{8}{c}/x\n"), &["line /x"], false);
    }
    check("a\u{200d}b\u{ad}\n", &["line a\u{200d}b\u{ad}"], false);
    check("\u{200d}\n", &["line "], false);
    check("👩\u{200d}\n", &["line 👩\u{200d}"], false);
    for mark in ["\u{feff}", "a\u{feff}b", "ab\u{feff}"] {
        let left: String = mark.chars().filter(char::is_ascii).collect();
        check(format!("{mark}\n"), &[&format!("line {left}")], false);
    }
}

#[test]
fn bytes_that_were_apart_do_not_come_together() {
    check(b"\xc2\0\x9bA\n", &["first \u{fffd}\u{fffd}A"], false);
    check(b"\xe2\x80\x07\xae\n", &["first \u{fffd}\u{fffd}"], false);
    check(b"\xe2\x80\x1b[A\xae\n", &["first \u{fffd}\u{fffd}"], false);
    check("\u{20}".as_bytes(), &["line  "], false);
    check(
        b"\xe2\x82\xef\xbb\xbf\xac\n",
        &["first \u{fffd}\u{fffd}"],
        false,
    );
    // Telnet is below the text.
    check(b"\xe2\x82\xff\xf1\xac\n", &["line €"], true);
}

#[test]
fn text_that_is_not_utf8_is_told_apart_once() {
    check(
        b"a\n\xe4\nb\n\xe4\n",
        &["line a", "first \u{fffd}", "line b", "line \u{fffd}"],
        false,
    );
    check(b"\xc3", &["first \u{fffd}"], false);
    check(b"\xc0\xaf\n", &["first \u{fffd}\u{fffd}"], false);
    check("ä€é\n😀\n", &["line ä€é", "line 😀"], false);
}

#[test]
fn telnet_is_taken_out_and_makes_lines_end_with_cr_lf() {
    check(b"a\xff\xf1b\n", &["line ab"], true);
    check(b"ab\xff\xf7c\n", &["line ac"], true);
    check(b"ab\xff\xf8c\n", &["line c"], true);
    check(b"ab\xff\xf4c\n", &["line c"], true);
    check(
        b"\xff\xfd\x01a\n",
        &["Answer([255, 252, 1])", "line a"],
        true,
    );
    check(b"a\xff\xf6b\n", &["AreYouThere", "line ab"], true);
    check(b"a\xff\xffb\n", &["first a\u{fffd}b"], false);
    check(b"a\xff\xfa\x18\x00\n\xff\xf0b\n", &["line ab"], true);
    check(b"123456789\xff\xf412\n", &["TooLong", "line 12"], true);
    check(b"a\xff\xf1\xff\xecb\n", &["EndOfFile", "line ab"], true);
    check(b"a\r\xff\xf1\n", &["line a"], true);
}

#[test]
fn byte_255_is_text_from_a_client_that_speaks_no_telnet() {
    check(b"\xff a\n", &["first \u{fffd} a"], false);
    check(
        b"\xff\xec\n\xff\xf6\n",
        &["first \u{fffd}\u{fffd}", "line \u{fffd}\u{fffd}"],
        false,
    );
    check(b"a\xff\xf0b\n", &["first a\u{fffd}\u{fffd}b"], false);
    check(b"\xff\n\xff\x08b\n", &["first \u{fffd}", "line b"], false);
    // Another encoding is known by the first byte that is no UTF-8.
    check(
        b"\xcf\xf0\xff\xfa b\nc\n",
        &["first \u{fffd}\u{fffd}\u{fffd}\u{fffd} b", "line c"],
        false,
    );
    check(
        b"\xff\xf1\xcf\xf0\xff\xf1\n",
        &["first \u{fffd}\u{fffd}"],
        true,
    );
}

#[test]
fn subnegotiation_without_an_end_is_given_up_after_a_line() {
    let unended = "UnendedSubnegotiation";
    check(b"a\xff\xfa1234567\nb\nc\n", &[unended, "line c"], false);
    check(b"a\xff\xfa12345678b\nc\n", &[unended, "line c"], false);
    check(b"a\xff\xfa12345678\nc\n", &[unended, "line c"], false);
    check(b"a\xff\xfa12345678\xff\xf0b\n", &["line ab"], true);
    check(b"a\xff\xfa1234567\xff\xff\xff\xf0b\n", &["line ab"], true);
    check(b"a\xff\xfa12345678\xff\xffb\n", &[unended], false);
    check(b"a\xff\xfa\n\n", &["line a", unended], false);
    check(b"\xff\xfa", &[unended], false);
    check(b"a\xff\xfab\xffb c\nd\n", &[unended, "line d"], false);
    check(b"a\xff\xfab\xff\nd\n", &[unended, "line d"], false);
}

#[test]
fn silence_behind_a_bare_cr_ends_the_line_of_a_client_without_lf() {
    let lines_of = |bytes: &[u8]| {
        let (mut splitter, mut rest) = (Codec::default(), bytes);
        while splitter.next(&mut rest, MAX).is_some() {}
        if !splitter.is_after_bare_cr() {
            return None;
        }
        match splitter.end_silent_line()?.kind {
            FrameKind::Line(line) => Some(line.to_owned()),
            _ => None,
        }
    };
    assert_eq!(lines_of(b"a\r"), Some("a".to_owned()));
    assert_eq!(lines_of(b"a\rb\r"), Some("ab".to_owned()));
    assert_eq!(lines_of(b"a\r\0b\r"), Some("b".to_owned()));
    assert_eq!(lines_of(b"a\x1b[\r"), Some("a".to_owned()));
    for open in [
        &b"a"[..],
        b"a\rb",
        b"x\na\r",
        b"a\r\0",
        b"a\r\xff",
        b"123456789\r",
    ] {
        assert_eq!(lines_of(open), None, "{}", open.escape_ascii());
    }
}
