//! Every operation of the specification x who calls: nobody, with an expired token, another organization, each role.
//! A new operation joins by itself; one with an id that this file can't name a thing by fails it.
//!
//! Ids stand in paths, in queries and in bodies. For each such place another organization names what is not its own,
//! and then what is nowhere: both answers are the same, and where statements can be seen, so is the work.

use std::time::Duration;

use auth::Role;
use axum::http::{Method, StatusCode};
use domain::TenantId;
use serde_json::{Map, Value, json};
use testkit::postgres::Filter;

use crate::rest_world::{Answer, CANARY, OTHERS, Place, Things, World, other};

/// Operations that are open to everybody by the contract.
const OPEN: [&str; 7] = [
    "get_setup",
    "complete_setup",
    "create_session",
    "create_session_by_link",
    "accept_invitation",
    "begin_sso",
    "finish_sso",
];

/// Words in the ids of operations that everybody may do with what is their own, or that look and change nothing although
/// they are no GET.
const HARMLESS: [&str; 11] = [
    "session",
    "totp",
    "me",
    "invitation",
    "ticket",
    "organization",
    "token",
    "verify",
    "test",
    "explain",
    "reevaluate",
];

/// Operations that wait for an engine where the caller may ask one; there is none here.
const WAITING: [&str; 5] =
    ["merge_pull_request", "close_pull_request", "replay_run", "fork_run", "export_run"];

/// What an owner is refused although all is in order: a task that would wait for itself, and contents that nobody wrote.
const NOT_SHOWN: [&str; 3] = ["update_task", "read_output", "get_pull_request_diff"];

/// Names that end like those of ids, and are none of things of an organization.
const NO_THINGS: [&str; 1] = ["provider_id"];

struct Operation {
    id: String,
    method: Method,
    path: String,
    /// Names in its query, and whether they must be there.
    query: Vec<(String, bool)>,
    /// The schema of its body.
    body: Option<Value>,
}

/// Where an operation is told which thing it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Spot {
    Path,
    Query(String),
    Body(String),
}

fn api() -> Value {
    serde_json::to_value(api::rest::description()).expect("JSON")
}

/// The operations of the specification.
fn operations() -> Vec<Operation> {
    let api = api();
    let mut all = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let query = parameters.iter().filter(|p| p["in"] == "query");
            let body = operation.get("requestBody").map(|b| &b["content"]["application/json"]["schema"]);
            all.push(Operation {
                id: operation["operationId"].as_str().expect("every operation has an id").to_owned(),
                query: query
                    .map(|p| (p["name"].as_str().expect("a name").to_owned(), p["required"] == true))
                    .collect(),
                body: body.map(|schema| resolved(&api, schema)),
                method,
                path: path.clone(),
            });
        }
    }
    assert!(all.len() > 40, "{} operations", all.len());
    all
}

fn closed() -> impl Iterator<Item = Operation> {
    operations().into_iter().filter(|o| !OPEN.contains(&o.id.as_str()))
}

/// A schema without references, down to the members of members.
fn resolved(api: &Value, schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            if let Some(to) = members.get("$ref").and_then(Value::as_str) {
                return resolved(api, api.pointer(&to[1..]).expect("a schema"));
            }
            members
                .iter()
                .map(|(name, value)| (name.clone(), resolved(api, value)))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(all) => all.iter().map(|value| resolved(api, value)).collect(),
        other => other.clone(),
    }
}

impl Operation {
    /// The places where it is told which thing it is about.
    fn spots(&self) -> Vec<Spot> {
        let things = Things::nowhere();
        let is_id = |name: &&String| {
            let named = things.named(name).is_some();
            let looks_like_one = ["id", "ids"].iter().any(|end| name.split('_').next_back() == Some(end));
            let unknown = looks_like_one && !named && !NO_THINGS.contains(&name.as_str());
            assert!(!unknown, "{}: this test can't tell what {name} names", self.id);
            named
        };
        let members = self.body.as_ref().and_then(|b| b["properties"].as_object()).into_iter().flatten();
        let names: Vec<_> = members.map(|(name, _)| name.clone()).collect();
        let mut spots: Vec<_> =
            self.query.iter().map(|(name, _)| name).filter(is_id).cloned().map(Spot::Query).collect();
        spots.extend(names.iter().filter(is_id).cloned().map(Spot::Body));
        if self.path.contains('{') {
            spots.push(Spot::Path);
        }
        spots
    }

