//! Browsers and TLS clients at the port.

use crate::harness::{Client, Daemon};

#[test]
fn an_http_request_is_answered_in_http_and_nothing_of_it_is_carried_out() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    for request in [
        "GET / HTTP/1.1\r\nHost: chat\r\n\r\n#evil\r\nhello\r\n",
        "POST /chat HTTP/1.1\r\nContent-Length: 19\r\n\r\n#evil\n@alice:gotcha\n",
        "POST / HTTP/1.0\n\n#evil\n@alice:gotcha\n",
    ] {
        let mut browser = daemon.connect_raw();
        browser.send_bytes(request.as_bytes());
        let answer = http_answer(&mut browser);
        assert!(answer.starts_with("HTTP/1.1 4"), "{request:?}: {answer:?}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        alice.send("/names *");
        alice.expect_lines(&["* 1 registered:", "*   alice"]);
    }
    alice.expect_nothing();
    daemon.wait_for_log_count("speaks HTTP", 3);
}

/// What a browser gets. A greeting sent before anyone knew what it is comes first.
fn http_answer(browser: &mut Client) -> String {
    let text = String::from_utf8(browser.bytes_to_end()).unwrap();
    let start = text.find("HTTP/").expect("an answer");
    assert!(text[..start].lines().all(|line| line.starts_with("* ")));
    text[start..].to_owned()
}

#[test]
fn a_request_for_something_in_chat_is_no_http() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.connect();
    alice.send("GET the door"); // no path and no version
    alice.expect_line_starting("! ");
    alice.register("alice");
    let mut bob = daemon.join("bob");
    alice.send("GET / HTTP/1.1"); // a connection's first bytes are what counts
    bob.expect_line("alice: GET / HTTP/1.1");
}

#[test]
fn a_tls_client_gets_an_alert() {
    const HELLO: &[u8] = b"\x16\x03\x01\x00\x2a\x01\x00\x00\x26\x03\x03#evil\n@alice:gotcha\n";
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    for split in [HELLO.len(), 1, 2, 3, 4] {
        let mut client = daemon.connect_raw();
        client.send_bytes(&HELLO[..split]);
        // It may be closed already once its third byte was seen.
        let _ = client.try_send(&HELLO[split..]);
        let bytes = client.bytes_to_end();
        let alert = bytes.iter().position(|byte| *byte == 0x15);
        let alert = &bytes[alert.expect("an alert")..];
        // Type, version, length 2, fatal, and what.
        assert!(matches!(alert, [0x15, 3, _, 0, 2, 2, _]), "{alert:?}");
    }
    alice.send("/names *");
    alice.expect_lines(&["* 1 registered:", "*   alice"]);
    daemon.wait_for_log_count("speaks TLS", 5);
}
