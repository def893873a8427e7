//! Where a noun is worked on: on the rows of the data directory, or on a server. Both give the same documents.

use app::list::Paging;
use app::office::Origin;
use app::{Platform, Settings};
use auth::{Caller, Principal, Role};
use client::Client;
use domain::TenantId;
use engine::Engine;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::Global;
use crate::commands::host;
use crate::refusal::Refusal;
use crate::{rim, server};

/// Items that are asked for at a time.
const PAGE: u32 = 200;
/// Pages that are looked through for something by a part of its id or by its name.
const MAX_PAGES: usize = 50;

/// Where a noun is worked on.
pub enum Place {
    /// On this machine.
    Here(Box<Here>),
    /// On a server.
    There(Client),
}

/// The rows of the data directory, and whoever has that in hand: the owner of its organization.
pub struct Here {
    /// The use cases.
    pub platform: Platform,
    /// Who asks.
    pub caller: Caller,
    /// Where a request comes from: from no request.
    pub origin: Origin,
}

impl Here {
    /// The rows of an organization of a data directory.
    pub fn of(engine: &Engine, tenant: TenantId) -> Self {
        let platform = Platform::new(&engine.desk, rim::random::<32>, Settings::default());
        Self { platform, caller: local_owner(tenant), origin: Origin::default() }
    }
}

impl Place {
    /// The place that the command line names.
    pub async fn of(global: &Global) -> Result<Self, Refusal> {
        if let Some(client) = server::of(global)? {
            return Ok(Self::There(client));
        }
        let engine = host::engine(global)?;
        let here = Here::of(&engine, TenantId::LOCAL);
        let caller = local_owner(app::authenticate::first_organization(&here.platform).await?);
        Ok(Self::Here(Box::new(Here { caller, ..here })))
    }

    /// The rows of the data directory, for what no server does.
    pub fn here(&self, what: &str, hint: &str) -> Result<&Here, Refusal> {
        match self {
            Self::Here(here) => Ok(here),
            Self::There(_) => Err(server::local_only(what, hint)),
        }
    }
}

/// Whoever can read the data directory has everything in it already.
fn local_owner(tenant: TenantId) -> Caller {
    let (id, name) = ("command_line".to_owned(), "command line".to_owned());
    Caller {
        tenant,
        principal: Principal::User { id, name, email: String::new() },
        role: Role::Owner,
        project_scope: None,
        mfa: false,
        session: None,
        token: None,
    }
}

/// What came of a use case or a call, as its document.
pub fn document(made: impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(made).map_err(|e| {
        Refusal::internal("internal", format!("this can't be written as JSON: {e}"), "report it, please")
    })
}

/// A document of the command line as what a use case or a call takes.
pub fn taken<T: DeserializeOwned>(document: Value) -> Result<T, Refusal> {
    serde_json::from_value(document)
        .map_err(|e| Refusal::usage("invalid", e.to_string(), "mend what it names, see `--help`"))
}

/// An id in the text that a use case takes; what can't be one names nothing.
pub fn id_of<T: std::str::FromStr>(what: &str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| not_found(what, text))
}

/// How a page is asked of a use case.
pub fn paging(cursor: Option<String>, limit: u32) -> Paging {
    Paging { limit: Some(limit), cursor, sort: None }
}

/// Items of a list, and whether there are more.
#[derive(Default)]
pub struct Gathered {
    /// The items.
    pub items: Vec<Value>,
    /// Whether there are more.
    pub more: bool,
}

/// The first items of a list, at most so many, whatever the length of its pages.
pub async fn gather(
    most: usize,
    fetch: impl AsyncFn(Option<String>, u32) -> Result<Value, Refusal>,
) -> Result<Gathered, Refusal> {
    let (mut gathered, mut cursor) = (Gathered::default(), None);
    loop {
        let left = most.saturating_sub(gathered.items.len());
        let page = fetch(cursor, u32::try_from(left).unwrap_or(PAGE).min(PAGE)).await?;
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        gathered.items.extend(page["items"].as_array().into_iter().flatten().cloned());
        gathered.more = cursor.is_some();
        if cursor.is_none() || gathered.items.len() >= most {
            return Ok(gathered);
        }
    }
}

/// What can be named by a part of its id.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The word before the line of its ids.
    pub prefix: &'static str,
    /// For people.
    pub what: &'static str,
    /// The member that holds its name, if it can be named so.
    pub name: Option<&'static str>,
    /// The command that lists them.
    pub list: &'static str,
    /// Whether its list begins with the newest.
    pub newest_first: bool,
}

