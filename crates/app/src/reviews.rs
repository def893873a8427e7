//! Pull requests: what a reviewer reads, says and decides.

use auth::policy::{Resource, ResourceKind};
use auth::{Action, Caller};
use domain::{CommentId, GateResult, OperationId, ProjectId, PullRequestId, RunId, TaskId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{PullRequestRecord, PullRequestState, TenantTx};

use crate::list::{Asked, Listed, Paging, any_of};
use crate::office::{Office, Origin};
use crate::operations::Operation;
use crate::records::{TaskDoc, of_doc, to_doc};
use crate::tasks::{self, Checked, NewTask, Task};
use crate::{AppError, Platform, projects};

/// The longest remark, in bytes.
const MAX_COMMENT: usize = 64 << 10;
/// Remarks of one pull request.
const MAX_COMMENTS: usize = 1_000;

/// A local pull request as the store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Its id.
    pub id: PullRequestId,
    /// The run that made it.
    pub run_id: RunId,
    /// `draft`, `open`, `merged`, `applied` or `closed`.
    pub state: String,
    /// Its title.
    pub title: String,
    /// Its description, in Markdown.
    pub description: String,
    /// The user's repository.
    pub repo: std::path::PathBuf,
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// The branch that it should go into, if HEAD was on one.
    pub target: Option<String>,
    /// The commit that the branch grows from.
    pub base_commit: String,
    /// The commit on the branch.
    pub head_commit: String,
    /// Labels by code: kind of task, languages, size.
    pub labels: Vec<String>,
    /// People who know the changed files best, by CODEOWNERS and history.
    pub reviewers: Vec<String>,
    /// What the gates said.
    pub gates: Vec<GateResult>,
    /// Changed files.
    pub files: Vec<FileLine>,
    /// Content address of the unified diff among the artifacts.
    pub diff: String,
    /// Where the signed attestation of the change lies, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<std::path::PathBuf>,
    /// Remarks of people.
    #[serde(default)]
    pub comments: Vec<Comment>,
    /// Approvals of people.
    #[serde(default)]
    pub approvals: Vec<Approval>,
    /// The pull request that went on from this one and took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<PullRequestId>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A person's remark on a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Comment {
    /// Its id; those of older pull requests have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::shapes::CommentId>)]
    pub id: Option<CommentId>,
    /// Who.
    pub author: String,
    /// On which file, if on one.
    #[schema(required)]
    pub path: Option<String>,
    /// On which line, if on one.
    #[schema(required)]
    pub line: Option<u32>,
    /// The words.
    pub body: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Whether it was seen to.
    pub resolved: bool,
}

impl Comment {
    /// `path:line: `, as far as it names a place.
    #[must_use]
    pub fn place(&self) -> String {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => format!("{path}:{line}: "),
            (Some(path), None) => format!("{path}: "),
            (None, _) => String::new(),
        }
    }
}

/// A person's approval of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Approval {
    /// Who.
    pub author: String,
    /// Of which commit.
    pub head_commit: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// One changed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ChangedFile)]
pub struct FileLine {
    /// Its path; bytes that are not UTF-8 are shown as `\xNN`.
    pub path: String,
    /// `added`, `modified`, `deleted` or `renamed`.
    #[schema(value_type = crate::shapes::FileStatus)]
    pub status: String,
    /// Lines added; null for a binary file.
    #[schema(required)]
    pub added: Option<u64>,
    /// Lines removed; null for a binary file.
    #[schema(required)]
    pub removed: Option<u64>,
}

/// A pull request, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PullRequestView {
    /// `pr_…`.
    #[schema(value_type = crate::shapes::PullRequestId)]
    pub id: PullRequestId,
    /// Its project; null for a run of the command line.
    #[schema(value_type = Option<crate::shapes::ProjectId>, required)]
    pub project_id: Option<ProjectId>,
    /// The run that made it.
    #[schema(value_type = crate::shapes::RunId)]
    pub run_id: RunId,
    /// The task of that run.
    #[schema(value_type = Option<crate::shapes::TaskId>, required)]
    pub task_id: Option<TaskId>,
    /// Its title.
    pub title: String,
    /// Its description, in Markdown.
    pub description: String,
    /// `draft`, `open`, `applied`, `merged` or `closed`.
    #[schema(value_type = crate::shapes::PullRequestStatus)]
    pub status: String,
    /// The branch.
    pub branch: String,
    /// The branch that it should go into.
    #[schema(required)]
    pub target: Option<String>,
    /// The commit that the branch grows from.
    pub base_commit: String,
    /// The commit on the branch.
    pub head_commit: String,
    /// Labels by code.
    pub labels: Vec<String>,
    /// People who know the changed files best.
    pub reviewers: Vec<String>,
    /// Changed files.
    pub files: Vec<FileLine>,
    /// What the gates said.
    #[schema(value_type = Vec<crate::shapes::GateResult>)]
    pub gates: Vec<GateResult>,
    /// Remarks of people.
    pub comments: Vec<Comment>,
    /// Approvals of people.
    pub approvals: Vec<Approval>,
    /// The pull request that answers the remarks on this one and took its place.
    #[schema(value_type = Option<crate::shapes::PullRequestId>, required)]
    pub superseded_by: Option<PullRequestId>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// A remark that is to be made.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComment {
    /// The words, up to 64 KB.
    #[schema(value_type = crate::shapes::Words)]
    pub body: String,
    /// On which changed file.
    #[schema(max_length = 4096)]
    pub path: Option<String>,
    /// On which line of it, from 1.
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    pub line: Option<u32>,
}

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

