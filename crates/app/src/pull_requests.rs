//! What becomes of a local pull request.

use domain::{PullRequestId, RunId};
use store::{NewEvent, PullRequestRecord, PullRequestState, StoreError, TenantTx};

use crate::records::to_doc;
use crate::reviews::PullRequest;
use crate::{AppError, Desk, work};

/// Saves a pull request's new state, with its event.
///
/// # Errors
/// [`AppError::Illegal`] when it is merged or closed already.
pub fn set_pull_request_state(
    desk: &Desk,
    record: &PullRequestRecord,
    state: PullRequestState,
) -> Result<PullRequestRecord, AppError> {
    let changed = moved(desk, record, state)?;
    write(desk, &changed, state.as_str())?;
    Ok(changed)
}

/// Saves that somebody merged a pull request, with its event.
///
/// # Errors
/// [`AppError::Illegal`] when it is merged or closed already.
pub fn set_merged(desk: &Desk, record: &PullRequestRecord, by: &str) -> Result<PullRequestRecord, AppError> {
    let mut changed = moved(desk, record, PullRequestState::Merged)?;
    let mut doc: PullRequest = work::doc_of("pull request", &record.doc)?;
    (doc.merged_by, doc.merged_at) = (Some(by.to_owned()), Some(changed.updated_at));
    changed.doc = to_doc(&doc);
    write(desk, &changed, changed.state.as_str())?;
    Ok(changed)
}

fn moved(
    desk: &Desk,
    record: &PullRequestRecord,
    to: PullRequestState,
) -> Result<PullRequestRecord, AppError> {
    if matches!(record.state, PullRequestState::Merged | PullRequestState::Closed) {
        return Err(domain::IllegalTransition {
            what: "pull request",
            from: record.state.as_str().to_owned(),
            event: to.as_str().to_owned(),
        }
        .into());
    }
    Ok(PullRequestRecord { state: to, updated_at: desk.now(), ..record.clone() })
}

/// Saves what a pull request says, with the event of what was done: `commented`, `approved`.
///
/// # Errors
/// Only failures of the store.
pub fn save(desk: &Desk, record: &PullRequestRecord, done: &str) -> Result<(), AppError> {
    write(desk, record, done)
}

/// A follow-up is delivered: the pull request of the run that it goes on from is closed, and its remarks are seen to.
///
/// # Errors
/// Only failures of the storage.
pub fn supersede(
    tx: &mut TenantTx<'_>,
    desk: &Desk,
    before: RunId,
    by: PullRequestId,
) -> Result<(), StoreError> {
    let open = |r: &PullRequestRecord| matches!(r.state, PullRequestState::Open | PullRequestState::Draft);
    let Some(record) = tx.pull_request_of_run(before)?.filter(open) else { return Ok(()) };
    let mut doc: PullRequest = work::doc_of("pull request", &record.doc)?;
    doc.comments.iter_mut().for_each(|comment| comment.resolved = true);
    doc.superseded_by = Some(by);
    doc.updated_at = desk.now();
    let state = PullRequestState::Closed;
    let record = PullRequestRecord { state, doc: to_doc(&doc), updated_at: desk.now(), ..record };
    tx.save_pull_request(&record)?;
    tx.append_event(&event(tx, desk, &record, state.as_str())?)
}

/// The event of a pull request, such as `opened`, for the transaction that saves it.
///
/// # Errors
/// Only failures of the storage.
pub fn event(
    tx: &TenantTx<'_>,
    desk: &Desk,
    record: &PullRequestRecord,
    verb: &str,
) -> Result<NewEvent, StoreError> {
    let data = serde_json::json!({
        "pull_request_id": record.id,
        "run_id": record.run,
        "status": record.state.as_str(),
    });
    let data = work::placed(data, work::place_of(tx, record.run)?);
    Ok(desk.event(&format!("pull_request.{verb}"), record.id.to_string(), data))
}

fn write(desk: &Desk, record: &PullRequestRecord, verb: &str) -> Result<(), AppError> {
    let (own, saved, verb) = (desk.clone(), record.clone(), verb.to_owned());
    desk.store.write_blocking(desk.tenant, move |tx| {
        tx.save_pull_request(&saved)?;
        tx.append_event(&event(tx, &own, &saved, &verb)?)
    })?;
    Ok(())
}
