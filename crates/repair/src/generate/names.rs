//! Other variables, attributes, methods and functions.

use tree_sitter::Node;

use super::place::{Place, is_read, similarity};
use crate::EditKind::{Attribute, Function, Receiver, Variable};
use crate::edit::{Replacement, Sink};
use crate::source::{Guess, field, named};

pub(super) fn edits(place: &Place<'_>, sink: &mut Sink<'_>) {
    let mut seen: Vec<&str> = Vec::new();
    for node in &place.nodes {
        match node.kind() {
            "identifier" if is_read(*node) && !is_called(*node) => {
                variable(place, *node, sink);
                let name = place.text(*node);
                if !seen.contains(&name) {
                    seen.push(name);
                    everywhere(place, name, sink);
                }
            }
            "identifier" if is_read(*node) => function(place, *node, sink),
            "identifier" if is_target(*node) => target(place, *node, sink),
            "attribute" => attribute(place, *node, sink),
            _ => {}
        }
    }
    crossed(place, &seen, sink);
}

fn is_called(node: Node<'_>) -> bool {
    node.parent()
        .is_some_and(|p| p.kind() == "call" && field(p, "function").is_some_and(|f| f.id() == node.id()))
}

fn is_target(node: Node<'_>) -> bool {
    node.parent().is_some_and(|p| {
        matches!(p.kind(), "assignment" | "augmented_assignment" | "pattern_list" | "for_statement")
            && (p.kind() == "pattern_list" || field(p, "left").is_some_and(|l| l.id() == node.id()))
    })
}

fn variable(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let name = place.text(node);
    if Some(name) == place.names.receiver.as_deref() {
        return;
    }
    let as_type = place.file.module_classes.contains(name) || place.names.functions.contains_key(name);
    for (at, (other, weight)) in place.names_instead(node, name).into_iter().enumerate() {
        let weight = if as_type { 0.2 * weight } else { weight };
        sink.replace(Variable, 0.8 * weight / (1.0 + 0.08 * at as f64), node.byte_range(), other);
    }
    for class in place.file.module_classes.iter().filter(|c| as_type && *c != name).take(12) {
        sink.replace(Function, 0.5 * (0.6 + 0.4 * similarity(name, class)), node.byte_range(), class.clone());
    }
    for other in place.names.functions.keys().filter(|c| as_type && *c != name) {
        sink.replace(Function, 0.4 * (0.5 + 0.5 * similarity(name, other)), node.byte_range(), other.clone());
    }
    types(place, node, name, sink);
    if let Some(receiver) = &place.names.receiver {
        if place.names.attributes.iter().any(|a| a == name) {
            sink.replace(Receiver, 0.8, node.byte_range(), format!("{receiver}.{name}"));
        }
        for attribute in place.names.attributes.iter().filter(|a| *a != name).take(14) {
            let weight = 0.3 * (0.5 + similarity(name, attribute));
            sink.replace(Variable, weight, node.byte_range(), format!("{receiver}.{attribute}"));
        }
    }
    let attributes =
        place.file.attributes.keys().filter(|a| place.nodes.iter().any(|n| is_object(*n, place, name, a)));
    for attribute in attributes.take(6) {
        sink.replace(Attribute, 0.25, node.byte_range(), format!("{name}.{attribute}"));
    }
    let guess = place.guess_name(name);
    if matches!(guess, Guess::Number | Guess::Unknown) && !as_type {
        let scale = if guess == Guess::Number { 1.0 } else { 0.5 };
        let negated = node.parent().is_some_and(|p| {
            p.kind() == "unary_operator" || p.kind() == "attribute" || p.kind() == "binary_operator"
        });
        if !negated {
            sink.replace(Variable, 0.25 * scale, node.byte_range(), format!("-{name}"));
        }
        let literal = !node.parent().is_some_and(|p| {
            p.kind() == "attribute"
                || p.kind() == "subscript" && field(p, "value").is_some_and(|v| v.id() == node.id())
        });
        for (value, weight) in [("0", 0.3), ("1", 0.3), ("None", 0.15), ("True", 0.1), ("False", 0.1)] {
            if literal {
                sink.replace(crate::EditKind::Constant, weight * scale, node.byte_range(), value);
            }
        }
    }
}

