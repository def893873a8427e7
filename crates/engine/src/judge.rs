//! A change before its gates.

use domain::{GateResult, RunSettings};
use gates::{Baseline, Change, ChangedFile, FileStatus, GateInputs, TargetRule};
use sandbox::large::LARGE_FILE_BYTES;
use sandbox::objects::{Mode, Oid};
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, Fresh, Ground, blocking, parse_oid};
use crate::{EngineError, protected};

/// What of a file gates read, in bytes; more than any of them lets through.
const MAX_JUDGED: usize = 8 << 20;

impl Desk {
    /// Lets all gates judge a tree that the workspace shows.
    pub(crate) async fn judge(
        &mut self,
        settings: &RunSettings,
        base: &Baseline,
        base_tree: &str,
        tree: &str,
        offline: bool,
        cancel: &CancellationToken,
    ) -> Result<Vec<GateResult>, EngineError> {
        let (old, new) = (parse_oid(base_tree)?, parse_oid(tree)?);
        let (change, head_plan) = blocking({
            let (ground, gates) = (self.ground.clone(), self.gates.clone());
            move || Ok((ground.change(old, new)?, ground.plan_of(new, &gates)?))
        })
        .await?;
        let plan = self.plan.clone().with_suites_of(&head_plan);
        let inputs = GateInputs {
            plan: &plan,
            config: &self.gates,
            baseline: base,
            change: &change,
            task_text: &settings.task,
            is_fix: gates::is_fix(&settings.task),
            rule: if offline { TargetRule::Every } else { TargetRule::One },
            cancel: cancel.clone(),
        };
        // A view of its own: what the agent left in ignored folders (a test runner in `.venv/bin`, say) does not judge.
        let name = format!("{}-gates", self.run());
        let view = Fresh::open(&self.ground, &self.config, &name, Some(new)).await?;
        let judgement = gates::run_gates(view.session(), &inputs).await;
        view.close().await?;
        Ok(judgement?.results)
    }

    /// Changed paths that need a person's approval.
    pub(crate) async fn protected(&self, base_tree: &str, tree: &str) -> Result<Vec<String>, EngineError> {
        let (old, new) = (parse_oid(base_tree)?, parse_oid(tree)?);
        let (ground, more) = (self.ground.clone(), self.config.protected.paths.clone());
        blocking(move || {
            let changes = ground.mirror.changes(old, new)?;
            let paths: Vec<String> = changes.iter().map(|c| c.path_text()).collect();
            Ok(protected::protected(paths.iter().map(String::as_str), &more))
        })
        .await
    }
}

impl Ground {
    fn plan_of(&self, tree: Oid, config: &gates::Config) -> Result<gates::Plan, EngineError> {
        let head = crate::base::Base::read(self.mirror.objects().clone(), tree)?;
        let tree = gates::Tree::new(head.files().iter().cloned(), |path| head.text(path));
        Ok(gates::detect(&tree, config))
    }

    fn change(&self, old: Oid, new: Oid) -> Result<Change, EngineError> {
        let objects = self.mirror.objects();
        let mut files = Vec::new();
        for file in self.mirror.changes(old, new)? {
            let content =
                |tree: Oid, mode: Option<Mode>, bytes: u64| -> Result<Option<Vec<u8>>, EngineError> {
                    if mode.is_none() || mode == Some(Mode::Submodule) {
                        return Ok(None);
                    }
                    if bytes >= LARGE_FILE_BYTES {
                        // Kept in chunks; no gate lets a file of this size through, whatever is in it.
                        return Ok(Some(vec![0; MAX_JUDGED]));
                    }
                    let entry = objects.entry_at(tree, &file.path)?;
                    let mut blob = entry.map(|e| objects.blob(e.id)).transpose()?;
                    if let Some(blob) = &mut blob {
                        blob.truncate(MAX_JUDGED);
                    }
                    Ok(blob)
                };
            let status = match (file.old_mode, file.new_mode) {
                (None, _) => FileStatus::Added,
                (_, None) => FileStatus::Deleted,
                _ => FileStatus::Modified,
            };
            files.push(ChangedFile {
                status,
                old_mode: octal(file.old_mode),
                mode: octal(file.new_mode),
                old: content(old, file.old_mode, file.old_bytes)?,
                new: content(new, file.new_mode, file.new_bytes)?,
                path: file.path.clone(),
            });
        }
        Ok(Change { files })
    }
}

fn octal(mode: Option<Mode>) -> u32 {
    mode.and_then(|m| u32::from_str_radix(m.octal(), 8).ok()).unwrap_or(0)
}
