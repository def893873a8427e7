//! `/audit`.

use app::audit_log::{self, AuditEntry, Checkpoint, EntryFilter, Verification};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{PageOf, PageQuery};
use crate::caller::Who;
use crate::etag;
use crate::extract::{OptionalBody, Search};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(checkpoints))
        .routes(routes!(verify))
        .routes(routes!(export))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// By this actor, by id.
    actor: Option<String>,
    /// This action.
    action: Option<String>,
    /// To this thing: an id, `kind:id`, or `kind:` for all of a kind.
    subject: Option<String>,
    /// `done`, `denied` or `failed`.
    outcome: Option<String>,
    /// At this moment or later, RFC 3339.
    since: Option<String>,
    /// Before this moment, RFC 3339.
    until: Option<String>,
    /// Only entries behind the one with this number, oldest first.
    after: Option<u64>,
}

/// Checkpoints that were kept elsewhere.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Anchors {
    /// Their signed texts.
    #[serde(default)]
    #[schema(max_items = 1000)]
    checkpoints: Vec<String>,
}

/// Lists entries of the audit.
#[utoipa::path(get, path = "/audit", operation_id = "list_audit", tag = "audit", params(Filter, PageQuery),
    responses((status = 200, body = PageOf<AuditEntry>), Problem))]
async fn list(
    State(state): State<ApiState>,
    who: Who,
    Search(filter): Search<Filter>,
    Search(page): Search<PageQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let filter = EntryFilter {
        actor: filter.actor,
        action: filter.action,
        subject: filter.subject,
        outcome: filter.outcome,
        since: filter.since,
        until: filter.until,
        after: filter.after,
    };
    let found = audit_log::list(state.platform(), &who.caller, &who.origin, filter, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Lists signed checkpoints.
#[utoipa::path(get, path = "/audit/checkpoints", operation_id = "list_checkpoints", tag = "audit",
    params(PageQuery), responses((status = 200, body = PageOf<Checkpoint>), Problem))]
async fn checkpoints(
    State(state): State<ApiState>,
    who: Who,
    Search(page): Search<PageQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = audit_log::checkpoints(state.platform(), &who.caller, &who.origin, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Verifies the whole audit.
#[utoipa::path(post, path = "/audit/verify", operation_id = "verify_audit", tag = "audit", request_body = Anchors,
    responses((status = 200, body = Verification), Problem))]
async fn verify(
    State(state): State<ApiState>,
    who: Who,
    OptionalBody(anchors): OptionalBody<Anchors>,
) -> ApiResult<Response> {
    let keys = state.config().audit_keys.clone();
    let found =
        audit_log::verify(state.platform(), &who.caller, &who.origin, keys, anchors.checkpoints).await?;
    Ok(etag::json(found))
}

/// Exports the whole audit as JSON lines, which `aamas audit verify` checks without the server.
#[utoipa::path(get, path = "/audit/export", operation_id = "export_audit", tag = "audit",
    responses((status = 200, body = String, content_type = "application/jsonl"), Problem))]
async fn export(State(state): State<ApiState>, who: Who) -> ApiResult<Response> {
    let bytes = audit_log::export(state.platform(), &who.caller, &who.origin).await?;
    let kind = HeaderValue::from_static("application/jsonl");
    let name = HeaderValue::from_static("attachment; filename=\"audit.jsonl\"");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], bytes).into_response())
}
