//! Rows of the database as values of the core, and back.

use rusqlite::Row;

use crate::chat::archive::{
    Ban, BanKind, BanTarget, LineKind, PastLine, Relation, RuleKind, UnixMs,
};
use crate::chat::ids::{AccountId, LineId, PlaceId};
use crate::chat::name::{Name, RoomName};

/// The columns that [`ban`] reads.
pub(super) const BAN_COLUMNS: &str = "id, net, account, kind, until, reason, by, at";

/// A day, in milliseconds.
pub(super) const DAY_MS: u64 = 24 * 3600 * 1000;

/// Places with lower numbers are rooms.
pub(super) const ROOMS_END: i64 = 1 << 32;

/// The columns that [`past_line`] reads, of [`LINES`]; the last is the author even if it is gone.
pub(super) const LINE_COLUMNS: &str = "m.id, m.place, m.at, a.id, m.name, m.kind, m.text, m.author";

/// Lines with their authors.
pub(super) const LINES: &str = "message m LEFT JOIN account a ON a.id = m.author AND a.state <> 2";

/// Leaves out what is still to be erased.
pub(super) const NOT_FORGOTTEN: &str = "NOT EXISTS (SELECT 1 FROM forgetting f
    WHERE m.id > f.past AND m.id <= f.up_to
    AND (f.account IS NULL OR f.account = m.author) AND (f.place IS NULL OR f.place = m.place))";

/// In a line's kind: it is an action. It is for its author only, as the other of a conversation blocks them. That
/// is no column of its own: rows that were written before it would grow by it when they are erased, and move.
const ACTION: i64 = 1;
const AUTHORS_ONLY: i64 = 2;

/// Leaves out what is for its author only.
pub(super) const NOT_AUTHORS_ONLY: &str = "m.kind < 2";

/// A number as `SQLite` has them. None of ours uses the highest bit.
pub(super) fn number(number: u64) -> i64 {
    number.cast_signed()
}

/// A number that `SQLite` gave; none is ever written below zero.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// An account's number, for `SQLite`.
pub(super) fn account_number(account: AccountId) -> i64 {
    i64::from(account.get())
}

/// A line's number, for `SQLite`.
pub(super) fn line_number(line: LineId) -> i64 {
    number(line.0.min(LineId::MAX.0))
}

/// A place's number, for `SQLite`.
pub(super) fn place_number(place: PlaceId) -> i64 {
    number(place.get())
}

/// An account in a column that may be NULL.
pub(super) fn account(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<AccountId>> {
    Ok(row.get::<_, Option<u32>>(column)?.and_then(AccountId::new))
}

/// A line in a column.
pub(super) fn line(row: &Row<'_>, column: usize) -> rusqlite::Result<LineId> {
    Ok(LineId(unsigned(row, column)?))
}

/// A place in a column.
pub(super) fn place(row: &Row<'_>, column: usize) -> rusqlite::Result<PlaceId> {
    Ok(PlaceId::from_number(unsigned(row, column)?))
}

/// A name in a column.
pub(super) fn name(row: &Row<'_>, column: usize) -> rusqlite::Result<Name> {
    let text = row.get_ref(column)?.as_str()?;
    Name::parse(text).map_err(|_| unreadable(column, "this is no name"))
}

/// A room's name, or a label, in a column.
pub(super) fn room_name(row: &Row<'_>, column: usize) -> rusqlite::Result<RoomName> {
    let text = row.get_ref(column)?.as_str()?;
    RoomName::parse(text).map_err(|_| unreadable(column, "this is no name"))
}

/// A time in a column that may be NULL.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<UnixMs>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(i64::cast_unsigned))
}

fn unreadable(column: usize, why: &'static str) -> rusqlite::Error {
    let of_type = rusqlite::types::Type::Text;
    rusqlite::Error::FromSqlConversionFailure(column, of_type, why.into())
}

/// How a line was said, and whether it is for its author only, for `SQLite`.
pub(super) fn kind_number(kind: LineKind, is_authors_only: bool) -> i64 {
    let kind = match kind {
        LineKind::Message => 0,
        LineKind::Action => ACTION,
    };
    kind | if is_authors_only { AUTHORS_ONLY } else { 0 }
}

/// Whether the kind in a column is that of a line for its author only.
pub(super) fn is_authors_only(row: &Row<'_>, column: usize) -> rusqlite::Result<bool> {
    Ok(row.get::<_, i64>(column)? & AUTHORS_ONLY != 0)
}

/// What one account is to another, for `SQLite`.
pub(super) fn relation_number(relation: Relation) -> i64 {
    match relation {
        Relation::Friend => 1,
        Relation::Block => 2,
    }
}

/// The relation with this number, if there is one.
pub(super) fn relation(number: i64) -> Option<Relation> {
    let all = [Relation::Friend, Relation::Block];
    all.into_iter().find(|one| relation_number(*one) == number)
}

/// What a rule says, for `SQLite`.
pub(super) fn rule_number(kind: RuleKind) -> i64 {
    match kind {
        RuleKind::Operator => 1,
        RuleKind::Muted => 2,
        RuleKind::Barred => 3,
    }
}

/// The kind of rule with this number, if there is one.
pub(super) fn rule_kind(number: i64) -> Option<RuleKind> {
    let all = [RuleKind::Operator, RuleKind::Muted, RuleKind::Barred];
    all.into_iter().find(|one| rule_number(*one) == number)
}

/// What a ban does, for `SQLite`.
pub(super) fn ban_number(kind: BanKind) -> i64 {
    match kind {
        BanKind::Out => 0,
        BanKind::LoginRequired => 1,
        BanKind::Muted => 2,
    }
}

fn ban_kind(number: i64) -> Option<BanKind> {
    let mut all = BanKind::ALL.into_iter();
    all.find(|one| ban_number(*one) == number)
}

/// A row of [`BAN_COLUMNS`]; `None` for a ban of a kind that is not known.
pub(super) fn ban(row: &Row<'_>) -> rusqlite::Result<Option<Ban>> {
    let target = match (row.get_ref(1)?.as_str_or_null()?, account(row, 2)?) {
        (Some(net), _) => BanTarget::Net(
            net.parse()
                .map_err(|_| unreadable(1, "this is no network"))?,
        ),
        (None, Some(account)) => BanTarget::Account(account),
        (None, None) => return Ok(None),
    };
    let Some(kind) = ban_kind(row.get(3)?) else {
        return Ok(None);
    };
    Ok(Some(Ban {
        number: row.get(0)?,
        target,
        kind,
        until: time(row, 4)?,
        why: row.get(5)?,
        by: name(row, 6)?,
        at: unsigned(row, 7)?,
    }))
}

/// A row of [`LINE_COLUMNS`].
pub(super) fn past_line(row: &Row<'_>) -> rusqlite::Result<PastLine> {
    Ok(PastLine {
        id: line(row, 0)?,
        place: place(row, 1)?,
        at: unsigned(row, 2)?,
        author: account(row, 3)?,
        name: name(row, 4)?,
        kind: match row.get::<_, i64>(5)? & ACTION {
            0 => LineKind::Message,
            _ => LineKind::Action,
        },
        text: row.get_ref(6)?.as_str()?.into(),
    })
}
