//! What stands before every handler: ids of requests, time-outs, rates, headers of security, other sites.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::Caller;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock, QuantaInstant};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};
use tracing::Instrument;

use crate::MAX_BODY;
use crate::problem::{FieldError, Problem};
use crate::state::ApiState;

/// How long a request may take. A connection that became a WebSocket is none any more.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests took, of Prometheus.
pub(crate) const DURATIONS: &str = "aamas_http_request_duration_seconds";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whoever can't be told gets this share of a caller's rate, per address.
const STRANGERS_SHARE: u32 = 10;

/// Limits of callers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests a second of one caller: of a token, or of a session.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
}

impl Limits {
    /// So many requests a second of one caller, and as many at once.
    #[must_use]
    pub fn per_second(n: u32) -> Self {
        Self { per_second: n, burst: n }
    }
}

impl Default for Limits {
    /// More than one busy program needs: what holds by default is a bound for those that run wild.
    fn default() -> Self {
        Self::per_second(100_000)
    }
}

/// What a request is known by.
#[derive(Clone, Debug)]
pub(crate) struct RequestId {
    /// Its id, which its answer names.
    pub(crate) id: String,
    /// The trace that it belongs to: that of the caller's `traceparent`, else one of its own.
    pub(crate) trace: String,
}

/// How often each caller has called.
pub(crate) struct Rates {
    callers: DefaultKeyedRateLimiter<String>,
    strangers: DefaultKeyedRateLimiter<String>,
}

impl Rates {
    pub(crate) fn new(limits: Limits) -> Self {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = |share: u32| {
            Quota::per_second(at_least_one(limits.per_second / share))
                .allow_burst(at_least_one(limits.burst / share))
        };
        Self { callers: RateLimiter::keyed(quota(1)), strangers: RateLimiter::keyed(quota(STRANGERS_SHARE)) }
    }

    /// Seconds to wait, if a caller comes too often.
    fn check_caller(&self, key: &String) -> Option<u64> {
        self.callers.check_key(key).err().map(seconds)
    }

    /// Seconds to wait, if somebody unknown comes too often from this address.
    fn check_stranger(&self, address: &String) -> Option<u64> {
        self.strangers.check_key(address).err().map(seconds)
    }

    /// Forgets callers that have not called for a while.
    pub(crate) fn forget_idle(&self) {
        self.callers.retain_recent();
        self.strangers.retain_recent();
    }
}

fn seconds(until: NotUntil<QuantaInstant>) -> u64 {
    until.wait_time_from(DefaultClock::default().now()).as_secs() + 1
}

/// The outermost layer: an id, a span, a bound on the time, and a document for whatever has none.
pub(crate) async fn outermost(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let id = state.new_request_id();
    state.count_request();
    let trace = trace_of(&request).unwrap_or(&id["req_".len()..]).to_owned();
    request.extensions_mut().insert(RequestId { id: id.clone(), trace: trace.clone() });
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let begun = Instant::now();
    let span = tracing::info_span!("request", request.id = id, trace_id = trace, http.request.method = %method, http.route = route);
    let answered = match announced(&request) {
        // Not a byte of it is waited for.
        Some(size) if size > MAX_BODY as u64 => Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response()),
        _ => tokio::time::timeout(TIMEOUT, next.run(request).instrument(span)).await,
    };
    let mut response = answered.unwrap_or_else(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "the request took longer than 30 s")
            .hint("ask for less, or try again")
            .retry_after(5)
            .into_response()
    });
    let labels = [("method", method_label(&method)), ("status", status_class(response.status()))];
    metrics::counter!("aamas_http_requests_total", &labels).increment(1);
    metrics::histogram!(DURATIONS, &labels).record(begun.elapsed());
    response = documented(response, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The trace that a request names in a `traceparent` of W3C Trace Context; what does not keep to the form is no trace.
fn trace_of(request: &Request) -> Option<&str> {
    let text = request.headers().get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let mut hex = |length: usize| {
        let is_hex = |part: &&str| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        parts.next().filter(is_hex)
    };
    let (version, trace, parent, _flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let is_set = |part: &str| part.bytes().any(|b| b != b'0');
    // Later versions may have more parts; the first has these four.
    let fits = version != "ff" && (version != "00" || parts.next().is_none());
    (fits && is_set(trace) && is_set(parent)).then_some(trace)
}

/// The size of its body that a request announces.
fn announced(request: &Request) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Methods as labels: few, whatever is sent.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// Every error is a problem document with the request's id, those of the frameworks too.
fn documented(response: Response, id: &str) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let known = response.extensions().get::<Problem>().cloned();
    let is_ours = known.is_some();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !is_ours && (kind.contains("json") || kind.starts_with("text/html")) {
        return response;
    }
    let problem = known.unwrap_or_else(|| match status {
        StatusCode::NOT_FOUND => Problem::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(status, "method_not_allowed", "this can't be done with this method here")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(status, "body_too_large", "the body has more than 2 MB")
        }
        _ => {
            let words = status.canonical_reason().unwrap_or("refused").to_lowercase();
            Problem::new(status, &words.replace([' ', '-'], "_"), words)
        }
    });
    let problem = problem.quoting(id);
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_ENCODING);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    Response::from_parts(parts, Body::from(body))
}

