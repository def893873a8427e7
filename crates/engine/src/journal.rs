//! A run's journal in the hands of its driver: entries are applied at once and become durable together, a result
//! with the intent that follows it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agents::{Conversation, Said, View};
use app::claim::journal_entry;
use app::work::Place;
use app::{Claim, Desk, Finished};
use domain::{Ending, Entry, Origin, Plan, Recorded, RunEvent, RunId, RunSettings, Timestamp, Usage};
use serde::Deserialize as _;
use store::{
    CodeArtifactRecord, MessageKind, NewEntry, ObjectHash, PullRequestRecord, PullRequestState, Spend,
};
use tools::OutputRef;

use crate::document::{Identity, RunDocument};
use crate::pull_request::PullRequest;
use crate::{Engine, EngineError, Observer, Progress, Stop, report};

/// Entries read from the store at a time.
const PAGE: u32 = 256;
/// The branch of what belongs to the run as a whole.
pub(crate) const RUN: u32 = 0;

/// The journal, its view, and what is not durable yet.
pub(crate) struct Journal {
    desk: Desk,
    claim: Claim,
    /// Task and project of a run that was asked for over the API: those who watch the project are told of each commit.
    place: Option<Place>,
    view: View,
    conversations: BTreeMap<u32, Conversation>,
    waiting: Vec<NewEntry>,
    spends: Vec<Spend>,
    unannounced: Vec<(u32, Timestamp, Entry)>,
    last_at: Timestamp,
    outputs: Outputs,
}

/// A message of a conversation, and the provider's own bytes of it.
pub(crate) type Heard = (Said, Option<Vec<u8>>);

/// Full output streams of earlier tool calls, by name.
#[derive(Clone)]
pub(crate) struct Outputs {
    desk: Desk,
    by_name: Arc<std::sync::Mutex<std::collections::HashMap<String, String>>>,
}

impl Journal {
    /// Reads a run's journal.
    pub(crate) async fn open(desk: &Desk, claim: Claim) -> Result<Self, EngineError> {
        let place = desk.store.read_blocking(desk.tenant, |tx| app::work::place_of(tx, claim.run))?;
        let mut journal = Self {
            desk: desk.clone(),
            claim,
            place,
            view: View::new(),
            conversations: BTreeMap::new(),
            waiting: Vec::new(),
            spends: Vec::new(),
            unannounced: Vec::new(),
            last_at: desk.now(),
            outputs: Outputs { desk: desk.clone(), by_name: Arc::default() },
        };
        for recorded in read(desk, claim.run)? {
            journal.take_in(recorded.at, recorded.attempt, &recorded.entry);
        }
        Ok(journal)
    }

    /// What the model of an attempt has read and said so far, with the provider's own bytes of its answers. Everything
    /// recorded has to be durable.
    pub(crate) fn conversation(&self, attempt: u32) -> Result<Vec<Heard>, EngineError> {
        let (mut view, mut conversation, mut all) = (View::new(), Conversation::default(), Vec::new());
        for recorded in read(&self.desk, self.claim.run)? {
            if recorded.attempt == attempt
                && let Some(before) = view.attempt(attempt)
            {
                let raw = match &recorded.entry {
                    Entry::ModelAnswered { .. } => {
                        let (run, seq) = (self.claim.run, recorded.seq);
                        self.desk.store.read_blocking(self.desk.tenant, move |tx| tx.raw_bytes(run, seq))?
                    }
                    _ => None,
                };
                let said = conversation.messages(before, &recorded.entry);
                all.extend(said.into_iter().map(|said| (said, raw.clone())));
                if let Entry::Compacted { folded, opening, .. } = &recorded.entry {
                    all = compacted(*folded, opening, all);
                }
            }
            view.apply(recorded.at, recorded.attempt, &recorded.entry);
        }
        Ok(all)
    }

    pub(crate) fn run(&self) -> RunId {
        self.claim.run
    }

    pub(crate) fn claim(&self) -> Claim {
        self.claim
    }

    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    pub(crate) fn outputs(&self) -> Outputs {
        self.outputs.clone()
    }

    pub(crate) fn settings(&self) -> Result<&RunSettings, EngineError> {
        self.view.settings.as_ref().ok_or(EngineError::Incomplete("its first entry"))
    }

    pub(crate) fn base_tree(&self) -> Result<String, EngineError> {
        let tree = self.view.base_tree.clone();
        if tree.is_empty() { Err(EngineError::Incomplete("its workspace")) } else { Ok(tree) }
    }

