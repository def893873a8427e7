//! Why a request is answered as it is, and how a new policy would answer those of the past.

use cedar_policy::{Effect, Policy, PolicySet};
use serde::Serialize;

use super::engine::{Decision, Engine, OwnPolicy};
use super::problem::PolicyErrors;
use super::request::Request;
use crate::role::Role;

/// All that policies have to say about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The answer.
    pub decision: Decision,
    /// Policies that permit it, also those overruled.
    pub permits: Vec<String>,
    /// Policies that forbid it.
    pub forbids: Vec<String>,
    /// Policies that are about who asks for what on which thing, but whose conditions do not hold.
    pub nearly: Vec<Nearly>,
    /// Roles with which the same person would be allowed.
    pub roles: Vec<Role>,
}

/// A policy that would have applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nearly {
    /// Its id.
    pub policy: String,
    /// Whether it forbids; else it permits.
    pub forbids: bool,
    /// What its `@description` says, or else its text.
    pub text: String,
}

/// One request of the past, as decided now and with the policy that is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// By the policies as they are.
    pub old: Decision,
    /// By the policies as they would be.
    pub new: Decision,
}

impl Engine {
    /// Looks at each policy by itself.
    #[must_use]
    pub fn explain(&self, request: &Request) -> Explanation {
        let (mut permits, mut forbids, mut nearly) = (Vec::new(), Vec::new(), Vec::new());
        for policy in self.policies.policies() {
            let id = policy.id().to_string();
            let is_forbid = policy.effect() == Effect::Forbid;
            if self.applies(policy.clone(), request) {
                if is_forbid { forbids.push(id) } else { permits.push(id) }
            } else if without_conditions(policy).is_some_and(|scope| self.applies(scope, request)) {
                let text = policy.annotation("description").map(str::to_owned);
                let text = text.or_else(|| policy.to_cedar()).unwrap_or_default();
                nearly.push(Nearly { policy: id, forbids: is_forbid, text });
            }
        }
        permits.sort();
        forbids.sort();
        nearly.sort_by(|a, b| a.policy.cmp(&b.policy));
        let allowed = |role: &Role| self.decide(&Request { role: *role, ..request.clone() }).allow;
        let roles = Role::ALL.into_iter().filter(allowed).collect();
        Explanation { decision: self.decide(request), permits, forbids, nearly, roles }
    }

    /// Decides requests again with one own policy added or replaced, and changes nothing.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn test(&self, policy: &OwnPolicy, requests: &[Request]) -> Result<Vec<Trial>, PolicyErrors> {
        let mut own: Vec<OwnPolicy> = self.own.iter().filter(|one| one.id != policy.id).cloned().collect();
        own.push(policy.clone());
        let changed = Self::new(&own)?;
        let trial = |request: &Request| Trial { old: self.decide(request), new: changed.decide(request) };
        Ok(requests.iter().map(trial).collect())
    }

    fn applies(&self, policy: Policy, request: &Request) -> bool {
        let Ok(alone) = PolicySet::from_policies([policy]) else { return false };
        !self.decide_by(&alone, request).reasons.is_empty()
    }
}

/// The same policy for all that its head names.
fn without_conditions(policy: &Policy) -> Option<Policy> {
    let mut json = policy.to_json().ok()?;
    let conditions = json.get_mut("conditions")?;
    if conditions.as_array().is_none_or(Vec::is_empty) {
        return None;
    }
    *conditions = serde_json::Value::Array(Vec::new());
    Policy::from_json(Some(policy.id().clone()), json).ok()
}
