//! `aamas demo`: the main job before one's eyes, with no key and no network.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use app::Platform;
use app::list::Paging;
use app::office::Origin;
use app::projects::{self, NewProject, ProjectFilter};
use app::tasks::{self, NewTask};
use auth::{Caller, Principal, Role};
use domain::{RunState, TenantId};
use engine::{RunDocument, RunRequest};

use super::{block_on, host, run};
use crate::cli::{Demo, Global};
use crate::refusal::Refusal;
use crate::say::{err, out};

/// The demo's repository: path and content of each file.
const FILES: &[(&str, &str)] = &include!("../../demo/files.in");
/// The task.
const TASK: &str = include_str!("../../demo/TASK.md");

pub fn demo(global: &Global, arguments: &Demo) -> Result<ExitCode, Refusal> {
    let engine = host::engine(global)?;
    let dir = place(&engine.data_dir, arguments)?;
    sandbox::scaffold::create(&dir, FILES, "Add the ledger").map_err(|e| {
        Refusal::internal("demo_failed", engine::sentence(&e), "name an empty directory with --dir")
    })?;
    let task = TASK.trim();
    if !global.json {
        introduce(&dir, task);
    }
    let request = RunRequest {
        repo: dir.clone(),
        task: task.to_owned(),
        model: Some("offline".into()),
        base: "HEAD".into(),
        include_dirty: false,
        limits: Box::new(|defaults| defaults),
        yes: false,
        solo: true,
        plan_only: false,
        best_of: 0,
        origin: None,
        images: Vec::new(),
    };
    let document = block_on(async {
        let created = engine.create(request).await?;
        run::follow(&engine, created.claim, &[]).await
    })??;
    if !global.json {
        story(&engine, &dir, &document)?;
    }
    run::finish(global, &document)
}

/// Gives a server's first organization a project and a task on the demo's repository, once; its engine does the rest.
pub async fn fill(platform: &Platform, data_dir: &Path) -> Result<(), Refusal> {
    let caller = Caller {
        tenant: TenantId::LOCAL,
        principal: Principal::User { id: "demo".into(), name: "Demo".into(), email: String::new() },
        role: Role::Owner,
        project_scope: None,
        mfa: false,
        session: None,
        token: None,
    };
    let origin = Origin::default();
    let before =
        projects::list(platform, &caller, &origin, ProjectFilter::default(), Paging::default()).await?;
    if !before.items.is_empty() {
        return Ok(());
    }
    // Beside the data directory: no project lies in it.
    let mut name = data_dir.file_name().unwrap_or_default().to_owned();
    name.push("-demo");
    let dir = data_dir.with_file_name(name).join("ledger");
    if !dir.exists() {
        sandbox::scaffold::create(&dir, FILES, "Add the ledger").map_err(|e| {
            Refusal::internal("demo_failed", engine::sentence(&e), "remove the directory, and start again")
        })?;
    }
    let new = NewProject {
        name: "Ledger (demo)".into(),
        repository_url: dir.display().to_string(),
        ..NewProject::default()
    };
    let project = projects::create(platform, &caller, &origin, new).await?;
    let task = NewTask {
        description: TASK.trim().to_owned(),
        model: Some("offline".into()),
        solo: Some(true),
        ..NewTask::default()
    };
    tasks::create(platform, &caller, &origin, project.id, task).await?;
    Ok(())
}

fn introduce(dir: &Path, task: &str) {
    err!(
        "A small repository of three modules, with a bug that several of its tests show:\n  {}",
        dir.display()
    );
    err!("$ cd {} && {} run --model offline \"{task}\"\n", dir.display(), program());
}

/// How this program is called from here: its name if PATH leads to it, else its path.
fn program() -> String {
    let Ok(own) = std::env::current_exe() else { return "aamas".to_owned() };
    let path = crate::rim::variable("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join("aamas")).find(|file| file.is_file());
    let named = found.and_then(|file| file.canonicalize().ok()) == own.canonicalize().ok();
    if named { "aamas".to_owned() } else { own.display().to_string() }
}

/// A directory of the user's choice, or a new one below the data directory.
fn place(data_dir: &Path, arguments: &Demo) -> Result<PathBuf, Refusal> {
    let dir = match &arguments.dir {
        Some(dir) => std::path::absolute(dir).unwrap_or_else(|_| dir.clone()),
        None => (1..)
            .map(|n| data_dir.join("demo").join(format!("ledger-{n}")))
            .find(|d| !d.exists())
            .unwrap_or_default(),
    };
    let occupied = std::fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        return Err(Refusal::usage(
            "not_empty",
            format!("{} is not empty", dir.display()),
            "name an empty or new directory",
        ));
    }
    Ok(dir)
}

/// The diff and what to type next.
fn story(engine: &engine::Engine, dir: &Path, document: &RunDocument) -> Result<(), Refusal> {
    let Some(line) = &document.pull_request else { return Ok(()) };
    let record = engine.desk.find_pull_request(&line.id.to_string())?;
    let pull_request = engine::pull_request_of(&record)?;
    out!("\n{}", engine.diff_of(&pull_request)?.trim_end());
    if document.status == RunState::Ready {
        out!("\nNow with your own repository and model:");
        out!("  cd your/repository");
        out!(
            "  export ANTHROPIC_API_KEY=…          or OPENAI_API_KEY=…, or OPENAI_BASE_URL=http://127.0.0.1:8000/v1"
        );
        out!("  {} run \"Add a --quiet flag to the command line\"", program());
        out!("Or merge the demo's change: cd {} && {} pr merge last", dir.display(), program());
    }
    Ok(())
}
