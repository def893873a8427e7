//! The policies of one organization, parsed once, and the decision.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use cedar_policy as cedar;
use cedar_policy::ffi::DetailedError;
use cedar_policy::{Authorizer, Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use serde::{Deserialize, Serialize};

use super::entities::Names;
use super::problem::{PolicyErrors, PolicyProblem};
use super::request::Request;
use super::{BUILTIN, SCHEMA};
use crate::canonical;

/// Longest text of an own policy, in bytes; its parser's work grows with it.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Decisions that are remembered.
const MAX_REMEMBERED: usize = 4_096;
/// Most own policies of an organization: each is looked at for each decision.
const MAX_POLICIES: usize = 500;

/// An own policy of an organization, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnPolicy {
    /// Its id. Must not begin with `builtin`.
    pub id: String,
    /// One or more Cedar policies.
    pub text: String,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether it may be done.
    pub allow: bool,
    /// Ids of the policies that decided, sorted; none for a denial because nothing permits. An own text with several
    /// policies has `id#1`, `id#2`, ….
    pub reasons: Vec<String>,
    /// What could not be evaluated, sorted.
    pub errors: Vec<String>,
}

/// The policies of one organization. Make one when policies change, and share it.
#[derive(Debug)]
pub struct Engine {
    pub(super) own: Vec<OwnPolicy>,
    pub(super) policies: PolicySet,
    pub(super) names: Names,
    authorizer: Authorizer,
    warnings: Vec<PolicyProblem>,
    hash: String,
    /// The same question within an hour has the same answer: policies see of the time the hour and the day of the week.
    decided: Mutex<HashMap<Request, Decision>>,
}

impl Engine {
    /// The built-in policies and an organization's own ones.
    ///
    /// # Errors
    /// Everything that is wrong with own policies, each with its place: syntax, names and types that the schema doesn't have,
    /// templates, an id twice, too many or too long ones.
    pub fn new(own: &[OwnPolicy]) -> Result<Self, PolicyErrors> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let schema = schema()?;
        let mut policies = builtin()?;
        let mut seen = BTreeSet::new();
        if own.len() > MAX_POLICIES {
            problems.push(PolicyProblem::whole("", format!("more than {MAX_POLICIES} policies")));
            return Err(PolicyErrors(problems));
        }
        for one in own {
            if !seen.insert(one.id.as_str()) || one.id.starts_with("builtin") {
                problems.push(PolicyProblem::whole(&one.id, "this id is taken"));
                continue;
            }
            match parse(one).and_then(|parsed| validate(one, parsed, &schema)) {
                Ok((parsed, warned)) => {
                    warnings.extend(warned);
                    for policy in parsed {
                        let added = policies.add(policy);
                        problems.extend(added.err().map(|e| PolicyProblem::whole(&one.id, e.to_string())));
                    }
                }
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(PolicyErrors(problems));
        }
        let names = Names::new().map_err(|e| broken(&e))?;
        let hash = hash_of(own);
        let (authorizer, decided) = (Authorizer::new(), Mutex::default());
        Ok(Self { own: own.to_vec(), policies, names, authorizer, warnings, hash, decided })
    }

    /// Whether the request may be done, and by which policies. Never fails: what can't be evaluated is denied.
    #[must_use]
    pub fn decide(&self, request: &Request) -> Decision {
        let key = request.within_hour();
        if let Some(known) = self.decided.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let decision = self.decide_by(&self.policies, request);
        let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        if decided.len() >= MAX_REMEMBERED {
            decided.clear();
        }
        decided.insert(key, decision.clone());
        decision
    }

    /// Whether these are its own policies.
    #[must_use]
    pub fn is_of(&self, own: &[OwnPolicy]) -> bool {
        self.own == own
    }

    /// SHA-256 of schema, built-in policies and own policies (whatever their order): names the rules of a decision.
    #[must_use]
    pub fn policy_set_hash(&self) -> &str {
        &self.hash
    }

    /// What is allowed but looks like a mistake, such as an own policy that can never apply.
    #[must_use]
    pub fn warnings(&self) -> &[PolicyProblem] {
        &self.warnings
    }

