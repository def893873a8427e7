//! Members of an organization: who they are, which role they have, and the end of it.

use auth::policy::{Resource, ResourceKind};
use auth::token::TokenKind;
use auth::{Action, Caller, Role};
use domain::{TenantId, Timestamp, UserId};
use serde::Serialize;
use serde_json::json;
use store::{MemberRecord, TenantTx};

use crate::account::has_owner_beside;
use crate::list::{DEFAULT_LIMIT, Listed, MAX_LIMIT, Paging};
use crate::office::Origin;
use crate::{AppError, Platform};

/// Credentials of a kind that are looked through for those of a person.
const MAX_CREDENTIALS: u32 = 100_000;

/// A member, as callers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Member {
    /// `user_…`.
    #[schema(value_type = crate::shapes::UserId)]
    pub user_id: UserId,
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// `owner`, `admin`, `maintainer`, `developer`, `reviewer`, `viewer` or `auditor`.
    #[schema(value_type = crate::shapes::Role)]
    pub role: Role,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub joined_at: Timestamp,
    /// When a session of theirs was last used, to the minute; null when none is open.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub last_active: Option<Timestamp>,
    /// Counts its changes.
    #[serde(skip)]
    pub version: u64,
}

/// The members, those with the oldest accounts first.
///
/// # Errors
/// [`AppError::Denied`], [`AppError::Invalid`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    paging: Paging,
) -> Result<Listed<Member>, AppError> {
    let (limit, after) = page_of(&paging)?;
    platform
        .look(caller, origin, move |look| {
            look.may(Action::MembersRead, Resource::organization(look.tx.tenant()))?;
            let mut records = look.tx.members(after, limit + 1)?;
            let more = records.len() > limit as usize;
            records.truncate(limit as usize);
            let last = records.last().filter(|_| more).map(|record| record.user.to_string());
            let items = records.iter().map(|record| member_line(look.tx, record));
            Ok(Listed { items: items.collect::<Result<_, _>>()?, next_cursor: last })
        })
        .await
}

/// One member.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn get(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: UserId,
) -> Result<Member, AppError> {
    platform
        .glance(caller, origin, move |look| {
            let record = look.tx.member(id)?.ok_or_else(|| AppError::not_found("member", id))?;
            look.may(Action::MembersRead, resource_of(&record, look.tx.tenant(), None)?)?;
            member_line(look.tx, &record)
        })
        .await
}

/// Gives a member another role. It counts at once: a session has the role of its member.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Invalid`], [`AppError::Denied`], [`AppError::VersionConflict`];
/// [`AppError::Conflict`] for the last owner.
pub async fn change_role(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: UserId,
    role: &str,
    expected: Option<u64>,
) -> Result<Member, AppError> {
    let role = person_role(role)?;
    let member = platform
        .change(caller, origin, move |office| {
            let mut record = office.rows().member(id)?.ok_or_else(|| AppError::not_found("member", id))?;
            office.may(Action::MembersManage, resource_of(&record, office.rows().tenant(), Some(role))?)?;
            if expected.is_some_and(|version| version != record.version) {
                return Err(AppError::VersionConflict);
            }
            if role != Role::Owner {
                keep_an_owner(office.rows(), &record)?;
            }
            let before = std::mem::replace(&mut record.role, role.as_str().to_owned());
            record.updated_at = office.now();
            office.tx.save_member(&record)?;
            record.version += 1;
            let data = json!({ "user_id": id, "role": role.as_str(), "before": before });
            office.did("member.updated", ("member", id.to_string()), data)?;
            member_line(office.rows(), &record)
        })
        .await?;
    platform.forget_callers();
    Ok(member)
}

