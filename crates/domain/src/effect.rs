//! What a tool does to the world, which decides how it is treated after a crash.

use serde::{Deserialize, Serialize};

/// The class that each tool declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectClass {
    /// Reads only: a lost result is computed again.
    Pure,
    /// Changes the workspace only: set it back to the last snapshot and run again.
    Workspace,
    /// Changes something outside, under an idempotency key: ask, then retry under the same key.
    Keyed,
    /// Changes something outside that can't be asked about: a person decides.
    Unknown,
}
