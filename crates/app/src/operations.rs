//! What the API asks of an engine beside runs, and what came of it: both meet in the store.

use std::path::PathBuf;

use domain::{
    ArtifactId, OperationId, OperationState, ProjectId, PullRequestId, RunError, RunId, RunState, TaskId,
    Timestamp,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{OperationRecord, Owner, StoreError, TenantTx};

use crate::{AppError, Desk};

pub use crate::work::{hold, let_go, want};

/// How long an operation may take, in microseconds, before one of a process that can't be proven dead (it ran on another
/// host) is begun again: twice the time that the longest one, a clone, is given.
const LONGEST_US: i64 = 20 * 60 * 1_000_000;

/// What an engine is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields)]
pub enum Operation {
    /// Brings a project's repository in: [`Prepared`].
    #[serde(rename = "project.prepare")]
    PrepareProject {
        /// Which.
        project_id: ProjectId,
    },
    /// Merges a pull request into the branch that its run began from: [`PullRequestChanged`].
    #[serde(rename = "pull_request.merge")]
    MergePullRequest {
        /// Which.
        pull_request_id: PullRequestId,
        /// Whether a draft is merged too.
        #[serde(default)]
        draft: bool,
        /// The name of who merges it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// Puts a pull request's change into the work tree: [`PullRequestChanged`].
    #[serde(rename = "pull_request.apply")]
    ApplyPullRequest {
        /// Which.
        pull_request_id: PullRequestId,
    },
    /// Turns a pull request down: [`PullRequestChanged`].
    #[serde(rename = "pull_request.close")]
    ClosePullRequest {
        /// Which.
        pull_request_id: PullRequestId,
    },
    /// Begins a run that shares another's past: [`Forked`].
    #[serde(rename = "run.fork")]
    ForkRun {
        /// The other.
        run_id: RunId,
        /// After so many turns.
        #[serde(default)]
        turn: Option<u32>,
        /// After the entry with this number; before `turn`, and without both where it stands.
        #[serde(default)]
        entry: Option<u64>,
        /// What is different from there on.
        #[serde(default)]
        message: Option<String>,
        /// Another model from there on.
        #[serde(default)]
        model: Option<String>,
    },
    /// Decides a recorded run again: [`Replayed`].
    #[serde(rename = "run.replay")]
    ReplayRun {
        /// Which.
        run_id: RunId,
    },
    /// Writes down what a run can show for itself: [`Exported`].
    #[serde(rename = "run.export")]
    ExportRun {
        /// Which.
        run_id: RunId,
        /// As what.
        format: ExportFormat,
    },
    /// Ends a run: [`RunChanged`].
    #[serde(rename = "run.cancel")]
    CancelRun {
        /// Which.
        run_id: RunId,
    },
    /// Sets a run that stands still back: [`RunChanged`].
    #[serde(rename = "run.rewind")]
    RewindRun {
        /// Which.
        run_id: RunId,
        /// After so many turns.
        #[serde(default)]
        turn: Option<u32>,
        /// After the entry with this number; before `turn`.
        #[serde(default)]
        entry: Option<u64>,
    },
}

/// What a run is written down as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// Its trajectory, in the Agent Trajectory Interchange Format.
    Atif,
    /// A page of HTML that needs nothing else.
    Html,
    /// Its journal, a JSON object a line.
    Json,
    /// The signed envelope of its change.
    Attestation,
}

/// What became of [`Operation::PrepareProject`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Prepared {
    /// The project.
    #[schema(value_type = crate::shapes::ProjectId)]
    pub project_id: ProjectId,
    /// Where its repository is on this server.
    #[schema(value_type = String)]
    pub checkout: PathBuf,
    /// The branch that is checked out there.
    #[schema(required)]
    pub default_branch: Option<String>,
    /// Languages and frameworks.
    pub tech_stack: Vec<String>,
}

/// What became of a pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PullRequestChanged {
    /// Which.
    #[schema(value_type = crate::shapes::PullRequestId)]
    pub pull_request_id: PullRequestId,
    /// Where it stands now.
    #[schema(value_type = crate::shapes::PullRequestStatus)]
    pub status: String,
}

/// What became of [`Operation::ForkRun`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Forked {
    /// The new task.
    #[schema(value_type = crate::shapes::TaskId)]
    pub task_id: TaskId,
    /// Its run.
    #[schema(value_type = crate::shapes::RunId)]
    pub run_id: RunId,
}

/// What became of [`Operation::ReplayRun`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Replayed {
    /// Whether every step is the same.
    pub identical: bool,
    /// Steps that are the same.
    pub entries: u64,
    /// Requests to models that were rendered again and compared byte for byte.
    #[serde(default)]
    #[schema(required)]
    pub requests: u64,
    /// The first step that differs.
    #[schema(value_type = Option<Object>, required)]
    pub first_difference: Option<Value>,
    /// What could not be derived again, and why.
    pub notes: Vec<String>,
}

