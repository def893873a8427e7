//! The nouns of a team: projects, tasks, agents, policies, tokens, and the audit.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{parse_role, parse_usd};

/// `aamas project …`.
#[derive(Subcommand, Debug)]
#[command(after_help = "PROJECT is a project's id, any unique beginning or end of it, its name, or `last`.")]
pub enum Project {
    /// Create a project: its agents are found, and an engine brings its repository in.
    #[command(
        after_help = "Examples:\n  aamas project create Ledger                          the repository around the current directory\n  \
            aamas project create Ledger --repo https://github.com/owner/ledger.git --model anthropic/claude-sonnet-4-5\n  \
            aamas --server https://aamas.example.org project create Ledger --repo /srv/ledger --json"
    )]
    Create {
        /// Its name.
        name: String,
        /// What else is said of it.
        #[command(flatten)]
        settings: ProjectArgs,
    },
    /// Projects, newest first; archived ones only if asked for.
    List {
        /// preparing, active, failed or archived.
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// Whose name or repository has this in it.
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// A project with its settings.
    Show {
        /// Which project.
        project: String,
    },
    /// Change a project; what is not named stays.
    #[command(
        after_help = "Example:\n  aamas project update Ledger --budget-usd 5 --model anthropic/claude-sonnet-4-5"
    )]
    Update {
        /// Which project.
        project: String,
        /// Another name.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// What else changes.
        #[command(flatten)]
        settings: ProjectArgs,
    },
    /// Put a project away: no task of it is begun any more, and everything that was done stays.
    Archive {
        /// Which project.
        project: String,
    },
    /// Bring an archived project back.
    Restore {
        /// Which project.
        project: String,
    },
}

/// What is said of a project.
#[derive(Args, Debug, Clone, Default)]
pub struct ProjectArgs {
    /// Its repository: a directory (the current one, unless on a server), https://…, ssh://… or file://…
    #[arg(long, value_name = "DIR|URL")]
    pub repo: Option<String>,
    /// A language or framework, if they should not be found; may be given several times.
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub tech: Vec<String>,
    /// What its agents should be able to do; may be given several times.
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub capability: Vec<String>,
    /// The model of its tasks.
    #[arg(long, value_name = "SPEC")]
    pub model: Option<String>,
    /// What a run may cost, in US dollars.
    #[arg(long, value_name = "N", value_parser = parse_usd)]
    pub budget_usd: Option<domain::NanoUsd>,
    /// How many answers of models a run may use.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_turns: Option<u32>,
    /// The branch, tag or commit that runs start from.
    #[arg(long, value_name = "REF")]
    pub base: Option<String>,
    /// How sensitive its code is, for policies: public, internal, confidential or restricted.
    #[arg(long, value_name = "CLASS")]
    pub data_class: Option<String>,
    /// Whether plans and changes of protected paths are approved beforehand.
    #[arg(long, value_name = "YES", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub yes: Option<bool>,
}

