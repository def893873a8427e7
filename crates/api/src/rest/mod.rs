//! REST: one file for each resource, and the description of all of them.

mod agents;
mod analytics;
mod artifacts;
mod audit;
mod cost;
mod description;
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

pub use description::Description;

use std::collections::HashMap;

use app::list::{Listed, Paging};
use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::openapi::OpenApi;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::problem::Problem;
use crate::state::ApiState;

/// All resources below `/api/v1`, with their description.
pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(description::bare()).nest(
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
pub fn description() -> Description {
    description_of(&router().split_for_parts().1)
}

/// The description that goes with these routes.
pub(crate) fn description_of(routes: &OpenApi) -> Description {
    description::whole(routes)
}

/// Which members a query may have: those that the description names, by method and path.
#[must_use]
pub(crate) fn query_members(api: &Description) -> HashMap<(Method, String), Vec<String>> {
    description::query_members(api)
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageOf<T> {
    /// The items.
    items: Vec<T>,
    /// Where the next page begins; null: this is the last one.
    #[schema(required)]
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

/// Which way a list goes.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
enum Order {
    #[serde(rename = "-created_at")]
    NewestFirst,
    #[serde(rename = "created_at")]
    OldestFirst,
}

/// Pages of a list that goes both ways.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most so many items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{9,24}$")]
    cursor: Option<String>,
    /// Newest or oldest first.
    #[param(inline)]
    sort: Option<Order>,
}

impl From<PageQuery> for Paging {
    fn from(query: PageQuery) -> Self {
        let sort = query.sort.map(|order| match order {
            Order::NewestFirst => "-created_at".to_owned(),
            Order::OldestFirst => "created_at".to_owned(),
        });
        Self { limit: query.limit, cursor: query.cursor, sort }
    }
}

/// The one way of a list that is only kept newest first.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
enum Newest {
    #[serde(rename = "-created_at")]
    First,
}

/// Pages of a list that is only kept newest first.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NewestQuery {
    /// At most so many items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{9,24}$")]
    cursor: Option<String>,
    /// Newest first, as it is without it.
    #[param(inline)]
    #[serde(rename = "sort")]
    #[param(rename = "sort")]
    _sort: Option<Newest>,
}

impl From<NewestQuery> for Paging {
    fn from(query: NewestQuery) -> Self {
        Self { limit: query.limit, cursor: query.cursor, sort: None }
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
