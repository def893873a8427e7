//! What the tests do on the unchanged files: outcomes, failures, and the lines each test runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sandbox::Exec;
use serde::Deserialize;

use crate::driver::{Driver, Event, typed};
use crate::{LeftOut, RepairError, RepairLimits};

/// Lines of a file, from 1.
pub(crate) type LineSet = BTreeSet<u32>;

/// Most failing tests that are traced; more of them tell nothing new.
const TRACED_FAILING: usize = 200;

/// One test on the base.
#[derive(Clone, Debug, Default)]
pub(crate) struct Test {
    pub(crate) id: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) outcome: TestOutcome,
    pub(crate) seconds: f64,
    pub(crate) hung: bool,
    /// The test stands for a whole file that can't be collected.
    pub(crate) collection: bool,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) frames: Vec<Frame>,
    /// Lines run, by file; `None` when the test was not traced.
    pub(crate) lines: Option<BTreeMap<String, LineSet>>,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TestOutcome {
    Passed,
    Failed,
    #[default]
    Skipped,
}

/// A workspace file's place in a stack trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) path: String,
    pub(crate) line: u32,
    pub(crate) function: String,
}

/// All that is known before anything is changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    pub(crate) framework: String,
    /// The project's own pytest options could not be used.
    pub(crate) lenient: bool,
    pub(crate) tests: Vec<Test>,
    /// Lines run while the tests were collected, by file.
    pub(crate) import_lines: BTreeMap<String, LineSet>,
    /// Seconds that collecting took.
    pub(crate) collect_seconds: f64,
    /// Modules from outside the workspace that were imported.
    pub(crate) modules: Vec<String>,
    /// Files that the tests made in the workspace.
    pub(crate) made: Vec<String>,
    /// Files of the workspace that the tests changed.
    pub(crate) changed: Vec<String>,
    /// The tests could be collected at all.
    pub(crate) collected: bool,
    pub(crate) wall: Duration,
}

#[derive(Deserialize)]
struct Collected {
    framework: String,
    lenient: bool,
    tests: Vec<(String, String, u32)>,
    errors: Vec<TestRecord>,
    import_lines: BTreeMap<String, String>,
    seconds: f64,
    modules: Vec<String>,
}

#[derive(Deserialize)]
struct TestRecord {
    id: String,
    outcome: TestOutcome,
    seconds: f64,
    #[serde(default)]
    hung: bool,
    #[serde(default)]
    collection: bool,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    frames: Vec<(String, u32, String)>,
}

#[derive(Deserialize)]
struct LinesRecord {
    id: String,
    lines: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Surveyed {
    made: Vec<String>,
    changed: Vec<String>,
}

/// Runs all tests on the files as they are, and once more to see the lines.
pub(crate) async fn take<E: Exec>(
    driver: &Driver<'_, E>,
    limits: &RepairLimits,
) -> Result<Survey, RepairError> {
    let mut request = driver.base_request("survey");
    let seconds = (limits.time.as_secs_f64() / 2.0).max(10.0);
    request.insert("seconds".into(), seconds.into());
    request.insert("test_seconds".into(), limits.test_time.as_secs_f64().into());
    request.insert("trace_seconds".into(), (limits.time.as_secs_f64() / 8.0).clamp(5.0, 60.0).into());
    request.insert("trace_failing".into(), TRACED_FAILING.into());
    run(driver, request, "running the tests", Duration::from_secs_f64(seconds + 15.0)).await
}

/// Runs all tests plainly, from what is on disk.
pub(crate) async fn check<E: Exec>(
    driver: &Driver<'_, E>,
    lenient: bool,
    limit: Duration,
) -> Result<Survey, RepairError> {
    let mut request = driver.base_request("check");
    request.insert("lenient".into(), lenient.into());
    request.insert("seconds".into(), limit.as_secs_f64().into());
    run(driver, request, "confirming the patch", limit + Duration::from_secs(15)).await
}

async fn run<E: Exec>(
    driver: &Driver<'_, E>,
    request: Event,
    doing: &'static str,
    timeout: Duration,
) -> Result<Survey, RepairError> {
    let mut survey = Survey::default();
    let ended =
        driver.run(doing, request, "surveyed", timeout, |name, event| survey.note(name, event)).await?;
    survey.wall = ended.wall;
    Ok(survey)
}

impl Survey {
    fn note(&mut self, name: &str, event: Event) {
        match name {
            "collected" => {
                if let Some(collected) = typed(event) {
                    self.note_collected(collected);
                }
            }
            "test" => {
                if let Some(record) = typed::<TestRecord>(event) {
                    self.note_test(record);
                }
            }
            "lines" => {
                if let Some(LinesRecord { id, lines }) = typed(event)
                    && let Some(test) = self.tests.iter_mut().find(|t| t.id == id)
                {
                    test.lines =
                        Some(lines.into_iter().map(|(path, text)| (path, lines_of(&text))).collect());
                }
            }
            "surveyed" => {
                if let Some(Surveyed { made, changed }) = typed(event) {
                    (self.made, self.changed) = (made, changed);
                }
            }
            _ => {}
        }
    }

