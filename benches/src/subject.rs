//! What is measured: the built binary, or the bare loop.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};

use crate::memory::Watch;
use crate::model::{ModelServer, Request};
use crate::turns::{Turn, script};

const BARE_LOOP: &str = include_str!("bare_loop.py");
const TASK: &str = "Correct the area of a rectangle.";

/// Who does the task.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// The binary at this path.
    Aamas(PathBuf),
    /// `bare_loop.py` at `program`, run by `python`.
    Bare { python: PathBuf, program: PathBuf },
}

/// How the model is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// An HTTP server in this process that answers after this time.
    Http(Duration),
    /// `script:FILE`. The bare loop has no such thing and takes HTTP without latency.
    Script,
}

/// One execution of a task.
#[derive(Debug)]
pub(crate) struct Done {
    /// When the process was started.
    pub(crate) began: Instant,
    /// Until it had ended.
    pub(crate) wall: Duration,
    /// User and system time of it and all its children.
    pub(crate) cpu: Duration,
    /// Highest memory of the process tree, without the agent's commands.
    pub(crate) peak_kb: u64,
    /// What the model was asked; empty for a script.
    pub(crate) requests: Vec<Request>,
}

impl Done {
    /// From the start of the process to the first request.
    pub(crate) fn to_first_request(&self) -> Result<Duration> {
        Ok(self.requests.first().context("the model was never asked")?.arrived - self.began)
    }

    /// What passed between each answer and the next request.
    pub(crate) fn gaps(&self) -> Vec<Duration> {
        self.requests
            .windows(2)
            .map(|pair| pair[1].arrived.saturating_duration_since(pair[0].answered))
            .collect()
    }
}

/// Length of the task's text, which is not part of the platform's own prompt.
pub(crate) fn task_bytes() -> usize {
    TASK.len()
}

impl Subject {
    /// The bare loop, with its program written into `dir`.
    pub(crate) fn bare(dir: &Path) -> Result<Self> {
        let program = dir.join("bare_loop.py");
        std::fs::write(&program, BARE_LOOP)?;
        // past any shim that a version manager puts in front
        let out = program_named("python3").args(["-c", "import sys; print(sys.executable)"]).output()?;
        let python = PathBuf::from(String::from_utf8(out.stdout)?.trim());
        Ok(Self::Bare { python, program })
    }

    /// The binary, if that is what it is.
    pub(crate) fn binary(&self) -> Option<&PathBuf> {
        match self {
            Self::Aamas(binary) => Some(binary),
            Self::Bare { .. } => None,
        }
    }

    /// Lets the subject do the task in `repository`, keeping its own data in `data`.
    pub(crate) fn run(&self, repository: &Path, data: &Path, turns: &[Turn], via: Via) -> Result<Done> {
        std::fs::create_dir_all(data)?;
        let latency = if let Via::Http(latency) = via { latency } else { Duration::ZERO };
        let server = ModelServer::start(turns.to_vec(), latency)?;
        let mut command = self.command(repository, data, turns, via, &server)?;
        command.current_dir(repository).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());

        let cpu_before = cpu_of_children()?;
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("start {command:?}"))?;
        let watch = Watch::start(child.id());
        let out = child.wait_with_output()?;
        let wall = began.elapsed();
        let peak_kb = watch.peak_kb();
        let cpu = cpu_of_children()?.saturating_sub(cpu_before);
        if !out.status.success() {
            let said = [out.stdout, out.stderr].concat();
            let from = said.len().saturating_sub(2_000);
            bail!("{} for {command:?}:\n{}", out.status, String::from_utf8_lossy(&said[from..]));
        }
        Ok(Done { began, wall, cpu, peak_kb, requests: server.take() })
    }

    fn command(
        &self,
        repository: &Path,
        data: &Path,
        turns: &[Turn],
        via: Via,
        server: &ModelServer,
    ) -> Result<Command> {
        Ok(match self {
            Self::Bare { python, program } => {
                let mut command = program_named(python);
                command.arg(program).args([&server.base_url(), TASK]);
                command
            }
            Self::Aamas(binary) => {
                let model = match via {
                    Via::Http(_) => "openai-chat/bench".to_owned(),
                    Via::Script => {
                        let file = data.join("script.json");
                        std::fs::write(&file, script(turns))?;
                        format!("script:{}", file.display())
                    }
                };
                let max_turns = (turns.len() + 10).to_string();
                let mut command = program_named(binary);
                command
                    .args(["run", "--solo", "--yes", "--json", "--model", &model, "--max-turns", &max_turns])
                    .arg("--repo")
                    .arg(repository)
                    .arg("--data-dir")
                    .arg(data)
                    .arg(TASK)
                    .env("OPENAI_BASE_URL", server.base_url())
                    .env("OPENAI_API_KEY", "bench");
                command
            }
        })
    }
}

/// User and system time of `count` bare `bash -c 'echo N'`, each.
pub(crate) fn bare_command(count: u32) -> Result<Duration> {
    let before = cpu_of_children()?;
    for number in 0..count {
        program_named("bash").args(["-c", &format!("echo {number}")]).output()?;
    }
    Ok(cpu_of_children()?.saturating_sub(before) / count)
}

/// Of the children that were waited for, and theirs.
fn cpu_of_children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = |time: nix::sys::time::TimeVal| {
        u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).map(Duration::from_micros)
    };
    Ok(micros(usage.user_time())? + micros(usage.system_time())?)
}

/// A command of its own.
#[expect(clippy::disallowed_methods, reason = "what is measured runs as a process of its own")]
pub(crate) fn program_named(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}
