//! What kind of value an expression most likely has, by its form.

use std::collections::BTreeMap;

use tree_sitter::Node;

use crate::source::{SourceFile, descendants, field, named, targets};

/// What kind of value an expression most likely has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    Number,
    Text,
    Bool,
    List,
    Dict,
    Set,
    Nothing,
    Unknown,
}

impl SourceFile {
    /// What kinds of values the parameters and locals of a function have.
    pub(crate) fn guesses(&self, function: Node<'_>, body: Node<'_>) -> BTreeMap<String, Guess> {
        let mut guesses = BTreeMap::new();
        if let Some(parameters) = field(function, "parameters") {
            for p in named(parameters) {
                let name =
                    field(p, "name").or_else(|| named(p).into_iter().find(|n| n.kind() == "identifier"));
                let guess = field(p, "type")
                    .map(|t| type_guess(self.of(t)))
                    .or_else(|| field(p, "value").map(|v| self.guess(v, &guesses)));
                if let (Some(name), Some(guess)) = (name, guess) {
                    guesses.insert(self.of(name).to_owned(), guess);
                }
            }
        }
        for node in descendants(body) {
            match node.kind() {
                "assignment" => {
                    if let (Some(left), Some(right)) = (field(node, "left"), field(node, "right"))
                        && left.kind() == "identifier"
                    {
                        let guess = self.guess(right, &guesses);
                        let entry = guesses.entry(self.of(left).to_owned()).or_insert(guess);
                        if *entry == Guess::Nothing || *entry == Guess::Unknown {
                            *entry = guess;
                        }
                    }
                }
                "for_statement" => {
                    if let (Some(left), Some(right)) = (field(node, "left"), field(node, "right")) {
                        let right = self.of(right);
                        let first = targets(left).first().map(|n| self.of(*n).to_owned());
                        if (right.starts_with("range(") && left.kind() == "identifier")
                            || right.starts_with("enumerate(")
                        {
                            guesses.extend(first.map(|name| (name, Guess::Number)));
                        }
                    }
                }
                _ => {}
            }
        }
        guesses
    }

    /// What an expression most likely is, by its form.
    pub(crate) fn guess(&self, node: Node<'_>, names: &BTreeMap<String, Guess>) -> Guess {
        let text = self.of(node);
        match node.kind() {
            "integer" | "float" => Guess::Number,
            "string" | "concatenated_string" => Guess::Text,
            "true" | "false" | "comparison_operator" | "not_operator" => Guess::Bool,
            "none" => Guess::Nothing,
            "list" | "list_comprehension" => Guess::List,
            "dictionary" | "dictionary_comprehension" => Guess::Dict,
            "set" | "set_comprehension" => Guess::Set,
            "tuple" => Guess::List,
            "identifier" => names.get(text).copied().unwrap_or(Guess::Unknown),
            "parenthesized_expression" => {
                named(node).first().map_or(Guess::Unknown, |n| self.guess(*n, names))
            }
            "unary_operator" => Guess::Number,
            "binary_operator" => {
                let sides = [field(node, "left"), field(node, "right")];
                let guesses: Vec<Guess> = sides.into_iter().flatten().map(|n| self.guess(n, names)).collect();
                match field(node, "operator").map(|o| o.kind()) {
                    Some("-" | "//" | "**" | "/") => Guess::Number,
                    Some("%") if guesses.first() == Some(&Guess::Text) => Guess::Text,
                    _ => guesses.into_iter().find(|g| *g != Guess::Unknown).unwrap_or(Guess::Unknown),
                }
            }
            "call" => match field(node, "function").map(|f| self.of(f)) {
                Some("len" | "int" | "float" | "sum" | "abs" | "ord" | "round") => Guess::Number,
                Some("str" | "repr" | "chr" | "format") => Guess::Text,
                Some("list" | "sorted") => Guess::List,
                Some("dict" | "defaultdict" | "Counter" | "OrderedDict") => Guess::Dict,
                Some("set" | "frozenset") => Guess::Set,
                Some("bool" | "isinstance" | "any" | "all" | "hasattr" | "callable") => Guess::Bool,
                Some(f)
                    if [".strip", ".lower", ".upper", ".join", ".replace", ".format"]
                        .iter()
                        .any(|m| f.ends_with(m)) =>
                {
                    Guess::Text
                }
                Some(f) if f.ends_with(".split") || f.ends_with(".splitlines") => Guess::List,
                _ => Guess::Unknown,
            },
            _ => Guess::Unknown,
        }
    }
}

fn type_guess(annotation: &str) -> Guess {
    let base = annotation.trim_start_matches("Optional[").trim_start_matches("typing.");
    match base.split(['[', ' ', ']']).next().unwrap_or("") {
        "int" | "float" | "Decimal" | "complex" => Guess::Number,
        "str" => Guess::Text,
        "bool" => Guess::Bool,
        "list" | "List" | "tuple" | "Tuple" | "Sequence" | "deque" => Guess::List,
        "dict" | "Dict" | "Mapping" | "MutableMapping" | "defaultdict" | "Counter" => Guess::Dict,
        "set" | "Set" | "frozenset" | "FrozenSet" => Guess::Set,
        _ => Guess::Unknown,
    }
}
