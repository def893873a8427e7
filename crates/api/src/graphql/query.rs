//! What can be asked.

use app::agents::AgentFilter;
use app::graph::{self as read, AgentSort, ProjectSort};
use app::projects::ProjectFilter;
use app::reviews::PullRequestFilter;
use app::tasks::TaskFilter;
use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};

use super::connection::{
    AgentConnection, CodeArtifactConnection, PaginationInput, ProjectConnection, PullRequestConnection,
    RunConnection, TaskConnection, pages, totals,
};
use super::context::graph;
use super::errors::{coded, failure, found};
use super::types::{
    Agent, CodeArtifact, Member, Organization, Project, PullRequest, Run, SortDirection, Task, TaskSortInput,
    task_sort,
};

/// Which projects are shown.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "ProjectFilter")]
pub(super) struct ProjectFilterInput {
    /// In this state; all but archived ones if nothing is said.
    status: Option<String>,
    /// Whose name or repository has this in it.
    q: Option<String>,
}

/// By what projects are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum ProjectSortField {
    /// When they were made.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
    /// Their names.
    Name,
}

/// In which order projects are shown: newest first if nothing is said.
#[derive(Clone, Copy, Debug, InputObject)]
#[graphql(name = "ProjectSort")]
pub(super) struct ProjectSortInput {
    field: ProjectSortField,
    #[graphql(default_with = "SortDirection::Desc")]
    direction: SortDirection,
}

/// Which tasks are shown.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "TaskFilter")]
pub(super) struct TaskFilterInput {
    /// Of this project.
    project_id: Option<ID>,
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

/// Which agents are shown.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "AgentFilter")]
pub(super) struct AgentFilterInput {
    /// Of this type.
    #[graphql(name = "type")]
    kind: Option<String>,
    /// In this state.
    status: Option<String>,
    /// That take work of this project.
    project_id: Option<ID>,
}

/// By what agents are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum AgentSortField {
    /// When they were registered.
    CreatedAt,
    /// Their names.
    Name,
}

/// In which order agents are shown: as they came if nothing is said.
#[derive(Clone, Copy, Debug, InputObject)]
#[graphql(name = "AgentSort")]
pub(super) struct AgentSortInput {
    field: AgentSortField,
    #[graphql(default_with = "SortDirection::Asc")]
    direction: SortDirection,
}

/// Which runs are shown.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "RunFilter")]
pub(super) struct RunFilterInput {
    /// Of this project.
    project_id: Option<ID>,
    /// Of this task.
    task_id: Option<ID>,
    /// In this state.
    status: Option<String>,
}

/// Which pull requests are shown.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "PullRequestFilter")]
pub(super) struct PullRequestFilterInput {
    /// Of this project.
    project_id: Option<ID>,
    /// In this state.
    status: Option<String>,
}

/// Which files are shown.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "CodeArtifactFilter")]
pub(super) struct CodeArtifactFilterInput {
    /// Of this project.
    project_id: Option<ID>,
    /// Of this run.
    run_id: Option<ID>,
}

/// Who asks.
#[derive(SimpleObject)]
pub(super) struct Viewer {
    id: ID,
    name: String,
    role: String,
    organization_id: ID,
}

/// An id in a filter: what can't be one fits nothing.
fn narrow<T: std::str::FromStr>(what: &str, id: Option<ID>) -> Result<Option<T>> {
    let parsed =
        id.map(|id| id.0.parse().map_err(|_| coded("not_found", format!("there is no {what} {}", id.0))));
    parsed.transpose()
}

/// What can be asked.
pub(super) struct Query;

