//! Definitions, by syntax tree.

mod filter;
mod grammar;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use crate::language::Language;
use crate::lines::{bare, excerpt};
use crate::tree::{Content, NodeKind, Tree};
use filter::Filter;
use grammar::{Role, Scope};

/// Longer sources are generated; parsing them costs seconds.
const MAX_SOURCE_BYTES: u64 = 2 << 20;
/// How much of a signature line is kept.
const MAX_SIGNATURE_BYTES: usize = 160;

/// What a definition defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolKind {
    /// A function that belongs to no type.
    Function,
    /// A function of a type.
    Method,
    /// A class or record.
    Class,
    /// A struct or union.
    Struct,
    /// An enumeration.
    Enum,
    /// A trait.
    Trait,
    /// An interface.
    Interface,
    /// A type alias or other type.
    Type,
    /// A constant.
    Constant,
    /// A variable or field outside any function.
    Variable,
    /// A module or namespace.
    Module,
}

impl SymbolKind {
    /// Its name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Method => "method",
            Self::Class => "class",
            Self::Struct => "struct",
            Self::Enum => "enum",
            Self::Trait => "trait",
            Self::Interface => "interface",
            Self::Type => "type",
            Self::Constant => "constant",
            Self::Variable => "variable",
            Self::Module => "module",
        }
    }
}

/// A definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbol {
    /// Its own name.
    pub name: String,
    /// The type or function that it stands in.
    pub container: Option<String>,
    /// What it defines.
    pub kind: SymbolKind,
    /// First line, from 1.
    pub start_line: usize,
    /// Last line.
    pub end_line: usize,
    /// The line with its name, trimmed and bounded.
    pub signature: String,
}

/// A definition and its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located {
    /// The file, relative to the root.
    pub path: PathBuf,
    /// The definition.
    pub symbol: Symbol,
}

/// What a name leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Definitions of that name and kind, in the order of paths and lines.
    pub symbols: Vec<Located>,
    /// When there are none: definitions of that name and another kind, or in another container.
    pub others: Vec<Located>,
    /// Files in known languages that hold the name.
    pub mentions: usize,
    /// Whether definitions past the limit were left out.
    pub more: bool,
}

/// All definitions in a source, in the order of lines.
#[must_use]
pub fn definitions(language: Language, source: &[u8]) -> Vec<Symbol> {
    let Some(tree) = language.parse(source) else { return Vec::new() };
    let lines = LineStarts::new(source);
    let mut symbols = Vec::new();
    let mut scopes: Vec<(usize, Scope)> = Vec::new();
    each_node(&tree, |node| {
        while scopes.last().is_some_and(|(end, _)| *end <= node.start_byte()) {
            scopes.pop();
        }
        let inner = scopes.last().map(|(_, scope)| scope);
        let Role { names, scope } = grammar::role(language, node, source, inner);
        for name in names {
            let Ok(text) = name.node.utf8_text(source) else { continue };
            symbols.push(Symbol {
                name: text.trim_matches(['"', '\'']).to_owned(),
                container: name
                    .container
                    .or_else(|| grammar::container(scopes.iter().map(|(_, scope)| scope))),
                kind: name.kind,
                start_line: node.start_position().row + 1,
                end_line: last_line(node),
                signature: excerpt(lines.line(source, name.node.start_position().row), MAX_SIGNATURE_BYTES),
            });
        }
        if let Some(scope) = scope {
            scopes.push((node.end_byte(), scope));
        }
    });
    symbols
}

/// Finds the definitions of a name in the files of a tree. `Type.method` and `Type::method` mean the one in that
/// container, if there is one.
#[must_use]
pub fn find_symbol(tree: &Tree, name: &str, kind: Option<SymbolKind>, limit: usize) -> Found {
    let (container, name) = split_qualified(name);
    let mut found = Found::default();
    let filter = Filter::new(name);
    for (path, language) in sources(tree) {
        let Content::Text(source) = tree.read(&path, MAX_SOURCE_BYTES) else { continue };
        if !filter.mentions(&source) {
            continue;
        }
        found.mentions += 1;
        if !filter.may_define(language, &source) {
            continue;
        }
        for symbol in definitions(language, &source).into_iter().filter(|symbol| symbol.name == name) {
            let fits = kind.is_none_or(|kind| symbol.kind == kind)
                && container.is_none_or(|container| symbol.container.as_deref() == Some(container));
            let list = if fits { &mut found.symbols } else { &mut found.others };
            if list.len() < limit {
                list.push(Located { path: path.clone(), symbol });
            } else if fits {
                found.more = true;
            }
        }
        if found.more {
            break;
        }
    }
    if !found.symbols.is_empty() {
        found.others.clear();
    }
    found
}

fn sources(tree: &Tree) -> impl Iterator<Item = (PathBuf, Language)> + use<> {
    tree.walk(Path::new(""), None)
        .filter(|node| node.kind == NodeKind::File)
        .filter_map(|node| Language::of_path(&node.path).map(|language| (node.path, language)))
}

fn split_qualified(name: &str) -> (Option<&str>, &str) {
    let mut parts = name.rsplit([':', '.', '#']).filter(|part| !part.is_empty());
    let last = parts.next().unwrap_or(name);
    (parts.next(), last)
}

fn last_line(node: Node) -> usize {
    let end = node.end_position();
    // A node that takes its line feed along ends at column 0 of the next line.
    if end.column == 0 && end.row > node.start_position().row { end.row } else { end.row + 1 }
}

/// Visits all named nodes, parents first, with a cursor: depth of nesting costs no stack.
fn each_node<'tree>(tree: &'tree tree_sitter::Tree, mut visit: impl FnMut(Node<'tree>)) {
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.is_named() {
            visit(node);
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

struct LineStarts(Vec<usize>);

impl LineStarts {
    fn new(source: &[u8]) -> Self {
        let ends = source.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(ends).collect())
    }

    fn line<'a>(&self, source: &'a [u8], row: usize) -> &'a [u8] {
        let begin = self.0.get(row).copied().unwrap_or(source.len());
        let end = self.0.get(row + 1).copied().unwrap_or(source.len());
        bare(&source[begin..end]).trim_ascii()
    }
}

#[cfg(test)]
mod tests;
