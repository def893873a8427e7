//! What comes in with a request, refused in problem documents.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::{FieldError, Problem};

/// A body of JSON.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        is_json(request.headers())?;
        let bytes = Bytes::from_request(request, state).await.map_err(|e| unreadable(&e))?;
        parse(&bytes).map(Self)
    }
}

/// A body of JSON that may be left out.
pub struct OptionalBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(|e| unreadable(&e))?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        json?;
        parse::<Option<T>>(&bytes).map(|body| Self(body.unwrap_or_default()))
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "the body is not application/json",
    )
    .hint("send `content-type: application/json`"))
}

fn unreadable(error: &BytesRejection) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body has more than 2 MB")
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "unreadable_body", "the body broke off"),
    }
}

/// Text that is no JSON is 400; JSON of another shape is 422, with the member.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Derived code would read a list of an object's members in their order as well.
    if bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "the body is not an object"));
    }
    serde_json::from_slice(bytes).or_else(|error| with_whole_numbers(bytes).ok_or(error)).map_err(|error| {
        let words = error.to_string();
        let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words).to_owned();
        if error.is_data() {
            let words = without_value(&words);
            let names = ["missing field", "unknown field", "duplicate field"];
            let named = names.iter().any(|name| words.starts_with(name));
            let field = if named { words.split('`').nth(1).unwrap_or_default() } else { "" }.to_owned();
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", words.clone())
                .errors(vec![FieldError { field, message: words }])
        } else {
            Problem::new(StatusCode::BAD_REQUEST, "malformed_json", format!("the body is not JSON: {words}"))
        }
    })
}

/// What serde says of a value, without the value: it may be a password that stands in the wrong place.
fn without_value(words: &str) -> String {
    let about =
        ["invalid type", "invalid value", "unknown variant"].iter().any(|about| words.starts_with(about));
    match (words.find(['"', '`']), words.rfind(", expected ")) {
        (Some(value), Some(expected)) if about && value < expected => {
            format!("{}{}", words[..value].trim_end(), &words[expected..])
        }
        _ => words.to_owned(),
    }
}

/// The same where a whole number is written as `2.0` or `2e3`, which JSON does not tell from `2` and `2000`.
fn with_whole_numbers<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    fn change(value: &mut Value) -> bool {
        match value {
            Value::Number(number) => {
                let whole = number.as_f64().filter(|n| number.is_f64() && n.fract() == 0.0 && n.abs() < 9e15);
                let whole = whole.map(|n| n as i64);
                whole.is_some_and(|whole| {
                    *value = whole.into();
                    true
                })
            }
            Value::Array(items) => items.iter_mut().fold(false, |any, item| change(item) | any),
            Value::Object(members) => members.values_mut().fold(false, |any, member| change(member) | any),
            Value::Null | Value::Bool(_) | Value::String(_) => false,
        }
    }
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    change(&mut value).then(|| serde_json::from_value(value).ok()).flatten()
}

/// An id in the path. What can't be one names nothing: 404, like an id that was never given.
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr + Send> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| Problem::not_found())?;
        text.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

/// The members of the query.
pub struct Search<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Search<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        is_text(parts.uri.query().unwrap_or_default())?;
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        query.map(|Query(query)| Self(query)).map_err(|error| {
            let words = error.body_text();
            let words = words.split_once(": ").map_or(words.as_str(), |(_, words)| words).to_owned();
            let field = words.split([':', '`']).find(|w| !w.trim().is_empty()).unwrap_or_default();
            let errors = vec![FieldError { field: field.trim().to_owned(), message: words.clone() }];
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", words).errors(errors)
        })
    }
}

/// Refuses a query that is no text: bytes that are not UTF-8, and NUL, which nothing that is searched for has.
fn is_text(query: &str) -> Result<(), Problem> {
    let mut parts = query.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => bytes.extend_from_slice(part.as_bytes()),
        }
    }
    let why = match std::str::from_utf8(&bytes) {
        Err(_) => "the query is not UTF-8",
        Ok(text) if text.contains('\0') => "the query has a NUL character",
        Ok(_) => return Ok(()),
    };
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_not_repeated() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Login {
            #[expect(dead_code, reason = "it is only read")]
            password: String,
        }
        let said = |text: &str| {
            let problem = parse::<Login>(text.as_bytes()).expect_err("it is none");
            (problem.detail, problem.errors[0].field.clone())
        };
        let of = |detail: &str, field: &str| (detail.to_owned(), field.to_owned());
        assert_eq!(said(r#"{"password":4711}"#), of("invalid type: integer, expected a string", ""));
        assert_eq!(said(r#""a \", expected \" b""#), of("invalid type: string, expected struct Login", ""));
        assert_eq!(said("{}"), of("missing field `password`", "password"));
        assert_eq!(said(r#"{"pass":"x"}"#), of("unknown field `pass`, expected `password`", "pass"));
    }
}
