//! One server, two organizations: how long a small one's tasks wait while a large one asks for ten times as much.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use domain::Timestamp;
use serde_json::{Value, json};

use super::house::{Server, id_of, project_of, token};
use super::http::Talk;

/// Runs at once.
const SLOTS: &str = "8";
/// Tasks of the large organization, all asked for at once.
const LARGE: usize = 90;
/// Tasks of the small one, each asked for when the one before has ended, as a person does.
const SMALL: usize = 10;
/// What each run does: a command that lasts as long as a quick model thinks, and no change.
const COMMAND: &str = "sleep 0.5";
/// How often the end of a run is asked for.
const LOOK: Duration = Duration::from_millis(20);
/// Nothing may take longer.
const PATIENCE: Duration = Duration::from_secs(180);

/// What was measured.
pub(super) struct Waits {
    /// The small organization's tasks while the server has nothing else to do: 95th percentile in milliseconds.
    pub(super) alone_ms: f64,
    /// The same beside the large organization.
    pub(super) beside_ms: f64,
    /// From the first request until all runs of both had ended, in seconds, the median of the rounds.
    pub(super) all_s: f64,
}

/// An organization with a project, and who speaks for it.
struct Guest {
    talk: Talk,
    token: String,
    project: String,
}

/// Measures in `rounds` of [`LARGE`] and [`SMALL`] tasks; before them the small organization asks for as many alone.
pub(super) async fn measure(binary: &Path, data: &Path, scratch: &Path, rounds: usize) -> Result<Waits> {
    let script = scratch.join("shared.json");
    std::fs::write(&script, scripted().to_string())?;
    let model = format!("script:{}", script.display());
    let server = Server::with(binary, data, &["--parallel-runs", SLOTS, "--model", &model])?;
    let organizations = two_organizations(&server).await?;
    let [mut large, mut small] = {
        let mut guests = Vec::new();
        for (n, organization) in organizations.iter().enumerate() {
            let token = token(binary, data, Some(organization))?;
            let mut talk = Talk::open(server.port).await?;
            let project = project_of(&mut talk, &token, &scratch.join(format!("shared-{n}"))).await?;
            guests.push(Guest { talk, token, project });
        }
        <[Guest; 2]>::try_from(guests).ok().context("two organizations")?
    };
    let mut alone = Vec::new();
    // The first one warms up.
    small.asks_one_by_one(1).await?;
    for _ in 0..rounds {
        alone.extend(small.asks_one_by_one(SMALL).await?);
    }
    let (mut beside, mut all) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        // A connection that nobody used for a while is closed.
        large.talk = Talk::open(server.port).await?;
        let began = Instant::now();
        let mut asked = Vec::new();
        for _ in 0..LARGE {
            asked.push(large.ask().await?);
        }
        beside.extend(small.asks_one_by_one(SMALL).await?);
        for task in &asked {
            large.ends(task).await?;
        }
        all.push(began.elapsed().as_secs_f64());
    }
    eprintln!("alone, ms: {alone:.0?}\nbeside, ms: {beside:.0?}\nrounds, s: {all:.1?}");
    all.sort_by(f64::total_cmp);
    Ok(Waits { alone_ms: p95(alone), beside_ms: p95(beside), all_s: all[all.len() / 2] })
}

impl Guest {
    /// Milliseconds from each task's creation until its run began.
    async fn asks_one_by_one(&mut self, count: usize) -> Result<Vec<f64>> {
        let mut waits = Vec::new();
        for _ in 0..count {
            let task = self.ask().await?;
            let run = self.ends(&task).await?;
            let path = format!("/api/v1/runs/{run}/journal?limit=1");
            let journal = self.talk.json("GET", &path, &self.token, None).await?;
            waits.push(milliseconds(&task["created_at"], &journal["items"][0]["at"])?);
        }
        Ok(waits)
    }

    async fn ask(&mut self) -> Result<Value> {
        let path = format!("/api/v1/projects/{}/tasks", self.project);
        let body = json!({ "title": "Look", "description": "Look around.", "solo": true });
        self.talk.json("POST", &path, &self.token, Some(&body)).await
    }

    /// Waits for the end of a task, and gives its run.
    async fn ends(&mut self, task: &Value) -> Result<String> {
        let path = format!("/api/v1/tasks/{}", id_of(task)?);
        let began = Instant::now();
        loop {
            let now = self.talk.json("GET", &path, &self.token, None).await?;
            match now["status"].as_str() {
                Some("completed") => return Ok(now["run_id"].as_str().context("a run")?.to_owned()),
                Some("submitted" | "working") => {}
                _ => anyhow::bail!("{now}"),
            }
            ensure!(began.elapsed() < PATIENCE, "it does not end: {now}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Ends the first run in the browser's way, and founds a second organization.
async fn two_organizations(server: &Server) -> Result<[String; 2]> {
    let link = server.link.as_deref().context("a sign-in link of the first start")?;
    let mut talk = Talk::open(server.port).await?;
    let mut post = async |path: &str, cookie: &str, body: Value| {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-aamas-csrf: 1\r\ncookie: {cookie}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = talk.send(request.as_bytes()).await?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!((200..300).contains(&answer.status), "POST {path}: {} {text}", answer.status);
        let document: Value = serde_json::from_slice(&answer.body)?;
        anyhow::Ok((answer.cookie, document))
    };
    let person = json!({
        "link": link, "organization_name": "Large", "name": "Una", "email": "una@example.org",
        "password": "a long sentence for the bench",
    });
    let (cookie, large) = post("/api/v1/setup", "", person).await?;
    let cookie = cookie.context("a cookie")?;
    let (_, small) = post("/api/v1/organizations", &cookie, json!({ "name": "Small" })).await?;
    Ok([id_of(&large["organization"])?, id_of(&small)?])
}

fn scripted() -> Value {
    let call =
        |name: &str, arguments: Value| json!({ "tool_calls": [{ "name": name, "arguments": arguments }] });
    json!({ "roles": { "builder": [
        call("run_command", json!({ "command": COMMAND })),
        call("finish", json!({ "summary": "There is nothing to do.", "title": "Look" })),
    ] } })
}

/// How long after `earlier` it was, both as in a document, in milliseconds.
fn milliseconds(earlier: &Value, at: &Value) -> Result<f64> {
    let [earlier, at] = [earlier, at].map(|time| serde_json::from_value::<Timestamp>(time.clone()));
    Ok(at?.since(earlier?).as_secs_f64() * 1e3)
}

fn p95(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[(all.len() * 95 / 100).min(all.len() - 1)]
}
