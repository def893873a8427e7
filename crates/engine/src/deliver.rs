//! The branch and its pull request: keyed by branch name and expected old commit, so that doing it again is harmless.

use std::sync::Arc;

use domain::{Entry, PullRequestId, RunState};
use sandbox::SandboxError;
use sandbox::delivery::{self, DeliveryError};
use sandbox::diff::{ChangeKind, FileChange};
use sandbox::mirror::Commit;
use store::{CodeArtifactRecord, PullRequestRecord, PullRequestState};

use crate::desk::{Ground, blocking, kept_ref, parse_oid};
use crate::journal::Journal;
use crate::pull_request::{self, FileLine, PullRequest};
use crate::{Engine, EngineError, attest, code_artifacts, report};

/// Largest diff that is kept with a pull request, in bytes.
const MAX_DIFF: u64 = 4 << 20;
/// Reviewers that are suggested.
const MAX_REVIEWERS: usize = 3;

/// The intent: everything that the commit depends on is fixed here.
pub(crate) fn intent(
    engine: &Engine,
    journal: &Journal,
    delivery: agents::Delivery,
) -> Result<Entry, EngineError> {
    let settings = journal.settings()?;
    let before = journal.view().delivery.as_ref();
    let pull_request = match before {
        Some(delivery) => delivery.pull_request,
        None => PullRequestId::new(engine.desk.now(), (engine.desk.random)()),
    };
    Ok(Entry::DeliveryIntended {
        tree: delivery.tree,
        branch: delivery::branch_name(&settings.task, &journal.run().to_string()),
        at: engine.desk.now(),
        expected_old: before.and_then(|d| d.head_commit.clone()),
        ending: delivery.ending,
        pull_request,
    })
}

/// What a delivery came to: its entry, and the rows that become durable with it.
pub(crate) struct Delivered {
    pub(crate) entry: Entry,
    pub(crate) pull_request: PullRequestRecord,
    /// The changed files of a project's run.
    pub(crate) files: Vec<CodeArtifactRecord>,
}

/// Writes commit, branch and pull request.
pub(crate) async fn carry_out(
    engine: &Engine,
    journal: &Journal,
    ground: &Arc<Ground>,
) -> Result<Delivered, EngineError> {
    let view = journal.view();
    let settings = journal.settings()?.clone();
    let intended = view.delivery.clone().ok_or(EngineError::Incomplete("a delivery"))?;
    let claim = journal.claim();
    let message = pull_request::commit_message(view, claim.run, claim.task);
    let base_tree = parse_oid(&journal.base_tree()?)?;
    let target = settings.target.clone();
    let (attested, tree) = (ground.clone(), intended.tree.clone());
    let ground = ground.clone();
    let branch = intended.branch.clone();
    let (commit, changes, diff, reviewers) = blocking(move || {
        let tree = parse_oid(&intended.tree)?;
        let expected = intended.expected_old.as_deref().map(parse_oid).transpose()?;
        let author = ground.repository.author();
        let base = parse_oid(&settings.base_commit)?;
        let commit = ground.mirror.write_commit(&Commit {
            tree: delivery::deliverable_tree(&ground.mirror, base_tree, tree)?,
            parents: vec![base],
            author,
            at_s: intended.at.as_millis().div_euclid(1000),
            message,
        })?;
        ground.mirror.write_ref(&kept_ref(claim.run), commit)?;
        delivery::deliver(&ground.mirror, &ground.repository, &intended.branch, commit, expected)
            .map_err(delivery_error)?;
        let changes = ground.mirror.changes(base_tree, tree)?;
        // Only a diff that is too long is an error here: the trees were compared just now.
        let diff = ground.mirror.diff_text(base_tree, tree, MAX_DIFF).unwrap_or_else(|_| {
            format!("the diff is larger than {} MB; see `git diff {base}..{commit}`\n", MAX_DIFF >> 20)
                .into_bytes()
        });
        let paths: Vec<_> = changes.iter().map(|c| c.path.clone()).collect();
        let author = ground.repository.author();
        // A base that is a snapshot of a dirty tree has no history in the user's repository: nobody is suggested then.
        let reviewers =
            ground.repository.reviewers(&ground.commit, &paths, &author, MAX_REVIEWERS).unwrap_or_default();
        Ok((commit, changes, diff, reviewers.into_iter().map(|r| r.name).collect::<Vec<_>>()))
    })
    .await?;
    let artifacts = code_artifacts::of_delivery(engine, journal, &attested, &tree, &changes).await?;
    let files: Vec<_> = changes.iter().map(file_line).collect();
    let hash = journal.keep("diff", format!("{commit}.diff"), diff.clone()).await?;
    let mut pull_request =
        describe(engine, journal, target, &branch, commit.to_string(), files, hash, reviewers)?;
    pull_request.attestation = Some(attest::attest(engine, journal, &attested, commit).await?);
    report::write_pull_request(engine, &pull_request, &String::from_utf8_lossy(&diff))?;
    let entry = Entry::Delivered { head_commit: commit.to_string(), branch };
    Ok(Delivered { entry, pull_request: row(&pull_request)?, files: artifacts })
}

