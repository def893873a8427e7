//! Objects of what came out: runs, pull requests and files.

use async_graphql::{Context, ID, Json, Object, Result, SimpleObject};
use serde_json::Value;

use super::connection::times;
use super::context::graph;
use super::types::{CodeArtifact, Project, PullRequest, Run, Task, id, json};

/// What a run spent.
#[derive(SimpleObject)]
pub(super) struct Spent {
    cost_usd: Option<f64>,
    limit_usd: Option<f64>,
    calls: u64,
    input_tokens: u64,
    output_tokens: u64,
}

/// One execution of a task by the team.
#[Object]
impl Run {
    async fn id(&self) -> ID {
        id(self.0.id)
    }

    async fn title(&self) -> &str {
        &self.0.title
    }

    /// `queued`, `running`, `paused`, `interrupted`, `needs_input`, `limit_reached`, `failed`, `ready`, `no_change`,
    /// `gates_failed` or `canceled`.
    async fn status(&self) -> &str {
        self.0.status.as_str()
    }

    async fn model(&self) -> &str {
        &self.0.model
    }

    async fn branch(&self) -> Option<&str> {
        self.0.branch.as_deref()
    }

    /// Where its journal ends.
    async fn journal_seq(&self) -> u64 {
        self.0.journal_seq
    }

    async fn spent(&self) -> Spent {
        let spent = self.0.spent;
        Spent {
            cost_usd: spent.cost_usd,
            limit_usd: spent.limit_usd,
            calls: spent.calls,
            input_tokens: spent.input_tokens,
            output_tokens: spent.output_tokens,
        }
    }

    /// Its document; null until it stands still.
    async fn document(&self, ctx: &Context<'_>) -> Result<Option<Json<Value>>> {
        // Lists leave it out.
        if let Some(document) = &self.0.document {
            return Ok(Some(Json(document.clone())));
        }
        Ok(graph(ctx)?.runs.load(self.0.id).await?.and_then(|run| run.document).map(Json))
    }

    async fn created_at(&self) -> String {
        self.0.created_at.to_string()
    }

    async fn updated_at(&self) -> String {
        self.0.updated_at.to_string()
    }

    async fn task(&self, ctx: &Context<'_>) -> Result<Option<Task>> {
        Ok(graph(ctx)?.tasks.load(self.0.task_id).await?.map(Task))
    }

    async fn project(&self, ctx: &Context<'_>) -> Result<Option<Project>> {
        let Some(id) = self.0.project_id else { return Ok(None) };
        Ok(graph(ctx)?.projects.load(id).await?.map(Project))
    }

    /// The pull request that it made.
    async fn pull_request(&self, ctx: &Context<'_>) -> Result<Option<PullRequest>> {
        Ok(graph(ctx)?.pull_requests_of_runs.load(self.0.id).await?.map(PullRequest))
    }

    /// The files that it wrote, without their text; of the newest 2,000 files of its project.
    #[graphql(complexity = "times(Some(first)) * child_complexity")]
    async fn artifacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 50)] first: i32,
    ) -> Result<Vec<CodeArtifact>> {
        let files = graph(ctx)?.artifacts_of_runs.load(self.0.id).await?.unwrap_or_default();
        Ok(files.into_iter().take(times(Some(first))).map(CodeArtifact).collect())
    }
}

/// A changed file.
#[derive(SimpleObject)]
pub(super) struct ChangedFile {
    path: String,
    /// `added`, `modified`, `deleted` or `renamed`.
    status: String,
    /// Null for a binary file.
    added: Option<u64>,
    removed: Option<u64>,
}

/// What a gate said.
#[derive(SimpleObject)]
pub(super) struct Gate {
    name: String,
    verdict: String,
    summary: String,
}

/// A person's remark.
#[derive(SimpleObject)]
pub(super) struct Comment {
    pub(super) id: Option<ID>,
    pub(super) author: String,
    pub(super) path: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) body: String,
    pub(super) resolved: bool,
    pub(super) at: String,
}

impl From<app::reviews::Comment> for Comment {
    fn from(comment: app::reviews::Comment) -> Self {
        Self {
            id: comment.id.map(id),
            author: comment.author,
            path: comment.path,
            line: comment.line,
            body: comment.body,
            resolved: comment.resolved,
            at: comment.at.to_string(),
        }
    }
}

