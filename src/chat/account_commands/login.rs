//! Logging in: first by the answer to a password or token, then by that to what was missed.
//!
//! All of it takes place in one step, so that nobody sees half of it: an account that comes in has its name, its
//! room, what waited for it and its answer at once.

use crate::chat::archive::{
    Archive, Change, HashWork, Hashed, Label, MissedLines, PastLine, Question,
};
use crate::chat::client::Client;
use crate::chat::close_reason::CloseReason;
use crate::chat::command::Mode;
use crate::chat::event::{AccountReply, Event, FriendState, LoggedIn, Missed, Need, Notice};
use crate::chat::history::kept_rooms::Said;
use crate::chat::ids::{AccountId, ClientId, RoomId, UserId};
use crate::chat::membership::view;
use crate::chat::name::Name;
use crate::chat::outbox::Outbox;
use crate::chat::pending::Response;
use crate::chat::refusal::{AccountRefusal, Refusal, SessionRefusal};
use crate::chat::secret::Secret;
use crate::chat::time::Now;
use crate::chat::user::User;
use crate::chat::{Chat, Outcome, answer};

use super::codes::is_code;
use super::expiry::DAY;
use crate::chat::accounts::effects::AccountStep;
use crate::chat::accounts::guard::Charge;
use crate::chat::accounts::prompts::Asked;
use crate::chat::accounts::table::{Account, Versions};

/// How a token begins, so that none is taken for a password.
const TOKEN_PREFIX: &str = "cw_";

/// How often what waits is asked for again, as more came meanwhile. A flood must not keep anybody out: the rest
/// waits for the next login.
const ARRIVALS_ASKED_MAX: u8 = 3;

/// A login whose secret was right.
#[derive(Clone, Copy, Debug)]
pub struct Login {
    pub account: AccountId,
    /// As they were when the secret was given.
    pub seen: Versions,
    /// The token that it is by.
    pub label: Option<Label>,
    /// How often what waits may be asked for again.
    pub again: u8,
}

/// Whether a text has the form of a token.
pub fn is_token(text: &str) -> bool {
    text.starts_with(TOKEN_PREFIX)
}

