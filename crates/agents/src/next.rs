//! The next operations, decided from the journal alone.
//!
//! Each operation has a *lane*: an attempt's number, or 0 for the run as a whole. Operations of different lanes go on
//! side by side; a lane has one at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Ending, NanoUsd, Plan, RunError, RunState, Seat};

use crate::attempt::{Attempt, TOO_LONG};
use crate::endings;
use crate::fallback::next_model;
use crate::view::View;
use crate::weave::{MergeOp, Woven, conflict_step};

/// How often gates judge before a refusal is final: the first time, and after two more tries of the agent. Agents
/// that did not mend a refusal in two tries were not seen to mend it later.
pub const MAX_GATE_ROUNDS: u32 = 3;
/// How often a reviewer judges a change before a person has to.
pub const MAX_REVIEW_ROUNDS: usize = 3;
/// How often a plan is judged before a person has to.
pub const MAX_PLAN_ROUNDS: usize = 3;
/// How often a planner plans anew after work had begun.
pub const MAX_REPLANS: u32 = 2;
/// Builders that work side by side unless the project says otherwise: what two cores and one provider take well.
pub const DEFAULT_PARALLEL: u32 = 4;

/// The run's own lane.
pub const RUN_LANE: u32 = 0;

/// What a person or a signal wants of a running run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopRequest {
    /// Ctrl-C, or the machine going down.
    Interrupt,
    /// `runs pause`.
    Pause,
    /// `runs cancel`.
    Cancel,
}

/// What is not in the journal: what goes on now, and what came from outside since the last operation.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// Time since the last entry.
    pub since_last: Duration,
    /// A wish to stop.
    pub stop: Option<StopRequest>,
    /// Lanes in which an operation goes on.
    pub busy: &'a BTreeSet<u32>,
    /// The context window of a model in tokens, if known.
    pub window: &'a dyn Fn(&str) -> Option<u64>,
}

/// A branch to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The tree (hex).
    pub tree: String,
    /// Where the run ends after it.
    pub ending: Ending,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Find out by facts what kind of task it is.
    Analyze,
    /// Give a step to an agent.
    Begin {
        /// Which chair.
        seat: Seat,
        /// The step.
        step: String,
        /// Which try at it, from 1.
        number: u32,
        /// Name of the role file.
        role: String,
        /// The tree to start from (hex); empty for the base.
        tree: String,
    },
    /// Make an attempt's workspace and first message.
    Prepare {
        /// Which.
        attempt: u32,
    },
    /// Set a workspace to a tree: a tool was under way when the process died, or the work goes on from another tree.
    Restore {
        /// Which.
        attempt: u32,
        /// The tree (hex).
        tree: String,
    },
    /// Ask the model.
    CallModel {
        /// Whose.
        attempt: u32,
        /// From 1, within the attempt.
        turn: u32,
    },
    /// Prompt an outside agent.
    PromptAgent {
        /// Whose.
        attempt: u32,
        /// From 1, within the attempt.
        turn: u32,
    },
    /// Run one tool call of the last answer.
    RunTool {
        /// Whose.
        attempt: u32,
        /// The turn that asked for it.
        turn: u32,
        /// Its place among the turn's calls.
        index: usize,
    },
    /// Shorten the conversation.
    Compact {
        /// Whose.
        attempt: u32,
    },
    /// Let another model take over.
    FallBack {
        /// Whose.
        attempt: u32,
        /// The model, as `SPEC`.
        to: String,
        /// Why.
        reason: String,
    },
    /// Let the offline engine search.
    Repair {
        /// Whose.
        attempt: u32,
    },
    /// Send the work of an attempt back to it.
    SendBack {
        /// Whose.
        attempt: u32,
        /// The tree to go on from (hex); `None`: its own.
        tree: Option<String>,
        /// Why.
        what: Return,
    },
    /// Give an attempt up, so that its step can be planned anew.
    GiveUp {
        /// Whose.
        attempt: u32,
        /// Why.
        error: RunError,
    },
    /// Merge results of steps.
    Merge(MergeOp),
    /// Take the best of several tries.
    Choose,
    /// Let the gates judge.
    Judge {
        /// From 1.
        round: u32,
        /// The tree (hex).
        tree: String,
    },
    /// Write the branch and the pull request.
    Deliver(Delivery),
    /// Finish a delivery that was begun.
    Redeliver,
    /// Stand still or end.
    End(Ending),
}

