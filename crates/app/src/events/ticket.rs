//! Tickets: what a browser puts into the address of a WebSocket, where a token must not be.

use std::time::Duration;

use auth::policy::Resource;
use auth::token::TokenKind;
use auth::{Action, Caller, Role};
use domain::ProjectId;
use serde_json::json;

use crate::authenticate::{Issue, Issued, issue};
use crate::office::Origin;
use crate::{AppError, Platform, projects};

/// How long a ticket lasts. It is used up at its first use.
pub const LIFE: Duration = Duration::from_secs(60);

/// A ticket for the caller, for one project or, without one, for what the caller may watch.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Denied`].
pub async fn ticket(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    project: Option<ProjectId>,
) -> Result<Issued, AppError> {
    let random = platform.random();
    platform
        .change(caller, origin, move |office| {
            let tenant = office.rows().tenant();
            let scope = office.caller().project_scope.as_deref().and_then(|id| id.parse().ok());
            let project = project.or(scope);
            let resource = match project {
                Some(id) => {
                    let row = office.rows().project(id)?.ok_or_else(|| AppError::not_found("project", id))?;
                    projects::resource_of(&row, tenant)?
                }
                None => Resource::organization(tenant),
            };
            office.may(Action::EventsRead, resource)?;
            let (now, ids) = (office.now(), office.random());
            let caller = office.caller();
            let had_with = caller.session.clone().or_else(|| caller.token.clone());
            // Who has an account is looked up by it when the ticket is used; a machine is what its ticket says.
            let user = caller.user_id().and_then(|id| id.parse().ok());
            let role: Option<Role> = Some(caller.role);
            let new = Issue {
                kind: TokenKind::Ticket,
                name: caller.principal.name().to_owned(),
                user,
                role,
                project,
                life: Some(LIFE),
                doc: json!({ "had_with": had_with, "mfa": caller.mfa }),
            };
            // Watching is a read, and browsers ask at every page: its receipt is kept, and the audit is not drowned.
            issue(office.tx, now, ids, random, new)
        })
        .await
}
