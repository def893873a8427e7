//! What there is to do: read from the store, of all organizations, without changing anything but the words that say why
//! a task waits.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use app::deaths::{Afterwards, MOST_DEATHS, process_died};
use app::records::{ProjectDoc, TaskDoc, of_doc};
use app::{AppError, Desk};
use domain::{
    AgentId, OperationId, ProjectId, ProjectState, RunError, RunState, TaskId, TaskState, TenantId, Timestamp,
};
use store::{Document, OperationRecord, StoreError, TaskRecord, TenantTx};

/// Wanted tasks read at first; more are read while those that could begin are too few.
const FIRST: u32 = 64;
/// Wanted tasks of one organization that are looked through at most.
const MOST: u32 = 4_096;
/// Open operations of one organization that are looked at.
const OPERATIONS: u32 = 32;
/// Runs that are not finished, looked through for those of dead processes.
const STANDING: u32 = 10_000;
/// The word of an error that says why a task waits, and is no end of it.
const WAITS: &str = "dependency_failed";

/// A task that could begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) task: TaskId,
    pub(super) agent: Option<AgentId>,
}

/// What an organization wants.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Tasks that could begin, the most urgent first.
    pub(super) ready: Vec<Ready>,
    /// Operations that nobody has.
    pub(super) operations: Vec<OperationRecord>,
}

/// What is in the hands of this process already.
#[derive(Clone, Debug, Default)]
pub(super) struct InHand {
    pub(super) tasks: HashSet<TaskId>,
    pub(super) operations: HashSet<OperationId>,
}

/// All organizations of the installation, that of the own machine always among them.
pub(super) fn tenants(desk: &Desk) -> Result<BTreeSet<TenantId>, StoreError> {
    let listed = desk.store.read_blocking(TenantId::INSTALLATION, |tx| tx.directory())?;
    Ok(listed.into_iter().chain([TenantId::LOCAL]).collect())
}

/// What an organization wants; at most `most` tasks.
pub(super) fn wanted(desk: &Desk, in_hand: &InHand, most: usize) -> Result<Wanted, AppError> {
    let now = desk.now();
    let (tasks, mut operations) = desk.store.read_blocking(desk.tenant, |tx| {
        Ok((ready(tx, in_hand, most, now)?, tx.open_operations(OPERATIONS)?))
    })?;
    operations.retain(|o| !in_hand.operations.contains(&o.id) && app::operations::is_free(o, now));
    for (task, why) in tasks.blocked {
        say_why(desk, task, why)?;
    }
    for task in tasks.unassigned {
        app::work::assign(desk, task)?;
    }
    Ok(Wanted { ready: tasks.ready, operations })
}

/// The tasks that are wanted, as far as they were looked at.
#[derive(Default)]
struct Tasks {
    /// Those that could begin.
    ready: Vec<Ready>,
    /// Those whose reason to wait is to be said, or is over.
    blocked: Vec<(TaskId, Option<RunError>)>,
    /// Those that fitted nobody when it was last looked.
    unassigned: Vec<TaskId>,
}

fn ready(tx: &TenantTx<'_>, in_hand: &InHand, most: usize, now: Timestamp) -> Result<Tasks, StoreError> {
    let mut limit = FIRST;
    let mut projects = BTreeMap::new();
    loop {
        let wanted = tx.wanted_tasks(limit)?;
        let mut found = Tasks::default();
        for task in &wanted {
            if found.ready.len() == most {
                break;
            }
            let Some(project) = task.project.filter(|_| !in_hand.tasks.contains(&task.id)) else { continue };
            // What this version can't read is left for whoever can.
            let Ok(doc) = of_doc::<TaskDoc>("task", &task.doc) else { continue };
            let why = why_waiting(tx, task)?;
            if doc.error.as_ref().filter(|e| e.code == WAITS) != why.1.as_ref() {
                found.blocked.push((task.id, why.1.clone()));
            }
            if task.assigned_agent.is_none() && doc.assignment.nobody_fits() {
                found.unassigned.push(task.id);
                continue;
            }
            let is_due = task.wanted_at.is_some_and(|at| at <= now);
            if why.0 && is_due && !doc.held && !is_preparing(tx, &mut projects, project)? {
                found.ready.push(Ready { task: task.id, agent: task.assigned_agent });
            }
        }
        let all_seen = wanted.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        if found.ready.len() == most || all_seen || limit >= MOST {
            return Ok(found);
        }
        limit = (limit * 4).min(MOST);
    }
}

