//! What an editor sees while a run goes on, and again when its session is loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use acp::server::{Editor, PlanEntry, Shown, ToolReport, Update};
use acp::{ToolKind, ToolStatus};
use agents::View;
use domain::{Block, Entry, Recorded, RunId, Seat, Timestamp};
use engine::{Observer, Progress};
use serde_json::Value;

use super::tool;
use crate::terminal::{Paint, lines, printable};

/// Tells an editor of a run.
pub struct Watcher {
    editor: Editor,
    session: String,
    run: RunId,
    repo: PathBuf,
    /// Whether what happened is told again, with what the person said.
    again: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The attempt whose words are told as they come; those of others wait until they are whole.
    speaker: Option<u32>,
    /// Who the attempts are, where there are several.
    names: BTreeMap<u32, String>,
    unsaid: Vec<String>,
    /// Tool calls that have begun.
    open: BTreeSet<String>,
    gates: String,
    plan: Vec<PlanEntry>,
}

impl Watcher {
    /// A watcher of one run, in one session.
    pub fn new(editor: Editor, session: &str, run: RunId, repo: PathBuf, again: bool) -> Self {
        Self { editor, session: session.to_owned(), run, repo, again, state: Mutex::default() }
    }

    /// Tells a whole journal.
    pub fn replay(&self, history: &[Recorded]) {
        let mut view = View::new();
        for Recorded { attempt, at, entry, .. } in history {
            view.apply(*at, *attempt, entry);
            self.observe(Progress::Entry { attempt: *attempt, at: *at, entry, view: &view });
        }
        self.finish();
    }

    /// The run stands still: what has begun and not ended was cut short.
    pub fn finish(&self) {
        let open = std::mem::take(&mut self.lock().open);
        for id in open {
            let content = vec![Shown::Text("cut short; it runs again when the run goes on".into())];
            let status = Some(ToolStatus::Failed);
            self.tell(Update::ToolUpdate(ToolReport { id, status, content, ..ToolReport::default() }));
        }
    }

    fn tell(&self, update: Update) {
        self.editor.update(&self.session, &update);
    }

    fn entry(&self, attempt: u32, at: Timestamp, entry: &Entry, view: &View) {
        match entry {
            Entry::Created { settings } if self.again => self.tell(Update::User(settings.task.clone())),
            Entry::Steered { text } | Entry::Answered { text, .. } if self.again => {
                self.tell(Update::User(text.clone()));
            }
            Entry::Created { .. } | Entry::Steered { .. } | Entry::Answered { .. } => {}
            Entry::ModelAnswered { blocks, .. } => self.answered(attempt, blocks, view),
            Entry::ModelIntended { .. } => {
                self.lock().names.insert(attempt, name(attempt, view));
            }
            Entry::AgentEnded { summary, error: None, .. } => self.whole(attempt, summary, view),
            Entry::ToolIntended { turn, index, .. } => self.tool_begins(attempt, *turn, *index, view),
            Entry::ToolFinished { turn, index, text, is_error, .. } => {
                self.tool_ends(attempt, (*turn, *index), text, *is_error, view);
            }
            Entry::AgentActed { turn, index, tool, text, is_error, .. } => {
                let id = self.call_id(attempt, *turn, *index);
                let report = tool::over(id, None, text, *is_error, &self.repo);
                let title = Some(printable(tool));
                self.tell(Update::ToolCall(ToolReport { title, kind: Some(ToolKind::Other), ..report }));
            }
            Entry::GatesIntended { round, .. } => {
                self.begin_own("gates", at, format!("Gates judge the change (round {round})"));
            }
            Entry::RepairIntended {} => self.begin_own("repair", at, "Offline engine".into()),
            Entry::GatesJudged { results, .. } => {
                let text: Vec<_> =
                    results.iter().map(|g| format!("{} {}: {}", g.name, g.verdict, g.summary)).collect();
                self.end_own(&text.join("\n"), results.iter().all(domain::GateResult::lets_through));
            }
            Entry::RepairEnded { report, .. } => self.end_own(report, true),
            _ => self.other(attempt, entry, view),
        }
        self.plan(view);
    }

