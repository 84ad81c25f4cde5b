//! What follows once the archive has answered an operator's command.

use crate::chat::archive::{BanKind, UnixMs};
use crate::chat::event::{BanView, Banned};
use crate::chat::ids::AccountId;
use crate::chat::name::Name;
use crate::chat::secret::Secret;

/// Once it is kept: the answer. What was done holds already, whether it is kept or not.
#[derive(Debug)]
pub enum OperatorEffect {
    /// `/kick *`
    Kicked { name: Name },
    /// `/mute *`
    Muted { name: Name, until: Option<UnixMs> },
    /// `/unmute *`
    Unmuted { name: Name },
    /// `/ban`
    Banned(NewBan),
    /// `/unban`
    Unbanned { number: u32 },
    /// `/suspend`
    Suspended { name: Name },
    /// `/unsuspend`
    Unsuspended { name: Name },
    /// `/reset`: a code counts only once it is kept.
    CodeMade {
        name: Name,
        code: Secret,
        until: UnixMs,
    },
    /// `/announce`
    Announced { text: Box<str> },
    /// `/reload`
    Reloading,
    /// `/backup`
    BackedUp { file: Box<str> },
}

impl OperatorEffect {
    /// Whether it holds until the restart, though it is not kept.
    pub fn is_done(&self) -> bool {
        !matches!(self, Self::CodeMade { .. })
    }
}

/// A ban, as its maker is told of it.
#[derive(Debug)]
pub struct NewBan {
    pub number: u32,
    pub whom: Banned,
    pub kind: BanKind,
    pub until: Option<UnixMs>,
    /// How many who are here it caught.
    pub matches: usize,
}

impl NewBan {
    pub fn view(&self) -> BanView<'_> {
        BanView {
            number: Some(self.number),
            whom: self.whom,
            typed: "",
            kind: self.kind,
            until: self.until,
            matches: self.matches,
        }
    }
}

/// Once a question or a hash is answered.
#[derive(Debug)]
pub enum OperatorStep {
    /// The code of `/reset` was made.
    CodeMade { account: AccountId, name: Name },
    /// A page of deeds was read.
    DeedsRead { page: usize },
    /// The copy is written.
    BackedUp,
}
