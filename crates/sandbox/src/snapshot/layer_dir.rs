//! A directory of a layer, read through descriptors that never follow a link: what commands left there can't lead outside.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat as Stat, Mode as Bits, SFlag, fstatat};

/// An open directory.
pub(crate) struct LayerDir(OwnedFd);

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Symlink,
    Directory,
    /// overlayfs's mark that a name of the lower layers is gone.
    Whiteout,
    /// A pipe, socket or device.
    Special,
}

const DIRECTORY: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
const FILE: OFlag = OFlag::O_RDONLY.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK).union(OFlag::O_CLOEXEC);

impl LayerDir {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(nix::fcntl::open(path, DIRECTORY, Bits::empty())?))
    }

    pub(crate) fn subdirectory(&self, name: &[u8]) -> io::Result<Self> {
        Ok(Self(openat(&self.0, OsStr::from_bytes(name), DIRECTORY, Bits::empty())?))
    }

    pub(crate) fn file(&self, name: &[u8]) -> io::Result<File> {
        Ok(File::from(openat(&self.0, OsStr::from_bytes(name), FILE, Bits::empty())?))
    }

    pub(crate) fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(readlinkat(&self.0, OsStr::from_bytes(name))?.as_bytes().to_vec())
    }

    pub(crate) fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        Ok(fstatat(&self.0, OsStr::from_bytes(name), nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW)?)
    }

    /// Names in it, sorted, without `.` and `..`.
    pub(crate) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for entry in Dir::from_fd(self.0.try_clone()?)?.iter() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether it hides the directories of the same path in lower layers.
    pub(crate) fn is_opaque(&self) -> io::Result<bool> {
        const NAME: &CStr = c"user.overlay.opaque";
        let mut value = [0u8; 8];
        // SAFETY: the name ends in NUL, and the buffer is as long as said.
        let n = unsafe {
            libc::fgetxattr(self.0.as_raw_fd(), NAME.as_ptr(), value.as_mut_ptr().cast(), value.len())
        };
        match (n, Errno::last()) {
            (1, _) => Ok(value[0] == b'y'),
            (0.., _) | (_, Errno::ENODATA | Errno::EOPNOTSUPP | Errno::ERANGE) => Ok(false),
            (_, error) => Err(error.into()),
        }
    }
}

/// Marks a directory as hiding those of lower layers.
pub(crate) fn make_opaque(dir: &Path) -> io::Result<()> {
    let path = CString::new(dir.as_os_str().as_bytes())?;
    // SAFETY: both names end in NUL, and the value is as long as said.
    let done = unsafe {
        libc::lsetxattr(path.as_ptr(), c"user.overlay.opaque".as_ptr(), b"y".as_ptr().cast(), 1, 0)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Marks a name of the lower layers as gone.
pub(crate) fn make_whiteout(path: &Path) -> io::Result<()> {
    Ok(nix::sys::stat::mknod(path, SFlag::S_IFCHR, Bits::empty(), 0)?)
}

pub(crate) fn kind_of(stat: &Stat) -> EntryKind {
    match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFREG => EntryKind::File,
        SFlag::S_IFLNK => EntryKind::Symlink,
        SFlag::S_IFDIR => EntryKind::Directory,
        SFlag::S_IFCHR if stat.st_rdev == 0 => EntryKind::Whiteout,
        _ => EntryKind::Special,
    }
}
