//! Two organizations on one store, with something of every kind in each, and requests against all routes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::{ApiState, Config, router};
use app::authenticate::{first_organization, token_by_hand};
use app::{Desk, Platform, Settings};
use auth::Role;
use auth::token::TokenKind;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use domain::{
    Clock, CommentId, CredentialId, OperationId, OperationState, PullRequestId, RunId, TaskId, TenantId,
    Timestamp, UserId,
};
use serde_json::{Value, json};
use store::{
    CodeArtifactRecord, CredentialRecord, MemberRecord, OpenOptions, OperationRecord, OrganizationRecord,
    PullRequestRecord, PullRequestState, RunRecord, Store, UserRecord,
};
use tempfile::TempDir;
use testkit::postgres::{Filter, Proxy, Scratch};
use tower::ServiceExt as _;

/// What stands in everything of the first organization, and must be seen by nobody else.
pub(crate) const CANARY: &str = "CANARY-OF-THE-FIRST";
/// What stands in everything of the other one.
pub(crate) const OTHERS: &str = "WORDS-OF-THE-OTHER";

/// Another organization than the first.
pub(crate) fn other() -> TenantId {
    TenantId::from_bytes([7; 16])
}

struct SystemLike(AtomicU64);

impl Clock for SystemLike {
    fn now(&self) -> Timestamp {
        let step = self.0.fetch_add(1_000, Ordering::Relaxed);
        Timestamp::from_micros(1_800_000_000_000_000 + i64::try_from(step).expect("a short test"))
    }
}

static COUNT: AtomicU64 = AtomicU64::new(1);

pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [3; N];
    let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    bytes[N - 8..].copy_from_slice(&count);
    bytes
}

/// Where the rows lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Sqlite,
    /// With the tenant in every statement, or without it: then row-level security is all that keeps tenants apart.
    Postgres(Filter),
}

pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) state: ApiState,
    pub(crate) router: Router,
    pub(crate) database: Option<Database>,
    pub(crate) _dir: TempDir,
}

/// A database of PostgreSQL, and what sees all statements on their way to it.
pub(crate) struct Database {
    pub(crate) proxy: Proxy,
    pub(crate) scratch: Scratch,
}

/// The ids of what there is in the first organization.
#[derive(Clone, Debug)]
pub(crate) struct Things {
    pub(crate) project: String,
    pub(crate) task: String,
    pub(crate) run: String,
    pub(crate) pull_request: String,
    pub(crate) comment: String,
    pub(crate) agent: String,
    pub(crate) artifact: String,
    pub(crate) operation: String,
    pub(crate) organization: String,
    pub(crate) user: String,
    pub(crate) session: String,
    pub(crate) invitation: String,
    pub(crate) token: String,
    pub(crate) policy: String,
    pub(crate) receipt: String,
    pub(crate) event: String,
}

impl Things {
    /// Ids of things that are nowhere.
    pub(crate) fn nowhere() -> Self {
        let id = |kind: &str| format!("{kind}_00000000000000000000000001");
        Self {
            project: id("project"),
            task: id("task"),
            run: id("run"),
            pull_request: id("pr"),
            comment: id("comment"),
            agent: id("agent"),
            artifact: id("artifact"),
            operation: id("operation"),
            organization: id("tenant").replace("01", "09"),
            user: id("user"),
            session: id("token"),
            invitation: id("token"),
            token: id("token"),
            policy: id("policy"),
            receipt: id("receipt"),
            event: id("event"),
        }
    }

