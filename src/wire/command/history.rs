//! The words of commands about what was said before.

use crate::chat::command::{ForgetCommand, HistoryCommand, KeepCommand, PlaceName, WantedRange};
use crate::chat::ids::LineId;
use crate::chat::name::Name;
use crate::chat::refusal::{LineRefusal, Refusal, SessionRefusal};

use super::{room, split_word, times};

type Parsed<'a> = Result<HistoryCommand<'a>, Refusal<'a>>;

/// `[PLACE] [N] [before ID | since ID|TIME] [N]`: a number is how many, but behind those words.
pub(super) fn page<'a>(words: &'a str, usage: LineRefusal<'a>) -> Parsed<'a> {
    let mut words = words.split_ascii_whitespace().peekable();
    let place = words
        .next_if(|word| !is_number(word) && !is_any(word, &["before", "since"]))
        .map_or(Ok(PlaceName::Current), place)?;
    let first = words.next_if(|word| is_number(word));
    let range = match words.next() {
        None => WantedRange::Newest,
        Some(word) if word.eq_ignore_ascii_case("before") => {
            WantedRange::Before(line_id(words.next(), usage)?)
        }
        Some(word) if word.eq_ignore_ascii_case("since") => since(words.next(), usage)?,
        Some(_) => return Err(usage.into()),
    };
    let second = words.next_if(|word| first.is_none() && is_number(word));
    ended(words.next(), usage)?;
    let count = first.or(second).map(number).filter(|count| *count > 0);
    if count.is_none() && first.or(second).is_some() {
        return Err(usage.into());
    }
    let count = count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    Ok(HistoryCommand::Page {
        place,
        range,
        count,
    })
}

fn since<'a>(word: Option<&str>, usage: LineRefusal<'a>) -> Result<WantedRange, LineRefusal<'a>> {
    let word = word.ok_or(usage)?;
    if is_number(word) {
        return line_id(Some(word), usage).map(WantedRange::Since);
    }
    let time = times::parse(word).ok_or(usage)?;
    Ok(WantedRange::SinceTime(time))
}

/// `[PLACE] [ID]`
pub(super) fn read<'a>(words: &'a str, usage: LineRefusal<'a>) -> Parsed<'a> {
    let mut words = words.split_ascii_whitespace().peekable();
    let place = words
        .next_if(|word| !is_number(word))
        .map_or(Ok(PlaceName::Current), place)?;
    let up_to = match words.next() {
        None => None,
        word => Some(line_id(word, usage)?),
    };
    ended(words.next(), usage)?;
    Ok(HistoryCommand::Read { place, up_to })
}

/// `[#ROOM|@NAME] WORDS`: a room without its mark stays among the words.
pub(super) fn search<'a>(words: &'a str, usage: LineRefusal<'a>) -> Parsed<'a> {
    let (first, rest) = split_word(words);
    let (place, words) = if first.starts_with(['#', '@']) {
        (Some(place(first)?), rest.trim_ascii())
    } else {
        (None, words)
    };
    if words.is_empty() {
        return Err(usage.into());
    }
    Ok(HistoryCommand::Search { place, words })
}

/// `ID`, `last [N]`, `all [PLACE]`
pub(super) fn forget<'a>(words: &'a str, usage: LineRefusal<'a>) -> Parsed<'a> {
    let mut words = words.split_ascii_whitespace();
    let what = match words.next() {
        Some(word) if word.eq_ignore_ascii_case("last") => {
            let count = match words.next() {
                None => 1,
                Some(word) if is_number(word) => number(word),
                Some(_) => 0,
            };
            if count == 0 {
                return Err(usage.into());
            }
            ForgetCommand::Last(u32::try_from(count).unwrap_or(u32::MAX))
        }
        Some(word) if word.eq_ignore_ascii_case("all") => match words.next() {
            None => ForgetCommand::All,
            Some(word) => ForgetCommand::AllIn(place(word)?),
        },
        word => ForgetCommand::Line(line_id(word, usage)?),
    };
    ended(words.next(), usage)?;
    Ok(HistoryCommand::Forget(what))
}

