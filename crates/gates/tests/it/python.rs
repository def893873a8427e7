//! unittest, through the runner that is fed by standard input.

use gates::{SuiteOutcome, TestId};

use crate::support::{Repo, lines};

const CALC: &str = "def add(a, b):\n    return a - b\n\ndef double(a):\n    return 2 * a\n";

fn repo() -> Repo {
    Repo::new(&[
        ("calc.py", CALC),
        (
            "tests/test_calc.py",
            "import unittest\nimport calc\n\nclass CalcTest(unittest.TestCase):\n    def test_add(self):\n        print('{\"e\": \"test\"}')\n        self.assertEqual(calc.add(1, 2), 3)\n\n    def test_double(self):\n        self.assertEqual(calc.double(2), 4)\n\n    @unittest.skip('later')\n    def test_later(self):\n        pass\n\n    @unittest.expectedFailure\n    def test_known(self):\n        self.assertEqual(calc.add(1, 1), 2)\n\n    def test_many(self):\n        for i in range(3):\n            with self.subTest(i=i):\n                self.assertEqual(calc.add(i, 0), 0)\n\n    def test_error(self):\n        raise KeyError('x')\n",
        ),
        ("tests/test_broken.py", "import unittest\nimport no_such_module\n"),
        ("pkg/__init__.py", ""),
        ("pkg/tests/__init__.py", ""),
        (
            "pkg/tests/test_inner.py",
            "import unittest\nfrom pkg.tests import VALUE\n\nclass Inner(unittest.TestCase):\n    def test_a(self):\n        pass\n",
        ),
    ])
}

#[tokio::test]
async fn every_kind_of_result_is_reported() {
    let report = repo().tests().await;
    assert_eq!(
        lines(&report),
        [
            "pkg/tests/test_inner.py Error",
            "tests/test_broken.py Error",
            "tests/test_calc.py::CalcTest::test_add Failed",
            "tests/test_calc.py::CalcTest::test_double Passed",
            "tests/test_calc.py::CalcTest::test_error Error",
            "tests/test_calc.py::CalcTest::test_known Skipped",
            "tests/test_calc.py::CalcTest::test_later Skipped",
            "tests/test_calc.py::CalcTest::test_many Failed",
        ]
    );
    let add = report.failure(&TestId("tests/test_calc.py::CalcTest::test_add".into())).expect("described");
    assert_eq!((add.file.as_deref(), add.line), (Some("tests/test_calc.py"), Some(7)));
    assert!(add.message.ends_with("AssertionError: -1 != 3"), "{}", add.message);
    let many = report.failure(&TestId("tests/test_calc.py::CalcTest::test_many".into())).expect("described");
    assert!(many.message.contains("(i=1)") && many.message.contains("(i=2)"), "{}", many.message);
    assert!(report.complete);
}

#[tokio::test]
async fn a_filter_is_an_id_a_file_a_class_or_a_part_of_a_name() {
    let repo = repo();
    for (filter, want) in [
        (
            "tests/test_calc.py::CalcTest::test_double",
            vec!["tests/test_calc.py::CalcTest::test_double Passed"],
        ),
        (
            "test_double test_add",
            vec![
                "tests/test_calc.py::CalcTest::test_add Failed",
                "tests/test_calc.py::CalcTest::test_double Passed",
            ],
        ),
        ("tests/test_broken.py", vec!["tests/test_broken.py Error"]),
        ("no_such_test", vec![]),
    ] {
        assert_eq!(lines(&repo.run(Some(filter), 60).await), want, "{filter}");
    }
}

#[tokio::test]
async fn a_test_that_hangs_is_named() {
    let repo = Repo::new(&[(
        "test_a.py",
        "import unittest\n\nclass A(unittest.TestCase):\n    def test_1(self):\n        pass\n\n    def test_2(self):\n        while True:\n            pass\n\n    def test_3(self):\n        pass\n",
    )]);
    let report = repo.run(None, 5).await;
    assert_eq!(lines(&report), ["test_a.py::A::test_1 Passed", "unittest Error"]);
    assert!(!report.complete);
    let suite = &report.suites[0];
    assert_eq!(suite.hung_in, Some(TestId("test_a.py::A::test_2".into())));
    assert_eq!(suite.outcome, SuiteOutcome::Broken("stopped at the time limit of 5 s".into()));
}

#[tokio::test]
async fn a_test_that_ends_the_process_or_floods_its_output_hides_nothing() {
    let repo = Repo::new(&[(
        "test_a.py",
        "import os, sys, unittest\n\nclass A(unittest.TestCase):\n    def test_1(self):\n        for _ in range(20000):\n            print('x' * 200)\n\n    def test_2(self):\n        os._exit(0)\n",
    )]);
    let report = repo.tests().await;
    assert_eq!(lines(&report), ["test_a.py::A::test_1 Passed", "unittest Error"]);
    assert_eq!(report.suites[0].outcome, SuiteOutcome::Broken("ended with code 0 in the middle".into()));
}

#[tokio::test]
async fn tests_for_pytest_need_it() {
    let repo = Repo::new(&[("test_a.py", "import pytest\n\ndef test_a():\n    assert 1 == 1\n")]);
    // A python whose import of pytest fails, whatever is installed here.
    repo.write("pytest.py", "raise ImportError('not here')\n");
    let report = repo.tests().await;
    assert!(
        matches!(&report.suites[0].outcome, SuiteOutcome::CannotStart(why) if why.contains("pytest")),
        "{report:?}"
    );
}
