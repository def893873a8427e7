//! The registry of agents.

use auth::policy::{Resource, ResourceKind};
use auth::{Action, Caller};
use domain::{AgentId, AgentKind, AgentState, ProjectId, TaskId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{AgentRecord, TenantTx};

use crate::list::{Asked, Listed, Paging, any_of};
use crate::matching::Player;
use crate::office::Origin;
use crate::records::{AgentDoc, of_doc, to_doc};
use crate::{AppError, FieldProblem, Platform};

/// The agents that every new organization has: name, kind, specialization, capabilities.
const FIRST: [(&str, AgentKind, &str, &[&str]); 12] = [
    (
        "Technical lead",
        AgentKind::TechnicalLead,
        "",
        &["strategic_planning", "risk_assessment", "resource_allocation", "quality_oversight"],
    ),
    (
        "Architect",
        AgentKind::Architecture,
        "",
        &["system_design", "code_review", "pattern_recognition", "refactoring_suggestions"],
    ),
    ("Developer", AgentKind::Developer, "", &["code_generation", "testing", "debugging", "documentation"]),
    (
        "Backend developer",
        AgentKind::Developer,
        "backend",
        &["code_generation", "testing", "debugging", "documentation", "backend"],
    ),
    (
        "Frontend developer",
        AgentKind::Developer,
        "frontend",
        &["code_generation", "testing", "debugging", "documentation", "frontend"],
    ),
    (
        "Data developer",
        AgentKind::Developer,
        "data",
        &["code_generation", "testing", "debugging", "documentation", "data"],
    ),
    (
        "DevOps developer",
        AgentKind::Developer,
        "devops",
        &["code_generation", "testing", "debugging", "documentation", "devops"],
    ),
    (
        "Mobile developer",
        AgentKind::Developer,
        "mobile",
        &["code_generation", "testing", "debugging", "documentation", "mobile"],
    ),
    ("QA developer", AgentKind::Developer, "qa", &["testing", "debugging", "qa"]),
    (
        "Security developer",
        AgentKind::Developer,
        "security",
        &["code_generation", "testing", "debugging", "security"],
    ),
    ("Docs writer", AgentKind::Developer, "docs", &["documentation", "docs"]),
    ("Reviewer", AgentKind::Reviewer, "", &["code_review"]),
];

/// Whether an agent that every new organization has can do this.
pub(crate) fn is_built_in_capability(word: &str) -> bool {
    FIRST.iter().any(|(_, _, field, capabilities)| *field == word || capabilities.contains(&word))
}
/// An agent that is not built in is offline when nothing was heard of it for so long.
const SILENT_S: u64 = 90;
/// Agents of an organization.
pub(crate) const MAX_AGENTS: u32 = 1_000;
/// The longest name, in characters.
const MAX_NAME: usize = 100;
/// Capabilities of one agent.
const MAX_CAPABILITIES: usize = 50;

/// An agent, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Agent {
    /// `agent_…`.
    #[schema(value_type = crate::shapes::AgentId)]
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// What it is for: `technical_lead`, `architecture`, `developer` or `reviewer`.
    #[serde(rename = "type")]
    #[schema(value_type = crate::shapes::AgentType)]
    pub kind: AgentKind,
    /// What it knows best, such as `backend`; empty: everything.
    pub specialization: String,
    /// The model that it has; empty: whatever the run has.
    pub model_version: String,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// Its projects; none: all of them.
    #[schema(value_type = Vec<crate::shapes::ProjectId>)]
    pub current_projects: Vec<ProjectId>,
    /// What it works on.
    #[schema(value_type = Vec<crate::shapes::TaskId>)]
    pub current_tasks: Vec<TaskId>,
    /// What became of its work.
    pub performance_metrics: Performance,
    /// `idle`, `working`, `offline` or `retired`.
    #[schema(value_type = crate::shapes::AgentStatus)]
    pub status: AgentState,
    /// When it last gave a sign of life.
    #[schema(value_type = String, format = DateTime)]
    pub last_active: Timestamp,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Counts its changes.
    #[serde(skip)]
    pub version: u64,
}

