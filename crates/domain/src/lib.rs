//! Ids, units, money, state machines and the entries of the journal.
//!
//! Everything here is a value: no I/O, no async, no clock and no randomness of its own.

pub mod effect;
pub mod entry;
pub mod gate;
pub mod id;
pub mod money;
pub mod plan;
pub mod registry;
pub mod state;
pub mod taint;
pub mod time;
pub mod usage;

pub use effect::EffectClass;
pub use entry::{
    Analysis, Block, Closing, CostForecast, Ending, Entry, Origin, PlanItem, Recorded, RunError, RunLimits,
    RunSettings, TaskImage, ToolMeaning,
};
pub use gate::{GateName, GateResult, Verdict};
pub use id::{
    AgentId, ArtifactId, AttemptId, CommentId, CredentialId, EventId, IdError, OperationId, PolicyId,
    ProjectId, PullRequestId, ReceiptId, RunId, StepId, TaskId, TenantId, UserId, id_bytes,
};
pub use money::NanoUsd;
pub use plan::{
    Hours, MAX_STEPS, MERGE_STEP, Plan, PlanProblem, PlanStep, Review, ReviewComment, Seat, Severity,
};
pub use registry::{AgentKind, AgentState, OperationState, Priority, ProjectState, TaskKind};
pub use state::{
    AttemptEvent, AttemptState, IllegalTransition, RunEvent, RunState, StepEvent, StepState, TaskEvent,
    TaskState,
};
pub use taint::{Secret, Taint, Untrusted};
pub use time::{Clock, Timestamp};
pub use usage::Usage;