/// Leaves a remark.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Invalid`], [`AppError::Denied`], [`AppError::Conflict`] when it is ended.
pub async fn comment(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PullRequestId,
    new: NewComment,
) -> Result<Comment, AppError> {
    if new.body.trim().is_empty() {
        return Err(AppError::invalid("body", "it is empty"));
    }
    checked_words("body", &new.body)?;
    if new.line.is_some() && new.path.is_none() {
        return Err(AppError::unfit("line", "it needs a path"));
    }
    if new.line == Some(0) {
        return Err(AppError::invalid("line", "lines count from 1"));
    }
    platform
        .change(caller, origin, move |office| {
            let (record, project) = found(office.rows(), id)?;
            office.may(Action::PullRequestsComment, resource_of(office.rows(), &record, project)?)?;
            let mut doc = doc_of(&record)?;
            if let Some(path) = &new.path
                && !doc.files.iter().any(|file| file.path == *path)
            {
                return Err(AppError::unfit("path", "the change does not touch this file"));
            }
            if doc.comments.len() >= MAX_COMMENTS {
                return Err(AppError::Conflict {
                    code: "too_many_comments",
                    detail: format!("a pull request has at most {MAX_COMMENTS} remarks"),
                    hint: "say it in one of those that are open",
                });
            }
            let comment = Comment {
                id: Some(CommentId::new(office.now(), office.random())),
                author: office.caller().principal.name().to_owned(),
                path: new.path,
                line: new.line,
                body: new.body,
                at: office.now(),
                resolved: false,
            };
            doc.comments.push(comment.clone());
            save(office, record, doc, project, "pull_request.commented")?;
            Ok(comment)
        })
        .await
}

/// Words that are kept and shown to models as they are.
fn checked_words(field: &str, words: &str) -> Result<(), AppError> {
    if words.len() > MAX_COMMENT {
        return Err(AppError::invalid(field, "it has more than 64 KB"));
    }
    if words.contains('\0') {
        return Err(AppError::invalid(field, "it has a NUL character"));
    }
    Ok(())
}

/// Says that a remark was seen to, or that it was not.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn resolve(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PullRequestId,
    comment: CommentId,
    resolved: bool,
) -> Result<Comment, AppError> {
    platform
        .change(caller, origin, move |office| {
            let (record, project) = found(office.rows(), id)?;
            office.may(Action::PullRequestsComment, resource_of(office.rows(), &record, project)?)?;
            let mut doc = doc_of(&record)?;
            let remark = doc.comments.iter_mut().find(|c| c.id == Some(comment));
            let remark = remark.ok_or_else(|| AppError::not_found("comment", comment))?;
            remark.resolved = resolved;
            let changed = remark.clone();
            let event =
                if resolved { "pull_request.comment_resolved" } else { "pull_request.comment_reopened" };
            save(office, record, doc, project, event)?;
            Ok(changed)
        })
        .await
}

/// Approves the commit that is on the branch now.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`], [`AppError::Conflict`] when it is ended.
pub async fn approve(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PullRequestId,
) -> Result<PullRequestView, AppError> {
    platform
        .change(caller, origin, move |office| {
            let (record, project) = found(office.rows(), id)?;
            office.may(Action::PullRequestsApprove, resource_of(office.rows(), &record, project)?)?;
            still_open(&record)?;
            let mut doc = doc_of(&record)?;
            let author = office.caller().principal.name().to_owned();
            let (head, at) = (doc.head_commit.clone(), office.now());
            if !doc.approvals.iter().any(|a| a.author == author && a.head_commit == head) {
                doc.approvals.push(Approval { author, head_commit: head, at });
            }
            let record = save(office, record, doc, project, "pull_request.approved")?;
            view(office.rows(), &record, project)
        })
        .await
}

