//! Joins and leaves in rooms of every size: told at once up to 50 members, summed up once a
//! second up to 1000, not told above.

use std::collections::BTreeMap;
use std::time::Duration;

use chinwag::chat::ids::ClientId;
use chinwag::chat::time::Timestamp;
use chinwag::chat::{
    PRESENCE_IMMEDIATE_MEMBERS_MAX, PRESENCE_INTERVAL, PRESENCE_MEMBERS_MAX, PRESENCE_NAMES_MAX,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::harness::{Harness, LOBBY};
use crate::line::{Line, Of};
use crate::recorder::{OwnedEvent, OwnedReply, Seen};

const ROOMS_MAX: usize = 20;

#[test]
fn room_sizes_are_those_of_the_protocol_page() {
    assert_eq!(PRESENCE_IMMEDIATE_MEMBERS_MAX, 50);
    assert_eq!(PRESENCE_MEMBERS_MAX, 1000);
    assert_eq!(PRESENCE_INTERVAL, Duration::from_secs(1));
    assert_eq!(PRESENCE_NAMES_MAX, 2);
}

/// A lobby of `count` members, without a pending summary.
fn lobby_of(count: usize) -> (Harness, Vec<ClientId>) {
    let mut harness = Harness::new(ROOMS_MAX);
    let crowd = harness.crowd("user", count);
    harness.wait_ms(1000);
    assert_eq!(harness.chat.next_deadline(), Timestamp::NEVER);
    (harness, crowd)
}

/// Registers a client, which enters the lobby; returns the events of the others.
fn arrive(harness: &mut Harness, name: &str) -> (ClientId, BTreeMap<ClientId, Vec<OwnedEvent>>) {
    let id = harness.unregistered();
    let seen = harness.register(id, name);
    (id, heard_by_others(&seen, id))
}

fn heard_by_others(seen: &Seen, id: ClientId) -> BTreeMap<ClientId, Vec<OwnedEvent>> {
    let others = seen.got.keys().filter(|other| **other != id);
    others
        .map(|other| (*other, seen.heard_by(*other)))
        .collect()
}

fn join_of(name: &str) -> OwnedEvent {
    OwnedEvent::Join {
        room: LOBBY.into(),
        name: name.into(),
    }
}

fn leave_of(name: &str) -> OwnedEvent {
    OwnedEvent::Leave {
        room: LOBBY.into(),
        name: name.into(),
        gone: true,
        text: None,
    }
}

fn summary(joined: u32, left: u32, names: &[&str]) -> OwnedEvent {
    OwnedEvent::Presence {
        room: LOBBY.into(),
        joined,
        left,
        names: names.iter().map(|name| String::from(*name)).collect(),
    }
}

/// The event for each of `readers`, and none for other clients.
fn all_heard(readers: &[ClientId], what: &OwnedEvent) -> BTreeMap<ClientId, Vec<OwnedEvent>> {
    let heard = readers.iter().map(|id| (*id, vec![what.clone()]));
    heard.collect()
}

fn everything(seen: &Seen) -> BTreeMap<ClientId, Vec<OwnedEvent>> {
    let readers = seen.got.keys();
    readers.map(|id| (*id, seen.heard_by(*id))).collect()
}

#[test]
fn join_in_a_room_of_up_to_50_is_announced_at_once() {
    for before in [48, 49] {
        let (mut harness, crowd) = lobby_of(before);
        let (_, heard) = arrive(&mut harness, "zoe");
        assert_eq!(heard, all_heard(&crowd, &join_of("zoe")));
        assert_eq!(
            harness.chat.next_deadline(),
            Timestamp::NEVER,
            "nothing is owed"
        );
        assert!(harness.wait_ms(5000).got.is_empty());
    }
}

#[test]
fn join_in_a_room_of_51_is_announced_one_second_later() {
    for before in [50, 51] {
        let (mut harness, crowd) = lobby_of(before);
        let (_, heard) = arrive(&mut harness, "zoe");
        assert!(heard.is_empty(), "{heard:?}");
        assert_eq!(
            harness.chat.next_deadline(),
            harness.now().after(PRESENCE_INTERVAL)
        );
        let early = harness.wait(Duration::from_micros(999_999));
        assert!(early.got.is_empty(), "{early:?}");
        let seen = harness.wait(Duration::from_micros(1));
        // Zoe gets no notice of her own join.
        assert_eq!(
            everything(&seen),
            all_heard(&crowd, &summary(1, 0, &["zoe"]))
        );
        assert_eq!(harness.chat.next_deadline(), Timestamp::NEVER);
        assert!(harness.wait_ms(5000).got.is_empty(), "it is told once");
    }
}

#[test]
fn leave_notice_depends_on_the_number_of_remaining_members() {
    let (mut harness, crowd) = lobby_of(52);
    let seen = harness.part(crowd[51], "lobby"); // 51 remain
    assert!(heard_by_others(&seen, crowd[51]).is_empty());
    let told = harness.wait_ms(1000);
    let expected = all_heard(&crowd[..51], &summary(0, 1, &["user51"]));
    assert_eq!(everything(&told), expected);

    let seen = harness.disconnect(crowd[50]); // 50 remain
    let expected = all_heard(&crowd[..50], &leave_of("user50"));
    assert_eq!(everything(&seen), expected);
    assert_eq!(harness.chat.next_deadline(), Timestamp::NEVER);
}

#[test]
fn summary_counts_all_joins_and_names_some() {
    let (mut harness, crowd) = lobby_of(60);
    let mut new = Vec::new();
    for name in ["zoe", "yan", "xia"] {
        new.push(arrive(&mut harness, name).0);
        harness.wait_ms(300);
    }
    harness.disconnect(crowd[59]);
    let seen = harness.wait_ms(100);
    let expected = summary(3, 1, &["yan", "zoe"]);
    for id in &crowd[..59] {
        assert_eq!(seen.heard_by(*id), std::slice::from_ref(&expected));
    }
    // The next summary is due a second after the next change.
    assert!(harness.wait_ms(5000).got.is_empty());
    harness.disconnect(new[0]);
    harness.wait_ms(999);
    harness.disconnect(new[1]);
    let seen = harness.wait_ms(1);
    assert_eq!(seen.heard_by(crowd[0]), [summary(0, 2, &["yan", "zoe"])]);
}

#[test]
fn summary_of_leaves_alone_names_the_leavers() {
    let (mut harness, crowd) = lobby_of(60);
    for id in &crowd[57..] {
        harness.disconnect(*id);
    }
    let seen = harness.wait_ms(1000);
    let expected = summary(0, 3, &["user57", "user58"]);
    assert_eq!(everything(&seen), all_heard(&crowd[..57], &expected));
}

#[test]
fn quiet_members_get_neither_notices_nor_summaries() {
    for before in [49, 60, 1000] {
        let (mut harness, crowd) = lobby_of(before);
        harness.ask(crowd[3], &Line::Quiet(Some(true))).unwrap();
        let (_, at_once) = arrive(&mut harness, "zoe");
        let later = harness.wait_ms(1000);
        assert!(!at_once.contains_key(&crowd[3]));
        assert!(!later.got.contains_key(&crowd[3]));
        let told = at_once.len().max(later.got.len());
        let expected = if before < 1000 { before - 1 } else { 0 };
        assert_eq!(told, expected, "the others are");
    }
}

#[test]
fn room_of_1000_gets_summaries_and_room_of_1001_gets_none() {
    let (mut harness, crowd) = lobby_of(999);
    let (thousandth, _) = arrive(&mut harness, "zoe");
    let seen = harness.wait_ms(1000);
    let expected = all_heard(&crowd, &summary(1, 0, &["zoe"]));
    assert_eq!(everything(&seen), expected);

    let (last, heard) = arrive(&mut harness, "yan");
    assert!(heard.is_empty());
    assert_eq!(harness.chat.next_deadline(), Timestamp::NEVER);
    let (one_more, heard) = arrive(&mut harness, "xia");
    assert!(heard.is_empty());
    assert!(harness.disconnect(one_more).got.is_empty(), "1001 remain");
    assert!(harness.wait_ms(5000).got.is_empty());

    // The thousand remaining members are told.
    assert!(harness.disconnect(last).got.is_empty());
    let seen = harness.wait_ms(1000);
    assert_eq!(seen.heard_by(thousandth), [summary(0, 1, &["yan"])]);
    assert_eq!(seen.got.len(), 1000);
}

#[test]
fn room_grown_past_1000_gets_no_pending_summary() {
    let (mut harness, crowd) = lobby_of(999);
    arrive(&mut harness, "zoe");
    let (last, _) = arrive(&mut harness, "yan");
    assert!(harness.wait_ms(1000).got.is_empty(), "it has 1001 members");
    harness.disconnect(last);
    harness.disconnect(crowd[998]);
    let seen = harness.wait_ms(1000);
    let heard = seen.heard_by(crowd[0]);
    // Joins during the time above the limit are not in the summary.
    assert_eq!(heard, [summary(0, 2, &["user998", "yan"])]);
}

#[test]
fn summary_does_not_end_with_the_join_of_a_gone_visitor() {
    let (mut harness, crowd) = lobby_of(50);
    let (zoe, at_once) = arrive(&mut harness, "zoe");
    assert!(at_once.is_empty(), "51 members are told later");
    let mut heard = Vec::new();
    harness.wait_ms(500);
    heard.extend(harness.part(zoe, "lobby").heard_by(crowd[0]));
    heard.extend(harness.wait_ms(500).heard_by(crowd[0]));
    heard.extend(harness.wait_ms(5000).heard_by(crowd[0]));
    // The last notice must not be of her join, as she is gone.
    let last_says_joined = match heard.last() {
        None => false,
        Some(OwnedEvent::Presence { joined, left, .. }) => joined > left,
        Some(other) => *other == join_of("zoe"),
    };
    assert!(!last_says_joined, "{heard:?}");
}

/// A summary named a user by a name that was free by then, or another user's.
#[test]
fn summary_names_a_renamed_newcomer_by_its_current_name() {
    let (mut harness, crowd) = lobby_of(60);
    let (zoe, _) = arrive(&mut harness, "zoe");
    harness.join(zoe, "den");
    harness.ask(zoe, &Line::Nick("yan".into())).unwrap();
    let (namesake, _) = arrive(&mut harness, "zoe");
    let seen = harness.wait_ms(1000);
    let expected = summary(2, 0, &["yan", "zoe"]);
    assert_eq!(seen.heard_by(crowd[0]), [expected]);

    // The next owner of the name is not the newcomer.
    harness.disconnect(namesake);
    harness.wait_ms(1000);
    let (visitor, _) = arrive(&mut harness, "zoe");
    harness.disconnect(visitor);
    harness.ask(crowd[7], &Line::Nick("zoe".into())).unwrap();
    harness.ask(crowd[7], &Line::Nick("xia".into())).unwrap();
    let seen = harness.wait_ms(1000);
    assert_eq!(seen.heard_by(crowd[0]), [summary(1, 1, &[])]);
}

/// "carol is now zoe.", and then "zoe has left lobby.", where she still was.
#[test]
fn summary_omits_a_leavers_name_taken_by_another_member() {
    let (mut harness, crowd) = lobby_of(60);
    let (zoe, _) = arrive(&mut harness, "zoe");
    let (yan, _) = arrive(&mut harness, "yan");
    harness.wait_ms(1000);
    harness.disconnect(zoe);
    harness.disconnect(yan);
    let seen = harness.line(crowd[7], &Line::Nick("ZOE".into()));
    let renamed = OwnedEvent::Rename {
        name: "user7".into(),
        new_name: "ZOE".into(),
    };
    assert_eq!(seen.heard_by(crowd[0]), [renamed]);
    let seen = harness.wait_ms(1000);
    assert_eq!(seen.heard_by(crowd[0]), [summary(0, 2, &["yan"])]);
}

#[test]
fn room_has_a_summary_of_its_own() {
    let (mut harness, crowd) = lobby_of(60);
    for id in &crowd {
        harness.join(*id, "den");
    }
    harness.wait_ms(1000);
    harness.part(crowd[0], "den");
    harness.wait_ms(400);
    let (_, heard) = arrive(&mut harness, "zoe");
    assert!(heard.is_empty());
    let of_den = harness.wait_ms(600);
    let left = OwnedEvent::Presence {
        room: "den".into(),
        joined: 0,
        left: 1,
        names: vec!["user0".into()],
    };
    assert_eq!(everything(&of_den), all_heard(&crowd[1..], &left));
    assert!(harness.wait_ms(399).got.is_empty());
    let of_lobby = harness.wait_ms(1);
    let expected = all_heard(&crowd, &summary(1, 0, &["zoe"]));
    assert_eq!(everything(&of_lobby), expected);
}

#[test]
fn room_that_ends_drops_its_pending_summary() {
    let (mut harness, crowd) = lobby_of(120);
    for id in &crowd[..60] {
        harness.join(*id, "den");
    }
    for id in &crowd[..60] {
        harness.part(*id, "den");
    }
    // The next room, in any slot, starts without a pending summary.
    for id in &crowd[60..] {
        harness.join(*id, "pit");
    }
    let seen = harness.wait_ms(1000);
    assert_eq!(seen.heard_by(crowd[0]), [], "the den is empty");
    let heard = seen.heard_by(crowd[60]);
    let expected = OwnedEvent::Presence {
        room: "pit".into(),
        joined: 10,
        left: 0,
        names: vec!["user110".into(), "user111".into()],
    };
    assert_eq!(heard, [expected]);
    assert_eq!(harness.chat.next_deadline(), Timestamp::NEVER);
}

/// A change of a room of about fifty.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// A visitor joins, or leaves if present; by `/part`, or by a lost connection.
    Visit {
        visitor: usize,
        hangs_up: bool,
    },
    Wait {
        ms: u64,
    },
}

