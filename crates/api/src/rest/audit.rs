//! `/audit`.

use app::audit_log::{self, AuditEntry, Checkpoint, EntryFilter, Verification};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewestQuery, PageOf, PageQuery};
use crate::caller::Who;
use crate::etag;
use crate::extract::{OptionalBody, Search};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

/// Checkpoints that one verification is held against at most.
const MAX_ANCHORS: usize = 1_000;

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
    #[param(inline, value_type = Option<app::shapes::Search>)]
    actor: Option<String>,
    /// This action.
    #[param(inline, value_type = Option<app::shapes::Search>)]
    action: Option<String>,
    /// To this thing: an id, `kind:id`, or `kind:` for all of a kind.
    #[param(inline, value_type = Option<app::shapes::Search>)]
    subject: Option<String>,
    /// What became of it.
    #[param(inline, value_type = Option<app::shapes::Outcome>)]
    outcome: Option<String>,
    /// At this moment or later, RFC 3339.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Before this moment, RFC 3339.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Only entries behind the one with this number; oldest first, unless `sort` says otherwise.
    #[param(minimum = 0, maximum = 9_223_372_036_854_775_807_u64)]
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
    params(NewestQuery), responses((status = 200, body = PageOf<Checkpoint>), Problem))]
async fn checkpoints(
    State(state): State<ApiState>,
    who: Who,
    Search(page): Search<NewestQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = audit_log::checkpoints(state.platform(), &who.caller, &who.origin, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Verifies the whole audit.
#[utoipa::path(post, path = "/audit/verify", operation_id = "verify_audit", tag = "audit", request_body = Option<Anchors>,
    responses((status = 200, body = Verification), Problem))]
async fn verify(
    State(state): State<ApiState>,
    who: Who,
    OptionalBody(anchors): OptionalBody<Anchors>,
) -> ApiResult<Response> {
    if anchors.checkpoints.len() > MAX_ANCHORS {
        return Err(
            app::AppError::invalid("checkpoints", format!("there are more than {MAX_ANCHORS}")).into()
        );
    }
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
