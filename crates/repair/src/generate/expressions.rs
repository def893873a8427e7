//! Other operators, other operands, other grouping.

use tree_sitter::Node;

use super::grouped;
use super::place::Place;
use crate::EditKind::{Arithmetic, Boolean, Boundary, Comparison, Negation, Operand, Statement};
use crate::edit::{Replacement, Sink};
use crate::source::{Guess, children, field, named};

pub(super) fn edits(place: &Place<'_>, sink: &mut Sink<'_>) {
    for node in &place.nodes {
        match node.kind() {
            "comparison_operator" => comparison(place, *node, sink),
            "binary_operator" => binary(place, *node, sink),
            "boolean_operator" => boolean(place, *node, sink),
            "not_operator" => {
                if let Some(inner) = field(*node, "argument") {
                    sink.replace(Negation, 0.9, node.byte_range(), place.text(inner));
                }
            }
            "unary_operator" => unary(place, *node, sink),
            "augmented_assignment" => augmented(place, *node, sink),
            "parenthesized_expression" => ungroup(place, *node, sink),
            "conditional_expression" => conditional(place, *node, sink),
            _ => {}
        }
    }
}

/// Comparison operators and what stands in their place, with weights.
const COMPARISONS: &[(&str, &[(&str, f64)])] = &[
    ("<", &[("<=", 1.0), (">", 0.75), (">=", 0.6), ("!=", 0.35), ("==", 0.25)]),
    ("<=", &[("<", 1.0), (">=", 0.75), (">", 0.6), ("==", 0.35), ("!=", 0.2)]),
    (">", &[(">=", 1.0), ("<", 0.75), ("<=", 0.6), ("!=", 0.35), ("==", 0.25)]),
    (">=", &[(">", 1.0), ("<=", 0.75), ("<", 0.6), ("==", 0.35), ("!=", 0.2)]),
    (
        "==",
        &[
            ("!=", 1.0),
            (">=", 0.4),
            ("<=", 0.4),
            ("is", 0.2),
            (">", 0.3),
            ("<", 0.3),
            ("in", 0.3),
            ("not in", 0.15),
        ],
    ),
    (
        "!=",
        &[
            ("==", 1.0),
            (">", 0.4),
            ("<", 0.4),
            (">=", 0.25),
            ("<=", 0.25),
            ("is not", 0.2),
            ("not in", 0.3),
            ("in", 0.15),
        ],
    ),
    ("in", &[("not in", 1.0), ("==", 0.3), ("!=", 0.15)]),
    ("not in", &[("in", 1.0), ("!=", 0.3), ("==", 0.15)]),
    ("is", &[("is not", 1.0), ("==", 0.4), ("!=", 0.2)]),
    ("is not", &[("is", 1.0), ("!=", 0.4), ("==", 0.2)]),
];

