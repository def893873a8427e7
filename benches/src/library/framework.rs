//! The same loop in a Python framework, if its virtual environment is there.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::TURNS;
use crate::subject::program_named;

const LOOP: &str = include_str!("../../framework/loop.py");
/// It may take this long.
const SECONDS: &str = "60";

/// Turns per CPU second and memory of a thread, in KiB; nothing without its environment, which is then said.
pub(super) fn measure(python: &Path, scratch: &Path, threads: usize) -> Option<(f64, f64)> {
    if !python.is_file() {
        eprintln!("no {}: the framework beside us is not measured (benches/README.md)", python.display());
        return None;
    }
    match run(python, scratch, threads) {
        Ok(figures) => Some(figures),
        Err(error) => {
            eprintln!("the framework beside us failed: {error:#}");
            None
        }
    }
}

fn run(python: &Path, scratch: &Path, threads: usize) -> Result<(f64, f64)> {
    let program = scratch.join("framework_loop.py");
    std::fs::write(&program, LOOP)?;
    let database = scratch.join("framework.db");
    let out = program_named(python)
        .arg(&program)
        .arg(&database)
        .args([&threads.to_string(), &TURNS.to_string(), SECONDS])
        .env("LANGSMITH_TRACING", "false")
        .output()?;
    if !out.status.success() {
        let from = out.stderr.len().saturating_sub(1_000);
        bail!("{}: {}", out.status, String::from_utf8_lossy(&out.stderr[from..]));
    }
    let document: Value = serde_json::from_slice(&out.stdout)?;
    eprintln!("{document}");
    let figure = |name: &str| document[name].as_f64().with_context(|| format!("no {name} in {document}"));
    Ok((figure("turns")? / figure("cpu_s")?, figure("kb_per_thread")?))
}