/// Why work goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// The gates refused the change: to a builder.
    GatesRefused,
    /// The gates refused it for good: to the planner.
    GatesRefusedForGood,
    /// The reviewer wants changes: to a builder.
    ReviewRefused,
    /// The change was reworked: to the reviewer.
    Reworked,
    /// The architecture agent wants another plan: to the planner.
    PlanRefused,
    /// A person wants another plan: to the planner.
    PlanFeedback,
    /// There is another plan: to the architecture agent.
    NewPlan,
    /// A step was given up: to the planner.
    StepGivenUp,
}

impl Return {
    /// Who sends it back, as the journal says it.
    #[must_use]
    pub fn by(self) -> &'static str {
        match self {
            Self::GatesRefused | Self::GatesRefusedForGood => "gates",
            Self::ReviewRefused => "review",
            Self::PlanRefused => "architecture",
            Self::PlanFeedback => "person",
            Self::Reworked | Self::NewPlan | Self::StepGivenUp => "engine",
        }
    }
}

impl Op {
    /// The lane in which it goes on.
    #[must_use]
    pub fn lane(&self) -> u32 {
        match self {
            Self::Prepare { attempt }
            | Self::Restore { attempt, .. }
            | Self::CallModel { attempt, .. }
            | Self::PromptAgent { attempt, .. }
            | Self::RunTool { attempt, .. }
            | Self::Compact { attempt }
            | Self::FallBack { attempt, .. }
            | Self::Repair { attempt }
            | Self::SendBack { attempt, .. }
            | Self::GiveUp { attempt, .. } => *attempt,
            Self::Analyze
            | Self::Begin { .. }
            | Self::Merge(_)
            | Self::Choose
            | Self::Judge { .. }
            | Self::Deliver(_)
            | Self::Redeliver
            | Self::End(_) => RUN_LANE,
        }
    }
}

impl View {
    /// The next operations, at most one for each lane that is free; none while there is something to wait for. Pure:
    /// the same entries and situation give the same answer.
    #[must_use]
    pub fn next(&self, now: &Situation<'_>) -> Vec<Op> {
        if let Some(op) = self.must(now) {
            let free = now.busy.is_empty() || (op.lane() != RUN_LANE && !now.busy.contains(&op.lane()));
            return if free { vec![op] } else { Vec::new() };
        }
        let mut ops = self.may(now);
        let mut taken = now.busy.clone();
        if let Some(end) = ops.iter().find(|op| matches!(op, Op::End(_))) {
            return if now.busy.is_empty() { vec![end.clone()] } else { Vec::new() };
        }
        ops.retain(|op| taken.insert(op.lane()));
        if ops.is_empty() && now.busy.is_empty() { vec![self.standstill()] } else { ops }
    }

    /// What comes before any work: a delivery that was begun, wishes to stop, failures, limits.
    fn must(&self, now: &Situation<'_>) -> Option<Op> {
        if let Some(delivery) = &self.delivery {
            if delivery.head_commit.is_none() {
                return Some(Op::Redeliver);
            }
            if self.ended.is_none()
                && delivery.ending.state == RunState::Ready
                && delivery.tree == self.tree()
            {
                return Some(Op::End(delivery.ending.clone()));
            }
        }
        if let Some(stop) = now.stop {
            return Some(Op::End(endings::stopped(stop)));
        }
        let failed = self.attempts.iter().find(|a| a.failure.is_some() && a.gave_up.is_none());
        if let Some((attempt, error)) = failed.and_then(|a| Some((a, a.failure.as_ref()?))) {
            return Some(self.after_failure(attempt, error, now));
        }
        let error = self.limit_hit(now)?;
        Some(self.end_with_draft(RunState::LimitReached, Some(error)))
    }

    /// The work that can go on.
    fn may(&self, now: &Situation<'_>) -> Vec<Op> {
        let Some(settings) = &self.settings else { return Vec::new() };
        if self.has_seat(Seat::Planner) {
            if self.analysis.is_none() {
                return vec![Op::Analyze];
            }
            if let Some(ops) = self.planning(now) {
                return ops;
            }
            // A plan tells more of the cost than the task did; what is planned anew later was not foreseen.
            if self.replans == 0 && self.forecast_of < self.plans {
                return vec![Op::Analyze];
            }
            if settings.plan_only {
                return vec![Op::End(Ending { state: RunState::NoChange, error: None })];
            }
            if let Some(op) = self.plan_approval() {
                return vec![op];
            }
        } else if settings.plan_only {
            let done = Op::End(Ending { state: RunState::NoChange, error: None });
            return vec![if self.analysis.is_none() { Op::Analyze } else { done }];
        }
        let Some(plan) = &self.plan else { return Vec::new() };
        let ops = self.building(plan, now);
        // Nothing is judged while a builder has not ended: also when it waits for a person, or can't go on.
        if !ops.is_empty() || !self.is_built(plan) || self.open_builders(plan).next().is_some() {
            return ops;
        }
        if self.work.is_none() && self.tries() <= 1 {
            match self.weave(plan).whole() {
                Woven::Tree(_) => {}
                Woven::Merge(op) => return vec![Op::Merge(op)],
                Woven::Conflict(merge) => return self.resolving(&merge, now).into_iter().collect(),
            }
        }
        if self.tries() > 1 && self.chosen.is_none() {
            return vec![Op::Choose];
        }
        self.judging(now)
    }

