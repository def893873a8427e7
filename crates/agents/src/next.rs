//! The next operation, decided from the journal alone.

use std::time::Duration;

use domain::{Ending, GateResult, RunError, RunState};

use crate::stuck::Motion;
use crate::view::{Judged, View};

/// How often gates judge before a refusal is final: the first time, and after two more tries of the agent. Agents
/// that did not mend a refusal in two tries were not seen to mend it later.
pub const MAX_GATE_ROUNDS: u32 = 3;

/// What an agent is told when it begins to go in circles.
pub(crate) const REPEATING: &str =
    "Your last turns were the same calls with the same results. Do something different, or call finish.";

/// What of a gate's reason the agent reads at most, in bytes.
const MAX_REASON_BYTES: usize = 6 * 1024;

/// What a person or a signal wants of a running run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopRequest {
    /// Ctrl-C, or the machine going down.
    Interrupt,
    /// `runs pause`.
    Pause,
    /// `runs cancel`.
    Cancel,
}

/// What is not in the journal: who works, and what came from outside since the last operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// Whether the builder is the offline engine.
    pub offline: bool,
    /// Time since the last entry.
    pub since_last: Duration,
    /// A wish to stop.
    pub stop: Option<StopRequest>,
}

/// A branch to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The tree (hex).
    pub tree: String,
    /// Where the run ends after it.
    pub ending: Ending,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Make the workspace and the first message.
    Prepare,
    /// Set the workspace back to its last snapshot: a tool was under way when the process died.
    Restore {
        /// The tree (hex).
        tree: String,
    },
    /// Ask the model.
    CallModel {
        /// From 1.
        turn: u32,
    },
    /// Run one tool call of the last answer.
    RunTool {
        /// The turn that asked for it.
        turn: u32,
        /// Its place among the turn's calls.
        index: usize,
    },
    /// Let the offline engine search.
    Repair,
    /// Let the gates judge.
    Judge {
        /// From 1.
        round: u32,
        /// The tree (hex).
        tree: String,
    },
    /// Write the branch and the pull request.
    Deliver(Delivery),
    /// Finish a delivery that was begun.
    Redeliver,
    /// Stand still or end.
    End(Ending),
}

impl View {
    /// The next operation. Pure: the same entries and situation give the same answer.
    #[must_use]
    pub fn next(&self, now: Situation) -> Op {
        if let Some(delivery) = &self.delivery
            && delivery.head_commit.is_none()
        {
            return Op::Redeliver;
        }
        if let Some(delivery) = &self.delivery
            && self.ended.is_none()
            && delivery.tree == self.tree
            && delivery.ending.state == RunState::Ready
        {
            return Op::End(delivery.ending.clone());
        }
        if let Some(stop) = now.stop {
            return Op::End(stopped(stop));
        }
        if self.prepared.is_none() {
            return Op::Prepare;
        }
        if self.interrupted_call().is_some() {
            return Op::Restore { tree: self.tree.clone() };
        }
        if let Some(error) = &self.failure {
            return self.after_failure(error);
        }
        if let Some(question) = &self.question {
            return self.end_with_draft(RunState::NeedsInput, Some(needs_answer(question)));
        }
        if let Some(error) = self.limit_hit(now) {
            return self.end_with_draft(RunState::LimitReached, Some(error));
        }
        if now.offline { self.next_offline() } else { self.next_turn() }
    }

    fn next_offline(&self) -> Op {
        match &self.repaired {
            None => Op::Repair,
            Some((_, Some(error))) => {
                Op::End(Ending { state: RunState::NeedsInput, error: Some(error.clone()) })
            }
            Some((_, None)) => self.judge_or_deliver(),
        }
    }

    fn next_turn(&self) -> Op {
        if let Some(index) = self.next_call() {
            return Op::RunTool { turn: self.turns, index };
        }
        if self.finish.is_some() {
            return self.judge_or_deliver();
        }
        if self.circles.motion() == Motion::Stuck {
            return self.end_with_draft(RunState::LimitReached, Some(stuck()));
        }
        if self.turns >= self.limits.max_turns {
            return self.end_with_draft(RunState::LimitReached, Some(turn_limit(self.limits.max_turns)));
        }
        Op::CallModel { turn: self.turns + 1 }
    }

    /// The next call without a result; those that end the turn come after the others.
    fn next_call(&self) -> Option<usize> {
        let open = || self.calls.iter().enumerate().filter(|(_, c)| c.result.is_none());
        let ends = |name: &str| name == "finish" || name == "ask_human";
        open().find(|(_, c)| !ends(&c.name)).or_else(|| open().next()).map(|(index, _)| index)
    }

