//! What the API asks of the engine beside runs.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;

use app::operations::{
    self, ExportFormat, Exported, Operation, Prepared, PullRequestChanged, Replayed, RunChanged,
};
use domain::{OperationState, RunState, TaskState, TenantId};
use engine::serve::{Options, Repositories};
use serde::de::DeserializeOwned;

use crate::world::{Asked, World, calls, finish, git, write};

const LOCAL: TenantId = TenantId::LOCAL;

async fn done<T: DeserializeOwned>(world: &World, operation: &Operation) -> T {
    let id = operations::ask(&world.desk(LOCAL), operation, "una").expect("asked");
    let record = world.over(LOCAL, id).await;
    assert_eq!(record.state, OperationState::Done, "{record:?}");
    operations::result_of(&record).unwrap_or_else(|error| panic!("{error}: {record:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_replayed_exported_and_its_change_turned_down() {
    let world = World::new();
    let repository = world.repository("app").display().to_string();
    let server = world.serve(2);
    let (project, _) = world.project(LOCAL, &repository);
    let model = world.script("writes", &[write("a.txt", "text\n"), finish("Add a.txt")]);
    let task = world.ask(&Asked {
        tenant: LOCAL,
        project,
        text: "Add a.txt",
        model: &model,
        after: &[],
        agent: None,
    });
    let run_id = world.until(LOCAL, task, TaskState::Completed).await.run.expect("a run");

    let replayed: Replayed = done(&world, &Operation::ReplayRun { run_id }).await;
    assert!(
        replayed.identical && replayed.entries > 0 && replayed.first_difference.is_none(),
        "{replayed:?}"
    );
    let desk = world.desk(LOCAL);
    for format in [ExportFormat::Atif, ExportFormat::Html, ExportFormat::Json, ExportFormat::Attestation] {
        let exported: Exported = done(&world, &Operation::ExportRun { run_id, format }).await;
        let hash = exported.object.parse().expect("a hash");
        let bytes = desk.store.read_object(LOCAL, hash, 0, 64 << 20).expect("it is kept");
        assert_eq!(bytes.len() as u64, exported.size_bytes, "{exported:?}");
        assert!(!bytes.is_empty() && exported.file_name.starts_with(&run_id.to_string()), "{exported:?}");
    }
    let pull_request = desk.store.read_blocking(LOCAL, |tx| tx.pull_request_of_run(run_id)).expect("a store");
    let pull_request_id = pull_request.expect("a pull request").id;
    let closed: PullRequestChanged = done(&world, &Operation::ClosePullRequest { pull_request_id }).await;
    assert_eq!(closed.status, "closed");
    let merge = Operation::MergePullRequest { pull_request_id, draft: true, by: None };
    let id = operations::ask(&desk, &merge, "una").expect("asked");
    let refused = world.over(LOCAL, id).await;
    assert_eq!(operations::error_of(&refused).map(|e| e.code), Some("not_possible".into()), "{refused:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_stands_still_is_set_back_and_ended() {
    let world = World::new();
    let repository = world.repository("app").display().to_string();
    let server = world.serve(2);
    let (project, _) = world.project(LOCAL, &repository);
    let question = calls("ask_human", serde_json::json!({ "question": "Which?" }));
    let model = world.script("asks", &[write("a.txt", "text\n"), question, finish("Add a.txt")]);
    let task = world.ask(&Asked {
        tenant: LOCAL,
        project,
        text: "Add a.txt",
        model: &model,
        after: &[],
        agent: None,
    });
    let run_id = world.until(LOCAL, task, TaskState::InputRequired).await.run.expect("a run");
    let set_back: RunChanged =
        done(&world, &Operation::RewindRun { run_id, turn: Some(1), entry: None }).await;
    assert_eq!((set_back.status, set_back.entry.is_some()), (RunState::Interrupted, true));
    for _ in 0..2 {
        let ended: RunChanged = done(&world, &Operation::CancelRun { run_id }).await;
        assert_eq!(ended, RunChanged { run_id, status: RunState::Canceled, entry: None });
    }
    world.until(LOCAL, task, TaskState::Canceled).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_from_elsewhere_is_cloned_once_when_its_address_is_allowed() {
    let world = World::new();
    let origin = world.repository("origin");
    let served = world.root().join("served");
    git(&origin, &["clone", "--quiet", "--bare", ".", &served.join("app.git").display().to_string()]);
    git(&served.join("app.git"), &["update-server-info"]);
    let url = format!("http://127.0.0.1:{}/app.git", files_over_http(served));

    let server = world.serve(2);
    let (_, refused) = world.project(LOCAL, &url);
    let refused = world.over(LOCAL, refused).await;
    assert_eq!(operations::error_of(&refused).map(|e| e.code), Some("address_not_allowed".into()));
    server.stop().await;

    let repositories = Repositories { allow_private: true, roots: vec![world.root().join("elsewhere")] };
    let server = world.serve_with(Options { repositories, ..Options::default() });
    let (project, operation) = world.project(LOCAL, &url);
    let record = world.over(LOCAL, operation).await;
    let prepared: Prepared = operations::result_of(&record).unwrap_or_else(|_| panic!("{record:?}"));
    let checkout = world.engine.data_dir.join("checkouts").join(LOCAL.to_string()).join(project.to_string());
    assert_eq!(
        (prepared.checkout.as_path(), prepared.default_branch.as_deref()),
        (checkout.as_path(), Some("main"))
    );
    assert_eq!(std::fs::read_to_string(checkout.join("README.md")).expect("a file"), "# App\n");
    // Nobody reaches another's clone, or what lies outside of the directories that are open to projects.
    for (path, code) in [(checkout, "repository_not_allowed"), (origin, "repository_not_allowed")] {
        let (_, operation) = world.project(LOCAL, &path.display().to_string());
        let refused = world.over(LOCAL, operation).await;
        assert_eq!(operations::error_of(&refused).map(|e| e.code), Some(code.into()), "{}", path.display());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_machine_is_measured() {
    let world = World::new();
    let server = world.serve(2);
    let desk = world.desk(TenantId::INSTALLATION);
    for metric in ["cpu_usage", "memory_usage", "storage_usage"] {
        let sample = || {
            let (from, to) = (domain::Timestamp::from_micros(0), desk.now());
            let all = desk.store.read_blocking(TenantId::INSTALLATION, |tx| tx.samples(metric, from, to));
            all.expect("a store").first().map(|(_, value)| *value)
        };
        let value = world.sees(metric, sample).await;
        assert!((0..=100_000).contains(&value), "{metric}: {value}");
    }
    server.stop().await;
}

/// Serves the files below a directory; gives the port. Git reads a repository so that was prepared for it.
fn files_over_http(dir: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a connection")).lines();
            let first = lines.next().and_then(Result::ok).unwrap_or_default();
            for _ in lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()) {}
            let path = first.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
            let (status, body) = match std::fs::read(dir.join(path.trim_start_matches('/'))) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    port
}
