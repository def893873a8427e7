//! The objects of the graph: what use cases give, and what hangs on it.

use app::graph::TaskSort;
use async_graphql::{Context, Enum, ID, InputObject, Json, Object, Result, SimpleObject};
use domain::TaskState;
use serde_json::Value;

use super::connection::{PaginationInput, TaskConnection, pages, times, totals};
use super::context::{TasksAsked, graph};

/// Wraps what a use case gives.
macro_rules! wrap {
    ($($name:ident of $inner:ty;)*) => {$(
        #[derive(Clone)]
        pub(super) struct $name(pub(super) $inner);

        impl From<$inner> for $name {
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }
    )*};
}

wrap! {
    Organization of app::graph::Organization;
    Member of app::graph::Member;
    Project of app::projects::Project;
    ProjectMetrics of app::graph::ProjectMetrics;
    Task of app::tasks::Task;
    Agent of app::agents::Agent;
    Run of app::runs::Run;
    PullRequest of app::reviews::PullRequestView;
    CodeArtifact of app::artifacts::CodeArtifact;
}

pub(super) fn id(of: impl ToString) -> ID {
    ID(of.to_string())
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> Json<Value> {
    // What use cases give is strings, numbers and lists: it has no way to fail.
    Json(serde_json::to_value(value).unwrap_or_default())
}

/// In which direction something is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum SortDirection {
    /// Upwards.
    Asc,
    /// Downwards.
    Desc,
}

/// By what tasks are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum TaskSortField {
    /// When they came.
    CreatedAt,
}

/// In which order tasks are shown: newest first if nothing is said.
#[derive(Clone, Copy, Debug, InputObject)]
pub(super) struct TaskSortInput {
    field: TaskSortField,
    #[graphql(default_with = "SortDirection::Desc")]
    direction: SortDirection,
}

/// Tasks in the order that was asked for.
pub(super) fn task_sort(sort: Option<TaskSortInput>) -> TaskSort {
    match sort {
        Some(TaskSortInput { field: TaskSortField::CreatedAt, direction: SortDirection::Asc }) => {
            TaskSort::Oldest
        }
        Some(TaskSortInput { field: TaskSortField::CreatedAt, direction: SortDirection::Desc }) | None => {
            TaskSort::Newest
        }
    }
}

/// Which tasks of a project are shown.
#[derive(Clone, Debug, Default, InputObject)]
pub(super) struct ProjectTaskFilter {
    /// In this state.
    status: Option<String>,
    /// Of this type.
    #[graphql(name = "type")]
    kind: Option<String>,
    /// Of this agent.
    assigned_agent: Option<ID>,
    /// Whose title or description has this in it.
    q: Option<String>,
}

fn asked(
    filter: Option<ProjectTaskFilter>,
    sort: Option<TaskSortInput>,
    slice: app::graph::Slice,
    totals: app::graph::Totals,
) -> TasksAsked {
    let filter = filter.unwrap_or_default();
    TasksAsked {
        status: filter.status,
        kind: filter.kind,
        assigned_agent: filter.assigned_agent.map(|id| id.0),
        q: filter.q,
        sort: task_sort(sort),
        slice,
        totals,
    }
}

