//! One candidate: replacements in one file, what kind of change they are, and how likely.

use std::collections::HashSet;

/// The kinds of change that are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EditKind {
    /// `<` for `<=`, `==` for `!=`, `is` for `is not`, …
    Comparison,
    /// `+` for `-`, `/` for `//`, …, in expressions and in augmented assignments.
    Arithmetic,
    /// `and` for `or`.
    Boolean,
    /// `not` added or taken away.
    Negation,
    /// Another literal.
    Constant,
    /// One more or one less in an index, a slice, a range or an argument.
    Boundary,
    /// Another variable in scope.
    Variable,
    /// Another attribute or method of the same object.
    Attribute,
    /// Another function or class in scope.
    Function,
    /// Arguments swapped, dropped or added.
    Arguments,
    /// Operands swapped, dropped or added, other grouping.
    Operand,
    /// A condition made stronger, weaker or another one.
    Condition,
    /// A call put around a value or taken away from it.
    Wrapping,
    /// A slice or an index added, changed or taken away.
    Slice,
    /// An expression taken from similar code.
    Borrowed,
    /// A statement taken away.
    Deletion,
    /// A statement put in.
    Insertion,
    /// A statement moved or its indentation changed.
    Move,
    /// `return` for `yield`, `break` for `continue`, `=` for `+=`, `if` for `elif`, …
    Statement,
    /// Another value returned.
    Return,
    /// An early return at the start of a function, or a guard before a statement.
    Guard,
    /// Another exception raised or caught.
    Exception,
    /// `self.`, `await` or `super()` added or taken away.
    Receiver,
    /// A mutable default argument made fresh for each call.
    Default,
    /// Branches of a condition swapped.
    Branches,
    /// Punctuation, in a file that does not parse.
    Syntax,
    /// Two changes together.
    Pair,
}

/// Replace the bytes from `start` to `end` with `text`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Replacement {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) text: String,
}

/// A change that may be the repair.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// Number of the file among those searched.
    pub(crate) file: usize,
    pub(crate) replacements: Vec<Replacement>,
    pub(crate) kind: EditKind,
    /// Suspicion of the place times likelihood of the kind.
    pub(crate) score: f64,
    /// Line of the statement that is changed, from 1.
    pub(crate) line: u32,
    /// Last line of the statement, or of its head.
    pub(crate) last_line: u32,
    /// The outermost function that holds the whole change, if one does.
    pub(crate) scope: Option<usize>,
    /// It is made for the values of the failing tests: likely to hold for nothing else.
    pub(crate) special: bool,
}

/// Applies replacements, which don't overlap.
pub(crate) fn apply(text: &str, replacements: &[Replacement]) -> String {
    let mut sorted: Vec<&Replacement> = replacements.iter().collect();
    sorted.sort();
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for r in sorted {
        out.push_str(&text[at..r.start]);
        out.push_str(&r.text);
        at = r.end;
    }
    out.push_str(&text[at..]);
    out
}

/// Cuts away what a replacement leaves as it is, at both ends and on word boundaries, so that equal changes look equal.
pub(crate) fn trimmed(text: &str, replacement: Replacement) -> Replacement {
    let Replacement { start, end, text: new } = replacement;
    let old = &text[start..end];
    let front = common(old.chars(), new.chars());
    let front = word_edge(old, &new, front);
    let back = common(old[front..].chars().rev(), new[front..].chars().rev());
    let back = word_edge_back(&old[front..], &new[front..], back);
    Replacement { start: start + front, end: end - back, text: new[front..new.len() - back].to_owned() }
}

