//! What is wrong with an own policy, and where.

use std::fmt;

use cedar_policy::ffi::DetailedError;
use serde::Serialize;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyProblem {
    /// Id of the policy, as it was given.
    pub policy: String,
    /// Line in its text, from 1.
    pub line: usize,
    /// Character in that line, from 1.
    pub column: usize,
    /// What is wrong, and what would help if that is known.
    pub message: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}:{}: {}", self.policy, self.line, self.column, self.message)
    }
}

/// Own policies that were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.lines())]
pub struct PolicyErrors(pub Vec<PolicyProblem>);

impl PolicyErrors {
    fn lines(&self) -> String {
        self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

impl PolicyProblem {
    /// A problem of the text as a whole.
    pub(super) fn whole(policy: &str, message: impl Into<String>) -> Self {
        Self { policy: policy.to_owned(), line: 1, column: 1, message: message.into() }
    }

    /// What Cedar says about `text`; `before` is the id that Cedar knows the policy by, which the person doesn't.
    pub(super) fn from_cedar(policy: &str, text: &str, before: &str, error: &DetailedError) -> Self {
        let start = error.source_locations.iter().map(|label| label.loc.start).min().unwrap_or(0);
        let (line, column) = position(text, start);
        let mut message = error.message.clone();
        if let Some(rest) = message.strip_prefix(&format!("for policy `{before}`, ")) {
            message = rest.to_owned();
        }
        if let Some(help) = &error.help {
            message = format!("{message} ({help})");
        }
        Self { policy: policy.to_owned(), line, column, message }
    }
}

/// Line and column of a byte, both from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}
