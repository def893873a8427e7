//! Arguments swapped, dropped and added; calls put around values and taken away.

use tree_sitter::Node;

use super::place::Place;
use crate::EditKind::{Arguments, Receiver, Wrapping};
use crate::edit::Sink;
use crate::source::{Guess, field, named};

pub(super) fn edits(place: &Place<'_>, sink: &mut Sink<'_>) {
    for node in &place.nodes {
        match node.kind() {
            "call" => call(place, *node, sink),
            "await" => {
                if let Some(inner) = named(*node).into_iter().next() {
                    sink.replace(Receiver, 0.4, node.byte_range(), place.text(inner));
                }
            }
            _ => {}
        }
    }
    for value in values(place) {
        wrapped(place, value, sink);
    }
}

fn call(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let (Some(function), Some(list)) = (field(node, "function"), field(node, "arguments")) else { return };
    if list.kind() != "argument_list" {
        return;
    }
    let name = place.text(function);
    let arguments = place.plain_arguments(list);
    swapped(place, &arguments, sink);
    dropped(&arguments, list, sink);
    added(place, name, &arguments, list, sink);
    // `f(x)` as `x`, `x.m()` as `x`, `x.m()` as `x.m`.
    if let [only] = arguments[..]
        && !matches!(
            only.kind(),
            "keyword_argument" | "list_splat" | "dictionary_splat" | "generator_expression"
        )
        && function.kind() == "identifier"
    {
        sink.replace(Wrapping, 0.55, node.byte_range(), super::grouped(place.file, only));
    }
    let is_statement = node.parent().is_some_and(|p| p.kind() == "expression_statement");
    if let Some(object) = field(function, "object").filter(|_| !is_statement) {
        sink.replace(Wrapping, 0.45, node.byte_range(), place.text(object));
        if arguments.is_empty() {
            sink.replace(Receiver, 0.3, node.byte_range(), name);
        }
    }
    if arguments.is_empty() && !is_statement {
        sink.replace(Receiver, 0.3, node.byte_range(), name);
    }
    if place.inside().is_some_and(|f| f.is_async) && node.parent().is_none_or(|p| p.kind() != "await") {
        let text = format!("await {}", place.text(node));
        let tight = node
            .parent()
            .is_some_and(|p| matches!(p.kind(), "attribute" | "subscript" | "call" | "binary_operator"));
        sink.replace(Receiver, 0.7, node.byte_range(), if tight { format!("({text})") } else { text });
    }
    recursion(place, node, name, sink);
}

/// `f(…)` inside f as `1 + f(…)`, as in counting by recursion.
fn recursion(place: &Place<'_>, node: Node<'_>, name: &str, sink: &mut Sink<'_>) {
    let Some(function) = place.inside() else { return };
    let own = name == function.name || name.strip_prefix("self.") == Some(&function.name);
    if !own || node.parent().is_some_and(|p| matches!(p.kind(), "attribute" | "subscript" | "call")) {
        return;
    }
    sink.replace(Wrapping, 0.5, node.byte_range(), format!("1 + {}", place.text(node)));
    sink.replace(Wrapping, 0.3, node.byte_range(), format!("-{}", place.text(node)));
    if node.parent().is_none_or(|p| {
        !matches!(p.kind(), "binary_operator" | "unary_operator" | "comparison_operator" | "await")
    }) {
        sink.replace(Wrapping, 0.3, node.byte_range(), format!("not {}", place.text(node)));
    }
    if function.is_generator {
        sink.replace(Wrapping, 0.5, node.byte_range(), format!("(yield from {})", place.text(node)));
    }
    for parameter in function.parameters.iter().filter(|p| Some(*p) != function.receiver.as_ref()) {
        sink.replace(Wrapping, 0.3, node.byte_range(), format!("{parameter} + {}", place.text(node)));
        sink.replace(Wrapping, 0.2, node.byte_range(), format!("{parameter} * {}", place.text(node)));
    }
}

