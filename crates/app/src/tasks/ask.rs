//! A task is asked: checked, taken for what it is, matched with an agent, and queued.

use std::collections::BTreeMap;

use auth::{Action, Caller};
use domain::{
    Hours, NanoUsd, Priority, ProjectId, ProjectState, TaskId, TaskKind, TaskState, Timestamp, UserId,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::{Document, TaskRecord, TenantTx};

use super::dependencies::dependencies_of;
use super::{MAX_DEPENDENCIES, MAX_TITLE, Task, parse_time, title_of, view};
use crate::office::{Office, Origin};
use crate::projects::{self, checked_line};
use crate::records::{TaskDoc, TaskSettings, of_doc};
use crate::{AppError, FieldProblem, Platform, agents, estimate, matching, models};

/// The longest description, in bytes: the contract's.
pub const MAX_DESCRIPTION: usize = 1 << 20;
/// Earlier tasks that an estimate learns from.
const LEARNED_FROM: u32 = 200;
/// The longest document of requirements, in bytes of JSON.
const MAX_REQUIREMENTS: usize = 64 << 10;

/// A task that is to be asked.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    /// What should change, 1 byte to 1 MB.
    #[schema(value_type = crate::shapes::Description)]
    pub description: String,
    /// A line for people; the description's first line if not given.
    #[schema(value_type = Option<crate::shapes::Title>)]
    pub title: Option<String>,
    /// `feature`, `fix`, `refactor`, `test`, `docs` or `chore`; found from its words if not given.
    #[schema(value_type = Option<crate::shapes::TaskType>)]
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `low`, `medium` (if not given), `high` or `critical`.
    #[schema(value_type = Option<crate::shapes::Priority>)]
    pub priority: Option<String>,
    /// What is asked beside the words; `capabilities` is a list of what its agent should be able to do.
    #[schema(value_type = Option<crate::shapes::Requirements>)]
    pub requirements: Option<Map<String, Value>>,
    /// Tasks of the same project that have to be completed before.
    #[schema(value_type = Option<Vec<crate::shapes::TaskId>>, max_items = 50)]
    pub dependencies: Option<Vec<String>>,
    /// When it should be done, RFC 3339.
    #[schema(format = DateTime)]
    pub due_date: Option<String>,
    /// The model, as `provider/model` (`SPEC` of the command line); the project's if not given.
    #[schema(value_type = Option<crate::shapes::Title>)]
    pub model: Option<String>,
    /// What the run may cost, in US dollars.
    #[schema(minimum = 0, exclusive_maximum = 9e9)]
    pub budget_usd: Option<f64>,
    /// Answers of models in the run.
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    pub max_turns: Option<u32>,
    /// One builder and the gates, without a team.
    pub solo: Option<bool>,
    /// Stop after the plan.
    pub plan_only: Option<bool>,
    /// The branch, tag or commit to start from.
    #[schema(value_type = Option<crate::shapes::Revision>)]
    pub base: Option<String>,
    /// Plans and changes of protected paths are approved beforehand.
    pub approve: Option<bool>,
    /// Whether to begin as soon as its turn comes (if not given: yes); else it is held.
    pub start: Option<bool>,
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
            let resource = projects::resource_of(&row, office.rows().tenant())?;
            office.may(Action::TasksCreate, resource.clone())?;
            if checked.settings.model.as_deref().is_some_and(models::is_of_the_machine) {
                office.may(Action::ProjectsUpdate, resource)?;
            }
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
        let capabilities = required_capabilities(&requirements).unwrap_or_else(|| {
            problem("requirements.capabilities", "it is a list of at most 20 short words");
            Vec::new()
        });
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
        if new.base.as_deref().is_some_and(|base| !projects::is_revision(base)) {
            problem("base", "it begins with a dash or white space");
        }
        if let Some(why) = new.model.as_deref().and_then(models::misnamed) {
            problems.push(FieldProblem::unfit("model", why));
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

/// The capabilities that a task requires in so many words; `None` if that is no list of words.
pub(crate) fn required_capabilities(requirements: &Map<String, Value>) -> Option<Vec<String>> {
    match requirements.get("capabilities") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(list) => {
            let list = serde_json::from_value::<Vec<String>>(list.clone()).ok()?;
            projects::checked_words(&list, 20).ok()
        }
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
    let (agent, assignment) = matching::find(&players, project, &estimate.capabilities, &new.capabilities);
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
        doc: Document::of(&doc),
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
