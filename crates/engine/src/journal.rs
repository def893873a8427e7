//! A run's journal in the hands of its driver: entries are applied at once and become durable together, a result
//! with the intent that follows it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agents::{Conversation, Turn, View};
use app::claim::journal_entry;
use app::{Claim, Desk, Finished};
use domain::{ArtifactId, Ending, Entry, RunEvent, RunId, RunSettings, Timestamp, Usage};
use store::{MessageKind, NewArtifact, NewEntry, ObjectHash, PullRequestRecord, Spend};
use tools::OutputRef;

use crate::document::{Identity, RunDocument};
use crate::pull_request::PullRequest;
use crate::{Engine, EngineError, Observer, Progress, Stop, report};

/// Entries read from the store at a time.
const PAGE: u32 = 256;
/// The attempt of a run that has only one.
const ONLY_ATTEMPT: u32 = 1;

/// The journal, its view, and what is not durable yet.
pub(crate) struct Journal {
    desk: Desk,
    claim: Claim,
    view: View,
    conversation: Conversation,
    waiting: Vec<NewEntry>,
    spends: Vec<Spend>,
    unannounced: Vec<(Timestamp, Entry)>,
    last_at: Timestamp,
    outputs: Outputs,
}

/// Full output streams of earlier tool calls, by name.
#[derive(Clone)]
pub(crate) struct Outputs {
    desk: Desk,
    by_name: Arc<std::sync::Mutex<std::collections::HashMap<String, String>>>,
}

impl Journal {
    /// Reads a run's journal; `on_message` gets what the model has read and said so far.
    pub(crate) async fn open(
        desk: &Desk,
        claim: Claim,
        mut on_message: impl FnMut(Turn, Option<Vec<u8>>),
    ) -> Result<Self, EngineError> {
        let mut journal = Self {
            desk: desk.clone(),
            claim,
            view: View::of(std::iter::empty()),
            conversation: Conversation::default(),
            waiting: Vec::new(),
            spends: Vec::new(),
            unannounced: Vec::new(),
            last_at: desk.now(),
            outputs: Outputs { desk: desk.clone(), by_name: Arc::default() },
        };
        let run = claim.run;
        let mut from = 1;
        loop {
            let page = desk.store.read_blocking(desk.tenant, |tx| {
                let mut page = Vec::new();
                for row in tx.entries(run, from, PAGE)? {
                    let raw = if row.has_raw { tx.raw_bytes(run, row.seq)? } else { None };
                    page.push((row, raw));
                }
                Ok(page)
            })?;
            let Some((last, _)) = page.last() else { break };
            from = last.seq + 1;
            for (row, raw) in page {
                let entry: Entry = serde_json::from_slice(&row.body).map_err(|source| {
                    EngineError::Record { what: format!("entry {} of {run}", row.seq), source }
                })?;
                for turn in journal.conversation.messages(&journal.view, &entry) {
                    on_message(turn, raw.clone());
                }
                journal.outputs.note(&entry);
                journal.view.apply(row.at, &entry);
                journal.last_at = row.at;
            }
        }
        Ok(journal)
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
        let prepared = self.view.prepared.as_ref().ok_or(EngineError::Incomplete("its workspace"))?;
        Ok(prepared.base_tree.clone())
    }

    pub(crate) fn since_last(&self) -> Duration {
        self.desk.now().since(self.last_at)
    }

    /// What is left of the run's time limit.
    pub(crate) fn time_left(&self) -> Duration {
        self.view.limits.timeout.saturating_sub(self.view.active + self.since_last())
    }

    /// Applies an entry, and gives the messages that it adds to the conversation. Durable with the next commit.
    pub(crate) fn record(&mut self, entry: Entry, raw: Option<Vec<u8>>) -> Vec<(Turn, Option<Vec<u8>>)> {
        // A clock that jumped back must not make an entry older than the one before.
        let at = self.desk.now().max(self.last_at);
        let turns = self.conversation.messages(&self.view, &entry);
        let messages = turns.into_iter().map(|turn| (turn, raw.clone())).collect();
        self.spends.extend(spend_of(&entry));
        self.waiting.push(journal_entry(ONLY_ATTEMPT, at, &entry, raw));
        self.outputs.note(&entry);
        self.view.apply(at, &entry);
        self.last_at = at;
        self.unannounced.push((at, entry));
        messages
    }

