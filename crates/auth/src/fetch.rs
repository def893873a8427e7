//! The network as single sign-on needs it: a function that the caller hands in.
//!
//! It sends one request and gives the answer back, whatever its status. It must not follow redirects, must refuse
//! addresses that the administrator hasn't allowed (an issuer names further addresses of its own), must have a time limit, and
//! must stop reading past [`MAX_ANSWER_BYTES`].

use std::future::Future;

use openidconnect::http::{Method, StatusCode, header};
use serde::de::DeserializeOwned;

pub use openidconnect::{HttpRequest, HttpResponse, http};

/// Longest answer that is read.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The request came to nothing: no connection, no answer in time.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// An address that must not be asked: neither https nor this machine.
    #[error("{url} is neither https nor on this machine")]
    Insecure {
        /// The address.
        url: String,
    },
    /// No answer.
    #[error("cannot reach {url}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        source: FetchError,
    },
    /// An answer that is no such document.
    #[error("{url} answered {status} with something unexpected: {why}")]
    Unexpected {
        /// The address.
        url: String,
        /// Its HTTP status.
        status: u16,
        /// What is wrong with it.
        why: String,
    },
}

/// Gets a JSON document, with a bearer token if there is one.
pub(crate) async fn document<T, H, F>(http: &H, url: &str, bearer: Option<&str>) -> Result<T, DocumentError>
where
    T: DeserializeOwned,
    H: Fn(HttpRequest) -> F,
    F: Future<Output = Result<HttpResponse, FetchError>>,
{
    secure(url)?;
    let unexpected =
        |status: u16, why: String| DocumentError::Unexpected { url: url.to_owned(), status, why };
    let mut request = openidconnect::http::Request::builder().method(Method::GET).uri(url);
    request = request.header(header::ACCEPT, "application/json");
    if let Some(bearer) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
    }
    let request = request.body(Vec::new()).map_err(|e| unexpected(0, e.to_string()))?;
    let answer =
        http(request).await.map_err(|source| DocumentError::Unreachable { url: url.to_owned(), source })?;
    let status = answer.status();
    if status != StatusCode::OK {
        return Err(unexpected(status.as_u16(), "the status should be 200".to_owned()));
    }
    if answer.body().len() > MAX_ANSWER_BYTES {
        return Err(unexpected(status.as_u16(), format!("more than {MAX_ANSWER_BYTES} bytes")));
    }
    // What serde says may quote the document; only where is said, since it may be about a person.
    serde_json::from_slice(answer.body()).map_err(|e| {
        unexpected(
            status.as_u16(),
            format!("not the JSON expected at line {}, column {}", e.line(), e.column()),
        )
    })
}

/// Whether an address may be asked: https, or http on this machine for development and tests.
pub(crate) fn secure(url: &str) -> Result<(), DocumentError> {
    let insecure = || DocumentError::Insecure { url: url.to_owned() };
    let parsed: openidconnect::http::Uri = url.parse().map_err(|_| insecure())?;
    let host = parsed.host().unwrap_or_default();
    let loopback = ["127.0.0.1", "[::1]", "localhost"].contains(&host);
    match parsed.scheme_str() {
        Some("https") if !host.is_empty() => Ok(()),
        Some("http") if loopback => Ok(()),
        _ => Err(insecure()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_asked() {
        for good in
            ["https://id.example.org/x?y", "http://127.0.0.1:80/", "http://localhost/a", "http://[::1]:9/"]
        {
            assert!(secure(good).is_ok(), "{good}");
        }
        for bad in [
            "http://id.example.org",
            "http://localhost.example.org",
            "http://127.0.0.1@example.org/",
            "file:///etc",
            "//x",
            "x",
            "",
        ] {
            assert!(secure(bad).is_err(), "{bad}");
        }
    }
}
