//! A platform on a real store with a clock that is set by hand, and people in it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use app::authenticate::{Carrier, caller_of};
use app::invitations::{Acceptance, NewInvitation};
use app::office::Origin;
use app::setup::SetupRequest;
use app::sign_in::SignIn;
use app::{AppError, Desk, Entrance, Platform, Settings, SignedIn, Visitor};
use auth::Caller;
use domain::{Clock, TenantId, Timestamp};
use store::{OpenOptions, Store};
use tempfile::TempDir;

/// A password that is good enough.
pub const PASSWORD: &str = "seven plain words on a wall";

/// A clock that is set by hand.
pub struct HandClock(AtomicI64);

impl HandClock {
    pub fn pass(&self, by: Duration) {
        self.0.fetch_add(by.as_micros() as i64, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

static COUNT: AtomicU64 = AtomicU64::new(1);

/// Not random, but never the same.
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

pub struct House {
    pub entrance: Entrance,
    pub platform: Platform,
    pub clock: Arc<HandClock>,
    pub store: Store,
    _dir: TempDir,
}

impl House {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path(), OpenOptions::default()).expect("an empty directory opens");
        let clock = Arc::new(HandClock(AtomicI64::new(1_770_000_000_000_000)));
        let desk = Desk { store: store.clone(), tenant: TenantId::LOCAL, clock: clock.clone(), random: ids };
        let platform = Platform::new(&desk, secrets, Settings::default());
        Self { entrance: Entrance::new(&platform), platform, clock, store, _dir: dir }
    }

    /// A house whose first start Ada has ended.
    pub async fn of_ada() -> (Self, SignedIn) {
        let house = Self::new();
        let link = app::setup::setup_link(&house.platform).await.expect("a new store").expect("no owner yet");
        let ada = house.set_up(link.secret.expose()).await.expect("the link counts");
        (house, ada)
    }

    pub async fn set_up(&self, link: &str) -> Result<SignedIn, AppError> {
        let request = SetupRequest {
            link: link.to_owned(),
            organization_name: "Analytical Engines".into(),
            name: "Ada".into(),
            email: "Ada@Example.org".into(),
            password: PASSWORD.into(),
        };
        app::setup::complete(&self.entrance, &at(1), &origin(), request).await
    }

    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        code: Option<&str>,
        from: u8,
    ) -> Result<SignedIn, AppError> {
        let new = SignIn {
            email: email.to_owned(),
            password: password.to_owned(),
            code: code.map(str::to_owned),
            organization_id: None,
        };
        app::sign_in::by_password(&self.entrance, &at(from), &origin(), new).await
    }

    pub async fn invite(&self, by: &Caller, email: &str, role: &str) -> Result<String, AppError> {
        let new = NewInvitation { email: email.to_owned(), role: role.to_owned() };
        let (_, link) = app::invitations::create(&self.platform, by, &origin(), new).await?;
        Ok(link.expose().to_owned())
    }

    pub async fn accept(&self, link: &str, name: Option<&str>, password: &str) -> Result<SignedIn, AppError> {
        let given = Acceptance {
            link: link.to_owned(),
            name: name.map(str::to_owned),
            password: Some(password.to_owned()),
            code: None,
        };
        app::invitations::accept(&self.entrance, &at(2), None, &origin(), given).await
    }

    /// A new person, invited and in.
    pub async fn person(&self, by: &Caller, name: &str, role: &str) -> SignedIn {
        let email = format!("{}@example.org", name.to_lowercase());
        let link = self.invite(by, &email, role).await.expect("the inviter may");
        self.accept(&link, Some(name), PASSWORD).await.expect("the link counts")
    }

    /// Who a session is now.
    pub async fn session(&self, secret: &domain::Secret) -> Result<Caller, AppError> {
        caller_of(&self.platform, Carrier::Cookie, secret.expose()).await
    }

    /// Who a token is now.
    pub async fn token(&self, secret: &domain::Secret) -> Result<Caller, AppError> {
        caller_of(&self.platform, Carrier::Header, secret.expose()).await
    }

    /// Actions and outcomes in an audit, oldest first.
    pub fn audit(&self, tenant: TenantId) -> Vec<(String, String)> {
        let page = store::Page::Oldest { after: None, limit: 200 };
        let rows = self
            .store
            .read_blocking(tenant, |tx| tx.audit_entries(&store::AuditFilter::default(), page))
            .expect("a sound audit");
        rows.into_iter().map(|row| (row.action, row.outcome)).collect()
    }

    /// Everything in the audit of a tenant, as text.
    pub fn audit_text(&self, tenant: TenantId) -> String {
        let page = store::Page::Oldest { after: None, limit: 200 };
        let rows = self
            .store
            .read_blocking(tenant, |tx| tx.audit_entries(&store::AuditFilter::default(), page))
            .expect("a sound audit");
        rows.into_iter().map(|row| row.payload).collect()
    }
}

pub fn at(last: u8) -> Visitor {
    Visitor {
        address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))),
        user_agent: Some("a browser".into()),
    }
}

pub fn origin() -> Origin {
    Origin { request_id: Some("req_1".into()), trace_id: None }
}

/// The kind of an error in a word, for tables of cases.
pub fn kind<T>(result: Result<T, AppError>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(AppError::NotFound { what, .. }) => format!("no {what}"),
        Err(AppError::Invalid(problems)) => {
            let fields: Vec<_> = problems.into_iter().map(|problem| problem.field).collect();
            format!("invalid {}", fields.join(","))
        }
        Err(AppError::Denied { action, .. }) => format!("denied {action}"),
        Err(AppError::Unauthenticated(_)) => "unauthenticated".into(),
        Err(AppError::Conflict { code, .. }) => code.into(),
        Err(AppError::VersionConflict) => "version".into(),
        Err(AppError::TooMany { .. }) => "too many".into(),
        Err(other) => panic!("unexpected: {other}"),
    }
}

/// An origin that lives as long as it takes.
pub static ORIGIN: Origin = Origin { request_id: None, trace_id: None };
