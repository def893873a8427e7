//! `aamas project …`.

use std::process::ExitCode;

use app::projects::{self, ProjectFilter};
use serde_json::{Map, Value, json};

use super::{block_on, print_json};
use crate::cli::{Global, Project, ProjectArgs};
use crate::place::{Gathered, Kind, Place, document, find, gather, id_of, paging, taken};
use crate::refusal::Refusal;
use crate::say::{err, out};
use crate::table::{self, moment, row, word};

/// How projects are named.
const KIND: Kind = Kind {
    prefix: "project",
    what: "project",
    name: Some("name"),
    list: "aamas project list",
    newest_first: true,
};

pub fn project(global: &Global, command: Project) -> Result<ExitCode, Refusal> {
    block_on(async {
        let place = Place::of(global).await?;
        match command {
            Project::Create { name, settings } => {
                let repo = repository(&place, settings.repo.as_deref())?;
                let mut new = json!({ "name": name, "repository_url": repo, "configuration": configuration(&settings) });
                if !settings.tech.is_empty() {
                    new["tech_stack"] = json!(settings.tech);
                }
                if !settings.capability.is_empty() {
                    new["requirements"] = json!({ "capabilities": settings.capability });
                }
                let made = create(&place, new).await?;
                say(global, &made, "created")?;
                super::task::say_who_works(global, &place, "brings its repository in");
                Ok(())
            }
            Project::List { status, search, limit } => list(global, &place, status, search, limit).await,
            Project::Show { project } => show(global, &get(&place, &resolve(&place, &project).await?).await?),
            Project::Update { project, name, settings } => {
                let id = resolve(&place, &project).await?;
                let change = change(&place, &id, name, &settings).await?;
                say(global, &update(&place, &id, change).await?, "changed")
            }
            Project::Archive { project } => {
                let id = resolve(&place, &project).await?;
                archive(&place, &id).await?;
                say(global, &get(&place, &id).await?, "archived; what was done stays")
            }
            Project::Restore { project } => {
                let id = resolve(&place, &project).await?;
                let project = update(&place, &id, json!({ "status": "active" })).await?;
                let is_there = project["status"] == "active";
                say(
                    global,
                    &project,
                    if is_there { "active again" } else { "back; its repository is brought in" },
                )
            }
        }
    })??;
    Ok(ExitCode::SUCCESS)
}

/// The id of the project that a text means; an archived one can be meant as well.
pub async fn resolve(place: &Place, text: &str) -> Result<String, Refusal> {
    let shown = async |cursor, limit| page(place, None, None, cursor, limit).await;
    match find(KIND, text, shown).await {
        Err(refusal) if refusal.error.code == "not_found" => {
            let archived =
                async |cursor, limit| page(place, Some("archived".into()), None, cursor, limit).await;
            find(KIND, text, archived).await.map_err(|_| refusal)
        }
        found => found,
    }
}

/// The project that is named, or the only one that there is.
pub async fn resolve_or_only(place: &Place, text: Option<&str>) -> Result<String, Refusal> {
    if let Some(text) = text {
        return resolve(place, text).await;
    }
    let first = gather(2, async |cursor, limit| page(place, None, None, cursor, limit).await).await?;
    match first.items.as_slice() {
        [only] => Ok(word(only, "id")),
        [] => Err(Refusal::usage(
            "no_project",
            "there is no project yet",
            "make one with `aamas project create NAME`",
        )),
        _ => Err(Refusal::usage("no_project", "there are several projects", "name one with --project")),
    }
}

async fn page(
    place: &Place,
    status: Option<String>,
    q: Option<String>,
    cursor: Option<String>,
    limit: u32,
) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            let filter = ProjectFilter { status, q };
            document(
                projects::list(&here.platform, &here.caller, &here.origin, filter, paging(cursor, limit))
                    .await?,
            )
        }
        Place::There(server) => {
            let query = taken(json!({ "status": status, "q": q, "cursor": cursor, "limit": limit }))?;
            Ok(server.list_projects(&query).value().await?)
        }
    }
}

async fn create(place: &Place, new: Value) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            document(projects::create(&here.platform, &here.caller, &here.origin, taken(new)?).await?)
        }
        Place::There(server) => Ok(server.create_project(&taken(new)?).value().await?),
    }
}

async fn get(place: &Place, id: &str) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            let id = id_of("project", id)?;
            document(projects::get(&here.platform, &here.caller, &here.origin, id).await?)
        }
        Place::There(server) => server.get_project(id).value().await.map_err(|e| KIND.or_missing(id, e)),
    }
}

async fn update(place: &Place, id: &str, change: Value) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            let (id, change) = (id_of("project", id)?, taken(change)?);
            document(projects::update(&here.platform, &here.caller, &here.origin, id, change, None).await?)
        }
        Place::There(server) => {
            server.update_project(id, &taken(change)?).value().await.map_err(|e| KIND.or_missing(id, e))
        }
    }
}

