//! The graph over HTTP, as the GraphQL-over-HTTP specification says.

use app::office::Origin;
use async_graphql::Request as Query;
use async_graphql::Variables;
use async_graphql::parser::types::OperationType;
use auth::Caller;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{Allowed, Answer, Graphql, Mode, judged, kind_of, refused, with_codes};

/// The largest body: descriptions of tasks have up to 1 MB.
const MAX_BODY: usize = 2 << 20;
/// The page for queries by hand; it asks nobody but this server.
const EXPLORER: &str = include_str!("explorer.html");
/// Its script.
pub(super) const EXPLORER_SCRIPT: &str = include_str!("explorer.js");
/// Its looks.
pub(super) const EXPLORER_STYLE: &str = include_str!("explorer.css");

/// In which media type a response is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    /// `application/json`: well-formed requests are 200, whatever is wrong with them.
    Json,
    /// `application/graphql-response+json`: the status says what is wrong.
    Response,
    /// A page for people.
    Html,
}

/// A request that is not one of GraphQL over HTTP.
struct Malformed(StatusCode, &'static str, String);

fn malformed(status: StatusCode, code: &'static str, words: impl Into<String>) -> Malformed {
    Malformed(status, code, words.into())
}

impl Graphql {
    /// Answers `GET` and `POST` of a caller.
    pub async fn answer(&self, caller: Caller, origin: Origin, request: Request) -> Response {
        let Some(media) = media_of(request.headers(), self.mode) else {
            let words = "application/json and application/graphql-response+json can be had";
            return plain(&malformed(StatusCode::NOT_ACCEPTABLE, "not_acceptable", words));
        };
        let wants_page = request.method() == Method::GET && request.uri().query().is_none();
        if media == Media::Html && wants_page {
            return explorer();
        }
        let allowed = if request.method() == Method::GET { Allowed::Queries } else { Allowed::Both };
        let query = match read(request).await {
            Ok(query) => query,
            Err(refused) => return plain(&refused),
        };
        let mut query = match judged(query, self.mode) {
            Ok(query) => query,
            Err(error) => return encode(media, &refused(error)),
        };
        match kind_of(&mut query) {
            Some(OperationType::Mutation) if allowed == Allowed::Queries => {
                let words = "GET asks and changes nothing: send a mutation by POST";
                let mut response =
                    plain(&malformed(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", words));
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
                response
            }
            Some(OperationType::Subscription) => {
                let words = "subscriptions go over a WebSocket at this address, with graphql-transport-ws";
                plain(&malformed(StatusCode::BAD_REQUEST, "subscription_over_http", words))
            }
            _ => encode(media, &self.run(caller, origin, query).await),
        }
    }
}

/// The media type that a client wants most, of those that there are.
fn media_of(headers: &HeaderMap, mode: Mode) -> Option<Media> {
    let mut best: Option<(u32, Media)> = None;
    let mut named = false;
    for range in headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
    {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        named |= !name.is_empty();
        let quality = parts.find_map(|p| p.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        let quality = (quality.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as u32;
        let media = match name.as_str() {
            "application/graphql-response+json" => Media::Response,
            "application/json" | "application/*" | "*/*" => Media::Json,
            "text/html" if mode == Mode::Development => Media::Html,
            _ => continue,
        };
        if quality > 0 && best.is_none_or(|(known, _)| quality > known) {
            best = Some((quality, media));
        }
    }
    if named { best.map(|(_, media)| media) } else { Some(Media::Json) }
}

async fn read(request: Request) -> Result<Query, Malformed> {
    let bad = |words: &str| malformed(StatusCode::BAD_REQUEST, "malformed_request", words);
    if request.method() == Method::GET {
        return of_address(request.uri().query().unwrap_or_default());
    }
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let charset = parts.find_map(|p| p.to_ascii_lowercase().strip_prefix("charset=").map(str::to_owned));
    let utf8 = charset.is_none_or(|c| c.trim_matches('"') == "utf-8");
    if !name.eq_ignore_ascii_case("application/json") || !utf8 {
        let words = "the body is application/json in UTF-8";
        return Err(malformed(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", words));
    }
    let body = to_bytes(request.into_body(), MAX_BODY).await.map_err(|_| {
        malformed(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body broke off or has more than 2 MB")
    })?;
    match serde_json::from_slice(&body).map_err(|_| bad("the body is not JSON"))? {
        Value::Object(members) => of_members(members),
        Value::Array(_) => {
            Err(malformed(StatusCode::BAD_REQUEST, "batch_refused", "send one query at a time"))
        }
        _ => Err(bad("the body is not a JSON object")),
    }
}

/// The parameters of a `GET`: `variables` and `extensions` are JSON in text.
fn of_address(query: &str) -> Result<Query, Malformed> {
    let bad = |words: String| malformed(StatusCode::BAD_REQUEST, "malformed_request", words);
    let uri = format!("/?{query}").parse().map_err(|_| bad("the address is not one".into()))?;
    let axum::extract::Query(pairs) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map_err(|_| bad("the address is not one".into()))?;
    let mut members = Map::new();
    for (name, text) in pairs {
        let value = match name.as_str() {
            "query" | "operationName" => Value::String(text),
            "variables" | "extensions" if text.is_empty() => Value::Null,
            "variables" | "extensions" => {
                serde_json::from_str(&text).map_err(|_| bad(format!("{name} is not JSON")))?
            }
            _ => continue,
        };
        members.insert(name, value);
    }
    of_members(members)
}

/// The members of a request, here and over the socket.
fn of_members(mut members: Map<String, Value>) -> Result<Query, Malformed> {
    let bad = |words: &str| malformed(StatusCode::BAD_REQUEST, "malformed_request", words);
    let query = match members.remove("query") {
        Some(Value::String(text)) => text,
        Some(_) => return Err(bad("query is a text")),
        None => return Err(bad("query is missing")),
    };
    let mut request = Query::new(query);
    match members.remove("operationName") {
        Some(Value::String(name)) if !name.is_empty() => request = request.operation_name(name),
        None | Some(Value::Null | Value::String(_)) => {}
        Some(_) => return Err(bad("operationName is a text")),
    }
    match members.remove("variables") {
        Some(Value::Object(variables)) => {
            request = request.variables(Variables::from_json(Value::Object(variables)));
        }
        None | Some(Value::Null) => {}
        Some(_) => return Err(bad("variables is an object")),
    }
    match members.remove("extensions") {
        None | Some(Value::Null | Value::Object(_)) => Ok(request),
        Some(_) => Err(bad("extensions is an object")),
    }
}

/// The request of a socket's payload.
pub(super) fn of_payload(payload: Value) -> Result<Query, String> {
    match payload {
        Value::Object(members) => of_members(members).map_err(|Malformed(_, _, words)| words),
        _ => Err("payload is an object".to_owned()),
    }
}

/// The body of a response: without `data` if nothing ran.
pub(super) fn body_of(answer: &Answer) -> Value {
    let mut body = Map::new();
    if !answer.refused {
        // Values of a response are JSON.
        let data = answer.response.data.clone().into_json().unwrap_or_default();
        body.insert("data".to_owned(), data);
    }
    if !answer.response.errors.is_empty() {
        body.insert("errors".to_owned(), json!(answer.response.errors));
    }
    Value::Object(body)
}

fn encode(media: Media, answer: &Answer) -> Response {
    let timed_out = answer.response.errors.iter().any(|e| e.message.contains("longer than 10 s"));
    let status = match (media, answer.refused) {
        _ if timed_out => StatusCode::SERVICE_UNAVAILABLE,
        (Media::Response, true) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    written(status, media, &body_of(answer))
}

fn plain(Malformed(status, code, words): &Malformed) -> Response {
    let body = json!({ "errors": [{ "message": words, "extensions": { "code": code } }] });
    written(*status, Media::Json, &body)
}

fn written(status: StatusCode, media: Media, body: &Value) -> Response {
    let kind = match media {
        Media::Response => "application/graphql-response+json; charset=utf-8",
        Media::Json | Media::Html => "application/json; charset=utf-8",
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

fn explorer() -> Response {
    let mut response = Response::new(Body::from(EXPLORER));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'",
        ),
    );
    response
}

/// What a stream of a subscription says, as the body of a response.
pub(super) fn body_of_event(response: async_graphql::Response) -> Value {
    let refused = response.is_err() && response.errors.iter().all(|e| e.path.is_empty());
    body_of(&Answer { response: with_codes(response), reads: 0, refused })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_is_what_the_client_wants_most() {
        let cases = [
            ("", Some(Media::Json)),
            ("*/*", Some(Media::Json)),
            ("application/json", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::Response)),
            ("application/graphql-response+json, application/json;q=0.9", Some(Media::Response)),
            ("application/json;q=0.5, application/graphql-response+json;q=0.8", Some(Media::Response)),
            ("application/graphql-response+json;q=0, */*;q=0.1", Some(Media::Json)),
            ("text/html", None),
            ("image/png", None),
        ];
        for (accept, want) in cases {
            let mut headers = HeaderMap::new();
            if !accept.is_empty() {
                headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            }
            assert_eq!(media_of(&headers, Mode::Production), want, "{accept}");
        }
    }
}
