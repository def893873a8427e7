//! `/session` and `/sessions`: in and out.

use app::sessions::{self, SessionLine, Who as Whoami};
use app::sign_in::{self, SignIn};
use app::{AppError, SignedIn};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{CredentialId, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageOf;
use crate::caller::{AtDoor, PLAIN_COOKIE, SECURE_COOKIE, Who};
use crate::etag;
use crate::extract::{Body, Id};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(get, sign_in, sign_out))
        .routes(routes!(sign_in_by_link))
        .routes(routes!(move_to))
        .routes(routes!(list))
        .routes(routes!(revoke))
}

/// A one-time link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OneTimeLink {
    /// The link (its part behind `link=`).
    link: String,
}

/// Another organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Move {
    /// Which.
    #[schema(value_type = app::shapes::OrganizationId)]
    organization_id: String,
}

/// Reads who calls, and what they may ask for.
#[utoipa::path(get, path = "/session", operation_id = "get_session", tag = "session",
    responses((status = 200, body = Whoami), Problem))]
async fn get(State(state): State<ApiState>, who: Who, headers: HeaderMap) -> ApiResult<Response> {
    Ok(etag::listed(&headers, &sessions::who(state.platform(), &who.caller).await?))
}

/// Signs in by e-mail address and password, and a code if the account has a second factor.
#[utoipa::path(post, path = "/session", operation_id = "create_session", tag = "session", security(()),
    request_body = SignIn, responses((status = 200, body = Whoami), Problem))]
async fn sign_in(
    State(state): State<ApiState>,
    door: AtDoor,
    Body(new): Body<SignIn>,
) -> ApiResult<Response> {
    let session = sign_in::by_password(state.entrance(), &door.visitor, &door.origin, new).await?;
    entered(&state, &session).await
}

/// Signs in by a one-time link.
#[utoipa::path(post, path = "/session/link", operation_id = "create_session_by_link", tag = "session", security(()),
    request_body = OneTimeLink, responses((status = 200, body = Whoami), Problem))]
async fn sign_in_by_link(
    State(state): State<ApiState>,
    door: AtDoor,
    Body(new): Body<OneTimeLink>,
) -> ApiResult<Response> {
    let session = sign_in::by_link(state.entrance(), &door.visitor, &door.origin, &new.link).await?;
    entered(&state, &session).await
}

/// Moves the session to another of my organizations.
#[utoipa::path(post, path = "/session/organization", operation_id = "move_session", tag = "session",
    request_body = Move, responses((status = 200, body = Whoami), Problem))]
async fn move_to(
    State(state): State<ApiState>,
    who: Who,
    door: AtDoor,
    Body(new): Body<Move>,
) -> ApiResult<Response> {
    let wanted = new
        .organization_id
        .parse()
        .map_err(|_| AppError::invalid("organization_id", "it is not the id of an organization"))?;
    let session =
        sessions::move_to(state.platform(), &door.visitor, &who.caller, &who.origin, wanted).await?;
    entered(&state, &session).await
}

/// Signs out.
#[utoipa::path(delete, path = "/session", operation_id = "delete_session", tag = "session",
    responses((status = 204), Problem))]
async fn sign_out(State(state): State<ApiState>, who: Who) -> ApiResult<Response> {
    sessions::sign_out(state.platform(), &who.caller, &who.origin).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, &cookie(state.config().tls, "", 0));
    Ok(response)
}

/// Lists my sessions in this organization.
#[utoipa::path(get, path = "/sessions", operation_id = "list_sessions", tag = "session",
    responses((status = 200, body = PageOf<SessionLine>), Problem))]
async fn list(State(state): State<ApiState>, who: Who, headers: HeaderMap) -> ApiResult<Response> {
    let found = sessions::list(state.platform(), &who.caller, &who.origin).await?;
    Ok(etag::listed(&headers, &PageOf::whole(found)))
}

/// Ends one of my sessions.
#[utoipa::path(delete, path = "/sessions/{session_id}", operation_id = "revoke_session", tag = "session",
    params(("session_id" = inline(app::shapes::CredentialId), Path)), responses((status = 204), Problem))]
async fn revoke(State(state): State<ApiState>, who: Who, Id(id): Id<CredentialId>) -> ApiResult<Response> {
    sessions::revoke(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Who it is that has just come in, with the cookie.
pub(super) async fn entered(state: &ApiState, session: &SignedIn) -> ApiResult<Response> {
    let who = sessions::who(state.platform(), &session.caller).await?;
    let mut response = etag::json(who);
    give(state, &mut response, session);
    Ok(response)
}

/// Gives a session along with an answer.
pub(super) fn give(state: &ApiState, response: &mut Response, session: &SignedIn) {
    let left = left_s(session.expires_at, state.platform().now());
    set_cookie(response, &cookie(state.config().tls, session.secret.expose(), left));
}

fn left_s(end: Timestamp, now: Timestamp) -> u64 {
    end.since(now).as_secs()
}

fn cookie(tls: bool, value: &str, max_age_s: u64) -> String {
    let (name, secure) = if tls { (SECURE_COOKIE, "; Secure") } else { (PLAIN_COOKIE, "") };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}")
}

pub(super) fn set_cookie(response: &mut Response, cookie: &str) {
    // A token has no character that a header can't.
    if let Ok(mut value) = HeaderValue::from_str(cookie) {
        value.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::cookie;

    #[test]
    fn the_cookie_is_for_this_server_alone() {
        assert_eq!(
            cookie(false, "aamas_ses_x", 60),
            "aamas_session=aamas_ses_x; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"
        );
        assert_eq!(
            cookie(true, "", 0),
            "__Host-aamas_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure"
        );
    }
}
