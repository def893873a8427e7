//! `/session/sso`: signing in at a provider of identities. A browser goes through these addresses by itself, so that answers
//! are redirections, failures too.

use app::sso;
use auth::oidc::{Callback, MAX_PENDING_SECONDS};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::session::{give, set_cookie};
use crate::caller::{AtDoor, cookie_named};
use crate::extract::Search;
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

/// What this browser has to bring back from the provider. Without TLS a name with the prefix can't be set.
const SECURE_COOKIE: &str = "__Host-aamas_sso";
const PLAIN_COOKIE: &str = "aamas_sso";

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(begin)).routes(routes!(finish))
}

/// Sends the browser to a provider.
#[utoipa::path(get, path = "/session/sso/{provider_id}", operation_id = "begin_sso", tag = "session", security(()),
    params(("provider_id" = String, Path)), responses((status = 303, description = "To the provider"), Problem))]
async fn begin(State(state): State<ApiState>, Path(provider): Path<String>) -> ApiResult<Response> {
    let begun = sso::begin(state.entrance(), &provider).await?;
    let mut response = to(&begun.url);
    set_cookie(&mut response, &cookie(state.config().tls, begun.pending.expose(), MAX_PENDING_SECONDS));
    Ok(response)
}

/// What a provider sends along, as OAuth 2.0 says; other members are passed over.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "what is read is `Callback`; this is its description")]
struct CallbackQuery {
    /// The code.
    #[param(inline, value_type = Option<app::shapes::Search>)]
    code: Option<String>,
    /// What was sent along.
    #[param(inline, value_type = Option<app::shapes::Search>)]
    state: Option<String>,
    /// Who answers (RFC 9207).
    #[param(inline, value_type = Option<app::shapes::Search>)]
    iss: Option<String>,
    /// Why not.
    #[param(inline, value_type = Option<app::shapes::Search>)]
    error: Option<String>,
}

/// Takes the browser back from a provider, and signs the person in.
#[utoipa::path(get, path = "/session/sso/{provider_id}/callback", operation_id = "finish_sso", tag = "session",
    security(()), params(("provider_id" = String, Path), CallbackQuery),
    responses((status = 303, description = "To the dashboard, or back to the sign-in with `error=CODE`")))]
async fn finish(
    State(state): State<ApiState>,
    door: AtDoor,
    Path(provider): Path<String>,
    headers: HeaderMap,
    Search(callback): Search<Callback>,
) -> Response {
    let tls = state.config().tls;
    let pending = cookie_named(&headers, if tls { SECURE_COOKIE } else { PLAIN_COOKIE }).unwrap_or_default();
    let finished =
        sso::finish(state.entrance(), &door.visitor, &door.origin, &provider, pending, &callback).await;
    let mut response = match finished {
        Ok(session) => {
            let mut response = to("/");
            give(&state, &mut response, &session);
            response
        }
        // Codes are words of ours, in the letters of addresses.
        Err(error) => to(&format!("/sign-in?error={}", Problem::from(error).code)),
    };
    set_cookie(&mut response, &cookie(tls, "", 0));
    response
}

fn to(url: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(value) = HeaderValue::from_str(url) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

fn cookie(tls: bool, value: &str, max_age_s: u64) -> String {
    let (name, secure) = if tls { (SECURE_COOKIE, "; Secure") } else { (PLAIN_COOKIE, "") };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}")
}
