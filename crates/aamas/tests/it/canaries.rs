//! A secret of its own goes in wherever one can; then it is looked for wherever something comes out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::serving::{First, Server, bearer};
use crate::world::World;

/// Secrets by the name of the way that they took, and what was answered.
#[derive(Default)]
struct Canaries {
    secrets: Vec<(String, String)>,
    /// What was answered; not where a secret is shown once, by design.
    answers: Vec<(String, String)>,
}

impl Canaries {
    /// A new secret.
    fn new_one(&mut self, way: &str) -> String {
        let secret = format!("Canary{}{}", way.replace([' ', '-'], ""), 8_461_273 + self.secrets.len());
        self.keep(way, &secret);
        secret
    }

    fn keep(&mut self, way: &str, secret: &str) {
        assert!(secret.len() > 8, "{way}: {secret:?} is too short to be found");
        self.secrets.push((way.to_owned(), secret.to_owned()));
    }

    /// A request whose answer may show no secret.
    fn ask(&mut self, server: &Server<'_>, line: &str, headers: &str, body: &Value) -> (u16, Value) {
        let (status, head, text) = server.ask_whole(line, headers, body);
        self.answers.push((line.to_owned(), format!("{head}\n{text}")));
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// The secrets that are in a text, by their ways.
    fn found<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = &'a str> {
        let is_in = |secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        self.secrets.iter().filter(move |(_, secret)| is_in(secret)).map(|(way, _)| way.as_str())
    }
}

#[test]
fn no_secret_comes_out_anywhere() {
    let world = World::plain();
    let mut canaries = Canaries::default();
    let identity = world.root().join("identity.toml");
    let text = format!(
        "public_url = \"http://127.0.0.1:8080\"\n[[providers]]\nid = \"acme\"\nname = \"Acme\"\n\
         issuer = \"https://127.0.0.1:9\"\nclient_id = \"x\"\nclient_secret = \"{}\"\njoins = true\n\
         links_by_email = false\n[providers.roles]\nclaim = \"groups\"\nroles = [[\"a\", \"admin\"]]\n",
        canaries.new_one("client secret")
    );
    std::fs::write(&identity, text).expect("a file");
    let variables: Vec<(&str, String)> =
        ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "DEPLOY_PASSWORD"]
            .map(|name| (name, canaries.new_one(name)))
            .into();
    let identity = identity.to_str().expect("a path of ours");
    let (mut server, link) = Server::start_with(
        &world,
        &["--identity", identity],
        First::Yes,
        &[
            variables.as_slice(),
            &[("AAMAS_LOG", "trace".into()), ("ANTHROPIC_BASE_URL", "http://127.0.0.1:9".into())],
        ]
        .concat(),
    );
    let session = sign_in(&mut canaries, &server, &link.expect("a link"));
    let who = machines(&mut canaries, &server, &session);
    wrong_ones(&mut canaries, &server, &session, &who);
    repositories_and_runs(&mut canaries, &mut server, &world, &who);
    for path in [
        "/metrics",
        "/ready",
        "/health",
        "/api/v1/projects",
        "/api/v1/tasks",
        "/api/v1/tokens",
        "/api/v1/members",
        "/api/v1/invitations",
        "/api/v1/audit?limit=200",
        "/api/v1/audit/export",
        "/api/v1/receipts?limit=200",
        "/api/v1/models",
        "/api/v1/setup",
    ] {
        let (status, _) = canaries.ask(&server, &format!("GET {path}"), &who, &Value::Null);
        assert_eq!(status, 200, "{path}");
    }
    let sessions = canaries.ask(&server, "GET /api/v1/sessions", &session, &Value::Null);
    assert_eq!(sessions.0, 200, "{}", sessions.1);
    server.live.signal(Signal::SIGTERM);
    let ended = server.live.end();
    assert_eq!(ended.code, 0, "{ended}");

    let mut leaks = Vec::new();
    // The link of the first start is printed for whoever starts the server.
    let log: Vec<_> = ended.stderr.lines().filter(|line| !line.starts_with("first start: ")).collect();
    assert!(log.len() > 20, "the log says little: {log:?}");
    leaks.extend(canaries.found(log.join("\n").as_bytes()).map(|way| format!("{way}: in the log")));
    for (line, answer) in &canaries.answers {
        leaks.extend(canaries.found(answer.as_bytes()).map(|way| format!("{way}: in the answer to {line}")));
    }
    let files = files(&world.data);
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap_or_default();
        leaks.extend(canaries.found(&bytes).map(|way| format!("{way}: in {}", file.display())));
    }
    assert_eq!(leaks, [""; 0], "{} secrets, {} answers", canaries.secrets.len(), canaries.answers.len());
    assert!(canaries.secrets.len() > 35, "{}", canaries.secrets.len());
}

