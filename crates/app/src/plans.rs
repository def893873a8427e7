//! Plans: approved, sent back or edited by people before anything is written.

use std::collections::BTreeSet;

use auth::{Action, Caller};
use domain::{Entry, Plan, RunId, RunState, ToolMeaning};
use serde::Serialize;
use serde_json::{Value, json};
use store::{MessageKind, TenantTx};

use crate::office::Origin;
use crate::runs::{plan_of, resource_of, speak};
use crate::{AppError, Platform};

/// Entries read at a time.
const CHUNK: u32 = 256;
/// The entries that may have an analysis or a plan.
const PLANNING: [&str; 3] = ["analyzed", "tool_finished", "answered"];
/// The longest message, in bytes.
const MAX_MESSAGE: usize = 64 << 10;

/// The plan of a run, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PlanView {
    /// The run.
    #[schema(value_type = crate::shapes::RunId)]
    pub run_id: RunId,
    /// Where the run stands.
    #[schema(value_type = crate::shapes::RunStatus)]
    pub run_status: RunState,
    /// Whether it waits for a person's approval.
    pub waits_for_approval: bool,
    /// What it was taken for, by facts; null before that.
    #[schema(value_type = Option<crate::shapes::Analysis>, required)]
    pub analysis: Option<Value>,
    /// Summary, title, steps, effort and risks; null until a planner made one.
    #[schema(value_type = Option<crate::shapes::Plan>, required)]
    pub plan: Option<Value>,
}

/// The plan of a run.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn get(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
) -> Result<PlanView, AppError> {
    platform
        .glance(caller, origin, move |look| {
            let record = look.tx.run(id)?.ok_or_else(|| AppError::not_found("run", id))?;
            look.may(Action::RunsRead, resource_of(look.tx, &record)?)?;
            let (analysis, plan) = planned(look.tx, id)?;
            let plan = edited(look.tx, id)?.or(plan);
            let code = record.document.as_ref().and_then(|d| d["error"]["code"].as_str());
            Ok(PlanView {
                run_id: id,
                run_status: record.state,
                waits_for_approval: record.state == RunState::NeedsInput
                    && code == Some("plan_approval_required"),
                analysis,
                plan,
            })
        })
        .await
}

/// Approves the plan that a run waits with.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`], [`AppError::Illegal`] when it does not wait.
pub async fn approve(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
) -> Result<(), AppError> {
    answer(platform, caller, origin, id, Answer::Words("yes".to_owned())).await
}

/// Sends the plan back to the planner, with what should be different.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Invalid`], [`AppError::Denied`], [`AppError::Illegal`] when it does not wait.
pub async fn reject(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
    message: String,
) -> Result<(), AppError> {
    if message.trim().is_empty() {
        return Err(AppError::invalid("message", "say what should be different"));
    }
    if message.len() > MAX_MESSAGE {
        return Err(AppError::invalid("message", "it has more than 64 KB"));
    }
    // The planner takes every word but an approval for what should be different.
    let words = format!("Make another plan: {}", message.trim());
    answer(platform, caller, origin, id, Answer::Words(words)).await
}

/// Puts a plan that a person wrote in the place of the one that waits, which approves it: the run goes on with it as it
/// stands.
///
/// # Errors
/// As [`reject`]; [`AppError::Invalid`] when it is no plan, or names roles that the repository does not have.
pub async fn edit(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
    plan: Value,
) -> Result<(), AppError> {
    let plan: Plan = serde_json::from_value(plan).map_err(|e| AppError::invalid("plan", e.to_string()))?;
    answer(platform, caller, origin, id, Answer::Plan(plan)).await
}

/// What a person says to a plan that waits.
enum Answer {
    /// An approval, or what should be different.
    Words(String),
    /// Another plan.
    Plan(Plan),
}

impl Answer {
    /// The message to the run; refused when it is a plan that can't be built.
    fn body(self, tx: &TenantTx<'_>, run: RunId) -> Result<Value, AppError> {
        match self {
            Self::Words(words) => Ok(json!({ "text": words })),
            Self::Plan(plan) => {
                let mut roles = roles_of(tx, run)?;
                if roles.is_empty() {
                    // A run of an older version does not say which there are.
                    roles = plan.steps.iter().map(|step| step.role.clone()).collect();
                }
                plan.check(&roles).map_err(|e| AppError::unfit("plan", e.to_string()))?;
                Ok(json!({ "text": "the plan, edited", "plan": plan }))
            }
        }
    }
}

/// The roles that steps of a run's plan may have.
fn roles_of(tx: &TenantTx<'_>, run: RunId) -> Result<BTreeSet<String>, AppError> {
    let first = tx.entries(run, 1, 1)?;
    let created = first.first().and_then(|row| serde_json::from_slice::<Entry>(&row.body).ok());
    Ok(match created {
        Some(Entry::Created { settings }) => settings.roles.into_iter().collect(),
        _ => BTreeSet::new(),
    })
}

async fn answer(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
    answer: Answer,
) -> Result<(), AppError> {
    platform
        .change(caller, origin, move |office| {
            let record = office.rows().run(id)?.ok_or_else(|| AppError::not_found("run", id))?;
            office.may(Action::PlansApprove, plan_of(office.rows(), &record)?)?;
            let code = record.document.as_ref().and_then(|d| d["error"]["code"].as_str());
            if record.state == RunState::NeedsInput && code != Some("plan_approval_required") {
                return Err(AppError::Conflict {
                    code: "no_plan_waits",
                    detail: "this run waits for something else than its plan".into(),
                    hint: "answer it with POST /api/v1/runs/{id}/answer",
                });
            }
            let body = answer.body(office.rows(), id)?;
            speak(office, &record, MessageKind::Answer, body)
        })
        .await
}

/// The plan that a person wrote, as long as the run has not heard of it.
fn edited(tx: &TenantTx<'_>, id: RunId) -> Result<Option<Value>, AppError> {
    let pending = tx.pending_messages(id, CHUNK)?;
    Ok(pending.into_iter().rev().find_map(|message| message.body.get("plan").cloned()))
}

/// The analysis and the last plan of a run's journal.
fn planned(tx: &TenantTx<'_>, id: RunId) -> Result<(Option<Value>, Option<Value>), AppError> {
    let (mut analysis, mut plan, mut from) = (None, None, 1);
    loop {
        let page = tx.entries(id, from, CHUNK)?;
        let Some(last) = page.last() else { return Ok((analysis, plan)) };
        from = last.seq + 1;
        for row in page.iter().filter(|row| PLANNING.contains(&row.kind.as_str())) {
            match serde_json::from_slice::<Entry>(&row.body) {
                Ok(Entry::Analyzed { analysis: found, .. }) => analysis = serde_json::to_value(found).ok(),
                Ok(
                    Entry::ToolFinished { meaning: ToolMeaning::Planned(found), .. }
                    | Entry::Answered { plan: Some(found), .. },
                ) => plan = serde_json::to_value(found).ok(),
                _ => {}
            }
        }
    }
}
