//! The gate `tests`: a pure function of two reports.

use domain::{GateName, GateResult, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::report::{SuiteOutcome, TestId, TestReport, TestStatus, render_failure};
use crate::text::{clip, plural};

/// Bytes of a reason that goes back to the agent.
pub const MAX_REASON: usize = 8_000;
/// Test ids listed one by one in evidence.
const MAX_LISTED: usize = 200;

/// How many of a fix's failing targets have to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetRule {
    /// One is enough.
    One,
    /// Every one, as for the offline repair.
    Every,
}

/// What the gate `tests` judges.
#[derive(Clone, Copy, Debug)]
pub struct TestsInput<'a> {
    /// The tests on the base.
    pub base: &'a TestReport,
    /// The tests with the change (the same report, when there is none).
    pub head: &'a TestReport,
    /// The task is a fix.
    pub is_fix: bool,
    /// The tests that the task is about, see [`crate::targets`].
    pub targets: &'a [TestId],
    /// How many of those that fail on the base have to pass.
    pub rule: TargetRule,
    /// New failures that passed when they were run again; they don't count.
    pub flaky: &'a [TestId],
}

/// Tests that passed on the base and fail (or can't be run) on the head, flaky ones left out.
#[must_use]
pub fn regressions(base: &TestReport, head: &TestReport, flaky: &[TestId]) -> Vec<TestId> {
    let fails = |id: &TestId| matches!(head.status(id), Some(TestStatus::Failed | TestStatus::Error));
    passed(base).filter(|id| fails(id) && !flaky.contains(id)).cloned().collect()
}

/// Tests that passed on the base and are not reported on the head.
#[must_use]
pub fn vanished(base: &TestReport, head: &TestReport, found_again: &[TestId]) -> Vec<TestId> {
    passed(base)
        .filter(|id| !head.has(id) && !head.passes(id) && !found_again.contains(id))
        .cloned()
        .collect()
}

fn passed(report: &TestReport) -> impl Iterator<Item = &TestId> {
    report.tests.iter().filter(|(_, s)| **s == TestStatus::Passed).map(|(id, _)| id)
}

/// Judges the tests.
#[must_use]
pub fn tests_verdict(input: &TestsInput<'_>) -> GateResult {
    let (base, head) = (input.base, input.head);
    let failed = regressions(base, head, input.flaky);
    let vanished = vanished(base, head, input.flaky);
    let open: Vec<&TestId> = input.targets.iter().filter(|id| fails_on(base, id)).collect();
    let solved = open.iter().filter(|id| head.passes(id)).count();
    let missed = input.is_fix && !open.is_empty() && !is_enough(input.rule, solved, open.len());
    let reason = Reason { input, failed: &failed, vanished: &vanished, open: &open, missed };
    let (verdict, summary) = judge(input, &failed, &vanished, missed, &open, solved);
    GateResult {
        name: GateName::Tests,
        verdict,
        summary,
        reason: if verdict == Verdict::Passed {
            String::new()
        } else {
            clip(reason.text().trim(), MAX_REASON)
        },
        evidence: evidence(input, &failed, &vanished, &open, solved),
    }
}

fn fails_on(report: &TestReport, id: &TestId) -> bool {
    matches!(report.status(id), Some(TestStatus::Failed | TestStatus::Error))
}

fn is_enough(rule: TargetRule, solved: usize, open: usize) -> bool {
    match rule {
        TargetRule::One => solved > 0,
        TargetRule::Every => solved == open,
    }
}