impl Chat {
    /// `/login`
    pub(super) fn begin_login<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        name: Name,
        secret: Option<&str>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let own = self.owner(id).ok();
        if own.is_some_and(|own| own.name == name) {
            return self.answer_login(id, &[], 0, outbox);
        }
        if let Some(secret) = secret {
            self.check_encrypted(id)?;
            return self.check_login(now, id, &name, secret, archive);
        }
        self.warn_unencrypted(id, outbox)?;
        let (asked, need) = (Asked::Login(name), Need::Password(&name));
        self.prompt(now.timestamp, id, asked, need, outbox)
    }

    /// Has a password or token checked. One for a name without an account takes as long as any other.
    pub(super) fn check_login<'a>(
        &mut self,
        now: Now,
        id: ClientId,
        name: &Name,
        secret: &str,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.accounts.find(name);
        let seen = self.versions_of(account);
        if is_code(secret) {
            return self.check_code(now, id, account, secret, archive);
        }
        if is_token(secret) {
            let ticket = archive.hash(HashWork::CheckToken(Secret::new(secret)));
            return self.then(now, id, ticket, AccountStep::TokenChecked { account, seen });
        }
        let charge = self.charge(now, id, account)?;
        let password = Secret::new(secret);
        let Some(ticket) = archive.hash(HashWork::CheckPassword { account, password }) else {
            self.guard.give_back(charge);
            return Err(AccountRefusal::Busy.into());
        };
        let step = AccountStep::PasswordChecked {
            account,
            seen,
            charge,
        };
        self.then(now, id, Some(ticket), step)
    }

    /// Charges a try at a password.
    pub(super) fn charge(
        &mut self,
        now: Now,
        id: ClientId,
        account: Option<AccountId>,
    ) -> Result<Charge, Refusal<'static>> {
        let peer = self.peer_of(id).ok_or(Refusal::NotRegistered)?;
        let limits = &self.settings.accounts;
        let charge = self.guard.charge(now.timestamp, limits, &peer, account);
        charge.map_err(|wait| AccountRefusal::SlowDown { wait }.into())
    }

    pub(super) fn versions_of(&self, account: Option<AccountId>) -> Versions {
        let account = account.and_then(|account| self.accounts.get(account));
        account.map(Account::versions).unwrap_or_default()
    }

    /// A password was checked: right, wrong, or not at all.
    #[expect(
        clippy::too_many_arguments,
        reason = "a step has all that it goes on with"
    )]
    pub(super) fn password_checked<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        account: Option<AccountId>,
        seen: Versions,
        charge: Charge,
        checked: Option<Checked>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let account =
            self.password_is_right(id, account, seen, charge, checked, outbox, archive)?;
        let login = Login {
            account,
            seen,
            label: None,
            again: ARRIVALS_ASKED_MAX,
        };
        self.log_in(now, id, login, outbox, archive)
    }

    /// Whether a password that was checked is right, and that of the account yet. Gives back the try.
    #[expect(
        clippy::too_many_arguments,
        reason = "a step has all that it goes on with"
    )]
    pub(super) fn password_is_right<O: Outbox>(
        &mut self,
        id: ClientId,
        account: Option<AccountId>,
        seen: Versions,
        charge: Charge,
        checked: Option<Checked>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Result<AccountId, Refusal<'static>> {
        let Some(checked) = checked else {
            self.guard.give_back(charge);
            return Err(AccountRefusal::Busy.into());
        };
        let account = account.filter(|_| checked.is_right);
        let record = account.and_then(|account| Some((account, self.accounts.get(account)?)));
        let record = record.filter(|(_, record)| record.versions().password == seen.password);
        let Some((account, record)) = record else {
            return Err(self.wrong_secret(id, outbox));
        };
        self.guard.give_back(charge);
        // The old password, hashed anew behind a new one that is on its way, would replace it.
        if let Some(password) = checked.renewed.filter(|_| !record.is_changing()) {
            let ends_tokens = false;
            // It is no loss if this is not kept: the next login tries again.
            let _ = archive.change(Change::SetPassword {
                account,
                password,
                ends_tokens,
            });
        }
        Ok(account)
    }

    /// Refuses a password or a token that is wrong.
    pub(super) fn wrong_secret<O: Outbox>(&self, id: ClientId, outbox: &mut O) -> Refusal<'static> {
        if let Some(peer) = self.peer_of(id) {
            outbox.note_wrong_secret(&peer);
        }
        AccountRefusal::WrongPassword.into()
    }

    /// The owner of a token was looked up.
    #[expect(
        clippy::too_many_arguments,
        reason = "a step has all that it goes on with"
    )]
    pub(super) fn token_checked<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        account: Option<AccountId>,
        seen: Versions,
        response: &Response,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let Response::Hashed(Hashed::Owner(owner)) = *response else {
            return Err(AccountRefusal::Busy.into());
        };
        // Of another account it is not told that it is right.
        let owner = owner.filter(|(owner, _)| Some(*owner) == account);
        let Some((account, label)) = owner else {
            return Err(self.wrong_secret(id, outbox));
        };
        let login = Login {
            account,
            seen,
            label: Some(label),
            again: ARRIVALS_ASKED_MAX,
        };
        self.log_in(now, id, login, outbox, archive)
    }

    /// Goes on with a login whose secret was right: as a further connection of one who is here, or by asking for
    /// what was missed.
    fn log_in<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        login: Login,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        if let Some(refused) = self.refuse_login(now, id, login.account, outbox) {
            return refused;
        }
        if let Some(user) = self.check_still_right(id, login)? {
            return self.join_user(now, id, user, login, outbox, archive);
        }
        let places = self.kept_places_of_rooms(&self.rooms_at_login(id, login.account));
        // A guest goes on hearing its rooms.
        let is_new = self.guest(id).is_none();
        let said = if is_new {
            self.said_in(&places)
        } else {
            Vec::new()
        };
        // What an earlier connection was sent waits no more, if it has arrived.
        self.drop_arrived(now.timestamp, Some(login.account), outbox, archive);
        let ticket = archive.ask(Question::Arrival {
            account: login.account,
            places,
            up_to: self.last_line(),
            without: self.unwanted_at_login(id, login.account),
        });
        let step = AccountStep::Arrival {
            account: login.account,
            seen: login.seen,
            label: login.label,
            again: login.again,
            said,
        };
        self.then(now, id, ticket, step)
    }

    /// Refuses a login whose secret has changed since it was found right, or whose connection is about to end.
    /// Returns who is here by the account.
    fn check_still_right(
        &self,
        id: ClientId,
        login: Login,
    ) -> Result<Option<UserId>, Refusal<'static>> {
        if self.directory.get(id).is_none_or(Client::is_ending) {
            return Err(Refusal::NotRegistered);
        }
        let record = self.accounts.get(login.account);
        let is_right = |record: &&Account| {
            let versions = record.versions();
            versions.password == login.seen.password
                && (login.label.is_none() || versions.tokens == login.seen.tokens)
        };
        let record = record
            .filter(is_right)
            .ok_or(AccountRefusal::WrongPassword)?;
        Ok(record.user())
    }

    /// The rooms that a client is in once it has logged in as one who is not here.
    fn rooms_at_login(&self, id: ClientId, account: AccountId) -> Vec<RoomId> {
        let guest = self.guest(id).and_then(|user| self.directory.user(user));
        let rooms = guest.map(|guest| guest.rooms.iter().map(|own| own.room).collect());
        // Everybody enters the lobby, but who is hidden: members see members.
        let lobby = (!self.accounts.settings_of(account).is_hidden()).then(|| self.rooms.lobby());
        rooms.unwrap_or_else(|| lobby.into_iter().collect())
    }

    /// The accounts whose lines a client does not want, once it has logged in: those that it ignores as a guest, and
    /// those that the account blocks.
    fn unwanted_at_login(&self, id: ClientId, account: AccountId) -> Vec<AccountId> {
        let guest = self.guest(id).and_then(|user| self.directory.user(user));
        let ignored = guest.map(User::ignored).unwrap_or_default();
        let ignored = ignored.iter().filter_map(|user| self.account_of(*user));
        let blocked = self.people.relations.blocked(account).iter().copied();
        ignored.chain(blocked).collect()
    }

    /// The user of a connection who has a name and no account.
    fn guest(&self, id: ClientId) -> Option<UserId> {
        let user = self.directory.user_of(id)?;
        self.account_of(user).is_none().then_some(user)
    }

    /// What an account missed, and what waits for it, is known: it comes in.
    #[expect(
        clippy::too_many_arguments,
        reason = "a step has all that it goes on with"
    )]
    pub(super) fn arrived<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        login: Login,
        missed: &[MissedLines],
        said: &Said,
        waiting: Vec<PastLine>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        // Much can have happened while that was looked up.
        if let Some(refused) = self.refuse_login(now, id, login.account, outbox) {
            return refused;
        }
        if let Some(user) = self.check_still_right(id, login)? {
            // Another connection was quicker, and has got what waited.
            return self.join_user(now, id, user, login, outbox, archive);
        }
        let is_more = self.waiting_count(login.account) as usize > waiting.len();
        if is_more && login.again > 0 {
            let again = login.again - 1;
            return self.log_in(now, id, Login { again, ..login }, outbox, archive);
        }
        self.come_in(now, id, login.account, outbox)?;
        self.note_login(now, id, login, archive);
        let missed = self.missed_since(missed, said, now.unix_ms);
        let count = self.count_to_be_sent(login.account, &waiting);
        // In plain mode what waited is read behind the answer, which says that it follows.
        if outbox.mode(id) == Mode::Json {
            self.deliver_waiting(now, id, login.account, waiting, outbox);
            self.tell_untold(login.account, outbox);
            self.answer_login(id, &missed, count, outbox)
        } else {
            let answered = self.answer_login(id, &missed, count, outbox);
            self.deliver_waiting(now, id, login.account, waiting, outbox);
            self.tell_untold(login.account, outbox);
            answered
        }
    }

    /// Makes a connection that of an account which is not here: a guest is renamed and keeps its rooms, anybody
    /// else enters the lobby.
    pub(super) fn come_in<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        outbox: &mut O,
    ) -> Result<(), Refusal<'static>> {
        let record = self.accounts.get(account);
        let name = *record.ok_or(AccountRefusal::WrongPassword)?.name();
        let guest = self.guest(id);
        if self
            .directory
            .find(&name)
            .is_some_and(|holder| Some(holder) != guest)
        {
            // No guest takes an account's name, and the account is not here.
            debug_assert!(false, "{name} is somebody else's");
            let lost_time_max = None;
            return Err(SessionRefusal::NameInUse {
                name,
                lost_time_max,
            }
            .into());
        }
        let user = if let Some(guest) = guest {
            self.rename_user(guest, name, outbox);
            Some(guest)
        } else {
            self.become_nameless(now, id, outbox);
            self.directory.register(id, name)
        };
        let user = user.ok_or(Refusal::NotRegistered)?;
        self.own(user, account);
        self.watch(id);
        self.tell_friends(account, &name, FriendState::Here, outbox);
        self.leave_barred_rooms(now, id, outbox);
        self.note_rooms(now.timestamp, user);
        if guest.is_none() {
            outbox.named(id, name);
            let lobby = self.rooms.lobby();
            let is_hidden = self.accounts.settings_of(account).is_hidden();
            if !is_hidden && !self.is_kept_out(now, id, lobby, outbox) {
                self.enter(now, id, &name, lobby, outbox);
            }
        }
        Ok(())
    }

    /// A user who is here is an account's from now on.
    pub(super) fn own(&mut self, user: UserId, account: AccountId) {
        if let Some(record) = self.directory.user_mut(user) {
            record.account = Some(account);
            self.accounts.set_user(account, Some(user));
            self.refresh_member(user);
        }
        self.refresh_guard(account);
        self.unveil(account);
    }

    /// Makes a connection a further one of an account that is here.
    fn join_user<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        user: UserId,
        login: Login,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        self.attach(now.timestamp, id, user, outbox);
        self.watch(id);
        self.note_login(now, id, login, archive);
        self.replace_idlest(now, id, login.account, outbox);
        self.answer_login(id, &[], 0, outbox)
    }

    /// If an account has a connection too many, closes the one that is idle for longest. The new one is there
    /// already, so that the user stays.
    fn replace_idlest<O: Outbox>(
        &mut self,
        now: Now,
        new: ClientId,
        account: AccountId,
        outbox: &mut O,
    ) {
        let connections = self.connections_of_account(account);
        if connections.len() <= self.settings.accounts.connections_max.max(1) {
            return;
        }
        let others = connections.into_iter().filter(|id| *id != new);
        let active_at = |id: &ClientId| self.directory.get(*id).map(|client| client.active_at);
        if let Some(idlest) = others.min_by_key(active_at) {
            let (event, reason) = (Event::Notice(Notice::Replaced), CloseReason::Replaced);
            self.end_connection(now, idlest, &event, reason, outbox);
        }
    }

    /// Notes that an account and perhaps a token were used.
    fn note_login(&mut self, now: Now, id: ClientId, login: Login, archive: &mut dyn Archive) {
        let (account, at) = (login.account, now.unix_ms);
        if let Some(client) = self.directory.get_mut(id) {
            client.set_came_by(login.label);
        }
        // It is no loss if these are not kept: the next login says so again.
        if self.accounts.note_use(account, at, DAY) {
            let _ = archive.change(Change::UseAccount { account, at });
        }
        if let Some(label) = login.label {
            let _ = archive.change(Change::UseToken { account, label, at });
        }
    }

    /// Answers a login: what the user finds.
    pub(super) fn answer_login<'a, O: Outbox>(
        &self,
        id: ClientId,
        missed: &[Missed],
        waiting: usize,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let client = self.directory.get(id).ok_or(Refusal::NotRegistered)?;
        let (Some(user), Some(name)) = (client.user, client.name) else {
            return Err(Refusal::NotRegistered);
        };
        let room = client.current.and_then(|room| self.rooms.get(room));
        let names = room.map(|room| self.some_names(room, user));
        let kept = room.and_then(|room| self.kept_info(room));
        let names = names.as_deref().unwrap_or_default();
        let entered = room.map(|room| view(room, names, kept.as_ref()));
        let account = self.account_of(user);
        let is_hidden =
            account.is_some_and(|account| self.accounts.settings_of(account).is_hidden());
        let reply = AccountReply::LoggedIn(LoggedIn {
            is_hidden,
            name: &name,
            connections: self.directory.connections_of(user).count(),
            entered,
            missed,
            waiting,
        });
        answer(outbox, id, reply)
    }

    /// `/logout`: the connection has no name from now on.
    pub(super) fn log_out<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        outbox: &mut O,
    ) -> Outcome<'a> {
        self.owner(id)?;
        self.become_nameless(now, id, outbox);
        answer(outbox, id, AccountReply::LoggedOut)
    }
}

/// What came of a check of a password.
#[derive(Debug)]
pub struct Checked {
    pub is_right: bool,
    pub renewed: Option<crate::chat::archive::PasswordHash>,
}

/// `None` if it was not checked.
pub fn checked(response: Response) -> Option<Checked> {
    let Response::Hashed(Hashed::Checked { is_right, renewed }) = response else {
        return None;
    };
    Some(Checked { is_right, renewed })
}
