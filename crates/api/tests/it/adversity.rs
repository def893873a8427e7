//! The server while things go wrong around it: the database is held or gone, clients are slow, huge or mad, and the clock
//! jumps. Requests end in bounded time with a cause, nothing is half done, and it goes on by itself afterwards.

#![expect(clippy::disallowed_methods, reason = "another process holds the database")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use auth::Role;
use axum::http::{Method, StatusCode};
use domain::TenantId;
use serde_json::{Value, json};
use testkit::postgres::Filter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::graphql_http::ask;
use crate::rest_world::{Answer, Place, World};
use crate::websocket_client::{Client, Got};
use crate::websocket_world::World as Watched;

/// What a request may take while the database is held: SQLite's own patience, and a busy machine.
const BOUND: Duration = Duration::from_secs(25);

async fn new_project(world: &World, token: &str, name: &str) -> Answer {
    let new = json!({ "name": name, "repository_url": "/srv/x" });
    world.send(Method::POST, "/api/v1/projects", Some(token), Some(&new)).await
}

async fn names(world: &World, token: &str) -> Vec<String> {
    let listed = world.send(Method::GET, "/api/v1/projects", Some(token), None).await;
    assert_eq!(listed.status, StatusCode::OK, "{}", listed.text);
    let items = listed.json()["items"].as_array().expect("a list").clone();
    items.iter().map(|p| p["name"].as_str().expect("a name").to_owned()).collect()
}

/// A refusal that says to come again.
fn is_put_off(answer: &Answer, code: &str) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    assert_eq!(answer.json()["code"], code, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|s| s > 0), "{:?}", answer.headers);
}

async fn audit_is_whole(world: &World, token: &str) {
    let found = world.send(Method::POST, "/api/v1/audit/verify", Some(token), Some(&json!({}))).await;
    assert_eq!((found.status, &found.json()["valid"]), (StatusCode::OK, &json!(true)), "{}", found.text);
}

/// Another process that holds the lock of writers until it is told to let go.
struct Holder(Child);

