//! The process is killed at any moment: what was answered `ok` is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use super::slow_disk::SlowDisk;
use super::{PASSWORD, ROOM, Store, end, enter, line_of, make_accounts};
use crate::harness::speaker::{Speaker, code_of, id_of};
use crate::harness::{Daemon, wait_until};

const SPEAKERS: [&str; 3] = ["alice", "bob", "carol"];

/// Somebody who comes after each kill.
const ABSENT: &str = "dave";

/// Lines of one speaker without an answer: a paste's.
const WINDOW: usize = 24;

/// One of so many lines is for who is absent.
const ABSENT_EACH: usize = 8;

/// Answers after which the process is killed, in the first round; more in later ones, so that it is not always
/// in the same step.
const ANSWERS: usize = 300;

/// What a slow disk takes for each write.
const DELAY_MS: u32 = 1;

/// The number of times that it is killed.
fn rounds() -> usize {
    let asked = std::env::var("CHINWAG_ROUNDS");
    asked.map_or(3, |rounds| rounds.parse().expect("a number of rounds"))
}

/// What one speaker said and was answered.
#[derive(Default)]
struct Said {
    sent: BTreeSet<String>,
    /// Lines of the room that were answered with `ok`.
    kept: BTreeMap<u64, String>,
    /// The same of lines that wait.
    waits: BTreeMap<u64, String>,
}

/// What the file must hold, of all rounds.
#[derive(Default)]
struct Ledger {
    said: Said,
    /// The last ID that anybody has seen.
    last_id: u64,
    /// What came to who was absent.
    arrived: BTreeMap<u64, String>,
}

/// Speaks without pause until the connection ends.
fn speak(mut speaker: Speaker, label: &str, answers: &AtomicUsize) -> Said {
    let mut said = Said::default();
    let mut unanswered = std::collections::VecDeque::new();
    for number in 0.. {
        let text = format!("{label} line {number}");
        let waits = number % ABSENT_EACH == ABSENT_EACH - 1;
        let line = if waits {
            format!("@{ABSENT}:{text}\n")
        } else {
            format!("{text}\n")
        };
        said.sent.insert(text.clone());
        unanswered.push_back((text, waits));
        if speaker.client.try_send(line.as_bytes()).is_err() || unanswered.len() < WINDOW {
            continue;
        }
        let answer = loop {
            match speaker.next_object() {
                None => return said,
                Some(object) if object["type"] == "ok" || object["type"] == "error" => {
                    break object;
                }
                Some(_) => {}
            }
        };
        let (text, waits) = unanswered.pop_front().unwrap();
        note(&mut said, &answer, text, waits);
        answers.fetch_add(1, Ordering::Relaxed);
    }
    said
}

fn note(said: &mut Said, answer: &Value, text: String, waits: bool) {
    if waits && code_of(answer) == Some("mailbox_full") {
        return;
    }
    assert_eq!(answer["type"], "ok", "{answer}");
    let lines = if waits {
        assert_eq!(answer["waiting"], serde_json::json!([ABSENT]));
        &mut said.waits
    } else {
        &mut said.kept
    };
    assert_eq!(lines.insert(id_of(answer), text), None, "an ID came twice");
}

/// Hears all that is said in the room until the connection ends.
fn listen(mut witness: Speaker) -> Vec<(u64, String)> {
    let mut heard = Vec::new();
    while let Some(object) = witness.next_object() {
        if object["type"] == "message" {
            heard.push(line_of(&object));
        }
    }
    heard
}

