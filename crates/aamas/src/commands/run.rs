//! `aamas run`.

use std::io::Read;
use std::process::ExitCode;
use std::time::Instant;

use agents::StopRequest;
use app::Claim;
use domain::RunLimits;
use engine::{Engine, RunDocument, RunRequest, Stop};

use super::{asked, block_on, host, print_json, show};
use crate::cli::{Global, LimitArgs, Run};
use crate::notify;
use crate::refusal::Refusal;
use crate::say::{err, out};
use crate::terminal::Terminal;

/// Longest task, in bytes.
const MAX_TASK: usize = 1 << 20;

pub fn run(global: &Global, arguments: Run) -> Result<ExitCode, Refusal> {
    let (task, page) = asked::page(task_text(&arguments.task)?)?;
    let images = asked::images(&arguments.images)?;
    let engine = host::engine(global)?;
    let (mut repo, mut base, mut origin) = (arguments.repo, arguments.base, None);
    if let Some(before) = &arguments.continue_run {
        let (record, head, follows) = engine.follow_up(before)?;
        (repo, base, origin) = (record.repo, head, Some(follows));
    }
    let request = RunRequest {
        repo,
        task,
        model: arguments.model,
        base,
        include_dirty: arguments.include_dirty,
        limits: Box::new(move |defaults| limits(&arguments.limits, defaults)),
        yes: arguments.yes,
        solo: arguments.solo,
        plan_only: arguments.plan_only,
        best_of: arguments.best_of,
        origin: asked::origin(origin, page),
        images,
    };
    if arguments.detach {
        return detach(global, &engine, request);
    }
    let document = block_on(async {
        let created = engine.create(request).await?;
        let notes: Vec<_> = created.warnings.iter().map(|w| format!("warning: {w}")).collect();
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
    let began = Instant::now();
    let document = engine.execute(claim, &stop, &terminal).await;
    signals.abort();
    terminal.finish();
    let document = document.unwrap_or_else(|error| engine.unsaved_document(claim, &error));
    notify::ring(began.elapsed());
    notify::tell(&document).await;
    Ok(document)
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

/// Makes the run durable and lets another process of this program work on it.
fn detach(global: &Global, engine: &Engine, request: RunRequest) -> Result<ExitCode, Refusal> {
    let created = block_on(engine.create(request))??;
    let run = created.claim.run;
    err!("{run} started");
    created.warnings.iter().for_each(|w| err!("warning: {}", crate::terminal::printable(w)));
    engine.hand_over(created.claim)?;
    crate::background::go_on_with(global, engine, &run.to_string())?;
    let record = engine.desk.find_run(&run.to_string())?;
    let document = engine.document_of(&record)?;
    if global.json {
        print_json(&document)?;
    } else {
        out!("{run} goes on in the background; follow it with `aamas runs watch {run}`");
    }
    Ok(ExitCode::SUCCESS)
}

pub fn task_text(argument: &str) -> Result<String, Refusal> {
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
