//! Repositories to work on, made on the spot.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Three files and no tests, so that gates cost nothing.
pub(crate) fn small(dir: &Path) -> Result<PathBuf> {
    let shapes = "def area(width, height):\n    return width + height\n\n\ndef outline(width, height):\n    return 2 * (width + height)\n";
    make(dir, [("README.md".into(), "# Shapes\n".into()), ("shapes.py".into(), shapes.into()), first_file()])
}

/// `count` small files in folders of a hundred.
pub(crate) fn of_files(dir: &Path, count: usize) -> Result<PathBuf> {
    let filler = "A line of text that nobody reads.\n".repeat(20);
    let file = |n: usize| (format!("d{:03}/f{:02}.txt", n / 100, n % 100), format!("{n}\n{filler}"));
    make(dir, (0..count).map(file))
}

/// How long git itself takes to give a second work tree (removed again).
pub(crate) fn worktree_add(repository: &Path, at: &Path) -> Result<Duration> {
    let at = at.to_str().context("a path in UTF-8")?;
    let began = Instant::now();
    git(repository, &["worktree", "add", "--quiet", "--detach", at])?;
    let took = began.elapsed();
    git(repository, &["worktree", "remove", "--force", at])?;
    Ok(took)
}

fn first_file() -> (String, String) {
    ("d000/f00.txt".into(), "0\n".into())
}

/// A repository with one commit of these files, by way of fast-import.
fn make(dir: &Path, files: impl IntoIterator<Item = (String, String)>) -> Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    git(dir, &["init", "--quiet", "--initial-branch", "main"])?;
    git(dir, &["config", "user.name", "Bench"])?;
    git(dir, &["config", "user.email", "bench@example.invalid"])?;
    let mut import = command(dir, &["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn()?;
    let mut to = std::io::BufWriter::new(import.stdin.take().context("its input is a pipe")?);
    write!(
        to,
        "commit refs/heads/main\ncommitter Bench <bench@example.invalid> 1700000000 +0000\ndata 5\nbase\n\n"
    )?;
    for (path, text) in files {
        write!(to, "M 644 inline {path}\ndata {}\n{text}\n", text.len())?;
    }
    to.flush()?;
    drop(to);
    if !import.wait()?.success() {
        bail!("git fast-import failed in {}", dir.display());
    }
    git(dir, &["reset", "--quiet", "--hard"])?;
    Ok(dir.to_owned())
}

fn git(dir: &Path, arguments: &[&str]) -> Result<()> {
    let out = command(dir, arguments).output().context("start git")?;
    if !out.status.success() {
        bail!("git {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "git makes the repositories, and is what we compare with")]
fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(dir).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command
}
