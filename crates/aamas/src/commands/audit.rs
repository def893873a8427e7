//! `aamas audit …`: without the server, on the rows or on an export.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use domain::TenantId;
use engine::Engine;
use governance::{PublicKey, Report, SignedCheckpoint};
use serde_json::{Value, json};

use super::{host, print_json};
use crate::cli::{Audit, AuditOf, Global};
use crate::refusal::Refusal;
use crate::say::{err, out};
use crate::terminal::printable;

/// Something is wrong with the log.
const NOT_WHOLE: u8 = 3;

pub fn audit(global: &Global, command: Audit) -> Result<ExitCode, Refusal> {
    match command {
        Audit::Verify { file, checkpoint, key, of } => {
            let reports = match file {
                Some(file) => vec![verify_file(&file, &checkpoint, &key)?],
                None => verify_rows(global, &checkpoint, &key, &of)?,
            };
            show(global, &reports)?;
            let is_whole = reports.iter().all(Report::is_whole);
            Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(NOT_WHOLE) })
        }
        Audit::Export { output, of } => export(global, &output, &of),
    }
}

fn verify_file(path: &Path, checkpoints: &[PathBuf], keys: &[PathBuf]) -> Result<Report, Refusal> {
    let outside = texts(checkpoints)?;
    let outside: Vec<&str> = outside.iter().map(String::as_str).collect();
    let reader = File::open(path).map(BufReader::new).map_err(|e| unreadable(path, &e))?;
    governance::verify_export(reader, &public_keys(keys)?, &outside).map_err(|e| {
        Refusal::usage("not_an_export", engine::sentence(&e), "make one with `aamas audit export`")
    })
}

/// Verifies the organization that was named, else each that there is.
fn verify_rows(
    global: &Global,
    checkpoints: &[PathBuf],
    keys: &[PathBuf],
    of: &AuditOf,
) -> Result<Vec<Report>, Refusal> {
    let engine = host::engine(global)?;
    let mut trusted = public_keys(keys)?;
    if trusted.is_empty() {
        trusted.push(public_key(&engine::public_key_path(&engine.data_dir))?);
    }
    let beside = engine.data_dir.join("checkpoints");
    let outside = if checkpoints.is_empty() { texts(&kept_in(&beside)?)? } else { texts(checkpoints)? };
    let logs = match of.organization {
        // What is of another one is told as such, unless nobody named it.
        Some(tenant) if !checkpoints.is_empty() => vec![(tenant, outside)],
        Some(tenant) => by_tenant(vec![tenant], outside).into_iter().take(1).collect(),
        None => by_tenant(organizations(&engine)?, outside),
    };
    let verify = |(tenant, outside): (TenantId, Vec<String>)| {
        let outside: Vec<&str> = outside.iter().map(String::as_str).collect();
        engine.desk.store.read_blocking(tenant, |tx| app::audit::verify(tx, &trusted, &outside))
    };
    let reports: Result<Vec<_>, _> = logs.into_iter().map(verify).collect();
    let mut reports = reports.map_err(|e| host::store_refusal(&e))?;
    if reports.iter().all(is_of_nothing) {
        return Err(Refusal::usage(
            "nothing_to_verify",
            format!("{} has no audit here", of.organization.unwrap_or(TenantId::LOCAL)),
            "name the data directory with --data-dir, or the organization with --organization",
        ));
    }
    // That of this machine is there only once something was done in it.
    if reports.len() > 1 {
        reports.retain(|report| report.tenant != TenantId::LOCAL || !is_of_nothing(report));
    }
    Ok(reports)
}

/// Whether there was nothing to verify, and nothing to verify it against.
fn is_of_nothing(report: &Report) -> bool {
    let read = report.entries + report.checkpoints + report.receipts;
    read == 0 && report.findings.is_empty() && report.anchored.is_none()
}

/// The organizations that the installation knows, that of this machine first.
fn organizations(engine: &Engine) -> Result<Vec<TenantId>, Refusal> {
    let known = engine.desk.store.read_blocking(TenantId::INSTALLATION, |tx| tx.directory());
    let mut all = vec![TenantId::LOCAL];
    all.extend(known.map_err(|e| host::store_refusal(&e))?.into_iter().filter(|t| *t != TenantId::LOCAL));
    Ok(all)
}

/// Each organization with its checkpoints. One that only a checkpoint knows is there as well: its rows may have been taken
/// away. What can't be read goes to the first one, whose verification says so.
fn by_tenant(known: Vec<TenantId>, checkpoints: Vec<String>) -> Vec<(TenantId, Vec<String>)> {
    let mut logs: Vec<_> = known.into_iter().map(|tenant| (tenant, Vec::new())).collect();
    for text in checkpoints {
        let tenant = SignedCheckpoint::parse(&text).map(|signed| signed.unverified().tenant).ok();
        let place = match tenant {
            None => Some(0),
            Some(tenant) => logs.iter().position(|(known, _)| *known == tenant),
        };
        match (place.and_then(|place| logs.get_mut(place)), tenant) {
            (Some((_, texts)), _) => texts.push(text),
            (None, Some(tenant)) => logs.push((tenant, vec![text])),
            (None, None) => {}
        }
    }
    logs
}

