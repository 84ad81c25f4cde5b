//! Whether the test that a mutant names exists.

use std::collections::HashMap;
use std::fs;
use std::mem;
use std::path::{Path, PathBuf};

/// The tests of each suite that was asked for, by its file or folder without the extension.
#[derive(Default)]
pub struct Suites(HashMap<PathBuf, Vec<String>>);

impl Suites {
    /// Whether the arguments of a `cargo test` name a suite, and if they have a filter, a test in it.
    pub fn have(&mut self, root: &Path, arguments: &str) -> bool {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        let (place, filter) = match *words {
            ["--test", suite, ref filter @ ..] => (root.join("tests").join(suite), filter),
            ["--lib", ref filter @ ..] | ["--bin", _, ref filter @ ..] => {
                (root.join("src"), filter)
            }
            _ => return false,
        };
        let tests = self.0.entry(place).or_insert_with_key(|place| {
            let mut tests = Vec::new();
            if place.is_dir() {
                collect(place, "", &mut tests);
            } else {
                tests_of(&place.with_extension("rs"), "", &mut tests);
            }
            tests
        });
        match *filter {
            [] => !tests.is_empty(),
            [part] => tests.iter().any(|test| test.contains(part)),
            _ => false,
        }
    }
}

/// The tests of a folder, each with the modules it is in.
fn collect(folder: &Path, module: &str, tests: &mut Vec<String>) {
    let entries = fs::read_dir(folder).unwrap();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    for path in paths {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let inner = format!("{module}{stem}::");
        if path.is_dir() {
            collect(&path, &inner, tests);
        } else if matches!(stem, "main" | "mod" | "lib") {
            tests_of(&path, module, tests);
        } else {
            tests_of(&path, &inner, tests);
        }
    }
}

fn tests_of(path: &Path, module: &str, tests: &mut Vec<String>) {
    let text = fs::read_to_string(path).unwrap_or_default();
    let unit = if text.contains("#[cfg(test)]\nmod tests {") {
        "tests::"
    } else {
        ""
    };
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        is_test |= line == "#[test]";
        if let Some((name, _)) = line
            .strip_prefix("fn ")
            .and_then(|line| line.split_once('('))
            && mem::take(&mut is_test)
        {
            tests.push(format!("{module}{unit}{name}"));
        }
    }
}
