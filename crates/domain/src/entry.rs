//! The entries of a run's journal: the one truth that every other view is a reading of.
//!
//! An operation has two entries: its intent, written before it begins, and its result. The result of one operation
//! and the intent of the next are one commit. An intent without a result is what a crash leaves behind; the
//! operation's [`EffectClass`] says what to do then.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{EffectClass, GateResult, NanoUsd, PullRequestId, RunState, Timestamp, Usage};

/// What a run was asked, fixed when it becomes durable. Only limits may be raised later, by [`Entry::Resumed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Top level of the user's repository.
    pub repo: PathBuf,
    /// The task, as given.
    pub task: String,
    /// The model, as `SPEC` of the contract.
    pub model: String,
    /// Name of the role file that the single builder has.
    pub role: String,
    /// The commit that the work starts from (hex). With `include_dirty`, a commit of the dirty tree on top of it.
    pub base_commit: String,
    /// The commit of the user's repository that a delivered branch grows from (hex).
    pub base_head: String,
    /// Bounds of the whole run.
    pub limits: RunLimits,
    /// Whether plans and changes to protected paths are approved beforehand.
    pub yes: bool,
    /// Warnings given before the start (dirty files, submodules, …), for the report.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Bounds of a whole run; each ends in `limit_reached`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLimits {
    /// Model calls that were answered.
    pub max_turns: u32,
    /// Money; `None`: no limit.
    pub budget: Option<NanoUsd>,
    /// Tokens of all prompts and answers.
    pub max_tokens: u64,
    /// Time that processes spent on the run.
    pub timeout: Duration,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self { max_turns: 100, budget: None, max_tokens: 20_000_000, timeout: Duration::from_secs(4 * 3600) }
    }
}

/// A part of a model's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// Words.
    Text(String),
    /// A tool to run.
    ToolCall {
        /// The provider's id of the call.
        id: String,
        /// The tool's name as the model wrote it.
        name: String,
        /// The arguments as the model wrote them: JSON if all is well.
        arguments: String,
    },
    /// Reasoning, as the provider's own JSON, sent back unchanged.
    Reasoning(String),
}

/// Why a run stands still or has ended, beside its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// A stable word, such as `model_not_configured`.
    pub code: String,
    /// What happened, on what.
    pub message: String,
    /// The next step.
    pub hint: String,
}

impl RunError {
    /// An error of this code; message and hint are sentences for a person.
    pub fn new(code: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), hint: hint.into() }
    }
}

/// A step of the builder's own list (`update_plan`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanItem {
    /// What is to be done.
    pub title: String,
    /// `pending`, `in_progress` or `completed`.
    pub status: String,
}

/// What `finish` said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// What was done, for the pull request.
    pub summary: String,
    /// Title of the pull request.
    #[serde(default)]
    pub title: Option<String>,
    /// What is left for later.
    #[serde(default)]
    pub follow_ups: Vec<String>,
}

/// What a tool call meant for the run, beyond its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolMeaning {
    /// Nothing but its result.
    #[default]
    Plain,
    /// The plan is now this.
    Plan(Vec<PlanItem>),
    /// A person is asked.
    Question(String),
    /// The builder says that it is done.
    Finish(Closing),
}

