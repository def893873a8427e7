//! The library benchmark: what runs cost inside one process, without everything that stands around them.
//!
//! A small driver made of the real parts: the pure turn loop (`agents::View`), `app::create_run` and `app::finish_run`,
//! the store (SQLite, write-ahead log, `synchronous=FULL`, group commit), `models::Model`. Intents are durable before
//! effects, a result is committed with the intent that follows it, and people's messages are looked for in between, as
//! the engine does it. **Left out** are the workspace and its snapshots, the sandbox, the gates (asked, they let the
//! run through), the delivery and the reports: the tool does nothing.
//!
//! Each measurement is a process of its own, so that its CPU time and its memory are nobody else's.

mod drive;
mod flushes;
mod framework;
mod hold;
mod house;
mod journal;
mod parked;
mod process;
mod rows;
mod runs;
mod slow_server;
mod talk;
mod waiting;
mod watch;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::Value;

pub(crate) use process::open_many_files;
pub(crate) use rows::{at_once, parked_runs, waiting_runs};

/// Turns of a run that call the tool.
pub(crate) const TURNS: u32 = 50;

/// What a process of its own measures.
#[derive(Clone, Debug)]
struct Job {
    name: String,
    count: usize,
    dir: PathBuf,
}

/// The process of one measurement: `NAME COUNT DIR`, one JSON document on stdout.
pub(crate) fn measure(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let mut next = || arguments.next().unwrap_or_default();
    let (name, count, dir) = (next(), next().parse()?, PathBuf::from(next()));
    let job = Job { name, count, dir };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(carry_out(&job))
}

async fn carry_out(job: &Job) -> Result<()> {
    let dir: &Path = &job.dir;
    let document: Value = match job.name.as_str() {
        "runs" => runs::at_full_speed(dir, job.count).await?,
        "memory" => runs::memory(dir, job.count).await?,
        "parked" => parked::dropped(dir, job.count).await?,
        "kept" => parked::kept(dir, job.count).await?,
        "waiting" => waiting::waiting(dir, job.count).await?,
        "slow-server" => return slow_server::serve(job.count).await,
        other => bail!("no measurement is called {other}"),
    };
    println!("{document}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three runs through each measurement that needs no second process: the figures are there, whatever they are.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn three_runs_go_to_their_end() -> Result<()> {
        let of = |document: &Value, name: &str| document[name].as_f64().unwrap_or_default();
        let dir = || tempfile::tempdir();
        let runs = runs::at_full_speed(dir()?.path(), 3).await?;
        // Two commits a turn (call and tool), and a few more for each run.
        assert_eq!(of(&runs, "turns"), f64::from(3 * (TURNS + 1)));
        assert!(of(&runs, "commits") > of(&runs, "turns") * 2.0, "{runs}");
        assert!(of(&runs, "flushes") > f64::from(TURNS), "{runs}");
        let memory = runs::memory(dir()?.path(), 3).await?;
        assert!(of(&memory, "kb_held") > 0.0, "{memory}");
        for parked in [parked::dropped(dir()?.path(), 3).await?, parked::kept(dir()?.path(), 3).await?] {
            assert_eq!(of(&parked, "runs"), 3.0);
        }
        Ok(())
    }
}
