//! Subscriptions over graphql-transport-ws.

use std::time::Duration;

use auth::Role;
use domain::{ProjectId, RunId, TaskId, TenantId};
use serde_json::{Value, json};
use store::{NewEntry, Owner, RunRecord, TaskRecord};

use crate::websocket_client::{Client, Got};
use crate::websocket_world::{World, ids};

const PROTOCOL: &str = "sec-websocket-protocol: graphql-transport-ws\r\n";

async fn open(world: &World, token: Option<&str>) -> Client {
    let mut client = Client::open(world.address, "/graphql", PROTOCOL).await.expect("it is open to all");
    client.json(&json!({ "type": "connection_init", "payload": { "token": token } })).await;
    client
}

async fn ready(world: &World, token: &str) -> Client {
    let mut client = open(world, Some(token)).await;
    assert_eq!(client.next().await, Got::Json(json!({ "type": "connection_ack" })));
    client
}

async fn subscribe(client: &mut Client, id: &str, query: &str, variables: Value) {
    let payload = json!({ "query": query, "variables": variables });
    client.json(&json!({ "id": id, "type": "subscribe", "payload": payload })).await;
}

fn message(got: Got) -> Value {
    match got {
        Got::Json(message) => message,
        other => panic!("no message: {other:?}"),
    }
}

const EVENTS: &str = "subscription ($p: ID!, $t: [String!], $l: ID) {
    projectEvents(projectId: $p, types: $t, lastEventId: $l) { id type data } }";

