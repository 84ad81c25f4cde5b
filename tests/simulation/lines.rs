//! The lines that clients send, drawn from everything the protocol has.

use crate::clients::{Addressee, Line, Switch};
use crate::history::{History, Utterance, WITNESS};
use crate::plan::ROOMS;

/// Filling of texts: characters of each length in UTF-8, and characters with a meaning at the start of
/// a line, in JSON or to a terminal.
const FILLING: &str = "aé€😀\"\\:@/#[]*!{}<>&z'.,-_ñ漢";

/// The part of a line for the command and the names before a text.
const PREFIX_BYTES_MAX: usize = 40;

/// Invalid lines, with the code of their error for any sender.
const REFUSED: [(&str, &str); 18] = [
    ("/nosuch", "unknown_command"),
    ("@c0 hello", "bad_usage"),
    ("@", "bad_usage"),
    ("/nick c0", "name_taken"),
    ("/nick #C0", "name_taken"),
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

const QUESTIONS: [&str; 12] = [
    "/ping x",
    "/stats",
    "/names",
    "/rooms",
    "/help",
    "/version",
    "/names *",
    "/topic",
    "/ignore",
    "/raw",
    "/times on",
    "/times off",
];

/// What a line may begin with while every line is said as it is.
pub const SIGILS: [&str; 4] = ["#", "/", "@c0:", " "];

impl History {
    /// Types a line, and notes its expected answer.
    pub fn types(&mut self, index: usize, line: Line, text: &str) {
        self.type_line(index, text);
        self.clients[index].sent.push(line);
    }

    /// Types a line, or a few that belong together, unless the drawn line makes no sense now.
    pub fn type_something(&mut self, index: usize) {
        let habits = self.clients[index].habits;
        let stays = self.plan.is_crowd() && habits.resident;
        match self.rng.below(32) {
            0..=5 => self.type_private(index, 1),
            6 => {
                let count = self.rng.between(1..=3);
                self.type_private(index, count);
            }
            7..=12 => {
                let bytes = self.filling_max();
                self.say(index, "", bytes);
            }
            13 => self.say_raw(index),
            14 => self.say(index, "/me ", 8),
            15 => self.say(index, "/topic ", 8),
            16 => {
                let question = self.rng.pick(&QUESTIONS);
                self.types(index, Line::Other, question);
            }
            17 if !stays => {
                let text = format!("/join {}", self.rng.pick(&ROOMS));
                self.types(index, Line::Other, &text);
            }
            18 if !stays => {
                let text = format!("/part {}", self.rng.pick(&ROOMS));
                self.types(index, Line::Other, &text);
            }
            19 => {
                let text = format!("/nick {}", self.clients[index].rename());
                self.types(index, Line::Other, &text);
            }
            20 => self.types(index, Line::Away, "/away gone"),
            21 => {
                let bytes = self.plan.limits.line_bytes_max + self.rng.between(1..=9);
                self.types(index, Line::TooLong, &"y".repeat(bytes));
            }
            22 => self.say_in_full(index),
            23 if !habits.resident && self.rng.one_in(6) => {
                let text = self.text(0);
                let number = self.utter(index, None, text.clone());
                self.clients[index].has_quit = true;
                self.types(index, Line::Other, &format!("/quit {text}"));
                self.utterances[number].is_farewell = true;
            }
            24 | 25 => self.type_nonsense(index),
            26 if habits.json => self.type_reply(index),
            27 | 28 if habits.json => self.type_ignore(index),
            29 if habits.json => self.type_in_both_modes(index),
            30 => {
                let on = !self.clients[index].echo;
                self.clients[index].echo = on;
                self.types(
                    index,
                    Line::Other,
                    if on { "/echo on" } else { "/echo off" },
                );
            }
            31 => {
                let target = self.rng.below(self.clients.len());
                let text = format!("/whois {}", self.clients[target].name);
                self.types(index, Line::Whois(target), &text);
            }
            _ => self.say(index, "", 0),
        }
    }

    fn filling_max(&mut self) -> usize {
        let line_bytes_max = self.plan.limits.line_bytes_max;
        self.rng.below(line_bytes_max - PREFIX_BYTES_MAX)
    }

    /// Types a line for the current room, with `filling_max` bytes of filling at most.
    pub fn say(&mut self, index: usize, command: &str, filling_max: usize) {
        let text = self.text(filling_max);
        let line = format!("{command}{text}");
        let number = self.utter(index, None, text);
        self.types(index, Line::Said(number), &line);
    }

    /// Types a line that would mean something else, as text.
    fn say_raw(&mut self, index: usize) {
        let text = format!("{}{}", self.rng.pick(&SIGILS), self.text(8));
        let number = self.utter(index, None, text.clone());
        self.types(index, Line::Other, "/raw on");
        self.types(index, Line::Said(number), &text);
        self.types(index, Line::Other, "/raw off");
    }

    /// Types a line of the maximum length.
    pub fn say_in_full(&mut self, index: usize) {
        let mut text = self.text(0);
        text.push(' ');
        text += &"x".repeat(self.plan.limits.line_bytes_max - text.len());
        let number = self.utter(index, None, text.clone());
        self.types(index, Line::Said(number), &text);
    }

    /// Types a private message to `count` clients at most, under their last known names.
    fn type_private(&mut self, index: usize, count: usize) {
        let mut clients: Vec<usize> = (0..count)
            .map(|_| {
                let client = self.rng.below(self.clients.len());
                let is_gone = self.clients[client].connection.is_closed();
                let another = self.rng.below(self.clients.len());
                if is_gone { another } else { client }
            })
            // A sender among the recipients with an echo would get it twice.
            .filter(|client| *client != index || !self.clients[index].echo)
            .collect();
        clients.sort_unstable();
        clients.dedup();
        let bytes = self.filling_max();
        self.type_private_to(index, &clients, bytes);
    }

    /// Types a private message to these clients. Returns whether it was typed.
    pub fn type_private_to(&mut self, index: usize, clients: &[usize], filling_max: usize) -> bool {
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
        let number = self.utter(index, Some(clients.to_vec()), text);
        self.types(index, Line::Private { number, to }, &line);
        true
    }

    fn type_reply(&mut self, index: usize) {
        let text = self.text(8);
        let line = format!("/reply {text}");
        let number = self.utter(index, Some(Vec::new()), text);
        self.types(index, Line::Reply(number), &line);
    }

    fn type_nonsense(&mut self, index: usize) {
        let (text, code) = self.rng.pick(&REFUSED);
        self.types(index, Line::Refused(code), text);
        if self.plan.limits.line_bytes_max >= 512 {
            let text = format!("/away {}", "x".repeat(301));
            self.types(index, Line::Refused("bad_usage"), &text);
        }
    }

    /// Ignores a client, or ends that. The lines before and after tell the oracle when.
    fn type_ignore(&mut self, index: usize) {
        let ignored = &self.clients[index].ignored;
        let target = match ignored.first() {
            Some(target) if self.rng.one_in(2) => *target,
            _ => self.rng.below(self.clients.len()),
        };
        if target == index || target == WITNESS {
            return;
        }
        let on = !ignored.contains(&target);
        let command = if on { "/ignore" } else { "/unignore" };
        let text = format!("{command} {}", self.clients[target].name);
        self.say(index, "", 0);
        let switch = Switch {
            since: self.clients[WITNESS].lines_heard,
            until: self.utterances.len(),
            line: self.clients[index].sent.len(),
            target,
            on,
        };
        let client = &mut self.clients[index];
        client.switches.push(switch);
        if on {
            client.ignored.insert(target);
        } else {
            client.ignored.remove(&target);
        }
        self.types(index, Line::Ignore { target, on }, &text);
        self.say(index, "", 0);
    }

    /// Types some lines in plain mode.
    fn type_in_both_modes(&mut self, index: usize) {
        self.types(index, Line::ToPlain, "/mode plain");
        for _ in 0..self.rng.below(3) {
            match self.rng.below(3) {
                0 => self.type_private(index, 2),
                1 => self.type_nonsense(index),
                _ => self.say(index, "", 8),
            }
        }
        self.types(index, Line::ToJson, "/mode json");
    }

    /// A text of the next number, which identifies it, and filling.
    pub fn text(&mut self, filling_max: usize) -> String {
        let mut text = self.utterances.len().to_string();
        if filling_max < 2 {
            return text;
        }
        let bytes_max = text.len() + filling_max;
        text.push(' ');
        let skipped = self.rng.below(FILLING.chars().count());
        for character in FILLING.chars().cycle().skip(skipped) {
            if text.len() + character.len_utf8() > bytes_max {
                break;
            }
            text.push(character);
        }
        // The oracle has no rule for a space at the end.
        text.truncate(text.trim_end().len());
        text
    }

    /// Notes a text that `from` sends to the room or to recipients; a reply's recipient is not known yet.
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
