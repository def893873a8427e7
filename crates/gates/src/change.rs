//! A change as gates see it: files with their old and new bytes.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Everything that a run changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The files, each at most once.
    pub files: Vec<ChangedFile>,
}

/// One changed file. A renamed file is one deleted and one added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// Path relative to the repository's root, as bytes.
    pub path: Vec<u8>,
    /// What happened to it.
    pub status: FileStatus,
    /// git's mode before (0 when it was not there).
    pub old_mode: u32,
    /// git's mode after (0 when it is gone). `0o120000` is a symbolic link, whose bytes are its target.
    pub mode: u32,
    /// The bytes before.
    pub old: Option<Vec<u8>>,
    /// The bytes after.
    pub new: Option<Vec<u8>>,
}

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// It is new.
    Added,
    /// Its content or mode changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// A line that a change adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddedLine {
    /// Its number in the new file, from 1.
    pub(crate) number: usize,
    /// Its text without the line end.
    pub(crate) text: String,
}

impl ChangedFile {
    /// The path for people; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn display(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    /// Whether the new bytes are a symbolic link's target.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.mode == 0o120_000
    }

    /// Whether the bytes are the same as before (a change of mode alone).
    pub(crate) fn is_mode_only(&self) -> bool {
        self.old.is_some() && self.old == self.new
    }
}

/// Whether bytes are not text: a NUL near the beginning, as git decides it.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(8_000)].contains(&0)
}

impl Change {
    /// A file's bytes before the change: its own, or for a new file those of a deleted one that it mostly repeats.
    pub(crate) fn before<'a>(&'a self, file: &'a ChangedFile) -> Option<&'a [u8]> {
        if file.old.is_some() {
            return file.old.as_deref();
        }
        let new = file.new.as_deref()?;
        self.files
            .iter()
            .filter(|f| f.status == FileStatus::Deleted)
            .filter_map(|f| f.old.as_deref())
            .map(|old| (similarity(old, new), old))
            .filter(|(share, _)| *share >= 0.6)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, old)| old)
    }

    /// The lines that a file has and did not have: a moved line is not new.
    pub(crate) fn added_lines(&self, file: &ChangedFile) -> Vec<AddedLine> {
        let Some(new) = file.new.as_deref().filter(|b| !is_binary(b) && !file.is_symlink()) else {
            return Vec::new();
        };
        let mut had = count_lines(self.before(file).unwrap_or_default());
        let mut added = Vec::new();
        for (index, line) in new.split(|b| *b == b'\n').enumerate() {
            match had.get_mut(line) {
                Some(count) if *count > 0 => *count -= 1,
                _ if line.is_empty() => {}
                _ => added.push(AddedLine {
                    number: index + 1,
                    text: String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned(),
                }),
            }
        }
        added
    }
}

fn count_lines(bytes: &[u8]) -> HashMap<&[u8], usize> {
    let mut counts = HashMap::new();
    for line in bytes.split(|b| *b == b'\n') {
        *counts.entry(line).or_default() += 1;
    }
    counts
}

/// The share of lines that two files have in common.
fn similarity(old: &[u8], new: &[u8]) -> f64 {
    if old == new {
        return 1.0;
    }
    let mut had = count_lines(old);
    let (mut shared, mut all) = (0usize, 0usize);
    for line in new.split(|b| *b == b'\n') {
        all += 1;
        if let Some(count) = had.get_mut(line).filter(|c| **c > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    let longest = all.max(old.split(|b| *b == b'\n').count());
    shared as f64 / longest.max(1) as f64
}

/// A change for tests: path, old text, new text.
#[cfg(test)]
pub(crate) fn change_of(files: &[(&str, Option<&str>, Option<&str>)]) -> Change {
    let file = |(path, old, new): &(&str, Option<&str>, Option<&str>)| ChangedFile {
        path: path.as_bytes().to_vec(),
        status: match (old, new) {
            (None, _) => FileStatus::Added,
            (_, None) => FileStatus::Deleted,
            _ => FileStatus::Modified,
        },
        old_mode: if old.is_some() { 0o100_644 } else { 0 },
        mode: if new.is_some() { 0o100_644 } else { 0 },
        old: old.map(|t| t.as_bytes().to_vec()),
        new: new.map(|t| t.as_bytes().to_vec()),
    };
    Change { files: files.iter().map(file).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(change: &Change, index: usize) -> Vec<(usize, String)> {
        change.added_lines(&change.files[index]).into_iter().map(|l| (l.number, l.text)).collect()
    }

    #[test]
    fn added_lines_are_those_that_were_not_there() {
        let change = change_of(&[("a", Some("one\ntwo\nthree\n"), Some("two\none\nnew\nthree\ntwo\r\n"))]);
        assert_eq!(added(&change, 0), [(3, "new".to_owned()), (5, "two".to_owned())]);
    }

    #[test]
    fn a_renamed_file_adds_only_what_differs() {
        let old = "a\nb\nc\nd\n";
        let change = change_of(&[("old", Some(old), None), ("new", None, Some("a\nb\nc\nd\ne\n"))]);
        assert_eq!(added(&change, 1), [(5, "e".to_owned())]);
        let other = change_of(&[("old", Some(old), None), ("new", None, Some("x\ny\n"))]);
        assert_eq!(added(&other, 1).len(), 2);
    }
}
