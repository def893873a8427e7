//! What a decision was made from, in a form that can be checked years later without the server.

use domain::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use super::engine::{Decision, Engine, OwnPolicy};
use super::problem::PolicyErrors;
use super::request::Request;
use crate::action::Action;
use crate::canonical;
use crate::role::Role;

/// A decision with all its inputs. Who keeps it may sign it or chain it; here it is only made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Id of the receipt.
    pub id: String,
    /// The organization of who asked.
    pub tenant: TenantId,
    /// When.
    pub at: Timestamp,
    /// Id of who asked.
    pub principal: String,
    /// Their role.
    pub role: Role,
    /// What they wanted to do.
    pub action: Action,
    /// On what: kind and id, with a colon between.
    pub resource: String,
    /// The whole request as canonical JSON.
    pub attributes: String,
    /// [`Engine::policy_set_hash`] of the policies that decided.
    pub policy_set_hash: String,
    /// The answer.
    pub decision: bool,
    /// Policies that decided.
    pub reasons: Vec<String>,
    /// What could not be evaluated.
    pub errors: Vec<String>,
    /// SHA-256 of `attributes`, in hexadecimal.
    pub inputs_hash: String,
}

/// What comes of making a decision again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reevaluation {
    /// The same answer for the same reasons.
    Same,
    /// The policies given are not those that decided.
    OtherPolicies,
    /// The receipt doesn't agree with itself: it was changed after it was made.
    Altered,
    /// The same policies and inputs give another answer.
    Different(Decision),
}

impl Receipt {
    /// The receipt of `engine`'s decision on `request`.
    ///
    /// # Errors
    /// Never with our own types, all of which JSON can say.
    pub fn new(
        id: impl Into<String>,
        engine: &Engine,
        request: &Request,
        decision: &Decision,
    ) -> Result<Self, serde_json::Error> {
        let attributes = canonical::to_string(request)?;
        Ok(Self {
            id: id.into(),
            tenant: request.tenant,
            at: request.at,
            principal: request.principal.id().to_owned(),
            role: request.role,
            action: request.action,
            resource: resource_of(request),
            inputs_hash: canonical::sha256_hex(&attributes),
            attributes,
            policy_set_hash: engine.policy_set_hash().to_owned(),
            decision: decision.allow,
            reasons: decision.reasons.clone(),
            errors: decision.errors.clone(),
        })
    }
}

/// Makes the decision of `receipt` again by `own` policies, with nothing but what is in the receipt.
///
/// # Errors
/// When the policies can't be read.
pub fn reevaluate(receipt: &Receipt, own: &[OwnPolicy]) -> Result<Reevaluation, PolicyErrors> {
    let Some(request) = inputs_of(receipt) else { return Ok(Reevaluation::Altered) };
    let engine = Engine::new(own)?;
    if engine.policy_set_hash() != receipt.policy_set_hash {
        return Ok(Reevaluation::OtherPolicies);
    }
    let again = engine.decide(&request);
    let before = (receipt.decision, &receipt.reasons, &receipt.errors);
    let same = before == (again.allow, &again.reasons, &again.errors);
    Ok(if same { Reevaluation::Same } else { Reevaluation::Different(again) })
}

/// The request of a receipt that agrees with itself.
fn inputs_of(receipt: &Receipt) -> Option<Request> {
    let request: Request = serde_json::from_str(&receipt.attributes).ok()?;
    let agrees = canonical::sha256_hex(&receipt.attributes) == receipt.inputs_hash
        && canonical::to_string(&request).is_ok_and(|text| text == receipt.attributes)
        && (request.tenant, request.at, request.role, request.action)
            == (receipt.tenant, receipt.at, receipt.role, receipt.action)
        && request.principal.id() == receipt.principal
        && resource_of(&request) == receipt.resource;
    agrees.then_some(request)
}

fn resource_of(request: &Request) -> String {
    format!("{}:{}", request.resource.kind.as_str(), request.resource.id)
}
