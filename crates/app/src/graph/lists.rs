//! The lists of an organization as slices, sorted, filtered and counted.

use std::collections::HashMap;

use auth::policy::Resource;
use auth::{Action, Caller};
use domain::{AgentId, AgentKind, AgentState, ProjectId, ProjectState, RunId, RunState, TaskId, TaskState};
use store::{Page, ProjectRecord, PullRequestState, TaskRecord};

use super::slice::{Connection, Cut, Order, Slice, Totals, chunk, count, upwards};
use crate::agents::{self, Agent, AgentFilter, MAX_AGENTS};
use crate::artifacts::{self, CodeArtifact};
use crate::office::{Look, Origin};
use crate::projects::{self, Project, ProjectFilter};
use crate::reviews::{self, PullRequestFilter, PullRequestView, list_resource};
use crate::runs::{self, Run};
use crate::tasks::{self, Task, TaskFilter};
use crate::{AppError, Platform};

/// In which order projects are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProjectSort {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// By name.
    Name,
    /// By name, from the end.
    NameDown,
    /// Those that changed last, first.
    Updated,
    /// Those that changed last, last.
    UpdatedUp,
}

/// In which order tasks are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TaskSort {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
}

/// In which order agents are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AgentSort {
    /// As they came.
    #[default]
    Oldest,
    /// Newest first.
    Newest,
    /// By name.
    Name,
    /// By name, from the end.
    NameDown,
}

/// The only project that the caller's token may touch, unless another one is asked for.
fn narrowed(look: &Look<'_, '_>, project: Option<ProjectId>) -> Option<ProjectId> {
    project.or_else(|| look.caller().project_scope.as_deref().and_then(|id| id.parse().ok()))
}

fn no_status(_: &str) -> AppError {
    AppError::invalid("status", "there is no such status")
}

/// Rows that were sorted in memory, as pages: `Oldest` is as they stand.
fn page_of<R: Clone>(sorted: &[(u64, R)], page: Page) -> Vec<(u64, R)> {
    match page {
        Page::Oldest { after, limit } => {
            let rows = sorted.iter().filter(|(n, _)| after.is_none_or(|a| *n > a));
            rows.take(limit as usize).cloned().collect()
        }
        Page::Newest { before, limit } => {
            let rows = sorted.iter().rev().filter(|(n, _)| before.is_none_or(|b| *n < b));
            rows.take(limit as usize).cloned().collect()
        }
    }
}

/// The places of sorted rows, from 1.
fn placed<R>(rows: Vec<R>) -> Vec<(u64, R)> {
    (1..).zip(rows).collect()
}

/// A slice of the projects.
///
/// # Errors
/// [`AppError::Invalid`], [`AppError::Denied`].
pub async fn project_page(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    filter: ProjectFilter,
    sort: ProjectSort,
    slice: Slice,
    totals: Totals,
) -> Result<Connection<Project>, AppError> {
    let word = filter.status.as_deref();
    let state = word.map(|w| ProjectState::from_word(w).ok_or_else(|| no_status(w))).transpose()?;
    let order = match sort {
        ProjectSort::Newest | ProjectSort::NameDown | ProjectSort::Updated => Order::Newest,
        ProjectSort::Oldest | ProjectSort::Name | ProjectSort::UpdatedUp => Order::Oldest,
    };
    let cut = Cut::parse(&slice, order, &format!("projects {filter:?} {sort:?}"))?;
    let needle = filter.q.map(|q| q.to_lowercase());
    platform
        .look(caller, origin, move |look| {
            let tenant = look.tx.tenant();
            look.may(Action::ProjectsRead, projects::scoped(look.caller(), tenant))?;
            let scope = look.caller().project_scope.clone();
            let fits = |record: &ProjectRecord| {
                state.map_or(record.state != ProjectState::Archived, |s| s == record.state)
                    && scope.as_ref().is_none_or(|id| *id == record.id.to_string())
                    && needle.as_ref().is_none_or(|q| {
                        record.name.to_lowercase().contains(q)
                            || record.repository_url.to_lowercase().contains(q)
                    })
            };
            let view = |record: &ProjectRecord| projects::project_of(record, tenant);
            let read = |page| look.tx.projects(page);
            let mut found = if matches!(sort, ProjectSort::Newest | ProjectSort::Oldest) {
                cut.take(read, |r| r.number, |r| Ok(fits(r)), |r| view(&r))?
            } else {
                let mut all = Vec::new();
                let mut page = Page::Oldest { after: None, limit: chunk() };
                loop {
                    let rows = read(page)?;
                    let last = rows.last().map(|r| r.number).filter(|_| rows.len() == chunk() as usize);
                    all.extend(rows);
                    let Some(last) = last else { break };
                    page = page.behind(last);
                }
                match sort {
                    ProjectSort::Name | ProjectSort::NameDown => {
                        all.sort_by_cached_key(|r| (r.name.to_lowercase(), r.number));
                    }
                    _ => all.sort_by_key(|r| (r.updated_at, r.number)),
                }
                let all = placed(all);
                cut.take(
                    |page| Ok(page_of(&all, page)),
                    |(n, _)| *n,
                    |(_, r)| Ok(fits(r)),
                    |(_, r)| view(&r),
                )?
            };
            if totals == Totals::Counted {
                found.total = Some(count(read, |r| r.number, |r| Ok(fits(r)))?);
            }
            Ok(found)
        })
        .await
}

