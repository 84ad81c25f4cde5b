//! The stamp that every message of a load test carries: its sender, number, and intended time.
//!
//! A stamp stands at the start of the payload, and the payload at the end of the line, whatever a
//! protocol puts before it. So one look at a fixed distance from the end of a line finds it.

use crate::client::ClientNo;
use crate::timestamp::Timestamp;

/// How many bytes a stamp takes; a payload cannot be shorter.
pub const STAMP_BYTES: usize = 32;

/// Stands at both ends of a stamp.
const FENCE: u8 = b'~';

/// Hexadecimal digits of each field. The stamp is these, the kind and the two fences.
const SENDER_DIGITS: usize = 6;
const NUMBER_DIGITS: usize = 8;
const TIME_DIGITS: usize = 15;

/// What a message is, so that one run can have several kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Private,
    Room,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub kind: Kind,
    pub sender: ClientNo,
    /// The sender's number for it, counted per kind.
    pub number: u32,
    /// When it was to be sent.
    pub intended: Timestamp,
}

impl Stamp {
    /// Appends a payload of `size` bytes with this stamp in it.
    pub fn write(&self, bytes: &mut Vec<u8>, size: usize) {
        let end = bytes.len() + size.max(STAMP_BYTES);
        bytes.push(FENCE);
        bytes.push(match self.kind {
            Kind::Private => b'p',
            Kind::Room => b'r',
        });
        put_hex::<SENDER_DIGITS>(bytes, self.sender.get().into());
        put_hex::<NUMBER_DIGITS>(bytes, self.number.into());
        put_hex::<TIME_DIGITS>(bytes, self.intended.nanos());
        bytes.push(FENCE);
        bytes.resize(end, b'x');
    }

    /// The stamp of a line whose last `size` bytes are a payload, if they are.
    pub fn read(line: &[u8], size: usize) -> Option<Self> {
        let start = line.len().checked_sub(size)?;
        let stamp: &[u8; STAMP_BYTES] = line.get(start..)?.first_chunk()?;
        let [FENCE, kind, fields @ .., FENCE] = stamp else {
            return None;
        };
        let kind = match kind {
            b'p' => Kind::Private,
            b'r' => Kind::Room,
            _ => return None,
        };
        let (sender, rest) = fields.split_at_checked(SENDER_DIGITS)?;
        let (number, time) = rest.split_at_checked(NUMBER_DIGITS)?;
        Some(Self {
            kind,
            sender: ClientNo::new(u32::try_from(read_hex(sender)?).ok()?),
            number: u32::try_from(read_hex(number)?).ok()?,
            intended: Timestamp::from_nanos(read_hex(time)?),
        })
    }
}

fn put_hex<const DIGITS: usize>(bytes: &mut Vec<u8>, value: u64) {
    let digits: [u8; DIGITS] = std::array::from_fn(|place| {
        let [nibble, ..] = (value >> (4 * (DIGITS - 1 - place)) & 0xf).to_le_bytes();
        nibble + if nibble < 10 { b'0' } else { b'a' - 10 }
    });
    bytes.extend_from_slice(&digits);
}

fn read_hex(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        kind: Kind::Room,
        sender: ClientNo::new(0x00ab_cdef),
        number: 0xfedc_ba98,
        intended: Timestamp::from_nanos(0x0123_4567_89ab_cdef),
    };

    #[test]
    fn a_stamp_is_read_back_from_the_end_of_any_line() {
        for size in [STAMP_BYTES, 64, 500] {
            let mut line = b":a!b@c PRIVMSG #room :".to_vec();
            let before = line.len();
            STAMP.write(&mut line, size);
            assert_eq!(line.len(), before + size);
            assert_eq!(Stamp::read(&line, size), Some(STAMP));
        }
    }

    #[test]
    fn other_lines_have_none() {
        let mut line = Vec::new();
        STAMP.write(&mut line, 64);
        for size in [32, 33, 63, 65, 1000] {
            assert_eq!(Stamp::read(&line, size), None);
        }
        for place in [0, 1, 2, 31] {
            let mut broken = line.clone();
            broken[place] = b'?';
            assert_eq!(Stamp::read(&broken, 64), None);
        }
        assert_eq!(Stamp::read(b"", 64), None);
    }
}
