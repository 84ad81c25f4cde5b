//! Changes of what people say of themselves, and of what they are to each other.

use rusqlite::{Connection, params};

use crate::chat::archive::{Change, Relation, UnixMs};
use crate::chat::ids::AccountId;

use super::rows::{account_number, number, relation_number};

/// Carries out such a change. One of an account that is gone does nothing: it was asked by another connection
/// before the end of the account was known.
pub(super) fn apply(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::SetSettings { account, settings } => {
            let sql = "UPDATE account SET settings = ?2 WHERE id = ?1 AND state <> 2";
            let row = params![account_number(*account), settings];
            connection.execute(sql, row).map(drop)
        }
        Change::SetProfile { account, text } => {
            let sql = "UPDATE account SET profile = ?2 WHERE id = ?1 AND state <> 2";
            let row = params![account_number(*account), text];
            connection.execute(sql, row).map(drop)
        }
        Change::SetNotify { account, text } => {
            let sql = "UPDATE account SET notify = ?2 WHERE id = ?1 AND state <> 2";
            let row = params![account_number(*account), text];
            connection.execute(sql, row).map(drop)
        }
        Change::Relate {
            account,
            other,
            relation,
            at,
        } => relate(connection, *account, *other, *relation, *at),
        Change::Unrelate {
            account,
            other,
            relation,
        } => {
            let sql = "DELETE FROM relation WHERE account = ?1 AND kind = ?2 AND other = ?3";
            let (account, other) = (account_number(*account), account_number(*other));
            let row = [account, relation_number(*relation), other];
            connection.execute(sql, row).map(drop)
        }
        _ => Ok(()),
    }
}

/// The time is past that of all that the account said before, so that its lists keep their order.
fn relate(
    connection: &Connection,
    account: AccountId,
    other: AccountId,
    relation: Relation,
    at: UnixMs,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO relation(account, kind, other, at)
         SELECT a.id, ?2, o.id,
         max(?4, ifnull((SELECT max(r.at) + 1 FROM relation r WHERE r.account = a.id), 0))
         FROM account a, account o
         WHERE a.id = ?1 AND o.id = ?3 AND a.state <> 2 AND o.state <> 2
         ON CONFLICT DO NOTHING";
    let (account, other) = (account_number(account), account_number(other));
    let row = [account, relation_number(relation), other, number(at)];
    connection.execute(sql, row).map(drop)
}
