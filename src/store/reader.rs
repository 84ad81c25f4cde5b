//! Questions, on a connection of their own that only reads: a page that comes slowly from the disk holds
//! up no commit.

use rusqlite::{Connection, OptionalExtension, Row, Statement, params};

use crate::chat::archive::{
    Answer, COUNTED_MAX, Label, MissedLines, PageRange, Question, SearchPlaces, TokenHash, UnixMs,
};
use crate::chat::ids::{AccountId, LineId, PlaceId};

use super::lookups;
use super::page::{Audience, LOOKED_AT_MAX, Page};
use super::rows::{
    LINE_COLUMNS, LINES, NOT_AUTHORS_ONLY, NOT_FORGOTTEN, account, account_number, is_authors_only,
    line_number, number, past_line, place, place_number, room_name, unsigned,
};
use super::search::Words;
use super::writer::{Asked, Marks};

/// Answers questions.
#[derive(Debug)]
pub(super) struct Reader<'c> {
    connection: &'c Connection,
    newest: Statement<'c>,
    oldest: Statement<'c>,
    own: Statement<'c>,
    one: Statement<'c>,
    past: Statement<'c>,
    pairs: Statement<'c>,
    owner: Statement<'c>,
    code_owner: Statement<'c>,
    search: Option<(Statement<'c>, Words<'c>)>,
}

