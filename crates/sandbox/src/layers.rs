//! What lies below a run's changes: base checkouts and warm layers, made once, then shared and never written.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};

use crate::SandboxError;
use crate::checkout::{self, Owner, file_time, make_owned_dir};
use crate::dependencies;
use crate::durable::{make_dirs, sync_file_system, write_file};
use crate::mirror::{Mirror, lock_file};
use crate::repository::{Base, Repository};

/// Beginning of the name of a layer that is being made, or that a crash left.
const UNFINISHED: &str = ".new-";
/// Beginning of the name of the file that is locked while a layer is made.
const LOCK: &str = ".lock-";

/// A finished layer. While the value lives the layer can't be evicted.
pub struct Layer {
    dir: PathBuf,
    _in_use: Flock<File>,
}

impl Layer {
    /// The files.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.dir.join("files")
    }

    /// The index that matches a base checkout.
    pub(crate) fn index(&self) -> PathBuf {
        self.dir.join("index")
    }

    /// The directories of a base checkout, beside its top, that dependency folders may lie in.
    pub(crate) fn dependency_places(&self) -> Vec<Vec<u8>> {
        let list = fs::read(self.dir.join("places")).unwrap_or_default();
        list.split(|b| *b == 0).filter(|d| !d.is_empty()).map(<[u8]>::to_vec).collect()
    }

    /// Brings the layer to the disk, so that it is still trusted after a power loss. Until then a layer counts only until
    /// the machine is started anew. It may take as long as the disk needs: call it when nobody waits.
    ///
    /// # Errors
    /// If it can't be flushed.
    pub fn settle(&self) -> Result<(), SandboxError> {
        let marker = self.dir.join("durable");
        if marker.exists() {
            return Ok(());
        }
        sync_file_system(&self.dir)
            .and_then(|()| write_file(&marker, b""))
            .map_err(|e| SandboxError::host(format!("flush the layer {}", self.dir.display()), e))
    }
}

/// The layers of one repository.
pub struct Layers<'a> {
    mirror: &'a Mirror,
    owner: Owner,
}

/// What eviction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Layers taken away.
    pub layers: usize,
    /// Bytes freed.
    pub bytes: u64,
    /// Bytes that layers still take.
    pub left_bytes: u64,
}

impl<'a> Layers<'a> {
    /// The layers in a repository's place, owned by `owner`.
    #[must_use]
    pub fn new(mirror: &'a Mirror, owner: Owner) -> Self {
        Self { mirror, owner }
    }

    /// The checkout of a base that the mirror holds: made when missing, else just opened. Submodules are filled where the
    /// user has their objects.
    ///
    /// # Errors
    /// If the tree can't be read or written.
    pub fn base(&self, repository: &Repository, base: &Base, now: SystemTime) -> Result<Layer, SandboxError> {
        self.obtain("bases", &base.commit.to_string(), |dir| {
            let (objects, time) = (self.mirror.objects(), file_time(base.committed_s, now));
            let files = dir.join("files");
            let mut plan = checkout::list(objects, base.tree)?;
            checkout::write(objects, &mut plan, &files, self.owner, time)?;
            for submodule in &plan.submodules {
                self.fill_submodule(repository, submodule, &files, time)?;
            }
            // Where the run's own git directory is mounted.
            make_owned_dir(&files.join(".git"), self.owner)
                .map_err(|e| SandboxError::host("create .git in the base", e))?;
            let places = dependencies::places(plan.files.iter().map(|file| file.path.as_slice()));
            fs::write(dir.join("places"), places.join(&0))
                .map_err(|e| SandboxError::host("list where dependencies may lie", e))?;
            checkout::write_index(&plan, time, &dir.join("index"))
        })
    }

    /// The warm layer of `key`: what `fill` leaves in the directory that it is given (an upper directory of overlayfs).
    ///
    /// # Errors
    /// What `fill` says; nothing is kept then.
    pub fn warm<E: From<SandboxError>>(
        &self,
        key: &WarmKey,
        fill: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Layer, E> {
        self.obtain("warm", &key.0, |dir| fill(&dir.join("files")))
    }

    /// The warm layer of `key` if it has been made.
    #[must_use]
    pub fn find_warm(&self, key: &WarmKey) -> Option<Layer> {
        open_layer(&self.mirror.dir().join("warm").join(&key.0), self.owner)
    }

    /// Takes layers away, the longest unused first, until all together fit into `quota_bytes`. Those in use stay.
    ///
    /// # Errors
    /// If the place can't be read.
    pub fn evict(&self, quota_bytes: u64) -> Result<Evicted, SandboxError> {
        let _lock = self.mirror.lock()?;
        let mut layers = Vec::new();
        for kind in ["bases", "warm"] {
            for entry in fs::read_dir(self.mirror.dir().join(kind)).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if let Some(unfinished) = name.strip_prefix(UNFINISHED) {
                    let lock = self.mirror.dir().join(kind).join(format!("{LOCK}{unfinished}"));
                    if lock_file(&lock, FlockArg::LockExclusiveNonblock)?.is_some() {
                        let _ = remove_tree(&entry.path());
                    }
                }
                if name.starts_with('.') {
                    continue;
                }
                let used = fs::metadata(entry.path().join("use"))
                    .and_then(|m| m.modified())
                    .unwrap_or(SystemTime::UNIX_EPOCH);
                layers.push((used, size_of(&entry.path()), entry.path()));
            }
        }
        layers.sort();
        let mut done = Evicted { left_bytes: layers.iter().map(|l| l.1).sum(), ..Evicted::default() };
        for (_, bytes, dir) in layers {
            if done.left_bytes <= quota_bytes {
                break;
            }
            if lock_file(&dir.join("use"), FlockArg::LockExclusiveNonblock)?.is_some() {
                remove_tree(&dir)
                    .map_err(|e| SandboxError::host(format!("remove the layer {}", dir.display()), e))?;
                done.layers += 1;
                done.bytes += bytes;
                done.left_bytes -= bytes;
            }
        }
        Ok(done)
    }

