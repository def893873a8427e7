//! Test calls of JavaScript and TypeScript.

use tree_sitter::{Language, Node};

use super::syntax::{MAX_DEPTH, children, line, parse, squeeze, text};
use super::{TestFn, TestFns};

pub(super) fn read_javascript(source: &str) -> TestFns {
    read(&tree_sitter_javascript::LANGUAGE.into(), source)
}

pub(super) fn read_typescript(source: &str) -> TestFns {
    read(&tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(), source)
}

pub(super) fn read_tsx(source: &str) -> TestFns {
    read(&tree_sitter_typescript::LANGUAGE_TSX.into(), source)
}

fn read(language: &Language, source: &str) -> TestFns {
    let mut functions = TestFns::new();
    if let Some(tree) = parse(language, source) {
        let mut reader = Reader { source, functions: &mut functions };
        reader.visit(tree.root_node(), &[], Marks::default(), 0);
    }
    functions
}

#[derive(Clone, Copy, Default)]
struct Marks {
    skips: usize,
    only: usize,
}

/// A call that declares a test or a group.
struct Declared<'t> {
    is_group: bool,
    title: String,
    marks: Marks,
    cases: usize,
    body: Option<Node<'t>>,
}

struct Reader<'a> {
    source: &'a str,
    functions: &'a mut TestFns,
}

impl Reader<'_> {
    fn visit(&mut self, node: Node<'_>, path: &[String], outer: Marks, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        if node.kind() == "call_expression"
            && let Some(declared) = self.declared(node)
        {
            self.declare(node, &declared, path, outer, depth);
            return;
        }
        for child in children(node) {
            self.visit(child, path, outer, depth + 1);
        }
    }

    fn declare(
        &mut self,
        node: Node<'_>,
        declared: &Declared<'_>,
        path: &[String],
        outer: Marks,
        depth: usize,
    ) {
        let mut path = path.to_vec();
        path.push(declared.title.clone());
        let marks =
            Marks { skips: outer.skips + declared.marks.skips, only: outer.only + declared.marks.only };
        if declared.is_group {
            if let Some(body) = declared.body {
                self.visit(body, &path, marks, depth + 1);
            }
            return;
        }
        let mut found = TestFn {
            line: line(node),
            skips: marks.skips,
            only: marks.only,
            cases: declared.cases,
            is_test: true,
            ..TestFn::default()
        };
        if let Some(body) = declared.body {
            self.assertions(body, &mut found, 0);
            let block = body.child_by_field_name("body").unwrap_or(body);
            found.statements = if block.kind() == "statement_block" {
                children(block)
                    .into_iter()
                    .filter(|n| n.kind() != "comment" && n.kind() != "empty_statement")
                    .count()
            } else {
                1
            };
            found.body = squeeze(text(block, self.source));
            // Subtests (`t.test`) have names of their own.
            for child in children(body) {
                self.visit(child, &path, marks, depth + 1);
            }
        }
        let mut name = path.join(" > ");
        while self.functions.contains_key(&name) {
            name.push('\'');
        }
        self.functions.insert(name, found);
    }

    /// `it('…', () => …)`, `test.skip(…)`, `describe.each([…])('…', …)`, `t.test('…', …)`.
    fn declared<'t>(&self, node: Node<'t>) -> Option<Declared<'t>> {
        let function = node.child_by_field_name("function")?;
        let (name, cases) = match function.kind() {
            "call_expression" => {
                let each = function.child_by_field_name("function")?;
                let table = children(function.child_by_field_name("arguments")?).into_iter().next();
                (text(each, self.source), table.map_or(0, |t| children(t).len()))
            }
            "identifier" | "member_expression" => (text(function, self.source), 0),
            _ => return None,
        };
        let mut parts = name.split('.');
        let base = parts.next()?;
        let modifiers: Vec<&str> = parts.collect();
        let is_subtest =
            matches!(base, "t" | "ctx" | "context") && modifiers.first().is_some_and(|m| *m == "test");
        let is_group = matches!(base, "describe" | "suite" | "xdescribe" | "fdescribe")
            || (base == "context" && !is_subtest);
        let is_test = matches!(base, "it" | "test" | "specify" | "xit" | "fit" | "xtest") || is_subtest;
        let known = [
            "skip",
            "only",
            "each",
            "todo",
            "concurrent",
            "failing",
            "fails",
            "serial",
            "sequential",
            "test",
            "describe",
            "skipIf",
            "runIf",
            "for",
            "step",
        ];
        if !(is_group || is_test) || !modifiers.iter().all(|m| known.contains(m)) {
            return None;
        }
        let is_group = is_group || modifiers.contains(&"describe");
        let arguments = children(node.child_by_field_name("arguments")?);
        let title = arguments.first().filter(|n| matches!(n.kind(), "string" | "template_string"))?;
        let title = text(*title, self.source).trim_matches(['\'', '"', '`']).to_owned();
        let options: String = arguments
            .iter()
            .filter(|n| n.kind() == "object")
            .map(|n| squeeze(text(*n, self.source)))
            .collect();
        let has = |words: &[&str]| modifiers.iter().any(|m| words.contains(m));
        let option =
            |name: &str| options.contains(&format!("{name}:")) && !options.contains(&format!("{name}:false"));
        let skips = usize::from(
            has(&["skip", "todo", "failing", "fails", "skipIf"])
                || base.starts_with('x')
                || option("skip")
                || option("todo"),
        );
        let only = usize::from(has(&["only"]) || matches!(base, "fit" | "fdescribe") || option("only"));
        let body = arguments
            .iter()
            .rev()
            .find(|n| matches!(n.kind(), "arrow_function" | "function_expression"))
            .copied();
        Some(Declared { is_group, title, marks: Marks { skips, only }, cases, body })
    }

    /// Assertions that can be reached.
    fn assertions(&self, node: Node<'_>, found: &mut TestFn, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match node.kind() {
            "call_expression" => {
                if self.declared(node).is_some() && depth > 0 {
                    return;
                }
                let words = text(node, self.source);
                if ["this.skip(", "t.skip(", "ctx.skip(", "t.todo("].iter().any(|s| words.starts_with(s)) {
                    found.skips += 1;
                    return;
                }
                if let Some(strength) = self.strength(node) {
                    found.strengths.extend((strength > 0).then_some(strength));
                    return;
                }
            }
            "member_expression" if is_property_assertion(text(node, self.source)) => {
                found.strengths.push(1);
                return;
            }
            "statement_block" => {
                for child in children(node) {
                    self.assertions(child, found, depth + 1);
                    if matches!(child.kind(), "return_statement" | "throw_statement") {
                        break;
                    }
                }
                return;
            }
            "try_statement" if self.swallows(node) => return,
            "if_statement" => {
                let condition = node.child_by_field_name("condition").map_or("", |n| text(n, self.source));
                if matches!(condition, "(false)" | "(0)") {
                    return;
                }
            }
            _ => {}
        }
        for child in children(node) {
            self.assertions(child, found, depth + 1);
        }
    }

    fn swallows(&self, node: Node<'_>) -> bool {
        node.child_by_field_name("handler")
            .and_then(|h| h.child_by_field_name("body"))
            .is_some_and(|b| children(b).into_iter().all(|n| n.kind() == "comment"))
    }

    fn strength(&self, node: Node<'_>) -> Option<u8> {
        let function = node.child_by_field_name("function")?;
        let name = squeeze(text(function, self.source));
        let arguments = children(node.child_by_field_name("arguments")?);
        let argument = |index: usize| arguments.get(index).map_or("", |n: &Node<'_>| text(*n, self.source));
        if name.starts_with("expect(") || name.starts_with("expect.soft(") {
            return Some(expectation(&name, argument(0)));
        }
        if name.contains(".should.") || name.ends_with(".should") {
            return Some(3);
        }
        let (object, method) = name.rsplit_once('.').unwrap_or(("", &name));
        let is_assert = matches!(object, "assert" | "assert.strict" | "t" | "t.assert" | "chai.assert")
            || (object.is_empty() && (method == "assert" || method == "ok"));
        if !is_assert {
            let helper =
                object.is_empty() && ["check", "verify", "assert"].iter().any(|p| method.starts_with(p));
            return helper.then_some(2);
        }
        let condition = |words: &str| match words {
            "true" | "1" | "" => 0,
            w if w.contains("===") || w.contains("==") && !w.contains("!=") => 3,
            w if w.contains(['<', '>']) && !w.contains("=>") => 2,
            _ => 1,
        };
        Some(match method {
            "assert" | "ok" | "true" | "truthy" | "isTrue" | "isOk" => condition(argument(0)),
            "notEqual" | "notStrictEqual" | "notDeepEqual" | "not" | "notSame" | "isDefined" | "exists"
            | "falsy" | "notOk" => 1,
            "match" | "includes" | "include" | "regex" | "isAbove" | "isBelow" | "doesNotThrow" | "fail" => 2,
            "plan" | "end" | "diagnostic" | "comment" | "log" | "timeout" | "teardown" | "test"
            | "before" | "after" | "beforeEach" | "afterEach" | "mock" | "pass" => return None,
            _ if arguments.len() >= 2 && argument(0) == argument(1) => 0,
            _ => 3,
        })
    }
}

