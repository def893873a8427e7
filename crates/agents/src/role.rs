//! A role is data: a Markdown file whose front matter names it and its tools, and whose text is the prompt.

/// A role, read from its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// What plans and headers call it.
    pub name: String,
    /// One line for a person.
    pub description: String,
    /// The tools it may use, in no particular order.
    pub tools: Vec<String>,
    /// The system prompt.
    pub prompt: String,
}

/// Why a role file can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct InvalidRole {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub problem: String,
}

const KEYS: &str = "name, description, tools";

impl Role {
    /// The built-in builder role.
    #[must_use]
    pub fn developer() -> Self {
        Self::parse("developer.md", include_str!("../roles/developer.md"))
            .expect("the built-in role is valid")
    }

    /// Reads a role file: `---`, lines of `key: value`, `---`, and the prompt.
    ///
    /// # Errors
    /// [`InvalidRole`] with file and line when the front matter is missing, a key is unknown or a value is empty.
    pub fn parse(file: &str, text: &str) -> Result<Self, InvalidRole> {
        let at = |line: usize, problem: String| InvalidRole { file: file.to_owned(), line, problem };
        let body = text
            .strip_prefix("---\n")
            .ok_or_else(|| at(1, "a role file begins with front matter between two lines of ---".into()))?;
        let (front, prompt) = body
            .split_once("\n---\n")
            .ok_or_else(|| at(1, "the front matter has no closing line of ---".into()))?;
        let mut role = Self {
            name: String::new(),
            description: String::new(),
            tools: Vec::new(),
            prompt: prompt.trim().to_owned(),
        };
        for (index, line) in front.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            let number = index + 2;
            let (key, value) = line
                .split_once(':')
                .ok_or_else(|| at(number, format!("expected `key: value`; keys are {KEYS}")))?;
            let value = value.trim().trim_matches(['"', '\'']);
            match key.trim() {
                "name" => role.name = value.to_owned(),
                "description" => role.description = value.to_owned(),
                "tools" => role.tools = list(value),
                other => return Err(at(number, format!("unknown key {other:?}; keys are {KEYS}"))),
            }
        }
        match (role.name.is_empty(), role.tools.is_empty(), role.prompt.is_empty()) {
            (true, ..) => Err(at(1, "`name` is missing".into())),
            (_, true, _) => Err(at(1, "`tools` is missing: name at least `finish`".into())),
            (.., true) => Err(at(1, "the prompt below the front matter is empty".into())),
            _ => Ok(role),
        }
    }
}

fn list(value: &str) -> Vec<String> {
    value.trim_matches(['[', ']']).split(',').map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Result<Role, (usize, &str)>) {
        let got = Role::parse("r.md", text).map_err(|e| (e.line, e.problem));
        assert_eq!(got, want.map_err(|(line, problem)| (line, problem.to_owned())));
    }

    #[test]
    fn a_role_file_is_front_matter_and_a_prompt() {
        check(
            "---\nname: qa\ndescription: \"tests: all\"\ntools: [read_file, finish]\n---\n\nTest it.\n",
            Ok(Role {
                name: "qa".into(),
                description: "tests: all".into(),
                tools: vec!["read_file".into(), "finish".into()],
                prompt: "Test it.".into(),
            }),
        );
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        check("Test it.", Err((1, "a role file begins with front matter between two lines of ---")));
        check("---\nname: a\nTest it.", Err((1, "the front matter has no closing line of ---")));
        check(
            "---\nname: a\ncolour: red\n---\nx",
            Err((3, "unknown key \"colour\"; keys are name, description, tools")),
        );
        check("---\nname: a\ntools: x\n---\n", Err((1, "the prompt below the front matter is empty")));
    }

    #[test]
    fn the_built_in_role_has_the_builders_tools() {
        let role = Role::developer();
        assert_eq!((role.name.as_str(), role.tools.len()), ("developer", 12));
    }
}
