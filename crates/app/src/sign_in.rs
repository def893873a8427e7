//! Signing in: by password and second factor, or by a one-time link.

use auth::password;
use auth::token::{self, TokenKind};
use domain::{CredentialId, TenantId, UserId};
use governance::Outcome;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use store::{CredentialRecord, TenantTx, UserRecord};

use crate::account::{Proof, UserDoc, parse_email};
use crate::authenticate::{Issue, Issued, issue};
use crate::entrance::{Entrance, Hand, NewSession, SignedIn, Visitor};
use crate::office::Origin;
use crate::records::to_doc;
use crate::throttle::Keys;
use crate::{AppError, Platform};

/// The one message of every failure, lest it say which part was wrong.
const WRONG: &str = "the e-mail address, the password or the code is wrong";
/// The same for links.
const WRONG_LINK: &str = "the link is unknown, expired or used up";
/// The longest password that is looked at, in bytes.
const MAX_PASSWORD_BYTES: usize = 1024;

/// A sign-in.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The e-mail address.
    #[schema(value_type = crate::shapes::EmailAddress)]
    pub email: String,
    /// The password.
    #[schema(max_length = 128, format = Password)]
    pub password: String,
    /// The code of the second factor, or a recovery code, if the account has one.
    #[schema(max_length = 40)]
    pub code: Option<String>,
    /// The organization; the first one of the person if not given.
    #[schema(value_type = Option<crate::shapes::OrganizationId>)]
    pub organization_id: Option<String>,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").finish_non_exhaustive()
    }
}

/// Somebody who has shown who they are.
pub(crate) struct Proven {
    pub(crate) user: UserRecord,
    pub(crate) mfa: bool,
}

/// Signs in by password.
///
/// # Errors
/// [`AppError::Unauthenticated`], the same whatever was wrong; [`AppError::TooMany`]; [`AppError::Conflict`] with the
/// code `totp_required` when the password is right and a code is missing, and `no_organization`.
pub async fn by_password(
    entrance: &Entrance,
    visitor: &Visitor,
    origin: &Origin,
    new: SignIn,
) -> Result<SignedIn, AppError> {
    let wanted = new.organization_id.as_deref().map(parse_organization).transpose()?;
    let email = parse_email(&new.email).map_err(|why| AppError::invalid("email", why))?;
    let proven = prove(entrance, visitor, origin, &email, &new.password, new.code.as_deref()).await?;
    let session = NewSession::new(entrance.platform(), visitor, "password", proven.mfa);
    enter(entrance.platform(), origin, &proven.user, wanted, session).await
}

pub(crate) fn parse_organization(text: &str) -> Result<TenantId, AppError> {
    text.parse().map_err(|_| AppError::invalid("organization_id", "it is not the id of an organization"))
}

/// Holds a password and a code against an account. Failures are counted and audited.
pub(crate) async fn prove(
    entrance: &Entrance,
    visitor: &Visitor,
    origin: &Origin,
    email: &str,
    given: &str,
    code: Option<&str>,
) -> Result<Proven, AppError> {
    let platform = entrance.platform();
    if given.len() > MAX_PASSWORD_BYTES {
        return Err(AppError::invalid("password", "it is too long"));
    }
    let keys = Keys::new(email, visitor.address);
    let wanted = email.to_owned();
    let found = platform.store().read(TenantId::INSTALLATION, move |tx| tx.user_by_email(&wanted)).await?;
    let stored = found.as_ref().and_then(|user| user.password_hash.clone());
    let open = || entrance.throttle().gate(&keys, platform.now());
    let (right, turn) = entrance.matches(given, stored, open).await?;
    let (Some(user), true) = (&found, right) else {
        return Err(refused(entrance, visitor, origin, &keys, found.as_ref(), "password").await?);
    };
    let mfa = match (UserDoc::read(user)?.totp.is_some(), code.filter(|code| !code.trim().is_empty())) {
        (false, _) => false,
        (true, None) => {
            return Err(AppError::Conflict {
                code: "totp_required",
                detail: "this account has a second factor".into(),
                hint: "send the code of the app, or a recovery code, as well",
            });
        }
        (true, Some(code)) => match take_code(platform, user, code).await? {
            Some(_) => true,
            None => return Err(refused(entrance, visitor, origin, &keys, Some(user), "code").await?),
        },
    };
    entrance.throttle().succeeded(&keys);
    // Hashing takes a turn of its own.
    drop(turn);
    renew_hash(entrance, user, given).await?;
    Ok(Proven { user: user.clone(), mfa })
}

