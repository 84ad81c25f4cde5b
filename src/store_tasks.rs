//! Work on a store instead of chatting: what the operator is shown of it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chinwag::config::store::StorePlace;
use chinwag::net::error::os_error_text;
use chinwag::store::{PasswordCost, maintenance};

use crate::args::StoreTask;

/// Does it, and prints what came of it.
///
/// # Errors
/// One line that says why it cannot be done.
pub fn run(task: &StoreTask, place: StorePlace) -> Result<(), String> {
    let path = path_of(place)?;
    let mut out = io::stdout().lock();
    work(task, &path, &mut out)?;
    out.flush().map_err(|error| unwritten(&error))
}

fn path_of(place: StorePlace) -> Result<PathBuf, String> {
    match place {
        StorePlace::Named(path) | StorePlace::Default(Some(path)) => Ok(path),
        StorePlace::Default(None) => Err(
            "neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME says where the store is; --store FILE does"
                .to_owned(),
        ),
        StorePlace::Nowhere => Err("--store is none; it must name the store's file".to_owned()),
    }
}

fn work(task: &StoreTask, path: &Path, out: &mut impl Write) -> Result<(), String> {
    let said = match task {
        StoreTask::Backup { file } => {
            maintenance::back_up(path, file).map_err(|error| error.to_string())?;
            format!("{} is a copy of {}", file.display(), path.display())
        }
        StoreTask::Check => {
            let found = maintenance::check(path).map_err(|error| error.to_string())?;
            let (accounts, lines) = (found.accounts, found.lines);
            let (version, bytes) = (found.version, found.bytes);
            format!(
                "no damage: version {version}, accounts: {accounts}, lines: {lines}, bytes: {bytes}"
            )
        }
        StoreTask::Export => {
            maintenance::export(path, out).map_err(|error| error.to_string())?;
            return Ok(());
        }
        StoreTask::ResetPassword { name } => {
            let made = maintenance::reset_password(path, name, PasswordCost::default());
            let made = made.map_err(|error| error.to_string())?;
            // To standard output alone, where it can be piped to its owner.
            let written = writeln!(out, "{}", made.expose());
            return written.map_err(|error| unwritten(&error));
        }
    };
    writeln!(out, "{said}").map_err(|error| unwritten(&error))
}

fn unwritten(error: &io::Error) -> String {
    format!("cannot write to standard output: {}", os_error_text(error))
}
