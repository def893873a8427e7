//! Limits that the kernel has no bound for: memory of several processes together where there are no cgroups, and disk.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::disk::Disk;
use super::init::{InGroup, Running};
use super::memory::{self, Snapshot};
use super::slots::Slots;
use super::sys;
use crate::wire::Ended;

/// How often is looked while commands run. A command that ends sooner is never looked at.
pub(super) const EVERY: Duration = Duration::from_millis(100);
/// A command that is over its limit because the run was already is given this much, to clean up.
const DISK_SLACK: u64 = 16 << 20;
/// The share of the memory limit by which use must have grown before shares of pages are read again.
const RECHECK_SHARE: u64 = 64;

/// Looks at what runs, and kills what is past its limits.
pub(super) struct Watch {
    disk: Disk,
    /// Bytes that the run has on disk, when they were last counted.
    used: Option<u64>,
    counting: Option<libc::pid_t>,
    looked: Instant,
}

/// What is remembered of one command between looks.
#[derive(Default)]
pub(super) struct Seen {
    /// Resident bytes below which shares need not be read.
    resident_enough: u64,
    /// Shared memory of the machine when the command began.
    shared: Option<u64>,
    /// What the run had on disk when the command began.
    disk: Option<u64>,
}

impl Watch {
    pub(super) fn new(uppers: Vec<OwnedFd>) -> Self {
        Self { disk: Disk::new(uppers), used: None, counting: None, looked: Instant::now() }
    }

    /// Looks, unless it did a moment ago.
    pub(super) fn look(&mut self, running: &mut [Running], slots: &Slots) {
        if self.looked.elapsed() < EVERY {
            return;
        }
        self.looked = Instant::now();
        if running.iter().all(|r| r.began.elapsed() < EVERY) {
            return;
        }
        look_at_memory(running);
        self.look_at_disk(running, slots);
    }

    /// Takes the result of a count whose process has ended; `false` when the process is not one.
    pub(super) fn counted(&mut self, pid: libc::pid_t, running: &mut [Running], slots: &Slots) -> bool {
        if self.counting != Some(pid) {
            return false;
        }
        self.counting = None;
        let used = slots.counted();
        self.used = Some(used);
        self.disk.mark();
        for running in running.iter_mut().filter(|r| r.killed.is_none()) {
            let before = *running.seen.disk.get_or_insert(used);
            let allowed = running.limits.disk_bytes.max(before.saturating_add(DISK_SLACK));
            if used > allowed {
                end(running, Ended::DiskLimit);
            }
        }
        true
    }

    fn look_at_disk(&mut self, running: &mut [Running], slots: &Slots) {
        let Some(limit) = running.iter().map(|r| r.limits.disk_bytes).min() else { return };
        if let Some(used) = self.used {
            for running in running.iter_mut() {
                running.seen.disk.get_or_insert(used);
            }
        }
        let may_be_over = self.used.is_none_or(|used| used.saturating_add(self.disk.fell()) > limit);
        if !may_be_over || self.counting.is_some() {
            return;
        }
        if let Ok(forked) = sys::fork_into(0) {
            match forked {
                sys::Forked::Parent(pid) => self.counting = Some(pid),
                sys::Forked::Child => {
                    slots.set_counted(self.disk.count());
                    sys::exit_now(0)
                }
            }
        }
    }
}

/// Without a control group: adds up what the processes hold. With one the kernel does, and kills, but perhaps only one
/// process of several.
fn look_at_memory(running: &mut [Running]) {
    for running in running.iter_mut().filter(|r| r.killed.is_none()) {
        if running.cgroup.as_mut().is_some_and(InGroup::is_starved) {
            end(running, Ended::OutOfMemory);
        }
    }
    if running.iter().all(|r| r.cgroup.is_some()) {
        return;
    }
    let shared = memory::shared_memory();
    let snapshot = Snapshot::take();
    for running in running.iter_mut().filter(|r| r.killed.is_none() && r.cgroup.is_none()) {
        let limit = running.limits.memory_bytes;
        let before = *running.seen.shared.get_or_insert(shared);
        let pids = snapshot.tree(running.pid);
        let resident = snapshot.resident(&pids);
        let hidden = shared.saturating_sub(before);
        if hidden > limit {
            end(running, Ended::OutOfMemory);
        } else if resident > limit && resident > running.seen.resident_enough {
            let share = snapshot.proportional(&pids);
            if share > limit {
                end(running, Ended::OutOfMemory);
            } else {
                running.seen.resident_enough = resident + (limit - share).max(limit / RECHECK_SHARE);
            }
        }
    }
}

fn end(running: &mut Running, why: Ended) {
    running.killed = Some(why);
    let _ = kill(Pid::from_raw(running.pid), Signal::SIGKILL);
}
