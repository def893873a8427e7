//! Projects: what an organization works on.

use auth::policy::{DataClass, Resource};
use auth::{Action, Caller};
use domain::{AgentId, AgentState, ProjectId, ProjectState, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{ProjectRecord, TenantTx};

use crate::list::{Asked, Listed, Paging, any_of};
use crate::matching::Player;
use crate::office::Origin;
use crate::operations::Operation;
use crate::records::{ProjectConfiguration, ProjectDoc, of_doc, to_doc};
use crate::{AppError, FieldProblem, Platform, agents, models};

/// The longest name, in characters.
const MAX_NAME: usize = 100;
/// The longest address of a repository, in characters.
const MAX_URL: usize = 2_048;
/// Entries of a tech stack.
const MAX_STACK: usize = 50;
/// The longest document of requirements, in bytes of JSON.
const MAX_REQUIREMENTS: usize = 64 << 10;
/// Projects of an organization.
const MAX_PROJECTS: u64 = 10_000;

/// A project, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Project {
    /// `project_…`.
    #[schema(value_type = crate::shapes::ProjectId)]
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    #[schema(value_type = crate::shapes::OrganizationId)]
    pub organization_id: TenantId,
    /// Where its repository is.
    pub repository_url: String,
    /// Languages and frameworks.
    pub tech_stack: Vec<String>,
    /// Its agents.
    #[schema(value_type = Vec<crate::shapes::AgentId>)]
    pub agents_assigned: Vec<AgentId>,
    /// Settings of its runs.
    pub configuration: ProjectConfiguration,
    /// What is asked of its agents.
    #[schema(value_type = Object)]
    pub requirements: Map<String, Value>,
    /// `preparing`, `active`, `failed` or `archived`.
    #[schema(value_type = crate::shapes::ProjectStatus)]
    pub status: ProjectState,
    /// What it is doing, or why it failed.
    #[schema(required)]
    pub status_detail: Option<String>,
    /// The branch that is checked out there.
    #[schema(required)]
    pub default_branch: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes.
    #[serde(skip)]
    pub version: u64,
}

/// A project that is to be made.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProject {
    /// Its name, 1 to 100 characters.
    #[schema(value_type = crate::shapes::Name)]
    pub name: String,
    /// Where its repository is: a directory on the server, `file://…`, `https://…` or `ssh://…`.
    #[schema(value_type = crate::shapes::RepositoryUrl)]
    pub repository_url: String,
    /// Languages and frameworks; found in the repository if not given.
    #[schema(value_type = Option<Vec<crate::shapes::Word>>, max_items = 50)]
    pub tech_stack: Option<Vec<String>>,
    /// What is asked of its agents; `capabilities` is a list of what they should be able to do.
    #[schema(value_type = Option<crate::shapes::ProjectRequirements>)]
    pub requirements: Option<Map<String, Value>>,
    /// Settings of its runs: `model`, `budget_usd`, `max_turns`, `base`, `data_class`, `approve`.
    #[schema(value_type = Option<ProjectConfiguration>)]
    pub configuration: Option<Value>,
}

/// Members of a project that are to be changed.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectChange {
    /// Another name.
    #[schema(value_type = Option<crate::shapes::Name>)]
    pub name: Option<String>,
    /// Another repository; it is brought in anew.
    #[schema(value_type = Option<crate::shapes::RepositoryUrl>)]
    pub repository_url: Option<String>,
    /// Other languages and frameworks.
    #[schema(value_type = Option<Vec<crate::shapes::Word>>, max_items = 50)]
    pub tech_stack: Option<Vec<String>>,
    /// Other requirements.
    #[schema(value_type = Option<crate::shapes::ProjectRequirements>)]
    pub requirements: Option<Map<String, Value>>,
    /// Other settings, as a whole.
    #[schema(value_type = Option<ProjectConfiguration>)]
    pub configuration: Option<Value>,
    /// Other agents.
    #[schema(value_type = Option<Vec<crate::shapes::AgentId>>, max_items = 200)]
    pub agents_assigned: Option<Vec<String>>,
    /// `active` brings an archived project back.
    #[schema(value_type = Option<crate::shapes::ProjectStatusChange>)]
    pub status: Option<String>,
}

/// Which projects are listed.
#[derive(Clone, Debug, Default)]
pub struct ProjectFilter {
    /// In this state; all but archived ones if not given.
    pub status: Option<String>,
    /// Whose name or repository has this in it.
    pub q: Option<String>,
}

