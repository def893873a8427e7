//! A directory tree as git sees it: ignored files left out, links not followed.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

/// How many bytes at the start of a file decide whether it is binary: where git looks, too.
const BINARY_PROBE_BYTES: usize = 8000;

type Open<'a> = Box<dyn Fn(&Path) -> io::Result<File> + 'a>;

/// A directory, and the way to open files in it. The way is the caller's, so that it can be one that never leaves the
/// directory, whatever links are put in its path.
pub struct Tree<'a> {
    root: PathBuf,
    open: Open<'a>,
}

/// Something met on a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Path relative to the root.
    pub path: PathBuf,
    /// What it is.
    pub kind: NodeKind,
    /// Depth below where the walk began, from 1.
    pub depth: usize,
}

/// What a directory entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A socket, pipe or device.
    Special,
}

/// What was read of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// All of it.
    Text(Vec<u8>),
    /// It holds a zero byte near its start.
    Binary,
    /// It is longer than the bound.
    TooLarge,
    /// It can't be read, or is no file.
    Unreadable,
}

impl<'a> Tree<'a> {
    /// A tree whose files are opened with `open`, which gets paths relative to `root`.
    pub fn new(root: &Path, open: impl Fn(&Path) -> io::Result<File> + 'a) -> Self {
        Self { root: root.to_owned(), open: Box::new(open) }
    }

    /// A tree whose files are opened by their path.
    #[must_use]
    pub fn plain(root: &Path) -> Self {
        let base = root.to_owned();
        Self::new(root, move |path| File::open(base.join(path)))
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Opens a file by its path relative to the root.
    ///
    /// # Errors
    /// Those of the caller's way to open.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        (self.open)(path)
    }

    /// Walks the tree below `start` (relative; empty for all of it) in the order of names, at most `depth` levels deep,
    /// without `.git` and without what the `.gitignore` and `.ignore` files from the root on leave out. An ignored
    /// `start` that was asked for by name is walked whole.
    pub fn walk(&self, start: &Path, depth: Option<usize>) -> impl Iterator<Item = Node> + use<> {
        let levels = start.components().count();
        let rules = if self.is_ignored(start) { Rules::None } else { Rules::Git };
        let (from, skipped) = match rules {
            Rules::Git => (self.root.clone(), levels),
            Rules::None => (self.root.join(start), 0),
        };
        let wanted = self.root.join(start);
        let walk = builder(&from, rules)
            .max_depth(depth.map(|d| d.saturating_add(skipped)))
            .filter_entry(move |entry| {
                entry.depth() == 0
                    || entry.file_name() != OsStr::new(".git")
                        && (entry.path().starts_with(&wanted) || wanted.starts_with(entry.path()))
            })
            .build();
        let root = self.root.clone();
        walk.filter_map(Result::ok).filter_map(move |entry| {
            let depth = entry.depth().checked_sub(skipped)?;
            let path = entry.path().strip_prefix(&root).ok()?.to_owned();
            let kind = NodeKind::of(entry.file_type()?);
            // A file asked for by name is its own walk; a directory is not part of what lies below it.
            (depth > 0 || kind == NodeKind::File).then_some(Node { path, kind, depth })
        })
    }

    /// Reads a file of at most `most` bytes, unless it is binary.
    #[must_use]
    pub fn read(&self, path: &Path, most: u64) -> Content {
        let Ok(file) = self.open(path) else { return Content::Unreadable };
        let Ok(metadata) = file.metadata() else { return Content::Unreadable };
        if !metadata.is_file() {
            return Content::Unreadable;
        }
        read_bounded(file, metadata.len(), most).unwrap_or(Content::Unreadable)
    }

    fn is_ignored(&self, start: &Path) -> bool {
        if start.as_os_str().is_empty() {
            return false;
        }
        if start.components().any(|part| part.as_os_str() == ".git") {
            return true;
        }
        let wanted = self.root.join(start);
        let goal = wanted.clone();
        let levels = start.components().count();
        let mut on_the_way = builder(&self.root, Rules::Git);
        on_the_way.max_depth(Some(levels)).filter_entry(move |entry| goal.starts_with(entry.path()));
        !on_the_way.build().filter_map(Result::ok).any(|entry| entry.path() == wanted)
    }
}

