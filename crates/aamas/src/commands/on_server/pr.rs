//! `aamas pr …` of a server.

use std::process::ExitCode;

use client::Client;
use engine::PullRequest;
use serde_json::{Value, json};

use super::operation::{Came, wait};
use crate::cli::{Global, Pr};
use crate::commands::{block_on, pr as local, print_json};
use crate::place::{Kind, find, gather, is_id, taken};
use crate::refusal::Refusal;
use crate::say::out;
use crate::server::local_only;
use crate::table::word;

/// How pull requests are named.
const KIND: Kind = Kind {
    prefix: "pr",
    what: "pull request",
    name: Some("run_id"),
    list: "aamas pr list",
    newest_first: true,
};
/// Pull requests that are listed at most.
const ALL: usize = 10_000;

pub fn pr(global: &Global, server: &Client, command: Pr) -> Result<ExitCode, Refusal> {
    block_on(async {
        match command {
            Pr::List => list(global, server).await,
            Pr::Show { pr } => show(global, server, &resolve(server, &pr).await?).await,
            Pr::Comment { pr, path, line, body } => {
                let id = resolve(server, &pr).await?;
                let new = taken(json!({ "body": body, "path": path, "line": line }))?;
                server.comment_pull_request(&id, &new).value().await?;
                let words = "has your comment; `request changes` in the dashboard gives it to the agents";
                say(global, &get(server, &id).await?, words)
            }
            Pr::Approve { pr } => {
                let id = resolve(server, &pr).await?;
                let approved = server.approve_pull_request(&id).value().await?;
                say(global, &approved, "approved by you; merge it with `aamas pr merge`")
            }
            Pr::Merge { pr, draft } => {
                let id = resolve(server, &pr).await?;
                let merge = taken(json!({ "draft": draft }))?;
                let came = wait(server, server.merge_pull_request(&id, Some(&merge)).value().await?).await?;
                say(global, &as_it_is_now(server, &id, came).await?, "merged")
            }
            Pr::Close { pr } => {
                let id = resolve(server, &pr).await?;
                let came = wait(server, server.close_pull_request(&id).value().await?).await?;
                say(global, &as_it_is_now(server, &id, came).await?, "closed; its branch stays")
            }
            Pr::Apply { .. } => Err(local_only(
                "`aamas pr apply`",
                "fetch its branch from the server's repository, or merge it with `aamas pr merge`",
            )),
            Pr::Verify(_) => Err(local_only(
                "`aamas pr verify`",
                "export the attestation with `aamas runs export RUN --format attestation`, and verify it here with \
                 --attestation, --key and --repo, without --server",
            )),
        }
    })?
}

async fn as_it_is_now(server: &Client, id: &str, came: Came) -> Result<Value, Refusal> {
    match came {
        Came::Now(view) => Ok(view),
        Came::Later(_) => get(server, id).await,
    }
}

/// The id that a text means: of a pull request, or of its run.
async fn resolve(server: &Client, text: &str) -> Result<String, Refusal> {
    let fetch = async |cursor, limit| page(server, cursor, limit).await;
    if !is_id("pr", text) && text.starts_with("run_") && !is_id("run", text) {
        // A part of the id of its run.
        let all = gather(ALL, fetch).await?;
        let fits = |p: &&Value| p["run_id"].as_str().is_some_and(|run| run.starts_with(text));
        let fitting: Vec<_> = all.items.iter().filter(fits).map(|p| word(p, "id")).collect();
        if let [only] = fitting.as_slice() {
            return Ok(only.clone());
        }
    }
    find(KIND, text, fetch).await
}

async fn page(server: &Client, cursor: Option<String>, limit: u32) -> Result<Value, Refusal> {
    let query = taken(json!({ "cursor": cursor, "limit": limit }))?;
    Ok(server.list_pull_requests(&query).value().await?)
}

async fn get(server: &Client, id: &str) -> Result<Value, Refusal> {
    server.get_pull_request(id).value().await.map_err(|e| KIND.or_missing(id, e))
}

/// With the name that its state has on this machine, beside the server's.
fn as_here(mut view: Value) -> Value {
    view["state"] = view["status"].clone();
    view
}

async fn list(global: &Global, server: &Client) -> Result<ExitCode, Refusal> {
    let found = gather(ALL, async |cursor, limit| page(server, cursor, limit).await).await?;
    let all: Vec<Value> = found.items.into_iter().map(as_here).collect();
    if global.json {
        print_json(&json!({ "pull_requests": all, "more": found.more }))?;
    } else {
        let lines = all.iter().map(|p| ["id", "state", "branch", "title"].map(|member| word(p, member)));
        local::print_list(lines.collect());
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(global: &Global, server: &Client, id: &str) -> Result<ExitCode, Refusal> {
    let mut view = as_here(get(server, id).await?);
    let diff = server.get_pull_request_diff(id).await?;
    let diff = String::from_utf8_lossy(&diff).into_owned();
    if global.json {
        view["diff"] = json!(diff);
        print_json(&json!({ "pull_request": view }))?;
    } else {
        // Where the repository is on the server, nobody here needs to know.
        view["repo"] = json!("");
        view["diff"] = json!("");
        let pull_request: PullRequest = taken(view)?;
        local::print(&pull_request, &diff);
    }
    Ok(ExitCode::SUCCESS)
}

fn say(global: &Global, view: &Value, words: &str) -> Result<ExitCode, Refusal> {
    if global.json {
        print_json(&json!({ "pull_request": as_here(view.clone()) }))?;
    } else {
        out!("{} {words}", word(view, "id"));
    }
    Ok(ExitCode::SUCCESS)
}
