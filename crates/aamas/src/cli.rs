//! The command line: what can be said, with examples, and nothing of what it does.

mod nouns;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

pub use nouns::{AgentArgs, Agents, Audit, AuditOf, Policy, Project, ProjectArgs, Task, TaskAsked, Token};

/// A self-hosted team of AI agents that turns tasks into reviewed pull requests.
#[derive(Parser, Debug)]
#[command(
    name = "aamas",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  \
        aamas demo                                       see the main job, with no key and no network\n  \
        aamas run \"Fix the failing tests\"                in your repository, with the model found, else offline\n  \
        aamas run --model anthropic/claude-sonnet-4-5 \"Add a --quiet flag\"\n  \
        aamas runs resume last                           go on with what was interrupted\n  \
        aamas pr show last                               read the change that came out\n  \
        aamas serve                                      a dashboard and an API for a team\n  \
        aamas doctor                                     what this machine gives the sandbox, and the fixes\n\n\
        Exit codes: 0 ready or nothing to change, 1 internal error, 2 wrong usage, 3 gates failed, 4 a limit,\n\
        5 needs a person, 6 model error, 130 interrupted."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Debug, Clone)]
pub struct Global {
    /// One JSON document on stdout; everything else goes to stderr.
    #[arg(long, global = true)]
    pub json: bool,
    /// Where AAMAS keeps its database, mirrors and reports.
    #[arg(long, global = true, value_name = "DIR", env = "AAMAS_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Work on a server instead of the data directory; its token is read from AAMAS_TOKEN. Empty: on this machine. A
    /// private authority of its certificate is trusted by SSL_CERT_FILE.
    #[arg(long, global = true, value_name = "URL", env = "AAMAS_SERVER")]
    pub server: Option<String>,
    /// A PostgreSQL database instead of the file in the data directory: postgres://user@host/name.
    #[arg(long, global = true, value_name = "URL", env = DATABASE_VARIABLE, hide_env_values = true)]
    pub database: Option<String>,
}

/// The variable that names the database: what is on a command line, every process of the machine can read.
pub const DATABASE_VARIABLE: &str = "AAMAS_DATABASE_URL";

impl Global {
    /// The address of the server, if one is meant.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref().map(str::trim).filter(|address| !address.is_empty())
    }

    /// The address of the database, if the rows lie in one.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref().map(str::trim).filter(|address| !address.is_empty())
    }
}