/// Makes a project, finds its agents, and asks the engine to bring its repository in.
///
/// # Errors
/// [`AppError::Invalid`], [`AppError::Denied`].
pub async fn create(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    new: NewProject,
) -> Result<Project, AppError> {
    platform
        .change(caller, origin, move |office| {
            let tenant = office.rows().tenant();
            office.may(Action::ProjectsCreate, Resource::organization(tenant))?;
            let now = office.now();
            let mut record = ProjectRecord {
                id: ProjectId::new(now, office.random()),
                number: 0,
                name: String::new(),
                repository_url: String::new(),
                state: ProjectState::Preparing,
                created_at: now,
                updated_at: now,
                version: 1,
                doc: to_doc(&ProjectDoc {
                    created_by: office.caller().id().to_owned(),
                    ..ProjectDoc::default()
                }),
            };
            let change = ProjectChange {
                name: Some(new.name),
                repository_url: Some(new.repository_url),
                tech_stack: new.tech_stack,
                requirements: new.requirements,
                configuration: new.configuration,
                ..ProjectChange::default()
            };
            apply(office.rows(), &mut record, change)?;
            if office.rows().count_projects()? >= MAX_PROJECTS {
                return Err(AppError::Conflict {
                    code: "too_many_projects",
                    detail: format!("an organization has at most {MAX_PROJECTS} projects"),
                    hint: "archive does not free a place; ask for another organization",
                });
            }
            let mut doc: ProjectDoc = of_doc("project", &record.doc)?;
            doc.agents = fitting(&agents::players(office.rows(), now)?, &doc);
            doc.status_detail = Some("waits for an engine to bring its repository in".into());
            record.doc = to_doc(&doc);
            office.tx.insert_project(&record)?;
            let project = project_of(&record, tenant)?;
            office.did("project.created", subject(&project), event_data(&project))?;
            office.ask(&Operation::PrepareProject { project_id: record.id })?;
            Ok(project)
        })
        .await
}

/// The agents that belong to a project by what it asks for: all that have one of its capabilities, all that take any
/// work, and those who lead, design and review.
fn fitting(players: &[Player], doc: &ProjectDoc) -> Vec<AgentId> {
    let asked: Vec<&str> = doc
        .requirements
        .get("capabilities")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let fits = |p: &&Player| {
        p.state != AgentState::Retired
            && (asked.is_empty()
                || p.specialization.is_empty()
                || p.doc.capabilities.iter().any(|c| asked.contains(&c.as_str())))
    };
    players.iter().filter(fits).map(|p| p.id).collect()
}

/// The projects of the organization.
///
/// # Errors
/// [`AppError::Denied`], [`AppError::Invalid`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    filter: ProjectFilter,
    paging: Paging,
) -> Result<Listed<Project>, AppError> {
    let states = any_of(filter.status.as_deref(), "status", ProjectState::from_word)?;
    let asked = Asked::parse(&paging, &format!("projects {:?} {:?}", filter.status, filter.q))?;
    let filtered = filter.status.is_some() || filter.q.is_some();
    let needle = filter.q.map(|q| q.to_lowercase());
    platform
        .browse(caller, origin, !filtered && asked.is_short(), move |look| {
            let tenant = look.tx.tenant();
            look.may(Action::ProjectsRead, scoped(look.caller(), tenant))?;
            let scope = look.caller().project_scope.clone();
            asked.collect(
                |page| look.tx.projects(page),
                |record| record.number,
                |record| {
                    let shown = match &states {
                        None => record.state != ProjectState::Archived,
                        Some(all) => all.contains(&record.state),
                    };
                    let found = needle.as_ref().is_none_or(|q| {
                        record.name.to_lowercase().contains(q)
                            || record.repository_url.to_lowercase().contains(q)
                    });
                    let mine = scope.as_ref().is_none_or(|id| *id == record.id.to_string());
                    if shown && found && mine { project_of(&record, tenant).map(Some) } else { Ok(None) }
                },
            )
        })
        .await
}

/// What a list is asked of: the organization, or the one project that the caller's token may touch.
pub(crate) fn scoped(caller: &Caller, tenant: TenantId) -> Resource {
    match &caller.project_scope {
        Some(id) => Resource::project(id.clone(), tenant).in_project(id.clone()),
        None => Resource::organization(tenant),
    }
}

