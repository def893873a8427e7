//! What this process uses, and processes that it starts.

use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};

/// User and system time of this process so far.
pub(super) fn cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = |time: nix::sys::time::TimeVal| {
        u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).map(Duration::from_micros)
    };
    Ok(micros(usage.user_time())? + micros(usage.system_time())?)
}

/// Proportional memory (PSS) of this process, in KiB.
pub(super) fn pss_kb() -> Result<f64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").context("read our own memory")?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("a line with the PSS")?;
    let kb: u32 = line.trim().trim_end_matches(" kB").parse().context("a number of KiB")?;
    Ok(f64::from(kb))
}

/// Lets this process, and those that it starts, open as many files as the system allows it.
pub(crate) fn open_many_files(wanted: usize) -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = u64::try_from(wanted)?;
    anyhow::ensure!(most >= wanted, "{wanted} open files are needed, and {most} allowed (ulimit -n)");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("raise the number of open files")
}
