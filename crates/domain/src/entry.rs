//! The entries of a run's journal: the one truth that every other view is a reading of.
//!
//! An operation has two entries: its intent, written before it begins, and its result. The result of one operation
//! and the intent of the next are one commit. An intent without a result is what a crash leaves behind; the
//! operation's [`EffectClass`] says what to do then.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    EffectClass, GateResult, Hours, NanoUsd, Plan, PullRequestId, Review, RunId, RunState, Seat, Timestamp,
    Usage,
};

/// What a run was asked, fixed when it becomes durable. Only limits may be raised later, by [`Entry::Resumed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Top level of the user's repository.
    pub repo: PathBuf,
    /// The task, as given.
    pub task: String,
    /// The model, as `SPEC` of the contract.
    pub model: String,
    /// Name of the role file that a single builder has.
    pub role: String,
    /// Names of the role files that steps of a plan may have; empty where nobody plans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The seats that are taken beside the builders'; none: one builder and the gates.
    #[serde(default)]
    pub team: Vec<Seat>,
    /// Builders that work side by side at most; 0 means the default.
    #[serde(default)]
    pub parallel: u32,
    /// Whether the run ends with its plan.
    #[serde(default)]
    pub plan_only: bool,
    /// Whether a person approves the plan before anything is written.
    #[serde(default)]
    pub plan_approval: bool,
    /// Builders that try the same work side by side; the best result is taken. 0 and 1 mean one.
    #[serde(default)]
    pub best_of: u32,
    /// Whether `model` was named by hand: then it stands for all seats.
    #[serde(default)]
    pub model_given: bool,
    /// Models by seat, in order of preference, where they differ from `model`.
    #[serde(default)]
    pub routes: BTreeMap<Seat, Vec<String>>,
    /// The same by the name of a role file, which is stronger than its seat.
    #[serde(default)]
    pub role_routes: BTreeMap<String, Vec<String>>,
    /// Models to fall back to, in order, when the one in force fails for good.
    #[serde(default)]
    pub fallback: Vec<String>,
    /// What this run follows.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Images of the task.
    #[serde(default)]
    pub images: Vec<TaskImage>,
    /// The commit that the work starts from (hex). With `include_dirty`, a commit of the dirty tree on top of it.
    pub base_commit: String,
    /// The commit of the user's repository that a delivered branch grows from (hex).
    pub base_head: String,
    /// The branch that the change should go into: the one that was named or checked out when the run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Bounds of the whole run.
    pub limits: RunLimits,
    /// Whether plans and changes to protected paths are approved beforehand.
    pub yes: bool,
    /// Warnings given before the start (dirty files, submodules, …), for the report.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What a run follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A follow-up on what a finished run delivered.
    Continues {
        /// The run.
        run: RunId,
        /// What agents should know of it: its task, what was done, and open comments on its pull request.
        words: String,
    },
    /// The same run up to an entry, and another way from there.
    Forked {
        /// The run.
        run: RunId,
        /// The last entry that both share.
        seq: u64,
        /// What that run follows.
        #[serde(default)]
        origin: Option<Box<Origin>>,
    },
    /// A public page, whose text is untrusted.
    Page {
        /// Its address.
        url: String,
        /// Its text.
        text: String,
    },
}

impl Origin {
    /// What a run follows, whatever it was forked from.
    #[must_use]
    pub fn first(&self) -> &Self {
        match self {
            Self::Forked { origin: Some(origin), .. } => origin.first(),
            other => other,
        }
    }
}

/// An image of a task, kept as an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskImage {
    /// Its name as given.
    pub name: String,
    /// Such as `image/png`.
    pub media_type: String,
    /// Its content address.
    pub object: String,
}

/// What a task was taken for before it began: by facts of the repository and its history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// `fix`, `feature`, `refactor`, `test`, `docs`, `chore`, …
    pub kind: String,
    /// The middle of what it will take.
    pub effort: Hours,
    /// Eight of ten such tasks take at least this, …
    pub effort_low: Hours,
    /// … and at most this.
    pub effort_high: Hours,
    /// What it would take by its scope alone, before anything was learned of earlier runs: a measure of its size.
    #[serde(default)]
    pub size: Hours,
    /// What an agent has to be good at, such as `python` or `frontend`.
    pub capabilities: Vec<String>,
    /// `low`, `medium` or `high`.
    pub risk: String,
    /// Why, one sentence each, with the facts.
    pub reasons: Vec<String>,
    /// What the models will cost, if their prices are known.
    #[serde(default)]
    pub cost: Option<CostForecast>,
}

