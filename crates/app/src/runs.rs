//! Runs: their documents and journals, and what people tell them.

use auth::policy::{Resource, ResourceKind};
use auth::{Action, Caller};
use domain::{OperationId, OperationState, ProjectId, RunId, RunState, TaskId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use store::{MessageKind, RunRecord, TenantTx};

use crate::list::{Asked, Listed, Paging, any_of};
use crate::office::{Office, Origin};
use crate::operations::{self, ExportFormat, Operation};
use crate::reviews::list_resource;
use crate::tasks::{self, Control};
use crate::{AppError, Platform, models};

/// The longest message, in bytes.
const MAX_MESSAGE: usize = 64 << 10;
/// Journal entries of a page.
const MAX_ENTRIES: u32 = 500;

/// A run, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Run {
    /// `run_…`.
    #[schema(value_type = crate::shapes::RunId)]
    pub id: RunId,
    /// Its task.
    #[schema(value_type = crate::shapes::TaskId)]
    pub task_id: TaskId,
    /// Its project; null for a run of the command line.
    #[schema(value_type = Option<crate::shapes::ProjectId>, required)]
    pub project_id: Option<ProjectId>,
    /// The line that people read of its task.
    pub title: String,
    /// `queued`, `running`, `paused`, `interrupted`, `needs_input`, `limit_reached`, `failed`, `ready`, `no_change`,
    /// `gates_failed` or `canceled`.
    #[schema(value_type = crate::shapes::RunStatus)]
    pub status: RunState,
    /// The model.
    pub model: String,
    /// The delivered branch.
    #[schema(required)]
    pub branch: Option<String>,
    /// Where its journal ends.
    pub journal_seq: u64,
    /// What it spent so far.
    pub spent: Spent,
    /// Its document, as `aamas run --json` prints it; null until it stands still.
    #[schema(value_type = Option<crate::shapes::RunDocument>, required)]
    pub document: Option<Value>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last saved.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// What a run spent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Spent {
    /// US dollars; null when a price is unknown.
    #[schema(required)]
    pub cost_usd: Option<f64>,
    /// What it may spend.
    #[schema(required)]
    pub limit_usd: Option<f64>,
    /// Calls of models.
    pub calls: u64,
    /// Tokens of all prompts, cached ones included.
    pub input_tokens: u64,
    /// Tokens of all answers.
    pub output_tokens: u64,
}

/// An entry of a journal, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JournalEntry {
    /// Its place, from 1.
    pub seq: u64,
    /// The attempt that it belongs to; 0: the run as a whole.
    pub attempt: u32,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What it is, such as `tool_finished`.
    pub kind: String,
    /// How far its text may be trusted: `trusted`, `untrusted` or `secret`.
    #[schema(value_type = crate::shapes::Taint)]
    pub taint: domain::Taint,
    /// What it says.
    #[schema(value_type = crate::shapes::Entry)]
    pub entry: Value,
}

/// The runs of the organization or of one project or task.
///
/// # Errors
/// [`AppError::NotFound`] for project or task, [`AppError::Denied`], [`AppError::Invalid`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    project: Option<ProjectId>,
    task: Option<TaskId>,
    status: Option<String>,
    paging: Paging,
) -> Result<Listed<Run>, AppError> {
    let states = any_of(status.as_deref(), "status", RunState::from_word)?;
    let asked = Asked::parse(&paging, &format!("runs {project:?} {task:?} {status:?}"))?;
    platform
        .look(caller, origin, move |look| {
            let mut project = match (project, &look.caller().project_scope) {
                (None, Some(scope)) => scope.parse().ok(),
                (project, _) => project,
            };
            if let Some(id) = task {
                let row = look.tx.task(id)?.ok_or_else(|| AppError::not_found("task", id))?;
                look.may(Action::RunsRead, list_resource(look.tx, row.project)?)?;
                project = row.project;
            } else {
                look.may(Action::RunsRead, list_resource(look.tx, project)?)?;
            }
            asked.collect(
                |page| match page {
                    store::Page::Newest { before, limit } => look.tx.runs_before(project, before, limit),
                    store::Page::Oldest { .. } => Ok(Vec::new()),
                },
                |place| place.number,
                |place| match look.tx.run(place.run)? {
                    Some(r)
                        if task.is_none_or(|t| t == r.task)
                            && states.as_ref().is_none_or(|all| all.contains(&r.state)) =>
                    {
                        view(look.tx, r).map(|run| Some(Run { document: None, ..run }))
                    }
                    _ => Ok(None),
                },
            )
        })
        .await
}

