//! One statement or clause to be changed, and the names that may be used there.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::Hints;
use super::index::Index;
use crate::source::{
    Function, Guess, SourceFile, assigned, children, descendants, field, last_line_of, line_of, named,
    targets,
};

/// Statements and clauses that candidates are made for.
const KINDS: &[&str] = &[
    "expression_statement",
    "return_statement",
    "raise_statement",
    "assert_statement",
    "delete_statement",
    "pass_statement",
    "break_statement",
    "continue_statement",
    "if_statement",
    "elif_clause",
    "else_clause",
    "for_statement",
    "while_statement",
    "try_statement",
    "except_clause",
    "with_statement",
    "function_definition",
    "class_definition",
    "match_statement",
    "case_clause",
];

/// Most names offered in place of another one.
const MOST_NAMES: usize = 16;

/// A statement or clause without the blocks beneath it.
pub(crate) struct Place<'a> {
    pub(crate) file: &'a SourceFile,
    pub(crate) hints: &'a Hints,
    pub(crate) index: &'a Index<'a>,
    pub(crate) node: Node<'a>,
    /// The innermost function around it.
    pub(crate) function: Option<usize>,
    pub(crate) first_line: u32,
    /// Last line of the statement, or of the head of a compound one.
    pub(crate) last_line: u32,
    pub(crate) names: Names,
    /// The nodes of the statement's own expressions, parents first.
    pub(crate) nodes: Vec<Node<'a>>,
}

/// What may be named at a place.
#[derive(Default)]
pub(crate) struct Names {
    /// Parameters and locals, those of the innermost function first.
    pub(crate) near: Vec<String>,
    /// Names bound at module level that are neither functions nor imports.
    pub(crate) module: Vec<String>,
    pub(crate) functions: BTreeMap<String, usize>,
    pub(crate) imports: BTreeSet<String>,
    /// `self`, or what the method calls it.
    pub(crate) receiver: Option<String>,
    /// Attributes of the own class.
    pub(crate) attributes: Vec<String>,
    pub(crate) methods: BTreeMap<String, usize>,
    pub(crate) guesses: BTreeMap<String, Guess>,
}

impl<'a> Place<'a> {
    /// The place of a node; `None` if it is no statement that is changed.
    pub(crate) fn of(
        file: &'a SourceFile,
        node: Node<'a>,
        hints: &'a Hints,
        index: &'a Index<'a>,
    ) -> Option<Self> {
        if !node.is_named() || !KINDS.contains(&node.kind()) || is_docstring(node) {
            return None;
        }
        let own = file.function_at(node.start_byte());
        let function = match own {
            Some(n) if node.kind() == "function_definition" && file.functions[n].end == node.end_byte() => {
                file.functions[n].outer
            }
            other => other,
        };
        let last_line = match block_of(node) {
            Some(block) => block.prev_sibling().map_or(line_of(node), last_line_of),
            None => last_line_of(node),
        };
        let names = Names::at(file, function);
        Some(Self {
            file,
            hints,
            index,
            node,
            function,
            first_line: line_of(node),
            last_line: last_line.max(line_of(node)),
            names,
            nodes: own_nodes(node),
        })
    }

    pub(crate) fn text(&self, node: Node<'_>) -> &'a str {
        &self.file.text[node.byte_range()]
    }

    pub(crate) fn inside(&self) -> Option<&'a Function> {
        self.function.map(|n| &self.file.functions[n])
    }

    /// The outermost function, if the place lies in its body: only then a change can be tried without a new import.
    pub(crate) fn outermost_body(&self) -> Option<usize> {
        let outermost = self.inside()?.outermost;
        (self.node.start_byte() >= self.file.functions[outermost].body_start).then_some(outermost)
    }

