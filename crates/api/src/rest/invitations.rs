//! `/invitations`.

use app::invitations::{self, Acceptance, Invitation, NewInvitation};
use app::sessions::Who as Whoami;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::CredentialId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::session::entered;
use super::{PageOf, shown_once};
use crate::caller::{AtDoor, Who};
use crate::etag;
use crate::extract::{Body, Id};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(accept)).routes(routes!(revoke))
}

/// An invitation with its link.
#[derive(Serialize, ToSchema)]
struct InvitationWithLink {
    #[serde(flatten)]
    invitation: Invitation,
    /// The secret of the link: shown once.
    link: String,
    /// What to send, behind the address of this server: the page that takes the link.
    page: String,
}

/// Lists open invitations.
#[utoipa::path(get, path = "/invitations", operation_id = "list_invitations", tag = "members",
    responses((status = 200, body = PageOf<Invitation>), Problem))]
async fn list(State(state): State<ApiState>, who: Who, headers: HeaderMap) -> ApiResult<Response> {
    let found = invitations::list(state.platform(), &who.caller, &who.origin).await?;
    Ok(etag::listed(&headers, &PageOf::whole(found)))
}

/// Invites somebody.
#[utoipa::path(post, path = "/invitations", operation_id = "create_invitation", tag = "members",
    request_body = NewInvitation, responses((status = 201, body = InvitationWithLink), Problem))]
async fn create(
    State(state): State<ApiState>,
    who: Who,
    Body(new): Body<NewInvitation>,
) -> ApiResult<Response> {
    let (invitation, link) = invitations::create(state.platform(), &who.caller, &who.origin, new).await?;
    let location = format!("/api/v1/invitations/{}", invitation.id);
    let link = link.expose().to_owned();
    let page = format!("/invite#link={link}");
    let shown = InvitationWithLink { invitation, link, page };
    Ok(shown_once(etag::created(&location, 1, &shown)))
}

/// Accepts an invitation, and signs in.
#[utoipa::path(post, path = "/invitations/accept", operation_id = "accept_invitation", tag = "members",
    security(()), request_body = Acceptance, responses((status = 200, body = Whoami), Problem))]
async fn accept(
    State(state): State<ApiState>,
    door: AtDoor,
    Body(given): Body<Acceptance>,
) -> ApiResult<Response> {
    let caller = door.caller.as_ref();
    let session = invitations::accept(state.entrance(), &door.visitor, caller, &door.origin, given).await?;
    entered(&state, &session).await
}

/// Takes an invitation back.
#[utoipa::path(delete, path = "/invitations/{invitation_id}", operation_id = "revoke_invitation", tag = "members",
    params(("invitation_id" = inline(app::shapes::CredentialId), Path)), responses((status = 204), Problem))]
async fn revoke(State(state): State<ApiState>, who: Who, Id(id): Id<CredentialId>) -> ApiResult<Response> {
    invitations::revoke(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
