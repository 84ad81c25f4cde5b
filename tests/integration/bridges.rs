//! The bridges in `docs/examples`, fed by the daemon: who is away is told that something waits, and no more.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::speaker::Speaker;
use crate::harness::{DEADLINE, Daemon, wait_until};
use crate::tools::find;

const PASSWORD: &str = "correct horse";

/// What no bridge is to tell.
const SECRET: &str = "the key is under the mat";

/// Where the daemon listens and keeps, and the programs that the bridges run.
struct Stage {
    folder: TempDir,
}

impl Stage {
    /// Skipped without the programs that these bridges run.
    fn new(programs: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        let stage = Self { folder };
        let nc = find("OpenBSD netcat", &["nc.openbsd", "nc"])?;
        symlink(nc, stage.path("bin/nc")).unwrap();
        for program in programs {
            find(program, &[*program])?;
        }
        Some(stage)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn daemon(&self) -> Daemon {
        let (socket, store) = (
            format!("unix:{}", self.shown("socket")),
            self.shown("chat.db"),
        );
        let listens = ["--listen", "127.0.0.1:0", "--listen", &socket];
        Daemon::start(&[&listens[..], &["--store", &store]].concat())
    }

    /// A `sendmail` that writes down what it was given.
    fn catch_mail(&self) {
        let program = self.path("bin/sendmail");
        let script = "#!/bin/sh\n\
            folder=$(dirname \"$0\")/..\n\
            { for word; do echo \"word: $word\"; done; cat; echo .; } >\"$folder/mail.new\"\n\
            cat \"$folder/mail.new\" >>\"$folder/mail\"\n";
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The mails sent so far, once there are `count`.
    fn mails(&self, count: usize) -> Vec<String> {
        let file = self.path("mail");
        let mut mails = Vec::new();
        wait_until("the mails", || {
            let sent = fs::read_to_string(&file).unwrap_or_default();
            let ended = sent.split_inclusive("\n.\n");
            mails = ended.map(str::to_owned).collect();
            sent.ends_with("\n.\n") && mails.len() >= count
        });
        mails
    }

    /// A bridge, which bob has seen come and leave the lobby: it is fed by then.
    fn bridge(&self, script: &str, argument: &str, bob: &mut Speaker) -> Bridge {
        let bridge = Bridge::start(self, script, argument);
        await_bridge(bob);
        bridge
    }
}

/// A bridge sends its lines in one piece: the daemon has taken the last when it tells of the others.
fn await_bridge(bob: &mut Speaker) {
    loop {
        let object = bob.next_object().expect("bob stays");
        if object["type"] == "leave" && object["name"] == "bridge" {
            return;
        }
    }
}

/// A script, and all that it has started.
struct Bridge {
    script: Child,
    errors: PathBuf,
}

impl Bridge {
    fn start(stage: &Stage, script: &str, argument: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
        let errors = stage.path("errors");
        let rest = std::env::var("PATH").unwrap();
        let script = Command::new("sh")
            .arg(folder.join(script))
            .args([&stage.shown("socket"), argument])
            .current_dir(stage.folder.path())
            .env("PATH", format!("{}:{rest}", stage.shown("bin")))
            .env("BRIDGE_PING", "0.2")
            .env("BRIDGE_RETRY", "0.2")
            .env("no_proxy", "*")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&errors).unwrap())
            .process_group(0)
            .spawn()
            .expect("the bridge starts");
        Self { script, errors }
    }

    fn errors(&self) -> String {
        fs::read_to_string(&self.errors).unwrap()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.script), Signal::KILL);
        let _ = self.script.wait();
        if thread::panicking() {
            eprintln!("The bridge's errors:\n{}", self.errors());
        }
    }
}

/// A web hook that says that all is well.
struct Hook {
    address: SocketAddr,
    posts: Receiver<Post>,
}

struct Post {
    request: String,
    body: String,
}

impl Hook {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, posts) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if sender.send(Post::take(stream.unwrap())).is_err() {
                    return;
                }
            }
        });
        Self { address, posts }
    }

    fn url(&self) -> String {
        format!("http://{}/chat", self.address)
    }

    /// The next call.
    #[track_caller]
    fn called(&self) -> Value {
        let post = self.posts.recv_timeout(DEADLINE).expect("a call");
        assert_eq!(post.request, "POST /chat HTTP/1.1\r\n");
        serde_json::from_str(&post.body).unwrap()
    }
}