/// Whether the file elsewhere asks a variable of this name for this attribute.
fn is_object(node: Node<'_>, place: &Place<'_>, name: &str, attribute: &str) -> bool {
    node.kind() == "attribute"
        && field(node, "object").is_some_and(|o| place.text(o) == name)
        && field(node, "attribute").is_some_and(|a| place.text(a) == attribute)
}

const TYPES: &[&str] = &["int", "float", "str", "bytes", "list", "tuple", "dict", "set", "bool"];

fn types(place: &Place<'_>, node: Node<'_>, name: &str, sink: &mut Sink<'_>) {
    if !TYPES.contains(&name) {
        return;
    }
    for other in TYPES.iter().filter(|t| **t != name) {
        sink.replace(Function, 0.35, node.byte_range(), *other);
        if node.parent().is_some_and(|p| p.kind() == "argument_list") && place.text(node) == name {
            sink.replace(Function, 0.3, node.byte_range(), format!("({name}, {other})"));
        }
    }
}

/// Every use of one variable in the statement exchanged for another one.
fn everywhere(place: &Place<'_>, name: &str, sink: &mut Sink<'_>) {
    let uses: Vec<Node<'_>> = place
        .nodes
        .iter()
        .copied()
        .filter(|n| n.kind() == "identifier" && place.text(*n) == name && (is_read(*n) || is_target(*n)))
        .collect();
    if uses.len() < 2 || Some(name) == place.names.receiver.as_deref() {
        return;
    }
    for (other, weight) in place.names_instead(uses[0], name).into_iter().take(6) {
        let all = uses.iter().map(|n| Replacement {
            start: n.start_byte(),
            end: n.end_byte(),
            text: other.clone(),
        });
        sink.push(Variable, 0.3 * weight, all.collect());
    }
}

/// Two variables of a statement exchanged for one another.
fn crossed(place: &Place<'_>, names: &[&str], sink: &mut Sink<'_>) {
    for (at, first) in names.iter().enumerate() {
        for second in &names[at + 1..] {
            let near = |n: &str| {
                place.names.near.iter().any(|k| k == n) && Some(n) != place.names.receiver.as_deref()
            };
            if !near(first) || !near(second) {
                continue;
            }
            let all =
                place.nodes.iter().filter(|n| n.kind() == "identifier" && is_read(**n)).filter_map(|n| {
                    let other = if place.text(*n) == *first {
                        second
                    } else if place.text(*n) == *second {
                        first
                    } else {
                        return None;
                    };
                    Some(Replacement { start: n.start_byte(), end: n.end_byte(), text: (*other).to_owned() })
                });
            sink.push(Variable, 0.35, all.collect());
        }
    }
}

fn target(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let name = place.text(node);
    for (at, (other, weight)) in place.names_instead(node, name).into_iter().enumerate() {
        if place.names.near.contains(&other) {
            sink.replace(Variable, 0.45 * weight / (1.0 + 0.1 * at as f64), node.byte_range(), other);
        }
    }
    if let Some(receiver) = &place.names.receiver
        && place.names.attributes.iter().any(|a| a == name)
        && place.node.kind() == "expression_statement"
    {
        sink.replace(Receiver, 0.8, node.byte_range(), format!("{receiver}.{name}"));
    }
}