/// One run.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn get(platform: &Platform, caller: &Caller, origin: &Origin, id: RunId) -> Result<Run, AppError> {
    platform
        .glance(caller, origin, move |look| {
            let record = look.tx.run(id)?.ok_or_else(|| AppError::not_found("run", id))?;
            look.may(Action::RunsRead, resource_of(look.tx, &record)?)?;
            view(look.tx, record)
        })
        .await
}

/// Entries of a run's journal behind `after`, oldest first. The cursor of the next page is the last `seq`.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`], [`AppError::Invalid`].
pub async fn journal(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
    after: u64,
    limit: Option<u32>,
) -> Result<Listed<JournalEntry>, AppError> {
    let limit = limit.unwrap_or(MAX_ENTRIES);
    if !(1..=MAX_ENTRIES).contains(&limit) {
        return Err(AppError::invalid("limit", format!("it is a number from 1 to {MAX_ENTRIES}")));
    }
    let from = after.checked_add(1).filter(|n| i64::try_from(*n).is_ok());
    let from = from.ok_or_else(|| AppError::invalid("after", "it is the seq of an entry"))?;
    platform
        .look(caller, origin, move |look| {
            let record = look.tx.run(id)?.ok_or_else(|| AppError::not_found("run", id))?;
            look.may(Action::RunsRead, resource_of(look.tx, &record)?)?;
            let entries = look.tx.entries(id, from, limit + 1)?;
            let more = entries.len() > limit as usize;
            let items: Vec<_> = entries
                .into_iter()
                .take(limit as usize)
                .map(|e| JournalEntry {
                    seq: e.seq,
                    attempt: e.branch,
                    at: e.at,
                    taint: e.taint,
                    entry: serde_json::from_slice(&e.body).unwrap_or(Value::Null),
                    kind: e.kind,
                })
                .collect();
            let next_cursor = items.last().filter(|_| more).map(|e| e.seq.to_string());
            Ok(Listed { items, next_cursor })
        })
        .await
}

/// What a command of a run printed: an output stream by its name in the journal.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn output(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
    name: String,
) -> Result<Vec<u8>, AppError> {
    let hash = platform
        .look(caller, origin, move |look| {
            let record = look.tx.run(id)?.ok_or_else(|| AppError::not_found("run", id))?;
            look.may(Action::RunsRead, resource_of(look.tx, &record)?)?;
            let all = look.tx.artifacts(id, 100_000)?;
            let found = all.into_iter().find(|a| a.name == name || a.hash.to_string() == name);
            found.map(|a| a.hash).ok_or_else(|| AppError::not_found("output", name))
        })
        .await?;
    crate::artifacts::object(platform, caller.tenant, &hash.to_string(), crate::artifacts::MAX_SHOWN).await
}

