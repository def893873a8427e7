//! `aamas models list` of a server.

use std::process::ExitCode;

use client::Client;

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
        print_json(&found)?;
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
