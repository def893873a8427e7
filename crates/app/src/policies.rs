//! An organization's own policies: written, tried on the past, and asked why.

use auth::policy::{
    DataClass, Decision, Engine, Explanation, OwnPolicy, PolicyErrors, PolicyProblem, Receipt, Request,
    Resource, ResourceKind, Risk, Trial,
};
use auth::{Action, Caller, Principal, Role};
use domain::{PolicyId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{PolicyRecord, TenantTx};

use crate::office::Origin;
use crate::projects::checked_line;
use crate::records::of_doc;
use crate::{AppError, FieldProblem, Platform};

/// Own policies of an organization; `auth` refuses more.
const MAX_POLICIES: u32 = 500;
/// The longest name, in characters.
const MAX_NAME: usize = 100;
/// Requests that a policy is tried on: a decision takes some ten microseconds.
const MAX_TRIED: u32 = 1_000;
/// Changed decisions that are listed.
const MAX_LISTED: usize = 200;
/// What a policy is called that isn't saved.
const DRAFT: &str = "draft";

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

/// A policy that is to be tried.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyTrial {
    /// Its text. What is wrong with it is no error but the answer.
    pub text: String,
    /// The policy that it would take the place of; none: it would be another one.
    #[schema(value_type = Option<crate::shapes::PolicyId>)]
    pub policy_id: Option<String>,
    /// Requests to try it on; if not given, those of the past that have receipts.
    #[schema(max_items = 1000)]
    pub requests: Option<Vec<Question>>,
}

/// What a policy would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TrialReport {
    /// Whether it can be read.
    pub valid: bool,
    /// What is wrong with it.
    pub errors: Vec<Mistake>,
    /// What is allowed but looks like a mistake.
    pub warnings: Vec<Mistake>,
    /// How many requests were tried.
    pub requests: usize,
    /// Those that are answered differently; at most 200.
    pub changed: Vec<ChangedDecision>,
}

/// Something in the text of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Mistake {
    /// What.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

/// A request that would be answered differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ChangedDecision {
    /// Who asked.
    pub principal: String,
    /// For what.
    #[schema(value_type = crate::shapes::Action)]
    pub action: Action,
    /// On what.
    pub resource: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `allow` or `deny`, by the policies as they are.
    #[schema(value_type = crate::shapes::Decision)]
    pub before: String,
    /// `allow` or `deny`, by the policies as they would be.
    #[schema(value_type = crate::shapes::Decision)]
    pub after: String,
    /// The policies that would decide.
    pub reasons: Vec<String>,
}

/// A question to the policies. What is not given is as for the one who asks.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What somebody wants to do, such as `tasks.create`.
    #[schema(value_type = crate::shapes::Action)]
    pub action: String,
    /// On what; the organization if not given.
    pub resource: Option<Thing>,
    /// Who; the caller if not given.
    pub principal: Option<Somebody>,
}

/// A thing that a question is about.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Thing {
    /// Its kind as policies say it, such as `PullRequest`.
    #[schema(value_type = crate::shapes::ResourceType)]
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    #[schema(max_length = 100)]
    pub id: Option<String>,
    /// The project that it belongs to.
    #[schema(max_length = 100)]
    pub project_id: Option<String>,
    /// Whom it belongs to.
    #[schema(max_length = 100)]
    pub owner: Option<String>,
    /// Who works on it.
    #[schema(max_length = 100)]
    pub assignee: Option<String>,
    /// `public`, `internal`, `confidential` or `restricted`.
    #[schema(value_type = Option<crate::shapes::DataClass>)]
    pub data_class: Option<String>,
    /// `low`, `medium` or `high`.
    #[schema(value_type = Option<crate::shapes::Risk>)]
    pub risk: Option<String>,
    /// What it costs, in US dollars.
    #[schema(minimum = 0, maximum = 1e9)]
    pub cost_usd: Option<f64>,
    /// Of a member, an invitation or a token: its role.
    #[schema(value_type = Option<crate::shapes::TokenRole>)]
    pub role: Option<String>,
    /// The role that it would get.
    #[schema(value_type = Option<crate::shapes::TokenRole>)]
    pub gives: Option<String>,
}

/// Somebody that a question is about.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Somebody {
    /// A member.
    #[schema(value_type = Option<crate::shapes::UserId>)]
    pub user_id: Option<String>,
    /// Anybody with this role.
    #[schema(value_type = Option<crate::shapes::TokenRole>)]
    pub role: Option<String>,
    /// Whether the second factor was shown.
    pub mfa: Option<bool>,
}

/// All that policies have to say about a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Explained {
    /// `allow` or `deny`.
    #[schema(value_type = crate::shapes::Decision)]
    pub decision: String,
    /// The policies that decide; none where nothing permits.
    pub reasons: Vec<String>,
    /// What could not be evaluated.
    pub errors: Vec<String>,
    /// Policies that permit it, also those overruled.
    pub permits: Vec<String>,
    /// Policies that forbid it.
    pub forbids: Vec<String>,
    /// Policies that are about it, but whose conditions do not hold.
    pub nearly: Vec<NearlyApplies>,
    /// Roles with which the same person would be allowed.
    #[schema(value_type = Vec<crate::shapes::TokenRole>)]
    pub roles: Vec<Role>,
}