/// What became of [`Operation::ExportRun`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Exported {
    /// The run.
    #[schema(value_type = crate::shapes::RunId)]
    pub run_id: RunId,
    /// As what.
    pub format: ExportFormat,
    /// The artifact of the run that it was kept as.
    #[schema(value_type = crate::shapes::ArtifactId)]
    pub artifact_id: ArtifactId,
    /// The content's address among the objects.
    pub object: String,
    /// What it is, for `content-type`.
    pub media_type: String,
    /// A name for a file of it.
    pub file_name: String,
    /// Its size.
    pub size_bytes: u64,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunChanged {
    /// Which.
    #[schema(value_type = crate::shapes::RunId)]
    pub run_id: RunId,
    /// Where it stands now; `running` when a living process was told.
    #[schema(value_type = crate::shapes::RunStatus)]
    pub status: RunState,
    /// The entry that it was set back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}

impl Operation {
    /// Its word, as in the row.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PrepareProject { .. } => "project.prepare",
            Self::MergePullRequest { .. } => "pull_request.merge",
            Self::ApplyPullRequest { .. } => "pull_request.apply",
            Self::ClosePullRequest { .. } => "pull_request.close",
            Self::ForkRun { .. } => "run.fork",
            Self::ReplayRun { .. } => "run.replay",
            Self::ExportRun { .. } => "run.export",
            Self::CancelRun { .. } => "run.cancel",
            Self::RewindRun { .. } => "run.rewind",
        }
    }

    /// The id of what it is done to.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::PrepareProject { project_id } => project_id.to_string(),
            Self::MergePullRequest { pull_request_id, .. }
            | Self::ApplyPullRequest { pull_request_id }
            | Self::ClosePullRequest { pull_request_id } => pull_request_id.to_string(),
            Self::ForkRun { run_id, .. }
            | Self::ReplayRun { run_id }
            | Self::ExportRun { run_id, .. }
            | Self::CancelRun { run_id }
            | Self::RewindRun { run_id, .. } => run_id.to_string(),
        }
    }

    /// The operation that a row asks for.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] when it is not what this version writes.
    pub fn of(record: &OperationRecord) -> Result<Self, AppError> {
        read("request", &record.request)
    }
}

/// An operation that is about to be asked for, for a transaction that does more than that.
#[derive(Clone, Debug)]
pub struct Asked {
    record: OperationRecord,
    event: store::NewEvent,
}

impl Asked {
    /// Prepares an operation on behalf of a principal.
    #[must_use]
    pub fn new(desk: &Desk, operation: &Operation, asked_by: &str) -> Self {
        let now = desk.now();
        let record = OperationRecord {
            id: OperationId::new(now, (desk.random)()),
            kind: operation.kind().to_owned(),
            subject: operation.subject(),
            state: OperationState::Queued,
            asked_by: asked_by.to_owned(),
            // An enum of strings and numbers has no way to fail.
            request: serde_json::to_value(operation).unwrap_or_default(),
            result: json!({}),
            created_at: now,
            updated_at: now,
        };
        Self { event: event(desk, "requested", &record), record }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> OperationId {
        self.record.id
    }

    /// Asks for it.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn put(&self, tx: &mut TenantTx<'_>) -> Result<(), StoreError> {
        tx.insert_operation(&self.record)?;
        tx.append_event(&self.event)
    }
}

/// Asks an engine for an operation.
///
/// # Errors
/// Only failures of the store.
pub fn ask(desk: &Desk, operation: &Operation, asked_by: &str) -> Result<OperationId, AppError> {
    let asked = Asked::new(desk, operation, asked_by);
    let id = asked.id();
    desk.store.write_blocking(desk.tenant, move |tx| asked.put(tx))?;
    Ok(id)
}

/// Whether an operation is to be had: nobody has begun it, or whoever did is dead.
#[must_use]
pub fn is_free(record: &OperationRecord, now: Timestamp) -> bool {
    match record.state {
        OperationState::Queued => true,
        OperationState::Running => {
            let owner: Option<Owner> =
                record.result.get("owner").and_then(|o| serde_json::from_value(o.clone()).ok());
            let late = now.as_micros().saturating_sub(record.updated_at.as_micros()) > LONGEST_US;
            late || owner.is_some_and(|owner| owner.is_proven_dead())
        }
        OperationState::Done | OperationState::Failed => false,
    }
}

/// Takes an operation into the hands of this process; `None` when another one was quicker.
///
/// # Errors
/// Only failures of the store, or of `/proc`.
pub fn take(desk: &Desk, id: OperationId) -> Result<Option<OperationRecord>, AppError> {
    let owner = Owner::this_process().map_err(AppError::Identity)?;
    let owner = serde_json::to_value(owner).unwrap_or_default();
    let now = desk.now();
    Ok(desk.store.write_blocking(desk.tenant, move |tx| {
        let Some(mut record) = tx.operation(id)?.filter(|r| is_free(r, now)) else { return Ok(None) };
        record.state = OperationState::Running;
        record.updated_at = now;
        // What an earlier try has made already stays noted.
        if !record.result.is_object() {
            record.result = json!({});
        }
        record.result["owner"] = owner;
        tx.save_operation(&record)?;
        Ok(Some(record))
    })?)
}

