//! Each way in which one who is hidden could show (people.md §9), and each that was found on the way: the same lines
//! typed by outsiders in two worlds, in one of which the hidden person is not here. What outsiders are told is the
//! same, byte for byte; in a third world, where she is here and not hidden, it is not, or the case would be empty.

use chinwag::chat::ids::ClientId;

use super::stage::{HIDDEN, SEEN, STRANGERS, Stage, kept};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    Absent,
    Hidden,
    Open,
}

/// One way to show. `alice` is who may be hidden, `bob` an account and `eve` a guest, who share no room with her,
/// `new` a connection without a name, and `carol` an account that is wherever it is sent, and no outsider.
#[derive(Debug, Default)]
struct Way {
    /// In the words of people.md §9.
    what: &'static str,
    /// Typed before, by others than alice.
    before: &'static [(&'static str, &'static str)],
    /// Typed by alice while she is here and not hidden, in all worlds.
    open: &'static [&'static str],
    /// Typed by alice, where she is here.
    alice: &'static [&'static str],
    /// Typed by others.
    then: &'static [(&'static str, &'static str)],
    /// Her connection breaks then, with all that it was sent.
    breaks: bool,
    /// She takes no private message: too much waits in her queue.
    refuses: bool,
}

const WAYS: &[Way] = &[
    Way {
        what: "`/names *` and its `total`",
        then: &[("bob", "/names *"), ("eve", "/names *")],
        ..NO_WAY
    },
    Way {
        what: "`/names ROOM` and `/rooms` counts for who is not in it",
        before: &[("carol", "/join dev")],
        alice: &["/join dev"],
        then: &[("bob", "/names dev"), ("bob", "/rooms"), ("eve", "/rooms")],
        ..NO_WAY
    },
    Way {
        what: "`/whois` (connected, idle, away, rooms)",
        alice: &["/away tea"],
        then: &[("bob", "/whois alice"), ("eve", "/whois ALICE")],
        ..NO_WAY
    },
    Way {
        what: "`/profile` `seen`",
        then: &[("bob", "/profile alice"), ("eve", "/profile alice")],
        ..NO_WAY
    },
    Way {
        what: "private message: `no_such_user` / `ok` / \"waits\"",
        then: &[("bob", "@alice:hi"), ("bob", "/msg alice hi")],
        ..NO_WAY
    },
    Way {
        what: "private message to several",
        then: &[
            ("bob", "@carol,alice,nobody:hi"),
            ("bob", "@alice,ALICE,carol:hi"),
        ],
        ..NO_WAY
    },
    Way {
        what: "private message of a guest, where strangers may write",
        then: &[("eve", "@alice:hi"), ("eve", "@alice,carol:hi")],
        ..NO_WAY
    },
    Way {
        what: "private message, once too much waits",
        then: &[
            ("bob", "@alice:1"),
            ("bob", "@alice:2"),
            ("bob", "@alice:3"),
            ("bob", "@alice:4"),
            ("bob", "@alice,carol:5"),
            ("eve", "@alice:6"),
            ("eve", "@alice:7"),
            ("eve", "@alice:8"),
        ],
        ..NO_WAY
    },
    Way {
        what: "private message, once what waited was read",
        before: &[
            ("bob", "@alice:1"),
            ("bob", "@alice:2"),
            ("bob", "@alice:3"),
            ("eve", "@alice:4"),
        ],
        then: &[
            ("bob", "@alice:5"),
            ("eve", "@alice:6"),
            ("eve", "@alice:7"),
        ],
        ..NO_WAY
    },
    Way {
        what: "private message, once one that waited is forgotten",
        before: &[
            ("bob", "@alice:1"),
            ("bob", "@alice:2"),
            ("bob", "@alice:3"),
        ],
        then: &[
            ("bob", "/forget last"),
            ("bob", "@alice:5"),
            ("bob", "@alice:6"),
        ],
        ..NO_WAY
    },
    Way {
        what: "away notice",
        alice: &["/away tea"],
        then: &[("bob", "@alice:hi"), ("bob", "@alice,carol:hi")],
        ..NO_WAY
    },
    Way {
        what: "`Undelivered`",
        then: &[("bob", "@alice:hi"), ("eve", "@alice:hi")],
        breaks: true,
        ..NO_WAY
    },
    Way {
        what: "private message that finds her queue full",
        then: &[("bob", "@alice:hi"), ("bob", "@alice,carol:hi")],
        refuses: true,
        ..NO_WAY
    },
    Way {
        what: "private message, and the line after it",
        then: &[
            ("bob", "@alice:hi"),
            ("bob", "/history @alice"),
            ("bob", "/unread"),
        ],
        ..NO_WAY
    },
    Way {
        what: "`/reply` `WriterLeft`",
        open: &["@bob:hello", "@eve:hello"],
        then: &[("bob", "/reply hi"), ("eve", "/reply hi")],
        ..NO_WAY
    },
    Way {
        what: "`/ignore`, `/unignore`",
        then: &[
            ("bob", "/ignore alice"),
            ("bob", "/ignore"),
            ("bob", "/unignore alice"),
        ],
        ..NO_WAY
    },
    Way {
        what: "`/ignore`, of one who was ignored before",
        open: &["@bob:hello", "/ping"],
        before: &[("bob", "/ping")],
        then: &[("bob", "/ignore"), ("bob", "/unignore alice")],
        ..NO_WAY
    },
    Way {
        what: "friend notices",
        before: &[("bob", "/friend alice")],
        then: &[("bob", "/friend"), ("bob", "/friend alice")],
        ..NO_WAY
    },
    Way {
        what: "join, leave, rename, `presence`",
        alice: &["/join dev", "/part dev", "/nick Alice", "/join lobby"],
        then: &[("bob", "/names *")],
        ..NO_WAY
    },
    Way {
        what: "`/stats` `registered`, `clients`",
        before: &[
            ("g1", "/part"),
            ("g2", "/part"),
            ("g3", "/part"),
            ("g4", "/part"),
            ("g5", "/part"),
            ("g6", "/part"),
            ("g7", "/part"),
        ],
        alice: &["/join dev"],
        then: &[("bob", "/stats"), ("eve", "/stats")],
        ..NO_WAY
    },
    Way {
        what: "`/kick`, `/mute` error texts",
        before: &[("bob", "/join den"), ("bob", "/keep")],
        then: &[
            ("bob", "/names *"),
            ("bob", "/kick alice"),
            ("bob", "/mute alice 10m"),
            ("bob", "/unmute alice"),
        ],
        ..NO_WAY
    },
    Way {
        what: "takeover notices",
        alice: &["again"],
        then: &[("bob", "/whois alice")],
        ..NO_WAY
    },
    Way {
        what: "topic's author, and a room that exists only because they are in it",
        alice: &["/join attic", "/topic dust"],
        then: &[
            ("bob", "/rooms"),
            ("bob", "/names attic"),
            ("bob", "/part attic"),
            ("bob", "/history attic"),
            ("eve", "/nick attic"),
        ],
        ..NO_WAY
    },
    Way {
        what: "a topic of that room, which was another's and goes on once they come back",
        before: &[("carol", "/join one"), ("carol", "/topic dust")],
        alice: &["/join one"],
        then: &[
            ("carol", "/part one"),
            ("carol", "/join one"),
            ("bob", "/rooms"),
        ],
        ..NO_WAY
    },
    Way {
        what: "a topic of that room, in which she was before she hid",
        open: &["/join one", "/topic dust"],
        then: &[("carol", "/join one"), ("bob", "/rooms")],
        ..NO_WAY
    },
    Way {
        what: "a name that is free, as that room is none",
        alice: &["/join attic"],
        then: &[("new", "#attic")],
        ..NO_WAY
    },
    Way {
        what: "a room of hers among others, in their order",
        before: &[("carol", "/join one")],
        alice: &["/join attic", "/join one"],
        then: &[("bob", "/rooms"), ("bob", "/stats"), ("bob", "/names one")],
        ..NO_WAY
    },
];

