//! A task and its run come into being.

use domain::{
    ArtifactId, AttemptId, AttemptState, Entry, RunId, RunSettings, RunState, StepId, StepState, TaskEvent,
    TaskId, TaskState,
};
use store::{AttemptRecord, NewArtifact, NewEntry, Owner, RunRecord, StepRecord, StoredObject, TaskRecord};

use crate::claim::{Claim, LEASE, journal_entry};
use crate::{AppError, Desk};

/// What a run needs to begin.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// What was asked.
    pub settings: RunSettings,
    /// The type of the task, such as `fix`.
    pub kind: String,
    /// What comes after the first entry already: the past that a fork shares with its origin.
    pub past: Vec<NewEntry>,
    /// What it brings along as artifacts.
    pub kept: Vec<Kept>,
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

/// Makes a task and its run durable, with this process as the holder of its lease.
///
/// # Errors
/// Only failures of the store.
pub fn create_run(desk: &Desk, new: NewRun) -> Result<Claim, AppError> {
    let now = desk.now();
    let (task, run) = (TaskId::new(now, (desk.random)()), RunId::new(now, (desk.random)()));
    let (step, attempt) = (StepId::new(now, (desk.random)()), AttemptId::new(now, (desk.random)()));
    let owner = Owner::this_process().map_err(AppError::Identity)?;
    let task_record = TaskRecord {
        kind: new.kind,
        state: TaskState::Submitted.apply(TaskEvent::Claimed)?,
        ..TaskRecord::new(task, new.settings.task.clone(), now)
    };
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
    let event =
        desk.event("run.created", run.to_string(), serde_json::json!({ "task_id": task, "run_id": run }));
    let budget = new.settings.limits.budget;
    let fence = desk.store.write_blocking(desk.tenant, move |tx| {
        tx.insert_task(&task_record)?;
        tx.insert_run(&run_record)?;
        tx.set_budget(run, budget)?;
        let lease = tx.acquire_lease(run, &owner, now, LEASE, Owner::is_proven_dead)?;
        tx.save_run(lease.fence, &started)?;
        tx.save_step(run, lease.fence, &step_record)?;
        tx.save_attempt(run, lease.fence, &attempt_record)?;
        tx.append(run, lease.fence, &entries)?;
        artifacts.iter().try_for_each(|artifact| tx.add_artifact(artifact))?;
        tx.append_event(&event)?;
        Ok(lease.fence)
    })?;
    Ok(Claim { run, task, fence })
}
