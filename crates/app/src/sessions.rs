//! Sessions: who I am, where I am signed in, and the end of it.

use auth::policy::{Request, Resource, ResourceKind};
use auth::token::TokenKind;
use auth::{Action, Caller, Role};
use domain::{CredentialId, TenantId, Timestamp, UserId};
use serde::Serialize;
use serde_json::json;
use store::TenantTx;

use crate::account::UserDoc;
use crate::entrance::{Hand, NewSession, SignedIn, Visitor, account_of, own_session};
use crate::office::Origin;
use crate::organizations::{Organization, organization_of};
use crate::sign_in::organizations_of;
use crate::{AppError, Platform};

/// Sessions that are listed; no more are kept.
const MAX_LISTED: u32 = 200;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Who {
    /// The person; null for a machine, and for a token that was made by hand.
    #[schema(required)]
    pub user: Option<WhoUser>,
    /// The organization that everything is read and written in.
    pub organization: Organization,
    /// The role in it.
    #[schema(value_type = crate::shapes::TokenRole)]
    pub role: Role,
    /// What can be asked for, by the policies, of the organization or of one's own things.
    #[schema(value_type = Vec<crate::shapes::Action>)]
    pub permissions: Vec<Action>,
    /// The token, if it is one that calls.
    #[schema(required)]
    pub token: Option<WhoToken>,
}

/// A person who calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct WhoUser {
    /// `user_…`.
    #[schema(value_type = crate::shapes::UserId)]
    pub id: UserId,
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// Whether the account has a second factor.
    pub totp: bool,
}

/// A token that calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct WhoToken {
    /// `token_…`; of a service that an issuer vouches for, who it is to the issuer.
    pub id: String,
    /// The name.
    pub name: String,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SessionLine {
    /// `token_…`.
    #[schema(value_type = crate::shapes::CredentialId)]
    pub id: CredentialId,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub last_used_at: Option<Timestamp>,
    /// When it ends at the latest.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub expires_at: Option<Timestamp>,
    /// What the browser called itself.
    #[schema(required)]
    pub user_agent: Option<String>,
    /// Where it began.
    #[schema(required)]
    pub address: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Who calls, and what they may ask for. Everybody may know that of themselves.
///
/// # Errors
/// Failures of the store; policies that can't be read.
pub async fn who(platform: &Platform, caller: &Caller) -> Result<Who, AppError> {
    let user = match caller.user_id().and_then(|id| id.parse::<UserId>().ok()) {
        None => None,
        Some(id) => platform.store().read(TenantId::INSTALLATION, move |tx| tx.user(id)).await?,
    };
    let user = user
        .map(|user| {
            let totp = UserDoc::read(&user)?.totp.is_some();
            Ok::<_, AppError>(WhoUser { id: user.id, name: user.name, email: user.email, totp })
        })
        .transpose()?;
    let tenant = caller.tenant;
    let record = platform.store().read(tenant, |tx| tx.organization()).await?;
    let record = record.ok_or_else(|| AppError::not_found("organization", tenant))?;
    let name = caller.principal.name().to_owned();
    let token = caller.session.is_none().then(|| {
        let id = caller.token.clone().unwrap_or_else(|| caller.id().to_owned());
        WhoToken { id, name }
    });
    Ok(Who {
        user,
        organization: organization_of(tenant, &record, Some(caller.role))?,
        role: caller.role,
        permissions: permissions(platform, caller).await?,
        token,
    })
}

async fn permissions(platform: &Platform, caller: &Caller) -> Result<Vec<Action>, AppError> {
    let (policies, now, tenant) = (platform.policies(caller.tenant).await?, platform.now(), caller.tenant);
    let whole = match &caller.project_scope {
        Some(id) => Resource::project(id.clone(), tenant),
        None => Resource::organization(tenant),
    };
    let allows =
        |action: Action, resource| policies.decide(&Request::new(caller, action, resource, now)).allow;
    let may = |action: &Action| {
        allows(*action, whole.clone())
            || ResourceKind::of(*action)
                .is_some_and(|kind| allows(*action, Resource::new(kind, "own", tenant).owned_by(caller.id())))
    };
    Ok(Action::ALL.iter().copied().filter(may).collect())
}

/// My sessions in this organization, newest first.
///
/// # Errors
/// [`AppError::Conflict`] when who asks is no person who is signed in; [`AppError::Denied`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
) -> Result<Vec<SessionLine>, AppError> {
    let (user, current) = account_of(caller)?;
    platform
        .look(caller, origin, move |look| {
            look.may(Action::SessionsManage, own_session(look.tx.tenant(), user, current))?;
            let mut sessions = look.tx.credentials_of(user, TokenKind::Session.as_str(), MAX_LISTED)?;
            sessions.retain(|session| session.is_valid(look.now()));
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
            let line = |session: store::CredentialRecord| SessionLine {
                id: session.id,
                created_at: session.created_at,
                last_used_at: session.last_used_at,
                expires_at: session.expires_at,
                user_agent: text(&session.doc["user_agent"]),
                address: text(&session.doc["address"]),
                current: session.id == current,
            };
            Ok(sessions.into_iter().map(line).collect())
        })
        .await
}

