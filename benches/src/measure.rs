//! The measurements, one function a group.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::library;
use crate::prompt::{changed_prefixes, tokens};
use crate::repository::{of_files, small, worktree_add};
use crate::server;
use crate::subject::{Done, Subject, Via, bare_command, task_bytes};
use crate::table::{Row, Target};
use crate::turns::{Turn, commands, one_change, six_calls};

const NO_LATENCY: Via = Via::Http(Duration::ZERO);
const SLOW_MODEL: Duration = Duration::from_millis(50);

/// What every group needs.
pub(crate) struct Bench {
    /// The binary.
    pub(crate) ours: Subject,
    /// The loop beside it.
    pub(crate) bare: Subject,
    /// The interpreter of the framework that stands beside the library benchmark; need not be there.
    pub(crate) framework: PathBuf,
    /// Scratch directory.
    pub(crate) scratch: PathBuf,
    /// Repetitions; the median counts.
    pub(crate) times: usize,
}

/// Measures one group.
type Group = fn(&Bench) -> Vec<Row>;

/// The groups by name, in the order in which they run.
pub(crate) const GROUPS: &[(&str, Group)] = &[
    ("start", start),
    ("turn", turn),
    ("memory", memory),
    ("growth", growth),
    ("workspace", workspace),
    ("snapshot", snapshot),
    ("prompt", prompt),
    ("runs", library::at_once),
    ("parked", library::parked_runs),
    ("waiting", library::waiting_runs),
    ("serve", server::idle),
    ("asked", server::asked),
    ("watched", server::watched),
    ("shared", server::shared),
];

fn start(bench: &Bench) -> Vec<Row> {
    let repository = small(&bench.scratch.join("start"));
    let start_of = |subject: &Subject, data: &Path| {
        let repository = repository.as_ref().map_err(|e| anyhow::anyhow!("{e:#}"))?;
        ms(subject.run(repository, data, &commands(0), NO_LATENCY)?.to_first_request()?)
    };
    let first = |n: usize| start_of(&bench.ours, &bench.scratch.join(format!("start-first-{n}")));
    let second = |_| start_of(&bench.ours, &bench.scratch.join("start-first-0"));
    let bare = |_| start_of(&bench.bare, &bench.scratch.join("start-bare"));
    let first = bench.median(first);
    let bare = bench.median(bare).ok();
    vec![
        row("start", "to the first model request, first run", "ms", first, Some(250.0), bare),
        row("start", "to the first model request, second run", "ms", bench.median(second), Some(60.0), bare),
    ]
}

fn turn(bench: &Bench) -> Vec<Row> {
    let cost = |subject: &Subject, via: Via| -> Result<f64> {
        let repository = small(&bench.scratch.join("turn"))?;
        let command = ms(bare_command(100)?)?;
        let data = bench.scratch.join("turn-data");
        subject.run(&repository, &data, &commands(0), via)?; // warm
        let cpu = |count: usize| ms(subject.run(&repository, &data, &commands(count), via)?.cpu);
        bench.median(|_| Ok((cpu(110)? - cpu(10)?) / 100.0 - command))
    };
    let bare = cost(&bench.bare, NO_LATENCY).ok();
    vec![
        row(
            "turn",
            "CPU beyond the command, scripted model",
            "ms",
            cost(&bench.ours, Via::Script),
            Some(4.0),
            bare,
        ),
        row(
            "turn",
            "CPU beyond the command, HTTP model",
            "ms",
            cost(&bench.ours, NO_LATENCY),
            Some(4.0),
            bare,
        ),
    ]
}

fn memory(bench: &Bench) -> Vec<Row> {
    let peak = |subject: &Subject| -> Result<f64> {
        let repository = small(&bench.scratch.join("memory"))?;
        let data = bench.scratch.join("memory-data");
        bench.median(|_| {
            let done = subject.run(&repository, &data, &commands(100), NO_LATENCY)?;
            Ok(f64::from(u32::try_from(done.peak_kb)?) / 1024.0)
        })
    };
    let bare = peak(&bench.bare).ok();
    vec![row(
        "memory",
        "peak of the process tree over 100 turns (PSS)",
        "MB",
        peak(&bench.ours),
        Some(48.0),
        bare,
    )]
}

