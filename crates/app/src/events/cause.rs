//! What brought an event about: carried with its data in the store, and told as attributes of the `CloudEvent`.

use domain::EventId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::audit_log::hex;
use crate::office::Origin;

/// The member of an event's data that holds its cause, and that nobody outside sees.
const MEMBER: &str = "cause";

/// The request that brought an event about.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cause {
    /// Its id.
    pub(super) request_id: Option<String>,
    /// Its trace: 32 hexadecimal digits.
    pub(super) trace_id: Option<String>,
}

/// Notes in an event's data which request brought it about, and who asked.
pub(crate) fn noted(mut data: Value, actor: Value, origin: &Origin) -> Value {
    if let Value::Object(members) = &mut data {
        members.insert("actor".to_owned(), actor);
        if origin.request_id.is_some() {
            let cause = json!({ "request_id": origin.request_id, "trace_id": origin.trace_id });
            members.insert(MEMBER.to_owned(), cause);
        }
    }
    data
}

/// Takes the cause out of an event's data; what runs and engines tell of by themselves has none.
pub(super) fn take(data: &mut Value) -> Cause {
    let member = data.as_object_mut().and_then(|members| members.remove(MEMBER));
    member.and_then(|cause| serde_json::from_value(cause).ok()).unwrap_or_default()
}

/// The place of an event in its trace, as W3C Trace Context has it: the trace of its request, else that of the resource
/// whose story it belongs to, whose id is as long as a trace's; not sampled. `None` for ids that are none of ours.
pub(super) fn traceparent(cause: &Cause, correlation: &str, event: EventId) -> Option<String> {
    let bytes = event.to_bytes();
    let trace = match &cause.trace_id {
        Some(trace) => trace.clone(),
        None => hex(&domain::id_bytes(correlation)?),
    };
    let span = hex(&bytes[8..]);
    let is_some = |text: &str| text.bytes().any(|b| b != b'0');
    (is_some(&trace) && is_some(&span)).then(|| format!("00-{trace}-{span}-00"))
}
