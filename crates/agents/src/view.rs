//! A run as its journal tells it: a fold over the entries, and nothing else.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{
    Analysis, Closing, Ending, Entry, GateResult, NanoUsd, Plan, PlanStep, PullRequestId, Recorded, Review,
    RunLimits, RunSettings, Seat, Severity, Timestamp, Usage,
};

use crate::attempt::Attempt;
use crate::weave::{Merge, Weave, Woven};

/// The step of a run without a plan.
pub const ONLY_STEP: &str = "build";

/// What gates said of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// From 1, anew after each change that passed.
    pub round: u32,
    /// The tree (hex).
    pub tree: String,
    /// All gates.
    pub results: Vec<GateResult>,
    /// Changed files that need a person's approval.
    pub protected: Vec<String>,
    /// Whether their refusal went back to a builder, or to the planner.
    pub sent_back: bool,
}

impl Judged {
    /// Whether all gates let the tree through.
    #[must_use]
    pub fn lets_through(&self) -> bool {
        self.results.iter().all(GateResult::lets_through)
    }
}

/// What the reviewer said of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewed {
    /// The tree (hex).
    pub tree: String,
    /// The verdict.
    pub review: Review,
    /// Whether a refusal went back to a builder.
    pub sent_back: bool,
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

/// What a person is asked to approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// The plan.
    Plan,
    /// Changes to protected paths.
    Protected,
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
    /// What the task was taken for.
    pub analysis: Option<Analysis>,
    /// How many plans there were when its cost was last forecast.
    pub forecast_of: u32,
    /// All attempts; attempt n stands at n - 1.
    pub attempts: Vec<Attempt>,
    /// The plan in force; one step without a planner.
    pub plan: Option<Plan>,
    /// How many plans there were.
    pub plans: u32,
    /// Verdicts on plans: which plan, and what was said.
    pub plan_reviews: Vec<(u32, Review)>,
    /// The plan that a person approved, and whether.
    pub plan_approved: Option<(u32, bool)>,
    /// The plan that a person wrote.
    pub edited: Option<u32>,
    /// What a person wants changed in the plan.
    pub plan_feedback: Option<String>,
    /// Verdicts on plans, and reviews, that were given before a person last said something: rounds count anew then.
    pub rounds_before: (usize, usize),
    /// How often the planner planned anew after work had begun.
    pub replans: u32,
    /// What steps came to (hex).
    pub results: BTreeMap<String, String>,
    /// Merges, by their steps.
    pub merges: BTreeMap<Vec<String>, Merge>,
    /// The tree that new steps start from; empty for the base.
    pub ground: String,
    /// Steps whose results are in `ground`.
    pub grounded: BTreeSet<String>,
    /// The whole change, once it was reworked after its steps were merged (hex).
    pub work: Option<String>,
    /// Of several tries at one step, the one that is taken.
    pub chosen: Option<(u32, String)>,
    /// Tree of the base (hex); empty before a workspace stood.
    pub base_tree: String,
    /// Answered model calls of all attempts.
    pub turns: u32,
    /// What all calls used.
    pub usage: Usage,
    /// What they cost; `None` once a price was unknown.
    pub cost: Option<NanoUsd>,
    /// What people added, in order.
    pub said: Vec<String>,
    /// The last answer to an approval question about protected paths: which, and whether.
    pub approved: Option<(Vec<String>, bool)>,
    /// What a person was last asked to approve and has not answered.
    pub asks_approval: Option<Approval>,
    /// What the gates last said.
    pub judged: Option<Judged>,
    /// Whether gates have begun and not ended.
    pub gates_open: Option<u32>,
    /// What the reviewer said, in order.
    pub reviews: Vec<Reviewed>,
    /// The last delivery.
    pub delivery: Option<DeliveryState>,
    /// Where the run stands still, until it is resumed.
    pub ended: Option<Ending>,
    /// Time that processes spent on it up to the last entry.
    pub active: Duration,
    last_at: Option<Timestamp>,
}

