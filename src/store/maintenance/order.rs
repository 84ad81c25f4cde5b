//! What operators have done, and what of it is undone while no daemon runs: by one who is locked out, too.

use std::path::Path;

use rusqlite::{Connection, params};
use serde::Serialize;

use crate::chat::archive::BanTarget;
use crate::store::chores::unix_ms;
use crate::store::error::StoreError;
use crate::store::lookups;
use crate::store::rows::{BAN_COLUMNS, account_number, ban, number};
use crate::store::{eraser, order};

use super::{account_of, no_account, open, open_to_write};

/// Who has done what was done here, among the deeds. Nobody can have this name.
const OFFLINE: &str = "(offline)";

/// A ban, as it is listed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ListedBan {
    /// Its number.
    pub ban: u32,
    /// Addresses, or the name of an account; none if that is gone.
    pub whom: Option<String>,
    /// `out`, `login` or `muted`.
    pub kind: &'static str,
    /// Until when, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Why.
    pub why: Option<Box<str>>,
    /// The operator.
    pub by: String,
    /// When it was made.
    pub at: u64,
}

/// A deed, as it is listed.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of a deed")]
pub struct ListedDeed {
    pub at: u64,
    pub who: Box<str>,
    pub what: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whom: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Box<str>>,
}

/// All bans, by their numbers.
///
/// # Errors
/// If the store cannot be read.
pub fn bans(path: &Path) -> Result<Vec<ListedBan>, StoreError> {
    let (connection, files) = open(path)?;
    listed_bans(&connection).map_err(StoreError::sqlite("read", files.path()))
}

fn listed_bans(connection: &Connection) -> rusqlite::Result<Vec<ListedBan>> {
    let mut select = connection.prepare(&format!("SELECT {BAN_COLUMNS} FROM ban ORDER BY id"))?;
    let mut name_of = connection.prepare("SELECT name FROM account WHERE id = ?1")?;
    let mut rows = select.query(())?;
    let mut listed = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(ban) = ban(row)? else {
            continue;
        };
        let whom = match ban.target {
            BanTarget::Net(net) => Some(net.to_string()),
            BanTarget::Account(account) => {
                name_of.query_row([account_number(account)], |row| row.get(0))?
            }
        };
        listed.push(ListedBan {
            ban: ban.number,
            whom,
            kind: ban.kind.word(),
            until: ban.until,
            why: ban.why,
            by: ban.by.to_string(),
            at: ban.at,
        });
    }
    Ok(listed)
}

/// All that operators have done, the newest first.
///
/// # Errors
/// If the store cannot be read.
pub fn deeds(path: &Path) -> Result<Vec<ListedDeed>, StoreError> {
    let (connection, files) = open(path)?;
    let deeds = lookups::deeds(&connection, 0, usize::MAX)
        .map_err(StoreError::sqlite("read", files.path()))?;
    let listed = deeds.into_iter().map(|deed| ListedDeed {
        at: deed.at,
        who: deed.who,
        what: deed.what,
        whom: deed.whom,
        room: deed.room,
        text: deed.text,
    });
    Ok(listed.collect())
}

/// Undoes a ban. The daemon must not run.
///
/// # Errors
/// If there is no such ban, or the store is in use or cannot be written.
pub fn unban(path: &Path, ban: u32) -> Result<(), StoreError> {
    let whom = ban.to_string();
    change(path, "unban", &whom, |connection| {
        connection.execute("DELETE FROM ban WHERE id = ?1", [ban])
    })?
    .ok_or(StoreError::NoBan(ban))
}

/// Suspends an account, or ends that. The daemon must not run.
///
/// # Errors
/// If there is no such account, or the store is in use or cannot be written.
pub fn set_suspended(path: &Path, name: &str, is_suspended: bool) -> Result<(), StoreError> {
    let (what, why) = if is_suspended {
        ("suspend", Some(""))
    } else {
        ("unsuspend", None)
    };
    change(path, what, name, |connection| {
        match account_of(connection, name)? {
            Some(account) => order::set_suspended(connection, account, why),
            None => Ok(0),
        }
    })?
    .ok_or_else(|| no_account(name))
}

