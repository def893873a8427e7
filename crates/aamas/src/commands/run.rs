//! `aamas run`.

use std::io::Read;
use std::process::ExitCode;

use agents::StopRequest;
use app::Claim;
use domain::RunLimits;
use engine::{Engine, RunDocument, RunRequest, Stop};

use super::{block_on, host, print_json, show};
use crate::cli::{Global, LimitArgs, Run};
use crate::refusal::Refusal;
use crate::say::err;
use crate::terminal::Terminal;

/// Longest task, in bytes.
const MAX_TASK: usize = 1 << 20;

pub fn run(global: &Global, arguments: Run) -> Result<ExitCode, Refusal> {
    not_built(&arguments)?;
    let task = task_text(&arguments.task)?;
    let engine = host::engine(global)?;
    let request = RunRequest {
        repo: arguments.repo,
        task,
        model: arguments.model,
        base: arguments.base,
        include_dirty: arguments.include_dirty,
        limits: Box::new(move |defaults| limits(&arguments.limits, defaults)),
        yes: arguments.yes,
    };
    let document = block_on(async {
        let created = engine.create(request).await?;
        let mut notes: Vec<_> = created.warnings.iter().map(|w| format!("warning: {w}")).collect();
        if !arguments.solo {
            notes.push("note: working --solo: one builder and the gates; the team is not built yet".into());
        }
        follow(&engine, created.claim, &notes).await
    })??;
    finish(global, &document)
}

/// Prints a document and gives its exit code.
pub fn finish(global: &Global, document: &RunDocument) -> Result<ExitCode, Refusal> {
    if global.json {
        print_json(document)?;
    } else {
        show::print_outcome(document);
    }
    Ok(ExitCode::from(document.exit_code()))
}

/// Takes a claimed run to where it stands still, before a person's eyes.
#[expect(clippy::disallowed_methods, reason = "its handle is kept, and aborted when the run stands still")]
pub async fn follow(engine: &Engine, claim: Claim, notes: &[String]) -> Result<RunDocument, Refusal> {
    err!("{} started", claim.run);
    for note in notes {
        err!("{}", crate::terminal::printable(note));
    }
    let terminal = Terminal::new();
    let stop = Stop::new();
    let signals = tokio::spawn(obey_signals(stop.clone()));
    let document = engine.execute(claim, &stop, &terminal).await;
    signals.abort();
    terminal.finish();
    Ok(document.unwrap_or_else(|error| engine.unsaved_document(claim, &error)))
}

/// The first signal stops at a safe point; the second one ends the process, and nothing durable is lost by that.
async fn obey_signals(stop: Stop) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let mut hangup = signal(SignalKind::hangup()).ok();
    for asked_before in [false, true] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            Some(_) = async { match &mut hangup { Some(h) => h.recv().await, None => std::future::pending().await } } => {}
        }
        if asked_before {
            std::process::exit(130);
        }
        err!("stopping at a safe point; go on later with `aamas runs resume last`");
        stop.request(StopRequest::Interrupt);
    }
}

/// What of the contract's `run` waits for the team or the server.
fn not_built(arguments: &Run) -> Result<(), Refusal> {
    let missing = [
        (arguments.plan_only, "--plan-only"),
        (arguments.continue_run.is_some(), "--continue"),
        (arguments.detach, "--detach"),
    ];
    match missing.into_iter().find(|(given, _)| *given) {
        Some((_, flag)) => {
            Err(Refusal::usage("not_built", format!("{flag} is not built yet"), "run it without that option"))
        }
        None => Ok(()),
    }
}

fn task_text(argument: &str) -> Result<String, Refusal> {
    let bad = |message: String| Refusal::usage("invalid_task", message, "say in words what should change");
    let bytes = match argument.strip_prefix('@') {
        Some(file) => std::fs::File::open(file)
            .and_then(read_bounded)
            .map_err(|e| bad(format!("cannot read the task from {file}: {e}")))?,
        None if argument == "-" => read_bounded(std::io::stdin().lock())
            .map_err(|e| bad(format!("cannot read the task from standard input: {e}")))?,
        None => argument.as_bytes().to_vec(),
    };
    if bytes.len() > MAX_TASK {
        return Err(bad(format!("the task is larger than {} KB", MAX_TASK / 1024)));
    }
    let text = String::from_utf8(bytes).map_err(|_| bad("the task is not UTF-8 text".into()))?;
    if text.chars().all(|c| c.is_whitespace() || c.is_control()) {
        return Err(bad("the task is empty".into()));
    }
    Ok(text)
}

fn read_bounded(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_TASK as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Limits given on the command line, over those of the project.
pub fn limits(given: &LimitArgs, defaults: RunLimits) -> RunLimits {
    RunLimits {
        max_turns: given.max_turns.unwrap_or(defaults.max_turns),
        budget: given.budget_usd.or(defaults.budget),
        timeout: given.timeout.unwrap_or(defaults.timeout),
        ..defaults
    }
}
