//! Questions about rooms and users.

use arrayvec::ArrayVec;

use super::client::Client;
use super::command::{NamesOf, QueryCommand};
use super::event::{QueryReply, RoomSummary, Whois};
use super::name::{Name, RoomName};
use super::outbox::Outbox;
use super::refusal::{MembershipRefusal, QueryRefusal, Refusal};
use super::time::Timestamp;
use super::{Chat, Outcome, Sender, answer};

/// Names on a page of `/names`. To sort all of them for it costs less than a line in the room does.
pub const NAMES_PAGE: usize = 100;

/// Rooms on a page of `/rooms`: with the longest topics, half of the output that may wait for a slow
/// reader.
pub const ROOMS_PAGE: usize = 100;

impl Chat {
    pub(super) fn execute_query<'a, O: Outbox>(
        &self,
        now: Timestamp,
        sender: &Sender,
        command: QueryCommand<'a>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        match command {
            QueryCommand::Rooms(page) => self.list_rooms(sender, page, outbox),
            QueryCommand::Names { of, page } => self.list_names(sender, of, page, outbox),
            QueryCommand::Whois(typed) => self.whois(now, sender, typed, outbox),
        }
    }

    fn list_names<'a, O: Outbox>(
        &self,
        sender: &Sender,
        of: NamesOf,
        page: usize,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let room = match of {
            NamesOf::Everyone => None,
            NamesOf::Room(name) => Some(
                self.rooms
                    .find(&name)
                    .ok_or(MembershipRefusal::NoSuchRoom { room: name })?,
            ),
            NamesOf::CurrentRoom => {
                let current = self
                    .directory
                    .get(sender.client)
                    .and_then(|client| client.current);
                Some(current.ok_or(MembershipRefusal::NotInRoom { room: None })?)
            }
        };
        let room = room.and_then(|room| self.rooms.get(room));
        let total = room.map_or_else(
            || self.directory.registered_count(),
            |room| room.members.len(),
        );
        let (skip, pages) = page_bounds(page, total, NAMES_PAGE)?;
        let mut names: Vec<Name> = match room {
            Some(room) => {
                let members = room.members.users();
                members
                    .filter_map(|member| self.directory.name_of(member.user()))
                    .collect()
            }
            None => self.directory.registered().collect(),
        };
        let names = sorted_page(&mut names, skip, NAMES_PAGE);
        let room = room.map(|room| &room.name);
        answer(
            outbox,
            sender.client,
            QueryReply::Names {
                room,
                total,
                names,
                page,
                pages,
            },
        )
    }

    fn list_rooms<'a, O: Outbox>(
        &self,
        sender: &Sender,
        page: usize,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let total = self.rooms.len();
        let (skip, pages) = page_bounds(page, total, ROOMS_PAGE)?;
        let rooms = self
            .rooms
            .list_from(skip)
            .take(ROOMS_PAGE)
            .map(|room| RoomSummary {
                room: &room.name,
                users: room.members.len(),
                topic: room.topic.as_deref(),
            });
        let rooms: ArrayVec<RoomSummary<'_>, ROOMS_PAGE> = rooms.collect();
        answer(
            outbox,
            sender.client,
            QueryReply::Rooms {
                rooms: &rooms,
                total,
                page,
                pages,
            },
        )
    }

    fn whois<'a, O: Outbox>(
        &self,
        now: Timestamp,
        sender: &Sender,
        typed: &'a str,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let missing = Refusal::NoSuchUser { given: typed };
        let (other, name) = self.directory.find_typed(typed).ok_or(missing)?;
        let asker = self.directory.user(sender.user);
        let (Some(asker), Some(user)) = (asker, self.directory.user(other)) else {
            return Err(missing);
        };
        let shared = user
            .rooms
            .iter()
            .filter(|own| asker.membership(own.room).is_some());
        let mut rooms: Vec<RoomName> = shared
            .filter_map(|own| Some(self.rooms.get(own.room)?.name))
            .collect();
        rooms.sort_unstable();
        let client = self.directory.get(sender.client);
        let connections = user.connections();
        let active = connections.filter_map(|id| Some(self.directory.get(id)?.active_at));
        let active_at = active.max().unwrap_or(user.connected_at);
        let whois = Whois {
            name: &name,
            connected: now.since(user.connected_at),
            idle: now.since(active_at),
            away: user.away().map(|away| away.text.as_ref()),
            rooms: &rooms,
            peer: client.filter(|_| sender.user == other).map(Client::peer),
        };
        answer(outbox, sender.client, QueryReply::Whois(whois))
    }
}

/// The names that would be at `skip` and up to `count` behind it, if all were sorted.
fn sorted_page(names: &mut [Name], skip: usize, count: usize) -> &[Name] {
    if skip > 0 && skip < names.len() {
        names.select_nth_unstable(skip);
    }
    let rest = names.get_mut(skip..).unwrap_or_default();
    if count < rest.len() {
        rest.select_nth_unstable(count);
    }
    let end = count.min(rest.len());
    let page = rest.get_mut(..end).unwrap_or_default();
    page.sort_unstable();
    page
}

/// The number of entries before `page`, and the number of pages. The first page always exists.
fn page_bounds(
    page: usize,
    total: usize,
    page_size: usize,
) -> Result<(usize, usize), Refusal<'static>> {
    let pages = total.div_ceil(page_size).max(1);
    if page == 0 || page > pages {
        return Err(Refusal::Query(QueryRefusal::NoSuchPage { page, pages }));
    }
    Ok(((page - 1) * page_size, pages))
}
