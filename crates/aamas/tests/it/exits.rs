//! Each exit code, each status.

use serde_json::json;

use crate::world::{World, calls, command, finish, mend, write};

#[test]
fn a_mended_test_is_ready() {
    let world = World::python();
    let base = world.git(&["rev-parse", "HEAD"]);
    let model = world.script(&[
        calls("read_file", json!({"path": "calc.py"})),
        mend(),
        calls("run_tests", json!({})),
        finish("Add what is to be added"),
    ]);
    let document = world.run(&model, &["Fix add in calc.py: 1 + 2 is 3!"]).ended(0, "ready");
    let branch = document["branch"].as_str().expect("a branch");
    let id = &document["run_id"].as_str().expect("an id")[22..];
    assert_eq!(branch, format!("aamas/fix-add-in-calc-py-1-2-is-3-{id}"));
    assert_eq!((&document["base_commit"], &document["turns"]), (&json!(base), &json!(4)));
    assert_eq!(
        document["gates"][0],
        json!({"name": "tests", "verdict": "passed", "summary": document["gates"][0]["summary"]})
    );
    assert_eq!(world.changed(branch), ["calc.py"]);
    assert!(world.show(branch, "calc.py").contains("return a + b"));
    let commit = world.git(&["log", "-1", "--format=%P|%an|%ae|%cn|%s|%b", branch]);
    assert!(
        commit.starts_with(&format!("{base}|Una User|una@example.org|Una User|Add what is to be added|")),
        "{commit}"
    );
    assert!(
        commit.contains(document["run_id"].as_str().expect("an id")),
        "no trailer names the run: {commit}"
    );
    assert_eq!(document["pull_request"]["title"], "Add what is to be added");
}

#[test]
fn nothing_to_change_is_said() {
    let world = World::plain();
    let model = world.script(&[finish("Nothing")]);
    let ran = world.run(&model, &["Describe the notes"]);
    let document = ran.ended(0, "no_change");
    assert!(document["branch"].is_null() && document["head_commit"].is_null());
    assert_eq!(world.branches(), [""; 0]);
}

#[test]
fn a_fix_without_a_change_fails_its_gate() {
    let world = World::python();
    let model = world.script(&[finish("Nothing"), finish("Nothing again")]);
    let document = world.run(&model, &["Fix the failing test"]).ended_with(3, "gates_failed", "gates_failed");
    assert_eq!(document["gates"][0]["verdict"], "failed");
    assert_eq!(world.branches(), [""; 0]);
}

#[test]
fn a_refused_change_is_kept_as_a_draft() {
    let world = World::python();
    let edit = calls("edit_file", json!({"path": "calc.py", "old_text": "a * 2", "new_text": "a * 3"}));
    let model = world.script(&[edit, finish("Thrice")]);
    let document = world.run(&model, &["Make twice thrice"]).ended_with(3, "gates_failed", "gates_failed");
    assert_eq!(document["gates"][0]["verdict"], "failed");
    assert_eq!(world.branches(), [document["branch"].as_str().expect("a branch")]);
    let shown = world.aamas(["pr", "show", "last"]).finish();
    assert_eq!(shown.document()["pull_request"]["state"], "draft", "{shown}");
}

#[test]
fn a_refusal_goes_back_to_the_agent_who_mends_it() {
    let world = World::python();
    let spoil = calls("edit_file", json!({"path": "calc.py", "old_text": "a * 2", "new_text": "a * 3"}));
    let unspoil = calls("edit_file", json!({"path": "calc.py", "old_text": "a * 3", "new_text": "a * 2"}));
    let told = json!({"expect": {"contains": ["test_twice"]}, "tool_calls": unspoil["tool_calls"]});
    let model = world.script(&[spoil, mend(), finish("Add"), told, finish("Add, and no more")]);
    let document = world.run(&model, &["Fix add"]).ended(0, "ready");
    assert_eq!(
        (&document["pull_request"]["title"], &document["turns"]),
        (&json!("Add, and no more"), &json!(5))
    );
}

#[test]
fn turns_run_out_and_can_be_raised() {
    let world = World::plain();
    let model = world.script(&[write("a.txt", "a\n"), write("b.txt", "b\n"), finish("Two files")]);
    let first = world.run(&model, &["--max-turns", "1", "Write two files"]);
    let document = first.ended_with(4, "limit_reached", "turn_limit");
    assert_eq!((&document["turns"], world.branches().len()), (&json!(1), 1));
    let again = world.resume(&["last"]);
    assert_eq!((again.code, again.document()), (4, document.clone()), "not raised: the same document");
    let ready = world.resume(&["last", "--max-turns", "9"]).ended(0, "ready");
    assert_eq!((&ready["branch"], &ready["turns"]), (&document["branch"], &json!(3)));
    assert_eq!(ready["pull_request"]["id"], document["pull_request"]["id"]);
    assert_eq!(world.show(ready["branch"].as_str().expect("a branch"), "b.txt"), "b");
    assert_eq!(world.pull_requests().len(), 1);
    assert_eq!(world.pull_requests()[0]["state"], "open");
}

#[test]
fn time_runs_out() {
    let world = World::plain();
    let model = world.script(&[write("a.txt", "a\n"), command("while :; do :; done"), finish("Never")]);
    let document =
        world.run(&model, &["--timeout", "2s", "Loop"]).ended_with(4, "limit_reached", "time_limit");
    assert!(document["duration_ms"].as_u64().expect("a number") >= 2000);
    assert_eq!(world.branches(), [document["branch"].as_str().expect("a draft")]);
    world.resume(&["last", "--timeout", "3s"]).ended_with(4, "limit_reached", "time_limit");
}

#[test]
fn money_runs_out() {
    let world = World::plain();
    let model = world.script(&[write("a.txt", "a\n"), finish("One file")]);
    // A scripted model costs nothing: the budget of nothing is not overdrawn before it is asked.
    let document = world.run(&model, &["--budget-usd", "0.01", "Write a file"]).ended(0, "ready");
    assert_eq!(document["usage"]["cost_usd"], json!(0.0));
}

#[test]
fn an_endless_loop_is_stuck() {
    let world = World::plain();
    let same = calls("read_file", json!({"path": "README.md"}));
    let turns: Vec<_> = (0..40).map(|_| same.clone()).collect();
    let model = world.script(&turns);
    let document = world.run(&model, &["Read"]).ended_with(4, "limit_reached", "stuck");
    assert!(document["turns"].as_u64().expect("a number") < 20, "{document}");
}

#[test]
fn a_script_that_is_wrong_ends_with_6() {
    let world = World::plain();
    let expecting =
        json!({"expect": {"contains": ["no such words"]}, "tool_calls": finish("x")["tool_calls"]});
    let model = world.script(&[expecting]);
    let document = world.run(&model, &["Do it"]).ended_with(6, "failed", "script_expectation_failed");
    assert!(document["error"]["message"].as_str().expect("a text").contains("no such words"), "{document}");
    let model = world.script(&[write("a.txt", "a\n")]);
    world.run(&model, &["Do it"]).ended_with(6, "failed", "script_exhausted");
}

#[test]
fn a_reply_without_tool_calls_finishes() {
    let world = World::plain();
    let model = world.script(&[write("a.txt", "a\n"), json!({"text": "Wrote the file that was asked for."})]);
    let document = world.run(&model, &["Write a.txt"]).ended(0, "ready");
    assert_eq!(world.changed(document["branch"].as_str().expect("a branch")), ["a.txt"]);
}
