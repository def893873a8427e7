//! Conditions made stronger, weaker, opposite or other ones.

use tree_sitter::Node;

use super::grouped;
use super::index::nearest;
use super::place::Place;
use crate::EditKind::{Condition, Negation};
use crate::edit::Sink;
use crate::source::{Guess, descendants, field, named};

/// Most conditions that are offered at a place, and those of them that stand nearby.
const MOST: usize = 60;
const NEARBY: usize = 14;

pub(super) fn edits(place: &Place<'_>, sink: &mut Sink<'_>) {
    for (node, scale) in conditions_of(place) {
        changed(place, node, scale, sink);
    }
    filters(place, sink);
}

/// The conditions of a statement, with how likely the whole of one is wrong.
fn conditions_of<'t>(place: &Place<'t>) -> Vec<(Node<'t>, f64)> {
    let mut found = Vec::new();
    if matches!(place.node.kind(), "if_statement" | "elif_clause" | "while_statement") {
        found.extend(field(place.node, "condition").map(|n| (n, 1.0)));
    }
    for node in &place.nodes {
        match node.kind() {
            "conditional_expression" => found.extend(named(*node).get(1).map(|n| (*n, 0.8))),
            "if_clause" => found.extend(named(*node).first().map(|n| (*n, 0.9))),
            _ => {}
        }
    }
    match place.node.kind() {
        "return_statement" => found.extend(
            named(place.node)
                .into_iter()
                .filter(|n| place.guess(*n) == Guess::Bool || matches!(n.kind(), "boolean_operator" | "call"))
                .map(|n| (n, 0.6)),
        ),
        "assert_statement" => found.extend(named(place.node).first().map(|n| (*n, 0.5))),
        _ => {}
    }
    found
}

fn changed(place: &Place<'_>, node: Node<'_>, scale: f64, sink: &mut Sink<'_>) {
    let text = place.text(node);
    if node.kind() != "not_operator" {
        sink.replace(Negation, 0.8 * scale, node.byte_range(), format!("not {}", grouped(place.file, node)));
    }
    for value in ["True", "False"] {
        if text != value {
            sink.replace(Condition, 0.2 * scale, node.byte_range(), value);
        }
    }
    if matches!(node.kind(), "identifier" | "attribute" | "call" | "subscript") {
        for (test, weight) in [
            ("is not None", 0.7),
            ("is None", 0.4),
            ("> 0", 0.25),
            ("== 0", 0.2),
            ("> 1", 0.2),
            ("!= 0", 0.15),
        ] {
            sink.replace(Condition, weight * scale, node.byte_range(), format!("{text} {test}"));
        }
        sink.replace(Condition, 0.25 * scale, node.byte_range(), format!("len({text}) > 1"));
    }
    truth(place, node, scale, sink);
    let both = side(place, node);
    for (other, weight) in simple(place, Some(node)) {
        if other == text {
            continue;
        }
        let other_side = if other.contains(" or ") { format!("({other})") } else { other.clone() };
        sink.replace(Condition, 0.45 * weight * scale, node.byte_range(), format!("{both} and {other_side}"));
        sink.replace(Condition, 0.45 * weight * scale, node.byte_range(), format!("{text} or {other}"));
        sink.replace(Condition, 0.3 * weight * scale, node.byte_range(), format!("{other_side} and {both}"));
        sink.replace(Condition, 0.2 * weight * scale, node.byte_range(), format!("{other} or {text}"));
        sink.replace(Condition, 0.25 * weight * scale, node.byte_range(), other);
    }
}

/// The condition as one side of an `and`.
fn side(place: &Place<'_>, node: Node<'_>) -> String {
    let is_or =
        node.kind() == "boolean_operator" && field(node, "operator").is_some_and(|o| o.kind() == "or");
    if is_or || matches!(node.kind(), "conditional_expression" | "lambda" | "named_expression") {
        format!("({})", place.text(node))
    } else {
        place.text(node).to_owned()
    }
}

