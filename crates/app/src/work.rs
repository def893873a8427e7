//! Tasks of projects in the hands of engines: what they wait for, who works on them, and what became of that.
//!
//! A task of the command line has no project. Nothing here touches one.

use domain::{
    AgentId, AgentState, GateName, Hours, NanoUsd, ProjectId, RunError, RunId, RunState, TaskEvent, TaskId,
    TaskState, Timestamp, Verdict,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use store::{AgentRecord, Document, MessageKind, StoreError, TaskRecord, TenantTx};

use crate::records::{AgentDoc, Kept, TaskDoc, TrackRecord, of_doc, to_doc};
use crate::{AppError, Desk, agents, matching, tasks};

const MS_PER_HUNDREDTH_HOUR: u64 = 36_000;
/// Messages that are looked at when a run stands still.
const MESSAGES: u32 = 64;

/// Where a run belongs: its task, and the project of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The task.
    pub task: TaskId,
    /// The project; every run that was asked for over the API has one.
    pub project: ProjectId,
}

/// Where a run belongs; `None` for a run of the command line.
///
/// # Errors
/// Only failures of the storage.
pub fn place_of(tx: &TenantTx<'_>, run: RunId) -> Result<Option<Place>, StoreError> {
    let Some(run) = tx.run(run)? else { return Ok(None) };
    let project = tx.task(run.task)?.and_then(|task| task.project);
    Ok(project.map(|project| Place { task: run.task, project }))
}

/// The data of an event, with task and project where there is a place.
#[must_use]
pub fn placed(mut data: serde_json::Value, place: Option<Place>) -> serde_json::Value {
    if let (Some(data), Some(place)) = (data.as_object_mut(), place) {
        data.insert("task_id".into(), json!(place.task));
        data.insert("project_id".into(), json!(place.project));
    }
    data
}

/// Lets an engine work on a task from now on; whether there is such a task of a project that is not ended for good.
/// Whoever records a message to a run that stands still calls this in the same transaction.
///
/// # Errors
/// Only failures of the storage.
pub fn want(tx: &mut TenantTx<'_>, id: TaskId, now: Timestamp) -> Result<bool, StoreError> {
    let Some(mut task) = tx.task(id)?.filter(|t| t.project.is_some()) else { return Ok(false) };
    if matches!(task.state, TaskState::Completed | TaskState::Canceled) {
        return Ok(false);
    }
    if task.wanted_at.is_none() {
        task.wanted_at = Some(now);
        task.updated_at = now;
        tx.save_task(&task)?;
    }
    Ok(true)
}

/// Holds a task that no run works on: engines pass it by until [`let_go`]. Whether there is such a task.
///
/// # Errors
/// Only failures of the storage.
pub fn hold(tx: &mut TenantTx<'_>, id: TaskId, now: Timestamp) -> Result<bool, StoreError> {
    set_held(tx, id, now, true)
}

/// Lets a task go that was held. It goes on if it is wanted.
///
/// # Errors
/// Only failures of the storage.
pub fn let_go(tx: &mut TenantTx<'_>, id: TaskId, now: Timestamp) -> Result<bool, StoreError> {
    set_held(tx, id, now, false)
}

fn set_held(tx: &mut TenantTx<'_>, id: TaskId, now: Timestamp, held: bool) -> Result<bool, StoreError> {
    let Some(mut task) = tx.task(id)?.filter(|t| t.project.is_some()) else { return Ok(false) };
    let mut doc: TaskDoc = doc_of("task", &task.doc)?;
    if doc.held != held {
        doc.held = held;
        task.doc = Document::of(&doc);
        task.updated_at = now;
        tx.save_task(&task)?;
    }
    Ok(true)
}

/// Ends a wanted task without a run: it is failed, and says why. Whether it was still wanted.
///
/// # Errors
/// Only failures of the store.
pub fn fail_task(desk: &Desk, id: TaskId, error: &RunError) -> Result<bool, AppError> {
    let (own, error) = (desk.clone(), error.clone());
    Ok(desk.store.write_blocking(desk.tenant, move |tx| {
        let Some(mut task) = tx.task(id)?.filter(|t| t.wanted_at.is_some()) else { return Ok(false) };
        let working = if task.state == TaskState::Working { task.state } else { working(task.state) };
        task.state = working.apply(TaskEvent::GaveUp).unwrap_or(TaskState::Failed);
        let now = own.now();
        (task.wanted_at, task.updated_at) = (None, now);
        let mut doc: TaskDoc = doc_of("task", &task.doc)?;
        doc.error = Some(error);
        task.doc = Document::of(&doc);
        tx.save_task(&task)?;
        if let Some(agent) = task.assigned_agent {
            agent_leaves(tx, agent, id, &TrackRecord::default(), now)?;
        }
        tx.append_event(&told(&own, &task, doc.run))?;
        Ok(true)
    })?)
}

