//! `/pull-requests`.

use app::reviews::{self, Comment, NewComment, PullRequestFilter, PullRequestView};
use app::tasks::Task;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{CommentId, PullRequestId};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewestQuery, PageOf, id_of};
use crate::caller::Who;
use crate::etag;
use crate::extract::{Body, Id, OptionalBody, Search};
use crate::operation::{Later, Outcome, changed, wait};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

/// A pull request has no version of its own: its tag is that of what it says.
const VERSION: u64 = 1;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(diff))
        .routes(routes!(comments, comment))
        .routes(routes!(resolve))
        .routes(routes!(request_changes))
        .routes(routes!(approve))
        .routes(routes!(merge))
        .routes(routes!(close))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of one of these, with commas between them.
    #[param(inline, value_type = Option<app::shapes::PullRequestStatuses>)]
    status: Option<String>,
    /// Of this project.
    #[param(inline, value_type = Option<app::shapes::ProjectId>)]
    project_id: Option<String>,
}

/// What becomes of a comment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CommentChange {
    /// Whether it was seen to.
    resolved: bool,
}

/// What should change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Changes {
    /// Beside the open comments.
    #[schema(max_length = 65536)]
    message: Option<String>,
}

/// A merge, confirmed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Merge {
    /// The title of the pull request, typed by who merges; left out, nothing is compared.
    confirm: Option<String>,
    /// Whether a draft is merged too.
    #[serde(default)]
    draft: bool,
}

/// Lists pull requests.
#[utoipa::path(get, path = "/pull-requests", operation_id = "list_pull_requests", tag = "pull requests",
    params(Filter, NewestQuery), responses((status = 200, body = PageOf<PullRequestView>), Problem))]
async fn list(
    State(state): State<ApiState>,
    who: Who,
    Search(filter): Search<Filter>,
    Search(page): Search<NewestQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let filter = PullRequestFilter { status: filter.status, project: id_of(filter.project_id)? };
    let found = reviews::list(state.platform(), &who.caller, &who.origin, filter, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Reads a pull request.
#[utoipa::path(get, path = "/pull-requests/{pull_request_id}", operation_id = "get_pull_request",
    tag = "pull requests", params(("pull_request_id" = inline(app::shapes::PullRequestId), Path)),
    responses((status = 200, body = PullRequestView), Problem))]
async fn get(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<PullRequestId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = reviews::get(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::tagged(&headers, VERSION, &found))
}

/// Reads the unified diff of a pull request.
#[utoipa::path(get, path = "/pull-requests/{pull_request_id}/diff", operation_id = "get_pull_request_diff",
    tag = "pull requests", params(("pull_request_id" = inline(app::shapes::PullRequestId), Path)),
    responses((status = 200, body = String, content_type = "text/x-diff"), Problem))]
async fn diff(State(state): State<ApiState>, who: Who, Id(id): Id<PullRequestId>) -> ApiResult<Response> {
    let bytes = reviews::diff(state.platform(), &who.caller, &who.origin, id).await?;
    let kind = HeaderValue::from_static("text/x-diff; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
}

/// Lists the comments of a pull request.
#[utoipa::path(get, path = "/pull-requests/{pull_request_id}/comments", operation_id = "list_pull_request_comments",
    tag = "pull requests", params(("pull_request_id" = inline(app::shapes::PullRequestId), Path)),
    responses((status = 200, body = PageOf<Comment>), Problem))]
async fn comments(State(state): State<ApiState>, who: Who, Id(id): Id<PullRequestId>) -> ApiResult<Response> {
    let found = reviews::get(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::json(PageOf::whole(found.comments)))
}

/// Leaves a comment, on the whole or on a line of a changed file.
#[utoipa::path(post, path = "/pull-requests/{pull_request_id}/comments", operation_id = "comment_pull_request",
    tag = "pull requests", params(("pull_request_id" = inline(app::shapes::PullRequestId), Path)), request_body = NewComment,
    responses((status = 201, body = Comment), Problem))]
async fn comment(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<PullRequestId>,
    Body(new): Body<NewComment>,
) -> ApiResult<Response> {
    let made = reviews::comment(state.platform(), &who.caller, &who.origin, id, new).await?;
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// Says that a comment was seen to, or that it was not.
#[utoipa::path(patch, path = "/pull-requests/{pull_request_id}/comments/{comment_id}",
    operation_id = "resolve_pull_request_comment", tag = "pull requests",
    params(("pull_request_id" = inline(app::shapes::PullRequestId), Path),
        ("comment_id" = inline(app::shapes::CommentId), Path)),
    request_body = CommentChange, responses((status = 200, body = Comment), Problem))]
