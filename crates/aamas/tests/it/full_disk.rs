//! `aamas serve` on a disk that becomes full: writes are put off, reads go on, nothing is half done, and once there is room
//! again it goes on by itself.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::serving::{First, Server};
use crate::world::World;

/// Mounts a small disk on `$0` where nobody else sees it, and goes on as the rest of the line.
const ON_A_SMALL_DISK: &str =
    "mkdir -p \"$0\" && mount -t tmpfs -o size=12m,mode=0700 tmpfs \"$0\" && exec \"$@\"";

fn can_mount() -> bool {
    let tried = Command::new("unshare").args(["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    tried.is_ok_and(|tried| tried.status.success())
}

#[test]
fn a_server_whose_disk_becomes_full_goes_on_once_there_is_room() {
    if !can_mount() {
        eprintln!("NOT TRIED: a full disk; no small one can be mounted here");
        return;
    }
    let world = World::plain();
    let data = world.data.clone();
    let through = ["--mount", "sh", "-c", ON_A_SMALL_DISK, data.to_str().expect("a path of ours")];
    let (mut server, link) =
        Server::start_through(&world, "unshare", &through, &["--roles", "api"], First::Yes);
    let new = json!({
        "link": link, "organization_name": "Acme", "name": "Ada", "email": "ada@example.org",
        "password": "seven lamps above the quiet harbour",
    });
    let (status, head, body) = server.ask_whole("POST /api/v1/setup", "", &new);
    assert_eq!(status, 200, "{body}");
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a session");
    let who = format!("cookie: {}\r\nx-aamas-csrf: 1\r\n", cookie.split(';').next().expect("a pair"));
    let make = |server: &Server<'_>, name: &str| {
        let new = json!({ "name": name, "repository_url": "/srv/x" });
        server.ask_whole("POST /api/v1/projects", &who, &new)
    };
    assert_eq!(make(&server, "before").0, 201);

    // The disk as the server sees it.
    let ballast = PathBuf::from(format!("/proc/{}/root{}/ballast", server.live.pid(), data.display()));
    let mut file = File::create(&ballast).expect("there is room for a name");
    while file.write_all(&[1; 4096]).is_ok() {}
    drop(file);
    let (status, head, body) = make(&server, "full");
    assert!(
        status == 503 && body.contains("\"disk_full\"") && head.contains("retry-after: "),
        "{head} {body}"
    );
    let (status, ready) = server.ask("GET /ready", "", &Value::Null);
    assert_eq!((status, &ready["code"]), (503, &json!("disk_full")), "{ready}");
    assert_eq!(server.ask("GET /health", "", &Value::Null).0, 200);
    assert_eq!(names(&server, &who), ["before"]);
    let query = json!({ "query": "mutation { registerAgent(input: {name: \"x\", type: \"developer\"}) { success } }" });
    let (_, graph) = server.ask("POST /graphql", &who, &query);
    assert_eq!(graph["errors"][0]["extensions"]["code"], "disk_full", "{graph}");

    std::fs::remove_file(&ballast).expect("our file");
    server.until("/ready", "", |ready| ready["status"] == "ready");
    assert_eq!(make(&server, "after").0, 201);
    assert_eq!(names(&server, &who), ["after", "before"]);
    let (_, audit) = server.ask("POST /api/v1/audit/verify", &who, &json!({}));
    assert_eq!(audit["valid"], true, "{audit}");
    server.live.signal(Signal::SIGTERM);
    let ended = server.live.end();
    assert_eq!(ended.code, 0, "{ended}");
}

fn names(server: &Server<'_>, who: &str) -> Vec<String> {
    let (status, listed) = server.ask("GET /api/v1/projects", who, &Value::Null);
    assert_eq!(status, 200, "{listed}");
    let items = listed["items"].as_array().expect("a list");
    items.iter().map(|project| project["name"].as_str().expect("a name").to_owned()).collect()
}