    pub(crate) fn since_last(&self) -> Duration {
        self.desk.now().since(self.last_at)
    }

    /// What is left of the run's time limit.
    pub(crate) fn time_left(&self) -> Duration {
        self.view.limits.timeout.saturating_sub(self.view.active + self.since_last())
    }

    /// The messages that an entry of an attempt adds to its conversation, before it is recorded.
    pub(crate) fn messages(&self, attempt: u32, entry: &Entry) -> Vec<Said> {
        let Some(before) = self.view.attempt(attempt) else { return Vec::new() };
        self.conversations.get(&attempt).cloned().unwrap_or_default().messages(before, entry)
    }

    /// Applies an entry of a branch. Durable with the next commit.
    pub(crate) fn record(&mut self, branch: u32, entry: Entry, raw: Option<Vec<u8>>) {
        // A clock that jumped back must not make an entry older than the one before.
        let at = self.desk.now().max(self.last_at);
        self.spends.extend(spend_of(&entry));
        self.waiting.push(journal_entry(branch, at, &entry, raw));
        self.take_in(at, branch, &entry);
        self.unannounced.push((branch, at, entry));
    }

    fn take_in(&mut self, at: Timestamp, branch: u32, entry: &Entry) {
        if let Some(before) = self.view.attempt(branch) {
            // Whoever needs the words themselves asks for them; here it only matters which were announced.
            let _ = self.conversations.entry(branch).or_default().messages(before, entry);
        }
        self.outputs.note(branch, entry);
        self.view.apply(at, branch, entry);
        self.last_at = at;
    }

    /// Tells a watcher of what was recorded since.
    pub(crate) fn announce(&mut self, observer: &dyn Observer) {
        for (branch, at, entry) in std::mem::take(&mut self.unannounced) {
            observer.observe(Progress::Entry { attempt: branch, at, entry: &entry, view: &self.view });
        }
    }

    /// Makes everything recorded durable, in one commit.
    pub(crate) async fn commit(&mut self) -> Result<(), EngineError> {
        self.commit_with(|_| Ok(())).await
    }

