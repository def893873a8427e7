//! What a person asks for after a review: the change in their work tree, or merged into a branch. Either it happens as a
//! whole, or everything stays as it was.

use std::collections::BTreeSet;

use crate::SandboxError;
use crate::delivery::read_branch;
use crate::git::{Config, Git, fields, line};
use crate::mirror::parse_oid;
use crate::objects::Oid;
use crate::repository::Repository;

/// Why a change was not applied or merged. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The user has uncommitted changes in files that the change touches.
    #[error("uncommitted changes are in the way: {}", .0.join(", "))]
    Overlap(Vec<String>),
    /// The two sides changed the same lines.
    #[error("it conflicts with what is there: {0}")]
    Conflict(String),
    /// There is no such branch.
    #[error("there is no branch {0}")]
    NoBranch(String),
    /// The branch to merge into is checked out in another work tree.
    #[error("the branch {0} is checked out in another work tree")]
    CheckedOutElsewhere(String),
    /// Something failed.
    #[error(transparent)]
    Failed(#[from] SandboxError),
}

/// What a merge did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// The branch is now at this commit.
    Into(Oid),
    /// It had the change already.
    AlreadyIn,
}

/// Brings the change from `base` to `head` (commits in the user's repository) into the work tree, uncommitted. The index
/// stays as it is.
///
/// # Errors
/// [`ApplyError::Overlap`] or [`ApplyError::Conflict`].
pub fn apply(repository: &Repository, base: Oid, head: Oid) -> Result<(), ApplyError> {
    let (from, to) = (base.to_string(), head.to_string());
    let changed = reading(repository, "diff-tree")
        .args(["-r", "-z", "--no-renames", "--name-only", &from, &to])
        .run()?;
    refuse_overlap(repository, &changed)?;
    let patch = reading(repository, "diff-tree")
        .args([
            "-r",
            "-p",
            "--binary",
            "--full-index",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            &from,
            &to,
        ])
        .run()?;
    if patch.is_empty() {
        return Ok(());
    }
    let answer = writing(repository, "apply").args(["--whitespace=nowarn", "-"]).stdin(patch).answer()?;
    match answer.code {
        0 => Ok(()),
        1 => Err(ApplyError::Conflict(answer.complaint())),
        _ => Err(SandboxError::Git { command: "apply".into(), message: answer.complaint() }.into()),
    }
}

/// Merges `branch` into `target` (a branch name, both without `refs/heads/`) with a merge commit of this message. When
/// `target` is checked out its work tree and index follow, as `git merge` would have them.
///
/// # Errors
/// [`ApplyError::Conflict`], [`ApplyError::Overlap`], [`ApplyError::NoBranch`] or [`ApplyError::CheckedOutElsewhere`].
pub fn merge(
    repository: &Repository,
    branch: &str,
    target: &str,
    message: &str,
) -> Result<Merged, ApplyError> {
    let find =
        |name: &str| read_branch(repository, name)?.ok_or_else(|| ApplyError::NoBranch(name.to_owned()));
    let (theirs, ours) = (find(branch)?, find(target)?);
    let contained = reading(repository, "merge-base")
        .args(["--is-ancestor", &theirs.to_string(), &ours.to_string()])
        .answer()?;
    if contained.code == 0 {
        return Ok(Merged::AlreadyIn);
    }
    let here =
        line(&reading(repository, "symbolic-ref").args(["--quiet", "--short", "HEAD"]).answer()?.stdout)
            == target;
    if !here && is_checked_out(repository, target)? {
        return Err(ApplyError::CheckedOutElsewhere(target.to_owned()));
    }
    let tree = merged_tree(repository, ours, theirs)?;
    let changed = reading(repository, "diff-tree")
        .args(["-r", "-z", "--no-renames", "--name-only", &ours.to_string(), &tree])
        .run()?;
    if here {
        refuse_overlap(repository, &changed)?;
    }
    let author = repository.author();
    let commit = writing(repository, "commit-tree")
        .args([tree.as_str(), "-p", &ours.to_string(), "-p", &theirs.to_string(), "-F", "-"])
        .env("GIT_AUTHOR_NAME", &author.name)
        .env("GIT_AUTHOR_EMAIL", &author.email)
        .env("GIT_COMMITTER_NAME", &author.name)
        .env("GIT_COMMITTER_EMAIL", &author.email)
        .stdin(message)
        .run()?;
    let commit = parse_oid(&line(&commit))?;
    if here {
        fast_forward(repository, commit)?;
    } else {
        writing(repository, "update-ref")
            .args([
                "-m",
                &format!("aamas: merge {branch}"),
                &format!("refs/heads/{target}"),
                &commit.to_string(),
                &ours.to_string(),
            ])
            .run()?;
    }
    Ok(Merged::Into(commit))
}

fn merged_tree(repository: &Repository, ours: Oid, theirs: Oid) -> Result<String, ApplyError> {
    let answer = writing(repository, "merge-tree")
        .args(["--write-tree", "--name-only", "--no-messages", "-z", &ours.to_string(), &theirs.to_string()])
        .answer()?;
    let mut parts = fields(&answer.stdout).map(|f| String::from_utf8_lossy(f).into_owned());
    match answer.code {
        0 => Ok(parts.next().unwrap_or_default()),
        1 => Err(ApplyError::Conflict(
            parts.skip(1).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", "),
        )),
        _ => Err(SandboxError::Git { command: "merge-tree".into(), message: answer.complaint() }.into()),
    }
}

/// Moves the checked-out branch on to a commit that contains it; git refuses as a whole if a file is in the way.
fn fast_forward(repository: &Repository, commit: Oid) -> Result<(), ApplyError> {
    let answer = writing(repository, "merge")
        .args(["--ff-only", "--quiet", "--no-verify", "--no-stat", "--no-autostash", &commit.to_string()])
        .answer()?;
    match answer.code {
        0 => Ok(()),
        _ => Err(ApplyError::Conflict(answer.complaint())),
    }
}

fn refuse_overlap(repository: &Repository, changed: &[u8]) -> Result<(), ApplyError> {
    let changed: BTreeSet<&[u8]> = fields(changed).collect();
    let status = reading(repository, "status")
        .settings(&repository.filters_off())
        .args(["--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"])
        .run()?;
    let dirty = fields(&status).filter_map(|f| f.get(3..));
    let both: Vec<String> = dirty
        .filter(|path| changed.contains(path))
        .map(|p| String::from_utf8_lossy(p).into_owned())
        .collect();
    if both.is_empty() { Ok(()) } else { Err(ApplyError::Overlap(both)) }
}

fn is_checked_out(repository: &Repository, branch: &str) -> Result<bool, SandboxError> {
    let list = reading(repository, "worktree").args(["list", "--porcelain", "-z"]).run()?;
    let wanted = format!("branch refs/heads/{branch}");
    Ok(fields(&list).any(|field| field == wanted.as_bytes()))
}

fn reading(repository: &Repository, subcommand: &str) -> Git {
    repository.git(subcommand)
}

fn writing(repository: &Repository, subcommand: &str) -> Git {
    Git::on_work_tree(repository.git_dir(), repository.top(), subcommand, Config::OnBehalf)
        .run_as(repository.writer())
}