/// Holds each caller, or without one each address of the network, to its rate.
pub(crate) async fn rate(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !(path.starts_with("/api/") || path.starts_with("/graphql")) {
        return next.run(request).await;
    }
    if let Some(name) = SINGLE.into_iter().find(|name| request.headers().get_all(name).iter().count() > 1) {
        return Problem::new(
            StatusCode::BAD_REQUEST,
            "duplicate_header",
            format!("there are several {name} headers"),
        )
        .hint("send it once: which of them counts would be a guess")
        .into_response();
    }
    let (mut parts, body) = request.into_parts();
    // Whoever can't be told is held by the address; the handler says what is wrong with the credential.
    let wait = match crate::caller::authenticated(&mut parts, &state).await {
        Ok(caller) => state.rates().check_caller(&key_of(&caller)),
        Err(_) => state.rates().check_stranger(
            &parts
                .extensions
                .get::<crate::server::Peer>()
                .map_or_else(|| "unknown".to_owned(), |peer| peer.0.ip().to_string()),
        ),
    };
    if let Some(seconds) = wait {
        return Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "too many requests in a short time",
        )
        .hint("wait as long as `retry-after` says")
        .retry_after(seconds)
        .into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Headers that have one value, or none that can be told.
const SINGLE: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    HeaderName::from_static("idempotency-key"),
];

/// Words of all lists. One that is never longer than a page does without them, and who sends them gets the whole of it.
const OF_LISTS: [&str; 3] = ["limit", "cursor", "total"];

/// Which members queries may have, by method and path.
pub(crate) type QueryMembers = Arc<HashMap<(Method, String), Vec<String>>>;

/// Refuses members of a query that the description does not name: a filter that is mistyped would else let everything through.
pub(crate) async fn known_query(State(known): State<QueryMembers>, request: Request, next: Next) -> Response {
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let members = path.and_then(|path| known.get(&(method, path)));
    let (Some(members), Some(query)) = (members, request.uri().query()) else {
        return next.run(request).await;
    };
    let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    let unknown = names.filter(|name| {
        !name.is_empty() && !OF_LISTS.contains(name) && !members.iter().any(|member| member == name)
    });
    let say = |name: &str| {
        let known = if members.is_empty() { "none".to_owned() } else { members.join(", ") };
        FieldError { field: name.to_owned(), message: format!("there is no such member; there are: {known}") }
    };
    let errors: Vec<_> = unknown.take(20).map(say).collect();
    // Whoever is not let in is told that first.
    let is_known = request.extensions().get::<Caller>().is_some();
    if errors.is_empty() || !is_known {
        return next.run(request).await;
    }
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "the query has members that are not known here")
        .errors(errors)
        .into_response()
}

fn key_of(caller: &Caller) -> String {
    format!(
        "{} {}",
        caller.tenant,
        caller.token.as_deref().or(caller.session.as_deref()).unwrap_or(caller.id())
    )
}

/// Headers that tell browsers what this site never does.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/") || request.uri().path().starts_with("/graphql");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &'static str| {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    };
    set("x-content-type-options", "nosniff");
    set("x-frame-options", "DENY");
    set("referrer-policy", "no-referrer");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=()");
    if is_api {
        set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
        set("cache-control", "no-store");
    }
    response
}

/// Lets pages of allowed origins call, and sends HSTS over TLS.
pub(crate) async fn cross_origin(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        let origin = origin.as_bytes();
        state.config().allowed_origins.iter().any(|known| known.as_bytes() == origin)
    });
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key("access-control-request-method");
    let mut response = match (&allowed, preflight) {
        (Some(_), true) => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("etag, location, retry-after, x-request-id, idempotency-replayed"),
        );
        if preflight {
            // No credentials: pages of other sites call with a token of their own.
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"),
            );
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static(
                    "authorization, content-type, idempotency-key, if-match, if-none-match",
                ),
            );
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
    }
    if state.config().tls {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
    response
}
