//! Plans: approved, sent back or edited by people before anything is written.

use auth::{Action, Caller};
use domain::{Entry, Plan, RunId, RunState, ToolMeaning};
use serde::Serialize;
use serde_json::Value;
use store::{MessageKind, TenantTx};

use crate::office::Origin;
use crate::runs::{plan_of, resource_of, speak};
use crate::{AppError, Platform};

/// Entries read at a time.
const CHUNK: u32 = 256;
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
    answer(platform, caller, origin, id, "yes".to_owned()).await
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
    answer(platform, caller, origin, id, format!("Make another plan: {}", message.trim())).await
}

/// Sends the plan back with one that a person wrote: the planner submits it as it is, and it is checked like any other.
///
/// # Errors
/// As [`reject`]; [`AppError::Invalid`] when it is no plan.
pub async fn edit(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
    plan: Value,
) -> Result<(), AppError> {
    let parsed: Plan = serde_json::from_value(plan).map_err(|e| AppError::invalid("plan", e.to_string()))?;
    let roles = parsed.steps.iter().map(|step| step.role.clone()).collect();
    // Which roles there are is the repository's to say; the planner's tool holds it against those.
    parsed.check(&roles).map_err(|e| AppError::unfit("plan", e.to_string()))?;
    let text = serde_json::to_string(&parsed).unwrap_or_default();
    let words = format!("Submit exactly this plan with submit_plan, it was edited by a person:\n{text}");
    answer(platform, caller, origin, id, words).await
}

async fn answer(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: RunId,
    words: String,
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
            speak(office, &record, MessageKind::Answer, &words)
        })
        .await
}

/// The analysis and the last plan of a run's journal.
fn planned(tx: &TenantTx<'_>, id: RunId) -> Result<(Option<Value>, Option<Value>), AppError> {
    let (mut analysis, mut plan, mut from) = (None, None, 1);
    loop {
        let page = tx.entries(id, from, CHUNK)?;
        let Some(last) = page.last() else { return Ok((analysis, plan)) };
        from = last.seq + 1;
        for row in page.iter().filter(|row| matches!(row.kind.as_str(), "analyzed" | "tool_finished")) {
            match serde_json::from_slice::<Entry>(&row.body) {
                Ok(Entry::Analyzed { analysis: found, .. }) => analysis = serde_json::to_value(found).ok(),
                Ok(Entry::ToolFinished { meaning: ToolMeaning::Planned(found), .. }) => {
                    plan = serde_json::to_value(found).ok();
                }
                _ => {}
            }
        }
    }
}
