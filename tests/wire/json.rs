//! JSON mode: the type and the code of each answer.

use chinwag::config::Limits;
use serde_json::Value;

use crate::support::{UNIX_MS, VirtualServer};

/// A line past the limit, once its letters are repeated.
const TOO_LONG: &str = "xxxxxxxxxx";

/// What JSON mode answers to each line: `ok`, or the code of an error.
const JSON_LINES: [(&str, &str); 49] = [
    ("hello", "not_registered"),
    ("#9", "bad_name"),
    ("/stats", "ok"),
    ("/raw on", "not_registered"),
    ("#bob", "name_taken"),
    ("#lobby", "name_taken"),
    ("#admin", "name_taken"),
    ("#alice", "ok"),
    ("#bob", "ok"),
    ("/nick bob", "name_taken"),
    ("/nick 9", "bad_name"),
    ("hello", "ok"),
    ("/echo on", "ok"),
    ("echoed", "ok"),
    ("/me waves", "ok"),
    ("/echo off", "ok"),
    ("@bob:psst", "ok"),
    ("@bob,carol:psst", "no_such_user"),
    ("@nobody:psst", "no_such_user"),
    ("@bob psst", "bad_usage"),
    ("@bob,:psst", "bad_usage"),
    ("@bob smith:psst", "bad_usage"),
    (
        "@a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q:x",
        "too_many_recipients",
    ),
    ("/r too early", "no_such_user"),
    ("/join dev", "ok"),
    ("/join d\u{e9}v", "bad_room"),
    ("/names nowhere", "no_such_room"),
    ("/part", "ok"),
    ("/part dev", "no_such_room"),
    ("/names *", "ok"),
    ("/rooms", "ok"),
    ("/topic", "ok"),
    ("/topic news", "ok"),
    ("/topic -", "ok"),
    ("/times on", "ok"),
    ("/times maybe", "bad_usage"),
    ("/raw on", "ok"),
    ("@nobody:is said", "ok"),
    ("/raw off", "ok"),
    ("/raw", "ok"),
    ("/whois bob", "ok"),
    ("/whois nobody", "no_such_user"),
    ("/away", "ok"),
    ("/back", "ok"),
    ("/nonsense", "unknown_command"),
    ("/help", "ok"),
    ("/version", "ok"),
    ("/ping last", "ok"),
    (TOO_LONG, "line_too_long"),
];

#[test]
fn json_mode_answers_each_line_with_ok_or_its_code() {
    let mut server = VirtualServer::new(Limits::default());
    let [_bob] = server.register_all(["bob"]);
    let alice = server.connect("127.0.0.1:2");
    server.send(&alice, b"/mode json\n");
    alice.take();
    for (line, expected) in JSON_LINES {
        let repeated = line.repeat(if line == TOO_LONG { 500 } else { 1 });
        // The empty line behind it is not answered.
        server.send(&alice, format!("{repeated}\n\n").as_bytes());
        let text = alice.text();
        let objects = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let objects: Vec<Value> = objects.collect();
        assert!(objects.iter().all(|object| object["time"] == UNIX_MS));
        let is_answer = |object: &&Value| object["type"] == "ok" || object["type"] == "error";
        let answers: Vec<_> = objects.iter().filter(is_answer).collect();
        let [answer] = answers[..] else {
            panic!("not one answer to {line:?}: {text}");
        };
        let kind = answer["code"].as_str().or(answer["type"].as_str());
        assert_eq!(kind, Some(expected), "{line:?}: {text}");
    }
}
