//! No input makes the server send bytes that could harm a terminal, or a line that begins with a
//! user's text.

use std::sync::{Arc, Mutex, Once, PoisonError};

use chinwag::chat::name::Name;
use chinwag::config::Limits;
use chinwag::wire::sanitize::is_harmless;
use log::{LevelFilter, Log, Metadata, Record};
use proptest::prelude::*;

use crate::support::{VirtualClient, VirtualServer};

/// Bytes that are likely to make trouble, between bytes that are likely to be taken.
fn nasty_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..8),
        2 => "[ -~]{0,12}".prop_map(String::into_bytes),
        2 => "\\PC{0,6}".prop_map(String::into_bytes),
        4 => proptest::sample::select(vec![
            &b"\n"[..], b"\r\n", b"\x1b[2J", b"\x1b]0;t\x07", b"\x08", b"\x7f", b"\x00",
            b"\xc2\x9b31m", b"\xe2\x80\xae", b"\xe2\x81\xa6", b"\xe2\x80\xa8", b"\xff\xfd\x01",
            b"\xff\xfa\x18", b"\xff\xf0", b"\xff\xff", b"@bob:", b"@bob,alice:", b"/me ",
            b"/topic ", b"/away ", b"/quit ", b"#eve", b"/nick eve2", b"/join room", b"/say ",
            b"/whois ", b"/ping ", b"/msg bob ", b"/join ", b"* You are", b"! ", b"//", b"\n @", b"forged: x", b"\nforged: y", b"\rforged: z", b"@forged: x",
        ]).prop_map(<[u8]>::to_vec),
    ];
    proptest::collection::vec(piece, 1..24).prop_map(|pieces| pieces.concat())
}

/// The bytes that a terminal would get: telnet's answers are taken out, as telnet does.
fn shown(client: &VirtualClient) -> Vec<u8> {
    let bytes = client.take();
    let mut shown = Vec::new();
    let mut rest = &bytes[..];
    while let Some((&byte, after)) = rest.split_first() {
        rest = if byte == 0xff { &after[2..] } else { after };
        if byte != 0xff {
            shown.push(byte);
        }
    }
    shown
}

/// Every line starts with the server's own text, and holds no harmful character.
fn check_plain(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("only UTF-8 comes out");
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix('\n').expect("every line has an end");
        let line = line.strip_suffix('\r').unwrap_or(line);
        assert!(line.chars().all(is_harmless), "{line:?}");
        let own = ["* ", "! ", "** "]
            .iter()
            .any(|first| line.starts_with(first));
        let (head, _) = line.split_once(": ").unwrap_or((line, ""));
        let name = head.strip_prefix('@').unwrap_or(head);
        let name = name.split_once("] ").map_or(name, |(_, name)| name);
        // No user has this name, because no command of these sets it.
        let said = Name::parse(name).is_ok_and(|name| name.as_str() != "forged");
        let acted = name.starts_with("** ");
        assert!(own || said || acted, "{line:?}");
    }
}

fn check_json(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("only UTF-8 comes out");
    for line in text.lines() {
        assert!(line.chars().all(is_harmless), "{line:?}");
        let value: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        assert!(
            value["type"].is_string() && value["time"].is_u64(),
            "{line}"
        );
        check_strings(&value);
    }
}

/// Decoded strings must be as harmless; a line end in one is the server's own.
fn check_strings(value: &serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            assert!(
                text.chars().all(|c| c == '\n' || is_harmless(c)),
                "{text:?}"
            );
        }
        serde_json::Value::Array(values) => values.iter().for_each(check_strings),
        serde_json::Value::Object(fields) => fields.values().for_each(check_strings),
        _ => {}
    }
}

/// Keeps the log lines of all tests.
struct Kept(Arc<Mutex<Vec<String>>>);

impl Log for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(record.args().to_string());
    }

    fn flush(&self) {}
}

fn logged() -> Arc<Mutex<Vec<String>>> {
    static START: Once = Once::new();
    static LINES: Mutex<Option<Arc<Mutex<Vec<String>>>>> = Mutex::new(None);
    START.call_once(|| {
        let lines = Arc::default();
        *LINES.lock().unwrap() = Some(Arc::clone(&lines));
        log::set_boxed_logger(Box::new(Kept(lines))).unwrap();
        log::set_max_level(LevelFilter::Trace);
    });
    LINES.lock().unwrap().clone().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_is_harmless_in_every_mode_and_in_the_log(bytes in nasty_bytes()) {
        let log = logged();
        let mut server = VirtualServer::new(Limits { line_bytes_max: 300, ..Limits::default() });
        let alice = server.connect("127.0.0.1:1");
        let bob = server.connect("127.0.0.1:2");
        let eve = server.connect("127.0.0.1:3");
        server.send(&alice, b"#alice\n");
        server.send(&bob, b"#bob\n/mode json\n");
        server.send(&eve, b"#eve\n");
        let _ = (alice.take(), bob.take(), eve.take());
        server.send(&eve, &bytes);
        server.send(&eve, b"\n/rooms\n/whois eve\n/names *\n");
        server.send(&alice, b"/rooms\n@eve:x\n/whois eve\n");
        server.send(&bob, b"/rooms\n@eve:x\n/whois eve\n");
        server.half_close(&eve);
        check_plain(&shown(&alice));
        check_json(&shown(&bob));
        let own = shown(&eve);
        if own.first() == Some(&b'{') { check_json(&own) } else { check_plain(&own) }
        let lines = std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
        for line in lines {
            prop_assert!(line.chars().all(is_harmless), "{:?}", line);
        }
    }
}
