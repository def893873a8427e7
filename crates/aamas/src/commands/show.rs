//! What a run came to, and how it got there.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use agents::View;
use domain::{Entry, Recorded, RunState};
use engine::RunDocument;
use engine::document::PlanLine;

use super::{block_on, host, print_json};
use crate::cli::Global;
use crate::refusal::Refusal;
use crate::say::{err, out};
use crate::terminal::{Paint, clip, lines, printable, thousands};

/// How often a followed run is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// Lines of a tool's result in a transcript.
const RESULT_LINES: usize = 24;

/// The summary at the end of a run, on stdout.
pub fn print_outcome(document: &RunDocument) {
    let paint = Paint::of(std::io::stdout().is_terminal());
    let status = match document.status {
        RunState::Ready | RunState::NoChange => paint.good(document.status.as_str()),
        _ => paint.bad(document.status.as_str()),
    };
    out!("\n{status}  {}", document.run_id);
    let row = |name: &str, text: String| out!("  {:<13} {text}", name);
    if let Some(error) = &document.error {
        row("why", printable(&error.message).replace('\n', " "));
        row("next", printable(&error.hint).replace("RUN", &document.run_id.to_string()));
    }
    let waits = document.error.as_ref().is_some_and(|e| e.code == "plan_approval_required");
    let ended_with_plan = waits || document.plan.as_ref().is_some_and(|p| p.actual_effort_hours.is_none());
    if document.status == RunState::NoChange && ended_with_plan {
        row("result", "the plan stands; nothing was changed".into());
    } else if document.status == RunState::NoChange {
        row("result", "there was nothing to change".into());
    }
    if let Some(plan) = &document.plan {
        if ended_with_plan {
            row("plan", printable(&plan.plan.summary).replace('\n', " "));
            for step in &plan.plan.steps {
                let after = if step.depends_on.is_empty() {
                    String::new()
                } else {
                    format!(", after {}", step.depends_on.join(", "))
                };
                row("", format!("{}  {} ({}{after})", step.id, printable(&step.title), step.role));
                step.acceptance
                    .iter()
                    .for_each(|done| row("", format!("    done when: {}", printable(done))));
            }
            plan.plan.risks.iter().for_each(|risk| row("risk", printable(risk)));
        }
        row("forecast", forecast(plan));
    }
    if let (Some(branch), Some(head)) = (&document.branch, &document.head_commit) {
        row("branch", format!("{branch} ({})", clip(head, 12)));
    }
    if let Some(pull_request) = &document.pull_request {
        row("pull request", format!("{}  {}", pull_request.id, printable(&pull_request.title)));
    }
    if !document.gates.is_empty() {
        let gates: Vec<_> = document.gates.iter().map(|g| format!("{} {}", g.name, g.verdict)).collect();
        row("gates", gates.join(", "));
    }
    let usage = &document.usage;
    let cost = usage.cost_usd.map_or_else(|| "cost unknown".to_owned(), |c| format!("${c:.4}"));
    let seconds = document.duration_ms as f64 / 1000.0;
    let tokens = thousands(usage.input_tokens + usage.output_tokens);
    let sandbox = document.sandbox.as_deref().unwrap_or("none");
    row(
        "used",
        format!("{} turns, {tokens} tokens, {cost}, {seconds:.1} s, sandbox {sandbox}", document.turns),
    );
    if let Some(report) = &document.report {
        row("report", report.display().to_string());
    }
    if let Some(page) = &document.report_html {
        row("evidence", page.display().to_string());
    }
    if let Some(pull_request) = &document.pull_request {
        row("look at it", format!("aamas pr show {}", pull_request.id));
        let draft = if document.status == RunState::Ready { "" } else { " --draft" };
        row("take it", format!("aamas pr apply {0}   or   aamas pr merge {0}{draft}", pull_request.id));
    }
}

/// What was expected, and what it came to.
fn forecast(plan: &PlanLine) -> String {
    let analysis = &plan.analysis;
    let cost = plan.cost_usd.map_or_else(
        || "cost unknown".to_owned(),
        |c| if c.high > 0.0 { format!("${:.4} to ${:.4}", c.low, c.high) } else { "$0".to_owned() },
    );
    let mut text = format!("{cost}, {} to {}", analysis.effort_low, analysis.effort_high);
    if let Some(effort) = plan.actual_effort_hours {
        let cost = plan.actual_cost_usd.map_or_else(|| "cost unknown".to_owned(), |c| format!("${c:.4}"));
        text.push_str(&format!("   actual {cost}, {effort}"));
    }
    text
}

