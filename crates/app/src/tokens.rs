//! API tokens: made, listed without their secrets, ended.

use std::time::Duration;

use auth::policy::{Request, Resource, ResourceKind};
use auth::token::TokenKind;
use auth::{Action, Caller, Role};
use domain::{CredentialId, ProjectId, Secret, TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::CredentialRecord;

use crate::authenticate::{Issue, issue};
use crate::list::{DEFAULT_LIMIT, Listed, MAX_LIMIT, Paging};
use crate::office::Origin;
use crate::projects::checked_line;
use crate::{AppError, FieldProblem, Platform};

/// Tokens of an organization that have not ended.
const MAX_TOKENS: u32 = 10_000;
/// The longest name, in characters.
const MAX_NAME: usize = 100;
/// How long a token counts unless asked otherwise, in days.
const DEFAULT_DAYS: u32 = 90;
/// The longest that it may count, in days.
const MAX_DAYS: u32 = 365;

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Token {
    /// `token_…`.
    #[schema(value_type = crate::shapes::CredentialId)]
    pub id: CredentialId,
    /// Its name.
    pub name: String,
    /// The role that it has at most; that of a person's token is never above the person's.
    #[schema(value_type = crate::shapes::TokenRole)]
    pub role: Role,
    /// The only project that it may touch.
    #[schema(value_type = Option<crate::shapes::ProjectId>, required)]
    pub project_id: Option<ProjectId>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub last_used_at: Option<Timestamp>,
    /// When it ends by itself.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub expires_at: Option<Timestamp>,
}

/// A token that is to be made.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// A name for people.
    #[schema(value_type = crate::shapes::Name)]
    pub name: String,
    /// A role of members, no more than one's own, or `agent` or `ci` for a machine.
    #[schema(value_type = crate::shapes::TokenRole)]
    pub role: String,
    /// The only project that it may touch.
    #[schema(value_type = Option<crate::shapes::ProjectId>)]
    pub project_id: Option<String>,
    /// How many days it counts; 90 if not given.
    #[schema(minimum = 1, maximum = 365)]
    pub expires_in_days: Option<u32>,
}

/// Makes a token. The secret is given back once.
///
/// A token for a person's role is that person's and goes with them. One for a machine's is the organization's; it calls as a
/// machine, and it ends, too, when its maker is taken out.
///
/// # Errors
/// [`AppError::Invalid`], [`AppError::NotFound`] for the project, [`AppError::Denied`], [`AppError::Conflict`].
pub async fn create(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    new: NewToken,
) -> Result<(Token, Secret), AppError> {
    let asked = Parsed::of(&new)?;
    let random = platform.random();
    platform
        .change(caller, origin, move |office| {
            let tenant = office.rows().tenant();
            if let Some(project) = asked.project
                && office.rows().project(project)?.is_none()
            {
                return Err(AppError::not_found("project", project));
            }
            let by = office.caller().clone();
            let resource = Resource::new(ResourceKind::Token, "new", tenant).owned_by(by.id());
            let resource = Resource { gives: Some(asked.role), ..resource };
            let resource = match asked.project {
                Some(project) => resource.in_project(project.to_string()),
                None => resource,
            };
            office.may(Action::TokensManage, resource)?;
            if office.rows().credentials(TokenKind::Api.as_str(), MAX_TOKENS)?.len() >= MAX_TOKENS as usize {
                return Err(AppError::Conflict {
                    code: "too_many_tokens",
                    detail: format!("an organization has at most {MAX_TOKENS} tokens"),
                    hint: "revoke those that are not used",
                });
            }
            let person = by.user_id().and_then(|id| id.parse::<UserId>().ok());
            let (now, ids) = (office.now(), office.random());
            let issued = issue(
                office.tx,
                now,
                ids,
                random,
                Issue {
                    kind: TokenKind::Api,
                    name: asked.name.clone(),
                    user: person.filter(|_| !asked.role.is_for_machines()),
                    role: Some(asked.role),
                    project: asked.project,
                    life: Some(asked.life),
                    doc: json!({ "created_by": by.id(), "created_by_name": by.principal.name() }),
                },
            )?;
            let data =
                json!({ "name": asked.name, "role": asked.role.as_str(), "project_id": asked.project });
            office.did("token.created", ("token", issued.id.to_string()), data)?;
            let token = Token {
                id: issued.id,
                name: asked.name,
                role: asked.role,
                project_id: asked.project,
                created_by: by.principal.name().to_owned(),
                created_at: now,
                last_used_at: None,
                expires_at: issued.expires_at,
            };
            Ok((token, issued.secret))
        })
        .await
}

/// What was asked for, checked.
struct Parsed {
    name: String,
    role: Role,
    project: Option<ProjectId>,
    life: Duration,
}

