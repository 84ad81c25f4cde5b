//! The protocol page in the plainest code: maps, lists, and no cleverness.
//!
//! The model gets the same input as the core and works out the events of each client, without the
//! core's data structures. Rooms stay small here, so joins and leaves are told at once; large rooms
//! are tested in `presence`.

use std::collections::{BTreeMap, BTreeSet};

use chinwag::chat::command::{Mode, Verb};
use chinwag::chat::ids::ClientId;

use crate::line::{Line, Of, Wrong};
use crate::recorder::{Entered, Got, LINES_IN, OwnedEvent, OwnedRefusal, OwnedReply, Seen, Way};

const RESERVED: [&str; 8] = [
    "server", "system", "admin", "operator", "root", "all", "everyone", "here",
];
const RECIPIENTS_MAX: usize = 16;
const NOTE_BYTES_MAX: usize = 300;
const PAGE_SIZE: usize = 100;
const TOLD_AT_ONCE_MAX: usize = 50;

type Outcome = Result<OwnedReply, OwnedRefusal>;

#[derive(Debug)]
pub struct Model {
    server_name: String,
    lobby: String,
    rooms_per_client_max: usize,
    motd: Vec<String>,
    clients: BTreeMap<ClientId, Client>,
    /// In the order in which they registered.
    users: BTreeMap<Who, User>,
    next_who: Who,
    /// The last user of each connection, also of those gone.
    users_of: BTreeMap<ClientId, Who>,
    /// By name in small letters.
    rooms: BTreeMap<String, Room>,
    /// Clients that refuse private messages at the moment.
    refusing: BTreeSet<ClientId>,
    now_ms: u128,
    expected: Seen,
}

/// A user, by a number that is used once.
type Who = u64;

/// A connection, with a user or without.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one setting")]
struct Client {
    who: Option<Who>,
    peer: String,
    since_ms: u128,
    spoke_ms: u128,
    echo: bool,
    raw: bool,
    times: bool,
    /// Was told how a name is changed.
    hinted: bool,
    mode: Mode,
    current: Option<String>,
    farewell: Option<String>,
}

#[derive(Debug)]
struct User {
    name: String,
    since_ms: u128,
    /// In the order in which they came.
    clients: Vec<ClientId>,
    quiet: bool,
    away: Option<Away>,
    ignored: BTreeSet<Who>,
    wrote_last: Option<Who>,
    /// In the order of entering, by names in small letters.
    rooms: Vec<String>,
}

#[derive(Debug)]
struct Away {
    text: String,
    told: BTreeSet<Who>,
}

#[derive(Debug)]
struct Room {
    shown: String,
    topic: Option<String>,
    members: BTreeSet<Who>,
}

impl Model {
    pub fn new(server_name: &str, lobby: &str, rooms_per_client_max: usize, motd: &[&str]) -> Self {
        let room = Room {
            shown: lobby.into(),
            topic: None,
            members: BTreeSet::new(),
        };
        Self {
            server_name: server_name.into(),
            lobby: lowercase(lobby),
            rooms_per_client_max,
            motd: motd.iter().map(|line| String::from(*line)).collect(),
            clients: BTreeMap::new(),
            users: BTreeMap::new(),
            next_who: 0,
            users_of: BTreeMap::new(),
            rooms: BTreeMap::from([(lowercase(lobby), room)]),
            refusing: BTreeSet::new(),
            now_ms: 0,
            expected: Seen::default(),
        }
    }

    /// The events expected since the last call.
    pub fn take(&mut self) -> Seen {
        std::mem::take(&mut self.expected)
    }

    pub fn wait(&mut self, ms: u64) {
        self.now_ms += u128::from(ms);
    }

    pub fn refuse(&mut self, id: ClientId, refuses: bool) {
        if refuses {
            self.refusing.insert(id);
        } else {
            self.refusing.remove(&id);
        }
    }

    pub fn name_of(&self, id: ClientId) -> Option<String> {
        let who = self.clients.get(&id)?.who?;
        Some(self.users[&who].name.clone())
    }

    pub fn mode_of(&self, id: ClientId) -> Option<Mode> {
        Some(self.clients.get(&id)?.mode)
    }

