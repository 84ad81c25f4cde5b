//! The lines that clients send, drawn from everything the protocol has.

use crate::clients::{Addressee, Line, Switch};
use crate::history::{History, Utterance, WITNESS};
use crate::plan::ROOMS;

/// What texts are filled up with: characters of each length in UTF-8, and whatever means something
/// at the start of a line, in JSON or to a terminal.
const FILLING: &str = "aé€😀\"\\:@/#[]*!{}<>&z'.,-_ñ漢";

/// In the middle of a connection this is text.
pub const MARK: char = '\u{feff}';

/// So much of a line is left to the command and the names before a text.
const PREFIX_BYTES_MAX: usize = 40;

/// A line that makes no sense, and what is said of it, whoever sends it.
const REFUSED: [(&str, &str); 18] = [
    ("/nosuch", "unknown_command"),
    ("@c0 hello", "bad_usage"),
    ("@", "bad_usage"),
    ("#c0", "name_taken"),
    ("#C0", "name_taken"),
    ("/nick SERVER", "name_taken"),
    ("/nick lobby", "name_taken"),
    ("/nick 1x", "bad_name"),
    ("/join a.b", "bad_room"),
    ("/whois nobody-z", "no_such_user"),
    ("@nobody-z:x", "no_such_user"),
    ("/part nowhere", "no_such_room"),
    ("/names nowhere", "no_such_room"),
    (
        "/msg a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q x",
        "too_many_recipients",
    ),
    ("/quiet maybe", "bad_usage"),
    ("/names * 9999", "bad_usage"),
    ("/unignore nobody-z", "no_such_user"),
    ("/me", "bad_usage"),
];

const QUESTIONS: [&str; 9] = [
    "/ping x", "/stats", "/names", "/rooms", "/help", "/version", "/names *", "/topic", "/ignore",
];

impl History {
    /// Types a line, and notes what its answer must be.
    pub fn types(&mut self, who: usize, line: Line, text: &str) {
        self.type_line(who, text);
        self.clients[who].sent.push(line);
    }

    /// `who` types a line, or a few that belong together, unless chance drew what makes no sense
    /// now.
    pub fn type_something(&mut self, who: usize) {
        let habits = self.clients[who].habits;
        let stays = self.plan.is_crowd() && habits.resident;
        match self.rng.below(32) {
            0..=5 => self.type_private(who, 1),
            6 => {
                let count = self.rng.between(1..=3);
                self.type_private(who, count);
            }
            7..=13 => {
                let bytes = self.filling_max();
                self.say(who, "", bytes);
            }
            14 => self.say(who, "/me ", 8),
            15 => self.say(who, "/topic ", 8),
            16 => {
                let question = self.rng.pick(&QUESTIONS);
                self.types(who, Line::Other, question);
            }
            17 if !stays => {
                let text = format!("/join {}", self.rng.pick(&ROOMS));
                self.types(who, Line::Other, &text);
            }
            18 if !stays => {
                let text = format!("/part {}", self.rng.pick(&ROOMS));
                self.types(who, Line::Other, &text);
            }
            19 => {
                let text = format!("#{}", self.clients[who].rename());
                self.types(who, Line::Other, &text);
            }
            20 => self.types(who, Line::Away, "/away gone"),
            21 => {
                let bytes = self.plan.limits.line_bytes_max + self.rng.between(1..=9);
                self.types(who, Line::TooLong, &"y".repeat(bytes));
            }
            22 => self.say_in_full(who),
            23 if !habits.resident && self.rng.one_in(6) => {
                let text = self.text(0);
                let number = self.utter(who, None, text.clone());
                self.clients[who].has_quit = true;
                self.types(who, Line::Other, &format!("/quit {text}"));
                self.utterances[number].is_farewell = true;
            }
            24 | 25 => self.type_nonsense(who),
            26 if habits.json => self.type_reply(who),
            27 | 28 if habits.json => self.type_ignore(who),
            29 if habits.json => self.type_in_both_modes(who),
            30 => {
                let on = !self.clients[who].echo;
                self.clients[who].echo = on;
                self.types(who, Line::Other, if on { "/echo on" } else { "/echo off" });
            }
            31 => {
                let whom = self.rng.below(self.clients.len());
                let text = format!("/whois {}", self.clients[whom].name);
                self.types(who, Line::Whois(whom), &text);
            }
            _ => self.say(who, "", 0),
        }
    }

    fn filling_max(&mut self) -> usize {
        let line_bytes_max = self.plan.limits.line_bytes_max;
        self.rng.below(line_bytes_max - PREFIX_BYTES_MAX)
    }

    /// Something for the room that `who` is in, of a text with so many bytes of filling at most.
    pub fn say(&mut self, who: usize, command: &str, filling_max: usize) {
        let text = self.text(filling_max);
        let line = format!("{command}{text}");
        let number = self.utter(who, None, text);
        self.types(who, Line::Said(number), &line);
    }

