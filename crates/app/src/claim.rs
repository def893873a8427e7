//! A process takes a run.

use std::time::Duration;

use domain::{Entry, RunEvent, RunId, RunLimits, Taint, TaskId, Timestamp};
use store::{Fence, NewEntry, Owner, RunRecord, StoreError};

use crate::{AppError, Desk, work};

/// How long a lease lasts unless it is renewed. A dead owner on the same host is noticed at once.
pub const LEASE: Duration = Duration::from_secs(30);

/// A run in the hands of this process.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The run.
    pub run: RunId,
    /// Its task.
    pub task: TaskId,
    /// The token that every write carries.
    pub fence: Fence,
}

/// Takes a run that stands still, or whose owner died, with these limits, model and approvals from here on.
///
/// # Errors
/// [`StoreError::LeaseHeld`] when a living process has it; [`AppError::Changed`] when it is not as it was read;
/// [`AppError::Illegal`] when it is finished.
pub fn claim_run(
    desk: &Desk,
    run: &RunRecord,
    limits: RunLimits,
    model: &str,
    yes: bool,
) -> Result<Claim, AppError> {
    let now = desk.now();
    let owner = Owner::this_process().map_err(AppError::Identity)?;
    // A run whose owner died still says `running`; anything else has to allow the start.
    let state = match run.state {
        domain::RunState::Running => run.state,
        other => other.apply(RunEvent::Started)?,
    };
    let started =
        RunRecord { state, model: model.to_owned(), updated_at: now, document: None, ..run.clone() };
    let entry = journal_entry(0, now, &Entry::Resumed { limits, model: model.to_owned(), yes }, None);
    let (own, before) = (desk.clone(), run.document.clone());
    let (id, task) = (run.id, run.task);
    let (expected, last_saved) = (run.state, run.updated_at);
    let fence = desk.store.write_blocking(desk.tenant, move |tx| {
        // Another process may have taken the run to its end since it was read.
        if !tx.run(id)?.is_some_and(|now| now.state == expected && now.updated_at == last_saved) {
            return Ok(None);
        }
        let lease = tx.acquire_lease(id, &owner, now, LEASE, Owner::is_proven_dead)?;
        tx.save_run(lease.fence, &started)?;
        tx.set_budget(id, limits.budget)?;
        if let Some(mut record) = tx.task(task)? {
            record.state = work::working(record.state);
            work::taken_up_again(tx, &record, before.as_ref())?;
            work::taken(tx, &own, &mut record, id)?;
        }
        tx.append(id, lease.fence, &[entry])?;
        let data = work::placed(serde_json::json!({ "run_id": id }), work::place_of(tx, id)?);
        tx.append_event(&own.event("run.resumed", id.to_string(), data))?;
        Ok(Some(lease.fence))
    })?;
    fence.map(|fence| Claim { run: id, task, fence }).ok_or(AppError::Changed(id))
}

/// Keeps a lease.
///
/// # Errors
/// [`StoreError::Fenced`] when another process has taken over.
pub fn renew(desk: &Desk, claim: Claim) -> Result<(), StoreError> {
    let now = desk.now();
    desk.store
        .write_blocking(desk.tenant, move |tx| tx.renew_lease(claim.run, claim.fence, now, LEASE).map(drop))
}

/// Gives a run back without an end, for another process to take up.
///
/// # Errors
/// [`StoreError::Fenced`] when another process has taken over.
pub fn release(desk: &Desk, claim: Claim) -> Result<(), StoreError> {
    desk.store.write_blocking(desk.tenant, move |tx| tx.release_lease(claim.run, claim.fence))
}

/// Gives a run of a project back, for any engine to go on with: its task is wanted again.
///
/// # Errors
/// [`StoreError::Fenced`] when another process has taken over.
pub fn hand_on(desk: &Desk, claim: Claim) -> Result<(), StoreError> {
    let now = desk.now();
    desk.store.write_blocking(desk.tenant, move |tx| {
        tx.release_lease(claim.run, claim.fence)?;
        work::want(tx, claim.task, now).map(drop)
    })
}

/// Sets a run that stands still back: entries after `seq` no longer count. It goes on with the next resume.
///
/// # Errors
/// [`StoreError::LeaseHeld`] when a living process has it; [`AppError::Illegal`] when it is finished;
/// [`AppError::Changed`] when it is not as it was read.
pub fn rewind_run(desk: &Desk, run: &RunRecord, seq: u64) -> Result<(), AppError> {
    let now = desk.now();
    let owner = Owner::this_process().map_err(AppError::Identity)?;
    let running = match run.state {
        domain::RunState::Running => run.state,
        other => other.apply(RunEvent::Started)?,
    };
    let state = running.apply(RunEvent::Interrupted)?;
    let stands = RunRecord { state, updated_at: now, document: None, ..run.clone() };
    let entry = journal_entry(0, now, &Entry::Rewound { seq }, None);
    let (own, id) = (desk.clone(), run.id);
    let (expected, last_saved) = (run.state, run.updated_at);
    let done = desk.store.write_blocking(desk.tenant, move |tx| {
        if !tx.run(id)?.is_some_and(|now| now.state == expected && now.updated_at == last_saved) {
            return Ok(false);
        }
        let lease = tx.acquire_lease(id, &owner, now, LEASE, Owner::is_proven_dead)?;
        tx.save_run(lease.fence, &stands)?;
        tx.append(id, lease.fence, &[entry])?;
        let data = work::placed(serde_json::json!({ "run_id": id, "seq": seq }), work::place_of(tx, id)?);
        tx.append_event(&own.event("run.rewound", id.to_string(), data))?;
        tx.release_lease(id, lease.fence)?;
        Ok(true)
    })?;
    if done { Ok(()) } else { Err(AppError::Changed(id)) }
}

/// An entry as the store takes it. What models and tools wrote is labelled untrusted.
#[must_use]
pub fn journal_entry(branch: u32, at: Timestamp, entry: &Entry, raw: Option<Vec<u8>>) -> NewEntry {
    let taint = match entry {
        Entry::ModelAnswered { .. } | Entry::ToolFinished { .. } | Entry::RepairEnded { .. } => {
            Taint::Untrusted
        }
        Entry::Prepared { .. } | Entry::GatesJudged { .. } => Taint::Untrusted,
        _ => Taint::Trusted,
    };
    // Serializing an enum of strings, numbers and vectors into memory has no way to fail.
    let body = serde_json::to_vec(entry).unwrap_or_default();
    NewEntry { branch, at, kind: entry.kind().to_owned(), taint, data_key: None, body, raw }
}
