//! The protocol page, section by section.

use crate::script::check;

/// Three users in the lobby, as most cases begin.
pub fn with_three(rest: &str) -> String {
    format!(
        "
        alice> #alice
        alice< * You are registered as alice.
        alice< * You are in lobby, and nobody else is.
        bob> #bob
        bob< * You are registered as bob.
        bob< * You are in lobby with 1 other: alice.
        alice< * bob has joined lobby.
        carol> /nick carol
        carol< * You are registered as carol.
        carol< * You are in lobby with 2 others: alice, bob.
        alice< * carol has joined lobby.
        bob< * carol has joined lobby.
        {rest}"
    )
}

#[track_caller]
pub fn check_three(rest: &str) {
    check(&with_three(rest));
}

#[test]
fn room_message_reaches_other_members_but_not_its_sender() {
    check_three(
        "
        alice> hello
        bob< alice: hello
        carol< alice: hello
        alice> /say /me is plain text here
        bob< alice: /me is plain text here
        carol< alice: /me is plain text here
        alice> //etc/hosts
        bob< alice: /etc/hosts
        carol< alice: /etc/hosts
        alice>  @bob: with a space before it
        bob< alice: @bob: with a space before it
        carol< alice: @bob: with a space before it
        alice> #include <stdio.h>
        bob< alice: #include <stdio.h>
        carol< alice: #include <stdio.h>
        alice> /me waves
        bob< ** alice waves
        carol< ** alice waves
        alice>
        alice> /echo on
        alice< * Echo is on: your own lines come back as others see them.
        alice> heard
        alice< alice: heard
        bob< alice: heard
        carol< alice: heard
        alice> @bob:psst
        alice< @alice: psst
        bob< @alice: psst
        ",
    );
}

#[test]
fn private_message_goes_to_its_named_recipients() {
    check_three(
        "
        alice> @bob:hi
        bob< @alice: hi
        alice> @BOB: one space is dropped
        bob< @alice: one space is dropped
        alice> @bob:  the second stays
        bob< @alice:  the second stays
        alice> @bob,carol:a:b
        bob< @alice: a:b
        carol< @alice: a:b
        alice> @bob,Bob:once
        bob< @alice: once
        alice> /msg carol  byte for byte
        carol< @alice:  byte for byte
        carol> /reply yes
        alice< @carol: yes
        alice> @alice:myself
        alice< @alice: myself
        alice> @nobody:x
        alice< ! There is no user nobody. /names * lists everyone.
        alice> @bob,nobody,no body2:x
        alice< ! A name has no space in it. Type @user:message. Nothing was sent.
        alice> @bob smith:hi
        alice< ! A name has no space in it. Type @user:message. Nothing was sent.
        alice> @bob,:hi
        alice< ! A name is missing. Type @user:message. Nothing was sent.
        alice> @:hi
        alice< ! A name is missing. Type @user:message. Nothing was sent.
        alice> @bob,nobody,nil:x
        bob< @alice: x
        alice< ! Not delivered: there is no user nil, nobody.
        alice> @bob hello
        alice< ! Type @user:message, with a colon after the name. Nothing was sent.
        alice> @bob:
        alice< ! There is no text. Nothing was sent.
        bob> /r back
        alice< @bob: back
        ",
    );
}

/// The protocol page promises that the line names the user that the reply did not reach.
#[test]
fn late_reply_names_the_user_that_is_gone() {
    check_three(
        "
        alice> @bob:psst
        bob< @alice: psst
        alice> /nick alicia
        bob< * alice is now alicia.
        carol< * alice is now alicia.
        alice< * You are now alicia.
        carol> /nick alice
        alice< * carol is now alice.
        bob< * carol is now alice.
        carol< * You are now alice.
        alice> /quit
        alice< * Bye.
        alice$
        bob< * alicia has left lobby.
        carol< * alicia has left lobby.
        bob> /r what
        bob< ! Not delivered: alicia, who wrote to you last, is gone.
        carol> @bob:it is me
        bob< @alice: it is me
        bob> /r who
        carol< @bob: who
        ",
    );
}

