//! The fate of private messages.

use std::collections::{BTreeMap, BTreeSet};

use crate::client_log::Answer;
use crate::client_view::{Answers, ClientView};
use crate::clients::{Addressee, Client, Line};
use crate::history::History;
use crate::stats::Stats;

/// Checks that each copy of a client's private messages was delivered, refused or lost, and that the
/// lost ones are those that it was told of.
pub fn check_private(
    history: &History,
    client: &Client,
    answers: &Answers,
    views: &[ClientView],
    stats: &mut Stats,
) {
    let mut lost: BTreeMap<usize, u64> = BTreeMap::new();
    let mut perhaps: BTreeMap<usize, u64> = BTreeMap::new();
    for (line, answer) in client.sent.iter().zip(&answers.of_line) {
        let (number, to) = match line {
            Line::Private { number, to } => (number, to.clone()),
            Line::Reply(number) => {
                let Some(to) = views[client.number].replies.get(number) else {
                    continue;
                };
                if *to == client.number {
                    continue; // with an echo of the same text
                }
                let name = String::new();
                (number, vec![Addressee { client: *to, name }])
            }
            _ => continue,
        };
        for addressee in &to {
            let index = addressee.client;
            let delivered = views[index].delivered.contains(number);
            // A recipient that ignores the sender gets no copy, untold; and a plain answer does not
            // tell the fate.
            let is_unsure = answer.is_none() || ignores(&history.clients[index], client.number);
            let is_refused = answer
                .as_ref()
                .is_some_and(|answer| is_refused(answer, addressee, to.len()));
            if is_refused {
                // A recipient without space is closed; one that ignores the sender is no error.
                let code = answer.as_ref().and_then(|answer| answer.code.as_deref());
                let is_other = to.len() > 1 || code != Some("not_delivered");
                let is_gone = history.clients[index].connection.is_closed();
                assert!(is_other || is_gone, "c{index} is here: {answer:?}");
                assert!(!delivered, "refused and delivered: {answer:?}");
                stats.refused += 1;
            } else if delivered {
                stats.delivered += 1;
            } else if is_unsure {
                *perhaps.entry(index).or_default() += 1;
            } else {
                *lost.entry(index).or_default() += 1;
                stats.told += 1;
            }
        }
    }
    let told = &views[client.number].told;
    let all: BTreeSet<usize> = lost.keys().chain(told.keys()).copied().collect();
    for index in all {
        let count = |counts: &BTreeMap<usize, u64>| counts.get(&index).copied().unwrap_or_default();
        let (lost, told) = (count(&lost), count(told));
        assert!(
            (lost..=lost + count(&perhaps)).contains(&told),
            "{} was told that {told} messages to c{index} were lost, and {lost} were",
            client.name
        );
    }
}

fn ignores(client: &Client, target: usize) -> bool {
    client
        .switches
        .iter()
        .any(|one| one.on && one.target == target)
}

/// Whether the answer names the addressee as not reached.
fn is_refused(answer: &Answer, addressee: &Addressee, addressees: usize) -> bool {
    if answer.code.is_none() || addressees == 1 {
        return answer.code.is_some();
    }
    let text = answer.fields["text"].as_str().unwrap_or_default();
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words: BTreeSet<String> = text
        .split(|character: char| !is_of_name(character))
        .map(str::to_lowercase)
        .collect();
    words.contains(&addressee.name.to_lowercase())
}
