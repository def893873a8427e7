//! Work that goes on when this process has ended: another process of this program takes the run up.

#![expect(
    clippy::disallowed_methods,
    reason = "starts this program again, outside any sandbox, as a person would"
)]

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use engine::Engine;

use crate::cli::{DATABASE_VARIABLE, Global};
use crate::refusal::Refusal;

/// Starts `runs resume` on a run, in a process group of its own so that a terminal's Ctrl-C does not reach it. What it
/// says goes to a file in the data directory.
pub fn go_on_with(global: &Global, engine: &Engine, run: &str) -> Result<(), Refusal> {
    let logs = engine.data_dir.join("logs");
    let path = logs.join(format!("{run}.log"));
    let failed = |e: std::io::Error| {
        Refusal::internal(
            "internal",
            format!("cannot go on with {run} in the background: {e}"),
            format!("nothing is lost: `aamas runs resume {run}` goes on with it here"),
        )
    };
    std::fs::create_dir_all(&logs).map_err(failed)?;
    let log = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
    let again = log.try_clone().map_err(failed)?;
    Command::new(&engine.host.launcher)
        .args(["runs", "resume", run, "--data-dir"])
        .arg(&engine.data_dir)
        .envs(global.database().map(|address| (DATABASE_VARIABLE, address)))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(again)
        .process_group(0)
        .spawn()
        .map(drop)
        .map_err(failed)
}
