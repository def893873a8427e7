//! Invitations: a link that makes its bearer a member.

use std::time::Duration;

use auth::policy::{Resource, ResourceKind};
use auth::token::{self, TokenKind};
use auth::{Action, Caller, Role};
use domain::{CredentialId, Secret, TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{CredentialRecord, TenantTx, UserRecord};

use crate::account::{find_member, member_of, new_user, parse_email, parse_name};
use crate::authenticate::{Issue, issue};
use crate::entrance::{Entrance, Hand, NewSession, SignedIn, Visitor, account_of};
use crate::members::person_role;
use crate::office::Origin;
use crate::sign_in::{prove, valid_link};
use crate::{AppError, Platform};

/// How long an invitation counts.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Open invitations of an organization.
const MAX_OPEN: u32 = 1_000;
const WRONG: &str = "the invitation is unknown, expired or used up";

/// An invitation, as callers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Invitation {
    /// `token_…`.
    #[schema(value_type = crate::shapes::CredentialId)]
    pub id: CredentialId,
    /// Who is invited.
    pub email: String,
    /// What they will be.
    #[schema(value_type = crate::shapes::Role)]
    pub role: Role,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends by itself.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub expires_at: Option<Timestamp>,
    /// Who invites.
    pub created_by: String,
}

/// Who is to be invited.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// The e-mail address.
    #[schema(value_type = crate::shapes::EmailAddress)]
    pub email: String,
    /// What they will be: no more than whoever invites.
    #[schema(value_type = crate::shapes::Role)]
    pub role: String,
}

/// The acceptance of an invitation.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The link (its part behind `link=`).
    pub link: String,
    /// The name of a new account.
    #[schema(value_type = Option<crate::shapes::Name>)]
    pub name: Option<String>,
    /// The password: a new one for a new account, the present one for an account that there is.
    #[schema(min_length = 10, max_length = 128, format = Password)]
    pub password: Option<String>,
    /// The code of the second factor, if the account has one.
    #[schema(max_length = 40)]
    pub code: Option<String>,
}

impl std::fmt::Debug for Acceptance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptance").finish_non_exhaustive()
    }
}

/// Invites somebody. The link is given back once.
///
/// # Errors
/// [`AppError::Invalid`], [`AppError::Denied`]; [`AppError::Conflict`] when the person is a member, or too many are open.
pub async fn create(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    new: NewInvitation,
) -> Result<(Invitation, Secret), AppError> {
    let role = person_role(&new.role)?;
    let email = parse_email(&new.email).map_err(|why| AppError::invalid("email", why))?;
    let random = platform.random();
    platform
        .change(caller, origin, move |office| {
            let tenant = office.rows().tenant();
            let resource = Resource::new(ResourceKind::Invitation, "new", tenant);
            office.may(Action::InvitationsManage, Resource { gives: Some(role), ..resource })?;
            if find_member(office.rows(), |member| (member.email == email).then_some(()))?.is_some() {
                return Err(already_member());
            }
            let (now, open) = (office.now(), open(office.rows(), office.now())?);
            // Another invitation of the same person takes the place of the one before.
            for before in open.iter().filter(|one| one.name == email) {
                office.tx.end_credential(before.id, now)?;
            }
            if open.len() >= MAX_OPEN as usize {
                return Err(AppError::Conflict {
                    code: "too_many_invitations",
                    detail: format!("{MAX_OPEN} invitations are open"),
                    hint: "take some of them back",
                });
            }
            let by = office.caller().clone();
            let issued = issue(
                office.tx,
                now,
                office.random(),
                random,
                Issue {
                    kind: TokenKind::Invitation,
                    name: email.clone(),
                    user: None,
                    role: Some(role),
                    project: None,
                    life: Some(LIFE),
                    doc: json!({ "created_by": by.id(), "created_by_name": by.principal.name() }),
                },
            )?;
            let invitation = Invitation {
                id: issued.id,
                email: email.clone(),
                role,
                created_at: now,
                expires_at: issued.expires_at,
                created_by: by.principal.name().to_owned(),
            };
            let data = json!({ "email": email, "role": role.as_str() });
            office.did("invitation.created", ("invitation", issued.id.to_string()), data)?;
            Ok((invitation, issued.secret))
        })
        .await
}

