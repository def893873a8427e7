//! What can be watched.

use std::collections::VecDeque;

use app::events::{End, Published, Subscription as Events, Watcher};
use app::runs::{self, JournalEntry};
use async_graphql::{Context, Error, ID, Json, Result, SimpleObject, Subscription};
use domain::RunId;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::Value;

use super::context::{Asker, graph};
use super::errors::{coded, failure};
use crate::ws::Globs;

/// Entries of a journal that are read at a time.
const PAGE: u32 = 100;

/// An event, as CloudEvents 1.0 has it.
#[derive(Clone, Debug, Deserialize, SimpleObject)]
pub(super) struct Event {
    /// Its id, from which a subscription can go on.
    id: ID,
    source: String,
    /// `dev.aamas.NOUN.VERB`.
    #[serde(rename = "type")]
    #[graphql(name = "type")]
    kind: String,
    /// The id of what it tells of.
    subject: String,
    time: String,
    tenant: String,
    /// The task whose story it belongs to, else its subject.
    correlationid: String,
    /// The request, or the run, that brought it about.
    causationid: String,
    /// Its place in a trace, as W3C Trace Context has it.
    traceparent: Option<String>,
    /// The ids that belong to it, and what else it tells.
    data: Json<Value>,
}

/// An entry of a journal.
#[derive(Clone, Debug, SimpleObject)]
pub(super) struct Entry {
    /// Its place, from 1.
    seq: u64,
    /// The attempt that it belongs to; 0: the run as a whole.
    attempt: u32,
    at: String,
    /// What it is, such as `tool_finished`.
    kind: String,
    /// How far its text may be trusted.
    taint: Json<Value>,
    /// What it says.
    entry: Json<Value>,
}

impl From<JournalEntry> for Entry {
    fn from(entry: JournalEntry) -> Self {
        Self {
            seq: entry.seq,
            attempt: entry.attempt,
            at: entry.at.to_string(),
            kind: entry.kind,
            taint: Json(serde_json::to_value(entry.taint).unwrap_or_default()),
            entry: Json(entry.entry),
        }
    }
}

/// Why a subscription of the socket ended, for the socket.
#[derive(Clone, Default)]
pub(super) struct Ended(std::sync::Arc<std::sync::OnceLock<End>>);

impl Ended {
    pub(super) fn why(&self) -> Option<End> {
        self.0.get().copied()
    }

    /// Notes it, and says it in the stream.
    fn error(&self, end: End) -> Error {
        // The first one is as good as any.
        let _ = self.0.set(end);
        let (code, message) = match end {
            End::Session => ("session_ended", "the session ended"),
            End::Membership => ("membership_ended", "the membership ended"),
            End::Slow => ("too_slow", "events were not read fast enough; resume with lastEventId"),
            End::Stopped => ("stopped", "the server stops"),
        };
        coded(code, message)
    }
}

fn event_of(published: &Published) -> Result<Event> {
    serde_json::from_str(published.json()).map_err(|_| coded("internal", "this server made a mistake"))
}

/// What can be watched.
pub(super) struct Subscription;

#[Subscription]
impl Subscription {
    /// The events of a project: all, or those of these types (`task.*`), from now on or behind an event.
    async fn project_events(
        &self,
        ctx: &Context<'_>,
        project_id: ID,
        types: Option<Vec<String>>,
        last_event_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<Event>> + use<>> {
        let asker = &graph(ctx)?.asker;
        let (ended, hub) = (ctx.data::<Ended>()?.clone(), ctx.data::<app::events::EventHub>()?);
        let globs = Globs::parse(types.unwrap_or_default())
            .map_err(|why| coded("invalid", format!("types: {why}")))?;
        let project = project_id.0.parse().map_err(|_| coded("not_found", "there is no such project"))?;
        let last = last_event_id.map(|id| id.0.parse()).transpose();
        let last = last.map_err(|_| coded("invalid", "lastEventId: it is the id of an event"))?;
        let watcher = hub.open(&asker.caller, &asker.origin, project).await.map_err(failure)?;
        let events = watcher.subscribe(last).await.map_err(failure)?;
        Ok(unfold(Some((watcher, events)), move |state| {
            let (globs, ended) = (globs.clone(), ended.clone());
            async move {
                let (watcher, mut events) = state?;
                loop {
                    match events.next().await {
                        Ok(event) if globs.fit(event.topic()) => {
                            return Some((event_of(&event), Some((watcher, events))));
                        }
                        Ok(_) => {}
                        Err(end) => return Some((Err(ended.error(end)), None)),
                    }
                }
            }
        }))
    }

    /// The entries of a run's journal behind `after`, as it grows; ends with the run.
    async fn run_entries(
        &self,
        ctx: &Context<'_>,
        run_id: ID,
        #[graphql(default = 0)] after: u64,
    ) -> Result<impl Stream<Item = Result<Entry>> + use<>> {
        let asker = &graph(ctx)?.asker;
        let (ended, hub) = (ctx.data::<Ended>()?.clone(), ctx.data::<app::events::EventHub>()?);
        let id = run_id.0.parse().map_err(|_| coded("not_found", "there is no such run"))?;
        let (platform, caller, origin) = asker.look();
        let run = runs::get(platform, caller, origin, id).await.map_err(failure)?;
        let project = run.project_id.ok_or_else(|| {
            coded("no_project", "this run belongs to the command line: read its journal with GET")
        })?;
        let watcher = hub.open(caller, origin, project).await.map_err(failure)?;
        // From before the first look on: whatever comes after it rings.
        let events = watcher.subscribe(None).await.map_err(failure)?;
        let asker = asker.clone();
        let tail = Tail { asker, run: id, after, ready: VecDeque::new(), events, _watcher: watcher };
        Ok(unfold(Some(tail), move |state| {
            let ended = ended.clone();
            async move {
                let mut tail = state?;
                match tail.next().await {
                    Ok(Some(entry)) => Some((Ok(entry.into()), Some(tail))),
                    Ok(None) => None,
                    Err(Cut::End(end)) => Some((Err(ended.error(end)), None)),
                    Err(Cut::Failed(error)) => Some((Err(error), None)),
                }
            }
        }))
    }
}

/// A journal that is followed.
struct Tail {
    asker: Asker,
    run: RunId,
    after: u64,
    ready: VecDeque<JournalEntry>,
    events: Events,
    _watcher: Watcher,
}

/// Why a journal is no longer followed.
enum Cut {
    End(End),
    Failed(Error),
}

impl Tail {
    /// The next entry; none once the run is finished and everything was read.
    async fn next(&mut self) -> Result<Option<JournalEntry>, Cut> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(Some(entry));
            }
            let failed = |error| Cut::Failed(failure(error));
            let (platform, caller, origin) = self.asker.look();
            // The state is read before the entries: those of a finished run are all there.
            let state = runs::get(platform, caller, origin, self.run).await.map_err(failed)?.status;
            let page = runs::journal(platform, caller, origin, self.run, self.after, Some(PAGE)).await;
            self.ready.extend(page.map_err(failed)?.items);
            if let Some(last) = self.ready.back() {
                self.after = last.seq;
                continue;
            }
            if state.is_finished() {
                return Ok(None);
            }
            let subject = self.run.to_string();
            loop {
                let event = self.events.next().await.map_err(Cut::End)?;
                if event.topic().starts_with("run.") && event.json().contains(&subject) {
                    break;
                }
            }
        }
    }
}
