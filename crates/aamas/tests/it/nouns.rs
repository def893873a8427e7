//! Projects, tasks, agents, policies and tokens: the same commands on the data directory and on a server.

use insta::assert_snapshot;

use crate::session::{Server, Session};
use crate::world::{World, finish, write};

const OPEN: &str = "permit (principal in Role::\"viewer\", action == Action::\"tasks.create\", resource);\n";
const WRONG: &str = "permit (principal, action == Action::\"tasks.creat\", resource);\n";

/// What the nouns do, whoever does the work: nothing here waits for an engine.
fn nouns(session: &mut Session<'_>, world: &World, served: bool) {
    let repo = world.repo.display().to_string();
    for (name, text) in [("open.cedar", OPEN), ("wrong.cedar", WRONG)] {
        std::fs::write(world.root().join(name), text).expect("a file");
    }
    std::fs::write(world.root().join("task.md"), "Add a file\n\nWith two lines of task.\n").expect("a file");
    for arguments in [
        &["project", "list"][..],
        &["task", "create", "Add a file"],
        &[
            "project",
            "create",
            "Ledger",
            "--repo",
            &repo,
            "--tech",
            "python",
            "--capability",
            "backend",
            "--budget-usd",
            "2.5",
        ],
        &["project", "create", "Ledger", "--repo", "ftp://example.org/x", "--data-class", "odd"],
        &["project", "show", "Ledger"],
        &["project", "update", "last", "--model", "offline", "--yes=false"],
        &["project", "update", "Ledger"],
        &["project", "list"],
        &["project", "list", "--status", "odd"],
        &[
            "task",
            "create",
            "--hold",
            "--priority",
            "high",
            "--due",
            "2030-01-31T12:00:00Z",
            "--capability",
            "data",
            "@../task.md",
        ],
        &[
            "task",
            "create",
            "--hold",
            "--project",
            "Ledger",
            "--type",
            "docs",
            "--after",
            "last",
            "--title",
            "Say it",
            "Document it",
        ],
        &["task", "create", "--hold", "--project", "Ledger", "--priority", "urgent", "Document it"],
        &["task", "create", "--hold", "--project", "nowhere", "Document it"],
        &["task", "list"],
        &["task", "show", "last"],
        &[
            "task",
            "update",
            "last",
            "--priority",
            "critical",
            "--due",
            "2031-01-31T12:00:00Z",
            "--agent",
            "Docs writer",
        ],
        &["task", "list", "--agent", "Docs writer", "--status", "submitted"],
        &["task", "retry", "last"],
        &["task", "cancel", "last"],
        &["task", "resume", "last"],
        &["task", "watch", "last"],
        &["--json", "task", "show", "last"],
        &["task", "show", "task_00000000000000000000000000"],
        &["agents", "list", "--type", "reviewer"],
        &[
            "agents",
            "register",
            "Payments developer",
            "--specialization",
            "payments",
            "--capability",
            "payments,testing",
            "--project",
            "Ledger",
        ],
        &["agents", "register", "Payments developer"],
        &["agents", "show", "Payments developer"],
        &["agents", "update", "Payments developer", "--model", "offline"],
        &["agents", "match", "last"],
        &["agents", "retire", "Payments developer"],
        &["agents", "list", "--status", "retired"],
        &["policy", "list"],
        &["policy", "test", "../open.cedar"],
        &[
            "policy",
            "test",
            "../open.cedar",
            "--request",
            "tasks.create",
            "--request",
            r#"{"action":"tasks.create","principal":{"role":"viewer"}}"#,
        ],
        &["--json", "policy", "test", "../wrong.cedar"],
        &["policy", "test", "../wrong.cedar"],
        &["policy", "test", "../open.cedar", "--request", "tasks.dance"],
        &["policy", "explain", "tasks.create", "--role", "viewer"],
        &["--json", "policy", "explain", "projects.read"],
        &["project", "archive", "Ledger"],
        &["project", "list", "--status", "archived"],
        &["task", "create", "--project", "Ledger", "One more"],
    ] {
        session.run(arguments);
        if served && arguments[..2] == ["project", "create"] {
            session.settle();
        }
    }
    let token = session.document(&[
        "token",
        "create",
        "--role",
        "ci",
        "--name",
        "pipeline",
        "--expires-in-days",
        "30",
    ]);
    let id = token["token_id"].as_str().expect("an id");
    session.run(&["token", "list"]);
    session.run(&["token", "revoke", id]);
    session.run(&["token", "revoke", id]);
}

#[test]
fn the_nouns_work_on_the_data_directory() {
    let world = World::plain();
    let mut session = Session::here(&world);
    nouns(&mut session, &world, false);
    assert_snapshot!(session.said());
}

