//! `node --test`, through our own reporter.

use gates::{SuiteOutcome, TestId};

use crate::support::{Repo, lines};

#[tokio::test]
async fn every_kind_of_result_is_reported() {
    let repo = Repo::new(&[
        ("package.json", r#"{"scripts":{"test":"node --test --test-reporter=spec test/"}}"#),
        (
            "test/a.test.js",
            "const { test, describe, it } = require('node:test');\nconst assert = require('node:assert');\ntest('adds', () => assert.equal(1 + 1, 2));\ntest('adds', () => console.log('{\"e\":\"end\"}'));\ntest('bad', () => {\n  assert.equal(1 + 1, 3);\n});\ndescribe('group', () => {\n  it('in', () => {});\n  it.skip('later', () => {});\n  it.todo('some day');\n});\ntest('parent', async (t) => {\n  await t.test('child', () => {});\n});\n",
        ),
        ("test/b.test.js", "this is no program\n"),
        ("test/plain.test.js", "require('node:assert').ok(true);\n"),
    ]);
    let report = repo.tests().await;
    assert_eq!(
        lines(&report),
        [
            "test/a.test.js::adds Passed",
            "test/a.test.js::adds #2 Passed",
            "test/a.test.js::bad Failed",
            "test/a.test.js::group > in Passed",
            "test/a.test.js::group > later Skipped",
            "test/a.test.js::group > some day Skipped",
            "test/a.test.js::parent Passed",
            "test/a.test.js::parent > child Passed",
            "test/b.test.js Error",
            "test/plain.test.js Passed",
        ]
    );
    let bad = report.failure(&TestId("test/a.test.js::bad".into())).expect("described");
    assert_eq!((bad.file.as_deref(), bad.line), (Some("test/a.test.js"), Some(6)), "{}", bad.message);
    let broken = report.failure(&TestId("test/b.test.js".into())).expect("described");
    assert!(broken.message.contains("SyntaxError"), "{}", broken.message);
    assert_eq!(report.suites[0].command, "node --test test/");
    let one = repo.run(Some("test/a.test.js::group > in"), 60).await;
    assert!(lines(&one).contains(&"test/a.test.js::group > in Passed".to_owned()), "{:?}", lines(&one));
    assert!(!lines(&one).contains(&"test/a.test.js::bad Failed".to_owned()), "{:?}", lines(&one));
}

#[tokio::test]
async fn a_file_that_hangs_is_named() {
    let repo = Repo::new(&[
        ("package.json", r#"{"scripts":{"test":"node --test"}}"#),
        ("test/a.test.js", "require('node:test')('quick', () => {});\n"),
        ("test/b.test.js", "require('node:test')('slow', () => { for (;;); });\n"),
    ]);
    let report = repo.run(None, 8).await;
    assert_eq!(lines(&report), ["node --test Error", "test/a.test.js::quick Passed"]);
    assert_eq!(report.suites[0].hung_in, Some(TestId("test/b.test.js".into())));
}

#[tokio::test]
async fn a_runner_that_is_not_installed_cannot_start() {
    let repo = Repo::new(&[("package.json", r#"{"scripts":{"test":"vitest"}}"#), ("a.test.js", "")]);
    let report = repo.tests().await;
    assert!(
        matches!(&report.suites[0].outcome, SuiteOutcome::CannotStart(why) if why.contains("vitest")),
        "{report:?}"
    );
}
