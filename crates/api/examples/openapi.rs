//! Prints the description of the API, as a server gives it at `/openapi.json`:
//! `cargo run -p api --example openapi > crates/client/openapi.json`.

fn main() -> Result<(), serde_json::Error> {
    println!("{}", api::rest::description().to_pretty_json()?);
    Ok(())
}
