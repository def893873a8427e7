//! Test functions of Python.

use tree_sitter::Node;

use super::syntax::{MAX_DEPTH, children, line, parse, squeeze, text};
use super::{TestFn, TestFns};

/// Every test function and every helper that asserts.
pub(super) fn read(source: &str) -> TestFns {
    let mut functions = TestFns::new();
    if let Some(tree) = parse(&tree_sitter_python::LANGUAGE.into(), source) {
        let root = tree.root_node();
        let skips = children(root).into_iter().filter(|n| is_module_skip(*n, source)).count();
        let mut reader = Reader { source, functions: &mut functions };
        reader.block(root, "", Marks { skips, cases: 0 }, 0);
    }
    functions
}

/// `pytestmark = pytest.mark.skip`, `pytest.skip(…, allow_module_level=True)` at module level.
fn is_module_skip(node: Node<'_>, source: &str) -> bool {
    let words = text(node, source);
    node.kind() == "expression_statement"
        && ((words.starts_with("pytestmark") && is_skip(words))
            || words.starts_with("pytest.skip(")
            || words.starts_with("raise unittest.SkipTest"))
}

#[derive(Clone, Copy, Default)]
struct Marks {
    skips: usize,
    cases: usize,
}

struct Reader<'a> {
    source: &'a str,
    functions: &'a mut TestFns,
}

