//! What works with no key and no network: the demo, repairs, and the look at the machine.

use crate::world::{World, command, finish, write};

const MODULE: &str = "def clamp(value, low, high):\n    if value < low:\n        return low\n    if value < high:\n        return high\n    return value\n";
const TESTS: &str = "import unittest\nfrom clamp import clamp\n\nclass Clamp(unittest.TestCase):\n    def test_below(self):\n        self.assertEqual(clamp(-3, 0, 9), 0)\n    def test_inside(self):\n        self.assertEqual(clamp(4, 0, 9), 4)\n    def test_above(self):\n        self.assertEqual(clamp(12, 0, 9), 9)\n    def test_edges(self):\n        self.assertEqual([clamp(0, 0, 9), clamp(9, 0, 9)], [0, 9])\n";

#[test]
fn the_demo_repairs_its_repository() {
    let world = World::plain();
    let dir = world.root().join("demo");
    let text = dir.to_str().expect("a path of ours");
    let ran = world.aamas(["demo", "--dir", text, "--json"]).unwatched().raw();
    let document = ran.ended(0, "ready");
    let branch = document["branch"].as_str().expect("a branch");
    let diff = world.git_in(&dir, &["diff", "--stat=200", "main", branch]);
    assert!(diff.contains("ledger/money.py | 2 +-") && diff.contains("1 file changed"), "{diff}");
    let line = world.git_in(&dir, &["show", &format!("{branch}:ledger/money.py")]);
    assert!(line.contains("share + 1 if place <= leftover else share"), "{line}");
    assert_eq!(world.git_in(&dir, &["status", "--porcelain"]), "");
}

#[test]
fn a_planted_bug_is_repaired_offline() {
    let world = World::with(&[("clamp.py", MODULE), ("test_clamp.py", TESTS)]);
    let document = world.run("offline", &["Fix the failing tests"]).ended(0, "ready");
    let branch = document["branch"].as_str().expect("a branch");
    assert_eq!(world.changed(branch), ["clamp.py"]);
    assert_eq!(document["gates"][0]["verdict"], "passed");
    assert_eq!(document["turns"], 0);
}

#[test]
fn tests_that_pass_already_need_no_repair() {
    let mended = MODULE.replace("value < high", "value > high");
    let world = World::with(&[("clamp.py", mended.as_str()), ("test_clamp.py", TESTS)]);
    world.run("offline", &["Fix the failing tests"]).ended(0, "no_change");
    assert_eq!(world.branches().len(), 0);
}

#[test]
fn the_doctor_names_the_level_and_what_it_rests_on() {
    let world = World::plain();
    let ran = world.aamas(["doctor", "--json"]).unwatched().raw();
    assert_eq!(ran.code, 0, "{ran}");
    let document = ran.document();
    assert_eq!(document["ok"], true);
    let rows = document["sandbox"]["rows"].as_array().expect("rows");
    assert!(rows.len() >= 8 && rows.iter().all(|r| r["name"].is_string()), "{document}");
}

#[test]
fn set_up_runs_once_and_its_result_is_seen() {
    let world = World::plain();
    world.write(".gitignore", "made/\n");
    world.write("aamas.toml", "[setup]\ncommand = \"mkdir made && date +%N > made/stamp\"\n");
    world.commit("Set up");
    let look = || world.script(&[command("cp made/stamp seen"), finish("Look")]);
    let stamps: Vec<_> = (0..2)
        .map(|_| {
            let document = world.run(&look(), &["Look"]).ended(0, "ready");
            world.show(document["branch"].as_str().expect("a branch"), "seen")
        })
        .collect();
    assert!(!stamps[0].is_empty());
    assert_eq!(stamps[0], stamps[1], "the second run sees what the first one's set-up made");
}

#[test]
fn a_set_up_that_fails_is_said() {
    let world = World::plain();
    world.write("aamas.toml", "[setup]\ncommand = \"echo no such tool; exit 3\"\n");
    world.commit("Set up");
    let model = world.script(&[write("a", "b\n"), finish("Add a file")]);
    let document = world.run(&model, &["Add a file"]).ended(1, "failed");
    assert_eq!(document["error"]["code"], "setup_failed");
    assert!(document["error"]["message"].as_str().is_some_and(|m| m.contains("no such tool")), "{document}");
}
