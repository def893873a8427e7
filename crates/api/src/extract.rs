//! What comes in with a request, refused in problem documents.

use std::str::FromStr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::problem::{FieldError, Problem};

/// How long a body may take to come in: less than a request may take at all.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// A body of JSON.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        is_json(request.headers())?;
        let bytes = whole(request, state).await?;
        parse(&bytes).map(Self)
    }
}

/// A body of JSON that may be left out.
pub struct OptionalBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let bytes = whole(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        json?;
        parse::<Option<T>>(&bytes).map(|body| Self(body.unwrap_or_default()))
    }
}

/// A body to its end, unless it is too large or too slow.
async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    match tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, state)).await {
        Ok(read) => read.map_err(|e| unreadable(&e)),
        Err(_) => Err(too_slow()),
    }
}

/// A body that did not come.
pub(crate) fn too_slow() -> Problem {
    let seconds = BODY_TIMEOUT.as_secs();
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "body_too_slow",
        format!("the body did not come to its end within {seconds} s"),
    )
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
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut text)
        .map_err(|error| (error.path().to_string(), error.into_inner()))
        .and_then(|value| text.end().map(|()| value).map_err(|error| (".".to_owned(), error)));
    read.or_else(|error| with_whole_numbers(bytes).ok_or(error)).map_err(|(path, error)| {
        // A member that is refused may stand before the end that is missing.
        let malformed = serde_json::from_slice::<IgnoredAny>(bytes).err();
        if malformed.is_some() || !error.is_data() {
            let words = without_place(&malformed.unwrap_or(error).to_string());
            return Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed_json",
                format!("the body is not JSON: {words}"),
            );
        }
        let words = in_words(&without_value(&without_place(&error.to_string())));
        refused(&path, &words)
    })
}

/// 422 for a member: the one that `words` names, within the object at `path` (`.` is the whole), else that at `path`.
fn refused(path: &str, words: &str) -> Problem {
    let names = ["missing field", "unknown field", "duplicate field"];
    let named = names.iter().find(|name| words.starts_with(**name)).and_then(|_| words.split('`').nth(1));
    let path = if path == "." { "" } else { path };
    let field = match (path, named) {
        (path, None) => path.to_owned(),
        ("", Some(named)) => named.to_owned(),
        // What is unknown is in the path already, what is missing is not.
        (path, Some(named)) if path == named || path.ends_with(&format!(".{named}")) => path.to_owned(),
        (path, Some(named)) => format!("{path}.{named}"),
    };
    let detail = match (named, field.as_str()) {
        (None, field) if !field.is_empty() => format!("{field}: {words}"),
        _ => words.to_owned(),
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
        .errors(vec![FieldError { field, message: words.to_owned() }])
}

fn without_place(words: &str) -> String {
    words.rsplit_once(" at line ").map_or(words, |(words, _)| words).to_owned()
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

/// What serde expected, in the words of JSON instead of Rust's.
fn in_words(words: &str) -> String {
    let Some((found, expected)) = words.rsplit_once(", expected ") else { return words.to_owned() };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative and not too large",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number that is not too large",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") || other.starts_with("internally tagged") => "an object",
        other if other.starts_with("enum ") => "one of the words that the description of this API lists",
        other => other,
    };
    format!("{found}, expected {expected}")
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
            let words = words.split_once(": ").map_or(words.as_str(), |(_, words)| words);
            let (field, words) = match words.split_once(": ") {
                Some((field, words)) if !field.contains(' ') => (field, words),
                _ => ("", words),
            };
            refused(field, words)
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
        assert_eq!(
            said(r#"{"password":4711}"#),
            of("password: invalid type: integer, expected a string", "password")
        );
        assert_eq!(said(r#""a \", expected \" b""#), of("invalid type: string, expected an object", ""));
        assert_eq!(said("{}"), of("missing field `password`", "password"));
        assert_eq!(said(r#"{"pass":"x"}"#), of("unknown field `pass`, expected `password`", "pass"));
    }

    #[test]
    fn the_member_is_named_wherever_it_stands() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "it is only read")]
        struct Outer {
            inner: Option<Inner>,
            list: Option<Vec<u32>>,
        }
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "it is only read")]
        struct Inner {
            size: u32,
        }
        let cases = [
            (r#"{"inner":{"size":-1}}"#, 422, "inner.size"),
            (r#"{"inner":{"size":"x"}}"#, 422, "inner.size"),
            (r#"{"inner":{}}"#, 422, "inner.size"),
            (r#"{"inner":{"size":1,"more":1}}"#, 422, "inner.more"),
            (r#"{"inner":[]}"#, 422, "inner"),
            (r#"{"list":[1,"x"]}"#, 422, "list[1]"),
            (r#"{"lists":1}"#, 422, "lists"),
            (r#"{"lists":"#, 400, ""),
            (r#"{"list":[]} {}"#, 400, ""),
            ("", 400, ""),
        ];
        for (text, status, field) in cases {
            let problem = parse::<Outer>(text.as_bytes()).expect_err(text);
            assert_eq!(problem.status, status, "{text}: {problem:?}");
            assert_eq!(problem.errors.first().map_or("", |e| e.field.as_str()), field, "{text}: {problem:?}");
            assert!(!problem.detail.contains("u32"), "{text}: {problem:?}");
        }
    }
}
