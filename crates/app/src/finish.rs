//! A run stands still or ends.

use domain::{AttemptState, Ending, PullRequestId, RunEvent, RunState, StepState, TaskEvent, Timestamp};
use store::{NewEntry, RunRecord};

use crate::{AppError, Claim, Desk, audit_runs, work};

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How.
    pub ending: Ending,
    /// What happened to the run.
    pub event: RunEvent,
    /// Its document.
    pub document: serde_json::Value,
    /// Its branch, if there is one.
    pub branch: Option<String>,
    /// Its pull request, if there is one.
    pub pull_request: Option<PullRequestId>,
    /// The last journal entries.
    pub entries: Vec<NewEntry>,
}

/// Saves the end of a run and gives its lease back, in one commit.
///
/// # Errors
/// [`store::StoreError::Fenced`] when another process has taken over; [`AppError::Illegal`] never happens to a run in hand.
pub fn finish_run(desk: &Desk, claim: Claim, finished: Finished) -> Result<(), AppError> {
    let now = desk.now();
    let kind = format!("run.{}", finished.ending.state);
    let own = desk.clone();
    desk.store.write_blocking(desk.tenant, move |tx| {
        tx.append(claim.run, claim.fence, &finished.entries)?;
        let Some(record) = tx.run(claim.run)? else {
            return Err(store::StoreError::Malformed { what: format!("row of {}", claim.run) });
        };
        let state = record.state.apply(finished.event).unwrap_or(finished.ending.state);
        let record = RunRecord {
            state,
            branch: finished.branch.clone().or(record.branch.clone()),
            document: Some(finished.document.clone()),
            updated_at: now,
            ..record
        };
        tx.save_run(claim.fence, &record)?;
        save_task(tx, &own, claim, state, &finished)?;
        save_parts(tx, claim, state, now)?;
        if is_end(state) {
            audit_runs::record_end(tx, claim, state, now)?;
        }
        let data = work::placed(finished.document.clone(), work::place_of(tx, claim.run)?);
        tx.append_event(&own.event(&kind, claim.run.to_string(), data))?;
        tx.release_lease(claim.run, claim.fence)
    })?;
    Ok(())
}

/// Whether a run came to something, rather than only standing still.
fn is_end(state: RunState) -> bool {
    state.is_finished() || matches!(state, RunState::Failed | RunState::LimitReached)
}

fn save_task(
    tx: &mut store::TenantTx<'_>,
    desk: &Desk,
    claim: Claim,
    state: RunState,
    finished: &Finished,
) -> Result<(), store::StoreError> {
    let Some(mut task) = tx.task(claim.task)? else { return Ok(()) };
    task.state = task_event(state).and_then(|e| task.state.apply(e).ok()).unwrap_or(task.state);
    let ending = (&finished.document, finished.ending.error.as_ref());
    work::stood_still(tx, desk, &mut task, claim.run, state, ending)
}

fn save_parts(
    tx: &mut store::TenantTx<'_>,
    claim: Claim,
    state: RunState,
    now: Timestamp,
) -> Result<(), store::StoreError> {
    let (step_state, attempt_state) = match state {
        RunState::Ready | RunState::NoChange => (StepState::Done, AttemptState::Accepted),
        RunState::GatesFailed | RunState::Canceled => (StepState::Failed, AttemptState::Rejected),
        _ => return Ok(()),
    };
    for mut step in tx.steps(claim.run)? {
        step.state = step_state;
        step.updated_at = now;
        tx.save_step(claim.run, claim.fence, &step)?;
    }
    for mut attempt in tx.attempts(claim.run)? {
        attempt.state = attempt_state;
        attempt.updated_at = now;
        tx.save_attempt(claim.run, claim.fence, &attempt)?;
    }
    Ok(())
}

fn task_event(state: RunState) -> Option<TaskEvent> {
    Some(match state {
        RunState::Ready | RunState::NoChange => TaskEvent::Finished,
        RunState::GatesFailed | RunState::Failed | RunState::LimitReached => TaskEvent::GaveUp,
        RunState::NeedsInput => TaskEvent::AskedForInput,
        RunState::Paused | RunState::Interrupted => TaskEvent::Paused,
        RunState::Canceled => TaskEvent::CancelRequested,
        RunState::Queued | RunState::Running => return None,
    })
}
