//! Other constants, and bounds that are off by one.

use tree_sitter::Node;

use super::expressions::off_by_one;
use super::place::Place;
use super::texts;
use crate::EditKind::{Boundary, Constant, Slice};
use crate::edit::Sink;
use crate::source::{Guess, children, descendants, field, named};

pub(super) fn edits(place: &Place<'_>, sink: &mut Sink<'_>) {
    for node in &place.nodes {
        match node.kind() {
            "integer" => integer(place, *node, sink),
            "float" => float(place, *node, sink),
            "string" => texts::edits(place, *node, sink),
            "true" => others(*node, &[("False", 1.0), ("None", 0.3), ("0", 0.05)], sink),
            "false" => others(*node, &[("True", 1.0), ("None", 0.3), ("1", 0.05)], sink),
            "none" => none(place, *node, sink),
            "list" | "dictionary" | "tuple" => collection(place, *node, sink),
            "subscript" => subscript(place, *node, sink),
            "slice" => slice(place, *node, sink),
            "call" => range(place, *node, sink),
            "return_statement" | "assignment" | "argument_list" => {}
            _ => {}
        }
    }
    match place.node.kind() {
        "return_statement" => {
            for value in named(place.node) {
                off_by_one(place, value, 0.35, sink);
            }
        }
        "expression_statement" => {
            for node in named(place.node).into_iter().filter(|n| n.kind() == "assignment") {
                if let Some(right) = field(node, "right") {
                    // `high = middle - 1` elsewhere makes `low = middle + 1` likely.
                    let own = place.text(right);
                    let alike = right.kind() == "identifier"
                        && [" + 1", " - 1"].iter().any(|s| place.file.text.contains(&format!("{own}{s}")));
                    // A bound that moves to a middle without passing it is how searches hang.
                    let stuck = right.kind() == "identifier" && place.in_loop();
                    let weight = if alike {
                        1.0
                    } else if stuck {
                        0.85
                    } else {
                        0.4
                    };
                    off_by_one(place, right, weight, sink);
                }
            }
        }
        _ => {}
    }
}

fn others(node: Node<'_>, list: &[(&str, f64)], sink: &mut Sink<'_>) {
    for (other, weight) in list {
        sink.replace(Constant, *weight, node.byte_range(), *other);
    }
}

fn integer(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let own = place.text(node);
    let Ok(value) = own.replace('_', "").parse::<i64>() else {
        return other_numbers(place, node, own, 0.4, sink);
    };
    // `-1` is written as an operator and a number: both are changed together.
    let minus = node
        .parent()
        .filter(|p| p.kind() == "unary_operator" && field(*p, "operator").is_some_and(|o| o.kind() == "-"));
    let (range, value) = match minus {
        Some(outer) => (outer.byte_range(), -value),
        None => (node.byte_range(), value),
    };
    let kind = if place_of_bound(node) { Boundary } else { Constant };
    let mut news: Vec<(i64, f64)> = Vec::new();
    let mut put = |new: i64, weight: f64| news.push((new, weight));
    // A factor of one or a divisor of none is rarely meant.
    let factor = node
        .parent()
        .and_then(|p| field(p, "operator"))
        .is_some_and(|o| matches!(o.kind(), "*" | "/" | "//" | "%" | "**"));
    let scale = if factor { 0.5 } else { 1.0 };
    put(value.wrapping_add(1), 0.9 * scale);
    put(value.wrapping_sub(1), 0.9 * scale);
    for (new, weight) in [(0, 0.6), (1, 0.6), (-1, 0.45), (2, 0.35)] {
        put(new, if factor { weight * 0.3 } else { weight });
    }
    put(value.wrapping_neg(), 0.35);
    put(value.wrapping_add(2), 0.15);
    put(value.wrapping_sub(2), 0.15);
    for (new, weight) in
        [(value.wrapping_mul(10), 0.3), (value / 10, 0.3), (value.wrapping_mul(2), 0.2), (value / 2, 0.2)]
    {
        put(new, weight);
    }
    if value.abs() >= 100 {
        for (new, weight) in [(value.wrapping_mul(100), 0.12), (value / 100, 0.12)] {
            put(new, weight);
        }
    }
    for new in [7, 8, 10, 12, 16, 24, 26, 31, 32, 60, 64, 100, 256, 360, 365, 400, 1000, 1024, 3600] {
        put(new, if value.abs() > 2 { 0.12 } else { 0.04 });
    }
    for new in [3, 4, 5, 6, 9] {
        put(new, 0.1);
    }
    if place.node.kind() == "expression_statement" && value.abs() <= 1 {
        for name in place
            .names
            .near
            .iter()
            .take(5)
            .filter(|n| matches!(place.guess_name(n), Guess::List | Guess::Unknown))
        {
            if Some(name) != place.names.receiver.as_ref() {
                sink.replace(crate::EditKind::Variable, 0.32, range.clone(), format!("{name}[0]"));
            }
        }
    }
    for (got, wanted) in place.hints.number_differences() {
        put(value.wrapping_add(wanted.wrapping_sub(got)), 0.3);
    }
    for (new, weight) in news.into_iter().filter(|(new, _)| *new != value) {
        sink.replace(kind, weight, range.clone(), new.to_string());
    }
    if value.abs() <= 1 {
        for (new, weight) in
            [("None", 0.12), ("True", 0.05), ("False", 0.05), ("float('inf')", 0.08), ("float('-inf')", 0.08)]
        {
            sink.replace(Constant, weight, range.clone(), new);
        }
    }
    for name in place.names.near.iter().take(8) {
        if place.guess_name(name) == Guess::Number {
            sink.replace(crate::EditKind::Variable, 0.25, range.clone(), name.clone());
        } else if Some(name) != place.names.receiver.as_ref() {
            sink.replace(crate::EditKind::Variable, 0.12, range.clone(), name.clone());
        }
    }
    other_numbers(place, node, own, 0.22, sink);
}

