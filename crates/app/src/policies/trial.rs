//! Policies tried: on the past, on made-up requests, and asked why.

use auth::policy::{
    DataClass, Decision, Engine, Explanation, OwnPolicy, PolicyErrors, PolicyProblem, Receipt, Request,
    Resource, ResourceKind, Risk, Trial,
};
use auth::{Action, Caller, Principal, Role};
use domain::{PolicyId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::TenantTx;

use crate::office::Origin;
use crate::records::of_doc;
use crate::{AppError, Platform};

/// Requests that a policy is tried on: a decision takes some ten microseconds.
const MAX_TRIED: u32 = 1_000;
/// Changed decisions that are listed.
const MAX_LISTED: usize = 200;
/// What a policy is called that isn't saved.
const DRAFT: &str = "draft";

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
