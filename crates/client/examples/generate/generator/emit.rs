//! Definitions and operations, written down.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::lower::{Definition, Field, Shape, Type};
use super::operations::Operation;

/// The columns that a comment may take.
const WIDTH: usize = 110;

/// The whole file.
pub fn file(definitions: &BTreeMap<String, Definition>, operations: &[Operation]) -> String {
    let mut text = String::from(
        "//! Written by `cargo run -p client --example generate` from `openapi.json`. Change that, not this.\n\n\
         use std::collections::BTreeMap;\n\n\
         use serde::{Deserialize, Serialize};\n\
         use serde_json::Value;\n",
    );
    if !operations.is_empty() {
        text.push_str(
            "\nuse crate::Client;\nuse crate::call::{Asked, Bytes, Call, Json, Nothing, OrLater};\n\n",
        );
        text.push_str("/// Operations of the API: one function each.\nimpl Client {\n");
        let functions: Vec<String> = operations.iter().map(function).collect();
        text.push_str(&functions.join("\n"));
        text.push_str("}\n");
    }
    let queries = operations.iter().filter_map(|o| o.query.as_ref()).map(|q| (&q.name, &q.definition));
    for (name, definition) in queries.chain(definitions) {
        text.push('\n');
        define(&mut text, name, definition, definitions);
    }
    if !text.contains(": BTreeMap<") && !text.contains("<BTreeMap<") {
        text = text.replace("use std::collections::BTreeMap;\n\n", "");
    }
    text
}

fn function(operation: &Operation) -> String {
    let Operation { name, about, method, path, arguments, query, body, answer, later } = operation;
    let mut text = String::new();
    comment(&mut text, "    ///", about);
    put(&mut text, format_args!("    ///\n    /// `{method} {path}`\n"));
    let mut signature = vec!["&self".to_owned()];
    signature.extend(arguments.iter().map(|name| format!("{}: &str", super::naming::snake(name))));
    signature.extend(query.iter().map(|query| format!("query: &{}", query.name)));
    signature.extend(body.iter().map(|(kind, required)| match required {
        true => format!("body: &{}", written(kind)),
        false => format!("body: Option<&{}>", written(kind)),
    }));
    let gives = reading(answer, later.as_ref());
    let one_line = format!("    pub fn {name}({}) -> Asked<'_, {gives}> {{\n", signature.join(", "));
    if one_line.len() <= WIDTH {
        text.push_str(&one_line);
    } else {
        put(&mut text, format_args!("    pub fn {name}(\n"));
        signature.iter().for_each(|one| put(&mut text, format_args!("        {one},\n")));
        put(&mut text, format_args!("    ) -> Asked<'_, {gives}> {{\n"));
    }
    let names: Vec<_> = arguments.iter().map(|name| super::naming::snake(name)).collect();
    let names = names.join(", ");
    put(&mut text, format_args!("        let call = Call::new(\"{method}\", \"{path}\", &[{names}])"));
    if query.is_some() {
        text.push_str(".query(query)");
    }
    match body {
        Some((_, true)) => text.push_str(".body(body)"),
        Some((_, false)) => text.push_str(".optional_body(body)"),
        None => {}
    }
    text.push_str(";\n        Asked::new(self, call)\n    }\n");
    text
}

/// How an answer is read.
fn reading(answer: &Type, later: Option<&Type>) -> String {
    let now = match answer {
        Type::Bytes => "Bytes".to_owned(),
        Type::Plain("()") => "Nothing".to_owned(),
        kind => format!("Json<{}>", written(kind)),
    };
    later.map_or(now.clone(), |later| format!("OrLater<{now}, {}>", written(later)))
}

fn define(text: &mut String, name: &str, definition: &Definition, all: &BTreeMap<String, Definition>) {
    let about = match definition.about.as_str() {
        "" => format!("`{name}` of the API."),
        about => about.to_owned(),
    };
    comment(text, "///", &about);
    match &definition.shape {
        Shape::Alias(kind) => put(text, format_args!("pub type {name} = {};\n", written(kind))),
        Shape::Struct(fields) => {
            let default = if definition.sent && has_default(definition, all) { "Default, " } else { "" };
            put(text, format_args!("#[derive(Clone, Debug, {default}PartialEq, Serialize, Deserialize)]\n"));
            if fields.is_empty() {
                return put(text, format_args!("pub struct {name} {{}}\n"));
            }
            put(text, format_args!("pub struct {name} {{\n"));
            fields.iter().for_each(|one| field(text, one, definition.sent));
            text.push_str("}\n");
        }
        Shape::Words(words) => words_of(text, name, words),
        Shape::OneOf(variants) => {
            text.push_str("#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]\n#[serde(untagged)]\n");
            put(text, format_args!("pub enum {name} {{\n"));
            for (called, kind) in variants {
                let holds =
                    if kind.direct().is_some() { format!("Box<{}>", written(kind)) } else { written(kind) };
                put(text, format_args!("    /// As `{}`.\n    {called}({holds}),\n", bare(kind)));
            }
            text.push_str("    /// What this client does not know.\n    Other(Value),\n}\n");
        }
    }
}

