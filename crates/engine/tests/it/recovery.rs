//! What is under way survives the end of its process, and is never done twice.

use domain::{RunId, RunState, TaskId, TaskState, TenantId};
use serde_json::json;

use crate::world::{Asked, World, calls, finish, git, write};

const LOCAL: TenantId = TenantId::LOCAL;

/// A task whose run waits inside a command until its gate is open.
struct Waiting {
    world: World,
    gate: std::path::PathBuf,
    task: TaskId,
}

impl Waiting {
    fn new() -> Self {
        let world = World::new();
        let (repository, gate) = (world.repository("app"), world.root().join("gate"));
        std::fs::create_dir(&gate).expect("a directory");
        let config = format!("[sandbox]\nread = [\"{}\"]\n", gate.display());
        std::fs::write(repository.join("aamas.toml"), config).expect("a file");
        git(&repository, &["add", "--all"]);
        git(&repository, &["commit", "--quiet", "--message", "Open the gate's directory"]);
        let wait = format!("while [ ! -e '{}/open' ]; do :; done", gate.display());
        let wait = calls("run_command", json!({ "command": wait }));
        let model = world.script("waits", &[write("a.txt", "text\n"), wait, finish("Add a.txt")]);
        let (project, _) = world.project(LOCAL, &repository.display().to_string());
        let asked =
            Asked { tenant: LOCAL, project, text: "Add a.txt", model: &model, after: &[], agent: None };
        let task = world.ask(&asked);
        Self { world, gate, task }
    }

    /// Waits until the command is under way.
    async fn at_work(&self) -> RunId {
        let desk = self.world.desk(LOCAL);
        let at_work = || {
            let run = self.world.task(LOCAL, self.task).1.run?;
            let entries = desk.store.read_blocking(LOCAL, |tx| tx.entries(run, 1, 100)).expect("a store");
            (entries.iter().filter(|e| e.kind == "tool_intended").count() == 2).then_some(run)
        };
        self.world.sees("the command runs", at_work).await
    }

    fn open(&self) {
        std::fs::write(self.gate.join("open"), "").expect("a file");
    }

    fn state(&self, run: RunId) -> RunState {
        let desk = self.world.desk(LOCAL);
        desk.store.read_blocking(LOCAL, |tx| tx.run(run)).expect("a store").expect("a run").state
    }

    /// The task is done, by this run and no other.
    async fn is_done_by(&self, run: RunId) {
        let doc = self.world.until(LOCAL, self.task, TaskState::Completed).await;
        let desk = self.world.desk(LOCAL);
        let runs = desk.store.read_blocking(LOCAL, |tx| tx.runs_of_task(self.task, 10)).expect("a store");
        assert_eq!((doc.run, runs, self.state(run)), (Some(run), vec![run], RunState::Ready));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_goes_on_with_the_same_run_after_its_next_start() {
    let waiting = Waiting::new();
    let server = waiting.world.serve(2);
    let run = waiting.at_work().await;
    server.stop().await;
    let (row, _) = waiting.world.task(LOCAL, waiting.task);
    let stands = (row.state, row.wanted_at.is_some(), waiting.state(run));
    assert_eq!(stands, (TaskState::Paused, true, RunState::Interrupted));
    waiting.open();
    let server = waiting.world.serve(2);
    waiting.is_done_by(run).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_s_runs_go_on_with_the_next_one() {
    let waiting = Waiting::new();
    let mut server = waiting.world.serve_apart();
    let run = waiting.at_work().await;
    server.kill().expect("it runs");
    server.wait().expect("it ends");
    let (row, _) = waiting.world.task(LOCAL, waiting.task);
    let stands = (row.state, row.wanted_at.is_some(), waiting.state(run));
    assert_eq!(stands, (TaskState::Working, false, RunState::Running), "nobody could say anything");
    waiting.open();
    let server = waiting.world.serve(2);
    waiting.is_done_by(run).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_engines_on_one_store_do_nothing_twice() {
    let world = World::new();
    let repository = world.repository("app").display().to_string();
    let (project, _) = world.project(LOCAL, &repository);
    let model = world.script("quick", &[finish("Nothing to do")]);
    let ask = |_| {
        world.ask(&Asked { tenant: LOCAL, project, text: "Look", model: &model, after: &[], agent: None })
    };
    let tasks: Vec<TaskId> = (0..8).map(ask).collect();
    let mut other = world.serve_apart();
    let server = world.serve(2);
    for task in &tasks {
        world.until(LOCAL, *task, TaskState::Completed).await;
    }
    server.stop().await;
    other.kill().expect("it runs");
    other.wait().expect("it ends");
    let desk = world.desk(LOCAL);
    let runs = |task: &TaskId| {
        desk.store.read_blocking(LOCAL, |tx| tx.runs_of_task(*task, 10)).expect("a store").len()
    };
    assert_eq!(tasks.iter().map(runs).collect::<Vec<_>>(), [1; 8]);
}