/// Subscribed, which nothing says: an event that was there before comes first.
async fn watching(client: &mut Client, world: &World, project: ProjectId, types: &[&str]) {
    let mark = world.emit(Some(project), "task.created", vec![json!({}), json!({})]).await;
    subscribe(client, "1", EVENTS, json!({ "p": project, "t": types, "l": mark[0] })).await;
    let got = message(client.next().await);
    assert_eq!(got["payload"]["data"]["projectEvents"]["id"], json!(mark[1]), "{got}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_project_are_watched_and_resumed() {
    let world = World::new().await;
    let owner = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&owner, "a").await;
    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let mut client = ready(&world, token.expose()).await;
    watching(&mut client, &world, project, &["task.*"]).await;
    world.emit(Some(project), "run.started", vec![json!({})]).await;
    let sent = world.emit(Some(project), "task.completed", vec![json!({ "n": 1 }), json!({ "n": 2 })]).await;
    for id in &sent {
        let got = message(client.next().await);
        assert_eq!((&got["id"], &got["type"]), (&json!("1"), &json!("next")));
        let event = &got["payload"]["data"]["projectEvents"];
        assert_eq!((&event["id"], &event["type"]), (&json!(id), &json!("dev.aamas.task.completed")));
    }
    client.json(&json!({ "type": "ping" })).await;
    assert_eq!(client.next().await, Got::Json(json!({ "type": "pong" })));
    client.json(&json!({ "id": "1", "type": "complete" })).await;
    subscribe(&mut client, "2", EVENTS, json!({ "p": project, "l": sent[0] })).await;
    assert_eq!(message(client.next().await)["payload"]["data"]["projectEvents"]["id"], json!(sent[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_is_followed_to_its_end() {
    let world = World::new().await;
    let owner = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&owner, "a").await;
    let now = world.platform.now();
    let (task, run) = (TaskId::new(now, ids()), RunId::new(now, ids()));
    let mut record = TaskRecord::new(task, "Do it", now);
    record.project = Some(project);
    let queued = RunRecord::queued(run, task, std::path::Path::new("/srv"), "offline", now);
    let owner = Owner::this_process().expect("it is known");
    let entry = move |n: u32| NewEntry {
        branch: 0,
        at: now,
        kind: "noted".into(),
        taint: domain::Taint::Trusted,
        data_key: None,
        body: json!({ "n": n }).to_string().into_bytes(),
        raw: None,
    };
    let begun = world.platform.store().write(TenantId::LOCAL, {
        let queued = queued.clone();
        move |tx| {
            tx.insert_task(&record)?;
            tx.insert_run(&queued)?;
            let lease = tx.acquire_lease(run, &owner, now, Duration::from_secs(60), Owner::is_proven_dead)?;
            tx.append(run, lease.fence, &[entry(1), entry(2)])?;
            Ok(lease.fence)
        }
    });
    let fence = begun.await.expect("a run begins");
    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let mut client = ready(&world, token.expose()).await;
    let query = "subscription ($r: ID!) { runEntries(runId: $r, after: 1) { seq kind entry } }";
    subscribe(&mut client, "j", query, json!({ "r": run })).await;
    let entry_of = |got: Value| got["payload"]["data"]["runEntries"].clone();
    let want = |seq: u64| json!({ "seq": seq, "kind": "noted", "entry": { "n": seq } });
    assert_eq!(entry_of(message(client.next().await)), want(2));
    let more =
        world.platform.store().write(TenantId::LOCAL, move |tx| tx.append(run, fence, &[entry(3)]).map(drop));
    more.await.expect("it is taken");
    world.emit(Some(project), "run.progressed", vec![json!({ "run_id": run, "seq": 3 })]).await;
    assert_eq!(entry_of(message(client.next().await)), want(3));
    let ended = RunRecord { state: domain::RunState::Canceled, ..queued };
    let over = world.platform.store().write(TenantId::LOCAL, move |tx| tx.save_run(fence, &ended));
    over.await.expect("it is saved");
    world.emit(Some(project), "run.canceled", vec![json!({ "run_id": run })]).await;
    assert_eq!(message(client.next().await), json!({ "id": "j", "type": "complete" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_subscriptions_of_known_callers_are_taken() {
    let world = World::new().await;
    let owner = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&owner, "a").await;
    for token in [None, Some("aamas_pat_x")] {
        assert_eq!(open(&world, token).await.next().await, Got::Close(4403));
    }
    let mut mute = Client::open(world.address, "/graphql", "").await.expect("it is open to all");
    assert_eq!(mute.next().await, Got::Close(4406), "it names no protocol");
    let mut client = Client::open(world.address, "/graphql/ws", PROTOCOL).await.expect("it is open to all");
    subscribe(&mut client, "1", EVENTS, json!({ "p": project })).await;
    assert_eq!(client.next().await, Got::Close(4401));

    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let mut client = ready(&world, token.expose()).await;
    let unknown = ProjectId::from_bytes([9; 16]);
    let cases = [
        ("{ viewer { id } }", json!({}), "error", "not_a_subscription"),
        ("subscription {", json!({}), "error", "syntax"),
        ("subscription { nothing }", json!({}), "next", "invalid_query"),
        (EVENTS, json!({ "p": unknown }), "next", "not_found"),
        (EVENTS, json!({ "p": project, "t": ["a b"] }), "next", "invalid"),
        (EVENTS, json!({ "p": project, "l": "event_00000000000000000000000000" }), "next", "resume_gap"),
    ];
    for (query, variables, kind, code) in cases {
        subscribe(&mut client, "x", query, variables).await;
        let got = message(client.next().await);
        let errors = if kind == "error" { &got["payload"] } else { &got["payload"]["errors"] };
        assert_eq!((&got["type"], &errors[0]["extensions"]["code"]), (&json!(kind), &json!(code)), "{got}");
        if kind == "next" {
            assert_eq!(message(client.next().await), json!({ "id": "x", "type": "complete" }));
        }
    }
    subscribe(&mut client, "y", EVENTS, json!({ "p": project })).await;
    subscribe(&mut client, "y", EVENTS, json!({ "p": project })).await;
    assert_eq!(client.next().await, Got::Close(4409));
    let mut client = ready(&world, token.expose()).await;
    client.text("?").await;
    assert_eq!(client.next().await, Got::Close(4400));
    let mut client = ready(&world, token.expose()).await;
    client.json(&json!({ "type": "connection_init" })).await;
    assert_eq!(client.next().await, Got::Close(4429));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_with_its_session() {
    let world = World::new().await;
    let owner = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&owner, "a").await;
    let (_, session, person) = world.person(Role::Developer).await;
    let ticket = world.ticket(&person, project).await;
    let mut client = ready(&world, ticket.expose()).await;
    watching(&mut client, &world, project, &["task.*"]).await;
    let now = world.platform.now();
    let ended = world.platform.store().write(TenantId::LOCAL, move |tx| tx.end_credential(session, now));
    assert!(ended.await.expect("it is written"));
    world.emit(None, "session.ended", vec![json!({})]).await;
    let got = message(client.next().await);
    assert_eq!(got["payload"]["errors"][0]["extensions"]["code"], "session_ended", "{got}");
    assert_eq!(client.next().await, Got::Close(4401));
}
