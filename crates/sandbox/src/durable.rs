//! Writing that survives a power loss: loose objects in batches, small files, directories.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::SandboxError;
use crate::objects::{Kind, Objects, Oid, TreeEntry, encode_tree, name_of, write_loose};

/// Objects on their way into a store. They appear under their names only once their content is on disk, so that a name
/// always leads to whole content, also after a power loss.
pub struct Batch<'a> {
    objects: &'a Objects,
    staged: BTreeMap<Oid, (PathBuf, File)>,
    touched: BTreeSet<PathBuf>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(objects: &'a Objects) -> Self {
        Self { objects, staged: BTreeMap::new(), touched: BTreeSet::new() }
    }

    /// Adds an object.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn put(&mut self, kind: Kind, data: &[u8]) -> Result<Oid, SandboxError> {
        let id = name_of(kind, data)?;
        if self.staged.contains_key(&id) {
            return Ok(id);
        }
        let target = self.loose_path(id);
        if self.objects.contains(id) {
            // Another process may have put it there a moment ago: its directory is flushed with ours.
            if target.exists() {
                self.touched.insert(target);
            }
            return Ok(id);
        }
        let writing = |e| SandboxError::host(format!("write object {id}"), e);
        let (path, file) = scratch_file(self.objects.dir(), "tmp_obj_").map_err(writing)?;
        self.staged.insert(id, (path, file));
        let (_, file) = &self.staged[&id];
        write_loose(file, kind, data).map_err(writing)?;
        file.set_permissions(fs::Permissions::from_mode(0o444)).map_err(writing)?;
        Ok(id)
    }

    /// Adds a directory; `entries` in any order.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn put_tree(&mut self, entries: &mut [TreeEntry]) -> Result<Oid, SandboxError> {
        self.put(Kind::Tree, &encode_tree(entries))
    }

    /// Makes everything visible and durable.
    ///
    /// # Errors
    /// If it can't be flushed; nothing counts as written then.
    pub fn commit(mut self) -> Result<(), SandboxError> {
        let flushing =
            |e| SandboxError::host(format!("flush objects in {}", self.objects.dir().display()), e);
        flush_content(self.staged.values().map(|(_, file)| file)).map_err(flushing)?;
        let mut parents: BTreeSet<PathBuf> = BTreeSet::new();
        for (id, (from, _)) in &self.staged {
            let to = self.loose_path(*id);
            let dir = to.parent().expect("an object lies in a directory").to_owned();
            if !dir.exists() {
                make_dir(&dir).map_err(flushing)?;
                parents.insert(self.objects.dir().to_owned());
            }
            fs::rename(from, &to).map_err(flushing)?;
            parents.insert(dir);
        }
        parents.extend(self.touched.iter().filter_map(|p| p.parent()).map(Path::to_owned));
        self.staged.clear();
        parents.iter().try_for_each(|dir| sync_dir(dir)).map_err(flushing)
    }

    fn loose_path(&self, id: Oid) -> PathBuf {
        let hex = id.to_string();
        self.objects.dir().join(&hex[..2]).join(&hex[2..])
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for (path, _) in self.staged.values() {
            let _ = fs::remove_file(path);
        }
    }
}

/// Replaces a small file as a whole, durably: after a crash either the old or the new content is there.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    let (scratch, mut file) = scratch_file(dir, ".tmp_")?;
    let written = file
        .write_all(content)
        .and_then(|()| file.set_permissions(fs::Permissions::from_mode(0o644)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&scratch, path));
    if written.is_err() {
        let _ = fs::remove_file(&scratch);
    }
    written.and_then(|()| sync_dir(dir))
}

/// Flushes a directory's names.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Flushes everything on the file system that holds `path`.
pub(crate) fn sync_file_system(path: &Path) -> io::Result<()> {
    let dir = File::open(path)?;
    // SAFETY: the descriptor is open for the length of the call.
    match unsafe { libc::syncfs(dir.as_raw_fd()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A file of our own with a name that nobody else has, opened for writing.
pub(crate) fn scratch_file(dir: &Path, prefix: &str) -> io::Result<(PathBuf, File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{prefix}{}_{n}", std::process::id()));
        match OpenOptions::new().write(true).read(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

/// Makes a directory that others may read, whatever the umask.
pub(crate) fn make_dir(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Ok(()) => fs::set_permissions(dir, fs::Permissions::from_mode(0o755)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(e) => Err(e),
    }
}

/// Makes a directory and its parents, as [`make_dir`] does.
pub(crate) fn make_dirs(dir: &Path) -> io::Result<()> {
    match make_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            make_dirs(dir.parent().ok_or(e)?)?;
            make_dir(dir)
        }
        other => other,
    }
}

/// Brings the files' content to the disk. On file systems with one ordered journal it is enough to write the data back:
/// the flush of the directory that follows commits the rest of all files at once. Elsewhere each file is flushed.
fn flush_content<'f>(files: impl Iterator<Item = &'f File> + Clone) -> io::Result<()> {
    let ordered = match files.clone().next() {
        Some(first) => has_ordered_journal(first)?,
        None => return Ok(()),
    };
    if !ordered {
        return files.clone().try_for_each(File::sync_all);
    }
    let write = libc::SYNC_FILE_RANGE_WRITE;
    let wait = libc::SYNC_FILE_RANGE_WAIT_BEFORE | write | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    for flags in [write, wait] {
        for file in files.clone() {
            // SAFETY: the descriptor is open for the length of the call.
            if unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, flags) } != 0 {
                file.sync_all()?;
            }
        }
    }
    Ok(())
}

fn has_ordered_journal(file: &File) -> io::Result<bool> {
    let kind = nix::sys::statfs::fstatfs(file)?.filesystem_type();
    Ok(kind == nix::sys::statfs::EXT4_SUPER_MAGIC || kind == nix::sys::statfs::XFS_SUPER_MAGIC)
}
