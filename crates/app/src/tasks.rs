//! Tasks: read and changed by people. How they are asked and controlled stands beside.

mod ask;
mod control;
mod dependencies;

use dependencies::dependencies_of;

pub(crate) use ask::required_capabilities;
pub(crate) use ask::{Checked, KnownProject, insert};
pub use ask::{MAX_DESCRIPTION, NewTask, create};
pub use control::{Control, control};
pub(crate) use control::{steer, tell};

use auth::policy::{Resource, ResourceKind, Risk};
use auth::{Action, Caller};
use domain::{
    AgentId, Hours, NanoUsd, Priority, ProjectId, PullRequestId, RunError, RunId, TaskId, TaskKind,
    TaskState, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{Document, TaskRecord, TenantTx};

use crate::list::{Asked, Listed, Paging, any_of};
use crate::office::{Office, Origin};
use crate::projects::{self, checked_line};
use crate::records::{Assignment, Estimate, TaskDoc, of_doc};
use crate::{AppError, FieldProblem, Platform, agents, estimate, matching};

/// The longest title, in characters.
const MAX_TITLE: usize = 200;
/// Tasks that one task waits for.
const MAX_DEPENDENCIES: usize = 50;

/// A task, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Task {
    /// `task_…`.
    #[schema(value_type = crate::shapes::TaskId)]
    pub id: TaskId,
    /// Its project; null for a task of the command line.
    #[schema(value_type = Option<crate::shapes::ProjectId>, required)]
    pub project_id: Option<ProjectId>,
    /// Its place among the tasks of its organization, from 1.
    pub number: u64,
    /// A line for people.
    pub title: String,
    /// What was asked.
    pub description: String,
    /// `feature`, `fix`, `refactor`, `test`, `docs` or `chore`.
    #[schema(value_type = crate::shapes::TaskType)]
    #[serde(rename = "type")]
    pub kind: String,
    /// `low`, `medium`, `high` or `critical`.
    #[schema(value_type = crate::shapes::Priority)]
    pub priority: Priority,
    /// `submitted`, `working`, `input_required`, `paused`, `completed`, `failed` or `canceled`.
    #[schema(value_type = crate::shapes::TaskStatus)]
    pub status: TaskState,
    /// The agent that it was given to; null: nobody fits, and `assignment` says why.
    #[schema(value_type = Option<crate::shapes::AgentId>, required)]
    pub assigned_agent: Option<AgentId>,
    /// Who was found for it, and why.
    pub assignment: Assignment,
    /// What is asked beside the words.
    #[schema(value_type = Object)]
    pub requirements: Map<String, Value>,
    /// Tasks that have to be completed before it begins.
    #[schema(value_type = Vec<crate::shapes::TaskId>)]
    pub dependencies: Vec<TaskId>,
    /// Hours that it will take, by the middle of the estimate.
    #[schema(value_type = f64)]
    pub estimated_effort: Hours,
    /// Eight of ten such tasks stay in it.
    pub effort_interval: Interval,
    /// Hours that it took; null until it ended.
    #[schema(value_type = Option<f64>, required)]
    pub actual_effort: Option<Hours>,
    /// How good the result is, 0 to 1, by gates and review; null until there is one.
    #[schema(required)]
    pub quality_score: Option<f64>,
    /// What a mistake would cost.
    pub risk: RiskLine,
    /// When it should be done.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub due_date: Option<Timestamp>,
    /// Whether a person holds it.
    pub held: bool,
    /// Whether an engine will begin it when its turn comes.
    pub queued: bool,
    /// Its last run.
    #[schema(value_type = Option<crate::shapes::RunId>, required)]
    pub run_id: Option<RunId>,
    /// The pull request of its last run.
    #[schema(value_type = Option<crate::shapes::PullRequestId>, required)]
    pub pull_request_id: Option<PullRequestId>,
    /// What its last run has cost so far, in US dollars; null when a price is unknown.
    #[schema(required)]
    pub cost_usd: Option<f64>,
    /// Why its last run came to nothing, or what it waits for.
    #[schema(required)]
    pub error: Option<Problem>,
    /// Who asked.
    pub created_by: String,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes.
    #[serde(skip)]
    pub version: u64,
}