    async fn commit_with(
        &mut self,
        also: impl FnOnce(&mut store::TenantTx<'_>) -> Result<(), store::StoreError> + Send + 'static,
    ) -> Result<(), EngineError> {
        let (entries, spends) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.spends));
        let (claim, desk) = (self.claim, self.desk.clone());
        let (place, turns, cost) = (self.place, self.view.turns, self.view.cost);
        self.desk
            .store
            .write(self.desk.tenant, move |tx| {
                let appended = tx.append(claim.run, claim.fence, &entries)?;
                if let (Some(place), Some(last)) = (place, appended.last()) {
                    tx.append_event(&app::work::progressed(&desk, claim.run, place, *last, turns, cost))?;
                }
                for spend in &spends {
                    tx.spend(claim.run, claim.fence, spend)?;
                }
                also(tx)
            })
            .await?;
        Ok(())
    }

    /// Takes messages of people: each becomes an entry in the commit that takes it, or a wish to stop.
    pub(crate) async fn hear(&mut self, stop: &Stop) -> Result<(), EngineError> {
        let run = self.claim.run;
        let pending = self.desk.store.read_blocking(self.desk.tenant, |tx| {
            if tx.has_message(run)? { tx.pending_messages(run, PAGE) } else { Ok(Vec::new()) }
        })?;
        if pending.is_empty() {
            return Ok(());
        }
        for message in &pending {
            let text = message.body.get("text").and_then(|t| t.as_str()).unwrap_or_default().to_owned();
            match message.kind {
                MessageKind::Steer => self.record(RUN, Entry::Steered { text }, None),
                MessageKind::Answer => {
                    let plan = message.body.get("plan").and_then(|plan| Plan::deserialize(plan).ok());
                    self.record(RUN, Entry::Answered { text, plan: plan.map(Box::new) }, None);
                }
                MessageKind::Pause => stop.request(agents::StopRequest::Pause),
                MessageKind::Cancel => stop.request(agents::StopRequest::Cancel),
            }
        }
        let (claim, now) = (self.claim, self.desk.now());
        self.commit_with(move |tx| {
            for message in &pending {
                tx.take_message(claim.run, claim.fence, message.seq, now)?;
            }
            Ok(())
        })
        .await
    }

    /// Keeps bytes as an artifact of the run; gives their content address.
    pub(crate) async fn keep(&self, kind: &str, name: String, bytes: Vec<u8>) -> Result<String, EngineError> {
        crate::shared::keep(&self.desk, self.claim.run, kind, name, bytes).await
    }

    /// Task and project of a run that was asked for over the API.
    pub(crate) fn place(&self) -> Option<Place> {
        self.place
    }

    /// Makes everything durable together with the pull request and the files that it changes.
    pub(crate) async fn commit_with_pull_request(
        &mut self,
        record: PullRequestRecord,
        files: Vec<CodeArtifactRecord>,
    ) -> Result<(), EngineError> {
        let (desk, place) = (self.desk.clone(), self.place);
        let origin = self.view.settings.as_ref().and_then(|settings| settings.origin.as_ref());
        let before = match origin {
            Some(Origin::Continues { run, .. }) if record.state == PullRequestState::Open => Some(*run),
            _ => None,
        };
        self.commit_with(move |tx| {
            if let Some(before) = before {
                app::pull_requests::supersede(tx, &desk, before, record.id)?;
            }
            let verb = match tx.pull_request(record.id)? {
                Some(old) => {
                    let again = PullRequestRecord { created_at: old.created_at, ..record.clone() };
                    tx.save_pull_request(&again)?;
                    "updated"
                }
                None => {
                    tx.insert_pull_request(&record)?;
                    "opened"
                }
            };
            for file in &files {
                tx.put_code_artifact(file)?;
            }
            match place {
                Some(_) => tx.append_event(&app::pull_requests::event(tx, &desk, &record, verb)?),
                None => Ok(()),
            }
        })
        .await
    }

    /// The pull request of the run, if it has one.
    pub(crate) fn pull_request(&self) -> Result<Option<PullRequest>, EngineError> {
        read_pull_request(&self.desk, self.claim.run)
    }

    /// Saves the end of the run with its document and report, and gives the lease back.
    pub(crate) async fn end(
        mut self,
        engine: &Engine,
        ending: &Ending,
        event: RunEvent,
    ) -> Result<RunDocument, EngineError> {
        let identity = Identity { run: self.claim.run, task: self.claim.task };
        let mut document = RunDocument::of(&identity, &self.view, ending.state);
        let pull_request = self.pull_request()?;
        document.pull_request = pull_request.as_ref().map(|p| report::line(engine, p));
        document.report_html = self.write_html(engine, &document).await;
        document.report = Some(report::write(engine, &self.view, &document, pull_request.as_ref())?);
        let finished = Finished {
            ending: ending.clone(),
            event,
            document: serde_json::to_value(&document)
                .map_err(|source| EngineError::Record { what: "the run's document".into(), source })?,
            branch: document.branch.clone(),
            pull_request: document.pull_request.as_ref().map(|p| p.id),
            entries: std::mem::take(&mut self.waiting),
        };
        let (desk, claim, spends) = (self.desk.clone(), self.claim, std::mem::take(&mut self.spends));
        for spend in spends {
            desk.store.write(desk.tenant, move |tx| tx.spend(claim.run, claim.fence, &spend)).await?;
        }
        tokio::task::spawn_blocking(move || app::finish_run(&desk, claim, finished))
            .await
            .map_err(|_| EngineError::Lost("saving the end of the run"))??;
        Ok(document)
    }
}

impl Journal {
    /// Writes the report with the evidence, entries included that are not durable yet; gives its path. A run ends
    /// without it rather than not at all.
    async fn write_html(&self, engine: &Engine, document: &RunDocument) -> Option<PathBuf> {
        let (engine, document, waiting) = (engine.clone(), document.clone(), self.waiting.clone());
        let written = crate::desk::blocking(move || {
            let run = document.run_id;
            let mut entries = rows(&engine.desk, run)?
                .iter()
                .map(|row| recorded(run, row))
                .collect::<Result<Vec<_>, _>>()?;
            for new in &waiting {
                let seq = entries.last().map_or(1, |r| r.seq + 1);
                let entry = serde_json::from_slice(&new.body).map_err(|source| EngineError::Record {
                    what: format!("entry {seq} of {run}"),
                    source,
                })?;
                entries.push(Recorded { seq, attempt: new.branch, at: new.at, entry });
            }
            crate::evidence_of_run::write_report(&engine, &document, &entries)
        });
        match written.await {
            Ok(path) => path,
            Err(error) => {
                tracing::warn!(error = %crate::sentence(&error), "the report of {} can't be written", self.claim.run);
                None
            }
        }
    }
}

