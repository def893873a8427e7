//! A task and its run come into being.

use domain::{
    ArtifactId, AttemptId, AttemptState, Entry, IllegalTransition, OperationId, RunId, RunSettings, RunState,
    StepId, StepState, TaskEvent, TaskId,
};
use store::{
    AttemptRecord, Document, NewArtifact, NewEntry, Owner, RunRecord, StepRecord, StoreError, StoredObject,
    TaskRecord, TenantTx,
};

use crate::claim::{Claim, LEASE, journal_entry};
use crate::records::TaskDoc;
use crate::{AppError, Desk, work};

/// What a run needs to begin.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The task that it executes.
    pub task: TaskOf,
    /// What was asked.
    pub settings: RunSettings,
    /// The type of the task, such as `fix`.
    pub kind: String,
    /// What comes after the first entry already: the past that a fork shares with its origin.
    pub past: Vec<NewEntry>,
    /// What it brings along as artifacts.
    pub kept: Vec<Kept>,
}

/// The task of a new run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskOf {
    /// A new one, of no project.
    #[default]
    New,
    /// One that an engine should work on.
    Wanted(TaskId),
    /// A new one in the project of another, and asked like it. Without a project it is [`TaskOf::New`].
    Like {
        /// The other.
        task: TaskId,
        /// The operation that asked for it: it notes what was made in the same commit, lest it make that twice.
        asked: Option<OperationId>,
    },
}

/// A content that is on the disk, and becomes an artifact with its run.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What it is, such as `image`.
    pub kind: String,
    /// A name for people.
    pub name: String,
    /// The content.
    pub object: StoredObject,
}

/// Makes a run durable, and its task if that is new, with this process as the holder of its lease.
///
/// # Errors
/// Failures of the store; [`AppError::Illegal`] when the task can't be taken or is not wanted any more, and
/// [`AppError::NotFound`] when there is none.
pub fn create_run(desk: &Desk, new: NewRun) -> Result<Claim, AppError> {
    let now = desk.now();
    let run = RunId::new(now, (desk.random)());
    let task = match new.task {
        TaskOf::Wanted(task) => task,
        TaskOf::New | TaskOf::Like { .. } => TaskId::new(now, (desk.random)()),
    };
    let (step, attempt) = (StepId::new(now, (desk.random)()), AttemptId::new(now, (desk.random)()));
    let owner = Owner::this_process().map_err(AppError::Identity)?;
    let task_record = TaskRecord { kind: new.kind, ..TaskRecord::new(task, new.settings.task.clone(), now) };
    let settings = serde_json::to_value(&new.settings).unwrap_or_default();
    let mut run_record = RunRecord::queued(run, task, &new.settings.repo, &new.settings.model, now);
    run_record.base_commit = Some(new.settings.base_head.clone());
    run_record.settings = settings;
    let started = RunRecord { state: RunState::Running, ..run_record.clone() };
    let step_record = StepRecord {
        id: step,
        ordinal: 0,
        name: "build".into(),
        state: StepState::Working,
        created_at: now,
        updated_at: now,
        doc: serde_json::Value::Null,
    };
    let attempt_record = AttemptRecord {
        id: attempt,
        step,
        number: 1,
        state: AttemptState::Working,
        created_at: now,
        updated_at: now,
        doc: serde_json::Value::Null,
    };
    let mut entries = vec![journal_entry(0, now, &Entry::Created { settings: new.settings.clone() }, None)];
    entries.extend(new.past);
    let artifact = |kept: Kept| {
        let Kept { kind, name, object } = kept;
        NewArtifact { id: ArtifactId::new(now, (desk.random)()), run, kind, name, object, at: now }
    };
    let artifacts: Vec<_> = new.kept.into_iter().map(artifact).collect();
    let (own, task_of) = (desk.clone(), new.task);
    let budget = new.settings.limits.budget;
    let fence = desk.store.write_blocking(desk.tenant, move |tx| {
        let mut task_record = match task_for(tx, task_of, task_record)? {
            Ok(record) => record,
            // Nothing was written so far.
            Err(refused) => return Ok(Err(refused)),
        };
        tx.insert_run(&run_record)?;
        tx.set_budget(run, budget)?;
        let lease = tx.acquire_lease(run, &owner, now, LEASE, Owner::is_proven_dead)?;
        tx.save_run(lease.fence, &started)?;
        tx.save_step(run, lease.fence, &step_record)?;
        tx.save_attempt(run, lease.fence, &attempt_record)?;
        tx.append(run, lease.fence, &entries)?;
        artifacts.iter().try_for_each(|artifact| tx.add_artifact(artifact))?;
        task_record.state = work::working(task_record.state);
        work::taken(tx, &own, &mut task_record, run)?;
        if let TaskOf::Like { asked: Some(operation), .. } = task_of {
            note_made(tx, operation, task, run)?;
        }
        let data = serde_json::json!({ "task_id": task, "run_id": run });
        let data = work::placed(data, work::place_of(tx, run)?);
        tx.append_event(&own.event("run.created", run.to_string(), data))?;
        Ok(Ok(lease.fence))
    })??;
    Ok(Claim { run, task, fence })
}

/// The row of the task, before its run takes it.
fn task_for(
    tx: &mut TenantTx<'_>,
    of: TaskOf,
    new: TaskRecord,
) -> Result<Result<TaskRecord, AppError>, StoreError> {
    let like = match of {
        TaskOf::New => None,
        TaskOf::Like { task, .. } => tx.task(task)?.filter(|t| t.project.is_some()),
        TaskOf::Wanted(id) => {
            let Some(task) = tx.task(id)? else {
                return Ok(Err(AppError::NotFound { what: "task", text: id.to_string() }));
            };
            if task.wanted_at.is_none() {
                let (from, event) = ("not wanted any more".to_owned(), TaskEvent::Claimed.to_string());
                return Ok(Err(IllegalTransition { what: "task", from, event }.into()));
            }
            return Ok(task.state.apply(TaskEvent::Claimed).map(|_| task).map_err(AppError::from));
        }
    };
    let record = match like {
        None => new,
        Some(like) => {
            let doc: TaskDoc = work::doc_of("task", &like.doc)?;
            let TaskDoc { requirements, settings, assignment, estimate, created_by, created_by_user, .. } =
                doc;
            let doc = TaskDoc {
                requirements,
                settings,
                assignment,
                estimate,
                created_by,
                created_by_user,
                ..TaskDoc::default()
            };
            TaskRecord {
                kind: like.kind,
                text: like.text,
                title: like.title,
                priority: like.priority,
                project: like.project,
                assigned_agent: like.assigned_agent,
                doc: Document::of(&doc),
                ..new
            }
        }
    };
    tx.insert_task(&record)?;
    // The row has its number now.
    Ok(tx.task(record.id)?.ok_or(AppError::NotFound { what: "task", text: record.id.to_string() }))
}

/// Notes in an operation what it has made.
fn note_made(
    tx: &mut TenantTx<'_>,
    operation: OperationId,
    task: TaskId,
    run: RunId,
) -> Result<(), StoreError> {
    let Some(mut record) = tx.operation(operation)? else { return Ok(()) };
    if let Some(result) = record.result.as_object_mut() {
        result.insert("task_id".into(), serde_json::json!(task));
        result.insert("run_id".into(), serde_json::json!(run));
    }
    tx.save_operation(&record)
}