/// An interval of hours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Interval {
    /// Its low end.
    #[schema(value_type = f64)]
    pub low: Hours,
    /// Its high end.
    #[schema(value_type = f64)]
    pub high: Hours,
}

/// A risk and its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RiskLine {
    /// `low`, `medium` or `high`.
    #[schema(value_type = crate::shapes::Risk)]
    pub level: String,
    /// Why.
    pub reasons: Vec<String>,
}

/// Why something came to nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Failure)]
pub struct Problem {
    /// A word for programs.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        Self { code: error.code, message: error.message, hint: error.hint }
    }
}

/// Members of a task that are to be changed. A member that is null in JSON is taken as not given.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskChange {
    /// Another title.
    #[schema(value_type = Option<crate::shapes::Title>)]
    pub title: Option<String>,
    /// Another priority.
    #[schema(value_type = Option<crate::shapes::Priority>)]
    pub priority: Option<String>,
    /// Another due date; an empty text takes it away.
    #[schema(value_type = Option<crate::shapes::DueDate>)]
    pub due_date: Option<String>,
    /// Another agent; an empty text lets the matcher choose anew.
    #[schema(value_type = Option<crate::shapes::AgentOrNone>)]
    pub assigned_agent: Option<String>,
    /// Other dependencies.
    #[schema(value_type = Option<Vec<crate::shapes::TaskId>>, max_items = 50)]
    pub dependencies: Option<Vec<String>>,
}

/// Which tasks are listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskFilter {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// In one of these states, with commas between them.
    pub status: Option<String>,
    /// Of one of these types, with commas between them.
    pub kind: Option<String>,
    /// Of this agent.
    pub assigned_agent: Option<String>,
    /// Whose title or description has this in it.
    pub q: Option<String>,
}

/// The tasks of the organization or of one project.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Denied`], [`AppError::Invalid`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    filter: TaskFilter,
    paging: Paging,
) -> Result<Listed<Task>, AppError> {
    let states = any_of(filter.status.as_deref(), "status", TaskState::from_word)?;
    let kind = any_of(filter.kind.as_deref(), "type", TaskKind::from_word)?;
    let agent = filter
        .assigned_agent
        .as_deref()
        .map(|text| {
            text.parse::<AgentId>()
                .map_err(|_| AppError::invalid("assigned_agent", "it is the id of an agent"))
        })
        .transpose()?;
    let filtered = TaskFilter { project: None, ..filter.clone() } != TaskFilter::default();
    let asked = Asked::parse(&paging, &format!("tasks {filter:?}"))?;
    let needle = filter.q.map(|q| q.to_lowercase());
    let project = filter.project;
    platform
        .browse(caller, origin, !filtered && asked.is_short(), move |look| {
            let tenant = look.tx.tenant();
            let project = match (project, &look.caller().project_scope) {
                (None, Some(scope)) => scope.parse().ok(),
                (project, _) => project,
            };
            let resource = match project {
                Some(id) => {
                    let row = look.tx.project(id)?.ok_or_else(|| AppError::not_found("project", id))?;
                    projects::resource_of(&row, tenant)?
                }
                None => Resource::organization(tenant),
            };
            look.may(Action::TasksRead, resource)?;
            asked.collect(
                |page| look.tx.tasks(project, page),
                |record| record.number,
                |record| {
                    let fits = states.as_ref().is_none_or(|all| all.contains(&record.state))
                        && kind.as_ref().is_none_or(|all| all.iter().any(|k| k.as_str() == record.kind))
                        && agent.is_none_or(|a| record.assigned_agent == Some(a))
                        && needle.as_ref().is_none_or(|q| {
                            title_of(&record).to_lowercase().contains(q)
                                || record.text.to_lowercase().contains(q)
                        });
                    if fits { view(look.tx, record).map(Some) } else { Ok(None) }
                },
            )
        })
        .await
}

