//! Expressions taken from similar code: the same kind of slot elsewhere in the function or file.

use tree_sitter::Node;

use super::index::nearest;
use super::place::{Place, similarity};
use crate::EditKind::Borrowed;
use crate::edit::Sink;
use crate::source::{Guess, field, named};

/// Most expressions that are offered for one slot.
const MOST: usize = 20;

pub(super) fn edits(place: &Place<'_>, sink: &mut Sink<'_>) {
    let own: Vec<(&str, Node<'_>)> =
        place.nodes.iter().chain([&place.node]).flat_map(|n| slots(*n)).collect();
    if own.is_empty() {
        return;
    }
    for (slot, node) in own {
        let mut count = 0;
        let mut seen: Vec<&str> = vec![place.text(node)];
        let offers = place.index.slots.get(slot).map_or(&[][..], Vec::as_slice);
        for (same, value) in nearest(offers, place.function, place.node.start_byte(), 3 * MOST) {
            let text = place.text(value);
            if seen.contains(&text)
                || inside(value, node)
                || !place.knows_names_of(value)
                || !fits(place, node, value)
            {
                continue;
            }
            seen.push(text);
            let near = if same { 1.0 } else { 0.55 };
            let weight =
                0.45 * near * (0.4 + similarity(place.text(node), text)) / (1.0 + 0.08 * f64::from(count));
            sink.replace(Borrowed, weight, node.byte_range(), text);
            count += 1;
            if count as usize == MOST {
                break;
            }
        }
    }
}

/// The expressions of a node that stand at a place of their own, with the name of the place.
pub(super) fn slots<'t>(node: Node<'t>) -> Vec<(&'static str, Node<'t>)> {
    let one =
        |slot: &'static str, node: Option<Node<'t>>| node.map(|n| (slot, n)).into_iter().collect::<Vec<_>>();
    match node.kind() {
        "assignment" => one("value", field(node, "right")),
        "augmented_assignment" => one("step", field(node, "right")),
        "return_statement" => one("value", named(node).into_iter().next()),
        "if_statement" | "elif_clause" | "while_statement" => one("condition", field(node, "condition")),
        "if_clause" => one("condition", named(node).into_iter().next()),
        "for_statement" | "for_in_clause" => one("iterable", field(node, "right")),
        "subscript" => one("index", field(node, "subscript").filter(|s| s.kind() != "slice")),
        "slice" => named(node).into_iter().map(|n| ("index", n)).collect(),
        "argument_list" => named(node)
            .into_iter()
            .filter(|n| n.kind() != "keyword_argument" && !n.kind().ends_with("splat"))
            .map(|n| ("argument", n))
            .collect(),
        "keyword_argument" => one("argument", field(node, "value")),
        _ => Vec::new(),
    }
}

fn inside(inner: Node<'_>, outer: Node<'_>) -> bool {
    inner.start_byte() >= outer.start_byte() && inner.end_byte() <= outer.end_byte()
}

fn fits(place: &Place<'_>, node: Node<'_>, other: Node<'_>) -> bool {
    if matches!(
        other.kind(),
        "yield"
            | "assignment"
            | "generator_expression"
            | "expression_list"
            | "named_expression"
            | "lambda"
            | "await"
    ) || matches!(node.kind(), "yield" | "assignment" | "expression_list" | "generator_expression")
    {
        return false;
    }
    let (a, b) = (place.guess(node), place.guess(other));
    a == b || a == Guess::Unknown || b == Guess::Unknown || a == Guess::Nothing
}
