//! The server from outside: how fast it is up, what it needs while nobody asks, and what it answers under load. The load
//! comes from this process, so that it takes its share of the same cores.

mod house;
mod http;
mod load;
mod shared;
mod watchers;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use self::house::{FRAMEWORK_TOKEN, House, Server};
use self::http::{Talk, request};
use self::load::answers_a_second;
use crate::measure::{Bench, row};
use crate::subject::program_named;
use crate::table::{Row, Target};

pub(crate) use watchers::watch;

/// The first argument of the process that watches.
pub(crate) const WATCHERS: &str = "watchers";

const FRAMEWORK: &str = include_str!("../../framework/serve.py");
/// Connections of the reads.
const READERS: usize = 16;
/// Connections of the creations.
const WRITERS: usize = 64;
/// How long each load lasts.
const SPAN: Duration = Duration::from_secs(4);
/// Clients that watch.
const CLIENTS: usize = 2_000;
/// Events a second while they watch.
const EVENTS_A_SECOND: u32 = 10;
/// Until memory is what it is while nobody asks.
const IDLE: Duration = Duration::from_secs(5);

const NESTED: &str = "query ($id: ID!) { project(id: $id) { id name status agents { id type specialization status \
    performanceMetrics { successRate tasksCompleted } } tasks { id title status estimatedEffort qualityScore \
    assignedAgent { name } dependencies { title } } metrics { tasksTotal tasksOpen successRate costUsd } } }";

/// From the start to the first answer, and memory while nobody asks.
pub(crate) fn idle(bench: &Bench) -> Vec<Row> {
    let data = bench.scratch.join("serve-idle");
    let start = |data: &Path| Server::ours(bench.binary()?, data);
    let ready = |data: &Path| Ok(start(data)?.ready.as_secs_f64() * 1e3);
    let first = bench.median(|n| ready(&bench.scratch.join(format!("serve-first-{n}"))));
    let second = bench.median(|_| ready(&data));
    let memory = || {
        let server = start(&data)?;
        in_runtime(async {
            tokio::time::sleep(IDLE).await;
            server.memory_mb()
        })
    };
    vec![
        row("serve", "start to ready, first start", "ms", first, Some(300.0), None),
        row("serve", "start to ready, later starts", "ms", second, Some(300.0), None),
        row("serve", "memory while nobody asks (PSS)", "MB", memory(), Some(60.0), None),
    ]
}

/// Reads and creations, beside a FastAPI server that does the same; a nested query.
pub(crate) fn asked(bench: &Bench) -> Vec<Row> {
    let beside = in_runtime(framework(bench));
    let beside = match beside {
        Ok(figures) => figures,
        Err(error) => {
            eprintln!("the framework beside us failed: {error:#}");
            None
        }
    };
    let of = |n: usize| beside.map(|figures| figures[n]);
    match in_runtime(ours(bench)) {
        Ok(figures) => figures.rows(of),
        Err(error) => {
            vec![Row {
                group: "asked",
                what: "the load",
                unit: "/s",
                ours: Err(error),
                target: None,
                beside: None,
            }]
        }
    }
}

struct Asked {
    reads: [f64; 3],
    creations: f64,
    nested_ms: f64,
    memory_mb: f64,
}

impl Asked {
    fn rows(self, beside: impl Fn(usize) -> Option<f64>) -> Vec<Row> {
        let read = |what, n: usize| Row {
            group: "asked",
            what,
            unit: "/s",
            ours: Ok(self.reads[n]),
            // Three thousand, and five times as many as beside.
            target: Some(Target::AtLeast(beside(n).map_or(3_000.0, |b| (b * 5.0).max(3_000.0)))),
            beside: beside(n),
        };
        vec![
            read("read a project, 16 connections; beside: FastAPI", 0),
            read("read a task", 1),
            read("read a list of 20 tasks", 2),
            Row {
                group: "asked",
                what: "create a task, durable, 64 connections",
                unit: "/s",
                ours: Ok(self.creations),
                target: Some(Target::AtLeast(1_000.0)),
                beside: beside(3),
            },
            row(
                "asked",
                "a project with its agents and 20 tasks by GraphQL",
                "ms",
                Ok(self.nested_ms),
                Some(5.0),
                None,
            ),
            row("asked", "memory after all of it (PSS)", "MB", Ok(self.memory_mb), None, None),
        ]
    }
}

async fn ours(bench: &Bench) -> Result<Asked> {
    let (binary, data) = (bench.binary()?, bench.scratch.join("serve-asked"));
    let server = Server::ours(binary, &data)?;
    let house = House::fill(binary, &data, server.port, &bench.scratch).await?;
    let (project, token) = (format!("/api/v1/projects/{}", house.project), house.token.clone());
    let nested_ms = nested(&server, &house).await?;
    let mut reads = [0.0; 3];
    for (n, path) in
        [project.clone(), format!("/api/v1/tasks/{}", house.task), format!("{project}/tasks?limit=20")]
            .into_iter()
            .enumerate()
    {
        let bytes = request("GET", &path, &token, None);
        reads[n] = answers_a_second(server.port, READERS, SPAN, move |_| bytes.clone()).await?;
    }
    let creations = answers_a_second(server.port, WRITERS, SPAN, move |n| {
        request("POST", &format!("{project}/tasks"), &token, Some(&House::asked(n).to_string()))
    })
    .await?;
    Ok(Asked { reads, creations, nested_ms, memory_mb: server.memory_mb()? })
}

