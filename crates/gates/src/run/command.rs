//! Any other command: its exit code is one test, unless it prints TAP.

use std::sync::LazyLock;

use regex::Regex;
use sandbox::{End, Exec, SandboxError};

use super::{Finished, Job, cut_short, finish, is_missing, run_lines};
use crate::plan::Runner;
use crate::report::{SuiteOutcome, TestReport, TestStatus};
use crate::text::{clip, quote, tail};
use crate::tree::join;

static TAP_LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(not )?ok\b\s*\d*\s*(?:- )?(.*?)(\s+#\s*(?i:skip|todo)\b.*)?$").expect("a constant pattern")
});

pub(super) async fn run(
    exec: &impl Exec,
    job: &Job<'_>,
    report: &mut TestReport,
) -> Result<(), SandboxError> {
    let Runner::Command { text } = &job.suite.runner else { return Ok(()) };
    let filter = job.filters.iter().map(|f| quote(f)).collect::<Vec<_>>().join(" ");
    let script = text.replace("{filter}", &filter);
    let mut tap = Tap::default();
    let mut ran = run_lines(exec, job.command(exec.root(), &script), |line| tap.line(line)).await?;
    let stdout = ran.output.stdout.text();
    ran.printed = clip(
        &format!("{}\n{}", tail(&stdout, super::MAX_OUTPUT / 2), tail(&ran.printed, super::MAX_OUTPUT / 2)),
        super::MAX_OUTPUT,
    );
    let label = job.suite.label();
    let outcome = match ran.output.end {
        end if is_missing(end) => SuiteOutcome::CannotStart(format!(
            "`{text}`: {}",
            ran.printed.trim().lines().last().unwrap_or("no such command")
        )),
        End::Exited(_) => SuiteOutcome::Ran,
        end => SuiteOutcome::Broken(cut_short(end, job.options.timeout).unwrap_or_default()),
    };
    let mut tests = 0;
    for (name, status) in tap.results() {
        report.add(&format!("{}::{name}", join(&job.suite.dir, "tap")), status, "", (None, None));
        tests += 1;
    }
    if let (End::Exited(code), true) = (ran.output.end, outcome == SuiteOutcome::Ran) {
        let all_good = tap.results().all(|(_, s)| s != TestStatus::Failed);
        let status = if code == 0 { TestStatus::Passed } else { TestStatus::Failed };
        // With results of its own, the exit code only counts when it says more than they do.
        if tests == 0 || (code != 0 && all_good) {
            report.add(&label, status, &format!("exit code {code}\n{}", ran.printed), (None, None));
            tests += 1;
        }
    }
    finish(
        report,
        job.suite,
        ran,
        Finished { command: script, runner: String::new(), outcome, tests, hung_in: None },
    );
    Ok(())
}

/// Lines of the Test Anything Protocol, once a version line or a plan was seen.
#[derive(Default)]
struct Tap {
    is_tap: bool,
    /// The last comment: many writers name a test in one before its assertions.
    group: String,
    found: Vec<(String, TestStatus)>,
}

impl Tap {
    fn line(&mut self, line: &str) {
        let plan = line.strip_prefix("1..").is_some_and(|n| n.trim().parse::<u64>().is_ok());
        self.is_tap |= line.starts_with("TAP version ") || plan;
        if let Some(comment) = line.strip_prefix("# ") {
            self.group = comment.trim().to_owned();
        }
        let Some(found) = TAP_LINE.captures(line).filter(|_| self.found.len() < 50_000) else { return };
        let status = if found.get(3).is_some() {
            TestStatus::Skipped
        } else if found.get(1).is_some() {
            TestStatus::Failed
        } else {
            TestStatus::Passed
        };
        let name = found[2].split(" # time=").next().unwrap_or_default().trim();
        let name = if self.group.is_empty() { name.to_owned() } else { format!("{} > {name}", self.group) };
        self.found.push((name, status));
    }

    fn results(&self) -> impl Iterator<Item = (&str, TestStatus)> {
        self.found.iter().filter(|_| self.is_tap).map(|(name, status)| (name.as_str(), *status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tap_is_read_only_where_it_is_tap() {
        let mut tap = Tap::default();
        ["ok computer", "not ok"].iter().for_each(|l| tap.line(l));
        assert_eq!(tap.results().count(), 0);
        let mut tap = Tap::default();
        let lines = [
            "TAP version 13",
            "# group",
            "ok 1 adds",
            "not ok 2 - fails",
            "  ---",
            "ok 3 later # SKIP why",
            "1..3",
        ];
        lines.iter().for_each(|l| tap.line(l));
        let want = [
            ("group > adds", TestStatus::Passed),
            ("group > fails", TestStatus::Failed),
            ("group > later", TestStatus::Skipped),
        ];
        assert_eq!(tap.results().collect::<Vec<_>>(), want);
    }
}
