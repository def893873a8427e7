//! One walk over a workspace's directory, from which its tree follows.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::layer_dir::{EntryKind, LayerDir, kind_of};
use super::rules::{RuleCache, Rules};
use super::{FileStat, Known, Layering, Scope, Warning};
use crate::SandboxError;
use crate::checkout::is_safe_name;
use crate::durable::Batch;
use crate::large::{LARGE_FILE_BYTES, LargeFiles};
use crate::objects::{Kind, Mode, Objects, Oid, TreeEntry, name_of_stream};
use crate::repository::join;

/// Deepest nesting that is followed; the kernel's own limit on paths lies below it.
const DEPTH: usize = 2048;

pub(super) struct Walk<'a> {
    scope: &'a Scope,
    objects: &'a Objects,
    large: &'a LargeFiles,
    known: &'a HashMap<Vec<u8>, Known>,
    cache: &'a mut RuleCache,
    found: Found<'a>,
}

/// What a walk brings home.
pub(super) struct Found<'a> {
    pub(super) batch: Batch<'a>,
    pub(super) seen: HashMap<Vec<u8>, Known>,
    pub(super) warnings: Vec<Warning>,
    pub(super) files_read: usize,
}

type Entries = BTreeMap<Vec<u8>, TreeEntry>;

/// A directory on the way, with all that decides about its entries.
struct Here<'h> {
    dir: &'h LayerDir,
    path: &'h [u8],
    /// The base's entries, by which files are known as tracked.
    tracked: &'h Entries,
    rules: &'h Rules,
    /// Directories of the lower layers that shine through.
    lower: &'h [PathBuf],
    /// Only tracked files count here.
    ignored: bool,
    depth: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        scope: &'a Scope,
        objects: &'a Objects,
        large: &'a LargeFiles,
        known: &'a HashMap<Vec<u8>, Known>,
        cache: &'a mut RuleCache,
    ) -> Self {
        let found =
            Found { batch: objects.batch(), seen: HashMap::new(), warnings: Vec::new(), files_read: 0 };
        Self { scope, objects, large, known, cache, found }
    }

    /// The tree of the whole workspace.
    pub(super) fn run(&mut self) -> Result<Oid, SandboxError> {
        let top = LayerDir::open(&self.scope.dir).map_err(|e| failed("open", &self.scope.dir, e))?;
        let rules = Rules::default().below(b"", &self.scope.excludes, self.cache);
        let tracked = self.entries(Some(self.scope.base))?;
        let base = match self.scope.layering {
            Layering::Overlay => Some(self.scope.base),
            Layering::Plain => None,
        };
        let here = Here {
            dir: &top,
            path: b"",
            tracked: &tracked,
            rules: &rules,
            lower: &self.scope.lower,
            ignored: false,
            depth: 0,
        };
        Ok(self.directory(&here, base)?.unwrap_or(Oid::EMPTY_TREE))
    }

    pub(super) fn finish(self) -> Found<'a> {
        self.found
    }

    /// The tree of a directory over `below` (the tree that shines through); `None` when it is empty.
    fn directory(&mut self, here: &Here<'_>, below: Option<Oid>) -> Result<Option<Oid>, SandboxError> {
        let mut entries = self.entries(below)?;
        let names = here.dir.names().map_err(|e| failed("list", &self.host_path(here.path), e))?;
        let text = self.ignore_text(here);
        let rules = here.rules.below(here.path, &text, self.cache);
        let here = Here { rules: &rules, ..*here };
        for name in names {
            let path = join(here.path, &name);
            if self.scope.hidden.contains(&path) {
                continue;
            }
            if !is_safe_name(&name) {
                self.unsafe_name(&name, here.path, &path);
                continue;
            }
            match self.entry(&here, &name, &path, entries.get(&name))? {
                Outcome::Is(mode, id) => {
                    entries.insert(name.clone(), TreeEntry { name, mode, id });
                }
                Outcome::Gone => {
                    entries.remove(&name);
                }
                Outcome::AsBelow => {}
            }
        }
        self.store(below, entries)
    }

    fn entry(
        &mut self,
        here: &Here<'_>,
        name: &[u8],
        path: &[u8],
        below: Option<&TreeEntry>,
    ) -> Result<Outcome, SandboxError> {
        let stat = match here.dir.stat(name) {
            Ok(stat) => stat,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Outcome::AsBelow),
            Err(e) => return Err(failed("look at", &self.host_path(path), e)),
        };
        let tracked = here.tracked.get(name);
        if let Some(submodule) = tracked.filter(|t| t.mode == Mode::Submodule) {
            return Ok(Outcome::Is(Mode::Submodule, submodule.id));
        }
        let is_tracked = tracked.is_some_and(|t| t.mode != Mode::Tree);
        match kind_of(&stat) {
            EntryKind::Whiteout if self.scope.layering == Layering::Overlay => Ok(Outcome::Gone),
            EntryKind::Directory => self.subdirectory(here, name, path, below),
            _ if !is_tracked && (here.ignored || here.rules.ignores(path, false)) => Ok(Outcome::Gone),
            EntryKind::Whiteout | EntryKind::Special => {
                self.found.warnings.push(Warning::at(Warning::SpecialFile, path));
                Ok(Outcome::Gone)
            }
            EntryKind::File | EntryKind::Symlink => match self.file(here, name, path, &stat, tracked) {
                Err(FileError::Unreadable) => {
                    self.found.warnings.push(Warning::at(Warning::Unreadable, path));
                    Ok(tracked.filter(|_| is_tracked).map_or(Outcome::Gone, |t| Outcome::Is(t.mode, t.id)))
                }
                Err(FileError::Failed(error)) => Err(error),
                Ok((mode, id)) => Ok(Outcome::Is(mode, id)),
            },
        }
    }

    fn subdirectory(
        &mut self,
        here: &Here<'_>,
        name: &[u8],
        path: &[u8],
        below: Option<&TreeEntry>,
    ) -> Result<Outcome, SandboxError> {
        let tracked = here.tracked.get(name).filter(|t| t.mode == Mode::Tree).map(|t| t.id);
        let ignored = here.ignored || here.rules.ignores(path, true);
        if ignored && tracked.is_none() {
            return Ok(Outcome::Gone);
        }
        let dir = match here.dir.subdirectory(name) {
            Ok(dir) if here.depth < DEPTH => dir,
            Ok(_) => {
                return Err(failed(
                    "descend into",
                    &self.host_path(path),
                    io::Error::other("it is nested too deeply"),
                ));
            }
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                self.found.warnings.push(Warning::at(Warning::Unreadable, path));
                return Ok(Outcome::AsBelow);
            }
            Err(e) => return Err(failed("open", &self.host_path(path), e)),
        };
        let opaque = self.scope.layering == Layering::Plain
            || dir.is_opaque().map_err(|e| failed("read the marks of", &self.host_path(path), e))?;
        let lower = if opaque { Vec::new() } else { shining_through(here.lower, name) };
        let below = below.filter(|b| b.mode == Mode::Tree && !opaque).map(|b| b.id);
        let tracked = self.entries(tracked)?;
        let there = Here {
            dir: &dir,
            path,
            tracked: &tracked,
            rules: here.rules,
            lower: &lower,
            ignored,
            depth: here.depth + 1,
        };
        Ok(self.directory(&there, below)?.map_or(Outcome::Gone, |id| Outcome::Is(Mode::Tree, id)))
    }

    fn file(
        &mut self,
        here: &Here<'_>,
        name: &[u8],
        path: &[u8],
        stat: &libc::stat,
        tracked: Option<&TreeEntry>,
    ) -> Result<(Mode, Oid), FileError> {
        let stat = FileStat::of(stat);
        if let Some(known) = self.known.get(path).filter(|known| known.stat == stat) {
            self.found.seen.insert(path.to_vec(), *known);
            return Ok((known.mode, known.id));
        }
        self.found.files_read += 1;
        let at = self.host_path(path);
        let (mode, id) = if stat.mode & libc::S_IFMT == libc::S_IFLNK {
            let target = here.dir.link_target(name).map_err(|e| unreadable(&at, e))?;
            (Mode::Symlink, self.found.batch.put(Kind::Blob, &target)?)
        } else {
            let file = here.dir.file(name).map_err(|e| unreadable(&at, e))?;
            let mode = if stat.mode & 0o100 != 0 { Mode::Executable } else { Mode::File };
            (mode, self.content(file, &at, tracked)?)
        };
        self.found.seen.insert(path.to_vec(), Known { stat, mode, id });
        Ok((mode, id))
    }

    fn content(
        &mut self,
        mut file: std::fs::File,
        at: &Path,
        tracked: Option<&TreeEntry>,
    ) -> Result<Oid, FileError> {
        use std::io::Seek;
        let size = file.metadata().map_err(|e| unreadable(at, e))?.size();
        if size < LARGE_FILE_BYTES {
            let mut data = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
            file.read_to_end(&mut data).map_err(|e| unreadable(at, e))?;
            return Ok(self.found.batch.put(Kind::Blob, &data)?);
        }
        if let Some(tracked) = tracked {
            if name_of_stream(&mut file, size)? == tracked.id {
                return Ok(tracked.id);
            }
            file.rewind().map_err(|e| unreadable(at, e))?;
        }
        let pointer = self.large.store(&mut file)?;
        let id = self.found.batch.put(Kind::Blob, &pointer)?;
        self.large.mark(id)?;
        Ok(id)
    }

    /// The text of the `.gitignore` in force: the topmost layer that has one, or hides it, decides.
    fn ignore_text(&self, here: &Here<'_>) -> Vec<u8> {
        const NAME: &[u8] = b".gitignore";
        match here.dir.stat(NAME) {
            Ok(stat) if kind_of(&stat) == EntryKind::File => return read_rules(here.dir),
            Ok(_) => return Vec::new(),
            Err(_) => {}
        }
        for layer in here.lower {
            let Ok(dir) = LayerDir::open(layer) else { continue };
            match dir.stat(NAME) {
                Ok(stat) if kind_of(&stat) == EntryKind::File => return read_rules(&dir),
                Ok(_) => return Vec::new(),
                Err(_) => {}
            }
        }
        Vec::new()
    }

    fn unsafe_name(&mut self, name: &[u8], parent: &[u8], path: &[u8]) {
        match name {
            b".git" if parent.is_empty() => {}
            b".git" => self.found.warnings.push(Warning::at(Warning::NestedRepository, parent)),
            _ => self.found.warnings.push(Warning::at(Warning::UnsafeName, path)),
        }
    }

    fn store(&mut self, below: Option<Oid>, entries: Entries) -> Result<Option<Oid>, SandboxError> {
        if entries.is_empty() {
            return Ok(None);
        }
        if let Some(below) = below
            && self.entries(Some(below))? == entries
        {
            return Ok(Some(below));
        }
        let mut list: Vec<TreeEntry> = entries.into_values().collect();
        Ok(Some(self.found.batch.put_tree(&mut list)?))
    }

    fn entries(&self, tree: Option<Oid>) -> Result<Entries, SandboxError> {
        let list = tree.map(|id| self.objects.tree(id)).transpose()?.unwrap_or_default();
        Ok(list.into_iter().map(|e| (e.name.clone(), e)).collect())
    }

    fn host_path(&self, path: &[u8]) -> PathBuf {
        use std::os::unix::ffi::OsStrExt;
        self.scope.dir.join(std::ffi::OsStr::from_bytes(path))
    }
}

