//! `GET /ws/project/{project_id}/updates`.

use app::office::Origin;
use auth::Caller;
use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use domain::ProjectId;
use serde::Deserialize;

use super::{Refusal, caller_of_ticket, same_site};
use crate::caller::{authenticated, origin_of};
use crate::extract::{Id, Search};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

/// The routes of sockets.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new().route("/ws/project/{project_id}/updates", get(updates))
}

#[derive(Default, Deserialize)]
struct Address {
    token: Option<String>,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let words = refusal.to_string();
        match refusal {
            Refusal::App(error) => error.into(),
            Refusal::Full => Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", words)
                .hint("try again later")
                .retry_after(5),
            Refusal::ForeignPage => Self::new(StatusCode::FORBIDDEN, "foreign_origin", words)
                .hint("the server's own pages and those of allowed origins may"),
        }
    }
}

async fn updates(
    State(state): State<ApiState>,
    Id(project): Id<ProjectId>,
    request: Request,
) -> ApiResult<Response> {
    let (mut parts, _) = request.into_parts();
    let (caller, origin) = who(&mut parts, &state).await?;
    let upgrade = upgrade_of(&mut parts, &state).await?;
    Ok(state.sockets().open(&caller, &origin, project, upgrade).await?)
}

/// Who opens a socket: by the ticket of its address, or as every other request.
pub(crate) async fn who(parts: &mut Parts, state: &ApiState) -> Result<(Caller, Origin), Problem> {
    same_site(&parts.headers, &state.config().allowed_origins)?;
    let Search(address) = Search::<Address>::from_request_parts(parts, state).await?;
    let caller = match address.token {
        Some(ticket) => caller_of_ticket(state.platform(), &ticket).await?,
        None => authenticated(parts, state).await?,
    };
    Ok((caller, origin_of(parts)))
}

/// The upgrade that a request asks for.
pub(crate) async fn upgrade_of(parts: &mut Parts, state: &ApiState) -> Result<WebSocketUpgrade, Problem> {
    WebSocketUpgrade::from_request_parts(parts, state).await.map_err(|rejection| {
        Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "this address is a WebSocket")
            .hint(format!("connect with a WebSocket client: {}", rejection.body_text().to_lowercase()))
    })
}