/// An organization: whose everything is.
#[Object]
impl Organization {
    async fn id(&self) -> ID {
        id(self.0.id)
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// RFC 3339; null for a machine that nobody signed in to yet.
    async fn created_at(&self) -> Option<String> {
        self.0.created_at.map(|at| at.to_string())
    }
}

/// A person in the organization.
#[Object]
impl Member {
    async fn user_id(&self) -> ID {
        id(self.0.user_id)
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    async fn email(&self) -> &str {
        &self.0.email
    }

    async fn role(&self) -> &str {
        &self.0.role
    }

    async fn created_at(&self) -> String {
        self.0.created_at.to_string()
    }
}

/// A repository, and what is done in it.
#[Object]
impl Project {
    async fn id(&self) -> ID {
        id(self.0.id)
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// `preparing`, `active`, `failed` or `archived`.
    async fn status(&self) -> &str {
        self.0.status.as_str()
    }

    /// What it is doing, or why it failed.
    async fn status_detail(&self) -> Option<&str> {
        self.0.status_detail.as_deref()
    }

    async fn organization_id(&self) -> ID {
        id(self.0.organization_id)
    }

    async fn repository_url(&self) -> &str {
        &self.0.repository_url
    }

    async fn default_branch(&self) -> Option<&str> {
        self.0.default_branch.as_deref()
    }

    async fn tech_stack(&self) -> &[String] {
        &self.0.tech_stack
    }

    /// What is asked of its agents.
    async fn requirements(&self) -> Json<Value> {
        json(&self.0.requirements)
    }

    /// Settings of its runs.
    async fn configuration(&self) -> Json<Value> {
        json(&self.0.configuration)
    }

    async fn created_at(&self) -> String {
        self.0.created_at.to_string()
    }

    async fn updated_at(&self) -> String {
        self.0.updated_at.to_string()
    }

    /// The agents that are assigned to it.
    #[graphql(complexity = "10 * child_complexity")]
    async fn agents(&self, ctx: &Context<'_>) -> Result<Vec<Agent>> {
        let ids = self.0.agents_assigned.iter().copied();
        Ok(graph(ctx)?.agents.load_many(ids).await?.into_iter().map(Agent).collect())
    }

    /// Its tasks, newest first; `first` of them, 50 if nothing is said.
    #[graphql(complexity = "times(first) * child_complexity")]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        filter: Option<ProjectTaskFilter>,
        sort: Option<TaskSortInput>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Vec<Task>> {
        let slice = app::graph::Slice { first, after, ..Default::default() };
        let key = (self.0.id, asked(filter, sort, slice, app::graph::Totals::Uncounted));
        let page = graph(ctx)?.tasks_of_projects.load(key).await?;
        Ok(page.into_iter().flat_map(|page| page.items).map(|(_, task)| Task(task)).collect())
    }

    /// Its tasks with cursors and a total.
    #[graphql(complexity = "pages(&pagination) * child_complexity")]
    async fn task_connection(
        &self,
        ctx: &Context<'_>,
        filter: Option<ProjectTaskFilter>,
        sort: Option<TaskSortInput>,
        pagination: Option<PaginationInput>,
    ) -> Result<Option<TaskConnection>> {
        let slice = pagination.unwrap_or_default().into();
        let key = (self.0.id, asked(filter, sort, slice, totals(ctx)));
        Ok(graph(ctx)?.tasks_of_projects.load(key).await?.map(Into::into))
    }

    /// How it is doing; null where its tasks may not be read.
    #[graphql(complexity = "5 + child_complexity")]
    async fn metrics(&self, ctx: &Context<'_>) -> Result<Option<ProjectMetrics>> {
        Ok(graph(ctx)?.metrics.load(self.0.id).await?.map(ProjectMetrics))
    }
}

/// How a project is doing. What was measured of nothing is null.
#[Object]
impl ProjectMetrics {
    async fn tasks_total(&self) -> u64 {
        self.0.count(TaskState::ALL)
    }

    /// Those that are not ended.
    async fn tasks_open(&self) -> u64 {
        use TaskState::{InputRequired, Paused, Submitted, Working};
        self.0.count(&[Submitted, Working, InputRequired, Paused])
    }

    async fn tasks_working(&self) -> u64 {
        self.0.count(&[TaskState::Working])
    }

    async fn tasks_completed(&self) -> u64 {
        self.0.count(&[TaskState::Completed])
    }

    async fn tasks_failed(&self) -> u64 {
        self.0.count(&[TaskState::Failed])
    }

    async fn tasks_canceled(&self) -> u64 {
        self.0.count(&[TaskState::Canceled])
    }

    /// The part of the tasks that ended with a result, 0 to 1.
    async fn success_rate(&self) -> Option<f64> {
        self.0.success_rate
    }

    /// How good results are, 0 to 1, over the newest 200 tasks.
    async fn average_quality_score(&self) -> Option<f64> {
        self.0.average_quality_score
    }