/// What an entry of the directory means for the tree.
enum Outcome {
    Is(Mode, Oid),
    Gone,
    AsBelow,
}

enum FileError {
    Unreadable,
    Failed(SandboxError),
}

impl From<SandboxError> for FileError {
    fn from(error: SandboxError) -> Self {
        Self::Failed(error)
    }
}

impl FileStat {
    fn of(stat: &libc::stat) -> Self {
        Self {
            size: stat.st_size,
            inode: stat.st_ino,
            mode: stat.st_mode,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

/// The directories called `name` of the layers, as far as no upper one of them hides those below.
fn shining_through(layers: &[PathBuf], name: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for layer in layers {
        let Ok(parent) = LayerDir::open(layer) else { continue };
        let Ok(stat) = parent.stat(name) else { continue };
        if kind_of(&stat) != EntryKind::Directory {
            break;
        }
        use std::os::unix::ffi::OsStrExt;
        found.push(layer.join(std::ffi::OsStr::from_bytes(name)));
        if parent.subdirectory(name).is_ok_and(|dir| dir.is_opaque().unwrap_or(false)) {
            break;
        }
    }
    found
}

/// A file of ignore rules, as far as one reads it.
fn read_rules(dir: &LayerDir) -> Vec<u8> {
    const MOST: u64 = 1 << 20;
    let mut text = Vec::new();
    if let Ok(file) = dir.file(b".gitignore") {
        let _ = file.take(MOST).read_to_end(&mut text);
    }
    text
}

fn unreadable(path: &Path, error: io::Error) -> FileError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => FileError::Unreadable,
        _ => FileError::Failed(failed("read", path, error)),
    }
}

fn failed(doing: &str, path: &Path, error: io::Error) -> SandboxError {
    SandboxError::host(format!("{doing} {}", path.display()), error)
}
