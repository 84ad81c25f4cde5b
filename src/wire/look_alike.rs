//! Lines that look private, or like a command, and would be said to everybody.
//!
//! An input method writes `＠` and `／` for `@` and `/`, and a paste brings blanks and characters that nobody
//! sees. Whoever reads such a line on their screen takes it for what it looks like.

use arrayvec::ArrayString;

use super::command_table;
use super::unseen::is_unseen;

/// Longer than the name of any command.
const COMMAND_BYTES_MAX: usize = 16;

/// Whether a line that begins with none of them looks as if it began with `@`, a name and a colon, or with
/// `/` and a command.
#[must_use]
pub fn looks_addressed(line: &str) -> bool {
    // The common case: its first character is what it looks like.
    if !line.starts_with(|c: char| c == '\t' || !c.is_ascii()) {
        return false;
    }
    let seen = line.trim_start_matches(|c: char| c.is_whitespace() || is_unseen(c));
    let hidden = line.strip_suffix(seen).unwrap_or_default();
    let is_hidden = |c: char| !c.is_whitespace() && c != char::REPLACEMENT_CHARACTER;
    let mut rest = seen.chars();
    match rest.next() {
        // It shows nothing else first, so it is read as strictly as without what is hidden.
        Some('@') if hidden.chars().all(is_hidden) => true,
        Some('/') if hidden.chars().all(is_hidden) => !rest.as_str().starts_with('/'),
        Some('@' | '＠' | '﹫') => begins_with_names(rest.as_str()),
        Some('/' | '／' | '\u{2044}' | '\u{2215}' | '\u{2571}' | '\u{29f8}') => {
            begins_with_command(rest.as_str())
        }
        _ => false,
    }
}

/// Whether names and a colon come first.
fn begins_with_names(text: &str) -> bool {
    let is_colon = |c| {
        matches!(
            c,
            ':' | '：' | '﹕' | '︓' | '\u{2236}' | '\u{a789}' | '\u{2d0}'
        )
    };
    let Some((names, _)) = text.split_once(is_colon) else {
        return false;
    };
    let is_name = |name: &str| {
        let mut seen = name.trim().chars().filter(|c| !is_unseen(*c)).peekable();
        seen.peek().is_some()
            && seen
                .map(ascii_form)
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    names.split([',', '，', '、', '﹐']).all(is_name)
}

/// Whether the first word is a command.
fn begins_with_command(text: &str) -> bool {
    let mut word = ArrayString::<COMMAND_BYTES_MAX>::new();
    for c in text.chars().take_while(|c| !c.is_whitespace()) {
        if !is_unseen(c) && word.try_push(ascii_form(c)).is_err() {
            return false;
        }
    }
    command_table::find(&word).is_some()
}

/// The ASCII character of a full-width form.
fn ascii_form(c: char) -> char {
    let ascii = u32::from(c).checked_sub(u32::from('！') - u32::from('!'));
    match ascii.and_then(char::from_u32) {
        Some(ascii @ '!'..='~') => ascii,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alike_of_a_private_message_is_found() {
        for line in [
            "＠bob: x",
            "＠bob:x",
            "﹫bob: x",
            "＠ｂｏｂ：x",
            "＠bob，carol：x",
            "＠bob, carol: x",
            "\t@bob: x",
            "\u{a0}@bob: x",
            "\u{3000} ＠bob: x",
            "\u{fe0f}@bob: x",
            "\u{e0040}＠bo\u{200b}b: x",
            "\u{301}@bob: x",
            "\u{fe0f}@bob x",
            "\u{fe0f}/mgs bob x",
            "\u{fffd}\u{fffd}@bob: x",
            "\u{fffd}/msg bob x",
            "／msg bob x",
            "／ｍｓｇ\u{3000}bob x",
            "\u{2044}r x",
            "\u{2215}reply x",
            "\t/msg bob x",
            "\u{3164}/QUIT",
        ] {
            assert!(looks_addressed(line), "{line:?}");
        }
    }

    #[test]
    fn line_that_only_begins_oddly_is_said() {
        for line in [
            "",
            "x",
            "＠",
            "＠bob",
            "＠bob x",
            "＠ the station: x",
            "＠新宿：x",
            "＠: x",
            "＠bob,: x",
            "／",
            "／etc/hosts",
            "／ msg",
            "／\u{fe0f}",
            "\tlet x = 1;",
            "\t// msg",
            "\u{fe0f}//etc/hosts",
            "\u{fffd}/\u{fffd}",
            "\t/etc/hosts",
            "größe: @bob: x",
            "Привет, @bob: x",
            "\u{fffd}\u{fffd}, @bob: x",
            "\u{fffd}\u{fffd}\u{fffd}: x",
            "😀 @bob: x",
            "／abcdefghijklmnopqrstuvwxyz",
        ] {
            assert!(!looks_addressed(line), "{line:?}");
        }
    }
}
