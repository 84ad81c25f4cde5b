//! The load of a kept room against a server in a thread, which speaks just enough of the protocol, and does
//! one thing wrong.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::cast::Cast;
use super::ledger::Faults;
use super::load::KeptLoad;
use super::visit::Visit;
use crate::dialect::CHINWAG;
use crate::progress::Watcher;
use crate::run::{Plan, ServerUnderTest, Setup};
use crate::server::Failure;
use crate::stamp::STAMP_BYTES;
use crate::target::Target;
use crate::traffic::Pace;

/// What the server does wrong, to the tenth of the lines that it could do it to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Nothing,
    LosesKept,
    DoublesKept,
    SwapsKept,
    RenumbersKept,
    LosesWaiting,
    DoublesWaiting,
    LosesLive,
    RefusesOne,
    KeepsNothing,
    ShowsNothing,
}

const WRONG_AT: usize = 10;

/// Lines of a page: several pages are needed.
const PAGE_LINES: usize = 7;

type Kept = (u64, String, String);

#[derive(Default)]
struct Chat {
    last_id: u64,
    room: Vec<Kept>,
    mailboxes: HashMap<String, Vec<Kept>>,
    members: Vec<(String, TcpStream)>,
    waited: usize,
}

struct Server {
    wrong: Wrong,
    chat: Mutex<Chat>,
}

