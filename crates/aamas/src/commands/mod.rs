//! What each command does: reads its arguments, calls the engine or a use case, and prints.

mod acp;
mod agents;
mod asked;
mod audit;
mod cost;
mod demo;
mod doctor;
mod evidence;
mod follow;
pub mod host;
mod identity;
mod models;
mod on_server;
mod policy;
mod pr;
mod project;
mod rows;
mod run;
mod runs;
mod serve;
mod serving;
mod show;
mod task;
mod token;

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::refusal::Refusal;
use crate::server;

/// Carries out a command. What works on rows of this machine alone says so when a server is named: nothing is ever done
/// here in its stead.
pub fn run(cli: Cli) -> Result<ExitCode, Refusal> {
    let global = cli.global;
    let only_here = |what: &str, hint: &str| server::none_for(&global, what, hint);
    match cli.command {
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "aamas", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Acp(arguments) => {
            only_here("`aamas acp`", "")?;
            acp::acp(&global, *arguments)
        }
        Command::Doctor => doctor::doctor(&global),
        Command::Run(arguments) => {
            only_here("`aamas run`", "ask the server with `aamas task create --wait`")?;
            run::run(&global, *arguments)
        }
        Command::Demo(arguments) => {
            only_here("`aamas demo`", "")?;
            demo::demo(&global, &arguments)
        }
        Command::Serve(arguments) => {
            only_here("`aamas serve`", "")?;
            serve::serve(&global, *arguments)
        }
        Command::Project(command) => project::project(&global, command),
        Command::Task(command) => task::task(&global, command),
        Command::Agents(command) => agents::agents(&global, command),
        Command::Policy(command) => policy::policy(&global, command),
        Command::Token(command) => token::token(&global, command),
        Command::Cost(arguments) => match server::of(&global)? {
            Some(server) => on_server::cost(&global, &server, arguments.since),
            None => cost::cost(&global, &arguments),
        },
        Command::Models(command) => match server::of(&global)? {
            Some(server) => on_server::models(&global, &server, command),
            None => models::models(&global, command),
        },
        Command::Runs(command) => match server::of(&global)? {
            Some(server) => on_server::runs(&global, server, command),
            None => runs::runs(&global, command),
        },
        Command::Pr(command) => match server::of(&global)? {
            Some(server) => on_server::pr(&global, &server, command),
            None => pr::pr(&global, command),
        },
        Command::Audit(command) => match server::of(&global)? {
            Some(server) => on_server::audit(&global, &server, command),
            None => audit::audit(&global, command),
        },
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
