//! A model that follows a script, tools that change a counter, and gates that pass from some round on.

use agents::{Conversation, Op, Situation, Turn, View};
use domain::{
    Block, Ending, Entry, GateName, GateResult, NanoUsd, PullRequestId, RunError, RunLimits, RunSettings,
    RunState, Timestamp, ToolMeaning, Usage, Verdict,
};

/// What the model asks for, turn by turn.
pub type Script = Vec<Vec<ScriptedCall>>;

/// One tool call of the script.
#[derive(Clone, Debug)]
pub struct ScriptedCall {
    pub name: String,
    pub changes: bool,
    pub meaning: ToolMeaning,
}

/// Everything outside the journal.
pub struct World {
    pub script: Script,
    pub gates_pass_from_round: u32,
    pub max_turns: u32,
}

/// What came of it.
#[derive(Debug)]
pub struct Played {
    pub entries: Vec<(Timestamp, Entry)>,
    pub messages: Vec<Turn>,
    pub ops: Vec<String>,
    pub state: RunState,
    pub error_code: Option<String>,
    pub tree: String,
}

impl World {
    pub fn new(script: Script) -> Self {
        Self { script, gates_pass_from_round: 1, max_turns: 50 }
    }
}

/// An undisturbed run.
pub fn play(world: &World) -> Played {
    go_on(world, vec![(at(0), created(world))])
}

/// A run whose process dies after `cut` entries, and a second one that takes over.
pub fn play_with_crash(world: &World, cut: usize) -> Played {
    let mut entries = play(world).entries;
    entries.truncate(cut);
    let resumed = Entry::Resumed { limits: limits(world), model: "script:x".into(), yes: false };
    entries.push((at(cut as i64), resumed));
    go_on(world, entries)
}

fn go_on(world: &World, mut entries: Vec<(Timestamp, Entry)>) -> Played {
    let mut messages = Vec::new();
    let (mut conversation, mut view) =
        Conversation::replay(entries.iter().map(|(at, e)| (*at, e)), |m| messages.push(m));
    let mut ops = Vec::new();
    loop {
        let op = view.next(Situation { offline: false, since_last: std::time::Duration::ZERO, stop: None });
        ops.push(name(&op));
        let mut push = |view: &mut View, entry: Entry| {
            let now = at(entries.len() as i64);
            messages.extend(conversation.messages(view, &entry));
            view.apply(now, &entry);
            entries.push((now, entry));
        };
        act(world, &mut view, &op, &mut push);
        if let Op::End(ending) = op {
            let error_code = ending.error.map(|e| e.code);
            return Played {
                messages,
                ops,
                state: ending.state,
                error_code,
                tree: view.tree.clone(),
                entries,
            };
        }
        assert!(ops.len() < 500, "the loop does not end: {ops:?}");
    }
}

fn act(world: &World, view: &mut View, op: &Op, push: &mut impl FnMut(&mut View, Entry)) {
    match op {
        Op::Prepare => push(
            view,
            Entry::Prepared {
                base_tree: "0".into(),
                sandbox: "S2".into(),
                layers: Vec::new(),
                system: "system".into(),
                opening: "task".into(),
            },
        ),
        Op::CallModel { turn } => {
            push(view, Entry::ModelIntended { turn: *turn });
            push(view, answer(world, *turn));
        }
        Op::RunTool { turn, index } => run_tool(world, view, *turn, *index, push),
        Op::Restore { tree } => push(view, Entry::Restored { tree: tree.clone() }),
        Op::Judge { round, tree } => {
            push(view, Entry::GatesIntended { round: *round, tree: tree.clone() });
            push(view, judged(world, *round, tree));
        }
        Op::Deliver(delivery) => {
            let expected_old = view.delivery.as_ref().and_then(|d| d.head_commit.clone());
            let pull_request = PullRequestId::from_bytes([0; 16]);
            push(
                view,
                Entry::DeliveryIntended {
                    tree: delivery.tree.clone(),
                    branch: "aamas/x".into(),
                    at: at(0),
                    expected_old,
                    ending: delivery.ending.clone(),
                    pull_request,
                },
            );
            deliver(view, push);
        }
        Op::Redeliver => deliver(view, push),
        Op::Repair => unreachable!("no offline engine here"),
        Op::End(ending) => push(view, Entry::Ended { ending: Ending::clone(ending) }),
    }
}

fn deliver(view: &mut View, push: &mut impl FnMut(&mut View, Entry)) {
    let tree = view.tree.clone();
    push(view, Entry::Delivered { head_commit: format!("commit of {tree}"), branch: "aamas/x".into() });
}

fn run_tool(
    world: &World,
    view: &mut View,
    turn: u32,
    index: usize,
    push: &mut impl FnMut(&mut View, Entry),
) {
    let call = &world.script[turn as usize - 1][index];
    let index = u32::try_from(index).expect("few calls");
    push(view, Entry::ToolIntended { turn, index, effect: domain::EffectClass::Workspace });
    // The workspace is a function of what was done to it, so that doing a thing twice would show.
    let tree = call.changes.then(|| format!("{}>{turn}.{index}", view.tree));
    let text = tree.clone().unwrap_or_else(|| "nothing".into());
    let meaning = call.meaning.clone();
    push(
        view,
        Entry::ToolFinished {
            turn,
            index,
            text,
            is_error: false,
            meaning,
            tree,
            outputs: Vec::new(),
            wall_ms: 0,
        },
    );
}

fn answer(world: &World, turn: u32) -> Entry {
    let Some(calls) = world.script.get(turn as usize - 1) else {
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
    let usage = Usage { input_tokens: 1, ..Usage::default() };
    Entry::ModelAnswered {
        turn,
        blocks,
        usage,
        wasted: Usage::default(),
        cost: Some(NanoUsd(1)),
        model: "script".into(),
        wall_ms: 0,
    }
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
    Entry::Created {
        settings: RunSettings {
            repo: "/repo".into(),
            task: "task".into(),
            model: "script:x".into(),
            role: "developer".into(),
            base_commit: "0".into(),
            base_head: "0".into(),
            limits: limits(world),
            yes: false,
            warnings: Vec::new(),
        },
    }
}

fn limits(world: &World) -> RunLimits {
    RunLimits { max_turns: world.max_turns, ..RunLimits::default() }
}

fn at(n: i64) -> Timestamp {
    Timestamp::from_micros(n)
}

fn name(op: &Op) -> String {
    match op {
        Op::Prepare => "prepare".into(),
        Op::Restore { .. } => "restore".into(),
        Op::CallModel { turn } => format!("model{turn}"),
        Op::RunTool { turn, index } => format!("tool{turn}.{index}"),
        Op::Repair => "repair".into(),
        Op::Judge { round, .. } => format!("judge{round}"),
        Op::Deliver(_) => "deliver".into(),
        Op::Redeliver => "redeliver".into(),
        Op::End(_) => "end".into(),
    }
}
