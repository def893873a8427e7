//! The wire formats: how a conversation is written, and how an answer is read.

mod anthropic;
mod anthropic_answer;
mod openai_chat;
mod openai_chat_answer;
pub(crate) mod refusal;

use domain::Usage;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::call::{Call, DeltaSink, StopReason};
use crate::conversation::{Block, ToolResult};
use crate::error::ModelErrorKind;
use crate::sse::Event;

/// Who reads the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireFormat {
    /// OpenAI Chat Completions.
    OpenaiChat,
    /// Anthropic Messages.
    Anthropic,
}

/// What of a request depends on where it goes.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) model: &'a str,
    /// The provider's own endpoint, which knows the newest fields, and refuses the oldest.
    pub(crate) is_official: bool,
}

/// Whether reasoning blocks are of the format that is being written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reasoning {
    Keep,
    Drop,
}

/// A whole request. The messages come last, so that all but the closing bytes stays when the conversation grows.
pub(crate) fn request_body(format: WireFormat, target: Target<'_>, call: &Call<'_>) -> Vec<u8> {
    let messages = call.transcript.as_bytes();
    let head_bytes: usize = call.tools.iter().map(|t| t.schema.get().len() + t.description.len() + 100).sum();
    let mut body = Vec::with_capacity(messages.len() + head_bytes + 2 * call.system.len() + 1024);
    match format {
        WireFormat::OpenaiChat => openai_chat::write_head(target, call, &mut body),
        WireFormat::Anthropic => anthropic::write_head(target, call, &mut body),
    }
    body.extend_from_slice(messages);
    body.extend_from_slice(b"]}");
    body
}

pub(crate) fn write_user(format: WireFormat, text: &str, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct User<'a> {
        role: &'static str,
        content: &'a str,
    }
    // Both formats agree here.
    match format {
        WireFormat::OpenaiChat | WireFormat::Anthropic => {
            write_json(&User { role: "user", content: text }, out)
        }
    }
}

pub(crate) fn write_assistant(format: WireFormat, blocks: &[Block], reasoning: Reasoning, out: &mut Vec<u8>) {
    match format {
        WireFormat::OpenaiChat => openai_chat::write_assistant(blocks, reasoning, out),
        WireFormat::Anthropic => anthropic::write_assistant(blocks, reasoning, out),
    }
}

pub(crate) fn write_results(format: WireFormat, results: &[ToolResult], out: &mut Vec<u8>) {
    match format {
        WireFormat::OpenaiChat => openai_chat::write_results(results, out),
        WireFormat::Anthropic => anthropic::write_results(results, out),
    }
}

/// Reads one answer, streamed or whole.
pub(crate) trait Decoder: Send {
    /// Takes one event of a stream.
    fn event(&mut self, event: Event<'_>, on_delta: &mut DeltaSink<'_>) -> Result<(), ModelErrorKind>;

    /// Takes a whole answer from a server that does not stream.
    fn whole(&mut self, json: &[u8], on_delta: &mut DeltaSink<'_>) -> Result<(), ModelErrorKind>;

    /// What the provider has said so far that it will bill.
    fn billed(&self) -> Usage;

    /// Whether the answer has said that it is complete.
    fn is_complete(&self) -> bool;

    /// Whether nothing more is to come, so that the rest of the body need not be waited for.
    fn is_over(&self) -> bool;

    /// The answer. Call it once, and only if it is complete.
    fn take(&mut self) -> Result<Answer, ModelErrorKind>;
}

pub(crate) fn decoder(format: WireFormat) -> Box<dyn Decoder> {
    match format {
        WireFormat::OpenaiChat => Box::<openai_chat_answer::OpenAiChatDecoder>::default(),
        WireFormat::Anthropic => Box::<anthropic_answer::AnthropicDecoder>::default(),
    }
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) blocks: Vec<Block>,
    pub(crate) stop: StopReason,
    pub(crate) usage: Option<Usage>,
    pub(crate) model: String,
}

pub(crate) fn write_json(value: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("strings and raw JSON into memory cannot fail");
}

/// The longest part of malformed arguments that a model is reminded of.
const MAX_MALFORMED_BYTES: usize = 2_000;

/// Arguments as they may be sent back: providers, and the prompt templates of local servers, fail on anything but an
/// object, so malformed text is sent back inside one.
pub(crate) fn arguments_as_object(arguments: &str) -> Box<RawValue> {
    if let Ok(raw) = serde_json::from_str::<Box<RawValue>>(arguments)
        && raw.get().starts_with('{')
    {
        return raw;
    }
    let end = arguments.floor_char_boundary(MAX_MALFORMED_BYTES);
    let wrapped = serde_json::json!({ "malformed_arguments": &arguments[..end] });
    serde_json::value::to_raw_value(&wrapped).expect("a string in an object is JSON")
}

/// A tool's name as it may be sent back: a model can invent any name, and providers refuse all but plain ones.
fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    name.chars().take(64).map(plain).collect()
}

/// No arguments at all mean none, not malformed ones.
pub(crate) fn arguments_or_none(arguments: String) -> String {
    if arguments.trim().is_empty() { "{}".to_owned() } else { arguments }
}

/// JSON of the wrong shape, or none; [`ModelErrorKind::Garbage`] shows how it begins.
fn unreadable(error: &serde_json::Error, json: &[u8]) -> ModelErrorKind {
    garbage(&error.to_string(), json)
}

pub(crate) fn garbage(reason: &str, bytes: &[u8]) -> ModelErrorKind {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_SHOWN_BYTES)]);
    ModelErrorKind::Garbage { reason: format!("{reason}; it begins {:?}", refusal::clean(&start, None)) }
}

/// How much of an answer that makes no sense is shown.
const MAX_SHOWN_BYTES: usize = 120;