/// What tasks are held against.
#[derive(Clone)]
struct Fits {
    state: Option<TaskState>,
    agent: Option<AgentId>,
    kind: Option<String>,
    needle: Option<String>,
}

impl Fits {
    fn of(filter: &TaskFilter) -> Result<Self, AppError> {
        let word = filter.status.as_deref();
        let agent = filter.assigned_agent.as_deref();
        Ok(Self {
            state: word.map(|w| TaskState::from_word(w).ok_or_else(|| no_status(w))).transpose()?,
            agent: agent
                .map(|id| {
                    id.parse().map_err(|_| AppError::invalid("assignedAgent", "it is the id of an agent"))
                })
                .transpose()?,
            kind: filter.kind.clone(),
            needle: filter.q.as_ref().map(|q| q.to_lowercase()),
        })
    }

    fn hold(&self, record: &TaskRecord) -> bool {
        self.state.is_none_or(|s| s == record.state)
            && self.kind.as_ref().is_none_or(|k| *k == record.kind)
            && self.agent.is_none_or(|a| record.assigned_agent == Some(a))
            && self.needle.as_ref().is_none_or(|q| {
                tasks::title_of(record).to_lowercase().contains(q) || record.text.to_lowercase().contains(q)
            })
    }

    /// Whether the counts by state say how many there are.
    fn by_state_alone(&self) -> bool {
        self.agent.is_none() && self.kind.is_none() && self.needle.is_none()
    }
}

fn tasks_within(
    look: &Look<'_, '_>,
    project: Option<ProjectId>,
    fits: &Fits,
    cut: Cut,
    totals: Totals,
) -> Result<Connection<Task>, AppError> {
    look.may(Action::TasksRead, list_resource(look.tx, project)?)?;
    let read = |page| look.tx.tasks(project, page);
    let mut found = cut.take(read, |r| r.number, |r| Ok(fits.hold(r)), |r| tasks::view(look.tx, r))?;
    if totals == Totals::Counted {
        found.total = Some(match project {
            Some(id) if fits.by_state_alone() => {
                let counts = look.tx.count_tasks(id)?;
                counts.into_iter().filter(|(s, _)| fits.state.is_none_or(|f| f == *s)).map(|(_, n)| n).sum()
            }
            _ => count(read, |r| r.number, |r| Ok(fits.hold(r)))?,
        });
    }
    Ok(found)
}

fn task_order(sort: TaskSort) -> Order {
    match sort {
        TaskSort::Newest => Order::Newest,
        TaskSort::Oldest => Order::Oldest,
    }
}

/// A slice of the tasks of the organization or of one project.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Invalid`], [`AppError::Denied`].
pub async fn task_page(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    filter: TaskFilter,
    sort: TaskSort,
    slice: Slice,
    totals: Totals,
) -> Result<Connection<Task>, AppError> {
    let fits = Fits::of(&filter)?;
    let cut = Cut::parse(&slice, task_order(sort), &format!("tasks {filter:?} {sort:?}"))?;
    platform
        .look(caller, origin, move |look| {
            let project = narrowed(look, filter.project);
            tasks_within(look, project, &fits, cut, totals)
        })
        .await
}