fn field(text: &mut String, field: &Field, sent: bool) {
    let Field { name, wire, about, kind, flat, boxed } = field;
    let about = if about.is_empty() { format!("`{wire}`.") } else { about.clone() };
    comment(text, "    ///", &about);
    let mut attributes = Vec::new();
    if *flat {
        attributes.push("flatten".to_owned());
    } else if name.trim_start_matches("r#") != wire {
        attributes.push(format!("rename = {wire:?}"));
    }
    // What is sent says nothing of what is not given; what was received says null again.
    if sent && matches!(kind, Type::Option(_)) && !flat {
        attributes.push("default, skip_serializing_if = \"Option::is_none\"".to_owned());
    }
    if !attributes.is_empty() {
        put(text, format_args!("    #[serde({})]\n", attributes.join(", ")));
    }
    let kind = match (kind, boxed) {
        (Type::Option(inner), true) => format!("Option<Box<{}>>", written(inner)),
        (kind, true) => format!("Box<{}>", written(kind)),
        (kind, false) => written(kind),
    };
    put(text, format_args!("    pub {name}: {kind},\n"));
}

/// Words that a newer server may add to; one alone tells variants of a union apart, and takes no other.
fn words_of(text: &mut String, name: &str, words: &[(String, String)]) {
    text.push_str("#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]\n");
    put(text, format_args!("pub enum {name} {{\n"));
    for (wire, called) in words {
        put(text, format_args!("    /// `{wire}`.\n    #[serde(rename = {wire:?})]\n    {called},\n"));
    }
    if words.len() != 1 {
        text.push_str(
            "    /// A word that this client does not know.\n    #[serde(untagged)]\n    Other(String),\n",
        );
    }
    put(text, format_args!("}}\n\nimpl {name} {{\n    /// The word.\n    #[must_use]\n"));
    text.push_str("    pub fn as_str(&self) -> &str {\n        match self {\n");
    for (wire, called) in words {
        put(text, format_args!("            Self::{called} => {wire:?},\n"));
    }
    if words.len() != 1 {
        text.push_str("            Self::Other(word) => word,\n");
    }
    text.push_str("        }\n    }\n}\n");
}

/// Whether there is a plain value of it, with nothing in it.
fn has_default(definition: &Definition, all: &BTreeMap<String, Definition>) -> bool {
    match &definition.shape {
        Shape::Struct(fields) => fields.iter().all(|field| !field.boxed && is_plain(&field.kind, all)),
        Shape::Alias(kind) => is_plain(kind, all),
        Shape::Words(_) | Shape::OneOf(_) => false,
    }
}

fn is_plain(kind: &Type, all: &BTreeMap<String, Definition>) -> bool {
    match kind {
        Type::Named(name) => all.get(name).is_some_and(|d| d.sent && has_default(d, all)),
        _ => true,
    }
}

fn written(kind: &Type) -> String {
    match kind {
        Type::Value => "Value".to_owned(),
        Type::Plain(name) => (*name).to_owned(),
        Type::Bytes => "Vec<u8>".to_owned(),
        Type::List(inner) => format!("Vec<{}>", written(inner)),
        Type::Map(inner) => format!("BTreeMap<String, {}>", written(inner)),
        Type::Option(inner) => format!("Option<{}>", written(inner)),
        Type::Named(name) => name.clone(),
    }
}

fn bare(kind: &Type) -> String {
    written(kind).replace(['<', '>'], " ").trim().to_owned()
}

/// A comment, broken at words; what looks like a link of Rust stays text.
fn comment(text: &mut String, mark: &str, words: &str) {
    for line in words.lines() {
        let mut open = String::new();
        for word in line.split_whitespace() {
            if !open.is_empty() && mark.len() + open.len() + word.len() + 2 > WIDTH {
                put(text, format_args!("{mark} {open}\n"));
                open.clear();
            }
            if !open.is_empty() {
                open.push(' ');
            }
            open.push_str(word);
        }
        put(text, format_args!("{}\n", format!("{mark} {open}").trim_end()));
    }
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // A `String` takes everything.
    let _ = text.write_fmt(what);
}
