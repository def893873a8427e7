//! What people do with a task that was asked: pause, resume, cancel, retry; and messages to its run.

use auth::{Action, Caller};
use domain::{RunId, RunState, TaskEvent, TaskId, TaskState};
use serde_json::{Value, json};
use store::{Document, MessageKind, NewMessage, TaskRecord};

use super::{Task, event_data, resource_of, view};
use crate::office::{Office, Origin};
use crate::operations::Operation;
use crate::records::{TaskDoc, of_doc};
use crate::{AppError, Platform};

/// What people do with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Holds it: a run stops at its next safe point, and a task that waits is not begun.
    Pause,
    /// Lets it go on.
    Resume,
    /// Ends it for good.
    Cancel,
    /// Begins it anew after it failed.
    Retry,
}

/// Pauses, resumes, cancels or retries a task, and its run with it.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`], [`AppError::Illegal`] when that can't happen to it now.
pub async fn control(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: TaskId,
    control: Control,
) -> Result<Task, AppError> {
    platform
        .change(caller, origin, move |office| {
            let record = office.rows().task(id)?.ok_or_else(|| AppError::not_found("task", id))?;
            office.may(Action::TasksControl, resource_of(office.rows(), &record)?)?;
            steer(office, record, control)?;
            let record = office.rows().task(id)?.ok_or_else(|| AppError::not_found("task", id))?;
            view(office.rows(), record)
        })
        .await
}

/// What people do with a task, within a use case that asked for it.
pub(crate) fn steer(
    office: &mut Office<'_, '_>,
    mut record: TaskRecord,
    control: Control,
) -> Result<(), AppError> {
    let mut doc: TaskDoc = of_doc("task", &record.doc)?;
    let now = office.now();
    let illegal = |event: &str| -> AppError {
        let from = record.state.to_string();
        domain::IllegalTransition { what: "task", from, event: event.to_owned() }.into()
    };
    let over = matches!(record.state, TaskState::Completed | TaskState::Canceled);
    let event = match control {
        Control::Pause if over || record.state == TaskState::Failed => return Err(illegal("paused")),
        Control::Pause => {
            doc.held = true;
            record.wanted_at = None;
            if let (TaskState::Working, Some(run)) = (record.state, doc.run) {
                tell(office, run, MessageKind::Pause, json!({}))?;
            }
            "task.held"
        }
        Control::Resume if over => return Err(illegal("resumed")),
        Control::Resume | Control::Retry => {
            if control == Control::Retry && record.state != TaskState::Failed {
                return Err(illegal("retried"));
            }
            (doc.held, doc.deaths) = (false, 0);
            if control == Control::Retry {
                doc.error = None;
            }
            // One that pauses after deaths of its servers goes on now.
            if record.state != TaskState::Working || record.wanted_at.is_some() {
                record.wanted_at = Some(record.wanted_at.map_or(now, |at| at.min(now)));
            }
            "task.queued"
        }
        Control::Cancel => {
            let next = record.state.apply(TaskEvent::CancelRequested)?;
            record.wanted_at = None;
            match doc.run.map(|run| office.rows().run(run)).transpose()?.flatten() {
                Some(run) if run.state == RunState::Running => {
                    // The run's own end takes the task to `canceled`.
                    doc.deaths = 0;
                    tell(office, run.id, MessageKind::Cancel, json!({}))?;
                    "task.cancel_requested"
                }
                Some(run) if !run.state.is_finished() => {
                    office.ask(&Operation::CancelRun { run_id: run.id })?;
                    record.state = next;
                    "task.canceled"
                }
                _ => {
                    record.state = next;
                    "task.canceled"
                }
            }
        }
    };
    record.updated_at = now;
    record.doc = Document::of(&doc);
    office.tx.save_task(&record)?;
    office.did(event, ("task", record.id.to_string()), event_data(&record))
}

/// Posts a message to a run.
pub(crate) fn tell(
    office: &mut Office<'_, '_>,
    run: RunId,
    kind: MessageKind,
    body: Value,
) -> Result<(), AppError> {
    let key = domain::EventId::new(office.now(), office.random()).to_string();
    let author = office.caller().principal.name().to_owned();
    let message = NewMessage { key, kind, author, body, at: office.now() };
    office.tx.post_message(run, &message)?;
    Ok(())
}
