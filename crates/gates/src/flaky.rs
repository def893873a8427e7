//! New failures are run again before they count.
//!
//! A test that passed on the base and fails on the head is run again alone, up to `flaky_reruns` times. If it passes
//! alone, all tests are run once more where that is short, because a test may fail in company only; what fails there
//! again is no flake. Tests that a cut-short run did not reach are run alone too, and count as found when they pass.

use std::collections::BTreeSet;

use sandbox::{Exec, SandboxError};

use crate::plan::Plan;
use crate::report::{TestId, TestReport};
use crate::run::{RunOptions, run_filtered};
use crate::verdict::{regressions, vanished};

/// More new failures than this are no flakes.
const MAX_SUSPECTS: usize = 20;
/// Suites that took longer than this are not run as a whole again.
const MAX_WHOLE_MS: u64 = 60_000;

/// The new failures of `head` that pass when they are run again.
///
/// # Errors
/// Only when the sandbox itself failed.
pub(crate) async fn flaky(
    exec: &impl Exec,
    plan: &Plan,
    base: &TestReport,
    head: &TestReport,
    reruns: u32,
    options: &RunOptions,
) -> Result<Vec<TestId>, SandboxError> {
    let failed = regressions(base, head, &[]);
    let unreached = if head.complete { Vec::new() } else { vanished(base, head, &[]) };
    // A whole suite that is gone (it does not compile, say) has not been interrupted.
    let something_ran = head.counts().passed > 0;
    let suspects: Vec<TestId> =
        failed.iter().chain(unreached.iter().filter(|_| something_ran)).cloned().collect();
    if suspects.is_empty() || suspects.len() > MAX_SUSPECTS || reruns == 0 {
        return Ok(Vec::new());
    }
    let mut passed: BTreeSet<TestId> = BTreeSet::new();
    for _ in 0..reruns {
        let left: Vec<String> =
            suspects.iter().filter(|id| !passed.contains(id)).map(|id| id.0.clone()).collect();
        if left.is_empty() || options.cancel.is_cancelled() {
            break;
        }
        for one in &left {
            let again = run_filtered(exec, plan, options, std::slice::from_ref(one)).await?;
            let id = TestId(one.clone());
            if again.passes(&id) {
                passed.insert(id);
            }
        }
    }
    if passed.is_empty() || head.duration_ms > MAX_WHOLE_MS || !head.complete {
        return Ok(passed.into_iter().collect());
    }
    let whole = run_filtered(exec, plan, options, &[]).await?;
    Ok(passed.into_iter().filter(|id| whole.passes(id)).collect())
}