impl Outputs {
    fn note(&self, attempt: u32, entry: &Entry) {
        if let Entry::ToolFinished { outputs, .. } = entry
            && let Ok(mut by_name) = self.by_name.lock()
        {
            by_name.extend(outputs.iter().map(|(name, hash)| (format!("{attempt}/{name}"), hash.clone())));
        }
    }

    /// The bytes of an output stream, if the attempt has one of that name.
    pub(crate) fn read(&self, attempt: u32, reference: &OutputRef) -> Option<Vec<u8>> {
        let stream = if reference.stream == sandbox::Stream::Stdout { "stdout" } else { "stderr" };
        let name = format!("{attempt}/{}.{stream}", reference.call_id);
        let hash: ObjectHash = self.by_name.lock().ok()?.get(&name)?.parse().ok()?;
        self.desk.store.read_object(self.desk.tenant, hash, 0, usize::MAX >> 1).ok()
    }
}

/// The entries of a run that count, in order.
pub(crate) fn read(desk: &Desk, run: RunId) -> Result<Vec<Recorded>, EngineError> {
    let all = rows(desk, run)?.iter().map(|row| recorded(run, row)).collect::<Result<_, _>>()?;
    Ok(agents::view::effective(all))
}

/// All entries of a run as they are stored, in order.
pub(crate) fn rows(desk: &Desk, run: RunId) -> Result<Vec<store::Entry>, EngineError> {
    let mut all = Vec::new();
    let mut from = 1;
    loop {
        let page = desk.store.read_blocking(desk.tenant, move |tx| tx.entries(run, from, PAGE))?;
        let Some(last) = page.last() else { break };
        from = last.seq + 1;
        all.extend(page);
    }
    Ok(all)
}

/// A stored entry, read.
pub(crate) fn recorded(run: RunId, row: &store::Entry) -> Result<Recorded, EngineError> {
    let entry = serde_json::from_slice(&row.body)
        .map_err(|source| EngineError::Record { what: format!("entry {} of {run}", row.seq), source })?;
    Ok(Recorded { seq: row.seq, attempt: row.branch, at: row.at, entry })
}

/// A conversation after a compaction: its new first message, and what belongs to the turns that were not folded.
pub(crate) fn compacted(folded: u32, opening: &str, all: Vec<Heard>) -> Vec<Heard> {
    let first = Said { turn: folded, message: agents::Turn::User(opening.to_owned()) };
    let kept = all.into_iter().filter(|(said, _)| said.turn > folded);
    std::iter::once((first, None)).chain(kept).collect()
}

/// The pull request of a run, as the store keeps it.
pub(crate) fn read_pull_request(desk: &Desk, run: RunId) -> Result<Option<PullRequest>, EngineError> {
    let record = desk.store.read_blocking(desk.tenant, move |tx| tx.pull_request_of_run(run))?;
    record.map(|r| pull_request_of(&r)).transpose()
}

/// A stored pull request; its state and times are those of the row.
pub fn pull_request_of(record: &PullRequestRecord) -> Result<PullRequest, EngineError> {
    let mut pull_request: PullRequest = serde_json::from_value(record.doc.clone())
        .map_err(|source| EngineError::Record { what: record.id.to_string(), source })?;
    pull_request.state = record.state.as_str().to_owned();
    pull_request.created_at = record.created_at;
    pull_request.updated_at = record.updated_at;
    Ok(pull_request)
}

fn spend_of(entry: &Entry) -> Option<Spend> {
    let (cost, usage) = match entry {
        Entry::ModelAnswered { usage, wasted, cost, .. } => {
            let mut all = *usage;
            all += *wasted;
            (*cost, all)
        }
        Entry::ModelFailed { wasted, cost, .. } if *wasted != Usage::default() => (*cost, *wasted),
        Entry::AgentEnded { usage, cost, .. } | Entry::Compacted { usage, cost, .. } => (*cost, *usage),
        _ => return None,
    };
    Some(Spend { cost, usage, reserved: domain::NanoUsd::ZERO })
}

/// Where the reports of runs lie.
pub(crate) fn reports_dir(engine: &Engine) -> PathBuf {
    engine.data_dir.join("reports")
}
