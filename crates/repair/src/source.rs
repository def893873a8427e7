//! A parsed Python file: its functions, classes, names and statements.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::{Node, Parser, Tree};

pub(crate) use crate::guess::Guess;

/// One Python file of the workspace.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) tree: Tree,
    pub(crate) functions: Vec<Function>,
    pub(crate) classes: Vec<Class>,
    /// Functions defined at module level, with the number of parameters.
    pub(crate) module_functions: BTreeMap<String, usize>,
    /// Other names bound at module level: constants, classes, imports.
    pub(crate) module_values: BTreeSet<String>,
    pub(crate) module_classes: BTreeSet<String>,
    pub(crate) imports: BTreeSet<String>,
    /// Attribute names used in the file, with how often, apart for calls.
    pub(crate) attributes: BTreeMap<String, usize>,
    pub(crate) methods_called: BTreeMap<String, usize>,
}

/// A function or method, nested ones too.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// With its classes and outer functions: `Invoice.total`.
    pub(crate) qualified: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) body_start: usize,
    /// First line with decorators, from 1: what Python calls the code's first line.
    pub(crate) first_line: u32,
    pub(crate) last_line: u32,
    pub(crate) parameters: Vec<String>,
    /// Names bound in the body, in order, without the parameters.
    pub(crate) locals: Vec<String>,
    /// Number of the class, for a method.
    pub(crate) class: Option<usize>,
    /// First parameter of a method.
    pub(crate) receiver: Option<String>,
    /// Number of the function right around this one.
    pub(crate) outer: Option<usize>,
    /// The outermost function that this one lies in; itself if none.
    pub(crate) outermost: usize,
    pub(crate) is_async: bool,
    pub(crate) is_generator: bool,
    /// `class A:` and `if 1:` lines that put the function at its place when compiled alone.
    pub(crate) headers: Vec<String>,
    /// What kind of value a local most likely is.
    pub(crate) guesses: BTreeMap<String, Guess>,
}

/// A class and the names that its instances have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) attributes: BTreeSet<String>,
    /// Methods with the number of parameters beside the receiver.
    pub(crate) methods: BTreeMap<String, usize>,
}

/// The children of a node, anonymous ones too.
pub(crate) fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

/// The named children of a node, comments left out.
pub(crate) fn named<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|c| c.kind() != "comment").collect()
}

/// A field of a node.
pub(crate) fn field<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
    node.child_by_field_name(name)
}

/// All nodes below and with this one, parents first.
pub(crate) fn descendants<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let (mut found, mut rest) = (Vec::new(), vec![node]);
    while let Some(node) = rest.pop() {
        found.push(node);
        let mut below = children(node);
        below.reverse();
        rest.extend(below);
    }
    found
}

/// The line of a node, from 1.
pub(crate) fn line_of(node: Node<'_>) -> u32 {
    node.start_position().row as u32 + 1
}

/// The last line of a node, from 1.
pub(crate) fn last_line_of(node: Node<'_>) -> u32 {
    let end = node.end_position();
    let row = if end.column == 0 && end.row > node.start_position().row { end.row - 1 } else { end.row };
    row as u32 + 1
}

impl SourceFile {
    /// Parses a file. Files with syntax errors give a tree with error nodes.
    pub(crate) fn parse(path: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let mut parser = Parser::new();
        parser
            .set_language(&tree_sitter_python::LANGUAGE.into())
            .expect("the grammar is built for this version");
        let tree =
            parser.parse(&text, None).expect("a parser with a language and no time limit gives a tree");
        let mut file = Self {
            path: path.into(),
            text,
            tree,
            functions: Vec::new(),
            classes: Vec::new(),
            module_functions: BTreeMap::new(),
            module_values: BTreeSet::new(),
            module_classes: BTreeSet::new(),
            imports: BTreeSet::new(),
            attributes: BTreeMap::new(),
            methods_called: BTreeMap::new(),
        };
        let tree = file.tree.clone();
        file.survey(tree.root_node(), &Around::default());
        file.note_names(tree.root_node());
        file
    }