fn judge(
    input: &TestsInput<'_>,
    failed: &[TestId],
    vanished: &[TestId],
    missed: bool,
    open: &[&TestId],
    solved: usize,
) -> (Verdict, String) {
    let head = input.head;
    let not_started: Vec<String> =
        head.not_started().map(|(s, why)| format!("{} cannot start: {why}", s.label)).collect();
    let mut wrong = Vec::new();
    if !failed.is_empty() {
        wrong.push(format!(
            "{} that passed now {}",
            plural(failed.len(), "test"),
            if failed.len() == 1 { "fails" } else { "fail" }
        ));
    }
    if !vanished.is_empty() && not_started.is_empty() {
        wrong.push(format!(
            "{} that passed {} gone",
            plural(vanished.len(), "test"),
            if vanished.len() == 1 { "is" } else { "are" }
        ));
    }
    if missed && not_started.is_empty() {
        wrong.push(match input.rule {
            TargetRule::One => {
                format!("none of the {} to be fixed passes", plural(open.len(), "failing test"))
            }
            TargetRule::Every => format!(
                "{solved} of the {} to be fixed {}",
                plural(open.len(), "failing test"),
                if solved == 1 { "passes" } else { "pass" }
            ),
        });
    }
    if !wrong.is_empty() {
        return (Verdict::Failed, wrong.join("; "));
    }
    if !not_started.is_empty() {
        return (Verdict::Error, clip(&not_started.join("; "), 400));
    }
    let broken = head.suites.iter().find_map(|s| match &s.outcome {
        SuiteOutcome::Broken(why) if s.tests == 0 => Some((s, why)),
        _ => None,
    });
    let counts = head.counts();
    if let (Some((suite, why)), 0) = (broken, counts.passed) {
        let first = why.lines().next().unwrap_or_default();
        return (
            Verdict::Error,
            clip(&format!("{} gave no result, on the base as well: {first}", suite.label), 400),
        );
    }
    if head.tests.is_empty() {
        return (Verdict::Skipped, "no tests found: not proven by tests".to_owned());
    }
    if counts.passed == 0 {
        return (
            Verdict::Skipped,
            format!("not proven by tests: none passes, on the base or now ({counts})"),
        );
    }
    (Verdict::Passed, passed_summary(input, open, solved))
}

fn passed_summary(input: &TestsInput<'_>, open: &[&TestId], solved: usize) -> String {
    let mut summary = input.head.counts().to_string();
    if input.is_fix && !open.is_empty() {
        summary.push_str(&format!("; {solved} of {} fixed", plural(open.len(), "failing test")));
    }
    let new = input.head.failing().filter(|id| !input.base.has(id)).count();
    if new > 0 {
        summary.push_str(&format!(
            "; {} not on the base {}",
            plural(new, "test"),
            if new == 1 { "fails" } else { "fail" }
        ));
    }
    let old = input.head.failing().filter(|id| fails_on(input.base, id)).count();
    if old > 0 {
        summary.push_str(&format!("; {old} failed before as well"));
    }
    if !input.flaky.is_empty() {
        summary.push_str(&format!("; {} flaky", input.flaky.len()));
    }
    summary
}

/// The words that go back to the agent.
struct Reason<'a> {
    input: &'a TestsInput<'a>,
    failed: &'a [TestId],
    vanished: &'a [TestId],
    open: &'a [&'a TestId],
    missed: bool,
}

impl Reason<'_> {
    fn text(&self) -> String {
        let head = self.input.head;
        let mut text = String::new();
        for suite in &head.suites {
            match &suite.outcome {
                SuiteOutcome::Ran | SuiteOutcome::NoTests => {}
                SuiteOutcome::Broken(why) => {
                    text.push_str(&format!("{} did not end well: {}\n", suite.label, clip(why, 2_000)));
                    if let Some(id) = &suite.hung_in {
                        text.push_str(&format!("It was in {id}.\n"));
                    }
                }
                SuiteOutcome::CannotStart(why) => {
                    text.push_str(&format!("{} cannot start: {}\n", suite.label, clip(why, 1_000)));
                }
            }
        }
        self.failures(&mut text, "These tests passed before the change and fail now:", self.failed);
        if !self.vanished.is_empty() {
            text.push_str(
                "\nThese tests passed before the change and are gone (deleted, renamed or not loaded):\n",
            );
            text.push_str(&listed(self.vanished));
            let files: Vec<TestId> = head
                .failing()
                .filter(|id| id.rest().is_empty() && !self.failed.contains(id))
                .cloned()
                .collect();
            self.failures(&mut text, "Not loaded:", &files);
        }
        if self.missed {
            let open: Vec<TestId> =
                self.open.iter().filter(|id| !head.passes(id)).map(|id| (*id).clone()).collect();
            self.failures(
                &mut text,
                "These tests fail on the base, and the task is to make them pass:",
                &open,
            );
        }
        text
    }

    fn failures(&self, text: &mut String, title: &str, ids: &[TestId]) {
        if ids.is_empty() {
            return;
        }
        text.push_str(&format!("\n{title}\n"));
        for id in ids.iter().take(10) {
            match self.input.head.failure(id) {
                Some(failure) => text.push_str(&format!("{}\n", clip(&render_failure(failure), 1_500))),
                None => text.push_str(&format!("{id}\n")),
            }
        }
        if ids.len() > 10 {
            text.push_str(&format!("and {} more:\n{}", ids.len() - 10, listed(&ids[10..])));
        }
    }
}

