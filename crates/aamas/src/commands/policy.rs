//! `aamas policy …`.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use app::list::Paging;
use app::policies;
use app::receipts::{self, ReceiptFilter};
use domain::ReceiptId;
use serde_json::{Value, json};

use super::{block_on, print_json};
use crate::cli::{Global, Policy};
use crate::place::{Place, document, gather, id_of, is_id, paging, taken};
use crate::refusal::Refusal;
use crate::say::{err, out};
use crate::table::{self, list as members, moment, row, word, words};

/// Exit code when something is wrong with the policies or a receipt.
const FOUND: u8 = 3;
/// The longest set of policies, in bytes: `auth`'s bound for one text.
const MAX_TEXT: u64 = 64 << 10;
/// The longest file of requests, in bytes.
const MAX_REQUESTS: u64 = 4 << 20;
/// Receipts of a server that are looked through for one.
const RECEIPTS: usize = 10_000;

pub fn policy(global: &Global, command: Policy) -> Result<ExitCode, Refusal> {
    block_on(async {
        let place = Place::of(global).await?;
        match command {
            Policy::List { builtin } => list(global, &place, builtin).await,
            Policy::Show { policy } => show(global, &one(&place, &policy).await?),
            Policy::Test { file, request, instead_of } => {
                let mut trial = json!({ "text": text(&file, MAX_TEXT)? });
                if let Some(policy) = &instead_of {
                    trial["policy_id"] = one(&place, policy).await?["id"].clone();
                }
                if !request.is_empty() {
                    trial["requests"] = Value::Array(questions(&request)?);
                }
                tell_trial(global, &file, &test(&place, trial).await?)
            }
            Policy::Explain { what, role: None } if is_id("receipt", &what) => {
                let (receipt, again) = reevaluate(&place, &what).await?;
                tell_receipt(global, &receipt, &again)
            }
            Policy::Explain { what, role } => {
                let mut question = question(&what)?;
                if let Some(role) = role {
                    question["principal"] = json!({ "role": role });
                }
                tell_explained(global, &question, &explain(&place, question.clone()).await?)
            }
        }
    })?
}

async fn all(place: &Place) -> Result<Vec<Value>, Refusal> {
    match place {
        Place::Here(here) => {
            let all = policies::list(&here.platform, &here.caller, &here.origin).await?;
            all.into_iter().map(document).collect()
        }
        Place::There(server) => Ok(members(&server.list_policies().value().await?, "items").to_vec()),
    }
}

/// The saved policy of an id or a name.
async fn one(place: &Place, text: &str) -> Result<Value, Refusal> {
    let found = all(place).await?.into_iter().find(|p| word(p, "id") == text || word(p, "name") == text);
    found.ok_or_else(|| {
        Refusal::usage(
            "not_found",
            format!("there is no policy {text}"),
            "`aamas policy list` shows what there is",
        )
    })
}

async fn test(place: &Place, trial: Value) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            document(policies::test(&here.platform, &here.caller, &here.origin, taken(trial)?).await?)
        }
        Place::There(server) => Ok(server.test_policy(&taken(trial)?).value().await?),
    }
}

async fn explain(place: &Place, question: Value) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            document(policies::explain(&here.platform, &here.caller, &here.origin, taken(question)?).await?)
        }
        Place::There(server) => Ok(server.explain_policies(&taken(question)?).value().await?),
    }
}

/// A receipt, null if a server has it no more among the newest, and what comes of deciding it again.
async fn reevaluate(place: &Place, text: &str) -> Result<(Value, Value), Refusal> {
    match place {
        Place::Here(here) => {
            let id: ReceiptId = id_of("receipt", text)?;
            let receipt = receipts::get(&here.platform, &here.caller, &here.origin, id).await?;
            let again = receipts::reevaluate(&here.platform, &here.caller, &here.origin, id).await?;
            Ok((document(receipt)?, document(again)?))
        }
        Place::There(server) => {
            let again = server.reevaluate_receipt(text).value().await?;
            let fetch = async |cursor, limit| receipts_of(place, cursor, limit).await;
            let newest = gather(RECEIPTS, fetch).await?;
            let receipt = newest.items.into_iter().find(|r| r["id"].as_str() == Some(text));
            Ok((receipt.unwrap_or_default(), again))
        }
    }
}

