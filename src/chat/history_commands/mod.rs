//! What was said before: kept rooms, conversations, and lines that wait.
//!
//! A line is delivered first, by a number of its own, and then handed to the archive; its answer comes once it
//! is kept. `said` does that, and `copies` for a line to several users. `keep` decides which rooms are kept.
//! `waiting` sends what waited, `pages` and `missed` what was said before, and `forget` has lines erased. What
//! must be remembered for all this is in `history`.

mod copies;
mod forget;
mod keep;
mod missed;
mod pages;
mod said;
mod settled;
mod times;
mod waiting;

use super::archive::{Archive, Change, Question, Restored};
use super::command::{Command, HistoryCommand, MessageCommand, Mode, PlaceName, SessionCommand};
use super::ids::{AccountId, ClientId, LineId, Place, PlaceId, RoomId, UserId};
use super::name::{Name, RoomName};
use super::outbox::Outbox;
use super::pending::{Effect, Step};
use super::refusal::{AccountRefusal, HistoryRefusal, MembershipRefusal, Refusal};
use super::time::{Now, Timestamp};
use super::user::User;
use super::{Answered, Chat, Outcome, Sender};
use super::{event::Event, event::PlaceView};

use super::history::effects::{HistoryEffect, HistoryStep};
use super::history::kept_rooms::KeptRoom;
use super::history::marks::Mark;

