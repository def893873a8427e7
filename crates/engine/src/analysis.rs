//! What a task is taken for, what it will cost, and why an agent has its step: by facts.

use agents::analysis::RepoFacts;
use agents::matching::{Candidate, Need, best};
use agents::next::DEFAULT_PARALLEL;
use agents::{Role, View};
use domain::{Analysis, Plan, PlanStep, Seat};
use models::ModelSpec;

use crate::desk::{blocking, parse_oid};
use crate::shared::Shared;
use crate::{EngineError, facts, forecast};

/// How the reason begins that says what the offline engine makes of a task.
const OFFLINE: &str = "The offline engine";

/// Finds out what kind of task a run has, and what it will cost. Once there is a plan, the cost goes by that; what the
/// task was taken for stays.
pub(crate) async fn analyze(shared: &Shared<'_>, view: &View) -> Result<Analysis, EngineError> {
    // Earlier runs are read while the base is.
    let base = async {
        let ground = shared.ground().await?;
        Ok::<_, EngineError>((ground, ground.found().await?))
    };
    let (base, past) = tokio::join!(base, shared.past());
    let ((ground, found), past) = (base?, past?);
    tracing::debug!(runs = past.costs.len(), "earlier runs read, gates detected");
    let mut analysis = match &view.analysis {
        Some(analysis) => analysis.clone(),
        None => first_look(shared).await?,
    };
    let (book, rules) = (shared.book().await?, found.rules.opening().len());
    analysis.cost = forecast::of(view, &analysis, book, rules, ground.base.files().len(), past);
    tracing::debug!(kind = analysis.kind, "task analyzed");
    Ok(analysis)
}

async fn first_look(shared: &Shared<'_>) -> Result<Analysis, EngineError> {
    let ground = shared.ground().await?.clone();
    let (past, files) = (shared.past().await?.efforts.clone(), shared.files().await?.to_vec());
    let (task, model) = (shared.settings.task.clone(), shared.settings.model.clone());
    let head = parse_oid(&shared.settings.base_head)?;
    ground.found().await?;
    blocking(move || {
        let found = ground.found_if_known().ok_or(EngineError::Incomplete("what checks it"))?;
        let facts = facts::of(&ground, found, &task, head, files);
        let mut analysis = agents::analysis::analyze(&task, &facts, &past);
        if ModelSpec::parse(&model).is_ok_and(|m| m.is_offline()) {
            let paths = ground.base.files().iter().map(String::as_str);
            analysis.reasons.push(match repair::can_do(&task, paths) {
                repair::Scope::Yes => format!(
                    "{OFFLINE} can try it: it looks for tests that fail, and for a change to the code that turns them green."
                ),
                repair::Scope::No(reason) => format!("{OFFLINE} can't do it: {reason}."),
            });
        }
        Ok(analysis)
    })
    .await
}

/// The plan of a run that ends with it and has no planner: one step, and no word of a model.
pub(crate) fn plan_by_facts(view: &View) -> Option<Plan> {
    let plan = view.plan.clone()?;
    let analysis = view.analysis.as_ref()?;
    let offline = analysis.reasons.iter().find(|r| r.starts_with(OFFLINE));
    let steps = plan.steps.into_iter();
    let acceptance = vec!["The gates let the change through.".to_owned()];
    Some(Plan {
        summary: match offline {
            Some(words) => format!("By facts alone; no model was asked. {words}"),
            None => "By facts alone; no model was asked. One builder does all of it, then the gates judge."
                .to_owned(),
        },
        title: String::new(),
        steps: steps.map(|s| PlanStep { acceptance: acceptance.clone(), ..s }).collect(),
        effort_hours: analysis.effort,
        risks: vec![format!("risk {} by the task's words and files", analysis.risk)],
    })
}

/// Why a role has a step, in words; where nobody fits, what would mend that. A plan's word holds all the same.
pub(crate) async fn why_this_role(
    shared: &Shared<'_>,
    view: &View,
    step: &str,
    role: &Role,
) -> Result<String, EngineError> {
    if role.seat != Seat::Builder {
        return Ok(format!("{} is the {} of this team", role.name, role.seat));
    }
    if !view.has_seat(Seat::Planner) {
        return Ok(format!("{} does the whole task", role.name));
    }
    let Some(step) = view.plan.as_ref().and_then(|p| p.step(step)) else {
        return Ok(format!("{} resolves what steps left in conflict", role.name));
    };
    let words = std::iter::once(&step.title).chain(&step.acceptance).cloned().collect::<Vec<_>>().join("\n");
    let facts = RepoFacts { files: shared.files().await?.to_vec(), ..RepoFacts::default() };
    let need = Need::of_step(step, &agents::analysis::needs(&words, &facts));
    let candidates = candidates(shared, view).await?;
    Ok(match best(&need, &candidates) {
        Ok(found) => {
            let first = found.ranking.first().filter(|r| r.role != found.role);
            let other =
                first.map(|r| format!("; by its words alone {} fits better ({:.2})", r.role, r.score));
            format!("{}{}", found.in_words(), other.unwrap_or_default())
        }
        Err(nobody) => format!(
            "{} has it because the plan says so, though {}; to mend that, {}",
            role.name, nobody.why, nobody.fix
        ),
    })
}

/// All builders with what they do now and how their work was taken before.
async fn candidates(shared: &Shared<'_>, view: &View) -> Result<Vec<Candidate>, EngineError> {
    let mut candidates = Candidate::of_book(shared.book().await?, &view.model);
    let tracks = &shared.past().await?.tracks;
    let parallel = match shared.settings.parallel {
        0 => DEFAULT_PARALLEL,
        n => n,
    };
    for candidate in &mut candidates {
        let at_work = view.attempts.iter().filter(|a| {
            a.seat == Seat::Builder && a.role == candidate.role && !a.is_done() && a.gave_up.is_none()
        });
        candidate.load = u32::try_from(at_work.count()).unwrap_or(u32::MAX);
        // One role may have as many agents as builders may work side by side; the turn loop holds that bound.
        candidate.capacity = parallel.max(candidate.load.saturating_add(1));
        candidate.track = tracks.get(&candidate.role).copied().unwrap_or_default();
    }
    Ok(candidates)
}
