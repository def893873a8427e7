//! Pull requests as they are kept and shown.

use domain::{CommentId, GateResult, ProjectId, PullRequestId, RunId, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

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
    /// Who merged it; none for one that is not merged, or was before this was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_by: Option<String>,
    /// When it was merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_at: Option<Timestamp>,
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
    /// Who merged it.
    #[schema(required)]
    pub merged_by: Option<String>,
    /// When it was merged.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub merged_at: Option<Timestamp>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}
