//! What the resolvers of one request share: who asks, and the loaders.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use app::graph::{self, Connection, ProjectMetrics, Slice, TaskSort, Totals};
use app::office::Origin;
use app::tasks::TaskFilter;
use app::{AppError, Platform};
use async_graphql::{Context, Error};
use auth::Caller;
use domain::{AgentId, ProjectId, PullRequestId, RunId, TaskId};

use super::errors::failure;
use super::loader::{Loader, Rounds};

/// A list of tasks within a project, as a field asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TasksAsked {
    pub(super) status: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) assigned_agent: Option<String>,
    pub(super) q: Option<String>,
    pub(super) sort: TaskSort,
    pub(super) slice: Slice,
    pub(super) totals: Totals,
}

/// Who asks, and how often the store was asked for it.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) platform: Platform,
    pub(super) caller: Caller,
    pub(super) origin: Origin,
    reads: Arc<AtomicU64>,
}

impl Asker {
    /// The use cases, counted.
    pub(super) fn look(&self) -> (&Platform, &Caller, &Origin) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        (&self.platform, &self.caller, &self.origin)
    }
}

/// What the resolvers of one request share.
pub(super) struct Graph {
    pub(super) rounds: Arc<Rounds>,
    pub(super) asker: Asker,
    pub(super) projects: Loader<ProjectId, app::projects::Project>,
    pub(super) tasks: Loader<TaskId, app::tasks::Task>,
    pub(super) agents: Loader<AgentId, app::agents::Agent>,
    pub(super) runs: Loader<RunId, app::runs::Run>,
    pub(super) pull_requests: Loader<PullRequestId, app::reviews::PullRequestView>,
    pub(super) pull_requests_of_runs: Loader<RunId, app::reviews::PullRequestView>,
    pub(super) runs_of_tasks: Loader<(TaskId, u32), Vec<app::runs::Run>>,
    pub(super) artifacts_of_runs: Loader<RunId, Vec<app::artifacts::CodeArtifact>>,
    pub(super) metrics: Loader<ProjectId, ProjectMetrics>,
    pub(super) tasks_of_projects: Loader<(ProjectId, TasksAsked), Connection<app::tasks::Task>>,
}

/// A loader over one of the batch reads.
macro_rules! loader {
    ($asker:expr, $rounds:expr, $read:path) => {{
        let asker = $asker.clone();
        Loader::new($rounds.clone(), move |ids| {
            let asker = asker.clone();
            Box::pin(async move {
                let (platform, caller, origin) = asker.look();
                $read(platform, caller, origin, ids).await.map_err(failure)
            })
        })
    }};
}

impl Graph {
    /// `reads` counts how often the store is asked.
    pub(super) fn new(platform: Platform, caller: Caller, origin: Origin, reads: Arc<AtomicU64>) -> Self {
        let asker = Asker { platform, caller, origin, reads };
        let of_projects = asker.clone();
        let rounds = Arc::new(Rounds::default());
        Self {
            projects: loader!(asker, rounds, graph::projects),
            tasks: loader!(asker, rounds, graph::tasks),
            agents: loader!(asker, rounds, graph::agents),
            runs: loader!(asker, rounds, graph::runs),
            pull_requests: loader!(asker, rounds, graph::pull_requests),
            pull_requests_of_runs: loader!(asker, rounds, graph::pull_requests_of_runs),
            runs_of_tasks: loader!(asker, rounds, graph::runs_of_tasks),
            artifacts_of_runs: loader!(asker, rounds, graph::artifacts_of_runs),
            metrics: loader!(asker, rounds, graph::project_metrics),
            tasks_of_projects: Loader::new(rounds.clone(), move |keys| {
                let asker = of_projects.clone();
                Box::pin(async move { tasks_of_projects(&asker, keys).await.map_err(failure) })
            }),
            rounds,
            asker,
        }
    }
}

/// Lists that are asked for in the same words are one read for all of their projects.
async fn tasks_of_projects(
    asker: &Asker,
    keys: Vec<(ProjectId, TasksAsked)>,
) -> Result<HashMap<(ProjectId, TasksAsked), Connection<app::tasks::Task>>, AppError> {
    let mut found = HashMap::new();
    for (asked, projects) in by(keys) {
        let filter = TaskFilter {
            project: None,
            status: asked.status.clone(),
            kind: asked.kind.clone(),
            assigned_agent: asked.assigned_agent.clone(),
            q: asked.q.clone(),
        };
        let (platform, caller, origin) = asker.look();
        let (sort, slice, totals) = (asked.sort, asked.slice.clone(), asked.totals);
        let read =
            graph::tasks_of_projects(platform, caller, origin, projects, filter, sort, slice, totals).await?;
        found.extend(read.into_iter().map(|(project, page)| ((project, asked.clone()), page)));
    }
    Ok(found)
}

fn by<A, B: Eq + Hash>(pairs: Vec<(A, B)>) -> HashMap<B, Vec<A>> {
    let mut all: HashMap<B, Vec<A>> = HashMap::new();
    for (a, b) in pairs {
        all.entry(b).or_default().push(a);
    }
    all
}

/// What the resolvers of this request share.
pub(super) fn graph<'c>(ctx: &Context<'c>) -> Result<&'c Graph, Error> {
    ctx.data::<Graph>()
}
