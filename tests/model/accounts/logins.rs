//! Logging in and out, and what a connection is asked for.

use std::time::Duration;

use chinwag::chat::archive::UnixMs;
use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::command::Reading;
use chinwag::chat::limits::AccountLimits;

use super::stage::{PASSWORD, Stage};

const ALICE: &str = "logged in alice on 1 in lobby with 0; waited 0";
const SECOND: Duration = Duration::from_secs(1);

fn plain() -> AccountLimits {
    AccountLimits {
        plain_passwords: true,
        ..AccountLimits::default()
    }
}

#[test]
fn very_next_line_is_the_password_whatever_it_begins_with() {
    for password in [
        "#12345678",
        "@bob:hello",
        "/quit now",
        "  leading and trailing  ",
        "é\u{301}xyzxyz",
    ] {
        let mut stage = Stage::new();
        let alice = stage.guest("alice");
        let asked = stage.say(alice, "/account new");
        assert_eq!(asked, ["who reads", "needs new password alice"]);
        assert_eq!(stage.chat.reading_of(alice), Reading::Answer);
        assert!(stage.is_concealed(alice));
        assert_eq!(stage.say(alice, password), ["made alice"]);
        assert_eq!(
            stage.archive.kept.find("alice").unwrap().password(),
            password
        );
        assert_eq!(stage.chat.reading_of(alice), Reading::Commands);
        assert!(!stage.is_concealed(alice));
        stage.disconnect(alice);
        let again = stage.connect();
        assert_eq!(stage.ask(again, "/login alice"), "needs password alice");
        assert_eq!(stage.ask(again, password), ALICE);
    }
}

#[test]
fn blank_line_or_a_minute_cancels_and_is_no_answer() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.disconnect(alice);
    let id = stage.connect();
    for blank in ["", "   ", "\t"] {
        stage.ask(id, "/login alice");
        assert_eq!(stage.say(id, blank), ["cancelled"]);
        assert_eq!(stage.chat.reading_of(id), Reading::Commands);
        assert!(!stage.is_concealed(id));
    }
    stage.ask(id, "/login alice");
    stage.wait(59 * SECOND);
    assert_eq!(stage.chat.reading_of(id), Reading::Answer);
    stage.wait(SECOND);
    assert_eq!(stage.hear(id), ["cancelled"]);
    assert!(!stage.is_concealed(id));
    assert_eq!(stage.ask(id, "/ping x"), "pong x");
    assert_eq!(stage.chat.reading_of(id), Reading::Commands);
    // A line that was too long to be read as an answer is none, and neither is the next.
    stage.ask(id, "/login alice");
    stage.type_too_long(id);
    assert_eq!(stage.hear(id), ["error line_too_long"]);
    assert!(!stage.is_concealed(id));
    assert_eq!(stage.ask(id, "/ping x"), "pong x");
}

#[test]
fn password_behind_its_minute_is_not_said() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.guest("alice"), stage.guest("bob"));
    let alices = stage.account("carol");
    for asker in [alice, alices] {
        let question = if asker == alice {
            "/account new"
        } else {
            "/account password"
        };
        stage.ask(asker, question);
        stage.wait(60 * SECOND);
        assert_eq!(stage.hear(asker).last().unwrap(), "cancelled");
        stage.hear(bob);
        assert_eq!(stage.ask(asker, "the password"), "error bad_usage");
        assert!(stage.hear(bob).is_empty(), "it is not said");
        // Only the next line can be it.
        assert_eq!(stage.ask(asker, "hello"), "ok");
        assert_eq!(stage.hear(bob).len(), 1);
    }
}

#[test]
fn connection_that_ends_while_it_is_asked_leaves_nothing() {
    let mut stage = Stage::new();
    let alice = stage.guest("alice");
    stage.ask(alice, "/account new");
    stage.disconnect(alice);
    stage.wait(61 * SECOND);
    let again = stage.guest("alice");
    assert_eq!(stage.ask(again, "/account new"), "needs new password alice");
}