/// Whether nothing is before a task, and what to say when something before it can't end well.
fn why_waiting(tx: &TenantTx<'_>, task: &TaskRecord) -> Result<(bool, Option<RunError>), StoreError> {
    let before = tx.dependencies(task.id)?;
    let free = before.iter().all(|(_, state)| *state == TaskState::Completed);
    let ended = before.iter().find(|(_, state)| matches!(state, TaskState::Failed | TaskState::Canceled));
    let why = ended.map(|(id, state)| {
        RunError::new(
            WAITS,
            format!("it waits for {id}, which is {state}"),
            "retry that task, or take it out of the dependencies of this one",
        )
    });
    Ok((free, why))
}

fn is_preparing(
    tx: &TenantTx<'_>,
    known: &mut BTreeMap<ProjectId, bool>,
    id: ProjectId,
) -> Result<bool, StoreError> {
    if let Some(known) = known.get(&id) {
        return Ok(*known);
    }
    let preparing = tx.project(id)?.is_some_and(|p| p.state == ProjectState::Preparing);
    known.insert(id, preparing);
    Ok(preparing)
}

fn say_why(desk: &Desk, id: TaskId, why: Option<RunError>) -> Result<(), AppError> {
    let now = desk.now();
    desk.store.write_blocking(desk.tenant, move |tx| {
        let Some(mut task) = tx.task(id)?.filter(|t| t.wanted_at.is_some()) else { return Ok(()) };
        let Ok(mut doc) = of_doc::<TaskDoc>("task", &task.doc) else { return Ok(()) };
        doc.error = why;
        (task.doc, task.updated_at) = (Document::of(&doc), now);
        tx.save_task(&task)
    })?;
    Ok(())
}

/// Lets tasks go on whose run was in the hands of a process that is dead, unless too many died in it; how many go on.
pub(super) fn recover(desk: &Desk, in_hand: &InHand) -> Result<usize, AppError> {
    let now = desk.now();
    let orphans = desk.store.read_blocking(desk.tenant, |tx| {
        let mut orphans = Vec::new();
        for place in tx.standing_runs(STANDING)?.into_iter().filter(|p| p.project.is_some()) {
            let Some(run) = tx.run(place.run)?.filter(|r| r.state == RunState::Running) else { continue };
            let lease = tx.lease(run.id)?;
            let lives = lease.is_some_and(|l| l.until > now && !l.owner.is_proven_dead());
            if !lives && !in_hand.tasks.contains(&run.task) {
                orphans.push(run.id);
            }
        }
        Ok(orphans)
    })?;
    let mut taken_up = 0;
    for run in orphans {
        match process_died(desk, run)? {
            Afterwards::TakenUp => taken_up += 1,
            Afterwards::TakenUpLater => {
                tracing::warn!(run.id = %run, "{run} pauses: one process after the other died in it");
            }
            Afterwards::LeftToAPerson => {
                tracing::error!(run.id = %run, "{run} waits for a person: {MOST_DEATHS} processes in a row died in it");
            }
            Afterwards::AsBefore => {}
        }
    }
    Ok(taken_up)
}

/// A project with its document.
pub(super) fn project_doc(
    tx: &TenantTx<'_>,
    id: ProjectId,
) -> Result<Option<(store::ProjectRecord, ProjectDoc)>, AppError> {
    let Some(record) = tx.project(id)? else { return Ok(None) };
    let doc = of_doc("project", &record.doc)?;
    Ok(Some((record, doc)))
}
