//! `aamas audit …` of a server.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use client::Client;
use client::types::Anchors;
use serde_json::{Value, json};

use crate::cli::{Audit, AuditOf, Global};
use crate::commands::audit::{say_finding, written};
use crate::commands::{block_on, evidence, print_json};
use crate::place::taken;
use crate::refusal::Refusal;
use crate::say::out;
use crate::server::local_only;
use crate::table::list as members;

/// Something is wrong with the log.
const NOT_WHOLE: u8 = 3;

pub fn audit(global: &Global, server: &Client, command: Audit) -> Result<ExitCode, Refusal> {
    match command {
        Audit::Verify { file: None, checkpoint, key, of } if key.is_empty() => {
            own_organization(&of)?;
            verify(global, server, &checkpoint)
        }
        Audit::Verify { .. } => Err(local_only(
            "`aamas audit verify` with --file or --key",
            "export with `aamas audit export`, and verify that here without --server",
        )),
        Audit::Export { output, of } => {
            own_organization(&of)?;
            export(global, server, &output)
        }
    }
}

fn own_organization(of: &AuditOf) -> Result<(), Refusal> {
    match of.organization {
        None => Ok(()),
        Some(_) => {
            Err(local_only("`aamas audit … --organization`", "a token speaks for its own organization"))
        }
    }
}

/// The server's own word for it: whoever doubts the server verifies an export.
fn verify(global: &Global, server: &Client, checkpoints: &[PathBuf]) -> Result<ExitCode, Refusal> {
    let texts = checkpoints.iter().map(|path| text(path)).collect::<Result<Vec<_>, _>>()?;
    let found = block_on(async {
        let anchors: Anchors = taken(json!({ "checkpoints": texts }))?;
        Ok::<_, Refusal>(server.verify_audit(body_of(&anchors)).value().await?)
    })??;
    let code = if found["valid"] == true { ExitCode::SUCCESS } else { ExitCode::from(NOT_WHOLE) };
    if global.json {
        print_json(&as_here(&found))?;
        return Ok(code);
    }
    for problem in members(&found, "problems") {
        say_finding(problem["seq"].as_u64(), problem["what"].as_str().unwrap_or_default());
    }
    let verdict = if found["valid"] == true { "whole" } else { "NOT whole" };
    out!("{verdict}, says the server: {} entries, {} checkpoints", found["entries"], found["checkpoints"]);
    Ok(code)
}

/// The document that `aamas audit verify` has on this machine.
fn as_here(found: &Value) -> Value {
    let finding = |problem: &Value| {
        let kind = problem["kind"].as_str().unwrap_or_default();
        let mut finding = json!({ "kind": kind, "what": problem["what"] });
        // Checkpoints are no entries: what the server puts there is their size.
        for member in if ["checkpoint", "tenant"].contains(&kind) {
            &["checkpoint"][..]
        } else {
            &["seq", "checkpoint"]
        } {
            if !problem[*member].is_null() {
                finding[*member] = problem[*member].clone();
            }
        }
        finding
    };
    let mut document = json!({
        "findings": members(found, "problems").iter().map(finding).collect::<Vec<_>>(),
        "more_findings": found["more_problems"],
    });
    for member in [
        "valid",
        "organization_id",
        "entries",
        "checkpoints",
        "receipts",
        "receipts_bound",
        "root",
        "anchored",
    ] {
        document[member] = found[member].clone();
    }
    document["organizations"] = json!([document.clone()]);
    document
}

/// A body, for an operation that needs one or takes one: the description may say either.
fn body_of<'b, T, B: From<&'b T>>(body: &'b T) -> B {
    B::from(body)
}

fn export(global: &Global, server: &Client, output: &Path) -> Result<ExitCode, Refusal> {
    let bytes = block_on(async { server.export_audit().await })??;
    if output == Path::new("-") {
        let done = std::io::stdout().lock().write_all(&bytes);
        done.map_err(|e| evidence::unwritten("the standard output", &e))?;
    } else {
        std::fs::write(output, &bytes).map_err(|e| evidence::unwritten(&output.display().to_string(), &e))?;
        written(global, output, bytes.len())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(path: &Path) -> Result<String, Refusal> {
    std::fs::read_to_string(path).map_err(|e| {
        let message = format!("cannot read {}: {e}", path.display());
        Refusal::usage("unreadable", message, "name a file that can be read")
    })
}
