//! The document of a run, as `engine` writes it and `aamas run --json` prints it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Analysis, GateName, GateVerdict, Plan, PullRequestId, RunId, RunStatus, Seat, TaskId};
use crate::tasks::Problem;

/// What a run came to.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RunDocument {
    /// The run.
    #[schema(value_type = RunId)]
    pub run_id: String,
    /// Its task.
    #[schema(value_type = TaskId)]
    pub task_id: String,
    /// How it ended or stands.
    #[schema(value_type = RunStatus)]
    pub status: String,
    /// The model.
    pub model: String,
    /// The delivered branch.
    #[schema(required)]
    pub branch: Option<String>,
    /// The commit that the work started from.
    pub base_commit: String,
    /// The commit on the branch.
    #[schema(required)]
    pub head_commit: Option<String>,
    /// The local pull request.
    #[schema(required)]
    pub pull_request: Option<PullRequestLine>,
    /// What the gates said, in order.
    pub gates: Vec<GateResult>,
    /// What the models used.
    pub usage: UsageLine,
    /// Answered calls of models.
    pub turns: u32,
    /// Milliseconds that processes spent on the run.
    pub duration_ms: u64,
    /// Level of the sandbox in force, such as `S2`; null before a workspace stood.
    #[schema(required)]
    pub sandbox: Option<String>,
    /// Where the report lies on the server.
    #[schema(required)]
    pub report: Option<String>,
    /// Where the report with the evidence lies: a page of HTML that needs nothing else.
    pub report_html: Option<String>,
    /// Why it is not a success.
    #[schema(required)]
    pub error: Option<Problem>,
    /// The plan, where a planner made one.
    pub plan: Option<PlanLine>,
    /// The attempts of a team, in the order in which they began.
    #[serde(default)]
    pub attempts: Vec<AttemptLine>,
}

/// A plan with what it was made from.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PlanLine {
    /// Summary, title, steps, effort and risks.
    #[serde(flatten)]
    pub plan: Plan,
    /// What the task was taken for, by facts.
    pub analysis: Analysis,
    /// What the models will cost: eight of ten such runs stay in it; null when prices are unknown.
    #[schema(required)]
    pub cost_usd: Option<Dollars>,
    /// What they cost in the end; only of a finished run whose prices are known.
    pub actual_cost_usd: Option<f64>,
    /// Hours that the run took in the end; only of a finished one.
    pub actual_effort_hours: Option<f64>,
}

/// An amount before it is known, in US dollars.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Dollars {
    /// The low end.
    pub low: f64,
    /// The middle.
    pub middle: f64,
    /// The high end.
    pub high: f64,
}

/// One agent's try at a step.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AttemptLine {
    /// Its number within the run.
    pub attempt: u32,
    /// Which chair.
    #[schema(value_type = Seat)]
    pub seat: String,
    /// The step.
    pub step: String,
    /// Its role file.
    pub role: String,
    /// Its model.
    pub model: String,
    /// Answered calls of models.
    pub turns: u32,
    /// `working`, `waiting`, `done` or `given up`.
    pub state: String,
}

/// A pull request in a document.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PullRequestLine {
    /// Its id.
    #[schema(value_type = PullRequestId)]
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where a person can read it: a `file:` address for a local one.
    pub url: String,
}

/// What a gate said.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct GateResult {
    /// Which.
    #[schema(value_type = GateName)]
    pub name: String,
    /// What it says.
    #[schema(value_type = GateVerdict)]
    pub verdict: String,
    /// One line for a person.
    pub summary: String,
    /// What an agent can act on when the verdict is not `passed`: names, places, messages. Not in documents of runs.
    #[serde(default)]
    pub reason: String,
    /// Commands, exit codes, counts, names of tests. Not in documents of runs.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub evidence: Value,
}

/// What models used.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct UsageLine {
    /// Tokens of all prompts, cached ones included.
    pub input_tokens: u64,
    /// The cached part.
    pub cached_tokens: u64,
    /// Tokens of all answers.
    pub output_tokens: u64,
    /// US dollars; null when a price is unknown.
    #[schema(required)]
    pub cost_usd: Option<f64>,
}