fn swapped(place: &Place<'_>, arguments: &[Node<'_>], sink: &mut Sink<'_>) {
    for (at, first) in arguments.iter().enumerate() {
        for (second_at, second) in arguments.iter().enumerate().skip(at + 1).take(3) {
            let keywords = [first, second].iter().filter(|n| n.kind() == "keyword_argument").count();
            let (Some(a), Some(b)) = (value_of(*first), value_of(*second)) else { continue };
            if keywords == 1 || [a, b].iter().any(|n| n.kind().ends_with("_splat")) {
                continue;
            }
            let between = &place.file.text[a.end_byte()..b.start_byte()];
            let weight = if second_at == at + 1 { 0.8 } else { 0.5 };
            let text = format!("{}{between}{}", place.text(b), place.text(a));
            sink.replace(Arguments, weight, a.start_byte()..b.end_byte(), text);
        }
    }
}

fn value_of<'t>(argument: Node<'t>) -> Option<Node<'t>> {
    if argument.kind() == "keyword_argument" { field(argument, "value") } else { Some(argument) }
}

fn dropped(arguments: &[Node<'_>], list: Node<'_>, sink: &mut Sink<'_>) {
    for (at, argument) in arguments.iter().enumerate() {
        let range = if at + 1 < arguments.len() {
            argument.start_byte()..arguments[at + 1].start_byte()
        } else if at > 0 {
            arguments[at - 1].end_byte()..argument.end_byte()
        } else {
            list.start_byte() + 1..list.end_byte() - 1
        };
        if argument.kind() != "generator_expression" {
            sink.replace(
                Arguments,
                if argument.kind() == "keyword_argument" { 0.55 } else { 0.4 },
                range,
                "",
            );
        }
    }
}

/// Keyword arguments of well-known functions.
const KEYWORDS: &[(&str, &[&str])] = &[
    ("sorted", &["reverse=True", "key=len", "key=str.lower"]),
    ("sort", &["reverse=True", "key=len"]),
    ("max", &["default=0", "default=None", "key=len"]),
    ("min", &["default=0", "default=None", "key=len"]),
    ("next", &["None"]),
    ("enumerate", &["1", "start=1"]),
    ("split", &["' '", "','", "None, 1", "maxsplit=1"]),
    ("rsplit", &["None, 1"]),
    ("get", &["0", "''", "None", "[]", "{}", "False", "()", "1"]),
    ("pop", &["None", "0", "-1"]),
    ("getattr", &["None"]),
    ("round", &["2", "1", "0"]),
    ("dumps", &["sort_keys=True", "indent=2", "ensure_ascii=False"]),
    ("zip", &["strict=True"]),
    ("compile", &["re.IGNORECASE", "re.I", "re.MULTILINE", "re.DOTALL", "re.VERBOSE"]),
    ("sub", &["flags=re.IGNORECASE", "count=1"]),
    ("split_re", &["maxsplit=1"]),
    ("open", &["'w'", "encoding='utf-8'", "newline=''"]),
    ("splitlines", &["True", "keepends=True"]),
    ("sum", &["0", "[]"]),
    ("replace", &["1"]),
    ("isclose", &["abs_tol=1e-9"]),
    ("product", &["repeat=2"]),
    ("int", &["10", "16", "2"]),
    ("defaultdict", &["list", "int", "set", "dict"]),
];

fn added(place: &Place<'_>, name: &str, arguments: &[Node<'_>], list: Node<'_>, sink: &mut Sink<'_>) {
    if arguments.last().is_some_and(|a| a.kind() == "generator_expression" || a.kind() == "dictionary_splat")
        || list.child(0).is_none_or(|c| c.kind() != "(")
    {
        return;
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    let end = arguments.last().map_or(list.start_byte() + 1, Node::end_byte);
    let joined = |text: &str| if arguments.is_empty() { text.to_owned() } else { format!(", {text}") };
    let has_keywords = arguments.iter().any(|a| matches!(a.kind(), "keyword_argument" | "dictionary_splat"));
    for (function, texts) in KEYWORDS {
        for text in texts.iter().filter(|t| *function == last && (!has_keywords || t.contains('='))) {
            let own = text.split('=').next().unwrap_or(text);
            let there = text.contains('=')
                && arguments.iter().any(|a| field(*a, "name").is_some_and(|n| place.text(n) == own));
            if !there && (!text.starts_with("re.") || place.names.imports.contains("re")) {
                sink.replace(Arguments, 0.35, end..end, joined(text));
            }
        }
    }
    let callee = place.file.functions.iter().find(|f| {
        f.name == last
            || (f.name == "__init__" && f.class.is_some_and(|c| place.file.classes[c].name == last))
    });
    if let Some(callee) = callee {
        let parameters: Vec<&String> =
            callee.parameters.iter().skip(usize::from(callee.receiver.is_some())).collect();
        for (at, parameter) in parameters.iter().enumerate() {
            let given = at < arguments.len() && arguments[at].kind() != "keyword_argument"
                || arguments
                    .iter()
                    .any(|a| field(*a, "name").is_some_and(|n| place.text(n) == parameter.as_str()));
            if given {
                continue;
            }
            if place.names.near.contains(parameter) {
                sink.replace(Arguments, 0.6, end..end, joined(&format!("{parameter}={parameter}")));
            }
            if let Some(receiver) =
                place.names.receiver.as_ref().filter(|_| place.names.attributes.contains(parameter))
            {
                sink.replace(
                    Arguments,
                    0.5,
                    end..end,
                    joined(&format!("{parameter}={receiver}.{parameter}")),
                );
            }
            for value in ["True", "False", "0", "1", "None"] {
                sink.replace(Arguments, 0.15, end..end, joined(&format!("{parameter}={value}")));
            }
        }
    }
    if has_keywords
        || !(place.names.functions.contains_key(last)
            || callee.is_some()
            || !super::place::BUILTINS.contains(&last))
    {
        return;
    }
    let names: Vec<&String> =
        place.names.near.iter().filter(|n| Some(*n) != place.names.receiver.as_ref()).take(8).collect();
    for other in names {
        sink.replace(Arguments, 0.3, end..end, joined(other));
        if let Some(first) = arguments.first() {
            sink.replace(Arguments, 0.2, first.start_byte()..first.start_byte(), format!("{other}, "));
        }
    }
}

/// Values that a call may be put around: what is assigned, returned, passed or compared.
fn values<'t>(place: &Place<'t>) -> Vec<Node<'t>> {
    let mut found: Vec<Node<'t>> = Vec::new();
    for node in &place.nodes {
        match node.kind() {
            "assignment" | "augmented_assignment" | "for_in_clause" => found.extend(field(*node, "right")),
            "argument_list" => found.extend(place.plain_arguments(*node).into_iter().filter(|n| {
                !n.kind().ends_with("splat")
                    && n.kind() != "keyword_argument"
                    && n.kind() != "generator_expression"
            })),
            "keyword_argument" | "named_expression" => found.extend(field(*node, "value")),
            "comparison_operator" | "list" | "tuple" => found.extend(named(*node)),
            "binary_operator" => {
                found.extend([field(*node, "left"), field(*node, "right")].into_iter().flatten())
            }
            "pair" => found.extend([field(*node, "key"), field(*node, "value")].into_iter().flatten()),
            "subscript" => found.extend(field(*node, "subscript").filter(|s| s.kind() != "slice")),
            "list_comprehension" | "set_comprehension" | "generator_expression" | "interpolation" => {
                found.extend(named(*node).into_iter().next())
            }
            _ => {}
        }
    }
    match place.node.kind() {
        "return_statement" => found.extend(named(place.node)),
        "for_statement" => found.extend(field(place.node, "right")),
        _ => {}
    }
    found.retain(|n| {
        !matches!(
            n.kind(),
            "integer"
                | "float"
                | "none"
                | "true"
                | "false"
                | "string"
                | "lambda"
                | "slice"
                | "yield"
                | "assignment"
                | "expression_list"
                | "list_splat"
                | "conditional_expression"
                | "type_conversion"
        )
    });
    found
}

