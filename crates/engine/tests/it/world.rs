//! A repository, a data directory, organizations, and the loop under test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use app::records::{AgentDoc, ProjectDoc, TaskDoc, of_doc, to_doc};
use app::{Desk, operations};
use domain::{
    AgentId, AgentKind, AgentState, OperationId, OperationState, ProjectId, ProjectState, TaskId, TaskState,
    TenantId,
};
use engine::Engine;
use engine::serve::{Options, Scheduler};
use serde_json::{Value, json};
use store::{AgentRecord, Document, OperationRecord, OrganizationRecord, ProjectRecord, TaskRecord};
use tokio_util::sync::CancellationToken;

use crate::engine_on::engine_on;

/// Longest that a test waits for something, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// The place of one test.
pub(crate) struct World {
    dir: tempfile::TempDir,
    pub(crate) engine: Engine,
}

/// A loop that runs until it is stopped.
pub(crate) struct Server {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Stops it as a signal would, and waits for it.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("it ends");
    }
}

/// Whose task, with what is different from the usual one.
pub(crate) struct Asked<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) project: ProjectId,
    pub(crate) text: &'a str,
    pub(crate) model: &'a str,
    pub(crate) after: &'a [TaskId],
    pub(crate) agent: Option<AgentId>,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir =
            tempfile::Builder::new().prefix("aamas-serve-").tempdir_in("/var/tmp").expect("a directory");
        let root = dir.path().canonicalize().expect("it is there");
        std::fs::set_permissions(&root, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
        let engine = engine_on(&root.join("data"), env!("CARGO_BIN_EXE_engine-test-launcher").into());
        Self { dir, engine }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().expect("it is there")
    }

    pub(crate) fn desk(&self, tenant: TenantId) -> Desk {
        self.engine.of(tenant).desk
    }

    /// A repository with one commit.
    pub(crate) fn repository(&self, name: &str) -> PathBuf {
        let dir = self.root().join(name);
        std::fs::create_dir(&dir).expect("a directory");
        git(&dir, &["init", "--quiet", "--initial-branch=main"]);
        git(&dir, &["config", "user.name", "Una User"]);
        git(&dir, &["config", "user.email", "una@example.org"]);
        std::fs::write(dir.join("README.md"), "# App\n").expect("a file");
        std::fs::write(dir.join("main.py"), "x = 1\n").expect("a file");
        git(&dir, &["add", "--all"]);
        git(&dir, &["commit", "--quiet", "--message", "Begin"]);
        dir
    }

    /// Another organization.
    pub(crate) fn organization(&self, name: &str) -> TenantId {
        let desk = self.desk(TenantId::INSTALLATION);
        let (now, id) = (desk.now(), TenantId::new(desk.now(), (desk.random)()));
        let record = OrganizationRecord {
            name: name.into(),
            created_at: now,
            updated_at: now,
            version: 1,
            doc: json!({}),
        };
        desk.store.write_blocking(id, move |tx| tx.insert_organization(&record)).expect("a new one");
        desk.store
            .write_blocking(TenantId::INSTALLATION, move |tx| tx.enter_organization(id, now))
            .expect("a new one");
        id
    }

    /// A project whose repository is to be prepared; the operation that asks for it.
    pub(crate) fn project(&self, tenant: TenantId, url: &str) -> (ProjectId, OperationId) {
        let desk = self.desk(tenant);
        let (now, id) = (desk.now(), ProjectId::new(desk.now(), (desk.random)()));
        let record = ProjectRecord {
            id,
            number: 0,
            name: format!("project {url}"),
            repository_url: url.to_owned(),
            state: ProjectState::Preparing,
            created_at: now,
            updated_at: now,
            version: 1,
            doc: to_doc(&ProjectDoc::default()),
        };
        desk.store.write_blocking(tenant, move |tx| tx.insert_project(&record)).expect("a new one");
        let asked = operations::ask(&desk, &operations::Operation::PrepareProject { project_id: id }, "test");
        (id, asked.expect("it is asked for"))
    }

    pub(crate) fn agent(&self, tenant: TenantId) -> AgentId {
        let desk = self.desk(tenant);
        let (now, id) = (desk.now(), AgentId::new(desk.now(), (desk.random)()));
        let record = AgentRecord {
            id,
            number: 0,
            name: "Ada".into(),
            kind: AgentKind::Developer,
            specialization: String::new(),
            state: AgentState::Idle,
            last_active: now,
            created_at: now,
            updated_at: now,
            version: 1,
            doc: to_doc(&AgentDoc::default()),
        };
        desk.store.write_blocking(tenant, move |tx| tx.insert_agent(&record)).expect("a new one");
        id
    }

    /// Asks for a task that an engine should begin.
    pub(crate) fn ask(&self, asked: &Asked<'_>) -> TaskId {
        let desk = self.desk(asked.tenant);
        let (now, id) = (desk.now(), TaskId::new(desk.now(), (desk.random)()));
        let mut doc = TaskDoc::default();
        (doc.settings.solo, doc.settings.model) = (true, Some(asked.model.to_owned()));
        let task = TaskRecord {
            project: Some(asked.project),
            wanted_at: Some(now),
            assigned_agent: asked.agent,
            doc: Document::of(&doc),
            ..TaskRecord::new(id, asked.text, now)
        };
        let after = asked.after.to_vec();
        let put = move |tx: &mut store::TenantTx<'_>| {
            tx.insert_task(&task)?;
            tx.set_dependencies(id, &after)
        };
        desk.store.write_blocking(asked.tenant, put).expect("a new one");
        id
    }

    /// Writes a script of a builder; the result names it as a model.
    pub(crate) fn script(&self, name: &str, turns: &[Value]) -> String {
        let path = self.root().join(format!("{name}.json"));
        std::fs::write(&path, json!({ "roles": { "builder": turns } }).to_string()).expect("a script");
        format!("script:{}", path.display())
    }

    /// A script that writes one file.
    pub(crate) fn writes(&self, path: &str) -> String {
        self.script(&path.replace('/', "-"), &[write(path, "text\n"), finish(&format!("Add {path}"))])
    }

    pub(crate) fn serve(&self, parallel_runs: usize) -> Server {
        self.serve_with(Options { parallel_runs, ..Options::default() })
    }

    pub(crate) fn serve_with(&self, options: Options) -> Server {
        let (scheduler, stop) = (Scheduler::new(self.engine.clone(), options), CancellationToken::new());
        let until = stop.clone();
        let task = tokio::spawn(async move { scheduler.run(until).await.expect("it can look") });
        Server { stop, task }
    }

    /// The same in a process of its own, for a test that kills it.
    pub(crate) fn serve_apart(&self) -> Child {
        let data = self.engine.data_dir.as_os_str();
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine-test-launcher"));
        command.arg("serve").arg(data).spawn().expect("the test's own program")
    }

    pub(crate) fn task(&self, tenant: TenantId, id: TaskId) -> (TaskRecord, TaskDoc) {
        let desk = self.desk(tenant);
        let task = desk.store.read_blocking(tenant, |tx| tx.task(id)).expect("a store").expect("a task");
        let doc = of_doc("task", &task.doc).expect("a document");
        (task, doc)
    }

    /// Waits until a task is in a state.
    pub(crate) async fn until(&self, tenant: TenantId, id: TaskId, state: TaskState) -> TaskDoc {
        self.sees(&format!("{id} is {state}"), || {
            let (task, doc) = self.task(tenant, id);
            (task.state == state && task.wanted_at.is_none()).then_some(doc)
        })
        .await
    }

    /// Waits until an operation is over.
    pub(crate) async fn over(&self, tenant: TenantId, id: OperationId) -> OperationRecord {
        let desk = self.desk(tenant);
        self.sees(&format!("{id} is over"), || {
            let found = desk.store.read_blocking(tenant, |tx| tx.operation(id)).expect("a store");
            found.filter(|o| matches!(o.state, OperationState::Done | OperationState::Failed))
        })
        .await
    }

    /// Waits until something can be seen in the store, woken by each commit of anybody.
    pub(crate) async fn sees<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let mut watch = self.engine.desk.store.watch().expect("a watch");
        let began = Instant::now();
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        let mut changed = true;
        while began.elapsed() < PATIENCE {
            if changed && let Some(seen) = look() {
                return seen;
            }
            tick.tick().await;
            changed = watch.changed().expect("a watch");
        }
        panic!("nobody ever saw that {what}: {:#?}", self.events(TenantId::LOCAL));
    }

    /// Types and subjects of all events, without those of progress.
    pub(crate) fn events(&self, tenant: TenantId) -> Vec<(String, String, Value)> {
        let desk = self.desk(tenant);
        let all = desk.store.read_blocking(tenant, |tx| tx.events_after(0, 10_000)).expect("a store");
        let plain = |e: store::OutboxEvent| {
            let kind = e.event.kind.trim_start_matches("dev.aamas.").to_owned();
            (kind, e.event.subject, e.event.data)
        };
        all.into_iter().map(plain).filter(|(kind, ..)| kind != "run.progressed").collect()
    }
}

pub(crate) fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "commit.gpgSign=false", "-c", "safe.directory=*"])
        .args(arguments)
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub(crate) fn calls(name: &str, arguments: Value) -> Value {
    json!({ "tool_calls": [{ "name": name, "arguments": arguments }] })
}

pub(crate) fn write(path: &str, content: &str) -> Value {
    calls("write_file", json!({ "path": path, "content": content }))
}

pub(crate) fn finish(title: &str) -> Value {
    calls("finish", json!({ "summary": format!("{title}, as asked."), "title": title }))
}
