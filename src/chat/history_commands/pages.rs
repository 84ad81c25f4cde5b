//! Pages of what was said before: `/history`, `/more`, `/search`, `/export`.
//!
//! Who may read a page is decided twice, by the place's own number: when it is asked for, and when it comes.

use smallvec::SmallVec;

use crate::chat::archive::{
    Answer, Archive, PageLimits, PageRange, PastLine, Question, SearchPlaces,
};
use crate::chat::command::{Mode, PlaceName, WantedRange};
use crate::chat::event::{Event, HistoryReply, Notice, PageOf, PageView, Reply};
use crate::chat::ids::{AccountId, ClientId, LineId, PlaceId, RoomId, UserId};
use crate::chat::name::{Name, RoomName};
use crate::chat::outbox::Outbox;
use crate::chat::pending::Response;
use crate::chat::refusal::{AccountRefusal, HistoryRefusal, MembershipRefusal, Refusal};
use crate::chat::time::Now;
use crate::chat::user::User;
use crate::chat::{Answered, Chat, Outcome, Sender};

use super::{PlaceLabel, times};
use crate::chat::history::effects::{Cursor, HistoryStep, PageKind, PageStep};

/// Lines of a page, unless more or fewer are asked for.
const PAGE_LINES: usize = 50;

impl Chat {
    #[expect(
        clippy::too_many_arguments,
        reason = "a command's words, and what every command gets"
    )]
    pub(super) fn history<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        place: PlaceName,
        range: WantedRange,
        count: Option<usize>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let (place, label) = match self.readable_place(sender, place) {
            Ok(found) => found,
            Err(why) => return why.answer(sender.client, outbox),
        };
        let range = match range {
            WantedRange::Newest => PageRange::Newest,
            WantedRange::Before(id) => PageRange::Before(id),
            WantedRange::Since(id) => PageRange::Since(id),
            WantedRange::SinceTime(time) => PageRange::SinceTime(times::resolve(time, now)),
        };
        let of = PageKind::Place(place, room_of(&label));
        self.ask_page(now, sender, of, range, count, archive)
    }

    /// The next page of what was shown last.
    pub(super) fn more<'a>(
        &mut self,
        now: Now,
        sender: &Sender,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let client = self.directory.get(sender.client);
        let cursor = client.and_then(|client| client.cursor());
        let step = match cursor.ok_or(HistoryRefusal::NoPage)? {
            Cursor::At(step) => step.clone(),
            Cursor::End => return Err(HistoryRefusal::NoMore.into()),
        };
        let user = self.directory.user(sender.user);
        let user = user.ok_or(Refusal::NotRegistered)?;
        if user.account != step.account {
            return Err(HistoryRefusal::NoPage.into());
        }
        self.check_page(user, &step.of)?;
        let count = Some(step.count);
        self.ask_page(now, sender, step.of, step.range, count, archive)
    }

    pub(super) fn search<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        place: Option<PlaceName>,
        words: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        if !archive.has_search() {
            return Err(HistoryRefusal::NoSearch.into());
        }
        let (place, words) = match place {
            Some(place) => match self.readable_place(sender, place) {
                Ok((place, label)) => (Some((place, room_of(&label))), words),
                Err(why) => return why.answer(sender.client, outbox),
            },
            None => match self.leading_room(sender, words) {
                Some((place, room, words)) => (Some((place, Some(room))), words),
                None => (None, words),
            },
        };
        if place.is_none() {
            self.account_needed(sender)?;
        }
        let of = PageKind::Search(place, words.into());
        self.ask_page(now, sender, of, PageRange::Newest, None, archive)
    }

    /// The kept room that the first of several words names, if the user is in it, and the other words.
    fn leading_room<'a>(
        &self,
        sender: &Sender,
        words: &'a str,
    ) -> Option<(PlaceId, RoomName, &'a str)> {
        let (first, rest) = words.trim_ascii().split_once(' ')?;
        let name = RoomName::parse(first).ok()?;
        let id = self.rooms.find(&name)?;
        self.directory.user(sender.user)?.membership(id)?;
        let room = self.rooms.get(id)?;
        Some((room.kept?, room.name, rest.trim_ascii()))
    }

    pub(super) fn export<'a>(
        &mut self,
        now: Now,
        sender: &Sender,
        before: Option<LineId>,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        self.account_needed(sender)?;
        let range = before.map_or(PageRange::Newest, PageRange::Before);
        let count = Some(usize::MAX);
        self.ask_page(now, sender, PageKind::Own, range, count, archive)
    }

    fn ask_page<'a>(
        &mut self,
        now: Now,
        sender: &Sender,
        of: PageKind,
        range: PageRange,
        count: Option<usize>,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        self.pay_for_page(now, sender.user, &of)?;
        let limits = &self.settings.history;
        let (lines_max, bytes_max) = (limits.page_lines_max, limits.page_bytes_max);
        let lines_max = count.unwrap_or(PAGE_LINES).clamp(1, lines_max.max(1));
        let limits = PageLimits {
            lines_max,
            bytes_max,
        };
        let account = self.account_of(sender.user);
        let up_to = self.history.lines.last();
        let without = self.unwanted_accounts(sender.user);
        let before = match range {
            PageRange::Before(id) => Some(id),
            PageRange::Newest | PageRange::Since(_) | PageRange::SinceTime(_) => None,
        };
        let question = match (&of, account) {
            (PageKind::Place(place, _), _) => Question::Page {
                place: *place,
                range,
                up_to,
                limits,
                without,
                reader: account,
            },
            (PageKind::Search(place, words), _) => Question::Search {
                places: self.search_places(sender.user, place.map(|(place, _)| place))?,
                words: words.clone(),
                before,
                up_to,
                limits,
                without,
                reader: account,
            },
            (PageKind::Own, Some(account)) => Question::Own {
                account,
                before,
                up_to,
                limits,
            },
            (PageKind::Own, None) => return Err(AccountRefusal::LoginRequired.into()),
        };
        let step = HistoryStep::Page(PageStep {
            of,
            range,
            count: lines_max,
            up_to,
            account,
        });
        self.ask_history(now, sender.client, question, step, archive)
    }

    fn search_places(
        &self,
        user: UserId,
        place: Option<PlaceId>,
    ) -> Result<SearchPlaces, Refusal<'static>> {
        if let Some(place) = place {
            return Ok(SearchPlaces::One(place));
        }
        let user = self.directory.user(user).ok_or(Refusal::NotRegistered)?;
        let account = user.account.ok_or(AccountRefusal::LoginRequired)?;
        let rooms: SmallVec<[RoomId; 4]> = user.rooms.iter().map(|own| own.room).collect();
        let rooms = self.kept_places_of_rooms(&rooms);
        Ok(SearchPlaces::All { rooms, account })
    }

    /// Searches and exports are dear, and have a rate.
    fn pay_for_page(
        &mut self,
        now: Now,
        user: UserId,
        of: &PageKind,
    ) -> Result<(), Refusal<'static>> {
        let user = self.directory.user_mut(user);
        let user = user.ok_or(Refusal::NotRegistered)?;
        let paid = match of {
            PageKind::Place(..) => Ok(()),
            PageKind::Search(..) => user.extras_mut().rates.search(now.timestamp),
            PageKind::Own => user.extras_mut().rates.export(now.timestamp),
        };
        paid.map_err(|wait| HistoryRefusal::SlowDown { wait }.into())
    }

    /// Refuses a page of one place to who may not read that place now.
    fn check_page(&self, user: &User, of: &PageKind) -> Result<(), Refusal<'static>> {
        let (PageKind::Place(place, room) | PageKind::Search(Some((place, room)), _)) = of else {
            return Ok(());
        };
        if self.may_read(user, *place) {
            return Ok(());
        }
        let Some(room) = *room else {
            return Err(AccountRefusal::LoginRequired.into());
        };
        let id = self.rooms.find(&room);
        if id.is_some_and(|id| user.membership(id).is_some()) {
            return Err(HistoryRefusal::NotKeptHere { room }.into());
        }
        Err(MembershipRefusal::NotInRoom { room: Some(room) }.into())
    }

    /// A page has come.
    pub(super) fn page_answered<'a, O: Outbox>(
        &mut self,
        client: ClientId,
        step: PageStep,
        response: Response,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let id = self.directory.user_of(client);
        let id = id.ok_or(Refusal::NotRegistered)?;
        let user = self.directory.user(id).ok_or(Refusal::NotRegistered)?;
        if user.account != step.account {
            return Err(AccountRefusal::LoginRequired.into());
        }
        let Response::Answer(Answer::Page { lines, end }) = response else {
            return Err(AccountRefusal::Busy.into());
        };
        self.check_page(user, &step.of)?;
        let is_forward = matches!(step.range, PageRange::Since(_) | PageRange::SinceTime(_));
        let edge = if is_forward {
            lines.last()
        } else {
            lines.first()
        };
        let edge = edge.map(|line| line.id);
        let newest_of = {
            let is_left =
                |line: &&PastLine| !self.history.forgotten.has(line.author, line.place, line.id);
            let mut others = lines.iter().filter(|line| line.author != step.account);
            let newest = others.rfind(is_left);
            newest.and_then(|line| Some((line.author?, line.id)))
        };
        self.send_page(client, user, &step, lines, end, outbox);
        // Who sees the newest lines has read them.
        if let (PageKind::Place(place, _), Some(account)) = (&step.of, step.account)
            && (matches!(step.range, PageRange::Newest) || is_forward && end)
        {
            let (place, up_to) = (*place, step.up_to);
            self.history.marks.note_read(account, place, up_to);
            if let (PageRange::Newest, Some((author, line))) = (step.range, newest_of) {
                self.note_page_read(account, place, author, line, outbox);
            }
        }
        let cursor = match edge.filter(|_| !end) {
            Some(edge) if is_forward => Cursor::At(PageStep {
                range: PageRange::Since(edge),
                ..step
            }),
            Some(edge) => Cursor::At(PageStep {
                range: PageRange::Before(edge),
                ..step
            }),
            None => Cursor::End,
        };
        if let Some(record) = self.directory.get_mut(client) {
            record.extras_mut().cursor = Some(Box::new(cursor));
        }
        Ok(Answered::Now)
    }

    /// Sends those lines of a page that the user may read now: in JSON before their answer, for people behind it.
    fn send_page<O: Outbox>(
        &self,
        client: ClientId,
        user: &User,
        step: &PageStep,
        lines: Vec<PastLine>,
        end: bool,
        outbox: &mut O,
    ) {
        let is_own = matches!(step.of, PageKind::Own);
        let ignored = Ignored::new(self, user);
        let is_shown = |line: &PastLine| {
            let is_open = is_own || self.may_read(user, line.place) && !ignored.has(line);
            is_open && !self.history.forgotten.has(line.author, line.place, line.id)
        };
        let shown = lines.into_iter().filter(is_shown);
        let shown = shown.filter_map(|line| Some((self.label_of(line.place, user.account)?, line)));
        let shown: Vec<(PlaceLabel, PastLine)> = shown.collect();
        let label = match &step.of {
            PageKind::Place(place, _) => self.label_of(*place, user.account),
            PageKind::Search(..) | PageKind::Own => None,
        };
        let of = match (&step.of, &label) {
            (PageKind::Place(..), Some(label)) => PageOf::Place(label.view()),
            (PageKind::Search(_, words), _) => PageOf::Search(words),
            (PageKind::Place(..) | PageKind::Own, _) => PageOf::Own,
        };
        let id_of = |(_, line): &(PlaceLabel, PastLine)| line.id;
        let is_forward = matches!(step.range, PageRange::Since(_) | PageRange::SinceTime(_));
        let head = Event::Ok(Reply::History(HistoryReply::Page(PageView {
            of,
            lines: shown.len(),
            first: shown.first().map(id_of),
            last: shown.last().map(id_of),
            up_to: step.up_to,
            end,
            is_forward,
        })));
        let is_json = outbox.mode(client) == Mode::Json;
        if !is_json {
            outbox.send(client, &head);
        }
        let send = |(label, line)| outbox.send(client, &past(&step.of, label, line));
        let shown = shown.iter().map(|(label, line)| (label, line));
        if is_own {
            // To be put into a file behind what came before, which is newer.
            shown.rev().for_each(send);
        } else {
            shown.for_each(send);
        }
        if is_json {
            outbox.send(client, &head);
        } else if !end {
            let notice = Notice::PageEnd { is_forward };
            outbox.send(client, &Event::Notice(notice));
        }
    }
}

