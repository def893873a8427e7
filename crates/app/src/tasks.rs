//! Tasks: asked, matched, waited for, held and ended by people.

use std::collections::BTreeMap;

use auth::policy::{Resource, ResourceKind, Risk};
use auth::{Action, Caller};
use domain::{
    AgentId, Hours, NanoUsd, Priority, ProjectId, ProjectState, PullRequestId, RunError, RunId, RunState,
    TaskEvent, TaskId, TaskKind, TaskState, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{MessageKind, NewMessage, TaskRecord, TenantTx};

use crate::list::{Asked, Listed, Paging};
use crate::office::{Office, Origin};
use crate::operations::Operation;
use crate::projects::{self, checked_line};
use crate::records::{Assignment, Estimate, TaskDoc, TaskSettings, of_doc, to_doc};
use crate::{AppError, FieldProblem, Platform, agents, estimate, matching};

/// The longest title, in characters.
const MAX_TITLE: usize = 200;
/// The longest description, in bytes: the contract's.
pub const MAX_DESCRIPTION: usize = 1 << 20;
/// Tasks that one task waits for.
const MAX_DEPENDENCIES: usize = 50;
/// How far dependencies are followed to find a circle.
const MAX_WALK: usize = 10_000;
/// Earlier tasks that an estimate learns from.
const LEARNED_FROM: u32 = 200;
/// The longest document of requirements, in bytes of JSON.
const MAX_REQUIREMENTS: usize = 64 << 10;

/// A task, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Task {
    /// `task_…`.
    #[schema(value_type = String)]
    pub id: TaskId,
    /// Its project; null for a task of the command line.
    #[schema(value_type = Option<String>)]
    pub project_id: Option<ProjectId>,
    /// Its place among the tasks of its organization, from 1.
    pub number: u64,
    /// A line for people.
    pub title: String,
    /// What was asked.
    pub description: String,
    /// `feature`, `fix`, `refactor`, `test`, `docs` or `chore`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `low`, `medium`, `high` or `critical`.
    #[schema(value_type = String)]
    pub priority: Priority,
    /// `submitted`, `working`, `input_required`, `paused`, `completed`, `failed` or `canceled`.
    #[schema(value_type = String)]
    pub status: TaskState,
    /// The agent that it was given to; null: nobody fits, and `assignment` says why.
    #[schema(value_type = Option<String>)]
    pub assigned_agent: Option<AgentId>,
    /// Who was found for it, and why.
    #[schema(value_type = Object)]
    pub assignment: Assignment,
    /// What is asked beside the words.
    #[schema(value_type = Object)]
    pub requirements: Map<String, Value>,
    /// Tasks that have to be completed before it begins.
    #[schema(value_type = Vec<String>)]
    pub dependencies: Vec<TaskId>,
    /// Hours that it will take, by the middle of the estimate.
    #[schema(value_type = f64)]
    pub estimated_effort: Hours,
    /// Eight of ten such tasks stay in it.
    pub effort_interval: Interval,
    /// Hours that it took; null until it ended.
    #[schema(value_type = Option<f64>)]
    pub actual_effort: Option<Hours>,
    /// How good the result is, 0 to 1, by gates and review; null until there is one.
    pub quality_score: Option<f64>,
    /// What a mistake would cost.
    pub risk: RiskLine,
    /// When it should be done.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_date: Option<Timestamp>,
    /// Whether a person holds it.
    pub held: bool,
    /// Whether an engine will begin it when its turn comes.
    pub queued: bool,
    /// Its last run.
    #[schema(value_type = Option<String>)]
    pub run_id: Option<RunId>,
    /// The pull request of its last run.
    #[schema(value_type = Option<String>)]
    pub pull_request_id: Option<PullRequestId>,
    /// What its last run has cost so far, in US dollars; null when a price is unknown.
    pub cost_usd: Option<f64>,
    /// Why its last run came to nothing, or what it waits for.
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
    pub level: String,
    /// Why.
    pub reasons: Vec<String>,
}

/// Why something came to nothing.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
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

