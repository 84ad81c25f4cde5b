//! What is written of order in the whole server, word by word: plain lines, and the object of JSON mode.

use std::time::Duration;

use chinwag::chat::archive::{BanKind, PastDeed};
use chinwag::chat::event::{
    BanView, Banned, Barred, BarredFrom, Event, ListedBanView, OperatorEvent, OperatorReply,
};
use chinwag::chat::name::Name;
use chinwag::chat::refusal::OperatorRefusal;

use crate::people::{MORNING, check, name};

fn ok(reply: OperatorReply<'_>) -> Event<'_> {
    Event::Ok(reply.into())
}

fn net() -> Banned {
    let net = "198.51.100.0/24".parse().unwrap();
    Banned::Net { net, guest: None }
}

fn guests_net(guest: Name) -> Banned {
    let net = "2001:db8:1:2::/64".parse().unwrap();
    let guest = Some(guest);
    Banned::Net { net, guest }
}

fn deed() -> PastDeed {
    PastDeed {
        at: MORNING,
        who: "root1".into(),
        what: "kick".into(),
        whom: Some("mallory".into()),
        room: Some("dev".into()),
        text: Some("spam".into()),
    }
}

#[test]
fn what_was_done_is_answered_in_these_words() {
    let mallory = &name("mallory");
    let until = Some(MORNING);
    let deeds = [deed()];
    for (reply, plain, json) in [
        (
            OperatorReply::Kicked { name: mallory },
            &["* mallory was removed from the server."][..],
            r#"{"type":"ok","name":"mallory"}"#,
        ),
        (
            OperatorReply::Muted {
                name: mallory,
                until,
            },
            &["* mallory may not speak until 09:12. /unmute * mallory undoes it."],
            r#"{"type":"ok","name":"mallory","until":1795767120000}"#,
        ),
        (
            OperatorReply::Unmuted { name: mallory },
            &["* mallory may speak again."],
            r#"{"type":"ok","name":"mallory"}"#,
        ),
        (
            OperatorReply::Unbanned { number: 3 },
            &["* Ban 3 is undone."],
            r#"{"type":"ok","ban":3}"#,
        ),
        (
            OperatorReply::Suspended { name: mallory },
            &["* mallory is suspended. /unsuspend mallory undoes it."],
            r#"{"type":"ok","name":"mallory"}"#,
        ),
        (
            OperatorReply::Unsuspended { name: mallory },
            &["* mallory can be logged in to again."],
            r#"{"type":"ok","name":"mallory"}"#,
        ),
        (
            OperatorReply::Code {
                name: mallory,
                code: "cw1_abc",
                until: MORNING,
            },
            &["* One-time code for mallory, an hour: cw1_abc"],
            r#"{"type":"ok","name":"mallory","code":"cw1_abc","until":1795767120000}"#,
        ),
        (
            OperatorReply::Announced { text: "hi" },
            &["* Everybody was told."],
            r#"{"type":"ok","text":"hi"}"#,
        ),
        (
            OperatorReply::Reloading,
            &["* The files are read anew, and the log is opened anew: it says how that went."],
            r#"{"type":"ok","text":"The files are read anew, and the log is opened anew: it says how that went."}"#,
        ),
        (
            OperatorReply::BackedUp {
                file: "chat.db.backup-1",
            },
            &["* All that is kept is copied to chat.db.backup-1."],
            r#"{"type":"ok","file":"chat.db.backup-1"}"#,
        ),
        (
            OperatorReply::Deeds {
                deeds: &deeds,
                total: 21,
                page: 2,
                pages: 2,
            },
            &[
                "* 21 deeds, the newest first, page 2 of 2:",
                "*   09:12 root1 kick mallory in dev: spam",
            ],
            r#"{"type":"ok","deeds":[{"at":1795767120000,"who":"root1","what":"kick","whom":"mallory","room":"dev","text":"spam"}],"total":21,"page":2,"pages":2}"#,
        ),
        (
            OperatorReply::Deeds {
                deeds: &[],
                total: 0,
                page: 1,
                pages: 1,
            },
            &["* Operators have done nothing yet."],
            r#"{"type":"ok","deeds":[],"total":0,"page":1,"pages":1}"#,
        ),
    ] {
        check(&ok(reply), plain, json);
    }
}

#[test]
fn ban_says_whom_it_catches_until_when_and_what_undoes_it() {
    let (mallory, root) = (name("mallory"), &name("root1"));
    let ban = |number, whom, kind, until, matches| {
        let typed = "";
        OperatorReply::Ban(BanView {
            number,
            whom,
            typed,
            kind,
            until,
            matches,
        })
    };
    let until = Some(MORNING);
    for (reply, plain, json) in [
        (
            ban(None, net(), BanKind::Out, until, 3),
            &[
                "* 198.51.100.0/24 is banned until 09:12: 3 who are here match; say that again",
                "*   to do it.",
            ][..],
            r#"{"type":"ok","ban":null,"whom":"198.51.100.0/24","kind":"out","until":1795767120000,"matches":3,"done":false}"#,
        ),
        (
            ban(Some(7), net(), BanKind::LoginRequired, None, 0),
            &["* 198.51.100.0/24 must log in. /unban 7 undoes it."],
            r#"{"type":"ok","ban":7,"whom":"198.51.100.0/24","kind":"login","matches":0,"done":true}"#,
        ),
        (
            ban(Some(8), guests_net(mallory), BanKind::Out, None, 1),
            &[
                "* 2001:db8:1:2::/64, where the guest mallory is, is banned: 1 who was here",
                "*   matched. /unban 8 undoes it.",
            ],
            r#"{"type":"ok","ban":8,"whom":"2001:db8:1:2::/64, where the guest mallory is,","kind":"out","matches":1,"done":true}"#,
        ),
        (
            ban(
                Some(9),
                Banned::Account(Some(mallory)),
                BanKind::Muted,
                None,
                0,
            ),
            &["* mallory may not speak. /unban 9 undoes it."],
            r#"{"type":"ok","ban":9,"whom":"mallory","kind":"muted","matches":0,"done":true}"#,
        ),
    ] {
        check(&ok(reply), plain, json);
    }
    let listed = [ListedBanView {
        number: 7,
        whom: net(),
        kind: BanKind::Out,
        until,
        why: "spam",
        by: root,
        at: MORNING,
    }];
    let bans = |bans, total, in_file| OperatorReply::Bans {
        bans,
        total,
        page: 1,
        pages: 1,
        in_file,
    };
    check(
        &ok(bans(&listed, 1, 2)),
        &[
            "* 1 ban, and 2 in the file:",
            "*   7 198.51.100.0/24 is banned until 09:12, by root1: spam",
        ],
        r#"{"type":"ok","bans":[{"ban":7,"whom":"198.51.100.0/24","kind":"out","until":1795767120000,"why":"spam","by":"root1","at":1795767120000}],"in_file":2,"total":1,"page":1,"pages":1}"#,
    );
    check(
        &ok(bans(&[], 0, 0)),
        &["* There are no bans."],
        r#"{"type":"ok","bans":[],"in_file":0,"total":0,"page":1,"pages":1}"#,
    );
}

#[test]
fn who_is_kept_from_something_is_told_why_and_whom_to_ask() {
    let root = &name("root1");
    let barred = |from, why, until, by| {
        Event::Operator(OperatorEvent::Barred(Barred {
            from,
            why,
            until,
            by,
        }))
    };
    for (event, plain, json) in [
        (
            barred(BarredFrom::Staying, "spam", None, Some(root)),
            "! You were removed from the server: spam. Ask root1.",
            r#"{"type":"notice","code":"kicked","by":"root1","why":"spam","text":"You were removed from the server: spam. Ask root1."}"#,
        ),
        (
            barred(BarredFrom::Coming, "", None, None),
            "! You are banned. Ask who runs this server.",
            r#"{"type":"notice","code":"banned","text":"You are banned. Ask who runs this server."}"#,
        ),
        (
            barred(BarredFrom::Account, "rude.", None, Some(root)),
            "! Your account is suspended: rude. Ask root1.",
            r#"{"type":"notice","code":"suspended","by":"root1","why":"rude.","text":"Your account is suspended: rude. Ask root1."}"#,
        ),
        (
            barred(BarredFrom::BeingGuest, "mob", None, Some(root)),
            "! You must log in here: mob. Ask root1.",
            r#"{"type":"notice","code":"login_required","by":"root1","why":"mob","text":"You must log in here: mob. Ask root1."}"#,
        ),
        (
            barred(BarredFrom::Speaking, "spam", None, Some(root)),
            "! You may not speak: spam. Ask root1.",
            r#"{"type":"notice","code":"muted","by":"root1","why":"spam","text":"You may not speak: spam. Ask root1."}"#,
        ),
        (
            Event::Operator(OperatorEvent::Unmuted),
            "* You may speak again.",
            r#"{"type":"notice","code":"unmuted","text":"You may speak again."}"#,
        ),
        (
            Event::Operator(OperatorEvent::Announcement {
                text: "restart at 18:00",
            }),
            "* From the operator: restart at 18:00",
            r#"{"type":"announcement","text":"restart at 18:00"}"#,
        ),
        (
            Event::Operator(OperatorEvent::Deed { deed: &deed() }),
            "* An operator's deed: root1 kick mallory in dev: spam",
            r#"{"type":"notice","code":"deed","deed":{"at":1795767120000,"who":"root1","what":"kick","whom":"mallory","room":"dev","text":"spam"},"text":"An operator's deed: root1 kick mallory in dev: spam"}"#,
        ),
    ] {
        check(&event, &[plain], json);
    }
}

#[test]
fn refusal_of_order_says_what_to_do() {
    let name = name("mallory");
    let left = Some(Duration::from_secs(7200));
    for (refusal, text, code) in [
        (
            OperatorRefusal::BadTarget { given: "10.0.0" },
            "10.0.0 is no address, no range of them and no name. Nothing was done.",
            "bad_usage",
        ),
        (
            OperatorRefusal::TooWide {
                given: "10.0.0.0/8",
            },
            "10.0.0.0/8 is very wide. Say that again within a minute to do it.",
            "too_wide",
        ),
        (
            OperatorRefusal::IsOperator { name },
            "mallory is an operator here, whom nothing catches.",
            "bad_usage",
        ),
        (
            OperatorRefusal::IsLocal { name },
            "mallory is on this machine, which is never banned. /kick * works.",
            "bad_usage",
        ),
        (
            OperatorRefusal::LogsInAnyway { name },
            "mallory is an account, which logs in anyway. Use out or muted.",
            "bad_usage",
        ),
        (
            OperatorRefusal::NoSuchBan { number: 3 },
            "There is no ban 3. /bans lists them.",
            "no_such_ban",
        ),
        (
            OperatorRefusal::TooManyBans { bans_max: 10_000 },
            "There are 10000 bans, the most there may be. /unban one of them first.",
            "too_many_bans",
        ),
        (
            OperatorRefusal::NotMuted { name },
            "mallory is not muted on the server. Nothing was done.",
            "bad_usage",
        ),
        (
            OperatorRefusal::NotSuspended { name },
            "mallory is not suspended. Nothing was done.",
            "bad_usage",
        ),
        (
            OperatorRefusal::DoneNotKept,
            "That is done, but it is not kept: a restart of the server undoes it.",
            "not_kept",
        ),
        (
            OperatorRefusal::NotBackedUp,
            "There is no copy yet: it takes long, or failed. The log says which.",
            "busy",
        ),
        (
            OperatorRefusal::Suspended { why: "rude" },
            "That account is suspended: rude. Ask an operator.",
            "suspended",
        ),
        (
            OperatorRefusal::Banned { why: "", left },
            "That account is banned for 2 h. Ask an operator.",
            "banned",
        ),
        (
            OperatorRefusal::Muted {
                why: "spam",
                left: None,
            },
            "You may not speak: spam. You can write to operators.",
            "muted",
        ),
        (
            OperatorRefusal::MustLogIn { why: "mob", left },
            "You must log in here for 2 h: mob. Type /login NAME.",
            "login_required",
        ),
    ] {
        let plain = format!("! {text}");
        let wait = if text.contains("for 2 h") {
            r#","wait_ms":7200000"#
        } else {
            ""
        };
        let json = format!(r#"{{"type":"error","code":"{code}","text":"{text}"{wait}}}"#);
        check(&Event::Error(refusal.into()), &[&plain], &json);
    }
}
