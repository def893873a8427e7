//! What graph readers need: many things by their ids on one snapshot, and pages of lists that can be walked both ways and
//! counted.
//!
//! Each function is one look: however many ids come in, the store is asked once, and the policies are asked for each
//! thing that is read by its id. What the caller may not read is left out, like what does not exist.

mod lists;
mod slice;

use std::collections::HashMap;
use std::hash::Hash;

use auth::policy::Resource;
use auth::{Action, Caller};
use domain::{
    AgentId, Hours, NanoUsd, ProjectId, PullRequestId, RunId, TaskId, TaskState, TenantId, Timestamp, UserId,
};

use crate::agents::Agent;
use crate::artifacts::CodeArtifact;
use crate::office::{Look, Origin};
use crate::projects::{self, Project};
use crate::records::{TaskDoc, of_doc};
use crate::reviews::{self, PullRequestView};
use crate::runs::{self, Run};
use crate::tasks::{self, Task};
use crate::{AppError, Platform, agents, artifacts, list};

pub use lists::{
    AgentSort, ProjectSort, TaskSort, agent_page, artifact_page, project_page, pull_request_page, run_page,
    task_page, tasks_of_projects,
};
pub use slice::{Connection, Slice, Totals};
pub use store::MessageKind;

/// Runs of a task that a graph shows at most.
pub const MAX_RUNS: u32 = 200;
/// Newest tasks of a project that averages are taken over.
const AVERAGED: u32 = 200;
/// Newest files of a project among which those of its runs are looked for.
const FILES_LOOKED_AT: u32 = 2_000;
/// Members that are listed.
const MAX_MEMBERS: u32 = 1_000;

/// An organization, as its members see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// When it was made; none for that of a machine nobody signed in to yet.
    pub created_at: Option<Timestamp>,
}

/// A member of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// The person's name.
    pub name: String,
    /// The address of the account.
    pub email: String,
    /// The role.
    pub role: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// How a project is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectMetrics {
    /// Its tasks by state.
    pub by_state: HashMap<TaskState, u64>,
    /// The part of the tasks that ended with a result, of those that ended with one or failed; none before the first.
    pub success_rate: Option<f64>,
    /// How good results are, 0 to 1: over those of the newest 200 tasks that were judged.
    pub average_quality_score: Option<f64>,
    /// Hours that a task took: over those of the newest 200 tasks that ended.
    pub average_effort: Option<Hours>,
    /// What the last runs of the newest 200 tasks have cost, in US dollars; none when a price is unknown.
    pub cost_usd: Option<f64>,
}

impl ProjectMetrics {
    /// Tasks in any of these states.
    #[must_use]
    pub fn count(&self, states: &[TaskState]) -> u64 {
        states.iter().filter_map(|state| self.by_state.get(state)).sum()
    }
}

/// Reads what is found of `ids`, each thing by its own decision.
async fn each<K, T>(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    ids: Vec<K>,
    read: impl Fn(&Look<'_, '_>, K) -> Result<Option<T>, AppError> + Send + 'static,
) -> Result<HashMap<K, T>, AppError>
where
    K: Copy + Eq + Hash + Send + 'static,
    T: Send + 'static,
{
    let short = ids.len() <= list::SHORT;
    let found = platform
        .browse(caller, origin, short, move |look| {
            let (mut all, mut asked) = (HashMap::new(), false);
            for id in ids {
                match read(look, id) {
                    Ok(Some(one)) => {
                        all.insert(id, one);
                        asked = true;
                    }
                    Ok(None) => {}
                    Err(AppError::Denied { .. }) => asked = true,
                    Err(error) => return Err(error),
                }
            }
            // Nothing was there that policies could be asked about.
            if asked { Ok(all) } else { Err(AppError::not_found("such thing", "")) }
        })
        .await;
    match found {
        Err(AppError::NotFound { .. }) => Ok(HashMap::new()),
        found => found,
    }
}

/// Projects by their ids.
///
/// # Errors
/// Only failures of the store.
pub async fn projects(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    ids: Vec<ProjectId>,
) -> Result<HashMap<ProjectId, Project>, AppError> {
    each(platform, caller, origin, ids, |look, id| {
        let Some(record) = look.tx.project(id)? else { return Ok(None) };
        look.may(Action::ProjectsRead, projects::resource_of(&record, look.tx.tenant())?)?;
        projects::project_of(&record, look.tx.tenant()).map(Some)
    })
    .await
}