impl Holder {
    fn of(dir: &std::path::Path) -> Self {
        // Python takes the lock of writers before the first change, and this one changes nothing.
        const HOLD: &str = "import sqlite3, sys\n\
            db = sqlite3.connect(sys.argv[1], isolation_level='IMMEDIATE')\n\
            db.execute('UPDATE outbox SET position = position WHERE 0')\nprint('held', flush=True)\n\
            sys.stdin.readline()\ndb.rollback()\n";
        let mut child = Command::new("python3")
            .args(["-c", HOLD])
            .arg(dir.join("aamas.db"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is here");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("it says so");
        assert_eq!(line, "held\n");
        Self(child)
    }

    fn let_go(mut self) {
        self.0.stdin.take().expect("a pipe").write_all(b"go\n").expect("it waits");
        assert!(self.0.wait().expect("it ends").success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_process_holds_the_database_writes_are_put_off_and_reads_go_on() {
    let world = World::new().await;
    let token = world.token(TenantId::LOCAL, Role::Owner).await;
    assert_eq!(new_project(&world, &token, "before").await.status, StatusCode::CREATED);
    let holder = Holder::of(world.platform.store().dir());
    let begun = Instant::now();
    let writes = futures_util::future::join_all((0..12).map(|_| new_project(&world, &token, "held")));
    let reads = async { (names(&world, &token).await, begun.elapsed()) };
    let probe = async { (world.send(Method::GET, "/ready", None, None).await, begun.elapsed()) };
    let (answers, (seen, read_took), (ready, probe_took)) = tokio::join!(writes, reads, probe);
    assert!(begun.elapsed() < BOUND, "twelve writers waited {:?}", begun.elapsed());
    assert_eq!(seen, ["before"]);
    assert!(read_took < Duration::from_secs(5), "a reader waited {read_took:?}");
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{}", ready.text);
    assert_eq!(ready.json()["code"], "store_silent", "{}", ready.text);
    assert!(probe_took < Duration::from_secs(5), "a probe waited {probe_took:?}");
    answers.iter().for_each(|answer| is_put_off(answer, "database_locked"));
    let query = json!({ "query": "mutation { registerAgent(input: {name: \"x\", type: \"developer\"}) { success } }" });
    let graph = world.send(Method::POST, "/graphql", Some(&token), Some(&query)).await;
    assert_eq!(graph.json()["errors"][0]["extensions"]["code"], "database_locked", "{}", graph.text);
    holder.let_go();
    assert_eq!(new_project(&world, &token, "after").await.status, StatusCode::CREATED);
    assert_eq!(names(&world, &token).await, ["after", "before"], "nothing was half done, or done later");
    audit_is_whole(&world, &token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_and_comes_back_is_used_again_on_postgres() {
    let world = World::at(Place::Postgres(Filter::Kept)).await;
    let token = world.token(TenantId::LOCAL, Role::Owner).await;
    let proxy = &world.database.as_ref().expect("it is on PostgreSQL").proxy;
    assert_eq!(new_project(&world, &token, "before").await.status, StatusCode::CREATED);
    for round in 0..3 {
        proxy.go();
        let begun = Instant::now();
        is_put_off(&new_project(&world, &token, "gone").await, "database_unreachable");
        let read = world.send(Method::GET, "/api/v1/projects", Some(&token), None).await;
        is_put_off(&read, "database_unreachable");
        let ready = world.send(Method::GET, "/ready", None, None).await;
        assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{}", ready.text);
        assert_eq!(ready.json()["code"], "database_unreachable", "{}", ready.text);
        assert_eq!(world.send(Method::GET, "/health", None, None).await.status, StatusCode::OK);
        assert!(begun.elapsed() < BOUND, "it took {:?}", begun.elapsed());
        proxy.come_back();
        let name = format!("after {round}");
        assert_eq!(new_project(&world, &token, &name).await.status, StatusCode::CREATED);
        assert_eq!(world.send(Method::GET, "/ready", None, None).await.status, StatusCode::OK);
    }
    assert_eq!(names(&world, &token).await, ["after 2", "after 1", "after 0", "before"]);
    audit_is_whole(&world, &token).await;
}

/// The server of a world on a free port; it ends with the set.
async fn served(world: &World) -> (SocketAddr, JoinSet<()>) {
    let listener = api::Listener::bind("127.0.0.1:0".parse().expect("an address"), None).await;
    let listener = listener.expect("a free port");
    let address = listener.address().expect("it is bound");
    let mut tasks = JoinSet::new();
    tasks.spawn(api::serve(listener, world.state.clone(), world.router.clone(), CancellationToken::new()));
    (address, tasks)
}

/// Sends the beginning of a request and then one byte every few seconds; what came back and after how long.
async fn slowly(address: SocketAddr, beginning: String) -> (String, Duration) {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(beginning.as_bytes()).await.expect("it reads");
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        tokio::select! {
            read = stream.read(&mut buffer) => match read {
                Ok(0) | Err(_) => break,
                Ok(n) => bytes.extend(&buffer[..n]),
            },
            () = tokio::time::sleep(Duration::from_secs(3)) => {
                if stream.write_all(b"a").await.is_err() {
                    break;
                }
            }
        }
    }
    (String::from_utf8_lossy(&bytes).into_owned(), begun.elapsed())
}

/// Takes as long as the server's own patience with a body, half a minute; the machine is idle meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_a_byte_now_and_then_is_cut_off() {
    let world = World::new().await;
    let token = world.token(TenantId::LOCAL, Role::Owner).await;
    let (address, _tasks) = served(&world).await;
    let body = format!(
        "POST /api/v1/projects HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 1000000\r\n\r\n{{\"name\": \""
    );
    let head = slowly(address, "GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ".into());
    let ((head, head_took), (body, body_took)) = tokio::join!(head, slowly(address, body));
    assert!(head_took <= Duration::from_secs(25), "a head took {head_took:?}: {head}");
    assert!(body_took <= Duration::from_secs(45), "a body took {body_took:?}: {body}");
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    assert_eq!(names(&world, &token).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_heads_that_are_too_large_are_refused() {
    let world = World::new().await;
    let token = world.token(TenantId::LOCAL, Role::Owner).await;
    let (address, _tasks) = served(&world).await;
    let status = async |head: String, body: Vec<u8>| {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let sending = async {
            let (mut reader, mut writer) = stream.split();
            let write = async {
                // It may have hung up before everything was sent.
                let _ = writer.write_all(head.as_bytes()).await;
                let _ = writer.write_all(&body).await;
            };
            let read = async {
                let mut bytes = vec![0; 64];
                let n = reader.read(&mut bytes).await.unwrap_or(0);
                String::from_utf8_lossy(&bytes[..n]).into_owned()
            };
            tokio::join!(write, read).1
        };
        let said = tokio::time::timeout(Duration::from_secs(60), sending).await.expect("it answers");
        said.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok())
    };
    let who = format!("host: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n");
    for path in ["/api/v1/projects", "/graphql", "/api/v1/session"] {
        let large = format!("{{\"name\": \"{}\"}}", "x".repeat(3 << 20)).into_bytes();
        let head = format!("POST {path} HTTP/1.1\r\n{who}content-length: {}\r\n\r\n", large.len());
        assert_eq!(status(head, large).await, Some(413), "{path}");
        let head = format!("POST {path} HTTP/1.1\r\n{who}content-length: 9000000000000\r\n\r\n");
        assert_eq!(status(head, b"{".to_vec()).await, Some(413), "{path}, announced");
        let head = format!("POST {path} HTTP/1.1\r\n{who}transfer-encoding: chunked\r\n\r\n");
        let endless = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000)).repeat(64).into_bytes();
        assert_eq!(status(head, endless).await, Some(413), "{path}, in pieces");
    }
    let head = format!("GET /api/v1/projects HTTP/1.1\r\n{who}x-large: {}\r\n\r\n", "x".repeat(1 << 20));
    assert_eq!(status(head, Vec::new()).await, Some(431));
    let head = format!("GET /api/v1/projects?q={} HTTP/1.1\r\n{who}\r\n", "x".repeat(1 << 20));
    assert!(matches!(status(head, Vec::new()).await, Some(414 | 431)));
    assert_eq!(names(&world, &token).await, [""; 0]);
}

/// Texts that are no JSON, or none that anybody meant.
fn mad() -> Vec<String> {
    let good =
        json!({ "name": "x", "description": "x", "query": "{ viewer { id } }", "variables": {} }).to_string();
    let mut all = vec![
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        format!("{{\"query\": \"{}\"}}", "{ a ".repeat(10_000)),
        format!("{{\"query\": \"query {}\"}}", "(".repeat(10_000)),
        "{\"name\": 1e999999}".into(),
        "{\"name\": \"\\ud800\"}".into(),
        "{\"name\": \"\\u0000\"}".into(),
        "{\"name\": null, \"name\": 5}".into(),
        "\u{feff}{}".into(),
        "null".into(),
        "-".into(),
    ];
    // Every prefix, and every byte turned into another one.
    all.extend((0..good.len()).map(|end| good[..end].to_owned()));
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = bytes[at].wrapping_mul(31).wrapping_add(17) & 0x7f;
        all.push(String::from_utf8(bytes).expect("ASCII"));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn mad_bodies_are_refused_in_words() {
    let world = World::new().await;
    let token = world.token(TenantId::LOCAL, Role::Owner).await;
    let (address, _tasks) = served(&world).await;
    let headers = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
    for body in mad() {
        for line in ["POST /api/v1/agents", "POST /graphql", "POST /api/v1/session"] {
            let answer = ask(address, line, &headers, &body).await;
            let shown: String = body.chars().take(200).collect();
            assert!(answer.status < 500, "{line} {shown}: {} {}", answer.status, answer.body);
            serde_json::from_str::<Value>(&answer.body).unwrap_or_else(|e| panic!("{line} {shown}: {e}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mad_frames_end_their_own_socket_and_no_other() {
    let world = Watched::new().await;
    let owner = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&owner, "a").await;
    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let header = format!("authorization: Bearer {}\r\n", token.expose());
    let updates = format!("/ws/project/{project}/updates");
    let graph = "sec-websocket-protocol: graphql-transport-ws\r\n";
    let mut calm = Client::open(world.address, &updates, &header).await.expect("it may");
    let mut seed = 7_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 8
    };
    for round in 0..200 {
        let (path, headers) =
            if round % 2 == 0 { (updates.as_str(), header.as_str()) } else { ("/graphql/ws", graph) };
        let mut client = Client::open(world.address, path, headers).await.expect("it may");
        for _ in 0..4 {
            let text = &mad()[usize::try_from(next()).expect("small") % 11];
            let head = u8::try_from(next() & 0xff).expect("a byte");
            match next() % 3 {
                0 => client.text(&text[..text.len().min(4_000)]).await,
                1 => client.frame(head, &text.as_bytes()[..text.len().min(100)]).await,
                _ => client.frame(0x81, &[0xff, 0xfe, head]).await,
            }
        }
    }
    calm.json(&json!({ "type": "ping" })).await;
    assert_eq!(calm.next().await, Got::Json(json!({ "type": "pong" })));
}

/// What was used up or has ended stays so, whatever the clock says; what was just made counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_brings_nothing_back() {
    let world = Watched::new().await;
    let owner = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&owner, "a").await;
    let (_, _, person) = world.person(Role::Viewer).await;
    let open = async |ticket: &domain::Secret| {
        let path = format!("/ws/project/{project}/updates?token={}", ticket.expose());
        Client::open(world.address, &path, "").await.map(drop)
    };
    let (used, unused) = (world.ticket(&person, project).await, world.ticket(&person, project).await);
    assert_eq!(open(&used).await, Ok(()));
    world.clock.jump_back(Duration::from_secs(24 * 3600));
    assert_eq!(open(&used).await, Err(401), "it was used up");
    assert_eq!(open(&unused).await, Ok(()), "it was not");
    let token = world.token(TenantId::LOCAL, Role::Viewer).await;
    let header = format!("authorization: Bearer {}\r\n", token.expose());
    let answer = ask(world.address, "GET /api/v1/projects", &header, "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let fresh = world.ticket(&person, project).await;
    world.clock.pass(Duration::from_secs(61));
    assert_eq!(open(&fresh).await, Err(401), "a minute is a minute");
    let owner = world.token(TenantId::LOCAL, Role::Owner).await;
    let header = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", owner.expose());
    let verified = ask(world.address, "POST /api/v1/audit/verify", &header, "{}").await;
    assert_eq!(verified.json()["valid"], true, "{}", verified.body);
}
