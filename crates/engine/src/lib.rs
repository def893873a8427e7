//! Lease, run, gate, deliver: the driver that acts on what the pure functions decide.

mod again;
mod analysis;
mod answer_cache;
mod ask;
mod attest;
mod base;
mod baseline;
mod choose;
mod cleanup;
mod code_artifacts;
mod compact;
mod deliver;
mod desk;
pub mod document;
mod drive;
mod error;
mod evidence_of_run;
mod facts;
mod forecast;
mod journal;
mod judge;
pub mod ledger;
mod live;
mod merge;
pub mod model_pool;
mod offline;
mod outside;
mod past;
mod pictures;
pub mod progress;
mod project;
pub mod pull_request;
mod reading;
pub mod replay;
mod report;
pub mod routing;
pub mod serve;
mod service;
mod setup;
mod shared;
mod signing;
mod stop;
mod take;
mod team;
mod tool_call;
mod trees;
mod verify;
mod watch;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use again::{ForkRequest, LOCAL_PERSON, Point};
pub use ask::sentence;
pub use document::{Identity, RunDocument};
pub use error::{EngineError, Refusal};
pub use journal::pull_request_of;
pub use model_pool::ModelPool;
pub use pictures::{MAX_IMAGES, TaskPicture};
pub use progress::{Observer, Progress};
pub use pull_request::PullRequest;
pub use replay::Replay;
pub use service::{Created, ResumeRequest, Resumed, RunRequest};
pub use signing::public_key_path;
pub use stop::Stop;
pub use take::Onto;
pub use verify::{Finding, Verification, VerifyRequest, verify};

/// What runs are taken to their end with.
#[derive(Clone)]
pub struct Engine {
    /// Store, tenant, clock and randomness.
    pub desk: app::Desk,
    /// Where mirrors, workspaces and reports lie; absolute.
    pub data_dir: PathBuf,
    /// The machine as the caller sees it.
    pub host: Host,
    /// Keys and endpoints of models.
    pub models: models::Environment,
    /// What all runs of this process share of their models.
    pub pool: ModelPool,
    /// Randomness for the jitter of retries.
    pub random_u64: fn() -> u64,
}

impl Engine {
    /// The same engine on the rows of another organization.
    #[must_use]
    pub fn of(&self, tenant: domain::TenantId) -> Self {
        Self { desk: app::Desk { tenant, ..self.desk.clone() }, ..self.clone() }
    }
}

/// The machine as the caller sees it.
#[derive(Clone)]
pub struct Host {
    /// This program's own file, whose sub-command becomes a run's sandbox.
    pub launcher: PathBuf,
    /// The caller's environment. Commands see only what the sandbox lets through.
    pub variables: BTreeMap<String, String>,
}
