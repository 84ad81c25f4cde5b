//! The load generator as a program: started, waited for, and what it said.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{binary::built, without_settings};

/// What a run may take that is not interrupted: several parts of it, each of which waits for what is
/// under way, on a busy machine.
const RUN_DEADLINE: Duration = Duration::from_secs(180);

/// A load generator at work. It is killed when this is dropped.
pub struct Bench {
    pub child: Child,
    pub outputs: Vec<thread::JoinHandle<String>>,
}

/// How it ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Bench {
    pub fn start(args: &[&str]) -> Self {
        // It starts the daemon that is beside it.
        let _ = built();
        let mut command = without_settings(Command::new(env!("CARGO_BIN_EXE_chinwag-bench")));
        let mut child = command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the load generator starts");
        let outputs = vec![
            reader(child.stdout.take().unwrap()),
            reader(child.stderr.take().unwrap()),
        ];
        Self { child, outputs }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    pub fn wait(mut self) -> Ended {
        let give_up_at = Instant::now() + RUN_DEADLINE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > give_up_at => panic!("it does not end"),
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        let mut outputs = self.outputs.drain(..).map(|text| text.join().unwrap());
        let (out, err) = (outputs.next().unwrap(), outputs.next().unwrap());
        drop(outputs);
        Ended {
            code: status.code(),
            out,
            err,
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reader(mut output: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        let _ = output.read_to_string(&mut text);
        text
    })
}

impl Ended {
    #[track_caller]
    pub fn expect_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
    }

    /// One JSON object for each line, and nothing else.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        let lines = self.out.lines().map(serde_json::from_str);
        lines
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs what must fail with `code` and one line that contains `part`.
#[track_caller]
pub fn expect_failure(args: &[&str], code: i32, part: &str) {
    let ended = Bench::start(args).wait();
    ended.expect_code(code);
    let line = ended.err.strip_suffix('\n').unwrap_or_default();
    assert!(
        line.starts_with("chinwag-bench: ") && line.contains(part) && !line.contains('\n'),
        "{args:?}: {ended:?}"
    );
    assert_eq!(ended.out, "", "{args:?}");
}
