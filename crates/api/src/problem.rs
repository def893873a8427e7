//! Errors as RFC 9457 says: one place where every cause gets its status, its type and its words.

use app::{AppError, FieldProblem};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use store_errors::of_store;
use utoipa::openapi::{self, RefOr};

/// A problem document. `type` never changes for a cause.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `urn:aamas:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What sort of problem it is, always the same for a type.
    pub title: String,
    /// The status of HTTP.
    pub status: u16,
    /// What is wrong with this request, in a sentence.
    pub detail: String,
    /// A word for programs.
    pub code: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The members that were refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// An id to quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

/// A member that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Which, such as `name` or `dependencies[2]`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl From<FieldProblem> for FieldError {
    fn from(problem: FieldProblem) -> Self {
        Self { field: problem.field, message: problem.message }
    }
}

/// The answer of a handler.
pub type ApiResult<T> = Result<T, Problem>;

impl Problem {
    /// A problem of this status, code and detail.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:aamas:problem:{code}"),
            title: title_of(code, status),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            hint: None,
            errors: Vec::new(),
            request_id: None,
            retry_after_s: None,
        }
    }

    /// The same with what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(for_callers(&hint.into())), ..self }
    }

    /// The same with the members that were refused.
    #[must_use]
    pub fn errors(self, errors: Vec<FieldError>) -> Self {
        Self { errors, ..self }
    }

    /// Nothing of this kind, or another organization's.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing here")
    }

    /// A failure of ours; the cause is in the log.
    #[must_use]
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = cause.to_string();
        let mut source = cause.source();
        while let Some(next) = source {
            text.push_str(": ");
            text.push_str(&next.to_string());
            source = next.source();
        }
        tracing::error!(error = text, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "this server made a mistake")
            .hint("quote the request id to whoever runs it; nothing was changed")
    }

    /// The same with the id to quote.
    #[must_use]
    pub fn quoting(self, request_id: &str) -> Self {
        Self { request_id: Some(request_id.to_owned()), ..self }
    }

    /// To be tried again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }
}

/// A hint for callers of this API: what it says of the command line, in the words of HTTP.
fn for_callers(hint: &str) -> String {
    const WORDS: [(&str, &str); 8] = [
        ("aamas runs list", "GET /api/v1/runs"),
        ("aamas runs show", "GET /api/v1/runs/{run_id}"),
        ("aamas runs watch", "GET /api/v1/runs/{run_id}/journal"),
        ("aamas runs fork", "POST /api/v1/runs/{run_id}/fork"),
        ("aamas runs resume", "POST /api/v1/runs/{run_id}/resume"),
        ("aamas runs pause", "POST /api/v1/runs/{run_id}/pause"),
        ("aamas pr", "GET /api/v1/pull-requests"),
        ("aamas run", "POST /api/v1/projects/{project_id}/tasks"),
    ];
    let mut said = String::new();
    // Commands stand between backticks: every second part.
    for (place, part) in hint.split('`').enumerate() {
        let command = (place % 2 == 1).then(|| part.strip_prefix("aamas")).flatten();
        let same = command.and_then(|_| WORDS.iter().find(|(known, _)| part.starts_with(known)));
        match (command, same) {
            (Some(_), Some((_, http))) => said.push_str(&format!("`{http}`")),
            (Some(_), None) => said.push_str("the command line of the server"),
            (None, _) if place % 2 == 1 => said.push_str(&format!("`{part}`")),
            (None, _) => said.push_str(part),
        }
    }
    said
}

