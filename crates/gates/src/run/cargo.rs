//! `cargo test`: stable Rust prints no report for machines, so its text is read.

use std::sync::LazyLock;

use regex::Regex;
use sandbox::{Command, End, Exec, SandboxError};

use super::{Finished, Job, Ran, cut_short, finish, is_missing, run_lines};
use crate::plan::Runner;
use crate::report::{SuiteOutcome, TestId, TestReport, TestStatus};
use crate::text::{self, quote};

/// Lines of output kept for the words of a failure or of the compiler.
const MAX_KEPT_LINES: usize = 400;

pub(super) async fn run(
    exec: &impl Exec,
    job: &Job<'_>,
    report: &mut TestReport,
) -> Result<(), SandboxError> {
    let Runner::Cargo { args } = &job.suite.runner else { return Ok(()) };
    let names = names(job.filters);
    let line = line(args, &names);
    let mut text = Text::new(&job.suite.dir);
    let first = run_lines(exec, command(exec, job, &line, Network::Offline), |l| text.line(l)).await?;
    let (ran, text) = if text.wants_network() {
        let mut again = Text::new(&job.suite.dir);
        let ran = run_lines(exec, command(exec, job, &line, Network::Allowed), |l| again.line(l)).await?;
        (ran, again)
    } else {
        (first, text)
    };
    let outcome = match ran.output.end {
        end if is_missing(end) => SuiteOutcome::CannotStart("cargo is not on PATH".to_owned()),
        End::Exited(0) if text.tests.is_empty() => SuiteOutcome::NoTests,
        End::Exited(_) if text.ran => SuiteOutcome::Ran,
        End::Exited(code) if text.cannot_start() => {
            SuiteOutcome::CannotStart(format!("cargo ended with code {code}: {}", text.compiler_words()))
        }
        End::Exited(code) => {
            SuiteOutcome::Broken(format!("cargo ended with code {code}: {}", text.compiler_words()))
        }
        end => SuiteOutcome::Broken(cut_short(end, job.options.timeout).unwrap_or_default()),
    };
    let hung_in = if matches!(outcome, SuiteOutcome::Broken(_)) { text.open.clone() } else { None };
    let tests = text.enter(report);
    let ran = Ran { printed: text.tail(), ..ran };
    finish(
        report,
        job.suite,
        ran,
        Finished { command: line, runner: "cargo test".to_owned(), outcome, tests, hung_in },
    );
    Ok(())
}

enum Network {
    Offline,
    Allowed,
}

fn command(exec: &impl Exec, job: &Job<'_>, line: &str, network: Network) -> Command {
    // libtest reads no input; cargo's own words and the tests' results have to stay in order.
    let command = job.command(exec.root(), &format!("exec {line} 2>&1"));
    match network {
        Network::Offline => command.env("CARGO_NET_OFFLINE", "true"),
        Network::Allowed => command,
    }
}

/// Filters of libtest are parts of a test's path in its crate.
fn names(filters: &[String]) -> Vec<String> {
    filters
        .iter()
        .map(|f| {
            let id = TestId(f.clone());
            let name = if id.file().ends_with(".rs") { id.rest().to_owned() } else { f.clone() };
            let name = name.rsplit_once(" #").map_or(name.as_str(), |(n, _)| n);
            name.rsplit(" - ").next().unwrap_or(name).trim().trim_start_matches('-').to_owned()
        })
        .filter(|n| !n.is_empty())
        .collect()
}

fn line(args: &[String], names: &[String]) -> String {
    let own = args.iter().map(|a| quote(a));
    let mut words: Vec<String> =
        ["cargo", "test", "--no-fail-fast"].iter().map(|w| (*w).to_owned()).chain(own).collect();
    if !names.is_empty() {
        words.push("--".to_owned());
        words.extend(names.iter().map(|n| quote(n)));
    }
    words.join(" ")
}

/// What cargo and libtest have printed so far.
struct Text {
    dir: String,
    target: String,
    tests: Vec<(String, TestStatus)>,
    details: Vec<(String, String)>,
    detail: Option<String>,
    open: Option<String>,
    lines: std::collections::VecDeque<String>,
    errors: Vec<String>,
    ran: bool,
}

static RUNNING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s+Running (?:unittests )?(\S+) \((?:.*/)?(.+?)(?:-[0-9a-f]{16})?\)$")
        .expect("a constant pattern")
});
static DOC_TESTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s+Doc-tests (\S+)$").expect("a constant pattern"));
static RESULT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^test (.+?)(?: - should panic)?(?: - compile(?: fail)?)? \.\.\. (ok|FAILED|ignored|bench:)?(.*)$",
    )
    .expect("a constant pattern")
});
static LINE_NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r" \(line \d+\)").expect("a constant pattern"));
static PANICKED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"panicked at (?:'.*', )?([^\s:]+\.rs):(\d+)").expect("a constant pattern"));

impl Text {
    fn new(dir: &str) -> Self {
        Self {
            dir: dir.to_owned(),
            target: String::new(),
            tests: Vec::new(),
            details: Vec::new(),
            detail: None,
            open: None,
            lines: std::collections::VecDeque::new(),
            errors: Vec::new(),
            ran: false,
        }
    }