    /// White space before the statement; `None` if it doesn't begin its line.
    pub(crate) fn indentation(&self) -> Option<&'a str> {
        self.file.indentation(self.node.start_byte())
    }

    /// Names that the statement binds by assignment.
    pub(crate) fn bound_names(&self) -> Vec<String> {
        assigned(self.node)
            .map(|left| targets(left).into_iter().map(|n| self.text(n).to_owned()).collect())
            .unwrap_or_default()
    }

    /// What an expression most likely is.
    pub(crate) fn guess(&self, node: Node<'_>) -> Guess {
        self.file.guess(node, &self.names.guesses)
    }

    pub(crate) fn guess_name(&self, name: &str) -> Guess {
        self.names.guesses.get(name).copied().unwrap_or(Guess::Unknown)
    }

    /// Names that comprehensions and lambdas around a node bind.
    pub(crate) fn bound_around(&self, node: Node<'_>) -> Vec<String> {
        let mut found = Vec::new();
        let mut at = node.parent();
        while let Some(node) = at.filter(|n| n.id() != self.node.id()) {
            if node.kind().ends_with("comprehension") || node.kind() == "generator_expression" {
                for clause in named(node).into_iter().filter(|n| n.kind() == "for_in_clause") {
                    for name in field(clause, "left").map(targets).unwrap_or_default() {
                        found.push(self.text(name).to_owned());
                    }
                }
            }
            if node.kind() == "lambda"
                && let Some(parameters) = field(node, "parameters")
            {
                let names = descendants(parameters).into_iter().filter(|n| n.kind() == "identifier");
                found.extend(names.map(|n| self.text(n).to_owned()));
            }
            at = node.parent();
        }
        found
    }

    /// Names to put in place of `name` at a node, the likeliest first, with a weight from 1 down.
    pub(crate) fn names_instead(&self, node: Node<'_>, name: &str) -> Vec<(String, f64)> {
        let mut near = self.bound_around(node);
        near.extend(self.names.near.iter().cloned());
        let guess = self.guess_name(name);
        let mut rated: Vec<(String, f64)> = Vec::new();
        for (from, other) in near.iter().map(|n| (1.0, n)).chain(self.names.module.iter().map(|n| (0.5, n))) {
            if other == name || other == "_" || rated.iter().any(|(n, _)| n == other) {
                continue;
            }
            if Some(other) == self.names.receiver.as_ref() {
                continue;
            }
            let other_guess = self.guess_name(other);
            let kind = match (guess, other_guess) {
                (a, b) if a == b && a != Guess::Unknown => 1.15,
                (Guess::Unknown, _) | (_, Guess::Unknown) => 1.0,
                _ => 0.5,
            };
            rated.push((other.clone(), from * kind * (0.7 + 0.5 * similarity(name, other))));
        }
        rated.sort_by(|a, b| b.1.total_cmp(&a.1));
        rated.truncate(MOST_NAMES);
        rated
    }

    /// Whether all free names of an expression, taken from elsewhere, mean something here.
    pub(crate) fn knows_names_of(&self, node: Node<'_>) -> bool {
        let mut bound: BTreeSet<&str> = BTreeSet::new();
        let below = descendants(node);
        for inner in &below {
            if inner.kind() == "for_in_clause" {
                bound.extend(
                    field(*inner, "left").map(targets).unwrap_or_default().iter().map(|n| self.file.of(*n)),
                );
            }
            if inner.kind() == "lambda"
                && let Some(parameters) = field(*inner, "parameters")
            {
                bound.extend(
                    descendants(parameters)
                        .iter()
                        .filter(|n| n.kind() == "identifier")
                        .map(|n| self.file.of(*n)),
                );
            }
        }
        below.into_iter().filter(|n| n.kind() == "identifier" && is_read(*n)).all(|n| {
            let name = self.file.of(n);
            bound.contains(name)
                || self.names.near.iter().any(|k| k == name)
                || self.names.module.iter().any(|k| k == name)
                || self.names.functions.contains_key(name)
                || self.names.imports.contains(name)
                || self.file.module_classes.contains(name)
                || BUILTINS.contains(&name)
        })
    }

    /// Whether the place lies in a loop of its own function.
    pub(crate) fn in_loop(&self) -> bool {
        let mut at = self.node.parent();
        while let Some(node) = at {
            match node.kind() {
                "for_statement" | "while_statement" => return true,
                "function_definition" | "class_definition" => return false,
                // The `else` of a loop is not in it.
                "else_clause" => {
                    at = node
                        .parent()
                        .filter(|p| p.kind() == "if_statement" || p.kind() == "try_statement")
                        .or_else(|| node.parent().and_then(|p| p.parent()))
                }
                _ => at = node.parent(),
            }
        }
        false
    }
}

impl Names {
    fn at(file: &SourceFile, function: Option<usize>) -> Self {
        let mut names = Self {
            module: file.module_values.iter().cloned().collect(),
            functions: file.module_functions.clone(),
            imports: file.imports.clone(),
            ..Self::default()
        };
        let mut at = function;
        while let Some(number) = at {
            let f = &file.functions[number];
            for name in f.parameters.iter().chain(&f.locals) {
                if !names.near.contains(name) {
                    names.near.push(name.clone());
                }
            }
            for (name, guess) in &f.guesses {
                names.guesses.entry(name.clone()).or_insert(*guess);
            }
            if names.receiver.is_none() {
                names.receiver.clone_from(&f.receiver);
            }
            if let Some(class) = f.class {
                names.attributes = file.classes[class].attributes.iter().cloned().collect();
                names.methods = file.classes[class].methods.clone();
            }
            at = f.outer;
        }
        names
    }
}

