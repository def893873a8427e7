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

/// Text without what can drive a terminal or deceive a reader: control characters other than line breaks and tabs, and
/// characters that are not seen (zero width, bidirectional overrides, tags).
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_invisible(*c)))
        .collect::<String>()
        .trim()
        .to_owned()
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_not_kept() {
        assert_eq!(printable("a\u{202e}b\u{200b}\u{1b}[31m\u{e0041}c\td\r\n"), "ab[31mc\td");
    }
}
