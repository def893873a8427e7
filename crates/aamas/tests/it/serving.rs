//! `aamas serve` as an operator meets it: the built binary, a database, HTTP, and a machine that goes down in the middle.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testkit::postgres::Scratch;

use crate::process::Live;
use crate::world::{Call, World};

/// Longest that anything here takes, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(140);
/// How often it is asked whether something has happened.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// A server that runs.
pub struct Server<'a> {
    pub live: Live<'a>,
    pub address: String,
}

impl<'a> Server<'a> {
    /// Started with these arguments; the link to sign in with where it printed one.
    pub fn start(world: &'a World, arguments: &[&str], first: First) -> (Self, Option<String>) {
        Self::start_with(world, arguments, first, &[])
    }

    /// The same with variables of the environment.
    pub fn start_with(
        world: &'a World,
        arguments: &[&str],
        first: First,
        variables: &[(&str, String)],
    ) -> (Self, Option<String>) {
        let call = Self::call(world, arguments);
        Self::of(variables.iter().fold(call, |call, (name, value)| call.env(name, value)), first)
    }

    /// The same through another program.
    pub fn start_through(
        world: &'a World,
        program: &str,
        before: &[&str],
        arguments: &[&str],
        first: First,
    ) -> (Self, Option<String>) {
        Self::of(Self::call(world, arguments).through(program, before.iter().copied()), first)
    }

    fn call(world: &'a World, arguments: &[&str]) -> Call<'a> {
        let all = ["serve", "--listen", "127.0.0.1:0"].iter().chain(arguments);
        world.aamas(all.copied()).unwatched()
    }

    fn of(call: Call<'a>, first: First) -> (Self, Option<String>) {
        let mut live = call.start();
        let link = (first == First::Yes).then(|| {
            let line = live.line("/setup#link=").expect("it prints a link");
            line.trim().rsplit_once("link=").expect("a link").1.to_owned()
        });
        let line = live.line("listening on").expect("it listens");
        let address = line.trim().rsplit_once("http://").expect("an address").1.to_owned();
        (Self { live, address }, link)
    }

    /// A request; the status and the body.
    pub fn ask(&self, line: &str, headers: &str, body: &Value) -> (u16, Value) {
        let (status, _, body) = self.ask_whole(line, headers, body);
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    /// The same with the head of the answer.
    pub fn ask_whole(&self, line: &str, headers: &str, body: &Value) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n{headers}\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("it answers");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, head.to_owned(), body.to_owned())
    }

    /// Asks again until the answer is as it should be.
    pub fn until(&mut self, path: &str, headers: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let (status, found) = self.ask(&format!("GET {path}"), headers, &Value::Null);
            if status == 200 && is_so(&found) {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{path} stays {found}");
            assert!(self.live.runs_for(ASK_EVERY), "the server ended");
        }
    }
}

/// Whether a server is started for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    Yes,
    No,
}

/// The header of a token.
pub fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_run_ends_it_after_its_next_start() {
    killed_and_finished(&World::python(), &[]);
}

#[test]
fn a_server_on_postgres_that_is_killed_in_the_middle_of_a_run_ends_it_after_its_next_start() {
    let scratch = Scratch::new();
    let url = scratch.url();
    let world = World::python();
    killed_and_finished(&world, &["--database", &url]);
    let files: Vec<_> = std::fs::read_dir(&world.data).expect("a directory").flatten().collect();
    assert!(
        files.iter().all(|f| f.path().extension().is_none_or(|e| e != "db")),
        "no rows beside: {files:?}"
    );
    // Nothing is done in a second place: without the address all say where the rows are, and with it all work on them.
    for arguments in [
        &["token", "create"][..],
        &["token", "list"],
        &["project", "list"],
        &["task", "list"],
        &["agents", "list"],
        &["policy", "list"],
        &["audit", "verify"],
        &["runs", "list"],
        &["pr", "list"],
        &["cost"],
        &["serve"],
    ] {
        let refused = world.aamas(arguments.iter().copied()).unwatched().raw();
        let error = &refused.refused(2, "rows_elsewhere")["error"];
        let (message, hint) = (error["message"].as_str(), error["hint"].as_str());
        assert!(message.is_some_and(|m| m.contains(" lie in postgres://")), "{refused}");
        assert!(
            hint.is_some_and(|h| h.contains("AAMAS_DATABASE_URL") && h.contains("--server")),
            "{refused}"
        );
    }
    assert!(!world.data.join("aamas.db").exists(), "a second place was begun");
    for (arguments, items) in [
        (["project", "list"], "projects"),
        (["task", "list"], "tasks"),
        (["token", "list"], "tokens"),
        (["runs", "list"], "runs"),
        (["pr", "list"], "pull_requests"),
    ] {
        let listed = world.aamas(arguments).env("AAMAS_DATABASE_URL", &url).unwatched().raw();
        assert_eq!(listed.document()[items].as_array().map(Vec::len), Some(1), "{arguments:?}: {listed}");
    }
    let other = Scratch::new();
    let warned = world.aamas(["project", "list", "--database", &other.url()]).unwatched().raw();
    assert_eq!(warned.document()["projects"], json!([]), "{warned}");
    assert!(warned.stderr.contains("and this is another database"), "{warned}");
    // Somebody who owns the database changes what a run did.
    scratch.run("ALTER TABLE journal DISABLE TRIGGER ALL").expect("the owner may");
    for (forged, want) in [
        ("UPDATE journal SET kind = 'steered' WHERE seq = 2", json!(["journal"])),
        ("UPDATE journal SET at = at + 1 WHERE seq = 2", json!(["journal"])),
        ("UPDATE receipts SET decision = 'deny' WHERE number = 1", json!(["receipt", "journal"])),
        ("TRUNCATE receipts", json!(["receipt", "receipt", "journal"])),
    ] {
        scratch.run(forged).expect("the owner may");
        let verified = world.aamas(["audit", "verify", "--database", &url]).unwatched().raw();
        let found = verified.document();
        let kinds: Vec<_> =
            found["findings"].as_array().expect("a list").iter().map(|f| &f["kind"]).collect();
        assert_eq!((verified.code, json!(kinds)), (3, want), "{forged}: {verified}");
    }
}

