//! Servers under measurement: ours, with an organization in it, and the framework's beside it.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::http::Talk;
use crate::repository::small;
use crate::subject::program_named;

/// Tasks of the project that is read.
const TASKS: usize = 20;
/// It may take this long to come up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs, and ends with this.
pub(super) struct Server {
    child: Child,
    /// Where it listens.
    pub(super) port: u16,
    /// From the start of the process until it said that it listens.
    pub(super) ready: Duration,
    /// The secret of the sign-in link that a first start prints.
    pub(super) link: Option<String>,
}

impl Server {
    /// Our server on a data directory.
    pub(super) fn ours(binary: &Path, data: &Path) -> Result<Self> {
        Self::with(binary, data, &[])
    }

    /// Our server with more options.
    pub(super) fn with(binary: &Path, data: &Path, options: &[&str]) -> Result<Self> {
        let began = Instant::now();
        let mut child = program_named(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let mut lines = BufReader::new(child.stderr.take().context("its stderr")?).lines();
        let (mut said, mut link) = (String::new(), None);
        let port = loop {
            let Some(line) = lines.next() else { bail!("the server ended:\n{said}") };
            let line = line?;
            if let Some((_, address)) = line.split_once("listening on http://127.0.0.1:") {
                break address.trim().parse().context("a port")?;
            }
            if let Some((_, secret)) = line.split_once("#link=") {
                link = Some(secret.trim().to_owned());
            }
            said += &format!("{line}\n");
        };
        let ready = began.elapsed();
        // What it goes on to say must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, port, ready, link })
    }

    /// The framework's server on a database of its own.
    pub(super) async fn framework(python: &Path, program: &Path, database: &Path) -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let began = Instant::now();
        // Its workers are processes of their own, which its end leaves behind.
        let child = program_named(python)
            .process_group(0)
            .arg(program)
            .arg(database)
            .arg(port.to_string())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", python.display()))?;
        let mut server = Self { child, port, ready: Duration::ZERO, link: None };
        loop {
            if let Ok(mut talk) = Talk::open(port).await
                && talk.json("GET", "/projects/p", FRAMEWORK_TOKEN, None).await.is_ok()
            {
                break;
            }
            anyhow::ensure!(began.elapsed() < PATIENCE, "the framework's server did not come up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server.ready = began.elapsed();
        Ok(server)
    }

    /// Proportional memory (PSS) of the server alone, in MB.
    pub(super) fn memory_mb(&self) -> Result<f64> {
        let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let line =
            rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("a line with the PSS")?;
        let kb: u32 = line.trim().trim_end_matches(" kB").parse().context("a number of KiB")?;
        Ok(f64::from(kb) / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).map(Pid::from_raw);
        let _ = group.map(|group| killpg(group, Signal::SIGKILL));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The token that the framework's server knows.
pub(super) const FRAMEWORK_TOKEN: &str = "aamas_api_bench";

/// An organization with a project and its tasks.
pub(super) struct House {
    pub(super) token: String,
    pub(super) project: String,
    pub(super) task: String,
}

impl House {
    /// Fills a new organization over the API, as a user would.
    pub(super) async fn fill(binary: &Path, data: &Path, port: u16, scratch: &Path) -> Result<Self> {
        let token = token(binary, data, None)?;
        let mut talk = Talk::open(port).await?;
        let project = project_of(&mut talk, &token, &scratch.join("repository")).await?;
        let path = format!("/api/v1/projects/{project}");
        let mut task = String::new();
        for number in 0..TASKS {
            let asked =
                talk.json("POST", &format!("{path}/tasks"), &token, Some(&Self::asked(number))).await?;
            task = id_of(&asked)?;
        }
        Ok(Self { token, project, task })
    }

    /// A task that is created and not begun.
    pub(super) fn asked(number: usize) -> Value {
        json!({ "title": format!("Task {number}"), "description": "Correct the area of a rectangle.", "start": false })
    }
}

/// A project on a new repository, once the engine has brought it in.
pub(super) async fn project_of(talk: &mut Talk, token: &str, repository: &Path) -> Result<String> {
    let repository: PathBuf = small(repository)?;
    let asked = json!({ "name": "Bench", "repository_url": repository });
    let project = id_of(&talk.json("POST", "/api/v1/projects", token, Some(&asked)).await?)?;
    let path = format!("/api/v1/projects/{project}");
    let began = Instant::now();
    while talk.json("GET", &path, token, None).await?["status"] != "active" {
        anyhow::ensure!(began.elapsed() < PATIENCE, "the project is not prepared");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(project)
}

/// A token of an organization; of the one of this machine unless it is named.
pub(super) fn token(binary: &Path, data: &Path, organization: Option<&str>) -> Result<String> {
    let mut program = program_named(binary);
    program.args(["token", "create", "--json", "--data-dir"]).arg(data);
    if let Some(organization) = organization {
        program.args(["--organization", organization]);
    }
    let out = program.output()?;
    let document: Value = serde_json::from_slice(&out.stdout)
        .with_context(|| String::from_utf8_lossy(&out.stderr).into_owned())?;
    Ok(document["token"].as_str().context("a token")?.to_owned())
}

/// The id of a document.
pub(super) fn id_of(document: &Value) -> Result<String> {
    Ok(document["id"].as_str().with_context(|| format!("an id in {document}"))?.to_owned())
}