impl Server {
    fn start(wrong: Wrong) -> ServerUnderTest {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::new(Self {
            wrong,
            chat: Mutex::default(),
        });
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let _ = client.set_nodelay(true);
                let server = server.clone();
                thread::spawn(move || {
                    server.serve(&client);
                    // Others have it, too, to tell it what is said.
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        ServerUnderTest {
            name: "scripted".to_owned(),
            target: Target::Tcp(address),
            dialect: &CHINWAG,
            pid: None,
            opening_max: 8,
        }
    }

    fn serve(&self, client: &TcpStream) {
        let (mut name, mut is_asked) = (String::new(), false);
        for line in BufReader::new(client).lines().map_while(Result::ok) {
            let mut chat = self.chat.lock().unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            if std::mem::take(&mut is_asked) {
                tell(client, &json!({"type": "ok", "name": name}));
                continue;
            }
            match words[..] {
                ["/account", "new"] => {
                    is_asked = true;
                    tell(client, &json!({"type": "ok", "needs": "new_password"}));
                }
                ["/token", "bench"] => {
                    let token = format!("cw_{name}");
                    tell(
                        client,
                        &json!({"type": "ok", "label": "bench", "token": token}),
                    );
                }
                ["/login", who, token] => {
                    assert_eq!(token, format!("cw_{who}"));
                    who.clone_into(&mut name);
                    let waiting = chat.mailboxes.remove(&name).unwrap_or_default();
                    for kept in &waiting {
                        self.deliver_late(client, kept);
                    }
                    tell(
                        client,
                        &json!({"type": "ok", "name": name, "waiting": waiting.len()}),
                    );
                }
                ["/join", "bench"] => {
                    let stream = client.try_clone().unwrap();
                    chat.members.push((name.clone(), stream));
                    tell(client, &json!({"type": "ok", "room": "bench"}));
                }
                ["/history", "bench", "100", "since", id] => {
                    self.show(client, &chat, id.parse().unwrap());
                }
                ["/quit"] => {
                    tell(client, &json!({"type": "ok"}));
                    return;
                }
                [command] if command.starts_with('#') => {
                    command[1..].clone_into(&mut name);
                    tell(client, &json!({"type": "ok", "name": name}));
                }
                [command, ..] if command.starts_with('/') => tell(client, &json!({"type": "ok"})),
                _ => self.said(client, &mut chat, &name, &line),
            }
        }
    }

    fn said(&self, client: &TcpStream, chat: &mut Chat, name: &str, line: &str) {
        chat.last_id += 1;
        let id = chat.last_id;
        if let Some((to, text)) = line.strip_prefix('@').and_then(|line| line.split_once(':')) {
            chat.waited += 1;
            let is_lost = self.wrong == Wrong::LosesWaiting && chat.waited == WRONG_AT;
            if !is_lost {
                let mailbox = chat.mailboxes.entry(to.to_owned()).or_default();
                mailbox.push((id, name.to_owned(), text.to_owned()));
            }
            tell(client, &json!({"type": "ok", "id": id, "waiting": [to]}));
            return;
        }
        chat.room.push((id, name.to_owned(), line.to_owned()));
        let is_its_turn = chat.room.len() == WRONG_AT;
        if !(is_its_turn && self.wrong == Wrong::LosesLive) {
            let message =
                json!({"type": "message", "room": "bench", "from": name, "text": line, "id": id});
            let others = chat.members.iter().filter(|(member, _)| member != name);
            others.for_each(|(_, stream)| tell(stream, &message));
        }
        match self.wrong {
            Wrong::RefusesOne if is_its_turn => {
                tell(
                    client,
                    &json!({"type": "error", "code": "not_kept", "text": "Not kept."}),
                );
            }
            Wrong::KeepsNothing => tell(client, &json!({"type": "ok"})),
            _ => tell(client, &json!({"type": "ok", "id": id})),
        }
    }

    fn deliver_late(&self, client: &TcpStream, (id, from, text): &Kept) {
        let line = json!({"type": "private", "from": from, "to": ["x"], "text": text, "id": id, "late": true});
        tell(client, &line);
        // Of each mailbox, the lines of one sender.
        if self.wrong == Wrong::DoublesWaiting && from == "u000000" {
            tell(client, &line);
        }
    }

    fn show(&self, client: &TcpStream, chat: &Chat, since: u64) {
        if self.wrong == Wrong::ShowsNothing {
            tell(
                client,
                &json!({"type": "error", "code": "busy", "text": "Busy."}),
            );
            return;
        }
        let mut lines = chat.room.clone();
        let place = WRONG_AT - 1;
        match self.wrong {
            Wrong::LosesKept => drop(lines.remove(place)),
            Wrong::DoublesKept => lines.insert(place, lines[place].clone()),
            Wrong::SwapsKept => {
                let texts = [place, place + 1].map(|place| lines[place].2.clone());
                let [first, second] = texts;
                (lines[place].2, lines[place + 1].2) = (second, first);
            }
            Wrong::RenumbersKept => lines.last_mut().unwrap().0 += 1000,
            _ => {}
        }
        lines.retain(|(id, ..)| *id > since);
        let page = &lines[..lines.len().min(PAGE_LINES)];
        for (id, from, text) in page {
            let line = json!({"type": "history", "kind": "message", "room": "bench", "id": id, "from": from, "text": text});
            tell(client, &line);
        }
        let end = page.len() == lines.len();
        let answer = json!({"type": "ok", "room": "bench", "lines": page.len(), "end": end});
        tell(client, &answer);
    }
}

fn tell(mut client: &TcpStream, line: &Value) {
    let _ = client.write_all(format!("{line}\n").as_bytes());
}

/// What is found of such a server, and how many lines came back.
fn found(wrong: Wrong) -> Result<(Faults, KeptLoad, u64), Failure> {
    let server = Server::start(wrong);
    let watcher = Watcher::new().unwrap();
    let drain = if wrong == Wrong::LosesLive { 1 } else { 60 };
    let plan = Plan {
        warm_up: Duration::from_millis(50),
        time: Duration::from_millis(300),
        drain: Duration::from_secs(drain),
        size: STAMP_BYTES,
        seed: 1,
    };
    let setup = Setup {
        server: &server,
        plan: &plan,
        watcher: &watcher,
    };
    let cast = Cast {
        speakers: 3,
        absent: 2,
        pace: Pace::Rate(400.0),
        waiting: 0.3,
        is_kept: true,
        size: STAMP_BYTES,
    };
    let mut load = KeptLoad::new(cast, 1, plan.time);
    let mut visit = Visit::new(setup, &load)?;
    visit.enter_first(&mut load)?;
    visit.speak(&mut load)?;
    visit.session.drain(&mut load)?;
    let lost = load.take_faults().errors.lost;
    assert_eq!(lost, u64::from(wrong == Wrong::LosesLive), "{wrong:?}");
    let (lines, last_id) = visit.read_history(&mut load, 0)?;
    let checked = lines + visit.collect(&mut load, Duration::ZERO)?;
    assert!(last_id > 0);
    let faults = load.ledger.take_faults();
    visit.session.leave()?;
    Ok((faults, load, checked))
}

#[track_caller]
fn expect(wrong: Wrong, expected: [u64; 4]) {
    let (faults, load, checked) = found(wrong).unwrap();
    let errors = faults.errors;
    let counts = [
        errors.lost,
        errors.duplicated,
        errors.out_of_order,
        faults.renumbered,
    ];
    assert_eq!(counts, expected, "{wrong:?}: {faults:?}");
    let tally = &load.tally;
    assert!(tally.waiting > 0 && tally.waiting < tally.kept, "{tally:?}");
    if wrong == Wrong::Nothing {
        assert_eq!(checked, tally.kept);
        assert!(load.answers.count() > 0 && load.live.count() > 0);
    }
}

#[test]
fn server_that_does_nothing_wrong_is_found_sound() {
    expect(Wrong::Nothing, [0; 4]);
    // It may be kept or not: nobody knows.
    expect(Wrong::RefusesOne, [0; 4]);
}

#[test]
fn what_a_server_loses_doubles_swaps_or_renumbers_is_found() {
    expect(Wrong::LosesKept, [1, 0, 0, 0]);
    expect(Wrong::LosesWaiting, [1, 0, 0, 0]);
    expect(Wrong::DoublesKept, [0, 1, 0, 0]);
    expect(Wrong::SwapsKept, [0, 0, 1, 2]);
    expect(Wrong::RenumbersKept, [0, 0, 0, 1]);
    expect(Wrong::LosesLive, [0; 4]);
    let (faults, ..) = found(Wrong::DoublesWaiting).unwrap();
    assert!(faults.errors.duplicated > 0, "{faults:?}");
}

#[test]
fn server_that_keeps_or_shows_nothing_is_named_for_it() {
    let why = |wrong| found(wrong).err().unwrap().to_string();
    assert!(why(Wrong::KeepsNothing).contains("without an id"));
    let shown = why(Wrong::ShowsNothing);
    assert_eq!(shown, "the daemon shows no history: Busy.");
}
