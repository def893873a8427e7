//! `aamas audit …`: without the server, on the rows or on an export.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use domain::TenantId;
use governance::{PublicKey, Report};

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
            let report = verify(global, file.as_deref(), &checkpoint, &key, &of)?;
            show(global, &report)?;
            Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(NOT_WHOLE) })
        }
        Audit::Export { output, of } => export(global, &output, &of),
    }
}

fn verify(
    global: &Global,
    file: Option<&Path>,
    checkpoints: &[PathBuf],
    keys: &[PathBuf],
    of: &AuditOf,
) -> Result<Report, Refusal> {
    let outside: Vec<String> = checkpoints.iter().map(|path| text(path)).collect::<Result<_, _>>()?;
    let outside: Vec<&str> = outside.iter().map(String::as_str).collect();
    let mut trusted = keys.iter().map(|path| public_key(path)).collect::<Result<Vec<_>, _>>()?;
    if let Some(path) = file {
        let reader = File::open(path).map(BufReader::new).map_err(|e| unreadable(path, &e))?;
        return governance::verify_export(reader, &trusted, &outside).map_err(|e| {
            Refusal::usage("not_an_export", engine::sentence(&e), "make one with `aamas audit export`")
        });
    }
    let engine = host::engine(global)?;
    if trusted.is_empty() {
        trusted.push(public_key(&engine::public_key_path(&engine.data_dir))?);
    }
    let tenant = of.organization.unwrap_or(TenantId::LOCAL);
    let looked = engine.desk.store.read_blocking(tenant, |tx| app::audit::verify(tx, &trusted, &outside));
    let report = looked.map_err(|e| host::store_refusal(&e))?;
    if report.entries == 0 && report.checkpoints == 0 && outside.is_empty() {
        return Err(Refusal::usage(
            "nothing_to_verify",
            format!("{tenant} has no audit here"),
            "name the data directory with --data-dir, or the organization with --organization",
        ));
    }
    Ok(report)
}

fn show(global: &Global, report: &Report) -> Result<(), Refusal> {
    if global.json {
        return print_json(&serde_json::json!({
            "valid": report.is_whole(),
            "organization_id": report.tenant,
            "entries": report.entries,
            "checkpoints": report.checkpoints,
            "root": report.root.map(|root| root.to_string()),
            "anchored": report.anchored,
            "findings": report.findings,
            "more_findings": report.more_findings,
        }));
    }
    for finding in &report.findings {
        let place = finding.seq.map_or_else(String::new, |seq| format!("entry {seq}: "));
        out!("{place}{}", printable(&finding.what));
    }
    if report.more_findings > 0 {
        out!("… {} more findings", report.more_findings);
    }
    let verdict = if report.is_whole() { "whole" } else { "NOT whole" };
    out!("{verdict}: {} entries, {} checkpoints of {}", report.entries, report.checkpoints, report.tenant);
    match report.anchored {
        Some(size) => {
            out!("anchored: the first {size} entries are those that a checkpoint kept elsewhere names")
        }
        None => out!(
            "not anchored: give a checkpoint that was kept elsewhere with --checkpoint, else nobody can tell a log that \
             was written anew with the key"
        ),
    }
    Ok(())
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
        err!("wrote {} bytes to {}", bytes.len(), output.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn text(path: &Path) -> Result<String, Refusal> {
    std::fs::read_to_string(path).map_err(|e| unreadable(path, &e))
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
