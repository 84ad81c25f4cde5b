//! Clients that deal with themselves, and changes while a line is being delivered.

use std::fmt::Write;

use chinwag::config::Limits;

use crate::cases::check_three;
use crate::fan_out::crowd;
use crate::script::check;
use crate::support::VirtualServer;

#[test]
fn message_to_oneself_arrives_once_however_addressed() {
    check_three(
        "
        alice> @alice:me
        alice< @alice: me
        alice> @ALICE: me
        alice< @alice: me
        alice> /msg alice me
        alice< @alice: me
        alice> /reply me
        alice< @alice: me
        alice> @alice,alice:me
        alice< @alice: me
        alice> @alice,Alice,ALICE: me
        alice< @alice: me
        alice> @alice,bob:both
        alice< @alice: both
        bob< @alice: both
        alice> @nobody,alice:me
        alice< @alice: me
        alice< ! Not delivered: there is no user nobody.
        alice> @bob:to another
        bob< @alice: to another
        -- A reply goes to the last sender, not to the last recipient.
        alice> /reply still me
        alice< @alice: still me
        ",
    );
}

#[test]
fn message_to_oneself_is_echoed_as_others_see_it() {
    let private =
        r#"{"type":"private","time":1700000000000,"from":"alice","to":["alice"],"text":"me"}"#;
    check(&format!(
        r#"
        alice> #alice
        alice< * You are registered as alice.
        alice< * You are in lobby, and nobody else is.
        alice> /echo on
        alice< * Echo is on: your own lines come back as others see them.
        alice> @alice:me
        alice< @alice: me
        alice< @alice: me
        alice> hello
        alice< alice: hello
        alice> /mode json
        alice< {{"type":"ok","time":1700000000000,"text":"The mode is json."}}
        alice> @alice,alice:me
        alice< {private}
        alice< {private}
        alice< {{"type":"ok","time":1700000000000}}
        "#
    ));
}

#[test]
fn message_to_oneself_while_away_is_answered_once() {
    check_three(
        "
        alice> /away out
        alice< * You are away now: out (/back ends it.)
        alice> @alice:one
        alice< @alice: one
        alice< * alice is away: out
        alice> @alice:two
        alice< @alice: two
        alice> /reply three
        alice< @alice: three
        alice> /whois alice
        alice< * alice has been here for 0 s, idle for 0 s.
        alice< * alice is away: out
        alice< * Rooms you share: lobby.
        alice< * You are connected from 127.0.0.1:40000.
        ",
    );
}

#[test]
fn ignore_of_oneself_is_refused() {
    check_three(
        "
        alice> /ignore alice
        alice< ! You cannot ignore yourself.
        alice> /ignore ALICE
        alice< ! You cannot ignore yourself.
        alice> /unignore alice
        alice< ! You do not ignore alice. /ignore lists whom you do.
        alice> /ignore
        alice< * You ignore nobody.
        alice> @alice:me
        alice< @alice: me
        ",
    );
}

#[test]
fn whois_of_oneself_tells_everything_in_any_case() {
    check_three(
        "
        alice> /join dev
        alice< * You are in dev, and nobody else is.
        alice< * What you type is said in dev now.
        alice> /whois ALICE
        alice< * alice has been here for 0 s, idle for 0 s.
        alice< * Rooms you share: dev, lobby.
        alice< * You are connected from 127.0.0.1:40000.
        ",
    );
}

#[test]
fn own_name_can_be_taken_again_by_its_owner_only() {
    check_three(
        "
        alice> /nick #alice
        alice< * You are now alice.
        alice> /nick alice
        alice< * You are now alice.
        alice> /nick ALICE
        alice< * You are now ALICE.
        bob< * alice is now ALICE.
        carol< * alice is now ALICE.
        alice> /names
        alice< * 3 in lobby:
        alice< *   ALICE, bob, carol
        bob> @alice:you in there
        alice< @bob: you in there
        bob> /nick alice
        bob< ! The name alice is in use. Try another one.
        bob> /nick Alice
        bob< ! The name Alice is in use. Try another one.
        bob> /nick #ALICE
        bob< ! The name ALICE is in use. Try another one.
        ",
    );
}