/// One project.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn get(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: ProjectId,
) -> Result<Project, AppError> {
    platform
        .glance(caller, origin, move |look| {
            let record = look.tx.project(id)?.ok_or_else(|| AppError::not_found("project", id))?;
            look.may(Action::ProjectsRead, resource_of(&record, look.tx.tenant())?)?;
            project_of(&record, look.tx.tenant())
        })
        .await
}

/// Changes a project.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Invalid`], [`AppError::Denied`], [`AppError::VersionConflict`].
pub async fn update(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: ProjectId,
    change: ProjectChange,
    expected: Option<u64>,
) -> Result<Project, AppError> {
    platform
        .change(caller, origin, move |office| {
            let tenant = office.rows().tenant();
            let mut record = office.rows().project(id)?.ok_or_else(|| AppError::not_found("project", id))?;
            office.may(Action::ProjectsUpdate, resource_of(&record, tenant)?)?;
            if expected.is_some_and(|v| v != record.version) {
                return Err(AppError::VersionConflict);
            }
            let failed = record.state == ProjectState::Failed;
            let named = change.repository_url.as_ref();
            let elsewhere = named.is_some_and(|url| failed || *url != record.repository_url);
            apply(office.rows(), &mut record, change)?;
            // One that failed, or was put away before its repository was there, is brought in now.
            let doc: ProjectDoc = of_doc("project", &record.doc)?;
            let revived = record.state == ProjectState::Active && (failed || doc.checkout.is_none());
            let bring_in = elsewhere || revived;
            if bring_in {
                record.state = ProjectState::Preparing;
            }
            record.updated_at = office.now();
            office.tx.save_project(&record)?;
            record.version += 1;
            let project = project_of(&record, tenant)?;
            office.did("project.updated", subject(&project), event_data(&project))?;
            if bring_in {
                office.ask(&Operation::PrepareProject { project_id: id })?;
            }
            Ok(project)
        })
        .await
}

/// Puts a project away: no task of it is begun any more, and everything that was done stays.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn archive(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: ProjectId,
    expected: Option<u64>,
) -> Result<(), AppError> {
    platform
        .change(caller, origin, move |office| {
            let tenant = office.rows().tenant();
            let mut record = office.rows().project(id)?.ok_or_else(|| AppError::not_found("project", id))?;
            office.may(Action::ProjectsDelete, resource_of(&record, tenant)?)?;
            if expected.is_some_and(|v| v != record.version) {
                return Err(AppError::VersionConflict);
            }
            if record.state == ProjectState::Archived {
                return Ok(());
            }
            record.state = ProjectState::Archived;
            record.updated_at = office.now();
            office.tx.save_project(&record)?;
            let project = project_of(&record, tenant)?;
            office.did("project.archived", subject(&project), event_data(&project))
        })
        .await
}

/// A project, as callers see it.
///
/// # Errors
/// When its document is not what this version writes.
pub fn project_of(record: &ProjectRecord, tenant: TenantId) -> Result<Project, AppError> {
    let doc: ProjectDoc = of_doc("project", &record.doc)?;
    Ok(Project {
        id: record.id,
        name: record.name.clone(),
        organization_id: tenant,
        repository_url: record.repository_url.clone(),
        tech_stack: doc.tech_stack,
        agents_assigned: doc.agents,
        configuration: doc.configuration,
        requirements: doc.requirements,
        status: record.state,
        status_detail: doc.status_detail,
        default_branch: doc.default_branch,
        created_at: record.created_at,
        updated_at: record.updated_at,
        version: record.version,
    })
}

/// A project, as policies see it.
pub(crate) fn resource_of(record: &ProjectRecord, tenant: TenantId) -> Result<Resource, AppError> {
    let doc: ProjectDoc = of_doc("project", &record.doc)?;
    let class = doc.configuration.data_class.as_deref().and_then(DataClass::from_word);
    let id = record.id.to_string();
    Ok(Resource {
        data_class: class.unwrap_or(DataClass::Internal),
        owner: Some(doc.created_by),
        ..Resource::project(id.clone(), tenant).in_project(id)
    })
}

/// The part of a project, as policies see it: the project's sensitivity goes for everything in it.
pub(crate) fn part_of(
    tx: &TenantTx<'_>,
    project: Option<ProjectId>,
    part: Resource,
) -> Result<Resource, AppError> {
    let Some(id) = project else { return Ok(part) };
    let class = match tx.project(id)? {
        Some(record) => resource_of(&record, tx.tenant())?.data_class,
        None => DataClass::Internal,
    };
    Ok(Resource { data_class: class, ..part.in_project(id.to_string()) })
}