/// What became of an agent's work. Null where there was none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Performance {
    /// Tasks that ended with a result.
    pub tasks_completed: u64,
    /// Tasks that ended without one.
    pub tasks_failed: u64,
    /// The part of the tasks that ended with a result, 0 to 1.
    #[schema(required)]
    pub success_rate: Option<f64>,
    /// The part of the tasks that ended with an error of a model or of ours, 0 to 1.
    #[schema(required)]
    pub error_rate: Option<f64>,
    /// Seconds of a turn, commands included.
    #[schema(required)]
    pub average_turn_seconds: Option<f64>,
    /// US dollars of a task, where prices were known.
    #[schema(required)]
    pub average_cost_usd: Option<f64>,
}

/// An agent that is to be registered.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgent {
    /// Its name, 1 to 100 characters; no other agent of the organization has it.
    #[schema(value_type = crate::shapes::Name)]
    pub name: String,
    /// `technical_lead`, `architecture`, `developer` or `reviewer`.
    #[schema(value_type = crate::shapes::AgentType)]
    #[serde(rename = "type")]
    pub kind: String,
    /// What it knows best, such as `backend`.
    #[schema(value_type = Option<crate::shapes::NameOrNone>)]
    #[serde(default)]
    pub specialization: Option<String>,
    /// What it can do.
    #[schema(value_type = Option<Vec<crate::shapes::Word>>, max_items = 50)]
    #[serde(default)]
    pub capabilities: Option<Vec<String>>,
    /// The model that it has, as `provider/model`.
    #[schema(value_type = Option<crate::shapes::NameOrNone>)]
    #[serde(default)]
    pub model_version: Option<String>,
    /// Its projects; none: all of them.
    #[schema(value_type = Option<Vec<crate::shapes::ProjectId>>, max_items = 200)]
    #[serde(default)]
    pub projects: Option<Vec<String>>,
}

/// Members of an agent that are to be changed.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentChange {
    /// Another name.
    #[schema(value_type = Option<crate::shapes::Name>)]
    pub name: Option<String>,
    /// Another field.
    #[schema(value_type = Option<crate::shapes::NameOrNone>)]
    pub specialization: Option<String>,
    /// Other capabilities.
    #[schema(value_type = Option<Vec<crate::shapes::Word>>, max_items = 50)]
    pub capabilities: Option<Vec<String>>,
    /// Another model.
    #[schema(value_type = Option<crate::shapes::NameOrNone>)]
    pub model_version: Option<String>,
    /// Other projects.
    #[schema(value_type = Option<Vec<crate::shapes::ProjectId>>, max_items = 200)]
    pub projects: Option<Vec<String>>,
    /// `retired` takes it out; `idle` brings it back.
    #[schema(value_type = Option<crate::shapes::AgentStatusChange>)]
    pub status: Option<String>,
}

/// Which agents are listed.
#[derive(Clone, Debug, Default)]
pub struct AgentFilter {
    /// Of this kind.
    pub kind: Option<String>,
    /// In this state.
    pub status: Option<String>,
    /// Of this project.
    pub project: Option<ProjectId>,
}

/// Registers the agents that every organization begins with.
///
/// # Errors
/// Failures of the store.
pub fn register_first(
    tx: &mut TenantTx<'_>,
    now: Timestamp,
    random: impl Fn() -> [u8; 10],
) -> Result<(), AppError> {
    for (name, kind, specialization, capabilities) in FIRST {
        let doc = AgentDoc {
            capabilities: capabilities.iter().map(|c| (*c).to_owned()).collect(),
            built_in: true,
            ..AgentDoc::default()
        };
        tx.insert_agent(&AgentRecord {
            id: AgentId::new(now, random()),
            number: 0,
            name: name.to_owned(),
            kind,
            specialization: specialization.to_owned(),
            state: AgentState::Idle,
            last_active: now,
            created_at: now,
            updated_at: now,
            version: 1,
            doc: to_doc(&doc),
        })?;
    }
    Ok(())
}

