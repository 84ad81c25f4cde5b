//! How lines are read: what begins with `#`, `/raw`, blank lines, and what the first line decides.

use chinwag::config::Limits;

use crate::cases::check_three;
use crate::script::check;
use crate::support::VirtualServer;

#[test]
fn hash_line_of_a_user_is_said_and_no_rename() {
    check_three(
        "
        alice> # heading
        bob< alice: # heading
        carol< alice: # heading
        alice> #!/bin/sh
        bob< alice: #!/bin/sh
        carol< alice: #!/bin/sh
        alice> #winning
        bob< alice: #winning
        carol< alice: #winning
        alice< * That was said. To change your name, type /nick winning.
        alice> #endif
        bob< alice: #endif
        carol< alice: #endif
        -- Whose name is whose makes no difference.
        alice> #bob
        bob< alice: #bob
        carol< alice: #bob
        bob> #alice
        alice< bob: #alice
        carol< bob: #alice
        bob< * That was said. To change your name, type /nick alice.
        bob> /part
        alice< * bob has left lobby.
        carol< * bob has left lobby.
        bob< * You have left lobby. You are in no room now; /join ROOM enters one.
        bob> #endif
        bob< ! You are in no room. Type /join ROOM first; /rooms lists them.
        alice> /mode json
        alice< {\"type\":\"ok\",\"time\":1700000000000,\"text\":\"The mode is json.\"}
        alice> #endif
        alice< {\"type\":\"ok\",\"time\":1700000000000}
        carol< alice: #endif
        ",
    );
}

#[test]
fn raw_lines_are_said_as_they_are_until_it_is_off() {
    let said: String = [
        "#include <stdio.h>",
        "#winning",
        "/quit",
        "/raw",
        "/raw on",
        "/raw offline",
        " /raw off",
        "//raw off",
        "/nosuch",
        "@bob: psst",
        "@bob no colon",
        "@",
        "quit",
        "exit",
        "  indented",
        "\\ttab",
        "/say /raw off",
    ]
    .iter()
    .map(|line| format!("alice>> {line}\\n\nbob< alice: {line}\ncarol< alice: {line}\n"))
    .collect();
    check_three(&format!(
        "
        alice> /raw
        alice< * Raw is off: the first characters of a line decide what it is.
        alice> /raw on
        alice< * Raw is on: every line is said as it is, until you type /raw off.
        {said}
        -- Lines that show nothing stay ignored.
        alice>
        alice>> \\t \\n
        alice> /RAW  OFF{SPACE}
        alice< * Raw is off: the first characters of a line decide what it is.
        alice> /raw off
        alice< * Raw is off: the first characters of a line decide what it is.
        alice>  @bob
        bob< alice: @bob
        carol< alice: @bob
        -- In one piece: each line is read as the one before it left things.
        alice>> /raw on\\n/ping 1\\n/raw off\\n/ping 2\\n
        alice< * Raw is on: every line is said as it is, until you type /raw off.
        bob< alice: /ping 1
        carol< alice: /ping 1
        alice< * Raw is off: the first characters of a line decide what it is.
        alice< * pong 2
        alice>> /raw on\\nquit
        alice< * Raw is on: every line is said as it is, until you type /raw off.
        alice^
        bob< alice: quit
        carol< alice: quit
        bob< * alice has left lobby.
        carol< * alice has left lobby.
        alice$
        ",
        SPACE = " ",
    ));
}

#[test]
fn raw_is_answered_in_json_and_ends_with_its_connection() {
    let ok = |rest: &str| format!("{{\"type\":\"ok\",\"time\":1700000000000{rest}}}");
    check(&format!(
        "
        bob> /mode json
        bob< {mode}
        bob> /raw on
        bob< {refused}
        bob> #bob
        bob< {registered}
        bob> /raw on
        bob< {on}
        bob> /ping
        bob< {done}
        bob>
        bob> /raw off
        bob< {off}
        bob> /raw on
        bob< {on}
        bob^
        bob$
        +2
        ann> #bob
        ann< * You are registered as bob.
        ann< * You are in lobby, and nobody else is.
        ann> /ping
        ann< * pong
        ",
        mode = ok(",\"text\":\"The mode is json.\""),
        refused = "{\"type\":\"error\",\"time\":1700000000000,\"code\":\"not_registered\",\
                   \"text\":\"You have no name yet. Type #yourname to register.\"}",
        registered = ok(",\"name\":\"bob\",\"room\":\"lobby\",\"others\":0,\"users\":[]"),
        on = ok(",\"raw\":true"),
        off = ok(",\"raw\":false"),
        done = ok(""),
    ));
}

#[test]
fn line_of_blanks_is_ignored_and_not_counted() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    alice.take();
    let lines_in = |server: &mut VirtualServer| {
        server.send(&bob, b"/stats\n");
        let text = bob.text();
        let (_, rest) = text.split_once("Lines: ").unwrap();
        rest.split_once(' ').unwrap().0.parse::<u64>().unwrap()
    };
    let before = lines_in(&mut server);
    for blank in [
        &b"\n"[..],
        b" \n",
        b"   \t \n",
        b"\x1b\n",
        b" \x00\x07\t\r\n",
        "\u{200b} \u{ad}\u{2060}\u{200e}\n".as_bytes(),
    ] {
        server.send(&alice, blank);
        assert_eq!((alice.text(), bob.text()), <(String, String)>::default());
    }
    assert_eq!(lines_in(&mut server), before + 1, "its own question");
    server.send(&alice, "\u{3000}\n".as_bytes());
    assert_eq!(bob.text(), "alice: \u{3000}\n", "no blank of a keyboard's");
}

/// A program that asks for JSON first gets nothing else.
#[test]
fn greeting_is_in_the_mode_that_the_first_line_asks_for() {
    let greeting = "{\"type\":\"notice\",\"time\":1700000000000,\
                    \"text\":\"You are connected from 127.0.0.1:39999.\"}";
    let how = "{\"type\":\"notice\",\"time\":1700000000000,\"text\":\"Type #yourname to register. \
               After that, what you type is said to everybody in your room, @user:message goes to \
               one user only, and /help lists the rest.\"}";
    let ok = "{\"type\":\"ok\",\"time\":1700000000000,\"text\":\"The mode is json.\"}";
    for first in [
        "> /mode json",
        "> /MODE  Json",
        ">> \\n\\r\\n \\t\\n/mode json\\n",
        ">> \\xff\\xf1/mode json\\n",
    ] {
        check(
            &format!(
                "
            alice!
            alice{first}
            alice< {greeting}END
            alice< {how}END
            alice< {ok}END
            alice> /ping
            alice< {{\"type\":\"ok\",\"time\":1700000000000,\"text\":\"pong\"}}END
            "
            )
            .replace("END", if first.starts_with(">>") { "\\r" } else { "" }),
        );
    }
    // The last line counts without its end, too.
    check(&format!(
        "
        alice!
        alice>> /mode json
        alice^
        alice< {greeting}
        alice< {how}
        alice< {ok}
        alice$
        "
    ));
    // Too late, or not the first: the greeting is plain.
    for first in ["/mode", "/mode plain", "/mode yaml", "/ping", " /mode json"] {
        let mut server = VirtualServer::new(Limits::default());
        let alice = server.connect_ungreeted("127.0.0.1:39999");
        server.send(&alice, format!("{first}\n/mode json\n").as_bytes());
        let text = alice.text();
        assert!(text.starts_with("* You are connected from "), "{text}");
    }
    let mut server = VirtualServer::new(Limits::default());
    let alice = server.connect("127.0.0.1:39999");
    server.send(&alice, b"/mode json\n");
    assert!(alice.text().starts_with("* You are connected from "));
}
