//! What is asked in the store is done, by the scheduler alone.

use app::operations::{self, Forked, Operation, Prepared, PullRequestChanged};
use app::records::{AgentDoc, of_doc};
use domain::{AgentState, OperationState, ProjectState, TaskId, TaskState, TenantId, Timestamp};
use serde_json::json;
use store::{MessageKind, NewMessage};

use crate::world::{Asked, World, calls, finish, git, write};

const LOCAL: TenantId = TenantId::LOCAL;

fn asked<'a>(project: domain::ProjectId, text: &'a str, model: &'a str) -> Asked<'a> {
    Asked { tenant: LOCAL, project, text, model, after: &[], agent: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_tasks_that_wait_for_each_other_run_in_their_order() {
    let world = World::new();
    let repository = world.repository("app");
    let server = world.serve(2);
    let (project, operation) = world.project(LOCAL, &repository.display().to_string());
    let agent = world.agent(LOCAL);
    let models: Vec<_> = ["a.txt", "b.py", "c.txt"].iter().map(|path| world.writes(path)).collect();
    // The last is asked for first.
    let first = Asked { agent: Some(agent), ..asked(project, "Add a.txt", &models[0]) };
    let first = world.ask(&first);
    let second = world.ask(&Asked { after: &[first], ..asked(project, "Add b.py", &models[1]) });
    let third = world.ask(&Asked { after: &[first, second], ..asked(project, "Add c.txt", &models[2]) });
    for task in [third, second, first] {
        let doc = world.until(LOCAL, task, TaskState::Completed).await;
        assert!(doc.run.is_some() && doc.error.is_none(), "{doc:?}");
        assert_eq!((doc.actual_effort.is_some(), doc.quality_score), (true, Some(1.0)));
    }
    let prepared: Prepared = operations::result_of(&world.over(LOCAL, operation).await).expect("prepared");
    assert_eq!(
        (prepared.default_branch.as_deref(), prepared.checkout.as_path()),
        (Some("main"), repository.as_path())
    );
    assert_eq!(prepared.tech_stack, ["python"]);
    server.stop().await;

    let events = world.events(LOCAL);
    let of = |wanted: &str| -> Vec<String> {
        events.iter().filter(|(kind, ..)| kind == wanted).map(|(_, subject, _)| subject.clone()).collect()
    };
    let order: Vec<String> = [first, second, third].iter().map(TaskId::to_string).collect();
    assert_eq!((of("task.claimed"), of("task.completed")), (order.clone(), order));
    for kind in ["run.created", "run.ready", "pull_request.opened", "task.completed"] {
        let placed = events
            .iter()
            .filter(|(k, ..)| k == kind)
            .filter(|(_, _, data)| data["project_id"] == json!(project));
        assert_eq!(placed.count(), 3, "{kind}: {events:#?}");
    }
    let desk = world.desk(LOCAL);
    let ada = desk.store.read_blocking(LOCAL, |tx| tx.agent(agent)).expect("a store").expect("Ada");
    let doc: AgentDoc = of_doc("agent", &ada.doc).expect("a document");
    assert_eq!(
        (ada.state, doc.tasks.len(), doc.record.completed, doc.record.turns),
        (AgentState::Idle, 0, 1, 2)
    );
    let files =
        desk.store.read_blocking(LOCAL, |tx| tx.code_artifacts(Some(project), None, 10)).expect("a store");
    let mut files: Vec<_> =
        files.into_iter().map(|f| (f.file_path, f.language, f.generated_by, f.content.is_some())).collect();
    files.sort();
    let file =
        |path: &str, language: &str| (path.to_owned(), language.to_owned(), "developer".to_owned(), true);
    assert_eq!(files, [file("a.txt", "text"), file("b.py", "python"), file("c.txt", "text")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_begin_fails_with_its_reason_and_what_depends_on_it_waits() {
    let world = World::new();
    let server = world.serve(2);
    let nothing = world.root().join("nothing");
    let (project, operation) = world.project(LOCAL, &nothing.display().to_string());
    let failed = world.over(LOCAL, operation).await;
    let error = operations::error_of(&failed).expect("an error");
    assert_eq!((failed.state, error.code.as_str()), (OperationState::Failed, "not_a_repository"));
    let desk = world.desk(LOCAL);
    let row = desk.store.read_blocking(LOCAL, |tx| tx.project(project)).expect("a store").expect("a project");
    assert_eq!(
        (row.state, row.doc["status_detail"].as_str()),
        (ProjectState::Failed, Some(error.message.as_str()))
    );

    let model = world.writes("a.txt");
    let task = world.ask(&asked(project, "Add a.txt", &model));
    let waits = world.ask(&Asked { after: &[task], ..asked(project, "Add b.txt", &model) });
    let doc = world.until(LOCAL, task, TaskState::Failed).await;
    let error = doc.error.expect("a reason");
    assert_eq!(error.code, "project_failed", "{error:?}");
    assert!(error.message.contains(&nothing.display().to_string()), "{error:?}");
    let why = world.sees("the other says why it waits", || world.task(LOCAL, waits).1.error).await;
    let (row, _) = world.task(LOCAL, waits);
    assert_eq!(
        (why.code.as_str(), row.state, row.wanted_at.is_some()),
        ("dependency_failed", TaskState::Submitted, true)
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_wakes_its_task_then_the_change_is_merged_and_forked() {
    let world = World::new();
    let repository = world.repository("app");
    let answered =
        json!({ "expect": { "contains": ["Blue"] }, "tool_calls": write("b.txt", "blue\n")["tool_calls"] });
    let model = world.script(
        "asks",
        &[calls("ask_human", json!({ "question": "Which colour?" })), answered, finish("Colour")],
    );
    let server = world.serve(2);
    let (project, _) = world.project(LOCAL, &repository.display().to_string());
    let task = world.ask(&asked(project, "Paint it", &model));
    let doc = world.until(LOCAL, task, TaskState::InputRequired).await;
    let (run, error) = (doc.run.expect("a run"), doc.error.expect("the question"));
    assert!(error.message.contains("Which colour?"), "{error:?}");

    let desk = world.desk(LOCAL);
    let now = desk.now();
    let body = json!({ "text": "Blue" });
    let message =
        NewMessage { key: "1".into(), kind: MessageKind::Answer, author: "una".into(), body, at: now };
    let say = move |tx: &mut store::TenantTx<'_>| {
        tx.post_message(run, &message)?;
        operations::want(tx, task, now)
    };
    assert!(desk.store.write_blocking(LOCAL, say).expect("a store"));
    let doc = world.until(LOCAL, task, TaskState::Completed).await;
    assert_eq!((doc.run, doc.error), (Some(run), None));

    let pull_request = desk.store.read_blocking(LOCAL, |tx| tx.pull_request_of_run(run)).expect("a store");
    let pull_request_id = pull_request.expect("a pull request").id;
    let merge = Operation::MergePullRequest { pull_request_id, draft: false, by: None };
    for _ in 0..2 {
        // Asked for again, as after a crash, it is found done.
        let operation = operations::ask(&desk, &merge, "una").expect("asked");
        let merged = world.over(LOCAL, operation).await;
        let merged: PullRequestChanged =
            operations::result_of(&merged).unwrap_or_else(|_| panic!("{merged:?}"));
        assert_eq!(merged, PullRequestChanged { pull_request_id, status: "merged".into() });
    }
    assert_eq!(git(&repository, &["show", "HEAD:b.txt"]), "blue");

    let fork = Operation::ForkRun {
        run_id: run,
        turn: Some(1),
        entry: None,
        message: Some("Blue it is".into()),
        model: None,
    };
    let operation = operations::ask(&desk, &fork, "una").expect("asked");
    let forked = world.over(LOCAL, operation).await;
    let forked: Forked = operations::result_of(&forked).unwrap_or_else(|_| panic!("{forked:?}"));
    assert!(forked.task_id != task && forked.run_id != run, "{forked:?}");
    let doc = world.sees("the fork stands still", || {
        let (row, doc) = world.task(LOCAL, forked.task_id);
        let still = matches!(row.state, TaskState::Completed | TaskState::InputRequired | TaskState::Failed);
        (still && row.wanted_at.is_none() && row.project == Some(project)).then_some(doc)
    });
    assert_eq!(doc.await.run, Some(forked.run_id));
    server.stop().await;
}

/// A hundred runs, nine of them of an organization that asks for one after the other while the rest was asked for at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_organization_is_served_beside_one_that_asks_ten_times_as_much() {
    const SLOTS: usize = 8;
    let world = World::new();
    let (small, large) = (world.organization("Small"), LOCAL);
    let (one, other) = (world.repository("one"), world.repository("other"));
    let (of_large, _) = world.project(large, &one.display().to_string());
    let (of_small, _) = world.project(small, &other.display().to_string());
    let model = world.script("quick", &[finish("Nothing to do")]);
    let ask = |tenant, project| {
        world.ask(&Asked { tenant, project, text: "Look", model: &model, after: &[], agent: None })
    };
    let server = world.serve(SLOTS);
    let first = ask(small, of_small);
    world.until(small, first, TaskState::Completed).await;
    let many: Vec<TaskId> = (0..91).map(|_| ask(large, of_large)).collect();
    let mut few = Vec::new();
    for _ in 0..8 {
        let (task, asked_at) = (ask(small, of_small), world.engine.desk.now());
        world.until(small, task, TaskState::Completed).await;
        few.push((task, asked_at));
    }
    for task in &many {
        world.until(large, *task, TaskState::Completed).await;
    }
    server.stop().await;

    let claims = claimed(&world, large);
    assert_eq!(claims.len(), many.len(), "each was begun once");
    let of_small = claimed(&world, small);
    for (task, asked_at) in few {
        let (_, begun_at) = of_small.iter().find(|(id, _)| *id == task).expect("it was begun");
        // What was on its way when it was asked for may come first, and nothing more: a slot is free for it.
        let before = claims.iter().filter(|(_, at)| *at > asked_at && at < begun_at).count();
        assert!(before < SLOTS, "{before} runs of the large one were begun while {task} waited");
    }
}

/// Tasks of an organization that were begun, and when.
fn claimed(world: &World, tenant: TenantId) -> Vec<(TaskId, Timestamp)> {
    let desk = world.desk(tenant);
    let all = desk.store.read_blocking(tenant, |tx| tx.events_after(0, 10_000)).expect("a store");
    let claims = all.into_iter().map(|e| e.event).filter(|e| e.kind == "dev.aamas.task.claimed");
    claims.map(|e| (e.subject.parse().expect("an id"), e.at)).collect()
}
