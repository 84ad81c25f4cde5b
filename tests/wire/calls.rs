//! BEL at the end of a line, and what is written of mentions, receipts and an operator's bridge.

use chinwag::chat::command::Mode;
use chinwag::chat::event::{CallEvent, CallReply, Event, ReceiptState};
use chinwag::chat::ids::LineId;
use chinwag::chat::name::Name;
use chinwag::config::Limits;
use chinwag::wire::framing::COLUMNS_MAX;
use chinwag::wire::wall_time::WallTime;
use chinwag::wire::{self, Style};
use serde_json::Value;

use crate::script::check;
use crate::support::{VirtualClient, VirtualServer};

#[test]
fn line_rings_as_asked_and_never_for_its_speaker() {
    check(
        "alice> #alice
        alice< * You are registered as alice.
        alice< * You are in lobby, and nobody else is.
        alice> /bell
        alice< * Bell: off.
        bob> #bob
        bob< * You are registered as bob.
        bob< * You are in lobby with 1 other: alice.
        alice< * bob has joined lobby.
        bob> @alice: off
        alice< @bob: off
        alice> /bell private
        alice< * Bell: private.
        alice> /bell
        alice< * Bell: private.
        bob> @alice: one
        alice< @bob: one\\x07
        bob> hi alice
        alice< bob: hi alice
        alice> /bell mention
        alice< * Bell: mention.
        bob> @alice: two
        alice< @bob: two\\x07
        bob> hi ALICE!
        alice< bob: hi ALICE!\\x07
        bob> hi alices
        alice< bob: hi alices
        bob> /me greets alice
        alice< ** bob greets alice\\x07
        alice> /bell all
        alice< * Bell: all.
        bob> x
        alice< bob: x\\x07
        bob> /topic x
        bob< * The topic of lobby is: x
        alice< * bob has set the topic of lobby: x
        alice> /echo on
        alice< * Echo is on: your own lines come back as others see them.
        alice> I am alice
        alice< alice: I am alice
        bob< alice: I am alice
        alice> @alice: me
        alice< @alice: me
        alice< @alice: me
        alice> /bell off
        alice< * Bell: off.
        bob> hi alice
        alice< bob: hi alice",
    );
}

#[test]
fn bell_stands_before_cr_lf_and_never_in_json() {
    check(
        "alice>> #alice\\r\\n/bell all\\r\\n
        alice< * You are registered as alice.\\r
        alice< * You are in lobby, and nobody else is.\\r
        alice< * Bell: all.\\r
        bob> #bob
        bob< * You are registered as bob.
        bob< * You are in lobby with 1 other: alice.
        alice< * bob has joined lobby.\\r
        bob> hi
        alice< bob: hi\\x07\\r
        bob> @alice: hi
        alice< @bob: hi\\x07\\r",
    );
}

const NOW: WallTime = WallTime {
    unix_ms: 1,
    utc_offset_s: 0,
};

fn encoded(event: &Event<'_>, mode: Mode, calls: bool) -> String {
    let style = Style {
        mode,
        calls,
        ..Style::default()
    };
    let mut out = Vec::new();
    wire::encode(&mut out, event, style, NOW);
    String::from_utf8(out).unwrap()
}

#[test]
fn receipt_and_waiting_are_one_short_line() {
    let name = &Name::parse("bob").unwrap();
    let receipt = |state| {
        let up_to = LineId(7);
        Event::Call(CallEvent::Receipt { name, up_to, state })
    };
    let waiting = |count| {
        let notify = "mail \"x\"";
        Event::Call(CallEvent::Waiting {
            name,
            count,
            notify,
        })
    };
    for (event, plain, json) in [
        (
            receipt(ReceiptState::Delivered),
            "* bob has got your messages.\n",
            r#"{"type":"receipt","name":"bob","up_to":7,"state":"delivered"}"#,
        ),
        (
            receipt(ReceiptState::Read),
            "* bob has read your messages.\n",
            r#"{"type":"receipt","name":"bob","up_to":7,"state":"read"}"#,
        ),
        (
            waiting(1),
            "* 1 message for bob, who is not here: mail \"x\"\n",
            r#"{"type":"waiting","name":"bob","count":1,"notify":"mail \"x\""}"#,
        ),
        (
            waiting(2),
            "* 2 messages for bob, who is not here: mail \"x\"\n",
            r#"{"type":"waiting","name":"bob","count":2,"notify":"mail \"x\""}"#,
        ),
        (
            Event::Ok(CallReply::Feed(true).into()),
            "* Feed is on: you are told for whom messages wait.\n",
            r#"{"type":"ok","feed":true}"#,
        ),
        (
            Event::Ok(CallReply::Feed(false).into()),
            "* Feed is off: you are not told for whom messages wait.\n",
            r#"{"type":"ok","feed":false}"#,
        ),
        (
            Event::Ok(CallReply::Notify { text: Some("x") }.into()),
            "* While you are away, the operator's bridge is told.\n* It gets this from you: x\n",
            r#"{"type":"ok","notify":"x"}"#,
        ),
        (
            Event::Ok(CallReply::Notify { text: None }.into()),
            "* While you are away, nobody is told. /notify TEXT has the operator's bridge\n*   told.\n",
            r#"{"type":"ok","notify":null}"#,
        ),
    ] {
        // What is no line from people does not ring, whatever the style says.
        assert_eq!(encoded(&event, Mode::Plain, true), plain);
        assert!(plain.lines().all(|line| line.len() <= COLUMNS_MAX));
        let object = encoded(&event, Mode::Json, false);
        let shown = object.replace("\"time\":1,", "");
        assert_eq!(shown.trim_end(), json);
    }
}

/// The `text` of each line that a client got, and whether it was a mention.
fn mentions(client: &VirtualClient) -> Vec<(String, bool)> {
    let text = client.text();
    assert!(!text.contains('\x07'), "{text}");
    let objects = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let objects = objects.filter(|line: &Value| line["from"].is_string());
    let told = objects.map(|line| {
        let text = line["text"].as_str().unwrap().to_owned();
        (text, line["mention"] == true)
    });
    told.collect()
}

#[test]
fn json_mode_tells_mentions_and_never_rings() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = server.connect("127.0.0.1:1");
    server.send(&alice, b"#alice\n/bell all\n/mode json\n/echo on\n");
    let bob = server.connect("127.0.0.1:2");
    server.send(&bob, b"#bob\n");
    alice.take();
    server.send(
        &bob,
        b"hi Alice\n/me waves at -alice-\nmalice\n@alice:alice\n",
    );
    let told = |text: &str, mention| (text.to_owned(), mention);
    let expected = [
        told("hi Alice", true),
        told("waves at -alice-", true),
        told("malice", false),
        told("alice", false),
    ];
    assert_eq!(mentions(&alice), expected);
    server.send(&alice, b"I am alice\n");
    assert_eq!(mentions(&alice), [told("I am alice", false)]);
    // Back in plain mode the bell is as it was.
    server.send(&alice, b"/mode plain\n");
    alice.take();
    server.send(&bob, b"x\n");
    assert_eq!(alice.text(), "bob: x\x07\n");
}