    /// Whether Python would refuse it, as far as the grammar sees.
    pub(crate) fn has_error(&self) -> bool {
        self.tree.root_node().has_error()
    }

    /// The text of a node.
    pub(crate) fn of(&self, node: Node<'_>) -> &str {
        &self.text[node.byte_range()]
    }

    /// The innermost function around a byte.
    pub(crate) fn function_at(&self, byte: usize) -> Option<usize> {
        (0..self.functions.len())
            .filter(|n| (self.functions[*n].start..self.functions[*n].end).contains(&byte))
            .min_by_key(|n| self.functions[*n].end - self.functions[*n].start)
    }

    /// The innermost function around a line.
    pub(crate) fn function_on(&self, line: u32) -> Option<usize> {
        (0..self.functions.len())
            .filter(|n| (self.functions[*n].first_line..=self.functions[*n].last_line).contains(&line))
            .min_by_key(|n| self.functions[*n].last_line - self.functions[*n].first_line)
    }

    /// First byte of the line that holds this byte.
    pub(crate) fn line_start(&self, byte: usize) -> usize {
        self.text[..byte].rfind('\n').map_or(0, |at| at + 1)
    }

    /// Byte after the line that holds this byte, its line end included.
    pub(crate) fn line_end(&self, byte: usize) -> usize {
        self.text[byte..].find('\n').map_or(self.text.len(), |at| byte + at + 1)
    }

    /// The white space before a byte on its line; `None` if there is something else.
    pub(crate) fn indentation(&self, byte: usize) -> Option<&str> {
        let before = &self.text[self.line_start(byte)..byte];
        before.chars().all(|c| c == ' ' || c == '\t').then_some(before)
    }

    /// The text of a line, from 1, without its indentation.
    pub(crate) fn line_text(&self, line: u32) -> &str {
        self.text.lines().nth(line.saturating_sub(1) as usize).unwrap_or("").trim()
    }

    fn survey(&mut self, node: Node<'_>, around: &Around) {
        for child in named(node) {
            match child.kind() {
                "function_definition" => self.note_function(child, around),
                "class_definition" => self.note_class(child, around),
                "if_statement" | "try_statement" | "with_statement" | "for_statement" | "while_statement" => {
                    let mut inside = around.clone();
                    if around.function.is_none() {
                        inside.headers.push(format!("{}if 1:", indentation_of(child)));
                    }
                    self.survey(child, &inside);
                }
                _ => self.survey(child, around),
            }
        }
    }

    fn note_function(&mut self, node: Node<'_>, around: &Around) {
        let (Some(name), Some(body)) = (field(node, "name"), field(node, "body")) else { return };
        let name = self.of(name).to_owned();
        let first = node.parent().filter(|p| p.kind() == "decorated_definition").unwrap_or(node);
        let number = self.functions.len();
        let parameters = field(node, "parameters").map_or(Vec::new(), |p| self.parameter_names(p));
        let decorators: Vec<String> = named(first)
            .into_iter()
            .filter(|d| d.kind() == "decorator")
            .map(|d| self.of(d).to_owned())
            .collect();
        let is_static = decorators.iter().any(|d| d.contains("staticmethod"));
        let is_method = around.class.is_some() && around.function.is_none();
        let receiver = (is_method && !is_static).then(|| parameters.first().cloned()).flatten();
        if is_method && let Some(class) = around.class {
            let arity = parameters.len() - usize::from(receiver.is_some());
            let class = &mut self.classes[class];
            if decorators.iter().any(|d| d.contains("property")) {
                class.attributes.insert(name.clone());
            } else {
                class.methods.insert(name.clone(), arity);
            }
        } else if around.function.is_none() {
            self.module_functions.insert(name.clone(), parameters.len());
        }
        let qualified = if around.path.is_empty() { name.clone() } else { format!("{}.{name}", around.path) };
        let text = self.of(body).to_owned();
        let function = Function {
            qualified: qualified.clone(),
            start: self.line_start(first.start_byte()),
            end: node.end_byte(),
            body_start: body.start_byte(),
            first_line: line_of(first),
            last_line: last_line_of(node),
            locals: self.bound_names(body, &parameters),
            class: if is_method { around.class } else { None },
            receiver,
            outer: around.function,
            outermost: around.outermost.unwrap_or(number),
            is_async: children(node).first().is_some_and(|c| c.kind() == "async"),
            is_generator: text.contains("yield") && yields(body),
            headers: around.headers.clone(),
            guesses: self.guesses(node, body),
            parameters,
            name,
        };
        let inside = Around {
            path: qualified,
            class: around.class,
            function: Some(number),
            outermost: Some(function.outermost),
            headers: around.headers.clone(),
        };
        self.functions.push(function);
        self.survey(body, &inside);
    }

