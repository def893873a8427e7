//! `aamas runs …` of a server.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use client::{Client, Outcome};
use serde_json::{Value, json};

use super::operation::{Came, wait};
use crate::cli::{ExportFormat, Global, LimitArgs, PointArgs, Runs};
use crate::commands::{block_on, evidence, follow, print_json, show};
use crate::place::{Kind, Place, document, find, gather, taken};
use crate::refusal::Refusal;
use crate::say::{err, out};
use crate::server::local_only;
use crate::table::{self, list as members, moment, word};

/// How runs are named.
pub const KIND: Kind =
    Kind { prefix: "run", what: "run", name: None, list: "aamas runs list", newest_first: true };
/// Runs that are listed at most.
const ALL: usize = 10_000;
/// A step differs.
const DIFFERS: u8 = 3;

pub fn runs(global: &Global, server: Client, command: Runs) -> Result<ExitCode, Refusal> {
    let place = Place::There(server.clone());
    block_on(async {
        match command {
            Runs::List => list(global, &server).await,
            Runs::Show { run } => show_run(global, &place, &resolve(&server, &run).await?, &server).await,
            Runs::Watch { run } => {
                let id = resolve(&server, &run).await?;
                follow::run_of_server(global, &place, &id).await
            }
            Runs::Resume { run, model, limits, yes } => {
                as_it_is(model.is_some() || yes || is_raised(&limits))?;
                let id = resolve(&server, &run).await?;
                go_on(&server, &id).await?;
                follow::run_of_server(global, &place, &id).await
            }
            Runs::Pause { run } => {
                let id = resolve(&server, &run).await?;
                told(global, &server.pause_run(&id).value().await?)
            }
            Runs::Cancel { run } => {
                let id = resolve(&server, &run).await?;
                told(global, &server.cancel_run(&id).value().await?)
            }
            Runs::Steer { run, message } => {
                let id = resolve(&server, &run).await?;
                let words = taken(json!({ "message": message }))?;
                told(global, &server.steer_run(&id, &words).value().await?)
            }
            Runs::Answer { run, message } => {
                let id = resolve(&server, &run).await?;
                let words = taken(json!({ "message": message }))?;
                told(global, &server.answer_run(&id, &words).value().await?)
            }
            Runs::Fork { run, at, model, yes, message } => {
                as_it_is(yes)?;
                let id = resolve(&server, &run).await?;
                let forked = fork(&server, &id, &at, model, message).await?;
                let id = word(&forked, "run_id");
                err!("{id} forked, as {}", word(&forked, "task_id"));
                follow::run_of_server(global, &place, &id).await
            }
            Runs::Replay { run } => {
                let id = resolve(&server, &run).await?;
                let replayed = match wait(&server, server.replay_run(&id).value().await?).await? {
                    Came::Now(replayed) | Came::Later(replayed) => replayed,
                };
                tell_replay(global, &id, &replayed)
            }
            Runs::Export { run, format, output } => {
                let id = resolve(&server, &run).await?;
                export(global, &server, &id, format, &output).await
            }
            Runs::Rewind { .. } => Err(local_only(
                "`aamas runs rewind`",
                "take another way from that point with `aamas runs fork`; the run stays as it is",
            )),
        }
    })?
}

/// Lets a run go on; one that is finished stays what it is.
async fn go_on(server: &Client, id: &str) -> Result<(), Refusal> {
    let run = server.get_run(id).value().await.map_err(|e| KIND.or_missing(id, e))?;
    let state: domain::RunState = taken(run["status"].clone())?;
    if state == domain::RunState::Running {
        let hint = "follow it with `aamas runs watch`, or hold it with `aamas runs pause`";
        return Err(Refusal::usage("run_is_running", format!("{id} is running"), hint));
    }
    if !state.is_finished() {
        server.resume_run(id).value().await?;
    }
    Ok(())
}

fn is_raised(limits: &LimitArgs) -> bool {
    limits.budget_usd.is_some() || limits.max_turns.is_some() || limits.timeout.is_some()
}

/// A server goes on with a run as its task was asked.
fn as_it_is(changed: bool) -> Result<(), Refusal> {
    let hint = "a run of a server goes on as its task was asked; fork it with --model, or ask a new task";
    if changed { Err(local_only("another model, limit or approval of a run", hint)) } else { Ok(()) }
}

async fn resolve(server: &Client, text: &str) -> Result<String, Refusal> {
    find(KIND, text, async |cursor, limit| page(server, cursor, limit).await).await
}

async fn page(server: &Client, cursor: Option<String>, limit: u32) -> Result<Value, Refusal> {
    let query = taken(json!({ "cursor": cursor, "limit": limit }))?;
    Ok(server.list_runs(&query).value().await?)
}

async fn list(global: &Global, server: &Client) -> Result<ExitCode, Refusal> {
    let found = gather(ALL, async |cursor, limit| page(server, cursor, limit).await).await?;
    if global.json {
        let rows: Vec<_> = found
            .items
            .iter()
            .map(|r| {
                json!({
                    "run_id": r["id"], "task_id": r["task_id"], "task": r["title"], "status": r["status"],
                    "repo": null, "branch": r["branch"], "created_at": r["created_at"],
                    "updated_at": r["updated_at"], "project_id": r["project_id"],
                })
            })
            .collect();
        print_json(&json!({ "runs": rows, "more": found.more }))?;
    } else if found.items.is_empty() {
        out!("no runs yet: ask a task with `aamas task create`");
    } else {
        let rows: Vec<_> = found
            .items
            .iter()
            .map(|r| vec![word(r, "id"), word(r, "status"), moment(r, "updated_at"), word(r, "title")])
            .collect();
        table::print(&[("RUN", 30), ("STATUS", 13), ("UPDATED", 19), ("TASK", 60)], &rows);
    }
    Ok(ExitCode::SUCCESS)
}

