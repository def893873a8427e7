//! The gates build, lint and format: what a tool finds now and did not find on the base.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use domain::{GateName, GateResult, Verdict};
use regex::Regex;
use sandbox::{Command, End, Exec, SandboxError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::plan::{Check, Reading};
use crate::run::{cut_short, is_missing, shell};
use crate::text::{clip, plural, tail};
use crate::tree::join;

/// Findings of one tool that are kept.
const MAX_FINDINGS: usize = 5_000;
/// Bytes of printed output that are kept.
const MAX_OUTPUT: usize = 3_000;

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The check's name.
    pub name: String,
    /// What was run.
    pub command: String,
    /// Whether it ran.
    pub outcome: CheckOutcome,
    /// What it found.
    pub findings: Vec<Finding>,
    /// The end of what it printed.
    pub output: String,
}

/// Whether a tool did its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It ran to its end, with this exit code.
    Ran(i32),
    /// The repository configures it, but it is not installed.
    Absent,
    /// It was cut short.
    CutShort(String),
    /// A command of `aamas.toml` does not start.
    CannotStart(String),
}

/// One finding of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The tool's line, with its place.
    pub text: String,
    /// The same without line numbers, times and addresses: what is compared with the base.
    pub key: String,
}

/// Runs the checks of one gate, one after another.
///
/// # Errors
/// Only when the sandbox itself failed.
pub async fn run_checks(
    exec: &impl Exec,
    checks: &[Check],
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<Vec<CheckReport>, SandboxError> {
    let mut reports = Vec::new();
    for check in checks {
        if cancel.is_cancelled() {
            break;
        }
        reports.push(run_check(exec, check, timeout, cancel).await?);
    }
    Ok(reports)
}

async fn run_check(
    exec: &impl Exec,
    check: &Check,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<CheckReport, SandboxError> {
    let command = |text: &str| {
        let mut command: Command =
            shell(exec.root(), &check.dir, text).timeout(timeout).env("CARGO_NET_OFFLINE", "true");
        command.cancel = cancel.clone();
        command
    };
    let report = |outcome, findings, output: &str| CheckReport {
        name: check.name.clone(),
        command: check.command.clone(),
        outcome,
        findings,
        output: tail(output, MAX_OUTPUT).to_owned(),
    };
    if !check.probe.is_empty() && !exec.exec(command(&check.probe)).await?.succeeded() {
        return Ok(report(CheckOutcome::Absent, Vec::new(), ""));
    }
    let output = exec.exec(command(&check.command).stdin(check.stdin.as_bytes())).await?;
    let printed = format!("{}\n{}", output.stdout.text(), output.stderr.text());
    let code = match output.end {
        end if is_missing(end) && check.probe.is_empty() => {
            let why = printed.trim().lines().last().unwrap_or("no such command").to_owned();
            return Ok(report(CheckOutcome::CannotStart(why), Vec::new(), &printed));
        }
        End::Exited(code) => code,
        end => {
            let why = cut_short(end, timeout).unwrap_or_default();
            return Ok(report(CheckOutcome::CutShort(why), Vec::new(), &printed));
        }
    };
    let root = exec.root().to_string_lossy();
    // A tool that is content may still print warnings: they are no failures.
    let findings =
        if code == 0 { Vec::new() } else { findings(check, &root, &output.stdout.text(), &printed) };
    Ok(report(CheckOutcome::Ran(code), findings, &printed))
}

static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^\s*(?:-->\s*)?((?:[A-Za-z]:)?[^\s:()]+\.\w+)(?::(\d+)(?::(\d+))?:?|\((\d+),(\d+)\):?)\s*(.+)$",
    )
    .expect("a constant pattern")
});
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|\s)((?:[\w@.+-]+/)*[\w@+-][\w@.+-]*\.\w{1,10})\b").expect("a constant pattern")
});
static CHANGING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"0x[0-9a-fA-F]+|\b\d+(?:\.\d+)?\s?(?:ms|s|sec|seconds|minutes)\b|\d+")
        .expect("a constant pattern")
});

fn findings(check: &Check, root: &str, stdout: &str, printed: &str) -> Vec<Finding> {
    let local = |text: &str| text.replace(&format!("{root}/"), "");
    let mut found = match check.reading {
        Reading::Places => places(&local(printed), &check.dir, |_| true),
        Reading::Errors => places(&local(printed), &check.dir, |line| line.contains("error")),
        Reading::Paths => paths(&local(printed), &check.dir),
        Reading::Eslint => eslint(stdout, root).unwrap_or_default(),
    };
    if found.is_empty() {
        found = printed
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .map(|l| finding(&local(l), &local(l)))
            .collect();
    }
    found.truncate(MAX_FINDINGS);
    found
}

