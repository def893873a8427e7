//! An organization's own policies: written, tried on the past, and asked why.

mod trial;

use auth::policy::{Engine, OwnPolicy, PolicyErrors, PolicyProblem, Request, Resource, ResourceKind};
use auth::{Action, Caller};
use domain::{PolicyId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{PolicyRecord, TenantTx};

use crate::office::Origin;
use crate::projects::checked_line;
use crate::{AppError, FieldProblem, Platform};

pub use trial::{
    ChangedDecision, Explained, Mistake, NearlyApplies, PolicyTrial, Question, Somebody, Thing, TrialReport,
    explain, test,
};

/// The longest text that the audit keeps whole: an entry has at most 64 KB, and text in JSON grows.
const MAX_TEXT_IN_AUDIT: usize = 24 << 10;
/// Own policies of an organization; `auth` refuses more.
const MAX_POLICIES: u32 = 500;
/// The longest name, in characters.
const MAX_NAME: usize = 100;

/// An own policy, as callers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Policy {
    /// `policy_…`.
    #[schema(value_type = crate::shapes::PolicyId)]
    pub id: PolicyId,
    /// Its name, which no other policy of the organization has.
    pub name: String,
    /// Its text, in Cedar.
    pub text: String,
    /// Whether it counts.
    pub enabled: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes.
    #[serde(skip)]
    pub version: u64,
}

/// A policy that is to be made.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    /// Its name.
    #[schema(value_type = crate::shapes::Name)]
    pub name: String,
    /// Its text, in Cedar.
    #[schema(min_length = 1, max_length = 65536)]
    pub text: String,
    /// Whether it counts; if not given: yes.
    pub enabled: Option<bool>,
}

/// Members of a policy that are to be changed.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyChange {
    /// Another name.
    #[schema(value_type = Option<crate::shapes::Name>)]
    pub name: Option<String>,
    /// Another text.
    #[schema(min_length = 1, max_length = 65536)]
    pub text: Option<String>,
    /// Whether it counts.
    pub enabled: Option<bool>,
}

/// The rules that every organization has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Builtin {
    /// The built-in policies, in Cedar.
    pub text: &'static str,
    /// What policies can speak of, as a schema of Cedar.
    pub schema: &'static str,
}

/// The own policies, oldest first.
///
/// # Errors
/// [`AppError::Denied`].
pub async fn list(platform: &Platform, caller: &Caller, origin: &Origin) -> Result<Vec<Policy>, AppError> {
    platform
        .look(caller, origin, |look| {
            look.may(Action::PoliciesRead, Resource::organization(look.tx.tenant()))?;
            Ok(look.tx.policies(MAX_POLICIES)?.into_iter().map(policy_of).collect())
        })
        .await
}

/// The rules that every organization has.
///
/// # Errors
/// [`AppError::Denied`].
pub async fn builtin(platform: &Platform, caller: &Caller, origin: &Origin) -> Result<Builtin, AppError> {
    platform
        .look(caller, origin, |look| {
            look.may(Action::PoliciesRead, Resource::organization(look.tx.tenant()))?;
            Ok(Builtin { text: auth::policy::BUILTIN, schema: auth::policy::SCHEMA })
        })
        .await
}

/// One policy.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn get(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PolicyId,
) -> Result<Policy, AppError> {
    platform
        .glance(caller, origin, move |look| {
            let record = look.tx.policy(id)?.ok_or_else(|| AppError::not_found("policy", id))?;
            look.may(Action::PoliciesRead, resource_of(look.tx, id))?;
            Ok(policy_of(record))
        })
        .await
}

/// Adds a policy. It counts from the next request on.
///
/// # Errors
/// [`AppError::Invalid`] with the place of each mistake, [`AppError::Denied`], [`AppError::Conflict`].
pub async fn create(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    new: NewPolicy,
) -> Result<Policy, AppError> {
    let name = checked_line(&new.name, MAX_NAME).map_err(|why| AppError::invalid("name", why))?;
    let made = platform
        .change(caller, origin, move |office| {
            office.may(Action::PoliciesManage, Resource::organization(office.rows().tenant()))?;
            let now = office.now();
            let record = PolicyRecord {
                id: PolicyId::new(now, office.random()),
                name,
                text: new.text,
                enabled: new.enabled.unwrap_or(true),
                created_at: now,
                updated_at: now,
                version: 1,
            };
            check(office, &record)?;
            office.tx.insert_policy(&record)?;
            told(office, "policy.created", &record)?;
            Ok(policy_of(record))
        })
        .await?;
    platform.forget_policies(caller.tenant);
    Ok(made)
}

