//! `/tasks` and `/projects/{id}/tasks`.

use app::AppError;
use app::runs::Run;
use app::tasks::{self, Control, NewTask, Task, TaskChange, TaskFilter};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::{ProjectId, TaskId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewestQuery, PageOf, PageQuery, id_of};
use crate::caller::Who;
use crate::etag;
use crate::extract::{Body, Id, Search};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_of_project, create))
        .routes(routes!(list))
        .routes(routes!(get, update))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(cancel))
        .routes(routes!(retry))
        .routes(routes!(runs))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of one of these, with commas between them.
    #[param(inline, value_type = Option<app::shapes::TaskStatuses>)]
    status: Option<String>,
    /// Of one of these types, with commas between them.
    #[serde(rename = "type")]
    #[param(rename = "type", inline, value_type = Option<app::shapes::TaskTypes>)]
    kind: Option<String>,
    /// Of this agent.
    #[param(inline, value_type = Option<app::shapes::AgentId>)]
    assigned_agent: Option<String>,
    /// Whose title or description has this in it.
    #[param(inline, value_type = Option<app::shapes::Search>)]
    q: Option<String>,
}

impl Filter {
    fn of(self, project: Option<ProjectId>) -> TaskFilter {
        let Self { status, kind, assigned_agent, q } = self;
        TaskFilter { project, status, kind, assigned_agent, q }
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfProject {
    /// Of this project.
    #[param(inline, value_type = Option<app::shapes::ProjectId>)]
    project_id: Option<String>,
}

/// Lists the tasks of a project.
#[utoipa::path(get, path = "/projects/{project_id}/tasks", operation_id = "list_project_tasks", tag = "tasks",
    params(("project_id" = inline(app::shapes::ProjectId), Path), Filter, PageQuery), responses((status = 200, body = PageOf<Task>), Problem))]
async fn list_of_project(
    State(state): State<ApiState>,
    who: Who,
    Id(project): Id<ProjectId>,
    Search(filter): Search<Filter>,
    Search(page): Search<PageQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let filter = filter.of(Some(project));
    let found = tasks::list(state.platform(), &who.caller, &who.origin, filter, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Creates a task: analyzed, matched with an agent, and queued.
#[utoipa::path(post, path = "/projects/{project_id}/tasks", operation_id = "create_task", tag = "tasks",
    params(("project_id" = inline(app::shapes::ProjectId), Path)), request_body = NewTask, responses((status = 201, body = Task), Problem))]
async fn create(
    State(state): State<ApiState>,
    who: Who,
    Id(project): Id<ProjectId>,
    Body(new): Body<NewTask>,
) -> ApiResult<Response> {
    let made = tasks::create(state.platform(), &who.caller, &who.origin, project, new).await?;
    Ok(etag::created(&format!("/api/v1/tasks/{}", made.id), made.version, &made))
}

/// Lists all tasks.
#[utoipa::path(get, path = "/tasks", operation_id = "list_tasks", tag = "tasks", params(OfProject, Filter, PageQuery),
    responses((status = 200, body = PageOf<Task>), Problem))]
async fn list(
    State(state): State<ApiState>,
    who: Who,
    Search(of): Search<OfProject>,
    Search(filter): Search<Filter>,
    Search(page): Search<PageQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let filter = filter.of(id_of(of.project_id)?);
    let found = tasks::list(state.platform(), &who.caller, &who.origin, filter, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Reads a task.
#[utoipa::path(get, path = "/tasks/{task_id}", operation_id = "get_task", tag = "tasks",
    params(("task_id" = inline(app::shapes::TaskId), Path)), responses((status = 200, body = Task), Problem))]
async fn get(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<TaskId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = tasks::get(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::tagged(&headers, found.version, &found))
}

/// Changes a task.
#[utoipa::path(patch, path = "/tasks/{task_id}", operation_id = "update_task", tag = "tasks",
    params(("task_id" = inline(app::shapes::TaskId), Path)), request_body = TaskChange, responses((status = 200, body = Task), Problem))]
async fn update(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<TaskId>,
    headers: HeaderMap,
    Body(change): Body<TaskChange>,
) -> ApiResult<Response> {
    let expected = etag::expected(&headers)?;
    let changed = tasks::update(state.platform(), &who.caller, &who.origin, id, change, expected).await?;
    Ok(etag::changed(StatusCode::OK, changed.version, &changed))
}

/// Pauses a task: its run stops at the next safe point, and nobody begins it.
#[utoipa::path(post, path = "/tasks/{task_id}/pause", operation_id = "pause_task", tag = "tasks",
    params(("task_id" = inline(app::shapes::TaskId), Path)), responses((status = 200, body = Task), Problem))]
async fn pause(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<TaskId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    control(&state, &who, id, &headers, Control::Pause).await
}

/// Lets a task go on.
#[utoipa::path(post, path = "/tasks/{task_id}/resume", operation_id = "resume_task", tag = "tasks",
    params(("task_id" = inline(app::shapes::TaskId), Path)), responses((status = 200, body = Task), Problem))]
async fn resume(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<TaskId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    control(&state, &who, id, &headers, Control::Resume).await
}

/// Ends a task for good.
#[utoipa::path(post, path = "/tasks/{task_id}/cancel", operation_id = "cancel_task", tag = "tasks",
    params(("task_id" = inline(app::shapes::TaskId), Path)), responses((status = 200, body = Task), Problem))]
async fn cancel(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<TaskId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    control(&state, &who, id, &headers, Control::Cancel).await
}

/// Begins a failed task anew.
#[utoipa::path(post, path = "/tasks/{task_id}/retry", operation_id = "retry_task", tag = "tasks",
    params(("task_id" = inline(app::shapes::TaskId), Path)), responses((status = 200, body = Task), Problem))]
async fn retry(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<TaskId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    control(&state, &who, id, &headers, Control::Retry).await
}

async fn control(
    state: &ApiState,
    who: &Who,
    id: TaskId,
    headers: &HeaderMap,
    control: Control,
) -> ApiResult<Response> {
    if let Some(seen) = etag::expected(headers)? {
        let now = tasks::get(state.platform(), &who.caller, &who.origin, id).await?;
        if now.version != seen {
            return Err(AppError::VersionConflict.into());
        }
    }
    let task = tasks::control(state.platform(), &who.caller, &who.origin, id, control).await?;
    Ok(etag::changed(StatusCode::OK, task.version, &task))
}

/// Lists the runs of a task, newest first.
#[utoipa::path(get, path = "/tasks/{task_id}/runs", operation_id = "list_task_runs", tag = "tasks",
    params(("task_id" = inline(app::shapes::TaskId), Path), NewestQuery), responses((status = 200, body = PageOf<Run>), Problem))]
async fn runs(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<TaskId>,
    Search(page): Search<NewestQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found =
        app::runs::list(state.platform(), &who.caller, &who.origin, None, Some(id), None, page.into())
            .await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}