    pub(super) fn decide_by(&self, policies: &PolicySet, request: &Request) -> Decision {
        let (question, entities) = match self.names.translate(request) {
            Ok(translated) => translated,
            Err(error) => {
                return Decision { allow: false, reasons: Vec::new(), errors: vec![error.to_string()] };
            }
        };
        let response = self.authorizer.is_authorized(&question, policies, &entities);
        let diagnostics = response.diagnostics();
        let mut allow = response.decision() == cedar::Decision::Allow;
        let mut reasons: BTreeSet<String> = diagnostics.reason().map(ToString::to_string).collect();
        let mut errors = Vec::new();
        let mut failed = Vec::new();
        for error in diagnostics.errors() {
            let cedar::AuthorizationError::PolicyEvaluationError(inner) = error;
            failed.push(inner.policy_id());
            errors.push(error.to_string());
        }
        // Cedar passes over a policy that fails. For a `forbid` that would be a default of allow.
        let forbids =
            |id: &PolicyId| policies.policy(id).is_none_or(|policy| policy.effect() == Effect::Forbid);
        failed.retain(|id| forbids(id));
        if !failed.is_empty() {
            if allow {
                reasons.clear();
            }
            allow = false;
            reasons.extend(failed.iter().map(ToString::to_string));
        }
        errors.sort();
        Decision { allow, reasons: reasons.into_iter().collect(), errors }
    }
}

/// Our own files are broken: a build that can't have passed its tests.
fn broken(error: &impl ToString) -> PolicyErrors {
    PolicyErrors(vec![PolicyProblem::whole("builtin", error.to_string())])
}

pub(super) fn schema() -> Result<Schema, PolicyErrors> {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|e| broken(&e))?;
    Ok(schema)
}

/// The built-in policies, each under the id of its annotation.
pub(super) fn builtin() -> Result<PolicySet, PolicyErrors> {
    let parsed: PolicySet = BUILTIN.parse().map_err(|e: cedar::ParseErrors| broken(&e))?;
    let named = parsed.policies().map(|policy| {
        let id = policy.annotation("id").map_or_else(|| policy.id().clone(), PolicyId::new);
        policy.new_id(id)
    });
    PolicySet::from_policies(named).map_err(|e| broken(&e))
}

/// The policies of one text, in its order, under our ids.
fn parse(own: &OwnPolicy) -> Result<Vec<Policy>, Vec<PolicyProblem>> {
    if own.text.len() > MAX_TEXT_BYTES {
        return Err(vec![PolicyProblem::whole(&own.id, format!("longer than {MAX_TEXT_BYTES} bytes"))]);
    }
    let parsed: PolicySet = own.text.parse().map_err(|errors: cedar::ParseErrors| {
        let say = |error| PolicyProblem::from_cedar(&own.id, &own.text, "", &DetailedError::from(error));
        errors.iter().map(say).collect::<Vec<_>>()
    })?;
    if parsed.templates().next().is_some() {
        return Err(vec![PolicyProblem::whole(
            &own.id,
            "templates (?principal, ?resource) are not supported",
        )]);
    }
    // Cedar numbers them policy0, policy1, …
    let place = |policy: &Policy| -> usize {
        policy.id().to_string().trim_start_matches("policy").parse().unwrap_or(usize::MAX)
    };
    let mut policies: Vec<Policy> = parsed.policies().cloned().collect();
    policies.sort_by_key(place);
    match &policies[..] {
        [] => Err(vec![PolicyProblem::whole(&own.id, "there is no policy in it")]),
        [one] => Ok(vec![one.new_id(PolicyId::new(&own.id))]),
        several => {
            let numbered = several.iter().enumerate();
            Ok(numbered.map(|(n, one)| one.new_id(PolicyId::new(format!("{}#{}", own.id, n + 1)))).collect())
        }
    }
}

/// Checks policies against the schema, strictly. With them come the warnings.
fn validate(
    own: &OwnPolicy,
    parsed: Vec<Policy>,
    schema: &Schema,
) -> Result<(Vec<Policy>, Vec<PolicyProblem>), Vec<PolicyProblem>> {
    let set = PolicySet::from_policies(parsed.iter().cloned())
        .map_err(|error| vec![PolicyProblem::whole(&own.id, error.to_string())])?;
    let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    let problem = |id: &PolicyId, error: DetailedError| {
        PolicyProblem::from_cedar(&own.id, &own.text, id.as_ref(), &error)
    };
    let mut errors: Vec<_> =
        result.validation_errors().map(|e| problem(e.policy_id(), DetailedError::from(e))).collect();
    if !errors.is_empty() {
        errors.sort_by(|a, b| (a.line, a.column, &a.message).cmp(&(b.line, b.column, &b.message)));
        errors.dedup();
        return Err(errors);
    }
    let warnings =
        result.validation_warnings().map(|w| problem(w.policy_id(), DetailedError::from(w))).collect();
    Ok((parsed, warnings))
}

fn hash_of(own: &[OwnPolicy]) -> String {
    let mut own: Vec<_> = own.iter().map(|one| (&one.id, &one.text)).collect();
    own.sort();
    // Length in front of each part, so that no two sets of texts are one text.
    let parts =
        [SCHEMA, BUILTIN].into_iter().chain(own.into_iter().flat_map(|(id, text)| [id.as_str(), text]));
    canonical::sha256_hex(&parts.map(|part| format!("{}:{part}", part.len())).collect::<String>())
}
