//! `aamas task …`.

use std::process::ExitCode;

use app::tasks::{self, Control, TaskFilter};
use serde_json::{Map, Value, json};

use super::{block_on, follow, print_json, project, run, serving};
use crate::cli::{Global, Task, TaskAsked};
use crate::place::{Gathered, Kind, Place, document, find, gather, id_of, paging, taken};
use crate::refusal::Refusal;
use crate::say::{err, out};
use crate::table::{self, list as members, moment, row, word};

/// How tasks are named.
const KIND: Kind =
    Kind { prefix: "task", what: "task", name: None, list: "aamas task list", newest_first: true };

pub fn task(global: &Global, command: Task) -> Result<ExitCode, Refusal> {
    block_on(async {
        let place = Place::of(global).await?;
        match command {
            Task::Create(asked) => create(global, &place, *asked).await,
            Task::List { project, status, kind, agent, search, limit } => {
                let project = match &project {
                    Some(text) => Some(project::resolve(&place, text).await?),
                    None => None,
                };
                let agent = match &agent {
                    Some(text) => Some(super::agents::resolve(&place, text).await?),
                    None => None,
                };
                let filter = json!({
                    "project_id": project, "status": status, "type": kind, "assigned_agent": agent, "q": search,
                });
                list(global, &place, &filter, limit).await?;
                Ok(ExitCode::SUCCESS)
            }
            Task::Show { task } => {
                show(global, &get(&place, &resolve(&place, &task).await?).await?)?;
                Ok(ExitCode::SUCCESS)
            }
            Task::Watch { task } => {
                let id = resolve(&place, &task).await?;
                follow::task(global, &place, &id).await
            }
            Task::Update { task, title, priority, due, agent, after } => {
                let id = resolve(&place, &task).await?;
                let agent = match agent.as_deref() {
                    Some("") | None => agent,
                    Some(text) => Some(super::agents::resolve(&place, text).await?),
                };
                let after = if after.is_empty() { None } else { Some(resolve_all(&place, &after).await?) };
                let change = json!({
                    "title": title, "priority": priority, "due_date": due, "assigned_agent": agent,
                    "dependencies": after,
                });
                say(global, &update(&place, &id, given(change)?).await?, "changed")
            }
            Task::Pause { task } => control(global, &place, &task, Control::Pause, "held").await,
            Task::Resume { task } => control(global, &place, &task, Control::Resume, "goes on").await,
            Task::Cancel { task } => control(global, &place, &task, Control::Cancel, "canceled").await,
            Task::Retry { task } => control(global, &place, &task, Control::Retry, "begins anew").await,
        }
    })?
}

/// The id of the task that a text means.
pub async fn resolve(place: &Place, text: &str) -> Result<String, Refusal> {
    find(KIND, text, async |cursor, limit| page(place, &json!({}), cursor, limit).await).await
}

async fn resolve_all(place: &Place, texts: &[String]) -> Result<Vec<String>, Refusal> {
    let mut ids = Vec::with_capacity(texts.len());
    for text in texts {
        ids.push(resolve(place, text).await?);
    }
    Ok(ids)
}

async fn page(place: &Place, filter: &Value, cursor: Option<String>, limit: u32) -> Result<Value, Refusal> {
    let text = |member: &str| filter[member].as_str().map(str::to_owned);
    match place {
        Place::Here(here) => {
            let filter = TaskFilter {
                project: text("project_id").map(|id| id_of("project", &id)).transpose()?,
                status: text("status"),
                kind: text("type"),
                assigned_agent: text("assigned_agent"),
                q: text("q"),
            };
            document(
                tasks::list(&here.platform, &here.caller, &here.origin, filter, paging(cursor, limit))
                    .await?,
            )
        }
        Place::There(server) => {
            let mut query = filter.clone();
            (query["cursor"], query["limit"]) = (json!(cursor), json!(limit));
            Ok(server.list_tasks(&taken(query)?).value().await?)
        }
    }
}

