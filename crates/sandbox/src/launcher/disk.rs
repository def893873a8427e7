//! How much a run has added to the disk: free space is looked at often, the files themselves are counted only when it
//! fell by enough to matter.

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, Mode, fstatat};

/// What a name costs beside its content: directory entry and inode. Counted so that a flood of empty files is a flood.
const PER_NAME: u64 = 1024;
/// Directories deeper than this are not gone into; each level takes a descriptor here.
const MAX_DEPTH: usize = 400;

/// The directories that are watched.
pub(super) struct Disk {
    uppers: Vec<OwnedFd>,
    free: u64,
}

impl Disk {
    pub(super) fn new(uppers: Vec<OwnedFd>) -> Self {
        let mut disk = Self { uppers, free: 0 };
        disk.mark();
        disk
    }

    /// Takes the free space of now as what later looks are compared with.
    pub(super) fn mark(&mut self) {
        self.free = self.free_now();
    }

    /// By how much free space fell since the mark, whoever took it.
    pub(super) fn fell(&self) -> u64 {
        self.free.saturating_sub(self.free_now())
    }

    /// Bytes free, with free inodes as bytes, over the file systems of the uppers.
    fn free_now(&self) -> u64 {
        let mut seen = HashSet::new();
        let mut free = 0;
        for upper in &self.uppers {
            let Ok(stat) = nix::sys::statvfs::fstatvfs(upper) else { continue };
            if seen.insert(stat.filesystem_id()) {
                free += stat.blocks_free() * stat.fragment_size() + stat.files_free() * PER_NAME;
            }
        }
        free
    }

    /// Counts what lies in the uppers, and what the run's processes hold open without a name. Slow with many files: done
    /// in a process of its own.
    pub(super) fn count(&self) -> u64 {
        let mut seen = HashSet::new();
        let mut bytes = 0;
        for upper in &self.uppers {
            if let Ok(dir) = nix::fcntl::openat(
                upper,
                ".",
                OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
                Mode::empty(),
            ) {
                bytes += count_dir(dir, 0, &mut seen);
            }
        }
        bytes + count_unnamed(&mut seen)
    }
}

fn count_dir(dir: OwnedFd, depth: usize, seen: &mut HashSet<(u64, u64)>) -> u64 {
    let Ok(again) = dir.try_clone() else { return 0 };
    let Ok(mut dir) = nix::dir::Dir::from_fd(dir) else { return 0 };
    let mut bytes = 0;
    for entry in dir.iter().flatten() {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let Ok(stat) = fstatat(&again, name, AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
        bytes += PER_NAME + once(&stat, seen);
        let is_dir = stat.st_mode & libc::S_IFMT == libc::S_IFDIR;
        if is_dir && depth < MAX_DEPTH {
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            if let Ok(inner) = nix::fcntl::openat(again.as_fd(), name, flags, Mode::empty()) {
                bytes += count_dir(inner, depth + 1, seen);
            }
        }
    }
    bytes
}

/// Files that have been deleted and are still open take space that no directory shows.
fn count_unnamed(seen: &mut HashSet<(u64, u64)>) -> u64 {
    let mut bytes = 0;
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        if !process.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit) {
            continue;
        }
        let Ok(fds) = std::fs::File::open(process.path().join("fd")) else { continue };
        for entry in std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Ok(stat) = fstatat(fds.as_fd(), name.as_os_str(), AtFlags::empty()) else { continue };
            if stat.st_nlink == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFREG {
                bytes += once(&stat, seen);
            }
        }
    }
    bytes
}

/// Blocks of a file, of which a second name costs nothing.
fn once(stat: &FileStat, seen: &mut HashSet<(u64, u64)>) -> u64 {
    let first = stat.st_nlink <= 1 || seen.insert((stat.st_dev, stat.st_ino));
    if first { u64::try_from(stat.st_blocks).unwrap_or(0) * 512 } else { 0 }
}
