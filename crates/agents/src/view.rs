//! A run as its journal tells it: a fold over the entries, and nothing else.

use std::time::Duration;

use domain::{
    Block, Closing, Ending, Entry, GateResult, NanoUsd, PlanItem, PullRequestId, RunError, RunLimits,
    RunSettings, Timestamp, ToolMeaning, Usage,
};

use crate::stuck::Circles;

/// A tool call of the current turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallState {
    /// The provider's id.
    pub id: String,
    /// The tool's name as the model wrote it.
    pub name: String,
    /// The arguments as the model wrote them.
    pub arguments: String,
    /// Whether its intent is in the journal.
    pub intended: bool,
    /// What came back, and whether that is an error.
    pub result: Option<(String, bool)>,
}

/// What gates said of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// From 1.
    pub round: u32,
    /// The tree (hex).
    pub tree: String,
    /// All gates.
    pub results: Vec<GateResult>,
    /// Changed files that need a person's approval.
    pub protected: Vec<String>,
}

/// What the workspace was prepared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Tree of the base (hex).
    pub base_tree: String,
    /// Level of the sandbox.
    pub sandbox: String,
    /// Dependencies and set-up, in words.
    pub layers: Vec<String>,
    /// The system prompt.
    pub system: String,
    /// The first user message.
    pub opening: String,
}

/// A delivery that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryState {
    /// The tree.
    pub tree: String,
    /// The branch.
    pub branch: String,
    /// The commit's time.
    pub at: Timestamp,
    /// The commit that the branch had before.
    pub expected_old: Option<String>,
    /// Where the run ends after it.
    pub ending: Ending,
    /// Its pull request.
    pub pull_request: PullRequestId,
    /// The commit, once delivered.
    pub head_commit: Option<String>,
}

/// The run so far.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What was asked; `None` before the first entry.
    pub settings: Option<RunSettings>,
    /// The bounds in force.
    pub limits: RunLimits,
    /// The model in force.
    pub model: String,
    /// Whether approvals are given beforehand.
    pub yes: bool,
    /// The workspace, once it stands.
    pub prepared: Option<Prepared>,
    /// The workspace's tree now (hex); the base's until something changes.
    pub tree: String,
    /// Answered model calls.
    pub turns: u32,
    /// Whether a model call was begun and has no answer.
    pub model_open: bool,
    /// Calls of the last answered turn.
    pub calls: Vec<CallState>,
    /// Words that the model reads before its next turn, in order.
    pub pending: Vec<String>,
    /// What all calls used.
    pub usage: Usage,
    /// What they cost; `None` once a price was unknown.
    pub cost: Option<NanoUsd>,
    /// The builder's own list.
    pub plan: Vec<PlanItem>,
    /// What `finish` said, until gates send the work back.
    pub finish: Option<Closing>,
    /// The last `finish`, kept for the pull request.
    pub closing: Closing,
    /// The open question.
    pub question: Option<String>,
    /// The last answer to an approval question.
    pub approved: Option<bool>,
    /// What the gates last said.
    pub judged: Option<Judged>,
    /// Whether gates have begun and not ended.
    pub gates_open: Option<u32>,
    /// Whether the offline engine has begun.
    pub repair_open: bool,
    /// What the offline engine found: its report and error.
    pub repaired: Option<(String, Option<RunError>)>,
    /// The last delivery.
    pub delivery: Option<DeliveryState>,
    /// Where the run stands still, until it is resumed.
    pub ended: Option<Ending>,
    /// A model's failure, until it is resumed.
    pub failure: Option<RunError>,
    /// Time that processes spent on it up to the last entry.
    pub active: Duration,
    /// Repetition.
    pub circles: Circles,
    last_at: Option<Timestamp>,
}