/// A task, as its document.
pub async fn get(place: &Place, id: &str) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            let id = id_of("task", id)?;
            document(tasks::get(&here.platform, &here.caller, &here.origin, id).await?)
        }
        Place::There(server) => server.get_task(id).value().await.map_err(|e| KIND.or_missing(id, e)),
    }
}

async fn update(place: &Place, id: &str, change: Value) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            let (id, change) = (id_of("task", id)?, taken(change)?);
            document(tasks::update(&here.platform, &here.caller, &here.origin, id, change, None).await?)
        }
        Place::There(server) => {
            server.update_task(id, &taken(change)?).value().await.map_err(|e| KIND.or_missing(id, e))
        }
    }
}

async fn create(global: &Global, place: &Place, asked: TaskAsked) -> Result<ExitCode, Refusal> {
    let text = run::task_text(&asked.task)?;
    if asked.wait
        && let Place::Here(_) = place
        && !serving::is_served(global)?
    {
        return Err(follow::nobody_serves());
    }
    let project = project::resolve_or_only(place, asked.project.as_deref()).await?;
    let mut new = json!({
        "description": text, "title": asked.title, "type": asked.kind, "priority": asked.priority,
        "due_date": asked.due, "model": asked.model, "budget_usd": asked.budget_usd.map(domain::NanoUsd::as_usd),
        "max_turns": asked.max_turns, "base": asked.base,
    });
    for (member, flag) in [("solo", asked.solo), ("plan_only", asked.plan_only), ("approve", asked.yes)] {
        if flag {
            new[member] = json!(true);
        }
    }
    if asked.hold {
        new["start"] = json!(false);
    }
    if !asked.after.is_empty() {
        new["dependencies"] = json!(resolve_all(place, &asked.after).await?);
    }
    if !asked.capability.is_empty() {
        new["requirements"] = json!({ "capabilities": asked.capability });
    }
    let new = given(new)?;
    let made = match place {
        Place::Here(here) => {
            let project = id_of("project", &project)?;
            document(tasks::create(&here.platform, &here.caller, &here.origin, project, taken(new)?).await?)?
        }
        Place::There(server) => server.create_task(&project, &taken(new)?).value().await?,
    };
    if asked.wait {
        err!("{} asked: {}", word(&made, "id"), whose(&made));
        return follow::task(global, place, &word(&made, "id")).await;
    }
    if global.json {
        print_json(&json!({ "task": made }))?;
    } else {
        out!("{}  {}", word(&made, "id"), word(&made, "title"));
        row("agent", &whose(&made));
        row(
            "estimate",
            &format!("{} h, risk {}", word(&made, "estimated_effort"), word(&made["risk"], "level")),
        );
        row("after", &word(&made, "dependencies"));
        row("follow it", &format!("aamas task watch {}", word(&made, "id")));
    }
    if asked.hold {
        err!("held: `aamas task resume {}` lets it begin", word(&made, "id"));
    } else {
        say_who_works(global, place, "works on it");
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells that what was asked waits, where no server runs beside this command.
pub fn say_who_works(global: &Global, place: &Place, what: &str) {
    let served = || serving::is_served(global).unwrap_or(true);
    if matches!(place, Place::Here(_)) && !served() {
        err!("queued: `aamas serve` {what}, and none runs on this data directory");
    }
}

/// A document without the members that were not given.
fn given(document: Value) -> Result<Value, Refusal> {
    let Value::Object(members) = document else { return Ok(document) };
    let members: Map<_, _> = members.into_iter().filter(|(_, value)| !value.is_null()).collect();
    if members.is_empty() {
        let hint = "see `aamas task update --help`";
        return Err(Refusal::usage("nothing_to_change", "nothing is named that should change", hint));
    }
    Ok(Value::Object(members))
}

async fn control(
    global: &Global,
    place: &Place,
    text: &str,
    control: Control,
    words: &str,
) -> Result<ExitCode, Refusal> {
    let id = resolve(place, text).await?;
    let task = match (place, control) {
        (Place::Here(here), _) => {
            let id = id_of("task", &id)?;
            document(tasks::control(&here.platform, &here.caller, &here.origin, id, control).await?)
        }
        (Place::There(server), _) => {
            let called = match control {
                Control::Pause => server.pause_task(&id).value().await,
                Control::Resume => server.resume_task(&id).value().await,
                Control::Cancel => server.cancel_task(&id).value().await,
                Control::Retry => server.retry_task(&id).value().await,
            };
            called.map_err(|e| KIND.or_missing(&id, e))
        }
    }?;
    let code = say(global, &task, words)?;
    if matches!(control, Control::Resume | Control::Retry) {
        say_who_works(global, place, "goes on with it");
    }
    Ok(code)
}

async fn list(global: &Global, place: &Place, filter: &Value, limit: u32) -> Result<(), Refusal> {
    let fetch = async |cursor, limit| page(place, filter, cursor, limit).await;
    let Gathered { items, more } = gather(limit as usize, fetch).await?;
    if global.json {
        return print_json(&json!({ "tasks": items, "more": more }));
    }
    if items.is_empty() {
        out!("no tasks: `aamas task create --project PROJECT \"TASK\"` asks one");
        return Ok(());
    }
    let rows: Vec<_> = items
        .iter()
        .map(|t| {
            vec![word(t, "id"), standing(t), word(t, "priority"), moment(t, "updated_at"), word(t, "title")]
        })
        .collect();
    table::print(&[("TASK", 31), ("STATUS", 22), ("PRIORITY", 8), ("UPDATED", 19), ("TITLE", 60)], &rows);
    if more {
        err!("there are more: raise --limit");
    }
    Ok(())
}

/// Its status, and why it is not begun.
fn standing(task: &Value) -> String {
    let status = word(task, "status");
    if ["completed", "failed", "canceled"].contains(&status.as_str()) && task["queued"] != true {
        return status;
    }
    match (task["held"] == true, task["queued"] == true) {
        (true, _) => format!("{status}, held"),
        (false, true) if status != "submitted" => format!("{status}, queued"),
        _ => status,
    }
}

/// Who has it and why, or why nobody.
fn whose(task: &Value) -> String {
    let reason = word(&task["assignment"], "reason");
    if reason.is_empty() { word(task, "assigned_agent") } else { reason }
}

fn show(global: &Global, task: &Value) -> Result<(), Refusal> {
    if global.json {
        return print_json(&json!({ "task": task }));
    }
    out!("{}  {}", word(task, "title"), standing(task));
    row("id", &word(task, "id"));
    row("project", &word(task, "project_id"));
    row("asked by", &format!("{}, {}", word(task, "created_by"), moment(task, "created_at")));
    row("kind", &format!("{}, priority {}", word(task, "type"), word(task, "priority")));
    row("agent", &whose(task));
    let interval = &task["effort_interval"];
    row(
        "estimate",
        &format!(
            "{} h, {} to {} h",
            word(task, "estimated_effort"),
            word(interval, "low"),
            word(interval, "high")
        ),
    );
    let reasons = members(&task["risk"], "reasons").iter().map(table::words).collect::<Vec<_>>().join("; ");
    let level = word(&task["risk"], "level");
    row("risk", &if reasons.is_empty() { level } else { format!("{level}: {reasons}") });
    row("due", &word(task, "due_date"));
    row("after", &word(task, "dependencies"));
    row("asks for", &word(task, "requirements"));
    row("run", &word(task, "run_id"));
    row("pull request", &word(task, "pull_request_id"));
    row("took", &task["actual_effort"].as_f64().map(|hours| format!("{hours} h")).unwrap_or_default());
    row("cost", &task["cost_usd"].as_f64().map(|usd| format!("${usd:.4}")).unwrap_or_default());
    row("quality", &word(task, "quality_score"));
    row("why", &word(&task["error"], "message"));
    row("next", &word(&task["error"], "hint"));
    row("task", &word(task, "description"));
    Ok(())
}

fn say(global: &Global, task: &Value, words: &str) -> Result<ExitCode, Refusal> {
    if global.json {
        print_json(&json!({ "task": task }))?;
    } else {
        out!("{}  {}: {words}", word(task, "id"), standing(task));
    }
    Ok(ExitCode::SUCCESS)
}