    /// What the planner and the judge of its plan do; `None` once there is a plan to build.
    fn planning(&self, now: &Situation<'_>) -> Option<Vec<Op>> {
        let Some(planner) = self.on_seat(Seat::Planner) else {
            return Some(vec![begin(Seat::Planner, "plan", 1, "technical_lead", "")]);
        };
        if !planner.is_done() {
            return Some(self.attempt_op(planner, now).into_iter().collect());
        }
        if self.plan_feedback.is_some() {
            return Some(vec![send_back(planner, None, Return::PlanFeedback)]);
        }
        self.plan_judging(planner, now)
    }

    /// The first plan, and what takes its place before work begins, is judged; what is planned anew later is not: its
    /// steps are judged by gates and reviewer as any other.
    fn plan_judging(&self, planner: &Attempt, now: &Situation<'_>) -> Option<Vec<Op>> {
        if !self.has_seat(Seat::Architecture) || self.replans > 0 {
            return None;
        }
        let Some(judge) = self.on_seat(Seat::Architecture) else {
            return Some(vec![begin(Seat::Architecture, "architecture", 1, "architecture", "")]);
        };
        if !judge.is_done() {
            return Some(self.attempt_op(judge, now).into_iter().collect());
        }
        let (of, verdict) = self.plan_reviews.last()?;
        // A person's own plan is judged by nobody before its work.
        if self.edited == Some(self.plans) {
            return None;
        }
        if *of != self.plans {
            return Some(vec![send_back(judge, None, Return::NewPlan)]);
        }
        if verdict.approved {
            return None;
        }
        Some(vec![if self.plan_reviews.len() - self.rounds_before.0 < MAX_PLAN_ROUNDS {
            send_back(planner, None, Return::PlanRefused)
        } else {
            Op::End(Ending { state: RunState::NeedsInput, error: Some(endings::plan_refused(verdict)) })
        }])
    }

    fn plan_approval(&self) -> Option<Op> {
        let wanted = self.settings.as_ref().is_some_and(|s| s.plan_approval);
        if !wanted || self.yes || self.replans > 0 || !self.results.is_empty() {
            return None;
        }
        match self.plan_approved.filter(|(plan, _)| *plan == self.plans) {
            Some((_, true)) => None,
            Some((_, false)) => Some(Op::End(endings::stopped(StopRequest::Cancel))),
            None => Some(Op::End(endings::needs_plan_approval(self.plan.as_ref()))),
        }
    }

    /// What builders do: those at work go on, and steps whose dependencies are done begin.
    fn building(&self, plan: &Plan, now: &Situation<'_>) -> Vec<Op> {
        let mut ops = Vec::new();
        let mut at_work = 0;
        for attempt in self.open_builders(plan) {
            at_work += 1;
            ops.extend(self.attempt_op(attempt, now));
        }
        let parallel = match self.settings.as_ref().map_or(0, |s| s.parallel) {
            0 => DEFAULT_PARALLEL,
            n => n,
        };
        for step in plan.steps.iter().filter(|s| !self.results.contains_key(&s.id)) {
            let tries = self.attempts.iter().filter(|a| a.seat == Seat::Builder && a.step == step.id);
            let begun = u32::try_from(tries.clone().count()).unwrap_or(u32::MAX);
            let given_up = u32::try_from(tries.filter(|a| a.gave_up.is_some()).count()).unwrap_or(u32::MAX);
            if at_work >= parallel
                || begun - given_up >= self.tries()
                || !step.depends_on.iter().all(|d| self.results.contains_key(d))
                || self.waits_for_planner(&step.id)
            {
                continue;
            }
            match self.weave(plan).start_of(&step.id) {
                Woven::Tree(tree) => {
                    ops.push(begin(Seat::Builder, &step.id, begun + 1, &step.role, &tree));
                    at_work += 1;
                }
                Woven::Merge(op) => ops.push(Op::Merge(op)),
                Woven::Conflict(merge) => ops.extend(self.resolving(&merge, now)),
            }
        }
        if ops.is_empty() && now.busy.is_empty() { self.unstick() } else { ops }
    }

