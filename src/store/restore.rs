//! What a store had kept when the server starts.

use rusqlite::{Connection, Row};

use crate::chat::archive::{Restored, RestoredAccount, RestoredRoom};
use crate::chat::ids::{AccountId, LineId, Place};

use super::rows::{NOT_FORGOTTEN, ROOMS_END, account, line, name, place, room_name, unsigned};
use super::writer::last_at;

/// Reads it all.
pub(super) fn restore(connection: &Connection) -> rusqlite::Result<Restored> {
    let mut restored = Restored {
        last_account: one(connection, "SELECT ifnull(max(id), 0) FROM account")?,
        last_room: last_room(connection)?,
        reserved_up_to: reserved_up_to(connection)?,
        last_at: last_at(connection)?,
        ..Restored::default()
    };
    each(
        connection,
        "SELECT id, name, made_at, seen_at, settings,
         (SELECT count(*) FROM token t WHERE t.account = a.id) FROM account a WHERE state = 0 ORDER BY id",
        |row| {
            restored.accounts.extend(restored_account(row)?);
            Ok(())
        },
    )?;
    each(connection, "SELECT name, until FROM held_name", |row| {
        restored.held_names.push((name(row, 0)?, unsigned(row, 1)?));
        Ok(())
    })?;
    let sql = format!(
        "SELECT p.id, p.room, (SELECT a.id FROM account a WHERE a.id = p.owner AND a.state <> 2), p.keep_days, p.topic
         FROM place p WHERE p.id < {ROOMS_END} AND p.room IS NOT NULL ORDER BY p.id"
    );
    each(connection, &sql, |row| {
        restored.rooms.push(RestoredRoom {
            place: place(row, 0)?,
            room: room_name(row, 1)?,
            owner: account(row, 2)?,
            days: row.get(3)?,
            topic: row.get::<_, Option<Box<str>>>(4)?,
            locks: 0,
        });
        Ok(())
    })?;
    let sql = format!(
        "SELECT w.account, a.id, count(*) FROM waiting w JOIN message m ON m.id = w.message
         LEFT JOIN account a ON a.id = m.author AND a.state <> 2 WHERE {NOT_FORGOTTEN} GROUP BY 1, 2"
    );
    each(connection, &sql, |row| {
        let waits_for = account(row, 0)?;
        let sender = account(row, 1)?;
        let count: u32 = row.get(2)?;
        restored
            .waiting
            .extend(waits_for.map(|account| (account, sender, count)));
        Ok(())
    })?;
    Ok(restored)
}

fn restored_account(row: &Row<'_>) -> rusqlite::Result<Option<RestoredAccount>> {
    let Some(account) = AccountId::new(row.get(0)?) else {
        return Ok(None);
    };
    Ok(Some(RestoredAccount {
        account,
        name: name(row, 1)?,
        made_at: unsigned(row, 2)?,
        seen_at: unsigned(row, 3)?,
        settings: row.get(4)?,
        tokens: row.get(5)?,
        suspended: None,
        notify: None,
    }))
}

/// No line past it was ever numbered.
fn reserved_up_to(connection: &Connection) -> rusqlite::Result<LineId> {
    let sql = "SELECT max(
        ifnull((SELECT value FROM meta WHERE key = 'ids_reserved_to'), 0),
        ifnull((SELECT max(id) FROM message), 0))";
    connection.query_row(sql, (), |row| line(row, 0))
}

fn last_room(connection: &Connection) -> rusqlite::Result<u32> {
    let sql = format!(
        "SELECT max(ifnull((SELECT value FROM meta WHERE key = 'last_room'), 0),
         ifnull((SELECT max(id) FROM place WHERE id < {ROOMS_END}), 0))"
    );
    let place = connection.query_row(&sql, (), |row| place(row, 0))?;
    Ok(match place.kind() {
        Place::Room(room) => room,
        Place::Pair(..) => 0,
    })
}

fn one(connection: &Connection, sql: &str) -> rusqlite::Result<u32> {
    connection.query_row(sql, (), |row| row.get(0))
}

fn each(
    connection: &Connection,
    sql: &str,
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}