/// The commands that are built.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Repair a small repository before your eyes: no key, no network, one minute.
    Demo(Demo),
    /// Turn a task into a branch and a local pull request.
    Run(Box<Run>),
    /// Runs: list, show, watch, resume, pause, steer, answer, cancel, fork, rewind, replay, export.
    #[command(subcommand)]
    Runs(Runs),
    /// Local pull requests: list, show, verify, comment, approve, apply, merge, close.
    #[command(subcommand)]
    Pr(Pr),
    /// Projects: create, list, show, update, archive, restore.
    #[command(subcommand)]
    Project(Project),
    /// Tasks of projects: create, list, show, watch, update, pause, resume, cancel, retry.
    #[command(subcommand)]
    Task(Task),
    /// The registry of agents: list, show, register, update, retire, match.
    #[command(subcommand)]
    Agents(Agents),
    /// Policies in Cedar: list, show, test, explain.
    #[command(subcommand)]
    Policy(Policy),
    /// What was spent, by model, role, day and run.
    Cost(Cost),
    /// Models: list, test.
    #[command(subcommand)]
    Models(Models),
    /// Serve a team: the API, the dashboard, and the engine that works on its tasks.
    Serve(Box<Serve>),
    /// The audit: verify, export.
    #[command(subcommand)]
    Audit(Audit),
    /// API tokens: create, list, revoke.
    #[command(subcommand)]
    Token(Token),
    /// What this machine gives the sandbox, and the fix for each missing piece.
    Doctor,
    /// Be the agent of an editor: the Agent Client Protocol on standard input and output.
    Acp(Box<Acp>),
    /// Completions for your shell, on stdout.
    #[command(
        after_help = "Example:\n  aamas completions bash > ~/.local/share/bash-completion/completions/aamas"
    )]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// `aamas demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// Where to put the demo's repository; a new temporary directory by default.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `aamas run`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  aamas run \"Fix the failing tests\"\n  aamas run --repo ~/src/app --model openai-chat/gpt-4.1 @task.md\n  \
        git log -1 --format=%B | aamas run -\n  aamas run --budget-usd 2 --timeout 30m --json \"Add a --quiet flag\"\n  \
        aamas run https://github.com/owner/repository/issues/7\n  aamas run --image shot.png \"The button is cut off\"\n\n\
        The repository is left as it is; exactly one branch, aamas/<slug>-<id>, appears at the end."
)]
pub struct Run {
    /// The task; `-` reads it from standard input, `@FILE` from a file. The address of a page or of a GitHub issue
    /// alone stands for what is written there.
    #[arg(value_name = "TASK")]
    pub task: String,
    /// The repository, or a directory in it.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub repo: PathBuf,
    /// The model: anthropic/…, openai/…, openai-chat/…, gemini/…, ollama/…, gguf:FILE, acp:COMMAND, script:FILE or
    /// offline; by default what the environment has keys for.
    #[arg(long, value_name = "SPEC")]
    pub model: Option<String>,
    /// One builder and the gates, without planner, architecture and reviewer.
    #[arg(long)]
    pub solo: bool,
    /// Stop after the plan.
    #[arg(long)]
    pub plan_only: bool,
    /// The commit to start from.
    #[arg(long, value_name = "REF", default_value = "HEAD")]
    pub base: String,
    /// Start from a snapshot of the dirty tree.
    #[arg(long)]
    pub include_dirty: bool,
    /// An image of the task (PNG, JPEG, GIF or WebP), for models that see; may be given several times.
    #[arg(long = "image", value_name = "FILE")]
    pub images: Vec<PathBuf>,
    /// A follow-up task on a finished run's branch.
    #[arg(long = "continue", value_name = "RUN")]
    pub continue_run: Option<String>,
    /// Go on in the background and print the document at once.
    #[arg(long)]
    pub detach: bool,
    /// Builders that try the same work side by side; gates and size decide which is taken.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=8))]
    pub best_of: u32,
    /// Limits of the run.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Approve plans and changes to protected paths beforehand.
    #[arg(long)]
    pub yes: bool,
}

/// `aamas serve`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  aamas serve                                     on http://127.0.0.1:8080, with the sign-in link in the log\n  \
        aamas serve --listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem\n  \
        aamas serve --database postgres://aamas@db.example.org/aamas\n  \
        aamas serve --demo                              with an organization that really worked on something\n\n\
        One server for each data directory. A signal stops runs at a safe point; they go on after the next start."
)]
pub struct Serve {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "AAMAS_LISTEN")]
    pub listen: std::net::SocketAddr,
    /// What this process does: api, engine, or both.
    #[arg(long, value_name = "ROLES", default_value = "api,engine", value_delimiter = ',')]
    pub roles: Vec<ServerRole>,
    /// The certificate chain, in PEM: the server speaks TLS 1.3 then.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// TLS ends in front of this server: cookies are for TLS, and HSTS is sent.
    #[arg(long)]
    pub behind_tls: bool,
    /// The model of tasks and projects that name none; by default what the environment has keys for.
    #[arg(long, value_name = "SPEC")]
    pub model: Option<String>,
    /// Runs at once; by default as many as the machine has cores, at least 2.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub parallel_runs: Option<u32>,
    /// Requests a second of one token or session; addresses of unknown callers get a tenth of it. [default: 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate_limit: Option<u32>,
    /// Who else may say who somebody is: OpenID providers and issuers of tokens, in TOML (docs/configuration.md).
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// Pages of this origin may call the API with a token; may be given several times.
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    pub allow_origin: Vec<String>,
    /// Directories that repositories named by a path may lie in; anywhere unless given. May be given several times: do so
    /// wherever not everybody may read everything that this server can.
    #[arg(long, value_name = "DIR")]
    pub repository_root: Vec<PathBuf>,
    /// Let projects fetch repositories from private addresses too.
    #[arg(long)]
    pub allow_private_repositories: bool,
    /// Fill an organization by really running the bundled repository.
    #[arg(long)]
    pub demo: bool,
    /// For development: GraphQL introspection and its explorer.
    #[arg(long)]
    pub dev: bool,
    /// How log lines are written.
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "AAMAS_LOG_FORMAT")]
    pub log_format: LogFormat,
}

