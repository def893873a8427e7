//! `Idempotency-Key`: the same request with the same key has one effect and one answer.
//!
//! A key is claimed before the work begins, so that two requests at once have one effect too; an answer of the kind that a
//! second try may change (429, 5xx) is not kept.

use app::answers::{Answer, Claim};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::extract::{BODY_TIMEOUT, too_slow};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::{MAX_BODY, caller};

/// Marks an answer with a secret that is shown once: it is not kept, since only digests of secrets are. A second try makes no
/// second one, and hears where the first is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownOnce;

/// Requests whose bodies have passwords: not even a hash of one is kept. None of them does its work twice: a link is used up.
const UNKEPT: [&str; 4] =
    ["/api/v1/session", "/api/v1/session/link", "/api/v1/setup", "/api/v1/invitations/accept"];
const KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
const MAX_KEY: usize = 255;
/// The largest answer that is kept; none of ours to a POST is larger.
const MAX_ANSWER: usize = 4 << 20;

/// Gives the first answer again.
pub(crate) async fn replay(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get(KEY) else { return next.run(request).await };
    if request.method() != Method::POST || UNKEPT.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let key = match key.to_str().map(str::trim) {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) => {
            key.to_owned()
        }
        _ => {
            return Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_idempotency_key",
                "an idempotency key has 1 to 255 visible characters",
            )
            .into_response();
        }
    };
    match answer(&state, key, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(state: &ApiState, key: String, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    // Without a caller there is nobody to keep an answer for: the handler says so.
    let Ok(who) = caller::authenticated(&mut parts, state).await else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY)).await;
    let bytes = read.map_err(|_| too_slow())?.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body has more than 2 MB")
    })?;
    let hash = hash_of(&parts.method, parts.uri.path_and_query().map_or("", |p| p.as_str()), &bytes);
    match app::answers::claim(state.platform(), &who, &key, hash).await? {
        Claim::Mine => {}
        Claim::Other => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this key was used for another request",
            )
            .hint("use a new key for a new request"));
        }
        Claim::Busy => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "request_in_progress",
                "the first request with this key is under way",
            )
            .retry_after(1));
        }
        Claim::Answered(answer) => return Ok(again(&answer)),
    }
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_ANSWER).await;
    let keep = parts.status != StatusCode::TOO_MANY_REQUESTS && !parts.status.is_server_error();
    match bytes {
        Ok(bytes) if keep => {
            let text =
                |name: HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
            let location = text(header::LOCATION);
            let answer = match parts.extensions.get::<ShownOnce>() {
                Some(_) => was_shown(location),
                None => Answer {
                    status: parts.status.as_u16(),
                    body: String::from_utf8_lossy(&bytes).into_owned(),
                    content_type: text(header::CONTENT_TYPE),
                    location,
                    etag: text(header::ETAG),
                },
            };
            app::answers::keep(state.platform(), &who, &key, hash, answer).await?;
            Ok(Response::from_parts(parts, Body::from(bytes)))
        }
        Ok(bytes) => {
            app::answers::give_up(state.platform(), &who, &key).await?;
            Ok(Response::from_parts(parts, Body::from(bytes)))
        }
        Err(error) => {
            app::answers::give_up(state.platform(), &who, &key).await?;
            Err(Problem::internal(&error))
        }
    }
}

/// What a second try hears whose first made a secret.
fn was_shown(location: Option<String>) -> Answer {
    let problem = Problem::new(
        StatusCode::CONFLICT,
        "shown_once",
        "this was done for the first request with this key, and its secret was shown then: it is kept nowhere",
    )
    .hint("revoke what it made, and ask again with a new key");
    Answer {
        status: problem.status,
        body: serde_json::to_string(&problem).unwrap_or_default(),
        content_type: Some("application/problem+json".to_owned()),
        location,
        etag: None,
    }
}

fn again(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body.clone()).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in [
        (header::CONTENT_TYPE, &answer.content_type),
        (header::LOCATION, &answer.location),
        (header::ETAG, &answer.etag),
    ] {
        if let Some(value) = value.as_deref().and_then(|v| HeaderValue::from_str(v).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn hash_of(method: &Method, target: &str, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(method.as_str());
    hash.update([0]);
    hash.update(target);
    hash.update([0]);
    hash.update(body);
    hash.finalize().into()
}