const VISITORS: usize = 8;

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let visit = (0..VISITORS, any::<bool>())
        .prop_map(|(visitor, hangs_up)| Change::Visit { visitor, hangs_up });
    let wait = prop_oneof![0_u64..400, Just(1000_u64), Just(999)];
    vec(
        prop_oneof![3 => visit, 1 => wait.prop_map(|ms| Change::Wait { ms })],
        1..60,
    )
}

/// Visitors to a room, and the counts that a regular derives from the notices.
struct Visits {
    harness: Harness,
    regulars: Vec<ClientId>,
    visitors: [Option<ClientId>; VISITORS],
    clock_ms: u64,
    size: usize,
    /// Joins and leaves: the actual ones, and those told.
    happened: (u32, u32),
    told: (u32, u32),
    /// The time of the oldest change that may be untold.
    untold_since_ms: Option<u64>,
    last_summary_ms: Option<u64>,
}

impl Visits {
    fn new(regulars: usize) -> Self {
        let (harness, regulars) = lobby_of(regulars);
        Self {
            harness,
            size: regulars.len(),
            regulars,
            visitors: [None; VISITORS],
            clock_ms: 0,
            happened: (0, 0),
            told: (0, 0),
            untold_since_ms: None,
            last_summary_ms: None,
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Visit { visitor, hangs_up } => self.visit(visitor, hangs_up),
            Change::Wait { ms } => self.wait(ms),
        }
    }