    /// A request that names `theirs` in one place, and its own things elsewhere.
    fn request(&self, spot: Option<&Spot>, own: &Things, theirs: &Things) -> (String, Option<Value>) {
        let in_path = if spot == Some(&Spot::Path) { theirs } else { own };
        let mut path = self.path.replace("{name}", "report.md").replace("{provider_id}", "nobody");
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            let name = &path[from + 1..to];
            let id = in_path.named(name).unwrap_or_else(|| panic!("{}: what does {name} name?", self.id));
            path = format!("{}{id}{}", &path[..from], &path[to + 1..]);
        }
        let mut query = Vec::new();
        for (name, required) in &self.query {
            let asked = spot == Some(&Spot::Query(name.clone()));
            match things_named(if asked { theirs } else { own }, name) {
                value if asked || *required => query.push(format!("{name}={value}")),
                _ => {}
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let mut body = match self.id.as_str() {
            // A plan is what a planner submits, and no schema of ours.
            "edit_plan" => Some(plan()),
            _ => self.body.as_ref().map(|schema| sample(schema, "", own)),
        };
        if let (Some(Spot::Body(name)), Some(Value::Object(members))) = (spot, &mut body) {
            let schema = &self.body.as_ref().expect("it has one")["properties"][name];
            let id = json!(theirs.named(name).expect("it is an id"));
            let value = if kind_of(schema) == "array" { json!([id]) } else { id };
            members.insert(name.clone(), value);
        }
        (path, body)
    }

    async fn ask(
        &self,
        world: &World,
        token: &str,
        spot: Option<&Spot>,
        own: &Things,
        named: &Things,
    ) -> Answer {
        let (path, body) = self.request(spot, own, named);
        world.send(self.method.clone(), &path, Some(token), body.as_ref()).await
    }
}

fn plan() -> Value {
    let step =
        json!({ "id": "one", "title": "x", "role": "developer", "depends_on": [], "acceptance": ["x"] });
    json!({ "summary": "x", "title": "x", "steps": [step], "effort_hours": 1, "risks": [] })
}

/// What stands in a query under this name.
fn things_named<'a>(things: &'a Things, name: &str) -> &'a str {
    things.named(name).unwrap_or("tasks_completed_today")
}

/// The kind of a schema; the first one that is not null.
fn kind_of(schema: &Value) -> &str {
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        kind => kind.as_str(),
    };
    kinds.unwrap_or("object")
}

