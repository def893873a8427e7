//! Which files are worth parsing for a name: those where a pattern finds something like its definition. A pattern may
//! find too much; it must never miss a definition, which a test holds.

use memchr::memmem::Finder;
use regex::bytes::Regex;

use crate::language::Language;

/// Finds the files that may define a name.
pub(super) struct Filter<'a> {
    finder: Finder<'a>,
    python: Option<Regex>,
    rust: Option<Regex>,
    go: Option<Regex>,
}

impl<'a> Filter<'a> {
    pub(super) fn new(name: &'a str) -> Self {
        let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let compile =
            |pattern: &str| is_word.then(|| Regex::new(&pattern.replace("NAME", name)).ok()).flatten();
        Self {
            finder: Finder::new(name),
            python: compile(r"\b(?:def|class|type)[\s\\]+NAME\b|\bNAME[\s\\]*(?::|=(?:[^=]|\z))"),
            rust: compile(
                r"\b(?:fn|struct|enum|trait|type|const|static|mut|mod|union|macro_rules\s*!)\s(?:[^;{}()]*\s)?NAME\b",
            ),
            go: compile(r"\b(?:func|type|const|var)\b[^{}]*\bNAME\b|(?m:^|[,({;])\s*NAME\b"),
        }
    }

    /// Whether the name is in a source at all.
    pub(super) fn mentions(&self, source: &[u8]) -> bool {
        self.finder.find(source).is_some()
    }

    /// Whether a source that mentions the name may define it.
    pub(super) fn may_define(&self, language: Language, source: &[u8]) -> bool {
        let pattern = match language {
            Language::Python => &self.python,
            Language::Rust => &self.rust,
            Language::Go => &self.go,
            // A method's definition looks like a call.
            Language::JavaScript | Language::TypeScript | Language::Tsx | Language::Java => &None,
        };
        pattern.as_ref().is_none_or(|pattern| pattern.is_match(source))
    }
}
