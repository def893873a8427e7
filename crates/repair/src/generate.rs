//! Candidate edits on the syntax tree, the likeliest first.

mod borrowed;
mod calls;
mod conditions;
mod definitions;
mod exceptions;
mod expressions;
mod hints;
mod imports;
mod index;
mod insertions;
mod literals;
mod names;
mod place;
mod statements;
mod syntax;
mod texts;

use std::collections::BTreeMap;

use tree_sitter::Node;

use crate::edit::{Candidate, Sink};
use crate::localize::Suspicion;
use crate::source::{SourceFile, descendants, last_line_of, line_of};

pub(crate) use hints::Hints;
use index::Index;
use place::Place;

/// Most candidates kept for one statement: past it they are less likely than those of other places.
const PER_STATEMENT: usize = 1200;

/// How much of a name's suspicion its definition at module or class level gets.
const DEFINITION: f64 = 0.5;

/// How much of a function's suspicion its parameters get.
const PARAMETERS: f64 = 0.6;

/// All candidates for the suspicious places of some files, at most so many, the likeliest first.
pub(crate) fn candidates(
    files: &[SourceFile],
    suspicion: &Suspicion,
    hints: &Hints,
    at_most: usize,
) -> Vec<Candidate> {
    let used = used_names(files, suspicion);
    let mut all = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let mut sink = Sink::new(&file.text, number);
        if file.has_error() || hints.unparsed.contains(&file.path) {
            syntax::edits(file, suspicion, number, &mut sink);
        } else {
            walk(file, number, suspicion, &used, hints, &mut sink);
            if !hints.import_words.is_empty() || !hints.unbound.is_empty() {
                imports::edits(file, files, hints, &mut sink);
            }
        }
        all.append(&mut sink.found);
    }
    sort(&mut all);
    all.truncate(at_most);
    all
}

/// By score, then by place, so that the order never depends on chance.
pub(crate) fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| (a.file, &a.replacements).cmp(&(b.file, &b.replacements)))
    });
}

fn walk(
    file: &SourceFile,
    number: usize,
    suspicion: &Suspicion,
    used: &BTreeMap<String, f64>,
    hints: &Hints,
    sink: &mut Sink<'_>,
) {
    let index = Index::of(file);
    for node in descendants(file.tree.root_node()).into_iter().filter(|n| n.is_named()) {
        let inside = file.function_at(node.start_byte()).is_some() && node.kind() != "function_definition";
        if inside && suspicion.highest(number, line_of(node), last_line_of(node)) <= 0.0 {
            continue;
        }
        let Some(place) = Place::of(file, node, hints, &index) else { continue };
        let amount = suspicion_of(&place, number, suspicion, used);
        if amount <= 0.0 {
            continue;
        }
        sink.suspicion = amount;
        (sink.line, sink.last_line) = (place.first_line, place.last_line);
        sink.scope = place.outermost_body();
        sink.quoted =
            place.nodes.iter().filter(|n| n.kind() == "interpolation").map(Node::byte_range).collect();
        let before = sink.found.len();
        edits(&place, sink);
        if sink.found.len() - before > PER_STATEMENT {
            sort(&mut sink.found[before..]);
            sink.found.truncate(before + PER_STATEMENT);
        }
    }
}

fn edits(place: &Place<'_>, sink: &mut Sink<'_>) {
    expressions::edits(place, sink);
    literals::edits(place, sink);
    names::edits(place, sink);
    calls::edits(place, sink);
    conditions::edits(place, sink);
    statements::edits(place, sink);
    insertions::edits(place, sink);
    borrowed::edits(place, sink);
    definitions::edits(place, sink);
}

fn suspicion_of(place: &Place<'_>, file: usize, suspicion: &Suspicion, used: &BTreeMap<String, f64>) -> f64 {
    let own = suspicion.highest(file, place.first_line, place.last_line);
    match place.node.kind() {
        "function_definition" => {
            let body = suspicion.highest(file, place.first_line + 1, last_line_of(place.node));
            own.max(PARAMETERS * body)
        }
        "else_clause" | "finally_clause" => {
            0.8 * suspicion.highest(file, place.first_line, last_line_of(place.node))
        }
        _ if place.function.is_none() => {
            let bound = place.bound_names().iter().filter_map(|n| used.get(n)).copied().fold(0.0, f64::max);
            own.max(DEFINITION * bound)
        }
        _ => own,
    }
}

/// The names read on suspicious lines, with the suspicion of the worst of them.
fn used_names(files: &[SourceFile], suspicion: &Suspicion) -> BTreeMap<String, f64> {
    let mut used = BTreeMap::new();
    for (number, file) in files.iter().enumerate().filter(|(n, _)| suspicion.touches(*n)) {
        for node in descendants(file.tree.root_node()).into_iter().filter(|n| n.kind() == "identifier") {
            let amount = suspicion.of(number, line_of(node));
            if amount > 0.0 {
                let entry: &mut f64 = used.entry(file.of(node).to_owned()).or_default();
                *entry = entry.max(amount);
            }
        }
    }
    used
}

/// Puts an expression into parentheses unless it binds as tightly as a name.
fn grouped(file: &SourceFile, node: Node<'_>) -> String {
    let text = file.of(node);
    match node.kind() {
        "identifier"
        | "attribute"
        | "call"
        | "subscript"
        | "integer"
        | "float"
        | "string"
        | "list"
        | "tuple"
        | "dictionary"
        | "set"
        | "true"
        | "false"
        | "none"
        | "parenthesized_expression"
        | "list_comprehension"
        | "dictionary_comprehension"
        | "set_comprehension"
        | "generator_expression" => text.to_owned(),
        _ => format!("({text})"),
    }
}

#[cfg(test)]
mod tests;
