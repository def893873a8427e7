//! Planner, architecture, builders by a plan, reviewer.

use std::collections::BTreeSet;

use domain::{Entry, Plan, PlanStep, RunState};
use proptest::prelude::*;

use crate::world::{Script, World, call, finish, go_on_with, plan, play, play_with_crash};

fn builder() -> Script {
    vec![vec![call("edit_file", true)], vec![finish()], vec![call("edit_file", true)], vec![finish()]]
}

#[test]
fn a_plan_is_judged_built_in_parallel_merged_judged_and_reviewed() {
    let plan = plan(&[("a", &[]), ("b", &[]), ("c", &["a", "b"])]);
    let played = play(&World::team(vec![plan], builder()));
    assert_eq!(played.state, RunState::Ready, "{:?}", played.ops);
    assert_eq!(played.tree, "0,a.1.0,b.1.0,c.1.0");
    let ops = played.ops.join(" ");
    assert!(ops.starts_with("analyze begin-plan prepare model1 tool1.0 begin-architecture"), "{ops}");
    assert!(ops.contains("merge-a+b begin-c"), "{ops}");
    assert!(ops.ends_with("judge1 begin-review prepare model1 tool1.0 deliver end"), "{ops}");
}

#[test]
fn work_goes_back_from_gates_and_review_and_is_judged_again() {
    let two = || plan(&[("a", &[]), ("b", &[])]);
    let world = World { gates_pass_from_round: 2, ..World::team(vec![two()], builder()) };
    let played = play(&world);
    assert_eq!((played.state, played.tree.as_str()), (RunState::Ready, "0,a.1.0,b.1.0,b.3.0"));
    let world = World { review_refusals: 1, ..World::team(vec![two()], builder()) };
    let played = play(&world);
    assert_eq!((played.state, played.tree.as_str()), (RunState::Ready, "0,a.1.0,b.1.0,b.3.0"));
    assert_eq!(played.ops.iter().filter(|op| *op == "judge1").count(), 2);
}

#[test]
fn a_reviewer_who_never_approves_needs_a_person() {
    let script: Script = (0..9).flat_map(|_| [vec![call("edit_file", true)], vec![finish()]]).collect();
    let world = World { review_refusals: 99, ..World::team(vec![plan(&[("a", &[])])], script) };
    let played = play(&world);
    assert_eq!(played.error_code.as_deref(), Some("review_not_approved"));
    assert_eq!((played.state, played.view.reviews.len()), (RunState::NeedsInput, 3));
    assert!(played.ops.contains(&"deliver".to_owned()));
}

#[test]
fn a_builder_that_changes_nothing_after_a_review_is_reviewed_again() {
    let script: Script = vec![vec![call("edit_file", true)], vec![finish()], vec![finish()]];
    let world = World { review_refusals: 1, ..World::team(vec![plan(&[("a", &[])])], script) };
    assert_eq!(play(&world).state, RunState::Ready);
}

#[test]
fn a_plan_that_is_refused_is_made_again_and_not_for_ever() {
    let plans = || vec![plan(&[("a", &[])]), plan(&[("b", &[])])];
    let world = World { plan_refusals: 1, ..World::team(plans(), builder()) };
    let played = play(&world);
    assert_eq!((played.state, played.tree.as_str()), (RunState::Ready, "0,b.1.0"));
    let world = World { plan_refusals: 9, ..World::team(plans(), builder()) };
    let played = play(&world);
    assert_eq!(played.error_code.as_deref(), Some("plan_not_approved"));
}

#[test]
fn a_conflict_becomes_a_step_of_its_own() {
    let world = World {
        conflicts_at: BTreeSet::from(["b".to_owned()]),
        ..World::team(vec![plan(&[("a", &[]), ("b", &[]), ("c", &["a", "b"])])], builder())
    };
    let played = play(&world);
    let resolved = played.view.attempts.iter().find(|a| a.step.starts_with("merge-b-")).expect("a step");
    assert_eq!(played.state, RunState::Ready);
    assert_eq!(played.tree, format!("0,a.1.0,b.1.0,c.1.0,{}.1.0", resolved.step));
}

#[test]
fn a_new_plan_after_refused_gates_keeps_what_is_done() {
    let again = plan(&[("mend", &[])]);
    let script: Script = (0..4).flat_map(|_| [vec![call("edit_file", true)], vec![finish()]]).collect();
    let mut world = World::team(vec![plan(&[("a", &[]), ("b", &["a"])]), again], script);
    // The counter of rounds begins anew with the new plan, and gates pass in its first.
    world.gates_pass_from_round = 4;
    let played = play(&world);
    assert_eq!(played.view.replans, 2, "{:?}", played.ops);
    let steps: Vec<_> = played.view.plan.iter().flat_map(|p| &p.steps).map(|s| s.id.as_str()).collect();
    assert_eq!(steps, ["a", "b", "mend"]);
    assert!(played.tree.contains("a.1.0") && played.tree.contains("mend.1.0"), "{}", played.tree);
    assert_eq!(played.state, RunState::GatesFailed);
}

#[test]
fn a_builder_in_circles_is_given_up_and_planned_around() {
    let circles: Script = vec![vec![call("run_command", false)]; 9];
    let mut world = World::team(vec![plan(&[("a", &[]), ("b", &[])]), plan(&[("c", &[])])], builder());
    world.steps.insert("b".into(), circles);
    let played = play(&world);
    assert_eq!((played.state, played.tree.as_str()), (RunState::Ready, "0,a.1.0,c.1.0"));
}