#[test]
fn the_nouns_work_on_a_server() {
    let world = World::plain();
    let server = Server::start(&world, &world.root().join("served"));
    let mut session = Session::on(&world, &server);
    nouns(&mut session, &world, true);
    assert_snapshot!(session.said());
    assert!(!world.data.exists(), "the data directory of this machine was touched");
}

#[test]
fn a_task_waits_for_a_server_and_says_so() {
    let world = World::plain();
    let repo = world.repo.display().to_string();
    let mut session = Session::here(&world);
    session.run(&["project", "create", "Ledger", "--repo", &repo]);
    session.run(&["task", "create", "Add a file"]);
    session.run(&["task", "create", "--wait", "Add a file"]);
    session.run(&["task", "watch", "last"]);
    session.run(&["project", "archive", "Ledger"]);
    session.run(&["project", "restore", "Ledger"]);
    assert_snapshot!(session.said());
}

#[test]
fn a_receipt_is_explained_without_a_server() {
    let world = World::plain();
    let server = Server::start(&world, &world.data);
    let viewer = Server::token_on(&world, &world.data, "viewer");
    let mut refused = Session::on(&world, &server);
    refused.set("AAMAS_TOKEN", &viewer);
    let ran = refused.quiet(&["--json", "project", "create", "Ledger", "--repo", "/srv/ledger"]);
    let document = ran.refused(2, "forbidden");
    let hint = document["error"]["hint"].as_str().expect("a hint");
    let receipt = hint.split(' ').find(|word| word.starts_with("receipt_")).expect("it names the receipt");
    let mut session = Session::here(&world);
    session.run(&["policy", "explain", receipt]);
    session.run(&["--json", "policy", "explain", receipt]);
    session.run(&["policy", "explain", "receipt_00000000000000000000000000"]);
    assert_snapshot!(session.said());
    let here = session_of(&world, None).document(&["policy", "explain", receipt]);
    let there = session_of(&world, Some(&server)).document(&["policy", "explain", receipt]);
    assert_eq!(here, there);
}

fn session_of<'a>(world: &'a World, server: Option<&Server<'_>>) -> Session<'a> {
    server.map_or_else(|| Session::here(world), |server| Session::on(world, server))
}

#[test]
fn who_fits_is_said_with_reasons_and_so_is_why_nobody_does() {
    let world = World::plain();
    let repo = world.repo.display().to_string();
    let mut session = Session::here(&world);
    session.document(&["project", "create", "Ledger", "--repo", &repo]);
    session.run(&["agents", "match", "--words", "Speed up the nightly import of the database"]);
    session.run(&[
        "--json",
        "agents",
        "match",
        "--words",
        "Write it down",
        "--type",
        "docs",
        "--capability",
        "docs",
        "--project",
        "Ledger",
    ]);
    for agent in
        session.document(&["agents", "list", "--type", "developer"])["agents"].as_array().expect("a list")
    {
        if agent["specialization"] != "mobile" {
            session.document(&["agents", "retire", agent["id"].as_str().expect("an id")]);
        }
    }
    session.run(&["agents", "match", "--words", "Ship it", "--capability", "data"]);
    session.run(&["agents", "match"]);
    assert_snapshot!(session.said());
}

#[test]
fn a_task_beside_a_server_is_followed_to_its_end() {
    let world = World::plain();
    let server = Server::start(&world, &world.data);
    let model = world.script(&[write("added.txt", "added\n"), finish("Add a file")]);
    let failing = world.script(&[serde_json::json!({ "fail": { "status": 401 } })]);
    for session in [Session::here(&world), Session::on(&world, &server)] {
        session.document(&["project", "create", "Ledger", "--repo", &world.repo.display().to_string()]);
        let made = session.quiet(&[
            "--json",
            "task",
            "create",
            "--project",
            "last",
            "--wait",
            "--solo",
            "--model",
            &model,
            "Add a file",
        ]);
        assert_eq!(made.code, 0, "{made}");
        let document = made.document();
        assert_eq!(
            (&document["task"]["status"], &document["run"]["status"]),
            (&"completed".into(), &"ready".into())
        );
        assert_eq!(document["task"]["run_id"], document["run"]["run_id"]);
        for line in [" asked: ", "write_file added.txt", "branch aamas/add-a-file-"] {
            assert!(made.stderr.contains(line), "{line}: {made}");
        }
        let branch = document["run"]["branch"].as_str().expect("a branch");
        assert_eq!(world.changed(branch), ["added.txt"]);
        let watched = session.quiet(&["task", "watch", "last"]);
        assert!(watched.code == 0 && watched.stdout.contains("ready  run_"), "{watched}");
        let failed = session.quiet(&[
            "task",
            "create",
            "--project",
            "last",
            "--wait",
            "--solo",
            "--model",
            &failing,
            "Fail",
        ]);
        assert_eq!(failed.code, 6, "{failed}");
    }
}
