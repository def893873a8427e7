//! What was wrong, in plain words.

use std::fmt::Write as _;

use crate::choose::{Applied, changed_lines};
use crate::survey::Survey;
use crate::{EditKind, LeftOut, Stats, Suspect};

/// What an explanation is made from.
pub(crate) struct Told<'a> {
    pub(crate) base: &'a Survey,
    pub(crate) green: &'a [String],
    pub(crate) done: &'a [Applied],
    pub(crate) suspects: &'a [Suspect],
    pub(crate) stats: &'a Stats,
    pub(crate) left_out: &'a [LeftOut],
}

/// Longest part of code in a title, in characters.
const IN_TITLE: usize = 40;
/// Most tests that are listed by name.
const LISTED: usize = 10;

/// One line for a title.
pub(crate) fn title(done: &[Applied]) -> String {
    match done {
        [] => "Repair the failing tests".into(),
        [only] => one_title(only),
        [first, rest @ ..] => {
            let mut paths: Vec<&str> =
                rest.iter().map(|a| a.path.as_str()).filter(|p| *p != first.path).collect();
            paths.sort_unstable();
            paths.dedup();
            let more = if rest.len() == 1 {
                "one more repair".to_owned()
            } else {
                format!("{} more repairs", rest.len())
            };
            format!("{}, and {more}", one_title(first))
        }
    }
}

fn one_title(applied: &Applied) -> String {
    let place = if applied.function.is_empty() { &applied.path } else { &applied.function };
    format!("{} in {place}", action(applied))
}

/// What was done, as a sentence without its place.
fn action(applied: &Applied) -> String {
    let short = |text: &str| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() > IN_TITLE {
            format!("{}…", text.chars().take(IN_TITLE).collect::<String>())
        } else {
            text
        }
    };
    let [only] = &applied.replacements[..] else {
        return match applied.kind {
            EditKind::Default => "Make the default argument fresh for each call".into(),
            EditKind::Branches => "Swap the branches".into(),
            EditKind::Move => "Move a statement".into(),
            EditKind::Comparison => "Correct the chain of comparisons".into(),
            EditKind::Variable => "Use the right variables".into(),
            _ => "Correct two places".into(),
        };
    };
    let (old, new) = whole_words(applied, only);
    let (old, new) = (short(old), short(&new));
    match applied.kind {
        EditKind::Deletion if new == "pass" || new.is_empty() => format!("Remove `{old}`"),
        EditKind::Move => "Move a statement".into(),
        _ if old.is_empty() => format!("Add `{new}`"),
        _ if new.is_empty() => format!("Remove `{old}`"),
        _ => format!("Use `{new}` instead of `{old}`"),
    }
}

/// The replaced text and its successor, widened to whole operators and words.
fn whole_words<'a>(applied: &'a Applied, only: &'a crate::edit::Replacement) -> (&'a str, String) {
    let text = &applied.before;
    let sign = |c: char| "<>=!+-*/%&|^".contains(c);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut start, mut end) = (only.start, only.end);
    let edge = only.text.chars().next().or_else(|| text[start..end].chars().next());
    for class in [sign as fn(char) -> bool, word as fn(char) -> bool] {
        if edge.is_some_and(class) || only.text.chars().next_back().is_some_and(class) {
            while text[..start].chars().next_back().is_some_and(class) && edge.is_some_and(class) {
                start -= text[..start].chars().next_back().map_or(1, char::len_utf8);
            }
            while text[end..].chars().next().is_some_and(class)
                && only.text.chars().next_back().or(edge).is_some_and(class)
            {
                end += text[end..].chars().next().map_or(1, char::len_utf8);
            }
        }
    }
    // No bracket is shown without its other half.
    let open = |old: &str| {
        let new = format!("{}{}{}", &text[start..only.start], only.text, &old[only.end - start..]);
        [old, &new].iter().any(|t| {
            [('(', ')'), ('[', ']'), ('{', '}')]
                .iter()
                .any(|(a, b)| t.matches(*a).count() > t.matches(*b).count())
        })
    };
    let mut wider = end;
    while open(&text[start..wider]) && text[wider..].chars().next().is_some_and(|c| c != '\n') {
        wider += text[wider..].chars().next().map_or(1, char::len_utf8);
    }
    let end = if open(&text[start..wider]) { end } else { wider };
    (&text[start..end], format!("{}{}{}", &text[start..only.start], only.text, &text[only.end..end]))
}