fn comparison(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let parts = children(node);
    let operators: Vec<usize> = (0..parts.len()).filter(|n| !parts[*n].is_named()).collect();
    for at in &operators {
        let own = parts[*at].kind();
        for (other, weight) in
            COMPARISONS.iter().find(|(o, _)| *o == own).map_or(&[][..], |(_, others)| *others)
        {
            sink.replace(Comparison, *weight, parts[*at].byte_range(), *other);
        }
    }
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return };
    if operators.len() == 1 {
        let operator = &place.file.text[first.end_byte()..last.start_byte()];
        let swapped = format!("{}{operator}{}", place.text(*last), place.text(*first));
        sink.replace(Operand, 0.25, node.byte_range(), swapped);
        if matches!(parts[operators[0]].kind(), "<" | "<=" | ">" | ">=" | "==" | "!=") {
            for side in [first, last] {
                off_by_one(place, *side, 0.45, sink);
            }
        }
        sink.replace(Operand, 0.12, node.byte_range(), place.text(*first));
        sink.replace(Operand, 0.12, node.byte_range(), place.text(*last));
    } else {
        // `a < b < c`: each half alone, and the two of them joined.
        for pair in operators.windows(2) {
            let (left, middle, right) = (pair[0], parts[pair[0] + 1], pair[1]);
            sink.replace(
                Comparison,
                0.45,
                node.start_byte()..parts[right].start_byte(),
                String::new()
                    + &place.file.text[node.start_byte()..middle.end_byte()]
                    + " and "
                    + place.text(middle)
                    + " ",
            );
            sink.replace(Comparison, 0.4, parts[left].start_byte()..parts[right].start_byte(), "");
            sink.replace(Comparison, 0.4, middle.end_byte()..node.end_byte(), "");
            sink.replace(Comparison, 0.4, node.start_byte()..middle.start_byte(), "");
            let (a, b) = (parts[left].kind(), parts[right].kind());
            if a != b {
                for op in [a, b] {
                    sink.push(Comparison, 0.5, vec![swap(parts[left], op), swap(parts[right], op)]);
                }
            } else if let Some((_, others)) = COMPARISONS.iter().find(|(o, _)| *o == a) {
                for (other, weight) in others.iter().take(3) {
                    sink.push(
                        Comparison,
                        0.6 * weight,
                        vec![swap(parts[left], other), swap(parts[right], other)],
                    );
                }
            }
        }
    }
}

fn swap(node: Node<'_>, text: &str) -> Replacement {
    Replacement { start: node.start_byte(), end: node.end_byte(), text: text.into() }
}

/// One more and one less than a numeric expression; integers have their own neighbours among the literals.
pub(super) fn off_by_one(place: &Place<'_>, node: Node<'_>, weight: f64, sink: &mut Sink<'_>) {
    let guess = place.guess(node);
    let weight = match (node.kind(), guess) {
        (
            "integer" | "float" | "string" | "none" | "true" | "false" | "lambda" | "list" | "dictionary"
            | "unary_operator",
            _,
        ) => return,
        (_, Guess::Number) => weight,
        (_, Guess::Unknown) => weight * 0.6,
        _ => return,
    };
    let text =
        if binds_at_least_as_sum(node) { place.text(node).to_owned() } else { grouped(place.file, node) };
    sink.replace(Boundary, weight, node.byte_range(), format!("{text} + 1"));
    sink.replace(Boundary, weight, node.byte_range(), format!("{text} - 1"));
}

fn binds_at_least_as_sum(node: Node<'_>) -> bool {
    node.kind() == "binary_operator"
        && field(node, "operator")
            .is_some_and(|o| matches!(o.kind(), "+" | "-" | "*" | "/" | "//" | "%" | "**"))
}

const ARITHMETIC: &[(&str, &[(&str, f64)])] = &[
    ("+", &[("-", 1.0), ("*", 0.35), ("//", 0.1), ("%", 0.1)]),
    ("-", &[("+", 1.0), ("*", 0.2), ("//", 0.15), ("%", 0.15)]),
    ("*", &[("/", 0.6), ("+", 0.6), ("**", 0.45), ("//", 0.4), ("-", 0.25)]),
    ("/", &[("//", 1.0), ("*", 0.7), ("%", 0.3), ("-", 0.15)]),
    ("//", &[("/", 1.0), ("%", 0.7), ("*", 0.5), (">>", 0.1)]),
    ("%", &[("//", 0.9), ("/", 0.4), ("*", 0.2)]),
    ("**", &[("*", 0.9), ("^", 0.1), ("//", 0.1)]),
    ("&", &[("|", 1.0), ("^", 0.6), ("-", 0.3)]),
    ("|", &[("&", 1.0), ("^", 0.6), ("-", 0.3)]),
    ("^", &[("&", 0.9), ("|", 0.9), ("**", 0.5)]),
    ("<<", &[(">>", 1.0), ("*", 0.2)]),
    (">>", &[("<<", 1.0), ("//", 0.2)]),
    ("@", &[("*", 0.6)]),
];

