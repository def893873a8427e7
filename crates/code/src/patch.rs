//! Unified diffs: read, located in the files as they are, applied all or nothing.

mod apply;
mod parse;

use std::io;
use std::path::{Path, PathBuf};

pub use parse::parse;

use crate::nearest::Region;

/// A unified diff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// Its files, in their order.
    pub files: Vec<FilePatch>,
}

/// What a diff does to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePatch {
    /// The path before, `None` for a new file.
    pub old: Option<PathBuf>,
    /// The path after, `None` for a file that is deleted.
    pub new: Option<PathBuf>,
    /// The permission bits that it sets, if any.
    pub mode: Option<u32>,
    /// Its hunks, in their order.
    pub hunks: Vec<Hunk>,
}

/// Lines that change together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// First old line, from 1, where the header says so.
    pub old_start: Option<usize>,
    /// Its lines.
    pub lines: Vec<HunkLine>,
}

/// A line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HunkLine {
    /// What happens to it.
    pub kind: LineKind,
    /// Its bytes, the line feed included unless the diff says that there is none.
    pub text: Vec<u8>,
}

/// What happens to a line of a hunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// It stays.
    Context,
    /// It is taken out.
    Removed,
    /// It is put in.
    Added,
}

/// What a patch comes to, file by file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The file gets this content.
    Write {
        /// The path.
        path: PathBuf,
        /// All of its new content.
        source: Vec<u8>,
        /// The permission bits to set, if the patch or the file's old name says so.
        mode: Option<Mode>,
        /// Whether there was no such file before.
        is_new: bool,
        /// For each hunk how many lines away from the place in its header it was applied.
        shifts: Vec<isize>,
    },
    /// The file goes.
    Delete {
        /// The path.
        path: PathBuf,
    },
}

/// Where a file's permission bits come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// From the patch.
    Bits(u32),
    /// From the file under its old name.
    Of(PathBuf),
}

/// Why a patch can't be applied. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// It has no file in it.
    #[error("no file header found; a unified diff begins with the lines '--- a/path' and '+++ b/path'{hint}")]
    Empty {
        /// What seems to be the matter, if that is known.
        hint: &'static str,
    },
    /// It can't be read.
    #[error("line {line} of the patch: {problem}")]
    Syntax {
        /// The line of the patch, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// It asks for something that is not done here.
    #[error("{}: {what} can't be applied here", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is asked for.
        what: &'static str,
    },
    /// A file can't be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file that is to be changed is not there.
    #[error("{} does not exist; a new file is written as '--- /dev/null'", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file that is to be made is there.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file that is to be deleted has lines that the patch doesn't know of.
    #[error("{} would not be empty after its lines are removed, so it is not deleted", path.display())]
    NotEmpty {
        /// The file.
        path: PathBuf,
    },
    /// The old lines of a hunk are not in the file.
    #[error("{}: hunk {hunk} does not fit: {why}", path.display())]
    Hunk {
        /// The file.
        path: PathBuf,
        /// Which hunk of that file, from 1.
        hunk: usize,
        /// What is the matter.
        why: String,
        /// The most similar place, if there is one.
        nearest: Option<Region>,
    },
}

impl Patch {
    /// Works out what the patch comes to. `read` gives a file's content, `None` if there is no such file.
    ///
    /// # Errors
    /// When one file or hunk does not fit: then nothing is to be done at all.
    pub fn plan(
        &self,
        mut read: impl FnMut(&Path) -> io::Result<Option<Vec<u8>>>,
    ) -> Result<Vec<Change>, PatchError> {
        let mut changes: Vec<Change> = Vec::new();
        for file in &self.files {
            let mut look = |path: &Path| match changes.iter().rev().find(|change| change.path() == path) {
                Some(Change::Write { source, .. }) => Ok(Some(source.clone())),
                Some(Change::Delete { .. }) => Ok(None),
                None => read(path).map_err(|source| PatchError::Read { path: path.to_owned(), source }),
            };
            let planned = file.plan(&mut look)?;
            for change in planned {
                supersede(&mut changes, change);
            }
        }
        Ok(changes)
    }
}

