//! `bench --aamas BINARY [--only GROUP] [--quick] [--json FILE]`: measures the binary from outside and prints a table.

mod measure;
mod memory;
mod model;
mod prompt;
mod repository;
mod subject;
mod table;
mod turns;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use measure::{Bench, GROUPS};
use subject::Subject;

struct Options {
    aamas: PathBuf,
    only: Vec<String>,
    times: usize,
    json: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let options = options(std::env::args().skip(1))?;
    let scratch = tempfile::tempdir().context("make a scratch directory")?;
    let bench = Bench {
        ours: Subject::Aamas(options.aamas),
        bare: Subject::bare(scratch.path())?,
        scratch: scratch.path().to_owned(),
        times: options.times,
    };
    let mut rows = Vec::new();
    for (name, group) in GROUPS {
        if options.only.is_empty() || options.only.iter().any(|only| only == name) {
            eprintln!("measuring {name} …");
            rows.extend(group(&bench));
        }
    }
    print!("{}", table::render(&rows));
    if let Some(file) = options.json {
        std::fs::write(&file, table::document(&rows)).with_context(|| format!("write {}", file.display()))?;
    }
    let failed = rows.iter().any(|row| ["MISSED", "FAILED"].contains(&row.verdict()));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut aamas = None;
    let (mut only, mut times, mut json) = (Vec::new(), 9, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--aamas" => aamas = Some(PathBuf::from(value()?)),
            "--only" => only.push(value()?),
            "--json" => json = Some(PathBuf::from(value()?)),
            "--quick" => times = 3,
            other => bail!("no option is called {other}; there are --aamas, --only, --quick, --json"),
        }
    }
    if let Some(unknown) = only.iter().find(|name| !GROUPS.iter().any(|(group, _)| group == name)) {
        let names: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
        bail!("no group is called {unknown}; there are {}", names.join(", "));
    }
    let aamas = aamas.context("--aamas BINARY is missing")?;
    let aamas = aamas.canonicalize().with_context(|| format!("find {}", aamas.display()))?;
    Ok(Options { aamas, only, times, json })
}
