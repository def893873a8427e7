//! Tasks, runs, steps and attempts: what goes in comes out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use domain::{AttemptState, RunId, RunState, StepState, TaskState};
use serde_json::json;
use store::{AttemptRecord, Found, Page, RunRecord, RunSummary, StepRecord, StoreError, TaskRecord};

use super::fixture::{Fixture, add_run, at, id, task};
use crate::place::Kind;

#[test]
fn a_task_comes_back_as_it_was_saved() {
    let f = Fixture::new();
    let mut task = task();
    let first = task.clone();
    f.write(move |tx| tx.insert_task(&first)).expect("a new task");
    task.state = TaskState::Working;
    task.doc = json!({"plan": null, "text": "ü\u{0}\u{1F600}"}).into();
    task.updated_at = at(2);
    (task.number, task.version) = (1, 2);
    let saved = task.clone();
    f.write(move |tx| tx.save_task(&saved)).expect("a known task");
    assert_eq!(f.read(|tx| tx.task(task.id)).expect("a look"), Some(task.clone()));
    assert_eq!(f.read(|tx| tx.tasks(None, Page::newest(9))).expect("a look"), [task.clone()]);
    let again = f.write(move |tx| tx.insert_task(&task));
    assert!(matches!(again, Err(StoreError::AlreadyExists { .. })), "{again:?}");
    let unknown = f.write(|tx| tx.save_task(&super::fixture::task()));
    assert!(matches!(unknown, Err(StoreError::NotFound { what: "task", .. })), "{unknown:?}");
}

#[test]
fn a_run_comes_back_as_it_was_saved_under_its_lease() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let mut saved = f.read(|tx| tx.run(run)).expect("a look").expect("it is there");
    saved.state = RunState::Ready;
    saved.branch = Some("aamas/fix-00000001".to_owned());
    saved.base_commit = Some("0123abcd".to_owned());
    saved.document = Some(json!({"status": "ready"}));
    saved.updated_at = at(9);
    let record = saved.clone();
    f.write(move |tx| tx.save_run(fence, &record)).expect("the lease holds");
    assert_eq!(f.read(|tx| tx.run(run)).expect("a look"), Some(saved.clone()));
    f.write(move |tx| tx.release_lease(run, fence)).expect("the lease holds");
    let late = f.write(move |tx| tx.save_run(fence, &saved));
    assert!(matches!(late, Err(StoreError::Fenced { .. })), "{late:?}");
}

#[test]
fn a_run_belongs_to_a_task() {
    let f = Fixture::new();
    let run = RunRecord::queued(id(), id(), Path::new("/repo"), "offline", at(1));
    let orphan = f.write(move |tx| tx.insert_run(&run));
    assert!(matches!(orphan, Err(StoreError::DanglingReference { .. })), "{orphan:?}");
}

#[test]
fn runs_are_listed_in_the_order_in_which_they_came_whatever_the_clock_said() {
    let f = Fixture::new();
    let repo = Path::new(OsStr::from_bytes(b"/r\xff"));
    let summaries: Vec<_> = [50, 10, 30]
        .into_iter()
        .map(|second| {
            let (task, run) = (task(), RunRecord::queued(id(), id(), repo, "offline", at(second)));
            let summary = RunSummary {
                id: run.id,
                task_id: task.id,
                task: task.text.clone(),
                state: RunState::Queued,
                repo: repo.to_owned(),
                branch: None,
                created_at: at(second),
                updated_at: at(second),
            };
            f.write(move |tx| add_run(tx, &task, run)).expect("a new run");
            summary
        })
        .rev()
        .collect();
    assert_eq!(f.read(|tx| tx.runs(0, 9)).expect("a look"), {
        let mut newest_first = summaries.clone();
        newest_first.sort_by_key(|run| std::cmp::Reverse(run.id));
        newest_first
    });
    assert_eq!(f.read(|tx| tx.runs(1, 1)).expect("a look").len(), 1);
}

