//! What differs between two trees of the mirror, for people, gates and reviews.

use serde::{Deserialize, Serialize};

use crate::SandboxError;
use crate::git::{Git, fields};
use crate::large::LargeFiles;
use crate::mirror::{Mirror, parse_oid};
use crate::objects::{Mode, Oid};

/// One changed file. Paths are bytes; [`FileChange::path_text`] is for showing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Its path, or the new one of a renamed file.
    pub path: Vec<u8>,
    /// What happened.
    pub kind: ChangeKind,
    /// What it was.
    pub old_mode: Option<Mode>,
    /// What it is.
    pub new_mode: Option<Mode>,
    /// Size before, in bytes.
    pub old_bytes: u64,
    /// Size now, in bytes.
    pub new_bytes: u64,
    /// Added lines; `None` for binary files.
    pub added_lines: Option<u64>,
    /// Removed lines; `None` for binary files.
    pub removed_lines: Option<u64>,
}

/// What happened to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its content or mode differs.
    Modified,
    /// It is gone.
    Deleted,
    /// It was called otherwise.
    Renamed {
        /// Its old path.
        from: Vec<u8>,
    },
}

impl FileChange {
    /// The path for showing: what is not UTF-8 is replaced.
    #[must_use]
    pub fn path_text(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    /// Whether it has no lines.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.added_lines.is_none()
    }
}

const SAFELY: &[&str] = &["--no-ext-diff", "--no-textconv", "--no-color"];

impl Mirror {
    /// The files that differ between two trees, renames found.
    ///
    /// # Errors
    /// If a tree is missing.
    pub fn changes(&self, old: Oid, new: Oid) -> Result<Vec<FileChange>, SandboxError> {
        if old == new {
            return Ok(Vec::new());
        }
        let output = Git::on(self.git_dir(), "diff-tree")
            .args(["-r", "-z", "--raw", "--numstat", "--no-abbrev", "--find-renames", "-l1000"])
            .args(SAFELY)
            .args([old.to_string(), new.to_string()])
            .run()?;
        let large = LargeFiles::new(self.dir());
        let mut changes = Vec::new();
        let (raw, numstat) = split(&output);
        for (raw, lines) in raw.iter().zip(&numstat) {
            let size = |id: Option<Oid>| self.size_of(&large, id);
            changes.push(FileChange {
                path: raw.path.clone(),
                kind: raw.kind.clone(),
                old_mode: raw.old.map(|(mode, _)| mode),
                new_mode: raw.new.map(|(mode, _)| mode),
                old_bytes: size(raw.old.map(|(_, id)| id))?,
                new_bytes: size(raw.new.map(|(_, id)| id))?,
                added_lines: lines.0.filter(|_| !raw.is_large(&large)),
                removed_lines: lines.1.filter(|_| !raw.is_large(&large)),
            });
        }
        Ok(changes)
    }

    /// The unified diff between two trees, at most `limit_bytes` of it: past that an error says so.
    ///
    /// # Errors
    /// If a tree is missing, or the text is too long.
    pub fn diff_text(&self, old: Oid, new: Oid, limit_bytes: u64) -> Result<Vec<u8>, SandboxError> {
        Git::on(self.git_dir(), "diff-tree")
            .args([
                "-r",
                "-p",
                "--full-index",
                "--find-renames",
                "-l1000",
                "--src-prefix=a/",
                "--dst-prefix=b/",
            ])
            .args(SAFELY)
            .args([old.to_string(), new.to_string()])
            .at_most(limit_bytes)
            .run()
    }

    fn size_of(&self, large: &LargeFiles, id: Option<Oid>) -> Result<u64, SandboxError> {
        let Some(id) = id else { return Ok(0) };
        if large.is_pointer(id)
            && let Some(pointer) = LargeFiles::parse(&self.objects().blob(id)?)
        {
            return Ok(pointer.size);
        }
        Ok(self.objects().size(id)?.unwrap_or(0))
    }
}

struct Raw {
    path: Vec<u8>,
    kind: ChangeKind,
    old: Option<(Mode, Oid)>,
    new: Option<(Mode, Oid)>,
}

impl Raw {
    fn is_large(&self, large: &LargeFiles) -> bool {
        [self.old, self.new].into_iter().flatten().any(|(_, id)| large.is_pointer(id))
    }
}

type Lines = (Option<u64>, Option<u64>);

/// The two halves of `--raw --numstat -z`, which list the same files in the same order.
fn split(output: &[u8]) -> (Vec<Raw>, Vec<Lines>) {
    let (mut raws, mut lines) = (Vec::new(), Vec::new());
    let mut rest = fields(output);
    while let Some(field) = rest.next() {
        if let Some(head) = field.strip_prefix(b":") {
            raws.extend(raw(&String::from_utf8_lossy(head), &mut rest));
        } else {
            let mut columns = field.splitn(3, |b| *b == b'\t');
            let mut number = || columns.next().and_then(|c| std::str::from_utf8(c).ok()?.parse().ok());
            lines.push((number(), number()));
            if columns.next().is_none_or(<[u8]>::is_empty) {
                // A renamed file: its two paths follow as fields of their own.
                rest.next();
                rest.next();
            }
        }
    }
    (raws, lines)
}

fn raw<'a>(head: &str, rest: &mut impl Iterator<Item = &'a [u8]>) -> Option<Raw> {
    let words: Vec<&str> = head.split(' ').collect();
    let [old_mode, new_mode, old_id, new_id, status] = words[..] else { return None };
    let side = |mode: &str, id: &str| Some((Mode::from_octal(mode.as_bytes())?, parse_oid(id).ok()?));
    let first = rest.next()?.to_vec();
    let (kind, path) = match status.as_bytes().first()? {
        b'A' => (ChangeKind::Added, first),
        b'D' => (ChangeKind::Deleted, first),
        b'R' | b'C' => (ChangeKind::Renamed { from: first }, rest.next()?.to_vec()),
        _ => (ChangeKind::Modified, first),
    };
    Some(Raw { path, kind, old: side(old_mode, old_id), new: side(new_mode, new_id) })
}
