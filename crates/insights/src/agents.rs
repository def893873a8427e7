//! Agents at work.

use domain::{AgentState, RunState, TaskState};

use crate::facts::Facts;
use crate::metric::Measured;
use crate::observation::{Observation, Reading, Source};
use crate::period::{Period, Span};

/// Agents of the registry that worked in the timeframe: those that a run's task was given to which ended or stood still
/// in it, and those at work now. Counted once each, also in each point of the series.
pub(crate) fn active(facts: &Facts, period: Period) -> Measured {
    let of_runs = facts.runs.iter().filter_map(|run| {
        let at = if run.state == RunState::Running { period.now.to } else { run.at };
        Some(Observation::one(at, Source::Agent(run.agent?)))
    });
    let working = facts.agents.iter().filter(|agent| agent.state == AgentState::Working);
    let of_registry = working.map(|agent| Observation::one(period.now.to, Source::Agent(agent.id)));
    let registered = !facts.agents.is_empty();
    Measured {
        reading: Reading::Distinct,
        observations: of_runs.chain(of_registry).collect(),
        basis: (registered, registered && any_run(facts, period.before)),
        missing: "No agent is registered: the first project brings its agents.",
        note: None,
    }
}

/// Tasks that are completed, each at the moment when its last run ended. The number is of the day of UTC that has begun,
/// the number before of yesterday up to the same time; the series is of the timeframe.
pub(crate) fn completed(facts: &Facts, period: Period) -> Measured {
    let done = facts.tasks.iter().filter(|task| task.state == TaskState::Completed);
    Measured {
        reading: Reading::Sum,
        observations: done.map(|task| Observation::one(task.at, Source::Task(task.id))).collect(),
        basis: run_basis(facts, period),
        missing: NO_RUN,
        note: None,
    }
}

/// Seconds of a turn: the time that processes spent on runs (milliseconds) over the answers that models gave in them. Runs
/// without an answer have no turn to measure.
pub(crate) fn response_time(facts: &Facts) -> Measured {
    let timed = facts.runs.iter().filter(|run| run.turns > 0 && run.state != RunState::Running);
    let observations = timed.map(|run| Observation {
        at: run.at,
        source: Source::Run(run.id),
        part: i64::try_from(run.duration_ms).unwrap_or(i64::MAX),
        whole: run.turns,
    });
    Measured {
        reading: Reading::Ratio { scale: 1e-3 },
        observations: observations.collect(),
        basis: (false, false),
        missing: "No model answered in this timeframe: a run of a task fills this.",
        note: None,
    }
}

/// Runs that came to a result (`ready`, `no_change`) over those that ended by themselves (also `gates_failed`, `failed`,
/// `limit_reached`). What a person ended, holds or has to answer says nothing about agents.
pub(crate) fn success(facts: &Facts) -> Measured {
    use RunState as S;
    let ended = facts.runs.iter().filter_map(|run| {
        let part = match run.state {
            S::Ready | S::NoChange => 1,
            S::GatesFailed | S::Failed | S::LimitReached => 0,
            S::Queued | S::Running | S::Paused | S::Interrupted | S::NeedsInput | S::Canceled => return None,
        };
        Some(Observation { part, ..Observation::one(run.at, Source::Run(run.id)) })
    });
    Measured {
        reading: Reading::Ratio { scale: 100.0 },
        observations: ended.collect(),
        basis: (false, false),
        missing: NO_RUN,
        note: None,
    }
}

pub(crate) const NO_RUN: &str = "No run ended in this timeframe or the one before: a task fills this.";

/// Whether 0 is a fact: there were runs in the timeframe or the one before, and in the one before.
pub(crate) fn run_basis(facts: &Facts, period: Period) -> (bool, bool) {
    let before = any_run(facts, period.before);
    (before || any_run(facts, period.now), before)
}

fn any_run(facts: &Facts, span: Span) -> bool {
    facts.runs.iter().any(|run| span.has(run.at))
}