/// A later change of a path takes the place of an earlier one, and remembers whether the file was there at first.
fn supersede(changes: &mut Vec<Change>, mut change: Change) {
    if let Some(at) = changes.iter().position(|earlier| earlier.path() == change.path()) {
        let earlier = changes.remove(at);
        match (&earlier, &mut change) {
            (Change::Write { is_new: before, mode: old_mode, .. }, Change::Write { is_new, mode, .. }) => {
                *is_new = *before;
                *mode = mode.take().or_else(|| old_mode.clone());
            }
            (Change::Delete { .. }, Change::Write { is_new, .. }) => *is_new = false,
            (Change::Write { is_new: true, .. }, Change::Delete { .. }) => return,
            (_, Change::Delete { .. }) => {}
        }
    }
    changes.push(change);
}

impl Change {
    /// The path that it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Write { path, .. } | Self::Delete { path } => path,
        }
    }
}

type Look<'a> = &'a mut dyn FnMut(&Path) -> Result<Option<Vec<u8>>, PatchError>;

impl FilePatch {
    fn plan(&self, look: Look) -> Result<Vec<Change>, PatchError> {
        match (&self.old, &self.new) {
            (None, Some(new)) => self.create(new, look),
            (Some(old), None) => self.delete(old, look),
            (Some(old), Some(new)) if old == new => self.modify(old, look),
            (Some(old), Some(new)) => self.rename(old, new, look),
            (None, None) => Ok(Vec::new()),
        }
    }

    fn create(&self, path: &Path, look: Look) -> Result<Vec<Change>, PatchError> {
        if look(path)?.is_some() {
            return Err(PatchError::Exists { path: path.to_owned() });
        }
        Ok(vec![self.write(path, b"", true, None)?])
    }

    fn delete(&self, path: &Path, look: Look) -> Result<Vec<Change>, PatchError> {
        let source = look(path)?.ok_or_else(|| PatchError::Missing { path: path.to_owned() })?;
        let Change::Write { source: rest, .. } = self.write(path, &source, false, None)? else {
            return Ok(Vec::new());
        };
        if !rest.is_empty() {
            return Err(PatchError::NotEmpty { path: path.to_owned() });
        }
        Ok(vec![Change::Delete { path: path.to_owned() }])
    }

    fn modify(&self, path: &Path, look: Look) -> Result<Vec<Change>, PatchError> {
        let adds_only =
            || self.hunks.iter().flat_map(|hunk| &hunk.lines).all(|line| line.kind == LineKind::Added);
        match look(path)? {
            Some(source) => Ok(vec![self.write(path, &source, false, None)?]),
            None if !self.hunks.is_empty() && adds_only() => Ok(vec![self.write(path, b"", true, None)?]),
            None => Err(PatchError::Missing { path: path.to_owned() }),
        }
    }

    fn rename(&self, old: &Path, new: &Path, look: Look) -> Result<Vec<Change>, PatchError> {
        let source = look(old)?.ok_or_else(|| PatchError::Missing { path: old.to_owned() })?;
        if look(new)?.is_some() {
            return Err(PatchError::Exists { path: new.to_owned() });
        }
        let written = self.write(new, &source, true, Some(Mode::Of(old.to_owned())))?;
        Ok(vec![written, Change::Delete { path: old.to_owned() }])
    }

    fn write(
        &self,
        path: &Path,
        source: &[u8],
        is_new: bool,
        mode: Option<Mode>,
    ) -> Result<Change, PatchError> {
        let applied = apply::hunks(source, &self.hunks, path)?;
        let mode = self.mode.map(Mode::Bits).or(mode);
        let path = path.to_owned();
        Ok(Change::Write { path, source: applied.source, mode, is_new, shifts: applied.shifts })
    }
}

#[cfg(test)]
mod tests;
