//! Accounts, passwords, tokens and rooms.

use super::*;
use crate::chat::archive::{Token, TokenHash};

fn password(text: &str) -> Secret {
    Secret::new(text)
}

fn make_hash(stage: &mut Stage, text: &str) -> PasswordHash {
    match stage.hash(HashWork::MakePassword(password(text))) {
        Hashed::Password(hash) => hash,
        other => panic!("{other:?}"),
    }
}

fn check(stage: &mut Stage, number: Option<u32>, text: &str) -> (bool, Option<PasswordHash>) {
    let account = number.map(account);
    let work = HashWork::CheckPassword {
        account,
        password: password(text),
    };
    match stage.hash(work) {
        Hashed::Checked { is_right, renewed } => (is_right, renewed),
        other => panic!("{other:?}"),
    }
}

fn set_password(number: u32, password: PasswordHash, ends_tokens: bool) -> Change {
    Change::SetPassword {
        account: account(number),
        password,
        ends_tokens,
    }
}

#[test]
fn password_that_was_kept_is_right_and_its_predecessor_is_not() {
    let mut stage = Stage::new();
    stage.make_account(1);
    for (old, new) in [("x", "first"), ("first", "second")] {
        let hash = make_hash(&mut stage, new);
        stage.change(set_password(1, hash, true));
        assert_eq!(check(&mut stage, Some(1), new), (true, None));
        assert_eq!(check(&mut stage, Some(1), old), (false, None));
        assert_eq!(check(&mut stage, Some(2), new), (false, None));
        assert_eq!(check(&mut stage, None, new), (false, None));
    }
    let (mut stage, _) = stage.reopen();
    assert_eq!(check(&mut stage, Some(1), "second"), (true, None));
}

#[test]
fn check_of_a_password_sees_the_change_before_it() {
    let mut stage = Stage::new();
    stage.make_account(1);
    let (old, new) = (make_hash(&mut stage, "old"), make_hash(&mut stage, "new"));
    stage.change(set_password(1, old, true));
    let go_on = stage.block_writer();
    stage.archive.change(set_password(1, new, true)).unwrap();
    let work = HashWork::CheckPassword {
        account: AccountId::new(1),
        password: password("old"),
    };
    let asked = stage.archive.hash(work);
    drop(go_on);
    let is_right = stage.wait_for("hash", |done| match done {
        Settled::Hashed(ticket, Hashed::Checked { is_right, .. }) if Some(*ticket) == asked => {
            Some(*is_right)
        }
        _ => None,
    });
    assert!(!is_right);
}

#[test]
fn password_is_hashed_anew_once_the_cost_is_raised() {
    let mut stage = Stage::new();
    stage.make_account(1);
    let hash = make_hash(&mut stage, "secret");
    stage.change(set_password(1, hash.clone(), true));
    let (mut stage, _) = stage.reopen_with(|settings| settings.password_cost.memory_kib *= 2);
    assert_eq!(check(&mut stage, Some(1), "wrong"), (false, None));
    let (is_right, renewed) = check(&mut stage, Some(1), "secret");
    let renewed = renewed.unwrap();
    assert!(is_right && renewed != hash);
    stage.change(set_password(1, renewed, false));
    assert_eq!(check(&mut stage, Some(1), "secret"), (true, None));
}

#[test]
fn passwords_past_the_limit_are_refused() {
    let mut stage = Stage::with(|settings| settings.hash_queue_max = 3);
    stage.make_account(1);
    let go_on = stage.block_writer();
    let work = || HashWork::MakePassword(password("x"));
    let asked = [0; 3].map(|_| stage.archive.hash(work()).unwrap());
    assert_eq!(stage.archive.hash(work()), None);
    assert!(
        stage.archive.hash(HashWork::MakeToken).is_some(),
        "a lane of their own"
    );
    drop(go_on);
    for expected in asked {
        stage.wait_for("hash", |done| match done {
            Settled::Hashed(ticket, Hashed::Password(_)) if *ticket == expected => Some(()),
            _ => None,
        });
    }
    make_hash(&mut stage, "x");
}

