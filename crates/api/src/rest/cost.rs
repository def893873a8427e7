//! `/cost`: what was spent.

use app::costs::{self, Cost, CostAsked};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::id_of;
use crate::caller::Who;
use crate::etag;
use crate::extract::Search;
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(cost))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// From this day on (in UTC), `YYYY-MM-DD` or RFC 3339; the last thirty days if not given.
    #[param(inline, value_type = Option<app::shapes::Day>)]
    since: Option<String>,
    /// Of this project.
    #[param(inline, value_type = Option<app::shapes::ProjectId>)]
    project_id: Option<String>,
    /// Only these sums beside the total.
    #[param(inline, value_type = Option<app::shapes::CostGroup>)]
    group: Option<String>,
}

/// Reads what was spent.
#[utoipa::path(get, path = "/cost", operation_id = "get_cost", tag = "cost", params(Filter),
    responses((status = 200, body = Cost), Problem))]
async fn cost(
    State(state): State<ApiState>,
    who: Who,
    Search(filter): Search<Filter>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let project = id_of(filter.project_id)?;
    let asked = CostAsked { since: filter.since, project, group: filter.group };
    let found = costs::cost(state.platform(), &who.caller, &who.origin, asked).await?;
    Ok(etag::listed(&headers, &found))
}