    /// What is beside the work itself, in a line each.
    fn other(&self, attempt: u32, entry: &Entry, view: &View) {
        if matches!(entry, Entry::ModelFailed { .. }) {
            self.hush(attempt);
        }
        for line in lines(attempt, entry, view, Paint::of(false)) {
            self.tell(Update::Thought(format!("{}\n", line.trim())));
        }
    }

    fn answered(&self, attempt: u32, blocks: &[Block], view: &View) {
        for block in blocks {
            if let Block::Reasoning(json) = block
                && let Some(thought) = thought(json)
            {
                self.tell(Update::Thought(format!("{thought}\n\n")));
            }
        }
        if self.lock().speaker == Some(attempt) {
            self.tell(Update::Message("\n\n".into()));
            return self.hush(attempt);
        }
        let text: String = blocks
            .iter()
            .filter_map(|b| if let Block::Text(text) = b { Some(text.as_str()) } else { None })
            .collect();
        self.whole(attempt, &text, view);
    }

    /// Words that are whole.
    fn whole(&self, attempt: u32, text: &str, view: &View) {
        if text.trim().is_empty() {
            return;
        }
        let text = format!("{}{text}\n\n", name(attempt, view));
        let mut state = self.lock();
        if state.speaker.is_some() {
            return state.unsaid.push(text);
        }
        drop(state);
        self.tell(Update::Message(text));
    }

    /// The attempt has said what it said; those who waited are heard.
    fn hush(&self, attempt: u32) {
        let mut state = self.lock();
        if state.speaker != Some(attempt) {
            return;
        }
        state.speaker = None;
        let unsaid = std::mem::take(&mut state.unsaid);
        drop(state);
        unsaid.into_iter().for_each(|text| self.tell(Update::Message(text)));
    }

    /// A piece of an answer as it comes.
    fn piece(&self, attempt: u32, text: &str) {
        let mut state = self.lock();
        let name = match state.speaker {
            None => state.names.get(&attempt).cloned().unwrap_or_default(),
            Some(speaker) if speaker == attempt => String::new(),
            Some(_) => return,
        };
        state.speaker = Some(attempt);
        drop(state);
        self.tell(Update::Message(format!("{name}{text}")));
    }

    fn tool_begins(&self, attempt: u32, turn: u32, index: u32, view: &View) {
        let Some(call) = view.attempt(attempt).and_then(|a| a.calls.get(index as usize)) else { return };
        let id = self.call_id(attempt, turn, index);
        if self.lock().open.insert(id.clone()) {
            self.tell(Update::ToolCall(tool::begun(id, call, &self.repo)));
        }
    }

    fn tool_ends(&self, attempt: u32, (turn, index): (u32, u32), text: &str, is_error: bool, view: &View) {
        // What was refused never began.
        self.tool_begins(attempt, turn, index, view);
        let id = self.call_id(attempt, turn, index);
        let call = view.attempt(attempt).and_then(|a| a.calls.get(index as usize));
        if self.lock().open.remove(&id) {
            self.tell(Update::ToolUpdate(tool::over(id, call, text, is_error, &self.repo)));
        }
    }

    /// Work that no model asked for.
    fn begin_own(&self, what: &str, at: Timestamp, title: String) {
        let id = format!("{}-{what}-{}", self.run, at.as_micros());
        let mut state = self.lock();
        state.gates.clone_from(&id);
        state.open.insert(id.clone());
        drop(state);
        let (kind, status) = (Some(ToolKind::Execute), Some(ToolStatus::InProgress));
        self.tell(Update::ToolCall(ToolReport {
            id,
            title: Some(title),
            kind,
            status,
            ..ToolReport::default()
        }));
    }

