//! Following work that somebody else does, an engine or a server: the same lines as of a run of one's own.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use agents::View;
use domain::{Entry, Recorded, RunError, RunState, Timestamp};
use engine::RunDocument;
use engine::document::{Identity, exit_code};
use serde::Deserialize;
use serde_json::{Value, json};

use super::on_server::RUN;
use super::{print_json, run, serving, show, task as tasks};
use crate::cli::Global;
use crate::place::{Place, document, id_of, taken};
use crate::refusal::Refusal;
use crate::say::{err, out};
use crate::table::word;
use crate::terminal::{Paint, lines, printable};

/// How often is looked: what is on this machine, and a server.
const LOOK_HERE: Duration = Duration::from_millis(100);
const LOOK_THERE: Duration = Duration::from_millis(500);
/// Looks at a server that may fail one after the other: it may be starting anew.
const FAILURES: u32 = 20;
/// Failures that pass by themselves.
const PASSING: [&str; 2] = ["server_unreachable", "rate_limited"];
/// Entries of a journal that are asked for at a time.
const PAGE: u32 = 500;

/// A run as it is seen from here.
struct Seen {
    view: View,
    seq: u64,
    paint: Paint,
}

/// A run, as far as following it needs.
#[derive(Deserialize)]
struct Row {
    id: domain::RunId,
    task_id: domain::TaskId,
    status: RunState,
    journal_seq: u64,
    document: Option<Value>,
}

/// An entry of a journal; one that a newer server writes and that is not known here is passed over.
#[derive(Deserialize)]
struct Line {
    seq: u64,
    attempt: u32,
    at: Timestamp,
    entry: Value,
}

/// Follows a task until it stands still, and prints it with the document of its run; exits like a run.
pub async fn task(global: &Global, place: &Place, id: &str) -> Result<ExitCode, Refusal> {
    let (mut said, mut seen, mut of_run) = (String::new(), Seen::new(), None);
    let mut failures = 0;
    let task = loop {
        let Some(task) = patiently(&mut failures, tasks::get(place, id).await)? else {
            pause(place).await;
            continue;
        };
        let line = standing(&task);
        if line != said {
            err!("{line}");
            said = line;
        }
        let begun = task["status"] != "submitted" && task["run_id"].is_string();
        if begun {
            let run = word(&task, "run_id");
            if of_run.as_ref() != Some(&run) {
                (seen, of_run) = (Seen::new(), Some(run.clone()));
            }
            patiently(&mut failures, seen.look(place, &run).await)?;
        }
        if !is_at_work(&task) {
            break task;
        }
        if matches!(place, Place::Here(_)) && !serving::is_served(global)? {
            return Err(nobody_serves());
        }
        pause(place).await;
    };
    let run = match &of_run {
        Some(run) => Some(seen.document(place, run).await?),
        None => None,
    };
    tell(global, &task, run.as_ref())
}

/// Waiting would have no end: nobody works on tasks of this data directory.
pub fn nobody_serves() -> Refusal {
    Refusal::usage(
        "nobody_serves",
        "nobody works on it: no `aamas serve` runs on this data directory",
        "start `aamas serve`; without a project, `aamas run` works on a task itself",
    )
}

/// Follows a run until it stands still.
pub async fn run_of_server(global: &Global, place: &Place, id: &str) -> Result<ExitCode, Refusal> {
    let (mut seen, mut failures) = (Seen::new(), 0);
    loop {
        if let Some(row) = patiently(&mut failures, seen.look(place, id).await)? {
            let task = tasks::get(place, &row.task_id.to_string()).await?;
            // The task first: what was asked of a run that stands still is in the task before it is in the run.
            let live = |state| matches!(state, RunState::Queued | RunState::Running);
            if !is_at_work(&task) && !live(seen.look(place, id).await?.status) {
                break;
            }
        }
        pause(place).await;
    }
    run::finish(global, &seen.document(place, id).await?)
}

/// What is known of a run and its journal, with nothing printed.
pub async fn read(place: &Place, id: &str) -> Result<(Vec<Recorded>, RunDocument), Refusal> {
    let row = row(place, id).await?;
    let history = entries(place, id, 0).await?;
    let mut view = View::new();
    history.iter().for_each(|r| view.apply(r.at, r.attempt, &r.entry));
    Ok((history, row.document_by(&view)?))
}

impl Seen {
    fn new() -> Self {
        Self { view: View::new(), seq: 0, paint: Paint::of(std::io::stderr().is_terminal()) }
    }

    /// Says what is new in the journal.
    async fn look(&mut self, place: &Place, id: &str) -> Result<Row, Refusal> {
        let row = row(place, id).await?;
        // A run that was set back has fewer entries than before.
        self.seq = self.seq.min(row.journal_seq);
        if row.journal_seq > self.seq {
            for recorded in entries(place, id, self.seq).await? {
                self.view.apply(recorded.at, recorded.attempt, &recorded.entry);
                let shown = lines(recorded.attempt, &recorded.entry, &self.view, self.paint);
                shown.iter().for_each(|line| err!("{line}"));
                self.seq = recorded.seq;
            }
            self.seq = self.seq.max(row.journal_seq);
        }
        Ok(row)
    }

