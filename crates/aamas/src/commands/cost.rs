//! `aamas cost`.

use std::process::ExitCode;

use domain::Timestamp;
use engine::ledger::{Line, Sum};

use super::{host, print_json};
use crate::cli::{Cost, Global};
use crate::refusal::Refusal;
use crate::say::out;
use crate::terminal::{clip, printable, thousands};

/// Runs that are shown to a person; all of them are in the document.
pub const RUNS_SHOWN: usize = 10;

/// Prints what was spent.
pub fn cost(global: &Global, arguments: &Cost) -> Result<ExitCode, Refusal> {
    let engine = host::engine(global)?;
    let since = arguments.since.map(|time| {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(engine.desk.now().as_micros().saturating_sub(micros))
    });
    let ledger = engine.ledger(since).map_err(|e| {
        Refusal::internal("internal", engine::sentence(&e), "look for the run with `aamas runs list`")
    })?;
    if global.json {
        print_json(&ledger)?;
        return Ok(ExitCode::SUCCESS);
    }
    if ledger.total.calls == 0 {
        out!("nothing was spent");
        return Ok(ExitCode::SUCCESS);
    }
    row("total", &ledger.total);
    for (title, lines) in [("model", &ledger.by_model), ("role", &ledger.by_role), ("day", &ledger.by_day)] {
        out!("\nby {title}");
        lines.iter().for_each(|Line { name, sum }| row(&printable(name), sum));
    }
    out!("\nby run");
    for run in ledger.by_run.iter().take(RUNS_SHOWN) {
        let task = clip(&printable(&run.task).replace('\n', " "), 40);
        row(&format!("{}  {task}", run.run_id), &run.sum);
    }
    if let Some(more) = ledger.by_run.len().checked_sub(RUNS_SHOWN).filter(|more| *more > 0) {
        out!("  … {more} more runs (all with --json)");
    }
    Ok(ExitCode::SUCCESS)
}

fn row(name: &str, sum: &Sum) {
    line(name, sum.calls, sum.input_tokens + sum.output_tokens, sum.cost_usd, sum.known_cost_usd);
}

/// A sum in a line.
pub fn line(name: &str, calls: u64, tokens: u64, cost_usd: Option<f64>, known_usd: f64) {
    let tokens = thousands(tokens);
    let cost = match cost_usd {
        Some(cost) => format!("${cost:.4}"),
        None if known_usd > 0.0 => format!("${known_usd:.4} and what is not known"),
        None => "cost unknown".to_owned(),
    };
    out!("  {name:<40}  {cost}  ({calls} calls, {tokens} tokens)");
}