    /// The id by which a member or an argument of this name names a thing; none if its name is that of no id.
    pub(crate) fn named(&self, name: &str) -> Option<&str> {
        Some(match name {
            "project_id" | "projectId" | "projects" => &self.project,
            "task_id" | "taskId" | "dependencies" => &self.task,
            "run_id" | "runId" => &self.run,
            "pull_request_id" | "pullRequestId" => &self.pull_request,
            "comment_id" => &self.comment,
            "agent_id" | "assigned_agent" | "assignedAgent" | "agents_assigned" | "agentsAssigned" => {
                &self.agent
            }
            "artifact_id" => &self.artifact,
            "operation_id" => &self.operation,
            "organization_id" | "customer_id" => &self.organization,
            "user_id" => &self.user,
            "session_id" => &self.session,
            "invitation_id" => &self.invitation,
            "token_id" => &self.token,
            "policy_id" => &self.policy,
            "receipt_id" => &self.receipt,
            "event_id" => &self.event,
            _ => return None,
        })
    }

    fn all(&self) -> [&str; 16] {
        [
            &self.comment,
            &self.organization,
            &self.user,
            &self.session,
            &self.invitation,
            &self.token,
            &self.policy,
            &self.receipt,
            &self.event,
            &self.project,
            &self.task,
            &self.run,
            &self.pull_request,
            &self.agent,
            &self.artifact,
            &self.operation,
        ]
    }

    /// A text without these ids, and without what differs from one request to the next.
    pub(crate) fn blot(&self, text: &str) -> String {
        let text = self.all().iter().fold(text.to_owned(), |text, id| text.replace(*id, "ID"));
        let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return text };
        if let Some(members) = value.as_object_mut() {
            members.remove("request_id");
        }
        blot_receipts(&mut value);
        value.to_string()
    }
}

