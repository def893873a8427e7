//! What is watched x who watches: sockets of projects and subscriptions of the graph, with ids of projects, runs and
//! events that are another organization's, and every event that an organization causes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use auth::Role;
use axum::http::Method;
use domain::{EventId, TenantId};
use serde_json::{Value, json};
use store::NewEvent;
use testkit::postgres::Filter;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::graphql_matrix::{Field, Graph, Spot};
use crate::rest_world::{CANARY, OTHERS, Place, Things, World, bytes, other};
use crate::websocket_client::{Client, Got};

const PROTOCOL: &str = "sec-websocket-protocol: graphql-transport-ws\r\n";

/// The server of a world, on a free port.
struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Served {
    async fn of(world: &World) -> Self {
        let listener = api::Listener::bind("127.0.0.1:0".parse().expect("an address"), None).await;
        let listener = listener.expect("a free port");
        let address = listener.address().expect("it is bound");
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        tasks.spawn(app::events::ring_at_commits(world.platform.clone(), stop.clone()));
        tasks.spawn(api::serve(listener, world.state.clone(), world.router.clone(), stop.clone()));
        Self { address, stop, tasks }
    }

    async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// A socket of a project; the status if it is refused.
    async fn socket(&self, project: &str, token: Option<&str>) -> Result<Client, u16> {
        let header = token.map(|t| format!("authorization: Bearer {t}\r\n")).unwrap_or_default();
        Client::open(self.address, &format!("/ws/project/{project}/updates"), &header).await
    }

    /// What a subscription of the graph says first, up to its end.
    async fn subscription(&self, graph: &Graph, ask: &Asked<'_>, named: &Things) -> Vec<Value> {
        let call = graph.call(ask.field, Some(ask.spot), ask.own, named);
        let mut client =
            Client::open(self.address, "/graphql/ws", PROTOCOL).await.expect("it is open to all");
        client.json(&json!({ "type": "connection_init", "payload": { "token": ask.token } })).await;
        assert_eq!(client.next().await, Got::Json(json!({ "type": "connection_ack" })));
        let payload = json!({ "query": call.query, "variables": call.variables });
        client.json(&json!({ "id": "s", "type": "subscribe", "payload": payload })).await;
        let mut said = Vec::new();
        while let Got::Json(frame) = client.next().await {
            let over = frame["type"] != "next";
            said.push(frame);
            if over {
                break;
            }
        }
        said
    }
}

/// Who asks for which subscription, with which id in question.
struct Asked<'a> {
    field: &'a Field,
    spot: &'a Spot,
    own: &'a Things,
    token: &'a str,
}

