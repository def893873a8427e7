//! Who calls: the caller behind a token or a session, looked up in the organization that the secret itself names.

use auth::token::{self, TokenKind};
use auth::{Caller, Principal, Role};
use domain::{CredentialId, ProjectId, TenantId, Timestamp};
use std::time::Duration;
use store::{CredentialRecord, MemberRecord, OrganizationRecord, StoreError, TenantTx};

use crate::{AppError, Platform, agents};

/// The use of a credential is noted once in so many seconds.
const NOTED_EVERY: Duration = Duration::from_secs(60);
/// The one message of every failure, lest it say which part was wrong.
const UNKNOWN: &str = "the token is unknown, expired or revoked";

/// The kinds of credentials that a request may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization: Bearer …`: an API token.
    Header,
    /// The session cookie.
    Cookie,
    /// The `token` of a WebSocket's address: a ticket, which is used up.
    Address,
}

impl Carrier {
    fn takes(self, kind: TokenKind) -> bool {
        match self {
            Self::Header => kind == TokenKind::Api,
            Self::Cookie => kind == TokenKind::Session,
            Self::Address => kind == TokenKind::Ticket,
        }
    }
}

/// The caller behind a secret.
///
/// # Errors
/// [`AppError::Unauthenticated`], the same for every cause.
pub async fn caller_of(platform: &Platform, carrier: Carrier, secret: &str) -> Result<Caller, AppError> {
    let token = token::parse(secret).map_err(|_| AppError::Unauthenticated(UNKNOWN))?;
    if !carrier.takes(token.kind) {
        return Err(AppError::Unauthenticated(UNKNOWN));
    }
    let digest = token.digest.to_bytes();
    if let Some(known) = platform.known_caller(&digest) {
        return Ok(known);
    }
    let now = platform.now();
    let settings = platform.settings().clone();
    let found = platform
        .store()
        .read(token.tenant, move |tx| {
            let Some(record) = tx.credential(&digest)?.filter(|c| c.is_valid(now)) else { return Ok(None) };
            let idle = record.last_used_at.unwrap_or(record.created_at);
            if record.kind == TokenKind::Session.as_str() && now.since(idle) > settings.session_idle {
                return Ok(None);
            }
            let member = record.user.map(|user| tx.member(user)).transpose()?.flatten();
            Ok(caller_from(tx.tenant(), &record, member.as_ref()).map(|caller| (caller, record)))
        })
        .await?;
    let (caller, record) = found.ok_or(AppError::Unauthenticated(UNKNOWN))?;
    if carrier == Carrier::Address {
        let id = record.id;
        let first = platform.store().write(token.tenant, move |tx| tx.end_credential(id, now)).await?;
        return if first { Ok(caller) } else { Err(AppError::Unauthenticated(UNKNOWN)) };
    }
    match note_use(platform, token.tenant, &record, now).await {
        // It is noted another time: a store that takes no writes just now is still read.
        Err(AppError::Store(StoreError::DiskFull { .. } | StoreError::Locked { .. })) => {}
        noted => noted?,
    }
    platform.remember_caller(digest, caller.clone());
    Ok(caller)
}

async fn note_use(
    platform: &Platform,
    tenant: TenantId,
    record: &CredentialRecord,
    now: Timestamp,
) -> Result<(), AppError> {
    if record.last_used_at.is_none_or(|at| now.since(at) >= NOTED_EVERY) {
        let digest = record.digest;
        platform.store().write(tenant, move |tx| tx.note_use(&digest, now)).await?;
    }
    Ok(())
}

/// The caller that a credential stands for; none if whose it is no longer belongs to the organization.
fn caller_from(tenant: TenantId, record: &CredentialRecord, member: Option<&MemberRecord>) -> Option<Caller> {
    let own = record.role.as_deref().and_then(Role::from_word);
    let is_session = record.kind == TokenKind::Session.as_str() || record.kind == TokenKind::Ticket.as_str();
    let (principal, role) = match (record.user, member) {
        // A person's: never above what the person may do now.
        (Some(_), Some(member)) => {
            let standing = Role::from_word(&member.role)?;
            let role = match own {
                Some(given) if standing.may_give(given) => given,
                Some(_) | None => standing,
            };
            (person(member), role)
        }
        (Some(_), None) => return None,
        // A machine's, or that of whoever has the data directory in hand.
        (None, _) => {
            let role = own?;
            let (id, name) = (record.id.to_string(), record.name.clone());
            if role.is_for_machines() {
                let kind = role.as_str().to_owned();
                (Principal::Service { id, name, kind }, role)
            } else {
                (Principal::User { id, name, email: String::new() }, role)
            }
        }
    };
    Some(Caller {
        tenant,
        principal,
        role,
        project_scope: record.project.map(|p: ProjectId| p.to_string()),
        mfa: record.doc["mfa"].as_bool().unwrap_or(false),
        session: is_session.then(|| record.id.to_string()),
        token: (!is_session).then(|| record.id.to_string()),
    })
}

