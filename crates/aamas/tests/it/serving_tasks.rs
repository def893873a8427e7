//! Tasks of a server where something is not as usual: nobody fits, the branch is not checked out, the model is a file of
//! the machine, the database is taken away.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::serving::{First, Server, bearer};
use crate::world::{World, finish, mend, write};

/// The header of a token with this role.
fn token(world: &World, role: &str) -> String {
    let made = world.aamas(["token", "create", "--role", role]).unwatched().raw();
    assert_eq!(made.code, 0, "{made}");
    bearer(made.document()["token"].as_str().expect("a token"))
}

/// The repository of the world as an active project; its path.
fn project(world: &World, server: &mut Server<'_>, who: &str) -> String {
    let new = json!({ "name": "Calc", "repository_url": world.repo });
    let (status, project) = server.ask("POST /api/v1/projects", who, &new);
    assert_eq!(status, 201, "{project}");
    let path = format!("/api/v1/projects/{}", project["id"].as_str().expect("an id"));
    server.until(&path, who, |p| p["status"] == "active");
    path
}

fn stop(server: Server<'_>) {
    server.live.signal(Signal::SIGTERM);
    let ended = server.live.end();
    assert_eq!(ended.code, 0, "{ended}");
}

#[test]
fn a_task_that_fits_nobody_begins_when_somebody_comes_and_is_merged_where_it_began() {
    let world = World::python();
    let began = world.git(&["symbolic-ref", "--short", "HEAD"]);
    let model = world.script(&[mend(), finish("Let add add")]);
    let (mut server, _) = Server::start(&world, &["--model", "offline"], First::Yes);
    let owner = token(&world, "owner");
    let project = project(&world, &mut server, &owner);

    let new = json!({
        "description": "Fix add in calc.py", "solo": true, "model": model,
        "requirements": { "capabilities": ["abacus"] },
    });
    let (status, task) = server.ask(&format!("POST {project}/tasks"), &owner, &new);
    assert_eq!((status, &task["assigned_agent"]), (201, &Value::Null), "{task}");
    let reason = task["assignment"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("abacus"), "{task}");
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().expect("an id"));
    let new = json!({ "name": "Counter", "type": "developer", "capabilities": ["abacus"] });
    let (status, agent) = server.ask("POST /api/v1/agents", &owner, &new);
    assert_eq!(status, 201, "{agent}");
    let done = server.until(&path, &owner, |task| task["status"] == "completed");
    assert_eq!(done["assigned_agent"], agent["id"], "{done}");

    // A line that the file does not have is none to speak of.
    let pull = format!("/api/v1/pull-requests/{}", done["pull_request_id"].as_str().expect("an id"));
    let say = |line: u64| json!({ "body": "Why?", "path": "calc.py", "line": line });
    assert_eq!(server.ask(&format!("POST {pull}/comments"), &owner, &say(1)).0, 201);
    let (status, refused) = server.ask(&format!("POST {pull}/comments"), &owner, &say(4_000));
    assert_eq!((status, &refused["errors"][0]["field"]), (409, &json!("line")), "{refused}");

    // Who decides on something else than they have seen is told so.
    let stale = format!("{owner}if-match: \"1-0\"\r\n");
    assert_eq!(server.ask(&format!("POST {pull}/approve"), &stale, &json!({})).0, 412);
    assert_eq!(server.ask(&format!("POST {path}/cancel"), &stale, &json!({})).0, 412);
    let (_, head, _) = server.ask_whole(&format!("GET {pull}"), &owner, &Value::Null);
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag");
    let seen = format!("{owner}if-match: {tag}\r\n");
    assert_eq!(server.ask(&format!("POST {pull}/approve"), &seen, &json!({})).0, 200);

    world.git(&["checkout", "--quiet", "-b", "elsewhere"]);
    let before = world.git(&["rev-parse", "elsewhere"]);
    let (status, asked) = server.ask(&format!("POST {pull}/merge"), &owner, &json!({}));
    assert!((200..300).contains(&status), "{asked}");
    let merged = server.until(&pull, &owner, |pull| pull["status"] == "merged");
    assert_eq!(merged["target"], json!(began), "{merged}");
    assert!(merged["merged_by"].is_string() && merged["merged_at"].is_string(), "{merged}");
    assert!(world.show(&began, "calc.py").contains("a + b"));
    let now = (world.git(&["symbolic-ref", "--short", "HEAD"]), world.git(&["rev-parse", "elsewhere"]));
    assert_eq!(now, ("elsewhere".to_owned(), before), "what is checked out stays as it is");
    stop(server);
}

