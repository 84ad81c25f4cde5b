//! Who may come in: asked when a connection is accepted, when it takes a name, and when it logs in.

use std::time::Duration;

use crate::chat::accounts::skeleton::Skeleton;
use crate::chat::archive::{BanKind, UnixMs};
use crate::chat::close_reason::CloseReason;
use crate::chat::event::{Barred, BarredFrom, Event, OperatorEvent};
use crate::chat::ids::{AccountId, ClientId, Peer};
use crate::chat::name::Name;
use crate::chat::operators::bans::{ListedBan, Verdict, address_of};
use crate::chat::outbox::Outbox;
use crate::chat::refusal::{OperatorRefusal, Refusal, SessionRefusal};
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome};

impl Chat {
    /// What one who connects is told, if their address is banned.
    #[must_use]
    pub fn barred(&self, now: Now, peer: &Peer) -> Option<Event<'_>> {
        let address = Some(address_of(peer)?);
        let bans = &self.operators.bans;
        let verdict = bans.verdict(BanKind::Out, address, None, now.unix_ms)?;
        Some(barred_event(BarredFrom::Coming, verdict))
    }

    /// Takes over the bans that the operator's file lists now. Who is here and is caught by one goes.
    pub fn set_listed_bans<O: Outbox>(&mut self, now: Now, listed: Vec<ListedBan>, outbox: &mut O) {
        self.operators.bans.set_listed(listed);
        let ids: Vec<ClientId> = self.directory.ids().collect();
        for id in ids {
            if self.operates_server(id) {
                continue;
            }
            let Some(peer) = self.peer_of(id) else {
                continue;
            };
            // The text is the list's, and ending a connection changes the rest.
            let why = match self.barred(now, &peer) {
                Some(Event::Operator(OperatorEvent::Barred(barred))) if barred.by.is_none() => {
                    Box::<str>::from(barred.why)
                }
                _ => continue,
            };
            let verdict = Verdict {
                why: &why,
                until: None,
                by: None,
            };
            let event = barred_event(BarredFrom::Coming, verdict);
            self.end_connection(now, id, &event, CloseReason::Banned, outbox);
        }
    }

    /// The operators that are no accounts yet.
    pub fn missing_operators(&self) -> impl Iterator<Item = &Name> {
        let operators = self.settings.operators.iter();
        operators.filter(|name| self.accounts.find(name).is_none())
    }

    /// Refuses to make an account that would be an operator's, unless its maker is one already or on this
    /// machine; and one that looks like it, which would keep it from being made.
    pub(in crate::chat) fn check_operators_name(
        &self,
        id: ClientId,
        name: &Name,
    ) -> Result<(), Refusal<'static>> {
        let skeleton = Skeleton::of(name);
        let mut operators = self.settings.operators.iter();
        if !operators.any(|operator| Skeleton::of(operator) == skeleton) {
            return Ok(());
        }
        let client = self.directory.get(id);
        let may = client.is_some_and(|client| {
            let is_near = matches!(client.peer(), Peer::Tcp(_)) && client.peer().is_local();
            client.is_trusted() || is_near
        });
        if may {
            return Ok(());
        }
        Err(SessionRefusal::NameReserved { name: *name }.into())
    }

    /// Refuses a login to an account that may not be used, or not be here. Returns whether it was refused.
    pub(in crate::chat) fn refuse_login<O: Outbox>(
        &self,
        now: Now,
        id: ClientId,
        account: AccountId,
        outbox: &mut O,
    ) -> Option<Outcome<'static>> {
        let name = self.accounts.name_of(account);
        if name.is_some_and(|name| self.settings.operators.contains(&name)) {
            return None;
        }
        if let Some(why) = self.operators.suspended.get(&account) {
            return Some(refuse(id, OperatorRefusal::Suspended { why }, outbox));
        }
        let bans = &self.operators.bans;
        let verdict = bans.verdict(BanKind::Out, None, Some(account), now.unix_ms)?;
        if self.operates_server(id) {
            return None;
        }
        let refusal = OperatorRefusal::Banned {
            why: verdict.why,
            left: left(verdict.until, now),
        };
        Some(refuse(id, refusal, outbox))
    }

    /// Refuses a name to one from whose address only accounts may come.
    pub(in crate::chat) fn refuse_guest<O: Outbox>(
        &self,
        now: Now,
        id: ClientId,
        outbox: &mut O,
    ) -> Option<Outcome<'static>> {
        let address = Some(address_of(&self.peer_of(id)?)?);
        let bans = &self.operators.bans;
        let verdict = bans.verdict(BanKind::LoginRequired, address, None, now.unix_ms)?;
        let refusal = OperatorRefusal::MustLogIn {
            why: verdict.why,
            left: left(verdict.until, now),
        };
        Some(refuse(id, refusal, outbox))
    }
}

/// What one who is caught is told.
pub fn barred_event(from: BarredFrom, verdict: Verdict<'_>) -> Event<'_> {
    let Verdict { why, until, by } = verdict;
    Event::Operator(OperatorEvent::Barred(Barred {
        from,
        why,
        until,
        by,
    }))
}

/// Sends a refusal whose text is the chat's own.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it ends a command, and commands can fail"
)]
pub fn refuse<O: Outbox>(
    id: ClientId,
    refusal: OperatorRefusal<'_>,
    outbox: &mut O,
) -> Outcome<'static> {
    outbox.send(id, &Event::Error(refusal.into()));
    Ok(Answered::Now)
}

/// How long something holds yet.
pub fn left(until: Option<UnixMs>, now: Now) -> Option<Duration> {
    Some(Duration::from_millis(until?.saturating_sub(now.unix_ms)))
}
