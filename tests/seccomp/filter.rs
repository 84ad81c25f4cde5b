//! The unit's filter, as systemd would make it.

use std::collections::BTreeSet;

use seccompiler::{BpfMap, TargetArch, compile_from_json};
use serde_json::{Value, json};

const UNIT: &str = include_str!("../../docs/chinwag.service");

/// All values of a setting, of all lines that have it.
fn values(setting: &str) -> BTreeSet<&'static str> {
    let lines = UNIT.lines().filter_map(|line| line.split_once('='));
    let lines = lines.filter(|(name, _)| *name == setting);
    lines
        .flat_map(|(_, values)| values.split_whitespace())
        .collect()
}

/// The system calls that the unit allows.
pub fn calls() -> BTreeSet<&'static str> {
    values("SystemCallFilter")
}

/// Confines this process and its later programs: as the unit does, or with one call or family fewer. It
/// gains no privileges from then on, either.
pub fn apply(without: Option<&str>) {
    let allowed = calls().into_iter().filter(|call| Some(*call) != without);
    let allowed: Vec<Value> = allowed.map(|call| json!({ "syscall": call })).collect();
    let calls =
        json!({ "mismatch_action": "kill_process", "match_action": "allow", "filter": allowed });
    // The filter of calls comes last, as it would refuse to add the others.
    for filter in [families(without), executable_memory(), calls] {
        let filters = json!({ "main": filter }).to_string();
        let arch: TargetArch = std::env::consts::ARCH.try_into().expect("a known machine");
        let filters: BpfMap = compile_from_json(filters.as_bytes(), arch).expect("a filter");
        seccompiler::apply_filter(&filters["main"]).expect("the kernel takes it");
    }
}

/// `RestrictAddressFamilies`: sockets of other families are refused.
fn families(without: Option<&str>) -> Value {
    let families = values("RestrictAddressFamilies").into_iter();
    let families = families.filter(|family| Some(*family) != without);
    let numbers = families.map(|family| match family {
        "AF_UNIX" => rustix::net::AddressFamily::UNIX,
        "AF_INET" => rustix::net::AddressFamily::INET,
        "AF_INET6" => rustix::net::AddressFamily::INET6,
        other => panic!("an unknown family: {other}"),
    });
    let is_none_of_them: Vec<Value> = numbers
        .map(|family| json!({ "index": 0, "type": "dword", "op": "ne", "val": family.as_raw() }))
        .collect();
    let errno = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    json!({
        "mismatch_action": "allow",
        "match_action": { "errno": errno },
        "filter": [{ "syscall": "socket", "args": is_none_of_them }],
    })
}

/// `MemoryDenyWriteExecute`: writable memory cannot be executed.
fn executable_memory() -> Value {
    assert_eq!(values("MemoryDenyWriteExecute"), BTreeSet::from(["yes"]));
    let (write, execute) = (2, 4);
    let protection = |call: &str, bits: u32| {
        let has = json!({ "index": 2, "type": "dword", "op": { "masked_eq": bits }, "val": bits });
        json!({ "syscall": call, "args": [has] })
    };
    json!({
        "mismatch_action": "allow",
        "match_action": { "errno": rustix::io::Errno::PERM.raw_os_error() },
        "filter": [
            protection("mmap", write | execute),
            protection("mprotect", execute),
            protection("pkey_mprotect", execute),
        ],
    })
}
