//! REST, GraphQL, WebSocket and the dashboard's files over the use cases of `app`.
//!
//! A handler extracts, calls and encodes. [`router`] puts them together; [`serve`] listens.

mod assets;
mod caller;
mod docs;
mod etag;
mod extract;
pub mod graphql;
mod guard;
mod health;
mod idempotency;
mod operation;
mod plain_http;
mod problem;
pub mod rest;
mod server;
mod state;
pub mod ws;

pub use guard::Limits;
pub use server::{Listener, ServeError, Tls, serve};
pub use state::{ApiState, Config};

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

/// The largest body of a request. Descriptions of tasks have up to 1 MB.
pub const MAX_BODY: usize = 2 << 20;
/// Answers that are shorter are not worth compressing.
const MIN_COMPRESSED: u16 = 1024;

/// Every route of the server.
pub fn router(state: ApiState) -> Router {
    let (rest, bare) = rest::router().split_for_parts();
    let description = rest::description_of(&bare);
    let members = Arc::new(rest::query_members(&description));
    let compression = CompressionLayer::new()
        .compress_when(SizeAbove::new(MIN_COMPRESSED).and(NotForContentType::const_new("image/")));
    Router::new()
        .merge(rest)
        .merge(graphql::routes::routes(state.config().dev))
        .merge(ws::routes::routes())
        .merge(docs::routes(&description))
        .merge(health::routes())
        .fallback(assets::serve)
        .layer(from_fn_with_state(state.clone(), idempotency::replay))
        .layer(from_fn_with_state(members, guard::known_query))
        .layer(from_fn_with_state(state.clone(), guard::rate))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(compression)
        .layer(from_fn_with_state(state.clone(), guard::cross_origin))
        .layer(from_fn(guard::headers))
        .layer(from_fn_with_state(state.clone(), guard::outermost))
        .with_state(state)
}