    fn note_class(&mut self, node: Node<'_>, around: &Around) {
        let (Some(name), Some(body)) = (field(node, "name"), field(node, "body")) else { return };
        let name = self.of(name).to_owned();
        if around.path.is_empty() {
            self.module_classes.insert(name.clone());
        }
        let mut class = Class { name: name.clone(), ..Class::default() };
        for inside in descendants(body) {
            if inside.kind() == "attribute"
                && let (Some(object), Some(attribute)) = (field(inside, "object"), field(inside, "attribute"))
                && matches!(self.of(object), "self" | "cls")
            {
                class.attributes.insert(self.of(attribute).to_owned());
            }
        }
        for statement in named(body) {
            if let Some(left) = assigned(statement)
                && left.kind() == "identifier"
            {
                class.attributes.insert(self.of(left).to_owned());
            }
        }
        let mut inside = around.clone();
        inside.path = if around.path.is_empty() { name.clone() } else { format!("{}.{name}", around.path) };
        inside.class = Some(self.classes.len());
        if around.function.is_none() {
            inside.headers.push(format!("{}class {name}:", indentation_of(node)));
        }
        inside.function = around.function;
        self.classes.push(class);
        let number = self.classes.len() - 1;
        self.survey(body, &inside);
        let methods: Vec<String> = self.classes[number].methods.keys().cloned().collect();
        for method in methods {
            self.classes[number].attributes.remove(&method);
        }
    }

    fn parameter_names(&self, parameters: Node<'_>) -> Vec<String> {
        named(parameters)
            .into_iter()
            .filter_map(|p| match p.kind() {
                "identifier" => Some(p),
                "default_parameter" | "typed_default_parameter" => field(p, "name"),
                "typed_parameter" | "list_splat_pattern" | "dictionary_splat_pattern" => {
                    descendants(p).into_iter().find(|n| n.kind() == "identifier")
                }
                _ => None,
            })
            .map(|n| self.of(n).to_owned())
            .collect()
    }

    /// Names that a function's body binds, in order.
    fn bound_names(&self, body: Node<'_>, parameters: &[String]) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut rest = vec![body];
        while let Some(node) = rest.pop() {
            let target = match node.kind() {
                "function_definition" | "class_definition" | "lambda" => {
                    if node.kind() != "lambda"
                        && let Some(name) = field(node, "name")
                    {
                        push_new(&mut names, self.of(name), parameters);
                    }
                    continue;
                }
                "list_comprehension"
                | "set_comprehension"
                | "dictionary_comprehension"
                | "generator_expression" => continue,
                "assignment" | "augmented_assignment" | "for_statement" => field(node, "left"),
                "named_expression" => field(node, "name"),
                "as_pattern_target" => Some(node),
                _ => None,
            };
            if let Some(target) = target {
                for name in targets(target) {
                    push_new(&mut names, self.of(name), parameters);
                }
            }
            let mut below = named(node);
            below.reverse();
            rest.extend(below);
        }
        names
    }