fn finding(text: &str, key: &str) -> Finding {
    Finding { text: clip(text, 600), key: clip(&CHANGING.replace_all(key, "0"), 600) }
}

fn places(printed: &str, dir: &str, wanted: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    for line in printed.lines().filter(|l| wanted(l)) {
        let Some(parts) = PLACE.captures(line) else { continue };
        let path = join(dir, parts[1].trim_start_matches("./"));
        let at = parts.get(2).or_else(|| parts.get(4)).map_or("", |m| m.as_str());
        found.push(finding(&format!("{path}:{at}: {}", &parts[6]), &format!("{path}: {}", &parts[6])));
    }
    found
}

fn paths(printed: &str, dir: &str) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for line in printed.lines() {
        let Some(path) = PATH.captures(line).map(|c| join(dir, c[1].trim_start_matches("./"))) else {
            continue;
        };
        if !found.iter().any(|f| f.key == path) {
            found.push(Finding { text: format!("{path} is not formatted"), key: path });
        }
    }
    found
}

fn eslint(stdout: &str, root: &str) -> Option<Vec<Finding>> {
    let json: Value = serde_json::from_str(stdout.lines().find(|l| l.starts_with('['))?).ok()?;
    let mut found = Vec::new();
    for file in json.as_array()? {
        let path = file["filePath"].as_str().unwrap_or_default();
        let path = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/');
        for message in file["messages"].as_array()?.iter().filter(|m| m["severity"] == 2) {
            let rule = message["ruleId"].as_str().unwrap_or("syntax");
            let words = message["message"].as_str().unwrap_or_default();
            let text = format!("{path}:{}: {rule}: {words}", message["line"]);
            found.push(finding(&text, &format!("{path}: {rule}: {words}")));
        }
    }
    Some(found)
}

/// Judges a gate by what its tools find on the head and did not find on the base.
#[must_use]
pub fn check_verdict(name: GateName, base: &[CheckReport], head: &[CheckReport]) -> GateResult {
    let ran: Vec<&CheckReport> = head.iter().filter(|c| c.outcome != CheckOutcome::Absent).collect();
    let absent: Vec<&str> =
        head.iter().filter(|c| c.outcome == CheckOutcome::Absent).map(|c| c.name.as_str()).collect();
    let mut new: Vec<(&CheckReport, Vec<&Finding>)> = Vec::new();
    let mut not_done: Vec<String> = Vec::new();
    for check in &ran {
        let before = base.iter().find(|b| b.name == check.name);
        match &check.outcome {
            CheckOutcome::CannotStart(why) => not_done.push(format!("{} cannot start: {why}", check.name)),
            CheckOutcome::CutShort(why) => not_done.push(format!("{} was {why}", check.name)),
            CheckOutcome::Ran(0) | CheckOutcome::Absent => {}
            CheckOutcome::Ran(code) => {
                let found = new_findings(before, check);
                let was_good = before.is_some_and(|b| b.outcome == CheckOutcome::Ran(0));
                if !found.is_empty() || (was_good && *code != 0) {
                    new.push((check, found));
                }
            }
        }
    }
    let (verdict, summary) = if !new.is_empty() {
        let count = new.iter().map(|(_, found)| found.len().max(1)).sum();
        let tools: Vec<&str> = new.iter().map(|(c, _)| c.name.as_str()).collect();
        (Verdict::Failed, format!("{}: {}", tools.join(", "), plural(count, "new finding")))
    } else if !not_done.is_empty() {
        (Verdict::Error, clip(&not_done.join("; "), 400))
    } else if ran.is_empty() && !absent.is_empty() {
        (Verdict::Skipped, format!("{} not installed here", list(&absent)))
    } else if ran.is_empty() {
        (Verdict::Skipped, format!("the repository configures nothing for {name}"))
    } else {
        let tools: Vec<&str> = ran.iter().map(|c| c.name.as_str()).collect();
        let old = ran.iter().filter(|c| !matches!(c.outcome, CheckOutcome::Ran(0))).count();
        let as_before = if old > 0 { " (findings as on the base)" } else { "" };
        (Verdict::Passed, format!("{}{as_before}", tools.join(", ")))
    };
    let commands: Vec<Value> = head
        .iter()
        .map(|c| json!({"name": c.name, "command": c.command, "outcome": c.outcome, "findings": c.findings.len()}))
        .collect();
    let evidence = json!({
        "commands": commands,
        "not_installed": absent,
        "new": new.iter().flat_map(|(_, f)| f.iter().map(|f| &f.text)).take(100).collect::<Vec<_>>(),
    });
    GateResult { name, verdict, summary, reason: reason(&new, &not_done), evidence }
}