impl Post {
    fn take(stream: TcpStream) -> Self {
        let mut stream = BufReader::new(stream);
        let (mut request, mut length) = (String::new(), 0);
        stream.read_line(&mut request).unwrap();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            if line.trim_end().is_empty() {
                break;
            }
            if let Some(count) = line.to_lowercase().strip_prefix("content-length:") {
                length = count.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.get_mut().write_all(answer).unwrap();
        let body = String::from_utf8(body).unwrap();
        Self { request, body }
    }
}

/// An account that is told by this word, and is not here.
fn absent(daemon: &Daemon, name: &str, notify: &str) {
    let mut one = Speaker::with_account(daemon, name, PASSWORD);
    let told = one.ok(&format!("/notify {notify}"));
    assert_eq!(told["notify"], notify);
    one.ok("/quit");
}

/// Words that are to be data: to a shell, to sendmail, and to whom mail goes.
fn hostile(stage: &Stage) -> [(&'static str, String); 6] {
    let file = stage.shown("run");
    [
        ("mallory", format!("$(touch {file})")),
        ("martha", format!("`touch {file}`; touch {file} | \"'\\")),
        ("oscar", format!("-oQ{file}@example.org")),
        ("eve", "eve@evil.org".to_owned()),
        ("trudy", "trudy@evil.org,trudy@example.org".to_owned()),
        ("sybil", "sybil@evil.example.org".to_owned()),
    ]
}

#[test]
fn web_hook_is_called_once_and_told_no_text() {
    let Some(stage) = Stage::new(&["jq", "curl"]) else {
        return;
    };
    let (daemon, hook) = (stage.daemon(), Hook::new());
    absent(&daemon, "alice", "alice@example.org");
    for (name, notify) in hostile(&stage) {
        absent(&daemon, name, &notify);
    }
    let mut bob = Speaker::with_account(&daemon, "bob", PASSWORD);
    let bridge = stage.bridge("bridge-webhook.sh", &hook.url(), &mut bob);
    for _ in 0..2 {
        bob.ok(&format!("@alice: {SECRET}"));
    }
    let told = json!({"name": "alice", "count": 1, "notify": "alice@example.org"});
    assert_eq!(hook.called(), told);
    for (name, notify) in hostile(&stage) {
        bob.ok(&format!("@{name}: {SECRET}"));
        // Of alice it was called once.
        let told = json!({"name": name, "count": 1, "notify": notify});
        assert_eq!(hook.called(), told);
    }
    assert!(!stage.path("run").exists());
    assert_eq!(bridge.errors(), "");
}

#[test]
fn mail_goes_to_an_address_of_ones_own_domain_only_and_has_no_text() {
    let Some(stage) = Stage::new(&["jq"]) else {
        return;
    };
    stage.catch_mail();
    let daemon = stage.daemon();
    absent(&daemon, "alice", "alice@example.org");
    for (name, notify) in hostile(&stage) {
        absent(&daemon, name, &notify);
    }
    let mut bob = Speaker::with_account(&daemon, "bob", PASSWORD);
    let bridge = stage.bridge("bridge-mail.sh", "example.org", &mut bob);
    for (name, _) in hostile(&stage) {
        bob.ok(&format!("@{name}: {SECRET}"));
    }
    bob.ok(&format!("@alice: {SECRET}"));
    // It takes one after the other: those before had none.
    let mail = "word: -i\nword: --\nword: alice@example.org\n\
        To: alice@example.org\nSubject: alice, something waits for you in the chat\n\n\
        Since you left, or were told last: 1.\n.\n";
    assert_eq!(stage.mails(1), [mail]);
    assert!(!stage.path("run").exists());
    assert_eq!(bridge.errors(), "");
}

#[test]
fn bridge_comes_back_to_a_daemon_that_was_killed() {
    let Some(stage) = Stage::new(&["jq", "curl"]) else {
        return;
    };
    let (daemon, hook) = (stage.daemon(), Hook::new());
    absent(&daemon, "alice", "alice@example.org");
    let mut bob = Speaker::with_account(&daemon, "bob", PASSWORD);
    let bridge = stage.bridge("bridge-webhook.sh", &hook.url(), &mut bob);
    bob.ok(&format!("@alice: {SECRET}"));
    assert_eq!(hook.called()["count"], 1);
    drop((bob, daemon)); // It is killed.
    wait_until("the bridge to notice", || {
        bridge.errors().contains("the daemon is gone")
    });
    let daemon = stage.daemon();
    // Perhaps it is here before bob.
    let mut bob = Speaker::login(&daemon, "bob", PASSWORD);
    wait_until("the bridge", || bob.ask("/whois bridge")["type"] == "ok");
    bob.ok(&format!("@alice: {SECRET}"));
    let told = json!({"name": "alice", "count": 2, "notify": "alice@example.org"});
    assert_eq!(hook.called(), told);
}
