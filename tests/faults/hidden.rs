//! Someone who hides, on the real daemon: whatever an outsider tries, they get the same bytes as from a daemon on
//! which that person is not. `tests/two_worlds` does the same with drawn histories, on virtual time.

use crate::harness::speaker::Speaker;
use crate::harness::{Client, Daemon};

const PASSWORD: &str = "correct horse";

/// Private messages of one sender that wait, and one that does not.
const MAILBOX: usize = 21;

/// What one outsider, who has an account, tries; each line is a case of its own.
const TRIED: [(&str, &str); 31] = [
    ("everybody", "/names *"),
    ("a page past everybody", "/names * 2"),
    ("who is in her room", "/names den"),
    ("all rooms", "/rooms"),
    ("counts", "/stats"),
    ("who she is", "/whois heidi"),
    ("her profile, and when she was seen", "/profile heidi"),
    ("a private message", "@heidi: one"),
    ("a private message to several", "@heidi,olga,nobody: two"),
    ("an answer to what she wrote", "/reply three"),
    ("an answer in a row", "@heidi: four\n/reply five"),
    ("ignoring", "/ignore heidi"),
    ("whom one ignores", "/ignore"),
    ("unignoring", "/unignore heidi"),
    ("asking to be friends", "/friend heidi"),
    ("friends", "/friend"),
    ("private history", "/history @heidi"),
    ("reading", "/read @heidi"),
    ("unread lines", "/unread"),
    ("removal from a room", "/kick heidi"),
    ("silence in a room", "/mute heidi 5m"),
    ("being kept out of a room", "/bar heidi"),
    ("operators of a room", "/op heidi"),
    ("removal from the server", "/kick * heidi"),
    ("suspension", "/suspend heidi"),
    ("her room, left", "/part den"),
    ("a wrong password", "/login heidi wrong-password"),
    ("forgetting", "/forget last 2"),
    ("blocking", "/block heidi"),
    ("unblocking", "/unblock heidi"),
    ("entering", "/join tea"),
];

/// What a guest tries.
const TRIED_BY_A_GUEST: [(&str, &str); 6] = [
    ("a guest's private message", "@heidi: one"),
    ("a guest's question", "/whois heidi"),
    ("her name", "/nick heidi"),
    ("a look-alike", "/nick he1di"),
    ("the name of her room", "/nick den"),
    ("counts for a guest", "/stats"),
];

/// What came of each case.
type Told = Vec<(&'static str, Vec<String>)>;

/// A connection in plain mode that an account logs in by.
fn login(daemon: &Daemon, name: &str) -> Client {
    let mut client = daemon.connect_raw();
    client.send(&format!("/login {name} {PASSWORD}"));
    client.barrier();
    client
}

/// Tries something, and takes all that comes, but what is of the clock or of all traffic.
fn ask(client: &mut Client, lines: &str) -> Vec<String> {
    client.send(lines);
    let mut told = client.barrier();
    told.retain(|line| {
        let of_traffic = [
            "* chinwag has been up",
            "* Lines:",
            "* Connections:",
            "*   ",
        ];
        lines != "/stats" || !of_traffic.iter().any(|start| line.starts_with(start))
    });
    for line in &mut told {
        // The minute at which something was said.
        if line.as_bytes().get(4) == Some(&b':') && lines.starts_with("/history") {
            line.replace_range(2..7, "MM:SS");
        }
    }
    told
}

/// One world. The person has an account, a friend, and has written to an outsider before she hid.
fn world(has_person: bool) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chat.db");
    let daemon = Daemon::start(&["--store", file.to_str().unwrap()]);
    let [mut heidi, mut ida, mut olga] =
        ["heidi", "ida", "olga"].map(|name| Speaker::with_account(&daemon, name, PASSWORD));
    for (who, line) in [
        ("ida", "/friend heidi"),
        ("ida", "/quit"),
        ("heidi", "/friend ida"),
        ("heidi", "/privacy seen on"),
        ("heidi", "/privacy receipts on"),
        ("heidi", "@olga: before"),
        ("heidi", "/privacy hidden on"),
        ("heidi", "/quit"),
        ("olga", "/privacy receipts on"),
    ] {
        let one = match who {
            "ida" => &mut ida,
            "heidi" => &mut heidi,
            _ => &mut olga,
        };
        one.ok(line);
    }
    let mut olga = olga.client;
    olga.send("/mode plain");
    let mut mia = daemon.join_at_once("mia");
    let mut friend = login(&daemon, "ida");
    olga.barrier();
    mia.barrier();

    let mut told = Told::new();
    let mut person = has_person.then(|| login(&daemon, "heidi"));
    told.push(("coming", olga.barrier()));
    if let Some(person) = &mut person {
        for line in [
            "/join den",
            "/away gone fishing",
            "@ida: hello",
            "hello, den",
        ] {
            ask(person, line);
        }
    }
    ask(&mut friend, "@heidi: hello");
    for (case, line) in TRIED {
        told.push((case, ask(&mut olga, line)));
    }
    for (case, line) in TRIED_BY_A_GUEST {
        told.push((case, ask(&mut mia, line)));
    }
    for _ in 0..MAILBOX {
        told.push(("a full mailbox", ask(&mut olga, "@heidi: more")));
    }
    let mut stranger = daemon.connect_raw();
    told.push((
        "her name, of one who has none",
        ask(&mut stranger, "#heidi")[3..].to_vec(),
    ));
    told.push(("counts, of one who has none", ask(&mut stranger, "/stats")));
    told.push(("entering, and who is there", ask(&mut stranger, "#max")));
    drop(login(&daemon, "ida"));
    let mut reader = login(&daemon, "olga");
    told.push((
        "missed lines, by another connection",
        ask(&mut reader, "/unread"),
    ));
    if let Some(person) = &mut person {
        ask(person, "/privacy receipts off\n/part den\n/back");
        person.send("/quit");
        person.read_to_end();
    }
    for (case, client) in [("going", &mut olga), ("going, for a guest", &mut mia)] {
        told.push((case, client.barrier()));
    }
    told
}

#[test]
fn hidden_person_is_to_outsiders_as_one_who_is_absent() {
    let (with, without) = (world(true), world(false));
    assert_eq!(with.len(), without.len());
    let telling: Vec<_> = with
        .iter()
        .zip(&without)
        .filter(|(one, other)| one != other)
        .collect();
    assert!(telling.is_empty(), "{telling:#?}");
    // Most of it says something.
    let silent = with.iter().filter(|(_, lines)| lines.is_empty());
    assert!(silent.count() < 6, "{with:#?}");
}