/// `x is None` as `not x`, `x == 0` as `not x`, and so on.
fn truth(place: &Place<'_>, node: Node<'_>, scale: f64, sink: &mut Sink<'_>) {
    if node.kind() != "comparison_operator" {
        return;
    }
    let parts = named(node);
    let [left, right] = parts[..] else { return };
    if matches!(right.kind(), "none" | "integer" | "string" | "list" | "false" | "true") {
        sink.replace(Condition, 0.35 * scale, node.byte_range(), grouped(place.file, left));
        sink.replace(
            Condition,
            0.35 * scale,
            node.byte_range(),
            format!("not {}", grouped(place.file, left)),
        );
    }
}

/// A condition for a comprehension that has none.
fn filters(place: &Place<'_>, sink: &mut Sink<'_>) {
    for node in &place.nodes {
        let comprehension = node.kind().ends_with("comprehension") || node.kind() == "generator_expression";
        if !comprehension {
            continue;
        }
        let parts = named(*node);
        let Some(last) = parts.last() else { continue };
        if let Some(clause) = parts.iter().find(|p| p.kind() == "if_clause") {
            sink.replace(Condition, 0.4, clause.start_byte()..clause.end_byte(), "");
            continue;
        }
        let inner = parts.first().copied().unwrap_or(*node);
        for name in place.bound_around(inner).into_iter().take(3) {
            for (text, weight) in [
                (name.clone(), 0.4),
                (format!("{name} is not None"), 0.35),
                (format!("not {name}"), 0.15),
                (format!("{name} > 0"), 0.25),
                (format!("{name} != 0"), 0.15),
            ] {
                sink.replace(Condition, weight, last.end_byte()..last.end_byte(), format!(" if {text}"));
            }
            for other in place.names.near.iter().filter(|n| Some(*n) != place.names.receiver.as_ref()).take(5)
            {
                for (operator, weight) in
                    [("!=", 0.25), ("in", 0.15), ("not in", 0.2), ("<", 0.12), (">", 0.12), ("==", 0.12)]
                {
                    let text = format!(" if {name} {operator} {other}");
                    sink.replace(Condition, weight, last.end_byte()..last.end_byte(), text);
                }
            }
        }
    }
}

