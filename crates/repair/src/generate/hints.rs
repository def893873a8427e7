//! What the failing tests say of themselves: the values they speak of, and how they fail.

use crate::source::{SourceFile, descendants, named};
use crate::survey::Survey;

/// Values and names from the failing tests and their messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    /// Numbers in the tests, as they are written, the most frequent first.
    pub(crate) numbers: Vec<String>,
    /// Texts in the tests, without quotes.
    pub(crate) texts: Vec<String>,
    /// The same with quotes.
    pub(crate) quoted: Vec<String>,
    /// Exceptions that the tests name or end with.
    pub(crate) exceptions: Vec<String>,
    /// Exceptions that a test waited for in vain.
    pub(crate) not_raised: Vec<String>,
    /// Locals that were read before they were bound.
    pub(crate) unbound: Vec<String>,
    /// Names that were looked for and not found.
    pub(crate) names: Vec<String>,
    /// Names that a failed import spoke of, the one that was meant first if the message offers it.
    pub(crate) import_words: Vec<String>,
    /// Files that Python could not parse.
    pub(crate) unparsed: Vec<String>,
    differences: Vec<(String, String)>,
    number_differences: Vec<(i64, i64)>,
}

/// Longest text of a test that is offered as a constant, in bytes.
const LONGEST: usize = 40;
/// Longest part in which two texts differ that is offered as a constant, in bytes.
const LONGEST_DIFFERENCE: usize = 16;

impl Hints {
    /// Reads the failing targets: their source, and what they ended with.
    pub(crate) fn gather(survey: &Survey, targets: &[usize], tests: &[SourceFile]) -> Self {
        let mut hints = Self::default();
        for test in targets.iter().take(40).map(|n| &survey.tests[*n]) {
            if let Some(file) = tests.iter().find(|f| f.path == test.file) {
                hints.read(file, test.line);
            }
            hints.hear(&test.kind, &test.message);
            for frame in test.frames.iter().filter(|f| f.function == "<syntax>") {
                put(&mut hints.unparsed, &frame.path);
            }
        }
        hints
    }

    /// Parts in which a text was and should have been, both ways about.
    pub(crate) fn text_differences(&self) -> impl Iterator<Item = (&str, &str)> {
        self.differences.iter().map(|(a, b)| (a.as_str(), b.as_str()))
    }

    /// Numbers that came out, and those that were wanted.
    pub(crate) fn number_differences(&self) -> impl Iterator<Item = (i64, i64)> {
        self.number_differences.iter().copied()
    }

