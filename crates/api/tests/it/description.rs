//! The description of the API: it is the one that is committed, what it says is whole, and what it gives as examples works.

use std::collections::BTreeSet;
use std::path::Path;

use auth::Role;
use axum::http::{Method, StatusCode};
use domain::TenantId;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::rest_world::World;

fn described() -> Value {
    serde_json::to_value(api::rest::description()).expect("JSON")
}

/// Method, path and description of every operation.
fn operations(api: &Value) -> Vec<(Method, &str, &Value)> {
    let paths = api["paths"].as_object().expect("paths");
    let of = |(path, item)| {
        let item: &Value = item;
        let all = item.as_object().expect("operations").iter();
        all.map(move |(method, operation)| {
            (method.to_uppercase().parse().expect("a method"), path, operation)
        })
    };
    paths.iter().map(|(path, item)| (path.as_str(), item)).flat_map(of).collect()
}

fn walk<'a>(value: &'a Value, see: &mut dyn FnMut(&'a Value)) {
    see(value);
    match value {
        Value::Object(members) => members.values().for_each(|one| walk(one, see)),
        Value::Array(items) => items.iter().for_each(|one| walk(one, see)),
        _ => {}
    }
}

#[test]
fn the_committed_description_is_the_one_of_the_handlers() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/openapi.json");
    let text = api::rest::description().to_pretty_json().expect("JSON") + "\n";
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == text,
        "web/openapi.json is not what the handlers say of themselves: run `make gen` and commit what it writes"
    );
    assert!(text.is_ascii(), "nothing in it is hidden");
}

#[test]
fn the_types_of_the_dashboard_are_made_from_the_committed_description() {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let description = std::fs::read(web.join("openapi.json")).expect("it is committed");
    let types = std::fs::read_to_string(web.join("src/lib/api/schema.d.ts")).expect("they are committed");
    let digest: String = Sha256::digest(&description).iter().map(|byte| format!("{byte:02x}")).collect();
    let first = types.lines().next().unwrap_or_default();
    assert!(
        first.ends_with(&format!("sha256 {digest}")),
        "run `make gen` and commit what it writes: {first}"
    );
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let api = described();
    let mut used = BTreeSet::new();
    walk(&api, &mut |value| {
        if let Some(to) = value["$ref"].as_str() {
            used.insert(to.trim_start_matches('#').to_owned());
        }
    });
    for to in &used {
        assert!(api.pointer(to).is_some(), "{to}");
    }
    for name in api["components"]["schemas"].as_object().expect("schemas").keys() {
        assert!(used.contains(&format!("/components/schemas/{name}")), "{name} is used by nothing");
    }
}

#[test]
fn nothing_that_is_sent_or_answered_is_a_bare_object() {
    // Documents whose members are not ours to say.
    const OPEN: [&str; 8] =
        ["detail", "requirements", "evidence", "score", "stats", "first_difference", "more", "signatures"];
    let api = described();
    let schemas = api["components"]["schemas"].as_object().expect("schemas");
    for (name, schema) in schemas {
        walk(schema, &mut |value| {
            for (member, of) in value["properties"].as_object().into_iter().flatten() {
                let bare = of["type"] == "object"
                    && of.get("properties").is_none()
                    && of.get("additionalProperties").is_none();
                assert!(!bare || OPEN.contains(&member.as_str()), "{name}.{member}: {of}");
            }
        });
    }
    for (method, path, operation) in operations(&api) {
        for (status, response) in operation["responses"].as_object().expect("responses") {
            for (kind, content) in response["content"].as_object().into_iter().flatten() {
                let schema = &content["schema"];
                let known = schema.get("$ref").is_some()
                    || schema["type"] == "string"
                    || schema.get("properties").is_some();
                assert!(known, "{method} {path} {status} {kind}: {schema}");
            }
        }
    }
}

#[test]
fn every_operation_says_how_it_is_refused() {
    let api = described();
    for (method, path, operation) in operations(&api) {
        let responses = operation["responses"].as_object().expect("responses");
        let has = |status: &str| responses.contains_key(status);
        assert!(!has("default"), "{method} {path} hides what it may answer");
        for status in ["400", "422", "429", "500", "503"] {
            assert!(has(status), "{method} {path} {status}");
        }
        let open = operation["security"] == json!([{}]);
        assert!(open || has("401") && has("403"), "{method} {path}");
        assert!(operation.get("requestBody").is_none() || has("413") && has("415"), "{method} {path}");
        assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{method} {path}");
        let [tag] = operation["tags"].as_array().expect("tags").as_slice() else {
            panic!("{method} {path}: one tag")
        };
        let tags = api["tags"].as_array().expect("tags");
        assert!(tags.iter().any(|one| one["name"] == *tag), "{tag} is not described");
    }
    let ids: BTreeSet<_> = operations(&api).iter().map(|(.., o)| o["operationId"].to_string()).collect();
    assert_eq!(ids.len(), operations(&api).len(), "an id names one operation");
}