impl View {
    /// The view of a whole journal.
    #[must_use]
    pub fn of<'a>(entries: impl IntoIterator<Item = (Timestamp, &'a Entry)>) -> Self {
        let mut view = Self { cost: Some(NanoUsd::ZERO), ..Self::default() };
        for (at, entry) in entries {
            view.apply(at, entry);
        }
        view
    }

    /// Whether the workspace differs from the base.
    #[must_use]
    pub fn has_change(&self) -> bool {
        self.prepared.as_ref().is_some_and(|p| p.base_tree != self.tree)
    }

    /// The call whose intent is in the journal and whose result is not.
    #[must_use]
    pub fn interrupted_call(&self) -> Option<usize> {
        self.calls.iter().position(|c| c.intended && c.result.is_none())
    }

    /// Takes in one entry.
    pub fn apply(&mut self, at: Timestamp, entry: &Entry) {
        let idle = matches!(entry, Entry::Created { .. } | Entry::Resumed { .. });
        if let (Some(last), false) = (self.last_at, idle) {
            self.active += at.since(last);
        }
        self.last_at = Some(at);
        match entry {
            Entry::Created { settings } => {
                self.limits = settings.limits;
                self.model.clone_from(&settings.model);
                self.yes = settings.yes;
                self.tree = String::new();
                self.settings = Some(settings.clone());
            }
            Entry::Resumed { limits, model, yes } => self.resume(*limits, model, *yes),
            Entry::Prepared { base_tree, sandbox, layers, system, opening } => {
                self.tree.clone_from(base_tree);
                self.prepared = Some(Prepared {
                    base_tree: base_tree.clone(),
                    sandbox: sandbox.clone(),
                    layers: layers.clone(),
                    system: system.clone(),
                    opening: opening.clone(),
                });
            }
            Entry::ModelIntended { .. } => {
                self.model_open = true;
                self.pending.clear();
            }
            Entry::ModelAnswered { turn, blocks, usage, wasted, cost, .. } => {
                self.answered(*turn, blocks);
                self.spend(*usage, *cost);
                self.usage += *wasted;
            }
            Entry::ModelFailed { error, wasted, cost, .. } => {
                self.model_open = false;
                self.failure = Some(error.clone());
                self.spend(*wasted, *cost);
            }
            Entry::ToolIntended { index, .. } => {
                if let Some(call) = self.calls.get_mut(*index as usize) {
                    call.intended = true;
                }
            }
            Entry::ToolFinished { index, text, is_error, meaning, tree, .. } => {
                self.tool_finished(*index as usize, text, *is_error, meaning, tree.as_ref());
            }
            Entry::Steered { text } => self.steered(text),
            Entry::Answered { text } => self.question_answered(text),
            Entry::Restored { tree } => {
                self.tree.clone_from(tree);
                for call in self.calls.iter_mut().filter(|c| c.result.is_none()) {
                    call.intended = false;
                }
            }
            Entry::GatesIntended { round, .. } => self.gates_open = Some(*round),
            Entry::GatesJudged { round, tree, results, protected } => self.gates_judged(Judged {
                round: *round,
                tree: tree.clone(),
                results: results.clone(),
                protected: protected.clone(),
            }),
            Entry::RepairIntended {} => self.repair_open = true,
            Entry::RepairEnded { report, tree, error, closing, .. } => {
                self.repair_open = false;
                self.repaired = Some((report.clone(), error.clone()));
                if let Some(tree) = tree {
                    self.tree.clone_from(tree);
                }
                self.closing = closing.clone();
                self.finish = Some(closing.clone());
            }
            Entry::DeliveryIntended { tree, branch, at, expected_old, ending, pull_request } => {
                self.delivery = Some(DeliveryState {
                    tree: tree.clone(),
                    branch: branch.clone(),
                    at: *at,
                    expected_old: expected_old.clone(),
                    ending: ending.clone(),
                    pull_request: *pull_request,
                    head_commit: None,
                });
            }
            Entry::Delivered { head_commit, .. } => {
                if let Some(delivery) = &mut self.delivery {
                    delivery.head_commit = Some(head_commit.clone());
                }
            }
            Entry::Ended { ending } => self.ended = Some(ending.clone()),
        }
    }

    fn resume(&mut self, limits: RunLimits, model: &str, yes: bool) {
        if self.model != model {
            self.circles = Circles::default();
        }
        self.limits = limits;
        model.clone_into(&mut self.model);
        self.yes |= yes;
        self.ended = None;
        self.failure = None;
        if self.repaired.as_ref().is_some_and(|(_, error)| error.is_some()) {
            self.repaired = None;
            self.finish = None;
        }
    }

    fn spend(&mut self, usage: Usage, cost: Option<NanoUsd>) {
        self.usage += usage;
        self.cost = self.cost.zip(cost).map(|(all, this)| all + this);
    }

    fn answered(&mut self, turn: u32, blocks: &[Block]) {
        self.model_open = false;
        self.turns = turn;
        self.calls = blocks
            .iter()
            .filter_map(|block| match block {
                Block::ToolCall { id, name, arguments } => Some(CallState {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: arguments.clone(),
                    intended: false,
                    result: None,
                }),
                Block::Text(_) | Block::Reasoning(_) => None,
            })
            .collect();
        if self.calls.is_empty() {
            let words =
                blocks.iter().filter_map(|b| if let Block::Text(t) = b { Some(t.as_str()) } else { None });
            let closing = Closing { summary: words.collect::<Vec<_>>().join("\n"), ..Closing::default() };
            self.closing = closing.clone();
            self.finish = Some(closing);
        }
    }

    fn tool_finished(
        &mut self,
        index: usize,
        text: &str,
        is_error: bool,
        meaning: &ToolMeaning,
        tree: Option<&String>,
    ) {
        if let Some(call) = self.calls.get_mut(index) {
            call.result = Some((text.to_owned(), is_error));
        }
        if let Some(tree) = tree {
            self.tree.clone_from(tree);
        }
        match meaning {
            ToolMeaning::Plain => {}
            ToolMeaning::Plan(items) => self.plan.clone_from(items),
            ToolMeaning::Question(question) => self.question = Some(question.clone()),
            ToolMeaning::Finish(closing) => {
                self.closing = closing.clone();
                self.finish = Some(closing.clone());
            }
        }
        if !self.calls.is_empty() && self.calls.iter().all(|c| c.result.is_some()) {
            self.circles.turn(self.calls.iter().filter_map(|c| {
                let (text, is_error) = c.result.as_ref()?;
                Some((c.name.as_str(), c.arguments.as_str(), text.as_str(), *is_error))
            }));
            if self.circles.motion() == crate::stuck::Motion::Repeating {
                self.pending.push(crate::next::REPEATING.to_owned());
            }
        }
    }

    /// A steering message reaches the model before its next turn, also when it had just said that it is done.
    fn steered(&mut self, text: &str) {
        self.pending.push(format!("A person adds: {text}"));
        self.finish = None;
        self.circles = Circles::default();
    }

    fn question_answered(&mut self, text: &str) {
        if self.question.take().is_some() {
            self.pending.push(format!("The person's answer: {text}"));
        } else {
            let word = text.trim().to_ascii_lowercase();
            self.approved = Some(matches!(word.as_str(), "yes" | "y" | "approve" | "approved" | "ok"));
        }
    }

    fn gates_judged(&mut self, judged: Judged) {
        self.gates_open = None;
        if crate::next::sends_back(&judged, self.judged.as_ref()) {
            self.pending.push(crate::next::refusal(&judged));
            self.finish = None;
        }
        self.judged = Some(judged);
    }
}
