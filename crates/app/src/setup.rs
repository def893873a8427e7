//! The first start: whoever opens the link that `serve` printed becomes the owner.

use std::time::Duration;

use auth::Role;
use auth::token::{self, TokenKind};
use domain::{TenantId, UserId};
use governance::Outcome;
use serde::Deserialize;
use serde_json::json;

use crate::account::{has_owner_beside, member_of, new_user, parse_email, parse_name};
use crate::authenticate::{Issue, Issued, first_organization, issue};
use crate::entrance::{Entrance, Hand, NewSession, SignedIn, Visitor};
use crate::office::Origin;
use crate::organizations::{Branding, branding_of};
use crate::sign_in::valid_link;
use crate::{AppError, FieldProblem, Platform};

/// How long the link of the first start counts.
const LINK_LIFE: Duration = Duration::from_secs(24 * 3600);
/// The most unused links of the first start that there can be: `serve` ends the one before.
const MAX_LINKS: u32 = 100;

/// The end of the first start.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    /// The link that `aamas serve` printed (its part behind `link=`).
    pub link: String,
    /// What the organization is called.
    #[schema(value_type = crate::shapes::Name)]
    pub organization_name: String,
    /// The owner's name.
    #[schema(value_type = crate::shapes::Name)]
    pub name: String,
    /// The owner's e-mail address.
    #[schema(value_type = crate::shapes::EmailAddress)]
    pub email: String,
    /// The owner's password.
    #[schema(min_length = 10, max_length = 128, format = Password)]
    pub password: String,
}

impl std::fmt::Debug for SetupRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetupRequest").finish_non_exhaustive()
    }
}

/// What anybody may know of the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstStart {
    /// Whether the first start still has to be ended.
    pub needed: bool,
    /// How the first organization looks.
    pub branding: Branding,
}

/// Whether the first organization still has no owner, and how it looks.
///
/// # Errors
/// Failures of the store.
pub async fn state(platform: &Platform) -> Result<FirstStart, AppError> {
    platform
        .store()
        .read(TenantId::LOCAL, |tx| {
            let needed = !has_owner_beside(tx, None)?;
            Ok(tx.organization().map_err(AppError::from).and_then(|organization| {
                let branding = organization.as_ref().map(branding_of).transpose()?.unwrap_or_default();
                Ok(FirstStart { needed, branding })
            }))
        })
        .await?
}

/// A link for the first start; none if the first organization has an owner. Links made before end.
///
/// # Errors
/// Failures of the store.
pub async fn setup_link(platform: &Platform) -> Result<Option<Issued>, AppError> {
    let tenant = first_organization(platform).await?;
    let (hand, random) = (Hand::of_system(platform, "serve"), platform.random());
    platform
        .store()
        .transact(tenant, move |tx| {
            if has_owner_beside(tx, None)? {
                return Ok(None);
            }
            let before = tx.credentials(TokenKind::Link.as_str(), MAX_LINKS)?;
            for link in before.into_iter().filter(|link| link.user.is_none()) {
                tx.end_credential(link.id, hand.now)?;
            }
            let new = Issue {
                kind: TokenKind::Link,
                name: "first start".into(),
                user: None,
                role: Some(Role::Owner),
                project: None,
                life: Some(LINK_LIFE),
                doc: json!({}),
            };
            let issued = issue(tx, hand.now, hand.ids(), random, new)?;
            hand.note(tx, "setup.offered", None, json!({}), Outcome::Done)?;
            Ok(Some(issued))
        })
        .await
}

