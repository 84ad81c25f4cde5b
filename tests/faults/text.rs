//! Bytes that harm a terminal, a script or a log, in every place that text can stand.

use std::ffi::OsStr;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;

use chinwag::chat::name::{Name, RoomName};
use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Client, Daemon, program, wait_until};

/// Some bytes, and their cleaned text.
struct HarmfulText {
    bytes: Vec<u8>,
    shown: String,
    /// In typed lines they erase the character before them; in a file, they do not.
    erases: bool,
}

impl HarmfulText {
    fn new(bytes: impl AsRef<[u8]>, shown: &str) -> Self {
        let (bytes, shown) = (bytes.as_ref().to_vec(), shown.to_owned());
        Self {
            bytes,
            shown,
            erases: false,
        }
    }

    /// A line with `before`, the bytes, and `after`.
    fn line(&self, before: &str, after: &str) -> Vec<u8> {
        [before.as_bytes(), &self.bytes, after.as_bytes()].concat()
    }

    /// The cleaned text of `before`, the bytes and `after`.
    fn left_of(&self, before: &str, after: &str) -> String {
        let kept = before.len() - usize::from(self.erases);
        format!("{}{}{after}", &before[..kept], self.shown)
    }
}

/// Every kind of harmful bytes, with the protocol page's rule for each.
fn harmful_texts() -> Vec<HarmfulText> {
    let mut all = Vec::new();
    // C0 without tab and LF, which are kept, and without ESC and keys; C1 as UTF-8 without those that begin
    // something. All are dropped.
    for byte in (0..0x20).filter(|byte| !b"\t\n\x08\x1b\x03\x15\x17".contains(byte)) {
        all.push(HarmfulText::new([byte], ""));
    }
    let begins = |c: &char| "\u{8f}\u{90}\u{98}\u{9b}\u{9d}\u{9e}\u{9f}".contains(*c);
    for c in characters(0x80..=0x9f).filter(|c| !begins(c)) {
        all.push(HarmfulText::new(c.to_string(), ""));
    }
    all.push(HarmfulText::new("\u{feff}", ""));
    for byte in [0x08, 0x7f] {
        all.push(HarmfulText {
            erases: true,
            ..HarmfulText::new([byte], "")
        });
    }
    // C1 and other bytes that are no UTF-8 by themselves: each is U+FFFD.
    for byte in (0x80..=0xc1).chain(0xf5..=0xfe) {
        all.push(HarmfulText::new([byte], "\u{fffd}"));
    }
    // Overrides and isolates are dropped. Marks, which reorder no text, pass.
    for c in characters(0x202a..=0x202e).chain(characters(0x2066..=0x2069)) {
        all.push(HarmfulText::new(c.to_string(), ""));
    }
    for (bytes, shown) in SEQUENCES {
        all.push(HarmfulText::new(bytes, shown));
    }
    for text in PASSING {
        all.push(HarmfulText::new(text, text));
    }
    all
}

fn characters(range: RangeInclusive<u32>) -> impl Iterator<Item = char> {
    range.filter_map(char::from_u32)
}

