//! Workspaces, snapshots, isolation, egress broker, the git command line.

pub mod apply;
pub mod beneath;
pub mod broker;
mod capture;
pub mod checkout;
pub mod command;
pub mod contents;
pub mod delivery;
mod dependencies;
pub mod diff;
mod durable;
pub mod fetch;
pub mod filesystem;
mod git;
pub mod history;
mod identity;
pub mod large;
mod launcher;
pub mod layers;
mod level;
pub mod llama;
mod masks;
pub mod mirror;
pub mod objects;
pub mod plan;
pub mod probe;
pub mod repository;
pub mod restore;
pub mod reviewers;
pub mod scaffold;
mod session;
pub mod setup;
pub mod snapshot;
mod text_merge;
mod throwaway_git;
pub mod toolchains;
mod tree_diff;
pub mod tree_merge;
mod wire;
pub mod workspace;

pub use command::{Builtin, Builtins, Captured, Command, End, Exec, Limits, Output, Program, Stream};
pub use identity::{Identity, RESERVED_ID};
pub use launcher::run_launcher;
pub use level::Level;
pub use plan::{GitDir, Layered, MountPlan, View};

pub use probe::{Probe, ProbeRow};
pub use session::{
    Finished, Input, Interactive, MAX_TEXT_BYTES, Process, PutError, Session, SessionOptions, Stdout,
};

/// Why the sandbox itself failed. What a command did is never an error.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The machine can't give the minimum level; `missing` says what and `fix` how to get it.
    #[error("no sandbox of level {wanted} can be had here: {missing}")]
    Unavailable {
        /// The level asked for, such as `S2`.
        wanted: &'static str,
        /// What is missing.
        missing: String,
        /// What to do about it.
        fix: String,
    },
    /// The run's init went away; the call may be made again in a new session.
    #[error("the sandbox's init process ended while {doing}")]
    InitDied {
        /// What was under way.
        doing: String,
    },
    /// Something on the host failed.
    #[error("cannot {doing}")]
    Host {
        /// What was attempted, on what.
        doing: String,
        /// Why not.
        source: std::io::Error,
    },
    /// git refused something.
    #[error("git {command} failed: {message}")]
    Git {
        /// The sub-command and what it was about.
        command: String,
        /// git's own words, bounded.
        message: String,
    },
}

impl SandboxError {
    /// A host failure: `doing` says what was attempted, on what.
    pub fn host(doing: impl Into<String>, source: std::io::Error) -> Self {
        Self::Host { doing: doing.into(), source }
    }
}
