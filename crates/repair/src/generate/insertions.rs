//! Statements put in: steps of a loop, early returns, guards, copies of statements nearby.

use super::conditions::simple;
use super::index::nearest;
use super::place::{Place, block_of};
use super::statements::assignable;
use crate::EditKind::{Guard, Insertion};
use crate::edit::{Replacement, Sink};
use crate::source::{Guess, field, last_line_of, named};

/// Most copies of statements from nearby that are put in at one place.
const COPIES: usize = 24;

/// Most early returns at one place.
const RETURNS: usize = 260;

pub(super) fn edits(place: &Place<'_>, sink: &mut Sink<'_>) {
    let node = place.node;
    let in_block = node.parent().is_some_and(|p| p.kind() == "block");
    if place.function.is_none()
        || !in_block
        || matches!(node.kind(), "class_definition" | "function_definition")
    {
        return;
    }
    let Some(indentation) = place.indentation() else { return };
    guarded(place, indentation, sink);
    let ends = matches!(
        node.kind(),
        "return_statement" | "raise_statement" | "break_statement" | "continue_statement"
    );
    let mut lines = steps(place);
    lines.extend(copies(place));
    for (line, weight) in lines {
        if line == place.text(node) {
            continue;
        }
        sink.replace(
            Insertion,
            weight,
            node.start_byte()..node.start_byte(),
            format!("{line}\n{indentation}"),
        );
        if !ends && (node.next_named_sibling().is_none() || block_of(node).is_some()) {
            sink.replace(
                Insertion,
                weight,
                node.end_byte()..node.end_byte(),
                format!("\n{indentation}{line}"),
            );
        }
    }
    inner_end(place, sink);
    early(place, indentation, sink);
    raising(place, indentation, sink);
    alternatives(place, indentation, sink);
    initial(place, indentation, sink);
}