/// Takes a member out. In the same transaction all their credentials in the organization end, and those that they made for
/// machines, whose secrets they know.
///
/// The installation forgets the membership afterwards; until it does, a sign-in looks for the member and finds none.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`]; [`AppError::Conflict`] for the last owner.
pub async fn remove(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: UserId,
    expected: Option<u64>,
) -> Result<(), AppError> {
    let organization = caller.tenant;
    platform
        .change(caller, origin, move |office| {
            let record = office.rows().member(id)?.ok_or_else(|| AppError::not_found("member", id))?;
            office.may(Action::MembersManage, resource_of(&record, office.rows().tenant(), None)?)?;
            if expected.is_some_and(|v| v != record.version) {
                return Err(AppError::VersionConflict);
            }
            keep_an_owner(office.rows(), &record)?;
            let now = office.now();
            office.tx.remove_member(id)?;
            let mut ended = office.tx.end_credentials_of(id, now)?;
            for kind in [TokenKind::Api, TokenKind::Invitation] {
                let all = office.rows().credentials(kind.as_str(), MAX_CREDENTIALS)?;
                let made = |c: &&store::CredentialRecord| c.doc["created_by"] == id.to_string().as_str();
                for made in all.iter().filter(made) {
                    ended += usize::from(office.tx.end_credential(made.id, now)?);
                }
            }
            let data = json!({ "user_id": id, "role": record.role, "credentials_ended": ended });
            office.did("member.removed", ("member", id.to_string()), data)
        })
        .await?;
    platform.forget_callers();
    platform.store().write(TenantId::INSTALLATION, move |tx| tx.leave(id, organization)).await?;
    Ok(())
}

/// A role that a person can have.
pub(crate) fn person_role(word: &str) -> Result<Role, AppError> {
    Role::from_word(word).filter(|role| !role.is_for_machines()).ok_or_else(|| {
        let words: Vec<_> =
            Role::ALL.into_iter().filter(|r| !r.is_for_machines()).map(Role::as_str).collect();
        AppError::invalid("role", format!("it is one of {}", words.join(", ")))
    })
}

/// Refuses to take the role of owner from the last one.
fn keep_an_owner(tx: &TenantTx<'_>, record: &MemberRecord) -> Result<(), AppError> {
    if record.role == Role::Owner.as_str() && !has_owner_beside(tx, Some(record.user))? {
        return Err(AppError::Conflict {
            code: "last_owner",
            detail: "this is the only owner of the organization".into(),
            hint: "make somebody else an owner first",
        });
    }
    Ok(())
}

fn role_of(record: &MemberRecord) -> Result<Role, AppError> {
    let what = || store::StoreError::Malformed { what: format!("the role of member {}", record.user) };
    Ok(Role::from_word(&record.role).ok_or_else(what)?)
}

fn resource_of(record: &MemberRecord, tenant: TenantId, gives: Option<Role>) -> Result<Resource, AppError> {
    let resource = Resource::new(ResourceKind::Member, record.user.to_string(), tenant);
    Ok(Resource { role: Some(role_of(record)?), gives, ..resource.owned_by(record.user.to_string()) })
}

fn member_line(tx: &TenantTx<'_>, record: &MemberRecord) -> Result<Member, AppError> {
    let sessions = tx.credentials_of(record.user, TokenKind::Session.as_str(), MAX_LIMIT)?;
    let used = |c: &store::CredentialRecord| c.last_used_at.unwrap_or(c.created_at);
    Ok(Member {
        user_id: record.user,
        name: record.name.clone(),
        email: record.email.clone(),
        role: role_of(record)?,
        joined_at: record.created_at,
        last_active: sessions.iter().map(used).max(),
        version: record.version,
    })
}

/// Members come in the order of their accounts, behind one of them.
fn page_of(paging: &Paging) -> Result<(u32, Option<UserId>), AppError> {
    let limit = paging.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(AppError::invalid("limit", format!("it is a number from 1 to {MAX_LIMIT}")));
    }
    if paging.sort.as_deref().is_some_and(|sort| sort != "created_at") {
        return Err(AppError::invalid("sort", "it is created_at"));
    }
    let after = paging.cursor.as_deref().map(str::parse).transpose();
    let after = after.map_err(|_| AppError::invalid("cursor", "it is not the next_cursor of this list"))?;
    Ok((limit, after))
}
