//! What becomes of a run whose process died: another one goes on with it, at first at once, then after longer and longer
//! pauses, and not for ever. A run that takes its server down would take it down after each of its starts. It is told from
//! one whose server is ended from outside by how far it came in between; where that is not plain, the pauses let the others
//! work on, and whatever ended the server pass.

use std::time::Duration;

use domain::{RunError, RunEvent, RunId, RunState, TaskEvent, TaskState, Timestamp};
use serde_json::json;
use store::{Document, Owner, RunRecord};

use crate::claim::LEASE;
use crate::records::TaskDoc;
use crate::{AppError, Desk, work};

/// Processes that may die in a run that does not come further, one after the other, before it pauses after each.
const FREE_DEATHS: u32 = 5;
/// The first pause. Each is twice as long as the one before it.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// Processes that may die in it in all before it waits for a person: the pauses before that are a quarter of an hour.
pub const MOST_DEATHS: u32 = 10;
/// A run that finished so much between two deaths came further. Whatever takes a server down is found interrupted after the
/// next start, and asked for again: an answer and a result, each time.
const CAME_FURTHER: usize = 3;
/// Entries of a journal that finish something.
const FINISHED: [&str; 6] =
    ["model_answered", "tool_finished", "agent_acted", "compacted", "repair_ended", "gates_judged"];
/// Entries that are looked through at most; more than that came further.
const LOOKED_THROUGH: u32 = 200;

/// The error of a task whose run was left to a person.
pub(crate) const CODE: &str = "run_ends_its_server";
/// The error of a task whose run pauses.
const PAUSES: &str = "run_backs_off";

/// What became of a run whose process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// Its task is wanted again.
    TakenUp,
    /// Its task is wanted again after a pause.
    TakenUpLater,
    /// It is interrupted, and its task waits for a person.
    LeftToAPerson,
    /// It was none: the process lives, or somebody has taken it up already.
    AsBefore,
}

/// Takes note that the process of a run of a project has died.
///
/// # Errors
/// Failures of the store; when this process can't tell who it is.
pub fn process_died(desk: &Desk, run: RunId) -> Result<Afterwards, AppError> {
    let owner = Owner::this_process().map_err(AppError::Identity)?;
    let (own, now) = (desk.clone(), desk.now());
    let after = desk.store.write_blocking(desk.tenant, move |tx| {
        let Some(record) = tx.run(run)?.filter(|r| r.state == RunState::Running) else {
            return Ok(Afterwards::AsBefore);
        };
        let lives = tx.lease(run)?.is_some_and(|l| l.until > now && !l.owner.is_proven_dead());
        let task = tx.task(record.task)?.filter(|t| t.project.is_some() && t.wanted_at.is_none());
        let Some(mut task) = task.filter(|_| !lives) else { return Ok(Afterwards::AsBefore) };
        if matches!(task.state, TaskState::Completed | TaskState::Canceled) {
            return Ok(Afterwards::AsBefore);
        }
        let mut doc: TaskDoc = work::doc_of("task", &task.doc)?;
        let since = tx.entries(run, doc.died_at.saturating_add(1), LOOKED_THROUGH)?;
        let finished = since.iter().filter(|entry| FINISHED.contains(&entry.kind.as_str())).count();
        doc.deaths = if finished < CAME_FURTHER { doc.deaths.saturating_add(1) } else { 1 };
        doc.died_at = tx.journal_head(run)?;
        task.updated_at = now;
        let after = if let Some(pause) = pause_after(doc.deaths) {
            let at = now.plus(pause);
            task.wanted_at = Some(at);
            doc.error = (!pause.is_zero()).then(|| backs_off(doc.deaths, at));
            if pause.is_zero() { Afterwards::TakenUp } else { Afterwards::TakenUpLater }
        } else {
            let fence = tx.acquire_lease(run, &owner, now, LEASE, Owner::is_proven_dead)?.fence;
            let state = record.state.apply(RunEvent::Interrupted).unwrap_or(RunState::Interrupted);
            tx.save_run(fence, &RunRecord { state, updated_at: now, ..record })?;
            tx.release_lease(run, fence)?;
            task.state = task.state.apply(TaskEvent::Paused).unwrap_or(task.state);
            (doc.held, doc.error) = (true, Some(why()));
            let data = work::placed(json!({ "run_id": run }), work::place_of(tx, run)?);
            tx.append_event(&own.event("run.interrupted", run.to_string(), data))?;
            Afterwards::LeftToAPerson
        };
        task.doc = Document::of(&doc);
        tx.save_task(&task)?;
        if after == Afterwards::LeftToAPerson {
            tx.append_event(&work::told(&own, &task, Some(run)))?;
        }
        Ok(after)
    })?;
    Ok(after)
}

/// How long a run waits after so many deaths; none: for a person.
fn pause_after(deaths: u32) -> Option<Duration> {
    match deaths {
        0..FREE_DEATHS => Some(Duration::ZERO),
        FREE_DEATHS..MOST_DEATHS => Some(FIRST_PAUSE * (1 << (deaths - FREE_DEATHS))),
        MOST_DEATHS.. => None,
    }
}

fn backs_off(deaths: u32, until: Timestamp) -> RunError {
    RunError::new(
        PAUSES,
        format!(
            "the server died {deaths} times in a row while it worked on this; it is tried again at {until}"
        ),
        "resume the task to try at once; look into the server's log and the machine's (memory?) for why",
    )
}

fn why() -> RunError {
    RunError::new(
        CODE,
        format!(
            "the server died {MOST_DEATHS} times in a row while it worked on this, and it came no further"
        ),
        "look into the server's log and the machine's (memory?) for why; resume the task to try again, or cancel it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_a_person_is_asked() {
        let seconds = |deaths| pause_after(deaths).map(|pause| pause.as_secs());
        let all: Vec<_> = (1..=11).map(seconds).collect();
        let pauses = [0, 0, 0, 0, 30, 60, 120, 240, 480].map(Some);
        assert_eq!(all, [&pauses[..], &[None, None]].concat());
    }
}
