//! Who would be given a task, without asking it.

use auth::{Action, Caller};
use domain::{AgentId, Hours, ProjectId};
use serde::Serialize;

use crate::office::Origin;
use crate::projects::resource_of;
use crate::records::Assignment;
use crate::tasks::{Checked, NewTask};
use crate::{AppError, Platform, agents, estimate, matching};

/// Who would be given a task, and what it was taken for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fitting {
    /// The agent; none: nobody fits, and `assignment` says why.
    pub assigned_agent: Option<AgentId>,
    /// Why, and who else was looked at.
    pub assignment: Assignment,
    /// What it takes to do it.
    pub capabilities: Vec<String>,
    /// `feature`, `fix`, `refactor`, `test`, `docs` or `chore`.
    pub kind: String,
    /// Hours that it will take, by the middle of the estimate.
    pub estimated_effort: Hours,
}

/// Matches a task of a project as [`crate::tasks::create`] would, and changes nothing.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Invalid`], [`AppError::Denied`].
pub async fn who_fits(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    project: ProjectId,
    new: NewTask,
) -> Result<Fitting, AppError> {
    let checked = Checked::of(new)?;
    let known = platform.known_of(caller.tenant, project).await?;
    platform
        .look(caller, origin, move |look| {
            let row = look.tx.project(project)?.ok_or_else(|| AppError::not_found("project", project))?;
            look.may(Action::TasksRead, resource_of(&row, look.tx.tenant())?)?;
            look.may(Action::AgentsRead, resource_of(&row, look.tx.tenant())?)?;
            let past = known.hours.get(&checked.kind).map_or(&[][..], Vec::as_slice);
            let found = estimate::estimate(&checked.text, checked.kind, &checked.capabilities, past);
            let players = agents::players(look.tx, look.now())?;
            let (assigned_agent, assignment) =
                matching::find(&players, project, &found.capabilities, &checked.capabilities);
            Ok(Fitting {
                assigned_agent,
                assignment,
                capabilities: found.capabilities,
                kind: checked.kind.as_str().to_owned(),
                estimated_effort: found.effort,
            })
        })
        .await
}