/// What a server process does.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerRole {
    /// REST, GraphQL, WebSocket and the dashboard.
    Api,
    /// Works on tasks.
    Engine,
}

/// How log lines are written.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// `aamas acp`.
#[derive(Args, Debug)]
#[command(after_help = "An editor starts this; it is nothing to type. In Zed's settings.json:\n  \
        \"agent_servers\": {\n    \"AAMAS\": { \"command\": \"aamas\", \"args\": [\"acp\", \"--budget-usd\", \"5\"], \"env\": {} }\n  }\n\n\
        Each prompt is a task; its change comes out as a branch and a local pull request, and your files stay as they \
        are. The next prompt of the same thread follows it up. `session/load` takes a run's id, too.")]
pub struct Acp {
    /// The model, as `aamas run --model` takes it.
    #[arg(long, value_name = "SPEC")]
    pub model: Option<String>,
    /// One builder and the gates, without planner, architecture and reviewer.
    #[arg(long)]
    pub solo: bool,
    /// Approve plans and changes to protected paths beforehand, without asking in the editor.
    #[arg(long)]
    pub yes: bool,
    /// Start from a snapshot of the dirty tree, as it is saved.
    #[arg(long)]
    pub include_dirty: bool,
    /// Limits of each run.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Limits, given or raised.
#[derive(Args, Debug, Clone, Default)]
pub struct LimitArgs {
    /// What the run may cost, in US dollars.
    #[arg(long, value_name = "N", value_parser = parse_usd)]
    pub budget_usd: Option<domain::NanoUsd>,
    /// How many answers of models the run may use.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_turns: Option<u32>,
    /// How long the run may work, such as 90s, 30m or 2h.
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

/// `aamas cost`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  aamas cost\n  aamas cost --since 24h --json")]
pub struct Cost {
    /// Only of the last time, such as 90m, 24h or 720h.
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub since: Option<Duration>,
}

/// `aamas runs …`.
#[derive(Subcommand, Debug)]
#[command(after_help = "RUN is a run's id, any unique beginning or end of it, or `last`.")]
pub enum Runs {
    /// All runs, newest first.
    List,
    /// A run's transcript, gates and outcome.
    Show {
        /// Which run.
        run: String,
    },
    /// Follow a run until it stands still.
    Watch {
        /// Which run.
        run: String,
    },
    /// Go on with a run that was interrupted, paused, answered, failed or limited.
    #[command(
        after_help = "Examples:\n  aamas runs resume last\n  aamas runs resume run_01k --max-turns 200\n  aamas runs resume last --model anthropic/claude-sonnet-4-5"
    )]
    Resume {
        /// Which run.
        run: String,
        /// Another model from here on.
        #[arg(long, value_name = "SPEC")]
        model: Option<String>,
        /// Raised limits.
        #[command(flatten)]
        limits: LimitArgs,
        /// Approve what it asked approval for.
        #[arg(long)]
        yes: bool,
    },
    /// Hold a running run at its next safe point.
    Pause {
        /// Which run.
        run: String,
    },
    /// Tell the agents something; each reads it before its next turn.
    #[command(after_help = "Example:\n  aamas runs steer last \"keep the old name as an alias\"")]
    Steer {
        /// Which run.
        run: String,
        /// The words.
        message: String,
    },
    /// Answer the agent's question, or approve with `yes`.
    #[command(
        after_help = "Examples:\n  aamas runs answer last \"Blue, please\" && aamas runs resume last\n  aamas runs answer last yes && aamas runs resume last"
    )]
    Answer {
        /// Which run.
        run: String,
        /// The words.
        message: String,
    },
    /// End a run for good; what it delivered stays.
    Cancel {
        /// Which run.
        run: String,
    },
    /// Take another way from an earlier point, as a run of its own; the other one stays as it is.
    #[command(
        after_help = "Examples:\n  aamas runs fork last --turn 4 \"use the standard library instead\"\n  aamas runs fork run_01k --model openai/gpt-6-sol"
    )]
    Fork {
        /// Which run.
        run: String,
        /// From where; where it stands unless said otherwise.
        #[command(flatten)]
        at: PointArgs,
        /// Another model from there on.
        #[arg(long, value_name = "SPEC")]
        model: Option<String>,
        /// Approve plans and changes to protected paths beforehand.
        #[arg(long)]
        yes: bool,
        /// What is different from there on.
        message: Option<String>,
    },
    /// Decide a recorded run again, without model or network: the same bytes, or the first step that differs.
    #[command(
        after_help = "Example:\n  aamas runs replay last\n\nExit codes: 0 identical, 3 a step differs."
    )]
    Replay {
        /// Which run.
        run: String,
    },
    /// A run's evidence: trajectory, report, journal or signed attestation.
    #[command(
        after_help = "Examples:\n  aamas runs export last --format html --output report.html\n  aamas runs export last > trajectory.json\n\nFormats: atif is the Agent Trajectory Interchange Format, version 1.7; html a page that needs nothing else;\njson the journal, one entry a line; attestation the signed envelope that `aamas pr verify` checks."
    )]
    Export {
        /// Which run.
        run: String,
        /// In which form.
        #[arg(long, value_name = "FORMAT", default_value = "atif")]
        format: ExportFormat,
        /// Where to; `-` is standard output.
        #[arg(long, value_name = "FILE", default_value = "-")]
        output: PathBuf,
    },
    /// Set a run that stands still back to an earlier point; `runs resume` goes on from there.
    #[command(after_help = "Example:\n  aamas runs rewind last --turn 4 && aamas runs resume last")]
    Rewind {
        /// Which run.
        run: String,
        /// To where.
        #[command(flatten)]
        at: PointArgs,
    },
}