const SEQUENCES: [(&[u8], &str); 53] = [
    // Clear, colour, query the cursor (the terminal would type the answer), reset, keypad.
    (b"\x1b[2J\x1b[H", ""),
    (b"\x1b[31;5m", ""),
    (b"\x1b[6n", ""),
    (b"\x1bc", ""),
    (b"\x1b%G", ""),
    // Keys: arrows, functions of a terminal and of a console, Alt and a letter; a paste, focus, clicks.
    (b"\x1b[A", ""),
    (b"\x1bOA", ""),
    (b"\x1b[1;5C", ""),
    (b"\x1b[15~", ""),
    (b"\x1b[[A", ""),
    (b"\x1bb", ""),
    (b"\x1b[200~paste\x1b[201~", "paste"),
    (b"\x1b[I\x1b[O", ""),
    (b"\x1b[<0;10;20M\x1b[M !!", ""),
    // A window's title, its icon, a link, the clipboard, with each terminator; device control.
    (b"\x1b]0;owned\x07", ""),
    (b"\x1b]2;owned\x1b\\", ""),
    (b"\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\", "link"),
    (b"\x1b]52;c;ZXZpbA==\x07", ""),
    (b"\x1bP+q544e\x1b\\", ""),
    (b"\x1b_payload\x1b\\", ""),
    (b"\x1b^private\x1b\\", ""),
    (b"\x1bXstart\x1b\\", ""),
    // The same, begun by C1: as UTF-8, and as the bare byte.
    ("\u{9b}2J".as_bytes(), ""),
    (b"\x9b2J", "\u{fffd}2J"),
    ("\u{9d}0;owned\u{9c}".as_bytes(), ""),
    (b"\x9d0;owned\x9c", "\u{fffd}0;owned\u{fffd}"),
    ("\u{90}q\u{9c}".as_bytes(), ""),
    ("\u{8f}A".as_bytes(), ""),
    // Cancelled, cut off by another, with a character that no sequence has.
    (b"\x1b[3\x18", ""),
    (b"\x1b]0;owned\x1a", ""),
    (b"\x1b[3\x1b[A", ""),
    (b"\x1b[3\xc3\xa9", "é"),
    // Text that looks like one.
    (b"a[1] [A] 0;31m", "a[1] [A] 0;31m"),
    // Line ends of other programs.
    (b"\r* forged", "* forged"),
    (b"\x0b* forged", "* forged"),
    (b"\x0c* forged", "* forged"),
    (b"\xc2\x85* forged", "* forged"),
    // Pieces of a sequence around another byte, which terminals see through, and of a character.
    (b"\x1b\x00[2J", ""),
    (b"\xc2\x00\x9b2J", "\u{fffd}\u{fffd}2J"),
    (b"\xe2\x80\x07\xae", "\u{fffd}\u{fffd}"),
    (b"\xe2\x80\x1b[A\xae", "\u{fffd}\u{fffd}"),
    // Overlong: /, NUL, ESC, a bidirectional override.
    (b"\xc0\xaf", "\u{fffd}\u{fffd}"),
    (b"\xc0\x80", "\u{fffd}\u{fffd}"),
    (b"\xc0\x9b[2J", "\u{fffd}\u{fffd}[2J"),
    (b"\xe0\x80\x9b", "\u{fffd}\u{fffd}\u{fffd}"),
    (b"\xf0\x82\x80\xae", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
    // Cut short, after one, two and three bytes.
    (b"\xc3", "\u{fffd}"),
    (b"\xe2\x82", "\u{fffd}"),
    (b"\xf0\x9f\x98", "\u{fffd}"),
    // Surrogates, one and a pair; past the end of Unicode.
    (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
    (
        b"\xed\xa0\xbd\xed\xb8\x80",
        "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
    ),
    (b"\xf4\x90\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
    (
        b"\xf8\x88\x80\x80\x80",
        "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
    ),
];

/// Harmless characters that pass: only LF ends a line, and only the page's characters are dropped.
/// In this order: noncharacters, line and paragraph separators, marks, emoji with joiners and with tags.
const PASSING: [&str; 12] = [
    "\u{fffe}",
    "\u{ffff}",
    "\u{fdd0}",
    "\u{1fffe}",
    "\u{10ffff}",
    "\u{2028}* forged",
    "\u{2029}* forged",
    "\u{200e}\u{200f}\u{61c}",
    "\u{200b}\u{200d}\u{2060}",
    "a\u{301}\u{338}\u{20dd}",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}",
];

/// Whether a terminal obeys no part of it. Written anew here, as the code under test cannot vouch for
/// itself.
fn is_harmless(text: &str) -> bool {
    let obeyed = |c: char| {
        let c = u32::from(c);
        (c < 0x20 && c != 0x09)
            || (0x7f..=0x9f).contains(&c)
            || (0x202a..=0x202e).contains(&c)
            || (0x2066..=0x2069).contains(&c)
            || c == 0xfeff
    };
    !text.chars().any(obeyed)
}

/// The next line, which must be UTF-8 with an end and without terminal controls, also once decoded
/// from JSON.
#[track_caller]
fn clean_line(client: &mut Client) -> String {
    let line = client.try_line_bytes().expect("a line");
    let line = String::from_utf8(line).expect("only UTF-8 comes out");
    let line = line.strip_suffix('\n').expect("a line has an end");
    let line = line.strip_suffix('\r').unwrap_or(line);
    assert!(is_harmless(line), "{line:?}");
    if line.starts_with('{') {
        check_strings(&serde_json::from_str(line).expect("JSON"));
    }
    line.to_owned()
}

fn check_strings(value: &Value) {
    match value {
        Value::String(text) => assert!(is_harmless(text), "{text:?}"),
        Value::Array(values) => values.iter().for_each(check_strings),
        Value::Object(fields) => fields.values().for_each(check_strings),
        _ => {}
    }
}

/// The client's next line must be JSON of this type, with `text`.
#[track_caller]
fn expect_json(client: &mut Client, kind: &str, text: &str) {
    let line = clean_line(client);
    let value: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        (&value["type"], &value["text"]),
        (&kind.into(), &text.into()),
        "{line}"
    );
}

#[track_caller]
fn expect_plain(client: &mut Client, line: &str) {
    assert_eq!(clean_line(client), line);
}

/// Told once to a client whose text is not UTF-8.
const NOT_UTF8: &str =
    "! That is not UTF-8: others see \u{fffd} in it. Set your terminal to UTF-8.";

/// Alice sends, and was told of her encoding; bob reads plain lines, and carol JSON.
fn three_readers(daemon: &Daemon) -> [Client; 3] {
    let [mut alice, mut bob, mut carol] = daemon.join_all(["alice", "bob", "carol"]);
    carol.send("/mode json");
    carol.line();
    bob.send("@alice:so that there is somebody to reply to");
    alice.line();
    bob.expect_nothing();
    alice.send_bytes(b"/ping \xe4\n");
    expect_plain(&mut alice, NOT_UTF8);
    expect_plain(&mut alice, "* pong \u{fffd}");
    [alice, bob, carol]
}

/// Every way to send text to others, with the line of a plain reader, the type in JSON, and the words
/// in front of the text there.
const SAID: [(&str, &str, &str, &str); 12] = [
    ("", "alice: ", "message", ""),
    ("/say ", "alice: ", "message", ""),
    ("//", "alice: /", "message", "/"),
    (" ", "alice: ", "message", ""),
    ("#include ", "alice: #include ", "message", "#include "),
    ("/me ", "** alice ", "action", ""),
    ("@bob,carol:", "@alice: ", "private", ""),
    ("@bob,carol: ", "@alice: ", "private", ""),
    ("/msg bob,carol ", "@alice: ", "private", ""),
    ("/r ", "@alice: ", "private", ""),
    ("/reply ", "@alice: ", "private", ""),
    (
        "/topic ",
        "* alice has set the topic of lobby: ",
        "topic",
        "",
    ),
];

#[test]
fn message_reaches_others_without_terminal_controls() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob, mut carol] = three_readers(&daemon);
    for harmful in harmful_texts() {
        let left = harmful.left_of("<<", ">>");
        for (command, plain, kind, before) in SAID {
            alice.send_bytes(&harmful.line(&format!("{command}<<"), ">>\n"));
            expect_plain(&mut bob, &format!("{plain}{left}"));
            if !command.starts_with("/r") {
                expect_json(&mut carol, kind, &format!("{before}{left}"));
            }
        }
        expect_plain(&mut alice, &format!("* The topic of lobby is: {left}"));
    }
    alice.expect_nothing();
}