/// First start, owner, token, project, task; killed once the run is under way; started again, finished, verified.
fn killed_and_finished(world: &World, database: &[&str]) {
    let with = |more: &[&str]| [more, database].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let serve = [database, &["--model", "offline"]].concat();
    let (mut server, link) = Server::start(world, &serve, First::Yes);
    let new = json!({
        "link": link, "organization_name": "Acme", "name": "Ada", "email": "ada@example.org",
        "password": "seven lamps above the quiet harbour",
    });
    let (status, head, body) = server.ask_whole("POST /api/v1/setup", "", &new);
    assert!((200..300).contains(&status), "{status} {body}");
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a session");
    let cookie = format!("cookie: {}\r\n", cookie.split(';').next().expect("a pair"));
    let (status, me) = server.ask("GET /api/v1/session", &cookie, &Value::Null);
    assert_eq!((status, &me["user"]["email"]), (200, &json!("ada@example.org")), "{me}");

    let made = world.aamas(with(&["token", "create"])).unwatched().raw();
    assert_eq!(made.code, 0, "{made}");
    let who = bearer(made.document()["token"].as_str().expect("a token"));
    let new = json!({ "name": "Calc", "repository_url": world.repo });
    let (status, project) = server.ask("POST /api/v1/projects", &who, &new);
    assert_eq!(status, 201, "{project}");
    let project = project["id"].as_str().expect("an id").to_owned();
    server.until(&format!("/api/v1/projects/{project}"), &who, |p| p["status"] == "active");
    let new = json!({ "description": "Fix the failing test of calc.py", "solo": true });
    let (status, task) = server.ask(&format!("POST /api/v1/projects/{project}/tasks"), &who, &new);
    assert_eq!(status, 201, "{task}");
    let task = format!("/api/v1/tasks/{}", task["id"].as_str().expect("an id"));
    let runs = server
        .until(&format!("{task}/runs"), &who, |runs| runs["items"][0]["journal_seq"].as_u64() > Some(3));
    let run = runs["items"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(runs["items"][0]["status"], "running", "{runs}");
    server.live.signal(Signal::SIGKILL);
    let ended = server.live.end();
    assert_eq!(ended.code, 128 + 9, "{ended}");

    let (mut server, _) = Server::start(world, &serve, First::No);
    let done = server.until(&task, &who, |task| task["status"] != "working" && task["status"] != "submitted");
    assert_eq!(done["status"], "completed", "{done}");
    let (_, runs) = server.ask(&format!("GET {task}/runs"), &who, &Value::Null);
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(1), "the same run went on: {runs}");
    assert_eq!(runs["items"][0]["id"], json!(run));
    let (_, pulls) = server.ask("GET /api/v1/pull-requests", &who, &Value::Null);
    assert_eq!(pulls["items"].as_array().map(Vec::len), Some(1), "{pulls}");
    let branches = world.branches();
    assert_eq!(branches.len(), 1, "{branches:?}");
    assert!(world.show(&branches[0], "calc.py").contains("a + b"));
    server.live.signal(Signal::SIGTERM);
    let ended = server.live.end();
    assert_eq!(ended.code, 0, "{ended}");
    let verified = world.aamas(with(&["audit", "verify"])).unwatched().raw();
    assert_eq!((verified.code, &verified.document()["valid"]), (0, &json!(true)), "{verified}");
    assert!(verified.document()["entries"].as_u64() > Some(3), "{verified}");
}

