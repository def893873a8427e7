//! `/runs`.

use app::MessageKind;
use app::operations::{ExportFormat, Forked, Replayed};
use app::runs::{self, Asking, JournalEntry, Run};
use app::tasks::Control;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::RunId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewestQuery, PageOf, id_of};
use crate::caller::Who;
use crate::etag;
use crate::extract::{Body, Id, OptionalBody, Search};
use crate::operation::{self, Later, Outcome, wait};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

/// The largest export that is sent.
const MAX_EXPORT: usize = 256 << 20;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(journal))
        .routes(routes!(output))
        .routes(routes!(gates))
        .routes(routes!(steer))
        .routes(routes!(answer))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(cancel))
        .routes(routes!(fork))
        .routes(routes!(replay))
        .routes(routes!(export))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of this project.
    #[param(inline, value_type = Option<app::shapes::ProjectId>)]
    project_id: Option<String>,
    /// Of this task.
    #[param(inline, value_type = Option<app::shapes::TaskId>)]
    task_id: Option<String>,
    /// Of one of these, with commas between them.
    #[param(inline, value_type = Option<app::shapes::RunStatuses>)]
    status: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Place {
    /// Only entries behind this one.
    #[param(minimum = 0, maximum = 9_223_372_036_854_775_806_u64)]
    after: Option<u64>,
    /// At most so many.
    #[param(minimum = 1, maximum = 500, default = 500)]
    limit: Option<u32>,
}

/// Words for the agents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    /// The words, up to 64 KB.
    #[schema(value_type = app::shapes::Words)]
    pub(super) message: String,
}

/// Another way from an earlier point.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Fork {
    /// After the entry with this seq.
    #[schema(minimum = 1, maximum = 9_223_372_036_854_775_807_u64)]
    entry: Option<u64>,
    /// After so many turns.
    #[schema(maximum = 4_294_967_295_u32)]
    turn: Option<u32>,
    /// What is different from there on.
    #[schema(max_length = 65536)]
    message: Option<String>,
    /// Another model from there on.
    #[schema(max_length = 200)]
    model: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `atif` if not given.
    #[param(inline)]
    format: Option<ExportFormat>,
}

/// Lists runs.
#[utoipa::path(get, path = "/runs", operation_id = "list_runs", tag = "runs", params(Filter, NewestQuery),
    responses((status = 200, body = PageOf<Run>), Problem))]
async fn list(
    State(state): State<ApiState>,
    who: Who,
    Search(filter): Search<Filter>,
    Search(page): Search<NewestQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (project, task) = (id_of(filter.project_id)?, id_of(filter.task_id)?);
    let found =
        runs::list(state.platform(), &who.caller, &who.origin, project, task, filter.status, page.into())
            .await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Reads a run with its document.
#[utoipa::path(get, path = "/runs/{run_id}", operation_id = "get_run", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path)), responses((status = 200, body = Run), Problem))]
async fn get(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<RunId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = runs::get(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::tagged(&headers, found.journal_seq, &found))
}

/// Reads a run's journal, oldest first.
#[utoipa::path(get, path = "/runs/{run_id}/journal", operation_id = "read_journal", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path), Place), responses((status = 200, body = PageOf<JournalEntry>), Problem))]
async fn journal(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<RunId>,
    Search(place): Search<Place>,
) -> ApiResult<Response> {
    let after = place.after.unwrap_or(0);
    let found = runs::journal(state.platform(), &who.caller, &who.origin, id, after, place.limit).await?;
    Ok(etag::json(PageOf::from(found)))
}

/// Reads what a command of a run printed.
#[utoipa::path(get, path = "/runs/{run_id}/outputs/{name}", operation_id = "read_output", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path), ("name" = String, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), Problem))]
async fn output(
    State(state): State<ApiState>,
    who: Who,
    Path((id, name)): Path<(String, String)>,
) -> ApiResult<Response> {
    let id: RunId = id.parse().map_err(|_| Problem::not_found())?;
    let bytes = runs::output(state.platform(), &who.caller, &who.origin, id, name).await?;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
}

/// Reads what the gates said of a run.
#[utoipa::path(get, path = "/runs/{run_id}/gates", operation_id = "list_run_gates", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path)), responses((status = 200, body = PageOf<app::shapes::GateResult>), Problem))]
async fn gates(State(state): State<ApiState>, who: Who, Id(id): Id<RunId>) -> ApiResult<Response> {
    let run = runs::get(state.platform(), &who.caller, &who.origin, id).await?;
    let gates = run.document.as_ref().and_then(|d| d["gates"].as_array().cloned()).unwrap_or_default();
    Ok(etag::json(PageOf::whole(gates)))
}

/// Tells the agents of a run something; a run that stands still goes on with it.
#[utoipa::path(post, path = "/runs/{run_id}/steer", operation_id = "steer_run", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path)), request_body = Message, responses((status = 200, body = Run), Problem))]
async fn steer(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<RunId>,
    Body(words): Body<Message>,
) -> ApiResult<Response> {
    let kind = MessageKind::Steer;
    Ok(etag::json(runs::say(state.platform(), &who.caller, &who.origin, id, kind, words.message).await?))
}

/// Answers the question of a run, or approves with `yes` what it waits with.
#[utoipa::path(post, path = "/runs/{run_id}/answer", operation_id = "answer_run", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path)), request_body = Message, responses((status = 200, body = Run), Problem))]
async fn answer(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<RunId>,
    Body(words): Body<Message>,
) -> ApiResult<Response> {
    let kind = MessageKind::Answer;
    Ok(etag::json(runs::say(state.platform(), &who.caller, &who.origin, id, kind, words.message).await?))
}

/// Holds a run at its next safe point.
#[utoipa::path(post, path = "/runs/{run_id}/pause", operation_id = "pause_run", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path)), responses((status = 200, body = Run), Problem))]
async fn pause(State(state): State<ApiState>, who: Who, Id(id): Id<RunId>) -> ApiResult<Response> {
    Ok(etag::json(runs::control(state.platform(), &who.caller, &who.origin, id, Control::Pause).await?))
}

/// Lets a run that stands still go on.
#[utoipa::path(post, path = "/runs/{run_id}/resume", operation_id = "resume_run", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path)), responses((status = 200, body = Run), Problem))]
async fn resume(State(state): State<ApiState>, who: Who, Id(id): Id<RunId>) -> ApiResult<Response> {
    Ok(etag::json(runs::control(state.platform(), &who.caller, &who.origin, id, Control::Resume).await?))
}

/// Ends a run for good.
#[utoipa::path(post, path = "/runs/{run_id}/cancel", operation_id = "cancel_run", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path)), responses((status = 200, body = Run), Problem))]
async fn cancel(State(state): State<ApiState>, who: Who, Id(id): Id<RunId>) -> ApiResult<Response> {
    Ok(etag::json(runs::control(state.platform(), &who.caller, &who.origin, id, Control::Cancel).await?))
}

/// Takes another way from an earlier point, as a task and run of their own.
#[utoipa::path(post, path = "/runs/{run_id}/fork", operation_id = "fork_run", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path)), request_body = Option<Fork>,
    responses((status = 201, body = Forked), (status = 202, body = Later), Problem))]