    /// Connections, registered users, rooms.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.clients.len(), self.users.len(), self.rooms.len())
    }

    pub fn connect(&mut self, id: ClientId, peer: &str) {
        let client = Client {
            who: None,
            peer: peer.into(),
            since_ms: self.now_ms,
            spoke_ms: self.now_ms,
            echo: false,
            raw: false,
            times: false,
            hinted: false,
            mode: Mode::Plain,
            current: None,
            farewell: None,
        };
        self.clients.insert(id, client);
        self.send(id, OwnedEvent::Connected(peer.into()));
        self.send(id, OwnedEvent::HowToRegister);
        for line in self.motd.clone() {
            self.send(id, OwnedEvent::Motd(line));
        }
    }

    pub fn disconnect(&mut self, id: ClientId) {
        let Some(client) = self.clients.get(&id) else {
            return;
        };
        let farewell = client.farewell.clone();
        self.detach(id, farewell.as_ref());
        self.clients.remove(&id);
        self.refusing.remove(&id);
    }

    /// A connection becomes one more of another's user.
    pub fn attach(&mut self, id: ClientId, to: ClientId) {
        let who = self.clients.get(&to).and_then(|client| client.who);
        let Some(who) = who.filter(|who| self.clients[&id].who != Some(*who)) else {
            return;
        };
        self.detach(id, None);
        let user = self.users.get_mut(&who).unwrap();
        user.clients.push(id);
        let (name, lobby) = (user.name.clone(), self.lobby.clone());
        let first = user.rooms.iter().min().cloned();
        let in_lobby = user.rooms.contains(&lobby);
        self.users_of.insert(id, who);
        let client = self.client(id);
        client.who = Some(who);
        client.current = if in_lobby { Some(lobby) } else { first };
        self.expected.named.push((id, name));
    }

    /// The connection has no user any more; one who has no other is gone.
    fn detach(&mut self, id: ClientId, farewell: Option<&String>) {
        let client = self.client(id);
        client.current = None;
        let Some(who) = client.who.take() else {
            return;
        };
        let user = self.users.get_mut(&who).unwrap();
        user.clients.retain(|own| *own != id);
        if !user.clients.is_empty() {
            return;
        }
        let user = self.users.remove(&who).unwrap();
        for key in &user.rooms {
            self.rooms.get_mut(key).unwrap().members.remove(&who);
        }
        // Each is told once: in the current room if that is shared, else in the first shared one.
        let others: Vec<ClientId> = self.clients.keys().copied().collect();
        for other in others {
            let shared = |key: &&String| self.told_of_changes(key).contains(&other);
            let current = self.clients[&other].current.as_ref();
            let in_current = current
                .filter(|key| user.rooms.contains(key))
                .filter(shared);
            let first = user.rooms.iter().find(shared);
            let Some(key) = in_current.or(first).cloned() else {
                continue;
            };
            self.tell_leave(other, who, &user.name, &key, true, farewell);
        }
        for key in &user.rooms {
            self.drop_if_empty(key);
        }
    }

    /// One line, and its one answer at the end.
    pub fn line(&mut self, id: ClientId, line: &Line) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        client.spoke_ms = self.now_ms;
        let outcome = if client.who.is_some() {
            self.user_line(id, line)
        } else {
            self.unregistered_line(id, line)
        };
        let answer = outcome.map_or_else(OwnedEvent::Error, OwnedEvent::Ok);
        self.send(id, answer);
    }

    pub fn undelivered(&mut self, from: ClientId, to: &str, count: u64) {
        let user = self.users_of.get(&from);
        let user = user.and_then(|who| self.users.get(who));
        for id in user.map(|user| user.clients.clone()).unwrap_or_default() {
            let to = to.into();
            self.send(id, OwnedEvent::Undelivered { to, count });
        }
    }

    pub fn shut_down(&mut self) {
        for id in self.clients.keys().copied().collect::<Vec<_>>() {
            self.send(id, OwnedEvent::ShuttingDown);
        }
    }

    pub fn are_you_there(&mut self, id: ClientId) {
        self.send(id, OwnedEvent::Here(self.server_name.clone()));
    }

    fn unregistered_line(&mut self, id: ClientId, line: &Line) -> Outcome {
        match line {
            Line::Hash(text) if !is_name(&text[1..]) => Err(fault("bad_name")),
            Line::Hash(text) => self.register(id, &text[1..]),
            Line::Nick(name) => self.register(id, name),
            Line::Help(_)
            | Line::Version
            | Line::Ping(_)
            | Line::Stats
            | Line::Mode(_)
            | Line::Quit(_) => Ok(self.nameless_line(id, line)),
            // A mistake in a command that needs no name is explained, and so are mistakes that any
            // line can have.
            Line::Wrong(
                wrong @ (Wrong::UnknownCommand
                | Wrong::LineTooLong
                | Wrong::BadName
                | Wrong::Usage(Verb::Nick | Verb::Help | Verb::Mode)),
            ) => Err(code_of(*wrong)),
            _ => Err(fault("not_registered")),
        }
    }

    fn user_line(&mut self, id: ClientId, line: &Line) -> Outcome {
        match line {
            Line::Hash(text) => {
                self.speak_in_current(id, text, false)?;
                let is_new = is_name(&text[1..]) && !self.clients[&id].hinted;
                if is_new {
                    self.client(id).hinted = true;
                    self.send(id, OwnedEvent::HowToRename(text[1..].into()));
                }
                Ok(OwnedReply::Done)
            }
            Line::Nick(name) => self.rename(id, name),
            Line::Say(text) => self.say(id, text, false),
            Line::Act(text) => self.say(id, text, true),
            Line::Private(to, text) => self.private(id, to, text),
            Line::Reply(text) => self.reply(id, text),
            Line::Join(room) => self.join(id, room),
            Line::Part(room) => self.part(id, room.as_deref()),
            Line::Rooms(page) => self.list_rooms(*page),
            Line::Names(of, page) => self.list_names(id, of, *page),
            Line::Topic(text) => self.topic(id, text.as_deref()),
            Line::ClearTopic => self.clear_topic(id),
            Line::Whois(name) => self.whois(id, name),
            Line::Away(text) => self.away(id, text.as_deref()),
            Line::Back => {
                self.user(id).away = None;
                Ok(OwnedReply::Back)
            }
            Line::Ignore(name) => self.ignore(id, name.as_deref()),
            Line::Unignore(name) => self.unignore(id, name.as_deref()),
            Line::Quiet(on) => {
                let user = self.user(id);
                user.quiet = on.unwrap_or(user.quiet);
                Ok(OwnedReply::Quiet(user.quiet))
            }
            Line::Echo(on) => {
                let client = self.client(id);
                client.echo = on.unwrap_or(client.echo);
                Ok(OwnedReply::Echo(client.echo))
            }
            Line::Raw(on) => {
                let client = self.client(id);
                client.raw = on.unwrap_or(client.raw);
                Ok(OwnedReply::Raw(client.raw))
            }
            Line::Times(on) => {
                let client = self.client(id);
                client.times = on.unwrap_or(client.times);
                Ok(OwnedReply::Times(client.times))
            }
            Line::Wrong(wrong) => Err(code_of(*wrong)),
            _ => Ok(self.nameless_line(id, line)),
        }
    }

    /// Commands that work with and without a name.
    fn nameless_line(&mut self, id: ClientId, line: &Line) -> OwnedReply {
        match line {
            Line::Help(verb) => OwnedReply::Help(verb.map(|verb| format!("{verb:?}"))),
            Line::Version => OwnedReply::Version(self.server_name.clone()),
            Line::Ping(text) => OwnedReply::Pong(text.clone()),
            Line::Mode(mode) => {
                let client = self.client(id);
                client.mode = mode.unwrap_or(client.mode);
                OwnedReply::Mode(client.mode)
            }
            Line::Stats => {
                let (clients, registered, rooms) = self.counts();
                // The harness compares the exact numbers.
                OwnedReply::Stats {
                    server_name: self.server_name.clone(),
                    clients: clients.next_multiple_of(10),
                    registered: registered.next_multiple_of(10),
                    rooms,
                    lines_in: LINES_IN,
                }
            }
            Line::Quit(text) => {
                self.client(id).farewell = text.as_deref().map(cut);
                self.expected.closed.push(id);
                OwnedReply::Bye
            }
            other => panic!("needs a name: {other:?}"),
        }
    }

    fn register(&mut self, id: ClientId, name: &str) -> Outcome {
        self.check_name(id, name)?;
        let who = self.next_who;
        self.next_who += 1;
        self.users_of.insert(id, who);
        let client = self.client(id);
        client.who = Some(who);
        let user = User {
            name: name.into(),
            since_ms: client.since_ms,
            clients: vec![id],
            quiet: false,
            away: None,
            ignored: BTreeSet::new(),
            wrote_last: None,
            rooms: Vec::new(),
        };
        self.users.insert(who, user);
        self.expected.named.push((id, name.into()));
        let lobby = self.lobby.clone();
        let entered = self.enter(id, &lobby);
        let name = name.into();
        Ok(OwnedReply::Registered { name, entered })
    }

    fn rename(&mut self, id: ClientId, new_name: &str) -> Outcome {
        self.check_name(id, new_name)?;
        let name = self.shown(id);
        let who = self.who(id);
        self.user(id).name = new_name.into();
        for own in self.clients_of(who) {
            self.expected.named.push((own, new_name.into()));
        }
        if name != new_name {
            let rename = OwnedEvent::Rename {
                name,
                new_name: new_name.into(),
            };
            for other in self.roommates_to_tell(who) {
                self.announce(other, false, rename.clone());
            }
            for own in self.others_of(id) {
                self.send(own, rename.clone());
            }
        }
        Ok(OwnedReply::Renamed(new_name.into()))
    }

    fn check_name(&self, id: ClientId, name: &str) -> Result<(), OwnedRefusal> {
        let name = lowercase(name);
        let holder = self.find(&name);
        let taken = holder.is_some_and(|holder| Some(holder) != self.clients[&id].who)
            || RESERVED.contains(&name.as_str())
            || self.rooms.contains_key(&name);
        if taken {
            Err(fault("name_taken"))
        } else {
            Ok(())
        }
    }

    fn join(&mut self, id: ClientId, typed: &str) -> Outcome {
        let typed = typed.trim_start_matches('#');
        let key = lowercase(typed);
        let rooms_max = self.rooms_per_client_max;
        let user = self.user(id);
        if user.rooms.contains(&key) {
            self.client(id).current = Some(key.clone());
            return Ok(OwnedReply::Joined(self.view(id, &key)));
        }
        if user.rooms.len() >= rooms_max {
            return Err(fault("too_many_rooms"));
        }
        self.rooms.entry(key.clone()).or_insert_with(|| Room {
            shown: typed.into(),
            topic: None,
            members: BTreeSet::new(),
        });
        let entered = self.enter(id, &key);
        for other in self.others_of(id) {
            let (room, name) = (self.rooms[&key].shown.clone(), self.shown(id));
            self.send(other, OwnedEvent::OwnJoin { room, name });
        }
        Ok(OwnedReply::Joined(entered))
    }

    fn part(&mut self, id: ClientId, typed: Option<&str>) -> Outcome {
        let key = match typed {
            Some(typed) => Some(self.existing_room(typed)?),
            None => self.client(id).current.clone(),
        };
        let mine = key.filter(|key| self.user(id).rooms.contains(key));
        let key = mine.ok_or_else(|| fault("not_in_room"))?;
        let room = self.rooms[&key].shown.clone();
        let name = self.shown(id);
        let lobby = self.lobby.clone();
        let user = self.user(id);
        user.rooms.retain(|other| *other != key);
        let last = user.rooms.last().cloned();
        let in_lobby = user.rooms.contains(&lobby);
        // The others get the lobby rather than the last, and are told.
        let other = if in_lobby { Some(lobby) } else { last.clone() };
        for own in self.others_of(id) {
            let client = self.client(own);
            let moved = client.current.as_ref() == Some(&key);
            if moved {
                client.current.clone_from(&other);
            }
            let leave = OwnedEvent::OwnLeave {
                room: room.clone(),
                name: name.clone(),
                current: self.shown_current(own),
                moved,
            };
            self.send(own, leave);
        }
        let client = self.client(id);
        if client.current.as_ref() == Some(&key) {
            client.current = last;
        }
        self.take_out(self.who(id), &name, &key);
        let current = self.shown_current(id);
        Ok(OwnedReply::Parted { room, current })
    }

    fn enter(&mut self, id: ClientId, key: &str) -> Entered {
        let (name, who) = (self.shown(id), self.who(id));
        let room = self.rooms.get_mut(key).unwrap();
        room.members.insert(who);
        let shown = room.shown.clone();
        self.user(id).rooms.push(key.into());
        self.client(id).current = Some(key.into());
        for other in self.told_of_changes(key) {
            if self.clients[&other].who != Some(who) {
                let (room, name) = (shown.clone(), name.clone());
                self.announce_in(other, key, OwnedEvent::Join { room, name });
            }
        }
        self.view(id, key)
    }

    /// Removes a member from a room and tells those who stay.
    fn take_out(&mut self, who: Who, name: &str, key: &str) {
        self.rooms.get_mut(key).unwrap().members.remove(&who);
        for other in self.told_of_changes(key) {
            self.tell_leave(other, who, name, key, false, None);
        }
        self.drop_if_empty(key);
    }

    fn tell_leave(
        &mut self,
        other: ClientId,
        who: Who,
        name: &str,
        key: &str,
        gone: bool,
        text: Option<&String>,
    ) {
        // A quit text is ignored like any other line.
        let deaf = self.user(other).ignored.contains(&who);
        let leave = OwnedEvent::Leave {
            room: self.rooms[key].shown.clone(),
            name: name.to_owned(),
            gone,
            text: text.filter(|_| !deaf).cloned(),
        };
        self.announce_in(other, key, leave);
    }

    fn drop_if_empty(&mut self, key: &str) {
        if self.rooms[key].members.is_empty() && key != self.lobby {
            self.rooms.remove(key);
        }
    }

    fn told_of_changes(&self, key: &str) -> Vec<ClientId> {
        let members = &self.rooms[key].members;
        assert!(members.len() <= TOLD_AT_ONCE_MAX, "the model's are small");
        let told = members.iter().filter(|who| !self.users[*who].quiet);
        told.flat_map(|who| self.clients_of(*who)).collect()
    }

    fn roommates_to_tell(&self, who: Who) -> BTreeSet<ClientId> {
        let mine = &self.users[&who].rooms;
        let told = mine.iter().flat_map(|key| self.told_of_changes(key));
        told.filter(|other| self.clients[other].who != Some(who))
            .collect()
    }

    fn say(&mut self, id: ClientId, text: &str, as_action: bool) -> Outcome {
        self.speak_in_current(id, text, as_action)?;
        Ok(OwnedReply::Done)
    }

    fn speak_in_current(
        &mut self,
        id: ClientId,
        text: &str,
        as_action: bool,
    ) -> Result<(), OwnedRefusal> {
        let key = self.current_room(id)?;
        let (room, from, text) = (self.rooms[&key].shown.clone(), self.shown(id), text.into());
        let line = if as_action {
            OwnedEvent::Action { room, from, text }
        } else {
            OwnedEvent::Message { room, from, text }
        };
        self.speak(id, &key, &line);
        Ok(())
    }

    /// Sends to the connections of members that do not ignore the speaker, and to the speaking one as an echo.
    fn speak(&mut self, id: ClientId, key: &str, line: &OwnedEvent) {
        let who = self.who(id);
        for member in self.rooms[key].members.clone() {
            for other in self.clients_of(member) {
                let hears = if other == id {
                    self.client(id).echo
                } else {
                    !self.users[&member].ignored.contains(&who)
                };
                if hears {
                    self.announce_in(other, key, line.clone());
                }
            }
        }
    }

    fn topic(&mut self, id: ClientId, text: Option<&str>) -> Outcome {
        check_note(text)?;
        let key = self.current_room(id)?;
        let room = self.rooms.get_mut(&key).unwrap();
        let shown = room.shown.clone();
        if let Some(text) = text {
            room.topic = Some(text.into());
            let topic = OwnedEvent::Topic {
                room: shown.clone(),
                from: self.shown(id),
                text: Some(text.into()),
            };
            self.speak(id, &key, &topic);
        }
        let text = self.rooms[&key].topic.clone();
        Ok(OwnedReply::Topic { room: shown, text })
    }

    fn clear_topic(&mut self, id: ClientId) -> Outcome {
        let key = self.current_room(id)?;
        let room = self.rooms.get_mut(&key).unwrap();
        let (shown, before) = (room.shown.clone(), room.topic.take());
        if before.is_some() {
            let topic = OwnedEvent::Topic {
                room: shown.clone(),
                from: self.shown(id),
                text: None,
            };
            self.speak(id, &key, &topic);
        }
        Ok(OwnedReply::Topic {
            room: shown,
            text: None,
        })
    }

    fn private(&mut self, id: ClientId, typed: &[String], text: &str) -> Outcome {
        if typed.len() > RECIPIENTS_MAX {
            return Err(fault("too_many_recipients"));
        }
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let mut addressed: Vec<String> = Vec::new();
        for name in typed {
            let recipient = self.find(name);
            let shown = recipient.map_or_else(|| name.clone(), |who| self.users[&who].name.clone());
            let known = addressed
                .iter()
                .any(|other| other.eq_ignore_ascii_case(&shown));
            if is_name(&shown) && !known {
                addressed.push(shown);
            }
            match recipient {
                Some(recipient) if found.contains(&recipient) => {}
                Some(recipient) => found.push(recipient),
                None => missing.push(name.clone()),
            }
        }
        self.write_to(id, &found, addressed, missing, text)
    }

    fn reply(&mut self, id: ClientId, text: &str) -> Outcome {
        let writer = self.user(id).wrote_last;
        let here = writer.filter(|writer| self.users.contains_key(writer));
        let writer = here.ok_or_else(|| fault("no_such_user"))?;
        let name = self.users[&writer].name.clone();
        self.write_to(id, &[writer], vec![name], Vec::new(), text)
    }

    fn write_to(
        &mut self,
        id: ClientId,
        recipients: &[Who],
        to: Vec<String>,
        missing: Vec<String>,
        text: &str,
    ) -> Outcome {
        let (from, text) = (self.shown(id), String::from(text));
        let sent = OwnedEvent::Sent {
            from: from.clone(),
            to: to.clone(),
            text: text.clone(),
        };
        let message = OwnedEvent::Private { from, to, text };
        let who = self.who(id);
        let mut refused = Vec::new();
        for recipient in recipients {
            let user = &self.users[recipient];
            if user.ignored.contains(&who) {
                // The away notice comes all the same: its lack would tell the sender that it is ignored.
                self.tell_away(id, *recipient);
                continue;
            }
            let mut taking = self.clients_of(*recipient);
            taking.retain(|reader| !self.refusing.contains(reader));
            if taking.is_empty() {
                refused.push(user.name.clone());
                continue;
            }
            for reader in taking {
                self.note(reader, Way::Delivered, message.clone());
            }
            self.users.get_mut(recipient).unwrap().wrote_last = Some(who);
            self.tell_away(id, *recipient);
        }
        if refused.len() < recipients.len() {
            // A sender among the recipients gets a copy, and with echo on another one.
            if self.client(id).echo {
                self.send(id, message);
            }
            if !recipients.contains(&who) {
                for own in self.others_of(id) {
                    self.send(own, sent.clone());
                }
            }
        }
        let code = match (missing.is_empty(), refused.is_empty()) {
            (true, true) => return Ok(OwnedReply::Done),
            (true, false) => "not_delivered",
            (false, _) => "no_such_user",
        };
        Err(OwnedRefusal::new(code, missing.into_iter().chain(refused)))
    }

    fn tell_away(&mut self, sender: ClientId, recipient: Who) {
        let who = self.who(sender);
        let user = self.users.get_mut(&recipient).unwrap();
        let name = user.name.clone();
        let Some(away) = &mut user.away else {
            return;
        };
        if away.told.insert(who) {
            let text = away.text.clone();
            self.send(sender, OwnedEvent::IsAway { name, text });
        }
    }

    fn away(&mut self, id: ClientId, text: Option<&str>) -> Outcome {
        check_note(text)?;
        let text = text.unwrap_or("").to_string();
        self.user(id).away = Some(Away {
            text: text.clone(),
            told: BTreeSet::new(),
        });
        Ok(OwnedReply::Away(text))
    }

    fn ignore(&mut self, id: ClientId, typed: Option<&str>) -> Outcome {
        let Some(typed) = typed else {
            return Ok(self.list_ignored(id));
        };
        let other = self.find(typed).ok_or_else(|| no_such_user(typed))?;
        if other == self.who(id) {
            return Err(fault("bad_usage"));
        }
        self.user(id).ignored.insert(other);
        Ok(OwnedReply::Ignoring(self.users[&other].name.clone()))
    }

    fn unignore(&mut self, id: ClientId, typed: Option<&str>) -> Outcome {
        let Some(typed) = typed else {
            return Ok(self.list_ignored(id));
        };
        let other = self.find(typed).ok_or_else(|| no_such_user(typed))?;
        if !self.user(id).ignored.remove(&other) {
            return Err(fault("bad_usage"));
        }
        Ok(OwnedReply::NotIgnoring(self.users[&other].name.clone()))
    }

    /// An ignore ends with the ignored user's last connection.
    fn list_ignored(&self, id: ClientId) -> OwnedReply {
        let ignored = &self.users[&self.who(id)].ignored;
        let here = ignored.iter().filter_map(|other| self.users.get(other));
        let names = here.map(|user| user.name.clone());
        OwnedReply::Ignored(sorted(names))
    }

    fn whois(&self, id: ClientId, typed: &str) -> Outcome {
        let other = self.find(typed).ok_or_else(|| no_such_user(typed))?;
        let (asker, user) = (&self.users[&self.who(id)], &self.users[&other]);
        let clients = user.clients.iter().map(|own| &self.clients[own]);
        let spoke_ms = clients.map(|client| client.spoke_ms).max().unwrap();
        let shared = user.rooms.iter().filter(|room| asker.rooms.contains(room));
        Ok(OwnedReply::Whois {
            name: user.name.clone(),
            connected_ms: self.now_ms - user.since_ms,
            idle_ms: self.now_ms - spoke_ms,
            away: user.away.as_ref().map(|away| away.text.clone()),
            rooms: sorted(shared.map(|key| self.rooms[key].shown.clone())),
            peer: (self.who(id) == other).then(|| self.clients[&id].peer.clone()),
        })
    }

    fn list_names(&self, id: ClientId, of: &Of, page: usize) -> Outcome {
        let key = match of {
            Of::Everyone => None,
            Of::Room(typed) => Some(self.existing_room(typed)?),
            Of::CurrentRoom => Some(self.current_room(id)?),
        };
        let names = match &key {
            None => self.registered_names(),
            Some(key) => {
                let members = self.rooms[key].members.iter();
                sorted(members.map(|member| self.users[member].name.clone()))
            }
        };
        let pages = check_page(page, names.len())?;
        Ok(OwnedReply::Names {
            room: key.map(|key| self.rooms[&key].shown.clone()),
            total: names.len(),
            names,
            page,
            pages,
        })
    }

    fn list_rooms(&self, page: usize) -> Outcome {
        let rooms = self.rooms.values();
        let mut rooms: Vec<_> = rooms
            .map(|room| (room.shown.clone(), room.members.len(), room.topic.clone()))
            .collect();
        rooms.sort();
        let pages = check_page(page, rooms.len())?;
        Ok(OwnedReply::Rooms {
            total: rooms.len(),
            rooms,
            page,
            pages,
        })
    }

    fn view(&self, id: ClientId, key: &str) -> Entered {
        let room = &self.rooms[key];
        let who = self.who(id);
        let others = room.members.iter().filter(|member| **member != who);
        let names = sorted(others.map(|other| self.users[other].name.clone()));
        Entered {
            room: room.shown.clone(),
            topic: room.topic.clone(),
            others: names.len(),
            names,
        }
    }

    fn registered_names(&self) -> Vec<String> {
        sorted(self.users.values().map(|user| user.name.clone()))
    }

    fn existing_room(&self, typed: &str) -> Result<String, OwnedRefusal> {
        let key = lowercase(typed.trim_start_matches('#'));
        if self.rooms.contains_key(&key) {
            Ok(key)
        } else {
            Err(fault("no_such_room"))
        }
    }

    fn current_room(&self, id: ClientId) -> Result<String, OwnedRefusal> {
        let current = self.clients[&id].current.clone();
        current.ok_or_else(|| fault("not_in_room"))
    }

    fn find(&self, typed: &str) -> Option<Who> {
        let wanted = lowercase(typed);
        let mut users = self.users.iter();
        let found = users.find(|(_, user)| lowercase(&user.name) == wanted);
        found.map(|(who, _)| *who)
    }

    fn shown(&self, id: ClientId) -> String {
        self.name_of(id).unwrap()
    }

    /// The current room's name as it is shown.
    fn shown_current(&self, id: ClientId) -> Option<String> {
        let current = self.clients[&id].current.as_ref()?;
        Some(self.rooms[current].shown.clone())
    }

    fn client(&mut self, id: ClientId) -> &mut Client {
        self.clients.get_mut(&id).unwrap()
    }

    fn who(&self, id: ClientId) -> Who {
        self.clients[&id].who.unwrap()
    }

    fn user(&mut self, id: ClientId) -> &mut User {
        let who = self.who(id);
        self.users.get_mut(&who).unwrap()
    }

    fn clients_of(&self, who: Who) -> Vec<ClientId> {
        self.users[&who].clients.clone()
    }

    /// The other connections of a connection's user.
    fn others_of(&self, id: ClientId) -> Vec<ClientId> {
        let mut others = self.clients_of(self.who(id));
        others.retain(|other| *other != id);
        others
    }

    fn announce_in(&mut self, to: ClientId, key: &str, what: OwnedEvent) {
        let in_other_room = self.client(to).current.as_deref() != Some(key);
        self.announce(to, in_other_room, what);
    }

    fn announce(&mut self, to: ClientId, in_other_room: bool, what: OwnedEvent) {
        self.note(to, Way::Announced { in_other_room }, what);
    }

    fn send(&mut self, to: ClientId, what: OwnedEvent) {
        self.note(to, Way::Sent, what);
    }

    fn note(&mut self, to: ClientId, way: Way, what: OwnedEvent) {
        let got = self.expected.got.entry(to).or_default();
        got.push(Got { way, what });
    }
}

