//! Who calls, from the header or the cookie.

use app::authenticate::{Carrier, caller_of};
use app::office::Origin;
use app::sso;
use app::{AppError, Visitor};
use auth::Caller;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};

use crate::guard::RequestId;
use crate::problem::Problem;
use crate::server::Peer;
use crate::state::ApiState;

/// The session's cookie over TLS. Its prefix lets no other site or path set it (RFC 6265bis).
pub(crate) const SECURE_COOKIE: &str = "__Host-aamas_session";
/// The session's cookie on a loopback address without TLS.
pub(crate) const PLAIN_COOKIE: &str = "aamas_session";
/// What another site's page can't send: requests with the cookie that change something must have it.
const CSRF: &str = "x-aamas-csrf";
/// How to be somebody.
const COME_IN: &str = "send `Authorization: Bearer TOKEN`, or sign in";

/// Who calls, and the request that it is for.
pub struct Who {
    /// The caller.
    pub caller: Caller,
    /// The request.
    pub origin: Origin,
}

impl FromRequestParts<ApiState> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let caller = authenticated(parts, state).await?;
        Ok(Self { caller, origin: origin_of(parts) })
    }
}

/// Somebody at the door: who calls is not known yet, or need not be.
pub struct AtDoor {
    /// Where they come from.
    pub visitor: Visitor,
    /// The request.
    pub origin: Origin,
    /// Who it is, if that is known all the same.
    pub caller: Option<Caller>,
}

impl FromRequestParts<ApiState> for AtDoor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let address = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let visitor = Visitor { address, user_agent: agent.map(str::to_owned) };
        // A cookie that no longer counts, or that another site sent along, is as good as none.
        let caller = authenticated(parts, state).await.ok();
        Ok(Self { visitor, origin: origin_of(parts), caller })
    }
}

/// The request that something is for.
pub(crate) fn origin_of(parts: &Parts) -> Origin {
    let known = parts.extensions.get::<RequestId>();
    Origin {
        request_id: known.map(|request| request.id.clone()),
        trace_id: known.map(|request| request.trace.clone()),
    }
}

/// The caller of a request, looked up once: middleware and handler see the same.
pub(crate) async fn authenticated(parts: &mut Parts, state: &ApiState) -> Result<Caller, Problem> {
    if let Some(known) = parts.extensions.get::<Caller>() {
        return Ok(known.clone());
    }
    let caller = look_up(&parts.headers, &parts.method, state).await?;
    parts.extensions.insert(caller.clone());
    Ok(caller)
}

async fn look_up(headers: &HeaderMap, method: &Method, state: &ApiState) -> Result<Caller, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(bearer);
        let token = token.ok_or_else(|| {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "the authorization header is not `Bearer TOKEN`",
            )
        })?;
        let known = if token.starts_with("aamas_") {
            caller_of(state.platform(), Carrier::Header, token).await
        } else {
            sso::service_of(state.entrance(), token).await
        };
        return known.map_err(refused);
    }
    let Some(session) = session_cookie(headers, state.config().tls) else {
        return Err(
            Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "nobody is signed in").hint(COME_IN)
        );
    };
    if !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) && !headers.contains_key(CSRF) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "csrf",
            "a request with the session cookie that changes something needs a header of its own",
        )
        .hint("send `x-aamas-csrf: 1`"));
    }
    caller_of(state.platform(), Carrier::Cookie, session).await.map_err(refused)
}

/// A caller who is not believed learns how one is; who is at the door already does not.
fn refused(error: AppError) -> Problem {
    let is_unknown = matches!(error, AppError::Unauthenticated(_));
    let problem = Problem::from(error);
    if is_unknown { problem.hint(COME_IN) } else { problem }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The session in the cookies of a request.
pub(crate) fn session_cookie(headers: &HeaderMap, tls: bool) -> Option<&str> {
    cookie_named(headers, if tls { SECURE_COOKIE } else { PLAIN_COOKIE })
}

/// The cookie of this name.
pub(crate) fn cookie_named<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}