#[test]
fn unregistered_client_is_told_how_to_register() {
    let refused = "alice< ! You have no name yet. Type #yourname to register.\n";
    let mut script = String::new();
    for line in [
        "hello",
        "@bob:x",
        "@bob x",
        "/join dev",
        "/join",
        "/names",
        "/me x",
        " x",
        "/r x",
        "/whois bob",
        "//x",
        "/msg",
        "@",
    ] {
        script += &format!("alice> {line}\n{refused}");
    }
    script += "
        alice> /ping 1
        alice< * pong 1
        alice> /version
        alice< * chinwag 0.1.0
        alice> /mode
        alice< * The mode is plain.
        alice> /hlep
        alice< ! There is no /hlep. Did you mean /help? Type #yourname to register.
        alice> #9lives
        alice< ! '9lives' cannot be a name: it must start with a letter.
        alice> #al ice
        alice< ! 'al ice' cannot be a name: it has a space in it.
        alice> # alice
        alice< ! ' alice' cannot be a name: it has a space in it.
        alice> #
        alice< ! There is no name after the #. Type #yourname.
        alice> #aaaaaaaaaaaaaaaaaaaaaaaaa
        alice< ! 'aaaaaaaaaaaaaaaaaaaaaaaaa' cannot be a name: it has more than 24 characters.
        alice> #aaaaaaaaaaaaaaaaaaaaaaaa
        alice< * You are registered as aaaaaaaaaaaaaaaaaaaaaaaa.
        alice< * You are in lobby, and nobody else is.
        bob> quit
        bob< * Bye.
        bob$
        carol> exit
        carol< * Bye.
        carol$
        ";
    check(&script);
}

#[test]
fn name_in_use_is_refused_and_nothing_else_changes() {
    check_three(
        "
        carol> /nick ALICE
        carol< ! The name ALICE is in use. Try another one.
        carol> /nick lobby
        carol< ! lobby is a room. Try another name.
        carol> /nick #Server
        carol< ! The name Server is reserved. Try another one.
        carol> still carol
        alice< carol: still carol
        bob< carol: still carol
        carol> /nick Carol
        alice< * carol is now Carol.
        bob< * carol is now Carol.
        carol< * You are now Carol.
        carol> /nick carla
        alice< * Carol is now carla.
        bob< * Carol is now carla.
        carol< * You are now carla.
        bob> /nick carol
        alice< * bob is now carol.
        carol< * bob is now carol.
        bob< * You are now carol.
        alice> @carol:to the new one
        bob< @alice: to the new one
        ",
    );
}

#[test]
fn room_is_created_joined_made_current_and_left() {
    check_three(
        "
        alice> /join #dev
        alice< * You are in dev, and nobody else is.
        alice< * What you type is said in dev now.
        bob> /j DEV
        alice< * bob has joined dev.
        bob< * You are in dev with 1 other: alice.
        bob< * What you type is said in dev now.
        alice> in dev
        bob< alice: in dev
        alice> /join lobby
        alice< * You are in lobby with 2 others: bob, carol.
        alice< * What you type is said in lobby now.
        alice> in lobby
        bob< [lobby] alice: in lobby
        carol< alice: in lobby
        alice> /me waves
        bob< [lobby] ** alice waves
        carol< ** alice waves
        bob> /topic release on Friday
        alice< * bob has set the topic of dev: release on Friday
        bob< * The topic of dev is: release on Friday
        carol> /topic
        carol< * lobby has no topic. /topic TEXT sets one.
        carol> /rooms
        carol< * 2 rooms:
        carol< *   lobby, 3 users
        carol< *   dev, 2 users: release on Friday
        carol> /names dev
        carol< * 2 in dev:
        carol< *   alice, bob
        carol> /names *
        carol< * 3 registered:
        carol< *   alice, bob, carol
        carol> /names
        carol< * 3 in lobby:
        carol< *   alice, bob, carol
        carol> /names lobby 2
        carol< ! There is no page 2: the last one is 1.
        carol> /part dev
        carol< ! You are not in dev. Type /join ROOM first.
        carol> /part nowhere
        carol< ! There is no room nowhere. /rooms lists them.
        carol> /join no,where
        carol< ! 'no,where' cannot be a room: only A-Z, a-z, 0-9, - and _ are allowed.
        bob> /part
        alice< * bob has left dev.
        bob< * You have left dev. You are in lobby now.
        alice> /part dev
        alice< * You have left dev. You are in lobby now.
        carol> /rooms
        carol< * 1 room:
        carol< *   lobby, 3 users
        ",
    );
}

