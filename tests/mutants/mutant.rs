//! What a mutant is, and how it changes the source.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The files of mutants, by the part of the source that they break.
const AREAS: [(&str, &str); 13] = [
    ("chat", include_str!("chat.toml")),
    ("history", include_str!("history.toml")),
    ("accounts", include_str!("accounts.toml")),
    ("operators", include_str!("operators.toml")),
    ("rooms", include_str!("rooms.toml")),
    ("people", include_str!("people.toml")),
    ("calls", include_str!("calls.toml")),
    ("hidden", include_str!("hidden.toml")),
    ("wire", include_str!("wire.toml")),
    ("server", include_str!("server.toml")),
    ("net", include_str!("net.toml")),
    ("log", include_str!("log.toml")),
    ("store", include_str!("store.toml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    mutant: Vec<Mutant>,
}

/// A mistake in the source, and the test that finds it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    pub name: String,
    /// The mistake, in a line.
    pub what: String,
    /// The arguments of the `cargo test` that fails.
    pub found_by: String,
    // Most mutants change one place, and need no table for it.
    file: Option<String>,
    old: Option<String>,
    new: Option<String>,
    #[serde(default)]
    edit: Vec<Edit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    old: String,
    new: String,
}

/// All mutants, of all areas.
pub fn all() -> Vec<Mutant> {
    let areas = AREAS.into_iter().map(|(name, text)| {
        toml::from_str::<Area>(text).unwrap_or_else(|error| panic!("{name}.toml: {error}"))
    });
    areas.flat_map(|area| area.mutant).collect()
}

impl Mutant {
    /// The files that it changes, by their paths from the root, as they are afterwards.
    pub fn apply(&self, root: &Path) -> Result<BTreeMap<&str, String>, String> {
        let single = match (&self.file, &self.old, &self.new) {
            (Some(file), Some(old), Some(new)) => Some((file, old, new)),
            (None, None, None) => None,
            _ => return Err("it lacks one of file, old and new".to_owned()),
        };
        let several = self.edit.iter().map(|edit| {
            let Edit { file, old, new } = edit;
            (file, old, new)
        });
        let mut changed = BTreeMap::new();
        for (file, old, new) in single.into_iter().chain(several) {
            let text = match changed.remove(&**file) {
                Some(text) => text,
                None => fs::read_to_string(root.join(file)).map_err(|e| format!("{file}: {e}"))?,
            };
            let text = replace(&text, old, new).map_err(|problem| format!("{file} {problem}"))?;
            changed.insert(&**file, text);
        }
        if changed.is_empty() {
            return Err("it changes nothing".to_owned());
        }
        Ok(changed)
    }
}

/// Replaces the only place where a text has `old`, whatever white space and comments are within.
fn replace(text: &str, old: &str, new: &str) -> Result<String, String> {
    let (squeezed, offsets) = squeeze(text);
    let (old, _) = squeeze(old);
    let places: Vec<usize> = squeezed
        .match_indices(&old)
        .map(|(place, _)| place)
        .collect();
    let [place] = *places else {
        let count = places.len();
        return Err(format!("has {count} places, rather than one, with: {old}"));
    };
    let range = offsets.get(place..place + old.len()).unwrap_or_default();
    let (Some(first), Some(last)) = (range.first(), range.last()) else {
        return Err("is to be changed at an empty place".to_owned());
    };
    let before = text.get(..*first).unwrap_or_default();
    let after = text.get(last + 1..).unwrap_or_default();
    Ok(format!("{before}{}{after}", new.trim()))
}

/// A text without comments and with one space between any two words, and the offset that each byte had.
fn squeeze(text: &str) -> (String, Vec<usize>) {
    let (mut squeezed, mut offsets) = (String::new(), Vec::new());
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let mut start = line_start;
        for piece in line.split_inclusive(char::is_whitespace) {
            let word = piece.trim_end();
            if word.starts_with("//") {
                break;
            }
            if !word.is_empty() {
                if !squeezed.is_empty() {
                    squeezed.push(' ');
                    offsets.push(start);
                }
                squeezed.push_str(word);
                offsets.extend(start..start + word.len());
            }
            start += piece.len();
        }
        line_start += line.len();
    }
    (squeezed, offsets)
}