/// The open invitations, newest first.
///
/// # Errors
/// [`AppError::Denied`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
) -> Result<Vec<Invitation>, AppError> {
    platform
        .look(caller, origin, |look| {
            look.may(Action::InvitationsManage, Resource::organization(look.tx.tenant()))?;
            open(look.tx, look.now())?.iter().map(invitation_of).collect()
        })
        .await
}

/// Takes an invitation back.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn revoke(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: CredentialId,
) -> Result<(), AppError> {
    platform
        .change(caller, origin, move |office| {
            let found = office.rows().credential_by_id(id)?.filter(|c| c.is_valid(office.now()));
            let found = found.filter(|c| c.kind == TokenKind::Invitation.as_str());
            let record = found.ok_or_else(|| AppError::not_found("invitation", id))?;
            let resource = Resource::new(ResourceKind::Invitation, id.to_string(), office.rows().tenant());
            let role = Some(invitation_of(&record)?.role);
            office.may(Action::InvitationsManage, Resource { role, ..resource })?;
            let now = office.now();
            office.tx.end_credential(id, now)?;
            office.did("invitation.revoked", ("invitation", id.to_string()), json!({ "email": record.name }))
        })
        .await
}

/// Accepts an invitation: whoever is signed in as the invited person, or shows the password of that account, or makes one, becomes
/// a member and is signed in.
///
/// The account and the note of its membership come first, in the installation; the member, the end of the link and the
/// session are one transaction of the organization. After a crash in between the link still counts: the account is there by
/// then, and the same request, with the password that was chosen, goes on.
///
/// # Errors
/// [`AppError::Unauthenticated`] when the link does not count or the password is wrong; [`AppError::Invalid`];
/// [`AppError::Conflict`] when another person is signed in, or the person is a member already.
pub async fn accept(
    entrance: &Entrance,
    visitor: &Visitor,
    caller: Option<&Caller>,
    origin: &Origin,
    given: Acceptance,
) -> Result<SignedIn, AppError> {
    let platform = entrance.platform();
    let unknown = || AppError::Unauthenticated(WRONG);
    let token = token::parse(given.link.trim()).map_err(|_| unknown())?;
    if token.kind != TokenKind::Invitation {
        return Err(unknown());
    }
    let (tenant, now, looked) = (token.tenant, platform.now(), token.clone());
    let (invited, organization) = platform
        .store()
        .read(tenant, move |tx| {
            let name = tx.organization()?.map(|organization| organization.name);
            Ok(valid_invitation(tx, &looked, now).map(|record| record.zip(name)))
        })
        .await??
        .ok_or_else(unknown)?;
    let email = invited.name.clone();
    let (user, mfa) = match caller.and_then(|caller| account_of(caller).ok().map(|(id, _)| (id, caller.mfa)))
    {
        Some((id, mfa)) => (signed_in(platform, id, &email).await?, mfa),
        None => shown(entrance, visitor, origin, &email, &organization, given).await?,
    };
    let id = user.id;
    platform.store().write(TenantId::INSTALLATION, move |tx| tx.affiliate(id, tenant)).await?;
    let session = NewSession::new(platform, visitor, "invitation", mfa);
    let hand = Hand::of_user(platform, origin, &user);
    let begun = platform
        .store()
        .transact(tenant, move |tx| {
            let record = valid_invitation(tx, &token, now)?.ok_or_else(unknown)?;
            let role = invitation_of(&record)?.role;
            if tx.member(id)?.is_some() {
                return Err(already_member());
            }
            tx.end_credential(record.id, now)?;
            let member = member_of(&user, role, now);
            tx.insert_member(&member)?;
            let data = json!({ "user_id": id, "role": role.as_str(), "invitation_id": record.id });
            hand.did(tx, "member.added", ("member", id.to_string()), data)?;
            session.begin(tx, &hand, &member)
        })
        .await?;
    platform.forget_callers();
    platform.ring();
    Ok(begun)
}

