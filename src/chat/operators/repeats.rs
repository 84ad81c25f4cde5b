//! Bans that catch somebody who is here, or very many: they are made once the same line is typed again.

use std::collections::VecDeque;
use std::time::Duration;

use crate::chat::archive::BanKind;
use crate::chat::command::BanCommand;
use crate::chat::ids::ClientId;
use crate::chat::time::Timestamp;

/// The time for the second line.
const REPEAT_TIME: Duration = Duration::from_secs(60);

/// Lines that are remembered: nobody means more of them at a time.
const REPEATS_MAX: usize = 16;

/// See the module's text.
#[derive(Debug, Default)]
pub struct Repeats(VecDeque<Typed>);

#[derive(Debug)]
struct Typed {
    by: ClientId,
    until: Timestamp,
    whom: Box<str>,
    kind: BanKind,
    time: Option<Duration>,
    why: Option<Box<str>>,
}

impl Repeats {
    /// Whether `by` has typed this just before. If not, it is remembered that they have now.
    pub fn is_second(&mut self, now: Timestamp, by: ClientId, ban: &BanCommand<'_>) -> bool {
        self.0.retain(|typed| typed.until > now);
        let place = self.0.iter().position(|typed| {
            typed.by == by
                && *typed.whom == *ban.whom
                && typed.kind == ban.kind
                && typed.time == ban.time
                && typed.why.as_deref() == ban.why
        });
        if let Some(place) = place {
            self.0.remove(place);
            return true;
        }
        if self.0.len() >= REPEATS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Typed {
            by,
            until: now.after(REPEAT_TIME),
            whom: ban.whom.into(),
            kind: ban.kind,
            time: ban.time,
            why: ban.why.map(Box::from),
        });
        false
    }
}