#[test]
fn a_run_is_found_by_a_part_of_its_id() {
    let f = Fixture::new();
    let ids = [[0x11; 16], [0x12; 16], [0xff; 16]].map(RunId::from_bytes);
    for id in ids {
        let (task, run) =
            (task(), RunRecord::queued(id, super::fixture::id(), Path::new("/r"), "offline", at(1)));
        f.write(move |tx| add_run(tx, &task, run)).expect("a new run");
    }
    let [a, b, c] = ids;
    let text = |id: RunId| id.to_string();
    let cases = [
        ("last".to_owned(), Found::One(c)),
        (text(a), Found::One(a)),
        (text(a)[4..].to_owned(), Found::One(a)),
        (text(b)[..8].to_owned(), Found::One(b)),
        (text(c)[..5].to_owned(), Found::One(c)),
        (c.short(), Found::One(c)),
        (text(a)[..5].to_owned(), Found::Ambiguous(vec![a, b])),
        ("run_".to_owned(), Found::None),
        (String::new(), Found::None),
        (text(a).replace("run", "task"), Found::None),
        ("'; DROP TABLE runs --".to_owned(), Found::None),
    ];
    let found: Vec<_> = cases
        .iter()
        .map(|(text, _)| (text.clone(), f.read(|tx| tx.find_run(text)).expect("a look")))
        .collect();
    assert_eq!(found, cases);
}

#[test]
fn steps_and_attempts_come_back_in_their_order() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let step = |ordinal, state| StepRecord {
        id: id(),
        ordinal,
        name: format!("s{ordinal}"),
        state,
        created_at: at(1),
        updated_at: at(1),
        doc: json!({"acceptance": []}),
    };
    let (second, mut first) = (step(2, StepState::Pending), step(1, StepState::Pending));
    let attempt = |number, state| AttemptRecord {
        id: id(),
        step: first.id,
        number,
        state,
        created_at: at(2),
        updated_at: at(2),
        doc: json!({}),
    };
    let (one, two) = (attempt(1, AttemptState::Rejected), attempt(2, AttemptState::Working));
    let steps = [second.clone(), first.clone()];
    let attempts = [two.clone(), one.clone()];
    f.write(move |tx| {
        steps.iter().try_for_each(|step| tx.save_step(run, fence, step))?;
        attempts.iter().try_for_each(|attempt| tx.save_attempt(run, fence, attempt))
    })
    .expect("the lease holds");
    first.state = StepState::Working;
    let changed = first.clone();
    f.write(move |tx| tx.save_step(run, fence, &changed)).expect("the lease holds");
    assert_eq!(f.read(|tx| tx.steps(run)).expect("a look"), [first, second]);
    assert_eq!(f.read(|tx| tx.attempts(run)).expect("a look"), [one.clone(), two]);

    let doubled = AttemptRecord { id: id(), ..one.clone() };
    let doubled = f.write(move |tx| tx.save_attempt(run, fence, &doubled));
    assert!(matches!(doubled, Err(StoreError::AlreadyExists { .. })), "{doubled:?}");
    let orphan = AttemptRecord { id: id(), step: id(), number: 9, ..one };
    let orphan = f.write(move |tx| tx.save_attempt(run, fence, &orphan));
    assert!(matches!(orphan, Err(StoreError::DanglingReference { .. })), "{orphan:?}");
}

#[test]
fn a_document_that_is_too_large_is_refused() {
    let f = Fixture::new();
    let mut task = task();
    task.doc = json!("x".repeat(store::MAX_DOCUMENT_BYTES)).into();
    let refused = f.write(move |tx| tx.insert_task(&task));
    assert!(matches!(refused, Err(StoreError::TooLarge { what: "task document", .. })), "{refused:?}");
}

/// PostgreSQL can't hold it; the closure learns that, and the store goes on.
#[test]
fn a_text_with_a_nul_is_kept_or_refused_whole() {
    let f = Fixture::new();
    let mut task = task();
    task.text = "a\0b".to_owned();
    let record = task.clone();
    let kept = f.write(move |tx| tx.insert_task(&record));
    let there = f.read(|tx| tx.tasks(None, Page::newest(9))).expect("a look");
    match super::fixture::kind() {
        Kind::Sqlite => assert_eq!((kept.is_ok(), there), (true, vec![TaskRecord { number: 1, ..task }])),
        Kind::Postgres => {
            assert!(matches!(kept, Err(StoreError::NulInText { .. })), "{kept:?}");
            assert_eq!(there, []);
        }
    }
    f.run();
}
