//! Properties of every history: the promises of the protocol page that need no model.
//!
//! All state here comes from the clients' own answers: their names, ignores and rooms.

use std::collections::{BTreeMap, BTreeSet};

use chinwag::chat::Chat;
use chinwag::chat::ids::ClientId;

use crate::line::Line;
use crate::recorder::{Got, OwnedEvent, OwnedReply, Seen, Way, room_of};

/// The state that the clients' answers have told.
#[derive(Debug, Default)]
pub struct Properties {
    connected: BTreeMap<ClientId, Connection>,
    users: BTreeMap<Who, Told>,
    next_who: Who,
    /// The owner of each name, in small letters.
    names: BTreeMap<String, Who>,
    /// The number of the last line that a client saw in a room.
    last_line: BTreeMap<(ClientId, String), u64>,
}

/// A user, by a number that is used once.
type Who = u64;

#[derive(Debug, Default)]
struct Connection {
    who: Option<Who>,
    echo: bool,
}

#[derive(Debug, Default)]
struct Told {
    name: String,
    connections: BTreeSet<ClientId>,
    rooms: BTreeSet<String>,
    ignores: BTreeSet<Who>,
    quiet: bool,
}

impl Properties {
    pub fn connected(&mut self, id: ClientId) {
        self.connected.insert(id, Connection::default());
    }

    pub fn gone(&mut self, id: ClientId) {
        if self.connected.contains_key(&id) {
            self.becomes(id, None);
        }
        self.connected.remove(&id);
        self.last_line.retain(|(reader, _), _| *reader != id);
    }

    /// A connection is a further one of another's user.
    pub fn attached(&mut self, id: ClientId, to: ClientId) {
        if self.connected.contains_key(&id) {
            self.becomes(id, self.connected[&to].who);
        }
    }

    /// A connection has another user, or none. A user without a connection is gone.
    fn becomes(&mut self, id: ClientId, who: Option<Who>) {
        let connection = self.connected.get_mut(&id).unwrap();
        let before = std::mem::replace(&mut connection.who, who);
        if let Some(who) = who {
            self.users.get_mut(&who).unwrap().connections.insert(id);
        }
        let Some(before) = before.filter(|before| Some(*before) != who) else {
            return;
        };
        let told = self.users.get_mut(&before).unwrap();
        told.connections.remove(&id);
        if told.connections.is_empty() {
            self.names.remove(&told.name.to_lowercase());
            self.users.remove(&before);
        }
    }

    pub fn name_of(&self, id: ClientId) -> Option<String> {
        Some(self.told(id)?.name.clone())
    }

    fn told(&self, id: ClientId) -> Option<&Told> {
        Some(&self.users[&self.connected.get(&id)?.who?])
    }

    /// Checks a step, and learns from its answer. `line` has the sender and the line, if the step was one.
    pub fn check(&mut self, line: Option<(ClientId, &Line)>, seen: &Seen) {
        let sender = line.map(|(id, _)| id);
        let answer = self.check_answers(sender, seen);
        for (reader, got) in &seen.got {
            for got in got {
                self.check_reader(*reader, sender, got);
            }
        }
        self.check_order(seen);
        if let Some((id, line)) = line.filter(|(id, _)| self.connected.contains_key(id)) {
            self.check_echo(id, seen);
            self.check_private(id, line, seen);
        }
        if let Some(OwnedEvent::Ok(answer)) = answer {
            self.learn(sender.unwrap(), answer);
        }
    }

    /// No two users have the same name, and the core has the name that it told each, for all their connections.
    pub fn check_names(&self, chat: &Chat) {
        for id in self.connected.keys() {
            let name = chat.name_of(*id).map(|name| name.to_string());
            assert_eq!(name, self.name_of(*id), "{id} is called what it was told");
        }
        let mut names = BTreeSet::new();
        for told in self.users.values() {
            let is_free = names.insert(told.name.to_lowercase());
            assert!(is_free, "this is another user's name: {told:?}");
        }
    }

