//! The daemon's path, for the tests of both packages.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The daemon as it was built, or the program that `CHINWAG_TEST_PROGRAM` names: another build, or
/// a wrapper that starts it in a confinement.
pub fn binary() -> PathBuf {
    env::var_os("CHINWAG_TEST_PROGRAM").map_or_else(built, PathBuf::from)
}

/// The daemon as it was built. Cargo names it to the tests of its own package only.
pub fn built() -> PathBuf {
    option_env!("CARGO_BIN_EXE_chinwag").map_or_else(|| beside().to_owned(), PathBuf::from)
}

/// The daemon in the folder that this test was built into, of the same profile.
fn beside() -> &'static Path {
    static DAEMON: OnceLock<PathBuf> = OnceLock::new();
    DAEMON.get_or_init(|| {
        let test = env::current_exe().unwrap();
        let folder = test.parent().and_then(Path::parent).unwrap();
        let daemon = folder.join(format!("chinwag{}", env::consts::EXE_SUFFIX));
        if !is_current(&daemon) {
            build(folder);
        }
        daemon
    })
}

/// Whether it is newer than its sources, which cargo lists beside it.
fn is_current(daemon: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let listed = fs::read_to_string(daemon.with_extension("d")).unwrap_or_default();
    let sources = listed.split_whitespace().skip(1).map(Path::new);
    let built = changed(daemon);
    built.is_some()
        && sources
            .map(changed)
            .all(|source| source.is_some() && source <= built)
}

fn build(folder: &Path) {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--package",
            "chinwag",
            "--bin",
            "chinwag",
        ])
        .args(["--profile", profile, "--target-dir"])
        .arg(folder.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.unwrap().success(), "the daemon is built");
}
