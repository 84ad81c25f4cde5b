//! What operators did of late, where there is no store to remember it.

use std::collections::VecDeque;

use crate::chat::archive::{Deed, PastDeed};

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
}
