//! The door: what it takes to let people in before there is a caller. Clones share it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::password::{self, Password, PasswordError, WeakPassword};
use auth::token::TokenKind;
use auth::{Caller, Principal, Role};
use domain::{CredentialId, EventId, Secret, TenantId, Timestamp, UserId};
use governance::{Actor, NewEntry, Outcome, Subject};
use serde_json::{Value, json};
use store::{MemberRecord, NewEvent, StoreError, TenantTx, UserRecord};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::authenticate::{Issue, Issued, issue};
use crate::events::noted;
use crate::office::Origin;
use crate::sso::{Fetch, Providers, ProvidersError, Sso};
use crate::throttle::Throttle;
use crate::{AppError, Platform, audit};

/// Passwords that are hashed at the same time, at most: each takes 19 MiB and a processor.
const MAX_HASHING: usize = 4;
/// Sessions of a person in an organization; one more ends the oldest.
const MAX_SESSIONS: u32 = 100;
/// What is kept of a browser's name, in characters.
const MAX_AGENT: usize = 200;

/// Who stands at the door.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visitor {
    /// The network address.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
}

/// A session that has begun.
#[derive(Debug)]
pub struct SignedIn {
    /// The secret, for the cookie.
    pub secret: Secret,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Who it is from now on.
    pub caller: Caller,
}

/// What it takes to let people in. Clones share it.
#[derive(Clone)]
pub struct Entrance {
    inner: Arc<Inner>,
}

struct Inner {
    platform: Platform,
    throttle: Throttle,
    hashing: Arc<Semaphore>,
    sso: Option<Sso>,
}

impl Entrance {
    /// The door of a platform.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self::of(platform, None)
    }

    /// The door of a platform, with others who may say who somebody is. `fetch` is the network.
    ///
    /// # Errors
    /// What is wrong with the administrator's file.
    pub fn with_providers(
        platform: &Platform,
        providers: Providers,
        fetch: Fetch,
    ) -> Result<Self, ProvidersError> {
        Ok(Self::of(platform, Some(Sso::new(platform, providers, fetch)?)))
    }

    fn of(platform: &Platform, sso: Option<Sso>) -> Self {
        let inner = Inner {
            platform: platform.clone(),
            throttle: Throttle::new(),
            hashing: Arc::new(Semaphore::new(MAX_HASHING)),
            sso,
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn sso(&self) -> Option<&Sso> {
        self.inner.sso.as_ref()
    }

    /// What is behind it.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.inner.platform
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.inner.throttle
    }

    /// The hash of a new password, after it was found good enough.
    pub(crate) async fn hash(
        &self,
        field: &str,
        text: &str,
        email: &str,
        organization: &str,
    ) -> Result<String, AppError> {
        let password = Password::new(text);
        password.check(email, organization).map_err(|weak| match weak {
            WeakPassword::TooShort | WeakPassword::TooLong => AppError::invalid(field, weak.to_string()),
            // It has the form of a password.
            WeakPassword::Common | WeakPassword::ContainsEmail | WeakPassword::ContainsOrganization => {
                AppError::unfit(field, weak.to_string())
            }
        })?;
        self.rehash(password).await
    }

    /// The hash of a password that is in use already.
    pub(crate) async fn rehash(&self, password: Password) -> Result<String, AppError> {
        let mut salt = [0; password::SALT_BYTES];
        salt.copy_from_slice(&self.platform().random()[..password::SALT_BYTES]);
        self.work(move || password::hash(&password, salt)).await
    }

    /// Whether a password is the one that was stored; whoever has none takes as long to refuse. `open` is asked again when
    /// the turn has come. The turn is to be kept until a failure was counted: who tries many at once then finds the door
    /// closed by the first of them.
    pub(crate) async fn matches(
        &self,
        text: &str,
        stored: Option<String>,
        open: impl Fn() -> Result<(), AppError>,
    ) -> Result<(bool, Turn), AppError> {
        open()?;
        let turn = Turn(self.permit().await?);
        open()?;
        let password = Password::new(text);
        blocking(move || Ok((password::verify(&password, stored.as_deref())?, turn))).await
    }

    async fn work<T: Send + 'static>(
        &self,
        hash: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, AppError> {
        let permit = self.permit().await?;
        // The permit goes with the work: a request that is dropped doesn't make room for another one before its end.
        blocking(move || {
            let _permit = permit;
            hash()
        })
        .await
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, AppError> {
        let waiting = self.inner.hashing.clone().acquire_owned().await;
        waiting.map_err(|_| AppError::Store(StoreError::Closed))
    }
}

/// The turn of somebody whose password is looked at.
pub(crate) struct Turn(#[expect(dead_code, reason = "it is kept for its end")] OwnedSemaphorePermit);

impl std::fmt::Debug for Entrance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entrance").finish_non_exhaustive()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
) -> Result<T, AppError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|error| StoreError::Malformed { what: error.to_string() }.into()),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(AppError::Store(StoreError::Closed)),
        },
    }
}

/// Who did something, where there is no caller yet: it records as an office does.
#[derive(Clone, Debug)]
pub(crate) struct Hand {
    pub(crate) now: Timestamp,
    ids: fn() -> [u8; 10],
    actor: Actor,
    origin: Origin,
}

impl Hand {
    pub(crate) fn of_user(platform: &Platform, origin: &Origin, user: &UserRecord) -> Self {
        let actor = Actor { kind: "user".into(), id: user.id.to_string(), name: Some(user.name.clone()) };
        Self::new(platform, origin, actor)
    }

    pub(crate) fn of_nobody(platform: &Platform, origin: &Origin) -> Self {
        Self::new(platform, origin, Actor { kind: "anonymous".into(), id: "unknown".into(), name: None })
    }