    fn obtain<E: From<SandboxError>>(
        &self,
        kind: &str,
        name: &str,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Layer, E> {
        let dir = self.mirror.dir().join(kind).join(name);
        if let Some(layer) = open_layer(&dir, self.owner) {
            return Ok(layer);
        }
        let preparing = |e| SandboxError::host(format!("prepare the layer {}", dir.display()), e);
        let place = self.mirror.dir().join(kind);
        make_dirs(&place).map_err(preparing)?;
        // One lock per layer: a set-up command may take minutes, and others have no need to wait for it.
        let _lock = lock_file(&place.join(format!("{LOCK}{name}")), FlockArg::LockExclusive)?;
        if let Some(layer) = open_layer(&dir, self.owner) {
            return Ok(layer);
        }
        let fresh = place.join(format!("{UNFINISHED}{name}"));
        for leftover in [&dir, &fresh] {
            remove_tree(leftover).map_err(preparing)?;
        }
        make_dirs(&fresh)
            .and_then(|()| make_owned_dir(&fresh.join("files"), self.owner))
            .map_err(preparing)?;
        if let Err(error) = make(&fresh) {
            let _ = remove_tree(&fresh);
            return Err(error);
        }
        fs::write(fresh.join("use"), b"")
            .and_then(|()| fs::write(fresh.join("complete"), marker(self.owner)))
            .map_err(preparing)?;
        fs::rename(&fresh, &dir).map_err(preparing)?;
        open_layer(&dir, self.owner).ok_or_else(|| preparing(io::Error::other("it vanished")).into())
    }

    fn fill_submodule(
        &self,
        repository: &Repository,
        item: &checkout::Item,
        files: &Path,
        time: SystemTime,
    ) -> Result<(), SandboxError> {
        let Some(objects) = repository.submodule_objects(&item.path).filter(|o| o.contains(item.id)) else {
            return Ok(());
        };
        let into = files.join(OsStr::from_bytes(&item.path));
        let mut plan = checkout::list(&objects, objects.commit(item.id)?.tree)?;
        checkout::write(&objects, &mut plan, &into, self.owner, time)
    }
}

/// What a warm layer depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmKey(String);

impl WarmKey {
    /// A key for a base, the text of its set-up command and what names the toolchain (versions, PATH). The base stands in
    /// it whole, lock files included: build caches trust the times of source files.
    #[must_use]
    pub fn new(base: &Base, setup: &str, toolchain: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [base.tree.to_string().as_str(), setup, toolchain] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect())
    }
}

/// The name of this start of the machine: what was only in memory is gone when it differs.
#[must_use]
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Removes a directory that commands have written into: also where they took permissions away, and never following links.
///
/// # Errors
/// If something can't be removed. That it is not there is fine.
pub fn remove_tree(dir: &Path) -> io::Result<()> {
    let meta = match fs::symlink_metadata(dir) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    if !meta.is_dir() {
        return fs::remove_file(dir);
    }
    if meta.mode() & 0o700 != 0o700 {
        fs::set_permissions(dir, Permissions::from_mode(0o700))?;
    }
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(dir)
}

/// Bytes on disk below a directory.
pub(crate) fn size_of(dir: &Path) -> u64 {
    let mut total = 0;
    let mut pending = vec![dir.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if let Ok(meta) = fs::symlink_metadata(entry.path()) {
                total += meta.blocks() * 512;
                if meta.is_dir() {
                    pending.push(entry.path());
                }
            }
        }
    }
    total
}

/// A finished layer of this owner that a power loss can't have torn.
fn open_layer(dir: &Path, owner: Owner) -> Option<Layer> {
    let complete = fs::read_to_string(dir.join("complete")).ok()?;
    let now = marker(owner);
    let same_owner = complete.rsplit(' ').next() == now.rsplit(' ').next();
    if complete != now && !(same_owner && dir.join("durable").exists()) {
        return None;
    }
    let in_use = lock_file(&dir.join("use"), FlockArg::LockSharedNonblock).ok()??;
    // The time of the last use decides what is evicted first; a file system that refuses it only spoils the order.
    let _ = nix::sys::stat::futimens(
        &*in_use,
        &nix::sys::time::TimeSpec::UTIME_NOW,
        &nix::sys::time::TimeSpec::UTIME_NOW,
    );
    dir.join("complete").exists().then(|| Layer { dir: dir.to_owned(), _in_use: in_use })
}

fn marker(owner: Owner) -> String {
    let uid = owner.map_or_else(|| nix::unistd::geteuid().as_raw(), |(uid, _)| uid);
    format!("{} {uid}", boot_id())
}