async fn receipts_of(place: &Place, cursor: Option<String>, limit: u32) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            let (filter, page): (_, Paging) = (ReceiptFilter::default(), paging(cursor, limit));
            document(receipts::list(&here.platform, &here.caller, &here.origin, filter, page).await?)
        }
        Place::There(server) => {
            let query = taken(json!({ "cursor": cursor, "limit": limit }))?;
            Ok(server.list_receipts(&query).value().await?)
        }
    }
}

/// A file of at most so many bytes; `-` is standard input.
fn text(file: &Path, most: u64) -> Result<String, Refusal> {
    let refuse = |why: String| {
        Refusal::usage("unreadable", format!("cannot read {}: {why}", file.display()), "name a file of text")
    };
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(most + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|f| f.take(most + 1).read_to_end(&mut bytes))
    };
    read.map_err(|e| refuse(e.to_string()))?;
    if bytes.len() as u64 > most {
        return Err(refuse(format!("it has more than {} KB", most >> 10)));
    }
    String::from_utf8(bytes).map_err(|_| refuse("it is not UTF-8".into()))
}

/// Questions of the command line: actions, documents, and files of them.
fn questions(given: &[String]) -> Result<Vec<Value>, Refusal> {
    let mut all = Vec::new();
    for one in given {
        let Some(file) = one.strip_prefix('@') else {
            all.push(question(one)?);
            continue;
        };
        let document: Value = serde_json::from_str(&text(Path::new(file), MAX_REQUESTS)?)
            .map_err(|e| Refusal::usage("invalid_request", format!("{file} is not JSON: {e}"), EXAMPLE))?;
        match document {
            Value::Array(several) => all.extend(several),
            one => all.push(one),
        }
    }
    Ok(all)
}

const EXAMPLE: &str =
    "write it as tasks.create, or as {\"action\":\"tasks.create\",\"principal\":{\"role\":\"viewer\"}}";

fn question(text: &str) -> Result<Value, Refusal> {
    if !text.trim_start().starts_with('{') {
        return Ok(json!({ "action": text }));
    }
    serde_json::from_str(text)
        .map_err(|e| Refusal::usage("invalid_request", format!("the request is not JSON: {e}"), EXAMPLE))
}