/// Holds a password against the account of somebody who is signed in, before what needs it.
pub(crate) async fn prove_again(
    entrance: &Entrance,
    visitor: &Visitor,
    origin: &Origin,
    user: &UserRecord,
    field: &str,
    given: &str,
) -> Result<(), AppError> {
    let Some(stored) = user.password_hash.clone() else {
        return Err(AppError::Conflict {
            code: "no_password",
            detail: "this account has no password".into(),
            hint: "it signs in at its identity provider",
        });
    };
    let keys = Keys::new(&user.email, visitor.address);
    let open = || entrance.throttle().gate(&keys, entrance.platform().now());
    if given.len() > MAX_PASSWORD_BYTES {
        return Err(AppError::invalid(field, "it is too long"));
    }
    let (right, _turn) = entrance.matches(given, Some(stored), open).await?;
    if right {
        entrance.throttle().succeeded(&keys);
        return Ok(());
    }
    refused(entrance, visitor, origin, &keys, Some(user), "password").await?;
    Err(AppError::invalid(field, "it is not the present password"))
}

/// Uses a code up, if it is right: read and saved in one transaction, so that it counts once.
async fn take_code(platform: &Platform, user: &UserRecord, code: &str) -> Result<Option<Proof>, AppError> {
    let (now, id, code, hash) = (platform.now(), user.id, code.to_owned(), user.password_hash.clone());
    platform
        .store()
        .transact(TenantId::INSTALLATION, move |tx| {
            // Whose password was changed meanwhile has to begin again.
            let Some(mut user) = tx.user(id)?.filter(|user| user.password_hash == hash) else {
                return Ok(None);
            };
            let mut doc = UserDoc::read(&user)?;
            let Some(factor) = &mut doc.totp else { return Ok(None) };
            let proof = factor.take(&code, now)?;
            if proof.is_some() {
                user.doc = to_doc(&doc);
                user.updated_at = now;
                tx.save_user(&user)?;
            }
            Ok::<_, AppError>(proof)
        })
        .await
}

/// Hashes a password again that was hashed by older rules.
async fn renew_hash(entrance: &Entrance, user: &UserRecord, given: &str) -> Result<(), AppError> {
    let Some(old) = user.password_hash.clone().filter(|hash| password::needs_rehash(hash)) else {
        return Ok(());
    };
    let hash = entrance.rehash(password::Password::new(given)).await?;
    let (id, now) = (user.id, entrance.platform().now());
    entrance
        .platform()
        .store()
        .write(TenantId::INSTALLATION, move |tx| match tx.user(id)? {
            Some(mut user) if user.password_hash.as_ref() == Some(&old) => {
                user.password_hash = Some(hash);
                user.updated_at = now;
                tx.save_user(&user)
            }
            _ => Ok(()),
        })
        .await?;
    Ok(())
}

/// Counts and audits a failure: in the first organization of the account, so that its owners see it; in the installation's log when
/// there is no such account, and then nothing that was typed is kept.
async fn refused(
    entrance: &Entrance,
    visitor: &Visitor,
    origin: &Origin,
    keys: &Keys,
    user: Option<&UserRecord>,
    factor: &'static str,
) -> Result<AppError, AppError> {
    let platform = entrance.platform();
    entrance.throttle().failed(keys, platform.now());
    let (tenant, subject) = match user {
        None => (TenantId::INSTALLATION, ("account", "unknown".to_owned())),
        Some(user) => {
            let tenant = organizations_of(platform, user.id).await?.first().copied();
            (tenant.unwrap_or(TenantId::INSTALLATION), ("user", user.id.to_string()))
        }
    };
    let hand = Hand::of_nobody(platform, origin);
    let address = visitor.address.map(|address| address.to_string());
    platform
        .store()
        .transact(tenant, move |tx| {
            let detail = json!({ "address": address, "factor": factor });
            hand.note(tx, "session.refused", Some(subject), detail, Outcome::Failed)
        })
        .await?;
    Ok(AppError::Unauthenticated(WRONG))
}

/// The organizations that a person belongs to as far as the installation knows: each has to be asked for its member.
pub(crate) async fn organizations_of(platform: &Platform, user: UserId) -> Result<Vec<TenantId>, AppError> {
    Ok(platform.store().read(TenantId::INSTALLATION, move |tx| tx.affiliations(user)).await?)
}

