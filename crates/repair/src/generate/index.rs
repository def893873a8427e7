//! What a file has of each kind, gathered once: places look for similar code in it.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::borrowed::slots;
use crate::source::{SourceFile, descendants, field, named};

/// A node and the function that it is in.
#[derive(Clone, Copy)]
pub(crate) struct Indexed<'a> {
    pub(crate) node: Node<'a>,
    pub(crate) function: Option<usize>,
}

/// The conditions, statements, returned values and expressions of a file.
#[derive(Default)]
pub(crate) struct Index<'a> {
    pub(crate) conditions: Vec<Indexed<'a>>,
    /// Short simple statements of functions.
    pub(crate) statements: Vec<Indexed<'a>>,
    pub(crate) returned: Vec<Indexed<'a>>,
    pub(crate) raises: Vec<Indexed<'a>>,
    pub(crate) slots: BTreeMap<&'static str, Vec<Indexed<'a>>>,
}

/// Longest text that is offered elsewhere, in bytes.
const LONGEST: usize = 80;

impl<'a> Index<'a> {
    pub(crate) fn of(file: &'a SourceFile) -> Self {
        let mut index = Self::default();
        let short = |node: Node<'a>| node.byte_range().len() <= LONGEST && !file.of(node).contains('\n');
        for node in descendants(file.tree.root_node()).into_iter().filter(|n| n.is_named()) {
            let at = |node: Node<'a>| Indexed { node, function: file.function_at(node.start_byte()) };
            match node.kind() {
                "if_statement" | "elif_clause" | "while_statement" => {
                    if let Some(condition) = field(node, "condition") {
                        let parts = match condition.kind() {
                            "boolean_operator" => vec![field(condition, "left"), field(condition, "right")],
                            _ => Vec::new(),
                        };
                        let parts = parts.into_iter().flatten().chain([condition]);
                        index.conditions.extend(parts.filter(|p| short(*p)).map(at));
                    }
                }
                "expression_statement" | "return_statement" | "raise_statement" if short(node) => {
                    let indexed = at(node);
                    if indexed.function.is_some() && !file.of(node).starts_with(['"', '\'']) {
                        index.statements.push(indexed);
                    }
                    if node.kind() == "raise_statement" {
                        index.raises.push(indexed);
                    }
                    if node.kind() == "return_statement" {
                        index.returned.extend(named(node).into_iter().next().map(at));
                    }
                }
                _ => {}
            }
            for (slot, value) in slots(node) {
                let simple =
                    matches!(value.kind(), "identifier" | "integer" | "string" | "true" | "false" | "none");
                if !simple && short(value) {
                    index.slots.entry(slot).or_default().push(at(value));
                }
            }
        }
        index
    }
}

/// The nearest of some nodes: those of the same function first, then by distance.
pub(crate) fn nearest<'a>(
    list: &[Indexed<'a>],
    function: Option<usize>,
    byte: usize,
    at_most: usize,
) -> Vec<(bool, Node<'a>)> {
    let mut near: Vec<(bool, usize, usize)> = list
        .iter()
        .enumerate()
        .map(|(n, i)| (i.function != function, i.node.start_byte().abs_diff(byte), n))
        .collect();
    near.sort_unstable();
    near.into_iter().take(at_most).map(|(other, _, n)| (!other, list[n].node)).collect()
}