    /// Hours that a task took, over the newest 200 tasks.
    async fn average_effort(&self) -> Option<f64> {
        self.0.average_effort.map(domain::Hours::as_hours)
    }

    /// What the last runs of the newest 200 tasks have cost, in US dollars; null when a price is unknown.
    async fn cost_usd(&self) -> Option<f64> {
        self.0.cost_usd
    }
}

/// A sentence and what to do about it.
#[derive(SimpleObject)]
pub(super) struct Problem {
    code: String,
    message: String,
    hint: String,
}

/// An interval of hours.
#[derive(SimpleObject)]
pub(super) struct EffortInterval {
    low: f64,
    high: f64,
}

/// What a mistake would cost, and why.
#[derive(SimpleObject)]
pub(super) struct Risk {
    level: String,
    reasons: Vec<String>,
}

/// What was asked.
#[Object]
impl Task {
    async fn id(&self) -> ID {
        id(self.0.id)
    }

    /// Its place among the tasks of its organization, from 1.
    async fn number(&self) -> u64 {
        self.0.number
    }

    async fn title(&self) -> &str {
        &self.0.title
    }

    async fn description(&self) -> &str {
        &self.0.description
    }

    /// `feature`, `fix`, `refactor`, `test`, `docs` or `chore`.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// `low`, `medium`, `high` or `critical`.
    async fn priority(&self) -> &str {
        self.0.priority.as_str()
    }

    /// `submitted`, `working`, `input_required`, `paused`, `completed`, `failed` or `canceled`.
    async fn status(&self) -> &str {
        self.0.status.as_str()
    }

    /// Who was found for it, and why.
    async fn assignment(&self) -> Json<Value> {
        json(&self.0.assignment)
    }

    async fn requirements(&self) -> Json<Value> {
        json(&self.0.requirements)
    }

    /// Hours that it will take.
    async fn estimated_effort(&self) -> f64 {
        self.0.estimated_effort.as_hours()
    }

    /// Eight of ten such tasks stay in it.
    async fn effort_interval(&self) -> EffortInterval {
        let interval = self.0.effort_interval;
        EffortInterval { low: interval.low.as_hours(), high: interval.high.as_hours() }
    }

    /// Hours that it took; null until it ended.
    async fn actual_effort(&self) -> Option<f64> {
        self.0.actual_effort.map(domain::Hours::as_hours)
    }

    /// How good the result is, 0 to 1.
    async fn quality_score(&self) -> Option<f64> {
        self.0.quality_score
    }

    async fn risk(&self) -> Risk {
        Risk { level: self.0.risk.level.clone(), reasons: self.0.risk.reasons.clone() }
    }

    async fn due_date(&self) -> Option<String> {
        self.0.due_date.map(|at| at.to_string())
    }

    /// Whether a person holds it.
    async fn held(&self) -> bool {
        self.0.held
    }

    /// Whether an engine will begin it when its turn comes.
    async fn queued(&self) -> bool {
        self.0.queued
    }

    /// What its last run has cost so far, in US dollars; null when a price is unknown.
    async fn cost_usd(&self) -> Option<f64> {
        self.0.cost_usd
    }

    /// Why its last run came to nothing, or what it waits for.
    async fn error(&self) -> Option<Problem> {
        let error = self.0.error.clone()?;
        Some(Problem { code: error.code, message: error.message, hint: error.hint })
    }

    async fn created_by(&self) -> &str {
        &self.0.created_by
    }

    async fn created_at(&self) -> String {
        self.0.created_at.to_string()
    }

    async fn updated_at(&self) -> String {
        self.0.updated_at.to_string()
    }

    /// Null for a task of the command line.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<Project>> {
        let Some(id) = self.0.project_id else { return Ok(None) };
        Ok(graph(ctx)?.projects.load(id).await?.map(Project))
    }

