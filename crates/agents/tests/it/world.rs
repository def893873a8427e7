//! Models that follow scripts, tools that add to a tree, gates and reviewers that pass from some round on.
//!
//! A tree is a sorted list of what was done to it, so that doing a thing twice would show; a merge adds what one side
//! has beyond the common base.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agents::weave::MergeOp;
use agents::{Conversation, Op, Return, Situation, Turn, View};
use domain::{
    Analysis, Block, Closing, Ending, Entry, GateName, GateResult, NanoUsd, Plan, PlanStep, PullRequestId,
    Recorded, Review, RunError, RunLimits, RunSettings, RunState, Seat, Timestamp, ToolMeaning, Usage,
    Verdict,
};

/// What a model asks for, turn by turn.
pub type Script = Vec<Vec<ScriptedCall>>;

/// One tool call of a script.
#[derive(Clone, Debug)]
pub struct ScriptedCall {
    pub name: String,
    pub changes: bool,
    pub meaning: ToolMeaning,
}

/// Everything outside the journal.
#[derive(Clone, Debug)]
pub struct World {
    /// The script of the single builder, and of builders whose step has none of its own.
    pub script: Script,
    /// Scripts of steps.
    pub steps: BTreeMap<String, Script>,
    /// What the planner submits, one after the other; none: a single builder works.
    pub plans: Vec<Plan>,
    pub gates_pass_from_round: u32,
    /// How often the reviewer wants changes first.
    pub review_refusals: usize,
    /// How often the architecture agent wants another plan first.
    pub plan_refusals: usize,
    /// Steps whose merge has conflicts.
    pub conflicts_at: BTreeSet<String>,
    pub max_turns: u32,
    pub plan_only: bool,
    pub plan_approval: bool,
    /// In which order operations that may go on side by side are carried out.
    pub order: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Played {
    pub entries: Vec<Recorded>,
    /// What each attempt's model read and said.
    pub messages: BTreeMap<u32, Vec<Turn>>,
    pub ops: Vec<String>,
    pub state: RunState,
    pub error_code: Option<String>,
    pub tree: String,
    pub view: View,
}

impl World {
    pub fn new(script: Script) -> Self {
        Self {
            script,
            steps: BTreeMap::new(),
            plans: Vec::new(),
            gates_pass_from_round: 1,
            review_refusals: 0,
            plan_refusals: 0,
            conflicts_at: BTreeSet::new(),
            max_turns: 200,
            plan_only: false,
            plan_approval: false,
            order: 0,
        }
    }

    pub fn team(plans: Vec<Plan>, script: Script) -> Self {
        Self { plans, ..Self::new(script) }
    }
}

pub fn call(name: &str, changes: bool) -> ScriptedCall {
    ScriptedCall { name: name.into(), changes, meaning: ToolMeaning::Plain }
}

pub fn finish() -> ScriptedCall {
    let meaning = ToolMeaning::Finish(Closing::default());
    ScriptedCall { name: "finish".into(), changes: false, meaning }
}

/// A plan by its steps and what they depend on.
pub fn plan(steps: &[(&str, &[&str])]) -> Plan {
    let step = |(id, needs): &(&str, &[&str])| PlanStep {
        id: (*id).into(),
        title: (*id).into(),
        role: "developer".into(),
        depends_on: needs.iter().map(ToString::to_string).collect(),
        acceptance: Vec::new(),
    };
    Plan { steps: steps.iter().map(step).collect(), ..Plan::default() }
}

/// An undisturbed run.
pub fn play(world: &World) -> Played {
    go_on(world, vec![recorded(1, 0, created(world))])
}

/// A run whose process dies after `cut` entries, and a second one that takes over.
pub fn play_with_crash(world: &World, whole: &Played, cut: usize) -> Played {
    let mut entries = whole.entries[..cut].to_vec();
    let resumed = Entry::Resumed { limits: limits(world), model: "script:x".into(), yes: false };
    entries.push(recorded(cut as u64 + 1, 0, resumed));
    go_on(world, entries)
}

/// A run that goes on after a person said something.
pub fn go_on_with(world: &World, played: &Played, said: Entry) -> Played {
    let mut entries = played.entries.clone();
    let next = entries.len() as u64 + 1;
    entries.push(recorded(next, 0, said));
    let resumed = Entry::Resumed { limits: limits(world), model: "script:x".into(), yes: false };
    entries.push(recorded(next + 1, 0, resumed));
    go_on(world, entries)
}

struct Playing<'a> {
    world: &'a World,
    entries: Vec<Recorded>,
    view: View,
    conversations: BTreeMap<u32, Conversation>,
    messages: BTreeMap<u32, Vec<Turn>>,
}

