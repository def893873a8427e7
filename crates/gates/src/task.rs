//! What a task's words say: whether it is a fix, and which tests it names.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::report::{TestId, TestReport};

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// `fix` as a verb: neither `fixture` nor `fixed-width` nor `prefix`.
static FIX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:bug|hot)?fix(?:es|ed|ing)?\b(?:[^-\w]|$|-\S+\s+(?:bug|test|failure))|\b(?:repair|debug)(?:s|ed|ing)?\b",
    )
});
/// `fixed width`, `a fixed number`: not what was meant.
static FIXED_THING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:a|the|with|of|to|in|use|using|have|has|is|be)\s+fixed\b|\bfixed[- ](?:width|size|length|point|position|set|number|rate|price|order|seed|time|interval)",
    )
});
static FAILING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\btests?\b[^.\n]{0,60}\b(?:fail|fails|failing|failed|broken|red)\b|\b(?:failing|broken|red)\s+(?:\w+\s+){0,3}tests?\b|\bmake\b[^.\n]{0,60}\bpass(?:es)?\b|\bget\b[^.\n]{0,60}\b(?:green|to pass|passing)\b|\bturn\b[^.\n]{0,60}\bgreen\b",
    )
});
/// What people write about things that don't work.
static SYMPTOM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\bbugs?\b|\bregression|\bdefect|\bcrash(?:es|ed|ing)?\b|\bbroken\b|\bbreaks\b|\bdoes(?: not|n'?t) (?:work|handle|return|accept|respect|parse|match)\b|\b(?:wrong|incorrect)(?:ly)?\b|\boff[- ]by[- ]one\b|\b(?:raises|throws|panics|hangs|leaks|segfaults|deadlocks|fails)\b|\bshould (?:return|be|give|not|raise|have)\b[^.\n]*\b(?:but|instead)\b|\binstead of\b|\bexpected\b[^.\n]*\b(?:got|but)\b|\b(?:Type|Value|Key|Index|Attribute|ZeroDivision|Name|Import|Recursion|Reference|Range|Syntax)Error\b",
    )
});
/// Verbs with which a task asks for something that is not there yet.
const BUILDING: [&str; 40] = [
    "add",
    "implement",
    "create",
    "write",
    "introduce",
    "support",
    "document",
    "rename",
    "refactor",
    "move",
    "extract",
    "remove",
    "delete",
    "drop",
    "update",
    "upgrade",
    "bump",
    "extend",
    "improve",
    "optimize",
    "optimise",
    "clean",
    "simplify",
    "convert",
    "migrate",
    "port",
    "replace",
    "allow",
    "enable",
    "expose",
    "build",
    "generate",
    "translate",
    "format",
    "split",
    "explain",
    "describe",
    "feat",
    "docs",
    "chore",
];
/// Verbs with which a task asks for a repair.
const REPAIRING: [&str; 11] =
    ["fix", "fixes", "bugfix", "hotfix", "repair", "debug", "correct", "resolve", "solve", "patch", "bug"];

/// Whether a task is a fix by its words. `Add a fixture` is none, `The parser crashes on empty input` is one.
#[must_use]
pub fn is_fix(task_text: &str) -> bool {
    let text = FIXED_THING.replace_all(task_text, " ");
    let first = first_verb(&text);
    if REPAIRING.contains(&first.as_str()) {
        return true;
    }
    let asks_to_build = BUILDING.contains(&first.as_str());
    FIX.is_match(&text) || FAILING.is_match(&text) || (!asks_to_build && SYMPTOM.is_match(&text))
}

/// The first word that is not politeness.
fn first_verb(text: &str) -> String {
    let polite = [
        "please", "can", "could", "you", "would", "we", "need", "to", "i", "want", "let's", "lets", "kindly",
        "the", "a",
    ];
    text.split(|c: char| c.is_whitespace() || ".,:;!?".contains(c) || c == '(' && !text.contains("()"))
        // `add()` is a function, not something to do.
        .filter(|w| !w.is_empty() && w.chars().all(|c| c.is_alphanumeric() || c == '\''))
        .map(str::to_lowercase)
        .find(|w| !polite.contains(&w.as_str()))
        .unwrap_or_default()
}