/// The same slice of the tasks of several projects. Projects that are not there or may not be read are left out.
///
/// # Errors
/// [`AppError::Invalid`].
#[expect(clippy::too_many_arguments, reason = "who asks, and what: the same words as for one project")]
pub async fn tasks_of_projects(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    projects: Vec<ProjectId>,
    filter: TaskFilter,
    sort: TaskSort,
    slice: Slice,
    totals: Totals,
) -> Result<HashMap<ProjectId, Connection<Task>>, AppError> {
    let fits = Fits::of(&filter)?;
    let query = move |id| format!("tasks {:?} {sort:?}", TaskFilter { project: Some(id), ..filter.clone() });
    let cuts: Vec<_> = projects
        .into_iter()
        .map(|id| Ok((id, Cut::parse(&slice, task_order(sort), &query(id))?)))
        .collect::<Result<_, AppError>>()?;
    super::each(platform, caller, origin, (0..cuts.len()).collect(), move |look, place: usize| {
        let (id, cut) = cuts[place];
        if look.tx.project(id)?.is_none() {
            return Ok(None);
        }
        Ok(Some((id, tasks_within(look, Some(id), &fits, cut, totals)?)))
    })
    .await
    .map(|found| found.into_values().collect())
}

/// A slice of the registry of agents.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Invalid`], [`AppError::Denied`].
pub async fn agent_page(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    filter: AgentFilter,
    sort: AgentSort,
    slice: Slice,
    totals: Totals,
) -> Result<Connection<Agent>, AppError> {
    let kind = filter.kind.as_deref();
    let kind = kind
        .map(|w| AgentKind::from_word(w).ok_or_else(|| AppError::invalid("type", "there is no such type")));
    let kind = kind.transpose()?;
    let word = filter.status.as_deref();
    let state = word.map(|w| AgentState::from_word(w).ok_or_else(|| no_status(w))).transpose()?;
    let order = match sort {
        AgentSort::Oldest | AgentSort::Name => Order::Oldest,
        AgentSort::Newest | AgentSort::NameDown => Order::Newest,
    };
    let project = filter.project;
    let query = format!("agents {kind:?} {state:?} {project:?} {sort:?}");
    let cut = Cut::parse(&slice, order, &query)?;
    platform
        .look(caller, origin, move |look| {
            look.may(Action::AgentsRead, list_resource(look.tx, project)?)?;
            let now = look.now();
            // The registry is short.
            let mut all = look.tx.agents(0, MAX_AGENTS)?;
            if matches!(sort, AgentSort::Name | AgentSort::NameDown) {
                all.sort_by_cached_key(|a| (a.name.to_lowercase(), a.number));
            }
            let all =
                all.iter().map(|record| agents::agent_of(record, now)).collect::<Result<Vec<_>, _>>()?;
            let fits = |agent: &Agent| {
                kind.is_none_or(|k| k == agent.kind)
                    && state.is_none_or(|s| s == agent.status)
                    && project.is_none_or(|p| {
                        agent.current_projects.is_empty() || agent.current_projects.contains(&p)
                    })
            };
            let total =
                (totals == Totals::Counted).then(|| all.iter().filter(|agent| fits(agent)).count() as u64);
            // Places are given before the filter, so that a cursor stays where it is when an agent begins to work.
            let all = placed(all);
            let found = cut.take(
                |page| Ok(page_of(&all, page)),
                |(n, _)| *n,
                |(_, agent)| Ok(fits(agent)),
                |(_, agent)| Ok(agent),
            )?;
            Ok(Connection { total, ..found })
        })
        .await
}