/// Whether a number stands in an index, a slice or a range.
fn place_of_bound(node: Node<'_>) -> bool {
    node.parent().is_some_and(|p| match p.kind() {
        "subscript" | "slice" => true,
        "argument_list" => p.prev_sibling().is_some_and(|f| f.kind() == "identifier"),
        _ => false,
    })
}

fn float(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let own = place.text(node);
    if let Ok(value) = own.replace('_', "").parse::<f64>() {
        let short = |v: f64| {
            let text = format!("{:.10}", v);
            let text = text.trim_end_matches('0');
            if text.ends_with('.') { format!("{text}0") } else { text.to_owned() }
        };
        for (new, weight) in [
            (value * 10.0, 0.5),
            (value / 10.0, 0.5),
            (value + 1.0, 0.4),
            (value - 1.0, 0.4),
            (1.0 - value, 0.4),
            (1.0 + value, 0.4),
            (value * 100.0, 0.3),
            (value / 100.0, 0.3),
            (value * 2.0, 0.2),
            (value / 2.0, 0.25),
            (0.0, 0.3),
            (1.0, 0.3),
            (-value, 0.2),
        ] {
            if new.is_finite() && new != value {
                sink.replace(Constant, weight, node.byte_range(), short(new));
            }
        }
    }
    other_numbers(place, node, own, 0.4, sink);
}

/// Numbers that the failing tests or the rest of the file speak of.
fn other_numbers(place: &Place<'_>, node: Node<'_>, own: &str, weight: f64, sink: &mut Sink<'_>) {
    sink.special = true;
    for (at, number) in place.hints.numbers.iter().take(24).enumerate() {
        if number != own {
            sink.replace(Constant, weight / (1.0 + 0.12 * at as f64), node.byte_range(), number.clone());
        }
    }
    sink.special = false;
    for number in literals_nearby(place, &["integer", "float"], 10) {
        if number != own {
            sink.replace(Constant, 0.25, node.byte_range(), number);
        }
    }
}

/// Literals of the function around, each once.
pub(super) fn literals_nearby<'a>(place: &Place<'a>, kinds: &[&str], at_most: usize) -> Vec<&'a str> {
    let root = place.file.tree.root_node();
    let around = place
        .inside()
        .and_then(|f| root.descendant_for_byte_range(f.body_start, f.body_start))
        .and_then(|n| n.parent())
        .map_or(root, |n| if n.kind() == "block" { n } else { n.parent().unwrap_or(n) });
    let mut found: Vec<&str> = Vec::new();
    for node in descendants(around).into_iter().filter(|n| kinds.contains(&n.kind())) {
        let text = &place.file.text[node.byte_range()];
        if text.len() <= 40
            && !found.contains(&text)
            && node.parent().is_none_or(|p| p.kind() != "expression_statement")
        {
            found.push(text);
            if found.len() == at_most {
                break;
            }
        }
    }
    found
}

