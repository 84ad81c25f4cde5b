//! What clients of a kept room say to get in, and what the daemon's JSON says to them.

use std::borrow::Cow;

use serde::Deserialize;

use crate::client::ClientNo;
use crate::dialect::{CHINWAG, ROOM};

/// All accounts of a load test have it: they live as long as it does.
const PASSWORD: &str = "correct horse battery staple";

/// A line from the daemon, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct ServerLine<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub id: Option<u64>,
    #[serde(borrow, default)]
    pub text: Cow<'a, str>,
    #[serde(borrow, default)]
    pub token: Cow<'a, str>,
    /// Of room lines that were left out.
    #[serde(default)]
    pub count: u64,
    /// Whether a page of history is the last.
    #[serde(default)]
    pub end: bool,
}

impl<'a> ServerLine<'a> {
    /// `None` if it is no JSON: the daemon turned a client away before it knew what that reads.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// A line that a client says to get in, and what its answer is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub line: String,
    pub wanted: Wanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Done,
    /// What the account can log in by from now on.
    Token,
    /// With this the client is in.
    Entered,
}

/// What a client is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Speaker,
    /// It hears all, reads the history, and owns the room.
    Witness,
    /// It comes for what waits for it only.
    Absent,
}

/// How a client gets in, the first time or by its token. Without a store there are only guests, and rooms
/// that are not kept.
pub fn entry(who: ClientNo, part: Part, token: Option<&str>, is_kept: bool) -> Vec<Step> {
    let join = CHINWAG.join.trim_end().to_owned();
    let mut lines = vec![("/mode json".to_owned(), Wanted::Done)];
    match token {
        Some(token) => lines.push((format!("/login {who} {token}"), Wanted::Done)),
        None => lines.push((format!("#{who}"), Wanted::Done)),
    }
    if is_kept && token.is_none() {
        lines.push(("/account new".to_owned(), Wanted::Done));
        lines.push((PASSWORD.to_owned(), Wanted::Done));
        lines.push(("/token bench".to_owned(), Wanted::Token));
    }
    if part != Part::Absent {
        lines.push(("/quiet on".to_owned(), Wanted::Done));
        lines.push((join, Wanted::Done));
    }
    if part == Part::Witness && is_kept && token.is_none() {
        lines.push(("/keep".to_owned(), Wanted::Done));
    }
    if let Some((_, wanted)) = lines.last_mut() {
        // A token that is the last thing to come is asked for all the same.
        if *wanted == Wanted::Done {
            *wanted = Wanted::Entered;
        } else {
            lines.push(("/ping".to_owned(), Wanted::Entered));
        }
    }
    let steps = lines.into_iter();
    steps.map(|(line, wanted)| Step { line, wanted }).collect()
}

/// Asks for lines of the room behind an id, as many as the daemon gives at once.
pub fn page(since: u64) -> String {
    format!("/history {ROOM} 100 since {since}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: ClientNo = ClientNo::new(7);

    fn lines(part: Part, token: Option<&str>, is_kept: bool) -> String {
        let steps = entry(WHO, part, token, is_kept);
        let is_last = |step: &Step| step.wanted == Wanted::Entered;
        assert_eq!(steps.iter().position(is_last), Some(steps.len() - 1));
        let lines: Vec<String> = steps.into_iter().map(|step| step.line).collect();
        lines.join("|").replace(PASSWORD, "PASSWORD")
    }

    #[test]
    fn clients_get_in_by_their_part() {
        for (part, token, is_kept, expected) in [
            (
                Part::Witness,
                None,
                true,
                "/mode json|#u000007|/account new|PASSWORD|/token bench|/quiet on|/join bench|/keep",
            ),
            (
                Part::Speaker,
                None,
                true,
                "/mode json|#u000007|/account new|PASSWORD|/token bench|/quiet on|/join bench",
            ),
            (
                Part::Absent,
                None,
                true,
                "/mode json|#u000007|/account new|PASSWORD|/token bench|/ping",
            ),
            (
                Part::Witness,
                Some("cw_x"),
                true,
                "/mode json|/login u000007 cw_x|/quiet on|/join bench",
            ),
            (
                Part::Absent,
                Some("cw_x"),
                true,
                "/mode json|/login u000007 cw_x",
            ),
            (
                Part::Witness,
                None,
                false,
                "/mode json|#u000007|/quiet on|/join bench",
            ),
        ] {
            assert_eq!(lines(part, token, is_kept), expected);
        }
    }

    #[test]
    fn json_is_read_as_far_as_it_matters() {
        let read = |line: &'static str| ServerLine::read(line.as_bytes()).unwrap();
        let ok = read(r#"{"type":"ok","time":1,"id":7,"waiting":["u000009"]}"#);
        assert_eq!((ok.kind, ok.id), ("ok", Some(7)));
        let page = read(r#"{"type":"ok","time":1,"room":"bench","lines":0,"up_to":9,"end":true}"#);
        assert!(page.end && page.id.is_none());
        let error = read(r#"{"type":"error","time":1,"code":"no_store","text":"No \"store\"."}"#);
        assert_eq!((error.kind, &*error.text), ("error", r#"No "store"."#));
        let missed = read(r#"{"type":"missed","time":1,"room":"bench","count":3}"#);
        assert_eq!((missed.kind, missed.count), ("missed", 3));
        assert!(ServerLine::read(b"! The server is full.").is_none());
    }
}