async fn fork(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<RunId>,
    OptionalBody(fork): OptionalBody<Fork>,
) -> ApiResult<Response> {
    let Fork { entry, turn, message, model } = fork;
    let asking = Asking::Fork { turn, entry, message, model };
    let asked = runs::ask(state.platform(), &who.caller, &who.origin, id, asking).await?;
    match wait(&state, &who, asked).await? {
        Outcome::Later(response) => Ok(response),
        Outcome::Done(view) => {
            let made: Forked = operation::forked(&view)?;
            Ok(etag::created(&format!("/api/v1/runs/{}", made.run_id), 1, &made))
        }
    }
}

/// Decides a recorded run again, without a model, and compares.
#[utoipa::path(post, path = "/runs/{run_id}/replay", operation_id = "replay_run", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path)),
    responses((status = 200, body = Replayed), (status = 202, body = Later), Problem))]
async fn replay(State(state): State<ApiState>, who: Who, Id(id): Id<RunId>) -> ApiResult<Response> {
    let asked = runs::ask(state.platform(), &who.caller, &who.origin, id, Asking::Replay).await?;
    match wait(&state, &who, asked).await? {
        Outcome::Later(response) => Ok(response),
        Outcome::Done(view) => {
            let replayed: Replayed = operation::replayed(&view)?;
            Ok(etag::json(replayed))
        }
    }
}

/// Reads a run as one document: its trajectory, a page, its journal, or the signed envelope of its change.
#[utoipa::path(get, path = "/runs/{run_id}/export", operation_id = "export_run", tag = "runs",
    params(("run_id" = inline(app::shapes::RunId), Path), ExportQuery),
    responses(
        (status = 200, content(
            (app::shapes::Trajectory = "application/json"), (String = "application/x-ndjson"), (String = "text/html"),
            (app::shapes::Envelope = "application/vnd.in-toto+json"),
        )),
        (status = 202, body = Later), Problem))]
async fn export(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<RunId>,
    Search(query): Search<ExportQuery>,
) -> ApiResult<Response> {
    let format = query.format.unwrap_or(ExportFormat::Atif);
    let asked = runs::ask(state.platform(), &who.caller, &who.origin, id, Asking::Export(format)).await?;
    let view = match wait(&state, &who, asked).await? {
        Outcome::Later(response) => return Ok(response),
        Outcome::Done(view) => view,
    };
    let exported = operation::exported(&view)?;
    let bytes =
        app::artifacts::object(state.platform(), who.caller.tenant, &exported.object, MAX_EXPORT).await?;
    let mut response = bytes.into_response();
    // A page that a model wrote parts of is a file to keep, not a page of this site.
    let name = exported.file_name.replace(|c: char| c.is_control() || c == '"' || c == '\\', "_");
    let name = format!("attachment; filename=\"{name}\"");
    for (key, value) in [(header::CONTENT_TYPE, exported.media_type), (header::CONTENT_DISPOSITION, name)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(key, value);
        }
    }
    Ok(response)
}