/// Receipts are told apart by their ids.
fn blot_receipts(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(at) = text.find("receipt_") {
                text.truncate(at);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(blot_receipts),
        Value::Object(members) => members.values_mut().for_each(blot_receipts),
        _ => {}
    }
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::at(Place::Sqlite).await
    }

    pub(crate) async fn at(place: Place) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (options, mut database) = (OpenOptions::default(), None);
        let store = match place {
            Place::Sqlite => Store::open(dir.path(), options).expect("an empty directory opens"),
            Place::Postgres(filter) => {
                let scratch = Scratch::new();
                let proxy = Proxy::before(&scratch.url(), filter);
                let store = Store::open_postgres(dir.path(), proxy.url(), options);
                database = Some(Database { proxy, scratch });
                store.expect("an empty database opens")
            }
        };
        let clock = Arc::new(SystemLike(AtomicU64::new(0)));
        let desk = Desk { store, tenant: TenantId::LOCAL, clock, random: bytes::<10> };
        let platform = Platform::new(&desk, bytes::<32>, Settings::default());
        first_organization(&platform).await.expect("an empty store takes it");
        let now = platform.now();
        let organization = OrganizationRecord {
            name: "Other".into(),
            created_at: now,
            updated_at: now,
            version: 1,
            doc: json!({}),
        };
        let store = platform.store();
        store.write(other(), move |tx| tx.insert_organization(&organization)).await.expect("it is the first");
        store
            .write(TenantId::INSTALLATION, move |tx| tx.enter_organization(other(), now))
            .await
            .expect("listed");
        let limits = api::Limits { per_second: 100_000, burst: 100_000 };
        let config = Config { limits, ..Config::default() };
        let state = ApiState::new(platform.clone(), config, bytes::<16>);
        Self { router: router(state.clone()), state, platform, database, _dir: dir }
    }

    pub(crate) async fn token(&self, tenant: TenantId, role: Role) -> String {
        self.token_that_lasts(tenant, role, Duration::from_secs(3600)).await
    }

    pub(crate) async fn token_that_lasts(&self, tenant: TenantId, role: Role, life: Duration) -> String {
        let issued = token_by_hand(&self.platform, tenant, role.to_string(), role, life).await;
        issued.expect("a token").secret.expose().to_owned()
    }

    /// Sends a request; `token` none: without one.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        self.send_with(method, path, token, body, &[]).await
    }

    pub(crate) async fn send_with(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            let is_session = auth::token::parse(token).is_ok_and(|t| t.kind == TokenKind::Session);
            request = match is_session {
                true => {
                    request.header("cookie", format!("aamas_session={token}")).header("x-aamas-csrf", "1")
                }
                false => request.header("authorization", format!("Bearer {token}")),
            };
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            None => Body::empty(),
            Some(value) => {
                request = request.header("content-type", "application/json");
                Body::from(value.to_string())
            }
        };
        let request = request.body(body).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("the router has no way to fail");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// What a request comes to, and the statements that it took where they can be seen.
    pub(crate) async fn worked<T>(&self, request: impl Future<Output = T>) -> (T, Vec<String>) {
        let ran = || self.database.as_ref().map(|d| d.proxy.take_ran()).unwrap_or_default();
        drop(ran());
        let answer = request.await;
        (answer, ran())
    }

    /// Everything that the first organization's owner sees of it: to be the same before and after others' tries.
    pub(crate) async fn picture(&self, things: &Things) -> Vec<String> {
        let owner = self.token(TenantId::LOCAL, Role::Owner).await;
        let mut seen = Vec::new();
        for path in [
            "/api/v1/projects?status=archived".to_owned(),
            "/api/v1/projects".to_owned(),
            "/api/v1/tasks".to_owned(),
            "/api/v1/runs".to_owned(),
            "/api/v1/pull-requests".to_owned(),
            "/api/v1/agents".to_owned(),
            format!("/api/v1/projects/{}", things.project),
            format!("/api/v1/tasks/{}", things.task),
            format!("/api/v1/runs/{}", things.run),
            format!("/api/v1/pull-requests/{}", things.pull_request),
            format!("/api/v1/agents/{}", things.agent),
            format!("/api/v1/operations/{}", things.operation),
        ] {
            let answer = self.send(Method::GET, &path, Some(&owner), None).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
            seen.push(answer.text);
        }
        seen
    }

    /// Something of every kind in the first organization, the canary in each.
    pub(crate) async fn things(&self) -> Things {
        self.things_of(TenantId::LOCAL, CANARY).await
    }

    /// Something of every kind in an organization, with these words in each.
    pub(crate) async fn things_of(&self, tenant: TenantId, words: &'static str) -> Things {
        let owner = self.token(tenant, Role::Owner).await;
        let post = async |path: &str, body: Value| {
            let answer = self.send(Method::POST, path, Some(&owner), Some(&body)).await;
            assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text);
            answer.json()["id"].as_str().expect("it has an id").to_owned()
        };
        let new = json!({ "name": words, "repository_url": "/srv/canary" });
        let project = post("/api/v1/projects", new).await;
        let new = json!({ "description": format!("Fix {words}"), "start": false });
        let task = post(&format!("/api/v1/projects/{project}/tasks"), new).await;
        let agent = post("/api/v1/agents", json!({ "name": words, "type": "developer" })).await;
        let now = self.platform.now();
        let task_id: TaskId = task.parse().expect("an id");
        let (run, pr) = (RunId::new(now, bytes()), PullRequestId::new(now, bytes()));
        let comment = CommentId::new(now, bytes());
        let (operation, artifact) = (OperationId::new(now, bytes()), domain::ArtifactId::new(now, bytes()));
        let project_id = project.parse().expect("an id");
        let store = self.platform.store();
        store
            .write(tenant, move |tx| {
                let mut record = RunRecord::queued(run, task_id, std::path::Path::new("/srv/canary"), words, now);
                record.document = Some(json!({ "gates": [{ "name": words }] }));
                tx.insert_run(&record)?;
                let doc = json!({
                    "id": pr, "run_id": run, "state": "open", "title": words, "description": words,
                    "repo": "/srv/canary", "branch": words, "target": null, "base_commit": "", "head_commit": "",
                    "labels": [], "reviewers": [], "gates": [], "files": [], "diff": words, "created_at": now,
                    "updated_at": now, "comments": [{
                        "id": comment, "author": words, "path": null, "line": null, "body": words, "at": now,
                        "resolved": false,
                    }],
                });
                tx.insert_pull_request(&PullRequestRecord {
                    id: pr,
                    run,
                    forge_number: None,
                    title: words.into(),
                    state: PullRequestState::Open,
                    created_at: now,
                    updated_at: now,
                    doc,
                })?;
                tx.insert_operation(&OperationRecord {
                    id: operation,
                    kind: "run.replay".into(),
                    subject: run.to_string(),
                    state: OperationState::Done,
                    asked_by: words.into(),
                    request: json!({}),
                    result: json!({ "what": words }),
                    created_at: now,
                    updated_at: now,
                })?;
                tx.put_code_artifact(&CodeArtifactRecord {
                    id: artifact,
                    number: 0,
                    project: project_id,
                    run,
                    file_path: words.into(),
                    language: "python".into(),
                    generated_by: "developer".into(),
                    content: None,
                    quality_score: None,
                    test_coverage: None,
                    documentation_score: None,
                    created_at: now,
                })
            })
            .await
            .expect("new rows");
        let new = json!({ "name": words, "text": "forbid(principal, action == Action::\"projects.delete\", resource);", "enabled": false });
        let policy = post("/api/v1/policies", new).await;
        let invitation =
            post("/api/v1/invitations", json!({ "email": format!("{words}@example.org"), "role": "viewer" }))
                .await;
        let token = post("/api/v1/tokens", json!({ "name": words, "role": "viewer" })).await;
        let receipts = self.send(Method::GET, "/api/v1/receipts", Some(&owner), None).await.json();
        let (user, session, _) = self.person_of(tenant, words, Role::Developer).await;
        let events = store.read(tenant, |tx| tx.events_after(0, 1)).await.expect("a look");
        Things {
            project,
            task,
            agent,
            run: run.to_string(),
            pull_request: pr.to_string(),
            comment: comment.to_string(),
            artifact: artifact.to_string(),
            operation: operation.to_string(),
            organization: tenant.to_string(),
            user,
            session,
            invitation,
            token,
            policy,
            receipt: receipts["items"][0]["id"].as_str().expect("a receipt").to_owned(),
            event: events[0].event.id.to_string(),
        }
    }

    /// Somebody with an account, a membership and a session: the ids of the account and of the session, and its secret.
    pub(crate) async fn person_of(
        &self,
        tenant: TenantId,
        words: &'static str,
        role: Role,
    ) -> (String, String, String) {
        let now = self.platform.now();
        let user = UserId::new(now, bytes());
        let (id, email) = (CredentialId::new(now, bytes()), format!("{user}@example.org"));
        let (secret, digest) = auth::token::mint(TokenKind::Session, tenant, bytes());
        let account = UserRecord {
            id: user,
            email: email.clone(),
            name: words.into(),
            password_hash: None,
            created_at: now,
            updated_at: now,
            version: 1,
            doc: json!({}),
        };
        let role = role.to_string();
        let member = MemberRecord {
            user,
            email,
            name: words.into(),
            role,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let session = CredentialRecord {
            digest: digest.to_bytes(),
            id,
            kind: TokenKind::Session.as_str().into(),
            name: words.into(),
            user: Some(user),
            role: None,
            project: None,
            created_at: now,
            expires_at: None,
            last_used_at: None,
            ended_at: None,
            doc: json!({}),
        };
        let store = self.platform.store();
        store.write(TenantId::INSTALLATION, move |tx| tx.insert_user(&account)).await.expect("a new account");
        let joined = store.write(tenant, move |tx| {
            tx.insert_member(&member)?;
            tx.insert_credential(&session)
        });
        joined.await.expect("a new member");
        (user.to_string(), id.to_string(), secret.expose().to_owned())
    }
}
