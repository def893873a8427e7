//! An event as the world sees it: CloudEvents 1.0 in JSON.

use std::sync::Arc;

use domain::{EventId, ProjectId, TaskId, TenantId};
use serde::Serialize;
use serde_json::Value;
use store::{OutboxEvent, TenantTx};

use super::cause;
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
    correlationid: &'a str,
    causationid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    data: &'a Value,
}

impl Published {
    /// Turns a row into its event.
    pub(super) fn of(tx: &TenantTx<'_>, row: OutboxEvent) -> Result<Self, AppError> {
        let OutboxEvent { position, mut event } = row;
        let cause = cause::take(&mut event.data);
        let Home { project, task } = home_of(tx, &event.subject, &event.data)?;
        let task = task.map(|id| id.to_string());
        // All of a task belongs together, from its creation to the merge.
        let correlationid = task.as_deref().unwrap_or(&event.subject);
        let run = event.data.get("run_id").and_then(Value::as_str);
        let cloud = CloudEvent {
            specversion: "1.0",
            id: event.id,
            source: SOURCE,
            kind: &event.kind,
            subject: &event.subject,
            time: event.at,
            datacontenttype: "application/json",
            tenant: tx.tenant(),
            correlationid,
            // A request, or the run that did it by itself.
            causationid: cause.request_id.as_deref().or(run).unwrap_or(correlationid),
            traceparent: cause::traceparent(&cause, correlationid, event.id),
            data: &event.data,
        };
        // A struct of strings and JSON has no way to fail.
        let json = serde_json::to_string(&cloud).unwrap_or_default();
        let frame = format!("{}{json}{}", FRAME.0, FRAME.1).into();
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

/// Where an event belongs.
#[derive(Default)]
struct Home {
    project: Option<ProjectId>,
    task: Option<TaskId>,
}

/// The project and the task of an event: as it says itself, or those of the run, task or pull request that it is about.
fn home_of(tx: &TenantTx<'_>, subject: &str, data: &Value) -> Result<Home, AppError> {
    let named = |name: &str| data.get(name).and_then(Value::as_str);
    let said = |name: &str| named(name).and_then(|text| text.parse().ok());
    if let (Some(project), Some(task)) = (said("project_id"), named("task_id").and_then(|t| t.parse().ok())) {
        return Ok(Home { project: Some(project), task: Some(task) });
    }
    let about =
        [Some(subject), named("run_id"), named("task_id"), named("pull_request_id"), named("resource")];
    let mut home = Home::default();
    for text in about.into_iter().flatten() {
        let found = home_of_id(tx, text)?;
        home = Home { project: home.project.or(found.project), task: home.task.or(found.task) };
        if home.task.is_some() {
            break;
        }
    }
    // What the event says of its project itself counts, even if it is none.
    if named("project_id").is_some() {
        home.project = said("project_id");
    }
    Ok(home)
}

fn home_of_id(tx: &TenantTx<'_>, text: &str) -> Result<Home, AppError> {
    let of_task = |id| {
        let project = tx.task(id)?.and_then(|task| task.project);
        Ok::<_, AppError>(Home { project, task: Some(id) })
    };
    let of_run = |id| match tx.run(id)? {
        Some(run) => of_task(run.task),
        None => Ok(Home::default()),
    };
    if let Ok(id) = text.parse::<ProjectId>() {
        return Ok(Home { project: Some(id), task: None });
    }
    if let Ok(id) = text.parse() {
        return of_run(id);
    }
    if let Ok(id) = text.parse() {
        return of_task(id);
    }
    if let Ok(id) = text.parse() {
        return match tx.pull_request(id)? {
            Some(found) => of_run(found.run),
            None => Ok(Home::default()),
        };
    }
    Ok(Home::default())
}