/// Simple statements that are often forgotten.
fn steps(place: &Place<'_>) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = Vec::new();
    let Some(function) = place.inside() else { return found };
    let in_loop = place.in_loop();
    let scale = if in_loop { 1.0 } else { 0.5 };
    let names = assignable(place);
    for (at, name) in names.iter().take(8).enumerate() {
        let near = scale / (1.0 + 0.1 * at as f64);
        let guess = place.guess_name(name);
        if matches!(guess, Guess::Number | Guess::Unknown) {
            let sure = if guess == Guess::Number { 1.0 } else { 0.3 };
            found.push((format!("{name} += 1"), 0.45 * near * sure));
            found.push((format!("{name} -= 1"), 0.3 * near * sure));
        }
        if guess == Guess::Number {
            found.push((format!("{name} = 0"), 0.15 * near));
        }
        for other in names.iter().filter(|o| *o != name).take(8) {
            let kin = place.guess_name(other);
            match guess {
                Guess::List => found.push((format!("{name}.append({other})"), 0.3 * near)),
                Guess::Set => found.push((format!("{name}.add({other})"), 0.4 * near)),
                Guess::Number if matches!(kin, Guess::Number | Guess::Unknown) => {
                    found.push((format!("{name} += {other}"), 0.2 * near))
                }
                _ => {}
            }
            if guess == kin || guess == Guess::Unknown || kin == Guess::Unknown {
                found.push((format!("{name} = {other}"), 0.15 * near));
            }
            if matches!(guess, Guess::List) && kin != Guess::Number {
                found.push((format!("{name}.extend({other})"), 0.12 * near));
            }
            if matches!(guess, Guess::Dict) {
                for value in names.iter().filter(|v| *v != name && *v != other).take(4) {
                    found.push((format!("{name}[{other}] = {value}"), 0.12 * near));
                }
            }
        }
        match guess {
            Guess::List => {
                found.push((format!("{name} = []"), 0.2 * near));
                found.push((format!("{name} = list({name})"), 0.15));
                found.push((format!("{name}.sort()"), 0.12));
            }
            Guess::Unknown if function.parameters.contains(name) => {
                for form in [
                    "list({})",
                    "sorted({})",
                    "{}.strip()",
                    "{}.lower()",
                    "str({})",
                    "{}.copy()",
                    "abs({})",
                    "dict({})",
                    "int({})",
                ] {
                    found.push((format!("{name} = {}", form.replace("{}", name)), 0.1));
                }
            }
            Guess::Text => {
                for form in ["{}.strip()", "{}.lower()"] {
                    found.push((format!("{name} = {}", form.replace("{}", name)), 0.15));
                }
            }
            _ => {}
        }
        let returned = if function.locals.contains(name) { 0.3 } else { 0.15 };
        found.push((format!("return {name}"), returned));
    }
    if in_loop {
        found.push(("break".into(), 0.3));
        found.push(("continue".into(), 0.3));
    }
    let returned_before = !matches!(place.node.kind(), "return_statement");
    for (value, weight) in
        [("return", 0.2), ("return True", 0.2), ("return False", 0.2), ("return None", 0.1)]
    {
        if returned_before {
            found.push((value.into(), weight));
        }
    }
    if let Some(receiver) = &function.receiver {
        for parameter in function.parameters.iter().filter(|p| *p != receiver) {
            let known = place.names.attributes.iter().any(|a| a == parameter);
            let weight = if function.name == "__init__" { 0.6 } else { 0.25 };
            found.push((
                format!("{receiver}.{parameter} = {parameter}"),
                if known { weight } else { weight * 0.7 },
            ));
            for attribute in place.names.attributes.iter().filter(|a| *a != parameter).take(8) {
                found.push((format!("{receiver}.{attribute} = {parameter}"), 0.12));
                found.push((format!("{receiver}.{attribute} += {parameter}"), 0.15));
                found.push((format!("{receiver}.{attribute}.append({parameter})"), 0.15));
                found.push((format!("{receiver}.{attribute}.add({parameter})"), 0.1));
            }
        }
        for attribute in place.names.attributes.iter().take(10) {
            let name = format!("{receiver}.{attribute}");
            for (form, weight) in [
                ("{} += 1", 0.3),
                ("{} -= 1", 0.25),
                ("{} = 0", 0.12),
                ("{} = None", 0.15),
                ("{} = []", 0.12),
                ("{} = True", 0.15),
                ("{} = False", 0.15),
                ("{}.clear()", 0.12),
            ] {
                let text = form.replace("{}", &name);
                found.push((text, if is_lonely(place, &name, form) { 1.0 } else { weight }));
            }
        }
        for (method, _) in place
            .names
            .methods
            .iter()
            .filter(|(m, arity)| **arity == 0 && **m != function.name && !m.starts_with("__"))
            .take(10)
        {
            found.push((format!("{receiver}.{method}()"), 0.3));
        }
        if function.name == "__init__" {
            found.push(("super().__init__()".into(), 0.3));
        }
        found.push((format!("return {receiver}"), 0.2));
    }
    found
}

/// Whether a step of one is done somewhere in the file, but never the step back, which is the one at hand.
fn is_lonely(place: &Place<'_>, name: &str, form: &str) -> bool {
    let text = &place.file.text;
    let has = |step: &str| text.contains(&format!("{name} {step} 1"));
    match form {
        "{} += 1" => has("-=") && !has("+="),
        "{} -= 1" => has("+=") && !has("-="),
        _ => false,
    }
}

/// Simple statements of the same function, then of the same file, that make sense here.
fn copies(place: &Place<'_>) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = Vec::new();
    for (same, node) in nearest(&place.index.statements, place.function, place.node.start_byte(), 3 * COPIES)
    {
        let text = place.text(node);
        let own = node.id() == place.node.id();
        if !own && !found.iter().any(|(t, _)| t == text) && place.knows_names_of(node) {
            found.push((text.to_owned(), if same { 0.3 } else { 0.2 }));
        }
    }
    found.truncate(COPIES);
    found
}

/// A statement at the end of the body of a loop or branch.
fn inner_end(place: &Place<'_>, sink: &mut Sink<'_>) {
    let Some(block) = block_of(place.node) else { return };
    let Some(last) = named(block).into_iter().next_back() else { return };
    if last.kind() != "if_statement" && last.kind() != "for_statement" && last.kind() != "while_statement" {
        return;
    }
    let Some(inner) = place.file.indentation(last.start_byte()) else { return };
    for (line, weight) in steps(place) {
        sink.replace(Insertion, 0.8 * weight, last.end_byte()..last.end_byte(), format!("\n{inner}{line}"));
    }
}

