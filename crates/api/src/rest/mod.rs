//! REST: one file for each resource, and the description of all of them.

mod agents;
mod analytics;
mod artifacts;
mod audit;
mod cost;
mod invitations;
mod me;
mod members;
mod models;
mod operations;
mod organizations;
mod plans;
mod policies;
mod projects;
mod pull_requests;
mod runs;
mod session;
mod setup;
mod sso;
mod tasks;
mod tickets;
mod tokens;

use app::list::{Listed, Paging};
use serde::{Deserialize, Serialize};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, Modify, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::problem::{FieldError, Problem};
use crate::state::ApiState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "AAMAS",
        description = "A self-hosted team of AI agents that turns tasks into reviewed pull requests. Conventions: docs/api.md.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        version = "1"
    ),
    security(("token" = []), ("session" = [])),
    components(schemas(Problem, FieldError)),
    modifiers(&Schemes)
)]
struct Description;

/// How callers say who they are.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API token.")).build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let cookie = ApiKeyValue::with_description("aamas_session", "A session of the dashboard.");
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// All resources below `/api/v1`, with their description.
pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Description::openapi()).nest(
        "/api/v1",
        OpenApiRouter::new()
            .merge(projects::router())
            .merge(tasks::router())
            .merge(runs::router())
            .merge(plans::router())
            .merge(pull_requests::router())
            .merge(agents::router())
            .merge(artifacts::router())
            .merge(operations::router())
            .merge(analytics::router())
            .merge(cost::router())
            .merge(setup::router())
            .merge(session::router())
            .merge(sso::router())
            .merge(me::router())
            .merge(organizations::router())
            .merge(members::router())
            .merge(invitations::router())
            .merge(tokens::router())
            .merge(policies::router())
            .merge(audit::router())
            .merge(models::router())
            .merge(tickets::router()),
    )
}

/// The description alone, as `/openapi.json` gives it.
#[must_use]
pub fn description() -> utoipa::openapi::OpenApi {
    router().split_for_parts().1
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageOf<T> {
    /// The items.
    items: Vec<T>,
    /// Where the next page begins; null: this is the last one.
    next_cursor: Option<String>,
}

impl<T> From<Listed<T>> for PageOf<T> {
    fn from(listed: Listed<T>) -> Self {
        Self { items: listed.items, next_cursor: listed.next_cursor }
    }
}

impl<T> PageOf<T> {
    /// A list that is never longer than a page.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}

/// The members of a query that every list has.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most so many items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// `-created_at` (newest first) or `created_at`.
    #[param(example = "-created_at")]
    sort: Option<String>,
}

impl From<PageQuery> for Paging {
    fn from(query: PageQuery) -> Self {
        Self { limit: query.limit, cursor: query.cursor, sort: query.sort }
    }
}

/// An id in a query; what can't be one names nothing.
pub(crate) fn id_of<T: std::str::FromStr>(text: Option<String>) -> Result<Option<T>, Problem> {
    text.map(|text| text.parse().map_err(|_| Problem::not_found())).transpose()
}

/// An answer with a secret that is shown once: no copy of it is kept.
pub(crate) fn shown_once(mut response: axum::response::Response) -> axum::response::Response {
    response.extensions_mut().insert(crate::idempotency::ShownOnce);
    response
}
