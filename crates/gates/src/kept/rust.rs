//! Test functions of Rust.

use tree_sitter::Node;

use super::syntax::{MAX_DEPTH, children, line, parse, squeeze, text};
use super::{TestFn, TestFns};

pub(super) fn read(source: &str) -> TestFns {
    let mut functions = TestFns::new();
    if !source.contains("test") {
        return functions;
    }
    if let Some(tree) = parse(&tree_sitter_rust::LANGUAGE.into(), source) {
        items(tree.root_node(), source, "", 0, 0, &mut functions);
    }
    functions
}

/// The items of a module; attributes stand in front of theirs.
fn items(node: Node<'_>, source: &str, prefix: &str, skips: usize, depth: usize, functions: &mut TestFns) {
    if depth > MAX_DEPTH {
        return;
    }
    let mut attributes: Vec<String> = Vec::new();
    for child in children(node) {
        match child.kind() {
            "attribute_item" => attributes.push(squeeze(text(child, source))),
            "line_comment" | "block_comment" => {}
            "mod_item" => {
                let name = child.child_by_field_name("name").map_or("", |n| text(n, source));
                let off = attributes.iter().filter(|a| is_off(a)).count();
                if let Some(body) = child.child_by_field_name("body") {
                    items(body, source, &format!("{prefix}{name}::"), skips + off, depth + 1, functions);
                }
                attributes.clear();
            }
            "function_item" => {
                let name = child.child_by_field_name("name").map_or("", |n| text(n, source));
                if let Some(found) = function(child, source, &attributes, skips) {
                    functions.insert(format!("{prefix}{name}"), found);
                }
                attributes.clear();
            }
            _ => attributes.clear(),
        }
    }
}

fn is_off(attribute: &str) -> bool {
    attribute.starts_with("#[ignore")
        || attribute.starts_with("#[cfg(any())")
        || attribute.starts_with("#[cfg(not(test))")
        || attribute.starts_with("#[cfg(false)")
        || (attribute.starts_with("#[cfg_attr(") && attribute.contains("ignore"))
}

fn function(node: Node<'_>, source: &str, attributes: &[String], skips: usize) -> Option<TestFn> {
    let is_test = attributes.iter().any(|a| {
        let name = a.trim_start_matches("#[").split(['(', ']', '=']).next().unwrap_or_default();
        name == "test"
            || name.ends_with("::test")
            || matches!(name, "rstest" | "test_case" | "quickcheck" | "wasm_bindgen_test" | "test_log")
    });
    let cases = attributes.iter().filter(|a| a.starts_with("#[case") || a.starts_with("#[test_case")).count();
    let mut found = TestFn {
        line: line(node),
        skips: skips + attributes.iter().filter(|a| is_off(a)).count(),
        cases,
        is_test,
        ..TestFn::default()
    };
    for attribute in attributes.iter().filter(|a| a.starts_with("#[should_panic")) {
        found.strengths.push(if attribute.contains("expected") { 3 } else { 2 });
    }
    let body = node.child_by_field_name("body")?;
    assertions(body, source, &mut found, 0);
    found.statements =
        children(body).into_iter().filter(|n| !matches!(n.kind(), "line_comment" | "block_comment")).count();
    found.body = squeeze(text(body, source));
    (is_test || (!found.strengths.is_empty() && is_helper(node, source))).then_some(found)
}

/// Functions that assert are helpers of tests only by their name; others assert for their own reasons.
fn is_helper(node: Node<'_>, source: &str) -> bool {
    let name = node.child_by_field_name("name").map_or("", |n| text(n, source));
    ["check", "assert", "verify", "expect"].iter().any(|p| name.starts_with(p))
}

fn assertions(node: Node<'_>, source: &str, found: &mut TestFn, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match node.kind() {
        "macro_invocation" => {
            let name = node.child_by_field_name("macro").map_or("", |n| text(n, source));
            let arguments = children(node)
                .into_iter()
                .rfind(|n| n.kind() == "token_tree")
                .map_or("", |n| text(n, source));
            let strength = strength(name.rsplit("::").next().unwrap_or(name), arguments);
            found.strengths.extend((strength > 0).then_some(strength));
            return;
        }
        "call_expression" => {
            let name = node.child_by_field_name("function").map_or("", |n| text(n, source));
            let helper = ["check", "assert", "verify", "expect_"].iter().any(|p| name.starts_with(p));
            if helper {
                found.strengths.push(2);
                return;
            }
        }
        "block" => {
            for child in children(node) {
                assertions(child, source, found, depth + 1);
                let words = text(child, source);
                if words.starts_with("return") || words.starts_with("todo!") {
                    break;
                }
            }
            return;
        }
        "if_expression"
            if node.child_by_field_name("condition").is_some_and(|c| text(c, source) == "false") =>
        {
            return;
        }
        _ => {}
    }
    for child in children(node) {
        assertions(child, source, found, depth + 1);
    }
}

fn strength(name: &str, arguments: &str) -> u8 {
    let inner = arguments.trim_start_matches(['(', '[', '{']).trim_end_matches([')', ']', '}']).trim();
    match name {
        "assert_eq" | "prop_assert_eq" => {
            let mut sides = inner.splitn(3, ',').map(str::trim);
            if sides.next() == sides.next() { 0 } else { 3 }
        }
        "assert" | "debug_assert" | "prop_assert" => {
            if inner == "true" || inner.starts_with("true,") {
                0
            } else if inner.contains("==") || inner.contains("matches!") {
                3
            } else if inner.contains('<') || inner.contains('>') {
                2
            } else {
                1
            }
        }
        "assert_ne" | "prop_assert_ne" => 1,
        "panic" | "unreachable" => 1,
        other if other.starts_with("assert") || other.starts_with("insta") || other.starts_with("expect") => {
            3
        }
        _ => 0,
    }
}
