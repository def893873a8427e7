//! Snapshots: the tree of a workspace's tracked and untracked (not ignored) files, found by walking what changed.
//!
//! Content is stored byte for byte. Files of [`LARGE_FILE_BYTES`](crate::large::LARGE_FILE_BYTES) and more become chunked
//! objects with a pointer in the tree.

pub(crate) mod layer_dir;
mod rules;
mod walk;

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::SandboxError;
use crate::checkout::Owner;
use crate::large::LargeFiles;
use crate::mirror::Mirror;
use crate::objects::{Mode, Objects, Oid};
use rules::RuleCache;

/// What part of a workspace is versioned, and where it lies.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The upper directory of the overlay, or the plain directory.
    pub dir: PathBuf,
    /// Whether `dir` holds only what differs from the layers below.
    pub layering: Layering,
    /// The layers below, the topmost first; the base checkout is the last.
    pub lower: Vec<PathBuf>,
    /// The tree of the base.
    pub base: Oid,
    /// The user's ignore rules beside those in the tree.
    pub excludes: Vec<u8>,
    /// Paths that are mount points of something else.
    pub hidden: BTreeSet<Vec<u8>>,
    /// Whom restored files belong to.
    pub owner: Owner,
}

/// How a workspace's directory relates to its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layering {
    /// The upper directory of an overlay mounted with `userxattr`.
    Overlay,
    /// All files.
    Plain,
}

/// What a snapshot found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The tree, durable in the mirror.
    pub tree: Oid,
    /// What could not be taken in.
    pub warnings: Vec<Warning>,
    /// Files whose content had to be read.
    pub files_read: usize,
}

/// Something in the workspace that a snapshot leaves out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "path")]
pub enum Warning {
    /// A git directory below the top: its files are taken, its history is not.
    NestedRepository(String),
    /// A named pipe, socket or device.
    SpecialFile(String),
    /// A file or directory that its permissions close to us; the base's is kept.
    Unreadable(String),
    /// A name that no git tree may hold.
    UnsafeName(String),
}

impl Warning {
    fn at(kind: fn(String) -> Self, path: &[u8]) -> Self {
        kind(String::from_utf8_lossy(path).into_owned())
    }
}

/// Takes snapshots of one workspace, each costing as much as what changed.
pub struct Snapshotter {
    pub(crate) scope: Scope,
    pub(crate) objects: Objects,
    pub(crate) large: LargeFiles,
    known: HashMap<Vec<u8>, Known>,
    rules: RuleCache,
    stamp: File,
}

/// A file whose content was stored before.
#[derive(Clone, Copy)]
struct Known {
    stat: FileStat,
    mode: Mode,
    id: Oid,
}

/// What changes when a file does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileStat {
    size: i64,
    inode: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Snapshotter {
    /// Snapshots of `scope` into the mirror.
    ///
    /// # Errors
    /// If the mirror can't be opened, or nothing can be written beside the workspace.
    pub fn new(scope: Scope, mirror: &Mirror) -> Result<Self, SandboxError> {
        let beside = scope.dir.parent().map_or_else(|| scope.dir.join(".."), PathBuf::from).join("stamp");
        let stamp = File::create(&beside)
            .map_err(|e| SandboxError::host(format!("create {}", beside.display()), e))?;
        Ok(Self {
            scope,
            objects: Objects::open(mirror.objects().dir())?,
            large: LargeFiles::new(mirror.dir()),
            known: HashMap::new(),
            rules: RuleCache::default(),
            stamp,
        })
    }

    /// Writes the workspace's tree as it is now; durable when it returns. Nothing may be running in the workspace.
    ///
    /// # Errors
    /// If something can't be read or stored.
    pub fn take(&mut self) -> Result<Snapshot, SandboxError> {
        let began = self.file_system_time()?;
        let mut walk = walk::Walk::new(&self.scope, &self.objects, &self.large, &self.known, &mut self.rules);
        let tree = walk.run()?;
        let walk::Found { batch, seen, mut warnings, files_read } = walk.finish();
        batch.commit()?;
        warnings.sort();
        // A file changed in the very tick that this walk began might change again without its times showing it.
        self.known.retain(|path, _| seen.contains_key(path));
        for (path, known) in seen {
            if known.stat.changed < began {
                self.known.insert(path, known);
            } else {
                self.known.remove(&path);
            }
        }
        Ok(Snapshot { tree, warnings, files_read })
    }

    /// The file system's own idea of now, which is what file times are made of.
    fn file_system_time(&self) -> Result<(i64, i64), SandboxError> {
        use nix::sys::time::TimeSpec;
        let reading = |e| SandboxError::host("read the file system's clock", e);
        nix::sys::stat::futimens(&self.stamp, &TimeSpec::UTIME_NOW, &TimeSpec::UTIME_NOW)
            .map_err(|e| reading(e.into()))?;
        let meta = self.stamp.metadata().map_err(reading)?;
        Ok((meta.mtime(), meta.mtime_nsec()))
    }
}
