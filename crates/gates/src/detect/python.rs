//! pytest or unittest.

use std::sync::LazyLock;

use regex::Regex;

use super::MAX_DEPTH;
use crate::plan::{PythonTool, Runner, Suite};
use crate::tree::{Tree, is_foreign, join};

/// Test files read to find out what they are written for.
const MAX_READ: usize = 300;

static BARE_TEST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^(async\s+)?def test\w*\s*\(").expect("a constant pattern"));
static PLAIN_CLASS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^class Test\w*\s*(\(\s*(object)?\s*\))?\s*:").expect("a constant pattern")
});
static IMPORTS_PYTEST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^\s*(import|from) pytest\b").expect("a constant pattern"));
static IS_UNITTEST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bunittest\b|TestCase\b|\bload_tests\b").expect("a constant pattern"));

/// One suite for a project at the root, else one for each project below and one for tests outside of them.
pub(super) fn suites(tree: &Tree<'_>) -> Vec<Suite> {
    let tests: Vec<&str> = tree.paths().filter(|p| is_test_file(p) && !is_foreign(p)).collect();
    if tests.is_empty() {
        return Vec::new();
    }
    let projects = if is_project(tree, "") { Vec::new() } else { projects_below(tree, &tests) };
    let mut suites = Vec::new();
    let loose: Vec<&str> =
        tests.iter().copied().filter(|t| !projects.iter().any(|d| is_below(t, d))).collect();
    let ignore = projects.iter().map(|d| (*d).to_owned()).collect();
    suites.extend(suite(tree, "", &loose, ignore));
    for dir in &projects {
        let own: Vec<&str> = tests.iter().copied().filter(|t| is_below(t, dir)).collect();
        suites.extend(suite(tree, dir, &own, Vec::new()));
    }
    suites
}

/// Whether a file's name says that it holds tests.
pub(crate) fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let in_tests = path.split('/').rev().skip(1).any(|part| part == "tests" || part == "test");
    name.strip_suffix(".py").is_some_and(|stem| {
        stem.starts_with("test_")
            || stem.ends_with("_test")
            || stem == "tests"
            || stem == "test"
            || (in_tests && stem.starts_with("test"))
    })
}

/// `pytest …` and `python -m pytest …` and `python -m unittest …` as they stand in `aamas.toml`.
pub(super) fn given(words: &[String]) -> Option<Runner> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (tool, rest) = match words.as_slice() {
        ["pytest" | "py.test", rest @ ..] => (PythonTool::Pytest, rest),
        ["python" | "python3", "-m", "pytest", rest @ ..] => (PythonTool::Pytest, rest),
        ["python" | "python3", "-m", "unittest"] => (PythonTool::Unittest, &[][..]),
        ["python" | "python3", "-m", "unittest", "discover"] => (PythonTool::Unittest, &[][..]),
        ["python" | "python3", "-m", "unittest", "discover", "-s", dir] if !dir.starts_with('-') => {
            return Some(python(PythonTool::Unittest, &[dir], Vec::new()));
        }
        _ => return None,
    };
    Some(python(tool, rest, Vec::new()))
}

fn python(tool: PythonTool, args: &[&str], ignore: Vec<String>) -> Runner {
    Runner::Python { tool, args: args.iter().map(|a| (*a).to_owned()).collect(), ignore }
}

fn suite(tree: &Tree<'_>, dir: &str, tests: &[&str], ignore: Vec<String>) -> Option<Suite> {
    let tool = tool(tree, dir, tests)?;
    Some(Suite { dir: dir.to_owned(), runner: python(tool, &[], ignore), given: false })
}

/// `None` when the files named like tests hold none.
fn tool(tree: &Tree<'_>, dir: &str, tests: &[&str]) -> Option<PythonTool> {
    let (mut pytest, mut unittest) = (false, false);
    for text in tests.iter().take(MAX_READ).map(|path| tree.text(path)) {
        pytest |= IMPORTS_PYTEST.is_match(&text) || BARE_TEST.is_match(&text);
        pytest |= PLAIN_CLASS.is_match(&text) && text.contains("def test");
        unittest |= IS_UNITTEST.is_match(&text);
    }
    let conftest = tree.paths().any(|p| {
        is_below(p, dir)
            && p.ends_with("conftest.py")
            && !is_foreign(p)
            && IMPORTS_PYTEST.is_match(&tree.text(p))
    });
    if pytest || ((conftest || configures_pytest(tree, dir)) && !tests.is_empty()) {
        return Some(PythonTool::Pytest);
    }
    let mentions = [
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        "tox.ini",
        "requirements.txt",
        "requirements-dev.txt",
        "dev-requirements.txt",
        "requirements/dev.txt",
        "requirements/test.txt",
        "test-requirements.txt",
        "Makefile",
    ];
    let mentioned = mentions.iter().any(|file| tree.text(&join(dir, file)).contains("pytest"));
    unittest.then_some(if mentioned { PythonTool::Either } else { PythonTool::Unittest })
}

