//! The index of words, where the operator wants one.
//!
//! It has no words, but hashes of them under a key of its own: what an index deletes can stand in the file for
//! long, between the rows of a page that had others before, and nothing that was forgotten may. A line's place is
//! a word of its own column, so that nothing of other rooms is looked at. People's words are taken apart as
//! those of lines are, and only their hashes reach the index: none is taken for its own language.

use blake2::{Blake2s256, Digest};
use rusqlite::{Connection, OptionalExtension, Statement, params};

/// How text becomes words: letters and digits, without case and without marks on letters.
const TYPED: &str = "
    CREATE VIRTUAL TABLE typed USING fts5(text, content = '', tokenize = 'unicode61 remove_diacritics 2');
    CREATE VIRTUAL TABLE word USING fts5vocab(typed, 'row');";

const CREATE: &str = "
    CREATE VIRTUAL TABLE message_index USING fts5(place, text,
        content = '', detail = column, tokenize = 'ascii');
    INSERT INTO message_index(message_index, rank) VALUES ('secure-delete', 1);
    INSERT INTO meta VALUES ('search_key', randomblob(16));";

const DROP: &str = "BEGIN IMMEDIATE; DROP TABLE message_index;
    DELETE FROM meta WHERE key = 'search_key'; COMMIT;";

/// Makes and fills the index if it is wanted and not there, and drops it if it is there and not wanted.
pub(super) fn switch(connection: &Connection, is_wanted: bool) -> rusqlite::Result<()> {
    match (is_there(connection)?, is_wanted) {
        (false, true) => {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            connection.execute_batch(CREATE)?;
            fill(connection)?;
            connection.execute_batch("COMMIT")
        }
        (true, false) => connection.execute_batch(DROP),
        _ => Ok(()),
    }
}

fn fill(connection: &Connection) -> rusqlite::Result<()> {
    let memory = memory()?;
    let Some(mut index) = Index::new(connection, &memory)? else {
        return Ok(());
    };
    let sql = "SELECT id, place, text FROM message WHERE place <> 0 ORDER BY id";
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        index.insert(row.get(0)?, row.get(1)?, row.get_ref(2)?.as_str()?)?;
    }
    Ok(())
}

/// Whether the database has the index.
pub(super) fn is_there(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'message_index')";
    connection.query_row(sql, (), |row| row.get(0))
}

/// A database in memory, for [`Words`] to take text apart with.
pub(super) fn memory() -> rusqlite::Result<Connection> {
    let memory = Connection::open_in_memory()?;
    memory.execute_batch(TYPED)?;
    Ok(memory)
}

/// The hashes of the words in a text.
#[derive(Debug)]
pub(super) struct Words<'m> {
    take: Statement<'m>,
    select: Statement<'m>,
    clear: Statement<'m>,
    key: Vec<u8>,
}

impl<'m> Words<'m> {
    /// `None` if there is no index.
    pub(super) fn new(
        connection: &Connection,
        memory: &'m Connection,
    ) -> rusqlite::Result<Option<Self>> {
        if !is_there(connection)? {
            return Ok(None);
        }
        let sql = "SELECT value FROM meta WHERE key = 'search_key'";
        let key: Option<Vec<u8>> = connection.query_row(sql, (), |row| row.get(0)).optional()?;
        Ok(Some(Self {
            take: memory.prepare("INSERT INTO typed(rowid, text) VALUES (1, ?1)")?,
            select: memory.prepare("SELECT term FROM word")?,
            clear: memory.prepare("INSERT INTO typed(typed) VALUES ('delete-all')")?,
            key: key.unwrap_or_default(),
        }))
    }

    /// Calls `with` for the hash of each word, once.
    fn each(&mut self, text: &str, mut with: impl FnMut(&str)) -> rusqlite::Result<()> {
        if text.is_ascii() {
            for word in ascii_words(&text.to_ascii_lowercase()) {
                with(&hash(&self.key, word));
            }
            return Ok(());
        }
        self.each_by_index(text, with)
    }

    /// The same, for any text.
    fn each_by_index(&mut self, text: &str, mut with: impl FnMut(&str)) -> rusqlite::Result<()> {
        self.take.execute([text])?;
        let mut rows = self.select.query(())?;
        while let Some(row) = rows.next()? {
            with(&hash(&self.key, row.get_ref(0)?.as_str()?));
        }
        drop(rows);
        self.clear.execute(())?;
        Ok(())
    }