/// Findings that occur more often than on the base.
fn new_findings<'a>(base: Option<&CheckReport>, head: &'a CheckReport) -> Vec<&'a Finding> {
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in base.map(|b| b.findings.as_slice()).unwrap_or_default() {
        *before.entry(&finding.key).or_default() += 1;
    }
    head.findings
        .iter()
        .filter(|f| match before.get_mut(f.key.as_str()).filter(|n| **n > 0) {
            Some(count) => {
                *count -= 1;
                false
            }
            None => true,
        })
        .collect()
}

fn reason(new: &[(&CheckReport, Vec<&Finding>)], not_done: &[String]) -> String {
    let mut text = not_done.iter().map(|n| format!("{n}\n")).collect::<String>();
    for (check, found) in new {
        text.push_str(&format!("`{}` finds what it did not find before the change:\n", check.command));
        if found.is_empty() {
            text.push_str(&format!("{}\n", check.output.trim()));
        }
        found.iter().take(40).for_each(|f| text.push_str(&format!("{}\n", f.text)));
        if found.len() > 40 {
            text.push_str(&format!("and {} more\n", found.len() - 40));
        }
    }
    clip(text.trim(), crate::verdict::MAX_REASON)
}

fn list(names: &[&str]) -> String {
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reading: Reading, printed: &str) -> Vec<(String, String)> {
        let check = Check {
            name: "c".into(),
            dir: "sub".into(),
            probe: String::new(),
            command: "c".into(),
            stdin: String::new(),
            reading,
        };
        findings(&check, "/w", printed, printed).into_iter().map(|f| (f.text, f.key)).collect()
    }

    fn pair(text: &str, key: &str) -> (String, String) {
        (text.to_owned(), key.to_owned())
    }

    #[test]
    fn places_of_many_tools_are_read() {
        let printed = "All done\n./a.py:3:1: F401 unused import\nsrc/x.ts(12,5): error TS2322: no\nsrc/lib.rs:7:9: error[E0308]: mismatched\n";
        assert_eq!(
            check(Reading::Places, printed),
            [
                pair("sub/a.py:3: F401 unused import", "sub/a.py: F0 unused import"),
                pair("sub/src/x.ts:12: error TS2322: no", "sub/src/x.ts: error TS0: no"),
                pair("sub/src/lib.rs:7: error[E0308]: mismatched", "sub/src/lib.rs: error[E0]: mismatched"),
            ]
        );
        assert_eq!(check(Reading::Errors, printed).len(), 2);
        assert_eq!(check(Reading::Places, "it took 3.2s\n"), [pair("it took 3.2s", "it took 0")]);
    }

    #[test]
    fn paths_and_json_are_read() {
        assert_eq!(
            check(Reading::Paths, "Would reformat: a/b.py\n1 file would be reformatted\n"),
            [pair("sub/a/b.py is not formatted", "sub/a/b.py")]
        );
        let json = r#"[{"filePath":"/w/a.js","messages":[{"ruleId":"no-undef","severity":2,"message":"x","line":4},{"ruleId":"w","severity":1,"message":"y","line":1}]}]"#;
        assert_eq!(check(Reading::Eslint, json), [pair("a.js:4: no-undef: x", "a.js: no-undef: x")]);
    }

    fn report(outcome: CheckOutcome, keys: &[&str]) -> Vec<CheckReport> {
        let findings = keys.iter().map(|k| finding(k, k)).collect();
        vec![CheckReport {
            name: "ruff".into(),
            command: "ruff".into(),
            outcome,
            findings,
            output: "words".into(),
        }]
    }

    fn judged(base: &[CheckReport], head: &[CheckReport]) -> (Verdict, String) {
        let result = check_verdict(GateName::Lint, base, head);
        (result.verdict, result.summary)
    }

    #[test]
    fn only_new_failures_count() {
        use CheckOutcome::{Absent, CannotStart, Ran};
        let old = report(Ran(1), &["a", "a", "b"]);
        assert_eq!(judged(&old, &old).0, Verdict::Passed);
        assert_eq!(judged(&old, &report(Ran(1), &["a", "b"])).0, Verdict::Passed);
        assert_eq!(
            judged(&old, &report(Ran(1), &["a", "a", "a"])),
            (Verdict::Failed, "ruff: 1 new finding".into())
        );
        assert_eq!(judged(&report(Ran(0), &[]), &report(Ran(2), &[])).0, Verdict::Failed);
        assert_eq!(judged(&[], &[]), (Verdict::Skipped, "the repository configures nothing for lint".into()));
        assert_eq!(
            judged(&[], &report(Absent, &[])),
            (Verdict::Skipped, "ruff is not installed here".into())
        );
        assert_eq!(
            judged(&[], &report(CannotStart("no".into()), &[])),
            (Verdict::Error, "ruff cannot start: no".into())
        );
    }
}
