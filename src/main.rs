//! The daemon: reads its flags, starts its log, and runs the server until a signal ends it.

mod args;
mod journal;
mod logging;
mod stderr;
mod store_tasks;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::panic::{self, PanicHookInfo};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use args::Args;
use chinwag::net::error::os_error_text;
use chinwag::net::event_loop::{EventLoop, Exit, Sighup};
use chinwag::net::{InheritedSockets, allow_background_output};
use chinwag::wire::sanitize;
use chinwag::wire::text::VERSION;
use log::Level;
use stderr::print_stderr;

/// A longer message of the day is refused: every client is sent all of it.
const MOTD_BYTES_MAX: u64 = 8 << 10;

/// A longer list of names is a mistake: it is another file.
const DENIED_NAMES_BYTES_MAX: u64 = 1 << 20;

/// Exit status for flags that make no sense.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    // The standard library's hook blocks while nobody reads standard error: a broken invariant would
    // stop the process rather than end it.
    panic::set_hook(Box::new(|what| {
        print_stderr(Level::Error, &describe_panic(what));
    }));
    // Without it, the first line may stop the process, and it is the one that would say so.
    let _ = allow_background_output();
    let args = match Args::read() {
        Ok(args) => args,
        Err(text) => return fail(EXIT_USAGE, &text),
    };
    if let Some(task) = args.store_task() {
        return match store_tasks::run(&task, args.store_place()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(text) => fail(1, &text),
        };
    }
    let inherited = match InheritedSockets::take() {
        Ok(sockets) => sockets,
        Err(error) => return fail(1, &error.to_string()),
    };
    let motd = match args.motd.as_deref().map(read_motd).transpose() {
        Ok(lines) => lines.unwrap_or_default(),
        Err(text) => return fail(1, &text),
    };
    let denied = match args.deny_names().map(read_denied_names).transpose() {
        Ok(names) => names.unwrap_or_default(),
        Err(text) => return fail(1, &text),
    };
    let (level, log_file) = (args.log_level(), args.log_file());
    let config = match args.into_config(motd, denied, !inherited.is_empty()) {
        Ok(config) => config,
        Err(text) => return fail(EXIT_USAGE, &text),
    };
    let log = match logging::start(level, log_file.as_deref()) {
        Ok(log) => log,
        Err(error) => {
            let path = log_file.as_deref().map(Path::display);
            let place = path.map_or("standard error".to_owned(), |path| path.to_string());
            return fail(
                1,
                &format!("cannot log to {place}: {}", os_error_text(&error)),
            );
        }
    };
    let (wanted, logs_to_file) = (config.limits.clients_max, log_file.is_some());
    let event_loop = match EventLoop::bind(config, inherited) {
        Ok(event_loop) => event_loop,
        Err(error) => return fail(1, &error.to_string()),
    };
    // Not logged: the operator sees it whatever the log's level.
    print_stderr(Level::Info, event_loop.banner());
    if logs_to_file {
        log::info!("chinwag {VERSION} listens on {}", event_loop.addresses());
    }
    let clients_max = event_loop.clients_max();
    if clients_max < wanted {
        log::warn!("the limit of open files leaves room for {clients_max} clients, not {wanted}");
    }
    let had_terminal = io::stderr().is_terminal();
    let exit = event_loop.run(|why| {
        if had_terminal && !io::stderr().is_terminal() {
            return Sighup::Exit; // the controlling terminal is gone
        }
        // Logged first, as reopening can fail.
        log::info!("{why}: opening the log file anew, if there is one");
        log.reopen();
        Sighup::Reopened
    });
    drop(log);
    match exit {
        Ok(Exit::Graceful) => ExitCode::SUCCESS,
        // As a shell reports a process that a signal ended.
        Ok(Exit::Forced(signal)) => ExitCode::from(u8::try_from(128 + signal).unwrap_or(1)),
        Err(error) => fail(1, &error.to_string()),
    }
}

/// The text of the standard library's hook: the thread, the panic, and a backtrace if `RUST_BACKTRACE`
/// asks for one.
fn describe_panic(what: &PanicHookInfo<'_>) -> String {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("<unnamed>");
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => {
            format!("thread '{thread}' {what}\nstack backtrace:\n{backtrace}")
        }
        _ => format!("thread '{thread}' {what}"),
    }
}

/// The names in a file that no account may have, in lower case. Empty lines, and those that begin with `#`, are
/// none.
fn read_denied_names(path: &Path) -> Result<Vec<String>, String> {
    let bytes = read_small_file("the names", path, DENIED_NAMES_BYTES_MAX)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(str::trim);
    let names = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(names.map(str::to_ascii_lowercase).collect())
}

/// Reads a file that is `what`, and has no more than so many bytes.
fn read_small_file(what: &str, path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let failed = |why: &str| format!("cannot read {what} {}: {why}", path.display());
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(&os_error_text(&error)))?;
    if bytes.len() as u64 > bytes_max {
        return Err(failed(&format!("it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

fn read_motd(path: &Path) -> Result<Vec<String>, String> {
    let bytes = read_small_file("the motd", path, MOTD_BYTES_MAX)?;
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    Ok(lines
        .map(|line| sanitize::clean(line).into_owned())
        .collect())
}

/// Prints in one line what went wrong.
fn fail(code: u8, text: &str) -> ExitCode {
    print_stderr(Level::Error, &format!("chinwag: {text}"));
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// Set in the child process that panics.
    const PANICS: &str = "CHINWAG_TEST_PANICS";

    /// A child process panics, as a hook is for a whole process.
    #[test]
    fn panic_names_its_thread_and_shows_a_backtrace_on_request() {
        if std::env::var_os(PANICS).is_some() {
            panic::set_hook(Box::new(|what| {
                print_stderr(Level::Error, &describe_panic(what));
            }));
            assert_eq!(thread::current().name(), None, "on purpose");
        }
        for (asked, is_told) in [("1", true), ("0", false)] {
            let said = std::env::current_exe().and_then(|program| {
                Command::new(program)
                    .args(["--test-threads=2", "--exact"])
                    .arg("tests::panic_names_its_thread_and_shows_a_backtrace_on_request")
                    .env(PANICS, "")
                    .env("RUST_BACKTRACE", asked)
                    .env_remove("RUST_LIB_BACKTRACE")
                    .stdout(Stdio::null())
                    .output()
            });
            let said = said.map(|said| said.stderr).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let thread = "thread 'tests::panic_names_its_thread_and_shows_a_backtrace_on_request' ";
            assert!(said.starts_with(thread), "{said}");
            assert!(said.contains("on purpose"), "{said}");
            let told = ["\nstack backtrace:\n", "describe_panic"].map(|part| said.contains(part));
            assert_eq!(told, [is_told; 2], "{said}");
        }
    }
}