/// `[before ID]`
pub(super) fn export<'a>(words: &'a str, usage: LineRefusal<'a>) -> Parsed<'a> {
    let mut words = words.split_ascii_whitespace();
    let before = match words.next() {
        None => None,
        Some(word) if word.eq_ignore_ascii_case("before") => Some(line_id(words.next(), usage)?),
        Some(_) => return Err(usage.into()),
    };
    ended(words.next(), usage)?;
    Ok(HistoryCommand::Export(before))
}

/// `[DAYS|off]`
pub(super) fn keep<'a>(word: Option<&'a str>, usage: LineRefusal<'a>) -> Parsed<'a> {
    let command = match word {
        None => KeepCommand::On(None),
        Some(word) if word.eq_ignore_ascii_case("off") => KeepCommand::Off,
        Some(word) if is_number(word) && number(word) > 0 => {
            KeepCommand::On(Some(u32::try_from(number(word)).unwrap_or(u32::MAX)))
        }
        Some(_) => return Err(usage.into()),
    };
    Ok(HistoryCommand::Keep(command))
}

fn place(word: &str) -> Result<PlaceName, Refusal<'_>> {
    match word.strip_prefix('@') {
        Some(given) => match Name::parse(given) {
            Ok(name) => Ok(PlaceName::User(name)),
            Err(why) => Err(Refusal::Session(SessionRefusal::BadName { given, why })),
        },
        None => room(word).map(PlaceName::Room),
    }
}

fn ended<'a>(word: Option<&str>, usage: LineRefusal<'a>) -> Result<(), LineRefusal<'a>> {
    word.map_or(Ok(()), |_| Err(usage))
}

