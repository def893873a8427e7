//! Two organizations on one store, with something of every kind in the first, and requests against all routes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::{ApiState, Config, router};
use app::authenticate::{first_organization, token_by_hand};
use app::{Desk, Platform, Settings};
use auth::Role;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use domain::{Clock, OperationId, OperationState, PullRequestId, RunId, TaskId, TenantId, Timestamp};
use serde_json::{Value, json};
use store::{
    CodeArtifactRecord, OpenOptions, OperationRecord, OrganizationRecord, PullRequestRecord,
    PullRequestState, RunRecord, Store,
};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// What stands in everything of the first organization, and must be seen by nobody else.
pub(crate) const CANARY: &str = "CANARY-OF-THE-FIRST";

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

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [3; N];
    let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    bytes[N - 8..].copy_from_slice(&count);
    bytes
}

pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) router: Router,
    pub(crate) _dir: TempDir,
}

/// The ids of what there is in the first organization.
#[derive(Clone, Debug)]
pub(crate) struct Things {
    pub(crate) project: String,
    pub(crate) task: String,
    pub(crate) run: String,
    pub(crate) pull_request: String,
    pub(crate) agent: String,
    pub(crate) artifact: String,
    pub(crate) operation: String,
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
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path(), OpenOptions::default()).expect("an empty directory opens");
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
        Self { router: router(state), platform, _dir: dir }
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
            request = request.header("authorization", format!("Bearer {token}"));
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

    /// Something of every kind in the first organization, the canary in each.
    pub(crate) async fn things(&self) -> Things {
        let owner = self.token(TenantId::LOCAL, Role::Owner).await;
        let post = async |path: &str, body: Value| {
            let answer = self.send(Method::POST, path, Some(&owner), Some(&body)).await;
            assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text);
            answer.json()["id"].as_str().expect("it has an id").to_owned()
        };
        let new = json!({ "name": CANARY, "repository_url": "/srv/canary" });
        let project = post("/api/v1/projects", new).await;
        let new = json!({ "description": format!("Fix {CANARY}"), "start": false });
        let task = post(&format!("/api/v1/projects/{project}/tasks"), new).await;
        let agent = post("/api/v1/agents", json!({ "name": CANARY, "type": "developer" })).await;
        let now = self.platform.now();
        let task_id: TaskId = task.parse().expect("an id");
        let (run, pr) = (RunId::new(now, bytes()), PullRequestId::new(now, bytes()));
        let (operation, artifact) = (OperationId::new(now, bytes()), domain::ArtifactId::new(now, bytes()));
        let project_id = project.parse().expect("an id");
        self.platform
            .store()
            .write(TenantId::LOCAL, move |tx| {
                let mut record = RunRecord::queued(run, task_id, std::path::Path::new("/srv/canary"), CANARY, now);
                record.document = Some(json!({ "gates": [{ "name": CANARY }] }));
                tx.insert_run(&record)?;
                let doc = json!({
                    "id": pr, "run_id": run, "state": "open", "title": CANARY, "description": CANARY,
                    "repo": "/srv/canary", "branch": CANARY, "target": null, "base_commit": "", "head_commit": "",
                    "labels": [], "reviewers": [], "gates": [], "files": [], "diff": "", "created_at": now,
                    "updated_at": now,
                });
                tx.insert_pull_request(&PullRequestRecord {
                    id: pr,
                    run,
                    forge_number: None,
                    title: CANARY.into(),
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
                    asked_by: CANARY.into(),
                    request: json!({}),
                    result: json!({ "what": CANARY }),
                    created_at: now,
                    updated_at: now,
                })?;
                tx.put_code_artifact(&CodeArtifactRecord {
                    id: artifact,
                    number: 0,
                    project: project_id,
                    run,
                    file_path: CANARY.into(),
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
        Things {
            project,
            task,
            agent,
            run: run.to_string(),
            pull_request: pr.to_string(),
            artifact: artifact.to_string(),
            operation: operation.to_string(),
        }
    }
}
