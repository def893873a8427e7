//! What is asked of a sandbox, and what comes back.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::SandboxError;

/// A command to run inside.
#[derive(Clone, Debug)]
pub struct Command {
    /// What to run.
    pub program: Program,
    /// Directory relative to the workspace root; empty for the root itself.
    pub cwd: PathBuf,
    /// Variables on top of the sandbox's own environment (which holds PATH, HOME, LANG, TERM, TMPDIR, `VIRTUAL_ENV`).
    pub env: Vec<(String, String)>,
    /// Standard input; closed after these bytes.
    pub stdin: Vec<u8>,
    /// Bounds, each of which ends in a typed outcome.
    pub limits: Limits,
    /// Canceled: the command and all its children are killed, and the outcome is [`End::Canceled`].
    pub cancel: CancellationToken,
}

/// How a command is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Program {
    /// `bash -c TEXT` (no login shell, no profile).
    Shell(String),
    /// A program, found on PATH, and its arguments.
    Argv(Vec<String>),
}

impl Command {
    /// `bash -c text` at the workspace root with default limits.
    pub fn shell(text: impl Into<String>) -> Self {
        Self::new(Program::Shell(text.into()))
    }

    /// A program with arguments at the workspace root with default limits.
    pub fn argv<S: Into<String>>(words: impl IntoIterator<Item = S>) -> Self {
        Self::new(Program::Argv(words.into_iter().map(Into::into).collect()))
    }

    fn new(program: Program) -> Self {
        Self {
            program,
            cwd: PathBuf::new(),
            env: Vec::new(),
            stdin: Vec::new(),
            limits: Limits::default(),
            cancel: CancellationToken::new(),
        }
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Sets the wall-clock limit.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limits.timeout = limit;
        self
    }
}

/// Bounds of one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time.
    pub timeout: Duration,
    /// Memory of the command and all its children together, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads together.
    pub processes: u32,
    /// What is kept of each output stream, in bytes: the first and the last half. More is counted and dropped.
    pub output_bytes: usize,
    /// What each output stream may produce in all, in bytes; past it the command is ended with [`End::OutputLimit`].
    pub output_total_bytes: u64,
    /// What the run may add to its workspace, `/tmp` and HOME, in bytes; past it the command is ended with
    /// [`End::DiskLimit`].
    pub disk_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(120),
            memory_bytes: 4 << 30,
            processes: 512,
            output_bytes: 1 << 20,
            output_total_bytes: 256 << 20,
            disk_bytes: 8 << 30,
        }
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal (its own doing or that of the kernel).
    Signaled(i32),
    /// Killed at its time limit.
    TimedOut,
    /// Killed at the memory limit.
    OutOfMemory,
    /// Killed for writing more output than allowed.
    OutputLimit,
    /// Killed for filling the disk allowance.
    DiskLimit,
    /// Killed because the run was stopped.
    Canceled,
}

/// One output stream, bounded: its beginning and, when that was not all, its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// The first bytes.
    pub head: Vec<u8>,
    /// The last bytes, when `total_bytes` is more than `head` holds. `head` and `tail` never overlap.
    pub tail: Vec<u8>,
    /// Bytes written in all.
    pub total_bytes: u64,
}

impl Captured {
    /// Whether something between `head` and `tail` was dropped.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.total_bytes > (self.head.len() + self.tail.len()) as u64
    }

    /// The kept bytes as text (invalid UTF-8 replaced), with a line that says how much is missing, if any.
    #[must_use]
    pub fn text(&self) -> String {
        let head = String::from_utf8_lossy(&self.head);
        let tail = String::from_utf8_lossy(&self.tail);
        if self.is_cut() {
            let missing = self.total_bytes - (self.head.len() + self.tail.len()) as u64;
            format!("{head}\n[… {missing} bytes left out …]\n{tail}")
        } else {
            format!("{head}{tail}")
        }
    }
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// How it ended.
    pub end: End,
    /// Standard output.
    pub stdout: Captured,
    /// Standard error.
    pub stderr: Captured,
    /// Wall-clock time.
    pub wall: Duration,
    /// User and system time of the command and its children.
    pub cpu: Duration,
}

impl Output {
    /// Whether it ended by itself with exit code 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.end == End::Exited(0)
    }
}

/// Which stream a piece of output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A place where commands run: a sandboxed workspace, or (in tests of other crates) a bare directory.
pub trait Exec: Send + Sync {
    /// Absolute path of the workspace root as commands see it.
    fn root(&self) -> &std::path::Path;

    /// Runs a command to its end, handing on output as it comes.
    ///
    /// # Errors
    /// Only when the sandbox itself failed; what the command did, limits included, is an [`Output`].
    fn exec_streaming(
        &self,
        command: Command,
        on_output: impl FnMut(Stream, &[u8]) + Send,
    ) -> impl Future<Output = Result<Output, SandboxError>> + Send;

    /// Runs a command to its end.
    ///
    /// # Errors
    /// As for [`Exec::exec_streaming`].
    fn exec(&self, command: Command) -> impl Future<Output = Result<Output, SandboxError>> + Send {
        self.exec_streaming(command, |_, _| {})
    }

    /// Runs a built-in (see [`crate::Builtins`]) inside the sandbox, beneath the workspace root.
    ///
    /// # Errors
    /// Only when the sandbox itself failed; the built-in's own refusal is the inner `Err`.
    fn call(
        &self,
        builtin: &str,
        arguments: serde_json::Value,
    ) -> impl Future<Output = Result<Result<serde_json::Value, String>, SandboxError>> + Send;
}

/// A function that runs inside the sandbox, in a confined child of the run's init, with the workspace as current
/// directory. It gets the workspace root and its arguments; an `Err` is a refusal in words that the model reads.
pub type Builtin =
    fn(root: &std::path::Path, arguments: serde_json::Value) -> Result<serde_json::Value, String>;

/// The built-ins by name, in one static table that the binary hands to [`crate::run_launcher`].
pub type Builtins = &'static [(&'static str, Builtin)];