#[test]
fn wrong_password_is_one_answer_and_the_same_for_no_account() {
    let mut stage = Stage::new();
    stage.account("alice");
    let guest = stage.guest("bob");
    for name in ["alice", "nobody", "a1ice"] {
        assert_eq!(
            stage.ask(guest, &format!("/login {name}")),
            format!("needs password {name}")
        );
        stage.type_line(guest, "wrong password");
        // An unknown name costs a hash, too.
        assert_eq!((stage.archive.work(), stage.is_stopped(guest)), (1, true));
        stage.settle_all();
        assert_eq!(stage.hear(guest), ["error wrong_password"]);
        assert_eq!(stage.chat.reading_of(guest), Reading::Commands);
        assert_eq!(stage.name_of(guest).as_deref(), Some("bob"));
    }
}

#[test]
fn guest_who_logs_in_is_renamed_and_keeps_its_rooms() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.disconnect(alice);
    let (guest, bob) = (stage.guest("x"), stage.guest("bob"));
    stage.ask(guest, "/join dev");
    stage.ask(bob, "/join dev");
    stage.ask(guest, "/part lobby");
    stage.hear(bob);
    let answer = stage.ask(guest, &format!("/login alice {PASSWORD}"));
    assert_eq!(answer, "logged in alice on 1 in dev with 1; waited 0");
    assert_eq!(stage.hear(bob), ["x is now alice"]);
    assert_eq!(stage.ask(bob, "/nick x"), "renamed x", "the name is free");
}

#[test]
fn guest_who_logs_in_as_one_who_is_here_leaves_as_that_guest() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.ask(alice, "/join dev");
    let (guest, bob) = (stage.guest("x"), stage.guest("bob"));
    stage.hear(bob);
    let answer = stage.ask(guest, &format!("/login alice {PASSWORD}"));
    assert_eq!(answer, "logged in alice on 2 in lobby with 1; waited 0");
    assert_eq!(
        stage.hear(bob),
        ["x left all"],
        "and of alice nobody sees anything"
    );
    stage.hear(alice);
    stage.ask(bob, "/join dev");
    assert_eq!(stage.hear(guest), ["bob joined dev"]);
}

#[test]
fn nameless_connection_that_logs_in_enters_the_lobby() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.disconnect(alice);
    let bob = stage.guest("bob");
    let id = stage.connect();
    stage.hear(bob);
    stage.type_line(id, &format!("/login ALICE {PASSWORD}"));
    stage.answer_one();
    // The password was right, and what waits is not known yet: nobody sees half of it.
    assert_eq!((stage.name_of(id), stage.is_stopped(id)), (None, true));
    assert!(stage.hear(bob).is_empty());
    stage.settle_all();
    assert_eq!(
        stage.hear(id),
        ["logged in alice on 1 in lobby with 1; waited 0"]
    );
    assert_eq!(stage.hear(bob), ["alice joined lobby"]);
}

#[test]
fn login_of_one_who_is_logged_in_already_changes_nothing() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.ask(alice, "/join dev");
    let answer = "logged in alice on 1 in dev with 0; waited 0";
    for line in ["/login alice", "/login Alice whatever it is"] {
        stage.type_line(alice, line);
        assert_eq!(stage.hear(alice), [answer]);
        assert_eq!(stage.chat.reading_of(alice), Reading::Commands);
    }
}

#[test]
fn login_as_another_logs_out_only_once_the_password_is_right() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let bob = stage.account("bob");
    stage.disconnect(bob);
    let carol = stage.guest("carol");
    stage.hear(carol);
    assert_eq!(
        stage.ask(alice, "/login bob not this one"),
        "error wrong_password"
    );
    assert_eq!(stage.name_of(alice).as_deref(), Some("alice"));
    assert!(stage.hear(carol).is_empty());
    let answer = stage.ask(alice, &format!("/login bob {PASSWORD}"));
    assert_eq!(answer, "logged in bob on 1 in lobby with 1; waited 0");
    assert_eq!(stage.hear(carol), ["alice left all", "bob joined lobby"]);
    stage.login("alice");
}

#[test]
fn logout_makes_a_connection_nameless_and_its_user_stays_with_others() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.account("alice"), stage.guest("bob"));
    let second = stage.login("alice");
    stage.hear(bob);
    assert_eq!(stage.ask(second, "/logout"), "logged out");
    assert!(stage.hear(bob).is_empty());
    assert_eq!((stage.name_of(second), stage.closed(second)), (None, None));
    assert_eq!(stage.ask(second, "hello"), "error not_registered");
    assert_eq!(stage.ask(second, "#alice"), "error name_owned");
    assert_eq!(stage.ask(second, "#carol"), "registered carol in lobby");
    stage.hear(bob);
    assert_eq!(stage.ask(alice, "/logout"), "logged out");
    assert_eq!(stage.hear(bob), ["alice left all"]);
    assert_eq!(stage.ask(bob, "/logout"), "error login_required");
    let new = stage.connect();
    assert_eq!(stage.ask(new, "/logout"), "error not_registered");
}