/// The checkpoints that the server wrote to a directory, if there is one.
fn kept_in(dir: &Path) -> Result<Vec<PathBuf>, Refusal> {
    let entries = match std::fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| unreadable(dir, &e))?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(|e| unreadable(dir, &e)));
    let mut paths = paths.collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|word| word == "checkpoint"));
    paths.sort();
    Ok(paths)
}

fn show(global: &Global, reports: &[Report]) -> Result<(), Refusal> {
    if global.json {
        return print_json(&document(reports));
    }
    for report in reports {
        tell(report);
    }
    if reports.len() > 1 {
        let whole = reports.iter().filter(|report| report.is_whole()).count();
        out!("{whole} of {} organizations whole", reports.len());
    }
    Ok(())
}

/// The members of the first organization, with what is wrong in any of them; and each of them.
fn document(reports: &[Report]) -> Value {
    let each: Vec<Value> = reports.iter().map(document_of).collect();
    let mut all = each.first().cloned().unwrap_or_default();
    if reports.len() > 1 {
        let found = |one: &Value| {
            let mut findings = one["findings"].as_array().cloned().unwrap_or_default();
            findings
                .iter_mut()
                .for_each(|finding| finding["organization_id"] = one["organization_id"].clone());
            findings
        };
        all["findings"] = each.iter().flat_map(found).collect();
        all["more_findings"] = reports.iter().map(|report| report.more_findings).sum::<u64>().into();
        all["valid"] = reports.iter().all(Report::is_whole).into();
    }
    all["organizations"] = each.into();
    all
}

fn document_of(report: &Report) -> Value {
    json!({
        "valid": report.is_whole(),
        "organization_id": report.tenant,
        "entries": report.entries,
        "checkpoints": report.checkpoints,
        "receipts": report.receipts,
        "receipts_bound": report.receipts_bound,
        "root": report.root.map(|root| root.to_string()),
        "anchored": report.anchored,
        "findings": report.findings,
        "more_findings": report.more_findings,
    })
}

fn tell(report: &Report) {
    for finding in &report.findings {
        say_finding(finding.seq, &finding.what);
    }
    if report.more_findings > 0 {
        out!("… {} more findings", report.more_findings);
    }
    let verdict = if report.is_whole() { "whole" } else { "NOT whole" };
    let Report { entries, checkpoints, receipts, .. } = report;
    out!("{verdict}: {entries} entries, {checkpoints} checkpoints, {receipts} receipts of {}", report.tenant);
    if let Some(loose) = receipts.checked_sub(report.receipts_bound).filter(|loose| *loose > 0) {
        out!("not covered: the last {loose} receipts, which no entry names yet");
    }
    match report.anchored {
        Some(size) => {
            out!(
                "anchored: the first {size} entries are those that a checkpoint kept outside the database names"
            )
        }
        None => out!(
            "not anchored: give a checkpoint that was kept elsewhere with --checkpoint, else nobody can tell a log that \
             was written anew with the key"
        ),
    }
}

fn export(global: &Global, output: &Path, of: &AuditOf) -> Result<ExitCode, Refusal> {
    let engine = host::engine(global)?;
    let tenant = of.organization.unwrap_or(TenantId::LOCAL);
    let failed = |e: &dyn std::fmt::Display| {
        Refusal::internal(
            "export_failed",
            format!("cannot export the audit: {e}"),
            "look at the space that is left",
        )
    };
    let looked = engine.desk.store.read_blocking(tenant, |tx| Ok(app::audit::export(tx, Vec::new())));
    let bytes = looked.map_err(|e| host::store_refusal(&e))?.map_err(|e| failed(&e))?;
    if output == Path::new("-") {
        std::io::stdout().lock().write_all(&bytes).map_err(|e| failed(&e))?;
    } else {
        std::fs::write(output, &bytes).map_err(|e| failed(&e))?;
        written(global, output, bytes.len())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says where an export lies.
pub fn written(global: &Global, output: &Path, size: usize) -> Result<(), Refusal> {
    if global.json {
        return print_json(&json!({ "path": output, "size_bytes": size }));
    }
    err!("wrote {size} bytes to {}", output.display());
    Ok(())
}

fn text(path: &Path) -> Result<String, Refusal> {
    std::fs::read_to_string(path).map_err(|e| unreadable(path, &e))
}

/// A line about something that is wrong: which entry, unless its words say that.
pub fn say_finding(seq: Option<u64>, what: &str) {
    let place = seq.map(|seq| format!("entry {seq}: ")).filter(|place| !what.starts_with(place));
    out!("{}{}", place.unwrap_or_default(), printable(what));
}

fn texts(paths: &[PathBuf]) -> Result<Vec<String>, Refusal> {
    paths.iter().map(|path| text(path)).collect()
}

fn public_keys(paths: &[PathBuf]) -> Result<Vec<PublicKey>, Refusal> {
    paths.iter().map(|path| public_key(path)).collect()
}

fn public_key(path: &Path) -> Result<PublicKey, Refusal> {
    text(path)?.trim().parse().map_err(|_| {
        Refusal::usage(
            "invalid_key",
            format!("{} is no public key", path.display()),
            "it has 64 hexadecimal digits, as in keys/signing.pub of the data directory",
        )
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::usage(
        "unreadable",
        format!("cannot read {}: {error}", path.display()),
        "name a file that can be read",
    )
}
