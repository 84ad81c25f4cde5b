//! What a connection was asked for. Its very next line decides: it is the answer, or blank and cancels.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::chat::archive::UnixMs;
use crate::chat::ids::{AccountId, ClientId};
use crate::chat::name::Name;
use crate::chat::time::Timestamp;

use super::effects::Guarded;
use super::table::Versions;

/// The time for an answer. One who went to look for a password comes back and begins anew.
const PROMPT_TIME: Duration = Duration::from_secs(60);

/// A question to a connection.
#[derive(Clone, Copy, Debug)]
pub struct Prompt {
    until: Timestamp,
    asked: Asked,
}

/// What is asked for, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The password or a token of an account, to log in.
    Login(Name),
    /// The password of a new account.
    NewAccount(Name),
    /// The password of one's account, before something that only its owner may do.
    OldPassword(AccountId, Guarded),
    /// A new password of one's account.
    NewPassword(AccountId, Versions),
    /// A new password, of one who has a code that counts until then.
    PasswordByCode(AccountId, Versions, UnixMs),
    /// The name of one's account, which is to be dropped.
    NameToDrop(AccountId, Versions),
}

impl Prompt {
    pub fn asked(&self) -> Asked {
        self.asked
    }

    /// When it ends without an answer.
    pub fn until(&self) -> Timestamp {
        self.until
    }
}

impl Asked {
    /// Whether the answer is to be seen by nobody.
    pub fn is_secret(self) -> bool {
        !matches!(self, Self::NameToDrop(..))
    }
}

/// When the questions end that have no answer yet.
#[derive(Debug, Default)]
pub struct Prompts(BTreeSet<(Timestamp, ClientId)>);

impl Prompts {
    /// Notes that a connection is asked for something.
    pub fn begin(&mut self, now: Timestamp, id: ClientId, asked: Asked) -> Prompt {
        let until = now.after(PROMPT_TIME);
        self.0.insert((until, id));
        Prompt { until, asked }
    }

    /// A question has its answer, or needs none any more.
    pub fn end(&mut self, id: ClientId, prompt: &Prompt) {
        self.0.remove(&(prompt.until, id));
    }

    /// A connection whose time for an answer is over.
    pub fn first_late(&self, now: Timestamp) -> Option<ClientId> {
        let (until, id) = self.0.first()?;
        (*until <= now).then_some(*id)
    }

    /// All connections that are asked, and until when.
    pub fn iter(&self) -> impl Iterator<Item = (Timestamp, ClientId)> {
        self.0.iter().copied()
    }

    /// The time at which the next one ends.
    pub fn next_due(&self) -> Timestamp {
        self.0.first().map_or(Timestamp::NEVER, |(until, _)| *until)
    }
}
