//! Questions about rooms and users.

use arrayvec::ArrayVec;

use super::client::Client;
use super::command::{NamesOf, QueryCommand};
use super::event::{QueryReply, RoomSummary, Whois};
use super::ids::{Peer, UserId};
use super::member::Member;
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

/// Connections of a user whose addresses `/whois` tells an operator: enough to see where somebody is from.
const WHOIS_PEERS_MAX: usize = 8;

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
            NamesOf::Room(name) => {
                let room = self.rooms.find(&name);
                let room = room.filter(|room| self.is_room_for(sender.client, *room));
                Some(room.ok_or(MembershipRefusal::NoSuchRoom { room: name })?)
            }
            NamesOf::CurrentRoom => {
                let current = self
                    .directory
                    .get(sender.client)
                    .and_then(|client| client.current);
                Some(current.ok_or(MembershipRefusal::NotInRoom { room: None })?)
            }
        };
        let id = room;
        let room = room.and_then(|room| self.rooms.get(room));
        let unseen = self.unseen_by(sender.client);
        let total = room.map_or_else(
            || self.directory.registered_count() - unseen.users,
            |room| unseen.members(id, room),
        );
        let is_seen = |user: &UserId| unseen.users == 0 || self.sees(sender.user, *user);
        let (skip, pages) = page_bounds(page, total, NAMES_PAGE)?;
        let mut names: Vec<Name> = match room {
            Some(room) => {
                let members = room.members.users();
                let members = members.map(Member::user).filter(is_seen);
                let names = members.filter_map(|user| self.directory.name_of(user));
                names.collect()
            }
            None if unseen.users == 0 => self.directory.registered().collect(),
            None => {
                let users = self.directory.user_ids().filter(is_seen);
                let names = users.filter_map(|user| self.directory.name_of(user));
                names.collect()
            }
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
        let unseen = self.unseen_by(sender.client);
        let left_out = unseen.count_of_rooms(self);
        let total = self.rooms.len() - left_out;
        let (skip, pages) = page_bounds(page, total, ROOMS_PAGE)?;
        // Only if rooms are left out, those before the page must be looked at.
        let (jumped, skipped) = if left_out == 0 { (skip, 0) } else { (0, skip) };
        let listed = self.rooms.list_from(jumped);
        let listed = listed.filter(|(id, room)| left_out == 0 || unseen.is_room(self, *id, room));
        let rooms = listed.skip(skipped).take(ROOMS_PAGE);
        let rooms = rooms.map(|(id, room)| RoomSummary {
            room: &room.name,
            users: unseen.members(Some(id), room),
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
        let (other, name) = self.find_seen(sender, typed).ok_or(missing)?;
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
        let is_own = sender.user == other;
        let mut peers = ArrayVec::<Peer, WHOIS_PEERS_MAX>::new();
        if !is_own && self.operates_server(sender.client) {
            let connected = user.connections();
            let connected = connected.filter_map(|id| Some(self.directory.get(id)?.peer()));
            peers.extend(connected.take(WHOIS_PEERS_MAX));
        }
        let whois = Whois {
            name: &name,
            connected: now.since(user.connected_at),
            idle: now.since(active_at),
            away: user.away().map(|away| away.text.as_ref()),
            rooms: &rooms,
            peer: client.filter(|_| is_own).map(Client::peer),
            peers: &peers,
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