/// What kind of mistake it was.
fn mistake(kind: EditKind) -> &'static str {
    match kind {
        EditKind::Comparison => "a comparison was the wrong one",
        EditKind::Arithmetic => "an operator was the wrong one",
        EditKind::Boolean => "`and` and `or` were mixed up",
        EditKind::Negation => "a condition was the wrong way about",
        EditKind::Constant => "a constant had the wrong value",
        EditKind::Boundary => "a bound was off by one",
        EditKind::Variable => "the wrong variable was used",
        EditKind::Attribute => "the wrong attribute or method was used",
        EditKind::Function => "the wrong function was called",
        EditKind::Arguments => "a call had the wrong arguments",
        EditKind::Operand => "an expression had the wrong operands",
        EditKind::Condition => "a condition was too weak, too strong or the wrong one",
        EditKind::Wrapping => "a value was converted wrongly, or not at all",
        EditKind::Slice => "an index or slice took the wrong part",
        EditKind::Borrowed => "an expression was the wrong one; similar code nearby has the right one",
        EditKind::Deletion => "a statement was there that should not be",
        EditKind::Insertion => "a statement was missing",
        EditKind::Move => "a statement stood at the wrong place",
        EditKind::Statement => "a statement was of the wrong kind",
        EditKind::Return => "the wrong value was returned",
        EditKind::Guard => "a case was not looked at",
        EditKind::Exception => "the wrong exception was raised or caught",
        EditKind::Receiver => "a name was taken from the wrong place, or a call or `await` was missing",
        EditKind::Default => "a mutable default argument was shared between calls",
        EditKind::Branches => "the branches of a condition were swapped",
        EditKind::Syntax => "the file did not parse",
        EditKind::Pair => "two places were wrong together",
    }
}

/// What was wrong, the evidence and what else was considered, as Markdown.
pub(crate) fn explanation(told: &Told<'_>) -> String {
    let mut out = String::new();
    for applied in told.done {
        let place =
            if applied.function.is_empty() { String::new() } else { format!(" (`{}`)", applied.function) };
        put(&mut out, &format!("**{}:{}**{place}: {}.\n", applied.path, applied.line, mistake(applied.kind)));
        let (old, new) = changed_lines(&applied.before, &applied.after);
        put(&mut out, "```diff");
        for (sign, lines) in [('-', old), ('+', new)] {
            for line in lines.lines() {
                put(&mut out, &format!("{sign}{line}"));
            }
        }
        put(&mut out, "```\n");
        let green = applied.green.len();
        put(&mut out, &format!("It turns {green} of {} failing tests green.", applied.failing));
        if let Some(rank) =
            told.suspects.iter().position(|s| s.path == applied.path && s.line == applied.line)
        {
            let ordinal = if rank == 0 {
                "the most suspicious line".to_owned()
            } else {
                format!("number {} of the suspicious lines", rank + 1)
            };
            put(&mut out, &format!("By what the tests run, it was {ordinal}."));
        }
        if !applied.alternatives.is_empty() {
            put(&mut out, "\nOther changes would pass the same tests, and were judged less likely:\n");
            for other in &applied.alternatives {
                put(&mut out, &format!("- `{}`", other.replace('`', "'")));
            }
        }
        put(&mut out, "");
    }
    tests(told, &mut out);
    let stats = told.stats;
    put(
        &mut out,
        &format!(
            "\nFound by search, without a model: {} candidates in {:.1} s ({:.0} a second), confirmed by a plain run of all {} tests.",
            stats.tried,
            stats.seconds,
            stats.per_second,
            told.base.tests.len()
        ),
    );
    out
}

fn tests(told: &Told<'_>, out: &mut String) {
    put(out, "Tests that failed and pass now:\n");
    for id in told.green.iter().take(LISTED) {
        let why = told.base.tests.iter().find(|t| t.id == *id).map_or(String::new(), |t| {
            let message = t.message.lines().next().unwrap_or("").chars().take(100).collect::<String>();
            if message.is_empty() {
                t.kind.clone()
            } else {
                format!("{}: {}", t.kind, message.replace('`', "'"))
            }
        });
        put(out, &format!("- `{id}` ({why})"));
    }
    if told.green.len() > LISTED {
        put(out, &format!("- and {} more", told.green.len() - LISTED));
    }
    if !told.left_out.is_empty() {
        put(out, "\nFailing tests that were left out:\n");
        for left in told.left_out.iter().take(LISTED) {
            put(out, &format!("- `{}`: {}", left.test, left.reason));
        }
    }
}

fn put(out: &mut String, line: &str) {
    let _ = writeln!(out, "{line}");
}
