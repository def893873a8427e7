//! `/plans`: those of runs.

use app::plans::{self, PlanView};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::RunId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::runs::Message;
use crate::caller::Who;
use crate::etag;
use crate::extract::{Body, Id};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(get, edit)).routes(routes!(approve)).routes(routes!(reject))
}

/// Reads the plan of a run.
#[utoipa::path(get, path = "/plans/{run_id}", operation_id = "get_plan", tag = "plans",
    params(("run_id" = inline(app::shapes::RunId), Path)), responses((status = 200, body = PlanView), Problem))]
async fn get(State(state): State<ApiState>, who: Who, Id(id): Id<RunId>) -> ApiResult<Response> {
    Ok(etag::json(plans::get(state.platform(), &who.caller, &who.origin, id).await?))
}

/// Sends the plan back with one that a person wrote.
#[utoipa::path(put, path = "/plans/{run_id}", operation_id = "edit_plan", tag = "plans",
    params(("run_id" = inline(app::shapes::RunId), Path)), request_body = app::shapes::Plan, responses((status = 204), Problem))]
async fn edit(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<RunId>,
    Body(plan): Body<serde_json::Value>,
) -> ApiResult<Response> {
    plans::edit(state.platform(), &who.caller, &who.origin, id, plan).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Approves the plan that a run waits with.
#[utoipa::path(post, path = "/plans/{run_id}/approve", operation_id = "approve_plan", tag = "plans",
    params(("run_id" = inline(app::shapes::RunId), Path)), responses((status = 204), Problem))]
async fn approve(State(state): State<ApiState>, who: Who, Id(id): Id<RunId>) -> ApiResult<Response> {
    plans::approve(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Sends the plan back to the planner, with what should be different.
#[utoipa::path(post, path = "/plans/{run_id}/reject", operation_id = "reject_plan", tag = "plans",
    params(("run_id" = inline(app::shapes::RunId), Path)), request_body = Message, responses((status = 204), Problem))]
async fn reject(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<RunId>,
    Body(words): Body<Message>,
) -> ApiResult<Response> {
    plans::reject(state.platform(), &who.caller, &who.origin, id, words.message).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