/// Tasks by their ids.
///
/// # Errors
/// Only failures of the store.
pub async fn tasks(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    ids: Vec<TaskId>,
) -> Result<HashMap<TaskId, Task>, AppError> {
    each(platform, caller, origin, ids, |look, id| {
        let Some(record) = look.tx.task(id)? else { return Ok(None) };
        let doc: TaskDoc = of_doc("task", &record.doc)?;
        look.may(Action::TasksRead, tasks::resource_by(look.tx, &record, &doc)?)?;
        tasks::view_by(look.tx, record, doc).map(Some)
    })
    .await
}

/// Agents by their ids.
///
/// # Errors
/// Only failures of the store.
pub async fn agents(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    ids: Vec<AgentId>,
) -> Result<HashMap<AgentId, Agent>, AppError> {
    each(platform, caller, origin, ids, |look, id| {
        let Some(record) = look.tx.agent(id)? else { return Ok(None) };
        look.may(Action::AgentsRead, agents::resource_of(id, look.tx.tenant()))?;
        agents::agent_of(&record, look.now()).map(Some)
    })
    .await
}

/// Runs by their ids.
///
/// # Errors
/// Only failures of the store.
pub async fn runs(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    ids: Vec<RunId>,
) -> Result<HashMap<RunId, Run>, AppError> {
    each(platform, caller, origin, ids, |look, id| {
        let Some(record) = look.tx.run(id)? else { return Ok(None) };
        look.may(Action::RunsRead, runs::resource_of(look.tx, &record)?)?;
        runs::view(look.tx, record).map(Some)
    })
    .await
}

/// Pull requests by their ids.
///
/// # Errors
/// Only failures of the store.
pub async fn pull_requests(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    ids: Vec<PullRequestId>,
) -> Result<HashMap<PullRequestId, PullRequestView>, AppError> {
    each(platform, caller, origin, ids, pull_request).await
}

/// The newest pull requests of runs.
///
/// # Errors
/// Only failures of the store.
pub async fn pull_requests_of_runs(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    ids: Vec<RunId>,
) -> Result<HashMap<RunId, PullRequestView>, AppError> {
    each(platform, caller, origin, ids, |look, id| match look.tx.pull_request_of_run(id)? {
        Some(record) => pull_request(look, record.id),
        None => Ok(None),
    })
    .await
}

fn pull_request(look: &Look<'_, '_>, id: PullRequestId) -> Result<Option<PullRequestView>, AppError> {
    let Some(record) = look.tx.pull_request(id)? else { return Ok(None) };
    let task = look.tx.run(record.run)?.map(|run| look.tx.task(run.task)).transpose()?.flatten();
    let project = task.and_then(|t| t.project);
    look.may(Action::PullRequestsRead, reviews::resource_of(look.tx, &record, project)?)?;
    reviews::view(look.tx, &record, project).map(Some)
}

/// The newest runs of tasks, without their documents.
///
/// # Errors
/// Only failures of the store.
pub async fn runs_of_tasks(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    ids: Vec<(TaskId, u32)>,
) -> Result<HashMap<(TaskId, u32), Vec<Run>>, AppError> {
    each(platform, caller, origin, ids, |look, (id, first)| {
        let Some(task) = look.tx.task(id)? else { return Ok(None) };
        look.may(Action::RunsRead, reviews::list_resource(look.tx, task.project)?)?;
        let mut all = Vec::new();
        for run in look.tx.runs_of_task(id, first.min(MAX_RUNS))? {
            if let Some(record) = look.tx.run(run)? {
                all.push(Run { document: None, ..runs::view(look.tx, record)? });
            }
        }
        Ok(Some(all))
    })
    .await
}

