//! A run's journal in the hands of its driver, as the engine keeps it: entries are applied at once and become durable
//! together, a result with the intent that follows it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agents::{Conversation, Said, StopRequest, View};
use anyhow::{Context, Result};
use app::claim::journal_entry;
use app::{Claim, Desk, Finished};
use domain::{Ending, Entry, NanoUsd, Recorded, RunEvent, RunState, Timestamp};
use serde_json::json;
use store::{MessageKind, NewEntry, Spend, TenantTx};

use super::watch::Stop;

/// Entries read from the store at a time.
const PAGE: u32 = 256;
/// The branch of what belongs to the run as a whole.
pub(super) const RUN: u32 = 0;

/// Commits that runs asked for since the process began, their creation and end included.
static COMMITS: AtomicU64 = AtomicU64::new(0);

/// Commits that runs asked for since the process began.
pub(super) fn commits() -> u64 {
    COMMITS.load(Ordering::Relaxed)
}

/// So many commits more.
pub(super) fn count_commits(more: usize) {
    COMMITS.fetch_add(more as u64, Ordering::Relaxed);
}

/// A message of a conversation, and the provider's own bytes of it.
pub(super) type Heard = (Said, Option<Vec<u8>>);

/// The journal, its view, and what is not durable yet.
pub(super) struct Journal {
    desk: Desk,
    claim: Claim,
    view: View,
    conversations: BTreeMap<u32, Conversation>,
    waiting: Vec<NewEntry>,
    spends: Vec<Spend>,
    last_at: Timestamp,
}

impl Journal {
    /// Reads a run's journal.
    pub(super) fn open(desk: &Desk, claim: Claim) -> Result<Self> {
        let mut journal = Self {
            desk: desk.clone(),
            claim,
            view: View::new(),
            conversations: BTreeMap::new(),
            waiting: Vec::new(),
            spends: Vec::new(),
            last_at: desk.now(),
        };
        for recorded in read(desk, claim)? {
            journal.take_in(recorded.at, recorded.attempt, &recorded.entry);
        }
        Ok(journal)
    }

    /// What the model of an attempt has read and said so far. Everything recorded has to be durable.
    pub(super) fn conversation(&self, attempt: u32) -> Result<Vec<Heard>> {
        let (mut view, mut conversation, mut all) = (View::new(), Conversation::default(), Vec::new());
        for recorded in read(&self.desk, self.claim)? {
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
            }
            view.apply(recorded.at, recorded.attempt, &recorded.entry);
        }
        Ok(all)
    }

    pub(super) fn claim(&self) -> Claim {
        self.claim
    }

    pub(super) fn view(&self) -> &View {
        &self.view
    }

    pub(super) fn since_last(&self) -> Duration {
        self.desk.now().since(self.last_at)
    }

    /// What is left of the run's time limit.
    pub(super) fn time_left(&self) -> Duration {
        self.view.limits.timeout.saturating_sub(self.view.active + self.since_last())
    }

    /// The messages that an entry of an attempt adds to its conversation, before it is recorded.
    pub(super) fn messages(&self, attempt: u32, entry: &Entry) -> Vec<Said> {
        let Some(before) = self.view.attempt(attempt) else { return Vec::new() };
        self.conversations.get(&attempt).cloned().unwrap_or_default().messages(before, entry)
    }

    /// Applies an entry of a branch. Durable with the next commit.
    pub(super) fn record(&mut self, branch: u32, entry: &Entry, raw: Option<Vec<u8>>) {
        let at = self.desk.now().max(self.last_at);
        self.spends.extend(spend_of(entry));
        self.waiting.push(journal_entry(branch, at, entry, raw));
        self.take_in(at, branch, entry);
    }

    fn take_in(&mut self, at: Timestamp, branch: u32, entry: &Entry) {
        if let Some(before) = self.view.attempt(branch) {
            let _ = self.conversations.entry(branch).or_default().messages(before, entry);
        }
        self.view.apply(at, branch, entry);
        self.last_at = at;
    }

    /// Makes everything recorded durable, in one commit.
    pub(super) async fn commit(&mut self) -> Result<()> {
        self.commit_with(|_| Ok(())).await
    }

    async fn commit_with(
        &mut self,
        also: impl FnOnce(&mut TenantTx<'_>) -> Result<(), store::StoreError> + Send + 'static,
    ) -> Result<()> {
        let (entries, spends) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.spends));
        let claim = self.claim;
        count_commits(1);
        let written = self.desk.store.write(self.desk.tenant, move |tx| {
            tx.append(claim.run, claim.fence, &entries)?;
            for spend in &spends {
                tx.spend(claim.run, claim.fence, spend)?;
            }
            also(tx)
        });
        Ok(written.await?)
    }

    /// Takes messages of people: each becomes an entry in the commit that takes it, or a wish to stop.
    pub(super) async fn hear(&mut self, stop: &Stop) -> Result<()> {
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
                MessageKind::Steer => self.record(RUN, &Entry::Steered { text }, None),
                MessageKind::Answer => self.record(RUN, &Entry::Answered { text, plan: None }, None),
                MessageKind::Pause => stop.request(StopRequest::Pause),
                MessageKind::Cancel => stop.request(StopRequest::Cancel),
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

    /// Saves the end of the run and gives the lease back; what is left is what a process may keep of it.
    pub(super) async fn end(mut self, ending: Ending) -> Result<View> {
        self.record(RUN, &Entry::Ended { ending: ending.clone() }, None);
        let document =
            json!({ "run_id": self.claim.run, "status": ending.state.to_string(), "turns": self.view.turns });
        let finished = Finished {
            event: event_of(ending.state),
            ending,
            document,
            branch: None,
            pull_request: None,
            entries: std::mem::take(&mut self.waiting),
        };
        let (desk, claim) = (self.desk.clone(), self.claim);
        count_commits(1 + self.spends.len());
        for spend in std::mem::take(&mut self.spends) {
            desk.store.write(desk.tenant, move |tx| tx.spend(claim.run, claim.fence, &spend)).await?;
        }
        let saved = tokio::task::spawn_blocking(move || app::finish_run(&desk, claim, finished));
        saved.await.context("the thread that saves the end of a run")??;
        Ok(self.view)
    }
}

fn read(desk: &Desk, claim: Claim) -> Result<Vec<Recorded>> {
    let mut all = Vec::new();
    let mut from = 1;
    loop {
        let run = claim.run;
        let page = desk.store.read_blocking(desk.tenant, move |tx| tx.entries(run, from, PAGE))?;
        let Some(last) = page.last() else { break };
        from = last.seq + 1;
        for row in &page {
            let entry = serde_json::from_slice(&row.body)
                .with_context(|| format!("read entry {} of {run}", row.seq))?;
            all.push(Recorded { seq: row.seq, attempt: row.branch, at: row.at, entry });
        }
    }
    Ok(agents::view::effective(all))
}

fn spend_of(entry: &Entry) -> Option<Spend> {
    let Entry::ModelAnswered { usage, wasted, cost, .. } = entry else { return None };
    let mut all = *usage;
    all += *wasted;
    Some(Spend { cost: *cost, usage: all, reserved: NanoUsd::ZERO })
}

fn event_of(state: RunState) -> RunEvent {
    match state {
        RunState::NoChange => RunEvent::ChangedNothing,
        RunState::NeedsInput => RunEvent::AskedForInput,
        RunState::Canceled => RunEvent::CancelRequested,
        RunState::LimitReached => RunEvent::HitLimit,
        _ => RunEvent::Failed,
    }
}
