//! A killed daemon, its successor, and rivals for one address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::{fs, io, thread};

use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, SockAddr, Socket, Type};
use tempfile::TempDir;

use crate::harness::{Client, Daemon, Killed, program, wait_for_exit};

/// Daemons in a row at the same address.
const GENERATIONS: usize = 4;

/// Daemons started at the same moment for one address.
const RIVALS: usize = 6;

/// Repetitions, as a race is not lost every time.
const RACES: usize = 12;

/// A path in a folder of its own.
struct Place {
    folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.sock");
        Self { folder, path }
    }

    fn flag(&self) -> String {
        format!("unix:{}", self.path.display())
    }
}

/// An address with a port that no other process gets between two daemons: a socket that does not listen
/// reserves it, and daemons that reuse addresses may bind it too. A child process of another test may
/// hold that socket for a moment; a listening one would keep the daemon from the address.
struct OwnAddress {
    address: SocketAddr,
    _kept: Socket,
}

impl OwnAddress {
    fn of(host: IpAddr) -> io::Result<Self> {
        let wanted = SocketAddr::new(host, 0);
        let kept = Socket::new(Domain::for_address(wanted), Type::STREAM, None)?;
        kept.set_reuse_address(true)?;
        kept.bind(&wanted.into())?;
        let address = kept.local_addr()?.as_socket().expect("an IP address");
        Ok(Self {
            address,
            _kept: kept,
        })
    }

    fn v4() -> Self {
        Self::of(Ipv4Addr::LOCALHOST.into()).unwrap()
    }

    fn v6() -> Option<Self> {
        let own = Self::of(Ipv6Addr::LOCALHOST.into());
        if own.is_err() {
            eprintln!("skipped: no IPv6 loopback");
        }
        own.ok()
    }
}

#[test]
fn addresses_of_a_killed_daemon_can_be_reused_at_once() {
    let place = Place::new();
    let mut own = vec![OwnAddress::v4()];
    own.extend(OwnAddress::v6());
    let addresses: Vec<SocketAddr> = own.iter().map(|own| own.address).collect();
    let mut listen: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    listen.push(place.flag());
    let flags: Vec<&str> = listen.iter().flat_map(|at| ["--listen", at]).collect();
    // Clients keep their ends open, so that the kernel still has those connections.
    let mut left_over = Vec::new();
    for generation in 0..GENERATIONS {
        let mut daemon = Daemon::start(&flags);
        assert_eq!(daemon.addresses, listen);
        let mut clients: Vec<Client> = addresses.iter().map(|at| Client::over_tcp(*at)).collect();
        clients.push(Client::over_unix(&place.path));
        for (number, client) in clients.iter_mut().enumerate() {
            client.expect_greeting();
            client.register(&format!("user{number}"));
        }
        for client in &mut clients {
            client.barrier();
        }
        clients[0].send(&format!("generation {generation}"));
        for client in &mut clients[1..] {
            client.expect_line(&format!("user0: generation {generation}"));
        }
        daemon.signal(Signal::KILL);
        daemon.wait();
        assert!(place.path.exists(), "a killed daemon cannot remove it");
        // Clients of every other daemon close, so that the server's half waits in `TIME_WAIT`.
        if generation % 2 == 0 {
            for client in &mut clients {
                client.read_to_end();
            }
        } else {
            left_over.extend(clients);
        }
    }
}