/// The agents of the organization.
///
/// # Errors
/// [`AppError::Denied`], [`AppError::Invalid`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    filter: AgentFilter,
    paging: Paging,
) -> Result<Listed<Agent>, AppError> {
    let kind = filter.kind.as_deref().map(kind_of).transpose()?;
    let states = any_of(filter.status.as_deref(), "status", AgentState::from_word)?;
    let sort = Some("created_at".to_owned());
    let paging = Paging { sort: paging.sort.or(sort), ..paging };
    let query = format!("agents {:?} {:?} {:?}", filter.kind, filter.status, filter.project);
    let asked = Asked::parse(&paging, &query)?;
    let project = filter.project;
    platform
        .look(caller, origin, move |look| {
            let tenant = look.tx.tenant();
            let resource = match project {
                Some(id) if look.tx.project(id)?.is_none() => return Err(AppError::not_found("project", id)),
                Some(id) => Resource::project(id.to_string(), tenant),
                None => Resource::organization(tenant),
            };
            look.may(Action::AgentsRead, resource)?;
            let now = look.now();
            // The registry is read whole and walked in either direction: it is short.
            let mut all = look.tx.agents(0, MAX_AGENTS)?;
            asked.collect(
                |page| {
                    let (upwards, from, limit) = match page {
                        store::Page::Newest { before, limit } => (false, before, limit),
                        store::Page::Oldest { after, limit } => (true, after, limit),
                    };
                    all.sort_by_key(|a| if upwards { a.number } else { u64::MAX - a.number });
                    Ok(all
                        .iter()
                        .filter(|a| from.is_none_or(|f| if upwards { a.number > f } else { a.number < f }))
                        .take(limit as usize)
                        .cloned()
                        .collect())
                },
                |record: &AgentRecord| record.number,
                |record| {
                    let agent = agent_of(&record, now)?;
                    let fits = kind.is_none_or(|k| k == agent.kind)
                        && states.as_ref().is_none_or(|all| all.contains(&agent.status))
                        && project.is_none_or(|p| {
                            agent.current_projects.is_empty() || agent.current_projects.contains(&p)
                        });
                    Ok(fits.then_some(agent))
                },
            )
        })
        .await
}

/// One agent.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn get(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: AgentId,
) -> Result<Agent, AppError> {
    platform
        .glance(caller, origin, move |look| {
            let record = look.tx.agent(id)?.ok_or_else(|| AppError::not_found("agent", id))?;
            look.may(Action::AgentsRead, resource_of(id, look.tx.tenant()))?;
            agent_of(&record, look.now())
        })
        .await
}

/// Registers an agent.
///
/// # Errors
/// [`AppError::Invalid`], [`AppError::Denied`], [`AppError::Conflict`] when the name is taken.
pub async fn register(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    new: NewAgent,
) -> Result<Agent, AppError> {
    let kind = kind_of(&new.kind)?;
    let change = AgentChange {
        name: Some(new.name),
        specialization: Some(new.specialization.unwrap_or_default()),
        capabilities: Some(new.capabilities.unwrap_or_default()),
        model_version: Some(new.model_version.unwrap_or_default()),
        projects: Some(new.projects.unwrap_or_default()),
        status: None,
    };
    platform
        .change(caller, origin, move |office| {
            let tenant = office.rows().tenant();
            office.may(Action::AgentsCreate, Resource::organization(tenant))?;
            let now = office.now();
            let mut record = AgentRecord {
                id: AgentId::new(now, office.random()),
                number: 0,
                name: String::new(),
                kind,
                specialization: String::new(),
                state: AgentState::Idle,
                last_active: now,
                created_at: now,
                updated_at: now,
                version: 1,
                doc: to_doc(&AgentDoc::default()),
            };
            apply(office.rows(), &mut record, change)?;
            if office.rows().agents(0, MAX_AGENTS)?.len() >= MAX_AGENTS as usize {
                return Err(AppError::Conflict {
                    code: "too_many_agents",
                    detail: format!("an organization has at most {MAX_AGENTS} agents"),
                    hint: "retire those that are not used",
                });
            }
            office.tx.insert_agent(&record)?;
            let agent = agent_of(&record, now)?;
            office.did(
                "agent.registered",
                ("agent", record.id.to_string()),
                json!({ "agent_id": record.id, "name": agent.name }),
            )?;
            Ok(agent)
        })
        .await
}

