//! What is known of order in the whole server: bans, suspended accounts, deeds of late.

pub mod bans;
pub mod deeds;
pub mod effects;
pub mod nets;
pub mod repeats;
pub mod silences;

use std::collections::HashMap;

use ahash::RandomState;

use super::archive::Restored;
use super::ids::AccountId;

use bans::Bans;
use deeds::DeedsOfLate;
use repeats::Repeats;

/// What is known of order in the whole server.
#[derive(Debug)]
pub struct Operators {
    pub bans: Bans,
    /// Accounts that cannot log in, and why: perhaps an empty text.
    pub suspended: HashMap<AccountId, Box<str>, RandomState>,
    /// What operators did, where there is no store to remember it.
    pub deeds: DeedsOfLate,
    /// Bans that are made once they are typed again.
    pub repeats: Repeats,
}

impl Operators {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            bans: Bans::new(hasher),
            suspended: HashMap::with_hasher(hasher.clone()),
            deeds: DeedsOfLate::default(),
            repeats: Repeats::default(),
        }
    }

    /// Takes in what was kept before the server started.
    pub fn restore(&mut self, restored: &mut Restored) {
        for kept in &mut restored.accounts {
            if let Some(why) = kept.suspended.take() {
                self.suspended.insert(kept.account, why);
            }
        }
        let bans = std::mem::take(&mut restored.bans);
        self.bans.restore(bans, restored.last_ban);
    }

    /// An account is gone, and its number is never another's.
    pub fn forget_account(&mut self, account: AccountId) {
        self.suspended.remove(&account);
    }
}