fn none(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let list = [
        ("False", 0.35),
        ("True", 0.35),
        ("0", 0.3),
        ("''", 0.3),
        ("[]", 0.3),
        ("{}", 0.25),
        ("1", 0.15),
        ("()", 0.1),
        ("-1", 0.15),
    ];
    others(node, &list, sink);
    for (name, weight) in place.names_instead(node, "").into_iter().take(8) {
        sink.replace(crate::EditKind::Variable, 0.3 * weight, node.byte_range(), name);
    }
}

fn collection(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let inside = named(node);
    match (node.kind(), inside.is_empty()) {
        ("list", true) => others(
            node,
            &[
                ("[[]]", 0.3),
                ("{}", 0.3),
                ("None", 0.25),
                ("set()", 0.25),
                ("()", 0.1),
                ("''", 0.15),
                ("0", 0.1),
                ("[0]", 0.2),
                ("[1]", 0.2),
            ],
            sink,
        ),
        ("dictionary", true) => others(node, &[("[]", 0.3), ("set()", 0.25), ("None", 0.25)], sink),
        ("tuple", true) => others(node, &[("[]", 0.2), ("None", 0.2)], sink),
        _ => {}
    }
    if node.kind() == "list" && inside.is_empty() {
        for name in place.names.near.iter().take(6).filter(|n| Some(*n) != place.names.receiver.as_ref()) {
            sink.replace(Constant, 0.15, node.byte_range(), format!("[{name}]"));
        }
    }
    longer(place, node, &inside, sink);
    if node.kind() != "dictionary" && (2..=12).contains(&inside.len()) {
        for pair in inside.windows(2) {
            let swapped = format!(
                "{}{}{}",
                place.text(pair[1]),
                &place.file.text[pair[0].end_byte()..pair[1].start_byte()],
                place.text(pair[0])
            );
            sink.replace(crate::EditKind::Arguments, 0.4, pair[0].start_byte()..pair[1].end_byte(), swapped);
        }
    }
    if node.kind() == "list" && (1..=12).contains(&inside.len()) {
        for (at, item) in inside.iter().enumerate() {
            let range = if at + 1 < inside.len() {
                item.start_byte()..inside[at + 1].start_byte()
            } else if at > 0 {
                inside[at - 1].end_byte()..item.end_byte()
            } else {
                item.byte_range()
            };
            sink.replace(crate::EditKind::Operand, 0.2, range, "");
        }
    }
}

/// One more element: the next number of a row, or a value that the tests speak of.
fn longer(place: &Place<'_>, node: Node<'_>, inside: &[Node<'_>], sink: &mut Sink<'_>) {
    let Some(last) = inside.last().filter(|_| node.kind() != "dictionary" && inside.len() >= 2) else {
        return;
    };
    let at = last.end_byte()..last.end_byte();
    let number = |n: &Node<'_>| place.text(*n).parse::<i64>().ok();
    let numbers: Vec<i64> = inside.iter().filter_map(number).collect();
    if let (true, [.., a, b]) = (numbers.len() == inside.len(), &numbers[..]) {
        sink.replace(Constant, 0.5, at.clone(), format!(", {}", b.wrapping_add(b.wrapping_sub(*a))));
        let first = inside[0].start_byte();
        sink.replace(
            Constant,
            0.4,
            first..first,
            format!("{}, ", numbers[0].wrapping_sub(b.wrapping_sub(*a))),
        );
    }
    let alike = |kind: &str| inside.iter().all(|n| n.kind() == kind);
    let offers = if alike("string") {
        &place.hints.quoted
    } else if alike("integer") {
        &place.hints.numbers
    } else {
        return;
    };
    sink.special = true;
    for offer in offers.iter().take(10).filter(|o| inside.iter().all(|n| place.text(*n) != o.as_str())) {
        sink.replace(Constant, 0.25, at.clone(), format!(", {offer}"));
    }
    sink.special = false;
}

fn subscript(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let (Some(value), Some(index)) = (field(node, "value"), field(node, "subscript")) else { return };
    if index.kind() != "slice" && index.kind() != "string" {
        off_by_one(place, index, 0.7, sink);
        sink.replace(Slice, 0.3, index.byte_range(), format!("{}:", place.text(index)));
        sink.replace(Slice, 0.3, index.byte_range(), format!(":{}", place.text(index)));
        if index.kind() == "identifier" {
            sink.replace(Slice, 0.2, index.byte_range(), format!("-{}", place.text(index)));
        }
    }
    sink.replace(Slice, 0.3, node.byte_range(), place.text(value));
    // `a[i][j]` as `a[j][i]`.
    if value.kind() == "subscript"
        && let Some(outer) = field(value, "subscript")
    {
        let swap = |n: Node<'_>, text: &str| crate::edit::Replacement {
            start: n.start_byte(),
            end: n.end_byte(),
            text: text.into(),
        };
        sink.push(Slice, 0.5, vec![swap(outer, place.text(index)), swap(index, place.text(outer))]);
    }
    // `d[k]` as `d.get(k)`.
    let stored = node.parent().is_some_and(|p| {
        field(p, "left").is_some_and(|l| l.id() == node.id()) || p.kind() == "delete_statement"
    });
    if !stored && index.kind() != "slice" && place.guess(index) != Guess::Number {
        sink.replace(
            crate::EditKind::Attribute,
            0.25,
            node.byte_range(),
            format!("{}.get({})", place.text(value), place.text(index)),
        );
        sink.replace(
            crate::EditKind::Attribute,
            0.15,
            node.byte_range(),
            format!("{}.get({}, 0)", place.text(value), place.text(index)),
        );
    }
}

