//! The data directory: created private, on a local disk, with a database file that only its owner reads.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nix::sys::statfs::statfs;
use nix::unistd::{AccessFlags, access};

use crate::error::StoreError;

/// The places below the data directory.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) dir: PathBuf,
    /// Only SQLite may open this file while a store is open: see `create_database_file`.
    pub(crate) database: PathBuf,
    pub(crate) objects: PathBuf,
    pub(crate) backups: PathBuf,
    /// Held while one process migrates.
    pub(crate) migration_lock: PathBuf,
}

impl Places {
    fn below(dir: PathBuf) -> Self {
        Self {
            database: dir.join("aamas.db"),
            objects: dir.join("objects"),
            backups: dir.join("backups"),
            migration_lock: dir.join("migration.lock"),
            dir,
        }
    }
}

/// Makes sure that `dir` and the database file in it exist, are private and can be written.
pub(crate) fn prepare(dir: &Path) -> Result<Places, StoreError> {
    create_private_dir(dir)?;
    let dir = dir.canonicalize().map_err(|e| StoreError::unwritable(dir, e))?;
    refuse_network(&dir)?;
    let places = Places::below(dir);
    create_database_file(&places)?;
    Ok(places)
}

/// Makes sure that `dir` exists and can be written, for a store whose rows lie elsewhere. It may be on a network
/// file system: contents are whole files under their hash, and need no locks.
pub(crate) fn prepare_for_contents(dir: &Path) -> Result<Places, StoreError> {
    create_private_dir(dir)?;
    let dir = dir.canonicalize().map_err(|e| StoreError::unwritable(dir, e))?;
    refuse_unwritable(&dir, AccessFlags::W_OK | AccessFlags::X_OK)?;
    Ok(Places::below(dir))
}

/// Creates a directory and its parents with mode 0700, for good: the names are flushed to the disk. One that
/// exists is left as it is.
pub(crate) fn create_private_dir(dir: &Path) -> Result<(), StoreError> {
    let missing: Vec<_> = dir.ancestors().take_while(|place| !place.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| StoreError::unwritable(dir, e))?;
    for place in missing {
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match sync_dir(parent) {
            // Not ours to read, so not ours to flush.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {}
            result => result.map_err(|e| StoreError::unwritable(parent, e))?,
        }
    }
    Ok(())
}

/// Flushes the names in a directory to the disk.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Creates the database file if it is not there, and looks at it without opening it if it is: a process that
/// closes any descriptor of a file gives up the POSIX locks that SQLite has on it.
fn create_database_file(places: &Places) -> Result<(), StoreError> {
    /// One at a time, lest one thread close the new file when another has it open in SQLite already.
    static CREATING: Mutex<()> = Mutex::new(());

    let path = &places.database;
    let failed = |e| StoreError::unwritable(path, e);
    let _creating = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => return sync_dir(&places.dir).map_err(failed),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(failed(e)),
    }
    let found = fs::metadata(path).map_err(failed)?;
    if !found.is_file() {
        return Err(StoreError::Corrupt {
            path: path.clone(),
            detail: "it is not a regular file".to_owned(),
        });
    }
    // SQLite gives the -wal and -shm files the mode of the database.
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    }
    refuse_unwritable(path, AccessFlags::R_OK | AccessFlags::W_OK)?;
    // The log is kept in files beside it.
    refuse_unwritable(&places.dir, AccessFlags::W_OK | AccessFlags::X_OK)
}

fn refuse_unwritable(path: &Path, wanted: AccessFlags) -> Result<(), StoreError> {
    access(path, wanted).map_err(|e| StoreError::unwritable(path, e.into()))
}

fn refuse_network(dir: &Path) -> Result<(), StoreError> {
    let found = statfs(dir).map_err(|e| StoreError::unwritable(dir, e.into()))?;
    // The type's width differs between platforms; all magic numbers have 32 bits.
    let magic = (found.filesystem_type().0 as u64 & 0xffff_ffff) as u32;
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    match network_kind(magic, || fuse_type(&mounts(), dir)) {
        Some(kind) => Err(StoreError::NetworkFileSystem { dir: dir.to_owned(), kind }),
        None => Ok(()),
    }
}

/// The name of a network file system by its `statfs` magic (linux/magic.h and the file systems' own headers).
/// Some of those in user space are local, so their type decides.
fn network_kind(magic: u32, fuse_type: impl FnOnce() -> Option<String>) -> Option<String> {
    let name = match magic {
        0x6969 => "nfs",
        0x517b => "smb",
        0xff53_4d42 => "cifs",
        0xfe53_4d42 => "smb2",
        0x5346_414f | 0x6b41_4653 => "afs",
        0x7375_7245 => "coda",
        0x564c => "ncp",
        0x00c3_6400 => "ceph",
        0x0102_1997 => "9p",
        0x0bd0_0bd0 => "lustre",
        0x4750_4653 => "gpfs",
        0x7461_636f => "ocfs2",
        0x0116_1970 => "gfs2",
        0x1983_0326 => "beegfs",
        0x6573_5546 => return fuse_type().filter(|kind| FUSE_NETWORK.contains(&kind.as_str())),
        _ => return None,
    };
    Some(name.to_owned())
}

/// File systems in user space that lie on other machines.
const FUSE_NETWORK: [&str; 14] = [
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.ceph",
    "fuse.ceph-fuse",
    "fuse.s3fs",
    "fuse.gcsfuse",
    "fuse.rclone",
    "fuse.davfs",
    "fuse.davfs2",
    "fuse.smbnetfs",
    "fuse.juicefs",
    "fuse.moosefs",
    "fuse.mfs",
    "fuse.curlftpfs",
];

/// The type of the innermost mount that holds `dir`, from the lines of `/proc/self/mountinfo`.
fn fuse_type(mounts: &str, dir: &Path) -> Option<String> {
    mounts
        .lines()
        .filter_map(|line| {
            let (front, back) = line.split_once(" - ")?;
            let at = unescape(front.split(' ').nth(4)?);
            dir.starts_with(&at).then(|| (at.len(), back.split(' ').next().unwrap_or_default().to_owned()))
        })
        // Of two mounts on one place the later one is seen.
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind)
}

/// Mount points write a space as `\040`, and tab, newline and backslash likewise.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "21 1 8:1 / / rw - ext4 /dev/vda rw\n\
                          22 21 0:40 / /mnt/a\\040b rw,nosuid shared:1 - fuse.sshfs host:/ rw\n\
                          23 21 0:41 / /data rw - fuse.ntfs-3g /dev/sdb1 rw\n";

    #[test]
    fn network_file_systems_are_known_by_their_magic() {
        let fuse_at =
            |dir: &'static str| network_kind(0x6573_5546, move || fuse_type(MOUNTS, Path::new(dir)));
        let found = [
            network_kind(0x6969, || None),
            network_kind(0xef53, || None),
            network_kind(0x0102_1994, || None),
            fuse_at("/mnt/a b/data"),
            fuse_at("/data/x"),
        ];
        assert_eq!(found, [Some("nfs".into()), None, None, Some("fuse.sshfs".into()), None]);
    }
}
