//! Statements taken away, moved, turned into others; values returned; exceptions.

use tree_sitter::Node;

use super::exceptions;
use super::place::{Place, block_of};
use crate::EditKind::{Branches, Deletion, Move, Return, Statement};
use crate::edit::{Replacement, Sink};
use crate::source::{children, descendants, field, named};

pub(super) fn edits(place: &Place<'_>, sink: &mut Sink<'_>) {
    deletion(place, sink);
    moves(place, sink);
    match place.node.kind() {
        "expression_statement" => expression(place, sink),
        "return_statement" => returned(place, sink),
        "break_statement" => words(place, &[("continue", 0.9), ("pass", 0.4), ("return", 0.3)], sink),
        "continue_statement" => words(place, &[("break", 0.9), ("pass", 0.5), ("return", 0.25)], sink),
        "pass_statement" => {
            words(place, &[("return", 0.3), ("raise", 0.25)], sink);
            if place.in_loop() {
                words(place, &[("continue", 0.5), ("break", 0.4)], sink);
            }
        }
        "if_statement" | "elif_clause" => branches(place, sink),
        "while_statement" => keyword(place, "while", "if", 0.3, sink),
        "else_clause" => otherwise(place, sink),
        "raise_statement" | "except_clause" => exceptions::edits(place, sink),
        _ => {}
    }
}

fn words(place: &Place<'_>, list: &[(&str, f64)], sink: &mut Sink<'_>) {
    for (word, weight) in list.iter().filter(|(w, _)| *w != "return" || place.function.is_some()) {
        sink.replace(Statement, *weight, place.node.byte_range(), *word);
    }
}

fn keyword(place: &Place<'_>, from: &str, to: &str, weight: f64, sink: &mut Sink<'_>) {
    if let Some(word) = children(place.node).first().filter(|w| w.kind() == from) {
        sink.replace(Statement, weight, word.byte_range(), to);
    }
}

/// Whether the node is a statement of a block, and not a clause.
fn in_block(node: Node<'_>) -> bool {
    node.parent().is_some_and(|p| matches!(p.kind(), "block" | "module"))
}

fn deletion(place: &Place<'_>, sink: &mut Sink<'_>) {
    let node = place.node;
    if place.function.is_none()
        || matches!(
            node.kind(),
            "function_definition" | "class_definition" | "try_statement" | "pass_statement"
        )
    {
        return;
    }
    if node.kind() == "except_clause" {
        return;
    }
    if !in_block(node) {
        if matches!(node.kind(), "elif_clause" | "else_clause") {
            sink.replace(
                Deletion,
                0.3,
                place.file.line_start(node.start_byte())
                    ..place.file.line_end(node.end_byte().saturating_sub(1)),
                "",
            );
        }
        return;
    }
    let weight = match node.kind() {
        "return_statement" | "raise_statement" => 0.35,
        "if_statement" | "continue_statement" | "break_statement" => 0.45,
        "expression_statement" => 0.5,
        _ => 0.25,
    };
    sink.replace(Deletion, weight, node.byte_range(), "pass");
    // The guard goes, the body stays.
    let guards = matches!(node.kind(), "if_statement" | "while_statement" | "for_statement")
        && field(node, "alternative").is_none();
    if let Some(text) = block_of(node).filter(|_| guards).and_then(|block| shifted(place, block, node)) {
        sink.replace(Deletion, 0.4, node.byte_range(), text);
    }
}

/// The statements of a block as they look one level further out.
fn shifted(place: &Place<'_>, block: Node<'_>, outer: Node<'_>) -> Option<String> {
    let inner = place.file.indentation(block.start_byte())?;
    let indentation = place.file.indentation(outer.start_byte())?;
    let text = place.text(block);
    if has_long_text(block) {
        return None;
    }
    Some(text.replace(&format!("\n{inner}"), &format!("\n{indentation}")))
}

/// Text over several lines must not be indented anew.
fn has_long_text(node: Node<'_>) -> bool {
    descendants(node)
        .into_iter()
        .any(|n| n.kind() == "string" && n.start_position().row != n.end_position().row)
}