    /// A line gets one answer, after the sender's other events; no other client gets one.
    fn check_answers<'a>(
        &self,
        sender: Option<ClientId>,
        seen: &'a Seen,
    ) -> Option<&'a OwnedEvent> {
        let is_answer = |got: &&Got| matches!(got.what, OwnedEvent::Ok(_) | OwnedEvent::Error(_));
        for (reader, got) in &seen.got {
            if Some(*reader) != sender {
                let stray = got.iter().find(is_answer);
                assert!(stray.is_none(), "{reader} sent no line: {stray:?}");
            }
        }
        let sender = sender.filter(|id| self.connected.contains_key(id))?;
        let got = &seen.got[&sender];
        assert_eq!(got.iter().filter(is_answer).count(), 1, "{got:?}");
        let last = got.last().filter(is_answer);
        Some(&last.expect("the answer comes last").what)
    }

    fn check_reader(&self, reader: ClientId, sender: Option<ClientId>, got: &Got) {
        let connection = self.connected.get(&reader);
        let connection = connection.unwrap_or_else(|| panic!("{reader} is gone and gets {got:?}"));
        let Some(told) = self.told(reader) else {
            // On registering, no event of the room comes before the answer either.
            assert_eq!(got.way, Way::Sent, "{reader} has no name and gets {got:?}");
            return;
        };
        let sender = sender.filter(|sender| self.connected.contains_key(sender));
        let own = sender.is_some_and(|sender| self.connected[&sender].who == connection.who);
        if let Some(room) = room_of(&got.what) {
            let inside = told.rooms.contains(&room.to_lowercase());
            assert!(inside, "{reader} is not in the room of {got:?}");
        }
        match &got.what {
            OwnedEvent::Message { from, .. }
            | OwnedEvent::Action { from, .. }
            | OwnedEvent::Topic { from, .. }
            | OwnedEvent::Private { from, .. } => {
                let sender = sender.expect("an answer without a sender");
                assert_eq!(self.name_of(sender).as_ref(), Some(from), "{got:?}");
                let ignored = self.ignores(told, sender);
                assert!(!ignored, "{reader} ignores {sender} and gets {got:?}");
            }
            OwnedEvent::Sent { .. } | OwnedEvent::OwnJoin { .. } | OwnedEvent::OwnLeave { .. } => {
                assert!(own && sender != Some(reader), "another connection did it");
            }
            OwnedEvent::Rename { .. } if own => {
                assert_ne!(sender, Some(reader), "its answer says so");
            }
            OwnedEvent::Join { .. }
            | OwnedEvent::Leave { .. }
            | OwnedEvent::Rename { .. }
            | OwnedEvent::Presence { .. } => {
                assert!(!told.quiet, "{reader} is quiet and gets {got:?}");
            }
            _ => {}
        }
    }

    /// Each reader sees a room's lines in the order of their sending.
    fn check_order(&mut self, seen: &Seen) {
        for (reader, got) in &seen.got {
            for got in got {
                let (OwnedEvent::Message { room, text, .. }
                | OwnedEvent::Action { room, text, .. }) = &got.what
                else {
                    continue;
                };
                let Some(number) = number_of(text) else {
                    continue;
                };
                let last = self.last_line.insert((*reader, room.clone()), number);
                assert!(last.is_none_or(|last| last < number), "{reader}: {got:?}");
            }
        }
    }

    /// A client gets its own room lines only with echo on.
    fn check_echo(&self, id: ClientId, seen: &Seen) {
        let own = |got: &&Got| {
            matches!(
                got.what,
                OwnedEvent::Message { .. } | OwnedEvent::Action { .. } | OwnedEvent::Topic { .. }
            )
        };
        let own = seen.got[&id].iter().filter(own).count();
        let echo = self.connected[&id].echo;
        assert!(own <= usize::from(echo), "{:?}", seen.got[&id]);
    }

    fn ignores(&self, told: &Told, sender: ClientId) -> bool {
        let who = self.connected[&sender].who;
        who.is_some_and(|who| told.ignores.contains(&who))
    }

    /// A private message reaches each recipient once, or its sender is told, or is ignored and not told.
    fn check_private(&self, id: ClientId, line: &Line, seen: &Seen) {
        // To each connection of a user once at most, and to one at least if it was taken.
        let delivered = |who: Who| {
            let copies = |reader: &ClientId| {
                let got = seen.got.get(reader).into_iter().flatten();
                got.filter(|got| got.way == Way::Delivered).count()
            };
            let connections = self.users[&who].connections.iter();
            connections.map(copies).max().unwrap_or_default()
        };
        let readers: usize = self.users.keys().map(|who| delivered(*who)).sum();
        let typed = match line {
            Line::Private(typed, _) => typed,
            Line::Reply(_) => {
                assert!(readers <= 1, "a reply goes to one");
                return;
            }
            _ => {
                assert_eq!(readers, 0, "nothing private was said");
                return;
            }
        };
        let fault = match &seen.got[&id].last().unwrap().what {
            OwnedEvent::Error(fault) => Some(fault),
            _ => None,
        };
        if fault.is_some_and(|fault| !matches!(fault.code, "no_such_user" | "not_delivered")) {
            assert_eq!(readers, 0, "a message was refused and sent");
            return;
        }
        let mut reached: BTreeSet<Who> = BTreeSet::new();
        for name in typed {
            let reader = self.names.get(&name.to_lowercase());
            let count = reader.map_or(0, |reader| delivered(*reader));
            let unreached = fault.is_some_and(|fault| fault.names.contains(&name.to_lowercase()));
            let ignored = reader.is_some_and(|reader| self.ignores(&self.users[reader], id));
            let ways = [count == 1, unreached, ignored];
            let ways = ways.into_iter().filter(|way| *way).count();
            assert!(count <= 1 && ways == 1, "{name:?}: {seen:?}");
            reached.extend(reader.filter(|_| count == 1));
        }
        assert_eq!(readers, reached.len(), "no other user gets it: {seen:?}");
    }

    fn learn(&mut self, id: ClientId, answer: &OwnedReply) {
        let named = |name: &String| self.names.get(&name.to_lowercase()).copied();
        let (ignored, heeded) = match answer {
            OwnedReply::Ignoring(name) => (named(name), None),
            OwnedReply::NotIgnoring(name) => (None, named(name)),
            _ => (None, None),
        };
        let connection = self.connected.get_mut(&id).unwrap();
        if let OwnedReply::Echo(on) = answer {
            connection.echo = *on;
        }
        if let OwnedReply::Registered { name, .. } = answer {
            let who = self.next_who;
            self.next_who += 1;
            self.users.insert(who, Told::default());
            self.becomes(id, Some(who));
            self.learn_name(id, name);
        }
        let Some(who) = self.connected[&id].who else {
            return;
        };
        let told = self.users.get_mut(&who).unwrap();
        told.ignores.extend(ignored);
        told.ignores.retain(|other| Some(*other) != heeded);
        match answer {
            OwnedReply::Renamed(name) => self.learn_name(id, name),
            OwnedReply::Registered { entered, .. } | OwnedReply::Joined(entered) => {
                told.rooms.insert(entered.room.to_lowercase());
            }
            OwnedReply::Parted { room, .. } => {
                told.rooms.remove(&room.to_lowercase());
            }
            OwnedReply::Quiet(on) => told.quiet = *on,
            _ => {}
        }
    }

    fn learn_name(&mut self, id: ClientId, name: &str) {
        let who = self.connected[&id].who.unwrap();
        let told = self.users.get_mut(&who).unwrap();
        let old = std::mem::replace(&mut told.name, name.into());
        self.names.remove(&old.to_lowercase());
        let holder = self.names.insert(name.to_lowercase(), who);
        assert_eq!(holder, None, "{name} had an owner");
    }
}

/// The number of a history's line: its text is `line 17`.
fn number_of(text: &str) -> Option<u64> {
    text.strip_prefix("line ")?.parse().ok()
}
