//! Files beneath a directory, and nowhere else.
//!
//! Every path is resolved by the kernel in one step (`openat2` with `RESOLVE_BENEATH` and `RESOLVE_NO_MAGICLINKS`), so
//! that `..`, absolute paths, symbolic links and links swapped between a check and its use can't lead outside. Special
//! files (pipes, sockets, devices) are refused before they are opened. All file tools go through here.

mod refusal;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

pub use refusal::{BeneathError, Refusal};
use refusal::{errno_of, failed, refusal, refuse};

/// How many links in a row are followed at the end of a path that is written to (the kernel's own bound).
const MAX_LINKS: u32 = 40;

/// A directory beneath which files are reached. Holding one keeps the directory, whatever happens to its name.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    path: PathBuf,
}

/// What kind of thing a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A pipe, a socket or a device.
    Special,
}

/// What is known of a file without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Its size in bytes.
    pub len: u64,
    /// Its permission bits (`0o7777`).
    pub mode: u32,
    /// When its content last changed, in nanoseconds since 1970.
    pub modified_ns: i128,
    /// Its inode number.
    pub inode: u64,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, which need not be UTF-8.
    pub name: OsString,
    /// What it is; links are not followed.
    pub kind: Kind,
}

impl Root {
    /// Opens the directory at `path` (whose own way there may go through links).
    ///
    /// # Errors
    /// When it can't be opened or is not a directory.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, BeneathError> {
        let path = path.into();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        match nix::fcntl::open(&path, flags, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path }),
            Err(errno) => Err(refuse("open", &path, errno)),
        }
    }

    /// The path that it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `path` relative to the root: an absolute path below [`Root::path`] loses that prefix, any other is kept.
    #[must_use]
    pub fn relative<'p>(&self, path: &'p Path) -> &'p Path {
        let inner = path.strip_prefix(&self.path).unwrap_or(path);
        if inner.as_os_str().is_empty() { Path::new(".") } else { inner }
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// When it is not there, lies outside, or is not a regular file.
    pub fn open_read(&self, path: impl AsRef<Path>) -> Result<File, BeneathError> {
        let path = path.as_ref();
        self.open_regular(path, OFlag::O_RDONLY).map_err(|r| failed("read", path, r))
    }

    /// Reads a whole file of at most `limit` bytes.
    ///
    /// # Errors
    /// As for [`Root::open_read`], and [`Refusal::TooLarge`].
    pub fn read(&self, path: impl AsRef<Path>, limit: u64) -> Result<Vec<u8>, BeneathError> {
        let path = path.as_ref();
        let file = self.open_read(path)?;
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|e| failed("read", path, Refusal::System(errno_of(&e))))?;
        let len = bytes.len() as u64;
        if len > limit {
            let len = self.metadata(path).map_or(len, |m| m.len.max(len));
            return Err(failed("read", path, Refusal::TooLarge { len, limit }));
        }
        Ok(bytes)
    }

    /// Creates a new file with these bytes and the mode `0666` less the process's umask.
    ///
    /// # Errors
    /// [`Refusal::Exists`] when the name is taken, by a link too; otherwise as for [`Root::write`].
    pub fn create_new(&self, path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), BeneathError> {
        let path = path.as_ref();
        let create = || {
            let (parent, name) = self.parent_of(path)?;
            let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
            let mut file = File::from(beneath(&parent, Path::new(&name), flags, 0o666)?);
            file.write_all(bytes).map_err(|e| Refusal::System(errno_of(&e)))
        };
        create().map_err(|r| failed("create", path, r))
    }

    /// Puts these bytes in place of a file's content, all or nothing: a temporary file beside it is renamed over it.
    /// The mode is kept; a new file gets `0666` less the umask. A symbolic link at the end of the path is written through
    /// when it leads to a place beneath the root. The directory must exist (see [`Root::create_dir_all`]).
    ///
    /// # Errors
    /// When the path leads outside, or to something that is not a regular file, or the disk refuses.
    pub fn write(&self, path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), BeneathError> {
        let path = path.as_ref();
        self.write_atomic(path, bytes, None).map_err(|r| failed("write", path, r))
    }

    /// As [`Root::write`], and sets the permission bits.
    ///
    /// # Errors
    /// As for [`Root::write`].
    pub fn write_with_mode(
        &self,
        path: impl AsRef<Path>,
        bytes: &[u8],
        mode: u32,
    ) -> Result<(), BeneathError> {
        let path = path.as_ref();
        self.write_atomic(path, bytes, Some(mode & 0o7777)).map_err(|r| failed("write", path, r))
    }

    /// What the path leads to, links followed.
    ///
    /// # Errors
    /// When it is not there or lies outside.
    pub fn metadata(&self, path: impl AsRef<Path>) -> Result<Metadata, BeneathError> {
        let path = path.as_ref();
        let look = || {
            let fd = self.at(path, OFlag::O_PATH)?;
            Ok(metadata_of(&fstat(&fd).map_err(refusal)?))
        };
        look().map_err(|r| failed("look at", path, r))
    }

    /// What the path itself is: a link at its end is not followed.
    ///
    /// # Errors
    /// When it is not there or its directory lies outside.
    pub fn symlink_metadata(&self, path: impl AsRef<Path>) -> Result<Metadata, BeneathError> {
        let path = path.as_ref();
        let look = || {
            let fd = self.at(path, OFlag::O_PATH | OFlag::O_NOFOLLOW)?;
            Ok(metadata_of(&fstat(&fd).map_err(refusal)?))
        };
        look().map_err(|r| failed("look at", path, r))
    }

    /// The text of a symbolic link.
    ///
    /// # Errors
    /// When it is not a link, is not there, or its directory lies outside.
    pub fn read_link(&self, path: impl AsRef<Path>) -> Result<PathBuf, BeneathError> {
        let path = path.as_ref();
        let look = || {
            let (parent, name) = self.parent_of(path)?;
            readlinkat(&parent, Path::new(&name)).map(PathBuf::from).map_err(refusal)
        };
        look().map_err(|r| failed("read the link", path, r))
    }

    /// The names in a directory (`.` is the root), sorted, without `.` and `..`; at most `limit` of them.
    ///
    /// # Errors
    /// When it is not there, lies outside, or is not a directory.
    pub fn read_dir(&self, path: impl AsRef<Path>, limit: usize) -> Result<Vec<Entry>, BeneathError> {
        let path = path.as_ref();
        self.entries(path, limit).map_err(|r| failed("list", path, r))
    }

    /// Creates a directory and those above it that are missing.
    ///
    /// # Errors
    /// When a part of the path is a file or leads outside.
    pub fn create_dir_all(&self, path: impl AsRef<Path>) -> Result<(), BeneathError> {
        let path = path.as_ref();
        self.make_dirs(path).map_err(|r| failed("create the directory", path, r))
    }

    /// Removes a file or a link (never what it points to).
    ///
    /// # Errors
    /// When it is not there, is a directory, or its directory lies outside.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> Result<(), BeneathError> {
        self.unlink(path.as_ref(), UnlinkatFlags::NoRemoveDir)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// When it is not there, is not empty, or lies outside.
    pub fn remove_dir(&self, path: impl AsRef<Path>) -> Result<(), BeneathError> {
        self.unlink(path.as_ref(), UnlinkatFlags::RemoveDir)
    }

    /// Renames a file or a link; what has the new name is replaced.
    ///
    /// # Errors
    /// When the old name is not there, or one of them leads outside. `EXDEV` for a directory of a lower layer.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), BeneathError> {
        let (from, to) = (from.as_ref(), to.as_ref());
        let (old_parent, old) = self.parent_of(from).map_err(|r| failed("rename", from, r))?;
        let (new_parent, new) = self.parent_of(to).map_err(|r| failed("rename to", to, r))?;
        renameat(&old_parent, Path::new(&old), &new_parent, Path::new(&new)).map_err(|e| match e {
            // A plain rename between two layers is the system's EXDEV, not a way out.
            Errno::EXDEV => failed("rename", from, Refusal::System(e)),
            _ => refuse("rename", from, e),
        })
    }

    fn unlink(&self, path: &Path, flags: UnlinkatFlags) -> Result<(), BeneathError> {
        let unlink = || {
            let (parent, name) = self.parent_of(path)?;
            unlinkat(&parent, Path::new(&name), flags).map_err(refusal)
        };
        unlink().map_err(|r| failed("remove", path, r))
    }

    fn at(&self, path: &Path, flags: OFlag) -> Result<OwnedFd, Refusal> {
        beneath(&self.fd, self.relative(path), flags, 0)
    }

    /// Looks first and opens second, so that opening a device has no side effect; what was opened is looked at again.
    fn open_regular(&self, path: &Path, access: OFlag) -> Result<File, Refusal> {
        regular(&fstat(&self.at(path, OFlag::O_PATH)?).map_err(refusal)?)?;
        let fd = self.at(path, access | OFlag::O_NONBLOCK | OFlag::O_NOCTTY)?;
        regular(&fstat(&fd).map_err(refusal)?)?;
        Ok(File::from(fd))
    }

    /// The directory of a path, and the path's last name.
    fn parent_of(&self, path: &Path) -> Result<(OwnedFd, OsString), Refusal> {
        let inner = self.relative(path);
        let Some(Component::Normal(name)) = inner.components().next_back() else {
            return Err(if inner == Path::new(".") { Refusal::IsADirectory } else { Refusal::Outside });
        };
        if name.as_bytes().contains(&0) {
            return Err(Refusal::BadPath);
        }
        let parent = inner.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let fd = beneath(&self.fd, parent, OFlag::O_PATH | OFlag::O_DIRECTORY, 0)?;
        Ok((fd, name.to_owned()))
    }

    /// As [`Root::parent_of`], of the file that a chain of links at the end of the path leads to.
    fn target_of(&self, path: &Path) -> Result<(OwnedFd, OsString), Refusal> {
        let mut path = self.relative(path).to_owned();
        for _ in 0..MAX_LINKS {
            let (parent, name) = self.parent_of(&path)?;
            match readlinkat(&parent, Path::new(&name)) {
                Ok(text) if Path::new(&text).is_absolute() => return Err(Refusal::Outside),
                Ok(text) => path = path.parent().unwrap_or(Path::new("")).join(text),
                Err(Errno::EINVAL | Errno::ENOENT) => return Ok((parent, name)),
                Err(errno) => return Err(refusal(errno)),
            }
        }
        Err(Refusal::Links)
    }

    fn write_atomic(&self, path: &Path, bytes: &[u8], mode: Option<u32>) -> Result<(), Refusal> {
        let (parent, name) = self.target_of(path)?;
        let old = match fstatat(&parent, Path::new(&name), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                regular(&stat)?;
                Some(stat.st_mode & 0o7777)
            }
            Err(Errno::ENOENT) => None,
            Err(errno) => return Err(refusal(errno)),
        };
        let (mut file, temporary) = temporary_in(&parent)?;
        let mut put = || {
            file.write_all(bytes).map_err(|e| Refusal::System(errno_of(&e)))?;
            if let Some(mode) = mode.or(old) {
                nix::sys::stat::fchmod(&file, Mode::from_bits_truncate(mode)).map_err(refusal)?;
            }
            renameat(&parent, Path::new(&temporary), &parent, Path::new(&name)).map_err(refusal)
        };
        put().inspect_err(|_| {
            let _ = unlinkat(&parent, Path::new(&temporary), UnlinkatFlags::NoRemoveDir);
        })
    }

    fn entries(&self, path: &Path, limit: usize) -> Result<Vec<Entry>, Refusal> {
        let fd = self.at(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        let again = fd.try_clone().map_err(|e| Refusal::System(errno_of(&e)))?;
        let mut dir = nix::dir::Dir::from_fd(fd).map_err(refusal)?;
        let mut found = Vec::new();
        for entry in dir.iter() {
            let entry = entry.map_err(refusal)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            if found.len() == limit {
                break;
            }
            let kind = match entry.file_type().map(kind_of_entry) {
                Some(kind) => kind,
                None => match fstatat(&again, Path::new(name), AtFlags::AT_SYMLINK_NOFOLLOW) {
                    Ok(stat) => kind_of(&stat),
                    Err(_) => continue,
                },
            };
            found.push(Entry { name: name.to_owned(), kind });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn make_dirs(&self, path: &Path) -> Result<(), Refusal> {
        let mut made = PathBuf::new();
        for part in self.relative(path).components() {
            match part {
                Component::CurDir => continue,
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err(Refusal::Outside);
                }
                Component::Normal(name) => made.push(name),
            }
            match self.at(&made, OFlag::O_PATH | OFlag::O_DIRECTORY) {
                Ok(_) => continue,
                Err(Refusal::NotFound) => {}
                Err(refusal) => return Err(refusal),
            }
            let (parent, name) = self.parent_of(&made)?;
            match mkdirat(&parent, Path::new(&name), Mode::from_bits_truncate(0o777)) {
                Ok(()) => {}
                // A link that leads nowhere has this name, or someone else was faster.
                Err(Errno::EEXIST) => drop(self.at(&made, OFlag::O_PATH | OFlag::O_DIRECTORY)?),
                Err(errno) => return Err(refusal(errno)),
            }
        }
        Ok(())
    }
}

/// One `openat2` that can't leave `dir`. `EAGAIN` (a rename ran beside it) is tried again a few times.
fn beneath(dir: &impl AsFd, path: &Path, flags: OFlag, mode: u32) -> Result<OwnedFd, Refusal> {
    if path.as_os_str().is_empty() || path.as_os_str().as_bytes().contains(&0) {
        return Err(Refusal::BadPath);
    }
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .mode(Mode::from_bits_truncate(mode))
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    for _ in 0..16 {
        match openat2(dir, path, how) {
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(refusal(errno)),
            Ok(fd) => return Ok(fd),
        }
    }
    Err(Refusal::System(Errno::EAGAIN))
}

/// A new file with a name of our own in `parent`.
fn temporary_in(parent: &OwnedFd) -> Result<(File, String), Refusal> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
    for attempt in 0..1000u32 {
        let name = format!(".aamas-{}-{attempt}.tmp", std::process::id());
        match beneath(parent, Path::new(&name), flags, 0o666) {
            Ok(fd) => return Ok((File::from(fd), name)),
            Err(Refusal::Exists) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Err(Refusal::Exists)
}

fn regular(stat: &FileStat) -> Result<(), Refusal> {
    match kind_of(stat) {
        Kind::File => Ok(()),
        Kind::Directory => Err(Refusal::IsADirectory),
        Kind::Link => Err(Refusal::Links),
        Kind::Special => Err(Refusal::Special),
    }
}

fn kind_of(stat: &FileStat) -> Kind {
    match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFREG => Kind::File,
        SFlag::S_IFDIR => Kind::Directory,
        SFlag::S_IFLNK => Kind::Link,
        _ => Kind::Special,
    }
}

fn kind_of_entry(kind: nix::dir::Type) -> Kind {
    use nix::dir::Type;
    match kind {
        Type::File => Kind::File,
        Type::Directory => Kind::Directory,
        Type::Symlink => Kind::Link,
        Type::Fifo | Type::CharacterDevice | Type::BlockDevice | Type::Socket => Kind::Special,
    }
}

fn metadata_of(stat: &FileStat) -> Metadata {
    Metadata {
        kind: kind_of(stat),
        len: u64::try_from(stat.st_size).unwrap_or(0),
        mode: stat.st_mode & 0o7777,
        modified_ns: i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec),
        inode: stat.st_ino,
    }
}

#[cfg(test)]
mod tests;