/// Begins a session of a person in an organization of theirs.
pub(crate) async fn enter(
    platform: &Platform,
    origin: &Origin,
    user: &UserRecord,
    wanted: Option<TenantId>,
    session: NewSession,
) -> Result<SignedIn, AppError> {
    let mut organizations = organizations_of(platform, user.id).await?;
    if let Some(wanted) = wanted {
        organizations.retain(|one| *one == wanted);
    }
    for tenant in organizations {
        let (hand, new, id) = (Hand::of_user(platform, origin, user), session.clone(), user.id);
        let begun = platform
            .store()
            .transact(tenant, move |tx| {
                // The note of a person's organizations may be older than the membership.
                let Some(member) = tx.member(id)? else { return Ok(None) };
                new.begin(tx, &hand, &member).map(Some)
            })
            .await?;
        if let Some(begun) = begun {
            platform.ring();
            return Ok(begun);
        }
    }
    Err(match wanted {
        Some(wanted) => AppError::not_found("organization", wanted),
        None => AppError::Conflict {
            code: "no_organization",
            detail: "this account belongs to no organization".into(),
            hint: "ask somebody to invite you",
        },
    })
}

/// A one-time link that was looked up in its organization, valid at this moment.
pub(crate) fn valid_link(
    tx: &TenantTx<'_>,
    token: &token::Token,
    now: domain::Timestamp,
) -> Result<Option<CredentialRecord>, AppError> {
    let digest = token.digest.to_bytes();
    let record = tx.credential(&digest)?;
    Ok(record.filter(|record| record.kind == token.kind.as_str() && record.is_valid(now)))
}

/// Signs in by a one-time link, which is used up.
///
/// # Errors
/// [`AppError::Unauthenticated`], the same for every cause; [`AppError::Conflict`] with the code `setup_required` when the
/// link is that of the first start.
pub async fn by_link(
    entrance: &Entrance,
    visitor: &Visitor,
    origin: &Origin,
    link: &str,
) -> Result<SignedIn, AppError> {
    let unknown = || AppError::Unauthenticated(WRONG_LINK);
    let token = token::parse(link.trim()).map_err(|_| unknown())?;
    if token.kind != TokenKind::Link {
        return Err(unknown());
    }
    let platform = entrance.platform();
    let session = NewSession::new(platform, visitor, "link", false);
    let (mut hand, tenant) = (Hand::of_nobody(platform, origin), token.tenant);
    let begun = platform
        .store()
        .transact(tenant, move |tx| {
            let record = valid_link(tx, &token, hand.now)?.ok_or_else(unknown)?;
            let Some(user) = record.user else {
                return Err(AppError::Conflict {
                    code: "setup_required",
                    detail: "this link is for the first start".into(),
                    hint: "open it in a browser to set the installation up",
                });
            };
            let member = tx.member(user)?.ok_or_else(unknown)?;
            hand = hand.become_user(user, &member.name);
            tx.end_credential(record.id, hand.now)?;
            session.begin(tx, &hand, &member)
        })
        .await?;
    platform.ring();
    Ok(begun)
}

/// A one-time link for an account that there is, for whoever has the data directory in hand.
///
/// # Errors
/// [`AppError::NotFound`] when nobody in the organization has this address.
pub async fn link_by_hand(
    platform: &Platform,
    tenant: TenantId,
    email: &str,
    life: Duration,
) -> Result<Issued, AppError> {
    let email = parse_email(email).map_err(|why| AppError::invalid("email", why))?;
    let wanted = email.clone();
    let found = platform.store().read(TenantId::INSTALLATION, move |tx| tx.user_by_email(&wanted)).await?;
    let user = found.ok_or_else(|| AppError::not_found("account", &email))?.id;
    let (hand, random) = (Hand::of_system(platform, "command_line"), platform.random());
    let issued = platform
        .store()
        .transact(tenant, move |tx| {
            tx.member(user)?.ok_or_else(|| AppError::not_found("account", &email))?;
            let new = Issue {
                kind: TokenKind::Link,
                name: "sign-in link".into(),
                user: Some(user),
                role: None,
                project: None,
                life: Some(life),
                doc: json!({ "by_hand": true }),
            };
            let issued = issue(tx, hand.now, hand.ids(), random, new)?;
            hand.note(tx, "link.created", Some(("user", user.to_string())), json!({}), Outcome::Done)?;
            Ok::<_, AppError>(issued)
        })
        .await?;
    Ok(issued)
}

/// Ends a person's sessions in an organization, but for one; how many.
pub(crate) fn end_sessions(
    tx: &mut TenantTx<'_>,
    user: UserId,
    but: Option<CredentialId>,
    now: domain::Timestamp,
) -> Result<usize, AppError> {
    const AT_ONCE: u32 = 1_000;
    let mut ended = 0;
    for kind in [TokenKind::Session, TokenKind::Link, TokenKind::Ticket] {
        for session in tx.credentials_of(user, kind.as_str(), AT_ONCE)? {
            if Some(session.id) != but && tx.end_credential(session.id, now)? {
                ended += 1;
            }
        }
    }
    Ok(ended)
}
