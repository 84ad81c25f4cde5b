//! Rules of rooms, bans, suspensions and deeds.

use super::*;
use crate::chat::archive::{
    Ban, BanKind, BanTarget, Deed, PastDeed, Question, RuleKind, StoredRule,
};

fn with_room() -> Stage {
    let mut stage = Stage::new();
    for number in 1..=3 {
        stage.make_account(number);
    }
    keep_room(&mut stage, 14);
    stage
}

fn keep_room(stage: &mut Stage, days: u32) {
    stage.change(Change::KeepRoom {
        place: ROOM,
        room: room("dev"),
        owner: AccountId::new(1),
        days,
        topic: None,
    });
}

fn rule(number: u32, kind: RuleKind, until: Option<u64>) -> StoredRule {
    StoredRule {
        place: ROOM,
        account: account(number),
        kind,
        until,
        by: AccountId::new(1),
    }
}

#[test]
fn rules_and_locks_last_as_long_as_the_room_is_kept() {
    use RuleKind::{Barred, Muted, Operator};
    let mut stage = with_room();
    let kept = [
        rule(2, Operator, None),
        rule(2, Barred, Some(5)),
        rule(3, Muted, None),
    ];
    for one in [
        rule(3, Operator, None),
        rule(2, Barred, None),
        kept[2],
        kept[0],
        kept[1],
    ] {
        stage.change(Change::SetRule(one));
    }
    let drop = |kind| Change::DropRule {
        place: ROOM,
        account: account(3),
        kind,
    };
    stage.change(drop(Operator));
    // A room that is not kept, and an account that is not there.
    let elsewhere = PlaceId::room(9);
    stage.change(Change::SetRule(StoredRule {
        place: elsewhere,
        ..kept[0]
    }));
    stage.change(Change::SetRule(rule(4, Muted, None)));
    stage.change(Change::SetLocks {
        place: elsewhere,
        locks: 1,
    });
    stage.change(Change::SetLocks {
        place: ROOM,
        locks: 5,
    });
    keep_room(&mut stage, 30);
    let (mut stage, restored) = stage.reopen();
    assert_eq!(restored.rules, kept);
    assert_eq!((restored.rooms[0].locks, restored.rooms[0].days), (5, 30));
    stage.change(Change::DropAccount {
        account: account(2),
        name: name(2),
        held_until: 1,
    });
    // Asked before the end of the account was known.
    stage.change(Change::SetRule(rule(2, Muted, None)));
    let (_, restored) = stage.after_crash();
    assert_eq!(restored.rules, [kept[2]]);
    stage.change(Change::UnkeepRoom { place: ROOM });
    keep_room(&mut stage, 30);
    let (_, restored) = stage.after_crash();
    assert!(restored.rules.is_empty() && restored.rooms[0].locks == 0);
}

#[test]
fn bans_are_restored_and_their_numbers_never_come_again() {
    let mut stage = with_room();
    let ban = |number, target, kind| Ban {
        number,
        target,
        kind,
        until: (number == 2).then_some(77),
        why: (number == 1).then(|| "spam ü".into()),
        by: name(1),
        at: 5,
    };
    let net = |text: &str| BanTarget::Net(text.parse().unwrap());
    let bans = [
        ban(1, net("203.0.113.0/24"), BanKind::Out),
        ban(2, net("2001:db8::/32"), BanKind::LoginRequired),
        ban(5, BanTarget::Account(account(2)), BanKind::Muted),
        ban(7, net("192.0.2.7/32"), BanKind::Out),
    ];
    for ban in &bans {
        stage.change(Change::Ban(ban.clone()));
    }
    stage.change(Change::Unban { number: 7 });
    stage.change(Change::Unban { number: 99 });
    let (mut stage, restored) = stage.reopen();
    assert_eq!(restored.bans, bans[..3]);
    assert_eq!(restored.last_ban, 7);
    for number in [1, 2, 5] {
        stage.change(Change::Unban { number });
    }
    let (_, restored) = stage.after_crash();
    assert_eq!((restored.bans, restored.last_ban), (vec![], 7));
}