#[test]
fn ninth_connection_closes_the_one_that_is_idle_for_longest() {
    let mut stage = Stage::new();
    let first = stage.account("alice");
    let bob = stage.guest("bob");
    let mut others: Vec<_> = (0..7).map(|_| stage.login("alice")).collect();
    stage.wait(SECOND);
    stage.ask(first, "/ping x");
    for other in others.iter().skip(1) {
        stage.ask(*other, "/ping x");
    }
    stage.wait(SECOND);
    stage.hear(bob);
    let ninth = stage.connect();
    let answer = stage.ask(ninth, &format!("/login alice {PASSWORD}"));
    assert_eq!(answer, "logged in alice on 8 in lobby with 1; waited 0");
    let idlest = others.remove(0);
    assert_eq!(stage.hear(idlest), ["replaced"]);
    assert_eq!(stage.closed(idlest), Some(CloseReason::Replaced));
    // It is no more alice's from now on, and not once its end is seen.
    assert_eq!(stage.name_of(idlest), None);
    assert!(others.iter().all(|other| stage.closed(*other).is_none()));
    assert!(stage.hear(bob).is_empty(), "nobody sees anything of it");
}

#[test]
fn one_connection_is_replaced_without_a_leave_where_only_one_may_be() {
    let limits = AccountLimits {
        connections_max: 1,
        ..AccountLimits::default()
    };
    let mut stage = Stage::with(limits);
    let first = stage.account("alice");
    let bob = stage.guest("bob");
    stage.ask(first, "/join dev");
    stage.hear(bob);
    let second = stage.login("alice");
    assert_eq!(stage.closed(first), Some(CloseReason::Replaced));
    assert!(stage.hear(bob).is_empty());
    stage.ask(second, "/join dev");
    assert_eq!(
        stage.ask(second, "/account"),
        "account alice, tokens 0, connections 1"
    );
}

#[test]
fn password_from_another_machine_is_refused_unless_it_may_be_read() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.disconnect(alice);
    let far = stage.connect_far(1);
    for line in [
        "/login alice",
        "/login alice password",
        "/login alice cw_token",
    ] {
        assert_eq!(stage.say(far, line), ["error not_encrypted"]);
    }
    assert_eq!(stage.ask(far, "#bob"), "registered bob in lobby");
    assert_eq!(stage.say(far, "/account new"), ["error not_encrypted"]);

    let mut stage = Stage::with(plain());
    let far = stage.connect_far(1);
    stage.ask(far, "#bob");
    let asked = ["who reads", "not encrypted", "needs new password bob"];
    assert_eq!(stage.say(far, "/account new"), asked);
    assert_eq!(stage.ask(far, PASSWORD), "made bob");
    let again = stage.connect_far(1);
    assert_eq!(
        stage.say(again, "/login bob"),
        ["not encrypted", "needs password bob"]
    );
}

#[test]
fn guesses_are_slowed_down_before_they_are_hashed_and_sessions_are_not() {
    let mut stage = Stage::with(plain());
    let alice = stage.account("alice");
    let token = stage.token(alice, "laptop");
    let far = stage.connect_far(1);
    for _ in 0..5 {
        assert_eq!(stage.ask(far, "/login alice guess"), "error wrong_password");
    }
    stage.type_line(far, &format!("/login alice {PASSWORD}"));
    assert_eq!(stage.archive.work(), 0, "nothing is hashed");
    assert_eq!(stage.hear(far), ["error slow_down"]);
    for host in 2..=6 {
        let other = stage.connect_far(host);
        stage.ask(other, "/login alice guess");
    }
    // From anywhere now, from this machine too.
    let near = stage.connect();
    assert_eq!(
        stage.ask(near, &format!("/login alice {PASSWORD}")),
        "error slow_down"
    );
    assert_eq!(stage.ask(far, "/login bob guess"), "error slow_down");
    // A token is not slowed down, at the prompt neither, and who is here goes on.
    assert_eq!(stage.ask(alice, "/ping x"), "pong x");
    assert_eq!(stage.ask(near, "/login alice"), "needs password alice");
    assert_eq!(
        stage.ask(near, &token),
        "logged in alice on 2 in lobby with 0; waited 0"
    );
    stage.wait(60 * SECOND);
    stage.login("alice");
}