/// `aamas task …`.
#[derive(Subcommand, Debug)]
#[command(
    after_help = "TASK is a task's id, any unique beginning or end of it, or `last`. `aamas serve` works on tasks; one that is made\n\
        while none runs waits for it. For a task without a project and a server there is `aamas run`."
)]
pub enum Task {
    /// Ask a task of a project: it is analyzed, matched with an agent, and queued.
    #[command(after_help = "Examples:\n  aamas task create --project Ledger \"Fix the failing tests\"\n  \
            aamas task create --project Ledger --priority high --due 2030-01-31T12:00:00Z @task.md\n  \
            aamas task create --project Ledger --after task_01k \"Document it\"\n  \
            aamas --server https://aamas.example.org task create --project Ledger --wait --json \"Add a --quiet flag\"\n\n\
            With --wait: exit codes of `aamas run`.")]
    Create(Box<TaskAsked>),
    /// Tasks, newest first.
    List {
        /// Of this project.
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
        /// submitted, working, input_required, paused, completed, failed or canceled.
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// feature, fix, refactor, test, docs or chore.
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// Given to this agent.
        #[arg(long, value_name = "AGENT")]
        agent: Option<String>,
        /// Whose title or description has this in it.
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// A task: who has it and why, what it waits for, what it came to.
    Show {
        /// Which task.
        task: String,
    },
    /// Follow a task until it stands still; exit codes of `aamas run`.
    Watch {
        /// Which task.
        task: String,
    },
    /// Change a task; what is not named stays.
    #[command(
        after_help = "Examples:\n  aamas task update last --priority critical\n  aamas task update last --due \"\" --agent \"\"     no due date, and the matcher's choice"
    )]
    Update {
        /// Which task.
        task: String,
        /// Another title.
        #[arg(long, value_name = "TITLE")]
        title: Option<String>,
        /// low, medium, high or critical.
        #[arg(long, value_name = "PRIORITY")]
        priority: Option<String>,
        /// When it should be done, RFC 3339; empty takes it away.
        #[arg(long, value_name = "TIME")]
        due: Option<String>,
        /// Another agent; empty lets the matcher choose anew.
        #[arg(long, value_name = "AGENT")]
        agent: Option<String>,
        /// What it waits for, instead of what it waited for; may be given several times.
        #[arg(long, value_name = "TASK")]
        after: Vec<String>,
    },
    /// Hold a task: its run stops at the next safe point, and nobody begins it.
    Pause {
        /// Which task.
        task: String,
    },
    /// Let a task go on.
    Resume {
        /// Which task.
        task: String,
    },
    /// End a task for good; what it delivered stays.
    Cancel {
        /// Which task.
        task: String,
    },
    /// Begin a failed task anew.
    Retry {
        /// Which task.
        task: String,
    },
}

/// `aamas task create`.
#[derive(Args, Debug)]
pub struct TaskAsked {
    /// The task in words; `-` reads it from standard input, `@FILE` from a file.
    #[arg(value_name = "TASK")]
    pub task: String,
    /// Its project; may be left out where there is only one.
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// A line for people; the task's first line unless given.
    #[arg(long, value_name = "TITLE")]
    pub title: Option<String>,
    /// feature, fix, refactor, test, docs or chore; found from its words unless given.
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// low, medium, high or critical.
    #[arg(long, value_name = "PRIORITY")]
    pub priority: Option<String>,
    /// A task that has to be completed before; may be given several times.
    #[arg(long, value_name = "TASK")]
    pub after: Vec<String>,
    /// When it should be done, RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub due: Option<String>,
    /// What its agent should be able to do; may be given several times.
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub capability: Vec<String>,
    /// The model; the project's unless given.
    #[arg(long, value_name = "SPEC")]
    pub model: Option<String>,
    /// What the run may cost, in US dollars.
    #[arg(long, value_name = "N", value_parser = parse_usd)]
    pub budget_usd: Option<domain::NanoUsd>,
    /// How many answers of models the run may use.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_turns: Option<u32>,
    /// One builder and the gates, without planner, architecture and reviewer.
    #[arg(long)]
    pub solo: bool,
    /// Stop after the plan.
    #[arg(long)]
    pub plan_only: bool,
    /// The branch, tag or commit to start from; the project's unless given.
    #[arg(long, value_name = "REF")]
    pub base: Option<String>,
    /// Approve plans and changes to protected paths beforehand.
    #[arg(long)]
    pub yes: bool,
    /// Hold it: nobody begins it before `aamas task resume`.
    #[arg(long, conflicts_with = "wait")]
    pub hold: bool,
    /// Follow it until it stands still.
    #[arg(long)]
    pub wait: bool,
}

