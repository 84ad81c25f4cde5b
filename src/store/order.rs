//! Changes by which order is kept: rules of rooms, bans, suspensions, codes, and what operators have done.

use rusqlite::{Connection, params};

use crate::chat::archive::{Ban, BanTarget, Change, Deed, StoredRule, UnixMs};
use crate::chat::ids::AccountId;
use crate::chat::name::RoomName;

use super::rows::{account_number, ban_number, number, place_number, rule_number};

/// Carries out such a change. One of an account that is gone, or of a room that is no longer kept, does nothing.
pub(super) fn apply(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::SetLocks { place, locks } => {
            let sql = "UPDATE place SET rules = ?2 WHERE id = ?1";
            let row = params![place_number(*place), locks];
            connection.execute(sql, row).map(drop)
        }
        Change::SetRule(rule) => set_rule(connection, rule),
        Change::DropRule {
            place,
            account,
            kind,
        } => {
            let sql = "DELETE FROM rule WHERE place = ?1 AND account = ?2 AND kind = ?3";
            let (place, account) = (place_number(*place), account_number(*account));
            let row = [place, account, rule_number(*kind)];
            connection.execute(sql, row).map(drop)
        }
        Change::Ban(ban) => add_ban(connection, ban),
        Change::Unban { number } => {
            let sql = "DELETE FROM ban WHERE id = ?1";
            connection.execute(sql, [number]).map(drop)
        }
        Change::SetSuspended { account, why } => {
            set_suspended(connection, account_number(*account), why.as_deref()).map(drop)
        }
        Change::SetCode {
            account,
            hash,
            until,
        } => set_code(connection, *account, &hash.0, *until),
        Change::Record(deed) => record(connection, deed),
        _ => Ok(()),
    }
}

fn set_rule(connection: &Connection, rule: &StoredRule) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO rule(place, account, kind, until, by)
         SELECT p.id, a.id, ?3, ?4, ?5 FROM place p, account a
         WHERE p.id = ?1 AND a.id = ?2 AND a.state <> 2";
    let row = params![
        place_number(rule.place),
        account_number(rule.account),
        rule_number(rule.kind),
        rule.until.map(number),
        rule.by.map(account_number),
    ];
    connection.execute(sql, row).map(drop)
}

fn add_ban(connection: &Connection, ban: &Ban) -> rusqlite::Result<()> {
    let (net, account) = match ban.target {
        BanTarget::Net(net) => (Some(net.to_string()), None),
        BanTarget::Account(account) => (None, Some(account_number(account))),
    };
    let sql = "INSERT INTO ban(id, net, account, kind, until, reason, by, at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let row = params![
        ban.number,
        net,
        account,
        ban_number(ban.kind),
        ban.until.map(number),
        ban.why,
        ban.by.as_str(),
        number(ban.at),
    ];
    connection.execute(sql, row).map(drop)
}

/// Suspends an account, or ends that. Returns how many it changed.
pub(super) fn set_suspended(
    connection: &Connection,
    account: i64,
    why: Option<&str>,
) -> rusqlite::Result<usize> {
    let sql = "UPDATE account SET state = ?2 IS NOT NULL, suspended = ?2
               WHERE id = ?1 AND state <> 2";
    connection.execute(sql, params![account, why])
}

fn set_code(
    connection: &Connection,
    account: AccountId,
    hash: &[u8; 32],
    until: UnixMs,
) -> rusqlite::Result<()> {
    let sql = "UPDATE account SET code = ?2, code_until = ?3 WHERE id = ?1 AND state <> 2";
    let row = params![account_number(account), hash, number(until)];
    connection.execute(sql, row).map(drop)
}

fn record(connection: &Connection, deed: &Deed) -> rusqlite::Result<()> {
    let sql = "INSERT INTO deed(at, who, what, whom, room, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let row = params![
        number(deed.at),
        deed.who.as_str(),
        deed.what,
        deed.whom,
        deed.room.as_ref().map(RoomName::as_str),
        deed.text,
    ];
    connection.execute(sql, row).map(drop)
}