fn person(member: &MemberRecord) -> Principal {
    Principal::User { id: member.user.to_string(), name: member.name.clone(), email: member.email.clone() }
}

/// A credential that was just made, with its secret, which is shown once.
#[derive(Debug)]
pub struct Issued {
    /// Its id.
    pub id: CredentialId,
    /// The secret.
    pub secret: domain::Secret,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// What a new credential should be.
#[derive(Clone, Debug)]
pub(crate) struct Issue {
    pub(crate) kind: TokenKind,
    pub(crate) name: String,
    pub(crate) user: Option<domain::UserId>,
    pub(crate) role: Option<Role>,
    pub(crate) project: Option<ProjectId>,
    pub(crate) life: Option<Duration>,
    pub(crate) doc: serde_json::Value,
}

/// Makes a credential in a transaction of its organization.
pub(crate) fn issue(
    tx: &mut TenantTx<'_>,
    now: Timestamp,
    ids: [u8; 10],
    random: [u8; 32],
    new: Issue,
) -> Result<Issued, AppError> {
    let (secret, digest) = token::mint(new.kind, tx.tenant(), random);
    let id = CredentialId::new(now, ids);
    let expires_at = new.life.map(|life| now.plus(life));
    tx.insert_credential(&CredentialRecord {
        digest: digest.to_bytes(),
        id,
        kind: new.kind.as_str().to_owned(),
        name: new.name,
        user: new.user,
        role: new.role.map(|role| role.as_str().to_owned()),
        project: new.project,
        created_at: now,
        expires_at,
        last_used_at: None,
        ended_at: None,
        doc: new.doc,
    })?;
    Ok(Issued { id, secret, expires_at })
}

/// The organization of this machine, made if there is none yet: its tenant is that of the command line, so that what
/// `aamas run` did is seen in it.
///
/// # Errors
/// Failures of the store.
pub async fn first_organization(platform: &Platform) -> Result<TenantId, AppError> {
    let (now, ids) = (platform.now(), platform.ids());
    // Whoever only reads need not wait for a writer.
    let is_there = platform.store().read(TenantId::LOCAL, |tx| Ok(tx.organization()?.is_some())).await?;
    let listed = platform.store().read(TenantId::INSTALLATION, |tx| tx.directory()).await?;
    if is_there && listed.contains(&TenantId::LOCAL) {
        return Ok(TenantId::LOCAL);
    }
    platform
        .store()
        .transact(TenantId::LOCAL, move |tx| {
            if tx.organization()?.is_none() {
                let name = "My organization".to_owned();
                let doc = serde_json::json!({});
                tx.insert_organization(&OrganizationRecord {
                    name,
                    created_at: now,
                    updated_at: now,
                    version: 1,
                    doc,
                })?;
                agents::register_first(tx, now, ids)?;
            }
            Ok::<_, AppError>(())
        })
        .await?;
    platform
        .store()
        .write(TenantId::INSTALLATION, move |tx| tx.enter_organization(TenantId::LOCAL, now))
        .await?;
    Ok(TenantId::LOCAL)
}

/// An organization that is known to the installation.
///
/// # Errors
/// [`AppError::NotFound`]; failures of the store.
pub async fn known_organization(platform: &Platform, id: TenantId) -> Result<TenantId, AppError> {
    let all = platform.store().read(TenantId::INSTALLATION, |tx| tx.directory()).await?;
    if all.contains(&id) { Ok(id) } else { Err(AppError::not_found("organization", id)) }
}

/// An API token for whoever has the data directory in hand.
///
/// # Errors
/// Failures of the store.
pub async fn token_by_hand(
    platform: &Platform,
    tenant: TenantId,
    name: String,
    role: Role,
    life: Duration,
) -> Result<Issued, AppError> {
    let (now, ids, random) = (platform.now(), platform.ids(), platform.random());
    let issue_it = Issue {
        kind: TokenKind::Api,
        name: name.clone(),
        user: None,
        role: Some(role),
        project: None,
        life: Some(life),
        doc: serde_json::json!({ "by_hand": true }),
    };
    let issued = platform
        .store()
        .transact(tenant, move |tx| {
            let issued = issue(tx, now, ids(), random, issue_it)?;
            let entry = governance::NewEntry {
                at: now,
                actor: governance::Actor { kind: "system".into(), id: "command_line".into(), name: None },
                action: "token.created".into(),
                subject: Some(governance::Subject { kind: "token".into(), id: issued.id.to_string() }),
                detail: serde_json::json!({ "name": name, "role": role.as_str() }),
                outcome: governance::Outcome::Done,
                request_id: None,
            };
            crate::audit::record(tx, &entry)?;
            Ok::<_, AppError>(issued)
        })
        .await?;
    platform.ring();
    Ok(issued)
}
