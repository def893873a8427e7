//! What lies in a directory, a few levels deep.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

use crate::tree::{NodeKind, Tree};

/// How many entries are looked at; what a bigger tree has more is only said to exist.
const MAX_WALKED: usize = 200_000;

/// How much of a tree to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Levels.
    pub depth: usize,
    /// Entries of one directory.
    pub per_directory: usize,
    /// Entries in all, the upper levels first.
    pub total: usize,
}

/// A directory's entries, those of its sub-directories following each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order to print them.
    pub entries: Vec<Entry>,
    /// Whether the walk itself stopped early.
    pub gave_up: bool,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Something that is there.
    Node {
        /// Path relative to the root.
        path: PathBuf,
        /// Depth, from 1.
        depth: usize,
        /// What it is.
        kind: NodeKind,
        /// A file's length in bytes.
        size_bytes: Option<u64>,
        /// Where a link points.
        target: Option<PathBuf>,
    },
    /// So many more in this directory that were left out.
    More {
        /// Depth, from 1.
        depth: usize,
        /// How many.
        count: usize,
    },
}

struct Found {
    path: PathBuf,
    kind: NodeKind,
}

/// Lists a directory of a tree: directories first, then by name.
///
/// # Errors
/// When `start` can't be read or is no directory.
pub fn list(tree: &Tree, start: &Path, bounds: Bounds) -> io::Result<Listing> {
    if !tree.root().join(start).symlink_metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let mut children: HashMap<PathBuf, Vec<Found>> = HashMap::new();
    let mut walked = 0;
    for node in tree.walk(start, Some(bounds.depth)).take(MAX_WALKED) {
        walked += 1;
        let parent = node.path.parent().unwrap_or(Path::new("")).to_owned();
        children.entry(parent).or_default().push(Found { path: node.path, kind: node.kind });
    }
    for found in children.values_mut() {
        found.sort_by_key(|found| found.kind != NodeKind::Directory);
    }
    let shown = share_out(&children, start, bounds);
    let mut entries = Vec::new();
    print(tree, &children, &shown, start, 1, &mut entries);
    Ok(Listing { entries, gave_up: walked == MAX_WALKED })
}

/// How many entries each directory may show: level by level, so that a big sub-directory can't hide its siblings.
fn share_out(
    children: &HashMap<PathBuf, Vec<Found>>,
    start: &Path,
    bounds: Bounds,
) -> HashMap<PathBuf, usize> {
    let mut left = bounds.total;
    let mut shown = HashMap::new();
    let mut queue = VecDeque::from([start.to_owned()]);
    while let Some(directory) = queue.pop_front() {
        let Some(found) = children.get(&directory) else { continue };
        let count = found.len().min(bounds.per_directory).min(left);
        left -= count;
        let below = found[..count].iter().filter(|found| found.kind == NodeKind::Directory);
        queue.extend(below.map(|found| found.path.clone()));
        shown.insert(directory, count);
    }
    shown
}

fn print(
    tree: &Tree,
    children: &HashMap<PathBuf, Vec<Found>>,
    shown: &HashMap<PathBuf, usize>,
    directory: &Path,
    depth: usize,
    entries: &mut Vec<Entry>,
) {
    let Some(found) = children.get(directory) else { return };
    let count = shown.get(directory).copied().unwrap_or(0);
    for Found { path, kind } in &found[..count] {
        let full = tree.root().join(path);
        let size_bytes =
            (*kind == NodeKind::File).then(|| full.symlink_metadata().ok().map(|m| m.len())).flatten();
        let target = (*kind == NodeKind::Link).then(|| full.read_link().ok()).flatten();
        entries.push(Entry::Node { path: path.clone(), depth, kind: *kind, size_bytes, target });
        if *kind == NodeKind::Directory {
            print(tree, children, shown, path, depth + 1, entries);
        }
    }
    if count < found.len() {
        entries.push(Entry::More { depth, count: found.len() - count });
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn listed(bounds: Bounds, start: &str, paths: &[&str]) -> Vec<String> {
        let dir = tempfile::tempdir().expect("temporary directory");
        for path in paths {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            fs::write(path, "12").expect("file");
        }
        let listing = list(&Tree::plain(dir.path()), Path::new(start), bounds).expect("directory");
        let show = |entry: &Entry| match entry {
            Entry::Node { path, depth, size_bytes, .. } => {
                format!("{depth} {} {size_bytes:?}", path.display())
            }
            Entry::More { depth, count } => format!("{depth} +{count}"),
        };
        listing.entries.iter().map(show).collect()
    }

    #[test]
    fn directories_come_first_and_depth_is_kept() {
        let paths = ["a", "z/b", "z/y/c", "m/d"];
        let bounds = Bounds { depth: 2, per_directory: 9, total: 9 };
        let want = ["1 m None", "2 m/d Some(2)", "1 z None", "2 z/y None", "2 z/b Some(2)", "1 a Some(2)"];
        assert_eq!(listed(bounds, "", &paths), want);
        assert_eq!(listed(bounds, "z", &paths), ["1 z/y None", "2 z/y/c Some(2)", "1 z/b Some(2)"]);
    }

    #[test]
    fn bounds_are_shared_out_from_the_top() {
        let paths = ["a/1", "a/2", "a/3", "b/1", "c"];
        let bounds = Bounds { depth: 2, per_directory: 2, total: 3 };
        assert_eq!(
            listed(bounds, "", &paths),
            ["1 a None", "2 a/1 Some(2)", "2 +2", "1 b None", "2 +1", "1 +1"]
        );
    }

    #[test]
    fn a_file_is_no_directory() {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join("f"), "").expect("file");
        let bounds = Bounds { depth: 1, per_directory: 1, total: 1 };
        let kind = |start| {
            list(&Tree::plain(dir.path()), Path::new(start), bounds).expect_err("no directory").kind()
        };
        assert_eq!((kind("f"), kind("g")), (io::ErrorKind::NotADirectory, io::ErrorKind::NotFound));
    }
}
