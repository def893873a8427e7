//! `aamas agents …`: the registry, and who fits a task.

use std::process::ExitCode;

use app::agents::{self, AgentFilter};
use app::try_match;
use serde_json::{Map, Value, json};

use super::{block_on, print_json, project, task};
use crate::cli::{AgentArgs, Agents, Global};
use crate::place::{Kind, Place, document, find, gather, id_of, paging, taken};
use crate::refusal::Refusal;
use crate::say::out;
use crate::table::{self, list as members, moment, row, word};

/// Agents of an organization, at most.
const ALL: usize = 1_000;
/// Nobody fits: a person has to do something.
const NOBODY: u8 = 5;
/// How agents are named.
const KIND: Kind = Kind {
    prefix: "agent",
    what: "agent",
    name: Some("name"),
    list: "aamas agents list",
    newest_first: false,
};

pub fn agents(global: &Global, command: Agents) -> Result<ExitCode, Refusal> {
    block_on(async {
        let place = Place::of(global).await?;
        match command {
            Agents::List { kind, status, project } => list(global, &place, kind, status, project).await,
            Agents::Show { agent } => show(global, &get(&place, &resolve(&place, &agent).await?).await?),
            Agents::Register { name, kind, about } => {
                let mut new = Value::Object(members_of(&place, &about).await?);
                (new["name"], new["type"]) = (json!(name), json!(kind));
                let made = match &place {
                    Place::Here(here) => document(
                        agents::register(&here.platform, &here.caller, &here.origin, taken(new)?).await?,
                    )?,
                    Place::There(server) => server.register_agent(&taken(new)?).value().await?,
                };
                say(global, &made, "registered; without a heartbeat it counts as offline after 90 s")
            }
            Agents::Update { agent, name, status, about } => {
                let mut change = members_of(&place, &about).await?;
                change.extend(name.map(|name| ("name".to_owned(), json!(name))));
                change.extend(status.map(|status| ("status".to_owned(), json!(status))));
                if change.is_empty() {
                    let hint = "see `aamas agents update --help`";
                    return Err(Refusal::usage(
                        "nothing_to_change",
                        "nothing is named that should change",
                        hint,
                    ));
                }
                let id = resolve(&place, &agent).await?;
                let changed = match &place {
                    Place::Here(here) => {
                        let (id, change) = (id_of("agent", &id)?, taken(Value::Object(change))?);
                        document(
                            agents::update(&here.platform, &here.caller, &here.origin, id, change, None)
                                .await?,
                        )?
                    }
                    Place::There(server) => {
                        server.update_agent(&id, &taken(Value::Object(change))?).value().await?
                    }
                };
                say(global, &changed, "changed")
            }
            Agents::Retire { agent } => {
                let id = resolve(&place, &agent).await?;
                match &place {
                    Place::Here(here) => {
                        let id = id_of("agent", &id)?;
                        agents::retire(&here.platform, &here.caller, &here.origin, id, None).await?;
                    }
                    Place::There(server) => {
                        server.retire_agent(&id).await.map_err(|e| KIND.or_missing(&id, e))?
                    }
                }
                say(global, &get(&place, &id).await?, "retired; what it did stays")
            }
            Agents::Match { task: Some(task), .. } => {
                let task = task::get(&place, &task::resolve(&place, &task).await?).await?;
                matched(
                    global,
                    &task["assigned_agent"],
                    &task["assignment"],
                    &task["requirements"]["capabilities"],
                )
            }
            Agents::Match { words, project, kind, capability, .. } => {
                let hint = "ask the task with `aamas task create --hold`, and look at it with `aamas agents match last`";
                let here = place.here("`aamas agents match --words`", hint)?;
                let project = project::resolve_or_only(&place, project.as_deref()).await?;
                let new = json!({
                    "description": words, "type": kind, "requirements": { "capabilities": capability },
                });
                let project = id_of("project", &project)?;
                let found =
                    try_match::who_fits(&here.platform, &here.caller, &here.origin, project, taken(new)?)
                        .await?;
                let found = document(found)?;
                matched(global, &found["assigned_agent"], &found["assignment"], &found["capabilities"])
            }
        }
    })?
}

/// The id of the agent that a text means.
pub async fn resolve(place: &Place, text: &str) -> Result<String, Refusal> {
    find(KIND, text, async |cursor, limit| page(place, None, None, cursor, limit).await).await
}

async fn page(
    place: &Place,
    kind: Option<String>,
    status: Option<String>,
    cursor: Option<String>,
    limit: u32,
) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            let filter = AgentFilter { kind, status, project: None };
            document(
                agents::list(&here.platform, &here.caller, &here.origin, filter, paging(cursor, limit))
                    .await?,
            )
        }
        Place::There(server) => {
            let query = taken(json!({ "type": kind, "status": status, "cursor": cursor, "limit": limit }))?;
            Ok(server.list_agents(&query).value().await?)
        }
    }
}

async fn page_of(place: &Place, project: &str, cursor: Option<String>, limit: u32) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            let filter = AgentFilter { project: Some(id_of("project", project)?), ..AgentFilter::default() };
            document(
                agents::list(&here.platform, &here.caller, &here.origin, filter, paging(cursor, limit))
                    .await?,
            )
        }
        Place::There(server) => {
            let query = taken(json!({ "cursor": cursor, "limit": limit }))?;
            Ok(server.list_project_agents(project, &query).value().await?)
        }
    }
}

