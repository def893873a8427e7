//! `/artifacts`: files that agents wrote.

use app::artifacts::{self, CodeArtifact};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::ArtifactId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewestQuery, PageOf, id_of};
use crate::caller::Who;
use crate::etag;
use crate::extract::{Id, Search};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of this project.
    #[param(inline, value_type = Option<app::shapes::ProjectId>)]
    project_id: Option<String>,
    /// Of this run.
    #[param(inline, value_type = Option<app::shapes::RunId>)]
    run_id: Option<String>,
}

/// Lists code artifacts, without their text.
#[utoipa::path(get, path = "/artifacts", operation_id = "list_artifacts", tag = "artifacts", params(Filter, NewestQuery),
    responses((status = 200, body = PageOf<CodeArtifact>), Problem))]
async fn list(
    State(state): State<ApiState>,
    who: Who,
    Search(filter): Search<Filter>,
    Search(page): Search<NewestQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (project, run) = (id_of(filter.project_id)?, id_of(filter.run_id)?);
    let found =
        artifacts::list(state.platform(), &who.caller, &who.origin, project, run, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Reads a code artifact with its text.
#[utoipa::path(get, path = "/artifacts/{artifact_id}", operation_id = "get_artifact", tag = "artifacts",
    params(("artifact_id" = inline(app::shapes::ArtifactId), Path)), responses((status = 200, body = CodeArtifact), Problem))]
async fn get(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<ArtifactId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = artifacts::get(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::tagged(&headers, 1, &found))
}
