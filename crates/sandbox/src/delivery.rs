//! Handing a change over: one branch in the user's repository, and nothing else.

use crate::SandboxError;
use crate::durable::{Batch, scratch_file};
use crate::git::{Git, line};
use crate::large::{LargeFiles, Pointer};
use crate::mirror::{Mirror, parse_oid};
use crate::objects::{Mode, Objects, Oid};
use crate::repository::Repository;
use crate::tree_diff::compare;

/// Longest slug of a branch name, in characters.
const SLUG_CHARS: usize = 40;

/// Why a branch could not be handed over.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The branch is there and is not what was expected: somebody else moved it.
    #[error("the branch {branch} is at {found}, not at what was delivered before")]
    Moved {
        /// The branch.
        branch: String,
        /// Where it is.
        found: Oid,
    },
    /// Something failed.
    #[error(transparent)]
    Failed(#[from] SandboxError),
}

/// What a delivery did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The branch was made or moved.
    Written,
    /// It was there already, as after a crash between writing and remembering.
    AlreadyThere,
}

/// The branch of a run: `aamas/<slug>-<id>`, the slug from the task, the id the last eight characters of the run's.
#[must_use]
pub fn branch_name(task: &str, run: &str) -> String {
    let tail = run.len().saturating_sub(8);
    let tail = run.get(tail..).unwrap_or(run);
    format!("aamas/{}-{tail}", slug(task))
}

/// ASCII lower case of a task, words joined by `-`, at most 40 characters; `task` if nothing is left.
#[must_use]
pub fn slug(task: &str) -> String {
    let mut slug = String::new();
    for c in task.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
        if slug.len() >= SLUG_CHARS {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "task".to_owned() } else { slug.to_owned() }
}

/// Where a branch of the user's repository is, without `refs/heads/`.
///
/// # Errors
/// If git can't tell.
pub fn read_branch(repository: &Repository, branch: &str) -> Result<Option<Oid>, SandboxError> {
    let full = format!("refs/heads/{branch}");
    let answer =
        on_user(repository, "for-each-ref").args(["--format=%(objectname) %(refname)", &full]).run()?;
    let text = String::from_utf8_lossy(&answer);
    let found = text.lines().find_map(|line| line.split_once(' ').filter(|(_, name)| *name == full));
    found.map(|(id, _)| parse_oid(id)).transpose()
}

