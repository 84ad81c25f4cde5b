//! The file that a drawing goes into.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::plot::PlotError;
use crate::server::Failure;

/// Finds out whether a drawing can be written before hours went into it. Nothing is left behind, and
/// what was there stays until there is a drawing.
pub fn check(path: &Path) -> Result<(), Failure> {
    let tried = match fs::metadata(path) {
        // To open a pipe could wait for its reader, and to close it would end that.
        Ok(there) if !there.is_file() && !there.is_dir() => Ok(()),
        Ok(_) => File::options().write(true).open(path).map(drop),
        Err(_) => match File::create_new(path) {
            Ok(_) => fs::remove_file(path),
            // A link to where nothing is yet.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        },
    };
    tried.map_err(|error| failure(path, &error))
}

pub fn write(path: &Path, drawing: Result<String, PlotError>) -> Result<(), Failure> {
    let svg = drawing.map_err(|error| failure(path, &error))?;
    fs::write(path, svg).map_err(|error| failure(path, &error))
}

fn failure(path: &Path, error: &dyn Error) -> Failure {
    format!("cannot draw {}: {error}", path.display()).into()
}
