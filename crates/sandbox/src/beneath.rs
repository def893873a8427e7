//! Files beneath a directory, and nowhere else.
//!
//! Every path is resolved by the kernel in one step (`openat2` with `RESOLVE_BENEATH` and `RESOLVE_NO_MAGICLINKS`), so
//! that `..`, absolute paths, symbolic links and links swapped between a check and its use can't lead outside. Special
//! files (pipes, sockets, devices) are refused before they are opened. All file tools go through here.

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

/// How many links in a row are followed at the end of a path that is written to (the kernel's own bound).
const MAX_LINKS: u32 = 40;

/// A directory beneath which files are reached. Holding one keeps the directory, whatever happens to its name.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    path: PathBuf,
}

/// Why a file beneath the root could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {reason}", path.display())]
pub struct BeneathError {
    /// What was attempted, such as `read`.
    pub doing: &'static str,
    /// The path as it was given.
    pub path: PathBuf,
    /// Why not.
    pub reason: Refusal,
}

/// The reasons for which a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `..`, an absolute path or a symbolic link leads out of the root.
    #[error("it leads outside the workspace")]
    Outside,
    /// Links that lead in a circle, or a magic link below `/proc`.
    #[error("it goes through a loop of links, or a link of the kernel's own")]
    Links,
    /// Nothing has this name.
    #[error("no such file or directory")]
    NotFound,
    /// A file where a directory was meant, or a path that goes on below a file.
    #[error("not a directory")]
    NotADirectory,
    /// A directory where a file was meant.
    #[error("it is a directory")]
    IsADirectory,
    /// A pipe, a socket or a device.
    #[error("it is a pipe, socket or device, not a file")]
    Special,
    /// Something has this name already.
    #[error("it exists already")]
    Exists,
    /// More bytes than the caller allowed.
    #[error("it has {len} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Its size.
        len: u64,
        /// The caller's limit.
        limit: u64,
    },
    /// An empty path, or one with a NUL byte.
    #[error("the path is empty or has a NUL byte in it")]
    BadPath,
    /// Anything else, in the system's words.
    #[error("{}", .0.desc())]
    System(Errno),
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
    pub fn write_with_mode(&self, path: impl AsRef<Path>, bytes: &[u8], mode: u32) -> Result<(), BeneathError> {
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
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(Refusal::Outside),
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

fn refusal(errno: Errno) -> Refusal {
    match errno {
        Errno::EXDEV => Refusal::Outside,
        Errno::ELOOP => Refusal::Links,
        Errno::ENOENT => Refusal::NotFound,
        Errno::ENOTDIR => Refusal::NotADirectory,
        Errno::EISDIR => Refusal::IsADirectory,
        Errno::ENXIO => Refusal::Special,
        Errno::EEXIST => Refusal::Exists,
        other => Refusal::System(other),
    }
}

fn refuse(doing: &'static str, path: &Path, errno: Errno) -> BeneathError {
    failed(doing, path, refusal(errno))
}

fn failed(doing: &'static str, path: &Path, reason: Refusal) -> BeneathError {
    BeneathError { doing, path: path.to_owned(), reason }
}

fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("root");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(dir.path().join("secret"), "canary").unwrap();
        std::fs::write(inner.join("plain"), "text").unwrap();
        std::fs::create_dir(inner.join("sub")).unwrap();
        let root = Root::open(inner).unwrap();
        (dir, root)
    }

    fn reason<T: std::fmt::Debug>(result: Result<T, BeneathError>) -> Refusal {
        result.unwrap_err().reason
    }

    #[test]
    fn paths_that_lead_outside_are_refused() {
        let (dir, root) = root();
        let inner = root.path();
        symlink("../secret", inner.join("up")).unwrap();
        symlink(dir.path().join("secret"), inner.join("absolute")).unwrap();
        symlink("..", inner.join("parent")).unwrap();
        symlink("/proc/self/root", inner.join("magic")).unwrap();
        let secret = dir.path().join("secret");
        let outside = ["../secret", "sub/../../secret", "/etc/passwd", "up", "absolute", "parent/secret", "magic/etc"];
        for path in outside.iter().map(Path::new).chain([secret.as_path()]) {
            assert_eq!(reason(root.read(path, 100)), Refusal::Outside, "read {path:?}");
            assert_eq!(reason(root.write(path, b"x")), Refusal::Outside, "write {path:?}");
        }
        assert_eq!(reason(root.create_new("parent/new", b"")), Refusal::Outside);
        assert_eq!(reason(root.create_dir_all("parent/new")), Refusal::Outside);
        assert_eq!(reason(root.remove_file("parent/secret")), Refusal::Outside);
        assert_eq!(reason(root.rename("plain", "parent/new")), Refusal::Outside);
        assert_eq!(reason(root.read_dir("parent", 9)), Refusal::Outside);
        assert_eq!(std::fs::read_to_string(secret).unwrap(), "canary");
    }

    #[test]
    fn special_files_are_never_opened() {
        let (_dir, root) = root();
        nix::unistd::mkfifo(&root.path().join("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
        for name in ["fifo", "socket"] {
            assert_eq!(reason(root.read(name, 9)), Refusal::Special, "{name}");
            assert_eq!(reason(root.write(name, b"")), Refusal::Special, "{name}");
        }
        assert_eq!(reason(root.read("sub", 9)), Refusal::IsADirectory);
        assert_eq!(reason(root.read(".", 9)), Refusal::IsADirectory);
        assert_eq!(reason(root.write(".", b"")), Refusal::IsADirectory);
    }

    #[test]
    fn writing_keeps_the_mode_and_goes_through_links_inside() {
        let (_dir, root) = root();
        let plain = root.path().join("plain");
        std::fs::set_permissions(&plain, std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink("../plain", root.path().join("sub/link")).unwrap();
        root.write("sub/link", b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&plain).unwrap(), "new");
        assert_eq!(root.metadata("plain").unwrap().mode, 0o755);
        assert_eq!(root.symlink_metadata("sub/link").unwrap().kind, Kind::Link);
        assert_eq!(root.read_link("sub/link").unwrap(), Path::new("../plain"));
        root.write_with_mode("plain", b"newer", 0o600).unwrap();
        assert_eq!(root.metadata("plain").unwrap().mode, 0o600);
        let names: Vec<_> = root.read_dir(".", 9).unwrap().into_iter().map(|e| e.name).collect();
        assert_eq!(names, ["plain", "sub"], "no temporary file is left");
    }

    #[test]
    fn a_loop_of_links_and_bad_paths_have_their_own_words() {
        let (_dir, root) = root();
        symlink("b", root.path().join("a")).unwrap();
        symlink("a", root.path().join("b")).unwrap();
        assert_eq!(reason(root.read("a", 9)), Refusal::Links);
        assert_eq!(reason(root.write("a", b"")), Refusal::Links);
        assert_eq!(reason(root.read("nul\0", 9)), Refusal::BadPath);
        assert_eq!(reason(root.read("plain/below", 9)), Refusal::NotADirectory);
        assert_eq!(reason(root.read("missing", 9)), Refusal::NotFound);
        assert_eq!(reason(root.read("plain", 3)), Refusal::TooLarge { len: 4, limit: 3 });
        assert_eq!(reason(root.create_new("plain", b"")), Refusal::Exists);
        let text = root.read("../x", 9).unwrap_err().to_string();
        assert_eq!(text, "cannot read ../x: it leads outside the workspace");
    }

    #[test]
    fn an_absolute_path_below_the_root_is_the_relative_one() {
        let (_dir, root) = root();
        let absolute = root.path().join("plain");
        assert_eq!(root.read(&absolute, 9).unwrap(), b"text");
        root.create_dir_all("x/y/z").unwrap();
        root.create_dir_all(root.path()).unwrap();
        root.write("x/y/z/f", b"1").unwrap();
        root.rename("x/y/z/f", "moved").unwrap();
        root.remove_file("moved").unwrap();
        root.remove_dir("x/y/z").unwrap();
        assert_eq!(reason(root.metadata("x/y/z")), Refusal::NotFound);
    }

    #[test]
    fn a_directory_swapped_for_a_link_never_leads_outside() {
        let (dir, root) = root();
        let (real, swapped) = (root.path().join("d"), root.path().join("d.link"));
        std::fs::create_dir(&real).unwrap();
        std::fs::write(real.join("secret"), "inside").unwrap();
        symlink(dir.path(), &swapped).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let flags = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    nix::fcntl::renameat2(nix::fcntl::AT_FDCWD, &real, nix::fcntl::AT_FDCWD, &swapped, flags).unwrap();
                }
            });
            for _ in 0..10_000 {
                if let Ok(bytes) = root.read("d/secret", 100) {
                    assert_eq!(bytes, b"inside");
                }
                let _ = root.write("d/new", b"x");
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        assert!(!dir.path().join("new").exists());
    }
}
