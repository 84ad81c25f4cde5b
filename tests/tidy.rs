//! The house rules that no compiler checks: the direction of imports, and leftovers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Names forbidden in each part of the source: `main → net → server → wire → chat`, and chat is pure.
const FORBIDDEN: [(&str, &[&str]); 7] = [
    (
        "src/chat/",
        &[
            "crate::wire",
            "crate::server",
            "crate::net",
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
            "crate::net",
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
        "src/config",
        &[
            "crate::net",
            "crate::server",
            "crate::wire",
            "mio::",
            "clap",
        ],
    ),
    (
        "src/server/",
        &[
            "crate::net",
            "mio::",
            "socket2",
            "rustix",
            "signal_hook",
            "Instant",
            "SystemTime",
            "std::fs",
            "std::net::Tcp",
            "std::os",
            "std::thread",
            "clap",
            "crate::args",
            "eprintln!",
            "println!",
        ],
    ),
    (
        "src/net/",
        &["clap", "crate::args", "eprintln!", "println!"],
    ),
    (
        "src/store/",
        &[
            "crate::net",
            "crate::server",
            "crate::wire",
            "crate::config",
            "mio::",
            "clap",
            "crate::args",
            "eprintln!",
            "println!",
        ],
    ),
    (
        "benches/chinwag-bench/src/",
        // The load generator must not share the server's faults.
        &["use chinwag::", "eprintln!", "println!"],
    ),
];

/// Folders whose files may not import each other in a circle; their `mod.rs` may be imported by all.
const WITHOUT_CIRCLES: [&str; 8] = [
    "src/chat",
    "src/wire",
    "src/wire/text",
    "src/server",
    "src/server/output",
    "src/net",
    "src/net/listener",
    "src/store",
];

/// Leftovers that may stand nowhere in the source.
const LEFTOVERS: [&str; 8] = [
    "todo!",
    "unimplemented!",
    "dbg!",
    "FIXME",
    "XXX",
    "TODO",
    "#[ignore",
    "unsafe {",
];

/// The package of the one system call that no kept crate offers safely.
const UNSAFE_IN: &str = "src/outq/lib.rs";

/// A longer file asks for another design.
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
fn files_of_a_folder_import_each_other_in_no_circle() {
    for folder in WITHOUT_CIRCLES {
        let imports = sibling_imports(folder);
        assert!(imports.len() > 2, "{folder} was not understood");
        if let Some(circle) = circle_in(&imports) {
            panic!("{folder}: {}", circle.join(" -> "));
        }
    }
}

#[test]
fn circle_is_found_directly_and_through_a_third() {
    let imports = |pairs: &[(&str, &[&str])]| -> Imports {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        pairs
            .iter()
            .map(|(from, to)| ((*from).to_owned(), owned(to)))
            .collect()
    };
    let open = [("a", &["b", "c"][..]), ("b", &["c"]), ("c", &[])];
    assert_eq!(circle_in(&imports(&open)), None);
    for closing in ["a", "b"] {
        let closed = [("a", &["b"][..]), ("b", &["c"]), ("c", &[closing])];
        assert!(circle_in(&imports(&closed)).is_some(), "back to {closing}");
    }
    let code =
        "use super::ids::ClientId;\nuse super::{name::{Name, b}, rooms};\nuse crate::chat::c;";
    assert_eq!(named_behind(code, "super::"), ["ids", "name", "rooms"]);
    assert_eq!(named_behind(code, "crate::chat::"), ["c"]);
    assert!(
        named_behind("use super::super::up;", "super::")
            .iter()
            .all(|name| *name == "super")
    );
}

#[test]
fn mio_is_named_in_net_only_and_slab_in_server_only() {
    for (file, text) in sources("src") {
        let knows = code_lines(&text).any(|(_, line)| line.contains("mio::"));
        assert!(!knows || file.starts_with("src/net/"), "{file} names mio");
        let knows = code_lines(&text).any(|(_, line)| line.contains("slab::"));
        assert!(
            !knows || file.starts_with("src/server/"),
            "{file} names slab"
        );
    }
}

#[test]
fn database_and_hashes_are_named_in_the_store_only() {
    for (file, text) in all_sources() {
        for word in ["rusqlite", "argon2", "blake2", "getrandom"] {
            let knows = code_lines(&text).any(|(_, line)| line.contains(word));
            assert!(
                !knows || file.starts_with("src/store/"),
                "{file} names {word}"
            );
        }
    }
}

#[test]
fn clap_stays_in_the_files_of_the_arguments() {
    for (file, text) in all_sources() {
        let knows = code_lines(&text).any(|(_, line)| line.contains("clap::"));
        let is_theirs = file.ends_with("src/args.rs") || file.starts_with("src/args/");
        assert!(!knows || is_theirs, "{file}");
    }
}

#[test]
fn source_has_no_leftovers() {
    let all = ["src", "tests", "benches", "docs"]
        .into_iter()
        .flat_map(sources);
    for (file, text) in all.filter(|(file, _)| file != "tests/tidy.rs") {
        for (number, line) in text.lines().enumerate() {
            let is_allowed = |word| word == "unsafe {" && file == UNSAFE_IN;
            for word in LEFTOVERS.into_iter().filter(|word| !is_allowed(*word)) {
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
fn compiler_forbids_unsafe_code_and_runs_none_of_ours() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("\nunsafe_code = \"forbid\"\n"));
    // All packages but one have those lints.
    for (package, has_them) in [
        ("Cargo.toml", true),
        ("benches/chinwag-bench/Cargo.toml", true),
        ("src/outq/Cargo.toml", false),
    ] {
        let manifest = fs::read_to_string(root().join(package)).unwrap();
        assert_eq!(manifest.contains("[lints]\nworkspace = true\n"), has_them);
    }
    let blocks = fs::read_to_string(root().join(UNSAFE_IN)).unwrap();
    assert_eq!(blocks.matches("unsafe {").count(), 2, "no more of it");
    assert!(!manifest.contains("\nbuild = ") && !root().join("build.rs").exists());
}

#[test]
fn module_has_a_header_and_a_bounded_length() {
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
fn architecture_names_every_file_or_its_folder() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let tree = page.split("```text\n").nth(1).unwrap();
    let tree = tree.split("```").next().unwrap();
    let is_named = |name: &str| {
        let is_part = |character: char| !(character.is_alphanumeric() || character == '_');
        tree.split(is_part).any(|word| word == name)
    };
    for (file, _) in sources("src") {
        let path = Path::new(&file);
        // A layer's folder does not speak for its files; a smaller one does.
        let depth = path.components().count();
        let names = [path.parent(), Some(path)].map(|path| path.and_then(Path::file_stem));
        let [folder, stem] = names.map(|name| name.unwrap().to_str().unwrap());
        let is_small = depth > 3 || folder == "logging" || folder == "outq";
        assert!(
            stem == "mod" || is_named(stem) || (is_small && is_named(folder)),
            "docs/architecture.md does not name {file}"
        );
    }
}

#[test]
fn architecture_prints_structs_as_they_are() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let source: String = sources("src")
        .iter()
        .map(|(_, text)| without_space(text))
        .collect();
    let blocks: Vec<&str> = page.split("```rust\n").skip(1).collect();
    assert!(blocks.len() >= 2, "the page was not understood");
    for block in blocks {
        let block = block.split("```").next().unwrap();
        assert!(source.contains(&without_space(block)), "{block}");
    }
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn fault_in_the_table_names_tests_that_exist() {
    const SUITES: [&str; 9] = [
        "faults::",
        "wire::",
        "model::",
        "people::",
        "two_worlds::",
        "integration::",
        "seccomp::",
        "src::",
        "store::",
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

/// For each module of a folder, the other modules of it that it names.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// A sub-folder counts as one module of its folder, and its own files' way up is one longer.
fn sibling_imports(folder: &str) -> Imports {
    let mut imports = Imports::new();
    let from_root = format!(
        "{}::",
        folder.replacen("src", "crate", 1).replace('/', "::")
    );
    for (file, text) in sources(folder) {
        let path = file.strip_prefix(folder).unwrap().trim_start_matches('/');
        let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
        if parts == ["mod"] {
            continue;
        }
        let depth = parts.len() - usize::from(parts.last() == Some(&"mod"));
        let code: Vec<&str> = code_lines(&text).map(|(_, line)| line).collect();
        let code = code.join("\n");
        let mut named = named_behind(&code, &"super::".repeat(depth));
        named.extend(named_behind(&code, &from_root));
        let named = named.into_iter().map(ToOwned::to_owned);
        imports
            .entry(parts[0].to_owned())
            .or_default()
            .extend(named);
    }
    let modules: BTreeSet<String> = imports.keys().cloned().collect();
    for (module, named) in &mut imports {
        named.retain(|name| name != module && modules.contains(name));
    }
    imports
}

/// The first names behind each `prefix` in `code`, also of each item in braces.
fn named_behind<'a>(code: &'a str, prefix: &str) -> Vec<&'a str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let first_name = |text: &'a str| text.trim_start().split(|c| !is_name(c)).next().unwrap();
    let mut names = Vec::new();
    for (place, _) in code.match_indices(prefix) {
        if code[..place].ends_with(|c| is_name(c) || c == ':') {
            continue; // the end of a longer path
        }
        let behind = &code[place + prefix.len()..];
        let Some(items) = behind.strip_prefix('{') else {
            names.push(first_name(behind));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (end, c) in items.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    names.push(first_name(&items[start..end]));
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.push(first_name(&items[start..end]));
                    start = end + 1;
                }
                _ => {}
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Modules of which each names the next, and the last is the first.
fn circle_in(imports: &Imports) -> Option<Vec<String>> {
    fn walk(imports: &Imports, path: &mut Vec<String>, clear: &mut BTreeSet<String>) -> bool {
        let last = path.last().unwrap().clone();
        for next in &imports[&last] {
            let seen = path.contains(next);
            path.push(next.clone());
            if seen || (!clear.contains(next) && walk(imports, path, clear)) {
                return true;
            }
            path.pop();
        }
        clear.insert(last);
        false
    }
    let mut clear = BTreeSet::new();
    imports.keys().find_map(|module| {
        let mut path = vec![module.clone()];
        walk(imports, &mut path, &mut clear).then_some(path)
    })
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
