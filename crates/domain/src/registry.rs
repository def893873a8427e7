//! The words of projects, tasks, agents and operations.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::state::words;

/// How soon a task should be done. Higher ones are begun first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// When nothing else waits.
    Low,
    /// As things come.
    #[default]
    Medium,
    /// Before what is medium.
    High,
    /// Before everything else.
    Critical,
}

words!(Priority { Low = "low", Medium = "medium", High = "high", Critical = "critical" });

impl Priority {
    /// Its place in the order, 0 to 3, as stored.
    #[must_use]
    pub fn rank(self) -> i64 {
        self as i64
    }

    /// The priority with this rank; what is beyond the ends counts as the end.
    #[must_use]
    pub fn of_rank(rank: i64) -> Self {
        Self::ALL[usize::try_from(rank.clamp(0, 3)).unwrap_or(1)]
    }
}

/// What sort of work a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskKind {
    /// Something new.
    Feature,
    /// Something that is wrong.
    Fix,
    /// The same, better built.
    Refactor,
    /// Tests alone.
    Test,
    /// Documentation alone.
    Docs,
    /// Everything else: dependencies, configuration, releases.
    Chore,
}

words!(TaskKind {
    Feature = "feature",
    Fix = "fix",
    Refactor = "refactor",
    Test = "test",
    Docs = "docs",
    Chore = "chore",
});

/// What an agent is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentKind {
    /// Plans, weighs risks, watches over quality.
    TechnicalLead,
    /// Judges plans and changes by the design.
    Architecture,
    /// Builds.
    Developer,
    /// Reviews.
    Reviewer,
}

words!(AgentKind {
    TechnicalLead = "technical_lead",
    Architecture = "architecture",
    Developer = "developer",
    Reviewer = "reviewer",
});

/// What an agent is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentState {
    /// Ready for work.
    Idle,
    /// At work.
    Working,
    /// Its heartbeat stopped.
    Offline,
    /// Taken out by a person; gets no more work.
    Retired,
}

words!(AgentState { Idle = "idle", Working = "working", Offline = "offline", Retired = "retired" });

/// How far a project is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProjectState {
    /// Its repository is being brought in and its environment made.
    Preparing,
    /// Tasks can be done.
    Active,
    /// Its repository or environment can't be had; its detail says why.
    Failed,
    /// Put away by a person.
    Archived,
}

words!(ProjectState { Preparing = "preparing", Active = "active", Failed = "failed", Archived = "archived" });

/// How far an operation is that the engine was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationState {
    /// Nobody has begun it.
    Queued,
    /// An engine works on it.
    Running,
    /// It came to its result.
    Done,
    /// It came to an error.
    Failed,
}

words!(OperationState { Queued = "queued", Running = "running", Done = "done", Failed = "failed" });