    /// The same hand, once it is known whose it is.
    pub(crate) fn become_user(self, user: UserId, name: &str) -> Self {
        let actor = Actor { kind: "user".into(), id: user.to_string(), name: Some(name.to_owned()) };
        Self { actor, ..self }
    }

    pub(crate) fn of_system(platform: &Platform, id: &str) -> Self {
        Self::new(platform, &Origin::default(), Actor { kind: "system".into(), id: id.into(), name: None })
    }

    fn new(platform: &Platform, origin: &Origin, actor: Actor) -> Self {
        Self { now: platform.now(), ids: platform.ids(), actor, origin: origin.clone() }
    }

    pub(crate) fn ids(&self) -> [u8; 10] {
        (self.ids)()
    }

    /// Records what was done, and tells whoever watches.
    pub(crate) fn did(
        &self,
        tx: &mut TenantTx<'_>,
        event: &str,
        subject: (&str, String),
        data: Value,
    ) -> Result<(), AppError> {
        let actor = json!({ "id": self.actor.id, "name": self.actor.name });
        tx.append_event(&NewEvent {
            id: EventId::new(self.now, (self.ids)()),
            kind: format!("dev.aamas.{event}"),
            subject: subject.1.clone(),
            data: noted(data.clone(), actor, &self.origin),
            at: self.now,
        })?;
        self.note(tx, event, Some(subject), data, Outcome::Done)
    }

    /// Records in the audit alone.
    pub(crate) fn note(
        &self,
        tx: &mut TenantTx<'_>,
        action: &str,
        subject: Option<(&str, String)>,
        detail: Value,
        outcome: Outcome,
    ) -> Result<(), AppError> {
        let entry = NewEntry {
            at: self.now,
            actor: self.actor.clone(),
            action: action.to_owned(),
            subject: subject.map(|(kind, id)| Subject { kind: kind.to_owned(), id }),
            detail: audit::integers_only(detail),
            outcome,
            request_id: self.origin.request_id.clone(),
        };
        audit::record(tx, &entry)?;
        Ok(())
    }
}

/// What a session is made from.
#[derive(Clone, Debug)]
pub(crate) struct NewSession {
    random: [u8; 32],
    life: Duration,
    visitor: Visitor,
    how: &'static str,
    mfa: bool,
}

impl NewSession {
    pub(crate) fn new(platform: &Platform, visitor: &Visitor, how: &'static str, mfa: bool) -> Self {
        let (random, life) = (platform.random(), platform.settings().session_life);
        Self { random, life, visitor: visitor.clone(), how, mfa }
    }

    /// The same, but ending no later than the session that it goes on from.
    pub(crate) fn until(self, end: Option<Timestamp>, now: Timestamp) -> Self {
        let left = end.map_or(self.life, |end| end.since(now));
        Self { life: self.life.min(left), ..self }
    }

    /// Begins it, in a transaction of its organization.
    pub(crate) fn begin(
        self,
        tx: &mut TenantTx<'_>,
        hand: &Hand,
        member: &MemberRecord,
    ) -> Result<SignedIn, AppError> {
        let agent: Option<String> = self
            .visitor
            .user_agent
            .map(|text| text.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect());
        let address = self.visitor.address.map(|address| address.to_string());
        let sessions = tx.credentials_of(member.user, TokenKind::Session.as_str(), MAX_SESSIONS + 100)?;
        for oldest in sessions.iter().skip(MAX_SESSIONS as usize - 1) {
            tx.end_credential(oldest.id, hand.now)?;
        }
        let new = Issue {
            kind: TokenKind::Session,
            name: String::new(),
            user: Some(member.user),
            role: None,
            project: None,
            life: Some(self.life),
            doc: json!({ "mfa": self.mfa, "how": self.how, "user_agent": agent, "address": address }),
        };
        let Issued { id, secret, expires_at } = issue(tx, hand.now, hand.ids(), self.random, new)?;
        let detail = json!({ "how": self.how, "mfa": self.mfa, "address": address });
        hand.note(tx, "session.begun", Some(("session", id.to_string())), detail, Outcome::Done)?;
        let caller = caller_of(tx.tenant(), member, id, self.mfa)?;
        Ok(SignedIn { secret, expires_at: expires_at.unwrap_or(hand.now), caller })
    }
}

fn caller_of(
    tenant: TenantId,
    member: &MemberRecord,
    session: CredentialId,
    mfa: bool,
) -> Result<Caller, AppError> {
    let unreadable = || StoreError::Malformed { what: format!("the role of member {}", member.user) };
    Ok(Caller {
        tenant,
        principal: Principal::User {
            id: member.user.to_string(),
            name: member.name.clone(),
            email: member.email.clone(),
        },
        role: Role::from_word(&member.role).ok_or_else(unreadable)?,
        project_scope: None,
        mfa,
        session: Some(session.to_string()),
        token: None,
    })
}

/// The account and the session of a caller who is signed in. A token is not enough for what concerns the account itself: whoever
/// finds one must not be able to lock its owner out.
pub(crate) fn account_of(caller: &Caller) -> Result<(UserId, CredentialId), AppError> {
    let user = caller.user_id().and_then(|id| id.parse().ok());
    let session = caller.session.as_deref().and_then(|id| id.parse().ok());
    user.zip(session).ok_or(AppError::Conflict {
        code: "session_required",
        detail: "only a person who is signed in can do this".into(),
        hint: "sign in with a browser",
    })
}

/// The person's own session as the policies see it.
pub(crate) fn own_session(tenant: TenantId, user: UserId, session: CredentialId) -> auth::policy::Resource {
    auth::policy::Resource::new(auth::policy::ResourceKind::Session, session.to_string(), tenant)
        .owned_by(user.to_string())
}
