//! The generated code is what the document says, and calls do on the wire what they should.

mod calls;
mod generated;

/// A client of documents with everything that a schema may have; see `rich.json`.
#[expect(dead_code, reason = "of most of it, it is enough that it compiles")]
#[rustfmt::skip]
mod rich;
