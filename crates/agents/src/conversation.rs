//! What the model has read and said, from the journal: the same entries give the same messages, byte for byte.

use domain::{Block, Entry};

use crate::view::View;

/// One message of the conversation, in the order in which the model sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Words from our side.
    User(String),
    /// The model's own answer.
    Assistant(Vec<Block>),
    /// What the tools of the answer before gave: the call's id, the text, whether it is an error.
    ToolResults(Vec<(String, String, bool)>),
}

/// Which messages the model has already been shown, so that a call that was begun, lost in a crash and begun again has
/// the same messages in front of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    announced: u32,
}

impl Conversation {
    /// The messages that `entry` adds; `before` is the view that it has not been applied to yet.
    #[must_use]
    pub fn messages(&mut self, before: &View, entry: &Entry) -> Vec<Turn> {
        match entry {
            Entry::Prepared { opening, .. } => vec![Turn::User(opening.clone())],
            Entry::ModelAnswered { blocks, .. } => vec![Turn::Assistant(blocks.clone())],
            Entry::ModelIntended { turn } => {
                let first_time = std::mem::replace(&mut self.announced, *turn) != *turn;
                let results = if first_time { tool_results(before) } else { None };
                let words = (!before.pending.is_empty()).then(|| Turn::User(before.pending.join("\n\n")));
                results.into_iter().chain(words).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Folds a whole journal, handing on its messages one by one, for a process that takes a run over.
    pub fn replay<'a>(
        entries: impl IntoIterator<Item = (domain::Timestamp, &'a Entry)>,
        mut on_message: impl FnMut(Turn),
    ) -> (Self, View) {
        let mut conversation = Self::default();
        let mut view = View::of(std::iter::empty());
        for (at, entry) in entries {
            conversation.messages(&view, entry).into_iter().for_each(&mut on_message);
            view.apply(at, entry);
        }
        (conversation, view)
    }
}

fn tool_results(view: &View) -> Option<Turn> {
    let result = |c: &crate::CallState| {
        c.result.as_ref().map(|(text, is_error)| (c.id.clone(), text.clone(), *is_error))
    };
    let results: Vec<_> = view.calls.iter().filter_map(result).collect();
    (!results.is_empty()).then_some(Turn::ToolResults(results))
}
