//! Memory of a process and everything below it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// Names of what the agent runs, which is not the platform's own memory.
const COMMANDS: &[&str] = &["bash", "sh", "echo", "cat", "true"];
const INTERVAL: Duration = Duration::from_millis(10);

/// Watches a process tree until it is asked for the peak.
pub(crate) struct Watch {
    peak_kb: Arc<AtomicU64>,
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Watches the tree below `pid`.
    pub(crate) fn start(pid: u32) -> Self {
        let peak_kb = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = mpsc::channel();
        let shared = Arc::clone(&peak_kb);
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
                shared.fetch_max(tree_kb(pid), Ordering::Relaxed);
            }
        });
        Self { peak_kb, stop, thread }
    }

    /// The highest sum seen, in KiB.
    pub(crate) fn peak_kb(self) -> u64 {
        let _ = self.stop.send(());
        let _ = self.thread.join();
        self.peak_kb.load(Ordering::Relaxed)
    }
}

/// Proportional memory (PSS) of `top` and its descendants, in KiB, without the agent's commands.
fn tree_kb(top: u32) -> u64 {
    let parents = parents();
    let below = |pid: u32| {
        let chain = std::iter::successors(Some(pid), |p| parents.get(p).map(|(parent, _)| *parent));
        chain.take(64).any(|p| p == top)
    };
    let ours = parents.iter().filter(|(pid, (_, name))| below(**pid) && !COMMANDS.contains(&name.as_str()));
    ours.map(|(pid, _)| process_kb(*pid)).sum()
}

/// Parent and name of every process.
fn parents() -> HashMap<u32, (u32, String)> {
    let pids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (head, tail) = stat.rsplit_once(") ")?;
        let name = head.split_once('(')?.1.to_owned();
        Some((pid, (tail.split(' ').nth(1)?.parse().ok()?, name)))
    })
    .collect()
}

/// PSS of one process; where that may not be read (a process that is not dumpable, seen by an ordinary user) its
/// resident size, which is never less.
fn process_kb(pid: u32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let pss =
        rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().split(' ').next()?.parse().ok());
    pss.unwrap_or_else(|| {
        let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4)
    })
}
