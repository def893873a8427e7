//! The entries of a run's journal, as `domain` writes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Effect, GateResult, Plan, PullRequestId, RunId, RunStatus, Seat, Severity};
use crate::tasks::Problem;

/// One entry; `entry` says which.
#[derive(Serialize, Deserialize, ToSchema)]
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
        #[schema(value_type = Seat)]
        seat: String,
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
        /// Model calls that its role allows it; null: as many as the run has.
        #[serde(default)]
        max_turns: Option<u32>,
        /// What its role allows it to spend; null: as much as the run has; in nano-USD.
        #[serde(default)]
        budget: Option<i64>,
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
        /// What the call may cost at most, held back from the budget; null: no budget or no price; in nano-USD.
        #[serde(default)]
        reserved: Option<i64>,
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
        usage: TokenUsage,
        /// What failed tries before it used.
        #[serde(default)]
        wasted: TokenUsage,
        /// The price of both in nano-USD; null: unknown.
        #[schema(required)]
        cost: Option<i64>,
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
        error: Problem,
        /// What the tries used all the same.
        wasted: TokenUsage,
        /// The price of that; null: unknown; in nano-USD.
        #[schema(required)]
        cost: Option<i64>,
    },
    /// A tool is about to run.
    ToolIntended {
        /// The turn that asked for it.
        turn: u32,
        /// Its place among the turn's calls, from 0.
        index: u32,
        /// What it may do.
        #[schema(value_type = Effect)]
        effect: String,
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
        /// The plan that the person put in the place of the one that waited.
        #[serde(default)]
        plan: Option<Plan>,
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
        usage: TokenUsage,
        /// Its price; null: unknown; in nano-USD.
        #[schema(required)]
        cost: Option<i64>,
        /// How it scored, and what was refused.
        #[serde(default)]
        #[schema(value_type = Option<Object>)]
        score: Value,
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
        usage: TokenUsage,
        /// The price; null: unknown; in nano-USD.
        #[schema(required)]
        cost: Option<i64>,
        /// The workspace afterwards (hex), when it changed.
        #[schema(required)]
        tree: Option<String>,
        /// Why it did not end well, if so.
        #[serde(default)]
        error: Option<Problem>,
        /// In milliseconds.
        wall_ms: u64,
    },
    /// An attempt that had ended goes on: gates, a reviewer, a person or a conflict sent its work back.
    SentBack {
        /// The tree that it goes on from (hex); null: its own.
        #[schema(required)]
        tree: Option<String>,
        /// What it reads.
        text: String,
        /// Who sent it back: `gates`, `review`, `architecture`, `person`, `engine`.
        by: String,
    },
    /// An attempt is given up; its step may be planned anew.
    GaveUp {
        /// Why.
        error: Problem,
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
        usage: TokenUsage,
        /// The price; null: unknown; in nano-USD.
        #[schema(required)]
        cost: Option<i64>,
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
        #[schema(required)]
        tree: Option<String>,
        /// Why it found nothing, if so.
        #[serde(default)]
        error: Option<Problem>,
        /// What a pull request says, when something was found.
        #[serde(default)]
        closing: Closing,
        /// Figures of the search.
        #[serde(default)]
        #[schema(value_type = Option<Object>)]
        stats: Value,
    },
    /// The branch is about to be written. Keyed by branch name and expected old commit.
    DeliveryIntended {
        /// The tree (hex).
        tree: String,
        /// Name of the branch, without `refs/heads/`.
        branch: String,
        /// The commit's author and committer time: fixed here, so that a repeated delivery makes the same commit.
        #[schema(value_type = String, format = DateTime)]
        at: String,
        /// The commit that the branch has now, if it exists (hex).
        #[schema(required)]
        expected_old: Option<String>,
        /// Where the run will end after it.
        ending: Ending,
        /// The draft or ready pull request that will be opened or updated.
        #[schema(value_type = PullRequestId)]
        pull_request: String,
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

/// What a run was asked, fixed when it became durable.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RunSettings {
    /// Top level of the repository on the server.
    pub repo: String,
    /// The task, as given.
    pub task: String,
    /// The model.
    pub model: String,
    /// Name of the role file that a single builder has.
    pub role: String,
    /// Names of the role files that steps of a plan may have.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The seats that are taken beside the builders'; none: one builder and the gates.
    #[serde(default)]
    #[schema(value_type = Vec<Seat>)]
    pub team: Vec<String>,
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
    pub routes: BTreeMap<String, Vec<String>>,
    /// The same by the name of a role file, which is stronger than its seat.
    #[serde(default)]
    pub role_routes: BTreeMap<String, Vec<String>>,
    /// Models to fall back to, in order, when the one in force fails for good.
    #[serde(default)]
    pub fallback: Vec<String>,
    /// What this run follows.
    #[serde(default)]
    pub origin: Option<RunOrigin>,
    /// Images of the task.
    #[serde(default)]
    pub images: Vec<TaskImage>,
    /// The commit that the work starts from (hex).
    pub base_commit: String,
    /// The commit of the repository that a delivered branch grows from (hex).
    pub base_head: String,
    /// The branch that the change should go into.
    #[serde(default)]
    pub target: Option<String>,
    /// Bounds of the whole run.
    pub limits: RunLimits,
    /// Whether plans and changes to protected paths are approved beforehand.
    pub yes: bool,
    /// Warnings given before the start, for the report.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What a run follows.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOrigin {
    /// A follow-up on what a finished run delivered.
    Continues {
        /// The run.
        #[schema(value_type = RunId)]
        run: String,
        /// What agents should know of it.
        words: String,
    },
    /// The same run up to an entry, and another way from there.
    Forked {
        /// The run.
        #[schema(value_type = RunId)]
        run: String,
        /// The last entry that both share.
        seq: u64,
        /// What that run follows.
        #[serde(default)]
        #[schema(no_recursion)]
        origin: Option<Box<RunOrigin>>,
    },
    /// A public page, whose text is untrusted.
    Page {
        /// Its address.
        url: String,
        /// Its text.
        text: String,
    },
}

