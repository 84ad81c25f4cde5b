//! The house rules that no compiler checks: which way imports point, and what is left lying about.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

/// What each part of the source may not name: `main → server → wire → chat`, and chat is pure.
const FORBIDDEN: [(&str, &[&str]); 6] = [
    (
        "src/chat/",
        &[
            "crate::wire",
            "crate::server",
            "crate::config",
            "mio::",
            "slab::",
            "log::",
            "socket2",
            "rustix",
            "signal_hook",
            "serde",
            "std::io",
            "std::fs",
            "std::thread",
            "std::env",
            "Instant",
            "SystemTime",
            "TcpStream",
            "TcpListener",
            "UnixStream",
            "rand::",
            "RandomState::new",
            "HashMap::new()",
            "HashSet::new()",
            "println!",
        ],
    ),
    (
        "src/wire/",
        &[
            "crate::server",
            "crate::config",
            "chat::Chat",
            "chat::{Chat",
            "chat::outbox",
            "mio::",
            "slab::",
            "log::",
            "socket2",
            "rustix",
            "std::fs",
            "std::net",
            "std::thread",
            "Instant",
            "SystemTime",
        ],
    ),
    (
        "src/config.rs",
        &["crate::server", "crate::wire", "mio::", "clap"],
    ),
    (
        "src/server/switchboard.rs",
        &["mio::", "socket2", "rustix", "signal_hook", "Instant::"],
    ),
    (
        "src/server/",
        &["clap", "crate::args", "eprintln!", "println!"],
    ),
    (
        "benches/chinwag-bench/src/",
        // What tests a server must not have its faults.
        &["use chinwag::", "eprintln!", "println!"],
    ),
];

/// What may stand nowhere in the source.
const LEFT_LYING_ABOUT: [&str; 8] = [
    "todo!",
    "unimplemented!",
    "dbg!",
    "FIXME",
    "XXX",
    "TODO",
    "#[ignore",
    "unsafe {",
];

/// A file past this asks for another design; a line past the width does not fit beside another.
const FILE_LINES_MAX: usize = 720;

#[test]
fn imports_point_one_way() {
    for (file, text) in all_sources() {
        for (part, forbidden) in FORBIDDEN.iter().filter(|(part, _)| file.starts_with(part)) {
            for (number, line) in code_lines(&text) {
                for word in *forbidden {
                    assert!(
                        !line.contains(word),
                        "{file}:{number}: {part} must not name {word}"
                    );
                }
            }
        }
    }
}

#[test]
fn only_the_kernel_side_knows_mio_and_slab() {
    for (file, text) in sources("src") {
        let knows = code_lines(&text).any(|(_, line)| line.contains("mio::"));
        assert!(
            !knows || file.starts_with("src/server/"),
            "{file} names mio"
        );
        let knows = code_lines(&text).any(|(_, line)| line.contains("slab::"));
        assert!(
            !knows || file.starts_with("src/server/"),
            "{file} names slab"
        );
    }
}

#[test]
fn clap_stays_in_one_file() {
    for (file, text) in all_sources() {
        let knows = code_lines(&text).any(|(_, line)| line.contains("clap::"));
        assert!(!knows || file.ends_with("src/args.rs"), "{file}");
    }
}

#[test]
fn nothing_is_left_lying_about() {
    let all = ["src", "tests", "benches", "docs"]
        .into_iter()
        .flat_map(sources);
    for (file, text) in all.filter(|(file, _)| file != "tests/tidy.rs") {
        for (number, line) in text.lines().enumerate() {
            for word in LEFT_LYING_ABOUT {
                assert!(!line.contains(word), "{file}:{}: {word}", number + 1);
            }
            assert!(
                !line.ends_with(' '),
                "{file}:{}: space at the end",
                number + 1
            );
        }
    }
}

#[test]
fn the_compiler_forbids_unsafe_code_and_runs_none_of_ours() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("\nunsafe_code = \"forbid\"\n"));
    assert!(!manifest.contains("\nbuild = ") && !root().join("build.rs").exists());
}

#[test]
fn every_module_says_what_it_owns_and_none_grows_past_comfort() {
    for (file, text) in all_sources() {
        assert!(
            text.starts_with("//! "),
            "{file} does not say what it is for"
        );
        let lines = text.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{file} has {lines} lines");
    }
}

#[test]
fn docs_name_files_that_exist() {
    let mut pages: Vec<PathBuf> = vec![root().join("README.md")];
    pages.extend(
        fs::read_dir(root().join("docs"))
            .unwrap()
            .map(|entry| entry.unwrap().path()),
    );
    for page in pages
        .iter()
        .filter(|page| page.extension().is_some_and(|end| end == "md"))
    {
        let text = fs::read_to_string(page).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next())
        {
            let outside = target.is_empty() || target.contains("://");
            let path = page.parent().unwrap().join(target);
            assert!(
                outside || path.exists(),
                "{} links {target}",
                page.display()
            );
        }
    }
}

#[test]
fn every_fault_in_the_table_names_tests_that_exist() {
    const SUITES: [&str; 6] = [
        "faults::",
        "wire::",
        "model::",
        "integration::",
        "confined::",
        "src::",
    ];
    let page = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let rows = page.lines().filter(|line| line.contains(" | "));
    let mut count = 0;
    for row in rows.filter(|row| !row.starts_with("--- |") && !row.ends_with("| Test")) {
        let (_, shown_by) = row.rsplit_once(" | ").unwrap();
        let elsewhere = ["the same", "[above](#", "the simulation"];
        let mut names = shown_by
            .split('`')
            .filter(|name| SUITES.iter().any(|suite| name.starts_with(suite)))
            .peekable();
        assert!(
            names.peek().is_some() || elsewhere.iter().any(|word| shown_by.starts_with(word)),
            "no test: {row}"
        );
        for name in names {
            let (file, function) = name.rsplit_once("::").unwrap();
            let folder = if file.starts_with("src::") {
                ""
            } else {
                "tests/"
            };
            let path = format!("{folder}{}.rs", file.replace("::", "/"));
            let code = fs::read_to_string(root().join(&path)).unwrap_or_default();
            assert!(
                code.contains(&format!("fn {function}(")),
                "no such test: {name}"
            );
            count += 1;
        }
    }
    assert!(count > 100, "the table was not understood");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The source of the daemon and of the load generator.
fn all_sources() -> impl Iterator<Item = (String, String)> {
    let packages = ["src", "benches/chinwag-bench/src"];
    packages.into_iter().flat_map(sources)
}

/// Every Rust file below a folder, by its path from the root; but for what was built.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

/// A file's lines, without comments and without its tests at the end.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let code = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let lines = code
        .lines()
        .enumerate()
        .map(|(place, line)| (place + 1, line));
    lines.map(|(number, line)| (number, line.split("//").next().unwrap_or_default()))
}