fn subject(project: &Project) -> (&'static str, String) {
    ("project", project.id.to_string())
}

fn event_data(project: &Project) -> Value {
    json!({ "project_id": project.id, "name": project.name, "status": project.status })
}

fn apply(tx: &TenantTx<'_>, record: &mut ProjectRecord, change: ProjectChange) -> Result<(), AppError> {
    let mut doc: ProjectDoc = of_doc("project", &record.doc)?;
    let mut problems = Vec::new();
    if let Some(name) = change.name {
        match checked_line(&name, MAX_NAME) {
            Ok(name) => record.name = name,
            Err(why) => problems.push(FieldProblem::new("name", why)),
        }
    }
    if let Some(url) = change.repository_url {
        match checked_repository(&url) {
            Ok(url) => record.repository_url = url,
            Err(why) => problems.push(FieldProblem::new("repository_url", why)),
        }
    }
    if let Some(stack) = change.tech_stack {
        match checked_words(&stack, MAX_STACK) {
            Ok(stack) => doc.tech_stack = stack,
            Err(why) => problems.push(FieldProblem::new("tech_stack", why)),
        }
    }
    if let Some(requirements) = change.requirements {
        if Value::Object(requirements.clone()).to_string().len() > MAX_REQUIREMENTS {
            problems.push(FieldProblem::new("requirements", "they have more than 64 KB of JSON"));
        }
        doc.requirements = requirements;
    }
    if let Some(configuration) = change.configuration {
        match checked_configuration(configuration) {
            Ok(configuration) => doc.configuration = configuration,
            Err(problem) => problems.push(problem),
        }
    }
    if let Some(list) = change.agents_assigned {
        let mut agents = Vec::new();
        for (place, text) in list.iter().enumerate() {
            match text.parse::<AgentId>() {
                Ok(id) if tx.agent(id)?.is_some() => agents.push(id),
                Ok(_) => problems
                    .push(FieldProblem::unfit(format!("agents_assigned[{place}]"), "there is no such agent")),
                Err(_) => {
                    let field = format!("agents_assigned[{place}]");
                    problems.push(FieldProblem::new(field, "it is not the id of an agent"));
                }
            }
        }
        doc.agents = agents;
    }
    match change.status.as_deref() {
        None => {}
        Some("active")
            if doc.checkout.is_some()
                || matches!(record.state, ProjectState::Archived | ProjectState::Failed) =>
        {
            record.state = ProjectState::Active;
        }
        Some("active") => {
            problems.push(FieldProblem::unfit("status", "its repository was never brought in"));
        }
        Some("archived") => record.state = ProjectState::Archived,
        Some(_) => problems.push(FieldProblem::new("status", "it can be set to active or archived")),
    }
    record.doc = to_doc(&doc);
    if problems.is_empty() { Ok(()) } else { Err(AppError::Invalid(problems)) }
}

fn checked_configuration(value: Value) -> Result<ProjectConfiguration, FieldProblem> {
    let problem = |field: &str, why: &str| FieldProblem::new(format!("configuration{field}"), why);
    // A list of its members in their order is no configuration, though the derived code would read it.
    let Value::Object(mut members) = value else { return Err(problem("", "it is an object")) };
    // JSON does not tell `40.0` from `40`.
    if let Some(turns) = members.get_mut("max_turns")
        && let Some(whole) =
            turns.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(n))
    {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
        let whole = whole as u32;
        *turns = whole.into();
    }
    let value = Value::Object(members);
    let configuration: ProjectConfiguration =
        serde_json::from_value(value).map_err(|e| problem("", &e.to_string()))?;
    if configuration.budget_usd.is_some_and(|usd| domain::NanoUsd::from_usd(usd).is_none()) {
        return Err(problem(".budget_usd", "it is an amount of US dollars from 0 up"));
    }
    if configuration.max_turns == Some(0) {
        return Err(problem(".max_turns", "it is a number from 1 up"));
    }
    if configuration.data_class.as_deref().is_some_and(|word| DataClass::from_word(word).is_none()) {
        return Err(problem(".data_class", "it is public, internal, confidential or restricted"));
    }
    for (field, text) in [(".model", &configuration.model), (".base", &configuration.base)] {
        if let Some(text) = text {
            checked_line(text, 200).map_err(|why| problem(field, why))?;
        }
    }
    if configuration.base.as_deref().is_some_and(|base| !is_revision(base)) {
        return Err(problem(".base", "it begins with a dash or white space"));
    }
    if let Some(why) = configuration.model.as_deref().and_then(models::misnamed) {
        return Err(FieldProblem::unfit("configuration.model", why));
    }
    Ok(configuration)
}