    /// Builders of the plan's steps and of its merges that have not ended.
    fn open_builders<'v>(&'v self, plan: &'v Plan) -> impl Iterator<Item = &'v Attempt> {
        self.attempts.iter().filter(|a| {
            a.seat == Seat::Builder
                && a.gave_up.is_none()
                && !a.is_done()
                && (plan.step(&a.step).is_some() || self.merge_of(&a.step).is_some())
        })
    }

    /// The builder of the step that resolves a conflict, if it has not begun; else [`View::building`] has it.
    fn resolving(&self, merge: &crate::weave::Merge, _: &Situation<'_>) -> Option<Op> {
        let step = conflict_step(&merge.steps);
        self.attempt_at(&step).is_none().then(|| begin(Seat::Builder, &step, 1, "developer", &merge.tree))
    }

    /// A builder that goes in circles while nobody else works is given up, and the planner asked for another way.
    fn unstick(&self) -> Vec<Op> {
        let builders = || self.attempts.iter().filter(|a| a.seat == Seat::Builder);
        let can_replan = self.has_seat(Seat::Planner) && self.replans < MAX_REPLANS;
        if !can_replan {
            return Vec::new();
        }
        let exhausted = builders().filter(|a| !a.is_done() && a.gave_up.is_none());
        if let Some((a, error)) = exhausted.filter_map(|a| Some((a, a.exhausted()?))).next() {
            return vec![Op::GiveUp { attempt: a.number, error }];
        }
        let waits = builders().any(|a| a.gave_up.is_some() && self.waits_for_planner(&a.step));
        let planner = self.on_seat(Seat::Planner).filter(|p| waits && p.is_done());
        planner.map(|p| vec![send_back(p, None, Return::StepGivenUp)]).unwrap_or_default()
    }

    /// Whether a step was given up and the planner has not answered since.
    fn waits_for_planner(&self, step: &str) -> bool {
        let given_up = self.attempts.iter().filter(|a| a.step == step && a.gave_up.is_some()).count();
        self.has_seat(Seat::Planner) && given_up > self.replans as usize
    }

    fn is_built(&self, plan: &Plan) -> bool {
        if self.tries() > 1 && self.chosen.is_none() {
            let done = self.attempts.iter().filter(|a| a.seat == Seat::Builder && a.is_done()).count();
            return done >= self.tries() as usize;
        }
        plan.steps.iter().all(|s| self.results.contains_key(&s.id))
    }

    /// What one attempt does next, if it can go on.
    fn attempt_op(&self, a: &Attempt, now: &Situation<'_>) -> Option<Op> {
        let attempt = a.number;
        if now.busy.contains(&attempt) {
            return None;
        }
        if a.prepared.is_none() {
            return Some(Op::Prepare { attempt });
        }
        if a.stale || a.interrupted_call().is_some() {
            return Some(Op::Restore { attempt, tree: a.tree.clone() });
        }
        if a.question.is_some() || a.failure.is_some() || a.gave_up.is_some() || a.is_done() {
            return None;
        }
        if a.is_offline() {
            return match &a.repaired {
                None => Some(Op::Repair { attempt }),
                Some(_) => None,
            };
        }
        if let Some(index) = a.next_call() {
            return Some(Op::RunTool { attempt, turn: a.turns, index });
        }
        if a.exhausted().is_some() || self.turns + self.open_calls() >= self.limits.max_turns {
            return None;
        }
        if a.is_outside() {
            return Some(Op::PromptAgent { attempt, turn: a.turns + 1 });
        }
        if a.needs_compaction((now.window)(&a.model)) {
            return Some(Op::Compact { attempt });
        }
        Some(Op::CallModel { attempt, turn: a.turns + 1 })
    }

    fn open_calls(&self) -> u32 {
        u32::try_from(self.attempts.iter().filter(|a| a.model_open).count()).unwrap_or(u32::MAX)
    }