fn growth(bench: &Bench) -> Vec<Row> {
    let repository = small(&bench.scratch.join("growth"));
    let done = |subject: &Subject, count: usize, via: Via| -> Result<Done> {
        let repository = repository.as_ref().map_err(|e| anyhow::anyhow!("{e:#}"))?;
        subject.run(repository, &bench.scratch.join("growth-data"), &commands(count), via)
    };
    let beyond_ideal = |subject: &Subject| {
        let took = done(subject, 100, Via::Http(SLOW_MODEL))?.wall;
        ms(took.saturating_sub(SLOW_MODEL * 101))
    };
    let growth = |subject: &Subject, count: usize| {
        let gaps = done(subject, count, NO_LATENCY)?.gaps();
        let twenty = |part: Option<&[Duration]>| ms(median_of(part.context("too few turns")?.to_vec()));
        Ok(twenty(gaps.last_chunk::<20>().map(|c| c.as_slice()))?
            / twenty(gaps.first_chunk::<20>().map(|c| c.as_slice()))?)
    };
    let (ours, bare) = (&bench.ours, &bench.bare);
    vec![
        row(
            "growth",
            "100 turns at 50 ms each, beyond the ideal",
            "ms",
            bench.median(|_| beyond_ideal(ours)),
            Some(1000.0),
            beyond_ideal(bare).ok(),
        ),
        row(
            "growth",
            "last 20 turns against first 20, of 100",
            "x",
            bench.median(|_| growth(ours, 100)),
            Some(1.1),
            growth(bare, 100).ok(),
        ),
        row(
            "growth",
            "last 20 turns against first 20, of 1,000",
            "x",
            growth(ours, 1000),
            Some(1.5),
            growth(bare, 1000).ok(),
        ),
    ]
}

fn workspace(bench: &Bench) -> Vec<Row> {
    let measure = || -> Result<(f64, f64)> {
        let repository = of_files(&bench.scratch.join("workspace"), 7_000)?;
        let tiny = small(&bench.scratch.join("workspace-small"))?;
        let data = bench.scratch.join("workspace-data");
        let start = |repository: &Path| {
            bench.ours.run(repository, &data, &commands(0), NO_LATENCY)?; // the second and later tasks count
            bench.median(|_| {
                ms(bench.ours.run(repository, &data, &commands(0), NO_LATENCY)?.to_first_request()?)
            })
        };
        let ours = start(&repository)? - start(&tiny)?;
        let git =
            bench.median(|n| ms(worktree_add(&repository, &bench.scratch.join(format!("worktree-{n}")))?))?;
        Ok((ours.max(0.0), git))
    };
    let (ours, git) = split(measure());
    vec![row(
        "workspace",
        "7,000 files, beyond a repository of 3; beside: git worktree add",
        "ms",
        ours,
        git.map(|g| g / 20.0),
        git,
    )]
}

fn snapshot(bench: &Bench) -> Vec<Row> {
    let measure = || -> Result<f64> {
        let repository = of_files(&bench.scratch.join("snapshot"), 100_000)?;
        let data = bench.scratch.join("snapshot-data");
        let change = || {
            let done = bench.ours.run(&repository, &data, &one_change(), NO_LATENCY)?;
            ms(*done.gaps().first().context("the model was asked once only")?)
        };
        change()?; // the first run brings the base checkout
        bench.median(|_| change())
    };
    vec![row(
        "snapshot",
        "write one file of 100,000, until the next request",
        "ms",
        measure(),
        Some(50.0),
        None,
    )]
}

fn prompt(bench: &Bench) -> Vec<Row> {
    let run = |subject: &Subject, turns: &[Turn]| -> Result<Vec<usize>> {
        let repository = small(&bench.scratch.join("prompt"))?;
        let done = subject.run(&repository, &bench.scratch.join("prompt-data"), turns, NO_LATENCY)?;
        let changed = changed_prefixes(&done.requests);
        anyhow::ensure!(changed == 0, "{changed} requests changed what had been sent before");
        Ok(done.requests.iter().map(|request| request.body.len()).collect())
    };
    let first = |subject: &Subject| {
        let sizes = run(subject, &commands(0))?;
        Ok(tokens(sizes.first().context("the model was never asked")?.saturating_sub(task_bytes())))
    };
    let six = run(&bench.ours, &six_calls()).map(|sizes| tokens(sizes.iter().sum()));
    vec![
        row(
            "prompt",
            "first request beyond task and rules (bytes / 4)",
            "tok",
            first(&bench.ours),
            Some(1400.0),
            first(&bench.bare).ok(),
        ),
        row("prompt", "a task of six tool calls, in all (bytes / 4)", "tok", six, Some(12_000.0), None),
    ]
}

impl Bench {
    /// Median of as many figures as were asked for; the first failure ends it.
    pub(crate) fn median(&self, figure: impl FnMut(usize) -> Result<f64>) -> Result<f64> {
        let mut figures = (0..self.times).map(figure).collect::<Result<Vec<_>>>()?;
        figures.sort_by(f64::total_cmp);
        Ok(figures[figures.len() / 2])
    }
}

fn median_of(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[expect(clippy::unnecessary_wraps, reason = "reads as the end of a chain of `?`")]
fn ms(time: Duration) -> Result<f64> {
    Ok(time.as_secs_f64() * 1e3)
}

fn split(both: Result<(f64, f64)>) -> (Result<f64>, Option<f64>) {
    match both {
        Ok((ours, beside)) => (Ok(ours), Some(beside)),
        Err(error) => (Err(error), None),
    }
}

/// A figure that should be at most so much.
pub(crate) fn row(
    group: &'static str,
    what: &'static str,
    unit: &'static str,
    ours: Result<f64>,
    at_most: Option<f64>,
    beside: Option<f64>,
) -> Row {
    Row { group, what, unit, ours, target: at_most.map(Target::AtMost), beside }
}