#[tokio::test]
async fn examples_are_taken_as_they_stand() {
    let world = World::new().await;
    let owner = world.token(TenantId::LOCAL, Role::Owner).await;
    let things = world.things().await;
    let api = described();
    let mut tried = 0;
    for (method, path, operation) in operations(&api) {
        let example = &operation["requestBody"]["content"]["application/json"]["example"];
        if example.is_null() {
            continue;
        }
        let path = path
            .replace("{project_id}", &things.project)
            .replace("{task_id}", &things.task)
            .replace("{run_id}", &things.run)
            .replace("{pull_request_id}", &things.pull_request);
        let answer = world.send(method, &path, Some(&owner), Some(example)).await;
        // A run that asks nothing can't be answered, and a plan is approved by people alone.
        let refused =
            ["illegal_transition", "forbidden"].contains(&answer.json()["code"].as_str().unwrap_or_default());
        let fits = answer.status.is_success() || refused;
        assert!(fits, "{path}: {} {}", answer.status, answer.text);
        tried += 1;
    }
    assert!(tried > 10, "{tried} examples");
}

#[tokio::test]
async fn members_of_a_query_that_nobody_knows_are_refused() {
    let world = World::new().await;
    let owner = world.token(TenantId::LOCAL, Role::Owner).await;
    let get = async |path: &str, token: Option<&str>| world.send(Method::GET, path, token, None).await;
    let mistyped = get("/api/v1/tasks?stauts=working", Some(&owner)).await;
    assert_eq!(
        (mistyped.status, &mistyped.json()["errors"][0]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("stauts"))
    );
    assert_eq!(get("/api/v1/tasks?stauts=working", None).await.status, StatusCode::UNAUTHORIZED);
    for query in [
        "q=%ff%fe",
        "q=a%00",
        "q=%c3%28",
        "status=working%00",
        "status=working&status=failed",
        "status=,",
        "limit=99999999999999999999",
    ] {
        let answer = get(&format!("/api/v1/tasks?{query}"), Some(&owner)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}: {}", answer.text);
    }
    let twice = [("authorization", "Bearer x")];
    let twice = world.send_with(Method::GET, "/api/v1/tasks", Some(&owner), None, &twice).await;
    assert_eq!(
        (twice.status, twice.json()["code"].clone()),
        (StatusCode::BAD_REQUEST, "duplicate_header".into())
    );
    for query in ["", "status=submitted", "limit=1&status=working,paused", "q=%c3%bc%25", "q=100%"] {
        let answer = get(&format!("/api/v1/tasks?{query}"), Some(&owner)).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_filter_takes_several_states() {
    let world = World::new().await;
    let owner = world.token(TenantId::LOCAL, Role::Owner).await;
    let things = world.things().await;
    let count = async |query: &str| {
        let answer = world.send(Method::GET, &format!("/api/v1/{query}"), Some(&owner), None).await;
        answer.json()["items"].as_array().map(Vec::len).unwrap_or_else(|| panic!("{query}: {}", answer.text))
    };
    assert_eq!(count("tasks?status=submitted,working").await, 1, "{things:?}");
    assert_eq!(count("tasks?status=working,paused").await, 0);
    assert_eq!(count("tasks?type=fix,docs").await, 1);
    assert_eq!(count("runs?status=queued,running").await, 1);
    assert_eq!(count("pull-requests?status=open,draft").await, 1);
    assert_eq!(count("projects?status=preparing,active").await, 1);
    assert_eq!(count("agents?status=idle,working").await, 13);
}

#[tokio::test]
async fn what_is_well_formed_and_fits_nothing_is_a_conflict() {
    let world = World::new().await;
    let owner = world.token(TenantId::LOCAL, Role::Owner).await;
    let things = world.things().await;
    let tasks = format!("/api/v1/projects/{}/tasks", things.project);
    let nobody = "task_00000000000000000000000000";
    let cases = [
        (
            Method::POST,
            tasks.clone(),
            json!({ "description": "x", "dependencies": [nobody] }),
            "dependencies[0]",
        ),
        (
            Method::PATCH,
            format!("/api/v1/projects/{}", things.project),
            json!({ "agents_assigned": ["agent_00000000000000000000000000"] }),
            "agents_assigned[0]",
        ),
        (
            Method::PATCH,
            format!("/api/v1/projects/{}", things.project),
            json!({ "status": "active" }),
            "status",
        ),
        (
            Method::POST,
            "/api/v1/policies".into(),
            json!({ "name": "p", "text": "permit(\nnobody);" }),
            "text",
        ),
    ];
    for (method, path, body, field) in cases {
        let answer = world.send(method, &path, Some(&owner), Some(&body)).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{body}: {}", answer.text);
        let problem = answer.json();
        assert_eq!(
            (&problem["code"], &problem["errors"][0]["field"]),
            (&json!("does_not_fit"), &json!(field))
        );
    }
    let first = world.send(Method::GET, "/api/v1/agents?limit=1", Some(&owner), None).await.json();
    let cursor = first["next_cursor"].as_str().expect("there are more").to_owned();
    let foreign =
        world.send(Method::GET, &format!("/api/v1/tasks?cursor={cursor}"), Some(&owner), None).await;
    assert_eq!(foreign.status, StatusCode::CONFLICT, "{}", foreign.text);
}