async fn show_run(global: &Global, place: &Place, id: &str, server: &Client) -> Result<ExitCode, Refusal> {
    let (history, run) = follow::read(place, id).await?;
    let row = server.get_run(id).value().await?;
    let task = server.get_task(&word(&row, "task_id")).value().await?;
    if global.json {
        let entries: Vec<_> = history
            .iter()
            .map(|r| json!({ "seq": r.seq, "attempt": r.attempt, "at": r.at, "entry": r.entry }))
            .collect();
        print_json(&json!({
            "run": run, "task": task["description"], "entries": entries, "ledger": null, "spent": row["spent"],
        }))?;
    } else {
        show::print_run(id, &word(&row, "created_at"), None, &word(&task, "description"), &history, &run);
    }
    Ok(ExitCode::SUCCESS)
}

async fn fork(
    server: &Client,
    id: &str,
    at: &PointArgs,
    model: Option<String>,
    message: Option<String>,
) -> Result<Value, Refusal> {
    let fork = taken(json!({ "turn": at.turn, "entry": at.entry, "model": model, "message": message }))?;
    match wait(server, server.fork_run(id, Some(&fork)).value().await?).await? {
        Came::Now(forked) | Came::Later(forked) => Ok(forked),
    }
}

fn told(global: &Global, run: &Value) -> Result<ExitCode, Refusal> {
    let live = run["status"] == "running";
    if global.json {
        print_json(&json!({ "run_id": run["id"], "recorded": true, "live": live, "status": run["status"] }))?;
    } else if live {
        out!("recorded; the running engine takes it up at its next safe point");
    } else {
        out!("recorded; {} is {}", word(run, "id"), word(run, "status"));
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_replay(global: &Global, id: &str, replayed: &Value) -> Result<ExitCode, Refusal> {
    let same = replayed["identical"] == true;
    if global.json {
        print_json(&json!({
            "run_id": id, "identical": same, "steps": replayed["entries"], "requests": replayed["requests"],
            "notes": replayed["notes"], "differs": replayed["first_difference"],
        }))?;
    } else {
        members(replayed, "notes").iter().for_each(|note| err!("note: {}", table::words(note)));
        let steps = word(replayed, "entries");
        if same {
            out!("{id} replays identically: {steps} steps");
        } else {
            let differs = &replayed["first_difference"];
            out!("{id} differs at entry {} after {steps} equal steps", word(differs, "entry"));
            for member in ["recorded", "now"] {
                out!("  {member:<9} {}", crate::terminal::clip(&word(differs, member), 2000));
            }
        }
    }
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}

async fn export(
    global: &Global,
    server: &Client,
    id: &str,
    format: ExportFormat,
    output: &Path,
) -> Result<ExitCode, Refusal> {
    let word_of = match format {
        ExportFormat::Atif => "atif",
        ExportFormat::Html => "html",
        ExportFormat::Json => "json",
        ExportFormat::Attestation => "attestation",
    };
    let query = taken(json!({ "format": word_of }))?;
    let bytes = match server.export_run(id, &query).await? {
        Outcome::Done(bytes) => bytes,
        Outcome::Later(later) => {
            // What was exported is kept: asked again, it is there.
            super::operation::done(server, &document(later)?).await?;
            match server.export_run(id, &query).await? {
                Outcome::Done(bytes) => bytes,
                Outcome::Later(_) => {
                    let hint = "ask again when the server has less to do";
                    return Err(Refusal::internal(
                        "operation_slow",
                        "the export takes the server too long",
                        hint,
                    ));
                }
            }
        }
    };
    let to_stdout = output == Path::new("-");
    if global.json && to_stdout {
        print_json(&as_document(id, format, &bytes)?)?;
    } else if to_stdout {
        match std::io::stdout().lock().write_all(&bytes) {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                return Err(evidence::unwritten("the standard output", &e));
            }
            _ => {}
        }
    } else {
        evidence::keep(global, id, output, &bytes)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The one document that `--json` promises.
fn as_document(id: &str, format: ExportFormat, bytes: &[u8]) -> Result<Value, Refusal> {
    let unreadable = |e: serde_json::Error| {
        Refusal::internal(
            "unexpected_answer",
            format!("the export of {id} is no JSON: {e}"),
            "leave --json out",
        )
    };
    match format {
        ExportFormat::Atif | ExportFormat::Attestation => serde_json::from_slice(bytes).map_err(unreadable),
        ExportFormat::Html => Ok(json!({ "run_id": id, "html": String::from_utf8_lossy(bytes) })),
        ExportFormat::Json => {
            let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
            let entries = lines.map(serde_json::from_slice).collect::<Result<Vec<Value>, _>>();
            Ok(json!({ "run_id": id, "entries": entries.map_err(unreadable)? }))
        }
    }
}
