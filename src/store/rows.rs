//! Rows of the database as values of the core, and back.

use rusqlite::Row;

use crate::chat::archive::{LineKind, PastLine};
use crate::chat::ids::{AccountId, LineId, PlaceId};
use crate::chat::name::{Name, RoomName};

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
    Name::parse(text).map_err(|_| unreadable(column))
}

/// A room's name, or a label, in a column.
pub(super) fn room_name(row: &Row<'_>, column: usize) -> rusqlite::Result<RoomName> {
    let text = row.get_ref(column)?.as_str()?;
    RoomName::parse(text).map_err(|_| unreadable(column))
}

fn unreadable(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(
        column,
        rusqlite::types::Type::Text,
        "this is no name".into(),
    )
}

/// How a line was said, for `SQLite`.
pub(super) fn kind_number(kind: LineKind) -> i64 {
    match kind {
        LineKind::Message => 0,
        LineKind::Action => 1,
    }
}

/// A row of [`LINE_COLUMNS`].
pub(super) fn past_line(row: &Row<'_>) -> rusqlite::Result<PastLine> {
    Ok(PastLine {
        id: line(row, 0)?,
        place: place(row, 1)?,
        at: unsigned(row, 2)?,
        author: account(row, 3)?,
        name: name(row, 4)?,
        kind: match row.get::<_, i64>(5)? {
            0 => LineKind::Message,
            _ => LineKind::Action,
        },
        text: row.get_ref(6)?.as_str()?.into(),
    })
}
