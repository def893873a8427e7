//! The files of the workspace during a repair: read once, changed to look, put back at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::Exec;

use super::{FILE_BYTES, Job, WRITE};
use crate::choose::{Applied, Choice};
use crate::driver::{Driver, text_of};
use crate::edit::apply;
use crate::source::SourceFile;
use crate::survey::{self, Survey};
use crate::{FileEdit, RepairError};

/// Least time for a plain run of all tests.
const LEAST_CHECK: Duration = Duration::from_secs(20);

impl<E: Exec> Job<'_, E> {
    pub(super) async fn read(&mut self) -> Result<(), RepairError> {
        let mut request = self.driver.base_request("read");
        request.insert("file_bytes".into(), FILE_BYTES.into());
        let (mut files, mut tests) = (Vec::new(), Vec::new());
        let note = |name: &str, event: crate::driver::Event| {
            if name != "file" {
                return;
            }
            if let (Some(path), Some(text)) = (text_of(&event, "path"), text_of(&event, "text")) {
                let is_test = event.get("test").and_then(serde_json::Value::as_bool).unwrap_or(false);
                (if is_test { &mut tests } else { &mut files }).push((path, text));
            }
        };
        self.driver.run("reading the files", request, "read", self.request.limits.time, note).await?;
        self.originals = files.iter().chain(&tests).cloned().collect();
        self.files = files.into_iter().map(|(path, text)| SourceFile::parse(path, text)).collect();
        self.tests = tests.into_iter().map(|(path, text)| SourceFile::parse(path, text)).collect();
        Ok(())
    }

    pub(super) async fn survey(&mut self) -> Result<Survey, RepairError> {
        let survey = survey::take(self.driver, &self.request.limits).await?;
        self.note_traces(&survey);
        Ok(survey)
    }

    pub(super) async fn check(&mut self, lenient: bool) -> Result<Survey, RepairError> {
        let limit = self.request.limits.time.saturating_sub(self.began.elapsed()).max(LEAST_CHECK);
        let survey = survey::check(self.driver, lenient, limit).await?;
        self.note_traces(&survey);
        Ok(survey)
    }

    fn note_traces(&mut self, survey: &Survey) {
        self.made.extend(survey.made.iter().cloned());
        self.changed.extend(survey.changed.iter().cloned());
    }

    /// Puts a choice in place, on disk and in memory.
    pub(super) async fn apply(
        &mut self,
        choice: &Choice,
        now: &Survey,
        left: &[usize],
        alternatives: Vec<String>,
    ) -> Result<Applied, RepairError> {
        let file = &self.files[choice.file];
        let before = file.text.clone();
        let after = apply(&before, &choice.replacements);
        let applied = Applied {
            file: choice.file,
            path: file.path.clone(),
            line: choice.line,
            function: file
                .function_on(choice.line)
                .map_or(String::new(), |n| file.functions[n].qualified.clone()),
            kind: choice.kind,
            replacements: choice.replacements.clone(),
            green: choice.green.iter().map(|n| now.tests[*n].id.clone()).collect(),
            failing: left.len(),
            alternatives,
            before,
            after,
        };
        self.put(applied.file, applied.after.clone()).await?;
        Ok(applied)
    }

    pub(super) async fn undo(&mut self, applied: &Applied) -> Result<(), RepairError> {
        self.put(applied.file, applied.before.clone()).await
    }

    async fn put(&mut self, file: usize, text: String) -> Result<(), RepairError> {
        let path = self.files[file].path.clone();
        self.write([(path.clone(), text.clone())].into()).await?;
        self.files[file] = SourceFile::parse(path, text);
        Ok(())
    }

    /// All files as they were at the beginning.
    pub(super) async fn reset(&mut self) -> Result<(), RepairError> {
        for edit in self.edits() {
            let number = self.files.iter().position(|f| f.path == edit.path);
            if let Some(number) = number {
                self.put(number, edit.before).await?;
            }
        }
        Ok(())
    }

    /// What differs from the beginning.
    pub(super) fn edits(&self) -> Vec<FileEdit> {
        self.files
            .iter()
            .filter_map(|f| {
                let before = self.originals.get(&f.path)?;
                (*before != f.text).then(|| FileEdit {
                    path: f.path.clone(),
                    before: before.clone(),
                    after: f.text.clone(),
                })
            })
            .collect()
    }

    pub(super) async fn write(&self, files: BTreeMap<String, String>) -> Result<(), RepairError> {
        put_files(self.driver, &files, &[]).await
    }

    /// Puts everything back: changed files, and what the tests made or wrote over.
    pub(super) async fn restore(&mut self, cleaner: &Driver<'_, E>) -> Result<(), RepairError> {
        let mut files: BTreeMap<String, String> =
            self.edits().into_iter().map(|e| (e.path, e.before)).collect();
        for path in &self.changed {
            if let Some(text) = self.originals.get(path) {
                files.insert(path.clone(), text.clone());
            }
        }
        self.made.sort();
        self.made.dedup();
        let made: Vec<String> =
            self.made.iter().filter(|p| !self.originals.contains_key(*p)).cloned().collect();
        if files.is_empty() && made.is_empty() {
            return Ok(());
        }
        put_files(cleaner, &files, &made).await
    }
}

async fn put_files<E: Exec>(
    driver: &Driver<'_, E>,
    files: &BTreeMap<String, String>,
    remove: &[String],
) -> Result<(), RepairError> {
    let mut request = driver.base_request("write");
    request.insert("files".into(), serde_json::json!(files));
    request.insert("remove".into(), serde_json::json!(remove));
    driver.run("writing files", request, "written", WRITE, |_, _| {}).await?;
    Ok(())
}
