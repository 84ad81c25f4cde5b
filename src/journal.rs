//! Whether standard error goes to systemd's journal, and the form of lines there.

use std::env;
use std::io;

use log::Level;
use rustix::fs::fstat;

/// systemd's name for the stream to the journal: device and inode, in decimal (systemd.exec(5)).
const STREAM_VARIABLE: &str = "JOURNAL_STREAM";

/// Whether standard error is the stream to the journal. The variable alone does not say so: a process
/// inherits it, and may have its standard error elsewhere.
pub fn has_stderr() -> bool {
    let stream = env::var(STREAM_VARIABLE).ok();
    let stat = fstat(io::stderr()).ok();
    stream
        .zip(stat)
        .is_some_and(|(stream, stat)| is_stream(&stream, stat.st_dev, stat.st_ino))
}

fn is_stream(stream: &str, device: u64, inode: u64) -> bool {
    let numbers = stream
        .split_once(':')
        .map(|(device, inode)| (device.parse(), inode.parse()));
    numbers == Some((Ok(device), Ok(inode)))
}

/// The start of a line in the journal, as sd-daemon(3) has it: `<N>`, with syslog's numbers.
pub fn priority(level: Level) -> &'static str {
    match level {
        Level::Error => "<3>",
        Level::Warn => "<4>",
        Level::Info => "<6>",
        Level::Debug | Level::Trace => "<7>",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_is_compared_by_device_and_inode() {
        assert!(is_stream("9:31415", 9, 31415));
        for other in [
            "9:31416",
            "8:31415",
            "931415",
            "9:",
            ":31415",
            "9:31415:1",
            "",
        ] {
            assert!(!is_stream(other, 9, 31415), "{other}");
        }
    }
}