    fn read(&mut self, file: &SourceFile, line: u32) {
        let Some(function) = file.function_on(line) else { return };
        let function = &file.functions[function];
        let inside = descendants(file.tree.root_node())
            .into_iter()
            .filter(|n| (function.start..function.end).contains(&n.start_byte()));
        for node in inside {
            let text = file.of(node);
            match node.kind() {
                "integer" | "float" => {
                    let minus = node.parent().filter(|p| p.kind() == "unary_operator").map(|p| file.of(p));
                    put(&mut self.numbers, minus.unwrap_or(text));
                }
                "string" if text.len() <= LONGEST + 2 && !text.starts_with(['f', 'b', 'r']) => {
                    let inner = text.trim_matches(['"', '\'']);
                    put(&mut self.texts, inner);
                    put(&mut self.quoted, text);
                }
                "identifier" if text.ends_with("Error") || text.ends_with("Exception") => {
                    put(&mut self.exceptions, text);
                }
                "call" if file.of(node).contains("aises") => {
                    for name in
                        named(node).into_iter().flat_map(descendants).filter(|n| n.kind() == "identifier")
                    {
                        if file.of(name).starts_with(char::is_uppercase) {
                            put(&mut self.exceptions, file.of(name));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn hear(&mut self, kind: &str, message: &str) {
        if let Some(rest) = message.split("DID NOT RAISE").nth(1) {
            let name = rest.trim_matches(|c: char| !c.is_alphanumeric() && c != '.' && c != '_');
            let name = name.trim_start_matches("class ").trim_matches(|c: char| !c.is_alphanumeric());
            put(&mut self.not_raised, name.rsplit('.').next().unwrap_or(name));
        } else if let Some(name) = message.split(" not raised").next().filter(|n| *n != message) {
            put(&mut self.not_raised, name.rsplit([' ', '.']).next().unwrap_or(name));
        }
        if kind.ends_with("Error") && kind != "AssertionError" {
            put(&mut self.exceptions, kind);
        }
        let quoted: Vec<&str> = message.split('\'').skip(1).step_by(2).collect();
        if kind.contains("Import")
            || kind == "ModuleNotFoundError"
            || message.contains("ImportError")
            || message.contains("ModuleNotFoundError")
        {
            if let Some(meant) = message.split("Did you mean: '").nth(1).and_then(|m| m.split('\'').next()) {
                put(&mut self.import_words, meant);
            }
            for word in quoted
                .iter()
                .flat_map(|q| q.split('.'))
                .filter(|w| w.chars().all(|c| c.is_alphanumeric() || c == '_'))
            {
                put(&mut self.import_words, word);
            }
        }
        if message.contains("NameError: name '") {
            let name = message.split("NameError: name '").nth(1).and_then(|m| m.split('\'').next());
            put(&mut self.unbound, name.unwrap_or(""));
        }
        match kind {
            "UnboundLocalError" | "NameError" => {
                for name in quoted.iter().take(1) {
                    put(&mut self.unbound, name);
                }
            }
            "AttributeError" => {
                for name in quoted.iter().skip(1).take(1) {
                    put(&mut self.names, name);
                }
            }
            _ => {}
        }
        self.compare(message);
    }

    fn compare(&mut self, message: &str) {
        let line = message.lines().next().unwrap_or("").trim_start_matches("assert ");
        let Some((got, wanted)) = line.split_once(" == ").or_else(|| line.split_once(" != ")) else { return };
        let wanted = wanted.split(" : ").next().unwrap_or(wanted);
        if let (Ok(a), Ok(b)) = (got.trim().parse::<i64>(), wanted.trim().parse::<i64>()) {
            self.number_differences.push((a, b));
            self.number_differences.push((b, a));
            return;
        }
        let (a, b) = differing(got.trim(), wanted.trim());
        let plain = |s: &str| s.len() <= LONGEST_DIFFERENCE && !s.contains(['\'', '"', '\\', '\n', '{', '}']);
        if plain(a) && plain(b) && a != b {
            for pair in [(a.to_owned(), b.to_owned()), (b.to_owned(), a.to_owned())] {
                if !self.differences.contains(&pair) && self.differences.len() < 24 {
                    self.differences.push(pair);
                }
            }
        }
    }
}

/// The middle parts of two texts, without what they begin and end with alike.
fn differing<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    let front: usize = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum();
    let (a, b) = (&a[front..], &b[front..]);
    let back: usize =
        a.chars().rev().zip(b.chars().rev()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum();
    (&a[..a.len() - back], &b[..b.len() - back])
}

fn put(list: &mut Vec<String>, text: &str) {
    if !text.is_empty() && list.len() < 40 && !list.iter().any(|t| t == text) {
        list.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_tell_differences() {
        let mut hints = Hints::default();
        hints.hear("AssertionError", "assert 'a_b' == 'a-b'\n  - a-b");
        hints.hear("AssertionError", "3 != 5");
        hints.hear("Failed", "DID NOT RAISE <class 'ValueError'>");
        hints.hear("AssertionError", "KeyError not raised");
        hints.hear("UnboundLocalError", "cannot access local variable 'total' where it is not associated");
        assert_eq!(hints.text_differences().next(), Some(("_", "-")));
        assert_eq!(hints.number_differences().next(), Some((3, 5)));
        assert_eq!(hints.not_raised, ["ValueError", "KeyError"]);
        assert_eq!(hints.unbound, ["total"]);
    }

    #[test]
    fn the_source_of_a_test_gives_its_values() {
        let file = SourceFile::parse(
            "test_a.py",
            "def test_x():\n    with raises(KeyError):\n        f(-3, 'ab')\n",
        );
        let mut hints = Hints::default();
        hints.read(&file, 1);
        assert_eq!((hints.numbers, hints.texts), (vec!["-3".to_owned()], vec!["ab".to_owned()]));
        assert_eq!(hints.exceptions, ["KeyError"]);
    }
}
