//! Memory and processes bounded by the kernel, where it can be had: one control group per command, made beforehand, since
//! making one takes rights that init doesn't have.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::Limits;
use crate::wire::{Doing, Failure};

/// Commands of a run that run at once under limits; more wait for their turn.
const SLOTS: usize = 8;
const PREFIX: &str = "aamas-";

/// The control groups of a run.
pub(crate) struct Cgroups {
    slots: Vec<Slot>,
    /// Directories to remove at the end, children first.
    made: Vec<PathBuf>,
}

/// The control group of one command, through files opened while there was the right to.
pub(super) struct Slot {
    join: Vec<File>,
    memory: Vec<File>,
    processes: File,
    events: File,
    set: Option<(u64, u32)>,
}

/// A hierarchy in which groups can be made.
struct Hierarchy {
    /// The directory of this process's own group.
    own: PathBuf,
    unified: bool,
}

impl Cgroups {
    /// Makes the groups of a run; `None` where memory or processes can't be bounded.
    pub(crate) fn prepare() -> Option<Self> {
        let mut cgroups = Self { slots: Vec::new(), made: Vec::new() };
        let made = cgroups.unified().is_some() || cgroups.split().is_some();
        if !made {
            cgroups.remove();
        }
        made.then_some(cgroups)
    }

    /// Version 2: one tree. A group that holds processes can't hand controllers on, so ours are made beside our own.
    fn unified(&mut self) -> Option<()> {
        let own = hierarchy("")?.own;
        let parents = [own.parent().map(Path::to_path_buf), Some(own.clone())];
        let run = parents.into_iter().flatten().find_map(|parent| {
            let run = self.directory(&parent)?;
            let controllers = std::fs::read_to_string(run.join("cgroup.controllers")).ok()?;
            let has = |name: &str| controllers.split_ascii_whitespace().any(|c| c == name);
            (has("memory") && has("pids")).then_some(run)
        })?;
        std::fs::write(run.join("cgroup.subtree_control"), "+memory +pids").ok()?;
        for index in 0..SLOTS {
            let dir = self.make(run.join(index.to_string()))?;
            // With one process all of the command goes.
            let _ = std::fs::write(dir.join("memory.oom.group"), "1");
            let _ = std::fs::write(dir.join("memory.swap.max"), "0");
            self.slots.push(Slot {
                join: vec![writer(&dir.join("cgroup.procs"))?],
                memory: vec![writer(&dir.join("memory.max"))?],
                processes: writer(&dir.join("pids.max"))?,
                events: File::open(dir.join("memory.events")).ok()?,
                set: None,
            });
        }
        Some(())
    }

    /// Version 1: a tree for each controller.
    fn split(&mut self) -> Option<()> {
        let (memory, pids) = (hierarchy("memory")?, hierarchy("pids")?);
        if memory.unified || pids.unified {
            return None;
        }
        let (memory, pids) = (self.directory(&memory.own)?, self.directory(&pids.own)?);
        for index in 0..SLOTS {
            let memory = self.make(memory.join(index.to_string()))?;
            let pids = self.make(pids.join(index.to_string()))?;
            let limits = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"];
            self.slots.push(Slot {
                // Not `cgroup.procs`: that takes a lock over all processes of the machine, for which an idle kernel lets
                // 10 ms and more go by. A process that moves its only thread by itself needs none.
                join: vec![writer(&memory.join("tasks"))?, writer(&pids.join("tasks"))?],
                // Swap may be switched off, and its limit with it.
                memory: limits.iter().filter_map(|name| writer(&memory.join(name))).collect(),
                processes: writer(&pids.join("pids.max"))?,
                events: File::open(memory.join("memory.oom_control")).ok()?,
                set: None,
            });
        }
        Some(())
    }

    /// A directory for this run below `parent`, after what dead runs have left there is gone.
    fn directory(&mut self, parent: &Path) -> Option<PathBuf> {
        sweep(parent);
        self.make(parent.join(format!("{PREFIX}{}", std::process::id())))
    }

    fn make(&mut self, path: PathBuf) -> Option<PathBuf> {
        std::fs::create_dir(&path).ok()?;
        self.made.push(path.clone());
        Some(path)
    }

    /// The groups, for init.
    pub(super) fn slots(&mut self) -> Vec<Slot> {
        std::mem::take(&mut self.slots)
    }

