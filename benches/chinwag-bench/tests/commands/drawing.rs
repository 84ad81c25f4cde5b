//! Drawings: that they can be written is known before anything is started.

use std::fs;

use super::{BRIEFLY, nowhere, run_served};
use crate::bench::expect_failure;
use crate::harness::binary::built;

#[test]
fn a_drawing_is_made_in_place_of_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let svg = folder.path().join("x.svg");
    fs::write(&svg, "old ".repeat(100_000)).unwrap();
    let flags = ["dm", "--clients", "4", "--svg", svg.to_str().unwrap()];
    let ended = run_served(&flags, |ended| !ended.err.contains("nothing to draw"));
    ended.expect_code(0);
    let drawn = fs::read_to_string(svg).unwrap();
    roxmltree::Document::parse(&drawn).expect("a drawing, and nothing behind it");
}

#[test]
fn a_drawing_that_cannot_be_written_is_known_before_a_server_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let server = format!(
        "x=chinwag=sh -c 'touch {}; exec {} --listen 127.0.0.1:@PORT@'",
        started.display(),
        built().display()
    );
    let here = folder.path().display().to_string();
    for svg in ["/no/such/folder/x.svg", &here] {
        for command in [&["dm"][..], &["soak"], &["ramp"], &[]] {
            let flags = ["--server", &server, "--svg", svg];
            let flags = [&flags[..], &BRIEFLY, command].concat();
            expect_failure(&flags, 1, &format!("cannot draw {svg}: "));
            assert!(!started.exists(), "{flags:?}");
        }
        expect_failure(&["compare", "--svg", svg], 1, "cannot draw");
    }
}

#[test]
fn a_run_that_fails_leaves_a_drawings_place_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = nowhere();
    let (new, old) = (folder.path().join("new.svg"), folder.path().join("old.svg"));
    fs::write(&old, "old").unwrap();
    for svg in [&new, &old] {
        let svg = svg.to_str().unwrap();
        let args = ["--addr", &nowhere.address, "--svg", svg, "dm"];
        expect_failure(&args, 1, "refused");
    }
    assert!(!new.exists(), "nothing was drawn");
    assert_eq!(fs::read_to_string(&old).unwrap(), "old");
}

#[test]
fn what_has_nothing_to_draw_takes_no_drawing() {
    for command in [
        &["find-limit"][..],
        &["floor"],
        &["idle"],
        &["compare", "--workloads", "idle-1000,idle-5000"],
    ] {
        expect_failure(&[&["--svg", "x.svg"], command].concat(), 2, "--svg");
    }
}
