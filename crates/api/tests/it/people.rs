//! People over REST: first start, cookies, invitations, tokens, policies, the audit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::{ApiState, Config};
use app::{Desk, Platform, Settings};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use domain::{Clock, TenantId, Timestamp};
use serde_json::{Value, json};
use store::{OpenOptions, Store};
use tempfile::TempDir;
use tower::ServiceExt as _;

const PASSWORD: &str = "seven plain words on a wall";
static COUNT: AtomicU64 = AtomicU64::new(1);

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_770_000_000_000_000)
    }
}

fn ids() -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

fn secrets() -> [u8; 32] {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

struct Server {
    router: Router,
    platform: Platform,
    _dir: TempDir,
}

/// An answer: status, headers, JSON (or null).
struct Answer(StatusCode, HeaderMap, Value);

impl Answer {
    /// The session in its cookie, as a browser would send it.
    fn cookie(&self) -> String {
        let set = self.1.get(header::SET_COOKIE).expect("a cookie").to_str().expect("text");
        assert!(set.contains("; HttpOnly; SameSite=Lax"), "{set}");
        set.split(';').next().expect("name and value").to_owned()
    }
}

impl Server {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path(), OpenOptions::default()).expect("an empty directory opens");
        let desk = Desk { store, tenant: TenantId::LOCAL, clock: Arc::new(Standing), random: ids };
        let platform = Platform::new(&desk, secrets, Settings::default());
        let state = ApiState::new(platform.clone(), Config::default(), || [3; 16]);
        Self { router: api::router(state), platform, _dir: dir }
    }

    async fn ask(&self, method: &str, path: &str, with: &[(&str, &str)], body: Option<Value>) -> Answer {
        let method: Method = method.parse().expect("a method");
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        for (name, value) in with {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response =
            self.router.clone().oneshot(request.body(body).expect("a request")).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 22).await.expect("a body");
        Answer(parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn set_up(&self) -> String {
        let link = app::setup::setup_link(&self.platform).await.expect("writes").expect("no owner");
        let body = json!({
            "link": link.secret.expose(), "organization_name": "Engines", "name": "Ada", "email": "ada@example.org",
            "password": PASSWORD,
        });
        let done = self.ask("POST", "/setup", &[("idempotency-key", "k0")], Some(body)).await;
        assert_eq!((done.0, done.2["user"]["name"].as_str()), (StatusCode::OK, Some("Ada")));
        done.cookie()
    }
}

#[tokio::test]
async fn from_the_first_start_to_the_sign_out() {
    let server = Server::new();
    let open = server.ask("GET", "/setup", &[], None).await;
    assert_eq!((open.0, &open.2["needed"]), (StatusCode::OK, &json!(true)));
    assert_eq!(server.ask("GET", "/session", &[], None).await.0, StatusCode::UNAUTHORIZED);
    let ada = server.set_up().await;
    assert_eq!(server.ask("GET", "/setup", &[], None).await.2["needed"], json!(false));
    let who = server.ask("GET", "/session", &[("cookie", &ada)], None).await;
    assert_eq!((who.0, &who.2["role"], &who.2["token"]), (StatusCode::OK, &json!("owner"), &Value::Null));

    let invitation = json!({ "email": "bob@example.org", "role": "developer" });
    let without = server.ask("POST", "/invitations", &[("cookie", &ada)], Some(invitation.clone())).await;
    assert_eq!((without.0, &without.2["code"]), (StatusCode::FORBIDDEN, &json!("csrf")));
    let with = [("cookie", ada.as_str()), ("x-aamas-csrf", "1"), ("idempotency-key", "k1")];
    let first = server.ask("POST", "/invitations", &with, Some(invitation.clone())).await;
    let second = server.ask("POST", "/invitations", &with, Some(invitation)).await;
    assert_eq!((first.0, second.0), (StatusCode::CREATED, StatusCode::CONFLICT));
    assert_eq!((&second.2["code"], &second.2["link"]), (&json!("shown_once"), &Value::Null), "kept nowhere");
    assert_eq!(second.1.get("location"), first.1.get("location"));

    let acceptance = json!({ "link": first.2["link"], "name": "Bob", "password": PASSWORD });
    let bob = server.ask("POST", "/invitations/accept", &[], Some(acceptance.clone())).await;
    assert_eq!((bob.0, &bob.2["role"]), (StatusCode::OK, &json!("developer")));
    let again = server.ask("POST", "/invitations/accept", &[], Some(acceptance)).await;
    assert_eq!(again.0, StatusCode::UNAUTHORIZED);
    let bob = bob.cookie();

    let sign_in = |password: &str| json!({ "email": "bob@example.org", "password": password });
    let wrong = server.ask("POST", "/session", &[], Some(sign_in("a wrong password"))).await;
    assert_eq!((wrong.0, &wrong.2["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthenticated")));
    assert_eq!(server.ask("POST", "/session", &[], Some(sign_in(PASSWORD))).await.0, StatusCode::OK);
    let out = server.ask("DELETE", "/session", &[("cookie", &bob), ("x-aamas-csrf", "1")], None).await;
    assert_eq!((out.0, out.cookie().as_str()), (StatusCode::NO_CONTENT, "aamas_session="));
    assert_eq!(server.ask("GET", "/session", &[("cookie", &bob)], None).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_owner_runs_the_organization() {
    let server = Server::new();
    let ada = server.set_up().await;
    let with = [("cookie", ada.as_str()), ("x-aamas-csrf", "1")];
    let made = server.ask("POST", "/tokens", &with, Some(json!({ "name": "ci", "role": "ci" }))).await;
    assert_eq!((made.0, made.2["id"].is_string()), (StatusCode::CREATED, true));
    let bearer = format!("Bearer {}", made.2["token"].as_str().expect("shown once"));
    let who = server.ask("GET", "/session", &[("authorization", &bearer)], None).await;
    assert_eq!(
        (who.0, &who.2["user"], &who.2["token"]["name"]),
        (StatusCode::OK, &Value::Null, &json!("ci"))
    );
    let listed = server.ask("GET", "/tokens", &with, None).await;
    assert_eq!(listed.2["items"][0].get("token"), None, "without its secret");
    let jwt = server.ask("GET", "/session", &[("authorization", "Bearer a.b.c")], None).await;
    assert_eq!(jwt.0, StatusCode::UNAUTHORIZED, "of no configured issuer");

    let members = server.ask("GET", "/members", &with, None).await;
    let id = members.2["items"][0]["user_id"].as_str().expect("an id").to_owned();
    let role = Some(json!({ "role": "viewer" }));
    let last = server.ask("PATCH", &format!("/members/{id}"), &with, role.clone()).await;
    assert_eq!((last.0, &last.2["code"]), (StatusCode::CONFLICT, &json!("last_owner")));
    let stale = [with[0], with[1], ("if-match", "\"9-0\"")];
    let stale = server.ask("PATCH", &format!("/members/{id}"), &stale, role).await;
    assert_eq!(stale.0, StatusCode::PRECONDITION_FAILED);

    let policy = |text: &str| Some(json!({ "name": "p", "text": text }));
    let broken = server.ask("POST", "/policies", &with, policy("permit(\nnobody);")).await;
    assert_eq!((broken.0, &broken.2["errors"][0]["field"]), (StatusCode::CONFLICT, &json!("text")));
    let text = "forbid(principal, action == Action::\"projects.delete\", resource);";
    let made = server.ask("POST", "/policies", &with, policy(text)).await;
    assert_eq!(made.0, StatusCode::CREATED);
    let tried = server.ask("POST", "/policies/test", &with, Some(json!({ "text": text }))).await;
    assert_eq!((tried.0, &tried.2["valid"]), (StatusCode::OK, &json!(true)));
    let why = json!({ "action": "projects.delete" });
    let why = server.ask("POST", "/policies/explain", &with, Some(why)).await;
    assert_eq!((why.0, &why.2["decision"]), (StatusCode::OK, &json!("deny")));
    for path in
        ["/policies/builtin", "/receipts?decision=allow", "/audit/checkpoints", "/organizations", "/sessions"]
    {
        assert_eq!(server.ask("GET", path, &with, None).await.0, StatusCode::OK, "{path}");
    }
    let entries = server.ask("GET", "/audit?action=token.created&limit=1", &with, None).await;
    assert_eq!(entries.2["items"][0]["subject"]["kind"], json!("token"));
    let verified = server.ask("POST", "/audit/verify", &with, None).await;
    assert_eq!((verified.0, &verified.2["valid"]), (StatusCode::OK, &json!(true)));
    let exported = server.ask("GET", "/audit/export", &with, None).await;
    assert_eq!(
        (exported.0, exported.1[header::CONTENT_TYPE].as_bytes()),
        (StatusCode::OK, &b"application/jsonl"[..])
    );
}
