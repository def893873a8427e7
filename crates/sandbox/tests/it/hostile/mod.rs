//! Attempts to get out, to see or to break what is none of a command's business. Each runs inside, where it must end as the
//! table says, and outside with the same interpreter, where it must end otherwise: a misspelt attempt is not a refusal.

mod canary;
mod files;
mod kernel;
mod network;
mod process;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sandbox::{Command, End, Exec, Session, SessionOptions};
use serde_json::{Value, json};

use crate::ground::{Ground, options};

const DRIVER: &str = include_str!("driver.py");
/// Small, so that filling it is quick.
const SCRATCH_BYTES: u64 = 64 << 20;

/// One attempt.
pub(crate) struct Case {
    pub(crate) name: String,
    /// Python, with the functions of the driver and the names of [`Host`].
    pub(crate) code: String,
    /// How it may end inside: `OK`, errnos or findings, separated by `|`.
    pub(crate) inside: &'static str,
    /// What shows that the attempt means something.
    pub(crate) control: Control,
}

/// The same thing outside.
pub(crate) enum Control {
    /// Ends otherwise outside. For an ordinary user, to whom the kernel refuses some things anyway, it may end alike, but
    /// not as a call that doesn't exist.
    Differs,
    /// Ends like this outside, whoever asks.
    Ends(&'static str),
    /// This other code, which has no effect on the machine, ends with `OK` outside.
    Code(String),
    /// Outside it depends on what the kernel was built with, or it is the same: nothing can be learned from it.
    Nothing(&'static str),
}

pub(crate) fn case(
    name: impl Into<String>,
    code: impl Into<String>,
    inside: &'static str,
    control: Control,
) -> Case {
    Case { name: name.into(), code: code.into(), inside, control }
}

/// Things of the machine outside that attempts aim at.
struct Host {
    _dir: tempfile::TempDir,
    names: Value,
    _listener: std::net::TcpListener,
    _abstract: std::os::unix::net::UnixListener,
    _socket: std::os::unix::net::UnixListener,
}

impl Host {
    fn new(root: &Path) -> Self {
        use std::os::linux::net::SocketAddrExt;
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "canary").unwrap();
        let path = dir.path().join("socket");
        let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let name = format!("aamas-hostile-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let hidden = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let names = json!({
            "ROOT": root, "SECRET": secret, "SOCKET": path, "ABSTRACT": format!("\0{name}"),
            "PORT": listener.local_addr().unwrap().port(), "PID": std::process::id(),
        });
        Self { _dir: dir, names, _listener: listener, _abstract: hidden, _socket: socket }
    }
}

/// The interpreter: its path, and the directory that must be readable for it.
pub(crate) struct Python {
    pub(crate) program: PathBuf,
    pub(crate) prefix: PathBuf,
}

pub(crate) fn python() -> Python {
    let code = "import os, sys; print(os.path.realpath(sys.executable)); print(sys.base_prefix)";
    #[expect(clippy::disallowed_methods, reason = "the interpreter of the attempts, found as a user would")]
    let output =
        std::process::Command::new("python3").args(["-c", code]).output().expect("python3 runs the attempts");
    let text = String::from_utf8(output.stdout).unwrap();
    let (program, prefix) = text.trim().split_once('\n').unwrap();
    Python { program: program.into(), prefix: prefix.into() }
}

fn table() -> Vec<Case> {
    let mut cases = files::cases();
    cases.extend(process::cases());
    cases.extend(kernel::cases());
    cases.extend(network::cases());
    cases
}

#[tokio::test]
async fn no_attempt_gets_out() {
    let python = python();
    let mut ground = Ground::new();
    ground.plan.readable.push(python.prefix.clone());
    let options = SessionOptions { scratch_bytes: SCRATCH_BYTES, ..options() };
    let session = Session::start(&ground.plan, options).await.unwrap();
    let host = Host::new(&ground.plan.root);
    let cases = table();
    assert!(cases.len() >= 200, "{} cases", cases.len());

    let inside = run_inside(&session, &python, &cases, &host).await;
    let mut wrong = Vec::new();
    for case in &cases {
        let got = inside.get(&case.name).map_or("nothing", String::as_str);
        if !case.inside.split('|').any(|want| want == got) {
            let note = if let Control::Nothing(why) = case.control { why } else { "has a control" };
            wrong.push(format!("inside:  {}: want {}, got {got} ({note})", case.name, case.inside));
        }
    }
    let controls: Vec<Case> = cases.iter().filter_map(control_of).collect();
    let outside = run_outside(&python, &controls, &host);
    let is_root = nix::unistd::geteuid().is_root();
    for control in &controls {
        let got = outside.get(&control.name).map_or("nothing", String::as_str);
        let refused = control.inside.split('|').any(|want| want == got);
        let proves = match &control.control {
            Control::Differs => !refused && got != "nothing" || !is_root && got != "ENOSYS",
            _ => refused,
        };
        if !proves {
            wrong.push(format!("control: {}: got {got}", control.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// What is to run outside for a case, its `inside` being how that must end (or, for [`Control::Differs`], must not end).
fn control_of(case: &Case) -> Option<Case> {
    let (code, inside, control) = match &case.control {
        Control::Nothing(_) => return None,
        Control::Differs => (case.code.clone(), case.inside, Control::Differs),
        Control::Ends(how) => (case.code.clone(), *how, Control::Ends(how)),
        Control::Code(code) => (code.clone(), "OK", Control::Ends("OK")),
    };
    Some(Case { name: case.name.clone(), code, inside, control })
}

fn input(cases: &[Case], host: &Host) -> Vec<u8> {
    let cases: Vec<Value> = cases.iter().map(|c| json!({ "name": c.name, "code": c.code })).collect();
    serde_json::to_vec(&json!({ "names": host.names, "cases": cases })).unwrap()
}

fn results(text: &str) -> HashMap<String, String> {
    text.lines().filter_map(|line| serde_json::from_str::<(String, String)>(line).ok()).collect()
}

async fn run_inside(
    session: &Session,
    python: &Python,
    cases: &[Case],
    host: &Host,
) -> HashMap<String, String> {
    let words = [python.program.to_str().unwrap(), "-c", DRIVER];
    let command = Command::argv(words).stdin(input(cases, host)).timeout(Duration::from_secs(300));
    let output = session.exec(command).await.unwrap();
    assert_eq!(output.end, End::Exited(0), "{}", output.stderr.text());
    results(&output.stdout.text())
}

fn run_outside(python: &Python, cases: &[Case], host: &Host) -> HashMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the positive controls run outside on purpose")]
    let mut child = std::process::Command::new(&python.program)
        .args(["-c", DRIVER])
        .current_dir(&dir)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&input(cases, host)).unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    results(&text)
}