fn binary(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let (Some(left), Some(right), Some(operator)) =
        (field(node, "left"), field(node, "right"), field(node, "operator"))
    else {
        return;
    };
    // `"%s" % x` formats, it doesn't count.
    let formats = operator.kind() == "%" && place.guess(left) == Guess::Text;
    let text = !formats && place.guess(node) == Guess::Text;
    let scale = if formats || text { 0.1 } else { 1.0 };
    for (other, weight) in ARITHMETIC.iter().find(|(o, _)| *o == operator.kind()).map_or(&[][..], |(_, o)| *o)
    {
        sink.replace(Arithmetic, weight * scale, operator.byte_range(), *other);
    }
    if formats {
        return;
    }
    let between = &place.file.text[left.end_byte()..right.start_byte()];
    let swapped = format!("{}{between}{}", grouped(place.file, right), grouped(place.file, left));
    let weight = if matches!(operator.kind(), "-" | "/" | "//" | "%" | "**" | "<<" | ">>") || text {
        0.55
    } else {
        0.15
    };
    sink.replace(Operand, weight, node.byte_range(), swapped);
    let is_small = |n: Node<'_>| n.kind() == "integer";
    sink.replace(Operand, if is_small(right) { 0.7 } else { 0.4 }, node.byte_range(), place.text(left));
    sink.replace(Operand, if is_small(left) { 0.7 } else { 0.3 }, node.byte_range(), place.text(right));
    regroup(place, node, left, right, sink);
}

/// `a - b - c` as `a - (b - c)`, `a + b * c` as `(a + b) * c`, and the other way about.
fn regroup(place: &Place<'_>, node: Node<'_>, left: Node<'_>, right: Node<'_>, sink: &mut Sink<'_>) {
    let text = &place.file.text;
    if left.kind() == "binary_operator"
        && let (Some(a), Some(b)) = (field(left, "left"), field(left, "right"))
    {
        let grouped =
            format!("{}({})", &text[a.start_byte()..b.start_byte()], &text[b.start_byte()..right.end_byte()]);
        sink.replace(Operand, 0.3, node.byte_range(), grouped);
    }
    if right.kind() == "binary_operator"
        && let (Some(a), Some(b)) = (field(right, "left"), field(right, "right"))
    {
        let grouped =
            format!("({}){}", &text[left.start_byte()..a.end_byte()], &text[a.end_byte()..b.end_byte()]);
        sink.replace(Operand, 0.3, node.byte_range(), grouped);
    }
}

fn ungroup(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let Some(inner) = named(node).into_iter().next() else { return };
    let in_expression = node.parent().is_some_and(|p| {
        matches!(
            p.kind(),
            "binary_operator"
                | "boolean_operator"
                | "not_operator"
                | "comparison_operator"
                | "unary_operator"
        )
    });
    if in_expression
        && matches!(inner.kind(), "binary_operator" | "boolean_operator")
        && node.start_position().row == node.end_position().row
    {
        sink.replace(Operand, 0.4, node.byte_range(), place.text(inner));
    }
}

