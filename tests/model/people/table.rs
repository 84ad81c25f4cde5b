//! Block × ignore × hidden × friend × shares a room × history: what bob, who writes, and alice, who blocks, ignores,
//! hides or is a friend, each get. Every cell says which sentence of people.md it is by.

use super::stage::{HIDDEN, Stage, kept};

#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the table"
)]
struct Case {
    block: bool,
    ignore: bool,
    hidden: bool,
    friend: bool,
    shares: bool,
}

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        (0..32u8).map(|bits| Self {
            block: bits & 1 != 0,
            ignore: bits & 2 != 0,
            hidden: bits & 4 != 0,
            friend: bits & 8 != 0,
            shares: bits & 16 != 0,
        })
    }

    /// "`/unfriend` and `/block` end both directions" (§14.38).
    fn are_friends(self) -> bool {
        self.friend && !self.block
    }

    /// "for who shares no room with you and is no friend, you answer in everything like one who is not here"
    /// (§1.10); "they see you as hidden; in shared rooms they see your lines" (§9).
    fn bob_sees_alice(self) -> bool {
        self.shares || self.are_friends() || !(self.hidden || self.block)
    }

    /// "nothing of theirs is kept for you" (§9); "Ignored and blocked authors are left out of lines and counts" (§8).
    fn alice_wants_bob(self) -> bool {
        !self.block && !self.ignore
    }

    /// alice and bob, both here.
    fn stage(self) -> (Stage, Ids) {
        let mut stage = Stage::with(&kept(&[("alice", u32::from(self.hidden) * HIDDEN)]));
        let (alice, bob) = (stage.login("alice"), stage.login("bob"));
        // She is in the lobby only if she is not hidden.
        stage.ask(bob, "/join pub");
        stage.ask(bob, "/keep");
        stage.ask(bob, "/part lobby");
        if self.shares {
            stage.ask(alice, "/join pub");
        }
        if self.friend {
            stage.ask(alice, "/friend bob");
            stage.ask(bob, "/friend alice");
        }
        if self.ignore {
            assert!(stage.answer(alice, "/ignore bob").contains("ok"));
        }
        if self.block {
            assert!(stage.answer(alice, "/block bob").contains("ok"));
        }
        stage.hear(alice);
        stage.hear(bob);
        (stage, Ids { alice, bob })
    }
}

struct Ids {
    alice: chinwag::chat::ids::ClientId,
    bob: chinwag::chat::ids::ClientId,
}

fn has(heard: &[String], word: &str) -> bool {
    heard.iter().any(|line| line.contains(word))
}

#[test]
fn block_ignore_hidden_friend_and_shared_room_decide_who_gets_what() {
    for case in Case::all() {
        let (mut stage, Ids { alice, bob }) = case.stage();

        // Whether bob sees her, in every question.
        let sees = case.bob_sees_alice();
        let whois = stage.ask(bob, "/whois alice");
        assert_eq!(has(&whois, "connected_ms"), sees, "{case:?}");
        let names = stage.ask(bob, "/names *");
        assert_eq!(has(&names, "alice"), sees, "{case:?}");

        // "Shares a room: the plain `ok` of a delivery. Shares none: the same "waits"" (§14.3).
        let answer = stage.answer(bob, "@alice:private");
        assert!(
            answer.contains(r#""type":"ok","id":"#),
            "{case:?}: {answer}"
        );
        assert_eq!(answer.contains("waiting"), !sees, "{case:?}: {answer}");
        // "it is shown to the hidden one at once, to the blocker never" (§14.2).
        let wants = case.alice_wants_bob();
        assert_eq!(has(&stage.hear(alice), "private"), wants, "{case:?}");

        // "nothing of theirs reaches the blocker", and "in shared rooms they see your lines" (§9).
        stage.ask(bob, "to the room");
        assert_eq!(
            has(&stage.hear(alice), "to the room"),
            wants && case.shares,
            "{case:?}"
        );
        let unread = stage.ask(alice, "/unread");
        let counts = has(&unread, r#""room":"pub""#);
        assert_eq!(counts, wants && case.shares, "{case:?}: {unread:?}");
        if case.shares {
            stage.ask(alice, "/say from alice");
            assert!(has(&stage.hear(bob), "from alice"), "{case:?}");
        }

        // "Ignored and blocked authors are left out of lines and counts" (§8).
        let unread = stage.ask(alice, "/unread");
        assert_eq!(
            has(&unread, r#""with":"bob""#),
            wants,
            "{case:?}: {unread:?}"
        );
        let page = stage.ask(alice, "/history @bob");
        assert_eq!(has(&page, r#""text":"private""#), wants, "{case:?}");
        if case.shares {
            let page = stage.ask(alice, "/history pub");
            assert_eq!(has(&page, "to the room"), wants, "{case:?}");
        }
        let found = stage.ask(alice, "/search private");
        assert_eq!(has(&found, r#""text":"private""#), wants, "{case:?}");
        // "One row serves both sides": his own history has it (§14.4).
        let own = stage.ask(bob, "/history @alice");
        assert!(has(&own, r#""text":"private""#), "{case:?}");

        // "never shown, counted, exported or delivered to the blocker, also after `/unblock`" (§14.4); what was only
        // ignored was never dropped.
        stage.ask(alice, "/unblock bob");
        stage.ask(alice, "/unignore bob");
        let page = stage.ask(alice, "/history @bob");
        assert_eq!(has(&page, r#""text":"private""#), !case.block, "{case:?}");
        let found = stage.ask(alice, "/search private");
        assert_eq!(has(&found, r#""text":"private""#), !case.block, "{case:?}");

        // Nothing of it waits: who was shown it once is not again.
        stage.wait_for_arrivals();
        stage.disconnect(alice);
        let (alice, heard) = stage.login_heard("alice");
        assert!(has(&heard, r#""waiting":0"#), "{case:?}: {heard:?}");
        stage.disconnect(alice);
    }
}

#[test]
fn line_to_one_who_is_not_here_waits_unless_they_block_its_author() {
    for case in Case::all() {
        let (mut stage, Ids { alice, bob }) = case.stage();
        stage.disconnect(alice);
        stage.hear(bob);
        // "the same "waits" as to one who is absent" (§14.3).
        let answer = stage.answer(bob, "@alice:while away");
        assert!(
            answer.contains(r#""waiting":["alice"]"#),
            "{case:?}: {answer}"
        );
        let (alice, heard) = stage.login_heard("alice");
        // An ignore "ends when they leave"; a block is for "now and later" (§6).
        assert_eq!(
            has(&heard, "while away"),
            !case.block,
            "{case:?}: {heard:?}"
        );
        let count = u32::from(!case.block);
        assert!(
            has(&heard, &format!(r#""waiting":{count}"#)),
            "{case:?}: {heard:?}"
        );
        // "also after `/unblock`" (§14.4).
        stage.ask(alice, "/unblock bob");
        stage.wait_for_arrivals();
        stage.disconnect(alice);
        let (alice, heard) = stage.login_heard("alice");
        assert!(has(&heard, r#""waiting":0"#), "{case:?}: {heard:?}");
        let page = stage.ask(alice, "/history @bob");
        assert_eq!(has(&page, "while away"), !case.block, "{case:?}");
    }
}