/// One task.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn get(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: TaskId,
) -> Result<Task, AppError> {
    platform
        .glance(caller, origin, move |look| {
            let record = look.tx.task(id)?.ok_or_else(|| AppError::not_found("task", id))?;
            let doc: TaskDoc = of_doc("task", &record.doc)?;
            look.may(Action::TasksRead, resource_by(look.tx, &record, &doc)?)?;
            view_by(look.tx, record, doc)
        })
        .await
}

/// Changes a task.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Invalid`], [`AppError::Denied`], [`AppError::VersionConflict`].
pub async fn update(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: TaskId,
    change: TaskChange,
    expected: Option<u64>,
) -> Result<Task, AppError> {
    platform
        .change(caller, origin, move |office| {
            let mut record = office.rows().task(id)?.ok_or_else(|| AppError::not_found("task", id))?;
            office.may(Action::TasksUpdate, resource_of(office.rows(), &record)?)?;
            if expected.is_some_and(|v| v != record.version) {
                return Err(AppError::VersionConflict);
            }
            apply(office, &mut record, change)?;
            record.updated_at = office.now();
            office.tx.save_task(&record)?;
            office.did("task.updated", ("task", id.to_string()), event_data(&record))?;
            let record = office.rows().task(id)?.ok_or_else(|| AppError::not_found("task", id))?;
            view(office.rows(), record)
        })
        .await
}

fn apply(office: &mut Office<'_, '_>, record: &mut TaskRecord, change: TaskChange) -> Result<(), AppError> {
    let mut doc: TaskDoc = of_doc("task", &record.doc)?;
    let mut problems = Vec::new();
    if let Some(title) = change.title {
        match checked_line(&title, MAX_TITLE) {
            Ok(title) => record.title = Some(title),
            Err(why) => problems.push(FieldProblem::new("title", why)),
        }
    }
    if let Some(word) = change.priority {
        match Priority::from_word(&word) {
            Some(priority) => record.priority = priority.rank(),
            None => problems.push(FieldProblem::new("priority", "it is low, medium, high or critical")),
        }
    }
    if let Some(text) = change.due_date {
        match (text.is_empty(), parse_time(&text)) {
            (true, _) => record.due_at = None,
            (false, Some(at)) => record.due_at = Some(at),
            (false, None) => {
                problems.push(FieldProblem::new("due_date", "it is a time such as 2030-01-31T12:00:00Z"));
            }
        }
    }
    if let Some(text) = change.assigned_agent {
        if text.is_empty() {
            let players = agents::players(office.rows(), office.now())?;
            let project = record.project.unwrap_or(ProjectId::from_bytes([0; 16]));
            let required = required_capabilities(&doc.requirements).unwrap_or_default();
            let (agent, assignment) =
                matching::find(&players, project, &doc.estimate.capabilities, &required);
            (record.assigned_agent, doc.assignment) = (agent, assignment);
        } else {
            let id = text.parse::<AgentId>();
            match id.as_ref().ok().map(|id| office.rows().agent(*id)).transpose()?.flatten() {
                Some(agent) => {
                    record.assigned_agent = Some(agent.id);
                    doc.assignment.reason =
                        format!("{}: chosen by {}", agent.name, office.caller().principal.name());
                }
                None if id.is_ok() => {
                    problems.push(FieldProblem::unfit("assigned_agent", "there is no such agent"));
                }
                None => problems.push(FieldProblem::new("assigned_agent", "it is not the id of an agent")),
            }
        }
    }
    if !problems.is_empty() {
        return Err(AppError::Invalid(problems));
    }
    if let Some(list) = change.dependencies {
        if list.len() > MAX_DEPENDENCIES {
            return Err(AppError::invalid("dependencies", "there are more than 50"));
        }
        let dependencies = dependencies_of(office.rows(), record.id, record.project, &list)?;
        office.tx.set_dependencies(record.id, &dependencies)?;
    }
    record.doc = Document::of(&doc);
    Ok(())
}

