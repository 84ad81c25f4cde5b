//! All that people said, as JSON.

use std::io::{self, Write};
use std::path::Path;

use rusqlite::{Connection, Row};
use serde::Serialize;

use crate::chat::archive::{LineKind, Relation};
use crate::chat::ids::Place;
use crate::store::blank::NOWHERE;
use crate::store::error::StoreError;
use crate::store::rows::{
    LINE_COLUMNS, LINES, NOT_FORGOTTEN, past_line, relation_number, unsigned,
};

use super::open;

/// Writes all open accounts, and all lines, oldest first, a JSON object each.
///
/// # Errors
/// If the store cannot be read, or `to` cannot be written.
pub fn export(path: &Path, to: &mut dyn Write) -> Result<u64, StoreError> {
    let (connection, files) = open(path)?;
    let sqlite = |error| StoreError::sqlite("read", files.path())(error);
    for account in accounts(&connection).map_err(sqlite)? {
        write(to, &account)?;
    }
    let sql = format!(
        "SELECT {LINE_COLUMNS}, p.room,
         (SELECT name FROM account WHERE id = p.low), (SELECT name FROM account WHERE id = p.high)
         FROM {LINES} LEFT JOIN place p ON p.id = m.place WHERE m.place <> {NOWHERE} AND {NOT_FORGOTTEN} ORDER BY m.id"
    );
    let mut select = connection.prepare(&sql).map_err(sqlite)?;
    let mut rows = select.query(()).map_err(sqlite)?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(sqlite)? {
        write(to, &exported(row).map_err(sqlite)?)?;
        count += 1;
    }
    Ok(count)
}

fn write(to: &mut dyn Write, item: &impl Serialize) -> Result<(), StoreError> {
    let written = serde_json::to_writer(&mut *to, item)
        .map_err(io::Error::from)
        .and_then(|()| to.write_all(b"\n"));
    let doing = "write what is kept";
    written.map_err(|source| StoreError::System { doing, source })
}

/// An account as it is exported.
#[derive(Serialize)]
struct ExportedAccount {
    kind: &'static str,
    name: String,
    since: u64,
    seen: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify: Option<String>,
    /// Why; perhaps an empty text.
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended: Option<String>,
    /// Whom it has asked to be friends.
    friends: Vec<String>,
    blocks: Vec<String>,
}

fn accounts(connection: &Connection) -> rusqlite::Result<Vec<ExportedAccount>> {
    let mut accounts = connection.prepare(
        "SELECT id, name, made_at, seen_at, profile, notify, suspended
         FROM account WHERE state <> 2 ORDER BY id",
    )?;
    let mut others = connection.prepare(
        "SELECT a.name FROM relation r JOIN account a ON a.id = r.other
         WHERE r.account = ?1 AND r.kind = ?2 ORDER BY r.at",
    )?;
    let mut rows = accounts.query(())?;
    let mut exported = Vec::new();
    while let Some(row) = rows.next()? {
        let account: i64 = row.get(0)?;
        let mut names = |relation| {
            let of = [account, relation_number(relation)];
            let names = others.query_map(of, |row| row.get(0))?;
            names.collect::<rusqlite::Result<Vec<String>>>()
        };
        exported.push(ExportedAccount {
            kind: "account",
            name: row.get(1)?,
            since: unsigned(row, 2)?,
            seen: unsigned(row, 3)?,
            profile: row.get(4)?,
            notify: row.get(5)?,
            suspended: row.get(6)?,
            friends: names(Relation::Friend)?,
            blocks: names(Relation::Block)?,
        });
    }
    Ok(exported)
}

/// A line as it is exported.
#[derive(Serialize)]
struct Exported {
    id: u64,
    time: u64,
    kind: &'static str,
    from: String,
    /// An account said it that is still there.
    account: bool,
    text: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    /// Null stands for an account that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    between: Option<[Option<String>; 2]>,
}

fn exported(row: &Row<'_>) -> rusqlite::Result<Exported> {
    let line = past_line(row)?;
    let is_pair = matches!(line.place.kind(), Place::Pair(..));
    Ok(Exported {
        id: line.id.0,
        time: line.at,
        kind: match line.kind {
            LineKind::Message => "message",
            LineKind::Action => "action",
        },
        from: line.name.to_string(),
        account: line.author.is_some(),
        text: line.text,
        room: row.get(8)?,
        between: if is_pair {
            Some([row.get(9)?, row.get(10)?])
        } else {
            None
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database;
    use crate::store::files::Files;
    use crate::store::maintenance::tests::made;
    use serde_json::json;

    fn exported(files: &Files) -> (u64, Vec<serde_json::Value>) {
        let mut bytes = Vec::new();
        let count = export(files.path(), &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let values = text.lines().map(|line| serde_json::from_str(line).unwrap());
        (count, values.collect())
    }

    #[test]
    fn export_has_each_line_that_is_not_forgotten() {
        let temp = tempfile::tempdir().unwrap();
        let files = made(temp.path());
        let (count, lines) = exported(&files);
        assert_eq!(count, 3);
        let lines = lines.get(2..).unwrap();
        assert_eq!(
            lines,
            [
                json!({"id": 1, "time": 1000, "kind": "message", "from": "alice", "account": true,
                       "text": "hi \"all\"", "room": "dev"}),
                json!({"id": 2, "time": 2000, "kind": "action", "from": "bob", "account": true,
                       "text": "waves", "between": ["alice", "bob"]}),
                json!({"id": 3, "time": 3000, "kind": "message", "from": "guest", "account": false,
                       "text": "x", "room": "dev"}),
            ]
        );
    }

    #[test]
    fn export_has_what_people_said_of_themselves_and_of_others() {
        let temp = tempfile::tempdir().unwrap();
        let files = made(temp.path());
        let connection = database::open(&files, false).unwrap();
        connection
            .execute_batch(
                "INSERT INTO account(id, state, made_at, seen_at) VALUES (3, 2, 1, 1);
                 UPDATE account SET profile = 'on call', notify = 'a@b', state = 1, suspended = 'spam'
                 WHERE id = 1;
                 INSERT INTO relation VALUES (1, 2, 1, 5), (1, 2, 2, 6);",
            )
            .unwrap();
        drop(connection);
        let (_, lines) = exported(&files);
        let expected = [
            json!({"kind": "account", "name": "alice", "since": 1, "seen": 1, "profile": "on call",
                   "notify": "a@b", "suspended": "spam", "friends": ["bob"], "blocks": ["bob"]}),
            json!({"kind": "account", "name": "bob", "since": 1, "seen": 1, "friends": [], "blocks": []}),
        ];
        assert_eq!(lines.get(..2).unwrap(), expected);
        assert_eq!(lines.len(), 5);
    }
}
