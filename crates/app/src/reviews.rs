//! Pull requests: what a reviewer reads, says and decides.

mod decide;
mod document;

pub use decide::{Act, NewComment, approve, close, comment, merge, request_changes, resolve, witness};
pub use document::{Approval, Comment, FileLine, PullRequest, PullRequestView};

use auth::policy::{Resource, ResourceKind};
use auth::{Action, Caller};
use domain::{ProjectId, PullRequestId};
use store::{PullRequestRecord, PullRequestState, TenantTx};

use crate::list::{Asked, Listed, Paging, any_of};
use crate::office::Origin;
use crate::records::of_doc;
use crate::{AppError, Platform, projects, tasks};

/// Which pull requests are listed.
#[derive(Clone, Debug, Default)]
pub struct PullRequestFilter {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// In this state.
    pub status: Option<String>,
}

/// The pull requests of the organization or of one project.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Denied`], [`AppError::Invalid`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    filter: PullRequestFilter,
    paging: Paging,
) -> Result<Listed<PullRequestView>, AppError> {
    let states = any_of(filter.status.as_deref(), "status", PullRequestState::from_word)?;
    let asked = Asked::parse(&paging, &format!("pull requests {filter:?}"))?;
    let project = filter.project;
    platform
        .look(caller, origin, move |look| {
            let project = match (project, &look.caller().project_scope) {
                (None, Some(scope)) => scope.parse().ok(),
                (project, _) => project,
            };
            look.may(Action::PullRequestsRead, list_resource(look.tx, project)?)?;
            asked.collect(
                |page| match page {
                    store::Page::Newest { before, limit } => {
                        look.tx.pull_requests_before(project, before, limit)
                    }
                    // Only newest first is offered; the other direction has no rows.
                    store::Page::Oldest { .. } => Ok(Vec::new()),
                },
                |(_, number, _)| *number,
                |(id, _, project)| match look.tx.pull_request(id)? {
                    Some(record) if states.as_ref().is_none_or(|all| all.contains(&record.state)) => {
                        view(look.tx, &record, project).map(Some)
                    }
                    _ => Ok(None),
                },
            )
        })
        .await
}

/// What a list of a project, or of all, is asked of.
pub(crate) fn list_resource(tx: &TenantTx<'_>, project: Option<ProjectId>) -> Result<Resource, AppError> {
    match project {
        Some(id) => {
            let row = tx.project(id)?.ok_or_else(|| AppError::not_found("project", id))?;
            projects::resource_of(&row, tx.tenant())
        }
        None => Ok(Resource::organization(tx.tenant())),
    }
}

/// One pull request.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn get(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PullRequestId,
) -> Result<PullRequestView, AppError> {
    platform
        .glance(caller, origin, move |look| {
            let (record, project) = found(look.tx, id)?;
            look.may(Action::PullRequestsRead, resource_of(look.tx, &record, project)?)?;
            view(look.tx, &record, project)
        })
        .await
}

/// The unified diff of a pull request.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn diff(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PullRequestId,
) -> Result<Vec<u8>, AppError> {
    let hash = platform
        .look(caller, origin, move |look| {
            let (record, project) = found(look.tx, id)?;
            look.may(Action::PullRequestsRead, resource_of(look.tx, &record, project)?)?;
            Ok(doc_of(&record)?.diff)
        })
        .await?;
    crate::artifacts::object(platform, caller.tenant, &hash, crate::artifacts::MAX_SHOWN).await
}

fn found(tx: &TenantTx<'_>, id: PullRequestId) -> Result<(PullRequestRecord, Option<ProjectId>), AppError> {
    let record = tx.pull_request(id)?.ok_or_else(|| AppError::not_found("pull request", id))?;
    let task = tx.run(record.run)?.map(|run| tx.task(run.task)).transpose()?.flatten();
    Ok((record, task.and_then(|t| t.project)))
}

fn doc_of(record: &PullRequestRecord) -> Result<PullRequest, AppError> {
    of_doc("pull request", &record.doc)
}

pub(crate) fn resource_of(
    tx: &TenantTx<'_>,
    record: &PullRequestRecord,
    project: Option<ProjectId>,
) -> Result<Resource, AppError> {
    let part = Resource::new(ResourceKind::PullRequest, record.id.to_string(), tx.tenant());
    let task = tx.run(record.run)?.map(|run| tx.task(run.task)).transpose()?.flatten();
    let part = match &task {
        Some(task) => {
            let of_task = tasks::resource_of(tx, task)?;
            Resource {
                risk: of_task.risk,
                cost: of_task.cost,
                owner: of_task.owner,
                assignee: of_task.assignee,
                ..part
            }
        }
        None => part,
    };
    projects::part_of(tx, project, part)
}

pub(crate) fn view(
    tx: &TenantTx<'_>,
    record: &PullRequestRecord,
    project: Option<ProjectId>,
) -> Result<PullRequestView, AppError> {
    let doc = doc_of(record)?;
    Ok(PullRequestView {
        id: record.id,
        project_id: project,
        run_id: record.run,
        task_id: tx.run(record.run)?.map(|run| run.task),
        title: doc.title,
        description: doc.description,
        status: record.state.as_str().to_owned(),
        branch: doc.branch,
        target: doc.target,
        base_commit: doc.base_commit,
        head_commit: doc.head_commit,
        labels: doc.labels,
        reviewers: doc.reviewers,
        files: doc.files,
        gates: doc.gates,
        comments: doc.comments,
        approvals: doc.approvals,
        superseded_by: doc.superseded_by,
        merged_by: doc.merged_by,
        merged_at: doc.merged_at,
        created_at: record.created_at,
        updated_at: record.updated_at,
    })
}
