//! `/agents`: the registry.

use app::agents::{self, Agent, AgentChange, AgentFilter, NewAgent};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::AgentId;
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
        .routes(routes!(list, register))
        .routes(routes!(get, update, retire))
        .routes(routes!(heartbeat))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of this type.
    #[serde(rename = "type")]
    #[param(rename = "type", inline, value_type = Option<app::shapes::AgentType>)]
    kind: Option<String>,
    /// Of one of these, with commas between them.
    #[param(inline, value_type = Option<app::shapes::AgentStatuses>)]
    status: Option<String>,
}

/// Lists the agents.
#[utoipa::path(get, path = "/agents", operation_id = "list_agents", tag = "agents", params(Filter, PageQuery),
    responses((status = 200, body = PageOf<Agent>), Problem))]
async fn list(
    State(state): State<ApiState>,
    who: Who,
    Search(filter): Search<Filter>,
    Search(page): Search<PageQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let filter = AgentFilter { kind: filter.kind, status: filter.status, project: None };
    let found = agents::list(state.platform(), &who.caller, &who.origin, filter, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Registers an agent.
#[utoipa::path(post, path = "/agents", operation_id = "register_agent", tag = "agents", request_body = NewAgent,
    responses((status = 201, body = Agent), Problem))]
async fn register(State(state): State<ApiState>, who: Who, Body(new): Body<NewAgent>) -> ApiResult<Response> {
    let made = agents::register(state.platform(), &who.caller, &who.origin, new).await?;
    Ok(etag::created(&format!("/api/v1/agents/{}", made.id), made.version, &made))
}

/// Reads an agent.
#[utoipa::path(get, path = "/agents/{agent_id}", operation_id = "get_agent", tag = "agents",
    params(("agent_id" = inline(app::shapes::AgentId), Path)), responses((status = 200, body = Agent), Problem))]
async fn get(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<AgentId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = agents::get(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::tagged(&headers, found.version, &found))
}

/// Changes an agent.
#[utoipa::path(patch, path = "/agents/{agent_id}", operation_id = "update_agent", tag = "agents",
    params(("agent_id" = inline(app::shapes::AgentId), Path)), request_body = AgentChange, responses((status = 200, body = Agent), Problem))]
async fn update(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<AgentId>,
    headers: HeaderMap,
    Body(change): Body<AgentChange>,
) -> ApiResult<Response> {
    let expected = etag::expected(&headers)?;
    let changed = agents::update(state.platform(), &who.caller, &who.origin, id, change, expected).await?;
    Ok(etag::changed(StatusCode::OK, changed.version, &changed))
}

/// Retires an agent: it gets no more work.
#[utoipa::path(delete, path = "/agents/{agent_id}", operation_id = "retire_agent", tag = "agents",
    params(("agent_id" = inline(app::shapes::AgentId), Path)), responses((status = 204), Problem))]
async fn retire(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<AgentId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let expected = etag::expected(&headers)?;
    agents::retire(state.platform(), &who.caller, &who.origin, id, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A sign of life of an agent.
#[utoipa::path(post, path = "/agents/{agent_id}/heartbeat", operation_id = "beat_agent", tag = "agents",
    params(("agent_id" = inline(app::shapes::AgentId), Path)), responses((status = 200, body = Agent), Problem))]
async fn heartbeat(State(state): State<ApiState>, who: Who, Id(id): Id<AgentId>) -> ApiResult<Response> {
    let agent = agents::heartbeat(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::changed(StatusCode::OK, agent.version, &agent))
}