    fn line(&mut self, line: &str) {
        if self.lines.len() == MAX_KEPT_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(text::clip(line, 500));
        if let Some(found) = RUNNING.captures(line) {
            self.begin(format!("{}:{}", &found[2], &found[1]));
        } else if let Some(found) = DOC_TESTS.captures(line) {
            self.begin(format!("{}:doc", &found[1]));
        } else if let Some(name) = line.strip_prefix("---- ").and_then(|l| l.strip_suffix(" stdout ----")) {
            self.detail = Some(self.id(name));
            self.details.push((self.id(name), String::new()));
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.ran |= line.starts_with("test result: ");
            self.detail = None;
        } else if self.detail.is_some() {
            if let Some((_, text)) = self.details.last_mut().filter(|(_, t)| t.len() < 4_000) {
                text.push_str(line);
                text.push('\n');
            }
        } else if let Some(found) = RESULT.captures(line) {
            let id = self.id(&found[1]);
            // Some verdicts come after what the test printed, on a line of their own.
            self.verdict(id, found.get(2).map_or_else(|| after_output(&found[3]), |m| m.as_str()));
        } else if let (Some(id), word @ ("ok" | "FAILED")) = (self.open.clone(), after_output(line)) {
            self.verdict(id, word);
        } else if line.starts_with("error") && self.errors.len() < 60 {
            self.errors.push(line.to_owned());
        } else if line.trim_start().starts_with("--> ") && self.errors.len() < 60 {
            self.errors.push(line.trim().to_owned());
        }
    }

    fn begin(&mut self, target: String) {
        self.target = target;
        self.detail = None;
        self.open = None;
    }

    fn id(&self, name: &str) -> String {
        let name = LINE_NUMBER.replace_all(name, "");
        let name = name.strip_suffix(" - should panic").unwrap_or(&name);
        let id = format!("{}::{name}", self.target);
        crate::tree::join(&self.dir, &id)
    }

    fn verdict(&mut self, id: String, word: &str) {
        let status = match word {
            "ok" | "bench:" => TestStatus::Passed,
            "FAILED" => TestStatus::Failed,
            "ignored" => TestStatus::Skipped,
            _ => {
                self.open = Some(id);
                return;
            }
        };
        self.open = None;
        self.tests.push((id, status));
    }

    /// cargo would have to fetch something, but was told not to.
    fn wants_network(&self) -> bool {
        !self.ran && self.lines.iter().any(|l| l.contains("--offline") || l.contains("offline mode"))
    }

    /// Dependencies, manifest or toolchain are missing: nothing was compiled.
    fn cannot_start(&self) -> bool {
        let compiled =
            self.lines.iter().any(|l| l.trim_start().starts_with("Compiling ") || l.starts_with("error[E"));
        !compiled && self.tests.is_empty() && !self.lines.iter().any(|l| l.contains("could not compile"))
    }

    fn compiler_words(&self) -> String {
        if self.errors.is_empty() { self.tail() } else { text::clip(&self.errors.join("\n"), 2_000) }
    }

    fn tail(&self) -> String {
        let all: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        text::tail(&all.join("\n"), super::MAX_OUTPUT).to_owned()
    }

    fn enter(&self, report: &mut TestReport) -> usize {
        for (id, status) in &self.tests {
            let message =
                self.details.iter().find(|(name, _)| name == id).map_or("", |(_, text)| text.trim());
            let place = PANICKED.captures(message);
            let file = place.as_ref().map(|p| crate::tree::join(&self.dir, &p[1]));
            report.add(id, *status, message, (file, place.and_then(|p| p[2].parse().ok())));
        }
        // Targets without libtest's harness say nothing but how they ended.
        for line in self.lines.iter().filter_map(|l| l.trim().strip_prefix('`')) {
            let target = line.trim_end_matches('`');
            let known =
                |(id, status): &(String, TestStatus)| *status == TestStatus::Failed && mentions(id, target);
            if target.starts_with('-') && !self.tests.iter().any(known) {
                report.add(
                    &format!("cargo test {target}"),
                    TestStatus::Failed,
                    "this target failed",
                    (None, None),
                );
            }
        }
        self.tests.len()
    }
}

/// Whether a test's id belongs to a target as cargo names it (`--lib`, `--test it`, `-p a --doc`).
fn mentions(id: &str, target: &str) -> bool {
    if target.contains("--doc") {
        return id.contains(":doc::");
    }
    match target.rsplit_once(' ').filter(|_| !target.ends_with("--lib")) {
        Some((_, name)) => {
            id.starts_with(&format!("{}:", name.replace('-', "_"))) || id.starts_with(&format!("{name}:"))
        }
        None => true,
    }
}

/// The verdict at the end of a line that a test printed into.
fn after_output(line: &str) -> &str {
    let line = line.trim_end();
    if line.ends_with("FAILED") {
        "FAILED"
    } else if line == "ok" || line.ends_with("ok") && !line.ends_with("ook") {
        "ok"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_run_is_read() {
        let mut text = Text::new("");
        include_str!("../../tests/fixtures/cargo.txt").lines().for_each(|l| text.line(l));
        let mut report = TestReport::default();
        text.enter(&mut report);
        let tests: Vec<(&str, TestStatus)> = report.tests.iter().map(|(id, s)| (id.0.as_str(), *s)).collect();
        assert_eq!(
            tests,
            [
                ("it:tests/it.rs::adds", TestStatus::Passed),
                ("it:tests/it.rs::ignored_one", TestStatus::Skipped),
                ("it:tests/it.rs::prints", TestStatus::Passed),
                ("lab:doc::src/lib.rs - add", TestStatus::Passed),
                ("lab:src/lib.rs::tests::fails", TestStatus::Failed),
                ("lab:src/lib.rs::tests::panics", TestStatus::Passed),
                ("lab:src/lib.rs::tests::works", TestStatus::Passed),
            ]
        );
        let failure = &report.failures[0];
        assert_eq!(
            (failure.file.as_deref(), failure.line),
            (Some("src/lib.rs"), Some(14)),
            "{}",
            failure.message
        );
    }
}
