//! `aamas runs export` and `aamas pr verify`: what a run can show for itself, and whether a change is what was attested.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use engine::{Engine, Finding, Verification, VerifyRequest};
use serde_json::{Value, json};
use store::RunRecord;

use super::{host, print_json};
use crate::cli::{ExportFormat, Global, Verify};
use crate::refusal::Refusal;
use crate::say::{err, out};
use crate::terminal::{Paint, clip, printable};

/// Exit code when problems were found.
const FOUND: u8 = 3;

/// `aamas runs export`.
pub fn export(global: &Global, run: &str, format: ExportFormat, output: &Path) -> Result<ExitCode, Refusal> {
    let engine = host::engine(global)?;
    let record = engine.desk.find_run(run)?;
    let to_stdout = output == Path::new("-");
    if global.json && to_stdout {
        print_json(&as_document(&engine, &record, format)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let bytes = as_bytes(&engine, &record, format)?;
    if to_stdout {
        let mut stdout = std::io::stdout().lock();
        return match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(unwritten("the standard output", &e)),
            _ => Ok(ExitCode::SUCCESS),
        };
    }
    keep(global, &record.id.to_string(), output, &bytes)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes an export of a run into a file, and says so.
pub fn keep(global: &Global, run: &str, output: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    std::fs::write(output, bytes).map_err(|e| unwritten(&output.display().to_string(), &e))?;
    if global.json {
        let path = std::path::absolute(output).unwrap_or_else(|_| output.to_owned());
        return print_json(&json!({ "run_id": run, "output": path, "bytes": bytes.len() }));
    }
    err!("{} written, {} bytes", output.display(), bytes.len());
    Ok(())
}

/// The one document that `--json` promises.
fn as_document(engine: &Engine, run: &RunRecord, format: ExportFormat) -> Result<Value, Refusal> {
    Ok(match format {
        ExportFormat::Atif => engine.trajectory(run.id)?,
        ExportFormat::Json => json!({ "run_id": run.id, "entries": engine.journal_lines(run.id)? }),
        ExportFormat::Html => json!({ "run_id": run.id, "html": engine.html_report(run)? }),
        ExportFormat::Attestation => serde_json::from_slice(&attestation(engine, run)?).map_err(|e| {
            Refusal::internal(
                "record_unreadable",
                format!("the attestation of {} can't be read: {e}", run.id),
                "the run's artifacts keep another copy",
            )
        })?,
    })
}

fn as_bytes(engine: &Engine, run: &RunRecord, format: ExportFormat) -> Result<Vec<u8>, Refusal> {
    Ok(match format {
        ExportFormat::Atif => format!("{:#}\n", engine.trajectory(run.id)?).into_bytes(),
        ExportFormat::Json => {
            let lines = engine.journal_lines(run.id)?;
            lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
        }
        ExportFormat::Html => engine.html_report(run)?.into_bytes(),
        ExportFormat::Attestation => attestation(engine, run)?,
    })
}

fn attestation(engine: &Engine, run: &RunRecord) -> Result<Vec<u8>, Refusal> {
    engine.attestation(run.id)?.ok_or_else(|| not_attested(&run.id.to_string()))
}

fn not_attested(what: &str) -> Refusal {
    Refusal::usage(
        "no_attestation",
        format!("{what} has no attestation: it delivered no change, or an older version delivered it"),
        "`aamas pr list` shows what was delivered",
    )
}

/// What was to be written could not be.
pub fn unwritten(what: &str, error: &std::io::Error) -> Refusal {
    Refusal::internal(
        "output_failed",
        format!("cannot write {what}: {error}"),
        "free some space, or name another file with --output",
    )
}

/// `aamas pr verify`.
pub fn verify(global: &Global, arguments: Verify) -> Result<ExitCode, Refusal> {
    let (request, engine) = prepare(global, arguments)?;
    let verification = engine::verify(&request, engine.as_ref())?;
    if global.json {
        print_json(&verification)?;
    } else {
        say(&verification);
    }
    Ok(ExitCode::from(if verification.verified { 0 } else { FOUND }))
}

/// Fills in what was not given. The data directory is looked at only for that.
fn prepare(global: &Global, arguments: Verify) -> Result<(VerifyRequest, Option<Engine>), Refusal> {
    let Verify { pr, attestation, key, repo } = arguments;
    let complete = attestation.is_some() && !key.is_empty();
    let mut request = VerifyRequest {
        pull_request: pr.clone(),
        run: None,
        attestation: attestation.clone().unwrap_or_default(),
        keys: key,
        repo: repo.clone().unwrap_or_else(|| PathBuf::from(".")),
    };
    if request.keys.is_empty() {
        request.keys.push(engine::public_key_path(&host::data_dir(global)?));
    }
    let Some(name) = pr.filter(|_| !complete || repo.is_none()) else { return Ok((request, None)) };
    let engine = host::engine(global)?;
    let record = engine.desk.find_pull_request(&name)?;
    let pull_request = engine::pull_request_of(&record)?;
    request.pull_request = Some(pull_request.id.to_string());
    request.run = Some(pull_request.run_id);
    if attestation.is_none() {
        request.attestation =
            pull_request.attestation.ok_or_else(|| not_attested(&pull_request.id.to_string()))?;
    }
    if repo.is_none() {
        request.repo = pull_request.repo;
    }
    Ok((request, Some(engine)))
}

fn say(verification: &Verification) {
    let paint = Paint::of(std::io::stdout().is_terminal());
    let commit = verification.commit.as_deref().map(|c| clip(c, 12)).unwrap_or_default();
    let text = |value: &Value, field: &str| printable(value[field].as_str().unwrap_or_default());
    let count = |value: &Value, field: &str| value[field].as_array().map_or(0, Vec::len);
    let Some(statement) = &verification.statement else {
        verification
            .problems
            .iter()
            .for_each(|problem| out!("{} {}", paint.bad("not verified:"), line(problem)));
        return;
    };
    let subject = format!("{} at {commit}", text(statement, "branch"));
    if verification.verified {
        out!("{} {subject}", paint.good("verified"));
    } else {
        let problems = verification.problems.len();
        let noun = if problems == 1 { "problem" } else { "problems" };
        out!("{} {subject}: {problems} {noun}", paint.bad("not verified"));
        verification.problems.iter().for_each(|problem| out!("  {}", line(problem)));
    }
    let row = |name: &str, value: String| out!("  {name:<10} {value}");
    row("run", text(statement, "run_id"));
    row("base", text(statement, "base_commit"));
    row("files", format!("{} attested, {} hunks", count(statement, "files"), statement["hunks"]));
    let gates = statement["gates"].as_array().into_iter().flatten();
    let gates: Vec<_> = gates.map(|g| format!("{} {}", text(g, "name"), text(g, "verdict"))).collect();
    row("gates", gates.join(", "));
    for review in statement["reviews"].as_array().into_iter().flatten() {
        let verdict = if review["approved"] == true { "approved" } else { "asked for changes" };
        row("review", format!("{} ({}) {verdict}", text(review, "role"), text(review, "model")));
    }
    let approvals = statement["approvals"].as_array().into_iter().flatten();
    approvals.for_each(|a| row("approval", format!("{}: {}", text(a, "what"), text(a, "who"))));
}

/// A problem as a compiler would say it.
fn line(problem: &Finding) -> String {
    let message = printable(&problem.message);
    match (&problem.path, problem.line) {
        (Some(path), Some(line)) => format!("{}:{line}: {message}", printable(path)),
        (Some(path), None) => format!("{}: {message}", printable(path)),
        (None, _) => message,
    }
}
