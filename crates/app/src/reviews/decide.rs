//! What a person says of a pull request, and decides.

use auth::{Action, Caller};
use domain::{CommentId, OperationId, ProjectId, PullRequestId};
use serde::Deserialize;
use serde_json::json;
use store::{PullRequestRecord, PullRequestState, TenantTx};

use super::{Approval, Comment, PullRequest, PullRequestView, doc_of, found, resource_of, view};
use crate::office::{Office, Origin};
use crate::operations::Operation;
use crate::records::{TaskDoc, of_doc, to_doc};
use crate::tasks::{self, Checked, NewTask, Task};
use crate::{AppError, Platform, artifacts, projects};

/// The longest remark, in bytes.
const MAX_COMMENT: usize = 64 << 10;
/// Remarks of one pull request.
const MAX_COMMENTS: usize = 1_000;

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
    let lines = match &new.path {
        Some(path) if new.line.is_some() => lines_of(platform, caller, id, path).await?,
        _ => None,
    };
    platform
        .change(caller, origin, move |office| {
            let (record, project) = found(office.rows(), id)?;
            office.may(Action::PullRequestsComment, resource_of(office.rows(), &record, project)?)?;
            let mut doc = doc_of(&record)?;
            if let Some(path) = &new.path {
                let file = doc.files.iter().find(|file| file.path == *path);
                let file =
                    file.ok_or_else(|| AppError::unfit("path", "the change does not touch this file"))?;
                // A remark on a line that was removed counts as the file did before.
                let most = lines.map(|now| now + file.removed.unwrap_or(0));
                if most.is_some_and(|most| u64::from(new.line.unwrap_or(0)) > most.max(1)) {
                    return Err(AppError::unfit("line", "the file has no such line"));
                }
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

/// How many lines a changed file has; none where its text is not kept.
async fn lines_of(
    platform: &Platform,
    caller: &Caller,
    id: PullRequestId,
    path: &str,
) -> Result<Option<u64>, AppError> {
    let path = path.to_owned();
    let find = move |tx: &TenantTx<'_>| {
        let run = tx.pull_request(id)?.map(|record| record.run);
        let file = run.map(|run| tx.code_artifact_of(run, &path)).transpose()?.flatten();
        Ok(file.and_then(|file| file.content))
    };
    let Some(hash) = platform.store().read(caller.tenant, find).await? else { return Ok(None) };
    let text = artifacts::object(platform, caller.tenant, &hash.to_string(), artifacts::MAX_CONTENT).await?;
    let newlines = text.iter().filter(|byte| **byte == b'\n').count();
    let unended = text.last().is_some_and(|byte| *byte != b'\n');
    Ok(Some(newlines as u64 + u64::from(unended)))
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

/// What somebody at this machine does to a pull request themselves, without an engine that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A remark.
    Comment,
    /// An approval.
    Approve,
    /// The merge into what is checked out.
    Merge,
    /// The change put into the work tree.
    Apply,
    /// The end without a merge.
    Close,
}

impl Act {
    /// What the policies are asked, and the word of the audit.
    fn asks(self) -> (Action, &'static str) {
        match self {
            Self::Comment => (Action::PullRequestsComment, "pull_request.comment_asked"),
            Self::Approve => (Action::PullRequestsApprove, "pull_request.approve_asked"),
            Self::Merge => (Action::PullRequestsMerge, "pull_request.merge_asked"),
            Self::Apply => (Action::PullRequestsRead, "pull_request.apply_asked"),
            Self::Close => (Action::PullRequestsClose, "pull_request.close_asked"),
        }
    }
}

/// Asks the policies for an act at this machine and records that it was asked for, before it is done.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn witness(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PullRequestId,
    act: Act,
) -> Result<(), AppError> {
    platform
        .change(caller, origin, move |office| {
            let (record, project) = found(office.rows(), id)?;
            let (action, word) = act.asks();
            office.may(action, resource_of(office.rows(), &record, project)?)?;
            let detail = json!({ "run_id": record.run, "project_id": project });
            office.note(word, ("pull_request", id.to_string()), detail)
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
                title: Some(projects::checked_line(&clipped(&format!("Changes to: {}", doc.title)), 200).unwrap_or_default()).filter(|t| !t.is_empty()),
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
            let by = Some(office.caller().principal.name().to_owned());
            office.ask(&Operation::MergePullRequest { pull_request_id: id, draft, by })
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

fn clipped(text: &str) -> String {
    text.chars().take(200).collect()
}