/// Authors whom a user ignores or blocks now.
#[derive(Debug)]
struct Ignored {
    accounts: Vec<AccountId>,
    /// Guests are known by their names alone.
    guests: Vec<Name>,
}

impl Ignored {
    fn new(chat: &Chat, user: &User) -> Self {
        let ignored = user.ignored().iter();
        let users = ignored.filter_map(|other| chat.directory.user(*other));
        let (mut accounts, mut guests) = (Vec::new(), Vec::new());
        for other in users {
            match other.account {
                Some(account) => accounts.push(account),
                None => guests.push(*other.name()),
            }
        }
        let blocked = user.account.map(|own| chat.people.relations.blocked(own));
        accounts.extend_from_slice(blocked.unwrap_or_default());
        Self { accounts, guests }
    }

    fn has(&self, line: &PastLine) -> bool {
        match line.author {
            Some(author) => self.accounts.contains(&author),
            None => self.guests.contains(&line.name),
        }
    }
}

/// A line of a page: of several places, it shows its own.
fn past<'a>(of: &PageKind, label: &'a PlaceLabel, line: &'a PastLine) -> Event<'a> {
    let (id, place, kind, at) = (line.id, label.view(), line.kind, line.at);
    let (from, text) = (&line.name, &*line.text);
    match of {
        PageKind::Place(..) => Event::History {
            id,
            place,
            from,
            kind,
            at,
            text,
        },
        PageKind::Search(..) => Event::Found {
            id,
            place,
            from,
            kind,
            at,
            text,
        },
        PageKind::Own => Event::Exported {
            id,
            place,
            from,
            kind,
            at,
            text,
        },
    }
}

fn room_of(label: &PlaceLabel) -> Option<RoomName> {
    match label {
        PlaceLabel::Room(room) => Some(*room),
        PlaceLabel::With(_) => None,
    }
}
