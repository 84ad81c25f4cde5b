//! The daemon: reads its flags, starts its log, and runs the server until a signal ends it.

mod args;
mod logging;

use std::fs::File;
use std::io::Read;
use std::panic;
use std::path::Path;
use std::process::ExitCode;

use args::Args;
use chinwag::server::{Ended, Server};
use chinwag::wire::text;
use logging::say;

/// A longer message of the day is refused: everyone who connects is sent the whole of it.
const MOTD_BYTES_MAX: u64 = 8 << 10;

/// For flags that make no sense.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    // The standard library's own hook waits for whoever reads standard error, and nobody may: then a
    // broken invariant would stop the process rather than end it.
    panic::set_hook(Box::new(|what| say(&what.to_string())));
    let args = match Args::read() {
        Ok(args) => args,
        Err(text) => return fail(EXIT_USAGE, &text),
    };
    let motd = match args.motd.as_deref().map(read_motd).transpose() {
        Ok(lines) => lines.unwrap_or_default(),
        Err(text) => return fail(1, &text),
    };
    let (level, log_file) = (args.log_level(), args.log_file.clone());
    let config = match args.into_config(motd) {
        Ok(config) => config,
        Err(error) => return fail(EXIT_USAGE, &error.to_string()),
    };
    let log = match logging::start(level, log_file.as_deref()) {
        Ok(log) => log,
        Err(error) => {
            let path = log_file.unwrap_or_default();
            return fail(1, &format!("cannot log to {}: {error}", path.display()));
        }
    };
    let wanted = config.limits.clients_max;
    let server = match Server::bind(config) {
        Ok(server) => server,
        Err(error) => return fail(1, &error.to_string()),
    };
    // Not part of the log: it is for who has just started this, whatever the log's level.
    say(server.introduction());
    let clients_max = server.clients_max();
    if clients_max < wanted {
        log::warn!("the limit of open files leaves room for {clients_max} clients, not {wanted}");
    }
    let ended = server.run(|| log.reopen());
    drop(log);
    match ended {
        Ok(Ended::Orderly) => ExitCode::SUCCESS,
        // As a shell reports a process that a signal ended.
        Ok(Ended::AtOnce(signal)) => ExitCode::from(u8::try_from(128 + signal).unwrap_or(1)),
        Err(error) => fail(1, &error.to_string()),
    }
}

fn read_motd(path: &Path) -> Result<Vec<String>, String> {
    let failed = |why: &str| format!("cannot read the motd {}: {why}", path.display());
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOTD_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(&error.to_string()))?;
    if bytes.len() as u64 > MOTD_BYTES_MAX {
        return Err(failed(&format!("it has more than {MOTD_BYTES_MAX} bytes")));
    }
    let lines = bytes
        .strip_suffix(b"\n")
        .unwrap_or(&bytes)
        .split(|byte| *byte == b'\n');
    Ok(lines.map(|line| text::clean(line).into_owned()).collect())
}

/// Says in one line what went wrong.
fn fail(code: u8, text: &str) -> ExitCode {
    say(&format!("chinwag: {text}"));
    ExitCode::from(code)
}
