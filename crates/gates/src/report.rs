//! What a run of the tests came to, test by test.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use sandbox::End;
use serde::{Deserialize, Serialize};

/// A report holds at most this many tests (the largest suite seen had 60,000); the rest is counted.
pub const MAX_TESTS: usize = 200_000;
/// Failures are described for at most this many tests.
pub const MAX_FAILURES: usize = 300;
/// Bytes of one failure's message that are kept.
pub const MAX_MESSAGE: usize = 2_500;

/// The name of a test: `path::names`, with the path relative to the repository's root, whatever the runner. A name
/// that occurs again in the same run gets `#2`, `#3`, ….
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TestId(pub String);

impl TestId {
    /// The part in front of the first `::`: a file, for all runners that know one.
    #[must_use]
    pub fn file(&self) -> &str {
        self.0.split_once("::").map_or(self.0.as_str(), |(file, _)| file)
    }

    /// What follows the file; empty when the id is a whole file.
    #[must_use]
    pub fn rest(&self) -> &str {
        self.0.split_once("::").map_or("", |(_, rest)| rest)
    }

    /// The last name, without parameters.
    #[must_use]
    pub fn last(&self) -> &str {
        let rest = self.rest();
        let rest = rest.split_once('[').map_or(rest, |(name, _)| name);
        rest.rsplit("::").next().unwrap_or(rest).rsplit(" > ").next().unwrap_or(rest)
    }
}

impl fmt::Display for TestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestStatus {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It was skipped, is to be done, or fails as its author expects.
    Skipped,
    /// It could not be run: an import, a fixture or the compiler failed.
    Error,
}

/// Why a test did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestFailure {
    /// The test.
    pub id: TestId,
    /// The runner's words, bounded.
    pub message: String,
    /// The place in the repository where it happened, if known.
    pub file: Option<String>,
    /// Its line, from 1.
    pub line: Option<u32>,
}

/// One runner's part of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteRun {
    /// The suite's label, such as `pytest` or `jest in web`.
    pub label: String,
    /// What was run.
    pub command: String,
    /// The runner in its own words, such as `pytest 8.3.4`, if it said so.
    pub runner: String,
    /// How the command ended.
    pub end: End,
    /// What it came to.
    pub outcome: SuiteOutcome,
    /// Tests that were reported.
    pub tests: usize,
    /// The test that was under way when a time limit or a crash ended the run, if known.
    pub hung_in: Option<TestId>,
    /// The end of what it printed, bounded.
    pub output: String,
}

/// Whether a runner did its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuiteOutcome {
    /// It ran to its end.
    Ran,
    /// It ran and found no tests.
    NoTests,
    /// It began and was cut short: a time limit, a crash, a compile error.
    Broken(String),
    /// The tool is not there or does not start.
    CannotStart(String),
}

/// The results of all suites of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// The runners.
    pub suites: Vec<SuiteRun>,
    /// Every test with its status.
    pub tests: BTreeMap<TestId, TestStatus>,
    /// Why tests did not pass.
    pub failures: Vec<TestFailure>,
    /// Every suite ran to its end.
    pub complete: bool,
    /// Wall-clock time of all commands together, in milliseconds.
    pub duration_ms: u64,
}

/// How many tests have which status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped.
    pub skipped: usize,
    /// Could not be run.
    pub errors: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed", self.passed)?;
        for (count, word) in [(self.failed, "failed"), (self.errors, "errors"), (self.skipped, "skipped")] {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        Ok(())
    }
}

