//! Runs, pull requests and figures of a server; and what is said when a server refuses, is away, or is none.

use insta::assert_snapshot;
use serde_json::json;

use crate::session::{Server, Session};
use crate::world::{World, calls, finish, write};

/// A server that worked on a task.
fn worked(world: &World) -> (Server<'_>, Session<'_>) {
    let server = Server::start(world, &world.root().join("served"));
    let session = Session::on(world, &server);
    session.document(&["project", "create", "Ledger", "--repo", &world.repo.display().to_string()]);
    let model = world.script(&[write("added.txt", "added\n"), finish("Add a file")]);
    session.document(&["task", "create", "--wait", "--solo", "--model", &model, "Add a file"]);
    (server, session)
}

#[test]
fn runs_and_pull_requests_of_a_server_are_read_and_decided() {
    let world = World::plain();
    let (_server, mut session) = worked(&world);
    for arguments in [
        &["runs", "list"][..],
        &["runs", "show", "last"],
        &["runs", "watch", "last"],
        &["runs", "replay", "last"],
        &["runs", "pause", "last"],
        &["runs", "steer", "last", "say it twice"],
        &["runs", "answer", "last", "blue"],
        &["runs", "cancel", "last"],
        &["runs", "resume", "last"],
        &["runs", "show", "run_0000"],
        &["pr", "list"],
        &["pr", "comment", "last", "--path", "added.txt", "--line", "1", "say more"],
        &["pr", "comment", "last", "--path", "nowhere.txt", "say more"],
        &["pr", "approve", "last"],
        &["pr", "show", "last"],
        &["pr", "apply", "last"],
        &["pr", "verify", "last"],
        &["pr", "merge", "last"],
        &["pr", "close", "last"],
        &["audit", "verify"],
        &["audit", "verify", "--file", "audit.jsonl", "--key", "signing.pub"],
    ] {
        session.run(arguments);
    }
    assert_snapshot!(session.said());
    assert!(!world.data.exists(), "the data directory of this machine was touched");
}

#[test]
fn documents_of_a_server_are_those_of_this_machine() {
    let world = World::plain();
    let (_server, there) = worked(&world);
    let here = {
        let session = Session::here(&world);
        let ran =
            world.run(&world.script(&[write("added.txt", "added\n"), finish("Add a file")]), &["Add a file"]);
        ran.ended(0, "ready");
        session
    };
    let members = |session: &Session<'_>, arguments: &[&str], path: &str| {
        let document = session.document(arguments);
        let found = document.pointer(path).unwrap_or_else(|| panic!("no {path}: {document}"));
        let names = found.as_object().expect("an object").keys().cloned();
        names.collect::<std::collections::BTreeSet<_>>()
    };
    for (arguments, path) in [
        (&["runs", "list"][..], "/runs/0"),
        (&["runs", "show", "last"], ""),
        (&["runs", "show", "last"], "/run"),
        (&["runs", "show", "last"], "/entries/0"),
        (&["runs", "watch", "last"], ""),
        (&["runs", "export", "last"], ""),
        (&["runs", "export", "last", "--format", "json"], ""),
        (&["runs", "export", "last", "--format", "html"], ""),
        (&["runs", "export", "last", "--format", "attestation"], ""),
        (&["cost"], ""),
        (&["cost"], "/total"),
        (&["runs", "replay", "last"], ""),
        (&["models", "list"], ""),
        (&["models", "list"], "/providers/0"),
        (&["models", "list"], "/models/0"),
        (&["audit", "verify"], ""),
        (&["audit", "verify"], "/organizations/0"),
    ] {
        let (mine, its) = (members(&here, arguments, path), members(&there, arguments, path));
        let missing: Vec<_> = mine.difference(&its).filter(|name| *name != "reasoning_tokens").collect();
        assert!(missing.is_empty(), "{arguments:?} {path}: {missing:?} of {its:?}");
    }
    let models = there.document(&["models", "list"]);
    assert!(
        models["providers"].as_array().is_some_and(|all| all.iter().any(|p| p["provider"] == "offline")),
        "{models}"
    );
    let trail = world.root().join("audit.jsonl");
    let path = trail.to_str().expect("a path");
    assert_eq!(there.quiet(&["audit", "export", "--output", path]).code, 0);
    let key = world.root().join("served/keys/signing.pub");
    let key = key.to_str().expect("a path");
    let verified = here.quiet(&["--json", "audit", "verify", "--file", path, "--key", key]);
    assert_eq!((verified.code, &verified.document()["valid"]), (0, &json!(true)), "{verified}");
}

