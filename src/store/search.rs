//! The index of words, where the operator wants one.
//!
//! A line's place is a word of its own column, so that nothing of other rooms is looked at; each word that
//! people search for is quoted, so that none is taken for the index's own language.

use rusqlite::{Connection, Statement, params};

/// How text becomes words: in lines and in what is searched for.
macro_rules! tokenizer {
    () => {
        "tokenize = 'unicode61 remove_diacritics 2'"
    };
}

const CREATE: &str = concat!(
    "BEGIN IMMEDIATE;
    CREATE VIEW message_word AS SELECT id, 'p' || place AS place, text FROM message;
    CREATE VIRTUAL TABLE message_index USING fts5(place, text,
        content = 'message_word', content_rowid = 'id', detail = column, ",
    tokenizer!(),
    ");
    INSERT INTO message_index(message_index, rank) VALUES ('secure-delete', 1);
    CREATE TRIGGER message_indexed AFTER INSERT ON message BEGIN
        INSERT INTO message_index(rowid, place, text) VALUES (new.id, 'p' || new.place, new.text);
    END;
    CREATE TRIGGER message_unindexed AFTER DELETE ON message BEGIN
        INSERT INTO message_index(message_index, rowid, place, text)
        VALUES ('delete', old.id, 'p' || old.place, old.text);
    END;
    INSERT INTO message_index(message_index) VALUES ('rebuild');
    COMMIT;"
);

const DROP: &str = "BEGIN IMMEDIATE; DROP TRIGGER message_indexed; DROP TRIGGER message_unindexed;
    DROP TABLE message_index; DROP VIEW message_word; COMMIT;";

/// Makes and fills the index if it is wanted and not there, and drops it if it is there and not wanted.
pub(super) fn switch(connection: &Connection, is_wanted: bool) -> rusqlite::Result<()> {
    match (is_there(connection)?, is_wanted) {
        (false, true) => connection.execute_batch(CREATE),
        (true, false) => connection.execute_batch(DROP),
        _ => Ok(()),
    }
}

/// Whether the database has the index.
pub(super) fn is_there(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'message_index')";
    connection.query_row(sql, (), |row| row.get(0))
}

/// Takes words apart exactly as the index does: by an index of its own, in memory.
#[derive(Debug)]
pub(super) struct Words {
    memory: Connection,
}

impl Words {
    pub(super) fn new() -> rusqlite::Result<Self> {
        let memory = Connection::open_in_memory()?;
        memory.execute_batch(concat!(
            "CREATE VIRTUAL TABLE typed USING fts5(text, ",
            tokenizer!(),
            "); CREATE VIRTUAL TABLE word USING fts5vocab(typed, 'row');"
        ))?;
        Ok(Self { memory })
    }

    /// The words in `text`, as the index has them.
    fn of(&self, text: &str) -> rusqlite::Result<Vec<String>> {
        self.memory.execute("DELETE FROM typed", ())?;
        self.memory
            .execute("INSERT INTO typed VALUES (?1)", params![text])?;
        let mut select: Statement<'_> = self.memory.prepare("SELECT term FROM word")?;
        let words = select.query_map((), |row| row.get(0))?.collect();
        self.memory.execute("DELETE FROM typed", ())?;
        words
    }

    /// The index's expression for all these words in any of the places; `None` if there is no word.
    pub(super) fn expression(
        &self,
        text: &str,
        places: impl Iterator<Item = i64>,
    ) -> rusqlite::Result<Option<String>> {
        let words = self.of(text)?;
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let places: Vec<String> = places.map(|place| format!("\"p{place}\"")).collect();
        Ok((!words.is_empty() && !places.is_empty()).then(|| {
            let (places, words) = (places.join(" OR "), words.join(" AND "));
            format!("place : ({places}) AND text : ({words})")
        }))
    }
}

fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_apart_as_the_index_does() {
        let words = Words::new().unwrap();
        for (text, expected) in [
            ("", None),
            ("- . \" *", None),
            ("Größe", Some(r#""große""#)),
            ("a-b", Some(r#""a" AND "b""#)),
            ("NEAR(x y)", Some(r#""near" AND "x" AND "y""#)),
            ("ho* OR", Some(r#""ho" AND "or""#)),
            ("text:x ^y", Some(r#""text" AND "x" AND "y""#)),
        ] {
            let expression = words.expression(text, [17].into_iter()).unwrap();
            let expected = expected.map(|words| format!("place : (\"p17\") AND text : ({words})"));
            assert_eq!(expression, expected, "{text}");
        }
        assert_eq!(words.expression("x", [].into_iter()).unwrap(), None);
    }
}