async fn archive(place: &Place, id: &str) -> Result<(), Refusal> {
    match place {
        Place::Here(here) => {
            let id = id_of("project", id)?;
            Ok(projects::archive(&here.platform, &here.caller, &here.origin, id, None).await?)
        }
        Place::There(server) => server.archive_project(id).await.map_err(|e| KIND.or_missing(id, e)),
    }
}

/// The repository as a project keeps it: on this machine by its full path.
fn repository(place: &Place, given: Option<&str>) -> Result<String, Refusal> {
    match (place, given) {
        (_, Some(url)) if url.contains("://") => Ok(url.to_owned()),
        (Place::There(_), Some(path)) => Ok(path.to_owned()),
        (Place::There(_), None) => Err(Refusal::usage(
            "no_repository",
            "the server can't see the current directory",
            "name a repository with --repo: a full path on the server, or https://…",
        )),
        (Place::Here(_), path) => {
            let path = path.unwrap_or(".");
            let full = std::fs::canonicalize(path).map_err(|e| {
                Refusal::usage(
                    "unreadable",
                    format!("cannot use {path}: {e}"),
                    "name a directory with --repo",
                )
            })?;
            full.to_str().map(str::to_owned).ok_or_else(|| {
                Refusal::usage(
                    "unreadable",
                    format!("{} is no UTF-8 text", full.display()),
                    "rename it, or use a link",
                )
            })
        }
    }
}

fn configuration(settings: &ProjectArgs) -> Map<String, Value> {
    let given = json!({
        "model": settings.model, "budget_usd": settings.budget_usd.map(domain::NanoUsd::as_usd),
        "max_turns": settings.max_turns, "base": settings.base, "data_class": settings.data_class,
        "approve": settings.yes,
    });
    let Value::Object(members) = given else { return Map::new() };
    members.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

/// What is to be changed. The settings of runs are sent as a whole, so those that stay are read first.
async fn change(
    place: &Place,
    id: &str,
    name: Option<String>,
    settings: &ProjectArgs,
) -> Result<Value, Refusal> {
    let mut change = Map::new();
    if let Some(name) = name {
        change.insert("name".into(), name.into());
    }
    if let Some(repo) = &settings.repo {
        change.insert("repository_url".into(), repository(place, Some(repo))?.into());
    }
    if !settings.tech.is_empty() {
        change.insert("tech_stack".into(), json!(settings.tech));
    }
    let given = configuration(settings);
    if !given.is_empty() || !settings.capability.is_empty() {
        let before = get(place, id).await?;
        let with = |member: &str, given: Map<String, Value>| {
            let mut all = before[member].as_object().cloned().unwrap_or_default();
            all.extend(given);
            Value::Object(all)
        };
        if !given.is_empty() {
            change.insert("configuration".into(), with("configuration", given));
        }
        if !settings.capability.is_empty() {
            let asked = Map::from_iter([("capabilities".to_owned(), json!(settings.capability))]);
            change.insert("requirements".into(), with("requirements", asked));
        }
    }
    if change.is_empty() {
        return Err(Refusal::usage(
            "nothing_to_change",
            "nothing is named that should change",
            "see `aamas project update --help`",
        ));
    }
    Ok(Value::Object(change))
}

async fn list(
    global: &Global,
    place: &Place,
    status: Option<String>,
    search: Option<String>,
    limit: u32,
) -> Result<(), Refusal> {
    let fetch = async |cursor, limit| page(place, status.clone(), search.clone(), cursor, limit).await;
    let Gathered { items, more } = gather(limit as usize, fetch).await?;
    if global.json {
        return print_json(&json!({ "projects": items, "more": more }));
    }
    if items.is_empty() {
        out!("no projects: `aamas project create NAME` makes one");
        return Ok(());
    }
    let rows: Vec<_> = items
        .iter()
        .map(|p| ["id", "status", "name", "repository_url"].map(|member| word(p, member)).to_vec())
        .collect();
    table::print(&[("PROJECT", 34), ("STATUS", 10), ("NAME", 30), ("REPOSITORY", 60)], &rows);
    if more {
        err!("there are more: raise --limit");
    }
    Ok(())
}

fn show(global: &Global, project: &Value) -> Result<(), Refusal> {
    if global.json {
        return print_json(&json!({ "project": project }));
    }
    out!("{}  {}", word(project, "name"), word(project, "status"));
    for (name, member) in [
        ("id", "id"),
        ("repository", "repository_url"),
        ("branch", "default_branch"),
        ("detail", "status_detail"),
        ("tech", "tech_stack"),
        ("runs", "configuration"),
        ("asks for", "requirements"),
    ] {
        row(name, &word(project, member));
    }
    row("agents", &table::list(project, "agents_assigned").len().to_string());
    row("created", &moment(project, "created_at"));
    Ok(())
}

fn say(global: &Global, project: &Value, words: &str) -> Result<(), Refusal> {
    if global.json {
        return print_json(&json!({ "project": project }));
    }
    out!("{}  {}  {words}", word(project, "id"), word(project, "name"));
    Ok(())
}
