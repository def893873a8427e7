//! Definitions: mutable default arguments, decorators.

use super::place::{Place, block_of};
use crate::EditKind::{Default, Insertion, Receiver};
use crate::edit::{Replacement, Sink};
use crate::source::{children, field, named};

pub(super) fn edits(place: &Place<'_>, sink: &mut Sink<'_>) {
    if place.node.kind() != "function_definition" {
        return;
    }
    fresh_defaults(place, sink);
    parameters(place, sink);
    decorators(place, sink);
}

/// `def f(x=[])` as `def f(x=None)` with the list made at the start of the body.
fn fresh_defaults(place: &Place<'_>, sink: &mut Sink<'_>) {
    let (Some(list), Some(block)) = (field(place.node, "parameters"), block_of(place.node)) else { return };
    for parameter in named(list)
        .into_iter()
        .filter(|p| matches!(p.kind(), "default_parameter" | "typed_default_parameter"))
    {
        let (Some(name), Some(value)) = (field(parameter, "name"), field(parameter, "value")) else {
            continue;
        };
        if !matches!(value.kind(), "list" | "dictionary" | "set" | "call") {
            continue;
        }
        let Some(first) = named(block).into_iter().find(|s| !place.text(*s).starts_with(['"', '\''])) else {
            continue;
        };
        let Some(indentation) = place.file.indentation(first.start_byte()) else { continue };
        let (name, made) = (place.text(name), place.text(value));
        let unit = if indentation.contains('\t') { "\t" } else { "    " };
        sink.push(
            Default,
            1.6,
            vec![
                Replacement { start: value.start_byte(), end: value.end_byte(), text: "None".into() },
                Replacement {
                    start: first.start_byte(),
                    end: first.start_byte(),
                    text: format!("if {name} is None:\n{indentation}{unit}{name} = {made}\n{indentation}"),
                },
            ],
        );
    }
}

/// Parameters in another order, and with a default.
fn parameters(place: &Place<'_>, sink: &mut Sink<'_>) {
    let Some(list) = field(place.node, "parameters") else { return };
    let plain: Vec<_> = named(list)
        .into_iter()
        .filter(|p| p.kind() == "identifier" && !matches!(place.text(*p), "self" | "cls"))
        .collect();
    for pair in plain.windows(2) {
        let between = &place.file.text[pair[0].end_byte()..pair[1].start_byte()];
        if !between.contains("=") {
            let text = format!("{}{between}{}", place.text(pair[1]), place.text(pair[0]));
            sink.replace(crate::EditKind::Arguments, 0.5, pair[0].start_byte()..pair[1].end_byte(), text);
        }
    }
    if let Some(last) =
        plain.last().filter(|l| l.next_named_sibling().is_none_or(|n| n.kind() != "identifier"))
    {
        for value in ["None", "0", "1", "True", "False", "''"] {
            sink.replace(Default, 0.25, last.end_byte()..last.end_byte(), format!("={value}"));
        }
    }
}

fn decorators(place: &Place<'_>, sink: &mut Sink<'_>) {
    let (Some(name), Some(list)) = (field(place.node, "name"), field(place.node, "parameters")) else {
        return;
    };
    let first = named(list).first().map(|p| place.text(*p));
    let decorated = place.node.parent().filter(|p| p.kind() == "decorated_definition");
    for decorator in
        decorated.map(children).unwrap_or_default().into_iter().filter(|d| d.kind() == "decorator")
    {
        let end = place.file.line_end(decorator.end_byte());
        sink.replace(Receiver, 0.3, place.file.line_start(decorator.start_byte())..end, "");
    }
    let Some(indentation) = place.indentation() else { return };
    if decorated.is_none() && !place.text(name).starts_with("__") {
        let start = place.node.start_byte();
        let list: &[(&str, f64)] = match first {
            Some("self") if named(list).len() == 1 => &[("property", 0.5)],
            Some("cls") => &[("classmethod", 0.9)],
            Some("self") => &[],
            _ if indentation.is_empty() => &[],
            _ => &[("staticmethod", 0.5), ("classmethod", 0.3)],
        };
        for (decorator, weight) in list {
            sink.replace(Insertion, *weight, start..start, format!("@{decorator}\n{indentation}"));
        }
    }
}
