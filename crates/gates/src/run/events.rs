//! The events that our own reporters write, one JSON object per line.

use serde::Deserialize;

use crate::report::{SuiteOutcome, TestReport, TestStatus};
use crate::tree::join;

/// One line of a reporter.
#[derive(Debug, Deserialize)]
#[serde(tag = "e", rename_all = "snake_case")]
enum Event {
    Begin {
        runner: String,
    },
    Start {
        id: Option<String>,
        file: Option<String>,
        #[serde(default)]
        names: Vec<String>,
    },
    Test {
        id: String,
        status: TestStatus,
        #[serde(default)]
        message: String,
        file: Option<String>,
        line: Option<u32>,
    },
    Node {
        status: TestStatus,
        file: Option<String>,
        names: Vec<String>,
        #[serde(default)]
        message: String,
        line: Option<u32>,
    },
    Note {
        text: String,
    },
    CannotStart {
        why: String,
    },
    End {
        #[serde(default)]
        code: i64,
        #[serde(default)]
        empty: bool,
    },
}

/// A message without the frames of libraries.
fn own_frames(message: &str) -> String {
    let foreign = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("at ")
            && (line.contains("node_modules/")
                || line.contains("node:internal")
                || line.contains("<anonymous>)"))
    };
    message.lines().filter(|line| !foreign(line)).collect::<Vec<_>>().join("\n")
}

/// The line in the first frame of this file.
fn line_of(message: &str, file: &str) -> Option<u32> {
    let rest = message.split(&format!("{file}:")).nth(1)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Reads a reporter's events into a report.
pub(super) struct Reader<'a> {
    report: &'a mut TestReport,
    root: String,
    dir: String,
    /// The runner's own words for itself.
    pub(super) runner: String,
    /// Tests seen.
    pub(super) tests: usize,
    /// The test that was begun and has not ended.
    pub(super) open: Option<String>,
    cannot_start: Option<String>,
    note: Option<String>,
    end: Option<(i64, bool)>,
}

impl<'a> Reader<'a> {
    /// A reader for a suite in `dir` of the repository at `root`.
    pub(super) fn new(report: &'a mut TestReport, root: &std::path::Path, dir: &str) -> Self {
        Self {
            report,
            root: root.to_string_lossy().into_owned(),
            dir: dir.to_owned(),
            runner: String::new(),
            tests: 0,
            open: None,
            cannot_start: None,
            note: None,
            end: None,
        }
    }

    /// Takes one line; what is no event of ours is passed over.
    pub(super) fn line(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(Event::Begin { runner }) => self.runner = runner,
            Ok(Event::Start { id, file, names }) => {
                self.open = id.or_else(|| Some(self.id(file.as_deref(), &names)));
            }
            Ok(Event::Test { id, status, message, file, line }) => {
                self.add(&id, status, &message, file, line)
            }
            Ok(Event::Node { status, file, names, message, line }) => {
                let id = self.id(file.as_deref(), &names);
                let whole_file = !id.contains("::");
                // A file that holds no tests of node's own passes by ending well; one that can't be loaded fails.
                let status =
                    if whole_file && status == TestStatus::Failed { TestStatus::Error } else { status };
                let file = file.map(|f| self.relative(&f));
                self.add(&id, status, &message, file, line.filter(|_| !whole_file));
            }
            Ok(Event::Note { text }) => self.note = Some(text),
            Ok(Event::CannotStart { why }) => self.cannot_start = Some(why),
            Ok(Event::End { code, empty }) => self.end = Some((code, empty)),
            Err(_) => {}
        }
    }

    fn add(&mut self, id: &str, status: TestStatus, message: &str, file: Option<String>, line: Option<u32>) {
        self.tests += 1;
        self.open = None;
        let message = own_frames(&message.replace(&format!("{}/", self.root), ""));
        let line = line.or_else(|| file.as_deref().and_then(|file| line_of(&message, file)));
        self.report.add(id, status, &message, (file, line));
    }

    /// `file::outer > inner`; just the file when the only name is the file itself.
    fn id(&self, file: Option<&str>, names: &[String]) -> String {
        let path = file.map(|f| self.relative(f)).unwrap_or_else(|| self.dir.clone());
        match names {
            [only] if Some(only.as_str()) == file || self.relative(only) == path => path,
            names => format!("{path}::{}", names.join(" > ")),
        }
    }

    /// A path as seen from the repository's root.
    pub(super) fn relative(&self, path: &str) -> String {
        let path = path.strip_prefix("file://").unwrap_or(path);
        match path.strip_prefix(self.root.as_str()) {
            Some(rest) => rest.trim_start_matches('/').to_owned(),
            None if path.starts_with('/') => path.to_owned(),
            None => join(&self.dir, path.trim_start_matches("./")),
        }
    }

    /// What the suite came to, when its command was not cut short.
    pub(super) fn outcome(&self, exit: i32) -> SuiteOutcome {
        match (&self.cannot_start, self.end) {
            (Some(why), _) => SuiteOutcome::CannotStart(why.clone()),
            (None, Some((_, true))) if self.tests == 0 => SuiteOutcome::NoTests,
            (None, Some((0, _))) if self.tests == 0 => SuiteOutcome::NoTests,
            (None, Some(_)) if self.tests > 0 => SuiteOutcome::Ran,
            (None, Some((code, _))) => {
                SuiteOutcome::Broken(self.broken(&format!("ended with code {code} and no result")))
            }
            (None, None) => {
                SuiteOutcome::Broken(self.broken(&format!("ended with code {exit} in the middle")))
            }
        }
    }

    fn broken(&self, words: &str) -> String {
        self.note.as_ref().map_or_else(|| words.to_owned(), |note| format!("{words}: {note}"))
    }
}