    fn note_collected(&mut self, collected: Collected) {
        self.collected = true;
        self.framework = collected.framework;
        self.lenient = collected.lenient;
        self.collect_seconds = collected.seconds;
        self.modules = collected.modules;
        self.import_lines =
            collected.import_lines.into_iter().map(|(path, text)| (path, lines_of(&text))).collect();
        self.tests = collected
            .tests
            .into_iter()
            .map(|(id, file, line)| Test { id, file, line, ..Test::default() })
            .collect();
        for record in collected.errors {
            self.tests.push(Test { id: record.id.clone(), file: record.id.clone(), ..Test::default() });
            self.note_test(record);
        }
    }

    fn note_test(&mut self, record: TestRecord) {
        if let Some(test) = self.tests.iter_mut().find(|t| t.id == record.id) {
            test.outcome = record.outcome;
            test.seconds = record.seconds;
            test.hung = record.hung;
            test.collection = record.collection;
            test.kind = record.kind;
            test.message = record.message;
            test.frames = record
                .frames
                .into_iter()
                .map(|(path, line, function)| Frame { path, line, function })
                .collect();
        }
    }

    /// Numbers of the tests that fail.
    pub(crate) fn failing(&self) -> Vec<usize> {
        (0..self.tests.len()).filter(|n| self.tests[*n].outcome == TestOutcome::Failed).collect()
    }
}

/// Which failing tests are to be turned green.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    /// Numbers into the survey's tests.
    pub(crate) tests: Vec<usize>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// Sorts the failing tests into targets and others: `wanted` by id, else those that the task names, else all whose
/// failure can lie in the workspace's code.
pub(crate) fn choose_targets(
    survey: &Survey,
    wanted: &[String],
    task: &str,
    is_code: impl Fn(&str) -> bool,
) -> Targets {
    let failing = survey.failing();
    let mut named: Vec<usize> =
        failing.iter().copied().filter(|n| wanted.iter().any(|w| is_id(&survey.tests[*n].id, w))).collect();
    if wanted.is_empty() {
        named = failing.iter().copied().filter(|n| is_named(&survey.tests[*n].id, task)).collect();
    }
    let explicit = !wanted.is_empty() || !named.is_empty();
    let mut targets = Targets::default();
    for number in failing {
        let test = &survey.tests[number];
        let reason = match (explicit, named.contains(&number)) {
            (true, true) => None,
            (true, false) => Some("the task is about other tests".to_owned()),
            (false, _) => outside_reason(test, &is_code),
        };
        match reason {
            None => targets.tests.push(number),
            Some(reason) => targets.left_out.push(LeftOut { test: test.id.clone(), reason }),
        }
    }
    targets
}

fn is_id(id: &str, wanted: &str) -> bool {
    id == wanted
        || id.split_once('[').is_some_and(|(stem, _)| stem == wanted)
        || id.ends_with(&format!("::{wanted}"))
        || id.ends_with(&format!(".{wanted}"))
        || id.starts_with(&format!("{wanted}::"))
}

/// Whether the task names the test: by its id, or by a function name that is telling.
fn is_named(id: &str, task: &str) -> bool {
    let stem = id.split_once('[').map_or(id, |(stem, _)| stem);
    let last = stem.rsplit([':', '.']).next().unwrap_or(stem);
    task.split(|c: char| !(c.is_alphanumeric() || "_./:[]-".contains(c)))
        .map(|word| word.trim_end_matches(['.', ':']))
        .any(|word| {
            word == id || word == stem || (word == last && last.starts_with("test_")) || names_file(word, id)
        })
}

fn names_file(word: &str, id: &str) -> bool {
    word.ends_with(".py")
        && id.split("::").next().is_some_and(|file| file == word || file.ends_with(&format!("/{word}")))
}

/// Why a failure is none of the code's doing; `None` if it may well be.
fn outside_reason(test: &Test, is_code: &impl Fn(&str) -> bool) -> Option<String> {
    const NETWORK: &[&str] = &[
        "gaierror",
        "ConnectionRefusedError",
        "ConnectionError",
        "URLError",
        "SSLError",
        "ConnectTimeout",
        "ConnectError",
        "MaxRetryError",
        "NewConnectionError",
        "NetworkUnreachable",
    ];
    if NETWORK.contains(&test.kind.as_str()) {
        return Some(format!("it needs the network ({})", test.kind));
    }
    if let Some(module) = missing_module(test)
        && !module.is_empty()
        && !is_code(&module)
    {
        return Some(format!("the module {module} is not installed"));
    }
    if test.message.contains("fixture '") && test.message.contains("not found") {
        return Some("it needs a pytest fixture that is not installed".to_owned());
    }
    let in_trace = test.frames.iter().any(|f| is_code(&f.path));
    let in_lines = test.lines.as_ref().is_none_or(|files| files.values().any(|lines| !lines.is_empty()));
    if !in_trace && !in_lines && !test.collection {
        return Some("it runs none of the repository's own code in its process".to_owned());
    }
    if test.collection && !in_trace && test.kind != "SyntaxError" && !test.kind.contains("Import") {
        return Some(format!(
            "its file can't be loaded, and not because of the repository's code ({})",
            test.kind
        ));
    }
    None
}

fn missing_module(test: &Test) -> Option<String> {
    let marker = "No module named '";
    let at = test.message.rfind(marker)? + marker.len();
    let name = test.message[at..].split('\'').next()?;
    Some(name.split('.').next().unwrap_or(name).to_owned())
}

/// The lines of `1-3,7`.
fn lines_of(text: &str) -> LineSet {
    text.split(',')
        .filter_map(|part| match part.split_once('-') {
            Some((first, last)) => Some(first.parse().ok()?..=last.parse().ok()?),
            None => part.parse().ok().map(|line: u32| line..=line),
        })
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_back() {
        assert_eq!(lines_of("1-3,7").into_iter().collect::<Vec<_>>(), [1, 2, 3, 7]);
        assert!(lines_of("").is_empty());
    }

    #[test]
    fn a_test_is_named_by_id_function_or_file() {
        let id = "tests/test_a.py::TestX::test_sum[1-2]";
        for task in [
            "fix tests/test_a.py::TestX::test_sum[1-2] please",
            "make test_sum pass",
            "The tests in tests/test_a.py fail.",
            "`test_sum` is red.",
        ] {
            assert!(is_named(id, task), "{task}");
        }
        for task in ["fix the failing tests", "sum is wrong", "test_summary fails", ""] {
            assert!(!is_named(id, task), "{task}");
        }
    }

    #[test]
    fn failures_of_the_environment_are_left_out() {
        let failing = |kind: &str, message: &str, own_lines: bool| Test {
            kind: kind.into(),
            message: message.into(),
            outcome: TestOutcome::Failed,
            lines: Some(if own_lines {
                [("a.py".to_owned(), LineSet::from([1]))].into()
            } else {
                BTreeMap::new()
            }),
            ..Test::default()
        };
        let code = |name: &str| name == "a.py" || name == "a";
        assert!(outside_reason(&failing("gaierror", "", true), &code).is_some());
        assert!(
            outside_reason(&failing("ModuleNotFoundError", "No module named 'numpy.x'", true), &code)
                .is_some()
        );
        assert!(
            outside_reason(&failing("ModuleNotFoundError", "No module named 'a'", true), &code).is_none()
        );
        assert!(outside_reason(&failing("AssertionError", "1 != 2", false), &code).is_some());
        assert!(outside_reason(&failing("AssertionError", "1 != 2", true), &code).is_none());
    }
}
