//! Making an account, its password, its end.

use crate::chat::accounts::skeleton::Skeleton;
use crate::chat::archive::{Archive, Change, HashWork, Hashed, UnixMs};
use crate::chat::client::Client;
use crate::chat::event::{AccountReply, Event, Need, Notice};
use crate::chat::ids::{AccountId, ClientId, UserId};
use crate::chat::name::Name;
use crate::chat::outbox::Outbox;
use crate::chat::pending::Response;
use crate::chat::refusal::{AccountRefusal, Refusal};
use crate::chat::secret::Secret;
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome, Sender, answer};

use super::codes::is_code;
use super::expiry::HELD_TIME;
use super::login::{Checked, is_token};
use crate::chat::accounts::effects::{AccountEffect, AccountStep, Guarded};
use crate::chat::accounts::guard::Charge;
use crate::chat::accounts::prompts::Asked;
use crate::chat::accounts::table::Versions;

/// The least length of a password, in bytes: shorter ones are guessed.
pub const PASSWORD_BYTES_MIN: usize = 8;

/// The greatest: more says no more, and is hashed all the same.
pub const PASSWORD_BYTES_MAX: usize = 128;

const NOT_KEPT: AccountRefusal = AccountRefusal::NotKept { is_late: false };

impl Chat {
    /// `/account`
    pub(super) fn show_account<'a, O: Outbox>(
        &self,
        id: ClientId,
        sender: Option<&Sender>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let owner = self.owner(id).ok();
        let account = owner.and_then(|owner| self.accounts.get(owner.account));
        let Some(account) = account else {
            let name = sender.map(|sender| &sender.name);
            return answer(outbox, id, AccountReply::Guest { name });
        };
        let user = self.directory.user_of(id);
        let connections = user.map_or(0, |user| self.directory.connections_of(user).count());
        let reply = AccountReply::Account {
            name: account.name(),
            since: account.made_at(),
            tokens: account.tokens(),
            connections,
            settings: account.settings().view(),
        };
        answer(outbox, id, reply)
    }

    /// `/account new`: asks for a password.
    pub(super) fn begin_account<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        sender: Option<&Sender>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        if let Ok(owner) = self.owner(id) {
            return Err(AccountRefusal::AlreadyAccount { name: owner.name }.into());
        }
        let wanted = self.directory.get(id).and_then(Client::wanted_name);
        let name = sender.map(|sender| sender.name).or(wanted);
        let name = name.ok_or(Refusal::NotRegistered)?;
        self.check_room_for_account()?;
        self.check_encrypted(id)?;
        self.check_unclaimed(&name)?;
        self.check_operators_name(id, &name)?;
        let peer = self.peer_of(id).ok_or(Refusal::NotRegistered)?;
        let limits = &self.settings.accounts;
        if !self.guard.may_make(now.timestamp, limits, &peer) {
            return Err(AccountRefusal::TooManyAccounts.into());
        }
        outbox.send(id, &Event::Notice(Notice::WhoReads));
        self.warn_unencrypted(id, outbox)?;
        let need = Need::NewPassword(&name);
        self.prompt(now.timestamp, id, Asked::NewAccount(name), need, outbox)
    }

    fn check_room_for_account(&self) -> Result<(), Refusal<'static>> {
        let limits = &self.settings.accounts;
        if !limits.may_be_made || self.accounts.names_used() >= limits.accounts_max {
            return Err(AccountRefusal::TooManyAccounts.into());
        }
        Ok(())
    }

    /// The password of a new account is there: from now on its name is claimed.
    pub(super) fn hash_new_account<'a>(
        &mut self,
        now: Now,
        id: ClientId,
        name: &Name,
        password: &str,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let password = strong(password)?;
        self.check_room_for_account()?;
        self.check_unclaimed(name)?;
        self.check_operators_name(id, name)?;
        let peer = self.peer_of(id).ok_or(Refusal::NotRegistered)?;
        let limits = &self.settings.accounts;
        let charge = self.guard.charge_making(now.timestamp, limits, &peer);
        let charge = charge.ok_or(AccountRefusal::TooManyAccounts)?;
        let Some(ticket) = archive.hash(HashWork::MakePassword(password)) else {
            self.guard.give_back_making(charge);
            return Err(AccountRefusal::Busy.into());
        };
        self.accounts.claim_name(name, id);
        let step = AccountStep::NewAccountHashed {
            name: *name,
            charge,
        };
        self.then(now, id, Some(ticket), step)
    }

    /// The password of a new account is hashed: it is made once that is kept.
    pub(super) fn make_account(
        &mut self,
        now: Now,
        id: ClientId,
        name: Name,
        charge: Charge,
        response: Response,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let made = self.try_to_make(now, id, name, charge, response, archive);
        if made.is_err() {
            self.accounts.release_name(&name);
            self.guard.give_back_making(charge);
        }
        made
    }

    fn try_to_make(
        &mut self,
        now: Now,
        id: ClientId,
        name: Name,
        charge: Charge,
        response: Response,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let Response::Hashed(Hashed::Password(password)) = response else {
            return Err(AccountRefusal::Busy.into());
        };
        let guest = self.directory.user_of(id);
        let account = self
            .accounts
            .mint()
            .ok_or(AccountRefusal::TooManyAccounts)?;
        let at = now.unix_ms;
        let ticket = archive.change(Change::MakeAccount {
            account,
            name,
            skeleton: Skeleton::of(&name).as_str().into(),
            password,
            at,
        });
        let ticket = ticket.ok_or(NOT_KEPT)?;
        self.accounts.keep_name(&name);
        let effect = AccountEffect::Made {
            account,
            name,
            at,
            guest,
            charge,
        };
        let answered = Ok(self.once_kept(now, Some(id), ticket, effect));
        // What is said to an account is kept.
        self.reserve_lines(now.timestamp, archive);
        answered
    }

    /// There is an account more.
    #[expect(
        clippy::too_many_arguments,
        reason = "a step has all that it goes on with"
    )]
    pub(super) fn account_made<O: Outbox>(
        &mut self,
        now: Now,
        client: Option<ClientId>,
        account: AccountId,
        name: Name,
        at: UnixMs,
        guest: Option<UserId>,
        outbox: &mut O,
    ) -> Outcome<'static> {
        self.accounts.insert(account, name, at);
        // A guest who was not answered in time can have gone on.
        let is_its_guest = |guest: &UserId| self.directory.name_of(*guest) == Some(name);
        let is_guest = |guest: &UserId| self.account_of(*guest).is_none();
        if let Some(guest) = guest.filter(is_its_guest).filter(is_guest) {
            self.own(guest, account);
            self.note_rooms(now.timestamp, guest);
        }
        let Some(client) = client else {
            return Ok(Answered::Now);
        };
        if self.directory.user_of(client).is_none() {
            self.come_in(now, client, account, outbox)?;
            return self.answer_login(client, &[], 0, outbox);
        }
        answer(outbox, client, AccountReply::Made { name: &name })
    }

    /// `/account password` and `/account drop`: asks for the password that there is.
    pub(super) fn ask_old_password<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        then: Guarded,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let owner = self.owner(id)?;
        self.warn_unencrypted(id, outbox)?;
        let asked = Asked::OldPassword(owner.account, then);
        let need = Need::Password(&owner.name);
        self.prompt(now.timestamp, id, asked, need, outbox)
    }

    /// Has the password checked that there is. A token does not do: who finds one must not get the account.
    pub(super) fn check_old_password<'a>(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        password: &str,
        then: Guarded,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let seen = self.versions_of(Some(account));
        let charge = self.charge(now, id, Some(account))?;
        let work = HashWork::CheckPassword {
            account: Some(account),
            password: Secret::new(password),
        };
        let Some(ticket) = archive.hash(work) else {
            self.guard.give_back(charge);
            return Err(AccountRefusal::Busy.into());
        };
        let step = AccountStep::OldPasswordChecked {
            account,
            seen,
            charge,
            then,
        };
        self.then(now, id, Some(ticket), step)
    }

    /// The password that there is was checked: asks for what comes next.
    #[expect(
        clippy::too_many_arguments,
        reason = "a step has all that it goes on with"
    )]
    pub(super) fn old_password_checked<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        seen: Versions,
        charge: Charge,
        checked: Option<Checked>,
        then: Guarded,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let own = Some(account);
        self.password_is_right(id, own, seen, charge, checked, outbox, archive)?;
        let owner = self.owner(id)?;
        if owner.account != account {
            return Err(AccountRefusal::WrongPassword.into());
        }
        let name = &owner.name;
        let (asked, need) = match then {
            Guarded::SetPassword => {
                let asked = Asked::NewPassword(account, seen);
                (asked, Need::NewPassword(name))
            }
            Guarded::Drop => (Asked::NameToDrop(account, seen), Need::NameToDrop(name)),
        };
        self.prompt(now.timestamp, id, asked, need, outbox)
    }

    /// Refuses a change by one who knew a password that is no more, or about to be none.
    fn check_unchanged(&self, account: AccountId, seen: Versions) -> Result<(), Refusal<'static>> {
        let record = self.accounts.get(account);
        let record = record.filter(|record| record.versions().password == seen.password);
        let record = record.ok_or(AccountRefusal::WrongPassword)?;
        if record.is_changing() {
            return Err(AccountRefusal::Busy.into());
        }
        Ok(())
    }

    /// A new password is there.
    pub(super) fn hash_new_password<'a>(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        seen: Versions,
        password: &str,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let password = strong(password)?;
        self.check_unchanged(account, seen)?;
        let ticket = archive.hash(HashWork::MakePassword(password));
        let step = AccountStep::NewPasswordHashed { account, seen };
        self.then(now, id, ticket, step)
    }

    /// A new password is hashed: it counts once that is kept.
    pub(super) fn set_password(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        seen: Versions,
        response: Response,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let Response::Hashed(Hashed::Password(password)) = response else {
            return Err(AccountRefusal::Busy.into());
        };
        self.check_unchanged(account, seen)?;
        let ends_tokens = true;
        let ticket = archive.change(Change::SetPassword {
            account,
            password,
            ends_tokens,
        });
        let ticket = ticket.ok_or(NOT_KEPT)?;
        self.accounts.set_changing(account, true);
        let by = id;
        Ok(self.once_kept(
            now,
            Some(id),
            ticket,
            AccountEffect::PasswordSet { account, by },
        ))
    }

    /// A new password counts: whoever is here by the old one is so no longer.
    pub(super) fn password_set<O: Outbox>(
        &mut self,
        now: Now,
        client: Option<ClientId>,
        account: AccountId,
        by: ClientId,
        outbox: &mut O,
    ) -> Outcome<'static> {
        self.accounts.set_password(account);
        self.end_others(now, account, Some(by), outbox);
        // One that was told that this is not certain can be another's by now.
        let is_here = self.connections_of_account(account).contains(&by);
        if let Some(client) = self.directory.get_mut(by).filter(|_| is_here) {
            client.set_came_by(None);
        }
        let name = self.accounts.name_of(account);
        let (Some(client), Some(name)) = (client, name) else {
            return Ok(Answered::Now);
        };
        answer(
            outbox,
            client,
            AccountReply::PasswordChanged { name: &name },
        )
    }

    /// The name of the account that is to be gone is there: it is once that is kept.
    pub(super) fn drop_account<'a>(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        seen: Versions,
        typed: &str,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        self.check_unchanged(account, seen)?;
        let name = self.owner(id)?.name;
        if Name::parse(typed.trim_ascii()) != Ok(name) {
            return Err(AccountRefusal::OtherName.into());
        }
        let held_until = now.unix_ms.saturating_add(HELD_TIME);
        let ticket = archive.change(Change::DropAccount {
            account,
            name,
            held_until,
        });
        let ticket = ticket.ok_or(NOT_KEPT)?;
        self.accounts.set_changing(account, true);
        let effect = AccountEffect::Dropped {
            account,
            by: Some(id),
            held_until,
        };
        Ok(self.once_kept(now, Some(id), ticket, effect))
    }

    /// An account is gone, and with it all that it was here by.
    pub(super) fn account_dropped<O: Outbox>(
        &mut self,
        now: Now,
        client: Option<ClientId>,
        account: AccountId,
        by: Option<ClientId>,
        held_until: UnixMs,
        outbox: &mut O,
    ) -> Outcome<'static> {
        self.end_others(now, account, by, outbox);
        if let Some(last) = self.connections_of_account(account).first() {
            self.become_nameless(now, *last, outbox);
        }
        self.guard.forget(account);
        self.forget_account(account);
        self.operators.forget_account(account);
        let record = self.accounts.remove(account, held_until);
        let (Some(client), Some(record)) = (client, record) else {
            return Ok(Answered::Now);
        };
        let name = record.name();
        answer(outbox, client, AccountReply::Dropped { name })
    }
}

/// Takes a new password as it is: from its first byte to its last.
fn strong(password: &str) -> Result<Secret, Refusal<'static>> {
    let (bytes_min, bytes_max) = (PASSWORD_BYTES_MIN, PASSWORD_BYTES_MAX);
    if (bytes_min..=bytes_max).contains(&password.len())
        && !is_token(password)
        && !is_code(password)
    {
        return Ok(Secret::new(password));
    }
    Err(AccountRefusal::WeakPassword {
        bytes_min,
        bytes_max,
    }
    .into())
}