/// Lets them speak, and kills the daemon after so many answers. Returns what the witness heard.
fn speak_and_kill(
    mut daemon: Daemon,
    round: usize,
    answers_min: usize,
    ledger: &mut Ledger,
) -> Vec<(u64, String)> {
    let witness = enter(&daemon, "witness");
    let speakers = SPEAKERS.map(|name| (name, enter(&daemon, name)));
    // Each write takes its time, so that the kill hardly ever comes between two commits.
    let _disk = (round > 0).then(|| SlowDisk::with_slow("pwrite64", &daemon, DELAY_MS));
    let answers = AtomicUsize::new(0);
    thread::scope(|scope| {
        let witness = scope.spawn(move || listen(witness));
        let speakers = speakers.map(|(name, speaker)| {
            let answers = &answers;
            scope.spawn(move || speak(speaker, &format!("{name}, round {round},"), answers))
        });
        wait_until("enough answers", || {
            answers.load(Ordering::Relaxed) >= answers_min
        });
        daemon.signal(Signal::KILL);
        daemon.wait();
        for speaker in speakers {
            let said = speaker.join().unwrap();
            ledger.said.sent.extend(said.sent);
            ledger.said.kept.extend(said.kept);
            ledger.said.waits.extend(said.waits);
        }
        witness.join().unwrap()
    })
}

impl Ledger {
    /// IDs are new, and only grow.
    fn check_heard(&mut self, heard: &[(u64, String)]) {
        let before = self.last_id;
        assert!(heard.iter().all(|(id, _)| *id > before), "an ID is reused");
        assert!(heard.is_sorted_by(|one, next| one.0 < next.0), "{heard:?}");
        let answered = self.said.kept.keys().chain(self.said.waits.keys());
        let ids = answered.copied().chain(heard.iter().map(|(id, _)| *id));
        self.last_id = ids.max().unwrap_or(before).max(before);
    }

    /// The file has what was answered, in the order of the witness, and nothing else.
    fn check_kept(&self, heard: &[(u64, String)], daemon: &Daemon) {
        let mut reader = enter(daemon, "witness");
        let lines: Vec<(u64, String)> = reader.history(ROOM).iter().map(line_of).collect();
        assert!(lines.is_sorted_by(|one, next| one.0 < next.0), "{lines:?}");
        let lines: BTreeMap<u64, String> = lines.into_iter().collect();
        for (id, text) in &self.said.kept {
            assert_eq!(lines.get(id), Some(text), "answered with ok, and not kept");
        }
        for (id, text) in heard {
            // What was not answered may be lost, and is never another line.
            assert!(lines.get(id).is_none_or(|kept| kept == text), "{text}");
        }
        for text in lines.values() {
            assert!(self.said.sent.contains(text), "never said: {text}");
        }
        reader.ok("/quit");
    }

    /// What waited has come, the oldest first.
    fn check_arrived(&mut self, daemon: &Daemon) {
        let mut absent = Speaker::login(daemon, ABSENT, PASSWORD);
        let late = absent.take_heard();
        let late = late.iter().filter(|object| object["late"] == true);
        let late: Vec<(u64, String)> = late.map(line_of).collect();
        assert!(late.is_sorted_by(|one, next| one.0 < next.0), "{late:?}");
        for (id, text) in late {
            assert!(self.said.sent.contains(&text), "never said: {text}");
            // It may come again, if the kill came before it was known that it arrived.
            let before = self.arrived.insert(id, text.clone());
            assert!(before.is_none_or(|before| before == text));
        }
        for (id, text) in &self.said.waits {
            assert_eq!(self.arrived.get(id), Some(text), "it waited, and is lost");
        }
        absent.ok("/quit");
    }
}

#[test]
fn killed_daemon_has_kept_all_that_it_answered() {
    let store = Store::new();
    let mut ledger = Ledger::default();
    let mut daemon = store.start(&[]);
    make_accounts(&daemon, &[&SPEAKERS[..], &[ABSENT, "witness"]].concat());
    for round in 0..rounds() {
        let answers = ANSWERS + round * 37 % ANSWERS;
        let heard = speak_and_kill(daemon, round, answers, &mut ledger);
        ledger.check_heard(&heard);
        daemon = store.start(&[]);
        ledger.check_kept(&heard, &daemon);
        ledger.check_arrived(&daemon);
    }
    // In order, with a line that comes behind all others.
    let mut alice = enter(&daemon, "alice");
    assert!(id_of(&alice.ok("the last one")) > ledger.last_id);
    end(daemon);
    store.check();
}