    /// Removes the groups, once their processes are gone.
    pub(crate) fn remove(&mut self) {
        self.slots.clear();
        for path in self.made.drain(..).rev() {
            let _ = std::fs::remove_dir(path);
        }
    }
}

impl Slot {
    /// Sets the limits of the next command.
    pub(super) fn limit(&mut self, limits: &Limits) -> Result<(), Failure> {
        let wanted = (limits.memory_bytes, limits.processes);
        if self.set != Some(wanted) {
            let bytes = wanted.0.to_string();
            // Memory with swap may not be less than memory without: the first write fails when limits rise, the third
            // then does it.
            for (index, last) in [(0, self.memory.len() == 1), (1, true), (0, true)] {
                if let Some(file) = self.memory.get(index) {
                    let written = put(file, &bytes);
                    if last {
                        written.doing(|| "limit the command's memory".to_owned())?;
                    }
                }
            }
            // The reaper counts too.
            put(&self.processes, &(u64::from(wanted.1) + 1).to_string())
                .doing(|| "limit the command's processes".to_owned())?;
            self.set = Some(wanted);
        }
        Ok(())
    }

    /// Puts the calling process into the group.
    pub(super) fn join(&self) -> Result<(), Failure> {
        self.join
            .iter()
            .try_for_each(|file| put(file, "0"))
            .doing(|| "join the command's control group".to_owned())
    }

    /// How many processes the kernel has killed in the group for want of memory.
    pub(super) fn kills(&mut self) -> u64 {
        let mut text = String::new();
        let read = self.events.rewind().and_then(|()| self.events.read_to_string(&mut text));
        read.ok().and_then(|_| oom_kills(&text)).unwrap_or(0)
    }
}

fn put(mut file: &File, text: &str) -> std::io::Result<()> {
    file.write_all(text.as_bytes())
}

fn writer(path: &Path) -> Option<File> {
    OpenOptions::new().write(true).open(path).ok()
}

fn oom_kills(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")).and_then(|n| n.trim().parse().ok())
}

/// Removes groups of launchers that were killed before they could. One that is in use can't be removed.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|pid| pid.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            for slot in 0..SLOTS {
                let _ = std::fs::remove_dir(entry.path().join(slot.to_string()));
            }
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

/// Where a controller's tree is mounted and which group of it is our own; the empty name is version 2's tree.
fn hierarchy(controller: &str) -> Option<Hierarchy> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    find(controller, &groups, &mounts)
}

fn find(controller: &str, groups: &str, mounts: &str) -> Option<Hierarchy> {
    let group = groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|c| c == controller).then_some(path)
    })?;
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, at) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        let unified = kind == "cgroup2";
        let fits = if controller.is_empty() {
            unified
        } else {
            kind == "cgroup" && options.split(',').any(|o| o == controller)
        };
        let below = Path::new(group).strip_prefix(root).ok()?;
        fits.then(|| Hierarchy { own: Path::new(at).join(below), unified })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
30 20 0:25 / /sys/fs/cgroup ro - tmpfs tmpfs rw\n\
31 30 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
32 30 0:27 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
33 30 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n";

    fn own(controller: &str, groups: &str) -> Option<PathBuf> {
        find(controller, groups, MOUNTS).map(|h| h.own)
    }

    #[test]
    fn the_own_group_is_found_in_each_hierarchy() {
        let groups = "8:memory:/docker/x/y\n7:cpu,cpuacct:/a\n0::/user.slice/s.scope\n";
        assert_eq!(own("memory", groups), Some("/sys/fs/cgroup/memory/y".into()));
        assert_eq!(own("cpuacct", groups), Some("/sys/fs/cgroup/cpu,cpuacct/a".into()));
        assert_eq!(own("", groups), Some("/sys/fs/cgroup/unified/user.slice/s.scope".into()));
        assert_eq!(own("pids", groups), None);
        assert_eq!(own("memory", "8:memory:/elsewhere\n"), None);
        assert_eq!(own("", "nonsense"), None);
    }

    #[test]
    fn kills_are_counted_in_both_formats() {
        assert_eq!(oom_kills("low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 1\n"), Some(1));
        assert_eq!(oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"), Some(4));
        assert_eq!(oom_kills("oom_kill_disable 0\n"), None);
    }
}
