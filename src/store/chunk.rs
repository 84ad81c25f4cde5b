//! Lines packed one behind another, on their way from the loop to the writer: a line costs a copy, and no
//! allocation.

use crate::chat::archive::{KeptLine, LineKind, Ticket};
use crate::chat::ids::{AccountId, LineId, PlaceId};
use crate::chat::name::Name;

/// The bytes of a chunk. A longer line has one of its own.
pub(super) const CHUNK_BYTES: usize = 64 << 10;

/// Lines in a chunk, so that a transaction takes few more than it should.
const CHUNK_LINES_MAX: usize = 500;

/// Ticket, line, place, time, author, who it waits for, length of the text, how it was said, length of the name.
const HEAD_BYTES: usize = 8 + 8 + 8 + 8 + 4 + 4 + 4 + 1 + 1;

/// In how it was said: an action; for its author only.
const ACTION: u8 = 1;
const AUTHORS_ONLY: u8 = 2;

/// Some lines, packed.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    lines: usize,
    first: Ticket,
    last: Ticket,
}

impl Chunk {
    /// An empty chunk with its memory.
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(CHUNK_BYTES),
            ..Self::default()
        }
    }

    /// The bytes that a line takes.
    pub(super) fn packed_bytes(line: &KeptLine<'_>) -> usize {
        HEAD_BYTES + line.name.as_bytes().len() + line.text.len()
    }

    /// Whether a line of so many bytes fits in. Any does into an empty one.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.lines == 0 || (self.lines < CHUNK_LINES_MAX && self.bytes.len() + bytes <= CHUNK_BYTES)
    }

    /// Appends a line.
    pub(super) fn push(&mut self, ticket: Ticket, line: &KeptLine<'_>) {
        let account = |account: Option<AccountId>| account.map_or(0, AccountId::get);
        let mut head = [0; HEAD_BYTES];
        let mut rest = head.as_mut_slice();
        let mut put = |bytes: &[u8]| {
            let (field, behind) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            field.copy_from_slice(bytes);
            rest = behind;
        };
        put(&ticket.0.to_le_bytes());
        put(&line.id.0.to_le_bytes());
        put(&line.place.get().to_le_bytes());
        put(&line.at.to_le_bytes());
        put(&account(line.author).to_le_bytes());
        put(&account(line.waits_for).to_le_bytes());
        // The limit of a line is far below what either length can hold.
        put(&u32::try_from(line.text.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes());
        let action = u8::from(line.kind == LineKind::Action) * ACTION;
        let authors_only = u8::from(line.is_authors_only) * AUTHORS_ONLY;
        put(&[action | authors_only]);
        put(&[u8::try_from(line.name.as_bytes().len()).unwrap_or(u8::MAX)]);
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(line.name.as_bytes());
        self.bytes.extend_from_slice(line.text.as_bytes());
        if self.lines == 0 {
            self.first = ticket;
        }
        self.last = ticket;
        self.lines += 1;
    }

    /// The tickets of its first and its last line.
    pub(super) fn tickets(&self) -> (Ticket, Ticket) {
        (self.first, self.last)
    }

    /// How many lines it has.
    pub(super) fn len(&self) -> usize {
        self.lines
    }

    /// How many bytes wait in it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Empties it. One that had grown for a long line shrinks again.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(CHUNK_BYTES);
        self.lines = 0;
    }

    /// The lines, in the order in which they came.
    pub(super) fn lines(&self) -> Lines<'_> {
        Lines(&self.bytes)
    }
}

/// The lines of a [`Chunk`].
#[derive(Debug)]
pub(super) struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (Ticket, KeptLine<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let ticket = Ticket(self.u64()?);
        let id = LineId(self.u64()?);
        let place = PlaceId::from_number(self.u64()?);
        let at = self.u64()?;
        let author = AccountId::new(self.u32()?);
        let waits_for = AccountId::new(self.u32()?);
        let text_bytes = usize::try_from(self.u32()?).ok()?;
        let how = *self.bytes(1)?.first()?;
        let kind = if how & ACTION == 0 {
            LineKind::Message
        } else {
            LineKind::Action
        };
        let name_bytes = usize::from(*self.bytes(1)?.first()?);
        let name = Name::parse(std::str::from_utf8(self.bytes(name_bytes)?).ok()?).ok()?;
        let text = std::str::from_utf8(self.bytes(text_bytes)?).ok()?;
        let line = KeptLine {
            id,
            place,
            at,
            author,
            name,
            kind,
            text,
            waits_for,
            is_authors_only: how & AUTHORS_ONLY != 0,
        };
        Some((ticket, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> KeptLine<'_> {
        KeptLine {
            id: LineId(7),
            place: PlaceId::room(3),
            at: 1_000_000_000_000,
            author: AccountId::new(2),
            name: Name::parse("alice").unwrap(),
            kind: LineKind::Action,
            text,
            waits_for: None,
            is_authors_only: false,
        }
    }

    #[test]
    fn lines_come_out_as_they_went_in() {
        let long = "ü".repeat(CHUNK_BYTES);
        let mut chunk = Chunk::new();
        let guest = KeptLine {
            author: None,
            kind: LineKind::Message,
            waits_for: AccountId::new(9),
            is_authors_only: true,
            ..line("")
        };
        chunk.push(Ticket(4), &line(&long));
        chunk.push(Ticket(6), &guest);
        let lines: Vec<_> = chunk.lines().collect();
        assert_eq!(
            format!("{lines:?}"),
            format!("{:?}", [(Ticket(4), line(&long)), (Ticket(6), guest)])
        );
        assert_eq!(chunk.tickets(), (Ticket(4), Ticket(6)));
        assert_eq!(
            chunk.bytes(),
            Chunk::packed_bytes(&line(&long)) + Chunk::packed_bytes(&guest)
        );
    }

    #[test]
    fn chunk_takes_lines_up_to_its_size_and_one_of_any_size() {
        let mut chunk = Chunk::new();
        assert!(chunk.has_room(CHUNK_BYTES * 2));
        chunk.push(Ticket(0), &line("x"));
        assert!(!chunk.has_room(CHUNK_BYTES));
        for _ in 1..CHUNK_LINES_MAX {
            assert!(chunk.has_room(1));
            chunk.push(Ticket(0), &line("x"));
        }
        assert!(!chunk.has_room(1), "too many lines");
        chunk.clear();
        assert!(chunk.has_room(CHUNK_BYTES * 2) && chunk.lines().next().is_none());
    }
}