const NO_WAY: Way = Way {
    what: "",
    before: &[],
    open: &[],
    alice: &[],
    then: &[],
    breaks: false,
    refuses: false,
};

struct Cast {
    stage: Stage,
    people: Vec<(&'static str, ClientId)>,
}

impl Cast {
    fn get(&mut self, who: &'static str) -> ClientId {
        if let Some((_, id)) = self.people.iter().find(|(name, _)| *name == who) {
            return *id;
        }
        let id = match who {
            "new" => self.stage.connect(),
            "bob" | "carol" | "alice" => self.stage.login(who),
            guest => self.stage.guest(guest),
        };
        self.people.push((who, id));
        id
    }

    fn type_all(&mut self, lines: &[(&'static str, &str)], heard: &mut Vec<String>) {
        for (who, line) in lines {
            let id = self.get(who);
            self.stage.line(id, line);
            // What is told before the commit, too.
            self.gather(heard);
            self.stage.settle();
            self.gather(heard);
        }
    }

    /// What outsiders were told.
    fn gather(&mut self, heard: &mut Vec<String>) {
        for who in ["bob", "eve", "new"] {
            let id = self.people.iter().find(|(name, _)| *name == who);
            if let Some((_, id)) = id {
                let lines = self.stage.hear(*id);
                heard.extend(lines.into_iter().map(|line| format!("{who} {line}")));
            }
        }
    }
}

/// What outsiders are told in a world.
fn told_in(world: World, way: &Way) -> Vec<String> {
    let is_hidden_first = world != World::Open && way.open.is_empty();
    let hidden = if is_hidden_first { HIDDEN } else { 0 };
    let settings = [("alice", hidden | SEEN | STRANGERS)];
    let mut cast = Cast {
        stage: Stage::with(&kept(&settings)),
        people: Vec::new(),
    };
    let mut before = Vec::new();
    for who in ["bob", "eve", "carol"] {
        cast.type_all(&[(who, "/join pub"), (who, "/part lobby")], &mut before);
    }
    cast.type_all(&[("carol", "/part pub")], &mut before);
    cast.type_all(way.before, &mut before);
    for line in way.open {
        cast.type_all(&[("alice", line)], &mut before);
    }
    if way.what.contains("ignored before") {
        cast.type_all(&[("bob", "/ignore alice")], &mut before);
    }
    if !way.open.is_empty() {
        match world {
            World::Absent => {
                let alice = cast.get("alice");
                cast.stage.disconnect(alice);
            }
            World::Hidden => cast.type_all(
                &[("alice", "/privacy hidden on"), ("alice", "/part lobby")],
                &mut before,
            ),
            World::Open => {}
        }
    }
    cast.gather(&mut before);
    let mut heard = Vec::new();
    if world != World::Absent {
        let alice = cast.get("alice");
        for line in way.alice {
            match *line {
                "again" => {
                    cast.stage.login("alice");
                }
                line => cast.type_all(&[("alice", line)], &mut heard),
            }
        }
        cast.gather(&mut heard);
        if way.breaks {
            cast.stage.ears.stalled.insert(alice);
        }
        if way.refuses {
            cast.stage.ears.refusing.insert(alice);
        }
    }
    cast.stage.wait_for_arrivals();
    cast.type_all(way.then, &mut heard);
    if world != World::Absent && way.breaks {
        let alice = cast.get("alice");
        cast.stage.disconnect(alice);
    }
    cast.stage.wait_for_arrivals();
    cast.gather(&mut heard);
    heard
}

#[test]
fn hidden_is_like_absent_in_every_way_there_is_to_tell() {
    for way in WAYS {
        let absent = told_in(World::Absent, way);
        let hidden = told_in(World::Hidden, way);
        assert_eq!(absent, hidden, "{}", way.what);
        let open = told_in(World::Open, way);
        assert_ne!(absent, open, "{}: nothing is tried", way.what);
    }
}

/// "`#NAME` (owned: one wording, here or not)": of one who is not hidden, too.
#[test]
fn owned_name_has_one_wording_whoever_is_here() {
    let way = Way {
        what: "#NAME",
        then: &[
            ("new", "#alice"),
            ("new", "#a1ice"),
            ("eve", "/nick alice"),
            ("eve", "/nick al-ice"),
        ],
        ..NO_WAY
    };
    let absent = told_in(World::Absent, &way);
    assert!(absent[0].contains("name_owned"), "{absent:?}");
    assert_eq!(absent, told_in(World::Hidden, &way));
    assert_eq!(absent, told_in(World::Open, &way));
}

/// "it is shown to the hidden one at once" (§14.2), and once.
#[test]
fn hidden_one_gets_what_outsiders_write_at_once_and_once() {
    let mut stage = Stage::with(&kept(&[("alice", HIDDEN)]));
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.hear(alice);
    stage.line(bob, "@alice:hi");
    let heard = stage.hear(alice);
    assert_eq!(
        heard,
        [r#"{"type":"private","from":"bob","to":["alice"],"text":"hi","id":1}"#]
    );
    stage.settle();
    let answer = r#"{"type":"ok","id":1,"waiting":["alice"]}"#;
    assert_eq!(stage.hear(bob), [answer]);
    stage.wait_for_arrivals();
    assert!(stage.archive.kept.waiting.is_empty());
    assert_eq!(stage.hear(alice), [""; 0]);
    stage.disconnect(alice);
    let (_, heard) = stage.login_heard("alice");
    assert!(
        heard.last().unwrap().contains(r#""waiting":0"#),
        "{heard:?}"
    );
}

/// A hidden one whose connection breaks gets it at the next login; nobody is told.
#[test]
fn line_to_a_hidden_one_that_did_not_arrive_waits() {
    let mut stage = Stage::with(&kept(&[("alice", HIDDEN)]));
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.ears.stalled.insert(alice);
    stage.ask(bob, "@alice:hi");
    stage.wait_for_arrivals();
    stage.disconnect(alice);
    assert_eq!(stage.hear(bob), [""; 0]);
    let (_, heard) = stage.login_heard("alice");
    assert!(
        heard.iter().any(|line| line.contains(r#""text":"hi""#)),
        "{heard:?}"
    );
}

/// A line that waited was said by one who was seen then: it does not tell that they are here yet.
#[test]
fn line_that_waited_does_not_tell_that_its_author_is_here() {
    let answer_once_she = |act: &str| {
        let mut stage = Stage::new();
        let alice = stage.login("alice");
        stage.ask(alice, "/part lobby");
        stage.ask(alice, "@bob:hello");
        if act == "has gone" {
            stage.disconnect(alice);
        } else {
            stage.ask(alice, act);
        }
        let (bob, heard) = stage.login_heard("bob");
        assert!(heard.iter().any(|line| line.contains("hello")), "{heard:?}");
        stage.answer(bob, "/reply hi")
    };
    let gone = answer_once_she("has gone");
    assert_eq!(answer_once_she("/privacy hidden on"), gone);
    assert_ne!(answer_once_she("/privacy hidden off"), gone);
}

/// "until the person is seen by that sender (or would have been: their next visible act)" (§14.2).
#[test]
fn limits_begin_anew_once_the_hidden_one_is_seen() {
    type Act = fn(&mut Stage, ClientId, ClientId);
    let acts: &[(&str, bool, Act)] = &[
        ("nothing", false, |_, _, _| {}),
        ("a room with others", false, |stage, alice, _| {
            stage.ask(alice, "/join dev");
        }),
        ("a room that both share", true, |stage, alice, bob| {
            stage.ask(alice, "/join dev");
            stage.ask(bob, "/join dev");
            stage.ask(alice, "/part dev");
        }),
        ("hidden no more", true, |stage, alice, _| {
            stage.ask(alice, "/privacy hidden off");
            stage.ask(alice, "/privacy hidden on");
        }),
        ("a private message", true, |stage, alice, _| {
            stage.ask(alice, "@bob:hi");
        }),
        ("friends", true, |stage, alice, bob| {
            stage.ask(alice, "/friend bob");
            stage.ask(bob, "/friend alice");
            stage.ask(alice, "/unfriend bob");
        }),
        ("another login", false, |stage, alice, _| {
            stage.disconnect(alice);
            stage.login("alice");
        }),
    ];
    for (what, is_seen, act) in acts {
        let mut stage = Stage::with(&kept(&[("alice", HIDDEN)]));
        let (alice, bob) = (stage.login("alice"), stage.login("bob"));
        for _ in 0..3 {
            assert!(stage.answer(bob, "@alice:hi").contains("waiting"));
        }
        stage.wait_for_arrivals();
        act(&mut stage, alice, bob);
        let answer = stage.answer(bob, "@alice:hi");
        let expected = if *is_seen { "waiting" } else { "mailbox_full" };
        assert!(answer.contains(expected), "{what}: {answer}");
    }
}

/// "Whoever shares a room sees you there, and only then" (§14.1); friends and operators do, too.
#[test]
fn hidden_one_is_seen_by_members_friends_and_operators() {
    let mut stage = Stage::with(&kept(&[("alice", HIDDEN)]));
    let (alice, heard) = stage.login_heard("alice");
    assert!(
        heard.last().unwrap().contains(r#""room":null"#),
        "{heard:?}"
    );
    let (bob, dave) = (stage.login("bob"), stage.login("dave"));
    let no = "no_such_user";
    assert!(stage.answer(bob, "/whois alice").contains(no));
    assert!(
        stage.answer(dave, "/whois alice").contains("connected_ms"),
        "an operator"
    );
    assert!(
        stage
            .answer(dave, "/stats")
            .contains(r#""clients":3,"registered":3"#)
    );
    stage.ask(alice, "/join dev");
    stage.ask(bob, "/join dev");
    assert!(
        stage.answer(bob, "/whois alice").contains("connected_ms"),
        "a member"
    );
    let joined = stage.answer(bob, "/names dev");
    assert!(joined.contains(r#""users":["alice","bob"]"#), "{joined}");
    stage.ask(alice, "/part dev");
    assert!(stage.answer(bob, "/whois alice").contains(no));
    stage.ask(alice, "/friend bob");
    stage.ask(bob, "/friend alice");
    assert!(
        stage.answer(bob, "/whois alice").contains("connected_ms"),
        "a friend"
    );
    let answer = stage.answer(bob, "@alice:hi");
    assert!(!answer.contains("waiting"), "{answer}");
}

/// "switching hidden on while in rooms: stays where it is" (§14.1).
#[test]
fn one_who_hides_stays_in_rooms_and_tells_nobody() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.hear(bob);
    stage.ask(alice, "/privacy hidden on");
    assert_eq!(stage.hear(bob), [""; 0]);
    assert!(stage.answer(bob, "/names").contains("alice"));
    stage.ask(alice, "hello");
    assert!(stage.hear(bob)[0].contains("hello"));
}
