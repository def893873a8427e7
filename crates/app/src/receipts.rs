//! Receipts of decisions: listed, and decided again.

use std::collections::BTreeMap;

use auth::policy::{self, Engine, OwnPolicy, Receipt as Kept, Reevaluation, Request, Resource, ResourceKind};
use auth::{Action, Caller, Role};
use domain::{ReceiptId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{AuditFilter, Page, ReceiptRecord, TenantTx};

use crate::list::{Asked, Listed, Paging};
use crate::office::Origin;
use crate::records::of_doc;
use crate::{AppError, Platform};

/// Own policies of an organization that are read.
const MAX_POLICIES: u32 = 1_000;
/// Entries of the audit that are read at a time.
const PAGE: u32 = 200;

/// A receipt, as callers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Receipt {
    /// `receipt_…`.
    #[schema(value_type = crate::shapes::ReceiptId)]
    pub id: ReceiptId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who asked, by id.
    pub principal: String,
    /// Their role.
    #[schema(value_type = crate::shapes::TokenRole)]
    pub role: Role,
    /// For what.
    #[schema(value_type = crate::shapes::Action)]
    pub action: Action,
    /// On what: kind and id.
    pub resource: String,
    /// `allow` or `deny`.
    #[schema(value_type = crate::shapes::Decision)]
    pub decision: String,
    /// The policies that decided; none where nothing permits.
    pub policies: Vec<String>,
    /// The same in a sentence.
    pub reason: String,
    /// Names the rules that decided.
    pub policy_set_hash: String,
    /// SHA-256 of everything that the decision was made from.
    pub inputs_hash: String,
}

/// Which receipts are listed.
#[derive(Clone, Debug, Default)]
pub struct ReceiptFilter {
    /// `allow` or `deny`.
    pub decision: Option<String>,
    /// Who asked.
    pub principal: Option<String>,
    /// For what.
    pub action: Option<String>,
}

/// What came of deciding again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Again {
    /// What the policies of its own time say again: `same` or `different`; `other_policies` where the audit does not tell them
    /// any more, `altered` when the receipt was changed after it was made.
    pub outcome: String,
    /// What the policies of today say; null when the receipt can't be believed.
    #[schema(required)]
    pub now: Option<Verdict>,
}

/// An answer and its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Verdict {
    /// `allow` or `deny`.
    #[schema(value_type = crate::shapes::Decision)]
    pub decision: String,
    /// The policies that decide.
    pub policies: Vec<String>,
}

/// Receipts, newest first.
///
/// # Errors
/// [`AppError::Denied`], [`AppError::Invalid`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    filter: ReceiptFilter,
    paging: Paging,
) -> Result<Listed<Receipt>, AppError> {
    if filter.decision.as_deref().is_some_and(|word| !["allow", "deny"].contains(&word)) {
        return Err(AppError::invalid("decision", "it is allow or deny"));
    }
    if paging.sort.as_deref().is_some_and(|sort| sort != "-created_at") {
        return Err(AppError::invalid("sort", "it is -created_at"));
    }
    let query = format!("receipts {:?} {:?} {:?}", filter.decision, filter.principal, filter.action);
    let asked = Asked::parse(&paging, &query)?;
    platform
        .look(caller, origin, move |look| {
            look.may(Action::ReceiptsRead, Resource::organization(look.tx.tenant()))?;
            let fits = |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|w| w == text);
            asked.collect(
                |page| match page {
                    store::Page::Newest { before, limit } => look.tx.receipts(before, limit),
                    store::Page::Oldest { .. } => Ok(Vec::new()),
                },
                |record: &ReceiptRecord| record.number,
                |record| {
                    let fits = fits(&filter.decision, &record.decision)
                        && fits(&filter.principal, &record.principal)
                        && fits(&filter.action, &record.action);
                    if fits { receipt_of(&record).map(Some) } else { Ok(None) }
                },
            )
        })
        .await
}

/// One receipt.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn get(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: ReceiptId,
) -> Result<Receipt, AppError> {
    platform
        .look(caller, origin, move |look| {
            let tenant = look.tx.tenant();
            let record = look.tx.receipt(id)?.ok_or_else(|| AppError::not_found("receipt", id))?;
            look.may(Action::ReceiptsRead, Resource::new(ResourceKind::Receipt, id.to_string(), tenant))?;
            receipt_of(&record)
        })
        .await
}