fn slice(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let (mut bounds, mut at) = ([None, None, None], 0);
    for part in children(node) {
        if part.kind() == ":" {
            at += 1;
        } else if at < 3 && part.is_named() {
            bounds[at] = Some(part);
        }
    }
    let text = |n: Option<Node<'_>>| n.map_or(String::new(), |n| place.text(n).to_owned());
    let (start, stop, step) = (text(bounds[0]), text(bounds[1]), text(bounds[2]));
    let tail = if step.is_empty() { String::new() } else { format!(":{step}") };
    let mut put = |weight: f64, start: &str, stop: &str, tail: &str| {
        sink.replace(Slice, weight, node.byte_range(), format!("{start}:{stop}{tail}"));
    };
    if start.is_empty() {
        put(0.7, "1", &stop, &tail);
    } else {
        put(0.5, "", &stop, &tail);
    }
    if stop.is_empty() {
        put(0.7, &start, "-1", &tail);
    } else {
        put(0.5, &start, "", &tail);
    }
    put(0.5, &stop, &start, &tail);
    if step.is_empty() {
        put(0.35, &start, &stop, ":-1");
        put(0.2, &start, &stop, ":2");
    } else {
        put(0.4, &start, &stop, "");
    }
    for bound in bounds.into_iter().take(2).flatten() {
        off_by_one(place, bound, 0.85, sink);
        if bound.kind() == "identifier" {
            sink.replace(Slice, 0.3, bound.byte_range(), format!("-{}", place.text(bound)));
        }
    }
}

fn range(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let (Some(function), Some(arguments)) = (field(node, "function"), field(node, "arguments")) else {
        return;
    };
    if place.text(function) == "range" {
        let list = named(arguments);
        for argument in &list {
            off_by_one(place, *argument, 0.9, sink);
        }
        let words: Vec<&str> = list.iter().map(|a| place.text(*a)).collect();
        let mut put =
            |weight: f64, text: String| sink.replace(Boundary, weight, arguments.byte_range(), text);
        match words[..] {
            [stop] => {
                put(0.6, format!("(1, {stop})"));
                put(0.4, format!("(1, {stop} + 1)"));
                put(0.25, format!("({stop} - 1, -1, -1)"));
                put(0.15, format!("(0, {stop}, 2)"));
                put(0.3, format!("(2, {stop})"));
            }
            [start, stop] => {
                put(0.5, format!("({stop})"));
                put(0.3, format!("({start})"));
                put(0.25, format!("({stop}, {start}, -1)"));
                put(0.25, format!("({stop}, {start})"));
                put(0.2, format!("({start}, {stop}, -1)"));
                put(0.2, format!("({start}, {stop}, 2)"));
                put(0.3, format!("({start} + 1, {stop} + 1)"));
            }
            [start, stop, _] => {
                put(0.4, format!("({start}, {stop})"));
            }
            _ => {}
        }
        if let [only] = list[..] {
            // `range(x)` for a collection.
            sink.replace(Boundary, 0.3, only.byte_range(), format!("len({})", place.text(only)));
        }
    }
    if place.text(function) == "len" {
        sink.replace(Boundary, 0.6, node.byte_range(), format!("{} - 1", place.text(node)));
        sink.replace(Boundary, 0.45, node.byte_range(), format!("{} + 1", place.text(node)));
    }
}
