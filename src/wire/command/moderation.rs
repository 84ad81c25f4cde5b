//! The words of commands that keep order in a room, and in the whole server.

use std::time::Duration;

use crate::chat::archive::BanKind;
use crate::chat::command::{BanCommand, ModerationCommand, OperatorCommand, Reach};
use crate::chat::order::Lock;
use crate::chat::refusal::{LineRefusal, ModerationRefusal, Refusal};

use super::history::line_id;
use super::{on_off, split_word};

/// Words behind a name: for how long, and why.
type TimeAndWhy<'a> = (Option<Duration>, Option<&'a str>);

/// The longest time of a rule: a hundred years. A longer one never ends either.
const TIME_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// `[TIME] [WHY]`. A first word that begins with a digit is a time, or nothing is done: as a reason it would
/// make a rule that never ends.
pub(super) fn time_and_why(words: &str) -> Result<TimeAndWhy<'_>, Refusal<'_>> {
    let words = words.trim_ascii();
    let (first, rest) = split_word(words);
    if !first.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok((None, text(words)));
    }
    let time = time(first).ok_or(ModerationRefusal::BadTime)?;
    Ok((Some(time), text(rest)))
}

fn text(words: &str) -> Option<&str> {
    Some(words.trim_ascii()).filter(|words| !words.is_empty())
}

/// Digits, and s, m, h, d or w.
fn time(word: &str) -> Option<Duration> {
    let units = [
        ('s', 1),
        ('m', 60),
        ('h', 60 * 60),
        ('d', 24 * 60 * 60),
        ('w', 7 * 24 * 60 * 60),
    ];
    let (digits, unit) = word.split_at_checked(word.len() - 1)?;
    let unit = unit.chars().next()?.to_ascii_lowercase();
    let (_, seconds) = units.iter().find(|(own, _)| *own == unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().unwrap_or(u64::MAX);
    let time = Duration::from_secs(count.saturating_mul(*seconds));
    (!time.is_zero()).then_some(time.min(TIME_MAX))
}

/// `[*] NAME`, and the rest.
fn whom<'a>(
    words: &'a str,
    usage: LineRefusal<'a>,
) -> Result<(Reach, &'a str, &'a str), LineRefusal<'a>> {
    let (first, rest) = split_word(words);
    let (reach, name, rest) = if first == "*" {
        let (name, rest) = split_word(rest.trim_ascii_start());
        (Reach::Server, name, rest)
    } else {
        (Reach::Room, first, rest)
    };
    if name.is_empty() {
        return Err(usage);
    }
    Ok((reach, name, rest))
}

pub(super) fn kick<'a>(
    words: &'a str,
    usage: LineRefusal<'a>,
) -> Result<ModerationCommand<'a>, Refusal<'a>> {
    let (reach, name, rest) = whom(words, usage)?;
    let why = text(rest);
    Ok(ModerationCommand::Kick { reach, name, why })
}

pub(super) fn mute<'a>(
    words: &'a str,
    usage: LineRefusal<'a>,
) -> Result<ModerationCommand<'a>, Refusal<'a>> {
    let (reach, name, rest) = whom(words, usage)?;
    let (time, why) = time_and_why(rest)?;
    Ok(ModerationCommand::Mute {
        reach,
        name,
        time,
        why,
    })
}

pub(super) fn unmute<'a>(
    words: &'a str,
    usage: LineRefusal<'a>,
) -> Result<ModerationCommand<'a>, Refusal<'a>> {
    match whom(words, usage)? {
        (reach, name, "") => Ok(ModerationCommand::Unmute { reach, name }),
        _ => Err(usage.into()),
    }
}

pub(super) fn bar<'a>(
    words: &'a str,
    usage: LineRefusal<'a>,
) -> Result<ModerationCommand<'a>, Refusal<'a>> {
    let (name, rest) = split_word(words);
    if name.is_empty() {
        return Err(usage.into());
    }
    let (time, why) = time_and_why(rest)?;
    Ok(ModerationCommand::Bar { name, time, why })
}

pub(super) fn lock<'a>(
    words: &str,
    usage: LineRefusal<'a>,
) -> Result<ModerationCommand<'a>, LineRefusal<'a>> {
    if words.is_empty() {
        return Ok(ModerationCommand::Lock(None));
    }
    let (what, on) = split_word(words);
    let mut all = Lock::ALL.into_iter();
    let lock = all.find(|lock| lock.word().eq_ignore_ascii_case(what));
    let lock = lock.ok_or(usage)?;
    let on = Some(on.trim_ascii()).filter(|on| !on.is_empty());
    Ok(ModerationCommand::Lock(Some((lock, on_off(on, usage)?))))
}

