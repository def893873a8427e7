//! Why a call was not carried out, in words that the model can act on.

/// A call that can't be parsed. Its `Display` is what the model reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such tool.
    #[error("There is no tool {name:?}{} The tools are: {tools}.", suggestion(nearest))]
    UnknownTool {
        /// The name, bounded.
        name: String,
        /// A tool that may have been meant.
        nearest: Option<&'static str>,
        /// All tools.
        tools: String,
    },
    /// The arguments are no JSON.
    #[error("The arguments of {tool} are not valid JSON: {problem}. Nothing was done; send the call again.")]
    Malformed {
        /// The tool.
        tool: &'static str,
        /// What is wrong, and where.
        problem: String,
    },
    /// The arguments are not those of the tool.
    #[error("{tool}: {problem}. Expected {shape}. Nothing was done.")]
    Arguments {
        /// The tool.
        tool: &'static str,
        /// The field, empty for all of them.
        field: String,
        /// The field and what is wrong with it.
        problem: String,
        /// What was expected.
        shape: String,
    },
}

fn suggestion(nearest: &Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_else(|| ".".to_owned())
}
