//! What of themselves the owners of accounts show, a bit for each setting.

use crate::chat::command::Privacy;
use crate::chat::event::PrivacyView;

/// An account's settings. None set is how an account begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrivacySettings(u32);

const HIDDEN: u32 = 1;
const RECEIPTS: u32 = 1 << 1;
const SEEN: u32 = 1 << 2;
const STRANGERS: u32 = 1 << 3;
/// Set if it is off, as it is on from the start.
const KEEPS_NOTHING: u32 = 1 << 4;

impl PrivacySettings {
    /// As they are kept. Bits that mean nothing here stay.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub fn bits(self) -> u32 {
        self.0
    }

    pub fn is_hidden(self) -> bool {
        self.0 & HIDDEN != 0
    }

    pub fn gives_receipts(self) -> bool {
        self.0 & RECEIPTS != 0
    }

    pub fn shows_seen(self) -> bool {
        self.0 & SEEN != 0
    }

    pub fn takes_strangers(self) -> bool {
        self.0 & STRANGERS != 0
    }

    pub fn keeps(self) -> bool {
        self.0 & KEEPS_NOTHING == 0
    }

    /// With one of them on, or off.
    #[must_use]
    pub fn with(self, what: Privacy, on: bool) -> Self {
        let (bit, on) = match what {
            Privacy::Hidden => (HIDDEN, on),
            Privacy::Receipts => (RECEIPTS, on),
            Privacy::Seen => (SEEN, on),
            Privacy::Strangers => (STRANGERS, on),
            Privacy::Keep => (KEEPS_NOTHING, !on),
        };
        Self(if on { self.0 | bit } else { self.0 & !bit })
    }

    pub fn view(self) -> PrivacyView {
        PrivacyView {
            hidden: self.is_hidden(),
            receipts: self.gives_receipts(),
            seen: self.shows_seen(),
            strangers: self.takes_strangers(),
            keep: self.keeps(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_changes_itself_alone_and_keep_is_on_from_the_start() {
        let all = [
            Privacy::Hidden,
            Privacy::Receipts,
            Privacy::Seen,
            Privacy::Strangers,
            Privacy::Keep,
        ];
        let of = |settings: PrivacySettings| {
            let view = settings.view();
            [
                view.hidden,
                view.receipts,
                view.seen,
                view.strangers,
                view.keep,
            ]
        };
        let first = PrivacySettings::default();
        assert_eq!(of(first), [false, false, false, false, true]);
        for (place, what) in all.into_iter().enumerate() {
            for on in [true, false] {
                let mut wanted = of(first);
                wanted[place] = on;
                assert_eq!(of(first.with(what, on)), wanted);
                let back = first.with(what, on).with(what, of(first)[place]);
                assert_eq!(back, first);
                // A bit of a later version stays.
                let later = PrivacySettings::from_bits(1 << 30);
                assert_eq!(later.with(what, on).bits() & (1 << 30), 1 << 30);
            }
        }
    }
}