/// Exchanged with the next statement; moved out of its block or into the one before.
fn moves(place: &Place<'_>, sink: &mut Sink<'_>) {
    let node = place.node;
    if place.function.is_none()
        || !in_block(node)
        || matches!(node.kind(), "function_definition" | "class_definition")
    {
        return;
    }
    let Some(indentation) = place.indentation() else { return };
    let own = place.text(node);
    let simple = block_of(node).is_none();
    let next = node
        .next_named_sibling()
        .filter(|n| n.kind() != "comment" && place.file.indentation(n.start_byte()).is_some());
    if let Some(next) = next.filter(|n| n.kind() != "function_definition") {
        let between = &place.file.text[node.end_byte()..next.start_byte()];
        if !between.contains('#') && !between.contains(';') {
            let text = format!("{}{between}{own}", place.text(next));
            let weight = if simple && block_of(next).is_none() { 0.45 } else { 0.3 };
            sink.replace(Move, weight, node.start_byte()..next.end_byte(), text);
        }
    }
    if !simple || has_long_text(node) || own.contains('\n') {
        return;
    }
    let remove = |keep: bool| {
        let alone = node.prev_named_sibling().is_none() && node.next_named_sibling().is_none();
        if alone || keep {
            Replacement { start: node.start_byte(), end: node.end_byte(), text: "pass".into() }
        } else {
            let (start, end) =
                (place.file.line_start(node.start_byte()), place.file.line_end(node.end_byte()));
            Replacement { start, end, text: String::new() }
        }
    };
    // Out of the block: after it, or before it.
    let owner = node.parent().and_then(|b| b.parent());
    if let Some(owner) = owner.filter(|o| {
        matches!(
            o.kind(),
            "for_statement"
                | "while_statement"
                | "if_statement"
                | "with_statement"
                | "else_clause"
                | "elif_clause"
        )
    }) {
        let whole = if owner.kind().ends_with("clause") { owner.parent().unwrap_or(owner) } else { owner };
        if let Some(outer) = place.file.indentation(whole.start_byte()) {
            let after = Replacement {
                start: whole.end_byte(),
                end: whole.end_byte(),
                text: format!("\n{outer}{own}"),
            };
            let last = node.end_byte() == whole.end_byte();
            if last && node.prev_named_sibling().is_some() {
                let white = Replacement {
                    start: place.file.line_start(node.start_byte()),
                    end: node.start_byte(),
                    text: outer.to_owned(),
                };
                sink.push(Move, 0.55, vec![white]);
            } else if !last {
                sink.push(Move, 0.4, vec![remove(false), after]);
            }
            let before = Replacement {
                start: whole.start_byte(),
                end: whole.start_byte(),
                text: format!("{own}\n{outer}"),
            };
            sink.push(Move, 0.35, vec![before, remove(last)]);
        }
    }
    // Into the block that ends right before it.
    let before = node.prev_named_sibling().filter(|p| p.kind() != "comment");
    if let Some(block) = before.and_then(|p| {
        descendants(p).into_iter().rfind(|n| n.kind() == "block" && n.end_byte() == p.end_byte())
    }) {
        let mut block = Some(block);
        while let Some(b) = block {
            if let Some(inner) =
                place.file.indentation(b.start_byte()).filter(|i| i.len() > indentation.len())
            {
                let white = Replacement {
                    start: place.file.line_start(node.start_byte()),
                    end: node.start_byte(),
                    text: inner.to_owned(),
                };
                sink.push(Move, 0.45, vec![white]);
            }
            block = b
                .parent()
                .and_then(|o| o.parent())
                .filter(|o| o.kind() == "block" && o.start_byte() > before.map_or(0, |p| p.start_byte()));
        }
    }
}