fn wrapped(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let text = place.text(node);
    let guess = place.guess(node);
    let outer = field(node, "function").map(|f| place.text(f));
    let mut put = |weight: f64, name: &str| {
        if outer != Some(name) {
            sink.replace(Wrapping, weight, node.byte_range(), format!("{name}({text})"));
        }
    };
    let functions: &[(&str, f64)] = match guess {
        Guess::Number => {
            &[("str", 0.2), ("int", 0.3), ("abs", 0.35), ("float", 0.2), ("round", 0.15), ("range", 0.1)]
        }
        Guess::Text => &[
            ("len", 0.25),
            ("int", 0.2),
            ("list", 0.15),
            ("sorted", 0.1),
            ("set", 0.1),
            ("float", 0.1),
            ("ord", 0.1),
        ],
        Guess::List => &[
            ("len", 0.3),
            ("sorted", 0.3),
            ("list", 0.3),
            ("reversed", 0.25),
            ("set", 0.2),
            ("tuple", 0.2),
            ("sum", 0.15),
            ("enumerate", 0.2),
        ],
        Guess::Dict | Guess::Set => {
            &[("len", 0.25), ("sorted", 0.35), ("list", 0.35), ("dict", 0.2), ("set", 0.1)]
        }
        Guess::Bool => &[("not ", 0.0)],
        Guess::Nothing | Guess::Unknown => &[
            ("str", 0.3),
            ("len", 0.3),
            ("int", 0.3),
            ("list", 0.3),
            ("abs", 0.25),
            ("sorted", 0.25),
            ("float", 0.15),
            ("set", 0.15),
            ("tuple", 0.15),
            ("dict", 0.12),
            ("reversed", 0.2),
            ("repr", 0.1),
            ("bool", 0.12),
            ("iter", 0.05),
            ("enumerate", 0.15),
            ("sum", 0.1),
            ("min", 0.06),
            ("max", 0.06),
            ("round", 0.08),
            ("next", 0.06),
        ],
    };
    for (name, weight) in functions.iter().filter(|(_, w)| *w > 0.0) {
        put(*weight, name);
    }
    for (name, arity) in &place.names.functions {
        if *arity == 1 && place.inside().is_none_or(|f| f.name != *name) {
            // The same value goes through it elsewhere.
            let usual = place.file.text.contains(&format!("{name}({text})"));
            put(if usual { 0.8 } else { 0.25 }, name);
        }
    }
    for (name, arity) in &place.names.methods {
        if let Some(receiver) = place.names.receiver.as_ref().filter(|_| *arity == 1) {
            put(0.2, &format!("{receiver}.{name}"));
        }
    }
    if matches!(guess, Guess::Text | Guess::Unknown) && node.kind() != "binary_operator" {
        let tight = super::grouped(place.file, node);
        for (added, weight) in [("'\\n'", 0.14), ("' '", 0.08)] {
            sink.replace(Wrapping, weight, node.byte_range(), format!("{tight} + {added}"));
        }
        for (_, wanted) in place.hints.text_differences().filter(|(got, _)| got.is_empty()).take(4) {
            sink.replace(Wrapping, 0.12, node.byte_range(), format!("{tight} + '{wanted}'"));
            sink.replace(Wrapping, 0.12, node.byte_range(), format!("'{wanted}' + {tight}"));
        }
    }
    if matches!(node.kind(), "identifier" | "attribute" | "call" | "subscript") {
        let methods: &[&str] = match guess {
            Guess::Text => &[
                "strip()",
                "lower()",
                "upper()",
                "rstrip()",
                "lstrip()",
                "split()",
                "title()",
                "capitalize()",
                "strip('\"')",
            ],
            Guess::List => &["copy()", "[::-1]", "[0]", "[-1]"],
            Guess::Dict => &["copy()", "items()", "values()", "keys()"],
            Guess::Unknown => &[
                "copy()", "[:]", "strip()", "lower()", "items()", "values()", "[::-1]", "upper()", "[0]",
                "[-1]", "[1:]", "[:-1]", "keys()", "rstrip()", "pop()",
            ],
            _ => &[],
        };
        for method in methods {
            let dot = if method.starts_with('[') { "" } else { "." };
            let wrapped = format!("{text}{dot}{method}");
            let weight = if *method == "copy()" { 0.3 } else { 0.22 };
            let usual = place.file.text.contains(&wrapped) && !place.text(place.node).contains(&wrapped);
            sink.replace(Wrapping, if usual { 0.45 } else { weight }, node.byte_range(), wrapped);
        }
        for (index, weight) in [("0", 0.15)] {
            if matches!(guess, Guess::Unknown) {
                sink.replace(Wrapping, weight, node.byte_range(), format!("({text} or {index})"));
                sink.replace(Wrapping, weight, node.byte_range(), format!("({text} or '')"));
                sink.replace(Wrapping, weight, node.byte_range(), format!("({text} or [])"));
            }
        }
    }
}
