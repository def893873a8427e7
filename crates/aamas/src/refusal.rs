//! Errors as a person and as a program read them: the thing, the cause, the next step, and an exit code.

use std::process::ExitCode;

use crate::cli::LogFormat;
use crate::say::{TOLD, err, out};
use crate::terminal::printable;
use domain::RunError;
use serde_json::json;

/// A command that came to nothing.
#[derive(Debug)]
pub struct Refusal {
    /// What happened.
    pub error: RunError,
    /// The exit code of the contract.
    pub exit: u8,
}

impl Refusal {
    /// Wrong usage or an unusable repository: exit 2.
    pub fn usage(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { error: RunError::new(code, message, hint), exit: 2 }
    }

    /// Something of ours failed: exit 1.
    pub fn internal(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { error: RunError::new(code, message, hint), exit: 1 }
    }

    /// Says it: as JSON on stdout, if wanted, and in words or as a log line on stderr.
    pub fn print(&self, json: bool, format: LogFormat) -> ExitCode {
        let RunError { code, message, hint, .. } = &self.error;
        if json {
            out!("{}", json!({ "error": self.error }));
        }
        match format {
            LogFormat::Text => {
                err!("error: {}", printable(message));
                if !hint.is_empty() {
                    err!("  next: {}", printable(hint));
                }
            }
            LogFormat::Json => tracing::error!(target: TOLD, { error.code = code, hint }, "{message}"),
        }
        ExitCode::from(self.exit)
    }
}

impl From<engine::Refusal> for Refusal {
    fn from(refusal: engine::Refusal) -> Self {
        Self { error: refusal.error, exit: refusal.exit }
    }
}

impl From<engine::EngineError> for Refusal {
    fn from(error: engine::EngineError) -> Self {
        Self::internal(error.code(), engine::sentence(&error), error.hint())
    }
}
