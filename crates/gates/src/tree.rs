//! What detection may look at: a list of files, and a reader of small ones.

use std::collections::BTreeSet;

/// Files larger than this tell detection nothing (the longest manifest seen was 100 kB).
const MAX_READ_BYTES: u64 = 512 * 1024;
/// A list this long is enough to see what a repository is made of.
const MAX_FILES: usize = 200_000;

type Reader<'a> = dyn Fn(&str) -> Option<String> + Send + Sync + 'a;

/// A repository's files by path (relative, with `/`), readable as text.
pub struct Tree<'a> {
    files: BTreeSet<String>,
    read: Box<Reader<'a>>,
}

impl<'a> Tree<'a> {
    /// The tree with these files; `read` gives a file's text, or `None` when it can't be had.
    pub fn new(
        files: impl IntoIterator<Item = String>,
        read: impl Fn(&str) -> Option<String> + Send + Sync + 'a,
    ) -> Self {
        Self { files: files.into_iter().take(MAX_FILES).collect(), read: Box::new(read) }
    }

    /// A directory on this machine, without version control, dependency and build folders.
    #[must_use]
    pub fn from_dir(root: &std::path::Path) -> Tree<'static> {
        let mut files = Vec::new();
        walk(root, "", 0, &mut files);
        let root = root.to_owned();
        Tree::new(files, move |path| {
            let path = root.join(path);
            let meta = std::fs::metadata(&path).ok()?;
            (meta.is_file() && meta.len() <= MAX_READ_BYTES).then(|| std::fs::read_to_string(path).ok())?
        })
    }

    /// Whether the file is there.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// The file's text; empty when it is not there or can't be read.
    #[must_use]
    pub fn text(&self, path: &str) -> String {
        if self.has(path) { (self.read)(path).unwrap_or_default() } else { String::new() }
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// Directories (`""` is the root) at most `depth` below the root that hold a file called `name`, outside of
    /// folders that belong to others.
    pub fn dirs_with<'t>(&'t self, name: &'t str, depth: usize) -> impl Iterator<Item = &'t str> {
        self.paths().filter_map(move |path| {
            let (dir, file) = path.rsplit_once('/').unwrap_or(("", path));
            let shallow = dir.is_empty() || dir.split('/').count() <= depth;
            (file == name && shallow && !is_foreign(path)).then_some(dir)
        })
    }
}

/// `dir/name`, or `name` at the root.
pub(crate) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

/// Whether a path lies in a folder that holds other people's code, build results or mere examples of projects.
pub(crate) fn is_foreign(path: &str) -> bool {
    path.split('/').any(|part| FOREIGN.contains(&part))
}

const FOREIGN: [&str; 19] = [
    "node_modules",
    ".git",
    ".hg",
    "target",
    "dist",
    "vendor",
    "third_party",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    "site-packages",
    "__pycache__",
    "fixtures",
    "__fixtures__",
    "testdata",
    "examples",
    ".next",
    "bower_components",
];

fn walk(root: &std::path::Path, below: &str, depth: usize, files: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(root.join(below)) else { return };
    for entry in entries.flatten() {
        let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
        let path = join(below, &name);
        let skipped =
            ["node_modules", ".git", "target", ".venv", "venv", "__pycache__", ".tox"].contains(&&*name);
        if kind.is_dir() && depth < 12 && !skipped {
            walk(root, &path, depth + 1, files);
        } else if kind.is_file() && files.len() < MAX_FILES {
            files.push(path);
        }
    }
}

/// A tree in memory, for tests.
#[cfg(test)]
pub(crate) fn tree_of(files: &[(&str, &str)]) -> Tree<'static> {
    let map: std::collections::BTreeMap<String, String> =
        files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
    Tree::new(map.keys().cloned().collect::<Vec<_>>(), move |path| map.get(path).cloned())
}
