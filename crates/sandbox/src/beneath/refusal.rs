//! Why a path is refused, in words that a reader of the error can act on.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

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

pub(super) fn refusal(errno: Errno) -> Refusal {
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

pub(super) fn refuse(doing: &'static str, path: &Path, errno: Errno) -> BeneathError {
    failed(doing, path, refusal(errno))
}

pub(super) fn failed(doing: &'static str, path: &Path, reason: Refusal) -> BeneathError {
    BeneathError { doing, path: path.to_owned(), reason }
}

pub(super) fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