/// A task that is to be asked.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    /// What should change, 1 byte to 1 MB.
    #[schema(min_length = 1, max_length = 1048576)]
    pub description: String,
    /// A line for people; the description's first line if not given.
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// `feature`, `fix`, `refactor`, `test`, `docs` or `chore`; found from its words if not given.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `low`, `medium` (if not given), `high` or `critical`.
    pub priority: Option<String>,
    /// What is asked beside the words; `capabilities` is a list of what its agent should be able to do.
    #[schema(value_type = Option<Object>)]
    pub requirements: Option<Map<String, Value>>,
    /// Tasks of the same project that have to be completed before.
    #[schema(max_items = 50)]
    pub dependencies: Option<Vec<String>>,
    /// When it should be done, RFC 3339.
    #[schema(format = DateTime)]
    pub due_date: Option<String>,
    /// The model, as `provider/model` (`SPEC` of the command line); the project's if not given.
    #[schema(max_length = 200)]
    pub model: Option<String>,
    /// What the run may cost, in US dollars.
    #[schema(minimum = 0)]
    pub budget_usd: Option<f64>,
    /// Answers of models in the run.
    #[schema(minimum = 1)]
    pub max_turns: Option<u32>,
    /// One builder and the gates, without a team.
    pub solo: Option<bool>,
    /// Stop after the plan.
    pub plan_only: Option<bool>,
    /// The branch, tag or commit to start from.
    #[schema(max_length = 200)]
    pub base: Option<String>,
    /// Plans and changes of protected paths are approved beforehand.
    pub approve: Option<bool>,
    /// Whether to begin as soon as its turn comes (if not given: yes); else it is held.
    pub start: Option<bool>,
}

/// Members of a task that are to be changed. A member that is null in JSON is taken as not given.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskChange {
    /// Another title.
    #[schema(min_length = 1, max_length = 200)]
    pub title: Option<String>,
    /// Another priority.
    pub priority: Option<String>,
    /// Another due date; an empty text takes it away.
    pub due_date: Option<String>,
    /// Another agent; an empty text lets the matcher choose anew.
    pub assigned_agent: Option<String>,
    /// Other dependencies.
    #[schema(max_items = 50)]
    pub dependencies: Option<Vec<String>>,
}

/// Which tasks are listed.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// In this state.
    pub status: Option<String>,
    /// Of this type.
    pub kind: Option<String>,
    /// Of this agent.
    pub assigned_agent: Option<String>,
    /// Whose title or description has this in it.
    pub q: Option<String>,
}

/// What people do with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Holds it: a run stops at its next safe point, and a task that waits is not begun.
    Pause,
    /// Lets it go on.
    Resume,
    /// Ends it for good.
    Cancel,
    /// Begins it anew after it failed.
    Retry,
}

/// Asks a task of a project: analyzed, matched and, unless it is held, queued.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Invalid`], [`AppError::Denied`], [`AppError::Conflict`] when the
/// project is archived or too many tasks wait.
pub async fn create(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    project: ProjectId,
    new: NewTask,
) -> Result<Task, AppError> {
    let checked = Checked::of(new)?;
    let known = platform.known_of(caller.tenant, project).await?;
    let most = platform.settings().max_open_tasks;
    if known.open >= most {
        return Err(AppError::Conflict {
            code: "too_many_open_tasks",
            detail: format!("{} tasks of this project wait already", known.open),
            hint: "wait until some were begun, or cancel some",
        });
    }
    platform
        .change(caller, origin, move |office| {
            let row =
                office.rows().project(project)?.ok_or_else(|| AppError::not_found("project", project))?;
            office.may(Action::TasksCreate, projects::resource_of(&row, office.rows().tenant())?)?;
            if row.state == ProjectState::Archived {
                return Err(AppError::Conflict {
                    code: "project_archived",
                    detail: format!("{} is archived", row.name),
                    hint: "bring it back with PATCH {\"status\": \"active\"}",
                });
            }
            let task = insert(office, project, checked, &known)?;
            view(office.rows(), task)
        })
        .await
}

/// A new task whose members are what they should be, as far as they say themselves.
pub(crate) struct Checked {
    pub(crate) text: String,
    pub(crate) title: Option<String>,
    pub(crate) kind: TaskKind,
    pub(crate) priority: Priority,
    pub(crate) requirements: Map<String, Value>,
    pub(crate) capabilities: Vec<String>,
    pub(crate) dependencies: Vec<String>,
    pub(crate) due: Option<Timestamp>,
    pub(crate) settings: TaskSettings,
    pub(crate) start: bool,
}

