//! A client of Rust from an OpenAPI 3.1 document. What it does not know is refused, not guessed.

mod emit;
mod lower;
mod naming;
mod operations;

/// The client for a document.
pub fn generate(document: &str) -> Result<String, String> {
    let document: serde_json::Value =
        serde_json::from_str(document).map_err(|e| format!("the document is not JSON: {e}"))?;
    let mut schemas = lower::Schemas::of(&document)?;
    let operations = operations::read(&document, &mut schemas)?;
    Ok(emit::file(&schemas.finish(), &operations))
}
