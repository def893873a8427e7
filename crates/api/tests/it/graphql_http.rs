//! The graph over plain HTTP.

use std::net::SocketAddr;

use auth::Role;
use domain::TenantId;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::websocket_world::World;

/// An answer of the server.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    fn kind(&self) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix("content-type: "));
        line.unwrap_or_default()
    }
}

/// One request over a connection of its own.
pub(crate) async fn ask(address: SocketAddr, line: &str, headers: &str, body: &str) -> Answer {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("the server listens");
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("it answers");
    let text = String::from_utf8(bytes).expect("answers are UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// A query by POST with a token.
pub(crate) async fn post(world: &World, token: &str, body: &Value) -> Answer {
    let headers = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
    ask(world.address, "POST /graphql", &headers, &body.to_string()).await
}

const GRAPHQL: &str = "accept: application/graphql-response+json\r\n";
const JSON: &str = "accept: application/json\r\n";
const BODY: &str = "content-type: application/json\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn statuses_and_media_types_are_those_of_the_specification() {
    let world = World::new().await;
    let token = world.token(TenantId::LOCAL, Role::Owner).await;
    let who = format!("authorization: Bearer {}\r\n", token.expose());
    let get = "GET /graphql?query=%7B__typename%7D";
    let mutation = "GET /graphql?query=mutation%7BpauseTask(id:1)%7Bsuccess%7D%7D";
    let good = r#"{"query":"{__typename}"}"#;
    let cases: &[(&str, &str, &str, u16, &str)] = &[
        ("POST /graphql", &format!("{GRAPHQL}{BODY}"), good, 200, "graphql-response"),
        ("POST /graphql", &format!("{JSON}{BODY}"), good, 200, "json"),
        ("POST /graphql", BODY, good, 200, "json"),
        ("POST /graphql", &format!("accept: */*\r\n{BODY}"), good, 200, "json"),
        ("POST /graphql", &format!("accept: image/png\r\n{BODY}"), good, 406, "json"),
        ("POST /graphql", GRAPHQL, good, 415, "json"),
        ("POST /graphql", "content-type: text/plain\r\n", good, 415, "json"),
        ("POST /graphql", "content-type: application/json; charset=utf-16\r\n", good, 415, "json"),
        ("POST /graphql", BODY, "{", 400, "json"),
        ("POST /graphql", BODY, "", 400, "json"),
        ("POST /graphql", BODY, "[]", 400, "json"),
        ("POST /graphql", BODY, r#"[{"query":"{__typename}"}]"#, 400, "json"),
        ("POST /graphql", BODY, "{}", 400, "json"),
        ("POST /graphql", BODY, r#"{"query":1}"#, 400, "json"),
        ("POST /graphql", BODY, r#"{"query":"{__typename}","variables":[]}"#, 400, "json"),
        ("POST /graphql", BODY, r#"{"query":"{__typename}","operationName":{}}"#, 400, "json"),
        ("POST /graphql", &format!("{GRAPHQL}{BODY}"), r#"{"query":"{"}"#, 400, "graphql-response"),
        ("POST /graphql", &format!("{JSON}{BODY}"), r#"{"query":"{"}"#, 200, "json"),
        ("POST /graphql", &format!("{GRAPHQL}{BODY}"), r#"{"query":"{nothing}"}"#, 400, "graphql-response"),
        ("POST /graphql", &format!("{JSON}{BODY}"), r#"{"query":"{nothing}"}"#, 200, "json"),
        (get, GRAPHQL, "", 200, "graphql-response"),
        (get, "", "", 200, "json"),
        (mutation, "", "", 405, "json"),
        ("GET /graphql", "", "", 400, "json"),
        ("GET /graphql?query=%7B__typename%7D&variables=x", "", "", 400, "json"),
        ("POST /graphql", BODY, r#"{"query":"subscription{runEntries(runId:1){seq}}"}"#, 400, "json"),
    ];
    for (line, headers, body, status, kind) in cases {
        let answer = ask(world.address, line, &format!("{who}{headers}"), body).await;
        let want = match *kind {
            "json" => "application/json; charset=utf-8",
            _ => "application/graphql-response+json; charset=utf-8",
        };
        assert_eq!(
            (answer.status, answer.kind()),
            (*status, want),
            "{line} {headers}{body}: {}",
            answer.body
        );
        if answer.status == 400 {
            assert_eq!(answer.json().get("data"), None, "{body}");
        }
    }
    assert_eq!(ask(world.address, "POST /graphql", BODY, good).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_and_the_page_are_for_development() {
    let schema = json!({ "query": "{ __schema { queryType { name } } }" });
    for dev in [false, true] {
        let world = World::with(dev).await;
        let token = world.token(TenantId::LOCAL, Role::Viewer).await;
        let answer = post(&world, token.expose(), &schema).await.json();
        assert_eq!(answer["data"]["__schema"].is_object(), dev, "{answer}");
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!(*code == "introspection_disabled", !dev, "{answer}");
        let who = format!("authorization: Bearer {}\r\naccept: text/html\r\n", token.expose());
        let page = ask(world.address, "GET /graphql", &who, "").await;
        assert_eq!(
            (page.status, page.body.contains("<title>GraphQL")),
            if dev { (200, true) } else { (406, false) }
        );
        assert!(!page.body.contains("https://"), "the page asks nobody but this server");
        let script = ask(world.address, "GET /graphql/explorer.js", "", "").await;
        assert_eq!(script.status == 200, dev);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn abusive_queries_are_refused_quickly() {
    let world = World::new().await;
    let token = world.token(TenantId::LOCAL, Role::Owner).await;
    let deep = |n: usize| {
        let open = "project { tasks(first: 1) { ".repeat(n);
        format!("{{ tasks {{ edges {{ node {{ {open} id {} }} }} }} }}", "} }".repeat(n))
    };
    let aliases: String = (0..31).map(|n| format!("a{n}: viewer {{ id }} ")).collect();
    let mut bomb = String::from("{ ...f0 }");
    for n in 0..30 {
        bomb += &format!(" fragment f{n} on Query {{ ...f{0} ...f{0} }}", n + 1);
    }
    bomb += " fragment f30 on Query { viewer { id } }";
    let wide = "{ projects(pagination: {first: 200}) { edges { node { tasks(first: 200) { id } } } } }";
    let defaults = "{ projects { edges { node { tasks { runs(first: 200) { id } } } } } }";
    let lists =
        format!("{{ tasks(filter: {{ q: {}1{} }}) {{ totalCount }} }}", "[".repeat(3_000), "]".repeat(3_000));
    let directives = format!("{{ viewer {{ id {} }} }}", "@skip(if: false) ".repeat(50));
    let cases = [
        (deep(8), "query_too_deep"),
        (format!("{{ {aliases} }}"), "too_many_aliases"),
        (bomb, "query_too_complex"),
        (wide.to_owned(), "query_too_complex"),
        (defaults.to_owned(), "query_too_complex"),
        (lists, "query_too_deep"),
        (format!("{{ {} }}", "viewer { id } ".repeat(1_500)), "too_many_tokens"),
        (format!("{{ viewer {{ id }} }} #{}", "x".repeat(70_000)), "query_too_long"),
        ("{ ...a } fragment a on Query { ...a }".to_owned(), "fragment_cycle"),
        (directives, "invalid_query"),
    ];
    for (query, want) in cases {
        let answer = post(&world, token.expose(), &json!({ "query": query })).await;
        let body = answer.json();
        assert_eq!(body["errors"][0]["extensions"]["code"], want, "{} {body}", &query[..query.len().min(60)]);
        assert_eq!(body.get("data"), None);
    }
}