/// Puts `commit` of the mirror and all that it needs into the user's repository and points `branch` at it. `expected` is
/// where the branch was left by an earlier delivery of the same run; `None`: there must be none. Doing it again is
/// harmless.
///
/// # Errors
/// [`DeliveryError::Moved`] when the branch is somewhere else.
pub fn deliver(
    mirror: &Mirror,
    repository: &Repository,
    branch: &str,
    commit: Oid,
    expected: Option<Oid>,
) -> Result<Delivered, DeliveryError> {
    match read_branch(repository, branch)? {
        Some(found) if found == commit => return Ok(Delivered::AlreadyThere),
        found if found == expected => {}
        Some(found) => return Err(DeliveryError::Moved { branch: branch.to_owned(), found }),
        // The user deleted what was delivered before: it is made again.
        None => {}
    }
    hand_over_objects(mirror, repository, commit)?;
    forget_lock(repository, branch)?;
    let from = read_branch(repository, branch)?.map_or_else(|| "0".repeat(40), |id| id.to_string());
    let update = on_user(repository, "update-ref")
        .args(["--no-deref", &format!("refs/heads/{branch}"), &commit.to_string(), &from])
        .run();
    match (update, read_branch(repository, branch)?) {
        (Ok(_), _) => Ok(Delivered::Written),
        (Err(_), Some(found)) if found != commit => {
            Err(DeliveryError::Moved { branch: branch.to_owned(), found })
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// The tree to commit for a snapshot: files that the snapshot keeps in chunks become blobs.
///
/// # Errors
/// If a large file's content can't be read or stored.
pub fn deliverable_tree(mirror: &Mirror, base: Oid, tree: Oid) -> Result<Oid, SandboxError> {
    let large = LargeFiles::new(mirror.dir());
    if large.is_empty() {
        return Ok(tree);
    }
    let mut edits = Vec::new();
    for change in compare(mirror.objects(), base, tree)? {
        let Some((mode, id)) = change.new.filter(|(_, id)| large.is_pointer(*id)) else { continue };
        let damaged = || SandboxError::Git {
            command: "read a large file".into(),
            message: format!("its pointer {id} is damaged"),
        };
        let pointer = LargeFiles::parse(&mirror.objects().blob(id)?).ok_or_else(damaged)?;
        edits.push((change.path, mode, blob_of(mirror, &large, &pointer)?));
    }
    let mut batch = mirror.objects().batch();
    let tree = edit(mirror.objects(), &mut batch, tree, &edits)?;
    batch.commit()?;
    Ok(tree)
}

/// Stores a large file's content as a blob of the mirror, without holding it in memory.
fn blob_of(mirror: &Mirror, large: &LargeFiles, pointer: &Pointer) -> Result<Oid, SandboxError> {
    let (path, mut file) = scratch_file(mirror.dir(), "large-")
        .map_err(|e| SandboxError::host("make room for a large file", e))?;
    let written = large.write_to(pointer, &mut file);
    let stored = written.and_then(|()| {
        Git::on(mirror.git_dir(), "hash-object").args(["-w", "--no-filters", "--"]).arg(&path).run()
    });
    let _ = std::fs::remove_file(&path);
    parse_oid(&line(&stored?))
}

/// A tree with other content at some of its paths.
fn edit(
    objects: &Objects,
    batch: &mut Batch<'_>,
    tree: Oid,
    edits: &[(Vec<u8>, Mode, Oid)],
) -> Result<Oid, SandboxError> {
    if edits.is_empty() {
        return Ok(tree);
    }
    let mut entries = objects.tree(tree)?;
    for entry in &mut entries {
        let below =
            |path: &[u8]| path.strip_prefix(entry.name.as_slice())?.strip_prefix(b"/").map(<[u8]>::to_vec);
        match entry.mode {
            Mode::Tree => {
                let inside: Vec<_> =
                    edits.iter().filter_map(|(path, mode, id)| Some((below(path)?, *mode, *id))).collect();
                entry.id = edit(objects, batch, entry.id, &inside)?;
            }
            _ => {
                if let Some((_, mode, id)) = edits.iter().find(|(path, ..)| *path == entry.name) {
                    (entry.mode, entry.id) = (*mode, *id);
                }
            }
        }
    }
    batch.put_tree(&mut entries)
}

/// Removes the lock file that a killed delivery left on this branch. The branch is of one run alone, and one process at a
/// time has the run: whoever made the lock is gone.
fn forget_lock(repository: &Repository, branch: &str) -> Result<(), SandboxError> {
    let lock = repository.common_dir().join(format!("refs/heads/{branch}.lock"));
    let absent = |e: &std::io::Error| {
        // Where refs are kept in tables there are no such files, nor the directory for them.
        matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
    };
    match std::fs::remove_file(&lock) {
        Err(e) if !absent(&e) => Err(SandboxError::host(format!("remove {}", lock.display()), e)),
        _ => Ok(()),
    }
}

/// Sends the objects that the user's repository lacks.
fn hand_over_objects(mirror: &Mirror, repository: &Repository, commit: Oid) -> Result<(), SandboxError> {
    let theirs = repository.objects()?;
    let (mut wanted, mut known, mut at) = (format!("{commit}\n"), String::new(), commit);
    // Down to the first commit that they have: the base, or below a snapshot of their dirty tree.
    for _ in 0..MOST_COMMITS {
        let Some(parent) = mirror.commit(at)?.parents.first().copied() else { break };
        if theirs.contains(parent) {
            known = format!("^{parent}\n");
            break;
        }
        at = parent;
    }
    wanted.push_str(&known);
    let pack = Git::on(mirror.git_dir(), "pack-objects")
        .args(["--revs", "--stdout", "-q", "--thin", "--delta-base-offset", "--threads=2"])
        .stdin(wanted)
        .at_most(PACK_BYTES)
        .run()?;
    on_user(repository, "unpack-objects").args(["-q", "--strict"]).stdin(pack).run()?;
    Ok(())
}

/// Commits of one delivery; a run makes a handful.
const MOST_COMMITS: usize = 10_000;
/// Size of what one delivery may send, in bytes.
const PACK_BYTES: u64 = 2 << 30;

fn on_user(repository: &Repository, subcommand: &str) -> Git {
    Git::on(repository.common_dir(), subcommand).run_as(repository.writer())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_short_plain_words() {
        let cases = [
            ("Fix the parser", "fix-the-parser"),
            ("  Größe: 3 × 4?!  ", "gr-e-3-4"),
            ("", "task"),
            ("日本語", "task"),
            ("../../etc/passwd", "etc-passwd"),
            (
                "a very long task that goes on and on and on until nobody reads it",
                "a-very-long-task-that-goes-on-and-on-and",
            ),
            ("fix\nthe\0thing", "fix-the-thing"),
        ];
        for (task, want) in cases {
            assert_eq!(slug(task), want, "{task:?}");
        }
        assert_eq!(branch_name("Fix it", "run_01h455vb4pex5vsknk084sn02q"), "aamas/fix-it-084sn02q");
    }
}