/// A value that fits a schema and is taken where the value of one member can be anything.
fn sample(schema: &Value, name: &str, own: &Things) -> Value {
    if let Some(one) = ["oneOf", "anyOf", "allOf"].iter().find_map(|of| schema[*of].as_array()) {
        let first = one.iter().find(|schema| schema["type"] != "null").expect("an alternative");
        return sample(first, name, own);
    }
    if name == "plan" {
        let step =
            json!({ "id": "one", "title": "x", "role": "developer", "depends_on": [], "acceptance": ["x"] });
        return json!({ "summary": "x", "title": "x", "steps": [step], "effort_hours": 1, "risks": [] });
    }
    if let Some(id) = own.named(name) {
        return if kind_of(schema) == "array" { json!([id]) } else { json!(id) };
    }
    match kind_of(schema) {
        "object" => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let required = required.iter().filter_map(Value::as_str);
            let members =
                required.map(|name| (name.to_owned(), sample(&schema["properties"][name], name, own)));
            members.collect::<Map<_, _>>().into()
        }
        "array" => json!([]),
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        _ => json!(match name {
            "repository_url" => "/srv/other",
            "type" => "developer",
            "role" => "viewer",
            "email" => "ada@example.org",
            "text" => "forbid(principal, action == Action::\"projects.delete\", resource);",
            "action" => "tasks.read",
            "confirm" => OTHERS,
            _ => schema["enum"][0].as_str().unwrap_or("x"),
        }),
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_valid_token() {
    nobody_gets_in(Place::Sqlite).await;
}

#[tokio::test]
async fn nobody_gets_in_without_a_valid_token_on_postgres() {
    nobody_gets_in(Place::Postgres(Filter::TakenOut)).await;
}

async fn nobody_gets_in(place: Place) {
    let world = World::at(place).await;
    let things = world.things().await;
    let expired = world.token_that_lasts(TenantId::LOCAL, Role::Owner, Duration::ZERO).await;
    let mut mistyped = world.token(TenantId::LOCAL, Role::Owner).await;
    mistyped.pop();
    mistyped.push('!');
    for operation in closed() {
        let (path, body) = operation.request(None, &things, &things);
        for token in [None, Some(expired.as_str()), Some(mistyped.as_str()), Some("eyJhbGciOiJub25lIn0.e30.")]
        {
            let answer = world.send(operation.method.clone(), &path, token, body.as_ref()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{} {}", operation.id, answer.text);
            assert!(!answer.text.contains(CANARY), "{}: {}", operation.id, answer.text);
        }
    }
}

#[tokio::test]
async fn another_organization_sees_nothing_and_changes_nothing() {
    others_see_nothing(Place::Sqlite, &Role::ALL).await;
}

#[tokio::test]
async fn another_organization_sees_nothing_changes_nothing_and_takes_as_much_work_on_postgres() {
    others_see_nothing(Place::Postgres(Filter::Kept), &[Role::Owner, Role::Viewer]).await;
}

#[tokio::test]
async fn row_security_alone_keeps_organizations_apart_on_postgres() {
    others_see_nothing(Place::Postgres(Filter::TakenOut), &[Role::Owner, Role::Viewer]).await;
}

async fn others_see_nothing(place: Place, roles: &[Role]) {
    let world = World::at(place).await;
    let things = world.things().await;
    let own = world.things_of(other(), OTHERS).await;
    let before = world.picture(&things).await;
    let (_, _, session) = world.person_of(other(), OTHERS, Role::Owner).await;
    let mut strangers = vec![session];
    for role in roles {
        strangers.push(world.token(other(), *role).await);
    }
    for stranger in strangers {
        for operation in closed() {
            for spot in operation.spots() {
                same_as_nowhere(&world, &operation, &spot, &stranger, &own, &things).await;
            }
            if !operation.path.contains('{') && operation.id != "delete_session" {
                let answer = operation.ask(&world, &stranger, None, &own, &own).await;
                assert!(!answer.text.contains(CANARY), "{}: {}", operation.id, answer.text);
            }
        }
    }
    assert_eq!(world.picture(&things).await, before);
    if let Some(database) = &world.database {
        // Each statement is prepared once a connection.
        let taken_out = database.proxy.taken_out();
        assert_eq!(taken_out > 40, place == Place::Postgres(Filter::TakenOut), "{taken_out}");
    }
}

/// Asks for what is another's, and for what is nowhere: answers and work are the same.
async fn same_as_nowhere(
    world: &World,
    operation: &Operation,
    spot: &Spot,
    stranger: &str,
    own: &Things,
    things: &Things,
) {
    let nowhere = Things::nowhere();
    let mut tries = 0;
    loop {
        let theirs = world.worked(operation.ask(world, stranger, Some(spot), own, things)).await;
        let none = world.worked(operation.ask(world, stranger, Some(spot), own, &nowhere)).await;
        let case = format!("{} {spot:?}: {} {}", operation.id, theirs.0.status, theirs.0.text);
        assert!(!theirs.0.text.contains(CANARY), "{case}");
        assert!(!theirs.0.status.is_server_error(), "{case}");
        let (text, none_text) = (things.blot(&theirs.0.text), nowhere.blot(&none.0.text));
        assert_eq!((theirs.0.status, text), (none.0.status, none_text), "{case}");
        if *spot == Spot::Path {
            // What only a person may do is refused to a token before anything is looked for.
            let by_kind = theirs.0.text.contains("session_required");
            let refused = [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN];
            assert!(by_kind || refused.contains(&theirs.0.status), "{case}");
        }
        if theirs.1 == none.1 {
            return;
        }
        // What is remembered for two seconds was forgotten in between; a difference in the thing stays.
        tries += 1;
        assert!(tries < 4, "{case}: {:#?} is not the work of {:#?}", theirs.1, none.1);
    }
}

/// What the tests above do not see must be there to be seen.
#[tokio::test]
async fn without_row_security_and_without_the_tenant_everything_shows_on_postgres() {
    let world = World::at(Place::Postgres(Filter::TakenOut)).await;
    let things = world.things().await;
    let stranger = world.token(other(), Role::Owner).await;
    let seen = async || {
        let mut seen = 0;
        for operation in closed().filter(|o| o.method == Method::GET && o.path.contains('{')) {
            let answer = operation.ask(&world, &stranger, Some(&Spot::Path), &things, &things).await;
            seen += usize::from(answer.text.contains(CANARY));
        }
        seen
    };
    assert_eq!(seen().await, 0);
    world.database.as_ref().expect("it is on PostgreSQL").scratch.lift_row_security();
    let seen = seen().await;
    assert!(seen > 8, "{seen}");
}

/// A sample that is refused for its form would hide what is behind the form.
#[tokio::test]
async fn the_samples_of_this_test_reach_what_they_name() {
    let world = World::new().await;
    let things = world.things().await;
    let owner = world.token(TenantId::LOCAL, Role::Owner).await;
    let mut hidden = Vec::new();
    let quick = |o: &Operation| o.method != Method::DELETE && !WAITING.contains(&o.id.as_str());
    for operation in closed().filter(quick) {
        for spot in operation.spots() {
            let answer = operation.ask(&world, &owner, Some(&spot), &things, &things).await;
            let case = format!("{} {spot:?}: {} {}", operation.id, answer.status, answer.text);
            assert!(!answer.status.is_server_error(), "{case}");
            let refused = [StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::BAD_REQUEST];
            if refused.contains(&answer.status) && !NOT_SHOWN.contains(&operation.id.as_str()) {
                hidden.push(case);
            }
        }
    }
    assert_eq!(hidden, [""; 0]);
}

/// What a role may do stands in the grid of `auth`; here it is held that every operation asks it: a role that may only
/// read changes nothing, and nothing fails inside.
#[tokio::test]
async fn roles_that_only_read_change_nothing() {
    let world = World::new().await;
    let things = world.things().await;
    for role in Role::ALL {
        let reads = [Role::Viewer, Role::Auditor].contains(&role);
        let token = world.token(TenantId::LOCAL, role).await;
        for operation in closed().filter(|o| reads || o.method == Method::GET) {
            if WAITING.contains(&operation.id.as_str()) && operation.method == Method::GET {
                continue;
            }
            let answer = operation.ask(&world, &token, None, &things, &things).await;
            assert!(!answer.status.is_server_error(), "{role} {}: {}", operation.id, answer.text);
            if operation.method != Method::GET && !HARMLESS.iter().any(|word| operation.id.contains(word)) {
                assert!(answer.status.is_client_error(), "{role} {}: {}", operation.id, answer.text);
            }
        }
    }
    let owner = world.token(TenantId::LOCAL, Role::Owner).await;
    let audit =
        world.platform.store().read(TenantId::LOCAL, |tx| tx.receipts(None, 500)).await.expect("a look");
    assert!(audit.iter().any(|r| r.decision == "deny"), "refusals leave receipts");
    let task = world.send(Method::GET, &format!("/api/v1/tasks/{}", things.task), Some(&owner), None).await;
    assert_eq!(task.json()["status"], "submitted");
}

#[test]
fn every_operation_has_an_id_of_its_own_that_begins_with_a_verb() {
    let mut ids: Vec<_> = operations().into_iter().map(|o| o.id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "{ids:?}");
    assert!(ids.iter().all(|id| id.split('_').count() > 1 || id == "sign_in"), "{ids:?}");
}
