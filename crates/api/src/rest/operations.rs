//! `/operations`: what a request that takes longer came to.

use app::runs::{self, OperationView};
use axum::extract::State;
use axum::response::Response;
use domain::OperationId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Who;
use crate::etag;
use crate::extract::Id;
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Reads what an operation came to so far.
#[utoipa::path(get, path = "/operations/{operation_id}", operation_id = "get_operation", tag = "operations",
    params(("operation_id" = inline(app::shapes::OperationId), Path)), responses((status = 200, body = OperationView), Problem))]
async fn get(State(state): State<ApiState>, who: Who, Id(id): Id<OperationId>) -> ApiResult<Response> {
    let found = runs::operation(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::json(found))
}