/// `aamas agents …`.
#[derive(Subcommand, Debug)]
#[command(after_help = "AGENT is an agent's id, any unique beginning or end of it, its name, or `last`.")]
pub enum Agents {
    /// Agents, in the order in which they were registered.
    List {
        /// technical_lead, architecture, developer or reviewer.
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// idle, working, offline or retired.
        #[arg(long, value_name = "STATUS", conflicts_with = "project")]
        status: Option<String>,
        /// Those of this project.
        #[arg(long, value_name = "PROJECT", conflicts_with = "kind")]
        project: Option<String>,
    },
    /// An agent with its track record.
    Show {
        /// Which agent.
        agent: String,
    },
    /// Register an agent.
    #[command(
        after_help = "Example:\n  aamas agents register \"Payments developer\" --specialization backend --capability payments,testing"
    )]
    Register {
        /// Its name, which no other agent has.
        name: String,
        /// technical_lead, architecture, developer or reviewer.
        #[arg(long = "type", value_name = "TYPE", default_value = "developer")]
        kind: String,
        /// What else is said of it.
        #[command(flatten)]
        about: AgentArgs,
    },
    /// Change an agent; what is not named stays.
    Update {
        /// Which agent.
        agent: String,
        /// Another name.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// retired takes it out, idle brings it back.
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// What else changes.
        #[command(flatten)]
        about: AgentArgs,
    },
    /// Take an agent out: it gets no more work, and what it did stays.
    Retire {
        /// Which agent.
        agent: String,
    },
    /// Who fits a task and why, or why nobody does: of a task that was asked, or of words.
    #[command(
        after_help = "Examples:\n  aamas agents match last\n  aamas agents match --words \"Speed up the nightly import\" --project Ledger\n  \
            aamas agents match --words \"Ship it\" --capability mobile\n\n\
            Exit codes: 0 somebody fits, 5 nobody does."
    )]
    Match {
        /// A task that was asked.
        #[arg(required_unless_present = "words", conflicts_with = "words")]
        task: Option<String>,
        /// A task in words, which is not asked.
        #[arg(long, value_name = "TASK")]
        words: Option<String>,
        /// Of this project; may be left out where there is only one.
        #[arg(long, value_name = "PROJECT", requires = "words")]
        project: Option<String>,
        /// feature, fix, refactor, test, docs or chore.
        #[arg(long = "type", value_name = "TYPE", requires = "words")]
        kind: Option<String>,
        /// What the agent should be able to do; may be given several times.
        #[arg(long, value_name = "WORD", value_delimiter = ',', requires = "words")]
        capability: Vec<String>,
    },
}

/// What is said of an agent.
#[derive(Args, Debug, Clone, Default)]
pub struct AgentArgs {
    /// What it knows best, such as backend; empty: everything.
    #[arg(long, value_name = "WORD")]
    pub specialization: Option<String>,
    /// What it can do; may be given several times.
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub capability: Vec<String>,
    /// The model that it has; empty: whatever the run has.
    #[arg(long, value_name = "SPEC")]
    pub model: Option<String>,
    /// Its projects, all of them if none is named; may be given several times.
    #[arg(long = "project", value_name = "PROJECT")]
    pub projects: Vec<String>,
}

/// `aamas policy …`.
#[derive(Subcommand, Debug)]
pub enum Policy {
    /// The organization's own policies.
    List {
        /// Those that every organization has, too, and what policies can speak of.
        #[arg(long)]
        builtin: bool,
    },
    /// The text of an own policy.
    Show {
        /// Its id or its name.
        policy: String,
    },
    /// Check a set of policies, and try it on requests: which would be answered differently. Nothing is saved.
    #[command(
        after_help = "Examples:\n  aamas policy test new.cedar                                  on the requests of the past\n  \
            aamas policy test new.cedar --request tasks.create --request '{\"action\":\"pull_requests.merge\",\"principal\":{\"role\":\"developer\"}}'\n  \
            aamas policy test new.cedar --instead-of policy_01k… --request @requests.json\n\n\
            Exit codes: 0 it can be read (whatever it changes), 3 it has mistakes."
    )]
    Test {
        /// The policies, in Cedar; `-` is standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// A request instead of those of the past: an action, or a document `{\"action\",\"resource\"?,\"principal\"?}`, or
        /// `@FILE` with a list of them; may be given several times.
        #[arg(long, value_name = "REQUEST")]
        request: Vec<String>,
        /// The saved policy whose place it would take, by id or name.
        #[arg(long, value_name = "POLICY")]
        instead_of: Option<String>,
    },
    /// Which policies decide a request, or decided one of the past: a receipt is decided again from what it holds.
    #[command(
        after_help = "Examples:\n  aamas policy explain receipt_01k…\n  aamas policy explain tasks.create --role viewer\n  \
            aamas policy explain '{\"action\":\"pull_requests.merge\",\"resource\":{\"type\":\"PullRequest\",\"risk\":\"high\"}}'\n\n\
            Exit codes: 0 it is explained, 3 a receipt does not agree with itself or with its policies."
    )]
    Explain {
        /// A receipt's id, an action, or a document `{\"action\",\"resource\"?,\"principal\"?}`.
        #[arg(value_name = "RECEIPT|REQUEST")]
        what: String,
        /// Asked by somebody with this role, instead of whoever calls.
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
    },
}