/// One entry. Stored as JSON beside its sequence number, time, attempt and taint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// The run is durable.
    Created {
        /// What was asked.
        settings: RunSettings,
    },
    /// A process took the run's lease and goes on.
    Resumed {
        /// The bounds from here on.
        limits: RunLimits,
        /// The model from here on.
        model: String,
        /// Approvals given beforehand from here on.
        yes: bool,
    },
    /// The workspace stands.
    Prepared {
        /// Tree of the base (hex).
        base_tree: String,
        /// Level of the sandbox in force, such as `S2`.
        sandbox: String,
        /// What dependencies and set-up the workspace has, in words.
        layers: Vec<String>,
        /// The role's prompt and the first message: what the model reads before its first turn.
        system: String,
        /// The first user message.
        opening: String,
    },
    /// A model is about to be called.
    ModelIntended {
        /// From 1, over the whole run.
        turn: u32,
    },
    /// It answered.
    ModelAnswered {
        /// The turn.
        turn: u32,
        /// The parts of the answer in order.
        blocks: Vec<Block>,
        /// What this answer used.
        usage: Usage,
        /// What failed tries before it used.
        #[serde(default)]
        wasted: Usage,
        /// The price of both; `None`: unknown.
        cost: Option<NanoUsd>,
        /// The model as the provider names it.
        model: String,
        /// From request to last byte, in milliseconds.
        wall_ms: u64,
    },
    /// It did not, for good.
    ModelFailed {
        /// The turn.
        turn: u32,
        /// Why.
        error: RunError,
        /// What the tries used all the same.
        wasted: Usage,
        /// The price of that; `None`: unknown.
        cost: Option<NanoUsd>,
    },
    /// A tool is about to run.
    ToolIntended {
        /// The turn that asked for it.
        turn: u32,
        /// Its place among the turn's calls, from 0.
        index: u32,
        /// What it may do.
        effect: EffectClass,
    },
    /// It ran, or was refused.
    ToolFinished {
        /// The turn that asked for it.
        turn: u32,
        /// Its place among the turn's calls.
        index: u32,
        /// What the model reads.
        text: String,
        /// Whether that is an error.
        is_error: bool,
        /// What it meant for the run.
        #[serde(default)]
        meaning: ToolMeaning,
        /// The workspace afterwards (hex), when it changed.
        #[serde(default)]
        tree: Option<String>,
        /// Full output kept as artifacts: name and content address.
        #[serde(default)]
        outputs: Vec<(String, String)>,
        /// In milliseconds.
        wall_ms: u64,
    },
    /// A person said something while the run was under way; the model reads it before its next turn.
    Steered {
        /// The words.
        text: String,
    },
    /// A person answered the open question.
    Answered {
        /// The words.
        text: String,
    },
    /// The workspace was set back to its last snapshot, after a crash in the middle of a tool.
    Restored {
        /// The tree (hex).
        tree: String,
    },
    /// Gates are about to judge this tree.
    GatesIntended {
        /// From 1.
        round: u32,
        /// The tree (hex).
        tree: String,
    },
    /// They judged.
    GatesJudged {
        /// The round.
        round: u32,
        /// The tree.
        tree: String,
        /// All of them, in order.
        results: Vec<GateResult>,
        /// Changed files that need a person's approval.
        #[serde(default)]
        protected: Vec<String>,
    },
    /// The offline engine is about to search.
    RepairIntended {},
    /// It ended.
    RepairEnded {
        /// What it found, in words; with the patch in `tree`.
        report: String,
        /// The workspace afterwards (hex), when it changed.
        tree: Option<String>,
        /// Why it found nothing, if so.
        #[serde(default)]
        error: Option<RunError>,
        /// What a pull request says, when something was found.
        #[serde(default)]
        closing: Closing,
        /// Figures of the search.
        #[serde(default)]
        stats: serde_json::Value,
    },
    /// The branch is about to be written. Keyed by branch name and expected old commit.
    DeliveryIntended {
        /// The tree (hex).
        tree: String,
        /// Name of the branch, without `refs/heads/`.
        branch: String,
        /// The commit's author and committer time: fixed here, so that a repeated delivery makes the same commit.
        at: Timestamp,
        /// The commit that the branch has now, if it exists (hex).
        expected_old: Option<String>,
        /// Where the run will end after it.
        ending: Ending,
        /// The draft or ready pull request that will be opened or updated.
        pull_request: PullRequestId,
    },
    /// The branch has this commit, and the pull request exists.
    Delivered {
        /// The commit (hex).
        head_commit: String,
        /// The branch.
        branch: String,
    },
    /// The run stands still or has ended.
    Ended {
        /// How.
        ending: Ending,
    },
}

/// How a run ends or stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The state.
    pub state: RunState,
    /// Why, when that is not a success.
    pub error: Option<RunError>,
}

impl Entry {
    /// The word in the store's `kind` column.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Resumed { .. } => "resumed",
            Self::Prepared { .. } => "prepared",
            Self::ModelIntended { .. } => "model_intended",
            Self::ModelAnswered { .. } => "model_answered",
            Self::ModelFailed { .. } => "model_failed",
            Self::ToolIntended { .. } => "tool_intended",
            Self::ToolFinished { .. } => "tool_finished",
            Self::Steered { .. } => "steered",
            Self::Answered { .. } => "answered",
            Self::Restored { .. } => "restored",
            Self::GatesIntended { .. } => "gates_intended",
            Self::GatesJudged { .. } => "gates_judged",
            Self::RepairIntended {} => "repair_intended",
            Self::RepairEnded { .. } => "repair_ended",
            Self::DeliveryIntended { .. } => "delivery_intended",
            Self::Delivered { .. } => "delivered",
            Self::Ended { .. } => "ended",
        }
    }
}
