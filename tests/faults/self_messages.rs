//! Whoever deals with themselves, and what changes while it is being delivered.

use serde_json::Value;

use crate::harness::{Client, Daemon, numbered, wait_until};

/// More than are written to in one turn, so that a line to all of them takes several.
const CROWD: usize = 200;

fn join_crowd(daemon: &Daemon, count: usize) -> Vec<Client> {
    let mut crowd: Vec<Client> = (0..count).map(|_| daemon.connect_raw()).collect();
    for (number, client) in crowd.iter_mut().enumerate() {
        client.send(&format!("#user{number}\n/quiet on"));
        client.read_until_starting("* Quiet is on");
    }
    crowd
}

#[test]
fn a_message_to_oneself_arrives_once_however_it_is_addressed() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    for line in [
        "@alice:me",
        "@ALICE: me",
        "/msg alice me",
        "/reply me", // the last one was oneself
        "@alice,alice:me",
        "@alice,Alice,ALICE: me",
    ] {
        alice.send(line);
        alice.expect_line("@alice: me");
        alice.expect_nothing();
    }
    alice.send("@alice,bob:both");
    alice.expect_line("@alice: both");
    bob.expect_line("@alice: both");
    alice.send("@nobody,alice:me");
    alice.expect_line("@alice: me");
    alice.expect_line_matching("nobody", |line| {
        line.starts_with("! ") && line.contains("nobody") && !line.contains("alice")
    });
    alice.send("@bob:to another");
    alice.send("/reply still me"); // to whoever wrote last, not to whom one wrote
    alice.expect_line("@alice: still me");
    bob.expect_line("@alice: to another");
    alice.expect_nothing();
    bob.expect_nothing();
}

#[test]
fn a_message_to_oneself_with_an_echo_comes_as_it_came_and_as_others_see_it() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    alice.send("/echo on");
    alice.line();
    alice.send("@alice:me");
    alice.expect_lines(&["@alice: me", "@alice: me"]);
    alice.send("hello");
    alice.expect_line("alice: hello");
    alice.send("/mode json");
    alice.line();
    alice.send("@alice,alice:me");
    for _ in 0..2 {
        let line = alice.json();
        assert_eq!(
            (&line["type"], &line["from"]),
            (&"private".into(), &"alice".into())
        );
        assert_eq!(line["to"], Value::from(vec!["alice"]));
    }
    assert_eq!(alice.json()["type"], "ok"); // one, and last
    alice.send("/mode plain");
    alice.expect_line("* The mode is plain.");
}

#[test]
fn a_message_to_oneself_while_away_is_delivered_and_told_once() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    alice.send("/away out");
    alice.line();
    alice.send("@alice:one\n@alice:two\n/reply three");
    alice.expect_line("@alice: one");
    alice.expect_lines(&["* alice is away: out", "@alice: two", "@alice: three"]);
    alice.send("/whois alice");
    assert!(alice.barrier().contains(&"* alice is away: out".to_owned()));
}

#[test]
fn one_cannot_ignore_oneself() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    for line in ["/ignore alice", "/ignore ALICE"] {
        alice.send(line);
        alice.expect_line("! You cannot ignore yourself.");
    }
    alice.send("/unignore alice");
    alice.expect_line_starting("! You do not ignore alice.");
    alice.send("/ignore");
    alice.expect_line("* You ignore nobody.");
    alice.send("@alice:me");
    alice.expect_line("@alice: me");
}

#[test]
fn whois_of_oneself_tells_all_there_is() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    alice.send("/join dev");
    alice.line();
    let address = format!("* You are connected from {}.", alice.local_address());
    for line in ["/whois alice", "/whois ALICE"] {
        alice.send(line);
        alice.expect_line_starting("* alice has been here for ");
        alice.expect_line("* Rooms you share: lobby, dev.");
        alice.expect_line(&address);
        alice.expect_nothing();
    }
}

#[test]
fn taking_ones_own_name_puts_nobody_out() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    for line in ["#alice", "/nick alice", "#alice"] {
        alice.send(line);
        alice.expect_line("* You are now alice.");
    }
    bob.expect_nothing(); // nothing has changed
    alice.send("#ALICE");
    alice.expect_line("* You are now ALICE.");
    bob.expect_line("* alice is now ALICE.");
    alice.send("/names");
    alice.expect_lines(&["* 2 in lobby:", "*   ALICE, bob"]);
    bob.send("@alice:you in there");
    alice.expect_line("@bob: you in there");
    // Nobody takes it from whoever has it, in whatever case.
    for line in ["#alice", "/nick Alice", "#ALICE"] {
        bob.send(line);
        bob.expect_line_matching("in use", |answer| {
            answer.starts_with("! The name ") && answer.contains(" is in use.")
        });
    }
    alice.expect_nothing();
    assert_eq!(alice.count_connected(), 2);
}

