//! What each command does: reads its arguments, calls the engine or a use case, and prints.

mod acp;
mod asked;
mod audit;
mod cost;
mod demo;
mod doctor;
mod evidence;
mod host;
mod identity;
mod models;
mod pr;
mod run;
mod runs;
mod serve;
mod show;
mod token;

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::refusal::Refusal;

/// Carries out a command.
pub fn run(cli: Cli) -> Result<ExitCode, Refusal> {
    let global = cli.global;
    match cli.command {
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "aamas", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Acp(arguments) => acp::acp(&global, *arguments),
        Command::Cost(arguments) => cost::cost(&global, &arguments),
        Command::Doctor => doctor::doctor(&global),
        Command::Models(command) => models::models(&global, command),
        Command::Run(arguments) => run::run(&global, *arguments),
        Command::Demo(arguments) => demo::demo(&global, &arguments),
        Command::Runs(command) => runs::runs(&global, command),
        Command::Pr(command) => pr::pr(&global, command),
        Command::Serve(arguments) => serve::serve(&global, *arguments),
        Command::Audit(command) => audit::audit(&global, command),
        Command::Token(command) => token::token(&global, command),
    }
}

/// Runs async work on the command's own thread; long blocking work goes to the runtime's pool.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Refusal> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| {
        Refusal::internal(
            "internal",
            format!("cannot start the runtime: {e}"),
            "free some memory or file descriptors",
        )
    })?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(result)
}

/// Prints one JSON document on stdout. A reader who has gone is no error; a full disk is.
fn print_json(value: &impl serde::Serialize) -> Result<(), Refusal> {
    let failed = |why: String| {
        Refusal::internal(
            "output_failed",
            format!("cannot write the document: {why}"),
            "free some space, or write it elsewhere",
        )
    };
    let mut text = serde_json::to_string(value).map_err(|e| failed(e.to_string()))?;
    text.push('\n');
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(failed(error.to_string())),
        _ => Ok(()),
    }
}