fn expression(place: &Place<'_>, sink: &mut Sink<'_>) {
    let Some(inner) = named(place.node).into_iter().next() else { return };
    let start = place.node.start_byte();
    match inner.kind() {
        "assignment" => {
            let (Some(left), Some(right)) = (field(inner, "left"), field(inner, "right")) else { return };
            if let Some(operator) = children(inner).into_iter().find(|c| c.kind() == "=")
                && matches!(left.kind(), "identifier" | "attribute" | "subscript")
            {
                for (other, weight) in [("+=", 0.6), ("-=", 0.35), ("*=", 0.25), ("|=", 0.08), ("//=", 0.08)]
                {
                    if field(inner, "type").is_none() {
                        sink.replace(Statement, weight, operator.byte_range(), other);
                    }
                }
            }
            if place.function.is_some() {
                sink.replace(Return, 0.15, place.node.byte_range(), format!("return {}", place.text(right)));
            }
        }
        "augmented_assignment" => {}
        "yield" => {
            if let Some(value) = named(inner).into_iter().next() {
                sink.replace(
                    Statement,
                    0.5,
                    place.node.byte_range(),
                    format!("return {}", place.text(value)),
                );
                let text = place.text(inner);
                let other = if text.starts_with("yield from") {
                    format!("yield {}", place.text(value))
                } else {
                    format!("yield from {}", place.text(value))
                };
                sink.replace(Statement, 0.8, place.node.byte_range(), other);
            }
        }
        _ => {
            if place.function.is_some() {
                sink.replace(Return, 0.9, start..start, "return ");
                sink.replace(Return, 0.3, start..start, "yield ");
                if place.inside().is_some_and(|f| f.is_generator) {
                    sink.replace(Return, 0.5, start..start, "yield from ");
                }
                for name in assignable(place).into_iter().take(6) {
                    sink.replace(Statement, 0.35, start..start, format!("{name} = "));
                    sink.replace(Statement, 0.3, start..start, format!("{name} += "));
                }
            }
        }
    }
}

/// Names that a missing assignment may bind: locals, and attributes of the receiver.
pub(super) fn assignable(place: &Place<'_>) -> Vec<String> {
    let Some(function) = place.inside() else { return Vec::new() };
    let mut found: Vec<String> = function.locals.clone();
    found.extend(function.parameters.iter().filter(|p| Some(*p) != function.receiver.as_ref()).cloned());
    found
}

fn returned(place: &Place<'_>, sink: &mut Sink<'_>) {
    let own = named(place.node).into_iter().next();
    let mut values: Vec<(String, f64)> = Vec::new();
    if let Some(function) = place.inside() {
        for (at, name) in function.locals.iter().rev().chain(&function.parameters).enumerate() {
            if Some(name) != function.receiver.as_ref() {
                values.push((name.clone(), 0.6 / (1.0 + 0.1 * at as f64)));
            } else {
                values.push((name.clone(), 0.35));
            }
        }
    }
    values.extend(
        [
            ("None", 0.25),
            ("True", 0.3),
            ("False", 0.3),
            ("[]", 0.25),
            ("0", 0.25),
            ("1", 0.2),
            ("''", 0.2),
            ("{}", 0.2),
            ("-1", 0.15),
            ("[[]]", 0.12),
            ("float('inf')", 0.04),
            ("NotImplemented", 0.1),
        ]
        .map(|(v, w)| (v.to_owned(), w)),
    );
    for text in other_returns(place) {
        values.push((text, 0.35));
    }
    for (value, weight) in values {
        match own {
            Some(own) => sink.replace(Return, weight * 0.8, own.byte_range(), value),
            None => sink.replace(
                Return,
                weight,
                place.node.end_byte()..place.node.end_byte(),
                format!(" {value}"),
            ),
        }
    }
    let Some(own) = own else { return };
    let text = place.text(own);
    let start = place.node.start_byte();
    if place.inside().is_some_and(|f| f.is_generator) {
        sink.replace(Statement, 0.6, start..own.start_byte(), "yield ");
        sink.replace(Statement, 0.5, start..own.start_byte(), "yield from ");
    }
    sink.replace(Return, 0.2, place.node.byte_range(), text);
    if own.kind() != "expression_list" {
        let grouped = super::grouped(place.file, own);
        for (value, weight) in [
            (format!("not {grouped}"), 0.5),
            (format!("-{grouped}"), 0.35),
            (format!("[{text}]"), 0.2),
            (format!("({text},)"), 0.1),
            (format!("{grouped}[0]"), 0.1),
        ] {
            sink.replace(Return, weight, own.byte_range(), value);
        }
        for name in assignable(place).into_iter().take(8) {
            for (value, weight) in [
                (format!("{grouped} + {name}"), 0.2),
                (format!("{name} + {grouped}"), 0.2),
                (format!("{grouped} - {name}"), 0.1),
                (format!("{grouped} * {name}"), 0.12),
                (format!("{text}, {name}"), 0.1),
            ] {
                if value.as_str() != text && name != text {
                    sink.replace(Return, weight, own.byte_range(), value);
                }
            }
        }
    } else {
        let parts = named(own);
        for pair in parts.windows(2) {
            let swapped = format!("{}, {}", place.text(pair[1]), place.text(pair[0]));
            sink.replace(Return, 0.6, pair[0].start_byte()..pair[1].end_byte(), swapped);
        }
    }
}