/// The statement under a condition.
fn guarded(place: &Place<'_>, indentation: &str, sink: &mut Sink<'_>) {
    let node = place.node;
    if block_of(node).is_some() || matches!(node.kind(), "pass_statement") || place.text(node).contains('\n')
    {
        return;
    }
    let weight = if matches!(node.kind(), "return_statement" | "raise_statement") { 0.35 } else { 0.45 };
    let unit = if indentation.contains('\t') { "\t" } else { "    " };
    for (condition, likely) in simple(place, Some(node)) {
        let text = format!("if {condition}:\n{indentation}{unit}{}", place.text(node));
        sink.replace(Guard, weight * likely, node.byte_range(), text);
    }
}

/// Values that an early return may give.
fn early_values(place: &Place<'_>) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = Vec::new();
    let Some(function) = place.inside() else { return found };
    for value in place.index.returned.iter().map(|i| i.node) {
        let here = (function.start..function.end).contains(&value.start_byte());
        if here && place.text(value).len() < 30 && place.knows_names_of(value) {
            found.push((place.text(value).to_owned(), 0.6));
        }
    }
    for (value, weight) in [
        ("None", 0.5),
        ("0", 0.5),
        ("True", 0.45),
        ("False", 0.45),
        ("[]", 0.5),
        ("1", 0.4),
        ("''", 0.4),
        ("-1", 0.3),
        ("{}", 0.25),
        ("[[]]", 0.2),
        ("()", 0.1),
        ("0.0", 0.2),
    ] {
        found.push((value.to_owned(), weight));
    }
    for parameter in function.parameters.iter().filter(|p| Some(*p) != function.receiver.as_ref()).take(4) {
        found.push((parameter.clone(), 0.5));
    }
    for (at, literal) in place.hints.numbers.iter().chain(&place.hints.quoted).take(6).enumerate() {
        found.push((literal.clone(), 0.15 / (1.0 + at as f64 * 0.2)));
    }
    let mut seen: Vec<String> = Vec::new();
    found.retain(|(v, _)| {
        !seen.contains(v) && {
            seen.push(v.clone());
            true
        }
    });
    found
}