/// Makes a change of as many rows as it says, and a deed of it. `None` if it changed nothing.
fn change(
    path: &Path,
    what: &str,
    whom: &str,
    make: impl FnOnce(&Connection) -> rusqlite::Result<usize>,
) -> Result<Option<()>, StoreError> {
    let (mut connection, files, _lock) = open_to_write(path)?;
    let changed = connection.transaction().and_then(|transaction| {
        if make(&transaction)? == 0 {
            return Ok(None);
        }
        record(&transaction, what, whom)?;
        transaction.commit()?;
        Ok(Some(()))
    });
    changed
        .and_then(|changed| eraser::empty_journal(&connection).map(|_| changed))
        .map_err(StoreError::sqlite("write", files.path()))
}

/// Notes what was done here.
pub(super) fn record(connection: &Connection, what: &str, whom: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO deed(at, who, what, whom) VALUES (?1, ?2, ?3, ?4)";
    let row = params![number(unix_ms()), OFFLINE, what, whom];
    connection.execute(sql, row).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database;
    use crate::store::lock::Lock;
    use crate::store::maintenance::tests::made;

    #[test]
    fn bans_are_listed_and_undone_and_that_is_a_deed() {
        let temp = tempfile::tempdir().unwrap();
        let files = made(temp.path());
        let connection = database::open(&files, false).unwrap();
        connection
            .execute_batch(
                "INSERT INTO account(id, state, made_at, seen_at) VALUES (3, 2, 1, 1);
                 INSERT INTO ban VALUES (1, '203.0.113.0/24', NULL, 0, 99, 'spam', 'boss', 7),
                   (2, NULL, 2, 2, NULL, NULL, 'boss', 8), (4, NULL, 3, 1, NULL, NULL, 'boss', 9);",
            )
            .unwrap();
        drop(connection);
        let listed = bans(files.path()).unwrap();
        let json: Vec<_> = listed
            .iter()
            .map(|ban| serde_json::to_string(ban).unwrap())
            .collect();
        assert_eq!(
            json,
            [
                r#"{"ban":1,"whom":"203.0.113.0/24","kind":"out","until":99,"why":"spam","by":"boss","at":7}"#,
                r#"{"ban":2,"whom":"bob","kind":"muted","why":null,"by":"boss","at":8}"#,
                r#"{"ban":4,"whom":null,"kind":"login","why":null,"by":"boss","at":9}"#,
            ]
        );
        let running = Lock::take(&files).unwrap();
        let error = unban(files.path(), 2).unwrap_err();
        assert!(matches!(error, StoreError::InUse(_)), "{error}");
        drop(running);
        let error = unban(files.path(), 3).unwrap_err();
        assert!(matches!(error, StoreError::NoBan(3)), "{error}");
        unban(files.path(), 2).unwrap();
        let left: Vec<_> = bans(files.path())
            .unwrap()
            .iter()
            .map(|ban| ban.ban)
            .collect();
        assert_eq!(left, [1, 4]);
        let deeds = deeds(files.path()).unwrap();
        assert_eq!(deeds.len(), 1, "what failed is none");
        let deed = &deeds[0];
        let words = (&*deed.who, &*deed.what, deed.whom.as_deref());
        assert_eq!(words, ("(offline)", "unban", Some("2")));
    }

    #[test]
    fn account_is_suspended_and_no_longer() {
        let temp = tempfile::tempdir().unwrap();
        let files = made(temp.path());
        let state = || -> (i64, Option<String>) {
            let (connection, _) = open(files.path()).unwrap();
            let sql = "SELECT state, suspended FROM account WHERE id = 1";
            connection
                .query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap()
        };
        set_suspended(files.path(), "ALICE", true).unwrap();
        assert_eq!(state(), (1, Some(String::new())));
        set_suspended(files.path(), "alice", false).unwrap();
        assert_eq!(state(), (0, None));
        let error = set_suspended(files.path(), "nobody", true).unwrap_err();
        assert!(matches!(error, StoreError::NoAccount(_)), "{error}");
        let found: Vec<_> = deeds(files.path())
            .unwrap()
            .into_iter()
            .map(|deed| deed.what)
            .collect();
        assert_eq!(
            found,
            ["unsuspend".into(), "suspend".into()] as [Box<str>; 2]
        );
    }
}