/// A point of a run.
#[derive(Args, Debug, Clone, Default)]
#[group(multiple = false)]
pub struct PointArgs {
    /// After so many turns, over all its attempts; 0 is its beginning.
    #[arg(long, value_name = "N")]
    pub turn: Option<u32>,
    /// After the entry with this number (`seq` in `runs show --json`).
    #[arg(long, value_name = "SEQ")]
    pub entry: Option<u64>,
}

/// `aamas pr …`.
#[derive(Subcommand, Debug)]
#[command(
    after_help = "PR is a pull request's id, its run's id, any unique beginning or end of either, or `last`."
)]
pub enum Pr {
    /// All local pull requests, newest first.
    List,
    /// Title, description, gates, reviewers and diff.
    Show {
        /// Which pull request.
        pr: String,
    },
    /// Put the change into your own work tree, uncommitted.
    Apply {
        /// Which pull request.
        pr: String,
    },
    /// Merge the branch into the branch that is checked out.
    Merge {
        /// Which pull request.
        pr: String,
        /// Merge a draft too.
        #[arg(long)]
        draft: bool,
    },
    /// Close without merging; the branch stays.
    Close {
        /// Which pull request.
        pr: String,
    },
    /// Leave a remark; `aamas run --continue RUN` gives open remarks to the agents as work.
    #[command(
        after_help = "Example:\n  aamas pr comment last --path src/app.py --line 12 \"this can be None\"\n  aamas run --continue last \"Answer the comments\""
    )]
    Comment {
        /// Which pull request.
        pr: String,
        /// On which changed file.
        #[arg(long, value_name = "FILE")]
        path: Option<String>,
        /// On which line of it.
        #[arg(long, value_name = "N", requires = "path", value_parser = clap::value_parser!(u32).range(1..))]
        line: Option<u32>,
        /// The words.
        body: String,
    },
    /// Check a change against its signed attestation: signature, base, branch, and every line.
    #[command(
        after_help = "Examples:\n  aamas pr verify last\n  aamas pr verify --attestation pr.intoto.json --key signing.pub --repo .\n\nThe second form needs no data directory.\n\nExit codes: 0 verified, 3 problems were found, 2 there is nothing to verify."
    )]
    Verify(Verify),
    /// Note that you approve it; merging stays an act of its own.
    Approve {
        /// Which pull request.
        pr: String,
    },
}

