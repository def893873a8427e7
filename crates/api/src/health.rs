//! `/health`, `/ready` and `/metrics`.

use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::state::ApiState;

pub(crate) fn routes() -> Router<ApiState> {
    Router::new().route("/health", get(health)).route("/ready", get(ready)).route("/metrics", get(metrics))
}

/// Whether the process lives.
async fn health() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// How long the store may take to answer: whoever probes waits for a second or a few.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// What the store answers in time; else why there is no answer, in words and as a code.
async fn in_time<T>(
    asked: impl Future<Output = Result<T, app::StoreError>>,
) -> Result<T, (String, &'static str)> {
    match tokio::time::timeout(STORE_PATIENCE, asked).await {
        Ok(answer) => answer.map_err(|error| (error.to_string(), error.code())),
        Err(_) => Err((format!("it does not answer within {STORE_PATIENCE:?}"), "store_silent")),
    }
}

/// Whether requests can be served: the store takes a write and gives it back.
async fn ready(State(state): State<ApiState>) -> Response {
    let not = |why: &str, code: &str| {
        let body = json!({ "status": "not_ready", "reason": why, "code": code });
        (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
    };
    if state.is_stopping() {
        return not("the server is stopping", "stopping");
    }
    match in_time(app::vital::probe(state.platform())).await {
        Ok(took) => {
            let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            Json(json!({ "status": "ready", "store_write_us": took })).into_response()
        }
        Err((error, code)) => {
            tracing::warn!(error, error.code = code, "not ready");
            not("the store does not take writes", code)
        }
    }
}

/// What Prometheus reads.
async fn metrics(State(state): State<ApiState>) -> Response {
    metrics::gauge!("aamas_up").set(1.0);
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let number = |n: u64| n as f64;
    metrics::gauge!("aamas_http_requests_seen").set(number(state.requests()));
    match in_time(app::vitals::vitals(state.platform())).await {
        Ok(vitals) => {
            for gauge in vitals.gauges() {
                metrics::describe_gauge!(gauge.name, gauge.help);
                match gauge.state {
                    Some(label) => metrics::gauge!(gauge.name, "state" => label).set(number(gauge.value)),
                    None => metrics::gauge!(gauge.name).set(number(gauge.value)),
                }
            }
        }
        // What could not be asked keeps its last value; that it could not is a metric too.
        Err((error, code)) => {
            tracing::warn!(error, error.code = code, "the store can't be asked for its vitals");
            metrics::counter!("aamas_store_failures_total").increment(1);
        }
    }
    let text = crate::server::metrics_text();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