#[test]
fn a_plan_only_run_ends_with_its_plan_and_nothing_written() {
    let world = World { plan_only: true, ..World::team(vec![plan(&[("a", &[])])], builder()) };
    let played = play(&world);
    assert_eq!((played.state, played.view.plan.map(|p| p.steps.len())), (RunState::NoChange, Some(1)));
    assert!(!played.ops.iter().any(|op| op == "begin-a"));
    let analyses = played.entries.iter().filter(|r| matches!(r.entry, domain::Entry::Analyzed { .. }));
    assert_eq!(analyses.count(), 2, "the task before, and what the plan will cost");
}

#[test]
fn a_plan_waits_for_a_person_who_may_want_another() {
    let plans = vec![plan(&[("a", &[])]), plan(&[("b", &[])])];
    let world = World { plan_approval: true, ..World::team(plans, builder()) };
    let waiting = play(&world);
    assert_eq!(waiting.error_code.as_deref(), Some("plan_approval_required"));
    let still = go_on_with(&world, &waiting, Entry::Steered { text: "hurry".into() });
    assert_eq!(still.error_code.as_deref(), Some("plan_approval_required"));
    let words = Entry::Answered { text: "call it b".into(), plan: None };
    let again = go_on_with(&world, &waiting, words);
    assert_eq!(again.error_code.as_deref(), Some("plan_approval_required"), "{:?}", again.ops);
    let built = go_on_with(&world, &again, Entry::Answered { text: "yes".into(), plan: None });
    assert_eq!((built.state, built.tree.as_str()), (RunState::Ready, "0,b.1.0"));
    let ended = go_on_with(&world, &again, Entry::Answered { text: "no".into(), plan: None });
    assert_eq!(ended.state, RunState::Canceled);
}

#[test]
fn a_plan_that_a_person_wrote_is_built_as_it_stands() {
    let world = World { plan_approval: true, ..World::team(vec![plan(&[("a", &[])])], builder()) };
    let waiting = play(&world);
    assert_eq!(waiting.error_code.as_deref(), Some("plan_approval_required"));
    let own = plan(&[("mine", &[]), ("then", &["mine"])]);
    let answer = |plan: Plan| Entry::Answered { text: "the plan, edited".into(), plan: Some(Box::new(plan)) };
    let built = go_on_with(&world, &waiting, answer(own.clone()));
    assert_eq!((built.state, built.tree.as_str()), (RunState::Ready, "0,mine.1.0,then.1.0"));
    assert_eq!(built.view.plan.map(|p| p.steps), Some(own.steps));
    assert!(!built.ops.iter().any(|op| op.contains("architecture")), "{:?}", built.ops);
    // Nobody asked for a plan: it changes nothing.
    let late = go_on_with(&world, &waiting, Entry::Answered { text: "yes".into(), plan: None });
    let after = go_on_with(&world, &late, answer(plan(&[("other", &[])])));
    assert_eq!(after.tree, "0,a.1.0");
}

#[test]
fn two_hundred_steps_with_joins_end_with_every_part_once() {
    let mut big = Plan::default();
    for i in 0..200usize {
        let needs = [i.checked_sub(7), i.checked_sub(11), (i % 13 == 0).then_some(i / 2)];
        let mut depends_on: Vec<String> =
            needs.into_iter().flatten().filter(|d| *d < i).map(|d| format!("s{d}")).collect();
        depends_on.dedup();
        let id = format!("s{i}");
        big.steps.push(PlanStep { id, role: "developer".into(), depends_on, ..PlanStep::default() });
    }
    let mut world = World::team(vec![big], builder());
    world.max_turns = 2000;
    let played = play(&world);
    assert_eq!(played.state, RunState::Ready);
    assert_eq!(played.tree.split(',').count(), 201);
}

fn any_plan() -> impl Strategy<Value = Plan> {
    prop::collection::vec(prop::collection::vec(0usize..6, 0..3), 1..6).prop_map(|needs| {
        let mut plan = Plan::default();
        for (i, needs) in needs.iter().enumerate() {
            let mut depends_on: Vec<String> =
                needs.iter().filter(|d| **d < i).map(|d| format!("s{d}")).collect();
            depends_on.sort();
            depends_on.dedup();
            plan.steps.push(PlanStep { id: format!("s{i}"), depends_on, ..PlanStep::default() });
        }
        plan
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// In whichever order parallel steps go on, and wherever the process dies: the same ending, the same tree, the
    /// same words read by each agent.
    #[test]
    fn neither_order_nor_crashes_change_anything(
        plan in any_plan(),
        gates_pass_from_round in 1u32..3,
        review_refusals in 0usize..2,
        conflict in prop::option::of(0usize..5),
        order in any::<u64>(),
    ) {
        let conflicts_at = conflict.map(|c| format!("s{c}")).into_iter().collect();
        let script = (0..6).flat_map(|_| [vec![call("edit_file", true)], vec![finish()]]).collect();
        let world = World { gates_pass_from_round, review_refusals, conflicts_at, ..World::team(vec![plan], script) };
        let whole = play(&world);
        let other = play(&World { order, ..world.clone() });
        prop_assert_eq!((&other.state, &other.tree), (&whole.state, &whole.tree));
        for cut in (1..other.entries.len()).step_by(3) {
            let resumed = play_with_crash(&world, &other, cut);
            prop_assert_eq!((&resumed.state, &resumed.tree), (&whole.state, &whole.tree), "cut at {}", cut);
            for (number, read) in &resumed.messages {
                let whole_read = whole.view.attempts.iter().find(|a| {
                    let own = resumed.view.attempt(*number);
                    own.is_some_and(|own| own.step == a.step && own.seat == a.seat)
                }).and_then(|a| whole.messages.get(&a.number));
                prop_assert_eq!(Some(read), whole_read, "attempt {} cut at {}", number, cut);
            }
        }
    }
}
