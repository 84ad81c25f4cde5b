//! The words of commands about people.

use crate::chat::command::{Bell, NotifyChange, PeopleCommand, Privacy, ProfileChange};
use crate::chat::refusal::LineRefusal;

use super::{on_off, split_word};

type Parsed<'a> = Result<PeopleCommand<'a>, LineRefusal<'a>>;

/// `NAME`, or `set TEXT`; `set -` clears it.
pub(super) fn profile<'a>(words: &'a str, usage: LineRefusal<'a>) -> Parsed<'a> {
    let (first, rest) = split_word(words);
    match (first, rest.trim_ascii()) {
        ("", _) => Ok(PeopleCommand::Profile(None)),
        (name, "") if !name.eq_ignore_ascii_case("set") => Ok(PeopleCommand::Profile(Some(name))),
        (set, "-") if set.eq_ignore_ascii_case("set") => {
            Ok(PeopleCommand::SetProfile(ProfileChange::Clear))
        }
        (set, text) if set.eq_ignore_ascii_case("set") && !text.is_empty() => {
            Ok(PeopleCommand::SetProfile(ProfileChange::Set(text)))
        }
        _ => Err(usage),
    }
}

pub(super) fn privacy<'a>(words: &'a str, usage: LineRefusal<'a>) -> Parsed<'a> {
    if words.is_empty() {
        return Ok(PeopleCommand::Privacy(None));
    }
    let (what, on) = split_word(words);
    let all = [
        ("hidden", Privacy::Hidden),
        ("receipts", Privacy::Receipts),
        ("seen", Privacy::Seen),
        ("strangers", Privacy::Strangers),
        ("keep", Privacy::Keep),
    ];
    let setting = all.iter().find(|(word, _)| word.eq_ignore_ascii_case(what));
    let setting = setting.map(|(_, setting)| *setting).ok_or(usage)?;
    let on = on_off(Some(on.trim_ascii()), usage)?.ok_or(usage)?;
    Ok(PeopleCommand::Privacy(Some((setting, on))))
}

pub(super) fn notify(text: &str) -> PeopleCommand<'_> {
    PeopleCommand::Notify(match text {
        "" => None,
        off if off.eq_ignore_ascii_case("off") => Some(NotifyChange::Off),
        text => Some(NotifyChange::Set(text)),
    })
}

pub(super) fn bell<'a>(
    word: Option<&str>,
    usage: LineRefusal<'a>,
) -> Result<Option<Bell>, LineRefusal<'a>> {
    let Some(word) = word else {
        return Ok(None);
    };
    let mut bells = Bell::CHOICES.into_iter();
    let bell = bells.find(|bell| bell.word().eq_ignore_ascii_case(word));
    bell.map(Some).ok_or(usage)
}
