//! Whether a task is one for this engine, told at once from its words and the repository's file names.

/// What [`can_do`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Worth a try: there is Python, there are tests, and the task is about something that fails.
    Yes,
    /// Not a task for this engine, for this reason.
    No(String),
}

/// Words that say that something is broken or is to be repaired. Matched as prefixes of the task's words.
const FIX_WORDS: &[&str] = &[
    "fix",
    "fail",
    "broke",
    "broken",
    "bug",
    "repair",
    "wrong",
    "incorrect",
    "error",
    "regress",
    "crash",
    "green",
    "red",
    "pass",
    "debug",
    "correct",
    "defect",
    "fault",
    "hang",
    "exception",
    "traceback",
    "raises",
    "loop",
    "mistake",
    "issue",
    "solve",
    "off-by-one",
    "test_",
];

/// Words that ask for something that no failing test can stand for.
const BUILD_WORDS: &[&str] =
    &["implement", "add", "create", "write", "refactor", "rename", "document", "migrate", "upgrade"];

/// Looks at the task's words and the repository's file names only; takes no time to speak of.
pub fn can_do<'a>(task: &str, files: impl IntoIterator<Item = &'a str>) -> Scope {
    let (mut python, mut tests) = (false, false);
    for path in files {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name.ends_with(".py") {
            python = true;
            tests |= name.starts_with("test")
                || name.ends_with("_test.py")
                || path.split('/').any(|p| p == "tests" || p == "test");
        }
    }
    if !python {
        return Scope::No("the repository has no Python files, and offline repair knows Python only".into());
    }
    if !tests {
        return Scope::No(
            "the repository has no Python tests, and offline repair goes by failing tests".into(),
        );
    }
    let words: Vec<String> = task
        .split_whitespace()
        .map(|w| w.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .collect();
    let has = |list: &[&str]| words.iter().any(|word| list.iter().any(|start| word.starts_with(start)));
    if has(FIX_WORDS) || names_a_test(task) {
        return Scope::Yes;
    }
    if has(BUILD_WORDS) {
        return Scope::No(
            "the task asks for something new; offline repair only turns failing tests green".into(),
        );
    }
    Scope::No(
        "the task doesn't speak of something that fails; offline repair only turns failing tests green"
            .into(),
    )
}

fn names_a_test(task: &str) -> bool {
    task.contains("::test_")
        || task.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|w| w.starts_with("test_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_in_a_tested_python_repository_is_in_scope() {
        let files = ["pkg/a.py", "tests/test_a.py", "README.md"];
        for task in [
            "Fix the failing tests",
            "test_total is red",
            "totals are wrong",
            "make tests/test_a.py::test_x pass",
        ] {
            assert_eq!(can_do(task, files), Scope::Yes, "{task}");
        }
        for task in ["Add a login page", "Say hello", ""] {
            assert!(matches!(can_do(task, files), Scope::No(_)), "{task}");
        }
    }

    #[test]
    fn no_python_or_no_tests_is_out_of_scope() {
        assert!(
            matches!(can_do("fix the bug", ["src/main.rs"]), Scope::No(r) if r.contains("no Python files"))
        );
        assert!(matches!(can_do("fix the bug", ["a.py"]), Scope::No(r) if r.contains("no Python tests")));
    }
}