#[tokio::test(flavor = "multi_thread")]
async fn another_organization_watches_nothing() {
    others_watch_nothing(Place::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_security_alone_lets_nobody_watch_others_on_postgres() {
    others_watch_nothing(Place::Postgres(Filter::TakenOut)).await;
}

async fn others_watch_nothing(place: Place) {
    let world = World::at(place).await;
    let (things, nowhere) = (world.things().await, Things::nowhere());
    let own = world.things_of(other(), OTHERS).await;
    let served = Served::of(&world).await;
    let graph = Graph::of(&world);
    let expired = world.token_that_lasts(TenantId::LOCAL, Role::Owner, Duration::ZERO).await;
    for token in [None, Some(expired.as_str()), Some("aamas_pat_x")] {
        assert_eq!(served.socket(&things.project, token).await.map(drop), Err(401), "{token:?}");
    }
    for role in Role::ALL {
        let stranger = world.token(other(), role).await;
        let refused = served.socket(&things.project, Some(&stranger)).await.map(drop);
        assert_eq!(refused, served.socket(&nowhere.project, Some(&stranger)).await.map(drop), "{role}");
        assert_eq!(refused, Err(404), "{role}");
        let opened = served.socket(&own.project, Some(&stranger)).await;
        if let Ok(mut socket) = opened {
            let resume = async |client: &mut Client, id: &str| {
                client.json(&json!({ "type": "subscribe", "events": ["*"], "last_event_id": id })).await;
                client.next().await
            };
            let theirs = resume(&mut socket, &things.event).await;
            assert_eq!(theirs, resume(&mut socket, &nowhere.event).await, "{role}");
            let Got::Json(theirs) = theirs else { panic!("{role}: {theirs:?}") };
            assert_eq!((&theirs["type"], &theirs["code"]), (&json!("error"), &json!("resume_gap")), "{role}");
        }
        for field in graph.fields("Subscription") {
            for spot in graph.spots(&field) {
                let asked = Asked { field: &field, spot: &spot, own: &own, token: &stranger };
                let theirs = served.subscription(&graph, &asked, &things).await;
                let none = served.subscription(&graph, &asked, &nowhere).await;
                let case = format!("{role} {} {spot:?}: {theirs:?}", field.name());
                let text = |said: Vec<Value>, named: &Things| named.blot(&json!(said).to_string());
                let theirs = text(theirs, &things);
                assert!(!theirs.contains(CANARY) && theirs.contains("errors"), "{case}");
                assert_eq!(theirs, text(none, &nowhere), "{case}");
            }
        }
    }
    served.end().await;
}

/// Everything that an owner can do in an organization, seen by its own watcher and by none of another organization.
#[tokio::test(flavor = "multi_thread")]
async fn no_event_of_any_type_reaches_another_organization() {
    events_stay(Place::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_security_alone_keeps_every_event_at_home_on_postgres() {
    events_stay(Place::Postgres(Filter::TakenOut)).await;
}

async fn events_stay(place: Place) {
    let world = World::at(place).await;
    let things = world.things().await;
    let own = world.things_of(other(), OTHERS).await;
    let served = Served::of(&world).await;
    let (owner, stranger) =
        (world.token(TenantId::LOCAL, Role::Owner).await, world.token(other(), Role::Owner).await);
    let mut watchers = [
        served.socket(&things.project, Some(&owner)).await.expect("it may"),
        served.socket(&own.project, Some(&stranger)).await.expect("it may"),
    ];
    for watcher in &mut watchers {
        watcher.json(&json!({ "type": "subscribe", "events": ["*"] })).await;
        assert_eq!(watcher.next().await, Got::Json(json!({ "type": "subscribed", "events": ["*"] })));
    }
    let graph = Graph::of(&world);
    for field in graph.fields("Mutation") {
        for spot in graph.spots(&field) {
            let call = graph.call(&field, Some(&spot), &things, &things);
            let body = json!({ "query": call.query, "variables": call.variables });
            world.send(Method::POST, "/graphql", Some(&owner), Some(&body)).await;
        }
    }
    // Events that name what is the other's, as no use case makes them.
    let forged = [&own.project, &own.task, &own.run, &own.pull_request];
    for (n, id) in forged.into_iter().enumerate() {
        let names = ["project_id", "task_id", "run_id", "pull_request_id"];
        emit(&world, TenantId::LOCAL, id, json!({ names[n]: id, "words": CANARY })).await;
    }
    let kinds: BTreeSet<String> = world
        .platform
        .store()
        .read(TenantId::LOCAL, |tx| tx.events_after(0, 10_000))
        .await
        .expect("a look")
        .into_iter()
        .map(|row| row.event.kind)
        .collect();
    // The last event of each organization ends what its watcher has to see.
    emit(&world, TenantId::LOCAL, &things.project, json!({ "project_id": things.project, "last": true }))
        .await;
    emit(&world, other(), &own.project, json!({ "project_id": own.project, "last": true })).await;
    let [at_home, elsewhere] = &mut watchers;
    let seen = until_last(at_home).await;
    let types: BTreeSet<_> = seen.iter().filter_map(|event| event["type"].as_str()).collect();
    assert!(types.len() > 8 && kinds.len() >= types.len(), "{types:?} of {kinds:?}");
    assert!(seen.iter().all(|event| event["tenant"] == json!(TenantId::LOCAL)), "{seen:?}");
    let seen = until_last(elsewhere).await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    served.end().await;
}

async fn emit(world: &World, tenant: TenantId, subject: &str, data: Value) {
    let at = world.platform.now();
    let event = NewEvent {
        id: EventId::new(at, bytes()),
        kind: "dev.aamas.task.created".into(),
        subject: subject.to_owned(),
        data,
        at,
    };
    world.platform.store().write(tenant, move |tx| tx.append_event(&event)).await.expect("it is taken");
}

async fn until_last(client: &mut Client) -> Vec<Value> {
    let mut seen = Vec::new();
    loop {
        match client.next().await {
            Got::Json(frame) if frame["type"] == "event" => {
                let last = frame["event"]["data"]["last"] == true;
                seen.push(frame["event"].clone());
                if last {
                    return seen;
                }
            }
            Got::Ping => {}
            other => panic!("no event: {other:?}"),
        }
    }
}
