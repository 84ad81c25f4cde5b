//! The same of order in the whole server.

use std::time::Duration;

use chinwag::chat::archive::BanKind;
use chinwag::chat::event::{
    BanView, Banned, Barred, BarredFrom, Event, OperatorEvent, OperatorReply,
};
use chinwag::chat::refusal::OperatorRefusal;

use super::{check_lines, names};

/// A moment of another day than today, so that it is shown with its date.
const LONG_AGO: u64 = 1;

/// A hundred years, less a second: as long as a time is shown.
const LONG: Duration = Duration::from_secs(100 * 366 * 86_400 - 1);

#[test]
fn order_in_the_server_fits_with_the_longest_names() {
    let names = names(2);
    let (name, by) = (&names[0], Some(&names[1]));
    let until = Some(LONG_AGO);
    let net = "1111:2222:3333:4444:5555:6666:7777:8888/128"
        .parse()
        .unwrap();
    let targets = [
        Banned::Net { net, guest: None },
        Banned::Net {
            net,
            guest: Some(*name),
        },
        Banned::Account(Some(*name)),
        Banned::Account(None),
    ];
    let mut replies = vec![
        OperatorReply::Kicked { name },
        OperatorReply::Muted { name, until },
        OperatorReply::Unmuted { name },
        OperatorReply::Unbanned { number: u32::MAX },
        OperatorReply::Suspended { name },
        OperatorReply::Unsuspended { name },
        OperatorReply::Code {
            name,
            code: "cw1_00000000000000000000000000",
            until: LONG_AGO,
        },
        OperatorReply::Announced { text: "" },
        OperatorReply::Reloading,
        OperatorReply::BackedUp {
            file: "chat.db.backup-20261128-053654",
        },
    ];
    for whom in targets {
        for kind in [BanKind::Out, BanKind::LoginRequired, BanKind::Muted] {
            for (number, matches) in [(None, usize::MAX), (Some(u32::MAX), usize::MAX)] {
                replies.push(OperatorReply::Ban(BanView {
                    number,
                    whom,
                    typed: "",
                    kind,
                    until,
                    matches,
                }));
            }
        }
    }
    for reply in replies {
        check_lines(&Event::Ok(reply.into()));
    }
    for from in [
        BarredFrom::Staying,
        BarredFrom::Coming,
        BarredFrom::Account,
        BarredFrom::BeingGuest,
        BarredFrom::Speaking,
    ] {
        for by in [None, by] {
            let why = "";
            let barred = Barred {
                from,
                why,
                until,
                by,
            };
            check_lines(&Event::Operator(OperatorEvent::Barred(barred)));
        }
    }
    let (name, why, left) = (*name, "", Some(LONG));
    for refusal in [
        OperatorRefusal::BadTarget { given: "" },
        OperatorRefusal::TooWide { given: "" },
        OperatorRefusal::IsOperator { name },
        OperatorRefusal::IsLocal { name },
        OperatorRefusal::LogsInAnyway { name },
        OperatorRefusal::NoSuchBan { number: u32::MAX },
        OperatorRefusal::TooManyBans {
            bans_max: usize::MAX,
        },
        OperatorRefusal::NotMuted { name },
        OperatorRefusal::NotSuspended { name },
        OperatorRefusal::DoneNotKept,
        OperatorRefusal::NotBackedUp,
        OperatorRefusal::Suspended { why },
        OperatorRefusal::Banned { why, left },
        OperatorRefusal::Muted { why, left },
        OperatorRefusal::MustLogIn { why, left },
    ] {
        check_lines(&Event::Error(refusal.into()));
    }
}