/// An image of a task, kept as an artifact.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct TaskImage {
    /// Its name as given.
    pub name: String,
    /// Such as `image/png`.
    pub media_type: String,
    /// Its content address.
    pub object: String,
}

/// What a task was taken for before it began: by facts of the repository and its history.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Analysis {
    /// `fix`, `feature`, `refactor`, `test`, `docs`, `chore`, …
    pub kind: String,
    /// The middle of what it will take, in hours.
    pub effort: f64,
    /// Eight of ten such tasks take at least this, …
    pub effort_low: f64,
    /// … and at most this.
    pub effort_high: f64,
    /// What it would take by its scope alone.
    #[serde(default)]
    pub size: f64,
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

/// What a run will cost in nano-USD: an interval that eight of ten runs stay in.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CostForecast {
    /// The low end.
    pub low: i64,
    /// The middle.
    pub middle: i64,
    /// The high end.
    pub high: i64,
    /// Finished runs that it was learned from.
    pub runs: u32,
}

/// Bounds of a whole run; each ends in `limit_reached`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RunLimits {
    /// Calls of models that were answered.
    pub max_turns: u32,
    /// Nano-USD; null: no limit.
    #[schema(required)]
    pub budget: Option<i64>,
    /// Tokens of all prompts and answers.
    pub max_tokens: u64,
    /// Time that processes spent on the run.
    pub timeout: Span,
}

/// A span of time.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Span {
    /// Whole seconds.
    pub secs: u64,
    /// And nanoseconds.
    pub nanos: u32,
}

/// A part of a model's answer.
#[derive(Serialize, Deserialize, ToSchema)]
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
    /// Reasoning, as the provider's own JSON.
    Reasoning(String),
}

/// A step of the builder's own list.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PlanItem {
    /// What is to be done.
    pub title: String,
    /// `pending`, `in_progress` or `completed`.
    pub status: String,
}

/// What `finish` said.
#[derive(Default, Serialize, Deserialize, ToSchema)]
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
#[derive(Default, Serialize, Deserialize, ToSchema)]
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
    Planned(Plan),
    /// A verdict on a plan or a change.
    Reviewed(Review),
}

/// What a reviewer says of a plan or a change.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// Whether it may go on as it is.
    pub approved: bool,
    /// Why.
    pub summary: String,
    /// Remarks.
    #[serde(default)]
    pub comments: Vec<LineComment>,
}

/// A remark of a reviewer on a line.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct LineComment {
    /// The file.
    pub path: String,
    /// The line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// The words.
    pub body: String,
    /// How bad.
    #[schema(value_type = Severity)]
    pub severity: String,
}

/// Tokens of one call or of many.
#[derive(Default, Serialize, Deserialize, ToSchema)]
pub struct TokenUsage {
    /// All tokens of the prompt, cached ones included.
    pub input_tokens: u64,
    /// The part of them that the provider read from its cache.
    pub cached_tokens: u64,
    /// The part of them that the provider wrote to its cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: u64,
    /// The part of them that the model thought with.
    #[serde(default)]
    pub reasoning_tokens: u64,
}

/// How a run ends or stands still.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Ending {
    /// The state.
    #[schema(value_type = RunStatus)]
    pub state: String,
    /// Why, when that is not a success.
    #[schema(required)]
    pub error: Option<Problem>,
}