/// Tells the agents of a run something, or answers its question. A run that stands still goes on with it.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Invalid`], [`AppError::Denied`], [`AppError::Illegal`] when it is finished or asks
/// nothing.
pub async fn say(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
    kind: MessageKind,
    message: String,
) -> Result<Run, AppError> {
    if message.trim().is_empty() {
        return Err(AppError::invalid("message", "it is empty"));
    }
    if message.len() > MAX_MESSAGE {
        return Err(AppError::invalid("message", "it has more than 64 KB"));
    }
    platform
        .change(caller, origin, move |office| {
            let record = office.rows().run(id)?.ok_or_else(|| AppError::not_found("run", id))?;
            let approves = kind == MessageKind::Answer && asks_approval(&record);
            let (action, resource) = if approves {
                (Action::PlansApprove, plan_of(office.rows(), &record)?)
            } else {
                (Action::RunsSteer, resource_of(office.rows(), &record)?)
            };
            office.may(action, resource)?;
            speak(office, &record, kind, json!({ "text": message }))?;
            view(office.rows(), record)
        })
        .await
}

/// A message to a run, within a use case that asked for it.
pub(crate) fn speak(
    office: &mut Office<'_, '_>,
    record: &RunRecord,
    kind: MessageKind,
    body: Value,
) -> Result<(), AppError> {
    let unasked = kind == MessageKind::Answer && record.state != RunState::NeedsInput;
    if record.state.is_finished() || unasked {
        let event = if kind == MessageKind::Answer { "answered" } else { "steered" };
        return Err(domain::IllegalTransition {
            what: "run",
            from: record.state.to_string(),
            event: event.to_owned(),
        }
        .into());
    }
    tasks::tell(office, record.id, kind, body)?;
    if record.state != RunState::Running {
        let now = office.now();
        operations::let_go(office.tx, record.task, now)?;
        operations::want(office.tx, record.task, now)?;
    }
    let task = office.rows().task(record.task)?;
    let data =
        json!({ "run_id": record.id, "task_id": record.task, "project_id": task.and_then(|t| t.project) });
    let event = if kind == MessageKind::Answer { "run.answered" } else { "run.steered" };
    office.did(event, ("run", record.id.to_string()), data)
}

/// Pauses, resumes or cancels a run, by its task.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`], [`AppError::Illegal`] when that can't happen to it now.
pub async fn control(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
    control: Control,
) -> Result<Run, AppError> {
    platform
        .change(caller, origin, move |office| {
            let record = office.rows().run(id)?.ok_or_else(|| AppError::not_found("run", id))?;
            office.may(Action::RunsControl, resource_of(office.rows(), &record)?)?;
            if record.state.is_finished() {
                let event = match control {
                    Control::Pause => "paused",
                    Control::Resume | Control::Retry => "resumed",
                    Control::Cancel => "canceled",
                };
                let from = record.state.to_string();
                return Err(domain::IllegalTransition { what: "run", from, event: event.into() }.into());
            }
            let task = office.rows().task(record.task)?;
            let task = task.ok_or_else(|| AppError::not_found("task", record.task))?;
            tasks::steer(office, task, control)?;
            view(office.rows(), record)
        })
        .await
}

/// What is asked of an engine for a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Asking {
    /// Another way from an earlier point.
    Fork {
        /// After so many turns.
        turn: Option<u32>,
        /// After this entry.
        entry: Option<u64>,
        /// What is different from there on.
        message: Option<String>,
        /// Another model.
        model: Option<String>,
    },
    /// Deciding it again.
    Replay,
    /// Writing it down.
    Export(ExportFormat),
}

/// Asks an engine for a fork, a replay or an export of a run.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn ask(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
    asking: Asking,
) -> Result<OperationId, AppError> {
    platform
        .change(caller, origin, move |office| {
            let record = office.rows().run(id)?.ok_or_else(|| AppError::not_found("run", id))?;
            let resource = resource_of(office.rows(), &record)?;
            if let Asking::Fork { model: Some(model), .. } = &asking {
                if let Some(why) = models::misnamed(model) {
                    return Err(AppError::unfit("model", why));
                }
                if models::is_of_the_machine(model) {
                    let project = office.rows().task(record.task)?.and_then(|task| task.project);
                    office.may(Action::ProjectsUpdate, list_resource(office.rows(), project)?)?;
                }
            }
            let (action, operation) = match asking {
                Asking::Fork { turn, entry, message, model } => {
                    (Action::RunsFork, Operation::ForkRun { run_id: id, turn, entry, message, model })
                }
                Asking::Replay => (Action::RunsReplay, Operation::ReplayRun { run_id: id }),
                Asking::Export(format) => (Action::RunsExport, Operation::ExportRun { run_id: id, format }),
            };
            office.may(action, resource)?;
            office.ask(&operation)
        })
        .await
}

