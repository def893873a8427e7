//! `/analytics` and `/needs-you`: what the facts say, and what waits for people.

use app::analytics::{self, Analytics, FactLine, FactsAsked};
use app::list::Paging;
use app::needs::{self, Need};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{PageOf, id_of};
use crate::caller::Who;
use crate::etag;
use crate::extract::{Id, Search};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(dashboard)).routes(routes!(facts)).routes(routes!(needs_you))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Frame {
    /// `7d` if not given.
    #[param(inline, value_type = Option<app::shapes::Timeframe>)]
    timeframe: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Figure {
    /// Which metric.
    #[param(inline, value_type = app::shapes::MetricKey)]
    metric: String,
    /// `7d` if not given.
    #[param(inline, value_type = Option<app::shapes::Timeframe>)]
    timeframe: Option<String>,
    /// `to` of the dashboard, RFC 3339; now if not given.
    #[param(format = DateTime)]
    until: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FactPages {
    /// At most so many items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(pattern = "^(0|[1-9][0-9]{0,17})$")]
    cursor: Option<String>,
}

impl From<FactPages> for Paging {
    fn from(query: FactPages) -> Self {
        Self { limit: query.limit, cursor: query.cursor, sort: None }
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of this project.
    #[param(inline, value_type = Option<app::shapes::ProjectId>)]
    project_id: Option<String>,
}

/// Reads the four panels of the organization.
#[utoipa::path(get, path = "/analytics/dashboard/{customer_id}", operation_id = "get_dashboard", tag = "analytics",
    params(("customer_id" = inline(app::shapes::OrganizationId), Path), Frame), responses((status = 200, body = Analytics), Problem))]
async fn dashboard(
    State(state): State<ApiState>,
    who: Who,
    Id(customer): Id<String>,
    Search(frame): Search<Frame>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let frame = frame.timeframe.as_deref();
    let found = analytics::dashboard(state.platform(), &who.caller, &who.origin, &customer, frame).await?;
    Ok(etag::listed(&headers, &*found))
}

/// Lists what a figure was computed from, newest first.
#[utoipa::path(get, path = "/analytics/dashboard/{customer_id}/facts", operation_id = "list_facts", tag = "analytics",
    params(("customer_id" = inline(app::shapes::OrganizationId), Path), Figure, FactPages),
    responses((status = 200, body = PageOf<FactLine>), Problem))]
async fn facts(
    State(state): State<ApiState>,
    who: Who,
    Id(customer): Id<String>,
    Search(figure): Search<Figure>,
    Search(page): Search<FactPages>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let asked = FactsAsked { metric: figure.metric, timeframe: figure.timeframe, until: figure.until };
    let (platform, page) = (state.platform(), page.into());
    let found = analytics::facts(platform, &who.caller, &who.origin, &customer, &asked, &page).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Lists what waits for a person, newest first.
#[utoipa::path(get, path = "/needs-you", operation_id = "list_needs", tag = "analytics", params(Filter),
    responses((status = 200, body = PageOf<Need>), Problem))]
async fn needs_you(
    State(state): State<ApiState>,
    who: Who,
    Search(filter): Search<Filter>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let project = id_of(filter.project_id)?;
    let found = needs::needs_you(state.platform(), &who.caller, &who.origin, project).await?;
    Ok(etag::listed(&headers, &PageOf::whole(found)))
}
