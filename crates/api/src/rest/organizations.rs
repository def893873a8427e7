//! `/organizations`.

use app::organizations::{self, NewOrganization, Organization, OrganizationChange};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::TenantId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageOf;
use crate::caller::Who;
use crate::etag;
use crate::extract::{Body, Id};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update))
}

/// Lists my organizations.
#[utoipa::path(get, path = "/organizations", operation_id = "list_organizations", tag = "organizations",
    responses((status = 200, body = PageOf<Organization>), Problem))]
async fn list(State(state): State<ApiState>, who: Who, headers: HeaderMap) -> ApiResult<Response> {
    let found = organizations::mine(state.platform(), &who.caller, &who.origin).await?;
    Ok(etag::listed(&headers, &PageOf::whole(found)))
}

/// Makes an organization, whose owner I am.
#[utoipa::path(post, path = "/organizations", operation_id = "create_organization", tag = "organizations",
    request_body = NewOrganization, responses((status = 201, body = Organization), Problem))]
async fn create(
    State(state): State<ApiState>,
    who: Who,
    Body(new): Body<NewOrganization>,
) -> ApiResult<Response> {
    let made = organizations::create(state.platform(), &who.caller, &who.origin, new).await?;
    Ok(etag::created(&format!("/api/v1/organizations/{}", made.id), made.version, &made))
}

/// Reads the organization that I am in.
#[utoipa::path(get, path = "/organizations/{organization_id}", operation_id = "get_organization",
    tag = "organizations", params(("organization_id" = inline(app::shapes::OrganizationId), Path)),
    responses((status = 200, body = Organization), Problem))]
async fn get(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<TenantId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = organizations::get(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(etag::tagged(&headers, found.version, &found))
}

/// Changes name and look of the organization that I am in.
#[utoipa::path(patch, path = "/organizations/{organization_id}", operation_id = "update_organization",
    tag = "organizations", params(("organization_id" = inline(app::shapes::OrganizationId), Path)), request_body = OrganizationChange,
    responses((status = 200, body = Organization), Problem))]
async fn update(
    State(state): State<ApiState>,
    who: Who,
    Id(id): Id<TenantId>,
    headers: HeaderMap,
    Body(change): Body<OrganizationChange>,
) -> ApiResult<Response> {
    let expected = etag::expected(&headers)?;
    let changed =
        organizations::update(state.platform(), &who.caller, &who.origin, id, change, expected).await?;
    Ok(etag::changed(StatusCode::OK, changed.version, &changed))
}
