//! What two worlds are compared by.
//!
//! All bytes count but these, as they tell nothing of who is here:
//!
//! - numbers of lines are told by their rank among those that the outsiders have seen: what is kept anywhere,
//!   between whomever, takes a number of the one counter (`up_to`: how many of those it covers);
//! - the traffic in `/stats`: everybody's, hidden or not, and in a busy server nobody can tell whose.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::plan::{Deed, Plan};
use crate::world::{Got, World};

/// Fields with the number of a line.
const NUMBERS: [&str; 4] = ["id", "first", "last", "up_to"];

/// Fields of `/stats` that count traffic.
const TRAFFIC: [&str; 5] = ["lines_in", "lines_out", "bytes_in", "bytes_out", "closed"];

/// How many steps are shown before a difference.
const SHOWN_STEPS: usize = 12;

/// Panics if an outsider can tell the worlds apart. Returns how many bytes were compared.
pub fn same(plan: &Plan, with: &World, without: &World) -> usize {
    if let Some(difference) = first_difference(plan, with, without) {
        panic!("{difference}");
    }
    outsiders(plan, with).map(|got| got.bytes.len()).sum()
}

/// The first thing by which an outsider can tell the worlds apart.
pub fn first_difference(plan: &Plan, with: &World, without: &World) -> Option<String> {
    let mut numbers = [BTreeSet::new(), BTreeSet::new()];
    for (one, other) in outsiders(plan, with).zip(outsiders(plan, without)) {
        let mut texts = [String::new(), String::new()];
        for (world, got) in [one, other].into_iter().enumerate() {
            note_numbers(&got.bytes, &mut numbers[world]);
            texts[world] = told(&got.bytes, &numbers[world]);
        }
        if texts[0] != texts[1] || one.is_closed != other.is_closed {
            return Some(describe(
                plan,
                one,
                &texts,
                [one.is_closed, other.is_closed],
            ));
        }
    }
    None
}

fn outsiders<'a>(plan: &'a Plan, world: &'a World) -> impl Iterator<Item = &'a Got> {
    let knows = |got: &&Got| got.step < plan.knows_from[got.actor];
    world.got.iter().filter(knows)
}

/// Adds the numbers of lines that outsiders have seen.
fn note_numbers(bytes: &[u8], numbers: &mut BTreeSet<u64>) {
    let text = String::from_utf8_lossy(bytes);
    for event in text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        let all = ["id", "first", "last"].map(|field| event[field].as_u64());
        numbers.extend(all.into_iter().flatten());
        let list = event["ids"].as_array().into_iter().flatten();
        numbers.extend(list.filter_map(Value::as_u64));
    }
}

/// What came, as it counts.
fn told(bytes: &[u8], numbers: &BTreeSet<u64>) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut counts_traffic = false;
    let lines = text.split_inclusive('\n').map(|line| {
        let starts = ["* Lines: ", "* Connections: "];
        counts_traffic = starts.iter().any(|start| line.starts_with(start))
            || (counts_traffic && line.starts_with("*   "));
        if counts_traffic {
            return String::new();
        }
        let Ok(mut event) = serde_json::from_str::<Value>(line) else {
            return line.to_owned();
        };
        let rank = |number: u64| Value::from(numbers.range(..=number).count());
        for field in NUMBERS {
            if let Some(number) = event[field].as_u64() {
                event[field] = rank(number);
            }
        }
        let ids = event.get_mut("ids").and_then(Value::as_array_mut);
        for id in ids.into_iter().flatten() {
            *id = rank(id.as_u64().unwrap_or_default());
        }
        if event["uptime_ms"].is_u64() {
            for field in TRAFFIC {
                event[field] = Value::Null;
            }
        }
        format!("{event}\n")
    });
    lines.collect()
}

fn describe(plan: &Plan, got: &Got, texts: &[String; 2], closed: [bool; 2]) -> String {
    let Got {
        step,
        is_settled,
        actor,
        slot,
        ..
    } = got;
    let name = plan.cast[*actor].name;
    let moment = if *is_settled {
        "once the archive has worked"
    } else {
        "at once"
    };
    let mut text = format!(
        "{name} can tell, by connection {slot} at step {step}, {moment}:\n\nwith:    {:?} {}\nwithout: {:?} {}\n\n{:?}\n{:?}\n\n",
        texts[0], closed[0], texts[1], closed[1], plan.scenario, plan.setting,
    );
    for number in step.saturating_sub(SHOWN_STEPS)..=*step {
        let step = &plan.steps[number];
        let name = match step.deed {
            Deed::Pass { .. } => "time",
            _ => plan.cast[step.actor].name,
        };
        let _ = writeln!(
            text,
            "  {number} {name}: {:?}{}",
            step.deed,
            if step.settles { "" } else { ", not settled" }
        );
    }
    text
}
