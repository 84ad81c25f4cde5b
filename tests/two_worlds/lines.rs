//! The lines that people type, drawn by chance.

use std::fmt::Write as _;

use fastrand::Rng;

use crate::cast::{PUBLIC, Role, SECLUDED};

/// Names to ask for: the person above all, people who are here or not, look-alikes, rooms.
const NAMES: [&str; 16] = [
    "heidi", "heidi", "heidi", "heidi", "HEIDI", "he1di", "ida", "ivan", "olga", "otto", "mia",
    "max", "nobody", "den", "nest", "lobby",
];

/// What an outsider tries; `N` is a name, `R` a room, `T` a text that is told apart.
const TRIED: [&str; 90] = [
    "/part den",
    "/part nest",
    "/names den",
    "/names nest",
    "/history den",
    "/reply T",
    "T",
    "T",
    "/me T",
    "@N: T",
    "@N: T",
    "@N: T",
    "@N: T",
    "@heidi: T",
    "@heidi: T",
    "@heidi: T",
    "@heidi: T",
    "@N,N: T",
    "@heidi,N: T",
    "@heidi,nobody: T",
    "/msg N T",
    "/reply T",
    "/reply T",
    "/ignore N",
    "/unignore N",
    "/ignore",
    "/block N",
    "/unblock N",
    "/block",
    "/friend N",
    "/friend",
    "/unfriend N",
    "/friend heidi",
    "/whois N",
    "/whois heidi",
    "/names",
    "/names R",
    "/names *",
    "/names *",
    "/names * 2",
    "/rooms",
    "/rooms",
    "/rooms 2",
    "/stats",
    "/stats",
    "/history",
    "/history @N",
    "/history R",
    "/history @heidi",
    "/more",
    "/unread",
    "/read @N",
    "/read",
    "/search T",
    "/search t",
    "/export",
    "/forget last 2",
    "/forget last",
    "/forget all @N",
    "/join R",
    "/join R",
    "/part R",
    "/nick N",
    "#N",
    "/topic T",
    "/topic",
    "/kick N",
    "/kick heidi T",
    "/mute N 5m",
    "/mute heidi",
    "/unmute N",
    "/bar heidi",
    "/bar N 5m",
    "/op N",
    "/deop heidi",
    "/kick * heidi",
    "/mute * N",
    "/profile N",
    "/profile heidi",
    "/profile set T",
    "/away T",
    "/back",
    "/quiet",
    "/echo",
    "/login heidi wrong-word",
    "/token",
    "/privacy receipts on",
    "/privacy keep off",
    "/unban 1",
    "/suspend heidi",
];

/// What somebody does who may know of the person: nothing whose effect on others depends on what they got.
const SAFE: [&str; 16] = [
    "/whois heidi",
    "/names *",
    "/rooms",
    "/names R",
    "/history @heidi",
    "/unread",
    "/join R",
    "/part R",
    "/friend",
    "/whois N",
    "/history",
    "/read @heidi",
    "/stats",
    "/away T",
    "/back",
    "/profile heidi",
];

/// What the person does unseen.
const UNSEEN: [&str; 27] = [
    "/whois N",
    "/names *",
    "/names R",
    "/rooms",
    "/stats",
    "/history @olga",
    "/history @otto",
    "/read @olga",
    "/read @otto",
    "/unread",
    "/search t",
    "/away T",
    "/back",
    "/ignore N",
    "/block otto",
    "/unblock otto",
    "/friend",
    "/privacy receipts on",
    "/privacy keep off",
    "/privacy keep on",
    "/profile",
    "/bell all",
    "/account",
    "/export",
    "/quiet on",
    "/token",
    "/privacy seen on",
];

/// Fills in a pattern.
pub fn fill(rng: &mut Rng, pattern: &str, number: usize) -> String {
    let mut line = String::new();
    for part in pattern.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let (word, end) = match part.strip_suffix(|c: char| !c.is_ascii_alphanumeric()) {
            Some(word) => (word, &part[word.len()..]),
            None => (part, ""),
        };
        match word {
            "N" => line.push_str(rng.choice(NAMES).unwrap()),
            "R" => line.push_str(&room(rng)),
            "T" => {
                let _ = write!(line, "t t{number}");
            }
            word => line.push_str(word),
        }
        line.push_str(end);
    }
    line
}

/// Mostly a room for everybody.
fn room(rng: &mut Rng) -> String {
    let room = if rng.u32(..8) == 0 {
        rng.choice(SECLUDED)
    } else {
        rng.choice(PUBLIC)
    };
    room.unwrap().to_owned()
}

/// A line of somebody in a role.
pub fn line(rng: &mut Rng, role: Role, number: usize) -> String {
    let pattern = match role {
        Role::Outsider => rng.choice(TRIED),
        Role::Insider => rng.choice(SAFE),
        Role::Person => rng.choice(UNSEEN),
    };
    fill(rng, pattern.unwrap(), number)
}
