//! The offline engine as a builder: no model, the same workspace, gates and report.

use std::time::Duration;

use domain::{Closing, Entry, RunError};
use repair::{LeftOut, Outcome, Progress as Step, RepairLimits, RepairRequest, Repaired, Scope};
use sandbox::{Exec, SandboxError};
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::{EngineError, Observer, Progress};

/// Longest search, whatever the run's own limit.
const MAX_SEARCH: Duration = Duration::from_secs(1200);
/// What is kept back of the run's time for gates and delivery.
const KEPT_BACK: Duration = Duration::from_secs(60);

/// Searches for a repair; the entry of what came of it, or `None` when it was cut short.
pub(crate) async fn repair(
    desk: &mut Desk,
    task: &str,
    time_left: Duration,
    cancel: &CancellationToken,
    observer: &dyn Observer,
) -> Result<Option<Entry>, EngineError> {
    if let Scope::No(reason) = repair::can_do(task, desk.files().iter().map(String::as_str)) {
        return Ok(Some(gave_up("offline_cannot", &reason)));
    }
    let limits = RepairLimits {
        time: time_left.saturating_sub(KEPT_BACK).min(MAX_SEARCH).max(Duration::from_secs(10)),
        workers: std::thread::available_parallelism().map_or(2, usize::from),
        ..RepairLimits::default()
    };
    let request =
        RepairRequest { task: task.to_owned(), limits, cancel: cancel.clone(), ..RepairRequest::default() };
    let outcome = repair::repair(desk.session(), request, &mut |step| {
        if let Some(words) = words(&step) {
            observer.observe(Progress::Note(&words));
        }
    })
    .await;
    if cancel.is_cancelled() {
        return Ok(None);
    }
    Ok(Some(match outcome {
        Ok(Outcome::Repaired(repaired)) => repaired_entry(desk, repaired).await?,
        Ok(Outcome::NothingFails { left_out }) => nothing_fails(task, &left_out),
        Ok(Outcome::NotFound { tried, reason, suspects, .. }) => {
            let places: Vec<_> = suspects.iter().take(3).map(|s| format!("{}:{}", s.path, s.line)).collect();
            let places = if places.is_empty() {
                String::new()
            } else {
                format!("; most suspicious: {}", places.join(", "))
            };
            gave_up("offline_not_found", &format!("{reason} ({tried} candidates tried{places})"))
        }
        Ok(Outcome::OutOfScope { reason }) => gave_up("offline_cannot", &reason),
        Err(error) => {
            return Err(EngineError::Sandbox(SandboxError::Host {
                doing: format!("search for a repair: {}", crate::sentence(&error)),
                source: std::io::Error::other("the offline engine failed"),
            }));
        }
    }))
}

async fn repaired_entry(desk: &mut Desk, repaired: Repaired) -> Result<Entry, EngineError> {
    for patch in &repaired.patches {
        let arguments = serde_json::json!({ "path": patch.path, "content": patch.after });
        if let Err(refusal) = desk.session().call("write_file", arguments).await? {
            return Ok(gave_up("offline_not_applied", &format!("cannot write {}: {refusal}", patch.path)));
        }
    }
    let tree = desk.snapshot().await?;
    let stats = &repaired.stats;
    let stats = serde_json::json!({
        "candidates": stats.tried,
        "candidates_per_second": stats.per_second,
        "share_in_tests": stats.share_in_tests,
        "seconds": stats.seconds,
        "plausible": stats.plausible,
    });
    let closing = Closing {
        summary: repaired.explanation.clone(),
        title: Some(repaired.title.clone()),
        follow_ups: Vec::new(),
    };
    let left_out = repaired.left_out.iter().map(|l| format!("\n- left out: {} ({})", l.test, l.reason));
    let report = format!("{}{}", repaired.explanation, left_out.collect::<String>());
    Ok(Entry::RepairEnded { report, tree: Some(tree), error: None, closing, stats })
}

/// A task about failing tests is done when none fails; any other one needs a model.
fn nothing_fails(task: &str, left_out: &[LeftOut]) -> Entry {
    let mut report = "No test fails on the base, so there is nothing to repair.".to_owned();
    for left in left_out {
        report.push_str(&format!("\n- left out: {} ({})", left.test, left.reason));
    }
    if task.to_lowercase().contains("test") && left_out.is_empty() {
        let closing = Closing { summary: report.clone(), ..Closing::default() };
        return Entry::RepairEnded {
            report,
            tree: None,
            error: None,
            closing,
            stats: serde_json::Value::Null,
        };
    }
    gave_up("offline_nothing_fails", &report)
}

/// What the offline engine can't do ends the run at once, and says how to configure a model.
fn gave_up(code: &str, reason: &str) -> Entry {
    let error = RunError::new(
        code,
        format!("the offline engine can't do this: {reason}"),
        "configure a model: set ANTHROPIC_API_KEY, or OPENAI_API_KEY (or OPENAI_BASE_URL for a local server), \
         and go on with `aamas runs resume last --model anthropic/MODEL` or `openai-chat/MODEL`",
    );
    Entry::RepairEnded {
        report: reason.to_owned(),
        tree: None,
        error: Some(error),
        closing: Closing::default(),
        stats: serde_json::Value::Null,
    }
}

fn words(step: &Step) -> Option<String> {
    Some(match step {
        Step::Reproducing => "offline engine: running the tests".into(),
        Step::Reproduced { tests, failing } => format!("offline engine: {failing} of {tests} tests fail"),
        Step::Localized { suspects } => {
            let first = suspects.first()?;
            format!("offline engine: most suspicious is {}:{} {}", first.path, first.line, first.text.trim())
        }
        Step::Searching { tried, at_most, per_second } => {
            format!("offline engine: {tried} of at most {at_most} candidates tried, {per_second:.0} a second")
        }
        Step::PlausibleFound { path, line, change, green } => {
            format!(
                "offline engine: {path}:{line} turns {green} tests green: {}",
                change.replace('\n', " → ")
            )
        }
        Step::Confirming => "offline engine: confirming with a plain run of all tests".into(),
        Step::Confirmed => "offline engine: confirmed".into(),
    })
}