fn add_token(stage: &mut Stage, number: u32, label: &str) -> (Secret, TokenHash) {
    let Hashed::Token { token, hash } = stage.hash(HashWork::MakeToken) else {
        panic!("no token");
    };
    stage.change(Change::AddToken {
        account: account(number),
        label: room(label),
        hash,
        at: 5,
    });
    (token, hash)
}

fn owner(stage: &mut Stage, token: &Secret) -> Option<(u32, String)> {
    match stage.hash(HashWork::CheckToken(token.clone())) {
        Hashed::Owner(owner) => owner.map(|(owner, label)| (owner.get(), label.to_string())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn token_has_an_owner_until_it_is_dropped() {
    let mut stage = Stage::new();
    stage.make_account(1);
    stage.make_account(2);
    let (phone, _) = add_token(&mut stage, 1, "phone");
    let (bot, _) = add_token(&mut stage, 1, "Bot");
    let (other, _) = add_token(&mut stage, 2, "bot");
    assert_eq!(owner(&mut stage, &bot), Some((1, "Bot".to_owned())));
    assert_eq!(owner(&mut stage, &other), Some((2, "bot".to_owned())));
    assert_eq!(owner(&mut stage, &password("cw_x")), None);
    stage.change(Change::UseToken {
        account: account(1),
        label: room("bot"),
        at: 9,
    });
    let token = |label, used| Token {
        label: room(label),
        made: 5,
        used,
    };
    let tokens = Question::Tokens {
        account: account(1),
    };
    let expected = vec![token("Bot", Some(9)), token("phone", None)];
    assert_eq!(stage.ask(tokens.clone()), Answer::Tokens(expected));
    stage.change(Change::DropToken {
        account: account(1),
        label: room("BOT"),
    });
    assert_eq!(owner(&mut stage, &bot), None);
    assert_eq!(owner(&mut stage, &other), Some((2, "bot".to_owned())));
    let (mut stage, restored) = stage.reopen();
    assert_eq!(restored.accounts[0].tokens, 1);
    let hash = make_hash(&mut stage, "new");
    stage.change(set_password(1, hash.clone(), false));
    assert!(owner(&mut stage, &phone).is_some());
    stage.change(set_password(1, hash, true));
    assert_eq!(owner(&mut stage, &phone), None);
    assert_eq!(stage.ask(tokens), Answer::Tokens(vec![]));
}

#[test]
fn accounts_are_restored_and_their_numbers_never_come_again() {
    let mut stage = Stage::new();
    for number in 1..=3 {
        stage.make_account(number);
    }
    stage.change(Change::UseAccount {
        account: account(1),
        at: 77,
    });
    stage.change(Change::UseAccount {
        account: account(1),
        at: 2000,
    });
    stage.change(Change::SpellName {
        account: account(1),
        name: Name::parse("ALICE").unwrap(),
    });
    stage.keep(&line(1, ROOM, 3, "by carol"));
    stage.keep(&KeptLine {
        waits_for: AccountId::new(3),
        ..line(2, pair(1, 3), 1, "to carol")
    });
    let (token, _) = add_token(&mut stage, 3, "phone");
    stage.change(Change::DropAccount {
        account: account(3),
        name: name(3),
        held_until: 99,
    });
    assert_eq!(owner(&mut stage, &token), None);
    // Asked by another connection before the end of the account was known.
    stage.change(Change::SpellName {
        account: account(3),
        name: Name::parse("CAROL").unwrap(),
    });
    let (mut stage, restored) = stage.reopen();
    let accounts: Vec<_> = restored
        .accounts
        .iter()
        .map(|a| (a.account.get(), a.name.to_string(), a.made_at, a.seen_at))
        .collect();
    let expected = [
        (1, "ALICE".to_owned(), 1000, 2000),
        (2, "bob".to_owned(), 1000, 1000),
    ];
    assert_eq!(accounts, expected);
    assert_eq!(
        (restored.last_account, restored.held_names),
        (3, vec![(name(3), 99)])
    );
    assert!(
        restored.waiting.is_empty(),
        "what waited for carol is no longer waited for"
    );
    let (lines, _) = stage.page(ROOM, PageRange::Newest);
    assert_eq!(
        (lines[0].author, lines[0].name),
        (None, name(3)),
        "by its name"
    );
    assert_eq!(check(&mut stage, Some(3), "x"), (false, None));
    // The name is free for another number, and no longer held.
    stage.change(Change::MakeAccount {
        account: account(4),
        name: name(3),
        skeleton: "carol".into(),
        password: PasswordHash("x".into()),
        at: 5,
    });
    let (_, restored) = stage.reopen();
    assert_eq!(restored.accounts.len(), 3);
    assert!(restored.held_names.is_empty());
}

#[test]
fn account_with_a_name_that_is_taken_is_refused_alone() {
    let mut stage = Stage::new();
    stage.make_account(1);
    let go_on = stage.block_writer();
    let make = |number, name: &str| Change::MakeAccount {
        account: account(number),
        name: Name::parse(name).unwrap(),
        skeleton: name.into(),
        password: PasswordHash("x".into()),
        at: 1,
    };
    let tickets = [(2, "Alice"), (3, "bob")].map(|(n, name)| stage.archive.change(make(n, name)));
    drop(go_on);
    assert_eq!(stage.wait_not_kept(tickets[0]), NotKept::Broken);
    stage.wait_kept(tickets[1]);
    let (_, restored) = stage.reopen();
    let numbers: Vec<_> = restored.accounts.iter().map(|a| a.account.get()).collect();
    assert_eq!(numbers, [1, 3]);
}

#[test]
fn rooms_are_restored_with_what_they_are_kept_by() {
    let mut stage = Stage::new();
    stage.make_account(1);
    let keep = |number, name: &str, days, topic: Option<&str>| Change::KeepRoom {
        place: PlaceId::room(number),
        room: room(name),
        owner: AccountId::new(1),
        days,
        topic: topic.map(Into::into),
    };
    stage.change(keep(1, "dev", 30, None));
    stage.change(keep(2, "ops", 7, Some("on call")));
    stage.change(keep(3, "old", 7, None));
    stage.change(keep(1, "dev", 14, Some("x")));
    stage.change(Change::SetTopic {
        place: PlaceId::room(1),
        topic: Some("release".into()),
    });
    stage.keep(&line(5, PlaceId::room(1), 1, "x"));
    stage.keep(&line(6, PlaceId::room(3), 1, "y"));
    stage.keep(&line(7, pair(1, 2), 1, "z"));
    stage.change(Change::UnkeepRoom {
        place: PlaceId::room(3),
    });
    assert!(stage.ids(PlaceId::room(3)).is_empty());
    let (mut stage, restored) = stage.reopen();
    let rooms: Vec<_> = restored
        .rooms
        .iter()
        .map(|r| (r.place, r.room, r.owner, r.days, r.topic.as_deref()))
        .collect();
    let owner = AccountId::new(1);
    let expected = [
        (PlaceId::room(1), room("dev"), owner, 14, Some("release")),
        (PlaceId::room(2), room("ops"), owner, 7, Some("on call")),
    ];
    assert_eq!(rooms, expected);
    assert_eq!(restored.last_room, 3, "never again");
    stage.change(keep(4, "old", 30, None));
    assert!(stage.ids(PlaceId::room(4)).is_empty());
    stage.change(Change::DropAccount {
        account: account(1),
        name: name(1),
        held_until: 1,
    });
    // Asked by another connection before the end of the account was known.
    stage.change(keep(5, "late", 30, None));
    let (_, restored) = stage.reopen();
    assert_eq!(restored.rooms.len(), 4);
    assert!(restored.rooms.iter().all(|room| room.owner.is_none()));
}