/// Nobody wants a task any more: there was nothing to go on with.
///
/// # Errors
/// Only failures of the store.
pub fn unwant(desk: &Desk, id: TaskId) -> Result<(), AppError> {
    let now = desk.now();
    desk.store.write_blocking(desk.tenant, move |tx| {
        let Some(mut task) = tx.task(id)?.filter(|t| t.wanted_at.is_some()) else { return Ok(()) };
        (task.wanted_at, task.updated_at) = (None, now);
        tx.save_task(&task)
    })?;
    Ok(())
}

/// Notes that the agents of these tasks are alive and at work.
///
/// # Errors
/// Only failures of the store.
pub fn beat(desk: &Desk, agents: Vec<AgentId>) -> Result<(), AppError> {
    let now = desk.now();
    desk.store.write_blocking(desk.tenant, move |tx| {
        for id in agents {
            if tx.agent(id)?.is_some_and(|a| a.state != AgentState::Retired) {
                tx.beat(id, AgentState::Working, now)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Says how far a run is, for those who watch its project: its journal has grown to `seq`.
#[must_use]
pub fn progressed(
    desk: &Desk,
    run: RunId,
    place: Place,
    seq: u64,
    turns: u32,
    cost: Option<NanoUsd>,
) -> store::NewEvent {
    let cost = cost.map(NanoUsd::as_usd);
    let data = json!({ "run_id": run, "seq": seq, "turns": turns, "cost_usd": cost });
    desk.event("run.progressed", run.to_string(), placed(data, Some(place)))
}

/// Looks again for an agent for a wanted task that fitted nobody; whether there is one now.
///
/// # Errors
/// Failures of the store.
pub fn assign(desk: &Desk, id: TaskId) -> Result<bool, AppError> {
    let own = desk.clone();
    // It is looked each time anything changes: only what was found is written.
    if desk.store.read_blocking(desk.tenant, |tx| Ok(assigned(&own, tx, id)))??.is_none() {
        return Ok(false);
    }
    desk.store
        .write_blocking(desk.tenant, move |tx| {
            let found = assigned(&own, tx, id).map_err(|e| StoreError::Malformed { what: e.to_string() })?;
            let Some(task) = found else { return Ok(false) };
            tx.save_task(&task)?;
            tx.append_event(&task_event(&own, "assigned", &task, None))?;
            Ok(true)
        })
        .map_err(AppError::from)
}

/// A task that waits for an agent, with the one that fits now.
fn assigned(desk: &Desk, tx: &TenantTx<'_>, id: TaskId) -> Result<Option<TaskRecord>, AppError> {
    let waits = |t: &TaskRecord| t.assigned_agent.is_none() && t.wanted_at.is_some();
    let Some(mut task) = tx.task(id)?.filter(waits) else { return Ok(None) };
    let Some(project) = task.project else { return Ok(None) };
    let mut doc: TaskDoc = doc_of("task", &task.doc)?;
    let required = tasks::required_capabilities(&doc.requirements).unwrap_or_default();
    let players = agents::players(tx, desk.now())?;
    let (agent, assignment) = matching::find(&players, project, &doc.estimate.capabilities, &required);
    let Some(agent) = agent else { return Ok(None) };
    doc.assignment = assignment;
    (task.assigned_agent, task.doc, task.updated_at) = (Some(agent), Document::of(&doc), desk.now());
    Ok(Some(task))
}

/// The state of a task that a run takes.
pub(crate) fn working(state: TaskState) -> TaskState {
    let event = if state == TaskState::InputRequired { TaskEvent::Answered } else { TaskEvent::Claimed };
    state.apply(event).unwrap_or(TaskState::Working)
}

/// A run has taken a task, whose state says so already: saves it, and lets its agent work.
pub(crate) fn taken(
    tx: &mut TenantTx<'_>,
    desk: &Desk,
    task: &mut TaskRecord,
    run: RunId,
) -> Result<(), StoreError> {
    let now = desk.now();
    task.updated_at = now;
    task.wanted_at = None;
    let mut doc: TaskDoc = doc_of("task", &task.doc)?;
    if task.project.is_some() {
        (doc.run, doc.error, doc.held) = (Some(run), None, false);
        task.doc = Document::of(&doc);
    }
    tx.save_task(task)?;
    if let Some(agent) = task.assigned_agent {
        agent_comes(tx, agent, task.id, now)?;
    }
    if task.project.is_some() {
        tx.append_event(&task_event(desk, "claimed", task, Some(run)))?;
    }
    Ok(())
}

/// A run that stood still goes on: what it came to is not counted any more.
pub(crate) fn taken_up_again(
    tx: &mut TenantTx<'_>,
    task: &TaskRecord,
    before: Option<&serde_json::Value>,
) -> Result<(), StoreError> {
    let (Some(agent), Some(facts)) = (task.assigned_agent, Facts::of(before)) else { return Ok(()) };
    let Some(mut record) = tx.agent(agent)? else { return Ok(()) };
    let mut doc: AgentDoc = doc_of("agent", &record.doc)?;
    take_back(&mut doc.record, &facts.counted());
    record.doc = to_doc(&doc);
    tx.save_agent(&record)
}

/// A run stands still: what that means for its task and its agent.
pub(crate) fn stood_still(
    tx: &mut TenantTx<'_>,
    desk: &Desk,
    task: &mut TaskRecord,
    run: RunId,
    state: RunState,
    ending: (&serde_json::Value, Option<&RunError>),
) -> Result<(), StoreError> {
    let now = desk.now();
    let (document, error) = ending;
    let facts = Facts::of(Some(document)).unwrap_or_default();
    task.updated_at = now;
    if task.project.is_some() {
        let mut doc: TaskDoc = doc_of("task", &task.doc)?;
        (doc.run, doc.error, doc.deaths) = (Some(run), error.cloned(), 0);
        doc.actual_effort = Some(facts.effort());
        doc.quality_score = quality(&facts.gates);
        task.doc = Document::of(&doc);
        task.wanted_at = goes_on_by_itself(tx, run, state)?.then_some(now);
    }
    tx.save_task(task)?;
    if let Some(agent) = task.assigned_agent {
        agent_leaves(tx, agent, task.id, &facts.counted(), now)?;
    }
    if task.project.is_some() {
        tx.append_event(&told(desk, task, Some(run)))?;
    }
    Ok(())
}

/// Whether an engine takes a run up again without being asked: a process that ended interrupted it, or somebody said
/// something while it was about to stand still.
fn goes_on_by_itself(tx: &TenantTx<'_>, run: RunId, state: RunState) -> Result<bool, StoreError> {
    if state == RunState::Interrupted {
        return Ok(true);
    }
    if state.is_finished() || !tx.has_message(run)? {
        return Ok(false);
    }
    let said = tx.pending_messages(run, MESSAGES)?;
    Ok(said.iter().any(|m| match m.kind {
        MessageKind::Cancel => true,
        MessageKind::Answer | MessageKind::Steer => state != RunState::Paused,
        MessageKind::Pause => false,
    }))
}

fn agent_comes(tx: &mut TenantTx<'_>, id: AgentId, task: TaskId, now: Timestamp) -> Result<(), StoreError> {
    change_agent(tx, id, now, |_, doc| {
        if !doc.tasks.contains(&task) {
            doc.tasks.push(task);
        }
    })
}

fn agent_leaves(
    tx: &mut TenantTx<'_>,
    id: AgentId,
    task: TaskId,
    counted: &TrackRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    change_agent(tx, id, now, |_, doc| {
        doc.tasks.retain(|t| *t != task);
        add(&mut doc.record, counted);
    })
}

fn change_agent(
    tx: &mut TenantTx<'_>,
    id: AgentId,
    now: Timestamp,
    change: impl FnOnce(&AgentRecord, &mut AgentDoc),
) -> Result<(), StoreError> {
    // An agent that was removed meanwhile has no record to keep.
    let Some(mut agent) = tx.agent(id)? else { return Ok(()) };
    let mut doc: AgentDoc = doc_of("agent", &agent.doc)?;
    change(&agent, &mut doc);
    if agent.state != AgentState::Retired {
        agent.state = if doc.tasks.is_empty() { AgentState::Idle } else { AgentState::Working };
    }
    agent.doc = to_doc(&doc);
    (agent.last_active, agent.updated_at) = (now, now);
    tx.save_agent(&agent)
}

/// The event of the state that a task has come to.
pub(crate) fn told(desk: &Desk, task: &TaskRecord, run: Option<RunId>) -> store::NewEvent {
    task_event(desk, task.state.as_str(), task, run)
}

fn task_event(desk: &Desk, verb: &str, task: &TaskRecord, run: Option<RunId>) -> store::NewEvent {
    let data = json!({
        "task_id": task.id,
        "project_id": task.project,
        "run_id": run,
        "agent_id": task.assigned_agent,
        "status": task.state,
    });
    desk.event(&format!("task.{verb}"), task.id.to_string(), data)
}

/// The document of a row, inside a transaction.
pub(crate) fn doc_of<T: DeserializeOwned>(what: &'static str, doc: &impl Kept) -> Result<T, StoreError> {
    of_doc(what, doc).map_err(|error| match error {
        AppError::Store(error) => error,
        other => StoreError::Malformed { what: other.to_string() },
    })
}

/// What a run's document says that is counted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Facts {
    status: Option<RunState>,
    turns: u64,
    duration_ms: u64,
    usage: Usage,
    gates: Vec<Gate>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Usage {
    cost_usd: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Gate {
    name: GateName,
    verdict: Verdict,
}

impl Facts {
    fn of(document: Option<&serde_json::Value>) -> Option<Self> {
        serde_json::from_value(document?.clone()).ok()
    }

    /// The time that processes spent on it, at least a hundredth of an hour.
    fn effort(&self) -> Hours {
        let hundredths = self.duration_ms.div_ceil(MS_PER_HUNDREDTH_HOUR).max(1);
        Hours(u32::try_from(hundredths).unwrap_or(u32::MAX))
    }

    fn counted(&self) -> TrackRecord {
        use RunState as S;
        let is = |states: &[S]| u64::from(self.status.is_some_and(|s| states.contains(&s)));
        TrackRecord {
            completed: is(&[S::Ready, S::NoChange]),
            failed: is(&[S::GatesFailed, S::Failed, S::LimitReached]),
            turns: self.turns,
            busy_ms: self.duration_ms,
            errors: is(&[S::Failed]),
            cost_nano_usd: self.usage.cost_usd.and_then(NanoUsd::from_usd).map_or(0, |cost| cost.0),
        }
    }
}

fn add(to: &mut TrackRecord, more: &TrackRecord) {
    to.completed += more.completed;
    to.failed += more.failed;
    to.turns += more.turns;
    to.busy_ms += more.busy_ms;
    to.errors += more.errors;
    to.cost_nano_usd += more.cost_nano_usd;
}

fn take_back(from: &mut TrackRecord, less: &TrackRecord) {
    from.completed = from.completed.saturating_sub(less.completed);
    from.failed = from.failed.saturating_sub(less.failed);
    from.turns = from.turns.saturating_sub(less.turns);
    from.busy_ms = from.busy_ms.saturating_sub(less.busy_ms);
    from.errors = from.errors.saturating_sub(less.errors);
    from.cost_nano_usd -= less.cost_nano_usd;
}

/// How good a result is by its gates, 0 to 1: the weights of those that passed over the weights of those that said
/// anything. What a gate skipped says nothing; `None` when nothing was judged.
///
/// Weights: tests 4, build 2, secrets 2, all others 1: what breaks users weighs more than what looks untidy.
fn quality(gates: &[Gate]) -> Option<f64> {
    let weight = |gate: &&Gate| match gate.name {
        GateName::Tests => 4u32,
        GateName::Build | GateName::Secrets => 2,
        GateName::Lint | GateName::Format | GateName::TestsKept | GateName::Diff => 1,
    };
    let judged = gates.iter().filter(|g| g.verdict != Verdict::Skipped);
    let all: u32 = judged.clone().map(|g| weight(&g)).sum();
    let passed: u32 = judged.filter(|g| g.verdict == Verdict::Passed).map(|g| weight(&g)).sum();
    (all > 0).then(|| f64::from(passed) / f64::from(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_is_what_the_gates_that_spoke_say() {
        use {GateName as N, Verdict as V};
        let gates = |of: &[(N, V)]| {
            of.iter().map(|(name, verdict)| Gate { name: *name, verdict: *verdict }).collect::<Vec<_>>()
        };
        let cases = [
            (gates(&[]), None),
            (gates(&[(N::Tests, V::Skipped)]), None),
            (gates(&[(N::Tests, V::Passed), (N::Lint, V::Skipped)]), Some(1.0)),
            (gates(&[(N::Tests, V::Failed), (N::Build, V::Passed), (N::Secrets, V::Passed)]), Some(0.5)),
            (gates(&[(N::Tests, V::Error)]), Some(0.0)),
        ];
        for (gates, want) in cases {
            assert_eq!(quality(&gates), want, "{gates:?}");
        }
    }

    #[test]
    fn what_is_taken_back_was_never_counted() {
        let document =
            json!({"status": "failed", "turns": 3, "duration_ms": 40_000, "usage": {"cost_usd": 0.25}});
        let facts = Facts::of(Some(&document)).expect("a document");
        let mut record = TrackRecord { completed: 2, turns: 5, ..TrackRecord::default() };
        let before = record.clone();
        add(&mut record, &facts.counted());
        let counted = TrackRecord {
            completed: 2,
            failed: 1,
            turns: 8,
            busy_ms: 40_000,
            errors: 1,
            cost_nano_usd: 250_000_000,
        };
        assert_eq!(record, counted);
        take_back(&mut record, &facts.counted());
        assert_eq!((record, facts.effort()), (before, Hours(2)));
    }
}
