//! `/me`: my account.

use app::me::{self, MeChange};
use app::sessions::{self, Who as Whoami};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::session::{entered, give};
use super::shown_once;
use crate::caller::{AtDoor, Who};
use crate::etag;
use crate::extract::Body;
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(update)).routes(routes!(begin, remove)).routes(routes!(confirm))
}

/// A second factor that was begun.
#[derive(Serialize, ToSchema)]
struct BegunFactor {
    /// What to type into the app.
    secret: String,
    /// What the QR code says.
    uri: String,
}

/// A code of the app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Code {
    /// Six digits.
    #[schema(max_length = 10)]
    code: String,
}

/// Codes for the day the phone is gone.
#[derive(Serialize, ToSchema)]
struct RecoveryCodes {
    /// Each counts once.
    recovery_codes: Vec<String>,
}

/// The password, to be sure.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ByPassword {
    /// The present password.
    #[schema(max_length = 128, format = Password)]
    password: String,
}

/// Changes my name or password. Another password ends all my other sessions.
#[utoipa::path(patch, path = "/me", operation_id = "update_me", tag = "me", request_body = MeChange,
    responses((status = 200, body = Whoami), Problem))]
async fn update(
    State(state): State<ApiState>,
    who: Who,
    door: AtDoor,
    Body(change): Body<MeChange>,
) -> ApiResult<Response> {
    let new = me::update(state.entrance(), &door.visitor, &who.caller, &who.origin, change).await?;
    match new {
        Some(session) => entered(&state, &session).await,
        None => Ok(etag::json(sessions::who(state.platform(), &who.caller).await?)),
    }
}

/// Begins a second factor; it counts once it was confirmed by a code.
#[utoipa::path(post, path = "/me/totp", operation_id = "begin_totp", tag = "me",
    responses((status = 200, body = BegunFactor), Problem))]
async fn begin(State(state): State<ApiState>, who: Who) -> ApiResult<Response> {
    let begun = me::begin_totp(state.platform(), &who.caller, &who.origin).await?;
    let shown = BegunFactor { secret: begun.secret.expose().to_owned(), uri: begun.uri.expose().to_owned() };
    Ok(shown_once(etag::json(shown)))
}

/// Makes the second factor count, and gives recovery codes.
#[utoipa::path(post, path = "/me/totp/confirm", operation_id = "confirm_totp", tag = "me", request_body = Code,
    responses((status = 200, body = RecoveryCodes), Problem))]
async fn confirm(
    State(state): State<ApiState>,
    who: Who,
    door: AtDoor,
    Body(given): Body<Code>,
) -> ApiResult<Response> {
    let confirmed =
        me::confirm_totp(state.entrance(), &door.visitor, &who.caller, &who.origin, given.code).await?;
    let codes = confirmed.recovery_codes.iter().map(|code| code.expose().to_owned()).collect();
    let mut response = shown_once(etag::json(RecoveryCodes { recovery_codes: codes }));
    give(&state, &mut response, &confirmed.session);
    Ok(response)
}

/// Removes the second factor.
#[utoipa::path(delete, path = "/me/totp", operation_id = "remove_totp", tag = "me", request_body = ByPassword,
    responses((status = 204), Problem))]
async fn remove(
    State(state): State<ApiState>,
    who: Who,
    door: AtDoor,
    Body(given): Body<ByPassword>,
) -> ApiResult<Response> {
    let new =
        me::remove_totp(state.entrance(), &door.visitor, &who.caller, &who.origin, given.password).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(session) = new {
        give(&state, &mut response, &session);
    }
    Ok(response)
}
