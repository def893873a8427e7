//! How much memory commands use, from `/proc`: resident pages at every look, shares of pages only near the limit.

use std::collections::HashMap;
use std::path::Path;

/// Bytes of a page as `/proc` counts them.
fn page_bytes() -> u64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .and_then(|n| u64::try_from(n).ok())
        .unwrap_or(4096)
}

/// What one process is to its parent, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    parent: i32,
    resident_pages: u64,
}

/// All processes of the run at one moment.
pub(super) struct Snapshot(HashMap<i32, Process>);

impl Snapshot {
    /// Reads `/proc`. A process that ends meanwhile is left out.
    pub(super) fn take() -> Self {
        let mut found = HashMap::new();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
            if let Some(pid) = pid
                && let Ok(text) = std::fs::read_to_string(entry.path().join("stat"))
                && let Some(process) = parse_stat(&text)
            {
                found.insert(pid, process);
            }
        }
        Self(found)
    }

    /// A process and all that descends from it.
    pub(super) fn tree(&self, top: i32) -> Vec<i32> {
        self.0.keys().copied().filter(|pid| self.descends(*pid, top)).collect()
    }

    fn descends(&self, mut pid: i32, top: i32) -> bool {
        // Longer chains than there are processes would be loops, made by reused numbers.
        for _ in 0..=self.0.len() {
            if pid == top {
                return true;
            }
            match self.0.get(&pid) {
                Some(process) => pid = process.parent,
                None => return false,
            }
        }
        false
    }

    /// Resident bytes of these processes; pages that they share are counted for each.
    pub(super) fn resident(&self, pids: &[i32]) -> u64 {
        let pages: u64 = pids.iter().filter_map(|pid| self.0.get(pid)).map(|p| p.resident_pages).sum();
        pages * page_bytes()
    }

    /// Bytes of these processes, where a page that several share counts for its share.
    pub(super) fn proportional(&self, pids: &[i32]) -> u64 {
        let share = |pid: &i32| {
            std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
                .ok()
                .and_then(|text| parse_rollup(&text))
        };
        pids.iter().map(|pid| share(pid).unwrap_or_else(|| self.resident(&[*pid]))).sum()
    }
}

/// Bytes of memory-backed files on the whole machine. Files without a name (memfd) and System V segments show nowhere
/// else while nobody maps them.
pub(super) fn shared_memory() -> u64 {
    let text = std::fs::read_to_string(Path::new("/proc/meminfo")).unwrap_or_default();
    field(&text, "Shmem:").unwrap_or(0)
}

/// `pid (name) state ppid … rss`: the name may hold anything, brackets too, so counting starts behind the last one.
fn parse_stat(text: &str) -> Option<Process> {
    let mut words = text[text.rfind(')')? + 1..].split_ascii_whitespace();
    let parent = words.nth(1)?.parse().ok()?;
    // `ppid` is field 4, `rss` is field 24.
    let resident_pages = words.nth(19)?.parse().ok()?;
    Some(Process { parent, resident_pages })
}

fn parse_rollup(text: &str) -> Option<u64> {
    Some(field(text, "Pss:")? + field(text, "SwapPss:").unwrap_or(0))
}

/// A line such as `Pss:   123 kB`, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|kb| kb * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_behind_the_name_whatever_the_name_is() {
        let rest = "S 7 1 1 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 5 1000 321 18446744073709551615";
        let want = Some(Process { parent: 7, resident_pages: 321 });
        assert_eq!(parse_stat(&format!("12 (bash) {rest}")), want);
        assert_eq!(parse_stat(&format!("12 (a) b (c) 1 2) {rest}")), want);
        for bad in ["", "12 (bash", "12 (bash)", "12 (bash) S x", "12 (bash) S 7 1 1"] {
            assert_eq!(parse_stat(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn descendants_are_found_and_loops_end() {
        let process = |parent, resident_pages| Process { parent, resident_pages };
        let snapshot = Snapshot(HashMap::from([
            (2, process(1, 10)),
            (3, process(2, 20)),
            (4, process(3, 30)),
            (5, process(1, 40)),
            (8, process(9, 1)),
            (9, process(8, 1)),
        ]));
        let mut tree = snapshot.tree(2);
        tree.sort_unstable();
        assert_eq!(tree, [2, 3, 4]);
        assert_eq!(snapshot.resident(&tree), 60 * page_bytes());
    }

    #[test]
    fn own_memory_is_seen() {
        let snapshot = Snapshot::take();
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(snapshot.resident(&[own]) > 0);
        assert!(snapshot.proportional(&[own]) > 0);
    }
}
