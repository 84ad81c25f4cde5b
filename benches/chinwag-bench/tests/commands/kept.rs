//! Rooms whose lines are kept: what a run reports, that a kill loses nothing, and that a daemon which loses
//! something is found out.

use std::fs;

use serde_json::Value;

use crate::bench::{Bench, Ended, expect_failure};
use crate::harness;

/// A few who speak, for a moment.
const SHORT: [&str; 8] = [
    "kept",
    "--clients",
    "3",
    "--no-pin",
    "--time",
    "0.4",
    "--warm-up",
    "0.1",
];

/// What is under way has as long to arrive as a busy machine may need.
const PATIENT: [&str; 3] = ["--json", "--drain", "60"];

fn kept(flags: &[&str]) -> Ended {
    Bench::start(&[&SHORT[..], &PATIENT, flags].concat()).wait()
}

/// The reports of a run that must find nothing wrong.
#[track_caller]
fn sound_reports(flags: &[&str]) -> Vec<Value> {
    let ended = kept(flags);
    ended.expect_code(0);
    let reports = ended.json();
    for report in &reports {
        for fault in [
            "lost",
            "duplicated",
            "out_of_order",
            "renumbered",
            "refused",
            "closed",
        ] {
            assert_eq!(report[fault], 0, "{fault}: {report}");
        }
        assert_eq!(report["fault"], Value::Null, "{report}");
        assert_eq!(report["interrupted"], false, "{report}");
        assert_eq!(report["clients"], 3, "{report}");
    }
    reports
}

fn delivered(report: &Value, kind: &str) -> u64 {
    let messages = report["messages"].as_array().unwrap();
    let of_kind = messages.iter().find(|messages| messages["kind"] == kind);
    of_kind.unwrap()["delivered"].as_u64().unwrap()
}

#[test]
fn kept_room_is_measured_beside_one_that_is_not() {
    let reports = sound_reports(&["--pipeline", "4"]);
    let workloads: Vec<&Value> = reports.iter().map(|report| &report["workload"]).collect();
    assert_eq!(workloads, ["kept", "not kept"]);
    let [with, without] = &reports[..] else {
        panic!("{reports:?}");
    };
    for report in &reports {
        assert!(report["server_use"]["busy"].is_f64(), "{report}");
        assert!(
            delivered(report, "live") >= delivered(report, "ok"),
            "{report}"
        );
    }
    assert!(with["checked"].as_u64() > Some(0), "{with}");
    assert!(with["store_bytes_per_line"].as_f64() > Some(64.0), "{with}");
    assert_eq!(without["checked"], 0, "{without}");
    assert_eq!(without["store_bytes"], Value::Null, "{without}");
}

#[test]
fn kept_room_is_spoken_in_at_a_rate_and_to_who_is_away() {
    let flags = ["--rate", "300", "--waiting", "0.3", "--store", "file"];
    let reports = sound_reports(&flags);
    let [report] = &reports[..] else {
        panic!("{reports:?}");
    };
    assert_eq!(report["parameters"][0][0], "line_rate");
    assert!(report["waiting"].as_u64() > Some(0), "{report}");
    assert!(report["checked"].as_u64() > report["waiting"].as_u64());
    assert!(report["lag"]["p50_ms"].is_f64(), "{report}");
}

#[test]
fn killed_daemon_has_kept_all_that_it_answered() {
    let flags = ["--kill", "--rounds", "2", "--pipeline", "8"];
    let reports = sound_reports(&[&flags[..], &["--waiting", "0.1"]].concat());
    assert_eq!(reports.len(), 2);
    for report in &reports {
        assert_eq!(report["workload"], "killed", "{report}");
        assert!(report["checked"].as_u64() > Some(0), "{report}");
        assert!(report["reopened_ms"].as_f64() > Some(0.0), "{report}");
    }
    assert!(reports[1]["store_bytes"].as_u64() > Some(0));
}

/// A daemon that is started for the third time on its file as it was at the second.
const FORGETFUL: &str = r#"
cd "$1"
if test -e second; then
    cp kept "$4"; cp kept-wal "$4-wal"; rm -f "$4-shm"
elif test -e first; then
    touch second; cp "$4" kept; cp "$4-wal" kept-wal
else
    touch first
fi
exec "$2" --listen "127.0.0.1:$3" --store "$4"
"#;

#[test]
fn daemon_that_loses_what_it_kept_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("forgetful");
    fs::write(&script, FORGETFUL).unwrap();
    let server = format!(
        "forgetful=chinwag=sh {} {} {} @PORT@ @STORE@",
        script.display(),
        folder.path().display(),
        harness::binary::built().display()
    );
    let ended = kept(&["--kill", "--rounds", "2", "--server", &server]);
    ended.expect_code(1);
    let reports = ended.json();
    let lost = [0, 1].map(|round| reports[round]["lost"].as_u64().unwrap());
    assert!(lost[0] == 0 && lost[1] > 0, "{ended:?}");
    let fault = reports[1]["fault"].as_str().unwrap();
    assert!(fault.contains("is not kept"), "{fault}");
}

#[test]
fn server_that_keeps_nothing_is_named_for_it() {
    // It takes the file for something else.
    let server = format!(
        "x=chinwag={} --listen 127.0.0.1:@PORT@ --store none --log-file @STORE@",
        harness::binary::built().display()
    );
    let flags = [&SHORT[..], &["--store", "file", "--server", &server]].concat();
    expect_failure(&flags, 1, "the daemon refused \"/account new\"");
}

#[test]
fn table_of_a_kept_room_names_its_columns_and_counts_what_was_lost() {
    let flags = [&SHORT[..], &["--store", "file", "--runs", "2"]].concat();
    let ended = Bench::start(&flags).wait();
    ended.expect_code(0);
    for part in [
        "room",
        "per second",
        "p99.9 ms",
        "ok",
        "live",
        "server µs/line",
        "bytes/line",
        "0 lost, 0 twice, 0 out of order, 0 renumbered.",
    ] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
}
