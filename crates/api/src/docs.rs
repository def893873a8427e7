//! `/openapi.json` and `/docs`.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use crate::rest::Description;
use crate::state::ApiState;

/// The page needs nothing but the description.
const PAGE: &str = include_str!("docs.html");

pub(crate) fn routes(description: &Description) -> Router<ApiState> {
    let text: Arc<str> = description.to_json().unwrap_or_default().into();
    let json = move || {
        let text = text.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response() }
    };
    Router::new().route("/openapi.json", get(json)).route("/docs", get(page))
}

async fn page() -> impl IntoResponse {
    let policy = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                  frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(PAGE))
}
