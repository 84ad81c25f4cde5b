//! Account commands: who owns a name, and how they show that it is theirs.
//!
//! What is changed takes place once it is known to be kept, and in that step: an account is not made, a
//! password not new, a session not ended before, and nothing of that waits for longer.

mod codes;
mod endings;
pub(super) mod expiry;
mod login;
mod manage;
mod names;
mod prompting;
mod tokens;

use super::accounts::effects::{AccountEffect, AccountStep, Guarded};
use super::accounts::prompts::Asked;
use super::archive::{Answer, Archive, NotKept, Ticket};
use super::command::{AccountCommand, Command, MessageCommand};
use super::event::{Event, Notice};
use super::ids::{AccountId, ClientId};
use super::name::Name;
use super::outbox::Outbox;
use super::pending::{Effect, Response, Step};
use super::refusal::{AccountRefusal, Refusal};
use super::time::Now;
use super::{Answered, Chat, Outcome, Sender};

use login::checked;
use tokens::show_tokens;

/// The account of a connection's user, and its name.
#[derive(Clone, Copy, Debug)]
struct Owner {
    account: AccountId,
    name: Name,
}

impl Chat {
    pub(super) fn execute_account<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        sender: Option<&Sender>,
        command: AccountCommand<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let needs_store = match command {
            AccountCommand::BareLogin { .. } => false,
            // Whoever has logged in can log out, too.
            AccountCommand::Logout => !self.is_account(sender),
            _ => true,
        };
        if needs_store && !archive.is_open() {
            return Err(AccountRefusal::NoStore.into());
        }
        match command {
            AccountCommand::Show => self.show_account(id, sender, outbox),
            AccountCommand::New => self.begin_account(now, id, sender, outbox),
            AccountCommand::Password => {
                self.ask_old_password(now, id, Guarded::SetPassword, outbox)
            }
            AccountCommand::Drop => self.ask_old_password(now, id, Guarded::Drop, outbox),
            AccountCommand::Login { name, secret } => {
                self.begin_login(now, id, name, secret, outbox, archive)
            }
            AccountCommand::Tokens => self.list_tokens(now, id, archive),
            AccountCommand::MakeToken(label) => self.begin_token(now, id, label, archive),
            AccountCommand::DropToken(label) => self.begin_token_drop(now, id, label, archive),
            AccountCommand::Logout => self.log_out(now, id, outbox),
            AccountCommand::BareLogin { name, line } => {
                if self.accounts.find(&name).is_some() {
                    return Err(AccountRefusal::MissingSlash { name }.into());
                }
                let said = Command::Message(MessageCommand::Say(line));
                self.execute(now, id, sender, said, outbox, archive)
            }
        }
    }

    /// The answer to what a connection was asked for.
    pub(super) fn take_answer<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        line: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        // A line that was read as an answer can be a password: without a question nothing is done with it.
        let asked = self.end_prompt(id, outbox);
        let asked = asked.ok_or(AccountRefusal::AnswerTooLate)?;
        if line.trim().is_empty() {
            outbox.send(id, &Event::Notice(Notice::Cancelled));
            return Ok(Answered::Now);
        }
        match asked {
            Asked::Login(name) => self.check_login(now, id, &name, line, archive),
            Asked::NewAccount(name) => self.hash_new_account(now, id, &name, line, archive),
            Asked::OldPassword(account, then) => {
                self.check_old_password(now, id, account, line, then, archive)
            }
            Asked::NewPassword(account, seen) => {
                self.hash_new_password(now, id, account, seen, line, archive)
            }
            Asked::PasswordByCode(account, seen, until) => {
                self.hash_password_by_code(now, id, account, seen, until, line, outbox, archive)
            }
            Asked::NameToDrop(account, seen) => {
                self.drop_account(now, id, account, seen, line, archive)
            }
        }
    }

    /// A change of an account is kept, or is known not to be.
    pub(super) fn account_settled<O: Outbox>(
        &mut self,
        now: Now,
        client: Option<ClientId>,
        effect: AccountEffect,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'static> {
        if kept.is_err() {
            self.undo_claims(&effect);
            let is_late = false;
            return Err(AccountRefusal::NotKept { is_late }.into());
        }
        match effect {
            AccountEffect::Made {
                account,
                name,
                at,
                guest,
                ..
            } => self.account_made(now, client, account, name, at, guest, outbox),
            AccountEffect::Spelt { account, name } => {
                self.name_spelt(client, account, name, outbox)
            }
            AccountEffect::NotifySet { account, text } => {
                self.notify_set(client, account, text, outbox)
            }
            AccountEffect::PasswordSet { account, by } => {
                self.password_set(now, client, account, by, outbox)
            }
            AccountEffect::Dropped {
                account,
                by,
                held_until,
            } => self.account_dropped(now, client, account, by, held_until, outbox),
            AccountEffect::TokenAdded {
                account,
                label,
                token,
            } => self.token_added(client, account, label, &token, outbox),
            AccountEffect::TokenDropped {
                account,
                label,
                seen,
            } => self.token_dropped(now, client, account, label, seen, outbox),
        }
    }

    /// Nothing comes of a change: what was claimed for it is free again.
    fn undo_claims(&mut self, effect: &AccountEffect) {
        match *effect {
            AccountEffect::Made { name, charge, .. } => {
                self.accounts.release_name(&name);
                self.guard.give_back_making(charge);
            }
            AccountEffect::Spelt { .. } | AccountEffect::NotifySet { .. } => {}
            AccountEffect::PasswordSet { account, .. } | AccountEffect::Dropped { account, .. } => {
                self.accounts.set_changing(account, false);
            }
            AccountEffect::TokenAdded { account, label, .. }
            | AccountEffect::TokenDropped { account, label, .. } => {
                self.accounts.release_label(account, label);
            }
        }
    }

    /// What was asked for an account command is answered.
    pub(super) fn account_step<O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        step: AccountStep,
        response: Response,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        match step {
            AccountStep::PasswordChecked {
                account,
                seen,
                charge,
            } => {
                let checked = checked(response);
                self.password_checked(now, client, account, seen, charge, checked, outbox, archive)
            }
            AccountStep::TokenChecked { account, seen } => {
                self.token_checked(now, client, account, seen, &response, outbox, archive)
            }
            AccountStep::CodeChecked { account, seen } => {
                self.code_checked(now, client, account, seen, &response, outbox)
            }
            AccountStep::Arrival {
                account,
                seen,
                label,
                again,
                said,
            } => {
                let Response::Answer(Answer::Arrival { missed, waiting }) = response else {
                    return Err(AccountRefusal::Busy.into());
                };
                let login = login::Login {
                    account,
                    seen,
                    label,
                    again,
                };
                self.arrived(now, client, login, &missed, &said, waiting, outbox, archive)
            }
            AccountStep::NewAccountHashed { name, charge } => {
                self.make_account(now, client, name, charge, response, archive)
            }
            AccountStep::OldPasswordChecked {
                account,
                seen,
                charge,
                then,
            } => {
                let checked = checked(response);
                self.old_password_checked(
                    now, client, account, seen, charge, checked, then, outbox, archive,
                )
            }
            AccountStep::NewPasswordHashed { account, seen } => {
                self.set_password(now, client, account, seen, response, archive)
            }
            AccountStep::TokensListed => show_tokens(client, response, outbox),
            AccountStep::LabelLookedUp { account, label } => {
                self.make_token(now, client, account, label, response, archive)
            }
            AccountStep::TokenMade { account, label } => {
                self.add_token(now, client, account, label, response, archive)
            }
            AccountStep::TokenLookedUp { account, label } => {
                self.drop_token(now, client, account, label, response, archive)
            }
        }
    }

    /// Takes in that a connection has ended.
    pub(super) fn forget_account_steps(&mut self, id: ClientId) {
        self.forget_prompt(id);
        self.accounts.forget(id);
    }

    /// The account of a connection's user.
    fn owner(&self, id: ClientId) -> Result<Owner, Refusal<'static>> {
        let user = self.directory.user_of(id).ok_or(Refusal::NotRegistered)?;
        let account = self.account_of(user);
        let record = account.and_then(|account| Some((account, self.accounts.get(account)?)));
        let (account, record) = record.ok_or(AccountRefusal::LoginRequired)?;
        let name = *record.name();
        Ok(Owner { account, name })
    }

    /// Refuses a password that others on the network can read. Returns whether its owner is to be warned.
    fn check_encrypted(&self, id: ClientId) -> Result<bool, Refusal<'static>> {
        if self.peer_of(id).is_none_or(|peer| peer.is_local()) {
            return Ok(false);
        }
        if self.settings.accounts.plain_passwords {
            return Ok(true);
        }
        Err(AccountRefusal::NotEncrypted.into())
    }

    /// As [`Chat::check_encrypted`], and warns.
    fn warn_unencrypted<O: Outbox>(
        &self,
        id: ClientId,
        outbox: &mut O,
    ) -> Result<(), Refusal<'static>> {
        if self.check_encrypted(id)? {
            outbox.send(id, &Event::Notice(Notice::NotEncrypted));
        }
        Ok(())
    }

    /// Notes which step follows an answer of the archive's; `None` instead of a ticket, if it takes nothing.
    fn then<'a>(
        &mut self,
        now: Now,
        id: ClientId,
        ticket: Option<Ticket>,
        step: AccountStep,
    ) -> Outcome<'a> {
        let ticket = ticket.ok_or(AccountRefusal::Busy)?;
        let step = Step::Account(Box::new(step));
        self.pending.ask(now.timestamp, ticket, id, step);
        Ok(Answered::Later)
    }

    /// Notes what follows once a change is kept.
    pub(super) fn once_kept(
        &mut self,
        now: Now,
        id: Option<ClientId>,
        ticket: Ticket,
        effect: AccountEffect,
    ) -> Answered {
        let effect = Effect::Account(Box::new(effect));
        self.pending.push(now.timestamp, ticket, id, effect);
        Answered::Later
    }
}