impl Reader<'_> {
    fn block(&mut self, node: Node<'_>, prefix: &str, outer: Marks, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        for child in children(node) {
            let (definition, own) = match child.kind() {
                "decorated_definition" => {
                    let Some(inner) = child.child_by_field_name("definition") else { continue };
                    (inner, self.decorators(child))
                }
                "function_definition" | "class_definition" => (child, Marks::default()),
                "if_statement" | "try_statement" | "block" | "else_clause" | "with_statement" => {
                    self.block(child, prefix, outer, depth + 1);
                    continue;
                }
                _ => continue,
            };
            let Some(name) = definition.child_by_field_name("name").map(|n| text(n, self.source)) else {
                continue;
            };
            let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}::{name}") };
            let marks = Marks { skips: outer.skips + own.skips, cases: own.cases };
            let Some(body) = definition.child_by_field_name("body") else { continue };
            if definition.kind() == "class_definition" {
                let of_class = children(body).into_iter().filter(|n| is_module_skip(*n, self.source)).count();
                self.block(body, &name, Marks { skips: marks.skips + of_class, cases: 0 }, depth + 1);
            } else {
                self.function(name, definition, body, marks);
            }
        }
    }

    fn decorators(&self, node: Node<'_>) -> Marks {
        let mut marks = Marks::default();
        for decorator in children(node).into_iter().filter(|n| n.kind() == "decorator") {
            let words = text(decorator, self.source);
            marks.skips += usize::from(is_skip(words));
            if words.contains("parametrize") {
                marks.cases += parameters(decorator);
            }
        }
        marks
    }

    fn function(&mut self, name: String, definition: Node<'_>, body: Node<'_>, marks: Marks) {
        let is_test = name.rsplit("::").next().is_some_and(|n| n.starts_with("test"));
        let mut found = TestFn {
            line: line(definition),
            skips: marks.skips,
            cases: marks.cases,
            is_test,
            ..TestFn::default()
        };
        self.statements(body, &mut found, 0);
        found.statements = children(body).into_iter().filter(|n| !self.does_nothing(*n)).count();
        found.body = squeeze(text(body, self.source));
        if is_test || !found.strengths.is_empty() {
            self.functions.insert(name, found);
        }
    }

    fn does_nothing(&self, node: Node<'_>) -> bool {
        let words = text(node, self.source);
        matches!(node.kind(), "pass_statement" | "comment")
            || words == "..."
            || (node.kind() == "expression_statement" && words.starts_with(['"', '\'']))
            || words == "return"
    }

    /// The statements of a block that can be reached.
    fn statements(&self, block: Node<'_>, found: &mut TestFn, depth: usize) {
        for statement in children(block) {
            self.visit(statement, found, depth);
            let words = text(statement, self.source);
            let leaves = matches!(statement.kind(), "return_statement" | "raise_statement")
                || words.starts_with("pytest.skip(")
                || words.starts_with("self.skipTest(")
                || words.starts_with("pytest.xfail(");
            if leaves {
                break;
            }
        }
    }

    fn visit(&self, node: Node<'_>, found: &mut TestFn, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match node.kind() {
            "block" => return self.statements(node, found, depth + 1),
            "assert_statement" => {
                let strength = node.named_child(0).map_or(0, |n| self.condition(n));
                found.strengths.extend((strength > 0).then_some(strength));
                return;
            }
            "call" => {
                let words = text(node, self.source);
                if ["pytest.skip(", "self.skipTest(", "pytest.xfail(", "pytest.importorskip("]
                    .iter()
                    .any(|s| words.starts_with(s))
                {
                    found.skips += 1;
                    return;
                }
                if let Some(strength) = self.call(node) {
                    found.strengths.extend((strength > 0).then_some(strength));
                    return;
                }
            }
            "raise_statement" => {
                let words = text(node, self.source);
                if words.contains("SkipTest") {
                    found.skips += 1;
                } else if words.contains("AssertionError") {
                    found.strengths.push(2);
                }
                return;
            }
            "if_statement" => {
                let condition = node.child_by_field_name("condition").map_or("", |n| text(n, self.source));
                if matches!(condition, "False" | "0" | "None" | "not True") {
                    return;
                }
            }
            "try_statement" if self.swallows(node) => return,
            "function_definition" | "class_definition" | "lambda" if depth > 0 => {}
            _ => {}
        }
        for child in children(node) {
            self.visit(child, found, depth + 1);
        }
    }

    /// `except: pass` around assertions.
    fn swallows(&self, node: Node<'_>) -> bool {
        children(node).into_iter().filter(|n| n.kind() == "except_clause").any(|clause| {
            let head = text(clause, self.source).split(':').next().unwrap_or_default();
            let catches = head.trim() == "except"
                || ["AssertionError", "Exception", "BaseException"].iter().any(|e| head.contains(e));
            let body = children(clause).into_iter().rfind(|n| n.kind() == "block");
            catches
                && body.is_some_and(|b| {
                    children(b).into_iter().all(|s| self.does_nothing(s) || s.kind() == "continue_statement")
                })
        })
    }

    /// How much a condition asks for.
    fn condition(&self, node: Node<'_>) -> u8 {
        let words = text(node, self.source);
        match node.kind() {
            "true" | "integer" | "float" | "string" | "list" | "tuple" | "dictionary" => 0,
            "parenthesized_expression" | "await" => node.named_child(0).map_or(0, |n| self.condition(n)),
            "not_operator" => node.named_child(0).map_or(1, |n| self.condition(n).min(1)),
            "boolean_operator" => {
                let sides: Vec<u8> = children(node).into_iter().map(|n| self.condition(n)).collect();
                let is_or =
                    node.child_by_field_name("operator").is_some_and(|o| text(o, self.source) == "or");
                if is_or {
                    sides.into_iter().min().unwrap_or(0)
                } else {
                    sides.into_iter().max().unwrap_or(0)
                }
            }
            "comparison_operator" => self.comparison(node, words),
            _ => 1,
        }
    }

    fn comparison(&self, node: Node<'_>, words: &str) -> u8 {
        let sides = children(node);
        let same = sides.len() == 2 && text(sides[0], self.source) == text(sides[1], self.source);
        let constant = sides
            .iter()
            .all(|n| matches!(n.kind(), "integer" | "float" | "string" | "true" | "false" | "none"));
        if same || constant {
            0
        } else if words.contains("is not None") || words.contains("!= None") {
            1
        } else if words.contains("==") || words.contains(" is ") && !words.contains(" is not ") {
            3
        } else {
            2
        }
    }

    /// The strength of a call that asserts; `None` when it is another call.
    fn call(&self, node: Node<'_>) -> Option<u8> {
        let function = text(node.child_by_field_name("function")?, self.source);
        let arguments = children(node.child_by_field_name("arguments")?);
        let name = function.rsplit('.').next().unwrap_or(function);
        let first = arguments.first().copied();
        let words = |index: usize| arguments.get(index).map_or("", |n| text(*n, self.source));
        let broad = matches!(words(0), "Exception" | "BaseException" | "(Exception,)");
        Some(match name {
            "raises" | "assertRaises" | "warns" | "assertRaisesRegex"
                if name.starts_with("assert") || function.starts_with("pytest") =>
            {
                if broad {
                    1
                } else {
                    3
                }
            }
            "assertTrue" | "assertFalse" | "assert_" | "failUnless" => first.map_or(0, |n| self.condition(n)),
            "assertIsNotNone" | "assertIsInstance" | "assertNotEqual" | "assertIsNot" => 1,
            "assertIn" | "assertNotIn" | "assertGreater" | "assertGreaterEqual" | "assertLess"
            | "assertLessEqual" | "assertRegex" | "assertNotRegex" => 2,
            _ if name.starts_with("assert") => {
                if arguments.len() >= 2 && words(0) == words(1) {
                    0
                } else {
                    3
                }
            }
            "fail" if function == "self.fail" || function == "pytest.fail" => 2,
            _ if !function.contains('.') || function.starts_with("self.") => {
                let helper = ["check", "verify", "expect", "_assert", "_check", "_verify"]
                    .iter()
                    .any(|p| name.starts_with(p));
                return helper.then_some(2);
            }
            _ => return None,
        })
    }
}

fn is_skip(words: &str) -> bool {
    [".skip", "skipIf", "skipUnless", "skipif", "xfail", "expectedFailure", "@skip"]
        .iter()
        .any(|s| words.contains(s))
}

/// The number of sets in a `parametrize` decorator.
fn parameters(decorator: Node<'_>) -> usize {
    fn list(node: Node<'_>, depth: usize) -> Option<usize> {
        if depth > 6 {
            return None;
        }
        if matches!(node.kind(), "list" | "tuple") && depth > 2 {
            return Some(children(node).into_iter().filter(|n| n.kind() != "comment").count());
        }
        // The names come first, the sets second: the last list or tuple is the one.
        children(node).into_iter().rev().find_map(|n| list(n, depth + 1))
    }
    list(decorator, 0).unwrap_or(0)
}
