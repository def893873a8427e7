//! Failures in a graph: what a caller did wrong is said, with a code; what we did wrong goes to the log.

use app::AppError;
use async_graphql::{Error, ErrorExtensions as _};

use crate::problem::{AWAY, is_away};

/// An error with its code.
pub(super) fn coded(code: &str, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

/// The code and sentence of a failure that callers cause; none for our own.
fn expected(error: &AppError) -> Option<(&str, String)> {
    let words = error.to_string();
    Some(match error {
        AppError::Invalid(_) => ("invalid", words),
        AppError::NotFound { .. } => ("not_found", words),
        AppError::Denied { action, .. } => ("forbidden", format!("you may not do this: {action}")),
        AppError::Unauthenticated(_) => ("unauthenticated", words),
        AppError::Conflict { code, detail, hint } => (code, format!("{detail}; {hint}")),
        AppError::Illegal(_) => ("illegal_transition", words),
        AppError::VersionConflict => ("version_conflict", words),
        AppError::TooMany { .. } => ("too_many_attempts", words),
        AppError::Ambiguous { .. } => ("ambiguous", words),
        AppError::Changed(_) => ("changed", words),
        AppError::Policies(_) => ("policies_unreadable", words),
        AppError::Store(error) if is_away(error) => {
            tracing::error!(error = %error, code = error.code(), "the store is not to be had");
            (error.code(), AWAY.to_owned())
        }
        AppError::Store(_) | AppError::Identity(_) | AppError::Audit(_) | AppError::Unasked => return None,
    })
}

/// A failure as an error of the graph.
pub(super) fn failure(error: AppError) -> Error {
    match expected(&error) {
        Some((code, words)) => coded(code, words),
        None => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(next) = source {
                text = format!("{text}: {next}");
                source = next.source();
            }
            tracing::error!(error = text, "a query failed");
            coded("internal", "this server made a mistake")
        }
    }
}

/// A failure in the words of a mutation's payload; our own are errors of the graph.
pub(super) fn said(error: AppError) -> Result<Vec<String>, Error> {
    match &error {
        AppError::Invalid(problems) => {
            Ok(problems.iter().map(|p| format!("{}: {}", camel(&p.field), p.message)).collect())
        }
        // A payload says what the caller did wrong.
        AppError::Store(_) => Err(failure(error)),
        _ => match expected(&error) {
            Some((_, words)) => Ok(vec![words]),
            None => Err(failure(error)),
        },
    }
}

/// What is not there is null.
pub(super) fn found<T>(result: Result<T, AppError>) -> Result<Option<T>, Error> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(AppError::NotFound { .. }) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

/// `repository_url` as `repositoryUrl`.
fn camel(field: &str) -> String {
    let mut words = field.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (head, tail) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        text.push_str(&head.to_uppercase());
        text.push_str(tail);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_name_fields_as_the_graph_does() {
        let error = AppError::invalid("repository_url", "it is empty");
        assert_eq!(said(error).expect("a caller's mistake"), ["repositoryUrl: it is empty"]);
        assert_eq!(camel("agents_assigned[2]"), "agentsAssigned[2]");
    }

    #[test]
    fn our_own_mistakes_show_no_detail() {
        let error = failure(AppError::Audit("the head is damaged".into()));
        assert_eq!(error.message, "this server made a mistake");
    }
}
