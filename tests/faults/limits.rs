//! Limits of connections, of the time without a name, and of the line rate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

use crate::harness::{Client, Daemon, REFUSED_FULL, numbered};
use crate::network::{self, connect_from};

const REFUSED_ADDRESS: &str =
    "! There are too many connections from your address. Close one, and try again.";

#[test]
fn client_told_to_leave_is_closed_and_others_do_not_notice() {
    let daemon = Daemon::start(&["--register-time", "1"]);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| daemon.join_at_once(name));
    let mut nameless = daemon.connect();
    bob.send("/quit");
    bob.read_until("* Bye.");
    bob.expect_closed();
    nameless.expect_line_starting("! ");
    nameless.expect_closed();
    // Neither client closes its own side.
    daemon.wait_for_log("bob (127.0.0.1");
    daemon.wait_for_log("no name in time");
    alice.read_until("* bob has left lobby.");
    alice.expect_nothing();
    daemon.expect_log_count("closed after", 2);
}

#[test]
fn refused_connection_that_stays_open_is_closed() {
    let daemon = Daemon::start_for_operators(&["--max-clients", "1"]);
    let mut alice = daemon.join_operator("alice");
    // More than may linger, and none closes its own side.
    let mut refused: Vec<Client> = (0..20).map(|_| daemon.connect_raw()).collect();
    for client in &mut refused {
        client.expect_line(REFUSED_FULL);
        client.expect_closed();
    }
    daemon.expect_log_count("server full", 20);
    alice.expect_nothing();
    assert_eq!(alice.count_connected(), 1);
}

/// A client that has seen the end of its connection can come again at once, however few places there are.
#[test]
fn place_is_free_once_its_end_is_seen() {
    let daemon = Daemon::start(&["--max-clients", "2"]);
    let _alice = daemon.join("alice");
    for round in 0..200 {
        // It delays its acknowledgements, as a connection does that has lasted for a while.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.connect(&daemon.address().into()).unwrap();
        socket.set_tcp_quickack(false).unwrap();
        let mut client = Client::over_socket(socket);
        client.send("/ping here");
        client.finish_sending();
        let answers = client.read_to_end();
        assert!(
            answers.iter().any(|line| line == "* pong here"),
            "{round}: {answers:?}"
        );
    }
}

#[test]
fn full_server_says_so_and_has_room_after_a_client_leaves() {
    let daemon = Daemon::start(&["--max-clients", "2"]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let mut carol = daemon.connect_raw();
    carol.send("#carol"); // sent before the refusal could be read
    carol.expect_line(REFUSED_FULL);
    carol.expect_closed();
    alice.send("just us");
    bob.expect_line("alice: just us");
    bob.send("/quit");
    bob.read_to_end();
    drop(bob);
    alice.expect_line("* bob has left lobby.");
    daemon.wait_for_log("bob (127.0.0.1");
    daemon.join("carol");
    alice.expect_line("* carol has joined lobby.");
}

fn expect_refused(mut client: Client) {
    client.expect_line(REFUSED_ADDRESS);
    client.expect_closed();
}

#[test]
fn address_at_its_limit_takes_no_place_from_another() {
    let daemon = Daemon::start(&["--limit-loopback", "--max-per-address", "3"]);
    let from = |last| connect_from(Ipv4Addr::new(127, 0, 0, last).into(), daemon.address());
    let mut clients: Vec<Client> = (0..3).map(|_| from(1)).collect();
    for client in &mut clients {
        client.expect_greeting();
    }
    for _ in 0..50 {
        expect_refused(from(1)); // a refused connection does not count
    }
    for _ in 0..3 {
        let mut neighbour = from(2);
        neighbour.expect_greeting();
        clients.push(neighbour);
    }
    expect_refused(from(2));
    for client in &mut clients {
        client.barrier();
    }
}

/// A place lost at each broken connection would lock an unlucky address out for good.
#[test]
fn connection_gives_its_place_back_however_it_ends() {
    let flags = ["--limit-loopback", "--max-per-address", "2"];
    let daemon = Daemon::start(&[&flags[..], &["--register-time", "1"]].concat());
    let _stays = daemon.join_at_once("stays");
    let ends: [fn(Client); 8] = [
        drop,
        Client::reset,
        |mut client| client.finish_sending(),
        |mut client| client.send("/quit"),
        |mut client| client.send("GET / HTTP/1.1"),
        |mut client| client.send_bytes(b"\x16\x03\x01\x00\x2a\x01"),
        |mut client| {
            client.send("#late");
            client.reset();
        },
        // A silent client stays until its time to register is up.
        |mut client| drop(client.bytes_to_end()),
    ];
    // Each end four times, but for the last, which takes a second.
    let quick = ends[..7].iter().cycle().take(4 * 7);
    for (number, end) in quick.chain(&ends[7..]).enumerate() {
        let client = daemon.connect_raw();
        end(client);
        daemon.expect_log_count("closed after", number + 1);
    }
    assert_eq!(daemon.log_count("too many from its address"), 0);
    daemon.connect();
}

/// An IPv4 address is the same one over an IPv4 and an IPv6 socket.
#[test]
fn ipv4_mapped_address_counts_as_its_ipv4_address() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let daemon = Daemon::start(&[
        "--listen",
        "0.0.0.0:0",
        "--listen",
        "[::]:0",
        "--limit-loopback",
        "--max-per-address",
        "2",
    ]);
    let port = daemon.address().port();
    let plain = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    let mapped = SocketAddr::new(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(), port);
    let mut first = Client::over_tcp(mapped);
    let greeting = first.line();
    assert!(greeting.starts_with("* You are connected from 127.0.0.1:"));
    let mut second = Client::over_tcp(plain);
    second.expect_greeting();
    expect_refused(Client::over_tcp(mapped));
    expect_refused(Client::over_tcp(plain));
    // IPv6 has places of its own.
    let other: SocketAddr = daemon.addresses[1].parse().unwrap();
    let other = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), other.port());
    Client::over_tcp(other).expect_greeting();
}