async fn get(place: &Place, id: &str) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            let id = id_of("agent", id)?;
            document(agents::get(&here.platform, &here.caller, &here.origin, id).await?)
        }
        Place::There(server) => server.get_agent(id).value().await.map_err(|e| KIND.or_missing(id, e)),
    }
}

/// The members that are given.
async fn members_of(place: &Place, about: &AgentArgs) -> Result<Map<String, Value>, Refusal> {
    let mut given = Map::new();
    given.extend(about.specialization.clone().map(|word| ("specialization".to_owned(), json!(word))));
    given.extend(about.model.clone().map(|spec| ("model_version".to_owned(), json!(spec))));
    if !about.capability.is_empty() {
        given.insert("capabilities".into(), json!(about.capability));
    }
    if !about.projects.is_empty() {
        let mut projects = Vec::new();
        for text in &about.projects {
            projects.push(project::resolve(place, text).await?);
        }
        given.insert("projects".into(), json!(projects));
    }
    Ok(given)
}

async fn list(
    global: &Global,
    place: &Place,
    kind: Option<String>,
    status: Option<String>,
    project: Option<String>,
) -> Result<ExitCode, Refusal> {
    let found = match project {
        Some(text) => {
            let project = project::resolve(place, &text).await?;
            gather(ALL, async |cursor, limit| page_of(place, &project, cursor, limit).await).await?
        }
        None => {
            let fetch = async |cursor, limit| page(place, kind.clone(), status.clone(), cursor, limit).await;
            gather(ALL, fetch).await?
        }
    };
    if global.json {
        print_json(&json!({ "agents": found.items, "more": found.more }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.items.is_empty() {
        out!("no agents: `aamas agents register NAME` adds one");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = found
        .items
        .iter()
        .map(|a| {
            let tasks = members(a, "current_tasks").len().to_string();
            vec![
                word(a, "id"),
                word(a, "type"),
                word(a, "status"),
                tasks,
                word(a, "name"),
                word(a, "capabilities"),
            ]
        })
        .collect();
    let columns =
        [("AGENT", 32), ("TYPE", 14), ("STATUS", 8), ("TASKS", 5), ("NAME", 30), ("CAPABILITIES", 70)];
    table::print(&columns, &rows);
    Ok(ExitCode::SUCCESS)
}

fn show(global: &Global, agent: &Value) -> Result<ExitCode, Refusal> {
    if global.json {
        print_json(&json!({ "agent": agent }))?;
        return Ok(ExitCode::SUCCESS);
    }
    out!("{}  {}", word(agent, "name"), word(agent, "status"));
    for (name, member) in [
        ("id", "id"),
        ("type", "type"),
        ("field", "specialization"),
        ("can", "capabilities"),
        ("model", "model_version"),
        ("projects", "current_projects"),
        ("works on", "current_tasks"),
    ] {
        row(name, &word(agent, member));
    }
    let done = &agent["performance_metrics"];
    let rate = done["success_rate"].as_f64().map(|r| format!(", {:.0} % with a result", r * 100.0));
    let ended =
        format!("{} ended well, {} did not", word(done, "tasks_completed"), word(done, "tasks_failed"));
    row("tasks", &format!("{ended}{}", rate.unwrap_or_default()));
    row("a turn takes", &seconds(&done["average_turn_seconds"]));
    row(
        "a task costs",
        &done["average_cost_usd"].as_f64().map(|usd| format!("${usd:.4}")).unwrap_or_default(),
    );
    row("last heard", &moment(agent, "last_active"));
    Ok(ExitCode::SUCCESS)
}

fn seconds(value: &Value) -> String {
    value.as_f64().map(|seconds| format!("{seconds:.1} s")).unwrap_or_default()
}

/// Who fits and why, or why nobody does.
fn matched(
    global: &Global,
    agent: &Value,
    assignment: &Value,
    capabilities: &Value,
) -> Result<ExitCode, Refusal> {
    let code = if agent.is_null() { ExitCode::from(NOBODY) } else { ExitCode::SUCCESS };
    if global.json {
        print_json(&json!({
            "assigned_agent": agent, "assignment": assignment, "capabilities": capabilities,
        }))?;
        return Ok(code);
    }
    let asks = table::words(capabilities);
    if !asks.is_empty() {
        out!("it asks for {asks}");
    }
    out!("{}", word(assignment, "reason"));
    let rows: Vec<_> = members(assignment, "candidates")
        .iter()
        .map(|c| {
            let reasons: Vec<_> = members(c, "reasons").iter().map(table::words).collect();
            vec![word(c, "score"), word(c, "agent_id"), word(c, "name"), reasons.join("; ")]
        })
        .collect();
    if !rows.is_empty() {
        out!();
        table::print(&[("SCORE", 6), ("AGENT", 32), ("NAME", 30), ("WHY", 100)], &rows);
    }
    Ok(code)
}

fn say(global: &Global, agent: &Value, words: &str) -> Result<ExitCode, Refusal> {
    if global.json {
        print_json(&json!({ "agent": agent }))?;
    } else {
        out!("{}  {}  {words}", word(agent, "id"), word(agent, "name"));
    }
    Ok(ExitCode::SUCCESS)
}