impl Checked {
    pub(crate) fn of(new: NewTask) -> Result<Self, AppError> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, why: &str| problems.push(FieldProblem::new(field, why));
        if new.description.len() > MAX_DESCRIPTION {
            problem("description", "it has more than 1 MB");
        } else if new.description.chars().all(|c| c.is_whitespace() || c.is_control()) {
            problem("description", "it is empty");
        } else if new.description.contains('\0') {
            problem("description", "it has a NUL character");
        }
        let title = new.title.as_deref().map(|t| checked_line(t, MAX_TITLE));
        if let Some(Err(why)) = title {
            problem("title", why);
        }
        let kind = new.kind.as_deref().map(TaskKind::from_word);
        if kind == Some(None) {
            problem("type", "it is feature, fix, refactor, test, docs or chore");
        }
        let priority = new.priority.as_deref().map(Priority::from_word);
        if priority == Some(None) {
            problem("priority", "it is low, medium, high or critical");
        }
        let requirements = new.requirements.unwrap_or_default();
        if Value::Object(requirements.clone()).to_string().len() > MAX_REQUIREMENTS {
            problem("requirements", "they have more than 64 KB of JSON");
        }
        let capabilities = match requirements.get("capabilities") {
            None | Some(Value::Null) => Vec::new(),
            Some(list) => serde_json::from_value::<Vec<String>>(list.clone())
                .ok()
                .and_then(|list| projects::checked_words(&list, 20).ok())
                .unwrap_or_else(|| {
                    problem("requirements.capabilities", "it is a list of at most 20 short words");
                    Vec::new()
                }),
        };
        let dependencies = new.dependencies.unwrap_or_default();
        if dependencies.len() > MAX_DEPENDENCIES {
            problem("dependencies", "there are more than 50");
        }
        let due = new.due_date.as_deref().map(parse_time);
        if due == Some(None) {
            problem("due_date", "it is a time such as 2030-01-31T12:00:00Z");
        }
        if new.budget_usd.is_some_and(|usd| NanoUsd::from_usd(usd).is_none()) {
            problem("budget_usd", "it is an amount of US dollars from 0 up");
        }
        if new.max_turns == Some(0) {
            problem("max_turns", "it is a number from 1 up");
        }
        for (field, text) in [("model", &new.model), ("base", &new.base)] {
            if let Some(Err(why)) = text.as_deref().map(|t| checked_line(t, MAX_TITLE)) {
                problem(field, why);
            }
        }
        if new.base.as_deref().is_some_and(|base| base.starts_with('-')) {
            problem("base", "it begins with a dash");
        }
        if !problems.is_empty() {
            return Err(AppError::Invalid(problems));
        }
        let kind = kind.flatten().unwrap_or_else(|| estimate::kind_of(&new.description));
        Ok(Self {
            title: title.and_then(Result::ok),
            kind,
            priority: priority.flatten().unwrap_or_default(),
            requirements,
            capabilities,
            dependencies,
            due: due.flatten(),
            settings: TaskSettings {
                model: new.model,
                budget_usd: new.budget_usd,
                max_turns: new.max_turns,
                solo: new.solo.unwrap_or(false),
                plan_only: new.plan_only.unwrap_or(false),
                base: new.base,
                continues: None,
                approve: new.approve.unwrap_or(false),
            },
            start: new.start.unwrap_or(true),
            text: new.description,
        })
    }
}