    /// Tells a watcher of what was recorded since.
    pub(crate) fn announce(&mut self, observer: &dyn Observer) {
        for (at, entry) in std::mem::take(&mut self.unannounced) {
            observer.observe(Progress::Entry { at, entry: &entry, view: &self.view });
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
        let claim = self.claim;
        self.desk
            .store
            .write(self.desk.tenant, move |tx| {
                tx.append(claim.run, claim.fence, &entries)?;
                for spend in &spends {
                    tx.spend(claim.run, claim.fence, spend)?;
                }
                also(tx)
            })
            .await?;
        Ok(())
    }

    /// Takes messages of people: each becomes an entry in the commit that takes it, or a wish to stop.
    pub(crate) async fn hear(&mut self, stop: &Stop) -> Result<Vec<(Turn, Option<Vec<u8>>)>, EngineError> {
        let run = self.claim.run;
        let pending = self.desk.store.read_blocking(self.desk.tenant, |tx| {
            if tx.has_message(run)? { tx.pending_messages(run, PAGE) } else { Ok(Vec::new()) }
        })?;
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        let mut added = Vec::new();
        for message in &pending {
            let text = message.body.get("text").and_then(|t| t.as_str()).unwrap_or_default().to_owned();
            match message.kind {
                MessageKind::Steer => added.extend(self.record(Entry::Steered { text }, None)),
                MessageKind::Answer => added.extend(self.record(Entry::Answered { text }, None)),
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
        .await?;
        Ok(added)
    }

    /// Keeps full output streams as artifacts; gives their names and content addresses.
    pub(crate) async fn keep_outputs(
        &self,
        outputs: Vec<(String, Vec<u8>)>,
    ) -> Result<Vec<(String, String)>, EngineError> {
        let mut kept = Vec::new();
        for (name, bytes) in outputs {
            let hash = self.keep("output", name.clone(), bytes).await?;
            kept.push((name, hash));
        }
        Ok(kept)
    }

    /// Keeps bytes as an artifact of the run; gives their content address.
    pub(crate) async fn keep(&self, kind: &str, name: String, bytes: Vec<u8>) -> Result<String, EngineError> {
        let (store, tenant) = (self.desk.store.clone(), self.desk.tenant);
        let object = tokio::task::spawn_blocking(move || store.put_object(tenant, bytes.as_slice()))
            .await
            .map_err(|_| EngineError::Lost("storing an artifact"))??;
        let now = self.desk.now();
        let hash = object.hash().to_string();
        let artifact = NewArtifact {
            id: ArtifactId::new(now, (self.desk.random)()),
            run: self.claim.run,
            kind: kind.to_owned(),
            name,
            object,
            at: now,
        };
        self.desk.store.write(tenant, move |tx| tx.add_artifact(&artifact).map(drop)).await?;
        Ok(hash)
    }

    /// Makes everything durable together with the pull request.
    pub(crate) async fn commit_with_pull_request(
        &mut self,
        record: PullRequestRecord,
    ) -> Result<(), EngineError> {
        self.commit_with(move |tx| match tx.pull_request(record.id)? {
            Some(old) => tx.save_pull_request(&PullRequestRecord { created_at: old.created_at, ..record }),
            None => tx.insert_pull_request(&record),
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

impl Outputs {
    fn note(&self, entry: &Entry) {
        if let Entry::ToolFinished { outputs, .. } = entry
            && let Ok(mut by_name) = self.by_name.lock()
        {
            by_name.extend(outputs.iter().cloned());
        }
    }

    /// The bytes of an output stream, if the run has one of that name.
    pub(crate) fn read(&self, reference: &OutputRef) -> Option<Vec<u8>> {
        let stream = if reference.stream == sandbox::Stream::Stdout { "stdout" } else { "stderr" };
        let name = format!("{}.{stream}", reference.call_id);
        let hash: ObjectHash = self.by_name.lock().ok()?.get(&name)?.parse().ok()?;
        self.desk.store.read_object(self.desk.tenant, hash, 0, usize::MAX >> 1).ok()
    }
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
        _ => return None,
    };
    Some(Spend { cost, usage, reserved: domain::NanoUsd::ZERO })
}

/// Where the reports of runs lie.
pub(crate) fn reports_dir(engine: &Engine) -> PathBuf {
    engine.data_dir.join("reports")
}