impl Parsed {
    fn of(new: &NewToken) -> Result<Self, AppError> {
        let mut problems = Vec::new();
        let name = checked_line(&new.name, MAX_NAME);
        problems.extend(name.as_ref().err().map(|why| FieldProblem::new("name", *why)));
        let role = Role::from_word(&new.role);
        if role.is_none() {
            let words: Vec<_> = Role::ALL.into_iter().map(Role::as_str).collect();
            problems.push(FieldProblem::new("role", format!("it is one of {}", words.join(", "))));
        }
        let project = new.project_id.as_deref().map(str::parse).transpose();
        if project.is_err() {
            problems.push(FieldProblem::new("project_id", "it is not the id of a project"));
        }
        let days = new.expires_in_days.unwrap_or(DEFAULT_DAYS);
        if !(1..=MAX_DAYS).contains(&days) {
            problems
                .push(FieldProblem::new("expires_in_days", format!("it is a number from 1 to {MAX_DAYS}")));
        }
        match (name, role, project) {
            (Ok(name), Some(role), Ok(project)) if problems.is_empty() => {
                Ok(Self { name, role, project, life: Duration::from_secs(u64::from(days) * 86_400) })
            }
            _ => Err(AppError::Invalid(problems)),
        }
    }
}

/// The tokens that have not ended, newest first: all of them for who may see them, else one's own.
///
/// # Errors
/// [`AppError::Denied`], [`AppError::Invalid`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    paging: Paging,
) -> Result<Listed<Token>, AppError> {
    let limit = paging.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(AppError::invalid("limit", format!("it is a number from 1 to {MAX_LIMIT}")));
    }
    if paging.sort.as_deref().is_some_and(|sort| sort != "-created_at") {
        return Err(AppError::invalid("sort", "it is -created_at"));
    }
    let before: Option<CredentialId> = paging
        .cursor
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|_| AppError::invalid("cursor", "it is not the next_cursor of this list"))?;
    let all = Resource::organization(caller.tenant);
    let question = Request::new(caller, Action::TokensRead, all.clone(), platform.now());
    let sees_all = platform.policies(caller.tenant).await?.decide(&question).allow;
    platform
        .look(caller, origin, move |look| {
            let me = look.caller().id().to_owned();
            let mine = Resource::new(ResourceKind::Token, "own", look.tx.tenant()).owned_by(me.clone());
            look.may(Action::TokensRead, if sees_all { all } else { mine })?;
            let scope = look.caller().project_scope.clone();
            let records = look.tx.credentials(TokenKind::Api.as_str(), MAX_TOKENS)?;
            let mut shown: Vec<_> = records
                .iter()
                .filter(|record| record.is_valid(look.now()))
                .filter(|record| sees_all || owner_of(record).as_deref() == Some(&me))
                .filter(|record| scope.is_none() || record.project.map(|p| p.to_string()) == scope)
                .filter(|record| before.is_none_or(|before| record.id < before))
                .take(limit as usize + 1)
                .map(token_of)
                .collect::<Result<_, _>>()?;
            let more = shown.len() > limit as usize;
            shown.truncate(limit as usize);
            let next_cursor = shown.last().filter(|_| more).map(|last: &Token| last.id.to_string());
            Ok(Listed { items: shown, next_cursor })
        })
        .await
}

/// Ends a token.
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
            let found = found.filter(|c| c.kind == TokenKind::Api.as_str());
            let record = found.ok_or_else(|| AppError::not_found("token", id))?;
            office.may(Action::TokensManage, resource_of(&record, office.rows().tenant())?)?;
            if office.caller().token.as_deref() == Some(id.to_string().as_str()) {
                return Err(AppError::Conflict {
                    code: "own_token",
                    detail: "this is the token that asks".into(),
                    hint: "end it in a session, or with another token",
                });
            }
            let now = office.now();
            office.tx.end_credential(id, now)?;
            office.did("token.revoked", ("token", id.to_string()), json!({ "name": record.name }))
        })
        .await?;
    platform.forget_callers();
    Ok(())
}

/// Whose a token is: the person's, or of one for a machine its maker's.
fn owner_of(record: &CredentialRecord) -> Option<String> {
    let maker = || record.doc["created_by"].as_str().map(str::to_owned);
    record.user.map(|user| user.to_string()).or_else(maker)
}

fn resource_of(record: &CredentialRecord, tenant: TenantId) -> Result<Resource, AppError> {
    let resource = Resource {
        owner: owner_of(record),
        role: Some(token_of(record)?.role),
        project: record.project.map(|project| project.to_string()),
        ..Resource::new(ResourceKind::Token, record.id.to_string(), tenant)
    };
    Ok(resource)
}

fn token_of(record: &CredentialRecord) -> Result<Token, AppError> {
    let unreadable = || store::StoreError::Malformed { what: format!("the role of {}", record.id) };
    Ok(Token {
        id: record.id,
        name: record.name.clone(),
        role: record.role.as_deref().and_then(Role::from_word).ok_or_else(unreadable)?,
        project_id: record.project,
        created_by: record.doc["created_by_name"].as_str().unwrap_or("command line").to_owned(),
        created_at: record.created_at,
        last_used_at: record.last_used_at,
        expires_at: record.expires_at,
    })
}