/// A policy that would have applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NearlyApplies {
    /// Its id.
    pub policy: String,
    /// Whether it forbids; else it permits.
    pub forbids: bool,
    /// What it says of itself, or else its text.
    pub text: String,
}

impl From<Explanation> for Explained {
    fn from(found: Explanation) -> Self {
        let nearly = found.nearly.into_iter();
        Self {
            decision: word(&found.decision),
            reasons: found.decision.reasons,
            errors: found.decision.errors,
            permits: found.permits,
            forbids: found.forbids,
            nearly: nearly
                .map(|one| NearlyApplies { policy: one.policy, forbids: one.forbids, text: one.text })
                .collect(),
            roles: found.roles,
        }
    }
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
) -> Result<(), AppError> {
    platform
        .change(caller, origin, move |office| {
            let record = office.rows().policy(id)?.ok_or_else(|| AppError::not_found("policy", id))?;
            office.may(Action::PoliciesManage, resource_of(office.rows(), id))?;
            let rest = others(office.rows(), id)?;
            keep_the_door_open(office, &rest)?;
            office.tx.remove_policy(id)?;
            told(office, "policy.removed", &record)
        })
        .await?;
    platform.forget_policies(caller.tenant);
    Ok(())
}

/// Tries a policy on requests and changes nothing: which of them would be answered differently.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Invalid`] for a question that makes no sense, [`AppError::Denied`]. A mistake in the
/// policy is no error but the answer.
pub async fn test(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    trial: PolicyTrial,
) -> Result<TrialReport, AppError> {
    let id = trial.policy_id.as_deref().map(str::parse::<PolicyId>).transpose();
    let id = id.map_err(|_| AppError::invalid("policy_id", "it is not the id of a policy"))?;
    if trial.requests.as_ref().is_some_and(|all| all.len() > MAX_TRIED as usize) {
        return Err(AppError::invalid("requests", format!("there are more than {MAX_TRIED}")));
    }
    let engine = platform.policies(caller.tenant).await?;
    platform
        .look(caller, origin, move |look| {
            look.may(Action::PoliciesRead, Resource::organization(look.tx.tenant()))?;
            if let Some(id) = id
                && look.tx.policy(id)?.is_none()
            {
                return Err(AppError::not_found("policy", id));
            }
            let requests = match &trial.requests {
                Some(questions) => questions
                    .iter()
                    .enumerate()
                    .map(|(n, question)| {
                        request_of(look.tx, look.caller(), look.now(), question, &format!("requests[{n}]."))
                    })
                    .collect::<Result<Vec<_>, _>>()?,
                None => {
                    look.may(Action::ReceiptsRead, Resource::organization(look.tx.tenant()))?;
                    past(look.tx)?
                }
            };
            let policy = OwnPolicy {
                id: id.map_or_else(|| DRAFT.to_owned(), |id| id.to_string()),
                text: trial.text.clone(),
            };
            Ok(tried(&engine, &policy, &requests))
        })
        .await
}

/// Why a request is answered as it is.
///
/// # Errors
/// [`AppError::Invalid`], [`AppError::NotFound`], [`AppError::Denied`].
pub async fn explain(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    question: Question,
) -> Result<Explained, AppError> {
    let engine = platform.policies(caller.tenant).await?;
    platform
        .look(caller, origin, move |look| {
            look.may(Action::PoliciesRead, Resource::organization(look.tx.tenant()))?;
            let request = request_of(look.tx, look.caller(), look.now(), &question, "")?;
            Ok(engine.explain(&request).into())
        })
        .await
}

fn tried(engine: &Engine, policy: &OwnPolicy, requests: &[Request]) -> TrialReport {
    let mistakes = |problems: &[PolicyProblem]| {
        problems.iter().filter(|p| p.policy == policy.id || p.policy.is_empty()).map(mistake_of).collect()
    };
    let trials = match engine.test(policy, requests) {
        Ok(trials) => trials,
        Err(PolicyErrors(problems)) => {
            let errors = problems.iter().map(mistake_of).collect();
            return TrialReport { errors, ..TrialReport::default() };
        }
    };
    // What is suspicious in it is suspicious whatever stands beside it.
    let alone = Engine::new(std::slice::from_ref(policy));
    let warnings = alone.map(|engine| mistakes(engine.warnings())).unwrap_or_default();
    let changed = requests.iter().zip(&trials).filter(|(_, trial)| trial.old.allow != trial.new.allow);
    TrialReport {
        valid: true,
        errors: Vec::new(),
        warnings,
        requests: requests.len(),
        changed: changed.take(MAX_LISTED).map(|(request, trial)| changed_of(request, trial)).collect(),
    }
}

