//! The rules of the protocol page for the server's lines.

use serde_json::Value;

use super::lines::may_pass;

/// A line of plain mode, without its end: it is harmless, and its start is one of the page's, so that
/// no user's text can be taken for the server's.
pub fn check_plain_line(line: &str) {
    assert!(line.chars().all(may_pass), "{line:?}");
    // With `/times on`, in the zone of the virtual server.
    let line = line.strip_prefix("22:43 ").unwrap_or(line);
    if line.starts_with("* ") || line.starts_with("! ") {
        return;
    }
    if line.starts_with('{') {
        let exported = check_json_line(line);
        return assert_eq!(exported["type"], "history");
    }
    if let Some(rest) = line.strip_prefix('@') {
        let (names, _) = rest.split_once(": ").expect("@NAME: TEXT");
        let (from, to) = match names.split_once(" -> ") {
            Some((from, to)) => (from, Some(to)),
            None => (names, None),
        };
        let mut to = to.into_iter().flat_map(|to| to.split(','));
        return assert!(is_name(from) && to.all(is_name), "{line:?}");
    }
    let in_a_room = line.strip_prefix('[').map(|rest| {
        let (room, rest) = rest.split_once("] ").expect("[ROOM] …");
        assert!(is_room(room), "{line:?}");
        rest
    });
    let rest = in_a_room.unwrap_or(line);
    let (from, _) = match rest.strip_prefix("** ") {
        Some(action) => action.split_once(' ').expect("** NAME TEXT"),
        None => rest
            .split_once(": ")
            .unwrap_or_else(|| panic!("NAME: TEXT, not {line:?}")),
    };
    assert!(is_name(from), "{line:?}");
}

/// A line of JSON mode, without its end. Returns its object.
pub fn check_json_line(line: &str) -> Value {
    assert!(line.chars().all(may_pass), "{line:?}");
    let value: Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    let known = [
        "private",
        "message",
        "action",
        "join",
        "leave",
        "rename",
        "presence",
        "topic",
        "missed",
        "history",
        "forgotten",
        "rule",
        "friend",
        "receipt",
        "waiting",
        "announcement",
        "notice",
        "ok",
        "error",
    ];
    let kind = value["type"].as_str().expect("a type");
    assert!(known.contains(&kind) && value["time"].is_u64(), "{line}");
    check_strings(&value);
    value
}

/// Decoded strings must be as harmless; a line end in one is the server's own.
fn check_strings(value: &Value) {
    match value {
        Value::String(text) => {
            assert!(text.chars().all(|c| c == '\n' || may_pass(c)), "{text:?}");
        }
        Value::Array(values) => values.iter().for_each(check_strings),
        Value::Object(fields) => fields.values().for_each(check_strings),
        _ => {}
    }
}

pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.len() <= 24 && is_label(text)
}

pub fn is_room(text: &str) -> bool {
    (1..=32).contains(&text.len()) && is_label(text)
}

fn is_label(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
