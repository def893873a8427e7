//! `/projects`.

use app::agents::{Agent, AgentFilter};
use app::projects::{self, NewProject, Project, ProjectChange, ProjectFilter};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ProjectId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{PageOf, PageQuery};
use crate::caller::Who;
use crate::etag;
use crate::extract::{Body, Id, Search};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, archive))
        .routes(routes!(agents))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of one of these, with commas between them; all but archived ones if not given.
    #[param(inline, value_type = Option<app::shapes::ProjectStatuses>)]
    status: Option<String>,
    /// Whose name or repository has this in it.
    #[param(inline, value_type = Option<app::shapes::Search>)]
    q: Option<String>,
}

/// Lists projects.
#[utoipa::path(get, path = "/projects", operation_id = "list_projects", tag = "projects", params(Filter, PageQuery),
    responses((status = 200, body = PageOf<Project>), Problem))]
async fn list(
    State(state): State<ApiState>,
    who: Who,
    Search(filter): Search<Filter>,
    Search(page): Search<PageQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let filter = ProjectFilter { status: filter.status, q: filter.q };
    let found = projects::list(state.platform(), &who.caller, &who.origin, filter, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Creates a project: its agents are found, and its repository is brought in.
#[utoipa::path(post, path = "/projects", operation_id = "create_project", tag = "projects", request_body = NewProject,
    responses((status = 201, body = Project), Problem))]
async fn create(State(state): State<ApiState>, who: Who, Body(new): Body<NewProject>) -> ApiResult<Response> {
    let made = projects::create(state.platform(), &who.caller, &who.origin, new).await?;
    Ok(etag::created(&format!("/api/v1/projects/{}", made.id), made.version, &made))
}

/// Reads a project.
#[utoipa::path(get, path = "/projects/{project_id}", operation_id = "get_project", tag = "projects",
    params(("project_id" = inline(app::shapes::ProjectId), Path)), responses((status = 200, body = Project), Problem))]
async fn get(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<ProjectId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = projects::get(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::tagged(&headers, found.version, &found))
}

/// Changes a project.
#[utoipa::path(patch, path = "/projects/{project_id}", operation_id = "update_project", tag = "projects",
    params(("project_id" = inline(app::shapes::ProjectId), Path)), request_body = ProjectChange,
    responses((status = 200, body = Project), Problem))]
async fn update(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<ProjectId>,
    headers: HeaderMap,
    Body(change): Body<ProjectChange>,
) -> ApiResult<Response> {
    let expected = etag::expected(&headers)?;
    let changed = projects::update(state.platform(), &who.caller, &who.origin, id, change, expected).await?;
    Ok(etag::changed(StatusCode::OK, changed.version, &changed))
}

/// Archives a project; what was done stays.
#[utoipa::path(delete, path = "/projects/{project_id}", operation_id = "archive_project", tag = "projects",
    params(("project_id" = inline(app::shapes::ProjectId), Path)), responses((status = 204), Problem))]
async fn archive(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<ProjectId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let expected = etag::expected(&headers)?;
    projects::archive(state.platform(), &who.caller, &who.origin, id, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Lists the agents of a project, with what each is doing.
#[utoipa::path(get, path = "/projects/{project_id}/agents", operation_id = "list_project_agents", tag = "projects",
    params(("project_id" = inline(app::shapes::ProjectId), Path), PageQuery), responses((status = 200, body = PageOf<Agent>), Problem))]
async fn agents(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<ProjectId>,
    Search(page): Search<PageQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let filter = AgentFilter { project: Some(id), ..AgentFilter::default() };
    let found = app::agents::list(state.platform(), &who.caller, &who.origin, filter, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}
