//! Accounts that nobody may use for a while: not by a password, a token or a code, and not by a connection that
//! is there already.

use crate::chat::archive::{Archive, Change};
use crate::chat::close_reason::CloseReason;
use crate::chat::event::{Barred, BarredFrom, Event, OperatorEvent};
use crate::chat::ids::AccountId;
use crate::chat::name::Name;
use crate::chat::operators::effects::OperatorEffect;
use crate::chat::outbox::Outbox;
use crate::chat::refusal::{OperatorRefusal, Refusal};
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome, Sender, check_note};

impl Chat {
    /// `/suspend`: the account's connections end in this step.
    pub(super) fn suspend<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        typed: &'a str,
        why: Option<&'a str>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        check_note(why)?;
        let (account, name) = self.account_named(typed)?;
        if self.settings.operators.contains(&name) {
            return Err(OperatorRefusal::IsOperator { name }.into());
        }
        let kept: Box<str> = why.unwrap_or_default().into();
        self.operators.suspended.insert(account, kept.clone());
        let event = Event::Operator(OperatorEvent::Barred(Barred {
            from: BarredFrom::Account,
            why: why.unwrap_or_default(),
            until: None,
            by: Some(&sender.name),
        }));
        for id in self.connections_of_account(account) {
            self.end_connection(now, id, &event, CloseReason::AccountEnded, outbox);
        }
        let why = Some(kept.clone());
        let is_taken = archive
            .change(Change::SetSuspended { account, why })
            .is_some();
        let noted = Some(kept).filter(|why| !why.is_empty());
        let deed = Self::server_deed(now, sender, "suspend", Some(name.as_str()), noted);
        let effect = OperatorEffect::Suspended { name };
        self.done(now, sender, is_taken, deed, effect, outbox, archive)
    }

    /// `/unsuspend`
    pub(super) fn unsuspend<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        typed: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let (account, name) = self.account_named(typed)?;
        if self.operators.suspended.remove(&account).is_none() {
            return Err(OperatorRefusal::NotSuspended { name }.into());
        }
        let why = None;
        let is_taken = archive
            .change(Change::SetSuspended { account, why })
            .is_some();
        let deed = Self::server_deed(now, sender, "unsuspend", Some(name.as_str()), None);
        let effect = OperatorEffect::Unsuspended { name };
        self.done(now, sender, is_taken, deed, effect, outbox, archive)
    }

    /// The account of a name as typed.
    pub(super) fn account_named<'a>(
        &self,
        typed: &'a str,
    ) -> Result<(AccountId, Name), Refusal<'a>> {
        let given = typed.strip_prefix('@').unwrap_or(typed);
        let missing = Refusal::NoSuchUser { given };
        let name = Name::parse(given).map_err(|_| missing)?;
        let account = self.accounts.find(&name).ok_or(missing)?;
        let name = self.accounts.name_of(account).ok_or(missing)?;
        Ok((account, name))
    }
}
