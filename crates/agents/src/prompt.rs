//! What the model reads before its first turn.

use crate::{ProjectRules, Role};

/// Facts about the repository that save the agent its first questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Names in the root directory, directories with a slash at the end; bounded by the caller.
    pub root_entries: Vec<String>,
    /// The command that the tests gate runs, if tests were found.
    pub test_command: Option<String>,
}

/// The system prompt of a role.
#[must_use]
pub fn system(role: &Role) -> String {
    role.prompt.clone()
}

/// The first user message: project rules, surroundings, and the task last.
#[must_use]
pub fn opening(rules: &ProjectRules, around: &Surroundings, task: &str) -> String {
    let mut sections = Vec::new();
    let rules = rules.opening();
    if !rules.is_empty() {
        sections.push(rules);
    }
    let mut facts = format!("# Repository\nRoot: {}", around.root_entries.join(" "));
    if let Some(command) = &around.test_command {
        facts.push_str(&format!("\nTests: {command}"));
    }
    sections.push(facts);
    sections.push(format!("# Task\n{}", printable(task)));
    sections.join("\n\n")
}

/// The task without control characters other than line breaks and tabs, so that it can't drive a terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect::<String>().trim().to_owned()
}
