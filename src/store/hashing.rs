//! The thread that makes and checks hashes of passwords.

use std::sync::mpsc::Receiver;

use rusqlite::{Connection, OptionalExtension};

use crate::chat::archive::{HashWork, Hashed, PasswordHash, Settled, Ticket};
use crate::chat::ids::AccountId;
use crate::chat::secret::Secret;

use super::database;
use super::files::Files;
use super::password::{Hasher, PasswordCost};
use super::rows::account_number;
use super::worker::{Shared, readable};

/// Runs until nothing more comes.
pub(super) fn run(
    shared: &Shared,
    files: &Files,
    cost: PasswordCost,
    works: &Receiver<(Ticket, HashWork)>,
) {
    let mut hasher = Hasher::new(cost);
    let mut connection = None;
    while let Ok((ticket, work)) = works.recv() {
        if shared.is_closing() {
            return;
        }
        let done = match work {
            HashWork::MakePassword(password) => hasher
                .make(&password)
                .map_or(Hashed::Failed, Hashed::Password),
            HashWork::CheckPassword { account, password } => {
                if connection.is_none() && shared.has_database() {
                    connection = readable(database::open_to_read(files.path()));
                }
                check_password(&mut hasher, connection.as_ref(), account, &password)
            }
            // The reader's.
            HashWork::MakeToken
            | HashWork::CheckToken(_)
            | HashWork::MakeCode
            | HashWork::CheckCode(_) => Hashed::Failed,
        };
        shared.hashes.give_back();
        shared.completions.post(Settled::Hashed(ticket, done));
    }
}

fn check_password(
    hasher: &mut Hasher,
    connection: Option<&Connection>,
    account: Option<AccountId>,
    password: &Secret,
) -> Hashed {
    let hash = match (account, connection) {
        (Some(account), Some(connection)) => readable(password_of(connection, account)),
        // There is no account in a store that is not there; if it is, and cannot be read, that fails.
        (Some(_), None) => None,
        (None, _) => Some(None),
    };
    let Some(hash) = hash else {
        return Hashed::Failed;
    };
    let is_right = hasher.check(password, hash.as_ref());
    let is_outdated = hash.is_some_and(|hash| hasher.is_outdated(&hash));
    let renewed = (is_right && is_outdated).then(|| hasher.make(password));
    Hashed::Checked {
        is_right,
        renewed: renewed.flatten(),
    }
}

fn password_of(
    connection: &Connection,
    account: AccountId,
) -> rusqlite::Result<Option<PasswordHash>> {
    let sql = "SELECT password FROM account WHERE id = ?1 AND state <> 2";
    let found = connection.query_row(sql, [account_number(account)], |row| {
        row.get::<_, Option<Box<str>>>(0)
    });
    Ok(found.optional()?.flatten().map(PasswordHash))
}