fn boolean(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let (Some(left), Some(right), Some(operator)) =
        (field(node, "left"), field(node, "right"), field(node, "operator"))
    else {
        return;
    };
    sink.replace(Boolean, 1.0, operator.byte_range(), if operator.kind() == "and" { "or" } else { "and" });
    sink.replace(Operand, 0.6, node.byte_range(), place.text(left));
    sink.replace(Operand, 0.6, node.byte_range(), place.text(right));
    for side in [left, right] {
        if side.kind() != "not_operator" {
            sink.replace(Negation, 0.6, side.byte_range(), format!("not {}", grouped(place.file, side)));
        }
    }
    let between = &place.file.text[left.end_byte()..right.start_byte()];
    if left.kind() != "boolean_operator" && right.kind() != "boolean_operator" {
        let swapped = format!("{}{between}{}", place.text(right), place.text(left));
        sink.replace(Operand, 0.3, node.byte_range(), swapped);
        sink.replace(Negation, 0.25, node.byte_range(), format!("not ({})", place.text(node)));
    }
    let text = &place.file.text;
    if left.kind() == "boolean_operator"
        && let (Some(a), Some(b)) = (field(left, "left"), field(left, "right"))
    {
        let grouped =
            format!("{}({})", &text[a.start_byte()..b.start_byte()], &text[b.start_byte()..right.end_byte()]);
        sink.replace(Operand, 0.4, node.byte_range(), grouped);
    }
    if right.kind() == "boolean_operator"
        && let (Some(a), Some(b)) = (field(right, "left"), field(right, "right"))
    {
        let grouped =
            format!("({}){}", &text[left.start_byte()..a.end_byte()], &text[a.end_byte()..b.end_byte()]);
        sink.replace(Operand, 0.4, node.byte_range(), grouped);
    }
}

fn unary(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let (Some(inner), Some(operator)) = (field(node, "argument"), field(node, "operator")) else { return };
    sink.replace(Arithmetic, 0.7, node.byte_range(), place.text(inner));
    match operator.kind() {
        "~" => sink.replace(Arithmetic, 0.4, node.byte_range(), format!("-{}", place.text(inner))),
        _ => sink.replace(Arithmetic, 0.1, node.byte_range(), format!("~{}", place.text(inner))),
    }
}

const AUGMENTED: &[(&str, &[(&str, f64)])] = &[
    ("+=", &[("-=", 1.0), ("=", 0.6), ("*=", 0.4), ("|=", 0.1)]),
    ("-=", &[("+=", 1.0), ("=", 0.6), ("//=", 0.2), ("%=", 0.15)]),
    ("*=", &[("/=", 0.5), ("+=", 0.7), ("=", 0.4), ("//=", 0.35), ("**=", 0.25)]),
    ("/=", &[("//=", 0.9), ("*=", 0.7), ("=", 0.3)]),
    ("//=", &[("/=", 0.7), ("*=", 0.5), ("%=", 0.5), ("=", 0.3), ("-=", 0.3)]),
    ("%=", &[("//=", 0.8), ("=", 0.3)]),
    ("|=", &[("&=", 0.9), ("^=", 0.5), ("=", 0.5), ("+=", 0.2)]),
    ("&=", &[("|=", 0.9), ("^=", 0.5), ("=", 0.4)]),
    ("^=", &[("|=", 0.7), ("&=", 0.7), ("=", 0.4)]),
    ("<<=", &[(">>=", 1.0), ("=", 0.2)]),
    (">>=", &[("<<=", 1.0), ("=", 0.2)]),
];

fn augmented(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let Some(operator) = field(node, "operator") else { return };
    for (other, weight) in AUGMENTED.iter().find(|(o, _)| *o == operator.kind()).map_or(&[][..], |(_, o)| *o)
    {
        let kind = if *other == "=" { Statement } else { Arithmetic };
        sink.replace(kind, *weight, operator.byte_range(), *other);
    }
    if let Some(right) = field(node, "right") {
        off_by_one(place, right, 0.3, sink);
        if place.guess(right) != Guess::Text && right.kind() != "unary_operator" {
            sink.replace(Arithmetic, 0.1, right.byte_range(), format!("-{}", grouped(place.file, right)));
        }
    }
}

fn conditional(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let parts = named(node);
    if let [yes, condition, no] = parts[..] {
        let swapped = format!("{} if {} else {}", place.text(no), place.text(condition), place.text(yes));
        sink.replace(crate::EditKind::Branches, 0.7, node.byte_range(), swapped);
        sink.replace(Operand, 0.35, node.byte_range(), place.text(yes));
        sink.replace(Operand, 0.35, node.byte_range(), place.text(no));
    }
}