    /// The index's expression for all these words in any of the places; `None` if there is no word.
    pub(super) fn expression(
        &mut self,
        text: &str,
        places: impl Iterator<Item = i64>,
    ) -> rusqlite::Result<Option<String>> {
        let mut words = Vec::new();
        self.each(text, |word| words.push(format!("\"{word}\"")))?;
        let places: Vec<String> = places.map(|place| format!("\"p{place}\"")).collect();
        Ok((!words.is_empty() && !places.is_empty()).then(|| {
            let (places, words) = (places.join(" OR "), words.join(" AND "));
            format!("place : ({places}) AND text : ({words})")
        }))
    }
}

/// The words of most lines, without the way through an index.
fn ascii_words(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let mut words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// 64 bits of a word's hash, as text.
fn hash(key: &[u8], word: &str) -> String {
    let hash = Blake2s256::new().chain_update(key).chain_update(word);
    let hash = <[u8; 32]>::from(hash.finalize());
    let short = hash
        .first_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("{short:016x}")
}

/// The index, to write.
#[derive(Debug)]
pub(super) struct Index<'c> {
    insert: Statement<'c>,
    delete: Statement<'c>,
    words: Words<'c>,
    hashes: String,
}

impl<'c> Index<'c> {
    /// `None` if there is none.
    pub(super) fn new(
        connection: &'c Connection,
        memory: &'c Connection,
    ) -> rusqlite::Result<Option<Self>> {
        let Some(words) = Words::new(connection, memory)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            insert: connection.prepare(
                "INSERT INTO message_index(rowid, place, text) VALUES (?1, 'p' || ?2, ?3)",
            )?,
            delete: connection.prepare(
                "INSERT INTO message_index(message_index, rowid, place, text)
                 VALUES ('delete', ?1, 'p' || ?2, ?3)",
            )?,
            words,
            hashes: String::new(),
        }))
    }

    /// Puts a line in.
    pub(super) fn insert(&mut self, id: i64, place: i64, text: &str) -> rusqlite::Result<()> {
        self.hash(text)?;
        self.insert.execute(params![id, place, self.hashes])?;
        Ok(())
    }

    /// Takes a line out. All is as it was when the line was put in.
    pub(super) fn delete(&mut self, id: i64, place: i64, text: &str) -> rusqlite::Result<()> {
        self.hash(text)?;
        self.delete.execute(params![id, place, self.hashes])?;
        Ok(())
    }

    fn hash(&mut self, text: &str) -> rusqlite::Result<()> {
        let hashes = &mut self.hashes;
        hashes.clear();
        self.words.each(text, |word| {
            hashes.push_str(word);
            hashes.push(' ');
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_words_have_the_same_hashes_however_they_are_written() {
        let database = Connection::open_in_memory().unwrap();
        database
            .execute_batch("CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;")
            .unwrap();
        database.execute_batch(CREATE).unwrap();
        let memory = memory().unwrap();
        let mut words = Words::new(&database, &memory).unwrap().unwrap();
        let mut of = |text: &str| {
            let mut found = Vec::new();
            words
                .each(text, |word| found.push(word.to_owned()))
                .unwrap();
            found.sort_unstable();
            found
        };
        for (one, other, count) in [
            ("Größe", "größe", 1),
            ("naïve", "NAIVE", 1),
            ("a-b", "b, a", 2),
            ("NEAR(x y)", "y x near", 3),
            ("ho* OR ho", "or \"ho\"", 2),
            ("- . \" *", "", 0),
        ] {
            assert_eq!(of(one), of(other), "{one}");
            assert_eq!(of(one).len(), count, "{one}");
        }
        let ascii: String = (1..128_u8).map(char::from).collect();
        for text in [ascii.as_str(), "a a A b_c 1.5 x1y", "", " "] {
            let mut by_index = Vec::new();
            words
                .each_by_index(text, |word| by_index.push(word.to_owned()))
                .unwrap();
            by_index.sort_unstable();
            let mut quickly = Vec::new();
            words
                .each(text, |word| quickly.push(word.to_owned()))
                .unwrap();
            quickly.sort_unstable();
            assert_eq!(quickly, by_index, "{text:?}");
        }
        let mut of = |text: &str| {
            let mut found = String::new();
            words.each(text, |word| found.push_str(word)).unwrap();
            found
        };
        assert_ne!(of("a"), of("b"));
        assert!(!of("secret").contains("secret"));
        let none = words.expression("x", [].into_iter()).unwrap();
        assert_eq!(none, None);
    }
}
