//! A conversation as the bytes that are sent.

use crate::conversation::{AssistantMessage, Message, ToolResult};
use crate::wire::{self, WireFormat};

/// A conversation, each message serialized once, in the provider's format, into one growing buffer. What was sent
/// before is therefore a prefix of what is sent next, byte for byte, and no turn serializes an old message again.
#[derive(Clone, Debug)]
pub struct Transcript {
    format: WireFormat,
    /// JSON objects with commas between them.
    bytes: Vec<u8>,
    messages: usize,
}

/// A place in a transcript to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    bytes: usize,
    messages: usize,
}

impl Transcript {
    /// An empty conversation in `format`; [`crate::Model::transcript`] knows which.
    #[must_use]
    pub fn new(format: WireFormat) -> Self {
        Self { format, bytes: Vec::new(), messages: 0 }
    }

    /// Adds any message.
    pub fn push(&mut self, message: &Message) {
        match message {
            Message::User { text } => self.push_user(text),
            Message::Assistant(message) => self.push_assistant(message),
            Message::ToolResults { results } => self.push_results(results),
        }
    }

    /// Adds what a person says.
    pub fn push_user(&mut self, text: &str) {
        self.separate();
        wire::write_user(self.format, text, &mut self.bytes);
        self.messages += 1;
    }

    /// Adds an answer: as it came if it came in this format, else from its blocks without the reasoning.
    pub fn push_assistant(&mut self, message: &AssistantMessage) {
        self.separate();
        match &message.wire {
            Some(wire) if wire.format == self.format => self.bytes.extend_from_slice(wire.json.as_bytes()),
            Some(_) | None => {
                wire::write_assistant(self.format, &message.blocks, wire::Reasoning::Drop, &mut self.bytes);
            }
        }
        self.messages += 1;
    }

    /// Adds what the tools gave back; nothing if there are no results.
    pub fn push_results(&mut self, results: &[ToolResult]) {
        if results.is_empty() {
            return;
        }
        self.separate();
        wire::write_results(self.format, results, &mut self.bytes);
        self.messages += 1;
    }

    /// The provider's format.
    #[must_use]
    pub fn format(&self) -> WireFormat {
        self.format
    }

    /// The messages as JSON objects with commas between them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many messages there are.
    #[must_use]
    pub fn message_count(&self) -> usize {
        self.messages
    }

    /// The present end, to come back to.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), messages: self.messages }
    }

    /// Forgets what came after `mark`, which must be of this transcript.
    pub fn truncate(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.messages = self.messages.min(mark.messages);
    }

    fn separate(&mut self) {
        if !self.bytes.is_empty() {
            self.bytes.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_way_back() {
        for format in [WireFormat::OpenaiChat, WireFormat::Anthropic] {
            let mut transcript = Transcript::new(format);
            let empty = transcript.mark();
            transcript.push_user("a");
            let mark = transcript.mark();
            let before = transcript.as_bytes().to_vec();
            transcript.push_user("b");
            transcript.push_results(&[]);
            assert_eq!(transcript.message_count(), 2);
            transcript.truncate(mark);
            assert_eq!((transcript.as_bytes(), transcript.message_count()), (before.as_slice(), 1));
            transcript.truncate(empty);
            assert_eq!((transcript.as_bytes().len(), transcript.message_count()), (0, 0));
        }
    }
}