    fn end_own(&self, text: &str, is_good: bool) {
        let mut state = self.lock();
        let id = std::mem::take(&mut state.gates);
        if !state.open.remove(&id) {
            return;
        }
        drop(state);
        self.tell(Update::ToolUpdate(tool::over(id, None, text, !is_good, &self.repo)));
    }

    fn plan(&self, view: &View) {
        let now = entries(view);
        let mut state = self.lock();
        if state.plan == now {
            return;
        }
        state.plan.clone_from(&now);
        drop(state);
        self.tell(Update::Plan(now));
    }

    fn call_id(&self, attempt: u32, turn: u32, index: u32) -> String {
        format!("{}-{attempt}-{turn}-{index}", self.run)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What is told twice or not at all after a panic is no harm.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Watcher {
    fn observe(&self, progress: Progress<'_>) {
        match progress {
            Progress::Entry { attempt, at, entry, view } => self.entry(attempt, at, entry, view),
            Progress::ModelText { attempt, text } => self.piece(attempt, text),
            Progress::Waiting { seconds, reason, .. } => {
                self.tell(Update::Thought(format!("waiting {seconds} s: {}\n", printable(reason))));
            }
            // A command's output comes whole with its result; notes are for a live line.
            Progress::Output { .. } | Progress::Note(_) => {}
        }
    }
}

/// Who speaks, where several do.
fn name(attempt: u32, view: &View) -> String {
    let team = view.settings.as_ref().is_some_and(|s| !s.team.is_empty() || s.best_of > 1);
    match view.attempt(attempt).filter(|_| team) {
        Some(a) if a.seat == Seat::Builder => {
            format!("**{} ({})**: ", printable(&a.role), printable(&a.step))
        }
        Some(a) => format!("**{}**: ", printable(&a.role)),
        None => String::new(),
    }
}

/// The team's plan with where its steps are; without a planner, the builder's own list.
fn entries(view: &View) -> Vec<PlanEntry> {
    if let (true, Some(plan)) = (view.has_seat(Seat::Planner), &view.plan) {
        let status = |id: &str| {
            if view.results.contains_key(id) {
                ToolStatus::Completed
            } else if view.attempt_at(id).is_some() {
                ToolStatus::InProgress
            } else {
                ToolStatus::Pending
            }
        };
        return plan
            .steps
            .iter()
            .map(|s| PlanEntry { content: printable(&s.title), status: status(&s.id) })
            .collect();
    }
    let list = view.attempts.iter().rev().find(|a| !a.list.is_empty()).map_or(&[][..], |a| a.list.as_slice());
    let status = |word: &str| match word {
        "completed" => ToolStatus::Completed,
        "in_progress" => ToolStatus::InProgress,
        _ => ToolStatus::Pending,
    };
    list.iter().map(|i| PlanEntry { content: printable(&i.title), status: status(&i.status) }).collect()
}

/// The words in a provider's own reasoning, where it shows any.
fn thought(json: &str) -> Option<String> {
    let value: Value = serde_json::from_str(json).ok()?;
    let plain =
        ["thinking", "reasoning_content", "reasoning", "text"].iter().find_map(|key| value[*key].as_str());
    let parts = || {
        let parts = value["summary"].as_array()?.iter().filter_map(|p| p["text"].as_str());
        Some(parts.collect::<Vec<_>>().join("\n\n"))
    };
    plain.map(str::to_owned).or_else(parts).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_told_where_a_provider_shows_it() {
        for (json, want) in [
            (r#"{"type":"thinking","thinking":"Hm.","signature":"x"}"#, Some("Hm.")),
            (
                r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"A"},{"text":"B"}]}"#,
                Some("A\n\nB"),
            ),
            (r#"{"type":"redacted_thinking","data":"x"}"#, None),
            ("not json", None),
        ] {
            assert_eq!(thought(json).as_deref(), want, "{json}");
        }
    }
}
