//! `aamas pr …`: local pull requests.

use std::io::IsTerminal;
use std::process::ExitCode;

use app::reviews::{Act, witness};
use engine::{Onto, PullRequest};
use store::PullRequestState;

use super::{block_on, evidence, host, print_json};
use crate::cli::{Global, Pr};
use crate::place::Here;
use crate::refusal::Refusal;
use crate::say::out;
use crate::terminal::{Paint, clip, gate_line, printable};

/// Pull requests read at a time.
const PAGE: u32 = 500;

pub fn pr(global: &Global, command: Pr) -> Result<ExitCode, Refusal> {
    match command {
        Pr::List => list(global),
        Pr::Show { pr } => show(global, &pr),
        Pr::Apply { pr } => act(global, &pr, Action::Apply),
        Pr::Merge { pr, draft } => act(global, &pr, Action::Merge { draft }),
        Pr::Close { pr } => act(global, &pr, Action::Close),
        Pr::Comment { pr, path, line, body } => act(global, &pr, Action::Comment { path, line, body }),
        Pr::Verify(arguments) => evidence::verify(global, arguments),
        Pr::Approve { pr } => act(global, &pr, Action::Approve),
    }
}

enum Action {
    Apply,
    Merge { draft: bool },
    Close,
    Comment { path: Option<String>, line: Option<u32>, body: String },
    Approve,
}

impl Action {
    fn act(&self) -> Act {
        match self {
            Self::Apply => Act::Apply,
            Self::Merge { .. } => Act::Merge,
            Self::Close => Act::Close,
            Self::Comment { .. } => Act::Comment,
            Self::Approve => Act::Approve,
        }
    }
}

fn list(global: &Global) -> Result<ExitCode, Refusal> {
    let engine = host::engine(global)?;
    let desk = &engine.desk;
    let mut rows = Vec::new();
    loop {
        let skip = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let page = desk.store.read_blocking(desk.tenant, |tx| tx.pull_requests(skip, PAGE));
        let page = page.map_err(|e| host::store_refusal(&e))?;
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    let all: Vec<PullRequest> = rows.iter().map(engine::pull_request_of).collect::<Result<_, _>>()?;
    if global.json {
        print_json(&serde_json::json!({ "pull_requests": all }))?;
    } else {
        let row =
            |p: &PullRequest| [p.id.to_string(), p.state.clone(), p.branch.clone(), printable(&p.title)];
        print_list(all.iter().map(row).collect());
    }
    Ok(ExitCode::SUCCESS)
}

/// Pull requests by id, state, branch and title, for a person.
pub fn print_list(all: Vec<[String; 4]>) {
    if all.is_empty() {
        out!("no pull requests yet: `aamas run \"TASK\"` makes one");
        return;
    }
    out!("{:<29}  {:<7}  {:<40}  TITLE", "PULL REQUEST", "STATE", "BRANCH");
    for [id, state, branch, title] in all {
        out!("{id:<29}  {state:<7}  {:<40}  {}", clip(&branch, 40), clip(&title, 60));
    }
}

fn show(global: &Global, text: &str) -> Result<ExitCode, Refusal> {
    let engine = host::engine(global)?;
    let record = engine.desk.find_pull_request(text)?;
    let pull_request = engine::pull_request_of(&record)?;
    let diff = engine.diff_of(&pull_request)?;
    if global.json {
        let mut value = serde_json::to_value(&pull_request).unwrap_or_default();
        value["diff"] = serde_json::Value::String(diff);
        print_json(&serde_json::json!({ "pull_request": value }))?;
    } else {
        print(&pull_request, &diff);
    }
    Ok(ExitCode::SUCCESS)
}

/// A pull request with its change, for a person.
pub fn print(pull_request: &PullRequest, diff: &str) {
    let paint = Paint::of(std::io::stdout().is_terminal());
    out!("{}  {}", paint.strong(&printable(&pull_request.title)), paint.dim(&pull_request.state));
    out!("{}  {}", pull_request.id, pull_request.created_at);
    out!("branch {} on {}", pull_request.branch, clip(&pull_request.base_commit, 12));
    out!("labels {}", pull_request.labels.join(", "));
    let reviewers = if pull_request.reviewers.is_empty() {
        "none found".to_owned()
    } else {
        pull_request.reviewers.join(", ")
    };
    out!("reviewers {}", printable(&reviewers));
    out!("\n{}", printable(&pull_request.description).trim());
    out!();
    pull_request.gates.iter().for_each(|gate| out!("{}", gate_line(gate, paint)));
    if let Some(path) = &pull_request.attestation {
        out!("{} {}", paint.dim("attested, see `aamas pr verify`:"), path.display());
    }
    for approval in &pull_request.approvals {
        out!("{} {} {}", paint.good("approved by"), approval.author, paint.dim(&approval.at.to_string()));
    }
    if let (Some(who), Some(at)) = (&pull_request.merged_by, &pull_request.merged_at) {
        out!("{} {} {}", paint.good("merged by"), printable(who), paint.dim(&at.to_string()));
    }
    for comment in &pull_request.comments {
        let mark = if comment.resolved { paint.dim("done") } else { paint.strong("open") };
        out!(
            "{mark} {}{} {}",
            printable(&comment.place()),
            printable(&comment.body),
            paint.dim(&comment.author)
        );
    }
    out!();
    for line in printable(diff).lines() {
        out!(
            "{}",
            match line.as_bytes().first() {
                Some(b'+') => paint.good(line),
                Some(b'-') => paint.bad(line),
                Some(b'@') => paint.dim(line),
                _ => line.to_owned(),
            }
        );
    }
}

fn act(global: &Global, text: &str, action: Action) -> Result<ExitCode, Refusal> {
    let engine = host::engine(global)?;
    let record = engine.desk.find_pull_request(text)?;
    // Policies and the audit hold at this machine too; who may change them is another question.
    block_on(async {
        let here = Here::of(&engine, engine.desk.tenant);
        Ok::<_, Refusal>(witness(&here.platform, &here.caller, &here.origin, record.id, action.act()).await?)
    })??;
    let (done, words) = match action {
        Action::Apply => (engine.apply_pull_request(&record)?, "applied to the work tree, uncommitted"),
        Action::Merge { draft } => {
            (engine.merge_pull_request(&record, Onto::CheckedOut, draft, engine::LOCAL_PERSON)?, "merged")
        }
        Action::Close => (
            app::set_pull_request_state(&engine.desk, &record, PullRequestState::Closed)?,
            "closed; its branch stays",
        ),
        Action::Comment { path, line, body } => (
            engine.comment(&record, path, line, &body)?,
            "has your comment; `aamas run --continue` gives it to the agents",
        ),
        Action::Approve => (engine.approve(&record)?, "approved by you; merge it with `aamas pr merge`"),
    };
    let pull_request = engine::pull_request_of(&done)?;
    if global.json {
        print_json(&serde_json::json!({ "pull_request": pull_request }))?;
    } else {
        out!("{} {words}", pull_request.id);
    }
    Ok(ExitCode::SUCCESS)
}
