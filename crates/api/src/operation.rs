//! Requests that need the engine: answered as if they were plain ones if it is quick, else with where to ask.

use std::time::Duration;

use app::operations::{Exported, Forked, PullRequestChanged, Replayed};
use app::runs::OperationView;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{OperationId, OperationState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::Who;
use crate::problem::Problem;
use crate::state::ApiState;

/// How long a request waits for the engine; less than the time-out of requests.
const PATIENCE: Duration = Duration::from_secs(25);
/// How often it looks, should the bell not be heard (another process works on it).
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What came of an operation, once the engine is done with it.
pub(crate) enum Outcome {
    /// It is done.
    Done(OperationView),
    /// It takes longer: 202.
    Later(Response),
}

/// Where to ask what an operation came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Accepted)]
pub(crate) struct Later {
    /// The operation, which is read at `/operations/{operation_id}`.
    #[schema(value_type = app::shapes::OperationId)]
    operation_id: OperationId,
}

/// Waits for an operation.
pub(crate) async fn wait(state: &ApiState, who: &Who, id: OperationId) -> Result<Outcome, Problem> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        // To be heard, the bell must be listened to before looking.
        let rung = state.platform().bell().notified();
        let view = app::runs::operation(state.platform(), &who.caller, &who.origin, id).await?;
        match view.status {
            OperationState::Done => return Ok(Outcome::Done(view)),
            OperationState::Failed => return Err(failed(view)),
            OperationState::Queued | OperationState::Running => {}
        }
        if tokio::time::Instant::now() >= until {
            return Ok(Outcome::Later(later(id)));
        }
        let _ = tokio::time::timeout(LOOK_EVERY, rung).await;
    }
}

fn later(id: OperationId) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(Later { operation_id: id })).into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("/api/v1/operations/{id}")) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

fn failed(view: OperationView) -> Problem {
    let Some(error) = view.error else {
        return Problem::new(StatusCode::CONFLICT, "operation_failed", "it did not work out");
    };
    Problem::new(StatusCode::CONFLICT, &error.code, error.message).hint(error.hint)
}

macro_rules! result_as {
    ($($name:ident: $type:ty),+ $(,)?) => {$(
        /// What it came to, as its type.
        pub(crate) fn $name(view: &OperationView) -> Result<$type, Problem> {
            let value = view.result.clone().unwrap_or_default();
            serde_json::from_value(value).map_err(|e| Problem::internal(&e))
        }
    )+};
}

result_as!(changed: PullRequestChanged, forked: Forked, replayed: Replayed, exported: Exported);