/// Changes a policy.
///
/// # Errors
/// As [`create`]; [`AppError::NotFound`], [`AppError::VersionConflict`].
pub async fn update(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PolicyId,
    change: PolicyChange,
    expected: Option<u64>,
) -> Result<Policy, AppError> {
    let name = change.name.as_deref().map(|name| checked_line(name, MAX_NAME)).transpose();
    let name = name.map_err(|why| AppError::invalid("name", why))?;
    let changed = platform
        .change(caller, origin, move |office| {
            let mut record = office.rows().policy(id)?.ok_or_else(|| AppError::not_found("policy", id))?;
            office.may(Action::PoliciesManage, resource_of(office.rows(), id))?;
            if expected.is_some_and(|version| version != record.version) {
                return Err(AppError::VersionConflict);
            }
            record.name = name.unwrap_or(record.name);
            record.text = change.text.unwrap_or(record.text);
            record.enabled = change.enabled.unwrap_or(record.enabled);
            record.updated_at = office.now();
            check(office, &record)?;
            office.tx.save_policy(&record)?;
            record.version += 1;
            told(office, "policy.updated", &record)?;
            Ok(policy_of(record))
        })
        .await?;
    platform.forget_policies(caller.tenant);
    Ok(changed)
}

/// Removes a policy.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn remove(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: PolicyId,
    expected: Option<u64>,
) -> Result<(), AppError> {
    platform
        .change(caller, origin, move |office| {
            let record = office.rows().policy(id)?.ok_or_else(|| AppError::not_found("policy", id))?;
            office.may(Action::PoliciesManage, resource_of(office.rows(), id))?;
            if expected.is_some_and(|v| v != record.version) {
                return Err(AppError::VersionConflict);
            }
            let rest = others(office.rows(), id)?;
            keep_the_door_open(office, &rest)?;
            office.tx.remove_policy(id)?;
            told(office, "policy.removed", &record)
        })
        .await?;
    platform.forget_policies(caller.tenant);
    Ok(())
}

/// Refuses a policy that can't be read beside the others, or that would lock out who is about to save it.
fn check(office: &crate::Office<'_, '_>, record: &PolicyRecord) -> Result<(), AppError> {
    if record.text.contains('\0') {
        return Err(AppError::invalid("text", "it has a NUL character"));
    }
    let rest = others(office.rows(), record.id)?;
    if rest.len() + 1 > MAX_POLICIES as usize {
        return Err(AppError::Conflict {
            code: "too_many_policies",
            detail: format!("an organization has at most {MAX_POLICIES} policies"),
            hint: "remove those that do not count",
        });
    }
    // One that doesn't count yet is held to the same rules: it may be switched on.
    let own = OwnPolicy { id: record.id.to_string(), text: record.text.clone() };
    let mut counting = rest;
    counting.push(own);
    Engine::new(&counting).map_err(|errors| invalid(&errors, record.id))?;
    if !record.enabled {
        counting.pop();
    }
    keep_the_door_open(office, &counting)
}

/// The policies that count beside this one.
fn others(tx: &TenantTx<'_>, id: PolicyId) -> Result<Vec<OwnPolicy>, AppError> {
    let all = tx.policies(MAX_POLICIES)?.into_iter().filter(|policy| policy.enabled && policy.id != id);
    Ok(all.map(|policy| OwnPolicy { id: policy.id.to_string(), text: policy.text }).collect())
}

/// Whoever changes policies must be able to change them back.
fn keep_the_door_open(office: &crate::Office<'_, '_>, policies: &[OwnPolicy]) -> Result<(), AppError> {
    let engine = Engine::new(policies).map_err(|e| AppError::Policies(e.to_string()))?;
    let resource = Resource::organization(office.rows().tenant());
    let request = Request::new(office.caller(), Action::PoliciesManage, resource, office.now());
    if engine.decide(&request).allow {
        return Ok(());
    }
    Err(AppError::Conflict {
        code: "would_lock_out",
        detail: "with this change you could no longer change policies".into(),
        hint: "leave policies.manage to yourself",
    })
}

fn invalid(errors: &PolicyErrors, id: PolicyId) -> AppError {
    let id = id.to_string();
    let say = |p: &PolicyProblem| {
        let whose =
            if p.policy == id || p.policy.is_empty() { String::new() } else { format!("{}: ", p.policy) };
        FieldProblem::unfit("text", format!("{whose}line {}, column {}: {}", p.line, p.column, p.message))
    };
    AppError::Invalid(errors.0.iter().map(say).collect())
}

fn told(office: &mut crate::Office<'_, '_>, event: &str, record: &PolicyRecord) -> Result<(), AppError> {
    let digest = auth::canonical::sha256_hex(&record.text);
    let mut data = json!({ "name": record.name, "enabled": record.enabled, "text_sha256": digest });
    // The audit keeps what counted when: receipts are decided again by the policies of their time.
    if record.text.len() <= MAX_TEXT_IN_AUDIT {
        data["text"] = record.text.clone().into();
    }
    office.did(event, ("policy", record.id.to_string()), data)
}

fn resource_of(tx: &TenantTx<'_>, id: PolicyId) -> Resource {
    Resource::new(ResourceKind::Policy, id.to_string(), tx.tenant())
}

fn policy_of(record: PolicyRecord) -> Policy {
    Policy {
        id: record.id,
        name: record.name,
        text: record.text,
        enabled: record.enabled,
        created_at: record.created_at,
        updated_at: record.updated_at,
        version: record.version,
    }
}