#[test]
fn a_run_of_a_server_asks_is_answered_and_forked() {
    let world = World::plain();
    let server = Server::start(&world, &world.root().join("served"));
    let session = Session::on(&world, &server);
    session.document(&["project", "create", "Ledger", "--repo", &world.repo.display().to_string()]);
    let model = world.script(&[
        calls("ask_human", json!({ "question": "Which colour?" })),
        write("added.txt", "blue\n"),
        finish("Add a file"),
    ]);
    let asked =
        session.quiet(&["--json", "task", "create", "--wait", "--solo", "--model", &model, "Add a file"]);
    assert_eq!((asked.code, &asked.document()["task"]["status"]), (5, &json!("input_required")), "{asked}");
    let answered = session.document(&["runs", "answer", "last", "Blue, please"]);
    assert_eq!(answered["recorded"], true);
    let done = session.quiet(&["--json", "runs", "watch", "last"]);
    assert_eq!((done.code, &done.document()["status"]), (0, &json!("ready")), "{done}");
    let again = world.script(&[write("other.txt", "green\n"), finish("Add another")]);
    let forked =
        session.quiet(&["--json", "runs", "fork", "last", "--turn", "0", "--model", &again, "Green, rather"]);
    let document = forked.document();
    assert_eq!((forked.code, &document["status"]), (0, &json!("ready")), "{forked}");
    assert_ne!(document["run_id"], done.document()["run_id"]);
}

#[test]
fn what_works_on_this_machine_only_says_so_and_does_nothing() {
    let world = World::plain();
    let mut session = Session::here(&world);
    session.set("AAMAS_SERVER", "http://127.0.0.1:9");
    session.set("AAMAS_TOKEN", "secret");
    for arguments in [
        &["run", "Add a file"][..],
        &["demo"],
        &["serve"],
        &["acp"],
        &["models", "test", "offline"],
        &["models", "list", "--repo", "."],
        &["runs", "rewind", "last", "--turn", "1"],
        &["runs", "resume", "last", "--max-turns", "9"],
        &["runs", "fork", "last", "--yes"],
        &["pr", "apply", "last"],
        &["pr", "verify", "last"],
        &["agents", "match", "--words", "Ship it"],
        &["audit", "export", "--organization", "tenant_00000000000000000000000000"],
        &["token", "create", "--organization", "tenant_00000000000000000000000000"],
    ] {
        let ran = session.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran}");
    }
    assert_snapshot!(session.said());
    assert!(!world.data.exists(), "the data directory of this machine was touched");
    // On this machine it is all there again.
    assert_eq!(session.quiet(&["--server", "", "runs", "list"]).code, 0);
    assert_eq!(session.quiet(&["completions", "bash"]).code, 0);
}

#[test]
fn servers_that_refuse_are_away_or_are_none_are_told_apart() {
    let world = World::plain();
    let data = world.root().join("served");
    let server = Server::start(&world, &data);
    let viewer = Server::token_on(&world, &data, "viewer");
    let mut session = Session::on(&world, &server);
    session.run(&["task", "show", "task_00000000000000000000000000"]);
    session.run(&["--json", "task", "show", "task_00000000000000000000000000"]);
    session.run(&["--json", "project", "create", "", "--repo", "nowhere"]);
    session.run(&["project", "create", "Ledger"]);
    session.set("AAMAS_TOKEN", &viewer);
    session.run(&["project", "create", "Ledger", "--repo", "/srv/ledger"]);
    session.set("AAMAS_TOKEN", "wrong");
    session.run(&["--json", "project", "list"]);
    session.set("AAMAS_TOKEN", "");
    session.run(&["project", "list"]);
    session.set("AAMAS_TOKEN", &server.token.clone());
    session.set("AAMAS_SERVER", &format!("{}/docs", server.address));
    session.run(&["project", "list"]);
    session.set("AAMAS_SERVER", "aamas.example.org");
    session.run(&["project", "list"]);
    session.run(&["--token", "secret", "project", "list"]);
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", free.local_addr().expect("it is bound"));
    drop(free);
    session.set("AAMAS_SERVER", &address);
    let away = session.quiet(&["--json", "project", "list"]);
    let document = away.document();
    assert_eq!((away.code, &document["error"]["code"]), (1, &json!("server_unreachable")), "{away}");
    assert!(document["error"]["message"].as_str().is_some_and(|m| m.contains(&address)), "{away}");
    session.set("AAMAS_SERVER", &something_else());
    for arguments in [
        &["--json", "project", "list"][..],
        &["--json", "project", "show", "project_00000000000000000000000000"],
        &["--json", "models", "list"],
        &["--json", "audit", "verify"],
    ] {
        let other = session.quiet(arguments);
        let code = other.document()["error"]["code"].clone();
        assert_eq!((other.code, code), (1, json!("unexpected_answer")), "{other}");
    }
    assert_snapshot!(session.said());
    assert!(!world.data.exists(), "the data directory of this machine was touched");
}

/// The address of a server that answers everything with 200 and the same JSON, as one with public keys does.
fn something_else() -> String {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let Ok(reading) = stream.try_clone() else { return };
            let head =
                BufReader::new(reading).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            head.for_each(drop);
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\
                          connection: close\r\n\r\n{\"keys\":[]}";
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    address
}
