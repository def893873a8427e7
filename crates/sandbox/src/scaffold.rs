//! A new repository from a list of files: the demo's.

use std::fs;
use std::path::Path;

use crate::SandboxError;
use crate::git::{Config, Git};
use crate::repository::{Repository, RepositoryError};

/// Makes `dir` a git repository with these files (relative paths and their texts) in one commit on `main`. The user's
/// own identity signs it if they have one.
///
/// # Errors
/// When something can't be written, or git refuses.
pub fn create(dir: &Path, files: &[(&str, &str)], message: &str) -> Result<(), SandboxError> {
    for (path, text) in files {
        let path = dir.join(path);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
        written.map_err(|e| SandboxError::host(format!("write {}", path.display()), e))?;
    }
    let git_dir = dir.join(".git");
    let git = |subcommand: &str| Git::on_work_tree(&git_dir, dir, subcommand, Config::Caller);
    git("init").args(["--quiet", "--initial-branch=main", "--template="]).run()?;
    git("add").args(["--all"]).run()?;
    let author = Repository::discover(dir).map_err(opening)?.author();
    git("commit")
        .args(["--quiet", "--no-verify", "--message", message])
        .env("GIT_AUTHOR_NAME", &author.name)
        .env("GIT_AUTHOR_EMAIL", &author.email)
        .env("GIT_COMMITTER_NAME", &author.name)
        .env("GIT_COMMITTER_EMAIL", &author.email)
        .run()?;
    Ok(())
}

fn opening(error: RepositoryError) -> SandboxError {
    SandboxError::Git { command: "init".into(), message: error.to_string() }
}
