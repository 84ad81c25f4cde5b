//! Commands of the server's operators, written as lines again.

use chinwag::chat::archive::BanKind;
use chinwag::chat::command::{BanCommand, OperatorCommand};

use super::{time, why};

pub fn borrowed<'a>(command: &OperatorCommand<'a>) -> Vec<&'a str> {
    match *command {
        OperatorCommand::Ban(BanCommand {
            whom: text, why, ..
        })
        | OperatorCommand::Suspend { name: text, why } => {
            std::iter::once(text).chain(why).collect()
        }
        OperatorCommand::Unsuspend { name: text }
        | OperatorCommand::Reset { name: text }
        | OperatorCommand::Announce { text } => vec![text],
        OperatorCommand::Unban { .. }
        | OperatorCommand::Bans { .. }
        | OperatorCommand::Reload
        | OperatorCommand::Deeds { .. }
        | OperatorCommand::Feed(_)
        | OperatorCommand::Backup => vec![],
    }
}

pub fn write(command: &OperatorCommand<'_>) -> String {
    match command {
        OperatorCommand::Ban(ban) => {
            let kind = match ban.kind {
                BanKind::Out => "Out",
                BanKind::LoginRequired => "LOGIN",
                BanKind::Muted => "muted",
            };
            let (time, why) = (time(ban.time), why(ban.why));
            format!("/BAN {}  {kind}{time}{why}", ban.whom)
        }
        OperatorCommand::Unban { number } => format!("/unban {number}"),
        OperatorCommand::Bans { page } => format!("/bans {page}"),
        OperatorCommand::Suspend { name, why: text } => {
            format!("/suspend {name}{}", why(*text))
        }
        OperatorCommand::Unsuspend { name } => format!("/unsuspend  {name}"),
        OperatorCommand::Reset { name } => format!("/RESET {name}"),
        OperatorCommand::Announce { text } => format!("/announce {text}"),
        OperatorCommand::Reload => "/reload".to_owned(),
        OperatorCommand::Deeds { page } => format!("/deeds {page}"),
        OperatorCommand::Feed(None) => "/feed".to_owned(),
        OperatorCommand::Feed(Some(true)) => "/feed ON".to_owned(),
        OperatorCommand::Feed(Some(false)) => "/feed off".to_owned(),
        OperatorCommand::Backup => "/backup".to_owned(),
    }
}