impl TestReport {
    /// How many tests have which status.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for status in self.tests.values() {
            *match status {
                TestStatus::Passed => &mut counts.passed,
                TestStatus::Failed => &mut counts.failed,
                TestStatus::Skipped => &mut counts.skipped,
                TestStatus::Error => &mut counts.errors,
            } += 1;
        }
        counts
    }

    /// Tests that failed or could not be run.
    pub fn failing(&self) -> impl Iterator<Item = &TestId> {
        self.tests
            .iter()
            .filter(|(_, s)| matches!(s, TestStatus::Failed | TestStatus::Error))
            .map(|(id, _)| id)
    }

    /// The status of a test, if it was reported.
    #[must_use]
    pub fn status(&self, id: &TestId) -> Option<TestStatus> {
        self.tests.get(id).copied()
    }

    /// Whether this test passes here. A whole file (or suite) that could not be loaded elsewhere passes when it was
    /// loaded here and at least one test in it passes.
    #[must_use]
    pub fn passes(&self, id: &TestId) -> bool {
        match self.status(id) {
            Some(status) => status == TestStatus::Passed,
            None if id.rest().is_empty() => {
                self.below(id).any(|(_, s)| s == TestStatus::Passed)
                    || self
                        .suites
                        .iter()
                        .any(|s| s.label == id.0 && s.outcome == SuiteOutcome::Ran && s.tests > 0)
            }
            None => false,
        }
    }

    /// Whether this test, or for a whole file any test in it, was reported.
    #[must_use]
    pub fn has(&self, id: &TestId) -> bool {
        self.tests.contains_key(id) || (id.rest().is_empty() && self.below(id).next().is_some())
    }

    /// The tests of a file.
    fn below<'a>(&'a self, file: &'a TestId) -> impl Iterator<Item = (&'a TestId, TestStatus)> {
        self.tests
            .range(TestId(format!("{}::", file.0))..)
            .take_while(move |(id, _)| id.file() == file.0)
            .map(|(id, s)| (id, *s))
    }

    /// Why this test did not pass.
    #[must_use]
    pub fn failure(&self, id: &TestId) -> Option<&TestFailure> {
        self.failures.iter().find(|f| f.id == *id)
    }

    /// Suites whose tool is not there, with the reason.
    pub fn not_started(&self) -> impl Iterator<Item = (&SuiteRun, &str)> {
        self.suites.iter().filter_map(|s| match &s.outcome {
            SuiteOutcome::CannotStart(why) => Some((s, why.as_str())),
            SuiteOutcome::Ran | SuiteOutcome::NoTests | SuiteOutcome::Broken(_) => None,
        })
    }

    /// Adds one result; a name that is there already gets a number.
    pub(crate) fn add(
        &mut self,
        id: &str,
        status: TestStatus,
        message: &str,
        place: (Option<String>, Option<u32>),
    ) {
        if self.tests.len() >= MAX_TESTS {
            return;
        }
        let plain = stable(id);
        let mut id = TestId(plain.clone());
        let mut number = 2;
        while self.tests.contains_key(&id) {
            id = TestId(format!("{plain} #{number}"));
            number += 1;
        }
        if matches!(status, TestStatus::Failed | TestStatus::Error) && self.failures.len() < MAX_FAILURES {
            let message = crate::text::clip(message.trim(), MAX_MESSAGE);
            self.failures.push(TestFailure { id: id.clone(), message, file: place.0, line: place.1 });
        }
        self.tests.insert(id, status);
    }

    /// The report in words for a model or a person: counts, failures with places, what did not run. At most
    /// `max_bytes`.
    #[must_use]
    pub fn render(&self, max_bytes: usize) -> String {
        let mut text = if self.tests.is_empty() && self.suites.is_empty() {
            "No tests were found.".to_owned()
        } else {
            format!("{} ({:.1} s)", self.counts(), self.duration_ms as f64 / 1000.0)
        };
        for suite in &self.suites {
            text.push_str(&match &suite.outcome {
                SuiteOutcome::Ran => continue,
                SuiteOutcome::NoTests => format!("\n{}: no tests found", suite.label),
                SuiteOutcome::CannotStart(why) => format!("\n{} cannot start: {why}", suite.label),
                SuiteOutcome::Broken(why) => format!("\n{} did not end well: {why}", suite.label),
            });
            if let Some(id) = &suite.hung_in {
                text.push_str(&format!(" (it was in {id})"));
            }
        }
        for (index, failure) in self.failures.iter().enumerate() {
            let room = max_bytes.saturating_sub(text.len() + 60);
            let entry = format!("\n\n{}", render_failure(failure));
            if entry.len() > room && room > max_bytes / 2 {
                text.push_str(&crate::text::clip(&entry, room));
            } else if entry.len() > room {
                text.push_str(&format!("\n\n[{} more failures left out]", self.failures.len() - index));
                break;
            } else {
                text.push_str(&entry);
            }
        }
        crate::text::clip(&text, max_bytes)
    }
}

/// `FAILED id (file:line)` and the message.
pub(crate) fn render_failure(failure: &TestFailure) -> String {
    let place = match (&failure.file, failure.line) {
        (Some(file), Some(line)) => format!(" ({file}:{line})"),
        (Some(file), None) if *file != failure.id.file() => format!(" ({file})"),
        _ => String::new(),
    };
    format!("FAILED {}{place}\n{}", failure.id, failure.message)
}

/// Addresses and line numbers in a name would make it another test in each run.
fn stable(id: &str) -> String {
    static ADDRESS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"0x[0-9a-fA-F]{6,}").expect("a constant pattern"));
    crate::text::clip(&ADDRESS.replace_all(id, "0x…"), 600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_occur_again_are_numbered_and_addresses_left_out() {
        let mut report = TestReport::default();
        for id in ["a.py::t", "a.py::t", "a.py::u[<X object at 0x7f0011223344>]"] {
            report.add(id, TestStatus::Passed, "", (None, None));
        }
        let ids: Vec<&str> = report.tests.keys().map(|id| id.0.as_str()).collect();
        assert_eq!(ids, ["a.py::t", "a.py::t #2", "a.py::u[<X object at 0x…>]"]);
    }

    #[test]
    fn a_file_passes_when_a_test_in_it_does() {
        let mut report = TestReport::default();
        report.add("a.py::t", TestStatus::Passed, "", (None, None));
        report.add("b.py::t", TestStatus::Failed, "boo", (Some("b.py".into()), Some(3)));
        let passes = |id: &str| report.passes(&TestId(id.into()));
        assert_eq!(
            (passes("a.py"), passes("b.py"), passes("c.py"), passes("a.py::t")),
            (true, false, false, true)
        );
        assert_eq!(report.render(1000), "1 passed, 1 failed (0.0 s)\n\nFAILED b.py::t (b.py:3)\nboo");
    }

    #[test]
    fn the_last_name_has_no_parameters() {
        let last = |id: &str| TestId(id.into()).last().to_owned();
        assert_eq!(last("t/test_a.py::TestA::test_b[1::2]"), "test_b");
        assert_eq!(last("a.test.js::group > adds"), "adds");
        assert_eq!(last("a.py"), "");
    }
}
