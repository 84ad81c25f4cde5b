//! Clients at the wrong port: browsers, TLS clients, and scanners that speak other protocols.

use std::thread;

use crate::foreign_greetings::GREETINGS;
use crate::harness::{Client, Daemon};

/// Alice is the only registered user.
#[track_caller]
fn expect_alice_alone(alice: &mut Client) {
    alice.send("/names *");
    alice.expect_lines(&["* 1 registered:", "*   alice"]);
}

#[test]
fn http_request_is_answered_in_http_and_not_executed() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let mut requests = 0;
    for request in [
        "GET / HTTP/1.1\r\nHost: chat\r\n\r\n#evil\r\nhello\r\n",
        "POST /chat HTTP/1.1\r\nContent-Length: 19\r\n\r\n#evil\n@alice:gotcha\n",
        "POST / HTTP/1.0\n\n#evil\n@alice:gotcha\n",
        "HEAD / HTTP/1.0\r\n\r\n#evil\n@alice:gotcha\n",
        "OPTIONS * HTTP/1.1\r\nHost: chat\r\n\r\n#evil\n@alice:gotcha\n",
        "CONNECT other:443 HTTP/1.1\r\nHost: other\r\n\r\n#evil\n@alice:gotcha\n",
        "DELETE /x HTTP/1.1\r\n\r\n#evil\n@alice:gotcha\n",
        "PATCH http://chat/ HTTP/1.1\r\n\r\n#evil\n@alice:gotcha\n",
        "TRACE / HTTP/1.1\r\n\r\n#evil\n@alice:gotcha\n",
        // Without a version, as the first browsers did.
        "GET /\r\n#evil\n@alice:gotcha\n",
        // HTTP/2 with prior knowledge.
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n#evil\n@alice:gotcha\n",
        // HTTP ignores empty lines before a request.
        "\r\n\r\nPOST / HTTP/1.1\r\n\r\n#evil\n@alice:gotcha\n",
        // A web page opens a WebSocket.
        "GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n#evil\n",
        // Methods of WebDAV, of UPnP, and of no standard.
        "PROPFIND / HTTP/1.1\r\nDepth: 1\r\n\r\n#evil\n@alice:gotcha\n",
        "M-SEARCH * HTTP/1.1\r\nMAN: x\r\n\r\n#evil\n@alice:gotcha\n",
        "OWN-METHOD / HTTP/1.1\r\n\r\n#evil\n@alice:gotcha\n",
    ] {
        let mut browser = daemon.connect_raw();
        browser.send_bytes(request.as_bytes());
        let answer = http_answer(&mut browser);
        assert!(answer.starts_with("HTTP/1.1 4"), "{request:?}: {answer:?}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        expect_alice_alone(&mut alice);
        requests += 1;
    }
    alice.expect_nothing();
    daemon.expect_log_count("speaks HTTP", requests);
}

#[test]
fn request_line_is_detected_in_every_split_and_length() {
    const REQUEST: &[u8] = b"\r\nPOST / HTTP/1.1\r\n\r\n#evil\n@alice:gotcha\n";
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    for split in 1..REQUEST.len() {
        let mut browser = daemon.connect_raw();
        browser.send_bytes(&REQUEST[..split]);
        alice.barrier(); // by now the daemon has read it
        // The connection may be closed already.
        let _ = browser.try_send(&REQUEST[split..]);
        assert!(http_answer(&mut browser).starts_with("HTTP/1.1 400 "));
    }
    for (path_bytes, method) in [4000, 4076, 4080, 4096, 5000, 100_000]
        .into_iter()
        .flat_map(|bytes| [(bytes, "GET"), (bytes, "PROPFIND")])
    {
        let mut browser = daemon.connect_raw();
        let path = "x".repeat(path_bytes);
        let request = format!("{method} /{path} HTTP/1.1\r\n\r\n#evil\nhello\n");
        let _ = browser.try_send(request.as_bytes());
        assert!(http_answer(&mut browser).starts_with("HTTP/1.1 400 "));
    }
    expect_alice_alone(&mut alice);
}

