//! What a drawing of runs has in it.

use super::super::palette::{hex, roles};
use super::*;
use crate::recorder::{Interval, Latency};

fn report(server: &str, workload: &'static str, kinds: &[&'static str]) -> Report {
    let messages = kinds.iter().map(|kind| Messages {
        kind,
        delivered: 1000,
        per_second: 500.0,
        latency: None,
        intervals: (1..20).map(interval).collect(),
        percentiles: vec![(0.0, 0.02), (0.5, 0.1), (0.9, 3.0), (0.999, 40.0)],
    });
    Report {
        parameters: vec![("rate", 500.0)],
        messages: messages.collect(),
        ..Report::blank(server, workload)
    }
}

fn interval(number: u32) -> Interval {
    let is_stalled = number == 7;
    Interval {
        at_s: f64::from(number) / 10.0,
        per_second: if is_stalled { 0.0 } else { 500.0 },
        latency: Latency {
            p99_ms: if is_stalled { 0.0 } else { f64::from(number) },
            ..Latency::default()
        },
    }
}

fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let texts = document
        .descendants()
        .filter(|node| node.has_tag_name("text"));
    texts
        .filter_map(|node| Some(node.text()?.trim().to_owned()))
        .collect()
}

/// How many lines of runs a drawing has, by colour.
fn lines(svg: &str) -> usize {
    let document = roxmltree::Document::parse(svg).unwrap();
    let is_line = |stroke: &str| LINES.iter().any(|role| hex(role.light) == stroke);
    let nodes = document.descendants();
    nodes
        .filter(|node| node.attribute("stroke").is_some_and(is_line))
        .count()
}

#[test]
fn without_messages_there_is_no_drawing() {
    assert!(matches!(draw(&[]), Err(PlotError::NoMessages)));
    let idle = report("chinwag", "idle", &[]);
    let silent = report("chinwag", "slow", &["room"]);
    let silent = Report {
        messages: silent.messages.iter().map(emptied).collect(),
        ..silent
    };
    assert!(matches!(draw(&[idle, silent]), Err(PlotError::NoMessages)));
}

fn emptied(messages: &Messages) -> Messages {
    Messages {
        intervals: Vec::new(),
        percentiles: Vec::new(),
        ..messages.clone()
    }
}

#[test]
fn a_workload_without_messages_beside_others_is_named() {
    let idle = report("chinwag", "idle", &[]);
    let rate = report("chinwag", "rate", &["private"]);
    let texts = texts(&draw(&[idle, rate]).unwrap());
    let says = |part: &str| texts.iter().any(|text| text.contains(part));
    assert!(says("idle: 100 clients"), "{texts:?}");
    assert!(
        says("server: chinwag; no messages, so no lines"),
        "{texts:?}"
    );
    assert!(says("rate: 100 clients, rate 500"), "{texts:?}");
    assert!(says("p99 latency, ms"), "{texts:?}");
}

#[test]
fn a_name_with_markup_leaves_it_well_formed() {
    let name = "<a href='x'>&\"";
    let svg = draw(&[report(name, "rate", &["private"])]).unwrap();
    assert!(texts(&svg).contains(&name.to_owned()), "{svg}");
}

#[test]
fn each_colour_has_another_on_a_dark_page() {
    let kinds = ["private", "room"];
    let servers = ["a", "b", "c", "d", "e", "f", "g"];
    let reports = servers.map(|server| report(server, "mixed", &kinds));
    let svg = draw(&reports).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let style = document
        .descendants()
        .find(|node| node.has_tag_name("style"));
    let style = style.and_then(|node| node.text()).unwrap();
    let mut used = Vec::new();
    for node in document.descendants() {
        for name in ["fill", "stroke"] {
            let Some(color) = node.attribute(name).filter(|color| *color != "none") else {
                continue;
            };
            assert!(
                style.contains(&format!("[{name}=\"{color}\"]")),
                "{name} {color}"
            );
            used.push(color.to_owned());
        }
    }
    for role in roles() {
        assert!(used.contains(&hex(role.light)), "{role:?} is not used");
    }
    assert_eq!(style.matches("stroke-dasharray").count(), 1);
    let mut widths = document
        .descendants()
        .filter_map(|node| node.attribute("stroke-width"));
    assert!(widths.any(|width| width == DASHED.to_string()));
}

#[test]
fn of_several_servers_the_last_turn_is_shown() {
    let reports = ["floor", "chinwag", "floor", "chinwag"];
    let reports = reports.map(|server| report(server, "dm", &["private"]));
    let svg = draw(&reports).unwrap();
    // Each in three panels and in the legend.
    assert_eq!(lines(&svg), 2 * 4);
    let texts = texts(&svg);
    let about = "servers: floor, chinwag; the last turn of each";
    assert!(texts.contains(&about.to_owned()), "{texts:?}");
    assert!(
        !texts.iter().any(|text| text.starts_with("run ")),
        "{texts:?}"
    );
}

#[test]
fn of_many_runs_the_last_are_shown() {
    let runs = vec![report("chinwag", "dm", &["private"]); 10];
    let svg = draw(&runs).unwrap();
    assert_eq!(lines(&svg), LINES.len() * 4);
    let texts = texts(&svg);
    assert!(texts.contains(&"run 10".to_owned()), "{texts:?}");
    assert!(!texts.contains(&"run 3".to_owned()), "{texts:?}");
}

#[test]
fn runs_are_told_apart_by_what_differs() {
    let slow = report("chinwag", "ramp", &["private"]);
    let fast = Report {
        parameters: vec![("rate", 1000.4375)],
        ..slow.clone()
    };
    let texts = texts(&draw(&[slow, fast]).unwrap());
    for label in [
        "rate 500",
        "rate 1000",
        "ramp: 100 clients, messages of 64 bytes",
    ] {
        assert!(texts.contains(&label.to_owned()), "{label} in {texts:?}");
    }
}

#[test]
fn a_run_without_messages_beside_others_is_named() {
    let rate = |server| report(server, "rate", &["private"]);
    let silent = Report {
        messages: rate("b").messages.iter().map(emptied).collect(),
        interrupted: true,
        ..rate("b")
    };
    let texts = texts(&draw(&[rate("a"), silent]).unwrap());
    let about = "servers: a, b; b: interrupted; b: no messages";
    assert!(texts.contains(&about.to_owned()), "{texts:?}");
}

#[test]
fn what_has_no_logarithm_is_left_out() {
    let mut odd = report("chinwag", "rate", &["private"]);
    for messages in &mut odd.messages {
        messages.percentiles = vec![(0.0, 0.0), (0.5, 1.0), (1.0, 2.0), (f64::NAN, 1.0)];
        messages.intervals.truncate(1);
    }
    let svg = draw(&[odd]).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let nodes = document.descendants();
    let dots = nodes.filter(|node| node.has_tag_name("circle")).count();
    assert_eq!(dots, 3, "one for the only point of each panel");
    for wrong in ["NaN", "inf", "-2147483648", "2147483647"] {
        assert!(!svg.contains(wrong), "{wrong} in {svg}");
    }
}
