//! Versions of what can be changed: `ETag`, `If-Match`, `If-None-Match`.
//!
//! A tag is the row's version and a hash of the answer: the first is what `If-Match` is held against, so that a cost that
//! ticks does not refuse a change of the title; both together tell a cache whether the answer is the same.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// An answer with its tag; 304 if the caller has it already.
pub(crate) fn tagged<T: Serialize>(headers: &HeaderMap, version: u64, body: &T) -> Response {
    with_tag(headers, StatusCode::OK, version, body)
}

/// An answer to a change, with the tag of what it is now.
pub(crate) fn changed<T: Serialize>(status: StatusCode, version: u64, body: &T) -> Response {
    with_tag(&HeaderMap::new(), status, version, body)
}

fn with_tag<T: Serialize>(headers: &HeaderMap, status: StatusCode, version: u64, body: &T) -> Response {
    let bytes = match serde_json::to_vec(body) {
        Ok(bytes) => bytes,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let tag = tag_of(version, &bytes);
    let has_it = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .any(|v| matches!(v.trim().trim_start_matches("W/"), t if t == tag || t == "*"));
    let mut response = if has_it {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes)
            .into_response()
    };
    if let Ok(value) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

fn tag_of(version: u64, bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{version}-{hash}\"")
}

/// A list, tagged by what is in it.
pub(crate) fn listed<T: Serialize>(headers: &HeaderMap, body: &T) -> Response {
    tagged(headers, 0, body)
}

/// The version that a change expects; none if it does not say.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text
        .trim_start_matches("W/")
        .trim_matches('"')
        .split_once('-')
        .and_then(|(version, _)| version.parse().ok());
    // What is no tag of ours matches nothing.
    number.map(Some).ok_or_else(|| app::AppError::VersionConflict.into())
}

/// Whether a thing is still what whoever decides on it has seen: its whole tag, where `If-Match` names one.
pub(crate) fn still<T: Serialize>(headers: &HeaderMap, version: u64, body: &T) -> Result<(), Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(()) };
    let bytes = serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?;
    let now = tag_of(version, &bytes);
    let named = value.to_str().unwrap_or_default().split(',').map(str::trim);
    if named.into_iter().any(|tag| tag == "*" || tag.trim_start_matches("W/") == now) {
        return Ok(());
    }
    Err(app::AppError::VersionConflict.into())
}

/// 201 with where it is.
pub(crate) fn created<T: Serialize>(location: &str, version: u64, body: &T) -> Response {
    let mut response = changed(StatusCode::CREATED, version, body);
    if let Ok(value) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// Plain JSON.
pub(crate) fn json<T: Serialize>(body: T) -> Response {
    Json(body).into_response()
}