fn go_on(world: &World, before: Vec<Recorded>) -> Played {
    let mut playing = Playing {
        world,
        entries: Vec::new(),
        view: View::new(),
        conversations: BTreeMap::new(),
        messages: BTreeMap::new(),
    };
    before.into_iter().for_each(|r| playing.push(r.attempt, r.entry));
    let mut ops = Vec::new();
    let mut random = world.order;
    loop {
        let situation =
            Situation { since_last: Duration::ZERO, stop: None, busy: &BTreeSet::new(), window: &|_| None };
        let next = playing.view.next(&situation);
        assert!(!next.is_empty(), "nothing goes on and nothing is named: {ops:?}");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let op = next[(random >> 33) as usize % next.len()].clone();
        ops.push(name(&op));
        playing.act(&op);
        if let Op::End(ending) = op {
            return Played {
                messages: playing.messages,
                ops,
                state: ending.state,
                error_code: ending.error.map(|e| e.code),
                tree: playing.view.tree(),
                entries: playing.entries,
                view: playing.view,
            };
        }
        assert!(ops.len() < 20_000, "the loop does not end: {:?}", &ops[ops.len() - 50..]);
    }
}

impl Playing<'_> {
    fn push(&mut self, branch: u32, entry: Entry) {
        let seq = self.entries.len() as u64 + 1;
        let at = Timestamp::from_micros(seq as i64);
        if let Some(attempt) = self.view.attempt(branch) {
            let said = self.conversations.entry(branch).or_default().messages(attempt, &entry);
            self.messages.entry(branch).or_default().extend(said.into_iter().map(|s| s.message));
        }
        self.view.apply(at, branch, &entry);
        self.entries.push(recorded(seq, branch, entry));
    }

    fn act(&mut self, op: &Op) {
        match op.clone() {
            Op::Analyze => self.push(0, Entry::Analyzed { analysis: Analysis::default() }),
            Op::Begin { seat, step, number, role, tree } => {
                let attempt = self.view.attempts.len() as u32 + 1;
                let (model, why) = ("script:x".into(), String::new());
                self.push(
                    attempt,
                    Entry::Begun {
                        attempt,
                        seat,
                        step,
                        number,
                        role,
                        model,
                        tree,
                        why,
                        max_turns: None,
                        budget: None,
                    },
                );
            }
            Op::Prepare { attempt } => {
                let entry = Entry::Prepared {
                    base_tree: "0".into(),
                    sandbox: "S2".into(),
                    layers: Vec::new(),
                    system: "system".into(),
                    opening: "task".into(),
                };
                self.push(attempt, entry);
            }
            Op::CallModel { attempt, turn } => {
                self.push(attempt, Entry::ModelIntended { turn, reserved: None, request: String::new() });
                let answer = self.answer(attempt, turn);
                self.push(attempt, answer);
            }
            Op::RunTool { attempt, turn, index } => self.run_tool(attempt, turn, index),
            Op::Restore { attempt, tree } => self.push(attempt, Entry::Restored { tree }),
            Op::SendBack { attempt, tree, what } => {
                let entry = Entry::SentBack { tree, text: format!("{what:?}"), by: what.by().into() };
                self.push(attempt, entry);
            }
            Op::GiveUp { attempt, error } => self.push(attempt, Entry::GaveUp { error }),
            Op::Merge(op) => self.merge(op),
            Op::Judge { round, tree } => {
                self.push(0, Entry::GatesIntended { round, tree: tree.clone() });
                let judged = judged(self.world, round, &tree);
                self.push(0, judged);
            }
            Op::Deliver(delivery) => {
                let expected_old = self.view.delivery.as_ref().and_then(|d| d.head_commit.clone());
                let entry = Entry::DeliveryIntended {
                    tree: delivery.tree.clone(),
                    branch: "aamas/x".into(),
                    at: Timestamp::from_micros(0),
                    expected_old,
                    ending: delivery.ending.clone(),
                    pull_request: PullRequestId::from_bytes([0; 16]),
                };
                self.push(0, entry);
                self.deliver();
            }
            Op::Redeliver => self.deliver(),
            Op::End(ending) => self.push(0, Entry::Ended { ending: Ending::clone(&ending) }),
            Op::Repair { .. }
            | Op::PromptAgent { .. }
            | Op::Compact { .. }
            | Op::FallBack { .. }
            | Op::Choose => {
                unreachable!("not in this world: {op:?}")
            }
        }
    }

    fn deliver(&mut self) {
        let tree = self.view.delivery.as_ref().map(|d| d.tree.clone()).unwrap_or_default();
        self.push(0, Entry::Delivered { head_commit: format!("commit of {tree}"), branch: "aamas/x".into() });
    }

    fn merge(&mut self, op: MergeOp) {
        let (base, ours, theirs) = (parts(&op.base), parts(&op.ours), parts(&op.theirs));
        let mut merged = ours;
        for (part, count) in theirs {
            let more = count - base.get(&part).copied().unwrap_or(0).min(count);
            *merged.entry(part).or_default() += more;
        }
        let at = op.steps.last().cloned().unwrap_or_default();
        let conflict = self.world.conflicts_at.contains(&at);
        let conflicts = if conflict { vec![("f".into(), "content".into())] } else { Vec::new() };
        let tree = merged
            .iter()
            .flat_map(|(p, n)| std::iter::repeat_n(p.as_str(), *n))
            .collect::<Vec<_>>()
            .join(",");
        self.push(0, Entry::Merged { steps: op.steps, tree, conflicts });
    }

    fn run_tool(&mut self, attempt: u32, turn: u32, index: usize) {
        let call = self.scripted(attempt, turn).expect("an answered turn")[index].clone();
        let index = u32::try_from(index).expect("few calls");
        self.push(attempt, Entry::ToolIntended { turn, index, effect: domain::EffectClass::Workspace });
        let a = self.view.attempt(attempt).expect("an attempt");
        let mut all = parts(&a.tree);
        *all.entry(format!("{}.{turn}.{index}", a.step)).or_default() += 1;
        let tree =
            all.iter().flat_map(|(p, n)| std::iter::repeat_n(p.as_str(), *n)).collect::<Vec<_>>().join(",");
        let tree = call.changes.then_some(tree);
        let entry = Entry::ToolFinished {
            turn,
            index,
            text: tree.clone().unwrap_or_else(|| "nothing".into()),
            is_error: false,
            meaning: call.meaning,
            tree,
            outputs: Vec::new(),
            wall_ms: 0,
        };
        self.push(attempt, entry);
    }

    /// What the model of an attempt asks for in a turn.
    fn scripted(&self, attempt: u32, turn: u32) -> Option<Vec<ScriptedCall>> {
        let a = self.view.attempt(attempt).expect("an attempt");
        let nth = turn as usize - 1;
        let end =
            |name: &str, meaning| Some(vec![ScriptedCall { name: name.into(), changes: false, meaning }]);
        let review = |approved| {
            ToolMeaning::Reviewed(Box::new(Review { approved, summary: "s".into(), comments: Vec::new() }))
        };
        match a.seat {
            Seat::Planner => {
                let plan = self.world.plans.get(nth.min(self.world.plans.len() - 1)).cloned()?;
                end("submit_plan", ToolMeaning::Planned(Box::new(plan)))
            }
            Seat::Architecture => end("submit_review", review(nth >= self.world.plan_refusals)),
            Seat::Reviewer => end("submit_review", review(nth >= self.world.review_refusals)),
            Seat::Builder => self.world.steps.get(&a.step).unwrap_or(&self.world.script).get(nth).cloned(),
        }
    }

    fn answer(&self, attempt: u32, turn: u32) -> Entry {
        let Some(calls) = self.scripted(attempt, turn) else {
            let error = RunError::new("script_exhausted", "no more turns", "");
            return Entry::ModelFailed { turn, error, wasted: Usage::default(), cost: Some(NanoUsd::ZERO) };
        };
        let blocks = calls
            .iter()
            .enumerate()
            .map(|(i, c)| Block::ToolCall {
                id: format!("{turn}.{i}"),
                name: c.name.clone(),
                arguments: c.name.clone(),
            })
            .collect();
        Entry::ModelAnswered {
            turn,
            blocks,
            usage: Usage { input_tokens: 1, ..Usage::default() },
            wasted: Usage::default(),
            cost: Some(NanoUsd(1)),
            model: "script".into(),
            wall_ms: 0,
        }
    }
}