/// Saves what an operation came to.
///
/// # Errors
/// Only failures of the store.
pub fn complete<T: Serialize>(desk: &Desk, id: OperationId, result: &T) -> Result<(), AppError> {
    let result = serde_json::to_value(result).unwrap_or_default();
    end(desk, id, OperationState::Done, result)
}

/// Saves why an operation came to nothing.
///
/// # Errors
/// Only failures of the store.
pub fn fail(desk: &Desk, id: OperationId, error: &RunError) -> Result<(), AppError> {
    end(desk, id, OperationState::Failed, json!({ "error": error }))
}

/// What an operation that is done came to, as its type.
///
/// # Errors
/// [`StoreError::Malformed`] when it is not that.
pub fn result_of<T: DeserializeOwned>(record: &OperationRecord) -> Result<T, AppError> {
    read("result", &record.result)
}

/// Why an operation failed, if it did.
#[must_use]
pub fn error_of(record: &OperationRecord) -> Option<RunError> {
    serde_json::from_value(record.result.get("error")?.clone()).ok()
}

fn end(desk: &Desk, id: OperationId, state: OperationState, result: Value) -> Result<(), AppError> {
    let (own, now) = (desk.clone(), desk.now());
    desk.store.write_blocking(desk.tenant, move |tx| {
        let Some(mut record) = tx.operation(id)? else {
            return Err(StoreError::NotFound { what: "operation", id: id.to_string() });
        };
        (record.state, record.result, record.updated_at) = (state, result, now);
        tx.save_operation(&record)?;
        let verb = if state == OperationState::Done { "completed" } else { "failed" };
        tx.append_event(&event(&own, verb, &record))
    })?;
    Ok(())
}

fn event(desk: &Desk, verb: &str, record: &OperationRecord) -> store::NewEvent {
    let data = json!({
        "operation_id": record.id,
        "kind": record.kind,
        "resource": record.subject,
        "asked_by": record.asked_by,
    });
    desk.event(&format!("operation.{verb}"), record.id.to_string(), data)
}

fn read<T: DeserializeOwned>(what: &str, value: &Value) -> Result<T, AppError> {
    serde_json::from_value(value.clone())
        .map_err(|e| StoreError::Malformed { what: format!("{what} of an operation: {e}") }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_read_back_by_its_kind() {
        let (run_id, pull_request_id) = (RunId::from_bytes([1; 16]), PullRequestId::from_bytes([2; 16]));
        let project_id = ProjectId::from_bytes([3; 16]);
        let all = [
            Operation::PrepareProject { project_id },
            Operation::MergePullRequest { pull_request_id, draft: true, by: Some("Ada".into()) },
            Operation::ApplyPullRequest { pull_request_id },
            Operation::ClosePullRequest { pull_request_id },
            Operation::ForkRun { run_id, turn: None, entry: Some(4), message: Some("x".into()), model: None },
            Operation::ReplayRun { run_id },
            Operation::ExportRun { run_id, format: ExportFormat::Atif },
            Operation::CancelRun { run_id },
            Operation::RewindRun { run_id, turn: Some(2), entry: None },
        ];
        for operation in all {
            let value = serde_json::to_value(&operation).expect("JSON");
            assert_eq!(value["kind"], operation.kind());
            assert_eq!(serde_json::from_value::<Operation>(value).expect("it is one"), operation);
        }
    }

    #[test]
    fn an_operation_is_free_when_nobody_lives_who_has_it() {
        let own = Owner::this_process().expect("there is a /proc");
        let dead = Owner { started_ticks: own.started_ticks + 1, ..own.clone() };
        let far = Owner { boot_id: "other".into(), host: "other".into(), ..own.clone() };
        let began = Timestamp::from_micros(1_000_000);
        let (soon, late) =
            (Timestamp::from_micros(2_000_000), Timestamp::from_micros(2_000_000 + LONGEST_US));
        let cases = [
            (OperationState::Queued, None, soon, true),
            (OperationState::Running, Some(&own), soon, false),
            (OperationState::Running, Some(&dead), soon, true),
            (OperationState::Running, Some(&far), soon, false),
            (OperationState::Running, Some(&far), late, true),
            (OperationState::Done, None, late, false),
            (OperationState::Failed, None, late, false),
        ];
        for (state, owner, now, want) in cases {
            let record = OperationRecord {
                id: OperationId::from_bytes([1; 16]),
                kind: "run.replay".into(),
                subject: String::new(),
                state,
                asked_by: String::new(),
                request: Value::Null,
                result: owner.map_or(json!({}), |owner| json!({ "owner": owner })),
                created_at: began,
                updated_at: began,
            };
            assert_eq!(is_free(&record, now), want, "{record:?}");
        }
    }
}