impl<'c> Reader<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        memory: &'c Connection,
    ) -> rusqlite::Result<Self> {
        let lines = |rest: &str| {
            let sql = format!(
                "SELECT {LINE_COLUMNS} FROM {LINES} WHERE {rest} AND {NOT_FORGOTTEN} ORDER BY m.id"
            );
            sql
        };
        let newest = lines("m.place = ?1 AND m.id <= ?2") + " DESC";
        let own = lines("m.author = ?1 AND m.id <= ?2") + " DESC";
        let one = lines(&format!("m.id = ?1 AND m.id <= ?2 AND {NOT_AUTHORS_ONLY}"));
        let past = format!(
            "SELECT m.at, m.author, m.kind FROM message m
             WHERE m.place = ?1 AND m.id > ?2 AND m.id <= ?3 AND {NOT_FORGOTTEN} ORDER BY m.id"
        );
        // The index is asked first, and gives its lines in their order.
        let found = format!(
            "SELECT {LINE_COLUMNS} FROM message_index i CROSS JOIN {LINES}
             WHERE message_index MATCH ?1 AND i.rowid <= ?2 AND m.id = i.rowid AND {NOT_FORGOTTEN}
             ORDER BY i.rowid DESC"
        );
        let search = match Words::new(connection, memory)? {
            Some(words) => Some((connection.prepare(&found)?, words)),
            None => None,
        };
        Ok(Self {
            newest: connection.prepare(&newest)?,
            oldest: connection.prepare(&lines("m.place = ?1 AND m.id > ?2 AND m.id <= ?3"))?,
            own: connection.prepare(&own)?,
            one: connection.prepare(&one)?,
            past: connection.prepare(&past)?,
            pairs: connection.prepare(
                "SELECT id FROM place WHERE low = ?1 UNION SELECT id FROM place WHERE high = ?1",
            )?,
            owner: connection.prepare(
                "SELECT t.account, t.label FROM token t JOIN account a ON a.id = t.account
                 WHERE t.hash = ?1 AND a.state <> 2",
            )?,
            code_owner: connection
                .prepare("SELECT id, code_until FROM account WHERE code = ?1 AND state <> 2")?,
            search,
            connection,
        })
    }

    /// Answers a question.
    pub(super) fn answer(&mut self, asked: Asked) -> rusqlite::Result<Answer> {
        let Asked {
            question, marks, ..
        } = asked;
        match question {
            Question::Page {
                place,
                range,
                up_to,
                limits,
                without,
                reader,
            } => {
                let page = Page::new(limits, Audience::new(without, reader));
                self.page(place, range, up_to, page)
            }
            Question::Search {
                places,
                words,
                before,
                up_to,
                limits,
                without,
                reader,
            } => {
                let last = last_before(before, up_to);
                let mut page = Page::new(limits, Audience::new(without, reader));
                self.found(&places, &words, last, &mut page)?;
                Ok(page.newest_first())
            }
            Question::Own {
                account,
                before,
                up_to,
                limits,
            } => {
                let last = last_before(before, up_to);
                let mut page = Page::new(limits, Audience::new(Vec::new(), Some(account)));
                page.fill(self.own.query([account_number(account), last])?)?;
                Ok(page.newest_first())
            }
            Question::Arrival {
                account,
                places,
                up_to,
                without,
            } => {
                let audience = Audience::new(without, Some(account));
                self.arrival(account, &places, up_to, &audience, &marks)
            }
            Question::Unread {
                account,
                rooms,
                up_to,
                without,
            } => {
                let audience = Audience::new(without, Some(account));
                self.unread(account, &rooms, up_to, &audience, &marks)
            }
            Question::Tokens { account } => {
                lookups::tokens(self.connection, account).map(Answer::Tokens)
            }
            Question::Profile { account } => {
                lookups::profile(self.connection, account).map(Answer::Profile)
            }
            Question::Deeds { skip, count } => Ok(Answer::Deeds {
                deeds: lookups::deeds(self.connection, skip, count)?,
                total: lookups::deed_count(self.connection)?,
            }),
            Question::BackUp { .. } => Ok(Self::answer_without_database(&question)),
        }
    }

    /// The answer while there is no database.
    pub(super) fn answer_without_database(question: &Question) -> Answer {
        match question {
            Question::Page { .. } | Question::Search { .. } | Question::Own { .. } => Page::empty(),
            Question::Arrival { .. } => Answer::Arrival {
                missed: Vec::new(),
                waiting: Vec::new(),
            },
            Question::Unread { .. } => Answer::Unread(Vec::new()),
            Question::Tokens { .. } => Answer::Tokens(Vec::new()),
            Question::Profile { .. } => Answer::Profile(None),
            Question::Deeds { .. } => Answer::Deeds {
                deeds: Vec::new(),
                total: 0,
            },
            // There is nothing to copy; if there is, it is not the reader who does.
            Question::BackUp { .. } => Answer::BackedUp(None),
        }
    }

    /// Whose token this is.
    pub(super) fn owner(
        &mut self,
        token: &TokenHash,
    ) -> rusqlite::Result<Option<(AccountId, Label)>> {
        let found = self.owner.query_row(params![token.0], |row| {
            Ok((account(row, 0)?, room_name(row, 1)?))
        });
        Ok(found
            .optional()?
            .and_then(|(account, label)| Some((account?, label))))
    }

    /// Whose code this is, and until when it counts.
    pub(super) fn code_owner(
        &mut self,
        code: &TokenHash,
    ) -> rusqlite::Result<Option<(AccountId, UnixMs)>> {
        let found = self.code_owner.query_row(params![code.0], |row| {
            Ok((account(row, 0)?, unsigned(row, 1)?))
        });
        Ok(found
            .optional()?
            .and_then(|(account, until)| Some((account?, until))))
    }

    fn page(
        &mut self,
        place: PlaceId,
        range: PageRange,
        up_to: LineId,
        mut page: Page,
    ) -> rusqlite::Result<Answer> {
        let (place, last) = (place_number(place), line_number(up_to));
        let past = match range {
            PageRange::Newest | PageRange::Before(_) => {
                let before = match range {
                    PageRange::Before(line) => Some(line),
                    _ => None,
                };
                page.fill(self.newest.query([place, last_before(before, up_to)])?)?;
                return Ok(page.newest_first());
            }
            PageRange::Since(line) => line_number(line),
            PageRange::SinceTime(time) => first_at(self.connection, time)? - 1,
        };
        page.fill(self.oldest.query([place, past, last])?)?;
        Ok(page.oldest_first())
    }

    fn found(
        &mut self,
        places: &SearchPlaces,
        text: &str,
        last: i64,
        page: &mut Page,
    ) -> rusqlite::Result<()> {
        let mut numbers = Vec::new();
        match places {
            SearchPlaces::One(place) => numbers.push(place_number(*place)),
            SearchPlaces::All { rooms, account } => {
                numbers.extend(rooms.iter().copied().map(place_number));
                numbers.extend(self.pairs(*account)?.into_iter().map(place_number));
            }
        }
        let Some((select, words)) = &mut self.search else {
            return Ok(());
        };
        if let Some(expression) = words.expression(text, numbers.into_iter())? {
            page.fill(select.query(params![expression, last])?)?;
        }
        Ok(())
    }

    /// The conversations of an account.
    fn pairs(&mut self, account: AccountId) -> rusqlite::Result<Vec<PlaceId>> {
        let rows = self
            .pairs
            .query_map([account_number(account)], |row| place(row, 0))?;
        rows.collect()
    }

    fn arrival(
        &mut self,
        account: AccountId,
        places: &[PlaceId],
        up_to: LineId,
        audience: &Audience,
        marks: &Marks,
    ) -> rusqlite::Result<Answer> {
        let mut missed = Vec::new();
        for place in places {
            let Some((.., shown)) = marks.seen.iter().find(|(seen, ..)| seen == place) else {
                continue;
            };
            let (count, since) = self.count(account, *place, *shown, up_to, audience)?;
            if count > 0 {
                let place = *place;
                missed.push(MissedLines {
                    place,
                    count,
                    since,
                });
            }
        }
        // They were let in when they were said.
        let mut waiting = Vec::new();
        for line in &marks.waiting {
            let bounds = [line_number(*line), line_number(up_to)];
            waiting.extend(self.one.query_row(bounds, past_line).optional()?);
        }
        Ok(Answer::Arrival { missed, waiting })
    }

    fn unread(
        &mut self,
        account: AccountId,
        rooms: &[PlaceId],
        up_to: LineId,
        audience: &Audience,
        marks: &Marks,
    ) -> rusqlite::Result<Answer> {
        let read = |place| marks.seen.iter().find(|(seen, ..)| *seen == place);
        let rooms = rooms.iter().filter_map(|room| read(*room));
        let mut places: Vec<(PlaceId, LineId)> =
            rooms.map(|(room, up_to, _)| (*room, *up_to)).collect();
        // A conversation that has no mark yet was not read at all.
        let pairs = self.pairs(account)?.into_iter();
        places
            .extend(pairs.map(|pair| (pair, read(pair).map_or(LineId(0), |(_, up_to, _)| *up_to))));
        let mut counts = Vec::new();
        for (place, past) in places {
            let (count, _) = self.count(account, place, past, up_to, audience)?;
            if count > 0 {
                counts.push((place, count));
            }
        }
        Ok(Answer::Unread(counts))
    }

    /// How many lines of others a place has past one, up to [`COUNTED_MAX`], and when the first was said.
    fn count(
        &mut self,
        account: AccountId,
        place: PlaceId,
        past: LineId,
        up_to: LineId,
        audience: &Audience,
    ) -> rusqlite::Result<(u64, UnixMs)> {
        let range = [place_number(place), line_number(past), line_number(up_to)];
        let mut rows = self.past.query(range)?;
        let (mut count, mut since, mut looked_at) = (0, 0, 0);
        while let Some(row) = rows.next()?
            && count < COUNTED_MAX
            && looked_at < LOOKED_AT_MAX
        {
            looked_at += 1;
            let author = super::rows::account(row, 1)?;
            if author != Some(account) && audience.is_shown(author, is_authors_only(row, 2)?) {
                if count == 0 {
                    since = unsigned(row, 0)?;
                }
                count += 1;
            }
        }
        Ok((count, since))
    }
}

/// The last line that a page before another may have.
fn last_before(before: Option<LineId>, up_to: LineId) -> i64 {
    let last = line_number(up_to);
    before.map_or(last, |before| last.min(line_number(before) - 1))
}

/// The first line that was said at this time or later, of all places: times never fall as numbers rise, so
/// that no index by time is needed.
pub(super) fn first_at(connection: &Connection, time: UnixMs) -> rusqlite::Result<i64> {
    let sql = "SELECT ifnull(min(id), 1), ifnull(max(id), 0) + 1 FROM message";
    let ends = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (mut low, mut high): (i64, i64) = connection.query_row(sql, (), ends)?;
    let mut select =
        connection.prepare("SELECT id, at FROM message WHERE id >= ?1 ORDER BY id LIMIT 1")?;
    // The line sought is at `low` or later, and not past `high`.
    while low < high {
        let middle = low + (high - low) / 2;
        let found = select.query_row([middle], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        });
        match found.optional()? {
            Some((id, at)) if at < number(time) => low = id + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}
