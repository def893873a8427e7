//! AAMAS: a self-hosted team of AI agents that turns tasks into reviewed pull requests.

mod background;
mod cli;
mod commands;
mod notify;
mod place;
mod refusal;
mod rim;
mod say;
mod server;
mod table;
mod terminal;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;

use crate::say::{TOLD, out};
use cli::{Cli, LogFormat};
use refusal::Refusal;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    // Before any thread exists: the process that becomes a run's sandbox forks, and must be alone.
    if arguments.get(1).is_some_and(|a| a == "sandbox-launcher") {
        sandbox::run_launcher(tools::BUILTINS);
    }
    let json = arguments.iter().any(|a| a == "--json");
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            let format = log_to_stderr(&cli);
            match commands::run(cli) {
                Ok(code) => code,
                Err(refusal) => refusal.print(json, format),
            }
        }
        Err(error) => refuse_arguments(&error, &arguments, json),
    }
}

/// With `AAMAS_LOG` set (such as `info` or `engine=debug`), log lines on stderr; without it, none but a server's. How they
/// are written is how everything is that goes there.
fn log_to_stderr(cli: &Cli) -> LogFormat {
    let server = match &cli.command {
        cli::Command::Serve(arguments) => Some(arguments.log_format),
        _ => None,
    };
    let format = server.unwrap_or(LogFormat::Text);
    let Some(filter) = rim::variable("AAMAS_LOG").or_else(|| server.map(|_| "info".to_owned())) else {
        return format;
    };
    let mut filter = EnvFilter::new(filter);
    if let Ok(always) = format!("{TOLD}=info").parse() {
        filter = filter.add_directive(always);
    }
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => {
            lines.json().flatten_event(true).init();
            std::panic::set_hook(Box::new(|panic| tracing::error!(target: TOLD, "{panic}")));
        }
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).init(),
    }
    format
}

/// Help and version go to stdout with exit 0; all else is wrong usage.
fn refuse_arguments(error: &clap::Error, arguments: &[std::ffi::OsString], json: bool) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let command =
        arguments.iter().skip(1).filter_map(|a| a.to_str()).find(|a| !a.starts_with('-')).unwrap_or_default();
    if cli::RESERVED.contains(&command) {
        let message = format!("`aamas {command}` is not built yet");
        return Refusal::usage("not_built", message, "`aamas --help` lists what is built")
            .print(json, LogFormat::Text);
    }
    if json {
        // The first paragraph: what is wrong, with the arguments that it names on lines of their own.
        let text = error.to_string();
        let lines: Vec<_> = text.lines().take_while(|l| !l.trim().is_empty()).map(str::trim).collect();
        let message = lines.join(" ");
        let message = message.trim_start_matches("error: ");
        out!(
            "{}",
            serde_json::json!({ "error": { "code": "usage", "message": message, "hint": "see `aamas --help`" } })
        );
    }
    let _ = error.print();
    ExitCode::from(2)
}
