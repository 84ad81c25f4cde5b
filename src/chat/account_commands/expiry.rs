//! Accounts that nobody uses any more: they end, and their names are free a while later.

use std::time::Duration;

use crate::chat::Chat;
use crate::chat::archive::{Archive, Change, UnixMs};
use crate::chat::ids::AccountId;
use crate::chat::time::{Now, Timestamp};

use crate::chat::accounts::effects::AccountEffect;
use crate::chat::accounts::table::Account;

/// A day, in milliseconds.
pub const DAY: UnixMs = 24 * 60 * 60 * 1000;

/// How long the name of an account that is gone is nobody's: until those who knew its owner know that.
pub const HELD_TIME: UnixMs = 90 * DAY;

/// An account that was used on one day only ends after this time.
const TRIED_TIME: UnixMs = 14 * DAY;

/// How often it is looked for accounts that ended. Not by the calendar, whose clock may stand still or jump.
const CHECK_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Accounts that end in one check, at most: a clock that leaps ahead takes a hundred a day, and not all of them
/// before anybody has seen it.
const ENDED_PER_CHECK_MAX: usize = 4;

/// Uses noted in one check, at most: each is a change to be kept, and the rest is noted in the next.
const USES_PER_CHECK_MAX: usize = 1000;

/// When it is looked for accounts that ended.
#[derive(Debug, Default)]
pub struct Expiry {
    next: Timestamp,
    /// It was looked once, at the start.
    has_begun: bool,
}

impl Chat {
    /// The time at which it is to be looked for accounts that ended.
    pub(in crate::chat) fn next_account_check(&self) -> Timestamp {
        if self.accounts.is_empty() {
            return Timestamp::NEVER;
        }
        self.expiry.next
    }

    /// Ends accounts that nobody uses any more, and notes that others are in use.
    pub(in crate::chat) fn check_accounts(&mut self, now: Now, archive: &mut dyn Archive) {
        if self.next_account_check() > now.timestamp {
            return;
        }
        self.expiry.next = now.timestamp.after(CHECK_INTERVAL);
        self.accounts.release_held(now.unix_ms);
        if !archive.is_open() {
            return;
        }
        self.note_uses(now, archive);
        // A machine may set its clock only after the start: nobody's account ends by the first look at it.
        if !std::mem::replace(&mut self.expiry.has_begun, true) {
            return;
        }
        let days_max = self.settings.accounts.days_max;
        let ended = self.accounts.iter();
        let ended = ended.filter(|(_, account)| has_ended(account, now.unix_ms, days_max));
        let ended: Vec<AccountId> = ended.map(|(id, _)| id).take(ENDED_PER_CHECK_MAX).collect();
        for account in ended {
            self.end_account(now, account, archive);
        }
    }

    /// Notes the accounts that are here as used: one who stays for a year is no stranger.
    fn note_uses(&mut self, now: Now, archive: &mut dyn Archive) {
        let here = self.accounts.iter().filter(|(_, account)| {
            account.user().is_some() && now.unix_ms.saturating_sub(account.seen_at()) >= DAY
        });
        let here: Vec<AccountId> = here.map(|(id, _)| id).take(USES_PER_CHECK_MAX).collect();
        for account in here {
            let at = now.unix_ms;
            if self.accounts.note_use(account, at, DAY) {
                let _ = archive.change(Change::UseAccount { account, at });
            }
        }
    }

    fn end_account(&mut self, now: Now, account: AccountId, archive: &mut dyn Archive) {
        let Some(name) = self.accounts.name_of(account) else {
            return;
        };
        let held_until = now.unix_ms.saturating_add(HELD_TIME);
        let ticket = archive.change(Change::DropAccount {
            account,
            name,
            held_until,
        });
        // If it is not taken, the next check tries again.
        if let Some(ticket) = ticket {
            self.accounts.set_changing(account, true);
            let by = None;
            let effect = AccountEffect::Dropped {
                account,
                by,
                held_until,
            };
            let _ = self.once_kept(now, None, ticket, effect);
        }
    }
}

/// Whether nobody has used an account for too long. A clock that went back makes no account old.
fn has_ended(account: &Account, unix_ms: UnixMs, days_max: u32) -> bool {
    if account.user().is_some() || account.is_changing() {
        return false;
    }
    let unused = unix_ms.saturating_sub(account.seen_at());
    let was_tried_only = account.seen_at().saturating_sub(account.made_at()) < DAY;
    unused > u64::from(days_max) * DAY || (was_tried_only && unused > TRIED_TIME)
}
