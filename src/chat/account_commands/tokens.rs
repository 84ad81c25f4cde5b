//! Tokens: passwords for programs, made here, shown once, dropped one by one.

use crate::chat::archive::{
    Answer, Archive, Change, HashWork, Hashed, Label, Question, Ticket, Token,
};
use crate::chat::client::Client;
use crate::chat::close_reason::CloseReason;
use crate::chat::event::{AccountReply, Event, Notice};
use crate::chat::ids::{AccountId, ClientId};
use crate::chat::outbox::Outbox;
use crate::chat::pending::Response;
use crate::chat::refusal::{AccountRefusal, Refusal};
use crate::chat::secret::Secret;
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome, answer};

use crate::chat::accounts::effects::{AccountEffect, AccountStep};
use crate::chat::accounts::table::{Account, Versions};

/// Tokens of one account: one for each of somebody's machines and programs.
pub const TOKENS_MAX: usize = 10;

impl Chat {
    /// `/token`
    pub(super) fn list_tokens<'a>(
        &mut self,
        now: Now,
        id: ClientId,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.owner(id)?.account;
        let ticket = archive.ask(Question::Tokens { account });
        self.then(now, id, ticket, AccountStep::TokensListed)
    }

    /// `/token LABEL`: looks whether there is one of that label. Another connection cannot ask for the same
    /// meanwhile.
    pub(super) fn begin_token<'a>(
        &mut self,
        now: Now,
        id: ClientId,
        label: Label,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.owner(id)?.account;
        let tokens = self.accounts.get(account).map_or(0, Account::tokens);
        if tokens as usize + self.accounts.labels_claimed(account) >= TOKENS_MAX {
            let tokens_max = TOKENS_MAX;
            return Err(AccountRefusal::TooManyTokens { tokens_max }.into());
        }
        if !self.accounts.claim_label(account, label, id) {
            return Err(AccountRefusal::LabelTaken { label }.into());
        }
        let ticket = archive.ask(Question::Tokens { account });
        let step = AccountStep::LabelLookedUp { account, label };
        let asked = self.then(now, id, ticket, step);
        self.with_label(account, label, asked)
    }

    /// `/token drop LABEL`
    pub(super) fn begin_token_drop<'a>(
        &mut self,
        now: Now,
        id: ClientId,
        label: Label,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.owner(id)?.account;
        if !self.accounts.claim_label(account, label, id) {
            return Err(AccountRefusal::Busy.into());
        }
        let ticket = archive.ask(Question::Tokens { account });
        let step = AccountStep::TokenLookedUp { account, label };
        let asked = self.then(now, id, ticket, step);
        self.with_label(account, label, asked)
    }

    /// Gives up a label with whatever it was claimed for, if that fails.
    fn with_label<'a>(
        &mut self,
        account: AccountId,
        label: Label,
        outcome: Outcome<'a>,
    ) -> Outcome<'a> {
        if outcome.is_err() {
            self.accounts.release_label(account, label);
        }
        outcome
    }

    /// The labels that there are were looked up: makes a token of another.
    pub(super) fn make_token(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        label: Label,
        response: Response,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let made = tokens(response).and_then(|tokens| {
            if tokens.iter().any(|token| token.label == label) {
                return Err(AccountRefusal::LabelTaken { label }.into());
            }
            let ticket = archive.hash(HashWork::MakeToken);
            self.then(now, id, ticket, AccountStep::TokenMade { account, label })
        });
        self.with_label(account, label, made)
    }

    /// A token was made: it is shown once it is kept.
    pub(super) fn add_token(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        label: Label,
        response: Response,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let added = self.try_to_add(now, id, account, label, response, archive);
        self.with_label(account, label, added)
    }

    fn try_to_add(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        label: Label,
        response: Response,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let Response::Hashed(Hashed::Token { token, hash }) = response else {
            return Err(AccountRefusal::Busy.into());
        };
        self.check_token_owner(id, account)?;
        let ticket = archive.change(Change::AddToken {
            account,
            label,
            hash,
            at: now.unix_ms,
        });
        let effect = AccountEffect::TokenAdded {
            account,
            label,
            token,
        };
        self.change_label(now, id, account, label, ticket, effect)
    }

    /// Refuses a change of tokens to a connection whose account it is no more, or is about not to be.
    fn check_token_owner(&self, id: ClientId, account: AccountId) -> Result<(), Refusal<'static>> {
        if self.owner(id)?.account != account {
            return Err(AccountRefusal::LoginRequired.into());
        }
        // Behind a new password that is on its way, a token made before would outlive it.
        if self.accounts.get(account).is_none_or(Account::is_changing) {
            return Err(AccountRefusal::Busy.into());
        }
        Ok(())
    }

    fn change_label(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        label: Label,
        ticket: Option<Ticket>,
        effect: AccountEffect,
    ) -> Outcome<'static> {
        let is_late = false;
        let ticket = ticket.ok_or(AccountRefusal::NotKept { is_late })?;
        self.accounts.keep_label(account, label);
        Ok(self.once_kept(now, Some(id), ticket, effect))
    }

    /// A token counts.
    pub(super) fn token_added<O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        account: AccountId,
        label: Label,
        token: &Secret,
        outbox: &mut O,
    ) -> Outcome<'static> {
        self.accounts.release_label(account, label);
        self.accounts.add_token(account);
        let Some(client) = client else {
            return Ok(Answered::Now);
        };
        let (label, token) = (&label, token.expose());
        answer(outbox, client, AccountReply::TokenMade { label, token })
    }

    /// The labels that there are were looked up: drops the token of one.
    pub(super) fn drop_token(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        label: Label,
        response: Response,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let dropped = self.try_to_drop(now, id, account, label, response, archive);
        self.with_label(account, label, dropped)
    }

    fn try_to_drop(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        label: Label,
        response: Response,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        if !tokens(response)?.iter().any(|token| token.label == label) {
            return Err(AccountRefusal::NoSuchToken { label }.into());
        }
        self.check_token_owner(id, account)?;
        let seen = self.versions_of(Some(account));
        let ticket = archive.change(Change::DropToken { account, label });
        let effect = AccountEffect::TokenDropped {
            account,
            label,
            seen,
        };
        self.change_label(now, id, account, label, ticket, effect)
    }

    /// A token counts no longer: the connections that came by it end.
    pub(super) fn token_dropped<O: Outbox>(
        &mut self,
        now: Now,
        client: Option<ClientId>,
        account: AccountId,
        label: Label,
        seen: Versions,
        outbox: &mut O,
    ) -> Outcome<'static> {
        self.accounts.release_label(account, label);
        self.accounts.drop_token(account, seen);
        // One that drops the token that it came by is answered first.
        if let Some(client) = client {
            answer(outbox, client, AccountReply::TokenDropped { label: &label })?;
        }
        for id in self.connections_of_account(account) {
            let came_by = self.directory.get(id).and_then(Client::came_by);
            if came_by == Some(label) {
                let event = Event::Notice(Notice::AccountEnded);
                self.end_connection(now, id, &event, CloseReason::AccountEnded, outbox);
            }
        }
        Ok(Answered::Now)
    }
}

/// `/token`: what there is.
pub fn show_tokens<O: Outbox>(
    client: ClientId,
    response: Response,
    outbox: &mut O,
) -> Outcome<'static> {
    let tokens = &tokens(response)?;
    answer(outbox, client, AccountReply::Tokens { tokens })
}

fn tokens(response: Response) -> Result<Vec<Token>, Refusal<'static>> {
    match response {
        Response::Answer(Answer::Tokens(tokens)) => Ok(tokens),
        _ => Err(AccountRefusal::Busy.into()),
    }
}