impl Kind {
    /// There is none that a text means.
    pub fn missing(self, text: &str) -> Refusal {
        let hint = format!("`{}` shows what there is", self.list);
        Refusal::usage("not_found", format!("there is no {} {text}", self.what), hint)
    }

    /// A refusal of a server, which never says what it is that there is not.
    pub fn or_missing(self, text: &str, error: client::Error) -> Refusal {
        match error {
            client::Error::Refused(problem) if problem.code == "not_found" => self.missing(text),
            other => other.into(),
        }
    }
}

/// The id that a text means: an id, any unique beginning or end of one, a name, or `last`. Whole ids are not looked for.
pub async fn find(
    kind: Kind,
    text: &str,
    fetch: impl AsyncFn(Option<String>, u32) -> Result<Value, Refusal>,
) -> Result<String, Refusal> {
    let missing = || kind.missing(text);
    if is_id(kind.prefix, text) {
        return Ok(text.to_owned());
    }
    if text == "last" && kind.newest_first {
        let first = gather(1, fetch).await?.items.into_iter().next();
        return first.map(|item| id(&item)).ok_or_else(missing);
    }
    let all = gather(MAX_PAGES * PAGE as usize, fetch).await?;
    if text == "last" {
        return all.items.last().map(id).ok_or_else(missing);
    }
    let named = |item: &&Value| kind.name.is_some_and(|member| item[member].as_str() == Some(text));
    let named: Vec<_> = all.items.iter().filter(named).map(id).collect();
    let tail = |id: &str| id.split_once('_').is_some_and(|(_, tail)| tail.starts_with(text));
    let fits = |id: &String| !text.is_empty() && (id.starts_with(text) || tail(id) || id.ends_with(text));
    let fitting: Vec<_> =
        if named.is_empty() { all.items.iter().map(id).filter(fits).collect() } else { named };
    match fitting.as_slice() {
        [] if all.more => Err(Refusal::usage(
            "not_found",
            format!("there is no {} {text} among the newest {}", kind.what, all.items.len()),
            "give the whole id",
        )),
        [] => Err(missing()),
        [only] => Ok(only.clone()),
        several => {
            let first: Vec<_> = several.iter().take(5).map(String::as_str).collect();
            let message = format!("{text} fits several: {}", first.join(", "));
            Err(Refusal::usage("ambiguous", message, "give more of the id"))
        }
    }
}

/// Whether a text is a whole id of this kind.
pub fn is_id(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).is_some_and(|tail| {
        tail.len() == 26 && tail.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn id(item: &Value) -> String {
    item["id"].as_str().unwrap_or_default().to_owned()
}

fn not_found(what: &str, text: &str) -> Refusal {
    Refusal::usage("not_found", format!("there is no {what} {text}"), "give an id as the lists show it")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TASK: Kind = Kind {
        prefix: "task",
        what: "task",
        name: Some("title"),
        list: "aamas task list",
        newest_first: true,
    };

    fn found(text: &str) -> Result<String, String> {
        let items: Vec<_> = (0..450)
            .rev()
            .map(|n| json!({ "id": format!("task_{n:026}"), "title": format!("Task {}", n / 2) }))
            .collect();
        let fetch = async |cursor: Option<String>, limit: u32| {
            let from = cursor.map_or(0, |c| c.parse::<usize>().expect("ours"));
            let to = (from + limit as usize).min(items.len());
            let next = (to < items.len()).then(|| to.to_string());
            Ok(json!({ "items": items[from..to], "next_cursor": next }))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(find(TASK, text, fetch)).map_err(|refusal| refusal.error.code)
    }

    #[test]
    fn things_are_found_by_parts_of_their_ids_by_name_and_as_the_last_one() {
        let id = |n: u32| Ok(format!("task_{n:026}"));
        assert_eq!(found("last"), id(449));
        assert_eq!(found(&format!("task_{:026}", 99_999)), id(99_999), "a whole id is not looked for");
        assert_eq!(found("449"), id(449));
        assert_eq!(found(&format!("task_{:025}", 44)), Err("ambiguous".into()));
        assert_eq!(found("Task 3"), Err("ambiguous".into()));
        assert_eq!((found("450"), found("")), (Err("not_found".into()), Err("not_found".into())));
    }
}