/// `aamas audit …`.
#[derive(Subcommand, Debug)]
pub enum Audit {
    /// Check the audit of each organization: chain, Merkle tree, checkpoints, receipts, journals. Needs no server.
    #[command(
        after_help = "Examples:\n  aamas audit verify --checkpoint /mnt/elsewhere/tenant_…-120.checkpoint\n  \
            aamas audit verify --file audit.jsonl --key signing.pub --checkpoint kept.checkpoint\n\n\
            Only a checkpoint that was kept elsewhere shows that nobody with the key wrote the whole log anew. Without one, \
            those in the data directory's `checkpoints` are taken.\n\
            Exit codes: 0 whole, 3 something is wrong (each finding is named), 2 there is nothing to verify."
    )]
    Verify {
        /// An export, instead of the data directory.
        #[arg(long, value_name = "FILE", requires = "key")]
        file: Option<PathBuf>,
        /// A checkpoint that was kept elsewhere; may be given several times.
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        /// A public key that you trust, instead of this installation's; may be given several times.
        #[arg(long, value_name = "FILE")]
        key: Vec<PathBuf>,
        /// Which organization, and where its rows are.
        #[command(flatten)]
        of: AuditOf,
    },
    /// Write the whole audit, as lines of JSON that can be verified without this installation.
    #[command(after_help = "Example:\n  aamas audit export --output audit.jsonl")]
    Export {
        /// Where to; `-` is standard output.
        #[arg(long, value_name = "FILE", default_value = "-")]
        output: PathBuf,
        /// Which organization, and where its rows are.
        #[command(flatten)]
        of: AuditOf,
    },
}

/// Whose audit.
#[derive(Args, Debug)]
pub struct AuditOf {
    /// The organization. Unless given, each is verified, and that of this machine is exported.
    #[arg(long, value_name = "ID")]
    pub organization: Option<domain::TenantId>,
}

/// `aamas token …`.
#[derive(Subcommand, Debug)]
pub enum Token {
    /// Make an API token, also while a server runs; it is shown once.
    #[command(
        after_help = "Examples:\n  aamas token create\n  aamas token create --role ci --name pipeline --expires-in-days 30 --json"
    )]
    Create {
        /// What it may do: owner, admin, maintainer, developer, reviewer, viewer, auditor, agent or ci.
        #[arg(long, value_name = "ROLE", default_value = "owner", value_parser = parse_role)]
        role: auth::Role,
        /// A name to know it by.
        #[arg(long, value_name = "NAME", default_value = "command line")]
        name: String,
        /// When it ends by itself.
        #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=365))]
        expires_in_days: u32,
        /// The organization; that of this machine unless given.
        #[arg(long, value_name = "ID")]
        organization: Option<domain::TenantId>,
    },
    /// Tokens without their secrets, newest first.
    List,
    /// End a token: whoever has it is refused from the next request on.
    Revoke {
        /// Its id.
        #[arg(value_name = "TOKEN_ID")]
        token: String,
    },
}
