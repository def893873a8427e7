//! A running `aamas`, and what it came to.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::document;
use crate::snapshot::Snapshot;
use crate::world::World;

/// No call takes this long, however busy the machine is.
const DEADLINE: Duration = Duration::from_secs(150);

/// A process that was started, in a process group of its own.
pub struct Live<'a> {
    world: &'a World,
    before: Option<Snapshot>,
    pid: Pid,
    began: Instant,
    events: Receiver<Event>,
    stderr: String,
    stdout: Option<Vec<u8>>,
    status: Option<ExitStatus>,
    stderr_open: bool,
}

enum Event {
    Line(String),
    StderrEnded,
    Stdout(Vec<u8>),
    Exited(ExitStatus),
}

impl<'a> Live<'a> {
    pub(crate) fn start(
        world: &'a World,
        mut command: Command,
        stdin: Vec<u8>,
        before: Option<Snapshot>,
    ) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let began = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
        let (events, received) = channel();
        feed(&mut child, stdin);
        read_output(&mut child, &events);
        std::thread::spawn(move || {
            let status = child.wait().expect("a child can be waited for");
            let _ = events.send(Event::Exited(status));
        });
        Self {
            world,
            before,
            pid,
            began,
            events: received,
            stderr: String::new(),
            stdout: None,
            status: None,
            stderr_open: true,
        }
    }

    /// Waits for a line on stderr that contains `text`; `None` if the process ends without it.
    pub fn line(&mut self, text: &str) -> Option<String> {
        while self.stderr_open {
            let event =
                self.next(DEADLINE).unwrap_or_else(|| panic!("no {text:?} in time:\n{}", self.stderr));
            if let Event::Line(line) = &event
                && line.contains(text)
            {
                let line = line.clone();
                self.take(event);
                return Some(line);
            }
            self.take(event);
        }
        None
    }

    /// Waits until a process of its sandbox runs that has `text` in its command line.
    pub fn until_process(&mut self, text: &str) {
        let deadline = Instant::now() + DEADLINE;
        while !left_behind(self.world.root()).iter().any(|process| process.contains(text)) {
            assert!(
                Instant::now() < deadline && self.runs_for(Duration::from_millis(5)),
                "no {text}: {}",
                self.stderr
            );
        }
    }

    /// Lets it run for a while; whether it is still running then.
    pub fn runs_for(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while self.status.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            match self.next(left) {
                Some(event) => self.take(event),
                None => return true,
            }
        }
        false
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(self.pid, signal).expect("it is running");
    }

    /// Sends a signal to the whole process group, as a terminal does.
    pub fn signal_group(&self, signal: Signal) {
        killpg(self.pid, signal).expect("it is running");
    }

    /// Kills the whole process group.
    pub fn kill(&self) {
        // It may just have ended by itself.
        let _ = killpg(self.pid, Signal::SIGKILL);
    }

    /// Waits for its end, and checks what was promised of the repository and of what is printed.
    pub fn finish(self) -> Ran {
        let world = self.world;
        let ran = self.end();
        document::check_exit(world, &ran);
        ran
    }

    /// Waits for its end, and checks what was promised of the repository.
    pub fn end(mut self) -> Ran {
        let deadline = Instant::now() + DEADLINE;
        while self.status.is_none() || self.stdout.is_none() || self.stderr_open {
            let Some(event) = self.next(deadline.saturating_duration_since(Instant::now())) else {
                self.kill();
                panic!("it does not end:\n{}", self.stderr);
            };
            self.take(event);
        }
        let status = self.status.expect("it ended");
        let ran = Ran {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            stdout: String::from_utf8(self.stdout.take().expect("it was read")).expect("JSON is UTF-8"),
            stderr: std::mem::take(&mut self.stderr),
            took: self.began.elapsed(),
        };
        if let Some(before) = &self.before {
            before.untouched(self.world, &ran);
        }
        ran
    }

    fn next(&self, time: Duration) -> Option<Event> {
        match self.events.recv_timeout(time) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                panic!("all threads ended without a word:\n{}", self.stderr)
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Line(line) => self.stderr.push_str(&line),
            Event::StderrEnded => self.stderr_open = false,
            Event::Stdout(bytes) => self.stdout = Some(bytes),
            Event::Exited(status) => self.status = Some(status),
        }
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill();
        }
    }
}

fn feed(child: &mut Child, bytes: Vec<u8>) {
    let mut stdin = child.stdin.take().expect("it is piped");
    std::thread::spawn(move || {
        // It need not read all of it.
        let _ = stdin.write_all(&bytes);
    });
}

fn read_output(child: &mut Child, events: &Sender<Event>) {
    let (mut stdout, stderr) =
        (child.stdout.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
    let to = events.clone();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stdout.read_to_end(&mut bytes);
        let _ = to.send(Event::Stdout(bytes));
    });
    let to = events.clone();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stderr);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let _ = to.send(Event::Line(String::from_utf8_lossy(&line).into_owned()));
            line.clear();
        }
        let _ = to.send(Event::StderrEnded);
    });
}

/// What a call came to.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; 128 + the signal that ended it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// The one JSON document on stdout.
    pub fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("not one JSON document ({e}): {self}"))
    }

    /// Its document, if it ended as it should.
    #[track_caller]
    pub fn ended(&self, code: i32, status: &str) -> Value {
        let document = self.document();
        assert_eq!((self.code, document["status"].as_str().unwrap_or_default()), (code, status), "{self}");
        document
    }

    /// Its document, if it ended as it should with this error code.
    #[track_caller]
    pub fn ended_with(&self, code: i32, status: &str, error: &str) -> Value {
        let document = self.ended(code, status);
        assert_eq!(document["error"]["code"], error, "{self}");
        document
    }

    /// Asserts a refusal: no run came into being.
    #[track_caller]
    pub fn refused(&self, code: i32, error: &str) -> Value {
        let document = self.document();
        assert_eq!(
            (self.code, document["error"]["code"].as_str().unwrap_or_default()),
            (code, error),
            "{self}"
        );
        let keys: Vec<_> = document.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["error"], "{self}");
        document
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clip = |text: &str| text.chars().take(6000).collect::<String>();
        write!(
            f,
            "exit {} after {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.took,
            clip(&self.stdout),
            clip(&self.stderr)
        )
    }
}

/// Processes that were started with the world's paths, or live in mounts of it; and mounts of the host.
pub fn left_behind(root: &Path) -> Vec<String> {
    let root = root.to_str().expect("a path of ours");
    let own = std::fs::read_to_string("/proc/self/mountinfo").expect("/proc is there");
    let mut left: Vec<String> = own.lines().filter(|l| l.contains(root)).map(str::to_owned).collect();
    for entry in std::fs::read_dir("/proc").expect("/proc is there").flatten() {
        let dir = entry.path();
        let is_process = entry.file_name().to_str().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
        if !is_process || entry.file_name().to_str() == Some(&std::process::id().to_string()) {
            continue;
        }
        let line = std::fs::read(dir.join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let mounts = std::fs::read_to_string(dir.join("mountinfo")).unwrap_or_default();
        if line.contains(root) || mounts.contains(root) {
            left.push(format!("{} {line}", dir.display()));
        }
    }
    left
}