/// `expect(…).matcher(argument)`.
fn expectation(name: &str, argument: &str) -> u8 {
    let matcher = name.rsplit('.').next().unwrap_or_default();
    let subject = name.strip_prefix("expect(").and_then(|n| n.split(')').next()).unwrap_or_default();
    if subject == argument || (subject == "true" && matches!(matcher, "toBeTruthy" | "toBeDefined")) {
        return 0;
    }
    if name.contains(".not.") || name.contains(".not)") {
        return 1;
    }
    match matcher {
        "toBeTruthy" | "toBeDefined" | "toBeFalsy" | "toBeInstanceOf" | "toHaveBeenCalled" | "a" | "an"
        | "exist" => 1,
        "toThrow" | "toThrowError" | "throw" | "throws" if argument.is_empty() => 1,
        "toContain"
        | "toMatch"
        | "toBeGreaterThan"
        | "toBeGreaterThanOrEqual"
        | "toBeLessThan"
        | "toBeLessThanOrEqual"
        | "toHaveProperty"
        | "include"
        | "contain"
        | "match"
        | "above"
        | "below"
        | "least"
        | "most" => 2,
        _ => 3,
    }
}

/// chai: `expect(x).to.be.true`.
fn is_property_assertion(words: &str) -> bool {
    words.starts_with("expect(")
        && [
            ".true",
            ".false",
            ".null",
            ".undefined",
            ".ok",
            ".exist",
            ".empty",
            ".called",
            ".calledOnce",
            ".NaN",
        ]
        .iter()
        .any(|p| words.ends_with(p))
}
