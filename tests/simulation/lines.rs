//! What people type: a line drawn from everything the protocol has.

use crate::history::{History, Utterance};
use crate::people::{Addressee, Line};
use crate::plan::ROOMS;

/// What texts are filled up with: characters of each length in UTF-8, and whatever means something
/// at the start of a line, in JSON or to a terminal.
const FILLING: &str = "aé€😀\"\\:@/#[]*!{}<>&z'.,-_ñ漢";

/// So much of a line is left to the command and the names before a text.
const PREFIX_BYTES_MAX: usize = 40;

impl History {
    /// A line for `who` to type, unless chance drew one that makes no sense now.
    pub fn compose(&mut self, who: usize) -> Option<(Line, String)> {
        let habits = self.people[who].habits;
        let stays = self.plan.crowd && habits.resident;
        let line_bytes_max = self.plan.limits.line_bytes_max;
        Some(match self.chance.below(25) {
            0..=5 => return self.private(who, 1),
            6 => {
                let count = self.chance.between(1..=3);
                return self.private(who, count);
            }
            7..=13 => {
                let bytes = self.chance.below(line_bytes_max - PREFIX_BYTES_MAX);
                self.said(who, "", bytes)
            }
            14 => self.said(who, "/me ", 8),
            15 => self.said(who, "/topic ", 8),
            16 => self.question(),
            17 if !stays => (Line::Other, format!("/join {}", self.chance.pick(&ROOMS))),
            18 if !stays => (Line::Other, format!("/part {}", self.chance.pick(&ROOMS))),
            19 => (Line::Other, format!("#{}", self.people[who].rename())),
            20 => {
                let text = self.chance.pick(&["/away gone", "/away", "/back"]);
                (Line::Other, text.to_owned())
            }
            21 => {
                let bytes = line_bytes_max + self.chance.between(1..=9);
                (Line::TooLong, "y".repeat(bytes))
            }
            22 => self.said_in_full(who),
            23 if !habits.resident && self.chance.one_in(6) => {
                self.people[who].has_quit = true;
                (Line::Other, "/quit ta ta".to_owned())
            }
            _ => self.short_line(who),
        })
    }

    pub fn short_line(&mut self, who: usize) -> (Line, String) {
        self.said(who, "", 0)
    }

    /// Something for the room that `who` is in, of a text with so many bytes of filling at most.
    fn said(&mut self, who: usize, command: &str, filling_max: usize) -> (Line, String) {
        let text = self.text(filling_max);
        let line = format!("{command}{text}");
        (Line::Said(self.utter(who, false, text)), line)
    }

    /// A line as long as lines may be.
    fn said_in_full(&mut self, who: usize) -> (Line, String) {
        let mut text = self.text(0);
        text.push(' ');
        text += &"x".repeat(self.plan.limits.line_bytes_max - text.len());
        (Line::Said(self.utter(who, false, text.clone())), text)
    }

    /// Something for `count` people at most, under the names they have as far as anybody knows.
    fn private(&mut self, who: usize, count: usize) -> Option<(Line, String)> {
        let mut people: Vec<usize> = (0..count)
            .map(|_| {
                let person = self.chance.below(self.people.len());
                let is_gone = self.people[person].client.is_closed();
                let another = self.chance.below(self.people.len());
                if is_gone { another } else { person }
            })
            // Who ignores the sender does not get it, and the sender is not told.
            .filter(|person| !self.people[*person].habits.ignores)
            .collect();
        people.sort_unstable();
        people.dedup();
        let names: Vec<&str> = people
            .iter()
            .map(|person| self.people[*person].name.as_str())
            .collect();
        let names = names.join(",");
        let line_bytes_max = self.plan.limits.line_bytes_max;
        let filling_max = self.chance.below(line_bytes_max - PREFIX_BYTES_MAX);
        let text = self.text(filling_max);
        let line = format!("@{names}:{text}");
        if people.is_empty() || line.len() > line_bytes_max {
            return None;
        }
        let addressee = |person| Addressee {
            person,
            name: self.people[person].name.clone(),
        };
        let to = people.into_iter().map(addressee).collect();
        let number = self.utter(who, true, text);
        Some((Line::Private { number, to }, line))
    }

    fn question(&mut self) -> (Line, String) {
        let questions = [
            "/ping x",
            "/stats",
            "/names",
            "/rooms",
            "/help",
            "/whois c0",
            "@",
            "/nosuch",
        ];
        let line = self.chance.pick(&questions);
        let kind = if line == "/nosuch" {
            Line::Nonsense
        } else {
            Line::Other
        };
        (kind, line.to_owned())
    }

    /// The next number, by which whatever is uttered is known again, and filling.
    fn text(&mut self, filling_max: usize) -> String {
        let mut text = self.utterances.len().to_string();
        if filling_max < 2 {
            return text;
        }
        let bytes_max = text.len() + filling_max;
        text.push(' ');
        let skipped = self.chance.below(FILLING.chars().count());
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

    fn utter(&mut self, from: usize, private: bool, text: String) -> usize {
        self.utterances.push(Utterance {
            from,
            private,
            text,
        });
        self.utterances.len() - 1
    }
}
