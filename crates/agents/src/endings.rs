//! How a run ends or stands still, in words, and what an agent is told of a refusal.

use std::time::Duration;

use domain::{Ending, GateResult, NanoUsd, Plan, Review, RunError, RunState};

use crate::next::{MAX_GATE_ROUNDS, StopRequest};
use crate::view::Judged;

/// What of a refusal a person is shown, in characters.
const MAX_SHOWN: usize = 400;

/// What of a gate's reason the agent reads at most, in bytes.
const MAX_REASON_BYTES: usize = 6 * 1024;

/// A refusal in words that the agent can act on.
#[must_use]
pub fn refusal(judged: &Judged) -> String {
    let mut text = format!("The gates refused the change (round {} of {MAX_GATE_ROUNDS}):", judged.round);
    for gate in judged.results.iter().filter(|g| !g.lets_through()) {
        let reason = if gate.reason.is_empty() { &gate.summary } else { &gate.reason };
        let cut =
            (0..=reason.len().min(MAX_REASON_BYTES)).rev().find(|i| reason.is_char_boundary(*i)).unwrap_or(0);
        text.push_str(&format!(
            "\n\n## {} {}: {}\n{}",
            gate.name,
            gate.verdict,
            gate.summary,
            &reason[..cut]
        ));
    }
    text.push_str("\n\nMend it and call finish again.");
    text
}

pub(crate) fn stopped(stop: StopRequest) -> Ending {
    let (state, code, message, hint) = match stop {
        StopRequest::Interrupt => (
            RunState::Interrupted,
            "interrupted",
            "the run was interrupted at a safe point; nothing is lost",
            "go on with `aamas runs resume last`",
        ),
        StopRequest::Pause => (
            RunState::Paused,
            "paused",
            "the run was paused at a safe point; nothing is lost",
            "go on with `aamas runs resume last`",
        ),
        StopRequest::Cancel => {
            (RunState::Canceled, "canceled", "the run was canceled", "start a new one with `aamas run`")
        }
    };
    Ending { state, error: Some(RunError::new(code, message, hint)) }
}

fn limit(code: &str, message: String, flag: &str) -> RunError {
    RunError::new(
        code,
        message,
        format!("raise it with `aamas runs resume RUN {flag} …`, or give a smaller task"),
    )
}

pub(crate) fn turn_limit(turns: u32) -> RunError {
    limit("turn_limit", format!("the run used all of its {turns} turns"), "--max-turns")
}

pub(crate) fn stuck() -> RunError {
    stuck_at(None)
}

/// An agent that goes in circles, with the last refusal that it ran into.
pub(crate) fn stuck_at(refusal: Option<&str>) -> RunError {
    let mut message =
        "the agent goes in circles: the same calls with the same results, again and again".to_owned();
    if let Some(refusal) = refusal.filter(|r| !r.is_empty()) {
        let shown: String = refusal.chars().take(MAX_SHOWN).collect();
        message.push_str(&format!("; the last result was: {shown}"));
    }
    RunError::new(
        "stuck",
        message,
        "steer it with `aamas runs steer RUN \"…\"` and resume, or try another model",
    )
}

pub(crate) fn needs_answer(who: &str, question: &str) -> RunError {
    RunError::new(
        "question",
        format!("{who} asks: {question}"),
        "answer with `aamas runs answer RUN \"…\"`, then `aamas runs resume RUN`",
    )
}

pub(crate) fn needs_approval(files: &[String]) -> Ending {
    let error = RunError::new(
        "approval_required",
        format!("the change touches files that act outside the code or are protected: {}", files.join(", ")),
        "look at it with `aamas runs show RUN`, approve with `aamas runs answer RUN yes` and resume, or use --yes",
    );
    Ending { state: RunState::NeedsInput, error: Some(error) }
}

pub(crate) fn gates_failed(results: &[GateResult]) -> RunError {
    let names: Vec<_> =
        results.iter().filter(|g| !g.lets_through()).map(|g| format!("{} ({})", g.name, g.summary)).collect();
    RunError::new(
        "gates_failed",
        format!("gates refused the change: {}", names.join("; ")),
        "see `aamas runs show RUN`; the branch is kept, with its pull request as a draft",
    )
}

pub(crate) fn role_turns(role: &str, most: u32) -> RunError {
    RunError::new(
        "turn_limit",
        format!("the role {role} allows an attempt {most} turns, and they are used"),
        "raise max_turns in the role's file, or take another role",
    )
}

pub(crate) fn role_budget(role: &str, budget: NanoUsd) -> RunError {
    RunError::new(
        "budget_limit",
        format!("the role {role} allows an attempt {budget}, and it is spent"),
        "raise budget_usd in the role's file, or take another role",
    )
}

pub(crate) fn time_limit(timeout: Duration) -> RunError {
    limit("time_limit", format!("the run reached its time limit of {} s", timeout.as_secs()), "--timeout")
}

pub(crate) fn budget_limit(cost: NanoUsd, budget: NanoUsd) -> RunError {
    limit("budget_limit", format!("the run spent {cost} of its budget of {budget}"), "--budget-usd")
}

pub(crate) fn token_limit(tokens: u64, most: u64) -> RunError {
    RunError::new("token_limit", format!("the run used {tokens} tokens of {most}"), "give a smaller task")
}

pub(crate) fn needs_plan_approval(plan: Option<&Plan>) -> Ending {
    let steps = plan.map_or(0, |p| p.steps.len());
    let title = plan.map_or("", |p| p.title.as_str());
    let error = RunError::new(
        "plan_approval_required",
        format!("the plan waits for approval: {title} ({steps} steps)"),
        "read it with `aamas runs show RUN`; `aamas runs answer RUN yes` approves, `no` ends the run, and any other \
         words go to the planner; then `aamas runs resume RUN`",
    );
    Ending { state: RunState::NeedsInput, error: Some(error) }
}

pub(crate) fn plan_refused(review: &Review) -> RunError {
    RunError::new(
        "plan_not_approved",
        format!("the architecture agent does not approve the plan: {}", first_line(&review.summary)),
        "say how to go on with `aamas runs steer RUN \"…\"` and resume, or work --solo",
    )
}

pub(crate) fn not_approved(review: &Review) -> RunError {
    RunError::new(
        "review_not_approved",
        format!("the reviewer does not approve the change: {}", first_line(&review.summary)),
        "read the comments with `aamas runs show RUN`; the branch is kept, with its pull request as a draft",
    )
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("no reason given")
}
