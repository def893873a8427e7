//! `aamas cost` of a server.

use std::process::ExitCode;
use std::time::Duration;

use client::Client;
use domain::{Clock as _, Timestamp};
use serde_json::{Value, json};

use crate::cli::Global;
use crate::commands::cost::{RUNS_SHOWN, line};
use crate::commands::{block_on, print_json};
use crate::place::taken;
use crate::refusal::Refusal;
use crate::rim::SystemClock;
use crate::say::{err, out};
use crate::table::{list as members, word};
use crate::terminal::clip;

/// Prints what was spent. A server counts by whole days in UTC, the last thirty unless asked otherwise.
pub fn cost(global: &Global, server: &Client, since: Option<Duration>) -> Result<ExitCode, Refusal> {
    let since = since.map(|time| {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(SystemClock.now().as_micros().saturating_sub(micros)).to_string()
    });
    let spent = block_on(async {
        let query = taken(json!({ "since": since }))?;
        Ok::<_, Refusal>(server.get_cost(&query).value().await?)
    })??;
    if global.json {
        print_json(&as_here(&spent))?;
        return Ok(ExitCode::SUCCESS);
    }
    err!("from {} on, in days of UTC", word(&spent, "since"));
    if spent["calls"] == 0 {
        out!("nothing was spent");
        return Ok(ExitCode::SUCCESS);
    }
    let ledger = as_here(&spent);
    say("total", &ledger["total"]);
    for (title, member) in [("model", "by_model"), ("role", "by_role"), ("day", "by_day")] {
        out!("\nby {title}");
        members(&ledger, member).iter().for_each(|sum| say(&word(sum, "name"), sum));
    }
    out!("\nby run");
    let runs = members(&ledger, "by_run");
    for run in runs.iter().take(RUNS_SHOWN) {
        let task = clip(&word(run, "task").replace('\n', " "), 40);
        say(&format!("{}  {task}", word(run, "run_id")), run);
    }
    if let Some(more) = runs.len().checked_sub(RUNS_SHOWN).filter(|more| *more > 0) {
        out!("  … {more} more runs (all with --json)");
    }
    Ok(ExitCode::SUCCESS)
}

/// The document that `aamas cost` has on this machine, and what only a server knows beside it.
fn as_here(spent: &Value) -> Value {
    let sum = |line: &Value, cost: &str, known: &str| {
        json!({
            "calls": line["calls"], "input_tokens": line["input_tokens"], "cached_tokens": line["cached_tokens"],
            "output_tokens": line["output_tokens"], "cost_usd": line[cost], "known_cost_usd": line[known],
        })
    };
    let lines = |member: &str, named: &[(&str, &str)]| {
        let one = |line: &Value| {
            let mut document = sum(line, "cost_usd", "known_cost_usd");
            named.iter().for_each(|(name, member)| document[*name] = line[*member].clone());
            document
        };
        members(spent, member).iter().map(one).collect::<Vec<_>>()
    };
    json!({
        "since": spent["since"], "until": spent["until"],
        "total": sum(spent, "total_usd", "known_usd"),
        "by_model": lines("by_model", &[("name", "key")]),
        "by_role": lines("by_role", &[("name", "key")]),
        "by_day": lines("by_day", &[("name", "day")]),
        "by_project": lines("by_project", &[("project_id", "key"), ("name", "label")]),
        "by_run": lines("by_run", &[("run_id", "key"), ("task", "label")]),
        "cost_forecast": spent["cost_forecast"], "effort_forecast": spent["effort_forecast"],
    })
}

fn say(name: &str, sum: &Value) {
    let count = |member: &str| sum[member].as_u64().unwrap_or(0);
    let tokens = count("input_tokens") + count("output_tokens");
    line(
        name,
        count("calls"),
        tokens,
        sum["cost_usd"].as_f64(),
        sum["known_cost_usd"].as_f64().unwrap_or(0.0),
    );
}