async fn resolve(
    State(state): State<ApiState>,
    who: Who,
    Path((id, comment)): Path<(String, String)>,
    Body(change): Body<CommentChange>,
) -> ApiResult<Response> {
    let id: PullRequestId = id.parse().map_err(|_| Problem::not_found())?;
    let comment: CommentId = comment.parse().map_err(|_| Problem::not_found())?;
    let changed =
        reviews::resolve(state.platform(), &who.caller, &who.origin, id, comment, change.resolved).await?;
    Ok(etag::json(changed))
}

/// Gives the open comments back to the agents, as a task that goes on from this branch.
#[utoipa::path(post, path = "/pull-requests/{pull_request_id}/request-changes",
    operation_id = "request_pull_request_changes", tag = "pull requests",
    params(("pull_request_id" = inline(app::shapes::PullRequestId), Path)), request_body = Option<Changes>,
    responses((status = 201, body = Task), Problem))]
async fn request_changes(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<PullRequestId>,
    OptionalBody(changes): OptionalBody<Changes>,
) -> ApiResult<Response> {
    let task =
        reviews::request_changes(state.platform(), &who.caller, &who.origin, id, changes.message).await?;
    Ok(etag::created(&format!("/api/v1/tasks/{}", task.id), task.version, &task))
}

/// Approves the commit that is on the branch now.
#[utoipa::path(post, path = "/pull-requests/{pull_request_id}/approve", operation_id = "approve_pull_request",
    tag = "pull requests", params(("pull_request_id" = inline(app::shapes::PullRequestId), Path)),
    responses((status = 200, body = PullRequestView), Problem))]
async fn approve(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<PullRequestId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    as_seen(&state, &who, id, &headers).await?;
    Ok(etag::json(reviews::approve(state.platform(), &who.caller, &who.origin, id).await?))
}

/// Merges a pull request into the branch that its run began from.
#[utoipa::path(post, path = "/pull-requests/{pull_request_id}/merge", operation_id = "merge_pull_request",
    tag = "pull requests", params(("pull_request_id" = inline(app::shapes::PullRequestId), Path)), request_body = Option<Merge>,
    responses((status = 200, body = PullRequestView), (status = 202, body = Later), Problem))]
async fn merge(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<PullRequestId>,
    headers: HeaderMap,
    OptionalBody(merge): OptionalBody<Merge>,
) -> ApiResult<Response> {
    as_seen(&state, &who, id, &headers).await?;
    let asked =
        reviews::merge(state.platform(), &who.caller, &who.origin, id, merge.confirm, merge.draft).await?;
    after(&state, &who, wait(&state, &who, asked).await?).await
}

/// Closes a pull request without merging; its branch stays.
#[utoipa::path(post, path = "/pull-requests/{pull_request_id}/close", operation_id = "close_pull_request",
    tag = "pull requests", params(("pull_request_id" = inline(app::shapes::PullRequestId), Path)),
    responses((status = 200, body = PullRequestView), (status = 202, body = Later), Problem))]
async fn close(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<PullRequestId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    as_seen(&state, &who, id, &headers).await?;
    let asked = reviews::close(state.platform(), &who.caller, &who.origin, id).await?;
    after(&state, &who, wait(&state, &who, asked).await?).await
}

/// Refuses whoever decides on something else than what is there now: `If-Match` names what they have seen.
async fn as_seen(state: &ApiState, who: &Who, id: PullRequestId, headers: &HeaderMap) -> ApiResult<()> {
    if headers.contains_key(header::IF_MATCH) {
        let now = reviews::get(state.platform(), &who.caller, &who.origin, id).await?;
        etag::still(headers, VERSION, &now)?;
    }
    Ok(())
}

/// The pull request as the engine left it.
async fn after(state: &ApiState, who: &Who, outcome: Outcome) -> ApiResult<Response> {
    match outcome {
        Outcome::Later(response) => Ok(response),
        Outcome::Done(view) => {
            let id = changed(&view)?.pull_request_id;
            Ok(etag::json(reviews::get(state.platform(), &who.caller, &who.origin, id).await?))
        }
    }
}
