//! Clients that speak another protocol.

use std::time::Duration;

use chinwag::config::Limits;

use crate::foreign_greetings::GREETINGS;
use crate::support::VirtualServer;

#[test]
fn other_protocol_is_refused_line_by_line_and_closed_in_time() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice] = server.register_all(["alice"]);
    let mut clients = Vec::new();
    for (what, bytes) in GREETINGS {
        let client = server.accept("127.0.0.1:2");
        server.send(&client, bytes);
        clients.push((what, client));
    }
    // And everything at once, in pieces.
    let client = server.accept("127.0.0.1:2");
    for (_, bytes) in GREETINGS {
        server.send(&client, bytes);
    }
    clients.push(("all", client));
    server.advance(Limits::default().register_time + Duration::from_secs(2));
    for (what, client) in &clients {
        // Lines of this server, and at most telnet's answers to bytes that looked like its commands.
        let text = String::from_utf8(client.take()).expect(what);
        for line in text.lines() {
            let own = line.starts_with("! ") || line.starts_with("* You are connected from ");
            let own = own || line.starts_with("* Type #yourname ") || line == "* Bye.";
            let own = own || line.starts_with("* in your room, ");
            assert!(own, "{what}: {line:?}");
        }
        let refused = text.contains("! You did not register in time. ");
        assert!(refused || text.ends_with("* Bye.\r\n"), "{what}: {text:?}");
        assert!(client.is_closed(), "{what}");
    }
    assert_eq!(alice.text(), "");
    assert_eq!(server.switchboard.connection_count(), 1);
}