/// Ends one of my sessions in this organization.
///
/// # Errors
/// [`AppError::NotFound`], also for somebody else's; [`AppError::Conflict`], [`AppError::Denied`].
pub async fn revoke(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: CredentialId,
) -> Result<(), AppError> {
    let (user, _) = account_of(caller)?;
    platform
        .change(caller, origin, move |office| {
            let found = office.rows().credential_by_id(id)?;
            let mine = found.filter(|c| c.user == Some(user) && c.kind == TokenKind::Session.as_str());
            let Some(record) = mine.filter(|c| c.ended_at.is_none()) else {
                return Err(AppError::not_found("session", id));
            };
            office.may(Action::SessionsManage, own_session(office.rows().tenant(), user, id))?;
            let now = office.now();
            office.tx.end_credential(record.id, now)?;
            office.note("session.ended", ("session", id.to_string()), json!({}))
        })
        .await?;
    platform.forget_callers();
    Ok(())
}

/// Ends the session that asks.
///
/// # Errors
/// As [`revoke`].
pub async fn sign_out(platform: &Platform, caller: &Caller, origin: &Origin) -> Result<(), AppError> {
    let (_, session) = account_of(caller)?;
    revoke(platform, caller, origin, session).await
}

/// Moves the session to another of my organizations: the old one ends, and the new one ends no later than the old would have. A
/// crash in between leaves the person signed out.
///
/// # Errors
/// [`AppError::NotFound`] when the person doesn't belong to it; [`AppError::Conflict`], [`AppError::Denied`].
pub async fn move_to(
    platform: &Platform,
    visitor: &Visitor,
    caller: &Caller,
    origin: &Origin,
    organization: TenantId,
) -> Result<SignedIn, AppError> {
    let (user, session) = account_of(caller)?;
    let elsewhere = move || AppError::not_found("organization", organization);
    if !organizations_of(platform, user).await?.contains(&organization) {
        return Err(elsewhere());
    }
    let name = platform
        .store()
        .read(organization, move |tx| Ok(tx.member(user)?.map(|member| member.name)))
        .await?
        .ok_or_else(elsewhere)?;
    let end = platform
        .change(caller, origin, move |office| {
            office.may(Action::SessionsManage, own_session(office.rows().tenant(), user, session))?;
            let end = office.rows().credential_by_id(session)?.and_then(|record| record.expires_at);
            let now = office.now();
            office.tx.end_credential(session, now)?;
            let detail = json!({ "moved_to": organization });
            office.note("session.ended", ("session", session.to_string()), detail)?;
            Ok(end)
        })
        .await?;
    platform.forget_callers();
    let hand = Hand::of_nobody(platform, origin).become_user(user, &name);
    let new = NewSession::new(platform, visitor, "moved", caller.mfa).until(end, hand.now);
    platform
        .store()
        .transact(organization, move |tx| {
            let member = tx.member(user)?.ok_or_else(elsewhere)?;
            new.begin(tx, &hand, &member)
        })
        .await
}

/// Ends a session and begins one with another secret in its place, in one transaction.
pub(crate) fn rotate(
    tx: &mut TenantTx<'_>,
    hand: &Hand,
    user: UserId,
    old: CredentialId,
    new: NewSession,
) -> Result<SignedIn, AppError> {
    let gone = || AppError::Unauthenticated("the session has ended");
    let record = tx.credential_by_id(old)?.filter(|record| record.is_valid(hand.now)).ok_or_else(gone)?;
    let member = tx.member(user)?.ok_or_else(gone)?;
    tx.end_credential(old, hand.now)?;
    new.until(record.expires_at, hand.now).begin(tx, hand, &member)
}