fn parts(tree: &str) -> BTreeMap<String, usize> {
    let mut parts = BTreeMap::new();
    tree.split(',').for_each(|p| *parts.entry(p.to_owned()).or_default() += 1);
    parts
}

fn judged(world: &World, round: u32, tree: &str) -> Entry {
    let verdict = if round >= world.gates_pass_from_round { Verdict::Passed } else { Verdict::Failed };
    let result = GateResult {
        name: GateName::Tests,
        verdict,
        summary: "a test".into(),
        reason: String::new(),
        evidence: Default::default(),
    };
    Entry::GatesJudged { round, tree: tree.into(), results: vec![result], protected: Vec::new() }
}

fn created(world: &World) -> Entry {
    let team = if world.plans.is_empty() {
        Vec::new()
    } else {
        vec![Seat::Planner, Seat::Architecture, Seat::Reviewer]
    };
    Entry::Created {
        settings: RunSettings {
            repo: "/repo".into(),
            task: "task".into(),
            model: "script:x".into(),
            role: "developer".into(),
            roles: Vec::new(),
            team,
            parallel: 0,
            plan_only: world.plan_only,
            plan_approval: world.plan_approval,
            best_of: 0,
            model_given: false,
            routes: BTreeMap::new(),
            role_routes: BTreeMap::new(),
            fallback: Vec::new(),
            origin: None,
            images: Vec::new(),
            base_commit: "0".into(),
            base_head: "0".into(),
            target: None,
            limits: limits(world),
            yes: false,
            warnings: Vec::new(),
        },
    }
}

fn limits(world: &World) -> RunLimits {
    RunLimits { max_turns: world.max_turns, ..RunLimits::default() }
}

fn recorded(seq: u64, attempt: u32, entry: Entry) -> Recorded {
    Recorded { seq, attempt, at: Timestamp::from_micros(seq as i64), entry }
}

fn name(op: &Op) -> String {
    match op {
        Op::Begin { step, .. } => format!("begin-{step}"),
        Op::Prepare { .. } => "prepare".into(),
        Op::CallModel { turn, .. } => format!("model{turn}"),
        Op::RunTool { turn, index, .. } => format!("tool{turn}.{index}"),
        Op::Judge { round, .. } => format!("judge{round}"),
        Op::SendBack { what: Return::GatesRefused, .. } => "refused".into(),
        Op::SendBack { what, .. } => format!("{what:?}"),
        Op::Merge(op) => format!("merge-{}", op.steps.join("+")),
        Op::Deliver(_) => "deliver".into(),
        Op::End(_) => "end".into(),
        other => format!("{other:?}").to_lowercase().split([' ', '{']).next().unwrap_or_default().to_owned(),
    }
}