    /// A limit that must stop the run before its next operation. Turns are looked at only before a model call.
    fn limit_hit(&self, now: Situation) -> Option<RunError> {
        let tokens = self.usage.input_tokens + self.usage.output_tokens;
        if self.active + now.since_last >= self.limits.timeout {
            return Some(limit(
                "time_limit",
                format!("the run reached its time limit of {} s", self.limits.timeout.as_secs()),
                "--timeout",
            ));
        }
        if let (Some(budget), Some(cost)) = (self.limits.budget, self.cost)
            && cost >= budget
            && self.finish.is_none()
        {
            return Some(limit(
                "budget_limit",
                format!("the run spent {cost} of its budget of {budget}"),
                "--budget-usd",
            ));
        }
        (tokens >= self.limits.max_tokens && self.finish.is_none()).then(|| {
            RunError::new(
                "token_limit",
                format!("the run used {tokens} tokens of {}", self.limits.max_tokens),
                "give a smaller task",
            )
        })
    }

    fn judge_or_deliver(&self) -> Op {
        let Some(judged) = self.judged.as_ref().filter(|j| j.tree == self.tree && self.gates_open.is_none())
        else {
            let round = self.judged.as_ref().map_or(1, |j| j.round + 1);
            return Op::Judge { round, tree: self.tree.clone() };
        };
        if !judged.results.iter().all(GateResult::lets_through) {
            return self.end_with_draft(RunState::GatesFailed, Some(gates_failed(&judged.results)));
        }
        if !self.has_change() {
            return Op::End(Ending { state: RunState::NoChange, error: None });
        }
        if !judged.protected.is_empty() && !self.yes {
            match self.approved {
                Some(true) => {}
                Some(false) => return Op::End(stopped(StopRequest::Cancel)),
                None => return Op::End(needs_approval(&judged.protected)),
            }
        }
        Op::Deliver(Delivery {
            tree: self.tree.clone(),
            ending: Ending { state: RunState::Ready, error: None },
        })
    }

    /// A model that failed for good. When it failed on the way back from the gates with nothing new, their refusal
    /// is the run's result.
    fn after_failure(&self, error: &RunError) -> Op {
        let refused = self.judged.as_ref().filter(|j| j.tree == self.tree);
        if let Some(judged) = refused
            && error.code == "script_exhausted"
            && !judged.results.iter().all(GateResult::lets_through)
        {
            return self.end_with_draft(RunState::GatesFailed, Some(gates_failed(&judged.results)));
        }
        Op::End(Ending { state: RunState::Failed, error: Some(error.clone()) })
    }

    /// Ends, with a draft of what there is.
    fn end_with_draft(&self, state: RunState, error: Option<RunError>) -> Op {
        let ending = Ending { state, error };
        let delivered = self.delivery.as_ref().is_some_and(|d| d.tree == self.tree);
        let withheld = !self.yes && self.judged.as_ref().is_some_and(|j| !j.protected.is_empty());
        if !self.has_change() || delivered || withheld {
            return Op::End(ending);
        }
        Op::Deliver(Delivery { tree: self.tree.clone(), ending })
    }
}

/// Whether a refusal goes back to the agent: rounds are left, and it has not finished with the same tree again.
pub(crate) fn sends_back(judged: &Judged, before: Option<&Judged>) -> bool {
    let refused = !judged.results.iter().all(GateResult::lets_through);
    let moved = before.is_none_or(|b| b.tree != judged.tree);
    refused && moved && judged.round < MAX_GATE_ROUNDS
}

/// A refusal in words that the agent can act on.
pub(crate) fn refusal(judged: &Judged) -> String {
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

fn stopped(stop: StopRequest) -> Ending {
    let (state, code, message, hint) = match stop {
        StopRequest::Interrupt => (
            RunState::Interrupted,
            "interrupted",
            "the run was interrupted at a safe point; nothing is lost",
            "go on with `aamas runs resume`",
        ),
        StopRequest::Pause => (
            RunState::Paused,
            "paused",
            "the run was paused at a safe point; nothing is lost",
            "go on with `aamas runs resume`",
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

fn turn_limit(turns: u32) -> RunError {
    limit("turn_limit", format!("the run used all of its {turns} turns"), "--max-turns")
}

fn stuck() -> RunError {
    RunError::new(
        "stuck",
        "the agent goes in circles: the same calls with the same results, again and again",
        "steer it with `aamas runs steer RUN \"…\"` and resume, or try another model",
    )
}

fn needs_answer(question: &str) -> RunError {
    RunError::new(
        "question",
        format!("the agent asks: {question}"),
        "answer with `aamas runs answer RUN \"…\"`, then `aamas runs resume RUN`",
    )
}

fn needs_approval(files: &[String]) -> Ending {
    let error = RunError::new(
        "approval_required",
        format!("the change touches protected files: {}", files.join(", ")),
        "look at it with `aamas runs show RUN`, approve with `aamas runs answer RUN yes` and resume, or use --yes",
    );
    Ending { state: RunState::NeedsInput, error: Some(error) }
}

fn gates_failed(results: &[GateResult]) -> RunError {
    let names: Vec<_> =
        results.iter().filter(|g| !g.lets_through()).map(|g| format!("{} ({})", g.name, g.summary)).collect();
    RunError::new(
        "gates_failed",
        format!("gates refused the change: {}", names.join("; ")),
        "see `aamas runs show RUN`; the branch is kept, with its pull request as a draft",
    )
}