fn changed_of(request: &Request, trial: &Trial) -> ChangedDecision {
    ChangedDecision {
        principal: request.principal.name().to_owned(),
        action: request.action,
        resource: format!("{}:{}", request.resource.kind.as_str(), request.resource.id),
        at: request.at,
        before: word(&trial.old),
        after: word(&trial.new),
        reasons: trial.new.reasons.clone(),
    }
}

fn word(decision: &Decision) -> String {
    if decision.allow { "allow" } else { "deny" }.to_owned()
}

fn mistake_of(problem: &PolicyProblem) -> Mistake {
    Mistake { message: problem.message.clone(), line: problem.line, column: problem.column }
}

/// The requests of the past, as their receipts have them.
fn past(tx: &TenantTx<'_>) -> Result<Vec<Request>, AppError> {
    let receipts = tx.receipts(None, MAX_TRIED)?;
    let mut requests = Vec::with_capacity(receipts.len());
    for record in &receipts {
        let receipt: Receipt = of_doc("receipt", &record.doc)?;
        // One of another release may have asked for what there no longer is.
        requests.extend(serde_json::from_str::<Request>(&receipt.attributes));
    }
    Ok(requests)
}

/// What a question means.
fn request_of(
    tx: &TenantTx<'_>,
    caller: &Caller,
    now: Timestamp,
    question: &Question,
    at: &str,
) -> Result<Request, AppError> {
    let action = Action::from_word(&question.action)
        .ok_or_else(|| AppError::invalid(format!("{at}action"), "there is no such action"))?;
    let resource = match &question.resource {
        None => Resource::organization(tx.tenant()),
        Some(thing) => thing_of(tx, thing, at)?,
    };
    if !resource.kind.takes(action) {
        let message = format!("{action} can't be asked for a thing of this kind");
        return Err(AppError::unfit(format!("{at}resource.type"), message));
    }
    let mut request = Request::new(caller, action, resource, now);
    if let Some(somebody) = &question.principal {
        let role = somebody.role.as_deref().map(|word| word_of(Role::from_word(word), at, "principal.role"));
        request.project_scope = None;
        request.mfa = somebody.mfa.unwrap_or(request.mfa);
        if let Some(id) = &somebody.user_id {
            let user: UserId = word_of(id.parse().ok(), at, "principal.user_id")?;
            let member = tx.member(user)?.ok_or_else(|| AppError::not_found("member", user))?;
            request.role = word_of(Role::from_word(&member.role), at, "principal.user_id")?;
            request.principal =
                Principal::User { id: user.to_string(), name: member.name, email: member.email };
        }
        if let Some(role) = role.transpose()? {
            request.role = role;
            if somebody.user_id.is_none() {
                request.principal = anybody(role);
            }
        }
    }
    Ok(request)
}

/// Somebody with a role and nothing else.
fn anybody(role: Role) -> Principal {
    let (id, name) = ("somebody".to_owned(), role.as_str().to_owned());
    if role.is_for_machines() {
        Principal::Service { id, name: name.clone(), kind: name }
    } else {
        Principal::User { id, name, email: String::new() }
    }
}

fn thing_of(tx: &TenantTx<'_>, thing: &Thing, at: &str) -> Result<Resource, AppError> {
    let at = &format!("{at}resource.");
    let role = |text: &Option<String>, field| {
        text.as_deref().map(|word| word_of(Role::from_word(word), at, field)).transpose()
    };
    let kind = word_of(ResourceKind::from_word(&thing.kind), at, "type")?;
    let id = match kind {
        ResourceKind::Organization => tx.tenant().to_string(),
        _ => thing.id.clone().unwrap_or_else(|| "some".to_owned()),
    };
    let plain = Resource::new(kind, id, tx.tenant());
    let class = thing.data_class.as_deref();
    let risk = thing.risk.as_deref();
    let cost = thing.cost_usd.unwrap_or(0.0);
    if !(0.0..=1e9).contains(&cost) {
        return Err(AppError::invalid(format!("{at}cost_usd"), "it is a number from 0 to a billion"));
    }
    Ok(Resource {
        project: thing.project_id.clone(),
        owner: thing.owner.clone(),
        assignee: thing.assignee.clone(),
        data_class: match class {
            None => plain.data_class,
            Some(word) => word_of(DataClass::from_word(word), at, "data_class")?,
        },
        risk: match risk {
            None => plain.risk,
            Some(word) => word_of(Risk::from_word(word), at, "risk")?,
        },
        // Exact to the nano-dollar below nine million dollars.
        cost: domain::NanoUsd((cost * 1e9).round() as i64),
        role: role(&thing.role, "role")?,
        gives: role(&thing.gives, "gives")?,
        ..plain
    })
}

fn word_of<T>(found: Option<T>, at: &str, field: &str) -> Result<T, AppError> {
    found.ok_or_else(|| AppError::invalid(format!("{at}{field}"), "there is no such thing"))
}

/// Refuses a policy that can't be read beside the others, or that would lock out who is about to save it.
fn check(office: &crate::Office<'_, '_>, record: &PolicyRecord) -> Result<(), AppError> {
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
    let data = json!({ "name": record.name, "enabled": record.enabled, "text_sha256": digest });
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