/// A slice of the runs of the organization, of one project or of one task, without their documents.
///
/// # Errors
/// [`AppError::NotFound`] for project or task, [`AppError::Invalid`], [`AppError::Denied`].
#[expect(clippy::too_many_arguments, reason = "who asks, and what: the same words as of `runs::list`")]
pub async fn run_page(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    project: Option<ProjectId>,
    task: Option<TaskId>,
    status: Option<String>,
    slice: Slice,
    totals: Totals,
) -> Result<Connection<Run>, AppError> {
    let word = status.as_deref();
    let state = word.map(|w| RunState::from_word(w).ok_or_else(|| no_status(w))).transpose()?;
    let cut = Cut::parse(&slice, Order::Newest, &format!("runs {project:?} {task:?} {status:?}"))?;
    platform
        .look(caller, origin, move |look| {
            let mut project = narrowed(look, project);
            if let Some(id) = task {
                let row = look.tx.task(id)?.ok_or_else(|| AppError::not_found("task", id))?;
                project = row.project;
            }
            look.may(Action::RunsRead, list_resource(look.tx, project)?)?;
            let newest = |before, limit| look.tx.runs_before(project, before, limit);
            let read = |page| match page {
                Page::Newest { before, limit } => newest(before, limit),
                Page::Oldest { after, limit } => {
                    upwards(after, limit, |p: &store::RunPlace| p.number, |before| newest(before, chunk()))
                }
            };
            let fits = |place: &store::RunPlace| {
                if task.is_none() && state.is_none() {
                    return Ok(true);
                }
                let run = look.tx.run(place.run)?;
                Ok(run
                    .is_some_and(|r| task.is_none_or(|t| t == r.task) && state.is_none_or(|s| s == r.state)))
            };
            let view = |place: store::RunPlace| {
                let record = look.tx.run(place.run)?.ok_or_else(|| AppError::not_found("run", place.run))?;
                runs::view(look.tx, record).map(|run| Run { document: None, ..run })
            };
            let mut found = cut.take(read, |p| p.number, fits, view)?;
            if totals == Totals::Counted {
                found.total = Some(count(read, |p| p.number, fits)?);
            }
            Ok(found)
        })
        .await
}

/// A slice of the pull requests of the organization or of one project.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Invalid`], [`AppError::Denied`].
pub async fn pull_request_page(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    filter: PullRequestFilter,
    slice: Slice,
    totals: Totals,
) -> Result<Connection<PullRequestView>, AppError> {
    let word = filter.status.as_deref();
    let state = word.map(|w| PullRequestState::from_word(w).ok_or_else(|| no_status(w))).transpose()?;
    let cut = Cut::parse(&slice, Order::Newest, &format!("pull requests {filter:?}"))?;
    type Row = (domain::PullRequestId, u64, Option<ProjectId>);
    platform
        .look(caller, origin, move |look| {
            let project = narrowed(look, filter.project);
            look.may(Action::PullRequestsRead, list_resource(look.tx, project)?)?;
            let newest = |before, limit| look.tx.pull_requests_before(project, before, limit);
            let read = |page| match page {
                Page::Newest { before, limit } => newest(before, limit),
                Page::Oldest { after, limit } => {
                    upwards(after, limit, |row: &Row| row.1, |before| newest(before, chunk()))
                }
            };
            let fits = |row: &Row| match state {
                None => Ok(true),
                Some(state) => Ok(look.tx.pull_request(row.0)?.is_some_and(|r| r.state == state)),
            };
            let view = |(id, _, project): Row| {
                let record =
                    look.tx.pull_request(id)?.ok_or_else(|| AppError::not_found("pull request", id))?;
                reviews::view(look.tx, &record, project)
            };
            let mut found = cut.take(read, |row| row.1, fits, view)?;
            if totals == Totals::Counted {
                found.total = Some(count(read, |row| row.1, fits)?);
            }
            Ok(found)
        })
        .await
}

/// A slice of the files that agents wrote, without their text.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Invalid`], [`AppError::Denied`].
pub async fn artifact_page(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    project: Option<ProjectId>,
    run: Option<RunId>,
    slice: Slice,
    totals: Totals,
) -> Result<Connection<CodeArtifact>, AppError> {
    let cut = Cut::parse(&slice, Order::Newest, &format!("artifacts {project:?} {run:?}"))?;
    type Row = store::CodeArtifactRecord;
    platform
        .look(caller, origin, move |look| {
            let project = narrowed(look, project);
            let resource = match project {
                Some(_) => list_resource(look.tx, project)?,
                None => Resource::organization(look.tx.tenant()),
            };
            look.may(Action::RunsRead, resource)?;
            let newest = |before, limit| look.tx.code_artifacts(project, before, limit);
            let read = |page| match page {
                Page::Newest { before, limit } => newest(before, limit),
                Page::Oldest { after, limit } => {
                    upwards(after, limit, |row: &Row| row.number, |before| newest(before, chunk()))
                }
            };
            let fits = |row: &Row| Ok(run.is_none_or(|r| r == row.run));
            let mut found = cut.take(read, |row| row.number, fits, |row| Ok(artifacts::view(&row)))?;
            if totals == Totals::Counted {
                found.total = Some(count(read, |row| row.number, fits)?);
            }
            Ok(found)
        })
        .await
}