fn configures_pytest(tree: &Tree<'_>, dir: &str) -> bool {
    let has = |file: &str, section: &str| tree.text(&join(dir, file)).contains(section);
    tree.has(&join(dir, "pytest.ini"))
        || tree.has(&join(dir, ".pytest.ini"))
        || has("pyproject.toml", "[tool.pytest")
        || has("setup.cfg", "[tool:pytest]")
        || has("tox.ini", "[pytest]")
}

fn is_project(tree: &Tree<'_>, dir: &str) -> bool {
    ["setup.py", "setup.cfg", "pytest.ini", "tox.ini", "conftest.py", "manage.py"]
        .iter()
        .any(|f| tree.has(&join(dir, f)))
        || ["[project]", "[tool.poetry", "[tool.pytest", "[build-system]"]
            .iter()
            .any(|section| tree.text(&join(dir, "pyproject.toml")).contains(section))
}

/// The topmost directories with a project of their own and tests.
fn projects_below<'t>(tree: &'t Tree<'_>, tests: &[&str]) -> Vec<&'t str> {
    let mut dirs: Vec<&str> = ["pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini"]
        .into_iter()
        .flat_map(|name| tree.dirs_with(name, MAX_DEPTH))
        .filter(|dir| !dir.is_empty() && is_project(tree, dir) && tests.iter().any(|t| is_below(t, dir)))
        .collect();
    dirs.sort_unstable();
    dirs.dedup();
    let all = dirs.clone();
    dirs.retain(|dir| !all.iter().any(|above| above != dir && is_below(dir, above)));
    dirs
}

fn is_below(path: &str, dir: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tree_of;

    const CASE: &str = "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n";

    fn check(files: &[(&str, &str)], want: &[(&str, PythonTool, &[&str])]) {
        let want: Vec<Suite> = want
            .iter()
            .map(|(dir, tool, ignore)| Suite {
                dir: (*dir).to_owned(),
                runner: python(*tool, &[], ignore.iter().map(|d| (*d).to_owned()).collect()),
                given: false,
            })
            .collect();
        assert_eq!(suites(&tree_of(files)), want);
    }

    #[test]
    fn plain_test_cases_need_nothing_but_the_standard_library() {
        check(&[("tests/test_a.py", CASE), ("a.py", "")], &[("", PythonTool::Unittest, &[])]);
        check(&[("tests/test_a.py", CASE), ("tox.ini", "deps = pytest")], &[("", PythonTool::Either, &[])]);
    }

    #[test]
    fn configuration_imports_and_bare_functions_ask_for_pytest() {
        let want: &[(&str, PythonTool, &[&str])] = &[("", PythonTool::Pytest, &[])];
        check(&[("test_a.py", "import pytest\n")], want);
        check(&[("test_a.py", "def test_a():\n    assert 1\n")], want);
        check(&[("test_a.py", CASE), ("pytest.ini", "[pytest]\n")], want);
        check(&[("t/test_a.py", CASE), ("conftest.py", "import pytest\n")], want);
        check(&[("test_a.py", "class TestA:\n    def test_a(self): assert 1\n")], want);
    }

    #[test]
    fn projects_below_are_suites_of_their_own() {
        check(
            &[
                ("services/a/pyproject.toml", "[project]\nname='a'\n"),
                ("services/a/tests/test_a.py", "import pytest\n"),
                ("services/b/setup.py", ""),
                ("services/b/test_b.py", CASE),
                ("tools/test_tool.py", CASE),
            ],
            &[
                ("", PythonTool::Unittest, &["services/a", "services/b"]),
                ("services/a", PythonTool::Pytest, &[]),
                ("services/b", PythonTool::Unittest, &[]),
            ],
        );
    }

    #[test]
    fn a_file_that_is_only_named_like_a_test_is_none() {
        check(&[("test_data.py", "X = 1\n"), ("vendor/test_a.py", CASE)], &[]);
    }
}
