//! The run document of the contract: what every exit of `aamas run` prints.

use std::path::PathBuf;
use std::time::Duration;

use agents::{Attempt, View};
use domain::{
    Analysis, Ending, GateName, Hours, Plan, PullRequestId, RunError, RunId, RunState, Seat, TaskId, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::past::actual_effort;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDocument {
    /// The run.
    pub run_id: RunId,
    /// Its task.
    pub task_id: TaskId,
    /// How it ended or stands.
    pub status: RunState,
    /// The model, as `SPEC`.
    pub model: String,
    /// The delivered branch, without `refs/heads/`.
    pub branch: Option<String>,
    /// The commit that the work started from.
    pub base_commit: String,
    /// The commit on the branch.
    pub head_commit: Option<String>,
    /// The local pull request.
    pub pull_request: Option<PullRequestLine>,
    /// The gates' verdicts, in order.
    pub gates: Vec<GateLine>,
    /// What the models used.
    pub usage: UsageLine,
    /// Answered model calls.
    pub turns: u32,
    /// Time that processes spent on the run.
    pub duration_ms: u64,
    /// Level of the sandbox in force, such as `S2`; null before a workspace stood.
    pub sandbox: Option<String>,
    /// Path of the report.
    pub report: Option<PathBuf>,
    /// Path of the report with the evidence: a page of HTML that needs nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_html: Option<PathBuf>,
    /// Why it is not a success.
    pub error: Option<RunError>,
    /// The plan, where a planner made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanLine>,
    /// The attempts of a team, in the order in which they began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptLine>,
}

/// A plan in a run document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanLine {
    /// Summary, title, steps, effort and risks.
    #[serde(flatten)]
    pub plan: Plan,
    /// What the task was taken for, by facts.
    pub analysis: Analysis,
    /// What the models will cost: eight of ten such runs stay in it; null when prices are unknown.
    pub cost_usd: Option<Interval>,
    /// What they cost in the end, in decimal USD; only of a run that is finished and whose prices are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_cost_usd: Option<f64>,
    /// The time that the run took in the end; only of one that is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_effort_hours: Option<Hours>,
}

/// An amount before it is known, in decimal USD.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The low end.
    pub low: f64,
    /// The middle.
    pub middle: f64,
    /// The high end.
    pub high: f64,
}

/// One agent's try at a step, in a run document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptLine {
    /// Its number within the run.
    pub attempt: u32,
    /// Which chair.
    pub seat: Seat,
    /// The step.
    pub step: String,
    /// Its role file.
    pub role: String,
    /// Its model.
    pub model: String,
    /// Answered model calls.
    pub turns: u32,
    /// `working`, `waiting`, `done` or `given up`.
    pub state: String,
}

/// A pull request in a run document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PullRequestLine {
    /// Its id.
    pub id: PullRequestId,
    /// Its title.
    pub title: String,
    /// Where a person can read it: a `file:` address for a local one.
    pub url: String,
}

/// A gate in a run document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateLine {
    /// Its name.
    pub name: GateName,
    /// Its verdict.
    pub verdict: Verdict,
    /// One line for a person.
    pub summary: String,
}

/// Usage in a run document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UsageLine {
    /// Tokens of all prompts, cached ones included.
    pub input_tokens: u64,
    /// The cached part.
    pub cached_tokens: u64,
    /// Tokens of all answers.
    pub output_tokens: u64,
    /// Decimal USD; null when a price is unknown.
    pub cost_usd: Option<f64>,
}

/// What is known about a run beside its journal.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The run.
    pub run: RunId,
    /// Its task.
    pub task: TaskId,
}

