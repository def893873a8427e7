//! Which of several plausible patches is taken: the likeliest and smallest one, the same one every time.

use crate::EditKind;
use crate::edit::{Candidate, Replacement};

/// A candidate that helps.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) file: usize,
    pub(crate) replacements: Vec<Replacement>,
    pub(crate) kind: EditKind,
    pub(crate) line: u32,
    /// Targets that it turns green, as numbers of the survey's tests.
    pub(crate) green: Vec<usize>,
    /// All targets that run the changed lines are green.
    whole: bool,
    preference: f64,
}

/// A choice that was put in place.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    pub(crate) file: usize,
    pub(crate) path: String,
    pub(crate) line: u32,
    pub(crate) function: String,
    pub(crate) kind: EditKind,
    pub(crate) replacements: Vec<Replacement>,
    pub(crate) green: Vec<String>,
    /// Targets that failed before it.
    pub(crate) failing: usize,
    /// Other changes that would have done.
    pub(crate) alternatives: Vec<String>,
    pub(crate) before: String,
    pub(crate) after: String,
}

impl Choice {
    pub(crate) fn of(candidate: &Candidate, green: Vec<usize>, whole: bool) -> Self {
        Self {
            file: candidate.file,
            replacements: candidate.replacements.clone(),
            kind: candidate.kind,
            line: candidate.line,
            green,
            whole,
            preference: candidate.score * general(candidate),
        }
    }
}

/// How far a change of this kind is likely to hold beyond the tests: special cases and what was taken away are
/// cheap to try, but rarely what was meant.
fn general(candidate: &Candidate) -> f64 {
    let by_kind = match candidate.kind {
        EditKind::Comparison
        | EditKind::Arithmetic
        | EditKind::Boolean
        | EditKind::Negation
        | EditKind::Boundary
        | EditKind::Variable
        | EditKind::Attribute
        | EditKind::Arguments
        | EditKind::Function
        | EditKind::Receiver
        | EditKind::Default
        | EditKind::Exception
        | EditKind::Syntax => 1.0,
        EditKind::Constant
        | EditKind::Operand
        | EditKind::Slice
        | EditKind::Borrowed
        | EditKind::Wrapping
        | EditKind::Statement
        | EditKind::Branches => 0.9,
        EditKind::Return | EditKind::Move | EditKind::Condition | EditKind::Insertion => 0.8,
        EditKind::Guard => 0.6,
        EditKind::Deletion => 0.5,
        EditKind::Pair => 0.4,
    };
    let constant_condition =
        candidate.replacements.iter().any(|r| matches!(r.text.as_str(), "True" | "False"))
            && candidate.kind == EditKind::Condition;
    let by_kind = if constant_condition { by_kind * 0.4 } else { by_kind };
    if candidate.special { by_kind * 0.4 } else { by_kind }
}

/// The best first; ties by place and text, so that the order never depends on chance.
pub(crate) fn sort(choices: &mut [Choice]) {
    choices.sort_by(|a, b| b.preference.total_cmp(&a.preference).then_with(|| place(a).cmp(&place(b))));
}

/// The one that turns most targets green first, then as above.
pub(crate) fn sort_steps(choices: &mut [Choice]) {
    choices.sort_by(|a, b| {
        (b.green.len(), b.whole)
            .cmp(&(a.green.len(), a.whole))
            .then(b.preference.total_cmp(&a.preference))
            .then_with(|| place(a).cmp(&place(b)))
    });
}

fn place(choice: &Choice) -> (usize, &[Replacement]) {
    (choice.file, &choice.replacements)
}

/// The whole lines that differ, before and after.
pub(crate) fn changed_lines<'a>(before: &'a str, after: &'a str) -> (&'a str, &'a str) {
    let front: usize = before
        .split_inclusive('\n')
        .zip(after.split_inclusive('\n'))
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len())
        .sum();
    let (old, new) = (&before[front..], &after[front..]);
    let back: usize =
        lines_back(old).zip(lines_back(new)).take_while(|(a, b)| a == b).map(|(a, _)| a.len()).sum();
    (&old[..old.len() - back], &new[..new.len() - back])
}

fn lines_back(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').rev()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(kind: EditKind, score: f64, green: usize) -> Choice {
        let replacements = vec![Replacement { start: 0, end: 1, text: "x".into() }];
        let candidate = Candidate {
            file: 0,
            replacements,
            kind,
            score,
            line: 1,
            last_line: 1,
            scope: None,
            special: false,
        };
        Choice::of(&candidate, (0..green).collect(), false)
    }

    #[test]
    fn a_deletion_is_taken_only_when_nothing_else_is_near() {
        let mut list = vec![choice(EditKind::Deletion, 0.5, 1), choice(EditKind::Comparison, 0.4, 1)];
        sort(&mut list);
        assert_eq!(list[0].kind, EditKind::Comparison);
    }

    #[test]
    fn a_step_counts_by_what_it_turns_green() {
        let mut list = vec![choice(EditKind::Comparison, 1.0, 1), choice(EditKind::Guard, 0.1, 3)];
        sort_steps(&mut list);
        assert_eq!(list[0].kind, EditKind::Guard);
    }

    #[test]
    fn only_the_lines_that_differ_are_shown() {
        assert_eq!(changed_lines("a\nb\nc\n", "a\nx\ny\nc\n"), ("b\n", "x\ny\n"));
        assert_eq!(changed_lines("a\nc", "a\nb\nc"), ("", "b\n"));
        assert_eq!(changed_lines("a\n", "a\n"), ("", ""));
    }
}
