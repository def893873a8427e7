//! What is described here again is what the others write: every entry is read as its description and written again.

use std::collections::BTreeSet;

use domain::{
    Analysis, Block, Closing, CostForecast, EffectClass, Ending, Entry, GateName, GateResult, Hours, NanoUsd,
    Origin, Plan, PlanItem, PlanStep, PullRequestId, Review, ReviewComment, RunError, RunId, RunLimits,
    RunSettings, RunState, Seat, Severity, TaskImage, Timestamp, ToolMeaning, Usage, Verdict,
};
use serde_json::json;
use utoipa::PartialSchema as _;

use super::Entry as Described;

fn error() -> RunError {
    RunError::new("stuck", "it went in circles", "look at its journal")
}

fn settings() -> RunSettings {
    let run = RunId::from_bytes([1; 16]);
    let first = Origin::Page { url: "https://example.org".into(), text: "words".into() };
    RunSettings {
        repo: "/srv/app".into(),
        task: "Fix it".into(),
        model: "offline".into(),
        role: "developer".into(),
        roles: vec!["developer".into()],
        team: vec![Seat::Planner, Seat::Builder],
        parallel: 2,
        plan_only: true,
        plan_approval: true,
        best_of: 3,
        model_given: true,
        routes: [(Seat::Reviewer, vec!["offline".to_owned()])].into(),
        role_routes: [("developer_qa".to_owned(), vec!["offline".to_owned()])].into(),
        fallback: vec!["offline".into()],
        origin: Some(Origin::Forked { run, seq: 4, origin: Some(Box::new(first)) }),
        images: vec![TaskImage { name: "a.png".into(), media_type: "image/png".into(), object: "00".into() }],
        base_commit: "00".into(),
        base_head: "00".into(),
        target: Some("main".into()),
        limits: RunLimits { budget: Some(NanoUsd(5)), ..RunLimits::default() },
        yes: true,
        warnings: vec!["two files are dirty".into()],
    }
}

fn plan() -> Plan {
    let step = PlanStep {
        id: "a".into(),
        title: "Do".into(),
        role: "developer".into(),
        depends_on: vec!["b".into()],
        acceptance: vec!["It works.".into()],
    };
    Plan {
        summary: "s".into(),
        title: "t".into(),
        steps: vec![step],
        effort_hours: Hours(150),
        risks: vec!["r".into()],
    }
}

fn meanings() -> Vec<ToolMeaning> {
    let closing = Closing { summary: "s".into(), title: Some("t".into()), follow_ups: vec!["f".into()] };
    let remark =
        ReviewComment { path: "a.rs".into(), line: 1, body: "b".into(), severity: Severity::Blocker };
    let review = Review { approved: false, summary: "s".into(), comments: vec![remark] };
    vec![
        ToolMeaning::Plain,
        ToolMeaning::Plan(vec![PlanItem { title: "t".into(), status: "pending".into() }]),
        ToolMeaning::Question("Why?".into()),
        ToolMeaning::Finish(closing),
        ToolMeaning::Planned(Box::new(plan())),
        ToolMeaning::Reviewed(Box::new(review)),
    ]
}