#[test]
fn right_password_is_not_charged() {
    let mut stage = Stage::with(plain());
    stage.account("alice");
    for _ in 0..20 {
        let far = stage.connect_far(1);
        let answer = stage.ask(far, &format!("/login alice {PASSWORD}"));
        assert!(answer.starts_with("logged in"), "{answer}");
    }
}

#[test]
fn old_password_is_guessed_no_quicker_than_a_login() {
    for command in ["/account password", "/account drop"] {
        let mut stage = Stage::new();
        let alice = stage.account("alice");
        for _ in 0..10 {
            stage.ask(alice, command);
            assert_eq!(stage.ask(alice, "guess"), "error wrong_password");
        }
        stage.ask(alice, command);
        stage.type_line(alice, PASSWORD);
        assert_eq!(stage.hear(alice), ["error slow_down"]);
        assert_eq!(stage.closed(alice), None);
    }
}

#[test]
fn archive_that_is_closed_full_or_late_is_told_at_each_step() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    stage.disconnect(alice);
    let id = stage.connect();
    let login = format!("/login alice {PASSWORD}");
    stage.archive.is_full = true;
    assert_eq!(stage.say(id, &login), ["error busy"]);
    stage.archive.is_full = false;
    stage.type_line(id, &login);
    stage.archive.is_full = true;
    stage.answer_one();
    assert_eq!(stage.hear(id), ["error busy"]);
    stage.archive.is_full = false;
    // The hash fails, and what waits cannot be read.
    stage.type_line(id, &login);
    stage.fail_one();
    assert_eq!(stage.hear(id), ["error busy"]);
    stage.type_line(id, &login);
    stage.answer_one();
    stage.fail_one();
    assert_eq!(stage.hear(id), ["error busy"]);
    // Either is late.
    for settled in 0..2 {
        stage.type_line(id, &login);
        for _ in 0..settled {
            stage.answer_one();
        }
        stage.wait(5 * SECOND);
        assert_eq!(stage.hear(id), ["error busy"]);
        assert!(!stage.is_stopped(id));
        stage.settle_all();
        assert_eq!((stage.name_of(id), stage.hear(id)), (None, Vec::new()));
    }
    assert_eq!(stage.ask(id, &login), ALICE);
    stage.archive.is_closed = true;
    for line in [
        "/login bob x",
        "/account",
        "/account new",
        "/token",
        "/account drop",
    ] {
        assert_eq!(stage.ask(id, line), "error no_store");
    }
    assert_eq!(stage.ask(id, "/logout"), "logged out");
    assert_eq!(stage.ask(id, "/logout"), "error no_store");
}

#[test]
fn password_hashed_anew_is_kept_unless_another_is_on_its_way() {
    let mut stage = Stage::new();
    stage.archive.renews = true;
    let alice = stage.account("alice");
    stage.ask_for_new_password(alice, "alice");
    let id = stage.connect();
    stage.type_line(id, &format!("/login alice {PASSWORD}"));
    stage.type_line(alice, "another password");
    // The login is hashed, then the new password; that is on its way when a further login is right.
    let third = stage.connect();
    stage.answer_one();
    assert_eq!(stage.archive.writes(), 1);
    stage.keep_all();
    stage.type_line(third, &format!("/login alice {PASSWORD}"));
    stage.answer_one();
    assert_eq!(stage.archive.writes(), 1);
    stage.answer_one();
    assert_eq!(
        stage.archive.writes(),
        1,
        "the old one would replace the new"
    );
    stage.settle_all();
    let password = stage.archive.kept.find("alice").unwrap().password();
    assert_eq!(password, "another password");
}

#[test]
fn time_of_an_account_is_told() {
    let mut stage = Stage::new();
    let alice = stage.account("alice");
    let made: UnixMs = stage.archive.kept.find("alice").unwrap().made_at;
    assert_eq!(made, stage.unix_ms);
    assert_eq!(
        stage.ask(alice, "/account"),
        "account alice, tokens 0, connections 1"
    );
    let guest = stage.guest("bob");
    assert_eq!(stage.ask(guest, "/account"), "guest bob");
    let new = stage.connect();
    assert_eq!(stage.ask(new, "/account"), "guest without a name");
}
