//! Gates and their verdicts.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A gate, in the order in which gates run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateName {
    /// No test that passed on the base fails or vanishes; a fix turns a target green.
    Tests,
    /// The project builds as it did.
    Build,
    /// No new finding of the project's linter.
    Lint,
    /// No new file that the project's formatter would change.
    Format,
    /// No test deleted, weakened or newly skipped.
    TestsKept,
    /// No credential in an added line.
    Secrets,
    /// Nothing outside the repository, no binaries, invisible Unicode or conflict markers.
    Diff,
}

impl GateName {
    /// All gates, in their order.
    pub const ALL: [Self; 7] =
        [Self::Tests, Self::Build, Self::Lint, Self::Format, Self::TestsKept, Self::Secrets, Self::Diff];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Build => "build",
            Self::Lint => "lint",
            Self::Format => "format",
            Self::TestsKept => "tests_kept",
            Self::Secrets => "secrets",
            Self::Diff => "diff",
        }
    }
}

impl fmt::Display for GateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Checked, and good.
    Passed,
    /// Checked, and not good.
    Failed,
    /// There was nothing to check.
    Skipped,
    /// It could not be checked: a tool did not start.
    Error,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Error => "error",
        })
    }
}

/// One gate's verdict, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateResult {
    /// Which gate.
    pub name: GateName,
    /// What it says.
    pub verdict: Verdict,
    /// One line for a person.
    pub summary: String,
    /// What the agent can act on when the verdict is not `passed`: names, places, messages; bounded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Structured evidence (commands, exit codes, counts, test ids), for the report.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub evidence: serde_json::Value,
}

impl GateResult {
    /// Whether this gate lets the change through (`passed` and `skipped` do).
    #[must_use]
    pub fn lets_through(&self) -> bool {
        matches!(self.verdict, Verdict::Passed | Verdict::Skipped)
    }
}