/// Changes an agent.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Invalid`], [`AppError::Denied`], [`AppError::VersionConflict`].
pub async fn update(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: AgentId,
    change: AgentChange,
    expected: Option<u64>,
) -> Result<Agent, AppError> {
    platform
        .change(caller, origin, move |office| {
            let mut record = office.rows().agent(id)?.ok_or_else(|| AppError::not_found("agent", id))?;
            office.may(Action::AgentsUpdate, resource_of(id, office.rows().tenant()))?;
            if expected.is_some_and(|v| v != record.version) {
                return Err(AppError::VersionConflict);
            }
            apply(office.rows(), &mut record, change)?;
            record.updated_at = office.now();
            office.tx.save_agent(&record)?;
            record.version += 1;
            office.did("agent.updated", ("agent", id.to_string()), json!({ "agent_id": id }))?;
            agent_of(&record, office.now())
        })
        .await
}

/// Takes an agent out: it gets no more work, and what it did stays.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn retire(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: AgentId,
    expected: Option<u64>,
) -> Result<(), AppError> {
    platform
        .change(caller, origin, move |office| {
            let mut record = office.rows().agent(id)?.ok_or_else(|| AppError::not_found("agent", id))?;
            office.may(Action::AgentsDelete, resource_of(id, office.rows().tenant()))?;
            if expected.is_some_and(|v| v != record.version) {
                return Err(AppError::VersionConflict);
            }
            record.state = AgentState::Retired;
            record.updated_at = office.now();
            office.tx.save_agent(&record)?;
            office.did("agent.retired", ("agent", id.to_string()), json!({ "agent_id": id }))
        })
        .await
}

/// A sign of life of an agent that works somewhere else.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`], [`AppError::Conflict`] when it is retired.
pub async fn heartbeat(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: AgentId,
) -> Result<Agent, AppError> {
    platform
        .change(caller, origin, move |office| {
            let mut record = office.rows().agent(id)?.ok_or_else(|| AppError::not_found("agent", id))?;
            office.may(Action::AgentsHeartbeat, resource_of(id, office.rows().tenant()))?;
            if record.state == AgentState::Retired {
                return Err(AppError::Conflict {
                    code: "agent_retired",
                    detail: format!("{} is retired", record.name),
                    hint: "bring it back with PATCH {\"status\": \"idle\"}",
                });
            }
            let doc: AgentDoc = of_doc("agent", &record.doc)?;
            record.state = if doc.tasks.is_empty() { AgentState::Idle } else { AgentState::Working };
            record.last_active = office.now();
            office.tx.beat(id, record.state, record.last_active)?;
            agent_of(&record, office.now())
        })
        .await
}

/// The registry as the matcher sees it.
pub(crate) fn players(tx: &TenantTx<'_>, now: Timestamp) -> Result<Vec<Player>, AppError> {
    let all = tx.agents(0, MAX_AGENTS)?;
    all.iter()
        .map(|record| {
            let doc: AgentDoc = of_doc("agent", &record.doc)?;
            Ok(Player {
                id: record.id,
                name: record.name.clone(),
                kind: record.kind,
                specialization: record.specialization.clone(),
                state: state_now(record, &doc, now),
                doc,
            })
        })
        .collect()
}

/// An agent, as callers see it.
///
/// # Errors
/// When its document is not what this version writes.
pub fn agent_of(record: &AgentRecord, now: Timestamp) -> Result<Agent, AppError> {
    let doc: AgentDoc = of_doc("agent", &record.doc)?;
    Ok(Agent {
        id: record.id,
        name: record.name.clone(),
        kind: record.kind,
        specialization: record.specialization.clone(),
        status: state_now(record, &doc, now),
        performance_metrics: performance_of(&doc),
        model_version: doc.model_version,
        capabilities: doc.capabilities,
        current_projects: doc.projects,
        current_tasks: doc.tasks,
        last_active: record.last_active,
        created_at: record.created_at,
        version: record.version,
    })
}