impl NodeKind {
    fn of(kind: std::fs::FileType) -> Self {
        if kind.is_file() {
            Self::File
        } else if kind.is_dir() {
            Self::Directory
        } else if kind.is_symlink() {
            Self::Link
        } else {
            Self::Special
        }
    }
}

/// Whether these first bytes of a file say that it is no text.
#[must_use]
pub fn is_binary(start: &[u8]) -> bool {
    start[..start.len().min(BINARY_PROBE_BYTES)].contains(&0)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    Git,
    None,
}

fn builder(from: &Path, rules: Rules) -> WalkBuilder {
    let obey = rules == Rules::Git;
    let mut builder = WalkBuilder::new(from);
    builder
        .hidden(false)
        .parents(false)
        .git_global(false)
        .git_ignore(obey)
        .git_exclude(obey)
        .ignore(obey)
        .require_git(false)
        .follow_links(false)
        .sort_by_file_name(OsStr::cmp);
    builder
}

fn read_bounded(mut file: File, size: u64, most: u64) -> io::Result<Content> {
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(most)).unwrap_or(0) + 1);
    file.by_ref().take(BINARY_PROBE_BYTES as u64).read_to_end(&mut bytes)?;
    if is_binary(&bytes) {
        return Ok(Content::Binary);
    }
    if size > most {
        return Ok(Content::TooLarge);
    }
    let left = (most + 1).saturating_sub(bytes.len() as u64);
    file.take(left).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > most { Content::TooLarge } else { Content::Text(bytes) })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn sample() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary directory");
        for (path, text) in [
            (".gitignore", "target/\n*.log\n"),
            (".git/config", "x"),
            ("src/.gitignore", "made.rs\n"),
            ("src/a.rs", "a"),
            ("src/made.rs", "m"),
            ("src/deep/b.rs", "b"),
            ("target/out.rs", "t"),
            ("target/.gitignore", "*"),
            ("x.log", "l"),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            fs::write(path, text).expect("file");
        }
        std::os::unix::fs::symlink("/etc", dir.path().join("out")).expect("link");
        dir
    }

    fn walked(start: &str, depth: Option<usize>) -> Vec<String> {
        let dir = sample();
        let tree = Tree::plain(dir.path());
        tree.walk(Path::new(start), depth)
            .map(|node| format!("{}:{}", node.path.display(), node.depth))
            .collect()
    }

    #[test]
    fn a_walk_leaves_out_what_git_ignores_and_follows_no_link() {
        assert_eq!(
            walked("", None),
            [
                ".gitignore:1",
                "out:1",
                "src:1",
                "src/.gitignore:2",
                "src/a.rs:2",
                "src/deep:2",
                "src/deep/b.rs:3"
            ]
        );
        assert_eq!(walked("", Some(1)), [".gitignore:1", "out:1", "src:1"]);
    }

    #[test]
    fn a_walk_of_a_part_obeys_the_rules_above_it() {
        assert_eq!(walked("src", Some(1)), ["src/.gitignore:1", "src/a.rs:1", "src/deep:1"]);
        assert_eq!(walked("src/deep", None), ["src/deep/b.rs:1"]);
        assert_eq!(walked("src/a.rs", None), ["src/a.rs:0"]);
    }

    #[test]
    fn an_ignored_part_asked_for_by_name_is_walked() {
        assert_eq!(walked("target", None), ["target/.gitignore:1", "target/out.rs:1"]);
        assert_eq!(walked("x.log", None), ["x.log:0"]);
        assert_eq!(walked(".git", None), [".git/config:1"]);
        assert_eq!(walked("nowhere", None), Vec::<String>::new());
    }

    #[test]
    fn reading_tells_text_from_the_rest() {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join("t"), "12345").expect("file");
        fs::write(dir.path().join("b"), b"1\x002").expect("file");
        let tree = Tree::plain(dir.path());
        let read = |name: &str, most| tree.read(Path::new(name), most);
        assert_eq!(read("t", 5), Content::Text(b"12345".to_vec()));
        assert_eq!(read("t", 4), Content::TooLarge);
        assert_eq!(read("b", 9), Content::Binary);
        assert_eq!(read("none", 9), Content::Unreadable);
        assert_eq!(read("", 9), Content::Unreadable);
    }
}
