//! The fuzz targets' corpus without a fuzzer: every file of `tests/fuzz/corpus` through the function
//! that its target calls.

#[path = "fuzz/src/lib.rs"]
mod oracles;

use std::fs;
use std::path::Path;

/// Checks each file of a target's corpus; the last one named is the one that failed.
#[expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let files = fs::read_dir(folder.join(target)).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 10, "{target} has a corpus");
    for path in paths {
        println!("{}", path.display());
        check(&fs::read(path).unwrap());
    }
}

#[test]
fn lines() {
    replay("lines", oracles::lines::check);
}

#[test]
fn command() {
    replay("command", oracles::command::check);
}

#[test]
fn json() {
    replay("json", oracles::json::check);
}

#[test]
fn switchboard() {
    replay("switchboard", oracles::switchboard::check);
}
