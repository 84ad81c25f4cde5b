//! Clients that send a byte a second.

use std::time::Duration;

use chinwag::config::Limits;
use chinwag::server::LINGER_TIME;

use crate::support::VirtualServer;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn dripping_client_without_a_name_is_closed_in_time() {
    const DRIPS: [&[u8]; 6] = [
        b"x",        // a line without an end
        b"/ping\n",  // a command that needs no name
        b"#a b\n",   // an invalid name
        b"\n",       // empty lines
        b"x\x08",    // a line that is erased as it comes
        b"\xff\xf9", // a telnet command without effect
    ];
    let register_time = Limits::default().register_time;
    for drip in DRIPS {
        let mut server = VirtualServer::new(Limits::default());
        let [alice] = server.register_all(["alice"]);
        let client = server.accept("127.0.0.1:2");
        let seconds = usize::try_from(register_time.as_secs()).unwrap();
        for byte in drip.iter().cycle().take(seconds) {
            assert!(!client.socket.borrow().shut, "{drip:?}");
            server.send(&client, &[*byte]);
            server.advance(SECOND);
        }
        let last = "! You did not register in time. Connect again, and type #yourname.";
        assert!(client.text().trim_end().ends_with(last), "{drip:?}");
        assert!(client.socket.borrow().shut, "{drip:?}");
        server.send(&client, drip);
        server.advance(LINGER_TIME);
        assert!(client.is_closed(), "{drip:?}");
        assert_eq!(alice.text(), "");
    }
}

#[test]
fn dripping_client_with_a_name_stays_and_its_line_is_whole() {
    const BYTES: usize = 200;
    let mut server = VirtualServer::new(Limits::default());
    let [alice] = server.register_all(["alice"]);
    let slow = server.accept("127.0.0.1:2");
    for byte in b"#slow\n".iter().chain(&[b'y'; BYTES]).chain(b"\r\n") {
        server.send(&slow, &[*byte]);
        server.advance(SECOND);
    }
    let line = format!("slow: {}\n", "y".repeat(BYTES));
    assert_eq!(alice.text(), format!("* slow has joined lobby.\n{line}"));
    assert!(!slow.socket.borrow().shut);
}
