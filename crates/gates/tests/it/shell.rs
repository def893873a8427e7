//! Commands of `aamas.toml`.

use gates::SuiteOutcome;

use crate::support::{Repo, lines};

fn with_tests(command: &str) -> Repo {
    Repo::new(&[("aamas.toml", &format!("[gates]\ntests = '{command}'\n"))])
}

#[tokio::test]
async fn an_exit_code_is_one_test() {
    assert_eq!(lines(&with_tests("true # all").tests().await), ["true # all Passed"]);
    let report = with_tests("echo it broke >&2; exit 3").tests().await;
    assert_eq!(lines(&report), ["echo it broke >&2; exit 3 Failed"]);
    assert_eq!(report.failures[0].message, "exit code 3\n\nit broke");
}

#[tokio::test]
async fn tap_names_the_tests() {
    let repo = with_tests(r#"printf "TAP version 13\nok 1 adds\nnot ok 2 fails\n1..2\n"; exit 1"#);
    assert_eq!(lines(&repo.tests().await), ["tap::adds Passed", "tap::fails Failed"]);
}

#[tokio::test]
async fn a_command_that_is_not_there_cannot_start() {
    let report = with_tests("no-such-command --x").tests().await;
    assert!(
        matches!(&report.suites[0].outcome, SuiteOutcome::CannotStart(why) if why.contains("no-such-command")),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_filter_goes_where_the_command_wants_it_and_is_quoted() {
    let report = with_tests("test {filter} = a\\;b").run(Some("a;b"), 60).await;
    assert_eq!(report.counts().passed, 1, "{report:?}");
}
