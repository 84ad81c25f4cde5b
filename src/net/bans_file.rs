//! The operator's file of bans: read at the start, and anew at SIGHUP and `/reload`; never written.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::chat::ListedBan;
use crate::wire::sanitize;

use super::error::{StartError, os_error_text};
use super::listener::displayed;

/// A longer file is a mistake: it is another one.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Bad lines that are logged one by one.
const BAD_LINES_LOGGED_MAX: usize = 20;

/// The file of bans, if there is one.
#[derive(Debug)]
pub struct BansFile(Option<PathBuf>);

/// The file's lines, good and bad.
#[derive(Debug, Default)]
struct Contents {
    bans: Vec<ListedBan>,
    /// Their numbers, from 1.
    bad_lines: Vec<usize>,
}

impl BansFile {
    /// The file at `path`.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// Reads it at the start.
    ///
    /// # Errors
    /// It cannot be read, or has a line that is no ban: what is meant to be kept out would be let in.
    pub fn read_first(&self) -> Result<Vec<ListedBan>, StartError> {
        let Some(path) = &self.0 else {
            return Ok(Vec::new());
        };
        let shown = displayed(path).into_owned();
        let failed = |why| StartError::Bans {
            path: shown.clone(),
            why,
        };
        let read = read(path).map_err(|error| failed(os_error_text(&error)))?;
        match read.bad_lines.first() {
            None => Ok(read.bans),
            Some(line) => Err(failed(format!(
                "line {line} is not an address or a range of them in CIDR, and why"
            ))),
        }
    }

    /// Reads it again. `None` if there is none, or it cannot be read: then what it said before holds. Lines that
    /// are no bans are logged and passed over.
    pub fn read_again(&self) -> Option<Vec<ListedBan>> {
        let path = self.0.as_ref()?;
        let shown = displayed(path);
        let read = match read(path) {
            Ok(read) => read,
            Err(error) => {
                let why = os_error_text(&error);
                log::error!("cannot read the bans {shown}: {why}; the last ones hold");
                return None;
            }
        };
        for line in read.bad_lines.iter().take(BAD_LINES_LOGGED_MAX) {
            log::warn!("{shown}, line {line}: neither an address nor a range of them in CIDR");
        }
        if read.bad_lines.len() > BAD_LINES_LOGGED_MAX {
            log::warn!("{shown}: {} bad lines in all", read.bad_lines.len());
        }
        log::info!("{shown}: {} bans", read.bans.len());
        Some(read.bans)
    }
}

fn read(path: &Path) -> io::Result<Contents> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let why = format!("it has more than {FILE_BYTES_MAX} bytes");
        return Err(io::Error::other(why));
    }
    Ok(parse(&bytes))
}

/// A range and why in each line. Empty lines, and those that begin with `#`, are none.
fn parse(bytes: &[u8]) -> Contents {
    let mut read = Contents::default();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let line = sanitize::clean(line);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (net, why) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        match ListedBan::parse(net, why.trim()) {
            Some(ban) => read.bans.push(ban),
            None => read.bad_lines.push(number),
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_a_range_and_why() {
        let text = b"# ours\n203.0.113.0/24 spam and\x1b[31m more\r\n\n2001:db8::1\t\nmallory\n10.0.0.0/33 x\n";
        let read = parse(text);
        let bans: Vec<(String, &str)> = read
            .bans
            .iter()
            .map(|ban| (ban.net.to_string(), &*ban.why))
            .collect();
        let expected = [
            ("203.0.113.0/24".to_owned(), "spam and more"),
            ("2001:db8::/64".to_owned(), ""),
        ];
        assert_eq!(bans, expected);
        assert_eq!(read.bad_lines, [5, 6]);
    }
}