    fn visit(&mut self, visitor: usize, hangs_up: bool) {
        let seen = match self.visitors[visitor].take() {
            None => {
                let id = self.harness.unregistered();
                self.visitors[visitor] = Some(id);
                self.size += 1;
                self.happened.0 += 1;
                self.harness
                    .register(id, &format!("v{visitor}-{}", self.happened.0))
            }
            Some(id) => {
                self.size -= 1;
                self.happened.1 += 1;
                if hangs_up {
                    self.harness.disconnect(id)
                } else {
                    let seen = self.harness.part(id, "lobby");
                    self.harness.disconnect(id);
                    seen
                }
            }
        };
        let heard = self.heard_by_regulars(&seen);
        if self.size > PRESENCE_IMMEDIATE_MEMBERS_MAX {
            assert!(heard.is_empty(), "{} are there: {heard:?}", self.size);
        }
        self.count(&heard);
    }

    fn wait(&mut self, ms: u64) {
        self.clock_ms += ms;
        let seen = self.harness.wait_ms(ms);
        let heard = self.heard_by_regulars(&seen);
        let only_summaries = heard
            .iter()
            .all(|heard| matches!(heard, OwnedEvent::Presence { .. }));
        assert!(only_summaries, "{heard:?}");
        self.count(&heard);
    }