impl View {
    /// The view of a whole journal.
    #[must_use]
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Recorded>) -> Self {
        let mut view = Self::new();
        for recorded in entries {
            view.apply(recorded.at, recorded.attempt, &recorded.entry);
        }
        view
    }

    /// The view of an empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self { cost: Some(NanoUsd::ZERO), ..Self::default() }
    }

    /// An attempt by its number.
    #[must_use]
    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.get((number as usize).checked_sub(1)?)
    }

    /// The first workspace that stood.
    #[must_use]
    pub fn prepared(&self) -> Option<&crate::Prepared> {
        self.attempts.iter().find_map(|a| a.prepared.as_ref())
    }

    /// The attempt on a seat that only one agent takes.
    #[must_use]
    pub fn on_seat(&self, seat: Seat) -> Option<&Attempt> {
        self.attempts.iter().rev().find(|a| a.seat == seat)
    }

    /// Whether a seat is taken in this run.
    #[must_use]
    pub fn has_seat(&self, seat: Seat) -> bool {
        self.settings.as_ref().is_some_and(|s| s.team.contains(&seat))
    }

    /// The last attempt at a step that was not given up.
    #[must_use]
    pub fn attempt_at(&self, step: &str) -> Option<&Attempt> {
        self.attempts.iter().rev().find(|a| a.step == step && a.seat == Seat::Builder && a.gave_up.is_none())
    }

    /// What its steps come to, and what is missing for it.
    #[must_use]
    pub fn weave<'a>(&'a self, plan: &'a Plan) -> Weave<'a> {
        Weave {
            plan,
            results: &self.results,
            merges: &self.merges,
            ground: if self.ground.is_empty() { &self.base_tree } else { &self.ground },
            grounded: &self.grounded,
        }
    }

    /// The merge whose conflicts a step resolves.
    #[must_use]
    pub fn merge_of(&self, conflict_step: &str) -> Option<&Merge> {
        self.merges.values().find(|m| crate::weave::conflict_step(&m.steps) == conflict_step)
    }

    /// The whole change as it stands (hex): what is judged, delivered and, when the run ends early, kept.
    #[must_use]
    pub fn tree(&self) -> String {
        let reworked = self.attempts.iter().find(|a| self.work.is_some() && self.is_reworking(a));
        if let Some(attempt) = reworked {
            return attempt.tree.clone();
        }
        if let Some(work) = &self.work {
            return work.clone();
        }
        let builders = || self.attempts.iter().filter(|a| a.seat == Seat::Builder);
        if self.plan.as_ref().is_none_or(|p| p.steps.len() == 1)
            && let Some(only) = builders().next_back().filter(|a| !a.tree.is_empty())
        {
            return only.tree.clone();
        }
        let woven = self.plan.as_ref().and_then(|plan| match self.weave(plan).so_far() {
            Woven::Tree(tree) => Some(tree),
            Woven::Merge(_) | Woven::Conflict(_) => None,
        });
        woven.unwrap_or_else(|| {
            if self.ground.is_empty() { self.base_tree.clone() } else { self.ground.clone() }
        })
    }

    /// Whether the change differs from the base.
    #[must_use]
    pub fn has_change(&self) -> bool {
        !self.base_tree.is_empty() && self.base_tree != self.tree()
    }

    /// What was done, for the pull request: a single builder's words, or the plan's with those of its steps.
    #[must_use]
    pub fn closing(&self) -> Closing {
        let mut done: Vec<&Attempt> = self
            .attempts
            .iter()
            .filter(|a| a.seat == Seat::Builder && !a.closing.summary.is_empty())
            .collect();
        let all = |a: &Attempt| a.earlier.iter().chain([&a.closing]).cloned().collect::<Vec<_>>();
        let planned = self.has_seat(Seat::Planner);
        if let (Some(plan), true) = (&self.plan, planned) {
            let place = |a: &&Attempt| plan.steps.iter().position(|s| s.id == a.step).unwrap_or(usize::MAX);
            done.sort_by_key(place);
            let mut summary = format!("{}\n", plan.summary);
            let mut follow_ups = Vec::new();
            for attempt in done {
                let name = match self.merge_of(&attempt.step) {
                    Some(merge) => format!("merge of {}", merge.steps.join(", ")),
                    None => attempt.step.clone(),
                };
                for (place, closing) in all(attempt).into_iter().enumerate() {
                    let when = if place == 0 { "" } else { " (reworked)" };
                    summary.push_str(&format!("\n- {name}{when}: {}", closing.summary));
                    follow_ups.extend(closing.follow_ups);
                }
            }
            follow_ups.dedup();
            let title = if plan.title.is_empty() { None } else { Some(plan.title.clone()) };
            return Closing { summary, title, follow_ups };
        }
        let chosen = self.chosen.as_ref().and_then(|(number, _)| self.attempt(*number));
        chosen.or(done.last().copied()).map(|a| a.closing.clone()).unwrap_or_default()
    }

    /// The builder that a refusal of the whole change goes back to: who made the last step that was done.
    #[must_use]
    pub fn reworker(&self) -> Option<&Attempt> {
        if let Some((chosen, _)) = &self.chosen {
            return self.attempt(*chosen);
        }
        if let Some(author) = self.author_of_remarks() {
            return Some(author);
        }
        let last = self.plan.iter().flat_map(|p| p.steps.iter().rev()).find_map(|s| self.attempt_at(&s.id));
        last.or_else(|| self.attempts.iter().rev().find(|a| a.seat == Seat::Builder))
    }

    /// The builder whose tools changed the files that the open review remarks on, the gravest remarks first.
    fn author_of_remarks(&self) -> Option<&Attempt> {
        let open = self.reviews.last().filter(|r| !r.review.approved)?;
        let weight = |severity: Severity| match severity {
            Severity::Blocker => 1000,
            Severity::Major => 100,
            Severity::Minor => 10,
            Severity::Info => 1,
        };
        let steps = self.plan.iter().flat_map(|p| &p.steps).filter_map(|s| self.attempt_at(&s.id));
        let remarked = |a: &&Attempt| -> u32 {
            let own = open.review.comments.iter().filter(|c| a.touched.contains(&c.path));
            own.map(|c| weight(c.severity)).sum()
        };
        // Of several that are remarked on alike, the last.
        steps.filter(|a| remarked(a) > 0).max_by_key(remarked)
    }

    /// How many builders try the same work side by side.
    #[must_use]
    pub fn tries(&self) -> u32 {
        self.settings.as_ref().map_or(1, |s| s.best_of.max(1))
    }

    /// Whether an attempt works on the merged change.
    fn is_reworking(&self, attempt: &Attempt) -> bool {
        attempt.seat == Seat::Builder && !attempt.finished && self.results.contains_key(&attempt.step)
    }

    /// Time from the last entry to a moment.
    #[must_use]
    pub fn since(&self, at: Timestamp) -> Duration {
        self.last_at.map_or(Duration::ZERO, |last| at.since(last))
    }

    /// Takes in one entry of a branch; 0 is the run as a whole.
    pub fn apply(&mut self, at: Timestamp, branch: u32, entry: &Entry) {
        let idle = matches!(entry, Entry::Created { .. } | Entry::Resumed { .. });
        if let (Some(last), false) = (self.last_at, idle) {
            self.active += at.since(last);
        }
        self.last_at = Some(at);
        self.book(entry);
        match entry {
            Entry::Created { settings } => self.created(settings),
            Entry::Resumed { limits, model, yes } => self.resume(*limits, model, *yes),
            Entry::Analyzed { analysis } => {
                self.analysis = Some(analysis.clone());
                self.forecast_of = self.plans;
            }
            Entry::Begun { .. } => self.attempts.extend(Attempt::begun(entry)),
            Entry::Steered { text } => self.steered(text),
            Entry::Answered { text, plan } => self.heard_answer(text, plan.as_deref()),
            Entry::Merged { steps, tree, conflicts } => {
                let merge = Merge { steps: steps.clone(), tree: tree.clone(), conflicts: conflicts.clone() };
                self.merges.insert(steps.clone(), merge);
            }
            Entry::Chosen { attempt, why } => self.choose(*attempt, why),
            Entry::GatesIntended { round, .. } => self.gates_open = Some(*round),
            Entry::GatesJudged { round, tree, results, protected } => {
                self.gates_open = None;
                self.judged = Some(Judged {
                    round: *round,
                    tree: tree.clone(),
                    results: results.clone(),
                    protected: protected.clone(),
                    sent_back: false,
                });
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
            Entry::Ended { ending } => {
                self.asks_approval = match ending.error.as_ref().map(|e| e.code.as_str()) {
                    Some("plan_approval_required") => Some(Approval::Plan),
                    Some("approval_required") => Some(Approval::Protected),
                    _ => None,
                };
                self.ended = Some(ending.clone());
            }
            _ => self.apply_to_attempt(branch, entry),
        }
    }

    fn created(&mut self, settings: &RunSettings) {
        self.limits = settings.limits;
        self.model.clone_from(&settings.model);
        self.yes = settings.yes;
        if !settings.team.contains(&Seat::Planner) {
            let step = PlanStep {
                id: ONLY_STEP.into(),
                title: settings.task.clone(),
                role: settings.role.clone(),
                ..PlanStep::default()
            };
            self.plan = Some(Plan { steps: vec![step], ..Plan::default() });
        }
        self.settings = Some(settings.clone());
    }

    /// What an entry used and cost, whatever becomes of it.
    pub(crate) fn book(&mut self, entry: &Entry) {
        let (usage, wasted, cost) = match entry {
            Entry::ModelAnswered { usage, wasted, cost, .. } => {
                self.turns += 1;
                (*usage, *wasted, *cost)
            }
            Entry::AgentEnded { usage, cost, .. } => {
                self.turns += 1;
                (*usage, Usage::default(), *cost)
            }
            Entry::ModelFailed { wasted, cost, .. } => (Usage::default(), *wasted, *cost),
            Entry::Compacted { usage, cost, .. } | Entry::Spent { usage, cost } => {
                (*usage, Usage::default(), *cost)
            }
            _ => return,
        };
        self.usage += usage;
        self.usage += wasted;
        self.cost = self.cost.zip(cost).map(|(all, this)| all + this);
    }

    fn apply_to_attempt(&mut self, branch: u32, entry: &Entry) {
        if let (Entry::Prepared { base_tree, .. }, true) = (entry, self.base_tree.is_empty()) {
            self.base_tree.clone_from(base_tree);
        }
        let Some(attempt) = self.attempts.get_mut((branch as usize).wrapping_sub(1)) else { return };
        let was_done = attempt.is_done();
        attempt.apply(entry);
        let (done, seat, number) = (attempt.is_done(), attempt.seat, attempt.number);
        if let Entry::SentBack { by, .. } = entry {
            self.note_sent_back(seat, by);
        }
        if done && !was_done {
            self.attempt_done(number);
        }
    }

    fn attempt_done(&mut self, number: u32) {
        let Some(attempt) = self.attempts.get((number as usize).wrapping_sub(1)) else { return };
        let (step, tree) = (attempt.step.clone(), attempt.tree.clone());
        match attempt.seat {
            // Of several tries none counts before one is chosen.
            Seat::Builder if self.tries() > 1 && self.chosen.is_none() => {}
            Seat::Builder => {
                match self.results.entry(step) {
                    Slot::Vacant(slot) => drop(slot.insert(tree)),
                    // Its step was done before: what it has made since is the whole change, reworked.
                    Slot::Occupied(_) => self.work = Some(tree),
                }
            }
            Seat::Planner => {
                if let Some(plan) = attempt.plan.clone() {
                    self.adopt(plan);
                }
            }
            Seat::Architecture => {
                let plan = self.plans;
                self.plan_reviews.extend(attempt.review.clone().map(|review| (plan, review)));
            }
            Seat::Reviewer => {
                let reviewed =
                    attempt.review.clone().map(|review| Reviewed { tree, review, sent_back: false });
                self.reviews.extend(reviewed);
            }
        }
    }

    /// A plan takes the place of the one before. What is done stays done: finished steps that the new plan does not
    /// name are kept in front, and what was reworked is the ground of the new steps.
    fn adopt(&mut self, mut plan: Plan) {
        self.plans += 1;
        let judged = self.judged.take().map(|j| j.tree);
        if let Some(work) = self.work.take().or(judged) {
            self.ground = work;
            self.grounded.extend(self.results.keys().cloned());
        }
        if let Some(before) = self.plan.take() {
            let kept = before.steps.into_iter();
            let mut kept: Vec<PlanStep> =
                kept.filter(|s| self.results.contains_key(&s.id) && plan.step(&s.id).is_none()).collect();
            kept.append(&mut plan.steps);
            plan.steps = kept;
        }
        self.plan = Some(plan);
    }

    fn note_sent_back(&mut self, seat: Seat, by: &str) {
        match by {
            "gates" => {
                if let Some(judged) = &mut self.judged {
                    judged.sent_back = true;
                }
            }
            "review" => {
                if let Some(reviewed) = self.reviews.last_mut() {
                    reviewed.sent_back = true;
                }
            }
            "person" => self.plan_feedback = None,
            _ => {}
        }
        if seat == Seat::Planner && (by == "gates" || by == "engine") {
            self.replans += 1;
        }
        // Work on the merged change begins: from now on it is more than its steps.
        if seat == Seat::Builder && self.work.is_none() {
            self.work = self.judged.as_ref().map(|j| j.tree.clone());
        }
    }

    fn choose(&mut self, number: u32, why: &str) {
        self.chosen = Some((number, why.to_owned()));
        if let Some(chosen) = self.attempt(number) {
            let (step, tree) = (chosen.step.clone(), chosen.tree.clone());
            self.results.insert(step, tree);
        }
    }

    fn resume(&mut self, limits: RunLimits, model: &str, yes: bool) {
        let other = (self.model != model).then_some(model);
        for attempt in &mut self.attempts {
            attempt.resumed(other);
        }
        self.limits = limits;
        model.clone_into(&mut self.model);
        self.yes |= yes;
        self.ended = None;
    }

    /// A person's words reach everybody who works, and those who begin later. When everybody is done, they are work
    /// for a builder.
    fn steered(&mut self, text: &str) {
        self.said.push(text.to_owned());
        let words = format!("A person adds: {text}");
        let tree = self.tree();
        let mut heard = false;
        for attempt in self.attempts.iter_mut().filter(|a| !a.is_done()) {
            attempt.told(words.clone());
            heard = true;
        }
        self.rounds_before = (self.plan_reviews.len(), self.reviews.len());
        let reworker = self.reworker().map(|a| a.number);
        if !heard && reworker.is_none() && self.on_seat(Seat::Planner).is_some() {
            self.plan_feedback = Some(text.to_owned());
        }
        if let (false, Some(number)) = (heard, reworker)
            && let Some(attempt) = self.attempts.get_mut(number as usize - 1)
        {
            attempt.reopened(Some(&tree));
            attempt.told(words);
        }
    }

    /// An answer goes to the first open question; without one, it is about the plan or about protected paths.
    fn heard_answer(&mut self, text: &str, edited: Option<&Plan>) {
        if let Some(attempt) = self.attempts.iter_mut().find(|a| a.question.is_some()) {
            attempt.question = None;
            attempt.told(format!("The person's answer: {text}"));
            return;
        }
        if let (Some(Approval::Plan), Some(plan)) = (self.asks_approval, edited) {
            self.asks_approval = None;
            self.adopt(plan.clone());
            (self.plan_approved, self.edited) = (Some((self.plans, true)), Some(self.plans));
            return;
        }
        let word = text.trim().to_ascii_lowercase();
        let yes = matches!(word.as_str(), "yes" | "y" | "approve" | "approved" | "ok");
        let no = matches!(word.as_str(), "no" | "n" | "reject" | "rejected");
        // An answer that nobody asked for approves nothing.
        match (self.asks_approval.take(), yes || no) {
            (Some(Approval::Plan), true) => self.plan_approved = Some((self.plans, yes)),
            (Some(Approval::Plan), false) => self.plan_feedback = Some(text.to_owned()),
            (Some(Approval::Protected), _) => {
                let paths = self.judged.as_ref().map(|j| j.protected.clone()).unwrap_or_default();
                self.approved = Some((paths, yes));
            }
            (None, _) => {}
        }
    }

    /// What a person said of changes to these protected paths; `None`: they were not asked about all of them.
    #[must_use]
    pub fn approval_of(&self, protected: &[String]) -> Option<bool> {
        let (paths, yes) = self.approved.as_ref()?;
        protected.iter().all(|path| paths.contains(path)).then_some(*yes)
    }
}

