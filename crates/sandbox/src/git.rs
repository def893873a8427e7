//! The git command line: the only file that starts `git`.
//!
//! Every call runs with hooks, file-system monitor, maintenance, filters, lazy fetching and prompts off, with none of the
//! caller's `GIT_*` variables, and with bounded output. Paths are bytes.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use crate::SandboxError;

/// What one call may print before it is ended, in bytes, unless [`Git::at_most`] says otherwise.
const OUTPUT_BYTES: u64 = 64 << 20;
/// What is kept of the complaints of a call, in bytes.
const COMPLAINT_BYTES: u64 = 16 << 10;
/// Settings of every call.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=keep",
    "core.splitIndex=false",
    "core.pager=cat",
    "gc.auto=0",
    "gc.autoDetach=false",
    "maintenance.auto=false",
    "fetch.writeCommitGraph=false",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "credential.helper=",
    "protocol.allow=never",
    "protocol.file.allow=always",
    "core.fsync=committed",
    "core.fsyncMethod=fsync",
    "safe.directory=*",
    "advice.graftFileDeprecated=false",
    "color.ui=false",
    "core.quotePath=false",
];
/// Settings of every call but those that change the user's work tree at their wish.
const QUIETLY: &[&str] = &["core.logAllRefUpdates=false", "core.attributesFile=/dev/null"];
/// What the serving side of a local fetch runs.
pub(crate) const UPLOAD_PACK: &str = "git -c safe.directory=* -c uploadpack.allowAnySHA1InWant=true -c core.hooksPath=/dev/null -c gc.auto=0 upload-pack";

/// Whose configuration a call reads besides the repository's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Config {
    /// None.
    RepositoryOnly,
    /// The caller's global and system settings too (identity, ignore rules).
    Caller,
    /// As [`Config::Caller`], for a change that the user asked for in their own repository: it goes into their reflog, and
    /// files are written as their own git would.
    OnBehalf,
}

/// One call of git, being put together.
pub(crate) struct Git {
    command: Command,
    label: String,
    stdin: Vec<u8>,
    limit: u64,
    time: Option<Duration>,
}

/// What a call answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its exit code; 128 and more when it was ended by a signal.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) stdout: Vec<u8>,
    /// Its complaints, bounded.
    pub(crate) stderr: String,
}

impl Git {
    /// A call on a git directory, without a work tree.
    pub(crate) fn on(git_dir: &Path, subcommand: &str) -> Self {
        let mut option = OsString::from("--git-dir=");
        option.push(git_dir);
        Self::begin(&[option], Path::new("/"), subcommand, Config::RepositoryOnly)
    }

    /// A call outside of any repository, in a directory.
    pub(crate) fn at(cwd: &Path, subcommand: &str, config: Config) -> Self {
        Self::begin(&[], cwd, subcommand, config)
    }

