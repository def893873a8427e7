//! The rows of the library benchmark, each from a process of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::framework;
use crate::measure::Bench;
use crate::subject::program_named;
use crate::table::{Row, Target};

/// Runs at once.
const AT_ONCE: usize = 200;
/// Runs that wait for a person.
const PARKED: usize = 2_000;
/// Runs that wait for a model.
const WAITING: usize = 10_000;

/// 200 runs at once.
pub(crate) fn at_once(bench: &Bench) -> Vec<Row> {
    let speed = measured(bench, "runs", AT_ONCE);
    let memory = measured(bench, "memory", AT_ONCE);
    let framework = framework::measure(&bench.framework, &bench.scratch, AT_ONCE);
    let per_flush = figure(&speed, "commits").and_then(|c| Ok(c / figure(&speed, "flushes")?));
    let row = |what, unit, ours, target, beside| Row { group: "runs", what, unit, ours, target, beside };
    vec![
        row(
            "200 runs of 50 turns: turns per CPU second; beside: LangGraph",
            "/s",
            figure(&speed, "turns_per_cpu_s"),
            Some(Target::AtLeast(3_000.0)),
            framework.map(|(turns, _)| turns),
        ),
        row("from the first to the last", "s", figure(&speed, "wall_s"), None, None),
        row("commits in one flush", "x", per_flush, None, None),
        row(
            "memory of an active run (PSS), before its last turn",
            "KiB",
            figure(&memory, "kb_per_run"),
            Some(Target::AtMost(150.0)),
            framework.map(|(_, kb)| kb),
        ),
    ]
}

/// Runs that wait for a person.
pub(crate) fn parked_runs(bench: &Bench) -> Vec<Row> {
    let row = |what, name, target| {
        let ours = figure(&measured(bench, name, PARKED), "kb_per_run");
        Row { group: "parked", what, unit: "KiB", ours, target, beside: None }
    };
    vec![
        row("memory of a run that waits for a person (PSS)", "parked", Some(Target::AtMost(20.0))),
        row("the same, its view kept", "kept", None),
    ]
}

/// Runs that wait for a model.
pub(crate) fn waiting_runs(bench: &Bench) -> Vec<Row> {
    let measured = measured(bench, "waiting", WAITING);
    let row = |what, unit, ours, target| Row { group: "waiting", what, unit, ours, target, beside: None };
    vec![
        row(
            "10,000 runs at slow models: memory of the process (PSS)",
            "MiB",
            figure(&measured, "kb_waiting").map(|kb| kb / 1024.0),
            Some(Target::AtMost(1_500.0)),
        ),
        row("until all are canceled", "s", figure(&measured, "canceled_after_s"), None),
    ]
}

/// This program as the process of one measurement.
pub(super) fn ourselves(name: &str, count: usize, dir: &Path) -> Result<Command> {
    let mut command = program_named(std::env::current_exe()?);
    command.args([crate::LIBRARY, name, &count.to_string()]).arg(dir);
    Ok(command)
}

fn measured(bench: &Bench, name: &str, count: usize) -> Result<Value> {
    let dir = bench.scratch.join(name);
    std::fs::create_dir_all(&dir)?;
    let out = ourselves(name, count, &dir)?.stdin(Stdio::null()).output()?;
    if !out.status.success() {
        let from = out.stderr.len().saturating_sub(2_000);
        bail!("{}:\n{}", out.status, String::from_utf8_lossy(&out.stderr[from..]));
    }
    let document: Value = serde_json::from_slice(&out.stdout)?;
    eprintln!("{name}: {document}");
    Ok(document)
}

fn figure(document: &Result<Value>, name: &str) -> Result<f64> {
    let document = document.as_ref().map_err(|e| anyhow::anyhow!("{e:#}"))?;
    document[name].as_f64().with_context(|| format!("no {name} in {document}"))
}