#[test]
fn last_room_can_be_left_and_the_user_is_still_there() {
    let mut script = String::from(
        "
        alice> /part lobby
        alice< * You have left lobby. You are in no room now; /join ROOM enters one.
        bob< * alice has left lobby.
        carol< * alice has left lobby.
        ",
    );
    for line in ["hello", "/me waves", "/topic x", "/part", "/names"] {
        let refusal = "! You are in no room. Type /join ROOM first; /rooms lists them.";
        let _ = write!(script, "alice> {line}\nalice< {refusal}\n");
    }
    script += "
        alice> /part lobby
        alice< ! You are not in lobby. Type /join ROOM first.
        bob> @alice:still here?
        alice< @bob: still here?
        alice> /r yes
        bob< @alice: yes
        -- They share no room.
        alice> /nick alicia
        alice< * You are now alicia.
        -- A room goes with its last member, and is made anew.
        alice> /join own
        alice< * You are in own, and nobody else is.
        alice< * What you type is said in own now.
        alice> /topic mine
        alice< * The topic of own is: mine
        alice> /part
        alice< * You have left own. You are in no room now; /join ROOM enters one.
        alice> /join own
        alice< * You are in own, and nobody else is.
        alice< * What you type is said in own now.
        alice> /quit
        alice< * Bye.
        alice$
        bob> /rooms
        bob< * 1 room:
        bob< *   lobby, 2 users
        ";
    check_three(&script);
}

#[test]
fn name_given_up_has_one_owner_within_the_turn() {
    for release in ["/nick other\n", "/quit\n"] {
        for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 0, 1]] {
            let mut server = VirtualServer::new(Limits::default());
            let clients = server.register_all(["alice", "bob", "carol"]);
            let lines = [release, "/nick alice\n", "/nick alice\n@alice:to whom?\n"];
            for place in order {
                server.deliver(&clients[place], lines[place].as_bytes());
            }
            server.turn();
            let [_, bob, carol] = clients.map(|client| client.text());
            // The first client to ask after the release gets the name.
            let asked_later = order.iter().skip_while(|client| **client != 0).nth(1);
            for (client, text) in [(1, bob), (2, carol)] {
                let is_owner = asked_later == Some(&client);
                assert_eq!(text.contains("* You are now alice.\n"), is_owner, "{text}");
                let is_refused = text.contains("! The name alice is in use.");
                assert_ne!(is_refused, is_owner, "{text}");
            }
        }
    }
}

#[test]
fn message_finds_the_owner_of_a_name_at_its_own_place() {
    check_three(
        r"
        alice>> /nick x1\n@x1:one\n/nick x2\n@x1:gone\n@x2:two\n/nick alice\n@x2:gone\n@alice:three\n
        alice< * You are now x1.
        alice< @x1: one
        alice< * You are now x2.
        alice< ! There is no user x1. /names * lists everyone.
        alice< @x2: two
        alice< * You are now alice.
        alice< ! There is no user x2. /names * lists everyone.
        alice< @alice: three
        bob< * alice is now x1.
        bob< * x1 is now x2.
        bob< * x2 is now alice.
        carol< * alice is now x1.
        carol< * x1 is now x2.
        carol< * x2 is now alice.
        ",
    );
}

#[test]
fn rename_during_a_fan_out_changes_no_earlier_line() {
    const LINES: usize = 30;
    let (mut server, clients) = crowd(201, Limits::default());
    let lines: String = (0..LINES)
        .map(|n| format!("line {n}\n/nick v{n}\n"))
        .collect();
    // Each line is still in the fan-out when the name changes.
    server.send(&clients[0], lines.as_bytes());
    let name = |number: usize| match number {
        0 => "u0".to_owned(),
        _ => format!("v{}", number - 1),
    };
    let expected: String = (0..LINES)
        .map(|n| format!("{}: line {n}\n", name(n)))
        .collect();
    for client in &clients[1..] {
        let text = client.text();
        let said = text
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("* "));
        assert_eq!(said.collect::<String>(), expected);
    }
}