/// What an operation came to so far, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct OperationView {
    /// `operation_…`.
    #[schema(value_type = crate::shapes::OperationId)]
    pub operation_id: OperationId,
    /// What is to be done, such as `pull_request.merge`.
    pub kind: String,
    /// `queued`, `running`, `done` or `failed`.
    #[schema(value_type = crate::shapes::OperationStatus)]
    pub status: OperationState,
    /// What it came to; null until it is done.
    #[schema(value_type = Option<crate::shapes::OperationResult>, required)]
    pub result: Option<Value>,
    /// Why it failed.
    #[schema(required)]
    pub error: Option<tasks::Problem>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// What an operation came to so far.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn operation(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: OperationId,
) -> Result<OperationView, AppError> {
    platform
        .glance(caller, origin, move |look| {
            let record = look.tx.operation(id)?.ok_or_else(|| AppError::not_found("operation", id))?;
            let part = Resource::new(ResourceKind::Operation, id.to_string(), look.tx.tenant())
                .owned_by(record.asked_by.clone());
            look.may(Action::OperationsRead, part)?;
            let error = operations::error_of(&record).map(tasks::Problem::from);
            let done = record.state == OperationState::Done;
            Ok(OperationView {
                operation_id: id,
                kind: record.kind,
                status: record.state,
                result: done.then_some(record.result),
                error,
                created_at: record.created_at,
                updated_at: record.updated_at,
            })
        })
        .await
}

/// A run, as policies see it.
pub(crate) fn resource_of(tx: &TenantTx<'_>, record: &RunRecord) -> Result<Resource, AppError> {
    let part = Resource::new(ResourceKind::Run, record.id.to_string(), tx.tenant());
    let Some(task) = tx.task(record.task)? else { return Ok(part) };
    let of_task = tasks::resource_of(tx, &task)?;
    Ok(Resource { kind: part.kind, id: part.id, ..of_task })
}

/// The plan of a run, or what else of it waits for an approval, as policies see it.
pub(crate) fn plan_of(tx: &TenantTx<'_>, record: &RunRecord) -> Result<Resource, AppError> {
    Ok(Resource { kind: ResourceKind::Plan, ..resource_of(tx, record)? })
}

/// Whether a run waits for the approval of a plan or of a risky change, rather than for an answer.
fn asks_approval(record: &RunRecord) -> bool {
    let code = record.document.as_ref().and_then(|d| d["error"]["code"].as_str());
    matches!(code, Some("approval_required" | "plan_approval_required"))
}

/// A run, as callers see it.
pub(crate) fn view(tx: &TenantTx<'_>, record: RunRecord) -> Result<Run, AppError> {
    let task = tx.task(record.task)?;
    let budget = tx.budget(record.id)?;
    Ok(Run {
        id: record.id,
        task_id: record.task,
        project_id: task.as_ref().and_then(|t| t.project),
        title: task.as_ref().map(tasks::title_of).unwrap_or_default(),
        status: record.state,
        model: record.model,
        branch: record.branch,
        journal_seq: tx.journal_head(record.id)?,
        spent: Spent {
            cost_usd: (budget.unpriced_calls == 0).then(|| budget.spent.as_usd()),
            limit_usd: budget.limit.map(domain::NanoUsd::as_usd),
            calls: budget.calls,
            input_tokens: budget.usage.input_tokens,
            output_tokens: budget.usage.output_tokens,
        },
        document: record.document,
        created_at: record.created_at,
        updated_at: record.updated_at,
    })
}