/// `aamas models …`.
#[derive(Subcommand, Debug)]
pub enum Models {
    /// Providers and what they lack, known models with window and price, and which role has which model.
    #[command(after_help = "Example:\n  aamas models list --repo ~/src/app")]
    List {
        /// The repository whose aamas.toml routes the roles; the one around the current directory, if there is one.
        #[arg(long, value_name = "DIR")]
        repo: Option<PathBuf>,
    },
    /// Ask a model for a few words and a tool call, and measure it.
    #[command(
        after_help = "Examples:\n  aamas models test anthropic/claude-sonnet-4-5\n  aamas models test gguf:model.gguf\n\n\
            Exit codes: 0 it answered, 2 it is not configured or not there, 6 it failed."
    )]
    Test {
        /// The model, as `aamas run --model` takes it.
        #[arg(value_name = "SPEC")]
        spec: String,
    },
}

/// `aamas pr verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// Which pull request; with --attestation it need not be named.
    #[arg(required_unless_present = "attestation")]
    pub pr: Option<String>,
    /// The signed envelope, instead of the one that AAMAS keeps.
    #[arg(long, value_name = "FILE")]
    pub attestation: Option<PathBuf>,
    /// A public key that you trust, instead of this installation's; can be given several times.
    #[arg(long, value_name = "FILE")]
    pub key: Vec<PathBuf>,
    /// The repository, instead of the one that the run worked on.
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
}

/// Forms of a run's evidence.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A trajectory in the Agent Trajectory Interchange Format.
    Atif,
    /// A page for people.
    Html,
    /// The journal, one entry a line.
    Json,
    /// The signed statement.
    Attestation,
}

/// As browsers send it: scheme, host and port, in small letters, with nothing behind them.
fn origin(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if host.is_empty() || !host.chars().all(is_host) {
        return Err("an origin is https://HOST or https://HOST:PORT, with no path behind it".to_owned());
    }
    Ok(text)
}

fn parse_role(text: &str) -> Result<auth::Role, String> {
    auth::Role::from_word(text).ok_or_else(|| {
        "expected owner, admin, maintainer, developer, reviewer, viewer, auditor, agent or ci".to_owned()
    })
}

fn parse_usd(text: &str) -> Result<domain::NanoUsd, String> {
    let amount: f64 =
        text.trim_start_matches('$').parse().map_err(|_| "expected an amount such as 2.50".to_owned())?;
    domain::NanoUsd::from_usd(amount).ok_or_else(|| "expected an amount from 0 up".to_owned())
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a time such as 90s, 30m or 2h";
    if let Ok(seconds) = text.parse::<u32>() {
        return positive(Duration::from_secs(u64::from(seconds)));
    }
    let span: jiff::SignedDuration = text.parse().map_err(|_| EXPECTED.to_owned())?;
    positive(Duration::try_from(span).map_err(|_| EXPECTED.to_owned())?)
}

fn positive(duration: Duration) -> Result<Duration, String> {
    if duration.is_zero() { Err("expected a time above zero".to_owned()) } else { Ok(duration) }
}

/// Commands whose names the contract reserves, and that are not built yet.
pub const RESERVED: &[&str] = &[
    "agent",
    "init",
    "health",
    "review",
    "scan",
    "debug",
    "mutate",
    "code",
    "memory",
    "backup",
    "compliance",
    "webhook",
    "scale",
    "bus",
    "store",
];

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_and_amounts_are_read_as_people_write_them() {
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert!(
            parse_duration("0").is_err() && parse_duration("soon").is_err() && parse_duration("-3s").is_err()
        );
        assert_eq!(parse_usd("$2.5"), Ok(domain::NanoUsd(2_500_000_000)));
        assert!(parse_usd("-1").is_err() && parse_usd("NaN").is_err());
    }

    #[test]
    fn origins_are_those_that_browsers_send() {
        assert_eq!(origin("https://App.example.org:8443"), Ok("https://app.example.org:8443".to_owned()));
        assert!(origin("http://[::1]:5173").is_ok());
        for bad in
            ["", "*", "app.example.org", "https://", "https://a/", "https://a b", "ftp://a", "https://u@a"]
        {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