#[test]
fn leave_during_a_fan_out_costs_other_members_no_line() {
    let (mut server, clients) = crowd(402, Limits::default());
    let (speakers, others) = clients.split_at(2);
    let (leavers, stayers) = others.split_at(200);
    for (number, leaver) in leavers.iter().enumerate() {
        for speaker in speakers {
            server.deliver(speaker, format!("{number}\n").as_bytes());
        }
        // The leaver's own copies are still in the fan-out, too.
        match number % 5 {
            0 => server.deliver(leaver, b"/quit while you speak\n"),
            1 => server.deliver(leaver, b"/part\n"),
            2 => {
                leaver.socket.borrow_mut().reset = true;
                server.report_readable(leaver);
            }
            3 => {
                leaver.socket.borrow_mut().half_closed = true;
                server.report_readable(leaver);
            }
            _ => server.deliver(leaver, format!("/nick renamed{number}\n").as_bytes()),
        }
        server.turn();
    }
    server.run();
    for stayer in stayers {
        let text = stayer.text();
        for name in ["u0", "u1"] {
            let start = format!("{name}: ");
            let numbers = text.lines().filter_map(|line| line.strip_prefix(&start));
            assert!(
                numbers
                    .map(|n| n.parse::<usize>().unwrap())
                    .eq(0..leavers.len())
            );
        }
    }
}

#[test]
fn quit_with_output_waiting_is_told_at_once_and_loses_nothing() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    alice.limit_space(0);
    let lines: String = (0..100).map(|n| format!("@alice:{n}\n")).collect();
    server.send(&bob, lines.as_bytes());
    server.send(&alice, b"/quit not read yet\n");
    assert_eq!(bob.text(), "* alice has left lobby: not read yet\n");
    server.send(&bob, b"@alice:too late\n");
    assert!(bob.text().starts_with("! There is no user alice."));
    // The name is free, and its next owner gets none of the queued output.
    let next = server.register("127.0.0.1:2", "alice");
    assert_eq!(bob.text(), "* alice has joined lobby.\n");
    assert!(!alice.socket.borrow().shut);
    server.set_space(&alice, usize::MAX);
    let lines: String = (0..100).map(|n| format!("@bob: {n}\n")).collect();
    assert_eq!(alice.text(), lines + "* Bye.\n");
    assert!(alice.socket.borrow().shut);
    assert_eq!((bob.text(), next.text()), (String::new(), String::new()));
}

#[test]
fn crowd_that_turns_on_itself_in_one_turn_comes_to_rest() {
    const CROWD: usize = 50;
    let (mut server, clients) = crowd(CROWD, Limits::default());
    for (number, client) in clients.iter().enumerate() {
        let next = (number + 1) % CROWD;
        let last = if number % 2 == 0 {
            "/quit"
        } else {
            "/ping end"
        };
        let lines = format!(
            "@u{number}:self\n@u{next}:next\n/ignore u{number}\n/ignore u{next}\n/nick v{number}\n\
             @u{number}:old\n@v{number}:new\nto the room\n/part\n{last}\n"
        );
        server.deliver(client, lines.as_bytes());
    }
    server.run();
    for (number, client) in clients.iter().enumerate() {
        let text = client.text();
        let count = |line: &str| text.lines().filter(|other| *other == line).count();
        assert_eq!(count(&format!("@u{number}: self")), 1, "{text}");
        assert_eq!(count(&format!("@v{number}: new")), 1, "{text}");
        assert_eq!(count("! You cannot ignore yourself."), 1, "{text}");
        assert_eq!(count(&format!("* You are now v{number}.")), 1, "{text}");
        let last = if number % 2 == 0 {
            "* Bye.\n"
        } else {
            "* pong end\n"
        };
        assert!(text.ends_with(last) || count("* pong end") == 1, "{text}");
    }
    assert_eq!(server.switchboard.chat().counts().registered, CROWD / 2);
}