/// What an agent is doing, silence taken into account. Built-in agents are as alive as the server.
fn state_now(record: &AgentRecord, doc: &AgentDoc, now: Timestamp) -> AgentState {
    let silent = now.since(record.last_active).as_secs() > SILENT_S;
    if record.state != AgentState::Retired && silent && !doc.built_in {
        AgentState::Offline
    } else {
        record.state
    }
}

fn performance_of(doc: &AgentDoc) -> Performance {
    let record = &doc.record;
    let done = record.completed + record.failed;
    #[expect(clippy::cast_precision_loss, reason = "counts and amounts far below 2^52")]
    let part = |of: f64, all: u64| (all > 0).then(|| (of / all as f64 * 1e6).round() / 1e6);
    #[expect(clippy::cast_precision_loss, reason = "counts and amounts far below 2^52")]
    let f = |n: u64| n as f64;
    #[expect(clippy::cast_precision_loss, reason = "shown to six places")]
    let cost = record.cost_nano_usd as f64 / 1e9;
    Performance {
        tasks_completed: record.completed,
        tasks_failed: record.failed,
        success_rate: part(f(record.completed), done),
        error_rate: part(f(record.errors), done),
        average_turn_seconds: part(f(record.busy_ms) / 1000.0, record.turns),
        average_cost_usd: part(cost, done),
    }
}

pub(crate) fn resource_of(id: AgentId, tenant: domain::TenantId) -> Resource {
    Resource::new(ResourceKind::Agent, id.to_string(), tenant)
}

fn kind_of(word: &str) -> Result<AgentKind, AppError> {
    AgentKind::from_word(word)
        .ok_or_else(|| AppError::invalid("type", "it is technical_lead, architecture, developer or reviewer"))
}

/// Checks a change and makes it on the record.
fn apply(tx: &TenantTx<'_>, record: &mut AgentRecord, change: AgentChange) -> Result<(), AppError> {
    let mut doc: AgentDoc = of_doc("agent", &record.doc)?;
    let mut problems = Vec::new();
    if let Some(name) = change.name {
        match crate::projects::checked_line(&name, MAX_NAME) {
            Ok(name) => {
                if tx.agent_by_name(&name)?.is_some_and(|other| other.id != record.id) {
                    return Err(AppError::Conflict {
                        code: "name_taken",
                        detail: format!("there is an agent called {name} already"),
                        hint: "choose another name",
                    });
                }
                record.name = name;
            }
            Err(why) => problems.push(FieldProblem::new("name", why)),
        }
    }
    let mut word = |field: &str, text: String, into: &mut String| {
        if text.is_empty() {
            into.clear();
            return;
        }
        match crate::projects::checked_line(&text, MAX_NAME) {
            Ok(text) => *into = text,
            Err(why) => problems.push(FieldProblem::new(field, why)),
        }
    };
    if let Some(text) = change.specialization {
        word("specialization", text, &mut record.specialization);
    }
    if let Some(text) = change.model_version {
        word("model_version", text, &mut doc.model_version);
    }
    if let Some(list) = change.capabilities {
        match crate::projects::checked_words(&list, MAX_CAPABILITIES) {
            Ok(list) => doc.capabilities = list,
            Err(why) => problems.push(FieldProblem::new("capabilities", why)),
        }
    }
    if let Some(list) = change.projects {
        let mut projects = Vec::new();
        for (place, text) in list.iter().enumerate() {
            match text.parse::<ProjectId>() {
                Ok(id) if tx.project(id)?.is_some() => projects.push(id),
                Ok(_) => problems
                    .push(FieldProblem::unfit(format!("projects[{place}]"), "there is no such project")),
                Err(_) => {
                    let field = format!("projects[{place}]");
                    problems.push(FieldProblem::new(field, "it is not the id of a project"));
                }
            }
        }
        doc.projects = projects;
    }
    match change.status.as_deref() {
        None => {}
        Some("retired") => record.state = AgentState::Retired,
        Some("idle") => record.state = AgentState::Idle,
        Some(_) => problems.push(FieldProblem::new("status", "it can be set to idle or retired")),
    }
    record.doc = to_doc(&doc);
    if problems.is_empty() { Ok(()) } else { Err(AppError::Invalid(problems)) }
}