fn early(place: &Place<'_>, indentation: &str, sink: &mut Sink<'_>) {
    let Some(function) = place.inside() else { return };
    let node = place.node;
    let first = node.prev_named_sibling().is_none_or(|p| {
        p.kind() == "expression_statement"
            && p.prev_named_sibling().is_none()
            && place.text(p).starts_with(['"', '\'', 'r'])
    }) && node.parent().is_some_and(|b| b.start_byte() <= function.body_start);
    let scale = if first { 0.75 } else { 0.35 };
    if function.is_generator {
        for (condition, likely) in simple(place, None).into_iter().take(30) {
            let unit = if indentation.contains('\t') { "\t" } else { "    " };
            sink.replace(
                Guard,
                0.5 * likely * scale,
                node.start_byte()..node.start_byte(),
                format!("if {condition}:\n{indentation}{unit}return\n{indentation}"),
            );
        }
    }
    let unit = if indentation.contains('\t') { "\t" } else { "    " };
    let mut all: Vec<(f64, String)> = Vec::new();
    for (condition, likely) in simple(place, None) {
        for (value, weight) in early_values(place) {
            all.push((
                likely * weight,
                format!("if {condition}:\n{indentation}{unit}return {value}\n{indentation}"),
            ));
        }
        if place.in_loop() {
            for word in ["continue", "break"] {
                all.push((
                    likely * 0.9,
                    format!("if {condition}:\n{indentation}{unit}{word}\n{indentation}"),
                ));
            }
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (likely, text) in all.into_iter().take(if first { RETURNS } else { RETURNS / 3 }) {
        sink.replace(Guard, likely * scale * 1.4, node.start_byte()..node.start_byte(), text);
    }
}

/// Where a test waits for an exception that never comes: raise it under a condition.
fn raising(place: &Place<'_>, indentation: &str, sink: &mut Sink<'_>) {
    let Some(function) = place.inside() else { return };
    let at_start = place.node.start_byte() <= function.body_start
        || place.node.prev_named_sibling().is_none()
        || place.node.parent().is_some_and(|b| b.start_byte() == function.body_start);
    if place.hints.not_raised.is_empty() || !at_start {
        return;
    }
    let unit = if indentation.contains('\t') { "\t" } else { "    " };
    for exception in place.hints.not_raised.iter().take(2) {
        let known = place.file.module_classes.contains(exception)
            || place.names.imports.contains(exception)
            || super::place::BUILTINS.contains(&exception.as_str());
        if !known {
            continue;
        }
        let like = place
            .index
            .raises
            .iter()
            .map(|i| i.node)
            .find(|n| place.text(*n).contains(exception.as_str()) && place.knows_names_of(*n));
        let mut raised = vec![
            like.map_or_else(|| format!("raise {exception}('invalid value')"), |n| place.text(n).to_owned()),
        ];
        raised.extend(
            place
                .hints
                .texts
                .iter()
                .take(3)
                .filter(|t| !t.contains(['\'', '\\', '\n']))
                .map(|t| format!("raise {exception}('{t}')")),
        );
        for (number, raise) in raised.iter().enumerate() {
            for (condition, likely) in simple(place, None) {
                let text = format!("if {condition}:\n{indentation}{unit}{raise}\n{indentation}");
                sink.replace(
                    Guard,
                    1.2 * likely / (1.0 + number as f64),
                    place.node.start_byte()..place.node.start_byte(),
                    text,
                );
            }
        }
    }
}

/// An `else:` for an `if` that has none.
fn alternatives(place: &Place<'_>, indentation: &str, sink: &mut Sink<'_>) {
    let node = place.node;
    if node.kind() != "if_statement" || field(node, "alternative").is_some() {
        return;
    }
    let unit = if indentation.contains('\t') { "\t" } else { "    " };
    let follows = node.next_named_sibling();
    for (line, weight) in steps(place).into_iter().chain(copies(place)) {
        let text = format!("\n{indentation}else:\n{indentation}{unit}{line}");
        sink.replace(Insertion, 0.6 * weight, node.end_byte()..node.end_byte(), text);
    }
    // The next statement becomes the `else`.
    if let Some(next) =
        follows.filter(|n| block_of(*n).is_none() && !place.text(*n).contains('\n') && n.kind() != "comment")
        && let Some(white) = place.file.indentation(next.start_byte())
    {
        let text = format!("{white}else:\n{white}{unit}");
        let start = place.file.line_start(next.start_byte());
        sink.push(Insertion, 0.4, vec![Replacement { start, end: next.start_byte(), text }]);
    }
}

/// A first value for a name that a trace says was never bound.
fn initial(place: &Place<'_>, indentation: &str, sink: &mut Sink<'_>) {
    let Some(function) = place.inside() else { return };
    if place.hints.unbound.is_empty() || last_line_of(place.node) < function.first_line {
        return;
    }
    for name in &place.hints.unbound {
        if !function.locals.contains(name) && !function.parameters.contains(name) {
            continue;
        }
        for (value, weight) in [
            ("0", 1.0),
            ("None", 0.9),
            ("[]", 0.9),
            ("''", 0.7),
            ("1", 0.6),
            ("{}", 0.6),
            ("False", 0.6),
            ("True", 0.4),
            ("set()", 0.4),
            ("0.0", 0.2),
            ("-1", 0.2),
            ("float('-inf')", 0.2),
            ("float('inf')", 0.2),
        ] {
            sink.replace(
                Insertion,
                1.2 * weight,
                place.node.start_byte()..place.node.start_byte(),
                format!("{name} = {value}\n{indentation}"),
            );
        }
        for other in place.names.near.iter().filter(|o| *o != name) {
            sink.replace(
                Insertion,
                0.5,
                place.node.start_byte()..place.node.start_byte(),
                format!("{name} = {other}\n{indentation}"),
            );
        }
    }
}