/// Bytes that both run alike.
fn common(a: impl Iterator<Item = char>, b: impl Iterator<Item = char>) -> usize {
    a.zip(b).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum()
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Goes back from `at` until no word of either text is cut.
fn word_edge(old: &str, new: &str, mut at: usize) -> usize {
    let cuts = |s: &str, at: usize| is_word(s[..at].chars().next_back()) && is_word(s[at..].chars().next());
    while at > 0 && (cuts(old, at) || cuts(new, at)) {
        at -= old[..at].chars().next_back().map_or(1, char::len_utf8);
    }
    at
}

fn word_edge_back(old: &str, new: &str, mut back: usize) -> usize {
    let cuts = |s: &str, back: usize| {
        let at = s.len() - back;
        is_word(s[..at].chars().next_back()) && is_word(s[at..].chars().next())
    };
    while back > 0 && (cuts(old, back) || cuts(new, back)) {
        back -= old[old.len() - back..].chars().next().map_or(1, char::len_utf8);
    }
    back
}

/// Words and signs of a text: the measure of a change's size.
pub(crate) fn tokens(text: &str) -> usize {
    let (mut count, mut in_word) = (0, false);
    for c in text.chars() {
        let word = c.is_alphanumeric() || c == '_';
        if (word && !in_word) || !(word || c.is_whitespace()) {
            count += 1;
        }
        in_word = word;
    }
    count
}

/// Tokens taken away and put in, all replacements together.
pub(crate) fn size(text: &str, replacements: &[Replacement]) -> usize {
    replacements.iter().map(|r| tokens(&text[r.start..r.end]).max(tokens(&r.text))).sum()
}

/// Gathers candidates of one file; the same change is kept once, with its best score.
pub(crate) struct Sink<'a> {
    text: &'a str,
    file: usize,
    seen: HashSet<Vec<Replacement>>,
    pub(crate) found: Vec<Candidate>,
    /// Suspicion of the statement at hand.
    pub(crate) suspicion: f64,
    /// Its line.
    pub(crate) line: u32,
    /// The last line of it or of its head.
    pub(crate) last_line: u32,
    /// The outermost function around it.
    pub(crate) scope: Option<usize>,
    /// Expressions inside of string literals: what is put there can't have quotes or backslashes.
    pub(crate) quoted: Vec<std::ops::Range<usize>>,
    /// What is added now is made for the values of the failing tests.
    pub(crate) special: bool,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(text: &'a str, file: usize) -> Self {
        Self {
            text,
            file,
            seen: HashSet::new(),
            found: Vec::new(),
            suspicion: 0.0,
            line: 1,
            last_line: 1,
            scope: None,
            quoted: Vec::new(),
            special: false,
        }
    }

    /// Adds a change of several replacements.
    pub(crate) fn push(&mut self, kind: EditKind, weight: f64, replacements: Vec<Replacement>) {
        let mut replacements: Vec<Replacement> = replacements
            .into_iter()
            .map(|r| trimmed(self.text, r))
            .filter(|r| r.start != r.end || !r.text.is_empty())
            .collect();
        replacements.sort();
        let apart = replacements.windows(2).all(|two| two[0].end <= two[1].start);
        let breaks_quotes = |r: &Replacement| {
            r.text.contains(['\'', '"', '\\'])
                && self.quoted.iter().any(|q| q.start <= r.start && r.end <= q.end)
        };
        if replacements.is_empty()
            || !apart
            || replacements.iter().any(breaks_quotes)
            || !self.seen.insert(replacements.clone())
        {
            return;
        }
        let size = size(self.text, &replacements) as f64;
        let score = self.suspicion * weight / (1.0 + 0.06 * (size - 1.0).max(0.0));
        let (line, last_line, scope) = (self.line, self.last_line, self.scope);
        self.found.push(Candidate {
            file: self.file,
            replacements,
            kind,
            score,
            line,
            last_line,
            scope,
            special: self.special,
        });
    }

    /// Adds a change of one replacement.
    pub(crate) fn replace(
        &mut self,
        kind: EditKind,
        weight: f64,
        range: std::ops::Range<usize>,
        text: impl Into<String>,
    ) {
        self.push(kind, weight, vec![Replacement { start: range.start, end: range.end, text: text.into() }]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(start: usize, end: usize, text: &str) -> Replacement {
        Replacement { start, end, text: text.into() }
    }

    #[test]
    fn a_replacement_is_cut_to_what_changes() {
        let text = "x = alpha + beta";
        assert_eq!(trimmed(text, one(4, 16, "alpha - beta")), one(10, 11, "-"));
        assert_eq!(trimmed(text, one(4, 9, "alpine")), one(4, 9, "alpine"));
        assert_eq!(trimmed(text, one(4, 9, "alpha")), one(9, 9, ""));
        assert_eq!(trimmed("aa", one(0, 2, "aa.aa")), one(2, 2, ".aa"));
    }

    #[test]
    fn the_same_change_is_kept_once() {
        let text = "a < b";
        let mut sink = Sink::new(text, 0);
        sink.suspicion = 1.0;
        sink.replace(EditKind::Comparison, 1.0, 2..3, "<=");
        sink.replace(EditKind::Condition, 0.5, 0..5, "a <= b");
        sink.replace(EditKind::Condition, 0.5, 0..5, "a < b");
        assert_eq!(sink.found.len(), 1);
        assert_eq!(apply(text, &sink.found[0].replacements), "a <= b");
    }

    #[test]
    fn tokens_are_words_and_signs() {
        assert_eq!(tokens("foo(a_1, b) <= 2"), 9);
        assert_eq!(tokens("  \n"), 0);
    }
}
