//! Deeds of operators: their words, and those of late where there is no store to remember them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::chat::archive::{Deed, PastDeed};
use crate::chat::cut_note;

/// Deeds that are remembered without a store.
const DEEDS_MAX: usize = 1000;

/// The newest first.
#[derive(Debug, Default)]
pub struct DeedsOfLate(VecDeque<Deed>);

impl DeedsOfLate {
    pub fn push(&mut self, deed: Deed) {
        self.0.truncate(DEEDS_MAX - 1);
        self.0.push_front(deed);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// So many, behind so many that are newer.
    pub fn page(&self, skip: usize, count: usize) -> Vec<PastDeed> {
        let deeds = self.0.iter().skip(skip).take(count);
        deeds.map(past).collect()
    }
}

/// A deed as it is shown.
pub fn past(deed: &Deed) -> PastDeed {
    PastDeed {
        at: deed.at,
        who: deed.who.as_str().into(),
        what: deed.what.into(),
        whom: deed.whom.clone(),
        room: deed.room.map(|room| room.as_str().into()),
        text: deed.text.clone(),
    }
}

/// For how long and why, as that would be typed.
pub fn how_long_and_why(time: Option<Duration>, why: Option<&str>) -> Option<Box<str>> {
    match (time.map(typed_time), why.map(cut_note)) {
        (Some(time), Some(why)) => Some(format!("{time} {why}").into()),
        (Some(time), None) => Some(time.into()),
        (None, why) => why.map(Box::from),
    }
}

fn typed_time(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(604_800, 'w'), (86_400, 'd'), (3600, 'h'), (60, 'm')];
    let unit = units.iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (unit, letter) = unit.unwrap_or(&(1, 's'));
    format!("{}{letter}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::name::Name;

    #[test]
    fn last_thousand_are_remembered() {
        let mut deeds = DeedsOfLate::default();
        for at in 0..1500 {
            let who = Name::parse("boss").unwrap();
            let (what, whom, room, text) = ("kick", None, None, None);
            deeds.push(Deed {
                at,
                who,
                what,
                whom,
                room,
                text,
            });
        }
        assert_eq!(deeds.len(), DEEDS_MAX);
        let page: Vec<u64> = deeds.page(998, 20).iter().map(|deed| deed.at).collect();
        assert_eq!(page, [501, 500]);
    }

    #[test]
    fn time_is_noted_as_it_would_be_typed() {
        for (seconds, why, noted) in [
            (Some(7200), Some("spam"), Some("2h spam")),
            (Some(90), None, Some("90s")),
            (Some(1_209_600), None, Some("2w")),
            (None, Some("spam"), Some("spam")),
            (None, None, None),
        ] {
            let time = seconds.map(Duration::from_secs);
            assert_eq!(how_long_and_why(time, why).as_deref(), noted);
        }
    }
}