/// The account of whoever is signed in, if it is the invited one.
async fn signed_in(platform: &Platform, id: UserId, email: &str) -> Result<UserRecord, AppError> {
    let user = platform.store().read(TenantId::INSTALLATION, move |tx| tx.user(id)).await?;
    user.filter(|user| user.email == email).ok_or(AppError::Conflict {
        code: "another_account",
        detail: "the invitation is for another e-mail address than yours".into(),
        hint: "sign out, or ask for an invitation to your own address",
    })
}

/// The account of the invited address: by its password if there is one, else a new one.
async fn shown(
    entrance: &Entrance,
    visitor: &Visitor,
    origin: &Origin,
    email: &str,
    organization: &str,
    given: Acceptance,
) -> Result<(UserRecord, bool), AppError> {
    let platform = entrance.platform();
    let wanted = email.to_owned();
    let found = platform.store().read(TenantId::INSTALLATION, move |tx| tx.user_by_email(&wanted)).await?;
    if found.is_some() {
        let Some(password) = given.password else {
            return Err(AppError::Conflict {
                code: "sign_in_required",
                detail: "there is an account with the invited e-mail address".into(),
                hint: "sign in first, or send its password",
            });
        };
        let proven = prove(entrance, visitor, origin, email, &password, given.code.as_deref()).await?;
        return Ok((proven.user, proven.mfa));
    }
    let name = given.name.as_deref().ok_or_else(|| AppError::unfit("name", "a new account needs a name"))?;
    let name = parse_name(name).map_err(|why| AppError::invalid("name", why))?;
    let password = given.password.ok_or_else(|| AppError::unfit("password", "a new account needs one"))?;
    let hash = entrance.hash("password", &password, email, organization).await?;
    let now = platform.now();
    let user = new_user(UserId::new(now, platform.ids()()), email.to_owned(), name, Some(hash), now);
    let kept = user.clone();
    platform.store().write(TenantId::INSTALLATION, move |tx| tx.insert_user(&kept)).await?;
    Ok((user, false))
}

/// The invitation behind a link, if whoever made it could still make it.
fn valid_invitation(
    tx: &TenantTx<'_>,
    token: &token::Token,
    now: Timestamp,
) -> Result<Option<CredentialRecord>, AppError> {
    let Some(record) = valid_link(tx, token, now)? else { return Ok(None) };
    let maker = record.doc["created_by"].as_str().and_then(|id| id.parse::<UserId>().ok());
    if let Some(maker) = maker {
        let role = tx.member(maker)?.and_then(|member| Role::from_word(&member.role));
        let wanted = invitation_of(&record)?.role;
        if !role.is_some_and(|role| role.may_give(wanted)) {
            return Ok(None);
        }
    }
    Ok(Some(record))
}

fn open(tx: &TenantTx<'_>, now: Timestamp) -> Result<Vec<CredentialRecord>, AppError> {
    let mut all = tx.credentials(TokenKind::Invitation.as_str(), MAX_OPEN)?;
    all.retain(|record| record.is_valid(now));
    Ok(all)
}

fn invitation_of(record: &CredentialRecord) -> Result<Invitation, AppError> {
    let unreadable =
        || store::StoreError::Malformed { what: format!("the role of invitation {}", record.id) };
    Ok(Invitation {
        id: record.id,
        email: record.name.clone(),
        role: record.role.as_deref().and_then(Role::from_word).ok_or_else(unreadable)?,
        created_at: record.created_at,
        expires_at: record.expires_at,
        created_by: record.doc["created_by_name"].as_str().unwrap_or_default().to_owned(),
    })
}

fn already_member() -> AppError {
    AppError::Conflict {
        code: "already_member",
        detail: "this person is a member of the organization".into(),
        hint: "change the role of the member instead",
    }
}
