//! What docs/api.md promises of every resource, tried on some.

use auth::Role;
use axum::http::{Method, StatusCode};
use domain::TenantId;
use serde_json::{Value, json};

use crate::rest_world::World;

async fn world() -> (World, String, String) {
    let world = World::new().await;
    let token = world.token(TenantId::LOCAL, Role::Owner).await;
    let new = json!({ "name": "Ledger", "repository_url": "/srv/ledger" });
    let made = world.send(Method::POST, "/api/v1/projects", Some(&token), Some(&new)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(made.header("location"), format!("/api/v1/projects/{id}"));
    (world, token, id)
}

#[tokio::test]
async fn an_old_version_is_refused_and_a_known_one_is_not_sent_again() {
    let (world, token, id) = world().await;
    let path = format!("/api/v1/projects/{id}");
    let first = world.send(Method::GET, &path, Some(&token), None).await;
    let tag = first.header("etag");
    let same = world.send_with(Method::GET, &path, Some(&token), None, &[("if-none-match", &tag)]).await;
    assert_eq!((same.status, same.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    let change = json!({ "name": "Books" });
    let changed =
        world.send_with(Method::PATCH, &path, Some(&token), Some(&change), &[("if-match", &tag)]).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let late =
        world.send_with(Method::PATCH, &path, Some(&token), Some(&change), &[("if-match", &tag)]).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(late.json()["code"], "version_conflict");
    let nonsense =
        world.send_with(Method::PATCH, &path, Some(&token), Some(&change), &[("if-match", "\"x\"")]).await;
    assert_eq!(nonsense.status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn a_key_has_one_effect_and_one_answer() {
    let (world, token, id) = world().await;
    let path = format!("/api/v1/projects/{id}/tasks");
    let send = async |body: &Value, key: &str| {
        world.send_with(Method::POST, &path, Some(&token), Some(body), &[("idempotency-key", key)]).await
    };
    let body = json!({ "description": "Fix it", "start": false });
    let (first, again) = (send(&body, "k1").await, send(&body, "k1").await);
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("location"), first.header("location"));
    let other = send(&json!({ "description": "Another" }), "k1").await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.json()["code"], "idempotency_key_reused");
    let refused = send(&json!({ "description": "" }), "k2").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&json!({ "description": "" }), "k2").await.header("idempotency-replayed"), "true");
    let tasks = world.send(Method::GET, &path, Some(&token), None).await.json();
    assert_eq!(tasks["items"].as_array().map(Vec::len), Some(1));
    // Somebody else's key is somebody else's.
    let another = world.token(TenantId::LOCAL, Role::Owner).await;
    let theirs =
        world.send_with(Method::POST, &path, Some(&another), Some(&body), &[("idempotency-key", "k1")]).await;
    assert_eq!((theirs.status, theirs.header("idempotency-replayed")), (StatusCode::CREATED, String::new()));
}

#[tokio::test]
async fn two_requests_at_once_with_one_key_have_one_effect() {
    let (world, token, id) = world().await;
    let path = format!("/api/v1/projects/{id}/tasks");
    let body = json!({ "description": "Fix it", "start": false });
    let send =
        || world.send_with(Method::POST, &path, Some(&token), Some(&body), &[("idempotency-key", "k")]);
    let answers = futures_util::future::join_all((0..8).map(|_| send())).await;
    assert!(answers.iter().all(|a| matches!(a.status, StatusCode::CREATED | StatusCode::CONFLICT)));
    let tasks = world.send(Method::GET, &path, Some(&token), None).await.json();
    assert_eq!(tasks["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn bad_input_is_a_problem_document_that_names_the_member() {
    let (world, token, id) = world().await;
    let tasks = format!("/api/v1/projects/{id}/tasks");
    let cases = [
        (json!({ "name": "", "repository_url": "/srv/x" }), "/api/v1/projects", "name"),
        (json!({ "name": "x".repeat(101), "repository_url": "/srv/x" }), "/api/v1/projects", "name"),
        (json!({ "name": "x\u{202e}y", "repository_url": "/srv/x" }), "/api/v1/projects", "name"),
        (json!({ "name": "x", "repository_url": "-oProxyCommand=x" }), "/api/v1/projects", "repository_url"),
        (json!({ "name": "x", "repository_url": "https://u:p@h/x" }), "/api/v1/projects", "repository_url"),
        (json!({ "name": "x", "repository_url": "/srv/x", "surprise": 1 }), "/api/v1/projects", "surprise"),
        (json!({ "description": " \n" }), &tasks, "description"),
        (json!({ "description": "x", "type": "wish" }), &tasks, "type"),
        (json!({ "description": "x", "priority": "urgent" }), &tasks, "priority"),
        (json!({ "description": "x", "due_date": "soon" }), &tasks, "due_date"),
        (json!({ "description": "x", "budget_usd": -1 }), &tasks, "budget_usd"),
        (json!({ "description": "x", "dependencies": ["task_nope"] }), &tasks, "dependencies[0]"),
    ];
    for (body, path, field) in cases {
        let answer = world.send(Method::POST, path, Some(&token), Some(&body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert_eq!(problem["type"], "urn:aamas:problem:invalid");
        assert_eq!(problem["request_id"], answer.header("x-request-id"));
    }
    for query in ["limit=0", "limit=201", "limit=x", "cursor=zz", "sort=name", "status=gone"] {
        let answer = world.send(Method::GET, &format!("/api/v1/tasks?{query}"), Some(&token), None).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}: {}", answer.text);
    }
    let list = world.send(Method::PUT, "/api/v1/projects", Some(&token), Some(&json!({}))).await;
    assert_eq!(
        (list.status, list.json()["code"].clone()),
        (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed".into())
    );
    let nowhere = world.send(Method::GET, "/api/v1/nowhere", Some(&token), None).await;
    assert_eq!((nowhere.status, nowhere.json()["code"].clone()), (StatusCode::NOT_FOUND, "not_found".into()));
}

#[tokio::test]
async fn tasks_that_would_wait_for_each_other_are_refused_with_the_path() {
    let (world, token, id) = world().await;
    let path = format!("/api/v1/projects/{id}/tasks");
    let make = async |after: &[&str]| {
        let body = json!({ "description": "Do it", "dependencies": after, "start": false });
        let made = world.send(Method::POST, &path, Some(&token), Some(&body)).await;
        made.json()["id"].as_str().expect("an id").to_owned()
    };
    let first = make(&[]).await;
    let second = make(&[&first]).await;
    let third = make(&[&second]).await;
    let body = json!({ "dependencies": [third] });
    let circle =
        world.send(Method::PATCH, &format!("/api/v1/tasks/{first}"), Some(&token), Some(&body)).await;
    assert_eq!(circle.status, StatusCode::CONFLICT, "{}", circle.text);
    let words = circle.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
    assert!([&first, &second, &third].iter().all(|id| words.contains(id.as_str())), "{words}");
}

#[tokio::test]
async fn pages_hold_every_task_once() {
    let (world, token, id) = world().await;
    let path = format!("/api/v1/projects/{id}/tasks");
    for n in 0..7 {
        let body = json!({ "description": format!("Task {n}"), "start": false });
        world.send(Method::POST, &path, Some(&token), Some(&body)).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
        let page =
            world.send(Method::GET, &format!("{path}?limit=3{query}"), Some(&token), None).await.json();
        seen.extend(page["items"].as_array().expect("items").iter().map(|t| t["number"].as_u64()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, (1..=7).rev().map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn browsers_are_told_what_this_site_never_does() {
    let (world, token, _) = world().await;
    let answer = world.send(Method::GET, "/api/v1/projects", Some(&token), None).await;
    let headers = ["x-content-type-options", "x-frame-options", "referrer-policy", "content-security-policy"];
    assert!(headers.iter().all(|name| !answer.header(name).is_empty()), "{:?}", answer.headers);
    // A page of another site can't call, with or without a cookie.
    let origin = [("origin", "https://evil.example")];
    let foreign = world.send_with(Method::GET, "/api/v1/projects", Some(&token), None, &origin).await;
    assert_eq!(foreign.header("access-control-allow-origin"), "");
    let page = world.send(Method::GET, "/projects", None, None).await;
    assert_eq!(
        (page.status, page.header("content-type").as_str()),
        (StatusCode::OK, "text/html; charset=utf-8")
    );
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
}

#[tokio::test]
async fn whoever_asks_too_often_waits() {
    let world = World::new().await;
    let limits = api::Limits { per_second: 1, burst: 3 };
    let config = api::Config { limits, ..api::Config::default() };
    let state = api::ApiState::new(world.platform.clone(), config, || [1; 16]);
    let world = World { router: api::router(state), ..world };
    let token = world.token(TenantId::LOCAL, Role::Owner).await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(world.send(Method::GET, "/api/v1/projects", Some(&token), None).await);
    }
    assert_eq!(answers[0].status, StatusCode::OK);
    let last = answers.pop().expect("five were sent");
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS, "{}", last.text);
    assert!(!last.header("retry-after").is_empty());
    // Others are not held up by it.
    let other = world.token(TenantId::LOCAL, Role::Owner).await;
    assert_eq!(world.send(Method::GET, "/api/v1/projects", Some(&other), None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn bodies_are_read_as_the_description_says() {
    let (world, token, id) = world().await;
    let project = format!("/api/v1/projects/{id}");
    let send = async |method: Method, path: &str, body: &Value| {
        world.send(method, path, Some(&token), Some(body)).await.status
    };
    // A list of members in their order is no object, and nothing at all is no body.
    for body in [json!([null, null]), json!({ "configuration": [null, null] }), json!("name"), json!(null)] {
        let status = send(Method::PATCH, &project, &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
    // A whole number is one however it is written.
    let new = json!({ "name": "t", "role": "viewer", "expires_in_days": 2.0 });
    assert_eq!(send(Method::POST, "/api/v1/tokens", &new).await, StatusCode::CREATED);
    let turns = json!({ "configuration": { "max_turns": 40.0 } });
    assert_eq!(send(Method::PATCH, &project, &turns).await, StatusCode::OK);
    let new = json!({ "name": "t", "role": "viewer", "expires_in_days": 2.5 });
    assert_eq!(send(Method::POST, "/api/v1/tokens", &new).await, StatusCode::UNPROCESSABLE_ENTITY);
    // A body that may be left out may be null.
    assert_eq!(send(Method::POST, "/api/v1/tickets", &json!(null)).await, StatusCode::CREATED);
    let receipts = world.send(Method::GET, "/api/v1/receipts?action=wish", Some(&token), None).await;
    assert_eq!(receipts.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", receipts.text);
}

#[tokio::test]
async fn a_project_put_away_too_early_is_brought_in_when_it_comes_back() {
    let (world, token, id) = world().await;
    let path = format!("/api/v1/projects/{id}");
    let away = world.send(Method::DELETE, &path, Some(&token), None).await;
    assert_eq!(away.status, StatusCode::NO_CONTENT, "{}", away.text);
    let back = world.send(Method::PATCH, &path, Some(&token), Some(&json!({ "status": "active" }))).await;
    assert_eq!((back.status, back.json()["status"].clone()), (StatusCode::OK, "preparing".into()));
}

#[tokio::test]
async fn a_token_does_not_end_itself() {
    let world = World::new().await;
    let first = world.token(TenantId::LOCAL, Role::Owner).await;
    let second = world.token(TenantId::LOCAL, Role::Owner).await;
    let own = world.send(Method::GET, "/api/v1/session", Some(&first), None).await.json();
    let path = format!("/api/v1/tokens/{}", own["token"]["id"].as_str().expect("it has an id"));
    let refused = world.send(Method::DELETE, &path, Some(&first), None).await;
    assert_eq!((refused.status, refused.json()["code"].clone()), (StatusCode::CONFLICT, "own_token".into()));
    assert_eq!(world.send(Method::DELETE, &path, Some(&second), None).await.status, StatusCode::NO_CONTENT);
    let after = world.send(Method::GET, "/api/v1/session", Some(&first), None).await;
    assert_eq!(after.status, StatusCode::UNAUTHORIZED);
}
