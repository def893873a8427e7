//! Small buggy modules: `cases/NAME.py` holds lines `# want: …` (one of which the repaired module must have), the
//! module, and after `# --- tests` its tests.

use std::path::Path;
use std::time::Duration;

use repair::{Framework, Outcome, RepairLimits, RepairRequest, Repaired, TestHints};
use tempfile::TempDir;
use testkit::bare::BareDir;

const MARK: &str = "# --- tests\n";

/// A directory with a module and its tests.
pub fn lay_out(module: &str, tests: &str) -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    std::fs::write(directory.path().join("module.py"), module).expect("writable");
    std::fs::write(directory.path().join("test_module.py"), tests).expect("writable");
    directory
}

/// A request that runs unittest, which every Python has.
pub fn request(task: &str, seconds: u64) -> RepairRequest {
    RepairRequest {
        task: task.into(),
        hints: TestHints { framework: Some(Framework::Unittest), ..TestHints::default() },
        limits: RepairLimits {
            time: Duration::from_secs(seconds),
            test_time: Duration::from_secs(2),
            candidates_after_first: 300,
            ..RepairLimits::default()
        },
        ..RepairRequest::default()
    }
}

pub async fn run(directory: &Path, request: RepairRequest) -> Outcome {
    let exec = BareDir::new(directory, &[]);
    repair::repair(&exec, request, &mut |_| {}).await.expect("the engine works")
}

fn listing(directory: &Path) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = std::fs::read_dir(directory)
        .expect("readable")
        .map(|e| e.expect("an entry"))
        .filter(|e| e.path().is_file())
        .map(|e| {
            (e.file_name().to_string_lossy().into_owned(), std::fs::read_to_string(e.path()).expect("text"))
        })
        .collect();
    found.sort();
    found
}

async fn repaired(name: &str) -> Repaired {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases").join(format!("{name}.py"));
    let text = std::fs::read_to_string(path).expect("the case exists");
    let (module, tests) = text.split_once(MARK).expect("a case has tests");
    let (want, module): (Vec<&str>, Vec<&str>) = module.lines().partition(|l| l.starts_with("# want: "));
    let directory = lay_out(&(module.join("\n") + "\n"), tests);
    let before = listing(directory.path());
    let outcome = run(directory.path(), request("fix the failing tests", 240)).await;
    assert_eq!(listing(directory.path()), before, "{name}: the workspace is as it was");
    let Outcome::Repaired(repaired) = outcome else { panic!("{name}: {outcome:#?}") };
    let patches = &repaired.patches;
    assert!(patches.iter().all(|p| p.path == "module.py"), "{name}: only the module is changed");
    let after = &patches[0].after;
    let fits = want.iter().any(|w| after.contains(w.trim_start_matches("# want: ")));
    assert!(fits, "{name}: {}\n{after}", repaired.title);
    repaired
}

macro_rules! cases {
    ($($name:ident)*) => { $(
        #[tokio::test]
        async fn $name() {
            repaired(stringify!($name)).await;
        }
    )* };
}

cases! {
    binary_search early_return endless_loop import_error initial_value leap_year missing_await missing_base_case
    missing_none_check missing_not missing_raise missing_return missing_self module_constant mutable_default
    running_average sort_key swapped_arguments syntax_error transpose two_conditions visited window_slice
    writes_files wrong_constant wrong_exception wrong_method wrong_variable
}

#[tokio::test]
async fn two_bugs() {
    let repaired = repaired("two_bugs").await;
    let after = &repaired.patches[0].after;
    assert!(
        after.contains("return width * height") && after.contains("return 2 * (width + height)"),
        "{after}"
    );
}

#[tokio::test]
async fn a_repair_is_explained() {
    let repaired = repaired("two_conditions").await;
    assert_eq!(repaired.title, "Use `<` instead of `<=` in Grid.set");
    for part in [
        "-        if 0 <= x < self.width and 0 <= y <= self.height:",
        "a comparison was the wrong one",
        "test_outside",
    ] {
        assert!(repaired.explanation.contains(part), "{part} in {}", repaired.explanation);
    }
    assert!(repaired.stats.tried > 0 && repaired.stats.plausible > 0);
}
