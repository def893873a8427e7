//! Calls on the wire, against a listener that answers what a test gives it.

use client::types::{ListTasksQuery, Merge};
use client::{Client, Error, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers one request after the other, each on a connection of its own, and gives what was asked.
async fn answering(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    #[expect(clippy::disallowed_methods, reason = "its handle is joined by the test")]
    let served = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut connection, _) = listener.accept().await.expect("a connection");
            asked.push(request(&mut connection).await);
            connection.write_all(answer.as_bytes()).await.expect("it listens");
        }
        asked
    });
    (address, served)
}

/// One request, with its body.
async fn request(connection: &mut tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = connection.read(&mut chunk).await.expect("a request");
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase().split("content-length: ").nth(1).map(str::to_owned);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok()).unwrap_or(0);
            if body.len() >= length || read == 0 {
                return text;
            }
        }
    }
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nretry-after: 7\r\nconnection: close\r\n\r\n{body}"
    )
}

fn client(address: &str) -> Client {
    Client::new(address, Some("secret".into())).expect("an address")
}

#[tokio::test]
async fn a_call_carries_its_token_its_query_and_its_body() {
    let page = answer("200 OK", "application/json", r#"{"items":[],"next_cursor":null}"#);
    let later = answer("202 Accepted", "application/json", r#"{"operation_id":"operation_1"}"#);
    let (address, served) = answering(vec![page, later]).await;
    let client = client(&format!("{address}/behind/a/path/"));
    let query = ListTasksQuery { q: Some("a&b=ü".into()), limit: Some(5), ..ListTasksQuery::default() };
    assert!(client.list_tasks(&query).await.expect("a page").items.is_empty());
    let merge = Merge { confirm: Some("Title".into()), ..Merge::default() };
    let merged = client.merge_pull_request("pr/1", Some(&merge)).await.expect("it takes longer");
    assert!(matches!(merged, Outcome::Later(_)), "{merged:?}");
    let asked = served.await.expect("both came");
    let head = |n: usize| asked[n].lines().next().unwrap_or_default().to_owned();
    assert_eq!(head(0), "GET /behind/a/path/api/v1/tasks?q=a%26b%3D%C3%BC&limit=5 HTTP/1.1");
    assert_eq!(head(1), "POST /behind/a/path/api/v1/pull-requests/pr%2F1/merge HTTP/1.1");
    assert!(
        asked.iter().all(|a| a.to_lowercase().contains("\r\nauthorization: bearer secret\r\n")),
        "{asked:?}"
    );
    assert!(asked[1].contains(r#""confirm":"Title""#), "{}", asked[1]);
    assert!(!format!("{client:?}").contains("secret"));
}

#[tokio::test]
async fn refusals_are_told_from_answers_of_something_else() {
    let problem = r#"{"type":"urn:aamas:problem:rate_limited","title":"Rate limited","status":429,"detail":"too many",
        "code":"rate_limited","request_id":"r1","errors":[{"field":"name","message":"it is empty"}]}"#;
    let answers = vec![
        answer("429 Too Many Requests", "application/problem+json", problem),
        answer("502 Bad Gateway", "text/html", "<h1>Bad Gateway</h1>"),
        answer("302 Found", "text/plain", "elsewhere"),
        "HTTP/1.1 308 Permanent Redirect\r\nlocation: https://127.0.0.1:1/api/v1/tasks/task_1\r\ncontent-length: 0\r\n\r\n"
            .to_owned(),
        answer("200 OK", "text/html", "<h1>Welcome</h1>"),
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_owned(),
    ];
    let (address, served) = answering(answers).await;
    let client = client(&address);
    let mut said = Vec::new();
    for _ in 0..6 {
        let error = client.get_task("task_1").await.expect_err("none is a task");
        said.push(match error {
            Error::Refused(p) => {
                format!("{} {} {:?} {:?}: {p}", p.status, p.code, p.retry_after_s, p.request_id)
            }
            Error::Unreachable { .. } => "unreachable".to_owned(),
            other => other.to_string().replace(&address, "SERVER"),
        });
    }
    served.await.expect("all came");
    assert_eq!(
        said,
        [
            "429 rate_limited Some(7) Some(\"r1\"): too many; name: it is empty",
            "SERVER answered 502, and no problem document but text/html",
            "SERVER answered 302, and no problem document but text/plain",
            "SERVER was asked in plain HTTP, and this port speaks TLS",
            "SERVER answered 200, and what this client can't read: expected value at line 1 column 1",
            "unreachable",
        ]
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let error = client(&address).get_task("task_1").await.expect_err("nobody listens");
    assert!(matches!(&error, Error::Unreachable { server, .. } if *server == address), "{error:?}");
}

#[test]
fn addresses_are_taken_or_refused_before_anything_is_sent() {
    let refused = |address: &str| match Client::new(address, None) {
        Ok(client) => client.address().to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(refused("https://aamas.example.org/"), "https://aamas.example.org");
    assert_eq!(refused("http://[::1]:8080"), "http://[::1]:8080");
    for (address, why) in [
        ("aamas.example.org", "it is no http:// or https:// address"),
        ("ftp://aamas.example.org", "it is no http:// or https:// address"),
        ("https://u:p@aamas.example.org", "it has a name or a password in it"),
        ("https://aamas.example.org/?a=1", "it has more than a host and a path"),
    ] {
        assert_eq!(refused(address), format!("{address:?} is not the address of a server: {why}"));
    }
    assert!(Client::new("http://127.0.0.1:1", Some("a\nb".into())).is_err());
    let readable = |address: &str| Client::new(address, None).expect("an address").is_readable_on_its_way();
    assert_eq!(
        ["http://localhost:1", "http://127.0.0.1", "https://a.org", "http://a.org"].map(readable),
        [false, false, false, true]
    );
}