/// Ends the first start: the link is used up, its bearer owns the first organization and is signed in.
///
/// Two tenants are written. The account comes first, in the installation; then, in one transaction of the organization,
/// everything else, the end of the link included. After a crash in between there is an account that belongs to nothing
/// and the link still counts: the same request finds the account and goes on, with the password given now. The bearer of
/// the link is whoever has the data directory, so that gives nobody more than they have. Once there is an owner no link is
/// taken.
///
/// # Errors
/// [`AppError::Invalid`]; [`AppError::Unauthenticated`] when the link does not count; [`AppError::Conflict`] when the first
/// start has been ended.
pub async fn complete(
    entrance: &Entrance,
    visitor: &Visitor,
    origin: &Origin,
    new: SetupRequest,
) -> Result<SignedIn, AppError> {
    let platform = entrance.platform();
    let unknown = || {
        AppError::Unauthenticated(
            "the link is unknown, expired or used up; until there is an organization, the server prints a new one at each start",
        )
    };
    let token = token::parse(new.link.trim()).map_err(|_| unknown())?;
    if token.kind != TokenKind::Link || token.tenant != TenantId::LOCAL {
        return Err(unknown());
    }
    let (now, looked) = (platform.now(), token.clone());
    platform
        .store()
        .read(TenantId::LOCAL, move |tx| {
            Ok(match valid_link(tx, &looked, now) {
                Ok(Some(link)) if link.user.is_none() => {
                    if has_owner_beside(tx, None)? {
                        Err(done_already())
                    } else {
                        Ok(())
                    }
                }
                Ok(_) => Err(unknown()),
                Err(error) => Err(error),
            })
        })
        .await??;
    let (organization, name, email) = parsed(&new)?;
    let hash = entrance.hash("password", &new.password, &email, &organization).await?;
    let id = UserId::new(now, platform.ids()());
    let user = new_user(id, email, name, Some(hash), now);
    let user = platform
        .store()
        .write(TenantId::INSTALLATION, move |tx| {
            let user = match tx.user_by_email(&user.email)? {
                Some(before) => {
                    let user = store::UserRecord { id: before.id, doc: before.doc, ..user };
                    tx.save_user(&user)?;
                    user
                }
                None => {
                    tx.insert_user(&user)?;
                    user
                }
            };
            tx.affiliate(user.id, TenantId::LOCAL)?;
            tx.enter_organization(TenantId::LOCAL, now)?;
            Ok(user)
        })
        .await?;
    let session = NewSession::new(platform, visitor, "setup", false);
    let hand = Hand::of_user(platform, origin, &user);
    let begun = platform
        .store()
        .transact(TenantId::LOCAL, move |tx| {
            let link = valid_link(tx, &token, now)?.ok_or_else(unknown)?;
            if has_owner_beside(tx, None)? {
                return Err(done_already());
            }
            tx.end_credential(link.id, now)?;
            let mut record = tx.organization()?.ok_or_else(unknown)?;
            record.name.clone_from(&organization);
            record.updated_at = now;
            tx.save_organization(&record)?;
            tx.remove_member(user.id)?;
            let member = member_of(&user, Role::Owner, now);
            tx.insert_member(&member)?;
            let subject = ("organization", tx.tenant().to_string());
            hand.did(tx, "organization.set_up", subject, json!({ "name": organization }))?;
            hand.did(
                tx,
                "member.added",
                ("member", user.id.to_string()),
                json!({ "user_id": user.id, "role": Role::Owner.as_str() }),
            )?;
            session.begin(tx, &hand, &member)
        })
        .await?;
    platform.forget_callers();
    platform.ring();
    Ok(begun)
}

fn done_already() -> AppError {
    AppError::Conflict {
        code: "setup_done",
        detail: "the first start has been ended before".into(),
        hint: "sign in",
    }
}

/// The names and the address, all problems at once.
fn parsed(new: &SetupRequest) -> Result<(String, String, String), AppError> {
    let mut problems = Vec::new();
    let mut take = |field: &str, parsed: Result<String, &'static str>| {
        parsed.unwrap_or_else(|why| {
            problems.push(FieldProblem::new(field, why));
            String::new()
        })
    };
    let organization = take("organization_name", parse_name(&new.organization_name));
    let name = take("name", parse_name(&new.name));
    let email = take("email", parse_email(&new.email));
    if problems.is_empty() { Ok((organization, name, email)) } else { Err(AppError::Invalid(problems)) }
}