    /// Gates, then the reviewer, then delivery. All steps are done.
    fn judging(&self, now: &Situation<'_>) -> Vec<Op> {
        let tree = self.tree();
        if let Some((_, Some(error))) = self.attempts.iter().rev().find_map(|a| a.repaired.as_ref()) {
            return vec![Op::End(Ending { state: RunState::NeedsInput, error: Some(error.clone()) })];
        }
        let judged = self.judged.as_ref().filter(|j| j.tree == tree && self.gates_open.is_none());
        let Some(judged) = judged else {
            let round = self.judged.as_ref().filter(|j| !j.lets_through()).map_or(1, |j| j.round + 1);
            return vec![Op::Judge { round, tree }];
        };
        if !judged.lets_through() {
            return vec![self.after_refusal(judged, tree)];
        }
        if !self.has_change() {
            return vec![Op::End(Ending { state: RunState::NoChange, error: None })];
        }
        if let Some(ops) = self.reviewing(&tree, now) {
            return ops;
        }
        if !judged.protected.is_empty() && !self.yes {
            match self.approval_of(&judged.protected) {
                Some(true) => {}
                Some(false) => return vec![Op::End(endings::stopped(StopRequest::Cancel))],
                None => return vec![Op::End(endings::needs_approval(&judged.protected))],
            }
        }
        let ending = Ending { state: RunState::Ready, error: None };
        vec![Op::Deliver(Delivery { tree, ending })]
    }

    fn after_refusal(&self, judged: &crate::view::Judged, tree: String) -> Op {
        let offline = self.attempts.iter().any(Attempt::is_offline);
        if !judged.sent_back
            && judged.round < MAX_GATE_ROUNDS
            && !offline
            && let Some(builder) = self.reworker()
        {
            return send_back(builder, Some(tree), Return::GatesRefused);
        }
        if let Some(planner) = self.on_seat(Seat::Planner)
            && self.replans < MAX_REPLANS
        {
            return send_back(planner, None, Return::GatesRefusedForGood);
        }
        self.end_with_draft(RunState::GatesFailed, Some(endings::gates_failed(&judged.results)))
    }

    /// What the reviewer does; `None` once the change is approved.
    fn reviewing(&self, tree: &str, now: &Situation<'_>) -> Option<Vec<Op>> {
        if !self.has_seat(Seat::Reviewer) {
            return None;
        }
        let Some(reviewer) = self.on_seat(Seat::Reviewer) else {
            return Some(vec![begin(Seat::Reviewer, "review", 1, "reviewer", tree)]);
        };
        if !reviewer.is_done() {
            return Some(self.attempt_op(reviewer, now).into_iter().collect());
        }
        let last = self.reviews.last()?;
        if last.tree == tree && last.review.approved {
            return None;
        }
        let rounds = self.reviews.len() - self.rounds_before.1;
        if last.tree == tree && !last.sent_back && rounds < MAX_REVIEW_ROUNDS {
            let builder = self.reworker()?;
            return Some(vec![send_back(builder, Some(tree.to_owned()), Return::ReviewRefused)]);
        }
        if rounds >= MAX_REVIEW_ROUNDS {
            let error = endings::not_approved(&last.review);
            return Some(vec![self.end_with_draft(RunState::NeedsInput, Some(error))]);
        }
        Some(vec![send_back(reviewer, Some(tree.to_owned()), Return::Reworked)])
    }

    /// Nothing goes on and nothing can begin: a question, a limit, a circle.
    fn standstill(&self) -> Op {
        let open = || self.attempts.iter().filter(|a| a.gave_up.is_none() && !a.is_done());
        if let Some((a, question)) = open().find_map(|a| Some((a, a.question.as_ref()?))) {
            let team = self.settings.as_ref().is_some_and(|s| !s.team.is_empty());
            let who = if team { format!("{} ({})", a.role, a.step) } else { "the agent".to_owned() };
            return self.end_with_draft(RunState::NeedsInput, Some(endings::needs_answer(&who, question)));
        }
        if let Some(error) = open().find_map(Attempt::exhausted) {
            return self.end_with_draft(RunState::LimitReached, Some(error));
        }
        if self.turns >= self.limits.max_turns {
            let error = endings::turn_limit(self.limits.max_turns);
            return self.end_with_draft(RunState::LimitReached, Some(error));
        }
        let given_up = self.attempts.iter().rev().find_map(|a| a.gave_up.clone());
        self.end_with_draft(RunState::LimitReached, Some(given_up.unwrap_or_else(endings::stuck)))
    }