/// The tests that a task is about: those that its text names, else those that fail on the base.
///
/// A name counts when such a test exists on the base or, if given, on the head: full ids, files, classes, functions
/// and (quoted, or of several words) titles.
#[must_use]
pub fn targets(task_text: &str, base: &TestReport, head: Option<&TestReport>) -> Vec<TestId> {
    let known: BTreeSet<&TestId> =
        base.tests.keys().chain(head.into_iter().flat_map(|h| h.tests.keys())).collect();
    let words = Words::of(task_text);
    let named: Vec<TestId> = known.into_iter().filter(|id| words.name(id)).cloned().collect();
    if named.is_empty() { base.failing().cloned().collect() } else { named }
}

/// The parts of a text that may be names of tests.
struct Words<'a> {
    text: &'a str,
    /// Words that can only be names: with an underscore, a dot, a slash, `::` or inner capitals.
    names: BTreeSet<&'a str>,
    /// What stands in quotes or backticks, or beside the word `test`.
    quoted: BTreeSet<&'a str>,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
            pattern(r#"`([^`\n]{1,300})`|"([^"\n]{1,300})"|'([^'\n]{1,300})'|“([^”\n]{1,300})”"#)
        });
        static BESIDE: LazyLock<Regex> = LazyLock::new(|| {
            pattern(r"\b(?:test|case|spec)s?\s+(?:called\s+|named\s+)?([A-Za-z_]\w*)|([A-Za-z_]\w*)\s+test\b")
        });
        let split = |c: char| c.is_whitespace() || "`\"'“”,;()".contains(c);
        let mut names: BTreeSet<&str> = text
            .split(split)
            .map(|w| w.trim_matches(|c: char| ".:!?[]{}<>".contains(c) && c != ']'))
            .filter(|w| is_name(w))
            .collect();
        let bare: Vec<&str> = names.iter().filter_map(|w| w.split_once('[').map(|(name, _)| name)).collect();
        names.extend(bare.into_iter().filter(|w| is_name(w)));
        let mut quoted: BTreeSet<&str> = QUOTED
            .captures_iter(text)
            .filter_map(|c| c.iter().skip(1).flatten().next().map(|m| m.as_str()))
            .collect();
        quoted.extend(
            BESIDE.captures_iter(text).filter_map(|c| c.get(1).or_else(|| c.get(2)).map(|m| m.as_str())),
        );
        Self { text, names, quoted }
    }

    fn name(&self, id: &TestId) -> bool {
        let full = id.0.as_str();
        if self.names.contains(full)
            || self.quoted.contains(full)
            || (full.contains(' ') && self.text.contains(full))
        {
            return true;
        }
        let without = full.split_once('[').map_or(full, |(name, _)| name);
        self.names.iter().any(|word| matches_name(id, without, word))
            || self.quoted.contains(id.last())
            || self.quoted.contains(id.rest())
            || (id.last().split(' ').count() >= 3 && self.text.contains(id.last()))
    }
}

fn is_name(word: &str) -> bool {
    let inner_capital = word.chars().skip(1).any(char::is_uppercase) && word.chars().any(char::is_lowercase);
    word.len() > 2 && (word.contains(['_', '/', '.']) || word.contains("::") || inner_capital)
}