#[test]
fn the_last_room_can_be_left_and_one_is_still_there() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send("/part lobby");
    alice.expect_line("* You have left lobby. You are in no room now; /join ROOM enters one.");
    bob.expect_line("* alice has left lobby.");
    for line in ["hello", "/me waves", "/topic x", "/part", "/names"] {
        alice.send(line);
        alice.expect_line("! You are in no room. Type /join ROOM first; /rooms lists them.");
    }
    alice.send("/part lobby");
    alice.expect_line("! You are not in lobby. Type /join lobby first.");
    bob.send("@alice:still here?");
    alice.expect_line("@bob: still here?");
    alice.send("/r yes");
    bob.expect_line("@alice: yes");
    alice.send("#alicia");
    alice.expect_line("* You are now alicia.");
    bob.expect_nothing(); // they share no room
    // One's own, alone: it goes when its last member does, and is made anew.
    alice.send("/join own\n/topic mine\n/part\n/join own");
    alice.expect_lines(&[
        "* You are in own, and nobody else is.",
        "* The topic of own is: mine",
        "* You have left own. You are in no room now; /join ROOM enters one.",
        "* You are in own, and nobody else is.",
    ]);
    alice.expect_nothing();
    alice.send("/quit");
    alice.read_until("* Bye.");
    bob.expect_nothing();
    bob.send("/rooms");
    bob.expect_lines(&["* 1 room:", "*   lobby, 1 user"]);
}

#[test]
fn a_name_that_is_given_up_has_one_owner_in_the_same_turn_too() {
    let daemon = Daemon::start(&[]);
    for round in 0..50 {
        let [mut alice, mut bob, mut carol] = daemon.join_all(["alice", "bob", "carol"]);
        for client in [&mut alice, &mut bob, &mut carol] {
            client.send("/quiet on");
            client.barrier();
        }
        daemon.while_stopped(|| {
            // By another name or by leaving; both of the others want it.
            alice.send(if round % 2 == 0 { "#other" } else { "/quit" });
            bob.send("#alice");
            carol.send("#alice\n@alice:to whom?");
        });
        let answers = [bob.barrier(), carol.barrier()];
        let got = answers
            .each_ref()
            .map(|lines| lines.contains(&"* You are now alice.".into()));
        // Who came first is the kernel's to say; the name is free by then, or it is not.
        assert_ne!(got, [true, true], "{answers:?}");
        for (lines, got) in answers.iter().zip(got) {
            let refused = lines
                .iter()
                .any(|line| line.starts_with("! The name alice is in use."));
            assert!(got != refused, "{answers:?}");
        }
        carol.send("/names *");
        let names: Vec<String> = carol
            .barrier()
            .iter()
            .filter_map(|line| line.strip_prefix("*   "))
            .flat_map(|line| line.split(", ").map(str::to_owned))
            .collect();
        let holders = names.iter().filter(|name| *name == "alice").count();
        assert_eq!(holders, usize::from(got != [false, false]), "{names:?}");
        for mut client in [alice, bob, carol] {
            let _ = client.try_send(b"/quit\n");
            client.read_to_end();
        }
        let mut dave = daemon.connect();
        wait_until("all have left", || dave.count_connected() == 1);
    }
}

#[test]
fn a_name_goes_round_in_one_turn_and_each_message_finds_its_owner_of_then() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    // One packet: each line is carried out when its turn comes, not before and not after.
    alice.send("#x1\n@x1:one\n#x2\n@x1:gone\n@x2:two\n#alice\n@x2:gone\n@alice:three");
    alice.expect_lines(&["* You are now x1.", "@x1: one", "* You are now x2."]);
    alice.expect_line_starting("! There is no user x1.");
    alice.expect_lines(&["@x2: two", "* You are now alice."]);
    alice.expect_line_starting("! There is no user x2.");
    alice.expect_line("@alice: three");
    bob.expect_lines(&[
        "* alice is now x1.",
        "* x1 is now x2.",
        "* x2 is now alice.",
    ]);
}

#[test]
fn renaming_in_the_middle_of_a_fan_out_changes_no_line_said_before() {
    const LINES: usize = 30;
    let daemon = Daemon::start(&[]);
    let mut crowd = join_crowd(&daemon, CROWD);
    let mut alice = daemon.join("alice");
    // Each line is still on its way to some when the name changes.
    let lines = numbered(0..LINES, |number| {
        format!("line {number}\n#alice{number}\n")
    });
    alice.send_bytes(lines.as_bytes());
    for (place, client) in crowd.iter_mut().enumerate() {
        for number in 0..LINES {
            let name = match number {
                0 => "alice".to_owned(),
                _ => format!("alice{}", number - 1),
            };
            client.expect_line(&format!("{name}: line {number}"));
        }
        // Some hear of the renames; these wanted no notices.
        assert!(client.barrier().is_empty(), "{place}");
    }
}