/// The answer to a browser, perhaps after a greeting sent before its first byte.
fn http_answer(browser: &mut Client) -> String {
    let text = String::from_utf8(browser.bytes_to_end()).unwrap();
    let start = text.find("HTTP/").expect("an answer");
    assert!(text[..start].lines().all(|line| line.starts_with("* ")));
    text[start..].to_owned()
}

#[test]
fn chat_that_reads_like_a_request_is_no_http() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.connect();
    alice.send("GET the door"); // no path and no version
    alice.expect_line_starting("! ");
    alice.send(&format!("hello {}", "x".repeat(5000))); // longer than a line may be
    alice.expect_line_starting("! ");
    alice.register("alice");
    let mut bob = daemon.join("bob");
    alice.send("GET / HTTP/1.1"); // only a connection's first bytes count
    bob.expect_line("alice: GET / HTTP/1.1");
}

/// A TLS client's first record, as one that speaks up to this version sends it, and then text.
fn client_hello(record: [u8; 2], hello: [u8; 2]) -> Vec<u8> {
    let mut body = [&hello[..], &[b'r'; 32], &[0, 0, 2, 0x13, 0x01, 1, 0]].concat();
    let mut handshake = vec![1, 0, 0, u8::try_from(body.len()).unwrap()];
    handshake.append(&mut body);
    let length = u8::try_from(handshake.len()).unwrap();
    let head = [0x16, record[0], record[1], 0, length];
    [&head[..], &handshake, b"\n#evil\n@alice:gotcha\n"].concat()
}

#[test]
fn tls_client_of_any_version_gets_an_alert_in_every_split() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let mut clients = 0;
    // SSL 3.0, and TLS 1.0 to 1.3, which all call themselves older than they are in the record.
    for (record, hello) in [
        ([3, 0], [3, 0]),
        ([3, 1], [3, 1]),
        ([3, 1], [3, 2]),
        ([3, 1], [3, 3]),
        ([3, 3], [3, 3]),
        ([3, 4], [3, 4]),
    ] {
        let bytes = client_hello(record, hello);
        for split in [bytes.len(), 1, 2, 3, 4, 5, 11] {
            let mut client = daemon.connect_raw();
            client.send_bytes(&bytes[..split]);
            alice.barrier();
            // The connection may be closed once its third byte was read.
            let _ = client.try_send(&bytes[split..]);
            let bytes = client.bytes_to_end();
            let alert = bytes.iter().position(|byte| *byte == 0x15);
            let alert = &bytes[alert.expect("an alert")..];
            // Type, version, length 2, fatal, and the description.
            assert!(matches!(alert, [0x15, 3, _, 0, 2, 2, _]), "{alert:?}");
            clients += 1;
        }
    }
    expect_alice_alone(&mut alice);
    daemon.expect_log_count("speaks TLS", clients);
}

#[test]
fn flood_of_a_foreign_protocol_harms_no_client() {
    // The flooding clients read nothing, and some of their answers stay unread.
    let flags = ["--register-time", "2", "--stall-time", "2"];
    let daemon = Daemon::start_for_operators(&flags);
    let mut alice = daemon.join_operator_at_once("alice");
    let mut bob = daemon.join_at_once("bob");
    alice.barrier();
    let writing: Vec<_> = GREETINGS
        .iter()
        .map(|(_, bytes)| {
            let mut sender = daemon.connect_raw().sender();
            thread::spawn(move || {
                // The loop ends with the time to register.
                while sender.write_all(&bytes.repeat(100)).is_ok() {}
            })
        })
        .collect();
    for _ in 0..20 {
        alice.send("@bob:through the flood");
        bob.expect_line("@alice: through the flood");
    }
    for thread in writing {
        thread.join().unwrap();
    }
    alice.expect_nothing();
    daemon.expect_log_count("closed after", GREETINGS.len());
    assert_eq!(alice.count_connected(), 2);
}
