//! Every operation of the specification x who calls: nobody, with an expired token, another organization, each role.
//! A new operation joins by itself.

use std::time::Duration;

use auth::Role;
use axum::http::{Method, StatusCode};
use domain::TenantId;
use serde_json::{Value, json};

use crate::rest_world::{CANARY, Things, World, other};

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

struct Operation {
    id: String,
    method: Method,
    path: String,
    has_body: bool,
}

/// The operations of the specification.
fn operations() -> Vec<Operation> {
    let api: Value = serde_json::to_value(api::rest::description()).expect("JSON");
    let mut all = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            all.push(Operation {
                id: operation["operationId"].as_str().expect("every operation has an id").to_owned(),
                has_body: operation.get("requestBody").is_some(),
                method,
                path: path.clone(),
            });
        }
    }
    assert!(all.len() > 40, "{} operations", all.len());
    all
}

/// The path with ids of the first organization in it.
fn path_of(operation: &Operation, things: &Things) -> String {
    let ids = [
        ("{project_id}", &things.project),
        ("{task_id}", &things.task),
        ("{run_id}", &things.run),
        ("{pull_request_id}", &things.pull_request),
        ("{agent_id}", &things.agent),
        ("{artifact_id}", &things.artifact),
        ("{operation_id}", &things.operation),
    ];
    let mut path = ids.iter().fold(operation.path.clone(), |path, (name, id)| path.replace(name, id));
    while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
        path.replace_range(from..=to, "customer_00000000000000000000000001");
    }
    path
}

fn body_of(operation: &Operation) -> Option<Value> {
    operation.has_body.then(|| json!({}))
}

#[tokio::test]
async fn nobody_gets_in_without_a_valid_token() {
    let world = World::new().await;
    let things = world.things().await;
    let expired = world.token_that_lasts(TenantId::LOCAL, Role::Owner, Duration::ZERO).await;
    let mut mistyped = world.token(TenantId::LOCAL, Role::Owner).await;
    mistyped.pop();
    mistyped.push('!');
    for operation in operations().iter().filter(|o| !OPEN.contains(&o.id.as_str())) {
        let path = path_of(operation, &things);
        for token in [None, Some(expired.as_str()), Some(mistyped.as_str()), Some("eyJhbGciOiJub25lIn0.e30.")]
        {
            let body = body_of(operation);
            let answer = world.send(operation.method.clone(), &path, token, body.as_ref()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{} {}", operation.id, answer.text);
            assert!(!answer.text.contains(CANARY), "{}: {}", operation.id, answer.text);
        }
    }
}

#[tokio::test]
async fn another_organization_sees_nothing_and_changes_nothing() {
    let world = World::new().await;
    let things = world.things().await;
    let stranger = world.token(other(), Role::Owner).await;
    for operation in operations().iter().filter(|o| !OPEN.contains(&o.id.as_str())) {
        let path = path_of(operation, &things);
        let body = body_of(operation);
        let answer = world.send(operation.method.clone(), &path, Some(&stranger), body.as_ref()).await;
        assert!(!answer.text.contains(CANARY), "{}: {}", operation.id, answer.text);
        assert!(!answer.status.is_server_error(), "{}: {}", operation.id, answer.text);
        let names_a_thing = operation.path.contains('{');
        // The shape of the body may be refused before the thing is looked for; nothing is said of the thing then.
        let allowed = [StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY];
        if names_a_thing {
            assert!(allowed.contains(&answer.status), "{}: {} {}", operation.id, answer.status, answer.text);
        }
        if answer.status == StatusCode::NOT_FOUND {
            let unknown = path.replace(&things.project, "project_00000000000000000000000001");
            let again = world.send(operation.method.clone(), &unknown, Some(&stranger), body.as_ref()).await;
            let shape = |text: &str| {
                let mut value: Value = serde_json::from_str(text).expect("a problem");
                value["request_id"] = Value::Null;
                value
            };
            assert_eq!(shape(&answer.text), shape(&again.text), "{}", operation.id);
        }
    }
    let owner = world.token(TenantId::LOCAL, Role::Owner).await;
    let task = world.send(Method::GET, &format!("/api/v1/tasks/{}", things.task), Some(&owner), None).await;
    assert_eq!(task.json()["status"], "submitted");
}

/// What a role may do stands in the grid of `auth`; here it is held that every operation asks it: a role that may only
/// read changes nothing, and nothing fails inside.
#[tokio::test]
async fn roles_that_only_read_change_nothing() {
    let world = World::new().await;
    let things = world.things().await;
    for role in [Role::Viewer, Role::Auditor] {
        let token = world.token(TenantId::LOCAL, role).await;
        for operation in operations().iter().filter(|o| !OPEN.contains(&o.id.as_str())) {
            let path = path_of(operation, &things);
            let body = body_of(operation);
            let answer = world.send(operation.method.clone(), &path, Some(&token), body.as_ref()).await;
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