/// The repository of [`World::python`] as a project, and a task to mend it; the header of a token and the task's path.
fn asked(world: &World, server: &mut Server<'_>) -> (String, String) {
    let made = world.aamas(["token", "create"]).unwatched().raw();
    assert_eq!(made.code, 0, "{made}");
    let who = bearer(made.document()["token"].as_str().expect("a token"));
    let new = json!({ "name": "Calc", "repository_url": world.repo });
    let (status, project) = server.ask("POST /api/v1/projects", &who, &new);
    assert_eq!(status, 201, "{project}");
    let new = json!({ "description": "Fix the failing test of calc.py", "solo": true });
    let path = format!("/api/v1/projects/{}/tasks", project["id"].as_str().expect("an id"));
    let (status, task) = server.ask(&format!("POST {path}"), &who, &new);
    assert_eq!(status, 201, "{task}");
    (who, format!("/api/v1/tasks/{}", task["id"].as_str().expect("an id")))
}

/// Whatever in a run kills its server kills it again after each start: a run that comes no further lets the others work.
#[test]
fn a_run_in_which_five_servers_died_pauses_until_a_person_resumes_it() {
    let world = World::python();
    let serve = ["--model", "offline"];
    let (mut server, _) = Server::start(&world, &serve, First::Yes);
    let (who, task) = asked(&world, &mut server);
    let mut last = 0;
    for death in 1..=5 {
        let runs = server.until(&format!("{task}/runs"), &who, |runs| {
            let run = &runs["items"][0];
            run["status"] == "running" && run["journal_seq"].as_u64() > Some(last)
        });
        last = runs["items"][0]["journal_seq"].as_u64().expect("a number");
        server.live.signal(Signal::SIGKILL);
        assert_eq!(server.live.end().code, 128 + 9, "death {death}");
        server = Server::start(&world, &serve, First::Yes).0;
    }
    let left = server.until(&task, &who, |task| task["error"].is_object());
    assert_eq!(
        (&left["status"], &left["queued"], &left["error"]["code"]),
        (&json!("working"), &json!(true), &json!("run_backs_off")),
        "{left}"
    );
    let (status, resumed) = server.ask(&format!("POST {task}/resume"), &who, &json!({}));
    assert_eq!(status, 200, "{resumed}");
    server.until(&task, &who, |task| task["status"] == "completed");
    server.live.signal(Signal::SIGTERM);
    assert_eq!(server.live.end().code, 0);
    let verified = world.aamas(["audit", "verify"]).unwatched().raw();
    assert_eq!((verified.code, &verified.document()["valid"]), (0, &json!(true)), "{verified}");
}

#[test]
fn a_server_that_logs_json_writes_nothing_else() {
    let world = World::python();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--model", "offline", "--log-format", "json"];
    let mut live = world.aamas(arguments).unwatched().start();
    let line: Value = serde_json::from_str(&live.line("listening on").expect("it listens")).expect("JSON");
    let address = line["message"].as_str().and_then(|m| m.rsplit_once("http://")).expect("an address").1;
    let mut server = Server { live, address: address.to_owned() };
    let (who, task) = asked(&world, &mut server);
    let done = server.until(&task, &who, |task| task["status"] == "completed");
    let second = world.aamas(arguments).unwatched().raw();
    server.live.signal(Signal::SIGTERM);
    let ended = server.live.end();

    let lines = |text: &str| -> Vec<Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    };
    second.refused(2, "already_serving");
    let told = lines(&second.stderr);
    assert_eq!((told.len(), &told[0]["error.code"]), (1, &json!("already_serving")), "{second}");
    let log = lines(&ended.stderr);
    let link = log.iter().find_map(|line| line["setup.link"].as_str()).unwrap_or_default();
    assert!(link.starts_with(&format!("http://{}/setup#link=", server.address)), "{ended}");
    let of_run: Vec<_> = log.iter().filter(|line| line["span"]["name"] == "run").collect();
    assert!(of_run.len() >= 2, "its begin and its end: {ended}");
    for line in of_run {
        let ids = (&line["span"]["run.id"], &line["span"]["task.id"]);
        assert_eq!(ids, (&done["run_id"], &done["id"]), "{line}");
    }
}

#[test]
fn a_quiet_server_tells_its_first_start_all_the_same() {
    let world = World::empty();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
    let mut live = world.aamas(arguments).env("AAMAS_LOG", "off").unwatched().start();
    let line: Value = serde_json::from_str(&live.line("first start").expect("it says so")).expect("JSON");
    assert_eq!(line["level"], "INFO", "{line}");
    assert!(line["setup.link"].as_str().is_some_and(|link| link.contains("/setup#link=")), "{line}");
}