/// What a run will cost: an interval that eight of ten runs stay in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostForecast {
    /// The low end.
    pub low: NanoUsd,
    /// The middle.
    pub middle: NanoUsd,
    /// The high end.
    pub high: NanoUsd,
    /// Finished runs that it was learned from.
    pub runs: u32,
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
    /// The planner's plan, checked.
    Planned(Box<Plan>),
    /// A verdict on a plan or a change.
    Reviewed(Box<Review>),
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
    /// What the task was taken for.
    Analyzed {
        /// By facts.
        analysis: Analysis,
    },
    /// An attempt begins: one agent's try at a step. The first entry of its branch.
    Begun {
        /// Its number within the run, from 1; the branch of its entries.
        attempt: u32,
        /// Which chair.
        seat: Seat,
        /// The step's id; `plan`, `architecture`, `review` for those seats, `build` without a plan.
        step: String,
        /// Which try at the step, from 1.
        number: u32,
        /// Name of its role file.
        role: String,
        /// Its model, as `SPEC`.
        model: String,
        /// The tree that it starts from (hex); empty for the base.
        tree: String,
        /// Why this agent, in words.
        why: String,
        /// Model calls that its role allows it; `None`: as many as the run has.
        #[serde(default)]
        max_turns: Option<u32>,
        /// What its role allows it to spend; `None`: as much as the run has.
        #[serde(default)]
        budget: Option<NanoUsd>,
    },
    /// The attempt's workspace stands.
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
        /// From 1, within the attempt.
        turn: u32,
        /// What the call may cost at most, held back from the budget; `None`: no budget or no price.
        #[serde(default)]
        reserved: Option<NanoUsd>,
        /// SHA-256 of what is sent (hex), for replay.
        #[serde(default)]
        request: String,
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
        /// The plan that the person put in the place of the one that waited, which approves it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<Box<Plan>>,
    },
    /// Another model takes the attempt over where the one before failed.
    FellBack {
        /// The model so far, as `SPEC`.
        from: String,
        /// The model from here on.
        to: String,
        /// Why.
        reason: String,
    },
    /// The conversation is about to be shortened.
    CompactIntended {
        /// The turn after which it is.
        turn: u32,
        /// Which compaction of the attempt, from 1.
        number: u32,
    },
    /// It was: the model goes on from `opening` and the turns after `folded`.
    Compacted {
        /// The last turn that is no longer in the prompt.
        folded: u32,
        /// The first message from here on: pinned facts, summary, index of what can be recalled.
        opening: String,
        /// Who wrote the summary: a model's name, or `code`.
        by: String,
        /// What the try used.
        usage: Usage,
        /// Its price; `None`: unknown.
        cost: Option<NanoUsd>,
        /// How it scored, and what was refused.
        #[serde(default)]
        score: serde_json::Value,
    },
    /// An outside agent is about to be prompted.
    AgentIntended {
        /// From 1, within the attempt.
        turn: u32,
        /// What it reads.
        prompt: String,
    },
    /// It did something: a tool call, or a request for permission with its answer.
    AgentActed {
        /// The turn.
        turn: u32,
        /// Its place within the turn, from 0.
        index: u32,
        /// The agent's own name of what it did.
        tool: String,
        /// What, bounded.
        text: String,
        /// Whether it failed or was refused.
        is_error: bool,
        /// The workspace afterwards (hex), when it changed.
        #[serde(default)]
        tree: Option<String>,
    },
    /// It ended its turn.
    AgentEnded {
        /// The turn.
        turn: u32,
        /// What it said last.
        summary: String,
        /// What its models used, as far as the broker saw.
        usage: Usage,
        /// The price; `None`: unknown.
        cost: Option<NanoUsd>,
        /// The workspace afterwards (hex), when it changed.
        tree: Option<String>,
        /// Why it did not end well, if so.
        #[serde(default)]
        error: Option<RunError>,
        /// In milliseconds.
        wall_ms: u64,
    },
    /// An attempt that had ended goes on: gates, a reviewer, a person or a conflict sent its work back.
    SentBack {
        /// The tree that it goes on from (hex); `None`: its own.
        tree: Option<String>,
        /// What it reads.
        text: String,
        /// Who sent it back: `gates`, `review`, `architecture`, `person`, `engine`.
        by: String,
    },
    /// An attempt is given up; its step may be planned anew.
    GaveUp {
        /// Why.
        error: RunError,
    },
    /// Results of steps became one tree.
    Merged {
        /// The steps, in the order in which they were merged.
        steps: Vec<String>,
        /// The tree (hex); with conflict markers where there are conflicts.
        tree: String,
        /// Paths in conflict, with the kind.
        conflicts: Vec<(String, String)>,
    },
    /// Of several tries at one step this one is taken.
    Chosen {
        /// The attempt.
        attempt: u32,
        /// Why, with the gates' verdicts of each.
        why: String,
    },
    /// What was spent on work that no longer counts.
    Spent {
        /// Tokens.
        usage: Usage,
        /// The price; `None`: unknown.
        cost: Option<NanoUsd>,
    },
    /// A person set the run back: what follows an entry no longer counts.
    Rewound {
        /// The last entry that counts.
        seq: u64,
    },
    /// The workspace was set back to its last snapshot, after a crash in the middle of a tool.
    Restored {
        /// The tree (hex).
        tree: String,
    },
    /// Gates are about to judge this tree.
    GatesIntended {
        /// From 1, anew after each change that passed.
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
            Self::Analyzed { .. } => "analyzed",
            Self::Begun { .. } => "begun",
            Self::Prepared { .. } => "prepared",
            Self::ModelIntended { .. } => "model_intended",
            Self::ModelAnswered { .. } => "model_answered",
            Self::ModelFailed { .. } => "model_failed",
            Self::ToolIntended { .. } => "tool_intended",
            Self::ToolFinished { .. } => "tool_finished",
            Self::Steered { .. } => "steered",
            Self::Answered { .. } => "answered",
            Self::FellBack { .. } => "fell_back",
            Self::CompactIntended { .. } => "compact_intended",
            Self::Compacted { .. } => "compacted",
            Self::AgentIntended { .. } => "agent_intended",
            Self::AgentActed { .. } => "agent_acted",
            Self::AgentEnded { .. } => "agent_ended",
            Self::SentBack { .. } => "sent_back",
            Self::GaveUp { .. } => "gave_up",
            Self::Merged { .. } => "merged",
            Self::Chosen { .. } => "chosen",
            Self::Spent { .. } => "spent",
            Self::Rewound { .. } => "rewound",
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

/// An entry in its place in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number within the run, from 1.
    pub seq: u64,
    /// The attempt that it belongs to; 0 for the run as a whole.
    pub attempt: u32,
    /// The clock when it was made.
    pub at: Timestamp,
    /// The entry.
    pub entry: Entry,
}
