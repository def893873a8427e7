//! Tables and rows for people, from documents.

use serde_json::Value;

use crate::say::out;
use crate::terminal::{clip, printable};

/// A column: its head, and the most characters of it that are shown.
pub type Column = (&'static str, usize);

/// Prints rows below their heads, each column as wide as what is in it. The last one is not filled up.
pub fn print(columns: &[Column], rows: &[Vec<String>]) {
    let clipped: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            row.iter().zip(columns).map(|(text, (_, most))| clip(&text.replace('\n', " "), *most)).collect()
        })
        .collect();
    let width = |place: usize| {
        let cells = clipped.iter().filter_map(|row| row.get(place)).map(|text| text.chars().count());
        cells.chain([columns[place].0.len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<_> = cells.zip(&widths).map(|(text, width)| format!("{text:<width$}")).collect();
        out!("{}", padded.join("  ").trim_end());
    };
    line(&mut columns.iter().map(|(head, _)| *head));
    clipped.iter().for_each(|row| line(&mut row.iter().map(String::as_str)));
}

/// A row of a page about one thing; nothing for what is not there.
pub fn row(name: &str, text: &str) {
    if !text.is_empty() {
        out!("  {name:<13} {}", text.replace('\n', "\n                "));
    }
}

/// A member of a document in words: nothing for null, lists with commas between.
pub fn word(document: &Value, member: &str) -> String {
    words(&document[member])
}

/// A value in words.
pub fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => printable(text),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let each = |(name, value): (&String, &Value)| format!("{} {}", printable(name), words(value));
            members.iter().map(each).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// A moment to the second, as lists show it.
pub fn moment(document: &Value, member: &str) -> String {
    let text = word(document, member);
    text.get(..19).unwrap_or(&text).to_owned()
}

/// Texts of a list of documents.
pub fn list<'a>(document: &'a Value, member: &str) -> &'a [Value] {
    document[member].as_array().map_or(&[], Vec::as_slice)
}