    /// The agent that it was given to; null: nobody fits, and `assignment` says why.
    async fn assigned_agent(&self, ctx: &Context<'_>) -> Result<Option<Agent>> {
        let Some(id) = self.0.assigned_agent else { return Ok(None) };
        Ok(graph(ctx)?.agents.load(id).await?.map(Agent))
    }

    /// Tasks that have to be completed before it begins.
    #[graphql(complexity = "10 * child_complexity")]
    async fn dependencies(&self, ctx: &Context<'_>) -> Result<Vec<Task>> {
        let ids = self.0.dependencies.iter().copied();
        Ok(graph(ctx)?.tasks.load_many(ids).await?.into_iter().map(Task).collect())
    }

    /// Its runs, newest first.
    #[graphql(complexity = "times(Some(first)) * child_complexity")]
    async fn runs(&self, ctx: &Context<'_>, #[graphql(default = 10)] first: i32) -> Result<Vec<Run>> {
        let first = u32::try_from(first).unwrap_or(0).min(app::graph::MAX_RUNS);
        let runs = graph(ctx)?.runs_of_tasks.load((self.0.id, first)).await?;
        Ok(runs.into_iter().flatten().map(Run).collect())
    }

    /// Its last run.
    async fn run(&self, ctx: &Context<'_>) -> Result<Option<Run>> {
        let Some(id) = self.0.run_id else { return Ok(None) };
        Ok(graph(ctx)?.runs.load(id).await?.map(Run))
    }

    /// The pull request of its last run.
    async fn pull_request(&self, ctx: &Context<'_>) -> Result<Option<PullRequest>> {
        let Some(id) = self.0.pull_request_id else { return Ok(None) };
        Ok(graph(ctx)?.pull_requests.load(id).await?.map(PullRequest))
    }
}

/// What became of an agent's work. Null where there was none.
#[derive(SimpleObject)]
pub(super) struct AgentMetrics {
    tasks_completed: u64,
    tasks_failed: u64,
    success_rate: Option<f64>,
    error_rate: Option<f64>,
    average_turn_seconds: Option<f64>,
    average_cost_usd: Option<f64>,
}

/// Somebody of the team.
#[Object]
impl Agent {
    async fn id(&self) -> ID {
        id(self.0.id)
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// `technical_lead`, `architecture`, `developer` or `reviewer`.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        self.0.kind.as_str()
    }

    /// What it knows best; empty: everything.
    async fn specialization(&self) -> &str {
        &self.0.specialization
    }

    /// `idle`, `working`, `offline` or `retired`.
    async fn status(&self) -> &str {
        self.0.status.as_str()
    }

    /// The model that it has; empty: whatever the run has.
    async fn model_version(&self) -> &str {
        &self.0.model_version
    }

    async fn capabilities(&self) -> &[String] {
        &self.0.capabilities
    }

    async fn last_active(&self) -> String {
        self.0.last_active.to_string()
    }

    async fn created_at(&self) -> String {
        self.0.created_at.to_string()
    }

    /// Its projects; none: it takes work of all.
    #[graphql(complexity = "10 * child_complexity")]
    async fn current_projects(&self, ctx: &Context<'_>) -> Result<Vec<Project>> {
        let ids = self.0.current_projects.iter().copied();
        Ok(graph(ctx)?.projects.load_many(ids).await?.into_iter().map(Project).collect())
    }

    /// What it works on.
    #[graphql(complexity = "10 * child_complexity")]
    async fn current_tasks(&self, ctx: &Context<'_>) -> Result<Vec<Task>> {
        let ids = self.0.current_tasks.iter().copied();
        Ok(graph(ctx)?.tasks.load_many(ids).await?.into_iter().map(Task).collect())
    }

    async fn performance_metrics(&self) -> AgentMetrics {
        let metrics = &self.0.performance_metrics;
        AgentMetrics {
            tasks_completed: metrics.tasks_completed,
            tasks_failed: metrics.tasks_failed,
            success_rate: metrics.success_rate,
            error_rate: metrics.error_rate,
            average_turn_seconds: metrics.average_turn_seconds,
            average_cost_usd: metrics.average_cost_usd,
        }
    }
}
