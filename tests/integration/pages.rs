//! What the pages show to be typed: shell blocks, and the README's table of clients.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::tools::find;

/// A fenced block of a page.
pub struct Block {
    pub page: &'static str,
    pub language: String,
    pub text: String,
}

/// A row of the table of clients. What stands between backquotes in a cell is code.
pub struct Row {
    pub label: String,
    pub join: String,
    pub leave: String,
    pub after_bye: String,
    pub piped: String,
}

fn read(page: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    fs::read_to_string(path).expect("the page is there")
}

/// All fenced blocks of a page.
pub fn blocks(page: &'static str) -> Vec<Block> {
    let text = read(page);
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        found.push(Block {
            page,
            language: language.to_owned(),
            text: inside.join("\n"),
        });
    }
    found
}

/// The README's table of clients.
pub fn clients() -> Vec<Row> {
    let text = read("README.md");
    let lines = text.lines();
    let table = lines.skip_while(|line| !line.starts_with("With | join | leave"));
    let rows = table.skip(2).take_while(|line| line.contains(" | "));
    let rows: Vec<Row> = rows
        .map(|line| {
            let mut cells = line.split(" | ").map(ToOwned::to_owned);
            let mut cell = || cells.next().expect("five cells");
            Row {
                label: cell(),
                join: cell().trim_matches('`').to_owned(),
                leave: cell(),
                after_bye: cell(),
                piped: cell(),
            }
        })
        .collect();
    assert!(rows.len() > 8, "the table was not understood");
    rows
}

/// A shown line, with the address of a daemon instead of the default.
pub fn with_address(line: &str, address: SocketAddr) -> String {
    line.replace("localhost", &address.ip().to_string())
        .replace("12345", &address.port().to_string())
}

/// A shell for shown lines, in an empty folder in which a name means this program.
pub fn shell(programs: &TempDir, line: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", line])
        .current_dir(programs.path())
        .env(
            "PATH",
            format!("{}:{path}:/usr/games", programs.path().display()),
        )
        .env("TERM", "vt100");
    shell
}

/// An empty folder for a shell; `nc` is OpenBSD's there.
pub fn programs() -> Option<TempDir> {
    folder_with("nc", "OpenBSD netcat", &["nc.openbsd", "nc"])
}

/// An empty folder for a shell, in which `word` is the first of these programs.
pub fn folder_with(word: &str, name: &str, candidates: &[&str]) -> Option<TempDir> {
    let program = find(name, candidates)?;
    let folder = tempfile::tempdir().unwrap();
    symlink(program, folder.path().join(word)).unwrap();
    Some(folder)
}