impl RunDocument {
    /// The document of a run whose journal gives `view`.
    #[must_use]
    pub fn of(identity: &Identity, view: &View, state: RunState) -> Self {
        let delivered = view.delivery.as_ref().filter(|d| d.head_commit.is_some());
        let settings = view.settings.as_ref();
        Self {
            run_id: identity.run,
            task_id: identity.task,
            status: state,
            model: view.model.clone(),
            branch: delivered.map(|d| d.branch.clone()),
            base_commit: settings.map(|s| s.base_head.clone()).unwrap_or_default(),
            head_commit: delivered.and_then(|d| d.head_commit.clone()),
            pull_request: None,
            gates: view.judged.iter().flat_map(|j| &j.results).map(GateLine::of).collect(),
            usage: UsageLine {
                input_tokens: view.usage.input_tokens,
                cached_tokens: view.usage.cached_tokens,
                output_tokens: view.usage.output_tokens,
                cost_usd: view.cost.map(domain::NanoUsd::as_usd),
            },
            turns: view.turns,
            duration_ms: millis(view.active),
            sandbox: view.prepared().map(|p| p.sandbox.clone()),
            report: None,
            report_html: None,
            error: view.ended.as_ref().and_then(|e| e.error.clone()),
            plan: plan_line(view, state),
            attempts: if view.has_seat(Seat::Planner) || view.has_seat(Seat::Reviewer) {
                view.attempts.iter().map(AttemptLine::of).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// The exit code of the contract.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        exit_code(self.status, self.error.as_ref())
    }
}

fn plan_line(view: &View, state: RunState) -> Option<PlanLine> {
    let plan_only = view.settings.as_ref().is_some_and(|s| s.plan_only);
    let plan = if view.has_seat(Seat::Planner) {
        view.plan.clone()?
    } else {
        crate::analysis::plan_by_facts(view).filter(|_| plan_only)?
    };
    let analysis = view.analysis.clone().unwrap_or_default();
    let cost_usd = analysis.cost.map(|c| Interval {
        low: c.low.as_usd(),
        middle: c.middle.as_usd(),
        high: c.high.as_usd(),
    });
    // A plan alone is no work that an estimate could be held against.
    let finished = state.is_finished() && !plan_only;
    Some(PlanLine {
        plan,
        analysis,
        cost_usd,
        actual_cost_usd: view.cost.filter(|_| finished).map(domain::NanoUsd::as_usd),
        actual_effort_hours: finished.then(|| actual_effort(millis(view.active))),
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl AttemptLine {
    fn of(attempt: &Attempt) -> Self {
        let state = if attempt.gave_up.is_some() {
            "given up"
        } else if attempt.is_done() {
            "done"
        } else if attempt.question.is_some() || attempt.failure.is_some() {
            "waiting"
        } else {
            "working"
        };
        Self {
            attempt: attempt.number,
            seat: attempt.seat,
            step: attempt.step.clone(),
            role: attempt.role.clone(),
            model: attempt.model.clone(),
            turns: attempt.turns,
            state: state.to_owned(),
        }
    }
}

impl GateLine {
    fn of(result: &domain::GateResult) -> Self {
        Self { name: result.name, verdict: result.verdict, summary: result.summary.clone() }
    }
}

/// The exit code of an ending. Codes of models and providers are 6, those of wrong usage 2.
#[must_use]
pub fn exit_code(state: RunState, error: Option<&RunError>) -> u8 {
    match state {
        RunState::Ready | RunState::NoChange | RunState::Queued | RunState::Running => 0,
        RunState::GatesFailed => 3,
        RunState::LimitReached => 4,
        RunState::NeedsInput => 5,
        RunState::Canceled | RunState::Interrupted | RunState::Paused => 130,
        RunState::Failed => match error.map(|e| e.code.as_str()) {
            Some("model_not_configured" | "model_not_available" | "model_not_allowed" | "script_invalid") => {
                2
            }
            Some(code) if code.starts_with("model_") || code.starts_with("script_") => 6,
            _ => 1,
        },
    }
}

/// The ending of an error that is neither the model's nor the change's.
#[must_use]
pub fn failed(error: RunError) -> Ending {
    Ending { state: RunState::Failed, error: Some(error) }
}
