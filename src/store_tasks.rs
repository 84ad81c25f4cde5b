//! Work on a store instead of chatting: what the operator is shown of it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chinwag::config::store::StorePlace;
use chinwag::net::error::os_error_text;
use chinwag::store::maintenance::{ListedBan, ListedDeed};
use chinwag::store::{PasswordCost, maintenance};
use chinwag::wire::wall_time::WallTime;
use serde::Serialize;

use crate::args::StoreTask;

/// Does it, and prints what came of it.
///
/// # Errors
/// One line that says why it cannot be done.
pub fn run(task: &StoreTask, place: StorePlace) -> Result<(), String> {
    let path = path_of(place)?;
    let mut out = io::stdout().lock();
    work(task, &path, &mut out)?;
    out.flush().map_err(|error| unwritten(&error))
}

fn path_of(place: StorePlace) -> Result<PathBuf, String> {
    match place {
        StorePlace::Named(path) | StorePlace::Default(Some(path)) => Ok(path),
        StorePlace::Default(None) => Err(
            "neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME says where the store is; --store FILE does"
                .to_owned(),
        ),
        StorePlace::Nowhere => Err("--store is none; it must name the store's file".to_owned()),
    }
}

fn work(task: &StoreTask, path: &Path, out: &mut impl Write) -> Result<(), String> {
    let said = match task {
        StoreTask::Backup { file } => {
            maintenance::back_up(path, file).map_err(|error| error.to_string())?;
            format!("{} is a copy of {}", file.display(), path.display())
        }
        StoreTask::Check => {
            let found = maintenance::check(path).map_err(|error| error.to_string())?;
            let (accounts, lines) = (found.accounts, found.lines);
            let (version, bytes) = (found.version, found.bytes);
            let (bans, deeds) = (found.bans, found.deeds);
            format!(
                "no damage: version {version}, accounts: {accounts}, lines: {lines}, bans: {bans}, \
                 deeds: {deeds}, bytes: {bytes}"
            )
        }
        StoreTask::Export => {
            maintenance::export(path, out).map_err(|error| error.to_string())?;
            return Ok(());
        }
        StoreTask::Deeds { json } => {
            let deeds = maintenance::deeds(path).map_err(|error| error.to_string())?;
            return print(out, &deeds, *json, deed_line);
        }
        StoreTask::Bans { json } => {
            let bans = maintenance::bans(path).map_err(|error| error.to_string())?;
            return print(out, &bans, *json, ban_line);
        }
        StoreTask::Unban { n } => {
            maintenance::unban(path, *n).map_err(|error| error.to_string())?;
            format!("ban {n} is undone")
        }
        StoreTask::Suspend { name } => {
            maintenance::set_suspended(path, name, true).map_err(|error| error.to_string())?;
            format!("{name} is suspended")
        }
        StoreTask::Unsuspend { name } => {
            maintenance::set_suspended(path, name, false).map_err(|error| error.to_string())?;
            format!("{name} is no longer suspended")
        }
        StoreTask::ResetPassword { name } => {
            let made = maintenance::reset_password(path, name, PasswordCost::default());
            let made = made.map_err(|error| error.to_string())?;
            // To standard output alone, where it can be piped to its owner.
            let written = writeln!(out, "{}", made.expose());
            return written.map_err(|error| unwritten(&error));
        }
    };
    writeln!(out, "{said}").map_err(|error| unwritten(&error))
}

/// Prints a list, an item a line.
fn print<T: Serialize>(
    out: &mut impl Write,
    items: &[T],
    as_json: bool,
    in_words: impl Fn(&T) -> String,
) -> Result<(), String> {
    for item in items {
        let line = if as_json {
            serde_json::to_string(item).map_err(|error| error.to_string())?
        } else {
            in_words(item)
        };
        writeln!(out, "{line}").map_err(|error| unwritten(&error))?;
    }
    Ok(())
}

fn deed_line(deed: &ListedDeed) -> String {
    let (at, who, what) = (day_and_time(deed.at), &deed.who, &deed.what);
    let whom = part(" ", deed.whom.as_deref());
    let room = part(" in ", deed.room.as_deref());
    let text = part(": ", deed.text.as_deref());
    format!("{at} {who} {what}{whom}{room}{text}")
}

fn ban_line(ban: &ListedBan) -> String {
    let (number, kind, by) = (ban.ban, ban.kind, &ban.by);
    let whom = ban.whom.as_deref().unwrap_or("an account that is gone");
    let until = part(" until ", ban.until.map(day_and_time).as_deref());
    let (at, why) = (day_and_time(ban.at), part(": ", ban.why.as_deref()));
    format!("{number} {whom} {kind}{until}, by {by} {at}{why}")
}

/// A part of a line that may be missing.
fn part(before: &str, text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!("{before}{text}"))
}

/// A moment, as UTC has it.
fn day_and_time(unix_ms: u64) -> String {
    let at = WallTime {
        unix_ms,
        utc_offset_s: 0,
    };
    let [h1, h2, colon, m1, m2, _] = at.hour_and_minute().map(char::from);
    format!("{}T{h1}{h2}{colon}{m1}{m2}Z", at.date())
}

fn unwritten(error: &io::Error) -> String {
    format!("cannot write to standard output: {}", os_error_text(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_all_that_is_known() {
        let mut deed = ListedDeed {
            at: 1_764_304_560_000,
            who: "boss".into(),
            what: "kick".into(),
            whom: Some("mallory".into()),
            room: Some("dev".into()),
            text: Some("spam".into()),
        };
        assert_eq!(
            deed_line(&deed),
            "2025-11-28T04:36Z boss kick mallory in dev: spam"
        );
        (deed.whom, deed.room, deed.text) = (None, None, None);
        assert_eq!(deed_line(&deed), "2025-11-28T04:36Z boss kick");
        let mut ban = ListedBan {
            ban: 7,
            whom: Some("203.0.113.0/24".to_owned()),
            kind: "out",
            until: Some(1_764_304_620_000),
            why: Some("spam".into()),
            by: "boss".to_owned(),
            at: 1_764_304_560_000,
        };
        let line = "7 203.0.113.0/24 out until 2025-11-28T04:37Z, by boss 2025-11-28T04:36Z: spam";
        assert_eq!(ban_line(&ban), line);
        (ban.whom, ban.until, ban.why) = (None, None, None);
        let line = "7 an account that is gone out, by boss 2025-11-28T04:36Z";
        assert_eq!(ban_line(&ban), line);
    }
}
