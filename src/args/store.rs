//! The default place of a store, and work on a store.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use clap::Subcommand;

/// The file's name in its folder.
const FILE: &str = "chat.db";

/// What follows `store`, for one who wrote nothing there.
pub const WORDS: &str = "store is followed by backup FILE, check, export, deeds, bans, unban N, suspend NAME, \
    unsuspend NAME or reset-password NAME (store --help tells more)";

/// What the program does instead of chatting.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Look after what is kept
    #[command(subcommand)]
    Store(StoreTask),
}

/// Work on a store.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum StoreTask {
    /// Copy the store to FILE; a daemon may go on using it
    Backup {
        /// Where the copy is to be
        file: PathBuf,
    },
    /// Look for damage
    Check,
    /// Print all accounts, and all lines that are kept, oldest first, as JSON
    Export,
    /// Print what operators have done, the newest first
    Deeds {
        /// As JSON, an object a line
        #[arg(long)]
        json: bool,
    },
    /// Print all bans
    Bans {
        /// As JSON, an object a line
        #[arg(long)]
        json: bool,
    },
    /// Undo the ban N; while no daemon runs
    Unban {
        /// The ban's number
        n: u32,
    },
    /// Suspend the account NAME; while no daemon runs
    Suspend {
        /// The account
        name: String,
    },
    /// End the suspension of the account NAME; while no daemon runs
    Unsuspend {
        /// The account
        name: String,
    },
    /// Give the account NAME a new password, and print it; while no daemon runs
    ResetPassword {
        /// The account
        name: String,
    },
}

/// Where a store is if nobody named one: systemd's folder for the unit, or the user's folder for state. `None` if
/// the environment names neither. `variable` looks a variable up.
pub fn default_file(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let units = variable("STATE_DIRECTORY").map(first_of_list);
    let own = || {
        let state = variable("XDG_STATE_HOME").map(PathBuf::from);
        let state = state.and_then(absolute).or_else(|| {
            let home = absolute(variable("HOME")?.into())?;
            Some(home.join(".local/state"))
        })?;
        Some(state.join("chinwag"))
    };
    let folder = units.and_then(absolute).or_else(own)?;
    Some(folder.join(FILE))
}

/// A unit may have several folders.
fn first_of_list(list: OsString) -> PathBuf {
    let mut bytes = list.into_vec();
    let end = bytes.iter().position(|byte| *byte == b':');
    bytes.truncate(end.unwrap_or(bytes.len()));
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_place_is_the_units_else_the_users() {
        let file = |given: &[(&str, &str)]| {
            let found = default_file(|name| {
                let given = given.iter().find(|(other, _)| *other == name);
                given.map(|(_, value)| value.into())
            });
            found.map(|path| path.display().to_string())
        };
        let (unit, xdg, home) = ("STATE_DIRECTORY", "XDG_STATE_HOME", "HOME");
        for (given, expected) in [
            (&[][..], None),
            (
                &[(home, "/home/a")],
                Some("/home/a/.local/state/chinwag/chat.db"),
            ),
            (&[(home, "")], None),
            (&[(home, "a")], None),
            (
                &[(xdg, "/x"), (home, "/home/a")],
                Some("/x/chinwag/chat.db"),
            ),
            (
                &[(xdg, "x"), (home, "/home/a")],
                Some("/home/a/.local/state/chinwag/chat.db"),
            ),
            (
                &[(xdg, ""), (home, "/h")],
                Some("/h/.local/state/chinwag/chat.db"),
            ),
            (&[(xdg, "/x")], Some("/x/chinwag/chat.db")),
            (
                &[(unit, "/var/lib/chinwag"), (xdg, "/x"), (home, "/h")],
                Some("/var/lib/chinwag/chat.db"),
            ),
            (&[(unit, "/a:/b")], Some("/a/chat.db")),
            (
                &[(unit, ""), (home, "/h")],
                Some("/h/.local/state/chinwag/chat.db"),
            ),
        ] {
            assert_eq!(file(given).as_deref(), expected, "{given:?}");
        }
    }
}
