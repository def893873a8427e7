//! What can't be repaired, and bounds: each ends in an outcome that says so, and leaves the workspace as it was.

use std::time::Duration;

use repair::{Outcome, RepairError};

use crate::cases::{lay_out, request, run};

const MODULE: &str = "def double(value):\n    return value * 3\n";

fn tests_of(body: &str) -> String {
    format!("import unittest\nfrom module import double\n\n\nclass TestDouble(unittest.TestCase):\n{body}")
}

const RED: &str = "    def test_double(self):\n        self.assertEqual(double(4), 8)\n";

#[tokio::test]
async fn tests_that_contradict_each_other_are_not_found() {
    let body = format!("{RED}    def test_other(self):\n        self.assertEqual(double(4), 9)\n");
    let directory = lay_out(MODULE, &tests_of(&body));
    let mut asked = request("fix the failing tests", 120);
    asked.limits.candidates = 150;
    let outcome = run(directory.path(), asked).await;
    let Outcome::NotFound { tried, reason, suspects, .. } = outcome else { panic!("{outcome:#?}") };
    assert!(tried > 0 && !reason.is_empty() && suspects[0].path == "module.py");
    assert_eq!(std::fs::read_to_string(directory.path().join("module.py")).expect("there"), MODULE);
}

#[tokio::test]
async fn a_bound_on_candidates_is_said() {
    let directory = lay_out(
        MODULE,
        &tests_of("    def test_odd(self):\n        self.assertEqual(double(4), 'eleven')\n"),
    );
    let mut asked = request("fix the failing tests", 120);
    asked.limits.candidates = 20;
    let outcome = run(directory.path(), asked).await;
    let Outcome::NotFound { tried, reason, .. } = outcome else { panic!("{outcome:#?}") };
    assert!(tried <= 20 && reason.contains("20 likeliest"), "{tried}: {reason}");
}

#[tokio::test]
async fn nothing_fails() {
    let directory = lay_out("def double(value):\n    return value * 2\n", &tests_of(RED));
    assert_eq!(
        run(directory.path(), request("fix it", 60)).await,
        Outcome::NothingFails { left_out: Vec::new() }
    );
}

#[tokio::test]
async fn a_missing_module_is_left_out() {
    let body = format!(
        "{RED}    def test_far(self):\n        import no_such_library\n        self.assertEqual(double(1), 2)\n"
    );
    let directory = lay_out(MODULE, &tests_of(&body));
    let outcome = run(directory.path(), request("fix the failing tests", 120)).await;
    let Outcome::Repaired(repaired) = outcome else { panic!("{outcome:#?}") };
    assert_eq!(repaired.left_out.len(), 1);
    assert!(repaired.left_out[0].reason.contains("no_such_library is not installed"));
}

#[tokio::test]
async fn no_tests_are_out_of_scope() {
    let directory = lay_out(MODULE, "");
    let outcome = run(directory.path(), request("fix it", 60)).await;
    assert!(
        matches!(&outcome, Outcome::OutOfScope { reason } if reason.contains("no tests")),
        "{outcome:#?}"
    );
}

#[tokio::test]
async fn the_task_names_the_target() {
    let body = format!("{RED}    def test_other(self):\n        self.assertEqual(double(None), 9)\n");
    let directory = lay_out(MODULE, &tests_of(&body));
    let outcome = run(directory.path(), request("make test_double pass", 120)).await;
    let Outcome::Repaired(repaired) = outcome else { panic!("{outcome:#?}") };
    assert_eq!(repaired.green, ["test_module.TestDouble.test_double"]);
    assert!(repaired.left_out[0].reason.contains("other tests"));
}

#[tokio::test]
async fn a_canceled_search_says_so() {
    let directory = lay_out(MODULE, &tests_of(RED));
    let asked = request("fix it", 60);
    asked.cancel.cancel();
    let exec = testkit::bare::BareDir::new(directory.path(), &[]);
    let outcome = repair::repair(&exec, asked, &mut |_| {}).await;
    assert!(matches!(outcome, Err(RepairError::Canceled)), "{outcome:?}");
}

#[tokio::test]
async fn a_test_that_only_hangs_ends_in_time() {
    let directory = lay_out("def double(value):\n    while True:\n        value = value\n", &tests_of(RED));
    let mut asked = request("fix it", 30);
    asked.limits.candidates = 60;
    asked.limits.time = Duration::from_secs(60);
    let outcome = run(directory.path(), asked).await;
    assert!(matches!(outcome, Outcome::NotFound { .. } | Outcome::Repaired(_)), "{outcome:#?}");
}
