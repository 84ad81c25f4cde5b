//! Who may come in.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use chinwag::chat::command::Mode;
use chinwag::chat::ids::{ClientId, Peer};

use crate::kept::stage::{OPERATOR, PASSWORD, Stage};

const BARRED: &str = "error barred Barred dev: spam ask alice";

/// A guest of another machine; `host` is one of a /64.
fn guest_from(stage: &mut Stage, network: u16, host: u16, name: &str) -> ClientId {
    let ip = Ipv6Addr::new(0x2001, 0xdb8, 0, network, 0, 0, 0, host);
    let id = stage.connect_from(Peer::Tcp(SocketAddr::new(ip.into(), 1)));
    stage.ears.modes.insert(id, Mode::Json);
    stage.type_in(id, &format!("#{name}"));
    id
}

#[test]
fn barred_account_is_put_out_and_kept_out_on_all_its_connections() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    stage.hear(bob);
    assert_eq!(
        stage.type_in(alice, "/bar bob spam").pop().unwrap(),
        "ok bar bob dev"
    );
    assert_eq!(stage.hear(bob), ["you bar dev by alice: spam now in lobby"]);
    assert_eq!(stage.join(bob, "dev"), BARRED);
    let other = stage.login("bob");
    assert_eq!(stage.join(other, "DEV"), BARRED);
    stage.disconnect(bob);
    stage.disconnect(other);
    let bob = stage.login("bob");
    assert_eq!(stage.join(bob, "dev"), BARRED);
    // A room that is empty is barred as well, and is not made by the try.
    stage.disconnect(alice);
    assert_eq!(stage.join(bob, "dev"), BARRED);
    let alice = stage.login("alice");
    stage.join(alice, "dev");
    assert_eq!(
        stage.type_in(alice, "/unbar bob").pop().unwrap(),
        "ok unbar bob dev"
    );
    assert!(stage.join(bob, "dev").starts_with("joined dev"));
}

#[test]
fn barred_guest_comes_in_by_no_other_name_or_connection_of_the_address() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let zoe = guest_from(&mut stage, 1, 1, "zoe");
    stage.join(zoe, "dev");
    stage.type_in(alice, "/bar zoe spam");
    stage.type_in(zoe, "/nick amy");
    assert_eq!(stage.join(zoe, "dev"), BARRED);
    stage.disconnect(zoe);
    let again = guest_from(&mut stage, 1, 2, "eve");
    assert_eq!(stage.join(again, "dev"), BARRED);
    let other = guest_from(&mut stage, 2, 1, "zoe");
    assert!(stage.join(other, "dev").starts_with("joined dev"));
    // Who has an account is barred by that, and not by where they come from.
    stage.type_in(again, &format!("/login bob {PASSWORD}"));
    assert!(stage.join(again, "dev").starts_with("joined dev"));
    // Gone since, they are known by the name that they had.
    stage.disconnect(other);
    assert_eq!(
        stage.type_in(alice, "/unbar zoe").pop().unwrap(),
        "ok unbar zoe dev"
    );
    let third = guest_from(&mut stage, 1, 3, "kim");
    assert!(stage.join(third, "dev").starts_with("joined dev"));
}

#[test]
fn bar_of_a_guest_of_this_machine_is_not_one_of_all_guests_there() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let (zoe, amy) = (stage.guest("zoe"), stage.guest("amy"));
    stage.join(zoe, "dev");
    stage.type_in(alice, "/bar zoe spam");
    stage.type_in(zoe, "/nick eve");
    assert_eq!(stage.join(zoe, "dev"), BARRED);
    assert!(stage.join(amy, "dev").starts_with("joined dev"));
    let ip = Ipv4Addr::LOCALHOST.into();
    let local = stage.connect_from(Peer::Tcp(SocketAddr::new(ip, 1)));
    stage.type_in(local, "#kim");
    assert!(stage.join(local, "dev").starts_with("joined dev"));
}

#[test]
fn bar_ends_in_time_whether_or_not_anybody_looks() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.type_in(alice, "/bar bob 1m spam");
    stage.wait(Duration::from_secs(59));
    let refused = "error barred Barred dev 1s: spam ask alice";
    assert_eq!(stage.join(bob, "dev"), refused);
    stage.wait(Duration::from_secs(1));
    assert!(stage.join(bob, "dev").starts_with("joined dev"));
}

#[test]
fn locked_room_lets_only_operators_in_and_nobody_out() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let (bob, carol, root) = (
        stage.login("bob"),
        stage.login("carol"),
        stage.login(OPERATOR),
    );
    stage.join(carol, "dev");
    stage.type_in(alice, "/op bob");
    stage.type_in(alice, "/lock in on");
    let zoe = stage.guest("zoe");
    assert_eq!(
        stage.join(zoe, "dev"),
        "error locked Locked(In) dev ask alice"
    );
    for id in [bob, root, carol] {
        assert!(stage.join(id, "dev").starts_with("joined dev"));
    }
    stage.type_in(alice, "/kick carol");
    assert_eq!(
        stage.join(carol, "dev"),
        "error locked Locked(In) dev ask alice"
    );
}

#[test]
fn who_may_not_enter_the_lobby_is_registered_and_in_no_room() {
    let mut stage = Stage::new();
    let root = stage.login(OPERATOR);
    stage.type_in(root, "/lock in on");
    let zoe = stage.connect();
    let heard = stage.type_in(zoe, "#zoe");
    assert_eq!(
        heard,
        ["limited Locked(In) lobby", "registered zoe nowhere"]
    );
    let bob = stage.begin_login("bob");
    stage.settle();
    let heard = stage.hear(bob);
    assert_eq!(
        heard,
        ["limited Locked(In) lobby", "logged in bob  waiting 0"]
    );
    stage.type_in(root, "/lock in off");
    assert!(stage.join(zoe, "lobby").starts_with("joined lobby"));
}

#[test]
fn who_comes_in_is_told_only_what_concerns_them() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.type_in(alice, "/mute carol");
    stage.type_in(alice, "/bar dave2");
    assert!(stage.type_in(bob, "/join dev")[0].starts_with("joined dev"));
    stage.type_in(alice, "/lock talk on");
    let zoe = stage.guest("zoe");
    let told = stage.type_in(zoe, "/join dev");
    assert_eq!(told[0], "limited Locked(Talk) dev ask alice");
}
