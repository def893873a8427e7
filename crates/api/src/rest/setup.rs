//! `/setup`: the first start, and what a sign-in page needs to know.

use app::organizations::Branding;
use app::sessions::Who as Whoami;
use app::setup::{self, SetupRequest};
use app::sso;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::session::entered;
use crate::caller::AtDoor;
use crate::etag;
use crate::extract::Body;
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(get, complete))
}

/// What anybody may know of the installation.
#[derive(Debug, Serialize, ToSchema)]
struct Setup {
    /// Whether the first start still has to be ended.
    needed: bool,
    /// Whether organizations are filled for a demonstration.
    demo: bool,
    /// How the first organization looks.
    branding: Branding,
    /// Where people can sign in beside here.
    providers: Vec<ProviderLine>,
}

/// A provider of identities.
#[derive(Debug, Serialize, ToSchema)]
struct ProviderLine {
    /// Its id in addresses.
    id: String,
    /// Its name on the button.
    name: String,
}

/// Reads what a sign-in page needs to know.
#[utoipa::path(get, path = "/setup", operation_id = "get_setup", tag = "session", security(()),
    responses((status = 200, body = Setup), Problem))]
async fn get(State(state): State<ApiState>) -> ApiResult<Response> {
    let first = setup::state(state.platform()).await?;
    Ok(etag::json(Setup {
        needed: first.needed,
        demo: state.config().demo,
        branding: first.branding,
        providers: sso::buttons(state.entrance())
            .into_iter()
            .map(|(id, name)| ProviderLine { id, name })
            .collect(),
    }))
}

/// Ends the first start: whoever has the link that was printed becomes the owner, and is signed in.
#[utoipa::path(post, path = "/setup", operation_id = "complete_setup", tag = "session", security(()),
    request_body = SetupRequest, responses((status = 200, body = Whoami), Problem))]
async fn complete(
    State(state): State<ApiState>,
    door: AtDoor,
    Body(new): Body<SetupRequest>,
) -> ApiResult<Response> {
    let session = setup::complete(state.entrance(), &door.visitor, &door.origin, new).await?;
    entered(&state, &session).await
}
