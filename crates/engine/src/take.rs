//! What a person does with a pull request: the change into their work tree, or merged.

use domain::RunError;
use sandbox::apply::ApplyError;
use sandbox::objects::Oid;
use sandbox::repository::Repository;
use store::{PullRequestRecord, PullRequestState};

use crate::desk::parse_oid;
use crate::pull_request::PullRequest;
use crate::service::{app_refusal, repository_refusal};
use crate::{Engine, EngineError, Refusal};

impl Engine {
    /// Puts a pull request's change into the user's work tree, uncommitted.
    ///
    /// # Errors
    /// A [`Refusal`] when files that it changes are dirty, or it does not fit; nothing was changed then.
    pub fn apply_pull_request(&self, record: &PullRequestRecord) -> Result<PullRequestRecord, Refusal> {
        let pull_request = crate::pull_request_of(record).map_err(Refusal::internal)?;
        still_open(record)?;
        let repository = Repository::discover(&pull_request.repo).map_err(repository_refusal)?;
        let (base, head) = commits(&pull_request).map_err(Refusal::internal)?;
        sandbox::apply::apply(&repository, base, head).map_err(|e| apply_refusal(&e))?;
        app::set_pull_request_state(&self.desk, record, PullRequestState::Applied).map_err(app_refusal)
    }

    /// Merges a pull request for somebody with this name.
    ///
    /// # Errors
    /// A [`Refusal`] when it is a draft that was not asked for, the tree is dirty, or it does not merge; nothing was
    /// changed then.
    pub fn merge_pull_request(
        &self,
        record: &PullRequestRecord,
        onto: Onto,
        draft: bool,
        by: &str,
    ) -> Result<PullRequestRecord, Refusal> {
        let pull_request = crate::pull_request_of(record).map_err(Refusal::internal)?;
        still_open(record)?;
        if record.state == PullRequestState::Draft && !draft {
            return Err(Refusal::usage(
                "is_draft",
                format!("{} is a draft: its run did not end ready", record.id),
                "look at it with `aamas pr show`, and merge it with --draft if you want it all the same",
            ));
        }
        let repository = Repository::discover(&pull_request.repo).map_err(repository_refusal)?;
        let message = format!("Merge {}: {}", pull_request.branch, pull_request.title);
        let into = match (onto, &pull_request.target) {
            (Onto::Target, Some(target)) => target.clone(),
            (Onto::Target, None) | (Onto::CheckedOut, _) => checked_out(&repository)?,
        };
        sandbox::apply::merge(&repository, &pull_request.branch, &into, &message)
            .map_err(|e| apply_refusal(&e))?;
        app::set_merged(&self.desk, record, by).map_err(app_refusal)
    }
}

/// Into which branch a pull request is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onto {
    /// The one that its run began from, wherever it is checked out; where that is not known, the one that is.
    Target,
    /// The one that is checked out in the repository, as a person at its keyboard expects.
    CheckedOut,
}

fn checked_out(repository: &Repository) -> Result<String, Refusal> {
    let branch = repository.resolve("HEAD").map_err(repository_refusal)?.branch;
    branch.as_deref().and_then(|b| b.strip_prefix("refs/heads/")).map(str::to_owned).ok_or_else(|| {
        Refusal::usage(
            "detached_head",
            "HEAD is on no branch",
            "check out the branch that the change should go into",
        )
    })
}

fn still_open(record: &PullRequestRecord) -> Result<(), Refusal> {
    if matches!(record.state, PullRequestState::Merged | PullRequestState::Closed) {
        let message = format!("{} is {} already", record.id, record.state.as_str());
        return Err(Refusal::usage("not_possible", message, "`aamas pr list` shows the others"));
    }
    Ok(())
}

fn commits(pull_request: &PullRequest) -> Result<(Oid, Oid), EngineError> {
    Ok((parse_oid(&pull_request.base_commit)?, parse_oid(&pull_request.head_commit)?))
}

fn apply_refusal(error: &ApplyError) -> Refusal {
    let (code, hint) = match error {
        ApplyError::Overlap(_) => ("dirty_tree", "commit or stash them first"),
        ApplyError::Conflict(_) => {
            ("conflict", "merge the branch yourself with `git merge`, and resolve the conflict")
        }
        ApplyError::NoBranch(_) => ("no_branch", "the branch was deleted; `git reflog` may still know it"),
        ApplyError::CheckedOutElsewhere(_) => ("checked_out_elsewhere", "merge it in that work tree"),
        ApplyError::Failed(_) => ("git_failed", "check the repository with `git fsck`"),
    };
    let exit = if matches!(error, ApplyError::Failed(_)) { 1 } else { 2 };
    Refusal { error: RunError::new(code, crate::sentence(error), hint), exit }
}
