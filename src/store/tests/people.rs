//! What people say of themselves and are to each other, and lines that only their authors are shown.

use super::*;
use crate::chat::archive::{Relation, SearchPlaces, TokenHash};

fn relate(stage: &mut Stage, one: u32, other: u32, relation: Relation, at: u64) {
    stage.change(Change::Relate {
        account: account(one),
        other: account(other),
        relation,
        at,
    });
}

fn people(count: u32) -> Stage {
    let mut stage = Stage::new();
    for number in 1..=count {
        stage.make_account(number);
    }
    stage
}

fn drop_account(stage: &mut Stage, number: u32) {
    stage.change(Change::DropAccount {
        account: account(number),
        name: name(number),
        held_until: 99,
    });
}

#[test]
fn settings_profile_and_notify_are_there_after_a_crash() {
    let mut stage = people(2);
    let text = |text: &str| Some(text.into());
    for (profile, notify) in [(text("on call ü"), text("mailto:a@b")), (None, None)] {
        stage.change(Change::SetSettings {
            account: account(1),
            settings: u32::MAX,
        });
        stage.change(Change::SetProfile {
            account: account(1),
            text: profile.clone(),
        });
        stage.change(Change::SetNotify {
            account: account(1),
            text: notify.clone(),
        });
        let (mut crashed, restored) = stage.after_crash();
        let [alice, bob] = &*restored.accounts else {
            panic!("two accounts");
        };
        assert_eq!((alice.settings, &alice.notify), (u32::MAX, &notify));
        assert_eq!((bob.settings, &bob.notify), (0, &None));
        for (number, expected) in [(1, profile), (2, None), (3, None)] {
            let account = account(number);
            let answer = crashed.ask(Question::Profile { account });
            assert_eq!(answer, Answer::Profile(expected), "{account}");
        }
    }
}

#[test]
fn relations_are_restored_in_the_order_in_which_they_came_about() {
    use Relation::{Block, Friend};
    let mut stage = people(4);
    // All in one millisecond, and one by a clock that went back.
    for (one, other, relation, at) in [
        (1, 4, Friend, 9),
        (1, 2, Friend, 9),
        (2, 1, Friend, 9),
        (1, 3, Block, 9),
        (1, 4, Friend, 12),
        (1, 2, Block, 3),
        (1, 3, Friend, 9),
    ] {
        relate(&mut stage, one, other, relation, at);
    }
    let (mut stage, restored) = stage.reopen();
    let alices = |restored: &Restored| -> Vec<(u32, Relation)> {
        let relations = restored.relations.iter();
        let own = relations.filter(|(one, ..)| *one == account(1));
        own.map(|(_, other, relation)| (other.get(), *relation))
            .collect()
    };
    let expected = [
        (4, Friend),
        (2, Friend),
        (3, Block),
        (2, Block),
        (3, Friend),
    ];
    assert_eq!(alices(&restored), expected);
    assert_eq!(restored.relations.len(), 6);
    stage.change(Change::Unrelate {
        account: account(1),
        other: account(3),
        relation: Block,
    });
    drop_account(&mut stage, 2);
    // Asked before the end of the account was known.
    relate(&mut stage, 2, 3, Friend, 20);
    relate(&mut stage, 3, 2, Block, 20);
    let (_, restored) = stage.after_crash();
    assert_eq!(alices(&restored), [(4, Friend), (3, Friend)]);
    assert_eq!(restored.relations.len(), 2, "both directions end");
}

