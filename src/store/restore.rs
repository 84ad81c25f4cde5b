//! What a store had kept when the server starts.

use rusqlite::{Connection, Row};

use crate::chat::archive::{Restored, RestoredAccount, RestoredRoom, StoredRule};
use crate::chat::ids::{AccountId, LineId, Place};

use super::rows::{
    BAN_COLUMNS, NOT_FORGOTTEN, ROOMS_END, account, ban, line, name, place, relation, room_name,
    rule_kind, time, unsigned,
};
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
         (SELECT count(*) FROM token t WHERE t.account = a.id), suspended, notify
         FROM account a WHERE state <> 2 ORDER BY id",
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
        "SELECT p.id, p.room, (SELECT a.id FROM account a WHERE a.id = p.owner AND a.state <> 2), p.keep_days, p.topic,
         p.rules
         FROM place p WHERE p.id < {ROOMS_END} AND p.room IS NOT NULL ORDER BY p.id"
    );
    each(connection, &sql, |row| {
        restored.rooms.push(RestoredRoom {
            place: place(row, 0)?,
            room: room_name(row, 1)?,
            owner: account(row, 2)?,
            days: row.get(3)?,
            topic: row.get::<_, Option<Box<str>>>(4)?,
            locks: row.get(5)?,
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
    restore_people(connection, &mut restored)?;
    restore_order(connection, &mut restored)?;
    Ok(restored)
}

/// What people are to each other, by the time that they said so.
fn restore_people(connection: &Connection, restored: &mut Restored) -> rusqlite::Result<()> {
    let sql = "SELECT account, other, kind FROM relation ORDER BY at, account, kind, other";
    each(connection, sql, |row| {
        let found = (account(row, 0)?, account(row, 1)?, relation(row.get(2)?));
        if let (Some(account), Some(other), Some(relation)) = found {
            restored.relations.push((account, other, relation));
        }
        Ok(())
    })
}

/// Rules and bans.
fn restore_order(connection: &Connection, restored: &mut Restored) -> rusqlite::Result<()> {
    let sql = "SELECT place, account, kind, until, by FROM rule ORDER BY place, account, kind";
    each(connection, sql, |row| {
        if let (Some(account), Some(kind)) = (account(row, 1)?, rule_kind(row.get(2)?)) {
            restored.rules.push(StoredRule {
                place: place(row, 0)?,
                account,
                kind,
                until: time(row, 3)?,
                by: super::rows::account(row, 4)?,
            });
        }
        Ok(())
    })?;
    restored.last_ban = one(
        connection,
        "SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'ban'",
    )?;
    let sql = format!("SELECT {BAN_COLUMNS} FROM ban ORDER BY id");
    each(connection, &sql, |row| {
        restored.bans.extend(ban(row)?);
        Ok(())
    })
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
        suspended: row.get(6)?,
        notify: row.get(7)?,
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
