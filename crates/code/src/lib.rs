//! Parsing, edits, symbols, search: knows languages, not agents.