/// The first person, with a second factor; the headers of their session.
fn sign_in(canaries: &mut Canaries, server: &Server<'_>, link: &str) -> String {
    canaries.keep("sign-in link", link);
    let password = format!("{} of lamps", canaries.new_one("password"));
    let new = json!({ "link": link, "organization_name": "A", "name": "Ada", "email": "ada@example.org", "password": password });
    let (status, head, body) = server.ask_whole("POST /api/v1/setup", "", &new);
    assert_eq!(status, 200, "{body}");
    canaries.answers.push(("POST /api/v1/setup".into(), body));
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a session");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    canaries.keep("session", cookie.split_once('=').expect("a value").1);
    let session = format!("cookie: {cookie}\r\nx-aamas-csrf: 1\r\n");
    let (status, factor) = server.ask("POST /api/v1/me/totp", &session, &json!({ "password": password }));
    assert_eq!(status, 200, "{factor}");
    canaries.keep("second factor", factor["secret"].as_str().expect("a secret"));
    let code = canaries.new_one("code");
    canaries.ask(server, "POST /api/v1/me/totp/confirm", &session, &json!({ "code": code }));
    session
}

/// A token, an invitation and a ticket; the header of the token.
fn machines(canaries: &mut Canaries, server: &Server<'_>, session: &str) -> String {
    let (status, token) =
        server.ask("POST /api/v1/tokens", session, &json!({ "name": "t", "role": "owner" }));
    assert_eq!(status, 201, "{token}");
    let token = token["token"].as_str().expect("a token");
    canaries.keep("token", token);
    let who = bearer(token);
    let new = json!({ "email": "bob@example.org", "role": "viewer" });
    let (_, invitation) = server.ask("POST /api/v1/invitations", &who, &new);
    let link = invitation["link"].as_str().expect("a link").to_owned();
    canaries.keep("invitation", &link);
    let password = format!("{} of lamps", canaries.new_one("invited password"));
    let accepted = json!({ "link": link, "name": "Bob", "password": password });
    let (status, _, body) = server.ask_whole("POST /api/v1/invitations/accept", "", &accepted);
    assert_eq!(status, 200, "{body}");
    let (_, ticket) = server.ask("POST /api/v1/tickets", &who, &json!({}));
    let ticket = ticket["ticket"].as_str().expect("a ticket").to_owned();
    canaries.keep("ticket", &ticket);
    upgrade(canaries, server, &ticket);
    who
}

