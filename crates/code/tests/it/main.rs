//! Properties that hold for any input.

mod edits;
mod patches;