/// What the other returns of the function give.
fn other_returns(place: &Place<'_>) -> Vec<String> {
    let Some(function) = place.inside() else { return Vec::new() };
    place
        .index
        .returned
        .iter()
        .map(|i| i.node)
        .filter(|n| (function.start..function.end).contains(&n.start_byte()))
        .filter(|n| n.parent().is_none_or(|p| p.id() != place.node.id()) && n.kind() != "expression_list")
        .map(|n| place.text(n).to_owned())
        .take(6)
        .collect()
}

fn branches(place: &Place<'_>, sink: &mut Sink<'_>) {
    let node = place.node;
    let alternatives: Vec<Node<'_>> =
        children(node).into_iter().filter(|c| matches!(c.kind(), "elif_clause" | "else_clause")).collect();
    if let [only] = alternatives[..]
        && only.kind() == "else_clause"
        && let (Some(yes), Some(no)) = (block_of(node), block_of(only))
    {
        let swap = |n: Node<'_>, with: Node<'_>| Replacement {
            start: n.start_byte(),
            end: n.end_byte(),
            text: place.text(with).to_owned(),
        };
        sink.push(Branches, 0.5, vec![swap(yes, no), swap(no, yes)]);
    }
    if node.kind() == "elif_clause" {
        let follows = node.next_named_sibling().is_none();
        if follows {
            keyword(place, "elif", "if", 0.6, sink);
        }
    } else {
        if alternatives.is_empty() {
            keyword(place, "if", "while", 0.45, sink);
        }
        let before = node.prev_named_sibling().filter(|p| p.kind() == "if_statement");
        if before.is_some_and(|p| children(p).iter().all(|c| c.kind() != "else_clause")) {
            keyword(place, "if", "elif", 0.6, sink);
        }
    }
    // A condition of its own for the first of several branches, in another order.
    for (at, clause) in alternatives.iter().enumerate().filter(|(_, c)| c.kind() == "elif_clause").take(2) {
        if let (Some(a), Some(b), Some(x), Some(y)) =
            (field(node, "condition"), field(*clause, "condition"), block_of(node), block_of(*clause))
        {
            let swap = |n: Node<'_>, with: Node<'_>| Replacement {
                start: n.start_byte(),
                end: n.end_byte(),
                text: place.text(with).to_owned(),
            };
            let scale = 1.0 / (1.0 + at as f64);
            sink.push(Branches, 0.4 * scale, vec![swap(a, b), swap(b, a), swap(x, y), swap(y, x)]);
            sink.push(Branches, 0.4 * scale, vec![swap(a, b), swap(b, a)]);
        }
    }
}

/// `else:` taken away, its body standing after the statement.
fn otherwise(place: &Place<'_>, sink: &mut Sink<'_>) {
    let (Some(block), Some(whole)) = (block_of(place.node), place.node.parent()) else { return };
    if whole.kind() == "try_statement" || place.function.is_none() {
        return;
    }
    let (Some(outer), Some(text)) =
        (place.file.indentation(whole.start_byte()), shifted(place, block, whole))
    else {
        return;
    };
    let start = place.file.line_start(place.node.start_byte());
    sink.replace(Statement, 0.4, start..place.node.end_byte(), format!("{outer}{text}"));
}