#[Object]
impl Query {
    /// Who asks.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        let caller = &graph(ctx)?.asker.caller;
        Ok(Viewer {
            id: ID(caller.id().to_owned()),
            name: caller.principal.name().to_owned(),
            role: caller.role.to_string(),
            organization_id: ID(caller.tenant.to_string()),
        })
    }

    /// The organization that everything here belongs to.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        read::organization(platform, caller, origin).await.map(Organization).map_err(failure)
    }

    /// The people of the organization, up to 1,000. A privileged read.
    #[graphql(complexity = "50 * child_complexity")]
    async fn members(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let all = read::members(platform, caller, origin).await.map_err(failure)?;
        Ok(all.into_iter().map(Member).collect())
    }

    /// One project; null where there is none.
    async fn project(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Project>> {
        let Ok(id) = id.0.parse() else { return Ok(None) };
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        Ok(found(app::projects::get(platform, caller, origin, id).await)?.map(Project))
    }

    /// The projects of the organization.
    #[graphql(complexity = "pages(&pagination) * child_complexity")]
    async fn projects(
        &self,
        ctx: &Context<'_>,
        filter: Option<ProjectFilterInput>,
        sort: Option<ProjectSortInput>,
        pagination: Option<PaginationInput>,
    ) -> Result<ProjectConnection> {
        let filter = filter.unwrap_or_default();
        let filter = ProjectFilter { status: filter.status, q: filter.q };
        let sort = match sort.map(|s| (s.field, s.direction)) {
            None | Some((ProjectSortField::CreatedAt, SortDirection::Desc)) => ProjectSort::Newest,
            Some((ProjectSortField::CreatedAt, SortDirection::Asc)) => ProjectSort::Oldest,
            Some((ProjectSortField::Name, SortDirection::Asc)) => ProjectSort::Name,
            Some((ProjectSortField::Name, SortDirection::Desc)) => ProjectSort::NameDown,
            Some((ProjectSortField::UpdatedAt, SortDirection::Desc)) => ProjectSort::Updated,
            Some((ProjectSortField::UpdatedAt, SortDirection::Asc)) => ProjectSort::UpdatedUp,
        };
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let slice = pagination.unwrap_or_default().into();
        let page = read::project_page(platform, caller, origin, filter, sort, slice, totals(ctx)).await;
        page.map(Into::into).map_err(failure)
    }

    /// One task; null where there is none.
    async fn task(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Task>> {
        let Ok(id) = id.0.parse() else { return Ok(None) };
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        Ok(found(app::tasks::get(platform, caller, origin, id).await)?.map(Task))
    }

    /// The tasks of the organization or of one project.
    #[graphql(complexity = "pages(&pagination) * child_complexity")]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        filter: Option<TaskFilterInput>,
        sort: Option<TaskSortInput>,
        pagination: Option<PaginationInput>,
    ) -> Result<TaskConnection> {
        let filter = filter.unwrap_or_default();
        let filter = TaskFilter {
            project: narrow("project", filter.project_id)?,
            status: filter.status,
            kind: filter.kind,
            assigned_agent: filter.assigned_agent.map(|id| id.0),
            q: filter.q,
        };
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let (sort, slice) = (task_sort(sort), pagination.unwrap_or_default().into());
        let page = read::task_page(platform, caller, origin, filter, sort, slice, totals(ctx)).await;
        page.map(Into::into).map_err(failure)
    }

    /// One agent; null where there is none.
    async fn agent(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Agent>> {
        let Ok(id) = id.0.parse() else { return Ok(None) };
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        Ok(found(app::agents::get(platform, caller, origin, id).await)?.map(Agent))
    }

    /// The registry of agents.
    #[graphql(complexity = "pages(&pagination) * child_complexity")]
    async fn agents(
        &self,
        ctx: &Context<'_>,
        filter: Option<AgentFilterInput>,
        sort: Option<AgentSortInput>,
        pagination: Option<PaginationInput>,
    ) -> Result<AgentConnection> {
        let filter = filter.unwrap_or_default();
        let project = narrow("project", filter.project_id)?;
        let filter = AgentFilter { kind: filter.kind, status: filter.status, project };
        let sort = match sort.map(|s| (s.field, s.direction)) {
            None | Some((AgentSortField::CreatedAt, SortDirection::Asc)) => AgentSort::Oldest,
            Some((AgentSortField::CreatedAt, SortDirection::Desc)) => AgentSort::Newest,
            Some((AgentSortField::Name, SortDirection::Asc)) => AgentSort::Name,
            Some((AgentSortField::Name, SortDirection::Desc)) => AgentSort::NameDown,
        };
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let slice = pagination.unwrap_or_default().into();
        let page = read::agent_page(platform, caller, origin, filter, sort, slice, totals(ctx)).await;
        page.map(Into::into).map_err(failure)
    }

    /// One run; null where there is none.
    async fn run(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Run>> {
        let Ok(id) = id.0.parse() else { return Ok(None) };
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        Ok(found(app::runs::get(platform, caller, origin, id).await)?.map(Run))
    }

    /// The runs of the organization, of one project or of one task, newest first.
    #[graphql(complexity = "pages(&pagination) * child_complexity")]
    async fn runs(
        &self,
        ctx: &Context<'_>,
        filter: Option<RunFilterInput>,
        pagination: Option<PaginationInput>,
    ) -> Result<RunConnection> {
        let filter = filter.unwrap_or_default();
        let (project, task) = (narrow("project", filter.project_id)?, narrow("task", filter.task_id)?);
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let slice = pagination.unwrap_or_default().into();
        let (status, totals) = (filter.status, totals(ctx));
        let page = read::run_page(platform, caller, origin, project, task, status, slice, totals).await;
        page.map(Into::into).map_err(failure)
    }

    /// One pull request; null where there is none.
    async fn pull_request(&self, ctx: &Context<'_>, id: ID) -> Result<Option<PullRequest>> {
        let Ok(id) = id.0.parse() else { return Ok(None) };
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        Ok(found(app::reviews::get(platform, caller, origin, id).await)?.map(PullRequest))
    }

    /// The pull requests of the organization or of one project, newest first.
    #[graphql(complexity = "pages(&pagination) * child_complexity")]
    async fn pull_requests(
        &self,
        ctx: &Context<'_>,
        filter: Option<PullRequestFilterInput>,
        pagination: Option<PaginationInput>,
    ) -> Result<PullRequestConnection> {
        let filter = filter.unwrap_or_default();
        let filter =
            PullRequestFilter { project: narrow("project", filter.project_id)?, status: filter.status };
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let slice = pagination.unwrap_or_default().into();
        let page = read::pull_request_page(platform, caller, origin, filter, slice, totals(ctx)).await;
        page.map(Into::into).map_err(failure)
    }

    /// One file that an agent wrote, with its text; null where there is none.
    async fn code_artifact(&self, ctx: &Context<'_>, id: ID) -> Result<Option<CodeArtifact>> {
        let Ok(id) = id.0.parse() else { return Ok(None) };
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        Ok(found(app::artifacts::get(platform, caller, origin, id).await)?.map(CodeArtifact))
    }

    /// The files that agents wrote, newest first, without their text.
    #[graphql(complexity = "pages(&pagination) * child_complexity")]
    async fn code_artifacts(
        &self,
        ctx: &Context<'_>,
        filter: Option<CodeArtifactFilterInput>,
        pagination: Option<PaginationInput>,
    ) -> Result<CodeArtifactConnection> {
        let filter = filter.unwrap_or_default();
        let (project, run) = (narrow("project", filter.project_id)?, narrow("run", filter.run_id)?);
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let slice = pagination.unwrap_or_default().into();
        let page = read::artifact_page(platform, caller, origin, project, run, slice, totals(ctx)).await;
        page.map(Into::into).map_err(failure)
    }
}
