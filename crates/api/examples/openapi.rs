//! Prints the description of the API, as `/openapi.json` gives it: `cargo run -p api --example openapi > web/openapi.json`.

use std::io::Write as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    writeln!(std::io::stdout(), "{}", api::rest::description().to_pretty_json()?)?;
    Ok(())
}
