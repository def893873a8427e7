//! My account: name, password, second factor.
//!
//! An account belongs to the installation, and the organizations have a copy of its name; so each change is several transactions.
//! Each is asked of the policies first, and can be asked again after a crash: nothing in it depends on how far the last one came.

use auth::totp::{self, TotpSecret};
use auth::{Action, Caller};
use domain::{CredentialId, Secret, TenantId, UserId};
use serde::Deserialize;
use serde_json::json;
use store::UserRecord;

use crate::account::{Factor, UserDoc, encoded, parse_name};
use crate::entrance::{Entrance, Hand, NewSession, SignedIn, Visitor, account_of, own_session};
use crate::office::Origin;
use crate::records::to_doc;
use crate::sessions::rotate;
use crate::sign_in::{end_sessions, organizations_of, prove_again};
use crate::{AppError, Platform};

/// What the server is called in authenticator apps.
const ISSUER: &str = "AAMAS";

/// Members of my account that are to be changed.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeChange {
    /// Another name.
    #[schema(value_type = Option<crate::shapes::Name>)]
    pub name: Option<String>,
    /// Another password; all my other sessions end.
    pub password: Option<PasswordChange>,
}

/// Another password.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The present one.
    #[schema(max_length = 128, format = Password)]
    pub current: String,
    /// The new one.
    #[schema(min_length = 10, max_length = 128, format = Password)]
    pub new: String,
}

impl std::fmt::Debug for PasswordChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordChange").finish_non_exhaustive()
    }
}

/// A second factor that was begun, shown once.
#[derive(Debug)]
pub struct BegunFactor {
    /// What a person types who can't scan.
    pub secret: Secret,
    /// What the QR code says.
    pub uri: Secret,
}

/// A second factor that counts from now on.
#[derive(Debug)]
pub struct ConfirmedFactor {
    /// Codes for the day the phone is gone, shown once.
    pub recovery_codes: Vec<Secret>,
    /// The session, which now has a second factor and another secret.
    pub session: SignedIn,
}

/// Who asks for a change of their account, allowed to.
struct Me {
    id: UserId,
    session: CredentialId,
    user: UserRecord,
}

/// Changes name and password. With another password all other sessions end, in all organizations, and this one goes on
/// with another secret, which is given back.
///
/// # Errors
/// [`AppError::Invalid`], also for a wrong present password; [`AppError::Conflict`] when who asks is no person who is signed in;
/// [`AppError::TooMany`], [`AppError::Denied`].
pub async fn update(
    entrance: &Entrance,
    visitor: &Visitor,
    caller: &Caller,
    origin: &Origin,
    change: MeChange,
) -> Result<Option<SignedIn>, AppError> {
    let platform = entrance.platform();
    let me = allowed(platform, caller, origin).await?;
    let name = change.name.as_deref().map(parse_name).transpose();
    let name = name.map_err(|why| AppError::invalid("name", why))?;
    let hash = match &change.password {
        None => None,
        Some(password) => {
            prove_again(entrance, visitor, origin, &me.user, "password.current", &password.current).await?;
            let organization = platform.store().read(caller.tenant, |tx| tx.organization()).await?;
            let organization = organization.map(|o| o.name).unwrap_or_default();
            Some(entrance.hash("password.new", &password.new, &me.user.email, &organization).await?)
        }
    };
    // Sessions end before the password changes: after a crash in between, nobody is left in. And once more behind it, for one that
    // began with the old password meanwhile.
    let elsewhere = organizations_of(platform, me.id).await?;
    if hash.is_some() {
        end_everywhere(platform, &me, &elsewhere).await?;
    }
    let (id, now, known) = (me.id, platform.now(), me.user.password_hash.clone());
    let (new_name, new_hash) = (name.clone(), hash.clone());
    platform
        .store()
        .transact(TenantId::INSTALLATION, move |tx| {
            let mut user = tx.user(id)?.ok_or_else(|| AppError::not_found("account", id))?;
            if new_hash.is_some() && user.password_hash != known {
                return Err(AppError::VersionConflict);
            }
            user.name = new_name.unwrap_or(user.name);
            user.password_hash = new_hash.or(user.password_hash);
            user.updated_at = now;
            tx.save_user(&user)?;
            Ok(())
        })
        .await?;
    if let Some(name) = &name {
        rename(platform, id, name, &elsewhere).await?;
    }
    if hash.is_some() {
        end_everywhere(platform, &me, &elsewhere).await?;
    }
    let what = json!({ "name": name.is_some(), "password": hash.is_some() });
    let new = hash.is_some().then(|| NewSession::new(platform, visitor, "password", caller.mfa));
    conclude(platform, caller, origin, &me, "account.updated", what, new).await
}

/// Begins a second factor: it counts once [`confirm_totp`] has seen a code of it.
///
/// # Errors
/// [`AppError::Conflict`] when there is one, or who asks is no person who is signed in; [`AppError::Denied`].
pub async fn begin_totp(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
) -> Result<BegunFactor, AppError> {
    let me = allowed(platform, caller, origin).await?;
    let mut bytes = [0; totp::SECRET_BYTES];
    bytes.copy_from_slice(&platform.random()[..totp::SECRET_BYTES]);
    let secret = TotpSecret::from_bytes(bytes);
    let kept = encoded(&secret);
    change_doc(platform, me.id, move |doc, _| {
        if doc.totp.is_some() {
            return Err(AppError::Conflict {
                code: "totp_exists",
                detail: "this account has a second factor".into(),
                hint: "remove it first",
            });
        }
        doc.begun = Some(kept);
        Ok(())
    })
    .await?;
    Ok(BegunFactor { uri: secret.uri(ISSUER, &me.user.email), secret: secret.base32() })
}

