//! Rows as far as figures are made of them.

use domain::{AgentState, NanoUsd, ProjectId, RunState, TaskState, Usage};
use serde_json::json;
use store::{
    AgentRecord, BilledRow, CodeArtifactRecord, DataKeyId, NewEntry, PullRequestRecord, PullRequestRow,
    PullRequestState, ReviewRow, RunRow, SampleSum, ScoreRow, Spend, SpentRow, TaskRecord,
};

use super::fixture::{Fixture, at, entry, id, task};

#[test]
fn runs_come_with_their_task_their_money_and_their_scores() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let (project, agent): (ProjectId, _) = (id(), id());
    let task = f
        .write(move |tx| {
            let task = tx.run(run)?.expect("it is there").task;
            let task = tx.task(task)?.expect("it is there");
            let task = TaskRecord { project: Some(project), assigned_agent: Some(agent), ..task };
            tx.save_task(&task)?;
            let usage = Usage { input_tokens: 9, cached_tokens: 4, output_tokens: 2, ..Usage::default() };
            tx.spend(run, fence, &Spend { cost: Some(NanoUsd(7)), usage, reserved: NanoUsd::ZERO })?;
            let paid = NewEntry { kind: "spent".to_owned(), ..entry("paid") };
            tx.append(
                run,
                fence,
                &[entry("a note"), paid.clone(), NewEntry { data_key: Some(DataKeyId([7; 16])), ..paid }],
            )?;
            for (file_path, quality_score) in [("a.py", Some(500)), ("b.py", Some(250)), ("c.py", None)] {
                tx.put_code_artifact(&CodeArtifactRecord {
                    id: id(),
                    number: 1,
                    project,
                    run,
                    file_path: file_path.into(),
                    language: "python".into(),
                    generated_by: "developer".into(),
                    content: None,
                    quality_score,
                    test_coverage: None,
                    documentation_score: None,
                    created_at: at(3),
                })?;
            }
            Ok(task)
        })
        .expect("a held run");
    let row = RunRow {
        run,
        task: task.id,
        state: RunState::Queued,
        updated_at: at(1),
        project: Some(project),
        agent: Some(agent),
        task_kind: "fix".to_owned(),
        task_state: TaskState::Submitted,
    };
    assert_eq!(f.read(|tx| tx.run_rows(at(1), 9)).expect("a look"), [row]);
    assert_eq!(f.read(|tx| tx.run_rows(at(2), 9)).expect("a look"), []);
    assert_eq!(f.read(|tx| tx.run_document_text(run)).expect("a look"), None);
    let spent = SpentRow {
        run,
        task: task.id,
        project: Some(project),
        state: RunState::Queued,
        created_at: at(1),
        updated_at: at(1),
        calls: 1,
        unpriced_calls: 0,
        spent: NanoUsd(7),
        input_tokens: 9,
        cached_tokens: 4,
        output_tokens: 2,
    };
    assert_eq!(f.read(|tx| tx.spent_rows(at(1), 9)).expect("a look"), [spent]);
    let billed = [(2, Some(b"paid".to_vec())), (3, None)];
    let billed = billed.map(|(seq, body)| BilledRow { seq, branch: 1, at: at(5), body });
    assert_eq!(f.read(|tx| tx.billed_rows(run, 0, 9)).expect("a look"), billed);
    let scores = ScoreRow { run, at: at(3), quality_sum: 750, files: 2 };
    assert_eq!(f.read(|tx| tx.score_rows(at(1), 9)).expect("a look"), [scores]);
    assert_eq!(f.read(|tx| tx.count_runs()).expect("a look"), [(RunState::Queued, 1)]);
}

#[test]
fn what_waits_for_people_and_engines_is_found() {
    let f = Fixture::new();
    let run = f.run();
    let (failed, asked) = (task(), task());
    let ids = (failed.id, asked.id);
    let pr = PullRequestRecord {
        id: id(),
        run,
        forge_number: None,
        title: "Fix paging".to_owned(),
        state: PullRequestState::Open,
        created_at: at(1),
        updated_at: at(2),
        doc: json!({"labels": []}),
    };
    let opened = pr.clone();
    let done = f
        .write(move |tx| {
            tx.insert_task(&TaskRecord { state: TaskState::Failed, updated_at: at(4), ..failed })?;
            tx.insert_task(&TaskRecord { state: TaskState::InputRequired, wanted_at: Some(at(3)), ..asked })?;
            tx.insert_pull_request(&opened)?;
            let done = tx.run(run)?.expect("it is there").task;
            let task = tx.task(done)?.expect("it is there");
            tx.save_task(&TaskRecord { state: TaskState::Completed, ..task })?;
            Ok(done)
        })
        .expect("new rows");
    let waiting = |since| f.read(|tx| tx.tasks_for_people(at(since), 9)).expect("a look");
    assert_eq!((waiting(4), waiting(5)), (vec![ids.1, ids.0], vec![ids.1]));
    assert_eq!(f.read(|tx| tx.count_wanted()).expect("a look"), (1, Some(at(3))));
    let review =
        ReviewRow { id: pr.id, run, task: done, project: None, title: pr.title.clone(), updated_at: at(2) };
    assert_eq!(f.read(|tx| tx.reviews_for_people(9)).expect("a look"), [review]);
    let row = PullRequestRow { id: pr.id, run, state: pr.state, created_at: at(1), updated_at: at(2) };
    assert_eq!(f.read(|tx| tx.pull_request_rows(at(2), 9)).expect("a look"), [row]);
    assert_eq!(f.read(|tx| tx.pull_request_rows(at(3), 9)).expect("a look"), []);
    let text = f.read(|tx| tx.pull_request_document_text(pr.id)).expect("a look");
    assert_eq!(text.as_deref(), Some(r#"{"labels":[]}"#));
}

#[test]
fn agents_are_counted_and_measurements_added_up() {
    let f = Fixture::new();
    let agent = |name: &str, state| AgentRecord {
        id: id(),
        number: 1,
        name: name.into(),
        kind: domain::AgentKind::Developer,
        specialization: "backend".into(),
        state,
        last_active: at(1),
        created_at: at(1),
        updated_at: at(1),
        version: 1,
        doc: json!({}),
    };
    let (idle, retired) = (agent("one", AgentState::Idle), agent("two", AgentState::Retired));
    let key = idle.id;
    f.write(move |tx| [idle, retired].iter().try_for_each(|agent| tx.insert_agent(agent)))
        .expect("new agents");
    assert_eq!(f.read(|tx| tx.agent_states(9)).expect("a look"), [(key, AgentState::Idle)]);
    let mut counts = f.read(|tx| tx.count_agents()).expect("a look");
    counts.sort_by_key(|(state, _)| format!("{state:?}"));
    assert_eq!(counts, [(AgentState::Idle, 1), (AgentState::Retired, 1)]);
    f.write(|tx| (1..=4).try_for_each(|n| tx.add_sample("load", at(n), n * n))).expect("a write");
    let sum = |after, to| f.read(|tx| tx.sample_sum("load", at(after), at(to))).expect("a look");
    assert_eq!(sum(1, 3), Some(SampleSum { count: 2, sum: 13, at: at(3), last: 9 }));
    assert_eq!(sum(4, 9), None);
}
