//! Changes of accounts, tokens and kept rooms: few, and each prepared when it comes.

use rusqlite::{Connection, params};

use crate::chat::archive::Change;
use crate::chat::ids::{Place, PlaceId};

use super::rows::{ROOMS_END, account_number, line_number, number, place_number};
use super::{eraser, order, people};

/// Carries out a change that is not of a line or a mark.
pub(super) fn apply(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::ReserveLines { up_to } => raise(connection, "ids_reserved_to", line_number(*up_to)),
        Change::MakeAccount { .. }
        | Change::SpellName { .. }
        | Change::SetPassword { .. }
        | Change::DropAccount { .. } => apply_to_account(connection, change),
        Change::AddToken {
            account,
            label,
            hash,
            at,
        } => {
            let sql = "INSERT INTO token(hash, account, label, made_at) SELECT ?1, id, ?3, ?4
                       FROM account WHERE id = ?2 AND state <> 2";
            let account = account_number(*account);
            let row = params![hash.0, account, label.as_str(), number(*at)];
            connection.execute(sql, row).map(drop)
        }
        Change::DropToken { account, label } => {
            let sql = "DELETE FROM token WHERE account = ?1 AND label = ?2 COLLATE NOCASE";
            let row = params![account_number(*account), label.as_str()];
            connection.execute(sql, row).map(drop)
        }
        Change::KeepRoom { .. } => keep_room(connection, change),
        Change::UnkeepRoom { place } => unkeep_room(connection, *place),
        Change::SetTopic { place, topic } => {
            let sql = "UPDATE place SET topic = ?2 WHERE id = ?1";
            let row = params![place_number(*place), topic];
            connection.execute(sql, row).map(drop)
        }
        Change::SetSettings { .. }
        | Change::SetProfile { .. }
        | Change::SetNotify { .. }
        | Change::Relate { .. }
        | Change::Unrelate { .. } => people::apply(connection, change),
        Change::SetLocks { .. }
        | Change::SetRule(_)
        | Change::DropRule { .. }
        | Change::Ban(_)
        | Change::Unban { .. }
        | Change::SetSuspended { .. }
        | Change::SetCode { .. }
        | Change::Record(_) => order::apply(connection, change),
        // The writer's own.
        Change::UseAccount { .. }
        | Change::UseToken { .. }
        | Change::Mark { .. }
        | Change::Delivered { .. }
        | Change::Forget { .. }
        | Change::Remove { .. } => Ok(()),
    }
}

fn apply_to_account(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::MakeAccount {
            account,
            name,
            skeleton,
            password,
            at,
        } => {
            connection.execute("DELETE FROM held_name WHERE name = ?1", [name.as_str()])?;
            let (account, name) = (account_number(*account), name.as_str());
            connection.execute(
                "INSERT INTO account(id, name, skeleton, password, made_at, seen_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
                params![account, name, skeleton, password.0, number(*at)],
            )?;
        }
        Change::SpellName { account, name } => {
            // One that is gone has no name again: it would stand in the way of the next of that name.
            let sql = "UPDATE account SET name = ?2 WHERE id = ?1 AND state <> 2";
            connection.execute(sql, params![account_number(*account), name.as_str()])?;
        }
        Change::SetPassword {
            account,
            password,
            ends_tokens,
        } => {
            let account = account_number(*account);
            let sql =
                "UPDATE account SET password = ?2, must_change = 0, code = NULL, code_until = NULL
                       WHERE id = ?1 AND state <> 2";
            connection.execute(sql, params![account, password.0])?;
            if *ends_tokens {
                connection.execute("DELETE FROM token WHERE account = ?1", [account])?;
            }
        }
        Change::DropAccount {
            account,
            name,
            held_until,
        } => {
            drop_account(connection, account_number(*account))?;
            let sql = "INSERT OR REPLACE INTO held_name VALUES (?1, ?2)";
            connection.execute(sql, params![name.as_str(), number(*held_until)])?;
        }
        _ => {}
    }
    Ok(())
}

fn keep_room(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    let Change::KeepRoom {
        place,
        room,
        owner,
        days,
        topic,
    } = change
    else {
        return Ok(());
    };
    let owner = owner.map(account_number);
    connection.execute(
        "INSERT INTO place(id, room, owner, keep_days, topic) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT(id) DO UPDATE SET room = excluded.room, owner = excluded.owner,
         keep_days = excluded.keep_days, topic = excluded.topic",
        params![place_number(*place), room.as_str(), owner, days, topic],
    )?;
    match place.kind() {
        Place::Room(room) => raise(connection, "last_room", i64::from(room)),
        Place::Pair(..) => Ok(()),
    }
}

/// Sets a number that never falls.
fn raise(connection: &Connection, key: &str, value: i64) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO meta VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
        params![key, value],
    )?;
    Ok(())
}

/// The row stays, without a name or a secret: lines refer to it.
fn drop_account(connection: &Connection, account: i64) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM token WHERE account = ?1",
        "DELETE FROM relation WHERE account = ?1 OR other = ?1",
        "DELETE FROM seen WHERE account = ?1",
        "DELETE FROM waiting WHERE account = ?1",
        "DELETE FROM rule WHERE account = ?1",
        "UPDATE account SET name = NULL, skeleton = NULL, password = NULL, profile = NULL, notify = NULL,
         suspended = NULL, code = NULL, code_until = NULL, state = 2 WHERE id = ?1",
    ] {
        connection.execute(sql, [account])?;
    }
    connection.execute(
        "UPDATE place SET owner = NULL WHERE id < ?2 AND owner = ?1",
        [account, ROOMS_END],
    )?;
    Ok(())
}

fn unkeep_room(connection: &Connection, place: PlaceId) -> rusqlite::Result<()> {
    eraser::forget_place(connection, place)?;
    for sql in [
        "DELETE FROM rule WHERE place = ?1",
        "DELETE FROM seen WHERE place = ?1",
        "DELETE FROM place WHERE id = ?1",
    ] {
        connection.execute(sql, [place_number(place)])?;
    }
    Ok(())
}