    /// A line as long as lines may be.
    pub fn say_in_full(&mut self, who: usize) {
        let mut text = self.text(0);
        text.push(' ');
        text += &"x".repeat(self.plan.limits.line_bytes_max - text.len());
        let number = self.utter(who, None, text.clone());
        self.types(who, Line::Said(number), &text);
    }

    /// Something for `count` people at most, under the names they have as far as anybody knows.
    fn type_private(&mut self, who: usize, count: usize) {
        let mut clients: Vec<usize> = (0..count)
            .map(|_| {
                let client = self.rng.below(self.clients.len());
                let is_gone = self.clients[client].connection.is_closed();
                let another = self.rng.below(self.clients.len());
                if is_gone { another } else { client }
            })
            // Who gets a copy and an echo would get it twice.
            .filter(|client| *client != who || !self.clients[who].echo)
            .collect();
        clients.sort_unstable();
        clients.dedup();
        let bytes = self.filling_max();
        self.type_private_to(who, &clients, bytes);
    }

    /// Something for these people. Returns whether it was typed.
    pub fn type_private_to(&mut self, who: usize, clients: &[usize], filling_max: usize) -> bool {
        let addressees = clients.iter().map(|client| Addressee {
            client: *client,
            name: self.clients[*client].name.clone(),
        });
        let to: Vec<Addressee> = addressees.collect();
        let names: Vec<&str> = to.iter().map(|one| one.name.as_str()).collect();
        let names = names.join(",");
        let text = self.text(filling_max);
        let line = match self.rng.below(3) {
            0 => format!("/msg {names} {text}"),
            1 => format!("@{names}: {text}"),
            _ => format!("@{names}:{text}"),
        };
        if clients.is_empty() || line.len() > self.plan.limits.line_bytes_max {
            return false;
        }
        let number = self.utter(who, Some(clients.to_vec()), text);
        self.types(who, Line::Private { number, to }, &line);
        true
    }

    fn type_reply(&mut self, who: usize) {
        let text = self.text(8);
        let line = format!("/reply {text}");
        let number = self.utter(who, Some(Vec::new()), text);
        self.types(who, Line::Reply(number), &line);
    }

    fn type_nonsense(&mut self, who: usize) {
        let (text, code) = self.rng.pick(&REFUSED);
        self.types(who, Line::Refused(code), text);
        if self.plan.limits.line_bytes_max >= 512 {
            let text = format!("/away {}", "x".repeat(301));
            self.types(who, Line::Refused("bad_usage"), &text);
        }
    }

    /// Ignores somebody, or hears them again. What is said before and after tells the oracle when.
    fn type_ignore(&mut self, who: usize) {
        let ignored = &self.clients[who].ignored;
        let whom = match ignored.first() {
            Some(whom) if self.rng.one_in(2) => *whom,
            _ => self.rng.below(self.clients.len()),
        };
        if whom == who || whom == WITNESS {
            return;
        }
        let on = !ignored.contains(&whom);
        let command = if on { "/ignore" } else { "/unignore" };
        let text = format!("{command} {}", self.clients[whom].name);
        self.say(who, "", 0);
        let switch = Switch {
            since: self.clients[WITNESS].lines_heard,
            until: self.utterances.len(),
            line: self.clients[who].sent.len(),
            whom,
            on,
        };
        let client = &mut self.clients[who];
        client.switches.push(switch);
        if on {
            client.ignored.insert(whom);
        } else {
            client.ignored.remove(&whom);
        }
        self.types(who, Line::Ignore { whom, on }, &text);
        self.say(who, "", 0);
    }

    /// For a while, lines as people read them.
    fn type_in_both_modes(&mut self, who: usize) {
        self.types(who, Line::ToPlain, "/mode plain");
        for _ in 0..self.rng.below(3) {
            match self.rng.below(3) {
                0 => self.type_private(who, 2),
                1 => self.type_nonsense(who),
                _ => self.say(who, "", 8),
            }
        }
        self.types(who, Line::ToJson, "/mode json");
    }

    /// The next number, by which whatever is uttered is known again, and filling.
    pub fn text(&mut self, filling_max: usize) -> String {
        let mut text = self.utterances.len().to_string();
        if filling_max < 2 {
            return text;
        }
        let bytes_max = text.len() + filling_max;
        if filling_max >= 8 && self.rng.one_in(16) {
            text.insert(0, MARK);
        }
        text.push(' ');
        let skipped = self.rng.below(FILLING.chars().count());
        for character in FILLING.chars().cycle().skip(skipped) {
            if text.len() + character.len_utf8() > bytes_max {
                break;
            }
            text.push(character);
        }
        // A space at the end is not worth a rule of its own.
        text.truncate(text.trim_end().len());
        text
    }

    /// Notes something that `from` says to the room, or to others; to nobody known yet, if it is a
    /// reply.
    fn utter(&mut self, from: usize, to: Option<Vec<usize>>, text: String) -> usize {
        self.utterances.push(Utterance {
            from,
            to,
            text,
            echo: self.clients[from].echo,
            is_farewell: false,
        });
        self.utterances.len() - 1
    }
}