/// Functions that are taken for one another.
const KIN: &[&[&str]] = &[
    &["min", "max"],
    &["any", "all"],
    &["sorted", "list", "reversed", "set", "tuple"],
    &["int", "float", "round", "str", "abs", "bool"],
    &["str", "repr", "ascii"],
    &["sum", "max", "len", "min"],
    &["floor", "ceil", "trunc", "round"],
    &["ord", "chr"],
    &["enumerate", "zip", "range", "iter"],
    &["sin", "cos", "tan"],
    &["log", "log2", "log10", "exp"],
    &["isinstance", "issubclass"],
    &["heappush", "heappop", "heappushpop", "heapreplace"],
    &["bisect_left", "bisect_right", "bisect"],
    &["search", "match", "fullmatch", "findall", "finditer"],
    &["sub", "subn", "split"],
    &["dict", "OrderedDict", "defaultdict", "Counter"],
    &["list", "deque"],
    &["islice", "takewhile", "dropwhile", "filterfalse"],
    &["getattr", "hasattr"],
    &["hex", "oct", "bin"],
    &["divmod", "pow"],
];

const METHODS: &[&[&str]] = &[
    &["append", "extend", "add", "insert", "appendleft", "update"],
    &["pop", "popleft", "remove", "discard", "popitem"],
    &["strip", "lstrip", "rstrip"],
    &["find", "rfind", "index", "rindex", "count"],
    &["startswith", "endswith", "__contains__"],
    &["lower", "upper", "title", "capitalize", "swapcase", "casefold"],
    &["isupper", "islower", "istitle"],
    &["split", "rsplit", "splitlines", "partition", "rpartition"],
    &["partition", "rpartition"],
    &["keys", "values", "items"],
    &["isdigit", "isalpha", "isalnum", "isnumeric", "isdecimal", "isspace", "isidentifier"],
    &["union", "intersection", "difference", "symmetric_difference"],
    &["issubset", "issuperset", "isdisjoint"],
    &["get", "pop", "setdefault"],
    &["ljust", "rjust", "center", "zfill"],
    &["read", "readline", "readlines"],
    &["write", "writelines"],
    &["encode", "decode"],
    &["sort", "reverse"],
    &["removeprefix", "removesuffix", "lstrip", "rstrip"],
    &["start", "end", "span", "group", "groups"],
    &["group", "groups", "groupdict"],
    &["match", "search", "fullmatch", "findall", "finditer"],
    &["days", "seconds", "microseconds", "total_seconds"],
    &["year", "month", "day"],
    &["hour", "minute", "second"],
    &["weekday", "isoweekday"],
    &["copy", "clear"],
    &["real", "imag"],
    &["numerator", "denominator"],
    &["width", "height"],
    &["left", "right"],
    &["start", "stop", "step"],
    &["head", "tail"],
    &["first", "last"],
    &["prev", "next"],
    &["parent", "children"],
    &["key", "value"],
    &["x", "y"],
    &["floor", "ceil"],
    &["min", "max"],
];

fn kin<'a>(table: &'a [&'a [&'a str]], name: &str) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for group in table.iter().filter(|g| g.contains(&name)) {
        found.extend(group.iter().filter(|n| **n != name));
    }
    found.dedup();
    found
}

fn function(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let name = place.text(node);
    for (at, other) in kin(KIN, name).into_iter().enumerate() {
        let known = super::place::BUILTINS.contains(&other) || place.names.imports.contains(other);
        if known {
            sink.replace(Function, 0.7 / (1.0 + 0.06 * at as f64), node.byte_range(), other);
        }
    }
    let arity = place.names.functions.get(name).copied();
    for (other, other_arity) in &place.names.functions {
        if other == name || other.starts_with("__") {
            continue;
        }
        let fits = if arity == Some(*other_arity) { 1.0 } else { 0.5 };
        sink.replace(
            Function,
            0.6 * fits * (0.4 + 0.8 * similarity(name, other)),
            node.byte_range(),
            other.clone(),
        );
    }
    if place.file.module_classes.contains(name) {
        for other in place.file.module_classes.iter().filter(|c| *c != name).take(12) {
            sink.replace(
                Function,
                0.5 * (0.5 + 0.5 * similarity(name, other)),
                node.byte_range(),
                other.clone(),
            );
        }
    }
    for other in place.names.imports.iter().filter(|i| *i != name) {
        sink.replace(Function, 0.15 + 0.3 * similarity(name, other), node.byte_range(), other.clone());
    }
    if let Some(receiver) = &place.names.receiver
        && place.names.methods.contains_key(name)
    {
        sink.replace(Receiver, 0.9, node.byte_range(), format!("{receiver}.{name}"));
    }
    for other in
        place.names.near.iter().filter(|o| *o != name && Some(*o) != place.names.receiver.as_ref()).take(10)
    {
        sink.replace(Function, 0.12 + 0.2 * similarity(name, other), node.byte_range(), other.clone());
    }
}

