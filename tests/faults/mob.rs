//! A mob in the lobby: it floods, changes names, and comes back from other addresses of its networks and as other
//! guests, until an operator ends it with three commands. Ten people talk on meanwhile.
//!
//! `CHINWAG_MOB=500` sets its size; how long the people's lines took is printed, and asserted nowhere.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::harness::{Client, Daemon, wait_until};
use crate::network;

/// A network in which the people, and each address of the mob's two networks, are this machine's, and not loopback.
const SETUP: &str = "ip link set lo up
    for a in 192.0.2.1 192.0.2.9; do ip address add $a/32 dev lo; done
    ip -6 address add 2001:db8:1::1/128 dev lo nodad
    ip route add local 198.51.100.0/24 dev lo
    ip -6 route add local 2001:db8:5::/64 dev lo";

const PEOPLE: usize = 10;

/// Between two lines of one person.
const PACE: Duration = Duration::from_millis(150);

/// In its own network the port is free.
const PORT: u16 = 12345;

/// What the people have heard of each other and of the mob.
#[derive(Default)]
struct Heard {
    phase: AtomicUsize,
    is_over: AtomicBool,
    /// Lines of the mob that a person heard, by phase.
    of_the_mob: [AtomicUsize; 3],
    /// How long lines of people took, by phase.
    took: [Mutex<Vec<Duration>>; 3],
}

fn connect(from: IpAddr) -> io::Result<TcpStream> {
    let to: SocketAddr = match from {
        IpAddr::V4(_) => (Ipv4Addr::new(192, 0, 2, 1), PORT).into(),
        IpAddr::V6(_) => (Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1), PORT).into(),
    };
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    if from.is_ipv6() {
        // To be routed here does not make an IPv6 address one that can be bound.
        socket.set_freebind_v6(true)?;
    }
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect(&to.into())?;
    let stream: TcpStream = socket.into();
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_millis(5)))?;
    stream.set_write_timeout(Some(Duration::from_millis(50)))?;
    Ok(stream)
}