async fn list(global: &Global, place: &Place, builtin: bool) -> Result<ExitCode, Refusal> {
    let own = all(place).await?;
    let rules = match (place, builtin) {
        (_, false) => Value::Null,
        (Place::Here(here), true) => {
            document(policies::builtin(&here.platform, &here.caller, &here.origin).await?)?
        }
        (Place::There(server), true) => server.get_builtin_policies().value().await?,
    };
    if global.json {
        let mut listed = json!({ "policies": own });
        if builtin {
            listed["builtin"] = rules;
        }
        print_json(&listed)?;
        return Ok(ExitCode::SUCCESS);
    }
    if own.is_empty() {
        out!("no policies of its own: those that every organization has are listed with --builtin");
    } else {
        let state = |p: &Value| if p["enabled"] == true { "counts" } else { "off" }.to_owned();
        let rows: Vec<_> = own
            .iter()
            .map(|p| vec![word(p, "id"), state(p), moment(p, "updated_at"), word(p, "name")])
            .collect();
        table::print(&[("POLICY", 33), ("STATE", 6), ("UPDATED", 19), ("NAME", 60)], &rows);
    }
    if builtin {
        out!("\n// The policies that every organization has\n{}", word(&rules, "text").trim_end());
        out!("\n// What policies can speak of\n{}", word(&rules, "schema").trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn show(global: &Global, policy: &Value) -> Result<ExitCode, Refusal> {
    if global.json {
        print_json(&json!({ "policy": policy }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let state = if policy["enabled"] == true { "counts" } else { "does not count" };
    err!("{}  {}, {state}", word(policy, "id"), word(policy, "name"));
    out!("{}", word(policy, "text").trim_end());
    Ok(ExitCode::SUCCESS)
}

fn tell_trial(global: &Global, file: &Path, report: &Value) -> Result<ExitCode, Refusal> {
    let code = if report["valid"] == true { ExitCode::SUCCESS } else { ExitCode::from(FOUND) };
    if global.json {
        print_json(report)?;
        return Ok(code);
    }
    for (kind, member) in [("error", "errors"), ("warning", "warnings")] {
        for mistake in members(report, member) {
            let place = format!("{}:{}:{}", file.display(), mistake["line"], mistake["column"]);
            out!("{place}: {kind}: {}", word(mistake, "message"));
        }
    }
    if report["valid"] != true {
        return Ok(code);
    }
    let changed = members(report, "changed");
    out!("valid; of {} requests {} would be answered differently", report["requests"], changed.len());
    let rows: Vec<_> = changed
        .iter()
        .map(|c| {
            let turn = format!("{} -> {}", word(c, "before"), word(c, "after"));
            vec![turn, word(c, "principal"), word(c, "action"), word(c, "resource"), word(c, "reasons")]
        })
        .collect();
    if !rows.is_empty() {
        out!();
        let columns = [("ANSWER", 15), ("WHO", 30), ("ACTION", 24), ("ON", 50), ("BY", 60)];
        table::print(&columns, &rows);
    }
    Ok(code)
}

/// A receipt and what comes of it today.
fn tell_receipt(global: &Global, receipt: &Value, again: &Value) -> Result<ExitCode, Refusal> {
    let outcome = word(again, "outcome");
    let wrong = ["altered", "different"].contains(&outcome.as_str());
    let code = if wrong { ExitCode::from(FOUND) } else { ExitCode::SUCCESS };
    if global.json {
        print_json(&json!({ "receipt": receipt, "outcome": outcome, "now": again["now"] }))?;
        return Ok(code);
    }
    if !receipt.is_null() {
        out!("{}  {}", word(receipt, "decision"), word(receipt, "reason"));
        for (name, member) in [
            ("receipt", "id"),
            ("at", "at"),
            ("who", "principal"),
            ("role", "role"),
            ("action", "action"),
            ("on", "resource"),
            ("policies", "policies"),
        ] {
            row(name, &word(receipt, member));
        }
    }
    let says = match outcome.as_str() {
        "same" => "decided again by the policies of its time: the same answer for the same reasons",
        "other_policies" => "the audit does not tell which policies counted then",
        "altered" => "NOT to be believed: it was changed after it was made",
        _ => "NOT the same: the same policies and inputs give another answer",
    };
    out!("{says}");
    if !again["now"].is_null() {
        row("today", &word(&again["now"], "decision"));
        row("by", &by(&again["now"]["policies"]));
    }
    Ok(code)
}

fn by(policies: &Value) -> String {
    let all = words(policies);
    if all.is_empty() { "nothing permits it".to_owned() } else { all }
}

fn tell_explained(global: &Global, question: &Value, explained: &Value) -> Result<ExitCode, Refusal> {
    if global.json {
        print_json(explained)?;
        return Ok(ExitCode::SUCCESS);
    }
    out!("{}  {}", word(explained, "decision"), word(question, "action"));
    row("by", &by(&explained["reasons"]));
    for (name, member) in
        [("permit it", "permits"), ("forbid it", "forbids"), ("errors", "errors"), ("roles", "roles")]
    {
        row(name, &word(explained, member));
    }
    for near in members(explained, "nearly") {
        let verb = if near["forbids"] == true { "would forbid it" } else { "would permit it" };
        row("nearly", &format!("{} {verb}: {}", word(near, "policy"), word(near, "text").trim()));
    }
    Ok(ExitCode::SUCCESS)
}
