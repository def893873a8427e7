//! Why a use case did not happen.

use auth::Action;
use domain::{IllegalTransition, ReceiptId};
use store::StoreError;

/// A member of a request that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// Which, such as `name` or `dependencies[2]`.
    pub field: String,
    /// What is wrong with it, in a sentence.
    pub message: String,
    /// Whether it is well formed, and only does not fit what is there.
    pub well_formed: bool,
}

impl FieldProblem {
    /// A member that is not what its description says.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), well_formed: false }
    }

    /// A member that is well formed, but does not fit what is there: the id of nothing, say.
    pub fn unfit(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { well_formed: true, ..Self::new(field, message) }
    }
}

/// Why a use case did not happen.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store failed, or refused the write.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It can't happen in this state.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// There is no such thing, or it is another tenant's.
    #[error("there is no {what} {text}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// As it was asked for.
        text: String,
    },
    /// The text fits several.
    #[error("{text} fits several: {}", candidates.join(", "))]
    Ambiguous {
        /// As it was asked for.
        text: String,
        /// The first few.
        candidates: Vec<String>,
    },
    /// Another process has changed it since it was read.
    #[error("{0} was changed by another process just now")]
    Changed(domain::RunId),
    /// This process can't say who it is.
    #[error("cannot read this process's own identity")]
    Identity(#[source] std::io::Error),
    /// Members of the request are not what they should be.
    #[error("{}", sentence_of(.0))]
    Invalid(Vec<FieldProblem>),
    /// The policies do not allow it.
    #[error("you may not do this here: {action}")]
    Denied {
        /// What was asked for.
        action: Action,
        /// The receipt of the decision.
        receipt: ReceiptId,
    },
    /// Nobody knows who calls.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// It does not fit what is there.
    #[error("{detail}")]
    Conflict {
        /// A word for programs.
        code: &'static str,
        /// What does not fit, in a sentence.
        detail: String,
        /// What to do.
        hint: &'static str,
    },
    /// It was changed since the caller read it.
    #[error("it has changed since you read it")]
    VersionConflict,
    /// Too many of them.
    #[error("too many attempts; wait {retry_after_s} s")]
    TooMany {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// The organization's own policies can't be read, so nothing is allowed.
    #[error("the policies of this organization can't be read: {0}")]
    Policies(String),
    /// The audit can't go on: its head is damaged.
    #[error("the audit log can't go on: {0}")]
    Audit(String),
    /// A use case that asked no policy: a mistake of ours, and nothing was done.
    #[error("internal: a use case asked no policy")]
    Unasked,
}

impl AppError {
    /// One refused member.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, message)])
    }

    /// One refused member that is well formed, but does not fit what is there.
    pub fn unfit(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem::unfit(field, message)])
    }

    /// There is no such thing.
    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound { what, text: id.to_string() }
    }
}

fn sentence_of(problems: &[FieldProblem]) -> String {
    problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect::<Vec<_>>().join("; ")
}
