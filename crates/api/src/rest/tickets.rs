//! `/tickets`: what goes into the address of a WebSocket.

use app::events;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ProjectId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Who;
use crate::extract::OptionalBody;
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// What a ticket is for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTicket {
    /// The one project that it is for; whatever its caller may watch, if not given.
    #[schema(value_type = Option<app::shapes::ProjectId>)]
    project_id: Option<String>,
}

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
struct Ticket {
    /// The `token` of a WebSocket's address, for one use.
    ticket: String,
    /// When it ends unused.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    expires_at: Option<domain::Timestamp>,
}

/// Makes a ticket that opens one WebSocket within 60 s.
#[utoipa::path(post, path = "/tickets", operation_id = "create_ticket", tag = "events", request_body = Option<NewTicket>,
    responses((status = 201, body = Ticket), Problem))]
async fn create(
    State(state): State<ApiState>,
    who: Who,
    OptionalBody(new): OptionalBody<NewTicket>,
) -> ApiResult<Response> {
    let project: Option<ProjectId> = super::id_of(new.project_id)?;
    let issued = events::ticket(state.platform(), &who.caller, &who.origin, project).await?;
    let ticket = Ticket { ticket: issued.secret.expose().to_owned(), expires_at: issued.expires_at };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(ticket)).into_response())
}