/// A task, as policies see it.
pub(crate) fn resource_of(tx: &TenantTx<'_>, record: &TaskRecord) -> Result<Resource, AppError> {
    resource_by(tx, record, &of_doc("task", &record.doc)?)
}

/// [`resource_of`] a task whose document was read.
pub(crate) fn resource_by(
    tx: &TenantTx<'_>,
    record: &TaskRecord,
    doc: &TaskDoc,
) -> Result<Resource, AppError> {
    let part = Resource {
        risk: Risk::from_word(&doc.estimate.risk).unwrap_or(Risk::Low),
        cost: doc.run.map(|run| tx.budget(run)).transpose()?.map_or(NanoUsd(0), |b| b.spent),
        owner: doc.created_by_user.map(|id| id.to_string()),
        assignee: record.assigned_agent.map(|id| id.to_string()),
        ..Resource::new(ResourceKind::Task, record.id.to_string(), tx.tenant())
    };
    projects::part_of(tx, record.project, part)
}

/// A task, as callers see it.
pub(crate) fn view(tx: &TenantTx<'_>, record: TaskRecord) -> Result<Task, AppError> {
    let doc = of_doc("task", &record.doc)?;
    view_by(tx, record, doc)
}

/// [`view`] of a task whose document was read.
pub(crate) fn view_by(tx: &TenantTx<'_>, record: TaskRecord, doc: TaskDoc) -> Result<Task, AppError> {
    let dependencies = tx.dependencies(record.id)?.into_iter().map(|(id, _)| id).collect();
    let run = match doc.run {
        Some(run) => Some(run),
        None => tx.runs_of_task(record.id, 1)?.pop(),
    };
    let pull_request = run.map(|run| tx.pull_request_of_run(run)).transpose()?.flatten();
    let budget = run.map(|run| tx.budget(run)).transpose()?;
    let cost = budget.filter(|b| b.unpriced_calls == 0).map(|b| b.spent.as_usd());
    let Estimate { effort, low, high, risk, risk_reasons, .. } = doc.estimate;
    Ok(Task {
        id: record.id,
        project_id: record.project,
        number: record.number,
        title: title_of(&record),
        kind: TaskKind::from_word(&record.kind)
            .unwrap_or_else(|| estimate::kind_of(&record.text))
            .as_str()
            .to_owned(),
        priority: Priority::of_rank(record.priority),
        status: record.state,
        assigned_agent: record.assigned_agent,
        assignment: doc.assignment,
        requirements: doc.requirements,
        dependencies,
        estimated_effort: effort,
        effort_interval: Interval { low, high },
        actual_effort: doc.actual_effort,
        quality_score: doc.quality_score,
        risk: RiskLine { level: if risk.is_empty() { "low".into() } else { risk }, reasons: risk_reasons },
        due_date: record.due_at,
        held: doc.held,
        queued: record.wanted_at.is_some(),
        run_id: run,
        pull_request_id: pull_request.map(|p| p.id),
        cost_usd: cost,
        error: doc.error.map(Problem::from),
        created_by: doc.created_by,
        created_at: record.created_at,
        updated_at: record.updated_at,
        version: record.version,
        description: record.text,
    })
}

/// The line that people read.
pub(crate) fn title_of(record: &TaskRecord) -> String {
    let line = || {
        let line = record.text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
        let clean: String = line.chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect();
        clean
    };
    record.title.clone().unwrap_or_else(line)
}

fn event_data(record: &TaskRecord) -> Value {
    json!({
        "task_id": record.id, "project_id": record.project, "title": title_of(record), "status": record.state,
        "assigned_agent": record.assigned_agent,
    })
}

/// A moment in RFC 3339.
fn parse_time(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp::from_micros(at.as_microsecond()))
}