/// Conditions that may be meant here, the likeliest first: those nearby, then simple ones of the names in scope.
pub(super) fn simple(place: &Place<'_>, here: Option<Node<'_>>) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = Vec::new();
    let mut put = |text: String, weight: f64| {
        if !found.iter().any(|(t, _)| *t == text) {
            found.push((text, weight));
        }
    };
    for text in nearby(place) {
        put(text, 0.7);
    }
    let used = here.map_or_else(Vec::new, |n| used_in(place, n));
    let own_parameters = place.inside().map_or(&[][..], |f| &f.parameters);
    let mut names: Vec<String> = here.map_or_else(Vec::new, |n| place.bound_around(n));
    names.extend(place.names.near.iter().filter(|n| Some(*n) != place.names.receiver.as_ref()).cloned());
    names.truncate(8);
    for (at, name) in names.iter().enumerate() {
        let near = if used.iter().any(|u| u == name) || own_parameters.contains(name) { 1.0 } else { 0.7 };
        let weight = near / (1.0 + 0.12 * at as f64);
        let guess = place.guess_name(name);
        let list: &[(&str, f64)] = match guess {
            Guess::Number => &[
                ("{} > 0", 0.6),
                ("{} == 0", 0.5),
                ("{} < 0", 0.5),
                ("{}", 0.3),
                ("{} <= 0", 0.4),
                ("{} >= 0", 0.4),
                ("{} <= 1", 0.35),
                ("{} > 1", 0.3),
                ("{} is not None", 0.3),
                ("{} == 1", 0.3),
                ("{} < 1", 0.2),
                ("{} < 2", 0.3),
                ("{} % 2 == 0", 0.15),
            ],
            Guess::Bool => &[("{}", 0.7), ("not {}", 0.7)],
            Guess::List | Guess::Dict | Guess::Set | Guess::Text => &[
                ("{}", 0.7),
                ("not {}", 0.7),
                ("len({}) > 1", 0.4),
                ("len({}) <= 1", 0.4),
                ("len({}) == 1", 0.25),
                ("{} is None", 0.3),
                ("{} is not None", 0.3),
            ],
            Guess::Nothing => &[("{} is not None", 0.7), ("{} is None", 0.7), ("{}", 0.5), ("not {}", 0.5)],
            Guess::Unknown => &[
                ("{}", 0.6),
                ("not {}", 0.6),
                ("{} is not None", 0.5),
                ("{} is None", 0.5),
                ("{} > 0", 0.35),
                ("{} == 0", 0.4),
                ("{} < 0", 0.3),
                ("{} <= 0", 0.35),
                ("{} == 1", 0.2),
                ("{} <= 1", 0.3),
                ("{} > 1", 0.2),
                ("len({}) <= 1", 0.3),
                ("len({}) == 0", 0.3),
                ("len({}) > 1", 0.25),
                ("{} < 2", 0.2),
                ("isinstance({}, str)", 0.2),
                ("not isinstance({}, str)", 0.2),
                ("isinstance({}, (list, tuple))", 0.1),
                ("isinstance({}, list)", 0.15),
                ("isinstance({}, bool)", 0.12),
                ("isinstance({}, int)", 0.1),
                ("isinstance({}, dict)", 0.1),
                ("not {}.strip()", 0.1),
            ],
        };
        for (form, amount) in list {
            put(form.replace("{}", name), weight * amount);
        }
    }
    for (at, first) in names.iter().enumerate() {
        for second in names.iter().skip(at + 1).take(4) {
            let (a, b) = (place.guess_name(first), place.guess_name(second));
            for (operator, amount) in
                [("==", 0.3), ("!=", 0.3), ("<", 0.25), (">", 0.25), ("<=", 0.2), (">=", 0.2)]
            {
                if a == b || a == Guess::Unknown || b == Guess::Unknown {
                    put(format!("{first} {operator} {second}"), amount);
                }
            }
            for (one, other, of) in [(first, second, b), (second, first, a)] {
                if matches!(of, Guess::Unknown | Guess::List | Guess::Dict | Guess::Set | Guess::Text) {
                    put(format!("{one} in {other}"), 0.25);
                    put(format!("{one} not in {other}"), 0.25);
                    if place.guess_name(one) != Guess::Text {
                        put(format!("{one} < len({other})"), 0.25);
                        put(format!("{one} >= len({other})"), 0.15);
                    }
                }
            }
        }
    }
    if let Some(receiver) = &place.names.receiver {
        for attribute in place.names.attributes.iter().take(10) {
            let name = format!("{receiver}.{attribute}");
            for (form, amount) in [
                ("{}", 0.4),
                ("not {}", 0.4),
                ("{} is None", 0.3),
                ("{} is not None", 0.3),
                ("{} == 0", 0.15),
                ("{} > 0", 0.15),
            ] {
                put(form.replace("{}", &name), amount);
            }
            for parameter in own_parameters.iter().filter(|p| *p != receiver).take(3) {
                for operator in ["in", "not in", "==", "!=", "<", ">", ">=", "<="] {
                    put(format!("{parameter} {operator} {name}"), 0.2);
                }
                put(format!("{parameter} > len({name})"), 0.1);
            }
        }
    }
    found.retain(|(_, weight)| *weight > 0.0);
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found.truncate(MOST);
    found
}

fn used_in(place: &Place<'_>, node: Node<'_>) -> Vec<String> {
    descendants(node)
        .into_iter()
        .filter(|n| n.kind() == "identifier")
        .map(|n| place.text(n).to_owned())
        .collect()
}

/// Conditions and parts of them from the same function, then from its class and file.
fn nearby(place: &Place<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, node) in nearest(&place.index.conditions, place.function, place.node.start_byte(), 3 * NEARBY) {
        let text = place.text(node);
        let own = place.node.byte_range().contains(&node.start_byte());
        if !own && !found.iter().any(|f| f == text) && place.knows_names_of(node) {
            found.push(text.to_owned());
        }
    }
    found.truncate(NEARBY);
    found
}
