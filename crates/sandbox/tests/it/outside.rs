//! What the machine outside shows of what runs inside.

use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Host pids of processes whose command line holds these bytes.
pub(crate) fn processes_with(marker: &str) -> Vec<i32> {
    let own = i32::try_from(std::process::id()).unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if pid != own && line.windows(marker.len()).any(|part| part == marker.as_bytes()) {
            found.push(pid);
        }
    }
    found
}

/// Something to wait on for the end of a process that is not our child.
pub(crate) fn watch(pid: i32) -> Option<OwnedFd> {
    // SAFETY: takes two numbers; the kernel makes a new descriptor.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    // SAFETY: nothing else owns it.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).unwrap()) })
}

/// Waits until a process is gone, at most half a minute.
pub(crate) fn gone(process: &OwnedFd) -> bool {
    let limit = PollTimeout::try_from(Duration::from_secs(30)).unwrap();
    poll(&mut [PollFd::new(process.as_fd(), PollFlags::POLLIN)], limit).unwrap() == 1
}