    /// What the run came to.
    async fn document(&mut self, place: &Place, id: &str) -> Result<RunDocument, Refusal> {
        let row = self.look(place, id).await?;
        row.document_by(&self.view)
    }
}

impl Row {
    /// The document: the one that was kept, or what the journal says so far.
    fn document_by(self, view: &View) -> Result<RunDocument, Refusal> {
        match self.document {
            Some(kept) => serde_json::from_value(kept).map_err(|e| {
                let message = format!("the document of {} is of another release: {e}", self.id);
                Refusal::internal("record_unreadable", message, "use the `aamas` of the server's release")
            }),
            None => Ok(RunDocument::of(&Identity { run: self.id, task: self.task_id }, view, self.status)),
        }
    }
}

async fn row(place: &Place, id: &str) -> Result<Row, Refusal> {
    let row = match place {
        Place::Here(here) => {
            let id = id_of("run", id)?;
            document(app::runs::get(&here.platform, &here.caller, &here.origin, id).await?)
        }
        Place::There(server) => server.get_run(id).value().await.map_err(|e| RUN.or_missing(id, e)),
    };
    taken(row?)
}

/// Entries behind `after`, oldest first.
async fn entries(place: &Place, id: &str, mut after: u64) -> Result<Vec<Recorded>, Refusal> {
    let mut all = Vec::new();
    loop {
        let page = match place {
            Place::Here(here) => {
                let (id, page) = (id_of("run", id)?, Some(PAGE));
                document(
                    app::runs::journal(&here.platform, &here.caller, &here.origin, id, after, page).await?,
                )
            }
            Place::There(server) => {
                let query = taken(json!({ "after": after, "limit": PAGE }))?;
                Ok(server.read_journal(id, &query).value().await?)
            }
        }?;
        let lines: Vec<Line> = taken(page["items"].clone())?;
        after = lines.last().map_or(after, |line| line.seq);
        let known = |line: Line| {
            let entry = serde_json::from_value::<Entry>(line.entry).ok()?;
            Some(Recorded { seq: line.seq, attempt: line.attempt, at: line.at, entry })
        };
        all.extend(lines.into_iter().filter_map(known));
        if page["next_cursor"].is_null() {
            return Ok(all);
        }
    }
}

/// A look that may fail a few times while a server is away; nothing is seen then.
fn patiently<T>(failures: &mut u32, looked: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    match looked {
        Ok(seen) => {
            *failures = 0;
            Ok(Some(seen))
        }
        Err(refusal) if PASSING.contains(&refusal.error.code.as_str()) && *failures < FAILURES => {
            *failures += 1;
            Ok(None)
        }
        Err(refusal) => Err(refusal),
    }
}

async fn pause(place: &Place) {
    tokio::time::sleep(if matches!(place, Place::Here(_)) { LOOK_HERE } else { LOOK_THERE }).await;
}

/// Whether somebody works on a task, or will by themselves.
fn is_at_work(task: &Value) -> bool {
    task["status"] == "working" || task["queued"] == true
}

/// Where a task stands, for a person who waits for it.
fn standing(task: &Value) -> String {
    let waits = task["queued"] == true && task["status"] == "submitted";
    let after = word(task, "dependencies");
    match (waits, after.is_empty()) {
        (true, true) => format!("{} waits for its turn", word(task, "id")),
        (true, false) => format!("{} waits for its turn, after {after}", word(task, "id")),
        (false, _) if task["run_id"].is_string() => {
            format!("{} {} by {}", word(task, "id"), word(task, "status"), word(task, "run_id"))
        }
        (false, _) => format!("{} {}", word(task, "id"), word(task, "status")),
    }
}

/// Prints a task that stands still, and gives the exit code of its run; one that has none exits by its own error.
fn tell(global: &Global, task: &Value, run: Option<&RunDocument>) -> Result<ExitCode, Refusal> {
    let error: Option<RunError> = serde_json::from_value(task["error"].clone()).ok();
    let state = match task["status"].as_str() {
        Some("completed") => RunState::Ready,
        Some("failed") => RunState::Failed,
        Some("canceled") => RunState::Canceled,
        Some("paused") => RunState::Paused,
        // It is held, or asks something: a person has to go on.
        _ => RunState::NeedsInput,
    };
    let code = run.map_or_else(|| exit_code(state, error.as_ref()), RunDocument::exit_code);
    if global.json {
        print_json(&json!({ "task": task, "run": run }))?;
        return Ok(ExitCode::from(code));
    }
    match run {
        Some(document) => show::print_outcome(document),
        None => {
            out!("\n{}  {}", word(task, "status"), word(task, "id"));
            if let Some(error) = &error {
                out!("  why           {}", printable(&error.message));
                out!("  next          {}", printable(&error.hint));
            }
        }
    }
    Ok(ExitCode::from(code))
}
