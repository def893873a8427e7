//! An event as the world sees it: CloudEvents 1.0 in JSON.

use std::sync::Arc;

use domain::{EventId, ProjectId, TenantId};
use serde::Serialize;
use serde_json::Value;
use store::{OutboxEvent, TenantTx};

use crate::AppError;

/// Where all events come from: an address relative to the installation.
const SOURCE: &str = "/aamas";

/// An event that was turned into its JSON, once for all who read it.
#[derive(Debug)]
pub struct Published {
    /// Its place among the events of its organization.
    pub position: u64,
    /// Its id.
    pub id: EventId,
    /// Its type, such as `dev.aamas.run.started`.
    pub kind: String,
    /// The project that it belongs to; none for what is about the organization.
    pub project: Option<ProjectId>,
    /// `{"type":"event","event":…}`: the CloudEvent as the frame of a WebSocket, for all who get it.
    pub frame: Arc<str>,
}

/// What stands before the CloudEvent in its frame, and what behind it.
const FRAME: (&str, &str) = (r#"{"type":"event","event":"#, "}");

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: EventId,
    source: &'static str,
    #[serde(rename = "type")]
    kind: &'a str,
    subject: &'a str,
    time: domain::Timestamp,
    datacontenttype: &'static str,
    tenant: TenantId,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a Value>,
    data: &'a Value,
}

impl Published {
    /// Turns a row into its event.
    pub(super) fn of(tx: &TenantTx<'_>, row: OutboxEvent) -> Result<Self, AppError> {
        let OutboxEvent { position, event } = row;
        let extension = |name: &str| event.data.get(name).filter(|v| v.is_string());
        let cloud = CloudEvent {
            specversion: "1.0",
            id: event.id,
            source: SOURCE,
            kind: &event.kind,
            subject: &event.subject,
            time: event.at,
            datacontenttype: "application/json",
            tenant: tx.tenant(),
            // What a run does belongs together by its id, unless the event says otherwise.
            correlationid: extension("correlation_id").or_else(|| extension("run_id")),
            causationid: extension("causation_id"),
            traceparent: extension("traceparent"),
            data: &event.data,
        };
        // A struct of strings and JSON has no way to fail.
        let json = serde_json::to_string(&cloud).unwrap_or_default();
        let frame = format!("{}{json}{}", FRAME.0, FRAME.1).into();
        let project = project_of(tx, &event.subject, &event.data)?;
        Ok(Self { position, id: event.id, kind: event.kind, project, frame })
    }

    /// The CloudEvent alone.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.frame[FRAME.0.len()..self.frame.len() - FRAME.1.len()]
    }

    /// The type without `dev.aamas.`, which patterns are held against.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.kind.strip_prefix("dev.aamas.").unwrap_or(&self.kind)
    }
}

/// The project that an event belongs to: as it says itself, or that of the run, task or pull request that it is about.
fn project_of(tx: &TenantTx<'_>, subject: &str, data: &Value) -> Result<Option<ProjectId>, AppError> {
    let named = |name: &str| data.get(name).and_then(Value::as_str);
    if let Some(project) = named("project_id") {
        return Ok(project.parse().ok());
    }
    let about =
        [Some(subject), named("run_id"), named("task_id"), named("pull_request_id"), named("resource")];
    for text in about.into_iter().flatten() {
        if let Some(project) = project_of_id(tx, text)? {
            return Ok(Some(project));
        }
    }
    Ok(None)
}

fn project_of_id(tx: &TenantTx<'_>, text: &str) -> Result<Option<ProjectId>, AppError> {
    let task = |id| Ok::<_, AppError>(tx.task(id)?.and_then(|task| task.project));
    let run = |id| match tx.run(id)? {
        Some(run) => task(run.task),
        None => Ok(None),
    };
    if let Ok(id) = text.parse::<ProjectId>() {
        return Ok(Some(id));
    }
    if let Ok(id) = text.parse() {
        return run(id);
    }
    if let Ok(id) = text.parse() {
        return task(id);
    }
    if let Ok(id) = text.parse() {
        return match tx.pull_request(id)? {
            Some(found) => run(found.run),
            None => Ok(None),
        };
    }
    Ok(None)
}