#[test]
fn daemon_killed_during_a_flood_can_be_replaced_at_once() {
    let place = Place::new();
    let own = OwnAddress::v4();
    let listen = [own.address.to_string(), place.flag()];
    let flags = ["--listen", &listen[0], "--listen", &listen[1]];
    for _ in 0..GENERATIONS {
        let mut daemon = Daemon::start(&flags);
        let mut bob = daemon.join("bob");
        let mut flooders = [daemon.join("mallory"), Client::over_unix(&place.path)];
        flooders[1].send("#trudy");
        flooders[1].read_until_starting("* You are in ");
        let writing: Vec<_> = flooders
            .iter()
            .map(|flooder| {
                let mut flood = flooder.sender();
                let lines = "flood\n".repeat(1000);
                // The loop ends with the connection.
                thread::spawn(move || while flood.write_all(lines.as_bytes()).is_ok() {})
            })
            .collect();
        bob.read_until_starting("mallory: flood");
        bob.read_until_starting("trudy: flood");
        daemon.signal(Signal::KILL);
        daemon.wait();
        // The next daemon starts while unread input of this one still lies in the kernel.
        let _next = Daemon::start(&flags);
        let mut carol = Client::over_unix(&place.path).join("carol");
        carol.expect_nothing();
        assert_eq!(carol.count_connected(), 1);
        drop(flooders);
        for thread in writing {
            thread.join().unwrap();
        }
    }
}

#[test]
fn port_goes_to_one_of_several_starting_daemons() {
    let mut won = 0;
    for _ in 0..RACES {
        let own = OwnAddress::v4();
        // Linux refuses both of two that begin to listen within a fraction of a microsecond.
        let Some(winner) = race(&own.address.to_string()) else {
            continue;
        };
        let mut alice = Client::over_tcp(own.address);
        alice.expect_greeting();
        drop(alice); // so that the daemon does not wait for its close
        end(winner);
        won += 1;
    }
    assert!(won > RACES / 2, "{won} of {RACES} times one listens");
}

#[test]
fn path_goes_to_one_of_several_starting_daemons() {
    for round in 0..RACES {
        let place = Place::new();
        if round % 2 == 0 {
            // A stale file, as a killed daemon leaves it: a rival must not remove another's.
            // This socket never listened, or a child process of another test might do so for a moment.
            let left = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            left.bind(&SockAddr::unix(&place.path).unwrap()).unwrap();
        }
        let winner = race(&place.flag()).expect("one of them listens");
        Client::over_unix(&place.path).join("alice");
        end(winner);
        let left: Vec<_> = fs::read_dir(place.folder.path()).unwrap().collect();
        assert!(left.is_empty(), "nothing is left behind: {left:?}");
    }
}

/// Starts several daemons at the same moment. The others must end with one line that names the
/// address; returns the one that listens.
fn race(listen: &str) -> Option<Killed> {
    let folder = tempfile::tempdir().unwrap();
    let rivals: Vec<(Killed, PathBuf)> = (0..RIVALS)
        .map(|number| {
            let path = folder.path().join(number.to_string());
            let mut command = program();
            command.args(["--listen", listen]);
            command.stderr(Stdio::from(fs::File::create(&path).unwrap()));
            (Killed(command.spawn().unwrap()), path)
        })
        .collect();
    let mut winner = None;
    for (mut child, path) in rivals {
        let said = || fs::read_to_string(&path).unwrap();
        crate::harness::wait_until("it listens, or ends", || {
            said().contains("chinwag listens on ") || child.0.try_wait().unwrap().is_some()
        });
        if let Some(status) = child.0.try_wait().unwrap() {
            let said = said();
            assert_eq!(status.code(), Some(1), "{said}");
            assert_eq!(said.matches('\n').count(), 1, "{said}");
            assert!(said.starts_with("chinwag: cannot listen on "), "{said}");
            assert!(said.contains(listen), "{said}");
        } else {
            let other: Option<Killed> = winner.replace(child);
            assert!(other.is_none(), "two listen on {listen}");
        }
    }
    winner
}

fn end(mut child: Killed) {
    kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
    assert_eq!(wait_for_exit(&mut child.0).code(), Some(0));
}

#[test]
fn daemon_leaves_the_socket_of_its_successor_in_place() {
    let place = Place::new();
    let mut first = Daemon::start(&["--listen", &place.flag()]);
    // The operator removes the file by hand to start the second daemon.
    fs::remove_file(&place.path).unwrap();
    let _second = Daemon::start(&["--listen", &place.flag()]);
    first.signal(Signal::TERM);
    assert_eq!(first.wait().code(), Some(0));
    Client::over_unix(&place.path).join("alice");
}