#[test]
fn line_start_forges_no_line_of_the_server() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob, mut carol] = three_readers(&daemon);
    for harmful in harmful_texts()
        .into_iter()
        .filter(|harmful| !harmful.erases)
    {
        let left = harmful.left_of("", "* forged");
        // What nobody sees is dropped before what a line begins with.
        let left = left
            .trim_start_matches(|c: char| "\u{200b}\u{200d}\u{200e}\u{200f}\u{2060}".contains(c));
        alice.send_bytes(&harmful.line("", "* forged\n"));
        expect_plain(&mut bob, &format!("alice: {left}"));
        expect_json(&mut carol, "message", left);
    }
    alice.expect_nothing();
}

#[test]
fn topics_and_away_texts_are_clean_when_shown_later() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob, mut carol] = three_readers(&daemon);
    for harmful in harmful_texts() {
        let left = harmful.left_of("<<", ">>");
        alice.send_bytes(&harmful.line("/topic <<", ">>\n"));
        expect_plain(&mut alice, &format!("* The topic of lobby is: {left}"));
        expect_plain(
            &mut bob,
            &format!("* alice has set the topic of lobby: {left}"),
        );
        expect_json(&mut carol, "topic", &left);
        for reader in [&mut bob, &mut carol] {
            reader.send("/topic\n/rooms\n/join lobby");
        }
        expect_plain(&mut bob, &format!("* The topic of lobby is: {left}"));
        expect_plain(&mut bob, "* 1 room:");
        expect_plain(&mut bob, &format!("*   lobby, 3 users: {left}"));
        expect_plain(&mut bob, "* You are in lobby with 2 others: alice, carol.");
        expect_plain(&mut bob, &format!("* The topic of lobby is: {left}"));
        expect_plain(&mut bob, "* What you type is said in lobby now.");
        expect_json(&mut carol, "ok", &left);
        assert!(clean_line(&mut carol).contains(r#""topic":""#));
        assert!(clean_line(&mut carol).contains(r#""topic":""#));

        alice.send_bytes(&harmful.line("/away <<", ">>\n"));
        expect_plain(
            &mut alice,
            &format!("* You are away now: {left} (/back ends it.)"),
        );
        for reader in [&mut bob, &mut carol] {
            reader.send("@alice:there?\n/whois alice");
            assert!(clean_line(&mut alice).ends_with(": there?"));
        }
        expect_plain(&mut bob, &format!("* alice is away: {left}"));
        assert!(clean_line(&mut bob).starts_with("* alice has been here for "));
        expect_plain(&mut bob, &format!("* alice is away: {left}"));
        expect_plain(&mut bob, "* Rooms you share: lobby.");
        expect_json(&mut carol, "notice", &format!("alice is away: {left}"));
        assert!(clean_line(&mut carol).contains(r#""type":"ok""#));
        let whois: Value = serde_json::from_str(&clean_line(&mut carol)).unwrap();
        assert_eq!(whois["away"], *left);
    }
}

/// As much of a text as a refusal quotes at least.
fn start_of(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(5)
        .map_or(text.len(), |(end, _)| end);
    &text[..end]
}

#[test]
fn names_rooms_and_quit_texts_hold_no_terminal_controls() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob, mut carol] = three_readers(&daemon);
    for harmful in harmful_texts() {
        let mut eve = daemon.connect_raw();
        // The cleaned bytes are a valid name or none.
        eve.send_bytes(&harmful.line("#eve", "\n"));
        eve.expect_greeting();
        let mut answer = clean_line(&mut eve);
        if answer == NOT_UTF8 {
            answer = clean_line(&mut eve);
        }
        let name = if let Some(name) = answer.strip_prefix("* You are registered as ") {
            name.trim_end_matches('.').to_owned()
        } else {
            assert!(answer.starts_with("! '"), "{answer}");
            assert!(
                answer.contains(start_of(&harmful.left_of("eve", ""))),
                "{answer}"
            );
            eve.send("#eve");
            expect_plain(&mut eve, "* You are registered as eve.");
            "eve".to_owned()
        };
        assert!(Name::parse(&name).is_ok(), "{name:?}");
        assert!(clean_line(&mut eve).starts_with("* You are in lobby with 3 others: "));
        expect_plain(&mut bob, &format!("* {name} has joined lobby."));
        assert!(clean_line(&mut carol).contains(r#""type":"join""#));

        // The same for a room.
        eve.send_bytes(&harmful.line("/join dev", "\n"));
        let answer = clean_line(&mut eve);
        if let Some(answer) = answer.strip_prefix("* You are in ") {
            let (room, _) = answer.split_once(", and nobody else is.").unwrap();
            assert!(RoomName::parse(room).is_ok(), "{room:?}");
            expect_plain(&mut eve, &format!("* What you type is said in {room} now."));
        } else {
            assert!(answer.starts_with("! '"), "{answer}");
            assert!(
                answer.contains(start_of(&harmful.left_of("dev", ""))),
                "{answer}"
            );
        }

        let left = harmful.left_of("<<", ">>");
        eve.send_bytes(&harmful.line("/quit <<", ">>\n"));
        expect_plain(&mut eve, "* Bye.");
        drop(eve);
        expect_plain(&mut bob, &format!("* {name} has left lobby: {left}"));
        expect_json(&mut carol, "leave", &left);
        alice.read_until(&format!("* {name} has left lobby: {left}"));
    }
}

/// Wrong lines whose errors quote them, or could.
const WRONG: [(&str, &str); 22] = [
    ("/nn", " x"),
    ("/n", ""),
    ("@no", "body:x"),
    ("@no", "body,bob,nn:x"),
    ("@no", "body no colon"),
    ("/msg no", "body x"),
    ("/nick 9", ""),
    ("/join a room ", ""),
    ("/join a//", ""),
    ("/part no", "where"),
    ("/names no", "where"),
    ("/names lobby xx", ""),
    ("/whois no", "body"),
    ("/ignore no", "body"),
    ("/unignore no", "body"),
    ("/help nn", "nn"),
    ("/mode nn", "nn"),
    ("/quiet nn", "nn"),
    ("/echo nn", "nn"),
    ("/rooms xx", ""),
    ("/reply", ""),
    ("/me", ""),
];

#[test]
fn quoted_text_in_an_error_is_clean_in_both_modes() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob, _carol] = three_readers(&daemon);
    let too_long = "x".repeat(5000);
    for mode in ["plain", "json"] {
        alice.send(&format!("/mode {mode}"));
        alice.line();
        for harmful in harmful_texts() {
            for (before, after) in WRONG.into_iter().chain([("xx", &*too_long)]) {
                alice.send_bytes(&harmful.line(before, &format!("{after}\n")));
                let answer = clean_line(&mut alice);
                let refused = match mode {
                    "plain" => answer.starts_with("! "),
                    _ => answer.starts_with(r#"{"type":"error""#),
                };
                assert!(refused, "{before:?}, {:?}: {answer:?}", harmful.bytes);
            }
            let left = harmful.left_of("<<", ">>");
            alice.send_bytes(&harmful.line("/ping <<", ">>\n"));
            match mode {
                "plain" => expect_plain(&mut alice, &format!("* pong {left}")),
                _ => expect_json(&mut alice, "ok", &format!("pong {left}")),
            }
        }
    }
    for line in bob.barrier() {
        assert_eq!(line, "@alice: x", "it was for Bob, too");
    }
}

#[test]
fn byte_order_mark_is_dropped_wherever_it_stands() {
    let (daemon, [mut bob, mut carol]) = Daemon::start_with(["bob", "carol"]);
    let mut alice = daemon.connect();
    alice.send_bytes(b"\xef\xbb\xbf\xef\xbb\xbf#alice\n\xef\xbb\xbfhello\n");
    bob.expect_line("* alice has joined lobby.");
    expect_plain(&mut bob, "alice: hello");
    alice.send_bytes(b"a\xef\xbb\xbfb\n\xef\xbb\xbf@bob:secret\n\xef\xbb");
    expect_plain(&mut bob, "alice: ab");
    expect_plain(&mut bob, "@alice: secret");
    carol.read_until("alice: ab");
    carol.expect_nothing(); // by now the daemon has read the half of a mark
    alice.send_bytes(b"\xbfin two pieces\n");
    expect_plain(&mut bob, "alice: in two pieces");
    // Two bytes of a mark are none.
    alice.send_bytes(b"\xef\xbb#\n");
    expect_plain(&mut bob, "alice: \u{fffd}#");
}

/// Sends all the bytes that get logged: in lines, and in names at the end.
fn send_all(daemon: &Daemon) -> usize {
    let mut alice = daemon.join("alice");
    let mut lines = 1;
    for harmful in harmful_texts() {
        for before in ["", "@bob:", "/topic ", "/away ", "/whois ", "/no", "#"] {
            alice.send_bytes(&harmful.line(before, "text\n"));
            lines += 1;
        }
    }
    alice.barrier();
    alice.send_bytes(b"/quit \x1b[2Jbye\n");
    alice.read_to_end();
    lines + 2
}

#[test]
fn log_holds_no_terminal_controls_in_file_or_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let to_file = ["--log-level", "trace", "--log-file", path.to_str().unwrap()];
    for flags in [&to_file[..], &to_file[..2]] {
        let mut daemon = Daemon::start(flags);
        let sent = send_all(&daemon);
        let is_to_file = flags.len() > 2;
        // The exit does not wait for ever for a log's reader.
        wait_until("the last of what was sent to be logged", || {
            let log = is_to_file.then(|| fs::read(&path).unwrap());
            log.map_or(daemon.log_count("closed after"), |log| {
                String::from_utf8_lossy(&log)
                    .matches("closed after")
                    .count()
            }) > 0
        });
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.wait().code(), Some(0));
        let log = if is_to_file {
            let bytes = fs::read(&path).unwrap();
            String::from_utf8(bytes).expect("only UTF-8 is logged")
        } else {
            daemon.log_lines().join("\n")
        };
        let mut counted = 0;
        for line in log.split('\n').filter(|line| line.contains("Z [")) {
            assert!(is_harmless(line), "{line:?}");
            counted += usize::from(line.contains(" sent: "));
        }
        assert_eq!(counted, sent, "each line sent is logged as one");
        assert!(!log.contains("forged"), "text in the log: {log}");
    }
}

#[test]
fn operator_texts_are_shown_without_terminal_controls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("motd");
    let mut motd = vec![b"\xef\xbb\xbfWelcome\r\n".to_vec()];
    // The texts are not typed, so erasing and telnet do not apply.
    let mut shown = vec!["* Welcome".to_owned()];
    for harmful in harmful_texts() {
        motd.push(harmful.line("<<", ">>\n"));
        shown.push(format!("* <<{}>>", harmful.shown));
    }
    fs::write(&path, motd.concat()).unwrap();
    let name = "the\u{1b}[2J \u{202e}chat\u{9b}";
    let daemon = Daemon::start(&["--motd", path.to_str().unwrap(), "--name", name]);
    let mut alice = daemon.connect();
    for line in shown {
        expect_plain(&mut alice, &line);
    }
    alice.send("/version");
    expect_plain(
        &mut alice,
        &format!("* the chat runs chinwag {}", env!("CARGO_PKG_VERSION")),
    );
}

#[test]
fn failed_start_quotes_no_terminal_controls() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [
        ["--lobby", "a\u{1b}[2J"],
        ["--lobby", "a\u{9b}2J\u{202e}"],
        ["--max-line", "\u{1b}]0;owned\u{7}"],
        ["--listen", "nowhere\u{1b}[2J:x"],
        ["--listen", "unix:/nowhere/\u{1b}[2J"],
        ["--motd", "/nowhere/\u{1b}[2J"],
        ["--log-file", "/nowhere/\u{1b}[2J"],
        ["--nonsense\u{1b}[2J", "x"],
    ] {
        let output = program().args(flags).output().unwrap();
        assert!(!output.status.success(), "{flags:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let line = said.strip_suffix('\n').expect("a line");
        assert!(is_harmless(line), "{flags:?}: {line:?}");
    }
    let path = folder.path().join("socket\u{1b}[2J\u{9b}2J");
    let listen = format!("unix:{}", path.display());
    let daemon = Daemon::start(&["--listen", "127.0.0.1:0", "--listen", &listen]);
    for line in daemon.log_lines() {
        assert!(is_harmless(&line), "{line:?}");
    }
    drop(daemon);
    // The first lines of a log file name them, too, and so does the error about a file not removed.
    let path = folder.path().join("socket\u{1b}[2J\nforged");
    let (listen, log) = (
        format!("unix:{}", path.display()),
        folder.path().join("log"),
    );
    let flags = ["--listen", "127.0.0.1:0", "--listen", &listen, "--log-file"];
    let mut daemon = Daemon::start(&[&flags[..], &[log.to_str().unwrap()]].concat());
    fs::remove_file(&path).unwrap();
    daemon.signal(Signal::TERM);
    daemon.wait();
    let lines = fs::read_to_string(&log).unwrap();
    assert_eq!(lines.matches("socketforged").count(), 2, "{lines:?}");
    assert!(lines.lines().all(is_harmless), "{lines:?}");
    let bytes = OsStr::from_bytes(b"\xff\x1b[2J");
    let output = program().args([OsStr::new("--lobby"), bytes]).output();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(is_harmless(said.trim_end()), "{said:?}");
}