fn entries() -> Vec<Entry> {
    let (usage, cost) = (Usage { input_tokens: 9, ..Usage::default() }, Some(NanoUsd(7)));
    let (tree, some_tree) = (|| "00".to_owned(), Some("00".to_owned()));
    let word = || "words".to_owned();
    let forecast = CostForecast { low: NanoUsd(1), middle: NanoUsd(2), high: NanoUsd(3), runs: 4 };
    let analysis = Analysis {
        kind: "fix".into(),
        capabilities: vec!["rust".into()],
        cost: Some(forecast),
        ..Analysis::default()
    };
    let result = GateResult {
        name: GateName::TestsKept,
        verdict: Verdict::Failed,
        summary: word(),
        reason: word(),
        evidence: json!({ "count": 1 }),
    };
    let blocks = vec![
        Block::Text(word()),
        Block::ToolCall { id: word(), name: word(), arguments: "{}".into() },
        Block::Reasoning(word()),
    ];
    let ending = || Ending { state: RunState::Failed, error: Some(error()) };
    let finished = |meaning| Entry::ToolFinished {
        turn: 1,
        index: 0,
        text: word(),
        is_error: false,
        meaning,
        tree: some_tree.clone(),
        outputs: vec![("stdout".into(), "00".into())],
        wall_ms: 5,
    };
    let mut all = vec![
        Entry::Created { settings: settings() },
        Entry::Resumed { limits: RunLimits::default(), model: word(), yes: false },
        Entry::Analyzed { analysis },
        Entry::Begun {
            attempt: 1,
            seat: Seat::Architecture,
            step: word(),
            number: 1,
            role: word(),
            model: word(),
            tree: tree(),
            why: word(),
            max_turns: Some(3),
            budget: cost,
        },
        Entry::Prepared {
            base_tree: tree(),
            sandbox: "S2".into(),
            layers: vec![word()],
            system: word(),
            opening: word(),
        },
        Entry::ModelIntended { turn: 1, reserved: cost, request: tree() },
        Entry::ModelAnswered { turn: 1, blocks, usage, wasted: usage, cost, model: word(), wall_ms: 1 },
        Entry::ModelFailed { turn: 1, error: error(), wasted: usage, cost: None },
        Entry::Steered { text: word() },
        Entry::Answered { text: word(), plan: Some(Box::new(plan())) },
        Entry::FellBack { from: word(), to: word(), reason: word() },
        Entry::CompactIntended { turn: 1, number: 1 },
        Entry::Compacted {
            folded: 1,
            opening: word(),
            by: "code".into(),
            usage,
            cost,
            score: json!({ "kept": 1 }),
        },
        Entry::AgentIntended { turn: 1, prompt: word() },
        Entry::AgentActed { turn: 1, index: 0, tool: word(), text: word(), is_error: true, tree: None },
        Entry::AgentEnded {
            turn: 1,
            summary: word(),
            usage,
            cost,
            tree: None,
            error: Some(error()),
            wall_ms: 1,
        },
        Entry::SentBack { tree: None, text: word(), by: "gates".into() },
        Entry::GaveUp { error: error() },
        Entry::Merged {
            steps: vec![word()],
            tree: tree(),
            conflicts: vec![("a.rs".into(), "content".into())],
        },
        Entry::Chosen { attempt: 1, why: word() },
        Entry::Spent { usage, cost },
        Entry::Rewound { seq: 4 },
        Entry::Restored { tree: tree() },
        Entry::GatesIntended { round: 1, tree: tree() },
        Entry::GatesJudged { round: 1, tree: tree(), results: vec![result], protected: vec![word()] },
        Entry::RepairIntended {},
        Entry::RepairEnded {
            report: word(),
            tree: None,
            error: None,
            closing: Closing::default(),
            stats: json!({ "tried": 1 }),
        },
        Entry::DeliveryIntended {
            tree: tree(),
            branch: word(),
            at: Timestamp::from_micros(1),
            expected_old: None,
            ending: ending(),
            pull_request: PullRequestId::from_bytes([2; 16]),
        },
        Entry::Delivered { head_commit: tree(), branch: word() },
        Entry::Ended { ending: ending() },
    ];
    for effect in [EffectClass::Pure, EffectClass::Workspace, EffectClass::Keyed, EffectClass::Unknown] {
        all.push(Entry::ToolIntended { turn: 1, index: 0, effect });
    }
    all.extend(meanings().into_iter().map(finished));
    all
}

/// A new entry of the journal does not compile here until it is described.
fn word_of(entry: &Entry) -> &'static str {
    match entry {
        Entry::Created { .. } | Entry::Resumed { .. } | Entry::Analyzed { .. } | Entry::Begun { .. } => {}
        Entry::Prepared { .. } | Entry::ModelIntended { .. } | Entry::ModelAnswered { .. } => {}
        Entry::ModelFailed { .. } | Entry::ToolIntended { .. } | Entry::ToolFinished { .. } => {}
        Entry::Steered { .. } | Entry::Answered { .. } | Entry::FellBack { .. } => {}
        Entry::CompactIntended { .. } | Entry::Compacted { .. } | Entry::AgentIntended { .. } => {}
        Entry::AgentActed { .. } | Entry::AgentEnded { .. } | Entry::SentBack { .. } => {}
        Entry::GaveUp { .. } | Entry::Merged { .. } | Entry::Chosen { .. } | Entry::Spent { .. } => {}
        Entry::Rewound { .. } | Entry::Restored { .. } | Entry::GatesIntended { .. } => {}
        Entry::GatesJudged { .. } | Entry::RepairIntended {} | Entry::RepairEnded { .. } => {}
        Entry::DeliveryIntended { .. } | Entry::Delivered { .. } | Entry::Ended { .. } => {}
    }
    entry.kind()
}

#[test]
fn every_entry_of_a_journal_is_what_its_description_says() {
    for entry in entries() {
        let written = serde_json::to_value(&entry).expect("JSON");
        let read: Described =
            serde_json::from_value(written.clone()).unwrap_or_else(|e| panic!("{e}: {written}"));
        assert_eq!(serde_json::to_value(&read).expect("JSON"), written);
    }
    let described = serde_json::to_value(Described::schema()).expect("JSON");
    let variants = described["oneOf"].as_array().expect("one of them").len();
    let seen: BTreeSet<_> = entries().iter().map(word_of).collect();
    assert_eq!(seen.len(), variants, "{seen:?}");
}