#[expect(clippy::too_many_arguments, reason = "the parts of one record, each named")]
fn describe(
    engine: &Engine,
    journal: &Journal,
    target: Option<String>,
    branch: &str,
    head_commit: String,
    files: Vec<FileLine>,
    diff: String,
    reviewers: Vec<String>,
) -> Result<PullRequest, EngineError> {
    let view = journal.view();
    let settings = journal.settings()?;
    let delivery = view.delivery.as_ref().ok_or(EngineError::Incomplete("a delivery"))?;
    let ready = delivery.ending.state == RunState::Ready;
    let before = journal.pull_request()?;
    let now = engine.desk.now();
    Ok(PullRequest {
        id: delivery.pull_request,
        run_id: journal.run(),
        state: if ready { "open" } else { "draft" }.to_owned(),
        title: pull_request::title(view),
        description: pull_request::description(view, journal.run(), &files),
        repo: settings.repo.clone(),
        branch: branch.to_owned(),
        target,
        base_commit: settings.base_head.clone(),
        head_commit,
        labels: pull_request::labels(view, &files),
        reviewers,
        gates: view.judged.as_ref().map(|j| j.results.clone()).unwrap_or_default(),
        files,
        diff,
        attestation: None,
        comments: before.as_ref().map(|p| p.comments.clone()).unwrap_or_default(),
        superseded_by: before.as_ref().and_then(|p| p.superseded_by),
        merged_by: before.as_ref().and_then(|p| p.merged_by.clone()),
        merged_at: before.as_ref().and_then(|p| p.merged_at),
        approvals: before.map(|p| p.approvals).unwrap_or_default(),
        created_at: now,
        updated_at: now,
    })
}

fn row(pull_request: &PullRequest) -> Result<PullRequestRecord, EngineError> {
    Ok(PullRequestRecord {
        id: pull_request.id,
        run: pull_request.run_id,
        forge_number: None,
        title: pull_request.title.clone(),
        state: if pull_request.state == "open" { PullRequestState::Open } else { PullRequestState::Draft },
        created_at: pull_request.created_at,
        updated_at: pull_request.updated_at,
        doc: serde_json::to_value(pull_request)
            .map_err(|source| EngineError::Record { what: "a pull request".into(), source })?,
    })
}

fn file_line(change: &FileChange) -> FileLine {
    let status = match change.kind {
        ChangeKind::Added => "added",
        ChangeKind::Deleted => "deleted",
        _ => "modified",
    };
    FileLine {
        path: change.path_text(),
        status: status.to_owned(),
        added: change.added_lines,
        removed: change.removed_lines,
    }
}

fn delivery_error(error: DeliveryError) -> EngineError {
    match error {
        DeliveryError::Moved { branch, found } => EngineError::Sandbox(SandboxError::Git {
            command: format!("update-ref {branch}"),
            message: format!("the branch is at {found}, where this run did not put it; it is left alone"),
        }),
        DeliveryError::Failed(error) => EngineError::Sandbox(error),
    }
}