/// Makes the second factor count that was begun, and gives recovery codes.
///
/// # Errors
/// [`AppError::Invalid`] when the code is wrong; [`AppError::Conflict`] when none was begun; [`AppError::Denied`].
pub async fn confirm_totp(
    entrance: &Entrance,
    visitor: &Visitor,
    caller: &Caller,
    origin: &Origin,
    code: String,
) -> Result<ConfirmedFactor, AppError> {
    let platform = entrance.platform();
    let me = allowed(platform, caller, origin).await?;
    let mut random = Vec::new();
    while random.len() < totp::RECOVERY_BYTES {
        random.extend(platform.random());
    }
    let mut bytes = [0; totp::RECOVERY_BYTES];
    bytes.copy_from_slice(&random[..totp::RECOVERY_BYTES]);
    let (recovery_codes, digests) = totp::recovery_codes(&bytes);
    change_doc(platform, me.id, move |doc, now| {
        let secret = doc.begun().filter(|_| doc.totp.is_none()).ok_or(AppError::Conflict {
            code: "totp_not_begun",
            detail: "no second factor was begun".into(),
            hint: "begin with POST /me/totp",
        })?;
        let step = secret.verify(&code, now, None).ok_or_else(|| AppError::invalid("code", "it is wrong"))?;
        *doc = UserDoc { totp: Some(Factor::new(&secret, step, &digests, now)), begun: None };
        Ok(())
    })
    .await?;
    let new = NewSession::new(platform, visitor, "second_factor", true);
    let session = conclude(platform, caller, origin, &me, "account.totp_added", json!({}), Some(new)).await?;
    let session = session.ok_or(AppError::Unauthenticated("the session has ended"))?;
    Ok(ConfirmedFactor { recovery_codes, session })
}

/// Removes the second factor.
///
/// # Errors
/// [`AppError::Invalid`] when the password is wrong; [`AppError::TooMany`], [`AppError::Conflict`], [`AppError::Denied`].
pub async fn remove_totp(
    entrance: &Entrance,
    visitor: &Visitor,
    caller: &Caller,
    origin: &Origin,
    password: String,
) -> Result<Option<SignedIn>, AppError> {
    let platform = entrance.platform();
    let me = allowed(platform, caller, origin).await?;
    prove_again(entrance, visitor, origin, &me.user, "password", &password).await?;
    change_doc(platform, me.id, |doc, _| {
        *doc = UserDoc::default();
        Ok(())
    })
    .await?;
    let new = NewSession::new(platform, visitor, "second_factor", false);
    conclude(platform, caller, origin, &me, "account.totp_removed", json!({}), Some(new)).await
}

/// Asks the policies, and reads the account.
async fn allowed(platform: &Platform, caller: &Caller, origin: &Origin) -> Result<Me, AppError> {
    let (id, session) = account_of(caller)?;
    platform
        .look(caller, origin, move |look| {
            look.may(Action::SessionsManage, own_session(look.tx.tenant(), id, session))
        })
        .await?;
    let user = platform.store().read(TenantId::INSTALLATION, move |tx| tx.user(id)).await?;
    let user = user.ok_or_else(|| AppError::not_found("account", id))?;
    Ok(Me { id, session, user })
}

/// Records the change in the organization that it was asked in, and goes on with the session, or one in its place.
async fn conclude(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    me: &Me,
    action: &'static str,
    what: serde_json::Value,
    new: Option<NewSession>,
) -> Result<Option<SignedIn>, AppError> {
    let (id, session, hand) = (me.id, me.session, Hand::of_user(platform, origin, &me.user));
    let begun = platform
        .change(caller, origin, move |office| {
            office.may(Action::SessionsManage, own_session(office.rows().tenant(), id, session))?;
            office.note(action, ("user", id.to_string()), what)?;
            new.map(|new| rotate(office.tx, &hand, id, session, new)).transpose()
        })
        .await?;
    platform.forget_callers();
    Ok(begun)
}

async fn change_doc(
    platform: &Platform,
    id: UserId,
    change: impl FnOnce(&mut UserDoc, domain::Timestamp) -> Result<(), AppError> + Send + 'static,
) -> Result<(), AppError> {
    let now = platform.now();
    platform
        .store()
        .transact(TenantId::INSTALLATION, move |tx| {
            let mut user = tx.user(id)?.ok_or_else(|| AppError::not_found("account", id))?;
            let mut doc = UserDoc::read(&user)?;
            change(&mut doc, now)?;
            user.doc = to_doc(&doc);
            user.updated_at = now;
            tx.save_user(&user)?;
            Ok(())
        })
        .await
}

/// Ends all sessions but the one that asks, in all organizations.
async fn end_everywhere(platform: &Platform, me: &Me, organizations: &[TenantId]) -> Result<(), AppError> {
    let (user, but, now) = (me.id, me.session, platform.now());
    for tenant in organizations.iter().copied() {
        platform.store().transact(tenant, move |tx| end_sessions(tx, user, Some(but), now)).await?;
    }
    platform.forget_callers();
    Ok(())
}

/// The name as the organizations know it.
async fn rename(
    platform: &Platform,
    user: UserId,
    name: &str,
    organizations: &[TenantId],
) -> Result<(), AppError> {
    let now = platform.now();
    for tenant in organizations.iter().copied() {
        let name = name.to_owned();
        platform
            .store()
            .write(tenant, move |tx| match tx.member(user)? {
                Some(member) => tx.save_member(&store::MemberRecord { name, updated_at: now, ..member }),
                None => Ok(()),
            })
            .await?;
    }
    Ok(())
}