/// The title of a code: its words.
fn title_of(code: &str, status: StatusCode) -> String {
    match code {
        "internal" => "Internal error".to_owned(),
        "invalid" => "Invalid request".to_owned(),
        _ if code.is_empty() => status.canonical_reason().unwrap_or("Error").to_owned(),
        _ => {
            let mut words = code.replace('_', " ");
            if let Some(first) = words.get_mut(0..1) {
                first.make_ascii_uppercase();
            }
            words
        }
    }
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        use StatusCode as S;
        let words = error.to_string();
        match error {
            AppError::Invalid(problems) => {
                // Whoever keeps to the description never gets a 422; what fits nothing that is there is a conflict.
                let unfit = problems.iter().all(|problem| problem.well_formed);
                let (status, code) =
                    if unfit { (S::CONFLICT, "does_not_fit") } else { (S::UNPROCESSABLE_ENTITY, "invalid") };
                Self::new(status, code, words).errors(problems.into_iter().map(FieldError::from).collect())
            }
            AppError::NotFound { .. } => Self::not_found(),
            AppError::Denied { action, receipt } => {
                Self::new(S::FORBIDDEN, "forbidden", format!("you may not do this: {action}"))
                    .hint(format!("an administrator can see why under receipt {receipt}"))
            }
            AppError::Unauthenticated(why) => Self::new(S::UNAUTHORIZED, "unauthenticated", why),
            AppError::Conflict { code, detail, hint } => Self::new(S::CONFLICT, code, detail).hint(hint),
            AppError::Illegal(_) => {
                Self::new(S::CONFLICT, "illegal_transition", words).hint("read it again: it has moved on")
            }
            AppError::VersionConflict => Self::new(S::PRECONDITION_FAILED, "version_conflict", words)
                .hint("read it again, and send the new ETag in If-Match"),
            AppError::TooMany { retry_after_s } => {
                Self::new(S::TOO_MANY_REQUESTS, "too_many_attempts", words).retry_after(retry_after_s)
            }
            AppError::Ambiguous { .. } => Self::new(S::UNPROCESSABLE_ENTITY, "ambiguous", words),
            AppError::Changed(_) => Self::new(S::CONFLICT, "changed", words).hint("read it again"),
            AppError::Policies(_) => Self::new(S::FORBIDDEN, "policies_unreadable", words).hint(
                "whoever runs this server can mend them there: nobody can by this API until they can be read",
            ),
            AppError::Store(error) => of_store(error),
            other @ (AppError::Audit(_) | AppError::Unasked | AppError::Identity(_)) => {
                Self::internal(&other)
            }
        }
    }
}

/// What is said when the store can't take anything just now.
pub(crate) const AWAY: &str = "the store can't take this now; nothing was changed";

/// Whether the store can't be had just now, so that nothing was changed and a later try may do better.
pub(crate) fn is_away(error: &app::StoreError) -> bool {
    use app::StoreError as E;
    matches!(
        error,
        E::DiskFull { .. } | E::Locked { .. } | E::Unreachable { .. } | E::Gone { .. } | E::Closed
    )
}

/// Failures of the store that a caller can do something about.
mod store_errors {
    use super::{AWAY, Problem, StatusCode, is_away};

    pub(super) fn of_store(error: app::StoreError) -> Problem {
        let code = error.code();
        match error {
            app::StoreError::TooLarge { .. } => {
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, code, error.to_string())
            }
            app::StoreError::NotFound { .. } => Problem::not_found(),
            app::StoreError::AlreadyExists { .. } => {
                Problem::new(StatusCode::CONFLICT, "already_exists", "there is one already")
            }
            app::StoreError::NulInText { .. } => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "a text has a NUL character")
            }
            _ if is_away(&error) => {
                tracing::error!(error = %error, code, "the store is not to be had");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, AWAY)
                    .hint("try again; `GET /ready` says what is wrong")
                    .retry_after(5)
            }
            app::StoreError::OutcomeUnknown { .. } => {
                tracing::error!(error = %error, code, "what became of a commit is not known");
                Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    code,
                    "the connection to the database broke during the commit: what was asked is done whole, or not at all",
                )
                .hint("look whether it is there before trying it again")
                .retry_after(5)
            }
            other => Problem::internal(&other),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after_s;
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl utoipa::IntoResponses for Problem {
    /// Every operation may be refused in a problem document.
    fn responses() -> std::collections::BTreeMap<String, RefOr<openapi::Response>> {
        let content =
            openapi::ContentBuilder::new().schema(Some(openapi::Ref::from_schema_name("Problem"))).build();
        let response = openapi::ResponseBuilder::new()
            .description("Refused, or failed")
            .content("application/problem+json", content)
            .build();
        // Which statuses an operation has is said where all of them are put together.
        [("default".to_owned(), RefOr::T(response))].into()
    }
}

#[cfg(test)]
mod tests {
    use super::for_callers;

    #[test]
    fn hints_do_not_speak_of_the_command_line() {
        for (hint, want) in [
            (
                "take another way with `aamas runs fork run_1 --turn N`",
                "take another way with `POST /api/v1/runs/{run_id}/fork`",
            ),
            ("`aamas pr list` shows the others", "`GET /api/v1/pull-requests` shows the others"),
            ("`aamas doctor` shows what is missing", "the command line of the server shows what is missing"),
            ("send `x-aamas-csrf: 1`", "send `x-aamas-csrf: 1`"),
            ("read it again", "read it again"),
        ] {
            assert_eq!(for_callers(hint), want);
        }
    }
}