pub(super) fn remove<'a>(
    word: &str,
    usage: LineRefusal<'a>,
) -> Result<ModerationCommand<'a>, LineRefusal<'a>> {
    let id = line_id(Some(word), usage)?;
    Ok(ModerationCommand::Remove(id))
}

/// `CIDR|NAME [out|login|muted] [TIME] [WHY]`: the name comes first, so that no word can be taken for one.
pub(super) fn ban<'a>(
    words: &'a str,
    usage: LineRefusal<'a>,
) -> Result<OperatorCommand<'a>, Refusal<'a>> {
    let (whom, rest) = split_word(words);
    if whom.is_empty() {
        return Err(usage.into());
    }
    let rest = rest.trim_ascii_start();
    let (word, behind) = split_word(rest);
    let mut kinds = BanKind::ALL.into_iter();
    let kind = kinds.find(|kind| kind.word().eq_ignore_ascii_case(word));
    let (kind, rest) = kind.map_or((BanKind::Out, rest), |kind| (kind, behind));
    let (time, why) = time_and_why(rest)?;
    Ok(OperatorCommand::Ban(BanCommand {
        whom,
        kind,
        time,
        why,
    }))
}

pub(super) fn unban<'a>(
    word: &str,
    usage: LineRefusal<'a>,
) -> Result<OperatorCommand<'a>, LineRefusal<'a>> {
    let number = word.parse().map_err(|_| usage)?;
    Ok(OperatorCommand::Unban { number })
}

pub(super) fn suspend<'a>(
    words: &'a str,
    usage: LineRefusal<'a>,
) -> Result<OperatorCommand<'a>, LineRefusal<'a>> {
    let (name, rest) = split_word(words);
    if name.is_empty() {
        return Err(usage);
    }
    let why = text(rest);
    Ok(OperatorCommand::Suspend { name, why })
}

#[cfg(test)]
mod tests {
    use crate::chat::command::{Command, Reading};
    use crate::chat::ids::LineId;

    use super::*;

    #[test]
    fn line_that_keeps_order_means_its_command() {
        let parse = |line: &'static str| super::super::parse(line, Reading::Commands);
        let (name, reach) = ("bob", Reach::Room);
        let order = |command| Ok(Command::Moderation(command));
        let why = Some("10m of spam");
        assert_eq!(
            parse("/kick bob 10m of spam"),
            order(ModerationCommand::Kick { reach, name, why })
        );
        let (time, why) = (Some(Duration::from_secs(600)), Some("of spam"));
        assert_eq!(
            parse("/bar bob 10m of spam"),
            order(ModerationCommand::Bar { name, time, why })
        );
        assert_eq!(
            parse("/mute bob of spam"),
            order(ModerationCommand::Mute {
                reach,
                name,
                time: None,
                why
            })
        );
        let reach = Reach::Server;
        assert_eq!(
            parse("/unmute * bob"),
            order(ModerationCommand::Unmute { reach, name })
        );
        assert_eq!(
            parse("/lock TALK off"),
            order(ModerationCommand::Lock(Some((Lock::Talk, Some(false)))))
        );
        assert_eq!(
            parse("/remove 99999999999999999999"),
            order(ModerationCommand::Remove(LineId::MAX))
        );
        for line in [
            "/kick",
            "/kick *",
            "/mute",
            "/bar",
            "/unmute bob now",
            "/lock all on",
            "/lock topic maybe",
            "/remove",
            "/remove +5",
            "/remove last",
        ] {
            assert!(
                matches!(parse(line), Err(Refusal::Line(LineRefusal::Usage(_)))),
                "{line}"
            );
        }
    }

    #[test]
    fn time_that_is_none_is_refused_and_never_a_reason() {
        let secs = Duration::from_secs;
        for (words, expected) in [
            ("", Ok((None, None))),
            ("spam", Ok((None, Some("spam")))),
            ("10m", Ok((Some(secs(600)), None))),
            (
                "2H spam and more",
                Ok((Some(secs(7200)), Some("spam and more"))),
            ),
            ("1w  x ", Ok((Some(secs(604_800)), Some("x")))),
            ("99999999999999999999d", Ok((Some(TIME_MAX), None))),
        ] {
            assert_eq!(time_and_why(words), expected, "{words}");
        }
        for words in ["10", "10x", "0s", "1h30m", "3 days", "1\u{e9}"] {
            let refused = Err(ModerationRefusal::BadTime.into());
            assert_eq!(time_and_why(words), refused, "{words}");
        }
    }
}
