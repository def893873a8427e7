//! What waits for a person: questions, approvals, reviews, failures, and work that fits nobody.

use auth::{Action, Caller};
use domain::{ProjectId, PullRequestId, RunId, TaskId, TaskState, Timestamp};
use serde::Serialize;
use store::{ReviewRow, StoreError, TaskRecord, TenantTx};

use crate::deaths;
use crate::office::Origin;
use crate::platform::DAY_MICROS;
use crate::records::TaskDoc;
use crate::reviews::list_resource;
use crate::tasks::title_of;
use crate::work::doc_of;
use crate::{AppError, Platform};

/// Things of each sort that are shown at most: who has more has another problem.
const MAX_SHOWN: u32 = 500;
/// How long a failure waits for somebody.
const FAILED_DAYS: i64 = 7;

/// Something that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Need {
    /// `question`, `plan` (to be approved), `approval` (of a change that acts outside the code), `input` (what else a run
    /// stands still for), `review`, `failed` or `unassigned`.
    #[schema(value_type = crate::shapes::NeedKind)]
    pub kind: String,
    /// The line that people read.
    pub title: String,
    /// What is asked, or why it came to nothing.
    #[schema(required)]
    pub detail: Option<String>,
    /// The id of what is to be opened: of a review the pull request, else the task.
    pub id: String,
    /// Its project.
    #[schema(value_type = Option<crate::shapes::ProjectId>, required)]
    pub project_id: Option<ProjectId>,
    /// The task.
    #[schema(value_type = crate::shapes::TaskId)]
    pub task_id: TaskId,
    /// Its last run.
    #[schema(value_type = Option<crate::shapes::RunId>, required)]
    pub run_id: Option<RunId>,
    /// The pull request, of a review.
    #[schema(value_type = Option<crate::shapes::PullRequestId>, required)]
    pub pull_request_id: Option<PullRequestId>,
    /// Since when it waits.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// What waits for a person in the organization or one project, newest first.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Denied`].
pub async fn needs_you(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    project: Option<ProjectId>,
) -> Result<Vec<Need>, AppError> {
    platform
        .look(caller, origin, move |look| {
            let project = match (project, &look.caller().project_scope) {
                (None, Some(scope)) => scope.parse().ok(),
                (project, _) => project,
            };
            look.may(Action::TasksRead, list_resource(look.tx, project)?)?;
            look.may(Action::PullRequestsRead, list_resource(look.tx, project)?)?;
            let of_project = |need: &Need| project.is_none_or(|p| need.project_id == Some(p));
            let mut needs = all(look.tx, look.now())?;
            needs.retain(of_project);
            needs.sort_by(|a, b| (b.since, &b.id).cmp(&(a.since, &a.id)));
            Ok(needs)
        })
        .await
}

fn all(tx: &TenantTx<'_>, now: Timestamp) -> Result<Vec<Need>, StoreError> {
    let week = FAILED_DAYS * DAY_MICROS;
    let since = Timestamp::from_micros(now.as_micros().saturating_sub(week));
    let mut needs = Vec::new();
    for id in tx.tasks_for_people(since, MAX_SHOWN)? {
        if let Some(task) = tx.task(id)? {
            needs.extend(of_task(&task)?);
        }
    }
    needs.extend(tx.reviews_for_people(MAX_SHOWN)?.into_iter().map(of_review));
    Ok(needs)
}

fn of_task(task: &TaskRecord) -> Result<Option<Need>, StoreError> {
    let doc: TaskDoc = doc_of("task", &task.doc)?;
    let error = doc.error.as_ref();
    let (kind, detail) = match task.state {
        TaskState::InputRequired => {
            let kind = match error.map(|e| e.code.as_str()) {
                Some("question") => "question",
                Some("plan_approval_required") => "plan",
                Some("approval_required") => "approval",
                _ => "input",
            };
            (kind, error.map(|e| e.message.clone()))
        }
        // Paused by nobody: too many processes died in its run.
        TaskState::Paused if error.is_some_and(|e| e.code == deaths::CODE) => {
            ("failed", error.map(|e| e.message.clone()))
        }
        TaskState::Failed => ("failed", error.map(|e| e.message.clone())),
        // Whoever holds a task knows that it waits.
        TaskState::Submitted if !doc.held => ("unassigned", Some(doc.assignment.reason)),
        _ => return Ok(None),
    };
    Ok(Some(Need {
        kind: kind.to_owned(),
        title: title_of(task),
        detail: detail.filter(|text| !text.is_empty()),
        id: task.id.to_string(),
        project_id: task.project,
        task_id: task.id,
        run_id: doc.run,
        pull_request_id: None,
        since: task.updated_at,
    }))
}

fn of_review(row: ReviewRow) -> Need {
    Need {
        kind: "review".to_owned(),
        title: row.title,
        detail: None,
        id: row.id.to_string(),
        project_id: row.project,
        task_id: row.task,
        run_id: Some(row.run),
        pull_request_id: Some(row.id),
        since: row.updated_at,
    }
}
