//! Being called, and being told: names in what is said, the bell, receipts, and an operator's bridge.
//!
//! `mentions` finds names in lines and has them ring; `progress` remembers how far private messages have got, of
//! which `receipts` tells their senders; `bridge` remembers whom an operator's bridge was told of, which `notify`
//! does.

mod bridge;
mod mentions;
mod notify;
mod progress;
mod receipts;

use ahash::RandomState;

use super::archive::Restored;
use super::ids::{AccountId, ClientId};
use super::time::Timestamp;

use bridge::Bridge;
use progress::Progress;

pub use bridge::{FEEDS_MAX, WAITING_INTERVAL};
pub use mentions::{MENTION_WORDS_MAX, MENTIONED_MAX};
pub use progress::RECEIPT_INTERVAL;

/// All that must be remembered for calls.
#[derive(Debug)]
pub(super) struct Calls {
    progress: Progress,
    bridge: Bridge,
}

impl Calls {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            progress: Progress::new(hasher),
            bridge: Bridge::new(hasher),
        }
    }

    /// Takes in what was kept before the server started.
    pub fn restore(&mut self, restored: &Restored) {
        for account in &restored.accounts {
            self.bridge
                .set_text(account.account, account.notify.clone());
        }
    }

    /// A connection has ended.
    pub fn forget_client(&mut self, client: ClientId) {
        self.progress.forget_client(client);
        self.bridge.feed(client, false);
    }

    /// An account is gone.
    pub fn drop_account(&mut self, account: AccountId) {
        self.progress.drop_account(account);
        self.bridge.drop_account(account);
    }

    /// When something is to be done.
    pub fn next_due(&self) -> Timestamp {
        self.progress.next_due().min(self.bridge.next_due())
    }

    /// Panics if what is remembered disagrees.
    pub fn check_invariants(&self) {
        self.progress.check_invariants();
        self.bridge.check_invariants();
    }
}
