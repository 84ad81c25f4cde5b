//! Questions about what is no line: an account's tokens and profile, and what operators have done.

use rusqlite::{Connection, OptionalExtension, Row};

use crate::chat::archive::{PastDeed, Token};
use crate::chat::ids::AccountId;

use super::rows::{account_number, number, room_name, time, unsigned};

/// An account's tokens, by label.
pub(super) fn tokens(connection: &Connection, account: AccountId) -> rusqlite::Result<Vec<Token>> {
    let mut select = connection.prepare(
        "SELECT label, made_at, used_at FROM token WHERE account = ?1 ORDER BY label COLLATE NOCASE",
    )?;
    let rows = select.query_map([account_number(account)], |row| {
        Ok(Token {
            label: room_name(row, 0)?,
            made: unsigned(row, 1)?,
            used: time(row, 2)?,
        })
    })?;
    rows.collect()
}

/// What an account says of itself.
pub(super) fn profile(
    connection: &Connection,
    account: AccountId,
) -> rusqlite::Result<Option<Box<str>>> {
    let sql = "SELECT profile FROM account WHERE id = ?1";
    let found = connection.query_row(sql, [account_number(account)], |row| row.get(0));
    Ok(found.optional()?.flatten())
}

/// How many deeds there are.
pub(super) fn deed_count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM deed", (), |row| unsigned(row, 0))
}

/// Some deeds, the newest first, behind so many that are newer.
pub(super) fn deeds(
    connection: &Connection,
    skip: u64,
    count: usize,
) -> rusqlite::Result<Vec<PastDeed>> {
    let mut select = connection.prepare(
        "SELECT at, who, what, whom, room, text FROM deed ORDER BY id DESC LIMIT ?1 OFFSET ?2",
    )?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = select.query_map([count, number(skip)], past_deed)?;
    rows.collect()
}

fn past_deed(row: &Row<'_>) -> rusqlite::Result<PastDeed> {
    Ok(PastDeed {
        at: unsigned(row, 0)?,
        who: row.get(1)?,
        what: row.get(2)?,
        whom: row.get(3)?,
        room: row.get(4)?,
        text: row.get(5)?,
    })
}
