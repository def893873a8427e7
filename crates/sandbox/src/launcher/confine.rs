//! What every process inside gives up before it runs anything that is not ours, in the order in which it can be given up.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};

use super::seccomp::Filter;
use super::{landlock, seccomp, sys};
use crate::Limits;
use crate::wire::{Doing, Failure};

/// Rules made once per run, put in force once per command.
pub(super) struct Confinement {
    rules: OwnedFd,
    filter: Filter,
    last_capability: i32,
}

impl Confinement {
    /// Makes the rules. The paths are those of the new root.
    pub(super) fn new(writable: &[&Path], ptrace: bool) -> Result<Self, Failure> {
        let rules = landlock::ruleset(writable).doing(|| "make the Landlock rules".to_owned())?;
        // Numbered high, out of the way of the streams that are placed in a command.
        let rules = super::dup_high(rules)?;
        Ok(Self { rules, filter: seccomp::filter(ptrace), last_capability: last_capability() })
    }

    /// Gives up everything; there is no way back.
    pub(super) fn apply(&self) -> Result<(), Failure> {
        give_up_capabilities(self.last_capability).doing(|| "give up capabilities".to_owned())?;
        landlock::restrict(self.rules.as_fd()).doing(|| "put the Landlock rules in force".to_owned())?;
        self.filter.apply().doing(|| "put the seccomp filter in force".to_owned())
    }

    /// The descriptor that must stay open until [`Confinement::apply`].
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.rules.as_fd()
    }
}

/// No new privileges, and none of the old. The bounding set goes first: emptying it takes a capability.
pub(super) fn give_up_capabilities(last: i32) -> Result<(), Errno> {
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0)?;
    for capability in 0..=last {
        sys::prctl(libc::PR_CAPBSET_DROP, capability.cast_unsigned().into(), 0)?;
    }
    sys::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong, 0)?;
    sys::no_capabilities()
}

/// The highest capability that this kernel knows.
pub(super) fn last_capability() -> i32 {
    let known =
        |capability: i32| sys::prctl(libc::PR_CAPBSET_READ, capability.cast_unsigned().into(), 0).is_ok();
    (0..64).take_while(|c| known(*c)).last().unwrap_or(0)
}

/// The kernel's own bounds. What has no such bound (time, memory of several processes, output) is watched instead.
pub(super) fn limit(limits: &Limits) -> Result<(), Failure> {
    let set = |what, name: &str, soft: u64, hard: u64| {
        setrlimit(what, soft, hard).doing(|| format!("limit {name}"))
    };
    let processes = u64::from(limits.processes);
    set(Resource::RLIMIT_NPROC, "processes", processes, processes)?;
    set(Resource::RLIMIT_FSIZE, "file size", limits.disk_bytes, limits.disk_bytes)?;
    set(Resource::RLIMIT_CORE, "core dumps", 0, 0)?;
    let (_, hard) =
        nix::sys::resource::getrlimit(Resource::RLIMIT_NOFILE).doing(|| "read a limit".to_owned())?;
    set(Resource::RLIMIT_NOFILE, "open files", hard.min(1024), hard.min(65_536))
}