/// The entries that count: those between an entry that a person set the run back to and their wish are left out, but
/// for what they cost.
#[must_use]
pub fn effective(entries: Vec<Recorded>) -> Vec<Recorded> {
    let mut counted: Vec<Recorded> = Vec::with_capacity(entries.len());
    for recorded in entries {
        if let Entry::Rewound { seq } = &recorded.entry {
            let cut = counted.partition_point(|r| r.seq <= *seq);
            let dropped = counted.split_off(cut);
            counted.extend(dropped.into_iter().filter_map(spent));
        }
        counted.push(recorded);
    }
    counted
}

/// The number of the last entry that belongs to the first `turns` turns of a run, over all attempts; `None` when it
/// has no such turn.
#[must_use]
pub fn end_of_turn(entries: &[Recorded], turns: u32) -> Option<u64> {
    let mut begun = 0;
    let mut last = None;
    for recorded in entries {
        if matches!(recorded.entry, Entry::ModelIntended { .. } | Entry::AgentIntended { .. }) {
            if begun == turns {
                return last;
            }
            begun += 1;
        }
        last = Some(recorded.seq);
    }
    (begun == turns).then_some(last).flatten()
}

/// What an entry cost, without what it said.
fn spent(recorded: Recorded) -> Option<Recorded> {
    let entry = match recorded.entry {
        Entry::ModelAnswered { usage, wasted, cost, .. } => {
            let mut all = usage;
            all += wasted;
            Entry::Spent { usage: all, cost }
        }
        // What was delivered stays where it is, and a later delivery has to know of it.
        delivered @ (Entry::DeliveryIntended { .. } | Entry::Delivered { .. }) => delivered,
        Entry::ModelFailed { wasted: usage, cost, .. }
        | Entry::AgentEnded { usage, cost, .. }
        | Entry::Compacted { usage, cost, .. }
        | Entry::Spent { usage, cost } => Entry::Spent { usage, cost },
        _ => return None,
    };
    Some(Recorded { entry, ..recorded })
}
