//! Parsing, edits, symbols, search: knows languages, not agents.

pub mod edit;
pub mod language;
mod lines;
pub mod listing;
mod nearest;
pub mod patch;
pub mod search;
pub mod symbols;
pub mod tree;

pub use language::Language;
pub use tree::Tree;