    /// All regulars get the same events.
    fn heard_by_regulars(&self, seen: &Seen) -> Vec<OwnedEvent> {
        let heard = seen.heard_by(self.regulars[0]);
        for id in &self.regulars {
            assert_eq!(seen.heard_by(*id), heard);
        }
        heard
    }

    fn count(&mut self, heard: &[OwnedEvent]) {
        for heard in heard {
            match heard {
                OwnedEvent::Join { .. } => self.told.0 += 1,
                OwnedEvent::Leave { .. } => self.told.1 += 1,
                OwnedEvent::Presence { joined, left, .. } => {
                    assert!(joined + left > 0, "an empty summary is not sent");
                    let last = self.last_summary_ms.replace(self.clock_ms);
                    assert!(last.is_none_or(|last| self.clock_ms - last >= 1000));
                    self.told.0 += joined;
                    self.told.1 += left;
                }
                other => panic!("not a presence notice: {other:?}"),
            }
        }
        assert!(self.told.0 <= self.happened.0 && self.told.1 <= self.happened.1);
        if self.told == self.happened {
            self.untold_since_ms = None;
        } else {
            let since = *self.untold_since_ms.get_or_insert(self.clock_ms);
            assert!(self.clock_ms - since < 1000, "untold for too long");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        // Each case registers some fifty users first.
        cases: ProptestConfig::default().cases.div_ceil(4),
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn presence_notices_add_up_to_the_actual_changes(regulars in 44_usize..=52, changes in changes()) {
        let mut visits = Visits::new(regulars);
        for change in changes {
            visits.apply(change);
        }
        visits.wait(1000);
        assert_eq!(visits.told, visits.happened);
        let names = Line::Names(Of::CurrentRoom, 1);
        let answer = visits.harness.ask(visits.regulars[0], &names);
        let Ok(OwnedReply::Names { total, .. }) = answer else { panic!("{answer:?}") };
        assert_eq!(total, visits.size);
    }
}