#[test]
fn renaming_and_leaving_while_others_speak_costs_the_others_nothing() {
    const LINES: usize = 300;
    let daemon = Daemon::start(&[]);
    let mut stayers = join_crowd(&daemon, CROWD);
    let speakers = [daemon.join("alice"), daemon.join("bob")];
    let mut leavers: Vec<Client> = (0..CROWD)
        .map(|number| {
            let mut client = daemon.connect_raw();
            client.send(&format!("#leaver{number}\n/quiet on"));
            client.read_until_starting("* Quiet is on");
            client
        })
        .collect();
    let writing: Vec<_> = speakers
        .iter()
        .map(|speaker| {
            let mut sender = speaker.sender();
            let lines = numbered(0..LINES, |number| format!("{number}\n"));
            std::thread::spawn(move || sender.write_all(lines.as_bytes()).unwrap())
        })
        .collect();
    // In each of the ways there are, while all that is being delivered to them, too.
    for (number, mut leaver) in leavers.drain(..).enumerate() {
        match number % 5 {
            0 => leaver.send("/quit while you speak"),
            1 => leaver.send("/part"),
            2 => leaver.reset(),
            3 => leaver.finish_sending(),
            _ => leaver.send(&format!("#renamed{number}")),
        }
    }
    for thread in writing {
        thread.join().unwrap();
    }
    for client in &mut stayers {
        let mut next = [0; 2];
        while next != [LINES; 2] {
            let line = client.line();
            let (name, number) = line.split_once(": ").unwrap();
            let place = usize::from(name == "bob");
            assert_eq!(number.parse(), Ok(next[place]), "{line}");
            next[place] += 1;
        }
        client.expect_nothing();
    }
}

#[test]
fn quitting_while_output_waits_tells_the_others_at_once_and_loses_nothing() {
    const MESSAGES: usize = 1500; // more than the kernel takes
    let daemon = Daemon::start(&["--hard-limit", "16M"]);
    let mut bob = daemon.join("bob");
    let mut alice = Client::with_small_window(daemon.address());
    alice.expect_greeting();
    alice.register("alice");
    bob.expect_line("* alice has joined lobby.");
    let text = "x".repeat(4000);
    let messages = numbered(0..MESSAGES, |number| format!("@alice:{number} {text}\n"));
    bob.send_bytes(messages.as_bytes());
    bob.expect_nothing();
    alice.send("/quit I have not read it yet");
    bob.expect_line("* alice has left lobby: I have not read it yet");
    bob.send("@alice:too late");
    bob.expect_line_starting("! There is no user alice.");
    // The name is free, and whoever takes it gets nothing of what waits.
    let mut other = daemon.join("alice");
    bob.expect_line("* alice has joined lobby.");
    other.expect_nothing();
    alice.widen_window();
    for number in 0..MESSAGES {
        alice.expect_line(&format!("@bob: {number} {text}"));
    }
    alice.expect_line("* Bye.");
    alice.expect_closed();
    drop(alice);
    daemon.wait_for_log("quit; 0 bytes unwritten");
    bob.expect_nothing(); // all of it was delivered
}

#[test]
fn a_crowd_that_turns_on_itself_in_one_turn_comes_to_rest() {
    let daemon = Daemon::start(&[]);
    let mut crowd = join_crowd(&daemon, 50);
    daemon.while_stopped(|| {
        for (number, client) in crowd.iter_mut().enumerate() {
            let next = (number + 1) % 50;
            // To oneself, to the next, who is about to go or has another name by then.
            let last = if number % 2 == 0 {
                "/quit"
            } else {
                "/ping end"
            };
            client.send(&format!(
                "@user{number}:self\n@user{next}:next\n/ignore user{number}\n/ignore user{next}\n\
                 #u{number}\n@user{number}:old\n@u{number}:new\nto the room\n/part\n{last}"
            ));
        }
    });
    for (number, client) in crowd.iter_mut().enumerate() {
        let lines = if number % 2 == 0 {
            client.read_to_end()
        } else {
            client.read_until("* pong end")
        };
        let count = |line: &str| lines.iter().filter(|other| *other == line).count();
        assert_eq!(count(&format!("@user{number}: self")), 1, "{lines:?}");
        assert_eq!(count(&format!("@u{number}: new")), 1, "{lines:?}");
        assert_eq!(count("! You cannot ignore yourself."), 1, "{lines:?}");
        assert_eq!(count(&format!("* You are now u{number}.")), 1, "{lines:?}");
    }
    drop(crowd);
    let mut alice = daemon.join("alice");
    wait_until("one is left", || alice.count_connected() == 1);
}