/// Decides a receipt's request again, by the policies of its time, as the audit tells them, and by those of today.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn reevaluate(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: ReceiptId,
) -> Result<Again, AppError> {
    platform
        .look(caller, origin, move |look| {
            let tenant = look.tx.tenant();
            let record = look.tx.receipt(id)?.ok_or_else(|| AppError::not_found("receipt", id))?;
            look.may(Action::ReceiptsRead, Resource::new(ResourceKind::Receipt, id.to_string(), tenant))?;
            let kept: Kept = of_doc("receipt", &record.doc)?;
            let own: Vec<_> = look
                .tx
                .policies(MAX_POLICIES)?
                .into_iter()
                .filter(|policy| policy.enabled)
                .map(|policy| OwnPolicy { id: policy.id.to_string(), text: policy.text })
                .collect();
            let unreadable = |e: policy::PolicyErrors| AppError::Policies(e.to_string());
            let mut outcome = policy::reevaluate(&kept, &own).map_err(unreadable)?;
            if outcome == Reevaluation::OtherPolicies {
                let then = policies_before(look.tx, record.at)?;
                outcome = policy::reevaluate(&kept, &then).unwrap_or(Reevaluation::OtherPolicies);
            }
            let outcome = match outcome {
                Reevaluation::Altered => return Ok(Again { outcome: "altered".into(), now: None }),
                Reevaluation::Same => "same",
                Reevaluation::OtherPolicies => "other_policies",
                Reevaluation::Different(_) => "different",
            };
            let request: Option<Request> = serde_json::from_str(&kept.attributes).ok();
            let engine = Engine::new(&own).map_err(unreadable)?;
            let now = request.map(|request| {
                let decision = engine.decide(&request);
                Verdict { decision: word(decision.allow), policies: decision.reasons }
            });
            Ok(Again { outcome: outcome.to_owned(), now })
        })
        .await
}

/// The own policies that counted before a moment, as the audit tells them.
fn policies_before(tx: &TenantTx<'_>, at: Timestamp) -> Result<Vec<OwnPolicy>, AppError> {
    let filter = AuditFilter {
        subject_kind: Some("policy".to_owned()),
        outcome: Some("done".to_owned()),
        until: Some(at),
        ..AuditFilter::default()
    };
    let (mut counting, mut after) = (BTreeMap::new(), None);
    loop {
        let rows = tx.audit_entries(&filter, Page::Oldest { after, limit: PAGE })?;
        let Some(last) = rows.last() else { break };
        after = u64::try_from(last.seq).ok();
        for row in rows {
            counting.remove(&row.subject_id);
            let told: Told = serde_json::from_str(&row.payload).unwrap_or_default();
            let counts = row.action != "policy.removed" && told.detail.enabled;
            if let (true, Some(text)) = (counts, told.detail.text) {
                counting.insert(row.subject_id.clone(), OwnPolicy { id: row.subject_id, text });
            }
        }
    }
    Ok(counting.into_values().collect())
}

/// What an audit entry tells of a policy.
#[derive(Default, Deserialize)]
struct Told {
    #[serde(default)]
    detail: PolicyThen,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PolicyThen {
    enabled: bool,
    text: Option<String>,
}

fn word(allow: bool) -> String {
    if allow { "allow" } else { "deny" }.to_owned()
}

fn receipt_of(record: &ReceiptRecord) -> Result<Receipt, AppError> {
    let kept: Kept = of_doc("receipt", &record.doc)?;
    let reason = match (kept.decision, kept.reasons.as_slice()) {
        (false, []) => "nothing permits it".to_owned(),
        (true, reasons) => format!("permitted by {}", reasons.join(", ")),
        (false, reasons) => format!("forbidden by {}", reasons.join(", ")),
    };
    Ok(Receipt {
        id: record.id,
        at: record.at,
        principal: kept.principal,
        role: kept.role,
        action: kept.action,
        resource: kept.resource,
        decision: word(kept.decision),
        policies: kept.reasons,
        reason,
        policy_set_hash: kept.policy_set_hash,
        inputs_hash: kept.inputs_hash,
    })
}