impl Chat {
    pub(super) fn execute_history<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        command: HistoryCommand<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        if !archive.is_open() {
            return Err(Refusal::Account(AccountRefusal::NoStore));
        }
        match command {
            HistoryCommand::Page {
                place,
                range,
                count,
            } => self.history(now, sender, place, range, count, outbox, archive),
            HistoryCommand::More => self.more(now, sender, archive),
            HistoryCommand::Search { place, words } => {
                self.search(now, sender, place, words, outbox, archive)
            }
            HistoryCommand::Export(before) => self.export(now, sender, before, archive),
            HistoryCommand::Unread => self.unread(now, sender, archive),
            HistoryCommand::Read { place, up_to } => {
                self.read(now, sender, place, up_to, outbox, archive)
            }
            HistoryCommand::Forget(what) => self.forget(now, sender, what, outbox, archive),
            HistoryCommand::Keep(what) => self.keep(now, sender, what, archive),
        }
    }

    /// Takes in what was kept before the server started.
    pub(super) fn restore_history(&mut self, restored: &mut Restored) {
        let lobby = self.rooms.lobby();
        let lobby = self.rooms.get(lobby).map(|room| room.name);
        let history = &mut self.history;
        history
            .lines
            .restore(restored.reserved_up_to, restored.last_at);
        history.kept.restore(restored.last_room);
        for (account, author, count) in restored.waiting.drain(..) {
            history.mailbox.restore(account, author, count);
        }
        let days_wanted = self.settings.history.lobby_days;
        history.lobby_wanted = days_wanted;
        for room in restored.rooms.drain(..) {
            if Some(room.room) == lobby {
                history.lobby_place = Some(room.place);
                // Kept once, and no longer: what was said then is erased as it grows old.
                if days_wanted != Some(room.days) {
                    continue;
                }
                history.lobby_wanted = None;
            }
            let kept = KeptRoom {
                name: room.room,
                owner: room.owner,
                days: room.days,
                topic: room.topic,
                said: 0,
            };
            history.kept.insert(room.place, kept);
        }
        let keeps = !history.kept.is_empty() || !restored.accounts.is_empty();
        if keeps || history.lobby_wanted.is_some() {
            history.start_due = Timestamp::default();
        }
        let lobby = self.rooms.lobby();
        self.dress_room(lobby);
    }

    /// Does what is due.
    pub(super) fn expire_history<O: Outbox>(
        &mut self,
        now: Now,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) {
        let timestamp = now.timestamp;
        if self.history.start_due <= timestamp {
            self.start_history(timestamp, archive);
        }
        if self.history.marks.next_due() <= timestamp {
            self.write_marks(timestamp, archive);
        }
        if self.history.mailbox.next_due() <= timestamp {
            self.follow_deliveries(timestamp, outbox, archive);
        }
        if self.people.veiled.next_due() <= timestamp {
            self.erase_unveiled(timestamp, archive);
        }
    }

    /// Writes the marks that are due.
    pub(super) fn write_marks(&mut self, now: Timestamp, archive: &mut dyn Archive) {
        let write = |mark: Mark| archive.change(mark.change()).is_some();
        self.history.marks.write(now, write);
    }

    /// Asks the archive for a client, whose next line waits for what follows.
    fn ask_history(
        &mut self,
        now: Now,
        client: ClientId,
        question: Question,
        step: HistoryStep,
        archive: &mut dyn Archive,
    ) -> Result<Answered, Refusal<'static>> {
        self.write_marks(now.timestamp, archive);
        let ticket = archive.ask(question).ok_or(AccountRefusal::Busy)?;
        let step = Step::History(Box::new(step));
        self.pending.ask(now.timestamp, ticket, client, step);
        Ok(Answered::Later)
    }

    /// Hands a client's change to the archive; the client's next line waits for what follows.
    fn change_history(
        &mut self,
        now: Now,
        client: ClientId,
        change: Change,
        effect: HistoryEffect,
        archive: &mut dyn Archive,
    ) -> Result<Answered, Refusal<'static>> {
        let is_late = false;
        let ticket = archive.change(change);
        let ticket = ticket.ok_or(AccountRefusal::NotKept { is_late })?;
        let effect = Effect::History(Box::new(effect));
        let (now, client) = (now.timestamp, Some(client));
        self.pending.push(now, ticket, client, effect);
        Ok(Answered::Later)
    }

    /// The account of the sender of a line that only accounts may send.
    fn account_needed(&self, sender: &Sender) -> Result<AccountId, Refusal<'static>> {
        let account = self.account_of(sender.user);
        account.ok_or(Refusal::Account(AccountRefusal::LoginRequired))
    }

    /// The current room of a connection.
    pub(super) fn current_room(&self, id: ClientId) -> Option<RoomId> {
        self.directory.get(id)?.current
    }

    /// The place that a user names, if they may read it.
    fn readable_place(
        &self,
        sender: &Sender,
        place: PlaceName,
    ) -> Result<(PlaceId, PlaceLabel), NoPlace> {
        let no_room = |room| NoPlace::Refused(MembershipRefusal::NotInRoom { room }.into());
        let (room, named) = match place {
            PlaceName::Current => (self.current_room(sender.client), None),
            PlaceName::Room(name) => (self.rooms.find(&name), Some(name)),
            PlaceName::User(name) => return self.conversation(sender, name),
        };
        let user = self.directory.user(sender.user);
        let membership = room
            .zip(user)
            .and_then(|(room, user)| user.membership(room));
        let membership = membership.ok_or(no_room(named))?;
        let room = self.rooms.get(membership.room).ok_or(no_room(named))?;
        let not_kept = HistoryRefusal::NotKeptHere { room: room.name };
        let place = room.kept.ok_or(NoPlace::Refused(not_kept.into()))?;
        Ok((place, PlaceLabel::Room(room.name)))
    }

    fn conversation(&self, sender: &Sender, name: Name) -> Result<(PlaceId, PlaceLabel), NoPlace> {
        let own = self.account_needed(sender).map_err(NoPlace::Refused)?;
        let other = self.accounts.find(&name).ok_or(NoPlace::With(name))?;
        let name = self.accounts.name_of(other).unwrap_or(name);
        Ok((PlaceId::pair(own, other), PlaceLabel::With(name)))
    }

    /// Whether a user may read a place now: decided by the place's own number, whatever it was asked for by.
    fn may_read(&self, user: &User, place: PlaceId) -> bool {
        match place.kind() {
            Place::Room(_) => {
                let room = self.history.kept.get(place);
                let room = room.and_then(|kept| self.rooms.find(&kept.name));
                let is_it =
                    |room: &RoomId| self.rooms.get(*room).and_then(|room| room.kept) == Some(place);
                room.filter(is_it)
                    .is_some_and(|room| user.membership(room).is_some())
            }
            Place::Pair(low, high) => {
                let account = user.account;
                account == Some(low) || account == Some(high)
            }
        }
    }

    /// The name of a place, for one of those who may read it. `None` for a room that is no longer kept.
    fn label_of(&self, place: PlaceId, own: Option<AccountId>) -> Option<PlaceLabel> {
        match place.kind() {
            Place::Room(_) => Some(PlaceLabel::Room(self.history.kept.get(place)?.name)),
            Place::Pair(low, high) => {
                let other = if own == Some(low) { high } else { low };
                let gone = || Name::parse(&format!("gone-{}", other.get())).ok();
                let name = self.accounts.name_of(other).or_else(gone)?;
                Some(PlaceLabel::With(name))
            }
        }
    }

    /// The accounts that a user ignores or blocks: their lines are left out.
    fn unwanted_accounts(&self, user: UserId) -> Vec<AccountId> {
        let user = self.directory.user(user);
        let ignored = user.map_or(&[][..], User::ignored);
        let ignored = ignored.iter().filter_map(|other| self.account_of(*other));
        let own = user.and_then(|user| user.account);
        let blocked = own.map_or(&[][..], |own| self.people.relations.blocked(own));
        ignored.chain(blocked.iter().copied()).collect()
    }

    /// Whether a line may be taken while earlier ones of its sender have no answer yet: only one that is
    /// answered behind them, or, in plain mode, whose answer nobody sees.
    pub(super) fn is_answered_in_order(
        &self,
        now: Now,
        sender: &Sender,
        command: &Command<'_>,
        mode: Mode,
    ) -> bool {
        let is_account = |user| self.account_of(user).is_some();
        if sender.is_watched {
            // It may be refused.
            return false;
        }
        let is_kept_with = |other| {
            let own = self.account_of(sender.user);
            own.is_some_and(|own| self.keeps_conversation(own, other))
        };
        match command {
            Command::Message(MessageCommand::Say(_) | MessageCommand::Act(_))
            | Command::Session(SessionCommand::Hash { .. }) => {
                let room = self.current_room(sender.client);
                let room = room.and_then(|room| self.rooms.get(room));
                room.is_some_and(|room| mode == Mode::Plain || room.kept.is_some())
                    && !self.is_silenced(now, sender)
            }
            Command::Message(MessageCommand::Private { to, .. }) => {
                let to = to.name().and_then(|name| self.accounts.find(name));
                let user = to.and_then(|to| self.accounts.user_of(to));
                let is_here = user.is_some_and(|user| self.sees(sender.user, user));
                is_account(sender.user)
                    && to.is_some_and(|to| mode == Mode::Plain || !is_here || is_kept_with(to))
            }
            Command::Message(MessageCommand::Reply(_)) => {
                let user = self.directory.user(sender.user);
                let writer = user.and_then(|user| user.reply_to);
                let writer = writer.filter(|writer| self.sees(sender.user, *writer));
                let writer = writer.and_then(|writer| self.account_of(writer));
                is_account(sender.user)
                    && writer.is_some_and(|to| mode == Mode::Plain || is_kept_with(to))
            }
            _ => false,
        }
    }

    /// Whether the lines of two accounts to each other are kept: both must want that.
    fn keeps_conversation(&self, one: AccountId, other: AccountId) -> bool {
        let keeps = |account| self.accounts.settings_of(account).keeps();
        keeps(one) && keeps(other)
    }

    /// The last line that was decided.
    pub(super) fn last_line(&self) -> LineId {
        self.history.lines.last()
    }

    /// An account is gone: so are its marks and what waits for it, and its rooms are nobody's.
    pub(super) fn forget_account(&mut self, account: AccountId) {
        self.history.kept.drop_owner(account);
        self.drop_rules_of(account);
        self.history.mailbox.drop_account(account);
        self.history.marks.drop_account(account);
        self.calls.drop_account(account);
        self.people.veiled.drop_account(account);
        for other in self.people.relations.drop_account(account) {
            self.refresh_guard(other);
        }
    }
}

/// The name of a place, as one of those who may read it sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PlaceLabel {
    Room(RoomName),
    With(Name),
}

impl PlaceLabel {
    fn view(&self) -> PlaceView<'_> {
        match self {
            Self::Room(room) => PlaceView::Room(room),
            Self::With(name) => PlaceView::With(name),
        }
    }
}

/// Why a place cannot be read.
#[derive(Clone, Copy, Debug)]
enum NoPlace {
    /// For this reason.
    Refused(Refusal<'static>),
    /// The other has no account.
    With(Name),
}

impl NoPlace {
    fn answer<'a, O: Outbox>(self, client: ClientId, outbox: &mut O) -> Outcome<'a> {
        match self {
            Self::Refused(refusal) => Err(refusal),
            Self::With(name) => {
                let name = name.as_str();
                let refusal = HistoryRefusal::NotKeptWith { name };
                outbox.send(client, &Event::Error(Refusal::History(refusal)));
                Ok(Answered::Now)
            }
        }
    }
}