/// Opens a socket with this in its address.
fn upgrade(canaries: &mut Canaries, server: &Server<'_>, ticket: &str) {
    let mut stream = TcpStream::connect(&server.address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
    let request = format!(
        "GET /ws/project/project_00000000000000000000000001/updates?token={ticket} HTTP/1.1\r\nhost: {}\r\n\
         connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut bytes = vec![0; 4096];
    let read = stream.read(&mut bytes).expect("it answers");
    canaries.answers.push(("a socket".into(), String::from_utf8_lossy(&bytes[..read]).into_owned()));
}

/// Secrets that are wrong, or stand in the wrong place.
fn wrong_ones(canaries: &mut Canaries, server: &Server<'_>, session: &str, who: &str) {
    let mut tell = |line: &str, headers: &str, way: &str, body: &dyn Fn(&str) -> Value| {
        let secret = canaries.new_one(way);
        let (line, headers) = (line.replace("SECRET", &secret), headers.replace("SECRET", &secret));
        let shown = line.split('?').next().unwrap_or_default().to_owned();
        let (_, head, text) = server.ask_whole(&line, &headers, &body(&secret));
        canaries.answers.push((shown, format!("{head}\n{text}")));
    };
    let none = &|_: &str| Value::Null;
    let login = "POST /api/v1/session";
    tell(login, "", "wrong password", &|s| json!({ "email": "ada@example.org", "password": s }));
    tell(login, "", "password as a member", &|s| json!({ "email": "a@b.c", "password": { "x": s } }));
    tell(login, "", "password as a body", &|s| json!(s));
    tell(login, "", "password beside", &|s| json!({ "email": 5, "password": s, "more": s }));
    tell(login, "", "wrong code", &|s| json!({ "email": "ada@example.org", "password": "x", "code": s }));
    tell("POST /api/v1/session/link", "", "wrong link", &|s| json!({ "link": s }));
    tell(
        "POST /api/v1/invitations/accept",
        "",
        "wrong invitation",
        &|s| json!({ "link": s, "name": "x", "password": "seven lamps above the quiet harbour" }),
    );
    tell("PATCH /api/v1/me", session, "new password", &|s| json!({ "password": s }));
    tell("DELETE /api/v1/me/totp", session, "password of the factor", &|s| json!({ "password": s }));
    let read = "GET /api/v1/projects";
    tell(read, "authorization: Bearer SECRET\r\n", "wrong token", none);
    tell(read, "authorization: Basic SECRET\r\n", "basic", none);
    tell(read, "cookie: aamas_session=SECRET\r\n", "wrong cookie", none);
    tell("GET /api/v1/projects?token=SECRET", who, "token in a query", none);
    tell("GET /api/v1/projects?limit=x&token=SECRET", who, "token in a bad query", none);
    tell("GET /graphql?query=%7Bviewer%7Bid%7D%7D&token=SECRET", who, "token of the graph", none);
    tell("POST /graphql", who, "variable", &|s| json!({ "query": "{ nothing }", "variables": { "p": s } }));
    tell(
        "POST /graphql",
        who,
        "typed variable",
        &|s| json!({ "query": "query($n: Int) { tasks(pagination: {first: $n}) { totalCount } }", "variables": { "n": s } }),
    );
    tell("GET /api/v1/session/sso/acme", "", "sso", none);
    tell("GET /api/v1/session/sso/acme/callback?code=SECRET&state=x", "", "code of a provider", none);
    tell("GET /api/v1/session/sso/acme/callback?code=x&state=SECRET", "", "state of a provider", none);
    let ticket = canaries.new_one("wrong ticket");
    upgrade(canaries, server, &ticket);
}

/// Addresses with credentials in them, and a run by a model that has a key.
fn repositories_and_runs(canaries: &mut Canaries, server: &mut Server<'_>, world: &World, who: &str) {
    for address in [
        "https://u:SECRET@h/x",
        "https://SECRET@h/x",
        "ssh://u:SECRET@h/x",
        "https://h/x?token=SECRET",
        "https://h/x#SECRET",
    ] {
        let secret = canaries.new_one("git address");
        let new = json!({ "name": "G", "repository_url": address.replace("SECRET", &secret) });
        let (status, refused) = canaries.ask(server, "POST /api/v1/projects", who, &new);
        assert_eq!(status, 422, "{address}: {refused}");
    }
    let new = json!({ "name": "P", "repository_url": world.repo });
    let (status, project) = canaries.ask(server, "POST /api/v1/projects", who, &new);
    assert_eq!(status, 201, "{project}");
    let tasks = format!("/api/v1/projects/{}/tasks", project["id"].as_str().expect("an id"));
    for model in ["anthropic/claude-sonnet-4-5", "offline"] {
        let new = json!({ "description": "Write a line", "solo": true, "model": model });
        let (status, task) = canaries.ask(server, &format!("POST {tasks}"), who, &new);
        assert_eq!(status, 201, "{task}");
    }
    let open = ["submitted", "working"];
    server.until(&tasks, who, |tasks| {
        let items = tasks["items"].as_array().expect("a list");
        items.iter().all(|task| !open.contains(&task["status"].as_str().unwrap_or_default()))
    });
    let (_, runs) = canaries.ask(server, "GET /api/v1/runs", who, &Value::Null);
    for run in runs["items"].as_array().expect("a list") {
        let run = run["id"].as_str().expect("an id");
        for path in [format!("/api/v1/runs/{run}"), format!("/api/v1/runs/{run}/journal")] {
            canaries.ask(server, &format!("GET {path}"), who, &Value::Null);
        }
    }
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => all.push(entry.path()),
            _ => {}
        }
    }
    all
}