async fn nested(server: &Server, house: &House) -> Result<f64> {
    let mut talk = Talk::open(server.port).await?;
    let body = json!({ "query": NESTED, "variables": { "id": house.project } });
    let mut took = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        let answer = talk.json("POST", "/graphql", &house.token, Some(&body)).await?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
        let tasks = answer["data"]["project"]["tasks"].as_array().map_or(0, Vec::len);
        anyhow::ensure!(tasks >= 20, "{answer}");
    }
    took.sort_by(f64::total_cmp);
    Ok(took[took.len() / 2])
}

/// The three reads and the creation in the framework; nothing without its environment, which is then said.
async fn framework(bench: &Bench) -> Result<Option<[f64; 4]>> {
    let python = &bench.framework;
    if !python.is_file() {
        eprintln!("no {}: the framework beside us is not measured (benches/README.md)", python.display());
        return Ok(None);
    }
    let program = bench.scratch.join("serve.py");
    std::fs::write(&program, FRAMEWORK)?;
    let server = Server::framework(python, &program, &bench.scratch.join("framework-serve.db")).await?;
    let mut figures = [0.0; 4];
    for (n, path) in ["/projects/p", "/tasks/task_7", "/projects/p/tasks?limit=20"].into_iter().enumerate() {
        let bytes = request("GET", path, FRAMEWORK_TOKEN, None);
        figures[n] = answers_a_second(server.port, READERS, SPAN, move |_| bytes.clone()).await?;
    }
    figures[3] = answers_a_second(server.port, WRITERS, SPAN, |n| {
        request("POST", "/projects/p/tasks", FRAMEWORK_TOKEN, Some(&House::asked(n).to_string()))
    })
    .await?;
    Ok(Some(figures))
}

/// Two thousand clients that watch a project in which ten things a second happen.
pub(crate) fn watched(bench: &Bench) -> Vec<Row> {
    let seconds = if bench.times < 9 { 5 } else { 20 };
    let figures = in_runtime(watch_for(bench, seconds));
    let (p50, p99, memory) = match figures {
        Ok((p50, p99, memory)) => (Ok(p50), Ok(p99), Ok(memory)),
        Err(error) => {
            let text = format!("{error:#}");
            (Err(error), Err(anyhow::anyhow!("{text}")), Err(anyhow::anyhow!("{text}")))
        }
    };
    vec![
        row("watched", "2,000 sockets, 10 events/s: commit to frame, median", "ms", p50, None, None),
        row("watched", "2,000 sockets, 10 events/s: commit to frame, p99", "ms", p99, Some(200.0), None),
        row("watched", "memory with 2,000 sockets (PSS)", "MB", memory, None, None),
    ]
}

async fn watch_for(bench: &Bench, seconds: u32) -> Result<(f64, f64, f64)> {
    let (binary, data) = (bench.binary()?, bench.scratch.join("serve-watched"));
    let server = Server::ours(binary, &data)?;
    let house = House::fill(binary, &data, server.port, &bench.scratch).await?;
    let events = usize::try_from(EVENTS_A_SECOND * seconds)?;
    let mut child = program_named(std::env::current_exe()?)
        .arg(WATCHERS)
        .args([server.port.to_string(), house.token.clone(), house.project.clone()])
        .args([CLIENTS.to_string(), events.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("its stdout")?).lines();
    let ready = lines.next().context("the clients ended")??;
    anyhow::ensure!(ready == "ready", "{ready}");
    let (mut talk, path) =
        (Talk::open(server.port).await?, format!("/api/v1/projects/{}/tasks", house.project));
    let mut every = tokio::time::interval(Duration::from_secs(1) / EVENTS_A_SECOND);
    for number in 0..events {
        every.tick().await;
        talk.json("POST", &path, &house.token, Some(&House::asked(number))).await?;
    }
    let said = lines.next().context("the clients ended without figures")??;
    let memory = server.memory_mb()?;
    child.wait()?;
    let document: Value = serde_json::from_str(&said)?;
    std::io::stderr().write_all(format!("{document}\n").as_bytes())?;
    let figure = |name: &str| document[name].as_f64().with_context(|| format!("no {name} in {document}"));
    Ok((figure("p50")?, figure("p99")?, memory))
}

/// A small organization beside a large one.
pub(crate) fn shared(bench: &Bench) -> Vec<Row> {
    let rounds = if bench.times < 9 { 2 } else { 5 };
    let data = bench.scratch.join("serve-shared");
    let measured =
        bench.binary().and_then(|binary| in_runtime(shared::measure(binary, &data, &bench.scratch, rounds)));
    let beside_what = "a small organization's wait for its run beside one with 10 times as many, p95";
    match measured {
        Ok(waits) => vec![
            row("shared", "the same while nobody else asks, p95", "ms", Ok(waits.alone_ms), None, None),
            row("shared", beside_what, "ms", Ok(waits.beside_ms), Some(2.0 * waits.alone_ms), None),
            row("shared", "until 100 scripted runs of both have ended", "s", Ok(waits.all_s), None, None),
        ],
        Err(error) => vec![row("shared", beside_what, "ms", Err(error), None, None)],
    }
}

fn in_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

impl Bench {
    fn binary(&self) -> Result<&Path> {
        self.ours.binary().map(PathBuf::as_path).context("the binary")
    }
}
