//! A file that does not parse: punctuation, indentation and misspelt keywords around the error.

use crate::EditKind::Syntax;
use crate::edit::{Sink, apply};
use crate::localize::Suspicion;
use crate::source::{SourceFile, descendants, line_of};

use super::place::similarity;

/// Lines before the reported one that are looked at: an open bracket is reported late.
const BEFORE: u32 = 4;

/// Most lines with errors that are looked at.
const MOST_LINES: usize = 6;

const KEYWORDS: &[&str] = &[
    "def", "class", "return", "if", "elif", "else", "for", "while", "in", "not", "and", "or", "import",
    "from", "as", "try", "except", "finally", "raise", "with", "lambda", "pass", "break", "continue",
    "yield", "is", "None", "True", "False", "global", "nonlocal", "assert", "del", "async", "await",
];

pub(super) fn edits(file: &SourceFile, suspicion: &Suspicion, number: usize, sink: &mut Sink<'_>) {
    let mut lines: Vec<u32> = Vec::new();
    let last = file.text.lines().count() as u32;
    let told: Vec<u32> = (1..=last).filter(|line| suspicion.of(number, *line) > 0.0).collect();
    let broken = descendants(file.tree.root_node())
        .into_iter()
        .filter(|n| n.is_error() || n.is_missing())
        .map(line_of);
    for line in told.iter().copied().chain(broken) {
        if !lines.contains(&line) && lines.len() < MOST_LINES {
            lines.push(line);
        }
    }
    (sink.suspicion, sink.scope) = (1.0, None);
    let mut seen = Vec::new();
    for (at, reported) in lines.into_iter().enumerate() {
        for line in reported.saturating_sub(BEFORE).max(1)..=(reported + 1).min(last) {
            if seen.contains(&line) {
                continue;
            }
            seen.push(line);
            let far = f64::from(line.abs_diff(reported));
            sink.suspicion = 1.0 / (1.0 + 0.5 * far + at as f64);
            (sink.line, sink.last_line) = (line, line);
            line_edits(file, line, sink);
        }
    }
    if file.has_error() {
        sink.found.retain(|c| !SourceFile::parse("", apply(&file.text, &c.replacements)).has_error());
    }
}

fn line_edits(file: &SourceFile, line: u32, sink: &mut Sink<'_>) {
    let start: usize = file.text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
    let end = file.text[start..].find('\n').map_or(file.text.len(), |at| start + at);
    let text = file.text[start..end].trim_end_matches('\r');
    let trimmed = text.trim_end();
    let close = start + trimmed.len();
    if trimmed.trim().is_empty() {
        return;
    }
    for sign in [":", ")", "]", "}", "):", ",", "\"", "'", "\"\"\"", "))", "\\", " pass", " 0", " None"] {
        sink.replace(Syntax, 1.0, close..close, sign);
    }
    if trimmed.ends_with(':') {
        for sign in [")", "]", "}"] {
            sink.replace(Syntax, 1.0, close - 1..close - 1, sign);
        }
    }
    for (at, c) in trimmed.char_indices() {
        let here = start + at;
        if "()[]{}:,;\"'=.\\".contains(c) {
            sink.replace(Syntax, 0.7, here..here + 1, "");
        }
        let other = match c {
            ')' => "]",
            ']' => ")",
            '}' => ")",
            '(' => "[",
            '[' => "(",
            ';' => ":",
            ',' => ":",
            '"' => "'",
            '\'' => "\"",
            '=' => "==",
            ':' => " =",
            _ => "",
        };
        if !other.is_empty() {
            sink.replace(Syntax, 0.6, here..here + 1, other);
        }
        let before = trimmed[..at].chars().next_back().unwrap_or(' ');
        if !c.is_alphanumeric() || !before.is_alphanumeric() {
            for sign in ["(", ")", "[", "]", "{", "}", ",", "\"", "'", ":", "=", "."] {
                sink.replace(Syntax, 0.3, here..here, sign);
            }
        }
    }
    for (wrong, right) in [
        ("else if", "elif"),
        ("elseif", "elif"),
        ("&&", "and"),
        ("||", "or"),
        ("!", "not "),
        ("=>", ">="),
        ("=<", "<="),
        ("++", "+= 1"),
        ("--", "-= 1"),
        ("===", "=="),
        ("function ", "def "),
        ("null", "None"),
        ("true", "True"),
        ("false", "False"),
    ] {
        for (at, _) in trimmed.match_indices(wrong).take(3) {
            sink.replace(Syntax, 1.0, start + at..start + at + wrong.len(), right);
        }
    }
    keywords(trimmed, start, sink);
    indentation(file, line, start, text, sink);
    sink.replace(Syntax, 0.2, start..file.line_end(start), "");
}

fn keywords(text: &str, start: usize, sink: &mut Sink<'_>) {
    for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
        let here = start + (word.as_ptr() as usize - text.as_ptr() as usize);
        if word.is_empty() || KEYWORDS.contains(&word) {
            continue;
        }
        let letters = |w: &str| {
            let mut l: Vec<char> = w.chars().collect();
            l.sort_unstable();
            l
        };
        for keyword in KEYWORDS {
            let shuffled = letters(word) == letters(keyword);
            let close = word.len().abs_diff(keyword.len()) <= 1 && similarity(word, keyword) >= 0.5;
            if shuffled || close {
                sink.replace(Syntax, if shuffled { 1.2 } else { 0.9 }, here..here + word.len(), *keyword);
            }
        }
    }
}

/// The line, or all that follow at its depth, indented by one unit more or less.
fn indentation(file: &SourceFile, line: u32, start: usize, text: &str, sink: &mut Sink<'_>) {
    let own = &text[..text.len() - text.trim_start().len()];
    let mut others: Vec<&str> = Vec::new();
    for other in file.text.lines().skip((line as usize).saturating_sub(12)).take(24) {
        let white = &other[..other.len() - other.trim_start().len()];
        if !other.trim().is_empty() && white != own && !others.contains(&white) {
            others.push(white);
        }
    }
    for white in others {
        sink.replace(Syntax, 0.8, start..start + own.len(), white);
    }
    sink.replace(Syntax, 0.6, start..start + own.len(), format!("{own}    "));
    sink.replace(Syntax, 0.5, start..start, format!("{own}pass\n"));
    sink.replace(Syntax, 0.5, start..start, format!("{own}    pass\n"));
}
