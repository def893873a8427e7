//! What the machine has to do: measured every few seconds, and kept for the dashboard.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::{TenantId, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{Engine, EngineError};

/// How often is measured.
const EVERY: Duration = Duration::from_secs(15);
/// Measurements between two clean-ups: a day's.
const PER_DAY: u32 = 24 * 60 * 60 / 15;
/// How long measurements are kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Clock ticks a second, as Linux shows them to programs on every platform.
const TICKS: u64 = 100;
const PERCENT_IN_THOUSANDTHS: u64 = 100_000;

/// Measures until it is told to stop. The first measurement of time needs a second look.
pub(super) async fn keep(engine: Engine, stop: CancellationToken) {
    let mut sampler = Sampler::new();
    let mut count = 0u32;
    loop {
        let due = tokio::time::sleep(if count == 0 { Duration::from_secs(1) } else { EVERY });
        tokio::select! {
            () = stop.cancelled() => return,
            () = due => {}
        }
        let (own, forget) = (engine.clone(), count.is_multiple_of(PER_DAY));
        count = count.wrapping_add(1);
        let (back, kept) = match tokio::task::spawn_blocking(move || {
            let kept = sampler.keep(&own, forget);
            (sampler, kept)
        })
        .await
        {
            Ok(sampled) => sampled,
            Err(error) => return tracing::error!(%error, "measuring the machine ended"),
        };
        sampler = back;
        if let Err(error) = kept {
            tracing::warn!(error = %crate::sentence(&error), "the machine could not be measured");
        }
    }
}

/// Remembers what was counted last.
pub(super) struct Sampler {
    before: Option<(Instant, u64)>,
    cores: u64,
}

impl Sampler {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        Self { before: read_processes().map(|all| (Instant::now(), ticks(&all))), cores }
    }

    fn keep(&mut self, engine: &Engine, forget: bool) -> Result<(), EngineError> {
        let now = engine.desk.now();
        let samples = self.samples(engine);
        let before = Timestamp::from_micros(
            now.as_micros().saturating_sub(i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX)),
        );
        engine.desk.store.write_blocking(TenantId::INSTALLATION, move |tx| {
            for (metric, value) in samples {
                tx.add_sample(metric, now, value)?;
            }
            if forget {
                tx.forget_samples(before)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// What can be measured now, in thousandths of a percent of the whole machine.
    fn samples(&mut self, engine: &Engine) -> Vec<(&'static str, i64)> {
        let mut samples = Vec::new();
        if let Some(all) = read_processes() {
            let (at, ticks) = (Instant::now(), ticks(&all));
            if let Some((then, before)) = self.before.replace((at, ticks)) {
                let possible = at.duration_since(then).as_millis() as u64 * TICKS * self.cores / 1_000;
                samples.extend(percent(ticks.saturating_sub(before), possible).map(|v| ("cpu_usage", v)));
            }
            let used: u64 = all.keys().map(|pid| resident_kb(*pid)).sum();
            let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| kb(&text, "MemTotal:"));
            samples.extend(total.and_then(|total| percent(used, total)).map(|v| ("memory_usage", v)));
        }
        let space = sandbox::filesystem::space(&engine.data_dir).ok();
        samples.extend(space.and_then(|s| percent(s.used, s.total)).map(|v| ("storage_usage", v)));
        samples
    }
}

fn percent(part: u64, whole: u64) -> Option<i64> {
    let share = u128::from(part.min(whole)) * u128::from(PERCENT_IN_THOUSANDTHS);
    (whole > 0).then(|| i64::try_from(share / u128::from(whole)).unwrap_or(0))
}

/// A process in `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    parent: u32,
    /// Ticks of itself and of the children that it has seen end.
    ticks: u64,
}

/// This process and all that came of it; `None` where there is no `/proc`.
fn read_processes() -> Option<BTreeMap<u32, Process>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end while it is looked at.
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        all.extend(parse_stat(&stat).map(|process| (pid, process)));
    }
    Some(descendants(&all, std::process::id()))
}

fn descendants(all: &BTreeMap<u32, Process>, root: u32) -> BTreeMap<u32, Process> {
    let mut found: BTreeMap<u32, Process> = all.get(&root).map(|own| (root, *own)).into_iter().collect();
    loop {
        let more: Vec<_> = all
            .iter()
            .filter(|(pid, process)| !found.contains_key(pid) && found.contains_key(&process.parent))
            .map(|(pid, process)| (*pid, *process))
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// The line of `/proc/PID/stat` (proc_pid_stat(5)): parent is field 4, the times are fields 14 to 17. The name, field 2,
/// may hold anything but ends at the last parenthesis.
fn parse_stat(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let ticks = (11..15).map(number).sum::<Option<u64>>()?;
    Some(Process { parent: u32::try_from(number(1)?).ok()?, ticks })
}

fn ticks(all: &BTreeMap<u32, Process>) -> u64 {
    all.values().map(|process| process.ticks).sum()
}

fn resident_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    kb(&status, "VmRSS:").unwrap_or(0)
}

/// The number behind a name in a file of `/proc` that counts in kB.
fn kb(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_counted_with_all_that_came_of_it() {
        let stat = "7 (a) b) S 3 7 7 0 -1 4194560 1 0 0 0 10 20 30 40 20 0 1 0 777 1 2";
        assert_eq!(parse_stat(stat), Some(Process { parent: 3, ticks: 100 }));
        assert_eq!(parse_stat("7 (a"), None);
        let process = |parent| Process { parent, ticks: 1 };
        let all = BTreeMap::from([(1, process(0)), (5, process(9)), (7, process(1)), (9, process(7))]);
        let own: Vec<u32> = descendants(&all, 7).into_keys().collect();
        assert_eq!(own, [5, 7, 9]);
        assert_eq!((kb("MemTotal:  2048 kB\n", "MemTotal:"), kb("x", "MemTotal:")), (Some(2048), None));
    }

    #[test]
    fn shares_stay_within_the_whole() {
        assert_eq!([percent(1, 4), percent(9, 4), percent(1, 0)], [Some(25_000), Some(100_000), None]);
    }

    #[test]
    fn this_process_can_be_measured() {
        let all = read_processes().expect("there is a /proc");
        assert!(all.contains_key(&std::process::id()) && resident_kb(std::process::id()) > 0);
    }
}