/// `aamas runs show`.
pub fn show_run(global: &Global, run: &str) -> Result<ExitCode, Refusal> {
    let engine = host::engine(global)?;
    let record = engine.desk.find_run(run)?;
    let history = engine.history(record.id)?;
    let document = engine.document_of(&record)?;
    if global.json {
        let entries: Vec<_> = history
            .iter()
            .map(|r| serde_json::json!({ "seq": r.seq, "attempt": r.attempt, "at": r.at, "entry": r.entry }))
            .collect();
        print_json(&serde_json::json!({
            "run": document, "task": record.settings.get("task"), "entries": entries,
            "ledger": engine.ledger_of(record.id)?,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let task = record.settings.get("task").and_then(|t| t.as_str()).unwrap_or_default();
    let (id, at) = (record.id.to_string(), record.created_at.to_string());
    print_run(&id, &at, Some(&record.repo), task, &history, &document);
    Ok(ExitCode::SUCCESS)
}

/// A run's task, transcript and outcome, for a person.
pub fn print_run(
    id: &str,
    created_at: &str,
    repo: Option<&Path>,
    task: &str,
    history: &[Recorded],
    document: &RunDocument,
) {
    let paint = Paint::of(std::io::stdout().is_terminal());
    out!("{}  {created_at}", paint.strong(id));
    if let Some(repo) = repo {
        out!("repository {}", repo.display());
    }
    out!("task\n  {}", printable(task).trim().replace('\n', "\n  "));
    let mut view = View::new();
    for recorded in history {
        view.apply(recorded.at, recorded.attempt, &recorded.entry);
        transcript(recorded, &view, paint);
    }
    print_outcome(document);
}

/// One entry of a transcript: as on the live screen, with results in full.
fn transcript(recorded: &Recorded, view: &View, paint: Paint) {
    let attempt = recorded.attempt;
    let whose = view.attempt(attempt).filter(|_| view.attempts.len() > 1);
    match &recorded.entry {
        Entry::ModelAnswered { turn, usage, cost, model, wall_ms, blocks, .. } => {
            let cost = cost.map_or_else(|| "cost unknown".to_owned(), |c| c.to_string());
            out!(
                "\n{} {}",
                paint.strong(&match whose {
                    Some(a) => format!("{} {} turn {turn}", a.role, a.step),
                    None => format!("turn {turn}"),
                }),
                paint.dim(&format!(
                    "{} · {} in ({} cached), {} out · {cost} · {:.1} s",
                    printable(model),
                    usage.input_tokens,
                    usage.cached_tokens,
                    usage.output_tokens,
                    *wall_ms as f64 / 1000.0
                ))
            );
            for block in blocks {
                if let domain::Block::Text(text) = block {
                    out!("  {}", printable(text).trim().replace('\n', "\n  "));
                }
            }
        }
        Entry::ToolFinished { index, text, is_error, .. } => {
            for line in lines(attempt, &recorded.entry, view, paint) {
                out!("{line}");
            }
            let Some(call) = view.attempt(attempt).and_then(|a| a.calls.get(*index as usize)) else { return };
            let arguments = printable(&call.arguments);
            out!("{}", paint.dim(&format!("    {}", clip(&arguments, 400))));
            let text = printable(text);
            for line in text.lines().take(RESULT_LINES) {
                out!("    {}", if *is_error { paint.bad(line) } else { line.to_owned() });
            }
            let more = text.lines().count().saturating_sub(RESULT_LINES);
            if more > 0 {
                out!("{}", paint.dim(&format!("    … {more} more lines (all with --json)")));
            }
        }
        Entry::GatesJudged { results, .. } => {
            for gate in results {
                out!("{}", crate::terminal::gate_line(gate, paint));
                if !gate.lets_through() {
                    out!("    {}", printable(&gate.reason).trim().replace('\n', "\n    "));
                }
            }
        }
        Entry::Ended { .. } => {}
        entry => lines(attempt, entry, view, paint).iter().for_each(|line| out!("{line}")),
    }
}

/// `aamas runs watch`.
pub fn watch(global: &Global, run: &str) -> Result<ExitCode, Refusal> {
    let engine = host::engine(global)?;
    let record = engine.desk.find_run(run)?;
    let paint = Paint::of(std::io::stderr().is_terminal());
    block_on(async {
        let mut view = View::new();
        let mut seen = 0;
        loop {
            let live = app::people::is_live(&engine.desk, record.id)?;
            let history = engine.history(record.id)?;
            // A run that was set back has fewer entries than before.
            for recorded in history.iter().filter(|r| r.seq > seen) {
                view.apply(recorded.at, recorded.attempt, &recorded.entry);
                lines(recorded.attempt, &recorded.entry, &view, paint).iter().for_each(|line| err!("{line}"));
            }
            seen = history.last().map_or(seen, |r| r.seq);
            if !live {
                return Ok::<_, Refusal>(());
            }
            tokio::time::sleep(LOOK).await;
        }
    })??;
    let record = engine.desk.find_run(&record.id.to_string())?;
    super::run::finish(global, &engine.document_of(&record)?)
}
