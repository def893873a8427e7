//! `/models`.

use app::models::{self, Models};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Who;
use crate::etag;
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Lists providers, models and prices that this server can use.
#[utoipa::path(get, path = "/models", operation_id = "list_models", tag = "models",
    responses((status = 200, body = Models), Problem))]
async fn list(State(state): State<ApiState>, who: Who, headers: HeaderMap) -> ApiResult<Response> {
    let known = state.config().models.clone();
    let found = models::list(state.platform(), &who.caller, &who.origin, known).await?;
    Ok(etag::listed(&headers, &found))
}
