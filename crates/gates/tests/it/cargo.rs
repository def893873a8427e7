//! `cargo test`.

use gates::SuiteOutcome;

use crate::support::{Repo, lines};

const MANIFEST: &str = "[package]\nname = \"lab\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

fn repo(lib: &str) -> Repo {
    // A target directory of its own, whatever the surroundings say: the tests' repositories must not share one.
    let own = "[gates]\ntests = \"cargo test --target-dir target\"\n";
    Repo::new(&[("Cargo.toml", MANIFEST), ("src/lib.rs", lib), ("aamas.toml", own)])
}

#[tokio::test]
async fn tests_are_named_by_target_and_path() {
    let repo = repo(
        "/// ```\n/// assert_eq!(lab::add(1, 2), 3);\n/// ```\npub fn add(a: i32, b: i32) -> i32 { a + b }\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::add(1, 1), 2);\n    }\n    #[test]\n    fn fails() {\n        assert_eq!(super::add(1, 1), 3);\n    }\n    #[test]\n    #[ignore]\n    fn later() {}\n}\n",
    );
    repo.write("tests/it.rs", "#[test]\nfn adds() {\n    assert_eq!(lab::add(2, 2), 4);\n}\n");
    let report = repo.run(None, 300).await;
    assert_eq!(
        lines(&report),
        [
            "it:tests/it.rs::adds Passed",
            "lab:doc::src/lib.rs - add Passed",
            "lab:src/lib.rs::tests::adds Passed",
            "lab:src/lib.rs::tests::fails Failed",
            "lab:src/lib.rs::tests::later Skipped",
        ]
    );
    assert_eq!((report.failures[0].file.as_deref(), report.failures[0].line), (Some("src/lib.rs"), Some(14)));
    let one = repo.run(Some("tests::fails"), 300).await;
    assert_eq!(lines(&one), ["lab:src/lib.rs::tests::fails Failed"]);
}

#[tokio::test]
async fn what_does_not_compile_is_broken_with_the_compilers_words() {
    let report = repo("pub fn f() -> i32 { \"x\" }\n").run(None, 300).await;
    assert_eq!(lines(&report), ["cargo test Error"]);
    assert!(
        matches!(&report.suites[0].outcome, SuiteOutcome::Broken(why) if why.contains("E0308")),
        "{report:?}"
    );
}