    /// A call on a git directory and its work tree, run at the work tree's top.
    pub(crate) fn on_work_tree(git_dir: &Path, top: &Path, subcommand: &str, config: Config) -> Self {
        let (mut git, mut work) = (OsString::from("--git-dir="), OsString::from("--work-tree="));
        git.push(git_dir);
        work.push(top);
        Self::begin(&[git, work], top, subcommand, config)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one file that starts git")]
    fn begin(options: &[OsString], cwd: &Path, subcommand: &str, config: Config) -> Self {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_EDITOR", "false")
            .env("LC_ALL", "C");
        if config != Config::OnBehalf {
            command.env("GIT_LFS_SKIP_SMUDGE", "1");
        }
        if config == Config::RepositoryOnly {
            command
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_ATTR_NOSYSTEM", "1");
        }
        command.args(options).arg("--no-pager");
        for setting in
            SETTINGS.iter().chain(if config == Config::OnBehalf { [].iter() } else { QUIETLY.iter() })
        {
            command.arg("-c").arg(setting);
        }
        command.arg(subcommand).current_dir(cwd);
        Self { command, label: subcommand.to_owned(), stdin: Vec::new(), limit: OUTPUT_BYTES, time: None }
    }

    /// Adds an argument after the sub-command.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments after the sub-command.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets standard input.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Sets how much it may print, in bytes.
    pub(crate) fn at_most(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Ends it, and all that it started, after this time.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.time = Some(limit);
        self.command.process_group(0);
        self
    }

    /// Settings for this call alone, as `name=value`.
    pub(crate) fn settings(mut self, settings: &[String]) -> Self {
        for (n, setting) in settings.iter().enumerate() {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            self.command.env(format!("GIT_CONFIG_KEY_{n}"), name).env(format!("GIT_CONFIG_VALUE_{n}"), value);
        }
        self.command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        self
    }

    /// Runs as another user (only root can), so that what it writes belongs to them, and what their configuration might
    /// start has no more rights than they have. The caller's own settings are closed to them.
    pub(crate) fn run_as(mut self, user: Option<(u32, u32)>) -> Self {
        if let Some((uid, gid)) = user {
            self.command.uid(uid).gid(gid).env("HOME", "/nonexistent").env_remove("XDG_CONFIG_HOME");
        }
        self
    }

    /// Runs it; anything but exit code 0 is an error.
    pub(crate) fn run(self) -> Result<Vec<u8>, SandboxError> {
        let label = self.label.clone();
        let answer = self.answer()?;
        if answer.code == 0 {
            return Ok(answer.stdout);
        }
        Err(SandboxError::Git { command: label, message: answer.complaint() })
    }

    /// Runs it and hands back whatever it answered.
    pub(crate) fn answer(mut self) -> Result<Answer, SandboxError> {
        let cwd = self.command.get_current_dir().map(Path::to_owned);
        let starting = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound if cwd.as_deref().is_none_or(Path::exists) => SandboxError::Git {
                command: self.label.clone(),
                message: "git is not installed, or not on PATH".to_owned(),
            },
            _ => SandboxError::host(format!("start git {}", self.label), e),
        };
        let stdin = if self.stdin.is_empty() { Stdio::null() } else { Stdio::piped() };
        let child = self
            .command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(starting)?;
        let Some(limit) = self.time else { return converse(child, &self.stdin, self.limit, &self.label) };
        // It leads a process group of its own, which nobody but us can end.
        let group = i32::try_from(child.id()).map(nix::unistd::Pid::from_raw);
        std::thread::scope(|scope| {
            let (done, ended) = std::sync::mpsc::channel::<()>();
            let late = scope.spawn(move || {
                let late = matches!(ended.recv_timeout(limit), Err(RecvTimeoutError::Timeout));
                if let (true, Ok(group)) = (late, group) {
                    let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
                }
                late
            });
            let answer = converse(child, &self.stdin, self.limit, &self.label);
            drop(done);
            if late.join().unwrap_or(false) {
                let message = format!("it was ended after {} s", limit.as_secs());
                return Err(SandboxError::Git { command: self.label.clone(), message });
            }
            answer
        })
    }
}

impl Answer {
    /// Its complaints, or its exit code when there are none.
    pub(crate) fn complaint(&self) -> String {
        match self.stderr.trim() {
            "" => format!("exit code {}", self.code),
            text => text.to_owned(),
        }
    }
}

/// Fields of `-z` output.
pub(crate) fn fields(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output.split(|b| *b == 0).filter(|field| !field.is_empty())
}

/// One line of text.
pub(crate) fn line(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim_end().to_owned()
}

fn converse(mut child: Child, input: &[u8], limit: u64, label: &str) -> Result<Answer, SandboxError> {
    let host = |e| SandboxError::host(format!("talk to git {label}"), e);
    let (stdin, mut stdout, mut stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (read, complaints) = std::thread::scope(|scope| {
        if let Some(mut stdin) = stdin {
            // A reader that has heard enough closes the pipe: its exit code tells.
            scope.spawn(move || stdin.write_all(input));
        }
        let complaints = scope.spawn(move || stderr.as_mut().map(read_head).unwrap_or_default());
        let mut output = Vec::new();
        let read = stdout.as_mut().map_or(Ok(0), |out| out.take(limit + 1).read_to_end(&mut output));
        if output.len() as u64 > limit || read.is_err() {
            let _ = child.kill();
        }
        drop(stdout);
        (read.map(|_| output), complaints.join().unwrap_or_default())
    });
    let status = child.wait().map_err(host)?;
    let stdout = read.map_err(host)?;
    if stdout.len() as u64 > limit {
        let message = format!("it printed more than {limit} bytes");
        return Err(SandboxError::Git { command: label.to_owned(), message });
    }
    let code = status
        .code()
        .unwrap_or_else(|| 128 + std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or(0));
    Ok(Answer { code, stdout, stderr: complaints })
}

fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let _ = stream.take(COMPLAINT_BYTES).read_to_end(&mut head);
    let _ = std::io::copy(stream, &mut std::io::sink());
    String::from_utf8_lossy(&head).into_owned()
}
