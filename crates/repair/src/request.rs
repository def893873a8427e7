//! What is asked of the engine, what it tells on the way, and what comes out.

use std::time::Duration;

use sandbox::SandboxError;
use tokio_util::sync::CancellationToken;

use crate::EditKind;

/// A repository to repair: the one that the given `Exec` has as its workspace.
#[derive(Clone, Debug, Default)]
pub struct RepairRequest {
    /// The task in the user's words. Tests that it names become the targets.
    pub task: String,
    /// Ids of the tests to turn green, as pytest or unittest print them. Empty: the tests that the task names, else
    /// all that fail on the base and reach the repository's own code.
    pub targets: Vec<String>,
    /// How the tests are run.
    pub hints: TestHints,
    /// Bounds of the search.
    pub limits: RepairLimits,
    /// Ends the search; the workspace is put back first.
    pub cancel: CancellationToken,
}

/// How the tests of the repository are run; whatever is empty is found out.
#[derive(Clone, Debug, Default)]
pub struct TestHints {
    /// The framework. `None`: pytest where the project's Python can import it, else unittest.
    pub framework: Option<Framework>,
    /// Paths and options for pytest, or start directories for unittest. Empty: what the framework does by itself.
    pub arguments: Vec<String>,
    /// The interpreter. `None`: that of `VIRTUAL_ENV`, of `.venv` or `venv` in the workspace, else `python3` on PATH.
    pub python: Option<String>,
    /// Variables for every run, such as `PYTHONPATH`.
    pub env: Vec<(String, String)>,
}

/// A test framework of Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    /// pytest; it runs unittest's tests too.
    Pytest,
    /// `python -m unittest discover`.
    Unittest,
}

impl Framework {
    /// Its name, as the driver and reports say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pytest => "pytest",
            Self::Unittest => "unittest",
        }
    }
}

/// Bounds of a search. Each one that is hit is said in the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairLimits {
    /// Wall-clock time of everything.
    pub time: Duration,
    /// Candidates tried in all.
    pub candidates: usize,
    /// Candidates tried at the same time; best the number of cores.
    pub workers: usize,
    /// Longest that one test may take on the base before it counts as hanging.
    pub test_time: Duration,
    /// What one candidate's process may grow by, in bytes.
    pub memory_bytes: u64,
    /// Candidates looked at after the first one that passes, in order of likelihood.
    pub candidates_after_first: usize,
}

impl Default for RepairLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(600),
            candidates: 40_000,
            workers: 2,
            test_time: Duration::from_secs(10),
            memory_bytes: 1 << 30,
            candidates_after_first: 300,
        }
    }
}

/// What happens meanwhile, for those who watch.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The tests are being run on the unchanged files.
    Reproducing,
    /// The tests ran: how many there are, and how many of them fail.
    Reproduced {
        /// All tests.
        tests: usize,
        /// Those that fail.
        failing: usize,
    },
    /// The likeliest places, most suspicious first.
    Localized {
        /// At most ten.
        suspects: Vec<Suspect>,
    },
    /// Candidates are being tried.
    Searching {
        /// Tried so far.
        tried: usize,
        /// At most so many will be.
        at_most: usize,
        /// Tried per second since the search began.
        per_second: f64,
    },
    /// A candidate turned the failing tests green and broke none of those that run the changed lines.
    PlausibleFound {
        /// The changed file.
        path: String,
        /// The changed line, from 1.
        line: u32,
        /// The line before and after, as one text.
        change: String,
        /// The tests that it turns green; fewer than all targets when other bugs remain.
        green: usize,
    },
    /// The plain run of all tests, from the changed files on disk, is under way.
    Confirming,
    /// The plain run agrees.
    Confirmed,
}

/// A place in the code that the failing tests point at.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// The file, relative to the workspace root.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The function around it, such as `Invoice.total`; empty at module level.
    pub function: String,
    /// From 0 to 1.
    pub suspicion: f64,
    /// The line itself.
    pub text: String,
}

/// How a repair ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Every target is green and nothing that passed fails. The workspace is as it was: the caller applies `patches`.
    Repaired(Repaired),
    /// All targets pass already (tests that can't run here may be left out).
    NothingFails {
        /// Tests that fail for reasons outside the code.
        left_out: Vec<LeftOut>,
    },
    /// The search ended without a patch that turns every target green.
    NotFound {
        /// Candidates tried.
        tried: usize,
        /// Why it ended, in plain words.
        reason: String,
        /// The best patch for some of the targets, if there is one: a hint for whoever goes on.
        partial: Vec<FileEdit>,
        /// Where the bug most likely is.
        suspects: Vec<Suspect>,
        /// What it cost.
        stats: Stats,
    },
    /// Not a task for this engine.
    OutOfScope {
        /// Why, in plain words.
        reason: String,
    },
}

/// A confirmed patch.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    /// The changed files, whole.
    pub patches: Vec<FileEdit>,
    /// One line for a title, such as `Use <= instead of < in Invoice.is_due`.
    pub title: String,
    /// What was wrong, the evidence and what else was considered, as Markdown.
    pub explanation: String,
    /// What was tried.
    pub stats: Stats,
    /// The kinds of edit, one for each change.
    pub kinds: Vec<EditKind>,
    /// Targets that are green now.
    pub green: Vec<String>,
    /// Failing tests that were no targets, and why.
    pub left_out: Vec<LeftOut>,
}

/// A file before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEdit {
    /// Relative to the workspace root.
    pub path: String,
    /// The whole text before.
    pub before: String,
    /// The whole text after.
    pub after: String,
}

/// A failing test that is no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its id.
    pub test: String,
    /// Why it was left out.
    pub reason: String,
}

/// What a search cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Candidates tried.
    pub tried: usize,
    /// Candidates per second while trying.
    pub per_second: f64,
    /// Share of the trying, over all workers, that was spent inside tests: from 0 to 1.
    pub share_in_tests: f64,
    /// Seconds of everything.
    pub seconds: f64,
    /// Candidates that turned every target green and broke nothing they touch.
    pub plausible: usize,
}

/// Why the engine itself failed. That nothing was found is an [`Outcome`].
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The sandbox failed.
    #[error("the sandbox failed while {doing}")]
    Sandbox {
        /// What was under way.
        doing: &'static str,
        /// Why.
        source: SandboxError,
    },
    /// The driver in the sandbox ended without an answer.
    #[error("the repair driver failed while {doing}: {message}")]
    Driver {
        /// What was under way.
        doing: &'static str,
        /// Its own words, bounded.
        message: String,
    },
    /// The request's token was canceled.
    #[error("the repair was canceled")]
    Canceled,
}
