//! Receipts of what a reader's machine has not taken.

use serde_json::{Value, json};

use crate::harness::speaker::{Speaker, id_of};
use crate::harness::{Client, Daemon};

const PASSWORD: &str = "correct horse";

/// The next receipt, without its time.
fn receipt(speaker: &mut Speaker) -> Value {
    loop {
        let mut object = speaker.next_object().expect("it stays");
        if object["type"] == "receipt" {
            object.as_object_mut().unwrap().remove("time");
            return object;
        }
    }
}

fn delivered(name: &str, up_to: u64) -> Value {
    json!({"type": "receipt", "name": name, "up_to": up_to, "state": "delivered"})
}

/// What waits in the daemon and its kernel has not arrived; the reader's socket must have taken it.
#[test]
fn receipt_waits_until_the_readers_socket_takes_the_message() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("chat.db");
    let daemon = Daemon::start(&["--store", store.to_str().unwrap(), "--hard-limit", "16M"]);
    let [mut alice, _carol, mut bob] = ["alice", "carol", "bob"].map(|name| {
        let mut speaker = Speaker::with_account(&daemon, name, PASSWORD);
        speaker.ok("/privacy receipts on");
        speaker
    });
    bob.ok("/quit");
    // Not even one of the long messages fits into this window.
    let mut bob = Client::with_small_window(daemon.address());
    bob.send(&format!("/login bob {PASSWORD}"));
    bob.barrier();
    let text = "x".repeat(4000);
    let mut last = 0;
    for _ in 0..20 {
        last = id_of(&alice.ok(&format!("@bob: {text}")));
    }
    // Of both it is asked at the same times, and bob's were sent first.
    for _ in 0..2 {
        let id = id_of(&alice.ok("@carol: hi"));
        assert_eq!(receipt(&mut alice), delivered("carol", id));
    }
    bob.widen_window();
    for _ in 0..20 {
        bob.expect_line(&format!("@alice: {text}"));
    }
    // Some may be told of before the last.
    loop {
        let told = receipt(&mut alice);
        let up_to = told["up_to"].as_u64().unwrap();
        assert_eq!(told, delivered("bob", up_to));
        if up_to == last {
            return;
        }
        assert!(up_to < last, "{told}");
    }
}
