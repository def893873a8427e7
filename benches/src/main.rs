//! `bench --aamas BINARY [--only GROUP] [--quick] [--json FILE] [--framework DIR]`: measures the binary from outside, and
//! runs inside one process, and prints a table.

mod library;
mod measure;
mod memory;
mod model;
mod prompt;
mod repository;
mod server;
mod subject;
mod table;
mod turns;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use measure::{Bench, GROUPS};
use subject::Subject;

/// The first argument of a process that is one measurement of the library benchmark.
const LIBRARY: &str = "library";

/// Where the virtual environment of the framework is, beside the directory of this program.
const FRAMEWORK: &str = "../bench-framework";

struct Options {
    aamas: PathBuf,
    framework: PathBuf,
    only: Vec<String>,
    times: usize,
    json: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == LIBRARY).is_some() {
        return library::measure(arguments).map(|()| ExitCode::SUCCESS);
    }
    if arguments.next_if(|first| first == server::WATCHERS).is_some() {
        return server::watch(&arguments.collect::<Vec<_>>()).map(|()| ExitCode::SUCCESS);
    }
    let options = options(arguments)?;
    let scratch = tempfile::tempdir().context("make a scratch directory")?;
    let bench = Bench {
        ours: Subject::Aamas(options.aamas),
        bare: Subject::bare(scratch.path())?,
        framework: options.framework.join("bin").join("python"),
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
    let (mut only, mut times, mut json, mut framework) = (Vec::new(), 9, None, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--aamas" => aamas = Some(PathBuf::from(value()?)),
            "--only" => only.push(value()?),
            "--json" => json = Some(PathBuf::from(value()?)),
            "--framework" => framework = Some(PathBuf::from(value()?)),
            "--quick" => times = 3,
            other => {
                bail!("no option is called {other}; there are --aamas, --only, --quick, --json, --framework")
            }
        }
    }
    if let Some(unknown) = only.iter().find(|name| !GROUPS.iter().any(|(group, _)| group == name)) {
        let names: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
        bail!("no group is called {unknown}; there are {}", names.join(", "));
    }
    let aamas = aamas.context("--aamas BINARY is missing")?;
    let aamas = aamas.canonicalize().with_context(|| format!("find {}", aamas.display()))?;
    let framework = match framework {
        Some(dir) => dir,
        None => std::env::current_exe()?.with_file_name(FRAMEWORK),
    };
    Ok(Options { aamas, framework, only, times, json })
}
