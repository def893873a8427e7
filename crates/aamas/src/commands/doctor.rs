//! `aamas doctor`: what this machine gives the sandbox, and the fix for each missing piece.

use std::io::IsTerminal;
use std::process::ExitCode;

use super::{block_on, host, print_json};
use crate::cli::Global;
use crate::refusal::Refusal;
use crate::say::out;
use crate::terminal::Paint;

pub fn doctor(global: &Global) -> Result<ExitCode, Refusal> {
    let engine = host::engine(global)?;
    let probe = block_on(async {
        let options = sandbox::SessionOptions::new(&engine.host.launcher);
        sandbox::Probe::run(&options, &engine.data_dir).await
    })?
    .map_err(|e| Refusal::internal("sandbox_unavailable", engine::sentence(&e), "see the cause above"))?;
    let good = probe.level >= sandbox::Level::S2;
    let data_dir = &engine.data_dir;
    if global.json {
        print_json(&serde_json::json!({ "sandbox": probe, "data_dir": data_dir, "ok": good }))?;
    } else {
        let paint = Paint::of(std::io::stdout().is_terminal());
        for row in &probe.rows {
            let mark = if row.ok { paint.good("✓") } else { paint.bad("✗") };
            out!("{mark} {:<28} {}", row.name, paint.dim(&row.detail));
            if let (false, Some(fix)) = (row.ok, &row.fix) {
                out!("    fix: {fix}");
            }
        }
        let level = probe.level.name();
        out!("\nsandbox level {level} (S2 is the least that `aamas run` takes)");
        out!("data directory {}", data_dir.display());
    }
    Ok(ExitCode::from(u8::from(!good)))
}