fn attribute(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let (Some(object), Some(attribute)) = (field(node, "object"), field(node, "attribute")) else { return };
    let (name, of) = (place.text(attribute), place.text(object));
    let called = is_called(node);
    let own = Some(of) == place.names.receiver.as_deref();
    for (at, other) in kin(METHODS, name).into_iter().chain(kin(KIN, name)).enumerate() {
        let weight = if own && !place.knows_member(other) { 0.2 } else { 0.9 };
        sink.replace(Attribute, weight / (1.0 + 0.08 * at as f64), attribute.byte_range(), other);
    }
    if own {
        let list: Vec<&String> = if called {
            place.names.methods.keys().collect()
        } else {
            place.names.attributes.iter().collect()
        };
        for other in list.into_iter().filter(|o| *o != name && !o.starts_with("__")) {
            sink.replace(
                Attribute,
                0.6 * (0.6 + 0.6 * similarity(name, other)),
                attribute.byte_range(),
                other.clone(),
            );
        }
        if place.names.near.iter().any(|n| n == name) {
            sink.replace(Receiver, 0.6, node.byte_range(), name);
        }
        for (other, weight) in place.names_instead(node, name).into_iter().take(8) {
            sink.replace(Variable, 0.25 * weight, node.byte_range(), other);
        }
    } else {
        let table = if called { &place.file.methods_called } else { &place.file.attributes };
        for other in table.keys().filter(|o| *o != name && !o.starts_with("__")).take(40) {
            sink.replace(
                Attribute,
                0.3 * (0.4 + 0.9 * similarity(name, other)),
                attribute.byte_range(),
                other.clone(),
            );
        }
        if !called {
            sink.replace(Attribute, 0.25, node.byte_range(), of);
        }
    }
    for wanted in &place.hints.names {
        if wanted != name {
            sink.replace(
                Attribute,
                0.4 * (0.3 + similarity(name, wanted)),
                attribute.byte_range(),
                wanted.clone(),
            );
        }
    }
    let stored = node.parent().is_some_and(|p| {
        field(p, "left").is_some_and(|l| l.id() == node.id())
            || p.kind() == "pattern_list"
            || p.kind() == "delete_statement"
    });
    if !called && !stored {
        let is_method =
            place.names.methods.contains_key(name) || place.file.methods_called.contains_key(name);
        let inside_call =
            node.parent().is_some_and(|p| p.kind() == "attribute" || p.kind() == "keyword_argument");
        if !inside_call {
            sink.replace(
                Receiver,
                if is_method { 0.7 } else { 0.15 },
                node.byte_range(),
                format!("{}()", place.text(node)),
            );
        }
    }
}

impl Place<'_> {
    fn knows_member(&self, name: &str) -> bool {
        self.names.attributes.iter().any(|a| a == name) || self.names.methods.contains_key(name)
    }

    /// The arguments of a call, without the ones that are spread.
    pub(super) fn plain_arguments<'t>(&self, list: Node<'t>) -> Vec<Node<'t>> {
        named(list)
    }
}