/// Whether a word of the text is this test's function, class, file, or a dotted or `::` path that ends in it.
fn matches_name(id: &TestId, without_parameters: &str, word: &str) -> bool {
    let word = word.strip_prefix("./").unwrap_or(word);
    let file = id.file();
    if file == word || (word.contains('/') && file.ends_with(&format!("/{word}"))) {
        return true;
    }
    let is_file_word = word
        .rsplit_once('.')
        .is_some_and(|(_, ext)| matches!(ext, "py" | "js" | "ts" | "mjs" | "cjs" | "tsx" | "jsx" | "rs"));
    if is_file_word && !word.contains("::") {
        return file.rsplit('/').next() == Some(word) && !word.contains('/');
    }
    let parts: Vec<&str> = id
        .rest()
        .split("::")
        .flat_map(|p| p.split(" > "))
        .map(|p| p.split('[').next().unwrap_or(p))
        .collect();
    if parts.contains(&word) {
        return true;
    }
    if word.contains("::") {
        return without_parameters.ends_with(&format!("::{word}"))
            || without_parameters.ends_with(&format!("/{word}"))
            || without_parameters == word
            || without_parameters.starts_with(&format!("{word}::"));
    }
    if word.contains('.') {
        // module.Class.method, as unittest writes it
        let dotted = without_parameters.replace(".py::", ".").replace("::", ".").replace('/', ".");
        return dotted == word
            || dotted.ends_with(&format!(".{word}"))
            || dotted.starts_with(&format!("{word}."));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::TestStatus;

    #[test]
    fn fixes_are_told_by_their_words() {
        let fixes = [
            "Fix the failing tests",
            "fix: wrong sum",
            "fix(parser): empty input",
            "Please fix add()",
            "Bugfix for #12",
            "Make the tests pass",
            "make test_add pass",
            "Get the suite green",
            "The parser crashes on empty input",
            "add() returns the wrong sum",
            "Repair slugify",
            "Correct the off-by-one in page_count",
            "Update the parser to fix issue 3",
            "Resolve the TypeError in load",
            "test_add fails",
            "slugify should return 'a-b' but gives 'a--b'",
            "There is a bug in stack.py",
            "Some tests are failing. Find out why.",
            "We need to fix the date rounding",
        ];
        let others = [
            "Add a fixture for the database",
            "Add fixed-width output",
            "Implement a prefix tree",
            "Document the API",
            "Rename foo to bar",
            "Add error handling to load()",
            "Write a bug report template",
            "Refactor the parser",
            "Add a subtract function",
            "Create a page that shows failed logins",
            "Use a fixed seed",
            "feat: new suffix option",
            "",
            "Improve the wrong-password message",
        ];
        let wrong: Vec<&str> =
            fixes.iter().filter(|t| !is_fix(t)).chain(others.iter().filter(|t| is_fix(t))).copied().collect();
        assert_eq!(wrong, Vec::<&str>::new());
    }

    fn report() -> TestReport {
        let mut report = TestReport::default();
        for (id, status) in [
            ("tests/test_calc.py::test_add", TestStatus::Failed),
            ("tests/test_calc.py::test_div[1-2]", TestStatus::Passed),
            ("tests/test_text.py::SlugTest::test_dash", TestStatus::Failed),
            ("web/sum.test.js::sum > adds two numbers", TestStatus::Failed),
            ("lab:src/lib.rs::tests::works", TestStatus::Passed),
        ] {
            report.add(id, status, "", (None, None));
        }
        report
    }

    fn check(text: &str, want: &[&str]) {
        let found: Vec<String> = targets(text, &report(), None).into_iter().map(|id| id.0).collect();
        assert_eq!(found, want, "{text}");
    }

    #[test]
    fn named_tests_are_the_targets() {
        check("make test_add pass", &["tests/test_calc.py::test_add"]);
        check("Fix tests/test_calc.py::test_add.", &["tests/test_calc.py::test_add"]);
        check("fix `tests/test_text.py`", &["tests/test_text.py::SlugTest::test_dash"]);
        check("Fix test_text.py", &["tests/test_text.py::SlugTest::test_dash"]);
        check("SlugTest is red", &["tests/test_text.py::SlugTest::test_dash"]);
        check("fix tests.test_text.SlugTest.test_dash", &["tests/test_text.py::SlugTest::test_dash"]);
        check("test_div[1-2] fails", &["tests/test_calc.py::test_div[1-2]"]);
        check("fix \"adds two numbers\"", &["web/sum.test.js::sum > adds two numbers"]);
        check("tests::works is broken", &["lab:src/lib.rs::tests::works"]);
    }

    #[test]
    fn without_a_name_the_targets_are_what_fails() {
        let failing = [
            "tests/test_calc.py::test_add",
            "tests/test_text.py::SlugTest::test_dash",
            "web/sum.test.js::sum > adds two numbers",
        ];
        check("Fix the failing tests", &failing);
        check("Fix add in calc.py", &failing);
        check("Fix it; add test_new", &failing);
    }
}
