//! What comes out of the work.

use domain::{TaskKind, TaskState};
use store::PullRequestState;

use crate::agents::{NO_RUN, run_basis};
use crate::facts::{Facts, TaskFact};
use crate::metric::Measured;
use crate::observation::{Observation, Reading, Source};
use crate::period::Period;

/// Commits for each day of the timeframe. A run that delivers writes exactly one commit to its branch, so runs with a
/// delivered commit are counted. Each point of the series is the number of commits in it.
pub(crate) fn commits(facts: &Facts, period: Period) -> Measured {
    let delivered = facts.runs.iter().filter(|run| run.delivered);
    Measured {
        reading: Reading::PerDay { days: period.timeframe.days() },
        observations: delivered.map(|run| Observation::one(run.at, Source::Run(run.id))).collect(),
        basis: run_basis(facts, period),
        missing: NO_RUN,
        note: None,
    }
}

/// Pull requests that were opened, drafts too.
pub(crate) fn opened(facts: &Facts, period: Period) -> Measured {
    let opened = facts.pull_requests.iter();
    Measured {
        reading: Reading::Sum,
        observations: opened.map(|pr| Observation::one(pr.opened, Source::PullRequest(pr.id))).collect(),
        basis: run_basis(facts, period),
        missing: NO_RUN,
        note: None,
    }
}

/// Completed tasks of a kind whose change was merged or applied, or waits for a review. A change that a person closed, or
/// that is a draft, is not delivered. The note says how many are in already.
pub(crate) fn delivered(facts: &Facts, period: Period, kind: TaskKind) -> Measured {
    let own = facts.tasks.iter().filter(|task| task.kind == Some(kind) && is_delivered(task));
    let own: Vec<&TaskFact> = own.collect();
    let now = || own.iter().filter(|task| period.now.has(task.at));
    let waiting = now().filter(|task| task.change == Some(PullRequestState::Open)).count();
    let note = (waiting > 0).then(|| {
        let merged = now().count() - waiting;
        format!("{merged} merged or applied, {waiting} waiting for a review")
    });
    Measured {
        reading: Reading::Sum,
        observations: own.iter().map(|task| Observation::one(task.at, Source::Task(task.id))).collect(),
        basis: run_basis(facts, period),
        missing: NO_RUN,
        note,
    }
}

fn is_delivered(task: &TaskFact) -> bool {
    use PullRequestState as S;
    task.state == TaskState::Completed && matches!(task.change, Some(S::Open | S::Merged | S::Applied))
}
