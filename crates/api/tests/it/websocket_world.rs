//! A platform over an empty store, with people in it, and a server on a free port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use api::{ApiState, Config, Limits, Listener, router, serve};
use app::authenticate::{Carrier, caller_of, first_organization, token_by_hand};
use app::office::Origin;
use app::projects::NewProject;
use app::{Desk, Platform, Settings};
use auth::token::{TokenKind, mint};
use auth::{Caller, Role};
use domain::{Clock, CredentialId, EventId, ProjectId, Secret, TenantId, Timestamp, UserId};
use serde_json::{Value, json};
use store::{CredentialRecord, MemberRecord, NewEvent, OpenOptions, OrganizationRecord, Store, UserRecord};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Another organization than the first.
pub(crate) fn other() -> TenantId {
    TenantId::from_bytes([7; 16])
}

/// A clock that tests set.
pub(crate) struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

impl ManualClock {
    pub(crate) fn pass(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).expect("a short time"), Ordering::Relaxed);
    }

    /// Somebody sets it back.
    pub(crate) fn jump_back(&self, by: Duration) {
        self.0.fetch_sub(i64::try_from(by.as_micros()).expect("a short time"), Ordering::Relaxed);
    }
}

static COUNT: AtomicU64 = AtomicU64::new(1);

pub(crate) fn ids() -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

fn random() -> [u8; 32] {
    let mut bytes = [5; 32];
    bytes[24..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

fn request_id() -> [u8; 16] {
    let mut bytes = [1; 16];
    bytes[8..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

/// A platform with two organizations, and its server.
pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) state: ApiState,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    _tasks: JoinSet<()>,
    _dir: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(false).await
    }

    /// A server that is a development server or not.
    pub(crate) async fn with(dev: bool) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path(), OpenOptions::default()).expect("an empty directory opens");
        let clock = Arc::new(ManualClock(AtomicI64::new(1_800_000_000_000_000)));
        let desk = Desk { store, tenant: TenantId::LOCAL, clock: clock.clone(), random: ids };
        let platform = Platform::new(&desk, random, Settings::default());
        first_organization(&platform).await.expect("an empty store takes it");
        let now = platform.now();
        let record = OrganizationRecord {
            name: "Other".into(),
            created_at: now,
            updated_at: now,
            version: 1,
            doc: json!({}),
        };
        platform
            .store()
            .write(other(), move |tx| tx.insert_organization(&record))
            .await
            .expect("it is the first");
        let limits = Limits { per_second: 10_000, burst: 10_000 };
        let config = Config { dev, limits, ..Config::default() };
        let state = ApiState::new(platform.clone(), config, request_id);
        let listener = Listener::bind("127.0.0.1:0".parse().expect("an address"), None).await;
        let listener = listener.expect("a free port");
        let address = listener.address().expect("it is bound");
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(app::events::ring_at_commits(platform.clone(), stop.clone()));
        tasks.spawn(serve(listener, state.clone(), router(state.clone()), stop.clone()));
        Self { platform, state, clock, address, stop, _tasks: tasks, _dir: dir }
    }

    /// A token of a role.
    pub(crate) async fn token(&self, tenant: TenantId, role: Role) -> Secret {
        let life = Duration::from_secs(3600);
        token_by_hand(&self.platform, tenant, role.to_string(), role, life).await.expect("a token").secret
    }

    /// The caller behind a token.
    pub(crate) async fn caller(&self, tenant: TenantId, role: Role) -> Caller {
        let token = self.token(tenant, role).await;
        caller_of(&self.platform, Carrier::Header, token.expose()).await.expect("it was just made")
    }

    pub(crate) async fn project(&self, caller: &Caller, name: &str) -> ProjectId {
        let new =
            NewProject { name: name.into(), repository_url: "/srv/repo".into(), ..NewProject::default() };
        app::projects::create(&self.platform, caller, &Origin::default(), new).await.expect("a project").id
    }

    /// A person of the first organization with a session.
    pub(crate) async fn person(&self, role: Role) -> (UserId, CredentialId, Caller) {
        let now = self.platform.now();
        let user = UserId::new(now, ids());
        let name = "Ada".to_owned();
        let email = format!("{user}@example.org");
        let record = UserRecord {
            id: user,
            email: email.clone(),
            name: name.clone(),
            password_hash: None,
            created_at: now,
            updated_at: now,
            version: 1,
            doc: json!({}),
        };
        let installed =
            self.platform.store().write(TenantId::INSTALLATION, move |tx| tx.insert_user(&record));
        installed.await.expect("a new account");
        let (secret, digest) = mint(TokenKind::Session, TenantId::LOCAL, random());
        let id = CredentialId::new(now, ids());
        let member = MemberRecord {
            user,
            email,
            name,
            role: role.to_string(),
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let session = CredentialRecord {
            digest: digest.to_bytes(),
            id,
            kind: TokenKind::Session.as_str().into(),
            name: "session".into(),
            user: Some(user),
            role: None,
            project: None,
            created_at: now,
            expires_at: None,
            last_used_at: None,
            ended_at: None,
            doc: json!({}),
        };
        self.platform
            .store()
            .write(TenantId::LOCAL, move |tx| {
                tx.insert_member(&member)?;
                tx.insert_credential(&session)
            })
            .await
            .expect("a new member");
        let caller = caller_of(&self.platform, Carrier::Cookie, secret.expose()).await.expect("signed in");
        (user, id, caller)
    }

    pub(crate) async fn ticket(&self, caller: &Caller, project: ProjectId) -> Secret {
        app::events::ticket(&self.platform, caller, &Origin::default(), Some(project))
            .await
            .expect("who may watch gets a ticket")
            .secret
    }

    /// Appends events of a project in one commit; their ids.
    pub(crate) async fn emit(
        &self,
        project: Option<ProjectId>,
        kind: &str,
        data: Vec<Value>,
    ) -> Vec<EventId> {
        let now = self.platform.now();
        let kind = format!("dev.aamas.{kind}");
        let events: Vec<_> = data
            .into_iter()
            .map(|mut data| {
                if let Some(project) = project {
                    data["project_id"] = json!(project);
                }
                NewEvent {
                    id: EventId::new(now, ids()),
                    kind: kind.clone(),
                    subject: "x".into(),
                    data,
                    at: now,
                }
            })
            .collect();
        let found = events.iter().map(|event| event.id).collect();
        self.platform
            .store()
            .write(TenantId::LOCAL, move |tx| events.iter().try_for_each(|event| tx.append_event(event)))
            .await
            .expect("events are taken");
        found
    }
}
