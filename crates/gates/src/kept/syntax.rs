//! A little help around syntax trees.

use tree_sitter::{Language, Node, Parser, Tree};

/// Deeper than this nobody writes; a generated tree must not overflow the stack.
pub(super) const MAX_DEPTH: usize = 200;

/// Parses a text; `None` only when the parser itself gives up.
pub(super) fn parse(language: &Language, text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(language).ok()?;
    parser.parse(text, None)
}

/// The text of a node.
pub(super) fn text<'a>(node: Node<'_>, source: &'a str) -> &'a str {
    source.get(node.byte_range()).unwrap_or_default()
}

/// The named children of a node.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

/// The line of a node, from 1.
pub(super) fn line(node: Node<'_>) -> usize {
    node.start_position().row + 1
}

/// A text without any white space.
pub(super) fn squeeze(text: &str) -> String {
    text.split_whitespace().collect()
}
