//! What a model reads back.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The outcome of a tool call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// What the model reads.
    pub text: String,
    /// Whether the call was refused or failed. A command that exits with another code than 0 did not.
    pub is_error: bool,
}

impl ToolResult {
    /// A call that was carried out.
    #[must_use]
    pub fn done(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: false }
    }

    /// A call that was refused, or failed.
    #[must_use]
    pub fn failed(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: true }
    }

    /// What a built-in answered. The answer came out of the sandbox and is not trusted to have the right form.
    #[must_use]
    pub fn from_builtin(answer: Result<Value, String>) -> Self {
        match answer {
            Ok(mut value) => match value.get_mut("text").map(Value::take) {
                Some(Value::String(text)) => Self::done(text),
                _ => Self::failed("The tool gave no text."),
            },
            Err(words) => Self::failed(words),
        }
    }
}