    fn note_names(&mut self, root: Node<'_>) {
        for statement in named(root) {
            if let Some(left) = assigned(statement) {
                for name in targets(left) {
                    let name = self.of(name).to_owned();
                    self.module_values.insert(name);
                }
            }
        }
        for node in descendants(root) {
            match node.kind() {
                "attribute" => {
                    if let Some(attribute) = field(node, "attribute") {
                        let name = self.of(attribute).to_owned();
                        let called = node.parent().is_some_and(|p| {
                            p.kind() == "call" && field(p, "function").is_some_and(|f| f.id() == node.id())
                        });
                        let table = if called { &mut self.methods_called } else { &mut self.attributes };
                        *table.entry(name).or_default() += 1;
                    }
                }
                "import_statement" | "import_from_statement" => {
                    for name in
                        named(node).into_iter().skip(usize::from(node.kind() == "import_from_statement"))
                    {
                        let bound = field(name, "alias").unwrap_or(name);
                        let bound = self.of(bound).split('.').next().unwrap_or("").to_owned();
                        self.imports.insert(bound);
                    }
                }
                _ => {}
            }
        }
    }
}

#[derive(Clone, Default)]
struct Around {
    path: String,
    class: Option<usize>,
    function: Option<usize>,
    outermost: Option<usize>,
    headers: Vec<String>,
}

fn indentation_of(node: Node<'_>) -> String {
    " ".repeat(node.start_position().column)
}

/// The target of an assignment statement.
pub(crate) fn assigned<'t>(statement: Node<'t>) -> Option<Node<'t>> {
    let inner = if statement.kind() == "expression_statement" {
        named(statement).into_iter().next()?
    } else {
        statement
    };
    matches!(inner.kind(), "assignment" | "augmented_assignment").then(|| field(inner, "left")).flatten()
}

/// The plain names that a target binds.
pub(crate) fn targets<'t>(target: Node<'t>) -> Vec<Node<'t>> {
    match target.kind() {
        "identifier" => vec![target],
        "pattern_list" | "tuple_pattern" | "list_pattern" | "as_pattern_target" | "list_splat_pattern"
        | "tuple" => named(target).into_iter().flat_map(targets).collect(),
        _ => Vec::new(),
    }
}

fn push_new(names: &mut Vec<String>, name: &str, parameters: &[String]) {
    if !names.iter().any(|n| n == name) && !parameters.iter().any(|p| p == name) {
        names.push(name.to_owned());
    }
}

fn yields(body: Node<'_>) -> bool {
    let mut rest = vec![body];
    while let Some(node) = rest.pop() {
        match node.kind() {
            "yield" => return true,
            "function_definition" | "lambda" => {}
            _ => rest.extend(named(node)),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
import os
LIMIT = 3

class Cart:
    size: int = 0

    def __init__(self, items):
        self.items = items

    @property
    def total(self):
        total = 0
        for item in self.items:
            total += item
        return total

if os:
    def helper(a, *rest, b=2, **more):
        def inner(c):
            yield c
        x, (y, z) = rest
        return inner
";

    #[test]
    fn functions_are_found_with_their_names_and_places() {
        let file = SourceFile::parse("a.py", TEXT);
        let seen: Vec<(&str, u32, usize)> =
            file.functions.iter().map(|f| (f.qualified.as_str(), f.first_line, f.outermost)).collect();
        assert_eq!(
            seen,
            [("Cart.__init__", 7, 0), ("Cart.total", 10, 1), ("helper", 18, 2), ("helper.inner", 19, 2)]
        );
        assert_eq!(file.functions[1].headers, ["class Cart:"]);
        assert_eq!(file.functions[2].headers, ["if 1:"]);
        assert_eq!(file.functions[2].parameters, ["a", "rest", "b", "more"]);
        assert_eq!(file.functions[2].locals, ["inner", "x", "y", "z"]);
        assert_eq!(file.functions[1].locals, ["total", "item"]);
        assert_eq!(file.functions[1].guesses.get("total"), Some(&Guess::Number));
        assert!(file.functions[3].is_generator && !file.functions[2].is_generator);
    }

    #[test]
    fn classes_know_their_attributes() {
        let file = SourceFile::parse("a.py", TEXT);
        assert_eq!(file.classes[0].attributes.iter().collect::<Vec<_>>(), ["items", "size", "total"]);
        assert_eq!(file.classes[0].methods.keys().collect::<Vec<_>>(), ["__init__"]);
        assert!(file.imports.contains("os") && file.module_values.contains("LIMIT"));
    }
}