    /// A limit that must stop the run before its next operation. Turns are looked at only before a model call.
    fn limit_hit(&self, now: &Situation<'_>) -> Option<RunError> {
        let tokens = self.usage.input_tokens + self.usage.output_tokens;
        let finished = self.plan.as_ref().is_some_and(|p| self.is_built(p))
            && self.attempts.iter().all(|a| a.seat != Seat::Builder || a.finished);
        if self.active + now.since_last >= self.limits.timeout {
            return Some(endings::time_limit(self.limits.timeout));
        }
        if let (Some(budget), Some(cost)) = (self.limits.budget, self.cost)
            && cost >= budget
            && (!finished || self.has_seat(Seat::Reviewer))
        {
            return Some(endings::budget_limit(cost, budget));
        }
        (tokens >= self.limits.max_tokens && !finished)
            .then(|| endings::token_limit(tokens, self.limits.max_tokens))
    }

    /// What may still be spent beside what the calls of these lanes hold back, and how much that is; `None`: no budget, or
    /// an unknown price. What a call held back that died with its process is free again.
    #[must_use]
    pub fn budget_left(&self, lanes: &BTreeSet<u32>) -> Option<(NanoUsd, NanoUsd)> {
        let (budget, cost) = (self.limits.budget?, self.cost?);
        let open = self.attempts.iter().filter(|a| lanes.contains(&a.number));
        let held = open.fold(NanoUsd::ZERO, |sum, a| sum + a.reserved);
        Some((NanoUsd(budget.0.saturating_sub(cost.0).saturating_sub(held.0)), held))
    }

    /// A model that failed for good: the next one takes over, or the run stands still. When it failed on the way back
    /// from the gates with nothing new, their refusal is the run's result.
    fn after_failure(&self, attempt: &Attempt, error: &RunError, now: &Situation<'_>) -> Op {
        if error.code == TOO_LONG && attempt.can_fold() {
            return Op::Compact { attempt: attempt.number };
        }
        let by_hand = self.is_model_by_hand();
        let settings = self.settings.as_ref();
        if let Some(to) = settings.and_then(|s| next_model(s, by_hand, attempt, error, now.window)) {
            let reason = format!("{} failed: {}", attempt.model, error.message);
            return Op::FallBack { attempt: attempt.number, to, reason };
        }
        if error.code == "script_exhausted" {
            let tree = self.tree();
            let refused = self.judged.as_ref().filter(|j| j.tree == tree && !j.lets_through());
            if let Some(judged) = refused {
                let error = endings::gates_failed(&judged.results);
                return self.end_with_draft(RunState::GatesFailed, Some(error));
            }
            if let (Seat::Planner, Some(given_up)) =
                (attempt.seat, self.attempts.iter().rev().find_map(|a| a.gave_up.clone()))
            {
                return self.end_with_draft(RunState::LimitReached, Some(given_up));
            }
        }
        Op::End(Ending { state: RunState::Failed, error: Some(error.clone()) })
    }

    /// Whether a person named the model in force, when the run was made or taken up again: it stands for all seats.
    #[must_use]
    pub fn is_model_by_hand(&self) -> bool {
        self.settings.as_ref().is_some_and(|s| s.model_given || s.model != self.model)
    }

    /// Ends, with a draft of what there is.
    fn end_with_draft(&self, state: RunState, error: Option<RunError>) -> Op {
        let mut ending = Ending { state, error };
        // What is finished belongs into the draft, so it is merged first.
        if let (None, Some(plan)) = (&self.work, &self.plan)
            && let Woven::Merge(op) = self.weave(plan).so_far()
        {
            return Op::Merge(op);
        }
        let tree = self.tree();
        let delivered = self.delivery.as_ref().is_some_and(|d| d.tree == tree);
        let withheld = !self.yes && self.judged.as_ref().is_some_and(|j| !j.protected.is_empty());
        if let (true, true, Some(error)) = (withheld, self.has_change(), &mut ending.error) {
            error.hint =
                "nothing was delivered: the change touches files that need approval; look at it with \
                          `aamas runs show RUN`, and start it again with --yes to have its draft"
                    .to_owned();
        }
        if !self.has_change() || delivered || withheld {
            return Op::End(ending);
        }
        Op::Deliver(Delivery { tree, ending })
    }
}

fn begin(seat: Seat, step: &str, number: u32, role: &str, tree: &str) -> Op {
    Op::Begin { seat, step: step.to_owned(), number, role: role.to_owned(), tree: tree.to_owned() }
}

fn send_back(attempt: &Attempt, tree: Option<String>, what: Return) -> Op {
    Op::SendBack { attempt: attempt.number, tree, what }
}