/// Whether git can't take a branch, tag or commit for an option.
pub(crate) fn is_revision(text: &str) -> bool {
    !text.starts_with(|c: char| c == '-' || c.is_whitespace())
}

/// A line of text without control characters, white space around it removed; `max` in characters as it was given.
pub(crate) fn checked_line(text: &str, max: usize) -> Result<String, &'static str> {
    if text.chars().count() > max {
        return Err("it is too long");
    }
    if text.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err("it has control or invisible characters");
    }
    let text = text.trim();
    if text.is_empty() { Err("it is empty") } else { Ok(text.to_owned()) }
}

/// Short words without doubles, in their order.
pub(crate) fn checked_words(words: &[String], most: usize) -> Result<Vec<String>, &'static str> {
    if words.len() > most {
        return Err("there are too many");
    }
    let mut all: Vec<String> = Vec::new();
    for word in words {
        let word = checked_line(word, 50)?;
        if !all.contains(&word) {
            all.push(word);
        }
    }
    Ok(all)
}

/// Characters that change how a line is read and are not seen: directions, joiners, tags (Unicode's default-ignorables
/// that nobody types).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// The address of a repository as it may be given: a full path, or an address of git without a password in it.
fn checked_repository(text: &str) -> Result<String, &'static str> {
    if text.chars().count() > MAX_URL {
        return Err("it is too long");
    }
    if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace() && c != ' ') {
        return Err("it is empty or has control characters");
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        // git reads `-x` as an option and `a:b` as a host.
        return if text.starts_with('/') {
            Ok(text.to_owned())
        } else {
            Err("it is a full path on the server, or begins with https://, ssh:// or file://")
        };
    };
    if !["https", "http", "ssh", "file"].contains(&scheme) {
        return Err("only https, http, ssh and file are known");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if scheme == "file" {
        return if authority.is_empty() { Ok(text.to_owned()) } else { Err("it is file:// and a full path") };
    }
    let (user, host) = match authority.rsplit_once('@') {
        // Of HTTP the name alone is a credential: forges take a token there. Whoever may read the project reads its address.
        Some((user, _)) if user.contains(':') || scheme.starts_with("http") => {
            return Err(
                "it has a password or a token in it; use a credential helper or an SSH key of the server",
            );
        }
        Some(parts) => parts,
        None => ("git", authority),
    };
    if rest.contains(['?', '#']) {
        return Err("it has a query or a fragment, which no address of git has");
    }
    // ssh would read a user or a host that begins with a dash as an option.
    let bad = |word: &str| word.is_empty() || word.starts_with('-') || word.contains(['@', ' ']);
    if bad(user) || bad(host) {
        return Err("it names no host");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_paths_or_addresses_without_passwords() {
        let good = ["/srv/app", "https://example.org/a.git", "ssh://git@example.org/a", "file:///srv/a b"];
        assert!(good.iter().all(|text| checked_repository(text).is_ok()));
        let bad = [
            "",
            "app",
            "-oProxyCommand=x",
            "host:path",
            "ext::sh",
            "ftp://x/y",
            "https:///x",
            "ssh://git@-oProxyCommand=x/y",
            "file://host/x",
            " /srv/app",
            "https://u:p@x/y",
            "https://token@x/y",
            "https://u:p@x?/y",
            "https://x/y?token=t",
            "https://x/y#t",
            "ssh://u:p@x/y",
            "/a\nb",
        ];
        assert_eq!(bad.iter().filter(|text| checked_repository(text).is_ok()).count(), 0);
    }

    #[test]
    fn lines_have_no_hidden_characters() {
        assert_eq!(checked_line("  Ledger ü ", 11), Ok("Ledger ü".to_owned()));
        for bad in ["", " ", "a\u{202e}b", "a\u{0}", "a\n", "0123456789ab"] {
            assert!(checked_line(bad, 11).is_err(), "{bad:?}");
        }
    }
}
