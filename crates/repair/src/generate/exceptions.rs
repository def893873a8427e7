//! Other exceptions raised and caught.

use tree_sitter::Node;

use super::place::Place;
use crate::EditKind::Exception;
use crate::edit::Sink;

const EXCEPTIONS: &[&str] = &[
    "ValueError",
    "TypeError",
    "KeyError",
    "IndexError",
    "AttributeError",
    "RuntimeError",
    "LookupError",
    "StopIteration",
    "NotImplementedError",
    "ZeroDivisionError",
    "OSError",
    "ArithmeticError",
    "OverflowError",
    "Exception",
    "UnicodeError",
    "FileNotFoundError",
    "ImportError",
    "PermissionError",
    "AssertionError",
];

pub(super) fn edits(place: &Place<'_>, sink: &mut Sink<'_>) {
    let catching = place.node.kind() == "except_clause";
    let named_kinds: Vec<Node<'_>> = place
        .nodes
        .iter()
        .copied()
        .filter(|n| n.kind() == "identifier" || n.kind() == "attribute")
        .filter(|n| {
            n.parent().is_none_or(|p| {
                p.kind() != "attribute" && p.kind() != "as_pattern_target" && p.kind() != "argument_list"
            })
        })
        .filter(|n| place.text(*n).rsplit('.').next().is_some_and(|t| t.starts_with(char::is_uppercase)))
        .collect();
    let own: Vec<&str> =
        place.file.module_classes.iter().map(String::as_str).filter(|c| looks_raised(c)).collect();
    let imported: Vec<&str> =
        place.names.imports.iter().map(String::as_str).filter(|c| looks_raised(c)).collect();
    for node in named_kinds {
        let name = place.text(node);
        let list = place
            .hints
            .exceptions
            .iter()
            .map(|e| (e.as_str(), 1.0))
            .chain(own.iter().chain(&imported).map(|e| (*e, 0.5)))
            .chain(EXCEPTIONS.iter().map(|e| (*e, 0.45)));
        for (at, (other, weight)) in list.enumerate().filter(|(_, (o, _))| *o != name) {
            let known = EXCEPTIONS.contains(&other) || own.contains(&other) || imported.contains(&other);
            if !known {
                continue;
            }
            sink.replace(Exception, weight / (1.0 + 0.03 * at as f64), node.byte_range(), other);
            let single =
                node.parent().is_some_and(|p| p.kind() == "except_clause" || p.kind() == "as_pattern");
            if catching && single {
                sink.replace(
                    Exception,
                    0.6 * weight / (1.0 + 0.03 * at as f64),
                    node.byte_range(),
                    format!("({name}, {other})"),
                );
            }
            if catching && node.parent().is_some_and(|p| p.kind() == "tuple") {
                sink.replace(Exception, 0.6 * weight, node.byte_range(), format!("{name}, {other}"));
            }
        }
    }
}

fn looks_raised(name: &str) -> bool {
    name.ends_with("Error") || name.ends_with("Exception") || name.ends_with("Warning")
}
