//! The events of a project over a socket.

use std::time::{Duration, Instant};

use app::office::Origin;
use auth::Role;
use domain::{EventId, ProjectId, TenantId};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::websocket_client::{Client, Got};
use crate::websocket_world::{World, other as foreign};

fn path(project: ProjectId) -> String {
    format!("/ws/project/{project}/updates")
}

async fn open(world: &World, project: ProjectId, token: &domain::Secret) -> Client {
    let header = format!("authorization: Bearer {}\r\n", token.expose());
    Client::open(world.address, &path(project), &header).await.expect("it may")
}

async fn subscribe(client: &mut Client, events: &[&str], last: Option<EventId>) {
    client.json(&json!({ "type": "subscribe", "events": events, "last_event_id": last })).await;
    assert_eq!(client.next().await, Got::Json(json!({ "type": "subscribed", "events": events })));
}

fn event(got: Got) -> Value {
    match got {
        Got::Json(frame) if frame["type"] == "event" => frame["event"].clone(),
        other => panic!("no event: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_gets_what_it_subscribed_to_as_cloud_events() {
    let world = World::new().await;
    let caller = world.caller(TenantId::LOCAL, Role::Owner).await;
    let (project, other) = (world.project(&caller, "a").await, world.project(&caller, "b").await);
    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let mut client = open(&world, project, &token).await;
    client.json(&json!({ "type": "ping" })).await;
    assert_eq!(client.next().await, Got::Json(json!({ "type": "pong" })));
    subscribe(&mut client, &["task.*"], None).await;
    world.emit(Some(other), "task.created", vec![json!({})]).await;
    world.emit(Some(project), "run.started", vec![json!({})]).await;
    world.emit(None, "task.created", vec![json!({})]).await;
    let new = app::tasks::NewTask { description: "Do it".into(), ..Default::default() };
    let task =
        app::tasks::create(&world.platform, &caller, &Origin::default(), project, new).await.expect("a task");
    let got = event(client.next().await);
    let text = |name: &str| got[name].as_str().expect("a text").to_owned();
    assert!(text("id").starts_with("event_") && text("time").ends_with('Z'), "{got}");
    assert_eq!(
        (text("specversion"), text("source"), text("type"), text("subject"), text("datacontenttype")),
        (
            "1.0".into(),
            "/aamas".into(),
            "dev.aamas.task.created".into(),
            task.id.to_string(),
            "application/json".into()
        )
    );
    assert_eq!(got["tenant"], json!(TenantId::LOCAL));
    assert_eq!(got["data"]["project_id"], json!(project));
    assert_eq!(got["data"]["task_id"], json!(task.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_name_no_project_go_to_that_of_their_run() {
    let world = World::new().await;
    let caller = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&caller, "a").await;
    let new = app::tasks::NewTask { description: "Do it".into(), ..Default::default() };
    let task =
        app::tasks::create(&world.platform, &caller, &Origin::default(), project, new).await.expect("a task");
    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let mut client = open(&world, project, &token).await;
    subscribe(&mut client, &["*"], None).await;
    world.emit(None, "run.resumed", vec![json!({ "task_id": task.id })]).await;
    assert_eq!(event(client.next().await)["type"], "dev.aamas.run.resumed");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_frames_are_answered_and_wrong_clients_closed() {
    let world = World::new().await;
    let caller = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&caller, "a").await;
    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let mut client = open(&world, project, &token).await;
    let code = |got: Got| match got {
        Got::Json(frame) if frame["type"] == "error" => frame["code"].as_str().expect("a code").to_owned(),
        other => panic!("no error: {other:?}"),
    };
    for (text, want) in [
        (r#"{"type":"shout"}"#, "unknown_type"),
        (r#"{"type":"subscribe","events":5}"#, "invalid"),
        (r#"{"type":"subscribe","last_event_id":"event_00000000000000000000000000"}"#, "resume_gap"),
        ("{", "malformed_json"),
        ("[]", "malformed_json"),
    ] {
        client.text(text).await;
        assert_eq!(code(client.next().await), want, "{text}");
    }
    client.json(&json!({ "type": "ping" })).await;
    assert_eq!(client.next().await, Got::Json(json!({ "type": "pong" })));
    client.text("again").await;
    assert_eq!(client.next().await, Got::Close(1008));

    for (size, want) in [((64 << 10) + 1, 1009), (2 << 20, 1009)] {
        let mut client = open(&world, project, &token).await;
        client.text(&" ".repeat(size)).await;
        let got = client.next().await;
        // A client that goes on writing what nobody reads may see the end of the connection first.
        assert!(got == Got::Close(want) || size > 1 << 20 && got == Got::Gone, "{got:?}");
    }
    let mut client = open(&world, project, &token).await;
    client.frame(0x82, b"bytes").await;
    assert_eq!(client.next().await, Got::Close(1003));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_opens_a_socket() {
    let world = World::new().await;
    let caller = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&caller, "a").await;
    let status = async |token: &domain::Secret| {
        let header = format!("authorization: Bearer {}\r\n", token.expose());
        Client::open(world.address, &path(project), &header).await.map(drop)
    };
    assert_eq!(status(&world.token(foreign(), Role::Owner).await).await, Err(404));
    assert_eq!(Client::open(world.address, &path(project), "").await.map(drop), Err(401));
    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let unknown = path(ProjectId::from_bytes([3; 16]));
    let header = format!("authorization: Bearer {}\r\n", token.expose());
    assert_eq!(Client::open(world.address, &unknown, &header).await.map(drop), Err(404));
    let page = format!("{header}origin: http://evil.example\r\n");
    assert_eq!(Client::open(world.address, &path(project), &page).await.map(drop), Err(403));
    let page = format!("{header}origin: http://{}\r\n", world.address);
    assert_eq!(Client::open(world.address, &path(project), &page).await.map(drop), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_with_a_foreign_token_comes_back_with_a_new_one() {
    let world = World::new().await;
    let owner = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&owner, "a").await;
    let foreign = auth::Caller { session: None, token: None, ..owner.clone() };
    let hub = world.state.sockets().hub();
    let mut own = hub.open(&owner, &Origin::default(), project).await.expect("it may");
    let mut first = hub.open(&foreign, &Origin::default(), project).await.expect("it may");
    world.clock.pass(Duration::from_secs(15 * 60 + 1));
    let mut second = hub.open(&foreign, &Origin::default(), project).await.expect("it may");
    world.emit(None, "member.removed", vec![json!({})]).await;
    assert_eq!(first.ended().await, app::events::End::Session);
    for other in [&mut own, &mut second] {
        assert!(tokio::time::timeout(Duration::from_millis(20), other.ended()).await.is_err());
    }
}

#[tokio::test]
async fn there_are_so_many_sockets_and_no_more() {
    let world = World::new().await;
    let sockets = api::ws::Sockets::new(app::events::EventHub::new(world.platform.clone()), 1);
    let first = sockets.place().expect("there is one");
    assert!(matches!(sockets.place(), Err(api::ws::Refusal::Full)));
    drop(first);
    assert!(sockets.place().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_socket_within_a_minute() {
    let world = World::new().await;
    let owner = world.caller(TenantId::LOCAL, Role::Owner).await;
    let (project, other) = (world.project(&owner, "a").await, world.project(&owner, "b").await);
    let (_, _, person) = world.person(Role::Viewer).await;
    let with = async |ticket: &domain::Secret, project: ProjectId| {
        let path = format!("{}?token={}", path(project), ticket.expose());
        Client::open(world.address, &path, "").await.map(drop)
    };
    let ticket = world.ticket(&person, project).await;
    assert_eq!(with(&ticket, project).await, Ok(()));
    assert_eq!(with(&ticket, project).await, Err(401), "a ticket is used up");
    assert_eq!(with(&world.ticket(&person, project).await, other).await, Err(403), "it is for one project");
    let late = world.ticket(&person, project).await;
    world.clock.pass(Duration::from_secs(61));
    assert_eq!(with(&late, project).await, Err(401), "it has expired");
    let foreign = world.caller(foreign(), Role::Owner).await;
    let refused = app::events::ticket(&world.platform, &foreign, &Origin::default(), Some(project)).await;
    assert!(matches!(refused, Err(app::AppError::NotFound { .. })), "{refused:?}");
    // A token is no ticket: it must not be in an address.
    assert_eq!(with(&world.token(TenantId::LOCAL, Role::Owner).await, project).await, Err(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_end_with_the_session_and_with_the_membership() {
    let world = World::new().await;
    let owner = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&owner, "a").await;
    let by_ticket = async |caller: &auth::Caller| {
        let ticket = world.ticket(caller, project).await;
        let path = format!("{}?token={}", path(project), ticket.expose());
        Client::open(world.address, &path, "").await.expect("a good ticket")
    };
    let (_, session, signed_out) = world.person(Role::Developer).await;
    let (user, _, removed) = world.person(Role::Developer).await;
    let (_, _, stays) = world.person(Role::Developer).await;
    let mut first = by_ticket(&signed_out).await;
    let mut second = by_ticket(&removed).await;
    let mut third = by_ticket(&stays).await;
    let now = world.platform.now();
    let ended = world.platform.store().write(TenantId::LOCAL, move |tx| {
        tx.end_credential(session, now)?;
        tx.remove_member(user)
    });
    assert!(ended.await.expect("it is written"));
    world.emit(None, "member.removed", vec![json!({})]).await;
    assert_eq!(first.next().await, Got::Close(4401));
    assert_eq!(second.next().await, Got::Close(4403));
    third.json(&json!({ "type": "ping" })).await;
    assert_eq!(third.next().await, Got::Json(json!({ "type": "pong" })));
    world.stop.cancel();
    assert_eq!(third.next().await, Got::Close(1001));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_closed_and_resumes() {
    let world = World::new().await;
    let caller = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&caller, "a").await;
    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let mut client = open(&world, project, &token).await;
    subscribe(&mut client, &["*"], None).await;
    let mut all = world.emit(Some(project), "task.created", vec![json!({})]).await;
    let mut seen = vec![event(client.next().await)["id"].clone()];
    // More than the buffers of both sides hold, for longer than a slow reader is given.
    let (begun, padding) = (Instant::now(), "x".repeat(24 << 10));
    while begun.elapsed() < Duration::from_millis(1_500) || all.len() < 900 {
        let events = vec![json!({ "padding": padding }); 20];
        all.extend(world.emit(Some(project), "task.created", events).await);
    }
    let code = loop {
        match client.next().await {
            Got::Close(code) => break code,
            got => seen.push(event(got)["id"].clone()),
        }
    };
    assert_eq!(code, 1013);
    assert!(seen.len() < all.len(), "it was not slow");
    let last = seen.last().and_then(|id| id.as_str()?.parse().ok());
    let mut client = open(&world, project, &token).await;
    subscribe(&mut client, &["*"], last).await;
    while seen.len() < all.len() {
        seen.push(event(client.next().await)["id"].clone());
    }
    assert_eq!(seen, all.iter().map(|id| json!(id)).collect::<Vec<_>>());
}

/// What happens while somebody watches with a bad connection.
#[derive(Clone, Debug)]
enum Step {
    /// So many events in one commit, of this project or of another.
    Emit(usize, bool),
    /// The client takes so many events, if they are there.
    Take(usize),
    /// The connection breaks, and the client comes back with the last event that it has.
    Break,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..400usize, prop::bool::weighted(0.8)).prop_map(|(n, own)| Step::Emit(n, own)),
        (0..200usize).prop_map(Step::Take),
        Just(Step::Break),
    ];
    prop::collection::vec(step, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_watcher_that_resumes_misses_nothing_and_sees_nothing_twice(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(resumes(steps));
    }
}

async fn resumes(steps: Vec<Step>) {
    let world = World::new().await;
    let caller = world.caller(TenantId::LOCAL, Role::Owner).await;
    let (project, other) = (world.project(&caller, "a").await, world.project(&caller, "b").await);
    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let mut client = open(&world, project, &token).await;
    subscribe(&mut client, &["*"], None).await;
    let mut all = world.emit(Some(project), "task.created", vec![json!({})]).await;
    let mut seen: Vec<EventId> = Vec::new();
    let id = |got: Got| event(got)["id"].as_str().expect("an id").parse().expect("an id");
    seen.push(id(client.next().await));
    for step in steps {
        match step {
            Step::Emit(count, true) => {
                all.extend(world.emit(Some(project), "run.progressed", vec![json!({}); count]).await);
            }
            Step::Emit(count, false) => {
                drop(world.emit(Some(other), "run.progressed", vec![json!({}); count]).await);
            }
            Step::Take(count) => {
                for _ in 0..count.min(all.len() - seen.len()) {
                    seen.push(id(client.next().await));
                }
            }
            Step::Break => {
                client = open(&world, project, &token).await;
                subscribe(&mut client, &["*"], seen.last().copied()).await;
            }
        }
    }
    while seen.len() < all.len() {
        seen.push(id(client.next().await));
    }
    assert_eq!(seen, all);
    world.emit(Some(project), "task.completed", vec![json!({})]).await;
    assert_eq!(event(client.next().await)["type"], "dev.aamas.task.completed", "nothing came twice");
    assert_eq!(client.within(Duration::from_millis(30)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_watchers_see_an_event_soon() {
    const CLIENTS: usize = 200;
    let world = World::new().await;
    let caller = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&caller, "a").await;
    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = open(&world, project, &token).await;
        subscribe(&mut client, &["*"], None).await;
        clients.push(client);
    }
    // All of them read, each on its own, and say how long after the commit they saw each event.
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let mut readers = tokio::task::JoinSet::new();
    for mut client in clients {
        let sender = sender.clone();
        readers.spawn(async move {
            while let Got::Json(frame) = client.next().await {
                let n = frame["event"]["data"]["n"].as_u64().expect("it was sent");
                sender.send((n, Instant::now())).expect("somebody waits");
            }
        });
    }
    let mut late = Vec::new();
    for n in 0..10 {
        world.emit(Some(project), "task.created", vec![json!({ "n": n })]).await;
        let committed = Instant::now();
        for _ in 0..CLIENTS {
            let (got, at) = seen.recv().await.expect("everybody sees it");
            assert_eq!(got, n);
            late.push(at.saturating_duration_since(committed));
        }
    }
    late.sort();
    let p99 = late[late.len() * 99 / 100];
    println!("{CLIENTS} watchers: median {:?}, p99 {p99:?}", late[late.len() / 2]);
    // Without optimizations and beside other tests: a bound on mistakes, not the promise of a release build.
    assert!(p99 < Duration::from_secs(2), "{p99:?}");
}