/// A person's approval of a commit.
#[derive(SimpleObject)]
pub(super) struct Approval {
    author: String,
    head_commit: String,
    at: String,
}

/// A change that people judge.
#[Object]
impl PullRequest {
    async fn id(&self) -> ID {
        id(self.0.id)
    }

    async fn title(&self) -> &str {
        &self.0.title
    }

    async fn description(&self) -> &str {
        &self.0.description
    }

    /// `draft`, `open`, `applied`, `merged` or `closed`.
    async fn status(&self) -> &str {
        &self.0.status
    }

    async fn branch(&self) -> &str {
        &self.0.branch
    }

    async fn target(&self) -> Option<&str> {
        self.0.target.as_deref()
    }

    async fn base_commit(&self) -> &str {
        &self.0.base_commit
    }

    async fn head_commit(&self) -> &str {
        &self.0.head_commit
    }

    async fn labels(&self) -> &[String] {
        &self.0.labels
    }

    async fn reviewers(&self) -> &[String] {
        &self.0.reviewers
    }

    async fn files(&self) -> Vec<ChangedFile> {
        let file = |f: &app::reviews::FileLine| ChangedFile {
            path: f.path.clone(),
            status: f.status.clone(),
            added: f.added,
            removed: f.removed,
        };
        self.0.files.iter().map(file).collect()
    }

    async fn gates(&self) -> Vec<Gate> {
        let gate = |g: &domain::GateResult| Gate {
            name: g.name.as_str().to_owned(),
            verdict: json(&g.verdict).0.as_str().unwrap_or_default().to_owned(),
            summary: g.summary.clone(),
        };
        self.0.gates.iter().map(gate).collect()
    }

    async fn comments(&self) -> Vec<Comment> {
        self.0.comments.iter().cloned().map(Comment::from).collect()
    }

    async fn approvals(&self) -> Vec<Approval> {
        let approval = |a: &app::reviews::Approval| Approval {
            author: a.author.clone(),
            head_commit: a.head_commit.clone(),
            at: a.at.to_string(),
        };
        self.0.approvals.iter().map(approval).collect()
    }

    async fn superseded_by(&self) -> Option<String> {
        self.0.superseded_by.map(|id| id.to_string())
    }

    async fn merged_by(&self) -> Option<&str> {
        self.0.merged_by.as_deref()
    }

    async fn merged_at(&self) -> Option<String> {
        self.0.merged_at.map(|at| at.to_string())
    }

    async fn created_at(&self) -> String {
        self.0.created_at.to_string()
    }

    async fn updated_at(&self) -> String {
        self.0.updated_at.to_string()
    }

    async fn run(&self, ctx: &Context<'_>) -> Result<Option<Run>> {
        Ok(graph(ctx)?.runs.load(self.0.run_id).await?.map(Run))
    }

    async fn task(&self, ctx: &Context<'_>) -> Result<Option<Task>> {
        let Some(id) = self.0.task_id else { return Ok(None) };
        Ok(graph(ctx)?.tasks.load(id).await?.map(Task))
    }

    async fn project(&self, ctx: &Context<'_>) -> Result<Option<Project>> {
        let Some(id) = self.0.project_id else { return Ok(None) };
        Ok(graph(ctx)?.projects.load(id).await?.map(Project))
    }
}

/// A file that an agent wrote.
#[Object]
impl CodeArtifact {
    async fn id(&self) -> ID {
        id(self.0.id)
    }

    async fn project_id(&self) -> ID {
        id(self.0.project_id)
    }

    async fn run_id(&self) -> ID {
        id(self.0.run_id)
    }

    async fn file_path(&self) -> &str {
        &self.0.file_path
    }

    /// Its text; null in lists, and where it was removed, is not text, or is larger than 1 MB.
    async fn content(&self) -> Option<&str> {
        self.0.content.as_deref()
    }

    async fn language(&self) -> &str {
        &self.0.language
    }

    async fn generated_by(&self) -> &str {
        &self.0.generated_by
    }

    async fn quality_score(&self) -> Option<f64> {
        self.0.quality_score
    }

    async fn test_coverage(&self) -> Option<f64> {
        self.0.test_coverage
    }

    async fn documentation_score(&self) -> Option<f64> {
        self.0.documentation_score
    }

    async fn created_at(&self) -> String {
        self.0.created_at.to_string()
    }
}