/// 1 to 24 letters, digits, `-` and `_`, a letter first.
fn is_name(text: &str) -> bool {
    (1..=24).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn lowercase(text: &str) -> String {
    text.to_lowercase()
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.collect();
    names.sort_by_key(|name| name.to_lowercase());
    names
}

fn check_note(text: Option<&str>) -> Result<(), OwnedRefusal> {
    match text {
        Some(text) if text.len() > NOTE_BYTES_MAX => Err(fault("bad_usage")),
        _ => Ok(()),
    }
}

/// As much of a quit text as is told.
fn cut(text: &str) -> String {
    let fits = |end: &usize| *end <= NOTE_BYTES_MAX && text.is_char_boundary(*end);
    let end = (0..=text.len()).rev().find(fits).unwrap();
    text[..end].into()
}

/// The number of pages, if `page` is one of them.
fn check_page(page: usize, total: usize) -> Result<usize, OwnedRefusal> {
    assert!(total <= PAGE_SIZE, "the model's lists are short");
    if page == 1 {
        Ok(1)
    } else {
        Err(fault("bad_usage"))
    }
}

fn code_of(wrong: Wrong) -> OwnedRefusal {
    fault(match wrong {
        Wrong::UnknownCommand => "unknown_command",
        Wrong::LineTooLong => "line_too_long",
        Wrong::BadRoom => "bad_room",
        Wrong::BadName => "bad_name",
        Wrong::Usage(_) | Wrong::MissingColon | Wrong::NoText => "bad_usage",
    })
}

fn fault(code: &'static str) -> OwnedRefusal {
    OwnedRefusal::new(code, [])
}

fn no_such_user(typed: &str) -> OwnedRefusal {
    OwnedRefusal::new("no_such_user", [typed.into()])
}
