//! OpenAI Chat Completions: how a request is written.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Reasoning, Target, arguments_as_object, plain_name, write_json};
use crate::call::Call;
use crate::conversation::{Block, ToolDef, ToolResult};

/// Everything up to the first message, the system prompt included.
pub(super) fn write_head(target: Target<'_>, call: &Call<'_>, out: &mut Vec<u8>) {
    let head = Head {
        model: target.model,
        stream: true,
        stream_options: StreamOptions { include_usage: true },
        // The provider's newer models refuse the old name of this field, most other servers know no other.
        max_completion_tokens: call.max_output_tokens.filter(|_| target.is_official),
        max_tokens: call.max_output_tokens.filter(|_| !target.is_official),
        reasoning_effort: (target.is_official
            && !call.tools.is_empty()
            && refuses_tools_with_reasoning(target.model))
        .then_some("none"),
        tools: call.tools.iter().map(Tool::from).collect(),
    };
    write_json(&head, out);
    out.pop();
    out.extend_from_slice(b",\"messages\":[");
    if !call.system.is_empty() {
        write_json(&System { role: "system", content: call.system }, out);
        if call.transcript.message_count() > 0 {
            out.push(b',');
        }
    }
}

/// From GPT-5.6 on, Chat Completions refuses tools unless the reasoning effort is set to none.
fn refuses_tools_with_reasoning(model: &str) -> bool {
    let Some(rest) = model.strip_prefix("gpt-") else { return false };
    let version = rest.split('-').next().unwrap_or_default();
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    match (major.parse::<u32>(), minor.parse::<u32>()) {
        (Ok(major), Ok(minor)) => (major, minor) >= (5, 6),
        _ => false,
    }
}

pub(super) fn write_assistant(blocks: &[Block], reasoning: Reasoning, out: &mut Vec<u8>) {
    let mut content = String::new();
    let mut tool_calls = Vec::new();
    let mut extra = Vec::new();
    for block in blocks {
        match block {
            Block::Text { text } => content.push_str(text),
            Block::ToolCall(call) => tool_calls.push(CallOut {
                id: &call.id,
                kind: "function",
                function: FunctionOut {
                    name: plain_name(&call.name),
                    arguments: arguments_as_object(&call.arguments),
                },
            }),
            Block::Reasoning { json } if reasoning == Reasoning::Keep => extra.push(json.as_str()),
            Block::Reasoning { .. } => {}
        }
    }
    let content = (!content.is_empty() || tool_calls.is_empty()).then_some(content);
    write_json(&Assistant { role: "assistant", content, tool_calls }, out);
    for object in extra {
        merge(object, out);
    }
}

/// Puts the members of `object` into the object that `out` ends with.
fn merge(object: &str, out: &mut Vec<u8>) {
    let members = object.trim().strip_prefix('{').and_then(|o| o.strip_suffix('}')).unwrap_or_default();
    if !members.trim().is_empty() {
        out.pop();
        out.push(b',');
        out.extend_from_slice(members.as_bytes());
        out.push(b'}');
    }
}

pub(super) fn write_results(results: &[ToolResult], out: &mut Vec<u8>) {
    for (i, result) in results.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        // The format has no field for it.
        let content =
            if result.is_error { format!("Error: {}", result.text).into() } else { (&result.text).into() };
        write_json(&ResultOut { role: "tool", tool_call_id: &result.call_id, content }, out);
    }
}

#[derive(Serialize)]
struct Head<'a> {
    model: &'a str,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionDef<'a>,
}

#[derive(Serialize)]
struct FunctionDef<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a RawValue,
}

impl<'a> From<&'a ToolDef> for Tool<'a> {
    fn from(tool: &'a ToolDef) -> Self {
        let function =
            FunctionDef { name: &tool.name, description: &tool.description, parameters: &tool.schema };
        Self { kind: "function", function }
    }
}

#[derive(Serialize)]
struct System<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct Assistant<'a> {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallOut<'a>>,
}

#[derive(Serialize)]
struct CallOut<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionOut,
}

#[derive(Serialize)]
struct FunctionOut {
    name: String,
    /// JSON text in a JSON string, as the format wants it.
    #[serde(serialize_with = "as_text")]
    arguments: Box<RawValue>,
}

fn as_text<S: serde::Serializer>(raw: &RawValue, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(raw.get())
}

#[derive(Serialize)]
struct ResultOut<'a> {
    role: &'static str,
    tool_call_id: &'a str,
    content: std::borrow::Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::refuses_tools_with_reasoning;

    #[test]
    fn newer_models_need_their_reasoning_switched_off() {
        let refusing = [
            "gpt-4.1",
            "gpt-4o",
            "gpt-5",
            "gpt-5.4-mini",
            "gpt-5.6-sol",
            "gpt-6-sol",
            "gpt-6.1-terra",
            "gpt-10",
            "o3",
        ]
        .map(refuses_tools_with_reasoning);
        assert_eq!(refusing, [false, false, false, false, true, true, true, true, false]);
    }
}