#[test]
fn suspended_account_is_restored_with_its_name_and_its_reason() {
    let mut stage = with_room();
    let suspend = |number, why: Option<&str>| Change::SetSuspended {
        account: account(number),
        why: why.map(Into::into),
    };
    stage.change(suspend(1, Some("spam")));
    stage.change(suspend(2, Some("")));
    let (mut stage, restored) = stage.reopen();
    let found: Vec<_> = restored
        .accounts
        .iter()
        .map(|a| (a.name, a.suspended.as_deref()))
        .collect();
    let expected = [
        (name(1), Some("spam")),
        (name(2), Some("")),
        (name(3), None),
    ];
    assert_eq!(found, expected);
    // Its password is right still, so that its owner is told why.
    let work = HashWork::MakePassword(Secret::new("secret"));
    let Hashed::Password(password) = stage.hash(work) else {
        panic!("no hash");
    };
    stage.change(Change::SetPassword {
        account: account(1),
        password,
        ends_tokens: true,
    });
    let check = HashWork::CheckPassword {
        account: AccountId::new(1),
        password: Secret::new("secret"),
    };
    let checked = stage.hash(check);
    assert!(
        matches!(checked, Hashed::Checked { is_right: true, .. }),
        "{checked:?}"
    );
    stage.change(suspend(1, None));
    stage.change(Change::DropAccount {
        account: account(2),
        name: name(2),
        held_until: 9,
    });
    // Asked before the end of the account was known: it does not come back.
    stage.change(suspend(2, Some("late")));
    stage.change(suspend(2, None));
    let (_, restored) = stage.after_crash();
    let found = restored
        .accounts
        .iter()
        .map(|a| (a.name, a.suspended.clone()));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [(name(1), None), (name(3), None)]
    );
}

#[test]
fn deeds_are_read_from_the_newest_on() {
    let mut stage = with_room();
    for number in 1..=5_u64 {
        stage.change(Change::Record(Deed {
            at: number,
            who: name(1),
            what: "kick",
            whom: (number == 5).then(|| "mallory".into()),
            room: (number == 5).then(|| room("dev")),
            text: (number == 5).then(|| "spam".into()),
        }));
    }
    let past = |at| PastDeed {
        at,
        who: "alice".into(),
        what: "kick".into(),
        whom: (at == 5).then(|| "mallory".into()),
        room: (at == 5).then(|| "dev".into()),
        text: (at == 5).then(|| "spam".into()),
    };
    for _ in 0..2 {
        for (skip, count, expected) in [
            (0, 2, &[5, 4][..]),
            (1, 2, &[4, 3]),
            (4, 9, &[1]),
            (5, 9, &[]),
            (0, 0, &[]),
            (0, usize::MAX, &[5, 4, 3, 2, 1]),
        ] {
            let deeds = expected.iter().map(|at| past(*at)).collect();
            let expected = Answer::Deeds { deeds, total: 5 };
            assert_eq!(stage.ask(Question::Deeds { skip, count }), expected);
        }
        stage = stage.after_crash().0;
    }
}

#[test]
fn texts_that_wait_count_against_the_queue() {
    let mut stage = Stage::with(|settings| settings.queue_bytes_max = 64 << 10);
    stage.make_account(1);
    let text = || -> Option<Box<str>> { Some("x".repeat(1000).into()) };
    let (account, until) = (account(1), None);
    let changes: [&dyn Fn() -> Change; 5] = [
        &|| Change::SetProfile {
            account,
            text: text(),
        },
        &|| Change::SetNotify {
            account,
            text: text(),
        },
        &|| Change::SetSuspended {
            account,
            why: text(),
        },
        &|| {
            Change::Ban(Ban {
                number: 1,
                target: BanTarget::Account(account),
                kind: BanKind::Out,
                until,
                why: text(),
                by: name(1),
                at: 1,
            })
        },
        &|| {
            Change::Record(Deed {
                at: 1,
                who: name(1),
                what: "kick",
                whom: None,
                room: None,
                text: text(),
            })
        },
    ];
    for change in changes {
        let go_on = stage.block_writer();
        let mut taken = 0;
        let mut last = None;
        while let Some(ticket) = stage.archive.change(change()) {
            last = Some(ticket);
            taken += 1;
        }
        assert!((40..65).contains(&taken), "{taken} of {:?}", change());
        drop(go_on);
        stage.wait_for("end", |done| match done {
            Settled::KeptUpTo(up_to) if Some(*up_to) >= last => Some(()),
            Settled::NotKept { last: up_to, .. } if Some(*up_to) >= last => Some(()),
            _ => None,
        });
        let deadline = Instant::now() + PATIENCE;
        while stage.store.as_ref().unwrap().waiting_bytes() > 0 {
            assert!(Instant::now() < deadline);
        }
    }
}