#[test]
fn topic_is_cleared_by_a_dash() {
    check_three(
        "
        alice> /topic - not yet
        bob< * alice has set the topic of lobby: - not yet
        carol< * alice has set the topic of lobby: - not yet
        alice< * The topic of lobby is: - not yet
        carol> /mode json
        carol< {\"type\":\"ok\",\"time\":1700000000000,\"text\":\"The mode is json.\"}
        alice> /topic  -
        bob< * alice has cleared the topic of lobby.
        carol< {\"type\":\"topic\",\"time\":1700000000000,\"room\":\"lobby\",\"from\":\"alice\",\"text\":\"\"}
        alice< * lobby has no topic. /topic TEXT sets one.
        bob> /topic -
        bob< * lobby has no topic. /topic TEXT sets one.
        ",
    );
}

#[test]
fn time_comes_before_lines_from_people_if_asked_for() {
    check_three(
        "
        bob> /times
        bob< * Times are off: lines from people come without their time.
        bob> /times on
        bob< * Times are on: lines from people come with their time.
        alice> hello
        bob< 22:43 alice: hello
        carol< alice: hello
        alice> /me waves
        bob< 22:43 ** alice waves
        carol< ** alice waves
        alice> @bob:psst
        bob< 22:43 @alice: psst
        bob> /echo on
        bob< * Echo is on: your own lines come back as others see them.
        bob> @carol:psst
        bob< 22:43 @bob: psst
        carol< @bob: psst
        bob> /join dev
        bob< * You are in dev, and nobody else is.
        bob< * What you type is said in dev now.
        alice> hello
        bob< 22:43 [lobby] alice: hello
        carol< alice: hello
        alice> /me waves
        bob< 22:43 [lobby] ** alice waves
        carol< ** alice waves
        -- Notices have none.
        alice> /topic T
        bob< * alice has set the topic of lobby: T
        carol< * alice has set the topic of lobby: T
        alice< * The topic of lobby is: T
        -- JSON has its own.
        bob> /mode json
        bob< {\"type\":\"ok\",\"time\":1700000000000,\"text\":\"The mode is json.\"}
        alice> @bob:x
        bob< {\"type\":\"private\",\"time\":1700000000000,\"from\":\"alice\",\"to\":[\"bob\"],\"text\":\"x\"}
        bob> /times
        bob< {\"type\":\"ok\",\"time\":1700000000000,\"times\":true}
        bob> /mode plain
        bob< * The mode is plain.
        bob> /times off
        bob< * Times are off: lines from people come without their time.
        alice> @bob:x
        bob< @alice: x
        ",
    );
}

#[test]
fn end_of_a_user_is_told_once_in_shared_rooms() {
    check_three(
        "
        alice> /join dev
        alice< * You are in dev, and nobody else is.
        alice< * What you type is said in dev now.
        bob> /join dev
        alice< * bob has joined dev.
        bob< * You are in dev with 1 other: alice.
        bob< * What you type is said in dev now.
        alice^
        bob< * alice has left dev.
        carol< * alice has left lobby.
        alice$
        ",
    );
}

#[test]
fn message_is_refused_when_its_sender_is_in_no_room() {
    check_three(
        "
        alice> /part
        bob< * alice has left lobby.
        carol< * alice has left lobby.
        alice< * You have left lobby. You are in no room now; /join ROOM enters one.
        alice> hello?
        alice< ! You are in no room. Type /join ROOM first; /rooms lists them.
        alice> @bob:this works
        bob< @alice: this works
        ",
    );
}

#[test]
fn leave_notice_carries_the_quit_text() {
    check_three(
        "
        alice> /quit gone home
        alice< * Bye.
        bob< * alice has left lobby: gone home
        carol< * alice has left lobby: gone home
        alice$
        bob^
        carol< * bob has left lobby.
        bob$
        ",
    );
}

#[test]
fn away_notice_is_sent_once_to_each_sender() {
    check_three(
        "
        alice> /away lunch
        alice< * You are away now: lunch (/back ends it.)
        bob> @alice:1
        alice< @bob: 1
        bob< * alice is away: lunch
        bob> @alice:2
        alice< @bob: 2
        carol> @alice:3
        alice< @carol: 3
        carol< * alice is away: lunch
        alice> /back
        alice< * You are back.
        bob> @alice:4
        alice< @bob: 4
        alice> /away
        alice< * You are away now. /back ends it.
        bob> @alice:5
        alice< @bob: 5
        bob< * alice is away.
        ",
    );
}

#[test]
fn ignored_user_is_not_heard_and_not_told() {
    check_three(
        "
        bob> /ignore
        bob< * You ignore nobody.
        bob> /ignore bob
        bob< ! You cannot ignore yourself.
        bob> /ignore ALICE
        bob< * You ignore alice now.
        alice> hello
        carol< alice: hello
        alice> @bob:psst
        alice> /nick alicia
        bob< * alice is now alicia.
        carol< * alice is now alicia.
        alice< * You are now alicia.
        alice> @bob,carol:still ignored
        carol< @alicia: still ignored
        bob> /r
        bob< ! Usage: /reply TEXT. For example: /r on my way
        bob> /r what
        bob< ! Nobody has written to you yet. Type @user:message instead.
        bob> /ignore
        bob< * You ignore alicia.
        bob> /unignore carol
        bob< ! You do not ignore carol. /ignore lists whom you do.
        bob> /unignore alicia
        bob< * You no longer ignore alicia.
        alice> hello again
        bob< alicia: hello again
        carol< alicia: hello again
        ",
    );
}

#[test]
fn quiet_setting_hides_presence_and_nothing_else() {
    check_three(
        "
        bob> /quiet
        bob< * Quiet is off: you get notices of who joins, leaves or is renamed.
        bob> /quiet on
        bob< * Quiet is on: you get no notices of who joins, leaves or is renamed.
        alice> /nick alicia
        carol< * alice is now alicia.
        alice< * You are now alicia.
        alice> /quit
        alice< * Bye.
        carol< * alicia has left lobby.
        carol> hello
        bob< carol: hello
        ",
    );
}

/// A missing away notice would tell a sender that it is ignored.
#[test]
fn ignored_sender_gets_the_away_notice_like_any_other() {
    check_three(
        "
        bob> /ignore alice
        bob< * You ignore alice now.
        bob> /away tea
        bob< * You are away now: tea (/back ends it.)
        alice> @bob:hello
        alice< * bob is away: tea
        alice> @bob:hello
        carol> @bob:hello
        bob< @carol: hello
        carol< * bob is away: tea
        ",
    );
}

#[test]
fn whois_shows_times_and_shared_rooms_but_hides_the_address() {
    check_three(
        "
        +3700
        bob> /away tea
        bob< * You are away now: tea (/back ends it.)
        +61
        alice> /whois BOB
        alice< * bob has been here for 1 h 2 min, idle for 1 min 1 s.
        alice< * bob is away: tea
        alice< * Rooms you share: lobby.
        alice> /whois alice
        alice< * alice has been here for 1 h 2 min, idle for 0 s.
        alice< * Rooms you share: lobby.
        alice< * You are connected from 127.0.0.1:40000.
        alice> /whois nobody
        alice< ! There is no user nobody. /names * lists everyone.
        ",
    );
}

#[test]
fn wrong_command_is_answered_with_its_usage() {
    check_three(
        "
        alice> /hlep
        alice< ! There is no /hlep. Did you mean /help? To say it, begin with //.
        alice> /xyzzy
        alice< ! There is no /xyzzy. /help lists the commands. To say it, begin with //.
        alice> /join
        alice< ! Usage: /join ROOM. For example: /join dev
        alice> /HELP msg
        alice< * /msg NAME[,NAME] TEXT: a private message; @NAME:TEXT does the same.
        alice< * For example: @bob:see you at noon
        alice> /? who
        alice< * /names [ROOM|*] [PAGE]: who is in a room; * is everyone.
        alice< * Also: /who, /users
        alice< * For example: /names * 2
        alice> /ping
        alice< * pong
        ",
    );
}

#[test]
fn lines_before_the_end_of_input_are_all_executed() {
    check_three(
        "
        ci>> #ci\\n@alice:build ok
        ci< * You are registered as ci.
        ci< * You are in lobby with 3 others: alice, bob, carol.
        alice< * ci has joined lobby.
        bob< * ci has joined lobby.
        carol< * ci has joined lobby.
        ci^
        alice< @ci: build ok
        alice< * ci has left lobby.
        bob< * ci has left lobby.
        carol< * ci has left lobby.
        ci$
        ",
    );
}

#[test]
fn server_lines_end_as_the_client_ends_its_own() {
    check(
        "
        alice> /ping 1
        alice< * pong 1
        alice> /ping 2\\r
        alice< * pong 2\\r
        alice> /ping 3
        alice< * pong 3\\r
        bob>> \\xef\\xbb\\xbf/ping bom\\n
        bob< * pong bom
        ",
    );
}

#[test]
fn terminal_in_character_mode_can_erase() {
    check(
        "
        alice> /pimg\\x08\\x08ng \\xc3\\xa9\\x7fe
        alice< * pong e
        ",
    );
}

#[test]
fn terminal_control_characters_do_not_get_through() {
    check_three(
        "
        alice> \\x1b[31mred\\x07 \\xc2\\x9b1m\\x00 \\xe2\\x80\\xaeevil\\xe2\\x81\\xa9 tab\\t.
        bob< alice: red  evil tab\\t.
        carol< alice: red  evil tab\\t.
        alice> a\\xfeb\\xc0\\xaf
        bob< alice: a\\xef\\xbf\\xbdb\\xef\\xbf\\xbd\\xef\\xbf\\xbd
        carol< alice: a\\xef\\xbf\\xbdb\\xef\\xbf\\xbd\\xef\\xbf\\xbd
        alice< ! That is not UTF-8: others see \u{fffd} in it. Set your terminal to UTF-8.
        ",
    );
}

#[test]
fn telnet_commands_are_answered_and_removed_from_text() {
    check(
        "
        alice>> \\xff\\xfd\\x01
        alice< \\xff\\xfc\\x01
        alice>> \\xff\\xfd\\x01\\xff\\xfb\\x18\\xff\\xfe\\x01
        alice< \\xff\\xfe\\x18
        alice>> \\xff\\xfd\\x06
        alice< \\xff\\xfb\\x06
        alice>> dropped\\xff\\xf4/ping 1\\n
        alice< * pong 1\\r
        alice>> \\xff\\xf6
        alice< * chinwag is here.\\r
        alice>> /pi\\xff\\xfa\\x18\\x00\\n\\xff\\xf0ng 2\\n
        alice< * pong 2\\r
        alice>> /ping x\\xff\\xf73\\n
        alice< * pong 3\\r
        ",
    );
}

#[test]
fn foreign_protocol_gets_its_own_answer_and_runs_no_command() {
    check(
        "
        web!
        web>> POST / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n#evil\\n
        web< HTTP/1.1 400 Bad Request\\r
        web< Content-Type: text/plain; charset=utf-8\\r
        web< Content-Length: 85\\r
        web< Connection: close\\r
        web< \\r
        web< This is a chat server, not a web server. Join it from a terminal, with nc or telnet.
        web$
        tls!
        tls>> \\x16\\x03\\x01\\x02\\x00\\x01\\x00\\n#evil\\n
        tls< \\x15\\x03\\x01\\x00\\x02\\x02\\x46
        tls$
        alice> #alice
        alice< * You are registered as alice.
        alice< * You are in lobby, and nobody else is.
        ",
    );
}

#[test]
fn client_that_sends_first_is_greeted_before_its_answer() {
    let greeting = "* You are connected from 127.0.0.1:39999.";
    let how = "* Type #yourname to register. After that, what you type is said to everybody";
    let rest = "* in your room, @user:message goes to one user only, and /help lists the rest.";
    check(&format!(
        "
        alice!
        alice> /ping
        alice< {greeting}
        alice< {how}
        alice< {rest}
        alice< * pong
        bob!
        bob^
        bob< {greeting}
        bob< {how}
        bob< {rest}
        bob$
        carol!
        +0.1
        carol< {greeting}
        carol< {how}
        carol< {rest}
        "
    ));
}

#[test]
fn line_that_shows_nothing_is_ignored() {
    check(
        "
        alice> #alice
        alice< * You are registered as alice.
        alice< * You are in lobby, and nobody else is.
        bob> #bob
        bob< * You are registered as bob.
        bob< * You are in lobby with 1 other: alice.
        alice< * bob has joined lobby.
        alice> \\x01\\x1b
        alice> \\x00\\r
        alice>  \\t  \\x07
        alice> \\xe2\\x80\\x8b \\xc2\\xad\\xe2\\x81\\xa0
        alice> /ping
        alice< * pong\\r
        ",
    );
}

#[test]
fn json_mode_answers_every_line_once_in_order() {
    let time = "\"time\":1700000000000";
    check(
        &"
        bob> #bob
        bob< * You are registered as bob.
        bob< * You are in lobby, and nobody else is.
        alice> /mode json
        alice< {'type':'ok',TIME,'text':'The mode is json.'}
        alice> hello
        alice< {'type':'error',TIME,'code':'not_registered','text':'You have no name yet. Type #yourname to register.'}
        alice>
        alice> #alice
        alice< {'type':'ok',TIME,'name':'alice','room':'lobby','others':1,'users':['bob']}
        bob< * alice has joined lobby.
        alice> hello
        alice< {'type':'ok',TIME}
        bob< alice: hello
        alice>> hi\\n@bob:x\\n@nil:y\\n/echo on\\nz\\n
        alice< {'type':'ok',TIME}
        alice< {'type':'ok',TIME}
        alice< {'type':'error',TIME,'code':'no_such_user','text':'There is no user nil. /names * lists everyone.'}
        alice< {'type':'ok',TIME,'echo':true}
        alice< {'type':'message',TIME,'room':'lobby','from':'alice','text':'z'}
        alice< {'type':'ok',TIME}
        bob< alice: hi
        bob< @alice: x
        bob< alice: z
        bob> say \"it\" \\\\
        alice< {'type':'message',TIME,'room':'lobby','from':'bob','text':'say \\\\\"it\\\\\" \\\\\\\\'}
        bob> /me waves
        alice< {'type':'action',TIME,'room':'lobby','from':'bob','text':'waves'}
        bob> @alice,bob:both
        bob< @bob: both
        alice< {'type':'private',TIME,'from':'bob','to':['alice','bob'],'text':'both'}
        bob> @alice,nil,ALICE,n!l:some
        alice< {'type':'private',TIME,'from':'bob','to':['alice','nil'],'text':'some'}
        bob< ! Not delivered: there is no user n!l, nil.
        bob> /nick bo
        bob< * You are now bo.
        alice< {'type':'rename',TIME,'name':'bob','new_name':'bo'}
        bob> /topic T
        bob< * The topic of lobby is: T
        alice< {'type':'topic',TIME,'room':'lobby','from':'bo','text':'T'}
        alice> /names
        alice< {'type':'ok',TIME,'room':'lobby','users':['alice','bo'],'total':2,'page':1,'pages':1}
        alice> /rooms
        alice< {'type':'ok',TIME,'rooms':[{'room':'lobby','users':2,'topic':'T'}],'total':1,'page':1,'pages':1}
        bob> /quit bye now
        bob< * Bye.
        alice< {'type':'leave',TIME,'room':'lobby','name':'bo','gone':true,'text':'bye now'}
        alice> /mode plain
        alice< * The mode is plain.
        alice> /ping
        alice< * pong
        "
        .replace('\'', "\"")
        .replace("TIME", time),
    );
}
