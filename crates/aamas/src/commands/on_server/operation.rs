//! What takes a server longer than a request: asked for until it is there.

use std::time::Duration;

use client::{Client, Outcome};
use serde_json::Value;

use crate::refusal::Refusal;
use crate::say::err;
use crate::table::word;

/// How often is asked.
const LOOK: Duration = Duration::from_millis(500);

/// What an operation came to: at once, or later.
pub enum Came {
    /// What the call answers.
    Now(Value),
    /// The `result` of the operation.
    Later(Value),
}

/// Waits for what a call came to, however long it takes.
pub async fn wait(server: &Client, outcome: Outcome<Value, Value>) -> Result<Came, Refusal> {
    let later = match outcome {
        Outcome::Done(made) => return Ok(Came::Now(made)),
        Outcome::Later(later) => later,
    };
    done(server, &later).await.map(Came::Later)
}

/// Waits for the operation that an answer of 202 names.
pub async fn done(server: &Client, later: &Value) -> Result<Value, Refusal> {
    let id = word(later, "operation_id");
    err!("{id} takes longer");
    loop {
        let operation = server.get_operation(&id).value().await?;
        match operation["status"].as_str() {
            Some("done") => return Ok(operation["result"].clone()),
            Some("failed") => {
                let error = &operation["error"];
                let [code, message, hint] = ["code", "message", "hint"].map(|member| word(error, member));
                return Err(Refusal::usage(&code, message, hint));
            }
            _ => tokio::time::sleep(LOOK).await,
        }
    }
}