/// The newest files that runs wrote, without their text.
///
/// # Errors
/// Only failures of the store.
pub async fn artifacts_of_runs(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    ids: Vec<RunId>,
) -> Result<HashMap<RunId, Vec<CodeArtifact>>, AppError> {
    // The files of a project are read once for all of its runs.
    let seen: std::sync::Mutex<HashMap<ProjectId, Vec<store::CodeArtifactRecord>>> = Default::default();
    each(platform, caller, origin, ids, move |look, id| {
        let Some(record) = look.tx.run(id)? else { return Ok(None) };
        look.may(Action::RunsRead, runs::resource_of(look.tx, &record)?)?;
        let Some(project) = look.tx.task(record.task)?.and_then(|t| t.project) else { return Ok(None) };
        let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let std::collections::hash_map::Entry::Vacant(free) = seen.entry(project) {
            free.insert(look.tx.code_artifacts(Some(project), None, FILES_LOOKED_AT)?);
        }
        let files = seen.get(&project).into_iter().flatten();
        Ok(Some(files.filter(|file| file.run == id).map(artifacts::view).collect()))
    })
    .await
}

/// How projects are doing.
///
/// # Errors
/// Only failures of the store.
pub async fn project_metrics(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    ids: Vec<ProjectId>,
) -> Result<HashMap<ProjectId, ProjectMetrics>, AppError> {
    each(platform, caller, origin, ids, |look, id| {
        let Some(record) = look.tx.project(id)? else { return Ok(None) };
        look.may(Action::TasksRead, projects::resource_of(&record, look.tx.tenant())?)?;
        metrics_of(look, id).map(Some)
    })
    .await
}

/// What came of a task: the part of a [`TaskDoc`] that averages are made of.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Came {
    run: Option<RunId>,
    actual_effort: Option<Hours>,
    quality_score: Option<f64>,
}

fn metrics_of(look: &Look<'_, '_>, id: ProjectId) -> Result<ProjectMetrics, AppError> {
    let by_state: HashMap<_, _> = look.tx.count_tasks(id)?.into_iter().collect();
    let (mut quality, mut hours, mut spent, mut priced) = (Vec::new(), Vec::new(), 0, true);
    for task in look.tx.tasks(Some(id), store::Page::newest(AVERAGED))? {
        let doc: Came = of_doc("task", &task.doc)?;
        quality.extend(doc.quality_score);
        hours.extend(doc.actual_effort.map(Hours::as_hours));
        if let Some(budget) = doc.run.map(|run| look.tx.budget(run)).transpose()? {
            spent += budget.spent.0;
            priced &= budget.unpriced_calls == 0;
        }
    }
    let count = |state| by_state.get(&state).copied().unwrap_or(0);
    let (done, failed) = (count(TaskState::Completed), count(TaskState::Failed));
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let success_rate = (done + failed > 0).then(|| done as f64 / (done + failed) as f64);
    Ok(ProjectMetrics {
        success_rate,
        average_quality_score: mean(&quality),
        average_effort: mean(&hours).and_then(Hours::from_hours),
        cost_usd: priced.then(|| NanoUsd(spent).as_usd()),
        by_state,
    })
}

#[expect(clippy::cast_precision_loss, reason = "at most 200")]
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The caller's organization.
///
/// # Errors
/// [`AppError::Denied`].
pub async fn organization(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
) -> Result<Organization, AppError> {
    platform
        .look(caller, origin, |look| {
            let id = look.tx.tenant();
            look.may(Action::OrganizationRead, Resource::organization(id))?;
            let record = look.tx.organization()?;
            let created_at = record.as_ref().map(|r| r.created_at);
            let name = record.map_or_else(|| "My organization".to_owned(), |r| r.name);
            Ok(Organization { id, name, created_at })
        })
        .await
}

/// The members of the organization: a privileged read.
///
/// # Errors
/// [`AppError::Denied`].
pub async fn members(platform: &Platform, caller: &Caller, origin: &Origin) -> Result<Vec<Member>, AppError> {
    platform
        .look(caller, origin, |look| {
            look.may(Action::MembersRead, Resource::organization(look.tx.tenant()))?;
            let all = look.tx.members(None, MAX_MEMBERS)?;
            Ok(all
                .into_iter()
                .map(|m| Member {
                    user_id: m.user,
                    name: m.name,
                    email: m.email,
                    role: m.role,
                    created_at: m.created_at,
                })
                .collect())
        })
        .await
}