fn listed(ids: &[TestId]) -> String {
    let mut text: String = ids.iter().take(30).map(|id| format!("- {id}\n")).collect();
    if ids.len() > 30 {
        text.push_str(&format!("- and {} more\n", ids.len() - 30));
    }
    text
}

fn evidence(
    input: &TestsInput<'_>,
    failed: &[TestId],
    vanished: &[TestId],
    open: &[&TestId],
    solved: usize,
) -> serde_json::Value {
    let commands: Vec<_> = input
        .head
        .suites
        .iter()
        .map(|s| json!({"suite": s.label, "command": s.command, "runner": s.runner, "end": s.end, "tests": s.tests, "outcome": s.outcome}))
        .collect();
    let fixed: Vec<&TestId> =
        input.base.failing().filter(|id| input.head.passes(id)).take(MAX_LISTED).collect();
    json!({
        "commands": commands,
        "base": input.base.counts(),
        "head": input.head.counts(),
        "complete": input.head.complete,
        "duration_ms": input.head.duration_ms,
        "is_fix": input.is_fix,
        "targets_failing_on_base": open.len(),
        "targets_fixed": solved,
        "targets": open.iter().take(MAX_LISTED).collect::<Vec<_>>(),
        "fixed": fixed,
        "regressions": &failed[..failed.len().min(MAX_LISTED)],
        "vanished": &vanished[..vanished.len().min(MAX_LISTED)],
        "flaky": input.flaky,
        "proven": input.head.counts().passed > 0,
    })
}

#[cfg(test)]
mod tests {
    use sandbox::End;

    use super::*;
    use crate::report::SuiteRun;

    fn report(tests: &[(&str, TestStatus)]) -> TestReport {
        let mut report = TestReport { complete: true, ..TestReport::default() };
        for (id, status) in tests {
            report.add(id, *status, "boo", (None, None));
        }
        report
    }

    fn with_suite(mut report: TestReport, outcome: SuiteOutcome) -> TestReport {
        let tests = report.tests.len();
        report.suites.push(SuiteRun {
            label: "pytest".into(),
            command: "pytest".into(),
            runner: String::new(),
            end: End::Exited(1),
            outcome,
            tests,
            hung_in: None,
            output: String::new(),
        });
        report
    }

    const P: TestStatus = TestStatus::Passed;
    const F: TestStatus = TestStatus::Failed;

    fn judged(base: &TestReport, head: &TestReport, task: &str, rule: TargetRule) -> (Verdict, String) {
        let targets = crate::targets(task, base, Some(head));
        let input =
            TestsInput { base, head, is_fix: crate::is_fix(task), targets: &targets, rule, flaky: &[] };
        let result = tests_verdict(&input);
        (result.verdict, result.summary)
    }

    fn check(base: &[(&str, TestStatus)], head: &[(&str, TestStatus)], task: &str, want: Verdict) {
        let (verdict, summary) = judged(&report(base), &report(head), task, TargetRule::One);
        assert_eq!(verdict, want, "{task}: {summary}");
    }