#[test]
fn tasks_name_models_of_the_machine_only_within_bounds() {
    let world = World::python();
    let open = world.root().join("open");
    std::fs::create_dir(&open).expect("a directory");
    let outside = world.script(&[write("a.txt", "a\n"), finish("Add a.txt")]);
    let inside = format!("script:{}", open.join("script.json").display());
    let text = std::fs::read(outside.trim_start_matches("script:")).expect("a script");
    std::fs::write(open.join("script.json"), &text).expect("a copy");
    let roots = [
        "--repository-root",
        world.repo.to_str().expect("text"),
        "--repository-root",
        open.to_str().expect("text"),
    ];
    let (mut server, _) = Server::start(&world, &[&["--model", "offline"][..], &roots].concat(), First::Yes);
    let (owner, developer) = (token(&world, "owner"), token(&world, "developer"));
    let project = project(&world, &mut server, &owner);
    let hidden = world.data.join("script.json");
    std::fs::write(&hidden, &text).expect("a script");

    let mut ask = |who: &str, model: &str| {
        let new = json!({ "description": "Add a.txt", "solo": true, "model": model });
        let (status, task) = server.ask(&format!("POST {project}/tasks"), who, &new);
        if status != 201 {
            return (status, task["type"].clone());
        }
        let path = format!("/api/v1/tasks/{}", task["id"].as_str().expect("an id"));
        let over = ["completed", "failed"];
        let ended = server.until(&path, who, |task| over.iter().any(|word| task["status"] == *word));
        (status, ended["error"]["code"].clone())
    };
    assert_eq!(ask(&developer, &inside).0, 403);
    assert_eq!(ask(&owner, &inside), (201, Value::Null));
    assert_eq!(ask(&owner, &outside), (201, json!("model_not_allowed")));
    let hidden = format!("script:{}", hidden.display());
    assert_eq!(ask(&owner, &hidden), (201, json!("model_not_allowed")));
    stop(server);
}

#[test]
fn a_project_that_failed_is_brought_in_once_its_repository_is_mended() {
    let world = World::python();
    let (mut server, _) = Server::start(&world, &["--model", "offline"], First::Yes);
    let owner = token(&world, "owner");
    let away = world.root().join("away");
    std::fs::rename(world.repo.join(".git"), &away).expect("it is there");
    let new = json!({ "name": "Calc", "repository_url": world.repo });
    let (status, project) = server.ask("POST /api/v1/projects", &owner, &new);
    assert_eq!(status, 201, "{project}");
    let path = format!("/api/v1/projects/{}", project["id"].as_str().expect("an id"));
    server.until(&path, &owner, |p| p["status"] == "failed");
    std::fs::rename(&away, world.repo.join(".git")).expect("it comes back");
    let (status, again) = server.ask(&format!("PATCH {path}"), &owner, &json!({ "status": "active" }));
    assert_eq!((status, &again["status"]), (200, &json!("preparing")), "{again}");
    server.until(&path, &owner, |p| p["status"] == "active");
    stop(server);
}

#[test]
fn policies_and_the_audit_hold_for_the_command_line_too() {
    let world = World::python();
    let done =
        world.run(&world.script(&[mend(), finish("Let add add")]), &["Fix add in calc.py"]).ended(0, "ready");
    let pull = done["pull_request"]["id"].as_str().expect("an id");
    let (server, _) = Server::start(&world, &["--model", "offline"], First::Yes);
    let owner = token(&world, "owner");
    let policy = "forbid (principal, action == Action::\"pull_requests.merge\", resource);";
    let new = json!({ "name": "No merges", "text": policy });
    let (status, made) = server.ask("POST /api/v1/policies", &owner, &new);
    assert_eq!(status, 201, "{made}");
    let at = |arguments: &[&str]| world.aamas(arguments.iter().copied()).unwatched().raw();
    let refused = at(&["pr", "merge", pull]);
    assert_eq!((refused.code, &refused.document()["error"]["code"]), (2, &json!("forbidden")), "{refused}");
    assert!(!world.show("HEAD", "calc.py").contains("a + b"));
    assert_eq!(at(&["pr", "approve", pull]).code, 0);
    let (_, log) = server.ask("GET /api/v1/audit?limit=50", &owner, &Value::Null);
    let asked: Vec<_> =
        log["items"].as_array().expect("a list").iter().map(|entry| &entry["action"]).collect();
    assert!(asked.contains(&&json!("pull_request.approve_asked")), "{log}");
    stop(server);
}

#[test]
fn a_server_whose_database_is_taken_away_takes_no_writes() {
    let world = World::python();
    let (server, _) = Server::start(&world, &["--model", "offline"], First::Yes);
    let owner = token(&world, "owner");
    let new = json!({ "name": "Calc", "repository_url": world.repo });
    let file = world.data.join("aamas.db");
    let away = world.data.join("away.db");
    std::fs::rename(&file, &away).expect("it is there");
    let (status, refused) = server.ask("POST /api/v1/projects", &owner, &new);
    assert_eq!(status, 503, "{refused}");
    assert!(refused["type"].as_str().is_some_and(|kind| kind.ends_with("database_gone")), "{refused}");
    let (status, ready) = server.ask("GET /ready", "", &Value::Null);
    assert_eq!((status, &ready["code"]), (503, &json!("database_gone")), "{ready}");
    std::fs::rename(&away, &file).expect("it comes back");
    let (status, made) = server.ask("POST /api/v1/projects", &owner, &new);
    assert_eq!(status, 201, "{made}");
    stop(server);
    // What was written lies in the file, not beside it: a copy of it alone is whole.
    let copy = world.root().join("copy");
    std::fs::create_dir(&copy).expect("a directory");
    std::fs::copy(&file, copy.join("aamas.db")).expect("a copy");
    let listed = world.in_words_on(&copy, ["project", "list", "--json"]).unwatched().raw();
    assert_eq!((listed.code, &listed.document()["projects"][0]["name"]), (0, &json!("Calc")), "{listed}");
}
