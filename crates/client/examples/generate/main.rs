//! Writes `src/generated.rs` from `openapi.json`, and the same of the document that the generator is tried on:
//! `cargo run -p client --example generate`.

mod generator;

use std::path::Path;

/// Documents, and what is written from them.
const FILES: [(&str, &str); 2] =
    [("../../web/openapi.json", "src/generated.rs"), ("tests/it/rich.json", "tests/it/rich.rs")];

fn main() -> Result<(), String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (from, to) in FILES {
        let text = std::fs::read_to_string(here.join(from)).map_err(|e| format!("{from}: {e}"))?;
        let written = generator::generate(&text).map_err(|e| format!("{from}: {e}"))?;
        std::fs::write(here.join(to), written).map_err(|e| format!("{to}: {e}"))?;
        println!("wrote {}", here.join(to).display());
    }
    Ok(())
}
