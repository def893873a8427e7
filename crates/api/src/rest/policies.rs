//! `/policies` and `/receipts`.

use app::AppError;
use app::policies::{
    self, Builtin, Explained, NewPolicy, Policy, PolicyChange, PolicyTrial, Question, TrialReport,
};
use app::receipts::{self, Again, Receipt, ReceiptFilter};
use auth::Action;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::{PolicyId, ReceiptId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewestQuery, PageOf};
use crate::caller::Who;
use crate::etag;
use crate::extract::{Body, Id, Search};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(builtin))
        .routes(routes!(test))
        .routes(routes!(explain))
        .routes(routes!(get, update, remove))
        .routes(routes!(list_receipts))
        .routes(routes!(reevaluate))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// How it was decided.
    #[param(inline, value_type = Option<app::shapes::Decision>)]
    decision: Option<String>,
    /// Who asked, by id.
    #[param(inline, value_type = Option<app::shapes::Search>)]
    principal: Option<String>,
    /// For what.
    #[param(inline, value_type = Option<app::shapes::Action>)]
    action: Option<String>,
}

/// Lists the organization's own policies.
#[utoipa::path(get, path = "/policies", operation_id = "list_policies", tag = "policies",
    responses((status = 200, body = PageOf<Policy>), Problem))]
async fn list(State(state): State<ApiState>, who: Who, headers: HeaderMap) -> ApiResult<Response> {
    let found = policies::list(state.platform(), &who.caller, &who.origin).await?;
    Ok(etag::listed(&headers, &PageOf::whole(found)))
}

/// Reads the policies that every organization has, and what policies can speak of.
#[utoipa::path(get, path = "/policies/builtin", operation_id = "get_builtin_policies", tag = "policies",
    responses((status = 200, body = Builtin), Problem))]
async fn builtin(State(state): State<ApiState>, who: Who, headers: HeaderMap) -> ApiResult<Response> {
    let found = policies::builtin(state.platform(), &who.caller, &who.origin).await?;
    Ok(etag::listed(&headers, &found))
}

/// Adds a policy, which counts from the next request on.
#[utoipa::path(post, path = "/policies", operation_id = "create_policy", tag = "policies", request_body = NewPolicy,
    responses((status = 201, body = Policy), Problem))]
async fn create(State(state): State<ApiState>, who: Who, Body(new): Body<NewPolicy>) -> ApiResult<Response> {
    let made = policies::create(state.platform(), &who.caller, &who.origin, new).await?;
    Ok(etag::created(&format!("/api/v1/policies/{}", made.id), made.version, &made))
}

/// Tries a policy on requests, without saving it: what would be answered differently.
#[utoipa::path(post, path = "/policies/test", operation_id = "test_policy", tag = "policies",
    request_body = PolicyTrial, responses((status = 200, body = TrialReport), Problem))]
async fn test(
    State(state): State<ApiState>,
    who: Who,
    Body(trial): Body<PolicyTrial>,
) -> ApiResult<Response> {
    Ok(etag::json(policies::test(state.platform(), &who.caller, &who.origin, trial).await?))
}

/// Explains why a request is answered as it is.
#[utoipa::path(post, path = "/policies/explain", operation_id = "explain_policies", tag = "policies",
    request_body = Question, responses((status = 200, body = Explained), Problem))]
async fn explain(
    State(state): State<ApiState>,
    who: Who,
    Body(question): Body<Question>,
) -> ApiResult<Response> {
    Ok(etag::json(policies::explain(state.platform(), &who.caller, &who.origin, question).await?))
}

/// Reads a policy.
#[utoipa::path(get, path = "/policies/{policy_id}", operation_id = "get_policy", tag = "policies",
    params(("policy_id" = inline(app::shapes::PolicyId), Path)), responses((status = 200, body = Policy), Problem))]
async fn get(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<PolicyId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = policies::get(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::tagged(&headers, found.version, &found))
}

/// Changes a policy.
#[utoipa::path(patch, path = "/policies/{policy_id}", operation_id = "update_policy", tag = "policies",
    params(("policy_id" = inline(app::shapes::PolicyId), Path)), request_body = PolicyChange,
    responses((status = 200, body = Policy), Problem))]
async fn update(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<PolicyId>,
    headers: HeaderMap,
    Body(change): Body<PolicyChange>,
) -> ApiResult<Response> {
    let expected = etag::expected(&headers)?;
    let changed = policies::update(state.platform(), &who.caller, &who.origin, id, change, expected).await?;
    Ok(etag::changed(StatusCode::OK, changed.version, &changed))
}

/// Removes a policy.
#[utoipa::path(delete, path = "/policies/{policy_id}", operation_id = "remove_policy", tag = "policies",
    params(("policy_id" = inline(app::shapes::PolicyId), Path)), responses((status = 204), Problem))]
async fn remove(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<PolicyId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let expected = etag::expected(&headers)?;
    policies::remove(state.platform(), &who.caller, &who.origin, id, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Lists receipts of decisions.
#[utoipa::path(get, path = "/receipts", operation_id = "list_receipts", tag = "policies", params(Filter, NewestQuery),
    responses((status = 200, body = PageOf<Receipt>), Problem))]
async fn list_receipts(
    State(state): State<ApiState>,
    who: Who,
    Search(filter): Search<Filter>,
    Search(page): Search<NewestQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    if filter.action.as_deref().is_some_and(|word| Action::from_word(word).is_none()) {
        return Err(AppError::invalid("action", "there is no such action").into());
    }
    let filter =
        ReceiptFilter { decision: filter.decision, principal: filter.principal, action: filter.action };
    let found = receipts::list(state.platform(), &who.caller, &who.origin, filter, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Decides the request of a receipt again.
#[utoipa::path(post, path = "/receipts/{receipt_id}/reevaluate", operation_id = "reevaluate_receipt", tag = "policies",
    params(("receipt_id" = inline(app::shapes::ReceiptId), Path)), responses((status = 200, body = Again), Problem))]
async fn reevaluate(State(state): State<ApiState>, who: Who, Id(id): Id<ReceiptId>) -> ApiResult<Response> {
    Ok(etag::json(receipts::reevaluate(state.platform(), &who.caller, &who.origin, id).await?))
}