/// Adds a checked task to a project, within a use case that asked for it.
pub(crate) fn insert(
    office: &mut Office<'_, '_>,
    project: ProjectId,
    new: Checked,
    known: &KnownProject,
) -> Result<TaskRecord, AppError> {
    let now = office.now();
    let id = TaskId::new(now, office.random());
    let dependencies = dependencies_of(office.rows(), id, Some(project), &new.dependencies)?;
    let past = known.hours.get(&new.kind).map_or(&[][..], Vec::as_slice);
    let estimate = estimate::estimate(&new.text, new.kind, &new.capabilities, past);
    let players = agents::players(office.rows(), now)?;
    let (agent, assignment) = matching::find(&players, project, &estimate.capabilities);
    let caller = office.caller();
    let doc = TaskDoc {
        requirements: new.requirements,
        settings: new.settings,
        assignment,
        estimate,
        created_by: caller.principal.name().to_owned(),
        created_by_user: caller.user_id().and_then(|id| id.parse::<UserId>().ok()),
        held: !new.start,
        ..TaskDoc::default()
    };
    let record = TaskRecord {
        kind: new.kind.as_str().to_owned(),
        priority: new.priority.rank(),
        doc: to_doc(&doc),
        title: new.title,
        project: Some(project),
        assigned_agent: agent,
        due_at: new.due,
        wanted_at: new.start.then_some(now),
        ..TaskRecord::new(id, new.text, now)
    };
    office.tx.insert_task(&record)?;
    if !dependencies.is_empty() {
        office.tx.set_dependencies(id, &dependencies)?;
    }
    let data = json!({
        "task_id": id, "project_id": project, "title": title_of(&record), "status": record.state,
        "assigned_agent": agent,
    });
    office.did("task.created", ("task", id.to_string()), data)?;
    office.rows().task(id)?.ok_or_else(|| AppError::not_found("task", id))
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
    let state = filter
        .status
        .as_deref()
        .map(|word| {
            TaskState::from_word(word).ok_or_else(|| AppError::invalid("status", "there is no such status"))
        })
        .transpose()?;
    let agent = filter
        .assigned_agent
        .as_deref()
        .map(|text| {
            text.parse::<AgentId>()
                .map_err(|_| AppError::invalid("assigned_agent", "it is the id of an agent"))
        })
        .transpose()?;
    let asked = Asked::parse(&paging, &format!("tasks {filter:?}"))?;
    let needle = filter.q.map(|q| q.to_lowercase());
    let (project, kind) = (filter.project, filter.kind);
    platform
        .look(caller, origin, move |look| {
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
                    let fits = state.is_none_or(|s| s == record.state)
                        && kind.as_ref().is_none_or(|k| *k == record.kind)
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
        .look(caller, origin, move |look| {
            let record = look.tx.task(id)?.ok_or_else(|| AppError::not_found("task", id))?;
            look.may(Action::TasksRead, resource_of(look.tx, &record)?)?;
            view(look.tx, record)
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
            let (agent, assignment) = matching::find(&players, project, &doc.estimate.capabilities);
            (record.assigned_agent, doc.assignment) = (agent, assignment);
        } else {
            let id = text.parse::<AgentId>().ok();
            match id.map(|id| office.rows().agent(id)).transpose()?.flatten() {
                Some(agent) => {
                    record.assigned_agent = Some(agent.id);
                    doc.assignment.reason =
                        format!("{}: chosen by {}", agent.name, office.caller().principal.name());
                }
                None => problems.push(FieldProblem::new("assigned_agent", "there is no such agent")),
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
    record.doc = to_doc(&doc);
    Ok(())
}

/// Pauses, resumes, cancels or retries a task, and its run with it.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`], [`AppError::Illegal`] when that can't happen to it now.
pub async fn control(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: TaskId,
    control: Control,
) -> Result<Task, AppError> {
    platform
        .change(caller, origin, move |office| {
            let record = office.rows().task(id)?.ok_or_else(|| AppError::not_found("task", id))?;
            office.may(Action::TasksControl, resource_of(office.rows(), &record)?)?;
            steer(office, record, control)?;
            let record = office.rows().task(id)?.ok_or_else(|| AppError::not_found("task", id))?;
            view(office.rows(), record)
        })
        .await
}

/// What people do with a task, within a use case that asked for it.
pub(crate) fn steer(
    office: &mut Office<'_, '_>,
    mut record: TaskRecord,
    control: Control,
) -> Result<(), AppError> {
    let mut doc: TaskDoc = of_doc("task", &record.doc)?;
    let now = office.now();
    let illegal = |event: &str| -> AppError {
        let from = record.state.to_string();
        domain::IllegalTransition { what: "task", from, event: event.to_owned() }.into()
    };
    let over = matches!(record.state, TaskState::Completed | TaskState::Canceled);
    let event = match control {
        Control::Pause if over || record.state == TaskState::Failed => return Err(illegal("paused")),
        Control::Pause => {
            doc.held = true;
            record.wanted_at = None;
            if let (TaskState::Working, Some(run)) = (record.state, doc.run) {
                tell(office, run, MessageKind::Pause, "")?;
            }
            "task.held"
        }
        Control::Resume if over => return Err(illegal("resumed")),
        Control::Resume | Control::Retry => {
            if control == Control::Retry && record.state != TaskState::Failed {
                return Err(illegal("retried"));
            }
            doc.held = false;
            if control == Control::Retry {
                doc.error = None;
            }
            if record.state != TaskState::Working {
                record.wanted_at = Some(record.wanted_at.unwrap_or(now));
            }
            "task.queued"
        }
        Control::Cancel => {
            let next = record.state.apply(TaskEvent::CancelRequested)?;
            record.wanted_at = None;
            match doc.run.map(|run| office.rows().run(run)).transpose()?.flatten() {
                Some(run) if run.state == RunState::Running => {
                    // The run's own end takes the task to `canceled`.
                    tell(office, run.id, MessageKind::Cancel, "")?;
                    "task.cancel_requested"
                }
                Some(run) if !run.state.is_finished() => {
                    office.ask(&Operation::CancelRun { run_id: run.id })?;
                    record.state = next;
                    "task.canceled"
                }
                _ => {
                    record.state = next;
                    "task.canceled"
                }
            }
        }
    };
    record.updated_at = now;
    record.doc = to_doc(&doc);
    office.tx.save_task(&record)?;
    office.did(event, ("task", record.id.to_string()), event_data(&record))
}

/// Posts a message to a run.
pub(crate) fn tell(
    office: &mut Office<'_, '_>,
    run: RunId,
    kind: MessageKind,
    text: &str,
) -> Result<(), AppError> {
    let key = domain::EventId::new(office.now(), office.random()).to_string();
    let author = office.caller().principal.name().to_owned();
    let message = NewMessage { key, kind, author, body: json!({ "text": text }), at: office.now() };
    office.tx.post_message(run, &message)?;
    Ok(())
}

/// A task, as policies see it.
pub(crate) fn resource_of(tx: &TenantTx<'_>, record: &TaskRecord) -> Result<Resource, AppError> {
    let doc: TaskDoc = of_doc("task", &record.doc)?;
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
    let doc: TaskDoc = of_doc("task", &record.doc)?;
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
        kind: record.kind,
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

/// The tasks that these texts name; refused when one is unknown, of another project, or would wait for `task`.
fn dependencies_of(
    tx: &TenantTx<'_>,
    task: TaskId,
    project: Option<ProjectId>,
    texts: &[String],
) -> Result<Vec<TaskId>, AppError> {
    let mut found = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        let field = format!("dependencies[{place}]");
        let other = text.parse::<TaskId>().ok().map(|id| tx.task(id)).transpose()?.flatten();
        let Some(other) = other.filter(|o| o.project == project) else {
            return Err(AppError::invalid(field, "there is no such task in this project"));
        };
        if let Some(path) = path_between(tx, other.id, task)? {
            let path: Vec<_> = path.iter().map(ToString::to_string).collect();
            return Err(AppError::invalid(
                field,
                format!("tasks would wait for each other: {}", path.join(" -> ")),
            ));
        }
        if !found.contains(&other.id) {
            found.push(other.id);
        }
    }
    Ok(found)
}

/// How `from` waits for `to`, if it does.
fn path_between(tx: &TenantTx<'_>, from: TaskId, to: TaskId) -> Result<Option<Vec<TaskId>>, AppError> {
    if from == to {
        return Ok(Some(vec![to, to]));
    }
    let (mut waiting, mut seen) = (vec![vec![from]], vec![from]);
    while let Some(path) = waiting.pop() {
        let Some(last) = path.last() else { continue };
        for (next, _) in tx.dependencies(*last)? {
            let mut longer = path.clone();
            longer.push(next);
            if next == to {
                longer.insert(0, to);
                return Ok(Some(longer));
            }
            if !seen.contains(&next) && seen.len() < MAX_WALK {
                seen.push(next);
                waiting.push(longer);
            }
        }
    }
    Ok(None)
}

/// What is known of a project's tasks, a few seconds old.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownProject {
    /// Tasks that wait for an engine.
    pub(crate) open: u64,
    /// Hours that earlier tasks took, by kind, newest first.
    pub(crate) hours: BTreeMap<TaskKind, Vec<f64>>,
}

impl KnownProject {
    pub(crate) fn read(tx: &TenantTx<'_>, project: ProjectId) -> Result<Self, AppError> {
        let counts = tx.count_tasks(project)?;
        let open = counts.iter().filter(|(s, _)| *s == TaskState::Submitted).map(|(_, count)| count).sum();
        let mut hours: BTreeMap<TaskKind, Vec<f64>> = BTreeMap::new();
        for task in tx.tasks(Some(project), store::Page::newest(LEARNED_FROM))? {
            let Some(kind) = TaskKind::from_word(&task.kind) else { continue };
            if task.state == TaskState::Completed {
                let doc: TaskDoc = of_doc("task", &task.doc)?;
                hours.entry(kind).or_default().extend(doc.actual_effort.map(Hours::as_hours));
            }
        }
        Ok(Self { open, hours })
    }
}

/// A moment in RFC 3339.
fn parse_time(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp::from_micros(at.as_microsecond()))
}