/// Runs the test once more in a network namespace, where it may use addresses other than loopback. The
/// kernel adds the routes of IPv6 addresses in a worker: the setup waits for each.
fn in_a_network_with_addresses(test: &str) -> bool {
    const SETUP: &str = "ip link set lo up
        for a in 2001:db8:0:1::1 2001:db8:0:1::2 2001:db8:0:1:ffff:ffff:ffff:ffff 2001:db8:0:2::1
        do ip -6 address add $a/128 dev lo nodad
            until ip -6 route get 2001:db8:0:1::1 from $a; do n=$((n+1)); test $n -lt 300; sleep 0.1; done
        done
        ip address add 192.0.2.1/32 dev lo; ip address add 192.0.2.2/32 dev lo";
    network::is_inside(test, SETUP)
}

#[test]
fn ipv6_network_of_64_bits_counts_as_one_address() {
    let test = "limits::ipv6_network_of_64_bits_counts_as_one_address";
    if !in_a_network_with_addresses(test) {
        return;
    }
    // The default limits, from addresses that are no loopback.
    let daemon = Daemon::start(&["--listen", "[::]:0", "--listen", "0.0.0.0:0"]);
    let port = daemon.address().port();
    let from_v6 = |text: &str| {
        let to: IpAddr = "2001:db8:0:1::1".parse().unwrap();
        connect_from(text.parse().unwrap(), SocketAddr::new(to, port))
    };
    let port_v4 = daemon.addresses[1].parse::<SocketAddr>().unwrap().port();
    let from_v4 = |text: &str| {
        let to: IpAddr = "192.0.2.1".parse().unwrap();
        connect_from(text.parse().unwrap(), SocketAddr::new(to, port_v4))
    };
    let one_network = [
        "2001:db8:0:1::1",
        "2001:db8:0:1::2",
        "2001:db8:0:1:ffff:ffff:ffff:ffff",
    ];
    let mut clients = Vec::new();
    for address in one_network.iter().cycle().take(16) {
        clients.push(from_v6(address));
    }
    clients.extend((0..16).map(|_| from_v4("192.0.2.1")));
    for client in &mut clients {
        client.expect_greeting();
    }
    for address in one_network {
        expect_refused(from_v6(address));
    }
    expect_refused(from_v4("192.0.2.1"));
    from_v6("2001:db8:0:2::1").expect_greeting();
    from_v4("192.0.2.2").expect_greeting();
    // A place freed by one address is free for the whole network.
    clients.swap_remove(0).reset();
    daemon.wait_for_log("connection broken");
    from_v6(one_network[2]).expect_greeting();
}

#[test]
fn rate_limited_script_is_executed_to_its_end() {
    const LINES: usize = 300;
    let daemon = Daemon::start(&[
        "--limit-loopback",
        "--line-burst",
        "10",
        "--line-rate",
        "500",
    ]);
    let mut alice = daemon.join("alice");
    let mut script = daemon.connect_raw();
    let lines = numbered(0..LINES, |number| format!("@alice:{number}\n"));
    script.send_bytes(format!("#ci\n{lines}done").as_bytes());
    script.finish_sending();
    alice.expect_line("* ci has joined lobby.");
    for number in 0..LINES {
        alice.expect_line(&format!("@ci: {number}"));
    }
    alice.expect_lines(&["ci: done", "* ci has left lobby."]);
    script.read_to_end();
}