#[test]
fn line_for_its_author_only_is_shown_to_nobody_else() {
    let mut stage = Stage::with(|settings| settings.search = true);
    for number in 1..=2 {
        stage.make_account(number);
    }
    let place = pair(1, 2);
    let blocked = |id, kind| KeptLine {
        is_authors_only: true,
        kind,
        waits_for: AccountId::new(1),
        ..line(id, place, 2, "psst")
    };
    stage.keep(&line(1, place, 2, "psst before"));
    stage.keep(&blocked(2, LineKind::Message));
    stage.keep(&blocked(3, LineKind::Action));
    stage.keep(&line(4, place, 1, "psst back"));
    for _ in 0..2 {
        for (reader, expected) in [(2, &[1, 2, 3, 4][..]), (1, &[1, 4]), (0, &[1, 4])] {
            let reader = AccountId::new(reader);
            let (range, up_to, limits) = (PageRange::Newest, LineId(99), BIG);
            let page = |range| Question::Page {
                place,
                range,
                up_to,
                limits,
                without: Vec::new(),
                reader,
            };
            let search = Question::Search {
                places: SearchPlaces::One(place),
                words: "psst".into(),
                before: None,
                up_to,
                limits,
                without: Vec::new(),
                reader,
            };
            for question in [page(range), page(PageRange::Since(LineId(0))), search] {
                let Answer::Page { lines, end: true } = stage.ask(question.clone()) else {
                    panic!("{question:?}");
                };
                assert_eq!(ids(&lines), expected, "{question:?}");
                let actions = lines.iter().filter(|line| line.kind == LineKind::Action);
                assert_eq!(actions.count(), expected.len() / 4);
            }
        }
        let unread = |account| Question::Unread {
            account,
            rooms: Vec::new(),
            up_to: LineId(99),
            without: Vec::new(),
        };
        let counted = |count| Answer::Unread(vec![(place, count)]);
        assert_eq!(stage.ask(unread(account(1))), counted(1));
        assert_eq!(stage.ask(unread(account(2))), counted(1));
        let arrival = Question::Arrival {
            account: account(1),
            places: vec![place],
            up_to: LineId(99),
            without: Vec::new(),
        };
        let Answer::Arrival { waiting, .. } = stage.ask(arrival) else {
            panic!("an arrival");
        };
        assert!(waiting.is_empty(), "{waiting:?}");
        let own = Question::Own {
            account: account(2),
            before: None,
            up_to: LineId(99),
            limits: BIG,
        };
        assert!(matches!(stage.ask(own), Answer::Page { lines, .. } if ids(&lines) == [1, 2, 3]));
        stage = stage.reopen().0;
    }
}

fn make_code(stage: &mut Stage, number: u32, until: u64) -> Secret {
    let Hashed::Token { token, hash } = stage.hash(HashWork::MakeCode) else {
        panic!("no code");
    };
    stage.change(Change::SetCode {
        account: account(number),
        hash,
        until,
    });
    token
}

fn owner(stage: &mut Stage, code: &Secret) -> Option<(u32, u64)> {
    match stage.hash(HashWork::CheckCode(code.clone())) {
        Hashed::CodeOwner(owner) => owner.map(|(owner, until)| (owner.get(), until)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn code_has_an_owner_until_there_is_a_new_password() {
    let mut stage = people(2);
    let first = make_code(&mut stage, 1, 50);
    assert!(first.expose().starts_with("cw1_") && first.expose().len() == 30);
    let second = make_code(&mut stage, 1, 60);
    let bobs = make_code(&mut stage, 2, 70);
    let (mut stage, _) = stage.reopen();
    assert_eq!(owner(&mut stage, &first), None, "replaced");
    assert_eq!(owner(&mut stage, &second), Some((1, 60)));
    assert_eq!(owner(&mut stage, &bobs), Some((2, 70)));
    assert_eq!(owner(&mut stage, &Secret::new("cw1_x")), None);
    let as_token = stage.hash(HashWork::CheckToken(second.clone()));
    assert_eq!(as_token, Hashed::Owner(None), "no token");
    stage.change(Change::SetPassword {
        account: account(1),
        password: PasswordHash("new".into()),
        ends_tokens: false,
    });
    assert_eq!(owner(&mut stage, &second), None);
    drop_account(&mut stage, 2);
    assert_eq!(owner(&mut stage, &bobs), None);
    // Asked before the end of the account was known.
    stage.change(Change::SetCode {
        account: account(2),
        hash: TokenHash([7; 32]),
        until: 1,
    });
    stage.change(Change::SetPassword {
        account: account(2),
        password: PasswordHash("new".into()),
        ends_tokens: false,
    });
    stage.call(|connection| {
        let sql =
            "SELECT count(*) FROM account WHERE state = 2 AND password IS NULL AND code IS NULL";
        let gone: i64 = connection.query_row(sql, (), |row| row.get(0)).unwrap();
        assert_eq!(gone, 1);
    });
}

#[test]
fn codes_are_made_and_none_is_right_without_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings::new(folder.path().join("a/chat.db"), false);
    let (mut stage, _) = Stage::open(settings);
    assert!(matches!(
        stage.hash(HashWork::MakeCode),
        Hashed::Token { .. }
    ));
    assert_eq!(owner(&mut stage, &Secret::new("cw1_x")), None);
    let profile = Question::Profile {
        account: account(1),
    };
    assert_eq!(stage.ask(profile), Answer::Profile(None));
    assert!(stage.store.take().unwrap().close(PATIENCE));
}