/// One of the mob: comes again and again, each time from another address and by another name.
fn riot(member: usize, start: Instant, heard: &Heard) {
    let mut visit = member;
    while !heard.is_over.load(Ordering::Relaxed) {
        visit += 1;
        let host = u8::try_from(1 + (member * 7 + visit) % 250).unwrap();
        let from: IpAddr = if member.is_multiple_of(4) {
            let low = u16::try_from(visit % 60_000).unwrap();
            Ipv6Addr::new(0x2001, 0xdb8, 5, 0, 0, 0, u16::from(host), low).into()
        } else {
            Ipv4Addr::new(198, 51, 100, host).into()
        };
        let Ok(mut stream) = connect(from) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        let _ = stream.write_all(format!("#m{member}x{visit}\n").as_bytes());
        let mut lines = 0;
        while !heard.is_over.load(Ordering::Relaxed) {
            let mut read = [0; 16 << 10];
            match stream.read(&mut read) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {}
                Err(_) => break,
            }
            lines += 1;
            let line = match lines % 10 {
                0 => format!("/nick m{member}x{visit}y{lines}\n"),
                _ => format!("MOB buy now {lines}\n"),
            };
            match stream.write_all(line.as_bytes()) {
                Err(error) if !is_timeout(&error) => break,
                _ => {}
            }
            // It is stopped by the server's rate, not by its own good will; but 500 threads share two processors.
            if start.elapsed() > Duration::from_secs(1) && lines % 40 == 0 {
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// A person: says numbered lines at an even pace, and hears those of the others. Returns the last number heard of
/// each in the last phase, and panics if one comes twice, out of order, or, then, is missing.
fn talk(number: usize, start: Instant, heard: &Heard) -> HashMap<String, u64> {
    let mut stream = connect(Ipv4Addr::new(192, 0, 2, 1).into()).unwrap();
    writeln!(stream, "#p{number}\n/quiet on").unwrap();
    let (mut rest, mut read) = (Vec::new(), vec![0; 64 << 10]);
    let mut last_of: HashMap<String, u64> = HashMap::new();
    let mut first_in_peace: HashMap<String, u64> = HashMap::new();
    let (mut said, mut next_at) = (0_u64, Instant::now());
    while !heard.is_over.load(Ordering::Relaxed) {
        if Instant::now() >= next_at {
            let micros = start.elapsed().as_micros();
            writeln!(stream, "TALK {said} {micros}").unwrap();
            said += 1;
            next_at += PACE;
        }
        match stream.read(&mut read) {
            Ok(0) => panic!("p{number} was thrown out"),
            Ok(count) => rest.extend_from_slice(&read[..count]),
            Err(error) => assert!(is_timeout(&error), "{error}"),
        }
        let phase = heard.phase.load(Ordering::SeqCst);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8(rest.drain(..=end).collect()).unwrap();
            let Some((from, text)) = line.trim_end().split_once(": ") else {
                continue;
            };
            if text.starts_with("MOB") {
                heard.of_the_mob[phase].fetch_add(1, Ordering::Relaxed);
            }
            let mut words = text.split(' ');
            if words.next() != Some("TALK") {
                continue;
            }
            let sequence: u64 = words.next().unwrap().parse().unwrap();
            let sent = Duration::from_micros(words.next().unwrap().parse().unwrap());
            let took = start.elapsed().saturating_sub(sent);
            heard.took[phase].lock().unwrap().push(took);
            let last = last_of.insert(from.to_owned(), sequence);
            assert!(last.is_none_or(|last| last < sequence), "{line} comes late");
            if phase == 2 && first_in_peace.insert(from.to_owned(), sequence).is_some() {
                assert_eq!(last, Some(sequence - 1), "a line of {from} is missing");
            }
        }
    }
    first_in_peace
}

fn shown(name: &str, took: &Mutex<Vec<Duration>>) -> String {
    let mut took = took.lock().unwrap();
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1000.0;
    format!(
        "{name}: {} lines heard, p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        took.len(),
        at(50),
        at(99),
        at(100)
    )
}

/// Ends the scene however its director ends.
struct Curtain<'a>(&'a Heard);

impl Drop for Curtain<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

/// The time in the words to who is banned.
fn until(told: &str) -> String {
    let behind = told.split_once(" until ").map_or("", |(_, behind)| behind);
    let time = behind.split_once(": ").map_or("", |(time, _)| time);
    time.to_owned()
}

/// A ban that says first how many it catches, and is said again.
fn ban(operator: &mut Client, line: &str) {
    for end in ["say that", "/unban"] {
        operator.send(line);
        let told = operator.barrier().join(" ");
        assert!(told.contains(end), "{line}: {told}");
    }
}

#[test]
fn mob_is_ended_by_three_commands_while_ten_people_talk_on() {
    let test = "mob::mob_is_ended_by_three_commands_while_ten_people_talk_on";
    if !network::is_inside(test, SETUP) {
        return;
    }
    let size = std::env::var("CHINWAG_MOB").map_or(60, |size| size.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.sock");
    let (unix, v4) = (
        format!("unix:{}", path.display()),
        format!("0.0.0.0:{PORT}"),
    );
    let v6 = format!("[::]:{PORT}");
    let _daemon = Daemon::start(&["--listen", &v4, "--listen", &v6, "--listen", &unix]);
    let mut rita = Client::over_unix(&path).join("rita");
    rita.send("/quiet on");
    rita.send("/join tower");
    rita.send("/part lobby");
    rita.barrier();
    let heard = Heard::default();
    let (heard, start) = (&heard, Instant::now());
    let has_heard =
        |phase: usize, count: usize| move || heard.took[phase].lock().unwrap().len() >= count;
    thread::scope(|scope| {
        let _curtain = Curtain(heard);
        let people: Vec<_> = (0..PEOPLE)
            .map(|number| scope.spawn(move || talk(number, start, heard)))
            .collect();
        wait_until("the people to talk", has_heard(0, 500));
        heard.phase.store(1, Ordering::SeqCst);
        let mut mob: Vec<_> = (0..size)
            .map(|member| scope.spawn(move || riot(member, start, heard)))
            .collect();
        // And one who came from elsewhere.
        let mut mole = connect(Ipv4Addr::new(192, 0, 2, 9).into()).unwrap();
        mole.write_all(b"#mole\nMOB hello\n").unwrap();
        wait_until("the mob to be heard", || {
            heard.of_the_mob[1].load(Ordering::Relaxed) > 4 * size
        });
        wait_until("the people to talk on", has_heard(1, 500));

        ban(&mut rita, "/ban 198.51.100.0/24 1h mob");
        ban(&mut rita, "/ban 2001:db8:5::/64 1h mob");
        ban(&mut rita, "/ban mole 1h mob");

        // What was on its way has been read once each person has heard all others again.
        wait_until("the lobby to be quiet", || {
            let before = heard.of_the_mob[1].load(Ordering::Relaxed);
            let lines = heard.took[1].lock().unwrap().len();
            wait_until("lines of people", || {
                heard.took[1].lock().unwrap().len() >= lines + 4 * PEOPLE * PEOPLE
            });
            before == heard.of_the_mob[1].load(Ordering::Relaxed)
        });
        heard.phase.store(2, Ordering::SeqCst);
        wait_until("the people to talk in peace", has_heard(2, 1000));
        rita.send("/names *");
        let names = rita.barrier().join(" ");
        assert!(names.contains("11 registered"), "{names}");
        for fresh in ["2001:db8:5::ffff", "198.51.100.254", "192.0.2.9"] {
            let mut again = String::new();
            let mut stream = connect(fresh.parse().unwrap()).unwrap();
            stream.set_read_timeout(None).unwrap();
            stream.read_to_string(&mut again).unwrap();
            assert_eq!(
                again,
                "! You are banned until TIME: mob. Ask rita.\n".replace("TIME", &until(&again))
            );
        }
        rita.send("/deeds");
        let deeds = rita.barrier().join("\n");
        assert_eq!(deeds.matches("rita ban ").count(), 3, "{deeds}");
        heard.is_over.store(true, Ordering::Relaxed);
        for person in people {
            assert_eq!(person.join().unwrap().len(), PEOPLE - 1, "all are heard");
        }
        mob.drain(..).for_each(|member| member.join().unwrap());
    });
    assert_eq!(heard.of_the_mob[2].load(Ordering::Relaxed), 0);
    for (name, took) in ["before", "during", "after"].iter().zip(&heard.took) {
        eprintln!("{}", shown(name, took));
    }
    let lines = heard.of_the_mob[1].load(Ordering::Relaxed);
    eprintln!("the mob, {size}: {lines} of its lines heard by ten people");
}
