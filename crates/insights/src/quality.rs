//! How good the work is.

use domain::{RunState, Verdict};

use crate::facts::Facts;
use crate::metric::Measured;
use crate::observation::{Observation, Reading, Source};

/// The mean quality of the files that runs wrote, in percent: the sum of their measured scores over their number. What was
/// not measured doesn't count. How a file is scored is said where that is done (`engine::code_artifacts`).
pub(crate) fn code(facts: &Facts) -> Measured {
    let scored = facts.artifacts.iter().map(|of| Observation {
        at: of.at,
        source: Source::Run(of.run),
        part: of.quality_sum,
        whole: of.files,
    });
    measured(
        Reading::Ratio { scale: 0.1 },
        scored.collect(),
        "No file was measured in this timeframe: a delivered change of a project fills this.",
    )
}

/// Changed lines that tests ran over changed lines that could run, of the pull requests that were opened: the evidence of
/// their gate `tests`.
pub(crate) fn coverage(facts: &Facts) -> Measured {
    let covered = facts.pull_requests.iter().filter_map(|pr| {
        let (covered, executable) = pr.coverage?;
        let part = i64::try_from(covered).unwrap_or(i64::MAX);
        Some(Observation { at: pr.opened, source: Source::PullRequest(pr.id), part, whole: executable })
    });
    measured(
        Reading::Ratio { scale: 100.0 },
        covered.filter(|o| o.whole > 0).collect(),
        "No change was measured by its tests in this timeframe: a pull request of a repository whose test runner measures coverage fills this.",
    )
}

/// Findings of linters and formatters that changes bring, for each hundred lines that they change: the evidence of the gates
/// `lint` and `format` of the pull requests that were opened (at most a hundred findings each are kept).
///
/// The technical debt ratio of SQALE (J.-L. Letouzey, "The SQALE method for evaluating technical debt", 2012) divides what
/// it would cost to mend all findings by what it cost to write the code. Neither cost is measured here; this is the
/// same ratio with findings for the first and changed lines for the second, and only of what agents changed.
pub(crate) fn debt(facts: &Facts) -> Measured {
    let found = facts.pull_requests.iter().filter(|pr| pr.changed_lines > 0).filter_map(|pr| {
        let part = i64::try_from(pr.new_findings?).unwrap_or(i64::MAX);
        let source = Source::PullRequest(pr.id);
        Some(Observation { at: pr.opened, source, part, whole: pr.changed_lines })
    });
    measured(
        Reading::Ratio { scale: 100.0 },
        found.collect(),
        "No linter or formatter judged a change in this timeframe: a pull request of a repository that configures one fills this.",
    )
}

/// Runs whose gate `secrets` passed over those in which it passed or failed, in percent. Each finding weighs the same: no
/// severity is stored.
pub(crate) fn security(facts: &Facts) -> Measured {
    let judged = facts.runs.iter().filter(|run| run.state != RunState::Running).filter_map(|run| {
        let part = match run.secrets? {
            Verdict::Passed => 1,
            Verdict::Failed => 0,
            Verdict::Skipped | Verdict::Error => return None,
        };
        Some(Observation { part, ..Observation::one(run.at, Source::Run(run.id)) })
    });
    measured(
        Reading::Ratio { scale: 100.0 },
        judged.collect(),
        "No change was searched for credentials in this timeframe: a run that reaches its gates fills this.",
    )
}

fn measured(reading: Reading, observations: Vec<Observation>, missing: &'static str) -> Measured {
    Measured { reading, observations, basis: (false, false), missing, note: None }
}
