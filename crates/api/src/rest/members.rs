//! `/members`.

use app::list::Paging;
use app::members::{self, Member};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::UserId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageOf;
use crate::caller::Who;
use crate::etag;
use crate::extract::{Body, Id, Search};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, update, remove))
}

/// Another role of a member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberChange {
    /// What they may do from now on.
    #[schema(value_type = app::shapes::Role)]
    role: String,
}

/// Pages of members, in the order in which they came.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MemberPages {
    /// At most so many items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(inline, value_type = Option<app::shapes::UserId>)]
    cursor: Option<String>,
}

impl From<MemberPages> for Paging {
    fn from(query: MemberPages) -> Self {
        Self { limit: query.limit, cursor: query.cursor, sort: None }
    }
}

/// Lists members.
#[utoipa::path(get, path = "/members", operation_id = "list_members", tag = "members", params(MemberPages),
    responses((status = 200, body = PageOf<Member>), Problem))]
async fn list(
    State(state): State<ApiState>,
    who: Who,
    Search(page): Search<MemberPages>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = members::list(state.platform(), &who.caller, &who.origin, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Reads a member.
#[utoipa::path(get, path = "/members/{user_id}", operation_id = "get_member", tag = "members",
    params(("user_id" = inline(app::shapes::UserId), Path)), responses((status = 200, body = Member), Problem))]
async fn get(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<UserId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = members::get(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::tagged(&headers, found.version, &found))
}

/// Gives a member another role, which counts at once.
#[utoipa::path(patch, path = "/members/{user_id}", operation_id = "update_member", tag = "members",
    params(("user_id" = inline(app::shapes::UserId), Path)), request_body = MemberChange, responses((status = 200, body = Member), Problem))]
async fn update(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<UserId>,
    headers: HeaderMap,
    Body(change): Body<MemberChange>,
) -> ApiResult<Response> {
    let expected = etag::expected(&headers)?;
    let changed =
        members::change_role(state.platform(), &who.caller, &who.origin, id, &change.role, expected).await?;
    Ok(etag::changed(StatusCode::OK, changed.version, &changed))
}

/// Takes a member out; their sessions and tokens end at once.
#[utoipa::path(delete, path = "/members/{user_id}", operation_id = "remove_member", tag = "members",
    params(("user_id" = inline(app::shapes::UserId), Path)), responses((status = 204), Problem))]
async fn remove(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<UserId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let expected = etag::expected(&headers)?;
    members::remove(state.platform(), &who.caller, &who.origin, id, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