pub(super) fn line_id<'a>(
    word: Option<&str>,
    usage: LineRefusal<'a>,
) -> Result<LineId, LineRefusal<'a>> {
    let word = word.filter(|word| is_number(word)).ok_or(usage)?;
    Ok(LineId(number(word)).min(LineId::MAX))
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| other.eq_ignore_ascii_case(word))
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// A word of digits as a number; one that is too large is the largest.
fn number(word: &str) -> u64 {
    word.parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use crate::chat::command::{Command, Reading, Request, Verb, WantedTime};
    use crate::chat::name::RoomName;
    use crate::chat::refusal::MembershipRefusal;

    use super::super::parse;
    use super::*;

    fn read(line: &str) -> Request<'_> {
        parse(line, Reading::Commands)
    }

    fn in_room(name: &str) -> PlaceName {
        PlaceName::Room(RoomName::parse(name).unwrap())
    }

    fn with(name: &str) -> PlaceName {
        PlaceName::User(Name::parse(name).unwrap())
    }

    #[track_caller]
    fn check(cases: &[(&str, HistoryCommand<'_>)]) {
        for (line, command) in cases {
            assert_eq!(read(line), Ok(Command::History(*command)), "{line}");
        }
    }

    #[track_caller]
    fn check_refused(verb: Verb, lines: &[&str]) {
        for line in lines {
            let usage = Err(Refusal::Line(LineRefusal::Usage(verb)));
            assert_eq!(read(line), usage, "{line}");
        }
    }

    #[test]
    fn page_has_a_place_a_range_and_a_count() {
        use PlaceName::Current;
        use WantedRange::{Before, Newest, Since, SinceTime};
        let page = |place, range, count| HistoryCommand::Page {
            place,
            range,
            count,
        };
        let nine = SinceTime(WantedTime::OfDay(9 * 60 + 12));
        check(&[
            ("/history", page(Current, Newest, None)),
            ("/history 20", page(Current, Newest, Some(20))),
            ("/history #20", page(in_room("20"), Newest, None)),
            ("/history dev", page(in_room("dev"), Newest, None)),
            ("/history dev 5", page(in_room("dev"), Newest, Some(5))),
            ("/history @bob 5", page(with("bob"), Newest, Some(5))),
            ("/history before 9", page(Current, Before(LineId(9)), None)),
            ("/history #before", page(in_room("before"), Newest, None)),
            (
                "/history dev BEFORE 9 7",
                page(in_room("dev"), Before(LineId(9)), Some(7)),
            ),
            (
                "/history @bob 7 since 9",
                page(with("bob"), Since(LineId(9)), Some(7)),
            ),
            ("/history since 0", page(Current, Since(LineId(0)), None)),
            ("/history since 09:12", page(Current, nine, None)),
            (
                "/history before 99999999999999999999",
                page(Current, Before(LineId::MAX), None),
            ),
            (
                "/history 99999999999999999999",
                page(Current, Newest, Some(usize::MAX)),
            ),
        ]);
        let lines = [
            "/history 0",
            "/history before",
            "/history before x",
            "/history before 09:12",
            "/history since",
            "/history since yesterday",
            "/history dev dev",
            "/history 5 6",
            "/history 5 before 6 7",
            "/history dev before 6 7 8",
        ];
        check_refused(Verb::History, &lines);
        for line in ["/history a.b", "/history #", "/forget all a.b"] {
            let bad = matches!(
                read(line),
                Err(Refusal::Membership(MembershipRefusal::BadRoom { .. }))
            );
            assert!(bad, "{line}");
        }
        for line in ["/history @", "/history @9", "/read @a.b", "/search @a.b c"] {
            let bad = matches!(
                read(line),
                Err(Refusal::Session(SessionRefusal::BadName { .. }))
            );
            assert!(bad, "{line}");
        }
    }

    #[test]
    fn read_mark_goes_to_the_newest_line_or_to_an_id() {
        let read = |place, up_to| HistoryCommand::Read { place, up_to };
        check(&[
            ("/read", read(PlaceName::Current, None)),
            ("/read 9", read(PlaceName::Current, Some(LineId(9)))),
            ("/read #9", read(in_room("9"), None)),
            ("/read dev 9", read(in_room("dev"), Some(LineId(9)))),
            ("/read @bob", read(with("bob"), None)),
            ("/unread", HistoryCommand::Unread),
            ("/more", HistoryCommand::More),
        ]);
        check_refused(Verb::Read, &["/read dev x", "/read 9 9", "/read dev 9 9"]);
    }

    #[test]
    fn place_to_search_in_is_marked() {
        let search = |place, words| HistoryCommand::Search { place, words };
        check(&[
            ("/search dev", search(None, "dev")),
            ("/search  dev  build ", search(None, "dev  build")),
            (
                "/search #dev  build ",
                search(Some(in_room("dev")), "build"),
            ),
            ("/search @bob #x", search(Some(with("bob")), "#x")),
        ]);
        check_refused(Verb::Search, &["/search", "/search #dev", "/search @bob  "]);
    }

    #[test]
    fn own_lines_are_forgotten_by_id_by_number_or_by_place() {
        let forget = HistoryCommand::Forget;
        check(&[
            ("/forget 9", forget(ForgetCommand::Line(LineId(9)))),
            ("/forget last", forget(ForgetCommand::Last(1))),
            ("/forget LAST 3", forget(ForgetCommand::Last(3))),
            (
                "/forget last 9999999999",
                forget(ForgetCommand::Last(u32::MAX)),
            ),
            ("/forget all", forget(ForgetCommand::All)),
            (
                "/forget all @bob",
                forget(ForgetCommand::AllIn(with("bob"))),
            ),
            (
                "/forget all #20",
                forget(ForgetCommand::AllIn(in_room("20"))),
            ),
            (
                "/forget all dev",
                forget(ForgetCommand::AllIn(in_room("dev"))),
            ),
        ]);
        let lines = [
            "/forget",
            "/forget x",
            "/forget last x",
            "/forget last 0",
            "/forget last 3 3",
            "/forget 9 9",
            "/forget all dev x",
        ];
        check_refused(Verb::Forget, &lines);
    }

    #[test]
    fn export_goes_on_before_a_line() {
        check(&[
            ("/export", HistoryCommand::Export(None)),
            ("/export before 9", HistoryCommand::Export(Some(LineId(9)))),
        ]);
        check_refused(
            Verb::Export,
            &["/export 9", "/export before", "/export before 9 9"],
        );
    }

    #[test]
    fn room_is_kept_for_days_or_not() {
        let keep = HistoryCommand::Keep;
        check(&[
            ("/keep", keep(KeepCommand::On(None))),
            ("/keep 7", keep(KeepCommand::On(Some(7)))),
            ("/keep 9999999999", keep(KeepCommand::On(Some(u32::MAX)))),
            ("/keep OFF", keep(KeepCommand::Off)),
        ]);
        check_refused(
            Verb::Keep,
            &["/keep 0", "/keep dev", "/keep 7 7", "/keep 7d"],
        );
    }
}