/// The block of a compound statement or clause.
pub(crate) fn block_of<'t>(node: Node<'t>) -> Option<Node<'t>> {
    children(node).into_iter().find(|c| c.kind() == "block")
}

fn own_nodes<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    rest.extend(children(node).into_iter().rev());
    while let Some(node) = rest.pop() {
        if matches!(
            node.kind(),
            "block"
                | "elif_clause"
                | "else_clause"
                | "except_clause"
                | "finally_clause"
                | "case_clause"
                | "type"
        ) {
            continue;
        }
        found.push(node);
        rest.extend(children(node).into_iter().rev());
    }
    found
}

fn is_docstring(node: Node<'_>) -> bool {
    node.kind() == "expression_statement" && named(node).first().is_some_and(|n| n.kind() == "string")
}

/// Whether an identifier reads a variable: no attribute, keyword, parameter or target.
pub(crate) fn is_read(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    let is = |name: &str| field(parent, name).is_some_and(|n| n.id() == node.id());
    match parent.kind() {
        "attribute" => !is("attribute"),
        "keyword_argument" | "default_parameter" | "typed_default_parameter" | "named_expression" => {
            !is("name")
        }
        "assignment" | "augmented_assignment" | "for_statement" | "for_in_clause" => !is("left"),
        "function_definition"
        | "class_definition"
        | "parameters"
        | "lambda_parameters"
        | "typed_parameter"
        | "pattern_list"
        | "tuple_pattern"
        | "list_pattern"
        | "as_pattern_target"
        | "dotted_name"
        | "type"
        | "global_statement"
        | "nonlocal_statement"
        | "list_splat_pattern"
        | "dictionary_splat_pattern" => false,
        _ => true,
    }
}

/// From 0 to 1: pairs of neighbouring letters that both names have.
pub(crate) fn similarity(a: &str, b: &str) -> f64 {
    let pairs = |s: &str| -> Vec<(char, char)> {
        let letters: Vec<char> = s.to_lowercase().chars().collect();
        letters.windows(2).map(|w| (w[0], w[1])).collect()
    };
    let (left, mut right) = (pairs(a), pairs(b));
    let all = left.len() + right.len();
    if all == 0 {
        return 0.0;
    }
    let mut shared = 0;
    for pair in &left {
        if let Some(at) = right.iter().position(|p| p == pair) {
            right.swap_remove(at);
            shared += 1;
        }
    }
    f64::from(2 * shared) / all as f64
}

/// Names that are always there.
pub(crate) const BUILTINS: &[&str] = &[
    "abs",
    "all",
    "any",
    "bool",
    "bytes",
    "callable",
    "chr",
    "dict",
    "divmod",
    "enumerate",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "hasattr",
    "hash",
    "id",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "map",
    "max",
    "min",
    "next",
    "object",
    "ord",
    "pow",
    "print",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "zip",
    "Exception",
    "ValueError",
    "TypeError",
    "KeyError",
    "IndexError",
    "AttributeError",
    "RuntimeError",
    "NotImplementedError",
    "StopIteration",
    "ZeroDivisionError",
    "OverflowError",
    "OSError",
    "LookupError",
    "ArithmeticError",
    "NotImplemented",
    "True",
    "False",
    "None",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_knows_its_names_and_head() {
        let text =
            "LIMIT = 3\ndef f(alpha, beta):\n    if (alpha and\n            beta):\n        gamma = 1\n";
        let (file, hints) = (SourceFile::parse("a.py", text), Hints::default());
        let node = descendants(file.tree.root_node()).into_iter().find(|n| n.kind() == "if_statement");
        let index = Index::of(&file);
        let place =
            Place::of(&file, node.expect("there is an if"), &hints, &index).expect("an if is a place");
        assert_eq!((place.first_line, place.last_line), (3, 4));
        assert_eq!(place.names.near, ["alpha", "beta", "gamma"]);
        assert!(place.nodes.iter().all(|n| file.of(*n) != "gamma"));
        let node =
            place.nodes.iter().find(|n| file.of(**n) == "alpha" && n.kind() == "identifier").expect("read");
        let instead: Vec<String> = place.names_instead(*node, "alpha").into_iter().map(|(n, _)| n).collect();
        assert_eq!(instead.len(), 3);
        assert_eq!(instead[2], "LIMIT");
    }

    #[test]
    fn similar_names_rank_higher() {
        assert!(similarity("left_end", "right_end") > similarity("left_end", "count"));
        assert_eq!(similarity("a", "b"), 0.0);
    }
}
