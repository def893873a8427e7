//! `aamas models list` of a server.

use std::process::ExitCode;

use client::Client;
use serde_json::{Value, json};

use crate::cli::{Global, Models};
use crate::commands::{block_on, print_json};
use crate::refusal::Refusal;
use crate::say::out;
use crate::server::local_only;
use crate::table::{self, list as members, word};

pub fn models(global: &Global, server: &Client, command: Models) -> Result<ExitCode, Refusal> {
    match command {
        Models::List { repo: None } => {}
        Models::List { repo: Some(_) } => {
            return Err(local_only(
                "`aamas models list --repo`",
                "leave --repo out for the models of the server",
            ));
        }
        Models::Test { .. } => return Err(local_only("`aamas models test`", "")),
    }
    let found = block_on(async { Ok::<_, Refusal>(server.list_models().value().await?) })??;
    if global.json {
        print_json(&as_here(&found))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mark = |configured: bool| if configured { "✓" } else { "✗" }.to_owned();
    let providers: Vec<_> = members(&found, "providers")
        .iter()
        .map(|p| vec![mark(p["configured"] == true), word(p, "id"), word(p, "name"), word(p, "hint")])
        .collect();
    table::print(&[("", 1), ("PROVIDER", 14), ("SPEAKS", 52), ("MISSING", 80)], &providers);
    out!();
    let models: Vec<_> = members(&found, "items")
        .iter()
        .map(|m| {
            let [input, cached, output] =
                ["input_usd_per_million", "cached_usd_per_million", "output_usd_per_million"]
                    .map(|member| word(m, member));
            vec![
                mark(m["configured"] == true),
                word(m, "id"),
                word(m, "context_tokens"),
                input,
                cached,
                output,
            ]
        })
        .collect();
    let columns = [("", 1), ("MODEL", 50), ("WINDOW", 10), ("INPUT", 8), ("CACHED", 8), ("OUTPUT", 8)];
    table::print(&columns, &models);
    out!(
        "\nPrices are US dollars for a million tokens. A task that names no model gets {}.",
        word(&found, "default")
    );
    Ok(ExitCode::SUCCESS)
}

/// The document that `aamas models list` has on this machine; null is what a server does not tell.
fn as_here(found: &Value) -> Value {
    let providers = members(found, "providers").iter().map(|provider| {
        json!({
            "provider": provider["id"], "what": provider["name"], "is_configured": provider["configured"],
            "missing": provider["hint"], "key_variable": null, "address_variable": null, "endpoint": null,
        })
    });
    let models = members(found, "items").iter().map(|model| {
        let note = word(model, "note");
        let (source, as_of) = note.rsplit_once(", ").unzip();
        json!({
            "spec": model["id"], "is_configured": model["configured"], "context_tokens": model["context_tokens"],
            "usd_per_million_input": model["input_usd_per_million"],
            "usd_per_million_cached": model["cached_usd_per_million"],
            "usd_per_million_output": model["output_usd_per_million"],
            "sees_images": null, "as_of": as_of, "source": source,
        })
    });
    json!({
        "repository": null, "default": found["default"], "providers": providers.collect::<Vec<_>>(),
        "models": models.collect::<Vec<_>>(), "roles": null, "gguf": null, "warnings": null,
    })
}