    #[test]
    fn what_passed_must_pass() {
        check(&[("a.py::t", P)], &[("a.py::t", P)], "Add x", Verdict::Passed);
        check(&[("a.py::t", P)], &[("a.py::t", F)], "Add x", Verdict::Failed);
        check(&[("a.py::t", P)], &[("a.py::t", TestStatus::Error)], "Add x", Verdict::Failed);
        check(&[("a.py::t", P), ("a.py::u", P)], &[("a.py::u", P)], "Add x", Verdict::Failed);
        check(&[("a.py::t", P), ("a.py::u", F)], &[("a.py::t", P), ("a.py::u", F)], "Add x", Verdict::Passed);
        check(&[("a.py::t", P)], &[("a.py::t", P), ("a.py::new", F)], "Add x", Verdict::Passed);
    }

    #[test]
    fn a_fix_turns_one_of_its_failing_targets_green() {
        let base = [("a.py::test_t", F), ("a.py::test_u", F), ("a.py::test_v", P)];
        let one = [("a.py::test_t", P), ("a.py::test_u", F), ("a.py::test_v", P)];
        check(&base, &one, "Fix the failing tests", Verdict::Passed);
        check(&base, &one, "Fix test_u", Verdict::Failed);
        check(&base, &one, "Fix test_t", Verdict::Passed);
        check(&base, &base, "Fix it", Verdict::Failed);
        check(&base, &base, "Add x", Verdict::Passed);
        // A named test that passes on the base sets no condition.
        check(&base, &base, "Fix test_v", Verdict::Passed);
        let every = judged(&report(&base), &report(&one), "Fix it", TargetRule::Every);
        assert_eq!(every, (Verdict::Failed, "1 of the 2 failing tests to be fixed passes".into()));
    }

    #[test]
    fn a_file_that_could_not_be_loaded_is_fixed_when_its_tests_pass() {
        let base = [("a.py", TestStatus::Error), ("b.py::t", P)];
        check(&base, &[("a.py::t", P), ("b.py::t", P)], "Fix the import", Verdict::Passed);
        check(&base, &[("b.py::t", P)], "Fix the import", Verdict::Failed);
        // A file that passed as a whole and now names its tests has not vanished.
        check(&[("a.js", P)], &[("a.js::t", P)], "Add tests", Verdict::Passed);
    }

    #[test]
    fn without_tests_nothing_is_proven() {
        assert_eq!(
            judged(&report(&[]), &report(&[]), "Fix it", TargetRule::One),
            (Verdict::Skipped, "no tests found: not proven by tests".into())
        );
    }

    #[test]
    fn a_tool_that_does_not_start_is_an_error() {
        let missing = || SuiteOutcome::CannotStart("no pytest".into());
        let (base, head) = (with_suite(report(&[]), missing()), with_suite(report(&[]), missing()));
        assert_eq!(
            judged(&base, &head, "Fix it", TargetRule::One),
            (Verdict::Error, "pytest cannot start: no pytest".into())
        );
        // Also when it did start on the base.
        let base = with_suite(report(&[("a.py::t", P)]), SuiteOutcome::Ran);
        assert_eq!(judged(&base, &head, "Add x", TargetRule::One).0, Verdict::Error);
        let broken = with_suite(report(&[]), SuiteOutcome::Broken("exit 4".into()));
        assert_eq!(judged(&broken, &broken, "Add x", TargetRule::One).0, Verdict::Error);
        assert_eq!(judged(&base, &broken, "Add x", TargetRule::One).0, Verdict::Failed);
    }

    #[test]
    fn the_reason_names_test_place_and_message() {
        let base = report(&[("a.py::t", P), ("a.py::u", P)]);
        let mut head = report(&[]);
        head.add("a.py::t", F, "assert 1 == 2", (Some("a.py".into()), Some(7)));
        let input = TestsInput {
            base: &base,
            head: &head,
            is_fix: false,
            targets: &[],
            rule: TargetRule::One,
            flaky: &[],
        };
        let result = tests_verdict(&input);
        assert_eq!(result.summary, "1 test that passed now fails; 1 test that passed is gone");
        assert_eq!(
            result.reason,
            "These tests passed before the change and fail now:\nFAILED a.py::t (a.py:7)\nassert 1 == 2\n\n\
             These tests passed before the change and are gone (deleted, renamed or not loaded):\n- a.py::u"
        );
    }
}