/// Gives the open remarks, and `message` with them, back to the agents as a task that goes on from this branch.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`], [`AppError::Conflict`] when there is nothing to change or it is ended.
pub async fn request_changes(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PullRequestId,
    message: Option<String>,
) -> Result<Task, AppError> {
    let message = message.filter(|m| !m.trim().is_empty());
    if let Some(message) = &message {
        checked_words("message", message)?;
    }
    platform
        .change(caller, origin, move |office| {
            let (record, project) = found(office.rows(), id)?;
            office.may(Action::PullRequestsComment, resource_of(office.rows(), &record, project)?)?;
            still_open(&record)?;
            let doc = doc_of(&record)?;
            let Some(project) = project else {
                return Err(AppError::Conflict {
                    code: "no_project",
                    detail: "this pull request belongs to a run of the command line".into(),
                    hint: "its work goes on where it began: on the command line, as a run that continues it",
                });
            };
            if message.is_none() && doc.comments.iter().all(|c| c.resolved) {
                return Err(AppError::Conflict {
                    code: "nothing_to_change",
                    detail: "there is no open remark".into(),
                    hint: "leave a remark, or say in `message` what should change",
                });
            }
            let run = office.rows().run(record.run)?.ok_or_else(|| AppError::not_found("run", record.run))?;
            let before = office.rows().task(run.task)?.ok_or_else(|| AppError::not_found("task", run.task))?;
            let before_doc: TaskDoc = of_doc("task", &before.doc)?;
            let words = message.unwrap_or_else(|| "Answer the remarks on the pull request.".to_owned());
            let mut new = Checked::of(NewTask {
                description: words,
                title: Some(crate::projects::checked_line(&clipped(&format!("Changes to: {}", doc.title)), 200).unwrap_or_default()).filter(|t| !t.is_empty()),
                kind: Some(before.kind.clone()),
                priority: Some(domain::Priority::of_rank(before.priority).as_str().to_owned()),
                ..NewTask::default()
            })?;
            new.settings = before_doc.settings;
            new.settings.plan_only = false;
            new.settings.continues = Some(record.run);
            let task = tasks::insert(office, project, new, &tasks::KnownProject::default())?;
            let data = json!({ "pull_request_id": id, "project_id": project, "task_id": task.id, "run_id": record.run });
            office.did("pull_request.changes_requested", ("pull_request", id.to_string()), data)?;
            tasks::view(office.rows(), task)
        })
        .await
}

/// Asks an engine to merge a pull request. `confirm` is its title, typed by who merges.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`], [`AppError::Conflict`] when it is ended, a draft, or not confirmed.
pub async fn merge(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PullRequestId,
    confirm: Option<String>,
    draft: bool,
) -> Result<OperationId, AppError> {
    platform
        .change(caller, origin, move |office| {
            let (record, project) = found(office.rows(), id)?;
            office.may(Action::PullRequestsMerge, resource_of(office.rows(), &record, project)?)?;
            still_open(&record)?;
            if record.state == PullRequestState::Draft && !draft {
                return Err(AppError::Conflict {
                    code: "is_draft",
                    detail: "it is a draft: its run did not end ready".into(),
                    hint: "look at its gates, and send {\"draft\": true} if you want it all the same",
                });
            }
            if confirm.is_some_and(|typed| typed.trim() != record.title.trim()) {
                return Err(AppError::unfit("confirm", "it is not the title of this pull request"));
            }
            office.ask(&Operation::MergePullRequest { pull_request_id: id, draft })
        })
        .await
}

/// Asks an engine to close a pull request; its branch stays.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`], [`AppError::Conflict`] when it is ended.
pub async fn close(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PullRequestId,
) -> Result<OperationId, AppError> {
    platform
        .change(caller, origin, move |office| {
            let (record, project) = found(office.rows(), id)?;
            office.may(Action::PullRequestsClose, resource_of(office.rows(), &record, project)?)?;
            still_open(&record)?;
            office.ask(&Operation::ClosePullRequest { pull_request_id: id })
        })
        .await
}

fn clipped(text: &str) -> String {
    text.chars().take(200).collect()
}

fn found(tx: &TenantTx<'_>, id: PullRequestId) -> Result<(PullRequestRecord, Option<ProjectId>), AppError> {
    let record = tx.pull_request(id)?.ok_or_else(|| AppError::not_found("pull request", id))?;
    let task = tx.run(record.run)?.map(|run| tx.task(run.task)).transpose()?.flatten();
    Ok((record, task.and_then(|t| t.project)))
}

fn still_open(record: &PullRequestRecord) -> Result<(), AppError> {
    match record.state {
        PullRequestState::Open | PullRequestState::Draft | PullRequestState::Applied => Ok(()),
        PullRequestState::Merged | PullRequestState::Closed => Err(AppError::Conflict {
            code: "not_open",
            detail: format!("it is {} already", record.state.as_str()),
            hint: "ask a new task",
        }),
    }
}

fn doc_of(record: &PullRequestRecord) -> Result<PullRequest, AppError> {
    of_doc("pull request", &record.doc)
}

fn save(
    office: &mut Office<'_, '_>,
    record: PullRequestRecord,
    mut doc: PullRequest,
    project: Option<ProjectId>,
    event: &str,
) -> Result<PullRequestRecord, AppError> {
    doc.updated_at = office.now();
    let record = PullRequestRecord { doc: to_doc(&doc), updated_at: office.now(), ..record };
    office.tx.save_pull_request(&record)?;
    let data = json!({ "pull_request_id": record.id, "run_id": record.run, "project_id": project });
    office.did(event, ("pull_request", record.id.to_string()), data)?;
    Ok(record)
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
        created_at: record.created_at,
        updated_at: record.updated_at,
    })
}
